//! A resampler that follows the drift between the clocks of two joined streams. It never allocates once it is made.
//!
//! The ring between the streams fills when the input's clock is fast and empties when it is slow. A proportional and
//! integral controller of the resampling ratio holds the fill: the proportional part corrects in its time constant, the
//! integral part in four times that, which is the critically damped choice for a fill that integrates the error.
#![deny(clippy::disallowed_types)]

use rubato::audioadapter_buffers::direct::{InterleavedSlice, SequentialSliceOfVecs};
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, ResamplerConstructionError, Resizable, SincInterpolationParameters,
    WindowFunction,
};

/// The controller's time constant at first. Long enough that the pitch does not follow the fill's jitter; short enough that
/// two clocks that differ by 500 ppm never empty the ring: until they are followed, it loses up to 0.74 x drift x rate x
/// this many frames.
const QUICK_SECONDS: f32 = 2.0;
/// The same in the end. Clocks that have been followed drift by little more, so that what is still seen is the jitter of
/// callbacks that were kept waiting: it should move the ratio as little as possible.
const STEADY_SECONDS: f32 = 8.0;
/// How fast one becomes the other, in seconds a second: slowly enough for the drift to be found meanwhile.
const SLOWING: f32 = 0.05;
/// The most that clocks are taken to differ: 1 %, far beyond any two that share a nominal rate.
const MOST: f32 = 0.01;
/// Taps of the interpolation filter; half of them are delay.
const TAPS: usize = 128;

/// Resamples interleaved input to channels of output at a ratio near 1.
pub(crate) struct DriftResampler {
    resampler: Async<f32>,
    channels: usize,
    rate: f32,
    /// Interleaved input of one call.
    staged: Vec<f32>,
    integral: f32,
    /// The time constant as it is now.
    seconds: f32,
}

impl DriftResampler {
    /// For calls of up to `frames` output frames. Not to be called from the callback.
    pub fn new(channels: usize, frames: usize, rate: u32) -> Result<Self, ResamplerConstructionError> {
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
        let most = f64::from(1.0 + 2.0 * MOST);
        let resampler = Async::new_sinc(1.0, most, &parameters, frames, channels, FixedAsync::Output)?;
        let staged = vec![0.0; resampler.input_frames_max() * channels];
        Ok(Self { resampler, channels, rate: rate as f32, staged, integral: 0.0, seconds: QUICK_SECONDS })
    }

    /// How many input frames the next call takes for `frames` output frames.
    pub fn needed(&mut self, frames: usize) -> usize {
        // Longer than what was reserved cannot be: periods are cut before.
        let _ = self.resampler.set_chunk_size(frames);
        self.resampler.input_frames_next()
    }

    /// The filter's delay in frames.
    pub fn delay(&self) -> usize {
        self.resampler.output_delay()
    }

    /// How much faster the input's clock runs, in parts per million, as far as it has been followed: what the ratio is held
    /// at once the fill is where it should be.
    pub fn drift(&self) -> f32 {
        self.integral * 1e6
    }

    /// Resamples what [`needed`](Self::needed) said, in two interleaved pieces, to `frames` frames a channel.
    pub fn process(&mut self, first: &[f32], second: &[f32], planar: &mut [Vec<f32>], frames: usize) {
        let samples = first.len() + second.len();
        let Some(staged) = self.staged.get_mut(..samples) else { return };
        staged[..first.len()].copy_from_slice(first);
        staged[first.len()..].copy_from_slice(second);
        let input = InterleavedSlice::new(staged, self.channels, samples / self.channels);
        let output = SequentialSliceOfVecs::new_mut(planar, self.channels, frames);
        if let (Ok(input), Ok(mut output)) = (input, output) {
            // Fails only for buffers that are too short, and these are not.
            let _ = self.resampler.process_into_buffer(&input, &mut output, None);
        }
    }

    /// Corrects the ratio by how many frames too many lie in the ring after a period of `frames`.
    pub fn steer(&mut self, excess: f32, frames: usize) {
        let passed = frames as f32 / self.rate;
        let proportional = excess / (self.rate * self.seconds);
        let step = proportional * passed / (4.0 * self.seconds);
        self.seconds = (self.seconds + passed * SLOWING).min(STEADY_SECONDS);
        self.integral = (self.integral + step).clamp(-MOST, MOST);
        // Too much in the ring: fewer output frames for an input frame.
        let ratio = 1.0 / (1.0 + f64::from((proportional + self.integral).clamp(-MOST, MOST)));
        let _ = self.resampler.set_resample_ratio(ratio, true);
    }
}

#[cfg(test)]
mod tests {
    use super::super::join::{JoinShared, Joined, join};
    use super::*;
    use crate::status::StreamStatus;
    use std::f64::consts::TAU;
    use std::sync::Arc;

    const FRAMES: usize = 64;
    const RATE: usize = 48_000;
    /// How long the output is looked at in the end, in frames.
    const WINDOW: usize = 96 * FRAMES;

    /// What is heard at a time, counted in frames of the output's clock: tones whose sum repeats never in the simulation.
    fn sound(time: f64) -> f64 {
        let tone = |frequency: f64| (TAU * frequency / RATE as f64 * time).sin();
        0.4 * tone(997.0) + 0.3 * tone(311.7) + 0.2 * tone(1733.3)
    }

