//! A channel voice message without its encoding.
#![deny(clippy::disallowed_types)]

use super::scale::{bipolar, quantise, quantise_bipolar, scale_down, scale_up, unit};

/// Semitones of a full pitch bend of a channel, unless a player says otherwise: the default of General MIDI.
pub const CHANNEL_BEND_RANGE: f64 = 2.0;

/// Semitones of a full per-note pitch bend of MIDI 2, the range its default is given with in M2-104-UM.
const NOTE_BEND_RANGE: f64 = 48.0;

/// Controllers that dialects translate to and from.
pub mod controller {
    use crosspoint_graph::event::Expression;

    /// Modulation wheel: vibrato.
    pub const MODULATION: u8 = 1;
    /// Channel volume.
    pub const VOLUME: u8 = 7;
    /// Pan.
    pub const PAN: u8 = 10;
    /// Expression.
    pub const EXPRESSION: u8 = 11;
    /// Brightness, MPE's third dimension.
    pub const BRIGHTNESS: u8 = 74;
    /// Vibrato depth of MIDI 2's per-note controllers.
    pub const VIBRATO_DEPTH: u8 = 77;
    /// All sound off.
    pub const ALL_SOUND_OFF: u8 = 120;
    /// All notes off.
    pub const ALL_NOTES_OFF: u8 = 123;

    /// The note expression that a controller means.
    pub(crate) fn expression(index: u8) -> Option<Expression> {
        Some(match index {
            MODULATION | VIBRATO_DEPTH => Expression::Vibrato,
            VOLUME => Expression::Volume,
            PAN => Expression::Pan,
            EXPRESSION => Expression::Expression,
            BRIGHTNESS => Expression::Brightness,
            _ => return None,
        })
    }
}

/// A channel voice message. Values are 0 to 1, bends -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Voice {
    /// A key goes down.
    NoteOn { channel: u8, key: u8, velocity: f64 },
    /// A key goes up.
    NoteOff { channel: u8, key: u8, velocity: f64 },
    /// Pressure on one key.
    KeyPressure { channel: u8, key: u8, value: f64 },
    /// Pressure on the channel.
    ChannelPressure { channel: u8, value: f64 },
    /// A controller of the channel.
    Controller { channel: u8, index: u8, value: f64 },
    /// A controller of one note (MIDI 2 only).
    NoteController { channel: u8, key: u8, index: u8, value: f64 },
    /// A bend of the channel, as a share of its range.
    Bend { channel: u8, value: f64 },
    /// A bend of one note (MIDI 2 only), as a share of 48 semitones.
    NoteBend { channel: u8, key: u8, value: f64 },
    /// Another program.
    Program { channel: u8, program: u8 },
}

impl Voice {
    /// A bend of one note by so many semitones.
    pub fn note_bend(channel: u8, key: u8, semitones: f64) -> Self {
        Self::NoteBend { channel, key, value: semitones / NOTE_BEND_RANGE }
    }

    /// Semitones of a bend of one note.
    pub fn note_bend_semitones(value: f64) -> f64 {
        value * NOTE_BEND_RANGE
    }

    /// Reads MIDI 1 bytes; none for system messages and stray data. A note-on of velocity 0 is a note-off of half
    /// velocity, as MIDI 1 says.
    pub fn from_midi([status, first, second]: [u8; 3]) -> Option<Self> {
        let channel = status & 15;
        let (first, second) = (first & 127, second & 127);
        let value = unit(second.into(), 7);
        Some(match status >> 4 {
            0x8 => Self::NoteOff { channel, key: first, velocity: value },
            0x9 if second == 0 => Self::NoteOff { channel, key: first, velocity: unit(64, 7) },
            0x9 => Self::NoteOn { channel, key: first, velocity: value },
            0xa => Self::KeyPressure { channel, key: first, value },
            0xb => Self::Controller { channel, index: first, value },
            0xc => Self::Program { channel, program: first },
            0xd => Self::ChannelPressure { channel, value: unit(first.into(), 7) },
            0xe => Self::Bend { channel, value: bipolar(u32::from(second) << 7 | u32::from(first), 14) },
            _ => return None,
        })
    }

