//! What is heard of a node that is bypassed: its input as late as the node, its tail until that is over, and the events that
//! came to it. All of it the same for any partition into blocks.

use crate::cases;
use crate::players::{
    ECHO, echo, hum, instrument, instrument_node, keyboard, late_by, listener, ports, press, sound, through_octave,
};
use crate::rig::{difference, render};
use crate::stage::{FADE, MAX_BLOCK, Stage, probe, silence, through};
use crosspoint_graph::event::{EventBody, NoteAddress};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{BypassMode, Command, Edge, Endpoint, NOW, Node, Report, Status, nodes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::{Arc, Mutex};

/// What of the input goes to the processor at a frame, after switches of the bypass at those frames.
pub fn gate(switches: &[(u64, bool)], frame: u64) -> f32 {
    let step = 1.0 / FADE as f32;
    (0..=frame).fold(1.0_f32, |gate, at| {
        let bypassed = switches.iter().rev().find(|(since, _)| *since < at).is_some_and(|&(_, on)| on);
        (gate + if bypassed { -step } else { step }).clamp(0.0, 1.0)
    })
}

/// Switches so many frames after each other, the first one on.
pub fn switches(after: Vec<u64>) -> Vec<(u64, bool)> {
    let (mut frame, mut on) = (200, false);
    let switch = |after| {
        frame += after;
        on = !on;
        (frame, on)
    };
    after.into_iter().map(switch).collect()
}

fn play_echo(latency: u32, switches: &[(u64, bool)], max_block: usize, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::with_max_block(max_block);
    let (processor, _) = echo(latency);
    let node = stage.processor("echo", latency, processor);
    stage.chain(&[node]);
    stage.publish();
    for &(frame, on) in switches {
        stage.send(frame, Command::Bypass { node, on });
    }
    render(&mut stage.renderer, 1500, blocks, sound, |_, _| {})
}

proptest! {
    #![proptest_config(cases(60))]

    /// ```text
    ///        ┌── gate ── echo, late ──┐
    /// in ────┤                        ├── out     what does not go in goes past, as late: nothing is lost or heard twice
    ///        └── the rest ── late ────┘           and the echo of what went in is heard to its end
    /// ```
    #[test]
    fn a_tail_rings_on_beside_the_dry_signal(
        latency in 0..100_u32,
        after in vec(1..250_u64, 1..6),
        blocks in vec(1..200_usize, 1..6),
    ) {
        let switches = switches(after);
        let heard = play_echo(latency, &switches, 64, &blocks);
        for (at, &sample) in heard[0].iter().enumerate() {
            let back = |frames: usize| at.checked_sub(frames).map_or((0.0, 0.0), |at| {
                let (sound, gate) = (sound(0, at as u64), gate(&switches, at as u64));
                (sound * gate, sound * (1.0 - gate))
            });
            let ((now, dry), (before, _)) = (back(latency as usize), back(latency as usize + ECHO));
            let expected = 0.25 * now + 0.5 * before + dry;
            prop_assert!((sample - expected).abs() < 1e-5, "{at}: {sample}, not {expected}");
        }
        let difference = difference(&heard, &play_echo(latency, &switches, 7, &[1500]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

/// How a processor is taken out of the way.
#[derive(Clone, Copy, Debug)]
enum Out {
    Bypass(BypassMode),
    Withdraw,
}

fn play_late(latency: u32, out: Out, switches: &[(u64, bool)], blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::new();
    let node = stage.processor("late", latency, late_by(latency));
    stage.chain(&[node]);
    stage.publish();
    if let Out::Bypass(mode) = out {
        stage.send(NOW, Command::BypassMode { node, mode });
    }
    for &(frame, on) in switches {
        let command = match out {
            Out::Bypass(_) => Command::Bypass { node, on },
            Out::Withdraw => Command::Withdraw { node, on },
        };
        stage.send(frame, command);
    }
    render(&mut stage.renderer, 1500, blocks, sound, |_, _| {})
}

proptest! {
    #![proptest_config(cases(100))]

    /// ```text
    ///        ┌── late, reset while it is out ──┐
    /// in ────┤                                 ├── out      all of it, as late, whatever way it takes and however often
    ///        └── the bypass path, as late ─────┘
    /// ```
    /// What comes back is silent until it is as late as what passes it: that is not heard.
    #[test]
    fn who_is_late_leaves_no_gap(
        latency in 0..100_u32,
        out in select(&[
            Out::Bypass(BypassMode::Tails), Out::Bypass(BypassMode::Cut), Out::Bypass(BypassMode::Live), Out::Withdraw,
        ]),
        after in vec(1..250_u64, 1..6),
        blocks in vec(1..200_usize, 1..6),
    ) {
        let heard = play_late(latency, out, &switches(after), &blocks);
        for (at, &sample) in heard[0].iter().enumerate() {
            let expected = at.checked_sub(latency as usize).map_or(0.0, |at| sound(0, at as u64));
            prop_assert!((sample - expected).abs() < 1e-5, "{at}: {sample}, not {expected}");
        }
    }
}

/// ```text
/// in ── late ── out      another one comes in its place while a constant plays, as late, later or less late
/// ```
/// It is silent until it is as late as it is: that is not heard.
#[test]
fn a_late_one_that_comes_leaves_no_gap() {
    for (before, after) in [(0, 90), (90, 90), (90, 7), (7, 90)] {
        let mut stage = Stage::new();
        let node = stage.processor("late", before, late_by(before));
        stage.chain(&[node]);
        stage.publish();
        stage.play(10 * MAX_BLOCK, |_, _| 1.0);
        stage.graph.apply(vec![Edit::SetLatency { node, latency: after }]).unwrap();
        stage.publisher.give(node, late_by(after));
        stage.publish();
        let heard = stage.play(20 * MAX_BLOCK, |_, _| 1.0);
        let gap = heard[0].iter().position(|sample| (sample - 1.0).abs() > 1e-6);
        assert_eq!(gap, None, "{before} -> {after}: {:?}", heard[0]);
    }
}

/// Frames of the longest tail, longer than the echo's.
const LIMIT: u32 = 1000;

/// ```text
/// sounds, bypassed ─── tail ───┐ no longer called, whatever comes and whatever wakes a sleeper
/// ```
#[test]
fn a_tail_that_is_over_costs_nothing() {
    let mut stage = Stage::new();
    let (processor, seen) = echo(40);
    let node = stage.processor("echo", 40, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(NOW, Command::TailLimit(LIMIT));
    stage.play(10 * MAX_BLOCK, sound);
    stage.send(NOW, Command::Bypass { node, on: true });
    let before = seen.calls();
    stage.play((FADE as usize + ECHO + 40).next_multiple_of(MAX_BLOCK) + 2 * MAX_BLOCK, sound);
    let after = seen.calls();
    assert!((7..=9).contains(&(after - before)), "{before} {after}");
    let resets = || seen.resets.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(resets(), 1);
    stage.send(NOW, Command::Play(true));
    seen.wants.store(true, std::sync::atomic::Ordering::Relaxed);
    stage.play(10 * MAX_BLOCK, sound);
    assert_eq!(seen.calls(), after);
    stage.play(LIMIT as usize, sound);
    assert_eq!((seen.calls(), resets()), (after, 1), "past the limit of tails");
    stage.send(NOW, Command::Bypass { node, on: false });
    stage.play(MAX_BLOCK, sound);
    assert_eq!(seen.calls(), after + 1);
}

/// Bypassed again while it is on its way back, with less time for its tail than that takes: where it ends is a matter of
/// frames, not of blocks.
#[test]
fn a_tail_that_has_no_time_ends_at_its_frame() {
    let play = |max_block: usize| {
        let mut stage = Stage::with_max_block(max_block);
        let (processor, _) = hum();
        let node = stage.processor("hum", 0, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(0, Command::TailLimit(5));
        let back = 70 + u64::from(FADE);
        for (frame, on) in [(50, true), (back, false), (back + u64::from(FADE) / 2, true)] {
            stage.send(frame, Command::Bypass { node, on });
        }
        render(&mut stage.renderer, 1500, &[1500], sound, |_, _| {})
    };
    let whole = play(64);
    for max_block in [1, 7, 50] {
        assert_eq!(difference(&whole, &play(max_block)), None, "{max_block}");
    }
}

/// ```text
/// 1 ─────────────────╲ 0        bypassed at 50, over at 50 + 100 at the latest, and fades
/// ```
/// When it is wanted again it fades in.
#[test]
fn a_tail_without_an_end_is_ended() {
    let play = |blocks: &[usize]| {
        let mut stage = Stage::new();
        let (processor, seen) = hum();
        let node = stage.processor("hum", 0, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::TailLimit(100));
        stage.send(50, Command::Bypass { node, on: true });
        stage.send(400, Command::Bypass { node, on: false });
        let mut heard = render(&mut stage.renderer, 300, blocks, silence, |_, _| {});
        assert_eq!(stage.reports(), [Report::Bypassed { node }]);
        let calls = seen.calls();
        render(&mut stage.renderer, 60, blocks, silence, |_, _| {});
        assert_eq!(seen.calls(), calls);
        let back = render(&mut stage.renderer, 140, blocks, silence, |_, _| {});
        heard.iter_mut().zip(back).for_each(|(heard, back)| heard.extend(back));
        heard
    };
    let heard = play(&[MAX_BLOCK]);
    let at = |frame: usize| match frame {
        0..150 | 360.. => 1.0,
        150..170 => 1.0 - (frame - 150) as f32 / FADE as f32,
        170..340 => 0.0,
        _ => (frame - 340) as f32 / FADE as f32,
    };
    for (frame, &sample) in heard[0].iter().enumerate() {
        assert!((sample - at(frame)).abs() < 1e-5, "{frame}: {sample}");
    }
    for blocks in [&[1][..], &[7, 30], &[500]] {
        assert_eq!(difference(&heard, &play(blocks)), None);
    }
}

/// Live, it plays on unheard, and is there at once.
#[test]
fn live_plays_on_unheard() {
    let mut stage = Stage::new();
    let (processor, seen) = hum();
    let node = stage.processor("hum", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(NOW, Command::BypassMode { node, mode: BypassMode::Live });
    stage.send(NOW, Command::Bypass { node, on: true });
    let heard = stage.play(10 * MAX_BLOCK, |_, _| 0.5);
    assert_eq!(seen.calls(), 10);
    assert!(heard[0][FADE as usize..].iter().all(|&sample| sample == 0.5));
    stage.send(NOW, Command::Bypass { node, on: false });
    let heard = stage.play(2 * MAX_BLOCK, |_, _| 0.5);
    assert!((heard[0][10] - 0.75).abs() < 1e-6 && heard[0][FADE as usize..].iter().all(|&sample| sample == 1.0));
}

/// Its own switch is set, and nothing else is done.
#[test]
fn its_own_bypass_is_a_parameter() {
    let mut stage = Stage::new();
    let told = Arc::new(Mutex::new(Vec::with_capacity(8)));
    let kept = told.clone();
    let (processor, _) = probe(move |block| {
        kept.lock().unwrap().extend(block.events().iter().map(|event| (block.chunk().steady_frame, event.body)));
        block.output(0, 0).fill(-1.0);
        Status::Continue
    });
    let node = stage.processor("own", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.send(NOW, Command::BypassMode { node, mode: BypassMode::Own { parameter: 9, on: 3.0, off: 2.0 } });
    stage.send(50, Command::Bypass { node, on: true });
    stage.send(90, Command::Bypass { node, on: false });
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 1.0);
    let set = |value| EventBody::Parameter { parameter: 9, address: NoteAddress::ALL, value };
    assert_eq!(*told.lock().unwrap(), [(50, set(3.0)), (90, set(2.0))]);
    assert!(heard[0].iter().all(|&sample| sample == -1.0));
}

/// A node that comes bypassed is not heard for a frame, and neither is its tail; built-in effects let the signal through.
#[test]
fn a_node_may_begin_bypassed() {
    let mut stage = Stage::new();
    let (processor, seen) = hum();
    let begins = stage.processor("hum", 0, processor);
    let gain = stage.add(nodes::gain::node("gain", crosspoint_graph::ChannelLayout::Mono));
    stage.publisher.give(gain, Box::new(nodes::gain::Gain::new(0.25)));
    stage.publisher.begin_bypassed(begins, true, BypassMode::Tails);
    stage.publisher.begin_bypassed(gain, true, BypassMode::Cut);
    stage.chain(&[begins, gain]);
    stage.publish();
    // One that waits with its parcel hears of it as well.
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 0.5);
    assert!(heard[0].iter().all(|&sample| sample == 0.5));
    assert_eq!(seen.calls(), 0);
    stage.send(NOW, Command::Bypass { node: gain, on: false });
    assert_eq!(stage.play(4 * MAX_BLOCK, |_, _| 0.5)[0].last(), Some(&0.125));
}

/// ```text
/// keys ── octave up, late ── listener
/// 60 down at 10, up at 300 ──   bypassed from 100 to 200     72 ends at 100: it was the effect's
/// 62 down at 120, up at 400 ─                                62 passes, as late as the effect, and ends at 200
/// ```
#[test]
fn events_pass_an_effect() {
    for (mode, latency, blocks) in [
        (BypassMode::Tails, 0, &[32][..]),
        (BypassMode::Live, 0, &[5]),
        (BypassMode::Cut, 0, &[500]),
        (BypassMode::Tails, 13, &[32]),
        (BypassMode::Live, 13, &[1, 40]),
    ] {
        let (mut stage, keys, effect, heard, _) = through_octave(latency, None);
        stage.send(NOW, Command::BypassMode { node: effect, mode });
        for (frame, key, down) in [(10, 60, true), (120, 62, true), (250, 64, true), (300, 60, false)] {
            press(&mut stage, keys, frame, key, down);
        }
        for (frame, key) in [(350, 64), (400, 62)] {
            press(&mut stage, keys, frame, key, false);
        }
        stage.send(100, Command::Bypass { node: effect, on: true });
        stage.send(200, Command::Bypass { node: effect, on: false });
        render(&mut stage.renderer, 500, blocks, silence, |_, _| {});
        let late = u64::from(latency);
        let expected = [
            (10, true, 72),
            (100, false, 72),
            (120 + late, true, 62),
            (200, false, 62),
            (250, true, 76),
            (350, false, 76),
        ];
        assert_eq!(*heard.lock().unwrap(), expected, "{mode:?} {latency}");
    }
}

/// ```text
/// keys ── instrument, bypassed at 50 with two keys down       gets the two note-offs, is heard until it sleeps,
///                                                             hears no key until it is wanted again
/// ```
#[test]
fn an_instrument_gets_its_note_offs_and_rings_out() {
    for blocks in [&[32][..], &[1], &[500]] {
        let mut stage = Stage::new();
        let keys = keyboard(&mut stage);
        let (processor, seen, told) = instrument();
        let instrument = instrument_node(&mut stage, keys, processor);
        for (frame, key, down) in [
            (0, 60, true),
            (5, 64, true),
            (20, 67, true),
            (30, 67, false),
            (80, 60, false),
            (250, 72, true),
            (260, 72, false),
        ] {
            press(&mut stage, keys, frame, key, down);
        }
        stage.send(50, Command::Bypass { node: instrument, on: true });
        stage.send(300, Command::Bypass { node: instrument, on: false });
        let heard = render(&mut stage.renderer, 290, blocks, silence, |_, _| {});
        let before = [(0, true, 60), (5, true, 64), (20, true, 67), (30, false, 67), (50, false, 60), (50, false, 64)];
        assert_eq!(*told.lock().unwrap(), before);
        assert!(
            heard[0][..150].iter().all(|&sample| sample == 1.0) && heard[0][150..].iter().all(|&sample| sample == 0.0)
        );
        let calls = seen.calls();
        press(&mut stage, keys, 320, 48, true);
        let heard = render(&mut stage.renderer, 100, blocks, silence, |_, _| {});
        assert_eq!((heard[0][9], heard[0][30], heard[0][99]), (0.0, 1.0, 1.0));
        assert!(seen.calls() > calls);
        assert_eq!(told.lock().unwrap().last(), Some(&(320, true, 48)));
    }
}

/// A plugin that is to go home fades out whatever its tail; one that is bypassed already says so at once.
#[test]
fn who_goes_home_is_not_waited_for() {
    for (bypassed, mode) in [(false, BypassMode::Tails), (true, BypassMode::Tails), (true, BypassMode::Cut)] {
        let mut stage = Stage::new();
        let (processor, _) = hum();
        let node = stage.processor("hum", 0, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::BypassMode { node, mode });
        stage.send(NOW, Command::Bypass { node, on: bypassed });
        stage.play(4 * MAX_BLOCK, silence);
        stage.reports();
        stage.send(NOW, Command::Withdraw { node, on: true });
        let heard = stage.play(2 * MAX_BLOCK, silence);
        assert!(heard[0][FADE as usize..].iter().all(|&sample| sample == 0.0));
        assert_eq!(stage.reports(), [Report::Bypassed { node }]);
        stage.publisher.withdraw(node);
        stage.publish();
        stage.play(MAX_BLOCK, silence);
        let (processor, seen) = probe(through(Status::Continue));
        stage.publisher.give(node, processor);
        stage.publish();
        let heard = stage.play(4 * MAX_BLOCK, |_, _| 0.5);
        assert!(heard[0].iter().all(|&sample| (sample - 0.5).abs() < 1e-6), "{bypassed} {mode:?}");
        assert_eq!(seen.calls() > 0, !bypassed);
    }
}

/// One that fails while it fades out to go home is there, and says so.
#[test]
fn who_fails_on_the_way_home_is_not_waited_for() {
    let mut stage = Stage::new();
    let mut calls = 0;
    let (processor, _) = probe(move |_| {
        calls += 1;
        if calls > 4 { Status::Error } else { Status::Continue }
    });
    let node = stage.processor("fails", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    stage.play(4 * MAX_BLOCK, sound);
    stage.reports();
    stage.send(NOW, Command::Withdraw { node, on: true });
    stage.play(4 * MAX_BLOCK, sound);
    assert!(stage.reports().contains(&Report::Bypassed { node }));
}

/// ```text
/// keys ── effect, bypassed ── listener      60 down at 10 passes; the effect goes home at 50; up at 100
/// ```
/// What passes an effect ends when that goes home: its notes are not known to what comes after.
#[test]
fn notes_that_pass_end_when_the_effect_goes_home() {
    for mode in [BypassMode::Tails, BypassMode::Cut, BypassMode::Live] {
        let (mut stage, keys, effect, heard, _) = through_octave(0, None);
        stage.send(NOW, Command::BypassMode { node: effect, mode });
        stage.send(NOW, Command::Bypass { node: effect, on: true });
        press(&mut stage, keys, 10, 60, true);
        stage.send(50, Command::Withdraw { node: effect, on: true });
        press(&mut stage, keys, 100, 60, false);
        render(&mut stage.renderer, 200, &[32], silence, |_, _| {});
        let heard = heard.lock().unwrap();
        assert_eq!(heard[..2], [(10, true, 60), (50, false, 60)], "{mode:?}");
        assert!(heard.iter().skip(2).all(|(_, begins, _)| !begins), "{mode:?} {heard:?}");
    }
}

/// ```text
/// keys ── octave, live ── listener       62 down at 20 while it is bypassed, up at 80 when it is not any more
/// ```
/// The effect, which heard the key go down, hears it go up.
#[test]
fn a_key_that_a_live_effect_has_heard_is_released() {
    let mut stage = Stage::new();
    let keys = keyboard(&mut stage);
    let (processor, heard) = listener();
    let node = stage.add(Node { event_inputs: ports(), event_outputs: ports(), ..Node::processor("listener") });
    stage.publisher.give(node, processor);
    stage.connect(Edge::events(Endpoint::new(keys, 0), Endpoint::new(node, 0)));
    stage.publisher.begin_bypassed(node, true, BypassMode::Live);
    stage.publish();
    press(&mut stage, keys, 20, 62, true);
    stage.send(50, Command::Bypass { node, on: false });
    press(&mut stage, keys, 80, 62, false);
    render(&mut stage.renderer, 200, &[32], silence, |_, _| {});
    assert_eq!(*heard.lock().unwrap(), [(20, true, 62), (80, false, 62)]);
}

/// What a bypassed effect was sent by itself does not pass it, though notes are ended in the same chunk: what begins and never
/// ends would sound for ever.
#[test]
fn only_ends_pass_when_notes_are_ended() {
    let (mut stage, _, node, heard, _) = through_octave(0, Some(BypassMode::Tails));
    press(&mut stage, node, 10, 60, true);
    stage.send(12, Command::EndNotes { node });
    render(&mut stage.renderer, 64, &[64], silence, |_, _| {});
    assert_eq!(*heard.lock().unwrap(), []);
}
