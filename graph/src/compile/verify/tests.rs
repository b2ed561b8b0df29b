//! What the verifier must find: a sound schedule is spoilt in one place, and no longer passes.

use super::super::{Compiler, Context, Op, Schedule, Term};
use super::{Defect, Scratch, verify};
use crate::graph::{Cell, CellBlock, Edge, Endpoint, Graph, Matrix, Node, NodeKind};
use crate::nodes::gain;
use crate::port::{AudioPort, ChannelLayout};
use std::sync::Arc;

fn quad() -> Vec<AudioPort> {
    vec![AudioPort::new("main", ChannelLayout::Discrete(4))]
}

/// The device's four channels, in and out.
fn ends() -> [Node; 2] {
    let device_channels: Vec<_> = (0..4).map(Some).collect();
    let input = NodeKind::Input { device_channels: device_channels.clone() };
    let output = NodeKind::Output { device_channels, alignment_groups: vec![None; 4] };
    [
        Node { audio_outputs: quad(), ..Node::new("in", input) },
        Node { audio_inputs: quad(), ..Node::new("out", output) },
    ]
}

/// ```text
///   in ─┬─ gain ─┬─ late (64) ─┬─ sum ─── out
///       │        └─────────────┤  │
///       └───── 4 x 4, dense ───┤  │
///                              └──┘ feedback (128)
/// ```
fn rig() -> Graph {
    let [input, output] = ends();
    let mut dense = Matrix::new(4, 4);
    let cells = (0..16).map(|cell| Some(Cell::new(0.1 * cell as f32 + 0.1))).collect();
    dense.set_block(&CellBlock { region: dense.region(), cells }).unwrap();
    let mut graph = Graph::new();
    graph
        .edit(|t| {
            let input = t.add_node(input)?;
            let gain = t.add_node(gain::node("gain", ChannelLayout::Discrete(4)))?;
            let processor =
                |name, latency| Node { audio_inputs: quad(), audio_outputs: quad(), latency, ..Node::processor(name) };
            let late = t.add_node(processor("late", 64))?;
            let sum = t.add_node(processor("sum", 0))?;
            let output = t.add_node(output)?;
            let cable = |from, to, matrix| Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), matrix);
            let straight = || Matrix::diagonal(4);
            t.connect(cable(input, gain, straight()))?;
            t.connect(cable(gain, late, straight()))?;
            t.connect(cable(gain, sum, straight()))?;
            t.connect(cable(late, sum, straight()))?;
            t.connect(cable(input, sum, dense))?;
            t.connect(cable(sum, sum, straight()).with_feedback(128))?;
            t.connect(cable(sum, output, straight()))?;
            Ok(())
        })
        .unwrap();
    graph
}

/// ```text
///   in ─┬─ gain ─┬─ sum ─── out
///       ├────────┤
///       └────────┘
/// ```
fn wide_rig() -> Graph {
    let [input, output] = ends();
    let mut graph = Graph::new();
    graph
        .edit(|t| {
            let input = t.add_node(input)?;
            let gain = t.add_node(gain::node("gain", ChannelLayout::Discrete(4)))?;
            let sum = t.add_node(gain::node("sum", ChannelLayout::Discrete(4)))?;
            let output = t.add_node(output)?;
            for (from, to) in [(input, gain), (gain, sum), (input, sum), (input, sum), (sum, output)] {
                t.connect(Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(4)))?;
            }
            Ok(())
        })
        .unwrap();
    graph
}

struct Bench {
    compiler: Compiler,
    sound: Schedule,
}

impl Bench {
    fn new() -> Self {
        Self::of(&rig())
    }

    fn of(graph: &Graph) -> Self {
        let mut compiler = Compiler::new();
        let sound = compiler.compile(graph, Context::default()).unwrap();
        Self { compiler, sound }
    }

