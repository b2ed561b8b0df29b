//! A node on the audio thread: what of it outlives schedules, and how it renders a chunk: awake, asleep, on its way to
//! its bypass path or on that path.

use super::block::{Block, NodeIo, Shared};
use super::bypass::BypassPath;
use super::command::{Fault, Report};
use super::kernels::Kernels;
use super::listen::ListenTo;
use super::program::Context;
use super::silence::Silence;
use crate::compile::ScheduledNode;
use crate::event::EventBody;
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

/// Which of its two paths a node plays.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    /// The processor's output.
    Wet,
    /// The bypass path: the input, as late as the node; silence where there is none.
    Dry,
    /// Fading from wet to dry since that frame, which may lie before the first.
    ToDry(i64),
    /// Fading from dry to wet.
    ToWet(i64),
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
    path: Path,
    /// Whether a person or the control half wants the bypass path.
    bypassed: bool,
    faulted: bool,
    metered: bool,
    listened: bool,
    bypass: Option<Box<BypassPath>>,
}

impl NodeState {
    /// A node without a processor. `main` are the channels of the main input and output, if the node is to have a bypass
    /// path.
    pub fn new(node: &ScheduledNode, io: NodeIo, main: Option<(u32, u32)>, max_block: usize) -> Self {
        Self {
            processor: None,
            io,
            id: node.id,
            started: false,
            rest: Rest::Awake,
            path: Path::Wet,
            bypassed: false,
            faulted: false,
            metered: false,
            listened: false,
            bypass: main.map(|(inputs, outputs)| Box::new(BypassPath::new(node, inputs, outputs, max_block))),
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
        self.bypassed = old.bypassed;
        self.metered = old.metered;
        self.path = old.path;
        if let (Some(new), Some(old)) = (&mut self.bypass, &mut old.bypass) {
            new.adopt(old, frame, fade);
        }
        if fresh && !self.bypassed {
            // Whatever played before, the new processor fades in over the bypass path.
            self.path = Path::Dry;
        }
        self.retarget(frame, fade);
    }

    /// The frame until which this node cannot take the place of the same one under the schedule before without a jump,
    /// if it cannot at `frame`.
    pub fn waits_for(&self, old: &Self, frame: u64) -> Option<u64> {
        let (Some(new), Some(before)) = (&self.bypass, &old.bypass) else { return None };
        before.holds_up(new, frame).filter(|_| old.path != Path::Wet)
    }

    /// Asks for the bypass path or for the processor.
    pub fn set_bypassed(&mut self, on: bool, frame: u64, fade: u32) {
        self.bypassed = on;
        self.retarget(frame, fade);
    }

    /// Whether events are of use to the processor.
    pub fn takes_events(&self) -> bool {
        self.path != Path::Dry
    }

    /// Starts the fade that leads to where the node should be.
    fn retarget(&mut self, frame: u64, fade: u32) {
        let frame = frame as i64;
        let fade = i64::from(fade);
        let playable = self.processor.is_some() && !self.faulted;
        let dry = self.bypassed || !playable;
        self.path = match self.path {
            Path::Wet | Path::ToWet(_) if dry && !playable => Path::Dry,
            Path::Wet if dry => Path::ToDry(frame),
            // A fade that turns round goes on from where it is.
            Path::ToWet(start) if dry => Path::ToDry(frame - (fade - (frame - start)).max(0)),
            Path::Dry if !dry => Path::ToWet(frame),
            Path::ToDry(start) if !dry => Path::ToWet(frame - (fade - (frame - start)).max(0)),
            path => path,
        };
        self.review();
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

    /// Finds out whether the short way will do. Called after every change.
    pub fn review(&mut self) {
        if self.processor.is_none() || self.faulted {
            self.path = Path::Dry;
        }
        let keeps_past = self.bypass.as_ref().is_some_and(|bypass| bypass.keeps_past());
        self.io.plain = self.processor.is_some()
            && self.started
            && self.rest == Rest::Awake
            && self.path == Path::Wet
            && !self.metered
            && !self.listened
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
        self.path = Path::Dry;
        self.review();
        let frame = shared.chunk.steady_frame;
        context.reports.push(Report::Fault { node: self.id, frame, fault: Fault::Failed });
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
        self.io.events_out_mut().clear();
        let silent = self.io.scan_silence(&shared.silence);
        if !self.started
            && let Some(processor) = &mut self.processor
            && !self.faulted
        {
            processor.start();
            self.started = true;
            self.review();
        }
        let lost = self.io.events_in_mut().take_dropped() + self.io.events_out_mut().take_dropped();
        if lost > 0 {
            context.reports.push(Report::EventsLost { node: self.id, count: lost });
        }
        self.keep_dry(shared, context.kernels);
        if self.path == Path::Dry {
            self.flush(shared, context);
            self.play_dry(silent, shared, context);
        } else {
            if silent {
                self.call_while_silent(shared, context);
            } else {
                self.rest = Rest::Awake;
                self.call(shared, context);
            }
            match self.path {
                Path::Wet => {}
                // It failed just now.
                Path::Dry => {
                    self.read_dry_again(shared, context.kernels);
                    self.play_dry(false, shared, context);
                }
                Path::ToDry(start) => self.fade(start, true, shared, context),
                Path::ToWet(start) => self.fade(start, false, shared, context),
            }
        }
        if self.metered || self.listened {
            self.watch_outputs(shared, context);
        }
        self.io.input_silence = 0;
        if let Some(bypass) = &mut self.bypass {
            bypass.end_chunk(shared);
        }
        self.review();
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
        let status = self.call(shared, context);
        let frames = shared.chunk.frames as u32;
        self.rest = match (status, self.rest) {
            (Status::Sleep, _) => Rest::Asleep,
            (Status::Tail(u32::MAX), _) => Rest::Awake,
            // An event starts the tail anew.
            (Status::Tail(length), Rest::Tail(left)) if !woken => match left.min(length).saturating_sub(frames) {
                0 => Rest::Asleep,
                left => Rest::Tail(left),
            },
            (Status::Tail(length), _) => match length.saturating_sub(frames) {
                0 => Rest::Asleep,
                left => Rest::Tail(left),
            },
            (Status::ContinueIfNotQuiet, _) if self.outputs_are_quiet(shared, context) => Rest::Asleep,
            _ => Rest::Awake,
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

    /// Keeps the input for the bypass path, before an in-place processor overwrites it.
    fn keep_dry(&mut self, shared: &mut Shared, kernels: &Kernels) {
        let Some(bypass) = &mut self.bypass else { return };
        bypass.write(&self.io, shared);
        if self.path != Path::Wet {
            bypass.read(&self.io, shared, kernels);
        }
    }

    /// The processor failed on a path that was wet: what it left of its input is gone, unless a line kept it.
    fn read_dry_again(&mut self, shared: &mut Shared, kernels: &Kernels) {
        let Some(bypass) = &mut self.bypass else { return };
        if bypass.keeps_past() || self.io.outputs().iter().all(|output| !self.io.inputs().contains(output)) {
            bypass.read(&self.io, shared, kernels);
        } else {
            bypass.clear();
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
                    context.kernels.copy(bypass.channel(channel).as_ptr(), output, frames);
                } else {
                    context.kernels.clear(output, frames);
                }
            }
            shared.silence.set(slot, false);
        }
    }

    /// Cross-fades between the processor's output, which the slots hold, and the bypass path.
    fn fade(&mut self, start: i64, to_dry: bool, shared: &mut Shared, context: &mut Context<'_, '_>) {
        let frames = shared.chunk.frames;
        let length = context.fade.max(1);
        let elapsed = (shared.chunk.steady_frame as i64 - start).clamp(0, i64::from(length)) as u32;
        let fading = frames.min((length - elapsed) as usize);
        let step = 1.0 / length as f32;
        let main = self.main_outputs();
        for (channel, (&output, &slot)) in self.io.outputs().iter().zip(&self.io.output_slots).enumerate() {
            let dry = self.bypass.as_ref().filter(|_| channel < main).map(|bypass| bypass.channel(channel));
            // SAFETY: output channels are valid for the frames of the chunk; the bypass path's memory is apart.
            unsafe {
                let kernels = context.kernels;
                match (dry, to_dry) {
                    (Some(dry), true) => {
                        kernels.crossfade(output, dry.as_ptr(), output, fading, elapsed, step);
                        kernels.copy(dry.as_ptr().add(fading), output.add(fading), frames - fading);
                    }
                    (Some(dry), false) => kernels.crossfade(dry.as_ptr(), output, output, fading, elapsed, step),
                    (None, true) => {
                        kernels.gain_ramp(output, output, fading, 1.0, -step, elapsed);
                        kernels.clear(output.add(fading), frames - fading);
                    }
                    (None, false) => kernels.gain_ramp(output, output, fading, 0.0, step, elapsed),
                }
            }
            shared.silence.set(slot, false);
        }
        if elapsed + frames as u32 >= length {
            if to_dry {
                self.path = Path::Dry;
                if let Some(processor) = &mut self.processor {
                    processor.reset();
                }
                self.rest = Rest::Awake;
                context.reports.push(Report::Bypassed { node: self.id });
            } else {
                self.path = Path::Wet;
            }
            self.review();
        }
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
