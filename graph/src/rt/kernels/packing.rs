//! How the gains of a dense matrix lie in memory: in the order in which the kernel reads them, so that it walks through
//! them once for each column of frames. Destinations are cut into rows of blocks of nearly equal height, at most
//! [`ROWS`]; each block holds its gains source by source.
//!
//! ```text
//! 7 destinations, 2 sources:      block 0                      block 1
//!                                 s0: d0 d1 d2 d3              s0: d4 d5 d6
//!                                 s1: d0 d1 d2 d3              s1: d4 d5 d6
//! ```

/// Most destinations in a block: with two vectors each, twelve sums, which leaves four of sixteen registers for
/// samples and gains. A processor that starts two products every cycle and takes four cycles for each needs eight.
pub(in crate::rt) const ROWS: usize = 6;

/// The layout of a dense matrix's gains.
///
/// # Real-time
/// Everything but [`Packing::pack`] may be called from the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    sources: usize,
    destinations: usize,
    blocks: usize,
}

/// One block of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rt) struct RowBlock {
    /// Its first destination.
    pub first: usize,
    /// How many it has, 1 to [`ROWS`].
    pub rows: usize,
}

impl Packing {
    /// The layout for so many sources and destinations; either may be 0.
    #[inline]
    pub const fn new(sources: usize, destinations: usize) -> Self {
        Self { sources, destinations, blocks: destinations.div_ceil(ROWS) }
    }

    /// Floats in the packed array: one for each cell.
    #[inline]
    pub const fn len(self) -> usize {
        self.sources * self.destinations
    }

    /// Whether there is no cell at all.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Where the cell from `source` to `destination` stands in the packed array.
    ///
    /// # Panics
    /// If there is no such source or destination.
    #[inline]
    pub fn index(self, source: usize, destination: usize) -> usize {
        assert!(source < self.sources, "no such source");
        let (first, stride) = self.row(destination);
        first + source * stride
    }

    /// Where the first cell of a destination stands in the packed array, and how far it is from each to the next.
    ///
    /// # Panics
    /// If there is no such destination.
    #[inline]
    pub(in crate::rt) fn row(self, destination: usize) -> (usize, usize) {
        assert!(destination < self.destinations, "no such destination");
        let (height, taller) = (self.destinations / self.blocks, self.destinations % self.blocks);
        let in_taller = taller * (height + 1);
        let index = if destination < in_taller {
            destination / (height + 1)
        } else {
            taller + (destination - in_taller) / height
        };
        let block = self.block(index);
        (block.first * self.sources + destination - block.first, block.rows)
    }

    /// The packed array of what `gain` says of each source and destination. Allocates.
    pub fn pack(self, mut gain: impl FnMut(usize, usize) -> f32) -> Box<[f32]> {
        let mut packed = Vec::with_capacity(self.len());
        for block in self.blocks() {
            for source in 0..self.sources {
                packed.extend((block.first..block.first + block.rows).map(|destination| gain(source, destination)));
            }
        }
        packed.into_boxed_slice()
    }

    /// The blocks in order. The taller ones come first.
    #[inline]
    pub(in crate::rt) fn blocks(self) -> impl Iterator<Item = RowBlock> {
        (0..self.blocks).map(move |index| self.block(index))
    }

    #[inline]
    fn block(self, index: usize) -> RowBlock {
        let (height, taller) = (self.destinations / self.blocks, self.destinations % self.blocks);
        RowBlock { first: index * height + index.min(taller), rows: height + usize::from(index < taller) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every cell has a place of its own, the place `pack` gives it, and blocks are of nearly equal height.
    #[test]
    fn cells_stand_where_index_says() {
        for sources in 0..5 {
            for destinations in 0..40 {
                let packing = Packing::new(sources, destinations);
                let packed = packing.pack(|source, destination| (1 + source * 100 + destination) as f32);
                assert_eq!(packed.len(), packing.len());
                assert_eq!(packing.is_empty(), packed.is_empty());
                for source in 0..sources {
                    for destination in 0..destinations {
                        let there = packed[packing.index(source, destination)];
                        assert_eq!(there, (1 + source * 100 + destination) as f32);
                    }
                }
                let rows: Vec<_> = packing.blocks().map(|block| block.rows).collect();
                assert_eq!(rows.iter().sum::<usize>(), destinations);
                assert!(rows.iter().all(|&height| height <= ROWS && height + 1 >= rows[0] && height <= rows[0]));
            }
        }
    }
}
