//! What a graph sounds like, computed in the most obvious way: frame by frame, node by node, each output channel kept for
//! ever, nothing shared, nothing left out. Takes from the crate the graph itself and one multiplication.

use crate::sound::Voice;
use crosspoint_graph::graph::Alignment;
use crosspoint_graph::kernels::{FloatEnvironment, Level};
use crosspoint_graph::{EdgeId, Graph, NodeId, NodeKind, Signal, Timing};
use std::collections::HashMap;

/// Everything heard so far.
pub struct Naive {
    level: Level,
    graph: Graph,
    frame: u64,
    voices: HashMap<NodeId, Voice>,
    /// All that each output channel of each node ever played, from frame 0 on.
    played: HashMap<NodeId, Vec<Vec<f32>>>,
    /// The crosspoints of an edge into one channel.
    rows: HashMap<(EdgeId, u32), Row>,
    delays: HashMap<(EdgeId, u32, u32), u32>,
    order: Vec<NodeId>,
}

/// Crosspoints that share a clock: all gains are brought up to date whenever one of them starts or ends a ramp.
#[derive(Default)]
struct Row {
    epoch: u64,
    cells: Vec<Crosspoint>,
}

#[derive(Clone, Copy)]
struct Crosspoint {
    source: u32,
    gain: f32,
    slope: f32,
    target: f32,
    /// Frame at which the ramp is over; none at rest.
    end: Option<u64>,
}

/// A ramp is rounded once, at every level.
const FUSED: Level = Level::Avx2Fma;

impl Row {
    fn is_moving(&self) -> bool {
        self.cells.iter().any(|cell| cell.end.is_some())
    }

    fn value(&self, cell: &Crosspoint, frame: u64) -> f32 {
        match cell.end {
            None => cell.gain,
            Some(end) if frame >= end => cell.target,
            Some(_) => FUSED.multiply_add(cell.slope, (frame - self.epoch) as f32, cell.gain),
        }
    }

    fn bring_up_to_date(&mut self, frame: u64) {
        for index in 0..self.cells.len() {
            let gain = self.value(&self.cells[index], frame);
            let cell = &mut self.cells[index];
            cell.gain = gain;
            if cell.end.is_some_and(|end| frame >= end) {
                *cell = Crosspoint { slope: 0.0, end: None, ..*cell };
            }
        }
        self.epoch = frame;
    }

    fn go(&mut self, source: u32, target: f32, frame: u64, frames: u32) {
        self.bring_up_to_date(frame);
        let cell = self.cells.iter_mut().find(|cell| cell.source == source).unwrap();
        let rests = frames == 0 || cell.gain == target;
        *cell = Crosspoint {
            gain: if rests { target } else { cell.gain },
            slope: if rests { 0.0 } else { (target - cell.gain) / frames as f32 },
            target,
            end: (!rests).then_some(frame + u64::from(frames)),
            ..*cell
        };
    }
}

