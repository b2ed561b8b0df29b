//! From one scene to another: every value that differs, all at one frame. Never touches what is the same.

use super::shared::{States, plugin_of};
use super::value::{ABSENT, Key, Setting, Value};
use super::{Scenes, Wanted};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::matrix::MOST_MOVED;
use crate::notice::Notice;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Command, NOW, NodeId, Published, SceneStart};
use std::sync::Arc;

impl<P: Plugins> Engine<P> {
    /// Plays a scene: at once if it is prepared, else as soon as that is so, which [`Notice::ScenePlays`] tells. Whether
    /// it plays now. Of scenes that are asked for in the meantime the last one counts. A scene that
    /// [starts](crate::session::SceneEntry::start) with the beat or bar plays at the frame of the next one, at once if the
    /// playhead stands, and never in this call.
    ///
    /// # Errors
    /// [`EngineError::UnknownScene`], or if the renderer takes nothing.
    pub fn play_scene(&mut self, scene: &str) -> Result<bool, EngineError> {
        let scene = self.scene_place(scene)?;
        let position = self.position_of(scene);
        self.want_scene(scene, position, None)
    }

    /// As [`Self::play_scene`], but with another start than the scene says.
    ///
    /// # Errors
    /// As there.
    pub fn play_scene_at(&mut self, scene: &str, start: SceneStart) -> Result<bool, EngineError> {
        let scene = self.scene_place(scene)?;
        let position = self.position_of(scene);
        self.want_scene(scene, position, Some(start))
    }

    /// Leaves the scene that plays: the rig's base plays.
    ///
    /// # Errors
    /// If the renderer takes nothing.
    pub fn leave_scene(&mut self) -> Result<(), EngineError> {
        self.snapshot.outdate();
        self.scenes.wanted = None;
        if self.scenes.playing.is_none() {
            self.call_off()?;
            return Ok(());
        }
        self.resolve_scenes();
        let leaving = self.leaving();
        self.switch_to(&Setting::new(), &States::new(), None)?;
        self.keep_unstored(leaving);
        let names = std::mem::take(&mut self.scenes.names);
        let texts = std::mem::take(&mut self.scenes.texts);
        let shared = std::mem::take(&mut self.scenes.shared);
        self.scenes = Scenes { stale: true, names, texts, shared, ..Scenes::default() };
        Ok(())
    }

