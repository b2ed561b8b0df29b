//! Everything that one call of a plugin's `process` is handed: built once at activation, reused for each block. A block stores
//! channel pointers, silence flags, frames and musical time into it; nothing is built anew.
#![deny(clippy::disallowed_types)]

use std::ptr;
use std::sync::Arc;

use crosspoint_graph::Block;
use crosspoint_graph::event::{Event, EventBody};
use vst3::ComWrapper;
use vst3::Steinberg::Vst::{AudioBusBuffers, AudioBusBuffers__type0, ProcessData};

use super::abi::SAMPLE_32;
use super::context::Context;
use super::input::Input;
use super::midi_map::MidiMap;
use super::notes::{Notes, Point, Record};
use super::output::Output;
use super::parameters::ParameterTable;
use super::ports::Ports;
use crate::faults::count;
use crate::finite::sums_are_finite;
use crate::plugin::AudioBus;

/// Channels that silence flags can speak of.
const FLAG_CHANNELS: usize = 64;

/// A bus that is on: which of the plugin's buffers is which of the node's ports.
#[derive(Clone, Copy)]
struct Route {
    /// Into `buffers` of the call, which never move.
    buffer: *mut AudioBusBuffers,
    /// The channels of the block of the moment.
    pointers: *mut *mut f32,
    port: u32,
    channels: u32,
}

impl Route {
    fn port(self) -> usize {
        self.port as usize
    }

    fn channels(self) -> usize {
        self.channels as usize
    }
}

/// What a plugin is activated with, as far as its calls show it.
pub(crate) struct Shape<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) table: ParameterTable,
    pub(crate) map: Arc<MidiMap>,
    pub(crate) max_frames: usize,
    pub(crate) sample_rate: f64,
    /// Of `ProcessModes`.
    pub(crate) mode: i32,
    /// Of `IProcessContextRequirements`.
    pub(crate) needs: u32,
}

/// The structures of a process call. What each call touches comes first.
#[repr(C, align(64))]
pub(crate) struct Call {
    data: ProcessData,
    /// Those of inputs, then those of outputs.
    routes: Box<[Route]>,
    input_routes: usize,
    max_frames: usize,
    input: Input,
    output: Output,
    context: Box<Context>,
    /// The plugin's inputs, then its outputs.
    buffers: Vec<AudioBusBuffers>,
    input_count: usize,
    /// What buses that are off lead to, and all of them in a call without audio: silence to read, and a place to write
    /// what nobody hears.
    spare: Spare,
}

// SAFETY: the pointers inside lead to the call's own parts or to the block of the moment; the call is used by one thread at a
// time.
unsafe impl Send for Call {}

/// Channels that nobody hears.
struct Spare {
    pointers: Vec<*mut f32>,
    _silence: Vec<f32>,
    _rubbish: Vec<Vec<f32>>,
}

/// What the output of a call was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All samples are numbers.
    Sound,
    /// Some are not.
    NonFinite,
}

impl Spare {
    /// For so many input and output channels: inputs share silence, since plugins may not write it; outputs are apart.
    fn new(inputs: usize, outputs: usize, frames: usize) -> Self {
        let mut silence = vec![0.0; frames];
        let mut rubbish = vec![vec![0.0; frames]; outputs];
        let quiet = std::iter::repeat_n(silence.as_mut_ptr(), inputs);
        let pointers = quiet.chain(rubbish.iter_mut().map(|channel| channel.as_mut_ptr())).collect();
        Self { pointers, _silence: silence, _rubbish: rubbish }
    }
}

fn channels(buses: &[AudioBus]) -> usize {
    buses.iter().map(|bus| bus.layout.channels() as usize).sum()
}