    /// The verdict on the schedule with one thing changed.
    fn spoil(&self, change: impl FnOnce(&mut Schedule)) -> Result<(), Defect> {
        let mut schedule = self.sound.clone();
        change(&mut schedule);
        verify(&self.compiler.flat, &self.compiler.delays, &schedule, &mut Scratch::default())
    }

    /// The place of the first op that fits.
    fn op(&self, fits: fn(&Op) -> bool) -> usize {
        self.sound.ops.iter().position(fits).unwrap()
    }
}

/// The rig has every kind of op that carries audio; unspoilt it passes.
#[test]
fn a_sound_schedule_passes() {
    let bench = Bench::new();
    assert_eq!(bench.spoil(|_| {}), Ok(()));
    bench.op(|op| matches!(op, Op::Input { .. }));
    bench.op(|op| matches!(op, Op::Output { .. }));
    bench.op(|op| matches!(op, Op::Mix { .. }));
    bench.op(|op| matches!(op, Op::Matrix { .. }));
    bench.op(|op| matches!(op, Op::DelayRead { .. }));
    bench.op(|op| matches!(op, Op::FeedbackRead { .. }));
}

/// Not an op can be left out, nor done twice.
#[test]
fn every_op_counts() {
    let bench = Bench::new();
    for place in 0..bench.sound.ops.len() {
        let without = |schedule: &mut Schedule| {
            let mut ops = schedule.ops.to_vec();
            ops.remove(place);
            schedule.ops = ops.into();
        };
        let op = bench.sound.ops[place];
        assert!(bench.spoil(without).is_err(), "{op:?} at {place} was left out");
        let again = |schedule: &mut Schedule| {
            let mut ops = schedule.ops.to_vec();
            ops.insert(place, op);
            schedule.ops = ops.into();
        };
        let harmless = matches!(op, Op::Clear { .. } | Op::DelayRead { .. } | Op::FeedbackRead { .. });
        assert_eq!(bench.spoil(again).is_err(), !harmless, "{op:?} at {place} was done twice");
    }
}

/// What reads a slot must not read another.
#[test]
fn every_slot_that_is_read_counts() {
    let bench = Bench::new();
    let others = |own: u32| (0..bench.sound.slots).filter(move |&slot| slot != own);
    assert_slots_of_mixes_count(&bench);
    let inputs = bench.sound.nodes.iter().flat_map(|node| node.inputs.range());
    for place in inputs {
        for slot in others(bench.sound.node_slots[place]) {
            let verdict = bench.spoil(|schedule| schedule.node_slots[place] = slot);
            assert!(verdict.is_err(), "input {place} reads {slot}");
        }
    }
    for place in bench.sound.matrices[0].sources.range() {
        for slot in others(bench.sound.matrix_slots[place]) {
            let verdict = bench.spoil(|schedule| schedule.matrix_slots[place] = slot);
            assert!(verdict.is_err(), "matrix source {place} reads {slot}");
        }
    }
}

fn assert_slots_of_mixes_count(bench: &Bench) {
    for place in 0..bench.sound.mix_slots.len() {
        for slot in (0..bench.sound.slots).filter(|&slot| slot != bench.sound.mix_slots[place]) {
            let verdict = bench.spoil(|schedule| schedule.mix_slots[place] = slot);
            assert!(verdict.is_err(), "a mix reads or writes {slot} at {place}");
        }
    }
}

