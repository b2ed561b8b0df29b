//! Random graphs of event edges, under scripts of edits and commands: every processor is given what the naive interpreter
//! says, at the very frame, for any partition into blocks; and no note is left sounding.
//!
//! ```text
//! keyboard ──┬────────── through ──┬── 20 late ── through
//!            └── player ───────────┘ ↖── 64 ── player
//! ```

use crate::cases;
use crate::music::{At, Heard, Musician, NaiveMerge, Part};
use crate::rig::render;
use crate::stage::{MAX_BLOCK, Stage, effect, probe};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::graph::{Edit, Transaction};
use crosspoint_graph::{
    Command, Edge, EdgeId, EditError, Endpoint, EventPort, Graph, NOW, Node, NodeId, NodeKind, Processor, Published,
    Publisher, Report, Settings, Status, Timed, renderer,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Frames between two steps at least, and the longest block: at most one step is sent with each block.
const APART: u64 = 50;

#[derive(Clone, Debug)]
struct NodePlan {
    part: Part,
    /// Place in the direction of the signal.
    rank: u8,
    ports: (usize, usize),
    latency: u32,
}

#[derive(Clone, Debug)]
struct EdgePlan {
    source: (usize, u16),
    destination: (usize, u16),
    /// Length, should it run against the ranks or be wanted to feed back.
    feedback: u32,
    feeds_back: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Connect(EdgePlan),
    Disconnect(usize),
    AddNode(NodePlan, Vec<EdgePlan>),
    RemoveNode(usize),
    SetLatency(usize, u32),
    /// Keys that go down or up on a keyboard, each at an offset from the step's frame.
    Keys(usize, Vec<(u64, u8, bool)>),
    /// A value for a parameter.
    Parameter(usize, u64),
}

fn node() -> impl Strategy<Value = NodePlan> {
    let part =
        prop_oneof![1 => Just(Part::Keyboard), 2 => (0..99_u64).prop_map(Part::Player), 3 => Just(Part::Through)];
    (part, any::<u8>(), (1..3_usize, 1..3_usize), prop_oneof![2 => Just(0), 1 => 1..90_u32])
        .prop_map(|(part, rank, ports, latency)| NodePlan { part, rank, ports, latency })
}

fn edge() -> impl Strategy<Value = EdgePlan> {
    let end = || (any::<usize>(), 0..2_u16);
    (end(), end(), 1..90_u32, prop::bool::weighted(0.2))
        .prop_map(|(source, destination, feedback, feeds_back)| EdgePlan { source, destination, feedback, feeds_back })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => edge().prop_map(Step::Connect),
        3 => any::<usize>().prop_map(Step::Disconnect),
        1 => (node(), vec(edge(), 1..3)).prop_map(|(node, edges)| Step::AddNode(node, edges)),
        1 => any::<usize>().prop_map(Step::RemoveNode),
        1 => (any::<usize>(), 0..90_u32).prop_map(|(node, latency)| Step::SetLatency(node, latency)),
        3 => (any::<usize>(), vec((0..40_u64, 60..62_u8, any::<bool>()), 1..5))
            .prop_map(|(node, keys)| Step::Keys(node, keys)),
        1 => (any::<usize>(), 0..40_u64).prop_map(|(node, offset)| Step::Parameter(node, offset)),
    ]
}

impl NodePlan {
    fn node(&self) -> Node {
        let ports = |count: usize| vec![EventPort::new("events"); count];
        let (kind, inputs, latency) = match self.part {
            Part::Keyboard => (NodeKind::Input { device_channels: Vec::new() }, 0, 0),
            _ => (NodeKind::Processor, self.ports.0, self.latency),
        };
        Node { event_inputs: ports(inputs), event_outputs: ports(self.ports.1), latency, ..Node::new("node", kind) }
    }
}

/// What the naive interpreter is told at a frame.
enum Told {
    Install(Box<Graph>),
    Command(NodeId, At),
}

/// A graph under a script.
struct Session {
    graph: Graph,
    plans: HashMap<NodeId, NodePlan>,
    publisher: Publisher,
    told: Vec<(u64, Told)>,
    heard: Heard,
}

impl Session {
    fn publish(&mut self, graph: Graph, frame: u64) {
        for (id, node) in graph.nodes().filter(|&(id, _)| self.graph.node(id).is_none()) {
            let (part, outputs) = (self.plans[&id].part, node.event_outputs.len() as u16);
            if node.kind == NodeKind::Processor {
                self.publisher.give(id, Box::new(Musician { id, part, outputs, heard: self.heard.clone() }));
            }
        }
        self.told.push((frame, Told::Install(Box::new(graph.clone()))));
        self.graph = graph;
        assert_eq!(self.publisher.publish(&self.graph, frame), Ok(Published::Sent));
    }

