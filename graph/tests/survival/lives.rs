//! The life of a processor: failure, bypass, going home and coming back, and what happens when nobody renders.

use crate::stage::{FADE, MAX_BLOCK, Seen, Stage, cable, effect, probe, silence, through};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    BypassMode, CREDITS, Cell, Command, Fault, NOW, NodeId, Processor, Published, RendererCell, Report, Settings,
    Status, renderer,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Plays minus one, and says that it failed from its third call on.
fn failing() -> (Box<dyn Processor>, Arc<Seen>) {
    let mut calls = 0;
    probe(move |block| {
        calls += 1;
        block.output(0, 0).fill(-1.0);
        if calls < 3 { Status::Continue } else { Status::Error }
    })
}

/// ```text
/// in ──┬── fails ── out 0       -1, -1, then the input, from the failed chunk on where it was not overwritten
///      └── fine ─── out 1       plays on
/// ```
#[test]
fn what_fails_is_bypassed_and_the_rest_plays_on() {
    let mut stage = Stage::new();
    let (input, out, other) = (stage.input(0), stage.output(0, None), stage.output(1, None));
    let (processor, seen) = failing();
    let fails = stage.processor("fails", 0, processor);
    let (processor, fine) = probe(through(Status::Continue));
    let plays = stage.processor("fine", 0, processor);
    for (node, output) in [(fails, out), (plays, other)] {
        stage.wire(input, node, 1.0);
        stage.wire(node, output, 1.0);
    }
    stage.publish();
    let heard = stage.play(6 * MAX_BLOCK, |_, _| 0.25);
    assert!(heard[0][..2 * MAX_BLOCK].iter().all(|&sample| sample == -1.0));
    assert!(heard[0][2 * MAX_BLOCK..3 * MAX_BLOCK].iter().all(|&sample| sample == 0.25 || sample == 0.0));
    assert!(heard[0][3 * MAX_BLOCK..].iter().all(|&sample| sample == 0.25));
    assert!(heard[1].iter().all(|&sample| sample == 0.25));
    assert_eq!((seen.calls(), fine.calls()), (3, 6));
    let frame = 2 * MAX_BLOCK as u64;
    assert_eq!(stage.reports(), [Report::Fault { node: fails, frame, fault: Fault::Failed }]);

    // Another processor in its place fades in over the bypass path.
    let (processor, _) = probe(through(Status::Continue));
    stage.publisher.give(fails, processor);
    stage.publish();
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 0.25);
    assert!(heard[0].iter().all(|&sample| (sample - 0.25).abs() < 1e-6));
    assert_eq!(stage.publisher.returned().len(), 1);
}

/// A node without a bypass path is silent once it has failed.
#[test]
fn what_fails_without_a_bypass_path_is_silent() {
    let mut stage = Stage::new();
    let (processor, _) = failing();
    let id = stage.add(effect("fails"));
    stage.publisher.give(id, processor);
    stage.chain(&[id]);
    stage.publish();
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 0.25);
    assert!(heard[0][2 * MAX_BLOCK..].iter().all(|&sample| sample == 0.0));
}

