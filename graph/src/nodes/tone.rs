//! A test signal. Its phase is a function of the steady frame: never of how often it was called.

use std::f64::consts::TAU;
use std::ops::Range;

use super::ramp::Ramp;
use super::sane_gain;
use super::segment::{self, Segment};
use crate::graph::Node;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// Parameter: frequency in Hz, from 0 to half the rate. The phase goes on where it was.
pub const FREQUENCY: u32 = 0;
/// Parameter: linear peak level, within [`super::MAX_GAIN`] of 0.
pub const LEVEL: u32 = 1;
/// Parameter: a [`Shape`] by its number.
pub const SHAPE: u32 = 2;

/// What sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 0: a sine, from 0 upwards, the same in all channels.
    Sine,
    /// 1: white noise, uniform, another one in each channel.
    Noise,
    /// 2: one frame at the level for each period, the same in all channels.
    Impulses,
}

impl Shape {
    fn from_number(number: f64) -> Option<Self> {
        match number.round() {
            0.0 => Some(Self::Sine),
            1.0 => Some(Self::Noise),
            2.0 => Some(Self::Impulses),
            _ => None,
        }
    }
}

/// What the graph is told of it: a port out.
pub fn node(name: impl Into<String>, layout: ChannelLayout) -> Node {
    Node { audio_outputs: vec![AudioPort::new("out", layout)], ..Node::processor(name) }
}

/// The audio half.
#[derive(Debug)]
pub struct Tone {
    rate: f64,
    shape: Shape,
    level: Ramp,
    /// Phase in turns of 2^64 at the steady frame `origin`, and its advance a frame: exact, and whole turns vanish.
    phase: u64,
    advance: u64,
    origin: u64,
}

/// Frames computed at once before they go to all channels.
const TILE: usize = 64;

impl Tone {
    /// At a sample rate in Hz. Absurd values are brought into range: the frequency into 0 to half the rate.
    pub fn new(rate: f64, shape: Shape, frequency: f64, level: f32) -> Self {
        let level = Ramp::new(sane_gain(f64::from(level)).unwrap_or(0.0));
        Self { rate, shape, level, phase: 0, advance: advance(frequency, rate), origin: 0 }
    }

    fn phase_at(&self, frame: u64) -> u64 {
        self.phase.wrapping_add(frame.wrapping_sub(self.origin).wrapping_mul(self.advance))
    }

    fn sample(&self, channel: usize, frame: u64) -> f32 {
        let phase = self.phase_at(frame);
        let sample = match self.shape {
            Shape::Sine => (turns(phase) * TAU).sin() as f32,
            Shape::Noise => noise(channel as u64, frame),
            Shape::Impulses => f32::from(u8::from(phase < self.advance)),
        };
        sample * self.level.at(frame)
    }
}

/// Advance of the phase a frame, in turns of 2^64.
fn advance(frequency: f64, rate: f64) -> u64 {
    // Rounded up, so that whole periods end at their frame and not one later.
    let turns = (frequency / rate).next_up().clamp(0.0, 0.5);
    // The cast takes what is not a number to 0.
    (turns * 2f64.powi(64)) as u64
}

/// A phase as a fraction of a turn; the lowest 11 bits do not fit.
fn turns(phase: u64) -> f64 {
    (phase >> 11) as f64 * 2f64.powi(-53)
}

