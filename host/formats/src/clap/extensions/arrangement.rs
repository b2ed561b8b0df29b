//! Configurations of ports, layouts on request, and what channels mean, both sides.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::ext::ambisonic::*;
use clap_sys::ext::audio_ports::{CLAP_PORT_MONO, CLAP_PORT_STEREO, clap_audio_port_info};
use clap_sys::ext::audio_ports_config::*;
use clap_sys::ext::configurable_audio_ports::*;
use clap_sys::ext::surround::*;
use clap_sys::host::clap_host;
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin;
use crosspoint_graph::{ChannelLayout, MAX_PORT_CHANNELS};

use super::{field_text, first_extension, host_extension, plugin_extension, tells, with_notes};
use crate::arrangement::{
    AmbisonicOrder, AmbisonicScale, BusLayout, ChannelMap, ConfiguredBus, PortConfiguration, Speaker,
};
use crate::clap::host::pending;
use crate::error::PluginError;
use crate::plugin::{BusDirection, PluginNotice};

/// A plugin that reports more of a thing than this is not believed.
const MOST: u32 = 4096;

host_extension!(
    /// The host's side of audio-ports-config.
    HostAudioPortsConfig,
    [CLAP_EXT_AUDIO_PORTS_CONFIG],
    clap_host_audio_ports_config { rescan: Some(rescan) }
);
tells!(rescan(), "audio-ports-config.rescan", PluginNotice::PortConfigurationsChanged);

host_extension!(
    /// The host's side of surround.
    HostSurround,
    [CLAP_EXT_SURROUND, CLAP_EXT_SURROUND_COMPAT],
    clap_host_surround { changed: Some(map_changed) }
);

host_extension!(
    /// The host's side of ambisonic.
    HostAmbisonic,
    [CLAP_EXT_AMBISONIC, CLAP_EXT_AMBISONIC_COMPAT],
    clap_host_ambisonic { changed: Some(map_changed) }
);

/// Channels that mean something else are another bus.
unsafe extern "C" fn map_changed(host: *const clap_host) {
    let call = "surround.changed or ambisonic.changed was called off the main thread";
    // SAFETY: the pointer is the one the plugin was given.
    unsafe { with_notes(host, |notes| notes.raise_on_main(call, pending::PORT_LIST)) };
}

/// A layout by its name and size.
pub(crate) fn layout(kind: &[u8], channels: u32) -> ChannelLayout {
    match kind {
        b"surround" => ChannelLayout::Surround(channels),
        b"ambisonic" => ChannelLayout::Ambisonic(channels),
        _ => ChannelLayout::from_channels(channels),
    }
}

/// The name of a layout; null for one that has none.
pub(crate) fn port_type(layout: ChannelLayout) -> *const c_char {
    match layout {
        ChannelLayout::Mono => CLAP_PORT_MONO.as_ptr(),
        ChannelLayout::Stereo => CLAP_PORT_STEREO.as_ptr(),
        ChannelLayout::Surround(_) => CLAP_PORT_SURROUND.as_ptr(),
        ChannelLayout::Ambisonic(_) => CLAP_PORT_AMBISONIC.as_ptr(),
        _ => ptr::null(),
    }
}

/// # Safety
/// `kind` is null or a C string.
unsafe fn raw_layout(kind: *const c_char, channels: u32) -> ChannelLayout {
    // SAFETY: promised by the caller.
    let kind = if kind.is_null() { c"" } else { unsafe { CStr::from_ptr(kind) } };
    layout(kind.to_bytes(), channels)
}

/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn configurations(plugin: *const clap_plugin) -> Option<clap_plugin_audio_ports_config> {
    // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
    unsafe {
        plugin_extension::<clap_plugin_audio_ports_config>(plugin, CLAP_EXT_AUDIO_PORTS_CONFIG).map(|e| *e.as_ref())
    }
}

/// The buses of one direction of a configuration: all of them from a plugin that tells, else the main one.
///
/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn configured_buses(
    plugin: *const clap_plugin,
    details: Option<&clap_plugin_audio_ports_config_info>,
    id: u32,
    is_input: bool,
    count: u32,
) -> Option<Vec<ConfiguredBus>> {
    let get = details?.get?;
    let read = |index| {
        let mut info = clap_audio_port_info {
            id: CLAP_INVALID_ID,
            name: [0; _],
            flags: 0,
            channel_count: 0,
            port_type: ptr::null(),
            in_place_pair: CLAP_INVALID_ID,
        };
        // SAFETY: promised by the caller; there is room for the answer, whose strings last while it is read.
        unsafe {
            get(plugin, id, index, is_input, &raw mut info).then(|| ConfiguredBus {
                name: field_text(&info.name),
                layout: raw_layout(info.port_type, info.channel_count),
            })
        }
    };
    Some((0..count.min(MOST)).filter_map(read).collect())
}

