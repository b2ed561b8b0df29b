//! Presets of the plugins of a rig: listed in a process of their own, loaded and saved by the plugins themselves. The same
//! words for all formats.

use crate::asking::Asked;
use crate::controllers::{Plugins, Request, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::pending::{Pending, Reply};
use crosspoint_formats::PresetPlace;
use crosspoint_formats::inspect::{Inspector, PluginPresets};
use crosspoint_graph::NodeId;
use std::path::PathBuf;

impl<P: Plugins> Engine<P> {
    /// Says how plugins are looked at in other processes, for [`Self::presets`].
    pub fn set_inspector(&mut self, inspector: Inspector) {
        self.inspector = Some(inspector);
    }

    /// The presets for a node's plugin: CLAP's by its discovery, VST3's preset files in the standard folders and programs. They
    /// are looked for on a thread and in a process of their own, for that runs the plugin's code and may take long.
    ///
    /// # Errors
    /// In the answer: if there is no such plugin, nobody said how to look at it, or it crashes or hangs.
    pub fn presets(&mut self, node: NodeId) -> Pending<PluginPresets> {
        let (reply, pending) = Pending::new();
        self.find_presets(node, reply);
        pending
    }

    pub(crate) fn find_presets(&mut self, node: NodeId, reply: Reply<PluginPresets>) {
        let asked = self.key(node).and_then(|_| {
            let known = self.description(node);
            let known = known.map(|known| (known.file.clone(), known.descriptor.id.clone()));
            let known =
                known.ok_or_else(|| EngineError::Unfit { name: self.name(node), problem: "is still loading" })?;
            Ok((known, self.inspector.clone().ok_or(EngineError::NoInspector)?))
        });
        match asked {
            Ok(((file, id), inspector)) => {
                std::thread::spawn(move || reply(inspector.presets(&file, Some(&id)).map_err(EngineError::from)));
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// Has a node's plugin load a preset: a step of the history.
    ///
    /// # Errors
    /// In the answer: if there is no such plugin, or it refuses the preset.
    pub fn load_preset(&mut self, node: NodeId, place: PresetPlace) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.recall(node, StateSource::Preset(place), reply);
        pending
    }

    /// Saves what a node's plugin is set to as a preset file that every host reads: a `.vstpreset`, of a VST3 plugin.
    ///
    /// # Errors
    /// In the answer: if there is no such plugin, its format has no preset files, or the file cannot be written.
    pub fn save_preset(&mut self, node: NodeId, file: PathBuf) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.save_preset_to(node, file, reply);
        pending
    }

    pub(crate) fn save_preset_to(&mut self, node: NodeId, file: PathBuf, reply: Reply<()>) {
        match self.key(node) {
            Ok(key) => {
                let ticket = self.ticket(Asked::Preset(file, reply));
                self.ask(Request::SavePreset { ticket, key });
            }
            Err(error) => reply(Err(error)),
        }
    }
}
