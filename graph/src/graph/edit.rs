//! Edits as values, and why one is refused. Says what is to change; [`super::transaction`] changes it.

use super::edge::{Edge, MAX_FEEDBACK_FRAMES, Timing};
use super::matrix::{Cell, CellBlock, MatrixError};
use super::node::{MAX_LATENCY, Node, NodeKind};
use super::{MAX_EDGES, MAX_NODES, MAX_PORTS};
use crate::id::{EdgeId, NodeId};
use crate::port::{AudioPort, EventPort, MAX_PORT_CHANNELS};
use std::fmt;

/// One change of a graph. See [`super::Graph::apply`].
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Adds a node.
    AddNode {
        /// `None` for a new id; `Some` to bring back what was removed.
        id: Option<NodeId>,
        /// The node.
        node: Node,
    },
    /// Removes a node and its edges.
    RemoveNode {
        /// The node.
        id: NodeId,
    },
    /// Adds an edge.
    Connect {
        /// `None` for a new id; `Some` to bring back what was removed.
        id: Option<EdgeId>,
        /// The edge.
        edge: Edge,
    },
    /// Removes an edge.
    Disconnect {
        /// The edge.
        id: EdgeId,
    },
    /// Sets one crosspoint of an audio edge.
    SetCell {
        /// The edge.
        edge: EdgeId,
        /// The source channel.
        source: u32,
        /// The destination channel.
        destination: u32,
        /// `None` takes the crosspoint away.
        cell: Option<Cell>,
    },
    /// Sets a rectangle of crosspoints of an audio edge.
    SetCells {
        /// The edge.
        edge: EdgeId,
        /// The rectangle and its cells.
        block: CellBlock,
    },
    /// Sets an edge's timing.
    SetTiming {
        /// The edge.
        edge: EdgeId,
        /// `None` for the graph's default.
        timing: Option<Timing>,
    },
    /// Makes an edge a feedback edge or, by `None`, a plain one.
    SetFeedback {
        /// The edge.
        edge: EdgeId,
        /// The delay in frames.
        feedback: Option<u32>,
    },
    /// Sets a node's latency.
    SetLatency {
        /// The node.
        node: NodeId,
        /// In frames.
        latency: u32,
    },
    /// Sets all ports of a node. Edges whose port is gone are removed, matrices and channel mappings cut or extended.
    SetPorts {
        /// The node.
        node: NodeId,
        /// Where audio comes in.
        audio_inputs: Vec<AudioPort>,
        /// Where audio goes out.
        audio_outputs: Vec<AudioPort>,
        /// Where events come in.
        event_inputs: Vec<EventPort>,
        /// Where events go out.
        event_outputs: Vec<EventPort>,
    },
    /// Sets what a node stands for, channel mapping included.
    SetKind {
        /// The node.
        node: NodeId,
        /// What it stands for.
        kind: NodeKind,
    },
    /// Sets a node's name.
    Rename {
        /// The node.
        node: NodeId,
        /// What people call it.
        name: String,
    },
    /// Sets the timing of edges that have none of their own.
    SetDefaultTiming {
        /// The timing.
        timing: Timing,
    },
}

/// What a list of edits did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// The edits that take the graph back to where it was, ids included.
    pub inverse: Vec<Edit>,
    /// The nodes added, in the order of their edits.
    pub nodes: Vec<NodeId>,
    /// The edges added, in the order of their edits.
    pub edges: Vec<EdgeId>,
}

/// Which list of a node's ports is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortKind {
    /// Where audio comes in.
    AudioInput,
    /// Where audio goes out.
    AudioOutput,
    /// Where events come in.
    EventInput,
    /// Where events go out.
    EventOutput,
}

impl fmt::Display for PortKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AudioInput => "audio input",
            Self::AudioOutput => "audio output",
            Self::EventInput => "event input",
            Self::EventOutput => "event output",
        })
    }
}

