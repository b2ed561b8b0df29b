//! What a plugin may call on its host. Every callback only leaves a note (a flag, a log record, an entry in a table);
//! [`super::plugin`] acts on the notes on the main thread. Plugins call from the wrong thread, so no callback relies on
//! the right one; from the audio thread nothing here locks, allocates or logs.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;

use clack_extensions::audio_ports::{AudioPortRescanFlags, HostAudioPorts, HostAudioPortsImpl};
use clack_extensions::gui::HostGui;
use clack_extensions::latency::{HostLatency, HostLatencyImpl};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
};
#[cfg(unix)]
use clack_extensions::posix_fd::{FdFlags, HostPosixFd, HostPosixFdImpl};
use clack_extensions::state::{HostState, HostStateImpl};
use clack_extensions::tail::{HostTail, HostTailImpl};
use clack_extensions::thread_check::{HostThreadCheck, HostThreadCheckImpl};
use clack_extensions::timer::{HostTimer, HostTimerImpl, TimerId};
use clack_host::prelude::*;

use super::extensions::arrangement::{HostAmbisonic, HostAudioPortsConfig, HostSurround};
use super::extensions::history::HostUndo;
use super::extensions::menu::HostContextMenu;
use super::extensions::presets::HostPresetLoad;
use super::extensions::session::{HostEventRegistry, HostResourceDirectory, HostTransportControl, HostTuning};
use super::extensions::surface::{HostNoteName, HostRemoteControls, HostTrackInfo, HostVoiceInfo};
use super::extensions::talk::{HostLog, HostNotePorts};
use super::extensions::work::{HostScratchMemory, HostThreadPool, Scratch, Tasks};
use super::gui::WindowNotes;
use super::timers::Timers;
use crate::faults::Faults;
use crate::plugin::{PluginNotice, Severity};
use crate::surface::Track;
use crate::thread;

/// Things to do on the main thread, one bit each in [`Notes::pending`].
pub(crate) mod pending {
    pub(crate) const CALLBACK: u32 = 1 << 0;
    pub(crate) const RESTART: u32 = 1 << 1;
    pub(crate) const FLUSH: u32 = 1 << 2;
    pub(crate) const LATENCY: u32 = 1 << 3;
    pub(crate) const TAIL: u32 = 1 << 4;
    pub(crate) const PORT_NAMES: u32 = 1 << 5;
    pub(crate) const PORT_LIST: u32 = 1 << 6;
    pub(crate) const PARAMETER_VALUES: u32 = 1 << 7;
    pub(crate) const PARAMETER_TEXT: u32 = 1 << 8;
    pub(crate) const PARAMETER_INFO: u32 = 1 << 9;
    pub(crate) const PARAMETER_LIST: u32 = 1 << 10;
    pub(crate) const STATE: u32 = 1 << 11;
}

/// Bytes of a message that can be sent from the audio thread; longer ones are cut.
const LOG_BYTES: usize = 240;
/// Messages that wait between two polls.
const LOG_RECORDS: usize = 64;
/// Parameter changes by the plugin that wait between two polls.
const PARAMETER_RECORDS: usize = 1024;
/// Notices that wait between two polls; a plugin that tells more than this is not listened to.
const MOST_TOLD: usize = 4096;

/// A message on its way from the audio thread.
pub(crate) struct LogRecord {
    severity: Severity,
    length: u8,
    bytes: [u8; LOG_BYTES],
}

impl LogRecord {
    fn new(severity: Severity, message: &[u8]) -> Self {
        let mut bytes = [0; LOG_BYTES];
        let length = message.len().min(LOG_BYTES);
        bytes[..length].copy_from_slice(&message[..length]);
        Self { severity, length: length as u8, bytes }
    }

    pub(crate) fn into_notice(self) -> PluginNotice {
        let message = String::from_utf8_lossy(&self.bytes[..usize::from(self.length)]).into_owned();
        PluginNotice::Log { severity: self.severity, message }
    }
}

/// A parameter's change by the plugin on its way from the audio thread.
#[derive(Clone, Copy)]
pub(crate) enum ParameterRecord {
    Value { parameter: u32, value: f64 },
    Gesture { parameter: u32, begin: bool },
}

