//! What is to be said of what was heard. Plays nothing.

use super::CheckSettings;
use super::ear::Stretch;
use super::heard::{Clip, Heard, Switch, Tally, peak};
use super::report::{CheckReport, Finding, Findings, Moment, NodeLoad, SceneHeard, Severity, Transition, dbfs};
use crate::controllers::PluginHost;
use crate::engine::Engine;
use crate::upstream::upstream;
use crosspoint_graph::{NodeId, NodeKind};
use std::collections::BTreeSet;

/// What sounds is above this, -50 dBFS: below, nobody would miss it in a gap.
const SOUNDS: f32 = 3e-3;
/// Seconds of silence that are a gap.
const GAP: f64 = 0.01;
/// What rounding may add to a step.
const ROUNDING: f32 = 1e-5;
/// How many nodes are named with their loads.
const NAMED: usize = 10;

/// The greatest step that a switch may have in a channel: what both scenes have by themselves, for one may ring on while
/// the other plays, louder in between if it is; and the ramp's.
fn step_limit(before: Stretch, after: Stretch, switch: Stretch, ramp: u32) -> f32 {
    let both = before.peak + after.peak;
    let louder = if both > 0.0 { (switch.peak / both).max(1.0) } else { 1.0 };
    let loudest = before.peak.max(after.peak).max(switch.peak);
    (before.step + after.step) * louder + loudest / ramp.max(1) as f32 + ROUNDING
}

impl Engine<PluginHost> {
    pub(super) fn verdict(
        &self,
        rig: &str,
        settings: &CheckSettings,
        mut findings: Findings,
        heard: Heard,
    ) -> CheckReport {
        let rate = self.settings.rate;
        let share = heard.meters.share(rate);
        let transitions: Vec<Transition> =
            heard.switches.iter().map(|switch| self.judge(switch, &heard, share, &mut findings)).collect();
        self.judge_clips(&heard, &mut findings);
        self.judge_silence(&heard, &mut findings);
        self.judge_notes(&heard, &mut findings);
        let load = heard.meters.shares(share);
        if let Some(limit) = settings.load_limit.filter(|limit| load.peak > *limit) {
            let percent = |share: f64| 100.0 * share;
            let seen = format!("a block took {:.0} % of its time; {:.0} % may be", percent(load.peak), percent(limit));
            let advice = "use a larger buffer or fewer plugins at once; a busy machine shows more than the rig takes";
            findings.add(Finding::new("load", Severity::Error, seen, advice));
        }
        let scene = |name: Option<String>, tally: &Tally| SceneHeard {
            scene: name,
            peak_dbfs: tally.peak(),
            load_peak: tally.load as f64 * share,
        };
        let scenes = heard.scenes.iter().zip(&self.rig.rest.scenes).filter(|(tally, _)| tally.is_heard);
        let worst = transitions.iter().enumerate().max_by(|one, other| one.1.load_peak.total_cmp(&other.1.load_peak));
        let count = self.rig.rest.scenes.len();
        if !heard.is_complete {
            let seen = format!("{} switches were tried, those along the setlist", transitions.len());
            let advice = "use `--transitions all` for every switch there is";
            findings.add(Finding::new("not-all-transitions", Severity::Note, seen, advice));
        }
        CheckReport {
            rig: rig.to_owned(),
            rate,
            block: settings.block,
            rendered_seconds: heard.frames as f64 / f64::from(rate),
            wall_seconds: heard.since.elapsed().as_secs_f64(),
            findings: findings.sorted(),
            scenes: std::iter::once(scene(None, &heard.base))
                .chain(scenes.map(|(tally, known)| scene(Some(known.name.clone()), tally)))
                .collect(),
            worst_switch: worst.map(|(place, _)| place),
            transitions,
            possible_transitions: count * count.saturating_sub(1),
            paths: self.path_latencies(),
            load,
            node_loads: heard
                .meters
                .node_shares(share)
                .into_iter()
                .take(NAMED)
                .map(|(node, peak)| NodeLoad { node: self.name(node), peak })
                .collect(),
        }
    }

    fn scene_name(&self, place: usize) -> String {
        self.rig.rest.scenes[place].name.clone()
    }

