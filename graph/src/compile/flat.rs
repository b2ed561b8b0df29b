//! The graph as flat arrays, which is what all passes work on: indices instead of ids, channels numbered through the
//! whole rig, edges and cells in the order of sums. Decides nothing.

use super::schedule::{Schedule, ScheduledCell, Span};
use crate::graph::{Alignment, Edge, Graph, Node, NodeKind, Timing};
use crate::id::{EdgeId, NodeId};
use crate::port::AudioPort;

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
    /// Its ports in [`Flat::ports`]: the inputs, right behind them the outputs.
    pub input_ports: Span,
    pub output_ports: Span,
    pub latency: u32,
    pub in_place: bool,
    pub bypassable: bool,
    pub alignment: Alignment,
    pub takes_events: bool,
    pub sends_events: bool,
    /// Whether a dense edge leads into it.
    pub dense: bool,
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
    /// Of a feedback edge its length in frames; of an event edge what the latency pass sets; else 0.
    pub delay: u32,
    pub feedback: bool,
    pub events: bool,
    pub dense: bool,
    /// Whether it is delayed to line up with others where it arrives: aligned, and no feedback edge.
    pub waits: bool,
}

/// An edge into a node, with what a walk over the graph asks of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incoming {
    /// Place in [`Flat::edges`].
    pub edge: u32,
    pub source: u32,
    pub feedback: bool,
    pub waits: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FlatCell {
    /// Output channel, in the numbering of the whole rig.
    pub source: u32,
    /// Input channel, likewise.
    pub destination: u32,
    pub gain: f32,
    /// In frames: of a feedback edge its length, else 0 until the latency pass.
    pub delay: u32,
    /// Place of its edge in [`Flat::edges`].
    pub edge: u32,
}

/// What the schedule before this one played in a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    pub(super) incoming: Vec<Incoming>,
    /// Cells of each edge, by destination, then source.
    pub(super) cells: Vec<FlatCell>,
    /// Channels of each port, counted from the first input or output channel of its node.
    pub(super) ports: Vec<Span>,
    /// Device channel behind each output channel of an input node; others none.
    pub(super) device_inputs: Vec<Option<u32>>,
    /// Device channel behind each input channel of an output node, and its alignment group.
    pub(super) device_outputs: Vec<(Option<u32>, Option<u16>)>,
    /// Of each input channel its cells, in `feeders`.
    feeding: Vec<Span>,
    /// Cells by the input channel that they lead to; those of one channel in the order of its sum.
    feeders: Vec<u32>,
    /// Of each cell what the schedule before played there, if it had the cell; empty if there was no schedule before.
    pub(super) previous: Vec<Option<Previous>>,
    /// Whether there was a schedule before, so that new cells fade in.
    pub(super) follows: bool,
    input_channels: u32,
    output_channels: u32,
    node_places: Vec<u32>,
}

impl Flat {
    /// Input channels of the whole rig.
    pub(super) fn input_channels(&self) -> usize {
        self.input_channels as usize
    }

    /// Output channels of the whole rig.
    pub(super) fn output_channels(&self) -> usize {
        self.output_channels as usize
    }

    /// The cells that lead to an input channel, in the order of its sum.
    pub(super) fn feeders(&self, input: usize) -> &[u32] {
        &self.feeders[self.feeding[input].range()]
    }

    /// What the schedule before played in a cell.
    pub(super) fn played_before(&self, cell: u32) -> Option<Previous> {
        self.previous.get(cell as usize).copied().flatten()
    }

    /// Reads a graph, keeping the memory of the last one.
    pub(super) fn read(&mut self, graph: &Graph) {
        self.clear();
        self.node_places.resize(graph.node_bound(), u32::MAX);
        for (id, node) in graph.nodes() {
            self.node_places[id.index()] = self.nodes.len() as u32;
            self.read_node(id, node);
        }
        self.device_inputs.resize(self.output_channels(), None);
        self.device_outputs.resize(self.input_channels(), (None, None));
        let rig_timing = graph.default_timing();
        for (id, edge) in graph.edges() {
            self.read_edge(id, edge, rig_timing);
        }
        self.index_incoming();
        self.index_feeders();
    }

    fn read_edge(&mut self, id: EdgeId, edge: &Edge, rig_timing: Timing) {
        let source = self.node_places[edge.source.node.index()];
        let destination = self.node_places[edge.destination.node.index()];
        let from = &mut self.nodes[source as usize];
        from.feeds += u32::from(edge.feedback.is_none());
        let (outputs, output_port) = (from.outputs.first, from.output_ports.first + u32::from(edge.source.port));
        let to = &mut self.nodes[destination as usize];
        to.incoming.count += 1;
        let (inputs, input_port) = (to.inputs.first, to.input_ports.first + u32::from(edge.destination.port));
        let mut flat = FlatEdge {
            id,
            source,
            destination,
            source_port: edge.source.port,
            destination_port: edge.destination.port,
            source_channel: outputs,
            destination_channel: inputs,
            cells: Span::default(),
            delay: edge.feedback.unwrap_or(0),
            feedback: edge.feedback.is_some(),
            events: true,
            dense: false,
            waits: edge.timing.unwrap_or(rig_timing) == Timing::Aligned && edge.feedback.is_none(),
        };
        if let Some(matrix) = edge.matrix() {
            flat.events = false;
            flat.dense = matrix.is_dense();
            to.dense |= flat.dense;
            flat.source_channel += self.ports[output_port as usize].first;
            flat.destination_channel += self.ports[input_port as usize].first;
            let first_cell = self.cells.len();
            let index = self.edges.len() as u32;
            matrix.cells().for_each(|(source, destination, cell)| {
                self.cells.push(FlatCell {
                    source: flat.source_channel + source,
                    destination: flat.destination_channel + destination,
                    gain: cell.effective(),
                    delay: flat.delay,
                    edge: index,
                });
            });
            flat.cells = Span::new(first_cell, self.cells.len());
        }
        self.edges.push(flat);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.edges.clear();
        self.incoming.clear();
        self.cells.clear();
        self.ports.clear();
        self.device_inputs.clear();
        self.device_outputs.clear();
        self.feeding.clear();
        (self.input_channels, self.output_channels) = (0, 0);
        self.node_places.clear();
    }

