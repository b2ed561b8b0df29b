//! What can go wrong with a plugin, each with what to do about it.

use std::path::{Path, PathBuf};

use crate::library::PluginDescriptor;

/// Why a plugin file or a plugin in it could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("cannot read the plugin file {path}: {reason}; check the path and its permissions")]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file's name says no format that is known.
    #[error("{path} is not a plugin file of a known format; name a file or folder that ends in .clap or .vst3")]
    UnknownFormat {
        /// The file asked for.
        path: PathBuf,
    },
    /// A folder without a plugin in it.
    #[error("the folder {path} holds no plugin file; reinstall the plugin or name the file itself")]
    EmptyBundle {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The system's loader refused the library.
    #[error("the library {path} does not load: {reason}; reinstall the plugin, or install what it needs")]
    Library {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The library loaded but its entry is absent, refused to start or speaks another version.
    #[error("{path} is not usable: {reason}; update the plugin")]
    Entry {
        /// The library.
        path: PathBuf,
        /// What is wrong with the entry.
        reason: String,
    },
    /// The file holds no plugin of that id.
    #[error("{path} holds no plugin with the id \"{id}\"; it holds: {known}")]
    UnknownPlugin {
        /// The library.
        path: PathBuf,
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// The plugin's own initialisation failed.
    #[error("the plugin \"{id}\" in {path} failed to initialise: {reason}; the plugin's own log may say more")]
    Instantiate {
        /// The library.
        path: PathBuf,
        /// The plugin.
        id: String,
        /// What it said.
        reason: String,
    },
}

impl LoadError {
    /// That a file holds no plugin of an id, but these.
    pub(crate) fn unknown_plugin(path: &Path, id: &str, known: &[PluginDescriptor]) -> Self {
        let known: Vec<_> = known.iter().map(|descriptor| descriptor.id.as_str()).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        Self::UnknownPlugin { path: path.to_owned(), id: id.to_owned(), known }
    }
}

/// Why a call to a loaded plugin failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// Rate or block sizes that no plugin can be activated with.
    #[error("cannot activate at {sample_rate} Hz with blocks of {min_frames} to {max_frames} frames: {reason}")]
    Activation {
        /// Frames a second.
        sample_rate: f64,
        /// Fewest frames a block.
        min_frames: u32,
        /// Most frames a block.
        max_frames: u32,
        /// Which of them is wrong.
        reason: &'static str,
    },
    /// The plugin said no to its activation.
    #[error("the plugin refused to be activated at {sample_rate} Hz; try another sample rate or block size")]
    ActivationRefused {
        /// Frames a second.
        sample_rate: f64,
    },
    /// It is active already.
    #[error("the plugin is active; deactivate it first")]
    Active,
    /// It is not active.
    #[error("the plugin is not active; activate it first")]
    Inactive,
    /// The processor that came home is not, or not the only, audio half of this plugin.
    #[error("that processor belongs to another plugin, this one's is still out; bring the right one home")]
    ForeignProcessor,
    /// The plugin lacks what was asked of it.
    #[error("the plugin does not support {feature}")]
    Unsupported {
        /// What was asked.
        feature: &'static str,
    },
    /// The plugin has the feature and failed at it.
    #[error("the plugin failed to {action}; what it had before is unchanged as far as it tells")]
    Failed {
        /// What was asked.
        action: &'static str,
    },
    /// The plugin has no such parameter.
    #[error("the plugin has no parameter {parameter}; list its parameters for their ids")]
    UnknownParameter {
        /// The id asked for.
        parameter: u32,
    },
    /// The plugin has no such bus.
    #[error("the plugin has no bus {index} in that direction")]
    UnknownBus {
        /// The index asked for.
        index: usize,
    },
    /// A port has more channels than the graph carries, or none.
    #[error("the bus \"{bus}\" has {channels} channels; a port carries 1 to {most}")]
    Channels {
        /// The bus.
        bus: String,
        /// How many channels it says it has.
        channels: u32,
        /// How many there may be.
        most: u32,
    },
}
