//! A dense matrix of gains: many sources into many destinations. Tiles of destinations x frames are summed in registers
//! over all sources; two vectors of every source, a few kilobytes, are read again and again from the first-level cache
//! while the packed gains stream past.

use super::mix::{no_sums, start_sums, store_sums};
use super::packing::Packing;
use super::vector::Vector;
use super::{Matrix, MatrixRamp, Run};

/// One block of destinations, or a part of it, and the frames under it.
#[derive(Clone, Copy)]
struct Tile<'a> {
    sources: &'a [*const f32],
    destinations: &'a [*mut f32],
    /// Gain of the first source to the first of the destinations, which follow each other.
    gains: *const f32,
    /// Floats from one source's gains to the next's.
    stride: usize,
    /// First frame.
    at: usize,
    /// Floats in each vector: the width, unless there is one column only.
    lanes: usize,
    accumulate: bool,
}

/// What ramps in a tile.
#[derive(Clone, Copy)]
struct TileRamp<'a> {
    /// As the tile's gains.
    slopes: *const f32,
    /// As [`MatrixRamp::elapsed`], for the tile's destinations.
    elapsed: &'a [Option<u32>],
    /// First frame of the run, which is what `elapsed` counts to.
    first: usize,
}

impl TileRamp<'_> {
    /// Whether any of the destinations ramps.
    #[inline(always)]
    fn moves(&self) -> bool {
        self.elapsed.iter().any(Option::is_some)
    }
}

/// Calls a function that is generic over the rows of a tile.
macro_rules! with_rows {
    ($rows:expr, [$($count:literal)*], $function:ident::<$vector:ty, _, $columns:ident>$arguments:tt) => {
        match $rows {
            $($count => $function::<$vector, $count, $columns>$arguments,)*
            _ => debug_assert!(false, "no tile has so many rows"),
        }
    };
}

/// See [`super::Kernels::matrix`].
#[inline(always)]
pub(super) unsafe fn matrix<V: Vector>(matrix: &Matrix<'_>, run: Run) {
    // SAFETY: as promised to this function.
    unsafe { bands::<V>(matrix, None, run) }
}

/// See [`super::Kernels::matrix_ramp`].
#[inline(always)]
pub(super) unsafe fn matrix_ramp<V: Vector>(matrix: &Matrix<'_>, ramp: &MatrixRamp<'_>, run: Run) {
    // SAFETY: as promised to this function.
    unsafe { bands::<V>(matrix, Some(ramp), run) }
}

/// Cuts the run into bands of two double columns: the second meets a block's gains where the first has left them, in
/// the first-level cache. The caller owns the frames of the run at all pointers, gains and slopes are packed for as many
/// sources and destinations, and the instructions of `V` are there.
#[inline(always)]
unsafe fn bands<V: Vector>(matrix: &Matrix<'_>, ramp: Option<&MatrixRamp<'_>>, run: Run) {
    let sources = matrix.sources.len();
    let packing = Packing::new(sources, matrix.destinations.len());
    debug_assert_eq!(matrix.gains.len(), packing.len());
    // SAFETY: every frame of the run is in one band, and none beyond it; the packing says where a block's gains and
    // slopes begin and which destinations it has.
    unsafe {
        if sources == 0 {
            return matrix.destinations.iter().for_each(|&destination| run.without_sources(destination));
        }
        let end = run.first + run.frames;
        let mut at = run.first;
        while at < end {
            let band_end = end.min(at + 4 * V::WIDTH);
            for block in packing.blocks() {
                let rows = block.first..block.first + block.rows;
                let tile = Tile {
                    sources: matrix.sources,
                    destinations: matrix.destinations.get_unchecked(rows.clone()),
                    gains: matrix.gains.as_ptr().add(block.first * sources),
                    stride: block.rows,
                    at,
                    lanes: V::WIDTH,
                    accumulate: run.accumulate,
                };
                let ramp = ramp.map(|ramp| TileRamp {
                    slopes: ramp.slopes.as_ptr().add(block.first * sources),
                    elapsed: ramp.elapsed.get_unchecked(rows),
                    first: run.first,
                });
                columns::<V>(tile, ramp.filter(TileRamp::moves), band_end);
            }
            at = band_end;
        }
    }
}

/// One block up to frame `end`: two vectors at a time, then one.
#[inline(always)]
unsafe fn columns<V: Vector>(mut tile: Tile<'_>, ramp: Option<TileRamp<'_>>, end: usize) {
    // SAFETY: every frame of the band is in one tile, and none beyond it.
    unsafe {
        while tile.at + 2 * V::WIDTH <= end {
            block::<V, 2>(tile, ramp);
            tile.at += 2 * V::WIDTH;
        }
        while tile.at < end {
            tile.lanes = V::WIDTH.min(end - tile.at);
            block::<V, 1>(tile, ramp);
            tile.at += tile.lanes;
        }
    }
}

/// One block of one column.
#[inline(always)]
unsafe fn block<V: Vector, const COLUMNS: usize>(tile: Tile<'_>, ramp: Option<TileRamp<'_>>) {
    // SAFETY: a block's tile has as many rows as its gains for one source.
    unsafe {
        match ramp {
            Some(ramp) => halves::<V, COLUMNS>(tile, ramp),
            None => with_rows!(tile.stride, [1 2 3 4 5 6], at_rest::<V, _, COLUMNS>(tile)),
        }
    }
}

