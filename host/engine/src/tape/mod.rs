//! Files played to a device and recorded from one, without a rig: what `crosspoint play` and `crosspoint record` are made
//! of. Each is two halves. The control half opens files, starts the thread that reads or writes them, and asks how far
//! things are. The callback half is a [`DuplexCallback`](crate::devices::DuplexCallback), given to a device; between them
//! lies a ring of some seconds.
//!
//! ```text
//!   file ── reading thread: decode, resample ──ring──► PlayerCallback ── outputs
//!   inputs ── RecorderCallback ──ring──► writing thread: integers, header, next file ── file
//! ```
//!
//! The callbacks never wait, allocate or call the system: what the ring does not have is silence and is counted, what it
//! does not take is counted as lost.
//!
//! ```no_run
//! use crosspoint::devices::{StreamRequest, backend};
//! use crosspoint::tape::{AudioFile, FilePlayer, PlayerSettings};
//!
//! let file = AudioFile::open("song.flac".as_ref())?;
//! let request = StreamRequest { rate: Some(file.rate()), ..StreamRequest::default() };
//! let (mut player, callback) = FilePlayer::new(file, PlayerSettings::default())?;
//! let mut stream = backend("jack")?.open(&request, Box::new(callback))?;
//! player.fill(stream.info().rate)?;
//! stream.start()?;
//! while !player.is_over(u64::from(stream.latency().output.unwrap_or(0))) {
//!     std::thread::sleep(std::time::Duration::from_millis(20));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audio_file;
mod error;
mod player;
mod player_callback;
mod rate_converter;
mod reading;
mod recorder;
mod recorder_callback;
mod ring;
mod take;
mod wav_writer;
mod writing;

pub use audio_file::AudioFile;
pub use error::TapeError;
pub use player::{FilePlayer, PlayerSettings, PlayerStatus};
pub use player_callback::PlayerCallback;
pub(crate) use rate_converter::RateConverter;
pub use recorder::{FileRecorder, Recorded, RecorderSettings, RecorderStatus};
pub use recorder_callback::{Gap, RecorderCallback};
pub use wav_writer::SampleBits;
