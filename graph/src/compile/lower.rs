//! Pass 4: flat ops. Goes through the nodes in their order, says what each op writes and reads, and has `buffers` give
//! it slots. Here are the nodes and the tables; what enters a channel is in the submodules.

mod dense;
mod past;
mod sum;

use super::buffers::{Slots, of_channel};
use super::flat::{Flat, FlatCell, FlatNode, Incoming, Kind};
use super::latency::Arrivals;
use super::schedule::{
    ELIDED, EventEdge, Op, SILENT_SLOT, Schedule, ScheduledCell, ScheduledEdge, ScheduledInput, ScheduledNode,
    ScheduledOutput, Span,
};

const NONE: u32 = u32::MAX;

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    slots: Slots,
    past: past::Past,
    /// Index in the schedule of each node.
    places: Vec<u32>,
    /// Values of the input channels of the node at hand.
    inputs: Vec<u32>,
    /// Edges into the port at hand.
    entering: Vec<Incoming>,
    /// Device channels written so far.
    written: Vec<bool>,
    /// Of each edge whether it is multiplied as a whole; empty if none is dense.
    multiplied: Vec<bool>,
    /// How many cells lead to each input channel of an output node, and the last of them.
    fed: Vec<(u32, u32)>,
    matrix_values: Vec<u32>,
    ops: Vec<Op>,
}

/// Fills `schedule`. `adjustable` says, by index of an edge's id, that the gains of the edge are about to change, so that
/// nothing of it may be elided.
pub(super) fn lower(
    flat: &Flat,
    order: &[u32],
    arrivals: &Arrivals,
    adjustable: &[bool],
    scratch: &mut Scratch,
    schedule: &mut Schedule,
) {
    prepare_tables(flat, order, schedule);
    let mut lowering = Lowering { flat, adjustable, scratch, schedule, has_past: flat.has_delays || flat.had_delays };
    lowering.prepare(order);
    for &index in order {
        lowering.node(index, arrivals);
    }
    schedule.ops = scratch.ops.as_slice().into();
    schedule.slots = scratch.slots.count();
}

/// Empties the tables and writes those that follow from the graph alone.
fn prepare_tables(flat: &Flat, order: &[u32], schedule: &mut Schedule) {
    *schedule = Schedule::default();
    schedule.nodes.reserve(order.len());
    schedule.node_slots.reserve(flat.input_channels() + flat.output_channels());
    schedule.ports.extend(&flat.ports);
    schedule.terms.reserve(flat.cells.len());
    schedule.rows.reserve(flat.cells.len());
    schedule.mixes.reserve(flat.input_channels());
    schedule.edges.reserve(flat.edges.len());
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
    /// Whether any cell reads later than its source is written.
    has_past: bool,
}

impl<'a> Lowering<'a> {
    /// Counts how often each output channel, or each tap of its past, will be read, and gives the nodes their places.
    fn prepare(&mut self, order: &[u32]) {
        let flat = self.flat;
        let Scratch { slots, places, written, ops, .. } = &mut *self.scratch;
        ops.clear();
        written.clear();
        slots.reset(flat.output_channels());
        places.clear();
        places.resize(flat.nodes.len(), NONE);
        let mut place = 0;
        for &index in order {
            let node = &flat.nodes[index as usize];
            if node.kind == Kind::Processor || node.takes_events || node.sends_events {
                places[index as usize] = place;
                place += 1;
            }
            if node.kind == Kind::Input {
                let unmapped = |channel: &u32| flat.device_inputs[*channel as usize].is_none();
                let channels = node.outputs.first..node.outputs.first + node.outputs.count;
                channels.filter(unmapped).for_each(|channel| slots.silence(of_channel(channel)));
            }
        }
        if self.has_past {
            self.plan_past();
        }
        self.count_reads();
        for &index in order {
            if flat.nodes[index as usize].kind == Kind::Output {
                self.forget_unheard(&flat.nodes[index as usize]);
            }
        }
    }

    fn count_reads(&mut self) {
        let flat = self.flat;
        self.find_multiplied();
        if !self.has_past && !flat.has_dense {
            flat.cells.iter().for_each(|cell| self.scratch.slots.expect(of_channel(cell.source)));
            return;
        }
        for (index, edge) in flat.edges.iter().enumerate() {
            let cells = &flat.cells[edge.cells.range()];
            // A multiplication reads each source once, not once for each of its cells.
            let is_multiplied = self.scratch.multiplied.get(index).is_some_and(|&multiplied| multiplied);
            let count = if is_multiplied { dense::heads(cells) } else { cells.len() };
            for (cell, flat_cell) in (edge.cells.first..).zip(&cells[..count]) {
                let value = self.read_by(cell, flat_cell.source);
                self.scratch.slots.expect(value);
            }
        }
    }

    /// An output channel that shows nowhere does not read what it would hear without a sum.
    fn forget_unheard(&mut self, node: &FlatNode) {
        let flat = self.flat;
        let devices = &flat.device_outputs[node.inputs.range()];
        if devices.iter().all(|(device, _)| device.is_some()) {
            return;
        }
        let mut fed = std::mem::take(&mut self.scratch.fed);
        fed.clear();
        fed.resize(devices.len(), (0, 0));
        for edge in flat.incoming[node.incoming.range()].iter().filter(|edge| !edge.events) {
            for cell in flat.edges[edge.edge as usize].cells.range() {
                let fed = &mut fed[(flat.cells[cell].destination - node.inputs.first) as usize];
                *fed = (fed.0 + 1, cell as u32);
            }
        }
        for (&(count, cell), (device, _)) in fed.iter().zip(devices) {
            if device.is_some() || count != 1 {
                continue;
            }
            let FlatCell { source, edge, .. } = flat.cells[cell as usize];
            if self.may_elide(cell) && !self.has_multiplied(node, flat.edges[edge as usize].destination_port) {
                let value = self.read_by(cell, source);
                self.scratch.slots.forget(value);
            }
        }
        self.scratch.fed = fed;
    }

