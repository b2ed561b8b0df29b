//! The crosspoints of an audio edge: a sorted list while few are set, a full array once many are. Which of the two
//! follows from the cells alone, so equal matrices are stored alike whatever was done to get there.

use crate::port::MAX_PORT_CHANNELS;
use smallvec::SmallVec;

/// A list of so many cells stays a list however small the matrix: mixing a handful is cheapest one by one.
const MOST_CELLS_OF_A_SMALL_LIST: usize = 8;

/// One crosspoint: how a source channel is heard in a destination channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Linear and finite; kept while muted.
    pub gain: f32,
    /// Contributes silence.
    pub mute: bool,
    /// Flips the polarity.
    pub invert: bool,
}

impl Cell {
    /// Heard as it is: gain 1, neither muted nor inverted.
    pub const UNITY: Self = Self { gain: 1.0, mute: false, invert: false };

    /// A cell of that linear gain, neither muted nor inverted.
    pub fn new(gain: f32) -> Self {
        Self { gain, ..Self::UNITY }
    }

    /// The same with a gain that is not negative: as people see it, whose polarity is said by `invert` alone.
    pub fn unsigned(self) -> Self {
        Self { gain: self.gain.abs(), invert: self.invert != (self.gain < 0.0), ..self }
    }

    /// The factor that samples are multiplied by: 0 if muted, negated if inverted.
    pub fn effective(self) -> f32 {
        match (self.mute, self.invert) {
            (true, _) => 0.0,
            (false, true) => -self.gain,
            (false, false) => self.gain,
        }
    }
}

/// A rectangle of crosspoints, both corners counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first source channel.
    pub source: u32,
    /// The first destination channel.
    pub destination: u32,
    /// How many source channels.
    pub sources: u32,
    /// How many destination channels.
    pub destinations: u32,
}

impl Region {
    fn contains(&self, source: u32, destination: u32) -> bool {
        source.checked_sub(self.source).is_some_and(|offset| offset < self.sources)
            && destination.checked_sub(self.destination).is_some_and(|offset| offset < self.destinations)
    }
}

/// The cells of a rectangle, set or not.
#[derive(Clone, Debug, PartialEq)]
pub struct CellBlock {
    /// Where they stand.
    pub region: Region,
    /// `sources * destinations` cells: all sources of the first destination, then of the next. `None` is not connected.
    pub cells: Vec<Option<Cell>>,
}

/// Why cells could not be read or set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// The cell or the rectangle is not within the matrix.
    #[error(
        "source {source_channel} to destination {destination_channel} lies outside a matrix of {sources} sources and \
         {destinations} destinations; both are counted from 0"
    )]
    Outside {
        /// The source asked for; of a rectangle the last.
        source_channel: u64,
        /// The destination asked for; of a rectangle the last.
        destination_channel: u64,
        /// How many sources there are.
        sources: u32,
        /// How many destinations there are.
        destinations: u32,
    },
    /// The block's list is not as long as its rectangle is large.
    #[error("a block of {expected} crosspoints was given {given} cells; give one for each, `None` where there is none")]
    BlockLength {
        /// Cells in the list.
        given: usize,
        /// Cells in the rectangle.
        expected: usize,
    },
}

/// A set crosspoint in the list. Ordered by destination, then source. A `u16` holds any channel of a port.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    destination: u16,
    source: u16,
    cell: Cell,
}

impl Entry {
    fn new(source: u32, destination: u32, cell: Cell) -> Self {
        // Both are within the matrix, whose sides are at most MAX_PORT_CHANNELS.
        Self { destination: destination as u16, source: source as u16, cell }
    }

    fn position(&self) -> (u32, u32) {
        (u32::from(self.destination), u32::from(self.source))
    }
}

/// A mono or stereo cable, which most edges are, needs no allocation.
type List = SmallVec<[Entry; 2]>;

#[derive(Clone, Debug, PartialEq)]
enum Storage {
    Sparse(List),
    Dense { cells: Vec<Option<Cell>>, count: usize },
}

/// The crosspoints of an audio edge: source channels times destination channels, each set or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    sources: u16,
    destinations: u16,
    /// Whether every channel leads to its like and nowhere else. Follows from which cells are set.
    straight: bool,
    storage: Storage,
}

impl Matrix {
    /// A matrix without cells. As no port has more, more than [`MAX_PORT_CHANNELS`] on a side are cut to that.
    pub fn new(sources: u32, destinations: u32) -> Self {
        Self {
            sources: sources.min(MAX_PORT_CHANNELS) as u16,
            destinations: destinations.min(MAX_PORT_CHANNELS) as u16,
            straight: sources == 0 && destinations == 0,
            storage: Storage::Sparse(List::new()),
        }
    }

