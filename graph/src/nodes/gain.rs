//! One gain for all channels of a port. Works in place; never touches a channel that is silent.

use std::ops::Range;

use super::ramp::Ramp;
use super::sane_gain;
use super::segment::{self, Segment};
use crate::graph::{Alignment, Node};
use crate::kernels::Kernels;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// Parameter: linear gain, negative for inverted polarity, within [`super::MAX_GAIN`] of 0.
pub const GAIN: u32 = 0;

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

/// The audio half.
#[derive(Debug)]
pub struct Gain {
    gain: Ramp,
    kernels: &'static Kernels,
    /// Steady frame until which it needs more than one multiplication: the end of a ramp; for ever if at rest at 0.
    care_until: u64,
}

impl Gain {
    /// At a linear gain.
    pub fn new(gain: f32) -> Self {
        let gain = Ramp::new(gain);
        Self { gain, kernels: Kernels::best(), care_until: care_until(&gain) }
    }
}

fn care_until(gain: &Ramp) -> u64 {
    if gain.target() == 0.0 { u64::MAX } else { gain.end() }
}

impl Segment for Gain {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        if let (GAIN, Some(gain)) = (parameter, sane_gain(value)) {
            self.gain.aim(gain, frame);
            self.care_until = care_until(&self.gain);
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        for channel in 0..block.output_channels(0) {
            self.gain.scale(block, self.kernels, (0, channel), (0, channel), frames.clone());
        }
    }
}

impl Processor for Gain {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        if block.events().is_empty() && !self.gain.is_moving(block.chunk().steady_frame) {
            block.gain_all(self.kernels, self.gain.target());
        } else {
            segment::run(self, &mut block);
            for channel in 0..block.output_channels(0) {
                if block.input_is_silent(0, channel) {
                    block.clear_output(0, channel);
                }
            }
        }
        Status::Tail(0)
    }

    fn process_plain(&mut self, block: Block<'_>) {
        if block.chunk().steady_frame >= self.care_until {
            block.gain_sounding(self.kernels, self.gain.target());
        } else {
            self.process(block);
        }
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::RAMP_FRAMES;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::{noise, parameter};

    /// A gain of one half, a change to silence at frame 100, and rest at exactly 0 after the ramp.
    #[test]
    fn ramps_from_the_frame_of_its_event() {
        let samples = [vec![1.0; 512], vec![-1.0; 512]];
        let events = [parameter(100, GAIN, 0.0)];
        let run =
            Run { inputs: &[2], outputs: &[2], samples: &samples, frames: 512, events: &events, ..Run::default() };
        let out = run.render(&mut Gain::new(0.5));
        let (left, right) = (&out.channels[0], &out.channels[1]);
        assert!(left[..=100].iter().all(|&sample| sample == 0.5));
        assert_eq!(left[100 + RAMP_FRAMES as usize / 2], 0.25);
        assert!(left[100 + RAMP_FRAMES as usize..].iter().all(|&sample| sample == 0.0));
        assert!(left.iter().zip(right).all(|(left, right)| *left == -right));
        assert!(left.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= 0.5 / RAMP_FRAMES as f32 + 1e-6));
        let marked: Vec<bool> = out.chunks.iter().map(|chunk| chunk.0).collect();
        assert_eq!(marked, [false, false, false, false, false, false, true, true]);
    }

    /// The same bits for any partition, in place or not; nonsense for a value changes nothing.
    #[test]
    fn partition_does_not_matter() {
        let samples = [noise(1, 1000), noise(2, 1000)];
        let events = [
            parameter(77, GAIN, 1.5),
            parameter(200, GAIN, -0.3),
            parameter(200, GAIN, f64::NAN),
            parameter(613, GAIN, 1.0),
        ];
        let run =
            Run { inputs: &[2], outputs: &[2], samples: &samples, frames: 1000, events: &events, ..Run::default() };
        let whole = Run { chunks: &[1000], ..run }.render(&mut Gain::new(0.7)).channels;
        for (chunks, in_place) in [(&[64][..], false), (&[1, 7, 130][..], true), (&[3][..], true)] {
            assert!(whole == Run { chunks, in_place, ..run }.render(&mut Gain::new(0.7)).channels, "{chunks:?}");
        }
        assert_eq!(whole[0][900..], samples[0][900..]);
    }

    /// A silent channel comes out marked, beside one that sounds.
    #[test]
    fn silence_stays_silence() {
        let samples = [vec![0.0; 64], vec![0.0; 64]];
        let run = Run { inputs: &[2], outputs: &[2], samples: &samples, frames: 64, ..Run::default() };
        assert_eq!(run.render(&mut Gain::new(2.0)).chunks, [(true, Status::Tail(0))]);
    }
}
