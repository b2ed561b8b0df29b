//! The rig as a document for clients: made of a snapshot, with stable keys. Names, never ids of this run.

mod levels;
mod mappings;
mod matrix;
mod moments;
mod playhead;
mod scenes;
mod stage;

use crosspoint::devices::midi::Direction;
use crosspoint::graph::graph::Signal;
use crosspoint::graph::{AudioPort, EventPort, Graph, NodeId, NodeKind, Timing};
use crosspoint::measurement::decibels;
use crosspoint::session::Builtin;
use crosspoint::{Condition, DeviceState, LoadStatistics, NodeSnapshot, PortChannel, Snapshot, Soloed};
pub use levels::LevelsDocument;
pub use mappings::Mappings;
pub use matrix::MixView;
use matrix::{Group, MatrixPreset, Mix};
use moments::Moment;
pub use moments::moments;
use playhead::Clock;
pub use playhead::Playhead;
pub use scenes::Scenes;
use serde::Serialize;
pub use stage::xruns;
use stage::{Autosave, Guard, Overload, Xrun};
use std::collections::HashMap;

/// The rig at one moment.
#[derive(Serialize)]
pub struct Rig {
    /// Counts up with every change.
    revision: u64,
    rate: u32,
    /// Frames from the rig's inputs to the latest of its outputs.
    latency: u32,
    tempo: f64,
    metre: (u16, u16),
    /// Where it was when this was made.
    playhead: Playhead,
    /// Bars that a count-in counts.
    count_in_bars: u32,
    clock: Clock,
    device: Device,
    xruns: u64,
    lost_frames: u64,
    /// The last entry of the log of xruns.
    last_xrun: Option<Xrun>,
    /// Whether somebody looks after the time that the rig and its plugins take.
    watches_time: bool,
    /// The nodes whose loudness is measured.
    loudness: Vec<String>,
    spillover: Spillover,
    /// In MB; null for no limit.
    instance_limit: Option<u32>,
    /// The names of nodes that are gone and ring on.
    ringing: Vec<String>,
    autosave: Autosave,
    can_undo: bool,
    can_redo: bool,
    /// Whether cells that are set are parts of one step of undo.
    in_gesture: bool,
    /// Whether all that the device plays is muted.
    muted: bool,
    /// The frequency of A4 that the tuner tells notes by, in Hz.
    tuner_reference: f64,
    scenes: Scenes,
    /// Moments to go back to, the oldest first.
    moments: Vec<Moment>,
    /// Whether the next MIDI message is learned.
    is_learning: bool,
    /// Rows and cells that are soloed.
    soloed: Vec<Solo>,
    /// Rows that are heard whatever is soloed.
    solo_safe: Vec<Channel>,
    groups: Vec<Group>,
    mixes: Vec<Mix>,
    matrix_presets: Vec<MatrixPreset>,
    /// Whether a rig waits for its plugins.
    is_building: bool,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    midi: Vec<Midi>,
    /// The worst block since its reset, as a share of the time there was; null while load is not measured.
    worst_load: Option<f64>,
    /// How much of the time there is for a block it takes; null while it is not measured.
    load: Option<Share>,
}