impl Call {
    /// For an activation of this shape.
    pub(crate) fn new(shape: Shape<'_>) -> Self {
        let Shape { ports, table, map, max_frames, sample_rate, mode, needs } = shape;
        let mut spare = Spare::new(channels(&ports.inputs), channels(&ports.outputs), max_frames);
        let mut buffers = Vec::with_capacity(ports.inputs.len() + ports.outputs.len());
        let mut routes = Vec::new();
        let mut place = spare.pointers.as_mut_ptr();
        for bus in ports.inputs.iter().chain(&ports.outputs) {
            let channels = bus.layout.channels();
            buffers.push(AudioBusBuffers {
                numChannels: channels as i32,
                silenceFlags: u64::MAX,
                __field0: AudioBusBuffers__type0 { channelBuffers32: place },
            });
            place = place.wrapping_add(channels as usize);
        }
        let first: *mut AudioBusBuffers = buffers.as_mut_ptr();
        let mut add_routes = |buses: &[AudioBus], offset: usize| {
            let on = buses.iter().enumerate().filter(|(_, bus)| bus.is_port());
            for (port, (index, bus)) in on.enumerate() {
                let buffer = first.wrapping_add(offset + index);
                let channels = bus.layout.channels();
                routes.push(Route { buffer, pointers: ptr::null_mut(), port: port as u32, channels });
            }
            routes.len()
        };
        let input_routes = add_routes(&ports.inputs, 0);
        add_routes(&ports.outputs, ports.inputs.len());
        let mut context = Box::new(Context::new(sample_rate, needs));
        let input = Input::new(ports.note_inputs.len(), table.clone(), map);
        let output = Output::new(ports.note_outputs.len(), table);
        let data = ProcessData {
            processMode: mode,
            symbolicSampleSize: SAMPLE_32,
            numSamples: 0,
            numInputs: ports.inputs.len() as i32,
            numOutputs: ports.outputs.len() as i32,
            // Never null, even without buses: plugins index before they look at the count.
            inputs: first,
            outputs: first.wrapping_add(ports.inputs.len()),
            inputParameterChanges: lend(&input.changes),
            outputParameterChanges: lend(&output.changes),
            inputEvents: lend(&input.events),
            outputEvents: lend(&output.events),
            processContext: context.place(),
        };
        Self {
            data,
            routes: routes.into(),
            input_routes,
            max_frames,
            input,
            output,
            context,
            input_count: ports.inputs.len(),
            buffers,
            spare,
        }
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
        let frames = block.frames();
        if frames > self.max_frames {
            return false;
        }
        let (inputs, outputs) = self.routes.split_at_mut(self.input_routes);
        for &mut route in inputs {
            if block.input_channels(route.port()) != route.channels() {
                return false;
            }
            let mut flags = 0;
            for channel in 0..route.channels().min(FLAG_CHANNELS) {
                flags |= u64::from(block.input_is_silent(route.port(), channel)) << channel;
            }
            // SAFETY: routes lead to buffers of this call.
            let to = unsafe { &mut *route.buffer };
            to.__field0.channelBuffers32 = block.input_pointers(route.port());
            to.silenceFlags = flags;
        }
        for route in outputs {
            if block.output_channels(route.port()) != route.channels() {
                return false;
            }
            route.pointers = block.output_pointers(route.port());
            // SAFETY: as above.
            let to = unsafe { &mut *route.buffer };
            to.__field0.channelBuffers32 = route.pointers;
            to.silenceFlags = 0;
        }
        self.begin(frames, block, notes, |_| true);
        true
    }

    /// As [`Self::prepare`], for a call without audio: parameters alone.
    pub(crate) fn prepare_flush(&mut self, block: &Block<'_>, notes: &Notes) {
        self.silence();
        self.begin(0, block, notes, |body| matches!(body, EventBody::Parameter { .. }));
    }

    /// For a call without audio on the main thread, in place of the audio half that there is none of: these values, and
    /// those that are on their way.
    pub(crate) fn prepare_values(&mut self, values: &[Point], notes: &Notes) {
        self.silence();
        self.data.numSamples = 0;
        self.input.clear();
        for value in values {
            self.input.push_point(0, value.parameter, value.normalised);
        }
        self.take_edits(notes);
        self.input.changes.finish();
        self.output.begin(0);
    }

    /// Leads all buses to the spare channels, with nothing in them.
    fn silence(&mut self) {
        let mut place = self.spare.pointers.as_mut_ptr();
        for buffer in &mut self.buffers {
            buffer.__field0.channelBuffers32 = place;
            buffer.silenceFlags = u64::MAX;
            place = place.wrapping_add(buffer.numChannels as usize);
        }
    }

