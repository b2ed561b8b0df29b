//! Whether all samples are numbers: the check of every plugin's output. Cheap enough to run on each block.
#![deny(clippy::disallowed_types)]

/// Independent sums, so that additions need not wait for each other: four vectors of four on plain x86-64.
const LANES: usize = 16;

/// Whether no sample is infinite or not a number.
///
/// A sum is finite only if all its terms are, so one addition a sample decides; only a sum that overflows from finite
/// terms is looked at again.
///
/// # Real-time
/// Safe to call; reads each sample once.
#[inline]
pub(crate) fn all_finite(samples: &[f32]) -> bool {
    let (blocks, rest) = samples.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for block in blocks {
        for (sum, sample) in sums.iter_mut().zip(block) {
            *sum += sample;
        }
    }
    let sum = sums.iter().chain(rest).fold(0.0, |sum, term| sum + term);
    f32::is_finite(sum) || samples.iter().all(|sample| sample.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One bad sample anywhere in blocks of any length is found, and opposite infinities do not hide each other.
    #[test]
    fn finds_every_bad_sample() {
        for frames in 0..70 {
            let clean = vec![0.5_f32; frames];
            assert!(all_finite(&clean));
            for at in 0..frames {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut samples = clean.clone();
                    samples[at] = bad;
                    assert!(!all_finite(&samples), "{bad} at {at} of {frames}");
                    samples[frames - 1 - at] = f32::INFINITY;
                    assert!(!all_finite(&samples), "{bad} at {at} of {frames} and infinity");
                }
            }
        }
    }

    /// Huge samples whose sum overflows are still numbers.
    #[test]
    fn overflow_of_the_sum_is_no_fault() {
        assert!(all_finite(&[f32::MAX; 64]));
    }
}
