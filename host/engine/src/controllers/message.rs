//! What the control half asks of the main thread's half, and what comes back. Plain data and processors; a message owns
//! all it needs, so that neither half ever waits for the other.

use super::kept::Kept;
use super::setup::PluginSetup;
use crate::error::EngineError;
use crate::plugins::PluginReference;
use crate::session::PluginRef;
use crosspoint_formats::{
    Activation, BusDirection, ChangeDelta, HistoryDirection, Parameter, Plugin, PluginDescriptor, PluginError,
    PluginNotice, PresetPlace, RenderMode, describe,
};
use crosspoint_graph::{Node, Processor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One plugin instance, the same on both halves. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginKey(u64);

impl PluginKey {
    /// A key that no instance has.
    pub fn unused() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Which plugin is wanted.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The one that a person named.
    Reference(PluginReference),
    /// The one that a rig file describes.
    Entry(PluginRef),
}

/// Where a state comes from.
#[derive(Clone, Debug)]
pub enum StateSource {
    /// From whoever asks.
    Bytes(Arc<[u8]>),
    /// From a preset.
    Preset(PresetPlace),
    /// From the history. One that is empty changes nothing.
    Kept(Kept),
}

/// Something for the main thread to do. They are done in order.
pub enum Request {
    /// Make a plugin, set it up and activate it. Answered by [`Answer::Activated`].
    Load {
        key: PluginKey,
        /// What to call it in errors.
        name: String,
        origin: Origin,
        setup: Box<PluginSetup>,
        /// Whether a setup that it refuses is a problem and no error.
        lenient: bool,
        activation: Activation,
        render_mode: RenderMode,
    },
    /// Activate an inactive plugin. Answered by [`Answer::Activated`].
    Activate { key: PluginKey, activation: Activation },
    /// Its audio half has come home: deactivate it.
    Deactivate { key: PluginKey, processor: Box<dyn Processor> },
    /// Set parameters of an inactive plugin.
    SetParameters { key: PluginKey, values: Vec<(u32, f64)> },
    /// Save the states of plugins. Answered by [`Answer::States`].
    SaveStates { ticket: u64, keys: Vec<PluginKey> },
    /// Give a plugin a state, and keep the one it had before. Answered by [`Answer::StateLoaded`].
    LoadState { ticket: u64, key: PluginKey, source: StateSource, before: Kept },
    /// Have a plugin go a step of its own back or forth.
    ApplyChange { key: PluginKey, delta: Arc<ChangeDelta>, direction: HistoryDirection },
    /// What a preset file of a plugin would hold. Answered by [`Answer::PresetSaved`].
    SavePreset { ticket: u64, key: PluginKey },
    /// What text means as a parameter's value. Answered by [`Answer::Parsed`].
    Parse { ticket: u64, key: PluginKey, parameter: String, text: String },
    /// How the plugin would show a value. Answered by [`Answer::Text`].
    Text { ticket: u64, key: PluginKey, parameter: u32, value: f64 },
    /// Whether there is a deadline, for all plugins there are.
    RenderMode(RenderMode),
    /// The plugin is no longer needed.
    Drop { key: PluginKey },
}

/// What the main thread has done or heard.
pub enum Answer {
    /// A plugin is active, or could not be made so.
    Activated { key: PluginKey, instance: Result<Box<Instance>, EngineError> },
    /// States, in the order of the request; those of plugins that are gone are left out.
    States { ticket: u64, states: Vec<(PluginKey, Result<Vec<u8>, PluginError>)> },
    /// Whether the state was taken; with what the plugin is like now.
    StateLoaded { ticket: u64, key: PluginKey, described: Result<Box<PluginDescription>, EngineError> },
    /// What a preset file holds.
    PresetSaved { ticket: u64, preset: Result<Vec<u8>, EngineError> },
    /// A parameter and its value.
    Parsed { ticket: u64, value: Result<(u32, f64), EngineError> },
    /// A value as text; none if the plugin has no words for it.
    Text { ticket: u64, text: Result<Option<String>, EngineError> },
    /// A plugin said something by itself; with what it is like now if that may have changed.
    Said { key: PluginKey, notices: Vec<PluginNotice>, described: Option<Box<PluginDescription>> },
}

/// An active plugin as the control half sees it.
pub struct Instance {
    pub description: PluginDescription,
    /// How it was activated.
    pub activation: Activation,
    /// Its audio half, to be brought home by [`Request::Deactivate`].
    pub processor: Box<dyn Processor>,
    /// What it said meanwhile.
    pub notices: Vec<PluginNotice>,
    /// What of its setup it refused.
    pub problems: Vec<EngineError>,
    /// Bytes by which the process grew while it was made, if that can be known; none of one that was made before.
    pub memory: Option<u64>,
}

/// What the control half knows of a plugin, so that it need not ask.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PluginDescription {
    /// What it is.
    pub descriptor: Arc<PluginDescriptor>,
    /// The file it came from, or the name of a linked pack.
    pub file: PathBuf,
    /// It as a node: its ports, and its latency as of the last activation.
    pub node: Node,
    /// Note ports in and out; event ports of the node may also be for parameters alone.
    pub note_ports: (usize, usize),
    /// Its parameters, in its order.
    pub parameters: Arc<[Parameter]>,
    /// Their values, in the same order, as the plugin last told them.
    pub values: Vec<f64>,
}

impl PluginDescription {
    pub(super) fn of(plugin: &mut dyn Plugin, file: &Path) -> Self {
        let parameters: Arc<[Parameter]> = plugin.parameters().into();
        let values = parameters.iter().map(|known| plugin.parameter_value(known.id).unwrap_or(known.default));
        Self {
            values: values.collect(),
            descriptor: Arc::new(plugin.descriptor().clone()),
            file: file.to_owned(),
            node: describe(plugin),
            note_ports: (plugin.note_ports(BusDirection::Input).len(), plugin.note_ports(BusDirection::Output).len()),
            parameters,
        }
    }

    /// The value of a parameter as it was last told.
    pub fn value(&self, parameter: u32) -> Option<f64> {
        self.place(parameter).map(|place| self.values[place])
    }

    /// All values as they were last told, by id.
    pub(crate) fn all_values(&self) -> Vec<(u32, f64)> {
        self.parameters.iter().zip(&self.values).map(|(known, &value)| (known.id, value)).collect()
    }

    pub(crate) fn note_value(&mut self, parameter: u32, value: f64) {
        if let Some(place) = self.place(parameter) {
            self.values[place] = value;
        }
    }

    fn place(&self, parameter: u32) -> Option<usize> {
        self.parameters.iter().position(|known| known.id == parameter)
    }

    /// The plugin as a rig file names it.
    pub(crate) fn reference(&self) -> PluginRef {
        let descriptor = &self.descriptor;
        PluginRef {
            format: descriptor.format.to_string(),
            id: descriptor.id.clone(),
            name: descriptor.name.clone(),
            vendor: descriptor.vendor.clone(),
            version: descriptor.version.clone(),
            path_hint: self.file.is_absolute().then(|| self.file.clone()),
        }
    }
}
