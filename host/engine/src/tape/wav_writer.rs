//! One WAV file while it is written: sound up to its last second whatever happens, and never longer than its format can say.

use super::error::TapeError;
use hound::{SampleFormat, WavSpec, WavWriter as Encoder};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that a WAV file can say it holds, with some for what stands around them.
const LARGEST: u64 = u32::MAX as u64 - 4096;

/// What a sample is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleBits {
    /// Integers of 16 bits, rounded, without dither; what lies beyond full scale is cut off there.
    Int16,
    /// Integers of 24 bits: all bits of a device of up to 24.
    Int24,
    /// Floats of 32 bits: all bits of a device of up to 24, and what lies beyond full scale.
    Float32,
}

impl SampleBits {
    fn bits(self) -> u16 {
        match self {
            Self::Int16 => 16,
            Self::Int24 => 24,
            Self::Float32 => 32,
        }
    }

    /// The integer for a sample, if it is to be one.
    fn integer(self, sample: f32) -> Option<i32> {
        let scale = match self {
            Self::Float32 => return None,
            bits => f64::from(1_u32 << (bits.bits() - 1)),
        };
        Some((f64::from(sample) * scale).round_ties_even().clamp(-scale, scale - 1.0) as i32)
    }
}

/// A file that is being written.
pub(super) struct WavWriter {
    path: PathBuf,
    encoder: Encoder<BufWriter<File>>,
    bits: SampleBits,
    channels: usize,
    /// Bytes before the first sample.
    header: u64,
    frames: u64,
    most_frames: u64,
}

impl WavWriter {
    /// Makes a file that is sound already, with no frame in it. Without `replace` there must be none of its name.
    pub fn create(path: &Path, rate: u32, channels: usize, bits: SampleBits, replace: bool) -> Result<Self, TapeError> {
        let count = u16::try_from(channels).ok().filter(|&count| count > 0).ok_or(TapeError::Channels { channels })?;
        let unwritable = |reason: String| TapeError::Unwritable { path: path.to_owned(), reason };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).create_new(!replace);
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => TapeError::Exists { path: path.to_owned() },
            _ => unwritable(error.to_string()),
        })?;
        let is_float = bits == SampleBits::Float32;
        let sample_format = if is_float { SampleFormat::Float } else { SampleFormat::Int };
        let spec = WavSpec { channels: count, sample_rate: rate, bits_per_sample: bits.bits(), sample_format };
        let encoder = Encoder::new(BufWriter::new(file), spec).and_then(|mut encoder| {
            encoder.flush()?;
            Ok(encoder)
        });
        let encoder = encoder.map_err(|error| unwritable(error.to_string()))?;
        let header = std::fs::metadata(path).map_err(|error| unwritable(error.to_string()))?.len();
        let most_frames = LARGEST / (u64::from(bits.bits() / 8) * channels as u64);
        Ok(Self { path: path.to_owned(), encoder, bits, channels, header, frames: 0, most_frames })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frames that were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many more frames it can hold.
    pub fn room(&self) -> u64 {
        self.most_frames - self.frames
    }

    /// Appends interleaved samples, as many as there is room for.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), String> {
        for &sample in samples {
            let written = match self.bits.integer(sample) {
                Some(sample) => self.encoder.write_sample(sample),
                None => self.encoder.write_sample(sample),
            };
            written.map_err(|error| error.to_string())?;
        }
        self.frames += (samples.len() / self.channels) as u64;
        Ok(())
    }

    /// Makes the file sound as it is now.
    pub fn flush(&mut self) -> Result<(), String> {
        self.encoder.flush().map_err(|error| error.to_string())
    }

    /// Closes it.
    pub fn finish(self) -> Result<(), String> {
        self.encoder.finalize().map_err(|error| error.to_string())
    }

    /// Closes a file that may not take what is still to be written: keeps all whole frames that reach the disk. Returns how
    /// many.
    pub fn rescue(self) -> u64 {
        let Self { path, mut encoder, bits, channels, header, frames, .. } = self;
        if encoder.flush().is_ok() {
            return frames;
        }
        // What is still to be written would be tried again, and fail again; the system closes the file with the program.
        std::mem::forget(encoder);
        patch(&path, header, u64::from(bits.bits() / 8) * channels as u64)
    }

    /// Says that it is full after so many frames.
    #[cfg(test)]
    pub fn hold_at_most(&mut self, frames: u64) {
        self.most_frames = frames;
    }
}

