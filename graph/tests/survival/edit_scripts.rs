//! Random scripts of edits that land while the renderer plays.
//!
//! ```text
//! frame   0      57          112    120          170
//!         rig    disconnect  gains  (their own)  new node and its edge   ...
//! ```

use crate::cases;
use crate::naive::Naive;
use crate::rig::{
    Cells, DEVICE_CHANNELS, EdgePlan, NodePlan, RigPlan, Role, cell, device_input, difference, edge, node, render,
    voice,
};
use crate::sound::{Sound, Voice};
use crosspoint_graph::graph::{Edit, Transaction};
use crosspoint_graph::kernels::Level;
use crosspoint_graph::{
    Cell, EdgeId, EditError, Graph, NOW, NodeId, NodeKind, Published, Publisher, Settings, Timing, renderer_at,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// Frames of the fades in these tests.
const FADE: u32 = 24;
/// Frames between two steps: more than a fade and the reach of a step's gains, no less than a block, so that at most
/// one step is sent with each block and the credits last.
const APART: u64 = 50;

#[derive(Clone, Debug)]
enum Step {
    Connect(EdgePlan),
    Disconnect(usize),
    SetCell(usize, u32, u32, Option<Cell>),
    /// Gains of cells, each at an offset from the step's frame and with a ramp.
    Gains(Vec<(usize, usize, f32, u64, u32)>),
    /// A node with its edges.
    AddNode(NodePlan, Vec<EdgePlan>),
    RemoveNode(usize),
    SetLatency(usize, u32),
    SetTiming(usize, Option<Timing>),
    SetFeedback(usize, Option<u32>),
    /// All device channels of an input or output node move on by so many; or it has none any more.
    Remap(usize, Option<u32>),
    /// All that the step before did is undone.
    Undo,
}

/// Steps that change no delay.
fn step() -> BoxedStrategy<Step> {
    let gain = (any::<usize>(), any::<usize>(), prop_oneof![-1.0..1.0_f32, Just(1.0)], 0..25_u64, 0..70_u32);
    prop_oneof![
        3 => edge(false).prop_map(Step::Connect),
        2 => any::<usize>().prop_map(Step::Disconnect),
        3 => (any::<usize>(), any::<u32>(), any::<u32>(), prop::option::weighted(0.7, cell()))
            .prop_map(|(edge, source, destination, cell)| Step::SetCell(edge, source, destination, cell)),
        4 => vec(gain, 1..4).prop_map(Step::Gains),
        1 => (node(false), vec(edge(false), 1..3)).prop_map(|(node, edges)| Step::AddNode(node, edges)),
        1 => any::<usize>().prop_map(Step::RemoveNode),
        2 => Just(Step::Undo),
    ]
    .boxed()
}

fn any_step() -> BoxedStrategy<Step> {
    let timing = prop::option::of(prop_oneof![Just(Timing::Aligned), Just(Timing::Immediate)]);
    prop_oneof![
        6 => step(),
        1 => edge(true).prop_map(Step::Connect),
        1 => (any::<usize>(), 0..150_u32).prop_map(|(node, latency)| Step::SetLatency(node, latency)),
        1 => (any::<usize>(), timing).prop_map(|(edge, timing)| Step::SetTiming(edge, timing)),
        1 => (any::<usize>(), prop::option::weighted(0.8, 1..100_u32))
            .prop_map(|(edge, feedback)| Step::SetFeedback(edge, feedback)),
        1 => (any::<usize>(), prop::option::weighted(0.8, 0..3_u32)).prop_map(|(node, by)| Step::Remap(node, by)),
    ]
    .boxed()
}

/// What the naive interpreter is told, and when.
enum Told {
    SendAgain,
    Install(Box<Graph>, HashMap<NodeId, Voice>),
    Go(EdgeId, u32, u32, f32, u32),
}

/// A graph under a script, with what it takes to send it.
struct Session {
    graph: Graph,
    nodes: Vec<(NodeId, u8)>,
    sounds: HashMap<NodeId, Sound>,
    publisher: Publisher,
    /// What undoes the last step.
    undo: Vec<Edit>,
    told: Vec<(u64, Told)>,
    /// Whether edges and cells that feed back may be added. The naive interpreter does not know how those fade in.
    feedback: bool,
}

impl Session {
    fn new(plan: &RigPlan, publisher: Publisher, feedback: bool) -> Self {
        let rig = plan.build();
        let nodes = rig.graph.nodes().zip(&plan.nodes).map(|((id, _), plan)| (id, plan.rank)).collect();
        let sounds = rig.sounds.iter().copied().collect();
        let mut session =
            Self { graph: Graph::new(), nodes, sounds, publisher, undo: Vec::new(), told: Vec::new(), feedback };
        session.publish(rig.graph, NOW);
        session
    }

    /// Sends another graph, and tells the naive interpreter what must come of it.
    fn publish(&mut self, graph: Graph, frame: u64) {
        let voices: HashMap<NodeId, Voice> = graph
            .nodes()
            .filter(|&(id, _)| self.graph.node(id).is_none())
            .filter_map(|(id, _)| Some((id, voice(&graph, id, *self.sounds.get(&id)?))))
            .collect();
        voices.clone().into_iter().for_each(|(id, voice)| self.publisher.give(id, Box::new(voice)));
        let removed: Vec<_> = crosspoints(&self.graph)
            .filter(|&(edge, source, destination)| {
                let matrix = graph.edge(edge).and_then(|edge| edge.matrix());
                matrix.is_none_or(|matrix| matrix.get(source, destination).is_none())
            })
            .collect();
        let mut installed = frame;
        if !removed.is_empty() {
            if removed.iter().any(|&(edge, source, destination)| self.is_elided(edge, source, destination)) {
                self.told.push((frame, Told::SendAgain));
            }
            let fades = removed.iter().map(|&(edge, from, to)| (frame, Told::Go(edge, from, to, 0.0, FADE)));
            self.told.extend(fades);
            installed += u64::from(FADE);
        }
        self.told.push((installed, Told::Install(Box::new(graph.clone()), voices)));
        self.graph = graph;
        assert_eq!(self.publisher.publish(&self.graph, frame), Ok(Published::Sent));
    }

    fn is_elided(&self, edge: EdgeId, source: u32, destination: u32) -> bool {
        let schedule = self.publisher.schedule().unwrap();
        schedule.is_elided(edge, source as u16, destination as u16)
    }

    fn edge_at(&self, which: usize) -> Option<EdgeId> {
        self.graph.edges().map(|(id, _)| id).nth(which % self.graph.edge_count().max(1))
    }

    fn node_at(&self, which: usize) -> Option<NodeId> {
        self.graph.nodes().map(|(id, _)| id).nth(which % self.graph.node_count().max(1))
    }

    /// Makes a step at a frame. What cannot be made is left out.
    fn make(&mut self, step: &Step, frame: u64) {
        if let Step::Gains(gains) = step {
            let mut gains = gains.clone();
            gains.sort_by_key(|&(.., offset, _)| offset);
            self.undo.clear();
            for (edge, cell, gain, offset, ramp) in gains {
                self.set_gain(edge, cell, gain, frame + offset, ramp);
            }
            return;
        }
        let mut graph = self.graph.clone();
        let mut added = None;
        let made = graph.edit(|edit| self.edit(step, edit, &mut added));
        if let Ok(((), undo)) = made
            && (self.feedback || !self.begins_to_feed_back(&graph))
        {
            if let (Some(id), Step::AddNode(plan, _)) = (added, step) {
                self.nodes.push((id, plan.rank));
                self.sounds.extend(plan.sound().map(|sound| (id, sound)));
            }
            self.undo = undo;
            self.publish(graph, frame);
        }
    }

    /// Whether a graph has crosspoints of feedback edges that the one that plays has not.
    fn begins_to_feed_back(&self, graph: &Graph) -> bool {
        let feeds_back = |graph: &Graph| -> HashSet<(EdgeId, u32, u32)> {
            let is_feedback =
                |&(edge, ..): &(EdgeId, u32, u32)| graph.edge(edge).is_some_and(|edge| edge.feedback.is_some());
            crosspoints(graph).filter(is_feedback).collect()
        };
        !feeds_back(graph).is_subset(&feeds_back(&self.graph))
    }

    fn edit(&self, step: &Step, edit: &mut Transaction<'_>, added: &mut Option<NodeId>) -> Result<(), EditError> {
        let edge_at = |which: usize| self.edge_at(which);
        let connect = |edit: &mut Transaction<'_>, plan: &EdgePlan, nodes: &[(NodeId, u8)]| match plan
            .edge(edit.graph(), nodes)
            .filter(|edge| self.feedback || edge.feedback.is_none())
        {
            Some(edge) => edit.connect(edge).map(drop),
            None => Ok(()),
        };
        match step {
            Step::Connect(plan) => connect(edit, plan, &self.nodes)?,
            Step::Disconnect(which) => edge_at(*which).map_or(Ok(()), |edge| edit.disconnect(edge))?,
            Step::SetCell(which, source, destination, cell) => {
                if let Some(edge) = edge_at(*which)
                    && let Some(matrix) = self.graph.edge(edge).and_then(|edge| edge.matrix())
                {
                    let (source, destination) = (source % matrix.sources(), destination % matrix.destinations());
                    edit.apply(Edit::SetCell { edge, source, destination, cell: *cell })?;
                }
            }
            Step::Gains(_) => {}
            Step::AddNode(plan, edges) => {
                let id = edit.add_node(plan.node("new"))?;
                *added = Some(id);
                let mut nodes = self.nodes.clone();
                nodes.push((id, plan.rank));
                edges.iter().try_for_each(|edge| connect(edit, edge, &nodes))?;
            }
            Step::RemoveNode(which) => self.node_at(*which).map_or(Ok(()), |node| edit.remove_node(node))?,
            Step::SetLatency(which, latency) => {
                if let Some(node) = self.node_at(*which) {
                    edit.apply(Edit::SetLatency { node, latency: *latency })?;
                }
            }
            Step::SetTiming(which, timing) => {
                if let Some(edge) = edge_at(*which) {
                    edit.apply(Edit::SetTiming { edge, timing: *timing })?;
                }
            }
            Step::SetFeedback(which, feedback) => {
                if let Some(edge) = edge_at(*which) {
                    edit.apply(Edit::SetFeedback { edge, feedback: *feedback })?;
                }
            }
            Step::Remap(which, by) => {
                if let Some(node) = self.node_at(*which)
                    && let Some(kind) = self.graph.node(node).and_then(|known| remapped(&known.kind, *by))
                {
                    edit.apply(Edit::SetKind { node, kind })?;
                }
            }
            Step::Undo => self.undo.iter().cloned().try_for_each(|undo| edit.apply(undo))?,
        }
        Ok(())
    }

    fn set_gain(&mut self, which: usize, which_cell: usize, gain: f32, frame: u64, ramp: u32) {
        let all: Vec<_> = self
            .edge_at(which)
            .map_or(Vec::new(), |edge| crosspoints(&self.graph).filter(|crosspoint| crosspoint.0 == edge).collect());
        let Some(&(edge, source, destination)) = all.get(which_cell % all.len().max(1)) else { return };
        if self.is_elided(edge, source, destination) {
            self.told.push((frame, Told::SendAgain));
        }
        self.told.push((frame, Told::Go(edge, source, destination, gain, ramp)));
        let cell = Some(Cell::new(gain));
        let mut undo = self.graph.apply(vec![Edit::SetCell { edge, source, destination, cell }]).unwrap().inverse;
        undo.append(&mut self.undo);
        self.undo = undo;
        let (from, to) = (source as u16, destination as u16);
        let sent = self.publisher.set_gain(&self.graph, edge, from, to, gain, frame, ramp);
        assert_eq!(sent, Ok(Published::Sent));
    }

    /// Makes the steps that fall into a block.
    fn make_due(&mut self, script: &[(u64, Step)], start: u64, end: u64) {
        for (frame, step) in script.iter().filter(|(frame, _)| (start..end).contains(frame)) {
            self.make(step, *frame);
        }
        // What comes home is dropped here, never in the callback.
        self.publisher.returned();
    }
}

fn remapped(kind: &NodeKind, by: Option<u32>) -> Option<NodeKind> {
    let moved = |channels: &[Option<u32>]| {
        channels.iter().map(|channel| Some((channel.unwrap_or(0) + by?) % DEVICE_CHANNELS as u32)).collect()
    };
    match kind {
        NodeKind::Input { device_channels } => Some(NodeKind::Input { device_channels: moved(device_channels) }),
        NodeKind::Output { device_channels, alignment_groups } => Some(NodeKind::Output {
            device_channels: moved(device_channels),
            alignment_groups: alignment_groups.clone(),
        }),
        NodeKind::Processor => None,
    }
}

fn crosspoints(graph: &Graph) -> impl Iterator<Item = (EdgeId, u32, u32)> + '_ {
    graph.edges().flat_map(|(id, edge)| {
        let cells = edge.matrix().into_iter().flat_map(|matrix| matrix.cells());
        cells.map(move |(source, destination, _)| (id, source, destination))
    })
}

