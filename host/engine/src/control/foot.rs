//! What the audio thread does with a message that is mapped to a scene, for tests without MIDI ports.

use super::line::{Desk, Report, line};
use super::target::TargetKey;
use crate::engine::Engine;
use crosspoint_graph::{Command, Timed};

/// A foot on a switch.
pub(crate) struct Foot(Desk);

impl Foot {
    /// Takes the place of the audio thread.
    pub fn new(engine: &mut Engine) -> Self {
        let (line, desk) = line();
        engine.control.line = line;
        Self(desk)
    }

    /// Calls for a scene at a steady frame; gives what the engine is to hear of it. The scene must be mapped, and prepared.
    pub fn press(&mut self, engine: &mut Engine, scene: &str, frame: u64) -> Report {
        let key = TargetKey::Scene(engine.control.number_of(scene));
        let (plan, destination) = engine.control.plans.usable(key).unwrap();
        let start = engine.start_at(destination);
        engine.publisher.send(Timed { frame, command: Command::Scene { scene: plan, start } }).unwrap();
        Report::Done { key, frame, plan: Some(plan) }
    }

    /// Tells the engine.
    pub fn tell(&mut self, report: Report) {
        self.0.reports.push(report).unwrap();
    }
}
