//! An audio file, decoded piece by piece in order: never more of it in memory than a packet.

use super::error::TapeError;
use std::fs::File;
use std::path::{Path, PathBuf};
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::units::Timestamp;

/// An audio file that is open: WAV, AIFF, FLAC, MP3 or Ogg Vorbis.
///
/// Integers of up to 24 bits become floats without loss. What an encoder added at the start and end is left out where the
/// file says so.
pub struct AudioFile {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate: u32,
    channels: usize,
    frames: Option<u64>,
    damaged: u64,
    /// Where reading is to go on; frames before it are left out.
    wanted: u64,
}

impl AudioFile {
    /// Opens a file and decodes its beginning.
    ///
    /// # Errors
    /// If it is absent, of another kind, or damaged at its start.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let unreadable = |error: std::io::Error| TapeError::Unreadable { path: path.into(), reason: error.to_string() };
        let misunderstood = |reason: &dyn std::fmt::Display| TapeError::NotUnderstood {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(TapeError::Unreadable { path: path.into(), reason: "it is a folder".to_owned() });
        }
        let mut hint = Hint::new();
        if let Some(end) = path.extension().and_then(|end| end.to_str()) {
            hint.with_extension(end);
        }
        let source = MediaSourceStream::new(Box::new(file), Default::default());
        let format = symphonia::default::get_probe().probe(&hint, source, Default::default(), Default::default());
        let mut format = format.map_err(|error| misunderstood(&error))?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| misunderstood(&"there is no sound in it"))?;
        let (id, frames) = (track.id, track.num_frames);
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or_else(|| misunderstood(&"its sound is of an unknown kind"))?;
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &Default::default());
        let mut decoder = decoder.map_err(|error| misunderstood(&error))?;
        let (mut rate, mut channels) = (parameters.sample_rate, parameters.channels.as_ref().map(|all| all.count()));
        if rate.is_none() || channels.is_none() {
            // Some formats say it with their first packet only.
            let packet = format.next_packet().map_err(|error| misunderstood(&error))?;
            let packet = packet.ok_or_else(|| misunderstood(&"it is empty"))?;
            let spec = decoder.decode(&packet).map_err(|error| misunderstood(&error))?.spec().clone();
            (rate, channels) = (Some(spec.rate()), Some(spec.channels().count()));
            let start = SeekTo::Timestamp { ts: Timestamp::from(0), track_id: id };
            format.seek(SeekMode::Accurate, start).map_err(|error| misunderstood(&error))?;
            decoder.reset();
        }
        let known = rate.filter(|&rate| rate > 0).zip(channels.filter(|&channels| channels > 0));
        let (rate, channels) = known.ok_or_else(|| misunderstood(&"it says it has no channels or no rate"))?;
        let path = path.to_owned();
        Ok(Self { path, format, decoder, track: id, rate, channels, frames, damaged: 0, wanted: 0 })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frames a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Frames in all, if the file says.
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// How many pieces could not be decoded and were left out.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Goes to a frame, from which reading goes on exactly.
    ///
    /// # Errors
    /// If the frame lies beyond the end.
    pub fn seek(&mut self, frame: u64) -> Result<(), TapeError> {
        let refused = |reason: String| TapeError::Start {
            path: self.path.clone(),
            start: frame as f64 / f64::from(self.rate),
            reason,
        };
        if let Some(frames) = self.frames.filter(|&frames| frame > frames) {
            return Err(refused(format!("it is {:.3} s long", frames as f64 / f64::from(self.rate))));
        }
        let to = Timestamp::try_from(frame).map_err(|error| refused(error.to_string()))?;
        let to = SeekTo::Timestamp { ts: to, track_id: self.track };
        self.format.seek(SeekMode::Accurate, to).map_err(|error| refused(error.to_string()))?;
        self.decoder.reset();
        self.wanted = frame;
        Ok(())
    }

    /// Decodes the next piece into `samples`, interleaved, in place of what is there. False at the end of the file. What is
    /// not a number becomes silence.
    ///
    /// # Errors
    /// If the file can be read no further.
    pub fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, TapeError> {
        loop {
            let unreadable = |reason: String| TapeError::Unreadable { path: self.path.clone(), reason };
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                // A second song behind the first, in one Ogg file, is another file.
                Ok(None) | Err(Error::ResetRequired) => return Ok(false),
                // A file that was cut off ends where it was cut.
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(unreadable(error.to_string())),
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(decoded) => decoded.copy_to_vec_interleaved(samples),
                Err(Error::DecodeError(_) | Error::IoError(_)) => {
                    self.damaged += 1;
                    continue;
                }
                Err(error) => return Err(unreadable(error.to_string())),
            }
            let before = i64::try_from(self.wanted).unwrap_or(i64::MAX).saturating_sub(packet.pts.get());
            let before = usize::try_from(before).unwrap_or(0).saturating_mul(self.channels);
            samples.drain(..before.min(samples.len()));
            if samples.is_empty() {
                continue;
            }
            samples.iter_mut().filter(|sample| !sample.is_finite()).for_each(|sample| *sample = 0.0);
            return Ok(true);
        }
    }
}

