//! The arithmetic on runs of frames, chosen once at run time among instruction sets.
//!
//! [`Kernels`] is a static table of functions for one [`Level`]; a renderer holds a reference to one and calls it with
//! raw pointers into its arena. Every kernel is written once, over the few operations of a vector, and compiled for
//! each level. Nothing here allocates, locks or calls the system.
//!
//! # Bits
//! What a frame becomes depends on the level, the samples and the gains, on nothing else:
//! - neither on where a run begins or ends (tails go through the same arithmetic), nor on how it is cut into calls:
//!   ramps are closed forms of the frame;
//! - sums are taken in source order, each product added by [`Level::multiply_add`], the first one plain. So sparse and
//!   dense, at rest and ramping with slope 0 agree in all bits but the sign of a zero: a gain of 0 adds nothing;
//! - a gain of 1 is a copy of the bits, save that under [`FloatEnvironment::flush_to_zero`] denormals become zero.
//!
//! # Memory
//! No kernel touches a byte outside the frames it is given: any of them may work on a device's buffers. Addresses need
//! no alignment, but slots of an arena are best aligned to [`SLOT_ALIGNMENT`] and [`slot_stride`] apart.

mod float_environment;
mod level;
mod matrix;
mod measure;
mod mix;
#[cfg(target_arch = "aarch64")]
mod neon;
mod packing;
mod scale;
#[cfg(test)]
mod tests;
mod ticks;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use float_environment::FloatEnvironment;
pub use level::Level;
pub(crate) use level::fused_multiply_add;
pub use packing::Packing;
pub(super) use packing::{ROWS, RowBlock};
pub use ticks::ticks;

/// Alignment of slots in bytes: a cache line, and the widest vector.
pub const SLOT_ALIGNMENT: usize = 64;

/// Floats from one slot to the next for blocks of up to `max_block` frames: an odd number of cache lines, so that the
/// same frame of many channels does not fall into the same few sets of the first-level cache.
pub const fn slot_stride(max_block: usize) -> usize {
    const LINE: usize = SLOT_ALIGNMENT / size_of::<f32>();
    (max_block.div_ceil(LINE) | 1) * LINE
}

/// Frames that fill a few of the widest vectors: runs of a multiple of this have no tail at any level.
pub const WHOLE_FRAMES: usize = 4 * vector::MAX_WIDTH;

/// Which frames of its buffers a kernel works on, and whether it adds to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First frame, counted from where the pointers lead.
    pub first: usize,
    /// Number of frames; may be 0.
    pub frames: usize,
    /// Whether what the destinations hold stays, as the first term of the sum; else it is written over unread.
    pub accumulate: bool,
}

impl Run {
    /// Frames from the pointers on, written over.
    #[inline]
    pub const fn over(frames: usize) -> Self {
        Self { first: 0, frames, accumulate: false }
    }

    /// The sum of nothing.
    ///
    /// # Safety
    /// `destination` is valid for the frames of the run.
    #[inline(always)]
    unsafe fn without_sources(self, destination: *mut f32) {
        if !self.accumulate {
            // SAFETY: as promised to this function.
            unsafe { std::ptr::write_bytes(destination.add(self.first), 0, self.frames) };
        }
    }
}

/// One source of a sum.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// Its samples.
    pub source: *const f32,
    /// Linear, negative for inverted polarity.
    pub gain: f32,
}

/// One source of a sum with a gain that moves: `gain + slope * t` at frame `t` of the ramp.
#[derive(Clone, Copy, Debug)]
pub struct RampTerm {
    /// Its samples.
    pub source: *const f32,
    /// Linear gain where the ramp starts.
    pub gain: f32,
    /// Change of the gain per frame; 0 for a term at rest.
    pub slope: f32,
}

/// A dense matrix and the channels it joins.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// Linear gains of all cells in the layout of [`Packing::new`] for so many sources and destinations.
    pub gains: &'a [f32],
    /// Samples of the sources.
    pub sources: &'a [*const f32],
    /// Where the sums go. Each is apart from all other buffers.
    pub destinations: &'a [*mut f32],
}

/// How a dense matrix moves. Destinations ramp each on their own.
#[derive(Clone, Copy, Debug)]
pub struct MatrixRamp<'a> {
    /// Change of each cell's gain per frame, packed as the gains are; must be finite, and is ignored for destinations
    /// at rest.
    pub slopes: &'a [f32],
    /// For each destination the frames from the start of its ramp to the first frame of the run; none if it is at rest.
    pub elapsed: &'a [Option<u32>],
}

