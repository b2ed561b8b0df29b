//! What is measured of a sound before it is drawn: envelopes, levels and spectra, one per column of pixels. Samples that
//! are not finite count as silence; any length will do, none included.

use crate::drawing::axis::unit;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::TAU;
use std::ops::Range;
use std::sync::Arc;

/// Extremes and RMS of the samples behind one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Envelope {
    /// The least.
    pub min: f32,
    /// The greatest.
    pub max: f32,
    /// The root of their mean square.
    pub rms: f32,
}

impl Envelope {
    /// Of some samples; `None` of none.
    fn of(samples: &[f32]) -> Option<Self> {
        let mut envelope = Self { min: f32::INFINITY, max: f32::NEG_INFINITY, rms: 0.0 };
        let mut power = 0.0;
        for sample in samples.iter().map(|&x| finite(x)) {
            envelope.min = envelope.min.min(sample);
            envelope.max = envelope.max.max(sample);
            power += f64::from(sample) * f64::from(sample);
        }
        envelope.rms = (power / samples.len() as f64).sqrt() as f32;
        (!samples.is_empty()).then_some(envelope)
    }

    /// The greater of the absolute extremes.
    pub fn peak(&self) -> f32 {
        self.max.max(-self.min)
    }
}

fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample } else { 0.0 }
}

/// The frames behind column `column` of `columns` that share `frames` between them: at least one.
fn behind(column: usize, columns: usize, frames: usize) -> Range<usize> {
    let start = column * frames / columns;
    start..((column + 1) * frames / columns).max(start + 1)
}

/// The envelope behind each of `columns` columns that share `frames` frames; `None` past the end of `samples`. Each looks
/// `around` frames further to both sides.
pub fn envelopes(samples: &[f32], frames: usize, columns: usize, around: usize) -> Vec<Option<Envelope>> {
    (0..columns)
        .map(|column| {
            let Range { start, end } = behind(column, columns, frames);
            let inside = start < samples.len();
            let wide = start.saturating_sub(around)..(end + around).min(samples.len());
            if inside { Envelope::of(&samples[wide]) } else { None }
        })
        .collect()
}

/// The envelope of a whole sound; silence of an empty one.
pub fn whole(samples: &[f32]) -> Envelope {
    Envelope::of(samples).unwrap_or(Envelope { min: 0.0, max: 0.0, rms: 0.0 })
}

/// A power spectrum of a piece of sound, Hann-windowed, in which a sine of full scale has power 1.
struct Spectrum {
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    piece: Vec<f32>,
    scratch: Vec<Complex<f32>>,
    bins: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Spectrum {
    fn new(size: usize) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(size);
        let hann = |n| (1.0 - (TAU * n as f64 / size as f64).cos()) as f32 * 2.0 / size as f32;
        Self {
            window: (0..size).map(hann).collect(),
            piece: transform.make_input_vec(),
            scratch: transform.make_scratch_vec(),
            bins: transform.make_output_vec(),
            power: vec![0.0; size / 2 + 1],
            transform,
        }
    }

    /// Measures around frame `middle` of each channel and takes the mean power of them all.
    fn measure(&mut self, channels: &[Vec<f32>], middle: usize) {
        self.power.fill(0.0);
        let half = self.piece.len() / 2;
        for channel in channels {
            for (n, (to, weight)) in self.piece.iter_mut().zip(&self.window).enumerate() {
                let frame = (middle + n).checked_sub(half);
                *to = weight * frame.and_then(|frame| channel.get(frame)).map_or(0.0, |&x| finite(x));
            }
            let done = self.transform.process_with_scratch(&mut self.piece, &mut self.bins, &mut self.scratch);
            if done.is_ok() {
                for (power, bin) in self.power.iter_mut().zip(&self.bins) {
                    *power += bin.norm_sqr() / channels.len() as f32;
                }
            }
        }
    }

    /// The level in dB between two frequencies given in cycles a frame: the strongest bin between them or, where there
    /// is none, the line between its neighbours.
    fn level(&self, low: f32, high: f32) -> f32 {
        let size = self.piece.len() as f32;
        let last = self.power.len() - 1;
        let db = |power: f32| 10.0 * power.max(1e-20).log10();
        let (first, end) = ((low * size).ceil() as usize, (high * size).ceil() as usize);
        if first < end.min(last + 1) {
            return db(self.power[first..end.min(last + 1)].iter().fold(0.0, |a: f32, &b| a.max(b)));
        }
        let place = 0.5 * (low + high) * size;
        let below = (place as usize).min(last - 1);
        let (a, b) = (db(self.power[below]), db(self.power[below + 1]));
        a + (b - a) * (place - below as f32).min(1.0)
    }
}

