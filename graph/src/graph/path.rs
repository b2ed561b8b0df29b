//! Paths and cycles of the graph without its feedback edges. Only reads, and needs no deep stack however long a chain.

use super::Topology;
use petgraph::algo::astar;
use petgraph::stable_graph::NodeIndex;
use petgraph::visit::{EdgeFiltered, EdgeRef};

/// A shortest path, both ends included.
pub(super) fn shortest(topology: &Topology, from: NodeIndex, to: NodeIndex) -> Option<Vec<NodeIndex>> {
    let forward = EdgeFiltered::from_fn(topology, |edge| edge.weight().1.feedback.is_none());
    astar(&forward, from, |node| node == to, |_| 1_u32, |_| 0).map(|(_, path)| path)
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Unseen,
    /// On the path from the root to where the search is.
    Open,
    /// No cycle can be reached from here.
    Done,
}

/// A cycle that can be reached from one of the roots, each node once, in the direction of its edges.
pub(super) fn cycle(topology: &Topology, roots: impl Iterator<Item = NodeIndex>) -> Option<Vec<NodeIndex>> {
    let mut visits = vec![Visit::Unseen; petgraph::visit::NodeIndexable::node_bound(topology)];
    let mut open = Vec::new();
    for root in roots {
        if visits[root.index()] != Visit::Unseen {
            continue;
        }
        visits[root.index()] = Visit::Open;
        open.push((root, topology.edges(root)));
        while let Some((node, edges)) = open.last_mut() {
            let node = *node;
            let Some(edge) = edges.find(|edge| edge.weight().1.feedback.is_none()) else {
                visits[node.index()] = Visit::Done;
                open.pop();
                continue;
            };
            let target = edge.target();
            match visits[target.index()] {
                Visit::Unseen => {
                    visits[target.index()] = Visit::Open;
                    open.push((target, topology.edges(target)));
                }
                Visit::Open => return shortest(topology, target, node),
                Visit::Done => {}
            }
        }
    }
    None
}
