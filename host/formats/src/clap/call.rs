//! Everything that one call of a plugin's `process` or `flush` is handed: built once at activation, reused for each
//! block. A block stores channel pointers, masks, frames and the transport into it; nothing is built anew.
#![deny(clippy::disallowed_types)]

use std::ptr;

use clap_sys::events::*;
use clap_sys::process::clap_process;
use crosspoint_graph::Block;
use crosspoint_graph::event::{Event, EventBody};

use super::buffers::{Buffers, Outcome};
use super::input::EventInput;
use super::output::EventOutput;
use super::parameters::ParameterTable;
use super::ports::Ports;
use super::transport;
use crate::plugin::Precision;

/// The structures of a process call. In this order, so that what each call touches is three cache lines in a row: a rig
/// of thirty plugins does not fit the first level of cache otherwise.
#[repr(C, align(64))]
pub(crate) struct Call {
    process: clap_process,
    buffers: Buffers,
    /// Whether `input` holds events, or lost some.
    is_fed: bool,
    output: EventOutput,
    input: EventInput,
    input_list: clap_input_events,
    output_list: clap_output_events,
}

/// A [`Call`] that stays where it is, because its parts point at each other.
pub(crate) struct PinnedCall(ptr::NonNull<Call>);

// SAFETY: the pointers inside lead to the call's own parts, to the block of the moment or to the plugin's cookies; the
// call is used by one thread at a time.
unsafe impl Send for PinnedCall {}

impl PinnedCall {
    /// For a plugin with these ports and parameters, samples of that precision and blocks of at most `max_frames`.
    pub(crate) fn new(ports: &Ports, parameters: ParameterTable, precision: Precision, max_frames: usize) -> Self {
        let call = Box::into_raw(Box::new(Call::new(ports, parameters, precision, max_frames)));
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
    fn new(ports: &Ports, parameters: ParameterTable, precision: Precision, max_frames: usize) -> Self {
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
            buffers: Buffers::new(&ports.inputs, &ports.outputs, precision, max_frames),
            is_fed: false,
            input: EventInput::new(&ports.note_inputs, parameters.clone()),
            output: EventOutput::new(ports.note_inputs.len(), ports.note_outputs.len(), parameters),
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
        (self.process.audio_inputs, self.process.audio_outputs) = self.buffers.pointers();
    }

    /// Points the structures at a block. False if the block is not of the shape that the plugin was activated for, or the
    /// plugin is not processing; then it must not be called.
    pub(crate) fn prepare(&mut self, block: &mut Block<'_>) -> bool {
        if !self.buffers.prepare(block) {
            return false;
        }
        // What it writes in 64 bits is to be converted: the block is not plain, as if it was fed.
        self.is_fed |= self.buffers.is_double();
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
        let is_plain = self.buffers.are_as_before(block);
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
        self.buffers.set_running(is_running);
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
        !self.has_events() && self.buffers.are_plain(block)
    }

    /// Looks at what the plugin wrote. After a call that [`Self::prepare`] was for.
    pub(crate) fn inspect(&mut self, block: &mut Block<'_>) -> Outcome {
        self.buffers.inspect(block)
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
