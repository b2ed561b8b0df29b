//! What a rig file says of the matrix beside its cells: lists of named things, each change of which is a step of the
//! history. Never heard by itself.

use super::faders::{keep_played, renamed};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::matrix::Gesture;
use crate::scenes::check_title;
use crate::session::{Document, FaderPlace, GroupEntry, MatrixPresetEntry, MixEntry};
use std::mem::{discriminant, swap};

/// One of the lists.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MatrixEntries {
    Groups(Vec<GroupEntry>),
    Mixes(Vec<MixEntry>),
    Presets(Vec<MatrixPresetEntry>),
}

impl MatrixEntries {
    /// Leaves faders where they are now that a step has not moved, which leads here from others.
    fn keep_played(&mut self, from: &Self, now: &Self) {
        match (self, from, now) {
            (Self::Groups(to), Self::Groups(from), Self::Groups(now)) => keep_played(to, from, now),
            (Self::Mixes(to), Self::Mixes(from), Self::Mixes(now)) => keep_played(to, from, now),
            _ => {}
        }
    }
}

/// A change of one of the lists, as a step of the history.
#[derive(Debug)]
pub(crate) struct MatrixStep {
    /// What it leads to.
    to: MatrixEntries,
    /// What it leads away from, as the edit has left it.
    from: MatrixEntries,
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

/// The entry of a name, if there is one.
pub(super) fn named<'l, T: Named>(list: &'l [T], name: &str) -> Option<&'l T> {
    list.iter().find(|known| known.name() == name)
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
        let from = entries.clone();
        let to = self.put_matrix_entries(entries);
        if to == from {
            return Ok(());
        }
        self.remember_entries(MatrixStep { to, from });
        self.publish_overlay()
    }

    /// Takes a step; gives the one that leads back.
    pub(crate) fn take_matrix_step(&mut self, step: MatrixStep) -> MatrixStep {
        let MatrixStep { mut to, from } = step;
        let rest = &self.rig.rest;
        to.keep_played(
            &from,
            &match to {
                MatrixEntries::Groups(_) => MatrixEntries::Groups(rest.groups.clone()),
                MatrixEntries::Mixes(_) => MatrixEntries::Mixes(rest.mixes.clone()),
                MatrixEntries::Presets(_) => MatrixEntries::Presets(Vec::new()),
            },
        );
        let from = to.clone();
        MatrixStep { to: self.put_matrix_entries(to), from }
    }

    /// Puts a list in the place of the one there is; gives that one.
    fn put_matrix_entries(&mut self, mut entries: MatrixEntries) -> MatrixEntries {
        match &mut entries {
            MatrixEntries::Groups(groups) => swap(groups, &mut self.rig.rest.groups),
            MatrixEntries::Mixes(mixes) => swap(mixes, &mut self.rig.rest.mixes),
            MatrixEntries::Presets(presets) => swap(presets, &mut self.rig.rest.matrix_presets),
        }
        self.follow_renamed(&entries);
        self.snapshot.outdate();
        entries
    }

    /// Groups and mixes that are in the place of others under another name are those.
    fn follow_renamed(&mut self, before: &MatrixEntries) {
        let rest = &self.rig.rest;
        let (renamed, place): (_, fn(String) -> FaderPlace) = match before {
            MatrixEntries::Groups(before) => (renamed(before, &rest.groups), FaderPlace::Group),
            MatrixEntries::Mixes(before) => (renamed(before, &rest.mixes), FaderPlace::Mix),
            MatrixEntries::Presets(_) => return,
        };
        for (from, to) in renamed {
            self.rename_fader(&place(from), &place(to));
        }
        // Scenes may speak of what is there only now.
        self.note_faders();
        self.scenes.stale = true;
    }

    fn remember_entries(&mut self, step: MatrixStep) {
        match self.undo.back_mut() {
            // What was first is what the gesture leads back to.
            Some(Step::Matrix(known))
                if self.gesture == Gesture::Remembered && discriminant(&known.to) == discriminant(&step.to) =>
            {
                // What was played in the middle of it is none of the gesture's.
                known.to.keep_played(&known.from, &step.to);
                known.from = step.from;
            }
            _ => self.remember_in_gesture(Step::Matrix(Box::new(step))),
        }
    }
}

/// The names of the nodes that the lists of a document speak of.
pub(crate) fn node_names(document: &mut Document) -> impl Iterator<Item = &mut String> {
    let groups = document.groups.iter_mut().flat_map(GroupEntry::node_names);
    let mixes = document.mixes.iter_mut().flat_map(MixEntry::node_names);
    groups.chain(mixes).chain(document.matrix_presets.iter_mut().flat_map(MatrixPresetEntry::node_names))
}
