//! A noise gate with hysteresis, hold and optional lookahead; both channels open and close together.
//!
//! Sources: U. Zoelzer (ed.), *DAFX: Digital Audio Effects*, 2nd ed., section 4.2 (noise gate with hysteresis, attack,
//! hold and release); D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design", JAES 60(6),
//! 2012, section 3 (peak detector with instant attack and exponential release).

use super::delay_line::DelayLine;
use super::effect::Effect;
use super::smooth::Smooth;
use super::{bounded, gain_of_decibels};

/// Release of the peak detector: it bridges the zero crossings of a low E string (82 Hz), in seconds.
const DETECTOR_SECONDS: f32 = 0.015;
/// From the loudest input that passes (+60 dBFS) down to the lowest threshold (-90 dBFS) the detector takes this many
/// of its time constants.
const DETECTOR_SETTLING: f32 = 17.3;
/// The longest lookahead, in seconds.
pub const LOOKAHEAD_LIMIT: f32 = 0.01;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Peak level at which the gate opens, in dBFS, -90 to 0.
    pub threshold: f32,
    /// How far the level must fall below the threshold for the gate to close, in decibels, 0 to 24.
    pub hysteresis: f32,
    /// Time to open, in milliseconds, 0.05 to 100.
    pub attack: f32,
    /// Time to stay open after the level fell, in milliseconds, 0 to 2000.
    pub hold: f32,
    /// Time to close, in milliseconds, 1 to 2000.
    pub release: f32,
    /// Gain of the closed gate in decibels, -90 to 0.
    pub range: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threshold: -54.0, hysteresis: 6.0, attack: 0.5, hold: 60.0, release: 120.0, range: -70.0 }
    }
}

/// The gate.
pub struct Gate {
    rate: f32,
    lines: [DelayLine; 2],
    lookahead: usize,
    detector_decay: f32,
    envelope: f32,
    open: bool,
    held: u32,
    /// 0 is closed, 1 is open; moves linearly, which is linear in decibels.
    position: f32,
    open_threshold: f32,
    close_threshold: f32,
    opening_step: f32,
    closing_step: f32,
    hold: u32,
    range: Smooth,
}

impl Gate {
    /// A gate at `rate` hertz that looks ahead by `lookahead` seconds, which is its latency. Allocates.
    pub fn new(rate: f32, lookahead: f32) -> Self {
        let lookahead = lookahead_frames(rate, lookahead);
        let line = DelayLine::new(lookahead as usize + 1);
        let mut gate = Self {
            rate,
            lines: [line.clone(), line],
            lookahead: lookahead as usize,
            detector_decay: (-1.0 / (DETECTOR_SECONDS * rate)).exp(),
            envelope: 0.0,
            open: false,
            held: 0,
            position: 0.0,
            open_threshold: 0.0,
            close_threshold: 0.0,
            opening_step: 1.0,
            closing_step: 1.0,
            hold: 0,
            range: Smooth::new(rate, 0.0),
        };
        gate.set(&Settings::default(), true);
        gate
    }

    fn follow(&mut self, input: [f32; 2]) {
        let peak = input[0].abs().max(input[1].abs());
        self.envelope = peak.max(self.envelope * self.detector_decay);
        if self.envelope >= self.open_threshold {
            self.open = true;
        }
        if self.envelope >= self.close_threshold {
            self.held = 0;
        } else if self.open {
            self.held += 1;
            self.open = self.held <= self.hold;
        }
        let step = if self.open { self.opening_step } else { -self.closing_step };
        self.position = (self.position + step).clamp(0.0, 1.0);
    }
}

/// The latency of a gate with `lookahead` seconds at `rate` hertz, in frames.
pub fn lookahead_frames(rate: f32, lookahead: f32) -> u32 {
    (bounded(lookahead, 0.0, LOOKAHEAD_LIMIT) * rate).round() as u32
}

impl Effect for Gate {
    type Settings = Settings;

    fn set(&mut self, settings: &Settings, at_rest: bool) {
        let frames = |milliseconds: f32, minimum, maximum| bounded(milliseconds, minimum, maximum) * 0.001 * self.rate;
        let threshold = bounded(settings.threshold, -90.0, 0.0);
        self.open_threshold = gain_of_decibels(threshold);
        self.close_threshold = gain_of_decibels(threshold - bounded(settings.hysteresis, 0.0, 24.0));
        self.opening_step = 1.0 / frames(settings.attack, 0.05, 100.0).max(1.0);
        self.closing_step = 1.0 / frames(settings.release, 1.0, 2000.0).max(1.0);
        self.hold = frames(settings.hold, 0.0, 2000.0) as u32;
        self.range.set(bounded(settings.range, -90.0, 0.0), at_rest);
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        self.follow(input);
        let range = self.range.tick();
        let gain = match self.position {
            1.0 => 1.0,
            position => gain_of_decibels(range * (1.0 - position)),
        };
        let mut output = input;
        for (line, sample) in self.lines.iter_mut().zip(&mut output) {
            line.push(*sample);
            *sample = line.tap(self.lookahead) * gain;
        }
        output
    }

