//! The audio half of a recorder: puts what comes in into the ring, and notes what is missing between.
#![deny(clippy::disallowed_types)]

use crosspoint_devices::{DuplexCallback, Period};
use rtrb::Producer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Frames that are missing in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Frames before it.
    pub frame: u64,
    /// How many are missing; 0 if the driver only says that some are.
    pub frames: u64,
}

/// What both halves of a recorder know.
#[derive(Debug, Default)]
pub(super) struct Capturing {
    /// Frames that the ring took.
    pub captured: AtomicU64,
    /// Frames that it had no room for.
    pub overflowed: AtomicU64,
}

/// Hands what a device hears to a [`FileRecorder`](super::FileRecorder). Outputs are silent.
///
/// # Real-time
/// Neither waits, allocates nor calls the system.
#[derive(Debug)]
pub struct RecorderCallback {
    ring: Producer<f32>,
    gaps: Producer<Gap>,
    capturing: Arc<Capturing>,
    /// Frames that the ring took.
    captured: u64,
    /// The device's position after the last period, once there was one.
    next_frame: Option<u64>,
    xruns: u64,
    /// A gap that was not yet told.
    pending: Option<Gap>,
}

impl RecorderCallback {
    pub(super) fn new(ring: Producer<f32>, gaps: Producer<Gap>, capturing: Arc<Capturing>) -> Self {
        Self { ring, gaps, capturing, captured: 0, next_frame: None, xruns: 0, pending: None }
    }

    fn missing(&mut self, frames: u64) {
        let gap = self.pending.get_or_insert(Gap { frame: self.captured, frames: 0 });
        gap.frames += frames;
    }
}

impl DuplexCallback for RecorderCallback {
    fn process(&mut self, period: Period<'_>) {
        let Period { inputs, outputs, frames, time, xruns, .. } = period;
        outputs.iter_mut().for_each(|output| output.fill(0.0));
        if let Some(expected) = self.next_frame {
            let lost = time.frame.saturating_sub(expected);
            if lost > 0 || xruns != self.xruns {
                self.missing(lost);
            }
        }
        self.next_frame = Some(time.frame + frames as u64);
        self.xruns = xruns;
        let samples = frames * inputs.len();
        let Ok(chunk) = self.ring.write_chunk_uninit(samples) else {
            self.capturing.overflowed.fetch_add(frames as u64, Ordering::Relaxed);
            self.missing(frames as u64);
            return;
        };
        // The gap is told before what comes behind it.
        if let Some(gap) = self.pending
            && self.gaps.push(gap).is_ok()
        {
            self.pending = None;
        }
        let interleaved = (0..frames).flat_map(|frame| inputs.iter().map(move |input| input[frame]));
        chunk.fill_from_iter(interleaved);
        self.captured += frames as u64;
        self.capturing.captured.store(self.captured, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring;
    use super::*;
    use assert_no_alloc::assert_no_alloc;
    use crosspoint_devices::PeriodTime;
    use rtrb::{Consumer, RingBuffer};

    fn of(samples: usize) -> (RecorderCallback, Consumer<f32>, Consumer<Gap>) {
        let (ring, taken) = ring::samples(samples);
        let (gaps, told) = RingBuffer::new(4);
        (RecorderCallback::new(ring, gaps, Arc::default()), taken, told)
    }

    fn period(callback: &mut RecorderCallback, frame: u64, xruns: u64) {
        let (left, right) = ([frame as f32, frame as f32 + 1.0], [-(frame as f32); 2]);
        let mut output = [9.0; 2];
        let outputs = &mut [&mut output[..]];
        let time = PeriodTime { frame, nanoseconds: None };
        let period = Period { inputs: &[&left, &right], outputs, frames: 2, time, xruns, freewheel: false, midi: None };
        assert_no_alloc(|| callback.process(period));
        assert_eq!(output, [0.0; 2]);
    }

    /// ```text
    /// device's frames   10 11 | 12 13 |  (14 .. 19 lost)  | 20 21 | 22 23, an xrun before that lost nobody knows what
    /// ring's frames      0  1    2  3                        4  5    6  7
    /// ```
    #[test]
    fn what_a_driver_lost_is_noted_where_it_is_missing() {
        let (mut callback, mut taken, mut gaps) = of(100);
        for (frame, xruns) in [(10, 0), (12, 0), (20, 1), (22, 2)] {
            period(&mut callback, frame, xruns);
        }
        let frames: Vec<f32> = std::iter::from_fn(|| taken.pop().ok()).step_by(2).collect();
        assert_eq!(frames, [10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0]);
        let told: Vec<Gap> = std::iter::from_fn(|| gaps.pop().ok()).collect();
        assert_eq!(told, [Gap { frame: 4, frames: 6 }, Gap { frame: 6, frames: 0 }]);
    }

    /// A disk that is too slow costs whole periods, which are one gap until there is room again.
    #[test]
    fn what_the_ring_does_not_take_is_a_gap() {
        let (mut callback, mut taken, mut gaps) = of(5);
        for frame in [0, 2, 4] {
            period(&mut callback, frame, 0);
        }
        assert!(gaps.pop().is_err(), "not before there is something behind it");
        while taken.pop().is_ok() {}
        period(&mut callback, 6, 0);
        assert_eq!(gaps.pop(), Ok(Gap { frame: 2, frames: 4 }));
        assert_eq!(callback.capturing.overflowed.load(Ordering::Relaxed), 4);
    }
}
