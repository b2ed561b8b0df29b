//! What the driver's inputs hold: numbers that say where they stand, with every bit in use that a format and a 32-bit float
//! both hold. As bytes of each format, so that filling and comparing a buffer costs no more than copying it.

use std::sync::{Arc, Mutex, PoisonError};

/// After so many frames it begins anew. Prime, so that no buffer size divides it.
const PERIOD: usize = 59_999;

/// By how many frames a channel is ahead of the one before.
const AHEAD: usize = 4_001;

/// The signal in the bytes of one format.
pub struct Signal {
    bytes: Box<[u8]>,
    width: usize,
}

static SIGNALS: Mutex<Vec<(i32, Arc<Signal>)>> = Mutex::new(Vec::new());

impl Signal {
    /// In a format by its number in the interface.
    pub fn of(sample_type: i32) -> Arc<Self> {
        let mut signals = SIGNALS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signal)) = signals.iter().find(|(of, _)| *of == sample_type) {
            return Arc::clone(signal);
        }
        let (width, _) = layout(sample_type);
        let bytes = (0..PERIOD).flat_map(|place| sample(sample_type, place).into_iter().take(width)).collect();
        let signal = Arc::new(Self { bytes, width });
        signals.push((sample_type, Arc::clone(&signal)));
        signal
    }

    /// Bytes a sample.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The bytes of a channel from a frame on, in pieces.
    fn pieces(&self, channel: usize, first: usize, frames: usize) -> impl Iterator<Item = &[u8]> {
        let mut at = (first + channel * AHEAD) % PERIOD;
        let mut left = frames;
        std::iter::from_fn(move || {
            let count = left.min(PERIOD - at);
            let piece = (count > 0).then(|| &self.bytes[at * self.width..(at + count) * self.width]);
            (at, left) = (0, left - count);
            piece
        })
    }

    /// Fills a channel's half with its signal from a frame on.
    pub fn fill(&self, half: &mut [u8], channel: usize, first: usize) {
        let frames = half.len() / self.width;
        let mut rest = half;
        for piece in self.pieces(channel, first, frames) {
            let (place, behind) = rest.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            rest = behind;
        }
    }

    /// How many samples of a half differ from the channel's signal from a frame on, in any bit.
    pub fn differing(&self, half: &[u8], channel: usize, first: usize) -> u64 {
        let mut rest = half;
        let mut differing = 0;
        for piece in self.pieces(channel, first, half.len() / self.width) {
            let (place, behind) = rest.split_at(piece.len());
            if place != piece {
                let samples = place.chunks_exact(self.width).zip(piece.chunks_exact(self.width));
                differing += samples.filter(|(played, expected)| played != expected).count() as u64;
            }
            rest = behind;
        }
        differing
    }
}

/// Bytes a sample, and bits of an integer; 0 bits for floats.
fn layout(sample_type: i32) -> (usize, u32) {
    match sample_type & !16 {
        0 => (2, 16),
        1 => (3, 24),
        2 => (4, 32),
        8 => (4, 16),
        9 => (4, 18),
        10 => (4, 20),
        11 => (4, 24),
        4 => (8, 0),
        _ => (4, 0),
    }
}

/// The bytes of the sample in a place, the unused ones last.
fn sample(sample_type: i32, place: usize) -> [u8; 8] {
    let (width, bits) = layout(sample_type);
    // Spreads the place over all bits (the finaliser of SplitMix64).
    let mut mixed = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let in_use = if bits == 0 { 24 } else { bits.min(24) };
    let number = mixed as i64 >> (64 - in_use);
    let fraction = number as f64 / (1_u64 << (in_use - 1)) as f64;
    let little = match (width, bits) {
        (8, 0) => fraction.to_bits(),
        (_, 0) => u64::from((fraction as f32).to_bits()),
        (_, bits) => (number << (bits - in_use)) as u64,
    };
    let mut bytes = little.to_le_bytes();
    if sample_type < 16 {
        bytes[..width].reverse();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One sample that is not in its place is seen, wherever it is; all in their places are none.
    #[test]
    fn one_wrong_sample_is_seen() {
        for sample_type in [0, 1, 18, 19, 20, 27] {
            let signal = Signal::of(sample_type);
            let mut half = vec![0; 256 * signal.width()];
            // Over the end of the period.
            let first = PERIOD - 100;
            signal.fill(&mut half, 0, first);
            assert_eq!(signal.differing(&half, 0, first), 0);
            assert!(signal.differing(&half, 1, first) > 250, "channels differ");
            assert!(signal.differing(&half, 0, first + 256) > 250, "buffers differ");
            for frame in [0, 99, 100, 255] {
                half[frame * signal.width()] ^= 1;
                assert_eq!(signal.differing(&half, 0, first), 1);
                half[frame * signal.width()] ^= 1;
            }
        }
    }
}
