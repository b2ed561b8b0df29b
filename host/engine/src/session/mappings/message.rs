//! MIDI messages in words, both ways: `cc 7 channel 1`, `note C3`, `nrpn 130`.

use std::fmt;
use std::str::FromStr;

/// A MIDI message that a mapping listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControlMessage {
    /// What kind, and which of it.
    pub kind: MessageKind,
    /// The channel from 0, below 16; none for any.
    pub channel: Option<u8>,
}

/// Kinds of messages. Numbers are those on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageKind {
    /// A controller, below 128: `cc 7`.
    Controller(u8),
    /// A controller of 14 bits, below 32: `cc 7 14-bit`. The controller 32 above it has the lower seven.
    WideController(u8),
    /// A key: `note C3` or `note 60`, which is middle C.
    Note(u8),
    /// A program change, below 128: `program 5`.
    Program(u8),
    /// `pitch bend`
    PitchBend,
    /// `channel pressure`
    ChannelPressure,
    /// The pressure of a key: `key pressure C3`.
    KeyPressure(u8),
    /// A registered parameter, below 16,384: `rpn 0`.
    Rpn(u16),
    /// A parameter of the manufacturer's, below 16,384: `nrpn 130`.
    Nrpn(u16),
}

/// What is no message in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a message such as \"cc 7\", \"cc 7 14-bit\", \"note C3\", \"program 5\", \"pitch bend\", \"channel pressure\", \
     \"key pressure C3\", \"rpn 0\" or \"nrpn 130\", with \"channel 1\" to 16 behind it if only one is meant"
)]
pub struct NoMessage;

impl ControlMessage {
    /// Of any channel.
    pub fn any(kind: MessageKind) -> Self {
        Self { kind, channel: None }
    }

    /// Of a channel from 0, below 16.
    pub fn on(kind: MessageKind, channel: u8) -> Self {
        Self { kind, channel: Some(channel & 15) }
    }
}

impl From<MessageKind> for ControlMessage {
    fn from(kind: MessageKind) -> Self {
        Self::any(kind)
    }
}

impl fmt::Display for ControlMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MessageKind::Controller(number) => write!(f, "cc {number}")?,
            MessageKind::WideController(number) => write!(f, "cc {number} 14-bit")?,
            MessageKind::Note(key) => write!(f, "note {}", Key(key))?,
            MessageKind::Program(number) => write!(f, "program {number}")?,
            MessageKind::PitchBend => f.write_str("pitch bend")?,
            MessageKind::ChannelPressure => f.write_str("channel pressure")?,
            MessageKind::KeyPressure(key) => write!(f, "key pressure {}", Key(key))?,
            MessageKind::Rpn(number) => write!(f, "rpn {number}")?,
            MessageKind::Nrpn(number) => write!(f, "nrpn {number}")?,
        }
        match self.channel {
            Some(channel) => write!(f, " channel {}", channel + 1),
            None => Ok(()),
        }
    }
}

impl FromStr for ControlMessage {
    type Err = NoMessage;

    fn from_str(text: &str) -> Result<Self, NoMessage> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (kind, channel) = match words.as_slice() {
            [kind @ .., "channel", channel] if !kind.is_empty() => (kind, Some(channel)),
            kind => (kind, None),
        };
        let channel = match channel {
            None => None,
            Some(text) => Some(below(text, 17)?.checked_sub(1).ok_or(NoMessage)? as u8),
        };
        let kind = match *kind {
            ["cc", number] => MessageKind::Controller(below(number, 128)? as u8),
            ["cc", number, "14-bit"] => MessageKind::WideController(below(number, 32)? as u8),
            ["note", key] => MessageKind::Note(self::key(key)?),
            ["program", number] => MessageKind::Program(below(number, 128)? as u8),
            ["pitch", "bend"] => MessageKind::PitchBend,
            ["channel", "pressure"] => MessageKind::ChannelPressure,
            ["key", "pressure", key] => MessageKind::KeyPressure(self::key(key)?),
            ["rpn", number] => MessageKind::Rpn(below(number, 1 << 14)?),
            ["nrpn", number] => MessageKind::Nrpn(below(number, 1 << 14)?),
            _ => return Err(NoMessage),
        };
        Ok(Self { kind, channel })
    }
}

