//! A gain that moves in a straight line. Never accumulates: its value is a function of the frame.

use std::ops::Range;

use super::RAMP_FRAMES;
use crate::kernels::Kernels;
use crate::rt::Block;

/// `from + slope * t`, where t counts frames from `start`, until `end`; then `target`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    target: f32,
    from: f32,
    slope: f32,
    start: u64,
    end: u64,
}

impl Ramp {
    /// At rest at a value.
    pub fn new(value: f32) -> Self {
        Self { target: value, from: value, slope: 0.0, start: 0, end: 0 }
    }

    /// Where it rests, or will.
    #[inline]
    pub fn target(&self) -> f32 {
        self.target
    }

    /// Whether it moves at a steady frame.
    #[inline]
    pub fn is_moving(&self, frame: u64) -> bool {
        frame < self.end
    }

    /// Steady frame from which it is at rest.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether it is 0 from a steady frame on, for good.
    #[inline]
    pub fn is_zero(&self, frame: u64) -> bool {
        self.target == 0.0 && !self.is_moving(frame)
    }

    /// The value at a steady frame.
    pub fn at(&self, frame: u64) -> f32 {
        if self.is_moving(frame) { self.from + self.slope * self.elapsed(frame) as f32 } else { self.target }
    }

    /// Moves to a value, from a steady frame on, over [`RAMP_FRAMES`].
    pub fn aim(&mut self, target: f32, frame: u64) {
        let from = self.at(frame);
        if from == target {
            *self = Self::new(target);
            return;
        }
        let slope = (target - from) / RAMP_FRAMES as f32;
        *self = Self { target, from, slope, start: frame, end: frame + u64::from(RAMP_FRAMES) };
    }

    fn elapsed(&self, frame: u64) -> u32 {
        frame.saturating_sub(self.start) as u32
    }

    /// Cuts frames of a chunk where the ramp ends: the moving part with its (gain, slope, elapsed), and the rest.
    fn cut(&self, block: &Block<'_>, frames: Range<usize>) -> (Range<usize>, (f32, f32, u32), Range<usize>) {
        let first = block.chunk().steady_frame + frames.start as u64;
        let moving = self.end.saturating_sub(first).min(frames.len() as u64) as usize;
        let middle = frames.start + moving;
        (frames.start..middle, (self.from, self.slope, self.elapsed(first)), middle..frames.end)
    }

    /// Writes the input times the gain to the output.
    pub fn scale(
        &self,
        block: &mut Block<'_>,
        kernels: &Kernels,
        input: (usize, usize),
        output: (usize, usize),
        frames: Range<usize>,
    ) {
        let (moving, ramp, rest) = self.cut(block, frames);
        if !moving.is_empty() {
            block.gain_ramp(kernels, input, output, moving, ramp);
        }
        if !rest.is_empty() {
            block.gain(kernels, input, output, rest, self.target);
        }
    }

    /// Adds the input times the gain to the output.
    pub fn add(
        &self,
        block: &mut Block<'_>,
        kernels: &Kernels,
        input: (usize, usize),
        output: (usize, usize),
        frames: Range<usize>,
    ) {
        let (moving, ramp, rest) = self.cut(block, frames);
        if !moving.is_empty() {
            block.add_ramp(kernels, input, output, moving, ramp);
        }
        if !rest.is_empty() && self.target != 0.0 {
            block.add(kernels, input, output, rest, self.target);
        }
    }
}
