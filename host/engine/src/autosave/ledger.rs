//! Which plugins may be otherwise than their last known states say: by their parameters, or by their own word. Asks nobody.

use crate::controllers::PluginDescription;
use crosspoint_graph::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of states.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The values of settable parameters when the state was asked for, or came from a file.
    values: BTreeMap<NodeId, Vec<f64>>,
    /// Plugins that are otherwise since then, whatever their parameters say.
    changed: BTreeSet<NodeId>,
}

/// What of a plugin people can set: meters move by themselves.
fn settable(plugin: &PluginDescription) -> Vec<f64> {
    let known = plugin.parameters.iter().zip(&plugin.values);
    known.filter(|(known, _)| !known.flags.read_only).map(|(_, &value)| value).collect()
}

impl Ledger {
    /// All of these plugins are as a file says.
    pub fn of<'p>(plugins: impl Iterator<Item = (NodeId, &'p PluginDescription)>) -> Self {
        Self { values: plugins.map(|(node, plugin)| (node, settable(plugin))).collect(), changed: BTreeSet::new() }
    }

    pub fn note_change(&mut self, node: NodeId) {
        self.changed.insert(node);
    }

    /// A plugin is asked for its state now.
    pub fn note_asked(&mut self, node: NodeId, plugin: &PluginDescription) {
        self.changed.remove(&node);
        self.values.insert(node, settable(plugin));
    }

    /// Whether the state of a plugin may be another than the one known. That of one which nobody knows is.
    pub fn is_changed(&self, node: NodeId, plugin: &PluginDescription) -> bool {
        self.changed.contains(&node) || self.values.get(&node) != Some(&settable(plugin))
    }
}
