//! Mappings of MIDI messages as a rig file has them: plain data by role and name, so that they outlive what is missing.
//! Never resolves a name.

mod file;
mod message;

pub(super) use file::{Names, crosspoint, crosspoint_text, fader, fader_text, only, read_mapping, text, write_mapping};
pub use message::{ControlMessage, MessageKind};

use super::document::EndpointEntry;
use std::fmt;

/// What of a range one step of an encoder is, unless a mapping says otherwise: a turn of 128 steps goes through all of it.
pub const DEFAULT_STEP: f64 = 1.0 / 128.0;

/// A mapping of a rig file: what a MIDI message of a role does to the rig.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingEntry {
    /// The role of the MIDI ports that the message comes from; the machine file says which these are.
    pub role: String,
    /// Which message.
    pub message: ControlMessage,
    /// What it controls.
    pub target: MappingTarget,
    /// What the message does; none for what the target is best controlled by.
    pub behaviour: Option<Behaviour>,
    /// What of the range one step of an encoder is, above 0 and at most 1.
    pub step: f64,
    /// The target's value where the control is at its least, and where it is at its greatest; the second may be the lesser
    /// one. None for all that the target can be.
    pub range: Option<(RangeEnd, RangeEnd)>,
    /// How the way of the control becomes the way between the two.
    pub curve: Curve,
    /// What happens if the control is elsewhere than the target's value.
    pub pick_up: PickUp,
    /// The scenes while which it acts, by name; none for always.
    pub scenes: Vec<String>,
    /// Whether the message goes on to the rig's nodes of the role nevertheless.
    pub pass_on: bool,
    /// The role of the MIDI ports to which the target's value is sent, as the same message.
    pub feedback: Option<String>,
    /// Whatever the user wants to remember.
    pub note: String,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl MappingEntry {
    /// A mapping with all else as it is where a file says nothing of it.
    pub fn new(role: impl Into<String>, message: ControlMessage, target: MappingTarget) -> Self {
        Self {
            role: role.into(),
            message,
            target,
            behaviour: None,
            step: DEFAULT_STEP,
            range: None,
            curve: Curve::default(),
            pick_up: PickUp::default(),
            scenes: Vec::new(),
            pass_on: false,
            feedback: None,
            note: String::new(),
            extra: toml::Table::new(),
        }
    }
}

impl MappingEntry {
    /// The names of the nodes that it speaks of.
    pub(crate) fn node_names(&mut self) -> impl Iterator<Item = &mut String> {
        let (one, other) = match &mut self.target {
            MappingTarget::Parameter { node, .. } | MappingTarget::Bypass(node) | MappingTarget::Present(node) => {
                (Some(node), None)
            }
            MappingTarget::Gain(place) | MappingTarget::Mute(place) => {
                (Some(&mut place.source.node), Some(&mut place.destination.node))
            }
            MappingTarget::FaderGain(_)
            | MappingTarget::FaderMute(_)
            | MappingTarget::Scene(_)
            | MappingTarget::Song(_)
            | MappingTarget::Action(_) => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// The fader that it speaks of.
    pub(crate) fn fader(&mut self) -> Option<&mut FaderPlace> {
        match &mut self.target {
            MappingTarget::FaderGain(place) | MappingTarget::FaderMute(place) => Some(place),
            _ => None,
        }
    }
}

/// What a mapping controls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingTarget {
    /// A parameter of a node.
    Parameter {
        /// The node's name.
        node: String,
        /// The parameter's id. A file written by hand may leave it out and give the name only.
        id: Option<u32>,
        /// The parameter's name; looked at only if there is no id.
        name: String,
    },
    /// The gain of a crosspoint.
    Gain(CrosspointPlace),
    /// Whether a crosspoint is muted.
    Mute(CrosspointPlace),
    /// The gain of a group or mix.
    FaderGain(FaderPlace),
    /// Whether a group or mix is muted.
    FaderMute(FaderPlace),
    /// Whether a node is bypassed, by the node's name.
    Bypass(String),
    /// Whether a node is there or away, by the node's name.
    Present(String),
    /// A scene by its name.
    Scene(String),
    /// The first scene of a song, by the song's name.
    Song(String),
    /// Something else.
    Action(ControlAction),
}

/// A fader of many cells, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaderPlace {
    /// A group's.
    Group(String),
    /// A monitor mix's.
    Mix(String),
}

impl fmt::Display for FaderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group \"{name}\""),
            Self::Mix(name) => write!(f, "mix \"{name}\""),
        }
    }
}

/// A crosspoint by the ends of its edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrosspointPlace {
    /// Where the edge comes from.
    pub source: EndpointEntry,
    /// Where it goes. Of several edges between the same ports the first is meant.
    pub destination: EndpointEntry,
    /// The source channel, from 0.
    pub source_channel: u32,
    /// The destination channel, from 0.
    pub destination_channel: u32,
}

