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

use super::flat::{Flat, FlatNode, Kind};
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
}

impl Arrivals {
    /// The latest output of a node, or of its inputs if it has no output.
    pub(super) fn of_node(&self, node: &FlatNode) -> u32 {
        let outputs = self.outputs[node.outputs.range()].iter().max();
        outputs.or(self.inputs[node.inputs.range()].iter().max()).copied().unwrap_or(0)
    }
}

/// Sets the delay of every cell and event edge of `flat`.
pub(super) fn align(flat: &mut Flat, order: &[u32], arrivals: &mut Arrivals) {
    for (list, length) in [
        (&mut arrivals.inputs, flat.input_channels()),
        (&mut arrivals.outputs, flat.output_channels()),
        (&mut arrivals.events_in, flat.nodes.len()),
        (&mut arrivals.events_out, flat.nodes.len()),
    ] {
        list.clear();
        list.resize(length, 0);
    }
    for &index in order {
        let node = flat.nodes[index as usize];
        gather(flat, &node, index, arrivals);
        if node.kind == Kind::Processor {
            pass_through(flat, &node, index, arrivals);
        }
    }
    align_groups(flat, arrivals);
    set_delays(flat, arrivals);
}

/// The latest aligned arrival at each input channel, before the channels of the node wait for each other.
fn gather(flat: &Flat, node: &FlatNode, index: u32, arrivals: &mut Arrivals) {
    for &edge in &flat.incoming[node.incoming.range()] {
        let edge = &flat.edges[edge as usize];
        if edge.feedback.is_some() || !edge.aligned {
            continue;
        }
        if edge.events {
            let arrival = arrivals.events_out[edge.source as usize];
            let events_in = &mut arrivals.events_in[index as usize];
            *events_in = arrival.max(*events_in);
            continue;
        }
        for cell in &flat.cells[edge.cells.range()] {
            let arrival = arrivals.outputs[(edge.source_channel + u32::from(cell.source)) as usize];
            let input = &mut arrivals.inputs[(edge.destination_channel + u32::from(cell.destination)) as usize];
            *input = arrival.max(*input);
        }
    }
}

/// Lines up the inputs of a processor as its alignment asks, and says when its outputs arrive.
fn pass_through(flat: &Flat, node: &FlatNode, index: u32, arrivals: &mut Arrivals) {
    let events = arrivals.events_in[index as usize];
    let raise = |inputs: &mut [u32], channels: Span, least: u32| {
        let channels = &mut inputs[channels.range()];
        let latest = channels.iter().copied().max().unwrap_or(0).max(least);
        channels.fill(latest);
        latest
    };
    let inputs = &mut arrivals.inputs;
    let ports = &flat.input_ports[node.input_ports.range()];
    // The main port and the events belong together: notes must meet the sound that they play on.
    let main = match node.alignment {
        Alignment::Channels => inputs[node.inputs.range()].iter().copied().max().unwrap_or(0).max(events),
        Alignment::Node => raise(inputs, node.inputs, events),
        Alignment::Ports => {
            for &port in ports.iter().skip(1) {
                raise(inputs, port, 0);
            }
            ports.first().map_or(events, |&port| raise(inputs, port, events))
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

fn set_delays(flat: &mut Flat, arrivals: &Arrivals) {
    for edge in &mut flat.edges {
        if let Some(feedback) = edge.feedback {
            edge.delay = feedback;
            flat.cells[edge.cells.range()].iter_mut().for_each(|cell| cell.delay = feedback);
        } else if !edge.aligned {
            edge.delay = 0;
            flat.cells[edge.cells.range()].iter_mut().for_each(|cell| cell.delay = 0);
        } else if edge.events {
            edge.delay = arrivals.events_in[edge.destination as usize] - arrivals.events_out[edge.source as usize];
        } else {
            for cell in &mut flat.cells[edge.cells.range()] {
                let source = arrivals.outputs[(edge.source_channel + u32::from(cell.source)) as usize];
                let destination = arrivals.inputs[(edge.destination_channel + u32::from(cell.destination)) as usize];
                cell.delay = destination - source;
            }
        }
    }
}
