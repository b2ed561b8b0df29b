//! The whole rig as one routing matrix: a row for each channel that a node puts out, a column for each that one takes, and
//! the crosspoints of all audio edges between them. Only a view of the graph: what is said beside it, such as solo, groups and
//! mixes, never touches a crosspoint.

mod block;
mod entries;
mod faders;
mod gesture;
mod groups;
mod mixes;
mod names;
mod overlay;
mod pan;
mod presets;
mod set;
mod solo;

pub use block::{BlockChange, MatrixBlock};
use crosspoint_graph::{AudioPort, Cell, Edge, EdgeId, Endpoint, Graph, NodeId};
pub(crate) use entries::{MatrixStep, node_names};
pub(crate) use faders::{FaderKey, Faders};
pub(crate) use gesture::Gesture;
pub use groups::{GroupEdit, GroupSnapshot};
pub use mixes::{MixEdit, MixSnapshot};
pub(crate) use overlay::{MOST_MOVED, Overlay, gain_of, scaled};
pub use pan::{PanLaw, PannedCell, PannedRows};
pub use presets::{MatrixPresetEdit, MatrixPresetSnapshot};
pub use set::CellChange;
pub use solo::{SoloView, Soloed};
use std::collections::HashMap;

/// A channel of an audio port. Whether of an output or an input follows from its place: rows are outputs of nodes, columns
/// inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortChannel {
    /// The node.
    pub node: NodeId,
    /// The number of the port among the node's audio outputs or inputs, from 0.
    pub port: u16,
    /// The channel of the port, from 0.
    pub channel: u32,
}

impl PortChannel {
    /// That channel of that port of that node.
    pub fn new(node: NodeId, port: u16, channel: u32) -> Self {
        Self { node, port, channel }
    }

    fn at(end: Endpoint, channel: u32) -> Self {
        Self::new(end.node, end.port, channel)
    }
}

/// A crosspoint that is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixCell {
    /// Its place in [`MatrixView::rows`].
    pub row: usize,
    /// Its place in [`MatrixView::columns`].
    pub column: usize,
    /// The edge that it is a part of.
    pub edge: EdgeId,
    /// Its gain, mute and polarity.
    pub cell: Cell,
    /// Whether its edge is a feedback edge.
    pub is_feedback: bool,
}

/// The routing matrix of a rig at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixView {
    /// All sources by node, port and channel: what the hardware delivers and what plugins and built-in nodes put out.
    pub rows: Vec<PortChannel>,
    /// All destinations by node, port and channel: what plugins and built-in nodes take and what the hardware plays.
    pub columns: Vec<PortChannel>,
    /// The crosspoints that are set, by edge, then destination, then source. Two edges between the same ports, such as a
    /// plain one and one for feedback, have a cell each.
    pub cells: Vec<MatrixCell>,
}

impl MatrixView {
    /// The matrix of a graph, such as [`Snapshot::graph`](crate::Snapshot::graph).
    pub fn of(graph: &Graph) -> Self {
        let mut view = Self::default();
        for (id, node) in graph.nodes() {
            view.rows.extend(channels(id, &node.audio_outputs));
            view.columns.extend(channels(id, &node.audio_inputs));
        }
        let (rows, columns) = (places(&view.rows), places(&view.columns));
        for (id, edge) in graph.edges() {
            view.cells.extend(cells_of(edge).filter_map(|(source, destination, cell)| {
                let (row, column) = (*rows.get(&source)?, *columns.get(&destination)?);
                Some(MatrixCell { row, column, edge: id, cell, is_feedback: edge.feedback.is_some() })
            }));
        }
        view
    }
}

fn channels(node: NodeId, ports: &[AudioPort]) -> impl Iterator<Item = PortChannel> {
    (0..).zip(ports).flat_map(move |(port, AudioPort { layout, .. })| {
        (0..layout.channels()).map(move |channel| PortChannel::new(node, port, channel))
    })
}

/// The row, the column and the cell of each crosspoint of an edge.
fn cells_of(edge: &Edge) -> impl Iterator<Item = (PortChannel, PortChannel, Cell)> + '_ {
    let cells = edge.matrix().into_iter().flat_map(|matrix| matrix.cells());
    cells.map(move |(source, destination, cell)| {
        (PortChannel::at(edge.source, source), PortChannel::at(edge.destination, destination), cell)
    })
}

fn places(channels: &[PortChannel]) -> HashMap<PortChannel, usize> {
    channels.iter().enumerate().map(|(place, channel)| (*channel, place)).collect()
}

#[cfg(test)]
mod tests;
