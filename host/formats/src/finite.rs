//! Whether all samples of several channels are numbers: the check of every plugin's output, and cheap enough for it.
//! Apart from the graph's kernels, which look at one channel a call, because one verdict on all channels costs half.
#![deny(clippy::disallowed_types)]

/// A function that says whether the channels at `pointers` hold nothing but numbers. False says only that they may not:
/// it adds samples up, a sum being finite only if all its terms are, and large numbers can overflow.
///
/// # Safety
/// `pointers` leads to `channels` pointers, each of which leads to `frames` floats, and the machine is the one that
/// [`finite_check`] was called on.
///
/// # Real-time
/// Safe to call; reads each sample once.
pub(crate) type FiniteCheck = unsafe fn(pointers: *const *mut f32, channels: usize, frames: usize) -> bool;

/// The fastest check for this machine. Not for the callback.
pub(crate) fn finite_check() -> FiniteCheck {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        return x86::sums_are_finite;
    }
    sums_are_finite
}

/// Independent sums, for the compiler to make vectors of.
const LANES: usize = 16;

/// # Safety
/// As [`FiniteCheck`] says.
unsafe fn sums_are_finite(pointers: *const *mut f32, channels: usize, frames: usize) -> bool {
    let mut sums = [0.0_f32; LANES];
    for channel in 0..channels {
        // SAFETY: promised by the caller.
        let samples = unsafe { std::slice::from_raw_parts(*pointers.add(channel), frames) };
        let (blocks, rest) = samples.as_chunks::<LANES>();
        for block in blocks {
            for (sum, sample) in sums.iter_mut().zip(block) {
                *sum += sample;
            }
        }
        for (sum, sample) in sums.iter_mut().zip(rest) {
            *sum += sample;
        }
    }
    sums.iter().all(|sum| sum.is_finite())
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    const WIDTH: usize = 8;
    /// Samples that four sums side by side take at a time: enough to hide the latency of an addition.
    const BLOCK: usize = 4 * WIDTH;

    /// # Safety
    /// As [`super::FiniteCheck`] says; the machine has AVX.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn sums_are_finite(pointers: *const *mut f32, channels: usize, frames: usize) -> bool {
        let zero = _mm256_setzero_ps();
        let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
        let (blocks, rest) = (frames / BLOCK, frames % BLOCK);
        for channel in 0..channels {
            // SAFETY: promised by the caller: so many blocks and the rest are all the frames there are.
            unsafe {
                let mut samples = (*pointers.add(channel)).cast_const();
                for _ in 0..blocks {
                    a = _mm256_add_ps(a, _mm256_loadu_ps(samples));
                    b = _mm256_add_ps(b, _mm256_loadu_ps(samples.add(WIDTH)));
                    c = _mm256_add_ps(c, _mm256_loadu_ps(samples.add(2 * WIDTH)));
                    d = _mm256_add_ps(d, _mm256_loadu_ps(samples.add(3 * WIDTH)));
                    samples = samples.add(BLOCK);
                }
                for _ in 0..rest {
                    a = _mm256_add_ps(a, _mm256_set_ps(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, *samples));
                    samples = samples.add(1);
                }
            }
        }
        let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
        // Infinity less itself is no number, and what is no number does not equal itself.
        let nothing = _mm256_sub_ps(sum, sum);
        _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(nothing, nothing)) == 0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channels: &mut [&mut [f32]]) -> [bool; 2] {
        let frames = channels.first().map_or(0, |channel| channel.len());
        let pointers: Vec<_> = channels.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        // SAFETY: all channels have the length of the first.
        [finite_check(), sums_are_finite].map(|check| unsafe { check(pointers.as_ptr(), pointers.len(), frames) })
    }

    /// One bad sample anywhere in blocks of any length is found, and opposite infinities do not hide each other, in one
    /// channel or in two.
    #[test]
    fn finds_every_bad_sample() {
        for frames in 1..70 {
            let mut clean = vec![0.5_f32; frames];
            assert_eq!(check(&mut [&mut clean.clone(), &mut clean]), [true, true]);
            for at in 0..frames {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut samples = clean.clone();
                    samples[at] = bad;
                    let found = check(&mut [&mut clean, &mut samples]);
                    assert_eq!(found, [false, false], "{bad} at {at} of {frames}");
                    let mut opposite: Vec<f32> = samples.iter().map(|sample| -sample).collect();
                    let found = check(&mut [&mut opposite, &mut samples]);
                    assert_eq!(found, [false, false], "{bad} at {at} of {frames}, twice");
                }
            }
        }
        assert_eq!(check(&mut []), [true, true]);
    }
}
