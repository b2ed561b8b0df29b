//! A schedule ready to play: its slots, its sums with their gains, its delay lines, its nodes. Made and dropped on the
//! control thread, run on the audio thread.

mod ends;
mod mixing;

use super::arena::Arena;
use super::block::{ChannelRange, Channels, NodeIo, Shared};
use super::command::{Command, Level, Load, Report};
use super::delay_line::DelayLine;
use super::kernels::{self, Kernels, RampTerm, Term};
use super::listen::Listener;
use super::node::NodeState;
use super::passing::EventPath;
use super::ramp::{Ramp, Row};
use super::renderer::Settings;
use super::tap::TapFade;
use crate::compile::{Op, Schedule, ScheduledNode, Span};
use crate::event::{EventDelay, EventList, EventMerge, MergeEdge, NoteMatching};
use crate::id::{EdgeId, NodeId};
pub(crate) use ends::InputFade;
pub(crate) use mixing::{GainChange, RowPlace};
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
    pub listeners: Box<[Listener]>,
    /// Inputs and outputs of the rig that are metered. Made with all the room it ever has.
    pub metered_ends: Vec<NodeId>,
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
    pub transport_started: bool,
    pub reports: &'a mut Reports,
    pub measure: bool,
    /// Frames of a fade to or from a bypass path.
    pub fade: u32,
    /// The device's channels, and the chunk's first frame in them.
    pub inputs: &'a [&'a [f32]],
    pub outputs: &'a mut [&'d mut [f32]],
    pub offset: usize,
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
    pub(super) arena: Arena,
    pub shared: Shared,
    pub nodes: Box<[NodeState]>,
    /// The pointers that the nodes' tables are made of, and what the other inputs are that they lead to. Kept, never read
    /// by this name.
    #[expect(dead_code, reason = "owns what the nodes point into")]
    tables: Tables,
    /// For each op how many ops from it on run in one loop.
    runs: Box<[u32]>,
    pub mergers: Box<[Option<Merger>]>,
    /// Event edges that feed back: the place of the destination, and the edge's among those into it.
    feedback_events: Box<[(u32, u32)]>,
    /// Place in `nodes` by index of a node's id.
    places: Box<[u32]>,
    pub terms: Box<[Term]>,
    /// One for each term.
    pub ramps: Box<[Ramp]>,
    pub rows: Box<[Row]>,
    mixes: Box<[MixState]>,
    /// Nodes without a processor: the ends of the rig.
    ends: Box<[u32]>,
    /// Whether an input or output of the rig is metered or listened to.
    pub ends_watched: bool,
    pub matrices: Box<[MatrixState]>,
    pub lines: Box<[DelayLine]>,
    pub taps: Box<[TapFade]>,
    /// One for each device channel that is read.
    pub inputs: Box<[InputFade]>,
    /// One behind the last frame of their fades.
    pub inputs_fade_until: u64,
    /// Device channels that some op writes, and how many of them come before the first that none writes.
    written: Box<[bool]>,
    all_written: usize,
    /// Changes of gains within the chunk at hand, by frame.
    pub due: Vec<GainChange>,
    audible: Vec<Term>,
    moving: Vec<RampTerm>,
}

// SAFETY: the pointers in the terms, the matrices and the nodes lead into the program's own arena, whose memory does not
// move with it; a program is used by one thread at a time.
unsafe impl Send for Program {}

