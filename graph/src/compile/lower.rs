//! Pass 4: flat ops. Goes through the nodes in their order, says what each op writes and reads, and has `buffers` give
//! it slots. Here are the nodes and the tables; what enters a channel is in the submodules.

mod dense;
mod feeders;
mod past;
mod sum;

use super::Plan;
use super::buffers::{Slots, of_channel};
use super::schedule::{EventEdge, Op, SILENT_SLOT, Schedule, ScheduledInput, ScheduledNode, ScheduledOutput, Span};
use crate::graph::flat::{Flat, FlatNode, Form, Kind};
use feeders::Feeders;
use sum::Reading;

const NONE: u32 = u32::MAX;

/// So many nodes ahead the graph is looked at, so that it is at hand when their turn comes: they lie anywhere in memory.
const AHEAD: usize = 4;

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    slots: Slots,
    past: past::Past,
    /// Index in the schedule of each node.
    places: Vec<u32>,
    /// The edges into the port at hand, by what their first cells read, and the cells by channel if they are crossed.
    entering: Vec<Reading>,
    feeders: Feeders,
    /// Values of the input channels of the node at hand.
    inputs: Vec<u32>,
    /// Device channels written so far.
    written: Vec<bool>,
    /// Of each edge whether it is multiplied as a whole; empty if none is dense.
    multiplied: Vec<bool>,
    /// How many cells lead to each input channel of an output node, and the last of them.
    fed: Vec<(u32, u32)>,
    matrix_values: Vec<u32>,
}

/// Makes a schedule.
pub(super) fn lower(plan: Plan<'_>, scratch: &mut Scratch) -> Schedule {
    let has_past = plan.delays.are_any() || plan.played.had_delays();
    let mut lowering = Lowering { plan, scratch, schedule: tables(plan, has_past), ops: Vec::new(), has_past };
    lowering.prepare();
    let Schedule { taps, lines, mixes, .. } = &lowering.schedule;
    lowering.ops.reserve(plan.order.len() + mixes.capacity() + taps.len() + lines.len());
    plan.flat.bring_edges_near();
    let mut entering = std::mem::take(&mut lowering.scratch.entering);
    for (place, &index) in plan.order.iter().enumerate() {
        if let Some(&ahead) = plan.order.get(place + AHEAD) {
            plan.flat.bring_node_near(ahead);
        }
        lowering.node(index, &mut entering);
    }
    let Lowering { mut schedule, ops, .. } = lowering;
    scratch.entering = entering;
    schedule.ops = ops.into_boxed_slice();
    schedule.slots = scratch.slots.count();
    schedule
}

/// A schedule without ops, with the tables that follow from the graph alone, and room in the others for what most rigs
/// need: a mix for each node, with a term for each edge; a mix for each channel, with a term for each cell, if those may
/// hear the past.
fn tables(plan: Plan<'_>, has_past: bool) -> Schedule {
    let flat = plan.flat;
    let (mixes, terms) =
        if has_past { (flat.input_channels(), flat.cells.len()) } else { (flat.node_count(), flat.edges.len()) };
    Schedule {
        flat: flat.clone(),
        nodes: Vec::with_capacity(flat.node_count()),
        node_slots: Vec::with_capacity(flat.input_channels() + flat.output_channels()),
        mixes: Vec::with_capacity(mixes),
        mix_slots: Vec::with_capacity(flat.cells.len() + flat.input_channels()),
        terms: Vec::with_capacity(terms),
        lines: Vec::with_capacity(if has_past { flat.output_channels() } else { 0 }),
        taps: Vec::with_capacity(if has_past { flat.cells.len() } else { 0 }),
        elided: vec![false; flat.cells.len()],
        delays: plan.delays.of_cells().to_vec(),
        ..Schedule::default()
    }
}

struct Lowering<'a> {
    plan: Plan<'a>,
    scratch: &'a mut Scratch,
    schedule: Schedule,
    ops: Vec<Op>,
    /// Whether any cell reads later than its source is written.
    has_past: bool,
}

