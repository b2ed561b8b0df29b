//! What the schedule before this one played in the cells of the graph as it is now: new cells fade in, changed delays
//! cross-fade. Decides nothing.

use super::schedule::{Schedule, Span};
use crate::graph::flat::{Flat, FlatCell, FlatEdge};

/// The schedule before, if there was one.
#[derive(Clone, Copy)]
pub(super) struct Played<'a>(pub Option<&'a Schedule>);

impl<'a> Played<'a> {
    /// Whether it had cells with delays.
    pub fn had_delays(self) -> bool {
        self.0.is_some_and(|previous| !previous.taps.is_empty())
    }

    /// What was played in an edge.
    pub fn in_edge(self, edge: &FlatEdge) -> PlayedEdge<'a> {
        // An edge that feeds back otherwise than before begins anew.
        let old = self.0.and_then(|previous| previous.edge(edge.id));
        let old = old.filter(|old| old.delay == edge.delay);
        PlayedEdge { previous: self.0, first: edge.cells.first, old: old.map_or(Span::default(), |old| old.cells) }
    }
}

/// An edge as it was played.
pub(super) struct PlayedEdge<'a> {
    previous: Option<&'a Schedule>,
    /// The first cell of the edge as it is now.
    first: u32,
    /// The cells as they were; none if the edge is new.
    old: Span,
}

impl PlayedEdge<'_> {
    /// What was played in a cell of the edge: its place in the schedule before, if that had it.
    #[inline]
    fn find(&self, index: u32, cell: &FlatCell) -> Option<(&Schedule, u32)> {
        let previous = self.previous?;
        let cells = &previous.flat.cells[self.old.range()];
        let key = (cell.destination, cell.source);
        // Most likely it stands where it stood.
        let place = index - self.first;
        let is_same = |old: &FlatCell| (old.destination, old.source) == key;
        let place = if cells.get(place as usize).is_some_and(is_same) {
            place
        } else {
            cells.binary_search_by_key(&key, |old| (old.destination, old.source)).ok()? as u32
        };
        Some((previous, self.old.first + place))
    }

    /// The delay that was played in a cell, if the schedule before had it.
    #[inline]
    pub fn delay(&self, flat: &Flat, index: u32) -> Option<u32> {
        self.previous?;
        self.find(index, &flat.cells[index as usize]).map(|(previous, old)| previous.delay(old))
    }

    /// Whether a cell has the gain that it had, or is the first that ever plays; a new one fades in.
    #[inline]
    pub fn rests(&self, index: u32, cell: &FlatCell) -> bool {
        let is_same = |(previous, old): (&Schedule, u32)| previous.flat.cells[old as usize].gain == cell.gain;
        self.previous.is_none() || self.find(index, cell).is_some_and(is_same)
    }
}
