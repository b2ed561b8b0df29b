//! What is heard, stored as a scene. Keeps what a scene says of nodes that are missing, and texts whose value has not
//! changed.

use super::edit::check_title;
use super::value::{Key, Setting, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::{
    Crosspoint, EntryKind, ParameterEntry, ParameterValue, SceneCrosspoints, SceneEntry, SceneParameter, State,
};
use crosspoint_graph::NodeId;

/// What of the rig is stored in a scene. What the scene says already is always brought up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capture {
    /// What is not as it is in the rig without a scene.
    #[default]
    Differences,
    /// That, and all of these nodes: their parameters, whether they are bypassed or away, and the crosspoints of edges to them.
    Nodes(Vec<NodeId>),
    /// Everything.
    All,
}

impl<P: Plugins> Engine<P> {
    /// Stores what is heard as the scene of that name, in the place of what it was, or as a new one. It plays from then on:
    /// a step of the history, by which the scene as it was can be had again.
    ///
    /// # Errors
    /// [`EngineError::Title`] if nothing can be called so.
    pub fn store_scene(&mut self, name: &str, capture: &Capture) -> Result<(), EngineError> {
        check_title(name)?;
        self.resolve_scenes();
        let live = self.live();
        if self.scenes.playing.is_none() {
            self.scenes.base.clone_from(&live);
        }
        let known = self.rig.rest.scenes.iter().position(|scene| scene.name == name);
        let (mut scene, said) = match known {
            Some(place) => (self.rig.rest.scenes[place].clone(), self.scenes.resolved[place].setting.clone()),
            None => (SceneEntry { name: name.to_owned(), ..SceneEntry::default() }, Setting::new()),
        };
        for (&key, &value) in &live {
            let is_chosen = match capture {
                Capture::All => true,
                Capture::Nodes(nodes) => self.node_of_key(key).is_some_and(|node| nodes.contains(&node)),
                Capture::Differences => false,
            };
            // What a state says is said; beside it only what was changed since.
            let is_state = known.is_some() && known == self.scenes.playing;
            let is_state = is_state && self.scenes.shared.is_of_held(&key);
            let before = if is_state { &self.scenes.expected } else { &self.scenes.base };
            let differs = before.get(&key).is_some_and(|before| *before != value);
            if (is_chosen || differs || said.contains_key(&key)) && said.get(&key) != Some(&value) {
                self.put(&mut scene, key, value);
            }
        }
        if known.is_none() || known != self.scenes.playing {
            self.put_states(&mut scene);
        }
        let base = std::mem::take(&mut self.scenes.base);
        let mut book = self.book();
        let place = book.set_scene(scene);
        self.change_book(book);
        self.scenes.base = base;
        self.scenes.position = self.position_of(place).or(self.scenes.position);
        self.scenes.playing = Some(place);
        self.scenes.expected = live;
        self.resolve_scenes();
        Ok(())
    }

    fn node_of_key(&self, key: Key) -> Option<NodeId> {
        match key {
            Key::Tempo | Key::Metre | Key::Fader(_) => None,
            Key::Bypass(node) | Key::Present(node) | Key::Parameter(node, _) => Some(node),
            Key::Cell(edge, ..) => self.graph.edge(edge).map(|edge| edge.destination.node),
        }
    }

    /// Lets a scene have the states of scenes that plugins have now.
    fn put_states(&self, scene: &mut SceneEntry) {
        for (node, known) in self.graph.nodes() {
            match self.scenes.shared.given(node) {
                Some(state) => drop(scene.states.insert(known.name.clone(), State::Bytes(state.clone()))),
                None => drop(scene.states.remove(&known.name)),
            }
        }
    }

    /// Lets a scene say a value.
    pub(super) fn put(&self, scene: &mut SceneEntry, key: Key, value: Value) {
        match (key, value) {
            (_, Value::Tempo(tempo)) => scene.tempo = Some(tempo),
            (_, Value::Metre(beats, value)) => scene.metre = Some((beats, value)),
            (Key::Fader(key), Value::Fader(fader)) => {
                if let Some(place) = self.faders.place(key) {
                    scene.faders.insert(place.clone(), fader);
                }
            }
            (Key::Bypass(node), Value::Bypassed(on)) => drop(scene.bypass.insert(self.name(node), on)),
            (Key::Present(node), Value::Present(on)) => drop(scene.presence.insert(self.name(node), on)),
            (Key::Parameter(node, id), Value::Parameter(value)) => self.put_parameter(scene, node, id, value),
            (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                let at = Crosspoint { source, destination, cell };
                let known = scene.crosspoints.iter().position(|known| self.edge_of(known) == Some(edge));
                let Some(known) = known else {
                    let Some(edge) = self.graph.edge(edge).map(|edge| self.edge_entry(edge)) else { return };
                    let (source, destination) = (edge.source, edge.destination);
                    scene.crosspoints.push(SceneCrosspoints { source, destination, cells: vec![at] });
                    return;
                };
                let cells = &mut scene.crosspoints[known].cells;
                cells.retain(|known| (known.source, known.destination) != (source, destination));
                cells.push(at);
            }
            _ => {}
        }
    }

    fn put_parameter(&self, scene: &mut SceneEntry, node: NodeId, id: u32, value: f64) {
        let entry = self.parameter_entry(node, id, value);
        let node = self.name(node);
        let is_same = |known: &&mut SceneParameter| {
            let parameter = &known.parameter;
            known.node == node && parameter.id.map_or(parameter.name == entry.name, |known| known == id)
        };
        match scene.parameters.iter_mut().find(is_same) {
            Some(known) => known.parameter.value = entry.value,
            None => scene.parameters.push(SceneParameter { node, parameter: entry }),
        }
    }

    /// A parameter as files name it.
    pub(crate) fn parameter_entry(&self, node: NodeId, id: u32, value: f64) -> ParameterEntry {
        let value = ParameterValue::Plain(value);
        if let Some(EntryKind::Builtin { builtin, .. }) = self.rig.entries.get(&node).map(|entry| &entry.kind) {
            let name = crate::builtin::parameters(builtin).into_iter().find(|(_, known)| *known == id);
            return ParameterEntry { id: None, name: name.map_or_else(String::new, |(name, _)| name), value };
        }
        let known = self.description(node).and_then(|known| known.parameters.iter().find(|known| known.id == id));
        ParameterEntry { id: Some(id), name: known.map_or_else(String::new, |known| known.name.clone()), value }
    }
}
