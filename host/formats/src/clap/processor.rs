//! The audio half of a CLAP plugin. Runs in the callback: nothing here blocks, allocates, frees, locks, logs or calls the
//! system, whatever the plugin itself does.
#![deny(clippy::disallowed_types)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clack_host::process::PluginAudioProcessor;
use clap_sys::ext::params::clap_plugin_params;
use clap_sys::ext::tail::clap_plugin_tail;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{
    CLAP_PROCESS_CONTINUE, CLAP_PROCESS_CONTINUE_IF_NOT_QUIET, CLAP_PROCESS_SLEEP, CLAP_PROCESS_TAIL, clap_process,
    clap_process_status,
};
use crosspoint_graph::event::EventBody;
use crosspoint_graph::{Block, Processor, Status};

use super::buffers::Outcome;
use super::call::PinnedCall;
use super::host::{Handlers, Notes, ParameterRecord, pending};
use super::output::EventOutput;
use crate::faults::count;
use crate::thread::AudioThread;

type ProcessFunction = unsafe extern "C" fn(*const clap_plugin, *const clap_process) -> clap_process_status;

/// What the audio half calls, looked up once.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Functions {
    pub(crate) plugin: *const clap_plugin,
    pub(crate) process: ProcessFunction,
    pub(crate) params: Option<NonNull<clap_plugin_params>>,
    pub(crate) tail: Option<NonNull<clap_plugin_tail>>,
}

/// The audio half. What each block touches comes first.
#[repr(C, align(64))]
pub(crate) struct ClapProcessor {
    call: PinnedCall,
    functions: Functions,
    notes: Arc<Notes>,
    /// Keeps the plugin active; going home is letting go of it.
    instance: PluginAudioProcessor<Handlers>,
}

// SAFETY: the pointers lead to the plugin, which `instance` keeps alive; the functions behind them are those that CLAP
// lets the audio thread call.
unsafe impl Send for ClapProcessor {}

impl ClapProcessor {
    pub(crate) fn new(
        functions: Functions,
        call: PinnedCall,
        notes: Arc<Notes>,
        instance: PluginAudioProcessor<Handlers>,
    ) -> Self {
        Self { functions, call, notes, instance }
    }

    fn mark(&self) -> AudioThread {
        AudioThread::enter(self.notes.identity())
    }

    /// To be called with the call prepared, on the audio thread.
    #[inline(always)]
    fn call_plugin(&mut self) -> clap_process_status {
        // SAFETY: the plugin is active, and processing, or nothing could have been prepared; this is the audio thread, and
        // the structures hold for the call.
        unsafe { (self.functions.process)(self.functions.plugin, self.call.process()) }
    }

    /// After the plugin's call: what it sent, what it wrote, what it says.
    fn finish(&mut self, status: clap_process_status, mut block: Block<'_>) -> Status {
        if self.call.get().has_events() {
            self.collect(&mut block);
        }
        let status = self.status(status);
        if status == Status::Error {
            return fail(&mut block, &self.notes.faults.failed);
        }
        match self.call.get().inspect(&mut block) {
            Outcome::Sound => status,
            Outcome::NonFinite => fail(&mut block, &self.notes.faults.non_finite),
        }
    }

    /// A plain block that is not plain for this plugin, such as the first.
    #[inline(never)]
    fn process_with_care(&mut self, mut block: Block<'_>) {
        if self.process(block.again()) == Status::Error {
            block.fail();
        }
    }

    /// A plain block in which the plugin did something.
    #[inline(never)]
    fn finish_with_care(&mut self, status: clap_process_status, mut block: Block<'_>) {
        if self.finish(status, block.again()) == Status::Error {
            block.fail();
        }
    }

    /// Passes on what the plugin sent, and counts what went wrong.
    fn collect(&mut self, block: &mut Block<'_>) {
        let call = self.call.get();
        let output = call.output();
        forward(output, &self.notes, block);
        let faults = output.take_faults();
        count(&self.notes.faults.lost, call.finish());
        count(&self.notes.faults.late, faults.late);
        count(&self.notes.faults.unsorted, faults.unsorted);
        count(&self.notes.faults.dropped, faults.dropped);
    }

