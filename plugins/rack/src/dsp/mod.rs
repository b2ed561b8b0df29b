//! Signal processing of the rack, free of any plugin format: plain structs that are made off the audio thread and then
//! work one frame at a time. Nothing here may allocate, lock or look at the host's block size after it was made.
//!
//! Working frame by frame on counters that start at [`effect::Effect::reset`] is what makes every output independent of how a
//! host cuts time into blocks, bit for bit.
#![deny(clippy::disallowed_types)]

pub mod amp;
pub mod cabinet;
pub mod convolution;
pub mod delay;
pub mod delay_line;
pub mod effect;
pub mod envelope;
pub mod filter;
pub mod gate;
pub mod history;
pub mod impulse;
pub mod kaiser;
pub mod oscillator;
pub mod oversampling;
pub mod reverb;
pub mod saturation;
pub mod smooth;
pub mod synth;
pub mod tone_stack;

#[cfg(test)]
pub(crate) mod testing;

/// Frames between two updates of filter coefficients that follow smoothed parameters. Counted from the last reset or
/// the start of a note, never from the start of a block.
pub const CONTROL_INTERVAL: u32 = 16;

/// Decibels to a linear gain.
pub fn gain_of_decibels(decibels: f32) -> f32 {
    10.0f32.powf(decibels * 0.05)
}

/// A number from outside, brought into `minimum..=maximum`; one that is no number becomes `minimum`. State files can
/// carry any value, so every core passes its settings through this.
pub fn bounded(value: f32, minimum: f32, maximum: f32) -> f32 {
    if value.is_nan() { minimum } else { value.clamp(minimum, maximum) }
}
