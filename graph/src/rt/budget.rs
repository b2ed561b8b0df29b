//! Time as it runs out: how long each node takes for a block, whether it exceeds its budget block after block, and who may
//! have made the rig late. Reads no clock itself and acts on nothing but what it was told of times, so that tests say what
//! time it is. Knows nothing of the system.

use super::command::Report;
use super::program::Reports;
use crate::id::NodeId;

/// Blocks that a node's usual time is the mean of, roughly.
const MEMORY: f32 = 64.0;
/// What a node's time is held to be at most, as a multiple of its usual time, when that is brought up to date.
const OUTLIER: f32 = 2.0;
/// A node stands out if it took this many times what it usually does.
const STANDS_OUT: f32 = 2.0;
/// And if the time beyond its usual one is such a part of the whole block's.
const LION_SHARE: f32 = 0.5;
/// And such a part of the deadline.
const WORTH_MENTION: f32 = 0.1;
/// A rig whose blocks usually take such a part of the deadline is too heavy by itself.
const HEAVY: f32 = 0.7;

/// How much of the time that there is for a block a node may take, and what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Part of the time that a block lasts, 1 being all of it.
    pub share: f32,
    /// How many blocks in a row must exceed it.
    pub blocks: u32,
    /// What is done then.
    pub action: OverloadAction,
    /// After how many frames the node comes back by itself; none if it waits for
    /// [`Command::Recover`](crate::Command::Recover). Of no meaning where nothing is done.
    pub returns_after: Option<u32>,
}

/// What is done about a node that takes too much time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OverloadAction {
    /// It is told, and nothing else. Once as many blocks in a row are within the budget, it counts anew.
    #[default]
    Nothing,
    /// The node fades to its bypass path, with its latency kept, and is not called any more.
    Bypass,
    /// The node fades to silence, and is not called any more.
    Mute,
}

/// How the renderer looks after its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchSettings {
    /// Ticks of the renderer's clock in a second.
    pub ticks_per_second: f64,
    /// From which part of the deadline on a block of the whole rig is near it.
    pub near: f32,
    /// After how many of these in a row that is told.
    pub blocks: u32,
}

/// How an xrun was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XrunKind {
    /// The device reported that many, before the block behind the one that is told of.
    Reported(u32),
    /// Rendering the block took longer than the block lasts.
    Missed,
}

/// Who is likely to have made a block late.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Culprit {
    /// A node that took far longer than it usually does.
    Node {
        /// The node.
        node: NodeId,
        /// Its part of the deadline.
        share: f32,
        /// The part that it usually takes.
        usual: f32,
    },
    /// The rig as a whole: its blocks usually take most of the time that there is.
    Rig,
    /// Nothing of the rig stands out: the system or the driver.
    Outside,
}

/// What is known of one node's time.
#[derive(Clone, Copy, Debug, Default)]
struct NodeTime {
    /// Ticks of the block at hand, and of the last one.
    ticks: u64,
    last: u64,
    /// Ticks a frame, and how many blocks they are the mean of.
    usual: f32,
    blocks: f32,
    budget: Option<Budget>,
    /// Blocks in a row beyond the budget; while overloaded, within it.
    streak: u32,
    /// Since which frame it counts as overloaded.
    overloaded: Option<u64>,
}

/// The times of a program's nodes, by place.
#[derive(Default)]
pub(crate) struct Times {
    nodes: Box<[NodeTime]>,
    /// Ticks a frame of the whole block.
    usual: f32,
    blocks: f32,
}

/// What a block comes to for a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is overloaded from now on; its part of the deadline.
    Overloaded(OverloadAction, f32),
    /// It is so no longer.
    Recovered,
}

/// A block that was rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct BlockTime {
    /// Its first frame.
    pub frame: u64,
    pub frames: u32,
    pub ticks: u64,
    /// Ticks that it lasts.
    pub deadline: f32,
}

