use super::{GuardCause, GuardSettings};
use crate::nodes::{gain, tone};
use crate::{
    AudioPort, Block, ChannelLayout, Clue, Command, Edge, Endpoint, Graph, Matrix, NOW, Node, NodeId, NodeKind,
    Processor, Publisher, Renderer, Report, Settings, Status, Timed, renderer,
};
use assert_no_alloc::assert_no_alloc;
use proptest::prelude::*;
use std::sync::Arc;

const FADE: u32 = 100;
const FRAMES: usize = 6000;

/// Plays what it was given, by steady frame, whether these are numbers or not.
struct Script(Arc<[f32]>);

impl Processor for Script {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let first = block.chunk().steady_frame as usize;
        for (at, sample) in block.output(0, 0).iter_mut().enumerate() {
            *sample = self.0.get(first + at).copied().unwrap_or(0.0);
        }
        Status::Continue
    }
}

/// ```text
/// wild ──► through (gain 1) ──► main  ──► device 0 and 1
/// tame ──────────────────────────┴──────► aside ──► device 2
/// ```
/// `main` hears `tame` on its second channel only.
struct Rig {
    publisher: Publisher,
    renderer: Box<Renderer>,
    graph: Graph,
    wild: NodeId,
    through: NodeId,
    main: NodeId,
    aside: NodeId,
}

fn ports(channels: usize) -> Vec<AudioPort> {
    vec![AudioPort::new("audio", ChannelLayout::from_channels(channels as u32))]
}

fn output(name: &str, channels: &[u32]) -> Node {
    let device_channels = channels.iter().copied().map(Some).collect();
    let kind = NodeKind::Output { device_channels, alignment_groups: vec![None; channels.len()] };
    Node { audio_inputs: ports(channels.len()), ..Node::new(name, kind) }
}

fn rig(wild: &[f32], aside_channel: u32, settings: GuardSettings) -> Rig {
    let mut graph = Graph::new();
    let mut add = |node| graph.edit(|t| t.add_node(node)).unwrap().0;
    let source = |name: &str| Node { audio_outputs: ports(1), ..Node::processor(name) };
    let (wild_node, tame) = (add(source("wild")), add(source("tame")));
    let through = add(gain::node("through", ChannelLayout::Mono));
    let (main, aside) = (add(output("main", &[0, 1])), add(output("aside", &[aside_channel])));
    let mut join = |from, to, channel| {
        let channels = if to == main { 2 } else { 1 };
        let mut matrix = Matrix::new(1, channels);
        matrix.set(0, channel, Some(crate::Cell::UNITY)).unwrap();
        graph.edit(|t| t.connect(Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), matrix))).unwrap();
    };
    join(wild_node, through, 0);
    join(through, main, 0);
    join(tame, main, 1);
    join(tame, aside, 0);
    let (mut publisher, renderer) = renderer(Settings { fade: FADE, ..Settings::new(48_000.0, 32) });
    publisher.give(wild_node, Box::new(Script(wild.into())));
    publisher.give(tame, Box::new(Script(tame_sound().into())));
    publisher.give(through, Box::new(gain::Gain::new(1.0)));
    publisher.guard(main, settings).unwrap();
    publisher.publish(&graph, NOW).unwrap();
    Rig { publisher, renderer, graph, wild: wild_node, through, main, aside }
}

fn sine(frame: usize, frequency: f64, level: f64) -> f32 {
    (level * (std::f64::consts::TAU * frequency * frame as f64 / 48_000.0).sin()) as f32
}

fn tame_sound() -> Vec<f32> {
    (0..FRAMES).map(|frame| sine(frame, 330.0, 0.4)).collect()
}

fn wild_sound() -> Vec<f32> {
    (0..FRAMES).map(|frame| sine(frame, 220.0, 0.5)).collect()
}

impl Rig {
    fn render(&mut self, frames: usize, blocks: &[usize]) -> [Vec<f32>; 3] {
        let mut played = [(); 3].map(|()| vec![7.0; frames]);
        let (mut at, mut turn) = (0, 0);
        while at < frames {
            let end = frames.min(at + blocks[turn % blocks.len()]);
            let [one, two, three] = &mut played;
            let mut outputs = [&mut one[at..end], &mut two[at..end], &mut three[at..end]];
            assert_no_alloc(|| self.renderer.render(&[], &mut outputs));
            (at, turn) = (end, turn + 1);
        }
        played
    }

    fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.publisher.report()).collect()
    }

    fn hold(&mut self, frame: u64, on: bool) {
        let node = self.main;
        self.publisher.send(Timed { frame, command: Command::HoldOutput { node, on } }).unwrap();
    }
}

const PARTITIONS: [&[usize]; 4] = [&[64], &[1, 33, 500], &[FRAMES], &[7]];

/// No step is larger than those of the sound and of the ramp together.
fn assert_smooth(samples: &[f32], most: f32) {
    assert!(samples.iter().all(|sample| sample.is_finite()), "a sample left that is not a number");
    let step = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step <= most, "a step of {step}");
}

