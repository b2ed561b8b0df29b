//! The control half of a player: one file, one thread that reads it, and the numbers of how far it is.

use super::audio_file::AudioFile;
use super::error::TapeError;
use super::player_callback::{PlayerCallback, Playing};
use super::reading::Reading;
use super::ring;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

/// Seconds of sound between disk and device, at the usual rates.
const RING_SECONDS: u32 = 2;

/// What is played of a file, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerSettings {
    /// Where to begin, in seconds of the file.
    pub start: f64,
    /// How many seconds of it to play; none: to its end.
    pub seconds: Option<f64>,
    /// Whether to begin again at the end.
    pub repeat: bool,
    /// A factor for every sample.
    pub gain: f32,
}

impl Default for PlayerSettings {
    /// All of it, once, as it is.
    fn default() -> Self {
        Self { start: 0.0, seconds: None, repeat: false, gain: 1.0 }
    }
}

/// How far a player is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlayerStatus {
    /// Seconds of sound that were handed to the device.
    pub seconds: f64,
    /// Frames of sound, at the device's rate, that were handed to it.
    pub frames: u64,
    /// How often the disk came too late.
    pub underruns: u64,
    /// Frames of silence that were heard for that, at the device's rate.
    pub missing_frames: u64,
}

/// Plays one file. Dropping it ends its thread; the callback is silent from then on.
#[derive(Debug)]
pub struct FilePlayer {
    waiting: Option<Box<Reading>>,
    thread: Option<JoinHandle<(AudioFile, Result<(), TapeError>)>>,
    playing: Arc<Playing>,
    quit: Arc<AtomicBool>,
    /// The device's, once it is known.
    rate: u32,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("file", &self.file).finish_non_exhaustive()
    }
}

impl FilePlayer {
    /// A player, and the callback to open a device with.
    ///
    /// # Errors
    /// If the start lies behind the file's end.
    pub fn new(mut file: AudioFile, settings: PlayerSettings) -> Result<(Self, PlayerCallback), TapeError> {
        let frames_in = |seconds: f64| (seconds.max(0.0) * f64::from(file.rate())).round() as u64;
        let (start, limit) = (frames_in(settings.start), settings.seconds.map(frames_in));
        if start > 0 {
            file.seek(start)?;
        }
        let capacity = (RING_SECONDS * file.rate().max(48_000)) as usize * file.channels();
        let (producer, consumer) = ring::samples(capacity);
        let (playing, quit) = (Arc::<Playing>::default(), Arc::<AtomicBool>::default());
        let callback = PlayerCallback::new(consumer, file.channels(), Arc::clone(&playing));
        let reading = Reading {
            file,
            settings,
            start,
            limit,
            ring: producer,
            playing: Arc::clone(&playing),
            ready: None,
            quit: Arc::clone(&quit),
        };
        Ok((Self { waiting: Some(Box::new(reading)), thread: None, playing, quit, rate: 1 }, callback))
    }

    /// Starts to read for a device of this rate, and returns when the first seconds are there. To be called once, between
    /// opening and starting a stream; later calls do nothing.
    ///
    /// # Errors
    /// If the rates do not go together, or the system gives no thread. What goes wrong while the file is read,
    /// [`finish`](Self::finish) tells.
    pub fn fill(&mut self, rate: u32) -> Result<(), TapeError> {
        let Some(mut reading) = self.waiting.take() else { return Ok(()) };
        self.rate = rate.max(1);
        let (told, ready) = channel();
        reading.ready = Some(told);
        let thread = std::thread::Builder::new().name("crosspoint-reader".to_owned());
        let thread = thread.spawn(move || reading.run(rate));
        self.thread = Some(thread.map_err(|error| TapeError::Thread { reason: error.to_string() })?);
        // A thread that panicked is reported by `finish`.
        let _ = ready.recv();
        Ok(())
    }

    /// Fades out soon; the player is over then.
    pub fn stop(&self) {
        self.playing.stop.store(true, Ordering::Release);
    }

    /// How far it is.
    pub fn status(&self) -> PlayerStatus {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let frames = count(&self.playing.played);
        PlayerStatus {
            seconds: frames as f64 / f64::from(self.rate),
            frames,
            underruns: count(&self.playing.underruns),
            missing_frames: count(&self.playing.missing),
        }
    }

    /// Whether the last frame was heard, by a device that is so many frames late: at least that much silence was handed to
    /// it since.
    pub fn is_over(&self, latency: u64) -> bool {
        self.playing.silent.load(Ordering::Acquire) > latency
    }

