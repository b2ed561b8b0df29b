//! Between a parameter's plain scale and VST3's 0 to 1, without asking the plugin: its conversions belong to the main thread,
//! so the audio half has the curve as points that were taken there.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

/// Halvings of the range at least, so that no bend hides between two points.
const LEAST_HALVINGS: u32 = 3;
/// Halvings at most.
const MOST_HALVINGS: u32 = 10;
/// How far from a straight line counts as on it, in parts of the plain range. Plugins compute in single precision.
const STRAIGHT: f64 = 1e-6;
/// How far the lines may be from a curve, in parts of the value: a fifth of a cent of a frequency, a thousandth of a decibel.
const NEAR: f64 = 1e-4;
/// As [`NEAR`], in parts of the plain range: what counts where values are about zero.
const NEAR_ZERO: f64 = 1e-7;

/// A place on the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    normalised: f64,
    plain: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Linear,
    /// So many steps of one.
    Stepped(f64),
    /// Two places at least, `plain` rising or falling.
    Curve(Arc<[Place]>),
}

/// One parameter's scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// The plain value of 0.
    first: f64,
    /// The plain value of 1.
    last: f64,
    shape: Shape,
    /// Whether plain values are the plugin's own, so that its conversions hold.
    is_plugins: bool,
}

impl Scale {
    /// The scale of a parameter with so many steps (0: continuous) by the plugin's conversion `to_plain`.
    ///
    /// A conversion that makes no scale (constant, turning back, no numbers, steps that are not whole) is not used: the
    /// plain scale is then 0 to 1, or 0 to the number of steps.
    pub(crate) fn measure(steps: u32, to_plain: impl Fn(f64) -> f64) -> Self {
        if steps > 0 { Self::measure_steps(f64::from(steps), to_plain) } else { Self::measure_curve(to_plain) }
    }

    fn own(last: f64, shape: Shape) -> Self {
        Self { first: 0.0, last, shape, is_plugins: false }
    }

    fn measure_steps(steps: f64, to_plain: impl Fn(f64) -> f64) -> Self {
        let first = to_plain(0.0);
        let middle = (steps / 2.0).floor();
        let is_whole =
            first.fract() == 0.0 && [1.0, middle, steps].iter().all(|step| to_plain(step / steps) == first + step);
        if is_whole {
            Self { first, last: first + steps, shape: Shape::Stepped(steps), is_plugins: true }
        } else {
            Self::own(steps, Shape::Stepped(steps))
        }
    }

    fn measure_curve(to_plain: impl Fn(f64) -> f64) -> Self {
        let at = |normalised: f64| Place { normalised, plain: to_plain(normalised) };
        let (first, last) = (at(0.0), at(1.0));
        let range = (last.plain - first.plain).abs();
        let mut places = vec![first];
        sample(&at, first, last, range * NEAR_ZERO, 0, &mut places);
        let is_scale = first.plain != last.plain
            && places.iter().all(|place| place.plain.is_finite())
            && (places.is_sorted_by(|a, b| a.plain <= b.plain) || places.is_sorted_by(|a, b| a.plain >= b.plain));
        if !is_scale {
            return Self::own(1.0, Shape::Linear);
        }
        let straight = |place: &Place| first.plain + (last.plain - first.plain) * place.normalised;
        let is_linear = places.iter().all(|place| (place.plain - straight(place)).abs() <= range * STRAIGHT);
        let shape = if is_linear { Shape::Linear } else { Shape::Curve(places.into()) };
        Self { first: first.plain, last: last.plain, shape, is_plugins: true }
    }

    /// The least and the greatest plain value.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.first.min(self.last), self.first.max(self.last))
    }

    /// Whether plain values are the plugin's own.
    pub(crate) fn is_plugins(&self) -> bool {
        self.is_plugins
    }

    /// A plain value, held within the range, as 0 to 1; none for one that is no number.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn normalise(&self, plain: f64) -> Option<f64> {
        if plain.is_nan() {
            return None;
        }
        let (least, most) = self.range();
        let plain = plain.max(least).min(most);
        let normalised = match &self.shape {
            Shape::Linear => (plain - self.first) / (self.last - self.first),
            Shape::Stepped(steps) => (plain - self.first).round() / steps,
            Shape::Curve(places) => {
                let rises = self.last > self.first;
                let behind = |place: &Place| if rises { place.plain < plain } else { place.plain > plain };
                between(places, behind, |place| place.plain, |place| place.normalised, plain)
            }
        };
        Some(normalised.clamp(0.0, 1.0))
    }

    /// The `step`th of a stepped parameter's values as 0 to 1, the last one for all beyond.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn normalise_step(&self, step: u8) -> Option<f64> {
        match self.shape {
            Shape::Stepped(steps) => Some(f64::from(step).min(steps) / steps),
            _ => None,
        }
    }

    /// The plain value of 0 to 1.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn plain(&self, normalised: f64) -> f64 {
        let normalised = normalised.clamp(0.0, 1.0);
        match &self.shape {
            Shape::Linear => self.first + (self.last - self.first) * normalised,
            // The steps share the range evenly: the VST3 documentation, "Parameters and Automation".
            Shape::Stepped(steps) => self.first + (normalised * (steps + 1.0)).floor().min(*steps),
            Shape::Curve(places) => {
                let behind = |place: &Place| place.normalised < normalised;
                between(places, behind, |place| place.normalised, |place| place.plain, normalised)
            }
        }
    }
}

