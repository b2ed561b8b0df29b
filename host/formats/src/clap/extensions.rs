//! Extensions over CLAP's own structures, where clack-extensions 0.2.0 is not enough:
//! - its host side of note-ports hands out a pointer to a pointer, so that a plugin jumps into data;
//! - its host side of thread-pool allocates and logs in the callback when it refuses;
//! - its host side of log reads through null and allocates in the callback when a message is not quite right;
//! - its plugin side of gui hides resize hints unless the plugin wrote an aspect ratio;
//! - `params.flush` and `tail.get` are wanted on the audio thread without a wrapper being built at each call.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

use clack_host::extensions::wrapper::HostWrapper;
use clack_host::extensions::{
    Extension, ExtensionImplementation, HostExtensionSide, RawExtension, RawExtensionImplementation,
};
use clack_host::host::HostHandlers;
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_gui_resize_hints, clap_plugin_gui};
use clap_sys::ext::log::{
    CLAP_EXT_LOG, CLAP_LOG_DEBUG, CLAP_LOG_ERROR, CLAP_LOG_FATAL, CLAP_LOG_HOST_MISBEHAVING, CLAP_LOG_INFO,
    CLAP_LOG_PLUGIN_MISBEHAVING, clap_host_log, clap_log_severity,
};
use clap_sys::ext::note_ports::{
    CLAP_EXT_NOTE_PORTS, CLAP_NOTE_DIALECT_CLAP, CLAP_NOTE_DIALECT_MIDI, CLAP_NOTE_DIALECT_MIDI_MPE,
    CLAP_NOTE_DIALECT_MIDI2, CLAP_NOTE_PORTS_RESCAN_ALL, clap_host_note_ports,
};
use clap_sys::ext::thread_pool::{CLAP_EXT_THREAD_POOL, clap_host_thread_pool};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;

use crate::plugin::Severity;

/// The vtable of a plugin's extension; none if it lacks it. Valid as long as the plugin.
///
/// # Safety
/// `plugin` is an initialised plugin, and `T` is the vtable that CLAP lays down for `id`.
pub(crate) unsafe fn plugin_extension<T>(plugin: *const clap_plugin, id: &CStr) -> Option<NonNull<T>> {
    // SAFETY: the caller promised a valid plugin.
    let get = unsafe { (*plugin).get_extension }?;
    // SAFETY: as above.
    let pointer = unsafe { get(plugin, id.as_ptr()) };
    NonNull::new(pointer.cast_mut().cast())
}

/// What a plugin says of how its window may be sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizeHints {
    /// The width may change.
    pub horizontal: bool,
    /// The height may change.
    pub vertical: bool,
    /// Width and height that the size must stay in proportion to, if any.
    pub aspect_ratio: Option<(u32, u32)>,
}

/// Asks a plugin for its hints; none if it has no window or gives none. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn resize_hints(plugin: *const clap_plugin) -> Option<ResizeHints> {
    // SAFETY: the caller promised a valid plugin; the type is the one of the id.
    let gui = unsafe { plugin_extension::<clap_plugin_gui>(plugin, CLAP_EXT_GUI) }?;
    let mut hints = clap_gui_resize_hints {
        can_resize_horizontally: false,
        can_resize_vertically: false,
        preserve_aspect_ratio: false,
        aspect_ratio_width: 0,
        aspect_ratio_height: 0,
    };
    // SAFETY: the vtable is valid as long as the plugin.
    let get = unsafe { gui.as_ref().get_resize_hints }?;
    // SAFETY: as above; `hints` outlives the call.
    if !unsafe { get(plugin, &raw mut hints) } {
        return None;
    }
    let ratio = (hints.aspect_ratio_width, hints.aspect_ratio_height);
    let has_ratio = hints.preserve_aspect_ratio && ratio.0 > 0 && ratio.1 > 0;
    Some(ResizeHints {
        horizontal: hints.can_resize_horizontally,
        vertical: hints.can_resize_vertically,
        aspect_ratio: has_ratio.then_some(ratio),
    })
}

/// What the host side of log leaves behind.
pub(crate) trait LogNotes {
    /// A message; any thread, the audio thread too.
    fn log(&self, severity: Severity, message: &[u8]);
}

/// The host side of log.
#[derive(Clone, Copy)]
pub(crate) struct HostLog;

// SAFETY: the type has no data; what the id stands for is in `IMPLEMENTATION`.
unsafe impl Extension for HostLog {
    const IDENTIFIERS: &'static [&'static CStr] = &[CLAP_EXT_LOG];
    type ExtensionSide = HostExtensionSide;

    unsafe fn from_raw(_raw: RawExtension<HostExtensionSide>) -> Self {
        Self
    }
}

