//! One processor without a renderer: for tests of processors, of plugin formats and of nodes written by others. Calls the
//! processor exactly as the renderer does.

use super::arena::Arena;
use super::block::{Block, ChannelRange, Channels, NodeIo, Shared};
use crate::event::{Event, EventList};
use crate::graph::Node;
use crate::port::AudioPort;
use crate::processor::{Processor, Status};
use crate::transport::Transport;

/// The slots, events and transport of one node. Nothing is shared with a schedule.
pub struct Harness {
    arena: Arena,
    /// What the node's pointer tables are made of.
    _channels: Box<[*mut f32]>,
    io: NodeIo,
    shared: Shared,
    max_block: usize,
    frame: u64,
    /// Musical time at the next chunk; moves on by itself only in [`Transport::frame`] while playing.
    pub transport: Transport,
    /// Whether the next chunk is rendered offline.
    pub freewheel: bool,
}

impl Harness {
    /// Slots for a node's ports and chunks of up to `max_block` frames, with room for 1024 events each way.
    pub fn new(node: &Node, max_block: usize) -> Self {
        Self::with_outputs_from(node, max_block, false)
    }

    /// As [`Self::new`], with each output channel in the slot of the input channel of the same number, where there is one.
    pub fn in_place(node: &Node, max_block: usize) -> Self {
        Self::with_outputs_from(node, max_block, true)
    }

    fn with_outputs_from(node: &Node, max_block: usize, in_place: bool) -> Self {
        let (input_ports, inputs) = ranges(&node.audio_inputs);
        let (output_ports, outputs) = ranges(&node.audio_outputs);
        // Slot 0 is silence, as in a schedule.
        let first_output = if in_place { 1 } else { 1 + inputs };
        let slots = (1 + inputs).max(first_output + outputs) as usize;
        let mut arena = Arena::new(slots, max_block);
        let inputs = Channels { slots: (1..=inputs).collect(), ports: input_ports };
        let outputs = Channels { slots: (first_output..first_output + outputs).collect(), ports: output_ports };
        let mut channels: Box<[*mut f32]> =
            inputs.slots.iter().chain(&outputs.slots).map(|&slot| arena.slot(slot)).collect();
        let events = || EventList::with_capacity(1024);
        // SAFETY: the table was made of these slots, and is kept; nothing is gated here.
        let io =
            unsafe { NodeIo::new(channels.as_mut_ptr(), channels.as_mut_ptr(), inputs, outputs, events(), events()) };
        Self {
            arena,
            _channels: channels,
            io,
            shared: Shared::new(slots, max_block, 64 * 1024, 0),
            max_block,
            frame: 0,
            transport: Transport::default(),
            freewheel: false,
        }
    }

    /// Writes what is not a number to every channel, inputs included: what a processor leaves unwritten shows.
    pub fn spoil(&mut self) {
        for slot in 1..self.io.input_slots.iter().chain(&self.io.output_slots).max().map_or(1, |last| last + 1) {
            self.samples(slot).fill(f32::NAN);
        }
    }

    /// The samples of an input channel for the next chunk, `max_block` of them, counted over all ports. They stay until
    /// written again; an in-place node may overwrite them.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn input(&mut self, channel: usize) -> &mut [f32] {
        let slot = self.io.input_slots[channel];
        self.samples(slot)
    }

    /// The samples of an output channel, valid for the frames of the last chunk.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn output(&mut self, channel: usize) -> &[f32] {
        let slot = self.io.output_slots[channel];
        self.samples(slot)
    }

    /// Whether the processor marked an output channel as silent in the last chunk.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn output_is_silent(&self, channel: usize) -> bool {
        self.shared.silence.get(self.io.output_slots[channel])
    }

    fn samples(&mut self, slot: u32) -> &mut [f32] {
        let first = self.arena.slot(slot);
        // SAFETY: a slot has room for the longest chunk, and the borrow of self keeps it from being borrowed twice.
        unsafe { std::slice::from_raw_parts_mut(first, self.max_block) }
    }

    /// Adds an event for the next chunk.
    pub fn send(&mut self, event: Event) -> bool {
        self.io.events_in_mut().push(event)
    }

    /// Puts a system-exclusive message into the pool of the next chunk.
    pub fn store_sysex(&mut self, bytes: &[u8]) -> Option<crate::event::SysExId> {
        self.shared.sysex.store(bytes)
    }

    /// The bytes of a message that the processor sent in the last chunk.
    pub fn sysex(&self, id: crate::event::SysExId) -> &[u8] {
        self.shared.sysex.get(id)
    }

    /// What the processor sent in the last chunk.
    pub fn sent(&self) -> &[Event] {
        self.io.events_out().as_slice()
    }

    /// Steady frame of the next chunk.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Calls the processor for one chunk. Inputs that hold zeros only are marked as silent.
    ///
    /// # Panics
    /// If there are more frames than `max_block`.
    pub fn process(&mut self, processor: &mut dyn Processor, frames: usize) -> Status {
        self.call(frames, |block| processor.process(block))
    }

    /// Lets the processor take events without rendering.
    pub fn flush(&mut self, processor: &mut dyn Processor) {
        self.call(0, |block| processor.flush(block));
    }

    fn call<R>(&mut self, frames: usize, call: impl FnOnce(Block<'_>) -> R) -> R {
        assert!(frames <= self.max_block, "a chunk of {frames} frames, made for {}", self.max_block);
        for channel in 0..self.io.input_slots.len() {
            let silent = self.input(channel)[..frames].iter().all(|&sample| sample == 0.0);
            self.shared.silence.set(self.io.input_slots[channel], silent);
        }
        self.io.scan_silence(&self.shared.silence);
        self.shared.silence.unset(&self.io.output_set);
        self.io.events_out_mut().clear();
        self.shared.begin(frames, self.frame, (&self.transport, self.frame + 1), self.freewheel);
        // SAFETY: all channels are slots of the arena with room for the longest chunk, and apart from each other.
        let block = unsafe { Block::new(&mut self.shared, &mut self.io) };
        let answer = call(block);
        self.io.events_in_mut().clear();
        self.frame += frames as u64;
        if self.transport.playing {
            self.transport.frame += frames as i64;
        }
        answer
    }
}

fn ranges(ports: &[AudioPort]) -> (Box<[ChannelRange]>, u32) {
    let mut first = 0;
    let ranges = ports.iter().map(|port| {
        let count = port.layout.channels();
        let range = ChannelRange { first, count };
        first += count;
        range
    });
    (ranges.collect(), first)
}
