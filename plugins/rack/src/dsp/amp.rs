//! A guitar amplifier: a biased preamp stage, the Bassman tone stack, a power stage with presence, all at four times the
//! session's rate. Which papers the parts follow is said where they are made: [`super::saturation`],
//! [`super::tone_stack`], [`super::oversampling`]; the order of the stages is that of the 5F6-A.

use super::effect::Effect;
use super::filter::OnePole;
use super::oversampling::{FACTOR, Oversampler};
use super::saturation::SoftClipper;
use super::smooth::{ControlClock, Smooth};
use super::tone_stack::{Controls, ToneStack};
use super::{bounded, gain_of_decibels};

/// Resting point of the preamp stage: enough asymmetry for a second harmonic of a few per cent.
const BIAS: f32 = 0.25;
/// Corner of the coupling capacitor after the biased stage, in hertz.
const COUPLING_FREQUENCY: f32 = 30.0;
/// Corner of the presence shelf, in hertz.
const PRESENCE_FREQUENCY: f32 = 2500.0;
/// The shelf's gain with the control full up, in decibels.
const PRESENCE_DECIBELS: f32 = 12.0;
/// Makes good what the passive tone stack loses with its controls in the middle.
const TONE_STACK_MAKE_UP: f32 = 4.0;
/// The slowest circuit, the bass control's 20 nF into 1 Mohm, is 140 dB down after this time, in seconds.
const SETTLING_SECONDS: f32 = 0.4;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Gain into the preamp stage in decibels, 0 to 48.
    pub drive: f32,
    /// Bass control, 0 to 10.
    pub bass: f32,
    /// Middle control, 0 to 10.
    pub middle: f32,
    /// Treble control, 0 to 10.
    pub treble: f32,
    /// Presence control, 0 to 10.
    pub presence: f32,
    /// Gain into the power stage in decibels, -24 to 24.
    pub master: f32,
    /// Output gain in decibels, -48 to 12.
    pub level: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { drive: 14.0, bass: 5.0, middle: 6.0, treble: 6.0, presence: 4.0, master: 0.0, level: -9.0 }
    }
}

/// The part of the amplifier that exists once a channel.
struct Channel {
    oversampler: Oversampler,
    preamp: SoftClipper,
    coupling: OnePole,
    tone_stack: ToneStack,
    presence: OnePole,
    power: SoftClipper,
}

/// The smoothed gains of one frame.
#[derive(Clone, Copy)]
struct Gains {
    drive: f32,
    presence: f32,
    master: f32,
    level: f32,
}

impl Channel {
    fn tick(&mut self, input: f32, gains: Gains) -> f32 {
        let Self { oversampler, preamp, coupling, tone_stack, presence, power } = self;
        let output = oversampler.tick(input, |sample| {
            let driven = preamp.tick(sample * gains.drive);
            let shaped = tone_stack.tick(coupling.high(driven)) * TONE_STACK_MAKE_UP;
            let bright = shaped + (gains.presence - 1.0) * presence.high(shaped);
            power.tick(bright * gains.master)
        });
        output * gains.level
    }

    fn reset(&mut self) {
        self.oversampler.reset();
        self.preamp.reset();
        self.coupling.reset();
        self.tone_stack.reset();
        self.presence.reset();
        self.power.reset();
    }
}

/// The amplifier on one or two independent channels.
pub struct Amp {
    channels: Box<[Channel]>,
    drive: Smooth,
    bass: Smooth,
    middle: Smooth,
    treble: Smooth,
    presence: Smooth,
    master: Smooth,
    level: Smooth,
    clock: ControlClock,
    settle: u32,
}

impl Amp {
    /// An amplifier for `channels` (1 or 2) at `rate` hertz. Allocates.
    pub fn new(rate: f32, channels: usize) -> Self {
        let high_rate = rate * FACTOR as f32;
        let controls = Controls { bass: 0.5, middle: 0.5, treble: 0.5 };
        let channels = (0..channels)
            .map(|_| {
                let mut channel = Channel {
                    oversampler: Oversampler::new(2 * SoftClipper::TWICE_DELAY / 2),
                    preamp: SoftClipper::new(BIAS),
                    coupling: OnePole::default(),
                    tone_stack: ToneStack::new(f64::from(high_rate), controls),
                    presence: OnePole::default(),
                    power: SoftClipper::new(0.0),
                };
                channel.coupling.set(COUPLING_FREQUENCY, high_rate);
                channel.presence.set(PRESENCE_FREQUENCY, high_rate);
                channel
            })
            .collect();
        let smooth = |value| Smooth::new(rate, value);
        let mut amp = Self {
            channels,
            drive: smooth(1.0),
            bass: smooth(0.5),
            middle: smooth(0.5),
            treble: smooth(0.5),
            presence: smooth(1.0),
            master: smooth(1.0),
            level: smooth(1.0),
            clock: ControlClock::default(),
            settle: (SETTLING_SECONDS * rate) as u32,
        };
        amp.set(&Settings::default(), true);
        amp
    }

