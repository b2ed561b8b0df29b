//! What one node sees of one chunk: its channels, its events, the transport. Port tables are built when a schedule is
//! made and stay as they are for its whole life, so that a call costs a few stores.

mod operate;

use super::bypass::Mixture;
use super::kernels::WHOLE_FRAMES;
use super::silence::{Silence, SlotSet, WordSet};
use crate::event::{Event, EventList, SysExId, SysExPool};
use crate::transport::Transport;
use std::sync::atomic::{AtomicU64, Ordering};

/// The frames at hand, the same for all nodes.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Frames to render, at most the `max_block` of the activation.
    pub frames: usize,
    /// Frames rendered since the renderer was made; never jumps.
    pub steady_frame: u64,
    /// Musical time at the first frame.
    pub transport: Transport,
    /// Stands for `transport`: never 0, and another number whenever that is another, in any renderer.
    pub moment: u64,
    /// Whether time is not the wall's: offline rendering or a freewheeling server.
    pub freewheel: bool,
    /// The most frames that a chunk may have, which is what slots have room for.
    pub max_block: usize,
}

/// Where a port's channels stand in the flat channel tables of a [`NodeIo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelRange {
    pub first: u32,
    pub count: u32,
}

/// What the nodes of a program share while they render.
pub(crate) struct Shared {
    /// The chunk at hand.
    pub chunk: Chunk,
    /// Its frames, if they fill whole vectors of any width ([`WHOLE_FRAMES`]), else 0.
    pub whole_frames: usize,
    /// Which slots hold zeros only.
    pub silence: Silence,
    /// Bytes of the system-exclusive messages of the chunk.
    pub sysex: SysExPool,
    /// Room for the longest chunk of one channel: what is faded from.
    pub scratch: Box<[f32]>,
    /// What a node's output is mixed with.
    pub mixture: Mixture,
}

impl Shared {
    /// For an arena of so many slots of so many frames, which are all zero, and bypass paths of so many channels at most.
    /// Allocates.
    pub fn new(slots: usize, max_block: usize, sysex_bytes: usize, dry_channels: usize) -> Self {
        let transport = Transport::default();
        Self {
            chunk: Chunk { frames: 0, steady_frame: 0, transport, moment: 0, freewheel: false, max_block },
            whole_frames: 0,
            silence: Silence::new(slots, true),
            sysex: SysExPool::with_capacity(sysex_bytes, 256),
            scratch: vec![0.0; max_block].into_boxed_slice(),
            mixture: Mixture::new(dry_channels, max_block),
        }
    }

    /// Goes on to another chunk, at a musical time and the number that stands for it.
    #[inline]
    pub fn begin(&mut self, frames: usize, steady_frame: u64, time: (&Transport, u64), freewheel: bool) {
        let (&transport, moment) = time;
        self.whole_frames = if frames.is_multiple_of(WHOLE_FRAMES) { frames } else { 0 };
        self.chunk = Chunk { frames, steady_frame, transport, moment, freewheel, ..self.chunk };
    }
}

/// Everything one node is connected to under one schedule. What every chunk looks at comes first, and leaves room in its
/// cache line for the node's processor.
#[repr(C)]
pub struct NodeIo {
    /// Bit c: input channel c holds zeros only. Channels beyond 63 say so only if all channels do. 0 between chunks.
    pub(crate) input_silence: u64,
    /// All slots of the node.
    pub(crate) slots: WordSet,
    /// Pointers to the channels of all input ports, one port after the other, and behind them those of all output ports.
    /// Inputs are only read through; no two outputs are equal.
    channels: *mut *mut f32,
    input_count: u32,
    output_count: u32,
    /// Whether the short way through the node will do: its processor plays, there are no events to or from it, and no
    /// input is taken for silent. Set by the node alone; an event that comes in or goes out unsets it.
    pub(crate) plain: bool,
    /// Whether the processor failed in a plain block. Nobody takes that for plain any more.
    failed: bool,
    /// The lesser of the two counts.
    pair_count: u32,
    /// Stands for these tables, see [`Block::wiring`].
    wiring: u64,
    /// Other tables of the same channels, with inputs of which only a part comes through, and their wiring.
    gated: (*mut *mut f32, u64),
    events_in: EventList,
    events_out: EventList,
    pub(crate) input_slots: Box<[u32]>,
    pub(crate) output_slots: Box<[u32]>,
    pub(crate) input_ports: Box<[ChannelRange]>,
    pub(crate) output_ports: Box<[ChannelRange]>,
    pub(crate) input_set: SlotSet,
    pub(crate) output_set: SlotSet,
}

