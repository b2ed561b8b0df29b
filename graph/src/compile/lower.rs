//! Pass 4: flat ops. Works on values, one for each thing that is computed; the next pass puts the values into slots.
//! Elides what costs nothing to leave out: a channel fed by a single cell at unity reads its source where it stands.

use super::flat::{Flat, FlatCell, FlatEdge, FlatNode, Kind};
use super::latency::Arrivals;
use super::schedule::{
    ELIDED, EventEdge, Line, MatrixPlan, Mix, Op, Row, SILENT_SLOT, Schedule, ScheduledCell, ScheduledEdge,
    ScheduledInput, ScheduledNode, ScheduledOutput, Span, Tap, Term,
};

const NONE: u32 = u32::MAX;

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    /// Value of each output channel of the rig.
    outputs: Vec<u32>,
    /// Longest delay read from each output channel, and whether anything reads it at all.
    uses: Vec<Use>,
    /// Line of each output channel.
    lines: Vec<u32>,
    /// First tap of each line in `tap_values`, the next behind each tap: taps of one line form a list.
    first_tap: Vec<u32>,
    taps: Vec<TapValue>,
    /// Index in the schedule of each node.
    places: Vec<u32>,
    /// Values of the input channels of the node at hand.
    inputs: Vec<u32>,
    /// Position within the cells of each edge into the port at hand.
    cursors: Vec<u32>,
    /// Cells into each channel of the port at hand.
    counts: Vec<u32>,
    /// Whether a dense edge writes all channels of the port at hand, so that none may be left standing at its source.
    all_written: bool,
    /// Device channels written so far.
    written: Vec<bool>,
    matrix_values: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Use {
    used: bool,
    longest: u32,
    feedback: bool,
}