    pub(crate) fn scene_place(&self, name: &str) -> Result<usize, EngineError> {
        let scenes = &self.rig.rest.scenes;
        scenes.iter().position(|scene| scene.name == name).ok_or_else(|| EngineError::UnknownScene {
            name: name.to_owned(),
            known: scenes.iter().map(|scene| scene.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn want_scene(
        &mut self,
        scene: usize,
        position: Option<(usize, usize)>,
        start: Option<SceneStart>,
    ) -> Result<bool, EngineError> {
        self.scenes.wanted = Some(Wanted { scene, position, start, is_told: false });
        self.snapshot.outdate();
        self.resolve_scenes();
        self.play_if_prepared()
    }

    /// Plays the scene that was asked for, once it is prepared.
    pub(crate) fn play_wanted_scene(&mut self) {
        self.call_off_unwanted();
        if self.scenes.wanted.is_some() {
            self.resolve_scenes();
            if let Err(error) = self.play_if_prepared() {
                tracing::warn!("{error}");
            }
        }
    }

    fn play_if_prepared(&mut self) -> Result<bool, EngineError> {
        let Some(wanted) = self.scenes.wanted.clone() else { return Ok(false) };
        let Some(entry) = self.rig.rest.scenes.get(wanted.scene) else {
            self.scenes.wanted = None;
            self.snapshot.outdate();
            return Ok(false);
        };
        let name = entry.name.clone();
        let resolved = &self.scenes.resolved[wanted.scene];
        if !resolved.awaited.is_empty() {
            if !wanted.is_told {
                self.notices.push(Notice::SceneNotPrepared { scene: name, waits_for: resolved.awaited.clone() });
                self.scenes.wanted = Some(Wanted { is_told: true, ..wanted });
            }
            // What the renderer waits for was asked for before.
            self.call_off()?;
            return Ok(false);
        }
        let start = self.start_of(&wanted);
        if start != SceneStart::Now && !self.scenes.is_heard {
            self.await_start(&wanted, start)?;
            return Ok(false);
        }
        self.switch_to_scene(wanted.scene, wanted.position)?;
        self.scenes.wanted = None;
        Ok(true)
    }

    /// Plays a scene that is prepared, or takes note that it plays.
    pub(super) fn switch_to_scene(
        &mut self,
        scene: usize,
        position: Option<(usize, usize)>,
    ) -> Result<(), EngineError> {
        let Some(entry) = self.rig.rest.scenes.get(scene) else { return Ok(()) };
        let (name, fade) = (entry.name.clone(), entry.fade);
        let setting = self.setting_of(scene, position);
        let leaving = self.leaving();
        self.switch_to(&setting, &self.states_of(Some(scene)), fade)?;
        self.keep_unstored(leaving);
        self.scenes.playing = Some(scene);
        self.scenes.position = position.or(self.scenes.position);
        self.scenes.expected = self.live();
        self.tell_missing_states(scene);
        self.notices.push(Notice::ScenePlays { scene: name });
        self.snapshot.outdate();
        Ok(())
    }

    /// What a scene says, and its song where it says nothing.
    pub(super) fn setting_of(&self, scene: usize, position: Option<(usize, usize)>) -> Setting {
        let mut setting = self.scenes.resolved[scene].setting.clone();
        if let Some(song) = position.and_then(|(song, _)| self.songs_in_order().get(song).copied()) {
            let song = &self.rig.rest.songs[song];
            let tempo = song.tempo.map(Value::Tempo);
            let metre = song.metre.map(|(beats, value)| Value::Metre(beats, value));
            for (key, value) in
                tempo.map(|tempo| (Key::Tempo, tempo)).into_iter().chain(metre.map(|metre| (Key::Metre, metre)))
            {
                setting.entry(key).or_insert(value);
            }
        }
        setting
    }

    /// The base where scenes say something, to be given to [`Self::follow_book`] once they say something else.
    pub(crate) fn said_of_base(&self) -> Vec<(Key, Value)> {
        self.scenes.said_of_base().collect()
    }

    /// Scenes say something else now: what plays follows. What no scene says any more has its value of the base.
    pub(crate) fn follow_book(&mut self, said_before: Vec<(Key, Value)>) -> Result<(), EngineError> {
        self.resolve_scenes();
        let (said, live) = (Arc::clone(&self.scenes.said), self.live());
        let shared = &self.scenes.shared;
        let is_lost = |(key, value): &(Key, Value)| {
            plugin_of(key).is_none_or(|node| shared.given(node).is_none())
                && said.binary_search(key).is_err()
                && live.get(key).is_some_and(|now| now != value)
        };
        let lost: Vec<(Key, Value)> = said_before.into_iter().filter(is_lost).collect();
        if !lost.is_empty() {
            self.carry_out(&lost, None)?;
        }
        let Some(scene) = self.scenes.playing else { return Ok(()) };
        let position = self.scenes.position;
        self.want_scene(scene, position, Some(SceneStart::Now)).map(|_| ())
    }

    /// Whether a node is there while no scene plays.
    pub(crate) fn is_present_in_base(&self, node: NodeId) -> bool {
        let base = self.scenes.playing.and_then(|_| self.scenes.base.get(&Key::Present(node)));
        match base {
            Some(Value::Present(on)) => *on,
            _ => self.is_present(node),
        }
    }

    /// Gives every key that any scene says its value of this setting or, if it has none, of the base; and plugins these
    /// states or that of the base.
    fn switch_to(&mut self, setting: &Setting, states: &States, fade: Option<f64>) -> Result<(), EngineError> {
        self.autosave.rest(fade);
        // A scene that the renderer waited for may have begun to play: then nothing is surely as it was.
        let is_sure = if self.scenes.is_heard { self.forget_start() } else { !self.call_off()? };
        let live = self.live();
        let said = Arc::clone(&self.scenes.said);
        let is_said = |key: &Key| said.binary_search(key).is_ok();
        let base = &mut self.scenes.base;
        if self.scenes.playing.is_none() {
            base.clear();
        }
        // What no scene says is the rig's, edits included; but not what a scene's state says.
        let shared = &self.scenes.shared;
        base.retain(|key, _| is_said(key) || shared.is_of_held(key));
        for (&key, &value) in &live {
            base.entry(key).or_insert(value);
        }
        let (mut changes, mut later) = (Vec::new(), Vec::new());
        for &key in said.iter() {
            let absent = || matches!(key, Key::Cell(..)).then_some(Value::Cell(ABSENT));
            let now = live.get(&key).copied().or_else(absent);
            let rig = base.get(&key).copied().or(now);
            if let Some(value) = rig {
                base.entry(key).or_insert(value);
            }
            let plugin = plugin_of(&key);
            // What the scene's own state says comes with that.
            let rig = rig.filter(|_| !plugin.is_some_and(|node| states.contains_key(&node)));
            let Some(value) = setting.get(&key).copied().or(rig) else { continue };
            // One that was to be given another state has other values than it seems.
            let is_sure = is_sure && !plugin.is_some_and(|node| shared.is_under_way(node));
            if plugin.is_some_and(|node| shared.is_to_change(node, states.get(&node))) {
                later.push((key, value));
            } else if !is_sure || Some(value) != now {
                changes.push((key, value));
            }
        }
        // Plugins that have this state already, but perhaps not its values any more.
        for (&node, _) in states.iter().filter(|(node, state)| !shared.is_to_change(**node, Some(state))) {
            let is_other = |(key, value): &(Key, Value)| {
                !setting.contains_key(key) && live.get(key).is_some_and(|now| now != value || shared.is_under_way(node))
            };
            changes.extend(shared.says(node).filter(is_other));
        }
        if self.scenes.is_heard {
            self.note_changes(&changes)?;
            // A plan may be from before the plugin's state was what it is now.
            changes.retain(|(key, _)| self.scenes.shared.is_of_held(key));
        }
        if !self.scenes.is_heard || !changes.is_empty() {
            self.carry_out(&changes, fade)?;
        }
        self.want_states(states, &later);
        Ok(())
    }

    /// Takes note of changes that the renderer has made.
    fn note_changes(&mut self, changes: &[(Key, Value)]) -> Result<(), EngineError> {
        self.set_cells_of(changes)?;
        if self.set_faders_of(changes) {
            // Faders that messages have moved as well, and what rings on of what is gone, are in no plan: all is sent once more.
            self.unpublished |= self.scenes.is_heard && (self.control.faders_moved || self.parking.is_in_use());
            self.follow_overlay();
            // What messages set meanwhile is sent once more.
            self.control.republished = true;
        }
        for &(key, value) in changes {
            match (key, value) {
                (_, Value::Tempo(tempo)) => self.rig.note_command(&Command::Tempo(tempo)),
                (_, Value::Metre(beats, value)) => self.rig.note_command(&Command::Metre(beats, value)),
                (Key::Bypass(node), Value::Bypassed(on)) => self.follow_bypassed(node, on)?,
                (Key::Present(node), Value::Present(on)) => self.note_present(node, on),
                (Key::Parameter(node, id), Value::Parameter(value)) => self.note_parameter(node, id, value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn set_cells_of(&mut self, changes: &[(Key, Value)]) -> Result<(), EngineError> {
        let edits = changes.iter().filter_map(|&(key, value)| match (key, value) {
            (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                Some(Edit::SetCell { edge, source, destination, cell: Some(cell) })
            }
            _ => None,
        });
        let edits: Vec<Edit> = edits.collect();
        if !edits.is_empty() {
            self.graph.apply(edits)?;
            self.snapshot.outdate_graph();
        }
        Ok(())
    }

    /// Says whether there are any.
    fn set_faders_of(&mut self, changes: &[(Key, Value)]) -> bool {
        let mut any = false;
        for &(key, value) in changes {
            if let (Key::Fader(key), Value::Fader(moved)) = (key, value)
                && let Some(fader) = self.fader_mut(key)
            {
                *fader = moved;
                any = true;
            }
        }
        any
    }

    /// Frames of the ramps of a scene's crosspoints: none for a hard switch.
    pub(crate) fn fade_frames(&self, fade: Option<f64>) -> u32 {
        fade.map_or(self.publisher.settings().fade, |seconds| (seconds * f64::from(self.settings.rate)).round() as u32)
    }

    /// Makes changes, all at the next frame that is rendered. What the renderer cannot do by itself follows: a crosspoint that
    /// is to be made comes with the graph, a plugin that is not there is told once it is.
    pub(super) fn carry_out(&mut self, changes: &[(Key, Value)], fade: Option<f64>) -> Result<(), EngineError> {
        if self.unpublished {
            self.publish()?;
        }
        let ramp = self.fade_frames(fade);
        let values: Setting = changes.iter().copied().collect();
        let ringing = self.left_to_ring(|key| values.get(&key).copied());
        let moved = self.overlay_if_moved(values.keys(), |key| values.get(&key).copied());
        let moves = moved.is_some();
        let overlay = moved.as_ref().unwrap_or(&self.overlay);
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        let is_meant = |key| values.contains_key(&Key::Fader(key));
        let is_said = |edge, source, destination| values.contains_key(&Key::Cell(edge, source, destination));
        let mut commands = self.moved_by(is_meant, overlay, ramp, is_said);
        let too_many = commands.len() > MOST_MOVED;
        if too_many {
            // They go with a schedule.
            commands.clear();
        }
        for &(key, value) in changes {
            if matches!(key, Key::Fader(_)) {
                together.push((key, value));
                continue;
            }
            match self.planned(key, value, ramp, &ringing, overlay) {
                Some(command) => {
                    commands.push(command);
                    together.push((key, value));
                }
                None => alone.push((key, value)),
            }
        }
        match self.publisher.send_bundle(NOW, commands)? {
            Published::Sent => self.note_changes(&together)?,
            // Too much is under way: they go one by one.
            Published::Waiting => alone.append(&mut together),
        }
        self.snapshot.outdate();
        self.set_cells_of(&alone)?;
        if too_many || moves && self.parking.is_in_use() {
            self.set_faders_of(&alone);
            self.publish()?;
        } else if self.set_faders_of(&alone) {
            self.publish_overlay()?;
        }
        for (key, value) in alone {
            match (key, value) {
                (_, Value::Tempo(tempo)) => self.send_command(NOW, Command::Tempo(tempo))?,
                (_, Value::Metre(beats, value)) => self.send_command(NOW, Command::Metre(beats, value))?,
                (Key::Bypass(node), Value::Bypassed(on)) => self.bypass(node, on)?,
                (Key::Present(node), Value::Present(on)) => self.give_present(node, on)?,
                (Key::Parameter(node, id), Value::Parameter(value)) => self.give_parameter(node, id, value)?,
                (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                    self.send_cell(edge, (source, destination), cell, ramp)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
