//! A room: a feedback delay network of sixteen lines, mixed by a Hadamard matrix, with losses that give each frequency
//! its decay time.
//!
//! Sources: J.-M. Jot, A. Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th
//! Convention, 1991 (gain `10^(-3 d / T60)` and a one-pole low-pass a line, from the decay times at zero frequency and at
//! Nyquist); J. Stautner, M. Puckette, "Designing multi-channel reverberators", Computer Music Journal 6(1), 1982
//! (orthogonal feedback); J. O. Smith, *Physical Audio Signal Processing*, "Hadamard matrix", "Choice of delay lengths".

use super::bounded;
use super::delay_line::{DelayLine, MovingTap};
use super::effect::Effect;
use super::smooth::{ControlClock, Smooth};

const LINES: usize = 16;
/// Lengths at 48 kHz and size 1: primes, about evenly spread on a logarithmic scale from 21 to 73 ms.
const LENGTHS: [f32; LINES] = [
    1009.0, 1103.0, 1193.0, 1301.0, 1409.0, 1531.0, 1663.0, 1801.0, 1973.0, 2129.0, 2311.0, 2521.0, 2731.0, 2969.0,
    3229.0, 3511.0,
];
const LENGTHS_RATE: f32 = 48_000.0;
/// The largest room, as a factor on all lengths.
pub const SIZE_LIMIT: f32 = 2.0;
/// The longest pre-delay, in milliseconds.
pub const PRE_DELAY_LIMIT: f32 = 250.0;
/// At full damping the highest frequencies decay this much faster.
const DAMPED_SHARE: f32 = 0.05;
/// Time to move to a new size or pre-delay, in seconds.
const FADE_SECONDS: f32 = 0.1;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time for low frequencies to decay by 60 dB, in seconds, 0.1 to 20.
    pub decay: f32,
    /// How much faster high frequencies decay: 0 not at all, 1 twenty times.
    pub damping: f32,
    /// Time before the room answers, in milliseconds, 0 to 250.
    pub pre_delay: f32,
    /// Size of the room as a factor, 0.25 to 2.
    pub size: f32,
    /// 0 is dry; up to 0.5 the room comes in, from there the dry signal goes.
    pub mix: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { decay: 1.6, damping: 0.5, pre_delay: 15.0, size: 1.0, mix: 0.12 }
    }
}

struct Line {
    line: DelayLine,
    tap: MovingTap,
    length: usize,
    gain: f32,
    pole: f32,
    state: f32,
}

/// The reverb, on one or two channels.
pub struct Reverb {
    rate: f32,
    stereo: bool,
    lines: [Line; LINES],
    pre_delays: [DelayLine; 2],
    pre_delay_taps: [MovingTap; 2],
    decay: Smooth,
    damping: Smooth,
    dry: Smooth,
    wet: Smooth,
    clock: ControlClock,
    /// Keeps the loudness of a steady sound about the same for any decay.
    loudness: Smooth,
    tail: u32,
}

impl Reverb {
    /// A reverb at `rate` hertz on one or two channels. Allocates.
    pub fn new(rate: f32, channels: usize) -> Self {
        let fade = (FADE_SECONDS * rate) as u32;
        let longest = (LENGTHS[LINES - 1] * SIZE_LIMIT * rate / LENGTHS_RATE) as usize + 2;
        let pre_delay = DelayLine::new((PRE_DELAY_LIMIT * 0.001 * rate) as usize + 2);
        let smooth = |value: f32| Smooth::new(rate, value);
        let mut reverb = Self {
            rate,
            stereo: channels > 1,
            lines: std::array::from_fn(|_| Line {
                line: DelayLine::new(longest),
                tap: MovingTap::new(1, fade),
                length: 1,
                gain: 0.0,
                pole: 0.0,
                state: 0.0,
            }),
            pre_delays: [pre_delay.clone(), pre_delay],
            pre_delay_taps: [MovingTap::new(0, fade), MovingTap::new(0, fade)],
            decay: smooth(1.0),
            damping: smooth(0.0),
            dry: smooth(1.0),
            wet: smooth(0.0),
            clock: ControlClock::default(),
            loudness: smooth(1.0),
            tail: 0,
        };
        reverb.set(&Settings::default(), true);
        reverb
    }

