//! What the schedule before this one played in the cells of the graph as it is now: new cells fade in, changed delays
//! cross-fade. Decides nothing.

use super::schedule::{Schedule, ScheduledCell};
use crate::graph::flat::Flat;

/// The schedule before, by the cells of a graph.
#[derive(Clone, Copy)]
pub(super) struct Played<'a> {
    flat: &'a Flat,
    previous: Option<&'a Schedule>,
}

impl<'a> Played<'a> {
    pub fn new(flat: &'a Flat, previous: Option<&'a Schedule>) -> Self {
        Self { flat, previous }
    }

    /// Whether there was a schedule before, so that new cells fade in.
    pub fn any(self) -> bool {
        self.previous.is_some()
    }

    /// Whether it had cells with delays.
    pub fn had_delays(self) -> bool {
        self.previous.is_some_and(|previous| !previous.taps.is_empty())
    }

    /// What was played in a cell, if the schedule before had it.
    #[inline]
    pub fn in_cell(self, index: u32) -> Option<&'a ScheduledCell> {
        self.in_cell_of(self.previous?, index)
    }

    fn in_cell_of(self, previous: &'a Schedule, index: u32) -> Option<&'a ScheduledCell> {
        let cell = &self.flat.cells[index as usize];
        let edge = self.flat.owner(cell);
        // An edge that feeds back otherwise than before begins anew.
        let old = previous.edge(edge.id).filter(|old| old.feedback == edge.feedback.then_some(edge.delay))?;
        let cells = &previous.cells[old.cells.range()];
        let key = (cell.destination, cell.source);
        let is_same = |old: &&ScheduledCell| (old.destination, old.source) == key;
        // Most likely it stands where it stood.
        cells.get((index - edge.cells.first) as usize).filter(is_same).or_else(|| {
            let place = cells.binary_search_by_key(&key, |old| (old.destination, old.source)).ok()?;
            Some(&cells[place])
        })
    }
}
