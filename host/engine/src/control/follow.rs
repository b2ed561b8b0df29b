//! The engine and the audio thread keep each other informed: the engine takes note of what messages have set and does what
//! only it can do; the audio thread hears of what others have set. Never waits.
//!
//! Both may set one value at the same moment. The engine counts the values that it tells; what the audio thread reports of
//! an older one came before it, and the engine's value is sent once more.

use super::compiled::Compiled;
use super::line::{Report, Update};
use super::mappings::Known;
use super::target::TargetKey;
use crate::controllers::{Phase, Plugins};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::matrix::FaderKey;
use crate::notice::Notice;
use crate::session::Fader;
use crate::transport::TapSource;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Cell, Command, EdgeId, NOW, NodeId, Published};
use std::sync::Arc;

impl<P: Plugins> Engine<P> {
    /// Takes note of what messages have done since the last call. Before anything else sets values.
    pub(crate) fn hear_control(&mut self) {
        self.tell_values();
        let was_republished = std::mem::take(&mut self.control.republished);
        self.control.republished_before = was_republished;
        while let Ok(report) = self.control.line.reports.pop() {
            match report {
                Report::Value { key, value, generation } => {
                    let Some(known) = self.control.known.get_mut(&key) else { continue };
                    let is_fresh = known.generation == generation;
                    if is_fresh {
                        known.value = value;
                        if let Err(error) = self.follow(key, value) {
                            tracing::warn!("{error}");
                        }
                    }
                    // A graph that was sent before this was known may have taken a gain back.
                    let is_cell = matches!(key, TargetKey::Gain(..) | TargetKey::Mute(..));
                    if !is_fresh || is_cell && (was_republished || self.control.republished) {
                        self.insist(key);
                    }
                }
                Report::Done { key, frame, plan } => {
                    // A graph that crossed with it has taken its gains back: all is sent once more then.
                    let led = plan.filter(|_| self.is_there_by(key, plan));
                    // The renderer may have told already that the beat was there.
                    let awaited = led.filter(|&plan| {
                        let is_over = |(done, at): (u16, u64)| done == plan && at >= frame;
                        self.waits_for_beat(plan) && !self.scenes.carried_out.is_some_and(is_over)
                    });
                    self.scenes.is_heard = led.is_some() && awaited.is_none() && !was_republished;
                    self.scenes.called_by = awaited;
                    if let Err(error) = self.do_deed(key, frame) {
                        tracing::warn!("{error}");
                    }
                    if let Some(plan) = led.filter(|_| awaited.is_none()) {
                        self.correct_cells(plan, frame);
                    }
                    (self.scenes.is_heard, self.scenes.called_by) = (false, None);
                }
                Report::Heard { role, message, frame } => {
                    if let Some(learning) = &mut self.control.learning {
                        learning.heard.hear(role, message, frame);
                    }
                }
            }
        }
        if std::mem::take(&mut self.control.faders_moved)
            && let Err(error) = self.publish_overlay()
        {
            tracing::warn!("{error}");
        }
        self.learn_if_clear();
    }

    /// Tells the audio thread of mappings, names and values that are others than before.
    pub(crate) fn tell_control(&mut self) {
        let is_learning = self.control.learning.is_some();
        if self.rig.rest.mappings.is_empty() && !is_learning && self.control.compiled.is_empty() {
            return self.control.draft = Default::default();
        }
        self.make_plans();
        let (draft, panic) = (self.draft_mappings(), self.panicking());
        let ramp = self.publisher.settings().fade;
        let before = &self.control.compiled;
        let is_same = (draft.bindings == self.control.draft.bindings && draft.targets == self.control.draft.targets)
            && (before.learning, before.ramp, &*before.panic) == (is_learning, ramp, &*panic);
        if draft != self.control.draft {
            self.snapshot.outdate();
        }
        if !is_same {
            let mut compiled = Compiled::new(draft.bindings.clone(), draft.targets.clone());
            (compiled.learning, compiled.panic, compiled.ramp) = (is_learning, panic.into(), ramp);
            self.control.compiled = Arc::new(compiled);
        }
        self.control.draft = draft;
        self.keep_crosspoints();
        self.tell_values();
        let values =
            self.control.compiled.targets.iter().filter_map(|target| self.control.known.get(&target.key).copied());
        let values = values.collect();
        self.midi.use_mappings(&self.control.compiled, values);
    }

