//! The same conversions eight samples at a time, for processors with AVX2: of 24 and 32 bits in both directions, of 16 bits
//! going out. Bit for bit what the plain ones give; what is left over at the end is theirs.
#![deny(clippy::disallowed_types)]

use std::arch::x86_64::*;

use super::Number;

/// Samples at a time.
const LANES: usize = 8;

/// For each half of a vector, where the four bytes of its samples are in what was loaded; -1 is a zero.
type Places = [[i8; 16]; 2];

/// Three bytes at the top of four. The second half was loaded from four bytes before its first sample.
const FROM_24: Places = [
    [-1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11],
    [-1, 4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15],
];
const FROM_24_BIG: Places = [
    [-1, 2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9],
    [-1, 6, 5, 4, -1, 9, 8, 7, -1, 12, 11, 10, -1, 15, 14, 13],
];
/// Three bytes of four, one after the other.
const TO_24: [i8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1];
const TO_24_BIG: [i8; 16] = [2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1];
const SWAP_32: [i8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const SWAP_16: [i8; 16] = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14];

#[target_feature(enable = "avx2")]
fn both(half: [i8; 16]) -> __m256i {
    places([half; 2])
}

#[target_feature(enable = "avx2")]
fn places(places: Places) -> __m256i {
    // SAFETY: two arrays of sixteen bytes are thirty-two bytes in a row.
    unsafe { _mm256_loadu_si256(places.as_ptr().cast()) }
}

/// The whole of a chunk.
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: there are as many bytes as are read.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Bytes 0 to 15 of a chunk, and 8 to 23.
#[target_feature(enable = "avx2")]
fn load_24(bytes: &[u8; 24]) -> __m256i {
    let first = bytes.as_ptr();
    // SAFETY: both reads end within the chunk.
    unsafe { _mm256_set_m128i(_mm_loadu_si128(first.add(8).cast()), _mm_loadu_si128(first.cast())) }
}

/// Reads as many samples as there are whole vectors of; how many that were.
#[target_feature(enable = "avx2")]
pub fn read(number: Number, big_endian: bool, from: &[u8], to: &mut [f32]) -> usize {
    match number {
        Number::Int24 => {
            let places = places(if big_endian { FROM_24_BIG } else { FROM_24 });
            // At the top of 32 bits, where full scale is the same.
            read_each(from, to, 32, |bytes| _mm256_shuffle_epi8(load_24(bytes), places))
        }
        Number::Int32(bits) if big_endian => {
            let swap = both(SWAP_32);
            read_each(from, to, bits, |bytes| _mm256_shuffle_epi8(load(bytes), swap))
        }
        Number::Int32(bits) => read_each(from, to, bits, |bytes| load(bytes)),
        _ => 0,
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn read_each<const BYTES: usize>(
    from: &[u8],
    to: &mut [f32],
    bits: u32,
    integers: impl Fn(&[u8; BYTES]) -> __m256i,
) -> usize {
    let factor = _mm256_set1_ps(1.0 / (1_u64 << (bits - 1)) as f32);
    let (chunks, places) = (from.as_chunks::<BYTES>().0, to.as_chunks_mut::<LANES>().0);
    for (bytes, samples) in chunks.iter().zip(&mut *places) {
        // Rounded once, by the conversion: the factor is a power of two.
        let read = _mm256_mul_ps(_mm256_cvtepi32_ps(integers(bytes)), factor);
        // SAFETY: there is room for as many samples as are written.
        unsafe { _mm256_storeu_ps(samples.as_mut_ptr(), read) };
    }
    chunks.len().min(places.len()) * LANES
}

/// Writes as many samples as there are whole vectors of; how many that were.
#[target_feature(enable = "avx2")]
pub fn write(number: Number, big_endian: bool, from: &[f32], to: &mut [u8]) -> usize {
    match number {
        Number::Int16 => {
            let swap = both(SWAP_16);
            write_each(from, to, 16, |[integers], bytes: &mut [u8; 16]| {
                let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packs_epi32(integers, integers));
                let packed = if big_endian { _mm256_shuffle_epi8(packed, swap) } else { packed };
                // SAFETY: there is room for as many bytes as are written.
                unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm256_castsi256_si128(packed)) };
            })
        }
        Number::Int24 => {
            let places = both(if big_endian { TO_24_BIG } else { TO_24 });
            // Four vectors of 24 bytes become three that are full: each is turned so that its bytes are where they go.
            let turns = [
                _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7),
                _mm256_setr_epi32(2, 4, 5, 6, 3, 7, 0, 1),
                _mm256_setr_epi32(5, 6, 3, 7, 0, 1, 2, 4),
                _mm256_setr_epi32(3, 7, 0, 1, 2, 4, 5, 6),
            ];
            write_each(from, to, 24, |integers: [__m256i; 4], bytes: &mut [u8; 96]| {
                let turned = |place: usize| {
                    _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(integers[place], places), turns[place])
                };
                let [first, second, third, fourth] = [turned(0), turned(1), turned(2), turned(3)];
                let to = bytes.as_mut_ptr().cast::<__m256i>();
                // SAFETY: three times 32 bytes are the chunk.
                unsafe {
                    _mm256_storeu_si256(to, _mm256_blend_epi32::<0b1100_0000>(first, second));
                    _mm256_storeu_si256(to.add(1), _mm256_blend_epi32::<0b1111_0000>(second, third));
                    _mm256_storeu_si256(to.add(2), _mm256_blend_epi32::<0b1111_1100>(third, fourth));
                }
            })
        }
        Number::Int32(bits) => {
            let swap = both(SWAP_32);
            write_each(from, to, bits, |[integers], bytes: &mut [u8; 32]| {
                let integers = if big_endian { _mm256_shuffle_epi8(integers, swap) } else { integers };
                // SAFETY: there is room for as many bytes as are written.
                unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), integers) };
            })
        }
        _ => 0,
    }
}

