//! Putting a node into a cable, taking one out of a chain, moving and replacing one, each one step of the history that is
//! heard as one ramp. Works out edits of the graph, never makes or drops a plugin.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::replace;
use crate::session::cable;
use crosspoint_graph::graph::{Edit, EditError, MAX_FEEDBACK_FRAMES};
use crosspoint_graph::{AudioPort, Cell, Edge, EdgeId, Endpoint, Graph, Matrix, NodeId, Signal};

impl<P: Plugins> Engine<P> {
    /// Puts a node that is in the rig into an audio edge, by its main ports. What the edge did to the levels is done behind
    /// the node if its ports are alike there, and otherwise a cable fits them; timing and feedback stay behind the node,
    /// too.
    ///
    /// # Errors
    /// If there is no such node or audio edge, the node lacks a main port, or the signal would run in a circle. Nothing is
    /// changed then.
    pub fn insert_node(&mut self, node: NodeId, edge: EdgeId) -> Result<(), EngineError> {
        let edits = self.insertion(node, edge)?;
        self.apply(edits)
    }

    /// Takes a node out of its cables, with what went into its main port going on as [`Self::remove_node`] bridges it, and
    /// puts it into another audio edge, as [`Self::insert_node`] does: the way to bring the nodes of a chain into another
    /// order. Its other ports keep their edges, and it plays on. Into an edge of its own main ports it need not go: that
    /// changes nothing.
    ///
    /// # Errors
    /// As [`Self::insert_node`]. Nothing is changed then.
    pub fn move_node(&mut self, node: NodeId, edge: EdgeId) -> Result<(), EngineError> {
        self.node(node)?;
        let known = self.graph.edge(edge).ok_or(EditError::UnknownEdge(edge))?;
        let main = Endpoint::new(node, 0);
        let is_main = |edge: &Edge| edge.matrix().is_some() && (edge.source == main || edge.destination == main);
        if is_main(known) {
            return Ok(());
        }
        let mut left: Vec<EdgeId> = self.edges_at(node).filter(|(_, edge)| is_main(edge)).map(|(id, _)| id).collect();
        left.sort_unstable();
        left.dedup();
        let mut edits: Vec<Edit> = left.into_iter().map(|id| Edit::Disconnect { id }).collect();
        edits.extend(bridges(&self.graph, node, Some(edge))?);
        edits.extend(self.insertion(node, edge)?);
        self.apply(edits)
    }

    /// Removes a node and gives its edges to another one, which is in the rig already: each to the port of the same number.
    /// Cables are fitted to the ports, other edges keep their crosspoints as far as there are channels for them. Gives the
    /// ways that found no port, as `from -> to`; undo has them.
    ///
    /// # Errors
    /// If there is no such node, both are the same, or the signal would run in a circle. Nothing is changed then.
    pub fn replace_node(&mut self, node: NodeId, with: NodeId) -> Result<Vec<String>, EngineError> {
        self.node(node)?;
        let other = self.node(with)?.clone();
        if node == with {
            let problem = "cannot take its own place; choose another node";
            return Err(EngineError::Unfit { name: other.name, problem });
        }
        let mut edges: Vec<(EdgeId, &Edge)> = self.edges_at(node).collect();
        edges.sort_unstable_by_key(|(id, _)| *id);
        edges.dedup_by_key(|(id, _)| *id);
        let (mut edits, mut left_out) = (vec![Edit::RemoveNode { id: node }], Vec::new());
        for (_, edge) in edges {
            let end = |end: Endpoint| if end.node == node { Endpoint { node: with, ..end } } else { end };
            match replace::refit(&self.graph, node, &other, edge) {
                Some(fitted) => {
                    let edge = Edge { source: end(edge.source), destination: end(edge.destination), ..fitted };
                    edits.push(Edit::Connect { id: None, edge });
                }
                None => {
                    left_out.push(format!("{} -> {}", self.name(edge.source.node), self.name(edge.destination.node)));
                }
            }
        }
        self.apply(edits)?;
        Ok(left_out)
    }