    fn node_at(&self, which: usize, meant: impl Fn(&Node) -> bool) -> Option<NodeId> {
        let nodes: Vec<NodeId> = self.graph.nodes().filter(|(_, node)| meant(node)).map(|(id, _)| id).collect();
        nodes.get(which % nodes.len().max(1)).copied()
    }

    /// What passes events on must not do so in a circle: only what plays by itself feeds back.
    fn edge(&self, plan: &EdgePlan, graph: &Graph, plans: &HashMap<NodeId, NodePlan>) -> Option<Edge> {
        let find = |which: usize, meant: &dyn Fn(&Node) -> bool| {
            let nodes: Vec<NodeId> = graph.nodes().filter(|(_, node)| meant(node)).map(|(id, _)| id).collect();
            nodes.get(which % nodes.len().max(1)).copied()
        };
        let source = find(plan.source.0, &|node| !node.event_outputs.is_empty())?;
        let destination = find(plan.destination.0, &|node| !node.event_inputs.is_empty())?;
        let (from, to) = (graph.node(source)?, graph.node(destination)?);
        let port = |port: u16, ports: &[EventPort]| port % ports.len() as u16;
        let edge = Edge::events(
            Endpoint::new(source, port(plan.source.1, &from.event_outputs)),
            Endpoint::new(destination, port(plan.destination.1, &to.event_inputs)),
        );
        let runs_back = (plans[&source].rank, source) >= (plans[&destination].rank, destination);
        match (runs_back || plan.feeds_back, plans[&source].part) {
            (false, _) => Some(edge),
            (true, Part::Through) => None,
            (true, _) => Some(edge.with_feedback(plan.feedback)),
        }
    }

    fn make(&mut self, step: &Step, frame: u64) {
        match step {
            Step::Keys(which, keys) => {
                let keyboard = self.node_at(*which, |node| node.kind != NodeKind::Processor);
                let mut keys = keys.clone();
                keys.sort_by_key(|key| key.0);
                for (offset, key, down) in keys {
                    let address = NoteAddress::key(0, key);
                    let body = match down {
                        true => EventBody::NoteOn { address, velocity: 1.0 },
                        false => EventBody::NoteOff { address, velocity: 1.0 },
                    };
                    keyboard.into_iter().for_each(|node| self.command(node, frame + offset, body));
                }
            }
            Step::Parameter(which, offset) => {
                let body = EventBody::Parameter { parameter: 1, address: NoteAddress::ALL, value: frame as f64 };
                if let Some(node) = self.node_at(*which, |node| node.kind == NodeKind::Processor) {
                    self.command(node, frame + offset, body);
                }
            }
            _ => {
                let mut graph = self.graph.clone();
                let mut plans = self.plans.clone();
                if graph.edit(|edit| self.edit(step, edit, &mut plans)).is_ok() {
                    self.plans = plans;
                    self.publish(graph, frame);
                }
            }
        }
    }

    fn edit(
        &self,
        step: &Step,
        edit: &mut Transaction<'_>,
        plans: &mut HashMap<NodeId, NodePlan>,
    ) -> Result<(), EditError> {
        let connect = |edit: &mut Transaction<'_>, plan: &EdgePlan, plans: &HashMap<NodeId, NodePlan>| {
            self.edge(plan, edit.graph(), plans).map_or(Ok(()), |edge| edit.connect(edge).map(drop))
        };
        match step {
            Step::Connect(plan) => connect(edit, plan, plans),
            Step::Disconnect(which) => {
                let edge = self.graph.edges().map(|(id, _)| id).nth(which % self.graph.edge_count().max(1));
                edge.map_or(Ok(()), |edge| edit.disconnect(edge))
            }
            Step::AddNode(plan, edges) => {
                let id = edit.add_node(plan.node())?;
                plans.insert(id, plan.clone());
                edges.iter().try_for_each(|edge| connect(edit, edge, plans))
            }
            Step::RemoveNode(which) => self.node_at(*which, |_| true).map_or(Ok(()), |node| edit.remove_node(node)),
            Step::SetLatency(which, latency) => match self.node_at(*which, |node| node.kind == NodeKind::Processor) {
                Some(node) => edit.apply(Edit::SetLatency { node, latency: *latency }),
                None => Ok(()),
            },
            Step::Keys(..) | Step::Parameter(..) => Ok(()),
        }
    }

    /// What processors told the control half.
    fn hear(&mut self, reported: &mut Vec<(u64, NodeId, At)>) {
        while let Some(report) = self.publisher.report() {
            let Report::Sent { node, frame, event } = report else { unreachable!("{report:?}") };
            reported.push((frame, node, (event.port, event.body)));
        }
    }

    fn command(&mut self, node: NodeId, frame: u64, body: EventBody) {
        self.told.push((frame, Told::Command(node, (0, body))));
        let command = Command::Event { node, event: Event { frame: 0, port: 0, body } };
        self.publisher.send(Timed { frame, command }).unwrap();
    }
}

