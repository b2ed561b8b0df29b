//! The main thread's half: every plugin of an engine, and every call that its format reserves for that thread. Knows
//! nothing of the graph; does what it is asked in order, and tells what plugins say by themselves.

use super::kept::Kept;
use super::message::{Answer, Instance, Origin, PluginDescription, PluginKey, Request, StateSource};
use super::setup::{self, PluginSetup};
use super::{link, server};
use crate::catalogue::Catalogue;
use crate::error::EngineError;
use crosspoint_formats::{Activation, Format, Plugin, PluginError, PluginNotice, RenderMode, StatePurpose};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Times that a plugin is activated anew before it is used, if it asks for that.
const SETTLING: usize = 2;

/// All plugins of one engine and the libraries that they come from.
///
/// # Threads
/// The main thread, for its whole life: it is not `Send`. An engine made [`with`](crate::Engine::with_plugins) it lives
/// on the same thread; [`PluginHost::apart`] is for an engine on another one.
#[derive(Default)]
pub struct PluginHost {
    catalogue: Catalogue,
    plugins: BTreeMap<PluginKey, Resident>,
    answers: VecDeque<Answer>,
}

struct Resident {
    plugin: Box<dyn Plugin>,
    name: String,
    file: PathBuf,
}

impl Resident {
    fn failed(&self, source: PluginError) -> EngineError {
        EngineError::Plugin { name: self.name.clone(), source }
    }

    fn describe(&mut self) -> PluginDescription {
        PluginDescription::of(&mut *self.plugin, &self.file)
    }

    /// Gives it a state; the one that it had goes to `before`, if it has any, and what it says meanwhile to `notices`.
    fn recall(
        &mut self,
        source: &StateSource,
        before: &Kept,
        notices: &mut Vec<PluginNotice>,
    ) -> Result<Box<PluginDescription>, EngineError> {
        before.put(self.plugin.save_state().ok());
        match source {
            StateSource::Bytes(state) => self.plugin.load_state(state).map_err(|error| self.failed(error))?,
            StateSource::Preset(place) => setup::load_preset(&mut *self.plugin, &self.name, place, notices)?,
            StateSource::Kept(kept) => {
                if let Some(state) = kept.take() {
                    self.plugin.load_state(&state).map_err(|error| self.failed(error))?;
                }
            }
        }
        Ok(Box::new(self.describe()))
    }

    /// What it is set to, as the preset file that its format lays down.
    fn preset_file(&mut self) -> Result<Vec<u8>, EngineError> {
        match self.plugin.descriptor().format {
            // Its state as a preset is the file.
            Format::Vst3 => self.plugin.save_state_for(StatePurpose::Preset).map_err(|error| self.failed(error)),
            _ => {
                let problem = "is no VST3 plugin: there are no preset files that all hosts read but `.vstpreset`";
                Err(EngineError::Unfit { name: self.name.clone(), problem })
            }
        }
    }

    fn activate(&mut self, activation: Activation, problems: Vec<EngineError>) -> Result<Box<Instance>, EngineError> {
        let mut notices = Vec::new();
        let processor = activate(&mut *self.plugin, activation, &mut notices).map_err(|source| self.failed(source))?;
        Ok(Box::new(Instance { description: self.describe(), activation, processor, notices, problems, memory: None }))
    }
}

impl PluginHost {
    /// A host without plugins.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin libraries.
    pub fn catalogue(&mut self) -> &mut Catalogue {
        &mut self.catalogue
    }

    /// Makes two ends of it: one for an engine on another thread, one that stays on this one and serves it.
    pub fn apart(self) -> (link::PluginLink, server::PluginServer) {
        server::PluginServer::new(self)
    }

    /// A plugin itself.
    pub(crate) fn plugin(&mut self, key: PluginKey) -> Option<&mut dyn Plugin> {
        Some(&mut *self.plugins.get_mut(&key)?.plugin)
    }

