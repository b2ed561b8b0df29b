//! What MIDI messages control, as a document.

use crosspoint::{MappingCondition, MappingsSnapshot};
use serde::Serialize;
use serde_json::Value;

/// The mappings and how it is with them.
#[derive(Serialize)]
pub struct Mappings {
    mappings: Vec<Mapping>,
    /// Whether the next message is learned, and controls nothing.
    is_learning: bool,
    /// The roles whose mappings hear nothing, as no port of theirs is open.
    unheard_roles: Vec<String>,
}

#[derive(Serialize)]
struct Mapping {
    /// From 1.
    place: usize,
    /// The keys of a rig file's `[[mapping]]` table.
    mapping: Value,
    /// `acts`, `rests` (it waits for one of its scenes), `no_port` or `missing`.
    condition: &'static str,
    /// What is missing, and what to do.
    reason: Option<String>,
    /// What its target has, in the plain scale.
    value: Option<f64>,
}

impl Mappings {
    /// Those of a snapshot.
    pub fn of(snapshot: &MappingsSnapshot) -> Self {
        let mapping = |(place, known): (usize, &crosspoint::MappingSnapshot)| {
            let (condition, reason) = match &known.condition {
                MappingCondition::Rests => ("rests", None),
                MappingCondition::NoPort => ("no_port", None),
                MappingCondition::Missing { reason } => ("missing", Some(reason.clone())),
                _ => ("acts", None),
            };
            let mapping = serde_json::to_value(known.mapping.to_table()).unwrap_or_default();
            Mapping { place: place + 1, mapping, condition, reason, value: known.value }
        };
        Self {
            mappings: snapshot.mappings.iter().enumerate().map(mapping).collect(),
            is_learning: snapshot.is_learning,
            unheard_roles: snapshot.unheard_roles.clone(),
        }
    }
}
