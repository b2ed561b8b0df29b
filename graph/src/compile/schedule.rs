//! What compiling yields: a flat slice of ops over the slots of one arena, with the tables that the ops index, and the
//! graph that they are for, whose nodes, edges and crosspoints are not told once more. Plain data; knows neither pointers
//! nor processors.

use crate::graph::flat::{Flat, FlatEdge, FlatNode, Traits};
use crate::id::{EdgeId, NodeId};
pub use crate::span::Span;
use std::sync::Arc;

/// The slot that always holds zeros. Never written.
pub const SILENT_SLOT: u32 = 0;

/// One step of a schedule. The fields index the schedule's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Makes a slot zero, for sums that go on from it.
    Clear {
        /// Which.
        slot: u32,
    },
    /// Reads a device channel into a slot.
    Input {
        /// The device's channel, from 0.
        channel: u32,
        /// Where to.
        slot: u32,
    },
    /// Writes a slot to a device channel, or adds it to what was written there before.
    Output {
        /// The device's channel, from 0.
        channel: u32,
        /// Where from.
        slot: u32,
        /// Whether the channel has been written in this chunk.
        accumulate: bool,
    },
    /// Sums into one or several channels, by [`Schedule::mixes`].
    Mix {
        /// Index of the mix.
        mix: u32,
    },
    /// Multiplies by a dense matrix of [`Schedule::matrices`].
    Matrix {
        /// Index of the matrix.
        matrix: u32,
    },
    /// Appends a slot to a delay line of [`Schedule::lines`].
    DelayWrite {
        /// Index of the line.
        line: u32,
        /// Where from.
        slot: u32,
    },
    /// Reads a tap of [`Schedule::taps`] from its line, written before in the same chunk.
    DelayRead {
        /// Index of the tap.
        tap: u32,
        /// Where to.
        slot: u32,
    },
    /// Appends a slot to a line that a feedback edge reads.
    FeedbackWrite {
        /// Index of the line.
        line: u32,
        /// Where from.
        slot: u32,
    },
    /// Reads what a feedback edge carried, written in earlier chunks.
    FeedbackRead {
        /// Index of the tap.
        tap: u32,
        /// Where to.
        slot: u32,
    },
    /// Merges the event edges into a node's list.
    Merge {
        /// Index of the node in [`Schedule::nodes`].
        node: u32,
    },
    /// Calls a node's processor.
    Process {
        /// Index of the node in [`Schedule::nodes`].
        node: u32,
    },
}

/// Sums into neighbouring channels of one port, channel after channel: each is complete before the next one begins, which
/// may stand where sources of the one before stood. Channel `c` of the sums hears, term by term, the crosspoint that comes
/// `c` behind the term's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// How many channels are summed.
    pub channels: u32,
    /// Whether the sums go on from what the slots hold.
    pub accumulate: bool,
    /// Of each channel the slot that is written, then those that are read, in [`Schedule::mix_slots`].
    pub slots: Span,
    /// The terms in [`Schedule::terms`], in the order of the sum.
    pub terms: Span,
}

/// What one edge adds to each channel of a mix; into a channel alone it may add several, one a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Position of the edge.
    pub edge: u32,
    /// The crosspoint that the first channel hears, by its number in the graph.
    pub cell: u32,
}

/// A dense edge: every destination channel hears every source channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixPlan {
    /// Slots read, in [`Schedule::matrix_slots`].
    pub sources: Span,
    /// Slots written, in [`Schedule::matrix_slots`].
    pub destinations: Span,
    /// Whether the sums go on from what the destinations hold.
    pub accumulate: bool,
    /// Whose it is.
    pub edge: EdgeId,
    /// Gains in [`Schedule::matrix_gains`], destination by destination.
    pub gains: Span,
}

/// A delay line: the past of one source channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Node whose output is kept.
    pub node: NodeId,
    /// Output channel of the node, counted over all its ports.
    pub channel: u32,
    /// The longest delay read from it, in frames.
    pub longest: u32,
    /// Whether a feedback edge reads it.
    pub feedback: bool,
}

/// A place where a delay line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Index of the line.
    pub line: u32,
    /// Delay in frames.
    pub delay: u32,
    /// Delay of the schedule before this one, from which the tap cross-fades when it differs.
    pub previous: u32,
}

/// One node of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledNode {
    /// Whose it is.
    pub id: NodeId,
    /// Slots of the input channels, port after port, in [`Schedule::node_slots`].
    pub inputs: Span,
    /// Slots of the output channels, likewise.
    pub outputs: Span,
    /// Event edges into the node, in [`Schedule::event_edges`].
    pub events: Span,
    /// Frames by which the output lags behind the rig's inputs: the latest over the node's channels.
    pub arrival: u32,
    /// Whether a processor renders it; the rig's own inputs and outputs have none.
    pub hosted: bool,
}

/// An event edge into a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventEdge {
    /// Whose it is.
    pub id: EdgeId,
    /// Index of the source node in [`Schedule::nodes`].
    pub source: u32,
    /// Event output port of the source.
    pub source_port: u16,
    /// Event input port of the destination.
    pub destination_port: u16,
    /// Delay in frames, compensating for latency; for a feedback edge its length.
    pub delay: u32,
    /// Whether the source runs after the destination.
    pub feedback: bool,
}

/// A device input channel that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledInput {
    /// The device's channel, from 0.
    pub device_channel: u32,
    /// The input node.
    pub node: NodeId,
    /// Output channel of the node, counted over all its ports.
    pub channel: u32,
}