/// Appends the places behind `from` up to `to`, as many as a curve of straight lines needs.
fn sample(at: &impl Fn(f64) -> Place, from: Place, to: Place, near_zero: f64, depth: u32, places: &mut Vec<Place>) {
    let middle = at((from.normalised + to.normalised) / 2.0);
    let is_off = (middle.plain - (from.plain + to.plain) / 2.0).abs() > middle.plain.abs() * NEAR + near_zero;
    if depth < LEAST_HALVINGS || (is_off && depth < MOST_HALVINGS) {
        sample(at, from, middle, near_zero, depth + 1, places);
        sample(at, middle, to, near_zero, depth + 1, places);
    } else {
        places.push(to);
    }
}

/// The value of `y` where `x` is `wanted`, on the line between the two places around it. `behind` holds for those before.
fn between(
    places: &[Place],
    behind: impl Fn(&Place) -> bool,
    x: impl Fn(&Place) -> f64,
    y: impl Fn(&Place) -> f64,
    wanted: f64,
) -> f64 {
    let next = places.partition_point(behind);
    let (Some(last), Some(first)) = (places.get(next).or(places.last()), places.get(next.saturating_sub(1))) else {
        return wanted;
    };
    let width = x(last) - x(first);
    if width == 0.0 { y(last) } else { y(first) + (y(last) - y(first)) * (wanted - x(first)) / width }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 Hz to 20 kHz, each octave as wide as the next: there and back, everywhere.
    #[test]
    fn curves_are_followed_both_ways() {
        let frequency = |normalised: f64| 20.0 * 1000.0_f64.powf(normalised);
        let scale = Scale::measure(0, frequency);
        assert!(scale.is_plugins());
        assert_eq!(scale.range(), (20.0, 20_000.0));
        for step in 0..=1000 {
            let normalised = f64::from(step) / 1000.0;
            let plain = frequency(normalised);
            assert!((scale.plain(normalised) / plain - 1.0).abs() <= 2e-4, "{plain} {}", scale.plain(normalised));
            let back = scale.normalise(plain).unwrap();
            assert!((frequency(back) / plain - 1.0).abs() <= 2e-4, "{plain} {}", frequency(back));
        }
    }

    /// Rising and falling lines are exact at their ends; what lies outside is held within, what is no number is refused.
    #[test]
    fn lines_are_lines() {
        for (first, last) in [(-60.0, 6.0), (6.0, -60.0)] {
            let scale = Scale::measure(0, |normalised| first + (last - first) * normalised);
            assert_eq!(scale.shape, Shape::Linear);
            assert_eq!((scale.normalise(first), scale.normalise(last)), (Some(0.0), Some(1.0)));
            assert_eq!((scale.plain(0.0), scale.plain(1.0)), (first, last));
            assert_eq!(scale.range(), (-60.0, 6.0));
            assert_eq!(scale.normalise(f64::INFINITY), scale.normalise(6.0));
            assert_eq!(scale.normalise(f64::NAN), None);
        }
    }

    #[test]
    fn steps_are_whole() {
        let three = Scale::measure(3, |normalised| 10.0 + (normalised * 3.0).round());
        assert_eq!((three.range(), three.is_plugins()), ((10.0, 13.0), true));
        assert_eq!(three.normalise(11.4), Some(1.0 / 3.0));
        assert_eq!([0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].map(|at| three.plain(at)), [10.0, 11.0, 12.0, 13.0]);
        // The plugin's own plain values are not whole: ours count the steps.
        let own = Scale::measure(4, |normalised| normalised);
        assert_eq!((own.range(), own.is_plugins()), ((0.0, 4.0), false));
        assert_eq!((own.normalise(1.0), own.plain(0.25)), (Some(0.25), 1.0));
    }

    /// Constant, turning back, or no numbers: the scale is 0 to 1.
    #[test]
    fn what_is_no_scale_is_replaced() {
        let wrong: [fn(f64) -> f64; 3] = [|_| 0.0, |normalised| (normalised - 0.5).abs(), |_| f64::NAN];
        for to_plain in wrong {
            let scale = Scale::measure(0, to_plain);
            assert_eq!((scale.range(), scale.is_plugins()), ((0.0, 1.0), false));
            assert_eq!(scale.normalise(0.3), Some(0.3));
        }
    }
}
