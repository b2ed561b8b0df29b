//! Plugins that scenes share though their state differs by more than parameters. With a switch such a plugin fades to its
//! bypass path; once the renderer says that nothing of it is heard any more, the main thread gives it the state, then it is
//! told its values, and fades back. While no scene plays it has the state that it had before. Never loads a state into a
//! plugin that is heard, nor waits.
//!
//! The fade is the one by which plugins go home, not the user's bypass: nothing can stay bypassed by it, and what a person
//! or a scene bypasses meanwhile is bypassed afterwards.

use super::value::{Key, Value};
use crate::asking::Asked;
use crate::controllers::{Kept, Phase, PluginDescription, Plugins, Request, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::pending::{Pending, Reply};
use crate::session::{Document, EntryKind, State};
use crosspoint_formats::PluginError;
use crosspoint_graph::{Command, NOW, NodeId, Published};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whole states of plugins in a scene.
pub(super) type States = BTreeMap<NodeId, Arc<[u8]>>;

/// The plugins that have a scene's state, or are about to.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    held: BTreeMap<NodeId, Held>,
    /// What plugins were told after a state lately, and at which frame: they may still say what they were before.
    told: BTreeMap<NodeId, (u64, Vec<(Key, Value)>)>,
}

/// One of them. Where a state is none, that of the base is meant.
#[derive(Debug, Default)]
struct Held {
    /// The base's state, once the plugin has said it.
    base: Option<Arc<[u8]>>,
    /// What it has.
    has: Option<Arc<[u8]>>,
    /// What parameters are by that state, as long as it is a scene's.
    says: Vec<(u32, f64)>,
    /// What it is to have.
    wanted: Option<Arc<[u8]>>,
    /// What it is told once it has that.
    values: Vec<(Key, Value)>,
    stage: Stage,
    /// Whether what it has, or will have, is the rig's: the scene was removed.
    is_kept: bool,
}

/// How far a change has come.
#[derive(Debug, Default, PartialEq)]
enum Stage {
    /// None is under way.
    #[default]
    Heard,
    /// It fades to its bypass path, asked for at this frame.
    Fading(u64),
    /// Nothing of it is heard.
    Unheard,
    /// The main thread gives it this state.
    Loading(Option<Arc<[u8]>>),
}

impl Shared {
    /// Whether a plugin is given another state where this one is wanted.
    pub fn is_to_change(&self, node: NodeId, wanted: Option<&Arc<[u8]>>) -> bool {
        match self.held.get(&node) {
            Some(Held { stage: Stage::Loading(_), .. }) => true,
            held => held.and_then(|held| held.has.as_ref()) != wanted,
        }
    }

    /// Whether a plugin's state is being changed.
    pub fn is_under_way(&self, node: NodeId) -> bool {
        self.held.get(&node).is_some_and(|held| held.stage != Stage::Heard)
    }

    /// The state of a scene that a plugin has or will have.
    pub fn given(&self, node: NodeId) -> Option<&Arc<[u8]>> {
        self.held.get(&node)?.wanted.as_ref()
    }

    /// What the state that a plugin has of a scene says of parameters.
    pub fn says(&self, node: NodeId) -> impl Iterator<Item = (Key, Value)> + '_ {
        let says = self.held.get(&node).into_iter().flat_map(|held| &held.says);
        says.map(move |&(parameter, value)| (Key::Parameter(node, parameter), Value::Parameter(value)))
    }

    /// Whether a plugin's values are those of a scene's state.
    pub fn is_held(&self, node: NodeId) -> bool {
        self.held.contains_key(&node)
    }

    /// What they have, or will have, is the rig's from now on.
    pub fn keep(&mut self) {
        self.held.retain(|_, held| held.stage != Stage::Heard);
        self.held.values_mut().for_each(|held| held.is_kept = true);
    }

    /// The renderer is another one, which plays nothing yet.
    pub fn begin_anew(&mut self) {
        for held in self.held.values_mut().filter(|held| matches!(held.stage, Stage::Fading(_))) {
            held.stage = Stage::Unheard;
        }
    }
}

/// The plugin that a value is of.
pub(super) fn plugin_of(key: &Key) -> Option<NodeId> {
    match key {
        Key::Parameter(node, _) => Some(*node),
        _ => None,
    }
}

