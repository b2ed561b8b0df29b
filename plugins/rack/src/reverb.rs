//! A room reverb by a feedback delay network. The sound is made in [`crate::dsp::reverb`]; this is its plugin shell.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use nice_plug::prelude::*;

use crate::dsp::effect::{Effect, Runner};
use crate::dsp::reverb::{PRE_DELAY_LIMIT, Reverb as Core, SIZE_LIMIT, Settings};
use crate::parameters::{factor, milliseconds, percent, seconds};
use crate::shell::{self, Channels};

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

impl ReverbParameters {
    /// What the core is to do now.
    pub fn settings(&self) -> Settings {
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
#[derive(Default)]
pub struct Reverb {
    parameters: Arc<ReverbParameters>,
    running: Option<(Runner<Core>, Channels)>,
}

impl Reverb {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<ReverbParameters> {
        &self.parameters
    }
}

impl Plugin for Reverb {
    const NAME: &'static str = "Crosspoint Reverb";
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

impl ClapPlugin for Reverb {
    const CLAP_ID: &'static str = "org.crosspoint.reverb";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("A room reverb by a feedback delay network");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Reverb, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Reverb {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointReverb";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Reverb];
}
