//! The graph as flat arrays, which is what all passes work on: indices instead of ids, channels numbered through the
//! whole rig, edges and cells in the order of sums. Decides nothing.

use super::schedule::{Schedule, Span};
use crate::graph::{Alignment, Graph, NodeKind, Signal, Timing};
use crate::id::{EdgeId, NodeId};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Output,
    Processor,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FlatNode {
    pub id: NodeId,
    pub kind: Kind,
    /// Edges into the node, in [`Flat::incoming`].
    pub incoming: Span,
    /// How many edges lead out of it, feedback edges left out.
    pub feeds: u32,
    /// Its input channels in the numbering of the whole rig.
    pub inputs: Span,
    pub outputs: Span,
    /// Its ports in [`Flat::input_ports`].
    pub input_ports: Span,
    pub output_ports: Span,
    pub latency: u32,
    pub in_place: bool,
    pub bypassable: bool,
    pub alignment: Alignment,
    pub takes_events: bool,
    pub sends_events: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FlatEdge {
    pub id: EdgeId,
    pub source: u32,
    pub destination: u32,
    /// Ports within their nodes.
    pub source_port: u16,
    pub destination_port: u16,
    /// First channel of the source's port, in the numbering of the whole rig.
    pub source_channel: u32,
    pub destination_channel: u32,
    pub cells: Span,
    pub events: bool,
    pub aligned: bool,
    pub feedback: Option<u32>,
    pub dense: bool,
    /// Delay of an event edge, in frames; set by the latency pass.
    pub delay: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FlatCell {
    pub source: u16,
    pub destination: u16,
    pub gain: f32,
    /// In frames; set by the latency pass.
    pub delay: u32,
    /// What the schedule before this one played here, if it had the cell.
    pub previous: Option<Previous>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Previous {
    pub gain: f32,
    pub delay: u32,
}

/// A graph ready to be compiled.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    pub(super) nodes: Vec<FlatNode>,
    /// In the order of sums.
    pub(super) edges: Vec<FlatEdge>,
    /// Edges into each node, in the order of sums.
    pub(super) incoming: Vec<u32>,
    /// Cells of each edge, by destination, then source.
    pub(super) cells: Vec<FlatCell>,
    /// Channels of each input port, in the numbering of the whole rig.
    pub(super) input_ports: Vec<Span>,
    pub(super) output_ports: Vec<Span>,
    /// Device channel behind each output channel of an input node; others none.
    pub(super) device_inputs: Vec<Option<u32>>,
    /// Device channel behind each input channel of an output node, and its alignment group.
    pub(super) device_outputs: Vec<(Option<u32>, Option<u16>)>,
    /// Whether there was a schedule before, so that new cells fade in.
    pub(super) follows: bool,
    node_places: Vec<u32>,
}

impl Flat {
    /// Input channels of the whole rig.
    pub(super) fn input_channels(&self) -> usize {
        self.device_outputs.len()
    }

    /// Output channels of the whole rig.
    pub(super) fn output_channels(&self) -> usize {
        self.device_inputs.len()
    }

    /// Reads a graph, keeping the memory of the last one.
    pub(super) fn read(&mut self, graph: &Graph) {
        self.clear();
        self.node_places.resize(graph.node_bound(), u32::MAX);
        for (id, node) in graph.nodes() {
            self.node_places[id.index()] = self.nodes.len() as u32;
            self.read_node(id, node);
        }
        let rig_timing = graph.default_timing();
        for (id, edge) in graph.edges() {
            let source = self.node_places[edge.source.node.index()];
            let destination = self.node_places[edge.destination.node.index()];
            let first_cell = self.cells.len();
            let (mut dense, mut events) = (false, false);
            let (mut source_channel, mut destination_channel) = (0, 0);
            match &edge.signal {
                Signal::Audio { matrix } => {
                    dense = matrix.is_dense();
                    let from = &self.nodes[source as usize];
                    let to = &self.nodes[destination as usize];
                    source_channel =
                        self.output_ports[(from.output_ports.first + u32::from(edge.source.port)) as usize].first;
                    destination_channel =
                        self.input_ports[(to.input_ports.first + u32::from(edge.destination.port)) as usize].first;
                    self.cells.extend(matrix.cells().map(|(source, destination, cell)| FlatCell {
                        source: source as u16,
                        destination: destination as u16,
                        gain: cell.effective(),
                        delay: 0,
                        previous: None,
                    }));
                }
                Signal::Events => events = true,
            }
            self.edges.push(FlatEdge {
                id,
                source,
                destination,
                source_port: edge.source.port,
                destination_port: edge.destination.port,
                source_channel,
                destination_channel,
                cells: Span::new(first_cell, self.cells.len()),
                events,
                aligned: edge.timing.unwrap_or(rig_timing) == Timing::Aligned,
                feedback: edge.feedback,
                dense,
                delay: 0,
            });
        }
        self.index_incoming();
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.edges.clear();
        self.incoming.clear();
        self.cells.clear();
        self.input_ports.clear();
        self.output_ports.clear();
        self.device_inputs.clear();
        self.device_outputs.clear();
        self.node_places.clear();
        self.follows = false;
    }

    fn read_node(&mut self, id: NodeId, node: &crate::graph::Node) {
        let first_input = self.device_outputs.len();
        let first_output = self.device_inputs.len();
        let first_input_port = self.input_ports.len();
        let first_output_port = self.output_ports.len();
        let mut channel = first_input;
        for port in &node.audio_inputs {
            let end = channel + port.layout.channels() as usize;
            self.input_ports.push(Span::new(channel, end));
            channel = end;
        }
        self.device_outputs.resize(channel, (None, None));
        let mut channel = first_output;
        for port in &node.audio_outputs {
            let end = channel + port.layout.channels() as usize;
            self.output_ports.push(Span::new(channel, end));
            channel = end;
        }
        self.device_inputs.resize(channel, None);
        let kind = match &node.kind {
            NodeKind::Input { device_channels } => {
                for (place, channel) in self.device_inputs[first_output..].iter_mut().zip(device_channels) {
                    *place = *channel;
                }
                Kind::Input
            }
            NodeKind::Output { device_channels, alignment_groups } => {
                let places = &mut self.device_outputs[first_input..];
                for (place, channel) in places.iter_mut().zip(device_channels) {
                    place.0 = *channel;
                }
                for (place, group) in places.iter_mut().zip(alignment_groups) {
                    place.1 = *group;
                }
                Kind::Output
            }
            NodeKind::Processor => Kind::Processor,
        };
        self.nodes.push(FlatNode {
            id,
            kind,
            incoming: Span::default(),
            feeds: 0,
            inputs: Span::new(first_input, self.device_outputs.len()),
            outputs: Span::new(first_output, self.device_inputs.len()),
            input_ports: Span::new(first_input_port, self.input_ports.len()),
            output_ports: Span::new(first_output_port, self.output_ports.len()),
            latency: node.latency,
            in_place: node.in_place,
            bypassable: node.bypassable,
            alignment: node.alignment,
            takes_events: !node.event_inputs.is_empty(),
            sends_events: !node.event_outputs.is_empty(),
        });
    }

    /// Counting sort of the edges by destination; stable, so the order of sums is kept.
    fn index_incoming(&mut self) {
        for edge in &self.edges {
            self.nodes[edge.destination as usize].incoming.count += 1;
            if edge.feedback.is_none() {
                self.nodes[edge.source as usize].feeds += 1;
            }
        }
        let mut first = 0;
        for node in &mut self.nodes {
            node.incoming.first = first;
            first += node.incoming.count;
            node.incoming.count = 0;
        }
        self.incoming.resize(self.edges.len(), 0);
        for (index, edge) in self.edges.iter().enumerate() {
            let incoming = &mut self.nodes[edge.destination as usize].incoming;
            self.incoming[(incoming.first + incoming.count) as usize] = index as u32;
            incoming.count += 1;
        }
    }

    /// Notes for each cell what the schedule before played there.
    pub(super) fn follow(&mut self, previous: Option<&Schedule>) {
        self.follows = previous.is_some();
        let Some(previous) = previous else {
            self.cells.iter_mut().for_each(|cell| cell.previous = None);
            return;
        };
        // Both lists of edges are ordered by index: one walk along the two.
        let mut old_edges = previous.edges.iter().peekable();
        for edge in &self.edges {
            while old_edges.next_if(|old| old.id.index < edge.id.index).is_some() {}
            // An edge that feeds back otherwise than before begins anew.
            let old_edge = old_edges.peek().filter(|old| old.id == edge.id && old.feedback == edge.feedback);
            let mut old = old_edge.map_or(&[][..], |old| &previous.cells[old.cells.range()]).iter().peekable();
            for cell in &mut self.cells[edge.cells.range()] {
                let key = (cell.destination, cell.source);
                while old.next_if(|other| (other.destination, other.source) < key).is_some() {}
                cell.previous = old
                    .next_if(|other| (other.destination, other.source) == key)
                    .map(|other| Previous { gain: other.gain, delay: other.delay });
            }
        }
    }
}
