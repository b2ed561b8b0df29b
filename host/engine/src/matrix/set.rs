//! Setting cells of the rig's matrix: works out which edits of the graph's edges that takes. Never keeps a cell itself.

use super::{MatrixView, PortChannel};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::graph::{Edit, EditError};
use crosspoint_graph::{AudioPort, Cell, Edge, EdgeId, Endpoint, Graph, Matrix};
use std::collections::BTreeMap;

/// What is to become of a cell of the rig's matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellChange {
    /// The row: a channel of an audio output.
    pub source: PortChannel,
    /// The column: a channel of an audio input.
    pub destination: PortChannel,
    /// `None` takes the crosspoint away.
    pub cell: Option<Cell>,
}

impl<P: Plugins> Engine<P> {
    /// The routing matrix of the whole rig.
    pub fn matrix(&self) -> MatrixView {
        MatrixView::of(&self.graph)
    }

    /// Sets cells anywhere in the rig's matrix, all or none, as one step of the history, each ramped. Where no edge joins
    /// the two ports one is made; an edge whose last cell goes is removed, unless `keep_edges`. Of several edges between
    /// the same ports the first is meant. Of several changes of one cell the last counts.
    ///
    /// # Errors
    /// If there is no such node or channel, a gain is not finite, or the signal would run in a circle, whose path the
    /// error names. Nothing is changed then.
    pub fn set_cells(&mut self, changes: &[CellChange], keep_edges: bool) -> Result<(), EngineError> {
        if let [CellChange { source, destination, cell: Some(cell) }] = *changes {
            let known = edge_between(&self.graph, ends(source, destination))
                .filter(|(_, matrix)| matrix.get(source.channel, destination.channel).is_some());
            if let Some((edge, _)) = known {
                // Needs no compile.
                return self.set_cell(edge, source.channel, destination.channel, cell);
            }
        }
        let edits = self.edits_for(changes, keep_edges)?;
        if edits.is_empty() {
            return Ok(());
        }
        self.apply_cells(edits)
    }

    fn edits_for(&self, changes: &[CellChange], keep_edges: bool) -> Result<Vec<Edit>, EngineError> {
        let mut by_ports: BTreeMap<(Endpoint, Endpoint), Vec<&CellChange>> = BTreeMap::new();
        for change in changes {
            by_ports.entry(ends(change.source, change.destination)).or_default().push(change);
        }
        let mut edits = Vec::new();
        for ((source, destination), changes) in by_ports {
            let sources = self.channels(source, true)?;
            let destinations = self.channels(destination, false)?;
            let known = edge_between(&self.graph, (source, destination));
            let before = known.map_or_else(|| Matrix::new(sources, destinations), |(_, matrix)| matrix.clone());
            let mut after = before.clone();
            for change in &changes {
                after.set(change.source.channel, change.destination.channel, change.cell).map_err(EditError::from)?;
            }
            if after == before {
                continue;
            }
            match (known, changes.as_slice()) {
                (None, _) => edits.push(Edit::Connect { id: None, edge: Edge::audio(source, destination, after) }),
                (Some((id, _)), _) if after.cell_count() == 0 && !keep_edges => edits.push(Edit::Disconnect { id }),
                (Some((edge, _)), [only]) => edits.push(Edit::SetCell {
                    edge,
                    source: only.source.channel,
                    destination: only.destination.channel,
                    cell: only.cell,
                }),
                (Some((edge, _)), _) => {
                    let block = after.get_block(after.region()).map_err(EditError::from)?;
                    edits.push(Edit::SetCells { edge, block });
                }
            }
        }
        Ok(edits)
    }

    /// Whether there is such a row.
    pub(super) fn row(&self, at: PortChannel) -> Result<(), EngineError> {
        self.has_channel(at, true)
    }

    /// Whether there is such a column.
    pub(super) fn column(&self, at: PortChannel) -> Result<(), EngineError> {
        self.has_channel(at, false)
    }

    fn has_channel(&self, at: PortChannel, output: bool) -> Result<(), EngineError> {
        if at.channel < self.channels(Endpoint::new(at.node, at.port), output)? {
            return Ok(());
        }
        Err(EngineError::Unfit { name: self.name(at.node), problem: "has no such channel" })
    }

    fn channels(&self, end: Endpoint, output: bool) -> Result<u32, EngineError> {
        let node = self.node(end.node)?;
        let port: Option<&AudioPort> = if output { node.audio_output(end.port) } else { node.audio_input(end.port) };
        port.map(|port| port.layout.channels())
            .ok_or_else(|| EngineError::Unfit { name: node.name.clone(), problem: "has no audio port there" })
    }
}

pub(super) fn ends(source: PortChannel, destination: PortChannel) -> (Endpoint, Endpoint) {
    (Endpoint::new(source.node, source.port), Endpoint::new(destination.node, destination.port))
}

/// The first audio edge between two ports.
pub(super) fn edge_between(graph: &Graph, (source, destination): (Endpoint, Endpoint)) -> Option<(EdgeId, &Matrix)> {
    graph
        .edges_out_of(source.node)
        .filter(|(_, edge)| edge.source == source && edge.destination == destination)
        .find_map(|(id, edge)| Some((id, edge.matrix()?)))
}