    fn judge(&self, switch: &Switch, heard: &Heard, share: f64, findings: &mut Findings) -> Transition {
        let before = switch.from.map_or(&heard.base, |from| &heard.scenes[from]);
        let after = &heard.scenes[switch.to];
        let moment = Moment {
            from: switch.from.map(|from| self.scene_name(from)),
            scene: Some(self.scene_name(switch.to)),
            in_switch: true,
        };
        let gap_limit = (GAP * f64::from(self.settings.rate)) as u64;
        let mut worst = (0.0_f32, ROUNDING);
        let mut gap = 0;
        let channels = switch.stretches.iter().zip(&heard.channels).enumerate();
        for (at, (&stretch, &(output, channel))) in channels {
            let settled = |tally: &Tally| tally.stretches.get(at).copied().unwrap_or_default();
            let (before, after) = (settled(before), settled(after));
            let limit = step_limit(before, after, stretch, switch.ramp);
            if stretch.step / limit > worst.0 / worst.1 {
                worst = (stretch.step, limit);
            }
            let name = self.name(output);
            if stretch.step > limit {
                let seen = format!(
                    "channel {} of \"{name}\" clicks: a step of {:.4}, where {limit:.4} may be",
                    channel + 1,
                    stretch.step
                );
                let advice = "a plugin jumps to a new value; give the scene other parameters, or fade by crosspoints";
                findings.add(Finding::new("click", Severity::Error, seen, advice).of_node(&name).at(moment.clone()));
            }
            let sounds = |stretch: Stretch| stretch.peak > SOUNDS && stretch.silence < gap_limit;
            if sounds(before) && sounds(after) && self.has_audio_input(output) {
                gap = gap.max(stretch.silence);
                if stretch.silence > gap_limit {
                    let milliseconds = 1000.0 * stretch.silence as f64 / f64::from(self.settings.rate);
                    let seen = format!("channel {} of \"{name}\" falls silent for {milliseconds:.0} ms", channel + 1);
                    let advice = "a plugin pauses when it is changed; leave it as it is in both scenes";
                    findings.add(Finding::new("gap", Severity::Error, seen, advice).of_node(name).at(moment.clone()));
                }
            }
        }
        Transition {
            from: moment.from,
            to: self.scene_name(switch.to),
            waited_frames: switch.waited,
            control_ms: switch.control_ms,
            load_peak: switch.load as f64 * share,
            step: f64::from(worst.0),
            step_limit: f64::from(worst.1),
            gap_frames: gap,
            peak_dbfs: peak(&switch.stretches),
        }
    }

    /// Whether a node hears an audio input: what hears only keyboards may be silent until a key goes down.
    fn has_audio_input(&self, node: NodeId) -> bool {
        let known = |node: &NodeId| self.graph.node(*node);
        upstream(&self.graph, node, |_| true)
            .iter()
            .filter_map(known)
            .any(|node| matches!(node.kind, NodeKind::Input { .. }) && !node.audio_outputs.is_empty())
    }

    fn judge_clips(&self, heard: &Heard, findings: &mut Findings) {
        for (&output, Clip { peak, frames, moment, culprit, times }) in &heard.clips {
            let name = self.name(output);
            let above = |peak: f32| dbfs(peak).unwrap_or_default();
            let who = match culprit {
                Some((node, peak)) => {
                    format!("; the first above it on the way is \"{}\", by {:.1} dB", self.name(*node), above(*peak))
                }
                None => "; no node on the way is, their sum or a crosspoint is".to_owned(),
            };
            let seen = format!("\"{name}\" is above full scale by {:.1} dB for {frames} frames{who}", above(*peak));
            let finding = Finding::new("clipping", Severity::Error, seen, "turn that down where it is too loud");
            findings.add(Finding { times: *times, ..finding.of_node(name).at(moment.clone()) });
        }
    }

    fn judge_silence(&self, heard: &Heard, findings: &mut Findings) {
        let tallies = || std::iter::once(&heard.base).chain(&heard.scenes);
        let outputs: BTreeSet<NodeId> = heard.channels.iter().map(|(output, _)| *output).collect();
        for output in outputs {
            let own = heard.channels.iter().enumerate().filter(|(_, channel)| channel.0 == output);
            let mut levels = own.flat_map(|(at, _)| tallies().filter_map(move |tally| tally.stretches.get(at)));
            if levels.all(|stretch| stretch.peak < SOUNDS) {
                let name = self.name(output);
                let seen = format!("nothing is heard of \"{name}\" in any scene");
                let advice = "see what leads to it with `crosspoint graph`";
                findings.add(Finding::new("silent-output", Severity::Warning, seen, advice).of_node(name));
            }
        }
    }

