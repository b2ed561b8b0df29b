//! Keeps the flat arrays up to date: one call for each node or edge that comes, goes or changes. What stands behind it
//! moves up or down; most come last, where nothing does.

use super::{Counts, Flat, FlatCell, FlatEdge, FlatNode, Form, Kind, Links, NONE, Route, Traits};
use crate::graph::{Alignment, Edge, Matrix, Node, NodeKind};
use crate::id::{EdgeId, NodeId};
use crate::port::AudioPort;
use crate::span::Span;

impl Flat {
    /// Takes in a node as it is now; `None` if it is gone. Its edges are gone before it is, and fit it.
    pub(in crate::graph) fn set_node(&mut self, id: NodeId, node: Option<&Node>) {
        while self.nodes.len() <= id.index() {
            let (absent, traits) = self.absent_node();
            self.nodes.push(absent);
            self.traits.push(traits);
            self.links.push(ABSENT_LINKS);
        }
        let (before, traits) = (self.nodes[id.index()], self.traits[id.index()]);
        let ports = |ports: &[AudioPort]| spans(ports.iter().map(|port| port.layout.channels()));
        let (input_ports, inputs) = ports(node.map_or(&[], |node| &node.audio_inputs));
        let (output_ports, outputs) = ports(node.map_or(&[], |node| &node.audio_outputs));
        let all_ports = traits.input_ports.range().start..traits.output_ports.range().end;
        self.ports.splice(all_ports, input_ports.iter().chain(&output_ports).copied());
        let mut device_inputs = vec![None; outputs as usize];
        let mut device_outputs = vec![(None, None); inputs as usize];
        match node.map(|node| &node.kind) {
            Some(NodeKind::Input { device_channels }) => device_inputs.clone_from(device_channels),
            Some(NodeKind::Output { device_channels, alignment_groups }) => {
                let groups = alignment_groups.iter().copied();
                device_outputs = device_channels.iter().copied().zip(groups).collect();
            }
            _ => {}
        }
        self.device_inputs.splice(before.outputs.range(), device_inputs);
        self.device_outputs.splice(before.inputs.range(), device_outputs);
        let after = FlatNode {
            id: node.map_or(ABSENT_NODE.id, |_| id),
            inputs: Span { count: inputs, ..before.inputs },
            outputs: Span { count: outputs, ..before.outputs },
            alike: alike(&input_ports, &output_ports),
            has_one_input: input_ports.len() == 1,
            ..node.map_or(ABSENT_NODE, facts)
        };
        let latency = traits.latency;
        let traits = Traits {
            input_ports: Span { count: input_ports.len() as u32, ..traits.input_ports },
            output_ports: Span {
                first: traits.input_ports.first + input_ports.len() as u32,
                count: output_ports.len() as u32,
            },
            ..node.map_or(ABSENT_TRAITS, traits_of)
        };
        (self.nodes[id.index()], self.traits[id.index()]) = (after, traits);
        self.links[id.index()] = match (before.kind, after.kind) {
            (_, Kind::Absent) => ABSENT_LINKS,
            (Kind::Absent, _) => Links { feeds: 0, ..ABSENT_LINKS },
            _ => self.links[id.index()],
        };
        self.outputs.retain(|&other| other != id.index);
        if after.kind == Kind::Output {
            let place = self.outputs.partition_point(|&other| other < id.index);
            self.outputs.insert(place, id.index);
        }
        let is_here = |node: &FlatNode| u32::from(node.kind != Kind::Absent);
        let is_processor = |node: &FlatNode| u32::from(node.kind == Kind::Processor);
        let Counts { nodes, processors, late, .. } = &mut self.counts;
        *nodes = *nodes + is_here(&after) - is_here(&before);
        *processors = *processors + is_processor(&after) - is_processor(&before);
        *late = *late + u32::from(traits.latency > 0) - u32::from(latency > 0);
        self.renumber(id.index(), before.kind != Kind::Absent);
        while self.nodes.pop_if(|last| last.kind == Kind::Absent).is_some() {}
        self.links.truncate(self.nodes.len());
        self.traits.truncate(self.nodes.len());
    }

