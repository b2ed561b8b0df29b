//! Everything that one call of a plugin's `process` is handed: built once at activation, reused for each block. A block stores
//! channel pointers, silence flags, frames and musical time into it; nothing is built anew.
#![deny(clippy::disallowed_types)]

use std::ptr;
use std::sync::Arc;

use crosspoint_graph::Block;
use crosspoint_graph::event::{Event, EventBody};
use smallvec::SmallVec;
use vst3::ComWrapper;
use vst3::Steinberg::Vst::{AudioBusBuffers, AudioBusBuffers__type0, ProcessContext, ProcessData};

use super::abi;
use super::buffers::{Route, Samples, channels, routes_of};
use super::context;
use super::expressions::ExpressionMap;
use super::input::Input;
use super::midi_map::MidiMap;
use super::notes::{Notes, Point, Record};
use super::output::Output;
use super::parameters::ParameterTable;
use super::ports::Ports;
use crate::faults::count;
use crate::finite::sums_are_finite;
use crate::plugin::{AudioBus, Precision};

/// Channels that silence flags can speak of.
const FLAG_CHANNELS: usize = 64;

/// Frames of a call that is made for parameters alone. VST3 has calls without frames for that, but there are plugins which
/// do not look at their parameters then.
const UNHEARD_FRAMES: u32 = 1;

/// What a plugin is activated with, as far as its calls show it.
pub(crate) struct Shape<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) table: ParameterTable,
    pub(crate) map: Arc<MidiMap>,
    pub(crate) expressions: Arc<ExpressionMap>,
    pub(crate) max_frames: usize,
    pub(crate) sample_rate: f64,
    /// Of `ProcessModes`.
    pub(crate) mode: i32,
    /// Whether the plugin looks at musical time at all.
    pub(crate) wants_context: bool,
    pub(crate) precision: Precision,
}

/// The structures of a process call. What each call touches comes first.
#[repr(C, align(64))]
pub(crate) struct Call {
    data: ProcessData,
    /// The plugin's inputs, then its outputs. They never move.
    buffers: SmallVec<[AudioBusBuffers; 2]>,
    /// What `buffers` leads to, see [`Block::wiring`]; 0 for nothing of a block's.
    wiring: u64,
    /// The first of the channels of all outputs that are on.
    heard: *const *mut f32,
    /// How many they are.
    heard_channels: u32,
    max_frames: u32,
    sample_rate: f64,
    /// Whether the silence flags of inputs say anything.
    is_flagged: bool,
    /// Whether `samples` are in 64 bits.
    is_double: bool,
    /// Whether `input` holds anything, or lost something.
    is_fed: bool,
    wants_context: bool,
    input: Input,
    output: Output,
    /// Those of inputs, then those of outputs.
    routes: Box<[Route]>,
    input_routes: usize,
    samples: Samples,
    /// For a plugin that looks at no context.
    _blank: Box<ProcessContext>,
}

// SAFETY: the pointers inside lead to the call's own parts or to the block of the moment; the call is used by one thread at a
// time.
unsafe impl Send for Call {}

/// What the output of a call was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All samples are numbers.
    Sound,
    /// Some are not.
    NonFinite,
}

impl Call {
    /// For an activation of this shape.
    pub(crate) fn new(shape: Shape<'_>) -> Box<Self> {
        let Shape { ports, table, map, expressions, max_frames, sample_rate, mode, wants_context, precision } = shape;
        let samples = Samples::new(precision, channels(&ports.inputs), channels(&ports.outputs), max_frames);
        let mut routes: Vec<Route> = routes_of(&ports.inputs, 0, 0).collect();
        let input_routes = routes.len();
        routes.extend(routes_of(&ports.outputs, ports.inputs.len(), channels(&ports.inputs)));
        let buses = ports.inputs.iter().chain(&ports.outputs);
        let buffer = |bus: &AudioBus| AudioBusBuffers {
            numChannels: bus.layout.channels() as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 { channelBuffers32: ptr::null_mut() },
        };
        let input = Input::new(ports.note_inputs.len(), table.clone(), map, expressions);
        let output = Output::new(ports.note_outputs.len(), table);
        let mut blank = Box::new(ProcessContext { sampleRate: sample_rate, ..context::BLANK });
        let data = ProcessData {
            processMode: mode,
            symbolicSampleSize: abi::sample_size(precision),
            numSamples: 0,
            numInputs: ports.inputs.len() as i32,
            numOutputs: ports.outputs.len() as i32,
            inputs: ptr::null_mut(),
            outputs: ptr::null_mut(),
            inputParameterChanges: lend(&input.changes),
            outputParameterChanges: lend(&output.changes),
            inputEvents: lend(&input.events),
            outputEvents: lend(&output.events),
            processContext: &raw mut *blank,
        };
        let mut call = Box::new(Self {
            data,
            buffers: buses.map(buffer).collect(),
            wiring: 0,
            heard: ptr::null(),
            heard_channels: 0,
            max_frames: max_frames as u32,
            sample_rate,
            is_flagged: false,
            is_double: precision == Precision::Double,
            is_fed: false,
            wants_context,
            input,
            output,
            routes: routes.into(),
            input_routes,
            samples,
            _blank: blank,
        });
        // Never null, even without buses: plugins index before they look at the count. The call stays in its box.
        call.data.inputs = call.buffers.as_mut_ptr();
        call.data.outputs = call.data.inputs.wrapping_add(ports.inputs.len());
        call.silence();
        call
    }