/// Bounds of what rings on.
#[derive(Serialize)]
struct Spillover {
    seconds: f64,
    /// That are gone, at once.
    nodes: u32,
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Device {
    None,
    Playing { name: String, rate: u32, buffer_frames: u32, inputs: Vec<String>, outputs: Vec<String> },
    Lost { name: String, reason: String },
}

#[derive(Serialize)]
struct Node {
    name: String,
    /// `input`, `output`, `plugin` or `builtin`.
    kind: &'static str,
    /// `ready`, `loading`, `restarting` or `missing`.
    condition: &'static str,
    /// Why it is missing.
    reason: Option<String>,
    bypassed: bool,
    /// How it is bypassed: `tails`, `cut`, `live` or `plugin`.
    bypass_mode: &'static str,
    /// Whether it is there, or away: nothing passes it then.
    present: bool,
    /// Whether its plugin is being given another state, and is not heard meanwhile.
    state_under_way: bool,
    /// Bytes by which the process grew while its plugin was made, if that is known.
    memory: Option<u64>,
    /// Null for all but plugins.
    overload: Option<Overload>,
    /// Null for all but outputs that have audio.
    guard: Option<Guard>,
    latency: u32,
    plugin: Option<Plugin>,
    /// Which built-in node it is, such as `gain`.
    builtin: Option<&'static str>,
    /// The linear gain of a `gain` node; null for all others.
    gain: Option<f64>,
    audio_inputs: Vec<Port>,
    audio_outputs: Vec<Port>,
    event_inputs: Vec<String>,
    event_outputs: Vec<String>,
    load: Option<Share>,
}

#[derive(Serialize)]
struct Plugin {
    id: String,
    name: String,
    vendor: String,
}

#[derive(Serialize)]
struct Port {
    name: String,
    channels: u32,
}

/// Shares of the period: 1 is all the time that there is.
#[derive(Serialize)]
struct Share {
    mean: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct Edge {
    source: End,
    destination: End,
    /// Empty for events.
    crosspoints: Vec<Crosspoint>,
    is_events: bool,
    /// Frames of delay of a feedback edge.
    feedback: Option<u32>,
    /// `aligned` or `immediate`; null for the rig's default.
    timing: Option<&'static str>,
}

#[derive(Serialize)]
struct End {
    node: String,
    /// Counted from 1.
    port: u16,
}

#[derive(Serialize)]
struct Crosspoint {
    /// Channels, counted from 1.
    source: u32,
    destination: u32,
    /// Null is silence.
    gain_db: Option<f64>,
    mute: bool,
    invert: bool,
}

/// A row or column of the matrix.
#[derive(Serialize)]
struct Channel {
    node: String,
    /// Counted from 1.
    port: u16,
    channel: u32,
}

#[derive(Serialize)]
struct Solo {
    source: Channel,
    /// Null for a whole row.
    destination: Option<Channel>,
}

#[derive(Serialize)]
struct Midi {
    is_input: bool,
    role: String,
    port: String,
    /// Null while it is waited for.
    open: Option<String>,
}

/// A node's parameter.
#[derive(Serialize)]
pub struct Parameter {
    id: u32,
    name: String,
    module: String,
    /// Null for what has no order, such as shapes by their numbers.
    minimum: Option<f64>,
    maximum: Option<f64>,
    default: Option<f64>,
    is_stepped: bool,
    is_read_only: bool,
    /// Whether it is a linear gain, which may be set in decibels.
    is_gain: bool,
    /// As it was last told.
    value: Option<f64>,
}

impl Rig {
    /// The rig of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let load = snapshot.load.as_deref();
        let share = |times: &LoadStatistics| {
            let of = |nanoseconds| load.map_or(0.0, |load| load.share(nanoseconds));
            Share { mean: of(times.mean_ns), p99: of(times.p99_ns), max: of(times.max_ns) }
        };
        let nodes = snapshot.graph.nodes().map(|(id, node)| {
            let more = snapshot.nodes.get(&id);
            let (condition, reason) = condition(more);
            let plugin = more.and_then(|more| more.plugin.as_deref());
            Node {
                name: node.name.clone(),
                kind: match node.kind {
                    NodeKind::Input { .. } => "input",
                    NodeKind::Output { .. } => "output",
                    NodeKind::Processor if more.is_some_and(|more| more.builtin.is_some()) => "builtin",
                    NodeKind::Processor => "plugin",
                },
                condition,
                reason,
                bypassed: more.is_some_and(|more| more.bypassed),
                bypass_mode: more.map(|more| more.bypass).unwrap_or_default().word(),
                present: more.is_none_or(|more| more.present),
                state_under_way: more.is_some_and(|more| more.state_under_way),
                memory: more.and_then(|more| more.memory),
                overload: more.and_then(|more| more.overload.as_ref()).map(Overload::of),
                guard: more.and_then(|more| more.guard.as_ref()).map(|guard| Guard::of(&snapshot.graph, guard)),
                latency: node.latency,
                plugin: plugin.map(|plugin| Plugin {
                    id: plugin.id.clone(),
                    name: plugin.name.clone(),
                    vendor: plugin.vendor.clone(),
                }),
                builtin: more.and_then(|more| more.builtin.as_ref()).map(Builtin::kind),
                gain: more.and_then(gain),
                audio_inputs: ports(&node.audio_inputs),
                audio_outputs: ports(&node.audio_outputs),
                event_inputs: names(&node.event_inputs),
                event_outputs: names(&node.event_outputs),
                load: load.and_then(|load| load.nodes.get(&id)).map(share),
            }
        });
        Self {
            revision: snapshot.revision,
            rate: snapshot.settings.rate,
            latency: snapshot.latency,
            tempo: snapshot.tempo,
            metre: snapshot.metre,
            playhead: Playhead::of(snapshot),
            count_in_bars: snapshot.count_in,
            clock: Clock::of(snapshot),
            device: device(&snapshot.device),
            xruns: snapshot.xruns,
            lost_frames: snapshot.lost_frames,
            last_xrun: snapshot.xrun_log.last().map(Xrun::of),
            watches_time: snapshot.watches_time,
            loudness: snapshot
                .loudness
                .iter()
                .filter_map(|&node| Some(snapshot.graph.node(node)?.name.clone()))
                .collect(),
            spillover: Spillover { seconds: snapshot.spillover.seconds, nodes: snapshot.spillover.nodes },
            instance_limit: snapshot.instance_limit,
            ringing: snapshot.ringing.clone(),
            autosave: Autosave::of(&snapshot.autosave),
            can_undo: snapshot.history.0,
            can_redo: snapshot.history.1,
            in_gesture: snapshot.in_gesture,
            muted: snapshot.muted,
            tuner_reference: snapshot.tuner_reference,
            scenes: Scenes::of(&snapshot.scenes),
            moments: moments(snapshot),
            is_learning: snapshot.mappings.is_learning,
            soloed: snapshot.solo.soloed.iter().map(|soloed| solo(&snapshot.graph, soloed)).collect(),
            solo_safe: snapshot.solo.safe.iter().map(|row| channel(&snapshot.graph, row)).collect(),
            groups: snapshot.groups.iter().map(Group::of).collect(),
            mixes: snapshot.mixes.iter().map(|mix| Mix::of(&snapshot.graph, mix)).collect(),
            matrix_presets: snapshot.matrix_presets.iter().map(MatrixPreset::of).collect(),
            is_building: snapshot.is_building,
            nodes: nodes.collect(),
            edges: edges(&snapshot.graph),
            midi: snapshot
                .midi
                .iter()
                .map(|port| Midi {
                    is_input: port.direction == Direction::Input,
                    role: port.role.clone(),
                    port: port.name.clone(),
                    open: port.open.clone(),
                })
                .collect(),
            worst_load: load.map(|load| load.share(load.worst.whole_ns)),
            load: load.map(|load| share(&load.whole)),
        }
    }
}

impl Parameter {
    /// What it is called, and its value as far as it is known.
    pub fn named_value(self) -> Option<(String, f64)> {
        Some((self.name, self.value?))
    }
}

/// The parameters of a node.
pub fn parameters(node: &NodeSnapshot) -> Vec<Parameter> {
    let values: HashMap<u32, f64> = node.values.iter().copied().collect();
    let value = |id| values.get(&id).copied();
    if let Some(builtin) = &node.builtin {
        let described = builtin.parameters().into_iter().map(|parameter| Parameter {
            id: parameter.id,
            name: parameter.name,
            module: String::new(),
            minimum: parameter.range.map(|(least, _)| least),
            maximum: parameter.range.map(|(_, greatest)| greatest),
            default: parameter.initial,
            is_stepped: parameter.is_whole,
            is_read_only: false,
            is_gain: parameter.is_gain,
            value: value(parameter.id).or(parameter.initial),
        });
        return described.collect();
    }
    let shown = node.parameters.iter().filter(|parameter| !parameter.flags.hidden);
    let described = shown.map(|parameter| Parameter {
        id: parameter.id,
        name: parameter.name.clone(),
        module: parameter.module.clone(),
        minimum: Some(parameter.minimum),
        maximum: Some(parameter.maximum),
        default: Some(parameter.default),
        is_stepped: parameter.flags.stepped,
        is_read_only: parameter.flags.read_only,
        is_gain: false,
        value: value(parameter.id),
    });
    described.collect()
}

fn gain(node: &NodeSnapshot) -> Option<f64> {
    node.builtin.as_ref().filter(|builtin| matches!(builtin, Builtin::Gain { .. }))?;
    parameters(node).into_iter().find(|parameter| parameter.is_gain)?.value
}

fn channel(graph: &Graph, place: &PortChannel) -> Channel {
    let node = graph.node(place.node).map_or_else(String::new, |node| node.name.clone());
    Channel { node, port: place.port + 1, channel: place.channel + 1 }
}

fn solo(graph: &Graph, soloed: &Soloed) -> Solo {
    match soloed {
        Soloed::Row(row) => Solo { source: channel(graph, row), destination: None },
        Soloed::Cell { source, destination } => {
            Solo { source: channel(graph, source), destination: Some(channel(graph, destination)) }
        }
    }
}

/// The word for how a node is, and why it is missing.
pub fn condition(node: Option<&NodeSnapshot>) -> (&'static str, Option<String>) {
    match node.map(|node| &node.condition) {
        Some(Condition::Loading) => ("loading", None),
        Some(Condition::Restarting) => ("restarting", None),
        Some(Condition::Missing { reason }) => ("missing", Some(reason.clone())),
        _ => ("ready", None),
    }
}

fn device(state: &DeviceState) -> Device {
    match state {
        DeviceState::Playing { stream, .. } => Device::Playing {
            name: format!("{}:{}", stream.backend, stream.device),
            rate: stream.rate,
            buffer_frames: stream.buffer_frames,
            inputs: stream.inputs.clone(),
            outputs: stream.outputs.clone(),
        },
        DeviceState::Lost { stream, reason, .. } => {
            Device::Lost { name: format!("{}:{}", stream.backend, stream.device), reason: reason.clone() }
        }
        _ => Device::None,
    }
}

fn ports(ports: &[AudioPort]) -> Vec<Port> {
    ports.iter().map(|port| Port { name: port.name.clone(), channels: port.layout.channels() }).collect()
}

fn names(ports: &[EventPort]) -> Vec<String> {
    ports.iter().map(|port| port.name.clone()).collect()
}

fn edges(graph: &Graph) -> Vec<Edge> {
    let name = |id: NodeId| graph.node(id).map_or_else(String::new, |node| node.name.clone());
    let edge = |(_, edge): (_, &crosspoint::graph::Edge)| {
        let crosspoints = edge.matrix().into_iter().flat_map(|matrix| matrix.cells());
        Edge {
            source: End { node: name(edge.source.node), port: edge.source.port + 1 },
            destination: End { node: name(edge.destination.node), port: edge.destination.port + 1 },
            crosspoints: crosspoints
                .map(|(source, destination, cell)| Crosspoint {
                    source: source + 1,
                    destination: destination + 1,
                    gain_db: (cell.gain != 0.0).then(|| decibels(cell.gain.into())),
                    mute: cell.mute,
                    invert: cell.unsigned().invert,
                })
                .collect(),
            is_events: matches!(edge.signal, Signal::Events),
            feedback: edge.feedback,
            timing: edge.timing.map(|timing| match timing {
                Timing::Aligned => "aligned",
                Timing::Immediate => "immediate",
            }),
        }
    };
    graph.edges().map(edge).collect()
}
