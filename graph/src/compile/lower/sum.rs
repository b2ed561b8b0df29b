//! What a channel hears: nothing, its only source where that stands, or a sum.

use super::super::buffers::{SILENCE, of_channel};
use super::super::schedule::{Mix, Op, Row, Schedule, Span, Term};
use super::{Lowering, Scratch};
use crate::graph::flat::{Flat, FlatEdge, FlatNode, Kind};
use std::ops::Range;

/// A cell as a sum reads it.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub cell: u32,
    /// Output channel, in the numbering of the whole graph.
    pub source: u32,
    pub edge: u32,
}

impl Reading {
    /// The first cell of an edge that is straight.
    pub fn of(edge: &FlatEdge) -> Self {
        Self { cell: edge.cells.first, source: edge.source_channel, edge: edge.id.index }
    }

    /// Any cell.
    pub fn cell(flat: &Flat, index: u32) -> Self {
        let cell = &flat.cells[index as usize];
        Self { cell: index, source: flat.owner(cell).source_of(cell), edge: cell.edge }
    }

    /// That of another channel of an edge that is straight.
    fn of_channel(self, channel: u32) -> Self {
        Self { cell: self.cell + channel, source: self.source + channel, ..self }
    }
}

impl Lowering<'_> {
    /// Computes the values of the channels of a port that hears only straight edges, and appends them to
    /// `scratch.inputs`. No cell is looked for: a channel hears the cell of its number of each edge.
    pub(super) fn straight_port(&mut self, node: &FlatNode, channels: Span, entering: &[Reading]) {
        let Span { first: first_input, count } = channels;
        match *entering {
            [] => self.scratch.inputs.extend(std::iter::repeat_n(SILENCE, count as usize)),
            [edge] if (0..count).any(|channel| self.may_elide(edge.cell + channel)) => {
                for channel in 0..count {
                    if self.may_elide(edge.cell + channel) {
                        self.hear_source(node, first_input + channel, edge.of_channel(channel));
                    } else {
                        self.straight_sums(node, channels, channel..channel + 1, entering);
                    }
                }
            }
            _ => self.straight_sums(node, channels, 0..count, entering),
        }
    }

    /// Sums some channels of a port that hears only straight edges.
    fn straight_sums(&mut self, node: &FlatNode, channels: Span, which: Range<u32>, entering: &[Reading]) {
        // Each term is a row of its own.
        let count = entering.len() as u32;
        let (term, mut row) = (self.schedule.terms.len() as u32, self.schedule.rows.len() as u32);
        let terms = term..term + which.len() as u32 * count;
        self.schedule.rows.extend(terms.map(|term| Row { terms: Span { first: term, count: 1 } }));
        for channel in which {
            let readings = entering.iter().map(|edge| edge.of_channel(channel));
            let value = self.sum(readings, Span { first: row, count }, SILENCE);
            self.hear_sum(node, channels.first + channel, value);
            row += count;
        }
    }

    /// The same for any edges that are not multiplied.
    #[inline(never)]
    pub(super) fn crossed_port(&mut self, node: &FlatNode, channels: Span, entering: &[Reading]) {
        let flat = self.plan.flat;
        let mut feeders = std::mem::take(&mut self.scratch.feeders);
        feeders.read(flat, channels, entering);
        for channel in 0..channels.count {
            let input = channels.first + channel;
            match *feeders.of(channel) {
                [] => self.scratch.inputs.push(SILENCE),
                [cell] if self.may_elide(cell) => self.hear_source(node, input, Reading::cell(flat, cell)),
                ref cells => {
                    let value = self.sum_cells(cells, SILENCE);
                    self.hear_sum(node, input, value);
                }
            }
        }
        self.scratch.feeders = feeders;
    }

    /// An input channel hears a source where that stands. Nothing is read if the channel shows nowhere.
    #[inline]
    fn hear_source(&mut self, node: &FlatNode, input: u32, reading: Reading) {
        let value = if self.is_unheard(node, input) { SILENCE } else { self.value_of(reading) };
        self.scratch.inputs.push(value);
    }

    /// An input channel hears a sum. It is made, but not kept, if the channel shows nowhere: its gains must have a place.
    #[inline]
    fn hear_sum(&mut self, node: &FlatNode, input: u32, mut value: u32) {
        if self.is_unheard(node, input) {
            self.scratch.slots.read(value);
            value = SILENCE;
        }
        self.scratch.inputs.push(value);
    }

    /// Whether an input channel belongs to an output node and shows nowhere.
    pub(super) fn is_unheard(&self, node: &FlatNode, input: u32) -> bool {
        node.kind == Kind::Output && self.plan.flat.device_outputs[input as usize].0.is_none()
    }

    /// Sums cells of one channel onto what it holds so far, and returns the value of the sum.
    pub(super) fn sum_cells(&mut self, cells: &[u32], begun: u32) -> u32 {
        let flat = self.plan.flat;
        let first_row = self.schedule.rows.len();
        let mut first = self.schedule.terms.len() as u32;
        let owner = |cell: u32| flat.cells[cell as usize].edge;
        for row in cells.chunk_by(|&one, &next| owner(one) == owner(next)) {
            let count = row.len() as u32;
            self.schedule.rows.push(Row { terms: Span { first, count } });
            first += count;
        }
        let rows = Span::new(first_row, self.schedule.rows.len());
        self.sum(cells.iter().map(|&index| Reading::cell(flat, index)), rows, begun)
    }

    /// Sums what is read onto what there is so far, and returns the value of the sum.
    #[inline]
    fn sum(&mut self, readings: impl Iterator<Item = Reading> + Clone, rows: Span, begun: u32) -> u32 {
        let has_past = self.has_past;
        if has_past {
            readings.clone().for_each(|reading| _ = self.value_of(reading));
        }
        let Scratch { slots, past, ops, .. } = &mut *self.scratch;
        let Schedule { terms, cells, mixes, .. } = &mut self.schedule;
        let accumulate = begun != SILENCE;
        let (value, destination) = if accumulate { (begun, slots.slot(begun)) } else { slots.add_written() };
        let mix = mixes.len() as u32;
        let first = terms.len();
        terms.extend((first as u32..).zip(readings).map(|(term, reading)| {
            let source = if has_past { past.read_by(reading.cell) } else { of_channel(reading.source) };
            let cell = &mut cells[reading.cell as usize];
            (cell.term, cell.mix) = (term, mix);
            Term { slot: slots.read(source), gain: cell.gain, cell: reading.cell }
        }));
        mixes.push(Mix { destination, accumulate, terms: Span::new(first, terms.len()), rows });
        ops.push(Op::Mix { mix });
        value
    }

    /// Whether a cell that is alone in its sum can be left out: at unity, and neither ramping nor about to.
    #[inline]
    pub(super) fn may_elide(&self, index: u32) -> bool {
        let cell = &self.plan.flat.cells[index as usize];
        let played = self.plan.played;
        let at_rest = || !played.any() || played.in_cell(index).is_some_and(|previous| previous.gain == cell.gain);
        cell.gain == 1.0 && at_rest() && !self.plan.adjustable.get(cell.edge as usize).copied().unwrap_or(false)
    }
}
