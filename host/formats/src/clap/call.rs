//! Everything that one call of a plugin's `process` or `flush` is handed: built once at activation, reused for each
//! block. A block stores channel pointers, masks, frames and the transport into it; nothing is built anew.
#![deny(clippy::disallowed_types)]

use std::ptr;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::*;
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use clap_sys::process::clap_process;
use crosspoint_graph::event::{Event, EventBody};
use crosspoint_graph::{Block, Transport};

use super::input::{EventInput, header};
use super::output::EventOutput;
use super::parameters::ParameterTable;
use super::ports::Ports;
use crate::finite::sums_are_finite;
use crate::plugin::AudioBus;

/// Channels that a constant mask can speak of.
const MASK_CHANNELS: usize = 64;

/// A bus that is on: which of the plugin's buffers is which of the node's ports.
#[derive(Clone, Copy)]
struct Route {
    /// Into `buffers` of the call, which never move.
    buffer: *mut clap_audio_buffer,
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

/// The structures of a process call. In this order, so that what each call touches shares few cache lines: a rig of
/// thirty plugins does not fit the first level of cache otherwise.
#[repr(C, align(64))]
pub(crate) struct Call {
    process: clap_process,
    /// Those of inputs, then those of outputs.
    routes: Box<[Route]>,
    input_routes: usize,
    max_frames: usize,
    /// What `transport` was written from.
    written: Transport,
    output: EventOutput,
    input: EventInput,
    input_list: clap_input_events,
    output_list: clap_output_events,
    /// The plugin's inputs, then its outputs.
    buffers: Vec<clap_audio_buffer>,
    transport: clap_event_transport,
    /// What buses that are off lead to: silence to read, and a place to write what nobody hears.
    _spare: Vec<Spare>,
}

/// Channel pointers of one bus that is off, with what they lead to.
struct Spare {
    _pointers: Vec<*mut f32>,
    _samples: Vec<Vec<f32>>,
}

/// What the output of a call was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All samples are numbers.
    Sound,
    /// Some are not.
    NonFinite,
}

/// A [`Call`] that stays where it is, because its parts point at each other.
pub(crate) struct PinnedCall(ptr::NonNull<Call>);

// SAFETY: the pointers inside lead to the call's own parts, to the block of the moment or to the plugin's cookies; the
// call is used by one thread at a time.
unsafe impl Send for PinnedCall {}

impl PinnedCall {
    /// For a plugin with these ports and parameters and blocks of at most `max_frames`.
    pub(crate) fn new(ports: &Ports, parameters: ParameterTable, max_frames: usize) -> Self {
        let call = Box::into_raw(Box::new(Call::new(ports, parameters, max_frames)));
        // SAFETY: the box was just made; it is freed by `drop` alone.
        unsafe {
            (*call).link(call);
            Self(ptr::NonNull::new_unchecked(call))
        }
    }

    /// The call, to prepare it and to take from it what the plugin left. Not during the plugin's call.
    #[inline]
    pub(crate) fn get(&mut self) -> &mut Call {
        // SAFETY: the call lives as long as this and is reached through it alone.
        unsafe { self.0.as_mut() }
    }

    /// What `process` takes.
    #[inline]
    pub(crate) fn process(&self) -> *const clap_process {
        // SAFETY: as in `get`; no reference is made.
        unsafe { &raw const (*self.0.as_ptr()).process }
    }

    /// What `flush` takes.
    #[inline]
    pub(crate) fn lists(&self) -> (*const clap_input_events, *const clap_output_events) {
        // SAFETY: as in `get`; no reference is made.
        unsafe { (&raw const (*self.0.as_ptr()).input_list, &raw const (*self.0.as_ptr()).output_list) }
    }
}

impl Drop for PinnedCall {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `new`.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Call {
    fn new(ports: &Ports, parameters: ParameterTable, max_frames: usize) -> Self {
        let mut spare = Vec::new();
        let mut routes = Vec::new();
        let mut buffers = Vec::with_capacity(ports.inputs.len() + ports.outputs.len());
        build_buffers(&ports.inputs, max_frames, &mut buffers, &mut routes, &mut spare);
        let input_routes = routes.len();
        build_buffers(&ports.outputs, max_frames, &mut buffers, &mut routes, &mut spare);
        let no_input = clap_input_events { ctx: ptr::null_mut(), size: None, get: None };
        let no_output = clap_output_events { ctx: ptr::null_mut(), try_push: None };
        Self {
            process: clap_process {
                steady_time: 0,
                frames_count: 0,
                transport: ptr::null(),
                audio_inputs: ptr::null(),
                audio_outputs: ptr::null_mut(),
                audio_inputs_count: ports.inputs.len() as u32,
                audio_outputs_count: ports.outputs.len() as u32,
                in_events: ptr::null(),
                out_events: ptr::null(),
            },
            transport: stopped(),
            input_list: no_input,
            output_list: no_output,
            buffers,
            routes: routes.into(),
            input_routes,
            _spare: spare,
            input: EventInput::new(&ports.note_inputs, parameters.clone()),
            output: EventOutput::new(ports.note_inputs.len(), ports.note_outputs.len(), parameters),
            max_frames,
            written: Transport::default(),
        }
    }

