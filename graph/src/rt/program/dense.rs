//! A dense matrix of a program, at rest and while its gains move. A row of which few cells move is multiplied as if it
//! rested, and what moves is added to that; a row of which many move ramps as a whole. Both give the same bits, and what
//! a change costs is counted in cells that move, not in cells that are there.

mod row;

use crate::compile::Schedule;
use crate::rt::arena::Arena;
use crate::rt::kernels::{self, Kernels, Packing, ROWS, RampTerm, RowBlock, Run};
use crate::rt::ramp::{Ramp, Row};
use row::{DenseRow, FEW, Movers};
use std::ops::Range;

/// The gains of a dense matrix and the channels that it joins.
pub(crate) struct MatrixState {
    packing: Packing,
    /// Of each destination where its first cell is, and how far it is from each to the next: dividing takes time.
    starts: Box<[(usize, usize)]>,
    /// At the epochs of their rows; packed, as all that there is of each cell.
    gains: Box<[f32]>,
    /// Change per frame, 0 at rest.
    slopes: Box<[f32]>,
    /// Gains once ramps are over; the gains themselves at rest.
    targets: Box<[f32]>,
    /// Frames at which targets are reached; 0 at rest.
    ends: Box<[u64]>,
    /// One for each destination, as what follows.
    rows: Box<[Row]>,
    movers: Box<[Movers]>,
    /// Of rows that ramp as a whole.
    elapsed: Box<[Option<u32>]>,
    destinations: Box<[*mut f32]>,
    sources: Box<[*const f32]>,
    /// Whether some row moves.
    moving: bool,
    /// Whether one of them ramps as a whole.
    ramping: bool,
    /// Whether all gains are known to rest at 0.
    closed: bool,
}

impl MatrixState {
    /// At rest. Control thread: allocates.
    pub fn new(schedule: &Schedule, index: usize, arena: &mut Arena) -> Self {
        let plan = &schedule.matrices[index];
        let gains = &schedule.matrix_gains[plan.gains.range()];
        let sources: Box<[*const f32]> =
            schedule.matrix_slots[plan.sources.range()].iter().map(|&slot| arena.slot(slot).cast_const()).collect();
        let destinations: Box<[*mut f32]> =
            schedule.matrix_slots[plan.destinations.range()].iter().map(|&slot| arena.slot(slot)).collect();
        let packing = Packing::new(sources.len(), destinations.len());
        let gains = packing.pack(|source, destination| gains[destination * sources.len() + source]);
        Self {
            packing,
            starts: (0..destinations.len()).map(|destination| packing.row(destination)).collect(),
            // Written, not only asked for: the callback must not be the first to touch the memory.
            slopes: gains.iter().map(|_| 0.0).collect(),
            targets: gains.clone(),
            ends: gains.iter().map(|_| 0).collect(),
            rows: vec![Row::default(); destinations.len()].into_boxed_slice(),
            movers: vec![Movers::default(); destinations.len()].into_boxed_slice(),
            elapsed: vec![None; destinations.len()].into_boxed_slice(),
            closed: gains.iter().all(|&gain| gain == 0.0),
            gains,
            sources,
            destinations,
            moving: false,
            ramping: false,
        }
    }

    /// Whether it is silent whatever its sources play: all gains rest at 0. It may be so and not be known yet.
    pub fn is_closed(&self) -> bool {
        self.closed && !self.moving
    }

    /// Whether some gain is on its way.
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// The gain of a cell at a frame, and where it is going.
    pub fn gain_at(&self, source: usize, destination: usize, frame: u64) -> (f32, Ramp) {
        let (first, stride) = self.starts[destination];
        let place = first + source * stride;
        let ramp = self.ramp(place);
        (self.rows[destination].value(self.gains[place], &ramp, frame), ramp)
    }

    fn ramp(&self, place: usize) -> Ramp {
        Ramp { slope: self.slopes[place], target: self.targets[place], end: self.ends[place] }
    }

