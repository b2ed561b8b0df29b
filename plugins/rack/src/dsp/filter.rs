//! Small filters: the topology-preserving one-pole and state-variable filters, and the biquads of the built-in cabinet.
//!
//! Sources: V. Zavalishin, *The Art of VA Filter Design* (rev. 2.1.2), sections 3.10 (one-pole) and 4.2-4.4 (two-pole
//! state-variable filter, zero-delay feedback solved); R. Bristow-Johnson, "Audio EQ Cookbook" (biquads).

use std::f32::consts::PI;

/// The warped frequency `tan(pi f / fs)` of a bilinear integrator, with `f` kept below 0.49 of the rate.
pub fn warped(frequency: f32, rate: f32) -> f32 {
    (PI * (frequency / rate).clamp(1e-6, 0.49)).tan()
}

/// A one-pole filter that yields low-pass and high-pass at once.
#[derive(Clone, Debug, Default)]
pub struct OnePole {
    gain: f32,
    state: f32,
}

impl OnePole {
    /// Sets the corner frequency in hertz.
    pub fn set(&mut self, frequency: f32, rate: f32) {
        let g = warped(frequency, rate);
        self.gain = g / (1.0 + g);
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.state = 0.0;
    }

    /// The low-pass output for one sample.
    pub fn low(&mut self, input: f32) -> f32 {
        let v = (input - self.state) * self.gain;
        let low = v + self.state;
        self.state = low + v;
        low
    }

    /// The high-pass output for one sample.
    pub fn high(&mut self, input: f32) -> f32 {
        input - self.low(input)
    }
}

/// A two-pole state-variable filter, stable under fast modulation.
#[derive(Clone, Debug, Default)]
pub struct StateVariable {
    g: f32,
    damping: f32,
    scale: f32,
    states: [f32; 2],
}

impl StateVariable {
    /// Sets the cutoff in hertz and the resonance `Q` (0.5 and up).
    pub fn set(&mut self, cutoff: f32, quality: f32, rate: f32) {
        self.g = warped(cutoff, rate);
        self.damping = 1.0 / quality.max(0.5);
        self.scale = 1.0 / (1.0 + self.g * (self.g + self.damping));
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.states = [0.0; 2];
    }

    /// The low-pass and the high-pass output for one sample.
    pub fn tick(&mut self, input: f32) -> (f32, f32) {
        let [s1, s2] = self.states;
        let high = (input - (self.damping + self.g) * s1 - s2) * self.scale;
        let band = self.g * high + s1;
        let low = self.g * band + s2;
        self.states = [self.g * high + band, self.g * band + low];
        (low, high)
    }
}

/// A biquad in transposed direct form II, in double precision.
#[derive(Clone, Debug)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    states: [f64; 2],
}

impl Biquad {
    fn new(b: [f64; 3], a: [f64; 3]) -> Self {
        Self { b: b.map(|x| x / a[0]), a: [a[1] / a[0], a[2] / a[0]], states: [0.0; 2] }
    }

    /// Low-pass of second order.
    pub fn low_pass(frequency: f64, quality: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(frequency, quality, rate);
        let b = (1.0 - cos) / 2.0;
        Self::new([b, 2.0 * b, b], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// High-pass of second order.
    pub fn high_pass(frequency: f64, quality: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(frequency, quality, rate);
        let b = (1.0 + cos) / 2.0;
        Self::new([b, -2.0 * b, b], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Peak or dip of `decibels` at `frequency`.
    pub fn peak(frequency: f64, quality: f64, decibels: f64, rate: f64) -> Self {
        let (cos, alpha) = angle(frequency, quality, rate);
        let a = 10f64.powf(decibels / 40.0);
        Self::new([1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a], [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a])
    }

    /// One sample through the filter.
    pub fn tick(&mut self, input: f64) -> f64 {
        let output = self.b[0] * input + self.states[0];
        self.states[0] = self.b[1] * input - self.a[0] * output + self.states[1];
        self.states[1] = self.b[2] * input - self.a[1] * output;
        output
    }
}

fn angle(frequency: f64, quality: f64, rate: f64) -> (f64, f64) {
    let omega = std::f64::consts::TAU * (frequency / rate).min(0.49);
    (omega.cos(), omega.sin() / (2.0 * quality))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::magnitude_at;

    const RATE: f32 = 48_000.0;

    fn impulse(mut filter: impl FnMut(f32) -> f32) -> Vec<f32> {
        (0..16_384).map(|i| filter(if i == 0 { 1.0 } else { 0.0 })).collect()
    }

    /// Half power at the corner, for both outputs; the tangent warping makes this exact.
    #[test]
    fn one_pole_is_3_db_down_at_its_corner() {
        let mut low = OnePole::default();
        low.set(1000.0, RATE);
        let mut high = low.clone();
        for response in [impulse(|x| low.low(x)), impulse(|x| high.high(x))] {
            assert!((magnitude_at(&response, 1000.0, RATE) - 0.5f32.sqrt()).abs() < 1e-3);
        }
    }

    /// At the cutoff a two-pole low-pass has the gain Q; two octaves above, about -24 dB.
    #[test]
    fn state_variable_has_gain_q_at_cutoff() {
        let mut filter = StateVariable::default();
        filter.set(1000.0, 4.0, RATE);
        let response = impulse(|x| filter.tick(x).0);
        assert!((magnitude_at(&response, 1000.0, RATE) - 4.0).abs() < 0.02);
        let above = 20.0 * magnitude_at(&response, 4000.0, RATE).log10();
        assert!((above + 23.9).abs() < 0.6, "{above}");
    }

    #[test]
    fn peak_has_its_gain() {
        let mut filter = Biquad::peak(2500.0, 2.0, 6.0, f64::from(RATE));
        let response = impulse(|x| filter.tick(f64::from(x)) as f32);
        assert!((20.0 * magnitude_at(&response, 2500.0, RATE).log10() - 6.0).abs() < 0.01);
    }
}
