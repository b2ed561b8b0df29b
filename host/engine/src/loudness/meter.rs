//! Loudness of a few channels by EBU R 128 (ITU-R BS.1770 with its gates, EBU Tech 3341 and 3342), as the `ebur128` crate
//! measures it. Bounded in memory and time however long it runs: blocks are counted in bins of 0.1 LU. Pure.

use crate::measurement::decibels;
use crosspoint_graph::ChannelLayout;
use ebur128::{Channel, EbuR128, Mode};

/// What is known of the loudness of a node's output.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loudness {
    /// Over the last 400 ms, in LUFS.
    pub momentary: f64,
    /// Over the last 3 s, in LUFS.
    pub short_term: f64,
    /// Since it was [reset](crate::Engine::reset_loudness), with the gates of BS.1770, in LUFS. Negative infinity while all
    /// was below -70.
    pub integrated: f64,
    /// Loudness range since then, by EBU Tech 3342, in LU.
    pub range: f64,
    /// The greatest momentary loudness since then, looked at ten times a second.
    pub greatest_momentary: f64,
    /// The greatest short-term loudness since then.
    pub greatest_short_term: f64,
    /// The greatest true peak of all channels since then, in dBTP: four times oversampled (twice from 96 kHz on, not at all
    /// from 192 kHz on).
    pub true_peak: f64,
    /// Frames measured since then.
    pub frames: u64,
}

const NOTHING: Loudness = Loudness {
    momentary: f64::NEG_INFINITY,
    short_term: f64::NEG_INFINITY,
    integrated: f64::NEG_INFINITY,
    range: 0.0,
    greatest_momentary: f64::NEG_INFINITY,
    greatest_short_term: f64::NEG_INFINITY,
    true_peak: f64::NEG_INFINITY,
    frames: 0,
};

/// Measures.
pub struct Meter {
    state: EbuR128,
    /// Frames from one look at the maxima to the next, and until the next.
    hop: usize,
    until_look: usize,
    reading: Loudness,
}

impl Meter {
    /// For channels of a layout; none if their number or the rate, in Hz, is beyond what can be measured.
    pub fn new(layout: ChannelLayout, rate: u32) -> Option<Self> {
        let mode = Mode::M | Mode::S | Mode::I | Mode::LRA | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        let channels = layout.channels();
        let mut state = EbuR128::new(channels, rate, mode).ok()?;
        if !matches!(layout, ChannelLayout::Surround(5 | 6)) {
            // They count alike. In a surround layout the rear ones weigh more, and those of low frequencies nothing.
            state.set_channel_map(&vec![Channel::Left; channels as usize]).ok()?;
        }
        let hop = (rate / 10).max(1) as usize;
        Some(Self { state, hop, until_look: hop, reading: NOTHING })
    }

    /// Takes samples in, as many of each channel. Says whether there is a new reading.
    pub fn take(&mut self, channels: &[&[f32]]) -> bool {
        let frames = channels.iter().map(|channel| channel.len()).min().unwrap_or(0);
        let (mut at, mut is_new) = (0, false);
        while at < frames {
            let end = frames.min(at + self.until_look);
            let piece: Vec<&[f32]> = channels.iter().map(|channel| &channel[at..end]).collect();
            if self.state.add_frames_planar_f32(&piece).is_err() {
                return is_new;
            }
            self.reading.frames += (end - at) as u64;
            self.until_look -= end - at;
            at = end;
            if self.until_look == 0 {
                self.until_look = self.hop;
                self.look();
                is_new = true;
            }
        }
        is_new
    }

    fn look(&mut self) {
        let known = |value: Result<f64, _>| value.unwrap_or(f64::NEG_INFINITY);
        let momentary = known(self.state.loudness_momentary());
        let short_term = known(self.state.loudness_shortterm());
        let peaks = (0..self.state.channels()).filter_map(|channel| self.state.true_peak(channel).ok());
        self.reading = Loudness {
            momentary,
            short_term,
            integrated: known(self.state.loudness_global()),
            range: self.state.loudness_range().unwrap_or(0.0),
            greatest_momentary: self.reading.greatest_momentary.max(momentary),
            greatest_short_term: self.reading.greatest_short_term.max(short_term),
            true_peak: decibels(peaks.fold(0.0, f64::max)),
            frames: self.reading.frames,
        };
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.state.reset();
        (self.reading, self.until_look) = (NOTHING, self.hop);
    }

    pub fn reading(&self) -> Loudness {
        self.reading
    }
}

