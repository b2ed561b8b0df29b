use super::*;
use crate::{
    AudioPort, Block, ChannelLayout, Command, Commands, Edge, Endpoint, EventEnds, Graph, HardwareEvents, Matrix, NOW,
    Node, NodeKind, Processor, Publisher, Renderer, Settings, Status, renderer,
};
use assert_no_alloc::assert_no_alloc;
use std::cell::Cell;
use std::sync::Arc;

const RATE: f64 = 48_000.0;
/// Frames of a block, which lasts 1 ms: 1,000 ticks.
const FRAMES: usize = 48;
const TICKS: f64 = 1e6;
const FADE: u32 = 96;
const LATENCY: usize = 20;

thread_local! {
    static NOW_IS: Cell<u64> = const { Cell::new(0) };
}

fn now() -> u64 {
    NOW_IS.get()
}

fn burn(ticks: u64) {
    NOW_IS.set(now() + ticks);
}

/// Turns its input round, [`LATENCY`] frames later, and takes as many ticks as a script says, by block.
struct Burner {
    script: Arc<[u64]>,
    past: [f32; LATENCY],
}

impl Processor for Burner {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let place = block.chunk().steady_frame as usize / FRAMES;
        burn(self.script.get(place).copied().unwrap_or(0));
        for sample in block.through((0, 0), (0, 0)) {
            self.past.rotate_left(1);
            *sample = -std::mem::replace(&mut self.past[LATENCY - 1], *sample);
        }
        Status::Continue
    }
}

/// What the device does between blocks: takes time within the block but without any node, and reports xruns.
#[derive(Default)]
struct Device {
    ticks: u64,
    xruns: u32,
}

impl HardwareEvents for Device {
    fn command(&mut self, _: usize, rig: &mut Commands<'_>) {
        rig.note_xruns(std::mem::take(&mut self.xruns));
    }

    fn read(&mut self, _: usize, _: usize, _: &mut EventEnds<'_>) {
        burn(std::mem::take(&mut self.ticks));
    }

    fn write(&mut self, _: usize, _: usize, _: &EventEnds<'_>) {}
}

/// ```text
/// device 0 ──► one ──► two ──► device 0      each turns the sound round, 20 frames later
/// ```
struct Rig {
    publisher: Publisher,
    renderer: Box<Renderer>,
    graph: Graph,
    nodes: [NodeId; 2],
    device: Device,
    block: usize,
}

fn rig(scripts: [Vec<u64>; 2]) -> Rig {
    let mut graph = Graph::new();
    let port = || vec![AudioPort::new("audio", ChannelLayout::Mono)];
    let mut add = |node| graph.edit(|t| t.add_node(node)).unwrap().0;
    let input = NodeKind::Input { device_channels: vec![Some(0)] };
    let input = add(Node { audio_outputs: port(), ..Node::new("in", input) });
    let nodes = ["one", "two"].map(|name| {
        let (audio_inputs, audio_outputs, latency) = (port(), port(), LATENCY as u32);
        add(Node { audio_inputs, audio_outputs, latency, bypassable: true, ..Node::processor(name) })
    });
    let kind = NodeKind::Output { device_channels: vec![Some(0)], alignment_groups: vec![None] };
    let output = add(Node { audio_inputs: port(), ..Node::new("out", kind) });
    for (from, to) in [(input, nodes[0]), (nodes[0], nodes[1]), (nodes[1], output)] {
        let edge = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(1));
        graph.edit(|t| t.connect(edge)).unwrap();
    }
    let (mut publisher, mut renderer) = renderer(Settings { fade: FADE, ..Settings::new(RATE, 64) });
    renderer.set_clock(now);
    for (node, script) in nodes.into_iter().zip(scripts) {
        publisher.give(node, Box::new(Burner { script: script.into(), past: [0.0; LATENCY] }));
    }
    let settings = WatchSettings { ticks_per_second: TICKS, near: 0.8, blocks: 3 };
    publisher.send_now(Command::WatchTime(Some(settings))).unwrap();
    publisher.publish(&graph, NOW).unwrap();
    Rig { publisher, renderer, graph, nodes, device: Device::default(), block: 0 }
}

fn sound(frame: usize) -> f32 {
    0.5 * (0.02 * frame as f32).sin()
}

impl Rig {
    fn play(&mut self, blocks: usize) -> Vec<f32> {
        let mut played = Vec::new();
        for _ in 0..blocks {
            let first = self.block * FRAMES;
            let input: Vec<f32> = (first..first + FRAMES).map(sound).collect();
            let mut output = [7.0; FRAMES];
            let (renderer, device) = (&mut self.renderer, &mut self.device);
            assert_no_alloc(|| renderer.render_with_events(&[&input], &mut [&mut output], FRAMES, device));
            played.extend(output);
            self.block += 1;
        }
        played
    }

    fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.publisher.report())
            .filter(|report| !matches!(report, Report::Bypassed { .. }))
            .collect()
    }

    fn budget(&mut self, node: usize, action: OverloadAction, returns_after: Option<u32>) {
        let budget = Budget { share: 0.25, blocks: 4, action, returns_after };
        self.publisher.set_budget(self.nodes[node], Some(budget)).unwrap();
    }
}

/// As many blocks of a time, one after the other.
fn script(parts: &[(usize, u64)]) -> Vec<u64> {
    parts.iter().flat_map(|&(blocks, ticks)| std::iter::repeat_n(ticks, blocks)).collect()
}

fn assert_smooth(played: &[f32]) {
    let most = played.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(most <= 0.01 + 1.0 / FADE as f32 + 1e-4, "a step of {most}");
}

/// ```text
/// one    100 ··· 300 x 3 ··· 300 x 4, and so on      a budget of 250 for 4 blocks in a row
/// ```
/// Three blocks are no reason; with the fourth it is bypassed as late as it was, or muted, by a ramp, and called no more. An
/// edit does not bring it back; a hand does, and so does time.
#[test]
fn a_node_over_its_budget_is_taken_out_of_the_way() {
    for action in [OverloadAction::Bypass, OverloadAction::Mute] {
        let mut rig = rig([script(&[(10, 100), (3, 300), (7, 100), (1000, 300)]), script(&[(1000, 10)])]);
        rig.budget(0, action, None);
        let [node, _] = rig.nodes;
        let mut played = rig.play(24);
        let overloaded = |frame| Report::Overloaded { node, frame, share: 0.3, action };
        assert_eq!(rig.reports(), [overloaded(24 * 48)]);
        let before = now();
        played.extend(rig.play(3));
        assert!(now() > before, "it is called while it fades");
        let before = now();
        let silent = rig.play(10);
        played.extend(&silent);
        assert_smooth(&played);
        assert_eq!(now() - before, 100, "only the other one is called");
        for (at, &sample) in silent.iter().enumerate() {
            // One turns round, the other does not: as late as both.
            let expected = if action == OverloadAction::Mute { 0.0 } else { -sound(27 * 48 + at - 2 * LATENCY) };
            assert_eq!(sample, expected, "{at}");
        }
        let graph = rig.graph.clone();
        rig.publisher.publish(&graph, NOW).unwrap();
        assert_eq!(rig.play(1)[0] == 0.0, action == OverloadAction::Mute);
        assert_eq!(rig.reports(), []);
        rig.publisher.send_now(Command::Recover { node }).unwrap();
        let played = rig.play(4);
        let at = played.len() - 1;
        assert!((played[at] - sound(38 * 48 + at - 2 * LATENCY)).abs() < 1e-6, "it plays again");
        assert_eq!(rig.reports(), [Report::Recovered { node, frame: 38 * 48 }, overloaded(42 * 48)]);
        // From now on it comes back by itself.
        rig.budget(0, action, Some(480));
        rig.play(20);
        let frame = 52 * 48;
        assert_eq!(rig.reports(), [Report::Recovered { node, frame }, overloaded(56 * 48)]);
    }
}

