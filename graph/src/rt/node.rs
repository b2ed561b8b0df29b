//! A node on the audio thread: what of it outlives schedules, and how it renders a chunk: awake, asleep, bypassed with a
//! tail or without, away, or on its way there.

mod away;

use super::block::{Block, NodeIo, Shared};
use super::bypass::BypassPath;
use super::command::{BypassMode, Fault, Report};
use super::kernels::Kernels;
use super::listen::ListenTo;
use super::mute::Mute;
use super::passing::{EventPath, Sender};
use super::program::{Context, NodeContext};
use super::silence::Silence;
use super::way::Way;
use super::weight::Weight;
use crate::compile::ScheduledNode;
use crate::event::{Event, EventBody, EventList, EventMerge, NoteAddress};
use crate::id::NodeId;
use crate::processor::{Processor, Status};

/// Below this magnitude, -120 dBFS, a channel is quiet.
const QUIET: f32 = 1e-6;

/// What a processor has said about being called while nothing comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rest {
    /// Call it.
    Awake,
    /// Call it for so many frames more.
    Tail(u32),
    /// Leave it alone.
    Asleep,
}

/// What is heard of a node in a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    /// The processor's output as it is.
    Wet,
    /// The bypass path alone: the input, as late as the node; silence where there is none.
    Dry,
    /// Both, as they are weighed.
    Both,
}

/// A node of a program. What every chunk looks at stands in the first cache line: the processor, and the front of the
/// [`NodeIo`].
#[repr(C, align(64))]
pub(crate) struct NodeState {
    pub processor: Option<Box<dyn Processor>>,
    pub io: NodeIo,
    pub id: NodeId,
    started: bool,
    rest: Rest,
    /// Whether keys are down that it was given, as far as that matters: while it is away.
    is_held: bool,
    way: Way,
    faulted: bool,
    /// Silences one that takes too much time, if that is what is to be done about it.
    mute: Mute,
    metered: bool,
    listened: bool,
    hosted: bool,
    latency: u32,
    /// If somebody is to hear that it sleeps: for how many frames nothing has come in since.
    tells_sleep: Option<u32>,
    events: EventPath,
    bypass: Option<Box<BypassPath>>,
}

impl NodeState {
    /// A node without a processor, with a bypass path if it is to have one.
    pub fn new(node: &ScheduledNode, latency: u32, io: NodeIo, events: EventPath, bypass: Option<BypassPath>) -> Self {
        Self {
            processor: None,
            id: node.id,
            started: false,
            rest: Rest::Awake,
            is_held: false,
            way: Way::new(io.input_slots.is_empty() && node.events.count == 0),
            io,
            faulted: false,
            mute: Mute::default(),
            metered: false,
            listened: false,
            hosted: node.hosted,
            latency,
            tells_sleep: None,
            events,
            bypass: bypass.map(Box::new),
        }
    }

    /// Takes over from the same node under the schedule before, as of `frame`: the processor, unless it is to go
    /// home or a new one sits here already.
    pub fn adopt(&mut self, old: &mut Self, withdraw: bool, frame: u64, fade: u32) {
        let fresh = self.processor.is_some();
        if !fresh && !withdraw {
            std::mem::swap(&mut self.processor, &mut old.processor);
            self.started = std::mem::take(&mut old.started);
            self.rest = old.rest;
            // A program that never rendered has what its processor was told on the way.
            std::mem::swap(self.io.events_in_mut(), old.io.events_in_mut());
        }
        self.faulted = old.faulted && !fresh;
        self.is_held = old.is_held;
        self.mute = old.mute;
        self.metered = old.metered;
        self.tells_sleep = old.tells_sleep;
        self.way.adopt(&old.way, fresh);
        if fresh {
            self.rest = if self.way.is_away() { Rest::Asleep } else { Rest::Awake };
        }
        if !self.way.is_overloaded() {
            self.mute.set(false, frame, fade);
        }
        self.events.adopt(&mut old.events);
        if let (Some(new), Some(old)) = (&mut self.bypass, &mut old.bypass) {
            new.adopt(old, frame, fade);
        }
        self.retarget(frame, fade);
    }

    /// The frame until which this node cannot take the place of the same one under the schedule before without a jump,
    /// if it cannot at `frame`.
    pub fn waits_for(&self, old: &Self, frame: u64) -> Option<u64> {
        let (Some(new), Some(before)) = (&self.bypass, &old.bypass) else { return None };
        let is_heard = old.way.wet != Weight::One || !before.is_open(old.way.gate, frame);
        before.holds_up(new, frame).filter(|_| is_heard)
    }

