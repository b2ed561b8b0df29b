//! From samples to a frequency: a coarse pitch that is safe from wrong octaves, then the same period measured over as many
//! periods as the window holds. Pure computation on the control side; never called in a callback.
//!
//! Coarse: the normalised square difference function and its key maxima, by P. McLeod and G. Wyvill, "A smarter way to
//! find pitch", ICMC 2005. Fine: the lag of k periods that makes the window most like itself, k doubled from 1 up, found
//! by Gauss-Newton steps on the residual with a free gain. That is the difference function of A. de Cheveigné and
//! H. Kawahara, "YIN", JASA 111 (2002), minimised between samples: for a periodic sound it is zero at whole periods
//! whatever its partials are, so that neither a weak fundamental nor many partials bend the result.

use super::resample::{LowPass, interpolate, slopes};

/// Frequencies that are looked for, in Hz: a bass's low B at 30.9 with room below, and over the guitar's last fret.
pub const RANGE: std::ops::RangeInclusive<f64> = 27.0..=2000.0;
/// Seconds that are looked at: four and a half periods of 30 Hz.
pub const WINDOW: f64 = 0.15;
/// Key maxima below this share of the highest are no candidates for the period. An octave is mistaken if less than a
/// fortieth of the power is in odd partials.
const KEY_SHARE: f64 = 0.95;
/// Below this clarity there is no pitch.
const LEAST_CLARITY: f64 = 0.8;
/// Rate for the coarse pitch, in Hz, at least; what is below [`COARSE_BAND`] makes maxima wide enough for it.
const COARSE_RATE: f64 = 20_000.0;
const COARSE_BAND: f64 = 3_200.0;
/// Share of the power that must lie in that band.
const LEAST_POWER: f64 = 1e-4;
/// Partials that the fine pitch is measured by, first and then.
const LOW_PARTIALS: f64 = 3.0;
const PARTIALS: f64 = 16.0;
/// Highest frequency that it is measured by, in Hz.
const HIGHEST: f64 = 6_000.0;

/// Samples between samples need so many before them.
const LEAST_LAG: f64 = 20.0;

/// A pitch that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pitch {
    /// Of the fundamental, in Hz.
    pub frequency: f64,
    /// How periodic the sound is: 1 for exactly.
    pub clarity: f64,
}

/// Finds the pitch of a window, of [`WINDOW`] seconds or so.
pub fn pitch(samples: &[f32], rate: f64) -> Option<Pitch> {
    let mean = samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / samples.len().max(1) as f64;
    let samples: Vec<f64> = samples.iter().map(|&sample| f64::from(sample) - mean).collect();
    let step = (rate / COARSE_RATE).floor().max(1.0) as usize;
    let coarse = LowPass::new(rate, COARSE_BAND, 2.0 * COARSE_BAND).every(&samples, step);
    let power = |samples: &[f64]| samples.iter().map(|sample| sample * sample).sum::<f64>();
    if power(&coarse) * step as f64 <= LEAST_POWER * power(&samples) {
        return None;
    }
    let coarse_rate = rate / step as f64;
    let longest = (coarse_rate / RANGE.start() * 1.05).ceil() as usize;
    let (lag, clarity) = first_key_maximum(&normalised_square_difference(&coarse, longest))?;
    if clarity < LEAST_CLARITY {
        return None;
    }
    // What is far above the fundamental repeats so often that a coarse lag may be off by one of its own periods.
    let coarse = coarse_rate / lag;
    let near = refine(&samples, rate, coarse, LOW_PARTIALS).unwrap_or(coarse);
    let frequency = refine(&samples, rate, near, PARTIALS)?;
    RANGE.contains(&frequency).then_some(Pitch { frequency, clarity: clarity.min(1.0) })
}

/// For each lag: 1 if the sound is the same that much later, -1 if it is the opposite.
fn normalised_square_difference(samples: &[f64], longest: usize) -> Vec<f64> {
    let longest = longest.min(samples.len() / 2);
    let mut power: f64 = 2.0 * samples.iter().map(|sample| sample * sample).sum::<f64>();
    (0..longest)
        .map(|lag| {
            if lag > 0 {
                let (first, last) = (samples[lag - 1], samples[samples.len() - lag]);
                power -= first * first + last * last;
            }
            let product: f64 = samples.iter().zip(&samples[lag..]).map(|(now, later)| now * later).sum();
            if power > f64::MIN_POSITIVE { 2.0 * product / power } else { 0.0 }
        })
        .collect()
}

