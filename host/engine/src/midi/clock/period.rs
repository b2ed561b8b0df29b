//! When the clocks of a jittery master really are: their period and their phase, freed from the jitter of their way here.
//! Pure; times are frames.
#![deny(clippy::disallowed_types)]

use super::CLOCKS;
use std::f64::consts::{SQRT_2, TAU};

/// Bandwidth of the loop once it has settled, in Hz.
const BANDWIDTH: f64 = 0.15;
/// Clocks until there is a tempo to speak of.
const FIRST: u32 = 4;
/// A clock that is so many seconds off its place, twice the jitter of a bad interface, is of another tempo...
const FAR: f64 = 0.003;
/// ... and so are some that are so many seconds off on average, which jitter alone never is.
const FAR_ON_AVERAGE: f64 = 0.0009;
/// A song's first clock that is so many seconds off, a little more than jitter, is of another phase.
const FAR_AT_FIRST: f64 = 0.0012;
/// Clocks of which that is the average.
const AVERAGED: f64 = 8.0;
/// What the loop takes what it knows for after the one and after the other: so many clocks.
const REMEMBERED: u32 = 8;
const REMEMBERED_ON_AVERAGE: u32 = 24;
/// A clock that is off by more of a period is none of this tempo; two in a row begin a new one.
const WILD: f64 = 0.25;
/// Seconds and periods without a clock after which it is lost.
const LOST_SECONDS: f64 = 0.5;
const LOST_PERIODS: f64 = 4.0;
/// Quarter notes a minute that a clock may have.
const TEMPOS: (f64, f64) = (10.0, 1000.0);

/// A second-order delay-locked loop on the clocks.
///
/// Sources: Fons Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005, for the loop and its gains, which are
/// those of a critically damped one of [`BANDWIDTH`]; Norman Morrison, "Introduction to Sequential Smoothing and
/// Prediction", 1969, for the gains before it has settled: of the straight line through all clocks so far, by least squares.
#[derive(Clone, Debug)]
pub struct ClockPeriod {
    rate: f64,
    /// Filtered frame of the last clock.
    clock: f64,
    /// Frames from clock to clock.
    period: f64,
    /// Clocks that the line goes through.
    count: u32,
    /// How far off the last clocks were on average.
    average: f64,
    was_wild: bool,
    /// Frame at which the last clock came.
    last: u64,
}

impl ClockPeriod {
    /// For a rate in frames a second.
    pub fn new(rate: f64) -> Self {
        Self { rate, clock: 0.0, period: 0.0, count: 0, average: 0.0, was_wild: false, last: 0 }
    }

    /// A clock has come at a frame.
    pub fn tick(&mut self, frame: u64) {
        // A renderer that begins anew counts from 0.
        if frame < self.last {
            self.count = 0;
        }
        let at = frame as f64;
        match self.count {
            0 => self.begin(at),
            1 if !self.is_period(at - self.clock) => self.begin(at),
            1 => (self.period, self.clock, self.count) = (at - self.clock, at, 2),
            _ => self.correct(at),
        }
        self.last = frame;
    }

    /// The clock at which a song starts or goes on has come at a frame. Masters that keep time while they stand begin their
    /// songs at another phase: then what came before says nothing.
    pub fn tick_first(&mut self, frame: u64) {
        let at = frame as f64;
        let error = at - self.clock - self.period;
        if self.count < FIRST || frame < self.last || error.abs() <= FAR_AT_FIRST * self.rate {
            return self.tick(frame);
        }
        self.begin(at);
        self.last = frame;
    }

    fn begin(&mut self, at: f64) {
        (self.clock, self.count, self.average, self.was_wild) = (at, 1, 0.0, false);
    }

    fn is_period(&self, frames: f64) -> bool {
        let tempo = 60.0 * self.rate / (CLOCKS * frames);
        (TEMPOS.0..=TEMPOS.1).contains(&tempo)
    }

    fn correct(&mut self, at: f64) {
        let predicted = self.clock + self.period;
        let error = at - predicted;
        let is_wild = error.abs() > WILD * self.period;
        if is_wild && self.was_wild {
            return self.begin(at);
        }
        self.was_wild = is_wild;
        if is_wild {
            self.clock = predicted;
            return;
        }
        self.average += (error - self.average) / AVERAGED;
        if error.abs() > FAR * self.rate {
            (self.count, self.average) = (self.count.min(REMEMBERED), 0.0);
        } else if self.average.abs() > FAR_ON_AVERAGE * self.rate {
            (self.count, self.average) = (self.count.min(REMEMBERED_ON_AVERAGE), 0.0);
        }
        let number = f64::from(self.count);
        let clocks = (number + 1.0) * (number + 2.0);
        let omega = TAU * BANDWIDTH * self.period / self.rate;
        let of_phase = (2.0 * (2.0 * number + 1.0) / clocks).max(SQRT_2 * omega);
        let of_period = (6.0 / clocks).max(omega * omega);
        self.clock = predicted + of_phase * error;
        let period = self.period + of_period * error;
        match self.is_period(period) {
            true => (self.period, self.count) = (period, self.count.saturating_add(1)),
            false => self.begin(at),
        }
    }

    /// Quarter notes a minute, once there are clocks enough.
    pub fn tempo(&self) -> Option<f64> {
        (self.count >= FIRST).then(|| 60.0 * self.rate / (CLOCKS * self.period))
    }

    /// Clocks since the last one at a frame, as far as it is known where that really was.
    pub fn phase(&self, frame: u64) -> f64 {
        if self.count < FIRST { 0.0 } else { (frame as f64 - self.clock) / self.period }
    }

    /// The frame at which the clock is lost unless one comes before; none while there is none.
    pub fn lost_at(&self) -> Option<u64> {
        let patience = (LOST_SECONDS * self.rate).max(LOST_PERIODS * self.period);
        (self.count > 0).then(|| self.last + patience as u64)
    }

    /// The clock is gone.
    pub fn lose(&mut self) {
        self.count = 0;
    }
}
