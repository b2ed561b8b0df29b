//! Plugins as they are printed: for people, and as JSON.

use crosspoint::formats::scan::{BusFacts, PluginFacts, PluginShape, ScanFault};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Plugins, and what went wrong with files.
#[derive(Serialize, Default)]
pub struct Listing {
    pub plugins: Vec<Entry>,
    pub failed: Vec<Failed>,
}

/// A plugin in its file.
#[derive(Serialize)]
pub struct Entry {
    #[serde(flatten)]
    pub facts: PluginFacts,
    pub path: PathBuf,
}

/// A file, or a plugin in it, that could not be looked into.
#[derive(Serialize)]
pub struct Failed {
    pub path: PathBuf,
    #[serde(flatten)]
    pub fault: ScanFault,
}

impl Listing {
    /// Adds what is known of a file.
    pub fn add(&mut self, path: &Path, plugins: impl IntoIterator<Item = PluginFacts>) {
        self.plugins.extend(plugins.into_iter().map(|facts| Entry { facts, path: path.to_owned() }));
    }

    /// Adds what went wrong with a file.
    pub fn add_faults(&mut self, path: &Path, faults: impl IntoIterator<Item = ScanFault>) {
        self.failed.extend(faults.into_iter().map(|fault| Failed { path: path.to_owned(), fault }));
    }

    /// Tells on standard error what went wrong.
    pub fn warn(&self) {
        for Failed { path, fault } in &self.failed {
            let id = fault.plugin.as_ref().map_or_else(String::new, |id| format!("#{id}"));
            eprintln!("warning: {}{id}: {}", path.display(), fault.reason);
        }
    }

    /// The plugins, a few lines each.
    pub fn text(&self) -> String {
        self.plugins.iter().map(Entry::text).collect()
    }
}

impl Entry {
    /// Its name, where it is, its ports and its features, a line each.
    pub fn text(&self) -> String {
        let plugin = &self.facts.descriptor;
        let by: Vec<&str> =
            [&plugin.vendor, &plugin.version].map(String::as_str).into_iter().filter(|word| !word.is_empty()).collect();
        let by = by.join(" ");
        let by = if by.is_empty() { String::new() } else { format!("{by}, ") };
        let mut text = format!("{} ({by}{})\n    {}#{}\n", plugin.name, plugin.format, self.path.display(), plugin.id);
        if let Some(shape) = &self.facts.shape {
            let _ = writeln!(text, "    {}", ports(shape));
        }
        if !plugin.features.is_empty() {
            let _ = writeln!(text, "    {}", plugin.features.join(", "));
        }
        text
    }
}

fn ports(shape: &PluginShape) -> String {
    let channels = |buses: &[BusFacts]| {
        let counts: Vec<String> = buses.iter().map(|bus| bus.channels.to_string()).collect();
        if counts.is_empty() { "0".to_owned() } else { counts.join("+") }
    };
    let latency = shape.latency.map_or_else(|| "unknown".to_owned(), |frames| format!("{frames} frames"));
    format!(
        "audio {} in, {} out; notes {} in, {} out; {} parameters; latency {latency}",
        channels(&shape.audio_inputs),
        channels(&shape.audio_outputs),
        shape.note_inputs.len(),
        shape.note_outputs.len(),
        shape.parameters
    )
}
