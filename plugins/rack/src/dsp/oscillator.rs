//! Band-limited waveforms: the trivial ones with their steps and corners rounded by polynomials over two samples.
//!
//! Sources: V. Valimaki, A. Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE Signal Processing
//! Magazine 24(2), 2007 (polyBLEP for steps); F. Esqueda, V. Valimaki, S. Bilbao, "Rounding corners with BLAMP", DAFx-16
//! (polyBLAMP for the triangle's corners).

/// Which waveform an oscillator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All harmonics.
    Saw,
    /// Odd harmonics at a width of one half, hollow to nasal elsewhere.
    Pulse,
    /// Few, weak odd harmonics.
    Triangle,
    /// No harmonics.
    Sine,
}

/// Correction of a downward step of height 2 at phase 0, `t` being the phase and `dt` its step a sample.
fn blep(t: f64, dt: f64) -> f64 {
    if t < dt {
        let x = t / dt;
        x + x - x * x - 1.0
    } else if t > 1.0 - dt {
        let x = (t - 1.0) / dt;
        x * x + x + x + 1.0
    } else {
        0.0
    }
}

/// Correction of a corner at phase 0, per unit of slope change over two.
fn blamp(t: f64, dt: f64) -> f64 {
    if t < dt {
        let x = t / dt - 1.0;
        -x * x * x / 3.0
    } else if t > 1.0 - dt {
        let x = (t - 1.0) / dt + 1.0;
        x * x * x / 3.0
    } else {
        0.0
    }
}

/// A phase that runs from 0 to 1 and the waveforms made of it.
#[derive(Clone, Debug, Default)]
pub struct Oscillator {
    phase: f64,
}

impl Oscillator {
    /// An oscillator that starts at `phase`, 0 to 1.
    pub fn new(phase: f64) -> Self {
        Self { phase }
    }

    /// The next sample, about -1 to 1. `step` is the frequency over the sample rate, below 0.5; `width` the share of a
    /// pulse that is high, 0.05 to 0.95.
    pub fn tick(&mut self, shape: Shape, step: f64, width: f64) -> f32 {
        let t = self.phase;
        self.phase += step;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        let wave = match shape {
            Shape::Saw => 2.0 * t - 1.0 - blep(t, step),
            Shape::Pulse => {
                let fall = (t + 1.0 - width).fract();
                // Without direct current, whatever the width.
                (if t < width { 1.0 } else { -1.0 }) + blep(t, step) - blep(fall, step) - (2.0 * width - 1.0)
            }
            Shape::Triangle => {
                let quarter = (t + 0.25).fract();
                let naive = 1.0 - 4.0 * (quarter - 0.5).abs();
                naive + 4.0 * step * (blamp(quarter, step) - blamp((quarter + 0.5).fract(), step))
            }
            Shape::Sine => (t * std::f64::consts::TAU).sin(),
        };
        wave as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::magnitude_at;

    const RATE: f32 = 48_000.0;
    const LENGTH: usize = 4800;

    /// A quarter second of a waveform at a multiple of 10 Hz, so that all partials and aliases lie on such multiples.
    fn wave(shape: Shape, frequency: f64) -> Vec<f32> {
        let mut oscillator = Oscillator::default();
        (0..LENGTH).map(|_| oscillator.tick(shape, frequency / f64::from(RATE), 0.5)).collect()
    }

    /// Loudest partial below `limit` Hz that is no harmonic, relative to the fundamental, in decibels.
    fn aliasing(signal: &[f32], fundamental: f32, limit: f32) -> f32 {
        let worst = (1..(limit / 10.0) as usize)
            .map(|k| k as f32 * 10.0)
            .filter(|f| f % fundamental != 0.0)
            .map(|f| magnitude_at(signal, f, RATE))
            .fold(0.0, f32::max);
        20.0 * (worst / magnitude_at(signal, fundamental, RATE)).log10()
    }

    /// At 1310 Hz, below 10 kHz: the naive saw aliases at -30 dB, these stay far below.
    #[test]
    fn aliasing_is_bounded() {
        let naive: Vec<f32> = (0..LENGTH).map(|i| ((i as f64 * 1310.0 / 48e3).fract() * 2.0 - 1.0) as f32).collect();
        assert!(aliasing(&naive, 1310.0, 10e3) > -35.0);
        for (shape, bound) in
            [(Shape::Saw, -44.0), (Shape::Pulse, -44.0), (Shape::Triangle, -70.0), (Shape::Sine, -110.0)]
        {
            let measured = aliasing(&wave(shape, 1310.0), 1310.0, 10e3);
            println!("{shape:?}: {measured:.1} dB");
            assert!(measured < bound, "{shape:?}: {measured} dB");
        }
    }

    /// The harmonics of low notes are those of the ideal waveforms (sines of 1/n, 1/n odd, 1/n^2 odd), none has direct
    /// current.
    #[test]
    fn spectra_are_the_ideal_ones() {
        let pi = std::f32::consts::PI;
        let ideal = |shape, n: f32| match shape {
            Shape::Saw => 2.0 / n,
            Shape::Pulse => 4.0 / n * (n % 2.0),
            Shape::Triangle => 8.0 / (n * n * pi) * (n % 2.0),
            Shape::Sine => 0.0,
        };
        for shape in [Shape::Saw, Shape::Pulse, Shape::Triangle] {
            let signal = wave(shape, 100.0);
            for n in 0..10 {
                let amplitude = 2.0 * magnitude_at(&signal, 100.0 * n as f32, RATE) / LENGTH as f32;
                let expected = if n == 0 { 0.0 } else { ideal(shape, n as f32) / pi };
                assert!((amplitude - expected).abs() < 0.01, "{shape:?} {n}: {amplitude} {expected}");
            }
        }
    }
}
