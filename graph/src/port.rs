//! Ports: the connectable ends of a node. Says what a port looks like, never what flows through it.

use std::fmt;

/// The most channels that one audio port may have.
pub const MAX_PORT_CHANNELS: u32 = 256;

/// What the channels of an audio port mean, which is also how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChannelLayout {
    /// One channel.
    Mono,
    /// Left and right.
    #[default]
    Stereo,
    /// Speaker layout of so many channels in the order of the plugin format (5.1 = 6, 7.1.4 = 12).
    Surround(u32),
    /// Ambisonic sound field, ACN order: 4, 9, 16, ... channels.
    Ambisonic(u32),
    /// So many channels without a common meaning, such as those of an interface.
    Discrete(u32),
}

impl ChannelLayout {
    /// Mono, stereo, or discrete for any other count.
    pub fn from_channels(channels: u32) -> Self {
        match channels {
            1 => Self::Mono,
            2 => Self::Stereo,
            n => Self::Discrete(n),
        }
    }

    /// How many channels the layout has.
    pub fn channels(self) -> u32 {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
            Self::Surround(n) | Self::Ambisonic(n) | Self::Discrete(n) => n,
        }
    }
}

impl fmt::Display for ChannelLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mono => f.write_str("mono"),
            Self::Stereo => f.write_str("stereo"),
            Self::Surround(n) => write!(f, "surround {n}"),
            Self::Ambisonic(n) => write!(f, "ambisonic {n}"),
            Self::Discrete(n) => write!(f, "{n} channels"),
        }
    }
}

/// An audio port of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioPort {
    /// What people call it, such as `main` or `sidechain`.
    pub name: String,
    /// Its channels.
    pub layout: ChannelLayout,
}

impl AudioPort {
    /// A port of that name and layout.
    pub fn new(name: impl Into<String>, layout: ChannelLayout) -> Self {
        Self { name: name.into(), layout }
    }
}

/// An event port of a node: notes, MIDI, parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPort {
    /// What people call it, such as `notes`.
    pub name: String,
}

impl EventPort {
    /// A port of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}