/// Hands on so many vectors of integers at a time to be stored.
#[inline]
#[target_feature(enable = "avx2")]
fn write_each<const VECTORS: usize, const BYTES: usize>(
    from: &[f32],
    to: &mut [u8],
    bits: u32,
    store: impl Fn([__m256i; VECTORS], &mut [u8; BYTES]),
) -> usize {
    let full_scale = (1_u64 << (bits - 1)) as f32;
    let scale = _mm256_set1_ps(full_scale);
    // A float holds the largest integer of up to 24 bits; that of 32 it does not.
    let highest = _mm256_set1_ps(if bits > 24 { full_scale } else { full_scale - 1.0 });
    let lowest = _mm256_set1_ps(-full_scale);
    let integers = |samples: &[f32; LANES]| {
        // SAFETY: there are as many samples as are read.
        let samples = unsafe { _mm256_loadu_ps(samples.as_ptr()) };
        // What is not a number is silence.
        let samples = _mm256_and_ps(samples, _mm256_cmp_ps::<_CMP_ORD_Q>(samples, samples));
        // Exact, but for what is clipped anyway.
        let clipped = _mm256_max_ps(_mm256_min_ps(_mm256_mul_ps(samples, scale), highest), lowest);
        // To the nearest, ties to even. What is too large becomes the lowest integer, all of whose bits are then turned.
        let integers = _mm256_cvtps_epi32(clipped);
        let is_too_large = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(clipped, scale));
        if bits > 24 { _mm256_xor_si256(integers, is_too_large) } else { integers }
    };
    let vectors = from.as_chunks::<LANES>().0.as_chunks::<VECTORS>().0;
    let places = to.as_chunks_mut::<BYTES>().0;
    for (vectors, bytes) in vectors.iter().zip(&mut *places) {
        store(std::array::from_fn(|place| integers(&vectors[place])), bytes);
    }
    vectors.len().min(places.len()) * VECTORS * LANES
}
