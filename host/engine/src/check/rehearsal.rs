//! The rig played through its scenes, one switch after the other. Listens by `listening`, and leaves what is to be said of
//! it to `verdict`.

use super::CheckSettings;
use super::ear::{Ear, Stretch};
use super::heard::{Heard, Switch, Tally};
use super::meters::Meters;
use super::report::{CheckReport, Finding, Findings, Moment, Severity};
use super::signal::{Hand, Signal};
use super::tour::Halt;
use crate::controllers::PluginHost;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::measurement::from_decibels;
use crosspoint_graph::{Command, NOW, NodeId, NodeKind, Renderer};
use std::collections::BTreeMap;
use std::time::Instant;

/// Seconds behind a switch and its fade until all has settled: plugins glide to new values.
const SETTLING: f64 = 0.25;
/// Seconds of the rest before a sound begins: gates close.
const REST: f64 = 0.2;
/// Seconds of its beginning.
const ONSET: f64 = 0.1;
/// Seconds until tails have to be on their way down, and of each look at them from there on.
const TAIL: f64 = 1.0;
/// How many looks are taken at tails, at most.
const LOOKS: usize = 12;
/// Seconds of the rig that a scene may take to be prepared.
const PREPARATION: f64 = 10.0;

pub(super) struct Rehearsal<'e, 's> {
    pub engine: &'e mut Engine<PluginHost>,
    block: usize,
    renderer: Box<Renderer>,
    signal: Signal<'s>,
    hand: Hand,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    pub ears: Vec<Ear>,
    pub moment: Moment,
    pub findings: Findings,
    pub heard: Heard,
}

impl Engine<PluginHost> {
    /// Plays the rig through its scenes, as it is loaded, and says what was found.
    pub(super) fn rehearse(
        &mut self,
        rig: &str,
        settings: &CheckSettings,
        findings: Findings,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<CheckReport, EngineError> {
        let cell = self.cell();
        let renderer = cell.take().ok_or(EngineError::RendererBusy)?;
        self.load_tracks();
        let (halts, is_complete) = self.tour(settings.transitions);
        let mut rehearsal = Rehearsal::new(self, settings, renderer, findings, is_complete);
        let played = rehearsal.play(settings, &halts, progress);
        let Rehearsal { mut renderer, heard, findings, .. } = rehearsal;
        renderer.set_freewheel(false);
        self.release_tracks();
        cell.put(renderer).map_err(|_| EngineError::RendererBusy)?;
        self.send_command(NOW, Command::Measure(false))?;
        for node in self.graph.nodes().map(|(id, _)| id).collect::<Vec<_>>() {
            self.send_command(NOW, Command::Meter { node, on: false })?;
        }
        played?;
        Ok(self.verdict(rig, settings, findings, heard))
    }
}

impl<'e, 's> Rehearsal<'e, 's> {
    fn new(
        engine: &'e mut Engine<PluginHost>,
        settings: &'s CheckSettings,
        mut renderer: Box<Renderer>,
        findings: Findings,
        is_complete: bool,
    ) -> Self {
        renderer.set_freewheel(true);
        let (mut inputs, mut channels, mut hand) = (0, Vec::new(), Hand::default());
        for (id, node) in engine.graph().nodes() {
            match &node.kind {
                NodeKind::Input { device_channels } => {
                    inputs = device_channels.iter().flatten().fold(inputs, |most, channel| most.max(channel + 1));
                    if !node.event_outputs.is_empty() {
                        hand.keyboards.push(id);
                    }
                }
                NodeKind::Output { device_channels, .. } => {
                    channels.extend(
                        device_channels
                            .iter()
                            .enumerate()
                            .filter_map(|(at, known)| Some((known.as_ref().copied()?, (id, at)))),
                    );
                    if !node.event_inputs.is_empty() {
                        hand.outputs.push(id);
                    }
                }
                NodeKind::Processor => {}
            }
        }
        // Roles were given channels from the first on: no two share one, unless two nodes share a role.
        channels.sort_unstable();
        channels.dedup_by_key(|(channel, _)| *channel);
        let channels: Vec<(NodeId, usize)> = channels.into_iter().map(|(_, place)| place).collect();
        let scenes = engine.rig.rest.scenes.len();
        let blocks = |count: usize| vec![vec![0.0; settings.block]; count];
        let rate = f64::from(engine.settings().rate);
        let level = from_decibels(settings.level) as f32;
        Self {
            block: settings.block,
            signal: Signal { rate, level, files: &settings.signal, begins: Some(0) },
            hand,
            inputs: blocks(inputs as usize),
            outputs: blocks(channels.len()),
            ears: vec![Ear::default(); channels.len()],
            moment: Moment { from: None, scene: None, in_switch: false },
            findings,
            heard: Heard {
                base: Tally::default(),
                scenes: vec![Tally::default(); scenes],
                switches: Vec::new(),
                clips: BTreeMap::new(),
                channels,
                restless: Vec::new(),
                held: Vec::new(),
                is_complete,
                frames: 0,
                meters: Meters::new(),
                since: Instant::now(),
            },
            engine,
            renderer,
        }
    }

