//! A guitar amplifier from clean to crunch. The sound is made in [`crate::dsp::amp`]; these are its parameters and what its plugin says of itself.
#![deny(clippy::disallowed_types)]

use nice_plug::prelude::*;

use crate::dsp::amp::{Amp as Core, Settings};
use crate::parameters::{decibels, knob};
use crate::shell::{EffectPlugin, Shell};

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

impl Shell for AmpParameters {
    type Core = Core;

    const NAME: &'static str = "Crosspoint Amp";
    const ID: &'static str = "org.crosspoint.amp";
    const DESCRIPTION: &'static str = "A guitar amplifier from clean to crunch";
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Distortion, ClapFeature::Mono, ClapFeature::Stereo];
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointAmp_01";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Distortion];

    fn core(&self, rate: f32, channels: usize) -> Core {
        Core::new(rate, channels)
    }

    fn settings(&self, _transport: &Transport) -> Settings {
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
pub type Amp = EffectPlugin<AmpParameters>;
