//! An electric guitar made of numbers: six digital waveguide strings play a short phrase, so that the demonstration has
//! something worth hearing without a file or an instrument. It never reads a clock, a file or a device: the same sample
//! rate always gives the same samples.
//!
//! Each string is one delay loop (a travelling wave that meets itself after one period) that holds velocity waves:
//! - loop, pick position, pick stiffness and dynamics: Jaffe and Smith, "Extensions of the Karplus-Strong Plucked-String
//!   Algorithm", Computer Music Journal 7(2), 1983;
//! - the loss filter, fractional delay by Lagrange interpolation and two planes of vibration: Välimäki, Huopaniemi,
//!   Karjalainen and Jánosy, "Physical Modeling of Plucked String Instruments with Application to Real-Time Sound
//!   Synthesis", J. Audio Eng. Soc. 44(5), 1996;
//! - pick and pickup as combs at their place along the string: Smith, "Physical Audio Signal Processing", 2010.

use std::f64::consts::{PI, TAU};
use std::ops::RangeInclusive;

/// Sample rates in Hz for which there is a phrase.
pub const RATES: RangeInclusive<u32> = 8_000..=768_000;

/// Greatest absolute value of what the strings play: -6 dBFS.
const PEAK: f64 = 0.5;
/// One column of the score: a sixteenth note at 108 beats a minute, in seconds.
const COLUMN_S: f64 = 60.0 / 108.0 / 4.0;
/// From the last column to the end of the phrase, in seconds: long enough for a noise gate to close.
const SILENCE_S: f64 = 1.15;
/// The pick crosses the strings of a chord from low to high, this many seconds apart.
const STRUM_S: f64 = 0.011;
/// From the nut to the bridge is 1; the pick meets the string this far from the bridge.
const PICK_PLACE: f64 = 0.13;
/// The pickup's place, in the same measure.
const PICKUP_PLACE: f64 = 0.092;

/// The phrase: a muted riff, an arpeggio, a bent lead and a last chord. One line a string, from the highest; one word a
/// column:
///
/// | word | meaning |
/// | --- | --- |
/// | `.` | nothing new: what rings goes on |
/// | `-` | the hand stops the string |
/// | `7` | the pick strikes fret 7 |
/// | `7m` `7!` | with the palm on the bridge; with force |
/// | `7h` `7/` | a finger hammers on or pulls off to fret 7; slides to it (no pick) |
/// | `7b` `7~` | struck, then bent up a whole tone; struck, with vibrato once it has settled |
const SCORE: &str = "
    | .   .  .  .  .  .  .  .  .  .  .  .  .  .  .  . | . . . . 0 . . - . . . . 2 . . . | -  . .  . .  .  .  .  .   .  .  .  .  .  .  . | 0! . . . . . . . . . . . . . . -
    | .   .  .  .  .  .  .  .  .  .  .  .  .  .  .  . | . . . 3 . 3 . . - . . 3 . 3 . . | -  . .  . 8  5h -  .  8b~! .  .  .  .  .  5h - | 0! . . . . . . . . . . . . . . -
    | .   .  .  .  .  .  .  .  .  .  .  .  .  .  .  . | . . 0 . . . 0 . . . 2 . . . 2 . | 7b~! . . . -  .  7  9/ -  .  .  .  .  .  .  . | 0! . . . . . . . . . . . . . . -
    | .   .  .  .  .  .  .  .  .  .  .  .  .  .  .  . | . 2 . . . . . 2 - 0 . . . . . 0 | -  . .  . .  .  .  .  .   .  .  .  .  .  .  . | 2! . . . . . . . . . . . . . . -
    | 2!  .  -  .  .  .  5! .  -  .  7! .  5! -  .  . | 3 . . . . . . . - . . . . . . . | .  . .  . .  .  .  .  .   .  .  .  .  .  .  . | 2! . . . . . . . . . . . . . . -
    | 0!  .  0m 0m 0m .  3! .  0m 0m 5! .  3! .  0m - | . . . . . . . . 2 . . . . . . . | -  . .  . .  .  .  .  .   .  .  .  .  .  .  . | 0! . . . . . . . . . . . . . . -