/// All configurations. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn port_configurations(plugin: *const clap_plugin) -> Vec<PortConfiguration> {
    // SAFETY: promised by the caller.
    let extension = unsafe { configurations(plugin) };
    let Some(clap_plugin_audio_ports_config { count: Some(count), get: Some(get), .. }) = extension else {
        return Vec::new();
    };
    let ids = [CLAP_EXT_AUDIO_PORTS_CONFIG_INFO, CLAP_EXT_AUDIO_PORTS_CONFIG_INFO_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    let details = unsafe { first_extension::<clap_plugin_audio_ports_config_info>(plugin, &ids).map(|e| *e.as_ref()) };
    // SAFETY: as above.
    let current = details.and_then(|details| details.current_config).map(|current| unsafe { current(plugin) });
    let read = |index| {
        let mut config = clap_audio_ports_config {
            id: CLAP_INVALID_ID,
            name: [0; _],
            input_port_count: 0,
            output_port_count: 0,
            has_main_input: false,
            main_input_channel_count: 0,
            main_input_port_type: ptr::null(),
            has_main_output: false,
            main_output_channel_count: 0,
            main_output_port_type: ptr::null(),
        };
        // SAFETY: as above; there is room for the answer.
        if !unsafe { get(plugin, index, &raw mut config) } {
            return None;
        }
        let main = |has: bool, kind, channels| -> Vec<ConfiguredBus> {
            // SAFETY: the plugin's strings are C strings or null.
            has.then(|| ConfiguredBus { name: String::new(), layout: unsafe { raw_layout(kind, channels) } })
                .into_iter()
                .collect()
        };
        // SAFETY: promised by the caller.
        let (inputs, outputs) = unsafe {
            let details = details.as_ref();
            (
                configured_buses(plugin, details, config.id, true, config.input_port_count),
                configured_buses(plugin, details, config.id, false, config.output_port_count),
            )
        };
        Some(PortConfiguration {
            id: config.id,
            name: field_text(&config.name),
            inputs: inputs.unwrap_or_else(|| {
                main(config.has_main_input, config.main_input_port_type, config.main_input_channel_count)
            }),
            outputs: outputs.unwrap_or_else(|| {
                main(config.has_main_output, config.main_output_port_type, config.main_output_channel_count)
            }),
            is_current: current == Some(config.id),
        })
    };
    // SAFETY: as above.
    (0..unsafe { count(plugin) }.min(MOST)).filter_map(read).collect()
}

/// Takes a configuration. Main thread, inactive.
///
/// # Safety
/// `plugin` is an initialised plugin that is not active.
pub(crate) unsafe fn select_port_configuration(plugin: *const clap_plugin, id: u32) -> Result<(), PluginError> {
    // SAFETY: promised by the caller.
    let select = unsafe { configurations(plugin) }.and_then(|extension| extension.select);
    let select = select.ok_or(PluginError::Unsupported { feature: "configurations of its ports" })?;
    // SAFETY: as above.
    let is_taken = unsafe { select(plugin, id) };
    if is_taken { Ok(()) } else { Err(PluginError::Failed { action: "take that configuration of its ports" }) }
}

/// The loudspeakers of the usual surround layouts by their number of channels, in the order of CLAP's own.
fn usual_speakers(channels: u32) -> Option<&'static [u8]> {
    Some(match channels {
        3 => &[0, 1, 2],
        4 => &[0, 1, 4, 5],
        5 => &[0, 1, 2, 4, 5],
        6 => &[0, 1, 2, 3, 4, 5],
        7 => &[0, 1, 2, 3, 8, 9, 10],
        8 => &[0, 1, 2, 3, 4, 5, 9, 10],
        10 => &[0, 1, 2, 3, 4, 5, 9, 10, 12, 14],
        12 => &[0, 1, 2, 3, 4, 5, 9, 10, 12, 14, 15, 17],
        _ => return None,
    })
}

/// The sound field that hosts and plugins agree on when nothing else is said.
static USUAL_FIELD: clap_ambisonic_config =
    clap_ambisonic_config { ordering: CLAP_AMBISONIC_ORDERING_ACN, normalization: CLAP_AMBISONIC_NORMALIZATION_SN3D };

/// What goes with the name of a layout. None for a layout that cannot be asked for.
fn port_details(layout: ChannelLayout) -> Option<*const c_void> {
    Some(match layout {
        ChannelLayout::Surround(channels) => usual_speakers(channels)?.as_ptr().cast(),
        ChannelLayout::Ambisonic(_) => (&raw const USUAL_FIELD).cast(),
        _ => ptr::null(),
    })
}