/// A block in which something ramps, half of its rows at a time: each row takes twice the registers.
#[inline(always)]
unsafe fn halves<V: Vector, const COLUMNS: usize>(tile: Tile<'_>, ramp: TileRamp<'_>) {
    let half = tile.stride.div_ceil(2);
    let mut row = 0;
    while row < tile.stride {
        let rows = row..(row + half).min(tile.stride);
        // SAFETY: the rows are rows of the tile.
        unsafe {
            let tile = Tile {
                destinations: tile.destinations.get_unchecked(rows.clone()),
                gains: tile.gains.add(row),
                ..tile
            };
            let ramp =
                TileRamp { slopes: ramp.slopes.add(row), elapsed: ramp.elapsed.get_unchecked(rows.clone()), ..ramp };
            if ramp.moves() {
                with_rows!(rows.len(), [1 2 3], ramping::<V, _, COLUMNS>(tile, ramp));
            } else {
                with_rows!(rows.len(), [1 2 3], at_rest::<V, _, COLUMNS>(tile));
            }
        }
        row += half;
    }
}

/// A tile at rest.
#[inline(always)]
unsafe fn at_rest<V: Vector, const ROWS: usize, const COLUMNS: usize>(tile: Tile<'_>) {
    // SAFETY: the tile has `ROWS` rows of `COLUMNS` vectors.
    unsafe {
        let mut sums = start_rows::<V, ROWS, COLUMNS>(&tile);
        let mut gains = tile.gains;
        for &source in tile.sources {
            let samples = load_columns::<V, COLUMNS>(source.add(tile.at), tile.lanes);
            for (row, sums) in sums.iter_mut().enumerate() {
                add_products(V::splat(*gains.add(row)), samples, sums);
            }
            gains = gains.add(tile.stride);
        }
        store_rows(sums, &tile);
    }
}

/// A tile with rows that ramp: one chain sums what stands, one what moves, and time joins them. Rows at rest get the
/// bits that [`at_rest`] gives them.
#[inline(always)]
unsafe fn ramping<V: Vector, const ROWS: usize, const COLUMNS: usize>(tile: Tile<'_>, ramp: TileRamp<'_>) {
    // SAFETY: the tile has `ROWS` rows of `COLUMNS` vectors.
    unsafe {
        let mut standing = start_rows::<V, ROWS, COLUMNS>(&tile);
        let mut moving = [no_sums::<V, COLUMNS>(); ROWS];
        let (mut gains, mut slopes) = (tile.gains, ramp.slopes);
        for &source in tile.sources {
            let samples = load_columns::<V, COLUMNS>(source.add(tile.at), tile.lanes);
            for row in 0..ROWS {
                add_products(V::splat(*gains.add(row)), samples, &mut standing[row]);
                add_products(V::splat(*slopes.add(row)), samples, &mut moving[row]);
            }
            gains = gains.add(tile.stride);
            slopes = slopes.add(tile.stride);
        }
        let since = (tile.at - ramp.first) as u32;
        for (row, elapsed) in ramp.elapsed.iter().enumerate().take(ROWS) {
            let Some(elapsed) = elapsed else { continue };
            for column in 0..COLUMNS {
                let time = V::count_from(elapsed + since + (column * V::WIDTH) as u32);
                standing[row][column] = time.multiply_add(moving[row][column], standing[row][column]);
            }
        }
        store_rows(standing, &tile);
    }
}

#[inline(always)]
unsafe fn load_columns<V: Vector, const COLUMNS: usize>(source: *const f32, lanes: usize) -> [V; COLUMNS] {
    // SAFETY: the caller owns `COLUMNS` vectors of `lanes` at `source` and has the instructions of `V`.
    std::array::from_fn(|column| unsafe { V::load(source.add(column * V::WIDTH), lanes) })
}

#[inline(always)]
unsafe fn add_products<V: Vector, const COLUMNS: usize>(gain: V, samples: [V; COLUMNS], sums: &mut [V; COLUMNS]) {
    for (sum, samples) in sums.iter_mut().zip(samples) {
        // SAFETY: the caller has the instructions of `V`.
        *sum = unsafe { gain.multiply_add(samples, *sum) };
    }
}

#[inline(always)]
unsafe fn start_rows<V: Vector, const ROWS: usize, const COLUMNS: usize>(tile: &Tile<'_>) -> [[V; COLUMNS]; ROWS] {
    // SAFETY: the tile has `ROWS` rows of `COLUMNS` vectors.
    unsafe {
        let mut sums = [no_sums(); ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = start_sums((*tile.destinations.get_unchecked(row)).add(tile.at), tile.lanes, tile.accumulate);
        }
        sums
    }
}

#[inline(always)]
unsafe fn store_rows<V: Vector, const ROWS: usize, const COLUMNS: usize>(sums: [[V; COLUMNS]; ROWS], tile: &Tile<'_>) {
    // SAFETY: the tile has `ROWS` rows of `COLUMNS` vectors.
    unsafe {
        for (row, sums) in sums.into_iter().enumerate() {
            store_sums(sums, (*tile.destinations.get_unchecked(row)).add(tile.at), tile.lanes);
        }
    }
}
