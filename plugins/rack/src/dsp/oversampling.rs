//! Fourfold oversampling by two linear-phase half-band stages in polyphase form. The latency is a whole number of
//! frames: a short delay at the high rate fills up what the filters and the processing between them leave over.
//!
//! Source: P. P. Vaidyanathan, *Multirate Systems and Filter Banks*, sections 4.3 (polyphase) and 4.6.2 (half-band).

use super::history::{History, dot};
use super::kaiser::half_band;

/// How many samples are processed for one frame.
pub const FACTOR: usize = 4;

const STOP_BAND_DECIBELS: f64 = 80.0;
/// 47 taps: flat to 0.39 of the base rate, down by the stop-band attenuation from 0.61.
const OUTER_PAIRS: usize = 12;
/// 19 taps: everything the outer stage passes lies far below its wide transition.
const INNER_PAIRS: usize = 5;

/// Delay of both stages, up and down, in samples at the high rate.
const FILTER_DELAY: usize = 4 * (2 * OUTER_PAIRS - 1) + 2 * (2 * INNER_PAIRS - 1);

/// Doubles a rate and halves it again.
#[derive(Clone, Debug)]
struct HalfBand {
    taps: Box<[f32]>,
    pairs: usize,
    up: History,
    down_even: History,
    down_odd: History,
}

impl HalfBand {
    fn new(pairs: usize) -> Self {
        let history = History::new(2 * pairs);
        Self {
            taps: half_band(pairs, STOP_BAND_DECIBELS).into_boxed_slice(),
            pairs,
            up: history.clone(),
            down_even: history.clone(),
            down_odd: history,
        }
    }

    fn reset(&mut self) {
        self.up.reset();
        self.down_even.reset();
        self.down_odd.reset();
    }

    /// The filter's only even tap is its centre, so every other output is a plain delay.
    fn up(&mut self, input: f32) -> [f32; 2] {
        self.up.push(input);
        let past = self.up.newest_first();
        [2.0 * dot(&self.taps, past), past[self.pairs - 1]]
    }

    fn down(&mut self, [even, odd]: [f32; 2]) -> f32 {
        self.down_even.push(even);
        let output =
            dot(&self.taps, self.down_even.newest_first()) + 0.5 * self.down_odd.newest_first()[self.pairs - 1];
        self.down_odd.push(odd);
        output
    }
}

/// Takes one channel to four times its rate and back.
#[derive(Clone, Debug)]
pub struct Oversampler {
    outer: HalfBand,
    inner: HalfBand,
    pad: History,
    latency: u32,
}

impl Oversampler {
    /// For processing that itself delays by `inner_delay` samples at the high rate. Allocates.
    pub fn new(inner_delay: usize) -> Self {
        let delay = FILTER_DELAY + inner_delay;
        let latency = delay.div_ceil(FACTOR);
        let pad = latency * FACTOR - delay;
        Self {
            outer: HalfBand::new(OUTER_PAIRS),
            inner: HalfBand::new(INNER_PAIRS),
            pad: History::new(pad + 1),
            latency: latency as u32,
        }
    }

    /// Frames from input to output, the processing's own delay included; exact for all frequencies.
    pub fn latency(&self) -> u32 {
        self.latency
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.outer.reset();
        self.inner.reset();
        self.pad.reset();
    }

    /// Processes one frame: `process` is called for each of its samples at the high rate, in order of time.
    pub fn tick(&mut self, input: f32, mut process: impl FnMut(f32) -> f32) -> f32 {
        let pairs = self.outer.up(input).map(|sample| self.inner.up(sample));
        let halves = pairs.map(|pair| {
            let padded = pair.map(|sample| {
                self.pad.push(process(sample));
                self.pad.oldest()
            });
            self.inner.down(padded)
        });
        self.outer.down(halves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::{magnitude_at, peak_index};

    fn response(inner_delay: usize, mut process: impl FnMut(f32) -> f32) -> (Vec<f32>, usize) {
        let mut oversampler = Oversampler::new(inner_delay);
        let response = (0..128).map(|i| oversampler.tick(if i == 0 { 1.0 } else { 0.0 }, &mut process)).collect();
        (response, oversampler.latency() as usize)
    }

    /// Up and down again is a pure delay of the stated length: the response is symmetric about it, to the sample, also
    /// with a one-sample delay in between. A latency off by one, or by a fraction, breaks the symmetry.
    #[test]
    fn latency_is_exact() {
        let mut held = 0.0;
        let delayed = response(1, |x| std::mem::replace(&mut held, x));
        for (response, latency) in [response(0, |x| x), delayed] {
            assert_eq!(peak_index(&response), latency);
            for distance in 1..latency {
                let (before, after) = (response[latency - distance], response[latency + distance]);
                assert!((before - after).abs() < 1e-6, "{distance}: {before} {after}");
            }
        }
    }

    /// Within 0.1 dB up to 0.37 of the rate (17.8 kHz at 48 kHz).
    #[test]
    fn pass_band_is_flat() {
        let (response, _) = response(0, |x| x);
        for step in 0..=37 {
            let decibels = 20.0 * magnitude_at(&response, step as f32 / 100.0, 1.0).log10();
            assert!(decibels.abs() < 0.1, "{step} %: {decibels} dB");
        }
    }

    /// What is made at the high rate above the base rate's band does not come back: a tone at 0.8 of the base rate is
    /// attenuated by more than 75 dB.
    #[test]
    fn images_are_suppressed() {
        let mut oversampler = Oversampler::new(0);
        let mut phase = 0u32;
        let output: Vec<f32> = (0..4096)
            .map(|_| {
                oversampler.tick(0.0, |_| {
                    phase += 1;
                    (f64::from(phase) * 0.2 * std::f64::consts::TAU).sin() as f32
                })
            })
            .collect();
        let loudest = output[256..].iter().fold(0.0f32, |a, b| a.max(b.abs()));
        assert!(20.0 * loudest.log10() < -75.0, "{loudest}");
    }
}
