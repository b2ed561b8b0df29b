//! Input ports with a dense edge. Such an edge is multiplied as a whole, if all its cells are equally late; what lies
//! between dense edges is summed channel by channel.

use super::super::buffers::SILENCE;
use super::super::flat::{FlatCell, FlatEdge, FlatNode, Incoming};
use super::super::schedule::{MatrixPlan, Op, Span};
use super::sum::Reading;
use super::{Lowering, NONE};
use std::ops::Range;

/// How many cells lead to the first destination that is fed. A matrix that is multiplied reads its sources by these.
pub(super) fn heads(cells: &[FlatCell]) -> usize {
    cells.first().map_or(0, |first| cells.partition_point(|cell| cell.destination <= first.destination))
}

impl<'a> Lowering<'a> {
    /// Finds the edges that are multiplied as a whole.
    pub(super) fn find_multiplied(&mut self) {
        self.scratch.multiplied.clear();
        if self.flat.has_dense {
            let mut multiplied = std::mem::take(&mut self.scratch.multiplied);
            multiplied.extend(self.flat.edges.iter().map(|edge| self.is_matrix(edge)));
            self.scratch.multiplied = multiplied;
        }
    }

    /// Computes the values of the channels of an input port and appends them to `scratch.inputs`.
    pub(super) fn port(&mut self, node: &FlatNode, port: u16, channels: Span) {
        let flat = self.flat;
        let mut entering = std::mem::take(&mut self.scratch.entering);
        entering.clear();
        entering.extend(self.multiplied_into(node, port));
        if entering.is_empty() {
            self.channels(node, channels);
        } else {
            let base = self.scratch.inputs.len();
            self.scratch.inputs.resize(base + channels.count as usize, SILENCE);
            let mut next = 0;
            for edge in &entering {
                for (place, channel) in channels.range().enumerate() {
                    self.sum_onto(base + place, self.feeders_of(channel, next..edge.edge));
                }
                self.matrix(edge.edge, base);
                next = edge.edge + 1;
            }
            for (place, channel) in channels.range().enumerate() {
                self.sum_onto(base + place, self.feeders_of(channel, next..NONE));
                // A dense edge writes zeros where it has no cells; what nothing feeds is silent.
                if flat.feeders(channel).is_empty() || self.is_unheard(node, channel as u32) {
                    let value = std::mem::replace(&mut self.scratch.inputs[base + place], SILENCE);
                    self.scratch.slots.read(value);
                }
            }
        }
        self.scratch.entering = entering;
    }

    /// The edges into a port that are multiplied as a whole.
    fn multiplied_into(&self, node: &FlatNode, port: u16) -> impl Iterator<Item = &'a Incoming> {
        let enters = move |edge: &&Incoming| !edge.events && edge.port == port;
        let incoming = self.flat.incoming[node.incoming.range()].iter();
        incoming.filter(enters).filter(|edge| self.scratch.multiplied[edge.edge as usize])
    }

    /// Whether one of them is.
    pub(super) fn has_multiplied(&self, node: &FlatNode, port: u16) -> bool {
        node.dense && self.multiplied_into(node, port).next().is_some()
    }

    /// The cells that lead to a channel by the edges of that range.
    fn feeders_of(&self, channel: usize, edges: Range<u32>) -> &'a [u32] {
        let flat = self.flat;
        let feeders = flat.feeders(channel);
        let before = |end: u32| feeders.partition_point(|&cell| flat.cells[cell as usize].edge < end);
        &feeders[before(edges.start)..before(edges.end)]
    }

    fn sum_onto(&mut self, place: usize, cells: &[u32]) {
        if !cells.is_empty() {
            self.scratch.inputs[place] = self.sum_cells(cells, self.scratch.inputs[place]);
        }
    }

    /// Whether an edge is lowered to one dense multiplication: all that leaves a source channel is equally late.
    fn is_matrix(&self, edge: &FlatEdge) -> bool {
        if !edge.dense {
            return false;
        }
        let cells = &self.flat.cells[edge.cells.range()];
        let heads = &cells[..heads(cells)];
        let past = |place: usize| self.flat.played_before(edge.cells.first + place as u32).map(|old| old.delay);
        cells.iter().enumerate().all(|(place, cell)| {
            heads
                .binary_search_by_key(&cell.source, |head| head.source)
                .is_ok_and(|head| heads[head].delay == cell.delay && past(head) == past(place))
        })
    }

    fn matrix(&mut self, edge_index: u32, base: usize) {
        let flat = self.flat;
        let edge = &flat.edges[edge_index as usize];
        let cells = &flat.cells[edge.cells.range()];
        let sources = flat.ports
            [(flat.nodes[edge.source as usize].output_ports.first + u32::from(edge.source_port)) as usize]
            .count as usize;
        let destinations = flat.ports
            [(flat.nodes[edge.destination as usize].input_ports.first + u32::from(edge.destination_port)) as usize]
            .count as usize;
        let mut values = std::mem::take(&mut self.scratch.matrix_values);
        values.clear();
        values.resize(sources, SILENCE);
        for (cell, head) in (edge.cells.first..).zip(&cells[..heads(cells)]) {
            let reading = Reading { cell, source: head.source, edge: edge_index };
            values[(head.source - edge.source_channel) as usize] = self.value_of(reading);
        }
        let begun = &self.scratch.inputs[base..base + destinations];
        let accumulate = begun.iter().any(|&value| value != SILENCE);
        for input in base..base + destinations {
            if self.scratch.inputs[input] == SILENCE {
                let (value, slot) = self.scratch.slots.add_written();
                self.scratch.inputs[input] = value;
                if accumulate {
                    self.scratch.ops.push(Op::Clear { slot });
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
            let (source, destination) =
                (cell.source - edge.source_channel, cell.destination - edge.destination_channel);
            self.schedule.matrix_gains[first_gain + destination as usize * sources + source as usize] = cell.gain;
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
        self.scratch.ops.push(Op::Matrix { matrix: index });
    }

    fn edge_place(&self, edge: &FlatEdge) -> usize {
        self.schedule.edges.partition_point(|other| other.id.index < edge.id.index)
    }
}