// SAFETY: the pointers lead into tables and slots of the program that owns this, and move between threads with it; a
// program is used by one thread at a time.
unsafe impl Send for NodeIo {}

/// The channels of one direction: their slots, and the ports they belong to.
pub(crate) struct Channels {
    pub slots: Box<[u32]>,
    pub ports: Box<[ChannelRange]>,
}

impl NodeIo {
    /// With empty lists of events. Allocates.
    ///
    /// # Safety
    /// `channels` leads to a pointer for each input slot and then for each output slot, which stay there for as long as
    /// this is used. So does `gated`, with other inputs that are valid for as many frames and apart from all slots.
    pub(crate) unsafe fn new(
        channels: *mut *mut f32,
        gated: *mut *mut f32,
        inputs: Channels,
        outputs: Channels,
        events_in: EventList,
        events_out: EventList,
    ) -> Self {
        // A number a table lasts for centuries.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let last = LAST.fetch_add(2, Ordering::Relaxed);
        Self {
            wiring: last + 1,
            gated: (gated, last + 2),
            slots: WordSet::new(inputs.slots.iter().chain(&outputs.slots).copied()),
            input_set: SlotSet::new(&inputs.slots),
            output_set: SlotSet::new(&outputs.slots),
            channels,
            input_count: inputs.slots.len() as u32,
            output_count: outputs.slots.len() as u32,
            plain: false,
            failed: false,
            pair_count: inputs.slots.len().min(outputs.slots.len()) as u32,
            input_slots: inputs.slots,
            output_slots: outputs.slots,
            input_ports: inputs.ports,
            output_ports: outputs.ports,
            input_silence: 0,
            events_in,
            events_out,
        }
    }

    /// Pointers to the channels of all input ports, one port after the other. Only to be read through.
    #[inline]
    pub(crate) fn inputs(&self) -> &[*mut f32] {
        // SAFETY: promised to `new`.
        unsafe { std::slice::from_raw_parts(self.channels, self.input_count as usize) }
    }

    /// Fills the other inputs with what of the own ones comes through a gate, a weight a frame, and has the processor see
    /// those until [`Self::close_gated`].
    pub(crate) fn open_gated(&mut self, weights: &[f32]) {
        for (channel, &input) in self.inputs().iter().enumerate() {
            // SAFETY: promised to `new`: both are valid for the chunk's frames, of which there are as many as weights, and
            // apart.
            let (input, gated) = unsafe {
                let gated = *self.gated.0.add(channel);
                (
                    std::slice::from_raw_parts(input.cast_const(), weights.len()),
                    std::slice::from_raw_parts_mut(gated, weights.len()),
                )
            };
            for ((gated, input), weight) in gated.iter_mut().zip(input).zip(weights) {
                *gated = input * weight;
            }
        }
        self.swap_tables();
    }

    /// Lets still less of the inputs through while they are gated, by a weight a frame.
    pub(crate) fn narrow_gated(&mut self, weights: &[f32]) {
        for &gated in self.inputs() {
            // SAFETY: between `open_gated` and `close_gated` the inputs are the other ones, which nothing else uses.
            let gated = unsafe { std::slice::from_raw_parts_mut(gated, weights.len()) };
            gated.iter_mut().zip(weights).for_each(|(sample, weight)| *sample *= weight);
        }
    }