    /// Ends the thread and hands back the file.
    ///
    /// # Errors
    /// What went wrong while the file was read; all before that was played.
    pub fn finish(mut self) -> Result<Option<AudioFile>, TapeError> {
        self.quit.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return Ok(self.waiting.take().map(|reading| reading.file)) };
        match thread.join() {
            Ok((file, result)) => result.map(|()| Some(file)),
            Err(_) => Err(TapeError::Thread { reason: "the one that read the file panicked".to_owned() }),
        }
    }
}

impl Drop for FilePlayer {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint_devices::{Offline, PeriodSizes};
    use hound::{SampleFormat, WavSpec, WavWriter};
    use std::path::{Path, PathBuf};

    /// A stereo file whose right channel is the negative of its left, a ramp.
    fn ramp(folder: &Path, frames: i32) -> PathBuf {
        let path = folder.join("ramp.wav");
        let spec = WavSpec { channels: 2, sample_rate: 48_000, bits_per_sample: 24, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for frame in 1..=frames {
            writer.write_sample(frame).unwrap();
            writer.write_sample(-frame).unwrap();
        }
        writer.finalize().unwrap();
        path
    }

    /// All that comes out of the left of two outputs, the right being its negative, until the player is over.
    fn played(player: &mut FilePlayer, callback: PlayerCallback, rate: u32) -> Vec<f32> {
        player.fill(rate).unwrap();
        let mut device = Offline::new(0, 2, PeriodSizes::Cycle(vec![64, 1, 333]), Box::new(callback)).unwrap();
        let mut all = Vec::new();
        while !player.is_over(100) {
            let (mut left, mut right) = (vec![9.0; 1000], vec![9.0; 1000]);
            device.render(&[], &mut [&mut left, &mut right]).unwrap();
            assert!(left.iter().zip(&right).all(|(left, right)| *left == -right));
            all.extend(left);
        }
        all
    }

    fn expected(frames: std::ops::RangeInclusive<i32>) -> Vec<f32> {
        frames.map(|frame| frame as f32 / 8_388_608.0).collect()
    }

    /// Longer than the ring: every sample in order, however often the reader was late; then the silence that was asked for.
    #[test]
    fn a_file_is_played_to_its_last_sample() {
        let folder = tempfile::tempdir().unwrap();
        let file = AudioFile::open(&ramp(folder.path(), 150_000)).unwrap();
        let (mut player, callback) = FilePlayer::new(file, PlayerSettings::default()).unwrap();
        let all = played(&mut player, callback, 48_000);
        let sounding: Vec<f32> = all.iter().copied().filter(|&sample| sample != 0.0).collect();
        assert_eq!(sounding, expected(1..=150_000));
        assert!(all.len() - all.iter().rposition(|&sample| sample != 0.0).unwrap() > 100);
        let status = player.status();
        assert_eq!((status.frames, status.seconds), (150_000, 3.125));
        assert_eq!(status.underruns == 0, status.missing_frames == 0);
        assert!(player.finish().unwrap().is_some());
    }

    /// A part of it, louder, twice over: from 0.5 s on, 0.75 s of it, beginning again after the end at 1 s.
    #[test]
    fn a_part_is_repeated_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = AudioFile::open(&ramp(folder.path(), 48_000)).unwrap();
        let settings = PlayerSettings { start: 0.5, seconds: Some(0.75), repeat: true, gain: 2.0 };
        let (mut player, callback) = FilePlayer::new(file, settings).unwrap();
        let all = played(&mut player, callback, 48_000);
        let mut wanted = expected(24_001..=48_000);
        wanted.extend(expected(24_001..=36_000));
        wanted.iter_mut().for_each(|sample| *sample *= 2.0);
        assert_eq!(all[..36_000], wanted);
        assert!(all[36_000..].iter().all(|&sample| sample == 0.0));
    }

    /// On a device of half the rate it lasts as long, and the ramp is as steep.
    #[test]
    fn another_rate_is_resampled() {
        let folder = tempfile::tempdir().unwrap();
        let file = AudioFile::open(&ramp(folder.path(), 48_000)).unwrap();
        let (mut player, callback) = FilePlayer::new(file, PlayerSettings::default()).unwrap();
        let all = played(&mut player, callback, 24_000);
        assert_eq!(player.status().frames, 24_000);
        let at = |frame: usize| (all[frame] - (2 * frame + 1) as f32 / 8_388_608.0).abs();
        assert!((5_000..19_000).map(at).fold(0.0, f32::max) < 1e-6);
    }

    #[test]
    fn a_start_behind_the_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = AudioFile::open(&ramp(folder.path(), 48_000)).unwrap();
        let settings = PlayerSettings { start: 1.5, ..PlayerSettings::default() };
        assert!(FilePlayer::new(file, settings).unwrap_err().to_string().contains("1.000 s long"));
    }
}
