//! What one mapping does with a signal, given its target's value: the value that the target takes. Pure, for the audio
//! thread; never allocates.
#![deny(clippy::disallowed_types)]

use super::decode::Signal;
use super::scale::Scale;
use crate::session::{Behaviour, Coding, Curve, PickUp};

/// How a mapping goes from a control to its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    pub behaviour: Behaviour,
    pub scale: Scale,
    pub curve: Curve,
    pub pick_up: PickUp,
    /// What of the range one step of an encoder is.
    pub step: f64,
}

/// What is remembered of a control.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Grip {
    /// Where the control was last.
    position: Option<f64>,
    /// The value that it set last, and the position for which it did.
    set: Option<(f64, f64)>,
    /// The bits of the last message.
    bits: u8,
}

/// How far two positions of a control of seven bits may be apart to be the same for the hand.
const NEAR: f64 = 1.5 / 127.0;

impl Way {
    /// The value that a target with this one takes; none if it keeps it.
    pub fn answer(&self, grip: &mut Grip, signal: &Signal, value: f64) -> Option<f64> {
        let before = *grip;
        grip.position = Some(signal.position);
        grip.bits = signal.bits;
        if let Some(steps) = signal.steps {
            return Some(self.stepped(grip, f64::from(steps), value));
        }
        let (from, to) = self.scale.ends();
        match self.behaviour {
            Behaviour::Absolute => self.follow(grip, &before, signal.position, value),
            Behaviour::Relative(coding) => {
                let steps = steps(coding, signal.bits);
                (steps != 0).then(|| self.stepped(grip, f64::from(steps), value))
            }
            Behaviour::Momentary => Some(if signal.pressed { to } else { from }),
            Behaviour::Toggle => is_press(&before, signal).then(|| self.scale.other_end(value)),
            Behaviour::Trigger => is_press(&before, signal).then_some(to),
        }
    }

    /// Where a control would be for a value: what is sent back to it.
    pub fn position(&self, value: f64) -> f64 {
        match self.behaviour {
            Behaviour::Absolute | Behaviour::Relative(_) => self.scale.position(self.curve, value),
            // A light is on or off.
            _ => f64::from(u8::from(self.scale.position(Curve::Linear, value) >= 0.5)),
        }
    }

    /// Whether a hand moves the control on its way, and must not be told where it is meanwhile.
    pub fn is_moved(&self) -> bool {
        matches!(self.behaviour, Behaviour::Absolute | Behaviour::Relative(_))
    }

    fn follow(&self, grip: &mut Grip, before: &Grip, position: f64, value: f64) -> Option<f64> {
        let holds = before.set.is_some_and(|(set, _)| set == value);
        let target = self.target_position(before, value);
        let wanted = match self.pick_up {
            PickUp::None => position,
            _ if holds && before.set.is_some_and(|(_, at)| Some(at) == before.position) => position,
            _ if (position - target).abs() <= NEAR => position,
            PickUp::PickUp => {
                let last = before.position?;
                // Past it, between two messages.
                let is_passed = (last - target) * (position - target) <= 0.0;
                is_passed.then_some(position)?
            }
            PickUp::Scaled => match before.position? {
                last if position > last => target + (1.0 - target) * (position - last) / (1.0 - last),
                last if position < last => target * position / last,
                _ => return None,
            },
        };
        Some(self.set(grip, wanted))
    }

    fn stepped(&self, grip: &mut Grip, steps: f64, value: f64) -> f64 {
        let target = self.target_position(grip, value);
        self.set(grip, (target + steps * self.step).clamp(0.0, 1.0))
    }

    /// The target's position: where this control put it, finer than whole values are, unless something else has moved it.
    fn target_position(&self, grip: &Grip, value: f64) -> f64 {
        match grip.set {
            Some((set, position)) if set == value => position,
            _ => self.scale.position(self.curve, value),
        }
    }

    fn set(&self, grip: &mut Grip, position: f64) -> f64 {
        let value = self.scale.value(self.curve, position);
        grip.set = Some((value, position));
        value
    }
}

/// Whether a message is a press: from up to down, or once more the same from a pedal that sends nothing when it is let go.
/// A knob that is turned past its middle is pressed once.
fn is_press(before: &Grip, signal: &Signal) -> bool {
    signal.pressed && (before.position.is_none() || before.bits < 64 || before.bits == signal.bits)
}