/// Makes a file sound that was left in the middle: so many bytes of header, so many bytes a frame. Returns the whole frames
/// that it holds.
fn patch(path: &Path, header: u64, frame: u64) -> u64 {
    let patch = || -> std::io::Result<u64> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let frames = file.metadata()?.len().saturating_sub(header) / frame;
        let bytes = frames * frame;
        file.set_len(header + bytes)?;
        for (place, size) in [(4, header - 8 + bytes), (header - 4, bytes)] {
            file.seek(SeekFrom::Start(place))?;
            file.write_all(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        file.sync_all()?;
        Ok(frames)
    };
    // If even this fails, the file is as its last flush left it, and nobody knows better.
    patch().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::WavReader;

    const SAMPLES: [f32; 6] = [0.0, 0.5, -0.25, 1.0, -1.0, 1.5];

    fn create(path: &Path, bits: SampleBits) -> WavWriter {
        WavWriter::create(path, 48_000, 2, bits, false).unwrap()
    }

    /// Floats are kept as they are; integers are rounded and end at full scale. Every integer of 16 and 24 bits comes back.
    #[test]
    fn every_bit_survives() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut writer = create(&path("float"), SampleBits::Float32);
        writer.write(&SAMPLES).unwrap();
        writer.finish().unwrap();
        let read: Vec<f32> = WavReader::open(path("float")).unwrap().samples::<f32>().map(Result::unwrap).collect();
        assert_eq!(read, SAMPLES);
        for (name, bits, full) in [("16", SampleBits::Int16, 1 << 15), ("24", SampleBits::Int24, 1 << 23)] {
            let integers = [0, 1, -1, full - 1, -full, 12_345];
            let mut writer = create(&path(name), bits);
            writer.write(&integers.map(|sample| sample as f32 / full as f32)).unwrap();
            writer.write(&[1.5, -7.0]).unwrap();
            writer.finish().unwrap();
            let read: Vec<i32> = WavReader::open(path(name)).unwrap().samples::<i32>().map(Result::unwrap).collect();
            assert_eq!(read, [&integers[..], &[full - 1, -full]].concat());
        }
    }

    /// What was flushed is sound while writing goes on; what is there is not written over unless that is wanted.
    #[test]
    fn a_file_is_sound_while_it_is_written_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.wav");
        let mut writer = create(&path, SampleBits::Int24);
        assert_eq!(WavReader::open(&path).unwrap().duration(), 0);
        writer.write(&SAMPLES).unwrap();
        writer.flush().unwrap();
        assert_eq!(WavReader::open(&path).unwrap().duration(), 3);
        writer.finish().unwrap();
        let refusal = WavWriter::create(&path, 48_000, 2, SampleBits::Int16, false).err().unwrap();
        assert!(refusal.to_string().contains("--force"));
        assert_eq!(WavReader::open(&path).unwrap().duration(), 3);
        WavWriter::create(&path, 48_000, 2, SampleBits::Int16, true).unwrap().finish().unwrap();
        assert_eq!(WavReader::open(&path).unwrap().duration(), 0);
    }

    /// ```text
    /// header (0 frames) | frame frame fra      the disk is full here: two frames are kept
    /// ```
    #[test]
    fn what_reached_the_disk_is_rescued() {
        let folder = tempfile::tempdir().unwrap();
        for bits in [SampleBits::Int16, SampleBits::Int24, SampleBits::Float32] {
            let path = folder.path().join(format!("{bits:?}.wav"));
            let header = create(&path, bits).header;
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(&vec![1; usize::from(bits.bits()) / 8 * 5]).unwrap();
            assert_eq!(patch(&path, header, u64::from(bits.bits()) / 4), 2);
            let reader = WavReader::open(&path).unwrap();
            assert_eq!((reader.duration(), reader.spec().channels), (2, 2), "{bits:?}");
        }
    }
}
