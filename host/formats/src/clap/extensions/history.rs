//! The draft undo, both sides: steps of a plugin's own in the host's history, and what could be undone and redone.

use std::ffi::{c_char, c_void};

use clap_sys::ext::draft::undo::*;
use clap_sys::host::clap_host;
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin;

use super::session::c_string;
use super::{host_extension, plugin_extension, tells, text, with_notes};
use crate::error::PluginError;
use crate::plugin::PluginNotice;
use crate::session::{ChangeDelta, HistoryDirection, UndoContext};

host_extension!(
    /// The host's side of undo.
    HostUndo,
    [CLAP_EXT_UNDO],
    clap_host_undo {
        begin_change: Some(begin_change),
        cancel_change: Some(cancel_change),
        change_made: Some(change_made),
        request_undo: Some(request_undo),
        request_redo: Some(request_redo),
        set_wants_context_updates: Some(set_wants_context_updates),
    }
);
tells!(begin_change(), "undo.begin_change", PluginNotice::ChangeBegan);
tells!(cancel_change(), "undo.cancel_change", PluginNotice::ChangeCancelled);
tells!(request_undo(), "undo.request_undo", PluginNotice::HistoryRequested(HistoryDirection::Undo));
tells!(request_redo(), "undo.request_redo", PluginNotice::HistoryRequested(HistoryDirection::Redo));
tells!(
    set_wants_context_updates(on: bool),
    "undo.set_wants_context_updates",
    PluginNotice::UndoContextWanted(on)
);

/// Longest step of a history that is kept; of a longer one the states before and after are.
const MOST_DELTA: usize = 64 << 20;

unsafe extern "C" fn change_made(
    host: *const clap_host,
    name: *const c_char,
    delta: *const c_void,
    size: usize,
    can_undo: bool,
) {
    let bytes = || {
        // SAFETY: the plugin says that so many bytes are there for the time of the call.
        (!delta.is_null() && size <= MOST_DELTA)
            .then(|| unsafe { std::slice::from_raw_parts(delta.cast::<u8>(), size) }.to_vec())
    };
    // SAFETY: the pointer is the one the plugin was given, the name a C string or null.
    unsafe {
        with_notes(host, |notes| {
            notes.tell("undo.change_made was called off the main thread", || PluginNotice::ChangeMade {
                name: text(name),
                // Its version is asked of the plugin when it is handed on.
                delta: bytes().map(|bytes| ChangeDelta { version: 0, bytes, undoes: can_undo }),
            });
        });
    }
}

/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn undo_delta(plugin: *const clap_plugin) -> Option<clap_plugin_undo_delta> {
    // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
    unsafe { plugin_extension::<clap_plugin_undo_delta>(plugin, CLAP_EXT_UNDO_DELTA).map(|e| *e.as_ref()) }
}

/// The format of the steps that the plugin writes; none if it writes none. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn delta_version(plugin: *const clap_plugin) -> Option<u32> {
    let mut properties =
        clap_undo_delta_properties { has_delta: false, are_deltas_persistent: false, format_version: CLAP_INVALID_ID };
    // SAFETY: promised by the caller; there is room for the answer.
    unsafe { undo_delta(plugin)?.get_delta_properties?(plugin, &raw mut properties) };
    properties.has_delta.then_some(properties.format_version)
}

/// A step back or forth. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn apply_change(
    plugin: *const clap_plugin,
    delta: &ChangeDelta,
    direction: HistoryDirection,
) -> Result<(), PluginError> {
    const UNSUPPORTED: PluginError = PluginError::Unsupported { feature: "steps of that version of its history" };
    // SAFETY: promised by the caller.
    let extension = unsafe { undo_delta(plugin) }.ok_or(UNSUPPORTED)?;
    let step = match direction {
        HistoryDirection::Undo => extension.undo.filter(|_| delta.undoes),
        HistoryDirection::Redo => extension.redo,
    };
    let step = step.ok_or(UNSUPPORTED)?;
    // SAFETY: as above.
    if !extension.can_use_delta_format_version.is_none_or(|can| unsafe { can(plugin, delta.version) }) {
        return Err(UNSUPPORTED);
    }
    // SAFETY: as above; the bytes outlive the call.
    let is_done = unsafe { step(plugin, delta.version, delta.bytes.as_ptr().cast(), delta.bytes.len()) };
    if is_done { Ok(()) } else { Err(PluginError::Failed { action: "take a step of its history" }) }
}

/// Tells what could be undone and redone. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn set_undo_context(plugin: *const clap_plugin, context: &UndoContext) {
    // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
    let extension = unsafe {
        plugin_extension::<clap_plugin_undo_context>(plugin, CLAP_EXT_UNDO_CONTEXT).map(|extension| *extension.as_ref())
    };
    let Some(extension) = extension else { return };
    let sides = [
        (&context.undo, extension.set_can_undo, extension.set_undo_name),
        (&context.redo, extension.set_can_redo, extension.set_redo_name),
    ];
    for (name, set_can, set_name) in sides {
        if let Some(set_can) = set_can {
            // SAFETY: as above.
            unsafe { set_can(plugin, name.is_some()) };
        }
        if let (Some(name), Some(set_name)) = (name.as_deref().and_then(c_string), set_name) {
            // SAFETY: as above; the name outlives the call.
            unsafe { set_name(plugin, name.as_ptr()) };
        }
    }
}
