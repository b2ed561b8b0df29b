//! Note names, voices, pages of controls, indications and the track, both sides.

use std::ffi::CString;
use std::ptr;

use clap_sys::ext::note_name::*;
use clap_sys::ext::param_indication::*;
use clap_sys::ext::remote_controls::*;
use clap_sys::ext::track_info::*;
use clap_sys::ext::voice_info::*;
use clap_sys::host::clap_host;
use clap_sys::id::{CLAP_INVALID_ID, clap_id};
use clap_sys::plugin::clap_plugin;

use super::arrangement::port_type;
use super::{field_text, first_extension, host_extension, plugin_extension, raw_color, tells, with_notes, write_field};
use crate::plugin::PluginNotice;
use crate::surface::{AutomationState, Color, ControlPage, Mapping, NoteName, TrackKind, Voices};

/// A plugin that reports more of a thing than this is not believed.
const MOST: u32 = 1 << 16;

host_extension!(
    /// The host's side of note-name.
    HostNoteName,
    [CLAP_EXT_NOTE_NAME],
    clap_host_note_name { changed: Some(note_names_changed) }
);
tells!(note_names_changed(), "note-name.changed", PluginNotice::NoteNamesChanged);

/// Names of notes. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn note_names(plugin: *const clap_plugin) -> Vec<NoteName> {
    // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
    let extension =
        unsafe { plugin_extension::<clap_plugin_note_name>(plugin, CLAP_EXT_NOTE_NAME).map(|e| *e.as_ref()) };
    let Some(clap_plugin_note_name { count: Some(count), get: Some(get) }) = extension else { return Vec::new() };
    let read = |index| {
        let mut name = clap_note_name { name: [0; _], port: -1, key: -1, channel: -1 };
        // SAFETY: as above; there is room for the answer.
        unsafe { get(plugin, index, &raw mut name) }.then(|| NoteName {
            name: field_text(&name.name),
            port: u16::try_from(name.port).ok(),
            channel: u8::try_from(name.channel).ok(),
            key: u8::try_from(name.key).ok(),
        })
    };
    // SAFETY: as above.
    (0..unsafe { count(plugin) }.min(MOST)).filter_map(read).collect()
}

host_extension!(
    /// The host's side of voice-info.
    HostVoiceInfo,
    [CLAP_EXT_VOICE_INFO],
    clap_host_voice_info { changed: Some(voices_changed) }
);
tells!(voices_changed(), "voice-info.changed", PluginNotice::VoicesChanged);

/// How many notes at once. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn voices(plugin: *const clap_plugin) -> Option<Voices> {
    // SAFETY: promised by the caller; the type is that of the id.
    let extension = unsafe { plugin_extension::<clap_plugin_voice_info>(plugin, CLAP_EXT_VOICE_INFO) }?;
    let mut info = clap_voice_info { voice_count: 0, voice_capacity: 0, flags: 0 };
    // SAFETY: the vtable lasts as long as the plugin; there is room for the answer.
    unsafe { extension.as_ref().get?(plugin, &raw mut info) }.then(|| Voices {
        count: info.voice_count,
        capacity: info.voice_capacity.max(info.voice_count),
        overlapping: info.flags & CLAP_VOICE_INFO_SUPPORTS_OVERLAPPING_NOTES != 0,
    })
}

host_extension!(
    /// The host's side of remote-controls.
    HostRemoteControls,
    [CLAP_EXT_REMOTE_CONTROLS, CLAP_EXT_REMOTE_CONTROLS_COMPAT],
    clap_host_remote_controls { changed: Some(pages_changed), suggest_page: Some(suggest_page) }
);
tells!(pages_changed(), "remote-controls.changed", PluginNotice::ControlPagesChanged);
tells!(suggest_page(page: clap_id), "remote-controls.suggest_page", PluginNotice::ControlPageSuggested { page });

/// Pages of controls. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn control_pages(plugin: *const clap_plugin) -> Vec<ControlPage> {
    let ids = [CLAP_EXT_REMOTE_CONTROLS, CLAP_EXT_REMOTE_CONTROLS_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    let extension = unsafe { first_extension::<clap_plugin_remote_controls>(plugin, &ids).map(|e| *e.as_ref()) };
    let Some(clap_plugin_remote_controls { count: Some(count), get: Some(get) }) = extension else { return Vec::new() };
    let read = |index| {
        let mut page = clap_remote_controls_page {
            section_name: [0; _],
            page_id: CLAP_INVALID_ID,
            page_name: [0; _],
            param_ids: [CLAP_INVALID_ID; CLAP_REMOTE_CONTROLS_COUNT],
            is_for_preset: false,
        };
        // SAFETY: as above; there is room for the answer.
        unsafe { get(plugin, index, &raw mut page) }.then(|| ControlPage {
            id: page.page_id,
            section: field_text(&page.section_name),
            name: field_text(&page.page_name),
            knobs: page.param_ids.iter().map(|&id| (id != CLAP_INVALID_ID).then_some(id)).collect(),
            is_of_preset: page.is_for_preset,
        })
    };
    // SAFETY: as above.
    (0..unsafe { count(plugin) }.min(MOST)).filter_map(read).collect()
}

