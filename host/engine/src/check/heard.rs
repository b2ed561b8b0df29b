//! What was heard of a rig, scene by scene and switch by switch. Plain data.

use super::ear::Stretch;
use super::meters::Meters;
use super::report::{Moment, dbfs};
use crosspoint_graph::NodeId;
use std::collections::BTreeMap;
use std::time::Instant;

/// What was heard of a scene, over all visits.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Of each output channel.
    pub stretches: Vec<Stretch>,
    /// The longest block.
    pub load: u64,
    pub is_heard: bool,
}

/// What was heard of a switch. Scenes by their places, none for the rig without a scene.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    pub from: Option<usize>,
    pub to: usize,
    pub stretches: Vec<Stretch>,
    pub load: u64,
    pub waited: u64,
    pub control_ms: f64,
    /// Frames of the ramp of its crosspoints.
    pub ramp: u32,
}

/// An output that was above full scale.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub peak: f32,
    pub frames: u64,
    pub moment: Moment,
    /// The first node on the way to it that is above full scale itself.
    pub culprit: Option<(NodeId, f32)>,
    pub times: usize,
}

/// All that was heard.
pub(super) struct Heard {
    pub base: Tally,
    pub scenes: Vec<Tally>,
    pub switches: Vec<Switch>,
    pub clips: BTreeMap<NodeId, Clip>,
    /// The output node of each output channel, and the channel's place in it.
    pub channels: Vec<(NodeId, usize)>,
    /// Nodes that sound on and on.
    pub restless: Vec<NodeId>,
    /// Keys that stayed down at outputs.
    pub held: Vec<(NodeId, usize)>,
    pub is_complete: bool,
    pub frames: u64,
    pub meters: Meters,
    pub since: Instant,
}

impl Tally {
    /// The greatest level of any channel, in dBFS.
    pub fn peak(&self) -> Option<f64> {
        peak(&self.stretches)
    }
}

/// The greatest level of any channel, in dBFS.
pub(super) fn peak(stretches: &[Stretch]) -> Option<f64> {
    dbfs(stretches.iter().map(|stretch| stretch.peak).fold(0.0, f32::max))
}