fn settings(max_block: usize) -> Settings {
    Settings { fade: FADE, ..Settings::new(48_000.0, max_block) }
}

/// Steps at frames a little more than [`APART`] from each other.
fn script(step: BoxedStrategy<Step>, steps: usize) -> impl Strategy<Value = Vec<(u64, Step)>> {
    vec((0..30_u64, step), 1..steps).prop_map(|steps| {
        let mut frame = 0;
        let at = |(after, step)| {
            frame += APART + after;
            (frame, step)
        };
        steps.into_iter().map(at).collect()
    })
}

fn frames(script: &[(u64, Step)]) -> usize {
    script.last().map_or(0, |(frame, _)| *frame as usize) + 150
}

struct Heard {
    channels: Vec<Vec<f32>>,
    told: Vec<(u64, Told)>,
}

fn play(
    plan: &RigPlan,
    script: &[(u64, Step)],
    level: Level,
    feedback: bool,
    max_block: usize,
    blocks: &[usize],
) -> Heard {
    let (publisher, mut renderer) = renderer_at(settings(max_block), level);
    let mut session = Session::new(plan, publisher, feedback);
    let channels = render(&mut renderer, frames(script), blocks, device_input, |start, end| {
        session.make_due(script, start, end);
    });
    Heard { channels, told: session.told }
}

