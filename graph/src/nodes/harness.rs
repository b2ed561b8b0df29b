//! Runs a processor without a renderer, for tests: any partition into chunks, events by absolute frame, and checks of
//! what every processor must keep to.

use assert_no_alloc::assert_no_alloc;

use crate::event::{Event, EventList, SysExPool};
use crate::rt::{Block, ChannelRange, Channels, Chunk, NodeIo, Silence};
use crate::{Processor, Status, Transport};

/// What came out of a run.
pub(crate) struct Rendered {
    /// The output channels, port after port.
    pub channels: Vec<Vec<f32>>,
    /// Whether all outputs were marked silent, and the status, of each chunk.
    pub chunks: Vec<(bool, Status)>,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Channels of each input port.
    pub inputs: &'a [u32],
    /// Channels of each output port.
    pub outputs: &'a [u32],
    /// Whether output channel n shares the buffer of input channel n.
    pub in_place: bool,
    /// The samples of all input channels; their length is the run's.
    pub samples: &'a [Vec<f32>],
    /// Frames to render.
    pub frames: usize,
    /// Lengths of the chunks, over and over.
    pub chunks: &'a [usize],
    /// By absolute frame, sorted.
    pub events: &'a [Event],
    /// Transport at frame 0; rolls on if it plays.
    pub transport: Transport,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self {
            inputs: &[],
            outputs: &[],
            in_place: false,
            samples: &[],
            frames: 0,
            chunks: &[64],
            events: &[],
            transport: Transport::default(),
        }
    }
}

impl Run<'_> {
    /// Renders. A channel whose samples of a chunk are all zero comes in marked as silent.
    ///
    /// # Panics
    /// If the processor allocates, leaves a sample unwritten, or marks as silent what is not.
    pub fn render(&self, processor: &mut dyn Processor) -> Rendered {
        let (input_ports, output_ports) = (ports(self.inputs), ports(self.outputs));
        let (inputs, outputs) = (count(self.inputs), count(self.outputs));
        let first_output = if self.in_place { 0 } else { inputs };
        let longest = self.chunks.iter().copied().max().unwrap_or(0);
        let mut buffers = vec![vec![0.0f32; longest]; first_output + outputs.max(inputs)];
        let pointers: Vec<*mut f32> = buffers.iter_mut().map(|buffer| buffer.as_mut_ptr()).collect();
        let slots: Vec<u32> = (0..pointers.len() as u32).collect();
        let channels = |first: usize, count: usize, ports| Channels {
            pointers: pointers[first..][..count].into(),
            slots: slots[first..][..count].into(),
            ports,
        };
        let (from, to) = (channels(0, inputs, input_ports), channels(first_output, outputs, output_ports));
        let mut io = NodeIo::new(from, to, EventList::with_capacity(256), EventList::with_capacity(256));
        let mut sysex = SysExPool::default();
        let mut rendered = Rendered { channels: vec![Vec::new(); outputs], chunks: Vec::new() };
        let (mut start, mut lengths) = (0, self.chunks.iter().cycle());
        while start < self.frames {
            let length = lengths.next().map_or(self.frames, |&length| length.clamp(1, self.frames - start));
            buffers.iter_mut().for_each(|buffer| buffer.fill(f32::NAN));
            let mut silence = Silence::new(pointers.len(), false);
            for (channel, samples) in self.samples.iter().enumerate() {
                buffers[channel][..length].copy_from_slice(&samples[start..start + length]);
                let silent = samples[start..start + length].iter().all(|&sample| sample == 0.0);
                silence.set(channel as u32, silent);
            }
            io.scan_silence(&silence);
            silence.unset(&io.output_set);
            io.events_in.clear();
            for event in self.events.iter().filter(|e| (start..start + length).contains(&(e.frame as usize))) {
                io.events_in.push(Event { frame: event.frame - start as u32, ..*event });
            }
            let mut transport = self.transport;
            transport.frame += if transport.playing { start as i64 } else { 0 };
            let chunk = Chunk {
                frames: length,
                max_block: longest,
                steady_frame: start as u64,
                transport,
                moment: start as u64 + 1,
                freewheel: true,
            };
            // SAFETY: every buffer is as long as the longest chunk, and nothing else uses them during the call.
            let mut block = unsafe { Block::new(&chunk, &mut io, &mut silence, &mut sysex) };
            let status = assert_no_alloc(|| processor.process(&mut block));
            for (channel, out) in rendered.channels.iter_mut().enumerate() {
                let samples = &buffers[first_output + channel][..length];
                assert!(samples.iter().all(|sample| !sample.is_nan()), "an output sample was not written");
                let marked = silence.get((first_output + channel) as u32);
                assert!(!marked || samples.iter().all(|&sample| sample == 0.0), "marked as silent, and is not");
                out.extend(samples);
            }
            rendered.chunks.push((silence.all(&io.output_set), status));
            start += length;
        }
        rendered
    }
}

fn ports(channels: &[u32]) -> Box<[ChannelRange]> {
    let mut first = 0;
    let range = |&count: &u32| {
        let range = ChannelRange { first, count };
        first += count;
        range
    };
    channels.iter().map(range).collect()
}

fn count(channels: &[u32]) -> usize {
    channels.iter().sum::<u32>() as usize
}
