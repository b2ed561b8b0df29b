//! What a driver's threads have to tell, as atomics they write and the control thread drains. Writing never waits,
//! allocates or loses the fact; several changes between two drains become one notice.
#![deny(clippy::disallowed_types)]

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Something that happened to a stream, off or on the audio thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The driver runs at another rate now. The rig has to be compiled for it.
    RateChanged {
        /// The new rate in frames a second.
        rate: u32,
    },
    /// Periods are up to this long now.
    BufferSizeChanged {
        /// The new length in frames.
        frames: u32,
    },
    /// The server began to run as fast as its clients can, or ceased to.
    Freewheel {
        /// Whether it does now.
        on: bool,
    },
    /// The driver lost frames.
    Xruns {
        /// How many times since the last notice.
        new: u64,
        /// How many times since the stream was opened.
        total: u64,
    },
    /// The device or its server is gone. The stream stays silent; close it, and open it again when the device is back.
    DeviceLost {
        /// What the driver said.
        reason: String,
    },
    /// The stream no longer calls the callback, although the device may be there.
    Stopped {
        /// Why, and what to do.
        reason: String,
    },
    /// The thread that calls the callback has no real-time priority: others may keep it waiting.
    NotRealTime {
        /// Why, and what to do.
        advice: String,
    },
}

/// The facts of one stream, shared by its threads.
#[derive(Default)]
pub(crate) struct StreamStatus {
    xruns: AtomicU64,
    /// 0 until it changes.
    rate: AtomicU32,
    /// 0 until it changes.
    buffer_frames: AtomicU32,
    pub freewheel: AtomicBool,
    pub lost: Reason,
    pub stopped: Reason,
    /// Why the audio thread was given no real-time priority, and what to do.
    pub ordinary: Reason,
}

impl StreamStatus {
    pub fn add_xruns(&self, count: u64) {
        self.xruns.fetch_add(count, Ordering::Relaxed);
    }

    pub fn xruns(&self) -> u64 {
        self.xruns.load(Ordering::Relaxed)
    }

    pub fn set_rate(&self, rate: u32) {
        self.rate.store(rate, Ordering::Relaxed);
    }

    pub fn set_buffer_frames(&self, frames: u32) {
        self.buffer_frames.store(frames, Ordering::Relaxed);
    }
}

/// The control thread's side: what it has already seen.
pub(crate) struct NoticeReader {
    xruns: u64,
    rate: u32,
    buffer_frames: u32,
    freewheel: bool,
    lost: bool,
    stopped: bool,
    ordinary: bool,
}

impl NoticeReader {
    /// Starts from the rate and buffer size that the stream was opened with.
    pub fn new(rate: u32, buffer_frames: u32) -> Self {
        Self { xruns: 0, rate, buffer_frames, freewheel: false, lost: false, stopped: false, ordinary: false }
    }

    /// Everything that happened since the last call.
    pub fn drain(&mut self, status: &StreamStatus) -> Vec<Notice> {
        let mut notices = Vec::new();
        let rate = status.rate.load(Ordering::Relaxed);
        if rate != 0 && rate != self.rate {
            self.rate = rate;
            notices.push(Notice::RateChanged { rate });
        }
        let frames = status.buffer_frames.load(Ordering::Relaxed);
        if frames != 0 && frames != self.buffer_frames {
            self.buffer_frames = frames;
            notices.push(Notice::BufferSizeChanged { frames });
        }
        let on = status.freewheel.load(Ordering::Relaxed);
        if on != self.freewheel {
            self.freewheel = on;
            notices.push(Notice::Freewheel { on });
        }
        let total = status.xruns();
        if total != self.xruns {
            notices.push(Notice::Xruns { new: total - self.xruns, total });
            self.xruns = total;
        }
        if let Some(reason) = once(&mut self.lost, &status.lost) {
            notices.push(Notice::DeviceLost { reason });
        }
        if let Some(reason) = once(&mut self.stopped, &status.stopped) {
            notices.push(Notice::Stopped { reason });
        }
        if let Some(advice) = once(&mut self.ordinary, &status.ordinary) {
            notices.push(Notice::NotRealTime { advice });
        }
        notices
    }
}

fn once(reported: &mut bool, reason: &Reason) -> Option<String> {
    let text = reason.get().filter(|_| !*reported)?;
    *reported = true;
    Some(text)
}

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const WRITTEN: u8 = 2;

/// A text that can be written once, by any thread, even in a signal handler. The first writer wins.
pub(crate) struct Reason {
    state: AtomicU8,
    length: AtomicUsize,
    bytes: [AtomicU8; 400],
}

impl Default for Reason {
    fn default() -> Self {
        Self { state: AtomicU8::new(EMPTY), length: AtomicUsize::new(0), bytes: [const { AtomicU8::new(0) }; 400] }
    }
}

impl Reason {
    /// Writes the text, cut to what there is room for, unless there is one already.
    pub fn set(&self, text: &str) {
        if self.state.compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        for (place, byte) in self.bytes.iter().zip(text.bytes()) {
            place.store(byte, Ordering::Relaxed);
        }
        self.length.store(text.len().min(self.bytes.len()), Ordering::Relaxed);
        self.state.store(WRITTEN, Ordering::Release);
    }

    /// Whether a text is written.
    pub fn is_set(&self) -> bool {
        self.state.load(Ordering::Acquire) == WRITTEN
    }

    /// The text, once it is written.
    pub fn get(&self) -> Option<String> {
        self.is_set().then(|| {
            let length = self.length.load(Ordering::Relaxed);
            let bytes: Vec<u8> = self.bytes[..length].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fact is told once, and several xruns between two drains are one notice with their number.
    #[test]
    fn facts_are_drained_once() {
        let status = StreamStatus::default();
        let mut reader = NoticeReader::new(48_000, 64);
        assert_eq!(reader.drain(&status), []);

        status.add_xruns(2);
        status.add_xruns(1);
        status.set_rate(48_000);
        status.set_buffer_frames(128);
        status.freewheel.store(true, Ordering::Relaxed);
        status.lost.set("unplugged");
        status.lost.set("a later reason does not replace the first");
        assert_eq!(
            reader.drain(&status),
            [
                Notice::BufferSizeChanged { frames: 128 },
                Notice::Freewheel { on: true },
                Notice::Xruns { new: 3, total: 3 },
                Notice::DeviceLost { reason: "unplugged".into() },
            ]
        );
        assert_eq!(reader.drain(&status), []);

        status.add_xruns(1);
        assert_eq!(reader.drain(&status), [Notice::Xruns { new: 1, total: 4 }]);
    }

    #[test]
    fn a_long_reason_is_cut() {
        let reason = Reason::default();
        reason.set(&"x".repeat(1000));
        assert_eq!(reason.get().unwrap().len(), 400);
    }
}
