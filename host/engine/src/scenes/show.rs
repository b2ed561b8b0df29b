//! Scenes and songs as a snapshot shows them, and the base as the rig file has it.

use super::value::{Key, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::session::{Crosspoints, Document, EntryKind, FaderPlace, ParameterEntry, SignalEntry};
use crosspoint_graph::SceneStart;

/// The scenes and songs of a rig at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ScenesSnapshot {
    /// The scenes in their order.
    pub scenes: Vec<SceneSnapshot>,
    /// Which of them plays; none while the rig plays as it is.
    pub playing: Option<usize>,
    /// Which of them was asked for and does not play yet.
    pub awaited: Option<usize>,
    /// What it waits for once it is prepared: [`SceneStart::Now`] for nothing else.
    pub awaited_start: SceneStart,
    /// Whether anything was changed since the scene that plays was switched to or stored.
    pub is_modified: bool,
    /// The songs in the order of the setlist.
    pub songs: Vec<SongSnapshot>,
    /// The place in the setlist: which song, and which of its scenes.
    pub position: Option<(usize, usize)>,
}

/// One scene.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SceneSnapshot {
    /// Its name.
    pub name: String,
    /// What the user wants to remember.
    pub note: String,
    /// When it takes over from what plays, unless asked for otherwise.
    pub start: SceneStart,
    /// Whether it can be played at once.
    pub readiness: Readiness,
    /// The nodes whose plugins [have a whole state](Engine::share_state) in it.
    pub states: Vec<String>,
    /// What of it cannot be had, and is passed over.
    pub missing: Vec<String>,
}

/// Whether a scene can be played at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// It can.
    Prepared,
    /// It waits for these.
    Preparing(Vec<String>),
}

/// One song of the setlist.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SongSnapshot {
    /// Its name.
    pub name: String,
    /// What the user wants to remember.
    pub note: String,
    /// Its scenes, by their places among all.
    pub scenes: Vec<usize>,
}

impl<P: Plugins> Engine<P> {
    pub(crate) fn shown_scenes(&self) -> ScenesSnapshot {
        let rest = &self.rig.rest;
        let scenes = rest.scenes.iter().zip(&self.scenes.resolved).map(|(scene, resolved)| SceneSnapshot {
            name: scene.name.clone(),
            note: scene.note.clone(),
            start: scene.start,
            readiness: match resolved.awaited.is_empty() {
                true => Readiness::Prepared,
                false => Readiness::Preparing(resolved.awaited.clone()),
            },
            states: scene.states.keys().cloned().collect(),
            missing: resolved.missing.clone(),
        });
        let songs = self.songs_in_order().into_iter().map(|song| SongSnapshot {
            name: rest.songs[song].name.clone(),
            note: rest.songs[song].note.clone(),
            scenes: self.scenes_of(song),
        });
        ScenesSnapshot {
            scenes: scenes.collect(),
            playing: self.scenes.playing,
            awaited: self.scenes.wanted.as_ref().map(|wanted| wanted.scene),
            awaited_start: self.scenes.wanted.as_ref().map(|wanted| self.start_of(wanted)).unwrap_or_default(),
            is_modified: self.scenes.playing.is_some() && self.is_modified(),
            songs: songs.collect(),
            position: self.scenes.position,
        }
    }

    fn is_modified(&self) -> bool {
        let live = self.live();
        self.scenes.expected.iter().any(|(key, value)| live.get(key).is_some_and(|now| now != value))
    }

    /// Lets a document say the base where the scene that plays says something else.
    pub(crate) fn put_base(&mut self, document: &mut Document) {
        self.resolve_scenes();
        document.scenes.clone_from(&self.rig.rest.scenes);
        let live = self.live();
        self.put_base_states(document);
        let is_other = |key: &Key, value: &Value| live.get(key) != Some(value) || self.scenes.shared.is_of_held(key);
        let base = self.scenes.said_of_base().filter(|(key, value)| is_other(key, value));
        for (key, value) in base.collect::<Vec<_>>() {
            match (key, value) {
                (_, Value::Tempo(tempo)) => document.tempo = tempo,
                (_, Value::Metre(beats, value)) => document.metre = (beats, value),
                (Key::Fader(key), Value::Fader(fader)) => match self.faders.place(key) {
                    Some(FaderPlace::Group(name)) => {
                        let groups = document.groups.iter_mut().filter(|group| group.name == *name);
                        groups.for_each(|group| group.fader = fader);
                    }
                    Some(FaderPlace::Mix(name)) => {
                        let mixes = document.mixes.iter_mut().filter(|mix| mix.name == *name);
                        mixes.for_each(|mix| mix.fader = fader);
                    }
                    None => {}
                },
                (Key::Bypass(node), Value::Bypassed(on)) => {
                    let name = self.name(node);
                    let entry = document.nodes.iter_mut().find(|entry| entry.name == name);
                    if let Some(entry) = entry {
                        entry.bypassed = on;
                    }
                }
                (Key::Present(node), Value::Present(on)) => {
                    let name = self.name(node);
                    let entry = document.nodes.iter_mut().find(|entry| entry.name == name);
                    if let Some(entry) = entry {
                        entry.present = on;
                    }
                }
                (Key::Parameter(node, id), Value::Parameter(value)) => {
                    let (name, parameter) = (self.name(node), self.parameter_entry(node, id, value));
                    let entry = document.nodes.iter_mut().find(|entry| entry.name == name);
                    match entry.map(|entry| &mut entry.kind) {
                        Some(EntryKind::Plugin(plugin)) => put_parameter(&mut plugin.parameters, parameter),
                        Some(EntryKind::Builtin { parameters, .. }) => put_parameter(parameters, parameter),
                        _ => {}
                    }
                }
                (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                    let place = self.graph.edges().position(|(id, _)| id == edge);
                    let channels = self.graph.edge(edge).and_then(|edge| edge.matrix());
                    let channels = channels.map(|matrix| (matrix.sources(), matrix.destinations()));
                    let Some((place, (sources, destinations))) = place.zip(channels) else { continue };
                    if let SignalEntry::Audio(crosspoints) = &mut document.edges[place].signal {
                        let (mut matrix, _) = crosspoints.matrix(sources, destinations);
                        // It is one of the edge's own.
                        let _ = matrix.set(source, destination, Some(cell));
                        *crosspoints = Crosspoints::of(&matrix);
                    }
                }
                _ => {}
            }
        }
    }
}

fn put_parameter(parameters: &mut Vec<ParameterEntry>, parameter: ParameterEntry) {
    let is_same = |known: &ParameterEntry| match known.id.zip(parameter.id) {
        Some((known, id)) => known == id,
        None => known.name == parameter.name,
    };
    match parameters.iter_mut().find(|known| is_same(known)) {
        Some(known) => known.value = parameter.value,
        None => parameters.push(parameter),
    }
}