/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn indication(plugin: *const clap_plugin) -> Option<clap_plugin_param_indication> {
    let ids = [CLAP_EXT_PARAM_INDICATION, CLAP_EXT_PARAM_INDICATION_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    unsafe { first_extension::<clap_plugin_param_indication>(plugin, &ids).map(|e| *e.as_ref()) }
}

/// Tells what a parameter is tied to. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn show_mapping(plugin: *const clap_plugin, parameter: u32, mapping: Option<&Mapping>) {
    // SAFETY: promised by the caller.
    let Some(set) = unsafe { indication(plugin) }.and_then(|extension| extension.set_mapping) else { return };
    let color = mapping.and_then(|mapping| mapping.color).map(raw_color);
    let string = |text: &str| (!text.is_empty()).then(|| CString::new(text.replace('\0', " ")).ok()).flatten();
    let label = mapping.and_then(|mapping| string(&mapping.label));
    let description = mapping.and_then(|mapping| string(&mapping.description));
    let pointer = |string: &Option<CString>| string.as_ref().map_or(ptr::null(), |string| string.as_ptr());
    let color = color.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the plugin is initialised; all that is pointed at outlives the call.
    unsafe { set(plugin, parameter, mapping.is_some(), color, pointer(&label), pointer(&description)) };
}

/// Tells what a parameter's automation is doing. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn show_automation(
    plugin: *const clap_plugin,
    parameter: u32,
    state: AutomationState,
    color: Option<Color>,
) {
    // SAFETY: promised by the caller.
    let Some(set) = unsafe { indication(plugin) }.and_then(|extension| extension.set_automation) else { return };
    let state = match state {
        AutomationState::None => CLAP_PARAM_INDICATION_AUTOMATION_NONE,
        AutomationState::Present => CLAP_PARAM_INDICATION_AUTOMATION_PRESENT,
        AutomationState::Playing => CLAP_PARAM_INDICATION_AUTOMATION_PLAYING,
        AutomationState::Recording => CLAP_PARAM_INDICATION_AUTOMATION_RECORDING,
        AutomationState::Overriding => CLAP_PARAM_INDICATION_AUTOMATION_OVERRIDING,
    };
    let color = color.map(raw_color);
    let color = color.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the plugin is initialised; the colour outlives the call.
    unsafe { set(plugin, parameter, state, color) };
}

host_extension!(
    /// The host's side of track-info: what was last told to [`crate::Plugin::set_track`].
    HostTrackInfo,
    [CLAP_EXT_TRACK_INFO, CLAP_EXT_TRACK_INFO_COMPAT],
    clap_host_track_info { get: Some(get_track) }
);

unsafe extern "C" fn get_track(host: *const clap_host, info: *mut clap_track_info) -> bool {
    // SAFETY: the pointer is the one the plugin was given.
    let track = unsafe { with_notes(host, |notes| notes.track("track-info.get was called off the main thread")) };
    let Some(Some(track)) = track else { return false };
    // SAFETY: the plugin has room for the answer there, or asks for none.
    let Some(info) = (unsafe { info.as_mut() }) else { return false };
    info.flags = match track.kind {
        TrackKind::Plain => 0,
        TrackKind::Return => CLAP_TRACK_INFO_IS_FOR_RETURN_TRACK,
        TrackKind::Bus => CLAP_TRACK_INFO_IS_FOR_BUS,
        TrackKind::Master => CLAP_TRACK_INFO_IS_FOR_MASTER,
    };
    write_field(track.name.as_deref().unwrap_or_default(), &mut info.name);
    info.color = raw_color(track.color.unwrap_or(Color { alpha: 0, red: 0, green: 0, blue: 0 }));
    info.audio_channel_count = track.layout.map_or(0, |layout| layout.channels() as i32);
    info.audio_port_type = track.layout.map_or(ptr::null(), port_type);
    for (is_told, flag) in [
        (track.name.is_some(), CLAP_TRACK_INFO_HAS_TRACK_NAME),
        (track.color.is_some(), CLAP_TRACK_INFO_HAS_TRACK_COLOR),
        (track.layout.is_some(), CLAP_TRACK_INFO_HAS_AUDIO_CHANNEL),
    ] {
        info.flags |= if is_told { flag } else { 0 };
    }
    true
}

/// Tells that the track is another. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn track_changed(plugin: *const clap_plugin) {
    let ids = [CLAP_EXT_TRACK_INFO, CLAP_EXT_TRACK_INFO_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    unsafe {
        let extension = first_extension::<clap_plugin_track_info>(plugin, &ids);
        if let Some(changed) = extension.and_then(|extension| extension.as_ref().changed) {
            changed(plugin);
        }
    }
}
