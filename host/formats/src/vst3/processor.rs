//! The audio half of a VST3 plugin. Runs in the callback: nothing here blocks, allocates, frees, locks, logs or calls the
//! system, whatever the plugin itself does.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crosspoint_graph::{Block, Processor, Status};
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{TBool, kResultOk, tresult, uint32};

use super::call::{Call, Outcome};
use super::notes::Notes;
use crate::faults::count;
use crate::thread::AudioThread;

/// What the audio half calls, looked up once.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    plugin: *mut IAudioProcessor,
    process: unsafe extern "system" fn(*mut IAudioProcessor, *mut ProcessData) -> tresult,
    set_processing: unsafe extern "system" fn(*mut IAudioProcessor, TBool) -> tresult,
    tail: unsafe extern "system" fn(*mut IAudioProcessor) -> uint32,
}

impl Functions {
    /// # Safety
    /// `plugin` is an audio processor, and lives as long as this is used.
    pub(crate) unsafe fn of(plugin: *mut IAudioProcessor) -> Self {
        // SAFETY: promised by the caller.
        let table = unsafe { &*(*plugin).vtbl };
        Self { plugin, process: table.process, set_processing: table.setProcessing, tail: table.getTailSamples }
    }

    /// Runs one call of `process`.
    ///
    /// # Safety
    /// The plugin is active, nobody else is inside it on the audio thread, and the call is of its shape.
    #[inline]
    pub(crate) unsafe fn process(&self, call: &mut Call) -> bool {
        // SAFETY: promised by the caller.
        unsafe { (self.process)(self.plugin, call.data()) == kResultOk }
    }

    /// # Safety
    /// The plugin is active, and nobody else is inside it on the audio thread.
    pub(crate) unsafe fn set_processing(&self, on: bool) {
        // SAFETY: promised by the caller. Many have nothing to do and say that they do not know the call.
        unsafe { (self.set_processing)(self.plugin, on.into()) };
    }
}

/// Stands for the audio half being out; the plugin is not destroyed before it is gone.
pub(crate) type Leash = Arc<()>;

/// The audio half. What each block touches comes first.
#[repr(C)]
pub(crate) struct Vst3Processor {
    functions: Functions,
    is_started: bool,
    is_effect: bool,
    notes: Arc<Notes>,
    call: Box<Call>,
    _leash: Leash,
}

// SAFETY: the pointer leads to the plugin, which the leash keeps alive; the functions behind it are those that VST3 lets the
// audio thread call.
unsafe impl Send for Vst3Processor {}

impl Vst3Processor {
    pub(crate) fn new(functions: Functions, call: Box<Call>, notes: Arc<Notes>, leash: Leash) -> Self {
        Self { functions, is_started: false, is_effect: call.is_effect(), notes, call, _leash: leash }
    }

    fn mark(&self) -> AudioThread {
        AudioThread::enter(self.notes.identity())
    }

    /// What the plugin's tail means for the blocks to come.
    ///
    /// A tail of 0 is what a plugin reports that never thought of it, delays and reverbs among them: no reason to skip it.
    /// An instrument's tail says how long it sounds behind its last note, pedals held or not: no reason either.
    #[inline]
    fn status(&self, block: &Block<'_>) -> Status {
        if !self.is_effect || !block.inputs_are_silent() {
            return Status::Continue;
        }
        // SAFETY: the plugin is active, and this is the audio thread.
        match unsafe { (self.functions.tail)(self.functions.plugin) } {
            kNoTail | kInfiniteTail => Status::Continue,
            frames => Status::Tail(frames),
        }
    }
}

#[cold]
fn fail(block: &mut Block<'_>, counter: &AtomicU32) -> Status {
    block.clear_outputs();
    counter.fetch_add(1, Ordering::Relaxed);
    Status::Error
}

impl Processor for Vst3Processor {
    fn start(&mut self) {
        let _mark = self.mark();
        // SAFETY: the plugin is active, and this is the audio thread.
        unsafe { self.functions.set_processing(true) };
        self.is_started = true;
    }

    #[inline]
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let _mark = self.mark();
        if !self.is_started || !self.call.prepare(&mut block, &self.notes) {
            return fail(&mut block, &self.notes.faults.failed);
        }
        // SAFETY: the plugin is active and processing, this is the audio thread, and the structures hold for the call.
        let is_done = unsafe { self.functions.process(&mut self.call) };
        if self.call.has_news() {
            self.call.finish(&self.notes, Some(&mut block));
        }
        if !is_done {
            return fail(&mut block, &self.notes.faults.failed);
        }
        match self.call.inspect(&mut block) {
            Outcome::Sound => self.status(&block),
            Outcome::NonFinite => fail(&mut block, &self.notes.faults.non_finite),
        }
    }

    fn flush(&mut self, mut block: Block<'_>) {
        let _mark = self.mark();
        if !self.is_started {
            count(&self.notes.faults.failed, 1);
            return;
        }
        self.call.prepare_flush(&block, &self.notes);
        // SAFETY: as in `process`.
        unsafe { self.functions.process(&mut self.call) };
        self.call.finish(&self.notes, Some(&mut block));
    }

    fn is_foreign(&self) -> bool {
        true
    }

    /// Whether a person moved something in the plugin's window.
    fn wants_processing(&self) -> bool {
        let _mark = self.mark();
        self.notes.with_audio_ends(|ends| !ends.edits.is_empty()) == Some(true)
    }

    /// VST3's way to forget what sounds.
    fn reset(&mut self) {
        let _mark = self.mark();
        if self.is_started {
            // SAFETY: the plugin is active, and this is the audio thread.
            unsafe {
                self.functions.set_processing(false);
                self.functions.set_processing(true);
            }
        }
        self.call.forget_notes();
    }

    fn stop(&mut self) {
        let _mark = self.mark();
        if self.is_started {
            // SAFETY: as in `start`.
            unsafe { self.functions.set_processing(false) };
            self.is_started = false;
        }
        self.call.forget_notes();
    }
}