";

/// The guitar phrase, mono, about ten seconds at `sample_rate` Hz, peaking at -6 dBFS over a floor of hum and hiss near
/// -64 dBFS RMS. Empty for a rate outside [`RATES`].
pub fn phrase(sample_rate: u32) -> Vec<f32> {
    if !RATES.contains(&sample_rate) {
        return Vec::new();
    }
    let mut sound = play(SCORE, SILENCE_S, f64::from(sample_rate));
    let peak = sound.iter().fold(f64::MIN_POSITIVE, |peak, x| peak.max(x.abs()));
    let mut floor = Floor::new(f64::from(sample_rate));
    for sample in &mut sound {
        *sample = *sample * (PEAK / peak) + floor.next();
    }
    sound.iter().map(|&x| x as f32).collect()
}

/// Plays a score in the notation of [`SCORE`], then rests for `rest_s` seconds; unscaled, without the noise floor.
fn play(score: &str, rest_s: f64, rate: f64) -> Vec<f64> {
    let lines = || score.lines().map(words).filter(|words| !words.is_empty());
    let columns = lines().map(|words| words.len()).max().unwrap_or(0);
    let mut sum = vec![0.0; ((columns as f64 * COLUMN_S + rest_s) * rate) as usize];
    for (index, (line, kind)) in lines().zip(&STRINGS).enumerate() {
        let strum = (STRINGS.len() - 1 - index) as f64 * STRUM_S;
        let mut string = GuitarString::new(kind, rate, index as u64);
        let mut touches = line.iter().enumerate().filter_map(|(column, word)| {
            let frame = (column as f64 * COLUMN_S + strum) * rate;
            Touch::parse(word).map(|touch| (frame as usize, touch))
        });
        let mut next = touches.next();
        for (frame, sample) in sum.iter_mut().enumerate() {
            while let Some((_, touch)) = next.filter(|(at, _)| *at <= frame) {
                string.touch(touch);
                next = touches.next();
            }
            *sample += string.next();
        }
    }
    Pickup::new(rate).filter(&mut sum);
    sum
}

/// The words of one line of a score, bar lines left out.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().filter(|word| *word != "|").collect()
}

/// What the player does to a string at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Touch {
    /// The pick strikes.
    Strike { fret: f64, force: f64, muted: bool, bend: f64, vibrato: bool },
    /// A finger changes the note that rings, without the pick, over so many seconds.
    Finger { fret: f64, glide_s: f64 },
    /// The hand stops the string.
    Stop,
}

impl Touch {
    /// Reads one word of a score; `None` where nothing happens (or the word means nothing).
    fn parse(word: &str) -> Option<Self> {
        if word == "-" {
            return Some(Self::Stop);
        }
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (fret, marks) = word.split_at(digits);
        let fret: f64 = fret.parse().ok()?;
        let has = |mark| marks.contains(mark);
        Some(if has('h') {
            Self::Finger { fret, glide_s: 0.004 }
        } else if has('/') {
            Self::Finger { fret, glide_s: 0.07 }
        } else {
            let force = if has('!') { 1.0 } else { 0.7 };
            Self::Strike { fret, force, muted: has('m'), bend: if has('b') { 2.0 } else { 0.0 }, vibrato: has('~') }
        })
    }
}

/// How one of the six strings is tuned and how long it rings.
struct StringKind {
    /// Open pitch in Hz (equal temperament, A4 = 440 Hz).
    open: f64,
    /// Time to fall by 60 dB, in seconds, of the fundamental.
    sustain_s: f64,
    /// The same near [`BRIGHT_HZ`].
    bright_s: f64,
}

/// Where `bright_s` holds, in Hz.
const BRIGHT_HZ: f64 = 4_000.0;

