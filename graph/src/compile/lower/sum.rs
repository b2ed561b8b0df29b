//! What a channel hears: nothing, its only source where that stands, or a sum.

use super::super::schedule::{Mix, Op, Row, SILENT_SLOT, Span, Term};
use super::{Lowering, NONE};

impl Lowering<'_> {
    /// Computes the values of input channels of the rig, none of them reached by a dense edge, and appends them to
    /// `scratch.inputs`.
    pub(super) fn channels(&mut self, channels: Span) {
        let flat = self.flat;
        for channel in channels.range() {
            let value = match flat.feeders(channel) {
                [] => SILENT_SLOT,
                &[cell] if self.may_elide(cell) => self.source_value(cell, &flat.cells[cell as usize]),
                cells => self.sum(cells, SILENT_SLOT),
            };
            self.scratch.inputs.push(value);
        }
    }

    /// Sums cells of one channel onto what it holds so far, and returns the value of the sum.
    pub(super) fn sum(&mut self, cells: &[u32], begun: u32) -> u32 {
        let flat = self.flat;
        let mix = self.schedule.mixes.len() as u32;
        let first_term = self.schedule.terms.len();
        let first_row = self.schedule.rows.len();
        let mut last_edge = NONE;
        for (term, &index) in (first_term as u32..).zip(cells) {
            let cell = &flat.cells[index as usize];
            let slot = self.source_value(index, cell);
            let schedule = &mut *self.schedule;
            let scheduled = &mut schedule.cells[index as usize];
            (scheduled.term, scheduled.mix) = (term, mix);
            schedule.terms.push(Term { slot, gain: cell.gain, cell: index });
            match schedule.rows.last_mut() {
                Some(row) if cell.edge == last_edge => row.terms.count += 1,
                _ => schedule.rows.push(Row { terms: Span { first: term, count: 1 } }),
            }
            last_edge = cell.edge;
        }
        let accumulate = begun != SILENT_SLOT;
        let destination = if accumulate { begun } else { self.value() };
        self.schedule.mixes.push(Mix {
            destination,
            accumulate,
            terms: Span::new(first_term, self.schedule.terms.len()),
            rows: Span::new(first_row, self.schedule.rows.len()),
        });
        self.ops.push(Op::Mix { mix });
        destination
    }

    /// Whether a cell that is alone in its sum can be left out: at unity, and neither ramping nor about to.
    fn may_elide(&self, index: u32) -> bool {
        let cell = &self.flat.cells[index as usize];
        let at_rest = match self.flat.played_before(index) {
            Some(previous) => previous.gain == cell.gain,
            None => !self.flat.follows,
        };
        let edge = self.flat.edges[cell.edge as usize].id.index();
        cell.gain == 1.0 && at_rest && !self.adjustable.get(edge).copied().unwrap_or(false)
    }
}
