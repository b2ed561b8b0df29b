//! Edits that come while the ones before are still under way: what is heard goes on from where it is, no faster than a
//! fade, and to the same bits for any partition into blocks.

use crate::cases;
use crate::rig::{difference, render};
use crate::stage::{FADE, MAX_BLOCK, Stage, probe};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{CREDITS, Cell, Command, EdgeId, NOW, NodeKind, Published, Report, Status};
use proptest::collection::vec;
use proptest::prelude::*;

/// The greatest step from one frame to the next.
fn steepest(channel: &[f32]) -> f32 {
    channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

/// One, on all channels.
fn one(_: usize, _: u64) -> f32 {
    1.0
}

impl Stage {
    fn set_gain(&mut self, edge: EdgeId, gain: f32, frame: u64, ramp: u32) {
        let cell = Some(Cell::new(gain));
        self.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
        let sent = self.publisher.set_gain(&self.graph, edge, 0, 0, gain, frame, ramp);
        assert_eq!(sent, Ok(Published::Sent));
    }
}

/// ```text
/// in ══ unity, 0.5 ══ out      the 0.5 is taken out: 1.5 ── fade ── 1.0
///                              meanwhile the cell at unity, alone in its sum from then on, goes to 0.25
/// ```
#[test]
fn a_gain_goes_on_from_where_it_is_though_a_parcel_on_its_way_leaves_its_cell_alone() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let stays = stage.wire(input, output, 1.0);
    let goes = stage.wire(input, output, 0.5);
    stage.publish();
    let mut heard = stage.play(MAX_BLOCK, one)[0].clone();
    stage.graph.apply(vec![Edit::Disconnect { id: goes }]).unwrap();
    stage.publish();
    heard.extend(&render(&mut stage.renderer, 10, &[10], one, |_, _| {})[0]);
    stage.set_gain(stays, 0.25, NOW, 5);
    heard.extend(&stage.play(4 * MAX_BLOCK, one)[0]);
    assert_eq!(heard.last(), Some(&0.25));
    let bound = 0.5 / FADE as f32 + 0.75 / 5.0;
    assert!(steepest(&heard) <= bound + 1e-6, "{} {bound}", steepest(&heard));
    // Once all is at rest a cell that is back at unity costs nothing again.
    stage.set_gain(stays, 1.0, NOW, 5);
    stage.play(4 * MAX_BLOCK, one);
    assert_eq!(stage.publisher.settle(&stage.graph), Ok(true));
    assert!(stage.publisher.schedule().unwrap().mixes.is_empty());
}

/// ```text
/// in ── 0.5 ── out      a command or a bundle: to 0.2        a schedule: to 0.8      another command or bundle: to 0.6
/// ```
/// All of them sent before one block, and any first part of them: the last one counts.
#[test]
fn what_is_sent_last_counts_within_a_block() {
    for (bundled, sent) in [(false, 1), (false, 2), (false, 3), (true, 1), (true, 2), (true, 3)] {
        let mut stage = Stage::new();
        let (input, output) = (stage.input(0), stage.output(0, None));
        let edge = stage.wire(input, output, 0.5);
        stage.publish();
        stage.play(MAX_BLOCK, one);
        let gain_to = |stage: &mut Stage, gain| {
            let command = Command::Gain { edge, source: 0, destination: 0, gain, ramp: FADE };
            match bundled {
                true => drop(stage.publisher.send_bundle(NOW, [command]).unwrap()),
                false => stage.set_gain(edge, gain, NOW, FADE),
            }
        };
        gain_to(&mut stage, 0.2);
        if sent > 1 {
            let cell = Some(Cell::new(0.8));
            stage.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
            stage.publish();
        }
        if sent > 2 {
            gain_to(&mut stage, 0.6);
        }
        let heard = &stage.play(4 * FADE as usize, one)[0];
        assert_eq!(heard.last(), Some(&[0.2, 0.8, 0.6][sent - 1]), "{bundled} {sent}");
        assert!(steepest(heard) <= 0.3 / FADE as f32 + 1e-6, "{bundled} {sent}: {}", steepest(heard));
    }
}

/// Some thousand gains, each with a frame of its own and all of them in one block: the same for any partition.
#[test]
fn a_flood_of_gains_is_the_same_for_any_partition() {
    let play = |max_block: usize, blocks: &[usize]| {
        let mut stage = Stage::with_max_block(max_block);
        let (input, output) = (stage.input(0), stage.output(0, None));
        let edges: Vec<EdgeId> = (0..8).map(|place| stage.wire(input, output, 0.1 * place as f32)).collect();
        stage.publish();
        stage.play(64, one);
        for number in 0..3000_u64 {
            // Several on one frame, and not in the order of their frames.
            let frame = 64 + (number * 37) % 300;
            let gain = ((number * 29) % 100) as f32 / 100.0;
            stage.set_gain(edges[(number % 8) as usize], gain, frame, (number % 7) as u32);
        }
        render(&mut stage.renderer, 600, blocks, one, |_, _| {})[0].clone()
    };
    let expected = play(1, &[1]);
    assert!(expected == play(512, &[600]), "one block");
    assert!(expected == play(512, &[100, 7]), "several blocks");
}

