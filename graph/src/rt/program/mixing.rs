//! The sums of a program, at rest and while their gains move: terms here, what a dense matrix does itself in `dense`.

use super::sums::{Sum, SumRow, Sums, TermPlace};
use super::{Context, Program};
use crate::compile::Schedule;
use crate::id::EdgeId;
use crate::rt::kernels::{Kernels, RampTerm, Run, Term};
use crate::rt::ramp::{Cells, Ramp, Row, aim};

/// A change of a gain that is due within the chunk at hand.
#[derive(Clone, Copy)]
pub(crate) struct GainChange {
    pub frame: u64,
    pub target: GainTarget,
    pub gain: f32,
    pub ramp: u32,
}

/// Where a crosspoint's gain is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GainTarget {
    /// A term of a sum.
    Term(TermPlace),
    /// A cell of a dense matrix.
    Cell { matrix: u32, source: u16, destination: u16 },
}

/// A row of cells that share an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RowPlace {
    /// Of a sum, by its place among all rows.
    Sum { sum: u32, row: u32 },
    /// Of a dense matrix.
    Matrix { matrix: u32, destination: u16 },
}

impl Program {
    /// Where the gain of a crosspoint is kept; none if it is elided or not there.
    pub fn gain_target(&self, edge: EdgeId, source: u16, destination: u16) -> Option<GainTarget> {
        self.gain_target_of(self.schedule.cell(edge, source, destination)?)
    }

    /// As [`Self::gain_target`], of a crosspoint by its place in the schedule's graph.
    pub fn gain_target_of(&self, cell: u32) -> Option<GainTarget> {
        self.gain_targets[cell as usize]
    }

    /// Whether crosspoints, by their places in the schedule's graph in order, are all silent from a frame on. Of a dense
    /// matrix that is so as a whole no gain is looked at.
    pub fn are_closed(&self, mut cells: &[u32], frame: u64) -> bool {
        while let [cell, rest @ ..] = cells {
            let Some(target) = self.gain_target_of(*cell) else { return false };
            cells = match target {
                GainTarget::Cell { matrix, .. } if self.matrices[matrix as usize].is_closed() => {
                    let edge = self.schedule.matrices[matrix as usize].edge;
                    let end = self.schedule.flat.edges[edge.index()].cells.range().end;
                    &rest[rest.partition_point(|&cell| (cell as usize) < end)..]
                }
                target => {
                    let (gain, ramp) = self.gain_at(target, frame);
                    if gain != 0.0 || ramp.target != 0.0 {
                        return false;
                    }
                    rest
                }
            };
        }
        true
    }

    /// The gain of a crosspoint at a frame, and where it is going.
    pub fn gain_at(&self, target: GainTarget, frame: u64) -> (f32, Ramp) {
        match target {
            GainTarget::Term(TermPlace { row, term, .. }) => {
                let row = &self.sums.rows[row as usize].state;
                let ramp = self.sums.ramps[term as usize];
                (row.value(self.sums.terms[term as usize].gain, &ramp, frame), ramp)
            }
            GainTarget::Cell { matrix, source, destination } => {
                self.matrices[matrix as usize].gain_at(usize::from(source), usize::from(destination), frame)
            }
        }
    }

    /// The row that a crosspoint is in.
    fn row_at(target: GainTarget) -> RowPlace {
        match target {
            GainTarget::Term(TermPlace { sum, row, .. }) => RowPlace::Sum { sum, row },
            GainTarget::Cell { matrix, destination, .. } => RowPlace::Matrix { matrix, destination },
        }
    }

    /// Ends the ramps of a row that are over at a frame, and finds the first end of the others.
    fn settle_row(&mut self, place: RowPlace, frame: u64) {
        match place {
            RowPlace::Sum { sum, row } => {
                self.sums.settle_row(row as usize, frame);
                self.sums.sums[sum as usize].moving = true;
            }
            RowPlace::Matrix { matrix, destination } => {
                self.matrices[matrix as usize].settle_row(usize::from(destination), frame);
            }
        }
    }

    /// Sends a crosspoint to a gain from a frame on.
    pub fn change_gain(&mut self, change: GainChange) {
        let mut open = None;
        self.change_gain_among(&mut open, change);
        self.close_row(&mut open, change.frame);
    }

    /// As [`Self::change_gain`], for one of many changes at one frame: the row that is at hand stays open between them, so
    /// that its other cells are brought up to date once and not once a change. [`Self::close_row`] ends them.
    pub fn change_gain_among(&mut self, open: &mut Option<RowPlace>, change: GainChange) {
        let GainChange { frame, target, gain, ramp } = change;
        let row = Self::row_at(target);
        if *open != Some(row) {
            self.close_row(open, frame);
            self.settle_row(row, frame);
            *open = Some(row);
        }
        match target {
            GainTarget::Term(TermPlace { row, term, .. }) => {
                let cell = (term - self.sums.rows[row as usize].terms.first) as usize;
                let (_, mut cells) = self.sums.row(row as usize);
                aim(frame, &mut cells, cell, gain, ramp);
            }
            GainTarget::Cell { matrix, source, destination } => {
                let mut cells = self.matrices[matrix as usize].row(usize::from(destination));
                aim(frame, &mut cells, usize::from(source), gain, ramp);
            }
        }
    }