/// What [`Kernels::copy_sanitised`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// Zeros only, of either sign.
    Silent,
    /// Some sample that is not zero.
    Sounds,
    /// Samples that were infinite or no numbers, which are zero in the copy.
    Repaired,
}

/// The list of kernels, given to another macro: their documentation, their signatures and where they are written.
macro_rules! for_each_kernel {
    ($macro:ident $($argument:tt)*) => {
        $macro! { $($argument)*
            /// `gain * source`. In place if the two pointers are equal.
            fn gain(source: *const f32, destination: *mut f32, frames: usize, gain: f32) = scale;

            /// [`Self::gain_channels`] for `channels` pairs of pointers, where `frames` is a multiple of [`WHOLE_FRAMES`]
            /// and not 0.
            fn gain_whole(
                sources: *const *mut f32, destinations: *const *mut f32, channels: usize, frames: usize, gain: f32
            ) = scale;

            /// `(gain + slope * t) * source`, where `t` is `elapsed` at the first frame and one more at each next. In
            /// place if the two pointers are equal. Rounds otherwise than [`Self::mix_ramp`] does: a crosspoint's
            /// ramp is always that one's. `elapsed + frames` is at most 2^24.
            fn gain_ramp(
                source: *const f32, destination: *mut f32, frames: usize, gain: f32, slope: f32, elapsed: u32
            ) = scale;

            /// `(1 - w) * from + w * to` with the weight `w = step * t`, where `t` is `elapsed` at the first frame and
            /// one more at each next; `from` itself at weight 0, `to` at weight 1. In place if the destination equals
            /// either source. `elapsed + frames` is at most 2^24.
            fn crossfade(
                from: *const f32, to: *const f32, destination: *mut f32, frames: usize, elapsed: u32, step: f32
            ) = scale;

            /// The sum of `gain * source` over the terms, in their order, in one pass. The destination may be one of
            /// the sources, which is then read before it is written. No terms: zeros, or nothing if accumulating.
            fn mix(terms: &[Term], destination: *mut f32, run: Run) = mix;

            /// The sum of `(gain + slope * t) * source` over the terms, in one pass, as `A + t * D`, where `A` sums
            /// `gain * source` and `D` sums `slope * source`, and `t` is `elapsed` at the first frame of the run and
            /// one more at each next. Otherwise as [`Self::mix`]. `elapsed + frames` is at most 2^24.
            fn mix_ramp(terms: &[RampTerm], destination: *mut f32, elapsed: u32, run: Run) = mix;

            /// [`Self::mix`] of all sources into each destination. Best where most cells are in use.
            fn matrix(matrix: &Matrix<'_>, run: Run) = matrix;

            /// [`Self::mix_ramp`] of all sources into each destination that ramps, [`Self::mix`] into those at rest.
            /// Slopes and `elapsed` are as long as gains and destinations; `elapsed + frames` is at most 2^24.
            fn matrix_ramp(matrix: &Matrix<'_>, ramp: &MatrixRamp<'_>, run: Run) = matrix;

            /// Whether no sample is infinite or not a number.
            fn is_finite_all(source: *const f32, frames: usize) -> bool = measure;

            /// The greatest magnitude, 0 for no frames. Samples that are not numbers do not count.
            fn peak(source: *const f32, frames: usize) -> f32 = measure;

            /// The greatest magnitude as [`Self::peak`] finds it, and the sum of squares, for meters: the mean square
            /// of a period is the sum over its runs, divided by its frames. The sum's last bits depend on where
            /// runs begin.
            fn peak_and_square_sum(source: *const f32, frames: usize) -> (f32, f64) = measure;

            /// Whether every sample's magnitude is below the threshold, which is above 0. A sample that is not a
            /// number is not.
            fn all_below(source: *const f32, frames: usize, threshold: f32) -> bool = measure;

            /// A copy of the bits. Says whether all samples are finite and of a magnitude of at most `threshold`.
            fn copy_below(source: *const f32, destination: *mut f32, frames: usize, threshold: f32) -> bool = measure;

            /// A copy with zeros for samples that are infinite or not numbers; all others keep their bits. Says what
            /// it saw. In place if the two pointers are equal.
            fn copy_sanitised(source: *const f32, destination: *mut f32, frames: usize) -> Copied = measure;
        }
    };
}

macro_rules! declare_kernels {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($($parameter:ident: $type:ty),*) $(-> $result:ty)? = $module:ident;
    )*) => {
        /// The kernels of one [`Level`]. The machine has that level, or there would be no such value.
        ///
        /// # Real-time
        /// Finding a table is for the control thread; all methods may be called from the callback.
        pub struct Kernels {
            level: Level,
            $($name: unsafe fn($($type),*) $(-> $result)?,)*
        }

        impl Kernels {
            $(
                $(#[$attribute])*
                ///
                /// # Safety
                /// All pointers are valid for the frames named; buffers are apart unless said otherwise.
                #[inline(always)]
                pub unsafe fn $name(&self, $($parameter: $type),*) $(-> $result)? {
                    // SAFETY: as promised to this function; the table's level is available.
                    unsafe { (self.$name)($($parameter),*) }
                }
            )*
        }
    };
}