/// More commands than may wait: those left in the ring are obeyed in the next block, and it is told that they were late.
#[test]
fn commands_that_find_no_room_are_said_to_be_late() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let edge = stage.wire(input, output, 0.5);
    stage.publish();
    stage.play(MAX_BLOCK, one);
    for number in 0..5000 {
        stage.set_gain(edge, number as f32 / 5000.0, 40, 0);
    }
    stage.play(MAX_BLOCK, one);
    assert_eq!(stage.reports(), []);
    let heard = stage.play(MAX_BLOCK, one);
    assert_eq!(heard[0][0], 4999.0 / 5000.0);
    assert_eq!(stage.reports(), [Report::Late { frame: 2 * MAX_BLOCK as u64, count: 5000 - 4096 }]);
}

/// What comes while the edits before it may be under way.
#[derive(Clone, Copy, Debug)]
enum Change {
    Latency(u32),
    /// Of a crosspoint that is heard elsewhere.
    Other(f32),
}

fn changes() -> impl Strategy<Value = Vec<(u64, Change)>> {
    let latency = || prop_oneof![2 => 0..=LONGEST, 1 => Just(0), 1 => Just(LONGEST)];
    let change =
        prop_oneof![4 => latency().prop_map(Change::Latency), 1 => (-1.0..1.0_f32).prop_map(Change::Other)].boxed();
    vec((prop_oneof![3 => 0..FADE as u64, 1 => 0..200_u64], change), 1..CREDITS - 1).prop_map(|changes| {
        let mut frame = 150;
        let at = |(after, change)| {
            frame += after;
            (frame, change)
        };
        changes.into_iter().map(at).collect()
    })
}

/// The longest latency in these tests.
const LONGEST: u32 = 90;

/// A straight line upwards.
fn rising(_: usize, frame: u64) -> f32 {
    frame as f32 / 1024.0
}

/// The steepest that a cross-fade between two delays of [`rising`] can be.
const STEEPEST: f32 = (1.0 + LONGEST as f32 / FADE as f32) / 1024.0;

/// Plays latencies of one node that change: of the node itself, bypassed, or of what waits for it.
///
/// ```text
/// in ──┬── late ── out 0        bypassed: the path is as late as the node
///      │     └ 0 ─┐
///      ├──────────┴ out 1       what comes straight waits for the node, which is at 0 there
///      └─ gain ──── out 2
/// ```
fn play_latencies(first: u32, changes: &[(u64, Change)], max_block: usize, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::with_max_block(max_block);
    let (input, outputs) = (stage.input(0), [0, 1, 2].map(|channel| stage.output(channel, None)));
    let (processor, _) = probe(|block| {
        block.output(0, 0).fill(0.0);
        Status::Continue
    });
    let late = stage.processor("late", first, processor);
    stage.wire(input, late, 1.0);
    stage.wire(late, outputs[0], 1.0);
    stage.wire(late, outputs[1], 0.0);
    stage.wire(input, outputs[1], 1.0);
    let other = stage.wire(input, outputs[2], 0.5);
    stage.publish();
    stage.send(0, Command::Bypass { node: late, on: true });
    for &(frame, change) in changes {
        let edit = match change {
            Change::Latency(latency) => Edit::SetLatency { node: late, latency },
            Change::Other(gain) => {
                Edit::SetCell { edge: other, source: 0, destination: 0, cell: Some(Cell::new(gain)) }
            }
        };
        stage.graph.apply(vec![edit]).unwrap();
        assert_eq!(stage.publisher.publish(&stage.graph, frame), Ok(Published::Sent));
    }
    render(&mut stage.renderer, 1500, blocks, rising, |_, _| {})
}