    /// Keeps the crosspoints that messages may move in the schedule.
    fn keep_crosspoints(&mut self) {
        let edge = |key: TargetKey| match key {
            TargetKey::Gain(edge, ..) | TargetKey::Mute(edge, ..) => Some(edge),
            _ => None,
        };
        let mut edges: Vec<EdgeId> =
            self.control.compiled.targets.iter().filter_map(|target| edge(target.key)).collect();
        edges.dedup();
        if self.control.kept.as_ref() == Some(&edges) || edges.is_empty() && self.control.kept.is_none() {
            return;
        }
        match self.publisher.keep_adjustable(&edges) {
            Ok(Published::Sent) => self.control.kept = Some(edges),
            Ok(Published::Waiting) => self.control.kept = None,
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Tells the audio thread which values are others than it knows.
    fn tell_values(&mut self) {
        let compiled = Arc::clone(&self.control.compiled);
        for target in &compiled.targets {
            let value = self.control_value(target.key);
            let known = self.control.known.entry(target.key).or_insert(Known { value, generation: 1 });
            if known.value != value {
                let generation = known.generation.wrapping_add(1);
                if self.control.line.updates.push(Update { key: target.key, value, generation }).is_ok() {
                    *known = Known { value, generation };
                }
            }
        }
    }

    /// What the engine knows a target to have. For what is only done: whether it is so.
    pub(super) fn control_value(&self, key: TargetKey) -> f64 {
        let switch = |on: bool| f64::from(u8::from(on));
        match key {
            TargetKey::Parameter(node, id) => {
                if let Some(description) = self.records.get(&node).and_then(|record| record.description.as_ref()) {
                    return description.value(id).unwrap_or_default();
                }
                self.rig.value(node, id).unwrap_or_default()
            }
            TargetKey::Gain(edge, source, destination) => {
                self.crosspoint(edge, source, destination).map_or(0.0, |cell| f64::from(cell.gain))
            }
            TargetKey::Mute(edge, source, destination) => {
                switch(self.crosspoint(edge, source, destination).is_some_and(|cell| cell.mute))
            }
            TargetKey::Bypass(node) => switch(self.is_bypassed(node)),
            TargetKey::Present(node) => switch(self.is_present(node)),
            TargetKey::FaderGain(key) => self.fader(key).unwrap_or_default().gain.into(),
            TargetKey::FaderMute(key) => switch(self.fader(key).unwrap_or_default().muted),
            TargetKey::Playing => switch(self.transport.is_playing()),
            TargetKey::Looping => switch(self.transport.is_looping()),
            TargetKey::Recording => switch(self.transport.is_recording()),
            TargetKey::Tempo => self.rig.tempo,
            TargetKey::MasterMute => switch(self.muted),
            TargetKey::Scene(number) => switch(self.playing_scene() == self.control.name_of(number)),
            TargetKey::Song(number) => switch(self.playing_song() == self.control.name_of(number)),
            _ => 0.0,
        }
    }

    /// Takes note of where a message has moved a fader. It is heard once all messages of the poll are known: a fader is of many
    /// cells, which no single command moves.
    fn follow_fader(&mut self, key: FaderKey, change: impl FnOnce(&mut Fader)) {
        if let Some(fader) = self.fader_mut(key) {
            change(fader);
            self.control.faders_moved = true;
        }
    }

    pub(super) fn crosspoint(&self, edge: EdgeId, source: u16, destination: u16) -> Option<Cell> {
        self.graph.edge(edge)?.matrix()?.get(source.into(), destination.into())
    }

    /// Takes note of a value that has been heard already.
    fn follow(&mut self, key: TargetKey, value: f64) -> Result<(), EngineError> {
        self.snapshot.outdate();
        let on = value >= 0.5;
        match key {
            TargetKey::Parameter(node, id) => self.note_parameter(node, id, value)?,
            TargetKey::Gain(edge, source, destination) | TargetKey::Mute(edge, source, destination) => {
                let Some(cell) = self.crosspoint(edge, source, destination) else { return Ok(()) };
                let cell = match key {
                    TargetKey::Gain(..) => Cell { gain: value as f32, ..cell },
                    _ => Cell { mute: on, ..cell },
                };
                let (source, destination) = (source.into(), destination.into());
                self.graph.apply(vec![Edit::SetCell { edge, source, destination, cell: Some(cell) }])?;
                self.snapshot.outdate_graph();
            }
            TargetKey::Bypass(node) => self.follow_bypassed(node, on)?,
            TargetKey::Present(node) => self.note_present(node, on),
            TargetKey::FaderGain(fader) => self.follow_fader(fader, |fader| fader.gain = value as f32),
            TargetKey::FaderMute(fader) => self.follow_fader(fader, |fader| fader.muted = on),
            TargetKey::Playing => self.transport.note(&Command::Play(on)),
            TargetKey::Looping => self.transport.note(&Command::Loop(self.transport.region().filter(|_| on))),
            TargetKey::Recording => self.transport.note(&Command::Record(on)),
            TargetKey::Tempo => self.rig.note_command(&Command::Tempo(value)),
            TargetKey::MasterMute => self.muted = on,
            _ => {}
        }
        Ok(())
    }

    /// Takes note of a parameter that the renderer has set.
    pub(crate) fn note_parameter(&mut self, node: NodeId, id: u32, value: f64) -> Result<(), EngineError> {
        if let Some(record) = self.records.get_mut(&node) {
            if !matches!(record.phase, Phase::Active | Phase::Fading) {
                // It was told while it could hear nothing.
                return self.give_parameter(node, id, value);
            }
            if let Some(description) = &mut record.description {
                description.note_value(id, value);
            }
        }
        self.rig.note_parameter(node, id, value);
        self.follow_own_switch(node, id, value);
        Ok(())
    }

    /// Sends a value as the engine knows it, whatever the audio thread has made of it.
    fn insist(&mut self, key: TargetKey) {
        let value = self.control_value(key);
        let on = value >= 0.5;
        let sent = match key {
            TargetKey::Parameter(node, id) => self.give_parameter(node, id, value),
            TargetKey::Gain(edge, source, destination) | TargetKey::Mute(edge, source, destination) => {
                let ramp = self.publisher.settings().fade;
                let place = (source.into(), destination.into());
                match self.crosspoint(edge, source, destination) {
                    Some(cell) => self.send_cell(edge, place, cell, ramp),
                    None => Ok(()),
                }
            }
            TargetKey::Bypass(node) => self.bypass(node, on),
            TargetKey::Present(node) => self.give_present(node, on),
            TargetKey::Playing => self.send_command(NOW, Command::Play(on)),
            TargetKey::Looping => self.send_command(NOW, Command::Loop(self.transport.region().filter(|_| on))),
            TargetKey::Recording => self.send_command(NOW, Command::Record(on)),
            TargetKey::Tempo => self.send_command(NOW, Command::Tempo(value)),
            TargetKey::MasterMute => self.send_command(NOW, Command::MasterMute(on)),
            _ => Ok(()),
        };
        if let Err(error) = sent {
            tracing::warn!("{error}");
        }
        if let Some(known) = self.control.known.get_mut(&key) {
            let generation = known.generation.wrapping_add(1);
            if self.control.line.updates.push(Update { key, value, generation }).is_ok() {
                *known = Known { value, generation };
            }
        }
    }

    /// Does what only the engine can do.
    fn do_deed(&mut self, key: TargetKey, frame: u64) -> Result<(), EngineError> {
        match key {
            TargetKey::ToStart => self.transport.note(&Command::Locate(0)),
            TargetKey::Panic => self.notices.push(Notice::Panic),
            TargetKey::TapTempo => {
                // To the frame: as exact as the message's time.
                let seconds = frame as f64 / f64::from(self.settings.rate);
                self.tap(TapSource::Midi, seconds)?;
            }
            TargetKey::Scene(number) => {
                if let Some(scene) = self.control.name_of(number).map(str::to_owned) {
                    self.play_scene(&scene)?;
                }
            }
            TargetKey::Song(number) => {
                if let Some(song) = self.control.name_of(number).and_then(|name| self.song_in_order(name)) {
                    self.play_song(song, 0)?;
                }
            }
            TargetKey::NextScene => drop(self.next_scene()?),
            TargetKey::PreviousScene => drop(self.previous_scene()?),
            TargetKey::LeaveScene => self.leave_scene()?,
            TargetKey::NextSong => drop(self.next_song()?),
            TargetKey::PreviousSong => drop(self.previous_song()?),
            _ => {}
        }
        Ok(())
    }
}
