//! Mixes input ports to output ports by a gain for each pair of an input and an output channel. Sums in the order of
//! the inputs; never reads a channel that is silent or whose gain is 0.

use std::ops::Range;

use super::ramp::Ramp;
use super::sane_gain;
use super::segment::{self, Segment};
use crate::graph::{Alignment, Node};
use crate::kernels::Kernels;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// What the graph is told of it: ports in and ports out, `in 1`, `in 2`, ..., `out 1`, ...
pub fn node(name: impl Into<String>, inputs: &[ChannelLayout], outputs: &[ChannelLayout]) -> Node {
    let ports = |word: &str, layouts: &[ChannelLayout]| {
        let port = |(index, &layout)| AudioPort::new(format!("{word} {}", index + 1), layout);
        layouts.iter().enumerate().map(port).collect()
    };
    Node {
        audio_inputs: ports("in", inputs),
        audio_outputs: ports("out", outputs),
        alignment: Alignment::Node,
        bypassable: true,
        ..Node::processor(name)
    }
}

/// The audio half. Input and output channels are counted through all ports.
#[derive(Debug)]
pub struct Mixer {
    /// Port and channel of each input channel.
    inputs: Box<[(usize, usize)]>,
    outputs: Box<[(usize, usize)]>,
    /// Gains of each output's inputs, output after output.
    gains: Box<[Ramp]>,
    kernels: &'static Kernels,
}

impl Mixer {
    /// With all gains at 0.
    pub fn new(inputs: &[ChannelLayout], outputs: &[ChannelLayout]) -> Self {
        let (inputs, outputs) = (places(inputs), places(outputs));
        let gains = vec![Ramp::new(0.0); inputs.len() * outputs.len()].into();
        Self { inputs, outputs, gains, kernels: Kernels::best() }
    }

    /// With a gain set from the start; without effect for channels that do not exist.
    pub fn with_gain(mut self, input: usize, output: usize, gain: f32) -> Self {
        if input < self.inputs.len() && output < self.outputs.len() {
            self.gains[output * self.inputs.len() + input] = Ramp::new(gain);
        }
        self
    }

    /// Parameter: linear gain from an input to an output channel, within [`super::MAX_GAIN`] of 0.
    pub fn parameter(&self, input: usize, output: usize) -> u32 {
        (output * self.inputs.len() + input) as u32
    }

    fn gains(&self, output: usize) -> &[Ramp] {
        &self.gains[output * self.inputs.len()..][..self.inputs.len()]
    }
}

/// Port and channel of every channel.
fn places(layouts: &[ChannelLayout]) -> Box<[(usize, usize)]> {
    let channels =
        |(port, layout): (usize, &ChannelLayout)| (0..layout.channels() as usize).map(move |channel| (port, channel));
    layouts.iter().enumerate().flat_map(channels).collect()
}

impl Segment for Mixer {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        if let (Some(ramp), Some(gain)) = (self.gains.get_mut(parameter as usize), sane_gain(value)) {
            ramp.aim(gain, frame);
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        for (index, &output) in self.outputs.iter().enumerate() {
            block.output(output.0, output.1)[frames.clone()].fill(0.0);
            for (&input, gain) in self.inputs.iter().zip(self.gains(index)) {
                if !block.input_is_silent(input.0, input.1) {
                    gain.add(block, self.kernels, input, output, frames.clone());
                }
            }
        }
    }
}

impl Processor for Mixer {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        segment::run(self, &mut block);
        let first = block.chunk().steady_frame;
        for (index, output) in self.outputs.iter().enumerate() {
            let mut sources = self.inputs.iter().zip(self.gains(index));
            if sources.all(|(input, gain)| gain.is_zero(first) || block.input_is_silent(input.0, input.1)) {
                block.set_output_silent(output.0, output.1);
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

    const LAYOUTS: [ChannelLayout; 2] = [ChannelLayout::Stereo, ChannelLayout::Mono];

    /// ```text
    ///         left  right  mono
    /// out 0    1            0.5      the sums, in this order
    /// out 1          1      0 -> 2
    /// out 2                          nothing: marked silent
    /// ```
    #[test]
    fn sums_in_order_for_any_partition() {
        let samples = [noise(1, 900), noise(2, 900), noise(3, 900)];
        let mixer = || {
            Mixer::new(&LAYOUTS, &[ChannelLayout::Discrete(3)])
                .with_gain(0, 0, 1.0)
                .with_gain(2, 0, 0.5)
                .with_gain(1, 1, 1.0)
        };
        let events = [parameter(100, mixer().parameter(2, 1), 2.0)];
        let run =
            Run { inputs: &[2, 1], outputs: &[3], samples: &samples, frames: 900, events: &events, ..Run::default() };
        let whole = Run { chunks: &[900], ..run }.render(&mut mixer()).channels;
        for chunks in [&[64][..], &[5, 77]] {
            assert!(whole == Run { chunks, ..run }.render(&mut mixer()).channels, "{chunks:?}");
        }
        for frame in 0..900 {
            let [left, right, mono] = [0, 1, 2].map(|channel| samples[channel][frame]);
            assert!((whole[0][frame] - (left + 0.5 * mono)).abs() < 1e-6);
            match frame {
                0..=100 => assert_eq!(whole[1][frame], right),
                356.. => assert!((whole[1][frame] - (right + 2.0 * mono)).abs() < 1e-6),
                _ => {}
            }
            assert_eq!(whole[2][frame], 0.0);
        }
    }

    /// An output is marked silent exactly if all that reaches it is.
    #[test]
    fn silent_inputs_make_silent_outputs() {
        let samples = [vec![0.0; 64], vec![1.0; 64], vec![0.0; 64]];
        let run = Run { inputs: &[2, 1], outputs: &[1], samples: &samples, frames: 64, ..Run::default() };
        let marked =
            |input| run.render(&mut Mixer::new(&LAYOUTS, &[ChannelLayout::Mono]).with_gain(input, 0, 1.0)).chunks[0].0;
        assert_eq!([marked(0), marked(1), marked(2)], [true, false, true]);
    }
}
