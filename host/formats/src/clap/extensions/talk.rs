//! Log and note ports, the host's side.

use std::ffi::{CStr, c_char};

use clap_sys::ext::log::*;
use clap_sys::ext::note_ports::*;
use clap_sys::host::clap_host;

use super::{host_extension, with_notes};
use crate::clap::host::pending;
use crate::plugin::Severity;

host_extension!(
    /// The host's side of log.
    HostLog,
    [CLAP_EXT_LOG],
    clap_host_log { log: Some(log) }
);

unsafe extern "C" fn log(host: *const clap_host, severity: clap_log_severity, message: *const c_char) {
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
        with_notes(host, |notes| notes.log(severity, message));
    }
}

host_extension!(
    /// The host's side of note-ports.
    HostNotePorts,
    [CLAP_EXT_NOTE_PORTS],
    clap_host_note_ports { supported_dialects: Some(supported_dialects), rescan: Some(rescan_note_ports) }
);

unsafe extern "C" fn supported_dialects(_host: *const clap_host) -> u32 {
    CLAP_NOTE_DIALECT_CLAP | CLAP_NOTE_DIALECT_MIDI | CLAP_NOTE_DIALECT_MIDI_MPE | CLAP_NOTE_DIALECT_MIDI2
}

unsafe extern "C" fn rescan_note_ports(host: *const clap_host, flags: u32) {
    let bits = if flags & CLAP_NOTE_PORTS_RESCAN_ALL != 0 { pending::PORT_LIST } else { pending::PORT_NAMES };
    // SAFETY: the pointer is the one the plugin was given.
    unsafe { with_notes(host, |notes| notes.raise_on_main("note-ports.rescan was called off the main thread", bits)) };
}
