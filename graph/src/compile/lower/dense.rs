//! Input ports with a dense edge. Such an edge is multiplied as a whole, if all its cells are equally late; what lies
//! between dense edges is summed channel by channel.

use super::super::buffers::SILENCE;
use super::super::schedule::{MatrixPlan, Op, Span};
use super::feeders::Feeders;
use super::sum::Reading;
use super::{Lowering, NONE};
use crate::graph::flat::{Flat, FlatCell, FlatEdge, FlatNode, Form};
use std::ops::Range;

/// How many cells lead to the first destination that is fed. A matrix that is multiplied reads its sources by these.
pub(super) fn heads(cells: &[FlatCell]) -> usize {
    cells.first().map_or(0, |first| cells.partition_point(|cell| cell.destination <= first.destination))
}

impl Lowering<'_> {
    /// Finds the edges that are multiplied as a whole.
    pub(super) fn find_multiplied(&mut self) {
        self.scratch.multiplied.clear();
        if self.plan.flat.counts.dense > 0 {
            let mut multiplied = std::mem::take(&mut self.scratch.multiplied);
            multiplied.extend(self.plan.flat.edges.iter().map(|edge| self.is_matrix(edge)));
            self.scratch.multiplied = multiplied;
        }
    }

    /// Whether an edge is multiplied as a whole.
    pub(super) fn is_multiplied(&self, edge: &FlatEdge) -> bool {
        edge.form == Form::Dense && self.scratch.multiplied[edge.id.index()]
    }

    /// Computes the values of the channels of a port with dense edges, and appends them to `scratch.inputs`.
    #[inline(never)]
    pub(super) fn dense_port(&mut self, node: &FlatNode, channels: Span, entering: &[Reading]) {
        let flat = self.plan.flat;
        let edges = || entering.iter().map(|entering| &flat.edges[entering.edge as usize]);
        if !edges().any(|edge| self.is_multiplied(edge)) {
            return self.crossed_port(node, channels, entering);
        }
        let mut feeders = std::mem::take(&mut self.scratch.feeders);
        feeders.read(flat, channels, entering);
        let base = self.scratch.inputs.len();
        self.scratch.inputs.resize(base + channels.count as usize, SILENCE);
        let places = || (base..).zip(0..channels.count);
        let mut next = 0;
        for edge in edges() {
            if self.is_multiplied(edge) {
                for (place, channel) in places() {
                    self.sum_onto(place, by_edges(flat, &feeders, channel, next..edge.id.index));
                }
                self.matrix(edge, base);
                next = edge.id.index + 1;
            }
        }
        // Those that are complete come first: what of them nobody hears makes room for what the others still hear.
        let rest = |channel| by_edges(flat, &feeders, channel, next..NONE);
        let complete = places().filter(|&(_, channel)| rest(channel).is_empty());
        let others = places().filter(|&(_, channel)| !rest(channel).is_empty());
        for (place, channel) in complete.chain(others) {
            self.sum_onto(place, rest(channel));
            // A dense edge writes zeros where it has no cells; what nothing feeds is silent.
            if feeders.of(channel).is_empty() || self.is_unheard(node, channels.first + channel) {
                let value = std::mem::replace(&mut self.scratch.inputs[place], SILENCE);
                self.scratch.slots.read(value);
            }
        }
        self.scratch.feeders = feeders;
    }

    fn sum_onto(&mut self, place: usize, cells: &[u32]) {
        if !cells.is_empty() {
            self.scratch.inputs[place] = self.sum_cells(cells, self.scratch.inputs[place]);
        }
    }

    /// Whether an edge is lowered to one dense multiplication: all that leaves a source channel is equally late.
    fn is_matrix(&self, edge: &FlatEdge) -> bool {
        if edge.form != Form::Dense {
            return false;
        }
        let flat = self.plan.flat;
        let cells = &flat.cells[edge.cells.range()];
        let heads = &cells[..heads(cells)];
        let before = self.plan.played.in_edge(edge);
        let late = |place: usize| {
            let cell = edge.cells.first + place as u32;
            (self.plan.delays.of_cell(cell), before.delay(flat, cell))
        };
        cells.iter().enumerate().all(|(place, cell)| {
            heads.binary_search_by_key(&cell.source, |head| head.source).is_ok_and(|head| late(head) == late(place))
        })
    }

    fn matrix(&mut self, edge: &FlatEdge, base: usize) {
        let flat = self.plan.flat;
        let cells = &flat.cells[edge.cells.range()];
        let route = flat.route(edge);
        let channels = |ports: Span, port: u16| flat.ports[ports.first as usize + usize::from(port)].count as usize;
        let sources = channels(flat.traits[route.source as usize].output_ports, route.source_port);
        let destinations = channels(flat.traits[route.destination as usize].input_ports, route.destination_port);
        let mut values = std::mem::take(&mut self.scratch.matrix_values);
        values.clear();
        values.resize(sources, SILENCE);
        for (cell, head) in (edge.cells.first..).zip(&cells[..heads(cells)]) {
            values[usize::from(head.source)] = self.value_of(Reading::cell(flat, cell));
        }
        let begun = &self.scratch.inputs[base..base + destinations];
        let accumulate = begun.iter().any(|&value| value != SILENCE);
        for input in base..base + destinations {
            if self.scratch.inputs[input] == SILENCE {
                let (value, slot) = self.scratch.slots.add_written();
                self.scratch.inputs[input] = value;
                if accumulate {
                    self.ops.push(Op::Clear { slot });
                }
            }
        }
        let slots = &mut self.scratch.slots;
        let matrix_slots = &mut self.schedule.matrix_slots;
        let first_source = matrix_slots.len();
        matrix_slots.extend(values.iter().map(|&value| slots.read(value)));
        let first_destination = matrix_slots.len();
        matrix_slots.extend(self.scratch.inputs[base..base + destinations].iter().map(|&value| slots.slot(value)));
        let end = matrix_slots.len();
        self.scratch.matrix_values = values;
        let first_gain = self.schedule.matrix_gains.len();
        self.schedule.matrix_gains.resize(first_gain + sources * destinations, 0.0);
        for cell in cells {
            let place = usize::from(cell.destination) * sources + usize::from(cell.source);
            self.schedule.matrix_gains[first_gain + place] = cell.gain;
        }
        let index = self.schedule.matrices.len() as u32;
        self.schedule.matrices.push(MatrixPlan {
            sources: Span::new(first_source, first_destination),
            destinations: Span::new(first_destination, end),
            accumulate,
            edge: edge.id,
            gains: Span::new(first_gain, self.schedule.matrix_gains.len()),
        });
        self.ops.push(Op::Matrix { matrix: index });
    }
}

/// The cells that lead to a channel by the edges of that range.
fn by_edges<'f>(flat: &Flat, feeders: &'f Feeders, channel: u32, edges: Range<u32>) -> &'f [u32] {
    let cells = feeders.of(channel);
    let before = |end: u32| cells.partition_point(|&cell| flat.cells[cell as usize].edge < end);
    &cells[before(edges.start)..before(edges.end)]
}
