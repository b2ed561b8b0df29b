//! Backing tracks: the audio files of players, read by a thread of their own a few seconds ahead of where they are played.
//!
//! ```text
//!   file ── reading thread: decode, resample, into pages ──ring──► Pages ── Player ── the rig      audio thread
//!                  ▲                                                 │
//!                  └──────────── where it plays; pages that are done with ◄──ring──┘
//! ```
//!
//! The beginning of each file stays in memory, and so does the beginning of the transport's loop: a start, a return and a
//! loop are immediate. What is not there in time is silence that fades, is counted and told. An offline rendering waits for
//! all of it beforehand, and so is exact.

mod pages;
mod reading;
mod watch;

pub(crate) use watch::Track;
pub use watch::TrackSnapshot;

use crate::error::EngineError;
use crate::tape::{AudioFile, TapeError};
use pages::Pages;
use reading::Reading;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

/// Frames of a page.
const PAGE: usize = 8192;
/// The longest file in frames: some days.
const LONGEST: u64 = 1 << 34;

/// What the halves of a track and those who watch it know.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The frame that is played next, or would be if it started.
    at: AtomicI64,
    /// The frame to which the transport's loop leads back; negative without.
    returns_to: AtomicI64,
    /// How often something was not there in time, and for how many frames.
    underruns: AtomicU64,
    missing: AtomicU64,
    /// All of it is to be in memory; it is, or it is known that it cannot be.
    wants_all: AtomicBool,
    has_all: AtomicBool,
    /// The player is gone, or its thread has ended.
    quit: AtomicBool,
    /// Why the file cannot be read any more.
    failure: Mutex<Option<String>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            at: AtomicI64::new(0),
            returns_to: AtomicI64::new(-1),
            underruns: AtomicU64::new(0),
            missing: AtomicU64::new(0),
            wants_all: AtomicBool::new(false),
            has_all: AtomicBool::new(false),
            quit: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }
}

/// Opens a file to be played at a rate, and starts to read it. Its beginning is on its way when this returns.
///
/// # Errors
/// If it is absent, no audio file, or damaged at its start, or if the system gives no thread.
pub(crate) fn open(path: &Path, rate: u32) -> Result<(Pages, Track), EngineError> {
    let refused = |error: TapeError| EngineError::File { path: path.to_owned(), problem: told(path, &error) };
    let mut file = AudioFile::open(path).map_err(refused)?;
    let frames = match file.frames() {
        Some(frames) => frames,
        None => counted(&mut file).map_err(refused)?,
    };
    let length = (u128::from(frames) * u128::from(rate)).div_ceil(u128::from(file.rate()));
    let Some(length) = u64::try_from(length).ok().filter(|&length| length <= LONGEST) else {
        let problem = "is longer than any track may be; cut it".to_owned();
        return Err(EngineError::File { path: path.to_owned(), problem });
    };
    let (reading, pages, shared) = halves(file, rate, length).map_err(refused)?;
    // Nobody waits for its end: it only reads, and a disk may never answer.
    let thread = std::thread::Builder::new().name("crosspoint-track".to_owned());
    let thread = thread.spawn(move || reading.run());
    thread.map_err(|error| EngineError::NoThread { reason: error.to_string() })?;
    Ok((pages, Track::new(shared, rate, length)))
}

/// What reads a file of so many frames at a rate, what plays it, and what both know.
fn halves(file: AudioFile, rate: u32, length: u64) -> Result<(Reading, Pages, Arc<Shared>), TapeError> {
    let shared = Arc::new(Shared::default());
    let count = length.div_ceil(PAGE as u64) as usize;
    let (deliveries, arriving) = rtrb::RingBuffer::new(2 * count + 1);
    let (home, returned) = rtrb::RingBuffer::new(count + 1);
    let pages = Pages::new(file.channels(), length, arriving, home, shared.clone());
    let reading = Reading::new(file, rate, length, deliveries, returned, shared.clone())?;
    Ok((reading, pages, shared))
}

/// What a file says is wrong, without its name.
fn told(path: &Path, error: &TapeError) -> String {
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", path.display())).map_or(text.clone(), str::to_owned)
}

/// The frames of a file that does not say how many it has: all of it is decoded, once.
fn counted(file: &mut AudioFile) -> Result<u64, TapeError> {
    let (mut frames, mut piece) = (0, Vec::new());
    while file.read(&mut piece)? {
        frames += (piece.len() / file.channels()) as u64;
    }
    file.seek(0)?;
    Ok(frames)
}

#[cfg(test)]
mod tests;
