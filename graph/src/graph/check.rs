//! What a node, an edge and a cell must be like to be let into a graph. Only looks, never changes.

use super::edge::{Edge, MAX_FEEDBACK_FRAMES, Signal};
use super::edit::{EditError, PortKind};
use super::matrix::{Cell, CellBlock};
use super::node::{MAX_LATENCY, Node, NodeKind};
use super::{Graph, MAX_PORTS};
use crate::port::{AudioPort, MAX_PORT_CHANNELS};

/// Checks everything of a node.
pub(super) fn node(node: &Node) -> Result<(), EditError> {
    latency(node, node.latency)?;
    audio_ports(node, PortKind::AudioInput, &node.audio_inputs)?;
    audio_ports(node, PortKind::AudioOutput, &node.audio_outputs)?;
    port_count(node, PortKind::EventInput, node.event_inputs.len())?;
    port_count(node, PortKind::EventOutput, node.event_outputs.len())?;
    kind(node, &node.kind)
}

/// Checks a latency that is to become the node's.
pub(super) fn latency(node: &Node, latency: u32) -> Result<(), EditError> {
    if latency > MAX_LATENCY {
        return Err(EditError::Latency { node: node.name.clone(), latency });
    }
    Ok(())
}

/// Checks a kind that is to become the node's.
pub(super) fn kind(node: &Node, kind: &NodeKind) -> Result<(), EditError> {
    let device_ports = |kind| Err(EditError::DevicePorts { node: node.name.clone(), kind });
    match kind {
        NodeKind::Processor => Ok(()),
        NodeKind::Input { .. } if !node.audio_inputs.is_empty() => device_ports(PortKind::AudioInput),
        NodeKind::Input { device_channels } => mapping(node, &node.audio_outputs, device_channels.len()),
        NodeKind::Output { .. } if !node.audio_outputs.is_empty() => device_ports(PortKind::AudioOutput),
        NodeKind::Output { device_channels, alignment_groups } => {
            mapping(node, &node.audio_inputs, device_channels.len())?;
            mapping(node, &node.audio_inputs, alignment_groups.len())
        }
    }
}

fn mapping(node: &Node, ports: &[AudioPort], entries: usize) -> Result<(), EditError> {
    let channels = ports.iter().map(|port| port.layout.channels() as usize).sum();
    if entries != channels {
        return Err(EditError::Mapping { node: node.name.clone(), channels, entries });
    }
    Ok(())
}

fn audio_ports(node: &Node, kind: PortKind, ports: &[AudioPort]) -> Result<(), EditError> {
    port_count(node, kind, ports.len())?;
    match ports.iter().find(|port| !(1..=MAX_PORT_CHANNELS).contains(&port.layout.channels())) {
        None => Ok(()),
        Some(port) => Err(EditError::Channels {
            node: node.name.clone(),
            port: port.name.clone(),
            channels: port.layout.channels(),
        }),
    }
}

fn port_count(node: &Node, kind: PortKind, count: usize) -> Result<(), EditError> {
    if count > MAX_PORTS {
        return Err(EditError::TooManyPorts { node: node.name.clone(), kind, count });
    }
    Ok(())
}

/// Checks everything of an edge but whether it closes a cycle.
pub(super) fn edge(graph: &Graph, edge: &Edge) -> Result<(), EditError> {
    feedback(edge.feedback)?;
    let source = graph.node(edge.source.node).ok_or(EditError::UnknownNode(edge.source.node))?;
    let destination = graph.node(edge.destination.node).ok_or(EditError::UnknownNode(edge.destination.node))?;
    match &edge.signal {
        Signal::Events => {
            port(source, PortKind::EventOutput, &source.event_outputs, edge.source.port)?;
            port(destination, PortKind::EventInput, &destination.event_inputs, edge.destination.port)?;
            Ok(())
        }
        Signal::Audio { matrix } => {
            let source_port = port(source, PortKind::AudioOutput, &source.audio_outputs, edge.source.port)?;
            let destination_port =
                port(destination, PortKind::AudioInput, &destination.audio_inputs, edge.destination.port)?;
            let (source_channels, destination_channels) =
                (source_port.layout.channels(), destination_port.layout.channels());
            if (matrix.sources(), matrix.destinations()) != (source_channels, destination_channels) {
                return Err(EditError::MatrixSize {
                    sources: matrix.sources(),
                    destinations: matrix.destinations(),
                    source_node: source.name.clone(),
                    source_channels,
                    destination_node: destination.name.clone(),
                    destination_channels,
                });
            }
            matrix.cells().try_for_each(|(source, destination, value)| cell(source, destination, value))
        }
    }
}

fn port<'a, P>(node: &Node, kind: PortKind, ports: &'a [P], port: u16) -> Result<&'a P, EditError> {
    let missing = || EditError::NoSuchPort { node: node.name.clone(), kind, port, count: ports.len() };
    ports.get(usize::from(port)).ok_or_else(missing)
}

/// Checks the delay of a feedback edge.
pub(super) fn feedback(feedback: Option<u32>) -> Result<(), EditError> {
    match feedback {
        Some(frames) if !(1..=MAX_FEEDBACK_FRAMES).contains(&frames) => Err(EditError::Feedback(frames)),
        _ => Ok(()),
    }
}

/// Checks a crosspoint's gain.
pub(super) fn cell(source_channel: u32, destination_channel: u32, cell: Cell) -> Result<(), EditError> {
    if !cell.gain.is_finite() {
        return Err(EditError::Gain { source_channel, destination_channel, gain: cell.gain });
    }
    Ok(())
}

/// Checks the gains of a block. Where it lies is the matrix's to check.
pub(super) fn cells(block: &CellBlock) -> Result<(), EditError> {
    let sources = block.region.sources.max(1);
    block.cells.iter().zip(0_u32..).try_for_each(|(value, offset)| match value {
        Some(value) => cell(
            block.region.source.saturating_add(offset % sources),
            block.region.destination.saturating_add(offset / sources),
            *value,
        ),
        None => Ok(()),
    })
}