    /// Has the processor see the own inputs again.
    pub(crate) fn close_gated(&mut self) {
        self.swap_tables();
    }

    fn swap_tables(&mut self) {
        std::mem::swap(&mut self.channels, &mut self.gated.0);
        std::mem::swap(&mut self.wiring, &mut self.gated.1);
    }

    /// Pointers to the channels of all output ports, one port after the other.
    #[inline]
    pub(crate) fn outputs(&self) -> &[*mut f32] {
        // SAFETY: promised to `new`.
        unsafe { std::slice::from_raw_parts(self.channels.add(self.input_count as usize), self.output_count as usize) }
    }

    /// The channels of both directions that have the same number: where the inputs' pointers stand, where the outputs'
    /// do, and how many there are.
    #[inline]
    pub(crate) fn pairs(&self) -> (*const *mut f32, *const *mut f32, usize) {
        let inputs = self.channels.cast_const();
        (inputs, inputs.wrapping_add(self.input_count as usize), self.pair_count as usize)
    }

    /// Events for the node, sorted by frame.
    #[inline]
    pub(crate) fn events_in(&self) -> &EventList {
        &self.events_in
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn events_in_mut(&mut self) -> &mut EventList {
        self.plain = false;
        &mut self.events_in
    }

    /// Whether the processor failed in a plain block, which is told once.
    pub(crate) fn take_failed(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }

    /// Takes the list of events for the node out, to be filled and put back.
    pub(crate) fn take_events_in(&mut self) -> EventList {
        std::mem::take(&mut self.events_in)
    }

    /// Puts the list of events for the node back.
    pub(crate) fn put_events_in(&mut self, list: EventList) {
        self.plain &= list.is_empty();
        self.events_in = list;
    }

    /// Events from the node.
    #[inline]
    pub(crate) fn events_out(&self) -> &EventList {
        &self.events_out
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn events_out_mut(&mut self) -> &mut EventList {
        self.plain = false;
        &mut self.events_out
    }

    /// Notes which inputs are silent. Returns whether all are, which is so where there are none.
    pub(crate) fn scan_silence(&mut self, silence: &Silence) -> bool {
        let all = silence.all(&self.input_set);
        self.input_silence = if all { u64::MAX } else { 0 };
        if !all && self.input_slots.len() <= 64 {
            for (bit, &slot) in self.input_slots.iter().enumerate() {
                self.input_silence |= u64::from(silence.get(slot)) << bit;
            }
        }
        all
    }
}

/// One node's view of one chunk.
pub struct Block<'a> {
    shared: &'a mut Shared,
    io: &'a mut NodeIo,
}

impl<'a> Block<'a> {
    /// # Safety
    /// Every pointer of `io` leads to at least `shared.chunk.max_block` floats that nothing else uses during the call, save
    /// that inputs may be shared with each other, and an output may equal an input that nothing later reads.
    /// `shared.silence` has a bit for each slot that `io` names.
    #[inline]
    pub(crate) unsafe fn new(shared: &'a mut Shared, io: &'a mut NodeIo) -> Self {
        Self { shared, io }
    }

    /// The same block, for somebody else to look at first.
    #[inline]
    pub fn again(&mut self) -> Block<'_> {
        Block { shared: self.shared, io: self.io }
    }

    /// What [`Processor::process_plain`](crate::Processor::process_plain) says in place of
    /// [`Status::Error`](crate::Status::Error).
    #[cold]
    pub fn fail(&mut self) {
        self.io.plain = false;
        self.io.failed = true;
    }

    /// Frames to render.
    #[inline]
    pub fn frames(&self) -> usize {
        self.shared.chunk.frames
    }

    /// What all nodes of the chunk share.
    #[inline]
    pub fn chunk(&self) -> &Chunk {
        &self.shared.chunk
    }

