//! Whether a path gives back every bit, and if not, what it does to the signal: compared sample by sample with what was
//! played, then looked at for the marks that volumes, converters, resamplers and lost frames leave.

use super::response::{Path, find_path};
use super::stimulus::{Stimulus, decibels};
use std::fmt;

/// A delay is a whole number of frames up to so much.
const WHOLE: f64 = 0.02;
/// Gains are told apart up to this.
const UNITY: f64 = 1e-4;
/// Up to this part of the samples, those that differ are taken for accidents.
const ACCIDENTS: f64 = 0.02;

/// What a path does to the samples that it carries.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Every sample is what it was, that many frames later.
    Exact {
        /// Frames from output to input.
        delay: usize,
    },
    /// Nothing of it was heard.
    Unconnected,
    /// It comes between two frames, or smeared over several: a resampler, a filter, or converters.
    Resampled {
        /// Frames from output to input.
        delay: f64,
    },
    /// Each sample is the other way up, and otherwise what it was.
    Inverted,
    /// It is louder or softer.
    Gain {
        /// In dB.
        decibels: f64,
    },
    /// It comes in coarser steps than it was played: so many bits are left.
    Coarse {
        /// How wide the numbers are that come back.
        bits: u32,
        /// Whether the steps were chosen at random: dither.
        dithered: bool,
    },
    /// Some samples are others, the rest is exact: frames were lost or repeated, or the signal was clipped.
    Damaged {
        /// How many differ.
        samples: usize,
        /// Of how many.
        of: usize,
    },
    /// Most samples are others, for no reason that is known here.
    Different {
        /// The greatest difference, 1 being full scale.
        most: f64,
    },
}

impl Finding {
    /// Whether the path is bit-perfect.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Exact { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact { delay } => write!(f, "bit-perfect, {delay} frames later"),
            Self::Unconnected => write!(f, "nothing comes back: connect the output with the input"),
            Self::Resampled { delay } => write!(
                f,
                "not bit-perfect: it comes back {delay:.3} frames later and changed, as by a resampler, a filter or \
                 analogue converters; let all run at one rate and on one clock, and switch effects off"
            ),
            Self::Inverted => write!(f, "not bit-perfect: the polarity is turned"),
            Self::Gain { decibels } => write!(
                f,
                "not bit-perfect: a volume of {decibels:+.2} dB is in the way; set the system's and the mixer's faders \
                 to 0 dB"
            ),
            Self::Coarse { bits, dithered } => {
                let dither = if *dithered { " with dither" } else { "" };
                write!(f, "not bit-perfect: {bits} bits are left{dither}; choose a wider format in the driver")
            }
            Self::Damaged { samples, of } => write!(
                f,
                "not bit-perfect: {samples} of {of} samples differ and the rest are exact, as when frames are lost or \
                 peaks are clipped"
            ),
            Self::Different { most } => {
                write!(f, "not bit-perfect: samples differ by up to {:.1} dBFS, by no simple rule", decibels(*most))
            }
        }
    }
}

/// Compares one period of what was heard with the stimulus.
pub fn examine(stimulus: &Stimulus, heard: &[f32]) -> Finding {
    let Some(path) = find_path(stimulus, heard) else { return Finding::Unconnected };
    let frames = stimulus.frames();
    let delay = path.delay.round() as usize % frames;
    // What should have come, frame by frame of what did.
    let played = || (0..frames).map(|frame| stimulus.samples()[(frame + frames - delay) % frames]);
    let pairs = || played().zip(heard.iter().copied());
    let differing = |same: &dyn Fn(f32, f32) -> bool| pairs().filter(|&(played, heard)| !same(played, heard)).count();
    let others = differing(&|played, heard| played == heard);
    if others == 0 {
        return Finding::Exact { delay };
    }
    if differing(&|played, heard| -played == heard) == 0 {
        return Finding::Inverted;
    }
    if (others as f64) <= ACCIDENTS * frames as f64 {
        return Finding::Damaged { samples: others, of: frames };
    }
    let changed: Vec<(f64, f64)> = pairs().map(|(played, heard)| (f64::from(played), f64::from(heard))).collect();
    by_its_marks(&path, &changed)
}

