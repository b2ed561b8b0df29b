//! What arrives when, to the frame.

use crate::sound::{Sound, Voice};
use crate::stage::{Stage, cable, impulse_at, sounding};
use crosspoint_graph::Timing;

fn delay(frames: u32) -> Box<Voice> {
    Box::new(Voice::new(Sound::Delay(frames), 1, 1))
}

/// ```text
///         ┌─ 480 frames late ─┐
/// in ─────┼─ 37 frames late ──┼── out        one impulse of 3 at 480
///         └───────────────────┘
/// ```
#[test]
fn an_impulse_through_unequal_latencies_lines_up() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    for latency in [480, 37] {
        let late = stage.processor("late", latency, delay(latency));
        stage.wire(input, late, 1.0);
        stage.wire(late, output, 1.0);
    }
    stage.wire(input, output, 1.0);
    stage.publish();
    let heard = stage.play(700, impulse_at(10));
    assert_eq!(sounding(&heard[0]), [(490, 3.0)]);
    assert_eq!(stage.publisher.schedule().unwrap().latency(), 480);
}

/// ```text
/// in ──────────────────── out 0     at once
///  └── 100 frames late ── out 1     100 frames late, which delays nothing else
/// ```
#[test]
fn a_latent_branch_adds_nothing_to_the_dry_one() {
    let mut stage = Stage::new();
    let (input, dry, wet) = (stage.input(0), stage.output(0, None), stage.output(1, None));
    let late = stage.processor("late", 100, delay(100));
    stage.wire(input, dry, 1.0);
    stage.wire(input, late, 1.0);
    stage.wire(late, wet, 1.0);
    stage.publish();
    let heard = stage.play(200, impulse_at(0));
    assert_eq!(sounding(&heard[0]), [(0, 1.0)]);
    assert_eq!(sounding(&heard[1]), [(100, 1.0)]);
}

/// The same with both outputs in one group, and a third one that is in none.
#[test]
fn outputs_of_a_group_wait_for_each_other() {
    let mut stage = Stage::new();
    let input = stage.input(0);
    let late = stage.processor("late", 100, delay(100));
    stage.wire(input, late, 1.0);
    let [dry, wet, other] =
        [(0, Some(3)), (1, Some(3)), (2, None)].map(|(channel, group)| stage.output(channel, group));
    stage.wire(input, dry, 1.0);
    stage.wire(late, wet, 1.0);
    stage.wire(input, other, 1.0);
    stage.publish();
    let heard = stage.play(200, impulse_at(0));
    assert_eq!([0, 1, 2].map(|channel| sounding(&heard[channel])), [[(100, 1.0)], [(100, 1.0)], [(0, 1.0)]]);
}

/// An edge that is not aligned is early, and does not make anything wait for it.
#[test]
fn an_immediate_edge_is_neither_delayed_nor_waited_for() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    for latency in [30, 50] {
        let late = stage.processor("late", latency, delay(latency));
        stage.wire(input, late, 1.0);
        let timing = if latency == 50 { Timing::Immediate } else { Timing::Aligned };
        stage.connect(cable(late, output, 1.0).with_timing(timing));
    }
    stage.wire(input, output, 1.0);
    stage.publish();
    assert_eq!(sounding(&stage.play(100, impulse_at(0))[0]), [(30, 2.0), (50, 1.0)]);
}

/// ```text
/// in ── sum ──┬── out        every N frames half of what was N frames before, however long the chunks would be
///        ↖─ N ┘
/// ```
#[test]
fn feedback_takes_exactly_its_frames() {
    for frames in [1, 7, 31, 32, 33, 100] {
        let mut stage = Stage::new();
        let sum = stage.processor("sum", 0, Box::new(Voice::new(Sound::Sum, 1, 1)));
        stage.chain(&[sum]);
        stage.connect(cable(sum, sum, 0.5).with_feedback(frames));
        stage.publish();
        let heard = stage.play(3 * frames as usize + 1, impulse_at(0));
        let step = frames as usize;
        assert_eq!(sounding(&heard[0]), [(0, 1.0), (step, 0.5), (2 * step, 0.25), (3 * step, 0.125)], "{frames}");
    }
}
