//! What is taken down while a rig is played: what came out, what was above full scale and because of whom, and what the
//! engine itself has to say.

use super::ear::{Ear, Stretch};
use super::heard::Clip;
use super::rehearsal::Rehearsal;
use super::report::{Finding, Severity};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::notice::Notice;
use crate::upstream::upstream;

impl Rehearsal<'_, '_> {
    /// What was heard since the last call, of each channel, and the longest block; notes what was above full scale.
    pub(super) fn listen(&mut self) -> (Vec<Stretch>, u64) {
        let stretches: Vec<Stretch> = self.ears.iter_mut().map(Ear::take).collect();
        let levels = self.heard.meters.take_levels();
        let mut noted = Vec::new();
        for (stretch, &(output, channel)) in stretches.iter().zip(&self.heard.channels) {
            if stretch.unsound > 0 {
                let name = self.engine.name(output);
                let seen = format!("channel {} of \"{name}\" has samples that are no numbers", channel + 1);
                let finding = Finding::new("not-a-number", Severity::Error, seen, "find the plugin that fails");
                self.findings.add(finding.of_node(name).at(self.moment.clone()));
            }
            if stretch.clipped == 0 {
                continue;
            }
            let upstream = upstream(&self.engine.graph, output, |_| true);
            let loud =
                upstream.iter().rev().find_map(|node| levels.get_key_value(node).filter(|(_, peak)| **peak > 1.0));
            let culprit = loud.map(|(&node, &peak)| (node, peak)).filter(|(node, _)| *node != output);
            let (peak, frames, moment) = (stretch.peak, stretch.clipped, self.moment.clone());
            let clip = self.heard.clips.entry(output).or_insert(Clip { peak: 0.0, frames, moment, culprit, times: 0 });
            if peak > clip.peak {
                (clip.peak, clip.frames, clip.culprit) = (peak, frames, culprit);
                clip.moment = self.moment.clone();
            }
            noted.push(output);
        }
        noted.dedup();
        for output in noted {
            self.heard.clips.entry(output).and_modify(|clip| clip.times += 1);
        }
        (stretches, self.heard.meters.take_load())
    }

    /// What the engine has to say.
    pub(super) fn note(&mut self, notice: &Notice) {
        if let Some(finding) = self.engine.finding_of(notice) {
            self.findings.add(finding.at(self.moment.clone()));
        }
    }
}

impl<P: Plugins> Engine<P> {
    fn finding_of(&self, notice: &Notice) -> Option<Finding> {
        Some(match notice {
            Notice::Fault { name, .. } => Finding::new(
                "failed",
                Severity::Error,
                format!("\"{name}\" fails and is bypassed: its output is an error or no number"),
                "look at it with `crosspoint plugins doctor`, update or replace it",
            )
            .of_node(name),
            Notice::RestartStorm { name, .. } => Finding::new(
                "restarts",
                Severity::Warning,
                format!("\"{name}\" asks to be restarted all the time"),
                "look at it with `crosspoint plugins doctor`, update or replace it",
            )
            .of_node(name),
            Notice::Inactive { node, reason } => Finding::new(
                "inactive",
                Severity::Error,
                format!("\"{}\" cannot be activated and is bypassed: {reason}", self.name(*node)),
                "look at it with `crosspoint plugins doctor`, update or replace it",
            )
            .of_node(self.name(*node)),
            Notice::TrackUnreadable { name, reason, .. } => Finding::new(
                "file-unreadable",
                Severity::Error,
                format!("the audio file of \"{name}\" ends where it cannot be read: {reason}"),
                "replace the file by a whole one, and see that its disk stays there",
            )
            .of_node(name),
            Notice::EventsLost { node, count } => Finding::new(
                "events-lost",
                Severity::Warning,
                format!("\"{}\" loses {count} events: too many at once", self.name(*node)),
                "send it less at once",
            )
            .of_node(self.name(*node)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineSettings;
    use crate::session::Builtin;
    use crosspoint_graph::ChannelLayout;

    /// A track that ends in the midst for its file's sake will not be heard.
    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let mut engine = Engine::new(EngineSettings::default());
        let node = engine.add_builtin("track", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        let (name, reason) = ("track".to_owned(), "the disk is gone".to_owned());
        let found = engine.finding_of(&Notice::TrackUnreadable { node, name, reason }).unwrap();
        assert_eq!(
            (found.code, found.severity, found.node.as_deref()),
            ("file-unreadable", Severity::Error, Some("track"))
        );
        assert!(found.seen.contains("the disk is gone"), "{}", found.seen);
        assert_eq!(engine.finding_of(&Notice::ScenePlays { scene: "One".to_owned() }), None);
    }
}
