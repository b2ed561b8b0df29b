//! Looking at one channel: is it finite, how loud is it. And the copy that lets nothing but numbers through.
//!
//! Without their signs samples are ordered by their bits, infinities and what is not a number behind all others: the greatest
//! of them says whether there is one.

use super::Copied;
use super::vector::{Vector, each_vector};

/// Vectors whose squares are added in single precision before they go to the double-precision total: few enough for
/// an error below a millionth, many enough for the total to cost nothing.
const VECTORS_PER_SUM: usize = 64;

/// See [`super::Kernels::is_finite_all`].
#[inline(always)]
pub(super) unsafe fn is_finite_all<V: Vector>(source: *const f32, frames: usize) -> bool {
    // SAFETY: promised to this function.
    unsafe { !greatest_magnitudes::<V>(source, frames).any_beyond(V::splat(f32::MAX)) }
}

/// See [`super::Kernels::peak`].
#[inline(always)]
pub(super) unsafe fn peak<V: Vector>(source: *const f32, frames: usize) -> f32 {
    // SAFETY: the caller owns `frames` floats at `source` and has the instructions of `V`.
    unsafe {
        let mut peak = V::splat(0.0);
        each_vector!(V, 0, frames, |at, lanes| {
            peak = V::load(source.add(at), lanes).absolute().maximum(peak);
        });
        greatest(peak)
    }
}

/// See [`super::Kernels::peak_and_square_sum`].
#[inline(always)]
pub(super) unsafe fn peak_and_square_sum<V: Vector>(source: *const f32, frames: usize) -> (f32, f64) {
    // SAFETY: the caller owns `frames` floats at `source` and has the instructions of `V`.
    unsafe {
        let mut peak = V::splat(0.0);
        let mut total = 0.0;
        let mut start = 0;
        while start < frames {
            let count = (frames - start).min(VECTORS_PER_SUM * V::WIDTH);
            let mut sum = V::splat(0.0);
            each_vector!(V, start, count, |at, lanes| {
                let samples = V::load(source.add(at), lanes);
                peak = samples.absolute().maximum(peak);
                sum = samples.multiply_add(samples, sum);
            });
            total += sum.lanes().into_iter().map(f64::from).sum::<f64>();
            start += count;
        }
        (greatest(peak), total)
    }
}

/// The greatest magnitude in each lane, of which what is not a number is the greatest of all: one look finds whatever is
/// beyond a bound.
#[inline(always)]
unsafe fn greatest_magnitudes<V: Vector>(source: *const f32, frames: usize) -> V {
    // SAFETY: the caller owns `frames` floats at `source` and has the instructions of `V`.
    unsafe {
        let mut peak = V::splat(0.0);
        each_vector!(V, 0, frames, |at, lanes| {
            peak = V::load(source.add(at), lanes).absolute().greater_bits(peak);
        });
        peak
    }
}

/// The same beside a plain copy, which is all that it takes.
#[inline(always)]
unsafe fn copy_measured<V: Vector>(source: *const f32, destination: *mut f32, frames: usize) -> V {
    // SAFETY: the caller owns `frames` floats at both pointers and has the instructions of `V`.
    unsafe {
        let mut peak = V::splat(0.0);
        each_vector!(V, 0, frames, |at, lanes| {
            let samples = V::load(source.add(at), lanes);
            samples.store(destination.add(at), lanes);
            peak = samples.absolute().greater_bits(peak);
        });
        peak
    }
}

/// See [`super::Kernels::all_below`].
#[inline(always)]
pub(super) unsafe fn all_below<V: Vector>(source: *const f32, frames: usize, threshold: f32) -> bool {
    // SAFETY: promised to this function.
    unsafe { !greatest_magnitudes::<V>(source, frames).any_beyond(V::splat(threshold.next_down())) }
}

/// See [`super::Kernels::copy_below`].
#[inline(always)]
pub(super) unsafe fn copy_below<V: Vector>(
    source: *const f32,
    destination: *mut f32,
    frames: usize,
    threshold: f32,
) -> bool {
    // SAFETY: promised to this function.
    unsafe { !copy_measured::<V>(source, destination, frames).any_beyond(V::splat(threshold.min(f32::MAX))) }
}

/// See [`super::Kernels::copy_sanitised`].
#[inline(always)]
pub(super) unsafe fn copy_sanitised<V: Vector>(source: *const f32, destination: *mut f32, frames: usize) -> Copied {
    // SAFETY: the caller owns `frames` floats at both pointers and has the instructions of `V`.
    unsafe {
        // Nearly always there is nothing to be found.
        let peak = copy_measured::<V>(source, destination, frames);
        if !peak.any_beyond(V::splat(f32::MAX)) {
            return if peak.any_above_zero() { Copied::Sounds } else { Copied::Silent };
        }
        let zero = V::splat(0.0);
        each_vector!(V, 0, frames, |at, lanes| {
            let samples = V::load(source.add(at), lanes);
            samples.where_number(samples.multiply(zero)).store(destination.add(at), lanes);
        });
        Copied::Repaired
    }
}

/// The greatest lane of a vector without negative ones.
#[inline(always)]
unsafe fn greatest<V: Vector>(values: V) -> f32 {
    // SAFETY: the caller has the instructions of `V`.
    unsafe { values.lanes() }.into_iter().fold(0.0, |a, b| if b > a { b } else { a })
}
