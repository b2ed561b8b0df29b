//! What leads to a node of a graph. Walks only.

use crosspoint_graph::{Edge, Graph, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// The nodes from which edges that count lead to a node: itself first, then the nearer ones before those further away.
pub(crate) fn upstream(graph: &Graph, node: NodeId, counts: impl Fn(&Edge) -> bool) -> Vec<NodeId> {
    let mut sources: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (_, edge) in graph.edges().filter(|(_, edge)| counts(edge)) {
        sources.entry(edge.destination.node).or_default().push(edge.source.node);
    }
    let (mut found, mut known) = (vec![node], BTreeSet::from([node]));
    let mut at = 0;
    while let Some(to) = found.get(at) {
        let new = sources.get(to).into_iter().flatten().copied().filter(|&source| known.insert(source));
        found.extend(new.collect::<Vec<_>>());
        at += 1;
    }
    found
}
