//! What can go wrong with files that are played or recorded, each with what to do about it.

use std::path::PathBuf;

/// Why a file is not played or recorded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TapeError {
    /// It cannot be opened or read.
    #[error("{path}: cannot be read: {reason}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is of no kind that is understood.
    #[error("{path}: is not sound WAV, AIFF, FLAC, MP3 or Ogg Vorbis ({reason}); convert it to one of them")]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It begins later than the file ends.
    #[error("{path}: cannot be played from {start:.3} s on: {reason}")]
    Start {
        /// The file.
        path: PathBuf,
        /// What was asked for, in seconds.
        start: f64,
        /// Why not.
        reason: String,
    },
    /// There is no way from the file's rate to the device's.
    #[error("a file of {from} Hz cannot be played at {to} Hz: {reason}")]
    Rates {
        /// The file's rate.
        from: u32,
        /// The device's.
        to: u32,
        /// What the resampler said.
        reason: String,
    },
    /// There is a file of that name already.
    #[error("{path}: is there already, and what is there is kept; choose another name, or --force to write over it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be made or written.
    #[error("{path}: cannot be written: {reason}; check the folder and its free space")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Writing stopped in the middle. What was written until then is sound.
    #[error("{path}: writing stopped after {frames} frames, which are kept: {reason}; see to the disk's free space")]
    Stopped {
        /// The file.
        path: PathBuf,
        /// Frames in the file.
        frames: u64,
        /// What the system said.
        reason: String,
    },
    /// A WAV file holds at most 65,535 channels, and at least one.
    #[error("a WAV file cannot hold {channels} channels; select others")]
    Channels {
        /// What was asked for.
        channels: usize,
    },
    /// The system gives no thread.
    #[error("no thread can be started for a file: {reason}")]
    Thread {
        /// What the system said.
        reason: String,
    },
}