    /// Each channel to its like at unity: a cable of so many channels, cut to [`MAX_PORT_CHANNELS`].
    pub fn diagonal(channels: u32) -> Self {
        let empty = Self::new(channels, channels);
        let list = (0..empty.sources()).map(|channel| Entry::new(channel, channel, Cell::UNITY)).collect();
        empty.with_list(list)
    }

    /// How many source channels.
    pub fn sources(&self) -> u32 {
        u32::from(self.sources)
    }

    /// How many destination channels.
    pub fn destinations(&self) -> u32 {
        u32::from(self.destinations)
    }

    /// How many cells are set.
    pub fn cell_count(&self) -> usize {
        match &self.storage {
            Storage::Sparse(list) => list.len(),
            Storage::Dense { count, .. } => *count,
        }
    }

    /// Whether more than half of the cells are set, and more than a handful.
    pub fn is_dense(&self) -> bool {
        matches!(self.storage, Storage::Dense { .. })
    }

    /// Whether it is a plain cable: every channel to its like at unity and nowhere else.
    pub fn is_identity(&self) -> bool {
        self.sources == self.destinations
            && self.cell_count() == usize::from(self.sources)
            && self.cells().all(|(source, destination, cell)| source == destination && cell == Cell::UNITY)
    }

    /// The cell, if it is set. `None` outside the matrix, too.
    pub fn get(&self, source: u32, destination: u32) -> Option<Cell> {
        if !self.contains(source, destination) {
            return None;
        }
        match &self.storage {
            Storage::Sparse(list) => find(list, source, destination).ok().map(|at| list[at].cell),
            Storage::Dense { cells, .. } => cells[self.offset(source, destination)],
        }
    }

    /// Sets the cell, or takes it away by `None`, and returns what was there.
    ///
    /// # Errors
    /// [`MatrixError::Outside`] if there is no such crosspoint.
    pub fn set(&mut self, source: u32, destination: u32, cell: Option<Cell>) -> Result<Option<Cell>, MatrixError> {
        self.check(Region { source, destination, sources: 1, destinations: 1 })?;
        let offset = self.offset(source, destination);
        let before = match &mut self.storage {
            Storage::Sparse(list) => match (find(list, source, destination), cell) {
                (Ok(at), Some(cell)) => Some(std::mem::replace(&mut list[at].cell, cell)),
                (Ok(at), None) => Some(list.remove(at).cell),
                (Err(at), Some(cell)) => {
                    list.insert(at, Entry::new(source, destination, cell));
                    None
                }
                (Err(_), None) => None,
            },
            Storage::Dense { cells, count } => {
                let before = std::mem::replace(&mut cells[offset], cell);
                *count = *count + usize::from(cell.is_some()) - usize::from(before.is_some());
                before
            }
        };
        if before.is_some() != cell.is_some() {
            self.settle();
        }
        Ok(before)
    }

