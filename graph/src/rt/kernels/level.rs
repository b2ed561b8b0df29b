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
        if self.fused() { gain.mul_add(sample, sum) } else { gain * sample + sum }
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
