//! Where the playhead is, for any thread to read: left behind by each block, whole or not read at all. A sequence lock
//! whose writer never waits, of atomics only.

use super::renderer::Progress;
use crate::transport::{CountIn, Transport};
use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Numbers that a transport is written as.
const WORDS: usize = 13;
/// Times that a reader tries while others write. A write takes some nanoseconds, unless its thread is held up within it.
const TRIES: usize = 1000;

/// A transport that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct PlayheadCell {
    /// Odd while it is written, 0 before it ever was.
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl PlayheadCell {
    /// Leaves a transport, which is that of a steady frame.
    ///
    /// # Real-time
    /// For the callback; one thread at a time.
    pub fn write(&self, transport: &Transport, frame: u64) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (place, word) in self.words.iter().zip(words(transport, frame)) {
            place.store(word, Ordering::Relaxed);
        }
        self.sequence.store(sequence + 2, Ordering::Release);
    }

    /// What was left last, and its steady frame. None if nothing was, or all the time something is being written.
    fn read(&self) -> Option<(Transport, u64)> {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            if before == 0 {
                return None;
            }
            let words = array::from_fn(|place| self.words[place].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == before {
                return Some(transport(words));
            }
            std::hint::spin_loop();
        }
        None
    }
}

fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

const PLAYING: u32 = 1;
const RECORDING: u32 = 2;
const LOOPING: u32 = 4;
const COUNTING: u32 = 8;

fn words(transport: &Transport, frame: u64) -> [u64; WORDS] {
    let Transport { playing, recording, tempo, metre, quarters, seconds, bar_start, bar, loop_range, count_in, .. } =
        *transport;
    let flag = |on: bool, flag: u32| if on { flag } else { 0 };
    let flags = flag(playing, PLAYING)
        | flag(recording, RECORDING)
        | flag(loop_range.is_some(), LOOPING)
        | flag(count_in.is_some(), COUNTING);
    let (start, end) = loop_range.unwrap_or_default();
    let count = count_in.unwrap_or(CountIn { beats: 0, bar_beats: 0, beat_frames: 0.0, elapsed: 0 });
    [
        frame,
        pair(flags, bar as u32),
        pair(metre.0.into(), metre.1.into()),
        tempo.to_bits(),
        transport.frame as u64,
        quarters.to_bits(),
        seconds.to_bits(),
        bar_start.to_bits(),
        start.to_bits(),
        end.to_bits(),
        pair(count.beats, count.bar_beats),
        count.beat_frames.to_bits(),
        count.elapsed,
    ]
}

fn transport(words: [u64; WORDS]) -> (Transport, u64) {
    let [frame, flags, metre, tempo, song_frame, quarters, seconds, bar_start, start, end, count, beat_frames, elapsed] =
        words;
    let ((flags, bar), metre, (beats, bar_beats)) = (halves(flags), halves(metre), halves(count));
    let is = |flag: u32| flags & flag != 0;
    let transport = Transport {
        playing: is(PLAYING),
        recording: is(RECORDING),
        tempo: f64::from_bits(tempo),
        metre: (metre.0 as u16, metre.1 as u16),
        frame: song_frame as i64,
        quarters: f64::from_bits(quarters),
        seconds: f64::from_bits(seconds),
        bar_start: f64::from_bits(bar_start),
        bar: bar as i32,
        loop_range: is(LOOPING).then_some((f64::from_bits(start), f64::from_bits(end))),
        count_in: is(COUNTING).then_some(CountIn {
            beats,
            bar_beats,
            beat_frames: f64::from_bits(beat_frames),
            elapsed,
        }),
    };
    (transport, frame)
}

/// Tells any thread where the playhead of a renderer is. Cheap to clone and to ask.
#[derive(Clone, Debug)]
pub struct PlayheadReader {
    progress: Arc<Progress>,
}

impl PlayheadReader {
    pub(crate) fn new(progress: Arc<Progress>) -> Self {
        Self { progress }
    }

    /// The transport as the next block finds it, all of one moment, and the steady frame that it is of. None before the
    /// first block, and if the thread that renders was held up while it wrote.
    pub fn read(&self) -> Option<(Transport, u64)> {
        self.progress.playhead.read()
    }

    /// Blocks that were rendered so far.
    pub fn blocks(&self) -> u64 {
        self.progress.playhead.sequence.load(Ordering::Acquire) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn at(frame: u64) -> Transport {
        let number = frame as f64;
        Transport {
            playing: frame.is_multiple_of(2),
            recording: frame.is_multiple_of(3),
            tempo: number + 0.5,
            metre: (frame as u16, 8),
            frame: -(frame as i64),
            quarters: number,
            seconds: -number,
            bar_start: number / 3.0,
            bar: -(frame as i32),
            loop_range: frame.is_multiple_of(5).then_some((number, number + 1.0)),
            count_in: frame.is_multiple_of(7).then_some(CountIn {
                beats: frame as u32,
                bar_beats: 4,
                beat_frames: number,
                elapsed: frame,
            }),
        }
    }

    /// What is read is what was written, of one moment, while another thread writes again and again. It rests between two
    /// writes, as a callback does: one that always writes may always be stopped within a write.
    #[test]
    fn what_is_read_is_of_one_moment() {
        let cell = PlayheadCell::default();
        assert_eq!(cell.read(), None);
        let read = AtomicU64::new(0);
        let last = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // Until enough was read meanwhile; far too long if nothing ever is.
                let goes_on =
                    |frame: u64| frame < 50_000 || read.load(Ordering::Relaxed) < 1_000 && frame < 1_000_000_000;
                let mut frame = 0;
                while goes_on(frame) {
                    cell.write(&at(frame), frame);
                    (0..frame % 4).for_each(|_| std::hint::spin_loop());
                    frame += 1;
                }
                frame - 1
            });
            while !writer.is_finished() {
                if let Some((transport, frame)) = cell.read() {
                    assert_eq!(transport, at(frame));
                    read.fetch_add(1, Ordering::Relaxed);
                }
            }
            writer.join().unwrap()
        });
        assert!(read.into_inner() >= 1_000);
        assert_eq!(cell.read(), Some((at(last), last)));
    }
}