    /// Takes in an edge as it is now, between nodes that are there; `None` if it is gone.
    pub(in crate::graph) fn set_edge(&mut self, id: EdgeId, edge: Option<&Edge>) {
        let end = self.cells.len();
        if self.edges.len() <= id.index() {
            self.edges.resize(id.index() + 1, FlatEdge { cells: Span::new(end, end), ..ABSENT_EDGE });
            self.routes.resize(self.edges.len(), ABSENT_ROUTE);
        }
        let before = self.edges[id.index()];
        if before.form != Form::Absent {
            self.unlink(id.index());
        }
        let matrix = edge.and_then(Edge::matrix);
        let count = matrix.map_or(0, Matrix::cell_count) as u32;
        let cells = matrix.into_iter().flat_map(Matrix::cells).map(|(source, destination, cell)| FlatCell {
            // Both are channels of a port.
            source: source as u16,
            destination: destination as u16,
            gain: cell.effective(),
            edge: id.index,
        });
        self.cells.splice(before.cells.range(), cells);
        if count != before.cells.count {
            for later in &mut self.edges[id.index() + 1..] {
                later.cells.first = later.cells.first + count - before.cells.count;
            }
        }
        let cells = Span { count, ..before.cells };
        self.edges[id.index()] = FlatEdge { cells, ..ABSENT_EDGE };
        self.routes[id.index()] = ABSENT_ROUTE;
        if let Some(edge) = edge {
            self.routes[id.index()] = Route {
                source: edge.source.node.index,
                destination: edge.destination.node.index,
                source_port: edge.source.port,
                destination_port: edge.destination.port,
                next: NONE,
            };
            let is_unity = || self.cells[cells.range()].iter().all(|cell| cell.gain == 1.0);
            self.edges[id.index()] = FlatEdge {
                id,
                cells,
                delay: edge.feedback.unwrap_or(0),
                form: match matrix {
                    None => Form::Events,
                    Some(matrix) if matrix.is_straight() && is_unity() => Form::Unity,
                    Some(matrix) if matrix.is_straight() => Form::Straight,
                    Some(matrix) if matrix.is_dense() => Form::Dense,
                    Some(_) => Form::Crossed,
                },
                timing: edge.timing,
                ..ABSENT_EDGE
            };
            self.number_edge(id.index());
            self.link(id.index());
        }
        while self.edges.pop_if(|last| last.form == Form::Absent).is_some() {}
        self.routes.truncate(self.edges.len());
    }

    /// Gives all behind a node their numbers anew. `is_known` says whether edges may lead to it.
    fn renumber(&mut self, node: usize, is_known: bool) {
        let (mut before, mut traits) = (self.nodes[node], self.traits[node]);
        let is_last = node + 1 == self.nodes.len();
        for (later, later_traits) in self.nodes[node + 1..].iter_mut().zip(&mut self.traits[node + 1..]) {
            later.inputs.first = before.inputs.first + before.inputs.count;
            later.outputs.first = before.outputs.first + before.outputs.count;
            later_traits.input_ports.first = traits.output_ports.first + traits.output_ports.count;
            later_traits.output_ports.first = later_traits.input_ports.first + later_traits.input_ports.count;
            (before, traits) = (*later, *later_traits);
        }
        self.readers.resize(self.device_inputs.len(), 0);
        self.feeders.resize(self.device_outputs.len(), 0);
        if is_known || !is_last {
            self.readers.fill(0);
            self.feeders.fill(0);
            for edge in 0..self.edges.len() {
                self.number_edge(edge);
                self.count_cells(edge, 1);
            }
        }
    }

    /// Says which channels an audio edge joins.
    fn number_edge(&mut self, edge: usize) {
        let (edge, route) = (&mut self.edges[edge], &self.routes[edge]);
        if edge.is_audio() {
            let (source, destination) = (route.source as usize, route.destination as usize);
            let channel = |ports: Span, port: u16| self.ports[ports.first as usize + usize::from(port)].first;
            edge.source_channel =
                self.nodes[source].outputs.first + channel(self.traits[source].output_ports, route.source_port);
            edge.destination_channel = self.nodes[destination].inputs.first
                + channel(self.traits[destination].input_ports, route.destination_port);
        }
    }

    /// Where an edge stands among those into its node.
    fn rank(&self, edge: u32) -> (bool, u16, u32) {
        let events = self.edges[edge as usize].form == Form::Events;
        (events, if events { 0 } else { self.routes[edge as usize].destination_port }, edge)
    }

    fn link(&mut self, edge: usize) {
        let destination = self.routes[edge].destination;
        let (mut last, mut next) = (NONE, self.links[destination as usize].first_edge);
        while next != NONE && self.rank(next) < self.rank(edge as u32) {
            (last, next) = (next, self.routes[next as usize].next);
        }
        self.routes[edge].next = next;
        self.lead(destination, last, edge as u32);
        self.count(edge, 1);
    }