struct TapValue {
    value: u32,
    next: u32,
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
        self.lines.clear();
        self.lines.resize(channels, NONE);
        self.uses.clear();
        self.uses.resize(channels, Use::default());
        self.first_tap.clear();
        self.taps.clear();
        self.written.clear();
        for edge in &flat.edges {
            for cell in &flat.cells[edge.cells.range()] {
                let wanted = &mut self.uses[(edge.source_channel + u32::from(cell.source)) as usize];
                wanted.used = true;
                wanted.feedback |= edge.feedback.is_some();
                wanted.longest = wanted.longest.max(cell.delay).max(cell.previous.map_or(0, |old| old.delay));
            }
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
    schedule.ports.reserve(flat.input_ports.len() + flat.output_ports.len());
    schedule.terms.reserve(flat.cells.len());
    schedule.rows.reserve(flat.cells.len());
    schedule.mixes.reserve(flat.input_channels());
    schedule.edges.reserve(flat.edges.len());
    schedule.cells.reserve(flat.cells.len());
    schedule.cells.extend(flat.cells.iter().map(|cell| ScheduledCell {
        source: cell.source,
        destination: cell.destination,
        term: ELIDED,
        mix: NONE,
        gain: cell.gain,
        delay: cell.delay,
    }));
    schedule.edges.extend(flat.edges.iter().filter(|edge| !edge.events).map(|edge| ScheduledEdge {
        id: edge.id,
        cells: edge.cells,
        matrix: None,
        feedback: edge.feedback,
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
        for port in 0..node.input_ports.count {
            self.port(node, port as u16);
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
        let first_slot = schedule.node_slots.len();
        schedule.node_slots.extend_from_slice(&self.scratch.inputs);
        let first_output = schedule.node_slots.len();
        if node.kind == Kind::Processor {
            for channel in node.outputs.range() {
                let value = self.values;
                self.values += 1;
                self.scratch.outputs[channel] = value;
                schedule.node_slots.push(value);
            }
        }
        let end = schedule.node_slots.len();
        let mut ports = |spans: &[Span], base: u32| {
            let first = schedule.ports.len();
            schedule.ports.extend(spans.iter().map(|span| Span { first: span.first - base, count: span.count }));
            Span::new(first, schedule.ports.len())
        };
        let input_ports = ports(&self.flat.input_ports[node.input_ports.range()], node.inputs.first);
        let outputs = if node.kind == Kind::Processor { node.output_ports } else { Span::default() };
        let output_ports = ports(&self.flat.output_ports[outputs.range()], node.outputs.first);
        let first_event = schedule.event_edges.len();
        for &edge in &self.flat.incoming[node.incoming.range()] {
            let edge = &self.flat.edges[edge as usize];
            if edge.events {
                schedule.event_edges.push(EventEdge {
                    id: edge.id,
                    source: self.scratch.places[edge.source as usize],
                    source_port: edge.source_port,
                    destination_port: edge.destination_port,
                    delay: edge.delay,
                    feedback: edge.feedback.is_some(),
                });
            }
        }
        let place = schedule.nodes.len() as u32;
        let events = Span::new(first_event, schedule.event_edges.len());
        schedule.nodes.push(ScheduledNode {
            id: node.id,
            inputs: Span::new(first_slot, first_output),
            outputs: Span::new(first_output, end),
            input_ports,
            output_ports,
            events,
            sends_events: node.sends_events,
            latency: node.latency,
            arrival: arrivals.of_node(node),
            bypassable: node.bypassable,
            in_place: node.in_place,
            hosted: node.kind == Kind::Processor,
        });
        debug_assert_eq!(place, self.scratch.places[index as usize]);
        if events.count > 0 {
            self.ops.push(Op::Merge { node: place });
        }
        if node.kind == Kind::Processor {
            self.ops.push(Op::Process { node: place });
        }
    }

    /// Appends what delay lines and feedback edges read later.
    fn keep_past(&mut self, node: &FlatNode) {
        for (place, channel) in node.outputs.range().enumerate() {
            let wanted = self.scratch.uses[channel];
            if wanted.longest == 0 {
                continue;
            }
            let slot = self.scratch.outputs[channel];
            if slot == SILENT_SLOT {
                continue;
            }
            let line = self.line(channel, node, place as u32);
            self.ops.push(if wanted.feedback {
                Op::FeedbackWrite { line, slot }
            } else {
                Op::DelayWrite { line, slot }
            });
        }
    }

    /// The line that keeps an output channel's past. A feedback edge asks for it before its source is reached.
    fn line(&mut self, channel: usize, node: &FlatNode, place: u32) -> u32 {
        if self.scratch.lines[channel] == NONE {
            let wanted = self.scratch.uses[channel];
            self.scratch.lines[channel] = self.schedule.lines.len() as u32;
            self.scratch.first_tap.push(NONE);
            self.schedule.lines.push(Line {
                node: node.id,
                channel: place,
                longest: wanted.longest,
                feedback: wanted.feedback,
            });
        }
        self.scratch.lines[channel]
    }

    /// Computes the values of the channels of an input port and appends them to `scratch.inputs`.
    fn port(&mut self, node: &FlatNode, port: u16) {
        let flat = self.flat;
        let channels = flat.input_ports[(node.input_ports.first + u32::from(port)) as usize].count;
        let base = self.scratch.inputs.len();
        self.scratch.inputs.resize(base + channels as usize, SILENT_SLOT);
        let incoming = &flat.incoming[node.incoming.range()];
        let enters = |edge: &FlatEdge| !edge.events && edge.destination_port == port;
        self.scratch.counts.clear();
        self.scratch.counts.resize(channels as usize, 0);
        self.scratch.all_written = false;
        for edge in incoming.iter().map(|&edge| &flat.edges[edge as usize]).filter(|edge| enters(edge)) {
            for cell in &flat.cells[edge.cells.range()] {
                self.scratch.counts[usize::from(cell.destination)] += 1;
            }
            self.scratch.all_written |= edge.dense;
        }
        // Dense edges are multiplied as a whole, what lies between them is summed channel by channel.
        let mut rest = incoming;
        while !rest.is_empty() {
            let first = &flat.edges[rest[0] as usize];
            if !enters(first) || first.cells.count == 0 {
                rest = &rest[1..];
            } else if self.is_matrix(first) {
                self.matrix(rest[0], base);
                rest = &rest[1..];
            } else {
                let end = rest
                    .iter()
                    .position(|&edge| enters(&flat.edges[edge as usize]) && self.is_matrix(&flat.edges[edge as usize]))
                    .unwrap_or(rest.len());
                self.sums(&rest[..end], port, base, channels);
                rest = &rest[end..];
            }
        }
        // A dense edge writes zeros where it has no cells; what nothing else feeds is silent.
        for (channel, &count) in self.scratch.counts.iter().enumerate() {
            if count == 0 {
                self.scratch.inputs[base + channel] = SILENT_SLOT;
            }
        }
    }

    /// Whether an edge is lowered to one dense multiplication: all that leaves a source channel is equally late.
    fn is_matrix(&self, edge: &FlatEdge) -> bool {
        if !edge.dense {
            return false;
        }
        let cells = &self.flat.cells[edge.cells.range()];
        let first = cells.partition_point(|cell| cell.destination <= cells[0].destination);
        let heads = &cells[..first];
        cells.iter().all(|cell| {
            heads
                .binary_search_by_key(&cell.source, |head| head.source)
                .is_ok_and(|head| heads[head].delay == cell.delay && same_past(&heads[head], cell))
        })
    }

    fn matrix(&mut self, edge_index: u32, base: usize) {
        let flat = self.flat;
        let edge = &flat.edges[edge_index as usize];
        let cells = &flat.cells[edge.cells.range()];
        let source_port = &flat.output_ports
            [(flat.nodes[edge.source as usize].output_ports.first + u32::from(edge.source_port)) as usize];
        let sources = source_port.count as usize;
        let destinations = flat.input_ports
            [(flat.nodes[edge.destination as usize].input_ports.first + u32::from(edge.destination_port)) as usize]
            .count as usize;
        let mut values = std::mem::take(&mut self.scratch.matrix_values);
        values.clear();
        values.resize(sources, SILENT_SLOT);
        let row = cells.partition_point(|cell| cell.destination <= cells[0].destination);
        for cell in &cells[..row] {
            values[usize::from(cell.source)] = self.source_value(edge, cell);
        }
        let first_source = self.schedule.matrix_slots.len();
        self.schedule.matrix_slots.extend_from_slice(&values);
        self.scratch.matrix_values = values;
        let first_destination = self.schedule.matrix_slots.len();
        let begun = &self.scratch.inputs[base..base + destinations];
        let accumulate = begun.iter().any(|&value| value != SILENT_SLOT);
        for channel in 0..destinations {
            if self.scratch.inputs[base + channel] == SILENT_SLOT {
                let slot = self.value();
                self.scratch.inputs[base + channel] = slot;
                if accumulate {
                    self.ops.push(Op::Clear { slot });
                }
            }
            self.schedule.matrix_slots.push(self.scratch.inputs[base + channel]);
        }
        let end = self.schedule.matrix_slots.len();
        let first_gain = self.schedule.matrix_gains.len();
        self.schedule.matrix_gains.resize(first_gain + sources * destinations, 0.0);
        for cell in cells {
            let place = usize::from(cell.destination) * sources + usize::from(cell.source);
            self.schedule.matrix_gains[first_gain + place] = cell.gain;
        }
        let place = self.edge_place(edge);
        let index = self.schedule.matrices.len() as u32;
        self.schedule.edges[place].matrix = Some(index);
        self.schedule.matrices.push(MatrixPlan {
            sources: Span::new(first_source, first_destination),
            destinations: Span::new(first_destination, end),
            accumulate,
            edge: place as u32,
            gains: Span::new(first_gain, self.schedule.matrix_gains.len()),
        });
        self.ops.push(Op::Matrix { matrix: index });
    }

    fn edge_place(&self, edge: &FlatEdge) -> usize {
        self.schedule.edges.partition_point(|other| other.id.index < edge.id.index)
    }

    /// Sums the cells of consecutive edges, channel by channel.
    fn sums(&mut self, edges: &[u32], port: u16, base: usize, channels: u32) {
        let flat = self.flat;
        self.scratch.cursors.clear();
        self.scratch.cursors.extend(edges.iter().map(|&edge| flat.edges[edge as usize].cells.first));
        for channel in 0..channels as u16 {
            if self.scratch.counts[usize::from(channel)] > 0 {
                self.sum(edges, port, channel, base + usize::from(channel));
            }
        }
    }

    fn sum(&mut self, edges: &[u32], port: u16, channel: u16, place: usize) {
        let flat = self.flat;
        let first_term = self.schedule.terms.len();
        let first_row = self.schedule.rows.len();
        let mix = self.schedule.mixes.len() as u32;
        for (which, &edge) in edges.iter().enumerate() {
            let edge = &flat.edges[edge as usize];
            if edge.events || edge.destination_port != port {
                continue;
            }
            let row_start = self.schedule.terms.len();
            let end = edge.cells.first + edge.cells.count;
            let mut cursor = self.scratch.cursors[which];
            while cursor < end && flat.cells[cursor as usize].destination == channel {
                let cell = &flat.cells[cursor as usize];
                let value = self.source_value(edge, cell);
                if self.scratch.counts[usize::from(channel)] == 1 && self.may_elide(edge, cell) {
                    self.scratch.inputs[place] = value;
                    self.scratch.cursors[which] = cursor + 1;
                    return;
                }
                let scheduled = &mut self.schedule.cells[cursor as usize];
                scheduled.term = self.schedule.terms.len() as u32;
                scheduled.mix = mix;
                self.schedule.terms.push(Term { slot: value, gain: cell.gain, cell: cursor });
                cursor += 1;
            }
            self.scratch.cursors[which] = cursor;
            if self.schedule.terms.len() > row_start {
                self.schedule.rows.push(Row { terms: Span::new(row_start, self.schedule.terms.len()) });
            }
        }
        if self.schedule.terms.len() == first_term {
            return;
        }
        let accumulate = self.scratch.inputs[place] != SILENT_SLOT;
        if !accumulate {
            let value = self.value();
            self.scratch.inputs[place] = value;
        }
        self.schedule.mixes.push(Mix {
            destination: self.scratch.inputs[place],
            accumulate,
            terms: Span::new(first_term, self.schedule.terms.len()),
            rows: Span::new(first_row, self.schedule.rows.len()),
        });
        self.ops.push(Op::Mix { mix });
    }

    /// Whether a cell that is alone in its sum can be left out: at unity, and neither ramping nor about to.
    fn may_elide(&self, edge: &FlatEdge, cell: &FlatCell) -> bool {
        let at_rest = match cell.previous {
            Some(previous) => previous.gain == cell.gain,
            None => !self.flat.follows,
        };
        let alone = !self.scratch.all_written;
        cell.gain == 1.0 && alone && at_rest && !self.adjustable.get(edge.id.index()).copied().unwrap_or(false)
    }

    /// What a cell reads: its source's value, or a tap of its past.
    fn source_value(&mut self, edge: &FlatEdge, cell: &FlatCell) -> u32 {
        let channel = edge.source_channel as usize + usize::from(cell.source);
        let previous = cell.previous.map_or(cell.delay, |old| old.delay);
        if cell.delay == 0 && previous == 0 {
            return self.scratch.outputs[channel];
        }
        let node = &self.flat.nodes[edge.source as usize];
        if node.kind == Kind::Input && self.flat.device_inputs[channel].is_none() {
            return SILENT_SLOT;
        }
        let line = self.line(channel, node, (channel as u32) - node.outputs.first);
        let mut tap = self.scratch.first_tap[line as usize];
        while tap != NONE {
            let plan = &self.schedule.taps[tap as usize];
            let known = &self.scratch.taps[tap as usize];
            if plan.delay == cell.delay && plan.previous == previous {
                return known.value;
            }
            tap = known.next;
        }
        let value = self.value();
        let tap = self.schedule.taps.len() as u32;
        self.schedule.taps.push(Tap { line, delay: cell.delay, previous });
        self.scratch.taps.push(TapValue { value, next: self.scratch.first_tap[line as usize] });
        self.scratch.first_tap[line as usize] = tap;
        self.ops.push(if edge.feedback.is_some() {
            Op::FeedbackRead { tap, slot: value }
        } else {
            Op::DelayRead { tap, slot: value }
        });
        value
    }
}

fn same_past(one: &FlatCell, other: &FlatCell) -> bool {
    one.previous.map(|old| old.delay) == other.previous.map(|old| old.delay)
}
