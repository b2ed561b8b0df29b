//! How a shared plugin gets from one state to another: fades to its bypass path, is given the state once nothing of it is
//! heard, is told its values, and fades back. Each step begins with an answer or a report; none waits.

use super::super::value::{Key, Value};
use super::{Stage, States, Values, plugin_of};
use crate::asking::Asked;
use crate::controllers::{Kept, Phase, PluginDescription, Plugins, Request, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crosspoint_formats::PluginError;
use crosspoint_graph::{Command, NOW, NodeId, Published};
use std::collections::BTreeSet;
use std::sync::Arc;

impl<P: Plugins> Engine<P> {
    /// Has plugins given these states, all others that of the base, and told these values once they have them: until then
    /// they have them as far as anybody sees.
    pub(in crate::scenes) fn want_states(&mut self, states: &States, values: &[(Key, Value)]) {
        let nodes: BTreeSet<NodeId> = self.scenes.shared.held.keys().chain(states.keys()).copied().collect();
        for node in nodes {
            let own = values.iter().filter_map(|told| match *told {
                (Key::Parameter(of, parameter), Value::Parameter(value)) if of == node => Some((parameter, value)),
                _ => None,
            });
            let own: Values = own.collect();
            self.note_values(node, &own);
            self.want_state(node, states.get(&node).cloned(), own);
        }
    }

    fn want_state(&mut self, node: NodeId, wanted: Option<Arc<[u8]>>, values: Values) {
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
        self.give_state((node, key), source, Kept::default(), Asked::StateOfScene(node));
        self.hear_plugins();
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
            let is_told = |key: &Key| values.iter().any(|&(parameter, _)| *key == Key::Parameter(node, parameter));
            self.expect_all_but(node, is_told);
            self.scenes.shared.told.insert(node, (self.publisher.frame(), values));
        }
    }

    /// Both at one frame, so that nothing else is heard of the plugin.
    fn fade_back(&mut self, node: NodeId, values: &[(u32, f64)]) {
        let nothing = BTreeSet::new();
        let planned = values.iter().filter_map(|&(parameter, value)| {
            self.planned(Key::Parameter(node, parameter), Value::Parameter(value), 0, &nothing, &self.overlay)
        });
        let mut commands: Vec<Command> = planned.collect();
        // One that is about to be restarted goes home by the same fade, and comes back by itself.
        let returns = self.records.get(&node).is_none_or(|record| record.phase != Phase::Fading);
        if returns {
            commands.push(Command::Withdraw { node, on: false });
        }
        let is_whole = commands.len() == values.len() + usize::from(returns);
        if is_whole && matches!(self.publisher.send_bundle(NOW, commands), Ok(Published::Sent)) {
            return self.note_values(node, values);
        }
        for &(parameter, value) in values {
            if let Err(error) = self.give_parameter(node, parameter, value) {
                tracing::warn!("{error}");
            }
        }
        if returns {
            self.withdraw(node, false);
        }
    }

    fn note_values(&mut self, node: NodeId, values: &[(u32, f64)]) {
        values.iter().for_each(|&(parameter, value)| self.note_value(node, parameter, value));
    }

    /// A plugin says what its values are. What it is about to be told, or was told just now, it may not know yet.
    pub(crate) fn heed_values(&mut self, node: NodeId, described: PluginDescription) {
        let pending = self.scenes.shared.held.get(&node).map(|held| &held.values);
        let told = self.scenes.shared.told.get(&node).map(|(_, values)| values);
        let known = self.description(node);
        // Unless somebody has set another one since.
        let stands = |told: &(u32, f64)| known.is_some_and(|known| known.value(told.0) == Some(told.1));
        let told: Values = pending.into_iter().chain(told).flatten().copied().filter(stands).collect();
        self.refresh_values(node, described);
        self.note_values(node, &told);
    }

    /// Beside what it was told, a plugin is as its state has it: nobody changed that.
    pub(super) fn expect_all_but(&mut self, node: NodeId, is_told: impl Fn(&Key) -> bool) {
        if self.scenes.playing.is_some() {
            let own = self.live().into_iter().filter(|(key, _)| plugin_of(key) == Some(node) && !is_told(key));
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
}