/// What a mapping may do beside setting what a node or edge has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ControlAction {
    /// The playhead starts.
    Play,
    /// The playhead stops.
    Stop,
    /// The playhead starts or stops.
    PlayOrStop,
    /// The playhead goes to the start of the song.
    ToStart,
    /// The loop is on or off.
    Loop,
    /// Recording is armed or not.
    Record,
    /// A beat of the tempo.
    TapTempo,
    /// The playhead starts after a count-in.
    CountIn,
    /// The tempo, in quarter notes a minute.
    Tempo,
    /// The next scene of the setlist.
    NextScene,
    /// The scene before.
    PreviousScene,
    /// The rig without a scene.
    LeaveScene,
    /// The next song.
    NextSong,
    /// The song before.
    PreviousSong,
    /// All notes and sounds end.
    Panic,
    /// All that the device plays is muted or not.
    MasterMute,
}

impl ControlAction {
    /// All of them, with their words in a file.
    pub const ALL: [(Self, &str); 16] = [
        (Self::Play, "play"),
        (Self::Stop, "stop"),
        (Self::PlayOrStop, "play or stop"),
        (Self::ToStart, "to start"),
        (Self::Loop, "loop"),
        (Self::Record, "record"),
        (Self::TapTempo, "tap tempo"),
        (Self::CountIn, "count in"),
        (Self::Tempo, "tempo"),
        (Self::NextScene, "next scene"),
        (Self::PreviousScene, "previous scene"),
        (Self::LeaveScene, "leave scene"),
        (Self::NextSong, "next song"),
        (Self::PreviousSong, "previous song"),
        (Self::Panic, "panic"),
        (Self::MasterMute, "master mute"),
    ];
}

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Behaviour {
    /// The target follows the control; a switch is on from the middle on.
    Absolute,
    /// Each press leads to the other end of the range.
    Toggle,
    /// The target is at the second end of the range while the control is pressed, at the first otherwise.
    Momentary,
    /// Each press sets the second end of the range, or does what the target does.
    Trigger,
    /// The message says by how much an encoder was turned.
    Relative(Coding),
}

impl Behaviour {
    /// All of them, with their words in a file.
    pub const ALL: [(Self, &str); 7] = [
        (Self::Absolute, "absolute"),
        (Self::Toggle, "toggle"),
        (Self::Momentary, "momentary"),
        (Self::Trigger, "trigger"),
        (Self::Relative(Coding::TwosComplement), "relative two's complement"),
        (Self::Relative(Coding::Offset), "relative offset"),
        (Self::Relative(Coding::SignBit), "relative sign bit"),
    ];
}

/// How an encoder says by how many steps it was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// 1 to 63 forth, 127 down to 64 back.
    TwosComplement,
    /// 65 to 127 forth, 63 down to 0 back, from 64.
    Offset,
    /// 1 to 63 forth, 65 to 127 back.
    SignBit,
}

/// An end of a mapping's range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeEnd {
    /// In the target's plain scale; of a crosspoint's gain in decibels. Finite.
    Plain(f64),
    /// In decibels, for gains. Below infinity; minus infinity for silence.
    Decibels(f64),
}

/// How the way of a control becomes the way between the ends of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Curve {
    /// Evenly. Gains have the law of a fader beneath all curves.
    #[default]
    Linear,
    /// Slowly at first.
    Exponential,
    /// Fast at first.
    Logarithmic,
    /// Slowly at both ends.
    S,
}

impl Curve {
    /// All of them, with their words in a file.
    pub const ALL: [(Self, &str); 4] = [
        (Self::Linear, "linear"),
        (Self::Exponential, "exponential"),
        (Self::Logarithmic, "logarithmic"),
        (Self::S, "s"),
    ];
}

/// What happens if a control is elsewhere than its target's value, which a scene or a person has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PickUp {
    /// The target jumps to the control.
    #[default]
    None,
    /// Nothing, until the control comes to the value.
    PickUp,
    /// The target moves by what of the rest of its way the control moves, until they meet.
    Scaled,
}

impl PickUp {
    /// All of them, with their words in a file.
    pub const ALL: [(Self, &str); 3] = [(Self::None, "none"), (Self::PickUp, "pick up"), (Self::Scaled, "scaled")];
}

/// The word of one of a list.
fn word<T: PartialEq>(list: &[(T, &'static str)], meant: &T) -> &'static str {
    list.iter().find(|(known, _)| known == meant).map_or("", |(_, word)| word)
}

/// What a word of a list means.
fn meaning<T: Copy>(list: &[(T, &'static str)], text: &str) -> Option<T> {
    list.iter().find(|(_, word)| *word == text).map(|(known, _)| *known)
}
