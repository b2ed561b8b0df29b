//! From the names that clients use to what the engine knows things by. Looks at a snapshot; changes nothing.

use crate::remote::order::{BlockName, CellOrder, ChannelName, End, PortName, Spot, Title};
use crosspoint::graph::graph::Signal;
use crosspoint::graph::{AudioPort, Cell, Edge, EdgeId, Endpoint, Graph, NodeId, NodeKind};
use crosspoint::measurement::from_decibels;
use crosspoint::session::{PortSelector, cable};
use crosspoint::{CellChange, MatrixBlock, NodeSnapshot, PortChannel, Snapshot};

/// Why it cannot be done, for people.
pub type Refused = String;

/// At and below this gain, in dB, is silence.
const SILENCE: f32 = -144.0;

/// The node of a name.
pub fn find(graph: &Graph, name: &str) -> Result<NodeId, Refused> {
    let mut found = graph.nodes().filter(|(_, node)| node.name == name).map(|(id, _)| id);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(format!("several nodes are called \"{name}\"")),
        (None, _) => {
            let names: Vec<&str> = graph.nodes().map(|(_, node)| node.name.as_str()).collect();
            Err(format!("there is no node \"{name}\"; there are: {}", names.join(", ")))
        }
    }
}

/// The node of a name with what is known of it.
pub fn known<'s>(snapshot: &'s Snapshot, name: &str) -> Result<(NodeId, &'s NodeSnapshot), Refused> {
    let id = find(&snapshot.graph, name)?;
    let node = snapshot.nodes.get(&id).ok_or_else(|| format!("nothing is known of \"{name}\" yet"))?;
    Ok((id, node))
}

/// The parameter of a name or number.
pub fn parameter_id(node: &NodeSnapshot, text: &str) -> Result<u32, Refused> {
    let is_meant = |name: &str| name.eq_ignore_ascii_case(text);
    let named = match &node.builtin {
        Some(builtin) => builtin.parameters().into_iter().find(|known| is_meant(&known.name)).map(|known| known.id),
        None => node.parameters.iter().find(|known| is_meant(&known.name)).map(|known| known.id),
    };
    let id = named.or_else(|| text.parse().ok());
    id.ok_or_else(|| format!("there is no parameter \"{text}\"; `parameters` lists those there are"))
}

/// A value within its range.
pub fn within(what: &str, value: f64, low: f64, high: f64) -> Result<f64, Refused> {
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("{what} must be {low} to {high}")) }
}

/// A place that clients count from 1.
pub fn place(number: usize) -> Result<usize, Refused> {
    number.checked_sub(1).ok_or_else(|| "places are counted from 1".to_owned())
}

/// A device's channels, which clients count from 1 and 0 for none.
pub fn device_channels(channels: &[u32]) -> Vec<Option<u32>> {
    channels.iter().map(|channel| channel.checked_sub(1)).collect()
}

/// The name of a scene.
pub fn scene(snapshot: &Snapshot, title: Title) -> Result<String, Refused> {
    named("scene", title, snapshot.scenes.scenes.iter().map(|scene| scene.name.as_str()))
}

/// The name of a moment.
pub fn moment(snapshot: &Snapshot, title: Title) -> Result<String, Refused> {
    named("moment", title, snapshot.moments.iter().map(|moment| moment.name.as_str()))
}

fn named<'s>(what: &str, title: Title, mut names: impl ExactSizeIterator<Item = &'s str>) -> Result<String, Refused> {
    match title {
        Title::Name(name) => Ok(name),
        Title::Number(number) => {
            let count = names.len();
            let known = place(number).ok().and_then(|place| names.nth(place)).map(str::to_owned);
            known.ok_or_else(|| format!("there is no {what} {number}; the rig has {count}"))
        }
    }
}

/// The place of a song in the setlist.
pub fn song(snapshot: &Snapshot, title: &Title) -> Result<usize, Refused> {
    let songs = &snapshot.scenes.songs;
    let found = match title {
        Title::Number(number) => place(*number).ok().filter(|place| *place < songs.len()),
        Title::Name(name) => songs.iter().position(|song| song.name == *name),
    };
    let names = || songs.iter().map(|song| song.name.as_str()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("there is no such song in the setlist; it has: {}", names()))
}

