//! When the next period of a virtual device is due. Pure arithmetic on elapsed time: it reads no clock.
#![deny(clippy::disallowed_types)]

use std::time::Duration;

/// How many periods may be late and still be caught up with, as a driver with two buffers would.
const SLACK: u64 = 2;

const NANOSECONDS: u128 = 1_000_000_000;

/// Counts the periods since a start, exactly: no rounding error builds up.
pub(super) struct Pacer {
    rate: u128,
    frames: u128,
    next: u64,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Wait so long.
    In(Duration),
    /// Run a period, after that many have been lost.
    Now { missed: u64 },
}

impl Pacer {
    /// Both at least 1.
    pub fn new(rate: u32, frames: u32) -> Self {
        Self { rate: rate.into(), frames: frames.into(), next: 0 }
    }

    /// What is due at `now` after the start. Periods that are late by less than [`SLACK`] run one after the other
    /// without a wait; after a longer stall all that were missed are lost at once.
    pub fn due(&mut self, now: Duration) -> Due {
        let due = (u128::from(self.next) * self.frames * NANOSECONDS).div_ceil(self.rate);
        let now = now.as_nanos();
        if now < due {
            return Due::In(Duration::from_nanos((due - now) as u64));
        }
        let late = ((now - due) * self.rate / (self.frames * NANOSECONDS)) as u64;
        let missed = if late < SLACK { 0 } else { late };
        self.next += missed + 1;
        Due::Now { missed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// 48 frames at 48 kHz, one period a millisecond:
    ///
    /// ```text
    /// ms   0   1   2   3   4   5   6   7   8   9
    ///      run run  (late) run     (stall)     run: 3 lost
    ///                    run
    /// ```
    #[test]
    fn a_short_delay_is_caught_up_and_a_stall_is_lost() {
        let mut pacer = Pacer::new(48_000, 48);
        assert_eq!(pacer.due(Duration::ZERO), Due::Now { missed: 0 });
        assert_eq!(pacer.due(MILLISECOND / 4), Due::In(MILLISECOND * 3 / 4));
        assert_eq!(pacer.due(MILLISECOND), Due::Now { missed: 0 });
        let late = MILLISECOND * 7 / 2;
        assert_eq!(pacer.due(late), Due::Now { missed: 0 });
        assert_eq!(pacer.due(late), Due::Now { missed: 0 });
        assert_eq!(pacer.due(late), Due::In(MILLISECOND / 2));
        assert_eq!(pacer.due(MILLISECOND * 7), Due::Now { missed: 3 });
        assert_eq!(pacer.due(MILLISECOND * 7), Due::In(MILLISECOND));
    }

    /// 64 frames at 44.1 kHz last no whole number of nanoseconds: after a day the count is still exact.
    #[test]
    fn no_rounding_error_builds_up() {
        let mut pacer = Pacer::new(44_100, 64);
        pacer.next = 44_100 * 86_400 / 64;
        assert_eq!(pacer.due(Duration::from_secs(86_399)), Due::In(Duration::from_secs(1)));
    }
}