    /// Whether there is a processor that can be called.
    fn is_playable(&self) -> bool {
        self.processor.is_some() && !self.faulted
    }

    /// Takes a node that takes too much time out of the way: it fades to its bypass path, and to silence if it is to be muted;
    /// or brings it back.
    pub fn set_overloaded(&mut self, on: bool, muted: bool, frame: u64, fade: u32) {
        self.way.set_overloaded(on);
        self.mute.set(on && muted, frame, fade);
        self.retarget(frame, fade);
    }

    /// The state of a node that nobody has heard yet, as far as it is told.
    pub fn begin_bypassed(&mut self, on: Option<bool>, mode: Option<BypassMode>) {
        self.way.begin(on.unwrap_or(self.way.is_bypassed()), mode.unwrap_or(self.way.mode));
        self.review();
    }

    /// How it is bypassed from the next time on.
    pub fn set_bypass_mode(&mut self, mode: BypassMode) {
        self.way.mode = mode;
    }

    /// Asks for the bypass path or for the processor. Says whether the processor's notes end by that.
    pub fn set_bypassed(&mut self, on: bool, context: &NodeContext<'_>) -> bool {
        if let BypassMode::Own { parameter, on: bypassed, off } = self.way.mode {
            let value = if on { bypassed } else { off };
            let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
            self.io.events_in_mut().push(Event { frame: 0, port: 0, body });
            return false;
        }
        if self.way.is_bypassed() == on {
            return false;
        }
        self.way.set_bypassed(on, context.frame, context.tail);
        if self.rest == Rest::Asleep {
            // It is to hear of the notes that end.
            self.rest = Rest::Awake;
        }
        self.retarget(context.frame, context.fade);
        on && !self.way.is_live()
    }

    /// Fades to the bypass path for the processor to go home, or back.
    pub fn set_withdrawn(&mut self, on: bool, context: &mut NodeContext<'_>) {
        self.way.set_withdrawn(on);
        self.retarget(context.frame, context.fade);
        if on && self.way.wet == Weight::Zero {
            context.reports.push(Report::Bypassed { node: self.id });
        }
    }

    /// Starts the fades that lead to where the node should be.
    fn retarget(&mut self, frame: u64, fade: u32) {
        let late = self.bypass.as_ref().map_or(0, |bypass| bypass.latency());
        self.way.retarget(self.is_playable(), late, frame, fade);
        self.review();
    }

    /// Ends the notes that the processor was given, and those that pass it.
    pub fn end_notes(&mut self, merge: &mut EventMerge, offset: u32) {
        let events = self.io.events_in_mut();
        let first = events.len();
        merge.end_all(offset, events);
        if !self.hears_events() {
            // What came before passes by itself, or is not to.
            self.events.pass(&self.io.events_in().as_slice()[first..]);
        }
    }

    /// Whether the processor knows nothing any more of the notes that it was given; told once, or for as long as it is
    /// given none.
    pub fn forgets_events(&mut self) -> bool {
        let is_deaf = self.events.sender() == Sender::Nobody || self.way.is_gone();
        self.events.take_forgets() || is_deaf && !self.hears_events()
    }

    /// Whether events that come go to the processor.
    fn hears_events(&self) -> bool {
        self.is_playable() && (self.way.is_through() || self.way.is_live()) && self.way.outlet != Weight::Zero
    }

    /// Takes the list out that events which come go into, to be filled and put back; none if they go nowhere.
    pub fn take_events_in(&mut self) -> Option<EventList> {
        match self.events.take_list() {
            None if self.hears_events() || self.events.sender() == Sender::Processor => Some(self.io.take_events_in()),
            list => list,
        }
    }

    /// Puts it back.
    pub fn put_events_in(&mut self, list: EventList) {
        if self.events.sender() != Sender::Input {
            return self.io.put_events_in(list);
        }
        if self.hears_events() {
            self.io.events_in_mut().append(&list, 0);
        }
        self.events.put_list(list);
    }

    /// Says the next time that it sleeps.
    pub fn tell_sleep(&mut self) {
        self.tells_sleep = Some(0);
    }

    /// Switches its meters on or off.
    pub fn set_metered(&mut self, on: bool) {
        self.metered = on;
        self.review();
    }

