//! A resampler that follows the drift between the clocks of two joined streams. It never allocates once it is made.
//!
//! The ring between the streams fills when the input's clock is fast and empties when it is slow. A proportional and
//! integral controller of the resampling ratio holds the fill: the proportional part corrects in [`SECONDS`], the
//! integral part in four times that, which is the critically damped choice for a fill that integrates the error.
#![deny(clippy::disallowed_types)]

use rubato::audioadapter_buffers::direct::{InterleavedSlice, SequentialSliceOfVecs};
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, ResamplerConstructionError, Resizable, SincInterpolationParameters,
    WindowFunction,
};

/// The controller's time constant. Long enough that the pitch does not follow the fill's jitter; short enough that two
/// clocks that differ by 500 ppm never empty the ring: until they are followed, it loses up to 0.74 x drift x rate x
/// this many frames.
const SECONDS: f32 = 2.0;
/// The most that clocks are taken to differ: 1 %, far beyond any two that share a nominal rate.
const MOST: f32 = 0.01;
/// Taps of the interpolation filter; half of them are delay.
const TAPS: usize = 128;

/// Resamples interleaved input to channels of output at a ratio near 1.
pub(super) struct DriftResampler {
    resampler: Async<f32>,
    channels: usize,
    rate: f32,
    /// Interleaved input of one call.
    staged: Vec<f32>,
    integral: f32,
}

impl DriftResampler {
    /// For calls of up to `frames` output frames. Not to be called from the callback.
    pub fn new(channels: usize, frames: usize, rate: u32) -> Result<Self, ResamplerConstructionError> {
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
        let most = f64::from(1.0 + 2.0 * MOST);
        let resampler = Async::new_sinc(1.0, most, &parameters, frames, channels, FixedAsync::Output)?;
        let staged = vec![0.0; resampler.input_frames_max() * channels];
        Ok(Self { resampler, channels, rate: rate as f32, staged, integral: 0.0 })
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
        let proportional = excess / (self.rate * SECONDS);
        let step = proportional * frames as f32 / (self.rate * 4.0 * SECONDS);
        self.integral = (self.integral + step).clamp(-MOST, MOST);
        // Too much in the ring: fewer output frames for an input frame.
        let ratio = 1.0 / (1.0 + f64::from((proportional + self.integral).clamp(-MOST, MOST)));
        let _ = self.resampler.set_resample_ratio(ratio, true);
    }
}

#[cfg(test)]
mod tests {
    use super::super::join::{JoinLatency, join};
    use super::*;
    use crate::status::StreamStatus;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    const FRAMES: usize = 64;

    /// 45 seconds of an input clock that is off by so much, in simulated time: the latency that is reported at the end,
    /// the xruns, and how far the output strays from a sine in the last 15.
    fn simulate(drift: f64) -> (u32, u64, f32) {
        let (status, latency) = (Arc::<StreamStatus>::default(), JoinLatency::default());
        let resampler = DriftResampler::new(1, FRAMES, 48_000).unwrap();
        let (mut writer, mut reader) = join(1, FRAMES, 48_000, Some(resampler), &status, &latency);
        let step = 0.05f64;
        let mut phase = 0.0f64;
        let mut input = || -> Vec<f32> {
            std::iter::repeat_with(|| {
                phase += step;
                phase.sin() as f32
            })
            .take(FRAMES)
            .collect()
        };
        let periods = 45 * 48_000 / FRAMES;
        let (mut written, mut planar) = (0.0, vec![vec![0.0f32; FRAMES]]);
        let mut stray = 0.0f32;
        let mut before = [0.0f32; 2];
        for period in 0..periods {
            while written < (period + 1) as f64 * (1.0 + drift) {
                writer.write(&input(), 1, &[0]);
                written += 1.0;
            }
            reader.read(&mut planar, FRAMES);
            for &sample in &planar[0] {
                // Three successive samples of a sine: a + c = 2 b cos(step), whatever its phase.
                let error = (before[0] + sample - 2.0 * before[1] * step.cos() as f32).abs();
                if period > periods * 2 / 3 {
                    stray = stray.max(error);
                }
                before = [before[1], sample];
            }
        }
        (latency.load(Ordering::Relaxed), status.xruns(), stray)
    }

    /// Clocks that differ by 200 ppm either way, and not at all: no xrun, the fill held at its target, no click.
    #[test]
    fn drift_is_followed_without_an_xrun_or_a_click() {
        for drift in [0.0, 2e-4, -2e-4] {
            let (latency, xruns, stray) = simulate(drift);
            let target = (FRAMES + TAPS / 2) as u32;
            assert_eq!(xruns, 0, "at {drift}");
            assert!(latency.abs_diff(target) <= FRAMES as u32 / 2, "{latency} instead of {target} at {drift}");
            assert!(stray < 1e-4, "{stray} at {drift}");
        }
    }
}
