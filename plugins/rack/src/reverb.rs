//! A room reverb by a feedback delay network. The sound is made in [`crate::dsp::reverb`]; these are its parameters and what its plugin says of itself.
#![deny(clippy::disallowed_types)]

use nice_plug::prelude::*;

use crate::dsp::reverb::{PRE_DELAY_LIMIT, Reverb as Core, SIZE_LIMIT, Settings};
use crate::parameters::{factor, milliseconds, percent, seconds};
use crate::shell::{EffectPlugin, Shell};

/// The parameters of [`Reverb`].
#[derive(Params)]
pub struct ReverbParameters {
    /// Time to decay by 60 dB.
    #[id = "decay"]
    pub decay: FloatParam,
    /// How much faster the high end decays.
    #[id = "damping"]
    pub damping: FloatParam,
    /// Time before the room answers.
    #[id = "pre-delay"]
    pub pre_delay: FloatParam,
    /// Size of the room.
    #[id = "size"]
    pub size: FloatParam,
    /// Share of the room.
    #[id = "mix"]
    pub mix: FloatParam,
}

impl Default for ReverbParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            decay: seconds("Decay", default.decay, 0.1, 20.0),
            damping: percent("Damping", default.damping, 1.0),
            pre_delay: milliseconds("Pre-delay", default.pre_delay, 0.0, PRE_DELAY_LIMIT),
            size: factor("Size", default.size, 0.25, SIZE_LIMIT),
            mix: percent("Mix", default.mix, 1.0),
        }
    }
}

impl Shell for ReverbParameters {
    type Core = Core;

    const NAME: &'static str = "Crosspoint Reverb";
    const ID: &'static str = "org.crosspoint.reverb";
    const DESCRIPTION: &'static str = "A room reverb by a feedback delay network";
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Reverb, ClapFeature::Mono, ClapFeature::Stereo];
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointReverb";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Reverb];

    fn core(&self, rate: f32, channels: usize) -> Core {
        Core::new(rate, channels)
    }

    fn settings(&self, _transport: &Transport) -> Settings {
        Settings {
            decay: self.decay.value(),
            damping: self.damping.value(),
            pre_delay: self.pre_delay.value(),
            size: self.size.value(),
            mix: self.mix.value(),
        }
    }
}

/// A room reverb by a feedback delay network.
pub type Reverb = EffectPlugin<ReverbParameters>;
