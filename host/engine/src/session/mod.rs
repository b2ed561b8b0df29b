//! Rig files: what a rig is on disk, plain data without live objects. Never makes a plugin and never asks a device.

mod crosspoints;
mod document;
mod port;

pub use crosspoints::{Crosspoint, Crosspoints, cable};
pub use document::{
    Builtin, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, MAX_BEAT_VALUE, MAX_BEATS,
    MAX_DELAY_FRAMES, NodeEntry, ParameterEntry, ParameterValue, PluginEntry, PluginRef, SignalEntry, State,
    TEMPO_RANGE, Unreadable, VERSION, is_node_name,
};
pub use port::PortSelector;
