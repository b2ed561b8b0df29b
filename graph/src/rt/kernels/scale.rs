//! One channel through a gain, at rest or ramping, and from one signal to another. Gains of ramps are closed forms of
//! the frame, never running sums, so that they do not depend on where blocks begin.

use super::WHOLE_FRAMES;
use super::vector::{Vector, each_vector};

/// See [`super::Kernels::gain`].
#[inline(always)]
pub(super) unsafe fn gain<V: Vector>(source: *const f32, destination: *mut f32, frames: usize, gain: f32) {
    // SAFETY: the caller owns `frames` floats at both pointers and has the instructions of `V`.
    unsafe {
        let gain = V::splat(gain);
        each_vector!(V, 0, frames, |at, lanes| {
            gain.multiply(V::load(source.add(at), lanes)).store(destination.add(at), lanes);
        });
    }
}

/// See [`super::Kernels::gain_whole`].
#[inline(always)]
pub(super) unsafe fn gain_whole<V: Vector>(
    sources: *const *mut f32,
    destinations: *const *mut f32,
    channels: usize,
    frames: usize,
    gain: f32,
) {
    // SAFETY: the caller owns so many pointers, `frames` floats at each, and has the instructions of `V`; `frames` is a
    // multiple of `WHOLE_FRAMES` and not 0, so that `at` comes to stand there.
    unsafe {
        let gain = V::splat(gain);
        for channel in 0..channels {
            let (source, destination) = (*sources.add(channel), *destinations.add(channel));
            let mut at = 0;
            loop {
                for _ in 0..WHOLE_FRAMES / V::WIDTH {
                    gain.multiply(V::load_whole(source.add(at))).store_whole(destination.add(at));
                    at += V::WIDTH;
                }
                if at == frames {
                    break;
                }
            }
        }
    }
}

/// See [`super::Kernels::gain_ramp`].
#[inline(always)]
pub(super) unsafe fn gain_ramp<V: Vector>(
    source: *const f32,
    destination: *mut f32,
    frames: usize,
    gain: f32,
    slope: f32,
    elapsed: u32,
) {
    // SAFETY: the caller owns `frames` floats at both pointers and has the instructions of `V`.
    unsafe {
        let (gain, slope) = (V::splat(gain), V::splat(slope));
        each_vector!(V, 0, frames, |at, lanes| {
            let now = slope.multiply_add(V::count_from(elapsed + at as u32), gain);
            now.multiply(V::load(source.add(at), lanes)).store(destination.add(at), lanes);
        });
    }
}

/// See [`super::Kernels::crossfade`].
#[inline(always)]
pub(super) unsafe fn crossfade<V: Vector>(
    from: *const f32,
    to: *const f32,
    destination: *mut f32,
    frames: usize,
    elapsed: u32,
    step: f32,
) {
    // SAFETY: the caller owns `frames` floats at all pointers and has the instructions of `V`.
    unsafe {
        let (step, one, minus_one) = (V::splat(step), V::splat(1.0), V::splat(-1.0));
        each_vector!(V, 0, frames, |at, lanes| {
            let weight = step.multiply(V::count_from(elapsed + at as u32));
            let rest = minus_one.multiply_add(weight, one);
            let old = rest.multiply(V::load(from.add(at), lanes));
            weight.multiply_add(V::load(to.add(at), lanes), old).store(destination.add(at), lanes);
        });
    }
}
