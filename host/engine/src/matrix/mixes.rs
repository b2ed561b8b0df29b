//! Monitor mixes: a part of the matrix for each listener, the columns that they hear, with a fader for all of it. A mix has no
//! cells of its own; its fader acts as a group's.

use super::entries::{MatrixEntries, entry_of, place_of, rename, set};
use super::groups::check_gain;
use super::names::{Names, Side};
use super::{BlockChange, MatrixBlock, MatrixView, PortChannel};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::MixEntry;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A change of the mixes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MixEdit {
    /// Puts a mix in the place of the one of its name, or after the last one. What it speaks of need not be there.
    Set(MixEntry),
    /// Removes a mix. Its cells stay as they are.
    Remove(String),
    /// Gives a mix another name.
    Rename {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
    /// Sets the gain of all of a mix.
    Gain {
        /// Its name.
        mix: String,
        /// Linear, 0 to [`Fader::MAX_GAIN`](crate::session::Fader::MAX_GAIN).
        gain: f32,
    },
    /// Mutes all of a mix, or no longer.
    Mute {
        /// Its name.
        mix: String,
        /// Whether it is to be muted.
        on: bool,
    },
}

/// One mix as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixSnapshot {
    /// The mix.
    pub mix: MixEntry,
    /// Its columns that are there, in its order, each once.
    pub columns: Vec<PortChannel>,
    /// What of it is not there.
    pub missing: Vec<String>,
}

impl MixSnapshot {
    fn of(mix: &MixEntry, names: &Names<'_>) -> Self {
        let mut missing = Vec::new();
        let mut columns = names.all_channels(&mix.columns, Side::Columns, &mut missing);
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        Self { mix: mix.clone(), columns, missing }
    }
}

impl MatrixView {
    /// The part of the matrix that has these columns, in their order, and the rows that are set in one of them.
    pub fn part(&self, columns: &[PortChannel]) -> Self {
        let column = |of: usize| columns.iter().position(|known| *known == self.columns[of]);
        let mut cells: Vec<_> = self.cells.iter().filter_map(|at| Some((*at, column(at.column)?))).collect();
        let used: BTreeSet<usize> = cells.iter().map(|(at, _)| at.row).collect();
        let row = |of: usize| used.iter().position(|known| *known == of);
        for (at, column) in &mut cells {
            (at.row, at.column) = (row(at.row).unwrap_or_default(), *column);
        }
        let rows = used.iter().map(|&at| self.rows[at]).collect();
        Self { rows, columns: columns.to_vec(), cells: cells.into_iter().map(|(at, _)| at).collect() }
    }
}

impl<P: Plugins> Engine<P> {
    /// Changes the mixes: a step of the history, or a part of the [gesture's](Self::begin_gesture). What is heard otherwise is
    /// ramped.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntry`], [`EngineError::Title`] or [`EngineError::OutOfRange`]; nothing is changed then.
    pub fn edit_mixes(&mut self, edit: MixEdit) -> Result<(), EngineError> {
        let mut mixes = self.rig.rest.mixes.clone();
        match edit {
            MixEdit::Set(mix) => {
                check_gain(mix.fader.gain)?;
                set(&mut mixes, mix)?;
            }
            MixEdit::Remove(name) => drop(mixes.remove(place_of(&mixes, &name)?)),
            MixEdit::Rename { from, to } => rename(&mut mixes, &from, to)?,
            MixEdit::Gain { mix, gain } => {
                entry_of(&mut mixes, &mix)?.fader.gain = check_gain(gain)?;
            }
            MixEdit::Mute { mix, on } => entry_of(&mut mixes, &mix)?.fader.muted = on,
        }
        self.change_entries(MatrixEntries::Mixes(mixes))
    }

    /// Gives one mix the cells of another, column by column: ramped, one step of the history. What the other does not hear it
    /// no longer hears. The faders of both stay.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntry`], [`EngineError::Unfit`] if one has more columns than the other, and as
    /// [`Self::change_block`]. Nothing is changed then.
    pub fn copy_mix(&mut self, from: &str, to: &str) -> Result<(), EngineError> {
        let names = Names::of(self.graph.nodes());
        let mixes = &self.rig.rest.mixes;
        let columns =
            |name: &str| Ok::<_, EngineError>(MixSnapshot::of(&mixes[place_of(mixes, name)?], &names).columns);
        let (from, to) = (columns(from)?, columns(to)?);
        // Only rows that are set in one of both: the others have nothing to give, nor to lose.
        let matrix = MatrixView::of(&self.graph);
        let rows = matrix.part(&[from.as_slice(), to.as_slice()].concat()).rows;
        let block = |columns| MatrixBlock { rows: rows.clone(), columns };
        self.change_block(&BlockChange::Copy { from: block(from), to: block(to) })
    }

    /// The mixes. Their columns are in [`Snapshot::mixes`](crate::Snapshot::mixes).
    pub fn mixes(&self) -> &[MixEntry] {
        &self.rig.rest.mixes
    }

    pub(crate) fn shown_mixes(&self) -> Arc<[MixSnapshot]> {
        if self.rig.rest.mixes.is_empty() {
            return Arc::default();
        }
        let names = Names::of(self.graph.nodes());
        self.rig.rest.mixes.iter().map(|mix| MixSnapshot::of(mix, &names)).collect()
    }
}