/// Which nodes are ends of the rig that have audio.
pub fn ends(graph: &Graph) -> impl Iterator<Item = NodeId> + '_ {
    let is_end = |kind: &NodeKind| matches!(kind, NodeKind::Input { .. } | NodeKind::Output { .. });
    let has_audio = |node: &crosspoint::graph::Node| !(node.audio_inputs.is_empty() && node.audio_outputs.is_empty());
    graph.nodes().filter(move |(_, node)| is_end(&node.kind) && has_audio(node)).map(|(id, _)| id)
}

/// The edges between two nodes.
///
/// # Errors
/// If there is none.
pub fn between<'g>(graph: &'g Graph, source: &str, destination: &str) -> Result<Vec<(EdgeId, &'g Edge)>, Refused> {
    let (from, to) = (find(graph, source)?, find(graph, destination)?);
    let edges: Vec<_> = graph.edges_out_of(from).filter(|(_, edge)| edge.destination.node == to).collect();
    if edges.is_empty() { Err(format!("nothing leads from \"{source}\" to \"{destination}\"")) } else { Ok(edges) }
}

/// The one audio edge between two nodes.
///
/// # Errors
/// If there is none, or more than one.
pub fn cable_between(graph: &Graph, source: &str, destination: &str) -> Result<EdgeId, Refused> {
    let edges = between(graph, source, destination)?;
    let mut audio = edges.iter().filter(|(_, edge)| matches!(edge.signal, Signal::Audio { .. }));
    match (audio.next(), audio.next()) {
        (Some((id, _)), None) => Ok(*id),
        _ => Err(format!("there is not one cable from \"{source}\" to \"{destination}\"")),
    }
}

/// A new edge between two ports.
pub fn edge(
    graph: &Graph,
    source: Spot,
    destination: Spot,
    is_events: bool,
    feedback: Option<u32>,
) -> Result<Edge, Refused> {
    let (source, destination) = (source.end(), destination.end());
    let edge = if is_events {
        let port = |end: &End, is_source: bool| {
            let node = find(graph, &end.node)?;
            let known = graph.node(node).map(|node| if is_source { &node.event_outputs } else { &node.event_inputs });
            let names = known.into_iter().flatten().map(|port| port.name.as_str());
            let port = selector(end.port.as_ref()).and_then(|port| port.resolve(names));
            let port = port.ok_or_else(|| format!("\"{}\" has no such port of events", end.node))?;
            Ok::<_, Refused>(Endpoint::new(node, port))
        };
        Edge::events(port(&source, true)?, port(&destination, false)?)
    } else {
        let (from, sources) = audio_port(graph, &source, true)?;
        let (to, destinations) = audio_port(graph, &destination, false)?;
        Edge::audio(from, to, cable(sources, destinations))
    };
    Ok(Edge { feedback, ..edge })
}

/// A port of audio and its channels.
fn audio_port(graph: &Graph, end: &End, is_source: bool) -> Result<(Endpoint, u32), Refused> {
    let what = if is_source { "source" } else { "destination" };
    let node = find(graph, &end.node)?;
    let known = graph.node(node).map(|node| if is_source { &node.audio_outputs } else { &node.audio_inputs });
    let ports: &[AudioPort] = known.map_or(&[], Vec::as_slice);
    let port = selector(end.port.as_ref()).and_then(|port| port.resolve(ports.iter().map(|port| port.name.as_str())));
    let port = port.ok_or_else(|| format!("\"{}\" has no such port as {what}", end.node))?;
    let channels = ports.get(usize::from(port)).map_or(0, |port| port.layout.channels());
    Ok((Endpoint::new(node, port), channels))
}

fn port_channel(graph: &Graph, end: &End, channel: u32, is_source: bool) -> Result<PortChannel, Refused> {
    let (port, channels) = audio_port(graph, end, is_source)?;
    let what = if is_source { "source" } else { "destination" };
    let channel = channel.checked_sub(1).filter(|channel| *channel < channels);
    let channel = channel.ok_or_else(|| format!("\"{}\" has channels 1 to {channels} as {what}", end.node))?;
    Ok(PortChannel::new(port.node, port.port, channel))
}

fn of_name(graph: &Graph, name: &ChannelName, is_source: bool) -> Result<PortChannel, Refused> {
    let end = End { node: name.node.clone(), port: name.port.clone() };
    port_channel(graph, &end, name.channel, is_source)
}

