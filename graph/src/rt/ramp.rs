//! Gains that move. The gain of a cell at a frame is a closed form of the frame, so that the partition into chunks leaves
//! no trace: `gain + slope * t`, where `t` counts from the epoch of the cell's row. A row is what one edge sums into one
//! channel; its cells share an epoch, which lets a kernel render the row as `A.x + t * (D.x)`. Whenever a cell of the row
//! starts or ends a ramp, the epoch moves there and every gain is brought up to date.

use super::kernels::fused_multiply_add;

/// Longest ramp in frames: `t` must be exact in 32-bit floating point.
pub const MAX_RAMP_FRAMES: u32 = 1 << 24;

/// Where a moving cell is going.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ramp {
    /// Change per frame; 0 at rest.
    pub slope: f32,
    /// Gain once the ramp is over, or at rest.
    pub target: f32,
    /// Frame at which the target is reached; 0 at rest.
    pub end: u64,
}

impl Ramp {
    /// Nowhere from a gain.
    pub fn at_rest(gain: f32) -> Self {
        Self { slope: 0.0, target: gain, end: 0 }
    }
}

/// The state of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    /// Frame at which the gains were brought up to date.
    pub epoch: u64,
    /// The first end of a ramp, `u64::MAX` at rest.
    pub next_end: u64,
}

impl Default for Row {
    fn default() -> Self {
        Self { epoch: 0, next_end: u64::MAX }
    }
}

impl Row {
    #[inline]
    pub fn is_moving(&self) -> bool {
        self.next_end != u64::MAX
    }

    /// Frames from the epoch to `frame`.
    #[inline]
    pub fn elapsed(&self, frame: u64) -> u32 {
        (frame - self.epoch) as u32
    }

    /// The gain of a cell at a frame not before the epoch.
    #[inline]
    pub fn value(&self, gain: f32, ramp: &Ramp, frame: u64) -> f32 {
        if ramp.end == 0 {
            gain
        } else if frame >= ramp.end {
            ramp.target
        } else {
            fused_multiply_add(ramp.slope, self.elapsed(frame) as f32, gain)
        }
    }

    /// Moves the epoch to `frame` and ends the ramps that are over by then.
    pub fn settle(&mut self, frame: u64, cells: &mut dyn Cells) {
        let mut next_end = u64::MAX;
        for cell in 0..cells.len() {
            let (gain, ramp) = cells.cell(cell);
            if ramp.end == 0 {
                continue;
            }
            *gain = self.value(*gain, ramp, frame);
            if frame >= ramp.end {
                *ramp = Ramp { slope: 0.0, target: ramp.target, end: 0 };
            } else {
                next_end = next_end.min(ramp.end);
            }
        }
        self.epoch = frame;
        self.next_end = next_end;
    }

    /// Sends a cell from where it is at `frame` to `target`, in so many frames; at once for 0.
    pub fn go(&mut self, frame: u64, cells: &mut dyn Cells, cell: usize, target: f32, frames: u32) {
        self.settle(frame, cells);
        self.aim(frame, cells, cell, target, frames);
        // The cell may have held the first end.
        self.settle(frame, cells);
    }

    /// Sends a cell of a row that is settled at `frame`, which must be settled there once more before it is rendered.
    pub fn aim(&self, frame: u64, cells: &mut dyn Cells, cell: usize, target: f32, frames: u32) {
        let (gain, ramp) = cells.cell(cell);
        let end = frame + u64::from(frames.min(MAX_RAMP_FRAMES));
        if frames == 0 || *gain == target {
            *gain = target;
            *ramp = Ramp { slope: 0.0, target, end: 0 };
        } else {
            *ramp = Ramp { slope: (target - *gain) / (end - frame) as f32, target, end };
        }
    }
}

/// The cells of one row.
pub(crate) trait Cells {
    fn len(&self) -> usize;
    fn cell(&mut self, index: usize) -> (&mut f32, &mut Ramp);
}
