//! A schedule ready to play: its slots, its sums with their gains, its delay lines, its nodes. Made and dropped on the
//! control thread, run on the audio thread.

mod mixing;

use super::arena::Arena;
use super::block::{ChannelRange, Channels, Chunk, NodeIo};
use super::command::{Command, Level, Load, Report};
use super::delay_line::DelayLine;
use super::kernels::{self, Kernels, RampTerm, Run, Term};
use super::node::{NodeState, Seat};
use super::ramp::{Ramp, Row};
use super::silence::Silence;
use crate::compile::{Op, Schedule, ScheduledNode, Span};
use crate::event::{EventDelay, EventList, EventMerge, MergeEdge, NoteMatching, SysExPool};
use crate::id::NodeId;
pub(crate) use mixing::GainChange;
use mixing::{MatrixState, MixState, at_rest, matrix_state, mix_state};
use std::sync::Arc;

/// Notes that may sound at once on the event edges into one node.
const NOTES: usize = 256;
/// Bytes of system-exclusive messages that may wait in one delayed event edge.
const DELAYED_SYSEX: usize = 4096;

/// Streams from the renderer to the control half. What does not fit is counted, never waited for.
pub(crate) struct Reports {
    pub reports: rtrb::Producer<Report>,
    pub loads: rtrb::Producer<Load>,
    pub levels: rtrb::Producer<Level>,
    pub lost: u64,
}

impl Reports {
    pub fn push(&mut self, report: Report) {
        self.lost += u64::from(self.reports.push(report).is_err());
    }

    pub fn load(&mut self, load: Load) {
        self.lost += u64::from(self.loads.push(load).is_err());
    }

    pub fn level(&mut self, level: Level) {
        self.lost += u64::from(self.levels.push(level).is_err());
    }
}

/// What the ops of one chunk share.
pub(crate) struct Context<'a, 'd> {
    pub kernels: &'static Kernels,
    pub chunk: &'a Chunk,
    /// Steady frame at which the chunk before began.
    pub previous_chunk: u64,
    pub transport_started: bool,
    pub sysex: &'a mut SysExPool,
    pub reports: &'a mut Reports,
    pub measure: bool,
    /// Frames of a fade to or from a bypass path.
    pub fade: u32,
    /// The device's channels, and the chunk's first frame in them.
    pub inputs: &'a [&'a [f32]],
    pub outputs: &'a mut [&'d mut [f32]],
    pub offset: usize,
}

/// A tap's way from its delay under the schedule before to its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct TapFade {
    /// Delay to fade from; none for silence.
    pub from: Option<u32>,
    /// First frame of the fade.
    pub start: u64,
    /// One behind its last frame; a fade that is over has passed this.
    pub end: u64,
}

/// The event edges into a node.
pub(crate) struct Merger {
    pub merge: EventMerge,
    /// One for each edge; none where it adds no delay.
    pub delays: Box<[Option<EventDelay>]>,
    pub delayed: Box<[EventList]>,
}

/// A schedule with all that it needs to be played.
pub(crate) struct Program {
    pub schedule: Arc<Schedule>,
    arena: Arena,
    silence: Silence,
    pub nodes: Box<[NodeState]>,
    pub mergers: Box<[Option<Merger>]>,
    /// Place in `nodes` by index of a node's id.
    places: Box<[u32]>,
    pub terms: Box<[Term]>,
    /// One for each term.
    pub ramps: Box<[Ramp]>,
    pub rows: Box<[Row]>,
    mixes: Box<[MixState]>,
    /// Nodes without a processor: the ends of the rig.
    ends: Box<[u32]>,
    pub matrices: Box<[MatrixState]>,
    pub lines: Box<[DelayLine]>,
    pub taps: Box<[TapFade]>,
    /// Device channels that some op writes.
    written: Box<[bool]>,
    /// Changes of gains within the chunk at hand, by frame.
    pub due: Vec<GainChange>,
    audible: Vec<Term>,
    moving: Vec<RampTerm>,
    tap_memory: Box<[f32]>,
}

