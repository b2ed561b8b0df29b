//! Nodes: what the graph knows of a processor. Holds no processor, no controller and no audio.

use crate::port::{AudioPort, EventPort};

/// The highest latency a node may report, in frames: almost six minutes at 48 kHz.
pub const MAX_LATENCY: u32 = 1 << 24;

/// What a node stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Channels that the device delivers. It has no audio inputs.
    Input {
        /// The device's channel, counted from 0, of each channel of the node's audio outputs, port after port. `None`
        /// is not mapped and silent.
        device_channels: Vec<Option<u32>>,
    },
    /// Channels that the device plays. It has no audio outputs.
    Output {
        /// The device's channel, counted from 0, of each channel of the node's audio inputs, port after port. `None` is
        /// not mapped and heard nowhere.
        device_channels: Vec<Option<u32>>,
        /// The alignment group of each of these channels. Channels of one group, on any output node of the rig, are
        /// aligned with each other; `None` stands by itself.
        alignment_groups: Vec<Option<u16>>,
    },
    /// A processor: a plugin or a built-in node.
    Processor,
}

/// Which of a node's input channels must arrive together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Alignment {
    /// Each channel by itself: nodes that treat every channel alone, such as a gain or a meter.
    Channels,
    /// The channels of one port: what a plugin expects.
    #[default]
    Ports,
    /// All channels of all ports: nodes that sum their ports.
    Node,
}

/// A node of the graph, without its edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What people call it. Need not be unique.
    pub name: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// Where audio comes in.
    pub audio_inputs: Vec<AudioPort>,
    /// Where audio goes out.
    pub audio_outputs: Vec<AudioPort>,
    /// Where events come in.
    pub event_inputs: Vec<EventPort>,
    /// Where events go out.
    pub event_outputs: Vec<EventPort>,
    /// Frames by which the outputs lag behind the inputs, at most [`MAX_LATENCY`].
    pub latency: u32,
    /// Whether channel c of audio output port p may share the slot of channel c of audio input port p.
    pub in_place: bool,
    /// Which input channels must arrive together.
    pub alignment: Alignment,
    /// Whether a bypass path is kept ready: input channel c of the main port to output channel c, as late as the node.
    pub bypassable: bool,
}

impl Node {
    /// A node without ports or latency, not in place, aligned by port.
    pub fn new(name: impl Into<String>, kind: NodeKind) -> Self {
        Self {
            name: name.into(),
            kind,
            audio_inputs: Vec::new(),
            audio_outputs: Vec::new(),
            event_inputs: Vec::new(),
            event_outputs: Vec::new(),
            latency: 0,
            in_place: false,
            alignment: Alignment::default(),
            bypassable: false,
        }
    }

    /// A processor without ports or latency, not in place, aligned by port.
    pub fn processor(name: impl Into<String>) -> Self {
        Self::new(name, NodeKind::Processor)
    }

    /// The audio input port of that number, if there is one.
    pub fn audio_input(&self, port: u16) -> Option<&AudioPort> {
        self.audio_inputs.get(usize::from(port))
    }

    /// The audio output port of that number, if there is one.
    pub fn audio_output(&self, port: u16) -> Option<&AudioPort> {
        self.audio_outputs.get(usize::from(port))
    }
}
