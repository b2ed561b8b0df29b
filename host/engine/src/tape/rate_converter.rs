//! Another sample rate for a stream of interleaved samples, by the same windowed-sinc filter as offline, without delay: what
//! the filter is late is taken out, and the result is as long as the source.

use super::error::TapeError;
use crate::offline::wav::even_chunk;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// A converter; of equal rates it hands everything on as it is.
pub(crate) struct RateConverter {
    filter: Option<Filter>,
    from: u32,
    to: u32,
    channels: usize,
    taken: u64,
    given: u64,
}

struct Filter {
    resampler: Fft<f32>,
    /// Interleaved input that is not yet enough for a step.
    waiting: Vec<f32>,
    result: Vec<f32>,
    /// Frames of delay that are still to be left out.
    delay: usize,
}

impl RateConverter {
    /// From one rate to another.
    pub fn new(from: u32, to: u32, channels: usize) -> Result<Self, TapeError> {
        let filter = (from != to).then(|| Filter::new(from, to, channels)).transpose()?;
        Ok(Self { filter, from, to, channels, taken: 0, given: 0 })
    }

    /// Converts more of the stream; what comes of it is appended.
    pub fn push(&mut self, samples: &[f32], converted: &mut Vec<f32>) -> Result<(), TapeError> {
        self.taken += (samples.len() / self.channels) as u64;
        let before = converted.len();
        match &mut self.filter {
            None => converted.extend_from_slice(samples),
            Some(filter) => {
                filter.waiting.extend_from_slice(samples);
                filter.run(self.channels, converted).map_err(|reason| failed(self.from, self.to, reason))?;
            }
        }
        self.given += ((converted.len() - before) / self.channels) as u64;
        Ok(())
    }

    /// Converts what is left, so that as much has come out as went in.
    pub fn finish(&mut self, converted: &mut Vec<f32>) -> Result<(), TapeError> {
        let Some(filter) = &mut self.filter else { return Ok(()) };
        let wanted = (u128::from(self.taken) * u128::from(self.to)).div_ceil(u128::from(self.from)) as u64;
        let missing = usize::try_from(wanted.saturating_sub(self.given)).unwrap_or(usize::MAX);
        let end = converted.len() + missing.saturating_mul(self.channels);
        while converted.len() < end {
            let step = filter.resampler.input_frames_next() * self.channels;
            filter.waiting.resize(filter.waiting.len().max(step), 0.0);
            filter.run(self.channels, converted).map_err(|reason| failed(self.from, self.to, reason))?;
        }
        converted.truncate(end);
        self.given = wanted;
        Ok(())
    }
}

fn failed(from: u32, to: u32, reason: String) -> TapeError {
    TapeError::Rates { from, to, reason }
}

impl Filter {
    fn new(from: u32, to: u32, channels: usize) -> Result<Self, TapeError> {
        let (chunk, window) = (even_chunk(from, to), WindowFunction::BlackmanHarris2);
        let resampler = Fft::new_custom(from as usize, to as usize, chunk, 1, channels, window, FixedSync::Both);
        let resampler = resampler.map_err(|error| failed(from, to, error.to_string()))?;
        let (waiting, result) = (Vec::new(), vec![0.0; resampler.output_frames_max() * channels]);
        let delay = resampler.output_delay();
        Ok(Self { resampler, waiting, result, delay })
    }

    /// Takes as many steps as there is input for.
    fn run(&mut self, channels: usize, converted: &mut Vec<f32>) -> Result<(), String> {
        let mut done = 0;
        loop {
            let frames = self.resampler.input_frames_next();
            let Some(step) = self.waiting.get(done..done + frames * channels) else { break };
            let room = self.result.len() / channels;
            let input = InterleavedSlice::new(step, channels, frames).map_err(|error| error.to_string())?;
            let output = InterleavedSlice::new_mut(&mut self.result, channels, room);
            let mut output = output.map_err(|error| error.to_string())?;
            let result = self.resampler.process_into_buffer(&input, &mut output, None);
            let (_, given) = result.map_err(|error| error.to_string())?;
            let late = self.delay.min(given);
            self.delay -= late;
            converted.extend_from_slice(&self.result[late * channels..given * channels]);
            done += frames * channels;
        }
        self.waiting.drain(..done);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sines keep their place and level, whatever pieces they come in, and last as long as they did.
    #[test]
    fn a_sine_keeps_its_place_length_and_level() {
        for (from, to) in [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 48_000)] {
            let sine = |rate: u32, frame: usize, pitch: f64| {
                (frame as f64 * pitch * std::f64::consts::TAU / f64::from(rate)).sin() as f32
            };
            let source: Vec<f32> =
                (0..from as usize).flat_map(|frame| [sine(from, frame, 440.0), sine(from, frame, 1000.0)]).collect();
            let mut converter = RateConverter::new(from, to, 2).unwrap();
            let mut converted = Vec::new();
            let mut rest = &source[..];
            for size in [1, 999, 17, 4096].into_iter().cycle() {
                let (piece, others) = rest.split_at((2 * size).min(rest.len()));
                converter.push(piece, &mut converted).unwrap();
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            converter.finish(&mut converted).unwrap();
            assert_eq!(converted.len(), 2 * to as usize, "{from} to {to}");
            // The edges ring, as those of every filter.
            let worst = (2000..to as usize - 2000)
                .map(|frame| {
                    let [left, right] = [converted[2 * frame], converted[2 * frame + 1]];
                    (left - sine(to, frame, 440.0)).abs().max((right - sine(to, frame, 1000.0)).abs())
                })
                .fold(0.0, f32::max);
            assert!(worst < 1e-3, "{from} to {to}: off by {worst}");
        }
    }
}