    /// Says whether a listener wants its outputs.
    pub fn set_listened(&mut self, on: bool) {
        if std::mem::replace(&mut self.listened, on) != on {
            self.review();
        }
    }

    /// Whether its processor may leave something behind on the thread.
    pub fn is_foreign(&self) -> bool {
        self.processor.as_ref().is_some_and(|processor| processor.is_foreign())
    }

    /// Finds out whether the short way will do. Called after every change.
    pub fn review(&mut self) {
        let playable = self.is_playable();
        if !playable {
            self.way.wet = Weight::Zero;
        }
        let (through, gone) = (playable && self.way.is_through(), self.way.is_gone());
        self.events.set_sender(through && !gone || !self.hosted, self.hears_events());
        let keeps_past = self.bypass.as_ref().is_some_and(|bypass| bypass.keeps_past());
        self.io.plain = self.processor.is_some()
            && self.started
            && self.rest == Rest::Awake
            && self.way.wet == Weight::One
            && self.way.gate == Weight::One
            && self.way.inlet == Weight::One
            && self.way.outlet == Weight::One
            && self.events.is_plain()
            && !self.metered
            && !self.listened
            && !self.mute.acts()
            && !keeps_past
            && self.io.events_in().is_empty()
            && self.io.events_out().is_empty();
    }

    /// Stops the processor before it goes home.
    pub fn stop(&mut self) {
        if let Some(processor) = &mut self.processor
            && std::mem::take(&mut self.started)
        {
            processor.stop();
        }
    }

    /// Renders one chunk. What most nodes of a playing rig need is done here, in few steps; all else with care.
    #[inline(always)]
    pub fn process(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        // SAFETY: both belong to the same program.
        let may_hold = |silence: &Silence| unsafe { silence.may_hold(self.io.slots) };
        if !self.io.plain || may_hold(&shared.silence) && !self.begin_to_sound(&mut shared.silence) {
            return self.process_with_care(shared, context);
        }
        debug_assert!(self.processor.is_some(), "plain without a processor");
        // SAFETY: `review` finds no node plain that has no processor, and is called whenever one comes or goes.
        let processor = unsafe { self.processor.as_mut().unwrap_unchecked() };
        // SAFETY: as in `call`.
        let block = unsafe { Block::new(shared, &mut self.io) };
        processor.process_plain(block);
        if !self.io.plain {
            self.heed(shared, context);
        }
    }

    /// Whether all inputs sound, of which there is at least one. If so, the outputs are about to.
    #[cold]
    #[inline(never)]
    fn begin_to_sound(&self, silence: &mut Silence) -> bool {
        let sounds = !self.io.input_slots.is_empty() && !silence.any(&self.io.input_set);
        if sounds {
            silence.unset(&self.io.output_set);
        }
        sounds
    }

    /// After a plain call: a failure, or events for the control half.
    #[cold]
    fn heed(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        self.report_events(shared, context);
        if self.io.take_failed() {
            self.fail(shared, context);
            self.events.end_chunk(&mut self.io, shared);
            self.read_dry_again(shared, context.kernels);
            self.play_dry(false, shared, context);
        }
    }

    /// Calls the processor and deals with what it says.
    fn call(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) -> Status {
        shared.silence.unset(&self.io.output_set);
        let Some(processor) = &mut self.processor else { return Status::Sleep };
        // SAFETY: the io belongs to the program whose arena it leads into, which renders nothing else meanwhile;
        // `verify` has checked that outputs are apart and overwrite only inputs of an in-place node.
        let block = unsafe { Block::new(shared, &mut self.io) };
        let status = processor.process(block);
        self.io.events_in_mut().clear();
        self.report_events(shared, context);
        if status == Status::Error {
            self.fail(shared, context);
        }
        status
    }

    #[cold]
    fn fail(&mut self, shared: &Shared, context: &mut Context<'_, '_>) {
        self.faulted = true;
        self.review();
        let frame = shared.chunk.steady_frame;
        context.reports.push(Report::Fault { node: self.id, frame, fault: Fault::Failed });
        if self.way.is_withdrawn() {
            // It was on its way to silence, and is there.
            context.reports.push(Report::Bypassed { node: self.id });
        }
    }