/// Standard tuning, from the highest string as in a score; the wound ones (the last three) are duller.
const STRINGS: [StringKind; 6] = [
    StringKind { open: 329.627_557, sustain_s: 8.0, bright_s: 1.5 },
    StringKind { open: 246.941_651, sustain_s: 8.0, bright_s: 1.5 },
    StringKind { open: 195.997_718, sustain_s: 8.5, bright_s: 1.3 },
    StringKind { open: 146.832_384, sustain_s: 9.0, bright_s: 1.0 },
    StringKind { open: 110.0, sustain_s: 10.0, bright_s: 0.9 },
    StringKind { open: 82.406_889, sustain_s: 10.0, bright_s: 0.8 },
];

/// What rests on the string, and so how fast it falls silent.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    Free,
    Palm,
    Hand,
}

/// One string, its player's fingers included.
struct GuitarString {
    kind: &'static StringKind,
    rate: f64,
    fret: Glide,
    bend: Glide,
    /// Vibrato depth in semitones.
    vibrato: Glide,
    /// Frames since the last strike.
    age: usize,
    hold: Hold,
    /// What the pick puts in after a strike, and how much of it is in already.
    excitation: Vec<f64>,
    excited: usize,
    /// Vibration across the body and along it: the second a trace sharper and shorter, so that the two beat.
    planes: [Plane; 2],
    /// (semitones, hold) that the planes are tuned to.
    tuned: Option<(f64, Hold)>,
    noise: Noise,
}

impl GuitarString {
    fn new(kind: &'static StringKind, rate: f64, seed: u64) -> Self {
        Self {
            kind,
            rate,
            fret: Glide::at(0.0),
            bend: Glide::at(0.0),
            vibrato: Glide::at(0.0),
            age: 0,
            hold: Hold::Hand,
            excitation: Vec::new(),
            excited: 0,
            planes: [Plane::new(kind.open, rate), Plane::new(kind.open, rate)],
            tuned: None,
            noise: Noise::new(seed),
        }
    }

    /// Takes what the player does from the next sample on.
    fn touch(&mut self, touch: Touch) {
        let frames = |seconds: f64| (seconds * self.rate) as usize;
        match touch {
            Touch::Strike { fret, force, muted, bend, vibrato } => {
                self.fret = Glide::at(fret);
                self.bend = Glide { from: 0.0, to: bend, wait: frames(0.05), length: frames(0.16), age: 0 };
                let depth = if vibrato { 0.3 } else { 0.0 };
                self.vibrato = Glide { from: 0.0, to: depth, wait: frames(0.26), length: frames(0.2), age: 0 };
                self.age = 0;
                self.hold = if muted { Hold::Palm } else { Hold::Free };
                self.pick(force);
            }
            Touch::Finger { fret, glide_s } => {
                let (from, bend) = (self.fret.value(), self.bend.value());
                self.fret = Glide { from, to: fret, wait: 0, length: frames(glide_s), age: 0 };
                self.bend = Glide { from: bend, to: 0.0, wait: 0, length: frames(glide_s), age: 0 };
                self.vibrato = Glide::at(0.0);
            }
            Touch::Stop => self.hold = Hold::Hand,
        }
    }

    /// Prepares what a strike of `force` (0..1) puts into the string: a plucked string let go is a velocity step that
    /// runs into its own opposite one pick position later, softened by the pick and by the force, with some scraping.
    fn pick(&mut self, force: f64) {
        let open = self.rate / self.kind.open;
        let period = open * (-self.fret.value() / 12.0).exp2();
        let step = (PICK_PLACE * open).min(0.5 * period);
        let scrape = 0.0015 * self.rate;
        self.excitation = (0..period as usize)
            .map(|n| {
                let n = n as f64;
                let pluck = (step - n).clamp(0.0, 1.0) - step / period;
                force * (pluck + 0.25 * self.noise.next() * (-n / scrape).exp())
            })
            .collect();
        let stiffness = 5_500.0;
        let dynamics = 1_200.0 + 6_800.0 * force * force;
        for cutoff in [stiffness, dynamics] {
            let mut lowpass = OnePole::lowpass(cutoff, self.rate);
            for sample in &mut self.excitation {
                *sample = lowpass.next(*sample);
            }
        }
        self.excited = 0;
    }