/// White noise from -1 to 1: the SplitMix64 generator at position `frame` of a stream. Source: G. Steele, D. Lea and
/// C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) fn noise(stream: u64, frame: u64) -> f32 {
    let mut bits = mix(stream.wrapping_add(1)).wrapping_add(frame.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = mix(bits);
    ((bits >> 40) as i32 - (1 << 23)) as f32 / (1 << 23) as f32
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

impl Segment for Tone {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        match parameter {
            FREQUENCY => {
                self.phase = self.phase_at(frame);
                self.origin = frame;
                self.advance = advance(value, self.rate);
            }
            LEVEL => {
                if let Some(level) = sane_gain(value) {
                    self.level.aim(level, frame);
                }
            }
            SHAPE => self.shape = Shape::from_number(value).unwrap_or(self.shape),
            _ => {}
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let start = block.chunk().steady_frame;
        let mut at = frames.start;
        while at < frames.end {
            let end = frames.end.min(at + TILE);
            let mut tile = [0.0; TILE];
            let tile = &mut tile[..end - at];
            for channel in 0..block.output_channels(0) {
                if channel == 0 || self.shape == Shape::Noise {
                    for (frame, sample) in (start + at as u64..).zip(tile.iter_mut()) {
                        *sample = self.sample(channel, frame);
                    }
                }
                block.output(0, channel)[at..end].copy_from_slice(tile);
            }
            at = end;
        }
    }
}

impl Processor for Tone {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let start = block.chunk().steady_frame;
        if block.events().is_empty() && self.level.is_zero(start) {
            block.clear_outputs();
            return Status::Sleep;
        }
        segment::run(self, &mut block);
        Status::Continue
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::parameter;

    /// A sine of 1 kHz at 48 kHz is that, to the last bits of a float.
    #[test]
    fn a_sine_is_a_sine() {
        let out = Run { outputs: &[2], frames: 480, ..Run::default() }.render(&mut Tone::new(
            48000.0,
            Shape::Sine,
            1000.0,
            0.5,
        ));
        for (frame, sample) in out.channels[0].iter().enumerate() {
            let expected = 0.5 * (frame as f64 / 48.0 * TAU).sin();
            assert!((f64::from(*sample) - expected).abs() < 1e-7, "{frame}");
        }
        assert!(out.channels[0] == out.channels[1]);
    }

    /// Impulses come once a period, from the first frame on; noise fills its range, differs between channels and has no
    /// mean to speak of.
    #[test]
    fn impulses_and_noise() {
        let run = Run { outputs: &[2], frames: 4800, ..Run::default() };
        let out = run.render(&mut Tone::new(48000.0, Shape::Impulses, 100.0, 1.0));
        let at: Vec<usize> = (0..4800).filter(|&frame| out.channels[0][frame] != 0.0).collect();
        assert_eq!(at[..3], [0, 480, 960]);
        assert!(at.iter().all(|&frame| out.channels[0][frame] == 1.0) && at.len() == 10);
        let out = run.render(&mut Tone::new(48000.0, Shape::Noise, 0.0, 1.0));
        let mean = out.channels[0].iter().sum::<f32>() / 4800.0;
        let power = out.channels[0].iter().map(|sample| sample * sample).sum::<f32>() / 4800.0;
        assert!(mean.abs() < 0.03 && (power - 1.0 / 3.0).abs() < 0.02, "{mean} {power}");
        assert!(out.channels[0].iter().all(|sample| (-1.0..1.0).contains(sample)));
        assert!(out.channels[0] != out.channels[1]);
    }

    /// Any partition gives the same bits, through changes of all parameters; level 0 sleeps without losing the phase.
    #[test]
    fn partition_does_not_matter() {
        let events = [
            parameter(50, FREQUENCY, 333.3),
            parameter(120, LEVEL, 0.0),
            parameter(700, LEVEL, 0.8),
            parameter(900, SHAPE, 1.0),
            parameter(950, FREQUENCY, f64::NAN),
            parameter(1000, SHAPE, 0.0),
        ];
        let run = Run { outputs: &[2], frames: 1100, events: &events, ..Run::default() };
        let tone = || Tone::new(44100.0, Shape::Sine, 5000.0, 1.0);
        let whole = Run { chunks: &[1100], ..run }.render(&mut tone()).channels;
        for chunks in [&[64][..], &[1, 100, 31]] {
            let out = Run { chunks, ..run }.render(&mut tone());
            assert!(whole == out.channels, "{chunks:?}");
            assert!(out.chunks.contains(&(true, Status::Sleep)));
        }
    }
}
