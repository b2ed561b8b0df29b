//! An ADSR envelope of exponential segments that end exactly on time.
//!
//! Source: N. Redmon, "Envelope generators: ADSR code", EarLevel Engineering, 2013: one-pole segments that aim beyond
//! their end by a ratio which sets the curvature.

/// Attack aims far beyond: nearly straight.
const ATTACK_RATIO: f32 = 0.3;
/// Decay and release aim a little beyond: nearly exponential, down to -80 dB.
const DECAY_RATIO: f32 = 1e-4;

/// A one-pole step `value = base + value * pole` and where the segment ends.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    pole: f32,
    base: f32,
}

impl Segment {
    fn new(frames: f32, target: f32, ratio: f32) -> Self {
        let pole = (-((1.0 + ratio) / ratio).ln() / frames.max(1.0)).exp();
        Self { pole, base: target * (1.0 - pole) }
    }
}

/// The shape that all voices share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    attack: Segment,
    decay: Segment,
    sustain: f32,
    release: Segment,
}

impl Shape {
    /// From times in frames and the sustain level, 0 to 1.
    pub fn new(attack: f32, decay: f32, sustain: f32, release: f32) -> Self {
        Self {
            attack: Segment::new(attack, 1.0 + ATTACK_RATIO, ATTACK_RATIO),
            decay: Segment::new(decay, sustain - DECAY_RATIO, DECAY_RATIO),
            sustain,
            release: Segment::new(release, -DECAY_RATIO, DECAY_RATIO),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    Attack,
    Decay,
    Sustain,
    Release,
    #[default]
    Idle,
}

/// One voice's place in the shape.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    stage: Stage,
    value: f32,
}

impl Envelope {
    /// Starts the attack from wherever the value is.
    pub fn start(&mut self) {
        self.stage = Stage::Attack;
    }

    /// Starts the release.
    pub fn release(&mut self) {
        if self.stage != Stage::Idle {
            self.stage = Stage::Release;
        }
    }

    /// Whether the release has ended.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// The present value.
    pub fn value(&self) -> f32 {
        self.value
    }

    /// Steps one frame.
    pub fn tick(&mut self, shape: &Shape) -> f32 {
        match self.stage {
            Stage::Attack => {
                self.value = shape.attack.base + self.value * shape.attack.pole;
                if self.value >= 1.0 {
                    self.value = 1.0;
                    self.stage = Stage::Decay;
                }
            }
            Stage::Decay => {
                self.value = shape.decay.base + self.value * shape.decay.pole;
                if self.value <= shape.sustain {
                    self.value = shape.sustain;
                    self.stage = Stage::Sustain;
                }
            }
            // Follows a sustain level that is changed under a held note, at the decay's pace.
            Stage::Sustain => self.value += (shape.sustain - self.value) * (1.0 - shape.decay.pole),
            Stage::Release => {
                self.value = shape.release.base + self.value * shape.release.pole;
                if self.value <= 0.0 {
                    self.value = 0.0;
                    self.stage = Stage::Idle;
                }
            }
            Stage::Idle => {}
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    ///      /\
    ///     /  \____            attack 100, decay 200 to one half, release 300 frames; each ends on its frame
    ///    /        \__
    /// ```
    #[test]
    fn segments_end_on_time() {
        let shape = Shape::new(100.0, 200.0, 0.5, 300.0);
        let mut envelope = Envelope::default();
        envelope.start();
        let rise: Vec<f32> = (0..102).map(|_| envelope.tick(&shape)).collect();
        let top = rise.iter().position(|x| *x == 1.0).unwrap();
        assert!((98..=101).contains(&top), "{top}");
        assert!(rise[..top].windows(2).all(|w| w[1] > w[0]));
        (0..210).for_each(|_| {
            envelope.tick(&shape);
        });
        assert_eq!(envelope.value(), 0.5);
        envelope.release();
        let frames = (1..400).find(|_| envelope.tick(&shape) == 0.0).unwrap();
        assert!(frames <= 301 && envelope.is_idle(), "{frames}");
    }
}