impl Lowering<'_> {
    /// Says how often each output channel, or each tap of its past, will be read, and where the nodes will stand that send
    /// events.
    fn prepare(&mut self) {
        let flat = self.plan.flat;
        self.scratch.written.clear();
        self.find_multiplied();
        if self.has_past || flat.counts.dense > 0 {
            self.scratch.slots.reset(flat.readers.iter().map(|_| 0));
        } else {
            // Each cell reads its source.
            self.scratch.slots.reset(flat.readers.iter().copied());
        }
        if self.has_past {
            self.prepare_past();
        }
        if self.has_past || flat.counts.dense > 0 {
            self.count_reads();
        }
        if flat.counts.events > 0 {
            self.find_places();
        }
        flat.output_nodes().for_each(|node| self.forget_unheard(node));
    }

    fn find_places(&mut self) {
        let Plan { flat, order, .. } = self.plan;
        let places = &mut self.scratch.places;
        places.clear();
        places.resize(flat.nodes.len(), NONE);
        let scheduled = order.iter().filter(|&&index| is_scheduled(flat, &flat.nodes[index as usize]));
        (0..).zip(scheduled).for_each(|(place, &index)| places[index as usize] = place);
    }

    /// Counts how often each value will be read, and plans what is read of the past.
    fn count_reads(&mut self) {
        let Plan { flat, played, .. } = self.plan;
        for edge in flat.audio_edges() {
            let before = played.in_edge(edge);
            let cells = edge.cells.range();
            // A multiplication reads each source once, not once for each of its cells.
            let count =
                if self.is_multiplied(edge) { dense::heads(&flat.cells[cells]) as u32 } else { edge.cells.count };
            flat.each_cell(edge, |cell, source, _| {
                let value =
                    if self.has_past { self.plan_reading(edge, &before, cell, source) } else { of_channel(source) };
                if cell - edge.cells.first < count {
                    self.scratch.slots.expect(value);
                }
            });
        }
    }

    /// An output channel that shows nowhere does not read what it would hear without a sum.
    fn forget_unheard(&mut self, node: &FlatNode) {
        let flat = self.plan.flat;
        let devices = &flat.device_outputs[node.inputs.range()];
        if devices.iter().all(|(device, _)| device.is_some()) {
            return;
        }
        let mut fed = std::mem::take(&mut self.scratch.fed);
        fed.clear();
        fed.resize(devices.len(), (0, 0));
        for edge in flat.entering(node).filter(|edge| edge.is_audio()) {
            flat.each_cell(edge, |index, _, destination| {
                let fed = &mut fed[(destination - node.inputs.first) as usize];
                *fed = (fed.0 + 1, index);
            });
        }
        for (&(count, index), (device, _)) in fed.iter().zip(devices) {
            if device.is_some() || count != 1 || !self.may_elide(index) {
                continue;
            }
            let cell = &flat.cells[index as usize];
            let edge = flat.owner(cell);
            let port = flat.route(edge).destination_port;
            let mut port = flat.entering(node).filter(|other| flat.route(other).destination_port == port);
            if !port.any(|other| self.is_multiplied(other)) {
                let value = self.read_by(index, edge.source_of(cell));
                self.scratch.slots.forget(value);
            }
        }
        self.scratch.fed = fed;
    }

    fn node(&mut self, index: u32, entering: &mut Vec<Reading>) {
        let node = &self.plan.flat.nodes[index as usize];
        self.hear(index, node, entering);
        match node.kind {
            Kind::Input => self.input(node),
            Kind::Output => self.output(node),
            Kind::Processor | Kind::Absent => {}
        }
        if is_scheduled(self.plan.flat, node) {
            self.schedule_node(index, node);
        }
        if self.has_past {
            self.keep_past(node);
        }
    }

    /// Computes the values of the input channels of a node into `scratch.inputs`, port after port. `entering` is memory.
    fn hear(&mut self, index: u32, node: &FlatNode, entering: &mut Vec<Reading>) {
        self.scratch.inputs.clear();
        let mut next = self.plan.flat.links[index as usize].first_edge;
        if node.has_one_input {
            self.hear_port(node, 0, node.inputs, &mut next, entering);
            return;
        }
        for (port, channels) in (0..).zip(&self.plan.flat.ports[self.plan.flat.traits(node).input_ports.range()]) {
            let channels = Span { first: node.inputs.first + channels.first, ..*channels };
            self.hear_port(node, port, channels, &mut next, entering);
        }
    }

    /// The same for one port, whose edges are those from `next` on.
    #[inline]
    fn hear_port(&mut self, node: &FlatNode, port: u16, channels: Span, next: &mut u32, entering: &mut Vec<Reading>) {
        let flat = self.plan.flat;
        let mut form = Form::Unity;
        entering.clear();
        while let Some(route) = flat.routes.get(*next as usize) {
            let edge = &flat.edges[*next as usize];
            if route.destination_port != port || !edge.is_audio() {
                break;
            }
            form = form.max(edge.form);
            entering.push(Reading::of(edge));
            *next = route.next;
        }
        match form {
            Form::Unity | Form::Straight => self.straight_port(node, channels, entering),
            Form::Dense => self.dense_port(node, channels, entering),
            _ => self.crossed_port(node, channels, entering),
        }
    }

    fn input(&mut self, node: &FlatNode) {
        for (place, channel) in (0..).zip(node.outputs.range()) {
            let value = of_channel(channel as u32);
            let Some(device) = self.plan.flat.device_inputs[channel] else {
                self.scratch.slots.silence(value);
                continue;
            };
            if self.scratch.slots.is_read(value) {
                let slot = self.scratch.slots.write(value);
                self.ops.push(Op::Input { channel: device, slot });
                self.schedule.inputs.push(ScheduledInput { device_channel: device, node: node.id, channel: place });
            }
        }
    }

    fn output(&mut self, node: &FlatNode) {
        for (place, channel) in node.inputs.range().enumerate() {
            let Some(device) = self.plan.flat.device_outputs[channel].0 else { continue };
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
            self.ops.push(Op::Output { channel: device, slot, accumulate });
            self.schedule.outputs.push(ScheduledOutput {
                device_channel: device,
                node: node.id,
                channel: place as u32,
                latency: self.plan.arrivals.of_input(channel),
            });
        }
    }

    fn schedule_node(&mut self, index: u32, node: &FlatNode) {
        let place = self.schedule.nodes.len() as u32;
        let events = if node.takes_events { self.event_edges(node) } else { Span::default() };
        if events.count > 0 {
            self.ops.push(Op::Merge { node: place });
        }
        let hosted = node.kind == Kind::Processor;
        let (mut inputs, mut outputs) = (Span::default(), Span::default());
        if hosted {
            self.ops.push(Op::Process { node: place });
            inputs = Span { first: self.schedule.node_slots.len() as u32, count: node.inputs.count };
            outputs = Span { first: inputs.first + inputs.count, count: node.outputs.count };
            self.process(node);
        }
        let arrival = self.plan.arrivals.of_node(index, node);
        self.schedule.nodes.push(ScheduledNode { id: node.id, inputs, outputs, events, arrival, hosted });
    }

    /// Slots for what a node reads and writes.
    fn process(&mut self, node: &FlatNode) {
        let Scratch { slots, inputs, .. } = &mut *self.scratch;
        let node_slots = &mut self.schedule.node_slots;
        node_slots.extend(inputs.iter().map(|&input| slots.slot(input)));
        let first = of_channel(node.outputs.first);
        let outputs = first..first + node.outputs.count;
        if !node.in_place {
            slots.write_over(outputs.clone(), &[], node_slots);
        } else if node.alike == node.outputs.count {
            slots.write_over(outputs.clone(), &inputs[..node.alike as usize], node_slots);
        } else {
            let ports = |ports: Span| self.plan.flat.ports[ports.range()].iter();
            let traits = self.plan.flat.traits(node);
            let mut over = ports(traits.input_ports);
            for port in ports(traits.output_ports) {
                let over = over.next().map_or(&[][..], |over| &inputs[over.range()]);
                slots.write_over(first + port.first..first + port.first + port.count, over, node_slots);
            }
        }
        slots.read_all(inputs, outputs);
    }

    fn event_edges(&mut self, node: &FlatNode) -> Span {
        let Plan { flat, delays, .. } = self.plan;
        let first = self.schedule.event_edges.len();
        let edges = flat.entering(node).filter(|edge| !edge.is_audio());
        self.schedule.event_edges.extend(edges.map(|edge| {
            let route = flat.route(edge);
            EventEdge {
                id: edge.id,
                source: self.scratch.places[route.source as usize],
                source_port: route.source_port,
                destination_port: route.destination_port,
                delay: delays.of_events(edge),
                feedback: edge.feeds_back(),
            }
        }));
        Span::new(first, self.schedule.event_edges.len())
    }
}

/// Whether a node has a place in the schedule: a processor, or an end of the rig that has events.
fn is_scheduled(flat: &Flat, node: &FlatNode) -> bool {
    node.kind == Kind::Processor || node.takes_events || flat.traits(node).sends_events
}
