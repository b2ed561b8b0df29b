//! Windowed-sinc low-pass design with the Kaiser window, for the oversampler and the resampling of impulse responses.
//! Runs off the audio thread only: it allocates.
//!
//! Source: A. V. Oppenheim, R. W. Schafer, *Discrete-Time Signal Processing*, 3rd ed., section 7.5.3: the window, and
//! `beta` and length from stop-band attenuation and transition width.

use std::f64::consts::PI;

/// Modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..64 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// The window's shape parameter for a stop-band attenuation in decibels (above 50).
pub fn beta(attenuation: f64) -> f64 {
    0.1102 * (attenuation - 8.7)
}

/// The Kaiser window at `position` in -1..=1; zero outside.
pub fn window(position: f64, beta: f64) -> f64 {
    if position.abs() > 1.0 { 0.0 } else { bessel_i0(beta * (1.0 - position * position).sqrt()) / bessel_i0(beta) }
}

/// `sin(pi x) / (pi x)`.
pub fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-12 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The odd-indexed half of a linear-phase half-band low-pass of `4 * pairs - 1` taps, at gain one: the taps at odd
/// distances from the centre, in order. The centre tap is 0.5 and all other even ones are zero.
pub fn half_band(pairs: usize, attenuation: f64) -> Vec<f32> {
    let beta = beta(attenuation);
    let reach = 2.0 * pairs as f64;
    let mut taps: Vec<f64> = (0..2 * pairs)
        .map(|index| {
            let distance = 2.0 * index as f64 + 1.0 - reach;
            0.5 * sinc(0.5 * distance) * window(distance / reach, beta)
        })
        .collect();
    // Exact gain of one at zero frequency, so that no direct current is lost or made.
    let sum: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap *= 0.5 / sum);
    taps.into_iter().map(|tap| tap as f32).collect()
}

/// Resamples a whole signal from `from` to `to` hertz with a windowed sinc of 96 dB stop-band attenuation.
pub fn resample(signal: &[f32], from: f64, to: f64) -> Vec<f32> {
    const ZERO_CROSSINGS: f64 = 32.0;
    if from == to {
        return signal.to_vec();
    }
    let beta = beta(96.0);
    // Below the lower of the two Nyquist frequencies, by the width of the transition.
    let cutoff = 0.94 * (to / from).min(1.0);
    let reach = ZERO_CROSSINGS / cutoff;
    let length = (signal.len() as f64 * to / from).ceil() as usize;
    (0..length)
        .map(|index| {
            let centre = index as f64 * from / to;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = ((centre + reach).floor() as usize).min(signal.len().saturating_sub(1));
            (first..=last)
                .map(|at| {
                    let distance = at as f64 - centre;
                    f64::from(signal[at]) * cutoff * sinc(cutoff * distance) * window(distance / reach, beta)
                })
                .sum::<f64>() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 1 kHz sine keeps its frequency, level and phase from 44.1 to 48 kHz (away from the ends).
    #[test]
    fn resampling_keeps_a_sine() {
        let sine = |rate: f64, n: usize| (0..n).map(|i| (2.0 * PI * 1000.0 * i as f64 / rate).sin() as f32).collect();
        let source: Vec<f32> = sine(44_100.0, 4410);
        let expected: Vec<f32> = sine(48_000.0, 4800);
        let result = resample(&source, 44_100.0, 48_000.0);
        assert_eq!(result.len(), 4800);
        let worst = (200..4600).map(|i| (result[i] - expected[i]).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "{worst}");
    }
}
