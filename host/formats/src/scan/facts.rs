//! What a scan finds out: plain data without live objects, as it goes over the pipe and into the database.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::library::PluginDescriptor;

/// What is known of a plugin without having it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFacts {
    /// What it says of itself.
    #[serde(flatten)]
    pub descriptor: PluginDescriptor,
    /// What making it showed; none if that failed, or if its bundle describes it so that nothing was loaded.
    #[serde(flatten)]
    pub shape: Option<PluginShape>,
}

/// What only a plugin that was made can tell.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PluginShape {
    /// Its audio inputs, in the plugin's order.
    pub audio_inputs: Vec<BusFacts>,
    /// Its audio outputs, in the plugin's order.
    pub audio_outputs: Vec<BusFacts>,
    /// Its inputs for notes, in the plugin's order.
    pub note_inputs: Vec<NotePortFacts>,
    /// Its outputs for notes, in the plugin's order.
    pub note_outputs: Vec<NotePortFacts>,
    /// How many parameters it has.
    pub parameters: usize,
    /// Frames by which it is late at 48 kHz; none if it could not be activated.
    pub latency: Option<u32>,
}

/// An audio bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusFacts {
    /// What people call it.
    pub name: String,
    /// How many channels it has.
    pub channels: u32,
    /// Whether it carries the signal itself rather than a side chain or one more output.
    pub main: bool,
}

/// A port for notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePortFacts {
    /// What people call it.
    pub name: String,
    /// What it understands or sends: of `notes`, `midi`, `mpe`, `midi2`.
    pub dialects: Vec<String>,
}

/// What went wrong with a file or with one of its plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFault {
    /// The id of the plugin; none if it is the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// What went wrong, for people.
    pub reason: String,
}

/// All that a scan found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file or bundle.
    pub path: PathBuf,
    /// Its plugins, in its own order: all that it lists, whatever became of them.
    pub plugins: Vec<PluginFacts>,
    /// What went wrong.
    pub faults: Vec<ScanFault>,
}
