//! The values of a rig that a scene may have. Reads what the engine knows, never asks a plugin.

use crate::builtin;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::matrix::FaderKey;
use crate::session::{EntryKind, Fader};
use crosspoint_graph::{Cell, EdgeId, NodeId};
use std::collections::BTreeMap;

/// What may differ between scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Tempo,
    Metre,
    /// Of a group or mix.
    Fader(FaderKey),
    Bypass(NodeId),
    Present(NodeId),
    /// By its id.
    Parameter(NodeId, u32),
    /// By source and destination channel.
    Cell(EdgeId, u32, u32),
}

/// Its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Tempo(f64),
    Metre(u16, u16),
    Fader(Fader),
    Bypassed(bool),
    Present(bool),
    /// In the plain scale.
    Parameter(f64),
    Cell(Cell),
}

/// Values of a rig, or of a part of it.
pub(crate) type Setting = BTreeMap<Key, Value>;

/// What a crosspoint that a scene has is in a rig that does not have it.
pub(crate) const ABSENT: Cell = Cell { gain: 0.0, mute: false, invert: false };

impl<P: Plugins> Engine<P> {
    /// All values as the engine knows them.
    pub(super) fn live(&self) -> Setting {
        let (beats, value) = self.rig.metre;
        let mut live =
            Setting::from([(Key::Tempo, Value::Tempo(self.rig.tempo)), (Key::Metre, Value::Metre(beats, value))]);
        live.extend(self.faders().map(|(key, fader)| (Key::Fader(key), Value::Fader(fader))));
        for (node, _) in self.graph.nodes() {
            let parameter = |(id, value)| (Key::Parameter(node, id), Value::Parameter(value));
            if self.can_be_bypassed(node) {
                live.insert(Key::Bypass(node), Value::Bypassed(self.is_bypassed(node)));
            }
            if self.can_be_away(node) {
                live.insert(Key::Present(node), Value::Present(self.is_present(node)));
            }
            if let Some(record) = self.records.get(&node) {
                let Some(description) = &record.description else { continue };
                let values = description.parameters.iter().zip(&description.values);
                let settable = values.filter(|(known, _)| !known.flags.read_only);
                live.extend(settable.map(|(known, &value)| parameter((known.id, value))));
            } else if let Some(EntryKind::Builtin { builtin, .. }) =
                self.rig.entries.get(&node).map(|entry| &entry.kind)
            {
                let initial = builtin::parameters(builtin).into_iter();
                live.extend(
                    initial.filter_map(|(_, id)| builtin::initial(builtin, id).map(|value| parameter((id, value)))),
                );
                live.extend(self.rig.values(node).into_iter().map(parameter));
            }
        }
        for (edge, known) in self.graph.edges() {
            let cells = known.matrix().into_iter().flat_map(|matrix| matrix.cells());
            live.extend(
                cells.map(|(source, destination, cell)| (Key::Cell(edge, source, destination), Value::Cell(cell))),
            );
        }
        live
    }
}
