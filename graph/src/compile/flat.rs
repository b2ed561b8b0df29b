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
    /// Whether all audio edges into it are straight: each channel leads to its like and nowhere else, so that cell c joins
    /// channel c of both ports, at any gain.
    pub straight: bool,
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
    /// First channel of the source's port, in the numbering of the whole rig.
    pub source_channel: u32,
    pub first_cell: u32,
    /// Port of the destination; of its event ports if the edge carries events.
    pub port: u16,
    pub events: bool,
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
    /// Of each input channel of nodes that are not straight its cells, in `feeders`.
    feeding: Vec<Span>,
    /// Cells by the input channel that they lead to; those of one channel in the order of its sum.
    feeders: Vec<u32>,
    /// Of each cell what the schedule before played there, if it had the cell; empty if there was no schedule before.
    previous: Vec<Option<Previous>>,
    /// Whether there was a schedule before, so that new cells fade in.
    pub(super) follows: bool,
    /// Whether a node is late or an edge feeds back, so that cells may have delays.
    pub(super) has_delays: bool,
    /// Whether the schedule before had cells with delays.
    pub(super) had_delays: bool,
    /// Whether an edge is dense.
    pub(super) has_dense: bool,
    /// Whether a node is not straight.
    has_crossed: bool,
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

    /// The cells that lead to an input channel of a node that is not straight, in the order of its sum.
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
        self.edges.reserve(graph.edge_count());
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
        let feedback = edge.feedback.is_some();
        self.has_delays |= feedback;
        let from = &mut self.nodes[source as usize];
        from.feeds += u32::from(!feedback);
        let (mut source_channel, output_port) = (from.outputs.first, from.output_ports.first);
        let to = &mut self.nodes[destination as usize];
        to.incoming.count += 1;
        let (mut destination_channel, input_port) = (to.inputs.first, to.input_ports.first);
        let delay = edge.feedback.unwrap_or(0);
        let (mut cells, mut dense) = (Span::default(), false);
        if let Some(matrix) = edge.matrix() {
            source_channel += self.ports[(output_port + u32::from(edge.source.port)) as usize].first;
            destination_channel += self.ports[(input_port + u32::from(edge.destination.port)) as usize].first;
            let first = self.cells.len();
            let edge = self.edges.len() as u32;
            if matrix.is_straight() {
                let factors = matrix.straight_factors();
                self.cells.extend((0..).zip(factors).map(|(channel, gain)| FlatCell {
                    source: source_channel + channel,
                    destination: destination_channel + channel,
                    gain,
                    delay,
                    edge,
                }));
            } else {
                to.straight = false;
                dense = matrix.is_dense();
                to.dense |= dense;
                self.has_crossed = true;
                self.has_dense |= dense;
                self.cells.extend(matrix.cells().map(|(source, destination, cell)| FlatCell {
                    source: source_channel + source,
                    destination: destination_channel + destination,
                    gain: cell.effective(),
                    delay,
                    edge,
                }));
            }
            cells = Span::new(first, self.cells.len());
        }
        self.edges.push(FlatEdge {
            id,
            source,
            destination,
            source_port: edge.source.port,
            destination_port: edge.destination.port,
            source_channel,
            destination_channel,
            cells,
            delay,
            feedback,
            events: edge.matrix().is_none(),
            dense,
            waits: edge.timing.unwrap_or(rig_timing) == Timing::Aligned && !feedback,
        });
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
        (self.has_delays, self.has_dense, self.has_crossed) = (false, false, false);
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
        self.has_delays |= node.latency > 0;
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
            straight: true,
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
            self.incoming[*place as usize] = Incoming {
                edge: index as u32,
                source: edge.source,
                source_channel: edge.source_channel,
                first_cell: edge.cells.first,
                port: edge.destination_port,
                events: edge.events,
                feedback: edge.feedback,
                waits: edge.waits,
            };
        }
    }

    /// The same for the cells by input channel, of nodes that are not straight.
    fn index_feeders(&mut self) {
        if !self.has_crossed {
            return;
        }
        self.feeding.resize(self.input_channels(), Span::default());
        let crossed = |edge: &&FlatEdge| !self.nodes[edge.destination as usize].straight;
        let mut count = 0;
        for edge in self.edges.iter().filter(crossed) {
            for cell in &self.cells[edge.cells.range()] {
                self.feeding[cell.destination as usize].count += 1;
                count += 1;
            }
        }
        let mut end = 0;
        for feeding in &mut self.feeding {
            end += feeding.count;
            feeding.first = end;
        }
        self.feeders.resize(count, 0);
        for edge in self.edges.iter().filter(crossed).rev() {
            for index in edge.cells.range().rev() {
                let place = &mut self.feeding[self.cells[index].destination as usize].first;
                *place -= 1;
                self.feeders[*place as usize] = index as u32;
            }
        }
    }

    /// Notes for each cell what the schedule before played there.
    pub(super) fn follow(&mut self, previous: Option<&Schedule>) {
        self.previous.clear();
        self.follows = previous.is_some();
        self.had_delays = false;
        let Some(previous) = previous else { return };
        self.had_delays = !previous.taps.is_empty();
        self.previous.reserve(self.cells.len());
        // Both lists of edges are ordered by index: one walk along the two.
        let mut old_edges = previous.edges.iter().peekable();
        for edge in self.edges.iter().filter(|edge| !edge.events) {
            while old_edges.next_if(|old| old.id.index < edge.id.index).is_some() {}
            // An edge that feeds back otherwise than before begins anew.
            let old_edge =
                old_edges.peek().filter(|old| old.id == edge.id && old.feedback == edge.feedback.then_some(edge.delay));
            let cells = &self.cells[edge.cells.range()];
            let old = old_edge.map_or(&[][..], |old| &previous.cells[old.cells.range()]);
            let key =
                |cell: &FlatCell| (cell.destination - edge.destination_channel, cell.source - edge.source_channel);
            let old_key = |old: &ScheduledCell| (u32::from(old.destination), u32::from(old.source));
            let played = |old: &ScheduledCell| Some(Previous { gain: old.gain, delay: old.delay });
            if old.len() == cells.len() && old.iter().zip(cells).all(|(old, cell)| old_key(old) == key(cell)) {
                self.previous.extend(old.iter().map(played));
                continue;
            }
            let mut old = old.iter().peekable();
            for cell in cells {
                while old.next_if(|other| old_key(other) < key(cell)).is_some() {}
                self.previous
                    .push(old.peek().filter(|other| old_key(other) == key(cell)).and_then(|other| played(other)));
            }
        }
    }
}
