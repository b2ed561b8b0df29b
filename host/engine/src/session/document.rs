//! What a rig file says, as plain data: no live object, no path that is not the user's, nothing of TOML but what could
//! not be understood. The engine makes a rig of it and makes it anew of a rig.

use std::path::PathBuf;
use std::sync::Arc;

use crosspoint_formats::Precision;
use crosspoint_graph::{AudioPort, ChannelLayout, EventPort, Timing};

use super::crosspoints::Crosspoints;
use super::groups::GroupEntry;
use super::guard::OutputGuard;
use super::mappings::MappingEntry;
use super::matrix_presets::MatrixPresetEntry;
use super::mixes::MixEntry;
use super::moments::MomentEntry;
use super::overload::OverloadPolicy;
use super::port::PortSelector;
use super::scenes::{SceneEntry, SongEntry};
use super::transport::TransportEntry;

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

/// A rig as a file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The version of the format it was read from; [`VERSION`] for a new one. A greater one cannot be saved.
    pub version: u32,
    /// What people call the rig.
    pub name: String,
    /// Whatever the user wants to remember. Comments of a file do not outlive a save, this does.
    pub note: String,
    /// Quarter notes a minute, within [`TEMPO_RANGE`].
    pub tempo: f64,
    /// Beats a bar and the note value of a beat: a [metre](crosspoint_graph::is_metre).
    pub metre: (u16, u16),
    /// How the transport starts, and what clocks it has to do with.
    pub transport: TransportEntry,
    /// The timing of edges that have none of their own.
    pub timing: Timing,
    /// What rings on of nodes that are bypassed or gone.
    pub spillover: Spillover,
    /// MB that the plugins may take which are away unless a scene wants them; none for no limit.
    pub instance_limit: Option<u32>,
    /// The nodes, in the order in which they are made.
    pub nodes: Vec<NodeEntry>,
    /// The edges, in the order in which they are made, which is the order of sums and merges.
    pub edges: Vec<EdgeEntry>,
    /// Edges that made no sense, such as those to a node that does not exist. Written back as they were.
    pub unreadable_edges: Vec<toml::Table>,
    /// Groups of the routing matrix.
    pub groups: Vec<GroupEntry>,
    /// Monitor mixes.
    pub mixes: Vec<MixEntry>,
    /// Presets of the routing matrix.
    pub matrix_presets: Vec<MatrixPresetEntry>,
    /// Presets of the routing matrix that do not say which cell stands where. Written back as they were.
    pub unreadable_matrix_presets: Vec<toml::Table>,
    /// The scenes.
    pub scenes: Vec<SceneEntry>,
    /// The songs.
    pub songs: Vec<SongEntry>,
    /// The names of the songs in the order in which they are played, one perhaps twice; all as they stand if it is empty.
    pub setlist: Vec<String>,
    /// What MIDI messages control.
    pub mappings: Vec<MappingEntry>,
    /// Mappings that do not say what controls what. Written back as they were.
    pub unreadable_mappings: Vec<toml::Table>,
    /// Moments to go back to, in the order in which they were taken.
    pub moments: Vec<MomentEntry>,
    /// Keys and tables that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

/// The slowest and the fastest tempo, in quarter notes a minute.
pub const TEMPO_RANGE: (f64, f64) = (1.0, 1000.0);

impl Default for Document {
    /// An empty rig: 120 quarter notes a minute, 4/4, aligned.
    fn default() -> Self {
        Self {
            version: VERSION,
            name: String::new(),
            note: String::new(),
            tempo: 120.0,
            metre: (4, 4),
            transport: TransportEntry::default(),
            timing: Timing::default(),
            spillover: Spillover::default(),
            instance_limit: None,
            nodes: Vec::new(),
            edges: Vec::new(),
            unreadable_edges: Vec::new(),
            groups: Vec::new(),
            mixes: Vec::new(),
            matrix_presets: Vec::new(),
            unreadable_matrix_presets: Vec::new(),
            scenes: Vec::new(),
            songs: Vec::new(),
            setlist: Vec::new(),
            mappings: Vec::new(),
            unreadable_mappings: Vec::new(),
            moments: Vec::new(),
            extra: toml::Table::new(),
        }
    }
}

impl Document {
    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeEntry> {
        self.nodes.iter().find(|node| node.name == name)
    }
}

