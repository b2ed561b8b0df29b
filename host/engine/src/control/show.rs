//! Mappings as a snapshot shows them.

use super::resolve::MappingCondition;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::session::MappingEntry;

/// What MIDI messages control at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MappingsSnapshot {
    /// The mappings in their order.
    pub mappings: Vec<MappingSnapshot>,
    /// Whether the next message is learned, and controls nothing.
    pub is_learning: bool,
    /// The roles whose mappings hear nothing, as no port of theirs is open.
    pub unheard_roles: Vec<String>,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MappingSnapshot {
    /// The mapping.
    pub mapping: MappingEntry,
    /// How it is with it.
    pub condition: MappingCondition,
    /// What its target has, in the plain scale; of a crosspoint the linear gain, of switches 0 or 1. None if there is no such
    /// target, or nothing that it could have.
    pub value: Option<f64>,
}

impl<P: Plugins> Engine<P> {
    pub(crate) fn shown_mappings(&self) -> MappingsSnapshot {
        let draft = &self.control.draft;
        let known = draft.conditions.iter().zip(&draft.keys);
        let mappings = self.rig.rest.mappings.iter().zip(known).map(|(mapping, (condition, key))| MappingSnapshot {
            mapping: mapping.clone(),
            condition: condition.clone(),
            value: key.filter(|key| !key.is_done()).map(|key| self.control_value(key)),
        });
        MappingsSnapshot {
            mappings: mappings.collect(),
            is_learning: self.control.learning.is_some(),
            unheard_roles: self.unheard_roles(),
        }
    }
}
