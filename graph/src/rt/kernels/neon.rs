//! Vectors of 64-bit ARM. One intrinsic or two an operation, nothing else.

use super::vector::Vector;
use std::arch::aarch64::*;

/// Four floats; products are added unrounded.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t);

impl Vector for Neon {
    const WIDTH: usize = 4;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn splat(value: f32) -> Self {
        Self(vdupq_n_f32(value))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load_whole(source: *const f32) -> Self {
        // SAFETY: the caller owns four floats at `source`.
        Self(unsafe { vld1q_f32(source) })
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn store_whole(self, destination: *mut f32) {
        // SAFETY: the caller owns four floats at `destination`.
        unsafe { vst1q_f32(destination, self.0) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn add(self, other: Self) -> Self {
        Self(vaddq_f32(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(vmulq_f32(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        Self(vfmaq_f32(sum.0, self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn absolute(self) -> Self {
        Self(vabsq_f32(self.0))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn maximum(self, other: Self) -> Self {
        // A comparison with what is not a number is false, which picks `other`.
        Self(vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn greater_bits(self, other: Self) -> Self {
        let (own, other) = (vreinterpretq_u32_f32(self.0), vreinterpretq_u32_f32(other.0));
        Self(vreinterpretq_f32_u32(vmaxq_u32(own, other)))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn where_number(self, test: Self) -> Self {
        Self(vbslq_f32(vceqq_f32(test.0, test.0), self.0, vdupq_n_f32(0.0)))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn any_above_zero(self) -> bool {
        vmaxvq_f32(self.0) > 0.0
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn any_beyond(self, bound: Self) -> bool {
        vminvq_u32(vcleq_f32(self.0, bound.0)) == 0
    }
}
