//! Finds a path from an output to an input in what came back: its delay to a fraction of a frame, its gain, its polarity.

use super::stimulus::Stimulus;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::f64::consts::TAU;

/// How far above the rest of the response, as a ratio of amplitudes, a peak has to be to count as a path. The highest of
/// a million samples of noise is five times its root mean square.
const CLEAR: f64 = 8.0;
/// Frames around the peak that belong to it: a path's filters ring.
const AROUND: usize = 32;

/// A path from an output to an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Frames from an output's buffer to an input's, fractions included: where the band-limited response is greatest. 0 is
    /// the frame in which it was played. Never as long as the stimulus: longer delays come out shorter by its length.
    pub delay: f64,
    /// Amplitude of the loudest arrival, 1 being as loud as it was played. Never negative.
    pub gain: f64,
    /// Whether the signal comes back upside down.
    pub inverted: bool,
    /// How far the arrival is above all else that was heard, as a ratio of amplitudes: noise, echoes, distortion.
    pub clarity: f64,
}

/// Looks for the stimulus in one period of what was heard. `None` if it is not in it.
pub fn find_path(stimulus: &Stimulus, heard: &[f32]) -> Option<Path> {
    let transfer = stimulus.transfer(heard)?;
    let response = impulse_response(&transfer);
    let frames = response.len();
    let peak = (0..frames).max_by(|&a, &b| response[a].abs().total_cmp(&response[b].abs()))?;
    let is_around = |frame: usize| frame.abs_diff(peak).min(frames - frame.abs_diff(peak)) <= AROUND;
    let rest: f64 = (0..frames).filter(|&frame| !is_around(frame)).map(|frame| response[frame].powi(2)).sum();
    let rest = (rest / (frames - 2 * AROUND - 1) as f64).sqrt();
    let clarity = response[peak].abs() / rest.max(f64::MIN_POSITIVE);
    if clarity.is_nan() || clarity < CLEAR || response[peak] == 0.0 {
        return None;
    }
    let inverted = response[peak] < 0.0;
    let sign = if inverted { -1.0 } else { 1.0 };
    let mut delay = peak as f64;
    // Newton's method on the slope. The peak is the greatest of the samples: the top lies within half a frame.
    for _ in 0..8 {
        let top = Top::at(&transfer, frames, delay);
        let step = if sign * top.curvature < 0.0 { -top.slope / top.curvature } else { 0.0 };
        delay = (delay + step).clamp(peak as f64 - 0.5, peak as f64 + 0.5);
    }
    let gain = sign * Top::at(&transfer, frames, delay).value;
    // A delay of nothing may come out a hair below it.
    let delay = if delay < -0.5 { delay + frames as f64 } else { delay };
    Some(Path { delay, gain, inverted, clarity })
}

/// Scaled so that a path that changes nothing is 1 at its delay.
fn impulse_response(transfer: &[Complex<f64>]) -> Vec<f64> {
    let frames = 2 * (transfer.len() - 1);
    let transform = RealFftPlanner::new().plan_fft_inverse(frames);
    let mut bins = transfer.to_vec();
    let mut response = transform.make_output_vec();
    // Fails only for buffers of other sizes than its own, and for ends of the spectrum that are not real.
    let _ = transform.process(&mut bins, &mut response);
    response.iter_mut().for_each(|sample| *sample /= (frames - 2) as f64);
    response
}

/// The band-limited response between its samples, with its first two derivatives.
struct Top {
    value: f64,
    slope: f64,
    curvature: f64,
}