    fn node(&mut self, index: u32, arrivals: &Arrivals) {
        let flat = self.flat;
        let node = &flat.nodes[index as usize];
        self.scratch.inputs.clear();
        if node.straight {
            self.straight_ports(node);
        } else if node.dense {
            for (port, &channels) in flat.ports[node.input_ports.range()].iter().enumerate() {
                let channels = Span { first: node.inputs.first + channels.first, ..channels };
                self.port(node, port as u16, channels);
            }
        } else {
            self.channels(node, node.inputs);
        }
        match node.kind {
            Kind::Input => self.input(node),
            Kind::Output => self.output(node, arrivals),
            Kind::Processor => {}
        }
        let place = self.scratch.places[index as usize];
        if place != NONE {
            self.schedule_node(index, node, arrivals);
            debug_assert_eq!(place as usize + 1, self.schedule.nodes.len());
        }
        if self.has_past {
            self.keep_past(node);
        }
    }

    fn input(&mut self, node: &FlatNode) {
        for (place, channel) in (0..).zip(node.outputs.range()) {
            let Some(device) = self.flat.device_inputs[channel] else { continue };
            let value = of_channel(channel as u32);
            if self.scratch.slots.is_read(value) {
                let slot = self.scratch.slots.write(value);
                self.scratch.ops.push(Op::Input { channel: device, slot });
                self.schedule.inputs.push(ScheduledInput { device_channel: device, node: node.id, channel: place });
            }
        }
    }

    fn output(&mut self, node: &FlatNode, arrivals: &Arrivals) {
        for (place, channel) in node.inputs.range().enumerate() {
            let Some(device) = self.flat.device_outputs[channel].0 else { continue };
            let value = self.scratch.inputs[place];
            let slot = self.scratch.slots.slot(value);
            if slot == SILENT_SLOT {
                continue;
            }
            self.scratch.slots.read(value);
            let written = &mut self.scratch.written;
            if written.len() <= device as usize {
                written.resize(device as usize + 1, false);
            }
            let accumulate = std::mem::replace(&mut written[device as usize], true);
            self.scratch.ops.push(Op::Output { channel: device, slot, accumulate });
            self.schedule.outputs.push(ScheduledOutput {
                device_channel: device,
                node: node.id,
                channel: place as u32,
                latency: arrivals.inputs[channel],
            });
        }
    }

    fn schedule_node(&mut self, index: u32, node: &FlatNode, arrivals: &Arrivals) {
        let place = self.schedule.nodes.len() as u32;
        let events = if node.takes_events { self.event_edges(node) } else { Span::default() };
        if events.count > 0 {
            self.scratch.ops.push(Op::Merge { node: place });
        }
        let hosted = node.kind == Kind::Processor;
        let [mut inputs, mut outputs, mut input_ports, mut output_ports] = [Span::default(); 4];
        if hosted {
            self.scratch.ops.push(Op::Process { node: place });
            inputs = Span { first: self.schedule.node_slots.len() as u32, count: node.inputs.count };
            outputs = Span { first: inputs.first + inputs.count, count: node.outputs.count };
            self.process(node);
            (input_ports, output_ports) = (node.input_ports, node.output_ports);
        }
        self.schedule.nodes.push(ScheduledNode {
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
    }

    /// Slots for what a node reads and writes.
    fn process(&mut self, node: &FlatNode) {
        let Scratch { slots, inputs, .. } = &mut *self.scratch;
        let first = of_channel(node.outputs.first);
        if node.in_place {
            let ports = |ports: Span| &self.flat.ports[ports.range()];
            for (from, to) in ports(node.input_ports).iter().zip(ports(node.output_ports)) {
                let outputs = first + to.first..first + to.first + to.count;
                inputs[from.range()].iter().zip(outputs).for_each(|(&input, output)| slots.share(input, output));
            }
        }
        let node_slots = &mut self.schedule.node_slots;
        node_slots.extend(inputs.iter().map(|&input| slots.slot(input)));
        node_slots.extend((first..first + node.outputs.count).map(|output| slots.write(output)));
        inputs.iter().rev().for_each(|&input| _ = slots.read(input));
        slots.drop_unread(first..first + node.outputs.count);
    }

    fn event_edges(&mut self, node: &FlatNode) -> Span {
        let flat = self.flat;
        let first = self.schedule.event_edges.len();
        let edges = flat.incoming[node.incoming.range()].iter().filter(|incoming| incoming.events);
        self.schedule.event_edges.extend(edges.map(|incoming| &flat.edges[incoming.edge as usize]).map(|edge| {
            EventEdge {
                id: edge.id,
                source: self.scratch.places[edge.source as usize],
                source_port: edge.source_port,
                destination_port: edge.destination_port,
                delay: edge.delay,
                feedback: edge.feedback,
            }
        }));
        Span::new(first, self.schedule.event_edges.len())
    }
}
