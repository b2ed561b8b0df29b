//! The graph of a rig: nodes, edges and their ids, with edits that are whole or not at all and return their inverse.
//! Never compiles, renders or holds a processor.

mod check;
mod edge;
mod edit;
pub(crate) mod flat;
mod matrix;
mod node;
mod path;
mod table;
mod transaction;

use crate::id::{EdgeId, NodeId};
pub use edge::{DEFAULT_FEEDBACK_FRAMES, Edge, Endpoint, MAX_FEEDBACK_FRAMES, Signal, Timing};
pub use edit::{Applied, Edit, EditError, PortKind};
use flat::Flat;
pub use matrix::{Cell, CellBlock, Matrix, MatrixError, Region};
pub use node::{Alignment, MAX_LATENCY, Node, NodeKind};
use petgraph::Direction;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use std::sync::Arc;
use table::Table;
pub use transaction::Transaction;

/// The most nodes that a graph may have.
pub const MAX_NODES: usize = 1 << 16;
/// The most edges that a graph may have.
pub const MAX_EDGES: usize = 1 << 18;
/// The most ports of one direction and signal that a node may have.
pub const MAX_PORTS: usize = 1024;

/// petgraph's graph with our ids beside the weights. Feedback edges are in it, and skipped where it must be acyclic.
type Topology = StableDiGraph<(NodeId, Node), (EdgeId, Edge)>;

/// The graph of a rig: nodes joined by edges, without a cycle unless a feedback edge is part of it.
///
/// Changed only by [`Graph::apply`] and [`Graph::edit`]. Two graphs are equal if they hold equal nodes and edges under
/// the same ids.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    topology: Topology,
    node_table: Table<NodeIndex>,
    edge_table: Table<EdgeIndex>,
    /// The same for the compiler, which may hold on to it: then an edit begins with a copy.
    flat: Arc<Flat>,
}

impl Graph {
    /// A graph without nodes, aligned by default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The node, unless it was removed.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.topology.node_weight(self.node_at(id)?).map(|(_, node)| node)
    }

    /// The edge, unless it was removed.
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.topology.edge_weight(self.edge_at(id)?).map(|(_, edge)| edge)
    }

    /// All nodes by position of their id.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.node_table.occupants().filter_map(|at| self.topology.node_weight(at)).map(|(id, node)| (*id, node))
    }

    /// All edges by position of their id, which is the order of sums and merges.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.edge_table.occupants().filter_map(|at| self.topology.edge_weight(at)).map(|(id, edge)| (*id, edge))
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.node_table.len()
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.edge_table.len()
    }

    /// Above the position of every node's id: the length of a table by [`NodeId::index`].
    pub fn node_bound(&self) -> usize {
        self.node_table.bound()
    }

    /// Above the position of every edge's id: the length of a table by [`EdgeId::index`].
    pub fn edge_bound(&self) -> usize {
        self.edge_table.bound()
    }

    /// Holds the ids of nodes and edges that are removed from now on: no newcomer stands in their place before they are
    /// [released](Self::release_removed). For who plays on for a while what is gone.
    pub fn hold_removed(&mut self) {
        self.node_table.hold();
        self.edge_table.hold();
    }

    /// Lets newcomers stand where nodes and edges were that are gone, save those that are kept.
    pub fn release_removed(&mut self, keeps_node: impl Fn(NodeId) -> bool, keeps_edge: impl Fn(EdgeId) -> bool) {
        self.node_table.release(|index, generation| keeps_node(NodeId { index, generation }));
        self.edge_table.release(|index, generation| keeps_edge(EdgeId { index, generation }));
    }

    /// The timing of edges that have none of their own.
    pub fn default_timing(&self) -> Timing {
        self.flat.default_timing
    }

    /// The graph as the compiler takes it.
    pub(crate) fn flat(&self) -> &Arc<Flat> {
        &self.flat
    }

    /// The edges that end at the node, feedback edges included, by position of their id. Allocates: to walk the whole
    /// graph, sort [`Self::edges`] into tables instead.
    pub fn edges_into(&self, node: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.edges_at(node, Direction::Incoming)
    }

    /// The edges that start at the node, feedback edges included, by position of their id. Allocates: to walk the whole
    /// graph, sort [`Self::edges`] into tables instead.
    pub fn edges_out_of(&self, node: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.edges_at(node, Direction::Outgoing)
    }

    /// A shortest path along edges, feedback edges left out: `from`, what lies between, `to`. One node if they are the
    /// same, `None` if there is no path or no such node.
    pub fn find_path(&self, from: NodeId, to: NodeId) -> Option<Vec<NodeId>> {
        Some(self.ids(&path::shortest(&self.topology, self.node_at(from)?, self.node_at(to)?)?))
    }

    fn edges_at(&self, node: NodeId, direction: Direction) -> impl Iterator<Item = (EdgeId, &Edge)> {
        let found = self.node_at(node).into_iter().flat_map(|at| self.topology.edges_directed(at, direction));
        let mut edges: Vec<_> = found
            .map(|edge| {
                let (id, edge) = edge.weight();
                (*id, edge)
            })
            .collect();
        edges.sort_unstable_by_key(|(id, _)| *id);
        edges.into_iter()
    }

    fn flat_mut(&mut self) -> &mut Flat {
        Arc::make_mut(&mut self.flat)
    }

    fn node_at(&self, id: NodeId) -> Option<NodeIndex> {
        self.node_table.get(id.index, id.generation)
    }

    fn edge_at(&self, id: EdgeId) -> Option<EdgeIndex> {
        self.edge_table.get(id.index, id.generation)
    }

    fn ids(&self, path: &[NodeIndex]) -> Vec<NodeId> {
        path.iter().filter_map(|at| self.topology.node_weight(*at)).map(|(id, _)| *id).collect()
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.default_timing() == other.default_timing()
            && self.nodes().eq(other.nodes())
            && self.edges().eq(other.edges())
    }
}
