//! A value that follows its target without a click: a one-pole low-pass, stepped once a frame, that lands exactly on
//! its target so that a settled parameter costs a comparison. Never stepped per block.
//!
//! Source: J. O. Smith, *Introduction to Digital Filters*, "One-Pole" (appendix B), with the pole `exp(-1/(tau*fs))`.

use super::CONTROL_INTERVAL;

/// The time constant of parameters without a reason for another one, in seconds.
pub const SMOOTHING_SECONDS: f32 = 0.008;

/// A smoothed parameter value.
#[derive(Clone, Debug)]
pub struct Smooth {
    value: f32,
    target: f32,
    step: f32,
}

impl Smooth {
    /// A value that rests at `value`, to be stepped `rate` times a second.
    pub fn new(rate: f32, value: f32) -> Self {
        Self { value, target: value, step: 1.0 - (-1.0 / (SMOOTHING_SECONDS * rate)).exp() }
    }

    /// Where to go from now on; `at_once` jumps there.
    pub fn set(&mut self, target: f32, at_once: bool) {
        self.target = target;
        if at_once {
            self.value = target;
        }
    }

    /// Jumps to the target.
    pub fn finish(&mut self) {
        self.value = self.target;
    }

    /// The present value.
    pub fn value(&self) -> f32 {
        self.value
    }

    /// Whether the target has been reached.
    pub fn is_settled(&self) -> bool {
        self.value == self.target
    }

    /// Steps one frame and returns the value there.
    pub fn tick(&mut self) -> f32 {
        if self.value != self.target {
            let difference = self.target - self.value;
            // The last stretch is inaudible (-100 dB); jumping over it ends the smoothing in finite time.
            if difference.abs() <= 1e-5 * self.target.abs().max(1e-2) {
                self.value = self.target;
            } else {
                self.value += difference * self.step;
            }
        }
        self.value
    }
}

/// Says when coefficients that follow smoothed values are to be computed again: every [`CONTROL_INTERVAL`] frames while
/// something moves, and once more after it stopped.
#[derive(Clone, Debug, Default)]
pub struct ControlClock {
    remaining: u32,
}

impl ControlClock {
    /// Steps one frame. `moving` tells whether any of the values is on its way.
    pub fn is_due(&mut self, moving: bool) -> bool {
        if self.remaining == 0 {
            if moving {
                self.remaining = CONTROL_INTERVAL;
            }
            return false;
        }
        self.remaining -= 1;
        self.remaining == 0
    }

    /// Back to the start.
    pub fn reset(&mut self) {
        self.remaining = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monotone from 0 to 1, 63 % of the way after one time constant, exactly there after a dozen.
    #[test]
    fn reaches_its_target_smoothly() {
        let mut smooth = Smooth::new(1000.0, 0.0);
        smooth.set(1.0, false);
        let values: Vec<f32> = (0..120).map(|_| smooth.tick()).collect();
        assert!(values.windows(2).all(|pair| pair[1] >= pair[0]));
        assert!((values[7] - 0.632).abs() < 0.01, "{}", values[7]);
        assert_eq!(values[119], 1.0);
        assert!(smooth.is_settled());
    }
}
