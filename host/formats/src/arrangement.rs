//! Arrangements of a plugin's buses that it could have instead of the one it has, and what the channels of a bus mean.
//! Values only.

use crosspoint_graph::ChannelLayout;

use crate::plugin::BusDirection;

/// An arrangement of all buses that a plugin offers ready made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfiguration {
    /// Its identity.
    pub id: u32,
    /// What people call it, such as `stereo with side chain`.
    pub name: String,
    /// The buses into the plugin; what of them is not known is left out.
    pub inputs: Vec<ConfiguredBus>,
    /// The buses out of it, as `inputs`.
    pub outputs: Vec<ConfiguredBus>,
    /// Whether it is the one the plugin has now, as far as it tells.
    pub is_current: bool,
}

/// A bus as it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredBus {
    /// What people call it, possibly empty.
    pub name: String,
    /// Its channels.
    pub layout: ChannelLayout,
}

/// A layout that one bus is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusLayout {
    /// The bus's direction.
    pub direction: BusDirection,
    /// Its index there.
    pub index: usize,
    /// What it is to be.
    pub layout: ChannelLayout,
}

/// Where a loudspeaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the loudspeakers' own")]
pub enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCenter,
    FrontRightOfCenter,
    BackCenter,
    SideLeft,
    SideRight,
    TopCenter,
    TopFrontLeft,
    TopFrontCenter,
    TopFrontRight,
    TopBackLeft,
    TopBackCenter,
    TopBackRight,
}

/// In which order the channels of an ambisonic field come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AmbisonicOrder {
    /// W, X, Y, Z as Furse and Malham have it.
    FuMa,
    /// By ambisonic channel number.
    Acn,
}

/// How the channels of an ambisonic field are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the conventions' own")]
pub enum AmbisonicScale {
    MaxN,
    Sn3d,
    N3d,
    Sn2d,
    N2d,
}

/// What the channels of a bus mean, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelMap {
    /// A loudspeaker each; none for one that is not known here.
    Speakers(Vec<Option<Speaker>>),
    /// A sound field.
    Ambisonic {
        /// The order of channels.
        order: AmbisonicOrder,
        /// Their scale.
        scale: AmbisonicScale,
    },
}
