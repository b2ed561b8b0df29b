//! Plugins in series in a rig at 64 frames, stereo, without events, rendered with all checks, against the same plugin's
//! `process` called bare in a loop on the same buffers.

use std::process::ExitCode;
use std::time::Instant;

use crosspoint_formats::{Activation, Library, Plugin, describe};
use crosspoint_graph::{
    AudioPort, ChannelLayout, Edge, Endpoint, Graph, Matrix, NOW, Node, NodeId, NodeKind, Publisher, Renderer,
    Settings, renderer,
};

/// Frames of a block.
pub const FRAMES: usize = 64;
/// Plugins in series.
const CHAIN: usize = 8;
/// Passes through the chain in one measurement.
const PASSES: usize = 400;
/// Measurements of each kind, taken in turns; their medians count.
const ROUNDS: usize = 301;

/// A rig of plugins in series between the device's first two channels.
struct Rig {
    renderer: Box<Renderer>,
    _publisher: Publisher,
    _plugins: Vec<Box<dyn Plugin>>,
    input: Vec<f32>,
    outputs: [Vec<f32>; 2],
}

impl Rig {
    fn new(library: &dyn Library, id: &str, length: usize) -> Self {
        let activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: FRAMES as u32 };
        let (mut publisher, renderer) = renderer(Settings::new(activation.sample_rate, FRAMES));
        let mut plugins = Vec::new();
        let mut graph = Graph::new();
        let stereo = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
        let device_channels = vec![Some(0), Some(1)];
        let input = NodeKind::Input { device_channels: device_channels.clone() };
        let output = NodeKind::Output { device_channels, alignment_groups: vec![None, None] };
        graph
            .edit(|t| {
                let cable = |from: NodeId, to: NodeId| {
                    Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(2))
                };
                let mut last = t.add_node(Node { audio_outputs: stereo(), ..Node::new("in", input) })?;
                for _ in 0..length {
                    let mut plugin = library.instantiate(id).expect("the plugin is there");
                    let processor = plugin.activate(activation).expect("it activates");
                    let node = t.add_node(describe(&*plugin))?;
                    publisher.give(node, processor);
                    t.connect(cable(last, node))?;
                    plugins.push(plugin);
                    last = node;
                }
                let output = t.add_node(Node { audio_inputs: stereo(), ..Node::new("out", output) })?;
                t.connect(cable(last, output))
            })
            .expect("the graph is sound");
        publisher.publish(&graph, NOW).expect("the graph compiles");
        let input = (0..FRAMES).map(|frame| (frame as f32 * 0.1).sin()).collect();
        let outputs = [vec![0.0; FRAMES], vec![0.0; FRAMES]];
        let mut rig = Self { renderer, _publisher: publisher, _plugins: plugins, input, outputs };
        // Until the fade that a new rig begins with is over.
        (0..100).for_each(|_| rig.render());
        rig
    }

    fn render(&mut self) {
        let [left, right] = &mut self.outputs;
        self.renderer.render(&[&self.input, &self.input], &mut [left, right]);
    }
}

/// What both channels of a bare chain begin with.
pub fn samples() -> [Vec<f32>; 2] {
    [0, 1].map(|_| (0..FRAMES).map(|frame| (frame as f32 * 0.1).sin()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds of one pass.
fn time(mut pass: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..PASSES).for_each(|_| pass());
    start.elapsed().as_nanos() as f64 / PASSES as f64
}

/// Measures what a hosted call of the plugin costs above a bare one, of which `bare` makes as many as it is told, and
/// prints the verdict: at most `bound` nanoseconds.
pub fn compare(name: &str, bound: f64, library: &dyn Library, id: &str, mut bare: impl FnMut(usize)) -> ExitCode {
    let (mut hosted, mut empty) = (Rig::new(library, id, CHAIN), Rig::new(library, id, 0));
    let mut overheads = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..ROUNDS {
        let hosted = time(|| hosted.render());
        let empty = time(|| empty.render());
        let bare = time(|| bare(CHAIN));
        overheads.push((hosted - empty - bare) / CHAIN as f64);
        calls.push(bare / CHAIN as f64);
    }
    let (overhead, call) = (median(overheads), median(calls));
    let is_met = overhead <= bound;
    println!("a bare call takes {call:.1} ns");
    println!("bench {name}-overhead-ns ratio {overhead:.1} bound {bound:.2} {}", if is_met { "ok" } else { "MISSED" });
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
