//! An echo with filtered feedback, ping-pong and modulation. The sound is made in [`crate::dsp::delay`]; this is its plugin shell.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use nice_plug::prelude::*;

use crate::dsp::delay::{Delay as Core, LIMIT_MILLISECONDS, MODULATION_LIMIT, Settings, synced_milliseconds};
use crate::dsp::effect::{Effect, Runner};
use crate::parameters::{hertz, hertz_of, milliseconds, percent};
use crate::shell::{self, Channels};

/// Note values a delay can follow.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteValue {
    /// The time is set in milliseconds.
    #[id = "off"]
    #[name = "Off"]
    Off,
    /// 1/1.
    #[id = "1-1"]
    #[name = "1/1"]
    Whole,
    /// 1/2.
    #[id = "1-2"]
    #[name = "1/2"]
    Half,
    /// 1/2 triplet.
    #[id = "1-2-triplet"]
    #[name = "1/2 triplet"]
    HalfTriplet,
    /// 1/4 dotted.
    #[id = "1-4-dotted"]
    #[name = "1/4 dotted"]
    QuarterDotted,
    /// 1/4.
    #[id = "1-4"]
    #[name = "1/4"]
    Quarter,
    /// 1/4 triplet.
    #[id = "1-4-triplet"]
    #[name = "1/4 triplet"]
    QuarterTriplet,
    /// 1/8 dotted.
    #[id = "1-8-dotted"]
    #[name = "1/8 dotted"]
    EighthDotted,
    /// 1/8.
    #[id = "1-8"]
    #[name = "1/8"]
    Eighth,
    /// 1/8 triplet.
    #[id = "1-8-triplet"]
    #[name = "1/8 triplet"]
    EighthTriplet,
    /// 1/16.
    #[id = "1-16"]
    #[name = "1/16"]
    Sixteenth,
}

impl NoteValue {
    /// Length in quarter notes; `None` where the tempo is not followed.
    pub fn beats(self) -> Option<f32> {
        match self {
            Self::Off => None,
            Self::Whole => Some(4.0),
            Self::Half => Some(2.0),
            Self::HalfTriplet => Some(4.0 / 3.0),
            Self::QuarterDotted => Some(1.5),
            Self::Quarter => Some(1.0),
            Self::QuarterTriplet => Some(2.0 / 3.0),
            Self::EighthDotted => Some(0.75),
            Self::Eighth => Some(0.5),
            Self::EighthTriplet => Some(1.0 / 3.0),
            Self::Sixteenth => Some(0.25),
        }
    }
}

/// The tempo that is followed where the host tells none, in beats a minute.
const DEFAULT_TEMPO: f64 = 120.0;

/// The parameters of [`Delay`].
#[derive(Params)]
pub struct DelayParameters {
    /// Time between echoes, where the tempo is not followed.
    #[id = "time"]
    pub time: FloatParam,
    /// Note value that sets the time from the tempo.
    #[id = "sync"]
    pub sync: EnumParam<NoteValue>,
    /// Gain from echo to echo.
    #[id = "feedback"]
    pub feedback: FloatParam,
    /// High-pass in the feedback.
    #[id = "low-cut"]
    pub low_cut: FloatParam,
    /// Low-pass in the feedback.
    #[id = "high-cut"]
    pub high_cut: FloatParam,
    /// Whether echoes change sides.
    #[id = "ping-pong"]
    pub ping_pong: BoolParam,
    /// Depth of the modulation.
    #[id = "depth"]
    pub depth: FloatParam,
    /// Rate of the modulation.
    #[id = "speed"]
    pub speed: FloatParam,
    /// Share of the echoes.
    #[id = "mix"]
    pub mix: FloatParam,
}

impl Default for DelayParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            time: milliseconds("Time", default.time, 1.0, LIMIT_MILLISECONDS),
            sync: EnumParam::new("Sync", NoteValue::Off),
            feedback: percent("Feedback", default.feedback, 0.95),
            low_cut: hertz("Low cut", default.low_cut, 20.0, 2000.0),
            high_cut: hertz("High cut", default.high_cut, 500.0, 20_000.0),
            ping_pong: BoolParam::new("Ping-pong", default.ping_pong),
            depth: milliseconds("Depth", default.depth, 0.0, MODULATION_LIMIT),
            speed: hertz("Speed", default.speed, 0.05, 10.0),
            mix: percent("Mix", default.mix, 1.0),
        }
    }
}

impl DelayParameters {
    /// What the core is to do now, at `tempo` beats a minute.
    pub fn settings(&self, tempo: f64) -> Settings {
        Settings {
            time: match self.sync.value().beats() {
                Some(beats) => synced_milliseconds(beats, tempo as f32),
                None => self.time.value(),
            },
            feedback: self.feedback.value(),
            low_cut: hertz_of(&self.low_cut),
            high_cut: hertz_of(&self.high_cut),
            ping_pong: self.ping_pong.value(),
            depth: self.depth.value(),
            speed: hertz_of(&self.speed),
            mix: self.mix.value(),
        }
    }
}

/// An echo with filtered feedback, ping-pong and modulation.
#[derive(Default)]
pub struct Delay {
    parameters: Arc<DelayParameters>,
    running: Option<(Runner<Core>, Channels)>,
}

impl Delay {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<DelayParameters> {
        &self.parameters
    }
}

impl Plugin for Delay {
    const NAME: &'static str = "Crosspoint Delay";
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
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some((runner, channels)) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        let tempo = context.transport().tempo.unwrap_or(DEFAULT_TEMPO);
        runner.set(&self.parameters.settings(tempo));
        shell::process(runner, buffer, *channels)
    }
}

impl ClapPlugin for Delay {
    const CLAP_ID: &'static str = "org.crosspoint.delay";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("An echo with filtered feedback, ping-pong and modulation");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Delay, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Delay {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointDelay1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Delay];
}
