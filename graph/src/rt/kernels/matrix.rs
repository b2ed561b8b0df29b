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
    /// Frames from the start of the run to the tile.
    frames: u32,
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
    unsafe { columns::<V>(matrix, None, run) }
}

/// See [`super::Kernels::matrix_ramp`].
#[inline(always)]
pub(super) unsafe fn matrix_ramp<V: Vector>(matrix: &Matrix<'_>, ramp: &MatrixRamp<'_>, run: Run) {
    // SAFETY: as promised to this function.
    unsafe { columns::<V>(matrix, Some(ramp), run) }
}

/// Cuts the run into columns of two vectors, then of one. The caller owns the frames of the run at all pointers, gains
/// and slopes are packed for as many sources and destinations, and the instructions of `V` are there.
#[inline(always)]
unsafe fn columns<V: Vector>(matrix: &Matrix<'_>, ramp: Option<&MatrixRamp<'_>>, run: Run) {
    // SAFETY: every frame of the run is in one column, and none beyond it.
    unsafe {
        if matrix.sources.is_empty() {
            return matrix.destinations.iter().for_each(|&destination| run.without_sources(destination));
        }
        let end = run.first + run.frames;
        let mut at = run.first;
        while at + 2 * V::WIDTH <= end {
            column::<V, 2>(matrix, ramp, at, V::WIDTH, run);
            at += 2 * V::WIDTH;
        }
        while at < end {
            let lanes = (end - at).min(V::WIDTH);
            column::<V, 1>(matrix, ramp, at, lanes, run);
            at += lanes;
        }
    }
}

/// All destinations of one column.
#[inline(always)]
unsafe fn column<V: Vector, const COLUMNS: usize>(
    matrix: &Matrix<'_>,
    ramp: Option<&MatrixRamp<'_>>,
    at: usize,
    lanes: usize,
    run: Run,
) {
    let packing = Packing::new(matrix.sources.len(), matrix.destinations.len());
    debug_assert_eq!(matrix.gains.len(), packing.len());
    for block in packing.blocks() {
        let cells = block.first * matrix.sources.len();
        let rows = block.first..block.first + block.rows;
        // SAFETY: the packing says where a block's gains and slopes begin and which destinations it has.
        unsafe {
            let tile = Tile {
                sources: matrix.sources,
                destinations: matrix.destinations.get_unchecked(rows.clone()),
                gains: matrix.gains.as_ptr().add(cells),
                stride: block.rows,
                at,
                lanes,
                accumulate: run.accumulate,
            };
            let ramp = ramp.map(|ramp| TileRamp {
                slopes: ramp.slopes.as_ptr().add(cells),
                elapsed: ramp.elapsed.get_unchecked(rows),
                frames: (at - run.first) as u32,
            });
            match ramp {
                Some(ramp) if ramp.elapsed.iter().any(Option::is_some) => halves::<V, COLUMNS>(tile, ramp),
                _ => with_rows!(block.rows, [1 2 3 4 5 6], at_rest::<V, _, COLUMNS>(tile)),
            }
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
            if ramp.elapsed.iter().any(Option::is_some) {
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
        for (row, elapsed) in ramp.elapsed.iter().enumerate().take(ROWS) {
            let Some(elapsed) = elapsed else { continue };
            for column in 0..COLUMNS {
                let time = V::count_from(elapsed + ramp.frames + (column * V::WIDTH) as u32);
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