impl Naive {
    /// Silence.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            graph: Graph::new(),
            frame: 0,
            voices: HashMap::new(),
            played: HashMap::new(),
            rows: HashMap::new(),
            delays: HashMap::new(),
            order: Vec::new(),
        }
    }

    /// Plays another graph from the next frame on; `fade` is none where the gains of the first graph are to be there at
    /// once. New nodes need a voice.
    pub fn install(&mut self, graph: &Graph, voices: HashMap<NodeId, Voice>, fade: Option<u32>) {
        self.voices.extend(voices);
        self.voices.retain(|&node, _| graph.node(node).is_some());
        self.played.retain(|&node, _| graph.node(node).is_some());
        for (id, node) in graph.nodes() {
            let channels = node.audio_outputs.iter().map(|port| port.layout.channels() as usize).sum();
            let played = self.played.entry(id).or_default();
            played.resize(channels, vec![0.0; self.frame as usize]);
        }
        self.rows = self.rows_of(graph, fade);
        self.graph = graph.clone();
        self.delays = delays(graph);
        self.order = order(graph);
    }

    fn rows_of(&self, graph: &Graph, fade: Option<u32>) -> HashMap<(EdgeId, u32), Row> {
        let mut rows: HashMap<(EdgeId, u32), Row> = HashMap::new();
        for (id, edge) in graph.edges() {
            for (source, destination, cell) in edge.matrix().into_iter().flat_map(|matrix| matrix.cells()) {
                let goal = cell.effective();
                let rest = Crosspoint { source, gain: goal, slope: 0.0, target: goal, end: None };
                rows.entry((id, destination)).or_default().cells.push(rest);
            }
        }
        let Some(fade) = fade else { return rows };
        for (key, row) in &mut rows {
            let before = self.rows.get(key);
            for index in 0..row.cells.len() {
                let Crosspoint { source, target, .. } = row.cells[index];
                let old =
                    before.and_then(|before| Some((before, before.cells.iter().find(|cell| cell.source == source)?)));
                let (start, length) = match old {
                    None => (0.0, fade),
                    Some((before, old)) => {
                        // A ramp to the same goal goes on to its own end.
                        let left = old.end.filter(|&end| end > self.frame && old.target == target);
                        let left = left.map_or(fade, |end| (end - self.frame) as u32);
                        (before.value(old, self.frame), left)
                    }
                };
                if start != target {
                    row.cells[index].gain = start;
                    row.go(source, target, self.frame, length);
                }
            }
        }
        rows
    }

    /// What plays is sent once more: gains are brought up to date and go on to where they were going.
    pub fn send_again(&mut self) {
        for row in self.rows.values_mut() {
            let moving: Vec<_> =
                row.cells.iter().filter_map(|cell| Some((cell.source, cell.target, cell.end?))).collect();
            for (source, target, end) in moving {
                row.go(source, target, self.frame, (end - self.frame) as u32);
            }
        }
    }

    /// Sends a crosspoint to a gain from the next frame on.
    pub fn go(&mut self, edge: EdgeId, source: u32, destination: u32, gain: f32, frames: u32) {
        self.rows.get_mut(&(edge, destination)).unwrap().go(source, gain, self.frame, frames);
    }

    /// Plays one frame: from the device's input channels to its output channels.
    pub fn tick(&mut self, inputs: &[f32], outputs: &mut [f32]) {
        let _environment = FloatEnvironment::flush_to_zero();
        for row in self.rows.values_mut() {
            if row.cells.iter().any(|cell| cell.end == Some(self.frame)) {
                row.bring_up_to_date(self.frame);
            }
        }
        let mut heard: HashMap<NodeId, Vec<f32>> = HashMap::new();
        for node in self.order.clone() {
            let hears = self.hear(node);
            let mut plays = vec![0.0; self.played[&node].len()];
            match &self.graph.node(node).unwrap().kind {
                NodeKind::Input { device_channels } => {
                    for (sample, channel) in plays.iter_mut().zip(device_channels) {
                        *sample = channel.and_then(|channel| inputs.get(channel as usize)).copied().unwrap_or(0.0);
                    }
                }
                NodeKind::Output { .. } => {}
                NodeKind::Processor => self.voices.get_mut(&node).unwrap().tick(self.frame, &hears, &mut plays),
            }
            for (past, sample) in self.played.get_mut(&node).unwrap().iter_mut().zip(plays) {
                past.push(sample);
            }
            heard.insert(node, hears);
        }
        outputs.fill(0.0);
        let mut written = vec![false; outputs.len()];
        for (id, node) in self.graph.nodes() {
            let NodeKind::Output { device_channels, .. } = &node.kind else { continue };
            for (sample, channel) in heard[&id].iter().zip(device_channels) {
                let Some(channel) = channel.map(|channel| channel as usize).filter(|&channel| channel < outputs.len())
                else {
                    continue;
                };
                outputs[channel] = if written[channel] { outputs[channel] + sample } else { *sample };
                written[channel] = true;
            }
        }
        self.frame += 1;
    }

    /// The input channels of a node at the next frame: sums in the order of edges, then sources.
    fn hear(&self, id: NodeId) -> Vec<f32> {
        let node = self.graph.node(id).unwrap();
        let mut heard = Vec::new();
        for (port, layout) in node.audio_inputs.iter().enumerate() {
            for channel in 0..layout.layout.channels() {
                let mut sum = -0.0;
                let mut fed = false;
                for (edge_id, edge) in self.graph.edges_into(id) {
                    if usize::from(edge.destination.port) != port || edge.matrix().is_none() {
                        continue;
                    }
                    let Some(row) = self.rows.get(&(edge_id, channel)) else { continue };
                    fed |= !row.cells.is_empty();
                    let source = self.graph.node(edge.source.node).unwrap();
                    let first: u32 = source.audio_outputs[..usize::from(edge.source.port)]
                        .iter()
                        .map(|port| port.layout.channels())
                        .sum();
                    let mut moving = -0.0;
                    for cell in &row.cells {
                        let delay = u64::from(self.delays[&(edge_id, cell.source, channel)]);
                        let past = &self.played[&edge.source.node][(first + cell.source) as usize];
                        let sample = if delay > self.frame { 0.0 } else { past[(self.frame - delay) as usize] };
                        sum = self.level.multiply_add(cell.gain, sample, sum);
                        moving = self.level.multiply_add(cell.slope, sample, moving);
                    }
                    if row.is_moving() {
                        sum = self.level.multiply_add((self.frame - row.epoch) as f32, moving, sum);
                    }
                }
                heard.push(if fed { sum } else { 0.0 });
            }
        }
        heard
    }
}

/// Nodes after what feeds them, save through feedback edges.
fn order(graph: &Graph) -> Vec<NodeId> {
    fn visit(graph: &Graph, node: NodeId, order: &mut Vec<NodeId>) {
        if order.contains(&node) {
            return;
        }
        for (_, edge) in graph.edges_into(node).filter(|(_, edge)| edge.feedback.is_none()) {
            visit(graph, edge.source.node, order);
        }
        order.push(node);
    }
    let mut found = Vec::new();
    graph.nodes().for_each(|(node, _)| visit(graph, node, &mut found));
    found
}