    #[inline]
    fn begin(&mut self, frames: usize, block: &Block<'_>, notes: &Notes, wanted: impl Fn(&EventBody) -> bool) {
        self.data.numSamples = frames as i32;
        self.context.write(block.chunk());
        self.input.clear();
        if notes.with_audio_ends(|ends| !ends.edits.is_empty()) == Some(true) {
            self.take_edits(notes);
            self.input.changes.finish();
        }
        if !block.events().is_empty() {
            self.take_events(block, notes, wanted);
        }
        self.output.begin(frames as u32);
    }

    /// What a person does in the plugin's window comes first.
    #[inline(never)]
    fn take_edits(&mut self, notes: &Notes) {
        notes.with_audio_ends(|ends| {
            while let Ok(point) = ends.edits.pop() {
                self.input.push_point(0, point.parameter, point.normalised);
            }
        });
    }

    #[inline(never)]
    fn take_events(&mut self, block: &Block<'_>, notes: &Notes, wanted: impl Fn(&EventBody) -> bool) {
        for event in block.events() {
            if wanted(&event.body) {
                // A call without frames has no other frame than 0.
                let frame = if self.data.numSamples == 0 { 0 } else { event.frame };
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

    /// Looks at what the plugin wrote, and marks the channels that it says are silent and that are.
    #[inline]
    pub(crate) fn inspect(&self, block: &mut Block<'_>) -> Outcome {
        let frames = block.frames();
        let mut flags = 0;
        for &route in &self.routes[self.input_routes..] {
            // SAFETY: `prepare` found so many channels there, and each has room for the block's frames.
            let is_finite = unsafe { sums_are_finite(route.pointers, route.channels(), frames) };
            if !is_finite && !is_finite_indeed(block, route) {
                return Outcome::NonFinite;
            }
            // SAFETY: routes lead to buffers of this call.
            flags |= unsafe { (*route.buffer).silenceFlags };
        }
        if flags != 0 {
            self.mark_silence(block);
        }
        Outcome::Sound
    }

    /// Marks the channels that are zero among those that the plugin says are silent. Its flags are often wrong, whereas a
    /// mark of silence is believed by all that follows.
    #[inline(never)]
    fn mark_silence(&self, block: &mut Block<'_>) {
        for &route in &self.routes[self.input_routes..] {
            // SAFETY: routes lead to buffers of this call.
            let flags = unsafe { (*route.buffer).silenceFlags };
            for channel in (0..route.channels().min(FLAG_CHANNELS)).filter(|channel| flags >> channel & 1 == 1) {
                if block.output(route.port(), channel).iter().all(|sample| sample.to_bits() == 0) {
                    block.set_output_silent(route.port(), channel);
                }
            }
        }
    }

    /// Whether the plugin wrote events or parameters, or anything went wrong; then [`Self::finish`] is due.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.output.has_news() || self.input.has_lost()
    }

    /// Passes on what the plugin wrote, and counts what went wrong.
    #[inline(never)]
    pub(crate) fn finish(&mut self, notes: &Notes, block: Option<&mut Block<'_>>) {
        count(&notes.faults.lost, self.input.take_lost());
        self.output.forward(notes, block);
    }

    /// Forgets the notes that sound.
    pub(crate) fn forget_notes(&mut self) {
        self.input.forget_notes();
    }

    /// Whether the plugin has audio inputs and takes no notes, so that silence in them says something.
    pub(crate) fn is_effect(&self) -> bool {
        self.input_count > 0 && !self.input.takes_notes()
    }
}

/// An object of ours as the plugin takes it, for as long as the object lives.
fn lend<C: vst3::Class, I: vst3::Interface>(object: &ComWrapper<C>) -> *mut I {
    object.as_com_ref::<I>().map_or(ptr::null_mut(), |object| object.as_ptr())
}

/// The slow answer, for when large numbers may have fooled the fast one.
#[cold]
fn is_finite_indeed(block: &mut Block<'_>, route: Route) -> bool {
    (0..route.channels()).all(|channel| block.output(route.port(), channel).iter().all(|sample| sample.is_finite()))
}
