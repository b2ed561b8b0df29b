//! An echo with filtered feedback, ping-pong and modulation. The sound is made in [`crate::dsp::delay`]; these are its parameters and what its plugin says of itself.
#![deny(clippy::disallowed_types)]

use nice_plug::prelude::*;

use crate::dsp::delay::{Delay as Core, LIMIT_MILLISECONDS, MODULATION_LIMIT, Settings, synced_milliseconds};
use crate::parameters::{hertz, hertz_of, milliseconds, percent};
use crate::shell::{EffectPlugin, Shell};

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

impl Shell for DelayParameters {
    type Core = Core;

    const NAME: &'static str = "Crosspoint Delay";
    const ID: &'static str = "org.crosspoint.delay";
    const DESCRIPTION: &'static str = "An echo with filtered feedback, ping-pong and modulation";
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Delay, ClapFeature::Mono, ClapFeature::Stereo];
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointDelay1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Delay];

    fn core(&self, rate: f32, channels: usize) -> Core {
        Core::new(rate, channels)
    }

    fn settings(&self, transport: &Transport) -> Settings {
        let tempo = transport.tempo.unwrap_or(DEFAULT_TEMPO);
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
pub type Delay = EffectPlugin<DelayParameters>;
