//! When a frame is, and at which frame a moment is: the clock of the periods, freed from the jitter of their wake-ups.
//! Never reads a clock itself: it is told the time.
#![deny(clippy::disallowed_types)]

/// A counter that every thread may read at any time, in the callback too, and how fast it counts.
#[derive(Clone, Copy, Debug)]
pub struct TickClock {
    /// Reads it. Never goes back.
    pub now: fn() -> u64,
    /// Ticks a second; 0 for a counter that stands still.
    pub per_second: f64,
}

/// Bandwidth of the loop once it has settled, in Hz: slow enough to average hundreds of wake-ups, quick enough for the
/// drift of any crystal.
const BANDWIDTH: f64 = 0.1;
/// Bandwidth at the start, which falls with the time that has passed.
const FIRST_BANDWIDTH: f64 = 8.0;
/// The loop is stable while its natural frequency times the period is small (Adriaensen, section 5).
const MAX_OMEGA: f64 = 0.3;
/// Periods and seconds by which a wake-up has to be off for the loop to start anew: frames were lost, or time jumped.
const LOST_PERIODS: f64 = 4.0;
const LOST_SECONDS: f64 = 0.05;

/// A delay-locked loop on the wake-ups of periods.
///
/// Source: Fons Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005: a second-order loop that predicts
/// the next wake-up and corrects the prediction and the length of a period by a share of the error, critically damped.
/// The bandwidth begins wide and narrows, so that the first wake-up's own error is gone within a second.
///
/// # Real-time
/// Everything may be called in the callback.
#[derive(Clone, Debug)]
pub struct PeriodClock {
    per_second: f64,
    rate: f64,
    /// The first wake-up, from which times are counted to keep their precision.
    origin: u64,
    /// Filtered time of the period at hand, and of the next one, in ticks since the origin.
    start: f64,
    next: f64,
    /// Ticks in a frame.
    per_frame: f64,
    frames: u32,
    /// Seconds since the loop began; none before the first period.
    age: Option<f64>,
}

impl PeriodClock {
    /// For a rate in frames a second and a counter's ticks a second.
    pub fn new(rate: f64, per_second: f64) -> Self {
        let per_frame = per_second / rate;
        Self { per_second, rate, origin: 0, start: 0.0, next: 0.0, per_frame, frames: 0, age: None }
    }

    /// Begins anew with the next period: the stream is another, or lost frames.
    pub fn restart(&mut self) {
        self.age = None;
    }

    /// A period of so many frames begins, by the wake-up at `now`.
    pub fn begin(&mut self, now: u64, frames: u32) {
        if frames == 0 {
            return;
        }
        let error = now.wrapping_sub(self.origin) as i64 as f64 - self.next;
        let lost = LOST_PERIODS * self.per_frame * f64::from(self.frames) + LOST_SECONDS * self.per_second;
        match self.age {
            Some(age) if error.abs() <= lost => {
                let seconds = f64::from(self.frames) / self.rate;
                let bandwidth = (1.0 / age.max(1e-3)).clamp(BANDWIDTH, FIRST_BANDWIDTH);
                let omega = (std::f64::consts::TAU * bandwidth * seconds).min(MAX_OMEGA);
                self.start = self.next + std::f64::consts::SQRT_2 * omega * error;
                self.per_frame += omega * omega * error / f64::from(self.frames);
                self.age = Some(age + seconds);
            }
            _ => {
                (self.origin, self.start) = (now, 0.0);
                self.per_frame = self.per_second / self.rate;
                self.age = Some(0.0);
            }
        }
        self.next = self.start + self.per_frame * f64::from(frames);
        self.frames = frames;
    }

    /// The frame of a moment, counted from the first of the period at hand.
    pub fn frame_at(&self, ticks: u64) -> f64 {
        (ticks.wrapping_sub(self.origin) as i64 as f64 - self.start) / self.per_frame
    }

    /// The moment of a frame, counted from the first of the period at hand.
    pub fn ticks_at(&self, frame: f64) -> u64 {
        self.origin.wrapping_add_signed((self.start + frame * self.per_frame) as i64)
    }
}

/// Times by which a driver has stamped messages, brought to the ticks of their arrival.
///
/// A stamp says when a message came, without the delay of the thread that brings it, but by a clock of the driver's own.
/// The least distance between arrival and stamp is taken for that of the clocks; it may grow slowly, so that clocks may
/// drift. A driver whose stamps say nothing costs what its threads are late, no more.
#[derive(Clone, Debug)]
pub struct StampClock {
    ticks_per_microsecond: f64,
    last_arrival: u64,
    /// Ticks from stamp to arrival.
    distance: Option<f64>,
    last: u64,
}

impl StampClock {
    /// How fast two clocks may drift apart.
    const DRIFT: f64 = 100e-6;

    /// For a counter's ticks a second.
    pub fn new(per_second: f64) -> Self {
        Self { ticks_per_microsecond: per_second / 1e6, last_arrival: 0, distance: None, last: 0 }
    }