/// How late the channels of a node are, in frames behind the rig's inputs.
#[derive(Clone, Default)]
struct Lateness {
    inputs: Vec<u32>,
    outputs: Vec<u32>,
}

/// The delay in front of each crosspoint.
fn delays(graph: &Graph) -> HashMap<(EdgeId, u32, u32), u32> {
    let mut late = HashMap::new();
    for (node, _) in graph.nodes() {
        lateness(graph, node, &mut late);
    }
    wait_for_groups(graph, &mut late);
    let mut delays = HashMap::new();
    for (id, edge) in graph.edges() {
        for (source, destination, _) in edge.matrix().into_iter().flat_map(|matrix| matrix.cells()) {
            let delay = match edge.feedback {
                Some(frames) => frames,
                None if is_aligned(graph, edge) => {
                    let (from, to) = (&late[&edge.source.node], &late[&edge.destination.node]);
                    let source_node = graph.node(edge.source.node).unwrap();
                    let destination_node = graph.node(edge.destination.node).unwrap();
                    let from =
                        from.outputs[first_channel(&source_node.audio_outputs, edge.source.port) + source as usize];
                    let to = to.inputs
                        [first_channel(&destination_node.audio_inputs, edge.destination.port) + destination as usize];
                    to - from
                }
                None => 0,
            };
            delays.insert((id, source, destination), delay);
        }
    }
    delays
}

fn is_aligned(graph: &Graph, edge: &crosspoint_graph::Edge) -> bool {
    edge.timing.unwrap_or(graph.default_timing()) == Timing::Aligned
}

fn first_channel(ports: &[crosspoint_graph::AudioPort], port: u16) -> usize {
    ports[..usize::from(port)].iter().map(|port| port.layout.channels() as usize).sum()
}

fn lateness(graph: &Graph, id: NodeId, known: &mut HashMap<NodeId, Lateness>) -> Lateness {
    if let Some(known) = known.get(&id) {
        return known.clone();
    }
    let node = graph.node(id).unwrap();
    let channels = |ports: &[crosspoint_graph::AudioPort]| first_channel(ports, ports.len() as u16);
    let mut inputs = vec![0; channels(&node.audio_inputs)];
    for (_, edge) in graph.edges_into(id) {
        if edge.feedback.is_some() || !is_aligned(graph, edge) {
            continue;
        }
        let Signal::Audio { matrix } = &edge.signal else { continue };
        let from = lateness(graph, edge.source.node, known);
        let source_node = graph.node(edge.source.node).unwrap();
        for (source, destination, _) in matrix.cells() {
            let arrival = from.outputs[first_channel(&source_node.audio_outputs, edge.source.port) + source as usize];
            let input = &mut inputs[first_channel(&node.audio_inputs, edge.destination.port) + destination as usize];
            *input = arrival.max(*input);
        }
    }
    let mut outputs = vec![0; channels(&node.audio_outputs)];
    if node.kind == NodeKind::Processor {
        let latest = |inputs: &[u32]| inputs.iter().copied().max().unwrap_or(0);
        match node.alignment {
            Alignment::Channels => {
                let rest = latest(&inputs);
                for (channel, output) in outputs.iter_mut().enumerate() {
                    *output = inputs.get(channel).copied().unwrap_or(rest) + node.latency;
                }
            }
            Alignment::Node => {
                let all = latest(&inputs);
                inputs.fill(all);
                outputs.fill(all + node.latency);
            }
            Alignment::Ports => {
                for port in 0..node.audio_inputs.len() as u16 {
                    let range = first_channel(&node.audio_inputs, port)..first_channel(&node.audio_inputs, port + 1);
                    let all = latest(&inputs[range.clone()]);
                    inputs[range].fill(all);
                }
                outputs.fill(inputs.first().copied().unwrap_or(0) + node.latency);
            }
        }
    }
    let late = Lateness { inputs, outputs };
    known.insert(id, late.clone());
    late
}

/// Channels of one alignment group wait for the latest of them.
fn wait_for_groups(graph: &Graph, late: &mut HashMap<NodeId, Lateness>) {
    let mut latest: HashMap<u16, u32> = HashMap::new();
    let members = |id: NodeId| {
        let groups = match &graph.node(id).unwrap().kind {
            NodeKind::Output { alignment_groups, .. } => alignment_groups.clone(),
            _ => Vec::new(),
        };
        groups.into_iter().enumerate().filter_map(|(channel, group)| Some((channel, group?)))
    };
    for (id, _) in graph.nodes() {
        for (channel, group) in members(id) {
            let latest = latest.entry(group).or_default();
            *latest = late[&id].inputs[channel].max(*latest);
        }
    }
    for (id, _) in graph.nodes() {
        for (channel, group) in members(id) {
            late.get_mut(&id).unwrap().inputs[channel] = latest[&group];
        }
    }
}
