//! How long the rig and each of its nodes take for a block, as the renderer times them. Sums and sorts on the control half;
//! while it is off, nobody reads a clock.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::tick_rate::TickRate;
use crosspoint_graph::{Command, Load, NOW, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds of the rig that one [`LoadSnapshot`] is about.
const WINDOW: f64 = 0.5;

/// The load over the last half second of the rig.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoadSnapshot {
    /// Nanoseconds that a block lasts, on average: what there is time for.
    pub period_ns: u64,
    /// All that the renderer did in a block.
    pub whole: LoadStatistics,
    /// What each node took of it. Nodes that were not there for the whole time have fewer blocks.
    pub nodes: BTreeMap<NodeId, LoadStatistics>,
    /// The longest of all windows, up to and with this one.
    pub worst: WorstLoad,
}

/// The longest times for a block since measuring began, the renderer was made anew or they were
/// [reset](Engine::reset_worst_load): a window forgets a rare peak, this does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorstLoad {
    /// Of all that the renderer did in a block, in nanoseconds.
    pub whole_ns: u64,
    /// Of each node that the rig has, in nanoseconds; also of those that were not called in this window.
    pub nodes_ns: BTreeMap<NodeId, u64>,
}

impl WorstLoad {
    /// Takes a window in.
    fn take(&mut self, whole: &LoadStatistics, nodes: &BTreeMap<NodeId, LoadStatistics>) {
        self.whole_ns = self.whole_ns.max(whole.max_ns);
        for (&node, statistics) in nodes {
            let worst = self.nodes_ns.entry(node).or_default();
            *worst = statistics.max_ns.max(*worst);
        }
    }
}

/// How long something took, over many blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadStatistics {
    /// Blocks that were timed.
    pub blocks: u32,
    /// The shortest time for a block, in nanoseconds.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: u64,
    /// What 99 blocks of 100 did not exceed.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl LoadSnapshot {
    /// A time as a share of the period: 1 is all that there is.
    pub fn share(&self, nanoseconds: u64) -> f64 {
        nanoseconds as f64 / self.period_ns.max(1) as f64
    }
}

impl LoadStatistics {
    fn of(ticks: &mut [u64], tick_ns: f64) -> Self {
        ticks.sort_unstable();
        let nanoseconds = |ticks: u64| (ticks as f64 * tick_ns) as u64;
        let (Some(&min), Some(&max)) = (ticks.first(), ticks.last()) else { return Self::default() };
        let rank = (ticks.len() * 99).div_ceil(100) - 1;
        Self {
            blocks: ticks.len() as u32,
            min_ns: nanoseconds(min),
            mean_ns: nanoseconds(ticks.iter().sum::<u64>() / ticks.len() as u64),
            p99_ns: nanoseconds(ticks[rank]),
            max_ns: nanoseconds(max),
        }
    }
}

/// Gathers what the renderer measures until a window is full.
pub(crate) struct LoadMeter {
    tick_rate: TickRate,
    /// Frames, and the ticks of each block, of the window at hand.
    frames: u64,
    whole: Vec<u64>,
    nodes: BTreeMap<NodeId, NodeTimes>,
    snapshot: Option<Arc<LoadSnapshot>>,
    worst: WorstLoad,
    /// Whether a block was timed from its start: the one in which timing began was not.
    begun: bool,
}

#[derive(Default)]
struct NodeTimes {
    blocks: Vec<u64>,
    /// Of the block at hand, which may be rendered in several chunks; none if it was not called yet.
    at_hand: Option<u64>,
}

impl LoadMeter {
    fn new() -> Self {
        let (whole, nodes, worst) = (Vec::new(), BTreeMap::new(), WorstLoad::default());
        Self { tick_rate: TickRate::new(), frames: 0, whole, nodes, snapshot: None, worst, begun: false }
    }