impl Program {
    /// Gives a schedule its memory. Control thread: allocates.
    pub fn new(schedule: Arc<Schedule>, settings: &Settings) -> Self {
        let (max_block, events) = (settings.max_block, settings.events);
        let mut arena = Arena::new(schedule.slots as usize, max_block);
        let mut tables = Tables::new(&schedule, &mut arena, max_block);
        let terms = schedule
            .terms
            .iter()
            .map(|term| Term { source: arena.slot(term.slot).cast_const(), gain: term.gain })
            .collect();
        let nodes = node_states(&schedule, &mut tables, max_block, events);
        let matrices = (0..schedule.matrices.len()).map(|index| matrix_state(&schedule, index, &mut arena)).collect();
        let mut places = vec![u32::MAX; schedule.nodes.iter().map(|node| node.id.index() + 1).max().unwrap_or(0)];
        for (place, node) in schedule.nodes.iter().enumerate() {
            places[node.id.index()] = place as u32;
        }
        let device_channels = schedule.outputs.iter().map(|output| output.device_channel as usize + 1).max();
        let mut written = vec![false; device_channels.unwrap_or(0)];
        for output in &schedule.outputs {
            written[output.device_channel as usize] = true;
        }
        let longest_mix = schedule.mixes.iter().map(|mix| mix.terms.count as usize).max().unwrap_or(0);
        Self {
            shared: Shared::new(schedule.slots as usize, max_block, settings.sysex_bytes, dry_channels(&schedule)),
            nodes,
            tables,
            runs: runs(&schedule.ops),
            mergers: schedule.nodes.iter().map(|node| merger(&schedule, node, events)).collect(),
            feedback_events: feedback_events(&schedule),
            places: places.into_boxed_slice(),
            terms,
            ramps: schedule.terms.iter().map(|term| at_rest(term.gain)).collect(),
            rows: vec![Row::default(); schedule.rows.len()].into_boxed_slice(),
            mixes: schedule.mixes.iter().map(|mix| mix_state(&schedule, mix)).collect(),
            ends: (0..).zip(&schedule.nodes).filter(|(_, node)| !node.hosted).map(|(place, _)| place).collect(),
            ends_watched: false,
            matrices,
            lines: schedule.lines.iter().map(|line| DelayLine::new(line.longest, max_block)).collect(),
            taps: vec![TapFade::default(); schedule.taps.len()].into_boxed_slice(),
            inputs: vec![InputFade::default(); schedule.inputs.len()].into_boxed_slice(),
            inputs_fade_until: 0,
            all_written: written.iter().take_while(|&&written| written).count(),
            written: written.into_boxed_slice(),
            due: Vec::with_capacity(MAX_DUE),
            audible: Vec::with_capacity(longest_mix),
            moving: Vec::with_capacity(longest_mix),
            arena,
            schedule,
        }
    }

    /// Place of a node.
    pub fn place(&self, id: NodeId) -> Option<usize> {
        let place = *self.places.get(id.index())? as usize;
        self.nodes.get(place).filter(|node| node.id == id).map(|_| place)
    }

    /// Place of the node that a command speaks of.
    pub fn place_of(&self, command: Command) -> Option<usize> {
        match command {
            Command::Event { node, .. }
            | Command::EndNotes { node }
            | Command::Bypass { node, .. }
            | Command::BypassMode { node, .. }
            | Command::Withdraw { node, .. }
            | Command::TellSleep { node }
            | Command::Meter { node, .. } => self.place(node),
            _ => None,
        }
    }

    /// Opens or closes the gate of an event edge. Says whether it is there.
    pub fn set_gate(&mut self, edge: EdgeId, open: bool) -> bool {
        self.mergers.iter_mut().flatten().any(|merger| merger.merge.set_gate(edge, open))
    }

    /// Runs all ops on one chunk.
    #[inline(never)]
    pub fn run(&mut self, context: &mut Context<'_, '_>) {
        if context.outputs.len() > self.all_written {
            self.clear_unwritten(context);
        }
        let schedule = Arc::as_ptr(&self.schedule);
        // SAFETY: the program holds the schedule for as long as it lives, and nobody can change what an `Arc` holds.
        let ops = unsafe { &(*schedule).ops };
        let (mut place, mut input) = (0, 0);
        while place < ops.len() {
            // What comes many times in a row runs in a loop of its own.
            let run = self.runs[place] as usize;
            let (now, after) = (place, place + run);
            place = after;
            match ops[now] {
                Op::Process { node } if !context.measure => self.process_nodes(node as usize, run, context),
                Op::Process { node } => {
                    for node in node..node + run as u32 {
                        self.process_measured(node, context);
                    }
                }
                Op::Input { .. } => {
                    self.inputs(&ops[now..after], input, context);
                    input += run;
                }
                Op::Output { .. } => self.outputs(&ops[now..after], context),
                Op::Mix { mix } => self.mix(mix, context),
                Op::Clear { slot } => self.make_silent(slot, context),
                Op::Matrix { matrix } => self.matrix(matrix, context),
                Op::DelayWrite { line, slot } | Op::FeedbackWrite { line, slot } => self.keep(line, slot),
                Op::DelayRead { tap, slot } | Op::FeedbackRead { tap, slot } => self.read_tap(tap, slot, context),
                Op::Merge { node } => self.merge(node),
            }
        }
    }

