//! Looking into a plugin in this process: makes it, asks it and activates it once. Runs foreign code, which may crash or
//! never return; the other modules are about doing it elsewhere.

use super::facts::{BusFacts, NotePortFacts, PluginFacts, PluginShape, ScanFault};
use crate::error::LoadError;
use crate::library::Library;
use crate::plugin::{Activation, AudioBus, BusDirection, BusPurpose, Dialect, NotePort, Plugin};

/// How a plugin is activated for its latency.
const ACTIVATION: Activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: 512 };

/// What a library tells, in this process: for a pack that is linked into the program. Main thread.
///
/// A file of unknown origin is the matter of a [`Scanner`](super::Scanner).
pub fn look_into(library: &dyn Library) -> (Vec<PluginFacts>, Vec<ScanFault>) {
    let mut faults = Vec::new();
    let mut plugins = Vec::new();
    for descriptor in library.descriptors() {
        let (shape, reason) = make(library, &descriptor.id);
        faults.extend(reason.map(|reason| ScanFault { plugin: Some(descriptor.id.clone()), reason }));
        plugins.push(PluginFacts { descriptor: descriptor.clone(), shape });
    }
    (plugins, faults)
}

/// Makes a plugin and looks at it; what went wrong meanwhile.
pub(super) fn make(library: &dyn Library, id: &str) -> (Option<PluginShape>, Option<String>) {
    match library.instantiate(id) {
        Ok(mut plugin) => {
            let (shape, fault) = shape(&mut *plugin);
            (Some(shape), fault)
        }
        // The file and the plugin are named where this is told.
        Err(LoadError::Instantiate { reason, .. }) => (None, Some(format!("it failed to initialise: {reason}"))),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// What an inactive plugin shows, activated for a moment; why it could not be, if so. Main thread.
pub fn shape(plugin: &mut dyn Plugin) -> (PluginShape, Option<String>) {
    let mut shape = PluginShape {
        audio_inputs: buses(plugin.audio_buses(BusDirection::Input)),
        audio_outputs: buses(plugin.audio_buses(BusDirection::Output)),
        note_inputs: note_ports(plugin.note_ports(BusDirection::Input)),
        note_outputs: note_ports(plugin.note_ports(BusDirection::Output)),
        parameters: plugin.parameters().len(),
        latency: None,
    };
    let activated = plugin.activate(ACTIVATION).and_then(|processor| {
        shape.latency = Some(plugin.latency());
        plugin.deactivate(processor)
    });
    (shape, activated.err().map(|error| error.to_string()))
}

fn buses(buses: &[AudioBus]) -> Vec<BusFacts> {
    let facts = |bus: &AudioBus| BusFacts {
        name: bus.name.clone(),
        channels: bus.layout.channels(),
        main: bus.purpose == BusPurpose::Main,
    };
    buses.iter().map(facts).collect()
}

fn note_ports(ports: &[NotePort]) -> Vec<NotePortFacts> {
    let all = [
        (Dialect::Notes, "notes"),
        (Dialect::Midi, "midi"),
        (Dialect::MidiPolyphonicExpression, "mpe"),
        (Dialect::Midi2, "midi2"),
    ];
    let facts = |port: &NotePort| {
        let dialects = all.iter().filter(|(dialect, _)| port.dialects.contains(*dialect));
        NotePortFacts { name: port.name.clone(), dialects: dialects.map(|(_, name)| (*name).to_owned()).collect() }
    };
    ports.iter().map(facts).collect()
}