    /// Jot's losses: each line loses what the decay times demand for its length.
    fn tune(&mut self) {
        let decay = self.decay.value();
        let high_decay = decay * DAMPED_SHARE.powf(self.damping.value());
        for line in &mut self.lines {
            let seconds = line.length as f32 / self.rate;
            let gain = |decay: f32| 10.0f32.powf(-3.0 * seconds / decay);
            let ratio = gain(high_decay) / gain(decay);
            line.pole = (1.0 - ratio) / (1.0 + ratio);
            line.gain = gain(decay) * (1.0 - line.pole);
        }
        let mean = LENGTHS.iter().sum::<f32>() / (LINES as f32 * LENGTHS_RATE);
        let energy_kept = 10.0f32.powf(-6.0 * mean / decay);
        self.loudness.set((1.0 - energy_kept).sqrt(), false);
    }
}

/// Multiplies by the 16 x 16 Hadamard matrix over 4, which is orthogonal, by the fast Walsh-Hadamard transform.
fn hadamard(values: &mut [f32; LINES]) {
    let mut span = 1;
    while span < LINES {
        for start in (0..LINES).step_by(2 * span) {
            for at in start..start + span {
                let (a, b) = (values[at], values[at + span]);
                values[at] = a + b;
                values[at + span] = a - b;
            }
        }
        span *= 2;
    }
    values.iter_mut().for_each(|value| *value *= 0.25);
}

impl Effect for Reverb {
    type Settings = Settings;

    fn set(&mut self, settings: &Settings, at_rest: bool) {
        let decay = bounded(settings.decay, 0.1, 20.0);
        let size = bounded(settings.size, 0.25, SIZE_LIMIT);
        let pre_delay = (bounded(settings.pre_delay, 0.0, PRE_DELAY_LIMIT) * 0.001 * self.rate).round();
        let mix = bounded(settings.mix, 0.0, 1.0);
        for (line, length) in self.lines.iter_mut().zip(LENGTHS) {
            line.length = (length * size * self.rate / LENGTHS_RATE).round().max(2.0) as usize;
            // A tap is read before the present sample is written, hence one less.
            line.tap.aim(line.length - 1, at_rest);
        }
        for tap in &mut self.pre_delay_taps {
            tap.aim(pre_delay as usize, at_rest);
        }
        self.decay.set(decay, at_rest);
        self.damping.set(bounded(settings.damping, 0.0, 1.0), at_rest);
        self.dry.set((2.0 - 2.0 * mix).min(1.0), at_rest);
        self.wet.set((2.0 * mix).min(1.0), at_rest);
        let longest = self.lines[LINES - 1].length as f32;
        // Twice the time for 60 dB makes 120 dB; a move of the taps can be waiting for one under way.
        self.tail = (2.0 * (decay + FADE_SECONDS) * self.rate + pre_delay + longest) as u32;
        self.tune();
        if at_rest {
            self.loudness.finish();
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let moving = !self.decay.is_settled() || !self.damping.is_settled();
        self.decay.tick();
        self.damping.tick();
        if self.clock.is_due(moving) {
            self.tune();
        }
        let (dry, wet) = (self.dry.tick(), self.wet.tick() * self.loudness.tick());
        let input = if self.stereo { input } else { [input[0], input[0]] };
        let mut late = [0.0; 2];
        for side in 0..2 {
            self.pre_delays[side].push(input[side]);
            late[side] = self.pre_delay_taps[side].read(&self.pre_delays[side], 0.0);
        }
        let mut values = [0.0; LINES];
        for (value, line) in values.iter_mut().zip(&mut self.lines) {
            let read = line.tap.read(&line.line, 0.0);
            line.state = line.gain * read + line.pole * line.state;
            *value = line.state;
        }
        // Even lines are heard on the left, odd ones on the right, in alternating polarity.
        let mut room = [0.0; 2];
        for (index, value) in values.iter().enumerate() {
            room[index % 2] += if index & 2 == 0 { *value } else { -*value };
        }
        hadamard(&mut values);
        for (index, (line, value)) in self.lines.iter_mut().zip(values).enumerate() {
            let entering = if index & 4 == 0 { late[index % 2] } else { -late[index % 2] };
            line.line.push(value + INJECTION * entering);
        }
        [0, 1].map(|side| dry * input[side] + wet * room[side])
    }

    fn reset(&mut self) {
        for line in &mut self.lines {
            line.line.clear();
            line.tap.finish();
            line.state = 0.0;
        }
        for (line, tap) in self.pre_delays.iter_mut().zip(&mut self.pre_delay_taps) {
            line.clear();
            tap.finish();
        }
        for smooth in [&mut self.decay, &mut self.damping, &mut self.dry, &mut self.wet] {
            smooth.finish();
        }
        self.tune();
        self.loudness.finish();
        self.clock.reset();
    }

    fn tail(&self) -> u32 {
        self.tail
    }
}

/// Spreads one side's energy over its eight lines.
const INJECTION: f32 = 0.353_553_4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn wet(decay: f32, damping: f32) -> Settings {
        Settings { decay, damping, pre_delay: 0.0, size: 1.0, mix: 1.0 }
    }

