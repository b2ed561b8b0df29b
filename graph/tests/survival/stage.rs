//! Small rigs of mono nodes built by hand, and processors that tell what was done to them.

use crate::rig::render;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    AudioPort, Block, Cell, ChannelLayout, Command, Edge, EdgeId, Endpoint, Graph, Matrix, NOW, Node, NodeId, NodeKind,
    Processor, Published, Publisher, Renderer, Report, Settings, Status, Timed, renderer,
};
use std::cell::Cell as StdCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Frames of the fades on a stage.
pub const FADE: u32 = 20;
/// The longest chunk on a stage.
pub const MAX_BLOCK: usize = 32;

thread_local! {
    /// Whether this thread is rendering.
    pub static IN_CALLBACK: StdCell<bool> = const { StdCell::new(false) };
}

/// What a probe has gone through.
#[derive(Default)]
pub struct Seen {
    pub starts: AtomicU32,
    pub calls: AtomicU32,
    pub resets: AtomicU32,
    pub stops: AtomicU32,
    pub drops: AtomicU32,
    /// What the probe answers to [`Processor::wants_processing`].
    pub wants: AtomicBool,
}

impl Seen {
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Does what a closure says, and counts.
pub struct Probe<F> {
    act: F,
    seen: Arc<Seen>,
}

/// A probe, and what it will have seen.
pub fn probe<F: FnMut(&mut Block<'_>) -> Status + Send + 'static>(act: F) -> (Box<dyn Processor>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    (Box::new(Probe { act, seen: seen.clone() }), seen)
}

/// Copies its input to its output and says that status.
pub fn through(status: Status) -> impl FnMut(&mut Block<'_>) -> Status {
    move |block| {
        block.through((0, 0), (0, 0));
        status
    }
}

impl<F: FnMut(&mut Block<'_>) -> Status + Send> Processor for Probe<F> {
    fn start(&mut self) {
        self.seen.starts.fetch_add(1, Ordering::Relaxed);
    }

    fn process(&mut self, mut block: Block<'_>) -> Status {
        self.seen.calls.fetch_add(1, Ordering::Relaxed);
        (self.act)(&mut block)
    }

    fn wants_processing(&self) -> bool {
        self.seen.wants.load(Ordering::Relaxed)
    }

    fn reset(&mut self) {
        self.seen.resets.fetch_add(1, Ordering::Relaxed);
    }

    fn stop(&mut self) {
        self.seen.stops.fetch_add(1, Ordering::Relaxed);
    }
}

impl<F> Drop for Probe<F> {
    fn drop(&mut self) {
        assert!(!IN_CALLBACK.get(), "a processor was dropped in the callback");
        self.seen.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// A graph with its two halves.
pub struct Stage {
    pub graph: Graph,
    pub publisher: Publisher,
    pub renderer: Box<Renderer>,
}

impl Stage {
    pub fn new() -> Self {
        Self::with_max_block(MAX_BLOCK)
    }

    /// With chunks of another length at most.
    pub fn with_max_block(max_block: usize) -> Self {
        let settings = Settings { fade: FADE, ..Settings::new(48_000.0, max_block) };
        let (publisher, renderer) = renderer(settings);
        Self { graph: Graph::new(), publisher, renderer }
    }

    pub fn add(&mut self, node: Node) -> NodeId {
        self.graph.apply(vec![Edit::AddNode { id: None, node }]).unwrap().nodes[0]
    }

    /// A node for a device input channel.
    pub fn input(&mut self, channel: u32) -> NodeId {
        let kind = NodeKind::Input { device_channels: vec![Some(channel)] };
        self.add(Node { audio_outputs: mono(), ..Node::new("in", kind) })
    }

    /// A node for a device output channel, in an alignment group or by itself.
    pub fn output(&mut self, channel: u32, group: Option<u16>) -> NodeId {
        let kind = NodeKind::Output { device_channels: vec![Some(channel)], alignment_groups: vec![group] };
        self.add(Node { audio_inputs: mono(), ..Node::new("out", kind) })
    }

    /// A processor with a bypass path.
    pub fn processor(&mut self, name: &str, latency: u32, processor: Box<dyn Processor>) -> NodeId {
        let id = self.add(Node { latency, bypassable: true, in_place: true, ..effect(name) });
        self.publisher.give(id, processor);
        id
    }

    /// A mono cable at a gain.
    pub fn wire(&mut self, from: NodeId, to: NodeId, gain: f32) -> EdgeId {
        self.connect(cable(from, to, gain))
    }

    pub fn connect(&mut self, edge: Edge) -> EdgeId {
        self.graph.apply(vec![Edit::Connect { id: None, edge }]).unwrap().edges[0]
    }

    /// A chain from device input 0 over processors to device output 0.
    pub fn chain(&mut self, processors: &[NodeId]) {
        let mut from = self.input(0);
        for &processor in processors {
            self.wire(from, processor, 1.0);
            from = processor;
        }
        let output = self.output(0, None);
        self.wire(from, output, 1.0);
    }

    pub fn publish(&mut self) {
        assert_eq!(self.publisher.publish(&self.graph, NOW), Ok(Published::Sent));
    }

    pub fn send(&mut self, frame: u64, command: Command) {
        self.publisher.send(Timed { frame, command }).unwrap();
    }

    /// Renders on from where it stands, in whole chunks.
    pub fn play(&mut self, frames: usize, input: impl Fn(usize, u64) -> f32) -> Vec<Vec<f32>> {
        render(&mut self.renderer, frames, &[MAX_BLOCK], input, |_, _| {})
    }

    pub fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.publisher.report()).collect()
    }
}

fn mono() -> Vec<AudioPort> {
    vec![AudioPort::new("mono", ChannelLayout::Mono)]
}

/// A processor's node with a mono port on each side.
pub fn effect(name: &str) -> Node {
    Node { audio_inputs: mono(), audio_outputs: mono(), ..Node::processor(name) }
}

/// A mono cable at a gain.
pub fn cable(from: NodeId, to: NodeId, gain: f32) -> Edge {
    let mut matrix = Matrix::new(1, 1);
    matrix.set(0, 0, Some(Cell::new(gain))).unwrap();
    Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), matrix)
}

/// One at a frame on all channels.
pub fn impulse_at(at: u64) -> impl Fn(usize, u64) -> f32 {
    move |_, frame| f32::from(u8::from(frame == at))
}

/// Nothing.
pub fn silence(_: usize, _: u64) -> f32 {
    0.0
}

/// Where a channel is not zero, and what is there.
pub fn sounding(channel: &[f32]) -> Vec<(usize, f32)> {
    (0..).zip(channel).filter(|(_, sample)| **sample != 0.0).map(|(frame, &sample)| (frame, sample)).collect()
}
