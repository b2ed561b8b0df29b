//! Transactions: the one place where a graph changes. Every step checks before it changes, and keeps its inverse; what
//! is not committed is undone, also when the closure panics.

use super::edge::Edge;
use super::edit::{Applied, Edit, EditError};
use super::matrix::{Cell, CellBlock, Matrix};
use super::node::{Node, NodeKind};
use super::{Graph, MAX_EDGES, MAX_NODES, check, path};
use crate::id::{EdgeId, NodeId};
use crate::port::{AudioPort, EventPort};
use std::sync::Arc;

impl Graph {
    /// Makes all edits in order, or none.
    ///
    /// Cycles are looked for once, after the last edit: an edit may close one that a later edit opens.
    ///
    /// # Errors
    /// What is wrong with the first edit that cannot be made, or [`EditError::Cycle`]. The graph is then as it was.
    pub fn apply(&mut self, edits: Vec<Edit>) -> Result<Applied, EditError> {
        let mut transaction = Transaction::new(self);
        for edit in edits {
            transaction.apply(edit)?;
        }
        transaction.commit()
    }

    /// Makes the edits of a closure, all or none, and returns its result and the inverse. See [`Graph::apply`].
    ///
    /// # Errors
    /// The closure's error, or [`EditError::Cycle`]. The graph is then as it was.
    pub fn edit<R>(
        &mut self,
        edits: impl FnOnce(&mut Transaction<'_>) -> Result<R, EditError>,
    ) -> Result<(R, Vec<Edit>), EditError> {
        let mut transaction = Transaction::new(self);
        let result = edits(&mut transaction)?;
        Ok((result, transaction.commit()?.inverse))
    }
}

/// A graph under edit. See [`Graph::edit`].
#[derive(Debug)]
pub struct Transaction<'g> {
    graph: &'g mut Graph,
    /// What undoes the edits so far; the last is to be made first.
    undo: Vec<Edit>,
    nodes: Vec<NodeId>,
    edges: Vec<EdgeId>,
    /// Where edges end that may have closed a cycle.
    joined: Vec<NodeId>,
}

impl<'g> Transaction<'g> {
    fn new(graph: &'g mut Graph) -> Self {
        Self { graph, undo: Vec::new(), nodes: Vec::new(), edges: Vec::new(), joined: Vec::new() }
    }

    /// The graph with the edits so far.
    pub fn graph(&self) -> &Graph {
        self.graph
    }

    /// Adds a node.
    ///
    /// # Errors
    /// If its ports, mapping or latency are out of range, or the graph is full.
    pub fn add_node(&mut self, node: Node) -> Result<NodeId, EditError> {
        self.insert_node(None, node)
    }