    /// The ticks of a message that is stamped with microseconds and has arrived at `now`. Never goes back.
    pub fn ticks(&mut self, microseconds: u64, now: u64) -> u64 {
        let stamp = microseconds as f64 * self.ticks_per_microsecond;
        let seen = now as f64 - stamp;
        let allowed = now.saturating_sub(self.last_arrival) as f64 * Self::DRIFT;
        let distance = self.distance.map_or(seen, |distance| seen.min(distance + allowed));
        (self.distance, self.last_arrival) = (Some(distance), now);
        self.last = self.last.max((stamp + distance) as u64);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assert_no_alloc::assert_no_alloc;

    const RATE: f64 = 48_000.0;
    const TICKS: f64 = 3e9;

    /// Numbers from 0 to 1, the same everywhere.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1_u64 << 31) as f64
        }
    }

    /// How far frames of moments are from where they are by an ideal clock, less the mean, after two seconds: the
    /// greatest distance, in frames.
    fn error(frames: u32, jitter: f64, drift: f64) -> f64 {
        let mut clock = PeriodClock::new(RATE, TICKS);
        let (mut late, mut moment) = (noise(7), noise(11));
        let per_frame = TICKS / RATE * (1.0 + drift);
        let mut errors = Vec::new();
        let periods = (20.0 * RATE / f64::from(frames)) as u64;
        for period in 0..periods {
            let ideal = 1e12 + period as f64 * f64::from(frames) * per_frame;
            let wake = ideal + late() * jitter * TICKS;
            assert_no_alloc(|| clock.begin(wake as u64, frames));
            if period as f64 * f64::from(frames) > 4.0 * RATE {
                let frame = moment() * f64::from(frames);
                errors.push(clock.frame_at((ideal + frame * per_frame) as u64) - frame);
            }
        }
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        // What is constant is the mean lateness of the wake-ups.
        assert!((mean + jitter / 2.0 * RATE).abs() < 1.0, "{mean}");
        errors.iter().map(|error| (error - mean).abs()).fold(0.0, f64::max)
    }

    /// ```text
    /// periods      |---|---|---|---|     of the device's clock
    /// wake-ups     | |   |   | |   |     up to half a period and more late
    /// moments        ^  ^     ^          at their frame, within one
    /// ```
    #[test]
    fn moments_are_at_their_frame_however_wake_ups_jitter() {
        for (frames, jitter, drift) in
            [(64, 0.000_6, 0.0), (64, 0.000_3, 100e-6), (16, 0.000_3, -50e-6), (256, 0.000_2, 50e-6)]
        {
            let error = error(frames, jitter, drift);
            assert!(error < 1.0, "{frames} frames, {jitter} s of jitter: {error} frames off");
        }
        assert!(error(1024, 0.0, 200e-6) < 0.1);
    }

    /// Moment to frame and back; periods of changing lengths are still one line of time.
    #[test]
    fn there_and_back() {
        let mut clock = PeriodClock::new(RATE, TICKS);
        let mut ideal = 5e9;
        for frames in [64, 128, 1, 1000, 64].into_iter().cycle().take(500) {
            clock.begin(ideal as u64, frames);
            for frame in [-100.0, 0.0, 17.5, 900.0] {
                assert!((clock.frame_at(clock.ticks_at(frame)) - frame).abs() < 0.001);
                assert!((clock.frame_at((ideal + frame * TICKS / RATE) as u64) - frame).abs() < 0.01);
            }
            ideal += f64::from(frames) * TICKS / RATE;
        }
    }

    /// A second without periods is no jitter: the clock begins anew instead of creeping after it.
    #[test]
    fn a_gap_starts_the_clock_anew() {
        let mut clock = PeriodClock::new(RATE, TICKS);
        for period in 0..1000_u64 {
            clock.begin(period * 4_000_000, 64);
        }
        let late = 1000 * 4_000_000 + TICKS as u64;
        clock.begin(late, 64);
        assert_eq!(clock.frame_at(late), 0.0);
    }

    /// Stamps tell when messages came although the thread that brings them is up to 5 ms late, the clocks drift, and the
    /// driver's clock counts from another origin.
    #[test]
    fn stamps_are_free_of_the_thread_s_lateness() {
        let mut clock = StampClock::new(TICKS);
        let mut late = noise(3);
        let mut worst: f64 = 0.0;
        for message in 0..2000_u64 {
            let seconds = 100.0 + message as f64 * 0.01;
            let arrival = seconds + if message % 8 == 0 { 0.0 } else { late() * 0.005 };
            let stamp = (seconds - 90.0) * 1.000_02 * 1e6;
            let ticks = clock.ticks(stamp as u64, (arrival * TICKS) as u64);
            if message > 100 {
                worst = worst.max((ticks as f64 / TICKS - seconds).abs());
            }
        }
        assert!(worst < 20e-6, "{worst} s off");
    }
}