for_each_kernel!(declare_kernels);

/// Compiles all kernels for one level, which makes its table.
macro_rules! compile_kernels {
    (
        $table:ident: $level:ident, $vector:path, $target:meta;
        $(
            $(#[$attribute:meta])*
            fn $name:ident($($parameter:ident: $type:ty),*) $(-> $result:ty)? = $module:ident;
        )*
    ) => {
        static $table: Kernels = {
            $(
                #[$target]
                unsafe fn $name($($parameter: $type),*) $(-> $result)? {
                    // SAFETY: handed on; a table is given out only where its level is available.
                    unsafe { $module::$name::<$vector>($($parameter),*) }
                }
            )*
            Kernels { level: Level::$level, $($name,)* }
        };
    };
}

for_each_kernel!(compile_kernels PORTABLE: Portable, vector::Portable, inline(never););
#[cfg(target_arch = "x86_64")]
for_each_kernel!(compile_kernels SSE2: Sse2, x86::Sse2, target_feature(enable = "sse2"););
#[cfg(target_arch = "x86_64")]
for_each_kernel!(compile_kernels AVX2_FMA: Avx2Fma, x86::Avx2, target_feature(enable = "avx2,fma"););
#[cfg(target_arch = "x86_64")]
for_each_kernel!(compile_kernels AVX512: Avx512, x86::Avx512, target_feature(enable = "avx512f"););
#[cfg(target_arch = "aarch64")]
for_each_kernel!(compile_kernels NEON: Neon, neon::Neon, target_feature(enable = "neon"););

impl Kernels {
    /// The kernels of the fastest level this machine has.
    pub fn best() -> &'static Self {
        Self::for_level(Level::detect()).unwrap_or(&PORTABLE)
    }

    /// The kernels of a level; none if this machine lacks it.
    pub fn for_level(level: Level) -> Option<&'static Self> {
        level.is_available().then_some(match level {
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => &SSE2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2Fma => &AVX2_FMA,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => &AVX512,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => &NEON,
            _ => &PORTABLE,
        })
    }

    /// The level of this table.
    #[inline]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// [`Self::gain`] from each of `channels` sources to the destination of the same place: what a node with one gain for
    /// all of its channels does. [`Self::gain_whole`] is the quick way for the usual block.
    ///
    /// # Safety
    /// There are so many pointers in both lists, valid for the frames named; the two of a place are equal or apart, those
    /// of two places apart.
    #[cold]
    #[inline(never)]
    pub unsafe fn gain_channels(
        &self,
        sources: *const *mut f32,
        destinations: *const *mut f32,
        channels: usize,
        frames: usize,
        gain: f32,
    ) {
        for channel in 0..channels {
            // SAFETY: as promised to this function.
            unsafe { self.gain(*sources.add(channel), *destinations.add(channel), frames, gain) };
        }
    }

    /// A copy of the bits, the same at every level.
    ///
    /// # Safety
    /// Both pointers are valid for the frames named; the buffers are apart.
    #[inline(always)]
    pub unsafe fn copy(&self, source: *const f32, destination: *mut f32, frames: usize) {
        // SAFETY: as promised to this function.
        unsafe { std::ptr::copy_nonoverlapping(source, destination, frames) }
    }

    /// Writes zeros.
    ///
    /// # Safety
    /// The pointer is valid for the frames named.
    #[inline(always)]
    pub unsafe fn clear(&self, destination: *mut f32, frames: usize) {
        // SAFETY: as promised to this function.
        unsafe { std::ptr::write_bytes(destination, 0, frames) }
    }
}

impl std::fmt::Debug for Kernels {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Kernels").field(&self.level).finish()
    }
}
