//! Spillover of edits: a node that is taken out of the rig is parked. Its inputs close, and it plays on through the audio edges
//! that led from it, until it sleeps by its own word or the rig's bound is reached. Only what is sent to the renderer has
//! it: the user's graph, the history and files know nothing of it. Edges that are taken out between nodes that play on leave
//! in the same way, for as long as they fade out: what comes in their place fades in meanwhile.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::matrix::Overlay;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Command, Edge, EdgeId, Graph, Node, NodeId, NodeKind, Parting, Publisher};
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
    /// Edges that fade out.
    leaving: BTreeMap<EdgeId, Edge>,
}

/// What the renderer is to play.
pub(crate) struct Heard<'g> {
    pub graph: Cow<'g, Graph>,
    /// Which edges of it are to go.
    pub leaving: Vec<EdgeId>,
    /// Those, and what rings on.
    pub held: Vec<EdgeId>,
}

impl Heard<'_> {
    pub fn parting(&self) -> Parting<'_> {
        Parting { leaving: &self.leaving, held: &self.held }
    }
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

    /// Whether something rings on or fades out, or may from the next sending on.
    pub fn is_in_use(&self) -> bool {
        let is_taken = !self.taken_nodes.is_empty() || !self.taken_edges.is_empty();
        is_taken || !self.parked.is_empty() || !self.leaving.is_empty()
    }

    /// The nodes that ring on.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.parked.iter().map(|parked| (parked.id, &parked.node))
    }

    /// The names of the nodes that ring on.
    pub fn names(&self) -> Vec<String> {
        self.parked.iter().map(|parked| parked.node.name.clone()).collect()
    }

    /// A graph with the nodes that ring on and the edges that fade out, their crosspoints as an overlay lets them be heard.
    pub fn heard<'g>(&self, mut graph: Cow<'g, Graph>, overlay: &Overlay, publisher: &Publisher) -> Heard<'g> {
        let connect =
            |(&id, edge): (&EdgeId, &Edge)| Edit::Connect { id: Some(id), edge: overlay.heard_of(edge).into_owned() };
        let ringing = || self.parked.iter().flat_map(|parked| &parked.edges);
        let nodes = self.parked.iter().map(|parked| Edit::AddNode { id: Some(parked.id), node: parked.node.clone() });
        for edit in nodes.chain(ringing().map(connect)) {
            // Where it led is perhaps no longer there, or has other ports.
            if let Err(error) = graph.to_mut().apply(vec![edit]) {
                tracing::debug!("not heard of a node that is gone: {error}");
            }
        }
        let mut heard = Heard { graph, leaving: Vec::new(), held: ringing().map(|(&id, _)| id).collect() };
        let meets_new = |edge| meets_new(&heard.graph, edge, |edge| publisher.has_edge(edge));
        if !self.leaving.is_empty() && !self.leaving.values().any(meets_new) {
            // If the signal would run in a circle, what goes fades out before anything comes.
            if heard.graph.to_mut().apply(self.leaving.iter().map(connect).collect()).is_ok() {
                heard.leaving.extend(self.leaving.keys());
                heard.held.extend(self.leaving.keys());
            }
        }
        heard
    }

    /// Forgets edges that fade out before anything comes, and all that is not to go in a graph that was sent.
    pub fn keep_leaving(&mut self, leaving: &[EdgeId]) {
        self.leaving.retain(|id, _| leaving.contains(id));
    }

    /// Whether an edge may go once it has faded out. One into a node that rings on goes with that: without it what rings would
    /// seem less late.
    fn may_go(&self, edge: &Edge) -> bool {
        !self.is_parked(edge.destination.node)
    }

    /// Whether a node that rings on leads through an edge.
    fn rings_through(&self, edge: EdgeId) -> bool {
        self.parked.iter().any(|parked| parked.edges.contains_key(&edge))
    }

    fn is_parked(&self, node: NodeId) -> bool {
        self.parked.iter().any(|parked| parked.id == node)
    }
}

/// Whether an edge that is to go would lead to one that is new, or a new one to it: a way that neither the old rig nor the
/// new one has.
fn meets_new(graph: &Graph, edge: &Edge, plays: impl Fn(EdgeId) -> bool) -> bool {
    let before = graph.edges_into(edge.source.node);
    let mut others = before.chain(graph.edges_out_of(edge.destination.node));
    others.any(|(id, other)| other.matrix().is_some() && !plays(id))
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
                if graph.node(id).is_none() && !parking.is_parked(id) && plays(id) {
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
        let (graph, parking, publisher) = (&self.graph, &mut self.parking, &self.publisher);
        parking.leaving.extend(edges.into_iter().filter(|(id, _)| publisher.has_edge(*id)));
        let mut leaving = std::mem::take(&mut parking.leaving);
        let is_there = |node| graph.node(node).is_some() || parking.is_parked(node);
        leaving.retain(|&id, edge| {
            let stays_out = graph.edge(id).is_none() && !parking.rings_through(id);
            stays_out && is_there(edge.source.node) && is_there(edge.destination.node)
        });
        parking.leaving = leaving;
        for node in newcomers.into_iter().filter(|&id| self.parking.is_parked(id)) {
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
        let parking = &self.parking;
        self.graph.release_removed(
            |node| parking.is_parked(node),
            |edge| parking.leaving.contains_key(&edge) || parking.rings_through(edge),
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

    /// Lets edges go that have faded out.
    pub(crate) fn let_go(&mut self) {
        let parking = &self.parking;
        let gone: Vec<EdgeId> =
            parking.leaving.iter().filter(|(_, edge)| parking.may_go(edge)).map(|(&id, _)| id).collect();
        // What waits to be sent has not begun to fade out.
        if !gone.is_empty() && !self.unpublished && self.publisher.is_settled() {
            self.parking.leaving.retain(|id, _| !gone.contains(id));
            self.unpublished = true;
        }
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