    /// The plugin's word on what is to come.
    fn status(&self, status: clap_process_status) -> Status {
        match status {
            CLAP_PROCESS_CONTINUE => Status::Continue,
            CLAP_PROCESS_CONTINUE_IF_NOT_QUIET => Status::ContinueIfNotQuiet,
            CLAP_PROCESS_TAIL => self.tail_status(),
            CLAP_PROCESS_SLEEP => Status::Sleep,
            _ => Status::Error,
        }
    }

    /// A plugin that speaks of its tail and cannot tell it is listened to instead.
    fn tail_status(&self) -> Status {
        // SAFETY: the vtable is valid as long as the plugin.
        match self.functions.tail.and_then(|tail| unsafe { tail.as_ref().get }) {
            // SAFETY: CLAP allows this call on the audio thread.
            Some(get) => match unsafe { get(self.functions.plugin) } {
                // CLAP: any value from there on is for ever.
                0x7fff_ffff.. => Status::Tail(u32::MAX),
                frames => Status::Tail(frames),
            },
            None => Status::ContinueIfNotQuiet,
        }
    }
}

#[cold]
fn fail(block: &mut Block<'_>, counter: &AtomicU32) -> Status {
    block.clear_outputs();
    count(counter, 1);
    Status::Error
}

/// Sends the plugin's events on, and tells the controller of its parameters.
fn forward(output: &EventOutput, notes: &Notes, block: &mut Block<'_>) {
    for &event in output.events() {
        let mut event = event;
        match event.body {
            EventBody::SysEx(id) => match block.store_sysex(output.sysex(id)) {
                Some(stored) => event.body = EventBody::SysEx(stored),
                None => {
                    count(&notes.faults.dropped, 1);
                    continue;
                }
            },
            EventBody::Parameter { parameter, value, .. } => {
                report(notes, ParameterRecord::Value { parameter, value });
            }
            EventBody::Gesture { parameter, begin } => report(notes, ParameterRecord::Gesture { parameter, begin }),
            _ => {}
        }
        block.send(event);
    }
}

/// Tells the controller; if there is no room, that it should read all values again.
fn report(notes: &Notes, record: ParameterRecord) {
    if notes.with_audio_ends(|ends| ends.parameters.push(record).is_ok()) != Some(true) {
        notes.raise(pending::PARAMETER_VALUES);
    }
}

impl Processor for ClapProcessor {
    fn start(&mut self) {
        let _mark = self.mark();
        let is_started = self.instance.ensure_processing_started().is_ok();
        self.call.get().set_running(is_started);
        if !is_started {
            count(&self.notes.faults.failed, 1);
        }
    }

    fn process(&mut self, mut block: Block<'_>) -> Status {
        let _mark = self.mark();
        if !self.call.get().prepare(&mut block) {
            return fail(&mut block, &self.notes.faults.failed);
        }
        let status = self.call_plugin();
        self.finish(status, block)
    }

    #[inline]
    fn process_plain(&mut self, block: Block<'_>) {
        let _mark = self.mark();
        if !self.call.get().prepare_plain(&block) {
            return self.process_with_care(block);
        }
        let status = self.call_plugin();
        let is_well = (CLAP_PROCESS_CONTINUE..=CLAP_PROCESS_SLEEP).contains(&status);
        if !is_well || !self.call.get().is_plain(&block) {
            self.finish_with_care(status, block);
        }
    }

    fn flush(&mut self, mut block: Block<'_>) {
        let _mark = self.mark();
        // SAFETY: the vtable is valid as long as the plugin.
        let Some(flush) = self.functions.params.and_then(|params| unsafe { params.as_ref().flush }) else { return };
        self.call.get().prepare_flush(&block);
        let (input, output) = self.call.lists();
        // SAFETY: the plugin is active and not inside `process`; this is the audio thread, as CLAP asks for then.
        unsafe { flush(self.functions.plugin, input, output) };
        self.collect(&mut block);
    }

    fn is_foreign(&self) -> bool {
        true
    }

    /// Forgets the wish as it tells it, so that a block need not look. One from before the sleep wakes the plugin once for
    /// nothing.
    fn wants_processing(&self) -> bool {
        self.notes.wake.swap(false, Ordering::Relaxed)
    }

    fn reset(&mut self) {
        let _mark = self.mark();
        self.instance.reset();
    }

    fn stop(&mut self) {
        let _mark = self.mark();
        self.instance.ensure_processing_stopped();
        self.call.get().set_running(false);
    }
}
