//! The channels that a plugin's buses lead to beside those of a block: silence and room for what nobody hears, and for a
//! plugin that computes in 64 bits, channels of its own that a block's are converted to and from. All made at activation.
#![deny(clippy::disallowed_types)]

use crosspoint_graph::Block;
use vst3::Steinberg::Vst::AudioBusBuffers;

use crate::plugin::{AudioBus, Precision};

/// A bus that is on: which of the plugin's buffers is which of the node's ports.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// Into `buffers` of the call.
    buffer: u32,
    port: u32,
    pub(crate) channels: u32,
    /// The place of its first channel among those of all buses.
    first_channel: u32,
}

impl Route {
    pub(crate) fn buffer(self) -> usize {
        self.buffer as usize
    }

    pub(crate) fn port(self) -> usize {
        self.port as usize
    }

    pub(crate) fn channels(self) -> usize {
        self.channels as usize
    }
}

/// Routes to the buses that are ports of the node: the ones that are on, in order. `buffer` and `channel` are those of the
/// first bus, on or off.
pub(crate) fn routes_of(buses: &[AudioBus], buffer: usize, channel: usize) -> impl Iterator<Item = Route> {
    let starts = buses.iter().scan(channel, |next, bus| {
        let first = *next;
        *next += bus.layout.channels() as usize;
        Some(first)
    });
    let on = buses.iter().zip(starts).enumerate().filter(|(_, (bus, _))| bus.is_port());
    on.enumerate().map(move |(port, (index, (bus, first_channel)))| Route {
        buffer: (buffer + index) as u32,
        port: port as u32,
        channels: bus.layout.channels(),
        first_channel: first_channel as u32,
    })
}

/// Channels of all buses.
pub(crate) fn channels(buses: &[AudioBus]) -> usize {
    buses.iter().map(|bus| bus.layout.channels() as usize).sum()
}

/// What buses lead to where they do not lead to a block.
pub(crate) enum Samples {
    /// Those that are off, and all of them in a call that nobody hears.
    Single(Spare),
    /// All, always.
    Double(Double),
}

impl Samples {
    /// For so many channels in each direction.
    pub(crate) fn new(precision: Precision, inputs: usize, outputs: usize, frames: usize) -> Self {
        match precision {
            Precision::Single => Self::Single(Spare::new(inputs, outputs, frames)),
            Precision::Double => Self::Double(Double::new(inputs, outputs, frames)),
        }
    }

    /// Leads all buses here, with nothing in those of inputs, which come first.
    pub(crate) fn silence(&mut self, buffers: &mut [AudioBusBuffers], inputs: usize) {
        let channels = |buffers: &[AudioBusBuffers]| buffers.iter().map(|buffer| buffer.numChannels as usize).sum();
        let mut place = 0;
        if let Self::Double(double) = self {
            let silent: usize = channels(&buffers[..inputs]);
            double.channels[..silent].iter_mut().for_each(|channel| channel.fill(0.0));
        }
        for buffer in buffers {
            buffer.silenceFlags = u64::MAX;
            match self {
                Self::Single(spare) => {
                    buffer.__field0.channelBuffers32 = spare.pointers.as_mut_ptr().wrapping_add(place);
                }
                Self::Double(double) => {
                    buffer.__field0.channelBuffers64 = double.pointers.as_mut_ptr().wrapping_add(place);
                }
            }
            place += buffer.numChannels as usize;
        }
    }
}

/// Channels that nobody hears: silence to read, and a place to write.
pub(crate) struct Spare {
    pointers: Vec<*mut f32>,
    _silence: Vec<f32>,
    _rubbish: Vec<Vec<f32>>,
}

impl Spare {
    /// For so many input and output channels: inputs share silence, since plugins may not write it; outputs are apart.
    fn new(inputs: usize, outputs: usize, frames: usize) -> Self {
        let mut silence = vec![0.0; frames];
        let mut rubbish = vec![vec![0.0; frames]; outputs];
        let quiet = std::iter::repeat_n(silence.as_mut_ptr(), inputs);
        let pointers = quiet.chain(rubbish.iter_mut().map(|channel| channel.as_mut_ptr())).collect();
        Self { pointers, _silence: silence, _rubbish: rubbish }
    }
}

/// Channels in 64 bits, those of inputs first. Those of buses that are off stay silent.
pub(crate) struct Double {
    pointers: Vec<*mut f64>,
    channels: Vec<Vec<f64>>,
}

impl Double {
    fn new(inputs: usize, outputs: usize, frames: usize) -> Self {
        let mut channels = vec![vec![0.0; frames]; inputs + outputs];
        let pointers = channels.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        Self { pointers, channels }
    }

    /// Takes in what a block holds for the inputs of these routes.
    pub(crate) fn take_in(&mut self, routes: &[Route], block: &Block<'_>) {
        for route in routes {
            let channels = &mut self.channels[route.first_channel as usize..][..route.channels()];
            for (channel, to) in channels.iter_mut().enumerate() {
                let from = block.input(route.port(), channel);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
            }
        }
    }

    /// Writes what the plugin wrote for the outputs of these routes into a block. What no 32 bits can hold is infinite there.
    pub(crate) fn give_out(&self, routes: &[Route], block: &mut Block<'_>) {
        for route in routes {
            let channels = &self.channels[route.first_channel as usize..][..route.channels()];
            for (channel, from) in channels.iter().enumerate() {
                let to = block.output(route.port(), channel);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
            }
        }
    }
}
