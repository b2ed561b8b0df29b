//! What every processor sees of musical time. Computed once a chunk; pure values, no clock is read here.

/// Where the playhead stands at a chunk's first frame.
///
/// Positions follow from the frame count alone, so that any partition into blocks gives the same values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transport {
    /// Whether the playhead moves.
    pub playing: bool,
    /// Whether recording is armed and running.
    pub recording: bool,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Beats a bar and the note value of a beat, such as (4, 4).
    pub metre: (u16, u16),
    /// The playhead in frames from the start of the song.
    pub frame: i64,
    /// The playhead in quarter notes from the start of the song.
    pub quarters: f64,
    /// The playhead in seconds from the start of the song.
    pub seconds: f64,
    /// Quarter notes at the start of the current bar.
    pub bar_start: f64,
    /// The current bar, the first is 0.
    pub bar: i32,
    /// The loop's start and end in quarter notes, if looping.
    pub loop_range: Option<(f64, f64)>,
    /// Beats that are counted until the playhead starts, while it stands.
    pub count_in: Option<CountIn>,
}

impl Transport {
    /// The beat of the bar, and what of it: the first is 0.
    pub fn beat(&self) -> f64 {
        (self.quarters - self.bar_start) * f64::from(self.metre.1) / 4.0
    }
}

impl Default for Transport {
    /// Stopped at 0, 120 quarter notes a minute, 4/4.
    fn default() -> Self {
        Self {
            playing: false,
            recording: false,
            tempo: 120.0,
            metre: (4, 4),
            frame: 0,
            quarters: 0.0,
            seconds: 0.0,
            bar_start: 0.0,
            bar: 0,
            loop_range: None,
            count_in: None,
        }
    }
}

/// The most beats a bar.
pub const MAX_BEATS: u16 = 256;
/// The shortest note value of a beat, as a fraction of a whole note.
pub const MAX_BEAT_VALUE: u16 = 64;

/// Whether so many beats of such a note value are a bar: 1 to [`MAX_BEATS`] of a power of two up to [`MAX_BEAT_VALUE`].
pub fn is_metre((beats, value): (u16, u16)) -> bool {
    (1..=MAX_BEATS).contains(&beats) && value.is_power_of_two() && value <= MAX_BEAT_VALUE
}

/// Most beats of a count-in.
pub const MAX_COUNT_IN: u32 = 64;

/// A beat falls on the frame that is nearest to it. Beats lie halfway between frames at common tempos; this much, in
/// frames, keeps rounding errors from deciding there, so that any partition decides alike.
pub(crate) const NEAREST_FRAME_BIAS: f64 = 0.000_123_4;

/// The beats before the playhead starts, as a chunk finds them. Tempo and metre are those of its first beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountIn {
    /// Beats to count, up to [`MAX_COUNT_IN`].
    pub beats: u32,
    /// Beats a bar.
    pub bar_beats: u32,
    /// Frames from beat to beat.
    pub beat_frames: f64,
    /// Frames since the first beat.
    pub elapsed: u64,
}

impl CountIn {
    /// Frames from the first beat to another.
    pub fn frame(&self, beat: u32) -> u64 {
        (f64::from(beat) * self.beat_frames - NEAREST_FRAME_BIAS).round().max(0.0) as u64
    }

    /// Frames until the playhead starts.
    pub fn left(&self) -> u64 {
        self.frame(self.beats).saturating_sub(self.elapsed)
    }

    /// The first beat that is not over before so many frames since the first one; none if that is after the last.
    pub fn next(&self, elapsed: u64) -> Option<u32> {
        let passed = (elapsed as f64 / self.beat_frames) as u32;
        (passed.saturating_sub(1)..self.beats).find(|&beat| self.frame(beat) >= elapsed)
    }

    /// The beat that is being counted, from 0.
    pub fn beat(&self) -> u32 {
        self.next(self.elapsed + 1).unwrap_or(self.beats).saturating_sub(1)
    }
}
