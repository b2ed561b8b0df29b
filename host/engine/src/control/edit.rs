//! Changes of mappings, each a step of the history, and learning.

use super::learn::Learning;
use super::line::Line;
use super::mappings::Known;
use super::plans::Plans;
use super::resolve::Draft;
use super::target::TargetKey;
use super::{Compiled, MappingCondition};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::session::{MappingEntry, RangeEnd};
use crosspoint_graph::EdgeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A change of the mappings. Places are those in the snapshot's list, from 0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MappingEdit {
    /// Adds a mapping after the last one.
    Add(MappingEntry),
    /// Puts a mapping in the place of another.
    Change {
        /// Which.
        place: usize,
        /// What it is from now on.
        mapping: MappingEntry,
    },
    /// Removes a mapping.
    Remove {
        /// Which.
        place: usize,
    },
}

/// The control thread's half of the mappings.
pub(crate) struct Control {
    pub(super) line: Line,
    pub(super) compiled: Arc<Compiled>,
    pub(super) draft: Draft,
    /// What the audio thread has of each target, as far as it was told or has told.
    pub(super) known: BTreeMap<TargetKey, Known>,
    /// The plans that the renderer has for scenes.
    pub(super) plans: Plans,
    /// Names of scenes and songs, by number.
    names: Vec<String>,
    /// Whether messages have moved faders of groups or mixes of which the renderer has not heard.
    pub faders_moved: bool,
    /// The edges whose crosspoints are kept in the schedule; none if that is to be said anew.
    pub(super) kept: Option<Vec<EdgeId>>,
    pub(super) learning: Option<Learner>,
    /// Whether a graph was sent since messages were last followed.
    pub republished: bool,
    /// Whether one had been sent between the last two times.
    pub(super) republished_before: bool,
}

/// What is learned, and for what.
pub(super) struct Learner {
    pub heard: Learning,
    mapping: Option<Box<MappingEntry>>,
}

impl Control {
    pub fn new(line: Line) -> Self {
        Self {
            line,
            compiled: Arc::default(),
            draft: Draft::default(),
            known: BTreeMap::new(),
            plans: Plans::default(),
            names: Vec::new(),
            faders_moved: false,
            kept: None,
            learning: None,
            republished: false,
            republished_before: false,
        }
    }

    /// The renderer is another one, which knows nothing.
    pub fn begin_anew(&mut self) {
        self.kept = None;
        self.plans = Plans::default();
    }

    /// Whether a graph was sent that may have crossed with what the renderer tells in this poll.
    pub fn was_republished(&self) -> bool {
        self.republished || self.republished_before
    }

    /// The number of a name, the same for ever.
    pub(super) fn number_of(&mut self, name: &str) -> u16 {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        // More names than that nobody gives.
        place as u16
    }

    pub(super) fn name_of(&self, number: u16) -> Option<&str> {
        self.names.get(usize::from(number)).map(String::as_str)
    }
}

impl<P: Plugins> Engine<P> {
    /// What MIDI messages control. How it is with each is in [`Snapshot::mappings`](crate::Snapshot::mappings).
    pub fn mappings(&self) -> &[MappingEntry] {
        &self.rig.rest.mappings
    }

    /// Adds, changes or removes a mapping: a step of the history.
    ///
    /// # Errors
    /// [`EngineError::UnknownMapping`], [`EngineError::Mapping`]; nothing is changed then. What a mapping speaks of need not
    /// be there.
    pub fn edit_mappings(&mut self, edit: MappingEdit) -> Result<(), EngineError> {
        let count = self.rig.rest.mappings.len();
        let known = |place: usize| (place < count).then_some(place).ok_or(EngineError::UnknownMapping { place, count });
        let mut mappings = self.rig.rest.mappings.clone();
        match edit {
            MappingEdit::Add(mapping) => mappings.push(checked(mapping)?),
            MappingEdit::Change { place, mapping } => mappings[known(place)?] = checked(mapping)?,
            MappingEdit::Remove { place } => drop(mappings.remove(known(place)?)),
        }
        self.change_mappings(mappings);
        Ok(())
    }

    /// Learns the next control that is moved on any role with a MIDI port: [`Notice::Learned`] tells which. With a mapping,
    /// that is added, with its role and message replaced by what was learned. Until then, or until
    /// [`Self::stop_learning`], messages are played and control nothing.
    pub fn start_learning(&mut self, mapping: Option<MappingEntry>) {
        self.control.learning = Some(Learner { heard: Learning::default(), mapping: mapping.map(Box::new) });
        self.snapshot.outdate();
        self.tell_control();
    }

    /// Learns no longer: [`Notice::LearningStopped`] tells those who wait.
    pub fn stop_learning(&mut self) {
        if self.control.learning.is_some() {
            self.end_learning();
            self.notices.push(Notice::LearningStopped);
        }
    }

    fn end_learning(&mut self) {
        self.control.learning = None;
        self.snapshot.outdate();
        self.tell_control();
    }

    /// Ends learning once it is clear what was heard.
    pub(super) fn learn_if_clear(&mut self) {
        let (frame, rate) = (self.publisher.frame(), self.settings.rate);
        let Some(learner) = &mut self.control.learning else { return };
        let Some((role, message)) = learner.heard.learned(frame, rate) else { return };
        let mapping = learner.mapping.take();
        self.end_learning();
        let Some(role) = self.midi.role_name(role).map(str::to_owned) else {
            self.notices.push(Notice::LearningStopped);
            return;
        };
        let mut place = None;
        if let Some(mapping) = mapping {
            match self.edit_mappings(MappingEdit::Add(MappingEntry { role: role.clone(), message, ..*mapping })) {
                Ok(()) => place = self.rig.rest.mappings.len().checked_sub(1),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        self.notices.push(Notice::Learned { role, message, mapping: place });
    }

    /// The roles whose mappings hear nothing, as no port of theirs is open: what to look for before playing.
    pub fn unheard_roles(&self) -> Vec<String> {
        let conditions = self.control.draft.conditions.iter();
        let mut roles: Vec<String> = (self.rig.rest.mappings.iter().zip(conditions))
            .filter(|(_, condition)| **condition == MappingCondition::NoPort)
            .map(|(mapping, _)| mapping.role.clone())
            .collect();
        roles.sort();
        roles.dedup();
        roles
    }
}

fn checked(mapping: MappingEntry) -> Result<MappingEntry, EngineError> {
    let is_sound = |end: &RangeEnd| match *end {
        RangeEnd::Plain(value) => value.is_finite(),
        RangeEnd::Decibels(decibels) => decibels < f64::INFINITY,
    };
    let is_finite = mapping.range.is_none_or(|(from, to)| is_sound(&from) && is_sound(&to));
    let problem = if mapping.role.is_empty() {
        "has no role; give the one of the MIDI ports that it listens to"
    } else if !(mapping.step > 0.0 && mapping.step <= 1.0) {
        "has a step that is not above 0 and at most 1"
    } else if !is_finite {
        "has a range that is not finite"
    } else {
        return Ok(mapping);
    };
    Err(EngineError::Mapping { problem })
}