    /// Runs something while every lock of every plugin's controller is held.
    pub(crate) fn with_locks_held(&self, during: &mut dyn FnMut()) {
        fn hold<'p>(mut plugins: impl Iterator<Item = &'p dyn Plugin>, during: &mut dyn FnMut()) {
            match plugins.next() {
                // One inside the other; the chain is as long as the rig, and each link is a few words of stack.
                Some(plugin) => {
                    let rest: Vec<&dyn Plugin> = plugins.collect();
                    plugin.with_locks_held(&mut || hold(rest.iter().copied(), during));
                }
                None => during(),
            }
        }
        hold(self.plugins.values().map(|resident| &*resident.plugin), during);
    }

    fn resident(&mut self, key: PluginKey) -> Result<&mut Resident, EngineError> {
        self.plugins.get_mut(&key).ok_or(EngineError::PluginGone)
    }

    fn do_it(&mut self, request: Request) -> Option<Answer> {
        Some(match request {
            Request::Load { key, name, origin, setup, lenient, activation, render_mode } => {
                let before = resident_memory();
                let instance = self.make(name, &origin).and_then(|resident| {
                    let problems = self.set_up(key, resident, &setup, lenient, render_mode)?;
                    let instance = self.resident(key)?.activate(activation, problems)?;
                    let memory = resident_memory().zip(before).map(|(after, before)| after.saturating_sub(before));
                    Ok(Box::new(Instance { memory, ..*instance }))
                });
                if instance.is_err() {
                    self.plugins.remove(&key);
                }
                Answer::Activated { key, instance }
            }
            Request::Activate { key, activation } => {
                let instance = self.resident(key).and_then(|resident| resident.activate(activation, Vec::new()));
                Answer::Activated { key, instance }
            }
            Request::Deactivate { key, processor } => {
                let deactivated = self
                    .resident(key)
                    .and_then(|resident| resident.plugin.deactivate(processor).map_err(|error| resident.failed(error)));
                if let Err(error) = deactivated {
                    tracing::warn!("{error}");
                }
                return None;
            }
            Request::SetParameters { key, values } => {
                for value in values {
                    let set = self.resident(key).and_then(|resident| {
                        resident.plugin.set_parameters(&[value]).map_err(|error| resident.failed(error))
                    });
                    if let Err(error) = set {
                        tracing::warn!("{error}");
                    }
                }
                return None;
            }
            Request::ApplyChange { key, delta, direction } => {
                let applied = self.resident(key).and_then(|resident| {
                    resident.plugin.apply_change(&delta, direction).map_err(|error| resident.failed(error))
                });
                if let Err(error) = applied {
                    tracing::warn!("{error}");
                }
                return None;
            }
            Request::SaveStates { ticket, keys } => {
                let mut states = Vec::with_capacity(keys.len());
                for key in keys {
                    if let Some(resident) = self.plugins.get_mut(&key) {
                        states.push((key, resident.plugin.save_state()));
                    }
                }
                Answer::States { ticket, states }
            }
            Request::LoadState { ticket, key, source, before } => {
                let mut notices = Vec::new();
                let described = self.resident(key).and_then(|resident| resident.recall(&source, &before, &mut notices));
                if !notices.is_empty() {
                    self.answers.push_back(Answer::Said { key, notices, described: None });
                }
                Answer::StateLoaded { ticket, key, described }
            }
            Request::SavePreset { ticket, key } => {
                let preset = self.resident(key).and_then(Resident::preset_file);
                Answer::PresetSaved { ticket, preset }
            }
            Request::Parse { ticket, key, parameter, text } => {
                let value = self
                    .resident(key)
                    .and_then(|Resident { plugin, name, .. }| setup::parse(&mut **plugin, name, &parameter, &text));
                Answer::Parsed { ticket, value }
            }
            Request::Text { ticket, key, parameter, value } => {
                let text = self.resident(key).map(|resident| resident.plugin.value_to_text(parameter, value));
                Answer::Text { ticket, text }
            }
            Request::RenderMode(mode) => {
                for resident in self.plugins.values_mut() {
                    resident.plugin.set_render_mode(mode);
                }
                return None;
            }
            Request::Drop { key } => {
                self.plugins.remove(&key);
                return None;
            }
        })
    }

    fn make(&mut self, name: String, origin: &Origin) -> Result<Resident, EngineError> {
        let (plugin, file) = match origin {
            Origin::Reference(reference) => self.catalogue.instantiate(reference)?,
            Origin::Entry(wanted) => self
                .catalogue
                .find(wanted)
                .map_err(|error| error.map_or(EngineError::NotInstalled, EngineError::Load))?,
        };
        let name = if name.is_empty() { plugin.descriptor().name.clone() } else { name };
        Ok(Resident { plugin, name, file })
    }

    /// Takes a fresh plugin in; gives the problems with its setup.
    fn set_up(
        &mut self,
        key: PluginKey,
        mut resident: Resident,
        setup: &PluginSetup,
        lenient: bool,
        render_mode: RenderMode,
    ) -> Result<Vec<EngineError>, EngineError> {
        // Said before it is activated: many change it only by a restart.
        resident.plugin.set_render_mode(render_mode);
        let mut problems = setup.give_to(&mut *resident.plugin, &resident.name);
        if !lenient && !problems.is_empty() {
            return Err(problems.swap_remove(0));
        }
        self.plugins.insert(key, resident);
        Ok(problems)
    }

    /// Lets every plugin do what it asked this thread for.
    fn poll_plugins(&mut self) {
        for (&key, resident) in &mut self.plugins {
            let mut notices = Vec::new();
            resident.plugin.poll(&mut notices);
            if notices.is_empty() {
                continue;
            }
            let changes = |notice: &PluginNotice| {
                matches!(notice, PluginNotice::ParametersChanged(_) | PluginNotice::PortsChanged)
            };
            let described = notices.iter().any(changes).then(|| Box::new(resident.describe()));
            self.answers.push_back(Answer::Said { key, notices, described });
        }
    }
}

impl super::sealed::Plugins for PluginHost {
    const AT_ONCE: bool = true;

    fn send(&mut self, request: Request) {
        let answer = self.do_it(request);
        self.answers.extend(answer);
    }

    fn answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    fn poll(&mut self) {
        self.poll_plugins();
    }
}

/// Bytes of the process that are in the machine's memory.
fn resident_memory() -> Option<u64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as u64)
}

/// Activates a plugin; anew if that makes it ask for a restart at once, as some do whose latency follows from it. What else
/// it has to say goes to `notices`.
fn activate(
    plugin: &mut dyn Plugin,
    activation: Activation,
    notices: &mut Vec<PluginNotice>,
) -> Result<Box<dyn crosspoint_graph::Processor>, PluginError> {
    let mut processor = plugin.activate(activation)?;
    for _ in 0..SETTLING {
        plugin.poll(notices);
        let said = notices.len();
        notices.retain(|notice| *notice != PluginNotice::RestartRequested);
        if notices.len() == said {
            break;
        }
        plugin.deactivate(processor)?;
        processor = plugin.activate(activation)?;
    }
    Ok(processor)
}
