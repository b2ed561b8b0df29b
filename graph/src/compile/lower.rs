//! Pass 4: flat ops. Works on values, one for each thing that is computed; the next pass puts the values into slots.
//! Here are the nodes and the tables; what enters a channel is in the submodules.

mod dense;
mod past;
mod sum;

use super::flat::{Flat, FlatNode, Kind};
use super::latency::Arrivals;
use super::schedule::{
    ELIDED, EventEdge, Op, SILENT_SLOT, Schedule, ScheduledCell, ScheduledEdge, ScheduledInput, ScheduledNode,
    ScheduledOutput, Span,
};

const NONE: u32 = u32::MAX;

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    /// Value of each output channel of the rig.
    outputs: Vec<u32>,
    /// What reads each output channel.
    uses: Vec<Use>,
    past: past::Scratch,
    /// Index in the schedule of each node.
    places: Vec<u32>,
    /// Values of the input channels of the node at hand.
    inputs: Vec<u32>,
    /// Device channels written so far.
    written: Vec<bool>,
    matrix_values: Vec<u32>,
}

/// What reads an output channel: whether anything does, and the longest delay of the cells that do.
#[derive(Clone, Copy, Default)]
struct Use {
    used: bool,
    feedback: bool,
    longest: u32,
}

/// Fills the tables and the ops of `schedule`; returns how many values there are. `adjustable` says, by index of an
/// edge's id, that the gains of the edge are about to change, so that nothing of it may be elided.
pub(super) fn lower(
    flat: &Flat,
    order: &[u32],
    arrivals: &Arrivals,
    adjustable: &[bool],
    scratch: &mut Scratch,
    schedule: &mut Schedule,
) -> u32 {
    scratch.prepare(flat, order);
    prepare_tables(flat, order, schedule);
    let mut ops = Vec::with_capacity(order.len() * 4 + flat.cells.len() / 2);
    let mut lowering = Lowering { flat, adjustable, scratch, schedule, ops: &mut ops, values: SILENT_SLOT + 1 };
    for &index in order {
        lowering.node(index, arrivals);
    }
    let values = lowering.values;
    schedule.ops = ops.into_boxed_slice();
    values
}

impl Scratch {
    fn prepare(&mut self, flat: &Flat, order: &[u32]) {
        let channels = flat.output_channels();
        self.outputs.clear();
        self.outputs.resize(channels, SILENT_SLOT);
        self.past.prepare(channels);
        self.written.clear();
        self.uses.clear();
        self.uses.resize(channels, Use::default());
        for cell in &flat.cells {
            let wanted = &mut self.uses[cell.source as usize];
            wanted.used = true;
            if cell.delay > 0 {
                wanted.longest = wanted.longest.max(cell.delay);
                wanted.feedback |= flat.edges[cell.edge as usize].feedback;
            }
        }
        for (cell, previous) in flat.cells.iter().zip(&flat.previous) {
            let wanted = &mut self.uses[cell.source as usize];
            wanted.longest = wanted.longest.max(previous.map_or(0, |old| old.delay));
        }
        self.places.clear();
        self.places.resize(flat.nodes.len(), NONE);
        let mut place = 0;
        for &index in order {
            let node = &flat.nodes[index as usize];
            if node.kind == Kind::Processor || node.takes_events || node.sends_events {
                self.places[index as usize] = place;
                place += 1;
            }
        }
    }
}

/// Empties the tables and writes those that follow from the graph alone.
fn prepare_tables(flat: &Flat, order: &[u32], schedule: &mut Schedule) {
    *schedule = Schedule::default();
    schedule.nodes.reserve(order.len());
    schedule.node_slots.reserve(flat.input_channels() + flat.output_channels());
    schedule.ports.reserve(flat.ports.len());
    schedule.terms.reserve(flat.cells.len());
    schedule.rows.reserve(flat.cells.len());
    schedule.mixes.reserve(flat.input_channels());
    schedule.edges.reserve(flat.edges.len());
    schedule.cells.reserve(flat.cells.len());
    schedule.cells.extend(flat.cells.iter().map(|cell| {
        let edge = &flat.edges[cell.edge as usize];
        ScheduledCell {
            source: (cell.source - edge.source_channel) as u16,
            destination: (cell.destination - edge.destination_channel) as u16,
            term: ELIDED,
            mix: NONE,
            gain: cell.gain,
            delay: cell.delay,
        }
    }));
    schedule.edges.extend(flat.edges.iter().filter(|edge| !edge.events).map(|edge| ScheduledEdge {
        id: edge.id,
        cells: edge.cells,
        matrix: None,
        feedback: edge.feedback.then_some(edge.delay),
    }));
}

