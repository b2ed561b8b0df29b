//! The ring that joins an input stream to an output stream, kept at a constant fill.
//!
//! ```text
//! input callback -> JoinWriter -> [ frame frame frame ... ] -> JoinReader -> output callback, the period
//! ```
//!
//! The reader plays silence for its first periods, which drivers ask for in a burst to fill their own buffers. Then it
//! starts as soon as, after it has taken what it needs, as many frames stay behind as are meant to: room for the two
//! callbacks' unequal pace. Running dry is an xrun, and it starts over; far too much (the output stalled) is an xrun too,
//! and the oldest frames are left out, so that a stall never leaves latency behind. Neither end waits.
//!
//! The input delivers in packets, so what lies in the ring jumps by a packet, and of two clocks that differ by little it
//! jumps only every few seconds. Where there are two clocks, both ends therefore tell the time: between two packets the
//! input is taken to go on evenly, and what would lie in the ring then is what the resampler holds still.
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

/// Of two clocks, how many periods wait as counted evenly: one and a half leave half a period when a packet is due.
const EVEN_PERIODS: f32 = 1.5;
/// How many times of packets can be on their way.
const MARKS: usize = 64;

/// How two streams are joined, as it was measured within the last quarter of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Joined {
    /// How much faster the input's clock runs than the output's, in parts per million, as far as it has been followed.
    /// `None`: they are taken for one clock, and nothing is resampled.
    pub drift: Option<f32>,
    /// Frames that wait between the two after a period, on average, as if the input delivered evenly; 0 until there are
    /// some.
    pub fill: u32,
    /// How many are meant to wait; 0 until there are some.
    pub target: u32,
    /// What the join adds between input and output in frames, resampler included; 0 until it runs.
    pub latency: u32,
}

/// What the reader tells of the join while it runs.
pub(crate) struct JoinShared {
    latency: AtomicU32,
    fill: AtomicU32,
    target: AtomicU32,
    /// The bits of a `f32`; not a number if there is one clock.
    drift: AtomicU32,
}

impl Default for JoinShared {
    fn default() -> Self {
        let drift = AtomicU32::new(f32::NAN.to_bits());
        Self { latency: AtomicU32::new(0), fill: AtomicU32::new(0), target: AtomicU32::new(0), drift }
    }
}

impl JoinShared {
    /// The latency in frames, as measured: 0 until it runs.
    pub fn latency(&self) -> u32 {
        self.latency.load(Ordering::Relaxed)
    }

    /// What was told last.
    pub fn joined(&self) -> Joined {
        let drift = f32::from_bits(self.drift.load(Ordering::Relaxed));
        let frames = |place: &AtomicU32| place.load(Ordering::Relaxed);
        Joined {
            drift: (!drift.is_nan()).then_some(drift),
            fill: frames(&self.fill),
            target: frames(&self.target),
            latency: frames(&self.latency),
        }
    }
}

/// Makes the two ends of a join for `channels` channels and periods of up to `frames` frames on both sides, `rate` a
/// second.
pub(crate) fn join(
    channels: usize,
    frames: usize,
    rate: u32,
    drift: Option<DriftResampler>,
    status: &Arc<StreamStatus>,
    shared: &Arc<JoinShared>,
) -> (JoinWriter, JoinReader) {
    // A multiple of the channels, so that no frame is ever split by the ring's end.
    let (producer, consumer) = RingBuffer::new(channels * frames * (TOO_FULL + 4));
    let (marks, marked) = RingBuffer::new(MARKS);
    let writer = JoinWriter { ring: producer, written: 0, marks };
    let aim = if drift.is_some() { frames as f32 * EVEN_PERIODS } else { frames as f32 };
    shared.target.store(aim as u32, Ordering::Relaxed);
    let reader = JoinReader {
        ring: consumer,
        channels,
        target: frames,
        state: State::Settling(SETTLING),
        drift,
        rate: rate as usize,
        taken: 0,
        marks: marked,
        mark: None,
        aim,
        mean: None,
        most: 0,
        measured: 0,
        shared: Arc::clone(shared),
        status: Arc::clone(status),
    };
    reader.tell(0, 0);
    (writer, reader)
}