    fn reset(&mut self) {
        for line in &mut self.lines {
            line.clear();
        }
        self.envelope = 0.0;
        self.open = false;
        self.held = 0;
        self.position = 0.0;
        self.range.finish();
    }

    fn latency(&self) -> u32 {
        self.lookahead as u32
    }

    fn tail(&self) -> u32 {
        self.latency()
    }

    fn settle(&self) -> u32 {
        let detector = (DETECTOR_SECONDS * DETECTOR_SETTLING * self.rate) as u32;
        // 114 dB is the way to the lowest closing threshold; the detector's settling covers it.
        self.latency() + 2 * detector + self.hold + (1.0 / self.closing_step) as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn settings() -> Settings {
        Settings { threshold: -40.0, hysteresis: 6.0, attack: 1.0, hold: 10.0, release: 20.0, range: -60.0 }
    }

    /// Output level over input level, in decibels, at the end of a stretch of `milliseconds` at `level` dBFS (440 Hz).
    fn gain_after(runner: &mut crate::dsp::effect::Runner<Gate>, level: f32, milliseconds: usize) -> f32 {
        let amplitude = gain_of_decibels(level);
        let mut block: Vec<f32> = (0..48 * milliseconds)
            .map(|i| amplitude * (std::f32::consts::TAU * 440.0 * i as f32 / RATE).sin())
            .collect();
        let input = block.clone();
        runner.process(&mut [&mut block]);
        let energy = |x: &[f32]| x[x.len() - 480..].iter().map(|x| x * x).sum::<f32>();
        10.0 * (energy(&block) / energy(&input)).log10()
    }

    /// ```text
    /// level  -41   -39   -45          -47       -41        threshold -40, hysteresis 6
    /// gate   shut  open  still open   shut      still shut
    /// ```
    #[test]
    fn opens_and_closes_at_its_thresholds() {
        let mut runner = crate::dsp::effect::Runner::new(Gate::new(RATE, 0.0));
        runner.set(&settings());
        assert!((gain_after(&mut runner, -41.0, 200) + 60.0).abs() < 0.1);
        assert!(gain_after(&mut runner, -39.0, 200).abs() < 0.01);
        assert!(gain_after(&mut runner, -45.0, 400).abs() < 0.01);
        assert!((gain_after(&mut runner, -47.0, 400) + 60.0).abs() < 0.1);
        assert!((gain_after(&mut runner, -41.0, 200) + 60.0).abs() < 0.1);
    }

    /// Ones, then a constant just below the closing threshold to see the gain by: the detector needs
    /// `15 ms * ln(1 / 0.005)`, then come 10 ms of hold and 20 ms of release.
    #[test]
    fn holds_then_releases() {
        let mut runner = crate::dsp::effect::Runner::new(Gate::new(RATE, 0.0));
        runner.set(&settings());
        let mut block: Vec<f32> = (0..9600).map(|i| if i < 480 { 1.0 } else { 0.004 }).collect();
        runner.process(&mut [&mut block]);
        let closing = 480.0 + (DETECTOR_SECONDS * RATE) * (1.0f32 / gain_of_decibels(-46.0)).ln() + 480.0;
        let starts = (480..9600).find(|&i| block[i] < 0.004).unwrap() as f32;
        let ends = (480..9600).find(|&i| block[i] < 0.004 * gain_of_decibels(-59.9)).unwrap() as f32;
        assert!((starts - closing).abs() < 4.0, "{starts} {closing}");
        assert!((ends - starts - 960.0).abs() < 5.0, "{}", ends - starts);
    }

    /// With lookahead the gate is open before the attack arrives, which is late by exactly the reported latency.
    #[test]
    fn lookahead_is_the_latency() {
        let gate = Gate::new(RATE, 0.002);
        let latency = gate.latency() as usize;
        assert_eq!(latency, 96);
        let mut input = vec![0.0; 1000];
        input[200..].fill(0.5);
        let output = render(gate, &[(0, settings())], &input, || 33);
        assert_eq!(output[0][200 + latency - 1], 0.0);
        assert_eq!(output[0][200 + latency], 0.5);
    }

    /// An open gate passes bits unchanged.
    #[test]
    fn open_gate_is_transparent() {
        let input: Vec<f32> = (0..4800).map(|i| 0.5 * (0.01 * i as f32).cos()).collect();
        let output = render(Gate::new(RATE, 0.0), &[(0, settings())], &input, || 128);
        assert_eq!(output[0][480..], input[480..]);
    }

    #[test]
    fn same_bits_for_any_partition() {
        let other = Settings { threshold: -20.0, hold: 0.0, range: -20.0, ..settings() };
        assert_partition_independent(|| Gate::new(RATE, 0.001), settings(), other);
    }

    #[test]
    fn survives_anything() {
        assert_survives_anything(Gate::new(RATE, 0.001), settings());
    }

    #[test]
    fn allocates_nothing() {
        assert_real_time_safe(Gate::new(RATE, 0.001), [settings(), Settings::default()]);
    }
}
