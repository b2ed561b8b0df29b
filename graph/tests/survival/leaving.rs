//! Edges that are to go while others come in their place: the signal goes from one way to the other without a gap, as late as
//! the new way is. All of it the same for any partition into blocks.

use crate::cases;
use crate::players::late_by;
use crate::rig::{difference, render};
use crate::stage::{FADE, MAX_BLOCK, Stage};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Command, EdgeId, NOW, NodeId, Parting, Published};
use proptest::collection::vec;
use proptest::prelude::*;

/// Frames before anything changes.
const BEFORE: usize = 16 * MAX_BLOCK;

/// A ramp from 0 to 1 that begins at a frame.
fn ramp(at: usize, start: u32) -> f32 {
    (at.saturating_sub(start as usize) as f32 / FADE as f32).min(1.0)
}

/// Plays a constant before a change and after it.
fn hear(stage: &mut Stage, blocks: &[usize], change: impl FnOnce(&mut Stage) -> Vec<EdgeId>) -> Vec<Vec<f32>> {
    stage.play(BEFORE, |_, _| 1.0);
    let leaving = change(stage);
    let parting = Parting { leaving: &leaving, held: &leaving };
    assert_eq!(stage.publisher.publish_leaving(&stage.graph, parting, NOW), Ok(Published::Sent));
    let mut heard = render(&mut stage.renderer, 1000, blocks, |_, _| 1.0, |_, _| {});
    // All is at rest: they can go unheard.
    assert!(stage.publisher.is_settled());
    stage.graph.apply(leaving.into_iter().map(|id| Edit::Disconnect { id }).collect()).unwrap();
    stage.publish();
    let after = render(&mut stage.renderer, 400, blocks, |_, _| 1.0, |_, _| {});
    heard[0].extend(&after[0]);
    heard
}

/// in ── out, at a gain
fn straight(gain: f32) -> (Stage, NodeId, NodeId, EdgeId) {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let edge = stage.wire(input, output, gain);
    stage.publish();
    (stage, input, output, edge)
}

fn late(stage: &mut Stage, latency: u32) -> NodeId {
    stage.processor("late", latency, late_by(latency))
}

fn inserted(latency: u32, blocks: &[usize]) -> Vec<Vec<f32>> {
    let (mut stage, input, output, old) = straight(1.0);
    hear(&mut stage, blocks, |stage| {
        let node = late(stage, latency);
        stage.wire(input, node, 1.0);
        stage.wire(node, output, 1.0);
        vec![old]
    })
}

fn replaced(before: u32, after: u32, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let old = late(&mut stage, before);
    let edges = vec![stage.wire(input, old, 1.0), stage.wire(old, output, 1.0)];
    stage.publish();
    hear(&mut stage, blocks, |stage| {
        let new = late(stage, after);
        stage.wire(input, new, 1.0);
        stage.wire(new, output, 1.0);
        edges
    })
}

proptest! {
    #![proptest_config(cases(60))]

    /// ```text
    /// in ──┬── falls when the new way is through ──┬── out      1 - rise(late) + rise * rise(late)
    ///      └── rises ── late ── rises ─────────────┘
    /// ```
    #[test]
    fn a_node_is_put_in_without_a_gap(latency in 0..200_u32, blocks in vec(1..200_usize, 1..6)) {
        let heard = inserted(latency, &blocks);
        for (at, &sample) in heard[0].iter().enumerate() {
            let through = ramp(at, latency);
            let expected = 1.0 - through + ramp(at, 0) * through;
            prop_assert!((sample - expected).abs() < 1e-5, "{at}: {sample}, not {expected}");
        }
        let difference = difference(&heard, &inserted(latency, &[1000]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }

    /// ```text
    ///      ┌── late, goes ───┐
    /// in ──┤                 ├── out      whichever is the later: never more than all of it, nor less than two ramps leave
    ///      └── late, comes ──┘
    /// ```
    #[test]
    fn a_node_takes_the_place_of_another_without_a_gap(
        before in 0..200_u32,
        after in 0..200_u32,
        blocks in vec(1..200_usize, 1..6),
    ) {
        let heard = replaced(before, after, &blocks);
        for (at, &sample) in heard[0].iter().enumerate() {
            // At worst three ramps rise at once where one falls: 1 - r + r^3.
            prop_assert!((0.61..1.00001).contains(&sample), "{at}: {sample}");
        }
        let is_over = before.max(after) as usize + 2 * FADE as usize;
        prop_assert!(heard[0][is_over..].iter().all(|sample| (sample - 1.0).abs() < 1e-5));
        let difference = difference(&heard, &replaced(before, after, &[1000]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

/// ```text
/// in ── 1 ── out      to close in 4000 frames; taken out before that it closes at once, and nothing steps
/// ```
#[test]
fn what_is_to_close_later_closes_when_it_leaves() {
    let (mut stage, _, _, edge) = straight(0.5);
    stage.play(BEFORE, |_, _| 1.0);
    stage.send(NOW, Command::CloseLater { edge, source: 0, destination: 0, ramp: FADE, after: 4000 });
    stage.play(MAX_BLOCK, |_, _| 1.0);
    let heard = hear(&mut stage, &[MAX_BLOCK], |_| vec![edge]);
    let expected = |at| 0.5 * (1.0 - ramp(at, 0));
    let differs = heard[0].iter().enumerate().position(|(at, sample)| (sample - expected(at)).abs() > 1e-5);
    assert_eq!(differs, None, "{:?}", &heard[0][..100]);
}

/// An edge that is opened from within the callback while it leaves fades out before it goes.
#[test]
fn what_was_opened_while_it_left_fades_out() {
    let (mut stage, _, _, edge) = straight(0.5);
    stage.play(BEFORE, |_, _| 1.0);
    let parting = Parting { leaving: &[edge], held: &[edge] };
    assert_eq!(stage.publisher.publish_leaving(&stage.graph, parting, NOW), Ok(Published::Sent));
    stage.play(BEFORE, |_, _| 1.0);
    stage.send(NOW, Command::Gain { edge, source: 0, destination: 0, gain: 0.5, ramp: FADE });
    assert_eq!(stage.play(BEFORE, |_, _| 1.0)[0].last(), Some(&0.5));
    stage.graph.apply(vec![Edit::Disconnect { id: edge }]).unwrap();
    stage.publish();
    let heard = stage.play(BEFORE, |_, _| 1.0);
    let step = heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.5 - heard[0][0], f32::max);
    assert!(step <= 0.5 / FADE as f32 + 1e-6 && heard[0].last() == Some(&0.0), "a step of {step}");
}
