//! Plugins that scenes share though their state differs by more than parameters. With a switch such a plugin fades to its
//! bypass path; once the renderer says that nothing of it is heard any more, the main thread gives it the state, then it is
//! told its values, and fades back. While no scene plays it has the state that it had before. Never loads a state into a
//! plugin that is heard, nor waits.
//!
//! The fade is the one by which plugins go home, not the user's bypass: nothing can stay bypassed by it, and what a person
//! or a scene bypasses meanwhile is bypassed afterwards.

mod change;

use super::value::{Key, Value};
use crate::asking::Asked;
use crate::controllers::{PluginDescription, Plugins, Request};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::pending::{Pending, Reply};
use crate::session::{Document, EntryKind, State};
use crosspoint_graph::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whole states of plugins in a scene.
pub(super) type States = BTreeMap<NodeId, Arc<[u8]>>;

/// Parameters of one plugin by their ids, in the plain scale.
type Values = Vec<(u32, f64)>;

/// The plugins that have a scene's state, or are about to.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    held: BTreeMap<NodeId, Held>,
    /// What plugins were told after a state lately, and at which frame: they may still say what they were before.
    told: BTreeMap<NodeId, (u64, Values)>,
}

/// One of them. Where a state is none, that of the base is meant.
#[derive(Debug, Default)]
struct Held {
    /// The base's state, once the plugin has said it.
    base: Option<Arc<[u8]>>,
    /// What it has.
    has: Option<Arc<[u8]>>,
    /// What parameters are by that state, as long as it is a scene's.
    says: Values,
    /// What it is to have.
    wanted: Option<Arc<[u8]>>,
    /// What it is told once it has that.
    values: Values,
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

    /// Whether a value is one of such a plugin.
    pub fn is_of_held(&self, key: &Key) -> bool {
        plugin_of(key).is_some_and(|node| self.is_held(node))
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
            self.expect_all_but(node, |key| said.contains_key(key));
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
