//! The channels that a plugin's buses lead to beside those of a block: silence and room for what nobody hears, and for a
//! plugin that computes in 64 bits, channels of its own that a block's are converted to and from. All made at activation.
#![deny(clippy::disallowed_types)]

use vst3::Steinberg::Vst::AudioBusBuffers;

use crate::double::{DoubleChannels, DoublePort};
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

    pub(crate) fn double(&self) -> DoublePort {
        DoublePort { port: self.port(), first_channel: self.first_channel as usize, channels: self.channels() }
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
    Double(DoubleChannels),
}

impl Samples {
    /// For so many channels in each direction.
    pub(crate) fn new(precision: Precision, inputs: usize, outputs: usize, frames: usize) -> Self {
        match precision {
            Precision::Single => Self::Single(Spare::new(inputs, outputs, frames)),
            Precision::Double => Self::Double(DoubleChannels::new(inputs + outputs, frames)),
        }
    }

    /// Leads all buses here, with nothing in those of inputs, which come first.
    pub(crate) fn silence(&mut self, buffers: &mut [AudioBusBuffers], inputs: usize) {
        let channels = |buffers: &[AudioBusBuffers]| buffers.iter().map(|buffer| buffer.numChannels as usize).sum();
        let mut place = 0;
        if let Self::Double(double) = self {
            double.silence(channels(&buffers[..inputs]));
        }
        for buffer in buffers {
            buffer.silenceFlags = u64::MAX;
            match self {
                Self::Single(spare) => {
                    buffer.__field0.channelBuffers32 = spare.pointers.as_mut_ptr().wrapping_add(place);
                }
                Self::Double(double) => {
                    buffer.__field0.channelBuffers64 = double.pointers(place);
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
