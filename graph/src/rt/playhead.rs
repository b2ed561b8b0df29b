//! The playhead: from commands and the frame count to the [`Transport`] that processors see. Closed forms of the frame
//! since the last change, so that the partition into chunks leaves no trace.

use crate::transport::Transport;
use std::sync::atomic::{AtomicU64, Ordering};

/// Moments that a playhead has for itself: enough for years of one a chunk.
const MOMENTS: u64 = 1 << 40;

/// Musical time of one renderer.
#[derive(Debug)]
pub(crate) struct Playhead {
    rate: f64,
    playing: bool,
    recording: bool,
    /// Frame of the song now.
    frame: i64,
    tempo: f64,
    metre: (u16, u16),
    loop_frames: Option<(i64, i64)>,
    /// Where tempo changed last: frame of the song and quarters there.
    tempo_anchor: (i64, f64),
    /// Where the metre changed last: quarters and bar there.
    bar_anchor: (f64, i32),
    /// What follows from the above.
    transport: Transport,
    /// Stands for the transport as it is now.
    moment: u64,
}

impl Playhead {
    pub fn new(rate: f64) -> Self {
        static PLAYHEADS: AtomicU64 = AtomicU64::new(0);
        let Transport { tempo, metre, .. } = Transport::default();
        Self {
            rate,
            playing: false,
            recording: false,
            frame: 0,
            tempo,
            metre,
            loop_frames: None,
            tempo_anchor: (0, 0.0),
            bar_anchor: (0.0, 0),
            transport: Transport::default(),
            moment: PLAYHEADS.fetch_add(1, Ordering::Relaxed).wrapping_mul(MOMENTS),
        }
        .reviewed()
    }

    fn quarters(&self, frame: i64) -> f64 {
        self.tempo_anchor.1 + (frame - self.tempo_anchor.0) as f64 * self.tempo / (60.0 * self.rate)
    }

    /// What processors see at the frame at which the playhead stands.
    #[inline]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A number that no other transport has or had, of this or another playhead.
    #[inline]
    pub fn moment(&self) -> u64 {
        self.moment
    }

    /// Works the transport out, after every change.
    fn review(&mut self) {
        self.moment += 1;
        let quarters = self.quarters(self.frame);
        let bar_quarters = f64::from(self.metre.0) * 4.0 / f64::from(self.metre.1);
        let bars = ((quarters - self.bar_anchor.0) / bar_quarters).floor();
        self.transport = Transport {
            playing: self.playing,
            recording: self.recording,
            tempo: self.tempo,
            metre: self.metre,
            frame: self.frame,
            quarters,
            seconds: self.frame as f64 / self.rate,
            bar_start: self.bar_anchor.0 + bars * bar_quarters,
            bar: self.bar_anchor.1 + bars as i32,
            loop_range: self.loop_frames.map(|(start, end)| (self.quarters(start), self.quarters(end))),
        };
    }

    fn reviewed(mut self) -> Self {
        self.review();
        self
    }

    /// Frames until the playhead jumps by itself.
    pub fn until_jump(&self) -> u64 {
        match self.loop_frames {
            Some((_, end)) if self.playing && self.frame < end => (end - self.frame) as u64,
            _ => u64::MAX,
        }
    }

    /// Frames until the next beat, or bar: 0 on one and while the playhead stands. A beat is at the first frame that is not
    /// before it, which depends on the tempo and the metre alone.
    pub fn until_beat(&self, bar: bool) -> u64 {
        if !self.playing {
            return 0;
        }
        let beat = 4.0 / f64::from(self.metre.1);
        let step = if bar { beat * f64::from(self.metre.0) } else { beat };
        let passed = ((self.transport.quarters - self.bar_anchor.0) / step).floor();
        let frame_of = |beats: f64| {
            let quarters = self.bar_anchor.0 + beats * step - self.tempo_anchor.1;
            // A beat that falls on a frame must not be found behind it for the last bits' sake.
            let frames = (quarters * 60.0 * self.rate / self.tempo - 1e-6).ceil();
            self.tempo_anchor.0.saturating_add(frames as i64)
        };
        let next = [passed - 1.0, passed, passed + 1.0, passed + 2.0].map(frame_of);
        let first = next.into_iter().find(|&frame| frame >= self.frame).unwrap_or(self.frame);
        (first - self.frame) as u64
    }

    /// Moves on by a chunk that ends at the next jump at the latest.
    pub fn advance(&mut self, frames: usize) {
        if self.playing {
            self.frame += frames as i64;
            if let Some((start, end)) = self.loop_frames
                && self.frame == end
            {
                self.frame = start;
            }
            self.review();
        }
    }

    /// Whether this starts the playhead.
    pub fn play(&mut self, on: bool) -> bool {
        let starts = on && !self.playing;
        self.playing = on;
        self.review();
        starts
    }

    pub fn record(&mut self, on: bool) {
        self.recording = on;
        self.review();
    }

    pub fn locate(&mut self, frame: i64) {
        self.frame = frame;
        self.review();
    }

    /// Out of range values are not taken.
    pub fn set_tempo(&mut self, tempo: f64) {
        if tempo.is_finite() && (1.0..=1000.0).contains(&tempo) {
            self.tempo_anchor = (self.frame, self.quarters(self.frame));
            self.tempo = tempo;
            self.review();
        }
    }

    /// Out of range values are not taken. The bar begins anew.
    pub fn set_metre(&mut self, beats: u16, value: u16) {
        if (1..=64).contains(&beats) && value.is_power_of_two() && value <= 64 {
            let bar = self.transport().bar;
            self.bar_anchor = (self.quarters(self.frame), bar + i32::from(self.frame > 0));
            self.metre = (beats, value);
            self.review();
        }
    }

    /// An empty or backward range is no loop.
    pub fn set_loop(&mut self, range: Option<(i64, i64)>) {
        self.loop_frames = range.filter(|(start, end)| start < end);
        self.review();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_quarters_bars_and_loops() {
        let mut playhead = Playhead::new(48_000.0);
        assert!(playhead.play(true) && !playhead.play(true));
        playhead.advance(24_000 * 5);
        let at = playhead.transport();
        assert_eq!((at.quarters, at.bar, at.bar_start, at.seconds), (5.0, 1, 4.0, 2.5));
        playhead.set_tempo(60.0);
        playhead.advance(48_000);
        assert_eq!(playhead.transport().quarters, 6.0);
        playhead.set_loop(Some((0, playhead.transport().frame + 10)));
        assert_eq!(playhead.until_jump(), 10);
        playhead.advance(10);
        assert_eq!(playhead.transport().frame, 0);
        playhead.set_tempo(f64::NAN);
        assert_eq!(playhead.transport().tempo, 60.0);
    }

    /// A moment stands for one transport of one playhead; while that stands still, so does its moment.
    #[test]
    fn a_moment_is_never_another() {
        let (mut playhead, other) = (Playhead::new(48_000.0), Playhead::new(48_000.0));
        let first = playhead.moment();
        assert!(first != 0 && first != other.moment());
        playhead.advance(64);
        assert_eq!(playhead.moment(), first, "it does not play");
        playhead.play(true);
        let second = playhead.moment();
        playhead.advance(64);
        assert!(first != second && second != playhead.moment());
    }
}