    /// Finds the first end among the ramps of the row at hand.
    pub fn close_row(&mut self, open: &mut Option<RowPlace>, frame: u64) {
        if let Some(row) = open.take() {
            self.settle_row(row, frame);
        }
    }

    /// Puts a crosspoint at rest at a gain, of a program that does not play yet.
    pub fn start_gain(&mut self, target: GainTarget, gain: f32) {
        match target {
            GainTarget::Term(TermPlace { sum, term, .. }) => {
                self.sums.terms[term as usize].gain = gain;
                self.sums.ramps[term as usize] = Ramp::at_rest(gain);
                self.sums.sums[sum as usize].moving |= gain == 0.0;
            }
            GainTarget::Cell { matrix, source, destination } => {
                let mut cells = self.matrices[matrix as usize].row(usize::from(destination));
                cells.set(usize::from(source), gain, Ramp::at_rest(gain));
            }
        }
    }

    #[inline(never)]
    pub(super) fn mix(&mut self, index: u32, context: &mut Context<'_, '_>) {
        for sum in self.sums.mixes[index as usize].range() {
            if self.sums.sums[sum].moving || !self.due.is_empty() {
                self.sum_moving(sum, context);
            } else {
                self.sum(sum, context);
            }
        }
    }

    #[inline]
    fn sum(&mut self, index: usize, context: &mut Context<'_, '_>) {
        let sum = &self.sums.sums[index];
        let (destination, accumulate) = (sum.destination, sum.accumulate);
        let terms = &self.sums.terms[sum.terms.range()];
        let run = Run { first: 0, frames: self.shared.chunk.frames, accumulate };
        let some_silent = self.shared.silence.any(&sum.sources);
        if some_silent && self.shared.silence.all(&sum.sources) {
            if !accumulate {
                self.make_silent(destination, context);
            }
            return;
        }
        let accumulate_nothing = accumulate && self.shared.silence.get(destination);
        let run = Run { accumulate: accumulate && !accumulate_nothing, ..run };
        let to = self.arena.slot(destination);
        self.shared.silence.set(destination, false);
        // SAFETY: all terms and the destination are slots with room for the chunk; `verify` has checked that the
        // destination is none of the terms.
        unsafe {
            if some_silent {
                self.audible.clear();
                let slots = &self.sums.slots[sum.terms.range()];
                let audible = slots.iter().zip(terms).filter(|(slot, _)| !self.shared.silence.get(**slot));
                self.audible.extend(audible.map(|(_, term)| *term));
                context.kernels.mix(&self.audible, to, run);
            } else {
                context.kernels.mix(terms, to, run);
            }
        }
    }

    /// A sum of which some gain moves or is about to: cut where a ramp starts or ends, row by row.
    #[inline(never)]
    fn sum_moving(&mut self, index: usize, context: &mut Context<'_, '_>) {
        let Sum { destination, accumulate, rows, .. } = self.sums.sums[index];
        let is_here = |target| matches!(target, GainTarget::Term(place) if place.sum as usize == index);
        if !self.due.iter().any(|change| is_here(change.target)) && self.sums.is_closed(index) {
            if !accumulate {
                self.make_silent(destination, context);
            }
            return;
        }
        let rows = rows.range();
        let start = self.shared.chunk.steady_frame;
        let end = start + self.shared.chunk.frames as u64;
        let to = self.arena.slot(destination);
        let mut at = start;
        while at < end {
            let mut next = self.apply_due(at, end, is_here);
            for row in rows.clone() {
                if self.sums.rows[row].state.next_end <= at {
                    self.sums.settle_row(row, at);
                }
                next = next.min(self.sums.rows[row].state.next_end);
            }
            let next = next.min(end);
            let mut run = Run { first: (at - start) as usize, frames: (next - at) as usize, accumulate };
            for row in rows.clone() {
                self.sum_row(row, to, at, run, context.kernels);
                run.accumulate = true;
            }
            at = next;
        }
        self.shared.silence.set(destination, false);
        self.sums.sums[index].moving =
            rows.into_iter().any(|row| self.sums.rows[row].state.is_moving()) || self.sums.is_closed(index);
    }