    /// What `process` takes.
    #[inline]
    pub(crate) fn data(&mut self) -> *mut ProcessData {
        &raw mut self.data
    }

    /// Points the structures at a block. False if the block is not of the shape that the plugin was activated for; then
    /// the plugin must not be called.
    #[inline]
    pub(crate) fn prepare(&mut self, block: &mut Block<'_>, notes: &Notes) -> bool {
        let frames = block.frames() as u32;
        if frames > self.max_frames || block.wiring() != self.wiring && !self.rewire(block) {
            return false;
        }
        if block.has_silent_input() || self.is_flagged {
            self.flag_inputs(block);
        }
        if self.is_double {
            self.take_in(block);
        }
        self.begin(frames, block, notes, |_| true);
        true
    }

    /// Points the buffers at other tables. False if they are not of the plugin's shape.
    #[inline(never)]
    fn rewire(&mut self, block: &mut Block<'_>) -> bool {
        self.wiring = 0;
        let (inputs, outputs) = self.routes.split_at(self.input_routes);
        let fits = block.input_ports() == inputs.len()
            && block.output_ports() == outputs.len()
            && inputs.iter().all(|route| block.input_channels(route.port()) == route.channels())
            && outputs.iter().all(|route| block.output_channels(route.port()) == route.channels());
        if !fits {
            return false;
        }
        for (index, route) in self.routes.iter().enumerate() {
            let is_input = index < self.input_routes;
            let table = if is_input { block.input_pointers(route.port()) } else { block.output_pointers(route.port()) };
            let to = &mut self.buffers[route.buffer()];
            to.silenceFlags = 0;
            if !self.is_double {
                to.__field0.channelBuffers32 = table;
            }
        }
        // The tables of a block's ports follow one another.
        self.heard = block.output_pointers(0);
        self.heard_channels = outputs.iter().map(|route| route.channels).sum();
        self.wiring = block.wiring();
        true
    }

    /// Tells the plugin which of its inputs are silent.
    #[inline(never)]
    fn flag_inputs(&mut self, block: &Block<'_>) {
        for route in &self.routes[..self.input_routes] {
            let silent = |channel| u64::from(block.input_is_silent(route.port(), channel)) << channel;
            let flags = (0..route.channels().min(FLAG_CHANNELS)).fold(0, |flags, channel| flags | silent(channel));
            self.buffers[route.buffer()].silenceFlags = flags;
        }
        self.is_flagged = block.has_silent_input();
    }

    /// As [`Self::prepare`], for a call that nobody hears: parameters alone, with a frame of silence.
    pub(crate) fn prepare_flush(&mut self, block: &Block<'_>, notes: &Notes) {
        self.silence();
        self.begin(UNHEARD_FRAMES, block, notes, |body| matches!(body, EventBody::Parameter { .. }));
    }

    /// For a call that nobody hears, on the main thread in place of the audio half that there is none of: these values,
    /// and those that are on their way.
    pub(crate) fn prepare_values(&mut self, values: &[Point], notes: &Notes) {
        self.silence();
        self.data.numSamples = UNHEARD_FRAMES as i32;
        self.is_fed = true;
        for value in values {
            self.input.push_point(0, value.parameter, value.normalised);
        }
        self.take_edits(notes);
        self.output.begin(UNHEARD_FRAMES);
    }

    /// For a plugin that computes in 64 bits.
    #[inline(never)]
    fn take_in(&mut self, block: &Block<'_>) {
        if let Samples::Double(double) = &mut self.samples {
            double.take_in(self.routes[..self.input_routes].iter().map(Route::double), block);
        }
    }

    /// As [`Self::take_in`], once the plugin has written them.
    #[inline(never)]
    fn give_out(&self, block: &mut Block<'_>) {
        if let Samples::Double(double) = &self.samples {
            double.give_out(self.routes[self.input_routes..].iter().map(Route::double), block);
        }
    }

    /// Leads all buses to channels that nobody hears, with nothing in them.
    fn silence(&mut self) {
        self.samples.silence(&mut self.buffers, self.data.numInputs as usize);
        self.wiring = 0;
    }

