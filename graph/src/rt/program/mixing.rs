//! The sums of a program: terms and dense matrices, at rest and while their gains move.

use super::{Context, Program};
use crate::compile::{ELIDED, Mix, Schedule};
use crate::id::EdgeId;
use crate::rt::arena::Arena;
use crate::rt::kernels::{self, Kernels, Packing, RampTerm, Run, Term};
use crate::rt::ramp::{Cells, Ramp, Row};
use crate::rt::silence::SlotSet;

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
    Term { mix: u32, term: u32 },
    /// A cell of a dense matrix.
    Cell { matrix: u32, source: u16, destination: u16 },
}

/// A row of cells that share an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RowPlace {
    /// Of a sum, by its place among all rows.
    Sum { mix: u32, row: usize },
    /// Of a dense matrix.
    Matrix { matrix: u32, destination: u16 },
}

pub(crate) struct MixState {
    /// Whether some gain is on its way.
    moving: bool,
    /// The slots that are summed.
    sources: SlotSet,
}

pub(crate) struct MatrixState {
    pub packing: Packing,
    pub gains: Box<[f32]>,
    pub slopes: Box<[f32]>,
    /// Packed like the gains.
    pub ramps: Box<[Ramp]>,
    /// One for each destination.
    pub rows: Box<[Row]>,
    elapsed: Box<[Option<u32>]>,
    sources: Box<[*const f32]>,
    destinations: Box<[*mut f32]>,
    moving: bool,
}

impl Program {
    /// Where the gain of a crosspoint is kept; none if it is elided or not there.
    pub fn gain_target(&self, edge: EdgeId, source: u16, destination: u16) -> Option<GainTarget> {
        let cell = &self.schedule.cells[self.schedule.cell(edge, source, destination)? as usize];
        match self.schedule.edge(edge)?.matrix {
            Some(matrix) => Some(GainTarget::Cell { matrix, source, destination }),
            None if cell.term == ELIDED => None,
            None => Some(GainTarget::Term { mix: cell.mix, term: cell.term }),
        }
    }

    /// The gain of a crosspoint at a frame, and where it is going.
    pub fn gain_at(&self, target: GainTarget, frame: u64) -> (f32, Ramp) {
        match target {
            GainTarget::Term { mix, term } => {
                let row = &self.rows[self.row_of(mix, term)];
                let ramp = self.ramps[term as usize];
                (row.value(self.terms[term as usize].gain, &ramp, frame), ramp)
            }
            GainTarget::Cell { matrix, source, destination } => {
                let state = &self.matrices[matrix as usize];
                let place = state.packing.index(usize::from(source), usize::from(destination));
                let ramp = state.ramps[place];
                (state.rows[usize::from(destination)].value(state.gains[place], &ramp, frame), ramp)
            }
        }
    }

    fn row_of(&self, mix: u32, term: u32) -> usize {
        let rows = self.schedule.mixes[mix as usize].rows;
        let within = self.schedule.rows[rows.range()].partition_point(|row| row.terms.first <= term);
        rows.first as usize + within - 1
    }

    /// The row that a crosspoint is in.
    fn row_at(&self, target: GainTarget) -> RowPlace {
        match target {
            GainTarget::Term { mix, term } => RowPlace::Sum { mix, row: self.row_of(mix, term) },
            GainTarget::Cell { matrix, destination, .. } => RowPlace::Matrix { matrix, destination },
        }
    }

    /// Does something to a row and its cells.
    fn with_row(&mut self, place: RowPlace, act: impl FnOnce(&mut Row, &mut dyn Cells)) {
        match place {
            RowPlace::Sum { mix, row } => {
                let terms = self.schedule.rows[row].terms.range();
                let mut cells = TermCells { terms: &mut self.terms[terms.clone()], ramps: &mut self.ramps[terms] };
                act(&mut self.rows[row], &mut cells);
                self.mixes[mix as usize].moving = true;
            }
            RowPlace::Matrix { matrix, destination } => {
                let state = &mut self.matrices[matrix as usize];
                let destination = usize::from(destination);
                let mut row = state.rows[destination];
                act(&mut row, &mut state.row_cells(destination));
                state.rows[destination] = row;
                state.moving = true;
            }
        }
    }

    /// Place of a crosspoint's cell within its row.
    fn place_in_row(&self, target: GainTarget, row: RowPlace) -> usize {
        match (target, row) {
            (GainTarget::Term { term, .. }, RowPlace::Sum { row, .. }) => {
                (term - self.schedule.rows[row].terms.first) as usize
            }
            (GainTarget::Cell { source, .. }, _) => usize::from(source),
            (GainTarget::Term { .. }, RowPlace::Matrix { .. }) => unreachable!("a term is in a row of a sum"),
        }
    }

    /// Sends a crosspoint to a gain from a frame on.
    pub fn change_gain(&mut self, change: GainChange) {
        let GainChange { frame, target, gain, ramp } = change;
        let row = self.row_at(target);
        let cell = self.place_in_row(target, row);
        self.with_row(row, |row, cells| row.go(frame, cells, cell, gain, ramp));
    }

