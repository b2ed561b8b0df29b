//! Values sent back to the controls: lights, rings and motor faders show what is, whoever has set it. A control that a hand
//! moves is left alone until the hand rests. For the audio thread; never allocates.
#![deny(clippy::disallowed_types)]

use super::decode::{bend_bits, wide_bits};
use super::mappings::Mappings;
use crate::session::MessageKind;

/// Controls that are told in one block; the others wait for the next ones, so that a new scene does not flood a device.
const A_BLOCK: usize = 16;
/// A hand rests once its control has said nothing for so long, in seconds.
const REST: f64 = 0.3;

/// Sends a message to the ports of a role, given by its number.
pub(crate) type Send<'s> = dyn FnMut(u32, &[u8]) + 's;

impl Mappings {
    /// Tells the controls what has changed, at steady frame `frame`.
    pub fn feed_back(&mut self, frame: u64, rate: u32, send: &mut Send<'_>) {
        let rest = (REST * f64::from(rate)) as u64;
        let mut told = 0;
        for place in 0..self.states.len() {
            let binding = self.compiled.bindings[place];
            let Some(role) = binding.feedback else { continue };
            let (value, state) = (self.value(binding.target), &mut self.states[place]);
            if state.fed_back == Some(value) || state.moved.is_some_and(|moved| frame < moved + rest) {
                continue;
            }
            if told == A_BLOCK {
                break;
            }
            told += 1;
            (state.fed_back, state.moved) = (Some(value), None);
            messages(binding.message.kind, state.channel, binding.way.position(value), |message| send(role, message));
        }
    }
}

/// The messages that say where a control is.
fn messages(kind: MessageKind, channel: u8, position: f64, mut each: impl FnMut(&[u8])) {
    let narrow = (position * 127.0).round().clamp(0.0, 127.0) as u8;
    let wide = wide_bits(position);
    let halves = |value: u16| ((value >> 7) as u8, (value & 0x7F) as u8);
    let mut controller = |number: u8, value: u8| each(&[0xB0 | channel, number, value]);
    match kind {
        MessageKind::Controller(number) => controller(number, narrow),
        MessageKind::WideController(number) => {
            let (high, low) = halves(wide);
            controller(number, high);
            controller(number + 32, low);
        }
        MessageKind::Rpn(number) | MessageKind::Nrpn(number) => {
            let base = if matches!(kind, MessageKind::Rpn(_)) { 100 } else { 98 };
            let ((high, low), (value_high, value_low)) = (halves(number), halves(wide));
            controller(base + 1, high);
            controller(base, low);
            controller(6, value_high);
            controller(38, value_low);
        }
        MessageKind::Note(key) => each(&[0x90 | channel, key, narrow]),
        MessageKind::KeyPressure(key) => each(&[0xA0 | channel, key, narrow]),
        MessageKind::ChannelPressure => each(&[0xD0 | channel, narrow]),
        MessageKind::PitchBend => {
            let (high, low) = halves(bend_bits(position));
            each(&[0xE0 | channel, low, high]);
        }
        // A program that is chosen is shown by the device that chose it.
        MessageKind::Program(number) if narrow > 0 => each(&[0xC0 | channel, number]),
        MessageKind::Program(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::Ears;
    use super::*;

    /// What is sent back is heard as the very position it says, to the resolution of the message.
    #[test]
    fn what_is_sent_back_is_what_would_be_heard() {
        let kinds = [
            (MessageKind::Controller(20), 127.0),
            (MessageKind::WideController(7), 16_383.0),
            (MessageKind::Nrpn(1300), 16_383.0),
            (MessageKind::Rpn(2), 16_383.0),
            (MessageKind::Note(60), 127.0),
            (MessageKind::KeyPressure(60), 127.0),
            (MessageKind::ChannelPressure, 127.0),
            (MessageKind::PitchBend, 16_383.0),
        ];
        for (kind, resolution) in kinds {
            for step in 0..=100 {
                let (position, mut last) = (f64::from(step) / 100.0, None);
                let mut ears = Ears::default();
                messages(kind, 3, position, |message| {
                    let bytes = std::array::from_fn(|place| message.get(place).copied().unwrap_or(0));
                    let heard = ears.hear(bytes).into_iter().flatten().find(|heard| heard.kind == kind);
                    last = heard.map(|heard| (heard.channel, heard.signal)).or(last);
                });
                let (channel, signal) = last.unwrap();
                assert_eq!(channel, 3);
                assert!((signal.unwrap().position - position).abs() <= 0.51 / resolution, "{kind:?} at {position}");
            }
        }
    }
}
