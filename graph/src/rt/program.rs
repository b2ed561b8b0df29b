//! A schedule ready to play: its slots, its sums with their gains, its delay lines, its nodes. Made and dropped on the
//! control thread, run on the audio thread.

mod dense;
mod ends;
mod mixing;
mod sums;

use super::arena::Arena;
use super::block::{ChannelRange, Channels, NodeIo, Shared};
use super::budget::{BlockTime, Budget, OverloadAction, Times, Verdict};
use super::bypass::BypassPath;
use super::command::{Command, Level, Load, Report};
use super::delay_line::DelayLine;
use super::guard::Guards;
use super::kernels::{Kernels, RampTerm, Term};
use super::listen::Listener;
use super::node::NodeState;
use super::passing::EventPath;
use super::renderer::Settings;
use super::tap::TapFade;
use super::trace::{Clue, Trace};
use crate::compile::{Op, Schedule, ScheduledNode, Span};
use crate::event::{EventDelay, EventList, EventMerge, MergeEdge, NoteMatching};
use crate::id::{EdgeId, NodeId};
use dense::MatrixState;
pub(crate) use ends::InputFade;
pub(crate) use mixing::{GainChange, RowPlace};
use mixing::{GainTarget, gain_targets};
use std::sync::Arc;
use sums::Sums;

/// Notes that may sound at once on the event edges into one node.
const NOTES: usize = 256;
/// Bytes of system-exclusive messages that may wait in one delayed event edge.
const DELAYED_SYSEX: usize = 4096;

/// Streams from the renderer to the control half. What does not fit is counted, never waited for.
pub(crate) struct Reports {
    pub reports: rtrb::Producer<Report>,
    pub loads: rtrb::Producer<Load>,
    pub levels: rtrb::Producer<Level>,
    pub clues: rtrb::Producer<Clue>,
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