/// The lag, between samples, and the height of the first maximum that is nearly as high as any.
fn first_key_maximum(likeness: &[f64]) -> Option<(f64, f64)> {
    let mut maxima: Vec<(f64, f64)> = Vec::new();
    // The maximum at 0 ends where the function crosses zero.
    let start = likeness.iter().position(|&value| value <= 0.0)?;
    let mut best: Option<(f64, f64)> = None;
    for lag in start + 1..likeness.len().saturating_sub(1) {
        let [before, here, after] = [likeness[lag - 1], likeness[lag], likeness[lag + 1]];
        if here <= 0.0 {
            maxima.extend(best.take());
        } else if here >= before && here > after {
            let curve = before - 2.0 * here + after;
            let shift = if curve < 0.0 { 0.5 * (before - after) / curve } else { 0.0 };
            let maximum = (lag as f64 + shift, here - 0.25 * (before - after) * shift);
            if best.is_none_or(|best| maximum.1 > best.1) {
                best = Some(maximum);
            }
        }
    }
    maxima.extend(best);
    let highest = maxima.iter().map(|maximum| maximum.1).fold(0.0, f64::max);
    maxima.into_iter().find(|maximum| maximum.1 >= KEY_SHARE * highest)
}

/// Measures the period over as many periods as there is room for.
fn refine(samples: &[f64], rate: f64, coarse: f64, partials: f64) -> Option<f64> {
    let highest = (partials * coarse).min(HIGHEST).min(0.4 * rate);
    let step = (rate / (4.0 * highest)).floor().max(1.0) as usize;
    let samples = LowPass::new(rate, highest, (2.0 * highest).min(0.5 * rate)).every(samples, step);
    let rate = rate / step as f64;
    let mut period = rate / coarse;
    let mut periods = (LEAST_LAG / period).ceil();
    // Half of the window is compared with the other half in the end: what is lost on one is won on the other.
    let most = (0.55 * samples.len() as f64 / period).floor().max(periods);
    loop {
        period = likest_lag(&samples, periods * period)? / periods;
        if periods >= most {
            return Some(rate / period);
        }
        periods = (2.0 * periods).min(most);
    }
}