    /// Tells the control half what the processor did to its own parameters.
    fn report_events(&mut self, shared: &Shared, context: &mut Context<'_, '_>) {
        for &event in self.io.events_out().as_slice() {
            if matches!(event.body, EventBody::Parameter { .. } | EventBody::Gesture { .. }) {
                let frame = shared.chunk.steady_frame + u64::from(event.frame);
                context.reports.push(Report::Sent { node: self.id, frame, event });
            }
        }
    }

    /// Everything that is not a plain call: silence, sleep, the bypass path, the first block, meters.
    #[cold]
    #[inline(never)]
    fn process_with_care(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        self.io.plain = false;
        let mut silent = self.io.scan_silence(&shared.silence);
        if !self.started
            && let Some(processor) = &mut self.processor
            && !self.faulted
        {
            processor.start();
            self.started = true;
            self.review();
        }
        self.events.begin_chunk(&mut self.io);
        let lost = self.io.events_in_mut().take_dropped() + self.io.events_out_mut().take_dropped();
        if lost > 0 {
            context.reports.push(Report::EventsLost { node: self.id, count: lost });
        }
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        self.way.end_tail(frame, frames, context.fade);
        if let Some(end) = self.way.end_ringing(frame, frames, context.fade) {
            self.events.end_at(end);
        }
        let called = self.is_called();
        silent |= self.way.inlet == Weight::Zero;
        if !called && self.is_out(frame) {
            self.stay_away(shared, context);
        } else if self.is_let_in_part() {
            let weights = &mut shared.scratch[..frames];
            self.way.inlet.fill(frame, context.fade, weights);
            self.io.open_gated(weights);
            self.play(called, silent, shared, context);
            self.io.close_gated();
        } else {
            self.play(called, silent, shared, context);
        }
        if self.way.outlet != Weight::One {
            self.apply_outlet(shared, context);
        }
        if self.mute.acts() {
            self.apply_mute(shared, context);
        }
        self.events.end_chunk(&mut self.io, shared);
        if self.metered || self.listened {
            self.watch_outputs(shared, context);
        }
        if let Some(frames) = self.tells_sleep {
            let silence = if silent { frames.saturating_add(shared.chunk.frames as u32) } else { 0 };
            self.note_silence(silence, called, frame, context);
        }
        self.io.input_silence = 0;
        if let Some(bypass) = &mut self.bypass {
            bypass.end_chunk(self.way.gate, shared);
        }
        self.settle(called, shared, context);
        self.review();
    }

    /// A chunk of its processor, its bypass path, or both.
    fn play(&mut self, called: bool, silent: bool, shared: &mut Shared, context: &mut Context<'_, '_>) {
        let heard = self.keep_dry(called, shared, context);
        if called {
            self.call_through_gate(silent, shared, context);
        } else {
            self.flush(shared, context);
        }
        match heard {
            // It failed just now.
            Heard::Wet if self.faulted => {
                self.read_dry_again(shared, context.kernels);
                self.play_dry(false, shared, context);
            }
            Heard::Both if self.faulted => self.play_dry(false, shared, context),
            Heard::Wet => {}
            Heard::Dry => self.play_dry(silent, shared, context),
            Heard::Both => {
                if !called {
                    self.silence_outputs(shared, context);
                }
                self.mix(shared);
            }
        }
    }

    /// Says that it sleeps if nothing has come in for so many frames that nothing sounds any more: of the processor by its own
    /// word or because it is not heard, nor of the bypass path.
    #[cold]
    fn note_silence(&mut self, silence: u32, called: bool, frame: u64, context: &mut Context<'_, '_>) {
        let is_at_rest = !called || self.rest == Rest::Asleep;
        let reach = self.bypass.as_ref().map_or(0, |bypass| bypass.reach(frame));
        self.tells_sleep = Some(silence).filter(|_| !is_at_rest || silence == 0 || silence < reach);
        if self.tells_sleep.is_none() {
            context.reports.push(Report::Sleeps { node: self.id });
        }
    }

    /// Whether the processor is called in this chunk: not if nothing is heard of it, save by setting, and not once its tail
    /// is over.
    fn is_called(&self) -> bool {
        let is_wanted = self.way.wet != Weight::Zero || self.way.is_live();
        self.is_playable() && is_wanted && self.way.outlet != Weight::Zero && !self.is_spent()
    }

    /// Whether it is bypassed or away and its tail is over.
    fn is_spent(&self) -> bool {
        let is_bypassed = self.way.lets_ring() && self.way.gate == Weight::Zero;
        let is_away = self.way.closed_since().is_some() && !self.is_held;
        (is_bypassed || is_away) && self.rest == Rest::Asleep
    }

