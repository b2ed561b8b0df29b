//! What a plugin and the session around it tell each other: what a state is for, where in the project the plugin stands,
//! where it may keep files, what it wants of the transport and of undo. Values only.

use crate::surface::Color;

/// What a state is saved or loaded for. Plugins leave out what does not belong: a preset has no MIDI channel, a
/// duplicate does not ask for the same exclusive resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatePurpose {
    /// To be in a project, whole.
    Project,
    /// To be a sound that others load.
    Preset,
    /// To be a second one beside the first.
    Duplicate,
}

/// What a plugin asks of the transport. Positions and lengths in quarter notes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TransportRequest {
    /// Go to where playing starts, and play.
    Start,
    /// Stop, and go back to where playing starts.
    Stop,
    /// Play on from where it is.
    Continue,
    /// Stop where it is.
    Pause,
    /// Stop if it plays, else play.
    TogglePlay,
    /// Move the playhead.
    Jump {
        /// To here.
        quarters: f64,
    },
    /// Set the loop.
    Loop {
        /// From here.
        start: f64,
        /// So long.
        length: f64,
    },
    /// Switch the loop on or off.
    EnableLoop(bool),
    /// Switch the loop to what it is not.
    ToggleLoop,
    /// Switch recording on or off.
    Record(bool),
    /// Switch recording to what it is not.
    ToggleRecord,
}

/// A step of a plugin's own history that it can go back and forth by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeDelta {
    /// The format of the bytes, which another version of the plugin may no longer know.
    pub version: u32,
    /// Bytes that mean nothing to others.
    pub bytes: Vec<u8>,
    /// Whether it leads back as well as forth.
    pub undoes: bool,
}

/// Backward or forward in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryDirection {
    /// Back to before the change.
    Undo,
    /// Forth to after it.
    Redo,
}

/// What could be undone and redone now, by the names people read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UndoContext {
    /// What would be undone; none if nothing can be.
    pub undo: Option<String>,
    /// What would be redone; none if nothing can be.
    pub redo: Option<String>,
}

/// What kind of place in a project it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProjectPartKind {
    /// The whole.
    Project,
    /// Several tracks together.
    TrackGroup,
    /// An instrument's track.
    InstrumentTrack,
    /// A track of sound.
    AudioTrack,
    /// A track of both.
    HybridTrack,
    /// A track that takes what others send.
    ReturnTrack,
    /// The track that takes everything.
    MasterTrack,
    /// A plugin.
    Device,
    /// Plugins within a plugin.
    NestedChain,
}

/// One step on the way from the whole project to a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectPart {
    /// What it is.
    pub kind: ProjectPartKind,
    /// Its identity within the project.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its number among its like.
    pub index: Option<u32>,
    /// Its colour.
    pub color: Option<Color>,
}
