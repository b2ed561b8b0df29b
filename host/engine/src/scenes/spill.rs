//! What a scene switches off rings on: which nodes get no sound any more by its crosspoints. Sends nothing.

use super::value::{Key, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crosspoint_graph::{NodeId, NodeKind};
use std::collections::{BTreeSet, HashMap};

impl<P: Plugins> Engine<P> {
    /// The nodes that no sound reaches once crosspoints and nodes have these values, or are as they are where there is none:
    /// from no input of the rig, and from no node that nothing leads to, which sounds by itself; and those that are away.
    /// What leads from them may close later.
    pub(super) fn left_to_ring(&self, value: impl Fn(Key) -> Option<Value>) -> BTreeSet<NodeId> {
        if self.spillover_frames() == 0 {
            return BTreeSet::new();
        }
        let mut open: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        let mut fed: BTreeSet<NodeId> = BTreeSet::new();
        for (id, edge) in self.graph.edges() {
            let Some(matrix) = edge.matrix() else { continue };
            let is_open = matrix.cells().any(|(source, destination, cell)| {
                let cell = match value(Key::Cell(id, source, destination)) {
                    Some(Value::Cell(cell)) => cell,
                    _ => cell,
                };
                cell.effective() != 0.0
            });
            fed.insert(edge.destination.node);
            if is_open {
                open.entry(edge.source.node).or_default().push(edge.destination.node);
            }
        }
        let is_away = |id: &NodeId| match value(Key::Present(*id)) {
            Some(Value::Present(on)) => !on,
            _ => !self.is_present(*id),
        };
        let away: BTreeSet<NodeId> = self.graph.nodes().map(|(id, _)| id).filter(is_away).collect();
        let is_source = |id: &NodeId| !fed.contains(id) && !away.contains(id);
        let mut sounding: BTreeSet<NodeId> = self.graph.nodes().map(|(id, _)| id).filter(is_source).collect();
        let mut next: Vec<NodeId> = sounding.iter().copied().collect();
        while let Some(node) = next.pop() {
            let reached = open.get(&node).into_iter().flatten();
            let reached = reached.copied().filter(|destination| !away.contains(destination));
            next.extend(reached.filter(|&destination| sounding.insert(destination)));
        }
        let is_processor = |id: &NodeId| self.graph.node(*id).is_some_and(|node| node.kind == NodeKind::Processor);
        fed.union(&away).copied().filter(|id| !sounding.contains(id) && is_processor(id)).collect()
    }
}
