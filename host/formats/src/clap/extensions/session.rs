//! Event registry, and the drafts that concern the session: transport-control, resource-directory, project-location and
//! tuning, both sides. Undo is in [`super::history`].

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr;

use clap_sys::color::clap_color;
use clap_sys::ext::draft::resource_directory::*;
use clap_sys::ext::draft::transport_control::*;
use clap_sys::ext::draft::tuning::*;
use clap_sys::ext::event_registry::*;
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, clap_beattime};
use clap_sys::host::clap_host;
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;
use clap_sys::string_sizes::{CLAP_NAME_SIZE, CLAP_PATH_SIZE};

use super::{field_text, host_extension, plugin_extension, raw_color, tells, with_notes, write_field};
use crate::error::PluginError;
use crate::plugin::PluginNotice;
use crate::session::{ProjectPart, ProjectPartKind, TransportRequest};

host_extension!(
    /// The host's side of event-registry. There are no events but CLAP's own.
    HostEventRegistry,
    [CLAP_EXT_EVENT_REGISTRY],
    clap_host_event_registry { query: Some(query) }
);

unsafe extern "C" fn query(_host: *const clap_host, _name: *const c_char, id: *mut u16) -> bool {
    // SAFETY: the plugin has room for the answer there, or asks for none.
    if let Some(id) = unsafe { id.as_mut() } {
        *id = u16::MAX;
    }
    false
}

host_extension!(
    /// The host's side of transport-control: wishes, which the one who drives the transport may grant.
    HostTransportControl,
    [CLAP_EXT_TRANSPORT_CONTROL],
    clap_host_transport_control {
        request_start: Some(request_start),
        request_stop: Some(request_stop),
        request_continue: Some(request_continue),
        request_pause: Some(request_pause),
        request_toggle_play: Some(request_toggle_play),
        request_jump: Some(request_jump),
        request_loop_region: Some(request_loop_region),
        request_toggle_loop: Some(request_toggle_loop),
        request_enable_loop: Some(request_enable_loop),
        request_record: Some(request_record),
        request_toggle_record: Some(request_toggle_record),
    }
);

fn quarters(beats: clap_beattime) -> f64 {
    beats as f64 / CLAP_BEATTIME_FACTOR as f64
}

fn asks(request: TransportRequest) -> PluginNotice {
    PluginNotice::TransportRequested(request)
}

tells!(request_start(), "transport-control.request_start", asks(TransportRequest::Start));
tells!(request_stop(), "transport-control.request_stop", asks(TransportRequest::Stop));
tells!(request_continue(), "transport-control.request_continue", asks(TransportRequest::Continue));
tells!(request_pause(), "transport-control.request_pause", asks(TransportRequest::Pause));
tells!(request_toggle_play(), "transport-control.request_toggle_play", asks(TransportRequest::TogglePlay));
tells!(
    request_jump(position: clap_beattime),
    "transport-control.request_jump",
    asks(TransportRequest::Jump { quarters: quarters(position) })
);
tells!(
    request_loop_region(start: clap_beattime, length: clap_beattime),
    "transport-control.request_loop_region",
    asks(TransportRequest::Loop { start: quarters(start), length: quarters(length) })
);
tells!(request_toggle_loop(), "transport-control.request_toggle_loop", asks(TransportRequest::ToggleLoop));
tells!(
    request_enable_loop(on: bool),
    "transport-control.request_enable_loop",
    asks(TransportRequest::EnableLoop(on))
);
tells!(request_record(on: bool), "transport-control.request_record", asks(TransportRequest::Record(on)));
tells!(request_toggle_record(), "transport-control.request_toggle_record", asks(TransportRequest::ToggleRecord));

/// As the plugin takes it, without zeros within.
pub(super) fn c_string(text: &str) -> Option<CString> {
    CString::new(text.replace('\0', " ")).ok()
}

host_extension!(
    /// The host's side of resource-directory: a wish, which the one who owns the project may grant.
    HostResourceDirectory,
    [CLAP_EXT_RESOURCE_DIRECTORY],
    clap_host_resource_directory { request_directory: Some(request_directory), release_directory: Some(release_directory) }
);
tells!(
    release_directory(shared: bool),
    "resource-directory.release_directory",
    PluginNotice::ResourceDirectoryReleased { shared }
);

unsafe extern "C" fn request_directory(host: *const clap_host, shared: bool) -> bool {
    let call = "resource-directory.request_directory was called off the main thread";
    // SAFETY: the pointer is the one the plugin was given.
    let told =
        unsafe { with_notes(host, |notes| notes.tell(call, || PluginNotice::ResourceDirectoryRequested { shared })) };
    told.unwrap_or(false)
}

/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn resource_directory(plugin: *const clap_plugin) -> Option<clap_plugin_resource_directory> {
    // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
    unsafe {
        plugin_extension::<clap_plugin_resource_directory>(plugin, CLAP_EXT_RESOURCE_DIRECTORY).map(|e| *e.as_ref())
    }
}