fn steps(coding: Coding, bits: u8) -> i8 {
    let bits = (bits & 0x7F) as i8;
    match coding {
        Coding::TwosComplement if bits >= 64 => (i16::from(bits) - 128) as i8,
        Coding::Offset => bits - 64,
        Coding::SignBit if bits >= 64 => 64 - bits,
        Coding::TwosComplement | Coding::SignBit => bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signal(bits: u8) -> Signal {
        Signal { position: f64::from(bits) / 127.0, pressed: bits >= 64, bits, steps: None }
    }

    fn way(behaviour: Behaviour, pick_up: PickUp) -> Way {
        let scale = Scale::Even { from: 0.0, to: 127.0 };
        Way { behaviour, scale, curve: Curve::Linear, pick_up, step: 1.0 / 127.0 }
    }

    /// The target's value after each message, as nothing else moves it.
    fn played(way: &Way, mut value: f64, bits: &[u8]) -> Vec<i32> {
        let mut grip = Grip::default();
        let mut step = |&bits: &u8| {
            value = way.answer(&mut grip, &signal(bits), value).unwrap_or(value);
            value.round() as i32
        };
        bits.iter().map(&mut step).collect()
    }

    /// ```text
    /// control 10 20 | 90 (past 64) 80      value 64 -> 64 64 | 90 80
    /// control 65 (near 64) 70              value 64 -> 65 70
    /// ```
    #[test]
    fn a_value_is_picked_up_when_the_control_passes_it() {
        let way = way(Behaviour::Absolute, PickUp::PickUp);
        assert_eq!(played(&way, 64.0, &[10, 20, 90, 80]), [64, 64, 90, 80]);
        assert_eq!(played(&way, 64.0, &[65, 70]), [65, 70]);
        assert_eq!(played(&way, 64.0, &[90, 100, 63]), [64, 64, 63]);
        // Something else moves the value: it is to be picked up anew.
        let mut grip = Grip::default();
        assert_eq!(way.answer(&mut grip, &signal(64), 64.0), Some(64.0));
        assert_eq!(way.answer(&mut grip, &signal(70), 100.0), None);
        assert_eq!(way.answer(&mut grip, &signal(110), 100.0), Some(110.0));
    }

    /// ```text
    /// control 27, 77 (half of its way to the end), 127     value 67 -> 67, 97 (half of its own), 127
    /// ```
    #[test]
    fn a_scaled_value_meets_the_control_at_the_end() {
        let way = way(Behaviour::Absolute, PickUp::Scaled);
        assert_eq!(played(&way, 67.0, &[27, 77, 127, 60]), [67, 97, 127, 60]);
        assert_eq!(played(&way, 77.0, &[100, 50, 0, 3]), [77, 39, 0, 3]);
    }

    proptest! {
        /// However the control goes, a scaled value goes the same way, never beyond the ends, and they meet at an end.
        #[test]
        fn a_scaled_value_never_goes_against_the_hand(start in 0.0..=127.0, bits in prop::collection::vec(0_u8..128, 2..40)) {
            let way = way(Behaviour::Absolute, PickUp::Scaled);
            let (mut grip, mut value, mut last) = (Grip::default(), start, None);
            for bits in bits {
                let after = way.answer(&mut grip, &signal(bits), value).unwrap_or(value);
                prop_assert!((0.0..=127.0).contains(&after));
                if let Some(last) = last {
                    let goes = (after - value) * (f64::from(bits) - f64::from(last));
                    // Once they have met, the value is where the control is.
                    prop_assert!(goes >= -1e-9 || (after - f64::from(bits)).abs() < 1e-6, "{} to {} for {} to {}", value, after, last, bits);
                }
                if bits == 0 || bits == 127 {
                    prop_assert!(last.is_none() || last == Some(bits) || (after - f64::from(bits)).abs() < 1e-6);
                }
                (value, last) = (after, Some(bits));
            }
        }

        /// Each coding says every number of steps from -63 to 63.
        #[test]
        fn encoders_count(count in -63_i16..=63) {
            let coded = [
                (Coding::TwosComplement, (count & 0x7F) as u8),
                (Coding::Offset, (count + 64) as u8),
                (Coding::SignBit, if count < 0 { (64 - count) as u8 } else { count as u8 }),
            ];
            for (coding, bits) in coded {
                prop_assert_eq!(i16::from(steps(coding, bits)), count, "{:?}", coding);
            }
        }
    }

    /// 1 step of 127, 3 back, beyond the end and one back from there. Whole values gather the steps between them.
    #[test]
    fn an_encoder_moves_the_value_by_steps() {
        let encoder = way(Behaviour::Relative(Coding::TwosComplement), PickUp::None);
        assert_eq!(played(&encoder, 64.0, &[1, 125, 63, 63, 127, 0]), [65, 62, 125, 127, 126, 126]);
        let switch = Way { scale: Scale::Whole { from: 0.0, to: 2.0 }, step: 0.125, ..encoder };
        assert_eq!(played(&switch, 0.0, &[1, 1, 1, 1, 1, 127, 127, 127, 127]), [0, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    /// ```text
    /// pedal down up down up            toggles twice
    /// pedal that only sends 127        toggles each time
    /// knob from 0 to 127               toggles once
    /// ```
    #[test]
    fn presses_toggle_trigger_and_hold() {
        let toggle = way(Behaviour::Toggle, PickUp::None);
        assert_eq!(played(&toggle, 0.0, &[127, 0, 127, 0]), [127, 127, 0, 0]);
        assert_eq!(played(&toggle, 0.0, &[127, 127, 127]), [127, 0, 127]);
        assert_eq!(played(&toggle, 0.0, &[0, 40, 65, 80, 127]), [0, 0, 127, 127, 127]);
        let momentary = way(Behaviour::Momentary, PickUp::None);
        assert_eq!(played(&momentary, 50.0, &[100, 0, 64, 63]), [127, 0, 127, 0]);
        let trigger = way(Behaviour::Trigger, PickUp::None);
        assert_eq!(played(&trigger, 50.0, &[0, 100, 0]), [50, 127, 127]);
    }
}
