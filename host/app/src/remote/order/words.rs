//! What orders speak of: ends of edges, channels, values, scenes by name or number. Shapes only.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The end of an edge: a node and one of its ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The node's name.
    pub node: String,
    /// The port's name or number. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortName>,
}

/// The end of an edge, or a node alone for its first port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Spot {
    /// The node's name.
    Node(String),
    /// One of its ports.
    End(End),
}

impl Spot {
    /// The end that is meant.
    pub fn end(self) -> End {
        match self {
            Self::Node(node) => End { node, port: None },
            Self::End(end) => end,
        }
    }
}

/// A port by name or number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortName {
    /// Counted from 1.
    Number(u16),
    /// Its name.
    Name(String),
}

/// A scene or song by its name or its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Title {
    /// Counted from 1.
    Number(usize),
    /// Its name.
    Name(String),
}

/// A value as a client gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// In the plain scale.
    Plain(f64),
    /// As people write it, such as `-6 dB`.
    Text(String),
}

/// A row or column of the routing matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelName {
    /// The node's name.
    pub node: String,
    /// The port's name or number. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortName>,
    /// The port's channel, from 1.
    #[serde(default = "first")]
    pub channel: u32,
}

/// Rows and columns of the matrix: all cells where they cross.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockName {
    /// The rows.
    pub rows: Vec<ChannelName>,
    /// The columns.
    pub columns: Vec<ChannelName>,
}

/// What is to be done to a block of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum BlockWord {
    /// Takes its cells away.
    Clear,
    /// Turns the polarity of its cells round.
    Invert,
    /// Gives its cells to another block.
    Copy,
    /// Gives each of two blocks the other's cells.
    Swap,
}

/// What a cell of the matrix is to be. What is not said stays as it is, or is unity if the cell is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellOrder {
    /// Where the signal comes from.
    pub source: End,
    /// The source's channel, from 1.
    #[serde(default = "first")]
    pub source_channel: u32,
    /// Where it goes.
    pub destination: End,
    /// The destination's channel, from 1.
    #[serde(default = "first")]
    pub destination_channel: u32,
    /// In dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f32>,
    /// Whether it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<bool>,
    /// Whether its polarity is flipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// Removes it.
    #[serde(default)]
    pub remove: bool,
}

/// What a subscriber wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The rig, whenever it has changed.
    Rig,
    /// Meters and the tuner, while they move.
    Levels,
    /// Where the playhead and the players' files are, while they move.
    Playhead,
    /// What the engine has to tell: scenes that play, controls that were learned, what went wrong.
    Notices,
}

/// When an edge waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum TimingWord {
    /// Its channels come at the same time as those of other edges.
    Aligned,
    /// It waits for nobody.
    Immediate,
    /// As the rig has it.
    Default,
}

pub(super) fn first() -> u32 {
    1
}
