//! Dense matrices under edits that come while the ones before are under way: few cells of a row that move and many, all at
//! once, cells that go and come back. The bits are those of the naive interpreter, whatever the blocks.

use crate::naive::Naive;
use crate::rig::{DEVICE_CHANNELS, device_input, difference, render};
use crate::{cases, levels};
use crosspoint_graph::graph::{CellBlock, Edit};
use crosspoint_graph::kernels::Level;
use crosspoint_graph::{
    AudioPort, Cell, ChannelLayout, Edge, EdgeId, Endpoint, Graph, Matrix, NOW, Node, NodeKind, Published, Publisher,
    Settings, renderer_at,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;

const SOURCES: u32 = 20;
/// More than the kernels take at once.
const DESTINATIONS: u32 = 14;
const FADE: u32 = 20;

#[derive(Clone, Debug)]
enum Step {
    /// Cells by their numbers, each to a gain in so many frames, all from one frame on.
    Cells(Vec<(u32, f32, u32)>),
    /// So many cells of a destination.
    Row { destination: u32, cells: u32, gain: f32, ramp: u32 },
    /// Every cell, those that were taken out too, to gains that tell that number.
    Recall(u32),
    /// Takes out all but one of so many cells: 2 leaves the matrix sparse.
    Thin(u32),
    /// The cable beside, which costs nothing until it is moved: what plays is then sent once more.
    Beside(f32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let gain = || prop_oneof![4 => -1.0..1.0_f32, 1 => Just(0.0), 1 => Just(0.5)];
    let ramp = || prop_oneof![1 => Just(0), 4 => 1..150_u32];
    prop_oneof![
        4 => vec((0..SOURCES * DESTINATIONS, gain(), ramp()), 1..20).prop_map(Step::Cells),
        4 => (0..DESTINATIONS, 1..=SOURCES, gain(), ramp())
            .prop_map(|(destination, cells, gain, ramp)| Step::Row { destination, cells, gain, ramp }),
        2 => (0..100_u32).prop_map(Step::Recall),
        1 => (2..9_u32).prop_map(Step::Thin),
        1 => (gain(), ramp()).prop_map(|(gain, ramp)| Step::Beside(gain, ramp)),
    ]
}

/// Steps at frames a little more than a fade from each other.
fn script() -> impl Strategy<Value = Vec<(u64, Step)>> {
    vec((1..60_u64, step()), 1..10).prop_map(|steps| {
        let mut frame = 0;
        let at = |(after, step)| {
            frame += u64::from(FADE) + after;
            (frame, step)
        };
        steps.into_iter().map(at).collect()
    })
}

/// What the naive interpreter is told, and when.
enum Told {
    SendAgain,
    Install(Box<Graph>),
    Go(EdgeId, u32, u32, f32, u32),
}

/// ```text
/// in ══ 20 x 14 ══ out      every cell of the first is set; what the second brings is added to it
///    ══ 20 x 14 ══
/// in ──── unity ── out      beside
/// ```
struct Rig {
    graph: Graph,
    publisher: Publisher,
    edge: EdgeId,
    beside: EdgeId,
    told: Vec<(u64, Told)>,
}

impl Rig {
    fn new(publisher: Publisher, accumulates: bool) -> Self {
        let mut graph = Graph::new();
        let node = |kind, channels| {
            let ports = vec![AudioPort::new("main", ChannelLayout::from_channels(channels))];
            match kind {
                NodeKind::Input { .. } => Node { audio_outputs: ports, ..Node::new("in", kind) },
                _ => Node { audio_inputs: ports, ..Node::new("out", kind) },
            }
        };
        let last = DEVICE_CHANNELS as u32 - 1;
        let input = |channels: Vec<Option<u32>>| NodeKind::Input { device_channels: channels };
        let output = |channels: Vec<Option<u32>>| {
            let alignment_groups = vec![None; channels.len()];
            NodeKind::Output { device_channels: channels, alignment_groups }
        };
        let ((edge, beside), _) = graph
            .edit(|edit| {
                let many = |channels: u32| (0..channels).map(|channel| Some(channel % last)).collect();
                let from = edit.add_node(node(input(many(SOURCES)), SOURCES))?;
                let to = edit.add_node(node(output(many(DESTINATIONS)), DESTINATIONS))?;
                let connect = |round| Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), matrix(round));
                if accumulates {
                    edit.connect(connect(1))?;
                }
                let edge = edit.connect(connect(2))?;
                let from = edit.add_node(node(input(vec![Some(last)]), 1))?;
                let to = edit.add_node(node(output(vec![Some(last)]), 1))?;
                let cable = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(1));
                Ok((edge, edit.connect(cable)?))
            })
            .unwrap();
        let mut rig = Self { graph, publisher, edge, beside, told: Vec::new() };
        rig.publish(NOW);
        rig
    }

    fn publish(&mut self, frame: u64) {
        self.told.push((frame, Told::Install(Box::new(self.graph.clone()))));
        assert_eq!(self.publisher.publish(&self.graph, frame), Ok(Published::Sent));
    }

    fn set_gain(&mut self, (edge, source, destination): (EdgeId, u32, u32), gain: f32, frame: u64, ramp: u32) {
        let matrix = self.graph.edge(edge).and_then(|edge| edge.matrix()).unwrap();
        if matrix.get(source, destination).is_none() {
            return;
        }
        let (from, to) = (source as u16, destination as u16);
        if self.publisher.schedule().unwrap().is_elided(edge, from, to) {
            self.told.push((frame, Told::SendAgain));
        }
        self.told.push((frame, Told::Go(edge, source, destination, gain, ramp)));
        let cell = Some(Cell::new(gain));
        self.graph.apply(vec![Edit::SetCell { edge, source, destination, cell }]).unwrap();
        let sent = self.publisher.set_gain(&self.graph, edge, from, to, gain, frame, ramp);
        assert_eq!(sent, Ok(Published::Sent));
    }

    fn set_all(&mut self, block: CellBlock, frame: u64) {
        self.graph.apply(vec![Edit::SetCells { edge: self.edge, block }]).unwrap();
        self.publish(frame);
    }

    fn make(&mut self, step: &Step, frame: u64) {
        let edge = self.edge;
        match *step {
            Step::Cells(ref cells) => {
                for &(cell, gain, ramp) in cells {
                    self.set_gain((edge, cell % SOURCES, cell / SOURCES), gain, frame, ramp);
                }
            }
            Step::Row { destination, cells, gain, ramp } => {
                // Not in the order of the sources.
                for cell in 0..cells {
                    self.set_gain(
                        (edge, cell * 7 % SOURCES, destination),
                        gain / (1 + cell) as f32,
                        frame,
                        ramp + cell,
                    );
                }
            }
            Step::Recall(round) => self.set_all(block(round), frame),
            Step::Thin(every) => {
                let matrix = self.graph.edge(edge).and_then(|edge| edge.matrix()).unwrap();
                let mut block = matrix.get_block(matrix.region()).unwrap();
                let mut gone = Vec::new();
                for (cell, place) in block.cells.iter_mut().zip(0..) {
                    // Of 2 one stays, of more one goes.
                    let goes = (place % every == 0) != (every == 2);
                    if goes && cell.take().is_some() {
                        gone.push((place % SOURCES, place / SOURCES));
                    }
                }
                let fades = gone.iter().map(|&(from, to)| (frame, Told::Go(edge, from, to, 0.0, FADE)));
                self.told.extend(fades);
                let installed = frame + if gone.is_empty() { 0 } else { u64::from(FADE) };
                self.graph.apply(vec![Edit::SetCells { edge, block }]).unwrap();
                self.told.push((installed, Told::Install(Box::new(self.graph.clone()))));
                assert_eq!(self.publisher.publish(&self.graph, frame), Ok(Published::Sent));
            }
            Step::Beside(gain, ramp) => self.set_gain((self.beside, 0, 0), gain, frame, ramp),
        }
    }
}