    /// Whether a node can be played: a plugin's event port may be for parameters alone.
    fn takes_notes(&self, node: NodeId) -> bool {
        match self.description(node) {
            Some(plugin) => plugin.note_ports.0 > 0,
            None => self.graph.node(node).is_some_and(|node| !node.event_inputs.is_empty()),
        }
    }

    /// What sounds on although all keys are up and nothing comes in: of nodes on one way the first one is told.
    fn judge_notes(&self, heard: &Heard, findings: &mut Findings) {
        for &(output, keys) in &heard.held {
            let name = self.name(output);
            let seen = format!("{keys} keys stay down at the MIDI output \"{name}\" when all are up");
            let advice = "a plugin on the way keeps note-offs to itself; update or replace it";
            findings.add(Finding::new("stuck-notes", Severity::Error, seen, advice).of_node(name));
        }
        for &node in &heard.restless {
            let Some(known) = self.graph.node(node).filter(|known| known.kind == NodeKind::Processor) else { continue };
            let upstream = upstream(&self.graph, node, |_| true);
            let is_source = |node: &NodeId| {
                !self.takes_notes(*node)
                    && self
                        .graph
                        .node(*node)
                        .is_some_and(|node| node.kind == NodeKind::Processor && node.audio_inputs.is_empty())
            };
            let follows = upstream[1..].iter().any(|other| *other != node && heard.restless.contains(other));
            if follows || upstream.iter().any(is_source) {
                continue;
            }
            let name = &known.name;
            let finding = match self.takes_notes(node) {
                true => {
                    let seen = format!("\"{name}\" sounds on with all keys up");
                    let advice = "it keeps notes, or its release never ends; change its sound, update or replace it";
                    Finding::new("stuck-notes", Severity::Error, seen, advice)
                }
                false => {
                    let seen = format!("\"{name}\" sounds on without an input");
                    let advice = "it oscillates or hums; turn its feedback down";
                    Finding::new("never-silent", Severity::Warning, seen, advice)
                }
            };
            findings.add(finding.of_node(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineSettings;
    use crate::check::meters::Meters;
    use crate::session::SceneEntry;
    use std::collections::BTreeMap;
    use std::time::Instant;

    fn stretch(peak: f32, step: f32, silence: u64) -> Stretch {
        Stretch { peak, step, silence, ..Stretch::default() }
    }

    /// What sounds on both sides of a switch and is silent in between for more than 10 ms, or steps more than both sides and
    /// the ramp do, is found; not what is within that, and not what was silent before.
    #[test]
    fn gaps_and_clicks_are_judged_by_what_both_scenes_are() {
        let mut engine = Engine::new(EngineSettings::default());
        let input = engine.add_input("in", "in", &[Some(0)]).unwrap();
        let output = engine.add_output("out", "out", &[Some(0)]).unwrap();
        engine.connect(input, output).unwrap();
        engine.rig.rest.scenes = vec![SceneEntry::default()];
        let codes = |before: Stretch, switch: Stretch, after: Stretch| {
            let tally = |stretch| Tally { stretches: vec![stretch], load: 0, is_heard: true };
            let (waited, control_ms) = (0, 0.0);
            let switch = Switch { from: None, to: 0, stretches: vec![switch], load: 0, waited, control_ms, ramp: 240 };
            let heard = Heard {
                base: tally(before),
                scenes: vec![tally(after)],
                switches: vec![switch],
                clips: BTreeMap::new(),
                channels: vec![(output, 0)],
                restless: Vec::new(),
                held: Vec::new(),
                is_complete: true,
                frames: 0,
                meters: Meters::new(),
                since: Instant::now(),
            };
            let report = engine.verdict("", &CheckSettings::default(), Findings::default(), heard);
            report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let sounds = stretch(0.5, 0.01, 3);
        // 0.01 of each scene, and 0.5 / 240 of the ramp.
        assert!(codes(sounds, stretch(0.5, 0.022, 480), sounds).is_empty());
        assert_eq!(codes(sounds, stretch(0.5, 0.0222, 3), sounds), ["click"]);
        assert_eq!(codes(sounds, stretch(0.5, 0.01, 481), sounds), ["gap"]);
        assert!(codes(stretch(0.001, 0.0, 9000), stretch(0.5, 0.01, 9000), sounds).is_empty());
        assert_eq!(codes(stretch(0.0, 0.0, 9000), stretch(0.0, 0.0, 9000), stretch(0.0, 0.0, 9000)), ["silent-output"]);
    }
}