/// ```text
/// -1 ───╲            ╱─── -1       a straight line of 20 frames each way, from the command's frame on
/// +1     ╲──────────╱
/// ```
#[test]
fn bypass_cross_fades() {
    let mut stage = Stage::new();
    let (processor, _) = probe(|block| {
        block.output(0, 0).fill(-1.0);
        Status::Continue
    });
    let node = stage.processor("inverse", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(NOW, Command::BypassMode { node, mode: BypassMode::Cut });
    stage.send(50, Command::Bypass { node, on: true });
    stage.send(130, Command::Bypass { node, on: false });
    let heard = stage.play(200, |_, _| 1.0);
    let expected = |frame: usize| {
        let fade = FADE as f32;
        match frame {
            0..50 => -1.0,
            50..70 => -1.0 + 2.0 * (frame - 50) as f32 / fade,
            70..130 => 1.0,
            130..150 => 1.0 - 2.0 * (frame - 130) as f32 / fade,
            _ => -1.0,
        }
    };
    for (frame, sample) in heard[0].iter().enumerate() {
        assert!((sample - expected(frame)).abs() < 1e-6, "{frame}: {sample}");
    }
    assert_eq!(stage.reports(), [Report::Bypassed { node }]);
}

/// A bypass that turns round on its way goes on from where it is.
#[test]
fn a_bypass_that_turns_round_does_not_jump() {
    let mut stage = Stage::new();
    let (processor, _) = probe(|block| {
        block.output(0, 0).fill(-1.0);
        Status::Continue
    });
    let node = stage.processor("inverse", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(NOW, Command::BypassMode { node, mode: BypassMode::Cut });
    for (frame, on) in [(50, true), (57, false), (60, true), (75, false)] {
        stage.send(frame, Command::Bypass { node, on });
    }
    let heard = stage.play(200, |_, _| 1.0);
    let steepest = heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 2.0 / FADE as f32 + 1e-5, "{steepest}");
}

/// The bypass path is as late as the node says it is.
#[test]
fn a_bypass_keeps_the_latency() {
    let mut stage = Stage::new();
    let (processor, _) = probe(|block| {
        block.output(0, 0).fill(0.0);
        Status::Continue
    });
    let node = stage.processor("late", 45, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(10, Command::Bypass { node, on: true });
    let heard = stage.play(300, crate::stage::impulse_at(100));
    assert_eq!(crate::stage::sounding(&heard[0]), [(145, 1.0)]);
}

/// ```text
/// plays -- bypass -- withdrawn: the path plays on, the processor is stopped and comes home -- given again: started, fades in
/// ```
#[test]
fn a_processor_goes_home_for_a_restart_and_comes_back() {
    let mut stage = Stage::new();
    let (processor, seen) = probe(through(Status::Continue));
    let node = stage.processor("plugin", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    let mut heard = stage.play(MAX_BLOCK, |_, _| 0.5);
    let mut play_on = |stage: &mut Stage, frames| heard[0].extend(stage.play(frames, |_, _| 0.5)[0].iter());
    stage.send(NOW, Command::Withdraw { node, on: true });
    play_on(&mut stage, 2 * MAX_BLOCK);
    assert_eq!(stage.reports(), [Report::Bypassed { node }]);
    stage.publisher.withdraw(node);
    stage.publish();
    play_on(&mut stage, MAX_BLOCK);
    let mut home = stage.publisher.returned();
    assert_eq!((home.len(), home[0].node), (1, node));
    assert_eq!((seen.starts.load(Ordering::Relaxed), seen.stops.load(Ordering::Relaxed)), (1, 1));
    let calls = seen.calls();
    play_on(&mut stage, 3 * MAX_BLOCK);
    assert_eq!(seen.calls(), calls);
    stage.publisher.give(node, home.remove(0).processor);
    stage.publish();
    play_on(&mut stage, 3 * MAX_BLOCK);
    assert_eq!(seen.starts.load(Ordering::Relaxed), 2);
    assert!(seen.calls() > calls);
    assert!(heard[0].iter().all(|&sample| (sample - 0.5).abs() < 1e-6));
    assert_eq!(seen.drops.load(Ordering::Relaxed), 0);
}

/// Removed, replaced and stray processors all come home through [`crosspoint_graph::Publisher::returned`] and are dropped
/// there; the renderer and what it has go with it.
#[test]
fn processors_are_never_dropped_in_the_callback() {
    let mut stage = Stage::new();
    let mut all = Vec::new();
    let mut fresh = || {
        let (processor, seen) = probe(through(Status::Continue));
        all.push(seen);
        processor
    };
    let removed = stage.processor("removed", 0, fresh());
    let replaced = stage.processor("replaced", 0, fresh());
    stage.chain(&[removed, replaced]);
    stage.publish();
    stage.play(2 * MAX_BLOCK, silence);
    stage.graph.apply(vec![Edit::RemoveNode { id: removed }]).unwrap();
    stage.publisher.give(replaced, fresh());
    stage.publish();
    stage.publisher.give(removed, fresh());
    stage.publish();
    stage.play(4 * MAX_BLOCK, silence);
    let mut home: Vec<NodeId> = stage.publisher.returned().iter().map(|returned| returned.node).collect();
    home.sort_unstable();
    assert_eq!(home, [removed, removed, replaced]);
    let drops = || all.iter().map(|seen| seen.drops.load(Ordering::Relaxed)).collect::<Vec<_>>();
    assert_eq!(drops(), [1, 1, 0, 1]);
    drop(stage);
    assert_eq!(drops(), [1, 1, 1, 1]);
}

/// A hundred edits while nothing renders: the credits run out, none is lost, the last one arrives.
#[test]
fn edits_wait_for_credits() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let edge = stage.wire(input, output, 0.0);
    let mut sent = 0;
    let set = |stage: &mut Stage, gain: f32| {
        let cell = Some(Cell::new(gain));
        stage.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
        stage.publisher.publish(&stage.graph, NOW).unwrap()
    };
    for edit in 1..=100 {
        sent += usize::from(set(&mut stage, edit as f32 / 100.0) == Published::Sent);
    }
    assert!((1..=CREDITS).contains(&sent), "{sent}");
    stage.play(MAX_BLOCK, |_, _| 1.0);
    assert_eq!(stage.publisher.publish(&stage.graph, NOW), Ok(Published::Sent));
    let heard = stage.play(3 * MAX_BLOCK, |_, _| 1.0);
    assert_eq!(heard[0].last(), Some(&1.0));
}

/// A gain that is set while a parcel waits for its frame, or for a fade, is not taken back by it.
#[test]
fn a_gain_set_while_a_parcel_waits_stays() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let stays = stage.wire(input, output, 0.5);
    let goes = stage.wire(input, output, 0.25);
    stage.publish();
    stage.play(MAX_BLOCK, |_, _| 1.0);
    stage.graph.apply(vec![Edit::Disconnect { id: goes }]).unwrap();
    let edge = stage.connect(cable(input, output, 0.125));
    stage.publish();
    for (edge, gain) in [(stays, 0.75), (edge, 2.0)] {
        let cell = Some(Cell::new(gain));
        stage.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
        let sent = stage.publisher.set_gain(&stage.graph, edge, 0, 0, gain, NOW, 10);
        assert_eq!(sent, Ok(Published::Sent));
    }
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 1.0);
    assert_eq!(heard[0].last(), Some(&2.75));
    assert_eq!(stage.reports(), []);
}