    fn turn_controls(&mut self) {
        let controls = Controls {
            bass: f64::from(self.bass.value()),
            middle: f64::from(self.middle.value()),
            treble: f64::from(self.treble.value()),
        };
        for channel in &mut self.channels {
            channel.tone_stack.set(controls);
        }
    }
}

impl Effect for Amp {
    type Settings = Settings;

    fn set(&mut self, settings: &Settings, at_rest: bool) {
        let knob = |value| bounded(value, 0.0, 10.0) / 10.0;
        self.drive.set(gain_of_decibels(bounded(settings.drive, 0.0, 48.0)), at_rest);
        self.bass.set(knob(settings.bass), at_rest);
        self.middle.set(knob(settings.middle), at_rest);
        self.treble.set(knob(settings.treble), at_rest);
        self.presence.set(gain_of_decibels(PRESENCE_DECIBELS * knob(settings.presence)), at_rest);
        self.master.set(gain_of_decibels(bounded(settings.master, -24.0, 24.0)), at_rest);
        self.level.set(gain_of_decibels(bounded(settings.level, -48.0, 12.0)), at_rest);
        if at_rest {
            self.turn_controls();
        }
    }

    fn tick(&mut self, input: [f32; 2]) -> [f32; 2] {
        let tone = [&mut self.bass, &mut self.middle, &mut self.treble];
        let turning = tone.iter().any(|control| !control.is_settled());
        for control in tone {
            control.tick();
        }
        if self.clock.is_due(turning) {
            self.turn_controls();
        }
        let gains = Gains {
            drive: self.drive.tick(),
            presence: self.presence.tick(),
            master: self.master.tick(),
            level: self.level.tick(),
        };
        let mut output = input;
        for (channel, sample) in self.channels.iter_mut().zip(&mut output) {
            *sample = channel.tick(*sample, gains);
        }
        output
    }

    fn reset(&mut self) {
        for smooth in [
            &mut self.drive,
            &mut self.bass,
            &mut self.middle,
            &mut self.treble,
            &mut self.presence,
            &mut self.master,
            &mut self.level,
        ] {
            smooth.finish();
        }
        self.turn_controls();
        self.clock.reset();
        for channel in &mut self.channels {
            channel.reset();
        }
    }

    fn latency(&self) -> u32 {
        self.channels.first().map_or(0, |channel| channel.oversampler.latency())
    }

    fn tail(&self) -> u32 {
        self.latency() + self.settle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn loud() -> Settings {
        Settings { drive: 40.0, bass: 9.0, middle: 1.0, treble: 10.0, presence: 8.0, master: 12.0, level: 0.0 }
    }

    /// A faint impulse stays in the linear range of both stages and passes the tone stack's direct path (treble full
    /// up), so it comes out, largest, exactly when the reported latency says.
    #[test]
    fn latency_is_measured_to_the_sample() {
        let settings = Settings { drive: 0.0, treble: 10.0, presence: 10.0, ..Settings::default() };
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            let amp = Amp::new(rate, 2);
            let latency = amp.latency() as usize;
            let mut input = vec![0.0; 512];
            input[100] = 1e-4;
            let output = render(amp, &[(0, settings.clone())], &input, || 64);
            assert_eq!(peak_index(&output[0]), 100 + latency);
        }
    }

    /// A clean setting adds little; drive adds harmonics, even ones too (the stage is biased).
    #[test]
    fn drive_adds_even_and_odd_harmonics() {
        let input: Vec<f32> =
            (0..9600).map(|i| 0.02 * (std::f32::consts::TAU * 500.0 * i as f32 / RATE).sin()).collect();
        let relative = |drive: f32, harmonic: f32| {
            let output = render(Amp::new(RATE, 2), &[(0, Settings { drive, ..Settings::default() })], &input, || 4096);
            let steady = &output[0][4800..];
            20.0 * (magnitude_at(steady, 500.0 * harmonic, RATE) / magnitude_at(steady, 500.0, RATE)).log10()
        };
        for harmonic in [2.0, 3.0] {
            let (clean, driven) = (relative(0.0, harmonic), relative(30.0, harmonic));
            println!("harmonic {harmonic}: clean {clean:.1} dB, driven {driven:.1} dB");
            assert!(driven > -35.0 && driven > clean + 6.0, "harmonic {harmonic}: {clean} dB, {driven} dB");
        }
    }

    #[test]
    fn same_bits_for_any_partition() {
        assert_partition_independent(|| Amp::new(RATE, 2), Settings::default(), loud());
    }

    #[test]
    fn survives_anything() {
        assert_survives_anything(Amp::new(RATE, 2), loud());
    }

    #[test]
    fn allocates_nothing() {
        assert_real_time_safe(Amp::new(RATE, 2), [Settings::default(), loud()]);
    }
}