/// The lag near a given one at which the samples are most like themselves; none if there is none near.
fn likest_lag(samples: &[f64], near: f64) -> Option<f64> {
    let mut lag = near;
    for _ in 0..6 {
        let (later, slopes) = (interpolate(samples, lag), slopes(samples, lag));
        let dot = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
        let power = dot(&later, &later);
        if power <= f64::MIN_POSITIVE {
            return None;
        }
        let gain = dot(samples, &later) / power;
        let along = dot(&slopes, &later) / power;
        let (mut steep, mut error) = (0.0, 0.0);
        for ((slope, later), now) in slopes.iter().zip(&later).zip(samples) {
            let across = slope - along * later;
            steep += across * across;
            error += (now - gain * later) * across;
        }
        if steep <= f64::MIN_POSITIVE || gain <= 0.0 {
            return None;
        }
        let shift = error / (gain * steep);
        lag += shift.clamp(-2.0, 2.0);
        if shift.abs() < 1e-7 * lag {
            break;
        }
    }
    ((lag - near).abs() < 0.1 * near.max(20.0)).then_some(lag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Partials by their level, in decibels.
    const SINE: &[f64] = &[0.0];
    const PLUCKED: &[f64] = &[-20.0, 0.0, -3.0, -6.0, -9.0, -12.0, -16.0, -20.0, -26.0, -30.0];

    /// A steady tone, peaking below a level in dBFS, with white noise so many decibels below.
    fn tone(frequency: f64, rate: f64, partials: &[f64], level: f64, noise: f64, seed: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        let gain = crate::measurement::from_decibels;
        let sum: f64 = partials.iter().map(|&partial| gain(partial)).sum();
        let heard: Vec<_> =
            (1..).zip(partials).filter(|&(place, _)| f64::from(place) * frequency < 0.45 * rate).collect();
        let phases: Vec<f64> = heard.iter().map(|_| random.f64() * TAU).collect();
        let sample = |frame: usize| {
            let turns = frequency * frame as f64 / rate;
            let partial = |(&(place, &level), phase): (&(i32, &f64), &f64)| {
                gain(level) * (TAU * turns * f64::from(place) + phase).sin()
            };
            let tone: f64 = heard.iter().zip(&phases).map(partial).sum();
            (gain(level) * (tone / sum + gain(noise) * (random.f64() * 2.0 - 1.0))) as f32
        };
        (0..(WINDOW * rate) as usize).map(sample).collect()
    }

    fn cents(found: f64, frequency: f64) -> f64 {
        1200.0 * (found / frequency).log2()
    }

    /// From 30 Hz to 1.5 kHz in steps of half a semitone or so: the worst error in cents.
    fn worst(rate: f64, partials: &[f64], level: f64, noise: f64) -> f64 {
        let mut worst: f64 = 0.0;
        let mut frequency = 30.0;
        while frequency <= 1500.0 {
            let samples = tone(frequency, rate, partials, level, noise, (frequency * 1000.0) as u64);
            let found = pitch(&samples, rate).unwrap_or_else(|| panic!("nothing at {frequency} Hz"));
            worst = worst.max(cents(found.frequency, frequency).abs());
            frequency *= 1.0276;
        }
        worst
    }

    /// Within a tenth of a cent everywhere, at any rate, loud and soft, with one partial or many and a weak fundamental.
    #[test]
    fn a_tenth_of_a_cent_from_30_to_1500_hz() {
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            for (name, partials) in [("sine", SINE), ("plucked", PLUCKED)] {
                for level in [-6.0, -40.0] {
                    let worst = worst(rate, partials, level, -200.0);
                    println!("{rate} {name} {level} dBFS: {worst:.4} cents");
                    assert!(worst < 0.1, "{rate} {name} {level}: {worst}");
                }
            }
        }
    }

    /// Noise 50 dB below the tone costs no more than that. By the bound of Cramér and Rao a sine of 30 Hz cannot be known
    /// any better from noise of 20 dB below within the window.
    #[test]
    fn a_tenth_of_a_cent_in_noise() {
        for (name, partials) in [("sine", SINE), ("plucked", PLUCKED)] {
            let worst = worst(48_000.0, partials, -12.0, -50.0);
            println!("{name} in noise: {worst:.4} cents");
            assert!(worst < 0.1, "{name}: {worst}");
        }
    }

    /// What is loudest may lie above the partials that the pitch is measured by, where the filter has only begun to stop it.
    #[test]
    fn a_loud_high_partial_does_not_bend_it() {
        let samples = tone(1384.83, 48_000.0, &[-12.0, -17.0, -27.0, -16.0, -10.0, 0.0], -12.0, -30.0, 0);
        let found = pitch(&samples, 48_000.0).expect("a pitch");
        assert!(cents(found.frequency, 1384.83).abs() < 0.1, "{found:?}");
    }

    /// Silence, noise and what is out of range have no pitch.
    #[test]
    fn no_pitch_where_there_is_none() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<f32> = (0..7200).map(|_| random.f32() - 0.5).collect();
        assert_eq!(pitch(&noise, 48_000.0), None);
        assert_eq!(pitch(&vec![0.0; 7200], 48_000.0), None);
        assert_eq!(pitch(&vec![0.7; 7200], 48_000.0), None);
        for frames in [0, 1, 100] {
            assert_eq!(pitch(&noise[..frames], 48_000.0), None);
        }
        for frequency in [10.0, 20.0, 2500.0, 5000.0] {
            let found = pitch(&tone(frequency, 48_000.0, SINE, -6.0, -200.0, 1), 48_000.0);
            assert_eq!(found, None, "{frequency}");
        }
    }

    proptest::proptest! {
        /// Whatever the partials' levels, no part of the period is taken for it: as long as the sound is unlike itself after
        /// each part by a tenth of its power, where the key maxima need a twentieth. Tones that are not, such as one of
        /// which nearly all is in its fifth partial, are given a louder fundamental. It is never far below the rest: of the
        /// highest tones the coarse pitch hears little else.
        #[test]
        fn never_an_octave_off(
            key in 0.0..67.0_f64,
            mut partials in proptest::collection::vec(-30.0..0.0_f64, 1..7),
            noise in -60.0..-30.0_f64,
            seed in 0..1000_u64,
        ) {
            let frequency = 30.0 * 2f64.powf(key / 12.0);
            let unlike = |partials: &[f64], share: f64| {
                let powers = (1..).zip(partials).map(|(place, level)| (f64::from(place), 10f64.powf(level / 10.0)));
                let (lost, all) = powers.fold((0.0, 0.0), |(lost, all), (place, power)| {
                    (lost + power * (1.0 - (TAU * place * share).cos()), all + power)
                });
                lost / all
            };
            let parts = 2..=partials.len() as u32;
            let mut shares = parts.flat_map(|parts| (1..parts).map(move |part| f64::from(part) / f64::from(parts)));
            if shares.any(|share| unlike(&partials, share) < 0.1) {
                partials[0] = 0.0;
            }
            partials[0] = partials[0].max(-12.0);
            let samples = tone(frequency, 48_000.0, &partials, -12.0, noise, seed);
            let found = pitch(&samples, 48_000.0).expect("a pitch");
            proptest::prop_assert!(cents(found.frequency, frequency).abs() < 5.0, "{} for {frequency}", found.frequency);
        }
    }
}
