//! A noise gate with hysteresis, hold and lookahead. The sound is made in [`crate::dsp::gate`]; these are its parameters and what its plugin says of itself.
#![deny(clippy::disallowed_types)]

use nice_plug::prelude::*;

use crate::dsp::effect::Effect;
use crate::dsp::gate::{Gate as Core, LOOKAHEAD_LIMIT, Settings, lookahead_frames};
use crate::parameters::{decibels, milliseconds};
use crate::shell::{EffectPlugin, Shell};

/// The parameters of [`Gate`].
#[derive(Params)]
pub struct GateParameters {
    /// Peak level at which the gate opens.
    #[id = "threshold"]
    pub threshold: FloatParam,
    /// How far below the threshold it closes.
    #[id = "hysteresis"]
    pub hysteresis: FloatParam,
    /// Time to open.
    #[id = "attack"]
    pub attack: FloatParam,
    /// Time to stay open.
    #[id = "hold"]
    pub hold: FloatParam,
    /// Time to close.
    #[id = "release"]
    pub release: FloatParam,
    /// Gain of the closed gate.
    #[id = "range"]
    pub range: FloatParam,
    /// How far ahead it listens: its latency. Takes effect when the host activates the plugin anew.
    #[id = "lookahead"]
    pub lookahead: FloatParam,
}

impl Default for GateParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            threshold: decibels("Threshold", default.threshold, -90.0, 0.0),
            hysteresis: decibels("Hysteresis", default.hysteresis, 0.0, 24.0),
            attack: milliseconds("Attack", default.attack, 0.05, 100.0),
            hold: milliseconds("Hold", default.hold, 0.0, 2000.0),
            release: milliseconds("Release", default.release, 1.0, 2000.0),
            range: decibels("Range", default.range, -90.0, 0.0),
            lookahead: milliseconds("Lookahead", 0.0, 0.0, 1000.0 * LOOKAHEAD_LIMIT).non_automatable(),
        }
    }
}

impl GateParameters {
    fn lookahead_seconds(&self) -> f32 {
        0.001 * self.lookahead.value()
    }
}

impl Shell for GateParameters {
    type Core = Core;

    const NAME: &'static str = "Crosspoint Gate";
    const ID: &'static str = "org.crosspoint.gate";
    const DESCRIPTION: &'static str = "A noise gate with hysteresis, hold and lookahead";
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Gate, ClapFeature::Mono, ClapFeature::Stereo];
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointGate01";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Dynamics];

    fn core(&self, rate: f32, _channels: usize) -> Core {
        Core::new(rate, self.lookahead_seconds())
    }

    fn settings(&self, _transport: &Transport) -> Settings {
        Settings {
            threshold: self.threshold.value(),
            hysteresis: self.hysteresis.value(),
            attack: self.attack.value(),
            hold: self.hold.value(),
            release: self.release.value(),
            range: self.range.value(),
        }
    }

    /// A latency may only change between activations.
    fn is_outdated(&self, core: &Core, rate: f32) -> bool {
        lookahead_frames(rate, self.lookahead_seconds()) != core.latency()
    }
}

/// A noise gate with hysteresis, hold and lookahead.
pub type Gate = EffectPlugin<GateParameters>;
