//! How late each output is behind each input: what plugins report, and what compensation adds, by the schedule that plays.
//! Measures nothing.

use super::report::PathLatency;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crosspoint_graph::{EdgeId, NodeId, NodeKind};
use std::collections::BTreeMap;

/// The earliest and the latest arrival, in frames.
type Arrival = (u32, u32);

impl<P: Plugins> Engine<P> {
    /// Every pair of an input and an output that a way leads between; a way through a feedback edge is none.
    pub(super) fn path_latencies(&self) -> Vec<PathLatency> {
        let edges = self.delays();
        let ends = |wanted: fn(&NodeKind) -> bool| {
            self.graph.nodes().filter(move |(_, node)| wanted(&node.kind)).map(|(id, _)| id).collect::<Vec<_>>()
        };
        let outputs = ends(|kind| matches!(kind, NodeKind::Output { .. }));
        let mut paths = Vec::new();
        for input in ends(|kind| matches!(kind, NodeKind::Input { .. })) {
            let arrivals = self.arrivals(input, &edges);
            for output in &outputs {
                if let Some(&(earliest, latest)) = arrivals.get(output) {
                    paths.push(PathLatency { input: self.name(input), output: self.name(*output), earliest, latest });
                }
            }
        }
        paths
    }

    /// The shortest and the longest delay of each edge that does not feed back.
    fn delays(&self) -> Vec<(NodeId, NodeId, Arrival)> {
        let Some(schedule) = self.schedule() else { return Vec::new() };
        let of_events: BTreeMap<EdgeId, u32> = schedule.event_edges.iter().map(|edge| (edge.id, edge.delay)).collect();
        let forward = self.graph.edges().filter(|(_, edge)| edge.feedback.is_none());
        forward
            .map(|(id, edge)| {
                let of_event = of_events.get(&id).copied().unwrap_or(0);
                let delay = schedule.edge_delays(id).unwrap_or((of_event, of_event));
                (edge.source.node, edge.destination.node, delay)
            })
            .collect()
    }

    /// When what enters at an input arrives at each node that it reaches.
    fn arrivals(&self, input: NodeId, edges: &[(NodeId, NodeId, Arrival)]) -> BTreeMap<NodeId, Arrival> {
        let mut arrivals = BTreeMap::from([(input, (0, 0))]);
        // As often as the longest way has edges: no way runs in a circle.
        loop {
            let mut changed = false;
            for (source, destination, delay) in edges {
                let Some(&(earliest, latest)) = arrivals.get(source) else { continue };
                let own = self.graph.node(*source).map_or(0, |node| node.latency);
                let (earliest, latest) = (earliest + own + delay.0, latest + own + delay.1);
                let known = arrivals.entry(*destination).or_insert((u32::MAX, 0));
                let better = (known.0.min(earliest), known.1.max(latest));
                changed |= *known != better;
                *known = better;
            }
            if !changed {
                return arrivals;
            }
        }
    }
}
