//! What it costs to play with a 128 x 128 matrix: 16 cells dragged sixty times a second, and all 16,384 sent elsewhere or taken
//! out at once, against the same matrix at rest and while it ramps. In turns in one run, in CPU time of this thread alone; each
//! ratio is the median over many rounds and several rigs. Prints a line for each bound and exits with 1 if one is missed.

mod measure;

use crosspoint_graph::graph::{CellBlock, Edit};
use crosspoint_graph::kernels::FloatEnvironment;
use crosspoint_graph::{
    AudioPort, Cell, ChannelLayout, Command, Edge, EdgeId, Endpoint, Graph, Matrix, NOW, Node, NodeKind, Parting,
    Publisher, Renderer, Settings, Timed, renderer,
};
use measure::{median, report, thread_nanoseconds};
use std::hint::black_box;
use std::process::ExitCode;

const SIDE: u32 = 128;
const FRAMES: usize = 64;
const RATE: usize = 48_000;
/// Blocks of a second.
const SECOND: usize = RATE / FRAMES;
/// Moves of a hand in a second.
const MOVES: usize = 60;
/// Cells that are dragged.
const DRAGGED: u32 = 16;
/// Where the allocator puts a rig shifts it by several percent, so that one alone says little.
const RIGS: usize = 5;
/// Rounds with each.
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let _flush = FloatEnvironment::flush_to_zero();
    let ok = [drag(), all_at_once(), taken_out()];
    if ok.iter().all(|ok| *ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A second at rest against a second in which 16 cells of as many rows and columns are dragged at 60 moves a second, each by
/// a ramp as long as an edit's.
fn drag() -> bool {
    let mut ratios = Vec::new();
    for _ in 0..RIGS {
        let mut rig = Rig::new();
        for round in 0..ROUNDS {
            rig.rest();
            let idle: f64 = (0..SECOND).map(|_| thread_nanoseconds(|| rig.render())).sum();
            let mut moves = 0;
            // What a hand sends is sent from another thread: only the callback's time is taken.
            let mut dragged = 0.0;
            for block in 0..SECOND {
                if block * MOVES / SECOND >= moves {
                    moves += 1;
                    for cell in 0..DRAGGED {
                        let gain = ((moves + round) as f32 * 0.1 + cell as f32).sin().abs();
                        rig.send(cell * 8, (cell * 8 + 3) % SIDE, gain);
                    }
                }
                dragged += thread_nanoseconds(|| rig.render());
            }
            ratios.push(dragged / idle);
        }
    }
    report("matrix-128-drag-16", median(ratios), 1.05)
}

/// The first and the last block of a ramp of every cell, begun by one parcel, whichever takes longer, against those between
/// in which the ramp is under way: what is more is what it costs to begin or to end.
fn all_at_once() -> bool {
    let ramp_blocks = (RATE / 200).div_ceil(FRAMES);
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..RIGS {
        let mut rig = Rig::new();
        for round in 0..ROUNDS * 4 {
            rig.rest();
            rig.send_all(round);
            let begun_in = thread_nanoseconds(|| rig.render());
            let full = median((1..ramp_blocks - 1).map(|_| thread_nanoseconds(|| rig.render())).collect());
            begun.push(begun_in / full);
            ended.push(thread_nanoseconds(|| rig.render()) / full);
        }
    }
    report("matrix-128-all-at-once", median(begun).max(median(ended)), 2.0)
}

/// The first block in which the whole matrix is on its way out, and the one that is the last to have it, whichever takes longer,
/// against those between in which it fades out.
fn taken_out() -> bool {
    let ramp_blocks = (RATE / 200).div_ceil(FRAMES);
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..RIGS * ROUNDS {
        let mut rig = Rig::new();
        let leaving = [rig.edge];
        let parting = Parting { leaving: &leaving, held: &leaving };
        rig.publisher.publish_leaving(&rig.graph, parting, NOW).expect("the graph compiles");
        let begun_in = thread_nanoseconds(|| rig.render());
        let full = median((1..ramp_blocks - 1).map(|_| thread_nanoseconds(|| rig.render())).collect());
        while !rig.publisher.is_settled() {
            rig.render();
        }
        rig.graph.apply(vec![Edit::Disconnect { id: rig.edge }]).expect("it is there");
        rig.publish();
        let ended_in = (0..ramp_blocks).map(|_| thread_nanoseconds(|| rig.render())).fold(0.0, f64::max);
        begun.push(begun_in / full);
        ended.push(ended_in / full);
    }
    report("matrix-128-taken-out", median(begun).max(median(ended)), 2.0)
}

/// An interface's whole matrix: 128 inputs to 128 outputs by one edge, every cell set.
struct Rig {
    renderer: Box<Renderer>,
    publisher: Publisher,
    graph: Graph,
    edge: EdgeId,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

impl Rig {
    fn new() -> Self {
        let (publisher, renderer) = renderer(Settings::new(RATE as f64, FRAMES));
        let mut graph = Graph::new();
        let layout = ChannelLayout::from_channels(SIDE);
        let (edge, _) = graph
            .edit(|t| {
                let device_channels: Vec<_> = (0..SIDE).map(Some).collect();
                let input = NodeKind::Input { device_channels: device_channels.clone() };
                let port = || vec![AudioPort::new("main", layout)];
                let input = t.add_node(Node { audio_outputs: port(), ..Node::new("in", input) })?;
                let output = NodeKind::Output { device_channels, alignment_groups: vec![None; SIDE as usize] };
                let output = t.add_node(Node { audio_inputs: port(), ..Node::new("out", output) })?;
                let mut matrix = Matrix::new(SIDE, SIDE);
                matrix.set_block(&cells(0)).expect("it is as large");
                t.connect(Edge::audio(Endpoint::new(input, 0), Endpoint::new(output, 0), matrix))
            })
            .expect("the graph is sound");
        let channel = |channel: u32| (0..FRAMES).map(|at| ((at as u32 + channel) as f32 * 0.1).sin()).collect();
        let inputs = (0..SIDE).map(channel).collect();
        let outputs = vec![vec![0.0; FRAMES]; SIDE as usize];
        let mut rig = Self { renderer, publisher, graph, edge, inputs, outputs };
        rig.publish();
        rig.rest();
        rig
    }

    fn publish(&mut self) {
        self.publisher.publish(&self.graph, NOW).expect("the graph compiles");
    }

    /// Until nothing moves and all parcels are home.
    fn rest(&mut self) {
        for _ in 0..3 {
            (0..16).for_each(|_| self.render());
            self.publisher.settle(&self.graph).expect("the graph compiles");
            self.publisher.returned();
        }
        (0..16).for_each(|_| self.render());
    }

    /// Sends a cell to another gain, as a fader does.
    fn send(&mut self, source: u32, destination: u32, gain: f32) {
        let (edge, ramp) = (self.edge, self.publisher.settings().fade);
        let (source, destination) = (source as u16, destination as u16);
        let command = Command::Gain { edge, source, destination, gain, ramp };
        self.publisher.send(Timed { frame: NOW, command }).expect("there is room");
    }

    /// Sends every cell to another gain, as recalling a preset does.
    fn send_all(&mut self, round: usize) {
        let block = cells(round + 1);
        self.graph.apply(vec![Edit::SetCells { edge: self.edge, block }]).expect("the cells are there");
        self.publish();
    }

    fn render(&mut self) {
        let inputs: Vec<&[f32]> = self.inputs.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.renderer.render(&inputs, &mut outputs);
        black_box(&mut self.outputs);
    }
}

/// Every cell, at gains of that round.
fn cells(round: usize) -> CellBlock {
    let region = Matrix::new(SIDE, SIDE).region();
    let gain = |cell: u32| 0.001 + ((cell as usize * 7 + round * 13) % 100) as f32 / 10_000.0;
    CellBlock { region, cells: (0..SIDE * SIDE).map(|cell| Some(Cell::new(gain(cell)))).collect() }
}