    /// The cells of a destination.
    pub fn row(&mut self, destination: usize) -> DenseRow<'_> {
        let (first, stride) = self.starts[destination];
        self.closed = false;
        DenseRow {
            first,
            stride,
            sources: self.sources.len(),
            gains: &mut self.gains,
            slopes: &mut self.slopes,
            targets: &mut self.targets,
            ends: &mut self.ends,
            movers: &mut self.movers[destination],
        }
    }

    /// Ends the ramps of a row that are over at a frame, and finds the first end of the others.
    pub fn settle_row(&mut self, destination: usize, frame: u64) {
        let mut row = self.rows[destination];
        let mut cells = self.row(destination);
        row.settle(frame, &mut cells);
        if cells.movers.are_many() {
            cells.count();
        }
        self.rows[destination] = row;
        self.moving = true;
    }

    /// Ends the ramps that are over at a frame; returns the frame at which the next one is.
    pub fn settle(&mut self, at: u64) -> u64 {
        if !self.moving {
            return u64::MAX;
        }
        for block in self.packing.blocks() {
            let rows = block.first..block.first + block.rows;
            let is_due = |destination: usize| self.rows[destination].next_end <= at;
            if rows.clone().any(|row| is_due(row) && self.movers[row].are_many()) && self.end_all(block, at) {
                continue;
            }
            for destination in rows {
                if self.rows[destination].next_end <= at {
                    self.settle_row(destination, at);
                }
            }
        }
        let mut next = u64::MAX;
        self.ramping = false;
        for destination in 0..self.rows.len() {
            let row = self.rows[destination];
            let ramps = row.is_moving() && self.movers[destination].are_many();
            self.elapsed[destination] = ramps.then(|| row.elapsed(at));
            self.ramping |= ramps;
            next = next.min(row.next_end);
        }
        self.moving = next != u64::MAX;
        self.closed = !self.moving && self.gains.iter().all(|&gain| gain == 0.0);
        next
    }

    /// Puts a block at rest if all of its ramps are over at a frame; says whether they are.
    fn end_all(&mut self, block: RowBlock, at: u64) -> bool {
        let places = self.places(block);
        let over = self.ends[places.clone()].iter().all(|&end| end <= at);
        if over {
            // What rests has its gain for a target.
            self.gains[places.clone()].copy_from_slice(&self.targets[places.clone()]);
            self.slopes[places.clone()].fill(0.0);
            self.ends[places].fill(0);
            let rows = block.first..block.first + block.rows;
            self.rows[rows.clone()].fill(Row { epoch: at, next_end: u64::MAX });
            self.movers[rows].fill(Movers::default());
        }
        over
    }

    /// Where the cells of a block are.
    fn places(&self, block: RowBlock) -> Range<usize> {
        let sources = self.sources.len();
        block.first * sources..(block.first + block.rows) * sources
    }

    /// Multiplies from frame `at` on, at which it is settled.
    pub fn multiply(&self, at: u64, run: Run, kernels: &Kernels) {
        let matrix = kernels::Matrix { gains: &self.gains, sources: &self.sources, destinations: &self.destinations };
        // SAFETY: all sources and destinations are slots with room for the chunk; `verify` has checked that they are
        // apart.
        unsafe {
            if self.ramping && self.moving {
                let ramp = kernels::MatrixRamp { slopes: &self.slopes, elapsed: &self.elapsed };
                kernels.matrix_ramp(&matrix, &ramp, run);
            } else {
                kernels.matrix(&matrix, run);
            }
        }
        if self.moving {
            let run = Run { accumulate: true, ..run };
            for destination in 0..self.rows.len() {
                self.add_movers(destination, at, run, kernels);
            }
        }
    }

    /// Adds what moves to a row that was multiplied as if it rested.
    fn add_movers(&self, destination: usize, at: u64, run: Run, kernels: &Kernels) {
        let movers = self.movers[destination].listed();
        if movers.is_empty() {
            return;
        }
        let (first, stride) = self.starts[destination];
        let mut terms = [RampTerm { source: std::ptr::null(), gain: 0.0, slope: 0.0 }; FEW];
        for (term, &source) in terms.iter_mut().zip(movers) {
            let source = usize::from(source);
            // What stands has been summed.
            *term = RampTerm { source: self.sources[source], gain: 0.0, slope: self.slopes[first + source * stride] };
        }
        let elapsed = self.rows[destination].elapsed(at);
        // SAFETY: as in `multiply`; there are as many terms as movers.
        unsafe { kernels.mix_ramp(&terms[..movers.len()], self.destinations[destination], elapsed, run) };
    }

    /// Starts where another one of as many channels is at a frame, and goes to its own gains from there within `fade`; or,
    /// if it is the same `resent`, to where the other one is going.
    pub fn carry(&mut self, old: &Self, frame: u64, fade: u32, resent: bool) {
        for block in self.packing.blocks() {
            let rows = block.first..block.first + block.rows;
            let next_ends = if resent || old.rows[rows.clone()].iter().any(Row::is_moving) {
                self.carry_moving(block, old, frame, fade, resent)
            } else {
                self.carry_resting(block, old, frame, fade)
            };
            for (destination, next_end) in rows.zip(next_ends) {
                self.rows[destination] = Row { epoch: frame, next_end };
                self.row(destination).count();
            }
        }
        self.moving = true;
    }

    /// As [`Self::carry`], for a block that was at rest; gives the first end of each row.
    fn carry_resting(&mut self, block: RowBlock, old: &Self, frame: u64, fade: u32) -> [u64; ROWS] {
        let places = self.places(block);
        let cells = self.gains[places.clone()].iter_mut().zip(&mut self.slopes[places.clone()]);
        let cells = cells.zip(&mut self.ends[places.clone()]).zip(&old.gains[places.clone()]);
        for (((gain, slope), end), &start) in cells {
            let (start, ramp) = Ramp::toward(start, *gain, frame, fade);
            (*gain, *slope, *end) = (start, ramp.slope, ramp.end);
        }
        let mut next_ends = [u64::MAX; ROWS];
        // All have the same end.
        for (row, next_end) in next_ends[..block.rows].iter_mut().enumerate() {
            let mut ends = self.ends[places.clone()].iter().skip(row).step_by(block.rows);
            *next_end = ends.find(|&&end| end != 0).copied().unwrap_or(u64::MAX);
        }
        next_ends
    }

    /// As [`Self::carry_resting`], for a block that may have been moving.
    fn carry_moving(&mut self, block: RowBlock, old: &Self, frame: u64, fade: u32, resent: bool) -> [u64; ROWS] {
        let mut next_ends = [u64::MAX; ROWS];
        let before = &old.rows[block.first..block.first + block.rows];
        for source in self.places(block).step_by(block.rows) {
            for ((place, row), next_end) in (source..).zip(before).zip(&mut next_ends) {
                let ramp = old.ramp(place);
                let goal = if resent { ramp.target } else { self.targets[place] };
                let start = row.value(old.gains[place], &ramp, frame);
                let (gain, ramp) = Ramp::toward(start, goal, frame, ramp.frames_to(goal, frame, fade));
                (self.gains[place], self.targets[place]) = (gain, goal);
                (self.slopes[place], self.ends[place]) = (ramp.slope, ramp.end);
                if ramp.end != 0 {
                    *next_end = ramp.end.min(*next_end);
                }
            }
        }
        next_ends
    }
}
