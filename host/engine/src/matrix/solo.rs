//! Solo in place: what else goes to the same columns falls silent. Only what is sent to the renderer changes; the user's
//! graph is never touched, so that neither the history nor a file knows of it.

use super::PortChannel;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::graph::{Edit, EditError};
use crosspoint_graph::{Edge, EdgeId, Endpoint, Graph};
use std::collections::BTreeSet;

/// What can be soloed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Soloed {
    /// A channel of an audio output, in every column that it goes to.
    Row(PortChannel),
    /// One crosspoint, in its column.
    Cell {
        /// The row.
        source: PortChannel,
        /// The column.
        destination: PortChannel,
    },
}

/// What is soloed, and what a solo leaves alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoloView {
    /// Rows and cells whose columns are silent save for them.
    pub soloed: BTreeSet<Soloed>,
    /// Rows that are heard beside whatever is soloed, such as returns of effects.
    pub safe: BTreeSet<PortChannel>,
}

/// The solo of an engine.
#[derive(Debug, Default)]
pub(crate) struct Solo {
    pub view: SoloView,
    /// The graph as it is to be heard; none while nothing is soloed.
    heard: Option<Graph>,
}

impl Solo {
    /// Works out anew what is to be heard of the user's graph. Before anything is sent.
    pub fn follow(&mut self, graph: &Graph) -> Result<(), EditError> {
        self.heard = None;
        if self.view.soloed.is_empty() {
            return Ok(());
        }
        let edits = self.silenced(graph);
        let mut heard = graph.clone();
        heard.apply(edits)?;
        self.heard = Some(heard);
        Ok(())
    }

    /// What the renderer is to play of the user's graph.
    pub fn heard<'g>(&'g self, graph: &'g Graph) -> &'g Graph {
        self.heard.as_ref().unwrap_or(graph)
    }

    /// The mutes of all cells that are silent because of others.
    fn silenced(&self, graph: &Graph) -> Vec<Edit> {
        let cells = || graph.edges().flat_map(|(id, edge)| cells_of(id, edge));
        let columns: BTreeSet<PortChannel> = cells()
            .filter(|(_, row, column, _)| self.is_soloed(*row, *column))
            .map(|(_, _, column, _)| column)
            .collect();
        cells()
            .filter(|(_, row, column, _)| {
                columns.contains(column) && !self.is_soloed(*row, *column) && !self.view.safe.contains(row)
            })
            .map(|(edge, row, column, cell)| Edit::SetCell {
                edge,
                source: row.channel,
                destination: column.channel,
                cell: Some(crosspoint_graph::Cell { mute: true, ..cell }),
            })
            .collect()
    }

    fn is_soloed(&self, source: PortChannel, destination: PortChannel) -> bool {
        let soloed = &self.view.soloed;
        soloed.contains(&Soloed::Row(source)) || soloed.contains(&Soloed::Cell { source, destination })
    }
}

fn cells_of(
    id: EdgeId,
    edge: &Edge,
) -> impl Iterator<Item = (EdgeId, PortChannel, PortChannel, crosspoint_graph::Cell)> + '_ {
    let at = |end: Endpoint, channel| PortChannel::new(end.node, end.port, channel);
    let cells = edge.matrix().into_iter().flat_map(|matrix| matrix.cells());
    cells.map(move |(source, destination, cell)| (id, at(edge.source, source), at(edge.destination, destination), cell))
}

impl<P: Plugins> Engine<P> {
    /// Soloes a row or a cell, or no longer. All other cells of the columns that it goes to fall silent, save for those of
    /// [safe](Self::set_solo_safe) rows; columns that it does not go to are left alone. Ramped. Edits made meanwhile are
    /// the user's and are heard as far as the solo lets them; when it ends, the matrix is heard as it says. A mute that the
    /// user set stays one.
    ///
    /// # Errors
    /// If there is no such row or column; nothing is changed then.
    pub fn set_soloed(&mut self, what: Soloed, on: bool) -> Result<(), EngineError> {
        if on {
            match what {
                Soloed::Row(row) => self.row(row)?,
                Soloed::Cell { source, destination } => {
                    self.row(source)?;
                    self.column(destination)?;
                }
            }
            self.solo.view.soloed.insert(what);
        } else {
            self.solo.view.soloed.remove(&what);
        }
        self.publish()
    }

    /// Lets a row be heard whatever is soloed, or no longer.
    ///
    /// # Errors
    /// If there is no such row; nothing is changed then.
    pub fn set_solo_safe(&mut self, row: PortChannel, on: bool) -> Result<(), EngineError> {
        if on {
            self.row(row)?;
            self.solo.view.safe.insert(row);
        } else {
            self.solo.view.safe.remove(&row);
        }
        self.publish()
    }

    /// Ends every solo. Rows that are safe stay so.
    ///
    /// # Errors
    /// If nothing can be sent.
    pub fn clear_solo(&mut self) -> Result<(), EngineError> {
        self.solo.view.soloed.clear();
        self.publish()
    }

    /// What is soloed.
    pub fn solo(&self) -> &SoloView {
        &self.solo.view
    }
}
