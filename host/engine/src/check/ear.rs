//! What comes out of one channel: its level, its steepest step, its longest silence. Judges nothing.

/// Below this, -80 dBFS, nothing sounds.
const FLOOR: f32 = 1e-4;
/// What is above this is cut off by a converter.
const FULL_SCALE: f32 = 1.0;

/// A stretch of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stretch {
    /// The greatest magnitude.
    pub peak: f32,
    /// The greatest difference between two samples that follow each other.
    pub step: f32,
    /// The longest run of frames in which nothing sounded.
    pub silence: u64,
    /// Frames above full scale.
    pub clipped: u64,
    /// Samples that are no numbers.
    pub unsound: u64,
}

impl Stretch {
    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self {
            peak: self.peak.max(other.peak),
            step: self.step.max(other.step),
            silence: self.silence.max(other.silence),
            clipped: self.clipped + other.clipped,
            unsound: self.unsound + other.unsound,
        }
    }
}

/// Listens to one channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ear {
    last: f32,
    silent_for: u64,
    stretch: Stretch,
}

impl Ear {
    pub fn hear(&mut self, samples: &[f32]) {
        let stretch = &mut self.stretch;
        for &sample in samples {
            if !sample.is_finite() {
                stretch.unsound += 1;
                continue;
            }
            let magnitude = sample.abs();
            stretch.peak = stretch.peak.max(magnitude);
            stretch.step = stretch.step.max((sample - self.last).abs());
            stretch.clipped += u64::from(magnitude > FULL_SCALE);
            self.silent_for = if magnitude < FLOOR { self.silent_for + 1 } else { 0 };
            stretch.silence = stretch.silence.max(self.silent_for);
            self.last = sample;
        }
    }

    /// What was heard since the last call.
    pub fn take(&mut self) -> Stretch {
        std::mem::take(&mut self.stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A silence that begins in one stretch and ends in the next is as long as it is, and a step at the border belongs to
    /// the later one.
    #[test]
    fn stretches_join_without_a_seam() {
        let mut ear = Ear::default();
        ear.hear(&[0.5, 0.75, 0.0, 0.0]);
        let first = ear.take();
        assert_eq!((first.peak, first.step, first.silence), (0.75, 0.75, 2));
        ear.hear(&[0.0, 1.5, f32::NAN, 1.25]);
        let second = ear.take();
        assert_eq!((second.peak, second.step, second.silence), (1.5, 1.5, 3));
        assert_eq!((second.clipped, second.unsound), (2, 1));
        assert_eq!(first.with(second), Stretch { clipped: 2, unsound: 1, step: 1.5, peak: 1.5, silence: 3 });
    }
}