/// Three edges into one port are one mix of four channels: not one of its terms and slots may be another.
#[test]
fn every_term_of_a_wide_mix_counts() {
    let bench = Bench::of(&wide_rig());
    let [mix] = bench.sound.mixes[..] else { panic!("{:?}", bench.sound.mixes) };
    assert_eq!((mix.channels, mix.terms.count, mix.slots.count), (4, 3, 16));
    assert_slots_of_mixes_count(&bench);
    for place in mix.terms.range() {
        let sound = bench.sound.terms[place];
        for cell in (0..bench.sound.flat.cells.len() as u32).filter(|&cell| cell != sound.cell) {
            let edge = bench.sound.flat.cells[cell as usize].edge;
            for edge in [sound.edge, edge] {
                let verdict = bench.spoil(|schedule| schedule.terms[place] = Term { edge, cell });
                assert!(verdict.is_err(), "term {place} begins with cell {cell} of edge {edge}");
            }
        }
    }
    let problem = |change: fn(&mut Schedule)| bench.spoil(change).unwrap_err().problem;
    assert_eq!(problem(|schedule| schedule.terms.swap(0, 1)), "a sum is out of order");
    assert_eq!(problem(|schedule| schedule.mixes[0].terms.count = 0), "a sum without terms");
    assert_eq!(problem(|schedule| schedule.mixes[0].channels = 3), "a sum has another number of slots");
    let narrower = |schedule: &mut Schedule| {
        schedule.mixes[0].channels = 3;
        schedule.mixes[0].slots.count = 12;
    };
    assert_eq!(problem(narrower), "a sum was left out");
    let shorter = |schedule: &mut Schedule| {
        schedule.mixes[0].terms.count = 2;
        schedule.mixes[0].slots.count = 12;
    };
    assert!(bench.spoil(shorter).is_err());
    assert_eq!(problem(|schedule| schedule.mixes[0].accumulate = true), "a sum goes on from nothing");
}

/// Which cells have no term is known rightly: a gain that moves must find its place.
#[test]
fn every_elided_cell_counts() {
    for bench in [Bench::new(), Bench::of(&wide_rig())] {
        for cell in 0..bench.sound.elided.len() {
            let verdict = bench.spoil(|schedule| schedule.elided[cell] ^= true);
            assert!(verdict.is_err(), "cell {cell} passes for what it is not");
        }
    }
}

/// Gains, delays and the order and completeness of sums are those of the graph.
#[test]
fn every_number_counts() {
    let bench = Bench::new();
    let problem = |change: fn(&mut Schedule)| bench.spoil(change).unwrap_err().problem;
    assert_eq!(problem(|schedule| schedule.matrix_gains[5] = 0.0), "a cell has another gain than the graph");
    let another = |schedule: &mut Schedule| Arc::make_mut(&mut schedule.flat).cells[0].gain += 0.5;
    assert_eq!(problem(another), "the schedule is of another graph");
    assert_eq!(problem(|schedule| schedule.taps[0].delay -= 1), "a cell reads something else than its source");
    assert_eq!(problem(|schedule| schedule.lines[0].longest -= 1), "a tap is longer than its line");
    assert_eq!(problem(|schedule| schedule.longest_chunk += 1), "a feedback edge is shorter than a chunk");
    assert_eq!(problem(|schedule| schedule.inputs[0].channel = 1), "an input shows another device channel");
    assert_eq!(
        problem(|schedule| schedule.outputs[0].device_channel = 1),
        "another device channel is written than is planned"
    );
}

/// Outputs share no slot, and only an in-place node may write where its own input stands.
#[test]
fn nothing_is_overwritten() {
    let bench = Bench::new();
    let hosted = |latency: u32, in_place: bool| {
        let sound = &bench.sound;
        let fits = |node| sound.traits(node).latency == latency && sound.is_in_place(node) == in_place;
        sound.nodes.iter().position(fits).unwrap()
    };
    let late = hosted(64, false);
    let (inputs, outputs) = (bench.sound.nodes[late].inputs, bench.sound.nodes[late].outputs);
    let onto = |from: usize, to: usize| {
        bench.spoil(|schedule| schedule.node_slots[to] = schedule.node_slots[from]).unwrap_err().problem
    };
    let (input, output) = (inputs.range().start, outputs.range().start);
    assert_eq!(onto(input, output), "a node that is not in-place overwrites its input");
    assert_eq!(onto(output, output + 1), "two outputs of a node share a slot");
    let gain = hosted(0, true);
    let (input, output) = (bench.sound.nodes[gain].inputs.range().start, bench.sound.nodes[gain].outputs.range().start);
    assert_eq!(onto(input + 1, output), "an output overwrites the input of another channel");
}