    /// All set cells as (source, destination, cell), by destination, then source.
    pub fn cells(&self) -> impl Iterator<Item = (u32, u32, Cell)> + '_ {
        match &self.storage {
            Storage::Sparse(list) => Cells::Sparse(list.iter()),
            Storage::Dense { cells, .. } => {
                Cells::Dense { sources: self.sources(), source: 0, destination: 0, cells: cells.iter() }
            }
        }
    }

    /// Whether every channel leads to its like and nowhere else, at whatever gain: the cells in order are then those of
    /// channels 0, 1, 2 and so on.
    pub(crate) fn is_straight(&self) -> bool {
        self.straight
    }

    /// Reads a rectangle.
    ///
    /// # Errors
    /// [`MatrixError::Outside`] if it does not lie within the matrix.
    pub fn get_block(&self, region: Region) -> Result<CellBlock, MatrixError> {
        self.check(region)?;
        let mut cells = Vec::with_capacity(region.sources as usize * region.destinations as usize);
        for destination in region.destination..region.destination + region.destinations {
            cells.extend((region.source..region.source + region.sources).map(|source| self.get(source, destination)));
        }
        Ok(CellBlock { region, cells })
    }

    /// Sets every cell of a rectangle and returns what was there.
    ///
    /// # Errors
    /// [`MatrixError::Outside`] if the rectangle does not lie within the matrix, [`MatrixError::BlockLength`] if it is
    /// not given one cell for each crosspoint. Nothing is set then.
    pub fn set_block(&mut self, block: &CellBlock) -> Result<CellBlock, MatrixError> {
        let region = block.region;
        self.check(region)?;
        let expected = region.sources as usize * region.destinations as usize;
        if block.cells.len() != expected {
            return Err(MatrixError::BlockLength { given: block.cells.len(), expected });
        }
        let before = self.get_block(region)?;
        let mut list: List = self
            .cells()
            .filter(|&(source, destination, _)| !region.contains(source, destination))
            .map(|(source, destination, cell)| Entry::new(source, destination, cell))
            .collect();
        list.extend(block.cells.iter().enumerate().filter_map(|(offset, cell)| {
            let source = region.source + offset as u32 % region.sources;
            let destination = region.destination + offset as u32 / region.sources;
            cell.map(|cell| Entry::new(source, destination, cell))
        }));
        list.sort_unstable_by_key(Entry::position);
        *self = Self::new(self.sources(), self.destinations()).with_list(list);
        Ok(before)
    }

    /// The whole matrix as a rectangle.
    pub fn region(&self) -> Region {
        Region { source: 0, destination: 0, sources: self.sources(), destinations: self.destinations() }
    }

    /// The same cells in a matrix of another size; those outside are left out. Sizes are cut as by [`Self::new`].
    pub fn resized(&self, sources: u32, destinations: u32) -> Self {
        let empty = Self::new(sources, destinations);
        let list = self
            .cells()
            .filter(|&(source, destination, _)| empty.contains(source, destination))
            .map(|(source, destination, cell)| Entry::new(source, destination, cell))
            .collect();
        empty.with_list(list)
    }

    /// Takes a sorted list within the matrix for its cells.
    fn with_list(mut self, list: List) -> Self {
        self.storage = Storage::Sparse(list);
        self.settle();
        self
    }

    /// Stores the cells in the way that suits their number.
    fn settle(&mut self) {
        let size = usize::from(self.sources) * usize::from(self.destinations);
        let count = self.cell_count();
        self.straight = self.sources == self.destinations
            && count == usize::from(self.sources)
            && (0..)
                .zip(self.cells())
                .all(|(channel, (source, destination, _))| (source, destination) == (channel, channel));
        let dense = count > MOST_CELLS_OF_A_SMALL_LIST && count * 2 > size;
        if dense == self.is_dense() {
            return;
        }
        self.storage = if dense {
            let mut cells = vec![None; size];
            for (source, destination, cell) in self.cells() {
                cells[self.offset(source, destination)] = Some(cell);
            }
            Storage::Dense { cells, count }
        } else {
            Storage::Sparse(
                self.cells().map(|(source, destination, cell)| Entry::new(source, destination, cell)).collect(),
            )
        };
    }

    fn offset(&self, source: u32, destination: u32) -> usize {
        destination as usize * usize::from(self.sources) + source as usize
    }

    fn contains(&self, source: u32, destination: u32) -> bool {
        source < self.sources() && destination < self.destinations()
    }

    fn check(&self, region: Region) -> Result<(), MatrixError> {
        let source_end = u64::from(region.source) + u64::from(region.sources);
        let destination_end = u64::from(region.destination) + u64::from(region.destinations);
        if source_end <= u64::from(self.sources) && destination_end <= u64::from(self.destinations) {
            return Ok(());
        }
        Err(MatrixError::Outside {
            source_channel: source_end.saturating_sub(1),
            destination_channel: destination_end.saturating_sub(1),
            sources: self.sources(),
            destinations: self.destinations(),
        })
    }
}

/// The set cells in order. Two variants rather than a chain: the compiler walks thousands of matrices of two cells.
enum Cells<'a> {
    Sparse(std::slice::Iter<'a, Entry>),
    Dense { sources: u32, source: u32, destination: u32, cells: std::slice::Iter<'a, Option<Cell>> },
}

impl Iterator for Cells<'_> {
    type Item = (u32, u32, Cell);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Sparse(list) => {
                let entry = list.next()?;
                Some((u32::from(entry.source), u32::from(entry.destination), entry.cell))
            }
            Self::Dense { sources, source, destination, cells } => loop {
                let cell = cells.next()?;
                let position = (*source, *destination);
                *source += 1;
                if *source == *sources {
                    (*source, *destination) = (0, *destination + 1);
                }
                if let Some(cell) = cell {
                    return Some((position.0, position.1, *cell));
                }
            },
        }
    }

    /// The same loop with the choice of the variant before it instead of in it.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        if let Self::Sparse(list) = self {
            return list
                .fold(init, |all, entry| f(all, (u32::from(entry.source), u32::from(entry.destination), entry.cell)));
        }
        let mut all = init;
        for cell in self {
            all = f(all, cell);
        }
        all
    }
}

