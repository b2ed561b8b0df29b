//! Which nodes are there and which are away. What the rig says is the truth; the renderer is told, and tells what it switched
//! itself.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::EntryKind;
use crosspoint_graph::{Command, NOW, NodeId};

impl<P: Plugins> Engine<P> {
    /// As [`Self::set_present`], without a step of the history.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn give_present(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        self.node(node)?;
        if !self.can_be_away(node) {
            return Err(EngineError::AlwaysThere { name: self.name(node) });
        }
        self.note_present(node, on);
        self.snapshot.outdate();
        self.send_command(NOW, Command::Present { node, on })
    }

    /// Takes note of who is there.
    pub(crate) fn note_present(&mut self, node: NodeId, on: bool) {
        if self.can_be_away(node)
            && let Some(entry) = self.rig.entries.get_mut(&node)
        {
            entry.present = on;
        }
        self.begin_as_said(node);
    }

    pub(crate) fn is_present(&self, node: NodeId) -> bool {
        self.rig.entries.get(&node).is_none_or(|entry| entry.present)
    }

    /// Whether it could be away: a plugin, even a missing one, or a built-in node.
    pub(crate) fn can_be_away(&self, node: NodeId) -> bool {
        let is_end = |kind: &EntryKind| matches!(kind, EntryKind::Input { .. } | EntryKind::Output { .. });
        self.rig.entries.get(&node).is_some_and(|entry| !is_end(&entry.kind))
    }
}

#[cfg(test)]
mod tests;
