//! The playhead: from commands and the frame count to the [`Transport`] that processors see. Closed forms of the frame
//! since the last change, so that the partition into chunks leaves no trace.

use super::command::ClockPoint;
use crate::transport::{CountIn, MAX_COUNT_IN, Transport, is_metre};
use std::sync::atomic::{AtomicU64, Ordering};

/// Moments that a playhead has for itself: enough for years of one a chunk.
const MOMENTS: u64 = 1 << 40;

/// Quarter notes within which a playhead comes to where the clock is that it follows.
const CATCH_UP: f64 = 1.0;
/// Quarter notes by which it may be off without a jump, at any time and when the clock's tempo has just become known.
const FARTHEST: f64 = 0.5;
const FARTHEST_AT_FIRST: f64 = 1.0 / 96.0;

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
    /// What is counted before it plays.
    count_in: Option<CountIn>,
    /// The tempo of the clock that it goes along with, if it does.
    followed: Option<f64>,
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
            count_in: None,
            followed: None,
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
            count_in: self.count_in,
        };
    }

    fn reviewed(mut self) -> Self {
        self.review();
        self
    }

    /// Frames until the playhead jumps or starts by itself.
    pub fn until_jump(&self) -> u64 {
        match (self.loop_frames, self.count_in) {
            (_, Some(count)) => count.left(),
            (Some((_, end)), _) if self.playing && self.frame < end => (end - self.frame) as u64,
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

    /// Moves on by a chunk that ends at the next jump at the latest. Whether the playhead starts with the next one.
    pub fn advance(&mut self, frames: usize) -> bool {
        if let Some(count) = &mut self.count_in {
            count.elapsed += frames as u64;
            if count.left() == 0 {
                return self.play(true);
            }
            self.review();
        } else if self.playing {
            self.frame += frames as i64;
            if let Some((start, end)) = self.loop_frames
                && self.frame == end
            {
                self.jump(start);
            }
            self.review();
        }
        false
    }

    /// Whether this starts the playhead. Ends a count-in.
    pub fn play(&mut self, on: bool) -> bool {
        let starts = on && !self.playing;
        self.playing = on;
        self.count_in = None;
        self.review();
        starts
    }

    /// Counts beats, then starts. Nothing if it plays; no beats end the count.
    pub fn count_in(&mut self, beats: u32) {
        if !self.playing {
            let beat_frames = 240.0 * self.rate / (self.tempo * f64::from(self.metre.1));
            let beats = beats.min(MAX_COUNT_IN);
            let bar_beats = u32::from(self.metre.0);
            self.count_in = (beats > 0).then_some(CountIn { beats, bar_beats, beat_frames, elapsed: 0 });
            self.review();
        }
    }

    /// Goes to a frame. A tempo or metre that began later in the song than there is taken to have been so from the song's
    /// start, which stays at the first beat of a bar.
    fn jump(&mut self, frame: i64) {
        if self.tempo_anchor.0 > frame {
            self.tempo_anchor = (0, 0.0);
        }
        self.frame = frame;
        if self.bar_anchor.0 > self.quarters(frame) {
            self.bar_anchor = (0.0, 0);
        }
    }

    pub fn record(&mut self, on: bool) {
        self.recording = on;
        self.review();
    }

    pub fn locate(&mut self, frame: i64) {
        self.jump(frame);
        self.review();
    }

    /// Goes to a place in quarter notes, as if the song had the tempo and the metre of now from its start. What no double
    /// holds to the frame is no place in any song.
    pub fn locate_quarters(&mut self, quarters: f64) {
        let frame = (quarters * 60.0 * self.rate / self.tempo).round();
        if frame.abs() < (1_u64 << 53) as f64 {
            self.frame = frame as i64;
            // At that very place, though it may lie between frames.
            self.tempo_anchor = (self.frame, quarters);
            self.bar_anchor = (0.0, 0);
            self.review();
        }
    }

    /// Out of range values are not taken, nor any while it follows a clock.
    pub fn set_tempo(&mut self, tempo: f64) {
        if self.followed.is_none() {
            self.change_tempo(tempo);
        }
    }

    fn change_tempo(&mut self, tempo: f64) {
        if tempo.is_finite() && (1.0..=1000.0).contains(&tempo) {
            self.tempo_anchor = (self.frame, self.quarters(self.frame));
            self.tempo = tempo;
            self.review();
        }
    }

    /// Goes along with a clock from where that is now, until it is told more. The tempo is the clock's, and by as much off
    /// as makes up for a difference within [`CATCH_UP`]; a difference above [`FARTHEST`] is jumped over. Without a clock,
    /// the clock's tempo stays.
    pub fn follow(&mut self, clock: Option<ClockPoint>) {
        let Some(ClockPoint { tempo, quarters, begins }) = clock else {
            if let Some(tempo) = self.followed.take() {
                self.change_tempo(tempo);
            }
            return;
        };
        self.followed = Some(tempo);
        let off = quarters.filter(|_| self.playing).map_or(0.0, |quarters| quarters - self.quarters(self.frame));
        if off.abs() <= if begins { FARTHEST_AT_FIRST } else { FARTHEST } {
            self.change_tempo(tempo * (1.0 + off / CATCH_UP));
        } else {
            self.change_tempo(tempo);
            self.locate_quarters(quarters.unwrap_or_default());
        }
    }

    /// Out of range values are not taken. The bar begins anew.
    pub fn set_metre(&mut self, beats: u16, value: u16) {
        if is_metre((beats, value)) {
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

    /// ```text
    /// 8 quarters at 120, then 60 from quarter 8 on, at frame 192000
    ///   to the start   -> quarter 0, bar 0: the song begins where it began
    ///   to quarter 2   -> as if it had had 60 all along
    ///   to frame 240000, behind the change that is made at 192000 -> quarter 9
    /// ```
    #[test]
    fn a_jump_keeps_the_start_of_the_song() {
        let after_change = || {
            let mut playhead = Playhead::new(48_000.0);
            playhead.play(true);
            playhead.advance(192_000);
            playhead.set_tempo(60.0);
            playhead.set_metre(3, 4);
            playhead
        };
        let mut playhead = after_change();
        playhead.locate(0);
        let at = playhead.transport();
        assert_eq!((at.quarters, at.bar, at.bar_start), (0.0, 0, 0.0));
        playhead.locate_quarters(2.0);
        let at = playhead.transport();
        assert_eq!((at.frame, at.quarters, at.bar), (96_000, 2.0, 0));
        playhead.locate_quarters(f64::NAN);
        playhead.locate_quarters(f64::MAX);
        assert_eq!(playhead.transport().frame, 96_000);
        let mut playhead = after_change();
        playhead.locate(240_000);
        assert_eq!((playhead.transport().quarters, playhead.transport().bar_start), (9.0, 8.0));
        // A loop whose end is behind a change comes round to the same beats each time.
        let mut playhead = after_change();
        playhead.set_loop(Some((96_000, 240_000)));
        for _ in 0..3 {
            playhead.advance(playhead.until_jump() as usize);
            assert_eq!((playhead.transport().frame, playhead.transport().quarters), (96_000, 2.0));
        }
    }

    /// A count-in holds back the start by its beats to the frame, in any partition; playing or stopping ends it.
    #[test]
    fn counts_in_to_the_frame() {
        let mut playhead = Playhead::new(44_100.0);
        playhead.set_tempo(160.0);
        playhead.set_metre(6, 8);
        playhead.count_in(3);
        let count = playhead.transport().count_in.unwrap();
        // Eighths of 8268.75 frames.
        assert_eq!((count.beat(), count.left(), count.next(1)), (0, 24_806, Some(1)));
        assert!(!playhead.advance(8269));
        assert_eq!(playhead.transport().count_in.unwrap().beat(), 1);
        let left = playhead.until_jump();
        assert_eq!(left, 24_806 - 8269);
        assert!(!playhead.advance(left as usize - 1) && playhead.advance(1));
        let at = *playhead.transport();
        assert!(at.playing && at.count_in.is_none() && at.frame == 0);
        playhead.count_in(4);
        assert_eq!(playhead.transport().count_in, None, "it plays already");
        playhead.play(false);
        playhead.count_in(u32::MAX);
        assert_eq!(playhead.transport().count_in.unwrap().beats, MAX_COUNT_IN);
        playhead.play(false);
        assert_eq!(playhead.transport().count_in, None);
    }

    /// A clock that is ahead by an eighth of a beat is caught up with by steps, and one that is far ahead by a jump. Other
    /// tempos wait until the clock is gone.
    #[test]
    fn goes_along_with_a_clock() {
        let mut playhead = Playhead::new(48_000.0);
        playhead.play(true);
        let mut clock = 0.125;
        for step in 0..240 {
            playhead.follow(Some(ClockPoint { quarters: Some(clock), tempo: 120.0, begins: false }));
            assert!(step > 0 || playhead.transport().tempo == 135.0);
            playhead.set_tempo(90.0);
            playhead.advance(1000);
            clock += 1000.0 / 24_000.0;
        }
        assert!((playhead.transport().quarters - clock).abs() < 1e-4);
        playhead.follow(Some(ClockPoint { quarters: Some(100.0), tempo: 100.0, begins: false }));
        assert_eq!((playhead.transport().quarters, playhead.transport().tempo), (100.0, 100.0));
        playhead.follow(Some(ClockPoint { quarters: Some(100.25), tempo: 90.0, begins: true }));
        assert_eq!((playhead.transport().quarters, playhead.transport().tempo), (100.25, 90.0));
        playhead.follow(Some(ClockPoint { quarters: None, tempo: 100.0, begins: true }));
        playhead.follow(None);
        assert_eq!(playhead.transport().tempo, 100.0, "it goes on as the clock went");
        playhead.set_tempo(90.0);
        assert_eq!(playhead.transport().tempo, 90.0);
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