struct Lowering<'a> {
    flat: &'a Flat,
    adjustable: &'a [bool],
    scratch: &'a mut Scratch,
    schedule: &'a mut Schedule,
    ops: &'a mut Vec<Op>,
    values: u32,
}

impl Lowering<'_> {
    fn value(&mut self) -> u32 {
        self.values += 1;
        self.values - 1
    }

    fn node(&mut self, index: u32, arrivals: &Arrivals) {
        let flat = self.flat;
        let node = &flat.nodes[index as usize];
        self.scratch.inputs.clear();
        if node.dense {
            for (port, &channels) in flat.ports[node.input_ports.range()].iter().enumerate() {
                let channels = Span { first: node.inputs.first + channels.first, ..channels };
                self.port(node, port as u16, channels);
            }
        } else {
            self.channels(node.inputs);
        }
        match node.kind {
            Kind::Input => self.input(node),
            Kind::Output => self.output(node, arrivals),
            Kind::Processor => {}
        }
        if self.scratch.places[index as usize] != NONE {
            self.schedule_node(index, node, arrivals);
        }
        self.keep_past(node);
    }

    fn input(&mut self, node: &FlatNode) {
        for (place, channel) in node.outputs.range().enumerate() {
            let Some(device) = self.flat.device_inputs[channel] else { continue };
            if self.scratch.uses[channel].used {
                let value = self.value();
                self.scratch.outputs[channel] = value;
                self.ops.push(Op::Input { channel: device, slot: value });
                self.schedule.inputs.push(ScheduledInput {
                    device_channel: device,
                    node: node.id,
                    channel: place as u32,
                });
            }
        }
    }

    fn output(&mut self, node: &FlatNode, arrivals: &Arrivals) {
        for (place, channel) in node.inputs.range().enumerate() {
            let Some(device) = self.flat.device_outputs[channel].0 else { continue };
            let value = self.scratch.inputs[place];
            if value == SILENT_SLOT {
                continue;
            }
            let written = &mut self.scratch.written;
            if written.len() <= device as usize {
                written.resize(device as usize + 1, false);
            }
            let accumulate = std::mem::replace(&mut written[device as usize], true);
            self.ops.push(Op::Output { channel: device, slot: value, accumulate });
            self.schedule.outputs.push(ScheduledOutput {
                device_channel: device,
                node: node.id,
                channel: place as u32,
                latency: arrivals.inputs[channel],
            });
        }
    }

    fn schedule_node(&mut self, index: u32, node: &FlatNode, arrivals: &Arrivals) {
        let schedule = &mut *self.schedule;
        let hosted = node.kind == Kind::Processor;
        let [mut inputs, mut outputs, mut input_ports, mut output_ports] = [Span::default(); 4];
        if hosted {
            inputs = Span { first: schedule.node_slots.len() as u32, count: node.inputs.count };
            outputs = Span { first: inputs.first + inputs.count, count: node.outputs.count };
            schedule.node_slots.extend_from_slice(&self.scratch.inputs);
            for output in &mut self.scratch.outputs[node.outputs.range()] {
                *output = self.values;
                schedule.node_slots.push(self.values);
                self.values += 1;
            }
            input_ports = Span { first: schedule.ports.len() as u32, ..node.input_ports };
            output_ports = Span { first: input_ports.first + input_ports.count, ..node.output_ports };
            schedule
                .ports
                .extend_from_slice(&self.flat.ports[node.input_ports.range().start..node.output_ports.range().end]);
        }
        let first_event = schedule.event_edges.len();
        if node.takes_events {
            let edges = self.flat.incoming[node.incoming.range()]
                .iter()
                .map(|incoming| &self.flat.edges[incoming.edge as usize]);
            schedule.event_edges.extend(edges.filter(|edge| edge.events).map(|edge| EventEdge {
                id: edge.id,
                source: self.scratch.places[edge.source as usize],
                source_port: edge.source_port,
                destination_port: edge.destination_port,
                delay: edge.delay,
                feedback: edge.feedback,
            }));
        }
        let place = schedule.nodes.len() as u32;
        let events = Span::new(first_event, schedule.event_edges.len());
        schedule.nodes.push(ScheduledNode {
            id: node.id,
            inputs,
            outputs,
            input_ports,
            output_ports,
            events,
            sends_events: node.sends_events,
            latency: node.latency,
            arrival: arrivals.of_node(index, node),
            bypassable: node.bypassable,
            in_place: node.in_place,
            hosted,
        });
        debug_assert_eq!(place, self.scratch.places[index as usize]);
        if events.count > 0 {
            self.ops.push(Op::Merge { node: place });
        }
        if hosted {
            self.ops.push(Op::Process { node: place });
        }
    }
}