/// The producer's ends of the rings, used only by whoever is inside the plugin's audio half.
pub(crate) struct AudioEnds {
    pub(crate) log: rtrb::Producer<LogRecord>,
    pub(crate) parameters: rtrb::Producer<ParameterRecord>,
}

/// The consumer's ends, kept by the controller.
pub(crate) struct MainEnds {
    pub(crate) log: rtrb::Consumer<LogRecord>,
    pub(crate) parameters: rtrb::Consumer<ParameterRecord>,
}

/// All that a plugin left for its host to do. Shared by the host callbacks, the controller and the audio half.
pub(crate) struct Notes {
    main_thread: ThreadId,
    pending: AtomicU32,
    /// The audio half is to be called although nothing sounds.
    pub(crate) wake: AtomicBool,
    pub(crate) faults: Faults,
    /// Messages from threads that may wait.
    log: Mutex<Vec<(Severity, String)>>,
    cleared: Mutex<Vec<(u32, ParamClearFlags)>>,
    timers: Mutex<Timers>,
    /// What it has told on the main thread since the last poll.
    told: Mutex<Vec<PluginNotice>>,
    /// The track it is on, for when it asks.
    track: Mutex<Option<Track>>,
    /// What its pool is to do. Set once the plugin is initialised.
    pub(crate) tasks: OnceLock<Tasks>,
    pub(crate) scratch: Scratch,
    /// What it asks of its window.
    pub(crate) window: WindowNotes,
    is_being_activated: AtomicBool,
    audio: UnsafeCell<AudioEnds>,
}

// SAFETY: all fields but `audio` are Sync; `audio` is reached through `audio_ends` alone, which says who may.
unsafe impl Sync for Notes {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// For a plugin whose main thread is the calling one.
    pub(crate) fn new() -> (Arc<Self>, MainEnds) {
        let (log, log_end) = rtrb::RingBuffer::new(LOG_RECORDS);
        let (parameters, parameters_end) = rtrb::RingBuffer::new(PARAMETER_RECORDS);
        let notes = Self {
            main_thread: std::thread::current().id(),
            pending: AtomicU32::new(0),
            wake: AtomicBool::new(false),
            faults: Faults::default(),
            log: Mutex::default(),
            cleared: Mutex::default(),
            timers: Mutex::default(),
            told: Mutex::default(),
            track: Mutex::default(),
            tasks: OnceLock::new(),
            scratch: Scratch::default(),
            window: WindowNotes::default(),
            is_being_activated: AtomicBool::new(false),
            audio: UnsafeCell::new(AudioEnds { log, parameters }),
        };
        (Arc::new(notes), MainEnds { log: log_end, parameters: parameters_end })
    }

    /// The address that stands for the plugin in [`thread::AudioThread`].
    #[inline]
    pub(crate) fn identity(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    #[inline]
    pub(crate) fn raise(&self, bits: u32) {
        self.pending.fetch_or(bits, Ordering::AcqRel);
    }

    pub(crate) fn take_pending(&self) -> u32 {
        self.pending.swap(0, Ordering::AcqRel)
    }

    /// Runs something while every lock here is held.
    pub(crate) fn with_locks_held(&self, during: &mut dyn FnMut()) {
        let Self { log, cleared, timers, told, track, .. } = self;
        let _held = (lock(log), lock(cleared), lock(timers), lock(told), lock(track));
        during();
    }

    pub(crate) fn take_log(&self) -> Vec<(Severity, String)> {
        std::mem::take(&mut *lock(&self.log))
    }

    pub(crate) fn take_cleared(&self) -> Vec<(u32, ParamClearFlags)> {
        std::mem::take(&mut *lock(&self.cleared))
    }

    pub(crate) fn take_told(&self) -> Vec<PluginNotice> {
        std::mem::take(&mut *lock(&self.told))
    }

    /// Keeps a notice for the next poll, unless this is the audio thread, where that would have to wait. Off the main
    /// thread the plugin is told off with `message`. Whether the notice is kept.
    pub(crate) fn tell(&self, message: &'static str, notice: impl FnOnce() -> PluginNotice) -> bool {
        self.on_main_thread(message);
        if thread::is_audio_thread() {
            return false;
        }
        let notice = notice();
        let mut told = lock(&self.told);
        let has_room = told.len() < MOST_TOLD;
        if has_room {
            told.push(notice);
        }
        has_room
    }

    /// Raises bits, and tells the plugin off with `message` if it calls off the main thread.
    pub(crate) fn raise_on_main(&self, message: &'static str, bits: u32) {
        self.on_main_thread(message);
        self.raise(bits);
    }

    /// The track, on the main thread alone; elsewhere none, and the plugin is told off with `message`.
    pub(crate) fn track(&self, message: &'static str) -> Option<Track> {
        if self.on_main_thread(message) { lock(&self.track).clone() } else { None }
    }

    pub(crate) fn set_track(&self, track: Track) {
        *lock(&self.track) = Some(track);
    }

    /// Whether this is within the plugin's activation, on the main thread.
    pub(crate) fn is_being_activated(&self) -> bool {
        self.is_being_activated.load(Ordering::Relaxed) && self.is_main_thread()
    }

    pub(crate) fn set_being_activated(&self, is_so: bool) {
        self.is_being_activated.store(is_so, Ordering::Relaxed);
    }

    pub(crate) fn timers(&self) -> MutexGuard<'_, Timers> {
        lock(&self.timers)
    }

