//! The notes that a plugin was given and that have not ended. VST3 tells expressions by note id alone and has no way to end
//! all notes at once, so the host has to know them. Never allocates once made.
#![deny(clippy::disallowed_types)]

use crosspoint_graph::event::{NoteAddress, NoteId};

/// Notes that are remembered at most; those beyond can be ended by their key alone.
const CAPACITY: usize = 512;
/// Where ids of notes begin that came without one. Below zero and -10000 to -1000 are VST3's own.
const FIRST_ID: i32 = 0x4000_0000;

/// One note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) bus: u16,
    pub(crate) channel: u8,
    pub(crate) key: u8,
    /// The id that the plugin knows it by.
    pub(crate) id: i32,
}

/// See the module.
pub(crate) struct Sounding {
    notes: Vec<Note>,
    next_id: i32,
}

impl Sounding {
    pub(crate) fn new() -> Self {
        Self { notes: Vec::with_capacity(CAPACITY), next_id: FIRST_ID }
    }

    /// A note begins; its id is made up if it has none.
    pub(crate) fn begin(&mut self, bus: u16, channel: u8, key: u8, id: NoteId) -> Note {
        let id = if id.0 >= 0 { id.0 } else { self.make_up() };
        let note = Note { bus, channel, key, id };
        if self.notes.len() < CAPACITY {
            self.notes.push(note);
        }
        note
    }

    fn make_up(&mut self) -> i32 {
        let id = self.next_id;
        self.next_id = if id == i32::MAX { FIRST_ID } else { id + 1 };
        id
    }

    /// The next note that an address speaks of, from the `from`th on, and where to go on from.
    pub(crate) fn next(&self, bus: u16, address: NoteAddress, from: usize) -> Option<(Note, usize)> {
        let rest = self.notes.get(from..)?;
        let at = rest.iter().position(|note| matches(note, bus, address))?;
        Some((rest[at], from + at + 1))
    }

    /// Takes away one note that an address speaks of, the oldest.
    pub(crate) fn end(&mut self, bus: u16, address: NoteAddress) -> Option<Note> {
        let at = self.notes.iter().position(|note| matches(note, bus, address))?;
        // In order, so that the oldest of two notes on a key ends first.
        Some(self.notes.remove(at))
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.notes.clear();
    }
}

fn matches(note: &Note, bus: u16, address: NoteAddress) -> bool {
    note.bus == bus
        && (address.note == NoteId::ANY || address.note.0 == note.id)
        && (address.channel < 0 || address.channel as u8 == note.channel)
        && (address.key < 0 || address.key as u8 == note.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_found_by_any_part_of_their_address() {
        let mut sounding = Sounding::new();
        sounding.begin(0, 0, 60, NoteId(7));
        let made_up = sounding.begin(0, 1, 60, NoteId::ANY);
        sounding.begin(1, 0, 62, NoteId(9));
        assert!(made_up.id >= FIRST_ID);
        let (first, next) = sounding.next(0, NoteAddress::ALL, 0).unwrap();
        assert_eq!((first.id, sounding.next(0, NoteAddress::ALL, next).unwrap().0), (7, made_up));
        assert_eq!(sounding.end(0, NoteAddress::key(1, 60)), Some(made_up));
        assert_eq!(sounding.end(0, NoteAddress { note: NoteId(9), ..NoteAddress::ALL }), None);
        assert!(sounding.end(0, NoteAddress::ALL).is_some() && sounding.end(0, NoteAddress::ALL).is_none());
    }

    /// More than there is room for: nothing is allocated, and the first ones are still known.
    #[test]
    fn too_many_are_forgotten() {
        let mut sounding = Sounding::new();
        (0..2000).for_each(|id| {
            sounding.begin(0, 0, 60, NoteId(id));
        });
        assert_eq!(sounding.notes.len(), CAPACITY);
        assert_eq!(sounding.notes.capacity(), CAPACITY);
    }
}