/// Where the cell is in the list, or where it belongs.
fn find(list: &List, source: u32, destination: u32) -> Result<usize, usize> {
    list.binary_search_by_key(&(destination, source), Entry::position)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Muted is 0 even if inverted; the gain is kept.
    #[test]
    fn a_cell_multiplies_by_its_effective_gain() {
        let cell = Cell::new(0.5);
        assert_eq!(cell.effective(), 0.5);
        assert_eq!(Cell { invert: true, ..cell }.effective(), -0.5);
        assert_eq!(Cell { mute: true, invert: true, ..cell }.effective().to_bits(), 0.0_f32.to_bits());
        assert_eq!(Cell::UNITY.effective(), 1.0);
    }

    /// A stereo cable needs no allocation and is a plain cable until one of its cells is touched.
    #[test]
    fn a_cable_is_an_identity() {
        let mut cable = Matrix::diagonal(2);
        assert!(cable.is_identity() && !cable.is_dense());
        assert!(matches!(&cable.storage, Storage::Sparse(list) if !list.spilled()));
        cable.set(0, 1, Some(Cell::UNITY)).unwrap();
        assert!(!cable.is_identity(), "left is heard on the right");
        cable.set(0, 1, None).unwrap();
        assert!(cable.is_identity());
        cable.set(1, 1, Some(Cell { invert: true, ..Cell::UNITY })).unwrap();
        assert!(!cable.is_identity());
        assert!(!Matrix::new(2, 2).is_identity());
        assert!(!Matrix::diagonal(2).resized(2, 3).is_identity());
    }

    /// An array from the first cell beyond half, a list again from half: the same cells either way.
    #[test]
    fn more_than_half_of_the_cells_make_it_dense() {
        let mut matrix = Matrix::new(6, 4);
        for cell in 0..12 {
            matrix.set(cell % 6, cell / 6, Some(Cell::new(cell as f32))).unwrap();
        }
        let half = matrix.clone();
        assert!(!matrix.is_dense());
        matrix.set(5, 3, Some(Cell::UNITY)).unwrap();
        assert!(matrix.is_dense());
        assert_eq!(matrix.cell_count(), 13);
        assert_eq!(matrix.set(5, 3, None), Ok(Some(Cell::UNITY)));
        assert_eq!(matrix, half);
    }

    /// ```text
    ///        s0 s1 s2            s0 s1 s2
    ///   d0    1  .  .       d0    1  .  .
    ///   d1    .  1  .  ->   d1    .  .  5
    ///   d2    .  .  1       d2    .  6  .
    /// ```
    #[test]
    fn a_block_replaces_what_was_there() {
        let mut matrix = Matrix::diagonal(3);
        let region = Region { source: 1, destination: 1, sources: 2, destinations: 2 };
        let (five, six) = (Some(Cell::new(5.0)), Some(Cell::new(6.0)));
        let before = matrix.set_block(&CellBlock { region, cells: vec![None, five, six, None] }).unwrap();
        assert_eq!(before.cells, [Some(Cell::UNITY), None, None, Some(Cell::UNITY)]);
        let cells: Vec<_> =
            matrix.cells().map(|(source, destination, cell)| (source, destination, cell.gain)).collect();
        assert_eq!(cells, [(0, 0, 1.0), (2, 1, 5.0), (1, 2, 6.0)]);
        matrix.set_block(&before).unwrap();
        assert_eq!(matrix, Matrix::diagonal(3));
    }

    /// Refused with the size in the message, however absurd the numbers, and nothing is set.
    #[test]
    fn what_lies_outside_is_refused() {
        let mut matrix = Matrix::diagonal(2);
        let error = matrix.set(2, 0, Some(Cell::UNITY)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "source 2 to destination 0 lies outside a matrix of 2 sources and 2 destinations; both are counted from 0"
        );
        assert_eq!(matrix.get(u32::MAX, u32::MAX), None);
        let region = Region { source: u32::MAX, destination: 0, sources: u32::MAX, destinations: 1 };
        assert!(matrix.get_block(region).is_err());
        let block = CellBlock { region: matrix.region(), cells: vec![None; 3] };
        assert_eq!(matrix.set_block(&block), Err(MatrixError::BlockLength { given: 3, expected: 4 }));
        assert_eq!(matrix, Matrix::diagonal(2));
    }

    /// No size asks for more memory than the largest port.
    #[test]
    fn absurd_sizes_are_cut() {
        let matrix = Matrix::diagonal(u32::MAX);
        assert_eq!((matrix.sources(), matrix.cell_count()), (MAX_PORT_CHANNELS, MAX_PORT_CHANNELS as usize));
        assert_eq!(Matrix::new(0, 0).cells().count(), 0);
        assert!(matrix.resized(0, u32::MAX).cells().next().is_none());
    }
}
