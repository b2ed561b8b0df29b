//! What MIDI messages say, one port's after the other: values of 14 bits from pairs of controllers, registered and other
//! parameters from their sequences, notes that were kept from the rig. Pure state, for the audio thread; never allocates.
//!
//! A controller of 14 bits comes in two messages, the upper seven bits first. A device that sends both is waited for: the
//! value changes with the second one, so that it takes no step between. One that sends only the first is heard with that.
//!
//! Source: "MIDI 1.0 Detailed Specification" 4.2.1, "Control Change" and "Registered and Non-Registered Parameter Numbers".
#![deny(clippy::disallowed_types)]

use crate::session::MessageKind;

/// What a message says of a control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Where the control is, 0 to 1.
    pub position: f64,
    /// Whether it is pressed, or beyond its middle.
    pub pressed: bool,
    /// The value's seven bits, as encoders are coded in.
    pub bits: u8,
    /// By how many steps it was to go on from where it is, if the message says that.
    pub steps: Option<i8>,
}

/// A control that a message speaks of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    pub kind: MessageKind,
    pub channel: u8,
    /// None if the message is only a part of what is to be said.
    pub signal: Option<Signal>,
}

/// All controls that one message can speak of.
pub type AllHeard = [Option<Heard>; 3];

/// The greatest value of 14 bits.
const WIDE: f64 = 16_383.0;
const BEND_CENTRE: u16 = 8192;
const DATA_ENTRY: u8 = 6;
const DATA_ENTRY_LOW: u8 = 38;
/// What deselects parameters.
const NO_PARAMETER: u16 = 0x3FFF;

/// Seven upper bits and whether the lower ones are to be waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pair {
    high: u8,
    /// Whether the last message was the upper half.
    is_open: bool,
    /// Whether the lower half came behind the last upper one.
    is_wide: bool,
}

impl Pair {
    /// The value once it is whole.
    fn high(&mut self, bits: u8) -> Option<u16> {
        // Two upper halves in a row: the device has stopped sending lower ones.
        self.is_wide &= !self.is_open;
        (self.high, self.is_open) = (bits, true);
        (!self.is_wide).then_some(u16::from(bits) << 7)
    }

    fn low(&mut self, bits: u8) -> u16 {
        (self.is_open, self.is_wide) = (false, true);
        u16::from(self.high) << 7 | u16::from(bits)
    }
}

/// Which parameter the data entry of a channel is for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Selection {
    is_registered: bool,
    number: u16,
    /// Whether both halves of the number have come.
    halves: (bool, bool),
    entry: Pair,
}

impl Selection {
    fn select(&mut self, is_registered: bool, is_high: bool, bits: u8) {
        if self.is_registered != is_registered {
            *self = Self { is_registered, ..Self::default() };
        }
        let bits = u16::from(bits);
        if is_high {
            (self.number, self.halves.0) = (self.number & 0x7F | bits << 7, true);
        } else {
            (self.number, self.halves.1) = (self.number & !0x7F | bits, true);
        }
        self.entry = Pair::default();
    }

    fn kind(&self) -> Option<MessageKind> {
        let is_selected = self.halves == (true, true) && self.number != NO_PARAMETER;
        let kind = if self.is_registered { MessageKind::Rpn } else { MessageKind::Nrpn };
        is_selected.then(|| kind(self.number))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    wide: [Pair; 32],
    selection: Selection,
    /// Keys whose note-on was kept from the rig.
    kept: u128,
}

/// What has been heard of one port.
#[derive(Debug, Default)]
pub struct Ears {
    channels: [Channel; 16],
}

impl Ears {
    /// What a channel message says; nothing for any other message.
    pub fn hear(&mut self, [status, first, second]: [u8; 3]) -> AllHeard {
        let channel = status & 15;
        let (first, second) = (first & 0x7F, second & 0x7F);
        let one = |kind, signal| [Some(Heard { kind, channel, signal: Some(signal) }), None, None];
        match status & 0xF0 {
            0x80 => one(MessageKind::Note(first), Signal { pressed: false, ..narrow(0) }),
            0x90 => one(MessageKind::Note(first), Signal { pressed: second > 0, ..narrow(second) }),
            0xA0 => one(MessageKind::KeyPressure(first), narrow(second)),
            0xB0 => self.controller(channel, first, second),
            0xC0 => one(MessageKind::Program(first), narrow(127)),
            0xD0 => one(MessageKind::ChannelPressure, narrow(first)),
            0xE0 => one(MessageKind::PitchBend, bend(u16::from(second) << 7 | u16::from(first))),
            _ => [None; 3],
        }
    }

