//! One destination's cells of a dense matrix, and which of them move.

use crate::rt::ramp::{Cells, Ramp};

/// Most moving cells of a row that are added one by one.
pub(super) const FEW: usize = 8;

/// Which cells of a row move.
#[derive(Clone, Copy, Default)]
pub(super) struct Movers {
    /// How many, or more than [`FEW`] if it is not known which.
    count: usize,
    /// Their sources in order: the order of a sum.
    sources: [u16; FEW],
}

impl Movers {
    pub fn are_many(&self) -> bool {
        self.count > FEW
    }

    /// Those that are listed: none of many.
    pub fn listed(&self) -> &[u16] {
        self.sources.get(..self.count).unwrap_or_default()
    }

    fn insert(&mut self, source: u16) {
        if let Err(place) = self.listed().binary_search(&source)
            && !self.are_many()
        {
            if self.count < FEW {
                self.sources.copy_within(place..self.count, place + 1);
                self.sources[place] = source;
            }
            self.count += 1;
        }
    }

    /// Adds one that comes behind all that there are.
    fn push(&mut self, source: u16) {
        if let Some(place) = self.sources.get_mut(self.count) {
            *place = source;
        }
        self.count += 1;
    }

    fn remove(&mut self, source: u16) {
        if let Ok(place) = self.listed().binary_search(&source) {
            self.sources.copy_within(place + 1..self.count, place);
            self.count -= 1;
        }
    }
}

/// One destination's cells.
pub(crate) struct DenseRow<'a> {
    /// Where the first one is, and how far it is from each to the next.
    pub(super) first: usize,
    pub(super) stride: usize,
    pub(super) sources: usize,
    pub(super) gains: &'a mut [f32],
    pub(super) slopes: &'a mut [f32],
    pub(super) targets: &'a mut [f32],
    pub(super) ends: &'a mut [u64],
    pub(super) movers: &'a mut Movers,
}

impl DenseRow<'_> {
    /// Finds out anew which cells move.
    pub(super) fn count(&mut self) {
        *self.movers = Movers::default();
        let ends = self.ends[self.first..].iter().step_by(self.stride).take(self.sources);
        let moving = (0..).zip(ends).filter(|(_, end)| **end != 0);
        moving.take(FEW + 1).for_each(|(source, _)| self.movers.push(source));
    }
}

impl Cells for DenseRow<'_> {
    fn candidates(&self) -> usize {
        if self.movers.are_many() { self.sources } else { self.movers.count }
    }

    fn candidate(&self, place: usize) -> usize {
        if self.movers.are_many() { place } else { usize::from(self.movers.sources[place]) }
    }

    #[inline]
    fn get(&self, cell: usize) -> (f32, Ramp) {
        let place = self.first + cell * self.stride;
        let ramp = Ramp { slope: self.slopes[place], target: self.targets[place], end: self.ends[place] };
        (self.gains[place], ramp)
    }

    #[inline]
    fn set(&mut self, cell: usize, gain: f32, ramp: Ramp) {
        let place = self.first + cell * self.stride;
        self.gains[place] = gain;
        (self.slopes[place], self.targets[place], self.ends[place]) = (ramp.slope, ramp.target, ramp.end);
        if ramp.end == 0 {
            self.movers.remove(cell as u16);
        } else {
            self.movers.insert(cell as u16);
        }
    }
}
