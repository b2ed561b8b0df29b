//! Plugin formats behind one trait. The engine sees a [`Library`] with its descriptors, a [`Plugin`] (the controller
//! half, main thread only) and a [`crosspoint_graph::Processor`] (the audio half); nothing else of a format leaves here.
//!
//! One folder per format, alike file by file: `library` (a file or a linked entry), `host` (what the plugin may call),
//! `plugin` (controller), `processor` (audio half), `call` (what one process call is handed), `ports`, `parameters`,
//! `input` and `output` (events, both ways), `poll` (what it left for its host to do).
//!
//! This crate never unloads a plugin's library, never calls a plugin on a thread its format forbids, and its audio
//! halves never block, allocate, free, lock, log or call the system.

mod arrangement;
pub mod clap;
mod describe;
pub mod doctor;
mod double;
mod error;
mod faults;
mod finite;
pub mod inspect;
mod library;
pub mod midi;
mod note_expression;
mod plugin;
mod preset;
pub mod scan;
mod session;
mod surface;
mod thread;
pub mod vst3;
pub mod window;

pub use arrangement::{
    AmbisonicOrder, AmbisonicScale, BusLayout, ChannelMap, ConfiguredBus, PortConfiguration, Speaker,
};
pub use describe::describe;
pub use error::{LoadError, PluginError};
pub use library::{Format, Library, PluginDescriptor, open};
pub use note_expression::{FingerMovement, NoteExpressionKind, NoteExpressionType};
pub use plugin::{
    Activation, AudioBus, BusDirection, BusPurpose, Dialect, Dialects, Interest, NotePort, Parameter, ParameterFlags,
    ParametersChange, Plugin, PluginNotice, Precision, RenderAhead, RenderMode, Severity, Tail,
};
pub use preset::{Preset, PresetFlags, PresetLocation, PresetPack, PresetPlace, PresetPlugin, PresetProblem, Presets};
pub use session::{
    ChangeDelta, HistoryDirection, ProjectPart, ProjectPartKind, StatePurpose, TransportRequest, UndoContext,
};
pub use surface::{
    AutomationState, Color, ControlPage, Mapping, MenuItem, MenuTarget, NoteName, SurfaceModel, Track, TrackKind,
    Voices,
};
pub use thread::is_audio_thread;
