//! The graph as flat arrays, which the compiler takes as they are: positions instead of ids, channels and crosspoints
//! numbered through the whole graph. Kept up to date with each edit, so that no compile has to read the graph. Decides
//! nothing: it follows from nodes and edges alone, whatever was done to get there.

mod keep;

use super::edge::Timing;
use super::node::Alignment;
use crate::id::{EdgeId, NodeId};
use crate::span::Span;
use std::hint::black_box;

/// Bytes in a line of the cache, on most machines.
const LINE: usize = 64;

/// No edge.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// There is no node at this position.
    Absent,
    Input,
    Output,
    Processor,
}

/// What each compile looks at of a node, by position of its id; in the order of the signal, not in that of the positions.
/// Two fit a line of the cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
pub(crate) struct FlatNode {
    pub id: NodeId,
    pub kind: Kind,
    /// Its input channels in the numbering of the whole graph.
    pub inputs: Span,
    pub outputs: Span,
    /// How many channels come first that have the same number, counted over all ports, on either side of the node: the
    /// input of the same port and channel as such an output is the one of its number.
    pub alike: u32,
    pub in_place: bool,
    pub takes_events: bool,
    /// Whether all its input channels are those of one port.
    pub has_one_input: bool,
}

/// What else there is of a node, by position of its id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traits {
    /// Its ports in [`Flat::ports`]: the inputs, right behind them the outputs.
    pub input_ports: Span,
    pub output_ports: Span,
    pub latency: u32,
    pub bypassable: bool,
    pub alignment: Alignment,
    pub sends_events: bool,
}

/// How a node hangs together with others; apart from what else there is of it, so that the order is found within little
/// memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Links {
    /// The first edge into the node, by the port that it enters and then by position, those of events behind the others;
    /// or [`NONE`]. Each leads to the next.
    pub first_edge: u32,
    /// How many edges lead out of it, feedback edges left out; [`NONE`] if there is no node at this position.
    pub feeds: u32,
}

/// What an edge carries; the plainest matrix first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// Audio, straight as below and each cell at a gain of 1: what its cells are need not be read.
    Unity,
    /// Audio, straight: each channel leads to its like and nowhere else, so that cell c joins channel c of both ports, at
    /// any gain.
    Straight,
    /// Audio that is led elsewhere.
    Crossed,
    /// Audio through a dense matrix.
    Dense,
    Events,
    /// There is no edge at this position.
    Absent,
}

/// Where an edge runs, by position of its id; apart from what it carries, as the links of nodes are from the nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(16))]
pub(crate) struct Route {
    /// Positions of the nodes.
    pub source: u32,
    pub destination: u32,
    /// The next edge into the same node, or [`NONE`].
    pub next: u32,
    /// Ports within their nodes.
    pub source_port: u16,
    pub destination_port: u16,
}

/// What an edge carries, by position of its id. Two fit a line of the cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
pub(crate) struct FlatEdge {
    pub id: EdgeId,
    /// First channel of the source's port, in the numbering of the whole graph.
    pub source_channel: u32,
    pub destination_channel: u32,
    pub cells: Span,
    /// Of a feedback edge its length in frames, else 0.
    pub delay: u32,
    pub form: Form,
    pub timing: Option<Timing>,
}

impl FlatEdge {
    pub fn is_audio(&self) -> bool {
        self.form < Form::Events
    }

    /// Whether it carries audio straight, at any gain.
    pub fn is_straight(&self) -> bool {
        self.form <= Form::Straight
    }

    pub fn feeds_back(&self) -> bool {
        self.delay > 0
    }

    /// The output channel that one of its cells hears, in the numbering of the whole graph.
    pub fn source_of(&self, cell: &FlatCell) -> u32 {
        self.source_channel + u32::from(cell.source)
    }

    /// The input channel that one of its cells leads to, likewise.
    pub fn destination_of(&self, cell: &FlatCell) -> u32 {
        self.destination_channel + u32::from(cell.destination)
    }
}

/// A crosspoint of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FlatCell {
    /// Source channel within its port.
    pub source: u16,
    /// Destination channel within its port.
    pub destination: u16,
    /// Linear gain with mute and polarity applied.
    pub gain: f32,
    /// Position of its edge.
    pub edge: u32,
}

