//! From the names of a scene to the nodes, parameters and edges of the graph as it is. What cannot be found is told and
//! passed over; what a plugin has to say first is asked for.

use super::moments;
use super::shared::States;
use super::value::{Key, Setting, Value};
use crate::asking::Asked;
use crate::builtin;
use crate::controllers::{Phase, Plugins, Request};
use crate::engine::Engine;
use crate::session::{
    EndpointEntry, EntryKind, MappingEntry, ParameterEntry, ParameterValue, SceneCrosspoints, SceneEntry, State,
};
use crosspoint_graph::{EdgeId, NodeId, Signal};
use std::collections::HashMap;
use std::sync::Arc;

/// What a text means as a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub node: NodeId,
    /// Its id or name.
    pub parameter: String,
    pub text: String,
}

/// What a scene means for the graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    pub setting: Setting,
    pub states: States,
    /// What of it cannot be had.
    pub missing: Vec<String>,
    /// What it waits for.
    pub awaited: Vec<String>,
    questions: Vec<Question>,
}

impl<P: Plugins> Engine<P> {
    /// Finds anew what the scenes mean, and asks plugins for what only they know.
    pub(crate) fn resolve_scenes(&mut self) {
        self.follow_names();
        self.note_faders();
        let nodes = self.nodes_by_name();
        let resolved: Vec<Resolved> = self.rig.rest.scenes.iter().map(|scene| self.resolve(scene, &nodes)).collect();
        let mut questions: Vec<Question> = resolved.iter().flat_map(|scene| scene.questions.clone()).collect();
        questions.retain(|question| self.scenes.texts.insert(question.clone(), None).is_none());
        self.scenes.resolved = resolved;
        self.scenes.stale = false;
        for question in questions {
            let Ok(key) = self.key(question.node) else { continue };
            let Question { parameter, text, .. } = question.clone();
            let ticket = self.ticket(Asked::SceneText(question));
            self.ask(Request::Parse { ticket, key, parameter, text });
        }
        // Answered already, where plugins live on this thread.
        if self.scenes.stale {
            let resolved = self.rig.rest.scenes.iter().map(|scene| self.resolve(scene, &nodes)).collect();
            self.scenes.resolved = resolved;
            self.scenes.stale = false;
        }
        self.scenes.said = self.find_said();
    }

    /// The keys that any scene says. Asked for with each switch and for each plan, so found once.
    fn find_said(&self) -> Arc<[Key]> {
        let mut said: Vec<Key> = if self.scenes_say_timing() { vec![Key::Tempo, Key::Metre] } else { Vec::new() };
        let keys = self.scenes.resolved.iter().flat_map(|scene| scene.setting.keys().copied());
        said.extend(keys.filter(|key| !matches!(key, Key::Tempo | Key::Metre)));
        said.sort_unstable();
        said.dedup();
        said.into()
    }

    fn scenes_say_timing(&self) -> bool {
        let scenes = self.rig.rest.scenes.iter().any(|scene| scene.tempo.is_some() || scene.metre.is_some());
        scenes || self.rig.rest.songs.iter().any(|song| song.tempo.is_some() || song.metre.is_some())
    }

    pub(crate) fn nodes_by_name(&self) -> HashMap<String, NodeId> {
        let mut nodes = HashMap::new();
        for (id, node) in self.graph.nodes() {
            nodes.entry(node.name.clone()).or_insert(id);
        }
        nodes
    }

    pub(super) fn resolve(&self, scene: &SceneEntry, nodes: &HashMap<String, NodeId>) -> Resolved {
        let mut resolved = Resolved::default();
        let Resolved { setting, states, missing, awaited, questions } = &mut resolved;
        setting.extend(scene.tempo.map(|tempo| (Key::Tempo, Value::Tempo(tempo))));
        setting.extend(scene.metre.map(|(beats, value)| (Key::Metre, Value::Metre(beats, value))));
        for (place, &fader) in &scene.faders {
            match self.fader_key(place) {
                Some(key) => drop(setting.insert(Key::Fader(key), Value::Fader(fader))),
                None => missing.push(format!("there is no {place}")),
            }
        }
        for (name, &on) in &scene.bypass {
            match nodes.get(name).filter(|&&node| self.can_be_bypassed(node)) {
                Some(&node) => drop(setting.insert(Key::Bypass(node), Value::Bypassed(on))),
                None => missing.push(format!("there is no plugin \"{name}\" to bypass")),
            }
        }
        for (name, &on) in &scene.presence {
            let Some(&node) = nodes.get(name).filter(|&&node| self.can_be_away(node)) else {
                missing.push(format!("there is no plugin \"{name}\" that could be there or away"));
                continue;
            };
            if on && self.records.get(&node).is_some_and(|record| record.is_awaited()) {
                awaited.push(format!("\"{name}\" is being loaded"));
            }
            setting.insert(Key::Present(node), Value::Present(on));
        }
        for (name, state) in &scene.states {
            let record = nodes.get(name).and_then(|node| Some((*node, self.records.get(node)?)));
            match (record, state) {
                (None, _) => missing.push(format!("there is no plugin \"{name}\" to have a state")),
                (_, State::Unavailable { file }) => {
                    missing.push(format!("\"{name}\": its state `{file}` is not there"))
                }
                (Some((_, record)), _) if record.description.is_none() => match &record.phase {
                    Phase::Failed { reason } => missing.push(format!("\"{name}\": its plugin is missing: {reason}")),
                    _ => awaited.push(format!("\"{name}\" is being loaded")),
                },
                (Some((node, _)), State::Bytes(bytes)) => drop(states.insert(node, bytes.clone())),
            }
        }
        for known in &scene.parameters {
            let Some(&node) = nodes.get(&known.node) else {
                missing.push(format!("there is no node \"{}\"", known.node));
                continue;
            };
            match self.parameter_value(node, &known.parameter) {
                Meaning::Known(id, value) => drop(setting.insert(Key::Parameter(node, id), Value::Parameter(value))),
                Meaning::Asked(question) => {
                    awaited.push(format!("\"{}\" is asked what \"{}\" means", known.node, question.text));
                    questions.push(question);
                }
                Meaning::Loading => awaited.push(format!("\"{}\" is being loaded", known.node)),
                Meaning::None(reason) => missing.push(format!("\"{}\": {reason}", known.node)),
            }
        }
        for known in &scene.crosspoints {
            let (from, to) = (&known.source.node, &known.destination.node);
            let Some((edge, sources, destinations)) = self.edge_between(&known.source, &known.destination, nodes)
            else {
                missing.push(format!("there is no edge {from} -> {to}"));
                continue;
            };
            for at in &known.cells {
                if at.source < sources && at.destination < destinations {
                    setting.insert(Key::Cell(edge, at.source, at.destination), Value::Cell(at.cell));
                } else {
                    let (source, destination) = (at.source + 1, at.destination + 1);
                    missing.push(format!("{from} -> {to} has no crosspoint {source}>{destination}"));
                }
            }
        }
        awaited.sort_unstable();
        awaited.dedup();
        resolved
    }

