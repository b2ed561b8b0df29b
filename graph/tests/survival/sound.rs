//! Processors that say what they do in a line each, frame by frame, so that the renderer and the naive interpreter can run
//! the very same arithmetic. None of them cares where blocks begin.

use crosspoint_graph::{Block, Processor, Status};

/// The most channels that a node of these tests has on one side, over all its ports.
pub const MOST_CHANNELS: usize = 32;

/// What a node does to a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sound {
    /// Output c is input c times a gain; inputs are used again where there are fewer.
    Gain(f32),
    /// One-pole low-pass of the same.
    OnePole(f32),
    /// The same, as much later as the node says it is.
    Delay(u32),
    /// Noise, another one in each channel.
    Noise(u32),
    /// Each output is the sum of all inputs.
    Sum,
}

/// A sound with its memory.
#[derive(Clone, Debug)]
pub struct Voice {
    sound: Sound,
    inputs: usize,
    memory: Vec<f32>,
    at: usize,
}

impl Voice {
    pub fn new(sound: Sound, inputs: usize, outputs: usize) -> Self {
        let length = match sound {
            Sound::OnePole(_) => outputs,
            Sound::Delay(frames) => inputs * frames as usize,
            _ => 0,
        };
        Self { sound, inputs, memory: vec![0.0; length], at: 0 }
    }

    /// One frame.
    pub fn tick(&mut self, frame: u64, inputs: &[f32], outputs: &mut [f32]) {
        let input = |channel: usize| if inputs.is_empty() { 0.0 } else { inputs[channel % inputs.len()] };
        match self.sound {
            Sound::Gain(gain) => {
                for (channel, output) in outputs.iter_mut().enumerate() {
                    *output = gain * input(channel);
                }
            }
            Sound::OnePole(weight) => {
                for (channel, output) in outputs.iter_mut().enumerate() {
                    let state = &mut self.memory[channel];
                    *state += weight * (input(channel) - *state);
                    *output = *state;
                }
            }
            Sound::Delay(0) => {
                for (channel, output) in outputs.iter_mut().enumerate() {
                    *output = input(channel);
                }
            }
            Sound::Delay(frames) => {
                let past = &mut self.memory[self.at * self.inputs..][..self.inputs];
                for (channel, output) in outputs.iter_mut().enumerate() {
                    *output = if past.is_empty() { 0.0 } else { past[channel % past.len()] };
                }
                past.copy_from_slice(inputs);
                self.at = (self.at + 1) % frames as usize;
            }
            Sound::Noise(seed) => {
                for (channel, output) in outputs.iter_mut().enumerate() {
                    *output = noise(u64::from(seed) << 8 | channel as u64, frame);
                }
            }
            Sound::Sum => outputs.fill(inputs.iter().fold(0.0, |sum, input| sum + input)),
        }
        // Loops with a gain above 1 must not run away.
        outputs.iter_mut().for_each(|output| *output = output.clamp(-8.0, 8.0));
    }

    /// What it says of being called while its inputs are silent.
    fn status(&self) -> Status {
        match self.sound {
            Sound::Gain(_) | Sound::Sum => Status::Sleep,
            Sound::Delay(frames) => Status::Tail(frames),
            Sound::OnePole(_) | Sound::Noise(_) => Status::Continue,
        }
    }
}

/// White noise in -1..1: multiplication and shifts of the frame and a seed.
pub fn noise(seed: u64, frame: u64) -> f32 {
    let mut bits = (frame + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (seed + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 32;
    (bits & 0xff_ffff) as f32 / (1 << 23) as f32 - 1.0
}

impl Processor for Voice {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let (mut inputs, mut outputs) = ([0.0; MOST_CHANNELS], [0.0; MOST_CHANNELS]);
        for frame in 0..block.frames() {
            let mut channels = 0;
            for port in 0..block.input_ports() {
                for channel in 0..block.input_channels(port) {
                    inputs[channels] = block.input(port, channel)[frame];
                    channels += 1;
                }
            }
            let written: usize = (0..block.output_ports()).map(|port| block.output_channels(port)).sum();
            let steady = block.chunk().steady_frame + frame as u64;
            self.tick(steady, &inputs[..channels], &mut outputs[..written]);
            let mut next = outputs.iter();
            for port in 0..block.output_ports() {
                for channel in 0..block.output_channels(port) {
                    block.output(port, channel)[frame] = *next.next().unwrap();
                }
            }
        }
        self.status()
    }
}