/// Gives a folder, or takes it away. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn set_resource_directory(
    plugin: *const clap_plugin,
    path: Option<&Path>,
    shared: bool,
) -> Result<(), PluginError> {
    // SAFETY: promised by the caller.
    let set = unsafe { resource_directory(plugin) }.and_then(|extension| extension.set_directory);
    let set = set.ok_or(PluginError::Unsupported { feature: "a folder for its files" })?;
    let path = path.and_then(|path| c_string(&path.to_string_lossy()));
    let pointer = path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
    // SAFETY: as above; the path outlives the call.
    unsafe { set(plugin, pointer, shared) };
    Ok(())
}

/// Has files copied into the folder. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn collect_resources(plugin: *const clap_plugin, all: bool) {
    // SAFETY: promised by the caller.
    if let Some(collect) = unsafe { resource_directory(plugin) }.and_then(|extension| extension.collect) {
        // SAFETY: as above.
        unsafe { collect(plugin, all) };
    }
}

/// A plugin that reports more files than this is not believed.
const MOST_FILES: u32 = 1 << 20;

/// Files in use. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn resource_files(plugin: *const clap_plugin) -> Vec<PathBuf> {
    // SAFETY: promised by the caller.
    let extension = unsafe { resource_directory(plugin) };
    let Some(clap_plugin_resource_directory { get_files_count: Some(count), get_file_path: Some(get), .. }) = extension
    else {
        return Vec::new();
    };
    let read = |index| {
        let mut path: [c_char; CLAP_PATH_SIZE] = [0; _];
        // SAFETY: as above; there is room for the answer.
        let length = unsafe { get(plugin, index, path.as_mut_ptr(), path.len() as u32) };
        // What did not fit is not a path.
        (1..path.len() as i32).contains(&length).then(|| PathBuf::from(field_text(&path)))
    };
    // SAFETY: as above.
    (0..unsafe { count(plugin) }.min(MOST_FILES)).filter_map(read).collect()
}

/// The draft extension project-location, by its second version.
const CLAP_EXT_PROJECT_LOCATION: &CStr = c"clap.project-location/2";
const HAS_INDEX: u64 = 1 << 0;
const HAS_COLOR: u64 = 1 << 1;

/// As CLAP 1.2.6 lays it down.
#[repr(C)]
struct ClapProjectLocationElement {
    flags: u64,
    kind: u32,
    track_kind: u32,
    index: u32,
    id: [c_char; CLAP_PATH_SIZE],
    name: [c_char; CLAP_NAME_SIZE],
    color: clap_color,
}

/// As CLAP 1.2.6 lays it down.
#[repr(C)]
struct ClapPluginProjectLocation {
    set: Option<unsafe extern "C" fn(plugin: *const clap_plugin, path: *const ClapProjectLocationElement, count: u32)>,
}

fn raw_part(part: &ProjectPart) -> ClapProjectLocationElement {
    let (kind, track_kind) = match part.kind {
        ProjectPartKind::Project => (1, 0),
        ProjectPartKind::TrackGroup => (2, 0),
        ProjectPartKind::InstrumentTrack => (3, 1),
        ProjectPartKind::AudioTrack => (3, 2),
        ProjectPartKind::HybridTrack => (3, 3),
        ProjectPartKind::ReturnTrack => (3, 4),
        ProjectPartKind::MasterTrack => (3, 5),
        ProjectPartKind::Device => (4, 0),
        ProjectPartKind::NestedChain => (5, 0),
    };
    let index = part.index.map_or(0, |_| HAS_INDEX);
    let color = part.color.map_or(0, |_| HAS_COLOR);
    let mut raw = ClapProjectLocationElement {
        flags: index | color,
        kind,
        track_kind,
        index: part.index.unwrap_or(0),
        id: [0; _],
        name: [0; _],
        color: part.color.map_or(clap_color { alpha: 0, red: 0, green: 0, blue: 0 }, raw_color),
    };
    write_field(&part.id, &mut raw.id);
    write_field(&part.name, &mut raw.name);
    raw
}

/// Tells where it stands. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn set_project_path(plugin: *const clap_plugin, path: &[ProjectPart]) {
    let path: Vec<_> = path.iter().map(raw_part).collect();
    // SAFETY: promised by the caller; the type is that of the id; the path outlives the call.
    unsafe {
        let extension = plugin_extension::<ClapPluginProjectLocation>(plugin, CLAP_EXT_PROJECT_LOCATION);
        if let Some(set) = extension.and_then(|extension| extension.as_ref().set) {
            set(plugin, path.as_ptr(), path.len() as u32);
        }
    }
}

host_extension!(
    /// The host's side of tuning. There are no tunings but equal temperament, in which every key plays.
    HostTuning,
    [CLAP_EXT_TUNING],
    clap_host_tuning {
        get_relative: Some(get_relative),
        should_play: Some(should_play),
        get_tuning_count: Some(tuning_count),
        get_info: Some(tuning_info),
    }
);

unsafe extern "C" fn get_relative(_: *const clap_host, _: clap_id, _channel: i32, _key: i32, _offset: u32) -> f64 {
    0.0
}

unsafe extern "C" fn should_play(_: *const clap_host, _: clap_id, _channel: i32, _key: i32) -> bool {
    true
}

unsafe extern "C" fn tuning_count(_host: *const clap_host) -> u32 {
    0
}

unsafe extern "C" fn tuning_info(_host: *const clap_host, _index: u32, _info: *mut clap_tuning_info) -> bool {
    false
}
