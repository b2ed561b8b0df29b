//! Plans: what a switch to a scene does, for the renderer to have before it is asked for. A plan says the value of every key
//! that any scene says, so that it is right wherever the rig comes from. Sends nothing.

use super::setlist::{next_scene, next_song, place_of, previous_scene, previous_song};
use super::shared::plugin_of;
use super::value::{ABSENT, Key, Setting, Value};
use crate::controllers::{Phase, Plugins};
use crate::engine::Engine;
use crate::matrix::{MOST_MOVED, Overlay, gain_of};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::{Cell, Command, NodeId};
use std::collections::BTreeSet;

/// Where somebody may want to go, as a person asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'n> {
    /// A scene by its name.
    Scene(&'n str),
    /// The first scene of a song, by the song's name.
    Song(&'n str),
    NextScene,
    PreviousScene,
    NextSong,
    PreviousSong,
    /// The rig without a scene.
    Base,
}

/// Where a wish leads: a scene by its place, and its position in the setlist; no scene for the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(super) scene: Option<usize>,
    pub(super) position: Option<(usize, usize)>,
}

impl<P: Plugins> Engine<P> {
    /// Where a wish leads from here, if anywhere.
    pub(crate) fn destination(&self, wish: Wish<'_>) -> Option<Destination> {
        let way = match wish {
            Wish::Scene(name) => {
                let scene = self.rig.rest.scenes.iter().position(|scene| scene.name == name)?;
                Some((scene, self.position_of(scene)))
            }
            Wish::Song(name) => {
                let song = self.song_in_order(name)?;
                self.way(|places, _| place_of(places, song, 0))
            }
            Wish::NextScene => self.way(next_scene),
            Wish::PreviousScene => self.way(previous_scene),
            Wish::NextSong => self.way(next_song),
            Wish::PreviousSong => self.way(previous_song),
            Wish::Base => {
                return self.scenes.playing.map(|_| Destination { scene: None, position: None });
            }
        };
        way.map(|(scene, position)| Destination { scene: Some(scene), position })
    }

    /// What the renderer is to do for a switch there. None if it [cannot](Self::planned) by itself.
    pub(crate) fn plan(&self, destination: Destination) -> Option<Vec<Command>> {
        self.plan_steps(destination)?.into_iter().collect()
    }

    /// As [`Self::plan`], without what the renderer cannot do by itself; and whether that is nothing.
    pub(super) fn plan_as_far_as_possible(&self, destination: Destination) -> (Vec<Command>, bool) {
        let steps = self.plan_steps(destination).unwrap_or_default();
        let is_complete = steps.iter().all(Option::is_some);
        (steps.into_iter().flatten().collect(), is_complete)
    }

    /// A step for each value, none where the renderer cannot do it. Nothing if the scene is not prepared.
    fn plan_steps(&self, destination: Destination) -> Option<Vec<Option<Command>>> {
        let (setting, fade) = match destination.scene {
            None => (Setting::new(), None),
            Some(scene) => {
                self.scenes.resolved.get(scene).filter(|resolved| resolved.awaited.is_empty())?;
                (self.setting_of(scene, destination.position), self.rig.rest.scenes.get(scene)?.fade)
            }
        };
        let ramp = self.fade_frames(fade);
        let (live, states) = (self.live(), self.states_of(destination.scene));
        let base = if self.scenes.playing.is_some() { &self.scenes.base } else { &live };
        let value = |key: Key| {
            let absent = || matches!(key, Key::Cell(..)).then_some(Value::Cell(ABSENT));
            let plugin = plugin_of(&key).filter(|node| states.contains_key(node));
            match (setting.get(&key), plugin) {
                // What the scene's own state says.
                (None, Some(node)) => {
                    self.scenes.shared.says(node).find_map(|(said, value)| (said == key).then_some(value))
                }
                (said, _) => said.or_else(|| base.get(&key)).or_else(|| live.get(&key)).copied().or_else(absent),
            }
        };
        let ringing = self.left_to_ring(value);
        let said = |key: Key| self.scenes.said.binary_search(&key).is_ok();
        let moved = self.overlay_if_moved(self.scenes.said.iter(), value);
        let overlay = moved.as_ref().unwrap_or(&self.overlay);
        let mut plan = Vec::new();
        for &key in self.scenes.said.iter() {
            // A plugin that is given another state is told its values after that.
            if plugin_of(&key).is_some_and(|node| self.scenes.shared.is_to_change(node, states.get(&node))) {
                continue;
            }
            let Some(value) = value(key).filter(|_| !matches!(key, Key::Fader(_))) else { continue };
            plan.push(self.planned(key, value, ramp, &ringing, overlay));
        }
        let is_said = |edge, source, destination| said(Key::Cell(edge, source, destination));
        let moved = self.moved_by(|key| said(Key::Fader(key)), overlay, ramp, is_said);
        match moved.len() {
            ..=MOST_MOVED => plan.extend(moved.into_iter().map(Some)),
            _ => plan.push(None),
        }
        Some(plan)
    }

    /// By what cells are heard with faders of these values, if any of the keys is a fader: it costs a look at all groups.
    pub(super) fn overlay_if_moved<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k Key>,
        value: impl Fn(Key) -> Option<Value>,
    ) -> Option<Overlay> {
        let fader = |key| match value(Key::Fader(key)) {
            Some(Value::Fader(fader)) => Some(fader),
            _ => None,
        };
        keys.any(|key| matches!(key, Key::Fader(_))).then(|| self.overlay_with(fader))
    }

    /// The command that gives a key a value. None if the renderer cannot carry it out now: a plugin is not there yet, a
    /// crosspoint is to be made. Crosspoints are sent as this overlay lets them be heard; those that lead from what rings on
    /// close later. Faders are heard by their crosspoints only.
    pub(super) fn planned(
        &self,
        key: Key,
        value: Value,
        ramp: u32,
        ringing: &BTreeSet<NodeId>,
        overlay: &Overlay,
    ) -> Option<Command> {
        Some(match (key, value) {
            (_, Value::Tempo(tempo)) => Command::Tempo(tempo),
            (_, Value::Metre(beats, value)) => Command::Metre(beats, value),
            (Key::Bypass(node), Value::Bypassed(on)) => Command::Bypass { node, on },
            (Key::Present(node), Value::Present(on)) => Command::Present { node, on },
            (Key::Parameter(node, parameter), Value::Parameter(value)) => {
                let hears = |phase: &Phase| matches!(phase, Phase::Active | Phase::Fading);
                self.records.get(&node).is_none_or(|record| hears(&record.phase)).then_some(())?;
                let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
                Command::Event { node, event: Event { frame: 0, port: 0, body } }
            }
            (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                let known = self.graph.edge(edge)?;
                let _is_there: Cell = known.matrix()?.get(source, destination)?;
                if cell.effective() == 0.0 && ringing.contains(&known.source.node) {
                    let (source, destination) = (source as u16, destination as u16);
                    let after = self.spillover_frames();
                    return Some(Command::CloseLater { edge, source, destination, ramp, after });
                }
                gain_of(edge, source, destination, overlay.at(known, source, destination, cell), ramp)
            }
            _ => return None,
        })
    }
}