/// Every cell, at gains that tell a number; some that are the same for all numbers.
fn block(round: u32) -> CellBlock {
    let gain =
        |cell: u32| if cell.is_multiple_of(5) { 0.25 } else { ((cell * 7 + round * 13) % 100) as f32 / 100.0 - 0.5 };
    let cells = (0..SOURCES * DESTINATIONS).map(|cell| Some(Cell::new(gain(cell)))).collect();
    CellBlock { region: Matrix::new(SOURCES, DESTINATIONS).region(), cells }
}

fn matrix(round: u32) -> Matrix {
    let mut matrix = Matrix::new(SOURCES, DESTINATIONS);
    matrix.set_block(&block(round)).unwrap();
    matrix
}

fn frames(script: &[(u64, Step)]) -> usize {
    script.last().map_or(0, |(frame, _)| *frame as usize) + 250
}

fn play(
    script: &[(u64, Step)],
    accumulates: bool,
    level: Level,
    max_block: usize,
    blocks: &[usize],
) -> (Vec<Vec<f32>>, Vec<(u64, Told)>) {
    let settings = Settings { fade: FADE, ..Settings::new(48_000.0, max_block) };
    let (publisher, mut renderer) = renderer_at(settings, level);
    let mut rig = Rig::new(publisher, accumulates);
    let heard = render(&mut renderer, frames(script), blocks, device_input, |start, end| {
        for (frame, step) in script.iter().filter(|(frame, _)| (start..end).contains(frame)) {
            rig.make(step, *frame);
        }
        rig.publisher.returned();
    });
    (heard, rig.told)
}

