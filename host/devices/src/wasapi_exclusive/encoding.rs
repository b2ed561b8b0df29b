//! How an endpoint stores samples, and what buffers it has.
#![deny(clippy::disallowed_types)]

use super::fault::{BUFFER_SIZE_NOT_ALIGNED, Fault};
use crate::asio::sample_format::SampleFormat;
use crate::error::Choices;

/// A format of exclusive mode, little-endian and interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Int32,
    /// The upper 24 bits of 32. The lower ones are ours to write and the device's to ignore.
    Int24In32,
    /// In three bytes.
    Int24,
    Float32,
    Int16,
}

impl Encoding {
    /// In the order in which they are tried: what loses least goes first.
    pub const ALL: [Self; 5] = [Self::Int32, Self::Int24In32, Self::Int24, Self::Float32, Self::Int16];

    /// By the bits of a sample with its padding and without, 0 if that is not said; none of any other format.
    pub fn of(bits: u16, valid_bits: u16, is_float: bool) -> Option<Self> {
        match (is_float, bits, valid_bits) {
            (true, 32, 0 | 32) => Some(Self::Float32),
            (false, 32, 0 | 32) => Some(Self::Int32),
            (false, 32, 24) => Some(Self::Int24In32),
            (false, 24, 0 | 24) => Some(Self::Int24),
            (false, 16, 0 | 16) => Some(Self::Int16),
            _ => None,
        }
    }

    /// As lists of devices call it.
    #[cfg_attr(not(windows), allow(dead_code))]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int32 => "i32",
            Self::Int24In32 => "i24 in 32",
            Self::Int24 => "i24",
            Self::Float32 => "f32",
            Self::Int16 => "i16",
        }
    }

    /// The conversion: that of ASIO, whose formats are these and more.
    pub fn sample_format(self) -> SampleFormat {
        match self {
            // Left-justified, so 24 bits in 32 are 32 bits of which the lower ones do not count.
            Self::Int32 | Self::Int24In32 => SampleFormat::INT32,
            Self::Int24 => SampleFormat::INT24,
            Self::Float32 => SampleFormat::FLOAT32,
            Self::Int16 => SampleFormat::INT16,
        }
    }
}

/// The periods of an endpoint whose shortest takes so many units of 100 ns. The longest is what the system allows, 2 s.
pub(super) fn buffer_frames(shortest: i64, rate: u32) -> Choices {
    let exact = shortest.max(0) as f64 * f64::from(rate) / 1e7;
    // Drivers round their time up: 128 frames at 48 kHz are 26,667 units, which would be more than 128 again.
    let shortest = (exact - 0.01).ceil().max(1.0) as u32;
    Choices::new([shortest..=rate * 2])
}

/// Initialises a client with buffers of so many frames, or of the next number that its hardware can have: a client that
/// refuses says which that is, but cannot be used any more. `initialize` makes one and says what it answered.
pub(super) fn aligned<T>(
    frames: u32,
    mut initialize: impl FnMut(u32) -> Result<(T, Result<(), Fault>), Fault>,
    buffer_frames: impl FnOnce(&T) -> Result<u32, Fault>,
) -> Result<T, Fault> {
    match initialize(frames)? {
        (client, Ok(())) => Ok(client),
        (client, Err(Fault::System(BUFFER_SIZE_NOT_ALIGNED))) => {
            let (client, answer) = initialize(buffer_frames(&client)?)?;
            answer.map(|()| client)
        }
        (_, Err(fault)) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_time_is_the_frames_it_was_made_from() {
        assert_eq!(buffer_frames(26_667, 48_000).to_string(), "128 to 96000");
        assert_eq!(buffer_frames(30_000, 44_100).to_string(), "133 to 88200");
        assert_eq!(buffer_frames(-5, 48_000).to_string(), "1 to 96000");
    }

    #[test]
    fn formats_are_told_by_their_bits() {
        let of = Encoding::of;
        assert_eq!([of(32, 32, false), of(32, 24, false)], [Some(Encoding::Int32), Some(Encoding::Int24In32)]);
        assert_eq!([of(24, 24, false), of(16, 0, false)], [Some(Encoding::Int24), Some(Encoding::Int16)]);
        assert_eq!([of(32, 32, true), of(64, 64, true)], [Some(Encoding::Float32), None]);
        assert_eq!([of(32, 20, false), of(8, 8, false)], [None, None]);
    }

    /// As the system has them: little-endian, and 24 bits in 32 stand in the upper ones.
    #[test]
    fn samples_are_stored_as_the_system_has_them() {
        for (encoding, bytes) in [
            (Encoding::Int32, &[0, 0, 0, 0xC0][..]),
            (Encoding::Int24In32, &[0, 0, 0, 0xC0]),
            (Encoding::Int24, &[0, 0, 0xC0]),
            (Encoding::Float32, &(-0.5_f32).to_le_bytes()),
            (Encoding::Int16, &[0, 0xC0]),
        ] {
            let mut written = vec![0xAA; bytes.len()];
            encoding.sample_format().write(&[-0.5], &mut written);
            assert_eq!(written, bytes, "{encoding:?}");
            assert_eq!(encoding.sample_format().bytes(), bytes.len(), "{encoding:?}");
        }
    }

    /// Hardware whose buffers are multiples of 64 frames, 256 at most.
    #[test]
    fn a_buffer_that_does_not_fit_the_hardware_is_asked_for_again() {
        let open = |frames| {
            let mut asked = Vec::new();
            let initialize = |frames: u32| {
                asked.push(frames);
                let answer = match frames {
                    257.. => Err(Fault::Silent),
                    frames if frames.is_multiple_of(64) => Ok(()),
                    _ => Err(Fault::System(BUFFER_SIZE_NOT_ALIGNED)),
                };
                Ok((frames, answer))
            };
            let opened = aligned(frames, initialize, |frames| Ok(frames.next_multiple_of(64)));
            (opened, asked)
        };
        assert_eq!(open(128), (Ok(128), vec![128]));
        assert_eq!(open(130), (Ok(192), vec![130, 192]));
        assert_eq!(open(300), (Err(Fault::Silent), vec![300]));
    }
}
