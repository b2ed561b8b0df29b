//! How much a client may send: a burst, and then so much a second. The same for every way in.

use std::time::Instant;

/// Requests a second, and how many may come in a burst.
pub const RATE: f64 = 500.0;
/// How many requests may come at once.
pub const BURST: f64 = 1000.0;

/// What a client may still send.
pub struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A whole burst.
    pub fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes one request from it; false if there is none left.
    pub fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * RATE;
        (self.left, self.at) = ((self.left + earned).min(BURST), now);
        let may = self.left >= 1.0;
        self.left -= f64::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A burst, then nothing, then as much as time has passed for.
    #[test]
    fn a_client_may_send_so_much_and_no_more() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!((0..5000).filter(|_| allowance.spend(start)).count(), BURST as usize);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..5000).filter(|_| allowance.spend(later)).count(), (RATE / 10.0) as usize);
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..5000).filter(|_| allowance.spend(much_later)).count(), BURST as usize);
    }
}