// SAFETY: the structure is the one that CLAP lays down for the id.
unsafe impl<H> ExtensionImplementation<H> for HostLog
where
    H: for<'a> HostHandlers<Shared<'a>: LogNotes>,
{
    const IMPLEMENTATION: RawExtensionImplementation =
        RawExtensionImplementation::new(&clap_host_log { log: Some(log::<H>) });
}

unsafe extern "C" fn log<H>(host: *const clap_host, severity: clap_log_severity, message: *const c_char)
where
    H: for<'a> HostHandlers<Shared<'a>: LogNotes>,
{
    if message.is_null() {
        return;
    }
    let severity = match severity {
        CLAP_LOG_DEBUG => Severity::Debug,
        CLAP_LOG_INFO => Severity::Info,
        CLAP_LOG_ERROR => Severity::Error,
        CLAP_LOG_FATAL => Severity::Fatal,
        CLAP_LOG_HOST_MISBEHAVING => Severity::HostMisbehaving,
        CLAP_LOG_PLUGIN_MISBEHAVING => Severity::PluginMisbehaving,
        _ => Severity::Warning,
    };
    // SAFETY: a message that is not null is a C string, by CLAP; the host pointer is the one the plugin was given.
    unsafe {
        let message = CStr::from_ptr(message).to_bytes();
        HostWrapper::<H>::handle(host, |host| {
            host.shared().log(severity, message);
            Ok(())
        });
    }
}

/// What the host side of note-ports leaves behind.
pub(crate) trait NotePortsNotes {
    /// Ports are to be read again: all of them, or their names.
    fn rescan(&self, all: bool);
}

/// The host side of note-ports.
#[derive(Clone, Copy)]
pub(crate) struct HostNotePorts;

// SAFETY: the type has no data; what the id stands for is in `IMPLEMENTATION`.
unsafe impl Extension for HostNotePorts {
    const IDENTIFIERS: &'static [&'static CStr] = &[CLAP_EXT_NOTE_PORTS];
    type ExtensionSide = HostExtensionSide;

    unsafe fn from_raw(_raw: RawExtension<HostExtensionSide>) -> Self {
        Self
    }
}

// SAFETY: the structure is the one that CLAP lays down for the id.
unsafe impl<H> ExtensionImplementation<H> for HostNotePorts
where
    H: for<'a> HostHandlers<MainThread<'a>: NotePortsNotes>,
{
    const IMPLEMENTATION: RawExtensionImplementation = RawExtensionImplementation::new(&clap_host_note_ports {
        supported_dialects: Some(supported_dialects),
        rescan: Some(rescan_note_ports::<H>),
    });
}

unsafe extern "C" fn supported_dialects(_host: *const clap_host) -> u32 {
    CLAP_NOTE_DIALECT_CLAP | CLAP_NOTE_DIALECT_MIDI | CLAP_NOTE_DIALECT_MIDI_MPE | CLAP_NOTE_DIALECT_MIDI2
}

unsafe extern "C" fn rescan_note_ports<H>(host: *const clap_host, flags: u32)
where
    H: for<'a> HostHandlers<MainThread<'a>: NotePortsNotes>,
{
    // SAFETY: the pointer is the one the plugin was given, made by clack-host for these handlers.
    unsafe {
        HostWrapper::<H>::handle_main_thread(host, |host| {
            host.rescan(flags & CLAP_NOTE_PORTS_RESCAN_ALL != 0);
            Ok(())
        });
    }
}

/// The host side of thread-pool. There is no pool: plugins then do the work themselves, as CLAP tells them to.
#[derive(Clone, Copy)]
pub(crate) struct HostThreadPool;

// SAFETY: the type has no data; what the id stands for is in `IMPLEMENTATION`.
unsafe impl Extension for HostThreadPool {
    const IDENTIFIERS: &'static [&'static CStr] = &[CLAP_EXT_THREAD_POOL];
    type ExtensionSide = HostExtensionSide;

    unsafe fn from_raw(_raw: RawExtension<HostExtensionSide>) -> Self {
        Self
    }
}

// SAFETY: the structure is the one that CLAP lays down for the id.
unsafe impl<H> ExtensionImplementation<H> for HostThreadPool {
    const IMPLEMENTATION: RawExtensionImplementation =
        RawExtensionImplementation::new(&clap_host_thread_pool { request_exec: Some(request_exec) });
}

unsafe extern "C" fn request_exec(_host: *const clap_host, _tasks: u32) -> bool {
    false
}