fn play_naively(told: Vec<(u64, Told)>, frames: usize, level: Level) -> Vec<Vec<f32>> {
    let mut naive = Naive::new(level);
    let mut told = told;
    told.sort_by_key(|(frame, _)| *frame);
    let mut told = told.into_iter().peekable();
    let mut heard = vec![Vec::new(); DEVICE_CHANNELS];
    let mut fade = None;
    for frame in 0..frames as u64 {
        while let Some((_, what)) = told.next_if(|(at, _)| *at <= frame) {
            match what {
                Told::SendAgain => naive.send_again(),
                Told::Install(graph, voices) => naive.install(&graph, voices, fade.replace(FADE)),
                Told::Go(edge, source, destination, gain, ramp) => naive.go(edge, source, destination, gain, ramp),
            }
        }
        let inputs: Vec<f32> = (0..DEVICE_CHANNELS).map(|channel| device_input(channel, frame)).collect();
        let mut outputs = vec![0.0; DEVICE_CHANNELS];
        naive.tick(&inputs, &mut outputs);
        heard.iter_mut().zip(outputs).for_each(|(heard, sample)| heard.push(sample));
    }
    heard
}

/// A rig without delays, save those of edges that feed back.
fn prompt_rig(feedback: bool) -> impl Strategy<Value = RigPlan> {
    (vec(node(false), 3..8), vec(edge(feedback), 2..12)).prop_map(move |(nodes, edges)| RigPlan {
        nodes,
        edges,
        timing: Timing::Aligned,
        feedback,
    })
}

