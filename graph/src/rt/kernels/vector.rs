//! What a kernel needs of an instruction set: a handful of operations on a few floats side by side. Every kernel is
//! written once over [`Vector`], so that what is tested on one level is what runs on the others.
//!
//! Kernels never handle a tail apart: the last, partial vector goes through the same arithmetic with only its memory
//! accesses shortened, which is what makes bits independent of where a run ends.

use std::ptr::copy_nonoverlapping;

/// The widest vector of any level, in floats.
pub(super) const MAX_WIDTH: usize = 16;

/// 0, 1, 2 ... as floats, for closed-form ramps.
static INDICES: [f32; MAX_WIDTH] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

/// A few floats, treated alike.
///
/// # Safety
/// All functions are to be called only where the instruction set of the type is available, and from functions compiled
/// for it (else they are slow). Pointers need no alignment.
pub(super) trait Vector: Copy {
    /// Floats in a vector.
    const WIDTH: usize;

    /// All lanes the same.
    unsafe fn splat(value: f32) -> Self;

    /// Reads `WIDTH` floats.
    unsafe fn load_whole(source: *const f32) -> Self;

    /// Writes `WIDTH` floats.
    unsafe fn store_whole(self, destination: *mut f32);

    /// Reads `lanes` floats, fewer than `WIDTH`; the other lanes are zero and their memory is not touched.
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, lanes: usize) -> Self {
        let mut buffer = [0.0; MAX_WIDTH];
        // SAFETY: the caller owns `lanes` floats at `source`; the buffer has room for any vector.
        unsafe {
            copy_nonoverlapping(source, buffer.as_mut_ptr(), lanes);
            Self::load_whole(buffer.as_ptr())
        }
    }

    /// Writes the first `lanes` floats, fewer than `WIDTH`; the memory of the other lanes is not touched.
    #[inline(always)]
    unsafe fn store_partial(self, destination: *mut f32, lanes: usize) {
        let mut buffer = [0.0; MAX_WIDTH];
        // SAFETY: the caller owns `lanes` floats at `destination`; the buffer has room for any vector.
        unsafe {
            self.store_whole(buffer.as_mut_ptr());
            copy_nonoverlapping(buffer.as_ptr(), destination, lanes);
        }
    }

    /// Lane by lane.
    unsafe fn add(self, other: Self) -> Self;

    /// Lane by lane.
    unsafe fn multiply(self, other: Self) -> Self;

    /// `self * other + sum`, rounded as the level rounds: once if [`Level::fused`](super::Level::fused), else twice.
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self;

    /// The values without their signs.
    unsafe fn absolute(self) -> Self;

    /// The greater of two lanes; that of `other` where `self` is not a number.
    unsafe fn maximum(self, other: Self) -> Self;

    /// The greater of two lanes by their bits, both without a sign: by size, then the infinite, then what is not a number.
    unsafe fn greater_bits(self, other: Self) -> Self;

    /// The bits of `self` where `test` is a number, zero where it is not.
    unsafe fn where_number(self, test: Self) -> Self;

    /// Whether any lane is greater than 0.
    unsafe fn any_above_zero(self) -> bool;

    /// Whether any lane is greater than that of `bound`, or not a number.
    unsafe fn any_beyond(self, bound: Self) -> bool;

    /// Reads `lanes` floats, at most `WIDTH`. Where `lanes` is known to be `WIDTH` this is [`Self::load_whole`].
    #[inline(always)]
    unsafe fn load(source: *const f32, lanes: usize) -> Self {
        // SAFETY: the caller owns `lanes` floats at `source`.
        unsafe { if lanes == Self::WIDTH { Self::load_whole(source) } else { Self::load_partial(source, lanes) } }
    }

    /// Writes `lanes` floats, at most `WIDTH`. Where `lanes` is known to be `WIDTH` this is [`Self::store_whole`].
    #[inline(always)]
    unsafe fn store(self, destination: *mut f32, lanes: usize) {
        // SAFETY: the caller owns `lanes` floats at `destination`.
        unsafe {
            if lanes == Self::WIDTH { self.store_whole(destination) } else { self.store_partial(destination, lanes) }
        }
    }

    /// `start`, `start + 1`, `start + 2` ... as floats; exact below 2^24, whatever the frame a run starts at.
    #[inline(always)]
    unsafe fn count_from(start: u32) -> Self {
        // SAFETY: the table is as long as the widest vector.
        unsafe { Self::load_whole(INDICES.as_ptr()).add(Self::splat(start as f32)) }
    }

    /// The lanes one by one; those beyond `WIDTH` are zero.
    #[inline(always)]
    unsafe fn lanes(self) -> [f32; MAX_WIDTH] {
        let mut lanes = [0.0; MAX_WIDTH];
        // SAFETY: the array is as long as the widest vector.
        unsafe { self.store_whole(lanes.as_mut_ptr()) };
        lanes
    }
}

/// Runs a body for each vector of `frames` frames from frame `first` on: with `lanes` the constant width for whole
/// vectors, four at a time as long as there are, then once for what is left. A macro, since a closure would not be
/// compiled for the level's instructions.
macro_rules! each_vector {
    ($vector:ty, $first:expr, $frames:expr, |$at:ident, $lanes:ident| $body:block) => {{
        let mut $at: usize = $first;
        let frames: usize = $frames;
        let rest = frames % <$vector>::WIDTH;
        let whole = $at + frames - rest;
        let fours = $at + frames - frames % (4 * <$vector>::WIDTH);
        while $at != fours {
            for _ in 0..4 {
                let $lanes = <$vector>::WIDTH;
                $body
                $at += <$vector>::WIDTH;
            }
        }
        while $at != whole {
            let $lanes = <$vector>::WIDTH;
            $body
            $at += <$vector>::WIDTH;
        }
        if rest != 0 {
            let $lanes = rest;
            $body
        }
    }};
}
pub(super) use each_vector;

/// Four floats in plain Rust: what runs on a processor that has no kernels of its own, and the yardstick for the rest.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

impl Vector for Portable {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load_whole(source: *const f32) -> Self {
        // SAFETY: the caller owns four floats at `source`.
        Self(unsafe { source.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store_whole(self, destination: *mut f32) {
        // SAFETY: the caller owns four floats at `destination`.
        unsafe { destination.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        self.zip(other, |a, b| a * b).zip(sum, |product, sum| product + sum)
    }

    #[inline(always)]
    unsafe fn absolute(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    unsafe fn maximum(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn greater_bits(self, other: Self) -> Self {
        self.zip(other, |a, b| f32::from_bits(a.to_bits().max(b.to_bits())))
    }

    #[inline(always)]
    unsafe fn where_number(self, test: Self) -> Self {
        self.zip(test, |value, test| if test.is_nan() { 0.0 } else { value })
    }

    #[inline(always)]
    unsafe fn any_above_zero(self) -> bool {
        self.0.iter().any(|&value| value > 0.0)
    }

    #[inline(always)]
    unsafe fn any_beyond(self, bound: Self) -> bool {
        // What is not a number is not at most anything either.
        !self.0.iter().zip(&bound.0).all(|(value, bound)| value <= bound)
    }
}
