//! A noise gate with hysteresis, hold and lookahead. The sound is made in [`crate::dsp::gate`]; this is its plugin shell.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use nice_plug::prelude::*;

use crate::dsp::effect::{Effect, Runner};
use crate::dsp::gate::{Gate as Core, LOOKAHEAD_LIMIT, Settings, lookahead_frames};
use crate::parameters::{decibels, milliseconds};
use crate::shell::{self, Channels};

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
    /// What the core is to do now.
    pub fn settings(&self) -> Settings {
        Settings {
            threshold: self.threshold.value(),
            hysteresis: self.hysteresis.value(),
            attack: self.attack.value(),
            hold: self.hold.value(),
            release: self.release.value(),
            range: self.range.value(),
        }
    }

    fn lookahead_seconds(&self) -> f32 {
        0.001 * self.lookahead.value()
    }
}

/// A noise gate with hysteresis, hold and lookahead.
#[derive(Default)]
pub struct Gate {
    parameters: Arc<GateParameters>,
    running: Option<(Runner<Core>, Channels)>,
    restart_requested: bool,
}

impl Gate {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<GateParameters> {
        &self.parameters
    }
}

impl Plugin for Gate {
    const NAME: &'static str = "Crosspoint Gate";
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
        let runner = Runner::new(Core::new(buffer.sample_rate, self.parameters.lookahead_seconds()));
        context.set_latency_samples(runner.effect().latency());
        self.running = Some((runner, channels));
        self.restart_requested = false;
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
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some((runner, channels)) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        let rate = context.transport().sample_rate;
        let wanted = lookahead_frames(rate, self.parameters.lookahead_seconds());
        // A latency may only change between activations.
        if wanted != runner.effect().latency() && !self.restart_requested {
            self.restart_requested = true;
            context.request_restart();
        }
        runner.set(&self.parameters.settings());
        shell::process(runner, buffer, *channels)
    }
}

impl ClapPlugin for Gate {
    const CLAP_ID: &'static str = "org.crosspoint.gate";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("A noise gate with hysteresis, hold and lookahead");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Gate, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Gate {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointGate01";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Dynamics];
}
