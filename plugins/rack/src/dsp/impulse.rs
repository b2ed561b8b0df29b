//! Impulse responses of guitar cabinets: a built-in one made from a model, and WAV files of any rate. Runs off the audio
//! thread only: it reads files and allocates.
//!
//! The model is a 12-inch loudspeaker in a box before a microphone, as a chain of filters: the driver's fundamental
//! resonance in its box, a high-pass of second order (R. H. Small, "Closed-box loudspeaker systems", JAES 20(10), 1972);
//! the cone's break-up modes as peaks and dips between 1 and 4 kHz and the steep loss above (N. H. Fletcher,
//! T. D. Rossing, *The Physics of Musical Instruments*, 2nd ed., section 10.14, for the shape of such responses); two
//! early reflections, from the box and the floor.

use std::path::Path;

use super::filter::Biquad;
use super::kaiser::resample;

/// Longest response that is used, in seconds; longer ones are faded out and cut.
pub const LIMIT_SECONDS: f64 = 1.0;
/// Share of a response that was cut over which it fades out.
const FADE_SHARE: usize = 10;
const BUILT_IN_SECONDS: f64 = 0.12;
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;

/// Why a WAV file cannot be used as an impulse response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The file is not there, not readable or no WAV file.
    #[error("cannot read the impulse response: {0}; choose another WAV file, or none for the built-in response")]
    Unreadable(#[from] hound::Error),
    /// The header states a sample rate that no response has.
    #[error("the impulse response claims a rate of {0} Hz; use a WAV file between 4 and 768 kHz")]
    Rate(u32),
    /// The file has no sound in it.
    #[error("the impulse response is empty, silent or not made of finite numbers; choose another WAV file")]
    NoSound,
}

/// An impulse response of one or two channels at the session's rate, its level made comparable: passing pink noise from
/// 80 Hz to 5 kHz through it keeps the level.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    channels: Vec<Vec<f32>>,
}

impl Response {
    /// The built-in cabinet at `rate` hertz.
    pub fn built_in(rate: f64) -> Self {
        let mut chain = [
            Biquad::high_pass(95.0, 1.1, rate),
            Biquad::peak(140.0, 1.2, 2.5, rate),
            Biquad::peak(420.0, 0.9, -4.0, rate),
            Biquad::peak(1150.0, 2.2, -2.5, rate),
            Biquad::peak(2350.0, 1.6, 6.0, rate),
            Biquad::peak(3500.0, 3.5, 4.0, rate),
            Biquad::peak(4400.0, 5.0, -5.0, rate),
            Biquad::low_pass(4900.0, 1.0, rate),
            Biquad::low_pass(5600.0, 0.7, rate),
        ];
        let length = (BUILT_IN_SECONDS * rate) as usize;
        let direct: Vec<f64> = (0..length)
            .map(|i| chain.iter_mut().fold(if i == 0 { 1.0 } else { 0.0 }, |x, filter| filter.tick(x)))
            .collect();
        let reflections = [(0.9e-3, 0.16), (2.7e-3, -0.1)].map(|(seconds, gain)| ((seconds * rate) as usize, gain));
        let mut channel: Vec<f32> = (0..length)
            .map(|i| {
                let reflected = reflections.iter().filter(|(delay, _)| i >= *delay);
                (direct[i] + reflected.map(|(delay, gain)| gain * direct[i - delay]).sum::<f64>()) as f32
            })
            .collect();
        fade_out(&mut channel);
        let mut response = Self { channels: vec![channel] };
        response.level(rate);
        response
    }

    /// Reads a WAV file (integer or float, any rate) and resamples it to `rate` hertz. Of more than two channels the
    /// first two are used.
    pub fn load(path: &Path, rate: f64) -> Result<Self, ResponseError> {
        let mut reader = hound::WavReader::open(path)?;
        let spec = reader.spec();
        if !RATES.contains(&spec.sample_rate) {
            return Err(ResponseError::Rate(spec.sample_rate));
        }
        let count = usize::from(spec.channels);
        let limit = (f64::from(spec.sample_rate) * LIMIT_SECONDS) as usize * count;
        let cut = reader.len() as usize > limit;
        let interleaved: Vec<f32> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().take(limit).collect::<Result<_, _>>()?,
            hound::SampleFormat::Int => {
                let scale = 2f32.powi(1 - i32::from(spec.bits_per_sample));
                let samples = reader.samples::<i32>().take(limit);
                samples.map(|sample| sample.map(|x| x as f32 * scale)).collect::<Result<_, _>>()?
            }
        };
        if interleaved.iter().all(|x| *x == 0.0) || interleaved.iter().any(|x| !x.is_finite() || x.abs() > 1e6) {
            return Err(ResponseError::NoSound);
        }
        let channels = (0..count.min(2))
            .map(|channel| {
                let samples: Vec<f32> = interleaved.iter().copied().skip(channel).step_by(count).collect();
                let mut resampled = resample(&samples, f64::from(spec.sample_rate), rate);
                if cut {
                    fade_out(&mut resampled);
                }
                resampled
            })
            .collect();
        let mut response = Self { channels };
        response.level(rate);
        Ok(response)
    }

    /// A mono response of given samples, as they are.
    pub fn from_samples(samples: Vec<f32>) -> Self {
        Self { channels: vec![samples] }
    }

    /// The response for an output channel; a mono response serves all of them.
    pub fn channel(&self, index: usize) -> &[f32] {
        self.channels.get(index).or(self.channels.first()).map_or(&[], Vec::as_slice)
    }

    /// Length in frames.
    pub fn frames(&self) -> usize {
        self.channels.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Scales all channels alike to a mean power gain of one over 64 frequencies, evenly spread over six octaves.
    fn level(&mut self, rate: f64) {
        const POINTS: u32 = 64;
        let power: f64 = (0..POINTS)
            .map(|point| 80.0 * 2f64.powf(6.0 * (f64::from(point) + 0.5) / f64::from(POINTS)))
            .flat_map(|frequency| self.channels.iter().map(move |channel| power_at(channel, frequency / rate)))
            .sum();
        let mean = power / (f64::from(POINTS) * self.channels.len() as f64);
        if mean > 0.0 {
            let gain = (1.0 / mean.sqrt()) as f32;
            self.channels.iter_mut().flatten().for_each(|sample| *sample *= gain);
        }
    }
}