    /// Lets the parts point at each other; `this` is where the call will stay.
    ///
    /// # Safety
    /// `this` leads to `self`.
    unsafe fn link(&mut self, this: *mut Self) {
        // SAFETY: promised by the caller; only places are taken.
        unsafe {
            self.process.transport = &raw const (*this).transport;
            self.process.in_events = &raw const (*this).input_list;
            self.process.out_events = &raw const (*this).output_list;
            self.input_list = EventInput::list(&raw mut (*this).input);
            self.output_list = EventOutput::list(&raw mut (*this).output);
        }
        // Never null, even without ports: plugins index before they look at the count.
        self.process.audio_inputs = self.buffers.as_ptr();
        self.process.audio_outputs = self.buffers.as_mut_ptr().wrapping_add(self.process.audio_inputs_count as usize);
    }

    /// Points the structures at a block. False if the block is not of the shape that the plugin was activated for;
    /// then the plugin must not be called.
    #[inline]
    pub(crate) fn prepare(&mut self, block: &mut Block<'_>) -> bool {
        let frames = block.frames();
        if frames > self.max_frames {
            return false;
        }
        let (inputs, outputs) = self.routes.split_at_mut(self.input_routes);
        for &mut route in inputs {
            if block.input_channels(route.port()) != route.channels() {
                return false;
            }
            let mut mask = 0;
            for channel in 0..route.channels().min(MASK_CHANNELS) {
                mask |= u64::from(block.input_is_silent(route.port(), channel)) << channel;
            }
            // SAFETY: routes lead to buffers of this call.
            let to = unsafe { &mut *route.buffer };
            to.data32 = block.input_pointers(route.port());
            to.constant_mask = mask;
        }
        for route in outputs {
            if block.output_channels(route.port()) != route.channels() {
                return false;
            }
            route.pointers = block.output_pointers(route.port());
            // SAFETY: as above.
            let to = unsafe { &mut *route.buffer };
            to.data32 = route.pointers;
            to.constant_mask = 0;
        }
        self.process.frames_count = frames as u32;
        self.process.steady_time = (block.chunk().steady_frame & i64::MAX as u64) as i64;
        let transport = block.transport();
        if has_changed(&self.written, transport) {
            self.written = *transport;
            write_transport(&mut self.transport, transport);
        }
        self.input.clear();
        if !block.events().is_empty() {
            self.take_events(block, |_| true);
        }
        self.output.begin(frames as u32);
        true
    }

    /// As [`Self::prepare`], for a flush: parameters alone, no audio.
    pub(crate) fn prepare_flush(&mut self, block: &Block<'_>) {
        self.input.clear();
        self.take_events(block, |event| {
            matches!(event.body, EventBody::Parameter { .. } | EventBody::Modulation { .. } | EventBody::Gesture { .. })
        });
        self.output.begin(block.frames() as u32);
    }

    /// For a flush on the main thread: these values alone.
    pub(crate) fn prepare_values(&mut self, values: &[(u32, f64)]) {
        self.input.clear();
        for &(parameter, value) in values {
            self.input.push_value(parameter, value);
        }
        self.output.begin(1);
    }

    #[inline(never)]
    fn take_events(&mut self, block: &Block<'_>, wanted: impl Fn(&Event) -> bool) {
        for event in block.events() {
            if wanted(event) {
                self.input.push(event, || match event.body {
                    EventBody::SysEx(id) => {
                        let bytes = block.sysex(id);
                        (bytes.as_ptr(), bytes.len())
                    }
                    _ => (ptr::null(), 0),
                });
            }
        }
    }

    /// Looks at what the plugin wrote, and marks the channels that it says are constant and that are zero.
    #[inline]
    pub(crate) fn inspect(&self, block: &mut Block<'_>) -> Outcome {
        let frames = block.frames();
        let mut masks = 0;
        for &route in &self.routes[self.input_routes..] {
            // SAFETY: `prepare` found so many channels there, and each has room for the block's frames.
            let is_finite = unsafe { sums_are_finite(route.pointers, route.channels(), frames) };
            if !is_finite && !is_finite_indeed(block, route) {
                return Outcome::NonFinite;
            }
            // SAFETY: routes lead to buffers of this call.
            masks |= unsafe { (*route.buffer).constant_mask };
        }
        if masks != 0 {
            self.mark_silence(block);
        }
        Outcome::Sound
    }

    /// Marks the channels that are zero among those that the plugin says are constant. Its mask is only a hint and often
    /// wrong, whereas a mark of silence is believed by all that follows.
    #[inline(never)]
    fn mark_silence(&self, block: &mut Block<'_>) {
        for &route in &self.routes[self.input_routes..] {
            // SAFETY: routes lead to buffers of this call.
            let mask = unsafe { (*route.buffer).constant_mask };
            for channel in (0..route.channels().min(MASK_CHANNELS)).filter(|channel| mask >> channel & 1 == 1) {
                if block.output(route.port(), channel).iter().all(|sample| sample.to_bits() == 0) {
                    block.set_output_silent(route.port(), channel);
                }
            }
        }
    }

