//! The built-in processors, one file each: what the graph is told of a node (`node`) and its audio half. Parameters
//! come as [`EventBody::Parameter`](crate::event::EventBody::Parameter) by the numbers that each file names, to the
//! frame. None of these reads a clock, a file or a device.
//!
//! Whatever moves is a function of the steady frame, so that neither the cut into chunks nor a sleep in between changes
//! a bit of the output.

pub mod delay;
pub mod gain;
#[cfg(test)]
mod harness;
pub mod meter;
pub mod metronome;
pub mod mixer;
pub mod pan;
pub mod player;
mod ramp;
mod segment;
pub mod tone;
pub mod zone;

/// Frames over which a changed parameter moves, so that nothing clicks: 5.3 ms at 48 kHz.
pub const RAMP_FRAMES: u32 = 256;

/// The greatest linear gain, in either polarity: 36 dB.
pub const MAX_GAIN: f32 = 64.0;

/// A gain as a parameter may have it; none for what is not a number.
fn sane_gain(value: f64) -> Option<f32> {
    let limit = f64::from(MAX_GAIN);
    (!value.is_nan()).then(|| value.clamp(-limit, limit) as f32)
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, EventBody, NoteAddress};

    /// A parameter event for [`super::harness`].
    pub fn parameter(frame: u32, parameter: u32, value: f64) -> Event {
        Event { frame, port: 0, body: EventBody::Parameter { parameter, address: NoteAddress::ALL, value } }
    }

    /// White noise between -1 and 1, the same for the same seed.
    pub fn noise(seed: u64, frames: usize) -> Vec<f32> {
        (0..frames as u64).map(|frame| super::tone::noise(seed, frame)).collect()
    }
}
