//! Spillover of edits: a node that is taken out of the rig is parked. It plays on without its inputs, through the audio edges
//! that led from it, until it sleeps by its own word or the rig's bound is reached. Only what is sent to the renderer has
//! it: the user's graph, the history and files know nothing of it.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::matrix::Overlay;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Command, Edge, EdgeId, Graph, Node, NodeId, NodeKind};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A node that rings on.
struct Parked {
    id: NodeId,
    node: Node,
    /// Those that led from it.
    edges: BTreeMap<EdgeId, Edge>,
    /// Steady frame at which it goes at the latest.
    until: u64,
}

/// The nodes that ring on.
#[derive(Default)]
pub(crate) struct Parking {
    /// What edits took out since the graph was sent last.
    taken_nodes: BTreeMap<NodeId, Node>,
    taken_edges: BTreeMap<EdgeId, Edge>,
    /// The oldest first.
    parked: Vec<Parked>,
}

impl Parking {
    /// Takes note of an edit by what would undo it.
    pub fn note(&mut self, inverse: &[Edit]) {
        for edit in inverse {
            match edit {
                Edit::AddNode { id: Some(id), node } if node.kind == NodeKind::Processor => {
                    self.taken_nodes.insert(*id, node.clone());
                }
                Edit::Connect { id: Some(id), edge } if edge.matrix().is_some() => {
                    self.taken_edges.insert(*id, edge.clone());
                }
                _ => {}
            }
        }
    }

    /// Whether a node rings on, or may from the next sending on.
    pub fn is_in_use(&self) -> bool {
        !self.parked.is_empty() || !self.taken_nodes.is_empty()
    }

    /// The nodes that ring on.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.parked.iter().map(|parked| (parked.id, &parked.node))
    }

    /// The names of the nodes that ring on.
    pub fn names(&self) -> Vec<String> {
        self.parked.iter().map(|parked| parked.node.name.clone()).collect()
    }

    /// A graph with the nodes that ring on, their crosspoints as an overlay lets them be heard.
    pub fn heard<'g>(&self, graph: Cow<'g, Graph>, overlay: &Overlay) -> Cow<'g, Graph> {
        if self.parked.is_empty() {
            return graph;
        }
        let mut heard = graph.into_owned();
        let nodes = self.parked.iter().map(|parked| Edit::AddNode { id: Some(parked.id), node: parked.node.clone() });
        let edges = self.parked.iter().flat_map(|parked| &parked.edges);
        let edges = edges.map(|(&id, edge)| Edit::Connect { id: Some(id), edge: overlay.heard_of(edge).into_owned() });
        for edit in nodes.chain(edges).collect::<Vec<_>>() {
            // Where it led is perhaps no longer there, or has other ports.
            if let Err(error) = heard.apply(vec![edit]) {
                tracing::debug!("not heard of a node that is gone: {error}");
            }
        }
        Cow::Owned(heard)
    }
}

impl<P: Plugins> Engine<P> {
    /// Parks what edits took out and the renderer still plays.
    pub(crate) fn park(&mut self) {
        let frames = u64::from(self.spillover_frames());
        let nodes = std::mem::take(&mut self.parking.taken_nodes);
        let mut edges = std::mem::take(&mut self.parking.taken_edges);
        let (graph, parking) = (&self.graph, &mut self.parking);
        // What undo brought back plays on in its place.
        parking.parked.retain(|parked| graph.node(parked.id).is_none());
        let until = self.publisher.frame() + frames;
        let plays = |id: NodeId| {
            self.publisher.schedule().is_some_and(|playing| playing.nodes.iter().any(|node| node.id == id))
        };
        let mut newcomers = Vec::new();
        if frames > 0 {
            for (id, node) in nodes {
                let is_known = parking.parked.iter().any(|parked| parked.id == id);
                if graph.node(id).is_none() && !is_known && plays(id) {
                    let own: Vec<EdgeId> =
                        edges.iter().filter(|(_, edge)| edge.source.node == id).map(|(&id, _)| id).collect();
                    let edges = own.into_iter().filter_map(|id| edges.remove_entry(&id)).collect();
                    parking.parked.push(Parked { id, node, edges, until });
                    newcomers.push(id);
                }
            }
        }
        let most = self.rig.rest.spillover.nodes as usize;
        let over = parking.parked.len().saturating_sub(most);
        parking.parked.drain(..over);
        self.forget_unheard();
        for node in newcomers.into_iter().filter(|&id| self.parking.parked.iter().any(|parked| parked.id == id)) {
            if let Err(error) = self.publisher.send_now(Command::TellSleep { node }) {
                tracing::warn!("{error}");
            }
        }
    }

    /// Forgets parked nodes that lead nowhere any more.
    fn forget_unheard(&mut self) {
        let (graph, parked) = (&self.graph, &mut self.parking.parked);
        loop {
            let there: Vec<NodeId> = parked.iter().map(|parked| parked.id).collect();
            let leads =
                |edge: &Edge| graph.node(edge.destination.node).is_some() || there.contains(&edge.destination.node);
            parked.retain(|parked| parked.edges.values().any(leads));
            if parked.len() == there.len() {
                break;
            }
        }
    }

    /// The positions of nodes and edges that are gone and do not ring on may be given out again.
    pub(crate) fn release_removed(&mut self) {
        let parked = &self.parking.parked;
        self.graph.release_removed(
            |node| parked.iter().any(|parked| parked.id == node),
            |edge| parked.iter().any(|parked| parked.edges.contains_key(&edge)),
        );
    }

    /// A node sleeps: if it is parked, it has rung out.
    pub(crate) fn rang_out(&mut self, node: NodeId) {
        self.unpark(|parked| parked.id == node);
    }

    /// Ends what has rung for as long as it may.
    pub(crate) fn end_parking(&mut self) {
        let frame = self.publisher.frame();
        self.unpark(|parked| parked.until <= frame);
    }

    fn unpark(&mut self, goes: impl Fn(&Parked) -> bool) {
        let before = self.parking.parked.len();
        self.parking.parked.retain(|parked| !goes(parked));
        if self.parking.parked.len() < before {
            self.unpublished = true;
            self.snapshot.outdate();
        }
    }
}
