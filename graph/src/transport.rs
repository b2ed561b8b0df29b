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
        }
    }
}
