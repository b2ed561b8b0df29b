//! The control thread's view of tracks: where they are, and what was not there in time.

use super::Shared;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::notice::Notice;
use crosspoint_graph::NodeId;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How often it is asked whether a file is in memory.
const LOOK: Duration = Duration::from_millis(2);

/// A track as it is known beside its player.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(super) shared: Arc<Shared>,
    rate: u32,
    length: u64,
    /// What was told already.
    underruns: u64,
    missing: u64,
    has_failed: bool,
}

impl Track {
    pub fn new(shared: Arc<Shared>, rate: u32, length: u64) -> Self {
        Self { shared, rate, length, underruns: 0, missing: 0, has_failed: false }
    }

    /// Waits until all of the file is in memory, or what of it can be read.
    fn wait_for_all(&self) {
        self.shared.wants_all.store(true, Ordering::Release);
        while !self.shared.has_all.load(Ordering::Acquire) && !self.shared.quit.load(Ordering::Acquire) {
            std::thread::sleep(LOOK);
        }
    }

    fn release(&self) {
        self.shared.wants_all.store(false, Ordering::Release);
        self.shared.has_all.store(false, Ordering::Release);
    }
}

/// The audio file of a player, as it is at any moment: each call asks anew.
#[derive(Clone, Debug)]
pub struct TrackSnapshot {
    node: NodeId,
    track: Track,
}

impl TrackSnapshot {
    /// The player.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Seconds of the file.
    pub fn length(&self) -> f64 {
        self.track.length as f64 / f64::from(self.track.rate)
    }

    /// The second of the file that is played next, or would be if it started; before the file it is negative, and behind
    /// its end greater than its length.
    pub fn position(&self) -> f64 {
        self.track.shared.at.load(Ordering::Relaxed) as f64 / f64::from(self.track.rate)
    }

    /// How often something of the file was not there in time.
    pub fn underruns(&self) -> u64 {
        self.track.shared.underruns.load(Ordering::Relaxed)
    }

    /// Seconds of silence that were heard for that.
    pub fn missing(&self) -> f64 {
        self.track.shared.missing.load(Ordering::Relaxed) as f64 / f64::from(self.track.rate)
    }
}

impl<P: Plugins> Engine<P> {
    /// Waits until the files of all players are in memory, so that rendering faster than they are read misses nothing of
    /// them. [`Self::render`] does it by itself.
    pub fn load_tracks(&mut self) {
        self.tracks.values().for_each(|track| track.shared.wants_all.store(true, Ordering::Release));
        self.tracks.values().for_each(Track::wait_for_all);
    }

    /// Lets go of what [`Self::load_tracks`] has loaded, but for what is about to be played.
    pub fn release_tracks(&mut self) {
        self.tracks.values().for_each(Track::release);
    }

    pub(crate) fn shown_tracks(&self) -> Arc<[TrackSnapshot]> {
        let is_there = |node: &NodeId| self.graph.node(*node).is_some();
        let tracks = self.tracks.iter().filter(|(node, _)| is_there(node));
        tracks.map(|(&node, track)| TrackSnapshot { node, track: track.clone() }).collect()
    }

    /// Tells what of tracks was not there in time, and which cannot be read.
    pub(crate) fn hear_tracks(&mut self) {
        let Self { tracks, graph, notices, .. } = self;
        // Undo may bring back what is not in the graph, until its player is gone.
        tracks.retain(|node, track| graph.node(*node).is_some() || !track.shared.quit.load(Ordering::Acquire));
        for (&node, track) in tracks {
            let name = || graph.node(node).map_or_else(|| node.to_string(), |known| known.name.clone());
            let underruns = track.shared.underruns.load(Ordering::Relaxed);
            let missing = track.shared.missing.load(Ordering::Relaxed);
            if underruns != track.underruns {
                let seconds = missing.saturating_sub(track.missing) as f64 / f64::from(track.rate);
                notices.push(Notice::TrackLate { node, name: name(), count: underruns - track.underruns, seconds });
            }
            (track.underruns, track.missing) = (underruns, missing);
            if track.has_failed {
                continue;
            }
            if let Some(reason) = track.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
                track.has_failed = true;
                notices.push(Notice::TrackUnreadable { node, name: name(), reason });
            }
        }
    }
}
