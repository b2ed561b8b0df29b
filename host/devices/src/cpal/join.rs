//! The ring that joins an input stream to an output stream, kept at a constant fill.
//!
//! ```text
//! input callback -> JoinWriter -> [ frame frame frame ... ] -> JoinReader -> output callback, the period
//! ```
//!
//! The reader plays silence for its first periods, which drivers ask for in a burst to fill their own buffers. Then it
//! starts as soon as, after it has taken what it needs, `target` frames stay behind: room for the two callbacks' unequal
//! pace. Running dry is an xrun, and it starts over; far too much (the output stalled) is an xrun too, and the oldest
//! frames are left out, so that a stall never leaves latency behind. Neither end waits.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

use super::convert::{DriverSample, selected};
use super::drift::DriftResampler;
use crate::status::StreamStatus;

/// How many periods are silent before a start: more than any driver has buffers of its own.
const SETTLING: u32 = 4;
/// How many targets may lie in the ring before the oldest frames are left out.
const TOO_FULL: usize = 4;

/// The latency of a join in frames, as measured: 0 until it runs.
pub(super) type JoinLatency = Arc<AtomicU32>;

/// Makes the two ends of a join for `channels` channels and periods of up to `frames` frames on both sides, `rate` a
/// second.
pub(super) fn join(
    channels: usize,
    frames: usize,
    rate: u32,
    drift: Option<DriftResampler>,
    status: &Arc<StreamStatus>,
    latency: &JoinLatency,
) -> (JoinWriter, JoinReader) {
    // A multiple of the channels, so that no frame is ever split by the ring's end.
    let (producer, consumer) = RingBuffer::new(channels * frames * (TOO_FULL + 4));
    let writer = JoinWriter { ring: producer };
    let reader = JoinReader {
        ring: consumer,
        channels,
        target: frames,
        state: State::Settling(SETTLING),
        drift,
        rate: rate as usize,
        mean: frames as f32,
        most: 0,
        measured: 0,
        latency: Arc::clone(latency),
        status: Arc::clone(status),
    };
    (writer, reader)
}

/// The input callback's end.
pub(super) struct JoinWriter {
    ring: Producer<f32>,
}

