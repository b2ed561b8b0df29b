//! Putting a node into a cable and taking one out of a chain, each one step of the history that is heard as one ramp. Works
//! out edits of the graph, never makes or drops a plugin.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::cable;
use crosspoint_graph::graph::{Edit, EditError, MAX_FEEDBACK_FRAMES};
use crosspoint_graph::{AudioPort, Cell, Edge, EdgeId, Endpoint, Graph, Matrix, NodeId};

impl<P: Plugins> Engine<P> {
    /// Puts a node that is in the rig into an audio edge, by its main ports. What the edge did to the levels is done behind
    /// the node if its ports are alike there, and otherwise a cable fits them; timing and feedback stay behind the node,
    /// too.
    ///
    /// # Errors
    /// If there is no such node or audio edge, the node lacks a main port, or the signal would run in a circle. Nothing is
    /// changed then.
    pub fn insert_node(&mut self, node: NodeId, edge: EdgeId) -> Result<(), EngineError> {
        let known = self.graph.edge(edge).ok_or(EditError::UnknownEdge(edge))?.clone();
        let matrix = known.matrix().ok_or(EditError::NotAudio(edge))?;
        let entry = self.node(node)?;
        let channels = |port: Option<&AudioPort>| {
            port.map(|port| port.layout.channels())
                .ok_or_else(|| EngineError::Unfit { name: entry.name.clone(), problem: "has no audio port there" })
        };
        let (inputs, outputs) = (channels(entry.audio_input(0))?, channels(entry.audio_output(0))?);
        let main = Endpoint::new(node, 0);
        let before = Edge::audio(known.source, main, cable(matrix.sources(), inputs));
        let behind = if outputs == matrix.sources() { matrix.clone() } else { cable(outputs, matrix.destinations()) };
        let behind =
            Edge { timing: known.timing, feedback: known.feedback, ..Edge::audio(main, known.destination, behind) };
        self.apply(vec![
            Edit::Disconnect { id: edge },
            Edit::Connect { id: None, edge: Edge { timing: known.timing, ..before } },
            Edit::Connect { id: None, edge: behind },
        ])
    }

    /// Removes a node. With `bridge`, what went into its main port goes on to where its main port led, channel by channel
    /// and at the levels of both edges together, as if the node had let it through.
    ///
    /// # Errors
    /// If there is no such node. Nothing is changed then.
    pub fn remove_node(&mut self, node: NodeId, bridge: bool) -> Result<(), EngineError> {
        self.node(node)?;
        let mut edits = vec![Edit::RemoveNode { id: node }];
        if bridge {
            edits.extend(bridges(&self.graph, node).into_iter().map(|edge| Edit::Connect { id: None, edge }));
        }
        self.apply(edits)
    }
}

/// The edges that lead past a node from each edge into its main port to each out of its main port.
fn bridges(graph: &Graph, node: NodeId) -> Vec<Edge> {
    let main = Endpoint::new(node, 0);
    let into: Vec<&Edge> = graph.edges_into(node).map(|(_, edge)| edge).collect();
    let out_of: Vec<&Edge> = graph.edges_out_of(node).map(|(_, edge)| edge).collect();
    let is_past = |edge: &&&Edge| edge.source.node != node || edge.destination.node != node;
    let mut edges = Vec::new();
    for first in into.iter().filter(|edge| edge.destination == main).filter(is_past) {
        for second in out_of.iter().filter(|edge| edge.source == main).filter(is_past) {
            let (Some(before), Some(behind)) = (first.matrix(), second.matrix()) else { continue };
            let matrix = through(before, behind);
            if matrix.cell_count() == 0 {
                continue;
            }
            let feedback = match (first.feedback, second.feedback) {
                (Some(one), Some(other)) => Some((one + other).min(MAX_FEEDBACK_FRAMES)),
                (one, other) => one.or(other),
            };
            let timing = second.timing.or(first.timing);
            edges.push(Edge { timing, feedback, ..Edge::audio(first.source, second.destination, matrix) });
        }
    }
    edges
}

/// One matrix that does what two do one after the other, with channel c of the one's destinations being channel c of the
/// other's sources. A way that is muted on either side stays there, muted, unless another way leads through the same cell.
fn through(before: &Matrix, behind: &Matrix) -> Matrix {
    let mut matrix = Matrix::new(before.sources(), behind.destinations());
    for (source, middle, first) in before.cells() {
        for (_, destination, second) in behind.cells().filter(|(from, ..)| *from == middle) {
            let way = Cell {
                gain: first.gain * second.gain,
                mute: first.mute || second.mute,
                invert: first.invert != second.invert,
            };
            let cell = match matrix.get(source, destination) {
                None => way,
                Some(other) if other.mute => way,
                Some(other) if way.mute => other,
                Some(other) => Cell::new(other.effective() + way.effective()),
            };
            // Within the matrix: its sides are those that the cells come from.
            let _ = matrix.set(source, destination, Some(cell));
        }
    }
    matrix
}

#[cfg(test)]
mod tests;
