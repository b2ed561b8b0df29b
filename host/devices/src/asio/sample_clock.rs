//! Positions of periods that never go back, whatever a driver says.
#![deny(clippy::disallowed_types)]

use super::abi::{SAMPLE_POSITION_VALID, SYSTEM_TIME_VALID, Time};
use crate::period::PeriodTime;

/// Positions that never go back, from what a driver says or from what was played.
#[derive(Clone, Copy, Default)]
pub(super) struct SampleClock {
    /// The position of the next period.
    next: u64,
    /// What the driver should say then; none before it said anything.
    expected: Option<u64>,
}

impl SampleClock {
    /// The time of a period of so many frames, by what the driver says of it.
    pub fn advance(&mut self, time: Option<&Time>, frames: u64) -> PeriodTime {
        let said = |flag: u32| time.filter(|time| time.flags & flag != 0);
        let position = said(SAMPLE_POSITION_VALID).map(|time| time.sample_position.number());
        // A jump forward is what was lost. A driver that starts anew, or talks nonsense, is not followed.
        let lost = match (position, self.expected) {
            (Some(position), Some(expected)) => {
                position.checked_sub(expected).filter(|lost| *lost < 1 << 32).unwrap_or(0)
            }
            _ => 0,
        };
        let frame = self.next + lost;
        self.next = frame + frames;
        self.expected = position.map(|position| position.wrapping_add(frames));
        PeriodTime { frame, nanoseconds: said(SYSTEM_TIME_VALID).map(|time| time.system_time.number()) }
    }

    /// The same after a pause, in which the driver may have begun to count anew.
    pub fn restarted(self) -> Self {
        Self { expected: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::abi::Split;
    use super::*;

    fn at(position: u64) -> Time {
        Time { sample_position: Split::of(position), flags: SAMPLE_POSITION_VALID, ..Time::default() }
    }

    fn frames(clock: &mut SampleClock, said: &[Option<u64>]) -> Vec<u64> {
        said.iter().map(|said| clock.advance(said.map(at).as_ref(), 64).frame).collect()
    }

    /// A driver that says nothing is counted for; what it says it lost is left out; nonsense is not followed.
    #[test]
    fn positions_follow_what_makes_sense() {
        assert_eq!(frames(&mut SampleClock::default(), &[None, None]), [0, 64]);
        let mut clock = SampleClock::default();
        assert_eq!(frames(&mut clock, &[Some(1000), Some(1064), Some(1192)]), [0, 64, 192]);
        // Back to the start, and to beyond four billion.
        assert_eq!(frames(&mut clock, &[Some(0), Some(64), Some(1 << 40), Some((1 << 40) + 64)]), [256, 320, 384, 448]);
        assert_eq!(frames(&mut clock.restarted(), &[Some(5), Some(69)]), [512, 576]);
    }

    /// The most that a driver can say overflows nothing.
    #[test]
    fn the_last_position_is_survived() {
        let mut clock = SampleClock::default();
        assert_eq!(frames(&mut clock, &[Some(u64::MAX), Some(u64::MAX), Some(63)]), [0, 64, 128]);
    }
}