/// The input callback's end.
pub(crate) struct JoinWriter {
    ring: Producer<f32>,
    /// Frames so far.
    written: u64,
    marks: Producer<Mark>,
}

/// How many frames had been written when.
#[derive(Clone, Copy)]
struct Mark {
    written: u64,
    nanoseconds: u64,
}

impl JoinWriter {
    /// Writes the selected channels of interleaved frames that are there `now`, by the clock that the reader reads too, or
    /// none of them if the ring is full.
    pub fn write<T: DriverSample>(&mut self, interleaved: &[T], stride: usize, channels: &[usize], now: Option<u64>) {
        let frames = interleaved.len() / stride;
        // It is full only if the reader has stalled, which counts that as an xrun when it goes on.
        let Ok(chunk) = self.ring.write_chunk_uninit(frames * channels.len()) else { return };
        chunk.fill_from_iter(selected(interleaved, stride, channels));
        self.written += frames as u64;
        if let Some(nanoseconds) = now {
            // A reader that has stalled takes the next one.
            let _ = self.marks.push(Mark { written: self.written, nanoseconds });
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
pub(crate) struct JoinReader {
    ring: Consumer<f32>,
    channels: usize,
    target: usize,
    state: State,
    drift: Option<DriftResampler>,
    rate: usize,
    /// Frames taken out so far.
    taken: u64,
    marks: Consumer<Mark>,
    mark: Option<Mark>,
    /// How many frames the resampler is to leave behind.
    aim: f32,
    /// Frames that stay behind, smoothed over a quarter of a second; none before the first period.
    mean: Option<f32>,
    /// The most frames that stayed behind in the last `measured` ones.
    most: usize,
    measured: usize,
    shared: Arc<JoinShared>,
    status: Arc<StreamStatus>,
}

impl JoinReader {
    /// Fills the first `frames` frames of every channel, with silence where there is no input. `now` is the time by the
    /// clock that the writer reads too, if it is known.
    pub fn read(&mut self, planar: &mut [Vec<f32>], frames: usize, now: Option<u64>) {
        while let Ok(mark) = self.marks.pop() {
            self.mark = Some(mark);
        }
        let needed = match &mut self.drift {
            None => frames,
            Some(drift) => drift.needed(frames),
        };
        let available = self.ring.slots() / self.channels;
        let surplus = self.surplus(available, needed, now);
        match self.state {
            State::Running if available < needed => {
                self.status.add_xruns(1);
                self.state = State::Settling(SETTLING);
                silence(planar, frames);
            }
            State::Running if available > needed + self.target * TOO_FULL => {
                self.status.add_xruns(1);
                self.start(surplus.unwrap_or(0));
                self.take(planar, needed, frames);
            }
            State::Running => {
                self.take(planar, needed, frames);
                self.measure(available - needed, frames, now);
            }
            State::Settling(0) if surplus.is_some() => {
                self.start(surplus.unwrap_or(0));
                self.take(planar, needed, frames);
            }
            State::Settling(periods) => {
                self.state = State::Settling(periods.saturating_sub(1));
                self.skip(available.saturating_sub(needed + self.aim as usize));
                silence(planar, frames);
            }
        }
    }

    /// How many frames there are more than it takes to start: as many as are needed, and what is to stay behind. `None` if
    /// there are less.
    fn surplus(&self, available: usize, needed: usize, now: Option<u64>) -> Option<usize> {
        let spare = available.checked_sub(needed)?;
        let Some(even) = self.evenly_behind(now) else { return spare.checked_sub(self.target) };
        // Where it is counted evenly, it starts with what it is held at: nothing is left to be corrected.
        let surplus = even - needed as f32 - self.aim;
        (surplus >= 0.0).then(|| (surplus as usize).min(spare))
    }

    /// Leaves out the oldest frames down to the target.
    fn start(&mut self, too_many: usize) {
        self.skip(too_many);
        self.state = State::Running;
        self.mean = None;
        (self.most, self.measured) = (0, 0);
        self.publish(self.target);
    }

    fn skip(&mut self, frames: usize) {
        if let Ok(chunk) = self.ring.read_chunk(frames * self.channels) {
            chunk.commit_all();
            self.taken += frames as u64;
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
        self.taken += needed as u64;
    }

    /// The frames that would lie in the ring now if the input delivered evenly, if there are two clocks and both ends tell the time.
    fn evenly_behind(&self, now: Option<u64>) -> Option<f32> {
        let (_, mark, now) = (self.drift.as_ref()?, self.mark?, now?);
        let since = now.saturating_sub(mark.nanoseconds) as f32 * 1e-9 * self.rate as f32;
        Some(mark.written.wrapping_sub(self.taken) as i64 as f32 + since)
    }

    /// Publishes four times a second how much stays behind: the mean, if it is counted evenly; else the most, since at
    /// that moment the input had just delivered, while at others the newest frames are still on their way. The resampler
    /// follows the mean.
    fn measure(&mut self, behind: usize, frames: usize, now: Option<u64>) {
        let even = self.evenly_behind(now);
        let counted = even.unwrap_or(behind as f32);
        let weight = (4.0 * frames as f32 / self.rate as f32).min(1.0);
        let mean = self.mean.map_or(counted, |mean| mean + (counted - mean) * weight);
        self.mean = Some(mean);
        if let Some(drift) = &mut self.drift {
            drift.steer(mean - self.aim, frames);
        }
        self.most = self.most.max(behind);
        self.measured += frames;
        if self.measured * 4 >= self.rate {
            self.publish(if even.is_some() { mean.max(0.0).round() as usize } else { self.most });
            (self.most, self.measured) = (0, 0);
        }
    }

    fn publish(&self, behind: usize) {
        let delay = self.drift.as_ref().map_or(0, DriftResampler::delay);
        self.tell((behind + delay) as u32, self.mean.unwrap_or(behind as f32).max(0.0).round() as u32);
    }

    fn tell(&self, latency: u32, fill: u32) {
        let drift = self.drift.as_ref().map_or(f32::NAN, DriftResampler::drift);
        self.shared.latency.store(latency, Ordering::Relaxed);
        self.shared.fill.store(fill, Ordering::Relaxed);
        self.shared.drift.store(drift.to_bits(), Ordering::Relaxed);
    }
}

fn silence(planar: &mut [Vec<f32>], frames: usize) {
    planar.iter_mut().for_each(|samples| samples[..frames].fill(0.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: usize = 4;

    struct Ends {
        writer: JoinWriter,
        reader: JoinReader,
        status: Arc<StreamStatus>,
        shared: Arc<JoinShared>,
        next: f32,
    }

    /// Two channels of a counter and its negative.
    fn joined() -> Ends {
        let (status, shared) = (Arc::<StreamStatus>::default(), Arc::<JoinShared>::default());
        let (writer, reader) = join(2, FRAMES, 48_000, None, &status, &shared);
        Ends { writer, reader, status, shared, next: 1.0 }
    }

    fn started() -> Ends {
        let mut joined = joined();
        joined.start();
        joined
    }

    impl Ends {
        fn write(&mut self) {
            let frames = (0..FRAMES).map(|frame| self.next + frame as f32);
            let interleaved: Vec<f32> = frames.flat_map(|value| [value, 0.0, -value]).collect();
            self.next += FRAMES as f32;
            self.writer.write(&interleaved, 3, &[0, 2], None);
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
            self.reader.read(&mut planar, FRAMES, None);
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
        let frames = FRAMES as u32;
        let shown = Joined { drift: None, fill: frames, target: frames, latency: frames };
        assert_eq!(joined.shared.joined(), shown);
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
