//! What orders for the stage speak of: places in the song, limits that may be off, bypass modes, pan laws. Shapes only.

use clap::ValueEnum;
use crosspoint::graph::SceneStart;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// A place in the song, by one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// From the song's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Quarter notes from the song's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarters: Option<f64>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bar: Option<i32>,
    /// Of the bar, from 1, and what of it. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<f64>,
}

/// A place in the song, or a number for seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a place is a number of seconds, or an object with seconds, quarters, or bar and beat")]
pub enum Place {
    /// From the song's beginning.
    Seconds(f64),
    /// By one of its ways.
    Position(Position),
}

impl Place {
    /// The place that is meant.
    pub fn position(self) -> Position {
        match self {
            Self::Seconds(seconds) => Position { seconds: Some(seconds), ..Position::default() },
            Self::Position(position) => position,
        }
    }
}

/// A limit or time, or none: `off`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrOff {
    /// Its value.
    Value(f64),
    /// There is none.
    Off,
}

impl OrOff {
    /// The value; none if it is off.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Off => None,
        }
    }
}

impl FromStr for OrOff {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::Value).map_err(|_| "it must be a number or `off`")
    }
}

impl Serialize for OrOff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => serializer.serialize_f64(*value),
            Self::Off => serializer.serialize_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for OrOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "it must be a number or \"off\"")]
        enum Written {
            Value(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Value(value) => Ok(Self::Value(value)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// How a node is bypassed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum BypassWord {
    /// What sounds rings out.
    Tails,
    /// It fades out and forgets what sounds.
    Cut,
    /// It plays on unheard.
    Live,
    /// The plugin's own switch is used.
    Plugin,
}

/// When a scene takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum StartWord {
    /// At once.
    Now,
    /// On the next beat.
    Beat,
    /// With the next bar.
    Bar,
}

impl From<SceneStart> for StartWord {
    fn from(start: SceneStart) -> Self {
        match start {
            SceneStart::Now => Self::Now,
            SceneStart::Beat => Self::Beat,
            SceneStart::Bar => Self::Bar,
        }
    }
}

impl From<StartWord> for SceneStart {
    fn from(word: StartWord) -> Self {
        match word {
            StartWord::Now => Self::Now,
            StartWord::Beat => Self::Beat,
            StartWord::Bar => Self::Bar,
        }
    }
}

/// What is done about a plugin that takes too much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OverloadWord {
    /// It is told, and nothing else.
    Nothing,
    /// It is bypassed.
    Bypass,
    /// It is silent.
    Mute,
}

/// How loud both sides are between left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LawWord {
    /// -6 dB each at the centre.
    Linear,
    /// -3 dB each.
    ConstantPower,
    /// -4.5 dB each.
    Compromise,
}

pub(super) fn constant_power() -> LawWord {
    LawWord::ConstantPower
}
