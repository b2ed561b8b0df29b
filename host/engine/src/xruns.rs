//! The log of xruns: when periods were lost, and who is likely to have made the rig late. A stretch of them with one culprit
//! is one entry, and the log has a bound: there may be hundreds a second.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::notice::Notice;
use crosspoint_graph::{Culprit, NodeId, XrunKind};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Entries that the log has room for; the oldest go.
const ENTRIES: usize = 256;
/// Xruns of one culprit that are less than so many seconds apart are one entry.
const STRETCH: f64 = 1.0;

/// Xruns with one culprit, one or many of them at a stretch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct XrunEntry {
    /// The time of day of the first, to a few milliseconds.
    pub time: SystemTime,
    /// Steady frame of the first block that came late, or after which the device reported it.
    pub frame: u64,
    /// Of the last.
    pub last_frame: u64,
    /// How many the device reported.
    pub reported: u64,
    /// How many blocks took longer than they last. One that was missed and then reported counts in both.
    pub missed: u64,
    /// What the worst of the blocks took of its deadline, 1 being all of it; 0 if nobody took the time.
    pub share: f32,
    /// Who is likely to be to blame.
    pub culprit: XrunCulprit,
}

/// Who is likely to be to blame for an xrun.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum XrunCulprit {
    /// A node that took far longer than it usually does. So does one in whose midst the system took the processor away: if
    /// it is another node each time, it is none of them.
    Node {
        /// The node.
        node: NodeId,
        /// Its name then.
        name: String,
        /// Its part of the deadline.
        share: f32,
        /// The part that it usually takes.
        usual: f32,
    },
    /// The rig: it usually takes most of the time that there is.
    Rig,
    /// Nothing of the rig stands out: the system or the driver.
    Outside,
    /// Nobody took the time.
    Unknown,
}

impl XrunCulprit {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Node { node: one, .. }, Self::Node { node: other, .. }) => one == other,
            (one, other) => one == other,
        }
    }
}

/// The log.
#[derive(Debug)]
pub(crate) struct XrunLog {
    entries: VecDeque<XrunEntry>,
    shown: Option<Arc<[XrunEntry]>>,
    /// How many of them, the last ones, count the frames of the renderer at hand.
    current: usize,
    /// The time of day.
    pub now: fn() -> SystemTime,
}

impl Default for XrunLog {
    fn default() -> Self {
        Self { entries: VecDeque::new(), shown: None, current: 0, now: SystemTime::now }
    }
}

impl XrunLog {
    /// Takes an xrun in. Says whether it is a new entry.
    fn take(&mut self, entry: XrunEntry, stretch: u64) -> bool {
        self.shown = None;
        let goes_on = |last: &&mut XrunEntry| {
            let since = entry.frame.checked_sub(last.last_frame);
            last.culprit.is_same(&entry.culprit) && since.is_some_and(|since| since <= stretch)
        };
        if let Some(last) = self.entries.iter_mut().rev().take(self.current).find(goes_on) {
            last.last_frame = entry.frame;
            last.reported += entry.reported;
            last.missed += entry.missed;
            if entry.share > last.share {
                (last.share, last.culprit) = (entry.share, entry.culprit);
            }
            return false;
        }
        if self.entries.len() == ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.current = (self.current + 1).min(ENTRIES);
        true
    }

    /// A fresh renderer counts its frames from 0: nothing goes on.
    pub fn begin_anew(&mut self) {
        self.current = 0;
    }

    /// The entries, the oldest first.
    pub fn shown(&mut self) -> Arc<[XrunEntry]> {
        let Self { entries, shown, .. } = self;
        shown.get_or_insert_with(|| entries.iter().cloned().collect()).clone()
    }
}

impl<P: Plugins> Engine<P> {
    /// The xruns since they were [cleared](Self::clear_xruns), the oldest first: the last 256 stretches of them.
    pub fn xrun_log(&mut self) -> Arc<[XrunEntry]> {
        self.xrun_log.shown()
    }

    /// Forgets all xruns of the log. What the device has counted stays.
    pub fn clear_xruns(&mut self) {
        self.xrun_log = XrunLog { now: self.xrun_log.now, ..XrunLog::default() };
        self.snapshot.outdate();
    }

    pub(crate) fn note_xrun(&mut self, frame: u64, kind: XrunKind, share: f32, culprit: Option<Culprit>) {
        let rate = f64::from(self.settings.rate);
        let ago = self.publisher.frame().saturating_sub(frame) as f64 / rate;
        let now = (self.xrun_log.now)();
        let time = now.checked_sub(Duration::from_secs_f64(ago)).unwrap_or(now);
        let (reported, missed) = match kind {
            XrunKind::Reported(count) => (u64::from(count), 0),
            _ => (0, 1),
        };
        let culprit = match culprit {
            Some(Culprit::Node { node, share, usual }) => {
                XrunCulprit::Node { node, name: self.name(node), share, usual }
            }
            Some(Culprit::Rig) => XrunCulprit::Rig,
            Some(_) => XrunCulprit::Outside,
            None => XrunCulprit::Unknown,
        };
        let entry = XrunEntry { time, frame, last_frame: frame, reported, missed, share, culprit };
        if self.xrun_log.take(entry.clone(), (STRETCH * rate) as u64) {
            self.notices.push(Notice::Xrun(entry));
        }
        self.snapshot.outdate();
    }
}

#[cfg(test)]
mod tests;