    /// Runs nodes that stand next to each other. A loop of its own, small enough for the machine's registers.
    #[inline(never)]
    fn process_nodes(&mut self, first: usize, count: usize, context: &mut Context<'_, '_>) {
        for node in &mut self.nodes[first..first + count] {
            node.process(&mut self.shared, context);
        }
    }

    #[inline(never)]
    fn process_measured(&mut self, node: u32, context: &mut Context<'_, '_>) {
        let node = &mut self.nodes[node as usize];
        let start = kernels::ticks();
        node.process(&mut self.shared, context);
        let ticks = kernels::ticks().wrapping_sub(start);
        context.reports.load(Load { node: Some(node.id), ticks, frames: self.shared.chunk.frames as u32 });
    }

    #[inline(never)]
    fn make_silent(&mut self, slot: u32, context: &Context<'_, '_>) {
        if !self.shared.silence.get(slot) {
            self.shared.silence.set(slot, true);
            // SAFETY: a slot has room for the longest chunk.
            unsafe { context.kernels.clear(self.arena.slot(slot), self.shared.chunk.max_block) };
        }
    }

    #[inline(never)]
    fn keep(&mut self, line: u32, slot: u32) {
        let source = self.arena.slot(slot);
        // SAFETY: the slot has room for the chunk; the line's memory is apart.
        let samples = unsafe { std::slice::from_raw_parts(source, self.shared.chunk.frames) };
        self.lines[line as usize].write(self.shared.chunk.steady_frame, samples);
    }

    #[inline(never)]
    fn read_tap(&mut self, tap: u32, slot: u32, context: &Context<'_, '_>) {
        let frames = self.shared.chunk.frames;
        let frame = self.shared.chunk.steady_frame;
        let plan = self.schedule.taps[tap as usize];
        let fade = self.taps[tap as usize];
        let line = &self.lines[plan.line as usize];
        let destination = self.arena.slot(slot);
        self.shared.silence.set(slot, false);
        // SAFETY: the slot has room for the chunk; the line's memory is apart.
        let samples = unsafe { std::slice::from_raw_parts_mut(destination, frames) };
        fade.read(line, plan.delay, frame, samples, &mut self.shared.scratch[..frames], context.kernels);
        if fade.is_over(frame) && is_silent(samples, context.kernels) {
            self.make_silent(slot, context);
        }
    }

    #[inline(never)]
    fn merge(&mut self, node: u32) {
        let place = node as usize;
        let Some(merger) = &mut self.mergers[place] else { return };
        let scheduled = &self.schedule.nodes[place];
        let edges = &self.schedule.event_edges[scheduled.events.range()];
        let now = self.shared.chunk.steady_frame;
        for (index, edge) in edges.iter().enumerate() {
            let Some(delay) = &mut merger.delays[index] else { continue };
            if !edge.feedback {
                let source = self.nodes[edge.source as usize].io.events_out();
                delay.push_chunk(now, source, edge.source_port, &self.shared.sysex);
            }
            let delayed = &mut merger.delayed[index];
            delayed.clear();
            delay.take_chunk(now, self.shared.chunk.frames as u32, delayed, &mut self.shared.sysex);
        }
        let Merger { merge, delays, delayed } = merger;
        if self.nodes[place].forgets_events() {
            // Else a key that goes up meanwhile would count as held for ever.
            merge.forget();
        }
        let Some(mut list) = self.nodes[place].take_events_in() else { return };
        let nodes = &self.nodes;
        merge.merge(
            |index| match delays[index] {
                Some(_) => &delayed[index],
                None => nodes[edges[index].source as usize].io.events_out(),
            },
            &mut list,
        );
        self.nodes[place].put_events_in(list);
    }

