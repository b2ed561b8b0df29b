//! Vectors of x86-64: SSE2, AVX2 with FMA, AVX-512F. One intrinsic or two an operation, nothing else.

use super::vector::Vector;
use std::arch::x86_64::*;

/// Four floats; a product is rounded before it is added.
#[derive(Clone, Copy)]
pub(super) struct Sse2(__m128);

impl Vector for Sse2 {
    const WIDTH: usize = 4;

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn load_whole(source: *const f32) -> Self {
        // SAFETY: the caller owns four floats at `source`.
        Self(unsafe { _mm_loadu_ps(source) })
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn store_whole(self, destination: *mut f32) {
        // SAFETY: the caller owns four floats at `destination`.
        unsafe { _mm_storeu_ps(destination, self.0) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm_add_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(_mm_mul_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        Self(_mm_add_ps(_mm_mul_ps(self.0, other.0), sum.0))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn absolute(self) -> Self {
        Self(_mm_andnot_ps(_mm_set1_ps(-0.0), self.0))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn maximum(self, other: Self) -> Self {
        // The instruction gives its second operand when either is not a number.
        Self(_mm_max_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn greater_bits(self, other: Self) -> Self {
        let (own, other) = (_mm_castps_si128(self.0), _mm_castps_si128(other.0));
        // Without a sign they are ordered as integers with one.
        let is_own = _mm_cmpgt_epi32(own, other);
        Self(_mm_castsi128_ps(_mm_or_si128(_mm_and_si128(is_own, own), _mm_andnot_si128(is_own, other))))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn where_number(self, test: Self) -> Self {
        Self(_mm_and_ps(self.0, _mm_cmpord_ps(test.0, test.0)))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn any_above_zero(self) -> bool {
        _mm_movemask_ps(_mm_cmpgt_ps(self.0, _mm_setzero_ps())) != 0
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn any_beyond(self, bound: Self) -> bool {
        _mm_movemask_ps(_mm_cmpnle_ps(self.0, bound.0)) != 0
    }
}

/// Eight floats; products are added unrounded.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

/// Read from entry `8 - lanes` on, a mask of `lanes` lanes.
static LANE_MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Avx2 {
    /// The first `lanes` lanes, at most eight.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask(lanes: usize) -> __m256i {
        debug_assert!(lanes <= 8);
        // SAFETY: eight entries follow any of the first nine.
        unsafe { _mm256_loadu_si256(LANE_MASKS.as_ptr().add(8 - lanes).cast()) }
    }
}

impl Vector for Avx2 {
    const WIDTH: usize = 8;

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm256_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load_whole(source: *const f32) -> Self {
        // SAFETY: the caller owns eight floats at `source`.
        Self(unsafe { _mm256_loadu_ps(source) })
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store_whole(self, destination: *mut f32) {
        // SAFETY: the caller owns eight floats at `destination`.
        unsafe { _mm256_storeu_ps(destination, self.0) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load_partial(source: *const f32, lanes: usize) -> Self {
        // SAFETY: lanes outside the mask are not read, and the caller owns the others.
        Self(unsafe { _mm256_maskload_ps(source, Self::mask(lanes)) })
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store_partial(self, destination: *mut f32, lanes: usize) {
        // SAFETY: lanes outside the mask are not written, and the caller owns the others.
        unsafe { _mm256_maskstore_ps(destination, Self::mask(lanes), self.0) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm256_add_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(_mm256_mul_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        Self(_mm256_fmadd_ps(self.0, other.0, sum.0))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn absolute(self) -> Self {
        Self(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn maximum(self, other: Self) -> Self {
        // The instruction gives its second operand when either is not a number.
        Self(_mm256_max_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn greater_bits(self, other: Self) -> Self {
        // Without a sign they are ordered as integers with one.
        let (own, other) = (_mm256_castps_si256(self.0), _mm256_castps_si256(other.0));
        Self(_mm256_castsi256_ps(_mm256_max_epi32(own, other)))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn where_number(self, test: Self) -> Self {
        Self(_mm256_and_ps(self.0, _mm256_cmp_ps::<_CMP_ORD_Q>(test.0, test.0)))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn any_above_zero(self) -> bool {
        _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps())) != 0
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn any_beyond(self, bound: Self) -> bool {
        _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(self.0, bound.0)) != 0
    }
}

/// Sixteen floats; products are added unrounded.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

impl Avx512 {
    /// The first `lanes` lanes, fewer than sixteen.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn mask(lanes: usize) -> __mmask16 {
        debug_assert!(lanes < 16);
        (1 << lanes) - 1
    }
}

impl Vector for Avx512 {
    const WIDTH: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm512_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load_whole(source: *const f32) -> Self {
        // SAFETY: the caller owns sixteen floats at `source`.
        Self(unsafe { _mm512_loadu_ps(source) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn store_whole(self, destination: *mut f32) {
        // SAFETY: the caller owns sixteen floats at `destination`.
        unsafe { _mm512_storeu_ps(destination, self.0) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load_partial(source: *const f32, lanes: usize) -> Self {
        // SAFETY: lanes outside the mask are not read, and the caller owns the others.
        Self(unsafe { _mm512_maskz_loadu_ps(Self::mask(lanes), source) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn store_partial(self, destination: *mut f32, lanes: usize) {
        // SAFETY: lanes outside the mask are not written, and the caller owns the others.
        unsafe { _mm512_mask_storeu_ps(destination, Self::mask(lanes), self.0) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm512_add_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(_mm512_mul_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        Self(_mm512_fmadd_ps(self.0, other.0, sum.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn absolute(self) -> Self {
        Self(_mm512_abs_ps(self.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn maximum(self, other: Self) -> Self {
        // The instruction gives its second operand when either is not a number.
        Self(_mm512_max_ps(self.0, other.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn greater_bits(self, other: Self) -> Self {
        // Without a sign they are ordered as integers with one.
        let (own, other) = (_mm512_castps_si512(self.0), _mm512_castps_si512(other.0));
        Self(_mm512_castsi512_ps(_mm512_max_epi32(own, other)))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn where_number(self, test: Self) -> Self {
        Self(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(test.0, test.0), self.0))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn any_above_zero(self) -> bool {
        _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps()) != 0
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn any_beyond(self, bound: Self) -> bool {
        _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(self.0, bound.0) != 0
    }
}