    /// Calls the processor with what of the input comes through the gate.
    fn call_through_gate(&mut self, silent: bool, shared: &mut Shared, context: &mut Context<'_, '_>) {
        let is_gated = self.way.gate != Weight::One && !self.io.input_slots.is_empty();
        let is_narrowed = self.is_let_in_part();
        let silent = silent || is_gated && self.way.gate == Weight::Zero;
        if is_gated {
            let weights = &mut shared.scratch[..shared.chunk.frames];
            self.way.gate.fill(shared.chunk.steady_frame, context.fade, weights);
            match is_narrowed {
                true => self.io.narrow_gated(weights),
                false => self.io.open_gated(weights),
            }
        }
        if silent && (is_gated || is_narrowed) {
            self.io.input_silence = u64::MAX;
        }
        if silent {
            self.call_while_silent(shared, context);
        } else {
            self.rest = Rest::Awake;
            self.call(shared, context);
        }
        if is_gated && !is_narrowed {
            self.io.close_gated();
        }
    }

    /// Notes at the end of a chunk what fades and tails are over. The processor then forgets what sounded: the chunk in which
    /// it says that nothing more will come must leave no trace in what is heard of it later.
    fn settle(&mut self, called: bool, shared: &Shared, context: &mut Context<'_, '_>) {
        let end = shared.chunk.steady_frame + shared.chunk.frames as u64;
        let was_let_out = self.way.outlet != Weight::Zero;
        let is_unheard = self.way.settle(end, context.fade);
        let is_shut = was_let_out && self.way.outlet == Weight::Zero;
        let forgets = called && (is_unheard && !self.way.is_live() || is_shut || self.is_spent());
        if let Some(processor) = self.processor.as_mut().filter(|_| forgets) {
            processor.reset();
        }
        if is_unheard {
            if !self.way.is_live() {
                self.rest = Rest::Awake;
            }
            context.reports.push(Report::Bypassed { node: self.id });
        }
        if is_shut {
            self.rest = Rest::Asleep;
        }
    }

    /// The processor's own word decides whether it is called.
    fn call_while_silent(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        let woken = !self.io.events_in().is_empty()
            || context.transport_started
            || self.processor.as_ref().is_some_and(|processor| processor.wants_processing());
        if self.rest == Rest::Asleep {
            if !woken {
                self.silence_outputs(shared, context);
                return;
            }
            self.rest = Rest::Awake;
        }
        let tail = match self.call(shared, context) {
            // What it sends is as late as it says.
            Status::Sleep => Some(self.latency),
            Status::Tail(length) if length < u32::MAX => Some(length.saturating_add(self.latency)),
            Status::ContinueIfNotQuiet if self.outputs_are_quiet(shared, context) => Some(0),
            _ => None,
        };
        // An event starts the tail anew.
        let left = match (tail, self.rest) {
            (Some(tail), Rest::Tail(left)) if !woken => Some(left.min(tail)),
            (tail, _) => tail,
        };
        self.rest = match left.map(|left| left.saturating_sub(shared.chunk.frames as u32)) {
            Some(0) => Rest::Asleep,
            Some(left) => Rest::Tail(left),
            None => Rest::Awake,
        };
    }

    fn outputs_are_quiet(&self, shared: &Shared, context: &Context<'_, '_>) -> bool {
        let frames = shared.chunk.frames;
        self.io.outputs().iter().all(|&channel| {
            // SAFETY: output channels are valid for the frames of the chunk.
            unsafe { context.kernels.all_below(channel, frames, QUIET) }
        })
    }

    /// Makes the outputs zero, which costs nothing if they are already.
    fn silence_outputs(&mut self, shared: &mut Shared, context: &Context<'_, '_>) {
        for (&channel, &slot) in self.io.outputs().iter().zip(&self.io.output_slots) {
            if !shared.silence.get(slot) {
                // A whole slot, so that the word holds for chunks of any length.
                // SAFETY: a slot is valid for the longest chunk.
                unsafe { context.kernels.clear(channel, shared.chunk.max_block) };
                shared.silence.set(slot, true);
            }
        }
    }

    /// Parameters of a node that is not processed.
    fn flush(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        if self.io.events_in().is_empty() {
            return;
        }
        if let Some(processor) = &mut self.processor
            && self.started
            && !self.faulted
        {
            // SAFETY: as in `call`.
            let block = unsafe { Block::new(shared, &mut self.io) };
            processor.flush(block);
        }
        self.io.events_in_mut().clear();
        self.report_events(shared, context);
    }