    fn sum_row(&mut self, row: usize, to: *mut f32, at: u64, run: Run, kernels: &Kernels) {
        let SumRow { state, terms } = self.sums.rows[row];
        let terms = terms.range();
        if state.is_moving() {
            self.moving.clear();
            let cells = self.sums.terms[terms.clone()].iter().zip(&self.sums.ramps[terms]);
            self.moving.extend(cells.map(|(term, ramp)| RampTerm {
                source: term.source,
                gain: term.gain,
                slope: ramp.slope,
            }));
            // SAFETY: as in `sum`.
            unsafe { kernels.mix_ramp(&self.moving, to, state.elapsed(at), run) };
        } else {
            // SAFETY: as in `sum`.
            unsafe { kernels.mix(&self.sums.terms[terms], to, run) };
        }
    }

    /// Makes the changes of gains that are due at `at` for what `meant` names; returns the frame of the next one.
    fn apply_due(&mut self, at: u64, end: u64, meant: impl Fn(GainTarget) -> bool) -> u64 {
        let mut next = end;
        for place in 0..self.due.len() {
            let change = self.due[place];
            if !meant(change.target) {
                continue;
            }
            if change.frame == at {
                self.change_gain(change);
            } else if change.frame > at {
                next = next.min(change.frame);
            }
        }
        next
    }

    #[inline(never)]
    pub(super) fn matrix(&mut self, index: u32, context: &mut Context<'_, '_>) {
        let plan = self.schedule.matrices[index as usize];
        let start = self.shared.chunk.steady_frame;
        let end = start + self.shared.chunk.frames as u64;
        let sources = plan.sources.range();
        let state = &self.matrices[index as usize];
        let is_here = |target| matches!(target, GainTarget::Cell { matrix, .. } if matrix == index);
        let all_silent = self.schedule.matrix_slots[sources].iter().all(|&slot| self.shared.silence.get(slot));
        let destinations = plan.destinations.range();
        let is_silent = all_silent && !state.is_moving() || state.is_closed();
        if is_silent && !self.due.iter().any(|change| is_here(change.target)) {
            for place in destinations {
                let slot = self.schedule.matrix_slots[place];
                let summed = plan.accumulate && !self.shared.silence.get(slot);
                if !summed {
                    self.make_silent(slot, context);
                }
            }
            return;
        }
        let mut at = start;
        while at < end {
            let next = self.apply_due(at, end, is_here);
            let state = &mut self.matrices[index as usize];
            let next = state.settle(at).min(next);
            let run = Run { first: (at - start) as usize, frames: (next - at) as usize, accumulate: plan.accumulate };
            state.multiply(at, run, context.kernels);
            at = next;
        }
        for place in destinations {
            self.shared.silence.set(self.schedule.matrix_slots[place], false);
        }
    }
}

impl Sums {
    /// Whether all gains of a sum rest at 0: it is silent, whatever its sources play.
    fn is_closed(&self, sum: usize) -> bool {
        let Sum { rows, terms, .. } = &self.sums[sum];
        self.terms[terms.range()].iter().all(|term| term.gain == 0.0)
            && self.rows[rows.range()].iter().all(|row| !row.state.is_moving())
    }

    /// Ends the ramps of a row that are over at a frame.
    fn settle_row(&mut self, row: usize, frame: u64) {
        let (state, mut cells) = self.row(row);
        state.settle(frame, &mut cells);
    }

    /// A row and its cells.
    fn row(&mut self, row: usize) -> (&mut Row, TermCells<'_>) {
        let SumRow { state, terms } = &mut self.rows[row];
        let terms = terms.range();
        (state, TermCells { terms: &mut self.terms[terms.clone()], ramps: &mut self.ramps[terms] })
    }
}

/// The terms of one row.
struct TermCells<'a> {
    terms: &'a mut [Term],
    ramps: &'a mut [Ramp],
}

impl Cells for TermCells<'_> {
    fn candidates(&self) -> usize {
        self.terms.len()
    }

    fn candidate(&self, place: usize) -> usize {
        place
    }

    fn get(&self, cell: usize) -> (f32, Ramp) {
        (self.terms[cell].gain, self.ramps[cell])
    }

    fn set(&mut self, cell: usize, gain: f32, ramp: Ramp) {
        self.terms[cell].gain = gain;
        self.ramps[cell] = ramp;
    }
}

/// By crosspoint of the graph where its gain is kept.
pub(super) fn gain_targets(schedule: &Schedule, sums: &Sums) -> Box<[Option<GainTarget>]> {
    let mut targets = vec![None; schedule.flat.cells.len()];
    for &(cell, place) in &sums.places {
        targets[cell as usize] = Some(GainTarget::Term(place));
    }
    for (matrix, plan) in (0..).zip(&schedule.matrices) {
        let cells = schedule.flat.edges[plan.edge.index()].cells.range();
        for (target, cell) in targets[cells.clone()].iter_mut().zip(&schedule.flat.cells[cells]) {
            *target = Some(GainTarget::Cell { matrix, source: cell.source, destination: cell.destination });
        }
    }
    targets.into()
}
