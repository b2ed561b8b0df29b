//! How long a rig takes for each period against the time that there is, and which buffer size is safe by that.

use crosspoint_devices::{DuplexCallback, Period};
use crosspoint_graph::RendererCell;
use crosspoint_graph::kernels::ticks;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Periods that may wait for the control thread: a second of the smallest buffers.
const WAITING: usize = 16_384;
/// Frames of the noise that is heard in place of the inputs.
const NOISE: usize = 1 << 15;

/// A callback that renders a rig and times it. What comes in is noise in place of the device's inputs, so that nothing of
/// the rig sleeps because nobody plays; what goes out is silence, unless it is to be heard.
pub struct TimedCallback {
    cell: Arc<RendererCell>,
    times: rtrb::Producer<PeriodTimes>,
    noise: Box<[f32]>,
    at: usize,
    audible: bool,
}

/// One period by the processor's counter.
#[derive(Clone, Copy)]
struct PeriodTimes {
    began: u64,
    ended: u64,
    frames: u32,
    /// Whether the renderer was there.
    rendered: bool,
}

/// The control thread's end: gathers what the callback measured.
pub struct DeadlineWatch {
    times: rtrb::Consumer<PeriodTimes>,
    rate: u32,
    since: (Instant, u64),
    periods: Vec<PeriodTimes>,
}

/// What a buffer size came to.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadlineStatistics {
    /// Frames of a period.
    pub buffer_frames: u32,
    /// Nanoseconds of a period: what there is time for.
    pub period_ns: f64,
    /// Periods that were timed.
    pub periods: usize,
    /// Parts of the period that rendering took, ascending: 1 is all of it.
    pub loads: Vec<f32>,
    /// The longest from the beginning of one period to that of the next, as a multiple of the period.
    pub longest_gap: f64,
    /// Periods that the driver lost.
    pub xruns: u64,
}

/// What counts as safe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Safety {
    /// What 999 of 1,000 periods may take of their time, 1 being all of it.
    pub usual: f32,
    /// What the worst of them may take.
    pub worst: f32,
}

impl Default for Safety {
    /// Half of the time, and four fifths of it for the worst: a show is longer than a measurement.
    fn default() -> Self {
        Self { usual: 0.5, worst: 0.8 }
    }
}

/// Whether a buffer size is safe, and why not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is.
    Safe,
    /// The driver lost periods.
    Lost {
        /// How many.
        xruns: u64,
    },
    /// The worst period took too much of its time.
    WorstTooLong {
        /// Its part, 1 being all of it.
        load: f32,
    },
    /// Too many periods took too much of their time.
    TooLong {
        /// What 999 of 1,000 stayed below.
        load: f32,
    },
    /// Too few periods came to say.
    TooFew,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |load: &f32| format!("{:.1} %", 100.0 * load);
        match self {
            Self::Safe => write!(f, "safe"),
            Self::Lost { xruns: 1 } => write!(f, "the driver lost a period"),
            Self::Lost { xruns } => write!(f, "the driver lost {xruns} periods"),
            Self::WorstTooLong { load } => write!(f, "the worst period took {} of its time", percent(load)),
            Self::TooLong { load } => write!(f, "one period in a thousand took {} of its time", percent(load)),
            Self::TooFew => write!(f, "too few periods came to say"),
        }
    }
}

impl TimedCallback {
    /// For the renderer of that cell, with noise of that level in dB, at that rate. `audible` lets the outputs through.
    pub fn new(cell: Arc<RendererCell>, level: f64, audible: bool) -> (Self, DeadlineWatch) {
        let (producer, consumer) = rtrb::RingBuffer::new(WAITING);
        let mut random = fastrand::Rng::with_seed(1);
        let gain = super::from_decibels(level.min(0.0)) as f32;
        let noise = (0..NOISE).map(|_| gain * (2.0 * random.f32() - 1.0)).collect();
        let watch = DeadlineWatch { times: consumer, rate: 0, since: (Instant::now(), ticks()), periods: Vec::new() };
        (Self { cell, times: producer, noise, at: 0, audible }, watch)
    }
}

/// The most inputs that hear noise.
const INPUTS: usize = 256;

