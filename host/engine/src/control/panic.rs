//! Panic: all that sounds ends at once.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_formats::midi::controller;
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::{Command, NOW, NodeId, NodeKind};

/// All sound off, controllers to their initial values.
const CONTROLLERS: [u8; 2] = [controller::ALL_SOUND_OFF, 121];

/// A node that takes events, and whether it plays them itself: an output of the hardware only hands them on.
pub(crate) type Panicking = (NodeId, bool);

/// What ends all that a node sounds: its notes end where they came from; what plays itself is silenced on every channel.
pub(super) fn commands((node, plays): Panicking) -> impl Iterator<Item = Command> {
    let event = move |body| Command::Event { node, event: Event { frame: 0, port: 0, body } };
    let messages = (0..16).flat_map(|channel| CONTROLLERS.map(|number| EventBody::Midi([0xB0 | channel, number, 0])));
    let all = std::iter::once(EventBody::NoteChoke { address: NoteAddress::ALL }).chain(messages);
    std::iter::once(Command::EndNotes { node }).chain(all.map(event).filter(move |_| plays))
}

impl<P: Plugins> Engine<P> {
    /// Ends all that sounds: held notes where they began, those of devices too, and all sound of every plugin that takes
    /// events, whose controllers are put back. What is played next sounds again.
    ///
    /// # Errors
    /// If nothing takes commands.
    pub fn panic(&mut self) -> Result<(), EngineError> {
        for node in self.panicking() {
            commands(node).try_for_each(|command| self.send_command(NOW, command))?;
        }
        Ok(())
    }

    /// The nodes that take events.
    pub(super) fn panicking(&self) -> Vec<Panicking> {
        let takes = self.graph.nodes().filter(|(_, node)| !node.event_inputs.is_empty());
        takes.map(|(id, node)| (id, matches!(node.kind, NodeKind::Processor))).collect()
    }
}