    /// A command that speaks of a node, at a frame within the chunk at hand.
    pub fn command_node(&mut self, command: Command, offset: u32, context: &mut NodeContext<'_>) {
        let Some(place) = self.place_of(command) else {
            return context.reports.push(Report::Unknown { frame: context.frame });
        };
        let hosted = self.schedule.nodes[place].hosted;
        let state = &mut self.nodes[place];
        match command {
            Command::Event { mut event, .. } => {
                event.frame = offset;
                let list = if hosted { state.io.events_in_mut() } else { state.io.events_out_mut() };
                list.push(event);
            }
            Command::EndNotes { .. } => {
                self.end_notes(place, offset);
                self.end_notes_from(place, offset);
            }
            Command::Bypass { on, .. } => {
                let ends_notes = state.set_bypassed(on, context);
                if ends_notes {
                    self.end_notes(place, offset);
                }
            }
            Command::BypassMode { mode, .. } => state.set_bypass_mode(mode),
            Command::Withdraw { on, .. } => {
                state.set_withdrawn(on, context);
                if on {
                    self.end_notes(place, offset);
                }
            }
            Command::TellSleep { .. } => state.tell_sleep(),
            Command::Meter { on, .. } => {
                state.set_metered(on);
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
                    merger.merge.end(edge.id, offset, self.nodes[destination].io.events_in_mut());
                }
            }
        }
    }

    fn end_notes(&mut self, place: usize, offset: u32) {
        if let Some(merger) = &mut self.mergers[place] {
            merger.merge.end_all(offset, self.nodes[place].io.events_in_mut());
        }
    }

    /// Keeps what feeds back, and forgets the events that input nodes have sent in this chunk, and those that output
    /// nodes received.
    pub fn end_chunk(&mut self) {
        for &(destination, index) in &self.feedback_events {
            let scheduled = &self.schedule.nodes[destination as usize];
            let edge = &self.schedule.event_edges[scheduled.events.range()][index as usize];
            let Some(merger) = &mut self.mergers[destination as usize] else { continue };
            if let Some(delay) = &mut merger.delays[index as usize] {
                let source = self.nodes[edge.source as usize].io.events_out();
                delay.push_chunk(self.shared.chunk.steady_frame, source, edge.source_port, &self.shared.sysex);
            }
        }
        for &place in &self.ends {
            let io = &mut self.nodes[place as usize].io;
            io.events_out_mut().clear();
            io.events_in_mut().clear();
        }
        self.due.clear();
        self.shared.sysex.clear();
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
    /// Frames that a tail may ring on.
    pub tail: u32,
}

/// Changes of gains that one chunk can take behind its first frame; a chunk for which there are more is cut there.
pub(crate) const MAX_DUE: usize = 1024;

/// For each op how many ops from it on are like it: process nodes of consecutive places, read inputs, write outputs.
/// 1 for all others.
fn runs(ops: &[Op]) -> Box<[u32]> {
    let mut runs = vec![1; ops.len()];
    for place in (1..ops.len()).rev() {
        let alike = match (ops[place - 1], ops[place]) {
            (Op::Process { node }, Op::Process { node: next }) => next == node + 1,
            (Op::Input { .. }, Op::Input { .. }) | (Op::Output { .. }, Op::Output { .. }) => true,
            _ => false,
        };
        if alike {
            runs[place - 1] = runs[place] + 1;
        }
    }
    runs.into_boxed_slice()
}

/// The channels of the longest bypass path.
fn dry_channels(schedule: &Schedule) -> usize {
    let outputs = |node: &ScheduledNode| schedule.ports[node.output_ports.range()].first().map_or(0, |port| port.count);
    schedule.nodes.iter().filter(|node| node.bypassable).map(outputs).max().unwrap_or(0) as usize
}

