//! What compiling yields: a flat slice of ops over the slots of one arena, with the tables that the ops index. Plain
//! data; knows neither pointers nor processors.

use crate::id::{EdgeId, NodeId};
pub use crate::span::Span;

/// The slot that always holds zeros. Never written.
pub const SILENT_SLOT: u32 = 0;

/// A cell that has no term of its own: its destination reads the source's slot.
pub const ELIDED: u32 = u32::MAX;

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
    /// Sums the terms of [`Schedule::mixes`].
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

/// One crosspoint within a mix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Slot that it reads.
    pub slot: u32,
    /// Linear gain with mute and polarity applied.
    pub gain: f32,
    /// The crosspoint, an index into [`Schedule::cells`].
    pub cell: u32,
}

/// A run of terms that belong to one edge: they share the clock of their ramps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The terms, within those of the mix.
    pub terms: Span,
}

/// A sum into one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Slot that is written.
    pub destination: u32,
    /// Whether the sum goes on from what the slot holds.
    pub accumulate: bool,
    /// The terms, in the order of the sum.
    pub terms: Span,
    /// The same terms, edge by edge.
    pub rows: Span,
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
    /// Index of the edge in [`Schedule::edges`].
    pub edge: u32,
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
    /// Ports of the inputs in [`Schedule::ports`]: each a span within `inputs`.
    pub input_ports: Span,
    /// Ports of the outputs, likewise.
    pub output_ports: Span,
    /// Event edges into the node, in [`Schedule::event_edges`].
    pub events: Span,
    /// Whether the node has event output ports.
    pub sends_events: bool,
    /// The node's own latency in frames.
    pub latency: u32,
    /// Frames by which the output lags behind the rig's inputs: the latest over the node's channels.
    pub arrival: u32,
    /// Whether a bypass path is kept ready.
    pub bypassable: bool,
    /// Whether an output may stand in the slot of the input of the same port and channel.
    pub in_place: bool,
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

/// The crosspoints of one audio edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledEdge {
    /// Whose it is.
    pub id: EdgeId,
    /// Its crosspoints in [`Schedule::cells`], ordered by destination, then source; for a dense edge all of them.
    pub cells: Span,
    /// Index in [`Schedule::matrices`], if the edge is dense.
    pub matrix: Option<u32>,
    /// Its delay in frames, if it is a feedback edge.
    pub feedback: Option<u32>,
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

/// One crosspoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduledCell {
    /// Source channel within its port.
    pub source: u16,
    /// Destination channel within its port.
    pub destination: u16,
    /// Its term in [`Schedule::terms`], or [`ELIDED`]; meaningless in a dense edge.
    pub term: u32,
    /// The mix it belongs to; meaningless where elided or dense.
    pub mix: u32,
    /// Linear gain with mute and polarity applied.
    pub gain: f32,
    /// Delay in front of it, in frames.
    pub delay: u32,
}

/// A compiled graph. Immutable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// The steps, in order.
    pub ops: Box<[Op]>,
    /// Slots of the arena, [`SILENT_SLOT`] included.
    pub slots: u32,
    /// Nodes with a processor.
    pub nodes: Vec<ScheduledNode>,
    /// Slots of the nodes' channels.
    pub node_slots: Vec<u32>,
    /// Ports of all nodes of the graph, as spans within the channels of their node.
    pub ports: Vec<Span>,
    /// Sums.
    pub mixes: Vec<Mix>,
    /// Rows of the sums.
    pub rows: Vec<Row>,
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
    /// Audio edges, ordered by index of their id.
    pub edges: Vec<ScheduledEdge>,
    /// Crosspoints, edge after edge.
    pub cells: Vec<ScheduledCell>,
    /// The longest chunk that the feedback edges allow, in frames; `u32::MAX` without any.
    pub longest_chunk: u32,
    /// What each [`Op::Input`] shows, in the order of these ops.
    pub inputs: Vec<ScheduledInput>,
    /// What each [`Op::Output`] writes, in the order of these ops.
    pub outputs: Vec<ScheduledOutput>,
}

impl Schedule {
    /// The edge with that id.
    pub fn edge(&self, id: EdgeId) -> Option<&ScheduledEdge> {
        // It stands at its own position, if no position before is free or that of an edge of events.
        self.edges.get(id.index()).filter(|edge| edge.id == id).or_else(|| {
            let place = self.edges.binary_search_by_key(&id.index, |edge| edge.id.index).ok()?;
            Some(&self.edges[place]).filter(|edge| edge.id == id)
        })
    }

    /// Index in [`Self::cells`] of a crosspoint of an edge.
    pub fn cell(&self, edge: EdgeId, source: u16, destination: u16) -> Option<u32> {
        let span = self.edge(edge)?.cells;
        let cells = self.cells.get(span.range())?;
        let place = cells.binary_search_by_key(&(destination, source), |cell| (cell.destination, cell.source)).ok()?;
        Some(span.first + place as u32)
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