    /// Musical time at the first frame.
    #[inline]
    pub fn transport(&self) -> &Transport {
        &self.shared.chunk.transport
    }

    /// Number of audio input ports.
    pub fn input_ports(&self) -> usize {
        self.io.input_ports.len()
    }

    /// Number of audio output ports.
    pub fn output_ports(&self) -> usize {
        self.io.output_ports.len()
    }

    /// Channels of an input port, 0 for a port that does not exist.
    #[inline]
    pub fn input_channels(&self, port: usize) -> usize {
        self.io.input_ports.get(port).map_or(0, |range| range.count as usize)
    }

    /// Channels of an output port, 0 for a port that does not exist.
    #[inline]
    pub fn output_channels(&self, port: usize) -> usize {
        self.io.output_ports.get(port).map_or(0, |range| range.count as usize)
    }

    /// Index in the flat table of input channels.
    ///
    /// # Panics
    /// If there is no such port or channel.
    #[inline]
    fn input_index(&self, port: usize, channel: usize) -> usize {
        let range = self.io.input_ports[port];
        assert!(channel < range.count as usize, "no such input channel");
        range.first as usize + channel
    }

    /// As [`Self::input_index`], for outputs.
    #[inline]
    fn output_index(&self, port: usize, channel: usize) -> usize {
        let range = self.io.output_ports[port];
        assert!(channel < range.count as usize, "no such output channel");
        range.first as usize + channel
    }

    /// The samples of an input channel.
    ///
    /// # Panics
    /// If there is no such port or channel: ask [`Self::input_channels`] first.
    #[inline]
    pub fn input(&self, port: usize, channel: usize) -> &[f32] {
        let pointer = self.io.inputs()[self.input_index(port, channel)];
        // SAFETY: promised to `new`; the borrow of self keeps outputs from being borrowed mutably meanwhile.
        unsafe { std::slice::from_raw_parts(pointer, self.shared.chunk.frames) }
    }

    /// The samples of an output channel, to be written. May hold the input of an in-place node.
    ///
    /// # Panics
    /// If there is no such port or channel: ask [`Self::output_channels`] first.
    #[inline]
    pub fn output(&mut self, port: usize, channel: usize) -> &mut [f32] {
        let pointer = self.io.outputs()[self.output_index(port, channel)];
        // SAFETY: promised to `new`; the exclusive borrow of self keeps inputs from being borrowed meanwhile.
        unsafe { std::slice::from_raw_parts_mut(pointer, self.shared.chunk.frames) }
    }

    /// An input and an output channel together, for a kernel that can work in place: both pointers are valid for
    /// [`Self::frames`] frames and are equal or apart.
    ///
    /// # Panics
    /// If there is no such port or channel.
    #[inline]
    pub fn pair(&mut self, input: (usize, usize), output: (usize, usize)) -> (*const f32, *mut f32) {
        let source = self.io.inputs()[self.input_index(input.0, input.1)];
        let destination = self.io.outputs()[self.output_index(output.0, output.1)];
        (source, destination)
    }

    /// The output channel already holding a copy of the input channel; costs nothing where the two share a slot.
    /// The way to write a node that works in place.
    ///
    /// # Panics
    /// If there is no such port or channel.
    #[inline]
    pub fn through(&mut self, input: (usize, usize), output: (usize, usize)) -> &mut [f32] {
        let (source, destination) = self.pair(input, output);
        if !std::ptr::eq(source, destination) {
            // SAFETY: promised to `new`: the two are valid and, not being equal, apart.
            unsafe { std::ptr::copy_nonoverlapping(source, destination, self.shared.chunk.frames) };
        }
        self.output(output.0, output.1)
    }

    /// Stands for the node's port tables: never 0, and no other tables have or had the same number. As long as it stays
    /// the same, so do the numbers of ports and channels and what [`Self::input_pointers`] and
    /// [`Self::output_pointers`] return, and what the tables behind them hold.
    #[inline]
    pub fn wiring(&self) -> u64 {
        self.io.wiring
    }