// SAFETY: the pointers in the terms, the matrices and the nodes lead into the program's own arena, whose memory does not
// move with it; a program is used by one thread at a time.
unsafe impl Send for Program {}

impl Program {
    /// Gives a schedule its memory. Control thread: allocates.
    pub fn new(schedule: Arc<Schedule>, max_block: usize, events: usize) -> Self {
        let mut arena = Arena::new(schedule.slots as usize, max_block);
        let terms = schedule
            .terms
            .iter()
            .map(|term| Term { source: arena.slot(term.slot).cast_const(), gain: term.gain })
            .collect();
        let nodes: Box<[NodeState]> =
            schedule.nodes.iter().map(|node| node_state(&schedule, node, &mut arena, max_block, events)).collect();
        let matrices = (0..schedule.matrices.len()).map(|index| matrix_state(&schedule, index, &mut arena)).collect();
        let mut places = vec![u32::MAX; schedule.nodes.iter().map(|node| node.id.index() + 1).max().unwrap_or(0)];
        for (place, node) in schedule.nodes.iter().enumerate() {
            places[node.id.index()] = place as u32;
        }
        let channels = schedule.outputs.iter().map(|output| output.device_channel as usize + 1).max().unwrap_or(0);
        let mut written = vec![false; channels];
        for output in &schedule.outputs {
            written[output.device_channel as usize] = true;
        }
        let longest_mix = schedule.mixes.iter().map(|mix| mix.terms.count as usize).max().unwrap_or(0);
        Self {
            silence: Silence::new(schedule.slots as usize, true),
            nodes,
            mergers: schedule.nodes.iter().map(|node| merger(&schedule, node, events)).collect(),
            places: places.into_boxed_slice(),
            terms,
            ramps: schedule.terms.iter().map(|term| at_rest(term.gain)).collect(),
            rows: vec![Row::default(); schedule.rows.len()].into_boxed_slice(),
            mixes: schedule.mixes.iter().map(|mix| mix_state(&schedule, mix)).collect(),
            ends: (0..).zip(&schedule.nodes).filter(|(_, node)| !node.hosted).map(|(place, _)| place).collect(),
            matrices,
            lines: schedule.lines.iter().map(|line| DelayLine::new(line.longest, max_block)).collect(),
            taps: vec![TapFade::default(); schedule.taps.len()].into_boxed_slice(),
            written: written.into_boxed_slice(),
            due: Vec::with_capacity(MAX_DUE),
            audible: Vec::with_capacity(longest_mix),
            moving: Vec::with_capacity(longest_mix),
            tap_memory: vec![0.0; max_block].into_boxed_slice(),
            arena,
            schedule,
        }
    }

    /// Place of a node.
    pub fn place(&self, id: NodeId) -> Option<usize> {
        let place = *self.places.get(id.index())? as usize;
        self.nodes.get(place).filter(|node| node.id == id).map(|_| place)
    }

    /// Runs all ops on one chunk.
    #[inline(never)]
    pub fn run(&mut self, context: &mut Context<'_, '_>) {
        for (channel, output) in context.outputs.iter_mut().enumerate() {
            if !self.written.get(channel).copied().unwrap_or(false) {
                output[context.offset..context.offset + context.chunk.frames].fill(0.0);
            }
        }
        let schedule = Arc::as_ptr(&self.schedule);
        // SAFETY: the program holds the schedule for as long as it lives, and nobody can change what an `Arc` holds.
        let ops = unsafe { &(*schedule).ops };
        let mut left = &ops[..];
        while let [op, rest @ ..] = left {
            if matches!(op, Op::Process { .. }) && !context.measure {
                left = self.process_nodes(left, context);
                continue;
            }
            left = rest;
            match *op {
                Op::Process { node } => self.process_measured(node, context),
                Op::Mix { mix } => self.mix(mix, context),
                Op::Clear { slot } => self.make_silent(slot, context),
                Op::Input { channel, slot } => self.input(channel, slot, context),
                Op::Output { channel, slot, accumulate } => self.output(channel, slot, accumulate, context),
                Op::Matrix { matrix } => self.matrix(matrix, context),
                Op::DelayWrite { line, slot } | Op::FeedbackWrite { line, slot } => self.keep(line, slot, context),
                Op::DelayRead { tap, slot } | Op::FeedbackRead { tap, slot } => self.read_tap(tap, slot, context),
                Op::Merge { node } => self.merge(node, context),
            }
        }
    }