    /// That time as the drivers tell it.
    fn nanoseconds(time: f64) -> Option<u64> {
        Some((time / RATE as f64 * 1e9) as u64)
    }

    struct Simulated {
        joined: Joined,
        xruns: u64,
        /// The last output frames.
        heard: Vec<f32>,
        /// The number of the first of these.
        first: usize,
    }

    /// 60 seconds of an input clock that is off by so much, in simulated time, with both sides called up to so many frames
    /// late.
    ///
    /// ```text
    /// input    a packet of 64 frames whenever its clock has counted these
    /// output   a period of 64 frames every 64 frames of time, after what input there is by then
    /// ```
    fn simulate(drift: f64, late: f64) -> Simulated {
        let (status, shared) = (Arc::<StreamStatus>::default(), Arc::<JoinShared>::default());
        let resampler = DriftResampler::new(1, FRAMES, RATE as u32).unwrap();
        let (mut writer, mut reader) = join(1, FRAMES, RATE as u32, Some(resampler), &status, &shared);
        let periods = 60 * RATE / FRAMES;
        let mut packets = 0usize;
        let mut planar = vec![vec![0.0f32; FRAMES]];
        let mut heard = Vec::new();
        let first = periods * FRAMES - WINDOW;
        let mut random = 1_u32;
        let mut lateness = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            late * f64::from(random >> 8) / f64::from(1 << 24)
        };
        let mut delivered = FRAMES as f64 / (1.0 + drift);
        for period in 0..periods {
            let now = ((period + 1) * FRAMES) as f64 + lateness();
            while delivered <= now {
                let frames = packets * FRAMES..(packets + 1) * FRAMES;
                let packet: Vec<f32> = frames.map(|frame| sound(frame as f64 / (1.0 + drift)) as f32).collect();
                writer.write(&packet, 1, &[0], nanoseconds(delivered));
                packets += 1;
                delivered = ((packets + 1) * FRAMES) as f64 / (1.0 + drift) + lateness();
            }
            reader.read(&mut planar, FRAMES, nanoseconds(now));
            if period * FRAMES >= first {
                heard.extend_from_slice(&planar[0]);
            }
        }
        Simulated { joined: shared.joined(), xruns: status.xruns(), heard, first }
    }

    impl Simulated {
        /// What the output would be at such a delay, frame by frame.
        fn expected(&self, delay: f64) -> impl Iterator<Item = f64> + '_ {
            (0..self.heard.len()).map(move |frame| sound((self.first + frame) as f64 - delay))
        }

        /// The delay in frames at which the output is most like the sound: the peak of their cross-correlation, and around
        /// that where least is left of the output without it.
        fn delay(&self) -> f64 {
            let likeness = |delay: f64| -> f64 {
                self.expected(delay).zip(&self.heard[..32 * FRAMES]).map(|(a, &b)| a * f64::from(b)).sum()
            };
            let peak = (0..256).map(f64::from).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
            let least = |middle: f64, step: f64| {
                let delays = (-30..=30).map(|count| middle + f64::from(count) * step);
                delays.min_by(|a, b| self.noise(*a).total_cmp(&self.noise(*b))).unwrap()
            };
            least(least(peak, 0.02), 0.001)
        }

        /// All that is not the delayed sound, against the sound, in decibels.
        fn noise(&self, delay: f64) -> f64 {
            fn power(samples: impl Iterator<Item = f64>) -> f64 {
                samples.map(|sample| sample * sample).sum()
            }
            let difference =
                self.expected(delay).zip(&self.heard).map(|(expected, &heard)| expected - f64::from(heard));
            let all = power(self.expected(delay));
            10.0 * (power(difference) / all).log10()
        }
    }

    /// Clocks that differ by 200 ppm either way, by little and not at all, and callbacks that come late: the drift is shown
    /// as it is, the latency as it is heard, no xrun, and nothing is heard that was not played.
    #[test]
    fn drift_and_latency_are_shown_as_they_are() {
        std::thread::scope(|scope| {
            for (drift, late) in [(0.0, 0.0), (2e-4, 0.0), (-2e-4, 0.0), (3e-5, 0.0), (2e-4, 20.0)] {
                scope.spawn(move || is_shown_as_it_is(drift, late));
            }
        });
    }

    fn is_shown_as_it_is(drift: f64, late: f64) {
        let simulated = simulate(drift, late);
        let Joined { drift: shown, fill, target, latency } = simulated.joined;
        let (shown, delay) = (f64::from(shown.unwrap()), simulated.delay());
        let noise = simulated.noise(delay);
        let at = format!("{drift:+e}, {late} frames late");
        println!("{at}: {shown:+.2} ppm, latency {latency}, heard {delay:.2}, fill {fill}, noise {noise:.1} dB");
        assert_eq!(simulated.xruns, 0, "at {at}");
        assert!((shown - drift * 1e6).abs() < 1.0, "{shown} ppm at {at}");
        assert!((f64::from(latency) - delay).abs() < 2.0, "{latency} shown, {delay} heard at {at}");
        assert!(fill.abs_diff(target) <= 2, "{fill} instead of {target} at {at}");
        // What callbacks are late moves the delay by some hundredths of a frame.
        assert!(noise < if late > 0.0 { -48.0 } else { -70.0 }, "{noise} dB at {at}");
    }
}
