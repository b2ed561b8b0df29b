//! Edges: what joins an output port to an input port. Says how the signal travels, never carries it.

use super::matrix::Matrix;
use crate::id::NodeId;

/// The delay of a feedback edge, in frames, where the user named none.
pub const DEFAULT_FEEDBACK_FRAMES: u32 = 64;

/// The longest delay of a feedback edge, in frames.
pub const MAX_FEEDBACK_FRAMES: u32 = 1 << 20;

/// Whether an edge takes part in delay compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Timing {
    /// Delayed so that it lines up with what else arrives at its destination.
    #[default]
    Aligned,
    /// Never delayed, and not counted in its destination's arrival.
    Immediate,
}

/// A port of a node. Whether it is an input or an output, for audio or for events, follows from its place in an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The node.
    pub node: NodeId,
    /// The number of the port among those of its direction and signal, counted from 0.
    pub port: u16,
}

impl Endpoint {
    /// That port of that node.
    pub fn new(node: NodeId, port: u16) -> Self {
        Self { node, port }
    }
}

/// What an edge carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// Audio, through a matrix of crosspoints.
    Audio {
        /// One row for each channel of the source port, one column for each of the destination port.
        matrix: Matrix,
    },
    /// Events.
    Events,
}

/// A cable from an output port to an input port.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The output port it comes from.
    pub source: Endpoint,
    /// The input port it goes to.
    pub destination: Endpoint,
    /// What it carries.
    pub signal: Signal,
    /// Its timing; `None` is the graph's default.
    pub timing: Option<Timing>,
    /// `Some(frames)` is a feedback edge with that delay, 1 to [`MAX_FEEDBACK_FRAMES`]: it may close a cycle.
    pub feedback: Option<u32>,
}

impl Edge {
    /// An audio edge of default timing, without feedback.
    pub fn audio(source: Endpoint, destination: Endpoint, matrix: Matrix) -> Self {
        Self { source, destination, signal: Signal::Audio { matrix }, timing: None, feedback: None }
    }

    /// An event edge of default timing, without feedback.
    pub fn events(source: Endpoint, destination: Endpoint) -> Self {
        Self { source, destination, signal: Signal::Events, timing: None, feedback: None }
    }

    /// The same edge with that timing, whatever the graph's default.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing: Some(timing), ..self }
    }

    /// The same edge as a feedback edge with that delay in frames.
    pub fn with_feedback(self, frames: u32) -> Self {
        Self { feedback: Some(frames), ..self }
    }

    /// The crosspoints of an audio edge; `None` for events.
    pub fn matrix(&self) -> Option<&Matrix> {
        match &self.signal {
            Signal::Audio { matrix } => Some(matrix),
            Signal::Events => None,
        }
    }

    pub(super) fn matrix_mut(&mut self) -> Option<&mut Matrix> {
        match &mut self.signal {
            Signal::Audio { matrix } => Some(matrix),
            Signal::Events => None,
        }
    }
}
