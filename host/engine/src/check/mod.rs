//! A rig before the gig: loaded, played through all its scenes faster than real time, and listened to. Everything that
//! would be a surprise on stage is a finding. Needs no device; never changes the rig's file.
//!
//! ```text
//!   two sines, or files ──► inputs ─┐                  ┌─► outputs: level, step, silence of every channel
//!   chords, a pedal ──► keyboards ──┴─► rig, scene by ─┴─► event outputs: keys that stay down
//!                                       scene
//! ```
//!
//! The switches are made in one go, each ordered pair once. A channel's steps while one scene gives way to another are held
//! against those that both have by themselves, and the ramp's: what is above is a click. A load is a share of the time that
//! there is for a block by the clock of the machine that checks, and is no more than that.

mod ear;
mod heard;
mod inventory;
mod listening;
mod meters;
mod paths;
mod rehearsal;
mod report;
mod signal;
mod states;
mod tour;
mod verdict;

pub use report::{CheckReport, Finding, LoadShares, Moment, NodeLoad, PathLatency, SceneHeard, Severity, Transition};
pub use tour::Transitions;

use crate::controllers::PluginHost;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::{Loaded, MachineFile};
use crosspoint_formats::RenderMode;
use crosspoint_graph::{Command, NOW};
use report::Findings;

/// How a rig is checked.
#[derive(Clone, Debug)]
pub struct CheckSettings {
    /// Frames a block: those of the device that it will play on.
    pub block: usize,
    /// Seconds that each scene is listened to once it has settled.
    pub settled: f64,
    /// Peak of the test signal in dBFS.
    pub level: f64,
    /// What to play in place of the test signal: channels of one length at the engine's rate, in a loop. The first input
    /// hears the first; the last are followed by the first again.
    pub signal: Vec<Vec<f32>>,
    /// Which switches are tried.
    pub transitions: Transitions,
    /// The longest block that is no finding, of the time there is; none for any.
    pub load_limit: Option<f64>,
}

impl Default for CheckSettings {
    fn default() -> Self {
        let (settled, level, signal) = (0.4, -12.0, Vec::new());
        Self { block: 128, settled, level, signal, transitions: Transitions::Automatic, load_limit: None }
    }
}

impl Engine<PluginHost> {
    /// Loads a rig in the place of what is there, and checks it. `progress` is told how many of how many scenes were heard.
    ///
    /// # Errors
    /// [`EngineError::OutOfRange`] for settings that make no sense, [`EngineError::RendererBusy`] if a device plays.
    pub fn check(
        &mut self,
        rig: &Loaded,
        machine: &MachineFile,
        settings: &CheckSettings,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<CheckReport, EngineError> {
        for (what, value, range, is_sound) in [
            ("a block size", settings.block as f64, "16 to 65,536 frames", (16..=65_536).contains(&settings.block)),
            ("a time to listen", settings.settled, "0.1 to 60 seconds", (0.1..=60.0).contains(&settings.settled)),
            ("a level", settings.level, "-90 to 0 dBFS", (-90.0..=0.0).contains(&settings.level)),
        ] {
            if !is_sound {
                return Err(EngineError::OutOfRange { what, value, range });
            }
        }
        let mut findings = Findings::default();
        inventory::of_file(rig, &mut findings);
        inventory::of_machine(rig, machine, &mut findings);
        self.set_render_mode(RenderMode::RealTime);
        // All roles are heard, wherever they are on this machine.
        let problems = self.load_document(&rig.document, &MachineFile::default().map(&rig.document))?;
        self.send_command(NOW, Command::Play(true))?;
        self.poll();
        self.take_inventory(rig, &problems, &mut findings);
        self.rehearse(&rig.document.name, settings, findings, progress)
    }
}