    /// Keeps the input for the bypass path, before an in-place processor overwrites it, and reads what is heard of that.
    /// Returns what is heard of the node.
    fn keep_dry(&mut self, called: bool, shared: &mut Shared, context: &Context<'_, '_>) -> Heard {
        let Self { way, io, bypass, .. } = self;
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        let Some(bypass) = bypass else {
            shared.mixture.weigh_wet(way.wet, frame, frames, context.fade);
            return match way.wet {
                _ if !called => Heard::Dry,
                Weight::One => Heard::Wet,
                Weight::Zero => Heard::Dry,
                _ => Heard::Both,
            };
        };
        bypass.write(io, way.gate, shared, context.fade);
        if way.wet == Weight::One && bypass.is_open(way.gate, frame) {
            return Heard::Wet;
        }
        bypass.read(io, shared, context.kernels);
        if way.wet == Weight::Zero || !called && bypass.is_closed(way.gate, frame) {
            return Heard::Dry;
        }
        bypass.weigh(way, shared, context.fade, context.kernels);
        Heard::Both
    }

    /// The processor failed on a path that was wet: what it left of its input is gone, unless a line kept it.
    fn read_dry_again(&mut self, shared: &mut Shared, kernels: &Kernels) {
        let Some(bypass) = &self.bypass else { return };
        if bypass.keeps_past() || self.io.outputs().iter().all(|output| !self.io.inputs().contains(output)) {
            bypass.read(&self.io, shared, kernels);
        } else {
            bypass.clear(shared);
        }
    }

    /// Channels of the main output.
    fn main_outputs(&self) -> usize {
        self.io.output_ports.first().map_or(0, |port| port.count as usize)
    }

    /// Plays the bypass path alone.
    fn play_dry(&mut self, silent: bool, shared: &mut Shared, context: &Context<'_, '_>) {
        let main = self.main_outputs();
        let Some(bypass) = &self.bypass else { return self.silence_outputs(shared, context) };
        if silent && !bypass.keeps_past() {
            return self.silence_outputs(shared, context);
        }
        let frames = shared.chunk.frames;
        for (channel, (&output, &slot)) in self.io.outputs().iter().zip(&self.io.output_slots).enumerate() {
            // SAFETY: output channels are valid for the frames of the chunk; the bypass path's memory is apart.
            unsafe {
                if channel < main {
                    context.kernels.copy(shared.mixture.dry(channel).as_ptr(), output, frames);
                } else {
                    context.kernels.clear(output, frames);
                }
            }
            shared.silence.set(slot, false);
        }
    }

    /// Makes what the slots hold, the processor's output, what is heard of the node.
    fn mix(&mut self, shared: &mut Shared) {
        let main = if self.bypass.is_some() { self.main_outputs() } else { 0 };
        for (channel, (&output, &slot)) in self.io.outputs().iter().zip(&self.io.output_slots).enumerate() {
            // SAFETY: output channels are valid for the frames of the chunk; the bypass path's memory is apart.
            let samples = unsafe { std::slice::from_raw_parts_mut(output, shared.chunk.frames) };
            shared.mixture.mix(samples, (channel < main).then_some(channel));
            shared.silence.set(slot, false);
        }
    }

    fn apply_mute(&mut self, shared: &mut Shared, context: &Context<'_, '_>) {
        if self.mute.is_shut() {
            return self.silence_outputs(shared, context);
        }
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        // SAFETY: output channels are valid for the frames of the chunk, and apart from each other.
        let channel = |&output: &*mut f32| unsafe { std::slice::from_raw_parts_mut(output, frames) };
        self.mute.apply(self.io.outputs().iter().map(channel), frames, frame, context.fade, context.kernels);
    }

    fn watch_outputs(&mut self, shared: &Shared, context: &mut Context<'_, '_>) {
        for (channel, &output) in self.io.outputs().iter().enumerate() {
            let source = ListenTo { node: self.id, channel: channel as u16 };
            // SAFETY: output channels are valid for the frames of the chunk.
            let samples = unsafe { std::slice::from_raw_parts(output.cast_const(), shared.chunk.frames) };
            context.reports.watch(source, self.metered, shared.chunk.steady_frame, samples, context.kernels);
        }
    }
}
