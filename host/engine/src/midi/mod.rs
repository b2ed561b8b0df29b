//! MIDI devices by role: what the machine file or the embedder maps is opened when it is there, waited for when it is not,
//! and joined to the rig's event inputs and outputs of that role. Looks after ports on the control thread; on the audio
//! thread the [`stage`] does the rest.
//!
//! A port is named as [`Engine::midi_ports`] lists it, or by a part of that. `jack` is a port of the audio driver's own,
//! left to be connected by hand, `jack:CLIENT:PORT` one that is connected to that port whenever it is there.

mod clock;
mod lane;
mod route;
mod side;
mod stage;
mod translate;
mod wish;

pub(crate) use side::MidiSide;

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::notice::Notice;
use crate::session::{EntryKind, HardwareSignal, Mapping};
use crosspoint_devices::Period;
use crosspoint_devices::midi::{Direction, MidiBackend, TickClock};
use crosspoint_graph::{AudioCell, NodeId, RendererCell};
use stage::Stage;
use std::sync::Arc;

/// A role's MIDI port, and how it is with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidiConnection {
    /// Which way.
    pub direction: Direction,
    /// The role of the rig's event inputs or outputs.
    pub role: String,
    /// The name that was asked for.
    pub name: String,
    /// The full name of the port if it is open, none while it is waited for.
    pub open: Option<String>,
    /// Constant delay in frames between the device and the rig; 0 where the audio driver carries MIDI. None until it is
    /// open and a device plays.
    pub delay: Option<u32>,
}

/// What has become of a role's MIDI port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MidiEvent {
    /// It is open, or open again.
    Open {
        /// The port's full name.
        port: String,
    },
    /// It is gone; its notes are ended, and it is waited for.
    Lost,
    /// It cannot be opened for now, and is tried again.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

/// The MIDI ports that could be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MidiListing {
    /// Names, as [`Engine::open_midi`] and the machine file take them.
    pub inputs: Vec<String>,
    /// Likewise.
    pub outputs: Vec<String>,
    /// Why the system's own ports are not among them, if they cannot be listed.
    pub unavailable: Option<String>,
}

/// The callback of every device: takes what the rig and its MIDI need out of their cells, renders, puts it back.
///
/// # Real-time
/// For the callback.
pub(crate) fn render(cell: &RendererCell, midi: &AudioCell<Stage>, period: Period<'_>) {
    let mut period = Some(period);
    midi.with(|stage| period.take().map(|period| stage.render(cell, period)));
    // Were the stage absent, the rig would still play.
    if let Some(period) = period {
        cell.render(period.inputs, period.outputs, period.freewheel);
    }
}

/// The cell in which the audio thread's half of MIDI waits.
pub(crate) type StageCell = Arc<AudioCell<Stage>>;

impl<P: Plugins> Engine<P> {
    /// The MIDI ports there are: the system's, and those of the audio driver that plays, as `jack:CLIENT:PORT`.
    pub fn midi_ports(&mut self) -> MidiListing {
        self.midi.list(&mut self.device.stream)
    }

    /// Takes another way to reach MIDI devices than the system's, with the clock that stamps what comes in. For tests and
    /// for embedders with MIDI of their own. Ports that are open are closed.
    pub fn set_midi_backend(&mut self, backend: Box<dyn MidiBackend>, clock: TickClock) {
        self.midi.set_backend(backend, clock);
    }

    /// Joins a MIDI port to a role. It is opened by a later [`Self::poll`], once a device plays and the port is there;
    /// [`Notice::Midi`] tells. Several ports may have one role, and one port several.
    pub fn open_midi(&mut self, direction: Direction, role: &str, name: &str) {
        self.midi.open(direction, role, name);
        self.snapshot.outdate();
    }

    /// Closes all ports of a role. Notes that came in or went out through them are ended.
    pub fn close_midi(&mut self, direction: Direction, role: &str) {
        self.midi.close(direction, role);
        self.snapshot.outdate();
    }

    /// The ports of all roles.
    pub fn midi_connections(&self) -> Vec<MidiConnection> {
        self.midi.connections()
    }

    /// Opens what a mapping says, and closes what another rig's mapping said.
    pub(crate) fn map_midi(&mut self, mapping: &Mapping) {
        self.midi.map(mapping);
        self.snapshot.outdate();
    }

    /// The role of a node, if it is an input or an output of the hardware.
    pub fn role(&self, node: NodeId) -> Option<&str> {
        match &self.rig.entries.get(&node)?.kind {
            EntryKind::Input { role, .. } | EntryKind::Output { role, .. } => Some(role),
            _ => None,
        }
    }

    /// The nodes of event inputs or outputs, with their roles.
    fn event_ends(&self, direction: Direction) -> Vec<(&str, NodeId)> {
        let mut ends: Vec<(&str, NodeId)> = Vec::new();
        for (&node, entry) in &self.rig.entries {
            let role = match (&entry.kind, direction) {
                (EntryKind::Input { role, signal: HardwareSignal::Events }, Direction::Input)
                | (EntryKind::Output { role, signal: HardwareSignal::Events, .. }, Direction::Output) => role,
                _ => continue,
            };
            if self.graph.node(node).is_some() {
                ends.push((role, node));
            }
        }
        ends.sort_unstable();
        ends
    }

    /// Looks after the ports, and sends the audio thread what has changed.
    pub(crate) fn hear_midi(&mut self) {
        self.hear_clock();
        if self.midi.is_idle() {
            return;
        }
        self.midi.play_on(self.device.turn);
        let notices = self.midi.look(&mut self.device.stream);
        if !notices.is_empty() {
            self.snapshot.outdate();
        }
        self.notices.extend(notices.into_iter().map(|(direction, role, event)| Notice::Midi {
            direction,
            role,
            event,
        }));
        let lost = self.midi.take_lost(&mut self.device.stream);
        if lost > 0 {
            self.notices.push(Notice::MidiLost { count: lost });
        }
        let own = |ends: Vec<(&str, NodeId)>| -> Vec<(String, NodeId)> {
            ends.into_iter().map(|(role, node)| (role.to_owned(), node)).collect()
        };
        let inputs = own(self.event_ends(Direction::Input));
        let outputs = own(self.event_ends(Direction::Output));
        self.midi.send(inputs, outputs, self.clock_roles(), self.settings.rate);
    }
}
