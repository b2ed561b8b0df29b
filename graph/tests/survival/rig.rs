//! Random rigs that shrink well: a plan is a list of numbers, and whatever the numbers are, a rig comes of it.

use crate::sound::{Sound, Voice, noise};
use crate::stage::IN_CALLBACK;
use crosspoint_graph::graph::Alignment;
use crosspoint_graph::{
    AudioPort, Cell, ChannelLayout, Edge, Endpoint, Graph, Matrix, Node, NodeId, NodeKind, Publisher, Renderer, Timing,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;

/// Channels of the device on each side; rigs also name one more that it lacks.
pub const DEVICE_CHANNELS: usize = 5;

#[derive(Clone, Debug)]
pub enum Role {
    Input,
    Output { groups: Vec<Option<u16>> },
    Processor(Sound),
}

#[derive(Clone, Debug)]
pub struct NodePlan {
    pub role: Role,
    /// Place in the direction of the signal; edges that run against it feed back.
    pub rank: u8,
    pub inputs: Vec<u32>,
    pub outputs: Vec<u32>,
    pub device_channels: Vec<Option<u32>>,
    pub latency: u32,
    pub in_place: bool,
    pub bypassable: bool,
    pub alignment: Alignment,
}

#[derive(Clone, Debug)]
pub struct EdgePlan {
    pub source: (usize, usize),
    pub destination: (usize, usize),
    pub cells: Cells,
    pub timing: Option<Timing>,
    pub feedback: Option<u32>,
    pub feedback_length: u32,
}

#[derive(Clone, Debug)]
pub enum Cells {
    Diagonal,
    Few(Vec<(u32, u32, Cell)>),
    /// All cells but the destinations named.
    Dense(Vec<Cell>, u32),
}

#[derive(Clone, Debug)]
pub struct RigPlan {
    pub nodes: Vec<NodePlan>,
    pub edges: Vec<EdgePlan>,
    pub timing: Timing,
    /// Whether edges that run against the ranks feed back; else they are left out.
    pub feedback: bool,
}

/// A rig ready to play.
pub struct Rig {
    pub graph: Graph,
    pub sounds: Vec<(NodeId, Sound)>,
}

pub fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        4 => Just(Cell::UNITY),
        3 => (-1.5..1.5_f32).prop_map(Cell::new),
        1 => Just(Cell { mute: true, ..Cell::UNITY }),
        1 => Just(Cell { invert: true, ..Cell::UNITY }),
    ]
}

fn sound() -> impl Strategy<Value = Sound> {
    prop_oneof![
        (-1.2..1.2_f32).prop_map(Sound::Gain),
        (0.01..1.0_f32).prop_map(Sound::OnePole),
        Just(Sound::Delay(0)),
        (0..9_u32).prop_map(Sound::Noise),
        Just(Sound::Sum),
    ]
}

pub fn node(latencies: bool) -> impl Strategy<Value = NodePlan> {
    let role = prop_oneof![
        2 => Just(Role::Input),
        2 => vec(prop::option::weighted(0.5, 0..3_u16), 16).prop_map(|groups| Role::Output { groups }),
        6 => sound().prop_map(Role::Processor),
    ];
    let latency =
        if latencies { prop_oneof![3 => Just(0), 1 => 1..90_u32, 1 => Just(64_u32)].boxed() } else { Just(0).boxed() };
    let alignment = prop_oneof![Just(Alignment::Ports), Just(Alignment::Channels), Just(Alignment::Node)];
    (
        (role, any::<u8>(), vec(1..5_u32, 1..3), vec(1..5_u32, 1..3)),
        vec(prop::option::weighted(0.8, 0..=DEVICE_CHANNELS as u32), 16),
        (latency, any::<bool>(), any::<bool>(), alignment),
    )
        .prop_map(
            |((role, rank, inputs, outputs), device_channels, (latency, in_place, bypassable, alignment))| {
                let role = match role {
                    Role::Processor(Sound::Delay(_)) => Role::Processor(Sound::Delay(latency)),
                    role => role,
                };
                NodePlan { role, rank, inputs, outputs, device_channels, latency, in_place, bypassable, alignment }
            },
        )
}