/// A row of the matrix.
pub fn row(graph: &Graph, name: &ChannelName) -> Result<PortChannel, Refused> {
    of_name(graph, name, true)
}

/// A column of the matrix.
pub fn column(graph: &Graph, name: &ChannelName) -> Result<PortChannel, Refused> {
    of_name(graph, name, false)
}

/// Rows and columns of the matrix.
pub fn block(graph: &Graph, name: &BlockName) -> Result<MatrixBlock, Refused> {
    Ok(MatrixBlock {
        rows: name.rows.iter().map(|name| row(graph, name)).collect::<Result<_, _>>()?,
        columns: name.columns.iter().map(|name| column(graph, name)).collect::<Result<_, _>>()?,
    })
}

/// What is to become of a cell.
pub fn change(graph: &Graph, order: &CellOrder) -> Result<CellChange, Refused> {
    let source = port_channel(graph, &order.source, order.source_channel, true)?;
    let destination = port_channel(graph, &order.destination, order.destination_channel, false)?;
    let before = graph
        .edges_out_of(source.node)
        .filter(|(_, edge)| edge.source.port == source.port)
        .filter(|(_, edge)| (edge.destination.node, edge.destination.port) == (destination.node, destination.port))
        .find_map(|(_, edge)| edge.matrix()?.get(source.channel, destination.channel));
    // As it is shown: in a rig file a gain may be negative by itself.
    let before = before.unwrap_or(Cell::UNITY).unsigned();
    let gain = order.gain_db.map_or(Ok(before.gain), gain)?;
    let cell = Cell { gain, mute: order.mute.unwrap_or(before.mute), invert: order.invert.unwrap_or(before.invert) };
    Ok(CellChange { source, destination, cell: (!order.remove).then_some(cell) })
}

/// A gain in dB as a linear one.
pub fn gain(gain_db: f32) -> Result<f32, Refused> {
    match gain_db {
        gain if gain > 60.0 || gain.is_nan() => Err("a gain is at most 60 dB".to_owned()),
        gain if gain <= SILENCE => Ok(0.0),
        gain => Ok(from_decibels(gain.into()) as f32),
    }
}

/// The port that a client means; none if it counts from 0.
fn selector(name: Option<&PortName>) -> Option<PortSelector> {
    Some(match name {
        None => PortSelector::First,
        Some(PortName::Number(number)) => PortSelector::Number(number.checked_sub(1)?),
        Some(PortName::Name(name)) => PortSelector::Name(name.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint::graph::{ChannelLayout, Matrix, Node};

    /// ```text
    /// a ──x-0.5──► b         shown as -6 dB, inverted: a fader moves the gain, a button turns the polarity
    /// ```
    #[test]
    fn a_fader_leaves_the_polarity_of_a_negative_gain() {
        let mono = || vec![AudioPort::new("port", ChannelLayout::Mono)];
        let mut matrix = Matrix::new(1, 1);
        matrix.set(0, 0, Some(Cell::new(-0.5))).unwrap();
        let mut graph = Graph::new();
        let built = graph.edit(|graph| {
            let a = graph.add_node(Node { audio_outputs: mono(), ..Node::processor("a") })?;
            let b = graph.add_node(Node { audio_inputs: mono(), ..Node::processor("b") })?;
            graph.connect(Edge::audio(Endpoint::new(a, 0), Endpoint::new(b, 0), matrix))
        });
        assert!(built.is_ok());
        let end = |node: &str| End { node: node.to_owned(), port: None };
        let order = CellOrder {
            source: end("a"),
            source_channel: 1,
            destination: end("b"),
            destination_channel: 1,
            gain_db: None,
            mute: None,
            invert: None,
            remove: false,
        };
        let after = |order: &CellOrder| change(&graph, order).unwrap().cell.map(|cell| (cell.gain, cell.invert));
        assert_eq!(after(&CellOrder { gain_db: Some(0.0), ..order.clone() }), Some((1.0, true)));
        assert_eq!(after(&CellOrder { mute: Some(true), ..order.clone() }), Some((0.5, true)));
        assert_eq!(after(&CellOrder { invert: Some(false), ..order }), Some((0.5, false)));
    }
}