/// What was given to processors, and what these told the control half: both by frame, node and port.
#[derive(Debug, Default, PartialEq)]
struct Played {
    given: Vec<(u64, NodeId, At)>,
    reported: Vec<(u64, NodeId, At)>,
}

impl Played {
    /// Parameters first: they come by another way than what edges carry, at the same frame in any order.
    fn sorted(mut self) -> Self {
        let is_note = |body: &EventBody| !matches!(body, EventBody::Parameter { .. });
        for list in [&mut self.given, &mut self.reported] {
            list.sort_by_key(|&(frame, node, (port, body))| (frame, node, is_note(&body), port));
        }
        self
    }
}

fn play(
    nodes: &[NodePlan],
    edges: &[EdgePlan],
    script: &[(u64, Step)],
    max_block: usize,
    blocks: &[usize],
) -> (Played, Session) {
    let (publisher, mut renderer) = renderer(Settings { events: 2048, ..Settings::new(48_000.0, max_block) });
    let heard = Heard::default();
    heard.lock().unwrap().reserve(100_000);
    let (graph, plans, told) = (Graph::new(), HashMap::new(), Vec::new());
    let mut session = Session { graph, plans, publisher, told, heard };
    let (mut graph, mut plans) = (Graph::new(), HashMap::new());
    for plan in nodes {
        let added = graph.apply(vec![Edit::AddNode { id: None, node: plan.node() }]).unwrap();
        plans.insert(added.nodes[0], plan.clone());
    }
    for plan in edges {
        if let Some(edge) = session.edge(plan, &graph, &plans) {
            graph.apply(vec![Edit::Connect { id: None, edge }]).unwrap();
        }
    }
    session.plans = plans;
    session.publish(graph, NOW);
    let mut reported = Vec::new();
    let end = script.last().map_or(0, |(frame, _)| *frame) + 100;
    let mut over = false;
    render(
        &mut renderer,
        end as usize + 200,
        blocks,
        |_, _| 0.0,
        |start, until| {
            for (frame, step) in script.iter().filter(|(frame, _)| (start..until).contains(frame)) {
                session.make(step, *frame);
            }
            if until > end && !std::mem::replace(&mut over, true) {
                // All edges go, and with them all notes.
                let mut graph = session.graph.clone();
                let all = graph.edges().map(|(id, _)| Edit::Disconnect { id }).collect();
                graph.apply(all).unwrap();
                session.publish(graph, end);
            }
            session.publisher.returned();
            session.hear(&mut reported);
        },
    );
    session.hear(&mut reported);
    let given = session.heard.lock().unwrap().clone();
    (Played { given, reported }.sorted(), session)
}

/// The same, frame by frame and node by node.
#[derive(Default)]
struct Naive {
    graph: Graph,
    merges: HashMap<NodeId, NaiveMerge>,
    /// What is on its way along each edge, with the frame at which it was sent.
    queues: HashMap<EdgeId, Vec<(u64, EventBody)>>,
    delays: HashMap<EdgeId, u64>,
    /// What has come to an end in front of each node.
    ended: HashMap<NodeId, Vec<At>>,
}

impl Naive {
    fn install(&mut self, graph: Graph) {
        let is_gone = |edge: EdgeId| graph.edge(edge).is_none();
        self.queues.retain(|&edge, _| !is_gone(edge));
        self.merges.retain(|&node, _| graph.node(node).is_some());
        for (&node, merge) in &mut self.merges {
            merge.end(is_gone, self.ended.entry(node).or_default());
        }
        self.merges.retain(|&node, _| graph.edges_into(node).next().is_some());
        self.delays = graph.edges().map(|(id, edge)| (id, delay(&graph, edge))).collect();
        self.graph = graph;
    }

