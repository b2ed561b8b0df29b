//! What a stream does for each event: converts, joins and runs the callback. It never allocates or locks, and calls nothing
//! of the system but what [`Endpoints`] stands for.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::encoding::Encoding;
use super::fault::Fault;
use crate::joined::{Channels, Consumer, JoinShared, Layout, Periods, Shared, ends};
use crate::status::StreamStatus;

/// How many packets are taken for one event: an endpoint has two.
const MOST_PACKETS: usize = 4;

/// What a side wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// The input has a packet.
    Input,
    /// The output has room for a buffer.
    Output,
    /// Neither, for longer than a period.
    Neither,
}

/// A packet in an input's buffer.
pub(super) struct Packet<'a> {
    pub bytes: &'a [u8],
    /// Nothing was recorded, whatever the bytes say.
    pub is_silent: bool,
    /// Frames were lost before it.
    pub is_broken: bool,
    /// When its first frame was recorded, in nanoseconds of a monotonic clock.
    pub recorded: Option<u64>,
}

/// The open endpoints of a stream, all of them used by one thread.
pub(super) trait Endpoints {
    /// Asks the system for the priority that audio has, for this thread. Fails with why not and what to do.
    fn promote(&mut self) -> Result<(), String>;

    /// Starts the input, fills the output's buffer with silence and starts it.
    fn start(&mut self) -> Result<(), Fault>;

    /// Stops what runs and forgets what it holds.
    fn stop(&mut self);

    /// Waits for the next event, the input's first if there are two, but no longer than half a second.
    fn wait(&mut self) -> Result<Ready, Fault>;

    /// Nanoseconds of a monotonic clock that is read without a call of the system.
    fn now(&self) -> u64;

    /// Gets a packet, has it taken and releases it. Says whether there was one.
    fn capture(&mut self, take: &mut dyn FnMut(Packet<'_>)) -> Result<bool, Fault>;

    /// Gets the output's buffer, has all of it written and releases it.
    fn render(&mut self, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Fault>;
}

/// One side of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SidePlan {
    pub encoding: Encoding,
    pub channels: Channels,
}

/// How a stream is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub input: Option<SidePlan>,
    pub output: Option<SidePlan>,
    /// The longer of the sides' buffers, in frames.
    pub frames: u32,
    pub rate: u32,
    /// Whether the sides have two clocks.
    pub is_drifting: bool,
}

/// All that is done between an event and the next.
pub(super) struct Exchange {
    input: Option<(SideBuffer, Consumer)>,
    output: Option<(SideBuffer, Periods)>,
    /// Whether a packet has come: the first one is always said to be broken.
    has_heard: bool,
    status: Arc<StreamStatus>,
}

/// Interleaved samples on their way.
struct SideBuffer {
    encoding: Encoding,
    samples: Box<[f32]>,
}

impl SideBuffer {
    fn new(plan: &SidePlan, frames: u32) -> Self {
        let samples = vec![0.0; frames as usize * plan.channels.stride];
        Self { encoding: plan.encoding, samples: samples.into_boxed_slice() }
    }

    /// How many bytes fill it.
    fn bytes(&self) -> usize {
        self.samples.len() * self.encoding.sample_format().bytes()
    }
}

impl Exchange {
    /// Reserves all that the plan needs. Fails if two clocks cannot be followed. Not to be called from the callback.
    pub fn new(plan: &Plan, shared: &Shared, joined: &Arc<JoinShared>) -> Result<Self, String> {
        let layout = Layout {
            input: plan.input.as_ref().map(|side| &side.channels),
            output: plan.output.as_ref().map(|side| &side.channels),
            frames: plan.frames as usize,
            rate: plan.rate,
            drifting: plan.is_drifting,
        };
        let (consumer, periods) = ends(&layout, shared, joined)?;
        let buffer = |side: &SidePlan| SideBuffer::new(side, plan.frames);
        Ok(Self {
            input: plan.input.as_ref().map(buffer).zip(consumer),
            output: plan.output.as_ref().map(buffer).zip(periods),
            has_heard: false,
            status: Arc::clone(&shared.status),
        })
    }

    /// Serves the endpoints, which run, until it is told to stop or the system refuses.
    ///
    /// # Real-time
    /// This is the audio thread's loop.
    pub fn run(&mut self, endpoints: &mut impl Endpoints, stop: &AtomicBool) -> Result<(), Fault> {
        while !stop.load(Ordering::Acquire) {
            match endpoints.wait()? {
                Ready::Input => self.capture(endpoints)?,
                Ready::Output => self.render(endpoints)?,
                Ready::Neither => {}
            }
        }
        Ok(())
    }

    fn capture(&mut self, endpoints: &mut impl Endpoints) -> Result<(), Fault> {
        let Some((buffer, consumer)) = &mut self.input else { return Ok(()) };
        let now = Some(endpoints.now());
        let mut take = |packet: Packet<'_>| {
            if packet.is_broken && self.has_heard {
                self.status.add_xruns(1);
            }
            self.has_heard = true;
            let format = buffer.encoding.sample_format();
            for bytes in packet.bytes.chunks(buffer.bytes()) {
                let samples = &mut buffer.samples[..bytes.len() / format.bytes()];
                if packet.is_silent {
                    samples.fill(0.0);
                } else {
                    format.read(bytes, samples);
                }
                consumer.consume(samples, packet.recorded, now);
            }
        };
        for _ in 0..MOST_PACKETS {
            if !endpoints.capture(&mut take)? {
                break;
            }
        }
        Ok(())
    }