/// What was done to the pairs of played and heard samples, not one in a hundred of which are equal.
fn by_its_marks(path: &Path, pairs: &[(f64, f64)]) -> Finding {
    if let Some(coarse) = coarse(pairs) {
        return coarse;
    }
    let power: f64 = pairs.iter().map(|(played, _)| played * played).sum();
    let gain = pairs.iter().map(|(played, heard)| played * heard).sum::<f64>() / power.max(f64::MIN_POSITIVE);
    let rest: f64 = pairs.iter().map(|(played, heard)| (heard - gain * played).powi(2)).sum();
    let unexplained = (rest / power.max(f64::MIN_POSITIVE)).sqrt();
    let fraction = (path.delay - path.delay.round()).abs();
    // A volume leaves nothing but rounding; a converter behind it, its steps.
    if unexplained < 1e-3 && (gain.abs() - 1.0).abs() > UNITY {
        return Finding::Gain { decibels: decibels(gain) };
    }
    if fraction > WHOLE || unexplained > 0.01 {
        return Finding::Resampled { delay: path.delay };
    }
    let most = pairs.iter().map(|(played, heard)| (heard - played).abs()).fold(0.0, f64::max);
    Finding::Different { most }
}

/// Whether all samples lie on the steps of a narrower number, near where they should.
fn coarse(pairs: &[(f64, f64)]) -> Option<Finding> {
    (4..32).find_map(|bits| {
        let step = 1.0 / (1_u64 << (bits - 1)) as f64;
        let is_on_steps = pairs.iter().all(|(_, heard)| (heard / step).fract() == 0.0);
        // Rounding moves by half a step, cutting off by one, dither by one more.
        let most = pairs.iter().map(|(played, heard)| (heard - played).abs()).fold(0.0, f64::max);
        (is_on_steps && most < 2.5 * step).then(|| {
            // Without dither equal samples stay equal, and neighbours keep their order.
            let mut sorted: Vec<_> = pairs.to_vec();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let dithered = sorted.windows(2).any(|pair| pair[0].1 > pair[1].1);
            Finding::Coarse { bits, dithered }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::from_decibels;

    const FRAMES: usize = 4096;

    /// What a path does to each sample, 77 frames later.
    fn through(stimulus: &Stimulus, mut change: impl FnMut(usize, f32) -> f32) -> Finding {
        let samples = stimulus.samples();
        let heard: Vec<f32> = (0..FRAMES).map(|frame| change(frame, samples[(frame + FRAMES - 77) % FRAMES])).collect();
        examine(stimulus, &heard)
    }

    #[test]
    fn a_copy_is_exact_and_each_change_is_named() {
        let mut random = fastrand::Rng::with_seed(1);
        for bits in [16, 24, 32] {
            let stimulus = Stimulus::integers(FRAMES, bits, -12.0);
            assert_eq!(through(&stimulus, |_, sample| sample), Finding::Exact { delay: 77 });
            assert_eq!(through(&stimulus, |_, sample| -sample), Finding::Inverted);
            let Finding::Gain { decibels } = through(&stimulus, |_, sample| sample * from_decibels(-3.0) as f32) else {
                panic!("a volume is told")
            };
            assert!((decibels + 3.0).abs() < 0.01);
            assert_eq!(through(&stimulus, |_, _| 0.0), Finding::Unconnected);
            let lost = through(&stimulus, |frame, sample| if (100..132).contains(&frame) { 0.5 } else { sample });
            assert_eq!(lost, Finding::Damaged { samples: 32, of: FRAMES });
            // Two frames mixed half and half, as by the simplest of resamplers.
            let mut before = 0.0;
            let between = through(&stimulus, |_, sample| (sample + std::mem::replace(&mut before, sample)) / 2.0);
            assert!(matches!(between, Finding::Resampled { delay } if (delay - 77.5).abs() < 0.1), "{between:?}");
        }
        let stimulus = Stimulus::integers(FRAMES, 24, -12.0);
        let rounded = through(&stimulus, |_, sample| (sample * 32768.0).round() / 32768.0);
        assert_eq!(rounded, Finding::Coarse { bits: 16, dithered: false });
        let cut = through(&stimulus, |_, sample| (sample * 32768.0).floor() / 32768.0);
        assert_eq!(cut, Finding::Coarse { bits: 16, dithered: false });
        let mut dither = || random.f32() - random.f32();
        let dithered = through(&stimulus, |_, sample| (sample * 32768.0 + dither()).round() / 32768.0);
        assert_eq!(dithered, Finding::Coarse { bits: 16, dithered: true });
        let wide = Stimulus::integers(FRAMES, 32, -12.0);
        let rounded = through(&wide, |_, sample| (sample * 8_388_608.0).round() / 8_388_608.0);
        assert_eq!(rounded, Finding::Coarse { bits: 24, dithered: false });
    }

    /// Noise of a 24th bit that no steps show.
    #[test]
    fn a_change_by_no_rule_is_told_by_its_size() {
        let mut random = fastrand::Rng::with_seed(2);
        let stimulus = Stimulus::integers(FRAMES, 24, -12.0);
        let noisy = through(&stimulus, |_, sample| sample + 3e-6 * (random.f32() - 0.5));
        assert!(matches!(noisy, Finding::Different { most } if most > 1e-6 && most < 2e-6), "{noisy:?}");
    }
}
