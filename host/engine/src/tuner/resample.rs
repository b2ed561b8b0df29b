//! A low-pass that leaves samples out, and samples between samples. Windowed sincs with the window of J. F. Kaiser
//! ("Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974), 80 dB down.

use std::f64::consts::PI;

/// For 80 dB.
const BETA: f64 = 7.857;
/// Samples on each side that a sample between samples is made of.
const REACH: usize = 16;

/// A symmetric filter.
pub struct LowPass {
    taps: Vec<f64>,
}

impl LowPass {
    /// Passes what is below one frequency and stops what is above another, both in Hz.
    pub fn new(rate: f64, pass: f64, stop: f64) -> Self {
        let width = (stop - pass).max(0.01 * rate) / rate;
        // Kaiser's formula for the length.
        let reach = ((80.0 - 7.95) / (14.36 * width) / 2.0).ceil() as i64;
        let centre = (pass + stop) / rate;
        let taps: Vec<f64> = (-reach..=reach)
            .map(|place| centre * sinc(centre * place as f64) * kaiser(place as f64 / (reach + 1) as f64))
            .collect();
        let sum: f64 = taps.iter().sum();
        Self { taps: taps.into_iter().map(|tap| tap / sum).collect() }
    }

    /// Every so many samples, filtered, as far as the filter lies within the samples.
    pub fn every(&self, samples: &[f64], step: usize) -> Vec<f64> {
        let filtered = samples.windows(self.taps.len()).step_by(step);
        filtered.map(|window| window.iter().zip(&self.taps).map(|(sample, tap)| sample * tap).sum()).collect()
    }
}

/// The samples from `lag` on, which lies between two of them and must be at least 0, as far as there are any.
pub fn interpolate(samples: &[f64], lag: f64) -> Vec<f64> {
    weigh(samples, lag, between(lag.fract()))
}

/// How steep the sound is at each of the samples that [`interpolate`] returns, per sample. True up to the highest
/// frequencies there can be, where the difference of two neighbours is far too flat.
pub fn slopes(samples: &[f64], lag: f64) -> Vec<f64> {
    /// Samples on each side. The difference is 2 % too flat at two thirds of the highest frequency.
    const ASIDE: f64 = 0.15;
    let [after, before] = [ASIDE, -ASIDE].map(|aside| between(lag.fract() + aside));
    weigh(samples, lag, std::array::from_fn(|place| (after[place] - before[place]) / (2.0 * ASIDE)))
}

/// What makes a sample that lies so much after one that has half of the taps before it.
fn between(after: f64) -> [f64; 2 * REACH] {
    let taps: [f64; 2 * REACH] = std::array::from_fn(|place| {
        let distance = place as f64 - (REACH - 1) as f64 - after;
        sinc(distance) * kaiser(distance / REACH as f64)
    });
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

/// Every sample from the whole part of `lag` on, weighed together with those around it.
fn weigh(samples: &[f64], lag: f64, taps: [f64; 2 * REACH]) -> Vec<f64> {
    let whole = lag.floor() as usize;
    if whole + 1 < REACH {
        return Vec::new();
    }
    let from = samples.get(whole + 1 - REACH..).unwrap_or(&[]);
    from.windows(2 * REACH).map(|window| window.iter().zip(&taps).map(|(sample, tap)| sample * tap).sum()).collect()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The window at a place from -1 to 1.
fn kaiser(place: f64) -> f64 {
    bessel(BETA * (1.0 - place * place).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for place in 1..40 {
        term *= quarter / f64::from(place * place);
        sum += term;
    }
    sum
}
