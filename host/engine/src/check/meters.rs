//! What the renderer itself measures while a rig is checked: times and levels of its nodes. Sums and sorts only.

use super::report::LoadShares;
use crate::tick_rate::TickRate;
use crosspoint_graph::{Level, Load, NodeId};
use std::collections::BTreeMap;

/// Times of blocks and nodes, in ticks, and levels of nodes.
pub(super) struct Meters {
    tick_rate: TickRate,
    /// Ticks of each block, in thousandths for each frame of it.
    blocks: Vec<u64>,
    /// The most of them since [`Self::take_load`].
    longest: u64,
    /// Of each node the block at hand, and the longest.
    at_hand: BTreeMap<NodeId, u64>,
    nodes: BTreeMap<NodeId, u64>,
    /// Peaks of nodes since [`Self::take_levels`].
    levels: BTreeMap<NodeId, f32>,
}

/// Thousandths, so that short blocks of slow counters do not round to nothing.
const PARTS: u64 = 1000;

impl Meters {
    pub fn new() -> Self {
        Self {
            tick_rate: TickRate::new(),
            blocks: Vec::new(),
            longest: 0,
            at_hand: BTreeMap::new(),
            nodes: BTreeMap::new(),
            levels: BTreeMap::new(),
        }
    }

    pub fn load(&mut self, load: Load) {
        match load.node {
            Some(node) => *self.at_hand.entry(node).or_default() += load.ticks,
            None if load.frames > 0 => {
                let frames = u64::from(load.frames);
                let share = load.ticks * PARTS / frames;
                self.blocks.push(share);
                self.longest = self.longest.max(share);
                for (node, ticks) in std::mem::take(&mut self.at_hand) {
                    let longest = self.nodes.entry(node).or_default();
                    *longest = (ticks * PARTS / frames).max(*longest);
                }
            }
            None => self.at_hand.clear(),
        }
    }

    pub fn level(&mut self, level: Level) {
        let peak = self.levels.entry(level.node).or_default();
        *peak = peak.max(level.peak);
    }

    /// The longest block since the last call.
    pub fn take_load(&mut self) -> u64 {
        std::mem::take(&mut self.longest)
    }

    /// The peaks of nodes since the last call.
    pub fn take_levels(&mut self) -> BTreeMap<NodeId, f32> {
        std::mem::take(&mut self.levels)
    }

    /// What a measure of this is of the time that there is: the factor to multiply it by.
    pub fn share(&self, rate: u32) -> f64 {
        self.tick_rate.tick_seconds() * f64::from(rate) / PARTS as f64
    }

    /// The load of the whole rig, by that factor.
    pub fn shares(&self, share: f64) -> LoadShares {
        let mut sorted = self.blocks.clone();
        sorted.sort_unstable();
        let Some(&peak) = sorted.last() else { return LoadShares::default() };
        let rank = (sorted.len() * 99).div_ceil(100) - 1;
        let mean = sorted.iter().sum::<u64>() as f64 / sorted.len() as f64;
        LoadShares { mean: mean * share, p99: sorted[rank] as f64 * share, peak: peak as f64 * share }
    }

    /// The longest block of each node, by that factor, the longest first.
    pub fn node_shares(&self, share: f64) -> Vec<(NodeId, f64)> {
        let mut nodes: Vec<_> = self.nodes.iter().map(|(&node, &longest)| (node, longest as f64 * share)).collect();
        nodes.sort_by(|one, other| other.1.total_cmp(&one.1));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two chunks of a node are one block's; a block counts by its length.
    #[test]
    fn blocks_are_summed_up() {
        let mut graph = crosspoint_graph::Graph::new();
        let node = crosspoint_graph::Node::processor("node");
        let node = graph.apply(vec![crosspoint_graph::graph::Edit::AddNode { id: None, node }]).unwrap().nodes[0];
        let mut meters = Meters::new();
        for ticks in [3, 4] {
            meters.load(Load { node: Some(node), ticks, frames: 5 });
        }
        meters.load(Load { node: None, ticks: 20, frames: 10 });
        meters.load(Load { node: None, ticks: 30, frames: 30 });
        assert_eq!((meters.take_load(), meters.take_load()), (2000, 0));
        assert_eq!(meters.node_shares(1.0), [(node, 700.0)]);
        assert_eq!(meters.shares(0.001), LoadShares { mean: 1.5, p99: 2.0, peak: 2.0 });
    }
}
