//! MIDI clock on the audio thread: what comes from the one that is followed, and what is sent to others. 24 clocks are a
//! quarter note.
#![deny(clippy::disallowed_types)]

mod follow;
mod period;
mod send;

pub use follow::ClockFollower;
pub use send::ClockSender;

/// Clocks in a quarter note.
const CLOCKS: f64 = 24.0;
/// Clocks in a sixteenth note, in which song positions count.
const SIXTEENTH: i64 = 6;

const SONG_POSITION: u8 = 0xF2;
const CLOCK: u8 = 0xF8;
const START: u8 = 0xFA;
const CONTINUE: u8 = 0xFB;
const STOP: u8 = 0xFC;

/// Whether a message is for who follows a clock.
pub fn is_clock(message: [u8; 3]) -> bool {
    matches!(message[0], SONG_POSITION | CLOCK | START | CONTINUE | STOP)
}

#[cfg(test)]
mod tests;
