//! Everything that one call of a plugin's `process` or `flush` is handed: built once at activation, reused for each
//! block. A block stores channel pointers, masks, frames and the transport into it; nothing is built anew.
#![deny(clippy::disallowed_types)]

use std::ptr;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::*;
use clap_sys::process::clap_process;
use crosspoint_graph::Block;
use crosspoint_graph::event::{Event, EventBody};
use smallvec::SmallVec;

use super::input::EventInput;
use super::output::EventOutput;
use super::parameters::ParameterTable;
use super::ports::Ports;
use super::transport;
use crate::finite::sums_are_finite;
use crate::plugin::AudioBus;

/// Channels that a constant mask can speak of.
const MASK_CHANNELS: usize = 64;

/// A bus that is on: which of the plugin's buffers is which of the node's ports.
#[derive(Clone, Copy)]
struct Route {
    /// Into `buffers` of the call.
    buffer: u32,
    port: u32,
    channels: u32,
}

impl Route {
    fn buffer(self) -> usize {
        self.buffer as usize
    }

    fn port(self) -> usize {
        self.port as usize
    }

    fn channels(self) -> usize {
        self.channels as usize
    }
}

/// The structures of a process call. In this order, so that what each call touches is three cache lines in a row: a rig
/// of thirty plugins does not fit the first level of cache otherwise.
#[repr(C, align(64))]
pub(crate) struct Call {
    process: clap_process,
    /// The plugin's inputs, then its outputs. They never move.
    buffers: SmallVec<[clap_audio_buffer; 2]>,
    /// What `buffers` leads to, see [`Block::wiring`]; 0 for nothing.
    wiring: u64,
    /// The first of the channels of all outputs that are on.
    heard: *const *mut f32,
    /// How many they are.
    heard_channels: u32,
    /// Whether the constant masks of inputs say anything.
    is_masked: bool,
    /// Whether `input` holds events, or lost some.
    is_fed: bool,
    output: EventOutput,
    input: EventInput,
    input_list: clap_input_events,
    output_list: clap_output_events,
    /// Those of inputs, then those of outputs.
    routes: Box<[Route]>,
    input_routes: usize,
    max_frames: usize,
    is_running: bool,
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
        let mut buffers = SmallVec::with_capacity(ports.inputs.len() + ports.outputs.len());
        build_buffers(&ports.inputs, max_frames, &mut buffers, &mut routes, &mut spare);
        for off in buffers.iter_mut().filter(|buffer| !buffer.data32.is_null()) {
            off.constant_mask = u64::MAX;
        }
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
            input_list: no_input,
            output_list: no_output,
            buffers,
            routes: routes.into(),
            input_routes,
            wiring: 0,
            is_masked: false,
            is_fed: false,
            heard: ptr::null(),
            heard_channels: 0,
            _spare: spare,
            input: EventInput::new(&ports.note_inputs, parameters.clone()),
            output: EventOutput::new(ports.note_inputs.len(), ports.note_outputs.len(), parameters),
            max_frames,
            is_running: false,
        }
    }

    /// Lets the parts point at each other; `this` is where the call will stay.
    ///
    /// # Safety
    /// `this` leads to `self`.
    unsafe fn link(&mut self, this: *mut Self) {
        // SAFETY: promised by the caller; only places are taken.
        unsafe {
            self.process.in_events = &raw const (*this).input_list;
            self.process.out_events = &raw const (*this).output_list;
            self.input_list = EventInput::list(&raw mut (*this).input);
            self.output_list = EventOutput::list(&raw mut (*this).output);
        }
        // Never null, even without ports: plugins index before they look at the count.
        self.process.audio_inputs = self.buffers.as_ptr();
        self.process.audio_outputs = self.buffers.as_mut_ptr().wrapping_add(self.process.audio_inputs_count as usize);
    }

    /// Points the structures at a block. False if the block is not of the shape that the plugin was activated for, or the
    /// plugin is not processing; then it must not be called.
    pub(crate) fn prepare(&mut self, block: &mut Block<'_>) -> bool {
        if block.wiring() != self.wiring && !self.rewire(block) {
            return false;
        }
        if block.has_silent_input() || self.is_masked {
            self.mask_inputs(block);
        }
        if !block.events().is_empty() {
            self.feed(block, |_| true);
        }
        self.begin(block);
        true
    }

    /// As [`Self::prepare`], in few steps, for a plain block. False also if the one before was not like it: then
    /// [`Self::prepare`] is to be asked.
    #[inline]
    pub(crate) fn prepare_plain(&mut self, block: &Block<'_>) -> bool {
        debug_assert!(block.is_plain(), "a block of another kind");
        let is_plain = block.wiring() == self.wiring && !self.is_masked;
        if is_plain {
            self.begin(block);
        }
        is_plain
    }

    #[inline(always)]
    fn begin(&mut self, block: &Block<'_>) {
        let frames = block.frames() as u32;
        self.process.frames_count = frames;
        self.process.steady_time = block.chunk().steady_frame as i64;
        self.process.transport = transport::of(block.chunk());
        self.output.begin(frames);
    }

    /// Whether the plugin is processing. If not, nothing can be prepared for it.
    pub(crate) fn set_running(&mut self, is_running: bool) {
        self.is_running = is_running;
        self.wiring = 0;
    }

    /// Points the buffers at other tables. False if they are not of the plugin's shape.
    fn rewire(&mut self, block: &mut Block<'_>) -> bool {
        self.wiring = 0;
        let (inputs, outputs) = self.routes.split_at(self.input_routes);
        let fits = self.is_running
            && block.chunk().max_block <= self.max_frames
            && block.input_ports() == inputs.len()
            && block.output_ports() == outputs.len()
            && inputs.iter().all(|route| block.input_channels(route.port()) == route.channels())
            && outputs.iter().all(|route| block.output_channels(route.port()) == route.channels());
        if !fits {
            return false;
        }
        for route in inputs {
            self.buffers[route.buffer()].data32 = block.input_pointers(route.port());
        }
        for route in outputs {
            self.buffers[route.buffer()].data32 = block.output_pointers(route.port());
        }
        // The tables of a block's ports follow one another.
        self.heard = block.output_pointers(0);
        self.heard_channels = outputs.iter().map(|route| route.channels).sum();
        self.wiring = block.wiring();
        true
    }

    /// Tells the plugin which of its inputs are silent.
    fn mask_inputs(&mut self, block: &Block<'_>) {
        for route in &self.routes[..self.input_routes] {
            let silent = |channel| u64::from(block.input_is_silent(route.port(), channel)) << channel;
            let mask = (0..route.channels().min(MASK_CHANNELS)).fold(0, |mask, channel| mask | silent(channel));
            self.buffers[route.buffer()].constant_mask = mask;
        }
        self.is_masked = block.has_silent_input();
    }

    /// As [`Self::prepare`], for a flush: parameters alone, no audio.
    pub(crate) fn prepare_flush(&mut self, block: &Block<'_>) {
        self.feed(block, |event| {
            matches!(event.body, EventBody::Parameter { .. } | EventBody::Modulation { .. } | EventBody::Gesture { .. })
        });
        self.output.begin(block.frames() as u32);
    }

    /// For a flush on the main thread: these values alone.
    pub(crate) fn prepare_values(&mut self, values: &[(u32, f64)]) {
        self.is_fed = true;
        for &(parameter, value) in values {
            self.input.push_value(parameter, value);
        }
        self.output.begin(1);
    }

    fn feed(&mut self, block: &Block<'_>, wanted: impl Fn(&Event) -> bool) {
        self.is_fed = true;
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

    /// Whether what the plugin wrote is nothing but numbers, and it neither sent events nor was given any, nor says that
    /// anything is constant: then there is no more to do. After a call that [`Self::prepare`] was for.
    #[inline]
    pub(crate) fn is_plain(&mut self, block: &Block<'_>) -> bool {
        !self.has_events() && self.is_finite(block) && self.outputs().iter().all(|buffer| buffer.constant_mask == 0)
    }

    /// The quick answer, which large numbers may fool.
    #[inline(always)]
    fn is_finite(&self, block: &Block<'_>) -> bool {
        // SAFETY: `rewire` found so many channels there; each has room for the block's frames and is aligned as slots are.
        unsafe { sums_are_finite(self.heard, self.heard_channels as usize, block.frames()) }
    }

    /// Looks at what the plugin wrote, and marks the channels that it says are constant and that are zero. After a call
    /// that [`Self::prepare`] was for.
    pub(crate) fn inspect(&mut self, block: &mut Block<'_>) -> Outcome {
        if !self.is_finite(block) && !self.is_finite_indeed(block) {
            return Outcome::NonFinite;
        }
        if self.outputs().iter().any(|buffer| buffer.constant_mask != 0) {
            self.mark_silence(block);
        }
        Outcome::Sound
    }

    /// The buffers of outputs, on or off. Not during the plugin's call.
    #[inline]
    fn outputs(&mut self) -> &mut [clap_audio_buffer] {
        let count = self.process.audio_outputs_count as usize;
        // SAFETY: there are so many buffers from there on, which nothing else leads to now.
        unsafe { std::slice::from_raw_parts_mut(self.process.audio_outputs, count) }
    }

    /// The slow answer, for when large numbers may have fooled the fast one.
    #[cold]
    fn is_finite_indeed(&self, block: &mut Block<'_>) -> bool {
        self.routes[self.input_routes..].iter().all(|route| {
            (0..route.channels())
                .all(|channel| block.output(route.port(), channel).iter().all(|sample| sample.is_finite()))
        })
    }

    /// Marks the channels that are zero among those that the plugin says are constant, and forgets what it said. Its mask
    /// is only a hint and often wrong, whereas a mark of silence is believed by all that follows.
    fn mark_silence(&mut self, block: &mut Block<'_>) {
        for route in &self.routes[self.input_routes..] {
            let mask = self.buffers[route.buffer()].constant_mask;
            for channel in (0..route.channels().min(MASK_CHANNELS)).filter(|channel| mask >> channel & 1 == 1) {
                if block.output(route.port(), channel).iter().all(|sample| sample.to_bits() == 0) {
                    block.set_output_silent(route.port(), channel);
                }
            }
        }
        self.outputs().iter_mut().for_each(|buffer| buffer.constant_mask = 0);
    }

    /// The events that the plugin sent.
    #[inline]
    pub(crate) fn output(&mut self) -> &mut EventOutput {
        &mut self.output
    }

    /// Whether there were events either way; then [`Self::finish`] is due.
    #[inline]
    pub(crate) fn has_events(&self) -> bool {
        self.output.has_news() | self.is_fed
    }

    /// Forgets all events; returns how many of those for the plugin were lost.
    pub(crate) fn finish(&mut self) -> u32 {
        self.is_fed = false;
        self.output.clear();
        self.input.clear()
    }
}

/// Adds the plugin's buffers of one direction, and routes to those that are ports of the node: the ones that are on, in
/// order.
fn build_buffers(
    buses: &[AudioBus],
    frames: usize,
    buffers: &mut SmallVec<[clap_audio_buffer; 2]>,
    routes: &mut Vec<Route>,
    spare: &mut Vec<Spare>,
) {
    let mut port = 0;
    for bus in buses {
        let channels = bus.layout.channels();
        let mut data32 = ptr::null_mut();
        if bus.is_port() {
            routes.push(Route { buffer: buffers.len() as u32, port, channels });
            port += 1;
        } else if channels > 0 {
            let mut samples = vec![vec![0.0; frames]; channels as usize];
            let mut pointers: Vec<_> = samples.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
            data32 = pointers.as_mut_ptr();
            spare.push(Spare { _pointers: pointers, _samples: samples });
        }
        let data64 = ptr::null_mut();
        buffers.push(clap_audio_buffer { data32, data64, channel_count: channels, latency: 0, constant_mask: 0 });
    }
}