    /// Removes a node and its edges.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn remove_node(&mut self, id: NodeId) -> Result<(), EditError> {
        let at = self.graph.node_at(id).ok_or(EditError::UnknownNode(id))?;
        for edge in self.edges_of(id) {
            self.disconnect(edge)?;
        }
        if let Some((_, node)) = self.graph.topology.remove_node(at) {
            self.undo.push(Edit::AddNode { id: Some(id), node });
        }
        self.graph.node_table.remove(id.index);
        self.graph.flat_mut().set_node(id, None);
        Ok(())
    }

    /// Adds an edge. Whether it closes a cycle is found out at the end of the transaction.
    ///
    /// # Errors
    /// If its ports do not exist, its matrix does not fit them, or a number is out of range.
    pub fn connect(&mut self, edge: Edge) -> Result<EdgeId, EditError> {
        self.insert_edge(None, edge)
    }

    /// Removes an edge.
    ///
    /// # Errors
    /// If there is no such edge.
    pub fn disconnect(&mut self, id: EdgeId) -> Result<(), EditError> {
        let at = self.graph.edge_at(id).ok_or(EditError::UnknownEdge(id))?;
        if let Some((_, edge)) = self.graph.topology.remove_edge(at) {
            self.undo.push(Edit::Connect { id: Some(id), edge });
        }
        self.graph.edge_table.remove(id.index);
        self.graph.flat_mut().set_edge(id, None);
        Ok(())
    }

    /// Makes any edit.
    ///
    /// # Errors
    /// What is wrong with it. The graph is then as it was before this edit; earlier ones of the transaction stand until
    /// it ends.
    pub fn apply(&mut self, edit: Edit) -> Result<(), EditError> {
        match edit {
            Edit::AddNode { id, node } => self.insert_node(id, node).map(drop),
            Edit::RemoveNode { id } => self.remove_node(id),
            Edit::Connect { id, edge } => self.insert_edge(id, edge).map(drop),
            Edit::Disconnect { id } => self.disconnect(id),
            Edit::SetCell { edge, source, destination, cell } => self.set_cell(edge, source, destination, cell),
            Edit::SetCells { edge, block } => self.set_cells(edge, &block),
            Edit::SetTiming { edge: id, timing } => {
                let timing = self.change_edge(id, |edge| Ok(std::mem::replace(&mut edge.timing, timing)))?;
                self.undo.push(Edit::SetTiming { edge: id, timing });
                Ok(())
            }
            Edit::SetFeedback { edge: id, feedback } => {
                check::feedback(feedback)?;
                let (before, destination) = self.change_edge(id, |edge| {
                    Ok((std::mem::replace(&mut edge.feedback, feedback), edge.destination.node))
                })?;
                self.joined.push(destination);
                self.undo.push(Edit::SetFeedback { edge: id, feedback: before });
                Ok(())
            }
            Edit::SetLatency { node: id, latency } => {
                let latency = self.change_node(id, |node| {
                    check::latency(node, latency)?;
                    Ok(std::mem::replace(&mut node.latency, latency))
                })?;
                self.undo.push(Edit::SetLatency { node: id, latency });
                Ok(())
            }
            Edit::SetPorts { node, audio_inputs, audio_outputs, event_inputs, event_outputs } => {
                self.set_ports(node, Ports { audio_inputs, audio_outputs, event_inputs, event_outputs })
            }
            Edit::SetKind { node: id, kind } => {
                let kind = self.change_node(id, |node| {
                    check::kind(node, &kind)?;
                    Ok(std::mem::replace(&mut node.kind, kind))
                })?;
                self.undo.push(Edit::SetKind { node: id, kind });
                Ok(())
            }
            Edit::Rename { node: id, name } => {
                let name = self.change_node(id, |node| Ok(std::mem::replace(&mut node.name, name)))?;
                self.undo.push(Edit::Rename { node: id, name });
                Ok(())
            }
            Edit::SetDefaultTiming { timing } => {
                let timing = std::mem::replace(&mut self.graph.flat_mut().default_timing, timing);
                self.undo.push(Edit::SetDefaultTiming { timing });
                Ok(())
            }
        }
    }

    fn insert_node(&mut self, id: Option<NodeId>, node: Node) -> Result<NodeId, EditError> {
        check::node(&node)?;
        if self.graph.node_count() >= MAX_NODES {
            return Err(EditError::TooManyNodes);
        }
        let table = &self.graph.node_table;
        let (index, generation) = id.map_or_else(|| table.next(), |id| (id.index, id.generation));
        let id = NodeId { index, generation };
        if !table.is_free(index) || id.index() >= MAX_NODES {
            return Err(EditError::NodeIdTaken(id));
        }
        self.graph.flat_mut().set_node(id, Some(&node));
        let at = self.graph.topology.add_node((id, node));
        self.graph.node_table.insert(index, generation, at);
        self.nodes.push(id);
        self.undo.push(Edit::RemoveNode { id });
        Ok(id)
    }

    fn insert_edge(&mut self, id: Option<EdgeId>, edge: Edge) -> Result<EdgeId, EditError> {
        check::edge(self.graph, &edge)?;
        if self.graph.edge_count() >= MAX_EDGES {
            return Err(EditError::TooManyEdges);
        }
        let table = &self.graph.edge_table;
        let (index, generation) = id.map_or_else(|| table.next(), |id| (id.index, id.generation));
        let id = EdgeId { index, generation };
        if !table.is_free(index) || id.index() >= MAX_EDGES {
            return Err(EditError::EdgeIdTaken(id));
        }
        let (source, destination) = (edge.source.node, edge.destination.node);
        let source_at = self.graph.node_at(source).ok_or(EditError::UnknownNode(source))?;
        let destination_at = self.graph.node_at(destination).ok_or(EditError::UnknownNode(destination))?;
        if edge.feedback.is_none() {
            self.joined.push(destination);
        }
        self.graph.flat_mut().set_edge(id, Some(&edge));
        let at = self.graph.topology.add_edge(source_at, destination_at, (id, edge));
        self.graph.edge_table.insert(index, generation, at);
        self.edges.push(id);
        self.undo.push(Edit::Disconnect { id });
        Ok(id)
    }

    fn set_cell(&mut self, id: EdgeId, source: u32, destination: u32, cell: Option<Cell>) -> Result<(), EditError> {
        if let Some(cell) = cell {
            check::cell(source, destination, cell)?;
        }
        let cell = self.change_matrix(id, |matrix| Ok(matrix.set(source, destination, cell)?))?;
        self.undo.push(Edit::SetCell { edge: id, source, destination, cell });
        Ok(())
    }

    fn set_cells(&mut self, id: EdgeId, block: &CellBlock) -> Result<(), EditError> {
        check::cells(block)?;
        let block = self.change_matrix(id, |matrix| Ok(matrix.set_block(block)?))?;
        self.undo.push(Edit::SetCells { edge: id, block });
        Ok(())
    }

    /// Takes apart what would not fit, each with its own inverse, so that the inverse of the ports alone lets the rest
    /// be put together again in reverse.
    fn set_ports(&mut self, id: NodeId, ports: Ports) -> Result<(), EditError> {
        let before = self.graph.node(id).ok_or(EditError::UnknownNode(id))?;
        let mut after = Node {
            name: before.name.clone(),
            kind: NodeKind::Processor,
            audio_inputs: ports.audio_inputs,
            audio_outputs: ports.audio_outputs,
            event_inputs: ports.event_inputs,
            event_outputs: ports.event_outputs,
            ..*before
        };
        // The ports first: a mapping is made only for channels that may be.
        check::node(&after)?;
        after.kind = remapped(before, &after);
        check::kind(&after, &after.kind)?;
        for edge in self.edges_of(id) {
            self.refit(edge, id, &after)?;
        }
        let before = self.change_node(id, |node| Ok(std::mem::replace(node, after)))?;
        self.undo.push(Edit::SetKind { node: id, kind: before.kind });
        self.undo.push(Edit::SetPorts {
            node: id,
            audio_inputs: before.audio_inputs,
            audio_outputs: before.audio_outputs,
            event_inputs: before.event_inputs,
            event_outputs: before.event_outputs,
        });
        Ok(())
    }

    /// Makes an edge fit a node's new ports: removes it if its port is gone, else gives its matrix the new size.
    fn refit(&mut self, id: EdgeId, node: NodeId, after: &Node) -> Result<(), EditError> {
        let Some(edge) = self.graph.edge(id) else { return Err(EditError::UnknownEdge(id)) };
        let (source_port, destination_port) = (edge.source.port, edge.destination.port);
        let is_source = edge.source.node == node;
        let is_destination = edge.destination.node == node;
        let Some(matrix) = edge.matrix() else {
            let fits = (!is_source || usize::from(source_port) < after.event_outputs.len())
                && (!is_destination || usize::from(destination_port) < after.event_inputs.len());
            return if fits { Ok(()) } else { self.disconnect(id) };
        };
        let sources = channels(is_source, after.audio_output(source_port), matrix.sources());
        let destinations = channels(is_destination, after.audio_input(destination_port), matrix.destinations());
        let (Some(sources), Some(destinations)) = (sources, destinations) else { return self.disconnect(id) };
        let resized: Matrix = matrix.resized(sources, destinations);
        if resized.cell_count() < matrix.cell_count() {
            self.undo.push(Edit::SetCells { edge: id, block: matrix.get_block(matrix.region())? });
        }
        self.change_matrix(id, |matrix| {
            *matrix = resized;
            Ok(())
        })
    }

    /// The edges at a node, each once, also if it joins the node to itself.
    fn edges_of(&self, node: NodeId) -> Vec<EdgeId> {
        let into = self.graph.edges_into(node);
        let mut edges: Vec<_> = into.chain(self.graph.edges_out_of(node)).map(|(id, _)| id).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    fn change_node<R>(
        &mut self,
        id: NodeId,
        change: impl FnOnce(&mut Node) -> Result<R, EditError>,
    ) -> Result<R, EditError> {
        let at = self.graph.node_at(id).ok_or(EditError::UnknownNode(id))?;
        let Graph { topology, flat, .. } = &mut *self.graph;
        let (_, node) = topology.node_weight_mut(at).ok_or(EditError::UnknownNode(id))?;
        let result = change(node)?;
        Arc::make_mut(flat).set_node(id, Some(node));
        Ok(result)
    }

    fn change_edge<R>(
        &mut self,
        id: EdgeId,
        change: impl FnOnce(&mut Edge) -> Result<R, EditError>,
    ) -> Result<R, EditError> {
        let at = self.graph.edge_at(id).ok_or(EditError::UnknownEdge(id))?;
        let Graph { topology, flat, .. } = &mut *self.graph;
        let (_, edge) = topology.edge_weight_mut(at).ok_or(EditError::UnknownEdge(id))?;
        let result = change(edge)?;
        Arc::make_mut(flat).set_edge(id, Some(edge));
        Ok(result)
    }

    fn change_matrix<R>(
        &mut self,
        id: EdgeId,
        change: impl FnOnce(&mut Matrix) -> Result<R, EditError>,
    ) -> Result<R, EditError> {
        self.change_edge(id, |edge| change(edge.matrix_mut().ok_or(EditError::NotAudio(id))?))
    }

    fn commit(mut self) -> Result<Applied, EditError> {
        let roots = self.joined.iter().filter_map(|id| self.graph.node_at(*id));
        if let Some(cycle) = path::cycle(&self.graph.topology, roots) {
            let path = self.graph.ids(&cycle);
            let names = path.iter().filter_map(|id| self.graph.node(*id)).map(|node| node.name.clone()).collect();
            return Err(EditError::Cycle { path, names });
        }
        let mut inverse = std::mem::take(&mut self.undo);
        inverse.reverse();
        Ok(Applied { inverse, nodes: std::mem::take(&mut self.nodes), edges: std::mem::take(&mut self.edges) })
    }
}

