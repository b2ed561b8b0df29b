//! Autosave: what is loaded and how it is, written to a recovery file while the rig plays. Asks a plugin for its state only
//! if that may have changed, one plugin at a time, never while a scene gives way to another, and not at all under the
//! performance lock. Never writes the rig's own file; never waits for a plugin or for the disk.

mod ledger;
#[cfg(test)]
mod tests;

use crate::asking::Asked;
use crate::controllers::{Plugins, Request};
use crate::engine::Engine;
use crate::notice::Notice;
use crate::session::{Document, Whereabouts, write_recovery};
use crosspoint_formats::PluginError;
use crosspoint_graph::NodeId;
use ledger::Ledger;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How long after a switch and its fade no plugin is asked.
const REST: Duration = Duration::from_secs(1);

/// Where and how often to save.
#[derive(Clone, Debug)]
pub struct AutosavePlace {
    /// The recovery file: [`RecoveryFile::path`](crate::session::RecoveryFile::path).
    pub file: PathBuf,
    /// How long after a save the next is made, if anything has changed.
    pub every: Duration,
    /// What the program wants to know again.
    pub program: BTreeMap<String, Vec<String>>,
}

/// How it is with autosave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutosaveState {
    /// When the rig was saved last; none if it never was.
    pub saved: Option<SystemTime>,
    /// Whether the performance lock is on: nothing is saved.
    pub is_locked: bool,
}

/// What the control half knows of it.
#[derive(Default)]
pub(crate) struct Autosave {
    place: Option<AutosavePlace>,
    state: AutosaveState,
    ledger: Ledger,
    /// The plugins that are still to be asked, if a save is under way, and whether one was asked and has not answered.
    round: Option<(VecDeque<NodeId>, bool)>,
    /// What was written last, and what is being written.
    written: Option<(Document, Whereabouts)>,
    writing: Option<JoinHandle<Result<(), String>>>,
    failure: Option<String>,
    due: Option<Instant>,
    rests_until: Option<Instant>,
}

impl Autosave {
    pub fn state(&self) -> AutosaveState {
        self.state
    }

    /// A switch begins that lasts so long.
    pub fn rest(&mut self, fade: Option<f64>) {
        let fade = Duration::try_from_secs_f64(fade.unwrap_or(0.0)).unwrap_or_default();
        self.rests_until = Some(Instant::now() + fade + REST);
    }

    /// A plugin says, or is known, to be no longer as its state says.
    pub fn note_change(&mut self, node: NodeId) {
        self.ledger.note_change(node);
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }
}

impl Drop for Autosave {
    fn drop(&mut self) {
        // What is being written is written to its end.
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Saves the rig and what plays of it to a recovery file from now on, or no longer. [`Engine::poll`] does it.
    pub fn set_autosave(&mut self, place: Option<AutosavePlace>) {
        (self.autosave.place, self.autosave.due, self.autosave.written) = (place, None, None);
    }

    /// How it is with autosave.
    pub fn autosave(&self) -> AutosaveState {
        self.autosave.state
    }

    /// Puts the performance lock on, or takes it off: meanwhile no plugin is asked for its state and nothing is saved.
    pub fn set_performance_lock(&mut self, on: bool) {
        self.autosave.state.is_locked = on;
        self.snapshot.outdate();
    }

    /// A rig was loaded: its plugins are as its file says.
    pub(crate) fn begin_ledger(&mut self) {
        let plugins = self.records.iter().filter_map(|(&node, record)| Some((node, record.description.as_ref()?)));
        self.autosave.ledger = Ledger::of(plugins);
        self.autosave.round = None;
    }

    /// Does what is due at a moment.
    pub(crate) fn tend_autosave(&mut self, now: Instant) {
        self.hear_writer();
        let Some(place) = &self.autosave.place else { return };
        let is_held = self.autosave.state.is_locked || self.is_switching() || self.autosave.rests(now);
        if is_held || self.assembly.is_some() || self.autosave.writing.is_some() {
            return;
        }
        match &mut self.autosave.round {
            None if self.autosave.due.is_some_and(|due| now < due) => {}
            None => {
                self.autosave.due = Some(now + place.every);
                let graph = &self.graph;
                let there = self.records.iter().filter(|(node, _)| graph.node(**node).is_some());
                let plugins = there.filter_map(|(&node, record)| Some((node, record.description.as_ref()?)));
                let changed = plugins.filter(|(node, plugin)| self.autosave.ledger.is_changed(*node, plugin));
                self.autosave.round = Some((changed.map(|(node, _)| node).collect(), false));
            }
            Some((_, true)) if self.autosave.due.is_some_and(|due| now < due) => {}
            Some((_, is_asked @ true)) => {
                // It may never answer: the others have their turn, and what is known so far is written.
                *is_asked = false;
                self.autosave.due = Some(now + place.every);
                self.write_recovery_file();
            }
            Some((left, is_asked)) => match left.pop_front() {
                Some(node) => {
                    let Some(record) = self.records.get(&node) else { return };
                    if let Some(description) = &record.description {
                        *is_asked = true;
                        self.autosave.ledger.note_asked(node, description);
                        let key = record.key;
                        let ticket = self.ticket(Asked::Autosave(node));
                        self.ask(Request::SaveStates { ticket, keys: vec![key] });
                    }
                }
                None => {
                    self.autosave.round = None;
                    self.write_recovery_file();
                }
            },
        }
    }

    /// A plugin has given its state.
    pub(crate) fn autosave_state(&mut self, node: NodeId, state: Option<Result<Vec<u8>, PluginError>>) {
        if let Some((_, is_asked)) = &mut self.autosave.round {
            *is_asked = false;
        }
        self.refresh_entry(node, state);
    }

    /// Has a thread write what is, if that is not what was written last.
    fn write_recovery_file(&mut self) {
        let Some(AutosavePlace { file, program, .. }) = self.autosave.place.clone() else { return };
        let document = self.document_with(Vec::new());
        let (scene, position) = self.playing_now();
        let edits = self.unstored_edits();
        let rig = self.rig.file.clone();
        let now = (document, Whereabouts { rig, scene, position, edits, program });
        if self.autosave.written.as_ref() == Some(&now) {
            return;
        }
        let (document, whereabouts) = now.clone();
        let write = move || write_recovery(document, whereabouts, &file);
        match std::thread::Builder::new().name("autosave".to_owned()).spawn(write) {
            Ok(writing) => (self.autosave.writing, self.autosave.written) = (Some(writing), Some(now)),
            Err(error) => self.note_autosave_failure(error.to_string()),
        }
    }

    fn hear_writer(&mut self) {
        if !self.autosave.writing.as_ref().is_some_and(JoinHandle::is_finished) {
            return;
        }
        let Some(writing) = self.autosave.writing.take() else { return };
        match writing.join().unwrap_or_else(|_| Err("the writer failed".to_owned())) {
            Ok(()) => {
                (self.autosave.state.saved, self.autosave.failure) = (Some(SystemTime::now()), None);
                self.snapshot.outdate();
            }
            Err(reason) => {
                self.autosave.written = None;
                self.note_autosave_failure(reason);
            }
        }
    }

    /// Told once, not with every attempt.
    fn note_autosave_failure(&mut self, reason: String) {
        if self.autosave.failure.as_ref() != Some(&reason) {
            self.autosave.failure = Some(reason.clone());
            self.notices.push(Notice::AutosaveFailed { reason });
        }
    }
}