    fn tick(&mut self, frame: u64, plans: &HashMap<NodeId, NodePlan>, commands: &[(NodeId, At)], played: &mut Played) {
        for node in order(&self.graph) {
            let to_node = commands.iter().filter(|(to, _)| *to == node).map(|(_, at)| *at);
            let mut given: Vec<At> = to_node.collect();
            given.extend(self.ended.remove(&node).unwrap_or_default());
            for (id, edge) in self.graph.edges_into(node) {
                let delay = self.delays[&id];
                let queue = self.queues.entry(id).or_default();
                let (due, later) = queue.iter().copied().partition(|(sent, _)| sent + delay <= frame);
                *queue = later;
                for (_, body) in due as Vec<(u64, EventBody)> {
                    self.merges.entry(node).or_default().take(id, edge.destination.port, body, &mut given);
                }
            }
            let known = self.graph.node(node).unwrap();
            let is_processor = known.kind == NodeKind::Processor;
            if is_processor {
                played.given.extend(given.iter().map(|&at| (frame, node, at)));
            }
            let outputs = known.event_outputs.len() as u16;
            let mut sent = Vec::new();
            plans[&node].part.sends(outputs, frame, &given, |at| sent.push(at));
            for &(port, body) in &sent {
                for (id, edge) in self.graph.edges_out_of(node).filter(|(_, edge)| edge.source.port == port) {
                    debug_assert!(edge.matrix().is_none());
                    self.queues.entry(id).or_default().push((frame, body));
                }
                if is_processor && matches!(body, EventBody::Parameter { .. }) {
                    played.reported.push((frame, node, (port, body)));
                }
            }
        }
        self.ended.clear();
    }
}

/// Nodes after what feeds them, save through feedback edges.
fn order(graph: &Graph) -> Vec<NodeId> {
    fn visit(graph: &Graph, node: NodeId, order: &mut Vec<NodeId>) {
        if !order.contains(&node) {
            let sources = graph.edges_into(node).filter(|(_, edge)| edge.feedback.is_none());
            sources.for_each(|(_, edge)| visit(graph, edge.source.node, order));
            order.push(node);
        }
    }
    let mut found = Vec::new();
    graph.nodes().for_each(|(node, _)| visit(graph, node, &mut found));
    found
}

/// Frames by which a node's events lag behind when it sends them.
fn late(graph: &Graph, node: NodeId) -> u64 {
    arrival(graph, node) + u64::from(graph.node(node).unwrap().latency)
}

/// Frames by which they lag when they have come to it.
fn arrival(graph: &Graph, node: NodeId) -> u64 {
    let edges = graph.edges_into(node).filter(|(_, edge)| edge.feedback.is_none());
    edges.map(|(_, edge)| late(graph, edge.source.node)).max().unwrap_or(0)
}

fn delay(graph: &Graph, edge: &Edge) -> u64 {
    match edge.feedback {
        Some(frames) => u64::from(frames),
        None => arrival(graph, edge.destination.node) - late(graph, edge.source.node),
    }
}

fn play_naively(plans: &HashMap<NodeId, NodePlan>, mut told: Vec<(u64, Told)>, frames: u64) -> Played {
    // What is installed at a frame comes before what is told then.
    told.sort_by_key(|(frame, told)| (*frame, matches!(told, Told::Command(..))));
    let mut told = told.into_iter().peekable();
    let (mut naive, mut played) = (Naive::default(), Played::default());
    for frame in 0..frames {
        let mut commands = Vec::new();
        while let Some((_, what)) = told.next_if(|(at, _)| *at <= frame) {
            match what {
                Told::Install(graph) => naive.install(*graph),
                Told::Command(node, at) => commands.push((node, at)),
            }
        }
        naive.tick(frame, plans, &commands, &mut played);
    }
    played.sorted()
}

/// Notes that were started and not ended.
fn sounding(given: impl Iterator<Item = EventBody>) -> Vec<NoteAddress> {
    let mut sounding = Vec::new();
    for body in given {
        match body {
            EventBody::NoteOn { address, .. } => sounding.push(address),
            EventBody::NoteOff { address, .. } => sounding.retain(|&sounds| sounds != address),
            _ => {}
        }
    }
    sounding
}

proptest! {
    #![proptest_config(cases(150))]

    /// Whatever is connected, taken away and pressed.
    #[test]
    fn events_come_as_the_naive_interpreter_says(
        nodes in vec(node(), 2..7),
        edges in vec(edge(), 1..10),
        steps in vec((0..30_u64, step()), 0..10),
        max_block in prop_oneof![Just(5_usize), Just(16), Just(64)],
        blocks in vec(1..=APART as usize, 1..6),
    ) {
        let mut frame = 20;
        let script: Vec<(u64, Step)> = steps
            .into_iter()
            .map(|(after, step)| {
                frame += APART + after;
                (frame, step)
            })
            .collect();
        let (played, session) = play(&nodes, &edges, &script, max_block, &blocks);
        let frames = script.last().map_or(0, |(frame, _)| *frame) + 300;
        let naive = play_naively(&session.plans, session.told, frames);
        let differ = played.given.iter().zip(&naive.given).find(|(one, other)| one != other);
        prop_assert!(differ.is_none(), "{differ:?}");
        prop_assert_eq!(played.given.len(), naive.given.len());
        prop_assert_eq!(&played.reported, &naive.reported);
        for (node, _) in session.graph.nodes() {
            let given = played.given.iter().filter(|(_, to, _)| *to == node).map(|(.., (_, body))| *body);
            let stuck = sounding(given);
            prop_assert!(stuck.is_empty(), "{node}: {stuck:?}");
        }
    }
}