    fn play(
        &mut self,
        settings: &CheckSettings,
        halts: &[Halt],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), EngineError> {
        self.engine.send_command(NOW, Command::Measure(true))?;
        let processors: Vec<NodeId> = self.engine.graph().nodes().map(|(id, _)| id).collect();
        for node in processors {
            self.engine.send_command(NOW, Command::Meter { node, on: true })?;
        }
        // What is there from the start fades in.
        self.advance(self.settling(0))?;
        self.listen();
        self.settle(settings)?;
        let mut from = None;
        for (done, &(to, place)) in halts.iter().enumerate() {
            progress(done, halts.len());
            if self.switch(from, to, place)? {
                from = Some(to);
                self.settle(settings)?;
            }
        }
        progress(halts.len(), halts.len());
        self.end()
    }

    /// Frames of that many seconds, in whole blocks.
    fn frames(&self, seconds: f64) -> usize {
        ((seconds * self.signal.rate) as usize).div_ceil(self.block).max(1) * self.block
    }

    /// Frames until all has settled behind a ramp.
    fn settling(&self, ramp: u32) -> usize {
        self.frames(SETTLING + f64::from(ramp + self.engine.latency()) / self.signal.rate)
    }

    /// Listens to a scene that has settled: to how a sound begins in it after a rest, and how it goes on. Leaves a chord down.
    fn settle(&mut self, settings: &CheckSettings) -> Result<(), EngineError> {
        self.moment.in_switch = false;
        self.signal.begins = None;
        self.advance(self.frames(REST))?;
        self.listen();
        let (now, frames) = (self.renderer.frame(), self.frames(settings.settled));
        self.signal.begins = Some(now);
        // The chord that was held through the switch ends where the next begins; the pedal holds it a while longer, every
        // other time, and holds the next one through the next switch.
        self.hand.release(now);
        self.hand.press(now);
        self.hand.pedal(now + frames as u64 / 4, false);
        if self.heard.switches.len() % 2 == 1 {
            self.hand.pedal(now + frames as u64 / 2, true);
        }
        self.advance(self.frames(ONSET))?;
        let (onset, onset_load) = self.listen();
        self.advance(frames)?;
        let (mut stretches, load) = self.listen();
        let load = load.max(onset_load);
        for (stretch, onset) in stretches.iter_mut().zip(onset) {
            // It was silent before it began.
            *stretch = stretch.with(Stretch { silence: 0, ..onset });
        }
        let place = self.engine.scenes.playing_place();
        let tally = place.and_then(|place| self.heard.scenes.get_mut(place)).unwrap_or(&mut self.heard.base);
        tally.stretches.resize(stretches.len(), Stretch::default());
        for (known, new) in tally.stretches.iter_mut().zip(stretches) {
            *known = known.with(new);
        }
        (tally.load, tally.is_heard) = (tally.load.max(load), true);
        Ok(())
    }

