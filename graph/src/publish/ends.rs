//! Which channels of the device the rig's inputs and outputs stood for, and what follows when they stand for others.
//! Inputs fade from the channel that they were. What leads to an output that is exchanged fades out on the old channel and
//! in on the new one.

use crate::compile::Schedule;
use crate::graph::{Graph, Node, NodeKind};
use crate::id::NodeId;
use crate::port::AudioPort;
use crate::rt::Crosspoint;
use std::collections::{HashMap, HashSet};

/// The device's channels of each input and output node, as they were sent last.
#[derive(Default)]
pub(super) struct Ends(HashMap<NodeId, Vec<Option<u32>>>);

/// Crosspoints that play on and lead to or from another channel of the device.
#[derive(Default)]
pub(super) struct Exchanged {
    /// Those that must be silent before.
    pub fading: Vec<Crosspoint>,
    /// Those that begin at silence.
    pub beginning: HashSet<Crosspoint>,
}

impl Ends {
    /// Those of a graph.
    pub fn of(graph: &Graph) -> Self {
        Self(graph.nodes().filter_map(|(id, node)| Some((id, device_channels(node)?.to_vec()))).collect())
    }

    fn channel(&self, node: NodeId, channel: usize) -> Option<Option<u32>> {
        self.0.get(&node)?.get(channel).copied()
    }

    /// What changes for the crosspoints that play and are in the graph still.
    pub fn exchanged(&self, graph: &Graph, playing: &Schedule) -> Exchanged {
        let mut exchanged = Exchanged::default();
        let is_same = |(id, node): (NodeId, &Node)| match (self.0.get(&id), device_channels(node)) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        };
        if graph.nodes().all(is_same) {
            return exchanged;
        }
        for scheduled in playing.flat.audio_edges() {
            let Some(edge) = graph.edge(scheduled.id) else { continue };
            let (Some(source), Some(destination)) = (graph.node(edge.source.node), graph.node(edge.destination.node))
            else {
                continue;
            };
            for cell in &playing.flat.cells[scheduled.cells.range()] {
                let crosspoint = Crosspoint { edge: scheduled.id, source: cell.source, destination: cell.destination };
                let input = first_channel(&source.audio_outputs, edge.source.port) + usize::from(cell.source);
                let output =
                    first_channel(&destination.audio_inputs, edge.destination.port) + usize::from(cell.destination);
                let was_read = self.channel(edge.source.node, input).flatten().is_some();
                let is_read = device_channels(source).is_none_or(|now| now.get(input).copied().flatten().is_some());
                let before = self.channel(edge.destination.node, output);
                let now = device_channels(destination).and_then(|now| now.get(output).copied());
                let is_moved = before.is_some() && now.is_some() && before != now;
                if was_read && !is_read || is_moved && before.flatten().is_some() {
                    exchanged.fading.push(crosspoint);
                }
                if is_moved && now.flatten().is_some() {
                    exchanged.beginning.insert(crosspoint);
                }
            }
        }
        exchanged
    }

    /// The inputs of a schedule that fade from what they were, or go on to do so: each with its place in the schedule
    /// before, if it was mapped there.
    pub fn inputs(&self, schedule: &Schedule, previous: Option<&Schedule>) -> Box<[(u32, Option<u32>)]> {
        let Some(previous) = previous else { return Box::default() };
        let places: HashMap<(NodeId, u32), u32> =
            (0..).zip(&previous.inputs).map(|(place, input)| ((input.node, input.channel), place)).collect();
        let carried = (0..).zip(&schedule.inputs).filter_map(|(to, input)| {
            let from = places.get(&(input.node, input.channel)).copied();
            let was_unmapped = self.channel(input.node, input.channel as usize) == Some(None);
            (from.is_some() || was_unmapped).then_some((to, from))
        });
        carried.collect()
    }
}

fn device_channels(node: &Node) -> Option<&[Option<u32>]> {
    match &node.kind {
        NodeKind::Input { device_channels } | NodeKind::Output { device_channels, .. } => Some(device_channels),
        NodeKind::Processor => None,
    }
}

/// The first channel of a port, counted over all ports of its side.
fn first_channel(ports: &[AudioPort], port: u16) -> usize {
    ports.iter().take(usize::from(port)).map(|port| port.layout.channels() as usize).sum()
}
