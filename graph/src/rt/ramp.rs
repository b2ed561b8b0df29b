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

    /// From a gain at `frame` to `target` in so many frames, at once for 0: the gain to start at, and the way from there.
    #[inline]
    pub fn toward(gain: f32, target: f32, frame: u64, frames: u32) -> (f32, Self) {
        if frames == 0 || gain == target {
            (target, Self::at_rest(target))
        } else {
            let frames = frames.min(MAX_RAMP_FRAMES);
            (gain, Self { slope: (target - gain) / frames as f32, target, end: frame + u64::from(frames) })
        }
    }

    /// In how many frames a cell that is on this way at `frame` gets to a goal: one that goes there already keeps its end,
    /// any other has `otherwise`.
    #[inline]
    pub fn frames_to(&self, goal: f32, frame: u64, otherwise: u32) -> u32 {
        if self.end > frame && self.target == goal { (self.end - frame) as u32 } else { otherwise }
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
    pub fn settle(&mut self, frame: u64, cells: &mut impl Cells) {
        let mut next_end = u64::MAX;
        // From the last on: one that comes to rest may leave the list.
        for place in (0..cells.candidates()).rev() {
            let cell = cells.candidate(place);
            let (gain, ramp) = cells.get(cell);
            if ramp.end == 0 {
                continue;
            }
            let gain = self.value(gain, &ramp, frame);
            if frame >= ramp.end {
                cells.set(cell, gain, Ramp::at_rest(ramp.target));
            } else {
                cells.set(cell, gain, ramp);
                next_end = next_end.min(ramp.end);
            }
        }
        self.epoch = frame;
        self.next_end = next_end;
    }
}

/// Sends a cell of a row that is settled at `frame`, which must be settled there once more before it is rendered.
pub(crate) fn aim(frame: u64, cells: &mut impl Cells, cell: usize, target: f32, frames: u32) {
    let (gain, _) = cells.get(cell);
    let (gain, ramp) = Ramp::toward(gain, target, frame, frames);
    cells.set(cell, gain, ramp);
}

/// The cells of one row.
pub(crate) trait Cells {
    /// How many cells may be moving: all that do, and maybe some that rest.
    fn candidates(&self) -> usize;
    /// Which cell is the one of that place among the candidates. Places before it stand when it comes to rest.
    fn candidate(&self, place: usize) -> usize;
    /// The gain at the row's epoch, and where it is going.
    fn get(&self, cell: usize) -> (f32, Ramp);
    fn set(&mut self, cell: usize, gain: f32, ramp: Ramp);
}
