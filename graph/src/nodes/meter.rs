//! Passes its input on and publishes its level. Never changes a sample and never waits for who reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::graph::{Alignment, Node};
use crate::kernels::Kernels;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// What the graph is told of it: a port in, a port out.
pub fn node(name: impl Into<String>, layout: ChannelLayout) -> Node {
    Node {
        audio_inputs: vec![AudioPort::new("in", layout)],
        audio_outputs: vec![AudioPort::new("out", layout)],
        in_place: true,
        alignment: Alignment::Channels,
        bypassable: true,
        ..Node::processor(name)
    }
}

/// Levels of all channels, written by the meter at the end of each of its windows, read by any thread.
#[derive(Debug)]
pub struct Levels {
    channels: Box<[Level]>,
}

/// Bits of floats that are at least 0: these are ordered as the floats are.
#[derive(Debug, Default)]
struct Level {
    peak: AtomicU32,
    rms: AtomicU32,
}

impl Levels {
    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The greatest magnitude of a channel since the last call, linear; 0 for a channel that does not exist. For one
    /// reader: it starts anew.
    pub fn take_peak(&self, channel: usize) -> f32 {
        self.channels.get(channel).map_or(0.0, |level| f32::from_bits(level.peak.swap(0, Ordering::Relaxed)))
    }

    /// The root of the mean square of a channel over the last whole window, linear: 0.707 for a sine of 1. 0 for a
    /// channel that does not exist.
    pub fn rms(&self, channel: usize) -> f32 {
        self.channels.get(channel).map_or(0.0, |level| f32::from_bits(level.rms.load(Ordering::Relaxed)))
    }
}

/// Of one channel in the current window.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    peak: f32,
    squares: f64,
}

/// The audio half.
#[derive(Debug)]
pub struct Meter {
    levels: Arc<Levels>,
    sums: Box<[Sum]>,
    window: u32,
    measured: u32,
    kernels: &'static Kernels,
}

impl Meter {
    /// For so many channels, publishing every `window` frames (at least 1).
    pub fn new(channels: usize, window: u32) -> Self {
        let levels = Levels { channels: (0..channels).map(|_| Level::default()).collect() };
        Self {
            levels: Arc::new(levels),
            sums: vec![Sum::default(); channels].into(),
            window: window.max(1),
            measured: 0,
            kernels: Kernels::best(),
        }
    }

    /// What it publishes.
    pub fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.levels)
    }

    fn publish(&mut self) {
        for (sum, level) in self.sums.iter_mut().zip(&self.levels.channels) {
            let rms = (sum.squares / f64::from(self.window)).sqrt() as f32;
            level.peak.fetch_max(sum.peak.to_bits(), Ordering::Relaxed);
            level.rms.store(rms.to_bits(), Ordering::Relaxed);
            *sum = Sum::default();
        }
        self.measured = 0;
    }

    fn measure(&mut self, block: &Block<'_>) {
        let (frames, channels) = (block.frames(), block.input_channels(0).min(self.sums.len()));
        let mut at = 0;
        while at < frames {
            let end = frames.min(at + (self.window - self.measured) as usize);
            for (channel, sum) in self.sums[..channels].iter_mut().enumerate() {
                if !block.input_is_silent(0, channel) {
                    let (peak, squares) = block.measure(self.kernels, (0, channel), at..end);
                    sum.peak = sum.peak.max(peak);
                    sum.squares += squares;
                }
            }
            self.measured += (end - at) as u32;
            if self.measured == self.window {
                self.publish();
            }
            at = end;
        }
    }
}

impl Processor for Meter {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        self.measure(&block);
        for channel in 0..block.output_channels(0) {
            if block.input_is_silent(0, channel) {
                block.clear_output(0, channel);
            } else {
                block.through((0, channel), (0, channel));
            }
        }
        // Two windows of silence, so that the last one published before the sleep is a silent one from end to end.
        Status::Tail(self.window.saturating_mul(2).min(u32::MAX - 1))
    }

    fn reset(&mut self) {
        self.sums.fill(Sum::default());
        self.publish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::noise;

    /// A sine of 1 reads 1 and 0.707, silence 0; the samples pass as they are.
    #[test]
    fn reads_what_is_there() {
        let sine: Vec<f32> = (0..4800).map(|frame| (frame as f32 * std::f32::consts::TAU / 48.0).sin()).collect();
        let samples = [sine, vec![0.0; 4800]];
        for (chunks, in_place) in [(&[64][..], true), (&[1000, 17][..], false)] {
            let mut meter = Meter::new(2, 480);
            let levels = meter.levels();
            let run = Run {
                inputs: &[2],
                outputs: &[2],
                samples: &samples,
                frames: 4800,
                chunks,
                in_place,
                ..Run::default()
            };
            assert!(run.render(&mut meter).channels == samples);
            assert!((levels.take_peak(0) - 1.0).abs() < 1e-6);
            assert_eq!(levels.take_peak(0), 0.0);
            assert!((levels.rms(0) - 0.5f32.sqrt()).abs() < 1e-4);
            assert_eq!((levels.take_peak(1), levels.rms(1), levels.take_peak(7)), (0.0, 0.0, 0.0));
        }
    }

    /// A peak of one frame anywhere is not missed, and the mean square forgets it with its window.
    #[test]
    fn one_frame_is_enough() {
        let mut samples = [noise(1, 1000)];
        samples[0].iter_mut().for_each(|sample| *sample *= 0.1);
        samples[0][300] = -3.0;
        let mut meter = Meter::new(1, 100);
        let levels = meter.levels();
        let run = Run { inputs: &[1], outputs: &[1], samples: &samples, frames: 1000, chunks: &[33], ..Run::default() };
        run.render(&mut meter);
        assert_eq!(levels.take_peak(0), 3.0);
        assert!(levels.rms(0) < 0.1);
    }
}