    fn read_node(&mut self, id: NodeId, node: &Node) {
        let (input_ports, inputs) = self.read_ports(&node.audio_inputs, self.input_channels);
        let (output_ports, outputs) = self.read_ports(&node.audio_outputs, self.output_channels);
        self.input_channels += inputs.count;
        self.output_channels += outputs.count;
        let kind = match &node.kind {
            NodeKind::Input { device_channels } => {
                self.device_inputs.resize(outputs.range().end, None);
                let places = &mut self.device_inputs[outputs.range()];
                places.iter_mut().zip(device_channels).for_each(|(place, channel)| *place = *channel);
                Kind::Input
            }
            NodeKind::Output { device_channels, alignment_groups } => {
                self.device_outputs.resize(inputs.range().end, (None, None));
                let places = &mut self.device_outputs[inputs.range()];
                places.iter_mut().zip(device_channels).for_each(|(place, channel)| place.0 = *channel);
                places.iter_mut().zip(alignment_groups).for_each(|(place, group)| place.1 = *group);
                Kind::Output
            }
            NodeKind::Processor => Kind::Processor,
        };
        self.nodes.push(FlatNode {
            id,
            kind,
            incoming: Span::default(),
            feeds: 0,
            inputs,
            outputs,
            input_ports,
            output_ports,
            latency: node.latency,
            in_place: node.in_place,
            bypassable: node.bypassable,
            alignment: node.alignment,
            takes_events: !node.event_inputs.is_empty(),
            sends_events: !node.event_outputs.is_empty(),
            dense: false,
        });
    }

    /// The ports of a node and their channels, which begin at `first`.
    fn read_ports(&mut self, ports: &[AudioPort], first: u32) -> (Span, Span) {
        let first_port = self.ports.len();
        let mut count = 0;
        for port in ports {
            let channels = port.layout.channels();
            self.ports.push(Span { first: count, count: channels });
            count += channels;
        }
        (Span::new(first_port, self.ports.len()), Span { first, count })
    }

    /// Counting sort of the edges by destination. From the last to the first into places from the last to the first, so
    /// that the order of sums is kept.
    fn index_incoming(&mut self) {
        let mut end = 0;
        for node in &mut self.nodes {
            end += node.incoming.count;
            node.incoming.first = end;
        }
        self.incoming.resize(self.edges.len(), Incoming::default());
        for (index, edge) in self.edges.iter().enumerate().rev() {
            let place = &mut self.nodes[edge.destination as usize].incoming.first;
            *place -= 1;
            let FlatEdge { source, feedback, waits, .. } = *edge;
            self.incoming[*place as usize] = Incoming { edge: index as u32, source, feedback, waits };
        }
    }

    /// The same for the cells by input channel.
    fn index_feeders(&mut self) {
        self.feeding.resize(self.input_channels(), Span::default());
        for cell in &self.cells {
            self.feeding[cell.destination as usize].count += 1;
        }
        let mut end = 0;
        for feeding in &mut self.feeding {
            end += feeding.count;
            feeding.first = end;
        }
        self.feeders.resize(self.cells.len(), 0);
        for (index, cell) in self.cells.iter().enumerate().rev() {
            let place = &mut self.feeding[cell.destination as usize].first;
            *place -= 1;
            self.feeders[*place as usize] = index as u32;
        }
    }

    /// Notes for each cell what the schedule before played there.
    pub(super) fn follow(&mut self, previous: Option<&Schedule>) {
        self.previous.clear();
        self.follows = previous.is_some();
        let Some(previous) = previous else { return };
        // Both lists of edges are ordered by index: one walk along the two.
        let mut old_edges = previous.edges.iter().peekable();
        for edge in &self.edges {
            while old_edges.next_if(|old| old.id.index < edge.id.index).is_some() {}
            // An edge that feeds back otherwise than before begins anew.
            let old_edge =
                old_edges.peek().filter(|old| old.id == edge.id && old.feedback == edge.feedback.then_some(edge.delay));
            let mut old = old_edge.map_or(&[][..], |old| &previous.cells[old.cells.range()]);
            for cell in &self.cells[edge.cells.range()] {
                let key = (cell.destination - edge.destination_channel, cell.source - edge.source_channel);
                let place = |other: &ScheduledCell| (u32::from(other.destination), u32::from(other.source));
                while old.first().is_some_and(|other| place(other) < key) {
                    old = &old[1..];
                }
                let found = old.first().filter(|other| place(other) == key);
                self.previous.push(found.map(|other| Previous { gain: other.gain, delay: other.delay }));
            }
        }
    }
}