    fn edges_at(&self, node: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.graph.edges_into(node).chain(self.graph.edges_out_of(node))
    }

    /// The edits that put a node into an edge.
    fn insertion(&self, node: NodeId, edge: EdgeId) -> Result<Vec<Edit>, EngineError> {
        let known = self.graph.edge(edge).ok_or(EditError::UnknownEdge(edge))?;
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
        Ok(vec![
            Edit::Disconnect { id: edge },
            Edit::Connect { id: None, edge: Edge { timing: known.timing, ..before } },
            Edit::Connect { id: None, edge: behind },
        ])
    }

    /// Removes a node. With `bridge`, what went into its main port goes on to where its main port led, channel by channel
    /// and at the levels of both edges together, as if the node had let it through. Where a plain edge leads there already
    /// it is added to that.
    ///
    /// # Errors
    /// If there is no such node. Nothing is changed then.
    pub fn remove_node(&mut self, node: NodeId, bridge: bool) -> Result<(), EngineError> {
        self.node(node)?;
        let mut edits = vec![Edit::RemoveNode { id: node }];
        if bridge {
            edits.extend(bridges(&self.graph, node, None)?);
        }
        self.apply(edits)
    }
}

/// The edits that lead past a node from each edge into its main port to each out of its main port. What an edge leads past
/// already, other than the spared one, is added to that: one edge between two ports is one that a person can see through.
fn bridges(graph: &Graph, node: NodeId, spared: Option<EdgeId>) -> Result<Vec<Edit>, EditError> {
    let main = Endpoint::new(node, 0);
    let is_past = |edge: &&Edge| edge.source.node != node || edge.destination.node != node;
    let into = || graph.edges_into(node).map(|(_, edge)| edge).filter(|edge| edge.destination == main).filter(is_past);
    let out_of = || graph.edges_out_of(node).map(|(_, edge)| edge).filter(|edge| edge.source == main).filter(is_past);
    let mut edges: Vec<(Option<EdgeId>, Edge)> = Vec::new();
    for (first, second) in into().flat_map(|first| out_of().map(move |second| (first, second))) {
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
        let bridge = Edge { timing, feedback, ..Edge::audio(first.source, second.destination, matrix) };
        let is_alike = |edge: &Edge| {
            let ends = edge.source == bridge.source && edge.destination == bridge.destination;
            ends && edge.matrix().is_some() && (edge.timing, edge.feedback) == (bridge.timing, bridge.feedback)
        };
        if !edges.iter().any(|(_, edge)| is_alike(edge)) {
            let known = graph.edges_out_of(bridge.source.node).find(|(id, edge)| Some(*id) != spared && is_alike(edge));
            edges.extend(known.map(|(id, edge)| (Some(id), edge.clone())));
        }
        match edges.iter_mut().find(|(_, edge)| is_alike(edge)) {
            Some((_, Edge { signal: Signal::Audio { matrix: known }, .. })) => {
                bridge
                    .matrix()
                    .into_iter()
                    .flat_map(Matrix::cells)
                    .for_each(|(from, to, way)| add(known, from, to, way));
            }
            _ => edges.push((None, bridge)),
        }
    }
    let edit = |(id, edge): (Option<EdgeId>, Edge)| match (id, edge.matrix()) {
        (Some(edge), Some(matrix)) => Ok(Edit::SetCells { edge, block: matrix.get_block(matrix.region())? }),
        _ => Ok(Edit::Connect { id: None, edge }),
    };
    edges.into_iter().map(edit).collect()
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
            add(&mut matrix, source, destination, way);
        }
    }
    matrix
}

/// Adds a way to a cell.
fn add(matrix: &mut Matrix, source: u32, destination: u32, way: Cell) {
    let cell = match matrix.get(source, destination) {
        None => way,
        Some(other) if other.mute => way,
        Some(other) if way.mute => other,
        Some(other) => Cell::new(other.effective() + way.effective()),
    };
    // Within the matrix: its sides are those that the cells come from.
    let _ = matrix.set(source, destination, Some(cell));
}

#[cfg(test)]
mod tests;
