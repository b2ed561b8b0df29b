//! The instruction sets the kernels are built for, and which of them this machine has. Chosen once, off the callback;
//! nothing here reads the environment: who wants to force a level passes it to [`Kernels::for_level`].
//!
//! [`Kernels::for_level`]: super::Kernels::for_level

/// An instruction set the kernels are built for. Results are bit-identical within a level, and between levels that
/// agree on [`Level::fused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Plain Rust, on every machine. A product is rounded before it is added.
    Portable,
    /// SSE2, on every x86-64 machine. A product is rounded before it is added: the bits of [`Level::Portable`].
    Sse2,
    /// AVX2 with FMA, on x86-64.
    Avx2Fma,
    /// AVX-512F, on x86-64.
    Avx512,
    /// NEON, on every 64-bit ARM machine.
    Neon,
}

impl Level {
    /// All levels, those that this machine lacks included, the fastest last.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Sse2, Self::Avx2Fma, Self::Avx512, Self::Neon];

    /// The fastest level this machine has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rfind(|level| level.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this machine can run the level.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Sse2 => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Fma => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[allow(unreachable_patterns, reason = "each architecture leaves others over")]
            _ => false,
        }
    }

    /// Whether a product is added without being rounded first.
    pub const fn fused(self) -> bool {
        match self {
            Self::Portable | Self::Sse2 => false,
            Self::Avx2Fma | Self::Avx512 | Self::Neon => true,
        }
    }

    /// `gain * sample + sum` exactly as this level's kernels compute it, on any machine. Slow where the machine lacks
    /// a fused instruction: for checking, not for rendering.
    #[inline]
    pub fn multiply_add(self, gain: f32, sample: f32, sum: f32) -> f32 {
        if self.fused() { fused_multiply_add(gain, sample, sum) } else { gain * sample + sum }
    }

    /// The level's name in reports: lower case, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Sse2 => "sse2",
            Self::Avx2Fma => "avx2+fma",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }
}

/// `factor * other + sum`, rounded once, as the processor's own instruction gives it. Not the standard library's: where the
/// system's C library is to compute it, some round twice.
///
/// The product is exact in 64 bits; their sum is rounded to odd, so that rounding it once more to 32 bits gives what rounding
/// once would (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd",
/// 2008).
#[inline]
pub(crate) fn fused_multiply_add(factor: f32, other: f32, sum: f32) -> f32 {
    let (product, sum) = (f64::from(factor) * f64::from(other), f64::from(sum));
    let near = product + sum;
    // What the sum lost by rounding (Knuth's TwoSum).
    let part = near - product;
    let lost = (product - (near - part)) + (sum - part);
    let bits = near.to_bits();
    let odd = if lost == 0.0 || !lost.is_finite() || bits & 1 == 1 {
        near
    } else if (lost > 0.0) == (near > 0.0) {
        f64::from_bits(bits + 1)
    } else {
        f64::from_bits(bits - 1)
    };
    odd as f32
}

#[cfg(test)]
mod tests {
    use super::fused_multiply_add;
    use proptest::prelude::*;

    /// Where rounding twice goes wrong: sums next to the middle between two numbers, nearer than 64 bits can tell, so that
    /// the first rounding makes them the middle and the second goes to the even neighbour, which is the wrong one.
    ///
    /// ```text
    ///   1 + e ──────── sum · middle ──────── 1 + 2e           1 ──────── middle · sum ──────── 1 + e
    /// ```
    #[test]
    fn it_is_rounded_once() {
        let e = f32::EPSILON;
        let half = e / 2.0;
        // 2^-24 - 2^-70: just below the middle of 1 + e and 1 + 2e, of which the second is even.
        assert_eq!(fused_multiply_add(1.0 + e, half * (1.0 - e), 1.0 + e), 1.0 + e);
        assert_eq!(fused_multiply_add(1.0 + e, half * (e - 1.0), -1.0 - e), -1.0 - e);
        // (2^47 + 2) 2^-71, which is 2^-24 + 2^-70: just above the middle of 1 and 1 + e, of which the first is even.
        let (factor, other) = (8_392_705.0 / 8_388_608.0, 16_769_026.0 / 16_777_216.0 * half);
        assert_eq!(fused_multiply_add(factor, other, 1.0), 1.0 + e);
        assert_eq!(fused_multiply_add(-factor, other, -1.0), -1.0 - e);
        assert_eq!(fused_multiply_add(half, f32::MIN_POSITIVE, 1.0), 1.0);
        assert_eq!(fused_multiply_add(3.0, f32::INFINITY, 1.0), f32::INFINITY);
        assert!(fused_multiply_add(f32::NAN, 1.0, 1.0).is_nan());
    }

    proptest! {
        /// The same bits as the C library's, where that is known to round once.
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        #[test]
        fn it_is_what_the_system_computes(factor: f32, other: f32, sum: f32, exponent in -80_i32..10) {
            for sum in [sum, factor * other * 2.0_f32.powi(exponent), -factor * other] {
                let (own, known) = (fused_multiply_add(factor, other, sum), factor.mul_add(other, sum));
                prop_assert!(own.to_bits() == known.to_bits() || own.is_nan() && known.is_nan(), "{} {}", own, known);
            }
        }
    }
}
