//! What a rig file says of the matrix beside its cells: lists of named things, each change of which is a step of the
//! history. Never heard by itself.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::matrix::Gesture;
use crate::scenes::check_title;
use crate::session::{Document, GroupEntry, MatrixPresetEntry, MixEntry};
use std::mem::{discriminant, swap};

/// One of the lists, as a step of the history brings it back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MatrixEntries {
    Groups(Vec<GroupEntry>),
    Mixes(Vec<MixEntry>),
    Presets(Vec<MatrixPresetEntry>),
}

/// Something that people call by a name.
pub(super) trait Named {
    /// What they call it, such as `group`.
    const WHAT: &'static str;
    fn name(&self) -> &str;
    fn rename(&mut self, name: String);
}

impl Named for GroupEntry {
    const WHAT: &'static str = "group";

    fn name(&self) -> &str {
        &self.name
    }

    fn rename(&mut self, name: String) {
        self.name = name;
    }
}

impl Named for MixEntry {
    const WHAT: &'static str = "mix";

    fn name(&self) -> &str {
        &self.name
    }

    fn rename(&mut self, name: String) {
        self.name = name;
    }
}

impl Named for MatrixPresetEntry {
    const WHAT: &'static str = "preset of the matrix";

    fn name(&self) -> &str {
        &self.name
    }

    fn rename(&mut self, name: String) {
        self.name = name;
    }
}

/// The place of a name in a list.
pub(super) fn place_of<T: Named>(list: &[T], name: &str) -> Result<usize, EngineError> {
    list.iter().position(|known| known.name() == name).ok_or_else(|| EngineError::UnknownEntry {
        what: T::WHAT,
        name: name.to_owned(),
        known: list.iter().map(T::name).collect::<Vec<_>>().join(", "),
    })
}

/// Puts an entry in the place of the one of its name, or after the last one.
pub(super) fn set<T: Named>(list: &mut Vec<T>, entry: T) -> Result<(), EngineError> {
    check_title(entry.name())?;
    match list.iter_mut().find(|known| known.name() == entry.name()) {
        Some(known) => *known = entry,
        None => list.push(entry),
    }
    Ok(())
}

/// The entry of a name.
pub(super) fn entry_of<'l, T: Named>(list: &'l mut [T], name: &str) -> Result<&'l mut T, EngineError> {
    let place = place_of(list, name)?;
    Ok(&mut list[place])
}

/// Gives an entry another name.
pub(super) fn rename<T: Named>(list: &mut [T], from: &str, to: String) -> Result<(), EngineError> {
    let place = place_of(list, from)?;
    check_title(&to)?;
    if list.iter().enumerate().any(|(other, known)| other != place && known.name() == to) {
        return Err(EngineError::Title { name: to, problem: "is taken" });
    }
    list[place].rename(to);
    Ok(())
}

impl<P: Plugins> Engine<P> {
    /// Changes one of the lists: a step of the history, or a part of the gesture's. What is so already makes none.
    pub(super) fn change_entries(&mut self, entries: MatrixEntries) -> Result<(), EngineError> {
        let now = entries.clone();
        let before = self.put_matrix_entries(entries);
        if before == now {
            return Ok(());
        }
        self.remember_entries(before);
        self.publish_overlay()
    }

    /// Puts a list in the place of the one there is; gives the one that leads back.
    pub(crate) fn put_matrix_entries(&mut self, mut entries: MatrixEntries) -> MatrixEntries {
        match &mut entries {
            MatrixEntries::Groups(groups) => swap(groups, &mut self.rig.rest.groups),
            MatrixEntries::Mixes(mixes) => swap(mixes, &mut self.rig.rest.mixes),
            MatrixEntries::Presets(presets) => swap(presets, &mut self.rig.rest.matrix_presets),
        }
        self.snapshot.outdate();
        entries
    }

    fn remember_entries(&mut self, before: MatrixEntries) {
        let is_known = self.gesture == Gesture::Remembered
            && matches!(self.undo.back(), Some(Step::Matrix(known)) if discriminant(known) == discriminant(&before));
        // What was first is what the gesture leads back to.
        if !is_known {
            self.remember_in_gesture(Step::Matrix(before));
        }
    }
}

/// The names of the nodes that the lists of a document speak of.
pub(crate) fn node_names(document: &mut Document) -> impl Iterator<Item = &mut String> {
    let groups = document.groups.iter_mut().flat_map(GroupEntry::node_names);
    let mixes = document.mixes.iter_mut().flat_map(MixEntry::node_names);
    groups.chain(mixes).chain(document.matrix_presets.iter_mut().flat_map(MatrixPresetEntry::node_names))
}
