//! A guitar amplifier from clean to crunch. The sound is made in [`crate::dsp::amp`]; this is its plugin shell.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use nice_plug::prelude::*;

use crate::dsp::amp::{Amp as Core, Settings};
use crate::dsp::effect::{Effect, Runner};
use crate::parameters::{decibels, knob};
use crate::shell::{self, Channels};

/// The parameters of [`Amp`].
#[derive(Params)]
pub struct AmpParameters {
    /// Drive into the preamp.
    #[id = "drive"]
    pub drive: FloatParam,
    /// Bass control.
    #[id = "bass"]
    pub bass: FloatParam,
    /// Middle control.
    #[id = "middle"]
    pub middle: FloatParam,
    /// Treble control.
    #[id = "treble"]
    pub treble: FloatParam,
    /// Presence control.
    #[id = "presence"]
    pub presence: FloatParam,
    /// Drive into the power stage.
    #[id = "master"]
    pub master: FloatParam,
    /// Output gain.
    #[id = "level"]
    pub level: FloatParam,
}

impl Default for AmpParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            drive: decibels("Drive", default.drive, 0.0, 48.0),
            bass: knob("Bass", default.bass),
            middle: knob("Middle", default.middle),
            treble: knob("Treble", default.treble),
            presence: knob("Presence", default.presence),
            master: decibels("Master", default.master, -24.0, 24.0),
            level: decibels("Level", default.level, -48.0, 12.0),
        }
    }
}

impl AmpParameters {
    /// What the core is to do now.
    pub fn settings(&self) -> Settings {
        Settings {
            drive: self.drive.value(),
            bass: self.bass.value(),
            middle: self.middle.value(),
            treble: self.treble.value(),
            presence: self.presence.value(),
            master: self.master.value(),
            level: self.level.value(),
        }
    }
}

/// A guitar amplifier from clean to crunch.
#[derive(Default)]
pub struct Amp {
    parameters: Arc<AmpParameters>,
    running: Option<(Runner<Core>, Channels)>,
}

impl Amp {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<AmpParameters> {
        &self.parameters
    }
}

impl Plugin for Amp {
    const NAME: &'static str = "Crosspoint Amp";
    const VENDOR: &'static str = shell::VENDOR;
    const URL: &'static str = shell::URL;
    const EMAIL: &'static str = shell::EMAIL;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = shell::EFFECT_LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.parameters.clone()
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        buffer: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let channels = Channels::of(layout);
        let runner = Runner::new(Core::new(buffer.sample_rate, channels.outputs));
        context.set_latency_samples(runner.effect().latency());
        self.running = Some((runner, channels));
        true
    }

    fn reset(&mut self) {
        if let Some((runner, _)) = &mut self.running {
            runner.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some((runner, channels)) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        runner.set(&self.parameters.settings());
        shell::process(runner, buffer, *channels)
    }
}

impl ClapPlugin for Amp {
    const CLAP_ID: &'static str = "org.crosspoint.amp";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("A guitar amplifier from clean to crunch");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Distortion, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Amp {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointAmp_01";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Distortion];
}
