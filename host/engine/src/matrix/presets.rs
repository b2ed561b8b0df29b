//! Presets of the matrix: blocks of crosspoints under a name. To recall one is to set its cells; nothing is heard of a preset
//! by itself.

use super::entries::{MatrixEntries, place_of, rename, set};
use super::names::{Names, Side, channel_entry};
use super::{CellChange, MatrixBlock, PortChannel};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::{ChannelEntry, MatrixPresetEntry};
use crosspoint_graph::{Graph, NodeId};
use std::sync::Arc;

/// A change of the presets of the matrix.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MatrixPresetEdit {
    /// Stores the cells of a block as they are, in the place of the preset of that name or as a new one.
    Store {
        /// The name.
        preset: String,
        /// Whose cells.
        block: MatrixBlock,
    },
    /// Removes a preset.
    Remove(String),
    /// Gives a preset another name.
    Rename {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
}

/// One preset as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MatrixPresetSnapshot {
    /// Its name.
    pub name: String,
    /// What the user wants to remember.
    pub note: String,
    /// Its rows.
    pub rows: Vec<ChannelEntry>,
    /// Its columns.
    pub columns: Vec<ChannelEntry>,
    /// What of it is not there, and is passed over.
    pub missing: Vec<String>,
}

impl MatrixBlock {
    /// All that nodes put out by all that others take: what is between them.
    pub fn between(graph: &Graph, sources: &[NodeId], destinations: &[NodeId]) -> Self {
        let channels = |nodes: &[NodeId], side: Side| {
            let node = |&id: &NodeId| graph.node(id).map(|node| super::channels(id, side.ports(node)));
            nodes.iter().filter_map(node).flatten().collect()
        };
        Self { rows: channels(sources, Side::Rows), columns: channels(destinations, Side::Columns) }
    }
}

impl<P: Plugins> Engine<P> {
    /// Changes the presets of the matrix: a step of the history.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntry`], [`EngineError::Title`], [`EngineError::EmptyBlock`], or if there is no such row or
    /// column; nothing is changed then.
    pub fn edit_matrix_presets(&mut self, edit: MatrixPresetEdit) -> Result<(), EngineError> {
        let mut presets = self.rig.rest.matrix_presets.clone();
        match edit {
            MatrixPresetEdit::Store { preset, block } => {
                let known = presets.iter().find(|known| known.name == preset);
                let note = known.map_or_else(String::new, |known| known.note.clone());
                let stored = self.stored(&block)?;
                set(&mut presets, MatrixPresetEntry { name: preset, note, ..stored })?;
            }
            MatrixPresetEdit::Remove(name) => drop(presets.remove(place_of(&presets, &name)?)),
            MatrixPresetEdit::Rename { from, to } => rename(&mut presets, &from, to)?,
        }
        self.change_entries(MatrixEntries::Presets(presets))
    }

    /// Sets the cells of a preset, as [`Self::set_cells`] with edges that are removed when they are empty: ramped, one step of
    /// the history. Gives what of it is not there and was passed over.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntry`], and as [`Self::set_cells`]. Nothing is changed then.
    pub fn recall_matrix_preset(&mut self, name: &str) -> Result<Vec<String>, EngineError> {
        let presets = &self.rig.rest.matrix_presets;
        let preset = &presets[place_of(presets, name)?];
        let names = Names::of(self.graph.nodes());
        let (rows, columns, missing) = found(preset, &names);
        let mut changes = Vec::new();
        for (row, cells) in rows.iter().zip(preset.cells.chunks(columns.len().max(1))) {
            for (column, &cell) in columns.iter().zip(cells) {
                if let (Some(source), Some(destination)) = (*row, *column) {
                    changes.push(CellChange { source, destination, cell });
                }
            }
        }
        self.set_cells(&changes, false)?;
        Ok(missing)
    }

    /// The presets of the matrix. What of them is missing is in
    /// [`Snapshot::matrix_presets`](crate::Snapshot::matrix_presets).
    pub fn matrix_presets(&self) -> &[MatrixPresetEntry] {
        &self.rig.rest.matrix_presets
    }

    fn stored(&self, block: &MatrixBlock) -> Result<MatrixPresetEntry, EngineError> {
        if block.rows.is_empty() || block.columns.is_empty() {
            return Err(EngineError::EmptyBlock);
        }
        block.rows.iter().try_for_each(|row| self.row(*row))?;
        block.columns.iter().try_for_each(|column| self.column(*column))?;
        let entries = |channels: &[PortChannel], side: Side| {
            channels.iter().filter_map(|at| channel_entry(&self.graph, *at, side)).collect()
        };
        let cells = block.places().map(|(row, column)| self.cell_at(row, column)).collect();
        let (rows, columns) = (entries(&block.rows, Side::Rows), entries(&block.columns, Side::Columns));
        Ok(MatrixPresetEntry { rows, columns, cells, ..MatrixPresetEntry::default() })
    }

    pub(crate) fn shown_matrix_presets(&self) -> Arc<[MatrixPresetSnapshot]> {
        if self.rig.rest.matrix_presets.is_empty() {
            return Arc::default();
        }
        let names = Names::of(self.graph.nodes());
        let show = |preset: &MatrixPresetEntry| MatrixPresetSnapshot {
            name: preset.name.clone(),
            note: preset.note.clone(),
            rows: preset.rows.clone(),
            columns: preset.columns.clone(),
            missing: found(preset, &names).2,
        };
        self.rig.rest.matrix_presets.iter().map(show).collect()
    }
}

/// The rows and columns of a preset as far as they are there, and what is missing.
fn found(
    preset: &MatrixPresetEntry,
    names: &Names<'_>,
) -> (Vec<Option<PortChannel>>, Vec<Option<PortChannel>>, Vec<String>) {
    let mut missing = Vec::new();
    let mut find = |entries: &[ChannelEntry], side: Side| {
        let find = |entry: &ChannelEntry| names.channel(entry, side).map_err(|reason| missing.push(reason)).ok();
        entries.iter().map(find).collect::<Vec<_>>()
    };
    let (rows, columns) = (find(&preset.rows, Side::Rows), find(&preset.columns, Side::Columns));
    missing.dedup();
    (rows, columns, missing)
}
