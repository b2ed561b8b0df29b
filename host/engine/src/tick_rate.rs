//! How fast the clock goes that the renderer takes times by: found by comparing it with the system's. Reads clocks only.

use crosspoint_graph::kernels::ticks;
use std::time::{Duration, Instant};

/// The two clocks at one moment, from which on their rates are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickRate {
    since: Instant,
    ticks: u64,
}

impl TickRate {
    /// Compares from now on.
    pub fn new() -> Self {
        Self { since: Instant::now(), ticks: ticks() }
    }

    /// For how long they have been compared.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Seconds of a tick; 0 on a machine whose ticks do not count.
    pub fn tick_seconds(&self) -> f64 {
        match ticks().wrapping_sub(self.ticks) {
            0 => 0.0,
            passed => self.since.elapsed().as_secs_f64() / passed as f64,
        }
    }
}
