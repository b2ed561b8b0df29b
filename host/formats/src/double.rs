//! Channels of 64-bit samples for a plugin that computes in them: a block's are converted to and from these. Made at
//! activation; knows no format.
#![deny(clippy::disallowed_types)]

use crosspoint_graph::Block;

/// So many channels, those of inputs first. Those that nobody writes stay silent.
pub(crate) struct DoubleChannels {
    pointers: Vec<*mut f64>,
    channels: Vec<Vec<f64>>,
}

/// Where the channels of a port of the block stand among these.
#[derive(Clone, Copy)]
pub(crate) struct DoublePort {
    pub port: usize,
    pub first_channel: usize,
    pub channels: usize,
}

impl DoubleChannels {
    /// For so many channels and frames.
    pub(crate) fn new(channels: usize, frames: usize) -> Self {
        let mut channels = vec![vec![0.0; frames]; channels];
        let pointers = channels.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        Self { pointers, channels }
    }

    /// Pointers to the channels from that one on. The channels stay where they are.
    pub(crate) fn pointers(&mut self, first_channel: usize) -> *mut *mut f64 {
        self.pointers.as_mut_ptr().wrapping_add(first_channel)
    }

    /// Silences the first channels.
    pub(crate) fn silence(&mut self, channels: usize) {
        self.channels[..channels].iter_mut().for_each(|channel| channel.fill(0.0));
    }

    /// Takes in what a block holds for inputs.
    pub(crate) fn take_in(&mut self, inputs: impl Iterator<Item = DoublePort>, block: &Block<'_>) {
        for DoublePort { port, first_channel, channels } in inputs {
            for (channel, to) in self.channels[first_channel..][..channels].iter_mut().enumerate() {
                let from = block.input(port, channel);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
            }
        }
    }

    /// Writes what the plugin wrote for outputs into a block. What no 32 bits can hold is infinite there.
    pub(crate) fn give_out(&self, outputs: impl Iterator<Item = DoublePort>, block: &mut Block<'_>) {
        for DoublePort { port, first_channel, channels } in outputs {
            for (channel, from) in self.channels[first_channel..][..channels].iter().enumerate() {
                let to = block.output(port, channel);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
            }
        }
    }
}
