//! Random graphs: the renderer against the naive interpreter, and the schedule against what can be said of any schedule.

use crate::naive::Naive;
use crate::rig::{DEVICE_CHANNELS, RigPlan, device_input, difference, render, rig};
use crate::{cases, levels};
use crosspoint_graph::compile::{Compiler, Context, Op, SILENT_SLOT, Schedule};
use crosspoint_graph::kernels::Level;
use crosspoint_graph::{NOW, Published, Settings, renderer_at};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashSet;

const FRAMES: usize = 300;

fn heard_naively(plan: &RigPlan, level: Level) -> Vec<Vec<f32>> {
    let rig = plan.build();
    let mut naive = Naive::new(level);
    naive.install(&rig.graph, rig.voices(), None);
    let mut heard = vec![Vec::new(); DEVICE_CHANNELS];
    for frame in 0..FRAMES as u64 {
        let inputs: Vec<f32> = (0..DEVICE_CHANNELS).map(|channel| device_input(channel, frame)).collect();
        let mut outputs = vec![0.0; DEVICE_CHANNELS];
        naive.tick(&inputs, &mut outputs);
        heard.iter_mut().zip(outputs).for_each(|(heard, sample)| heard.push(sample));
    }
    heard
}

fn heard(plan: &RigPlan, level: Level, max_block: usize, blocks: &[usize]) -> Vec<Vec<f32>> {
    let rig = plan.build();
    let (mut publisher, mut renderer) = renderer_at(Settings::new(48_000.0, max_block), level);
    rig.give(&mut publisher);
    assert_eq!(publisher.publish(&rig.graph, NOW), Ok(Published::Sent));
    render(&mut renderer, FRAMES, blocks, device_input, |_, _| {})
}

proptest! {
    #![proptest_config(cases(150))]

    /// The same bits as the naive interpreter, whatever the blocks and the longest chunk, at every level that the machine
    /// has; 16 x 17 frames are more than one chunk, 1 is less.
    #[test]
    fn sounds_as_the_graph_says(
        plan in rig(12, 24),
        max_block in prop_oneof![Just(1_usize), Just(16), Just(64), Just(100), Just(512)],
        blocks in vec(1..200_usize, 1..6),
    ) {
        for level in levels() {
            let expected = heard_naively(&plan, level);
            for blocks in [&blocks[..], &[FRAMES]] {
                let difference = difference(&heard(&plan, level, max_block, blocks), &expected);
                prop_assert!(difference.is_none(), "{level:?} {blocks:?}: {difference:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// A compile is a function of the graph, and no slot of the arena is there without need.
    #[test]
    fn schedules_are_the_same_each_time_and_waste_no_slot(plan in rig(24, 60)) {
        let graph = plan.build().graph;
        let mut compiler = Compiler::new();
        let schedule = compiler.compile(&graph, Context::default()).unwrap();
        prop_assert_eq!(&compiler.compile(&graph, Context::default()).unwrap(), &schedule);
        prop_assert_eq!(&Compiler::new().compile(&graph, Context::default()).unwrap(), &schedule);
        prop_assert_eq!(most_live(&schedule) as u32, schedule.slots - 1);
    }
}

/// Slots read and slots written by each step of an op, in order: a mix makes one channel after the other. What is added to
/// is both.
fn steps(schedule: &Schedule, op: &Op) -> Vec<(Vec<u32>, Vec<u32>)> {
    let slots = |span: crosspoint_graph::compile::Span, table: &[u32]| table[span.range()].to_vec();
    let step = match *op {
        Op::Clear { slot } | Op::Input { slot, .. } | Op::DelayRead { slot, .. } | Op::FeedbackRead { slot, .. } => {
            (Vec::new(), vec![slot])
        }
        Op::Output { slot, .. } | Op::DelayWrite { slot, .. } | Op::FeedbackWrite { slot, .. } => {
            (vec![slot], Vec::new())
        }
        Op::Mix { mix } => {
            let mix = &schedule.mixes[mix as usize];
            let slots = &schedule.mix_slots[mix.slots.range()];
            let channels = slots.chunks_exact(slots.len() / mix.channels as usize);
            let sum = |slots: &[u32]| {
                let read = if mix.accumulate { slots } else { &slots[1..] };
                (read.to_vec(), vec![slots[0]])
            };
            return channels.map(sum).collect();
        }
        Op::Matrix { matrix } => {
            let matrix = &schedule.matrices[matrix as usize];
            let mut read = slots(matrix.sources, &schedule.matrix_slots);
            let written = slots(matrix.destinations, &schedule.matrix_slots);
            read.extend(matrix.accumulate.then_some(&written).into_iter().flatten());
            (read, written)
        }
        Op::Merge { .. } => (Vec::new(), Vec::new()),
        Op::Process { node } => {
            let node = &schedule.nodes[node as usize];
            (slots(node.inputs, &schedule.node_slots), slots(node.outputs, &schedule.node_slots))
        }
    };
    vec![step]
}

/// The most values that are alive at once: walks the steps backwards, from what is read to where it was written. The two
/// ends of a step overlap, save for the output of an in-place node and the input that dies there.
fn most_live(schedule: &Schedule) -> usize {
    let mut live: HashSet<u32> = HashSet::new();
    let mut most = 0;
    for op in schedule.ops.iter().rev() {
        for (read, written) in steps(schedule, op).into_iter().rev() {
            let (read, written): (HashSet<u32>, HashSet<u32>) =
                (read.into_iter().collect(), written.into_iter().collect());
            let after: HashSet<u32> = live.difference(&written).copied().collect();
            let before: HashSet<u32> = after.union(&read).copied().filter(|&slot| slot != SILENT_SLOT).collect();
            if let Op::Process { node } = *op {
                assert_shares_what_dies(schedule, node as usize, &after);
            }
            most = most.max(before.union(&written).count());
            live = before;
        }
    }
    assert!(live.is_empty(), "something is read that was never written");
    most
}

/// Wherever an in-place node may write over an input, it does.
fn assert_shares_what_dies(schedule: &Schedule, node: usize, live_after: &HashSet<u32>) {
    let node = &schedule.nodes[node];
    let inputs = &schedule.node_slots[node.inputs.range()];
    let outputs = &schedule.node_slots[node.outputs.range()];
    let ports = schedule.input_ports(node).iter().zip(schedule.output_ports(node));
    for (from, to) in ports {
        for (&input, &output) in inputs[from.range()].iter().zip(&outputs[to.range()]) {
            let alone = inputs.iter().filter(|&&other| other == input).count() == 1;
            let dies = input != SILENT_SLOT && !live_after.contains(&input);
            assert_eq!(input == output, schedule.is_in_place(node) && alone && dies);
        }
    }
}