    fn unlink(&mut self, edge: usize) {
        let Route { destination, next: behind, .. } = self.routes[edge];
        let (mut last, mut next) = (NONE, self.links[destination as usize].first_edge);
        while next != NONE && next != edge as u32 {
            (last, next) = (next, self.routes[next as usize].next);
        }
        self.lead(destination, last, behind);
        self.count(edge, u32::MAX);
    }

    /// Lets an edge lead to the next; the node itself if there is none.
    fn lead(&mut self, node: u32, edge: u32, next: u32) {
        match self.routes.get_mut(edge as usize) {
            Some(route) => route.next = next,
            None => self.links[node as usize].first_edge = next,
        }
    }

    /// Counts an edge once more, or by `u32::MAX` once less.
    fn count(&mut self, edge: usize, step: u32) {
        self.count_cells(edge, step);
        let (edge, route) = (&self.edges[edge], &self.routes[edge]);
        let count = |count: &mut u32, counts: bool| *count = count.wrapping_add(if counts { step } else { 0 });
        count(&mut self.counts.feedback, edge.feeds_back());
        count(&mut self.counts.dense, edge.form == Form::Dense);
        count(&mut self.counts.events, edge.form == Form::Events);
        count(&mut self.links[route.source as usize].feeds, !edge.feeds_back());
    }

    fn count_cells(&mut self, edge: usize, step: u32) {
        let edge = &self.edges[edge];
        for cell in &self.cells[edge.cells.range()] {
            let (source, destination) = (edge.source_of(cell) as usize, edge.destination_of(cell) as usize);
            self.readers[source] = self.readers[source].wrapping_add(step);
            self.feeders[destination] = self.feeders[destination].wrapping_add(step);
        }
    }

    /// A position without a node, behind all others.
    fn absent_node(&self) -> (FlatNode, Traits) {
        let end = |length: usize| Span::new(length, length);
        let (inputs, outputs) = (end(self.device_outputs.len()), end(self.device_inputs.len()));
        let ports = end(self.ports.len());
        (
            FlatNode { inputs, outputs, ..ABSENT_NODE },
            Traits { input_ports: ports, output_ports: ports, ..ABSENT_TRAITS },
        )
    }
}

const EMPTY: Span = Span { first: 0, count: 0 };

const ABSENT_NODE: FlatNode = FlatNode {
    id: NodeId { index: u32::MAX, generation: 0 },
    kind: Kind::Absent,
    inputs: EMPTY,
    outputs: EMPTY,
    alike: 0,
    in_place: false,
    takes_events: false,
    has_one_input: false,
};

const ABSENT_TRAITS: Traits = Traits {
    input_ports: EMPTY,
    output_ports: EMPTY,
    latency: 0,
    bypassable: false,
    alignment: Alignment::Channels,
    sends_events: false,
};

const ABSENT_LINKS: Links = Links { first_edge: NONE, feeds: NONE };

const ABSENT_EDGE: FlatEdge = FlatEdge {
    id: EdgeId { index: u32::MAX, generation: 0 },
    source_channel: 0,
    destination_channel: 0,
    cells: EMPTY,
    delay: 0,
    form: Form::Absent,
    timing: None,
};

const ABSENT_ROUTE: Route = Route { source: NONE, destination: NONE, next: NONE, source_port: 0, destination_port: 0 };

/// What does not depend on other nodes or on edges.
fn facts(node: &Node) -> FlatNode {
    FlatNode {
        kind: match node.kind {
            NodeKind::Input { .. } => Kind::Input,
            NodeKind::Output { .. } => Kind::Output,
            NodeKind::Processor => Kind::Processor,
        },
        in_place: node.in_place,
        takes_events: !node.event_inputs.is_empty(),
        ..ABSENT_NODE
    }
}

/// The same of what else there is.
fn traits_of(node: &Node) -> Traits {
    Traits {
        latency: node.latency,
        bypassable: node.bypassable,
        alignment: node.alignment,
        sends_events: !node.event_outputs.is_empty(),
        ..ABSENT_TRAITS
    }
}

/// See [`FlatNode::alike`].
fn alike(inputs: &[Span], outputs: &[Span]) -> u32 {
    let pairs = || inputs.iter().zip(outputs);
    let end = pairs().find(|(input, output)| input.count != output.count).or(pairs().next_back());
    end.map_or(0, |(input, output)| input.first + input.count.min(output.count))
}

/// Runs of those lengths, one behind the other, and the length of all.
fn spans(counts: impl Iterator<Item = u32>) -> (Vec<Span>, u32) {
    let mut first = 0;
    let spans = counts.map(|count| {
        let span = Span { first, count };
        first += count;
        span
    });
    let spans = spans.collect();
    (spans, first)
}
