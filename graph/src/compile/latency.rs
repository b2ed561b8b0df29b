//! Pass 3: latency. How late each channel of each node arrives, and the delay that every cell needs so that channels
//! line up where they are summed or enter the same port.
//!
//! ```text
//!   in ──┬── linear-phase eq (480) ──┐
//!        └── delay 480 ──────────────┴─ sum      in ── out 2: not summed with out 1, so nothing is added
//! ```
//!
//! Hardware outputs wait for each other only within a named alignment group. An edge that is not aligned gets no delay
//! and does not count where it arrives.

use super::flat::{Flat, FlatNode, Incoming, Kind};
use super::schedule::Span;
use crate::graph::Alignment;

/// Arrivals in frames behind the rig's inputs.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Of each input channel of the rig.
    pub inputs: Vec<u32>,
    /// Of each output channel of the rig.
    pub outputs: Vec<u32>,
    /// Of the events that each node takes, then of those it sends.
    events_in: Vec<u32>,
    events_out: Vec<u32>,
    groups: Vec<u32>,
    /// Whether a node's arrivals may be above 0.
    late: Vec<bool>,
}

impl Arrivals {
    fn prepare(&mut self, flat: &Flat) {
        for (list, length) in [
            (&mut self.inputs, flat.input_channels()),
            (&mut self.outputs, flat.output_channels()),
            (&mut self.events_in, flat.nodes.len()),
            (&mut self.events_out, flat.nodes.len()),
        ] {
            list.clear();
            list.resize(length, 0);
        }
        self.late.clear();
        self.late.resize(flat.nodes.len(), false);
    }

    /// The latest output of a node, or of its inputs if it has no output.
    pub(super) fn of_node(&self, index: u32, node: &FlatNode) -> u32 {
        if !self.late[index as usize] {
            return 0;
        }
        latest(if node.outputs.count > 0 {
            &self.outputs[node.outputs.range()]
        } else {
            &self.inputs[node.inputs.range()]
        })
    }
}

fn latest(arrivals: &[u32]) -> u32 {
    arrivals.iter().copied().fold(0, u32::max)
}

/// Sets the delay of every cell and event edge of `flat`. Where nothing late arrives there is nothing to do.
pub(super) fn align(flat: &mut Flat, order: &[u32], arrivals: &mut Arrivals) {
    arrivals.prepare(flat);
    if !flat.has_delays {
        return;
    }
    for &index in order {
        let FlatNode { incoming, kind, latency, .. } = flat.nodes[index as usize];
        let is_late = |edge: &Incoming| edge.waits && arrivals.late[edge.source as usize];
        let hears_late = flat.incoming[incoming.range()].iter().any(is_late);
        if hears_late {
            gather(flat, index, arrivals);
        }
        if kind == Kind::Processor && (hears_late || latency > 0) {
            pass_through(flat, index, arrivals);
            arrivals.late[index as usize] = true;
        }
        if kind != Kind::Output && hears_late {
            set_delays(flat, index, arrivals);
        }
    }
    align_groups(flat, arrivals);
    for index in 0..flat.nodes.len() as u32 {
        let node = &flat.nodes[index as usize];
        if node.kind == Kind::Output {
            arrivals.late[index as usize] = latest(&arrivals.inputs[node.inputs.range()]) > 0;
            set_delays(flat, index, arrivals);
        }
    }
}

/// The latest aligned arrival at each input channel, before the channels of the node wait for each other.
fn gather(flat: &Flat, index: u32, arrivals: &mut Arrivals) {
    let node = &flat.nodes[index as usize];
    for incoming in flat.incoming[node.incoming.range()].iter().filter(|edge| edge.waits) {
        let edge = &flat.edges[incoming.edge as usize];
        if edge.events {
            let arrival = arrivals.events_out[edge.source as usize];
            let events_in = &mut arrivals.events_in[index as usize];
            *events_in = arrival.max(*events_in);
            continue;
        }
        for cell in &flat.cells[edge.cells.range()] {
            let arrival = arrivals.outputs[cell.source as usize];
            let input = &mut arrivals.inputs[cell.destination as usize];
            *input = arrival.max(*input);
        }
    }
}

/// Lines up the inputs of a processor as its alignment asks, and says when its outputs arrive.
fn pass_through(flat: &Flat, index: u32, arrivals: &mut Arrivals) {
    let node = &flat.nodes[index as usize];
    let events = arrivals.events_in[index as usize];
    let raise = |inputs: &mut [u32], channels: Span, least: u32| {
        let channels = &mut inputs[channels.range()];
        let latest = latest(channels).max(least);
        channels.fill(latest);
        latest
    };
    let inputs = &mut arrivals.inputs;
    let ports = &flat.ports[node.input_ports.range()];
    // The main port and the events belong together: notes must meet the sound that they play on.
    let main = match node.alignment {
        Alignment::Channels => latest(&inputs[node.inputs.range()]).max(events),
        Alignment::Node => raise(inputs, node.inputs, events),
        Alignment::Ports => {
            for &port in ports.iter().skip(1) {
                raise(&mut inputs[node.inputs.range()], port, 0);
            }
            ports.first().map_or(events, |&port| raise(&mut inputs[node.inputs.range()], port, events))
        }
    };
    arrivals.events_in[index as usize] = main;
    arrivals.events_out[index as usize] = main + node.latency;
    let outputs = &mut arrivals.outputs[node.outputs.range()];
    if node.alignment == Alignment::Channels {
        let inputs = &inputs[node.inputs.range()];
        for (channel, output) in outputs.iter_mut().enumerate() {
            *output = inputs.get(channel).copied().unwrap_or(main) + node.latency;
        }
    } else {
        outputs.fill(main + node.latency);
    }
}

fn align_groups(flat: &Flat, arrivals: &mut Arrivals) {
    arrivals.groups.clear();
    let Arrivals { inputs, groups, .. } = arrivals;
    for (&(_, group), &arrival) in flat.device_outputs.iter().zip(inputs.iter()) {
        if let Some(group) = group {
            let group = usize::from(group);
            if groups.len() <= group {
                groups.resize(group + 1, 0);
            }
            groups[group] = groups[group].max(arrival);
        }
    }
    for (&(_, group), arrival) in flat.device_outputs.iter().zip(inputs.iter_mut()) {
        if let Some(group) = group {
            *arrival = groups[usize::from(group)];
        }
    }
}

/// Sets the delays of the edges into a node. Those of feedback edges are known, those of edges that are not aligned 0.
fn set_delays(flat: &mut Flat, index: u32, arrivals: &Arrivals) {
    let events_in = arrivals.events_in[index as usize];
    let incoming = flat.nodes[index as usize].incoming;
    for incoming in flat.incoming[incoming.range()].iter().filter(|edge| edge.waits) {
        let edge = &mut flat.edges[incoming.edge as usize];
        if edge.events {
            edge.delay = events_in - arrivals.events_out[edge.source as usize];
        }
        for cell in &mut flat.cells[edge.cells.range()] {
            cell.delay = arrivals.inputs[cell.destination as usize] - arrivals.outputs[cell.source as usize];
        }
    }
}