    /// Switches to a scene and listens until it has settled. False if it never plays.
    fn switch(&mut self, from: Option<usize>, to: usize, place: Option<(usize, usize)>) -> Result<bool, EngineError> {
        let before = from.map(|from| self.engine.rig.rest.scenes[from].name.clone());
        let name = self.engine.rig.rest.scenes[to].name.clone();
        self.moment = Moment { from: before, scene: Some(name.clone()), in_switch: true };
        let (ordered, began) = (self.renderer.frame(), Instant::now());
        match place {
            Some((song, scene)) => drop(self.engine.play_song(song, scene)?),
            None => drop(self.engine.play_scene(&name)?),
        }
        let control_ms = began.elapsed().as_secs_f64() * 1000.0;
        let last = ordered + self.frames(PREPARATION) as u64;
        while self.engine.scenes.playing_place() != Some(to) {
            if self.renderer.frame() >= last {
                let waits_for = self.engine.look().scenes.scenes[to].readiness.clone();
                let seen = format!("scene \"{name}\" is never prepared: {waits_for:?}");
                let advice = "see that its plugins load, and store it anew";
                let finding = Finding::new("scene-not-prepared", Severity::Error, seen, advice);
                self.findings.add(finding.at(self.moment.clone()));
                return Ok(false);
            }
            self.advance(self.block)?;
        }
        let waited = self.renderer.frame() - ordered;
        let ramp = self.engine.fade_frames(self.engine.rig.rest.scenes[to].fade);
        self.advance(self.settling(ramp))?;
        let (stretches, load) = self.listen();
        self.heard.switches.push(Switch { from, to, stretches, load, waited, control_ms, ramp });
        Ok(true)
    }

    /// Lets everything go, and looks at what sounds on.
    fn end(&mut self) -> Result<(), EngineError> {
        let now = self.renderer.frame();
        self.moment.in_switch = false;
        self.hand.release(now);
        self.hand.pedal(now, false);
        self.signal.begins = None;
        self.advance(self.frames(TAIL) + self.engine.latency() as usize / self.block * self.block)?;
        self.heard.meters.take_levels();
        let mut before = BTreeMap::new();
        for _ in 0..LOOKS {
            self.advance(self.frames(TAIL))?;
            let levels = self.heard.meters.take_levels();
            let was = |node: &NodeId| before.get(node).copied().unwrap_or(0.0_f32);
            // Above -60 dBFS, and no softer than a second ago by 1 dB.
            let sounds_on = levels.iter().filter(|&(node, &peak)| peak > 1e-3 && peak > 0.89 * was(node));
            self.heard.restless = sounds_on.map(|(&node, _)| node).collect();
            if levels.values().all(|peak| *peak < 1e-3) {
                break;
            }
            before = levels;
        }
        self.heard.held = self.hand.held();
        Ok(())
    }

    /// Renders so many frames, block by block.
    fn advance(&mut self, frames: usize) -> Result<(), EngineError> {
        for _ in 0..frames.div_ceil(self.block) {
            let frame = self.renderer.frame();
            self.hand.block_start = frame;
            for (channel, samples) in self.inputs.iter_mut().enumerate() {
                self.signal.fill(channel, frame, samples);
            }
            let inputs: Vec<&[f32]> = self.inputs.iter().map(Vec::as_slice).collect();
            let mut outputs: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
            self.renderer.render_with_events(&inputs, &mut outputs, self.block, &mut self.hand);
            self.ears.iter_mut().zip(&self.outputs).for_each(|(ear, samples)| ear.hear(samples));
            self.heard.frames += self.block as u64;
            for notice in self.engine.poll() {
                self.note(&notice);
            }
            std::iter::from_fn(|| self.engine.next_load()).for_each(|load| self.heard.meters.load(load));
            std::iter::from_fn(|| self.engine.next_level()).for_each(|level| self.heard.meters.level(level));
        }
        Ok(())
    }
}