    pub fn clue(&mut self, clue: Clue) {
        self.lost += u64::from(self.clues.push(clue).is_err());
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
    /// The clock that times are taken by.
    pub now: fn() -> u64,
    /// Whether they are taken for budgets.
    pub times: bool,
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
    sums: Sums,
    /// By crosspoint of the graph where its gain is kept; none if it is elided.
    gain_targets: Box<[Option<GainTarget>]>,
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
    pub guards: Guards,
    pub trace: Trace,
    pub times: Times,
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
        let sums = Sums::new(&schedule, &mut arena);
        let gain_targets = gain_targets(&schedule, &sums);
        let nodes = node_states(&schedule, &mut tables, max_block, events);
        let matrices =
            (0..schedule.matrices.len()).map(|index| MatrixState::new(&schedule, index, &mut arena)).collect();
        let mut places = vec![u32::MAX; schedule.nodes.iter().map(|node| node.id.index() + 1).max().unwrap_or(0)];
        for (place, node) in schedule.nodes.iter().enumerate() {
            places[node.id.index()] = place as u32;
        }
        let device_channels = schedule.outputs.iter().map(|output| output.device_channel as usize + 1).max();
        let mut written = vec![false; device_channels.unwrap_or(0)];
        for output in &schedule.outputs {
            written[output.device_channel as usize] = true;
        }
        Self {
            shared: Shared::new(schedule.slots as usize, max_block, settings.sysex_bytes, dry_channels(&schedule)),
            nodes,
            tables,
            runs: runs(&schedule.ops),
            mergers: schedule.nodes.iter().map(|node| merger(&schedule, node, events)).collect(),
            feedback_events: feedback_events(&schedule),
            places: places.into_boxed_slice(),
            ends: (0..).zip(&schedule.nodes).filter(|(_, node)| !node.hosted).map(|(place, _)| place).collect(),
            ends_watched: false,
            matrices,
            lines: schedule.lines.iter().map(|line| DelayLine::new(line.longest, max_block)).collect(),
            taps: vec![TapFade::default(); schedule.taps.len()].into_boxed_slice(),
            inputs: vec![InputFade::default(); schedule.inputs.len()].into_boxed_slice(),
            inputs_fade_until: 0,
            all_written: written.iter().take_while(|&&written| written).count(),
            written: written.into_boxed_slice(),
            guards: Guards::new(&schedule),
            trace: Trace::new(schedule.nodes.len()),
            times: Times::new(schedule.nodes.len()),
            due: Vec::with_capacity(MAX_DUE),
            audible: Vec::with_capacity(sums.longest()),
            moving: Vec::with_capacity(sums.longest()),
            sums,
            gain_targets,
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
            | Command::Present { node, .. }
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
        let is_watched = context.measure || context.times || self.trace.is_on();
        while place < ops.len() {
            // What comes many times in a row runs in a loop of its own.
            let run = self.runs[place] as usize;
            let (now, after) = (place, place + run);
            place = after;
            match ops[now] {
                Op::Process { node } if !is_watched => self.process_nodes(node as usize, run, context),
                Op::Process { node } => {
                    for node in node..node + run as u32 {
                        self.process_watched(node, context);
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
    fn process_watched(&mut self, node: u32, context: &mut Context<'_, '_>) {
        let place = node as usize;
        let (node, frames) = (&mut self.nodes[place], self.shared.chunk.frames);
        if self.trace.is_on() {
            self.trace.look_at_inputs(place, node, frames, context.kernels);
        }
        let start = (context.now)();
        node.process(&mut self.shared, context);
        let ticks = (context.now)().wrapping_sub(start);
        if context.times {
            self.times.add(place, ticks);
        }
        if context.measure {
            context.reports.load(Load { node: Some(node.id), ticks, frames: frames as u32 });
        }
        if self.trace.is_on() {
            self.trace.look_at_outputs(place, node, frames, context.kernels);
        }
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
        let away = self.nodes[place].is_away();
        merge.set_shut(away);
        if away {
            self.nodes[place].set_held(merge.holds_any());
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
            Command::Present { on, .. } => state.set_away(!on, context),
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

    /// Sets what a node may take of the time, if it is there.
    pub fn set_budget(&mut self, node: NodeId, budget: Option<Budget>) {
        if let Some(place) = self.place(node) {
            self.times.set_budget(place, budget);
        }
    }

    /// Brings a node back that was taken out of the way. False if it is not there.
    pub fn recover(&mut self, node: NodeId, frame: u64, context: &mut NodeContext<'_>) -> bool {
        let Some(place) = self.place(node) else { return false };
        if self.times.recover(place) {
            self.nodes[place].set_overloaded(false, false, frame, context.fade);
            context.reports.push(Report::Recovered { node, frame });
        }
        true
    }

    /// Brings all nodes back that were taken out of the way.
    pub fn recover_all(&mut self, frame: u64, context: &mut NodeContext<'_>) {
        for place in 0..self.nodes.len() {
            self.recover(self.nodes[place].id, frame, context);
        }
    }

    /// Ends a block whose nodes were timed: takes those out of the way that take too long, and brings others back.
    #[inline(never)]
    pub fn end_timed_block(&mut self, block: &BlockTime, context: &mut NodeContext<'_>) {
        let mut times = std::mem::take(&mut self.times);
        let frame = context.frame;
        times.end_block(block, |place, verdict| {
            let node = self.nodes[place].id;
            match verdict {
                Verdict::Overloaded(action, share) => {
                    if action != OverloadAction::Nothing {
                        let muted = action == OverloadAction::Mute;
                        self.nodes[place].set_overloaded(true, muted, frame, context.fade);
                        self.end_notes(place, 0);
                    }
                    context.reports.push(Report::Overloaded { node, frame, share, action });
                }
                Verdict::Recovered => {
                    self.nodes[place].set_overloaded(false, false, frame, context.fade);
                    context.reports.push(Report::Recovered { node, frame });
                }
            }
        });
        self.times = times;
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
            self.nodes[place].end_notes(&mut merger.merge, offset);
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
    let bypassable = schedule.nodes.iter().filter(|node| schedule.traits(node).bypassable);
    let outputs = bypassable.filter_map(|node| schedule.output_ports(node).first());
    outputs.map(|port| port.count).max().unwrap_or(0) as usize
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
    let channels = |slots: Span, ports: &[Span]| Channels {
        slots: schedule.node_slots[slots.range()].into(),
        ports: ports.iter().map(|port| ChannelRange { first: port.first, count: port.count }).collect(),
    };
    let nodes = schedule.nodes.iter().zip(sending_ports(schedule)).map(|(node, sending)| {
        let traits = schedule.traits(node);
        // An end of the rig has no channels of its own here.
        let (input_ports, output_ports) =
            if node.hosted { (schedule.input_ports(node), schedule.output_ports(node)) } else { (&[][..], &[][..]) };
        let inputs = channels(node.inputs, input_ports);
        let outputs = channels(node.outputs, output_ports);
        let main =
            traits.bypassable.then(|| Some((inputs.ports.first()?.count, outputs.ports.first()?.count))).flatten();
        let bypass = main.map(|(inputs, outputs)| BypassPath::new(traits.latency, inputs, outputs, max_block));
        let sends = if traits.sends_events || traits.bypassable { events } else { 0 };
        let own = (table, gated);
        let count = inputs.slots.len() + outputs.slots.len();
        (table, gated) = (table.wrapping_add(count), gated.wrapping_add(count));
        let (events_in, events_out) = (EventList::with_capacity(events), EventList::with_capacity(sends));
        // An instrument's notes are its own; what has audio inputs, or no audio at all, is an effect.
        let is_effect = node.inputs.count > 0 || node.outputs.count == 0;
        let passes = node.hosted && traits.sends_events && node.events.count > 0 && is_effect;
        let passing = EventPath::new(sending, passes, events, traits.latency);
        // SAFETY: the tables were made of the same slots in the same order, and the program keeps them and the inputs apart.
        let io = unsafe { NodeIo::new(own.0, own.1, inputs, outputs, events_in, events_out) };
        NodeState::new(node, traits.latency, io, passing, bypass)
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