    fn controller(&mut self, channel: u8, number: u8, bits: u8) -> AllHeard {
        let state = &mut self.channels[usize::from(channel)];
        let heard = |kind, signal| Some(Heard { kind, channel, signal });
        let pair = match number {
            0..32 => Some((number, state.wide[usize::from(number)].high(bits))),
            32..64 => Some((number - 32, Some(state.wide[usize::from(number - 32)].low(bits)))),
            _ => None,
        };
        let selection = &mut state.selection;
        match number {
            98 | 99 => selection.select(false, number == 99, bits),
            100 | 101 => selection.select(true, number == 101, bits),
            _ => {}
        }
        let entered = selection.kind().and_then(|kind| {
            let signal = match number {
                DATA_ENTRY => selection.entry.high(bits).map(wide),
                DATA_ENTRY_LOW => Some(wide(selection.entry.low(bits))),
                96 => Some(Signal { steps: Some(1), ..narrow(127) }),
                97 => Some(Signal { steps: Some(-1), ..narrow(0) }),
                _ => return None,
            };
            heard(kind, signal)
        });
        let pair = pair.and_then(|(number, value)| heard(MessageKind::WideController(number), value.map(wide)));
        [heard(MessageKind::Controller(number), Some(narrow(bits))), pair, entered]
    }

