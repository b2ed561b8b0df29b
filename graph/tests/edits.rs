//! Random scripts of edits against independent models: what is undone is gone, what is refused changed nothing, what is
//! let in fits together, and a matrix holds what was put into it.

use crosspoint_graph::compile::{Compiler, Context};
use crosspoint_graph::graph::{Alignment, Applied, CellBlock, Edit, MatrixError, Region};
use crosspoint_graph::{
    AudioPort, Cell, ChannelLayout, Edge, EdgeId, EditError, Endpoint, EventPort, Graph, Matrix, Node, NodeId,
    NodeKind, Signal, Timing,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// Channels of audio inputs and outputs, and numbers of event inputs and outputs.
#[derive(Clone, Debug)]
struct Shape {
    audio_inputs: Vec<u32>,
    audio_outputs: Vec<u32>,
    events: (usize, usize),
}

/// An edit without ids: its numbers choose among what the graph holds when its turn comes.
#[derive(Clone, Debug)]
enum Step {
    AddNode(Shape, u8),
    RemoveNode(usize),
    Connect { source: (usize, u16), destination: (usize, u16), audio: bool, fill: u32, feedback: Option<u32> },
    Disconnect(usize),
    SetCell(usize, u32, u32, Option<Cell>),
    SetCells(usize, Region, Vec<Option<Cell>>),
    SetTiming(usize, Option<Timing>),
    SetFeedback(usize, Option<u32>),
    SetLatency(usize, u32),
    SetPorts(usize, Shape),
    Remap(usize, Option<u32>, Option<u16>),
    Rename(usize, u8),
    SetDefaultTiming(Timing),
}

fn shape() -> impl Strategy<Value = Shape> {
    // Ports of 0 and 300 channels are refused.
    let channels = || prop_oneof![Just(1), Just(2), Just(2), Just(2), Just(6), Just(0), Just(300)].boxed();
    (vec(channels(), 0..3), vec(channels(), 0..3), (0..3_usize, 0..3_usize))
        .prop_map(|(audio_inputs, audio_outputs, events)| Shape { audio_inputs, audio_outputs, events })
}

fn sound_shape() -> impl Strategy<Value = Shape> {
    let channels = || prop_oneof![Just(1), Just(2), Just(2), Just(6)].boxed();
    (vec(channels(), 1..3), vec(channels(), 1..3), (1..3_usize, 1..3_usize))
        .prop_map(|(audio_inputs, audio_outputs, events)| Shape { audio_inputs, audio_outputs, events })
}

fn cell() -> impl Strategy<Value = Option<Cell>> {
    let gain = prop_oneof![9 => -2.0..2.0_f32, 1 => Just(f32::NAN)];
    prop::option::weighted(0.7, (gain, any::<bool>(), any::<bool>()))
        .prop_map(|cell| cell.map(|(gain, mute, invert)| Cell { gain, mute, invert }))
}

fn region() -> impl Strategy<Value = Region> {
    (0..5_u32, 0..5_u32, 0..5_u32, 0..5_u32).prop_map(|(source, destination, sources, destinations)| Region {
        source,
        destination,
        sources,
        destinations,
    })
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![Just(Timing::Aligned), Just(Timing::Immediate)]
}

fn step() -> impl Strategy<Value = Step> {
    let which = || 0..1000_usize;
    let feedback = || prop::option::weighted(0.2, prop_oneof![9 => 1..5000_u32, 1 => Just(0)]);
    prop_oneof![
        4 => (sound_shape(), 0..4_u8).prop_map(|(shape, kind)| Step::AddNode(shape, kind)),
        1 => (shape(), 0..4_u8).prop_map(|(shape, kind)| Step::AddNode(shape, kind)),
        1 => which().prop_map(Step::RemoveNode),
        10 => ((which(), 0..3_u16), (which(), 0..3_u16), prop::bool::weighted(0.8), 0..8_u32, feedback())
            .prop_map(|(source, destination, audio, fill, feedback)| {
                Step::Connect { source, destination, audio, fill, feedback }
            }),
        1 => which().prop_map(Step::Disconnect),
        2 => (which(), 0..7_u32, 0..7_u32, cell()).prop_map(|(edge, s, d, cell)| Step::SetCell(edge, s, d, cell)),
        2 => (which(), region(), vec(cell(), 0..26)).prop_map(|(edge, region, cells)| {
            Step::SetCells(edge, region, cells)
        }),
        1 => (which(), prop::option::of(timing())).prop_map(|(edge, timing)| Step::SetTiming(edge, timing)),
        1 => (which(), feedback()).prop_map(|(edge, feedback)| Step::SetFeedback(edge, feedback)),
        1 => (which(), prop_oneof![4 => 0..1000_u32, 1 => Just(u32::MAX)])
            .prop_map(|(node, latency)| Step::SetLatency(node, latency)),
        2 => (which(), sound_shape()).prop_map(|(node, shape)| Step::SetPorts(node, shape)),
        1 => (which(), shape()).prop_map(|(node, shape)| Step::SetPorts(node, shape)),
        1 => (which(), prop::option::of(0..64_u32), prop::option::of(0..4_u16))
            .prop_map(|(node, channel, group)| Step::Remap(node, channel, group)),
        1 => (which(), any::<u8>()).prop_map(|(node, name)| Step::Rename(node, name)),
        1 => timing().prop_map(Step::SetDefaultTiming),
    ]
}

/// Short transactions, several after another.
fn script() -> impl Strategy<Value = Vec<Vec<Step>>> {
    vec(vec(step(), 1..6), 1..40)
}

fn audio_ports(channels: &[u32]) -> Vec<AudioPort> {
    channels.iter().map(|channels| AudioPort::new("audio", ChannelLayout::from_channels(*channels))).collect()
}

fn event_ports(count: usize) -> Vec<EventPort> {
    (0..count).map(|_| EventPort::new("events")).collect()
}

fn node(shape: &Shape, kind: u8) -> Node {
    // An absurd port would make an absurd mapping.
    let mapped = |channels: &[u32]| (0..channels.iter().sum::<u32>()).map(Some).collect::<Vec<_>>();
    let kind = match kind {
        0 => NodeKind::Input { device_channels: mapped(&shape.audio_outputs) },
        1 => NodeKind::Output {
            device_channels: mapped(&shape.audio_inputs),
            alignment_groups: mapped(&shape.audio_inputs).iter().map(|_| Some(1)).collect(),
        },
        _ => NodeKind::Processor,
    };
    let is_input = matches!(kind, NodeKind::Input { .. });
    let is_output = matches!(kind, NodeKind::Output { .. });
    Node {
        audio_inputs: if is_input { Vec::new() } else { audio_ports(&shape.audio_inputs) },
        audio_outputs: if is_output { Vec::new() } else { audio_ports(&shape.audio_outputs) },
        event_inputs: event_ports(shape.events.0),
        event_outputs: event_ports(shape.events.1),
        alignment: Alignment::Node,
        ..Node::new("node", kind)
    }
}

/// The edit that a step stands for in this graph; none if it has nothing to choose from.
fn edit(graph: &Graph, step: &Step) -> Option<Edit> {
    let nodes: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let edges: Vec<EdgeId> = graph.edges().map(|(id, _)| id).collect();
    let node_of = |number: usize| nodes.get(number % nodes.len().max(1)).copied();
    let edge_of = |number: usize| edges.get(number % edges.len().max(1)).copied();
    Some(match step.clone() {
        Step::AddNode(shape, kind) => Edit::AddNode { id: None, node: node(&shape, kind) },
        Step::RemoveNode(number) => Edit::RemoveNode { id: node_of(number)? },
        Step::Connect { source, destination, audio, fill, feedback } => {
            let source = Endpoint::new(node_of(source.0)?, source.1);
            let destination = Endpoint::new(node_of(destination.0)?, destination.1);
            let signal = if audio {
                let port = graph.node(source.node)?.audio_outputs.get(usize::from(source.port));
                let sources = port.map_or(1, |port| port.layout.channels());
                let port = graph.node(destination.node)?.audio_inputs.get(usize::from(destination.port));
                let destinations = port.map_or(1, |port| port.layout.channels());
                let mut matrix = Matrix::new(sources, destinations);
                for cell in 0..sources * destinations {
                    if cell % 8 < fill {
                        matrix.set(cell % sources, cell / sources, Some(Cell::new(cell as f32))).unwrap();
                    }
                }
                Signal::Audio { matrix }
            } else {
                Signal::Events
            };
            Edit::Connect { id: None, edge: Edge { source, destination, signal, timing: None, feedback } }
        }
        Step::Disconnect(number) => Edit::Disconnect { id: edge_of(number)? },
        Step::SetCell(number, source, destination, cell) => {
            Edit::SetCell { edge: edge_of(number)?, source, destination, cell }
        }
        Step::SetCells(number, region, mut cells) => {
            if cells.len() % 5 != 0 {
                cells.resize((region.sources * region.destinations) as usize, None);
            }
            Edit::SetCells { edge: edge_of(number)?, block: CellBlock { region, cells } }
        }
        Step::SetTiming(number, timing) => Edit::SetTiming { edge: edge_of(number)?, timing },
        Step::SetFeedback(number, feedback) => Edit::SetFeedback { edge: edge_of(number)?, feedback },
        Step::SetLatency(number, latency) => Edit::SetLatency { node: node_of(number)?, latency },
        Step::SetPorts(number, shape) => {
            let id = node_of(number)?;
            let kind = match graph.node(id)?.kind {
                NodeKind::Input { .. } => 0,
                NodeKind::Output { .. } => 1,
                _ => 2,
            };
            let Node { audio_inputs, audio_outputs, event_inputs, event_outputs, .. } = node(&shape, kind);
            Edit::SetPorts { node: id, audio_inputs, audio_outputs, event_inputs, event_outputs }
        }
        Step::Remap(number, channel, group) => {
            let node = node_of(number)?;
            let kind = match graph.node(node)?.kind.clone() {
                NodeKind::Input { device_channels } => {
                    NodeKind::Input { device_channels: device_channels.iter().map(|_| channel).collect() }
                }
                NodeKind::Output { device_channels, .. } => NodeKind::Output {
                    device_channels: device_channels.iter().map(|_| channel).collect(),
                    alignment_groups: device_channels.iter().map(|_| group).collect(),
                },
                // Fits only a processor without outputs.
                _ => NodeKind::Input { device_channels: Vec::new() },
            };
            Edit::SetKind { node, kind }
        }
        Step::Rename(number, name) => Edit::Rename { node: node_of(number)?, name: format!("node {name}") },
        Step::SetDefaultTiming(timing) => Edit::SetDefaultTiming { timing },
    })
}

/// The edits of a transaction, all chosen in the graph as it is before; later ones may refer to what earlier ones took
/// away, and are then refused.
fn edits(graph: &Graph, steps: &[Step]) -> Vec<Edit> {
    steps.iter().filter_map(|step| edit(graph, step)).collect()
}

/// Whether a walk along plain edges leads from one node to another. Written without the graph's own search.
fn reaches(graph: &Graph, from: NodeId, to: NodeId) -> bool {
    let mut seen = HashSet::from([from]);
    loop {
        let before = seen.len();
        for (_, edge) in graph.edges().filter(|(_, edge)| edge.feedback.is_none()) {
            if seen.contains(&edge.source.node) {
                seen.insert(edge.destination.node);
            }
        }
        if seen.len() == before {
            return seen.contains(&to);
        }
    }
}

/// Everything that holds of any graph.
fn check(graph: &Graph) {
    assert_eq!(graph.node_count(), graph.nodes().count());
    assert_eq!(graph.edge_count(), graph.edges().count());
    assert!(graph.nodes().map(|(id, _)| id.index()).is_sorted_by(|a, b| a < b));
    assert!(graph.edges().map(|(id, _)| id.index()).is_sorted_by(|a, b| a < b));
    for (id, node) in graph.nodes() {
        assert!(id.index() < graph.node_bound());
        assert_eq!(graph.node(id), Some(node));
        let channels = |ports: &[AudioPort]| ports.iter().map(|port| port.layout.channels() as usize).sum::<usize>();
        assert!(node.audio_inputs.iter().chain(&node.audio_outputs).all(|port| port.layout.channels() <= 256));
        match &node.kind {
            NodeKind::Input { device_channels } => {
                assert_eq!(device_channels.len(), channels(&node.audio_outputs));
                assert!(node.audio_inputs.is_empty());
            }
            NodeKind::Output { device_channels, alignment_groups } => {
                assert_eq!(device_channels.len(), channels(&node.audio_inputs));
                assert_eq!(alignment_groups.len(), device_channels.len());
                assert!(node.audio_outputs.is_empty());
            }
            NodeKind::Processor => {}
        }
        let into: Vec<_> = graph.edges().filter(|(_, edge)| edge.destination.node == id).collect();
        assert!(graph.edges_into(id).eq(into));
        let out_of: Vec<_> = graph.edges().filter(|(_, edge)| edge.source.node == id).collect();
        assert!(graph.edges_out_of(id).eq(out_of));
    }
    for (id, edge) in graph.edges() {
        assert!(id.index() < graph.edge_bound());
        assert_eq!(graph.edge(id), Some(edge));
        let source = graph.node(edge.source.node).unwrap();
        let destination = graph.node(edge.destination.node).unwrap();
        match &edge.signal {
            Signal::Audio { matrix } => {
                let source = &source.audio_outputs[usize::from(edge.source.port)];
                let destination = &destination.audio_inputs[usize::from(edge.destination.port)];
                assert_eq!(matrix.sources(), source.layout.channels());
                assert_eq!(matrix.destinations(), destination.layout.channels());
                assert!(matrix.cells().all(|(_, _, cell)| cell.gain.is_finite()));
            }
            Signal::Events => {
                assert!(usize::from(edge.source.port) < source.event_outputs.len());
                assert!(usize::from(edge.destination.port) < destination.event_inputs.len());
            }
        }
        if edge.feedback.is_none() {
            assert!(!reaches(graph, edge.destination.node, edge.source.node), "{id} closes a cycle");
        }
    }
}

/// The same graph, put together from nothing.
fn afresh(graph: &Graph) -> Graph {
    let mut new = Graph::new();
    let nodes = graph.nodes().map(|(id, node)| Edit::AddNode { id: Some(id), node: node.clone() });
    let edges = graph.edges().map(|(id, edge)| Edit::Connect { id: Some(id), edge: edge.clone() });
    let timing = [Edit::SetDefaultTiming { timing: graph.default_timing() }];
    new.apply(nodes.chain(edges).chain(timing).collect()).unwrap();
    new
}

/// What the graph keeps for its compiler follows from what it holds, not from what was done to get there.
fn check_compiles_alike(graph: &Graph) {
    let compiled = |graph| Compiler::new().compile(graph, Context::default()).unwrap();
    assert_eq!(compiled(graph), compiled(&afresh(graph)));
}

proptest! {
    /// ```text
    /// before --edits--> after --inverse--> before --its inverse--> after
    ///    \--refused--> before
    /// ```
    /// and from the end all the way back to the empty graph.
    #[test]
    fn undo_takes_back_exactly_what_was_done(script in script()) {
        let mut graph = Graph::new();
        let mut history = Vec::new();
        for steps in &script {
            let before = graph.clone();
            let edits = edits(&graph, steps);
            match graph.apply(edits) {
                Err(_) => prop_assert_eq!(&graph, &before),
                Ok(Applied { inverse, .. }) => {
                    check(&graph);
                    check_compiles_alike(&graph);
                    let after = graph.clone();
                    let redo = graph.apply(inverse).unwrap().inverse;
                    prop_assert_eq!(&graph, &before);
                    let undo = graph.apply(redo).unwrap().inverse;
                    prop_assert_eq!(&graph, &after);
                    check_compiles_alike(&graph);
                    history.push(undo);
                }
            }
        }
        while let Some(undo) = history.pop() {
            graph.apply(undo).unwrap();
            check_compiles_alike(&graph);
        }
        prop_assert_eq!(graph, Graph::new());
    }

    /// An id that was given to one node or edge is never given to another, whatever was undone between.
    #[test]
    fn ids_are_given_out_once(script in script()) {
        let mut graph = Graph::new();
        let (mut nodes, mut edges) = (HashSet::new(), HashSet::new());
        for (number, steps) in script.iter().enumerate() {
            let edits = edits(&graph, steps);
            if let Ok(applied) = graph.apply(edits) {
                prop_assert!(applied.nodes.iter().all(|id| nodes.insert(*id)));
                prop_assert!(applied.edges.iter().all(|id| edges.insert(*id)));
                if number % 3 == 0 {
                    graph.apply(applied.inverse).unwrap();
                }
            }
        }
    }

    /// A plain edge is refused exactly if its destination already reaches its source, and the path that is named can be
    /// walked: along edges that are there, and back by the refused one.
    #[test]
    fn cycles_are_refused_with_a_true_path(
        pairs in vec((0..12_usize, 0..12_usize, prop::bool::weighted(0.15)), 1..60),
    ) {
        let mut graph = Graph::new();
        let (nodes, _) = graph.edit(|transaction| {
            let mut add = |number| {
                let shape = Shape { audio_inputs: vec![1], audio_outputs: vec![1], events: (0, 0) };
                transaction.add_node(Node { name: format!("node {number}"), ..node(&shape, 2) })
            };
            (0..12).map(&mut add).collect::<Result<Vec<_>, _>>()
        }).unwrap();
        for (source, destination, is_feedback) in pairs {
            let (source, destination) = (nodes[source], nodes[destination]);
            let plain = Edge::audio(Endpoint::new(source, 0), Endpoint::new(destination, 0), Matrix::diagonal(1));
            let edge = if is_feedback { plain.with_feedback(64) } else { plain };
            let closes = !is_feedback && reaches(&graph, destination, source);
            let before = graph.clone();
            match graph.apply(vec![Edit::Connect { id: None, edge }]) {
                Ok(_) => prop_assert!(!closes),
                Err(EditError::Cycle { path, names }) => {
                    prop_assert!(closes);
                    prop_assert_eq!(&graph, &before);
                    prop_assert_eq!((path[0], path[path.len() - 1]), (destination, source));
                    for pair in path.windows(2) {
                        let joined = graph.edges_out_of(pair[0]).any(|(_, edge)| {
                            edge.destination.node == pair[1] && edge.feedback.is_none()
                        });
                        prop_assert!(joined, "{:?} does not lead to {:?}", pair[0], pair[1]);
                    }
                    prop_assert_eq!(path.iter().collect::<HashSet<_>>().len(), path.len());
                    prop_assert!(path.iter().zip(&names).all(|(id, name)| graph.node(*id).unwrap().name == *name));
                }
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
    }

    /// However the cells got there, the matrix holds what a map holds, in order, and is stored alike.
    #[test]
    fn a_matrix_holds_what_was_put_into_it(
        size in (0..7_u32, 0..7_u32),
        steps in vec(prop_oneof![
            8 => (0..7_u32, 0..7_u32, cell()).prop_map(|(s, d, cell)| MatrixStep::Set(s, d, cell)),
            3 => (region(), vec(cell(), 25)).prop_map(|(region, cells)| MatrixStep::SetBlock(region, cells)),
            1 => (0..8_u32, 0..8_u32).prop_map(|(s, d)| MatrixStep::Resize(s, d)),
        ], 0..80),
    ) {
        let mut matrix = Matrix::new(size.0, size.1);
        let (mut sources, mut destinations) = size;
        let mut model: HashMap<(u32, u32), Cell> = HashMap::new();
        let put = |model: &mut HashMap<_, _>, at, cell: Option<Cell>| match cell {
            Some(cell) => model.insert(at, cell),
            None => model.remove(&at),
        };
        for step in steps {
            match step {
                // A model that is compared has no use for NaN; the graph refuses it.
                MatrixStep::Set(source, destination, cell) => {
                    let cell = cell.filter(|cell| !cell.gain.is_nan());
                    let before = matrix.set(source, destination, cell);
                    if source < sources && destination < destinations {
                        prop_assert_eq!(before, Ok(put(&mut model, (destination, source), cell)));
                    } else {
                        let refused = matches!(before, Err(MatrixError::Outside { .. }));
                        prop_assert!(refused);
                    }
                }
                MatrixStep::SetBlock(region, cells) => {
                    let count = (region.sources * region.destinations) as usize;
                    let cells: Vec<_> =
                        cells.into_iter().take(count).map(|c| c.filter(|cell| !cell.gain.is_nan())).collect();
                    let block = CellBlock { region, cells };
                    let before = matrix.set_block(&block);
                    let fits = region.source + region.sources <= sources
                        && region.destination + region.destinations <= destinations;
                    prop_assert_eq!(before.is_ok(), fits);
                    if let Ok(before) = before {
                        prop_assert_eq!(matrix.get_block(region), Ok(block.clone()));
                        for (offset, cell) in (0_u32..).zip(block.cells) {
                            let at = (
                                region.destination + offset / region.sources,
                                region.source + offset % region.sources,
                            );
                            prop_assert_eq!(before.cells[offset as usize], put(&mut model, at, cell));
                        }
                    }
                }
                MatrixStep::Resize(new_sources, new_destinations) => {
                    matrix = matrix.resized(new_sources, new_destinations);
                    (sources, destinations) = (new_sources, new_destinations);
                    model.retain(|(destination, source), _| *source < sources && *destination < destinations);
                }
            }
            let mut expected: Vec<_> = model.iter().map(|(at, cell)| (*at, *cell)).collect();
            expected.sort_by_key(|(at, _)| *at);
            let cells: Vec<_> = matrix.cells().map(|(source, destination, cell)| ((destination, source), cell)).collect();
            prop_assert_eq!(&cells, &expected);
            prop_assert_eq!(matrix.cell_count(), expected.len());
            prop_assert_eq!(matrix.is_dense(), expected.len() > 8 && expected.len() as u32 * 2 > sources * destinations);
            for (source, destination) in (0..9).flat_map(|source| (0..9).map(move |destination| (source, destination))) {
                prop_assert_eq!(matrix.get(source, destination), model.get(&(destination, source)).copied());
            }
            let mut rebuilt = Matrix::new(sources, destinations);
            for ((destination, source), cell) in expected.into_iter().rev() {
                rebuilt.set(source, destination, Some(cell)).unwrap();
            }
            prop_assert_eq!(&matrix, &rebuilt);
        }
    }
}

#[derive(Clone, Debug)]
enum MatrixStep {
    Set(u32, u32, Option<Cell>),
    SetBlock(Region, Vec<Option<Cell>>),
    Resize(u32, u32),
}