impl DuplexCallback for TimedCallback {
    fn process(&mut self, period: Period<'_>) {
        let began = ticks();
        let frames = period.frames.min(NOISE / 2);
        let mut inputs: [&[f32]; INPUTS] = [&[]; INPUTS];
        let count = period.inputs.len().min(INPUTS);
        for (k, input) in inputs[..count].iter_mut().enumerate() {
            // Each input hears another place of it.
            let start = (self.at + k * 331) % (NOISE - frames);
            *input = &self.noise[start..start + frames];
        }
        self.at = (self.at + frames) % NOISE;
        let heard = if frames == period.frames { &inputs[..count] } else { period.inputs };
        let rendered = self.cell.render(heard, period.outputs, period.freewheel);
        let ended = ticks();
        if !self.audible {
            period.outputs.iter_mut().for_each(|output| output.fill(0.0));
        }
        // Nobody listens any more if there is no room.
        let _ = self.times.push(PeriodTimes { began, ended, frames: period.frames as u32, rendered });
    }
}

impl DeadlineWatch {
    /// Forgets what was measured so far, and begins at a rate in Hz.
    pub fn begin(&mut self, rate: u32) {
        while self.times.pop().is_ok() {}
        self.periods.clear();
        self.rate = rate;
    }

    /// Takes in what the callback has measured. Call it at least ten times a second.
    pub fn gather(&mut self) {
        while let Ok(times) = self.times.pop() {
            if times.rendered {
                self.periods.push(times);
            }
        }
    }

    /// What came of it since it began.
    pub fn statistics(&mut self, buffer_frames: u32, xruns: u64) -> DeadlineStatistics {
        self.gather();
        let (start, start_ticks) = self.since;
        let passed = ticks().wrapping_sub(start_ticks).max(1);
        statistics(&self.periods, self.rate, start.elapsed(), passed, buffer_frames, xruns)
    }
}

/// `passed` ticks are what the counter made of `time`.
fn statistics(
    periods: &[PeriodTimes],
    rate: u32,
    time: Duration,
    passed: u64,
    buffer_frames: u32,
    xruns: u64,
) -> DeadlineStatistics {
    let tick_ns = time.as_nanos() as f64 / passed as f64;
    let length_ns = |frames: u32| f64::from(frames) / f64::from(rate.max(1)) * 1e9;
    let nanoseconds = |from: u64, to: u64| to.wrapping_sub(from) as f64 * tick_ns;
    let mut loads: Vec<f32> = periods
        .iter()
        .filter(|times| times.frames > 0)
        .map(|times| (nanoseconds(times.began, times.ended) / length_ns(times.frames)) as f32)
        .collect();
    loads.sort_by(f32::total_cmp);
    let gap = |pair: &[PeriodTimes]| nanoseconds(pair[0].began, pair[1].began) / length_ns(pair[0].frames.max(1));
    let longest_gap = periods.windows(2).map(gap).fold(0.0, f64::max);
    let period_ns = length_ns(buffer_frames);
    DeadlineStatistics { buffer_frames, period_ns, periods: loads.len(), loads, longest_gap, xruns }
}

impl DeadlineStatistics {
    /// The part of the time that so large a part of the periods stayed within; `part` is 0 to 1.
    pub fn quantile(&self, part: f64) -> Option<f32> {
        let rank = (self.loads.len() as f64 * part.clamp(0.0, 1.0)).ceil() as usize;
        self.loads.get(rank.max(1) - 1).copied()
    }

    /// Whether this is safe.
    pub fn verdict(&self, safety: &Safety) -> Verdict {
        let (Some(usual), Some(worst)) = (self.quantile(0.999), self.quantile(1.0)) else { return Verdict::TooFew };
        match () {
            () if self.xruns > 0 => Verdict::Lost { xruns: self.xruns },
            () if worst > safety.worst => Verdict::WorstTooLong { load: worst },
            () if usual > safety.usual => Verdict::TooLong { load: usual },
            () if self.periods < 100 => Verdict::TooFew,
            () => Verdict::Safe,
        }
    }
}