/// Where nothing is to be done it is told once, until it has been within the budget for as long. Offline there is no deadline.
#[test]
fn what_is_only_told_changes_nothing() {
    let mut rig = rig([script(&[(1000, 10)]), script(&[(10, 300), (2, 10), (10, 300), (5, 10), (20, 300)])]);
    rig.budget(1, OverloadAction::Nothing, None);
    let node = rig.nodes[1];
    rig.renderer.set_freewheel(true);
    rig.play(5);
    assert_eq!(rig.reports(), []);
    rig.renderer.set_freewheel(false);
    let played = rig.play(42);
    let first = 5 * 48 + 2 * LATENCY;
    for (at, &sample) in played.iter().enumerate().skip(2 * LATENCY) {
        assert_eq!(sample, sound(first + at - 4 * LATENCY), "{at}");
    }
    let told: Vec<u64> = rig
        .reports()
        .into_iter()
        .map(|report| match report {
            Report::Overloaded { frame, .. } => frame / 48,
            Report::Recovered { node: recovered, frame } if recovered == node => 1000 + frame / 48,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [9, 1026, 31]);
}

/// Once nobody takes the time any more, nobody is out of the way for it.
#[test]
fn what_nobody_watches_plays() {
    let mut rig = rig([script(&[(1000, 300)]), script(&[(1000, 10)])]);
    rig.budget(0, OverloadAction::Mute, None);
    rig.play(20);
    let node = rig.nodes[0];
    assert!(matches!(rig.reports()[..], [Report::Overloaded { .. }]));
    rig.publisher.send_now(Command::WatchTime(None)).unwrap();
    let played = rig.play(20);
    assert!(matches!(rig.reports()[..], [Report::Recovered { node: recovered, .. }] if recovered == node));
    assert_smooth(&played);
    assert!(played[15 * FRAMES..].iter().any(|sample| sample.abs() > 0.1));
}

/// A new processor has not been overloaded yet.
#[test]
fn a_replaced_node_gets_another_chance() {
    let mut rig = rig([script(&[(1000, 300)]), script(&[(1000, 10)])]);
    rig.budget(0, OverloadAction::Mute, None);
    rig.play(20);
    let node = rig.nodes[0];
    rig.publisher.give(node, Box::new(Burner { script: script(&[(1000, 10)]).into(), past: [0.0; LATENCY] }));
    let graph = rig.graph.clone();
    rig.publisher.publish(&graph, NOW).unwrap();
    let played = rig.play(20);
    assert!((played[959] - sound(40 * 48 - 1 - 2 * LATENCY)).abs() < 1e-6);
    assert_eq!(rig.reports().len(), 1);
}

/// ```text
/// block 100   one takes 1,500 in place of 200               one
/// block 110   1,500 between the nodes                       outside
/// block 120   the device reports that it lost two, after a quick block: outside; after one in which two took 700: two
/// from 200    both take 500 each, always                    the rig, once it is usual
/// ```
#[test]
fn a_late_block_has_a_culprit() {
    let one = script(&[(100, 200), (1, 1500), (99, 200), (200, 500)]);
    let two = script(&[(150, 200), (1, 700), (49, 200), (200, 550)]);
    let mut rig = rig([one, two]);
    let nodes = rig.nodes;
    rig.play(101);
    let [Report::Xrun { frame: 4800, kind: XrunKind::Missed, share, culprit }] = rig.reports()[..] else { panic!() };
    let Some(Culprit::Node { node, share: its, usual }) = culprit else { panic!("{culprit:?}") };
    assert!(node == nodes[0] && (share, its) == (1.7, 1.5) && (usual - 0.203).abs() < 0.001, "{culprit:?}");
    rig.play(9);
    rig.device.ticks = 1500;
    rig.play(1);
    let [Report::Xrun { frame: 5280, kind: XrunKind::Missed, culprit: Some(Culprit::Outside), .. }] = rig.reports()[..]
    else {
        panic!()
    };
    rig.play(9);
    rig.device.xruns = 2;
    rig.play(1);
    let outside = Some(Culprit::Outside);
    let kind = XrunKind::Reported(2);
    assert_eq!(rig.reports(), [Report::Xrun { frame: 119 * 48, kind, share: 0.4, culprit: outside }]);
    rig.play(30);
    rig.device.xruns = 1;
    rig.play(1);
    let [Report::Xrun { frame: 7200, kind: XrunKind::Reported(1), culprit, .. }] = rig.reports()[..] else { panic!() };
    assert!(matches!(culprit, Some(Culprit::Node { node, .. }) if node == nodes[1]), "{culprit:?}");
    rig.play(48);
    assert_eq!(rig.reports(), []);
    rig.play(200);
    let reports = rig.reports();
    assert_eq!(
        reports[0],
        Report::Xrun { frame: 9600, kind: XrunKind::Missed, share: 1.05, culprit: outside_or(&reports) }
    );
    let near = reports.iter().filter(|report| matches!(report, Report::NearDeadline { .. })).count();
    assert_eq!(near, 1, "it is told once");
    let Some(Report::Xrun { culprit: Some(last), .. }) = reports.last() else { panic!("{:?}", reports.last()) };
    assert_eq!(*last, Culprit::Rig);
}

/// The first of the heavy blocks: both nodes stand out, so that one of them is named.
fn outside_or(reports: &[Report]) -> Option<Culprit> {
    let Report::Xrun { culprit, .. } = reports[0] else { panic!("{reports:?}") };
    assert!(matches!(culprit, Some(Culprit::Node { .. })), "{culprit:?}");
    culprit
}

/// Without a look at the time nobody can be blamed, and nobody is.
#[test]
fn an_xrun_without_times_has_no_culprit() {
    let mut rig = rig([vec![], vec![]]);
    rig.publisher.send_now(Command::WatchTime(None)).unwrap();
    rig.play(3);
    rig.device.xruns = 1;
    rig.play(1);
    let (frame, kind) = (3 * 48, XrunKind::Reported(1));
    assert_eq!(rig.reports(), [Report::Xrun { frame, kind, share: 0.0, culprit: None }]);
}
