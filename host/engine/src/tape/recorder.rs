//! The control half of a recorder: the thread that writes, and the numbers of how far it is.

use super::error::TapeError;
use super::recorder_callback::{Capturing, Gap, RecorderCallback};
use super::ring;
use super::take::{Take, TakeShape};
use super::wav_writer::SampleBits;
use super::writing::{Progress, Writing, Written};
use rtrb::{Consumer, RingBuffer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Samples between device and disk: 1.3 seconds of 64 channels at 48 kHz, more of fewer.
const RING_SAMPLES: usize = 1 << 22;
/// Gaps that the writing thread need not have seen yet.
const RING_GAPS: usize = 1024;

/// What is recorded, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecorderSettings {
    /// What a sample is in the file.
    pub bits: SampleBits,
    /// How many seconds; none: until it is stopped.
    pub seconds: Option<f64>,
    /// Whether a file of that name is written over.
    pub replace: bool,
}

impl Default for RecorderSettings {
    /// Floats, until it is stopped, into a new file.
    fn default() -> Self {
        Self { bits: SampleBits::Float32, seconds: None, replace: false }
    }
}

/// How far a recorder is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecorderStatus {
    /// Frames in the file.
    pub frames: u64,
    /// Frames that the device gave and the disk was too slow for.
    pub overflowed_frames: u64,
    /// Whether all seconds that were asked for are in the file, or nothing more can be written.
    pub is_done: bool,
    /// The highest level of each channel since the last look; 1 is full scale.
    pub peaks: Vec<f32>,
}

/// A recording that is closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The file, or the files in order: one cannot hold more than 4 GiB.
    pub files: Vec<PathBuf>,
    /// Frames in all of them.
    pub frames: u64,
    /// Where frames are missing. Those that are known to be are silence in the file.
    pub gaps: Vec<Gap>,
    /// The highest level of each channel; 1 is full scale.
    pub peaks: Vec<f32>,
    /// What ended it early. All that is told above is kept.
    pub error: Option<TapeError>,
}

/// Records to one file. Dropping it closes the file.
#[derive(Debug)]
pub struct FileRecorder {
    rings: Option<(Consumer<f32>, Consumer<Gap>)>,
    thread: Option<JoinHandle<Written>>,
    capturing: Arc<Capturing>,
    progress: Arc<Progress>,
    quit: Arc<AtomicBool>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("files", &self.files).field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl FileRecorder {
    /// A recorder, and the callback to open a device with.
    pub fn new() -> (Self, RecorderCallback) {
        let (ring, taken) = ring::samples(RING_SAMPLES);
        let (gaps, told) = RingBuffer::new(RING_GAPS);
        let capturing = Arc::<Capturing>::default();
        let callback = RecorderCallback::new(ring, gaps, Arc::clone(&capturing));
        let (progress, quit) = (Arc::default(), Arc::default());
        (Self { rings: Some((taken, told)), thread: None, capturing, progress, quit }, callback)
    }

    /// Makes the file and starts to write what a device of this rate and so many inputs gives. To be called once, between
    /// opening and starting a stream; later calls do nothing.
    ///
    /// # Errors
    /// If the file cannot be made, or is there already and not to be replaced.
    pub fn begin(
        &mut self,
        path: &Path,
        rate: u32,
        channels: usize,
        settings: RecorderSettings,
    ) -> Result<(), TapeError> {
        let RecorderSettings { bits, seconds, replace } = settings;
        let take = Take::create(TakeShape { path: path.to_owned(), rate, channels, bits, replace })?;
        let Some((ring, gaps)) = self.rings.take() else { return Ok(()) };
        let levels = || (0..channels).map(|_| AtomicU32::new(0)).collect();
        self.progress = Arc::new(Progress { recent: levels(), overall: levels(), ..Progress::default() });
        let limit = seconds.map(|seconds| (seconds.max(0.0) * f64::from(rate)).round() as u64);
        let (progress, quit) = (Arc::clone(&self.progress), Arc::clone(&self.quit));
        let writing = Writing { take, channels, rate, limit, ring, gaps, progress, quit };
        let thread = std::thread::Builder::new().name("crosspoint-writer".to_owned());
        let thread = thread.spawn(move || writing.run());
        self.thread = Some(thread.map_err(|error| TapeError::Thread { reason: error.to_string() })?);
        Ok(())
    }

    /// How far it is.
    pub fn status(&self) -> RecorderStatus {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let take = |level: &AtomicU32| f32::from_bits(level.swap(0, Ordering::Relaxed));
        RecorderStatus {
            frames: count(&self.progress.written),
            overflowed_frames: count(&self.capturing.overflowed),
            is_done: self.progress.is_done.load(Ordering::Acquire),
            peaks: self.progress.recent.iter().map(take).collect(),
        }
    }

    /// Writes what is still on its way and closes the file. Stop the stream first: what comes later is not in it.
    pub fn finish(mut self) -> Recorded {
        self.quit.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return Recorded::default() };
        let peaks = || {
            let overall = self.progress.overall.iter();
            overall.map(|level| f32::from_bits(level.load(Ordering::Relaxed))).collect()
        };
        match thread.join() {
            Ok(Written { files, frames, gaps, error }) => Recorded { files, frames, gaps, peaks: peaks(), error },
            Err(_) => {
                let reason = "the one that wrote the file panicked".to_owned();
                Recorded { error: Some(TapeError::Thread { reason }), ..Recorded::default() }
            }
        }
    }
}