    /// Pointers to the channels of an input port, as plugin formats take them; null for a port without channels.
    /// The table behind it stays where it is for the life of the schedule, and the next port's follows it. Channels are
    /// aligned to 64 bytes. Never write through them.
    #[inline]
    pub fn input_pointers(&mut self, port: usize) -> *mut *mut f32 {
        match self.io.input_ports.get(port) {
            // SAFETY: the range lies within the table.
            Some(range) if range.count > 0 => unsafe { self.io.channels.add(range.first as usize) },
            _ => std::ptr::null_mut(),
        }
    }

    /// Pointers to the channels of an output port, as plugin formats take them; null for a port without channels. The
    /// table stays and is followed by the next port's, as with inputs.
    #[inline]
    pub fn output_pointers(&mut self, port: usize) -> *mut *mut f32 {
        match self.io.output_ports.get(port) {
            // SAFETY: the range lies within the table, behind the inputs.
            Some(range) if range.count > 0 => unsafe {
                self.io.channels.add((self.io.input_count + range.first) as usize)
            },
            _ => std::ptr::null_mut(),
        }
    }

    /// Whether any input channel is known to hold zeros only.
    #[inline]
    pub fn has_silent_input(&self) -> bool {
        self.io.input_silence != 0
    }

    /// Whether an input channel is known to hold zeros only. False says nothing.
    #[inline]
    pub fn input_is_silent(&self, port: usize, channel: usize) -> bool {
        let index = self.input_index(port, channel);
        if index < 64 { self.io.input_silence >> index & 1 == 1 } else { self.inputs_are_silent() }
    }

    /// Whether all channels of all input ports are known to hold zeros only; true where there are none.
    #[inline]
    pub fn inputs_are_silent(&self) -> bool {
        let channels = self.io.input_slots.len();
        channels == 0 || self.io.input_silence.trailing_ones() as usize >= channels.min(64)
    }

    /// Says that an output channel holds zeros only. The caller has written them.
    #[inline]
    pub fn set_output_silent(&mut self, port: usize, channel: usize) {
        let index = self.output_index(port, channel);
        self.note_silence(index);
    }

    /// Writes zeros to all outputs and says so.
    pub fn clear_outputs(&mut self) {
        for index in 0..self.io.outputs().len() {
            // SAFETY: promised to `new`.
            unsafe { std::ptr::write_bytes(self.io.outputs()[index], 0, self.shared.chunk.frames) };
            self.note_silence(index);
        }
    }

    /// A slot that is marked is taken for zero in chunks of any length, so its rest is cleared as well.
    #[inline]
    fn note_silence(&mut self, index: usize) {
        let rest = self.shared.chunk.max_block - self.shared.chunk.frames;
        // SAFETY: a slot has room for the longest chunk.
        unsafe { std::ptr::write_bytes(self.io.outputs()[index].add(self.shared.chunk.frames), 0, rest) };
        self.shared.silence.set(self.io.output_slots[index], true);
    }

    /// Events for the node in this chunk, sorted by frame.
    #[inline]
    pub fn events(&self) -> &[Event] {
        self.io.events_in.as_slice()
    }

    /// Whether this is a block like most: no events in it, and no input known to be silent. False says nothing.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.io.plain
    }

    /// Sends an event. Kept sorted by frame; what does not fit is counted and reported, note-offs are always kept.
    #[inline]
    pub fn send(&mut self, event: Event) {
        self.io.events_out_mut().push(event);
    }

    /// The bytes of a system-exclusive message received in this chunk.
    pub fn sysex(&self, id: SysExId) -> &[u8] {
        self.shared.sysex.get(id)
    }

    /// Puts a system-exclusive message into the pool, to be sent; none if the pool is full.
    pub fn store_sysex(&mut self, bytes: &[u8]) -> Option<SysExId> {
        self.shared.sysex.store(bytes)
    }
}
