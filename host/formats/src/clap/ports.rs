//! Reads a plugin's audio buses and note ports. Main thread.

use clack_extensions::audio_ports::{AudioPortFlags, AudioPortInfo, AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::note_ports::{NoteDialect, NoteDialects, NotePortInfo, NotePortInfoBuffer, PluginNotePorts};
use clack_host::plugin::PluginMainThreadHandle;
use clack_host::utils::ClapId;

use super::extensions::arrangement::layout;
use crate::plugin::{AudioBus, BusPurpose, Dialect, Dialects, NotePort};

/// Buses and ports of both directions.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ports {
    pub(crate) inputs: Vec<AudioBus>,
    pub(crate) outputs: Vec<AudioBus>,
    pub(crate) note_inputs: Vec<NotePort>,
    pub(crate) note_outputs: Vec<NotePort>,
    /// Whether all audio ports take samples of 64 bits, and whether all prefer them.
    pub(crate) takes_double: bool,
    pub(crate) prefers_double: bool,
}

/// A plugin that reports more ports than this in one direction is not believed.
const MOST_PORTS: u32 = 4096;

impl Ports {
    /// Reads all. Buses keep the switch they have in `old`.
    pub(crate) fn read(plugin: &PluginMainThreadHandle, old: &Self) -> Self {
        let mut ports = Self::default();
        if let Some(extension) = plugin.get_extension::<PluginAudioPorts>() {
            let inputs = read_buses(plugin, &extension, true);
            let outputs = read_buses(plugin, &extension, false);
            ports.inputs = link(&inputs, &outputs, &old.inputs);
            ports.outputs = link(&outputs, &inputs, &old.outputs);
            let all = |flags| {
                !(inputs.is_empty() && outputs.is_empty())
                    && inputs.iter().chain(&outputs).all(|bus| bus.flags.contains(flags))
            };
            ports.takes_double = all(AudioPortFlags::SUPPORTS_64BITS);
            ports.prefers_double = ports.takes_double && all(AudioPortFlags::PREFERS_64BITS);
        }
        if let Some(extension) = plugin.get_extension::<PluginNotePorts>() {
            ports.note_inputs = read_note_ports(plugin, &extension, true);
            ports.note_outputs = read_note_ports(plugin, &extension, false);
        }
        ports
    }
}

struct Bus {
    id: ClapId,
    pair: Option<ClapId>,
    flags: AudioPortFlags,
    bus: AudioBus,
}

fn read_buses(plugin: &PluginMainThreadHandle, extension: &PluginAudioPorts, is_input: bool) -> Vec<Bus> {
    let mut buffer = AudioPortInfoBuffer::new();
    (0..extension.count(plugin, is_input).min(MOST_PORTS))
        .filter_map(|index| extension.get(plugin, index, is_input, &mut buffer).map(|info| read_bus(&info)))
        .collect()
}

fn read_bus(info: &AudioPortInfo) -> Bus {
    let kind = info.port_type.map_or(&b""[..], |kind| kind.0.to_bytes());
    let layout = layout(kind, info.channel_count);
    let is_main = info.flags.contains(AudioPortFlags::IS_MAIN);
    let purpose = if is_main { BusPurpose::Main } else { BusPurpose::Auxiliary };
    let name = String::from_utf8_lossy(info.name).into_owned();
    let bus = AudioBus { name, layout, purpose, in_place: None, active: true };
    Bus { id: info.id, pair: info.in_place_pair, flags: info.flags, bus }
}

/// Buses with their in-place partners by index; a pair counts only if both say so and are of one size.
fn link(buses: &[Bus], others: &[Bus], old: &[AudioBus]) -> Vec<AudioBus> {
    let partner = |bus: &Bus| {
        let index = others.iter().position(|other| bus.pair == Some(other.id) && other.pair == Some(bus.id))?;
        (others[index].bus.layout.channels() == bus.bus.layout.channels()).then_some(index)
    };
    buses
        .iter()
        .enumerate()
        .map(|(index, bus)| AudioBus {
            in_place: partner(bus),
            active: old.get(index).is_none_or(|old| old.active),
            ..bus.bus.clone()
        })
        .collect()
}

fn read_note_ports(plugin: &PluginMainThreadHandle, extension: &PluginNotePorts, is_input: bool) -> Vec<NotePort> {
    let mut buffer = NotePortInfoBuffer::new();
    (0..extension.count(plugin, is_input).min(MOST_PORTS))
        .filter_map(|index| extension.get(plugin, index, is_input, &mut buffer).map(|info| read_note_port(&info)))
        .collect()
}

fn read_note_port(info: &NotePortInfo) -> NotePort {
    let has = |dialect| info.supported_dialects.contains(dialect);
    let mut dialects = Dialects {
        notes: has(NoteDialects::CLAP),
        midi: has(NoteDialects::MIDI),
        midi_polyphonic_expression: has(NoteDialects::MIDI_MPE),
        midi2: has(NoteDialects::MIDI2),
    };
    if dialects == Dialects::default() {
        // A port that names no dialect would hear nothing; CLAP's own is the likeliest.
        dialects.notes = true;
    }
    let preferred = info.preferred_dialect.map(|dialect| match dialect {
        NoteDialect::Clap => Dialect::Notes,
        NoteDialect::Midi => Dialect::Midi,
        NoteDialect::MidiMpe => Dialect::MidiPolyphonicExpression,
        NoteDialect::Midi2 => Dialect::Midi2,
    });
    let order = [Dialect::Notes, Dialect::Midi2, Dialect::MidiPolyphonicExpression, Dialect::Midi];
    let preferred =
        preferred.into_iter().chain(order).find(|dialect| dialects.contains(*dialect)).unwrap_or(Dialect::Notes);
    NotePort { name: String::from_utf8_lossy(info.name).into_owned(), dialects, preferred }
}