    /// Runs the nodes that stand next to each other at the front of `ops`; returns what is left. A loop of its own, small
    /// enough for the machine's registers.
    #[inline(never)]
    fn process_nodes<'a>(&mut self, ops: &'a [Op], context: &mut Context<'_, '_>) -> &'a [Op] {
        for (place, op) in ops.iter().enumerate() {
            let Op::Process { node } = *op else { return &ops[place..] };
            self.nodes[node as usize].process(&mut self.silence, context);
        }
        &[]
    }

    #[inline(never)]
    fn process_measured(&mut self, node: u32, context: &mut Context<'_, '_>) {
        let node = &mut self.nodes[node as usize];
        let start = kernels::ticks();
        node.process(&mut self.silence, context);
        let ticks = kernels::ticks().wrapping_sub(start);
        context.reports.load(Load { node: Some(node.id), ticks, frames: context.chunk.frames as u32 });
    }

    fn make_silent(&mut self, slot: u32, context: &Context<'_, '_>) {
        if !self.silence.get(slot) {
            self.silence.set(slot, true);
            // SAFETY: a slot has room for the longest chunk.
            unsafe { context.kernels.clear(self.arena.slot(slot), context.chunk.max_block) };
        }
    }

    #[inline(never)]
    fn input(&mut self, channel: u32, slot: u32, context: &mut Context<'_, '_>) {
        let frames = context.chunk.frames;
        let Some(samples) = context.inputs.get(channel as usize) else { return self.make_silent(slot, context) };
        let samples = &samples[context.offset..context.offset + frames];
        if is_silent(samples, context.kernels) {
            return self.make_silent(slot, context);
        }
        // SAFETY: the device's samples are a slice; the slot has room for the chunk.
        unsafe { context.kernels.copy_sanitised(samples.as_ptr(), self.arena.slot(slot), frames) };
        self.silence.set(slot, false);
    }

    #[inline(never)]
    fn output(&mut self, channel: u32, slot: u32, accumulate: bool, context: &mut Context<'_, '_>) {
        let frames = context.chunk.frames;
        let Some(samples) = context.outputs.get_mut(channel as usize) else { return };
        let samples = &mut samples[context.offset..context.offset + frames];
        if self.silence.get(slot) {
            if !accumulate {
                samples.fill(0.0);
            }
            return;
        }
        let source = self.arena.slot(slot);
        // SAFETY: the device's samples are a slice; the slot has room for the chunk.
        unsafe {
            if accumulate {
                let terms = [Term { source, gain: 1.0 }];
                context.kernels.mix(&terms, samples.as_mut_ptr(), Run { first: 0, frames, accumulate: true });
            } else {
                context.kernels.copy(source, samples.as_mut_ptr(), frames);
            }
        }
    }

    #[inline(never)]
    fn keep(&mut self, line: u32, slot: u32, context: &Context<'_, '_>) {
        let source = self.arena.slot(slot);
        // SAFETY: the slot has room for the chunk; the line's memory is apart.
        let samples = unsafe { std::slice::from_raw_parts(source, context.chunk.frames) };
        self.lines[line as usize].write(context.chunk.steady_frame, samples);
    }

    #[inline(never)]
    fn read_tap(&mut self, tap: u32, slot: u32, context: &Context<'_, '_>) {
        let frames = context.chunk.frames;
        let frame = context.chunk.steady_frame;
        let plan = self.schedule.taps[tap as usize];
        let fade = self.taps[tap as usize];
        let line = &self.lines[plan.line as usize];
        let destination = self.arena.slot(slot);
        self.silence.set(slot, false);
        // SAFETY: the slot has room for the chunk; the line's memory is apart.
        let samples = unsafe { std::slice::from_raw_parts_mut(destination, frames) };
        line.read(frame, plan.delay, samples);
        if frame >= fade.end {
            if is_silent(samples, context.kernels) {
                self.make_silent(slot, context);
            }
            return;
        }
        let old = &mut self.tap_memory[..frames];
        match fade.from {
            Some(delay) => line.read(frame, delay, old),
            None => old.fill(0.0),
        }
        // Until the fade: the old tap. From then on a cross-fade, to its end.
        let before = (fade.start.saturating_sub(frame) as usize).min(frames);
        samples[..before].copy_from_slice(&old[..before]);
        let fading = ((fade.end - frame) as usize).min(frames) - before;
        let elapsed = (frame + before as u64 - fade.start.min(frame + before as u64)) as u32;
        let step = 1.0 / (fade.end - fade.start) as f32;
        let to = samples[before..].as_mut_ptr();
        // SAFETY: both runs lie within the chunk; the tap memory is apart from the slot.
        unsafe { context.kernels.crossfade(old[before..].as_ptr(), to, to, fading, elapsed, step) };
    }

    #[inline(never)]
    fn merge(&mut self, node: u32, context: &mut Context<'_, '_>) {
        let place = node as usize;
        let Some(merger) = &mut self.mergers[place] else { return };
        let scheduled = &self.schedule.nodes[place];
        let edges = &self.schedule.event_edges[scheduled.events.range()];
        let now = context.chunk.steady_frame;
        for (index, edge) in edges.iter().enumerate() {
            let Some(delay) = &mut merger.delays[index] else { continue };
            let source = &self.nodes[edge.source as usize].io.events_out;
            let sent = if edge.feedback { context.previous_chunk } else { now };
            delay.push_chunk(sent, source, edge.source_port, context.sysex);
            let delayed = &mut merger.delayed[index];
            delayed.clear();
            delay.take_chunk(now, context.chunk.frames as u32, delayed, context.sysex);
        }
        if scheduled.hosted && !self.nodes[place].seat.takes_events() {
            return;
        }
        let mut list = std::mem::take(&mut self.nodes[place].io.events_in);
        let Merger { merge, delays, delayed } = merger;
        let nodes = &self.nodes;
        merge.merge(
            |index| match delays[index] {
                Some(_) => &delayed[index],
                None => &nodes[edges[index].source as usize].io.events_out,
            },
            &mut list,
        );
        self.nodes[place].io.events_in = list;
    }

    /// A command that speaks of a node, at a frame within the chunk at hand.
    pub fn command_node(&mut self, command: Command, offset: u32, context: &mut NodeContext<'_>) {
        let (Command::Event { node, .. }
        | Command::EndNotes { node }
        | Command::Bypass { node, .. }
        | Command::Meter { node, .. }) = command
        else {
            return;
        };
        let Some(place) = self.place(node) else {
            return context.reports.push(Report::Unknown { frame: context.frame });
        };
        let hosted = self.schedule.nodes[place].hosted;
        let state = &mut self.nodes[place];
        match command {
            Command::Event { mut event, .. } => {
                event.frame = offset;
                let list = if hosted { &mut state.io.events_in } else { &mut state.io.events_out };
                list.push(event);
            }
            Command::EndNotes { .. } => {
                self.end_notes(place, offset);
                self.end_notes_from(place, offset);
            }
            Command::Bypass { on, .. } => {
                state.seat.set_bypassed(on, context.frame, context.fade);
                if on {
                    self.end_notes(place, offset);
                    self.end_notes_from(place, offset);
                }
            }
            Command::Meter { on, .. } => {
                state.seat.metered = on;
                state.seat.review();
            }
            _ => {}
        }
    }

    /// Ends what sounds elsewhere by the word of a node that falls silent.
    fn end_notes_from(&mut self, place: usize, offset: u32) {
        for (destination, scheduled) in self.schedule.nodes.iter().enumerate() {
            let Some(merger) = &mut self.mergers[destination] else { continue };
            for edge in &self.schedule.event_edges[scheduled.events.range()] {
                if edge.source as usize == place {
                    merger.merge.end(edge.id, offset, &mut self.nodes[destination].io.events_in);
                }
            }
        }
    }

    fn end_notes(&mut self, place: usize, offset: u32) {
        if let Some(merger) = &mut self.mergers[place] {
            merger.merge.end_all(offset, &mut self.nodes[place].io.events_in);
        }
    }

    /// Forgets the events that input nodes have sent in this chunk, and those that output nodes received.
    pub fn end_chunk(&mut self) {
        for &place in &self.ends {
            let io = &mut self.nodes[place as usize].io;
            io.events_out.clear();
            io.events_in.clear();
        }
        self.due.clear();
    }
}