    /// Writes MIDI 1 bytes; none for what MIDI 1 cannot say. A note-on never becomes one of velocity 0.
    pub fn to_midi(self) -> Option<[u8; 3]> {
        let seven = |value: f64| quantise(value, 7) as u8;
        Some(match self {
            Self::NoteOn { channel, key, velocity } => [0x90 | channel, key, seven(velocity).max(1)],
            Self::NoteOff { channel, key, velocity } => [0x80 | channel, key, seven(velocity)],
            Self::KeyPressure { channel, key, value } => [0xa0 | channel, key, seven(value)],
            Self::Controller { channel, index, value } => [0xb0 | channel, index, seven(value)],
            Self::Program { channel, program } => [0xc0 | channel, program, 0],
            Self::ChannelPressure { channel, value } => [0xd0 | channel, seven(value), 0],
            Self::Bend { channel, value } => {
                let bend = quantise_bipolar(value, 14);
                [0xe0 | channel, (bend & 127) as u8, (bend >> 7) as u8]
            }
            Self::NoteController { .. } | Self::NoteBend { .. } => return None,
        })
    }

    /// Reads a MIDI 2 channel voice packet or a MIDI 1 one in a packet; none for all others.
    pub fn from_ump(packet: [u32; 4]) -> Option<Self> {
        let [head, data, ..] = packet;
        if head >> 28 == MIDI1_IN_UMP {
            return Self::from_midi(bytes_of(head));
        }
        if head >> 28 != MIDI2_VOICE {
            return None;
        }
        let channel = (head >> 16 & 15) as u8;
        let first = (head >> 8 & 127) as u8;
        Some(match head >> 20 & 15 {
            0x0 => Self::NoteController { channel, key: first, index: (head & 255) as u8, value: unit(data, 32) },
            0x6 => Self::NoteBend { channel, key: first, value: bipolar(data, 32) },
            0x8 => Self::NoteOff { channel, key: first, velocity: unit(data >> 16, 16) },
            0x9 => Self::NoteOn { channel, key: first, velocity: unit(data >> 16, 16) },
            0xa => Self::KeyPressure { channel, key: first, value: unit(data, 32) },
            0xb => Self::Controller { channel, index: first, value: unit(data, 32) },
            0xc => Self::Program { channel, program: (data >> 24 & 127) as u8 },
            0xd => Self::ChannelPressure { channel, value: unit(data, 32) },
            0xe => Self::Bend { channel, value: bipolar(data, 32) },
            _ => return None,
        })
    }

    /// Writes a MIDI 2 channel voice packet of group 0.
    pub fn to_ump(self) -> [u32; 4] {
        let packet = |opcode: u32, channel: u8, first: u8, second: u8, data: u32| {
            let head = MIDI2_VOICE << 28 | opcode << 20 | u32::from(channel) << 16;
            [head | u32::from(first) << 8 | u32::from(second), data, 0, 0]
        };
        match self {
            Self::NoteOn { channel, key, velocity } => packet(0x9, channel, key, 0, quantise(velocity, 16) << 16),
            Self::NoteOff { channel, key, velocity } => packet(0x8, channel, key, 0, quantise(velocity, 16) << 16),
            Self::KeyPressure { channel, key, value } => packet(0xa, channel, key, 0, quantise(value, 32)),
            Self::ChannelPressure { channel, value } => packet(0xd, channel, 0, 0, quantise(value, 32)),
            Self::Controller { channel, index, value } => packet(0xb, channel, index, 0, quantise(value, 32)),
            Self::NoteController { channel, key, index, value } => {
                packet(0x0, channel, key, index, quantise(value, 32))
            }
            Self::Bend { channel, value } => packet(0xe, channel, 0, 0, quantise_bipolar(value, 32)),
            Self::NoteBend { channel, key, value } => packet(0x6, channel, key, 0, quantise_bipolar(value, 32)),
            Self::Program { channel, program } => packet(0xc, channel, 0, 0, u32::from(program) << 24),
        }
    }
}

/// Message type of MIDI 1 voice messages in a packet.
const MIDI1_IN_UMP: u32 = 0x2;
/// Message type of system messages in a packet.
const SYSTEM_IN_UMP: u32 = 0x1;
/// Message type of MIDI 2 voice messages.
const MIDI2_VOICE: u32 = 0x4;

fn bytes_of(head: u32) -> [u8; 3] {
    let [_, status, first, second] = head.to_be_bytes();
    [status, first, second]
}

