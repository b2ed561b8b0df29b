//! What the renderer adds to the bare kernels: a long chain of gain nodes, and many chains summed. Limit and renderer are
//! measured in turns in the same run, in slices of a few microseconds, so that most are not interrupted; each ratio is
//! the median over many rounds and several rigs. Prints a line for each bound and exits with 1 if one is missed. `--only NAME` renders one
//! case a fixed number of times, for counting instructions.

mod measure;

use crosspoint_graph::kernels::{FloatEnvironment, Kernels, Run, SLOT_ALIGNMENT, Term, slot_stride};
use crosspoint_graph::nodes::gain;
use crosspoint_graph::{
    AudioPort, ChannelLayout, Edge, Endpoint, Graph, Matrix, NOW, Node, NodeId, NodeKind, Publisher, Renderer,
    Settings, renderer,
};
use measure::{median, nanoseconds, report};
use std::hint::black_box;
use std::process::ExitCode;

/// Rigs that each case is measured with, one after the other: where the allocator puts a rig shifts it by several
/// percent, so that one alone says little.
const RIGS: usize = 7;
/// Rounds with each.
const ROUNDS: usize = 2_001;
const GAIN: f32 = 0.999;

fn main() -> ExitCode {
    if let Some(name) = std::env::args().skip_while(|argument| argument != "--only").nth(1) {
        return only(&name);
    }
    let _flush = FloatEnvironment::flush_to_zero();
    let mut ok = true;
    ok &= chain(64, Some(3.0), 1.6);
    ok &= chain(512, None, 1.2);
    ok &= parallel(64, 1.4);
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Renders one case, or its bare kernels, 2,000 times: the difference of two counts is that of the loops.
fn only(name: &str) -> ExitCode {
    let _flush = FloatEnvironment::flush_to_zero();
    let mut rig = Rig::new(64, 1, 32);
    let mut parallel = Rig::new(64, 64, 8);
    let mut bare = Bare::new(64);
    match name {
        "chain-64" => (0..2000).for_each(|_| rig.render()),
        "chain-64-bare" => (0..2000).for_each(|_| bare.chain(32)),
        "parallel-64" => (0..2000).for_each(|_| parallel.render()),
        "parallel-64-bare" => (0..2000).for_each(|_| bare.parallel(64, 8)),
        "nothing" => {}
        other => {
            eprintln!("no case is called {other}; there are chain-64, parallel-64, the same with -bare, and nothing");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// 32 stereo gain nodes in a row. The input and output of the rig are copied in both: a callback cannot do without.
fn chain(frames: usize, most_nanoseconds: Option<f64>, bound: f64) -> bool {
    let calls = (640 / frames).max(1);
    let (mut ratios, mut differences) = (vec![], vec![]);
    let (mut rigs, mut bares) = several(frames, 1, 32);
    for (rig, bare) in rigs.iter_mut().zip(&mut bares) {
        for _ in 0..ROUNDS {
            let limit = each(calls, || bare.chain(32));
            let whole = each(calls, || rig.render());
            ratios.push(whole / limit);
            differences.push((whole - limit) / 32.0);
        }
    }
    let name = format!("chain-{frames}");
    let ratio = report(&name, median(ratios), bound);
    let overhead = most_nanoseconds.is_none_or(|most| {
        let nanoseconds = median(differences);
        let ok = nanoseconds <= most;
        println!(
            "bench {name}-overhead-ns ratio {nanoseconds:.2} bound {most:.2} {}",
            if ok { "ok" } else { "MISSED" }
        );
        ok
    });
    ratio && overhead
}

/// 64 chains of 8, summed to stereo.
fn parallel(frames: usize, bound: f64) -> bool {
    let mut ratios = vec![];
    let (mut rigs, mut bares) = several(frames, 64, 8);
    for (rig, bare) in rigs.iter_mut().zip(&mut bares) {
        for _ in 0..ROUNDS {
            let limit = nanoseconds(|| bare.parallel(64, 8));
            ratios.push(nanoseconds(|| rig.render()) / limit);
        }
    }
    report(&format!("parallel-{frames}"), median(ratios), bound)
}

/// Rigs of so many chains of such a length, and as many bare ones.
fn several(frames: usize, chains: usize, length: usize) -> (Vec<Rig>, Vec<Bare>) {
    (0..RIGS).map(|_| (Rig::new(frames, chains, length), Bare::new(frames))).unzip()
}

/// How long one of several calls takes.
fn each(calls: usize, mut call: impl FnMut()) -> f64 {
    nanoseconds(|| (0..calls).for_each(|_| call())) / calls as f64
}

/// A rig from a stereo input through parallel chains of gains to a stereo output.
struct Rig {
    renderer: Box<Renderer>,
    _publisher: Publisher,
    input: Vec<f32>,
    outputs: [Vec<f32>; 2],
}

impl Rig {
    fn new(frames: usize, chains: usize, length: usize) -> Self {
        let (mut publisher, renderer) = renderer(Settings::new(48_000.0, frames));
        let mut graph = Graph::new();
        let ((), _) = graph
            .edit(|t| {
                let stereo = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
                let device_channels = vec![Some(0), Some(1)];
                let input = NodeKind::Input { device_channels: device_channels.clone() };
                let input = t.add_node(Node { audio_outputs: stereo(), ..Node::new("in", input) })?;
                let output = NodeKind::Output { device_channels, alignment_groups: vec![None, None] };
                let output = t.add_node(Node { audio_inputs: stereo(), ..Node::new("out", output) })?;
                let cable = |t: &mut crosspoint_graph::graph::Transaction<'_>, from: NodeId, to: NodeId| {
                    t.connect(Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(2)))
                };
                for _ in 0..chains {
                    let mut last = input;
                    for _ in 0..length {
                        let node = t.add_node(gain::node("gain", ChannelLayout::Stereo))?;
                        publisher.give(node, Box::new(gain::Gain::new(GAIN)));
                        cable(t, last, node)?;
                        last = node;
                    }
                    cable(t, last, output)?;
                }
                Ok(())
            })
            .expect("the graph is sound");
        publisher.publish(&graph, NOW).expect("the graph compiles");
        let input = (0..frames).map(|frame| (frame as f32 * 0.1).sin()).collect();
        let mut rig = Self { renderer, _publisher: publisher, input, outputs: [vec![0.0; frames], vec![0.0; frames]] };
        (0..4).for_each(|_| rig.render());
        rig
    }

    fn render(&mut self) {
        let [left, right] = &mut self.outputs;
        self.renderer.render(&[&self.input, &self.input], &mut [left, right]);
        black_box(&mut self.outputs);
    }
}

/// The same arithmetic without a graph.
struct Bare {
    kernels: &'static Kernels,
    memory: Vec<f32>,
    frames: usize,
    input: Vec<f32>,
    outputs: [Vec<f32>; 2],
}

impl Bare {
    fn new(frames: usize) -> Self {
        let memory = vec![0.5; slot_stride(frames) * 130 + SLOT_ALIGNMENT];
        Self {
            kernels: Kernels::best(),
            memory,
            frames,
            input: vec![0.5; frames],
            outputs: [vec![0.0; frames], vec![0.0; frames]],
        }
    }

    fn channel(&mut self, channel: usize) -> *mut f32 {
        let base = self.memory.as_mut_ptr();
        let aligned = base.align_offset(SLOT_ALIGNMENT) + channel * slot_stride(self.frames);
        assert!(aligned + self.frames <= self.memory.len());
        base.wrapping_add(aligned)
    }

    fn chain(&mut self, length: usize) {
        let (left, right, frames, kernels) = (self.channel(0), self.channel(1), self.frames, self.kernels);
        // SAFETY: `channel` has checked that the memory holds the frames; the two are apart, as are the vectors.
        unsafe {
            kernels.copy(self.input.as_ptr(), left, frames);
            kernels.copy(self.input.as_ptr(), right, frames);
            for _ in 0..length {
                kernels.gain(left, left, black_box(frames), black_box(GAIN));
                kernels.gain(right, right, black_box(frames), black_box(GAIN));
            }
            kernels.copy(left, self.outputs[0].as_mut_ptr(), frames);
            kernels.copy(right, self.outputs[1].as_mut_ptr(), frames);
        }
        black_box(&mut self.outputs);
    }

    fn parallel(&mut self, chains: usize, length: usize) {
        let (frames, kernels) = (self.frames, self.kernels);
        let channels: Vec<*mut f32> = (0..chains * 2 + 2).map(|channel| self.channel(channel)).collect();
        // SAFETY: `channel` has checked that the memory holds the frames; all are apart.
        unsafe {
            kernels.copy(self.input.as_ptr(), channels[chains * 2], frames);
            kernels.copy(self.input.as_ptr(), channels[chains * 2 + 1], frames);
            for pair in channels[..chains * 2].chunks_exact(2) {
                for (&channel, &source) in pair.iter().zip(&channels[chains * 2..]) {
                    kernels.gain(source, channel, black_box(frames), black_box(GAIN));
                }
                for _ in 1..length {
                    for &channel in pair {
                        kernels.gain(channel, channel, black_box(frames), black_box(GAIN));
                    }
                }
            }
            for side in 0..2 {
                let terms: Vec<Term> = channels[..chains * 2]
                    .chunks_exact(2)
                    .map(|pair| Term { source: pair[side].cast_const(), gain: black_box(1.0) })
                    .collect();
                kernels.mix(&terms, self.outputs[side].as_mut_ptr(), Run::over(frames));
            }
        }
        black_box(&mut self.outputs);
    }
}