    /// Semitones above the open string, now.
    fn semitones(&self) -> f64 {
        let depth = self.vibrato.value();
        let swing = if depth == 0.0 { 0.0 } else { depth * (TAU * 5.6 * self.age as f64 / self.rate).sin() };
        self.fret.value() + self.bend.value() + swing
    }

    fn tune(&mut self, semitones: f64) {
        let pitch = self.kind.open * (semitones / 12.0).exp2();
        let (sustain, bright) = match self.hold {
            Hold::Free => (self.kind.sustain_s, self.kind.bright_s),
            Hold::Palm => (0.35, 0.06),
            Hold::Hand => (0.09, 0.05),
        };
        for (plane, (detune, shorten)) in self.planes.iter_mut().zip([(1.0, 1.0), (1.0003, 0.45)]) {
            plane.tune(pitch * detune, shorten * sustain, shorten * bright, self.rate);
        }
    }

    /// The voltage this string adds at the pickup.
    fn next(&mut self) -> f64 {
        let semitones = self.semitones();
        if self.tuned != Some((semitones, self.hold)) {
            self.tune(semitones);
            self.tuned = Some((semitones, self.hold));
        }
        let excitation = self.excitation.get(self.excited).copied();
        self.excited += 1;
        self.age += 1;
        for glide in [&mut self.fret, &mut self.bend, &mut self.vibrato] {
            glide.age += 1;
        }
        // The pick stops most of what rang before it lets go.
        let keep = if excitation.is_some() { 0.15 } else { 1.0 };
        let [across, along] = &mut self.planes;
        let excitation = excitation.unwrap_or(0.0);
        across.next(0.75 * excitation, keep) + along.next(0.25 * excitation, keep)
    }
}

/// A value on its way from one to another, slow at both ends.
struct Glide {
    from: f64,
    to: f64,
    /// Frames before it starts to move, and while it moves.
    wait: usize,
    length: usize,
    age: usize,
}

impl Glide {
    fn at(value: f64) -> Self {
        Self { from: value, to: value, wait: 0, length: 0, age: 0 }
    }

    fn value(&self) -> f64 {
        let moved = self.age.saturating_sub(self.wait);
        if moved >= self.length {
            return if self.age >= self.wait { self.to } else { self.from };
        }
        let x = moved as f64 / self.length as f64;
        self.from + (self.to - self.from) * x * x * (3.0 - 2.0 * x)
    }
}

/// One plane of a string's vibration: a delay loop of one period with its losses, heard through the pickup.
struct Plane {
    /// What travelled past in the last frames; its length is a power of two.
    line: Vec<f64>,
    /// Frames written so far.
    written: usize,
    loss: OnePole,
    /// Delay of the line's part of the loop, in frames.
    delay: f64,
    /// Delay until the wave comes back past the pickup, upside down, from the bridge, in frames.
    pickup: f64,
}

impl Plane {
    fn new(open: f64, rate: f64) -> Self {
        let period = rate / open;
        let line = vec![0.0; (period as usize + 8).next_power_of_two()];
        let pickup = (PICKUP_PLACE * period).max(SHORTEST_DELAY);
        Self { line, written: 0, loss: OnePole::new(0.0, 0.0), delay: SHORTEST_DELAY, pickup }
    }

    /// Tunes the loop to `pitch` Hz, to fall by 60 dB in `sustain` seconds at the bottom of the spectrum and in
    /// `bright` seconds at [`BRIGHT_HZ`].
    fn tune(&mut self, pitch: f64, sustain: f64, bright: f64, rate: f64) {
        // The gain of one trip round the loop, for a time to fall by 60 dB.
        let gain = |seconds: f64| 10_f64.powf(-3.0 / (pitch * seconds));
        let angle = (TAU * BRIGHT_HZ / rate).min(PI);
        self.loss.set(gain(sustain), pole_for(gain(bright) / gain(sustain), angle));
        self.delay = (rate / pitch - self.loss.phase_delay(TAU * pitch / rate)).max(SHORTEST_DELAY);
    }