/// ```text
/// wild    ~~~~~~~~~ NaN (one, or all the rest, or infinite, or 10^30)
/// main    ~~~~~~~~~ \_______________   both channels, from the very sample on
/// aside   ~~~~~~~~~~~~~~~~~~~~~~~~~~
/// ```
#[test]
fn what_is_not_a_number_never_leaves() {
    let tame = tame_sound();
    for wrong in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, f32::MAX] {
        for (length, at) in [(1, 1000), (FRAMES, 1000), (1, 0), (5, 31), (2, 32), (1, 5999)] {
            let mut wild = wild_sound();
            wild[at..].iter_mut().take(length).for_each(|sample| *sample = wrong);
            let mut first = None;
            for blocks in PARTITIONS {
                let level = if wrong.abs() < f32::INFINITY { 1.0 } else { f32::INFINITY };
                let mut rig = rig(&wild, 2, GuardSettings { level, frames: 4800, ..GuardSettings::default() });
                let played = rig.render(FRAMES, blocks);
                let [main, other, aside] = &played;
                let silent = (at + FADE as usize).min(FRAMES);
                assert!(main[..at] == wild[..at] && other[..at] == tame[..at] && *aside == tame);
                assert_smooth(main, 0.5 / FADE as f32 + 0.015);
                assert_smooth(other, 0.4 / FADE as f32 + 0.018);
                assert!(main[silent..].iter().chain(&other[silent..]).all(|&sample| sample == 0.0));
                let reports = rig.reports();
                let (node, frame) = (rig.main, at as u64);
                let cause = match wrong.is_finite() {
                    true => GuardCause::TooLoud { peak: wrong.abs() },
                    false => GuardCause::NotANumber,
                };
                assert_eq!(reports[0], Report::OutputClosed { node, frame, cause });
                let told = reports.iter().filter(|report| matches!(report, Report::OutputClosed { .. })).count();
                assert_eq!(told, 1, "{reports:?}");
                assert!(*first.get_or_insert(played.clone()) == played, "{wrong} {at} {blocks:?}");
            }
        }
    }
}

/// ```text
/// limit 1 for 10 ms    2.0 at 100 Hz: 8 ms, a pause, 30 ms      only the second closes, 10 ms after it began
/// ```
#[test]
fn a_level_may_be_exceeded_for_a_time() {
    let loud = |frame: usize| (1000..1384).contains(&frame) || (3000..4440).contains(&frame);
    let wild: Vec<f32> =
        (0..FRAMES).map(|frame| if loud(frame) { sine(frame, 100.0, 2.0) } else { sine(frame, 100.0, 0.9) }).collect();
    let first = (3000..).find(|&frame| wild[frame].abs() > 1.0).unwrap();
    let closes = (first + 480..).find(|&frame| wild[frame].abs() > 1.0).unwrap();
    let peak = wild[first..=closes].iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    for blocks in PARTITIONS {
        let mut rig = rig(&wild, 2, GuardSettings { level: 1.0, frames: 480, ..GuardSettings::default() });
        let [main, other, aside] = rig.render(FRAMES, blocks);
        assert!(main[..closes] == wild[..closes] && other[..closes] == tame_sound()[..closes] && aside == tame_sound());
        assert!(main[closes + FADE as usize..].iter().chain(&other[closes + FADE as usize..]).all(|&x| x == 0.0));
        assert_smooth(&main[closes - 1..], 2.0 / FADE as f32 + 0.027);
        let closed = Report::OutputClosed { node: rig.main, frame: closes as u64, cause: GuardCause::TooLoud { peak } };
        assert_eq!(rig.reports(), [closed, Report::OutputsTraced], "{blocks:?}");
        // The one that is loud is who was loud; what comes behind it has it from there.
        let clues: Vec<Clue> = std::iter::from_fn(|| rig.publisher.clue()).collect();
        let of = |node| clues.iter().find(|clue| clue.node == node).copied().unwrap();
        if blocks[0] == 64 {
            assert!(of(rig.wild).outputs > 1.9 && of(rig.wild).inputs == 0.0, "{clues:?}");
            assert!(of(rig.through).inputs > 1.9 && clues.len() == 3, "{clues:?}");
        }
    }
}

/// By itself after 1000 frames without a fault; by hand, and shut again where the fault goes on, without a sound.
#[test]
fn an_output_comes_back() {
    let mut wild = wild_sound();
    wild[500] = f32::NAN;
    wild[1200] = f32::INFINITY;
    for blocks in PARTITIONS {
        let settings = GuardSettings { returns_after: Some(1000), ..GuardSettings::default() };
        let mut rig = rig(&wild, 2, settings);
        let [main, ..] = rig.render(FRAMES, blocks);
        assert_smooth(&main, 0.5 / FADE as f32 + 0.015);
        assert!(main[600..=2200].iter().all(|&sample| sample == 0.0));
        assert!(main[2300..] == wild[2300..] && (main[2250] - 0.5 * wild[2250]).abs() < 1e-6);
        assert!(rig.reports().contains(&Report::OutputOpened { node: rig.main, frame: 2200 }));
    }
    wild[1000..2000].fill(f32::NAN);
    let mut first = None;
    for blocks in PARTITIONS {
        let mut rig = rig(&wild, 2, GuardSettings::default());
        // While it is on its way to silence, while the fault goes on, and when it is over.
        for frame in [1050, 1500, 2500] {
            rig.hold(frame, false);
        }
        let played = rig.render(FRAMES, blocks);
        assert_smooth(&played[0], 0.5 / FADE as f32 + 0.015);
        assert!(played[0][1100..=2500].iter().all(|&sample| sample == 0.0));
        assert!(played[0][2600..] == wild[2600..], "{blocks:?}");
        assert!(*first.get_or_insert(played.clone()) == played, "{blocks:?}");
    }
}