    /// The producers, if the calling thread is inside this plugin's audio half; else none.
    ///
    /// At most one thread can be: each entry borrows the audio half exclusively. The borrow lasts for `with` only, and
    /// `with` calls no plugin.
    pub(crate) fn with_audio_ends<R>(&self, with: impl FnOnce(&mut AudioEnds) -> R) -> Option<R> {
        // SAFETY: see above; the mark on the thread is set by the audio half alone.
        thread::is_inside(self.identity()).then(|| with(unsafe { &mut *self.audio.get() }))
    }

    /// Keeps a message for the next poll. On the audio thread without waiting; elsewhere behind a lock.
    pub(crate) fn log(&self, severity: Severity, message: &[u8]) {
        let pushed = self.with_audio_ends(|ends| ends.log.push(LogRecord::new(severity, message)).is_ok());
        match pushed {
            Some(true) => {}
            Some(false) => {
                self.faults.log_lost.fetch_add(1, Ordering::Relaxed);
            }
            // Inside another plugin's audio half: nothing that is safe there can be done.
            None if thread::is_audio_thread() => {
                self.faults.log_lost.fetch_add(1, Ordering::Relaxed);
            }
            None => lock(&self.log).push((severity, String::from_utf8_lossy(message).into_owned())),
        }
    }

    /// Whether this is the main thread; if not, the plugin is told off.
    fn on_main_thread(&self, call: &'static str) -> bool {
        let is_main = self.is_main_thread();
        if !is_main {
            self.log(Severity::PluginMisbehaving, call.as_bytes());
        }
        is_main
    }

    fn is_main_thread(&self) -> bool {
        std::thread::current().id() == self.main_thread && !thread::is_audio_thread()
    }
}

/// The handlers of clack-host: nothing but the notes, seen from each side.
pub(crate) struct Handlers;

/// Any thread's view.
pub(crate) struct Shared(pub(crate) Arc<Notes>);

/// The main thread's view, if the plugin keeps the rules.
pub(crate) struct MainThread(pub(crate) Arc<Notes>);

/// The audio thread's view, if the plugin keeps the rules.
pub(crate) struct Audio(pub(crate) Arc<Notes>);

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = Audio;

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Shared) {
        builder
            .register::<HostLog>()
            .register::<HostThreadCheck>()
            .register::<HostParams>()
            .register::<HostState>()
            .register::<HostLatency>()
            .register::<HostTail>()
            .register::<HostAudioPorts>()
            .register::<HostNotePorts>()
            .register::<HostTimer>()
            .register::<HostThreadPool>()
            .register::<HostScratchMemory>()
            .register::<HostAudioPortsConfig>()
            .register::<HostSurround>()
            .register::<HostAmbisonic>()
            .register::<HostNoteName>()
            .register::<HostVoiceInfo>()
            .register::<HostRemoteControls>()
            .register::<HostTrackInfo>()
            .register::<HostContextMenu>()
            .register::<HostPresetLoad>()
            .register::<HostEventRegistry>()
            .register::<HostTransportControl>()
            .register::<HostUndo>()
            .register::<HostResourceDirectory>()
            .register::<HostTuning>()
            .register::<HostGui>();
        #[cfg(unix)]
        builder.register::<HostPosixFd>();
    }
}

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {
        self.0.raise(pending::RESTART);
    }

    fn request_process(&self) {
        self.0.wake.store(true, Ordering::Release);
    }

    fn request_callback(&self) {
        self.0.raise(pending::CALLBACK);
    }
}

