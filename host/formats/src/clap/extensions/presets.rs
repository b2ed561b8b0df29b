//! Loading a preset, both sides. What presets there are is found in [`crate::clap::presets`].

use std::ffi::{CString, c_char};
use std::path::PathBuf;
use std::ptr;

use clap_sys::ext::preset_load::*;
use clap_sys::factory::preset_discovery::{
    CLAP_PRESET_DISCOVERY_LOCATION_FILE, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, clap_preset_discovery_location_kind,
};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;

use super::{first_extension, host_extension, text, with_notes};
use crate::error::PluginError;
use crate::plugin::PluginNotice;
use crate::preset::{PresetLocation, PresetPlace};

host_extension!(
    /// The host's side of preset-load.
    HostPresetLoad,
    [CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT],
    clap_host_preset_load { on_error: Some(on_error), loaded: Some(loaded) }
);

/// # Safety
/// The strings are null or C strings.
unsafe fn place(kind: clap_preset_discovery_location_kind, location: *const c_char, key: *const c_char) -> PresetPlace {
    // SAFETY: promised by the caller.
    let (path, key) = unsafe { (text(location), (!key.is_null()).then(|| text(key))) };
    let is_file = kind == CLAP_PRESET_DISCOVERY_LOCATION_FILE;
    PresetPlace {
        location: if is_file { PresetLocation::File(PathBuf::from(path)) } else { PresetLocation::Plugin },
        key,
    }
}

unsafe extern "C" fn on_error(
    host: *const clap_host,
    kind: clap_preset_discovery_location_kind,
    location: *const c_char,
    key: *const c_char,
    os_error: i32,
    message: *const c_char,
) {
    // SAFETY: the pointer is the one the plugin was given; the strings are null or C strings.
    unsafe {
        with_notes(host, |notes| {
            notes.tell("preset-load.on_error was called off the main thread", || PluginNotice::PresetFailed {
                place: place(kind, location, key),
                reason: reason(os_error, text(message)),
            });
        });
    }
}

/// What the plugin says, and what the system says if it was the system.
pub(crate) fn reason(os_error: i32, message: String) -> String {
    match (os_error, message.is_empty()) {
        (0, true) => "the plugin does not say why".to_owned(),
        (0, false) => message,
        (code, true) => std::io::Error::from_raw_os_error(code).to_string(),
        (code, false) => format!("{message}: {}", std::io::Error::from_raw_os_error(code)),
    }
}

unsafe extern "C" fn loaded(
    host: *const clap_host,
    kind: clap_preset_discovery_location_kind,
    location: *const c_char,
    key: *const c_char,
) {
    // SAFETY: as above.
    unsafe {
        with_notes(host, |notes| {
            notes.tell("preset-load.loaded was called off the main thread", || {
                PluginNotice::PresetLoaded(place(kind, location, key))
            });
        });
    }
}

/// Loads a preset. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn load_preset(plugin: *const clap_plugin, place: &PresetPlace) -> Result<(), PluginError> {
    const FAILED: PluginError = PluginError::Failed { action: "load the preset" };
    let ids = [CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    let load = unsafe {
        first_extension::<clap_plugin_preset_load>(plugin, &ids).and_then(|extension| extension.as_ref().from_location)
    };
    let load = load.ok_or(PluginError::Unsupported { feature: "presets" })?;
    let string = |text: &str| CString::new(text).map_err(|_| FAILED);
    let (kind, path) = match &place.location {
        PresetLocation::Plugin => (CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, None),
        PresetLocation::File(path) => (CLAP_PRESET_DISCOVERY_LOCATION_FILE, Some(string(&path.to_string_lossy())?)),
    };
    let key = place.key.as_deref().map(string).transpose()?;
    let pointer = |string: &Option<CString>| string.as_ref().map_or(ptr::null(), |string| string.as_ptr());
    // SAFETY: as above; the strings outlive the call.
    let is_loaded = unsafe { load(plugin, kind, pointer(&path), pointer(&key)) };
    if is_loaded { Ok(()) } else { Err(FAILED) }
}
