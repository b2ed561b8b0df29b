//! The soft clipper `y = x / sqrt(1 + x^2)` with first-order antiderivative antialiasing.
//!
//! Source: J. D. Parker, V. Zavalishin, E. Le Bivic, "Reducing the aliasing of nonlinear waveshaping using
//! continuous-time convolution", DAFx-16, eq. (9): `y[n] = (F(x[n]) - F(x[n-1])) / (x[n] - x[n-1])` with `F' = f`. Here
//! `F(x) = sqrt(1 + x^2)`, and because `F(a)^2 - F(b)^2 = a^2 - b^2` the quotient is `(a + b) / (F(a) + F(b))`: no
//! division by a vanishing difference, so none of the usual fallback is needed.

/// A clipper with a constant bias, which makes it asymmetric: even harmonics, as of a triode stage (J. Pakarinen,
/// D. T. Yeh, "A review of digital techniques for modeling vacuum-tube guitar amplifiers", Computer Music Journal
/// 33(2), 2009).
#[derive(Clone, Debug)]
pub struct SoftClipper {
    bias: f32,
    offset: f32,
    previous: f32,
    previous_root: f32,
}

impl SoftClipper {
    /// Samples by which the clipper delays, at the rate it runs at, twice: the antialiasing averages two samples.
    pub const TWICE_DELAY: usize = 1;

    /// A clipper whose resting point is `bias`; 0 is symmetric.
    pub fn new(bias: f32) -> Self {
        let root = (1.0 + bias * bias).sqrt();
        Self { bias, offset: bias / root, previous: bias, previous_root: root }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        *self = Self::new(self.bias);
    }

    /// One sample; silence stays exactly silent whatever the bias.
    pub fn tick(&mut self, input: f32) -> f32 {
        let x = input + self.bias;
        let root = (1.0 + x * x).sqrt();
        let output = (x + self.previous) / (root + self.previous_root);
        self.previous = x;
        self.previous_root = root;
        output - self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::oversampling::{FACTOR, Oversampler};
    use crate::dsp::testing::magnitude_at;

    const RATE: f32 = 48_000.0;
    const LENGTH: usize = 4800;

    /// A hard-driven 4.71 kHz sine, a whole number of periods in the measured window.
    fn drive(mut shape: impl FnMut(f32) -> f32) -> Vec<f32> {
        let output: Vec<f32> = (0..2 * LENGTH)
            .map(|i| shape(20.0 * (std::f64::consts::TAU * 4710.0 * i as f64 / f64::from(RATE)).sin() as f32))
            .collect();
        output[LENGTH..].to_vec()
    }

    /// Loudest partial below 18 kHz that is no harmonic, in decibels below the fundamental. Partials lie on multiples
    /// of 30 Hz since 30 divides both frequency and rate.
    fn aliasing(signal: &[f32]) -> f32 {
        let fundamental = magnitude_at(signal, 4710.0, RATE);
        let loudest = (1..600)
            .map(|k| k as f32 * 30.0)
            .filter(|f| f % 4710.0 != 0.0)
            .map(|f| magnitude_at(signal, f, RATE))
            .fold(0.0, f32::max);
        20.0 * (loudest / fundamental).log10()
    }

    /// The reason for oversampling and antialiasing: at +26 dB drive the worst alias falls by 25 dB and more.
    #[test]
    fn aliases_far_less_than_the_plain_curve() {
        let plain = aliasing(&drive(|x| x / (1.0 + x * x).sqrt()));
        let mut clipper = SoftClipper::new(0.0);
        let mut oversampler = Oversampler::new(0);
        let ours = aliasing(&drive(|x| oversampler.tick(x, |x| clipper.tick(x))));
        println!("worst alias: plain {plain:.1} dB, oversampled by {FACTOR} {ours:.1} dB");
        assert!(plain > -30.0, "the comparison must alias audibly: {plain}");
        assert!(ours < -55.0 && ours < plain - 25.0, "plain {plain} dB, ours {ours} dB");
    }

    #[test]
    fn silence_stays_silent_with_bias() {
        let mut clipper = SoftClipper::new(0.3);
        assert_eq!([clipper.tick(0.0), clipper.tick(0.0)], [0.0, 0.0]);
    }

    /// A slow ramp follows the curve itself, half a sample late.
    #[test]
    fn follows_its_curve() {
        let mut clipper = SoftClipper::new(0.0);
        for i in -4000..4000 {
            let y = clipper.tick(i as f32 / 1000.0);
            let x = (i as f32 - 0.5) / 1000.0;
            if i > -4000 {
                assert!((y - x / (1.0 + x * x).sqrt()).abs() < 1e-5);
            }
        }
    }
}
