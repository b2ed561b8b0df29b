//! What is switched off rings on through a crosspoint that closes later, whatever comes meanwhile.

use crate::rig::{difference, render};
use crate::stage::{FADE, MAX_BLOCK, Stage, effect, probe, silence, through};
use crosspoint_graph::graph::{CellBlock, Edit};
use crosspoint_graph::{
    AudioPort, BypassMode, Cell, ChannelLayout, Command, Edge, Endpoint, Matrix, NOW, Node, NodeKind, Published,
    Report, Status,
};

/// What happens while it rings.
#[derive(Clone, Copy, PartialEq)]
enum Meanwhile {
    Nothing,
    /// An edit elsewhere sends another schedule.
    Edit,
    /// The same schedule is sent once more, with the cells of another edge.
    Resent,
    /// It is opened again.
    Opened,
    /// An edit opens it again.
    Edited,
}

/// ```text
/// hum ══ 0.5 ══ out      told at 50 to close 100 frames later:   0.5 ──── 150 ╲ 170 ─── 0
/// ```
fn play(meanwhile: Meanwhile, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::new();
    let (hum, _) = probe(|block| {
        block.output(0, 0).fill(1.0);
        Status::Continue
    });
    let hum = stage.processor("hum", 0, hum);
    let (input, output, other) = (stage.input(0), stage.output(0, None), stage.output(1, None));
    stage.wire(input, hum, 0.5);
    let edge = stage.wire(hum, output, 0.5);
    let elided = stage.wire(input, other, 1.0);
    stage.publish();
    let mut heard = render(&mut stage.renderer, 40, &[40], silence, |_, _| {});
    let close = Command::CloseLater { edge, source: 0, destination: 0, ramp: FADE, after: 100 };
    assert_eq!(stage.publisher.send_bundle(50, vec![close]), Ok(Published::Sent));
    let set = |stage: &mut Stage, gain| {
        let cell = Some(Cell::new(gain));
        stage.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
    };
    set(&mut stage, 0.0);
    // The first half is played before the others happen, so that they are heard of in the middle.
    let more = render(&mut stage.renderer, 40, blocks, silence, |_, _| {});
    heard.iter_mut().zip(more).for_each(|(heard, more)| heard.extend(more));
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Edit => {
            stage.wire(input, output, 0.25);
            assert_eq!(stage.publisher.publish(&stage.graph, 100), Ok(Published::Sent));
        }
        Meanwhile::Resent => {
            let graph = &stage.graph;
            assert_eq!(stage.publisher.set_gain(graph, elided, 0, 0, 0.5, 100, FADE), Ok(Published::Sent));
        }
        Meanwhile::Opened => {
            set(&mut stage, 0.5);
            let graph = &stage.graph;
            assert_eq!(stage.publisher.set_gain(graph, edge, 0, 0, 0.5, 100, FADE), Ok(Published::Sent));
        }
        Meanwhile::Edited => {
            set(&mut stage, 0.5);
            assert_eq!(stage.publisher.publish(&stage.graph, 100), Ok(Published::Sent));
        }
    }
    let more = render(&mut stage.renderer, 220, blocks, silence, |_, _| {});
    heard.iter_mut().zip(more).for_each(|(heard, more)| heard.extend(more));
    heard
}

#[test]
fn what_closes_later_is_heard_until_then() {
    use Meanwhile::{Edit, Edited, Nothing, Opened, Resent};
    for (meanwhile, name) in
        [(Nothing, "nothing"), (Edit, "edit"), (Resent, "resent"), (Opened, "opened"), (Edited, "edited")]
    {
        let heard = play(meanwhile, &[MAX_BLOCK]);
        let closes = meanwhile != Opened && meanwhile != Edited;
        for (frame, &sample) in heard[0].iter().enumerate() {
            let gain = match frame {
                170.. if closes => 0.0,
                150.. if closes => 0.5 - 0.5 * (frame - 150) as f32 / FADE as f32,
                _ => 0.5,
            };
            assert!((sample - gain).abs() < 1e-6, "{name}, {frame}: {sample}");
        }
        for blocks in [&[1][..], &[7, 13], &[500]] {
            assert_eq!(difference(&heard, &play(meanwhile, blocks)), None, "{name}");
        }
    }
}

