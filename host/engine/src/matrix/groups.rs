//! Groups: a fader for many cells, as the VCA groups of a console. What is heard of a cell is its own gain times those of
//! all groups and mixes that it is in. Groups are of the rig and of the history; they never touch a cell.

use super::entries::{MatrixEntries, entry_of, place_of, rename, set};
use super::names::{Names, Side};
use super::{FaderKey, PortChannel};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::{ChannelsEntry, CrosspointPlace, Fader, FaderPlace, GroupEntry, MixEntry};
use std::sync::Arc;

/// A change of the groups.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GroupEdit {
    /// Puts a group in the place of the one of its name, or after the last one. What it speaks of need not be there.
    Set(GroupEntry),
    /// Removes a group.
    Remove(String),
    /// Gives a group another name.
    Rename {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
    /// Sets the gain of a group.
    Gain {
        /// Its name.
        group: String,
        /// Linear, 0 to [`Fader::MAX_GAIN`].
        gain: f32,
    },
    /// Mutes a group, or no longer.
    Mute {
        /// Its name.
        group: String,
        /// Whether it is to be muted.
        on: bool,
    },
}

/// One group as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupSnapshot {
    /// The group.
    pub group: GroupEntry,
    /// What of it is not there, and is passed over.
    pub missing: Vec<String>,
}

/// What cells are multiplied by because of the groups that they are in.
#[derive(Debug, Default)]
pub(super) struct GroupFactors {
    /// Those that change something, in their order.
    groups: Vec<(f32, Members)>,
}

impl GroupFactors {
    /// Those of groups with their faders.
    fn of<'e>(groups: impl Iterator<Item = (Fader, Membership<'e>)>, names: &Names<'_>) -> Self {
        let groups =
            groups.map(|(fader, membership)| (fader.factor(), membership)).filter(|(factor, _)| *factor != 1.0);
        Self { groups: groups.map(|(factor, membership)| (factor, Members::of(membership, names))).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub fn factor(&self, row: PortChannel, column: PortChannel) -> f32 {
        let groups = self.groups.iter().filter(|(_, members)| members.has(row, column));
        groups.fold(1.0_f64, |product, (factor, _)| product * f64::from(*factor)) as f32
    }
}

/// The cells of a group, as they are named.
#[derive(Clone, Copy)]
struct Membership<'e> {
    rows: &'e [ChannelsEntry],
    columns: &'e [ChannelsEntry],
    cells: &'e [CrosspointPlace],
}

impl<'e> Membership<'e> {
    fn of_group(group: &'e GroupEntry) -> Self {
        Self { rows: &group.rows, columns: &group.columns, cells: &group.cells }
    }

    fn of_mix(mix: &'e MixEntry) -> Self {
        Self { rows: &[], columns: &mix.columns, cells: &[] }
    }
}

/// The cells of a group that are there.
#[derive(Debug, Default)]
struct Members {
    /// In order, as the others.
    rows: Vec<PortChannel>,
    columns: Vec<PortChannel>,
    cells: Vec<(PortChannel, PortChannel)>,
    /// What is not there.
    missing: Vec<String>,
}

impl Members {
    fn of(named: Membership<'_>, names: &Names<'_>) -> Self {
        let mut missing = Vec::new();
        let mut rows = names.all_channels(named.rows, Side::Rows, &mut missing);
        let mut columns = names.all_channels(named.columns, Side::Columns, &mut missing);
        let cell = |place| names.cell(place).map_err(|reason| missing.push(reason)).ok();
        let mut cells: Vec<_> = named.cells.iter().filter_map(cell).collect();
        rows.sort_unstable();
        columns.sort_unstable();
        cells.sort_unstable();
        Self { rows, columns, cells, missing }
    }

    /// Whether a cell is one of them, by whatever it is named.
    fn has(&self, row: PortChannel, column: PortChannel) -> bool {
        self.rows.binary_search(&row).is_ok()
            || self.columns.binary_search(&column).is_ok()
            || self.cells.binary_search(&(row, column)).is_ok()
    }
}

impl<P: Plugins> Engine<P> {
    /// Changes the groups: a step of the history, or a part of the [gesture's](Self::begin_gesture). What is heard otherwise
    /// is ramped. Names of nodes that are not there have no effect and are kept, also those of nodes that are removed.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntry`], [`EngineError::Title`] or [`EngineError::OutOfRange`]; nothing is changed then.
    pub fn edit_groups(&mut self, edit: GroupEdit) -> Result<(), EngineError> {
        let mut groups = self.rig.rest.groups.clone();
        match edit {
            GroupEdit::Set(group) => {
                check_gain(group.fader.gain)?;
                set(&mut groups, group)?;
            }
            GroupEdit::Remove(name) => drop(groups.remove(place_of(&groups, &name)?)),
            GroupEdit::Rename { from, to } => rename(&mut groups, &from, to)?,
            GroupEdit::Gain { group, gain } => {
                entry_of(&mut groups, &group)?.fader.gain = check_gain(gain)?;
            }
            GroupEdit::Mute { group, on } => entry_of(&mut groups, &group)?.fader.muted = on,
        }
        self.change_entries(MatrixEntries::Groups(groups))
    }

    /// The groups. What of them is missing is in [`Snapshot::groups`](crate::Snapshot::groups).
    pub fn groups(&self) -> &[GroupEntry] {
        &self.rig.rest.groups
    }

    /// With faders as `moved` has them where it has any.
    pub(super) fn group_factors(&self, moved: impl Fn(FaderKey) -> Option<Fader>) -> GroupFactors {
        if self.rig.rest.groups.is_empty() && self.rig.rest.mixes.is_empty() {
            return GroupFactors::default();
        }
        // What rings on is as loud as it was.
        let names = Names::of(self.graph.nodes().chain(self.parking.nodes()));
        let fader = |place, now| self.fader_key(&place).and_then(&moved).unwrap_or(now);
        let groups = self
            .rig
            .rest
            .groups
            .iter()
            .map(|group| (fader(FaderPlace::Group(group.name.clone()), group.fader), Membership::of_group(group)));
        let mixes = self.rig.rest.mixes.iter();
        let mixes = mixes.map(|mix| (fader(FaderPlace::Mix(mix.name.clone()), mix.fader), Membership::of_mix(mix)));
        GroupFactors::of(groups.chain(mixes), &names)
    }

    pub(crate) fn shown_groups(&self) -> Arc<[GroupSnapshot]> {
        if self.rig.rest.groups.is_empty() {
            return Arc::default();
        }
        let names = Names::of(self.graph.nodes());
        let show = |group: &GroupEntry| GroupSnapshot {
            group: group.clone(),
            missing: Members::of(Membership::of_group(group), &names).missing,
        };
        self.rig.rest.groups.iter().map(show).collect()
    }
}

/// A gain that a fader may have.
pub(super) fn check_gain(gain: f32) -> Result<f32, EngineError> {
    if (0.0..=Fader::MAX_GAIN).contains(&gain) {
        return Ok(gain);
    }
    let range = "0 to 10, which is 20 dB";
    Err(EngineError::OutOfRange { what: "the gain of a fader", value: gain.into(), range })
}