impl Top {
    fn at(transfer: &[Complex<f64>], frames: usize, time: f64) -> Self {
        let (mut value, mut slope, mut curvature) = (0.0, 0.0, 0.0);
        for (k, bin) in transfer.iter().enumerate() {
            let frequency = TAU * k as f64 / frames as f64;
            let turned = bin * Complex::cis(frequency * time);
            value += turned.re;
            slope -= frequency * turned.im;
            curvature -= frequency * frequency * turned.re;
        }
        let scale = 2.0 / (frames - 2) as f64;
        Self { value: value * scale, slope: slope * scale, curvature: curvature * scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAMES: usize = 4096;

    /// The stimulus as an ideal path of this delay and gain gives it back, in a circle.
    fn delayed(stimulus: &Stimulus, delay: f64, gain: f64) -> Vec<f32> {
        let planner = &mut RealFftPlanner::new();
        let (there, back) = (planner.plan_fft_forward(FRAMES), planner.plan_fft_inverse(FRAMES));
        let mut samples: Vec<f64> = stimulus.samples().iter().map(|&sample| f64::from(sample)).collect();
        let mut bins = there.make_output_vec();
        there.process(&mut samples, &mut bins).unwrap();
        for (k, bin) in bins.iter_mut().enumerate() {
            *bin *= Complex::cis(-TAU * k as f64 * delay / FRAMES as f64) * gain / FRAMES as f64;
        }
        (bins[0], bins[FRAMES / 2]) = Default::default();
        back.process(&mut bins, &mut samples).unwrap();
        samples.iter().map(|&sample| sample as f32).collect()
    }

    /// Every sample as a converter of 16 bits hands it on.
    fn converted(samples: &[f32]) -> Vec<f32> {
        samples.iter().map(|sample| (sample * 32768.0).round() / 32768.0).collect()
    }

    proptest! {
        /// Any delay, gain and polarity is found to a hundredth of a frame and of a dB, through 16 bits.
        #[test]
        fn a_path_is_found(delay in 0.0..4095.4_f64, gain in -40.0..6.0_f64, inverted: bool) {
            let stimulus = Stimulus::flat(FRAMES, -12.0);
            let sign = if inverted { -1.0 } else { 1.0 };
            let heard = converted(&delayed(&stimulus, delay, sign * super::super::from_decibels(gain)));
            let path = find_path(&stimulus, &heard).unwrap();
            prop_assert!((path.delay - delay).abs() < 0.01, "{} and not {delay}", path.delay);
            prop_assert!((super::super::decibels(path.gain) - gain).abs() < 0.1);
            prop_assert_eq!(path.inverted, inverted);
        }
    }

    /// Undisturbed, a delay is exact to a ten-thousandth of a frame; on whole frames too, nothing included.
    #[test]
    fn delays_are_exact() {
        let stimulus = Stimulus::flat(FRAMES, -20.0);
        for delay in [0.0, 1.0, 256.0, 1234.567, 4095.0] {
            let path = find_path(&stimulus, &delayed(&stimulus, delay, 0.5)).unwrap();
            assert!((path.delay - delay).abs() < 1e-4, "{} and not {delay}", path.delay);
            assert!((path.gain - 0.5).abs() < 1e-4 && !path.inverted && path.clarity > 100.0, "{path:?}");
        }
    }

    /// Silence, noise, another signal, samples that are no numbers, another length: no path.
    #[test]
    fn what_is_not_there_is_not_found() {
        let stimulus = Stimulus::flat(FRAMES, -20.0);
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<f32> = (0..FRAMES).map(|_| random.f32() - 0.5).collect();
        let hum: Vec<f32> = (0..FRAMES).map(|n| (n as f32 * 0.0065).sin()).collect();
        let silence = vec![0.0; FRAMES];
        for heard in [&noise, &hum, &silence, &vec![f32::NAN; FRAMES], &vec![0.0; 5]] {
            assert_eq!(find_path(&stimulus, heard), None);
        }
        // In noise twice as loud as itself it is found all the same.
        let loud = delayed(&stimulus, 100.25, 1.0);
        let covered: Vec<f32> = loud.iter().zip(&noise).map(|(signal, noise)| signal + 0.2 * noise).collect();
        let path = find_path(&stimulus, &covered).unwrap();
        assert!((path.delay - 100.25).abs() < 0.1, "{path:?}");
    }
}