    fn next(&mut self, excitation: f64, keep: f64) -> f64 {
        let velocity = excitation + keep * self.loss.next(self.read(self.delay));
        let heard = velocity - self.read(self.pickup);
        let mask = self.line.len() - 1;
        self.line[self.written & mask] = velocity;
        self.written = self.written.wrapping_add(1);
        heard
    }

    /// What was written `delay` frames ago, between frames by Lagrange interpolation of third order.
    fn read(&self, delay: f64) -> f64 {
        let mask = self.line.len() - 1;
        let nearest = delay as usize - 1;
        let tap = |k: usize| self.line[self.written.wrapping_sub(nearest + k) & mask];
        let d = delay - nearest as f64;
        let (d1, d2, d3) = (d - 1.0, d - 2.0, d - 3.0);
        tap(0) * (-d1 * d2 * d3 / 6.0) + tap(1) * (d * d2 * d3 / 2.0) - tap(2) * (d * d1 * d3 / 2.0)
            + tap(3) * (d * d1 * d2 / 6.0)
    }
}

/// The shortest delay, in frames, that [`Plane::read`] can interpolate.
const SHORTEST_DELAY: f64 = 2.0;

/// The pole of a one-pole lowpass whose gain at `angle` (radians a frame) is `ratio` times its gain at 0.
fn pole_for(ratio: f64, angle: f64) -> f64 {
    let r = ratio * ratio;
    let (a, b) = (1.0 - r, 1.0 - r * angle.cos());
    if a < 1e-12 { 0.0 } else { (b - (b * b - a * a).max(0.0).sqrt()) / a }
}

/// `gain (1 - pole) / (1 - pole z^-1)`: a lowpass with `gain` at 0 Hz.
struct OnePole {
    gain: f64,
    pole: f64,
    state: f64,
}

impl OnePole {
    fn new(gain: f64, pole: f64) -> Self {
        Self { gain, pole, state: 0.0 }
    }

    fn lowpass(cutoff: f64, rate: f64) -> Self {
        Self::new(1.0, (-TAU * cutoff / rate).exp())
    }

    fn set(&mut self, gain: f64, pole: f64) {
        (self.gain, self.pole) = (gain, pole);
    }

    fn next(&mut self, x: f64) -> f64 {
        self.state = self.gain * (1.0 - self.pole) * x + self.pole * self.state;
        self.state
    }

    /// Phase delay in frames at `angle` radians a frame.
    fn phase_delay(&self, angle: f64) -> f64 {
        (self.pole * angle.sin()).atan2(1.0 - self.pole * angle.cos()) / angle
    }
}

/// The pickup's coil with its cable: a resonant lowpass (Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter
/// coefficients").
struct Pickup {
    feedforward: [f64; 3],
    feedback: [f64; 2],
}

impl Pickup {
    fn new(rate: f64) -> Self {
        let (resonance, quality) = (3_600.0_f64.min(0.45 * rate), 1.5);
        let angle = TAU * resonance / rate;
        let alpha = angle.sin() / (2.0 * quality);
        let scale = 1.0 / (1.0 + alpha);
        let b = (1.0 - angle.cos()) * scale;
        Self { feedforward: [b / 2.0, b, b / 2.0], feedback: [-2.0 * angle.cos() * scale, (1.0 - alpha) * scale] }
    }

    fn filter(&self, sound: &mut [f64]) {
        let ([b0, b1, b2], [a1, a2]) = (self.feedforward, self.feedback);
        let (mut s1, mut s2) = (0.0, 0.0);
        for sample in sound {
            let x = *sample;
            let y = b0 * x + s1;
            (s1, s2) = (b1 * x - a1 * y + s2, b2 * x - a2 * y);
            *sample = y;
        }
    }
}

/// What a pickup hears when nobody plays: mains hum with its harmonics, and hiss.
struct Floor {
    noise: Noise,
    rate: f64,
    frame: usize,
}

impl Floor {
    fn new(rate: f64) -> Self {
        Self { noise: Noise::new(99), rate, frame: 0 }
    }