    /// Takes a measurement in; says whether that fills the window.
    fn take(&mut self, load: Load, rate: u32) -> bool {
        match load.node {
            Some(node) => {
                let times = self.nodes.entry(node).or_default();
                times.at_hand = Some(times.at_hand.unwrap_or(0) + load.ticks);
                false
            }
            None => {
                if !std::mem::replace(&mut self.begun, true) {
                    self.nodes.clear();
                    return false;
                }
                // The nodes of a block come before it.
                for times in self.nodes.values_mut() {
                    times.blocks.extend(times.at_hand.take());
                }
                if load.frames > 0 {
                    self.whole.push(load.ticks);
                    self.frames += u64::from(load.frames);
                }
                self.frames as f64 >= WINDOW * f64::from(rate)
            }
        }
    }

    /// Ends the window.
    fn finish(&mut self, rate: u32, tick_ns: f64) {
        let blocks = self.whole.len().max(1) as f64;
        let whole = LoadStatistics::of(&mut self.whole, tick_ns);
        let nodes = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(|(node, mut times)| (node, LoadStatistics::of(&mut times.blocks, tick_ns)))
            .collect();
        self.worst.take(&whole, &nodes);
        self.snapshot = Some(Arc::new(LoadSnapshot {
            period_ns: (self.frames as f64 / blocks / f64::from(rate) * 1e9) as u64,
            whole,
            nodes,
            worst: self.worst.clone(),
        }));
        self.whole.clear();
        self.frames = 0;
    }