impl std::fmt::Debug for AudioFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, rate, channels, frames, .. } = self;
        f.debug_struct("AudioFile")
            .field("path", path)
            .field("rate", rate)
            .field("channels", channels)
            .field("frames", frames)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{SampleFormat, WavSpec, WavWriter};

    const RAMP: [i32; 6] = [0, 1, -1, 5000, -5000, 32_767];

    fn all_of(file: &mut AudioFile) -> Vec<f32> {
        let (mut all, mut piece) = (Vec::new(), Vec::new());
        while file.read(&mut piece).unwrap() {
            all.extend_from_slice(&piece);
        }
        all
    }

    /// Integers of 16, 24 and 32 bits and floats, which may lie beyond full scale, come out as they are.
    #[test]
    fn samples_of_every_usual_format_are_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for bits in [16, 24, 32] {
            let spec =
                WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: bits, sample_format: SampleFormat::Int };
            let mut writer = WavWriter::create(&path, spec).unwrap();
            RAMP.iter().for_each(|&sample| writer.write_sample(sample << (bits - 16)).unwrap());
            writer.finalize().unwrap();
            let mut file = AudioFile::open(&path).unwrap();
            assert_eq!((file.rate(), file.channels(), file.frames()), (44_100, 2, Some(3)));
            assert_eq!(all_of(&mut file), RAMP.map(|sample| sample as f32 / 32_768.0), "{bits} bits");
        }
        let spec = WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 32, sample_format: SampleFormat::Float };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        [1.5, -2.25, f32::NAN, 1e-9].iter().for_each(|&sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        assert_eq!(all_of(&mut AudioFile::open(&path).unwrap()), [1.5, -2.25, 0.0, 1e-9]);
    }

    /// Reading goes on from exactly the frame that was gone to.
    #[test]
    fn a_seek_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let spec = WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 24, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        (0..20_000).for_each(|sample: i32| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let mut file = AudioFile::open(&path).unwrap();
        for frame in [12_345, 0, 19_999] {
            file.seek(frame).unwrap();
            let first = all_of(&mut file)[0];
            assert_eq!(first, frame as f32 / 8_388_608.0, "frame {frame}");
        }
        assert!(file.seek(20_001).unwrap_err().to_string().contains("0.417 s long"));
    }

    #[test]
    fn what_is_no_audio_file_is_refused_with_what_would_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let refusal = |path: &Path| AudioFile::open(path).unwrap_err().to_string();
        assert!(refusal(&path).contains("check the path"));
        assert!(refusal(folder.path()).contains("it is a folder"));
        std::fs::write(&path, b"RIFF but not really a file").unwrap();
        assert!(refusal(&path).contains("convert it"), "{}", refusal(&path));
    }
}