proptest! {
    #![proptest_config(cases(150))]

    /// However a latency changes while it changes already, no tap and no bypass path jumps, all come to be as late as they
    /// should, and no partition shows.
    #[test]
    fn a_delay_that_changes_again_goes_on_from_what_is_heard(
        first in 0..=LONGEST,
        changes in changes(),
        blocks in vec(1..200_usize, 1..6),
    ) {
        let heard = play_latencies(first, &changes, 64, &blocks);
        let last = changes.iter().rev().find_map(|(_, change)| match change {
            Change::Latency(latency) => Some(*latency),
            Change::Other(_) => None,
        });
        let end = rising(0, 1499 - u64::from(last.unwrap_or(first)));
        for channel in &heard[..2] {
            // The line begins with silence.
            let steepest = steepest(&channel[120..]);
            prop_assert!(steepest <= STEEPEST * 1.01, "{steepest} {STEEPEST}");
            prop_assert!((channel[1499] - end).abs() < 1e-6, "{} {end}", channel[1499]);
        }
        let difference = difference(&heard, &play_latencies(first, &changes, 7, &[1500]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}

/// Device channel c delivers this: far from the others, and constant.
fn level(channel: usize, _: u64) -> f32 {
    [1.0, -1.0, 0.5, 0.25, 0.0][channel]
}

/// Something that happens to a straight way from the device's inputs to its outputs.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The input node, or else the output node, stands for another channel.
    Exchange(bool, Option<u32>),
    /// The gain between them.
    Gain(f32),
}

/// Plays an input node and an output node to which things happen at frames, with a straight way between them and one that
/// is delayed.
fn play_mappings(happenings: &[(u64, Happening)], delay: u32, max_block: usize, blocks: &[usize]) -> Vec<Vec<f32>> {
    let mut stage = Stage::with_max_block(max_block);
    let (input, output, other) = (stage.input(0), stage.output(0, None), stage.output(3, None));
    let (processor, _) = probe(|block| {
        block.output(0, 0).fill(0.0);
        Status::Continue
    });
    let late = stage.processor("late", delay, processor);
    let straight = stage.wire(input, output, 1.0);
    stage.wire(input, late, 0.0);
    stage.wire(late, other, 1.0);
    stage.wire(input, other, 1.0);
    stage.publish();
    for &(frame, happening) in happenings {
        let (node, kind) = match happening {
            Happening::Gain(gain) => {
                stage.set_gain(straight, gain, frame, FADE);
                continue;
            }
            Happening::Exchange(true, channel) => (input, NodeKind::Input { device_channels: vec![channel] }),
            Happening::Exchange(false, channel) => {
                (output, NodeKind::Output { device_channels: vec![channel], alignment_groups: vec![None] })
            }
        };
        stage.graph.apply(vec![Edit::SetKind { node, kind }]).unwrap();
        assert_eq!(stage.publisher.publish(&stage.graph, frame), Ok(Published::Sent));
    }
    render(&mut stage.renderer, 1000, blocks, level, |_, _| {})
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => (any::<bool>(), prop::option::weighted(0.7, 0..3_u32))
            .prop_map(|(is_input, channel)| Happening::Exchange(is_input, channel)),
        1 => prop_oneof![-1.0..1.0_f32, Just(1.0)].prop_map(Happening::Gain),
    ]
}

proptest! {
    #![proptest_config(cases(150))]

    /// Device channels of input and output nodes that are exchanged, taken away and given back, also while the last change
    /// still fades and while the gain between them moves: no channel moves faster than fades of all that is there, and
    /// no partition shows.
    #[test]
    fn device_channels_are_exchanged_without_a_click(
        happenings in vec((prop_oneof![0..60_u64, 0..10_u64], happening()), 1..4),
        delay in prop_oneof![Just(0_u32), 1..60_u32],
        blocks in vec(1..200_usize, 1..6),
    ) {
        let mut frame = 200;
        let happenings: Vec<_> = happenings
            .into_iter()
            .map(|(after, happening)| {
                frame += after;
                (frame, happening)
            })
            .collect();
        let heard = play_mappings(&happenings, delay, 64, &blocks);
        // Three may fade at once: input and gain from 1 to -1, output from 0 to 1.
        let bound = 5.0 / FADE as f32;
        for channel in &heard {
            let steepest = steepest(&channel[100..]);
            prop_assert!(steepest <= bound * 1.01, "{steepest} {bound}");
        }
        let (mut mapped, mut gain) = ([Some(0); 2], 1.0);
        for (_, happening) in happenings.iter().copied() {
            match happening {
                Happening::Exchange(is_input, channel) => mapped[usize::from(is_input)] = channel,
                Happening::Gain(to) => gain = to,
            }
        }
        let plays = mapped[1].map_or(0.0, |channel: u32| level(channel as usize, 0));
        for (number, channel) in (0..3).zip(&heard) {
            let expected = if mapped[0] == Some(number) { gain * plays } else { 0.0 };
            prop_assert_eq!(channel[999], expected);
        }
        prop_assert_eq!(heard[3][999], plays);
        let difference = difference(&heard, &play_mappings(&happenings, delay, 7, &[1000]));
        prop_assert!(difference.is_none(), "{difference:?}");
    }
}
