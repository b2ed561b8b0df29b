//! What mappings control, as both threads know it: a key that stays the same, and what the audio thread needs beside it.
#![deny(clippy::disallowed_types)]

use super::scale::Scale;
use crate::matrix::{FaderKey, scaled};
use crosspoint_graph::{Cell, EdgeId, NodeId, SceneStart};

/// What is controlled. Those from [`Self::ToStart`] on have no value: they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TargetKey {
    /// By its id.
    Parameter(NodeId, u32),
    /// The gain of a crosspoint, by source and destination channel.
    Gain(EdgeId, u16, u16),
    /// Whether a crosspoint is muted.
    Mute(EdgeId, u16, u16),
    Bypass(NodeId),
    Present(NodeId),
    FaderGain(FaderKey),
    /// Whether its fader is muted.
    FaderMute(FaderKey),
    Playing,
    Looping,
    Recording,
    Tempo,
    MasterMute,
    ToStart,
    Panic,
    TapTempo,
    /// By its beats.
    CountIn(u16),
    /// By the number that its name has for as long as the engine lives.
    Scene(u16),
    /// As a scene.
    Song(u16),
    NextScene,
    PreviousScene,
    LeaveScene,
    NextSong,
    PreviousSong,
}

impl TargetKey {
    /// Whether it is something to do, and not a value to set.
    pub fn is_done(self) -> bool {
        self >= Self::ToStart
    }
}

/// A crosspoint, for those that set its gain or mute it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CellTarget {
    pub invert: bool,
    /// What solo and groups multiply it by.
    pub factor: f32,
    /// The place of the same crosspoint's other target: a gain is heard unless it is muted.
    pub other: u16,
}

/// What the audio thread needs to know of a target, beside its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub key: TargetKey,
    pub cell: Option<CellTarget>,
    /// The loop, in frames of the song.
    pub region: Option<(i64, i64)>,
    /// The number of the plan that the renderer has for it, and when that is to be carried out.
    pub plan: Option<(u16, SceneStart)>,
}

/// All that a target can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Domain {
    /// Any value from the least to the greatest.
    Even(f64, f64),
    /// Whole values.
    Whole(f64, f64),
    /// A linear gain up to the second, of which controls have all to the first: more is rarely wanted and easily too loud.
    Gain(f64, f64),
    /// Off or on.
    Switch,
    /// Something to do.
    Deed,
}

/// 6 dB: the top of a fader.
pub(crate) const FADER_TOP: f64 = 1.995_262_314_968_879_5;

impl Domain {
    /// The scale over a range in plain values, or over all of it.
    pub fn scale(self, range: Option<(f64, f64)>) -> Scale {
        let within = |least: f64, greatest: f64| {
            let (from, to) = range.unwrap_or((least, greatest));
            // A plugin may have them the wrong way round.
            let (least, greatest) = (least.min(greatest), least.max(greatest));
            (from.clamp(least, greatest), to.clamp(least, greatest))
        };
        match self {
            Self::Even(least, greatest) => {
                let (from, to) = within(least, greatest);
                Scale::Even { from, to }
            }
            Self::Whole(least, greatest) => {
                let (from, to) = within(least, greatest);
                Scale::Whole { from, to }
            }
            Self::Gain(top, most) => {
                let (from, to) = range.unwrap_or((0.0, top));
                Scale::Fader { from: from.clamp(-most, most), to: to.clamp(-most, most) }
            }
            Self::Switch | Self::Deed => {
                let (from, to) = range.map_or((0.0, 1.0), |(from, to)| (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0)));
                Scale::Whole { from, to }
            }
        }
    }
}

impl CellTarget {
    /// The factor of the crosspoint with a gain, muted or not.
    pub fn heard(&self, gain: f64, muted: f64) -> f32 {
        scaled(Cell { gain: gain as f32, mute: muted >= 0.5, invert: self.invert }, self.factor).effective()
    }
}
