//! Test signals: one period of a sound that is played round and round, with its spectrum.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::f64::consts::TAU;
use std::sync::Arc;

/// One period of a test signal. Played twice, the second time over it is heard as if it had always been played: what comes
/// back is the signal convolved with the path in a circle, as long as the path is no longer than the period.
#[derive(Clone)]
pub struct Stimulus {
    samples: Arc<[f32]>,
    spectrum: Arc<[Complex<f64>]>,
    /// Mean square of the magnitudes between the ends of the spectrum.
    power: f64,
}

/// An amplitude in dB; minus infinity for 0.
pub fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.abs().log10()
}

/// The amplitude of so many dB.
pub fn from_decibels(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

impl Stimulus {
    /// Periods that make sense, in frames.
    pub const FRAMES: std::ops::RangeInclusive<usize> = 256..=1 << 22;

    /// All frequencies equally loud, with random phases: noise that repeats. `frames` is raised to a power of two within
    /// [`Self::FRAMES`]; `level` is the peak in dB below full scale.
    pub fn flat(frames: usize, level: f64) -> Self {
        let frames = period(frames);
        let transform = RealFftPlanner::new().plan_fft_inverse(frames);
        let mut bins = transform.make_input_vec();
        let mut random = fastrand::Rng::with_seed(frames as u64);
        let last = bins.len() - 1;
        for bin in &mut bins[1..last] {
            *bin = Complex::from_polar(1.0, TAU * random.f64());
        }
        let mut samples = transform.make_output_vec();
        // Fails only for buffers of other sizes than its own.
        let _ = transform.process(&mut bins, &mut samples);
        let peak = samples.iter().fold(f64::MIN_POSITIVE, |peak, sample| sample.abs().max(peak));
        let gain = from_decibels(level.min(0.0)) / peak;
        Self::of(samples.iter().map(|sample| (sample * gain) as f32).collect())
    }

    /// White noise of whole numbers of `bits` (2 to 32) within the level, all of them likely: numbers up to 24 bits wide,
    /// of which a float holds each, with as many places behind them as `bits` leaves.
    pub fn integers(frames: usize, bits: u32, level: f64) -> Self {
        let bits = bits.clamp(2, 32);
        let width = bits.min(24);
        let most = ((1_i64 << (width - 1)) as f64 * from_decibels(level.min(0.0))) as i64;
        let most = most.clamp(1, (1 << (width - 1)) - 1);
        let mut random = fastrand::Rng::with_seed(u64::from(bits));
        let sample = |_| {
            // Beyond what a float holds at full scale, the numbers are moved down by up to as many places as there are.
            let places = random.u32(0..=bits - width);
            (random.i64(-most..=most) as f64 / (1_u64 << (width - 1 + places)) as f64) as f32
        };
        Self::of((0..period(frames)).map(sample).collect())
    }

    fn of(samples: Arc<[f32]>) -> Self {
        let spectrum: Arc<[_]> = spectrum(&samples).into();
        let middle = &spectrum[1..spectrum.len() - 1];
        let power = middle.iter().map(Complex::norm_sqr).sum::<f64>() / middle.len() as f64;
        Self { samples, spectrum, power }
    }

    /// The samples of one period.
    pub fn samples(&self) -> &Arc<[f32]> {
        &self.samples
    }

    /// Frames of a period.
    pub fn frames(&self) -> usize {
        self.samples.len()
    }

    /// The transfer function of the path that made `heard`, one period, out of this: by the cross spectrum over the mean
    /// power spectrum (C. Knapp and G. Carter, "The Generalized Correlation Method for Estimation of Time Delay", 1976).
    /// At both ends of the spectrum it is 0. `None` if `heard` is not of this length.
    pub(super) fn transfer(&self, heard: &[f32]) -> Option<Vec<Complex<f64>>> {
        if heard.len() != self.frames() {
            return None;
        }
        let mut transfer = spectrum(heard);
        let last = transfer.len() - 1;
        for (bin, played) in transfer.iter_mut().zip(&*self.spectrum) {
            *bin *= played.conj() / self.power;
        }
        (transfer[0], transfer[last]) = Default::default();
        Some(transfer)
    }
}

fn period(frames: usize) -> usize {
    frames.clamp(*Stimulus::FRAMES.start(), *Stimulus::FRAMES.end()).next_power_of_two()
}

/// What is not a number counts as silence.
fn spectrum(samples: &[f32]) -> Vec<Complex<f64>> {
    let transform = RealFftPlanner::new().plan_fft_forward(samples.len());
    let finite = |&sample: &f32| if sample.is_finite() { f64::from(sample) } else { 0.0 };
    let mut samples: Vec<f64> = samples.iter().map(finite).collect();
    let mut bins = transform.make_output_vec();
    // Fails only for buffers of other sizes than its own.
    let _ = transform.process(&mut samples, &mut bins);
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flat_one_is_flat_and_as_loud_as_asked() {
        let stimulus = Stimulus::flat(1000, -20.0);
        assert_eq!(stimulus.frames(), 1024);
        let peak = stimulus.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((f64::from(peak) - 0.1).abs() < 1e-6, "{peak}");
        let middle = &stimulus.spectrum[1..512];
        assert!(middle.iter().all(|bin| (bin.norm_sqr() / stimulus.power - 1.0).abs() < 1e-4));
    }

    /// Each is a whole number of its width, and no narrower width would hold them all; each is within the level.
    #[test]
    fn integers_have_all_their_bits() {
        for bits in [16_u32, 24, 32] {
            let stimulus = Stimulus::integers(4096, bits, -24.0);
            let is_whole = |bits: u32| {
                let scale = (1_u64 << (bits - 1)) as f64;
                stimulus.samples().iter().all(|&sample| (f64::from(sample) * scale).fract() == 0.0)
            };
            assert!(is_whole(bits) && !is_whole(bits - 1), "{bits}");
            let peak = stimulus.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak > 0.06 && peak < 0.0631, "{bits}: {peak}");
        }
    }
}
