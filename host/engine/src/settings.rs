//! How an engine is made, and what makes sense of it.

use crate::error::EngineError;
use crosspoint_graph::kernels;

/// How an engine is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineSettings {
    /// Sample rate in Hz, until a device has another.
    pub rate: u32,
    /// Most frames that plugins are called with at once. Independent of the device's buffer.
    pub max_block: usize,
    /// Instruction set of the renderer.
    pub level: kernels::Level,
}

impl EngineSettings {
    /// Sample rates that make sense, in Hz.
    pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=768_000;
    /// Block sizes that make sense, in frames.
    pub const BLOCKS: std::ops::RangeInclusive<usize> = 1..=16_384;

    /// These settings, if they make sense.
    ///
    /// # Errors
    /// [`EngineError::OutOfRange`] with what would do.
    pub fn checked(self) -> Result<Self, EngineError> {
        if !Self::RATES.contains(&self.rate) {
            let range = "8,000 to 768,000 Hz";
            return Err(EngineError::OutOfRange { what: "a sample rate", value: f64::from(self.rate), range });
        }
        if !Self::BLOCKS.contains(&self.max_block) {
            let range = "1 to 16,384 frames";
            return Err(EngineError::OutOfRange { what: "a block size", value: self.max_block as f64, range });
        }
        Ok(self)
    }
}

impl Default for EngineSettings {
    /// 48 kHz, blocks of up to 512 frames, the machine's best instruction set.
    fn default() -> Self {
        Self { rate: 48_000, max_block: 512, level: kernels::Level::detect() }
    }
}