    /// Whether a message is to be kept from the rig, given whether a mapping takes it. A note-off goes the way of its
    /// note-on, so that no note is stuck, and none ends that nobody has begun.
    pub fn keep(&mut self, [status, key, velocity]: [u8; 3], is_taken: bool) -> bool {
        let kept = &mut self.channels[usize::from(status & 15)].kept;
        let bit = 1_u128 << (key & 0x7F);
        match (status & 0xF0, velocity) {
            (0x90, 1..) => {
                *kept = if is_taken { *kept | bit } else { *kept & !bit };
                is_taken
            }
            (0x80 | 0x90, _) => {
                let was_kept = *kept & bit != 0;
                *kept &= !bit;
                was_kept
            }
            _ => is_taken,
        }
    }
}

fn narrow(bits: u8) -> Signal {
    Signal { position: f64::from(bits) / 127.0, pressed: bits >= 64, bits, steps: None }
}

fn wide(value: u16) -> Signal {
    Signal { position: f64::from(value) / WIDE, pressed: value >= BEND_CENTRE, bits: (value >> 7) as u8, steps: None }
}

/// A bend, whose centre is exactly the middle.
fn bend(value: u16) -> Signal {
    let position = match value {
        ..=BEND_CENTRE => f64::from(value) / (2.0 * f64::from(BEND_CENTRE)),
        _ => 0.5 + f64::from(value - BEND_CENTRE) / (2.0 * (WIDE - f64::from(BEND_CENTRE))),
    };
    Signal { position, ..wide(value) }
}

/// The 14 bits of a bend at a position.
pub fn bend_bits(position: f64) -> u16 {
    let centre = f64::from(BEND_CENTRE);
    let value = match position <= 0.5 {
        true => position * 2.0 * centre,
        false => centre + (position - 0.5) * 2.0 * (WIDE - centre),
    };
    value.round().clamp(0.0, WIDE) as u16
}

/// The 14 bits of a position.
pub fn wide_bits(position: f64) -> u16 {
    (position * WIDE).round().clamp(0.0, WIDE) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(messages: &[[u8; 3]], kind: MessageKind) -> Vec<u16> {
        let mut ears = Ears::default();
        let mut values = Vec::new();
        for &message in messages {
            let heard = ears.hear(message).into_iter().flatten().filter(|heard| heard.kind == kind);
            values.extend(heard.filter_map(|heard| heard.signal).map(|signal| (signal.position * WIDE).round() as u16));
        }
        values
    }

    /// ```text
    /// 7: 1        -> 128      no lower half is known of
    /// 39: 2       -> 130
    /// 7: 3        -> (waits)
    /// 39: 4       -> 388      no step in between
    /// 7: 5, 7: 6  -> 768      lower halves come no more
    /// ```
    #[test]
    fn pairs_are_waited_for_where_they_come() {
        let messages = [[0xB0, 7, 1], [0xB0, 39, 2], [0xB0, 7, 3], [0xB0, 39, 4], [0xB0, 7, 5], [0xB0, 7, 6]];
        assert_eq!(values(&messages, MessageKind::WideController(7)), [128, 130, 388, 768]);
        assert!(values(&messages, MessageKind::WideController(6)).is_empty());
        // The plain controllers are heard with each message.
        assert_eq!(values(&messages, MessageKind::Controller(7)).len(), 4);
    }

    /// Nothing before both halves of the number, nothing after the null parameter; another channel has its own.
    #[test]
    fn parameters_are_heard_while_they_are_selected() {
        let select =
            [[0xB0, 6, 9], [0xB0, 99, 1], [0xB0, 6, 9], [0xB0, 98, 2], [0xB1, 6, 1], [0xB0, 6, 10], [0xB0, 38, 3]];
        assert_eq!(values(&select, MessageKind::Nrpn(130)), [1280, 1283]);
        let null = [&select[..], &[[0xB0, 101, 127], [0xB0, 100, 127], [0xB0, 6, 10]]].concat();
        assert_eq!(values(&null, MessageKind::Nrpn(130)), [1280, 1283]);
        assert!(values(&null, MessageKind::Rpn(NO_PARAMETER)).is_empty());
        let mut ears = Ears::default();
        for message in [[0xB0, 101, 0], [0xB0, 100, 0]] {
            ears.hear(message);
        }
        let heard = ears.hear([0xB0, 97, 0])[2].unwrap();
        assert_eq!((heard.kind, heard.signal.unwrap().steps), (MessageKind::Rpn(0), Some(-1)));
    }

    /// The middle of a bend is the middle, and every value comes back.
    #[test]
    fn bends_have_their_centre_in_the_middle() {
        assert_eq!((bend(0).position, bend(8192).position, bend(16_383).position), (0.0, 0.5, 1.0));
        assert!(
            (0..=16_383)
                .all(|value| bend_bits(bend(value).position) == value && wide_bits(wide(value).position) == value)
        );
    }

    /// A note that was kept from the rig ends unheard, whatever became of the mapping; one that was not is ended.
    #[test]
    fn a_note_off_goes_the_way_of_its_note_on() {
        let mut ears = Ears::default();
        assert!(ears.keep([0x90, 60, 1], true) && !ears.keep([0x90, 61, 1], false) && !ears.keep([0x91, 60, 1], false));
        assert!(ears.keep([0x80, 60, 0], false), "its on was kept");
        assert!(!ears.keep([0x90, 61, 0], true) && !ears.keep([0x81, 60, 0], true), "theirs were not");
        assert!(ears.keep([0xB0, 60, 0], true));
    }

    /// As the specification has it, by looking back over all messages for each value.
    fn naive(messages: &[[u8; 3]], channel: u8, meant: (bool, u16)) -> Vec<u16> {
        let mut values = Vec::new();
        let of_channel: Vec<(u8, u8)> =
            messages.iter().filter(|m| m[0] == 0xB0 | channel).map(|m| (m[1], m[2])).collect();
        for at in 0..of_channel.len() {
            let before = &of_channel[..at];
            let is_select = |number: u8| (98..=101).contains(&number);
            let Some(selected) = before.iter().rposition(|m| is_select(m.0)) else { continue };
            let is_registered = before[selected].0 >= 100;
            // Numbers count from the last message that selects of the other sort.
            let other = before.iter().rposition(|m| is_select(m.0) && (m.0 >= 100) != is_registered);
            let own = &before[other.map_or(0, |other| other + 1)..];
            let half = |high: bool| {
                let number = if is_registered { 100 } else { 98 } + u8::from(high);
                own.iter().rev().find(|m| m.0 == number).map(|m| u16::from(m.1))
            };
            let (Some(high), Some(low)) = (half(true), half(false)) else { continue };
            if (is_registered, high << 7 | low) != meant || meant.1 == NO_PARAMETER {
                continue;
            }
            let entries: Vec<(u8, u8)> =
                before[selected..].iter().copied().filter(|m| m.0 == DATA_ENTRY || m.0 == DATA_ENTRY_LOW).collect();
            let (number, bits) = of_channel[at];
            let last_high = entries.iter().rposition(|m| m.0 == DATA_ENTRY);
            match number {
                DATA_ENTRY_LOW => {
                    let high = last_high.map_or(0, |at| u16::from(entries[at].1));
                    values.push(high << 7 | u16::from(bits));
                }
                DATA_ENTRY => {
                    let answered = entries.last().is_some_and(|m| m.0 == DATA_ENTRY_LOW);
                    if !answered {
                        values.push(u16::from(bits) << 7);
                    }
                }
                _ => {}
            }
        }
        values
    }

    proptest! {
        #[test]
        fn parameters_are_as_a_naive_reader_has_them(
            raw in prop::collection::vec((0_u8..2, prop::sample::select(vec![6_u8, 38, 98, 99, 100, 101, 7]), 0_u8..3), 0..60),
            number in 0_u16..3,
            high in 0_u16..3,
            registered: bool,
        ) {
            let messages: Vec<[u8; 3]> = raw.iter().map(|&(channel, number, bits)| [0xB0 | channel, number, bits]).collect();
            let number = high << 7 | number;
            let kind = if registered { MessageKind::Rpn(number) } else { MessageKind::Nrpn(number) };
            let mut ears = Ears::default();
            let mut heard = [Vec::new(), Vec::new()];
            for &message in &messages {
                for part in ears.hear(message).into_iter().flatten().filter(|part| part.kind == kind) {
                    let value = part.signal.map(|signal| (signal.position * WIDE).round() as u16);
                    heard[usize::from(part.channel)].extend(value);
                }
            }
            for (channel, heard) in heard.iter().enumerate() {
                prop_assert_eq!(heard, &naive(&messages, channel as u8, (registered, number)));
            }
        }

        #[test]
        fn no_bytes_panic(messages in prop::collection::vec(any::<[u8; 3]>(), 0..100)) {
            let mut ears = Ears::default();
            for message in messages {
                for heard in ears.hear(message).into_iter().flatten() {
                    prop_assert!(heard.signal.is_none_or(|signal| (0.0..=1.0).contains(&signal.position)));
                }
                ears.keep(message, message[1] & 1 == 0);
            }
        }
    }
}
