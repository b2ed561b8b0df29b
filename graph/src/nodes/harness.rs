//! Runs a processor without a renderer, for tests: any partition into chunks, events by absolute frame, and checks of
//! what every processor must keep to.

use assert_no_alloc::assert_no_alloc;

use crate::event::Event;
use crate::rt::Harness;
use crate::{AudioPort, ChannelLayout, Node, Processor, Status, Transport};

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
        let ports = |channels: &[u32]| -> Vec<AudioPort> {
            channels.iter().map(|&count| AudioPort::new("port", ChannelLayout::Discrete(count))).collect()
        };
        let node = Node {
            audio_inputs: ports(self.inputs),
            audio_outputs: ports(self.outputs),
            ..Node::processor("under test")
        };
        let longest = self.chunks.iter().copied().max().unwrap_or(0);
        let mut harness = if self.in_place { Harness::in_place(&node, longest) } else { Harness::new(&node, longest) };
        harness.freewheel = true;
        harness.transport = self.transport;
        let outputs = self.outputs.iter().sum::<u32>() as usize;
        let mut rendered = Rendered { channels: vec![Vec::new(); outputs], chunks: Vec::new() };
        let (mut start, mut lengths) = (0, self.chunks.iter().cycle());
        while start < self.frames {
            let length = lengths.next().map_or(self.frames, |&length| length.clamp(1, self.frames - start));
            harness.spoil();
            for (channel, samples) in self.samples.iter().enumerate() {
                harness.input(channel)[..length].copy_from_slice(&samples[start..start + length]);
            }
            for event in self.events.iter().filter(|e| (start..start + length).contains(&(e.frame as usize))) {
                harness.send(Event { frame: event.frame - start as u32, ..*event });
            }
            let status = assert_no_alloc(|| harness.process(processor, length));
            let marked: Vec<bool> = (0..outputs).map(|channel| harness.output_is_silent(channel)).collect();
            for (channel, out) in rendered.channels.iter_mut().enumerate() {
                let samples = &harness.output(channel)[..length];
                assert!(samples.iter().all(|sample| !sample.is_nan()), "an output sample was not written");
                let silent = samples.iter().all(|&sample| sample == 0.0);
                assert!(!marked[channel] || silent, "marked as silent, and is not");
                out.extend(samples);
            }
            rendered.chunks.push((marked.iter().all(|&silent| silent), status));
            start += length;
        }
        rendered
    }
}
