//! Whether all samples of several channels are numbers: the check of every plugin's output, and cheap enough for it.
//! Apart from the graph's kernels for two reasons: one verdict on all channels costs half, and what a plugin has only
//! just written must be read in pieces no larger than it wrote, or each read waits for the writes to reach the cache.
#![deny(clippy::disallowed_types)]

/// Vectors added side by side, to hide the latency of an addition.
const ABREAST: usize = 4;
/// Samples in a vector that every x86-64 and AArch64 has.
const WIDTH: usize = 4;

/// Whether the channels at `pointers` hold nothing but numbers. False says only that they may not: samples are added up,
/// a sum being finite only if all its terms are, and large numbers can overflow.
///
/// # Safety
/// `pointers` leads to `channels` pointers, each of which leads to `frames` floats.
///
/// # Real-time
/// Safe to call; reads each sample once.
#[inline]
pub(crate) unsafe fn sums_are_finite(pointers: *const *mut f32, channels: usize, frames: usize) -> bool {
    let mut sums = [lanes::zero(); ABREAST];
    for channel in 0..channels {
        // SAFETY: promised by the caller.
        let samples = unsafe { std::slice::from_raw_parts(*pointers.add(channel), frames) };
        let (blocks, rest) = samples.as_chunks::<{ ABREAST * WIDTH }>();
        for block in blocks {
            let (vectors, _) = block.as_chunks::<WIDTH>();
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = lanes::add(*sum, vector);
            }
        }
        for &sample in rest {
            sums[0] = lanes::add(sums[0], &[sample, 0.0, 0.0, 0.0]);
        }
    }
    lanes::are_finite(sums)
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use super::{ABREAST, WIDTH};
    use std::arch::x86_64::*;

    #[inline(always)]
    pub(super) fn zero() -> __m128 {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_setzero_ps() }
    }

    #[inline(always)]
    pub(super) fn add(sum: __m128, samples: &[f32; WIDTH]) -> __m128 {
        // SAFETY: every x86-64 has SSE2; the array is a vector long.
        unsafe { _mm_add_ps(sum, _mm_loadu_ps(samples.as_ptr())) }
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
    use super::{ABREAST, WIDTH};

    #[inline(always)]
    pub(super) fn zero() -> [f32; WIDTH] {
        [0.0; WIDTH]
    }

    #[inline(always)]
    pub(super) fn add(sum: [f32; WIDTH], samples: &[f32; WIDTH]) -> [f32; WIDTH] {
        std::array::from_fn(|lane| sum[lane] + samples[lane])
    }

    #[inline(always)]
    pub(super) fn are_finite(sums: [[f32; WIDTH]; ABREAST]) -> bool {
        sums.as_flattened().iter().all(|sum| sum.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channels: &mut [&mut [f32]]) -> bool {
        let frames = channels.first().map_or(0, |channel| channel.len());
        let pointers: Vec<_> = channels.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        // SAFETY: all channels have the length of the first.
        unsafe { sums_are_finite(pointers.as_ptr(), pointers.len(), frames) }
    }

    /// One bad sample anywhere in blocks of any length is found, and opposite infinities do not hide each other, in one
    /// channel or in two.
    #[test]
    fn finds_every_bad_sample() {
        for frames in 1..70 {
            let mut clean = vec![0.5_f32; frames];
            assert!(check(&mut [&mut clean.clone(), &mut clean]));
            for at in 0..frames {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut samples = clean.clone();
                    samples[at] = bad;
                    let found = check(&mut [&mut clean, &mut samples]);
                    assert!(!found, "{bad} at {at} of {frames}");
                    let mut opposite: Vec<f32> = samples.iter().map(|sample| -sample).collect();
                    let found = check(&mut [&mut opposite, &mut samples]);
                    assert!(!found, "{bad} at {at} of {frames}, twice");
                }
            }
        }
        assert!(check(&mut []));
    }
}