/// A node of a rig file.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeEntry {
    /// What people and edges call it: unique in the file, not empty, without `/` and control characters
    /// ([`is_node_name`]).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// Whether it is bypassed. Never so for inputs and outputs.
    pub bypassed: bool,
    /// How it is bypassed.
    pub bypass: BypassMode,
    /// Whether it is there, or away: nothing passes it then. Inputs and outputs always are.
    pub present: bool,
    /// What it is.
    pub kind: EntryKind,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl NodeEntry {
    /// A node of that name and kind.
    pub fn new(name: impl Into<String>, kind: EntryKind) -> Self {
        Self {
            name: name.into(),
            note: String::new(),
            bypassed: false,
            bypass: BypassMode::default(),
            present: true,
            kind,
            extra: toml::Table::new(),
        }
    }
}

/// What becomes of a node that is bypassed. The signal always goes past it, as late as it is, and so do events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassMode {
    /// Its input fades to silence, its notes end, and what sounds of them rings out.
    #[default]
    Tails,
    /// It fades out, and forgets what sounds.
    Cut,
    /// It fades out and plays on unheard, notes and all.
    Live,
    /// The plugin's own switch is used, and nothing else done; as [`Self::Tails`] if it has none.
    Plugin,
}

impl BypassMode {
    /// The word for it in rig files, such as `live`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tails => "tails",
            Self::Cut => "cut",
            Self::Live => "live",
            Self::Plugin => "plugin",
        }
    }
}

/// Bounds of what rings on of nodes that are bypassed or gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spillover {
    /// For how long at most, in seconds, 0 to 60.
    pub seconds: f64,
    /// How many nodes at once that are gone, 0 to 64.
    pub nodes: u32,
}

impl Default for Spillover {
    /// Ten seconds, eight nodes.
    fn default() -> Self {
        Self { seconds: 10.0, nodes: 8 }
    }
}

impl Spillover {
    /// The longest time, in seconds.
    pub const MAX_SECONDS: f64 = 60.0;
    /// The most nodes.
    pub const MAX_NODES: u32 = 64;
}

/// Whether a node may be called so: not empty, no `/` (it begins a port's name in an edge), no control characters, no
/// blank at either end.
pub fn is_node_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.chars().any(|c| c == '/' || c.is_control())
}

/// What a node of a rig file is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// What the hardware delivers. The machine file says which channels that is.
    Input {
        /// The role, such as `guitar`. Several nodes may share one.
        role: String,
        /// What arrives.
        signal: HardwareSignal,
    },
    /// What the hardware plays. The machine file says on which channels.
    Output {
        /// The role, such as `speakers`. Several nodes may share one.
        role: String,
        /// What leaves.
        signal: HardwareSignal,
        /// Outputs that name the same group are aligned with each other.
        alignment_group: Option<String>,
        /// What it may play.
        guard: OutputGuard,
    },
    /// A plugin. Boxed, as it is far larger than the others.
    Plugin(Box<PluginEntry>),
    /// A built-in node.
    Builtin {
        /// Which one, and how it is made.
        builtin: Builtin,
        /// The parameters that are not at their initial value, by name.
        parameters: Vec<ParameterEntry>,
    },
    /// A built-in node that this version does not have. All it said is in [`NodeEntry::extra`].
    Unknown,
}

/// What goes through a hardware port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareSignal {
    /// Audio, 1 to [`crosspoint_graph::MAX_PORT_CHANNELS`] channels.
    Audio(ChannelLayout),
    /// Events: a MIDI port.
    Events,
}

/// A plugin with all that is needed to have it again, or to keep its place until then.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PluginEntry {
    /// Which plugin.
    pub plugin: PluginRef,
    /// What becomes of it if it takes too much time.
    pub overload: OverloadPolicy,
    /// The precision of samples that it is to be given; none for the one that it prefers.
    pub precision: Option<Precision>,
    /// Its audio inputs when it was last seen; empty if it never was.
    pub audio_inputs: Vec<AudioPort>,
    /// Its audio outputs when it was last seen.
    pub audio_outputs: Vec<AudioPort>,
    /// Its event inputs when it was last seen.
    pub event_inputs: Vec<EventPort>,
    /// Its event outputs when it was last seen.
    pub event_outputs: Vec<EventPort>,
    /// Its latency when it was last seen, in frames.
    pub latency: u32,
    /// Parameters to set: after the state if there is one, from the initial state otherwise.
    pub parameters: Vec<ParameterEntry>,
    /// Its opaque state.
    pub state: Option<State>,
}

/// Which plugin, whatever machine it is on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PluginRef {
    /// The plugin format, such as `clap`. Text, since a file may name one that this version cannot host.
    pub format: String,
    /// Its identity within the format.
    pub id: String,
    /// Its own name, to tell people which is missing.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// Its version when it was last seen.
    pub version: String,
    /// Where it was last found. Decides only between several that have the same format and id.
    pub path_hint: Option<PathBuf>,
}

