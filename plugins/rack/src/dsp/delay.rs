//! An echo with filtered feedback, ping-pong and modulation.
//!
//! Sources: U. Zoelzer (ed.), *DAFX: Digital Audio Effects*, 2nd ed., section 2.6 (delay-based effects, fractional
//! delays under modulation); the cross-fade on a new delay time is [`super::delay_line::MovingTap`]'s.

use super::bounded;
use super::delay_line::{DelayLine, MovingTap};
use super::effect::Effect;
use super::filter::OnePole;
use super::smooth::{ControlClock, Smooth};

/// The longest delay, in milliseconds. Longer synced times are halved until they fit.
pub const LIMIT_MILLISECONDS: f32 = 4000.0;
/// The deepest modulation, in milliseconds.
pub const MODULATION_LIMIT: f32 = 5.0;
/// Time to move to a new delay time, in seconds.
const FADE_SECONDS: f32 = 0.04;
/// Echoes are followed down to this gain (-120 dB).
const INAUDIBLE: f32 = 1e-6;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time between echoes in milliseconds, 1 to 4000; rounded to whole frames.
    pub time: f32,
    /// Gain from echo to echo, 0 to 0.95.
    pub feedback: f32,
    /// Corner of the high-pass in the feedback in hertz, 20 to 2000.
    pub low_cut: f32,
    /// Corner of the low-pass in the feedback in hertz, 500 to 20,000.
    pub high_cut: f32,
    /// Whether echoes alternate between the sides, starting left. Without meaning on one channel.
    pub ping_pong: bool,
    /// Peak deviation of the delay time in milliseconds, 0 to 5.
    pub depth: f32,
    /// Rate of the modulation in hertz, 0.05 to 10.
    pub speed: f32,
    /// 0 is dry; up to 0.5 the echoes come in, from there the dry signal goes.
    pub mix: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time: 380.0,
            feedback: 0.3,
            low_cut: 120.0,
            high_cut: 4500.0,
            ping_pong: false,
            depth: 0.0,
            speed: 0.6,
            mix: 0.12,
        }
    }
}

/// Delay time of a note of `beats` quarters at `tempo` beats a minute, in milliseconds, halved until it fits.
pub fn synced_milliseconds(beats: f32, tempo: f32) -> f32 {
    let mut time = 60_000.0 * beats / bounded(tempo, 10.0, 1000.0);
    while time > LIMIT_MILLISECONDS {
        time *= 0.5;
    }
    time
}

/// One side's line, tap and filters.
struct Side {
    line: DelayLine,
    tap: MovingTap,
    low_cut: OnePole,
    high_cut: OnePole,
}

/// The delay, on one or two channels.
pub struct Delay {
    rate: f32,
    stereo: bool,
    sides: [Side; 2],
    feedback: Smooth,
    /// Corner frequencies as logarithms to base two of hertz.
    low_cut: Smooth,
    high_cut: Smooth,
    ping_pong: Smooth,
    /// Modulation depth in frames.
    depth: Smooth,
    dry: Smooth,
    wet: Smooth,
    clock: ControlClock,
    phase: f64,
    phase_step: f64,
    tail: u32,
}

impl Delay {
    /// A delay at `rate` hertz on one or two channels. Allocates.
    pub fn new(rate: f32, channels: usize) -> Self {
        let frames = ((LIMIT_MILLISECONDS + 2.0 * MODULATION_LIMIT) * 0.001 * rate) as usize + 8;
        let side = || Side {
            line: DelayLine::new(frames),
            tap: MovingTap::new(1, (FADE_SECONDS * rate) as u32),
            low_cut: OnePole::default(),
            high_cut: OnePole::default(),
        };
        let smooth = |value: f32| Smooth::new(rate, value);
        let mut delay = Self {
            rate,
            stereo: channels > 1,
            sides: [side(), side()],
            feedback: smooth(0.0),
            low_cut: smooth(1.0),
            high_cut: smooth(1.0),
            ping_pong: smooth(0.0),
            depth: smooth(0.0),
            dry: smooth(1.0),
            wet: smooth(0.0),
            clock: ControlClock::default(),
            phase: 0.0,
            phase_step: 0.0,
            tail: 0,
        };
        delay.set(&Settings::default(), true);
        delay
    }

