//! What plugins wish of their host, granted: the transport, the history, and lines of the host's that were chosen in a plugin's menu. Never
//! heard on the audio thread.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::history::Step;
use crosspoint_formats::{ChangeDelta, HistoryDirection, TransportRequest};
use crosspoint_graph::{Command, NOW, NodeId};
use std::sync::Arc;

/// The transport as it was last told to be, or as it was heard to be since.
#[derive(Debug)]
pub(crate) struct TransportWish {
    playing: bool,
    recording: bool,
    looping: bool,
    /// What last put the playhead where it was: that is where playing starts.
    start: Command,
    /// The loop, on or off.
    region: Option<(i64, i64)>,
    /// Blocks that the renderer had played when it was told last.
    told: u64,
}

impl Default for TransportWish {
    fn default() -> Self {
        Self { playing: false, recording: false, looping: false, start: Command::Locate(0), region: None, told: 0 }
    }
}

impl TransportWish {
    /// Remembers what the renderer is told.
    pub fn note(&mut self, command: &Command) {
        match *command {
            Command::Play(on) => self.playing = on,
            Command::Record(on) => self.recording = on,
            Command::Locate(_) | Command::LocateQuarters(_) => self.start = *command,
            Command::Loop(region) => {
                self.looping = region.is_some();
                self.region = region.or(self.region);
            }
            _ => {}
        }
    }

    /// As [`Self::note`], for what the renderer is told after so many blocks.
    pub fn tell(&mut self, command: &Command, blocks: u64) {
        self.note(command);
        self.told = blocks;
    }

    /// Takes note of whether the playhead moves after so many blocks: a count-in or a clock starts it by itself. Whether
    /// that is news. A block that was under way when the renderer was told knows nothing of that.
    pub fn hear(&mut self, playing: bool, blocks: u64) -> bool {
        let is_news = blocks >= self.told + 2 && self.playing != playing;
        if is_news {
            self.playing = playing;
        }
        is_news
    }

    pub fn is_playing(&self) -> bool {
        self.playing
    }

    pub fn is_looping(&self) -> bool {
        self.looping
    }

    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// The loop, on or off.
    pub fn region(&self) -> Option<(i64, i64)> {
        self.region
    }

