//! The edits that bring a node up to what its plugin says of itself. They are no step of the history: nobody made them.

use crate::session::cable;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{AudioPort, Edge, EdgeId, Graph, Node, NodeId, Signal};

/// Changes of ports and latency since a plugin was last active.
pub(crate) fn changes(node: NodeId, known: &Node, described: &Node) -> Vec<Edit> {
    let mut edits = Vec::new();
    let same_ports = known.audio_inputs == described.audio_inputs
        && known.audio_outputs == described.audio_outputs
        && known.event_inputs == described.event_inputs
        && known.event_outputs == described.event_outputs;
    if !same_ports {
        edits.push(Edit::SetPorts {
            node,
            audio_inputs: described.audio_inputs.clone(),
            audio_outputs: described.audio_outputs.clone(),
            event_inputs: described.event_inputs.clone(),
            event_outputs: described.event_outputs.clone(),
        });
    }
    if known.latency != described.latency {
        edits.push(Edit::SetLatency { node, latency: described.latency });
    }
    edits
}

/// Puts a plugin's own node in the place of the one that stood for it, under the same id. Cables stay cables,
/// other edges keep their crosspoints; those that have no port any more are told to `problems`.
pub(crate) fn first_seen(graph: &Graph, id: NodeId, node: Node, problems: &mut Vec<String>) -> Vec<Edit> {
    let mut edges: Vec<(EdgeId, &Edge)> = graph.edges_into(id).chain(graph.edges_out_of(id)).collect();
    edges.sort_unstable_by_key(|(edge, _)| *edge);
    edges.dedup_by_key(|(edge, _)| *edge);
    let mut edits = vec![Edit::RemoveNode { id }, Edit::AddNode { id: Some(id), node: node.clone() }];
    for (edge_id, edge) in edges {
        match refit(graph, id, &node, edge) {
            Some(edge) => edits.push(Edit::Connect { id: Some(edge_id), edge }),
            None => {
                let name = |node: NodeId| graph.node(node).map_or_else(String::new, |node| node.name.clone());
                let (from, to) = (name(edge.source.node), name(edge.destination.node));
                problems.push(format!("{from} -> {to}: the plugin has no such port; connect another one"));
            }
        }
    }
    edits
}

/// The edge with the node's ports as they will be; none if a port is gone.
pub(crate) fn refit(graph: &Graph, id: NodeId, after: &Node, edge: &Edge) -> Option<Edge> {
    let node = |which: NodeId| if which == id { Some(after) } else { graph.node(which) };
    let (source, destination) = (node(edge.source.node)?, node(edge.destination.node)?);
    let (from, to) = (edge.source.port, edge.destination.port);
    let signal = match &edge.signal {
        Signal::Events => {
            source.event_outputs.get(usize::from(from))?;
            destination.event_inputs.get(usize::from(to))?;
            Signal::Events
        }
        Signal::Audio { matrix } => {
            let channels = |port: &AudioPort| port.layout.channels();
            let (sources, destinations) =
                (channels(source.audio_output(from)?), channels(destination.audio_input(to)?));
            let is_cable = *matrix == cable(matrix.sources(), matrix.destinations());
            let matrix = if is_cable { cable(sources, destinations) } else { matrix.resized(sources, destinations) };
            Signal::Audio { matrix }
        }
    };
    Some(Edge { signal, ..edge.clone() })
}
