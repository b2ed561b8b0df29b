//! The thread that writes what a recorder hears: takes from the ring, fills gaps with silence so that the file keeps time,
//! measures levels, and makes the file sound once a second. May wait and allocate as it likes.

use super::error::TapeError;
use super::recorder_callback::Gap;
use super::take::Take;
use rtrb::Consumer;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the thread waits while there is nothing to write: a small part of what the ring holds.
const WAIT: Duration = Duration::from_millis(10);
/// How much a crash may cost.
const FLUSH: Duration = Duration::from_secs(1);
/// The longest gap that is filled with silence, in seconds: a longer one is a position that means something else.
const LONGEST_GAP: u64 = 10;
/// Frames that are taken out of the ring at once.
const PIECE: usize = 4096;

/// What the thread tells while it writes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Frames in the file.
    pub written: AtomicU64,
    /// All that was wanted is written, or nothing more can be.
    pub is_done: AtomicBool,
    /// The highest level of each channel, as the bits of a float; since the last look, and in all.
    pub recent: Box<[AtomicU32]>,
    pub overall: Box<[AtomicU32]>,
}

/// What the thread works with.
pub(super) struct Writing {
    pub take: Take,
    pub channels: usize,
    pub rate: u32,
    /// How many frames are wanted.
    pub limit: Option<u64>,
    pub ring: Consumer<f32>,
    pub gaps: Consumer<Gap>,
    pub progress: Arc<Progress>,
    /// Nothing more comes.
    pub quit: Arc<AtomicBool>,
}

/// What came of it.
pub(super) struct Written {
    pub files: Vec<PathBuf>,
    pub frames: u64,
    /// Gaps, by frames of the file.
    pub gaps: Vec<Gap>,
    pub error: Option<TapeError>,
}

impl Writing {
    /// Writes until nothing more comes, enough is there or the disk is full.
    pub fn run(mut self) -> Written {
        let mut gaps = Vec::new();
        let result = self.write_all(&mut gaps);
        self.progress.is_done.store(true, Ordering::Release);
        let frames = self.take.frames();
        match result {
            Ok(()) => {
                let (files, result) = self.take.finish();
                Written { files, frames, gaps, error: result.err() }
            }
            Err(error) => {
                let (files, frames) = self.take.rescue();
                let error = match error {
                    TapeError::Stopped { path, reason, .. } => TapeError::Stopped { path, frames, reason },
                    error => error,
                };
                Written { files, frames, gaps, error: Some(error) }
            }
        }
    }

    fn write_all(&mut self, gaps: &mut Vec<Gap>) -> Result<(), TapeError> {
        let mut flushed = Instant::now();
        let mut piece = vec![0.0; PIECE * self.channels];
        // Frames taken out of the ring, and the gap that comes next, by such frames.
        let (mut taken, mut next_gap) = (0, None);
        loop {
            // Asked before what there is, so that nothing comes after it was said.
            let is_last = self.quit.load(Ordering::Acquire);
            let there = self.ring.slots() / self.channels;
            // A gap is told before what comes behind it.
            next_gap = next_gap.or_else(|| self.gaps.pop().ok());
            let before_gap = next_gap.map_or(u64::MAX, |gap: Gap| gap.frame - taken);
            if before_gap == 0 {
                if let Some(gap) = next_gap.take() {
                    self.fill(gap.frames, gaps, &mut piece)?;
                }
                continue;
            }
            let count = there.min(PIECE).min(usize::try_from(before_gap).unwrap_or(usize::MAX));
            if count > 0 {
                let samples = &mut piece[..count * self.channels];
                if let Ok(chunk) = self.ring.read_chunk(samples.len()) {
                    let (first, second) = chunk.as_slices();
                    samples[..first.len()].copy_from_slice(first);
                    samples[first.len()..].copy_from_slice(second);
                    chunk.commit_all();
                }
                taken += count as u64;
                self.write(&piece[..count * self.channels])?;
            } else if is_last {
                return Ok(());
            } else {
                std::thread::sleep(WAIT);
            }
            if self.limit == Some(self.take.frames()) {
                return Ok(());
            }
            if flushed.elapsed() > FLUSH {
                self.take.flush()?;
                flushed = Instant::now();
            }
        }
    }

    /// Writes silence for what is missing, and notes it.
    fn fill(&mut self, frames: u64, gaps: &mut Vec<Gap>, piece: &mut [f32]) -> Result<(), TapeError> {
        let is_usual = frames <= LONGEST_GAP * u64::from(self.rate);
        let frames = if is_usual { frames } else { 0 };
        gaps.push(Gap { frame: self.take.frames(), frames });
        let mut left = frames;
        piece.fill(0.0);
        while left > 0 {
            let count = left.min(PIECE as u64);
            self.write(&piece[..count as usize * self.channels])?;
            left -= count;
        }
        Ok(())
    }

    fn write(&mut self, samples: &[f32]) -> Result<(), TapeError> {
        let left = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.take.frames()));
        let most = usize::try_from(left).unwrap_or(usize::MAX).saturating_mul(self.channels);
        let samples = &samples[..samples.len().min(most)];
        for (channel, (recent, overall)) in self.progress.recent.iter().zip(&self.progress.overall).enumerate() {
            let peak = samples
                .iter()
                .skip(channel)
                .step_by(self.channels)
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            // The bits of floats that are not negative are in the order of their values.
            recent.fetch_max(peak.to_bits(), Ordering::Relaxed);
            overall.fetch_max(peak.to_bits(), Ordering::Relaxed);
        }
        self.take.write(samples)?;
        self.progress.written.store(self.take.frames(), Ordering::Relaxed);
        Ok(())
    }
}