fn fade_out(samples: &mut [f32]) {
    let length = samples.len() / FADE_SHARE;
    for (left, sample) in samples.iter_mut().rev().take(length).enumerate() {
        *sample *= left as f32 / length as f32;
    }
}

/// Squared magnitude of a response at `frequency` in cycles a frame.
fn power_at(response: &[f32], frequency: f64) -> f64 {
    let (sin, cos) = (std::f64::consts::TAU * frequency).sin_cos();
    let (mut re, mut im) = (0.0, 0.0);
    let (mut c, mut s) = (1.0, 0.0);
    for sample in response {
        re += f64::from(*sample) * c;
        im += f64::from(*sample) * s;
        (c, s) = (c * cos - s * sin, c * sin + s * cos);
    }
    re * re + im * im
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::magnitude_at;

    fn write(path: &Path, spec: hound::WavSpec, frames: &[[f32; 2]]) {
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for frame in frames {
            for sample in &frame[..usize::from(spec.channels)] {
                match spec.sample_format {
                    hound::SampleFormat::Float => writer.write_sample(*sample).unwrap(),
                    hound::SampleFormat::Int => writer.write_sample((sample * 8_388_607.0) as i32).unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
    }

    fn spec(channels: u16, rate: u32, format: hound::SampleFormat) -> hound::WavSpec {
        let bits_per_sample = if format == hound::SampleFormat::Float { 32 } else { 24 };
        hound::WavSpec { channels, sample_rate: rate, bits_per_sample, sample_format: format }
    }

    /// Band-pass of a guitar speaker: down at 40 Hz and 10 kHz, up at 2.4 kHz, alike at different rates.
    #[test]
    fn built_in_sounds_like_a_cabinet_at_any_rate() {
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            let response = Response::built_in(rate);
            let decibels = |f: f32| 20.0 * magnitude_at(response.channel(0), f, rate as f32).log10();
            assert!(decibels(40.0) < -10.0 && decibels(10_000.0) < -18.0);
            assert!(decibels(2400.0) > 2.0 && decibels(150.0).abs() < 6.0, "{}", decibels(150.0));
        }
    }

    /// A 44.1 kHz stereo float file and a 24-bit mono file, both holding an impulse, used at 48 kHz.
    #[test]
    fn loads_and_resamples_files() {
        let folder = tempfile::tempdir().unwrap();
        let frames: Vec<[f32; 2]> = (0..441).map(|i| if i == 220 { [0.8, -0.4] } else { [0.0, 0.0] }).collect();
        let path = folder.path().join("stereo.wav");
        write(&path, spec(2, 44_100, hound::SampleFormat::Float), &frames);
        let stereo = Response::load(&path, 48_000.0).unwrap();
        assert_eq!(stereo.frames(), 480);
        assert_eq!(crate::dsp::testing::peak_index(stereo.channel(0)), 239);
        let ratio = magnitude_at(stereo.channel(1), 500.0, 48e3) / magnitude_at(stereo.channel(0), 500.0, 48e3);
        assert!((ratio - 0.5).abs() < 1e-3);
        let path = folder.path().join("mono.wav");
        write(&path, spec(1, 48_000, hound::SampleFormat::Int), &frames);
        let mono = Response::load(&path, 48_000.0).unwrap();
        assert!((mono.channel(1)[220] - 1.0).abs() < 1e-3, "an impulse has unit power at every frequency");
    }

    #[test]
    fn refuses_what_is_no_response() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        assert!(matches!(Response::load(&path, 48e3), Err(ResponseError::Unreadable(_))));
        std::fs::write(&path, b"RIFF....WAVEfmt nonsense").unwrap();
        assert!(matches!(Response::load(&path, 48e3), Err(ResponseError::Unreadable(_))));
        write(&path, spec(1, 48_000, hound::SampleFormat::Float), &[]);
        assert!(matches!(Response::load(&path, 48e3), Err(ResponseError::NoSound)));
        write(&path, spec(1, 48_000, hound::SampleFormat::Float), &[[f32::NAN; 2]]);
        assert!(matches!(Response::load(&path, 48e3), Err(ResponseError::NoSound)));
        write(&path, spec(1, 1, hound::SampleFormat::Float), &[[1.0; 2]]);
        assert!(matches!(Response::load(&path, 48e3), Err(ResponseError::Rate(1))));
    }

    /// Three seconds of constant signal end after one, faded to nothing.
    #[test]
    fn long_files_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.wav");
        write(&path, spec(1, 8_000, hound::SampleFormat::Float), &vec![[0.5; 2]; 24_000]);
        let response = Response::load(&path, 8_000.0).unwrap();
        assert_eq!(response.frames(), 8_000);
        assert_eq!(response.channel(0)[7_999], 0.0);
    }
}
