//! A tempo that is tapped: the mean of the last beats. Pure.

use std::collections::VecDeque;

/// Beats that count.
const BEATS: usize = 5;
/// A longer wait, in seconds, begins anew: 30 beats a minute.
const LONGEST: f64 = 2.0;

/// The last beats, by frame.
#[derive(Debug, Default)]
pub struct Tap {
    beats: VecDeque<u64>,
}

impl Tap {
    /// A beat at a frame. The beats a minute, once there are two of a tempo.
    pub fn beat(&mut self, frame: u64, rate: u32) -> Option<f64> {
        let seconds = |frames: u64| frames as f64 / f64::from(rate);
        if self.beats.back().is_some_and(|&last| frame <= last || seconds(frame - last) > LONGEST) {
            self.beats.clear();
        }
        // Another tempo: only the last two beats have it.
        if let (Some(&first), Some(&last)) = (self.beats.front(), self.beats.back())
            && last > first
        {
            let mean = (last - first) as f64 / (self.beats.len() - 1) as f64;
            let ratio = (frame - last) as f64 / mean;
            if !(0.75..=1.33).contains(&ratio) {
                self.beats.drain(..self.beats.len() - 1);
            }
        }
        self.beats.push_back(frame);
        if self.beats.len() > BEATS {
            self.beats.pop_front();
        }
        let (first, intervals) = (*self.beats.front()?, self.beats.len() - 1);
        (intervals > 0).then(|| 60.0 * intervals as f64 / seconds(frame - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// 120 bpm x 4, each up to 20 ms off  ->  within 3 of 120
    /// then 60 bpm                        ->  60 with its second beat
    /// a pause                            ->  anew
    /// ```
    #[test]
    fn a_tempo_is_tapped() {
        let mut tap = Tap::default();
        let mut last = None;
        for (beat, off) in [0, 700, -900, 300, -200].into_iter().enumerate() {
            last = tap.beat((48_000 + beat as i64 * 24_000 + off) as u64, 48_000);
        }
        assert!((last.unwrap() - 120.0).abs() < 3.0, "{last:?}");
        assert_eq!(tap.beat(48_000 + 4 * 24_000 - 200 + 48_000, 48_000), Some(60.0));
        assert_eq!(tap.beat(10_000_000, 48_000), None);
        assert_eq!(tap.beat(9_000_000, 48_000), None, "time goes backwards: a renderer that begins anew");
    }
}
