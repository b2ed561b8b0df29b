//! What is heard of a node that is away: nothing but what rings on, which ends. All of it the same for any partition into
//! blocks.

use crate::bypass::{gate, switches};
use crate::cases;
use crate::players::{ECHO, RELEASE, echo, hum, instrument, instrument_node, keyboard, press, sound, through_octave};
use crate::rig::{difference, render};
use crate::stage::{FADE, MAX_BLOCK, Stage, effect, probe, silence, through};
use crosspoint_graph::{
    BypassMode, ChannelLayout, Command, NOW, Node, NodeId, Published, Report, SceneStart, Status, nodes,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::atomic::Ordering;

/// The limit of tails where a test has one.
const LIMIT: u32 = 100;

fn play_echo(
    latency: u32,
    away: &[(u64, bool)],
    bypass: &[(u64, bool)],
    edit: u64,
    max_block: usize,
    blocks: &[usize],
) -> Vec<Vec<f32>> {
    let mut stage = Stage::with_max_block(max_block);
    let (processor, _) = echo(latency);
    let node = stage.processor("echo", latency, processor);
    stage.chain(&[node]);
    stage.publish();
    for &(frame, on) in away {
        stage.send(frame, Command::Present { node, on: !on });
    }
    for &(frame, on) in bypass {
        stage.send(frame, Command::Bypass { node, on });
    }
    let (input, output) = (stage.input(0), stage.output(1, None));
    stage.wire(input, output, 1.0);
    assert_eq!(stage.publisher.publish(&stage.graph, edit), Ok(Published::Sent));
    render(&mut stage.renderer, 1500, blocks, sound, |_, _| {})
}

proptest! {
    #![proptest_config(cases(60))]

    /// ```text
    ///                  ┌── gate ── echo, late ──┐
    /// in ── inlet ─────┤                        ├── out     away, nothing of the input comes to it, whichever way it takes;
    ///                  └── the rest ── late ────┘           what came is heard to its end, with an edit in the middle
    /// ```
    #[test]
    fn what_came_before_rings_out(
        latency in 0..100_u32,
        away in vec(1..250_u64, 1..6),
        bypass in vec(1..250_u64, 0..6),
        edit in 150..1200_u64,
        blocks in vec(1..200_usize, 1..6),
    ) {
        let (away, bypass) = (switches(away), switches(bypass));
        let heard = play_echo(latency, &away, &bypass, edit, 64, &blocks);
        for (at, &sample) in heard[0].iter().enumerate() {
            let back = |frames: usize| at.checked_sub(frames).map_or((0.0, 0.0), |at| {
                let at = at as u64;
                let (sound, gate) = (sound(0, at) * gate(&away, at), gate(&bypass, at));
                (sound * gate, sound * (1.0 - gate))
            });
            let ((now, dry), (before, _)) = (back(latency as usize), back(latency as usize + ECHO));
            let expected = 0.25 * now + 0.5 * before + dry;
            prop_assert!((sample - expected).abs() < 1e-5, "{at}: {sample}, not {expected}");
        }
        let difference = difference(&heard, &play_echo(latency, &away, &bypass, edit, 7, &[1500]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

/// ```text
/// sounds, away ─── rings out ───┐ no longer called, whatever comes and whatever wakes a sleeper; silent at once
/// ```
#[test]
fn who_is_away_and_has_rung_out_costs_nothing() {
    for latency in [0, 40] {
        let mut stage = Stage::new();
        let (processor, seen) = echo(latency);
        let node = stage.processor("echo", latency, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::TailLimit(1000));
        stage.play(10 * MAX_BLOCK, sound);
        stage.send(NOW, Command::Present { node, on: false });
        stage.send(NOW, Command::TellSleep { node });
        let rings = FADE as usize + ECHO + latency as usize;
        let heard = stage.play(rings.next_multiple_of(MAX_BLOCK) + 2 * MAX_BLOCK, sound);
        assert!(heard[0][rings - 1] != 0.0 && heard[0][rings..].iter().all(|&sample| sample == 0.0));
        let after = seen.calls();
        let resets = || seen.resets.load(Ordering::Relaxed);
        assert_eq!((resets(), stage.reports()), (1, vec![Report::Sleeps { node }]));
        stage.send(NOW, Command::Play(true));
        seen.wants.store(true, Ordering::Relaxed);
        let heard = stage.play(2000, sound);
        assert!(heard[0].iter().all(|&sample| sample == 0.0));
        assert_eq!((seen.calls(), resets()), (after, 1), "beyond the limit of tails too");
        stage.send(NOW, Command::Present { node, on: true });
        stage.play(MAX_BLOCK, sound);
        assert_eq!(seen.calls(), after + 1);
    }
}

/// A constant through a chain of one node, which is away from 50 to then.
fn hear(stage: &mut Stage, node: NodeId, back: u64, blocks: &[usize], level: f32) -> Vec<Vec<f32>> {
    stage.send(50, Command::Present { node, on: false });
    stage.send(back, Command::Present { node, on: true });
    render(&mut stage.renderer, 600, blocks, |_, _| level, |_, _| {})
}

fn assert_is(heard: &[f32], expected: impl Fn(usize) -> f32) {
    for (frame, &sample) in heard.iter().enumerate() {
        let expected = expected(frame);
        assert!((sample - expected).abs() < 1e-5, "{frame}: {sample}, not {expected}");
    }
}

/// 1 before a frame, 0 a fade later.
fn falling(since: usize, frame: usize) -> f32 {
    1.0 - (frame.saturating_sub(since) as f32 / FADE as f32).min(1.0)
}

/// ```text
/// 1 ─╲        ╱─       no step is beyond the ramp's. Back when it has been faded out for good it fades in at both ends, its
///     ╲______╱         input and what is heard of it
/// ```
#[test]
fn nothing_steps_beyond_the_ramp() {
    for (status, back, ends) in [
        (Status::Sleep, 140, 1),
        (Status::Tail(30), 140, 1),
        (Status::Continue, 140, 1),
        (Status::Sleep, 400, 2),
        (Status::Continue, 400, 2),
    ] {
        let play = |blocks: &[usize]| {
            let mut stage = Stage::new();
            let (processor, _) = probe(through(status));
            let node = stage.processor("through", 0, processor);
            stage.chain(&[node]);
            stage.publish();
            stage.send(NOW, Command::TailLimit(LIMIT));
            hear(&mut stage, node, back, blocks, 1.0)
        };
        let heard = play(&[MAX_BLOCK]);
        let risen = |frame| (1.0 - falling(back as usize, frame)).powi(ends);
        assert_is(&heard[0], |frame| falling(50, frame).max(risen(frame)));
        let largest = heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(largest <= ends as f32 / FADE as f32 + 1e-6, "{status:?} {back}: {largest}");
        for blocks in [&[1][..], &[7, 30], &[600]] {
            assert_eq!(difference(&heard, &play(blocks)), None, "{status:?} {blocks:?}");
        }
    }
}

/// ```text
/// 1 ────────────╲_______╱──     away at 50, over at 150 at the latest, and fades; fades in at 400
/// ```
#[test]
fn what_sounds_for_ever_is_ended() {
    let play = |max_block: usize, blocks: &[usize]| {
        let mut stage = Stage::with_max_block(max_block);
        let (processor, _) = hum();
        let node = stage.processor("hum", 0, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::TailLimit(LIMIT));
        let heard = hear(&mut stage, node, 400, blocks, 0.5);
        assert_eq!(stage.reports(), []);
        heard
    };
    let heard = play(MAX_BLOCK, &[MAX_BLOCK]);
    assert_is(&heard[0], |frame| falling(150, frame).max(1.0 - falling(400, frame)));
    for (max_block, blocks) in [(1, &[600][..]), (64, &[7, 30]), (500, &[600])] {
        assert_eq!(difference(&heard, &play(max_block, blocks)), None);
    }
}

/// What sounds by itself has nothing to ring out.
#[test]
fn a_generator_falls_silent() {
    let play = |blocks: &[usize]| {
        let mut stage = Stage::new();
        let node = stage.add(Node { audio_inputs: Vec::new(), ..effect("hum") });
        stage.publisher.give(node, hum().0);
        let output = stage.output(0, None);
        stage.wire(node, output, 1.0);
        stage.publish();
        hear(&mut stage, node, 400, blocks, 0.0)
    };
    let heard = play(&[MAX_BLOCK]);
    assert_is(&heard[0], |frame| falling(50, frame).max(1.0 - falling(400, frame)));
    assert_eq!(difference(&heard, &play(&[1, 40])), None);
}

/// Not even dry: bypassed or without a processor, nothing passes. It comes back as it was.
#[test]
fn nothing_passes_who_is_bypassed_and_away() {
    let modes = [BypassMode::Tails, BypassMode::Cut, BypassMode::Live];
    for mode in modes.map(Some).into_iter().chain([None]) {
        let mut stage = Stage::new();
        let node = stage.add(Node { latency: 30, bypassable: true, in_place: true, ..effect("hum") });
        if let Some(mode) = mode {
            stage.publisher.give(node, hum().0);
            stage.publisher.begin_bypassed(node, true, mode);
        }
        stage.chain(&[node]);
        stage.publish();
        let heard = hear(&mut stage, node, 400, &[MAX_BLOCK], 0.5);
        assert_is(&heard[0][60..], |frame| 0.5 * falling(80, frame + 60).max(1.0 - falling(430, frame + 60)));
    }
}

/// ```text
/// keys ── instrument, away at 50 with two keys down      hears no key any more, but those that go up at 80 and 200;
///                                                        sounds on until it sleeps, and then is not called
/// ```
#[test]
fn held_keys_sound_until_they_are_released() {
    for blocks in [&[32][..], &[1], &[500]] {
        let mut stage = Stage::new();
        let keys = keyboard(&mut stage);
        let (processor, seen, told) = instrument();
        let node = instrument_node(&mut stage, keys, processor);
        for (frame, key, down) in
            [(0, 60, true), (5, 64, true), (70, 67, true), (80, 60, false), (90, 67, false), (200, 64, false)]
        {
            press(&mut stage, keys, frame, key, down);
        }
        stage.send(50, Command::Present { node, on: false });
        let heard = render(&mut stage.renderer, 400, blocks, silence, |_, _| {});
        let before = [(0, true, 60), (5, true, 64), (80, false, 60), (200, false, 64)];
        assert_eq!(*told.lock().unwrap(), before);
        let end = 200 + RELEASE as usize;
        assert!(heard[0][..end].iter().all(|&sample| sample == 1.0), "{blocks:?}");
        assert!(heard[0][end..].iter().all(|&sample| sample == 0.0));
        let calls = seen.calls();
        press(&mut stage, keys, 410, 50, true);
        stage.send(NOW, Command::Play(true));
        render(&mut stage.renderer, 50, blocks, silence, |_, _| {});
        assert_eq!(seen.calls(), calls);
        stage.send(NOW, Command::Present { node, on: true });
        press(&mut stage, keys, 460, 48, true);
        press(&mut stage, keys, 465, 50, false);
        let heard = render(&mut stage.renderer, 50, blocks, silence, |_, _| {});
        assert_eq!((heard[0][9], heard[0][10], heard[0][49]), (0.0, 1.0, 1.0));
        assert_eq!(told.lock().unwrap()[before.len()..], [(460, true, 48)]);
    }
}

/// ```text
/// 1 ──────╲____╱──     away at 50, over at 150; back at 160 on its way out: the key that is still down is released at 200
/// 1 ──────╲__________  back later it has forgotten it
/// ```
#[test]
fn a_key_that_is_still_down_when_it_is_back_is_released() {
    for (back, ends) in [(155, true), (180, false)] {
        for blocks in [&[32][..], &[1], &[500]] {
            let mut stage = Stage::new();
            let keys = keyboard(&mut stage);
            let (processor, seen, told) = instrument();
            let node = instrument_node(&mut stage, keys, processor);
            stage.send(NOW, Command::TailLimit(LIMIT));
            press(&mut stage, keys, 0, 60, true);
            press(&mut stage, keys, 200, 60, false);
            stage.send(50, Command::Present { node, on: false });
            stage.send(back, Command::Present { node, on: true });
            render(&mut stage.renderer, 400, blocks, silence, |_, _| {});
            let told = told.lock().unwrap();
            assert_eq!(told[1..].contains(&(200, false, 60)), ends, "{told:?}");
            assert_eq!(seen.resets.load(Ordering::Relaxed) > 0, !ends);
        }
    }
}

/// ```text
/// keys ── octave up ── listener      60 and 62 down at 10, away at 50, 64 down at 70 is not heard
///                                    60 up at 90 ends at 90, as late as the effect; 62 at the limit, 150, whoever holds it
/// ```
#[test]
fn what_an_effect_has_sent_ends() {
    for (latency, mode) in
        [(0, None), (0, Some(BypassMode::Tails)), (0, Some(BypassMode::Live)), (13, Some(BypassMode::Cut))]
    {
        for blocks in [&[32][..], &[5], &[500], &[1, 40]] {
            let (mut stage, keys, node, heard, _) = through_octave(latency, mode);
            stage.send(NOW, Command::TailLimit(LIMIT));
            for (frame, key, down) in
                [(10, 60, true), (10, 62, true), (70, 64, true), (90, 60, false), (200, 62, false), (300, 64, false)]
            {
                press(&mut stage, keys, frame, key, down);
            }
            for (frame, on) in [(50, false), (250, true)] {
                stage.send(frame, Command::Present { node, on });
            }
            press(&mut stage, keys, 260, 65, true);
            render(&mut stage.renderer, 500, blocks, silence, |_, _| {});
            let (late, up) = (u64::from(latency), if mode.is_none() { 12 } else { 0 });
            let expected = [
                (10 + late, true, 60 + up),
                (10 + late, true, 62 + up),
                (90 + late, false, 60 + up),
                (150, false, 62 + up),
                (260 + late, true, 65 + up),
            ];
            assert_eq!(*heard.lock().unwrap(), expected, "{latency} {mode:?} {blocks:?}");
        }
    }
}

/// An effect whose keys are held is not taken for done because it sleeps between them.
#[test]
fn who_sleeps_with_a_key_down_hears_it_go_up() {
    let (mut stage, keys, node, heard, _) = through_octave(0, None);
    press(&mut stage, keys, 10, 60, true);
    stage.send(50, Command::Present { node, on: false });
    press(&mut stage, keys, 1000, 60, false);
    render(&mut stage.renderer, 1200, &[32], silence, |_, _| {});
    assert_eq!(*heard.lock().unwrap(), [(10, true, 72), (1000, false, 72)]);
}

/// ```text
///      ┌── gain 0.5, away from 101 on ──┐
/// in ──┤                                ├── out     the plan of a scene: the two cross-fade, from the very frame
///      └── gain 0.25, away until then ──┘
/// ```
#[test]
fn a_scene_fades_from_one_to_the_other() {
    let play = |blocks: &[usize]| {
        let mut stage = Stage::new();
        let (input, output) = (stage.input(0), stage.output(0, None));
        let [first, second] = [0.5, 0.25].map(|gain| {
            let node = stage.add(nodes::gain::node("gain", ChannelLayout::Mono));
            stage.publisher.give(node, Box::new(nodes::gain::Gain::new(gain)));
            stage.wire(input, node, 1.0);
            stage.wire(node, output, 1.0);
            node
        });
        stage.publisher.begin_away(second, true);
        stage.publish();
        let plan = vec![Command::Present { node: first, on: false }, Command::Present { node: second, on: true }];
        assert_eq!(stage.publisher.prepare_scene(3, plan), Ok(Published::Sent));
        stage.send(101, Command::Scene { scene: 3, start: SceneStart::Now });
        let heard = render(&mut stage.renderer, 300, blocks, |_, _| 1.0, |_, _| {});
        assert_eq!(stage.reports(), [Report::Scene { scene: 3, frame: 101, skipped: 0 }]);
        heard
    };
    let heard = play(&[MAX_BLOCK]);
    assert_is(&heard[0], |frame| {
        0.25 + 0.25 * falling(101, frame) + {
            // One that nobody has heard yet opens at both ends.
            let risen = 1.0 - falling(101, frame);
            0.25 * (risen * risen - risen)
        }
    });
    for blocks in [&[1][..], &[7, 30], &[300]] {
        assert_eq!(difference(&heard, &play(blocks)), None);
    }
}

/// A node that comes away is started, and not called; a processor that comes to one that is away is heard when that is back,
/// and nothing passes beside it.
#[test]
fn a_node_may_begin_away() {
    let mut stage = Stage::new();
    let (processor, seen) = hum();
    let node = stage.processor("hum", 0, processor);
    stage.chain(&[node]);
    stage.publisher.begin_away(node, true);
    stage.publish();
    let heard = stage.play(4 * MAX_BLOCK, |_, _| 0.5);
    assert!(heard[0].iter().all(|&sample| sample == 0.0));
    assert_eq!((seen.starts.load(Ordering::Relaxed), seen.calls()), (1, 0));
    let (processor, seen) = probe(|block| {
        block.output(0, 0).fill(0.25);
        Status::Continue
    });
    stage.publisher.give(node, processor);
    stage.publish();
    assert!(stage.play(4 * MAX_BLOCK, |_, _| 0.5)[0].iter().all(|&sample| sample == 0.0));
    assert_eq!((seen.starts.load(Ordering::Relaxed), seen.calls()), (1, 0));
    stage.send(NOW, Command::Present { node, on: true });
    let heard = stage.play(2 * MAX_BLOCK, |_, _| 0.5);
    assert_is(&heard[0], |frame| 0.25 * (1.0 - falling(0, frame)));
}

/// One that waits with its parcel hears of it as well.
#[test]
fn a_parcel_on_its_way_hears_of_it() {
    let mut stage = Stage::new();
    let (processor, _) = hum();
    let node = stage.processor("hum", 0, processor);
    stage.chain(&[node]);
    assert_eq!(stage.publisher.publish(&stage.graph, 64), Ok(Published::Sent));
    stage.send(NOW, Command::Present { node, on: false });
    assert!(stage.play(4 * MAX_BLOCK, |_, _| 0.5)[0].iter().all(|&sample| sample == 0.0));
    stage.send(NOW, Command::Present { node, on: true });
    assert_eq!(stage.play(4 * MAX_BLOCK, |_, _| 0.5)[0].last(), Some(&1.0));
}

/// Who is to go home says so at once or within a fade, away or not.
#[test]
fn who_is_away_can_go_home() {
    for played in [0, 4, 10] {
        let mut stage = Stage::new();
        let (processor, _) = hum();
        let node = stage.processor("hum", 0, processor);
        stage.chain(&[node]);
        stage.publish();
        stage.send(NOW, Command::TailLimit(LIMIT));
        stage.send(NOW, Command::Present { node, on: false });
        stage.play(played * MAX_BLOCK, silence);
        stage.send(NOW, Command::Withdraw { node, on: true });
        stage.play(2 * MAX_BLOCK, silence);
        assert_eq!(stage.reports(), [Report::Bypassed { node }], "{played}");
    }
}
