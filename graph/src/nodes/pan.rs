//! Places a mono or stereo signal between left and right.
//!
//! Mono: constant power, the sine-cosine law: left = cos a, right = sin a, with the angle a going from 0 (left) by
//! pi/4 (centre, -3 dB each) to pi/2 (right), so that left² + right² = 1 everywhere. Source: C. Roads, "The Computer
//! Music Tutorial", MIT Press 1996, chapter 11, "Constant power panning".
//!
//! Stereo: a balance by the same law, raised by 3 dB and never above 1: both sides are untouched at the centre, the one
//! turned to stays so, the other one fades by √2 cos a.

use std::f64::consts::{FRAC_PI_4, SQRT_2};
use std::ops::Range;

use super::ramp::Ramp;
use super::segment::{self, Segment};
use crate::graph::Node;
use crate::kernels::Kernels;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// Parameter: position from -1 (left) to 1 (right).
pub const POSITION: u32 = 0;

/// What is panned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One channel.
    Mono,
    /// Left and right.
    Stereo,
}

/// What the graph is told of it: a mono or stereo port in, a stereo port out.
pub fn node(name: impl Into<String>, source: Source) -> Node {
    let layout = match source {
        Source::Mono => ChannelLayout::Mono,
        Source::Stereo => ChannelLayout::Stereo,
    };
    Node {
        audio_inputs: vec![AudioPort::new("in", layout)],
        audio_outputs: vec![AudioPort::new("out", ChannelLayout::Stereo)],
        bypassable: true,
        ..Node::processor(name)
    }
}

/// The audio half.
#[derive(Debug)]
pub struct Pan {
    source: Source,
    gains: [Ramp; 2],
    kernels: &'static Kernels,
}

impl Pan {
    /// At a position from -1 to 1.
    pub fn new(source: Source, position: f64) -> Self {
        Self { source, gains: gains(source, position).map(Ramp::new), kernels: Kernels::best() }
    }

    /// The input channel that an output channel comes from.
    fn input(&self, output: usize) -> usize {
        match self.source {
            Source::Mono => 0,
            Source::Stereo => output,
        }
    }
}

/// Gains of left and right at a position.
fn gains(source: Source, position: f64) -> [f32; 2] {
    // Where the sine-cosine law is exact, rounding must not say otherwise: hard sides are 0 and 1.
    let angle = (position.clamp(-1.0, 1.0) + 1.0) * FRAC_PI_4;
    let (left, right) = match position {
        p if p <= -1.0 => (1.0, 0.0),
        p if p >= 1.0 => (0.0, 1.0),
        _ => (angle.cos(), angle.sin()),
    };
    match source {
        Source::Mono => [left as f32, right as f32],
        Source::Stereo if position == 0.0 => [1.0, 1.0],
        Source::Stereo => [(left * SQRT_2).min(1.0) as f32, (right * SQRT_2).min(1.0) as f32],
    }
}

impl Segment for Pan {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        if parameter == POSITION && !value.is_nan() {
            for (ramp, gain) in self.gains.iter_mut().zip(gains(self.source, value)) {
                ramp.aim(gain, frame);
            }
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        for (output, gain) in self.gains.iter().enumerate() {
            gain.scale(block, self.kernels, (0, self.input(output)), (0, output), frames.clone());
        }
    }
}

impl Processor for Pan {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        segment::run(self, &mut block);
        for output in 0..2 {
            let zero = self.gains[output].is_zero(block.chunk().steady_frame);
            if zero || block.input_is_silent(0, self.input(output)) {
                block.clear_output(0, output);
            }
        }
        Status::Tail(0)
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::{noise, parameter};

    /// Power is constant for mono; stereo is untouched at the centre and on the side turned to.
    #[test]
    fn the_law() {
        for step in -20..=20 {
            let position = f64::from(step) / 20.0;
            let [left, right] = gains(Source::Mono, position).map(f64::from);
            assert!((left * left + right * right - 1.0).abs() < 1e-6, "{position}");
            let [left, right] = gains(Source::Stereo, position);
            assert_eq!(if position <= 0.0 { left } else { right }, 1.0, "{position}");
        }
        assert_eq!(gains(Source::Mono, -1.0), [1.0, 0.0]);
        assert_eq!(gains(Source::Mono, 7.0), [0.0, 1.0]);
        assert_eq!(gains(Source::Stereo, 1.0), [0.0, 1.0]);
    }

    /// A mono input moving from left to right: any partition gives the same bits, and the left falls silent.
    #[test]
    fn moves_and_rests() {
        let samples = [noise(1, 800)];
        let events = [parameter(33, POSITION, 1.0)];
        let run =
            Run { inputs: &[1], outputs: &[2], samples: &samples, frames: 800, events: &events, ..Run::default() };
        let whole = Run { chunks: &[800], ..run }.render(&mut Pan::new(Source::Mono, -1.0)).channels;
        assert!(whole == Run { chunks: &[13, 64], ..run }.render(&mut Pan::new(Source::Mono, -1.0)).channels);
        assert_eq!(whole[0][..33], samples[0][..33]);
        assert_eq!(whole[1][300..], samples[0][300..]);
        assert!(whole[0][300..].iter().all(|&sample| sample == 0.0));
    }
}
