//! What a MIDI 1 message or a Universal MIDI Packet says about notes and pedals. Reads only what the merge has to
//! know; every other message is none of its business and passes as it is.
//!
//! Sources: "MIDI 1.0 Detailed Specification" 4.2.1 (channel voice and mode messages); "Universal MIDI Packet (UMP)
//! Format and MIDI 2.0 Protocol" 1.1, sections 4.1 and 4.2.

use super::EventBody;

/// The part of a message that concerns notes and pedals. Channels are 0 to 15, keys 0 to 127, velocities 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Message {
    NoteOn {
        channel: u8,
        key: u8,
        velocity: f64,
    },
    NoteOff {
        channel: u8,
        key: u8,
        velocity: f64,
    },
    /// One of [`PEDALS`] is pressed or lifted.
    Pedal {
        channel: u8,
        controller: u8,
        down: bool,
    },
    /// Controllers 120 and 123 to 127: all notes of the channel end.
    NotesOff {
        channel: u8,
    },
    /// Controller 121: the pedals of the channel go up.
    ControllersReset {
        channel: u8,
    },
    /// System reset: all of the above on all channels.
    Reset,
    Other,
}

impl Message {
    pub(super) fn is_ending(self) -> bool {
        match self {
            Self::NoteOff { .. } | Self::NotesOff { .. } | Self::ControllersReset { .. } | Self::Reset => true,
            Self::Pedal { down, .. } => !down,
            Self::NoteOn { .. } | Self::Other => false,
        }
    }
}

/// The controllers that keep notes sounding: sustain, sostenuto and hold 2.
const PEDALS: [u8; 3] = [64, 66, 69];

/// Reads a body of the MIDI 1 or UMP form; anything else is [`Message::Other`].
pub(super) fn decode(body: &EventBody) -> Message {
    match *body {
        EventBody::Midi(bytes) => midi(bytes),
        EventBody::Ump(words) => ump(words),
        _ => Message::Other,
    }
}

fn midi([status, first, second]: [u8; 3]) -> Message {
    let (channel, first, second) = (status & 15, first & 127, second & 127);
    let velocity = f64::from(second) / 127.0;
    match status >> 4 {
        0x8 => Message::NoteOff { channel, key: first, velocity },
        // Velocity 0 is a note-off without a release velocity of its own: 64 by the specification.
        0x9 if second == 0 => Message::NoteOff { channel, key: first, velocity: 64.0 / 127.0 },
        0x9 => Message::NoteOn { channel, key: first, velocity },
        0xB => controller(channel, first, second >= 64),
        0xF if status == 0xFF => Message::Reset,
        _ => Message::Other,
    }
}

fn ump([head, data, ..]: [u32; 4]) -> Message {
    let [_, status, first, second] = head.to_be_bytes();
    match head >> 28 {
        0x1 | 0x2 => midi([status, first, second]),
        0x4 => {
            let (channel, first) = (status & 15, first & 127);
            let velocity = f64::from(data >> 16) / 65535.0;
            match status >> 4 {
                0x8 => Message::NoteOff { channel, key: first, velocity },
                // Unlike in MIDI 1, velocity 0 is a note.
                0x9 => Message::NoteOn { channel, key: first, velocity },
                0xB => controller(channel, first, data >= 1 << 31),
                _ => Message::Other,
            }
        }
        _ => Message::Other,
    }
}

fn controller(channel: u8, controller: u8, down: bool) -> Message {
    match controller {
        pedal if PEDALS.contains(&pedal) => Message::Pedal { channel, controller, down },
        121 => Message::ControllersReset { channel },
        120 | 123..=127 => Message::NotesOff { channel },
        _ => Message::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same note, by MIDI 1, MIDI 1 in a packet, and MIDI 2.
    #[test]
    fn notes_in_all_dialects() {
        let on = Message::NoteOn { channel: 2, key: 60, velocity: 1.0 };
        assert_eq!(decode(&EventBody::Midi([0x92, 60, 127])), on);
        assert_eq!(decode(&EventBody::Ump([0x2092_3C7F, 0, 0, 0])), on);
        assert_eq!(decode(&EventBody::Ump([0x4092_3C00, 0xFFFF_0000, 0, 0])), on);
        let off = Message::NoteOff { channel: 2, key: 60, velocity: 64.0 / 127.0 };
        assert_eq!(decode(&EventBody::Midi([0x92, 60, 0])), off);
        assert_eq!(decode(&EventBody::Midi([0x82, 60, 64])), off);
        let quiet = Message::NoteOn { channel: 2, key: 60, velocity: 0.0 };
        assert_eq!(decode(&EventBody::Ump([0x4092_3C00, 0, 0, 0])), quiet);
    }

    /// What ends something is kept when lists overflow; what starts or bends something is not.
    #[test]
    fn endings() {
        for ending in [[0x80, 1, 2], [0x90, 1, 0], [0xB0, 64, 63], [0xB0, 123, 0], [0xB0, 120, 0], [0xFF, 0, 0]] {
            assert!(EventBody::Midi(ending).is_ending(), "{ending:?}");
        }
        for other in [[0x90, 1, 1], [0xB0, 64, 64], [0xB0, 1, 0], [0xE0, 0, 0], [0xF8, 0, 0]] {
            assert!(!EventBody::Midi(other).is_ending(), "{other:?}");
        }
        assert!(EventBody::Ump([0x40B0_4000, 0, 0, 0]).is_ending());
        assert!(!EventBody::Ump([0x40B0_4000, 0x8000_0000, 0, 0]).is_ending());
    }
}
