//! Extensions over CLAP's own structures, both sides of each, where clack-extensions 0.2.0 is not enough:
//! - its host side of note-ports hands out a pointer to a pointer, so that a plugin jumps into data;
//! - its host side of thread-pool allocates and logs in the callback when it refuses;
//! - its host side of log reads through null and allocates in the callback when a message is not quite right;
//! - its plugin side of gui hides resize hints unless the plugin wrote an aspect ratio;
//! - `params.flush` and `tail.get` are wanted on the audio thread without a wrapper being built at each call;
//! - it asks plugins for the newest id of an extension alone, not for those of the drafts that are the same;
//! - it lacks the drafts.
//!
//! All that the host offers is offered to every plugin: some crash when a thing is missing. Here are the functions that
//! plugins call, which leave notes and never wait on the audio thread, and those that ask plugins, on the main thread.

pub(crate) mod arrangement;
pub(crate) mod history;
pub(crate) mod menu;
pub(crate) mod presets;
pub(crate) mod session;
pub(crate) mod surface;
pub(crate) mod talk;
pub(crate) mod work;

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

use clack_host::extensions::wrapper::HostWrapper;
use clap_sys::color::clap_color;
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_gui_resize_hints, clap_plugin_gui};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;

use super::host::{Handlers, Notes};
use crate::surface::Color;
use crate::window::ResizeHints;

/// Makes a type that stands for the host's side of an extension, to be registered with clack-host.
macro_rules! host_extension {
    ($(#[$doc:meta])* $name:ident, [$($id:expr),+], $structure:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        // SAFETY: the type has no data; what the ids stand for is in `IMPLEMENTATION`.
        unsafe impl clack_host::extensions::Extension for $name {
            const IDENTIFIERS: &'static [&'static std::ffi::CStr] = &[$($id),+];
            type ExtensionSide = clack_host::extensions::HostExtensionSide;

            unsafe fn from_raw(
                _raw: clack_host::extensions::RawExtension<clack_host::extensions::HostExtensionSide>,
            ) -> Self {
                Self
            }
        }

        // SAFETY: the structure is the one that CLAP lays down for the ids.
        unsafe impl clack_host::extensions::ExtensionImplementation<crate::clap::host::Handlers> for $name {
            const IMPLEMENTATION: clack_host::extensions::RawExtensionImplementation =
                clack_host::extensions::RawExtensionImplementation::new(&$structure);
        }
    };
}

/// Makes a host's function that leaves a notice and does no more.
macro_rules! tells {
    ($name:ident($($argument:ident: $type:ty),*), $call:literal, $notice:expr) => {
        unsafe extern "C" fn $name(host: *const clap_sys::host::clap_host $(, $argument: $type)*) {
            let told = |notes: &crate::clap::host::Notes| {
                notes.tell(concat!($call, " was called off the main thread"), || $notice);
            };
            // SAFETY: the pointer is the one the plugin was given.
            unsafe { crate::clap::extensions::with_notes(host, told) };
        }
    };
}

use {host_extension, tells};

/// Runs `with` on the notes of the plugin that calls; none if the pointer is not one that a plugin was given.
///
/// # Safety
/// `host` is null or the pointer that a plugin was given, made by clack-host for [`Handlers`].
unsafe fn with_notes<R>(host: *const clap_host, with: impl FnOnce(&Notes) -> R) -> Option<R> {
    // SAFETY: promised by the caller.
    unsafe { HostWrapper::<Handlers>::handle(host, |host| Ok(with(&host.shared().0))) }
}

/// A C string as text, whatever its bytes; empty for null.
///
/// # Safety
/// `string` is null or a C string.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

/// A field of fixed size as text, up to its first zero or its end.
fn field_text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes text into a field of fixed size, cut between characters if need be, with a zero behind it.
fn write_field(text: &str, field: &mut [c_char]) {
    let room = field.len().saturating_sub(1);
    let end = (0..=room.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    field.fill(0);
    for (to, &byte) in field.iter_mut().zip(&text.as_bytes()[..end]) {
        *to = byte as c_char;
    }
}

fn raw_color(color: Color) -> clap_color {
    let Color { alpha, red, green, blue } = color;
    clap_color { alpha, red, green, blue }
}

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

/// As [`plugin_extension`], by the first id that the plugin knows.
///
/// # Safety
/// As [`plugin_extension`], for all ids.
unsafe fn first_extension<T>(plugin: *const clap_plugin, ids: &[&CStr]) -> Option<NonNull<T>> {
    // SAFETY: promised by the caller.
    ids.iter().find_map(|id| unsafe { plugin_extension(plugin, id) })
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