    fn response(settings: Settings, seconds: f32) -> [Vec<f32>; 2] {
        let mut input = vec![0.0; (seconds * RATE) as usize];
        input[0] = 1.0;
        render(Reverb::new(RATE, 2), &[(0, settings)], &input, || 256)
    }

    /// Decay time from the slope of the backward-integrated energy between -5 and -35 dB (M. R. Schroeder, "New method
    /// of measuring reverberation time", JASA 37, 1965).
    fn measured_decay(signal: &[f32]) -> f32 {
        let mut energy: Vec<f64> = signal.iter().map(|x| f64::from(*x).powi(2)).collect();
        for i in (0..energy.len() - 1).rev() {
            energy[i] += energy[i + 1];
        }
        let at = |decibels: f64| energy.iter().position(|e| *e < energy[0] * 10f64.powf(decibels / 10.0)).unwrap();
        2.0 * (at(-35.0) - at(-5.0)) as f32 / RATE
    }

    /// The decay time is the one that was set, within 5 %.
    #[test]
    fn decays_as_long_as_set() {
        for decay in [0.5, 1.5, 4.0] {
            let [left, right] = response(wet(decay, 0.0), 1.5 * decay);
            for side in [left, right] {
                let measured = measured_decay(&side);
                assert!((measured / decay - 1.0).abs() < 0.05, "{decay} s set, {measured} s measured");
            }
        }
    }

    /// Damping shortens the high end, not the low end: level of a late stretch against an early one at 100 Hz, 8 kHz.
    #[test]
    fn damping_takes_the_high_end() {
        let [left, _] = response(wet(2.0, 0.6), 2.0);
        let loss = |frequency: f32| {
            let band = |from: usize| {
                (0..24).map(|k| magnitude_at(&left[from..from + 9600], frequency + 5.0 * k as f32, RATE)).sum::<f32>()
            };
            20.0 * (band(9600) / band(48_000)).log10()
        };
        assert!((loss(100.0) - 24.0).abs() < 5.0, "{}", loss(100.0));
        assert!(loss(8000.0) > 50.0, "{}", loss(8000.0));
    }

    /// Long after a burst of noise, with the longest decay, energy only falls.
    #[test]
    fn is_stable() {
        let mut noise = Noise(5);
        let mut input = vec![0.0; 20 * 48_000];
        input[..4800].iter_mut().for_each(|x| *x = noise.sample());
        let [left, _] = render(Reverb::new(RATE, 2), &[(0, wet(20.0, 0.0))], &input, || 4096);
        let energy: Vec<f32> = left[48_000..].chunks(96_000).map(|part| part.iter().map(|x| x * x).sum()).collect();
        assert!(energy.windows(2).all(|pair| pair[1] < pair[0]), "{energy:?}");
    }

    /// The matrix keeps energy, so that the losses alone decide on decay.
    #[test]
    fn mixing_is_orthogonal() {
        let mut values: [f32; LINES] = std::array::from_fn(|i| (i as f32 * 1.7).sin());
        let before: f32 = values.iter().map(|x| x * x).sum();
        hadamard(&mut values);
        let after: f32 = values.iter().map(|x| x * x).sum();
        assert!((after / before - 1.0).abs() < 1e-5);
    }

    /// The room answers after the pre-delay plus its shortest path.
    #[test]
    fn pre_delay_is_exact() {
        let [left, right] = response(Settings { pre_delay: 20.0, ..wet(1.0, 0.0) }, 0.2);
        let first = |x: &[f32]| x.iter().position(|x| *x != 0.0).unwrap();
        assert_eq!(first(&left).min(first(&right)), 960 + 1009);
    }

    #[test]
    fn same_bits_for_any_partition() {
        let other = Settings { pre_delay: 3.0, size: 0.5, ..wet(0.7, 0.9) };
        assert_partition_independent(|| Reverb::new(RATE, 2), wet(0.3, 0.2), other);
    }

    #[test]
    fn survives_anything() {
        assert_survives_anything(Reverb::new(RATE, 2), wet(0.2, 0.0));
    }

    #[test]
    fn allocates_nothing() {
        assert_real_time_safe(Reverb::new(RATE, 2), [wet(1.0, 0.0), Settings::default()]);
    }
}
