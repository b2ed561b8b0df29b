//! A tempo that is tapped: the mean of the beats that agree with their median. Pure: told the time, in seconds.

use std::collections::VecDeque;

/// Beats that count.
const BEATS: usize = 9;
/// A longer wait, in seconds, begins anew: 24 beats a minute.
const LONGEST: f64 = 2.5;
/// A shorter one is a pedal that bounced, not a beat: 400 beats a minute.
const SHORTEST: f64 = 0.15;
/// By how much of the median an interval may be off and still count.
const TOLERANCE: f64 = 0.2;

/// The last beats, by time.
#[derive(Debug, Default)]
pub struct Tap {
    beats: VecDeque<f64>,
}

impl Tap {
    /// A beat. The beats a minute, once there are two of a tempo.
    pub fn beat(&mut self, seconds: f64) -> Option<f64> {
        match self.beats.back().map(|last| seconds - last) {
            // Time that goes back is that of a renderer which began anew.
            Some(wait) if !(0.0..=LONGEST).contains(&wait) => self.beats.clear(),
            Some(wait) if wait < SHORTEST => return self.tempo(),
            _ => {}
        }
        self.beats.push_back(seconds);
        if self.beats.len() > BEATS {
            self.beats.pop_front();
        }
        self.forget_the_old_tempo();
        self.tempo()
    }

    fn intervals(&self) -> Vec<f64> {
        self.beats.iter().zip(self.beats.iter().skip(1)).map(|(from, to)| to - from).collect()
    }

    /// One interval that is off is a slip; two that agree with each other, and not with those before, are another tempo.
    fn forget_the_old_tempo(&mut self) {
        let intervals = self.intervals();
        let [old @ .., before, last] = intervals.as_slice() else { return };
        let Some(usual) = median(old) else { return };
        if agree(*last, *before) && !agree(*last, usual) && !agree(*before, usual) {
            self.beats.drain(..self.beats.len() - 3);
        }
    }

    fn tempo(&self) -> Option<f64> {
        let intervals = self.intervals();
        let usual = median(&intervals)?;
        let agreeing: Vec<f64> = intervals.into_iter().filter(|interval| agree(*interval, usual)).collect();
        let tempo = 60.0 * agreeing.len() as f64 / agreeing.iter().sum::<f64>();
        // Nobody taps more exactly.
        Some((tempo * 1000.0).round() / 1000.0)
    }
}

fn agree(interval: f64, usual: f64) -> bool {
    (interval / usual - 1.0).abs() <= TOLERANCE
}

/// The middle one, of two the lesser; none of none.
fn median(intervals: &[f64]) -> Option<f64> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tapped(beats: &[f64]) -> Option<f64> {
        let mut tap = Tap::default();
        beats.iter().map(|&beat| tap.beat(beat)).last().flatten()
    }

    /// ```text
    /// one beat                    -> no tempo
    /// a second within 2.5 s       -> a tempo
    /// a bounce, 50 ms behind it   -> nothing
    /// a beat that was left out    -> nothing
    /// two at another tempo        -> that
    /// a pause, or time that goes back -> anew
    /// ```
    #[test]
    fn slips_are_no_tempo() {
        let mut tap = Tap::default();
        assert_eq!(tap.beat(1.0), None);
        for beat in [1.5, 2.0, 2.05, 2.5, 3.0] {
            assert_eq!(tap.beat(beat), Some(120.0), "{beat}");
        }
        assert_eq!(tap.beat(4.0), Some(120.0), "one was left out");
        assert_eq!(tap.beat(4.5), Some(120.0));
        assert_eq!(tap.beat(5.25), Some(120.0), "a slip, or the first of another tempo");
        assert_eq!(tap.beat(6.0), Some(80.0));
        assert_eq!(tap.beat(9.0), None);
        assert_eq!(tap.beat(9.5), Some(120.0));
        assert_eq!(tap.beat(0.5), None);
        assert_eq!(tap.beat(f64::NAN), None);
        assert_eq!(tap.beat(1.0), None);
    }

    proptest! {
        /// Eight beats of any tempo within reach, each up to 4.5 % of a beat off, so that two waits differ by less than what
        /// passes for the same: the tempo is within 3 % of it, and its second half may be twice as fast or half as fast.
        #[test]
        fn a_tempo_is_tapped(
            tempo in 50.0..200.0_f64,
            off in proptest::collection::vec(-0.045..0.045_f64, 17),
            change in prop_oneof![Just(1.0), Just(0.5), Just(2.0)],
        ) {
            let (mut beat, mut heard) = (0.0, Vec::new());
            for (number, off) in off.into_iter().enumerate() {
                let tempo = if number > 8 { (tempo * change).clamp(30.0, 300.0) } else { tempo };
                beat += 60.0 / tempo;
                heard.push(beat + off * 60.0 / tempo);
            }
            let first = tapped(&heard[..9]).unwrap();
            prop_assert!((first / tempo - 1.0).abs() < 0.03, "{first} for {tempo}");
            let last = tapped(&heard).unwrap();
            let tempo = (tempo * change).clamp(30.0, 300.0);
            prop_assert!((last / tempo - 1.0).abs() < 0.03, "{last} for {tempo}");
        }
    }
}