/// Asks for layouts, all or none. Main thread, inactive.
///
/// # Safety
/// `plugin` is an initialised plugin that is not active.
pub(crate) unsafe fn set_bus_layouts(plugin: *const clap_plugin, layouts: &[BusLayout]) -> Result<(), PluginError> {
    const UNSUPPORTED: PluginError = PluginError::Unsupported { feature: "such layouts of its buses" };
    let ids = [CLAP_EXT_CONFIGURABLE_AUDIO_PORTS, CLAP_EXT_CONFIGURABLE_AUDIO_PORTS_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    let extension =
        unsafe { first_extension::<clap_plugin_configurable_audio_ports>(plugin, &ids).map(|e| *e.as_ref()) };
    let apply = extension.and_then(|extension| extension.apply_configuration).ok_or(UNSUPPORTED)?;
    let request = |bus: &BusLayout| {
        let channel_count = bus.layout.channels();
        let port_details = port_details(bus.layout).filter(|_| (1..=MAX_PORT_CHANNELS).contains(&channel_count))?;
        Some(clap_audio_port_configuration_request {
            is_input: bus.direction == BusDirection::Input,
            port_index: u32::try_from(bus.index).ok()?,
            channel_count,
            port_type: port_type(bus.layout),
            port_details,
        })
    };
    let requests: Vec<_> = layouts.iter().map(request).collect::<Option<_>>().ok_or(UNSUPPORTED)?;
    // SAFETY: as above; the requests outlive the calls.
    let is_taken = unsafe {
        let can = extension.and_then(|extension| extension.can_apply_configuration);
        can.is_none_or(|can| can(plugin, requests.as_ptr(), requests.len() as u32))
            && apply(plugin, requests.as_ptr(), requests.len() as u32)
    };
    if is_taken { Ok(()) } else { Err(PluginError::Failed { action: "take these layouts of its buses" }) }
}

/// What the channels of a bus mean. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin, which has such a bus.
pub(crate) unsafe fn channel_map(
    plugin: *const clap_plugin,
    direction: BusDirection,
    index: usize,
    layout: ChannelLayout,
) -> Option<ChannelMap> {
    let is_input = direction == BusDirection::Input;
    let index = u32::try_from(index).ok()?;
    match layout {
        ChannelLayout::Surround(channels) => {
            let ids = [CLAP_EXT_SURROUND, CLAP_EXT_SURROUND_COMPAT];
            let mut map = vec![u8::MAX; channels as usize];
            // SAFETY: promised by the caller; the type is that of the ids; there is room for the answer.
            let count = unsafe {
                let get = first_extension::<clap_plugin_surround>(plugin, &ids)?.as_ref().get_channel_map?;
                get(plugin, is_input, index, map.as_mut_ptr(), channels)
            };
            map.truncate(count as usize);
            Some(ChannelMap::Speakers(map.into_iter().map(speaker).collect()))
        }
        ChannelLayout::Ambisonic(_) => {
            let ids = [CLAP_EXT_AMBISONIC, CLAP_EXT_AMBISONIC_COMPAT];
            let mut config = USUAL_FIELD;
            // SAFETY: as above.
            let is_told = unsafe {
                let get = first_extension::<clap_plugin_ambisonic>(plugin, &ids)?.as_ref().get_config?;
                get(plugin, is_input, index, &raw mut config)
            };
            is_told.then(|| field(config)).flatten()
        }
        _ => None,
    }
}

fn field(config: clap_ambisonic_config) -> Option<ChannelMap> {
    let order = match config.ordering {
        CLAP_AMBISONIC_ORDERING_FUMA => AmbisonicOrder::FuMa,
        CLAP_AMBISONIC_ORDERING_ACN => AmbisonicOrder::Acn,
        _ => return None,
    };
    let scale = match config.normalization {
        CLAP_AMBISONIC_NORMALIZATION_MAXN => AmbisonicScale::MaxN,
        CLAP_AMBISONIC_NORMALIZATION_SN3D => AmbisonicScale::Sn3d,
        CLAP_AMBISONIC_NORMALIZATION_N3D => AmbisonicScale::N3d,
        CLAP_AMBISONIC_NORMALIZATION_SN2D => AmbisonicScale::Sn2d,
        CLAP_AMBISONIC_NORMALIZATION_N2D => AmbisonicScale::N2d,
        _ => return None,
    };
    Some(ChannelMap::Ambisonic { order, scale })
}

fn speaker(id: u8) -> Option<Speaker> {
    Some(match u32::from(id) {
        CLAP_SURROUND_FL => Speaker::FrontLeft,
        CLAP_SURROUND_FR => Speaker::FrontRight,
        CLAP_SURROUND_FC => Speaker::FrontCenter,
        CLAP_SURROUND_LFE => Speaker::LowFrequency,
        CLAP_SURROUND_BL => Speaker::BackLeft,
        CLAP_SURROUND_BR => Speaker::BackRight,
        CLAP_SURROUND_FLC => Speaker::FrontLeftOfCenter,
        CLAP_SURROUND_FRC => Speaker::FrontRightOfCenter,
        CLAP_SURROUND_BC => Speaker::BackCenter,
        CLAP_SURROUND_SL => Speaker::SideLeft,
        CLAP_SURROUND_SR => Speaker::SideRight,
        CLAP_SURROUND_TC => Speaker::TopCenter,
        CLAP_SURROUND_TFL => Speaker::TopFrontLeft,
        CLAP_SURROUND_TFC => Speaker::TopFrontCenter,
        CLAP_SURROUND_TFR => Speaker::TopFrontRight,
        CLAP_SURROUND_TBL => Speaker::TopBackLeft,
        CLAP_SURROUND_TBC => Speaker::TopBackCenter,
        CLAP_SURROUND_TBR => Speaker::TopBackRight,
        _ => return None,
    })
}