    /// The events that the plugin sent.
    #[inline]
    pub(crate) fn output(&mut self) -> &mut EventOutput {
        &mut self.output
    }

    /// Whether the plugin sent anything or anything went wrong.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.output.has_news() || self.input.has_lost()
    }

    /// How many events for the plugin were lost since it was last asked.
    pub(crate) fn take_lost(&mut self) -> u32 {
        self.input.take_lost()
    }
}

/// The slow answer, for when large numbers may have fooled the fast one.
#[cold]
fn is_finite_indeed(block: &mut Block<'_>, route: Route) -> bool {
    (0..route.channels()).all(|channel| block.output(route.port(), channel).iter().all(|sample| sample.is_finite()))
}

/// Adds the plugin's buffers of one direction, and routes to those that are ports of the node: the ones that are on, in
/// order. There is room for all buffers.
fn build_buffers(
    buses: &[AudioBus],
    frames: usize,
    buffers: &mut Vec<clap_audio_buffer>,
    routes: &mut Vec<Route>,
    spare: &mut Vec<Spare>,
) {
    let places: *mut clap_audio_buffer = buffers.as_mut_ptr();
    let mut port = 0;
    for bus in buses {
        let channels = bus.layout.channels();
        let mut data32 = ptr::null_mut();
        let mut constant_mask = 0;
        if bus.is_port() {
            let buffer = places.wrapping_add(buffers.len());
            routes.push(Route { buffer, pointers: ptr::null_mut(), port, channels });
            port += 1;
        } else if channels > 0 {
            let mut samples = vec![vec![0.0; frames]; channels as usize];
            let mut pointers: Vec<_> = samples.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
            data32 = pointers.as_mut_ptr();
            constant_mask = u64::MAX;
            spare.push(Spare { _pointers: pointers, _samples: samples });
        }
        let latency = 0;
        let data64 = ptr::null_mut();
        buffers.push(clap_audio_buffer { data32, data64, channel_count: channels, latency, constant_mask });
    }
}

fn stopped() -> clap_event_transport {
    let mut transport = clap_event_transport {
        header: header::<clap_event_transport>(0, CLAP_EVENT_TRANSPORT),
        flags: 0,
        song_pos_beats: 0,
        song_pos_seconds: 0,
        tempo: 0.0,
        tempo_inc: 0.0,
        loop_start_beats: 0,
        loop_end_beats: 0,
        loop_start_seconds: 0,
        loop_end_seconds: 0,
        bar_start: 0,
        bar_number: 0,
        tsig_num: 4,
        tsig_denom: 4,
    };
    write_transport(&mut transport, &Transport::default());
    transport
}

/// Whether the transport has to be written anew. What is not looked at follows from the rest.
#[inline]
fn has_changed(old: &Transport, new: &Transport) -> bool {
    // Without branches: one verdict costs less than many.
    let moved = (old.frame ^ new.frame) as u64
        | (old.quarters.to_bits() ^ new.quarters.to_bits())
        | (old.tempo.to_bits() ^ new.tempo.to_bits());
    let switched = (old.playing ^ new.playing) | (old.recording ^ new.recording) | (old.metre != new.metre);
    moved != 0 || switched || old.loop_range != new.loop_range
}

/// CLAP's beats are quarter notes, in fixed point like its seconds.
#[inline(never)]
fn write_transport(to: &mut clap_event_transport, from: &Transport) {
    let beats = |quarters: f64| fixed(quarters, CLAP_BEATTIME_FACTOR);
    let mut flags = CLAP_TRANSPORT_HAS_TEMPO
        | CLAP_TRANSPORT_HAS_BEATS_TIMELINE
        | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE
        | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
    if from.playing {
        flags |= CLAP_TRANSPORT_IS_PLAYING;
    }
    if from.recording {
        flags |= CLAP_TRANSPORT_IS_RECORDING;
    }
    if let Some((start, end)) = from.loop_range {
        flags |= CLAP_TRANSPORT_IS_LOOP_ACTIVE;
        let seconds = |quarters: f64| fixed(quarters * 60.0 / from.tempo, CLAP_SECTIME_FACTOR);
        to.loop_start_beats = beats(start);
        to.loop_end_beats = beats(end);
        to.loop_start_seconds = seconds(start);
        to.loop_end_seconds = seconds(end);
    }
    to.flags = flags;
    to.song_pos_beats = beats(from.quarters);
    to.song_pos_seconds = fixed(from.seconds, CLAP_SECTIME_FACTOR);
    to.tempo = from.tempo;
    to.bar_start = beats(from.bar_start);
    to.bar_number = from.bar;
    (to.tsig_num, to.tsig_denom) = from.metre;
}

/// To the nearest step, halves away from zero: without a call of the mathematics library, as `round` is on plain x86-64.
#[inline]
fn fixed(value: f64, factor: i64) -> i64 {
    let scaled = value * factor as f64;
    (scaled + 0.5_f64.copysign(scaled)) as i64
}
