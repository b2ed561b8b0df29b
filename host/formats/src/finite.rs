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
    /// As many sums side by side as hide the latency of an addition.
    const ABREAST: usize = 4;

    /// # Safety
    /// As [`super::FiniteCheck`] says; the machine has AVX.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn sums_are_finite(pointers: *const *mut f32, channels: usize, frames: usize) -> bool {
        let mut sums = [_mm256_setzero_ps(); ABREAST];
        for channel in 0..channels {
            // SAFETY: promised by the caller; every read is below `frames`.
            unsafe {
                let samples = (*pointers.add(channel)).cast_const();
                let mut at = 0;
                while at + ABREAST * WIDTH <= frames {
                    for (index, sum) in sums.iter_mut().enumerate() {
                        *sum = _mm256_add_ps(*sum, _mm256_loadu_ps(samples.add(at + index * WIDTH)));
                    }
                    at += ABREAST * WIDTH;
                }
                while at < frames {
                    let sample = _mm256_castps128_ps256(_mm_load_ss(samples.add(at)));
                    sums[0] = _mm256_add_ps(sums[0], _mm256_insertf128_ps::<1>(sample, _mm_setzero_ps()));
                    at += 1;
                }
            }
        }
        let [a, b, c, d] = sums;
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