    /// Forgets the worst, in what is shown too.
    fn reset_worst(&mut self) {
        self.worst = WorstLoad::default();
        if let Some(shown) = &mut self.snapshot {
            Arc::make_mut(shown).worst = WorstLoad::default();
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Shows the load in [`Snapshot::load`](crate::Snapshot::load) from now on, or no longer. Meanwhile
    /// [`Self::next_load`] has nothing to give. While it is off it costs nothing.
    ///
    /// # Errors
    /// If the renderer takes no commands.
    pub fn measure_load(&mut self, on: bool) -> Result<(), EngineError> {
        if on != self.load.is_some() {
            self.send_command(NOW, Command::Measure(on))?;
            self.load = on.then(LoadMeter::new);
            self.snapshot.outdate();
        }
        Ok(())
    }

    /// Begins [`LoadSnapshot::worst`] anew. What is still in the window at hand counts towards the next. Does nothing
    /// while the load is not measured.
    pub fn reset_worst_load(&mut self) {
        if let Some(meter) = &mut self.load {
            meter.reset_worst();
            self.snapshot.outdate();
        }
    }

    /// Takes in what the renderer has measured.
    pub(crate) fn hear_load(&mut self) {
        let Some(meter) = &mut self.load else { return };
        let rate = self.settings.rate;
        while let Some(load) = self.publisher.load() {
            if meter.take(load, rate) {
                meter.worst.nodes_ns.retain(|&node, _| self.graph.node(node).is_some());
                meter.finish(rate, meter.tick_rate.tick_seconds() * 1e9);
                self.snapshot.outdate();
            }
        }
    }

    /// Begins anew with a fresh renderer.
    pub(crate) fn measure_anew(&mut self) -> Result<(), EngineError> {
        if self.load.is_some() {
            self.load = Some(LoadMeter::new());
            self.send_command(NOW, Command::Measure(true))?;
        }
        Ok(())
    }

    /// The load as it is to be shown.
    pub(crate) fn shown_load(&self) -> Option<Arc<LoadSnapshot>> {
        self.load.as_ref()?.snapshot.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::Job;
    use crate::session::Builtin;
    use crate::settings::EngineSettings;
    use crosspoint_graph::ChannelLayout;

    fn load(node: Option<NodeId>, ticks: u64, frames: u32) -> Load {
        Load { node, ticks, frames }
    }

    /// ```text
    /// block 1    node 3 + 4 ticks in two chunks    whole 10
    /// blocks 2 to 200                  10 each     whole 20 each, the last one 1000
    /// ```
    #[test]
    fn chunks_are_added_up_to_blocks_and_blocks_sorted() {
        let mut graph = crosspoint_graph::Graph::new();
        let node = crosspoint_graph::Node::processor("node");
        let node = graph.apply(vec![crosspoint_graph::graph::Edit::AddNode { id: None, node }]).unwrap().nodes[0];
        let mut meter = LoadMeter::new();
        // What came before the first whole block.
        meter.take(load(Some(node), 99, 5), 4000);
        meter.take(load(None, 100, 10), 4000);
        for chunk in [3, 4] {
            assert!(!meter.take(load(Some(node), chunk, 5), 4000));
        }
        assert!(!meter.take(load(None, 10, 10), 4000));
        for block in 2..=200 {
            meter.take(load(Some(node), 10, 10), 4000);
            let is_full = meter.take(load(None, if block == 200 { 1000 } else { 20 }, 10), 4000);
            assert_eq!(is_full, block == 200, "{block}");
        }
        meter.finish(4000, 2.0);
        let shown = meter.snapshot.clone().unwrap();
        assert_eq!(shown.period_ns, 2_500_000);
        let whole = LoadStatistics { blocks: 200, min_ns: 20, mean_ns: 48, p99_ns: 40, max_ns: 2000 };
        assert_eq!(shown.whole, whole);
        let expected = LoadStatistics { blocks: 200, min_ns: 14, mean_ns: 18, p99_ns: 20, max_ns: 20 };
        assert_eq!(shown.nodes[&node], expected);
        assert_eq!(shown.share(1_250_000), 0.5);
        // The next window knows nothing of the last.
        meter.take(load(None, 7, 2000), 4000);
        meter.finish(4000, 1.0);
        let shown = meter.snapshot.clone().unwrap();
        assert!(shown.nodes.is_empty());
        assert_eq!((shown.whole.blocks, shown.whole.max_ns), (1, 7));
        // The worst stays, until it is reset; from there on the next window counts.
        assert_eq!(shown.worst, WorstLoad { whole_ns: 2000, nodes_ns: BTreeMap::from([(node, 20)]) });
        meter.reset_worst();
        assert_eq!(meter.snapshot.as_ref().unwrap().worst, WorstLoad::default());
        meter.take(load(Some(node), 3, 2000), 4000);
        meter.take(load(None, 5, 2000), 4000);
        meter.finish(4000, 1.0);
        let worst = &meter.snapshot.as_ref().unwrap().worst;
        assert_eq!(*worst, WorstLoad { whole_ns: 5, nodes_ns: BTreeMap::from([(node, 3)]) });
    }

    /// On: the rig and its nodes, also once the renderer is another. Off: nothing is shown, and nothing is timed.
    #[test]
    fn a_snapshot_shows_the_load_while_it_is_measured() {
        let mut engine = Engine::new(EngineSettings::default());
        let input = engine.add_input("in", "in", &[Some(0)]).unwrap();
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        engine.connect(input, gain).unwrap();
        let play = |engine: &mut Engine| {
            let inputs = [vec![0.5; 96_000]];
            let job = Job {
                inputs: &inputs,
                outputs: 1,
                frames: 96_000,
                block: 64,
                compensate: false,
                events: &[],
                events_into: None,
            };
            engine.render(&job, |_| true).unwrap();
        };
        play(&mut engine);
        assert!(engine.look().load.is_none() && engine.next_load().is_none());
        engine.measure_load(true).unwrap();
        for rate in [48_000, 96_000] {
            engine.rebuild(EngineSettings { rate, ..*engine.settings() }).unwrap();
            play(&mut engine);
            let shown = engine.look().load.unwrap();
            let period = 64_000_000_000 / u64::from(rate);
            assert!(shown.period_ns.abs_diff(period) < 2000, "{} {period}", shown.period_ns);
            let node = shown.nodes[&gain];
            assert_eq!(node.blocks, shown.whole.blocks);
            assert!(node.blocks >= rate / 2 / 64, "{node:?}");
            for LoadStatistics { min_ns, mean_ns, p99_ns, max_ns, .. } in [node, shown.whole] {
                assert!(min_ns <= mean_ns && mean_ns <= max_ns && p99_ns <= max_ns && min_ns <= p99_ns);
            }
            assert!(node.mean_ns <= shown.whole.mean_ns, "a node takes no longer than all");
        }
        engine.measure_load(false).unwrap();
        play(&mut engine);
        while engine.next_load().is_some() {}
        play(&mut engine);
        assert!(engine.look().load.is_none() && engine.next_load().is_none());
    }
}