    fn next(&mut self) -> f64 {
        let mains = TAU * 50.0 * self.frame as f64 / self.rate;
        self.frame += 1;
        let hum: f64 = [(1.0, 5.0e-4), (2.0, 2.0e-4), (3.0, 3.5e-4), (5.0, 2.0e-4), (7.0, 1.0e-4), (9.0, 6.0e-5)]
            .iter()
            .map(|(harmonic, level)| level * (harmonic * mains).sin())
            .sum();
        hum + 7.0e-4 * self.noise.next()
    }
}

/// White noise in -1..1, by a 64-bit xorshift generator (Marsaglia, "Xorshift RNGs", J. Statistical Software 8(14), 2003).
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use realfft::RealFftPlanner;

    const RATES_TRIED: [u32; 3] = [44_100, 48_000, 96_000];

    fn rms_db(sound: &[f32]) -> f64 {
        let power = sound.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / sound.len() as f64;
        10.0 * power.log10()
    }

    /// Pitch in Hz of the strongest partial within a semitone of `near`: the peak of a Hann-windowed spectrum, between
    /// bins by a parabola through its decibels.
    fn pitch_near(sound: &[f64], near: f64, rate: f64) -> f64 {
        let size = (4 * sound.len()).next_power_of_two();
        let mut padded = vec![0.0; size];
        for (n, (to, from)) in padded.iter_mut().zip(sound).enumerate() {
            *to = from * (0.5 - 0.5 * (TAU * n as f64 / sound.len() as f64).cos());
        }
        let transform = RealFftPlanner::new().plan_fft_forward(size);
        let mut spectrum = transform.make_output_vec();
        transform.process(&mut padded, &mut spectrum).unwrap();
        let db = |bin: usize| 10.0 * spectrum[bin].norm_sqr().log10();
        let bin = |hz: f64| (hz * size as f64 / rate) as usize;
        let peak = (bin(near / 1.06)..=bin(near * 1.06)).max_by(|a, b| db(*a).total_cmp(&db(*b))).unwrap();
        let (left, top, right) = (db(peak - 1), db(peak), db(peak + 1));
        (peak as f64 + 0.5 * (left - right) / (left - 2.0 * top + right)) * rate / size as f64
    }

    fn cents(a: f64, b: f64) -> f64 {
        1200.0 * (a / b).log2()
    }

    /// Plays `words` on the string of that index (0 is the highest) and listens to `seconds` of what comes from column
    /// `from` on.
    fn hear(index: usize, words: &str, from: usize, seconds: f64, rate: f64) -> Vec<f64> {
        let score: String = (0..6).map(|k| if k == index { format!("{words}\n") } else { ".\n".into() }).collect();
        let sound = play(&score, seconds + 0.1, rate);
        let strum = (5 - index) as f64 * STRUM_S;
        let start = ((from as f64 * COLUMN_S + strum) * rate) as usize;
        sound[start..start + (seconds * rate) as usize].to_vec()
    }

    /// Every string, open and at frets 5 and 12, is within half a cent of equal temperament at every rate.
    #[test]
    fn strings_are_in_tune() {
        for rate in RATES_TRIED.map(f64::from) {
            for (index, key) in [64, 59, 55, 50, 45, 40].into_iter().enumerate() {
                for fret in [0, 5, 12] {
                    let want = 440.0 * (f64::from(key + fret - 69) / 12.0).exp2();
                    let sound = hear(index, &format!("{fret} . ."), 1, 1.0, rate);
                    let off = cents(pitch_near(&sound, want, rate), want);
                    assert!(off.abs() < 0.5, "string {index}, fret {fret}, {rate} Hz: {off:.2} cents off");
                }
            }
        }
    }

    /// A bend arrives a whole tone up; a hammered and a slid note sound their own fret without being struck.
    #[test]
    fn bends_hammers_and_slides_arrive() {
        let note = |key: i32| 440.0 * (f64::from(key - 69) / 12.0).exp2();
        for (words, from, key) in [("7b . . .", 3, 55 + 9), ("5 . 7h .", 3, 55 + 7), ("7 . 9/ .", 3, 55 + 9)] {
            let sound = hear(2, words, from, 0.8, 48_000.0);
            let off = cents(pitch_near(&sound, note(key), 48_000.0), note(key));
            assert!(off.abs() < 3.0, "{words}: {off:.2} cents off");
        }
    }

    /// Vibrato swings the pitch: 30 ms at a time, it lies both above and below the note.
    #[test]
    fn vibrato_swings_both_ways() {
        let rate = 48_000.0;
        let sound = hear(1, "8~ . . . .", 4, 0.8, rate);
        let note = 440.0 * (-2.0_f64 / 12.0).exp2();
        let off: Vec<f64> = sound.chunks_exact(1440).map(|chunk| cents(pitch_near(chunk, note, rate), note)).collect();
        assert!(off.iter().any(|&off| off > 10.0) && off.iter().any(|&off| off < -10.0), "{off:?}");
    }

    /// Free strings ring for seconds, a palm silences them in half a second, a hand at once.
    #[test]
    fn what_rests_on_a_string_decides_how_it_decays() {
        let rate = 48_000.0;
        let fall = |words: &str| {
            let level = |from| {
                let sound = hear(5, words, from, 0.1, rate);
                10.0 * sound.iter().map(|x| x * x).sum::<f64>().log10()
            };
            level(1) - level(5)
        };
        let (free, palm, hand) = (fall("0 . . . ."), fall("0m . . . ."), fall("0 - . . ."));
        assert!((2.0..20.0).contains(&free), "{free}");
        assert!(palm > 40.0 && hand > 70.0, "{palm} {hand}");
    }

    /// Twice the same samples, and the strings do not share their noise.
    #[test]
    fn the_phrase_is_deterministic() {
        assert_eq!(phrase(44_100), phrase(44_100));
        assert_ne!(Noise::new(1).next(), Noise::new(2).next());
    }

    /// About ten seconds that peak at -6 dBFS, start with a note and end in a floor of noise that is quiet, not silent.
    #[test]
    fn the_phrase_has_its_length_peak_and_floor_at_every_rate() {
        for rate in RATES_TRIED {
            let sound = phrase(rate);
            let seconds = sound.len() as f64 / f64::from(rate);
            assert!((9.0..11.0).contains(&seconds), "{seconds}");
            assert!(sound.iter().all(|x| x.is_finite()));
            let peak = sound.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            assert!((peak - 0.5).abs() < 0.005, "{peak}");
            let floor = rms_db(&sound[sound.len() - (0.8 * f64::from(rate)) as usize..]);
            assert!((-66.0..-60.0).contains(&floor), "{floor}");
            assert!(rms_db(&sound[..rate as usize / 2]) > -30.0);
        }
    }

    /// All six notes of the last chord, E minor from the open low string, are there and in tune.
    #[test]
    fn the_last_chord_is_in_tune() {
        let sound: Vec<f64> = phrase(48_000).iter().map(|&x| f64::from(x)).collect();
        let start = ((49.0 * COLUMN_S) * 48_000.0) as usize;
        let chord = &sound[start..start + 72_000];
        for key in [40, 47, 52, 55, 59, 64] {
            let want = 440.0 * (f64::from(key - 69) / 12.0).exp2();
            let off = cents(pitch_near(chord, want, 48_000.0), want);
            assert!(off.abs() < 3.0, "key {key}: {off:.2} cents off");
        }
    }

    /// Every line of the score has as many words as the others, and every word means something.
    #[test]
    fn the_score_reads() {
        let lines: Vec<_> = SCORE.lines().map(words).filter(|words| !words.is_empty()).collect();
        assert_eq!(lines.len(), STRINGS.len());
        for line in &lines {
            assert_eq!(line.len(), lines[0].len());
            assert!(line.iter().all(|word| *word == "." || Touch::parse(word).is_some()), "{line:?}");
        }
    }

    #[test]
    fn rates_without_a_phrase_give_none() {
        assert!([0, 7_999, u32::MAX].into_iter().all(|rate| phrase(rate).is_empty()));
        assert!(!phrase(8_000).is_empty());
    }
}