fn play_naively(mut told: Vec<(u64, Told)>, frames: usize, level: Level) -> Vec<Vec<f32>> {
    let mut naive = Naive::new(level);
    told.sort_by_key(|(frame, _)| *frame);
    let mut told = told.into_iter().peekable();
    let mut heard = vec![Vec::new(); DEVICE_CHANNELS];
    let mut fade = None;
    for frame in 0..frames as u64 {
        while let Some((_, what)) = told.next_if(|(at, _)| *at <= frame) {
            match what {
                Told::SendAgain => naive.send_again(),
                Told::Install(graph) => naive.install(&graph, HashMap::new(), fade.replace(FADE)),
                Told::Go(edge, source, destination, gain, ramp) => naive.go(edge, source, destination, gain, ramp),
            }
        }
        let inputs: Vec<f32> = (0..DEVICE_CHANNELS).map(|channel| device_input(channel, frame)).collect();
        let mut outputs = vec![0.0; DEVICE_CHANNELS];
        naive.tick(&inputs, &mut outputs);
        heard.iter_mut().zip(outputs).for_each(|(heard, sample)| heard.push(sample));
    }
    heard
}

proptest! {
    #![proptest_config(cases(60))]

    /// Whatever moves, the naive interpreter hears the same bits, and so does any other partition.
    #[test]
    fn a_dense_matrix_moves_as_the_naive_interpreter_says(
        script in script(),
        accumulates in any::<bool>(),
        max_block in prop_oneof![Just(7_usize), Just(32), Just(64)],
        blocks in vec(1..60_usize, 1..6),
    ) {
        for level in levels() {
            let (heard, told) = play(&script, accumulates, level, max_block, &blocks);
            let (other, _) = play(&script, accumulates, level, 64, &[60]);
            let partition = difference(&heard, &other);
            prop_assert!(partition.is_none(), "{level:?} {partition:?}");
            let difference = difference(&heard, &play_naively(told, frames(&script), level));
            prop_assert!(difference.is_none(), "{level:?} {difference:?}");
        }
    }
}
