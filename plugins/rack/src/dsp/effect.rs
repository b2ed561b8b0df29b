//! What every effect core is, and [`Runner`], which drives one: it cleans the input, walks through a block frame by
//! frame and puts the core to rest once its sound has ended. It never skips a frame because of where a block ends.
//!
//! Rest makes sleeping safe. Once silence has lasted longer than the core needs to settle, the core is reset and stays
//! exactly as it is until a sample other than zero arrives. A host may therefore stop calling a resting plugin for any
//! time and gets the same bits as if it had gone on.

/// Input beyond this magnitude (+60 dBFS) is clipped to it, so that no filter can run into infinities.
pub const INPUT_LIMIT: f32 = 1000.0;

/// An effect on one or two channels. All methods but construction may be called from the audio thread.
pub trait Effect {
    /// The values of the effect's parameters, in the units a player sees.
    type Settings: Clone + PartialEq;

    /// Takes new parameter values. They are reached smoothly, or at once where `at_rest` says that nothing sounds.
    fn set(&mut self, settings: &Self::Settings, at_rest: bool);

    /// One frame in, one frame out. A mono effect uses and returns the first channel only.
    fn tick(&mut self, input: [f32; 2]) -> [f32; 2];

    /// Back to the state right after construction, with the present settings reached.
    fn reset(&mut self);

    /// Frames by which the output lags behind the input.
    fn latency(&self) -> u32 {
        0
    }

    /// Frames for which the effect still sounds once its input is silent, latency included.
    fn tail(&self) -> u32;

    /// Frames of silent input after which nothing of the past can be heard or matter any more: at least the tail.
    fn settle(&self) -> u32 {
        self.tail()
    }
}

/// Drives an [`Effect`] over blocks of any length.
pub struct Runner<E: Effect> {
    effect: E,
    settings: Option<E::Settings>,
    silent_frames: u32,
    resting: bool,
}

impl<E: Effect> Runner<E> {
    /// A runner at rest.
    pub fn new(effect: E) -> Self {
        Self { effect, settings: None, silent_frames: 0, resting: true }
    }

    /// The core that is driven.
    pub fn effect(&self) -> &E {
        &self.effect
    }

    /// The core that is driven, to hand it what is not a setting.
    pub fn effect_mut(&mut self) -> &mut E {
        &mut self.effect
    }

    /// Takes new parameter values from this frame on; costs next to nothing if they are the old ones.
    pub fn set(&mut self, settings: &E::Settings) {
        if self.settings.as_ref() == Some(settings) {
            return;
        }
        self.effect.set(settings, self.resting);
        self.settings = Some(settings.clone());
        // What rings now was made under the old settings, so silence is counted afresh.
        self.silent_frames = 0;
    }

    /// Forgets all sound and rests.
    pub fn reset(&mut self) {
        self.effect.reset();
        self.silent_frames = 0;
        self.resting = true;
    }

    /// Whether the past can no longer be heard, so that calls may stop until there is input.
    pub fn is_resting(&self) -> bool {
        self.resting
    }

    /// Processes one block in place: one or two channels of equal length, further ones are left alone.
    pub fn process(&mut self, channels: &mut [&mut [f32]]) {
        match channels {
            [] => {}
            [mono] => {
                for sample in mono.iter_mut() {
                    *sample = self.tick([*sample, 0.0])[0];
                }
            }
            [left, right, ..] => {
                for (left, right) in left.iter_mut().zip(right.iter_mut()) {
                    [*left, *right] = self.tick([*left, *right]);
                }
            }
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let input = input.map(clean);
        if input == [0.0, 0.0] {
            if self.resting {
                return [0.0, 0.0];
            }
            self.silent_frames += 1;
            if self.silent_frames > self.effect.settle() {
                self.reset();
                return [0.0, 0.0];
            }
        } else {
            self.silent_frames = 0;
            self.resting = false;
        }
        self.effect.tick(input)
    }
}

fn clean(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-INPUT_LIMIT, INPUT_LIMIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the last input and multiplies it by a setting.
    struct Echo {
        gain: f32,
        held: f32,
    }

    impl Effect for Echo {
        type Settings = f32;
        fn set(&mut self, settings: &f32, _at_rest: bool) {
            self.gain = *settings;
        }
        fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
            let output = self.held * self.gain;
            self.held = input[0].max(self.held);
            [output, output]
        }
        fn reset(&mut self) {
            self.held = 0.0;
        }
        fn tail(&self) -> u32 {
            3
        }
    }

    /// in  1 0 0 0 0 0        the hold is 3 frames long by its own word,
    /// out 0 1 1 1 0 0        so the fourth silent frame finds it reset and at rest.
    #[test]
    fn rests_after_the_tail() {
        let mut runner = Runner::new(Echo { gain: 1.0, held: 0.0 });
        assert!(runner.is_resting());
        let mut block = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        runner.process(&mut [&mut block]);
        assert_eq!(block, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert!(runner.is_resting());
    }

    /// A setting changed in the tail starts the count of silence again.
    #[test]
    fn new_settings_prolong_the_tail() {
        let mut runner = Runner::new(Echo { gain: 1.0, held: 0.0 });
        runner.set(&1.0);
        let mut first = [1.0, 0.0, 0.0];
        runner.process(&mut [&mut first]);
        runner.set(&0.5);
        let mut second = [0.0; 4];
        runner.process(&mut [&mut second]);
        assert_eq!(second, [0.5, 0.5, 0.5, 0.0]);
    }

    #[test]
    fn input_is_cleaned() {
        assert_eq!([f32::NAN, f32::INFINITY, -1e30, 0.5].map(clean), [0.0, 1000.0, -1000.0, 0.5]);
    }
}