impl JoinWriter {
    /// Writes the selected channels of interleaved frames, or none of them if the ring is full.
    pub fn write<T: DriverSample>(&mut self, interleaved: &[T], stride: usize, channels: &[usize]) {
        let samples = interleaved.len() / stride * channels.len();
        // It is full only if the reader has stalled, which counts that as an xrun when it goes on.
        if let Ok(chunk) = self.ring.write_chunk_uninit(samples) {
            chunk.fill_from_iter(selected(interleaved, stride, channels));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many periods are still to be silent; at 0 the reader waits for its target.
    Settling(u32),
    Running,
}

/// The output callback's end.
pub(super) struct JoinReader {
    ring: Consumer<f32>,
    channels: usize,
    target: usize,
    state: State,
    drift: Option<DriftResampler>,
    rate: usize,
    /// Frames that stay behind, smoothed over a quarter of a second.
    mean: f32,
    /// The most frames that stayed behind in the last `measured` ones.
    most: usize,
    measured: usize,
    latency: JoinLatency,
    status: Arc<StreamStatus>,
}

impl JoinReader {
    /// Fills the first `frames` frames of every channel, with silence where there is no input.
    pub fn read(&mut self, planar: &mut [Vec<f32>], frames: usize) {
        let needed = match &mut self.drift {
            None => frames,
            Some(drift) => drift.needed(frames),
        };
        let available = self.ring.slots() / self.channels;
        let wanted = needed + self.target;
        match self.state {
            State::Running if available < needed => {
                self.status.add_xruns(1);
                self.state = State::Settling(SETTLING);
                silence(planar, frames);
            }
            State::Running if available > needed + self.target * TOO_FULL => {
                self.status.add_xruns(1);
                self.start(available - wanted);
                self.take(planar, needed, frames);
            }
            State::Running => {
                self.take(planar, needed, frames);
                self.measure(available - needed, frames);
            }
            State::Settling(0) if available >= wanted => {
                self.start(available - wanted);
                self.take(planar, needed, frames);
            }
            State::Settling(periods) => {
                self.state = State::Settling(periods.saturating_sub(1));
                self.skip(available.saturating_sub(wanted));
                silence(planar, frames);
            }
        }
    }

    /// Leaves out the oldest frames down to the target.
    fn start(&mut self, too_many: usize) {
        self.skip(too_many);
        self.state = State::Running;
        self.mean = self.target as f32;
        (self.most, self.measured) = (0, 0);
        self.publish(self.target);
    }

    fn skip(&mut self, frames: usize) {
        if let Ok(chunk) = self.ring.read_chunk(frames * self.channels) {
            chunk.commit_all();
        }
    }

    fn take(&mut self, planar: &mut [Vec<f32>], needed: usize, frames: usize) {
        let Ok(chunk) = self.ring.read_chunk(needed * self.channels) else { return };
        let (first, second) = chunk.as_slices();
        match &mut self.drift {
            Some(drift) => drift.process(first, second, planar, frames),
            None => {
                for (channel, samples) in planar.iter_mut().enumerate() {
                    let frames = first.chunks_exact(self.channels).chain(second.chunks_exact(self.channels));
                    samples.iter_mut().zip(frames).for_each(|(sample, frame)| *sample = frame[channel]);
                }
            }
        }
        chunk.commit_all();
    }

    /// Publishes the most frames that stayed behind within a quarter of a second: at that moment the input had just
    /// delivered, while at others the newest frames are still on their way. The resampler follows the mean.
    fn measure(&mut self, behind: usize, frames: usize) {
        self.most = self.most.max(behind);
        self.measured += frames;
        if self.measured * 4 >= self.rate {
            self.publish(self.most);
            (self.most, self.measured) = (0, 0);
        }
        if let Some(drift) = &mut self.drift {
            let weight = (4.0 * frames as f32 / self.rate as f32).min(1.0);
            self.mean += (behind as f32 - self.mean) * weight;
            drift.steer(self.mean - self.target as f32, frames);
        }
    }

    fn publish(&self, behind: usize) {
        let delay = self.drift.as_ref().map_or(0, DriftResampler::delay);
        self.latency.store((behind + delay) as u32, Ordering::Relaxed);
    }
}

fn silence(planar: &mut [Vec<f32>], frames: usize) {
    planar.iter_mut().for_each(|samples| samples[..frames].fill(0.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: usize = 4;

    struct Joined {
        writer: JoinWriter,
        reader: JoinReader,
        status: Arc<StreamStatus>,
        latency: JoinLatency,
        next: f32,
    }

    /// Two channels of a counter and its negative.
    fn joined() -> Joined {
        let (status, latency) = (Arc::<StreamStatus>::default(), JoinLatency::default());
        let (writer, reader) = join(2, FRAMES, 48_000, None, &status, &latency);
        Joined { writer, reader, status, latency, next: 1.0 }
    }

    fn started() -> Joined {
        let mut joined = joined();
        joined.start();
        joined
    }

    impl Joined {
        fn write(&mut self) {
            let frames = (0..FRAMES).map(|frame| self.next + frame as f32);
            let interleaved: Vec<f32> = frames.flat_map(|value| [value, 0.0, -value]).collect();
            self.next += FRAMES as f32;
            self.writer.write(&interleaved, 3, &[0, 2]);
        }

        /// Where a period starts that leaves another one in the ring.
        fn one_period_behind(&self) -> f32 {
            self.next - 2.0 * FRAMES as f32
        }

        /// Writes and reads until sound comes out.
        fn start(&mut self) {
            for _ in 0..2 * SETTLING {
                self.write();
                let first = self.read();
                if first > 0.0 {
                    assert_eq!(first, self.one_period_behind());
                    return;
                }
            }
            panic!("it does not start");
        }

        /// The first sample that comes out; the others must follow from it.
        fn read(&mut self) -> f32 {
            let mut planar = vec![vec![9.0; FRAMES]; 2];
            self.reader.read(&mut planar, FRAMES);
            let first = planar[0][0];
            let step = if first == 0.0 { 0.0 } else { 1.0 };
            let expected: Vec<f32> = (0..FRAMES).map(|frame| first + step * frame as f32).collect();
            assert_eq!(planar[0], expected);
            assert_eq!(planar[1], expected.iter().map(|sample| -sample).collect::<Vec<_>>());
            first
        }
    }

    /// Silent while it settles; from then on every period is whole and one period behind the newest.
    ///
    /// ```text
    /// write  1-4 ... 13-16   17-20   21-24
    /// read   silence         13-16   17-20
    /// ```
    #[test]
    fn the_join_adds_its_target_and_loses_nothing() {
        let mut joined = joined();
        for _ in 0..SETTLING {
            joined.write();
            assert_eq!(joined.read(), 0.0);
        }
        for _ in 0..1000 {
            joined.write();
            assert_eq!(joined.read(), joined.one_period_behind());
        }
        assert_eq!(joined.latency.load(Ordering::Relaxed), FRAMES as u32);
        assert_eq!(joined.status.xruns(), 0);
    }

    /// Running dry is one xrun however long it lasts, and the latency afterwards is what it was before.
    #[test]
    fn running_dry_is_one_xrun() {
        let mut joined = started();
        assert!(joined.read() > 0.0);
        for _ in 0..3 {
            assert_eq!(joined.read(), 0.0);
        }
        assert_eq!(joined.status.xruns(), 1);
        joined.start();
        assert_eq!(joined.status.xruns(), 1);
    }

    /// After a stall of the output the oldest frames are left out, down to the target.
    #[test]
    fn a_stall_leaves_no_latency_behind() {
        let mut joined = started();
        (0..6).for_each(|_| joined.write());
        for _ in 0..10 {
            assert_eq!(joined.read(), joined.one_period_behind());
            joined.write();
        }
        assert_eq!(joined.status.xruns(), 1);
    }
}