pub fn edge(feedback: bool) -> impl Strategy<Value = EdgePlan> {
    let end = || (any::<usize>(), any::<usize>());
    let cells = prop_oneof![
        3 => Just(Cells::Diagonal),
        3 => vec((any::<u32>(), any::<u32>(), cell()), 0..6).prop_map(Cells::Few),
        2 => (vec(cell(), 16), prop_oneof![2 => Just(0_u32), 1 => 0..16_u32])
            .prop_map(|(cells, left_out)| Cells::Dense(cells, left_out)),
    ];
    let timing = prop::option::weighted(0.3, prop_oneof![Just(Timing::Aligned), Just(Timing::Immediate)]);
    let length = prop_oneof![1..100_u32, Just(64_u32), Just(1_u32)];
    let named = if feedback { prop::option::weighted(0.1, 1..100_u32).boxed() } else { Just(None).boxed() };
    (end(), end(), cells, timing, named, length).prop_map(
        |(source, destination, cells, timing, feedback, feedback_length)| EdgePlan {
            source,
            destination,
            cells,
            timing,
            feedback,
            feedback_length,
        },
    )
}

pub fn rig(nodes: usize, edges: usize) -> impl Strategy<Value = RigPlan> {
    let timing = prop_oneof![2 => Just(Timing::Aligned), 1 => Just(Timing::Immediate)];
    (vec(node(true), 2..nodes), vec(edge(true), 1..edges), timing).prop_map(|(nodes, edges, timing)| RigPlan {
        nodes,
        edges,
        timing,
        feedback: true,
    })
}

fn ports(channels: &[u32]) -> Vec<AudioPort> {
    channels.iter().map(|&channels| AudioPort::new("port", ChannelLayout::from_channels(channels))).collect()
}

impl NodePlan {
    pub fn node(&self, name: &str) -> Node {
        let (mut inputs, mut outputs) = (ports(&self.inputs), ports(&self.outputs));
        let kind = match &self.role {
            Role::Input => {
                inputs.clear();
                let channels = self.outputs.iter().sum::<u32>() as usize;
                NodeKind::Input { device_channels: self.device_channels[..channels].to_vec() }
            }
            Role::Output { groups } => {
                outputs.clear();
                let channels = self.inputs.iter().sum::<u32>() as usize;
                NodeKind::Output {
                    device_channels: self.device_channels[..channels].to_vec(),
                    alignment_groups: groups[..channels].to_vec(),
                }
            }
            Role::Processor(_) => NodeKind::Processor,
        };
        Node {
            audio_inputs: inputs,
            audio_outputs: outputs,
            latency: self.latency,
            in_place: self.in_place,
            bypassable: self.bypassable,
            alignment: self.alignment,
            ..Node::new(name, kind)
        }
    }

    pub fn sound(&self) -> Option<Sound> {
        if let Role::Processor(sound) = self.role { Some(sound) } else { None }
    }
}

impl EdgePlan {
    /// The edge between nodes of the list, each with its rank; none if no node fits.
    pub fn edge(&self, graph: &Graph, nodes: &[(NodeId, u8)]) -> Option<Edge> {
        let find = |which: usize, has_port: &dyn Fn(&Node) -> bool| {
            let fitting: Vec<_> =
                nodes.iter().filter(|(id, _)| graph.node(*id).is_some_and(has_port)).copied().collect();
            fitting.get(which % fitting.len().max(1)).copied()
        };
        let (source, from) = find(self.source.0, &|node| !node.audio_outputs.is_empty())?;
        let (destination, to) = find(self.destination.0, &|node| !node.audio_inputs.is_empty())?;
        let output_ports = &graph.node(source)?.audio_outputs;
        let input_ports = &graph.node(destination)?.audio_inputs;
        let (source_port, destination_port) =
            (self.source.1 % output_ports.len(), self.destination.1 % input_ports.len());
        let sources = output_ports[source_port].layout.channels();
        let destinations = input_ports[destination_port].layout.channels();
        let mut matrix = Matrix::new(sources, destinations);
        let mut set = |source, destination, cell| matrix.set(source, destination, Some(cell)).map(drop).unwrap();
        match &self.cells {
            Cells::Diagonal => (0..sources.min(destinations)).for_each(|channel| set(channel, channel, Cell::UNITY)),
            Cells::Few(cells) => {
                cells
                    .iter()
                    .for_each(|&(source, destination, cell)| set(source % sources, destination % destinations, cell));
            }
            Cells::Dense(cells, left_out) => {
                for destination in (0..destinations).filter(|destination| left_out >> destination & 1 == 0) {
                    (0..sources)
                        .for_each(|source| set(source, destination, cells[(destination * 4 + source) as usize]));
                }
            }
        }
        let runs_back = (from, source) >= (to, destination);
        Some(Edge {
            timing: self.timing,
            feedback: self.feedback.or(runs_back.then_some(self.feedback_length)),
            ..Edge::audio(
                Endpoint::new(source, source_port as u16),
                Endpoint::new(destination, destination_port as u16),
                matrix,
            )
        })
    }
}