/// A graph ready to be compiled. Schedules keep it, for what they have in common with the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flat {
    pub nodes: Vec<FlatNode>,
    /// By position of a node.
    pub traits: Vec<Traits>,
    /// By position of a node.
    pub links: Vec<Links>,
    /// Positions of the output nodes, in order.
    pub outputs: Vec<u32>,
    pub edges: Vec<FlatEdge>,
    /// By position of an edge.
    pub routes: Vec<Route>,
    /// Edge after edge, and of each by destination, then source: the order of sums.
    pub cells: Vec<FlatCell>,
    /// Channels of each port, counted from the first input or output channel of its node.
    pub ports: Vec<Span>,
    /// Device channel behind each output channel of an input node; others none.
    pub device_inputs: Vec<Option<u32>>,
    /// Device channel behind each input channel of an output node, and its alignment group.
    pub device_outputs: Vec<(Option<u32>, Option<u16>)>,
    /// How many cells read each output channel, and how many lead to each input channel.
    pub readers: Vec<u32>,
    pub feeders: Vec<u32>,
    pub default_timing: Timing,
    pub counts: Counts,
}

/// How many there are of what a pass may pass over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub nodes: u32,
    /// Nodes with a processor.
    pub processors: u32,
    /// Nodes that are late.
    pub late: u32,
    /// Edges that feed back.
    pub feedback: u32,
    /// Dense edges.
    pub dense: u32,
    /// Edges that carry events.
    pub events: u32,
}

impl Flat {
    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.counts.nodes as usize
    }

    /// Input channels of the whole graph.
    pub fn input_channels(&self) -> usize {
        self.device_outputs.len()
    }

    /// Output channels of the whole graph.
    pub fn output_channels(&self) -> usize {
        self.device_inputs.len()
    }

    /// The edges into a node: port after port, those of events last, each in the order of sums and merges.
    pub fn entering(&self, node: &FlatNode) -> Entering<'_> {
        Entering { flat: self, next: self.links[node.id.index()].first_edge }
    }

    /// The output nodes, in the order of their positions.
    pub fn output_nodes(&self) -> impl Iterator<Item = &FlatNode> {
        self.outputs.iter().map(|&index| &self.nodes[index as usize])
    }

    /// The edges that carry audio, in the order of their cells.
    pub fn audio_edges(&self) -> impl Iterator<Item = &FlatEdge> {
        self.edges.iter().filter(|edge| edge.is_audio())
    }

    /// Sees each cell of an edge, with the output channel that it hears and the input channel that it leads to. Of an edge
    /// that is straight these follow without reading a cell.
    #[inline(always)]
    pub fn each_cell(&self, edge: &FlatEdge, mut see: impl FnMut(u32, u32, u32)) {
        if edge.is_straight() {
            for place in 0..edge.cells.count {
                see(edge.cells.first + place, edge.source_channel + place, edge.destination_channel + place);
            }
        } else {
            for (index, cell) in (edge.cells.first..).zip(&self.cells[edge.cells.range()]) {
                see(index, edge.source_of(cell), edge.destination_of(cell));
            }
        }
    }

    /// The edge of a cell.
    pub fn owner(&self, cell: &FlatCell) -> &FlatEdge {
        &self.edges[cell.edge as usize]
    }

    /// What else there is of a node.
    pub fn traits(&self, node: &FlatNode) -> &Traits {
        &self.traits[node.id.index()]
    }

    /// Where an edge runs.
    pub fn route(&self, edge: &FlatEdge) -> &Route {
        &self.routes[edge.id.index()]
    }

    /// Reads all routes in the order of memory, which is quick, so that they are at hand when they are walked in the order
    /// of the signal, which leads anywhere.
    pub fn bring_routes_near(&self) {
        black_box(self.routes.iter().step_by(LINE / size_of::<Route>()).fold(0, |read, route| read ^ route.next));
    }

    /// The same for edges.
    pub fn bring_edges_near(&self) {
        black_box(self.edges.iter().step_by(LINE / size_of::<FlatEdge>()).fold(0, |read, edge| read ^ edge.delay));
    }

    /// Reads what is seen first of the node at a position.
    pub fn bring_node_near(&self, position: u32) {
        let first = self.links[position as usize].first_edge as usize;
        let edge = self.edges.get(first).zip(self.routes.get(first));
        black_box((self.nodes[position as usize].alike, edge.map(|(edge, route)| (edge.form, route.next))));
    }

    /// Whether an edge is delayed to line up with others where it arrives.
    pub fn waits(&self, edge: &FlatEdge) -> bool {
        edge.timing.unwrap_or(self.default_timing) == Timing::Aligned && !edge.feeds_back()
    }
}

/// Edges into a node. See [`Flat::entering`].
pub(crate) struct Entering<'a> {
    flat: &'a Flat,
    next: u32,
}

impl<'a> Iterator for Entering<'a> {
    type Item = &'a FlatEdge;

    #[inline]
    fn next(&mut self) -> Option<&'a FlatEdge> {
        // Behind the last stands NONE, which is no edge's place.
        let position = self.next as usize;
        self.next = self.flat.routes.get(position)?.next;
        Some(&self.flat.edges[position])
    }
}