/// ```text
/// no processor yet ── parcel with one, behind a fade of 20 ── the processor
///                          a value comes meanwhile ────────────► is the first that it hears
/// ```
/// A parameter that is set while the processor is on its way is not lost.
#[test]
fn a_parameter_set_while_the_processor_waits_in_a_parcel_arrives() {
    for is_new in [false, true] {
        let mut stage = Stage::new();
        let (input, output) = (stage.input(0), stage.output(0, None));
        let goes = stage.wire(input, output, 0.5);
        let node = effect("plugin");
        let late = (!is_new).then(|| stage.add(node.clone()));
        stage.publish();
        stage.play(MAX_BLOCK, silence);
        let id = late.unwrap_or_else(|| stage.add(node));
        let heard = Arc::new(std::sync::Mutex::new(Vec::with_capacity(8)));
        let kept = heard.clone();
        let (processor, _) = probe(move |block| {
            heard.lock().unwrap().extend(block.events().iter().map(|event| event.body));
            Status::Continue
        });
        stage.publisher.give(id, processor);
        stage.graph.apply(vec![Edit::Disconnect { id: goes }]).unwrap();
        stage.publish();
        let body = EventBody::Parameter { parameter: 7, address: NoteAddress::ALL, value: 0.25 };
        stage.send(MAX_BLOCK as u64 + 5, Command::Event { node: id, event: Event { frame: 0, port: 0, body } });
        stage.play(4 * MAX_BLOCK, silence);
        assert_eq!(*kept.lock().unwrap(), [body], "{is_new}");
        assert_eq!(stage.reports(), []);
    }
}

/// A schedule that is sent once more, for a cell at unity to move, leaves gains alone that were set since.
#[test]
fn a_gain_stays_when_another_begins_to_move() {
    let mut stage = Stage::new();
    let input = stage.input(0);
    let edges = [0, 1].map(|channel| {
        let output = stage.output(channel, None);
        stage.wire(input, output, if channel == 0 { 0.5 } else { 1.0 })
    });
    stage.publish();
    for (edge, gain) in edges.into_iter().zip([0.75, 0.25]) {
        let cell = Some(Cell::new(gain));
        stage.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
        let sent = stage.publisher.set_gain(&stage.graph, edge, 0, 0, gain, NOW, 0);
        assert_eq!(sent, Ok(Published::Sent));
    }
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 1.0);
    assert_eq!((heard[0].last(), heard[1].last()), (Some(&0.75), Some(&0.25)));
}

/// Two threads fight for a renderer: only one renders at a time, the other plays silence; no frame is rendered twice.
#[test]
fn a_cell_gives_its_renderer_to_one_thread_at_a_time() {
    let (_publisher, renderer) = renderer(Settings::new(48_000.0, 16));
    let cell = RendererCell::new(renderer);
    let inside = AtomicBool::new(false);
    let fight = || {
        let mut rendered = 0;
        for round in 0..2000 {
            let mut channel = [1.0; 8];
            if round % 2 == 0 {
                rendered += u64::from(cell.render(&[], &mut [&mut channel], false));
                assert_eq!(channel, [0.0; 8]);
            } else if let Some(mut renderer) = cell.take() {
                assert!(!inside.swap(true, Ordering::AcqRel), "two threads have the renderer");
                renderer.render(&[], &mut [&mut channel]);
                rendered += 1;
                inside.store(false, Ordering::Release);
                assert!(cell.put(renderer).is_ok());
            }
        }
        rendered
    };
    let rendered = std::thread::scope(|scope| {
        let other = scope.spawn(fight);
        fight() + other.join().unwrap()
    });
    let renderer = cell.take().unwrap();
    assert_eq!(renderer.frame(), 8 * rendered);
    let mut channel = [1.0; 8];
    assert!(!cell.render(&[], &mut [&mut channel], false) && channel == [0.0; 8]);
    let (_, other) = crosspoint_graph::renderer(Settings::new(48_000.0, 16));
    assert!(cell.put(renderer).is_ok());
    assert!(cell.put(other).is_err());
}