    fn render(&mut self, endpoints: &mut impl Endpoints) -> Result<(), Fault> {
        let Some((buffer, periods)) = &mut self.output else { return Ok(()) };
        let now = Some(endpoints.now());
        endpoints.render(&mut |all| {
            let format = buffer.encoding.sample_format();
            for bytes in all.chunks_mut(buffer.bytes()) {
                let samples = &mut buffer.samples[..bytes.len() / format.bytes()];
                periods.output(samples, now);
                format.write(samples, bytes);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, Step, plan, shared};
    use super::super::fault;
    use super::*;
    use crate::period::Period;
    use assert_no_alloc::assert_no_alloc;

    const FRAMES: usize = 8;
    const STRIDE: usize = 3;

    /// Inputs 3 and 1 to outputs 3 and 1.
    fn through(period: Period<'_>) {
        for (output, input) in period.outputs.iter_mut().zip(period.inputs) {
            output.copy_from_slice(input);
        }
    }

    /// Pseudo-random samples as bytes: every bit that a `f32` can carry is used.
    fn pattern(encoding: Encoding, count: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        let sample = |random: u32| match encoding {
            Encoding::Int32 | Encoding::Int24In32 => (random & 0xFFFF_FF00).to_le_bytes().to_vec(),
            Encoding::Int24 => random.to_le_bytes()[1..].to_vec(),
            Encoding::Int16 => random.to_le_bytes()[2..].to_vec(),
            Encoding::Float32 => ((random as i32) as f32 / 2_147_483_648.0).to_le_bytes().to_vec(),
        };
        (0..count).flat_map(|_| sample(next())).collect()
    }

    /// What comes in goes out as the same bits, in every format; the channel between that is not used is silent.
    ///
    /// ```text
    /// input   a b c  a b c ...      output   a 0 c  a 0 c ...     one buffer later
    /// ```
    #[test]
    fn the_way_through_is_bit_perfect_in_every_format() {
        for encoding in Encoding::ALL {
            let sample = encoding.sample_format().bytes();
            let frame = STRIDE * sample;
            let input = pattern(encoding, 50 * FRAMES * STRIDE);
            let packets = input.chunks(FRAMES * frame);
            let steps = packets.flat_map(|packet| [Step::Input(packet.to_vec()), Step::Output]).collect();
            let both = plan(encoding, FRAMES, STRIDE, &[2, 0]);
            let mut fake = Fake::new(steps, FRAMES * frame);
            let shared = shared(Box::new(through));
            let joined = Arc::<JoinShared>::default();
            let mut exchange = Exchange::new(&both, &shared, &joined).unwrap();
            let stop = Arc::clone(&fake.stop);
            assert_no_alloc(|| exchange.run(&mut fake, &stop)).unwrap();

            let silent_middle = |bytes: &[u8]| -> Vec<u8> {
                let frames = bytes.chunks(frame);
                frames.flat_map(|bytes| [&bytes[..sample], &vec![0; sample], &bytes[2 * sample..]].concat()).collect()
            };
            let begin = fake.played.iter().position(|&byte| byte != 0).unwrap() / frame * frame;
            let delay = joined.latency() as usize * frame;
            assert_eq!(delay, FRAMES * frame);
            assert!(begin < input.len() / 2, "{encoding:?} is silent for too long");
            let expected = silent_middle(&input[begin - delay..input.len() - delay]);
            assert!(fake.played[begin..] == expected[..], "{encoding:?} changes bits");
            assert_eq!(shared.status.xruns(), 0);
        }
    }

    /// An input alone runs the callback with what it has; a packet that is silent is, and one that is broken is an xrun,
    /// but not the first.
    #[test]
    fn an_input_alone_paces_itself() {
        let (told, heard) = std::sync::mpsc::channel();
        let callback = move |period: Period<'_>| _ = told.send(period.inputs[0].to_vec());
        let mut plan = plan(Encoding::Int16, 2, 1, &[0]);
        plan.output = None;
        let packet = vec![0x00, 0x40, 0x00, 0xC0];
        let steps = vec![Step::Broken(packet.clone()), Step::Silent(packet.clone()), Step::Broken(packet)];
        let mut fake = Fake::new(steps, 0);
        let shared = shared(Box::new(callback));
        let mut exchange = Exchange::new(&plan, &shared, &Arc::default()).unwrap();
        let stop = Arc::clone(&fake.stop);
        exchange.run(&mut fake, &stop).unwrap();
        let all: Vec<Vec<f32>> = heard.try_iter().collect();
        assert_eq!(all, [vec![0.5, -0.5], vec![0.0, 0.0], vec![0.5, -0.5]]);
        assert_eq!(shared.status.xruns(), 1);
    }

    /// An output alone: a buffer twice as long as agreed is two periods. Then the device is unplugged.
    #[test]
    fn an_output_alone_is_filled_until_it_is_lost() {
        let callback = |period: Period<'_>| {
            assert!(period.frames <= 2);
            period.outputs[0].fill((period.time.frame + 1) as f32 / 4.0);
        };
        let mut plan = plan(Encoding::Float32, 2, 1, &[0]);
        plan.input = None;
        let lost = Fault::System(fault::DEVICE_INVALIDATED);
        let mut fake = Fake::new(vec![Step::Output, Step::Nothing, Step::Fails(lost)], 16);
        let shared = shared(Box::new(callback));
        let mut exchange = Exchange::new(&plan, &shared, &Arc::default()).unwrap();
        assert_eq!(exchange.run(&mut fake, &AtomicBool::new(false)), Err(lost));
        let expected: Vec<u8> = [0.25_f32, 0.25, 0.75, 0.75].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(fake.played, expected);
    }
}