    /// Which parameter is meant, and what its value is.
    fn parameter_value(&self, node: NodeId, entry: &ParameterEntry) -> Meaning {
        let Some(record) = self.records.get(&node) else {
            let known = self.rig.entries.get(&node).map(|entry| &entry.kind);
            return match known {
                Some(EntryKind::Builtin { builtin, .. }) => match builtin::value(builtin, entry) {
                    Some((id, value)) if builtin::parameters(builtin).iter().any(|known| known.1 == id) => {
                        Meaning::Known(id, value)
                    }
                    _ => Meaning::None(format!("parameter \"{}\" is unknown, or its value makes no sense", entry.name)),
                },
                _ => Meaning::None("it has no parameters, or its plugin is missing".to_owned()),
            };
        };
        let Some(description) = &record.description else {
            return match &record.phase {
                Phase::Failed { reason } => Meaning::None(format!("its plugin is missing: {reason}")),
                _ => Meaning::Loading,
            };
        };
        let is_meant = |known: &&crosspoint_formats::Parameter| match entry.id {
            Some(id) => known.id == id,
            None => known.name == entry.name,
        };
        let Some(known) = description.parameters.iter().find(is_meant) else {
            return Meaning::None(match entry.id {
                Some(id) => format!("it has no parameter {id}"),
                None => format!("it has no parameter \"{}\"", entry.name),
            });
        };
        match &entry.value {
            ParameterValue::Plain(value) => Meaning::Known(known.id, value.clamp(known.minimum, known.maximum)),
            ParameterValue::Text(text) => {
                let question = Question { node, parameter: known.id.to_string(), text: text.clone() };
                match self.scenes.texts.get(&question) {
                    Some(Some(Ok(value))) => Meaning::Known(known.id, *value),
                    Some(Some(Err(reason))) => Meaning::None(reason.clone()),
                    Some(None) | None => Meaning::Asked(question),
                }
            }
        }
    }

    /// The first edge between those ports, with the number of its sources and destinations.
    pub(crate) fn edge_between(
        &self,
        from: &EndpointEntry,
        to: &EndpointEntry,
        nodes: &HashMap<String, NodeId>,
    ) -> Option<(EdgeId, u32, u32)> {
        let (source, destination) = (*nodes.get(&from.node)?, *nodes.get(&to.node)?);
        let resolve = |end: &EndpointEntry, ports: &[crosspoint_graph::AudioPort]| {
            end.port.resolve(ports.iter().map(|port| port.name.as_str()))
        };
        let from = resolve(from, &self.graph.node(source)?.audio_outputs)?;
        let to = resolve(to, &self.graph.node(destination)?.audio_inputs)?;
        self.graph.edges().find_map(|(id, edge)| {
            let Signal::Audio { matrix } = &edge.signal else { return None };
            let is_meant = (edge.source.node, edge.source.port) == (source, from)
                && (edge.destination.node, edge.destination.port) == (destination, to);
            is_meant.then(|| (id, matrix.sources(), matrix.destinations()))
        })
    }

    /// The edge that a scene's crosspoints are of.
    pub(super) fn edge_of(&self, known: &SceneCrosspoints) -> Option<EdgeId> {
        self.edge_between(&known.source, &known.destination, &self.nodes_by_name()).map(|(edge, ..)| edge)
    }

    /// A node that was renamed is called so in the scenes, mappings and groups too.
    pub(crate) fn follow_names(&mut self) {
        for (id, node) in self.graph.nodes() {
            if self.scenes.names.get(&id) == Some(&node.name) {
                continue;
            }
            let Some(before) = self.scenes.names.insert(id, node.name.clone()) else { continue };
            self.rig.rest.scenes.iter_mut().for_each(|scene| scene.rename_node(&before, &node.name));
            moments::rename_node(&mut self.rig.rest.moments, &before, &node.name);
            let mappings = self.rig.rest.mappings.iter_mut().flat_map(MappingEntry::node_names);
            mappings.filter(|name| **name == before).for_each(|name| name.clone_from(&node.name));
            let others = crate::matrix::node_names(&mut self.rig.rest);
            others.filter(|name| **name == before).for_each(|name| name.clone_from(&node.name));
        }
    }
}

/// What an entry for a parameter means.
enum Meaning {
    /// Its id and value.
    Known(u32, f64),
    Asked(Question),
    Loading,
    /// Nothing, for this reason.
    None(String),
}