fn below(text: &str, limit: u16) -> Result<u16, NoMessage> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number < limit).ok_or(NoMessage)
}

const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
/// The octave of key 0: middle C, key 60, is C3 as most controllers print it.
const LOWEST_OCTAVE: i32 = -2;

/// A key by its name.
struct Key(u8);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", NAMES[usize::from(self.0 % 12)], i32::from(self.0 / 12) + LOWEST_OCTAVE)
    }
}

/// A key by its number or name, with sharps or flats.
fn key(text: &str) -> Result<u8, NoMessage> {
    if let Ok(number) = below(text, 128) {
        return Ok(number as u8);
    }
    let mut chars = text.chars();
    let natural = match chars.next().map(|letter| letter.to_ascii_uppercase()) {
        Some('C') => 0,
        Some('D') => 2,
        Some('E') => 4,
        Some('F') => 5,
        Some('G') => 7,
        Some('A') => 9,
        Some('B') => 11,
        _ => return Err(NoMessage),
    };
    let rest = chars.as_str();
    let (octave, sharps) = match (rest.strip_prefix('#'), rest.strip_prefix('b')) {
        (Some(octave), _) => (octave, 1),
        (_, Some(octave)) => (octave, -1),
        _ => (rest, 0),
    };
    let octave: i32 = octave.parse().map_err(|_| NoMessage)?;
    let key =
        octave.checked_sub(LOWEST_OCTAVE).and_then(|octave| octave.checked_mul(12)).map(|key| key + natural + sharps);
    key.and_then(|key| u8::try_from(key).ok()).filter(|key| *key < 128).ok_or(NoMessage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages() -> impl Strategy<Value = ControlMessage> {
        let (seven, wide) = (0_u8..128, 0_u16..1 << 14);
        let kind = prop_oneof![
            seven.clone().prop_map(MessageKind::Controller),
            (0_u8..32).prop_map(MessageKind::WideController),
            seven.clone().prop_map(MessageKind::Note),
            seven.clone().prop_map(MessageKind::Program),
            Just(MessageKind::PitchBend),
            Just(MessageKind::ChannelPressure),
            seven.prop_map(MessageKind::KeyPressure),
            wide.clone().prop_map(MessageKind::Rpn),
            wide.prop_map(MessageKind::Nrpn),
        ];
        (kind, prop::option::of(0_u8..16)).prop_map(|(kind, channel)| ControlMessage { kind, channel })
    }

    proptest! {
        #[test]
        fn every_message_comes_back(message in messages()) {
            prop_assert_eq!(message.to_string().parse(), Ok(message));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<ControlMessage>();
        }
    }

    /// As people write them, and what is none.
    #[test]
    fn words_mean_messages() {
        let read = |text: &str| text.parse::<ControlMessage>().ok();
        assert_eq!(read("cc 7 channel 1"), Some(ControlMessage::on(MessageKind::Controller(7), 0)));
        assert_eq!(read("cc 1 14-bit"), Some(MessageKind::WideController(1).into()));
        for (text, key) in
            [("C3", 60), ("c3", 60), ("60", 60), ("A3", 69), ("Db3", 61), ("C-2", 0), ("G8", 127), ("Cb3", 59)]
        {
            assert_eq!(read(&format!("note {text}")), Some(MessageKind::Note(key).into()), "{text}");
        }
        assert_eq!(ControlMessage::any(MessageKind::Note(61)).to_string(), "note C#3");
        assert_eq!(read("nrpn 130 channel 16"), Some(ControlMessage::on(MessageKind::Nrpn(130), 15)));
        for text in
            ["", "cc", "cc 128", "cc 32 14-bit", "note", "note H3", "note G#8", "note C99999999999", "cc 7 channel 0"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        for text in
            ["cc 7 channel 17", "pitch", "nrpn 16384", "program -1", "cc +7", "channel 1", "cc 7 8", "program é"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
