//! What the eye follows: meters and the tuner. Left in a place of its own, cheap to read thirty times a second; the
//! snapshot does not change with it.

mod meter;

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::loudness::Loudness;
use crate::tuner::TunerReading;
use crosspoint_graph::{Command, NOW, NodeId};
use meter::ChannelMeter;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

pub use meter::ChannelLevel;

/// Levels at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Levels {
    /// The channels of each node that is [metered](Engine::meter).
    pub nodes: BTreeMap<NodeId, Vec<ChannelLevel>>,
    /// What the [tuner](Engine::tune) hears, if it is on and has heard enough.
    pub tuner: Option<TunerReading>,
    /// The loudness of each node for which it is [measured](Engine::measure_loudness).
    pub loudness: BTreeMap<NodeId, Loudness>,
}

/// Where levels are left.
pub(crate) type LevelsCell = Arc<Mutex<Arc<Levels>>>;

/// What was left last.
pub(crate) fn read(cell: &LevelsCell) -> Arc<Levels> {
    cell.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The control half of all meters.
pub(crate) struct Meters {
    /// The nodes that somebody wants to be metered.
    wanted: BTreeSet<NodeId>,
    /// Those of them that the renderer was told of and still has.
    told: BTreeSet<NodeId>,
    channels: BTreeMap<NodeId, Vec<ChannelMeter>>,
    tuner: Option<TunerReading>,
    loudness: BTreeMap<NodeId, Loudness>,
    changed: bool,
    cell: LevelsCell,
}

impl Meters {
    pub fn new(cell: LevelsCell) -> Self {
        let (wanted, told) = (BTreeSet::new(), BTreeSet::new());
        let (channels, loudness) = (BTreeMap::new(), BTreeMap::new());
        Self { wanted, told, channels, tuner: None, loudness, changed: false, cell }
    }

    /// Runs something while this thread holds the place where levels are left.
    pub fn with_lock_held(&self, during: &mut dyn FnMut()) {
        let _held = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        during();
    }

    pub fn show_tuner(&mut self, reading: Option<TunerReading>) {
        self.changed |= self.tuner != reading;
        self.tuner = reading;
    }

    pub fn show_loudness(&mut self, node: NodeId, reading: Option<Loudness>) {
        match reading {
            Some(reading) => self.loudness.insert(node, reading),
            None => self.loudness.remove(&node),
        };
        self.changed = true;
    }

    fn show(&mut self) {
        if std::mem::take(&mut self.changed) {
            let shown = |(&node, meters): (&NodeId, &Vec<ChannelMeter>)| {
                (node, meters.iter().map(ChannelMeter::shown).collect::<Vec<_>>())
            };
            let levels = Levels {
                nodes: self.channels.iter().map(shown).collect(),
                tuner: self.tuner,
                loudness: self.loudness.clone(),
            };
            *self.cell.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(levels);
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Meters all outputs of a node, or no longer: of an input what comes in, of an output what the device plays. A node
    /// that undo brings back is metered again. See [`Self::levels`].
    ///
    /// # Errors
    /// If there is no such node, or nothing takes commands.
    pub fn meter(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        if on {
            self.node(node)?;
            self.levels.wanted.insert(node);
            return Ok(());
        }
        self.levels.wanted.remove(&node);
        self.levels.changed |= self.levels.channels.remove(&node).is_some();
        if self.levels.told.remove(&node) && self.graph.node(node).is_some() {
            self.send_command(NOW, Command::Meter { node, on })?;
        }
        Ok(())
    }

    /// Forgets held peaks and clips of all meters.
    pub fn reset_meters(&mut self) {
        self.levels.channels.values_mut().flatten().for_each(ChannelMeter::reset);
        self.levels.changed = true;
    }

    /// The levels as of the last poll.
    pub fn levels(&self) -> Arc<Levels> {
        read(&self.levels.cell)
    }

    /// Takes in what the renderer has measured, and tells it of nodes that it does not meter yet.
    pub(crate) fn hear_levels(&mut self) -> Result<(), EngineError> {
        if !self.unpublished {
            self.levels.told.retain(|&node| self.graph.node(node).is_some());
            let there = self.levels.wanted.iter().filter(|&&node| self.graph.node(node).is_some());
            let untold: Vec<NodeId> = there.filter(|node| !self.levels.told.contains(node)).copied().collect();
            for node in untold {
                self.send_command(NOW, Command::Meter { node, on: true })?;
                self.levels.told.insert(node);
            }
        }
        if !self.levels.wanted.is_empty() {
            let rate = f64::from(self.settings.rate);
            let before = self.levels.channels.len();
            self.levels.channels.retain(|&node, _| self.graph.node(node).is_some());
            self.levels.changed |= self.levels.channels.len() != before;
            while let Some(level) = self.publisher.level() {
                if self.levels.told.contains(&level.node) {
                    let meters = self.levels.channels.entry(level.node).or_default();
                    let channel = usize::from(level.channel);
                    if meters.len() <= channel {
                        meters.resize(channel + 1, ChannelMeter::default());
                    }
                    meters[channel].take(&level, rate);
                    self.levels.changed = true;
                }
            }
        }
        self.levels.show();
        Ok(())
    }

    /// A fresh renderer knows nothing of meters.
    pub(crate) fn meter_anew(&mut self) {
        self.levels.told.clear();
        self.levels.channels.clear();
        self.levels.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use crate::offline::Job;
    use crate::session::Builtin;
    use crate::{Action, Engine, EngineSettings};
    use crosspoint_graph::{ChannelLayout, ListenTo, NodeId, nodes};

    /// ```text
    /// in (sine of 1) ──► gain 0.5 ──► out
    /// ```
    fn rig() -> (Engine, [NodeId; 3]) {
        let mut engine = Engine::new(EngineSettings::default());
        let input = engine.add_input("in", "in", &[Some(0)]).unwrap();
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        let output = engine.add_output("out", "out", &[Some(0)]).unwrap();
        engine.connect(input, gain).unwrap();
        engine.connect(gain, output).unwrap();
        engine.set_parameter(gain, nodes::gain::GAIN, 0.5).unwrap();
        (engine, [input, gain, output])
    }

    fn play(engine: &mut Engine, frequency: f64, rate: u32) {
        let sine = |frame: u32| (std::f64::consts::TAU * frequency * f64::from(frame) / f64::from(rate)).sin() as f32;
        let inputs = [(0..rate).map(sine).collect()];
        let (block, frames) = (64, rate as usize);
        let job = Job { inputs: &inputs, outputs: 1, frames, block, compensate: false, events: &[], events_into: None };
        engine.render(&job, |_| true).unwrap();
        engine.poll();
    }

    /// What comes in, what a node makes of it, what is played; also once the renderer is another and the node was gone.
    #[test]
    fn inputs_nodes_and_outputs_are_metered() {
        let (mut engine, nodes) = rig();
        let handle = engine.handle();
        for node in nodes {
            let answer = handle.send(Action::Meter { node, on: true });
            engine.poll();
            answer.try_take().unwrap().unwrap();
        }
        for rate in [48_000, 96_000] {
            engine.rebuild(EngineSettings { rate, ..*engine.settings() }).unwrap();
            engine.poll();
            play(&mut engine, 1000.0, rate);
            let levels = handle.levels();
            for (node, peak) in nodes.into_iter().zip([1.0, 0.5, 0.5]) {
                let [level] = levels.nodes[&node][..] else { panic!("{levels:?}") };
                assert!((level.peak - peak).abs() < 0.02 && level.held >= level.peak, "{level:?}");
                assert!((level.rms / peak - 0.5f32.sqrt()).abs() < 0.02, "{level:?}");
                assert_eq!(level.clips > 0, peak == 1.0);
            }
        }
        let revision = engine.look().revision;
        play(&mut engine, 1000.0, 96_000);
        assert_eq!(engine.look().revision, revision, "levels are no reason for a snapshot");
        engine.reset_meters();
        engine.poll();
        assert_eq!(handle.levels().nodes[&nodes[0]][0].clips, 0);
        engine.apply(vec![crosspoint_graph::graph::Edit::RemoveNode { id: nodes[1] }]).unwrap();
        play(&mut engine, 1000.0, 96_000);
        assert!(!handle.levels().nodes.contains_key(&nodes[1]));
        engine.undo().unwrap();
        engine.poll();
        play(&mut engine, 1000.0, 96_000);
        assert!(handle.levels().nodes[&nodes[1]][0].peak > 0.4);
        for node in nodes {
            engine.meter(node, false).unwrap();
        }
        engine.poll();
        assert!(handle.levels().nodes.is_empty());
    }

    /// What is heard is silent, what plays is not: also with a fresh renderer, until it is released.
    #[test]
    fn a_muted_output_shows_what_is_heard() {
        let (mut engine, nodes) = rig();
        for node in nodes {
            engine.meter(node, true).unwrap();
        }
        engine.set_muted(true).unwrap();
        for rate in [48_000, 96_000] {
            engine.rebuild(EngineSettings { rate, ..*engine.settings() }).unwrap();
            engine.poll();
            play(&mut engine, 1000.0, rate);
            let levels = engine.levels();
            assert!(levels.nodes[&nodes[1]][0].peak > 0.4 && levels.nodes[&nodes[2]][0].peak == 0.0, "{levels:?}");
            assert!(engine.look().muted);
        }
        engine.set_muted(false).unwrap();
        play(&mut engine, 1000.0, 96_000);
        assert!(engine.levels().nodes[&nodes[2]][0].peak > 0.4 && !engine.look().muted);
    }

    /// The string that is played, by the reference that is set; silence has no note.
    #[test]
    fn the_tuner_reads_what_is_played() {
        let (mut engine, nodes) = rig();
        engine.tune(Some(ListenTo { node: nodes[0], channel: 0 })).unwrap();
        let read = |engine: &mut Engine, frequency: f64| {
            play(engine, frequency, 48_000);
            let end = engine.publisher.frame();
            loop {
                let reading = engine.levels().tuner;
                // There is one every 20 ms, so that the last one may be so much older, and all of it of what is played now.
                if let Some(reading) = reading.filter(|reading| reading.frame + 960 > end) {
                    return reading;
                }
                std::thread::yield_now();
                engine.poll();
            }
        };
        let reading = read(&mut engine, 110.0);
        let note = reading.note.unwrap();
        assert!(note.name() == "A2" && note.cents.abs() < 0.1, "{note:?}");
        assert!((reading.level + 3.01).abs() < 0.1, "{reading:?}");
        engine.set_tuner_reference(442.0).unwrap();
        let note = read(&mut engine, 110.0).note.unwrap();
        assert!((note.cents + 7.85).abs() < 0.1, "{note:?}");
        assert_eq!(read(&mut engine, 0.0).note, None);
        assert!(engine.set_tuner_reference(44.0).is_err());
        engine.tune(None).unwrap();
        engine.poll();
        assert_eq!(engine.levels().tuner, None);
    }
}