/// Why an edit was refused. The graph is then as it was before the transaction.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no such node.
    #[error("there is no node {0}; it was removed, or is another graph's")]
    UnknownNode(NodeId),
    /// There is no such edge.
    #[error("there is no edge {0}; it was removed, or is another graph's")]
    UnknownEdge(EdgeId),
    /// The position of the id is taken, or beyond the largest graph.
    #[error("the id {0} cannot be used again, its position is taken; leave it out to be given a new one")]
    NodeIdTaken(NodeId),
    /// The position of the id is taken, or beyond the largest graph.
    #[error("the id {0} cannot be used again, its position is taken; leave it out to be given a new one")]
    EdgeIdTaken(EdgeId),
    /// The graph is full.
    #[error("a graph has at most {MAX_NODES} nodes; remove one first")]
    TooManyNodes,
    /// The graph is full.
    #[error("a graph has at most {MAX_EDGES} edges; remove one first, or use one edge for several crosspoints")]
    TooManyEdges,
    /// The node has no such port.
    #[error("`{node}` has no {kind} port {port}; it has {count}, counted from 0")]
    NoSuchPort {
        /// The node's name.
        node: String,
        /// Which of its lists.
        kind: PortKind,
        /// The port asked for.
        port: u16,
        /// How many there are.
        count: usize,
    },
    /// The node has too many ports.
    #[error("`{node}` has {count} {kind} ports; give it at most {MAX_PORTS}")]
    TooManyPorts {
        /// The node's name.
        node: String,
        /// Which of its lists.
        kind: PortKind,
        /// How many there are.
        count: usize,
    },
    /// A port has no channel or too many.
    #[error("port `{port}` of `{node}` has {channels} channels; give it 1 to {MAX_PORT_CHANNELS}")]
    Channels {
        /// The node's name.
        node: String,
        /// The port's name.
        port: String,
        /// How many channels it has.
        channels: u32,
    },
    /// A device's inputs were given audio inputs, or its outputs audio outputs.
    #[error("`{node}` stands for channels of the device and can have no {kind} ports; remove them")]
    DevicePorts {
        /// The node's name.
        node: String,
        /// The list that must be empty.
        kind: PortKind,
    },
    /// A channel mapping does not fit the node's ports.
    #[error(
        "`{node}` has {channels} channels but maps {entries}; give one entry for each channel, `None` for unmapped"
    )]
    Mapping {
        /// The node's name.
        node: String,
        /// Channels of its ports.
        channels: usize,
        /// Entries of the mapping.
        entries: usize,
    },
    /// A node's latency is too high to be true.
    #[error("`{node}` has a latency of {latency} frames; the most is {MAX_LATENCY}")]
    Latency {
        /// The node's name.
        node: String,
        /// In frames.
        latency: u32,
    },
    /// A feedback edge's delay is out of range.
    #[error("a feedback edge of {0} frames; give it 1 to {MAX_FEEDBACK_FRAMES}")]
    Feedback(u32),
    /// A matrix does not fit the ports it joins.
    #[error(
        "a matrix of {sources} sources and {destinations} destinations joins `{source_node}`, whose port has \
         {source_channels} channels, and `{destination_node}`, whose port has {destination_channels}; make them equal"
    )]
    MatrixSize {
        /// The matrix's sources.
        sources: u32,
        /// The matrix's destinations.
        destinations: u32,
        /// The source node's name.
        source_node: String,
        /// Channels of the source port.
        source_channels: u32,
        /// The destination node's name.
        destination_node: String,
        /// Channels of the destination port.
        destination_channels: u32,
    },
    /// A gain is infinite or not a number.
    #[error("the gain from channel {source_channel} to channel {destination_channel} is {gain}; give a finite number")]
    Gain {
        /// The crosspoint's source.
        source_channel: u32,
        /// The crosspoint's destination.
        destination_channel: u32,
        /// The gain.
        gain: f32,
    },
    /// An edge of events has no crosspoints.
    #[error("edge {0} carries events and has no crosspoints; name an audio edge")]
    NotAudio(EdgeId),
    /// Crosspoints outside an edge's matrix.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// Edges close a cycle without a feedback edge.
    #[error("{}; make one of the edges a feedback edge", Cycle(names))]
    Cycle {
        /// The nodes, each once, in the direction of the edges; the last feeds the first.
        path: Vec<NodeId>,
        /// Their names.
        names: Vec<String>,
    },
}

/// Shows a cycle with its first node repeated at the end.
struct Cycle<'a>(&'a [String]);

impl fmt::Display for Cycle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.0 {
            write!(f, "{name} -> ")?;
        }
        f.write_str(self.0.first().map_or("", String::as_str))
    }
}