impl Drop for Transaction<'_> {
    /// Undoes what was not committed.
    fn drop(&mut self) {
        for edit in std::mem::take(&mut self.undo).into_iter().rev() {
            let undone = self.apply(edit);
            debug_assert_eq!(undone, Ok(()), "an inverse fits the graph that its edit left");
        }
    }
}

struct Ports {
    audio_inputs: Vec<AudioPort>,
    audio_outputs: Vec<AudioPort>,
    event_inputs: Vec<EventPort>,
    event_outputs: Vec<EventPort>,
}

/// Channels at one end of an edge once a node's ports are new, `None` if the port is gone.
fn channels(is_changed: bool, port: Option<&AudioPort>, unchanged: u32) -> Option<u32> {
    if is_changed { port.map(|port| port.layout.channels()) } else { Some(unchanged) }
}

/// The node's kind with its mapping cut or extended, port by port.
fn remapped(before: &Node, after: &Node) -> NodeKind {
    match &before.kind {
        NodeKind::Processor => NodeKind::Processor,
        NodeKind::Input { device_channels } => {
            NodeKind::Input { device_channels: remap(device_channels, &before.audio_outputs, &after.audio_outputs) }
        }
        NodeKind::Output { device_channels, alignment_groups } => NodeKind::Output {
            device_channels: remap(device_channels, &before.audio_inputs, &after.audio_inputs),
            alignment_groups: remap(alignment_groups, &before.audio_inputs, &after.audio_inputs),
        },
    }
}