/// Signals of EBU Tech 3341 (2016), table 1, and what is to be read of them: within 0.1 LU; true peaks within +0.2 and
/// -0.4 dB, as the table says.
#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// Sines of 1 kHz at levels in dBFS for so many seconds, one after the other, in all channels alike.
    fn steps(layout: ChannelLayout, rate: u32, steps: &[(f64, f64)]) -> Vec<Loudness> {
        let mut meter = Meter::new(layout, rate).unwrap();
        let mut readings = Vec::new();
        let mut frame = 0_u64;
        for &(level, seconds) in steps {
            let samples: Vec<f32> = (0..(seconds * f64::from(rate)).round() as u64)
                .map(|at| sine(1000.0 / f64::from(rate) * (frame + at) as f64, level))
                .collect();
            frame += samples.len() as u64;
            // Pieces of no special length.
            for piece in samples.chunks(777) {
                let channels = vec![piece; layout.channels() as usize];
                if meter.take(&channels) {
                    readings.push(meter.reading());
                }
            }
        }
        assert_eq!(readings.len() as u64, frame / u64::from(rate / 10));
        readings
    }

    fn sine(turns: f64, level: f64) -> f32 {
        (10f64.powf(level / 20.0) * (std::f64::consts::TAU * turns).sin()) as f32
    }

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 0.1
    }

    const STEREO: ChannelLayout = ChannelLayout::Stereo;

    // Cases 1 and 2, at all the usual rates.
    #[test]
    fn a_steady_tone_is_as_loud_as_it_is() {
        for rate in [44_100, RATE, 96_000] {
            for level in [-23.0, -33.0] {
                let last = *steps(STEREO, rate, &[(level, 20.0)]).last().unwrap();
                for value in [last.momentary, last.short_term, last.integrated, last.greatest_momentary] {
                    assert!(near(value, level), "{rate} {level}: {last:?}");
                }
                assert!(last.range < 0.1 && near(last.true_peak, level), "{last:?}");
            }
        }
    }

    // Cases 3, 4 and 5: what is quieter than the gates does not count.
    #[test]
    fn gates_leave_out_what_is_quiet() {
        let third = steps(STEREO, RATE, &[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)]);
        let fourth = steps(STEREO, RATE, &[(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)]);
        let fifth = steps(STEREO, RATE, &[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)]);
        for readings in [third, fourth, fifth] {
            assert!(near(readings.last().unwrap().integrated, -23.0), "{:?}", readings.last());
        }
    }

    // Case 6: five channels, the rear ones weigh 1.5 dB more.
    #[test]
    fn surround_channels_have_their_weights() {
        let mut meter = Meter::new(ChannelLayout::Surround(5), RATE).unwrap();
        let tone = |level: f64| (0..20 * RATE).map(|at| sine(f64::from(at) / 48.0, level)).collect::<Vec<f32>>();
        let (front, centre, rear) = (tone(-28.0), tone(-24.0), tone(-30.0));
        meter.take(&[&front, &front, &centre, &rear, &rear]);
        assert!(near(meter.reading().integrated, -23.0), "{:?}", meter.reading());
    }

    // Cases 9 and 12: steady where the window holds a whole period of the change.
    #[test]
    fn windows_are_three_seconds_and_four_tenths() {
        let ninth = steps(STEREO, RATE, &[(-20.0, 1.34), (-30.0, 1.66)].repeat(5));
        assert!(ninth[30..].iter().all(|reading| near(reading.short_term, -23.0)), "{ninth:?}");
        let twelfth = steps(STEREO, RATE, &[(-20.0, 0.18), (-30.0, 0.22)].repeat(25));
        assert!(twelfth[10..].iter().all(|reading| near(reading.momentary, -23.0)), "{twelfth:?}");
    }

    // Cases 15 to 19: peaks between the samples.
    #[test]
    fn true_peaks_lie_between_the_samples() {
        let cases = [
            (4.0, 0.0, 0.5, -6.0),
            (4.0, 45.0, 0.5, -6.0),
            (6.0, 60.0, 0.5, -6.0),
            (8.0, 67.5, 0.5, -6.0),
            (4.0, 45.0, 1.41, 3.0),
        ];
        for (period, degrees, amplitude, expected) in cases {
            let mut meter = Meter::new(STEREO, RATE).unwrap();
            let level = 20.0 * f64::log10(amplitude);
            // Faded in: where it begins at once, more peaks than the tone's lie between the samples.
            let fade = |at: u32| (at as f32 / 4800.0).min(1.0);
            let tone: Vec<f32> =
                (0..RATE).map(|at| fade(at) * sine(f64::from(at) / period + degrees / 360.0, level)).collect();
            meter.take(&[&tone, &tone]);
            let found = meter.reading().true_peak;
            assert!((-0.4..=0.2).contains(&(found - expected)), "1/{period} at {degrees}: {found}");
        }
    }

    /// Tech 3342, case 1: -20 and -30 LUFS for 20 s each are a range of 10 LU, within 1; a reset forgets it.
    #[test]
    fn a_range_is_measured_and_forgotten() {
        let last = *steps(STEREO, RATE, &[(-20.0, 20.0), (-30.0, 20.0)]).last().unwrap();
        assert!((last.range - 10.0).abs() < 1.0, "{last:?}");
        let mut meter = Meter::new(ChannelLayout::Mono, RATE).unwrap();
        meter.take(&[&[0.9; 48_000]]);
        assert!(meter.reading().true_peak > -3.0);
        meter.reset();
        assert_eq!(meter.reading(), NOTHING);
        meter.take(&[&[0.0; 48_000]]);
        assert_eq!(meter.reading(), Loudness { frames: 48_000, ..NOTHING });
    }
}