    /// As [`Self::change_gain`], for one of many changes at one frame: the row that is at hand stays open between them, so
    /// that its other cells are brought up to date once and not once a change. [`Self::close_row`] ends them.
    pub fn change_gain_among(&mut self, open: &mut Option<RowPlace>, change: GainChange) {
        let GainChange { frame, target, gain, ramp } = change;
        let row = self.row_at(target);
        if *open != Some(row) {
            self.close_row(open, frame);
            self.with_row(row, |row, cells| row.settle(frame, cells));
            *open = Some(row);
        }
        let cell = self.place_in_row(target, row);
        self.with_row(row, |row, cells| row.aim(frame, cells, cell, gain, ramp));
    }

    /// Finds the first end among the ramps of the row at hand.
    pub fn close_row(&mut self, open: &mut Option<RowPlace>, frame: u64) {
        if let Some(row) = open.take() {
            self.with_row(row, |row, cells| row.settle(frame, cells));
        }
    }

    /// Puts a crosspoint at rest at a gain, of a program that does not play yet.
    pub fn start_gain(&mut self, target: GainTarget, gain: f32) {
        match target {
            GainTarget::Term { term, .. } => {
                self.terms[term as usize].gain = gain;
                self.ramps[term as usize] = at_rest(gain);
            }
            GainTarget::Cell { matrix, source, destination } => {
                let state = &mut self.matrices[matrix as usize];
                let place = state.packing.index(usize::from(source), usize::from(destination));
                state.gains[place] = gain;
                state.ramps[place] = at_rest(gain);
            }
        }
    }

    #[inline(never)]
    pub(super) fn mix(&mut self, index: u32, context: &mut Context<'_, '_>) {
        let mix = &self.schedule.mixes[index as usize];
        let (destination, accumulate) = (mix.destination, mix.accumulate);
        if self.mixes[index as usize].moving || !self.due.is_empty() {
            return self.mix_moving(index, context);
        }
        let plans = &self.schedule.terms[mix.terms.range()];
        let terms = &self.terms[mix.terms.range()];
        let run = Run { first: 0, frames: self.shared.chunk.frames, accumulate };
        let sources = &self.mixes[index as usize].sources;
        let some_silent = self.shared.silence.any(sources);
        if some_silent && self.shared.silence.all(sources) {
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
                let audible = plans.iter().zip(terms).filter(|(plan, _)| !self.shared.silence.get(plan.slot));
                self.audible.extend(audible.map(|(_, term)| *term));
                context.kernels.mix(&self.audible, to, run);
            } else {
                context.kernels.mix(terms, to, run);
            }
        }
    }

    /// A sum of which some gain moves or is about to: cut where a ramp starts or ends, row by row.
    #[inline(never)]
    fn mix_moving(&mut self, index: u32, context: &mut Context<'_, '_>) {
        let mix = self.schedule.mixes[index as usize];
        let rows = mix.rows.range();
        let start = self.shared.chunk.steady_frame;
        let end = start + self.shared.chunk.frames as u64;
        let to = self.arena.slot(mix.destination);
        let mut at = start;
        while at < end {
            let next = self.apply_due(at, end, |target| matches!(target, GainTarget::Term { mix, .. } if mix == index));
            let mut next = next;
            for row in rows.clone() {
                if self.rows[row].next_end <= at {
                    let terms = self.schedule.rows[row].terms.range();
                    let mut cells = TermCells { terms: &mut self.terms[terms.clone()], ramps: &mut self.ramps[terms] };
                    self.rows[row].settle(at, &mut cells);
                }
                next = next.min(self.rows[row].next_end);
            }
            let next = next.min(end);
            let mut run =
                Run { first: (at - start) as usize, frames: (next - at) as usize, accumulate: mix.accumulate };
            for row in rows.clone() {
                self.sum_row(row, to, at, run, context.kernels);
                run.accumulate = true;
            }
            at = next;
        }
        self.shared.silence.set(mix.destination, false);
        self.mixes[index as usize].moving = rows.into_iter().any(|row| self.rows[row].is_moving());
    }

    fn sum_row(&mut self, row: usize, to: *mut f32, at: u64, run: Run, kernels: &Kernels) {
        let terms = self.schedule.rows[row].terms.range();
        let state = self.rows[row];
        if state.is_moving() {
            self.moving.clear();
            self.moving.extend(self.terms[terms.clone()].iter().zip(&self.ramps[terms]).map(|(term, ramp)| RampTerm {
                source: term.source,
                gain: term.gain,
                slope: ramp.slope,
            }));
            // SAFETY: as in `mix`.
            unsafe { kernels.mix_ramp(&self.moving, to, state.elapsed(at), run) };
        } else {
            // SAFETY: as in `mix`.
            unsafe { kernels.mix(&self.terms[terms], to, run) };
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
        let all_silent = self.schedule.matrix_slots[sources].iter().all(|&slot| self.shared.silence.get(slot));
        let destinations = plan.destinations.range();
        if all_silent && !self.matrices[index as usize].moving && self.due.is_empty() {
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
            let next =
                self.apply_due(at, end, |target| matches!(target, GainTarget::Cell { matrix, .. } if matrix == index));
            let state = &mut self.matrices[index as usize];
            let next = state.settle(at).min(next);
            let run = Run { first: (at - start) as usize, frames: (next - at) as usize, accumulate: plan.accumulate };
            state.multiply(run, context.kernels);
            at = next;
        }
        for place in destinations {
            self.shared.silence.set(self.schedule.matrix_slots[place], false);
        }
    }
}

