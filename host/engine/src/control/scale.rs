//! From where a control is to a target's value, and back. Pure; exact at both ends.
#![deny(clippy::disallowed_types)]

use crate::session::Curve;

/// How much steeper an exponential curve is at its end than at its beginning, as the natural logarithm.
const STEEPNESS: f64 = 4.0;

/// The values between the two ends of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Evenly.
    Even { from: f64, to: f64 },
    /// Evenly, whole values only.
    Whole { from: f64, to: f64 },
    /// Linear gains, by the law of a fader: the gain is the cube of the way, so that the lower half of a fader from silence
    /// to 6 dB has what is below -12 dB. `from` and `to` are gains.
    Fader { from: f64, to: f64 },
}

impl Scale {
    /// The value at a part of the way, 0 to 1, shaped by a curve already.
    fn at(self, way: f64) -> f64 {
        let between = |from: f64, to: f64| if way >= 1.0 { to } else { from + (to - from) * way };
        match self {
            _ if way <= 0.0 => self.ends().0,
            _ if way >= 1.0 => self.ends().1,
            Self::Even { from, to } => between(from, to),
            Self::Whole { from, to } => between(from, to).round(),
            Self::Fader { from, to } => between(from.cbrt(), to.cbrt()).powi(3),
        }
    }

    /// The values at both ends.
    pub fn ends(self) -> (f64, f64) {
        match self {
            Self::Even { from, to } | Self::Fader { from, to } => (from, to),
            Self::Whole { from, to } => (from.round(), to.round()),
        }
    }

    /// The part of the way at which a value lies; the nearer end if it lies beyond.
    fn way(self, value: f64) -> f64 {
        let part = |from: f64, to: f64, value: f64| if from == to { 0.0 } else { (value - from) / (to - from) };
        let way = match self {
            Self::Even { from, to } | Self::Whole { from, to } => part(from, to, value),
            Self::Fader { from, to } => part(from.cbrt(), to.cbrt(), value.cbrt()),
        };
        // What is not a number lies nowhere.
        if way.is_nan() { 0.0 } else { way.clamp(0.0, 1.0) }
    }

    /// The value of a control at a position, 0 to 1.
    pub fn value(self, curve: Curve, position: f64) -> f64 {
        self.at(shaped(curve, position))
    }

    /// Where a control would be for a value.
    pub fn position(self, curve: Curve, value: f64) -> f64 {
        unshaped(curve, self.way(value))
    }

    /// The end that is not the one that a value is nearer to: where a press leads.
    pub fn other_end(self, value: f64) -> f64 {
        let (from, to) = self.ends();
        if self.way(value) >= 0.5 && from != to { from } else { to }
    }
}

fn shaped(curve: Curve, position: f64) -> f64 {
    match (position, curve) {
        (..=0.0, _) => 0.0,
        (1.0.., _) => 1.0,
        (_, Curve::Linear) => position,
        (_, Curve::Exponential) => exponential(position),
        (_, Curve::Logarithmic) => logarithmic(position),
        (_, Curve::S) => position * position * (3.0 - 2.0 * position),
    }
}

fn unshaped(curve: Curve, way: f64) -> f64 {
    match (way, curve) {
        (..=0.0, _) => 0.0,
        (1.0.., _) => 1.0,
        (_, Curve::Linear) => way,
        (_, Curve::Exponential) => logarithmic(way),
        (_, Curve::Logarithmic) => exponential(way),
        // The root of the cubic between 0 and 1, by its trigonometric form.
        (_, Curve::S) => 0.5 - ((1.0 - 2.0 * way).asin() / 3.0).sin(),
    }
}

fn exponential(x: f64) -> f64 {
    (STEEPNESS * x).exp_m1() / STEEPNESS.exp_m1()
}

fn logarithmic(y: f64) -> f64 {
    (y * STEEPNESS.exp_m1()).ln_1p() / STEEPNESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curves() -> impl Strategy<Value = Curve> {
        prop::sample::select(Curve::ALL.map(|(curve, _)| curve).to_vec())
    }

    proptest! {
        /// Exact at the ends, rising, and back to where it came from.
        #[test]
        fn every_position_comes_back(curve in curves(), from in -100.0_f64..100.0, to in -100.0_f64..100.0, at in 0.0..=1.0, kind in 0..2) {
            prop_assume!((from - to).abs() > 1e-3);
            let scale = if kind == 0 { Scale::Even { from, to } } else { Scale::Fader { from, to } };
            prop_assert_eq!((scale.value(curve, 0.0), scale.value(curve, 1.0)), (from, to));
            let back = scale.position(curve, scale.value(curve, at));
            prop_assert!((back - at).abs() < 1e-6, "{} came back as {}", at, back);
            let (one, other) = (scale.value(curve, at * 0.9), scale.value(curve, at));
            let rises = if from < to { one <= other } else { one >= other };
            prop_assert!(rises);
        }
    }

    /// Reversed, beyond the ends, without a width, whole.
    #[test]
    fn ranges_of_all_sorts() {
        let reversed = Scale::Even { from: 10.0, to: 0.0 };
        assert_eq!((reversed.value(Curve::Linear, 0.25), reversed.position(Curve::Linear, 12.0)), (7.5, 0.0));
        let whole = Scale::Whole { from: 0.0, to: 3.0 };
        let values: Vec<f64> = (0..=6).map(|sixth| whole.value(Curve::Linear, f64::from(sixth) / 6.0)).collect();
        assert_eq!(values, [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        let narrow = Scale::Even { from: 2.0, to: 2.0 };
        assert_eq!(
            (narrow.value(Curve::S, 0.5), narrow.position(Curve::S, 2.0), narrow.other_end(2.0)),
            (2.0, 0.0, 2.0)
        );
        assert_eq!((reversed.other_end(1.0), reversed.other_end(9.0)), (10.0, 0.0));
    }

    /// Half way up a fader from silence to 6 dB is 12 dB below unity, a quarter of the way 30 dB.
    #[test]
    fn a_fader_has_its_law() {
        let fader = Scale::Fader { from: 0.0, to: 2.0 };
        assert_eq!(fader.value(Curve::Linear, 0.5), 0.25);
        assert!((fader.value(Curve::Linear, 0.25) - 2.0 / 64.0).abs() < 1e-12);
    }
}
