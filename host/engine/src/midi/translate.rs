//! MIDI 1 messages as events of the graph and back. Never allocates, never changes a message that it does not have to.
#![deny(clippy::disallowed_types)]

use crosspoint_formats::midi::{Voice, controller, ump_to_midi};
use crosspoint_graph::event::{EventBody, Expression, NoteAddress};

/// The event of a whole message that is not a system-exclusive one.
pub fn event_of(message: &[u8]) -> EventBody {
    let byte = |place: usize| message.get(place).copied().unwrap_or(0);
    EventBody::Midi([byte(0), byte(1), byte(2)])
}

/// Hands over the MIDI 1 messages that say what an event does. None for what MIDI 1 has no word for: per-note dimensions
/// other than pressure, parameters, and system-exclusive messages, whose bytes the event does not hold.
pub fn messages_of(body: &EventBody, mut each: impl FnMut(&[u8])) {
    let mut voice = |voice: Voice| {
        if let Some(bytes) = voice.to_midi() {
            each(trimmed(&bytes));
        }
    };
    match *body {
        EventBody::NoteOn { address: NoteAddress { channel: channel @ 0.., key: key @ 0.., .. }, velocity } => {
            voice(Voice::NoteOn { channel: channel as u8, key: key as u8, velocity });
        }
        EventBody::NoteOff { address: NoteAddress { channel: channel @ 0.., key: key @ 0.., .. }, velocity } => {
            voice(Voice::NoteOff { channel: channel as u8, key: key as u8, velocity });
        }
        EventBody::NoteChoke { address: NoteAddress { channel, key, .. } } => {
            for channel in channels(channel) {
                match key {
                    0.. => voice(Voice::NoteOff { channel, key: key as u8, velocity: 0.0 }),
                    _ => voice(Voice::Controller { channel, index: controller::ALL_SOUND_OFF, value: 0.0 }),
                }
            }
        }
        EventBody::Expression {
            address: NoteAddress { channel, key: key @ 0.., .. },
            expression: Expression::Pressure,
            value,
        } => channels(channel).for_each(|channel| voice(Voice::KeyPressure { channel, key: key as u8, value })),
        EventBody::Midi(bytes) => each(trimmed(&bytes)),
        EventBody::Ump(packet) => {
            if let Some(bytes) = ump_to_midi(packet) {
                each(trimmed(&bytes));
            }
        }
        _ => {}
    }
}

/// One channel, or all of them for -1.
fn channels(channel: i8) -> std::ops::Range<u8> {
    match channel {
        0.. => channel as u8..channel as u8 + 1,
        _ => 0..16,
    }
}

/// A message without the bytes that it does not have.
fn trimmed(bytes: &[u8; 3]) -> &[u8] {
    let length = match bytes[0] {
        0xC0..=0xDF | 0xF1 | 0xF3 => 2,
        0xF4..=0xFF => 1,
        _ => 3,
    };
    &bytes[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(body: EventBody) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        messages_of(&body, |message| messages.push(message.to_vec()));
        messages
    }

    /// Every message of the stream comes back as it was.
    #[test]
    fn messages_come_back() {
        let data = [&[0x93, 60, 1][..], &[0x83, 60, 127], &[0xB0, 7, 100], &[0xC5, 9], &[0xD5, 9], &[0xE1, 1, 64]];
        let system = [&[0xF1, 5][..], &[0xF2, 1, 2], &[0xF3, 4], &[0xF6], &[0xF8], &[0xFF]];
        for message in data.iter().chain(&system) {
            assert_eq!(back(event_of(message)), [*message]);
        }
    }

    /// Notes as the graph has them; every velocity of MIDI comes back.
    #[test]
    fn notes_come_back() {
        for velocity in 1..=127_u8 {
            let address = NoteAddress::key(2, 64);
            let value = f64::from(velocity) / 127.0;
            assert_eq!(back(EventBody::NoteOn { address, velocity: value }), [[0x92, 64, velocity]]);
            assert_eq!(back(EventBody::NoteOff { address, velocity: value }), [[0x82, 64, velocity]]);
        }
        assert_eq!(back(EventBody::NoteChoke { address: NoteAddress::key(2, 64) }), [[0x82, 64, 0]]);
        assert_eq!(back(EventBody::NoteChoke { address: NoteAddress::ALL }).len(), 16);
    }
}
