//! Clearing, inverting, copying and swapping rectangles of the rig's matrix. Each is a set of cells, and so one ramped step
//! of the history; nothing is set here by itself.

use super::set::{edge_between, ends};
use super::{CellChange, PortChannel};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::Cell;

/// Rows and columns of the rig's matrix, which need not lie side by side: all cells where they cross.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatrixBlock {
    /// The rows, in the order in which they are copied.
    pub rows: Vec<PortChannel>,
    /// The columns, in the order in which they are copied.
    pub columns: Vec<PortChannel>,
}

impl MatrixBlock {
    pub(super) fn places(&self) -> impl Iterator<Item = (PortChannel, PortChannel)> + '_ {
        self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| (*row, *column)))
    }
}

/// What is done to a block of the matrix.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BlockChange {
    /// Takes all its cells away.
    Clear(MatrixBlock),
    /// Turns the polarity of all its cells round.
    Invert(MatrixBlock),
    /// Gives another block the cells of this one as they were before, by their order; where it has none, none.
    Copy {
        /// Where they are.
        from: MatrixBlock,
        /// Where they go.
        to: MatrixBlock,
    },
    /// Gives each of two blocks the other's cells. They must not have a cell in common.
    Swap(MatrixBlock, MatrixBlock),
}

impl<P: Plugins> Engine<P> {
    /// Changes a block of the matrix, as [`Self::set_cells`] with edges that are removed when they are empty.
    ///
    /// # Errors
    /// As [`Self::set_cells`], and if two blocks are not of the same size or those to be swapped overlap. Nothing is changed
    /// then.
    pub fn change_block(&mut self, change: &BlockChange) -> Result<(), EngineError> {
        let changes = match change {
            BlockChange::Clear(block) => self.changes(block, |_, _| None),
            BlockChange::Invert(block) => self.changes(block, |engine, (source, destination)| {
                let cell = engine.cell_at(source, destination)?;
                Some(Cell { invert: !cell.invert, ..cell })
            }),
            BlockChange::Copy { from, to } => self.copied(from, to)?,
            BlockChange::Swap(one, other) => {
                if let Some((row, _)) = one.places().find(|place| other.places().any(|known| known == *place)) {
                    let problem = "has a cell that lies in both blocks; swap blocks that do not overlap";
                    return Err(EngineError::Unfit { name: self.name(row.node), problem });
                }
                [self.copied(one, other)?, self.copied(other, one)?].concat()
            }
        };
        self.set_cells(&changes, false)
    }

    fn changes(
        &self,
        block: &MatrixBlock,
        cell: impl Fn(&Self, (PortChannel, PortChannel)) -> Option<Cell>,
    ) -> Vec<CellChange> {
        let change = |place: (PortChannel, PortChannel)| CellChange {
            source: place.0,
            destination: place.1,
            cell: cell(self, place),
        };
        block.places().map(change).collect()
    }

    fn copied(&self, from: &MatrixBlock, to: &MatrixBlock) -> Result<Vec<CellChange>, EngineError> {
        let size = |block: &MatrixBlock| (block.rows.len(), block.columns.len());
        if size(from) != size(to) {
            let name = to.rows.first().map_or_else(String::new, |row| self.name(row.node));
            let problem = "is in a block of another size than the other one; choose as many rows and columns";
            return Err(EngineError::Unfit { name, problem });
        }
        let cells = from.places().map(|(source, destination)| self.cell_at(source, destination));
        let change = |((source, destination), cell)| CellChange { source, destination, cell };
        Ok(to.places().zip(cells).map(change).collect())
    }

    /// The cell that a set of cells would change.
    pub(super) fn cell_at(&self, source: PortChannel, destination: PortChannel) -> Option<Cell> {
        let (_, matrix) = edge_between(&self.graph, ends(source, destination))?;
        matrix.get(source.channel, destination.channel)
    }
}
