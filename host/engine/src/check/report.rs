//! What a check says: for people as text, for programs as serialised values whose keys and codes stay what they are.

use crate::measurement::decibels;
use crate::session::Severity as FileSeverity;
pub use crosspoint_formats::doctor::Severity;
use serde::Serialize;
use std::fmt;

impl From<FileSeverity> for Severity {
    fn from(severity: FileSeverity) -> Self {
        match severity {
            FileSeverity::Notice => Self::Note,
            FileSeverity::Warning => Self::Warning,
            FileSeverity::Error => Self::Error,
        }
    }
}

/// When something was seen: in a scene, or while one was switched to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The scene that played before the switch; none for the rig without a scene, or where there was no switch.
    pub from: Option<String>,
    /// The scene that played; none for the rig without a scene.
    pub scene: Option<String>,
    /// Whether it was while the one scene gave way to the other.
    pub in_switch: bool,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |scene: &Option<String>| scene.as_ref().map_or("the rig".to_owned(), |name| format!("\"{name}\""));
        match self.in_switch {
            true => write!(f, "from {} to {}", name(&self.from), name(&self.scene)),
            false => write!(f, "in {}", name(&self.scene)),
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What kind it is: words joined by `-`, which stay what they are.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub advice: String,
    /// The node that it is about.
    pub node: Option<String>,
    /// Where it was first seen.
    pub moment: Option<Moment>,
    /// The line of the rig file, from 1.
    pub line: Option<usize>,
    /// How often it was seen.
    pub times: usize,
}

impl Finding {
    pub(super) fn new(
        code: &'static str,
        severity: Severity,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (seen, advice) = (seen.into(), advice.into());
        Self { code, severity, seen, advice, node: None, moment: None, line: None, times: 1 }
    }

    pub(super) fn of_node(self, node: impl Into<String>) -> Self {
        Self { node: Some(node.into()), ..self }
    }

    pub(super) fn at(self, moment: Moment) -> Self {
        Self { moment: Some(moment), ..self }
    }

    pub(super) fn on_line(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// Whether another is the same seen once more: of one node, or else in the same words.
    fn repeats(&self, other: &Self) -> bool {
        let is_same =
            self.code == other.code && self.node == other.node && (self.node.is_some() || self.seen == other.seen);
        is_same && self.moment.is_some() && other.moment.is_some()
    }
}

/// Findings as they come: what is seen again of a node is counted.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub fn add(&mut self, finding: Finding) {
        match self.0.iter_mut().find(|known| known.repeats(&finding)) {
            Some(known) => known.times += 1,
            None => self.0.push(finding),
        }
    }

    /// The gravest first.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }
}

/// Shares of the time that there is for a block, by this machine's clock while the check ran: 1 is all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoadShares {
    /// The mean of all blocks.
    pub mean: f64,
    /// What 99 blocks of 100 did not exceed.
    pub p99: f64,
    /// The longest.
    pub peak: f64,
}

/// The longest block of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeLoad {
    /// The node.
    pub node: String,
    /// Of the time that there is for a block.
    pub peak: f64,
}

/// One scene as it was heard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneHeard {
    /// Its name; none for the rig without a scene.
    pub scene: Option<String>,
    /// The greatest level of any output, in dBFS; none if all were silent.
    pub peak_dbfs: Option<f64>,
    /// The longest block, of the time that there is.
    pub load_peak: f64,
}

/// One switch as it was heard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transition {
    /// The scene before; none for the rig without a scene.
    pub from: Option<String>,
    /// The scene after.
    pub to: String,
    /// Frames from the order until it took effect.
    pub waited_frames: u64,
    /// Milliseconds that the control thread took for it.
    pub control_ms: f64,
    /// The longest block meanwhile, of the time that there is.
    pub load_peak: f64,
    /// The greatest step between two samples, of the output where it is greatest beside what may be.
    pub step: f64,
    /// What may be there: the steps of both scenes themselves, and that of a ramp.
    pub step_limit: f64,
    /// The longest silence of an output that sounds before and after, in frames.
    pub gap_frames: u64,
    /// The greatest level of any output, in dBFS; none if all were silent.
    pub peak_dbfs: Option<f64>,
}

/// How late an output is behind an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathLatency {
    /// The input node.
    pub input: String,
    /// The output node.
    pub output: String,
    /// Frames by the shortest way.
    pub earliest: u32,
    /// Frames by the longest.
    pub latest: u32,
}

/// All that was found out about a rig.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// What the rig calls itself.
    pub rig: String,
    /// Frames a second.
    pub rate: u32,
    /// Frames a block.
    pub block: usize,
    /// Seconds of the rig that were rendered.
    pub rendered_seconds: f64,
    /// Seconds that it took.
    pub wall_seconds: f64,
    /// What is not as it should be, the gravest first.
    pub findings: Vec<Finding>,
    /// The scenes.
    pub scenes: Vec<SceneHeard>,
    /// The switches that were rendered, in order.
    pub transitions: Vec<Transition>,
    /// How many switches there are between scenes.
    pub possible_transitions: usize,
    /// The place in `transitions` of the one with the longest block.
    pub worst_switch: Option<usize>,
    /// How late outputs are behind inputs, as plugins report and the rig compensates.
    pub paths: Vec<PathLatency>,
    /// The load of the whole rig.
    pub load: LoadShares,
    /// The nodes with the longest blocks, the longest first.
    pub node_loads: Vec<NodeLoad>,
}

impl CheckReport {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// In dBFS; none for silence.
pub(super) fn dbfs(peak: f32) -> Option<f64> {
    (peak > 0.0).then(|| decibels(peak.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(seen: &str, scene: &str) -> Finding {
        let moment = Moment { from: None, scene: Some(scene.to_owned()), in_switch: true };
        Finding::new("code", Severity::Error, seen, "advice").at(moment)
    }

    /// Of a node, the same in each scene is one finding; of no node, only what says the same is.
    #[test]
    fn what_is_seen_again_is_counted() {
        let mut findings = Findings::default();
        for (seen, scene) in [("One fails", "One"), ("Two fails", "Two"), ("One fails", "One")] {
            findings.add(finding(seen, scene));
        }
        findings.add(finding("at 3 dB", "One").of_node("amp"));
        findings.add(finding("at 4 dB", "Two").of_node("amp"));
        let found: Vec<_> = findings.sorted().into_iter().map(|finding| (finding.seen, finding.times)).collect();
        let expected = [("One fails", 2), ("Two fails", 1), ("at 3 dB", 2)];
        assert_eq!(found, expected.map(|(seen, times)| (seen.to_owned(), times)));
    }
}