    fn tune(&mut self) {
        for side in &mut self.sides {
            side.low_cut.set(self.low_cut.value().exp2(), self.rate);
            side.high_cut.set(self.high_cut.value().exp2(), self.rate);
        }
    }

    /// How much further back each side reads now, in frames: 0 to twice the depth, the right a quarter turn ahead.
    fn modulation(&mut self) -> [f32; 2] {
        let depth = self.depth.tick();
        if depth == 0.0 {
            return [0.0, 0.0];
        }
        let offsets = [0.0, 0.25].map(|turn| {
            let angle = ((self.phase + turn) * std::f64::consts::TAU) as f32;
            depth * (1.0 - angle.cos())
        });
        self.phase = (self.phase + self.phase_step).fract();
        offsets
    }
}

impl Effect for Delay {
    type Settings = Settings;

    fn set(&mut self, settings: &Settings, at_rest: bool) {
        let frames = (bounded(settings.time, 1.0, LIMIT_MILLISECONDS) * 0.001 * self.rate).round().max(3.0);
        let depth = bounded(settings.depth, 0.0, MODULATION_LIMIT) * 0.001 * self.rate;
        let feedback = bounded(settings.feedback, 0.0, 0.95);
        let mix = bounded(settings.mix, 0.0, 1.0);
        for side in &mut self.sides {
            // A tap is read before the present sample is written, hence one less.
            side.tap.aim(frames as usize - 1, at_rest);
        }
        self.feedback.set(feedback, at_rest);
        self.low_cut.set(bounded(settings.low_cut, 20.0, 2000.0).log2(), at_rest);
        self.high_cut.set(bounded(settings.high_cut, 500.0, 20_000.0).log2(), at_rest);
        self.ping_pong.set(if settings.ping_pong && self.stereo { 1.0 } else { 0.0 }, at_rest);
        self.depth.set(depth, at_rest);
        self.dry.set((2.0 - 2.0 * mix).min(1.0), at_rest);
        self.wet.set((2.0 * mix).min(1.0), at_rest);
        self.phase_step = f64::from(bounded(settings.speed, 0.05, 10.0) / self.rate);
        let echoes = if feedback > 0.0 { (INAUDIBLE.ln() / feedback.ln()).ceil().max(0.0) } else { 0.0 };
        // A move to another delay time can be waiting for one under way.
        let moves = 2.0 * FADE_SECONDS * self.rate;
        self.tail = ((echoes + 1.0) * (frames + 2.0 * depth + 2.0) + moves) as u32;
        if at_rest {
            self.tune();
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let moving = !self.low_cut.is_settled() || !self.high_cut.is_settled();
        self.low_cut.tick();
        self.high_cut.tick();
        if self.clock.is_due(moving) {
            self.tune();
        }
        let offsets = self.modulation();
        let (feedback, crossed) = (self.feedback.tick(), self.ping_pong.tick());
        let (dry, wet) = (self.dry.tick(), self.wet.tick());
        let mut echoes = [0.0; 2];
        let mut returned = [0.0; 2];
        let sides = if self.stereo { 2 } else { 1 };
        for (index, side) in self.sides.iter_mut().take(sides).enumerate() {
            echoes[index] = side.tap.read(&side.line, offsets[index]);
            returned[index] = feedback * side.low_cut.high(side.high_cut.low(echoes[index]));
        }
        // Ping-pong sends the sum of both sides to the left, whose echo alone goes to the right, and back.
        let straight = 1.0 - crossed;
        let sent = [
            straight * (input[0] + returned[0]) + crossed * (0.5 * (input[0] + input[1]) + returned[1]),
            straight * (input[1] + returned[1]) + crossed * returned[0],
        ];
        let mut output = [0.0; 2];
        for (index, side) in self.sides.iter_mut().take(sides).enumerate() {
            side.line.push(sent[index]);
            output[index] = dry * input[index] + wet * echoes[index];
        }
        output
    }

    fn reset(&mut self) {
        for side in &mut self.sides {
            side.line.clear();
            side.tap.finish();
            side.low_cut.reset();
            side.high_cut.reset();
        }
        for smooth in [
            &mut self.feedback,
            &mut self.low_cut,
            &mut self.high_cut,
            &mut self.ping_pong,
            &mut self.depth,
            &mut self.dry,
            &mut self.wet,
        ] {
            smooth.finish();
        }
        self.tune();
        self.clock.reset();
        self.phase = 0.0;
    }

    fn tail(&self) -> u32 {
        self.tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn wet(time: f32) -> Settings {
        Settings { time, feedback: 0.5, low_cut: 20.0, high_cut: 20_000.0, mix: 1.0, ..Settings::default() }
    }

    fn impulse(frames: usize) -> Vec<f32> {
        (0..frames).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect()
    }

    /// An impulse comes back once, bit for bit, exactly `time` later, then filtered and halved at every further one.
    #[test]
    fn echoes_come_on_time() {
        let output = render(Delay::new(RATE, 2), &[(0, wet(10.0))], &impulse(2000), || 77);
        assert_eq!(output[0][..480], [0.0; 480]);
        assert_eq!((output[0][480], output[1][480]), (1.0, -0.7));
        assert!(output[0][481..960].iter().all(|x| *x == 0.0));
        assert_eq!(peak_index(&output[0][700..1300]) + 700, 960);
        assert!((output[0][960] - 0.45).abs() < 0.06, "{}", output[0][960]);
    }

    /// ```text
    /// left   . 1 .  1/4        ping-pong from a mono sum: every echo changes the side
    /// right  . . 1/2 .
    /// ```
    #[test]
    fn ping_pong_alternates() {
        let settings = Settings { ping_pong: true, ..wet(10.0) };
        let output = render(Delay::new(RATE, 2), &[(0, settings)], &impulse(2000), || 500);
        let energy = |side: usize, echo: usize| -> f32 {
            output[side][480 * echo..480 * echo + 400].iter().map(|x| x * x).sum()
        };
        for echo in 1..4 {
            // What the feedback's filters leave over of the echo before is faint.
            let (here, there) = if echo % 2 == 1 { (0, 1) } else { (1, 0) };
            assert!(energy(here, echo) > 50.0 * energy(there, echo), "echo {echo}");
            assert!(energy(here, echo) > 0.02 * 0.15f32.powi(echo as i32 - 1), "echo {echo}");
        }
    }

    /// Changing the time under a slow sine makes no step much larger than the sine's own.
    #[test]
    fn changing_the_time_does_not_click() {
        let input: Vec<f32> = (0..48_000).map(|i| (0.01 * i as f32).sin()).collect();
        let quiet = |time| Settings { feedback: 0.0, ..wet(time) };
        let output = render(Delay::new(RATE, 2), &[(0, quiet(100.0)), (24_000, quiet(163.0))], &input, || 64);
        let step = output[0][10_000..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.0115, "{step}");
    }

    /// Silence follows the reported tail, and until 10 dB above its end there still is sound.
    #[test]
    fn tail_is_honest() {
        let delay = {
            let mut delay = Delay::new(RATE, 2);
            delay.set(&wet(5.0), true);
            delay
        };
        let tail = delay.tail() as usize;
        let output = render(Delay::new(RATE, 2), &[(0, wet(5.0))], &impulse(tail + 10), || 1000);
        assert!(output[0][tail + 1..].iter().all(|x| *x == 0.0));
        assert!(output[0][240 * 15..].iter().any(|x| x.abs() > 1e-6));
    }

    #[test]
    fn synced_times_follow_the_tempo() {
        assert_eq!(synced_milliseconds(1.0, 120.0), 500.0);
        assert_eq!(synced_milliseconds(4.0, 60.0), 4000.0);
        assert_eq!(synced_milliseconds(4.0, 29.0), 0.25 * 240_000.0 / 29.0);
        assert!(synced_milliseconds(1.0, f32::NAN).is_finite());
    }

    #[test]
    fn same_bits_for_any_partition() {
        let other = Settings { ping_pong: true, depth: 2.0, time: 47.0, high_cut: 900.0, ..wet(10.0) };
        assert_partition_independent(|| Delay::new(RATE, 2), wet(23.0), other);
    }

    #[test]
    fn survives_anything() {
        assert_survives_anything(Delay::new(RATE, 2), Settings { feedback: 2.0, depth: 5.0, ..wet(3.0) });
    }

    #[test]
    fn allocates_nothing() {
        assert_real_time_safe(Delay::new(RATE, 2), [wet(5.0), Settings::default()]);
    }
}
