//! What can go wrong in the engine, each with what to do about it.

use crate::plugins::ReferenceError;
use crate::session::{MomentError, SaveError};
use crosspoint_devices::{DeviceNameError, OpenError, StreamError};
use crosspoint_formats::inspect::InspectError;
use crosspoint_formats::{LoadError, PluginError, Precision};
use crosspoint_graph::graph::EditError;
use crosspoint_graph::{NodeId, PublishError};
use std::ops::RangeInclusive;

/// Why the engine did not do what it was asked. The rig is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The graph cannot be edited so.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The graph does not compile, or nobody takes it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A plugin file or a plugin in it does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A reference means no plugin, or several.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A plugin failed.
    #[error("{name}: {source}")]
    Plugin {
        /// The node's name.
        name: String,
        /// What the plugin said.
        source: PluginError,
    },
    /// A device does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A device name makes no sense.
    #[error(transparent)]
    DeviceName(#[from] DeviceNameError),
    /// A stream fails.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// There is no such node.
    #[error("the rig has no node {0}; it may have been removed")]
    UnknownNode(NodeId),
    /// An input or output of the rig cannot be away.
    #[error("\"{name}\" is an input or output of the rig, which is always there; close its crosspoints or mute it")]
    AlwaysThere {
        /// The node's name.
        name: String,
    },
    /// Too much memory would wait for scenes.
    #[error(
        "a second instance of \"{name}\" takes about {needed} MB, and plugins that wait for a scene take {waiting} of the \
         {limit} MB that they may; raise the limit, remove one of them, or have the scene share \"{name}\", which cross-fades through its bypass then (`share_state`)"
    )]
    InstanceLimit {
        /// The node's name.
        name: String,
        /// What its plugin takes, in MB.
        needed: u64,
        /// What those that wait take.
        waiting: u64,
        /// What they may take.
        limit: u32,
    },
    /// Nobody said where to save.
    #[error("the rig has no file yet: name one")]
    NoFile,
    /// There is no such scene.
    #[error("the rig has no scene \"{name}\"; it has: {known}")]
    UnknownScene {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is no such song.
    #[error("the rig has no song \"{name}\"; it has: {known}")]
    UnknownSong {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is no such group, mix or preset of the matrix.
    #[error("the rig has no {what} \"{name}\"; it has: {known}")]
    UnknownEntry {
        /// Of what kind.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is no cell in a block.
    #[error("there is no crosspoint in that; name at least a row and a column")]
    EmptyBlock,
    /// A scene, song, group, mix or preset of the matrix cannot be called so.
    #[error("the name \"{name}\" {problem}; give another one")]
    Title {
        /// The name.
        name: String,
        /// Why not.
        problem: &'static str,
    },
    /// There is no such moment.
    #[error("there is no moment \"{name}\" to go back to; there are: {known}")]
    UnknownMoment {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nobody can go back to a moment.
    #[error("nobody can go back to \"{name}\": {source}")]
    Moment {
        /// Its name.
        name: String,
        /// Why.
        source: MomentError,
    },
    /// Enough moments were taken.
    #[error("there are {most} moments already; remove one that is not needed")]
    TooManyMoments {
        /// How many there may be.
        most: usize,
    },
    /// There is no such mapping.
    #[error("there is no mapping at place {place}; the rig has {count}, counted from 0")]
    UnknownMapping {
        /// What was asked for.
        place: usize,
        /// How many there are.
        count: usize,
    },
    /// The tempo is another one's.
    #[error("the tempo is that of the MIDI clock of \"{role}\"; set it there, or follow no clock")]
    FollowsClock {
        /// The role of the clock.
        role: String,
    },
    /// A mapping makes no sense.
    #[error("the mapping {problem}")]
    Mapping {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The node is there and cannot do that.
    #[error("the node \"{name}\" {problem}")]
    Unfit {
        /// The node's name.
        name: String,
        /// What it lacks.
        problem: &'static str,
    },
    /// A parameter that the node does not have.
    #[error("\"{name}\" has no parameter \"{parameter}\"; it has: {known}")]
    UnknownParameter {
        /// The node's name.
        name: String,
        /// What was asked for.
        parameter: String,
        /// What there is.
        known: String,
    },
    /// A parameter's text that its plugin does not understand.
    #[error(
        "\"{name}\" does not understand \"{text}\" as a value of \"{parameter}\"; try a number from {minimum} to {maximum}"
    )]
    ParameterText {
        /// The node's name.
        name: String,
        /// The parameter.
        parameter: String,
        /// What was asked for.
        text: String,
        /// The least value.
        minimum: f64,
        /// The greatest value.
        maximum: f64,
    },
    /// A plugin does not process samples of the precision that it was to be given.
    #[error("{name} does not process samples of {} bits; it is given the other ones", .precision.bits())]
    PrecisionRefused {
        /// The node's name.
        name: String,
        /// What was asked for.
        precision: Precision,
    },
    /// A plugin refused the state that it was to start with.
    #[error("{name}: its state was refused, it starts as new: {source}")]
    StateRefused {
        /// The node's name.
        name: String,
        /// What the plugin said.
        source: PluginError,
    },
    /// A plugin does not load a preset.
    #[error("\"{name}\" does not load the preset {preset}: {reason}")]
    Preset {
        /// The node's name.
        name: String,
        /// Where the preset lies.
        preset: String,
        /// What the plugin said.
        reason: String,
    },
    /// A plugin cannot be looked at.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// Nobody said how plugins are looked at in other processes.
    #[error("the engine does not know how to look at plugins; tell it by `Engine::set_inspector`")]
    NoInspector,
    /// The state that a plugin was to start with is not there.
    #[error("{name}: its state {file} is missing, it starts as new")]
    StateMissing {
        /// The node's name.
        name: String,
        /// The state's file.
        file: String,
    },
    /// A plugin that is in none of the places where it could be.
    #[error("it is not installed where it was; install it or correct its path")]
    NotInstalled,
    /// The plugin was dropped, or the thread that has the plugins is gone.
    #[error("the plugin is gone; add it again, and keep the main thread's half of the engine alive")]
    PluginGone,
    /// The engine was dropped before it could answer.
    #[error("the engine is gone; nothing was done")]
    Gone,
    /// Another rig or chain was asked for before this one was there.
    #[error("another rig was asked for before the plugins of this one were there; load it again if it is wanted")]
    Replaced,
    /// The rig cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A rate or block size that makes no sense.
    #[error("{what} of {value} is out of range; it must be {range}")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would do.
        range: &'static str,
    },
    /// Loudness is measured of as many channels as can be.
    #[error("loudness is measured of at most {limit} channels at once; switch it off for another node first")]
    TooManyLoudnessChannels {
        /// How many can be.
        limit: usize,
    },
    /// The system has no thread to give.
    #[error("there is no thread to be had: {reason}; close other programs and try again")]
    NoThread {
        /// What it says.
        reason: String,
    },
    /// Another thread renders with the renderer, or has taken it for good.
    #[error("the renderer is in use elsewhere; stop what renders with it first")]
    RendererBusy,
    /// An audio file cannot be read or written.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// That a value is within a range, which `range` says in words.
pub(crate) fn check_range(
    what: &'static str,
    value: f64,
    allowed: &RangeInclusive<f64>,
    range: &'static str,
) -> Result<(), EngineError> {
    if allowed.contains(&value) { Ok(()) } else { Err(EngineError::OutOfRange { what, value, range }) }
}
