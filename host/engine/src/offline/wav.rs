//! Audio files: WAV of any usual sample format in, 32-bit float out, written whole or not at all.

use crate::error::EngineError;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::path::Path;

/// Frames that the resampler works on at once, at least.
const RESAMPLER_CHUNK: usize = 1024;

/// Audio in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audio {
    /// Frames a second.
    pub rate: u32,
    /// Channels of equal length; nominally within -1 to 1.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// Frames of each channel.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// The same at another rate, unchanged if it has that rate already. A windowed-sinc filter by FFT, without delay.
    ///
    /// # Errors
    /// If there is no way from one rate to the other.
    pub fn resampled(self, rate: u32) -> Result<Self, EngineError> {
        if self.rate == rate || self.frames() == 0 {
            return Ok(Self { rate, ..self });
        }
        let failed = |error: &dyn std::fmt::Display| EngineError::File {
            path: "audio".into(),
            problem: format!("cannot be resampled from {} to {rate} Hz: {error}", self.rate),
        };
        let (count, frames) = (self.channels.len(), self.frames());
        let mut resampler = Fft::<f32>::new_custom(
            self.rate as usize,
            rate as usize,
            even_chunk(self.rate, rate),
            1,
            count,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .map_err(|error| failed(&error))?;
        let input = SequentialSliceOfVecs::new(&self.channels, count, frames).map_err(|error| failed(&error))?;
        let output = resampler.process_all(&input, frames, None).map_err(|error| failed(&error))?;
        let samples = output.take_data();
        let channels =
            (0..count).map(|channel| samples.iter().skip(channel).step_by(count).copied().collect()).collect();
        Ok(Self { rate, channels })
    }
}

/// A length for the resampler's transform that holds a whole number of periods of both rates, twice: the middle of its
/// filter then lies on a sample, and nothing is shifted by half of one.
pub(crate) fn even_chunk(from: u32, to: u32) -> usize {
    let (mut divisor, mut rest) = (from, to);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let pair = 2 * (from / divisor) as usize;
    pair * RESAMPLER_CHUNK.div_ceil(pair)
}

fn file_error(path: &Path, problem: impl std::fmt::Display) -> EngineError {
    EngineError::File { path: path.to_owned(), problem: problem.to_string() }
}

/// Reads a WAV file: 8 to 32-bit integers or 32-bit floats.
///
/// # Errors
/// If it is absent, not a WAV file or damaged.
pub fn read(path: &Path) -> Result<Audio, EngineError> {
    let explain = |error: hound::Error| match error {
        hound::Error::IoError(error) => file_error(path, format_args!("cannot be read: {error}; check the path")),
        hound::Error::FormatError(detail) => {
            file_error(path, format_args!("is not a sound WAV file ({detail}); convert it to WAV"))
        }
        error => file_error(path, format_args!("cannot be read: {error}; convert it to 16- or 24-bit or float WAV")),
    };
    let mut reader = WavReader::open(path).map_err(explain)?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    if channels == 0 || sample_rate == 0 {
        return Err(file_error(path, "says it has no channels or no sample rate; convert it anew"));
    }
    let samples: Result<Vec<f32>, hound::Error> = match sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let scale = 1.0 / (1_i64 << (bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 * scale)).collect()
        }
    };
    let samples = samples.map_err(explain)?;
    if samples.iter().any(|sample| !sample.is_finite()) {
        return Err(file_error(path, "holds samples that are infinite or not numbers; repair it first"));
    }
    let count = usize::from(channels);
    let frames = samples.len() / count;
    let channels =
        (0..count).map(|channel| samples.iter().skip(channel).step_by(count).take(frames).copied().collect()).collect();
    Ok(Audio { rate: sample_rate, channels })
}

/// Writes a 32-bit float WAV file, whole or not at all: into a temporary file beside it, which then takes its place.
///
/// # Errors
/// If the folder cannot be written, or there are too many channels or none.
pub fn write(path: &Path, audio: &Audio) -> Result<(), EngineError> {
    let channels = u16::try_from(audio.channels.len()).ok().filter(|&count| count > 0);
    let Some(channels) = channels else {
        return Err(file_error(path, format_args!("cannot hold {} channels", audio.channels.len())));
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = |error: &dyn std::fmt::Display| {
        file_error(path, format_args!("cannot be written: {error}; check the folder and its free space"))
    };
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| unwritable(&error))?;
    let spec = WavSpec { channels, sample_rate: audio.rate, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let buffered = std::io::BufWriter::new(temporary.as_file());
    let mut writer = WavWriter::new(buffered, spec).map_err(|error| unwritable(&error))?;
    for frame in 0..audio.frames() {
        for channel in &audio.channels {
            let sample = channel.get(frame).copied().unwrap_or(0.0);
            writer.write_sample(sample).map_err(|error| unwritable(&error))?;
        }
    }
    writer.finalize().map_err(|error| unwritable(&error))?;
    temporary.as_file().sync_all().map_err(|error| unwritable(&error))?;
    #[cfg(unix)]
    {
        // A temporary file is for its owner alone; a result is for whoever may read the user's files.
        use std::os::unix::fs::PermissionsExt;
        let readable = std::fs::Permissions::from_mode(0o644);
        temporary.as_file().set_permissions(readable).map_err(|error| unwritable(&error))?;
    }
    temporary.persist(path).map_err(|error| unwritable(&error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let audio = Audio { rate: 48_000, channels: vec![vec![0.0, 0.5, -1.25], vec![1.0, -0.0, 1e-9]] };
        write(&path, &audio).unwrap();
        assert_eq!(read(&path).unwrap(), audio);
    }

    /// A sine keeps its place and level through a change of rate.
    #[test]
    fn resamples_without_delay() {
        let sine = |rate: f64| {
            (0..rate as usize).map(move |at| (at as f64 * 440.0 * std::f64::consts::TAU / rate).sin() as f32)
        };
        let audio = Audio { rate: 44_100, channels: vec![sine(44_100.0).collect(), vec![0.0; 44_100]] };
        let other = audio.resampled(48_000).unwrap();
        let differences = other.channels[0].iter().zip(sine(48_000.0)).skip(2000).take(40_000);
        let worst = differences.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "off by {worst}");
        assert!(other.channels[1].iter().all(|&sample| sample == 0.0) && other.frames() >= 48_000);
    }

    #[test]
    fn refuses_what_is_no_wav() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        assert!(read(&path).unwrap_err().to_string().contains("check the path"));
        std::fs::write(&path, b"RIFF but not really a file").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("convert it"));
    }
}