#[cfg(test)]
mod tests {
    use super::Form;
    use crate::graph::{Cell, Edge, Edit, Endpoint, Graph, Matrix, Node};
    use crate::port::{AudioPort, ChannelLayout};

    /// ```text
    ///   one ─┬─ edge 0 ─┬─ two
    ///        ├─ edge 1 ─┤
    ///        └─ edge 2 ─┘
    /// ```
    fn three_edges(middle: &Matrix) -> Graph {
        let mut graph = Graph::new();
        let stereo = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
        graph
            .edit(|t| {
                let one = t.add_node(Node { audio_outputs: stereo(), ..Node::processor("one") })?;
                let two = t.add_node(Node { audio_inputs: stereo(), ..Node::processor("two") })?;
                for matrix in [&Matrix::diagonal(2), middle, &Matrix::diagonal(2)] {
                    t.connect(Edge::audio(Endpoint::new(one, 0), Endpoint::new(two, 0), matrix.clone()))?;
                }
                Ok(())
            })
            .unwrap();
        graph
    }

    /// ```text
    ///   inputs   0 1 | 2   | 3 4 5
    ///   outputs  0 1 | 2 3 | 4 5 6     alike as far as 2: behind it the numbers differ
    /// ```
    #[test]
    fn channels_are_alike_as_far_as_the_ports_are() {
        let alike = |inputs: &[u32], outputs: &[u32]| {
            let ports = |channels: &[u32]| {
                channels.iter().map(|&count| AudioPort::new("port", ChannelLayout::Discrete(count))).collect()
            };
            let node = Node { audio_inputs: ports(inputs), audio_outputs: ports(outputs), ..Node::processor("node") };
            let mut graph = Graph::new();
            graph.edit(|t| t.add_node(node)).unwrap();
            graph.flat().nodes[0].alike
        };
        assert_eq!(alike(&[2, 1, 3], &[2, 2, 3]), 3);
        assert_eq!(alike(&[2, 3], &[2, 3]), 5);
        assert_eq!(alike(&[2, 3], &[2]), 2);
        assert_eq!(alike(&[], &[2]), 0);
    }

    /// A straight edge is known to be at unity as long as each of its cells is: a pass that elides them reads none.
    #[test]
    fn an_edge_is_at_unity_as_long_as_its_cells_are() {
        let mut graph = three_edges(&Matrix::diagonal(2));
        let middle = graph.edges().nth(1).unwrap().0;
        for (gain, form) in [(1.0, Form::Unity), (0.5, Form::Straight), (1.0, Form::Unity), (-1.0, Form::Straight)] {
            let cell = Some(Cell::new(gain));
            graph.apply(vec![Edit::SetCell { edge: middle, source: 1, destination: 1, cell }]).unwrap();
            assert_eq!(graph.flat().edges[middle.index()].form, form, "at a gain of {gain}");
        }
        let muted = Some(Cell { mute: true, ..Cell::new(1.0) });
        graph.apply(vec![Edit::SetCell { edge: middle, source: 0, destination: 0, cell: muted }]).unwrap();
        assert_eq!(graph.flat().edges[middle.index()].form, Form::Straight);
    }

    /// An edge gets cells and loses them: those of the edges behind it move, and each edge still has its own.
    #[test]
    fn the_cells_behind_an_edge_move_with_it() {
        let mut crossed = Matrix::diagonal(2);
        crossed.set(0, 1, Some(Cell::new(0.5))).unwrap();
        let mut single = Matrix::diagonal(2);
        single.set(1, 1, None).unwrap();
        let mut graph = three_edges(&Matrix::diagonal(2));
        let middle = graph.edges().nth(1).unwrap().0;
        let set = |source, destination, cell| Edit::SetCell { edge: middle, source, destination, cell };
        let steps = [
            (set(0, 1, Some(Cell::new(0.5))), crossed),
            (set(0, 1, None), Matrix::diagonal(2)),
            (set(1, 1, None), single),
        ];
        for (edit, matrix) in steps {
            graph.apply(vec![edit]).unwrap();
            let built = three_edges(&matrix);
            assert_eq!(graph.flat().edges, built.flat().edges);
            assert_eq!(graph.flat().routes, built.flat().routes);
            assert_eq!(graph.flat().cells, built.flat().cells);
            for edge in graph.flat().audio_edges() {
                let cells = &graph.flat().cells[edge.cells.range()];
                assert!(cells.iter().all(|cell| cell.edge == edge.id.index), "{edge:?} has {cells:?}");
            }
        }
        graph.apply(vec![Edit::Disconnect { id: middle }]).unwrap();
        let last = graph.flat().audio_edges().last().unwrap();
        let cells = &graph.flat().cells[last.cells.range()];
        assert_eq!(cells.len(), 2);
        assert!(cells.iter().all(|cell| cell.edge == last.id.index), "{last:?} has {cells:?}");
    }
}
