//! The thread that reads a file into the ring of a player: decodes, repeats, cuts, resamples and sets the level. May wait and
//! allocate as it likes.

use super::audio_file::AudioFile;
use super::error::TapeError;
use super::player::PlayerSettings;
use super::player_callback::Playing;
use super::rate_converter::RateConverter;
use rtrb::Producer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// How long the thread waits while the ring is full: a small part of what the ring holds.
const WAIT: Duration = Duration::from_millis(20);

/// What the thread works with.
pub(super) struct Reading {
    pub file: AudioFile,
    pub settings: PlayerSettings,
    /// The file's frame where it begins, and how many frames it may play.
    pub start: u64,
    pub limit: Option<u64>,
    pub ring: Producer<f32>,
    pub playing: Arc<Playing>,
    /// Told once: the ring is full, or all of the file is in it.
    pub ready: Option<Sender<()>>,
    /// The player is gone.
    pub quit: Arc<AtomicBool>,
}

impl Reading {
    /// Reads to the end, or until nobody listens any more. Whatever happens, the callback is told that no more comes.
    pub fn run(mut self, rate: u32) -> (AudioFile, Result<(), TapeError>) {
        let result = self.read_all(rate);
        self.playing.ended.store(true, Ordering::Release);
        self.tell();
        (self.file, result)
    }

    fn read_all(&mut self, rate: u32) -> Result<(), TapeError> {
        let channels = self.file.channels();
        let mut converter = RateConverter::new(self.file.rate(), rate, channels)?;
        let (mut piece, mut converted) = (Vec::new(), Vec::new());
        let mut left = self.limit;
        let mut read_since_start = 0;
        while left != Some(0) && !self.quit.load(Ordering::Acquire) {
            if !self.file.read(&mut piece)? {
                // A file without a frame would be repeated for ever.
                if !self.settings.repeat || read_since_start == 0 {
                    break;
                }
                self.file.seek(self.start)?;
                read_since_start = 0;
                continue;
            }
            read_since_start += piece.len();
            if let Some(left) = &mut left {
                let frames = usize::try_from(*left).unwrap_or(usize::MAX);
                piece.truncate(frames.saturating_mul(channels));
                *left -= (piece.len() / channels) as u64;
            }
            converter.push(&piece, &mut converted)?;
            self.hand_over(&mut converted);
        }
        converter.finish(&mut converted)?;
        self.hand_over(&mut converted);
        Ok(())
    }

    /// Puts everything into the ring, as room comes.
    fn hand_over(&mut self, samples: &mut Vec<f32>) {
        let gain = self.settings.gain;
        if gain != 1.0 {
            samples.iter_mut().for_each(|sample| *sample *= gain);
        }
        let channels = self.file.channels();
        let mut done = 0;
        while done < samples.len() && !self.quit.load(Ordering::Acquire) {
            let room = self.ring.slots() / channels * channels;
            let count = room.min(samples.len() - done);
            if count == 0 {
                self.tell();
                std::thread::sleep(WAIT);
            } else if let Ok(chunk) = self.ring.write_chunk_uninit(count) {
                done += chunk.fill_from_iter(samples[done..].iter().copied());
            }
        }
        samples.clear();
    }

    fn tell(&mut self) {
        if let Some(ready) = self.ready.take() {
            // Nobody waits for a player that was dropped.
            let _ = ready.send(());
        }
    }
}