    /// What to tell the renderer, `frames` being those of so many quarter notes.
    fn commands(&mut self, request: TransportRequest, frames: impl Fn(f64) -> Option<i64>) -> Vec<Command> {
        let looped = |on: bool| Command::Loop(self.region.filter(|_| on));
        match request {
            TransportRequest::Start => vec![self.start, Command::Play(true)],
            TransportRequest::Stop => vec![Command::Play(false), self.start],
            TransportRequest::Continue => vec![Command::Play(true)],
            TransportRequest::Pause => vec![Command::Play(false)],
            TransportRequest::TogglePlay => vec![Command::Play(!self.playing)],
            TransportRequest::Jump { quarters } => {
                frames(quarters).map(|_| Command::LocateQuarters(quarters)).into_iter().collect()
            }
            TransportRequest::Loop { start, length } => {
                let region = frames(start).zip(frames(start + length)).filter(|(start, end)| start < end);
                self.region = region.or(self.region);
                if self.looping && region.is_some() { vec![Command::Loop(region)] } else { Vec::new() }
            }
            TransportRequest::EnableLoop(on) => vec![looped(on)],
            TransportRequest::ToggleLoop => vec![looped(!self.looping)],
            TransportRequest::Record(on) => vec![Command::Record(on)],
            TransportRequest::ToggleRecord => vec![Command::Record(!self.recording)],
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Grants what a plugin wishes of the transport.
    pub(crate) fn grant_transport(&mut self, node: NodeId, request: TransportRequest) {
        let frames_per_quarter = f64::from(self.settings.rate) * 60.0 / self.rig.tempo;
        let frames = |quarters: f64| {
            let frame = (quarters * frames_per_quarter).round();
            // What a double does not hold to the frame is no place in any song.
            (frame.abs() < (1_u64 << 53) as f64).then_some(frame as i64)
        };
        for command in self.transport.commands(request, frames) {
            if let Err(error) = self.send_command(NOW, command) {
                tracing::warn!("{}: {error}", self.name(node));
            }
        }
    }

    /// Goes a step back or forth, as a person chose in a plugin's window.
    pub(crate) fn grant_history(&mut self, direction: HistoryDirection) {
        let gone = match direction {
            HistoryDirection::Undo => self.undo(),
            HistoryDirection::Redo => self.redo(),
        };
        if let Err(error) = gone {
            tracing::warn!("{error}");
        }
    }

    /// A change by a person in a plugin's window is a step of the history if the plugin can take it back.
    pub(crate) fn remember_change(&mut self, node: NodeId, delta: &ChangeDelta) {
        if delta.undoes {
            let delta = Arc::new(delta.clone());
            self.remember_step(Step::Change { node, delta, direction: HistoryDirection::Undo });
        }
    }

    /// Puts a parameter back to its initial value, as a person chose in the plugin's own menu.
    pub(crate) fn reset_parameter(&mut self, node: NodeId, parameter: u32) {
        let known = self.description(node).and_then(|description| {
            description.parameters.iter().find(|known| known.id == parameter && !known.flags.read_only)
        });
        let Some(default) = known.map(|known| known.default) else { return };
        if let Err(error) = self.set_parameter(node, parameter, default) {
            tracing::warn!("{}: {error}", self.name(node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::PluginSetup;
    use crate::plugins::PluginReference;
    use crate::settings::EngineSettings;
    use crosspoint_fixture_file::{PLUGINS, copy};
    use crosspoint_formats::PluginNotice;

    /// Wishes in turn, and what the renderer is told. A quarter note is 100 frames.
    #[test]
    fn every_wish_is_granted() {
        use TransportRequest::*;
        let mut transport = TransportWish::default();
        transport.note(&Command::Locate(50));
        let frames = |quarters: f64| quarters.is_finite().then_some((quarters * 100.0) as i64);
        let region = Command::Loop(Some((400, 1200)));
        let cases = [
            (Start, vec![Command::Locate(50), Command::Play(true)]),
            (TogglePlay, vec![Command::Play(false)]),
            (Continue, vec![Command::Play(true)]),
            (Pause, vec![Command::Play(false)]),
            (Stop, vec![Command::Play(false), Command::Locate(50)]),
            (Jump { quarters: 2.5 }, vec![Command::LocateQuarters(2.5)]),
            (Jump { quarters: f64::NAN }, vec![]),
            // Off still: only remembered.
            (Loop { start: 4.0, length: 8.0 }, vec![]),
            (ToggleLoop, vec![region]),
            (Loop { start: 0.0, length: 1.0 }, vec![Command::Loop(Some((0, 100)))]),
            (Loop { start: 0.0, length: -1.0 }, vec![]),
            (EnableLoop(false), vec![Command::Loop(None)]),
            (EnableLoop(true), vec![Command::Loop(Some((0, 100)))]),
            (Record(true), vec![Command::Record(true)]),
            (ToggleRecord, vec![Command::Record(false)]),
        ];
        for (request, expected) in cases {
            let commands = transport.commands(request, frames);
            assert_eq!(commands, expected, "{request:?}");
            commands.iter().for_each(|command| transport.note(command));
        }
    }

    #[test]
    fn a_parameter_is_reset() {
        let folder = tempfile::tempdir().unwrap();
        let file = copy(folder.path(), "good.clap").unwrap();
        let mut engine = Engine::new(EngineSettings::default());
        let reference = PluginReference::in_file(file, Some(PLUGINS[1]));
        let node = engine.add_plugin("gain", &reference, PluginSetup::default()).unwrap();
        let known = engine.description(node).unwrap().parameters[0].clone();
        engine.set_parameter(node, known.id, known.maximum).unwrap();
        let reset = |parameter| vec![PluginNotice::ParameterResetRequested { parameter }];
        engine.plugin_said(node, reset(known.id + 1));
        assert_eq!(engine.description(node).unwrap().value(known.id), Some(known.maximum));
        engine.plugin_said(node, reset(known.id));
        assert_eq!(engine.description(node).unwrap().value(known.id), Some(known.default));
    }
}