impl Drop for FileRecorder {
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
    use crosspoint_devices::{DuplexCallback, Offline, Period, PeriodSizes, PeriodTime};
    use hound::WavReader;

    fn sample(channel: usize, frame: usize) -> f32 {
        (frame % 8000) as f32 / 8192.0 * if channel == 0 { 1.0 } else { -0.5 }
    }

    /// Two channels for a second, whatever the periods: every sample in its place, the levels as they are.
    #[test]
    fn what_comes_in_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.wav");
        let (mut recorder, callback) = FileRecorder::new();
        recorder.begin(&path, 48_000, 2, RecorderSettings::default()).unwrap();
        let mut device = Offline::new(2, 0, PeriodSizes::Cycle(vec![64, 1, 333]), Box::new(callback)).unwrap();
        let inputs = [0, 1].map(|channel| (0..48_000).map(|frame| sample(channel, frame)).collect::<Vec<f32>>());
        device.render(&[&inputs[0], &inputs[1]], &mut []).unwrap();
        let recorded = recorder.finish();
        assert_eq!(recorded.files, std::slice::from_ref(&path));
        assert_eq!((recorded.frames, recorded.gaps, recorded.error), (48_000, vec![], None));
        assert_eq!(recorded.peaks, [7999.0 / 8192.0, 7999.0 / 16_384.0]);
        let read: Vec<f32> = WavReader::open(&path).unwrap().into_samples().map(Result::unwrap).collect();
        let expected = (0..48_000).flat_map(|frame| [sample(0, frame), sample(1, frame)]);
        assert!(read.into_iter().eq(expected));
    }

    /// ```text
    /// heard   0 1 2 3   (4 5 lost)   6 7 8 9
    /// file    0 1 2 3    0 0         6 7        and there the seconds that were asked for are over
    /// ```
    #[test]
    fn gaps_are_silence_and_the_length_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.wav");
        let (mut recorder, mut callback) = FileRecorder::new();
        let settings = RecorderSettings { seconds: Some(8.0 / 48_000.0), ..RecorderSettings::default() };
        recorder.begin(&path, 48_000, 1, settings).unwrap();
        for (frame, xruns) in [(0, 0), (2, 0), (6, 1), (8, 1)] {
            let heard = [frame as f32, frame as f32 + 1.0];
            let time = PeriodTime { frame, nanoseconds: None };
            callback.process(Period {
                inputs: &[&heard],
                outputs: &mut [],
                frames: 2,
                time,
                xruns,
                freewheel: false,
                midi: None,
            });
        }
        while !recorder.status().is_done {
            std::thread::yield_now();
        }
        let recorded = recorder.finish();
        assert_eq!((recorded.frames, &recorded.gaps[..]), (8, &[Gap { frame: 4, frames: 2 }][..]));
        let read: Vec<f32> = WavReader::open(&path).unwrap().into_samples().map(Result::unwrap).collect();
        assert_eq!(read, [0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 6.0, 7.0]);
    }

    /// A disk that is full at once: the error says what is kept, which is sound.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told() {
        let (mut recorder, _callback) = FileRecorder::new();
        let refusal = recorder.begin(
            Path::new("/dev/full"),
            48_000,
            1,
            RecorderSettings { replace: true, ..RecorderSettings::default() },
        );
        assert!(refusal.unwrap_err().to_string().contains("free space"));
    }
}