/// A plugin's opaque state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The bytes, as the plugin gave them.
    Bytes(Arc<[u8]>),
    /// The state file is absent or damaged. It stays named, for the day it is back.
    Unavailable {
        /// The file relative to the rig's folder, with `/` between names.
        file: String,
    },
}

impl State {
    /// The bytes, if they could be had.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Unavailable { .. } => None,
        }
    }
}

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterEntry {
    /// The parameter's id. A file written by hand may leave it out and give the name only.
    pub id: Option<u32>,
    /// The parameter's name; looked at only if there is no id.
    pub name: String,
    /// The value to set.
    pub value: ParameterValue,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterValue {
    /// In the plain scale of the plugin or the built-in node. Finite.
    Plain(f64),
    /// As people write it, such as `-6 dB`: the plugin's own conversion reads it.
    Text(String),
}

/// A built-in node and how it is made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Builtin {
    /// [`crosspoint_graph::nodes::gain`].
    Gain {
        /// The channels of its ports.
        layout: ChannelLayout,
    },
    /// [`crosspoint_graph::nodes::pan`].
    Pan {
        /// What is panned.
        source: crosspoint_graph::nodes::pan::Source,
    },
    /// [`crosspoint_graph::nodes::mixer`].
    Mixer {
        /// The channels of its input ports.
        inputs: Vec<ChannelLayout>,
        /// The channels of its output ports.
        outputs: Vec<ChannelLayout>,
    },
    /// [`crosspoint_graph::nodes::delay`].
    Delay {
        /// The channels of its ports.
        layout: ChannelLayout,
        /// The longest delay it can be set to, in frames, at most [`MAX_DELAY_FRAMES`].
        longest: u32,
    },
    /// [`crosspoint_graph::nodes::tone`].
    Tone {
        /// The channels of its port.
        layout: ChannelLayout,
    },
    /// [`crosspoint_graph::nodes::meter`].
    Meter {
        /// The channels of its ports.
        layout: ChannelLayout,
    },
    /// [`crosspoint_graph::nodes::player`].
    Player {
        /// The channels of its port.
        layout: ChannelLayout,
        /// The audio file. Relative to the rig's folder in the file, joined to it here.
        file: PathBuf,
    },
    /// [`crosspoint_graph::nodes::zone`].
    Zone,
    /// [`crosspoint_graph::nodes::metronome`].
    Metronome {
        /// The channels of its port.
        layout: ChannelLayout,
    },
}

impl Builtin {
    /// Its `kind` in a rig file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gain { .. } => "gain",
            Self::Pan { .. } => "pan",
            Self::Mixer { .. } => "mixer",
            Self::Delay { .. } => "delay",
            Self::Tone { .. } => "tone",
            Self::Meter { .. } => "meter",
            Self::Player { .. } => "player",
            Self::Zone => "zone",
            Self::Metronome { .. } => "metronome",
        }
    }
}

/// The longest delay of a built-in delay, in frames: almost six minutes at 48 kHz.
pub const MAX_DELAY_FRAMES: u32 = 1 << 24;

/// An edge of a rig file.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeEntry {
    /// The output port it comes from.
    pub source: EndpointEntry,
    /// The input port it goes to.
    pub destination: EndpointEntry,
    /// What it carries.
    pub signal: SignalEntry,
    /// Its timing; `None` is the rig's default.
    pub timing: Option<Timing>,
    /// `Some(frames)` is a feedback edge with that delay, 1 to [`crosspoint_graph::graph::MAX_FEEDBACK_FRAMES`].
    pub feedback: Option<u32>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl EdgeEntry {
    /// An edge of default timing, without feedback.
    pub fn new(source: EndpointEntry, destination: EndpointEntry, signal: SignalEntry) -> Self {
        Self { source, destination, signal, timing: None, feedback: None, extra: toml::Table::new() }
    }
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointEntry {
    /// The name of the node.
    pub node: String,
    /// Which of its ports of the edge's direction and signal.
    pub port: PortSelector,
}

impl EndpointEntry {
    /// That port of the node of that name.
    pub fn new(node: impl Into<String>, port: PortSelector) -> Self {
        Self { node: node.into(), port }
    }
}

/// What an edge carries.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalEntry {
    /// Audio, through these crosspoints.
    Audio(Crosspoints),
    /// Events.
    Events,
}
