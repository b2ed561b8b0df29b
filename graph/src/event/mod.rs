//! The one event type of the engine. Plugin formats and MIDI are translated to and from it at the edge of a node, never
//! inside the graph. Everything here has its room from the start: nothing allocates once it is made.

mod delay;
mod list;
mod merge;
mod message;
mod note;
mod queue;
mod sysex;

pub use delay::EventDelay;
pub use list::EventList;
pub use merge::{EventMerge, MergeEdge};
pub use note::NoteMatching;
pub use queue::EventQueue;
pub use sysex::SysExPool;

/// What identifies one sounding note on its whole way through the graph. Ours, not the plugin's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteId(pub i32);

impl NoteId {
    /// Means any note in a [`NoteAddress`], and "not known by an id" on a note that came from MIDI.
    pub const ANY: Self = Self(-1);
}

/// Which notes an event speaks of. -1 (or [`NoteId::ANY`]) matches all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoteAddress {
    /// The note's identity.
    pub note: NoteId,
    /// MIDI channel 0 to 15, or -1.
    pub channel: i8,
    /// MIDI key 0 to 127, or -1.
    pub key: i8,
}

impl NoteAddress {
    /// Every note of the port.
    pub const ALL: Self = Self { note: NoteId::ANY, channel: -1, key: -1 };

    /// A key on a channel, without an id.
    pub fn key(channel: u8, key: u8) -> Self {
        Self { note: NoteId::ANY, channel: (channel & 15) as i8, key: (key & 127) as i8 }
    }
}

/// A per-note dimension, with CLAP's ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expression {
    /// Linear amplitude, 0 to 4.
    Volume,
    /// 0 left, 0.5 centre, 1 right.
    Pan,
    /// Semitones relative to the key, -120 to 120.
    Tuning,
    /// 0 to 1.
    Vibrato,
    /// 0 to 1.
    Expression,
    /// 0 to 1.
    Brightness,
    /// 0 to 1.
    Pressure,
}

/// A system-exclusive message in the sysex pool; valid for the block in which it was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SysExId(pub u32);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// A key goes down.
    NoteOn {
        /// The note that starts: a channel and a key, and an id where there is one.
        address: NoteAddress,
        /// 0 to 1.
        velocity: f64,
    },
    /// A key goes up.
    NoteOff {
        /// The notes released.
        address: NoteAddress,
        /// 0 to 1.
        velocity: f64,
    },
    /// Notes end at once, without a release.
    NoteChoke {
        /// The notes cut.
        address: NoteAddress,
    },
    /// A plugin says that its voices of these notes are over. Speaks of the notes that the plugin was given, so it is
    /// for the host and does not travel along an edge.
    NoteEnd {
        /// The notes that are over.
        address: NoteAddress,
    },
    /// A per-note dimension changes.
    Expression {
        /// The notes concerned.
        address: NoteAddress,
        /// Which dimension.
        expression: Expression,
        /// In the dimension's range.
        value: f64,
    },
    /// One MIDI 1 channel or system message, unused bytes 0.
    Midi([u8; 3]),
    /// One Universal MIDI Packet, unused words 0.
    Ump([u32; 4]),
    /// A system-exclusive message.
    SysEx(SysExId),
    /// A parameter takes a value.
    Parameter {
        /// The node's own number of the parameter.
        parameter: u32,
        /// The notes concerned, [`NoteAddress::ALL`] for the parameter itself.
        address: NoteAddress,
        /// In the parameter's plain scale.
        value: f64,
    },
    /// A parameter is modulated: the amount is added to its value, and replaces the last amount.
    Modulation {
        /// The node's own number of the parameter.
        parameter: u32,
        /// The notes concerned, [`NoteAddress::ALL`] for the parameter itself.
        address: NoteAddress,
        /// In the parameter's plain scale.
        amount: f64,
    },
    /// A person takes hold of a control or lets go of it.
    Gesture {
        /// The node's own number of the parameter.
        parameter: u32,
        /// True for taking hold.
        begin: bool,
    },
    /// All notes and pedals end that this sender has begun: somebody else sends from here on. Answered where it is merged;
    /// no node receives it.
    AllEnd,
}

impl EventBody {
    /// Whether the event ends something that would otherwise last for ever: a note-off, choke or end, a gesture's end,
    /// a pedal lifted, and their MIDI 1 and UMP forms. These find room where other events no longer do.
    pub fn is_ending(&self) -> bool {
        match self {
            Self::NoteOff { .. } | Self::NoteChoke { .. } | Self::NoteEnd { .. } | Self::AllEnd => true,
            Self::Gesture { begin, .. } => !begin,
            Self::Midi(_) | Self::Ump(_) => message::decode(self).is_ending(),
            _ => false,
        }
    }
}

/// An event with its time and the event port of the node it is delivered to or came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Frame within the chunk.
    pub frame: u32,
    /// Index of the node's event port.
    pub port: u16,
    /// What happens.
    pub body: EventBody,
}
