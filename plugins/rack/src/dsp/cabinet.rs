//! A loudspeaker cabinet: convolution with an impulse response ([`super::convolution`], no latency), followed by low
//! and high cut. A new response is cross-faded in; the old one is handed back, since it must not be freed here.

use super::convolution::Convolver;
use super::effect::Effect;
use super::filter::StateVariable;
use super::impulse::Response;
use super::smooth::{ControlClock, Smooth};
use super::{bounded, gain_of_decibels};

/// Time over which a new response replaces the old one, in seconds.
const FADE_SECONDS: f32 = 0.05;
/// After this time the 20 Hz cut has settled by 140 dB, in seconds.
const FILTER_SECONDS: f32 = 0.25;
/// At or below this frequency the low cut is off, in hertz.
pub const LOW_CUT_OFF: f32 = 20.0;
/// At or above this frequency the high cut is off, in hertz.
pub const HIGH_CUT_OFF: f32 = 20_000.0;
/// Both cuts are Butterworth filters.
const QUALITY: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Corner of the low cut in hertz, 20 (off) to 500.
    pub low_cut: f32,
    /// Corner of the high cut in hertz, 2,000 to 20,000 (off).
    pub high_cut: f32,
    /// Share of the cabinet in the output, 0 to 1.
    pub mix: f32,
    /// Output gain in decibels, -48 to 12.
    pub level: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { low_cut: 60.0, high_cut: 9000.0, mix: 1.0, level: 0.0 }
    }
}

/// One impulse response made ready for one or two channels. Made off the audio thread.
pub struct Bank {
    convolvers: Box<[Convolver]>,
    frames: u32,
}

impl Bank {
    /// Prepares `response` for `channels` (1 or 2). Allocates.
    pub fn new(response: &Response, channels: usize) -> Self {
        Self {
            convolvers: (0..channels).map(|channel| Convolver::new(response.channel(channel))).collect(),
            frames: response.frames() as u32,
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let mut output = [0.0; 2];
        for ((convolver, output), input) in self.convolvers.iter_mut().zip(&mut output).zip(input) {
            *output = convolver.tick(input);
        }
        output
    }

    fn reset(&mut self) {
        self.convolvers.iter_mut().for_each(Convolver::reset);
    }
}

/// The cabinet.
pub struct Cabinet {
    rate: f32,
    bank: Box<Bank>,
    previous: Option<Box<Bank>>,
    fade: u32,
    fade_length: u32,
    low_cuts: [StateVariable; 2],
    high_cuts: [StateVariable; 2],
    /// Corner frequencies as logarithms to base two of hertz.
    low_cut: Smooth,
    high_cut: Smooth,
    mix: Smooth,
    level: Smooth,
    clock: ControlClock,
}

impl Cabinet {
    /// A cabinet at `rate` hertz. Allocates.
    pub fn new(rate: f32, bank: Box<Bank>) -> Self {
        let smooth = |value: f32| Smooth::new(rate, value);
        let mut cabinet = Self {
            rate,
            bank,
            previous: None,
            fade: 0,
            fade_length: ((FADE_SECONDS * rate) as u32).max(1),
            low_cuts: Default::default(),
            high_cuts: Default::default(),
            low_cut: smooth(1.0),
            high_cut: smooth(1.0),
            mix: smooth(1.0),
            level: smooth(1.0),
            clock: ControlClock::default(),
        };
        cabinet.set(&Settings::default(), true);
        cabinet
    }

    /// Whether [`Self::replace`] would take effect: the last replaced response has been taken away.
    pub fn accepts_replacement(&self) -> bool {
        self.previous.is_none()
    }

    /// Cross-fades to a new response, or takes it at once where nothing sounds. Only while
    /// [`Self::accepts_replacement`]: the old one is kept until [`Self::take_retired`] fetches it.
    pub fn replace(&mut self, bank: Box<Bank>, at_rest: bool) {
        self.previous = Some(std::mem::replace(&mut self.bank, bank));
        self.fade = if at_rest { 0 } else { self.fade_length };
    }

    /// The response that is no longer in use, to be freed elsewhere.
    pub fn take_retired(&mut self) -> Option<Box<Bank>> {
        if self.fade == 0 { self.previous.take() } else { None }
    }

    fn tune(&mut self) {
        for filter in &mut self.low_cuts {
            filter.set(self.low_cut.value().exp2(), QUALITY, self.rate);
        }
        for filter in &mut self.high_cuts {
            filter.set(self.high_cut.value().exp2(), QUALITY, self.rate);
        }
    }