impl MainThreadHandler<'_> for MainThread {}

impl AudioProcessorHandler<'_> for Audio {}

impl HostThreadCheckImpl for Shared {
    fn is_main_thread(&self) -> bool {
        self.0.is_main_thread()
    }

    fn is_audio_thread(&self) -> bool {
        thread::is_audio_thread()
    }
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {
        // The audio half flushes if the plugin is active, the poll does if it is not; either leaves the other's alone.
        self.0.wake.store(true, Ordering::Release);
        self.0.raise(pending::FLUSH);
    }
}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, flags: ParamRescanFlags) {
        let bits = [
            (ParamRescanFlags::VALUES, pending::PARAMETER_VALUES),
            (ParamRescanFlags::TEXT, pending::PARAMETER_TEXT),
            (ParamRescanFlags::INFO, pending::PARAMETER_INFO),
            (ParamRescanFlags::ALL, pending::PARAMETER_LIST),
        ];
        let bits = bits.iter().filter(|(flag, _)| flags.contains(*flag)).fold(0, |bits, (_, bit)| bits | bit);
        self.0.on_main_thread("params.rescan was called off the main thread");
        self.0.raise(bits);
    }

    fn clear(&self, parameter: ClapId, flags: ParamClearFlags) {
        if self.0.on_main_thread("params.clear was called off the main thread and was ignored") {
            lock(&self.0.cleared).push((parameter.get(), flags));
        }
    }
}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {
        self.0.on_main_thread("state.mark_dirty was called off the main thread");
        self.0.raise(pending::STATE);
    }
}

impl HostLatencyImpl for MainThread {
    fn changed(&self) {
        self.0.on_main_thread("latency.changed was called off the main thread");
        self.0.raise(pending::LATENCY);
    }
}

impl HostTailImpl for Audio {
    fn changed(&mut self) {
        self.0.raise(pending::TAIL);
    }
}

impl HostAudioPortsImpl for MainThread {
    fn is_rescan_flag_supported(&self, _flag: AudioPortRescanFlags) -> bool {
        true
    }

    fn rescan(&self, flags: AudioPortRescanFlags) {
        self.0.on_main_thread("audio-ports.rescan was called off the main thread");
        self.0.raise(if flags.requires_deactivate() { pending::PORT_LIST } else { pending::PORT_NAMES });
    }
}

impl HostTimerImpl for MainThread {
    fn register_timer(&self, period_ms: u32) -> Result<TimerId, HostError> {
        if !self.0.on_main_thread("timer-support.register_timer was called off the main thread and was refused") {
            return Err(HostError::Message("timers belong to the main thread"));
        }
        Ok(TimerId(self.0.timers().add(period_ms)))
    }

    fn unregister_timer(&self, timer: TimerId) -> Result<(), HostError> {
        if self.0.timers().remove(timer.0) { Ok(()) } else { Err(HostError::Message("there is no such timer")) }
    }
}

#[cfg(unix)]
impl HostPosixFdImpl for MainThread {
    fn register_fd(&self, descriptor: i32, flags: FdFlags) -> Result<(), HostError> {
        if !self.0.on_main_thread("posix-fd-support.register_fd was called off the main thread and was refused") {
            return Err(HostError::Message("descriptors belong to the main thread"));
        }
        if self.0.timers().watch(descriptor, flags.bits()) {
            Ok(())
        } else {
            Err(HostError::Message("the descriptor is registered already"))
        }
    }

    fn modify_fd(&self, descriptor: i32, flags: FdFlags) -> Result<(), HostError> {
        let found = self.0.timers().modify(descriptor, flags.bits());
        if found { Ok(()) } else { Err(HostError::Message("the descriptor is not registered")) }
    }

    fn unregister_fd(&self, descriptor: i32) -> Result<(), HostError> {
        let found = self.0.timers().unwatch(descriptor);
        if found { Ok(()) } else { Err(HostError::Message("the descriptor is not registered")) }
    }
}