impl RigPlan {
    pub fn build(&self) -> Rig {
        let mut graph = Graph::new();
        let mut sounds = Vec::new();
        graph
            .edit(|edit| {
                edit.apply(crosspoint_graph::graph::Edit::SetDefaultTiming { timing: self.timing })?;
                let mut nodes = Vec::new();
                for (index, plan) in self.nodes.iter().enumerate() {
                    let id = edit.add_node(plan.node(&format!("node {index}")))?;
                    sounds.extend(plan.sound().map(|sound| (id, sound)));
                    nodes.push((id, plan.rank));
                }
                for plan in &self.edges {
                    let edge = plan.edge(edit.graph(), &nodes);
                    if let Some(edge) = edge.filter(|edge| self.feedback || edge.feedback.is_none()) {
                        edit.connect(edge)?;
                    }
                }
                Ok(())
            })
            .unwrap();
        Rig { graph, sounds }
    }
}

/// The voice of a node.
pub fn voice(graph: &Graph, id: NodeId, sound: Sound) -> Voice {
    let channels = |ports: &[AudioPort]| ports.iter().map(|port| port.layout.channels() as usize).sum();
    let node = graph.node(id).unwrap();
    Voice::new(sound, channels(&node.audio_inputs), channels(&node.audio_outputs))
}

impl Rig {
    pub fn voices(&self) -> HashMap<NodeId, Voice> {
        self.sounds.iter().map(|&(id, sound)| (id, voice(&self.graph, id, sound))).collect()
    }

    /// Gives each node its processor.
    pub fn give(&self, publisher: &mut Publisher) {
        self.voices().into_iter().for_each(|(id, voice)| publisher.give(id, Box::new(voice)));
    }
}

/// What the device delivers on a channel: noise with stretches of silence.
pub fn device_input(channel: usize, frame: u64) -> f32 {
    if (frame / 90 + channel as u64).is_multiple_of(3) { 0.0 } else { noise(1000 + channel as u64, frame) }
}

/// Renders `frames` frames in blocks of the given lengths, again and again, under the guard against allocations; calls
/// `before` with the first frame of each block and the one behind its last.
pub fn render(
    renderer: &mut Renderer,
    frames: usize,
    blocks: &[usize],
    input: impl Fn(usize, u64) -> f32,
    mut before: impl FnMut(u64, u64),
) -> Vec<Vec<f32>> {
    let mut heard = vec![Vec::new(); DEVICE_CHANNELS];
    let mut lengths = blocks.iter().copied().cycle();
    while heard[0].len() < frames {
        let at = renderer.frame();
        let length = lengths.next().unwrap().min(frames - heard[0].len());
        before(at, at + length as u64);
        let inputs: Vec<Vec<f32>> = (0..DEVICE_CHANNELS)
            .map(|channel| (at..at + length as u64).map(|frame| input(channel, frame)).collect())
            .collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        // Whatever is not written shows.
        let mut outputs = vec![vec![f32::NAN; length]; DEVICE_CHANNELS];
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        IN_CALLBACK.set(true);
        assert_no_alloc::assert_no_alloc(|| renderer.render(&inputs, &mut slices));
        IN_CALLBACK.set(false);
        for (heard, output) in heard.iter_mut().zip(outputs) {
            heard.extend(output);
        }
    }
    heard
}

/// Where two recordings differ first, a zero being a zero whatever its sign.
pub fn difference(one: &[Vec<f32>], other: &[Vec<f32>]) -> Option<String> {
    assert_eq!(one.len(), other.len());
    for (channel, (one, other)) in one.iter().zip(other).enumerate() {
        assert_eq!(one.len(), other.len());
        // Zeros compare equal; nothing else does but itself, and what is not a number not even that.
        if let Some(frame) = (0..one.len()).find(|&frame| one[frame] != other[frame]) {
            return Some(format!("channel {channel} frame {frame}: {:e} and {:e}", one[frame], other[frame]));
        }
    }
    None
}
