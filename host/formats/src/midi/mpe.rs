//! One channel for each note, as MIDI Polyphonic Expression has it: the lower zone with all fifteen member channels.
//!
//! Source: "MIDI Polyphonic Expression", M1-100-UM.
#![deny(clippy::disallowed_types)]

use crosspoint_graph::event::{NoteAddress, NoteId};

/// Semitones of a full pitch bend of a member channel, MPE's default.
pub const MEMBER_BEND_RANGE: f64 = 48.0;

/// Channels 1 to 15; 0 is the zone's manager.
const MEMBERS: usize = 15;

#[derive(Clone, Copy, Debug)]
struct Member {
    /// Who sounds here, if anyone.
    note: Option<NoteAddress>,
    /// When the note began or ended, in notes.
    since: u64,
    /// Whether the channel was bent since its last note began.
    bent: bool,
}

/// Which note sounds on which member channel.
#[derive(Clone, Debug)]
pub struct MpeZone {
    members: [Member; MEMBERS],
    clock: u64,
}

/// Where a new note goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// MIDI channel, 1 to 15.
    pub channel: u8,
    /// The key of a note that had to make room and must be ended first.
    pub stolen: Option<u8>,
    /// Whether the channel's bend must be centred first.
    pub bent: bool,
}

impl Default for MpeZone {
    fn default() -> Self {
        Self { members: [Member { note: None, since: 0, bent: false }; MEMBERS], clock: 0 }
    }
}

impl MpeZone {
    /// Finds a channel for a note: the one free for longest, else that of the oldest note.
    pub fn begin(&mut self, note: NoteAddress) -> Placement {
        self.clock += 1;
        let free = |member: &Member| (member.note.is_some(), member.since);
        let index = (0..MEMBERS).min_by_key(|&index| free(&self.members[index])).unwrap_or(0);
        let member = &mut self.members[index];
        let stolen = member.note.map(|old| old.key.max(0) as u8);
        let bent = member.bent;
        *member = Member { note: Some(note), since: self.clock, bent: false };
        Placement { channel: index as u8 + 1, stolen, bent }
    }

    /// Channels and keys of the notes that an address speaks of. Ends them if so told.
    pub fn matching(&mut self, address: NoteAddress, end: bool) -> impl Iterator<Item = (u8, u8)> + '_ {
        self.clock += 1;
        let clock = self.clock;
        self.members.iter_mut().enumerate().filter_map(move |(index, member)| {
            let note = member.note.filter(|note| matches(address, *note))?;
            if end {
                member.note = None;
                member.since = clock;
            }
            Some((index as u8 + 1, note.key.max(0) as u8))
        })
    }

    /// Remembers that a channel was bent.
    pub fn mark_bent(&mut self, channel: u8) {
        if let Some(member) = usize::from(channel).checked_sub(1).and_then(|index| self.members.get_mut(index)) {
            member.bent = true;
        }
    }
}

/// Whether an address that may name all speaks of a note.
fn matches(address: NoteAddress, note: NoteAddress) -> bool {
    (address.note == NoteId::ANY || note.note == NoteId::ANY || address.note == note.note)
        && (address.channel < 0 || address.channel == note.channel)
        && (address.key < 0 || address.key == note.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: i32, key: i8) -> NoteAddress {
        NoteAddress { note: NoteId(id), channel: 0, key }
    }

    /// Fifteen notes take fifteen channels; the sixteenth takes that of the oldest.
    #[test]
    fn notes_spread_over_the_members_and_the_oldest_gives_way() {
        let mut zone = MpeZone::default();
        let channels: Vec<u8> = (0..15).map(|n| zone.begin(note(n, 40 + n as i8)).channel).collect();
        assert_eq!(channels, (1..=15).collect::<Vec<u8>>());
        assert_eq!(zone.begin(note(15, 60)), Placement { channel: 1, stolen: Some(40), bent: false });
    }

    /// The same key twice is two notes: ids tell them apart.
    #[test]
    fn a_note_ends_alone() {
        let mut zone = MpeZone::default();
        zone.begin(note(1, 60));
        zone.begin(note(2, 60));
        assert_eq!(zone.matching(note(2, 60), true).collect::<Vec<_>>(), [(2, 60)]);
        assert_eq!(zone.matching(NoteAddress::ALL, false).collect::<Vec<_>>(), [(1, 60)]);
    }

    /// A freed channel rests longest before it is used again, and remembers its bend.
    #[test]
    fn a_bent_channel_is_centred_on_reuse() {
        let mut zone = MpeZone::default();
        zone.begin(note(1, 60));
        zone.mark_bent(1);
        assert_eq!(zone.matching(note(1, 60), true).count(), 1);
        let placements: Vec<_> = (0..15).map(|n| zone.begin(note(n, 61))).collect();
        assert_eq!(placements[14], Placement { channel: 1, stolen: None, bent: true });
    }
}
