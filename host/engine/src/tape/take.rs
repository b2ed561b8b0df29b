//! A recording as files: one, or as many as its length takes, each as long as its format can say, without a frame lost between.

use super::error::TapeError;
use super::wav_writer::{SampleBits, WavWriter};
use std::path::{Path, PathBuf};

/// What the files are like.
#[derive(Clone, Debug)]
pub(super) struct TakeShape {
    /// The first file; others are named after it.
    pub path: PathBuf,
    pub rate: u32,
    pub channels: usize,
    pub bits: SampleBits,
    pub replace: bool,
}

/// A recording that is being written.
pub(super) struct Take {
    shape: TakeShape,
    current: WavWriter,
    files: Vec<PathBuf>,
    frames: u64,
    #[cfg(test)]
    most_frames: Option<u64>,
}

impl Take {
    /// Makes the first file.
    pub fn create(shape: TakeShape) -> Result<Self, TapeError> {
        let current = WavWriter::create(&shape.path, shape.rate, shape.channels, shape.bits, shape.replace)?;
        let files = vec![shape.path.clone()];
        Ok(Self {
            shape,
            current,
            files,
            frames: 0,
            #[cfg(test)]
            most_frames: None,
        })
    }

    /// Appends whole frames of interleaved samples. After an error nothing more can be written.
    pub fn write(&mut self, mut samples: &[f32]) -> Result<(), TapeError> {
        let channels = self.shape.channels;
        while !samples.is_empty() {
            if self.current.room() == 0 {
                self.next_file()?;
            }
            let room = usize::try_from(self.current.room()).unwrap_or(usize::MAX).saturating_mul(channels);
            let (now, later) = samples.split_at(room.min(samples.len()));
            self.current.write(now).map_err(|reason| self.stopped(reason))?;
            self.frames += (now.len() / channels) as u64;
            samples = later;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<(), TapeError> {
        let TakeShape { path, rate, channels, bits, replace } = &self.shape;
        let path = numbered(path, self.files.len() + 1);
        #[cfg_attr(not(test), expect(unused_mut, reason = "tests make it full early"))]
        let mut next = WavWriter::create(&path, *rate, *channels, *bits, *replace)?;
        #[cfg(test)]
        self.most_frames.into_iter().for_each(|frames| next.hold_at_most(frames));
        self.files.push(path);
        let full = std::mem::replace(&mut self.current, next);
        full.finish().map_err(|reason| self.stopped(reason))
    }

    /// Makes all files sound as they are now.
    pub fn flush(&mut self) -> Result<(), TapeError> {
        self.current.flush().map_err(|reason| self.stopped(reason))
    }

    fn stopped(&self, reason: String) -> TapeError {
        TapeError::Stopped { path: self.current.path().to_owned(), frames: self.frames, reason }
    }

    /// Frames that were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Closes the files and names them.
    pub fn finish(self) -> (Vec<PathBuf>, Result<(), TapeError>) {
        let Self { current, files, frames, .. } = self;
        let path = current.path().to_owned();
        let result = current.finish().map_err(|reason| TapeError::Stopped { path, frames, reason });
        (files, result)
    }

    /// Closes the files after an error, with all that could be kept, and says how many frames that is.
    pub fn rescue(self) -> (Vec<PathBuf>, u64) {
        let before = self.frames - self.current.frames();
        (self.files, before + self.current.rescue())
    }

    /// Says that a file is full after so many frames.
    #[cfg(test)]
    pub fn hold_at_most(&mut self, frames: u64) {
        self.most_frames = Some(frames);
        self.current.hold_at_most(frames);
    }
}

/// `take.wav`, `take-2.wav`, `take-3.wav`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("-{number}"));
    if let Some(end) = path.extension() {
        name.push(".");
        name.push(end);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::WavReader;

    fn shape(path: PathBuf) -> TakeShape {
        TakeShape { path, rate: 48_000, channels: 2, bits: SampleBits::Float32, replace: false }
    }

    /// Files of four frames: ten frames are three files, in order, whatever pieces they came in.
    #[test]
    fn a_long_take_goes_on_in_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut take = Take::create(shape(folder.path().join("take.wav"))).unwrap();
        take.hold_at_most(4);
        let samples: Vec<f32> = (0..20).map(|sample| sample as f32).collect();
        take.write(&samples[..6]).unwrap();
        take.write(&samples[6..]).unwrap();
        assert_eq!(take.frames(), 10);
        let (files, result) = take.finish();
        result.unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["take.wav", "take-2.wav", "take-3.wav"]);
        let all: Vec<f32> = files
            .iter()
            .flat_map(|file| {
                WavReader::open(file).unwrap().into_samples::<f32>().map(Result::unwrap).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(all, samples);
    }

    /// A file that stands where the next one would go is kept, and the take ends there, sound.
    #[test]
    fn a_file_in_the_way_ends_the_take() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("take-2.wav"), b"another").unwrap();
        let mut take = Take::create(shape(folder.path().join("take.wav"))).unwrap();
        take.hold_at_most(4);
        let error = take.write(&[0.5; 20]).unwrap_err();
        assert!(matches!(error, TapeError::Exists { .. }), "{error}");
        assert_eq!(take.rescue().1, 4);
        assert_eq!(WavReader::open(folder.path().join("take.wav")).unwrap().duration(), 4);
        assert_eq!(std::fs::read(folder.path().join("take-2.wav")).unwrap(), b"another");
    }
}
