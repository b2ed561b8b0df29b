//! Several sources into one destination in one pass: each frame is read from every source, summed in source order in a
//! register, and written once.

use super::vector::Vector;
use super::{RampTerm, Run, Term};

/// See [`super::Kernels::mix`].
#[inline(always)]
pub(super) unsafe fn mix<V: Vector>(terms: &[Term], destination: *mut f32, run: Run) {
    // SAFETY: the caller owns the frames of the run at all pointers and has the instructions of `V`.
    unsafe {
        if terms.is_empty() {
            return run.without_sources(destination);
        }
        let end = run.first + run.frames;
        let mut at = run.first;
        while at + 8 * V::WIDTH <= end {
            at_rest::<V, 8>(terms, destination, at, V::WIDTH, run.accumulate);
            at += 8 * V::WIDTH;
        }
        if at + 4 * V::WIDTH <= end {
            at_rest::<V, 4>(terms, destination, at, V::WIDTH, run.accumulate);
            at += 4 * V::WIDTH;
        }
        while at + V::WIDTH <= end {
            at_rest::<V, 1>(terms, destination, at, V::WIDTH, run.accumulate);
            at += V::WIDTH;
        }
        if at < end {
            at_rest::<V, 1>(terms, destination, at, end - at, run.accumulate);
        }
    }
}

/// `COLUMNS` vectors of the destination from frame `at` on; `lanes` is the width unless there is one column only.
#[inline(always)]
unsafe fn at_rest<V: Vector, const COLUMNS: usize>(
    terms: &[Term],
    destination: *mut f32,
    at: usize,
    lanes: usize,
    accumulate: bool,
) {
    // SAFETY: as in `mix`.
    unsafe {
        let mut sums = start_sums::<V, COLUMNS>(destination.add(at), lanes, accumulate);
        for term in terms {
            let gain = V::splat(term.gain);
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = gain.multiply_add(V::load(term.source.add(at + column * V::WIDTH), lanes), *sum);
            }
        }
        store_sums(sums, destination.add(at), lanes);
    }
}

/// See [`super::Kernels::mix_ramp`].
#[inline(always)]
pub(super) unsafe fn mix_ramp<V: Vector>(terms: &[RampTerm], destination: *mut f32, elapsed: u32, run: Run) {
    // SAFETY: the caller owns the frames of the run at all pointers and has the instructions of `V`.
    unsafe {
        if terms.is_empty() {
            return run.without_sources(destination);
        }
        let end = run.first + run.frames;
        let mut at = run.first;
        while at + 4 * V::WIDTH <= end {
            let now = elapsed + (at - run.first) as u32;
            ramping::<V, 4>(terms, destination, now, at, V::WIDTH, run.accumulate);
            at += 4 * V::WIDTH;
        }
        while at + V::WIDTH <= end {
            let now = elapsed + (at - run.first) as u32;
            ramping::<V, 1>(terms, destination, now, at, V::WIDTH, run.accumulate);
            at += V::WIDTH;
        }
        if at < end {
            let now = elapsed + (at - run.first) as u32;
            ramping::<V, 1>(terms, destination, now, at, end - at, run.accumulate);
        }
    }
}

/// As [`at_rest`], `now` frames into the ramp: one chain sums what stands, one what moves, and time joins them.
#[inline(always)]
unsafe fn ramping<V: Vector, const COLUMNS: usize>(
    terms: &[RampTerm],
    destination: *mut f32,
    now: u32,
    at: usize,
    lanes: usize,
    accumulate: bool,
) {
    // SAFETY: as in `mix_ramp`.
    unsafe {
        let mut standing = start_sums::<V, COLUMNS>(destination.add(at), lanes, accumulate);
        let mut moving = no_sums::<V, COLUMNS>();
        for term in terms {
            let (gain, slope) = (V::splat(term.gain), V::splat(term.slope));
            for column in 0..COLUMNS {
                let samples = V::load(term.source.add(at + column * V::WIDTH), lanes);
                standing[column] = gain.multiply_add(samples, standing[column]);
                moving[column] = slope.multiply_add(samples, moving[column]);
            }
        }
        for column in 0..COLUMNS {
            let time = V::count_from(now + (column * V::WIDTH) as u32);
            standing[column] = time.multiply_add(moving[column], standing[column]);
        }
        store_sums(standing, destination.add(at), lanes);
    }
}

/// Sums of nothing. Minus zero is what leaves the bits of a first product as they are, even those of a zero; so a sum
/// that starts here is one that starts with a plain product.
#[inline(always)]
pub(super) unsafe fn no_sums<V: Vector, const COLUMNS: usize>() -> [V; COLUMNS] {
    // SAFETY: the caller has the instructions of `V`.
    [unsafe { V::splat(-0.0) }; COLUMNS]
}

/// What the destination holds if it is to be added to, else sums of nothing.
#[inline(always)]
pub(super) unsafe fn start_sums<V: Vector, const COLUMNS: usize>(
    destination: *const f32,
    lanes: usize,
    accumulate: bool,
) -> [V; COLUMNS] {
    // SAFETY: the caller owns `COLUMNS` vectors of `lanes` at `destination` and has the instructions of `V`.
    unsafe {
        let mut sums = no_sums();
        if accumulate {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(destination.add(column * V::WIDTH), lanes);
            }
        }
        sums
    }
}

/// Writes the sums next to each other.
#[inline(always)]
pub(super) unsafe fn store_sums<V: Vector, const COLUMNS: usize>(
    sums: [V; COLUMNS],
    destination: *mut f32,
    lanes: usize,
) {
    // SAFETY: the caller owns `COLUMNS` vectors of `lanes` at `destination` and has the instructions of `V`.
    unsafe {
        for (column, sum) in sums.into_iter().enumerate() {
            sum.store(destination.add(column * V::WIDTH), lanes);
        }
    }
}
