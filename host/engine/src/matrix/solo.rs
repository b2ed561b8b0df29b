//! Solo in place: what else goes to the same columns falls silent. The history and files know nothing of it.

use super::{PortChannel, cells_of};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::Graph;
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

impl SoloView {
    fn is_soloed(&self, source: PortChannel, destination: PortChannel) -> bool {
        self.soloed.contains(&Soloed::Row(source)) || self.soloed.contains(&Soloed::Cell { source, destination })
    }
}

/// Which cells are silent because of others.
#[derive(Debug, Default)]
pub(super) struct Silence {
    view: SoloView,
    /// Those that something soloed goes to.
    columns: BTreeSet<PortChannel>,
}

impl Silence {
    /// That of a solo in a graph.
    pub fn of(view: &SoloView, graph: &Graph) -> Self {
        if view.soloed.is_empty() {
            return Self::default();
        }
        let cells = graph.edges().flat_map(|(_, edge)| cells_of(edge));
        let soloed = cells.filter(|(row, column, _)| view.is_soloed(*row, *column));
        Self { view: view.clone(), columns: soloed.map(|(_, column, _)| column).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether a cell is silent.
    pub fn covers(&self, row: PortChannel, column: PortChannel) -> bool {
        self.columns.contains(&column) && !self.view.is_soloed(row, column) && !self.view.safe.contains(&row)
    }
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
            self.solo.soloed.insert(what);
        } else {
            self.solo.soloed.remove(&what);
        }
        self.publish_overlay()
    }

    /// Lets a row be heard whatever is soloed, or no longer.
    ///
    /// # Errors
    /// If there is no such row; nothing is changed then.
    pub fn set_solo_safe(&mut self, row: PortChannel, on: bool) -> Result<(), EngineError> {
        if on {
            self.row(row)?;
            self.solo.safe.insert(row);
        } else {
            self.solo.safe.remove(&row);
        }
        self.publish_overlay()
    }

    /// Ends every solo. Rows that are safe stay so.
    ///
    /// # Errors
    /// If nothing can be sent.
    pub fn clear_solo(&mut self) -> Result<(), EngineError> {
        self.solo.soloed.clear();
        self.publish_overlay()
    }

    /// What is soloed.
    pub fn solo(&self) -> &SoloView {
        &self.solo
    }
}