/// A device output channel that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledOutput {
    /// The device's channel, from 0.
    pub device_channel: u32,
    /// The output node.
    pub node: NodeId,
    /// Input channel of the node, counted over all its ports.
    pub channel: u32,
    /// Frames behind the rig's inputs.
    pub latency: u32,
}

/// A compiled graph. Immutable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// The graph: what its edges, crosspoints and ports are is said there and not once more.
    pub(crate) flat: Arc<Flat>,
    /// The steps, in order.
    pub ops: Box<[Op]>,
    /// Slots of the arena, [`SILENT_SLOT`] included.
    pub slots: u32,
    /// Nodes with a processor.
    pub nodes: Vec<ScheduledNode>,
    /// Slots of the nodes' channels.
    pub node_slots: Vec<u32>,
    /// Sums.
    pub mixes: Vec<Mix>,
    /// Slots of the sums.
    pub mix_slots: Vec<u32>,
    /// Terms of the sums.
    pub terms: Vec<Term>,
    /// Dense edges.
    pub matrices: Vec<MatrixPlan>,
    /// Slots of the dense edges.
    pub matrix_slots: Vec<u32>,
    /// Gains of the dense edges.
    pub matrix_gains: Vec<f32>,
    /// Delay lines.
    pub lines: Vec<Line>,
    /// Taps of the lines.
    pub taps: Vec<Tap>,
    /// Event edges.
    pub event_edges: Vec<EventEdge>,
    /// Of each crosspoint whether it has no term: its destination reads the source's slot.
    pub elided: Vec<bool>,
    /// Of each crosspoint the delay in front of it, in frames; empty if there are none.
    pub delays: Vec<u32>,
    /// The longest chunk that the feedback edges allow, in frames; `u32::MAX` without any.
    pub longest_chunk: u32,
    /// What each [`Op::Input`] shows, in the order of these ops.
    pub inputs: Vec<ScheduledInput>,
    /// What each [`Op::Output`] writes, in the order of these ops.
    pub outputs: Vec<ScheduledOutput>,
}

impl Schedule {
    /// The audio edge with that id.
    pub(crate) fn edge(&self, id: EdgeId) -> Option<&FlatEdge> {
        self.flat.edges.get(id.index()).filter(|edge| edge.id == id && edge.is_audio())
    }

    /// The number of a crosspoint of an edge.
    pub(crate) fn cell(&self, edge: EdgeId, source: u16, destination: u16) -> Option<u32> {
        let span = self.edge(edge)?.cells;
        let cells = self.flat.cells.get(span.range())?;
        let place = cells.binary_search_by_key(&(destination, source), |cell| (cell.destination, cell.source)).ok()?;
        Some(span.first + place as u32)
    }

    /// What the graph says of a node.
    pub(crate) fn flat_node(&self, node: &ScheduledNode) -> &FlatNode {
        &self.flat.nodes[node.id.index()]
    }

    /// What else the graph says of it.
    pub(crate) fn traits(&self, node: &ScheduledNode) -> &Traits {
        &self.flat.traits[node.id.index()]
    }

    /// The input ports of a node, as spans within its input channels.
    pub fn input_ports(&self, node: &ScheduledNode) -> &[Span] {
        &self.flat.ports[self.traits(node).input_ports.range()]
    }

    /// The output ports of a node, as spans within its output channels.
    pub fn output_ports(&self, node: &ScheduledNode) -> &[Span] {
        &self.flat.ports[self.traits(node).output_ports.range()]
    }

    /// Whether an output of a node may stand in the slot of the input of the same port and channel.
    pub fn is_in_place(&self, node: &ScheduledNode) -> bool {
        self.flat_node(node).in_place
    }

    /// The sums of a mix, channel after channel: of each the slot that is written, and its terms with the slot that each
    /// reads.
    pub fn sums(&self, mix: &Mix) -> impl Iterator<Item = (u32, impl Iterator<Item = (u32, Term)> + '_)> + '_ {
        let terms = &self.terms[mix.terms.range()];
        let sums = (0..).zip(self.mix_slots[mix.slots.range()].chunks_exact(terms.len() + 1));
        sums.map(move |(channel, slots)| {
            let terms = terms.iter().map(move |term| Term { cell: term.cell + channel, ..*term });
            (slots[0], slots[1..].iter().copied().zip(terms))
        })
    }

    /// The delay in front of a crosspoint, in frames.
    pub(crate) fn delay(&self, cell: u32) -> u32 {
        self.delays.get(cell as usize).copied().unwrap_or(0)
    }

    /// The shortest and the longest delay in front of the crosspoints of an audio edge, in frames; none without any.
    pub fn edge_delays(&self, edge: EdgeId) -> Option<(u32, u32)> {
        let cells = self.edge(edge)?.cells;
        let delays = || (cells.first..cells.first + cells.count).map(|cell| self.delay(cell));
        delays().min().zip(delays().max())
    }

    /// Whether it has a crosspoint and leaves it out of its sums.
    pub fn is_elided(&self, edge: EdgeId, source: u16, destination: u16) -> bool {
        self.cell(edge, source, destination).is_some_and(|cell| self.elided[cell as usize])
    }

    /// Index in [`Self::nodes`] of a node.
    pub fn node(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// The latest of the outputs, in frames behind the rig's inputs.
    pub fn latency(&self) -> u32 {
        self.outputs.iter().map(|output| output.latency).max().unwrap_or(0)
    }
}
