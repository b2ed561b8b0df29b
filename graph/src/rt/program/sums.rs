//! The sums of a program, channel by channel: what the mixes of its schedule say in few words, laid out for the audio
//! thread. Made on the control thread; what moves a gain is in `mixing`.

use crate::compile::{self as compiled, Mix, Schedule, Span};
use crate::rt::arena::Arena;
use crate::rt::kernels::Term;
use crate::rt::ramp::{Ramp, Row};
use crate::rt::silence::SlotSet;

/// A sum into one channel.
pub(super) struct Sum {
    /// Slot that is written.
    pub destination: u32,
    /// Whether it goes on from what the slot holds.
    pub accumulate: bool,
    /// Whether some gain is on its way, or all may rest at 0: it is looked at with care.
    pub moving: bool,
    pub terms: Span,
    pub rows: Span,
    /// The slots that are summed.
    pub sources: SlotSet,
}

/// The terms of one edge within a sum: they share the clock of their ramps.
pub(super) struct SumRow {
    pub state: Row,
    pub terms: Span,
}

/// Where the gain of a crosspoint is kept that has a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TermPlace {
    pub sum: u32,
    pub row: u32,
    pub term: u32,
}

/// All sums of a program.
#[derive(Default)]
pub(super) struct Sums {
    /// Of each mix its sums, in `sums`.
    pub mixes: Vec<Span>,
    pub sums: Vec<Sum>,
    pub rows: Vec<SumRow>,
    pub terms: Vec<Term>,
    /// One for each term: the slot that it reads, and where its gain goes.
    pub slots: Vec<u32>,
    pub ramps: Vec<Ramp>,
    /// One for each term: the crosspoint of the graph, and where its gain is kept.
    pub places: Vec<(u32, TermPlace)>,
}

impl Sums {
    /// Control thread: allocates.
    pub fn new(schedule: &Schedule, arena: &mut Arena) -> Self {
        let mut sums = Self::default();
        for mix in &schedule.mixes {
            sums.add(schedule, mix, arena);
        }
        sums
    }

    fn add(&mut self, schedule: &Schedule, mix: &Mix, arena: &mut Arena) {
        let first_sum = self.sums.len();
        for (destination, terms) in schedule.sums(mix) {
            let (first_row, first_term) = (self.rows.len(), self.terms.len());
            let mut owner = None;
            for (slot, compiled::Term { edge, cell }) in terms {
                let term = self.terms.len();
                let gain = schedule.flat.cells[cell as usize].gain;
                if owner.replace(edge) != Some(edge) {
                    self.rows.push(SumRow { state: Row::default(), terms: Span::new(term, term) });
                }
                if let Some(row) = self.rows.last_mut() {
                    row.terms.count += 1;
                }
                self.terms.push(Term { source: arena.slot(slot).cast_const(), gain });
                self.slots.push(slot);
                self.ramps.push(Ramp::at_rest(gain));
                let (sum, row) = (self.sums.len() as u32, self.rows.len() as u32 - 1);
                self.places.push((cell, TermPlace { sum, row, term: term as u32 }));
            }
            self.sums.push(Sum {
                destination,
                accumulate: mix.accumulate,
                moving: self.terms[first_term..].iter().all(|term| term.gain == 0.0),
                terms: Span::new(first_term, self.terms.len()),
                rows: Span::new(first_row, self.rows.len()),
                sources: SlotSet::new(&self.slots[first_term..]),
            });
        }
        self.mixes.push(Span::new(first_sum, self.sums.len()));
    }

    /// Terms of the longest sum.
    pub fn longest(&self) -> usize {
        self.sums.iter().map(|sum| sum.terms.count as usize).max().unwrap_or(0)
    }
}