fn remap<T: Copy>(entries: &[Option<T>], before: &[AudioPort], after: &[AudioPort]) -> Vec<Option<T>> {
    let mut rest = entries;
    let mut remapped = Vec::new();
    for (number, port) in after.iter().enumerate() {
        let had = before.get(number).map_or(0, |port| port.layout.channels() as usize).min(rest.len());
        let (own, others) = rest.split_at(had);
        rest = others;
        let channels = port.layout.channels() as usize;
        remapped.extend((0..channels).map(|channel| own.get(channel).copied().flatten()));
    }
    remapped
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, Region, Timing};
    use super::*;
    use crate::port::ChannelLayout;

    fn stereo(name: &str) -> Node {
        let port = |name| AudioPort::new(name, ChannelLayout::Stereo);
        Node { audio_inputs: vec![port("in")], audio_outputs: vec![port("out")], ..Node::processor(name) }
    }

    fn cable(source: NodeId, destination: NodeId) -> Edge {
        Edge::audio(Endpoint::new(source, 0), Endpoint::new(destination, 0), Matrix::diagonal(2))
    }

    /// `amp -> delay`, with the edge.
    fn amp_and_delay() -> (Graph, NodeId, NodeId, EdgeId) {
        let mut graph = Graph::new();
        let build = |transaction: &mut Transaction<'_>| {
            let amp = transaction.add_node(stereo("amp"))?;
            let delay = transaction.add_node(stereo("delay"))?;
            Ok((amp, delay, transaction.connect(cable(amp, delay))?))
        };
        let ((amp, delay, edge), _) = graph.edit(build).unwrap();
        (graph, amp, delay, edge)
    }

    fn set_ports(node: NodeId, audio_inputs: Vec<AudioPort>, audio_outputs: Vec<AudioPort>) -> Edit {
        Edit::SetPorts { node, audio_inputs, audio_outputs, event_inputs: Vec::new(), event_outputs: Vec::new() }
    }

    /// A removed node takes its edges along; its undo brings all of them back under their ids, and meanwhile neither
    /// id finds anything.
    #[test]
    fn a_removed_node_comes_back_with_its_edges() {
        let (mut graph, amp, delay, edge) = amp_and_delay();
        graph.apply(vec![Edit::Connect { id: None, edge: cable(amp, amp).with_feedback(64) }]).unwrap();
        let before = graph.clone();
        let applied = graph.apply(vec![Edit::RemoveNode { id: amp }]).unwrap();
        assert_eq!((graph.node_count(), graph.edge_count()), (1, 0));
        assert_eq!((graph.node(amp), graph.edge(edge)), (None, None));
        graph.apply(applied.inverse).unwrap();
        assert_eq!(graph, before);
        assert_eq!(graph.edge(edge).unwrap().destination.node, delay);
    }

    /// The position is reused under a new generation: the old id does not find the new node.
    #[test]
    fn an_old_id_never_finds_a_new_node() {
        let (mut graph, amp, ..) = amp_and_delay();
        let edits = vec![Edit::RemoveNode { id: amp }, Edit::AddNode { id: None, node: stereo("cab") }];
        let cab = graph.apply(edits).unwrap().nodes[0];
        assert_eq!((cab.index(), cab.generation()), (amp.index(), 1));
        assert_eq!(graph.node(amp), None);
        let taken = graph.apply(vec![Edit::AddNode { id: Some(amp), node: stereo("amp") }]);
        assert_eq!(taken, Err(EditError::NodeIdTaken(amp)));
    }

    /// ```text
    /// amp -> delay
    ///  ^-------'     refused by name, let in as a feedback edge, and refused again once it is to be a plain one
    /// ```
    #[test]
    fn a_cycle_needs_a_feedback_edge() {
        let (mut graph, amp, delay, _) = amp_and_delay();
        let before = graph.clone();
        let back = |edge| vec![Edit::Connect { id: None, edge }];
        let error = graph.apply(back(cable(delay, amp))).unwrap_err();
        assert_eq!(error.to_string(), "amp -> delay -> amp; make one of the edges a feedback edge");
        assert!(matches!(error, EditError::Cycle { path, .. } if path == [amp, delay]));
        assert_eq!(graph, before);
        let edge = graph.apply(back(cable(delay, amp).with_feedback(64))).unwrap().edges[0];
        let plain = graph.apply(vec![Edit::SetFeedback { edge, feedback: None }]);
        assert!(matches!(plain, Err(EditError::Cycle { .. })));
        assert_eq!(graph.edge(edge).unwrap().feedback, Some(64));
        let itself = graph.apply(back(cable(amp, amp))).unwrap_err();
        assert_eq!(itself.to_string(), "amp -> amp; make one of the edges a feedback edge");
    }

    /// `amp -> delay` becomes `delay -> amp` in one transaction, whichever edit comes first.
    #[test]
    fn an_edge_can_be_turned_round() {
        let (mut graph, amp, delay, edge) = amp_and_delay();
        let edits = vec![Edit::Connect { id: None, edge: cable(delay, amp) }, Edit::Disconnect { id: edge }];
        graph.apply(edits).unwrap();
        assert_eq!(graph.find_path(delay, amp), Some(vec![delay, amp]));
        assert_eq!(graph.find_path(amp, delay), None);
        assert_eq!(graph.find_path(amp, amp), Some(vec![amp]));
    }

    /// The edge to a port that became mono is cut to one destination, the one to a port that is gone is removed, and
    /// undo restores the crosspoints of both.
    #[test]
    fn edges_follow_the_ports() {
        let (mut graph, amp, delay, edge) = amp_and_delay();
        graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 1, cell: Some(Cell::new(0.5)) }]).unwrap();
        let before = graph.clone();
        let mono = set_ports(delay, vec![AudioPort::new("in", ChannelLayout::Mono)], Vec::new());
        let undo = graph.apply(vec![mono]).unwrap().inverse;
        let cells: Vec<_> = graph.edge(edge).unwrap().matrix().unwrap().cells().collect();
        assert_eq!(cells, [(0, 0, Cell::UNITY)]);
        graph.apply(undo).unwrap();
        assert_eq!(graph, before);
        let undo = graph.apply(vec![set_ports(amp, Vec::new(), Vec::new())]).unwrap().inverse;
        assert_eq!(graph.edge(edge), None);
        graph.apply(undo).unwrap();
        assert_eq!(graph, before);
    }

    /// ```text
    /// ports  | a   a | b   b |      | a | b   b   b |
    /// device   10  11  12  13   ->    10  12  13  -
    /// ```
    #[test]
    fn a_mapping_follows_the_ports() {
        let ports = |counts: &[u32]| -> Vec<AudioPort> {
            counts.iter().map(|count| AudioPort::new("port", ChannelLayout::from_channels(*count))).collect()
        };
        let kind = NodeKind::Input { device_channels: (10..14).map(Some).collect() };
        let node = Node { audio_outputs: ports(&[2, 2]), ..Node::new("interface", kind) };
        let mut graph = Graph::new();
        let id = graph.apply(vec![Edit::AddNode { id: None, node }]).unwrap().nodes[0];
        let before = graph.clone();
        let undo = graph.apply(vec![set_ports(id, Vec::new(), ports(&[1, 3]))]).unwrap().inverse;
        let mapped = NodeKind::Input { device_channels: vec![Some(10), Some(12), Some(13), None] };
        assert_eq!(graph.node(id).unwrap().kind, mapped);
        graph.apply(undo).unwrap();
        assert_eq!(graph, before);
    }

    /// A panic in the closure leaves nothing half done either.
    #[test]
    fn a_panic_rolls_back() {
        let (mut graph, amp, ..) = amp_and_delay();
        let before = graph.clone();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            graph.edit(|transaction| -> Result<(), EditError> {
                transaction.remove_node(amp)?;
                panic!("the closure's own");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(graph, before);
    }

    /// The closure sees its own edits, and its error takes them back.
    #[test]
    fn an_error_rolls_back() {
        let (mut graph, amp, ..) = amp_and_delay();
        let before = graph.clone();
        let refused = graph.edit(|transaction| {
            transaction.apply(Edit::Rename { node: amp, name: "head".into() })?;
            transaction.apply(Edit::SetDefaultTiming { timing: Timing::Immediate })?;
            assert_eq!(transaction.graph().node(amp).unwrap().name, "head");
            transaction.apply(Edit::SetLatency { node: amp, latency: u32::MAX })
        });
        assert!(matches!(refused, Err(EditError::Latency { .. })));
        assert_eq!(graph, before);
    }

    /// What comes from outside is refused in words that help.
    #[test]
    fn bad_input_is_refused_in_words() {
        let (mut graph, amp, delay, edge) = amp_and_delay();
        let before = graph.clone();
        let channels = |channels| {
            let port = AudioPort::new("main", ChannelLayout::Discrete(channels));
            Node { audio_inputs: vec![port], ..Node::processor("odd") }
        };
        let odd = |source, destination, matrix| Edit::Connect {
            id: None,
            edge: Edge::audio(Endpoint::new(source, 0), Endpoint::new(destination, 0), matrix),
        };
        let unmapped = Node { kind: NodeKind::Input { device_channels: vec![Some(0)] }, ..stereo("input") };
        let block = CellBlock {
            region: Region { source: 1, destination: 0, sources: 1, destinations: 1 },
            cells: vec![Some(Cell::new(f32::INFINITY))],
        };
        let cases = [
            (Edit::AddNode { id: None, node: channels(0) }, "port `main` of `odd` has 0 channels; give it 1 to 256"),
            (
                Edit::AddNode { id: None, node: channels(10_000) },
                "port `main` of `odd` has 10000 channels; give it 1 to 256",
            ),
            (
                set_ports(amp, channels(u32::MAX).audio_inputs, Vec::new()),
                "port `main` of `amp` has 4294967295 channels; give it 1 to 256",
            ),
            (
                Edit::AddNode { id: None, node: unmapped.clone() },
                "`input` stands for channels of the device and can have no audio input ports; remove them",
            ),
            (
                Edit::AddNode { id: None, node: Node { audio_inputs: Vec::new(), ..unmapped } },
                "`input` has 2 channels but maps 1; give one entry for each channel, `None` for unmapped",
            ),
            (
                odd(amp, delay, Matrix::diagonal(3)),
                "a matrix of 3 sources and 3 destinations joins `amp`, whose port has 2 channels, and `delay`, whose \
                 port has 2; make them equal",
            ),
            (
                Edit::Connect { id: None, edge: Edge::events(Endpoint::new(amp, 7), Endpoint::new(delay, 0)) },
                "`amp` has no event output port 7; it has 0, counted from 0",
            ),
            (
                Edit::SetCell { edge, source: 0, destination: 0, cell: Some(Cell::new(f32::NAN)) },
                "the gain from channel 0 to channel 0 is NaN; give a finite number",
            ),
            (Edit::SetCells { edge, block }, "the gain from channel 1 to channel 0 is inf; give a finite number"),
            (Edit::SetFeedback { edge, feedback: Some(0) }, "a feedback edge of 0 frames; give it 1 to 1048576"),
            (
                Edit::SetLatency { node: amp, latency: 1 << 25 },
                "`amp` has a latency of 33554432 frames; the most is 16777216",
            ),
        ];
        for (edit, message) in cases {
            assert_eq!(graph.apply(vec![edit]).unwrap_err().to_string(), message);
            assert_eq!(graph, before);
        }
    }

    /// A chain as long as a graph may be is searched without a deep stack.
    #[test]
    fn the_longest_chain_is_searched() {
        let mut graph = Graph::new();
        let build = |transaction: &mut Transaction<'_>| {
            let first = transaction.add_node(stereo("first"))?;
            let mut last = first;
            for _ in 1..MAX_NODES {
                let next = transaction.add_node(stereo("next"))?;
                transaction.connect(cable(last, next))?;
                last = next;
            }
            assert_eq!(transaction.add_node(stereo("one too many")), Err(EditError::TooManyNodes));
            Ok((first, last))
        };
        let ((first, last), _) = graph.edit(build).unwrap();
        let closing = graph.apply(vec![Edit::Connect { id: None, edge: cable(last, first) }]);
        assert!(matches!(closing, Err(EditError::Cycle { path, .. }) if path.len() == MAX_NODES));
    }
}