/// MIDI 1 bytes as a packet of group 0: voice messages in MIDI 2's resolution by its scaling rules, system messages as
/// they are; none for what is no message.
pub fn midi_to_ump(bytes: [u8; 3]) -> Option<[u32; 4]> {
    let [status, first, second] = bytes;
    let (low, high) = (u32::from(first & 127), u32::from(second & 127));
    let head = |opcode: u32, index: u32| MIDI2_VOICE << 28 | opcode << 20 | u32::from(status & 15) << 16 | index << 8;
    let voice = |opcode, index, data| Some([head(opcode, index), data, 0, 0]);
    match status >> 4 {
        0x8 => voice(0x8, low, scale_up(high, 7, 16) << 16),
        0x9 if high == 0 => voice(0x8, low, 0x8000 << 16),
        0x9 => voice(0x9, low, scale_up(high, 7, 16) << 16),
        0xa => voice(0xa, low, scale_up(high, 7, 32)),
        0xb => voice(0xb, low, scale_up(high, 7, 32)),
        0xc => voice(0xc, 0, low << 24),
        0xd => voice(0xd, 0, scale_up(low, 7, 32)),
        0xe => voice(0xe, 0, scale_up(high << 7 | low, 14, 32)),
        0xf => Some([SYSTEM_IN_UMP << 28 | u32::from(status) << 16 | low << 8 | high, 0, 0, 0]),
        _ => None,
    }
}

/// A packet as MIDI 1 bytes; none for what MIDI 1 cannot say in three bytes.
pub fn ump_to_midi(packet: [u32; 4]) -> Option<[u8; 3]> {
    let [head, data, ..] = packet;
    match head >> 28 {
        SYSTEM_IN_UMP | MIDI1_IN_UMP => return Some(bytes_of(head)),
        MIDI2_VOICE => {}
        _ => return None,
    }
    let opcode = (head >> 20 & 15) as u8;
    let status = opcode << 4 | (head >> 16 & 15) as u8;
    let index = (head >> 8 & 127) as u8;
    let seven = scale_down(data, 32, 7) as u8;
    Some(match opcode {
        0x8 => [status, index, seven],
        0x9 => [status, index, seven.max(1)],
        0xa | 0xb => [status, index, seven],
        0xc => [status, (data >> 24 & 127) as u8, 0],
        0xd => [status, seven, 0],
        0xe => {
            let bend = scale_down(data, 32, 14);
            [status, (bend & 127) as u8, (bend >> 7) as u8]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every MIDI 1 voice message is the same after a trip through the neutral form and through packets. The two
    /// exceptions are what MIDI itself defines as equal: velocity 0 is a note-off.
    #[test]
    fn midi_survives_both_round_trips() {
        for status in 0x80..=0xef_u8 {
            for first in [0, 1, 63, 64, 100, 127] {
                for second in [0, 1, 63, 64, 65, 126, 127] {
                    let second = if matches!(status >> 4, 0xc | 0xd) { 0 } else { second };
                    let bytes = [status, first, second];
                    let expected =
                        if status >> 4 == 9 && second == 0 { [0x80 | status & 15, first, 64] } else { bytes };
                    assert_eq!(Voice::from_midi(bytes).unwrap().to_midi().unwrap(), expected);
                    assert_eq!(ump_to_midi(midi_to_ump(bytes).unwrap()).unwrap(), expected);
                }
            }
        }
    }

    #[test]
    fn packets_survive_the_neutral_form() {
        for packet in [
            [0x4093_3c00, 0xffff_0000, 0, 0],
            [0x4083_3c00, 0x1234_0000, 0, 0],
            [0x40b5_4a00, 0x8000_0000, 0, 0],
            [0x40e0_0000, 0x8000_0000, 0, 0],
            [0x4061_3c00, 0xffff_ffff, 0, 0],
            [0x4001_3c4a, 0x4000_0000, 0, 0],
            [0x40c2_0000, 0x0700_0000, 0, 0],
        ] {
            assert_eq!(Voice::from_ump(packet).unwrap().to_ump(), packet, "{packet:x?}");
        }
    }

    #[test]
    fn what_is_no_voice_message_is_refused() {
        assert_eq!(Voice::from_midi([0xf8, 0, 0]), None);
        assert_eq!(Voice::from_midi([0x40, 0, 0]), None);
        assert_eq!(Voice::from_ump([0x5000_0000, 0, 0, 0]), None);
        assert_eq!(midi_to_ump([0x12, 0, 0]), None);
        assert_eq!(midi_to_ump([0xf8, 0, 0]), Some([0x10f8_0000, 0, 0, 0]));
        assert_eq!(ump_to_midi([0x10f8_0000, 0, 0, 0]), Some([0xf8, 0, 0]));
    }
}
