//! What an examination is handed: the plugin to make as often as it likes, and a place for what it finds.

use super::Options;
use super::playing::{Blocks, Playing, Take, USUAL, note_off, note_on};
use super::report::{Finding, Severity};
use super::signal::{self, Random, Sound};
use super::watch::CallWatch;
use crate::error::{LoadError, PluginError};
use crate::library::Library;
use crate::plugin::{Activation, BusDirection, Parameter, Plugin};

/// Why an examination ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// It says nothing about such a plugin.
    #[error("{0}")]
    DoesNotApply(&'static str),
    /// The plugin could not be made.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The plugin refused.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// A plugin under examination.
pub(crate) struct Subject<'s> {
    library: &'s dyn Library,
    id: &'s str,
    pub options: &'s Options,
    pub watch: &'s dyn CallWatch,
    pub findings: Vec<Finding>,
    pub measured: Option<String>,
    is_repeatable: Option<bool>,
}

impl<'s> Subject<'s> {
    pub fn new(library: &'s dyn Library, id: &'s str, options: &'s Options, watch: &'s dyn CallWatch) -> Self {
        Self { library, id, options, watch, findings: Vec::new(), measured: None, is_repeatable: None }
    }

    /// The first where there is time, the second where it has to be quick.
    pub fn full_or_quick<T>(&self, full: T, quick: T) -> T {
        if self.options.quick { quick } else { full }
    }

    /// A source of random numbers, the same for each examination.
    pub fn random(&self) -> Random {
        Random::new(self.options.seed)
    }

    /// A fresh instance.
    pub fn make(&self) -> Result<Box<dyn Plugin>, Stop> {
        Ok(self.library.instantiate(self.id)?)
    }

    /// A fresh instance that plays as usual.
    pub fn play(&self) -> Result<Playing, Stop> {
        self.play_with(USUAL)
    }

    /// A fresh instance that plays.
    pub fn play_with(&self, activation: Activation) -> Result<Playing, Stop> {
        Ok(Playing::start(self.make()?, activation)?)
    }

    /// Puts a finding into the report, unless there is one of its code: an examination of many runs tells it once.
    pub fn find(&mut self, severity: Severity, code: &str, seen: impl Into<String>, means: &str) {
        if self.findings.iter().any(|finding| finding.code == code) {
            return;
        }
        let (code, seen, means) = (code.to_owned(), seen.into(), means.to_owned());
        self.findings.push(Finding { code, severity, seen, means });
    }

    /// Ends a run: what was wrong on the way becomes findings.
    pub fn close(&mut self, mut playing: Playing) {
        playing.stop();
        self.tell(&playing);
    }

    fn tell(&mut self, playing: &Playing) {
        let record = &playing.record;
        if record.non_finite_blocks > 0 {
            let seen = format!("{} blocks held infinities or values that are no numbers", record.non_finite_blocks);
            self.find(Severity::Error, "not-a-number", seen, "a rig silences the plugin in such blocks");
        }
        let failed = record.failed_blocks.saturating_sub(record.non_finite_blocks);
        if failed > 0 {
            let seen = format!("{failed} blocks were answered with an error");
            self.find(Severity::Error, "process-failed", seen, "a rig bypasses the plugin in such blocks");
        }
        if record.overwrites_input {
            let means = "what else in a rig hears the same signal hears something else";
            self.find(Severity::Error, "input-overwritten", "it wrote into its input buffers", means);
        }
        let (late, unsorted, invalid) = (record.late_events, record.unsorted_events, record.invalid_events);
        if late + unsorted + invalid > 0 {
            let seen = format!("of the events it sent, {late} were late, {unsorted} unsorted, {invalid} invalid");
            self.find(Severity::Warning, "bad-events", seen, "a rig repairs or drops such events");
        }
        if record.is_storm {
            let seen = "it asks for one restart after the other though nothing is moved";
            self.find(Severity::Warning, "restart-storm", seen, "a rig stops following, and may not know its latency");
        }
        if !record.misdeeds.is_empty() {
            let misdeeds: Vec<&str> = record.misdeeds.iter().map(String::as_str).collect();
            let means = "such a call is ignored, and in other hosts it may crash";
            self.find(Severity::Warning, "host-called-wrongly", misdeeds.join("; "), means);
        }
    }

    /// Noise and a note, as much of it as the plugin can take.
    pub fn usual_sound(&self, playing: &mut Playing, seconds: f64, blocks: Blocks) -> Sound {
        let frames = playing.frames(seconds);
        let has_notes = !playing.plugin.note_ports(BusDirection::Input).is_empty();
        let events = [(0, note_on(60)), (frames / 2, note_off(60))];
        let events = if has_notes { &events[..] } else { &[] };
        playing.render(Take { frames, input: &signal::noise, events, blocks })
    }

    /// Whether two fresh instances sound the same: nothing can be said about a plugin with chance in it by comparing.
    pub fn is_repeatable(&mut self) -> Result<bool, Stop> {
        if let Some(known) = self.is_repeatable {
            return Ok(known);
        }
        let take = || -> Result<Sound, Stop> {
            let mut playing = self.play()?;
            Ok(self.usual_sound(&mut playing, 0.5, Blocks::Of(512)))
        };
        let is_repeatable = signal::distance(&take()?, &take()?) <= SAME;
        self.is_repeatable = Some(is_repeatable);
        Ok(is_repeatable)
    }
}

/// How a plugin is brought to make a sound that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excitation {
    /// By its audio input.
    Input,
    /// It has none, and takes notes.
    Notes,
}

impl Excitation {
    /// How this plugin is; no measurement applies to one that puts nothing out.
    pub fn of(playing: &Playing) -> Result<Self, Stop> {
        let takes_notes = || !playing.plugin.note_ports(BusDirection::Input).is_empty();
        match (playing.outputs(), playing.inputs()) {
            (0, _) => Err(Stop::DoesNotApply("it has no audio output")),
            (_, 1..) => Ok(Self::Input),
            (_, 0) if takes_notes() => Ok(Self::Notes),
            (_, 0) => Err(Stop::DoesNotApply("it has no audio input and takes no notes")),
        }
    }
}

/// Sounds are the same up to here: -60 dB of their peak.
pub(crate) const SAME: f32 = 1e-3;

/// The parameters that may be moved about: not those that only tell, are for nobody's eyes, or switch the plugin off.
pub(crate) fn movable(plugin: &dyn Plugin) -> Vec<Parameter> {
    let is_movable = |parameter: &&Parameter| {
        let flags = parameter.flags;
        let is_range = parameter.minimum < parameter.maximum;
        is_range && !flags.read_only && !flags.hidden && !flags.bypass
    };
    plugin.parameters().iter().filter(is_movable).cloned().collect()
}

/// At most so many of them, spread evenly.
pub(crate) fn some(all: Vec<Parameter>, most: usize) -> Vec<Parameter> {
    let step = all.len().div_ceil(most.max(1)).max(1);
    all.into_iter().step_by(step).collect()
}

/// A value a parameter may have: `position` is 0 at its least and 1 at its greatest.
pub(crate) fn value_at(parameter: &Parameter, position: f64) -> f64 {
    let value = parameter.minimum + position * (parameter.maximum - parameter.minimum);
    let value = if parameter.flags.stepped || parameter.flags.enumerated { value.round() } else { value };
    value.clamp(parameter.minimum, parameter.maximum)
}
