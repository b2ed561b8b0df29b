//! Whether all samples of several channels are numbers: the check of every plugin's output, and cheap enough for it.
//! Apart from the graph's kernels for two reasons: one verdict on all channels costs half, and what a plugin has only
//! just written must be read in pieces no larger than it wrote, or each read waits for the writes to reach the cache.
#![deny(clippy::disallowed_types)]

use std::ops::Range;

/// Vectors added side by side, to hide the latency of an addition.
const ABREAST: usize = 4;
/// Samples in a vector that every x86-64 and AArch64 has.
const WIDTH: usize = 4;
/// Vectors added in a turn of the loop.
const TURN: usize = 2 * ABREAST;

/// So many samples, aligned as slots are at least.
#[repr(C, align(16))]
struct Vector([f32; WIDTH]);

/// Whether the channels at `pointers` hold nothing but numbers. False says only that they may not: samples are added up,
/// a sum being finite only if all its terms are, and large numbers can overflow.
///
/// # Safety
/// `pointers` leads to `channels` pointers, each of which leads to `frames` floats and is aligned to 16 bytes.
///
/// # Real-time
/// Safe to call; reads each sample once.
#[inline]
pub(crate) unsafe fn sums_are_finite(pointers: *const *mut f32, channels: usize, frames: usize) -> bool {
    let mut sums = [lanes::zero(); ABREAST];
    let whole = frames / (TURN * WIDTH) * TURN;
    for channel in 0..channels {
        // SAFETY: promised by the caller.
        let vectors = unsafe { std::slice::from_raw_parts((*pointers.add(channel)).cast::<Vector>(), whole) };
        for turn in vectors.as_chunks::<TURN>().0 {
            for (index, vector) in turn.iter().enumerate() {
                sums[index % ABREAST] = lanes::add(sums[index % ABREAST], vector);
            }
        }
    }
    let rest = whole * WIDTH..frames;
    // SAFETY: promised by the caller.
    lanes::are_finite(sums) && (rest.is_empty() || unsafe { are_finite(pointers, channels, rest) })
}

/// The frames that make no whole turn, few and seldom: blocks come in powers of two.
///
/// # Safety
/// `pointers` leads to `channels` pointers, each of which leads to as many floats as `frames` ends at.
#[inline(never)]
unsafe fn are_finite(pointers: *const *mut f32, channels: usize, frames: Range<usize>) -> bool {
    (0..channels).all(|channel| {
        // SAFETY: promised by the caller.
        let samples = unsafe { std::slice::from_raw_parts((*pointers.add(channel)).add(frames.start), frames.len()) };
        samples.iter().map(|sample| sample * 0.0).sum::<f32>() == 0.0
    })
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use super::{ABREAST, Vector};
    use std::arch::x86_64::*;

    #[inline(always)]
    pub(super) fn zero() -> __m128 {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_setzero_ps() }
    }

    #[inline(always)]
    pub(super) fn add(sum: __m128, samples: &Vector) -> __m128 {
        // SAFETY: every x86-64 has SSE2; the samples are as many and as aligned as the load asks.
        unsafe { _mm_add_ps(sum, _mm_load_ps(samples.0.as_ptr())) }
    }

    #[inline(always)]
    pub(super) fn are_finite([a, b, c, d]: [__m128; ABREAST]) -> bool {
        // SAFETY: every x86-64 has SSE2.
        unsafe {
            let sum = _mm_add_ps(_mm_add_ps(a, b), _mm_add_ps(c, d));
            // Infinity less itself is no number, and what is no number does not equal itself.
            let nothing = _mm_sub_ps(sum, sum);
            _mm_movemask_ps(_mm_cmpeq_ps(nothing, nothing)) == 0b1111
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod lanes {
    use super::{ABREAST, Vector, WIDTH};

    #[inline(always)]
    pub(super) fn zero() -> [f32; WIDTH] {
        [0.0; WIDTH]
    }

    #[inline(always)]
    pub(super) fn add(sum: [f32; WIDTH], samples: &Vector) -> [f32; WIDTH] {
        std::array::from_fn(|lane| sum[lane] + samples.0[lane])
    }

    #[inline(always)]
    pub(super) fn are_finite(sums: [[f32; WIDTH]; ABREAST]) -> bool {
        sums.as_flattened().iter().all(|sum| sum.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of the longest block tried.
    const LONGEST: usize = 70;

    #[repr(C, align(16))]
    #[derive(Clone, Copy)]
    struct Channel([f32; LONGEST]);

    fn check(channels: &mut [Channel], frames: usize) -> bool {
        let pointers: Vec<_> = channels.iter_mut().map(|channel| channel.0.as_mut_ptr()).collect();
        // SAFETY: all channels are aligned and as long as the longest block.
        unsafe { sums_are_finite(pointers.as_ptr(), pointers.len(), frames) }
    }

    /// One bad sample anywhere in blocks of any length is found, one behind the block is not, and opposite infinities do
    /// not hide each other, in one channel or in two.
    #[test]
    fn finds_every_bad_sample() {
        let clean = Channel([0.5; LONGEST]);
        for frames in 1..LONGEST {
            assert!(check(&mut [clean, clean], frames));
            for at in 0..=frames {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut channel = clean;
                    channel.0[at] = bad;
                    let is_clean = check(&mut [clean, channel], frames);
                    assert_eq!(is_clean, at == frames, "{bad} at {at} of {frames}");
                    let opposite = Channel(channel.0.map(|sample| -sample));
                    let is_clean = check(&mut [opposite, channel], frames);
                    assert_eq!(is_clean, at == frames, "{bad} at {at} of {frames}, twice");
                }
            }
        }
        assert!(check(&mut [], LONGEST));
    }
}