impl<P: Plugins> Engine<P> {
    /// Lets a scene have a plugin's present state whole, or no longer: for what of it is no parameter. The plugin is shared
    /// then: with a switch it cross-fades through its bypass path, while a [second
    /// instance](Self::add_second_instance) cross-fades by itself and takes its memory twice. A step of the history.
    ///
    /// # Errors
    /// In the answer: if there is no such scene or plugin, or what the plugin says.
    pub fn share_state(&mut self, node: NodeId, scene: &str, on: bool) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.ask_to_share_state(node, scene.to_owned(), on, reply);
        pending
    }

    pub(crate) fn ask_to_share_state(&mut self, node: NodeId, scene: String, on: bool, reply: Reply<()>) {
        match self.scene_place(&scene).and_then(|place| Ok((place, self.key(node)?))) {
            Err(error) => reply(Err(error)),
            Ok((place, _)) if !on => {
                let (mut book, name) = (self.book(), self.name(node));
                if book.scene_mut(place).states.remove(&name).is_some() {
                    self.change_book(book);
                }
                reply(Ok(()));
            }
            Ok((_, key)) => {
                let ticket = self.ticket(Asked::SharedState { node, scene, reply });
                self.ask(Request::SaveStates { ticket, keys: vec![key] });
            }
        }
    }

    /// A plugin has said the state that a scene is to have.
    pub(crate) fn store_shared_state(
        &mut self,
        node: NodeId,
        scene: &str,
        state: Arc<[u8]>,
    ) -> Result<(), EngineError> {
        let place = self.scene_place(scene)?;
        self.node(node)?;
        let (mut book, name) = (self.book(), self.name(node));
        book.scene_mut(place).states.insert(name, State::Bytes(Arc::clone(&state)));
        self.change_book(book);
        if self.scenes.playing == Some(place) && !self.scenes.shared.is_under_way(node) {
            let says = self.description(node).map(PluginDescription::all_values).unwrap_or_default();
            let held = self.scenes.shared.held.entry(node).or_default();
            held.says = says;
            held.base.get_or_insert_with(|| Arc::clone(&state));
            (held.has, held.wanted) = (Some(Arc::clone(&state)), Some(state));
            let said = self.scenes.resolved.get(place).map(|scene| scene.setting.clone()).unwrap_or_default();
            self.expect_all_but(node, &said.into_iter().collect::<Vec<_>>());
        }
        Ok(())
    }

    /// The states that a scene has; none without a scene.
    pub(super) fn states_of(&self, scene: Option<usize>) -> States {
        let resolved = scene.and_then(|scene| self.scenes.resolved.get(scene));
        resolved.map(|resolved| resolved.states.clone()).unwrap_or_default()
    }

    /// Tells what states of a scene are not there.
    pub(super) fn tell_missing_states(&mut self, scene: usize) {
        let Some(entry) = self.rig.rest.scenes.get(scene) else { return };
        for (name, state) in &entry.states {
            if let State::Unavailable { file } = state {
                let reason = format!("the file `{file}` is not there or damaged: put it back beside the rig");
                self.notices.push(Notice::StateNotTaken { name: name.clone(), reason });
            }
        }
    }

    /// Has plugins given these states, all others that of the base, and told these values once they have them: until then
    /// they have them as far as anybody sees.
    pub(super) fn want_states(&mut self, states: &States, values: &[(Key, Value)]) {
        let nodes: BTreeSet<NodeId> = self.scenes.shared.held.keys().chain(states.keys()).copied().collect();
        for node in nodes {
            let own: Vec<(Key, Value)> =
                values.iter().filter(|(key, _)| plugin_of(key) == Some(node)).copied().collect();
            for &(key, value) in &own {
                if let (Key::Parameter(_, parameter), Value::Parameter(value)) = (key, value) {
                    self.note_value(node, parameter, value);
                }
            }
            self.want_state(node, states.get(&node).cloned(), own);
        }
    }

    fn want_state(&mut self, node: NodeId, wanted: Option<Arc<[u8]>>, values: Vec<(Key, Value)>) {
        self.snapshot.outdate();
        let held = self.scenes.shared.held.entry(node).or_default();
        (held.wanted, held.values, held.is_kept) = (wanted, values, false);
        match (&held.stage, held.has == held.wanted) {
            (Stage::Heard, false) => self.begin_change(node),
            (Stage::Heard | Stage::Fading(_) | Stage::Unheard, true) => self.end_change(node),
            (Stage::Fading(_) | Stage::Unheard, false) => self.load_wanted(node),
            (Stage::Loading(_), _) => {}
        }
    }

    fn begin_change(&mut self, node: NodeId) {
        let Some(record) = self.records.get(&node) else { return self.give_up(node, "its plugin is gone".to_owned()) };
        let (key, sounds) = (record.key, matches!(record.phase, Phase::Active | Phase::Fading));
        let frame = self.publisher.frame();
        let Some(held) = self.scenes.shared.held.get_mut(&node) else { return };
        held.stage = if sounds { Stage::Fading(frame) } else { Stage::Unheard };
        let is_of_base = held.has.is_none();
        if sounds {
            self.withdraw(node, true);
        }
        if is_of_base {
            let ticket = self.ticket(Asked::BaseState(node));
            self.ask(Request::SaveStates { ticket, keys: vec![key] });
        } else {
            self.load_wanted(node);
        }
    }

    /// A plugin has said the state that it has without a scene.
    pub(crate) fn note_base_state(&mut self, node: NodeId, state: Option<Result<Vec<u8>, PluginError>>) {
        let Some(held) = self.scenes.shared.held.get_mut(&node) else { return };
        if held.has.is_some() || !matches!(held.stage, Stage::Fading(_) | Stage::Unheard) {
            return;
        }
        match state {
            Some(Ok(state)) => {
                held.base = Some(state.into());
                self.load_wanted(node);
            }
            Some(Err(error)) => self.give_up(node, format!("the state that it has cannot be kept: {error}")),
            None => self.give_up(node, "its plugin is gone".to_owned()),
        }
    }

    /// Nothing of a plugin is heard any more.
    pub(crate) fn state_may_change(&mut self, node: NodeId) {
        if let Some(held) = self.scenes.shared.held.get_mut(&node)
            && matches!(held.stage, Stage::Fading(_))
        {
            held.stage = Stage::Unheard;
            self.load_wanted(node);
        }
    }

    /// Has the main thread load what is wanted, once nothing of the plugin is heard and its own state is known.
    fn load_wanted(&mut self, node: NodeId) {
        let Some(key) = self.records.get(&node).map(|record| record.key) else { return };
        let Some(held) = self.scenes.shared.held.get_mut(&node) else { return };
        let Some(base) = held.base.clone().filter(|_| held.stage == Stage::Unheard) else { return };
        held.stage = Stage::Loading(held.wanted.clone());
        let source = StateSource::Bytes(held.wanted.clone().unwrap_or(base));
        let ticket = self.ticket(Asked::StateOfScene(node));
        self.ask(Request::LoadState { ticket, key, source, before: Kept::default() });
    }

    /// A plugin has taken a state, or has not.
    pub(crate) fn state_loaded(&mut self, node: NodeId, told: Result<Box<PluginDescription>, EngineError>) {
        let Some(held) = self.scenes.shared.held.get_mut(&node) else { return };
        let Stage::Loading(loaded) = &mut held.stage else { return };
        let loaded = loaded.take();
        held.stage = Stage::Unheard;
        match told {
            Ok(described) => {
                held.says = if loaded.is_some() { described.all_values() } else { Vec::new() };
                held.has = loaded;
                // A state may have the plugin's own switch; who is bypassed is another matter.
                let is_bypassed = self.is_bypassed(node);
                self.refresh_values(node, *described);
                if self.is_bypassed(node) != is_bypassed
                    && let Err(error) = self.bypass(node, is_bypassed)
                {
                    tracing::warn!("{error}");
                }
                self.autosave.note_change(node);
            }
            // What it has it keeps, unless another one is wanted by now.
            Err(error) if held.wanted == loaded => return self.give_up(node, error.to_string()),
            Err(error) => tracing::warn!("{error}"),
        }
        match self.scenes.shared.held.get(&node) {
            Some(held) if held.has == held.wanted => self.end_change(node),
            _ => self.load_wanted(node),
        }
    }

    /// A change cannot be made: the plugin goes on with what it has.
    fn give_up(&mut self, node: NodeId, reason: String) {
        self.notices.push(Notice::StateNotTaken { name: self.name(node), reason });
        if let Some(held) = self.scenes.shared.held.get_mut(&node) {
            held.wanted.clone_from(&held.has);
            self.end_change(node);
        }
    }

    /// A plugin has the state that it is to have: it is told its values, and fades back.
    fn end_change(&mut self, node: NodeId) {
        self.snapshot.outdate();
        let Some(held) = self.scenes.shared.held.get_mut(&node) else { return };
        let (stage, values) = (std::mem::take(&mut held.stage), std::mem::take(&mut held.values));
        let is_over = held.has.is_none() || held.is_kept;
        let base = held.base.clone().filter(|_| held.has.is_none());
        if is_over {
            self.scenes.shared.held.remove(&node);
        }
        if let Some(base) = base {
            self.refresh_entry(node, Some(Ok(base.to_vec())));
        }
        if stage != Stage::Heard {
            self.fade_back(node, &values);
            self.expect_all_but(node, &values);
            self.scenes.shared.told.insert(node, (self.publisher.frame(), values));
        }
    }

    /// Both at one frame, so that nothing else is heard of the plugin.
    fn fade_back(&mut self, node: NodeId, values: &[(Key, Value)]) {
        let nothing = BTreeSet::new();
        let mut commands: Vec<Command> =
            values.iter().filter_map(|&(key, value)| self.planned(key, value, 0, &nothing)).collect();
        // One that is about to be restarted goes home by the same fade, and comes back by itself.
        let returns = self.records.get(&node).is_none_or(|record| record.phase != Phase::Fading);
        if returns {
            commands.push(Command::Withdraw { node, on: false });
        }
        let is_whole = commands.len() == values.len() + usize::from(returns);
        if is_whole && matches!(self.publisher.send_bundle(NOW, commands), Ok(Published::Sent)) {
            for &(key, value) in values {
                if let (Key::Parameter(_, parameter), Value::Parameter(value)) = (key, value) {
                    self.note_value(node, parameter, value);
                }
            }
            return;
        }
        for &(key, value) in values {
            if let (Key::Parameter(_, parameter), Value::Parameter(value)) = (key, value)
                && let Err(error) = self.give_parameter(node, parameter, value)
            {
                tracing::warn!("{error}");
            }
        }
        if returns {
            self.withdraw(node, false);
        }
    }

    /// A plugin says what its values are. What it is about to be told, or was told just now, it may not know yet.
    pub(crate) fn heed_values(&mut self, node: NodeId, described: PluginDescription) {
        let pending = self.scenes.shared.held.get(&node).map(|held| &held.values);
        let told = self.scenes.shared.told.get(&node).map(|(_, values)| values);
        let known = self.description(node);
        let told = pending.into_iter().chain(told).flatten().filter_map(|told| match *told {
            // Unless somebody has set another one since.
            (Key::Parameter(_, parameter), Value::Parameter(value)) => {
                (known?.value(parameter) == Some(value)).then_some((parameter, value))
            }
            _ => None,
        });
        let told: Vec<(u32, f64)> = told.collect();
        self.refresh_values(node, described);
        told.into_iter().for_each(|(parameter, value)| self.note_value(node, parameter, value));
    }

    /// Beside what it was told, a plugin is as its state has it: nobody changed that.
    fn expect_all_but(&mut self, node: NodeId, told: &[(Key, Value)]) {
        if self.scenes.playing.is_some() {
            let own = self.live().into_iter().filter(|(key, _)| plugin_of(key) == Some(node));
            let own = own.filter(|(key, _)| told.iter().all(|(told, _)| told != key));
            self.scenes.expected.extend(own);
        }
    }

    fn withdraw(&mut self, node: NodeId, on: bool) {
        if let Err(error) = self.publisher.send_now(Command::Withdraw { node, on }) {
            tracing::warn!("{}: {error}", self.name(node));
        }
    }

    /// Goes on with plugins that went home meanwhile or are gone, and asks again where nothing was heard of a fade for a
    /// second of the renderer's.
    pub(crate) fn tend_states(&mut self) {
        let (frame, records) = (self.publisher.frame(), &self.records);
        self.scenes.shared.held.retain(|node, _| records.contains_key(node));
        let lately = u64::from(self.settings.rate) / 2;
        self.scenes.shared.told.retain(|_, (since, _)| frame <= *since + lately);
        let fading: Vec<(NodeId, u64)> = self
            .scenes
            .shared
            .held
            .iter()
            .filter_map(|(&node, held)| match held.stage {
                Stage::Fading(since) => Some((node, since)),
                Stage::Unheard => Some((node, frame)),
                _ => None,
            })
            .collect();
        for (node, since) in fading {
            let sounds = self.graph.node(node).is_some()
                && self.records.get(&node).is_some_and(|record| matches!(record.phase, Phase::Active | Phase::Fading));
            if !sounds {
                self.state_may_change(node);
            } else if frame > since + u64::from(self.settings.rate) {
                if let Some(held) = self.scenes.shared.held.get_mut(&node) {
                    held.stage = Stage::Fading(frame);
                }
                self.withdraw(node, true);
            }
            self.load_wanted(node);
        }
    }

    /// Lets a document have the base's states.
    pub(super) fn put_base_states(&self, document: &mut Document) {
        for (&node, held) in self.scenes.shared.held.iter().filter(|(_, held)| !held.is_kept) {
            let name = self.name(node);
            let entry = document.nodes.iter_mut().find(|entry| entry.name == name);
            if let (Some(EntryKind::Plugin(plugin)), Some(base)) = (entry.map(|entry| &mut entry.kind), &held.base) {
                plugin.state = Some(State::Bytes(Arc::clone(base)));
                plugin.parameters.clear();
            }
        }
    }
}