fn note(down: bool) -> EventBody {
    let address = NoteAddress::key(0, 60);
    match down {
        true => EventBody::NoteOn { address, velocity: 1.0 },
        false => EventBody::NoteOff { address, velocity: 1.0 },
    }
}

fn events(count: usize) -> Vec<EventPort> {
    vec![EventPort::new("events"); count]
}

type Given = Arc<Mutex<Vec<EventBody>>>;

/// Notes what it is given, and does nothing.
fn listener() -> (Box<dyn Processor>, Given) {
    let given = Given::new(Mutex::new(Vec::with_capacity(100)));
    let kept = given.clone();
    let (processor, _) = probe(move |block| {
        given.lock().unwrap().extend(block.events().iter().map(|event| event.body));
        Status::Sleep
    });
    (processor, kept)
}

fn assert_over(given: &Given, notes: usize) {
    let given = given.lock().unwrap();
    let starts = given.iter().filter(|body| matches!(body, EventBody::NoteOn { .. })).count();
    assert_eq!(starts, notes, "{given:?}");
    assert!(sounding(given.iter().copied()).is_empty(), "{given:?}");
}

/// ```text
/// plays a note, fails ──── listener        the note ends, though nobody is left to end it
/// ```
/// The same for one that is bypassed.
#[test]
fn what_falls_silent_leaves_no_note_behind() {
    for fails in [true, false] {
        let mut stage = Stage::new();
        let mut calls = 0;
        let (processor, _) = probe(move |block| {
            calls += 1;
            block.output(0, 0).fill(0.0);
            if calls == if fails { 3 } else { 2 } {
                block.send(Event { frame: 5, port: 0, body: note(true) });
            }
            if fails && calls == 4 { Status::Error } else { Status::Continue }
        });
        let plays = stage.add(Node { event_outputs: events(1), bypassable: true, ..effect("plays") });
        stage.publisher.give(plays, processor);
        let (processor, given) = listener();
        let listener = stage.add(Node { event_inputs: events(1), ..Node::processor("listener") });
        stage.publisher.give(listener, processor);
        stage.connect(Edge::events(Endpoint::new(plays, 0), Endpoint::new(listener, 0)));
        stage.publish();
        if !fails {
            stage.send(2 * MAX_BLOCK as u64 - 5, Command::Bypass { node: plays, on: true });
        }
        stage.play(8 * MAX_BLOCK, |_, _| 1.0);
        assert_over(&given, 1);
    }
}

/// ```text
/// one ────┬── fails ── replaced        one's key goes up while nobody listens;
/// other ──┘                            the other's key must not be taken for held for its sake
/// ```
#[test]
fn what_failed_forgets_the_notes_that_it_was_given() {
    let mut stage = Stage::new();
    let keyboard =
        || Node { event_outputs: events(1), ..Node::new("keyboard", NodeKind::Input { device_channels: Vec::new() }) };
    let [one, other] = [0, 1].map(|_| stage.add(keyboard()));
    let synth = stage.add(Node { event_inputs: events(1), ..Node::processor("synth") });
    let mut calls = 0;
    let (fails, _) = probe(move |_| {
        calls += 1;
        if calls == 3 { Status::Error } else { Status::Continue }
    });
    stage.publisher.give(synth, fails);
    for source in [one, other] {
        stage.connect(Edge::events(Endpoint::new(source, 0), Endpoint::new(synth, 0)));
    }
    stage.publish();
    let key = |stage: &mut Stage, node: NodeId, down: bool| {
        stage.send(NOW, Command::Event { node, event: Event { frame: 0, port: 0, body: note(down) } });
        stage.play(4 * MAX_BLOCK, |_, _| 0.0);
    };
    key(&mut stage, one, true);
    key(&mut stage, one, false);
    let (replaced, given) = listener();
    stage.publisher.give(synth, replaced);
    stage.publish();
    stage.play(4 * MAX_BLOCK, |_, _| 0.0);
    key(&mut stage, other, true);
    key(&mut stage, other, false);
    assert_over(&given, 1);
}