    fn convolve(&mut self, input: [f32; 2]) -> [f32; 2] {
        let output = self.bank.tick(input);
        match &mut self.previous {
            Some(previous) if self.fade > 0 => {
                self.fade -= 1;
                let old = previous.tick(input);
                let share = self.fade as f32 / self.fade_length as f32;
                [0, 1].map(|i| output[i] + (old[i] - output[i]) * share)
            }
            _ => output,
        }
    }
}

impl Effect for Cabinet {
    type Settings = Settings;

    fn set(&mut self, settings: &Settings, at_rest: bool) {
        self.low_cut.set(bounded(settings.low_cut, LOW_CUT_OFF, 500.0).log2(), at_rest);
        self.high_cut.set(bounded(settings.high_cut, 2000.0, HIGH_CUT_OFF).log2(), at_rest);
        self.mix.set(bounded(settings.mix, 0.0, 1.0), at_rest);
        self.level.set(gain_of_decibels(bounded(settings.level, -48.0, 12.0)), at_rest);
        if at_rest {
            self.tune();
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let moving = !self.low_cut.is_settled() || !self.high_cut.is_settled();
        let low_cut_on = self.low_cut.tick() > LOW_CUT_OFF.log2();
        let high_cut_on = self.high_cut.tick() < HIGH_CUT_OFF.log2();
        if self.clock.is_due(moving) {
            self.tune();
        }
        let (mix, level) = (self.mix.tick(), self.level.tick());
        let mut output = self.convolve(input);
        for (channel, wet) in output.iter_mut().enumerate() {
            // The filters always run, so that switching one on finds it in tune.
            let (_, cut) = self.low_cuts[channel].tick(*wet);
            let low = if low_cut_on { cut } else { *wet };
            let (cut, _) = self.high_cuts[channel].tick(low);
            let filtered = if high_cut_on { cut } else { low };
            *wet = (input[channel] + (filtered - input[channel]) * mix) * level;
        }
        output
    }

    fn reset(&mut self) {
        self.fade = 0;
        self.bank.reset();
        for filter in self.low_cuts.iter_mut().chain(&mut self.high_cuts) {
            filter.reset();
        }
        for smooth in [&mut self.low_cut, &mut self.high_cut, &mut self.mix, &mut self.level] {
            smooth.finish();
        }
        self.tune();
        self.clock.reset();
    }

    fn tail(&self) -> u32 {
        let previous = self.previous.as_ref().map_or(0, |bank| bank.frames);
        self.bank.frames.max(previous) + (FILTER_SECONDS * self.rate) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::effect::Runner;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn bank() -> Box<Bank> {
        Box::new(Bank::new(&Response::built_in(f64::from(RATE)), 2))
    }

    fn plain() -> Settings {
        Settings { low_cut: LOW_CUT_OFF, high_cut: HIGH_CUT_OFF, mix: 1.0, level: 0.0 }
    }

    /// With both cuts off, what comes out for an impulse is the response itself, from the first frame: no latency.
    #[test]
    fn impulse_gives_the_response() {
        let response = Response::built_in(f64::from(RATE));
        let mut input = vec![0.0; 4000];
        input[0] = 1.0;
        let output = render(Cabinet::new(RATE, bank()), &[(0, plain())], &input, || 100);
        let worst = output[0].iter().zip(response.channel(0)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{worst}");
    }

    /// Replacing a response under a tone makes no step larger than the tone's own, and the old one comes back.
    #[test]
    fn replacing_does_not_click() {
        let mut runner = Runner::new(Cabinet::new(RATE, bank()));
        runner.set(&plain());
        let mut block: Vec<f32> = (0..19_200).map(|i| (0.02 * i as f32).sin()).collect();
        let (before, after) = block.split_at_mut(9600);
        runner.process(&mut [before]);
        let other = Box::new(Bank::new(&Response::from_samples(vec![0.8, -0.1]), 2));
        runner.effect_mut().replace(other, false);
        assert!(runner.effect_mut().take_retired().is_none());
        assert!(!runner.effect().accepts_replacement());
        runner.process(&mut [after]);
        assert!(runner.effect_mut().take_retired().is_some());
        let step = |x: &[f32]| x.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        let usual = step(&block[4800..9600]).max(step(&block[14_400..]));
        assert!(step(&block[9500..14_400]) < 1.5 * usual);
    }

    #[test]
    fn same_bits_for_any_partition() {
        let other = Settings { low_cut: 200.0, high_cut: 3000.0, mix: 0.5, level: -6.0 };
        assert_partition_independent(|| Cabinet::new(RATE, bank()), Settings::default(), other);
    }

    #[test]
    fn survives_anything() {
        assert_survives_anything(Cabinet::new(RATE, bank()), Settings::default());
    }

    #[test]
    fn allocates_nothing() {
        assert_real_time_safe(Cabinet::new(RATE, bank()), [Settings::default(), plain()]);
    }
}
