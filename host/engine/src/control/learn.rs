//! Learning which control a hand moves: the next message, or what it is a part of. Pure.
//!
//! What comes is gathered for a moment, since a value of 14 bits takes two messages and a parameter three or four: `99 98 6
//! 38` is one parameter, `7 39` one controller of 14 bits. The first message decides otherwise.

use super::decode::Ears;
use crate::session::{ControlMessage, MessageKind};

/// How long is gathered after the first message, in seconds.
const MOMENT: f64 = 0.15;
/// How long a parameter that was selected may wait for its value, in seconds.
const PATIENCE: f64 = 2.0;
/// More messages than any control sends in a moment.
const MOST: usize = 256;

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Learning {
    /// The role and frame of the first message.
    first: Option<(u32, u64)>,
    messages: Vec<[u8; 3]>,
}

impl Learning {
    /// A message of a role came at a frame.
    pub fn hear(&mut self, role: u32, message: [u8; 3], frame: u64) {
        let [status, _, velocity] = message;
        // A key that goes up was there before.
        let is_release = matches!((status & 0xF0, velocity), (0x80, _) | (0x90, 0));
        match self.first {
            None if is_release || !(0x80..0xF0).contains(&status) => {}
            None => (self.first, self.messages) = (Some((role, frame)), vec![message]),
            Some((known, _)) if known == role && self.messages.len() < MOST => self.messages.push(message),
            Some(_) => {}
        }
    }

    /// What was learned, once it is clear at a frame.
    pub fn learned(&mut self, frame: u64, rate: u32) -> Option<(u32, ControlMessage)> {
        let (role, began) = self.first?;
        let seconds = frame.saturating_sub(began) as f64 / f64::from(rate);
        if seconds < MOMENT {
            return None;
        }
        match self.meaning() {
            Some(message) => {
                *self = Self::default();
                Some((role, message))
            }
            None => {
                if seconds > PATIENCE {
                    *self = Self::default();
                }
                None
            }
        }
    }

    /// The control that the messages are of; none as long as a parameter was only selected.
    fn meaning(&self) -> Option<ControlMessage> {
        let first = *self.messages.first()?;
        let (channel, number) = (first[0] & 15, first[1]);
        let mut ears = Ears::default();
        let mut parameters = self.messages.iter().flat_map(|&message| ears.hear(message)).flatten();
        let parameter = parameters
            .find(|heard| heard.channel == channel && matches!(heard.kind, MessageKind::Rpn(_) | MessageKind::Nrpn(_)));
        let is_controller = first[0] & 0xF0 == 0xB0;
        let sends = |number: u8| self.messages.iter().any(|message| message[..2] == [first[0], number]);
        let kind = match number {
            98..=101 if is_controller => parameter?.kind,
            0..32 if is_controller && sends(number + 32) => MessageKind::WideController(number),
            32..64 if is_controller && sends(number - 32) => MessageKind::WideController(number - 32),
            _ => Ears::default().hear(first)[0]?.kind,
        };
        Some(ControlMessage::on(kind, channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// What is learned of messages one millisecond apart.
    fn learned(messages: &[[u8; 3]]) -> Option<String> {
        let mut learning = Learning::default();
        for (place, &message) in messages.iter().enumerate() {
            let frame = place as u64 * 48;
            assert_eq!(learning.learned(frame, RATE), None, "nothing before the moment is over");
            learning.hear(3, message, frame);
        }
        let (role, message) = learning.learned(10_000, RATE)?;
        assert_eq!((role, learning.learned(1_000_000, RATE)), (3, None), "once");
        Some(message.to_string())
    }

    /// ```text
    /// one message, and what belongs to it  ->  its words
    /// ```
    #[test]
    fn the_next_message_is_learned() {
        let cases: [(&[[u8; 3]], &str); 9] = [
            (&[[0xB0, 7, 3], [0xB0, 7, 4]], "cc 7 channel 1"),
            (&[[0xB1, 7, 3], [0xB1, 39, 4], [0xB1, 7, 5]], "cc 7 14-bit channel 2"),
            (&[[0xB0, 7, 3], [0xB1, 39, 4]], "cc 7 channel 1"),
            (&[[0xB0, 39, 3], [0xB0, 7, 4]], "cc 7 14-bit channel 1"),
            (&[[0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 3], [0xB0, 38, 4]], "nrpn 130 channel 1"),
            (&[[0xB0, 101, 0], [0xB0, 100, 2], [0xB0, 6, 3]], "rpn 2 channel 1"),
            (&[[0x80, 61, 0], [0x93, 60, 1], [0x93, 61, 0], [0xD3, 7, 0]], "note C3 channel 4"),
            (&[[0xF8, 0, 0], [0xC0, 5, 0]], "program 5 channel 1"),
            (&[[0xEF, 0, 64]], "pitch bend channel 16"),
        ];
        for (messages, expected) in cases {
            assert_eq!(learned(messages).as_deref(), Some(expected));
        }
    }

    /// A parameter that is selected and gets no value is given up; the next message is learned then.
    #[test]
    fn a_selected_parameter_is_waited_for() {
        assert_eq!(learned(&[[0xB0, 99, 1], [0xB0, 98, 2]]), None);
        let mut learning = Learning::default();
        learning.hear(0, [0xB0, 99, 1], 0);
        assert_eq!(learning.learned(3 * 48_000, RATE), None);
        learning.hear(1, [0xB0, 20, 1], 3 * 48_000);
        assert_eq!(learning.learned(4 * 48_000, RATE).unwrap().1.to_string(), "cc 20 channel 1");
    }
}