/// Whether there are zeros only. Most channels that sound do so within a few frames.
fn is_silent(samples: &[f32], kernels: &Kernels) -> bool {
    let sounds = samples.iter().take(16).any(|sample| sample.abs() > 0.0);
    // SAFETY: a slice is valid for its length.
    !sounds && unsafe { kernels.peak(samples.as_ptr(), samples.len()) } == 0.0
}

/// What commands to nodes need to know.
pub(crate) struct NodeContext<'a> {
    pub reports: &'a mut Reports,
    pub frame: u64,
    pub fade: u32,
}

/// Changes of gains that one chunk can take; more are left for the next.
pub(crate) const MAX_DUE: usize = 1024;

fn node_state(
    schedule: &Schedule,
    node: &ScheduledNode,
    arena: &mut Arena,
    max_block: usize,
    events: usize,
) -> NodeState {
    let mut channels = |slots: Span, ports: Span| {
        let slots: Box<[u32]> = schedule.node_slots[slots.range()].into();
        Channels {
            pointers: slots.iter().map(|&slot| arena.slot(slot)).collect(),
            slots,
            ports: schedule.ports[ports.range()]
                .iter()
                .map(|port| ChannelRange { first: port.first, count: port.count })
                .collect(),
        }
    };
    let inputs = channels(node.inputs, node.input_ports);
    let outputs = channels(node.outputs, node.output_ports);
    let main = node.bypassable.then(|| Some((inputs.ports.first()?.count, outputs.ports.first()?.count))).flatten();
    let sends = if node.sends_events || node.bypassable { events } else { 0 };
    NodeState {
        id: node.id,
        seat: Seat::new(node, main, max_block),
        io: NodeIo::new(inputs, outputs, EventList::with_capacity(events), EventList::with_capacity(sends)),
    }
}

fn merger(schedule: &Schedule, node: &ScheduledNode, events: usize) -> Option<Merger> {
    let edges = &schedule.event_edges[node.events.range()];
    if edges.is_empty() {
        return None;
    }
    let merged = edges.iter().map(|edge| MergeEdge {
        edge: edge.id,
        // What comes out of a delay has been filtered, and still names the source's port.
        source_port: edge.source_port,
        destination_port: edge.destination_port,
    });
    Some(Merger {
        merge: EventMerge::new(merged, NOTES, NoteMatching::default()),
        delays: edges
            .iter()
            .map(|edge| (edge.delay > 0).then(|| EventDelay::new(edge.delay, events * 4, DELAYED_SYSEX)))
            .collect(),
        delayed: edges.iter().map(|edge| EventList::with_capacity(if edge.delay > 0 { events } else { 0 })).collect(),
    })
}