    #[inline]
    fn begin(&mut self, frames: u32, block: &Block<'_>, notes: &Notes, wanted: impl Fn(&EventBody) -> bool) {
        self.data.numSamples = frames as i32;
        if self.wants_context {
            self.data.processContext = context::of(block.chunk(), self.sample_rate);
        }
        if notes.with_audio_ends(|ends| !ends.edits.is_empty()) == Some(true) {
            self.take_edits(notes);
        }
        if !block.events().is_empty() {
            self.take_events(block, notes, wanted);
        }
        self.output.begin(frames);
    }

    /// What a person does in the plugin's window comes first.
    #[inline(never)]
    fn take_edits(&mut self, notes: &Notes) {
        self.is_fed = true;
        notes.with_audio_ends(|ends| {
            while let Ok(point) = ends.edits.pop() {
                self.input.push_point(0, point.parameter, point.normalised);
            }
        });
        self.input.changes.finish();
    }

    #[inline(never)]
    fn take_events(&mut self, block: &Block<'_>, notes: &Notes, wanted: impl Fn(&EventBody) -> bool) {
        self.is_fed = true;
        for event in block.events() {
            if wanted(&event.body) {
                // A call that nobody hears is shorter than the block it stands for.
                let frame = event.frame.min((self.data.numSamples as u32).saturating_sub(1));
                self.input.push(&Event { frame, ..*event }, || match event.body {
                    EventBody::SysEx(id) => {
                        let bytes = block.sysex(id);
                        (bytes.as_ptr(), bytes.len())
                    }
                    _ => (ptr::null(), 0),
                });
            }
        }
        self.input.changes.finish();
        for (parameter, normalised) in self.input.changes.last_values() {
            notes.report(Record::Taken(Point { parameter, normalised }));
        }
    }

    /// Looks at what the plugin wrote, and marks the channels that it says are silent and that are. After a call that
    /// [`Self::prepare`] was for.
    #[inline]
    pub(crate) fn inspect(&mut self, block: &mut Block<'_>) -> Outcome {
        if self.is_double {
            self.give_out(block);
        }
        // SAFETY: `rewire` found so many channels there; each has room for the block's frames and is aligned as slots are.
        let is_finite = unsafe { sums_are_finite(self.heard, self.heard_channels as usize, block.frames()) };
        if !is_finite && !self.is_finite_indeed(block) {
            return Outcome::NonFinite;
        }
        if self.outputs().iter().any(|buffer| buffer.silenceFlags != 0) {
            self.mark_silence(block);
        }
        Outcome::Sound
    }

    /// The buffers of outputs, on or off. Not during the plugin's call.
    #[inline]
    fn outputs(&mut self) -> &mut [AudioBusBuffers] {
        let count = self.data.numOutputs as usize;
        // SAFETY: there are so many buffers from there on, which nothing else leads to now.
        unsafe { std::slice::from_raw_parts_mut(self.data.outputs, count) }
    }

    /// The slow answer, for when large numbers may have fooled the fast one.
    #[cold]
    fn is_finite_indeed(&self, block: &mut Block<'_>) -> bool {
        self.routes[self.input_routes..].iter().all(|route| {
            (0..route.channels())
                .all(|channel| block.output(route.port(), channel).iter().all(|sample| sample.is_finite()))
        })
    }

    /// Marks the channels that are zero among those that the plugin says are silent, and forgets what it said. Its flags
    /// are often wrong, whereas a mark of silence is believed by all that follows.
    #[inline(never)]
    fn mark_silence(&mut self, block: &mut Block<'_>) {
        for route in &self.routes[self.input_routes..] {
            let flags = self.buffers[route.buffer()].silenceFlags;
            for channel in (0..route.channels().min(FLAG_CHANNELS)).filter(|channel| flags >> channel & 1 == 1) {
                if block.output(route.port(), channel).iter().all(|sample| sample.to_bits() == 0) {
                    block.set_output_silent(route.port(), channel);
                }
            }
        }
        self.outputs().iter_mut().for_each(|buffer| buffer.silenceFlags = 0);
    }

    /// Whether there was anything either way beside audio; then [`Self::finish`] is due.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.output.has_news() | self.is_fed
    }

    /// Passes on what the plugin wrote, and counts what went wrong.
    #[inline(never)]
    pub(crate) fn finish(&mut self, notes: &Notes, block: Option<&mut Block<'_>>) {
        if self.is_fed {
            self.is_fed = false;
            self.input.clear();
            count(&notes.faults.lost, self.input.take_lost());
        }
        self.output.forward(notes, block);
    }

    /// Forgets the notes that sound.
    pub(crate) fn forget_notes(&mut self) {
        self.input.forget_notes();
    }

    /// Whether the plugin has audio inputs and takes no notes, so that silence in them says something.
    pub(crate) fn is_effect(&self) -> bool {
        self.data.numInputs > 0 && !self.input.takes_notes()
    }
}

/// An object of ours as the plugin takes it, for as long as the object lives.
fn lend<C: vst3::Class, I: vst3::Interface>(object: &ComWrapper<C>) -> *mut I {
    object.as_com_ref::<I>().map_or(ptr::null_mut(), |object| object.as_ptr())
}