/// The channels of all nodes, in the order of the nodes: the inputs of each and then its outputs. And the same once more
/// with other inputs, which all nodes share: each fills them before it is called with them.
struct Tables {
    channels: Box<[*mut f32]>,
    gated: Box<[*mut f32]>,
    #[expect(dead_code, reason = "owns what the gated inputs are")]
    inputs: Arena,
}

impl Tables {
    fn new(schedule: &Schedule, arena: &mut Arena, max_block: usize) -> Self {
        let most = schedule.nodes.iter().map(|node| node.inputs.count).max().unwrap_or(0);
        let mut inputs = Arena::new(most as usize, max_block);
        let slots = |span: Span| schedule.node_slots[span.range()].iter();
        let count = schedule.nodes.iter().map(|node| node.inputs.count + node.outputs.count).sum::<u32>() as usize;
        let (mut channels, mut gated) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for node in &schedule.nodes {
            channels.extend(slots(node.inputs).chain(slots(node.outputs)).map(|&slot| arena.slot(slot)));
            gated.extend((0..node.inputs.count).map(|input| inputs.slot(input)));
            gated.extend(slots(node.outputs).map(|&slot| arena.slot(slot)));
        }
        Self { channels: channels.into(), gated: gated.into(), inputs }
    }
}

/// How many event outputs of each node edges lead from, up to the last of them.
fn sending_ports(schedule: &Schedule) -> Vec<u16> {
    let mut ports = vec![0; schedule.nodes.len()];
    for edge in &schedule.event_edges {
        let ports: &mut u16 = &mut ports[edge.source as usize];
        *ports = (*ports).max(edge.source_port + 1);
    }
    ports
}

fn node_states(schedule: &Schedule, tables: &mut Tables, max_block: usize, events: usize) -> Box<[NodeState]> {
    let (mut table, mut gated) = (tables.channels.as_mut_ptr(), tables.gated.as_mut_ptr());
    let channels = |slots: Span, ports: Span| Channels {
        slots: schedule.node_slots[slots.range()].into(),
        ports: schedule.ports[ports.range()]
            .iter()
            .map(|port| ChannelRange { first: port.first, count: port.count })
            .collect(),
    };
    let nodes = schedule.nodes.iter().zip(sending_ports(schedule)).map(|(node, sending)| {
        let inputs = channels(node.inputs, node.input_ports);
        let outputs = channels(node.outputs, node.output_ports);
        let main = node.bypassable.then(|| Some((inputs.ports.first()?.count, outputs.ports.first()?.count))).flatten();
        let sends = if node.sends_events || node.bypassable { events } else { 0 };
        let own = (table, gated);
        let count = inputs.slots.len() + outputs.slots.len();
        (table, gated) = (table.wrapping_add(count), gated.wrapping_add(count));
        let (events_in, events_out) = (EventList::with_capacity(events), EventList::with_capacity(sends));
        // An instrument's notes are its own; what has audio inputs, or no audio at all, is an effect.
        let is_effect = node.inputs.count > 0 || node.outputs.count == 0;
        let passes = node.hosted && node.sends_events && node.events.count > 0 && is_effect;
        let passing = EventPath::new(sending, passes, events, node.latency);
        // SAFETY: the tables were made of the same slots in the same order, and the program keeps them and the inputs apart.
        let io = unsafe { NodeIo::new(own.0, own.1, inputs, outputs, events_in, events_out) };
        NodeState::new(node, io, passing, main, max_block)
    });
    nodes.collect()
}

fn feedback_events(schedule: &Schedule) -> Box<[(u32, u32)]> {
    let of_node = |(place, node): (u32, &ScheduledNode)| {
        let edges = (0..).zip(&schedule.event_edges[node.events.range()]);
        edges.filter(|(_, edge)| edge.feedback).map(|(index, _)| (place, index)).collect::<Vec<_>>()
    };
    (0..).zip(&schedule.nodes).flat_map(of_node).collect()
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