/// Long pieces tell low notes apart, short ones show when a note begins: at `LOW_HZ` and below only the first count, at
/// `HIGH_HZ` and above only the second, and in between they are mixed.
const LOW_HZ: f32 = 250.0;
const HIGH_HZ: f32 = 1_500.0;

/// The level in dB, relative to a sine of full scale, at each of `edges.len() - 1` bands of frequency (in Hz, ascending)
/// and for each of `columns` columns that share `frames` frames: column by column. The power is the mean of the channels.
pub fn spectrogram(channels: &[Vec<f32>], rate: f32, frames: usize, columns: usize, edges: &[f32]) -> Vec<Vec<f32>> {
    let size = |seconds: f32| ((rate * seconds) as usize).next_power_of_two().clamp(256, 1 << 14);
    let (mut long, mut short) = (Spectrum::new(size(0.12)), Spectrum::new(size(0.03)));
    (0..columns)
        .map(|column| {
            let Range { start, end } = behind(column, columns, frames);
            long.measure(channels, (start + end) / 2);
            short.measure(channels, (start + end) / 2);
            edges
                .windows(2)
                .map(|band| {
                    let part = unit((band[0] / LOW_HZ).ln() / (HIGH_HZ / LOW_HZ).ln());
                    let level = |spectrum: &Spectrum| spectrum.level(band[0] / rate, band[1] / rate);
                    match part {
                        0.0 => level(&long),
                        1.0 => level(&short),
                        _ => level(&long) * (1.0 - part) + level(&short) * part,
                    }
                })
                .collect()
        })
        .collect()
}

/// The value below which a part (0..1) of `sorted` lies; `None` of none.
pub fn quantile(sorted: &[f32], part: f32) -> Option<f32> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((part * last as f32).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four columns over eight frames of which six exist; not-a-number counts as silence.
    #[test]
    fn envelopes_cover_the_samples_and_no_more() {
        let found = envelopes(&[0.5, -1.0, f32::NAN, 0.0, 1.0, 1.0], 8, 4, 0);
        let first = found[0].unwrap();
        assert_eq!((first.min, first.max, first.peak()), (-1.0, 0.5, 1.0));
        assert_eq!(found[1], Some(Envelope { min: 0.0, max: 0.0, rms: 0.0 }));
        assert_eq!(found[2], Some(Envelope { min: 1.0, max: 1.0, rms: 1.0 }));
        assert_eq!(found[3], None);
        assert_eq!(envelopes(&[1.0], 1, 3, 0).len(), 3);
        assert_eq!(envelopes(&[], 0, 2, 5), [None, None]);
    }

    /// A sine of full scale reads 0 dB in the band that holds it, and little elsewhere, low and high.
    #[test]
    fn a_sine_reads_its_level_in_its_band() {
        let rate = 48_000.0_f32;
        for hz in [110.0, 440.0, 5_000.0] {
            let sine: Vec<f32> =
                (0..24_000).map(|n| (TAU * f64::from(hz) * n as f64 / 48_000.0).sin() as f32).collect();
            let edges: Vec<f32> = (0..=60).map(|k| 50.0 * 2_f32.powf(k as f32 * 8.0 / 60.0)).collect();
            let found = &spectrogram(&[sine.clone(), sine], rate, 24_000, 5, &edges)[2];
            let loudest = (0..60).max_by(|&a, &b| found[a].total_cmp(&found[b])).unwrap();
            assert!((edges[loudest]..edges[loudest + 1]).contains(&hz), "{hz}: {}", edges[loudest]);
            assert!(found[loudest].abs() < 1.5, "{hz} Hz: {} dB", found[loudest]);
            assert!(found.iter().enumerate().all(|(k, &db)| k.abs_diff(loudest) < 12 || db < -60.0));
        }
    }

    #[test]
    fn quantiles_of_anything() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!([0.0, 0.5, 1.0].map(|part| quantile(&[1.0, 2.0, 3.0], part)), [Some(1.0), Some(2.0), Some(3.0)]);
    }
}