impl Times {
    /// For so many nodes. Allocates.
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![NodeTime::default(); nodes].into_boxed_slice(), usual: 0.0, blocks: 0.0 }
    }

    #[inline]
    pub fn add(&mut self, place: usize, ticks: u64) {
        self.nodes[place].ticks += ticks;
    }

    pub fn set_budget(&mut self, place: usize, budget: Option<Budget>) {
        let node = &mut self.nodes[place];
        (node.budget, node.streak) = (budget, 0);
    }

    /// Goes on as under the program before.
    pub fn adopt(&mut self, old: &Self) {
        (self.usual, self.blocks) = (old.usual, old.blocks);
    }

    /// A node goes on as at a place of the program before. A new processor has not been overloaded yet, nor has it a usual
    /// time.
    pub fn adopt_node(&mut self, to: usize, old: &Self, from: usize, is_fresh: bool) {
        let budget = self.nodes[to].budget;
        let before = if is_fresh { NodeTime::default() } else { old.nodes[from] };
        self.nodes[to] = NodeTime { budget, ..before };
    }

    /// The node is not overloaded any more, by hand. Says whether it was.
    pub fn recover(&mut self, place: usize) -> bool {
        let node = &mut self.nodes[place];
        node.streak = 0;
        node.overloaded.take().is_some()
    }

    /// Ends a block: what becomes of each node, by place.
    pub fn end_block(&mut self, block: &BlockTime, mut tell: impl FnMut(usize, Verdict)) {
        if block.frames == 0 {
            return;
        }
        note(&mut self.usual, &mut self.blocks, block.ticks as f32 / block.frames as f32);
        for (place, node) in self.nodes.iter_mut().enumerate() {
            node.last = std::mem::take(&mut node.ticks);
            if node.last > 0 {
                note(&mut node.usual, &mut node.blocks, node.last as f32 / block.frames as f32);
            }
            if node.budget.is_some() || node.overloaded.is_some() {
                node.judge(block).into_iter().for_each(|verdict| tell(place, verdict));
            }
        }
    }

    /// Who is likely to have made the last block late. `id` knows the nodes by place.
    pub fn culprit(&self, block: &BlockTime, id: impl Fn(usize) -> NodeId) -> Culprit {
        let frames = block.frames as f32;
        let usually = self.usual * frames;
        let beyond = (block.ticks as f32 - usually).max(0.0);
        let excess = |node: &NodeTime| node.last as f32 - node.usual * frames;
        let worst = (0..).zip(&self.nodes).max_by(|(_, one), (_, other)| excess(one).total_cmp(&excess(other)));
        let stands_out = |node: &NodeTime| {
            let (took, usual) = (node.last as f32, node.usual * frames);
            took >= STANDS_OUT * usual
                && excess(node) >= LION_SHARE * beyond
                && excess(node) >= WORTH_MENTION * block.deadline
        };
        match worst.filter(|(_, node)| stands_out(node)) {
            Some((place, node)) => Culprit::Node {
                node: id(place),
                share: node.last as f32 / block.deadline,
                usual: node.usual * frames / block.deadline,
            },
            None if usually >= HEAVY * block.deadline && block.ticks as f32 >= HEAVY * block.deadline => Culprit::Rig,
            None => Culprit::Outside,
        }
    }
}

impl NodeTime {
    fn judge(&mut self, block: &BlockTime) -> Option<Verdict> {
        let share = self.last as f32 / block.deadline;
        let end = block.frame + u64::from(block.frames);
        let Some(budget) = self.budget else {
            // Nobody minds any more.
            self.overloaded = None;
            return Some(Verdict::Recovered);
        };
        let exceeds = share > budget.share;
        let counts = exceeds == self.overloaded.is_none();
        self.streak = if counts { self.streak.saturating_add(1) } else { 0 };
        let is_long = self.streak >= budget.blocks.max(1);
        match self.overloaded {
            None if is_long => {
                (self.overloaded, self.streak) = (Some(end), 0);
                Some(Verdict::Overloaded(budget.action, share))
            }
            Some(since) => {
                let is_over = match budget.action {
                    OverloadAction::Nothing => is_long,
                    _ => budget.returns_after.is_some_and(|after| end >= since.saturating_add(after.into())),
                };
                is_over.then(|| {
                    (self.overloaded, self.streak) = (None, 0);
                    Verdict::Recovered
                })
            }
            None => None,
        }
    }
}

/// Brings a usual time up to date, to which no single block counts for much.
fn note(usual: &mut f32, blocks: &mut f32, time: f32) {
    let time = if *blocks > 0.0 { time.min(*usual * OUTLIER) } else { time };
    *blocks = (*blocks + 1.0).min(MEMORY);
    *usual += (time - *usual) / *blocks;
}

/// The watch over whole blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watchdog {
    pub settings: Option<WatchSettings>,
    /// The last block, if it was timed.
    last: Option<BlockTime>,
    /// Blocks in a row that are near the deadline; once that is told, that are not.
    streak: u32,
    is_near: bool,
}

impl Watchdog {
    pub fn set(&mut self, settings: Option<WatchSettings>) {
        *self = Self { settings, ..Self::default() };
    }

    /// A block that took so many ticks.
    pub fn time(&self, frame: u64, frames: u32, ticks: u64, rate: f64) -> Option<BlockTime> {
        let deadline = (f64::from(frames) * self.settings?.ticks_per_second / rate) as f32;
        (deadline > 0.0).then_some(BlockTime { frame, frames, ticks, deadline })
    }

    /// What the device reported last was about this block.
    pub fn last(&self) -> Option<BlockTime> {
        self.last
    }

    /// Ends a block; none that was not timed counts.
    pub fn end_block(&mut self, block: Option<BlockTime>, reports: &mut Reports) {
        self.last = block;
        let (Some(WatchSettings { near, blocks, .. }), Some(block)) = (self.settings, block) else { return };
        let share = block.ticks as f32 / block.deadline;
        self.streak = if (share >= near) == self.is_near { 0 } else { self.streak + 1 };
        if self.streak >= blocks.max(1) {
            (self.is_near, self.streak) = (!self.is_near, 0);
            if self.is_near {
                reports.push(Report::NearDeadline { frame: block.frame, share });
            }
        }
    }
}

#[cfg(test)]
mod tests;
