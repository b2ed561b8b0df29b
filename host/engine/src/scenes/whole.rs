//! Going to values of the whole rig at one frame, with what plays: a moment that is gone back to, and what undoes that. What
//! is not there any more is passed over; what was not there yet stays as it is.

use super::shared::plugin_of;
use super::value::{ABSENT, Key, Setting, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::EdgeId;
use std::collections::BTreeSet;

/// All values of the rig, and what plays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    setting: Setting,
    standing: Standing,
}

/// Which scene plays, and what that is measured by: as [`Scenes`](super::Scenes) has it.
#[derive(Clone, Debug, Default)]
struct Standing {
    playing: Option<usize>,
    position: Option<(usize, usize)>,
    base: Setting,
    expected: Setting,
}

impl<P: Plugins> Engine<P> {
    /// Goes to values, those of a scene that plays from then on or of the rig without one. Gives what leads back.
    ///
    /// # Errors
    /// If the renderer takes nothing.
    pub(super) fn go_to_setting(&mut self, setting: Setting, scene: Option<usize>) -> Result<Whole, EngineError> {
        self.resolve_scenes();
        let standing = match scene {
            None => Standing { position: self.scenes.position, ..Standing::default() },
            Some(scene) => {
                let position = self.position_of(scene).or(self.scenes.position);
                let base = match self.scenes.playing {
                    Some(_) => self.scenes.base.clone(),
                    None => self.live(),
                };
                // What the scene says, or the rig where it says nothing. Of all else nobody can say what it would be.
                let mut expected = setting.clone();
                let says = self.setting_of(scene, position);
                let states = self.states_of(Some(scene));
                for &key in self.scenes.said.iter() {
                    let has_state = plugin_of(&key).is_some_and(|node| states.contains_key(&node));
                    if has_state && !says.contains_key(&key) {
                        continue;
                    }
                    if let Some(&value) = says.get(&key).or_else(|| base.get(&key)) {
                        expected.insert(key, value);
                    }
                }
                Standing { playing: Some(scene), position, base, expected }
            }
        };
        self.go_to(Whole { setting, standing })
    }

    /// Goes to values and to what played with them. Gives what leads back.
    ///
    /// # Errors
    /// If the renderer takes nothing.
    pub(crate) fn go_to(&mut self, whole: Whole) -> Result<Whole, EngineError> {
        self.autosave.rest(None);
        self.scenes.wanted = None;
        // A scene that the renderer waited for may have begun to play: then nothing is surely as it was.
        let is_sure = !self.call_off()?;
        let live = self.live();
        let mut changes = self.changes_to(&whole.setting, &live, is_sure);
        let (states, shared) = (self.states_of(whole.standing.playing), &self.scenes.shared);
        let is_of = |key: &Key| plugin_of(key).is_some_and(|node| shared.is_held(node) || states.contains_key(&node));
        let waits = |key: &Key| plugin_of(key).is_some_and(|node| shared.is_to_change(node, states.get(&node)));
        changes.retain(|(key, _)| !is_of(key));
        let values = whole.setting.iter().filter(|(key, _)| is_of(key)).map(|(&key, &value)| (key, value));
        let (later, now): (Vec<_>, Vec<_>) = values.partition(|(key, _)| waits(key));
        changes.extend(now);
        self.carry_out(&changes, None)?;
        self.want_states(&states, &later);
        let scenes = &mut self.scenes;
        let standing = Standing {
            playing: std::mem::replace(&mut scenes.playing, whole.standing.playing),
            position: std::mem::replace(&mut scenes.position, whole.standing.position),
            base: std::mem::replace(&mut scenes.base, whole.standing.base),
            expected: std::mem::replace(&mut scenes.expected, whole.standing.expected),
        };
        scenes.stale = true;
        self.snapshot.outdate();
        Ok(Whole { setting: live, standing })
    }

    /// What is to be changed for values that are now `live`. Crosspoints of edges that the values know, and that they do
    /// not have, were not there.
    fn changes_to(&self, setting: &Setting, live: &Setting, is_sure: bool) -> Vec<(Key, Value)> {
        let edge = |key: &Key| match key {
            Key::Cell(edge, ..) => Some(*edge),
            _ => None,
        };
        let edges: BTreeSet<EdgeId> = setting.keys().filter_map(edge).collect();
        let is_there = |key: &Key| match *key {
            Key::Cell(edge, source, destination) => {
                let matrix = self.graph.edge(edge).and_then(|known| known.matrix());
                matrix.is_some_and(|matrix| source < matrix.sources() && destination < matrix.destinations())
            }
            _ => live.contains_key(key),
        };
        let said = setting.iter().filter(|(key, _)| is_there(key)).map(|(&key, &value)| (key, value));
        let unsaid = live.keys().filter(|key| edge(key).is_some_and(|edge| edges.contains(&edge)));
        let unsaid = unsaid.filter(|key| !setting.contains_key(key)).map(|&key| (key, Value::Cell(ABSENT)));
        let now = |key: &Key| live.get(key).copied().or_else(|| edge(key).map(|_| Value::Cell(ABSENT)));
        said.chain(unsaid).filter(|(key, value)| !is_sure || now(key) != Some(*value)).collect()
    }
}