/// Who asks once is told once, as soon as the node sleeps.
#[test]
fn sleep_is_told() {
    let mut stage = Stage::new();
    let (processor, _) = probe(through(Status::Tail(40)));
    let node = stage.processor("tail", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.play(2 * MAX_BLOCK, |_, _| 0.5);
    stage.send(NOW, Command::TellSleep { node });
    stage.play(2 * MAX_BLOCK, |_, _| 0.5);
    assert_eq!(stage.reports(), []);
    stage.play(10 * MAX_BLOCK, silence);
    assert_eq!(stage.reports(), [Report::Sleeps { node }]);
    stage.play(MAX_BLOCK, |_, _| 0.5);
    stage.play(10 * MAX_BLOCK, silence);
    assert_eq!(stage.reports(), []);
}

/// One that is bypassed and not called sleeps once what it lets past has left it, however late that is; so does one that has
/// no processor.
#[test]
fn sleep_of_what_is_not_called_is_told() {
    for (latency, has_processor) in [(0, true), (MAX_BLOCK + 1, true), (MAX_BLOCK + 1, false)] {
        let mut stage = Stage::new();
        let node = stage.add(Node { latency: latency as u32, bypassable: true, ..effect("cut") });
        if has_processor {
            stage.publisher.give(node, probe(through(Status::Continue)).0);
        }
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::BypassMode { node, mode: BypassMode::Cut });
        stage.send(NOW, Command::Bypass { node, on: true });
        stage.play(3 * MAX_BLOCK, |_, _| 0.5);
        stage.reports();
        stage.send(NOW, Command::TellSleep { node });
        stage.play(3 * MAX_BLOCK, |_, _| 0.5);
        assert_eq!(stage.reports(), [], "what comes in goes past it");
        let heard = stage.play(latency / MAX_BLOCK * MAX_BLOCK, silence);
        assert!(heard[0].iter().all(|&sample| sample == 0.5), "what came in sounds");
        assert_eq!(stage.reports(), [], "late by {latency}");
        stage.play(MAX_BLOCK, silence);
        assert_eq!(stage.reports(), [Report::Sleeps { node }], "late by {latency}");
        let heard = stage.play(4 * MAX_BLOCK, silence);
        assert!(heard[0].iter().all(|&sample| sample == 0.0) && stage.reports().is_empty());
    }
}

/// ```text
/// in ══ 40 x 40 ══ out      1,600 crosspoints are to close later, of which 1,024 may: the others close at once
/// ```
#[test]
fn more_than_may_wait_close_at_once() {
    const SIDE: u32 = 40;
    let mut stage = Stage::new();
    let all = |channels: u32| vec![AudioPort::new("main", ChannelLayout::Discrete(channels))];
    let device_channels = vec![Some(0); SIDE as usize];
    let kind = NodeKind::Input { device_channels: device_channels.clone() };
    let input = stage.add(Node { audio_outputs: all(SIDE), ..Node::new("in", kind) });
    let alignment_groups = vec![None; SIDE as usize];
    let kind = NodeKind::Output { device_channels, alignment_groups };
    let output = stage.add(Node { audio_inputs: all(SIDE), ..Node::new("out", kind) });
    let mut matrix = Matrix::new(SIDE, SIDE);
    let cells = (0..SIDE * SIDE).map(|_| Some(Cell::new(1.0 / 2048.0))).collect();
    matrix.set_block(&CellBlock { region: matrix.region(), cells }).unwrap();
    let edge = stage.connect(Edge::audio(Endpoint::new(input, 0), Endpoint::new(output, 0), matrix));
    stage.publish();
    let ones = |_: usize, _: u64| 1.0;
    let heard = render(&mut stage.renderer, 64, &[64], ones, |_, _| {});
    assert_eq!(heard[0][63], 1600.0 / 2048.0);
    let pair = |place: u32| ((place % SIDE) as u16, (place / SIDE) as u16);
    let closings = (0..SIDE * SIDE).map(|place| {
        let (source, destination) = pair(place);
        Command::CloseLater { edge, source, destination, ramp: FADE, after: 100 }
    });
    assert_eq!(stage.publisher.send_bundle(NOW, closings.collect::<Vec<_>>()), Ok(Published::Sent));
    let heard = render(&mut stage.renderer, 300, &[64], ones, |_, _| {});
    assert_eq!((heard[0][99], heard[0][299]), (0.5, 0.0));
}
