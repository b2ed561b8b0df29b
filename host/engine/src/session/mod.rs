//! Rig files: what a rig is on disk, plain data without live objects. Never makes a plugin and never asks a device.

mod crosspoints;
mod disk;
mod document;
mod fields;
mod file;
mod machine;
mod path;
mod port;
mod problem;
mod read;
mod state;
mod words;
mod write;

pub use crosspoints::{Crosspoint, Crosspoints, cable};
pub use document::{
    Builtin, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, MAX_BEAT_VALUE, MAX_BEATS,
    MAX_DELAY_FRAMES, NodeEntry, ParameterEntry, ParameterValue, PluginEntry, PluginRef, SignalEntry, State,
    TEMPO_RANGE, VERSION, is_node_name,
};
pub use file::{SaveError, load, save};
pub use machine::{DeviceChoice, LoadedMachine, MachineFile, Mapping, Role};
pub use port::PortSelector;
pub use problem::{LoadError, Problem, Severity};
pub use read::{Loaded, parse};
