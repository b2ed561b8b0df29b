//! `crosspoint plugins`: what is in plugin files.

use crate::cli::{Plugins, PluginsCommand};
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crosspoint::EngineSettings;
use crosspoint::formats::{Activation, AudioBus, BusDirection, BusPurpose, Dialect, Library, NotePort, Plugin};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Serialize)]
struct Listing {
    plugins: Vec<Entry>,
    failed: Vec<FailedFile>,
}

#[derive(Serialize)]
struct Entry {
    format: String,
    id: String,
    name: String,
    vendor: String,
    version: String,
    path: PathBuf,
    features: Vec<String>,
    audio_inputs: Vec<Bus>,
    audio_outputs: Vec<Bus>,
    note_inputs: Vec<Notes>,
    note_outputs: Vec<Notes>,
    parameters: usize,
    /// At 48 kHz; none if the plugin could not be made or activated.
    latency: Option<u32>,
}

#[derive(Serialize)]
struct Bus {
    name: String,
    channels: u32,
    main: bool,
}

#[derive(Serialize)]
struct Notes {
    name: String,
    dialects: Vec<&'static str>,
}

#[derive(Serialize)]
struct FailedFile {
    path: PathBuf,
    reason: String,
}

/// Runs the command.
pub fn run(arguments: &Plugins) -> Result<ExitCode, Failure> {
    let PluginsCommand::List { files, json } = &arguments.command;
    let mut output = Output::take()?;
    let mut engine = rack::engine(EngineSettings::default())?;
    let mut listing = Listing { plugins: Vec::new(), failed: Vec::new() };
    for file in files {
        match engine.catalogue().open(file) {
            Ok(library) => list(&*library, &mut listing),
            Err(error) => listing.failed.push(FailedFile { path: file.clone(), reason: error.to_string() }),
        }
    }
    if *json {
        output.json(&listing)?;
    } else {
        output.text(&text(&listing))?;
    }
    for failed in &listing.failed {
        eprintln!("warning: {}", failed.reason);
    }
    Ok(if listing.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(crate::failure::WITH_PROBLEMS) })
}

fn list(library: &dyn Library, listing: &mut Listing) {
    for descriptor in library.descriptors() {
        let mut entry = Entry {
            format: descriptor.format.to_string(),
            id: descriptor.id.clone(),
            name: descriptor.name.clone(),
            vendor: descriptor.vendor.clone(),
            version: descriptor.version.clone(),
            path: library.path().to_owned(),
            features: descriptor.features.clone(),
            audio_inputs: Vec::new(),
            audio_outputs: Vec::new(),
            note_inputs: Vec::new(),
            note_outputs: Vec::new(),
            parameters: 0,
            latency: None,
        };
        match library.instantiate(&descriptor.id) {
            Ok(mut plugin) => look_into(&mut *plugin, library.path(), &mut entry, listing),
            Err(error) => listing.failed.push(FailedFile { path: entry.path.clone(), reason: error.to_string() }),
        }
        listing.plugins.push(entry);
    }
}

fn look_into(plugin: &mut dyn Plugin, path: &Path, entry: &mut Entry, listing: &mut Listing) {
    let buses = |buses: &[AudioBus]| -> Vec<Bus> {
        let bus = |bus: &AudioBus| Bus {
            name: bus.name.clone(),
            channels: bus.layout.channels(),
            main: bus.purpose == BusPurpose::Main,
        };
        buses.iter().map(bus).collect()
    };
    entry.audio_inputs = buses(plugin.audio_buses(BusDirection::Input));
    entry.audio_outputs = buses(plugin.audio_buses(BusDirection::Output));
    entry.note_inputs = notes(plugin.note_ports(BusDirection::Input));
    entry.note_outputs = notes(plugin.note_ports(BusDirection::Output));
    entry.parameters = plugin.parameters().len();
    let activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: 512 };
    let activated = plugin.activate(activation).and_then(|processor| {
        entry.latency = Some(plugin.latency());
        plugin.deactivate(processor)
    });
    if let Err(error) = activated {
        let reason = format!("{}: {error}", entry.name);
        listing.failed.push(FailedFile { path: path.to_owned(), reason });
    }
}

fn notes(ports: &[NotePort]) -> Vec<Notes> {
    let all = [
        (Dialect::Notes, "notes"),
        (Dialect::Midi, "midi"),
        (Dialect::MidiPolyphonicExpression, "mpe"),
        (Dialect::Midi2, "midi2"),
    ];
    let port = |port: &NotePort| Notes {
        name: port.name.clone(),
        dialects: all.iter().filter(|(dialect, _)| port.dialects.contains(*dialect)).map(|(_, name)| *name).collect(),
    };
    ports.iter().map(port).collect()
}

fn text(listing: &Listing) -> String {
    let mut text = String::new();
    for entry in &listing.plugins {
        let _ = writeln!(text, "{} ({} {}, {})", entry.name, entry.vendor, entry.version, entry.format);
        let _ = writeln!(text, "    {}#{}", entry.path.display(), entry.id);
        let channels = |buses: &[Bus]| {
            let counts: Vec<String> = buses.iter().map(|bus| bus.channels.to_string()).collect();
            if counts.is_empty() { "0".to_owned() } else { counts.join("+") }
        };
        let latency = entry.latency.map_or_else(|| "unknown".to_owned(), |frames| format!("{frames} frames"));
        let _ = writeln!(
            text,
            "    audio {} in, {} out; notes {} in, {} out; {} parameters; latency {latency}",
            channels(&entry.audio_inputs),
            channels(&entry.audio_outputs),
            entry.note_inputs.len(),
            entry.note_outputs.len(),
            entry.parameters
        );
        let _ = writeln!(text, "    {}", entry.features.join(", "));
    }
    text
}