/// The same rig with processors that keep nothing of the past.
fn forgetful(plan: RigPlan) -> RigPlan {
    let node = |node: NodePlan| NodePlan {
        role: match node.role {
            Role::Processor(Sound::OnePole(_) | Sound::Delay(_)) => Role::Processor(Sound::Gain(0.7)),
            role => role,
        },
        ..node
    };
    RigPlan { nodes: plan.nodes.into_iter().map(node).collect(), ..plan }
}

proptest! {
    #![proptest_config(cases(120))]

    /// Gains through the publisher and through commands, connections, nodes that come and go: the naive interpreter hears
    /// the same bits.
    #[test]
    fn sound_as_the_naive_interpreter_says(
        plan in prompt_rig(true),
        script in script(step(), 8),
        max_block in prop_oneof![Just(7_usize), Just(32), Just(64)],
        blocks in vec(1..=APART as usize, 1..6),
        level in prop_oneof![Just(Level::Portable), Just(Level::detect())],
    ) {
        let heard = play(&plan, &script, level, false, max_block, &blocks);
        let naive = play_naively(heard.told, frames(&script), level);
        let difference = difference(&heard.channels, &naive);
        prop_assert!(difference.is_none(), "{difference:?}");
    }

    /// Edits of any kind, latencies and feedback included: the same bits for any partition of time into blocks and chunks.
    #[test]
    fn partition_leaves_no_trace(
        plan in crate::rig::rig(8, 14),
        script in script(any_step(), 8),
        max_blocks in (prop_oneof![Just(5_usize), Just(16)], prop_oneof![Just(64_usize), Just(100)]),
        blocks in vec(1..=APART as usize, 1..6),
    ) {
        let level = Level::detect();
        let one = play(&plan, &script, level, true, max_blocks.0, &blocks);
        let other = play(&plan, &script, level, true, max_blocks.1, &[APART as usize]);
        let difference = difference(&one.channels, &other.channels);
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

proptest! {
    #![proptest_config(cases(80))]

    /// ```text
    /// rig ── step ── undo ── ... fades over: the bits of a rig that was never touched
    /// ```
    #[test]
    fn undo_brings_the_bits_back(plan in prompt_rig(false).prop_map(forgetful), step in step(), block in 1..=APART as usize) {
        prop_assume!(!matches!(step, Step::Undo));
        let script = [(60, step), (180, Step::Undo)];
        let edited = play(&plan, &script, Level::detect(), false, 64, &[block]);
        let untouched = play(&plan, &[(180, Step::Undo)], Level::detect(), false, 64, &[block]);
        let end = |heard: &Heard| heard.channels.iter().map(|channel| channel[250..].to_vec()).collect::<Vec<_>>();
        let difference = difference(&end(&edited), &end(&untouched));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

/// Keeps the shape of a plan's cells within what the bound on clicks counts with: one cell between two mono ports.
fn mono(edge: EdgePlan, gain: f32) -> EdgePlan {
    EdgePlan { cells: Cells::Few(vec![(0, 0, Cell::new(gain))]), timing: None, feedback: None, ..edge }
}

proptest! {
    #![proptest_config(cases(80))]

    /// ```text
    /// 1.0 ── in ══ a few gains of 1 ══ out      every edge at -1 to 1, coming, going and moving
    /// ```
    /// The output of constant input moves no faster than all ramps together do: no edit clicks.
    #[test]
    fn edits_do_not_click(
        gains in vec(-1.0..1.0_f32, 12),
        steps in script(
            prop_oneof![
                2 => (edge(false), -1.0..1.0_f32).prop_map(|(edge, gain)| Step::Connect(mono(edge, gain))),
                1 => any::<usize>().prop_map(Step::Disconnect),
                2 => (any::<usize>(), prop::option::of((-1.0..1.0_f32).prop_map(Cell::new)))
                    .prop_map(|(edge, cell)| Step::SetCell(edge, 0, 0, cell)),
                2 => (any::<usize>(), -1.0..1.0_f32, 0..25_u64)
                    .prop_map(|(edge, gain, offset)| Step::Gains(vec![(edge, 0, gain, offset, FADE)])),
                1 => Just(Step::Undo),
            ].boxed(),
            10,
        ),
    ) {
        let plain = |role, rank, inputs: &[u32], outputs: &[u32]| NodePlan {
            role,
            rank,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            device_channels: vec![Some(0); 16],
            latency: 0,
            in_place: true,
            bypassable: false,
            alignment: crosspoint_graph::graph::Alignment::Ports,
        };
        let mut nodes = vec![plain(Role::Input, 0, &[1], &[1])];
        nodes.extend((0..4).map(|_| plain(Role::Processor(Sound::Gain(1.0)), 1, &[1], &[1])));
        nodes.push(plain(Role::Output { groups: vec![None; 16] }, 2, &[1], &[1]));
        // From the input to each gain, and from each gain to the output; sources and destinations skip what lacks a port.
        let edge = |source: usize, destination: usize, gain: f32| EdgePlan {
            source: (source, 0),
            destination: (destination, 0),
            cells: Cells::Few(vec![(0, 0, Cell::new(gain))]),
            timing: None,
            feedback: None,
            feedback_length: 1,
        };
        let edges = (0..4).flat_map(|gain| [edge(0, gain, gains[gain]), edge(gain + 1, 4, gains[gain + 4])]).collect();
        let plan = RigPlan { nodes, edges, timing: Timing::Aligned, feedback: false };
        let (publisher, mut renderer) = renderer_at(settings(64), Level::detect());
        let mut session = Session::new(&plan, publisher, false);
        let mut bound: f32 = 0.0;
        let heard = render(&mut renderer, frames(&steps), &[37], |_, _| 1.0, |start, end| {
            session.make_due(&steps, start, end);
            bound = bound.max(fastest(&session.graph));
        });
        let steepest = heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        prop_assert!(steepest <= bound * 1.01, "{steepest} {bound}");
    }
}

/// How fast the output can move at most while one edit changes one gain: by 2 in a fade on an edge, times all that leads to
/// it and from it at full gain.
fn fastest(graph: &Graph) -> f32 {
    // Longest products are sums over all paths with every gain at 1.
    let mut paths: HashMap<NodeId, f32> = HashMap::new();
    fn lead_to(graph: &Graph, node: NodeId, paths: &mut HashMap<NodeId, f32>) -> f32 {
        if let Some(&known) = paths.get(&node) {
            return known;
        }
        let sources: Vec<NodeId> = graph.edges_into(node).map(|(_, edge)| edge.source.node).collect();
        let from_sources: f32 = sources.into_iter().map(|source| lead_to(graph, source, paths)).sum();
        let own = if graph.node(node).is_some_and(|node| node.audio_inputs.is_empty()) { 1.0 } else { 0.0 };
        paths.insert(node, from_sources + own);
        from_sources + own
    }
    let outputs: f32 = graph.nodes().map(|(node, _)| lead_to(graph, node, &mut paths)).fold(0.0, f32::max);
    // One edge more or less than the graph has now, and two edges on each path may move at once.
    (outputs + 2.0) * 2.0 * 2.0 / FADE as f32
}