/// The smallest buffer that is safe, and above which no larger one that was tried is unsafe: luck does not count. None if
/// there is none.
pub fn smallest_safe<'a>(steps: &'a [DeadlineStatistics], safety: &Safety) -> Option<&'a DeadlineStatistics> {
    let mut sorted: Vec<(&DeadlineStatistics, Verdict)> =
        steps.iter().map(|step| (step, step.verdict(safety))).collect();
    sorted.sort_by_key(|(step, _)| std::cmp::Reverse(step.buffer_frames));
    let not_unsafe = sorted.into_iter().take_while(|(_, verdict)| matches!(verdict, Verdict::Safe | Verdict::TooFew));
    not_unsafe.filter(|(_, verdict)| *verdict == Verdict::Safe).last().map(|(step, _)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Builtin;
    use crate::{Engine, EngineSettings};
    use assert_no_alloc::assert_no_alloc;
    use crosspoint_devices::PeriodTime;
    use crosspoint_graph::ChannelLayout;

    fn step(buffer_frames: u32, loads: &[f32], xruns: u64) -> DeadlineStatistics {
        let mut loads = loads.repeat(1000);
        loads.sort_by(f32::total_cmp);
        DeadlineStatistics { buffer_frames, period_ns: 1.0, periods: loads.len(), loads, longest_gap: 1.0, xruns }
    }

    /// Ticks of 2 ns, periods of 48 frames at 48 kHz, which is 1 ms or 500,000 ticks.
    #[test]
    fn times_become_parts_of_the_period() {
        let period = |began, took| PeriodTimes { began, ended: began + took, frames: 48, rendered: true };
        let periods = [period(0, 50_000), period(500_000, 250_000), period(1_250_000, 100_000)];
        let found = statistics(&periods, 48_000, Duration::from_nanos(2000), 1000, 48, 3);
        assert_eq!(found.loads, [0.1, 0.2, 0.5]);
        assert_eq!((found.period_ns, found.longest_gap, found.periods, found.xruns), (1e6, 1.5, 3, 3));
        assert_eq!([0.0, 0.34, 1.0].map(|part| found.quantile(part)), [Some(0.1), Some(0.2), Some(0.5)]);
    }

    #[test]
    fn the_smallest_safe_one_is_chosen_and_the_others_refused_with_a_reason() {
        let safety = Safety::default();
        let [lost, worst, usual] = [step(32, &[0.2], 1), step(64, &[0.2, 0.2, 0.9], 0), step(128, &[0.6], 0)];
        let few = DeadlineStatistics { loads: vec![0.1], periods: 1, ..step(256, &[0.1], 0) };
        let [good, better] = [step(512, &[0.3], 0), step(1024, &[0.1], 0)];
        assert_eq!(lost.verdict(&safety), Verdict::Lost { xruns: 1 });
        assert_eq!(worst.verdict(&safety), Verdict::WorstTooLong { load: 0.9 });
        assert_eq!(usual.verdict(&safety), Verdict::TooLong { load: 0.6 });
        assert_eq!(few.verdict(&safety), Verdict::TooFew);
        let steps = [lost.clone(), good.clone(), worst, better.clone(), few.clone()];
        assert_eq!(smallest_safe(&steps, &safety), Some(&good));
        let few_first = [DeadlineStatistics { buffer_frames: 2048, ..few.clone() }, better.clone()];
        assert_eq!(smallest_safe(&few_first, &safety), Some(&few_first[1]));
        // One that is safe below one that is not was luck.
        assert_eq!(smallest_safe(&[step(16, &[0.1], 0), lost], &safety), None);
    }

    /// Inputs of the device are silent, the rig hears noise, the outputs are silent unless they are to be heard.
    #[test]
    fn the_rig_hears_noise_and_is_timed() {
        for audible in [false, true] {
            let mut engine = Engine::new(EngineSettings::default());
            let input = engine.add_input("in", "in", &[Some(1)]).unwrap();
            let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
            let output = engine.add_output("out", "out", &[Some(0)]).unwrap();
            engine.connect(input, gain).unwrap();
            engine.connect(gain, output).unwrap();
            let (mut callback, mut watch) = TimedCallback::new(engine.cell(), -20.0, audible);
            watch.begin(48_000);
            let mut heard = 0.0_f32;
            for frame in 0..200 {
                let mut channel = [1.0; 64];
                assert_no_alloc(|| {
                    callback.process(Period {
                        inputs: &[&[0.0; 64], &[0.0; 64]],
                        outputs: &mut [&mut channel],
                        frames: 64,
                        time: PeriodTime { frame: frame * 64, nanoseconds: None },
                        xruns: 0,
                        freewheel: false,
                        midi: None,
                    })
                });
                heard = channel.iter().fold(heard, |peak, sample| peak.max(sample.abs()));
            }
            let found = watch.statistics(64, 0);
            assert_eq!(found.periods, 200);
            assert!(found.loads.iter().all(|&load| load > 0.0));
            assert_eq!(heard > 0.05, audible, "{heard}");
        }
    }
}
