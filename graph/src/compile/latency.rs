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

use super::played::Played;
use super::schedule::Span;
use crate::graph::Alignment;
use crate::graph::flat::{Flat, FlatEdge, FlatNode, Kind};
use crate::id::EdgeId;

/// Arrivals in frames behind the rig's inputs.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Of each input channel of the rig; empty, as all others, if nothing is late.
    inputs: Vec<u32>,
    /// Of each output channel of the rig.
    outputs: Vec<u32>,
    /// Of the events that each node takes, then of those it sends.
    events_in: Vec<u32>,
    events_out: Vec<u32>,
    groups: Vec<u32>,
    /// Whether a node's arrivals may be above 0.
    late: Vec<bool>,
}

impl Arrivals {
    fn prepare(&mut self, flat: &Flat, are_any: bool) {
        for (list, length) in [
            (&mut self.inputs, flat.input_channels()),
            (&mut self.outputs, flat.output_channels()),
            (&mut self.events_in, flat.nodes.len()),
            (&mut self.events_out, flat.nodes.len()),
        ] {
            list.clear();
            list.resize(if are_any { length } else { 0 }, 0);
        }
        self.late.clear();
        self.late.resize(if are_any { flat.nodes.len() } else { 0 }, false);
    }

    /// That of an input channel of the rig.
    pub fn of_input(&self, channel: usize) -> u32 {
        self.inputs.get(channel).copied().unwrap_or(0)
    }

    /// The latest output of a node, or of its inputs if it has no output.
    pub fn of_node(&self, index: u32, node: &FlatNode) -> u32 {
        if !self.late.get(index as usize).copied().unwrap_or(false) {
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

/// The delays that follow, in frames.
#[derive(Default)]
pub(super) struct Delays {
    /// Whether something is late or feeds back.
    are_any: bool,
    /// Of each cell and of each edge of events; empty if there are none.
    cells: Vec<u32>,
    events: Vec<u32>,
}

impl Delays {
    /// Whether there may be any.
    pub fn are_any(&self) -> bool {
        self.are_any
    }

    /// That of a cell.
    pub fn of_cell(&self, cell: u32) -> u32 {
        self.cells.get(cell as usize).copied().unwrap_or(0)
    }

    /// Those of all cells; empty if there are none.
    pub fn of_cells(&self) -> &[u32] {
        &self.cells
    }

    /// That of an edge of events.
    pub fn of_events(&self, edge: &FlatEdge) -> u32 {
        self.events.get(edge.id.index()).copied().unwrap_or(0)
    }

    /// None but those of the edges that feed back.
    fn prepare(&mut self, flat: &Flat) {
        self.cells.clear();
        self.events.clear();
        self.are_any = flat.counts.late > 0 || flat.counts.feedback > 0;
        if self.are_any {
            self.cells.resize(flat.cells.len(), 0);
            self.events.extend(flat.edges.iter().map(|edge| edge.delay));
            for edge in flat.edges.iter().filter(|edge| edge.feeds_back()) {
                self.cells[edge.cells.range()].fill(edge.delay);
            }
        }
    }
}

/// Says how late every cell and every edge of events is. Where nothing late arrives there is nothing to do.
pub(super) fn align(flat: &Flat, order: &[u32], arrivals: &mut Arrivals, delays: &mut Delays) {
    delays.prepare(flat);
    arrivals.prepare(flat, delays.are_any());
    if !delays.are_any() {
        return;
    }
    for &index in order {
        let (node, latency) = (&flat.nodes[index as usize], flat.traits[index as usize].latency);
        let is_late = |edge: &FlatEdge| arrivals.late[flat.route(edge).source as usize] && flat.waits(edge);
        let hears_late = flat.entering(node).any(is_late);
        if hears_late {
            gather(flat, index, arrivals);
        }
        if node.kind == Kind::Processor && (hears_late || latency > 0) {
            pass_through(flat, index, arrivals);
            arrivals.late[index as usize] = true;
        }
        if node.kind != Kind::Output && hears_late {
            set_delays(flat, index, arrivals, delays);
        }
    }
    align_groups(flat, arrivals);
    for &index in &flat.outputs {
        arrivals.late[index as usize] = latest(&arrivals.inputs[flat.nodes[index as usize].inputs.range()]) > 0;
        set_delays(flat, index, arrivals, delays);
    }
}

/// Lets edges wait for as long as they did.
pub(super) fn hold(flat: &Flat, played: Played<'_>, held: &[EdgeId], delays: &mut Delays) {
    for edge in held.iter().filter_map(|held| flat.edges.get(held.index()).filter(|edge| edge.id == *held)) {
        if !edge.is_audio() || edge.feeds_back() {
            continue;
        }
        let before = played.in_edge(edge);
        for cell in edge.cells.first..edge.cells.first + edge.cells.count {
            let Some(delay) = before.delay(flat, cell) else { continue };
            if delay != delays.of_cell(cell) {
                delays.are_any = true;
                delays.cells.resize(flat.cells.len(), 0);
                delays.cells[cell as usize] = delay;
            }
        }
    }
}

/// The latest aligned arrival at each input channel, before the channels of the node wait for each other.
fn gather(flat: &Flat, index: u32, arrivals: &mut Arrivals) {
    let node = &flat.nodes[index as usize];
    for edge in flat.entering(node).filter(|edge| flat.waits(edge)) {
        if !edge.is_audio() {
            let arrival = arrivals.events_out[flat.route(edge).source as usize];
            let events_in = &mut arrivals.events_in[index as usize];
            *events_in = arrival.max(*events_in);
            continue;
        }
        flat.each_cell(edge, |_, source, destination| {
            let arrival = arrivals.outputs[source as usize];
            let input = &mut arrivals.inputs[destination as usize];
            *input = arrival.max(*input);
        });
    }
}

/// Lines up the inputs of a processor as its alignment asks, and says when its outputs arrive.
fn pass_through(flat: &Flat, index: u32, arrivals: &mut Arrivals) {
    let (node, traits) = (&flat.nodes[index as usize], &flat.traits[index as usize]);
    let events = arrivals.events_in[index as usize];
    let raise = |inputs: &mut [u32], channels: Span, least: u32| {
        let channels = &mut inputs[channels.range()];
        let latest = latest(channels).max(least);
        channels.fill(latest);
        latest
    };
    let inputs = &mut arrivals.inputs;
    let ports = &flat.ports[traits.input_ports.range()];
    // The main port and the events belong together: notes must meet the sound that they play on.
    let main = match traits.alignment {
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
    arrivals.events_out[index as usize] = main + traits.latency;
    let outputs = &mut arrivals.outputs[node.outputs.range()];
    if traits.alignment == Alignment::Channels {
        let inputs = &inputs[node.inputs.range()];
        for (channel, output) in outputs.iter_mut().enumerate() {
            *output = inputs.get(channel).copied().unwrap_or(main) + traits.latency;
        }
    } else {
        outputs.fill(main + traits.latency);
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
fn set_delays(flat: &Flat, index: u32, arrivals: &Arrivals, delays: &mut Delays) {
    let events_in = arrivals.events_in[index as usize];
    for edge in flat.entering(&flat.nodes[index as usize]).filter(|edge| flat.waits(edge)) {
        if !edge.is_audio() {
            delays.events[edge.id.index()] = events_in - arrivals.events_out[flat.route(edge).source as usize];
        }
        flat.each_cell(edge, |cell, source, destination| {
            delays.cells[cell as usize] = arrivals.inputs[destination as usize] - arrivals.outputs[source as usize];
        });
    }
}