/// No edit opens an output, and one that has a channel in common with another is closed with it.
#[test]
fn edits_open_nothing_and_shared_channels_close_together() {
    let mut wild = wild_sound();
    wild[100] = f32::NAN;
    let mut rig = rig(&wild, 1, GuardSettings::default());
    rig.render(300, &[64]);
    let frame = 100;
    let closed = |node| Report::OutputClosed { node, frame, cause: GuardCause::NotANumber };
    let reports = rig.reports();
    assert!(reports.contains(&closed(rig.main)) && reports.contains(&closed(rig.aside)), "{reports:?}");
    let mut graph = rig.graph.clone();
    graph.edit(|t| t.add_node(gain::node("more", ChannelLayout::Mono))).unwrap();
    rig.publisher.publish(&graph, NOW).unwrap();
    let [main, other, _] = rig.render(1000, &[64]);
    assert!(main.iter().chain(&other).all(|&sample| sample == 0.0));
    rig.hold(NOW, false);
    let [main, ..] = rig.render(1000, &[64]);
    assert!(main[200..] == wild[1500..2300]);
}

/// A fault that is there once in a while is traced to where it came from: the first node that makes it.
#[test]
fn who_made_it_is_found() {
    let mut wild = wild_sound();
    (1000..FRAMES).step_by(300).for_each(|frame| wild[frame] = f32::NAN);
    let mut rig = rig(&wild, 2, GuardSettings::default());
    rig.render(FRAMES, &[64]);
    assert!(rig.reports().contains(&Report::OutputsTraced));
    let clues: Vec<Clue> = std::iter::from_fn(|| rig.publisher.clue()).collect();
    let first = clues.iter().find(|clue| clue.outputs.is_infinite() && clue.inputs.is_finite()).unwrap();
    assert_eq!(first.node, rig.wild);
    let behind = clues.iter().find(|clue| clue.node == rig.through).unwrap();
    assert!(behind.inputs.is_infinite() && behind.outputs.is_infinite());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and whoever opens it: any partition plays the samples that blocks of one frame do.
    #[test]
    fn any_partition_plays_the_same(
        faults in prop::collection::vec((0..3000_usize, 1..200_usize, 0..4_usize), 0..6),
        holds in prop::collection::vec((0..3000_u64, any::<bool>()), 0..4),
        blocks in prop::collection::vec(1..200_usize, 1..5),
        limit in prop_oneof![Just(f32::INFINITY), 0.3..1.0_f32],
        frames in 0..300_u32,
        returns_after in prop::option::of(0..700_u32),
    ) {
        let mut wild: Vec<f32> = (0..3000).map(|frame| 0.4 * tone::noise(3, frame)).collect();
        for (first, length, kind) in faults {
            for sample in wild[first..].iter_mut().take(length) {
                *sample = [f32::NAN, 3.0, f32::NEG_INFINITY, *sample * 4.0][kind];
            }
        }
        let settings = GuardSettings { level: limit, frames, returns_after };
        let play = |blocks: &[usize]| {
            let mut rig = rig(&wild, 2, settings);
            for &(frame, on) in &holds {
                rig.hold(frame, on);
            }
            let played = rig.render(3000, blocks);
            let told: Vec<Report> =
                rig.reports().into_iter().filter(|report| *report != Report::OutputsTraced).collect();
            (played, told)
        };
        let (expected, told) = play(&[1]);
        prop_assert!(expected.iter().flatten().all(|sample| sample.is_finite()));
        let found = play(&blocks);
        prop_assert!(found.0 == expected, "{:?}", blocks);
        prop_assert_eq!(found.1, told);
    }
}

/// What somebody holds closed stays so, though it would come back by itself.
#[test]
fn what_is_held_by_hand_does_not_open_by_itself() {
    for blocks in PARTITIONS {
        let mut rig = rig(&wild_sound(), 2, GuardSettings { returns_after: Some(500), ..GuardSettings::default() });
        rig.hold(100, true);
        let [main, other, _] = rig.render(FRAMES, blocks);
        assert!(main[101 + FADE as usize..].iter().chain(&other[101 + FADE as usize..]).all(|&sample| sample == 0.0));
        assert_eq!(rig.reports(), []);
    }
}