pub(super) fn at_rest(gain: f32) -> Ramp {
    Ramp { slope: 0.0, target: gain, end: 0 }
}

/// The terms of one row.
struct TermCells<'a> {
    terms: &'a mut [Term],
    ramps: &'a mut [Ramp],
}

impl Cells for TermCells<'_> {
    fn len(&self) -> usize {
        self.terms.len()
    }

    fn cell(&mut self, index: usize) -> (&mut f32, &mut Ramp) {
        (&mut self.terms[index].gain, &mut self.ramps[index])
    }
}

/// One destination's cells of a dense matrix.
struct MatrixCells<'a> {
    packing: Packing,
    sources: usize,
    destination: usize,
    gains: &'a mut [f32],
    ramps: &'a mut [Ramp],
}

impl Cells for MatrixCells<'_> {
    fn len(&self) -> usize {
        self.sources
    }

    fn cell(&mut self, index: usize) -> (&mut f32, &mut Ramp) {
        let place = self.packing.index(index, self.destination);
        (&mut self.gains[place], &mut self.ramps[place])
    }
}

impl MatrixState {
    fn row_cells(&mut self, destination: usize) -> MatrixCells<'_> {
        MatrixCells {
            packing: self.packing,
            sources: self.sources.len(),
            destination,
            gains: &mut self.gains,
            ramps: &mut self.ramps,
        }
    }

    /// Ends the ramps that are over at a frame; returns the frame at which the next one is.
    fn settle(&mut self, at: u64) -> u64 {
        if !self.moving {
            return u64::MAX;
        }
        let mut next = u64::MAX;
        for destination in 0..self.rows.len() {
            let mut row = self.rows[destination];
            if row.next_end <= at {
                row.settle(at, &mut self.row_cells(destination));
                self.rows[destination] = row;
            }
            self.elapsed[destination] = row.is_moving().then(|| row.elapsed(at));
            next = next.min(row.next_end);
            // Whatever begins or ends moves the epoch; the slopes stand until then.
            if row.epoch == at {
                for source in 0..self.sources.len() {
                    let place = self.packing.index(source, destination);
                    self.slopes[place] = self.ramps[place].slope;
                }
            }
        }
        self.moving = next != u64::MAX;
        next
    }

    fn multiply(&self, run: Run, kernels: &Kernels) {
        let matrix = kernels::Matrix { gains: &self.gains, sources: &self.sources, destinations: &self.destinations };
        // SAFETY: all sources and destinations are slots with room for the chunk; `verify` has checked that they are
        // apart.
        unsafe {
            if self.moving {
                let ramp = kernels::MatrixRamp { slopes: &self.slopes, elapsed: &self.elapsed };
                kernels.matrix_ramp(&matrix, &ramp, run);
            } else {
                kernels.matrix(&matrix, run);
            }
        }
    }
}

pub(super) fn mix_state(schedule: &Schedule, mix: &Mix) -> MixState {
    let slots: Vec<u32> = schedule.terms[mix.terms.range()].iter().map(|term| term.slot).collect();
    MixState { moving: false, sources: SlotSet::new(&slots) }
}

pub(super) fn matrix_state(schedule: &Schedule, index: usize, arena: &mut Arena) -> MatrixState {
    let plan = &schedule.matrices[index];
    let gains = &schedule.matrix_gains[plan.gains.range()];
    let sources: Box<[*const f32]> =
        schedule.matrix_slots[plan.sources.range()].iter().map(|&slot| arena.slot(slot).cast_const()).collect();
    let destinations: Box<[*mut f32]> =
        schedule.matrix_slots[plan.destinations.range()].iter().map(|&slot| arena.slot(slot)).collect();
    let packing = Packing::new(sources.len(), destinations.len());
    let gains = packing.pack(|source, destination| gains[destination * sources.len() + source]);
    MatrixState {
        packing,
        slopes: vec![0.0; gains.len()].into_boxed_slice(),
        ramps: gains.iter().map(|&gain| at_rest(gain)).collect(),
        rows: vec![Row::default(); destinations.len()].into_boxed_slice(),
        elapsed: vec![None; destinations.len()].into_boxed_slice(),
        gains,
        sources,
        destinations,
        moving: false,
    }
}
