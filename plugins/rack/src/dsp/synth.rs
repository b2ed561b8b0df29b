//! A polyphonic subtractive synthesiser: two band-limited oscillators, a resonant low-pass and two envelopes a voice.
//! Sources stand with the parts: [`super::oscillator`], [`super::filter`], [`super::envelope`].
//!
//! A voice's clock starts with its note, so the sound does not depend on blocks. Nothing here allocates after
//! [`Synth::new`]; who ended is told through a callback.

use super::envelope::{self, Envelope};
use super::filter::StateVariable;
use super::oscillator::{Oscillator, Shape};
use super::smooth::Smooth;
use super::{CONTROL_INTERVAL, bounded, gain_of_decibels};

/// Notes that sound at once.
pub const POLYPHONY: usize = 16;
/// Voices in all: a stolen one fades out in a slot of its own while the new note already plays.
const SLOTS: usize = POLYPHONY + 8;
/// Fade of a stolen or choked voice, in seconds.
const FADE_SECONDS: f32 = 0.004;
const CHANNELS: usize = 16;

/// What a player sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Waveform of the first oscillator.
    pub shape_1: Shape,
    /// Waveform of the second oscillator.
    pub shape_2: Shape,
    /// Share of the second oscillator, 0 to 1.
    pub blend: f32,
    /// Detuning of the second oscillator in cents, -1200 to 1200.
    pub detune: f32,
    /// Width of pulses, 0.05 to 0.95.
    pub width: f32,
    /// Cutoff of the filter in hertz, 20 to 20,000.
    pub cutoff: f32,
    /// Resonance, 0 to 1.
    pub resonance: f32,
    /// How much the cutoff follows the key, 0 to 1.
    pub tracking: f32,
    /// How far the filter's envelope moves the cutoff, in octaves, -6 to 6.
    pub sweep: f32,
    /// Attack, decay (seconds), sustain (0 to 1) and release (seconds) of the filter.
    pub filter_envelope: [f32; 4],
    /// Attack, decay (seconds), sustain (0 to 1) and release (seconds) of the level.
    pub envelope: [f32; 4],
    /// How much velocity sets the level, 0 to 1.
    pub sensitivity: f32,
    /// Pitch bend's range in semitones, 0 to 48.
    pub bend_range: f32,
    /// Output gain in decibels, -48 to 6.
    pub level: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shape_1: Shape::Saw,
            shape_2: Shape::Pulse,
            blend: 0.4,
            detune: 7.0,
            width: 0.4,
            cutoff: 1800.0,
            resonance: 0.2,
            tracking: 0.5,
            sweep: 2.0,
            filter_envelope: [0.004, 0.4, 0.2, 0.3],
            envelope: [0.004, 0.3, 0.7, 0.25],
            sensitivity: 0.6,
            bend_range: 2.0,
            level: -12.0,
        }
    }
}

/// Which note an event means, or a voice plays. What is `None` matches any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The host's own identifier for one note; decides alone where both sides have it.
    pub id: Option<i32>,
    /// MIDI channel, 0 to 15.
    pub channel: Option<u8>,
    /// MIDI key, 0 to 127; 60 is middle C.
    pub key: Option<u8>,
}

impl Note {
    fn matches(&self, voice: &Note) -> bool {
        match (self.id, voice.id) {
            (Some(id), Some(voice_id)) => id == voice_id,
            _ => {
                let same = |wanted: Option<u8>, has: Option<u8>| wanted.is_none() || wanted == has;
                same(self.channel, voice.channel) && same(self.key, voice.key)
            }
        }
    }
}

/// What happens to notes and channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Starts a note; velocity 0 to 1.
    On(Note, f32),
    /// Releases notes.
    Off(Note),
    /// Ends notes at once.
    Choke(Note),
    /// Detunes notes, in semitones.
    Tuning(Note, f32),
    /// Presses notes, 0 to 1: opens the filter.
    Pressure(Note, f32),
    /// Sets notes' gain, 1 is unity.
    Volume(Note, f32),
    /// Places notes between left (-1) and right (1).
    Pan(Note, f32),
    /// Sets notes' brightness, 0 to 1, 0.5 being neutral.
    Brightness(Note, f32),
    /// Moves notes' cutoff by octaves: polyphonic modulation.
    Cutoff(Note, f32),
    /// Bends a channel, -1 to 1 times the bend range.
    Bend(u8, f32),
    /// Presses a channel, 0 to 1.
    ChannelPressure(u8, f32),
    /// Moves a channel's sustain pedal.
    Sustain(u8, bool),
    /// Releases all notes of a channel.
    AllOff(u8),
    /// Ends all sound of a channel.
    SoundOff(u8),
}

#[derive(Clone, Copy, Debug, Default)]
struct ChannelState {
    bend: f32,
    pressure: f32,
    sustain: bool,
}

#[derive(Clone, Debug)]
struct Voice {
    note: Note,
    playing: bool,
    key_down: bool,
    /// Counts notes, to find the oldest.
    order: u64,
    age: u32,
    velocity: f32,
    tuning: f32,
    pressure: f32,
    volume: Smooth,
    pan: Smooth,
    brightness: f32,
    cutoff_offset: f32,
    oscillators: [Oscillator; 2],
    steps: [f64; 2],
    filter: StateVariable,
    envelope: Envelope,
    filter_envelope: Envelope,
    /// 1 while it plays; falls to 0 once it was stolen or choked.
    fade: f32,
    fading: bool,
}

impl Voice {
    fn new(rate: f32) -> Self {
        Self {
            note: Note { id: None, channel: None, key: None },
            playing: false,
            key_down: false,
            order: 0,
            age: 0,
            velocity: 0.0,
            tuning: 0.0,
            pressure: 0.0,
            volume: Smooth::new(rate, 1.0),
            pan: Smooth::new(rate, 0.0),
            brightness: 0.5,
            cutoff_offset: 0.0,
            oscillators: [Oscillator::new(0.0), Oscillator::new(0.0)],
            steps: [0.0; 2],
            filter: StateVariable::default(),
            envelope: Envelope::default(),
            filter_envelope: Envelope::default(),
            fade: 1.0,
            fading: false,
        }
    }

    fn start(&mut self, note: Note, velocity: f32, order: u64) {
        self.note = note;
        self.playing = true;
        self.key_down = true;
        self.order = order;
        self.age = 0;
        self.velocity = velocity;
        self.tuning = 0.0;
        self.pressure = 0.0;
        self.volume.set(1.0, true);
        self.pan.set(0.0, true);
        self.brightness = 0.5;
        self.cutoff_offset = 0.0;
        // A quarter turn apart, so that equal waves neither double nor cancel at the start.
        self.oscillators = [Oscillator::new(0.5), Oscillator::new(0.75)];
        self.filter.reset();
        self.envelope = Envelope::default();
        self.envelope.start();
        self.filter_envelope = Envelope::default();
        self.filter_envelope.start();
        self.fade = 1.0;
        self.fading = false;
    }

    fn release(&mut self) {
        self.key_down = false;
        self.envelope.release();
        self.filter_envelope.release();
    }

    fn channel(&self) -> usize {
        usize::from(self.note.channel.unwrap_or(0)) % CHANNELS
    }

    /// Whether it counts against the polyphony.
    fn is_heard(&self) -> bool {
        self.playing && !self.fading
    }
}

/// What voices need to know of the settings.
struct Patch {
    settings: Settings,
    envelope: envelope::Shape,
    filter_envelope: envelope::Shape,
    velocity_floor: f32,
    quality: f32,
}

impl Patch {
    fn new(settings: Settings, rate: f32) -> Self {
        let shape = |times: [f32; 4]| {
            let frames = |seconds: f32| bounded(seconds, 0.0005, 20.0) * rate;
            envelope::Shape::new(frames(times[0]), frames(times[1]), bounded(times[2], 0.0, 1.0), frames(times[3]))
        };
        Self {
            envelope: shape(settings.envelope),
            filter_envelope: shape(settings.filter_envelope),
            velocity_floor: 1.0 - bounded(settings.sensitivity, 0.0, 1.0),
            // From no peak (0.71) to just below ringing (16).
            quality: 0.707 * 22.6f32.powf(bounded(settings.resonance, 0.0, 1.0)),
            settings,
        }
    }
}

/// The synthesiser. All methods but [`Self::new`] may be called from the audio thread.
pub struct Synth {
    rate: f32,
    voices: Box<[Voice]>,
    channels: [ChannelState; CHANNELS],
    patch: Patch,
    notes: u64,
    fade_step: f32,
    level: Smooth,
    cutoff: Smooth,
    blend: Smooth,
    width: Smooth,
}

impl Synth {
    /// A synthesiser at `rate` hertz. Allocates.
    pub fn new(rate: f32) -> Self {
        let smooth = |value: f32| Smooth::new(rate, value);
        let mut synth = Self {
            rate,
            voices: (0..SLOTS).map(|_| Voice::new(rate)).collect(),
            channels: [ChannelState::default(); CHANNELS],
            patch: Patch::new(Settings::default(), rate),
            notes: 0,
            fade_step: 1.0 / (FADE_SECONDS * rate),
            level: smooth(1.0),
            cutoff: smooth(1.0),
            blend: smooth(0.0),
            width: smooth(0.5),
        };
        synth.aim(true);
        synth
    }

    /// Takes new parameter values from this frame on.
    pub fn set(&mut self, settings: &Settings) {
        if self.patch.settings != *settings {
            self.patch = Patch::new(settings.clone(), self.rate);
            self.aim(self.is_resting());
        }
    }

    fn aim(&mut self, at_once: bool) {
        let settings = &self.patch.settings;
        self.level.set(gain_of_decibels(bounded(settings.level, -48.0, 6.0)), at_once);
        self.cutoff.set(bounded(settings.cutoff, 20.0, 20_000.0).log2(), at_once);
        self.blend.set(bounded(settings.blend, 0.0, 1.0), at_once);
        self.width.set(bounded(settings.width, 0.05, 0.95), at_once);
    }

    /// Whether no voice sounds, so that calls may stop until an event.
    pub fn is_resting(&self) -> bool {
        !self.voices.iter().any(|voice| voice.playing)
    }

    /// Frames a note sounds on after its release.
    pub fn tail(&self) -> u32 {
        (bounded(self.patch.settings.envelope[3], 0.0005, 20.0) * self.rate) as u32 + 2
    }

    /// How many notes sound, stolen ones that fade out not counted.
    pub fn sounding(&self) -> usize {
        self.voices.iter().filter(|voice| voice.is_heard()).count()
    }

    /// Ends all sound at once and forgets bends and pedals.
    pub fn reset(&mut self) {
        for voice in &mut self.voices {
            voice.playing = false;
        }
        self.channels = [ChannelState::default(); CHANNELS];
        self.notes = 0;
        self.aim(true);
    }

    /// Takes an event that happens now. A note that has to go at once to make room is told to `ended`.
    pub fn handle(&mut self, event: Event, ended: &mut impl FnMut(Note)) {
        match event {
            Event::On(note, velocity) => self.start(note, bounded(velocity, 0.0, 1.0), ended),
            Event::Off(note) => self.release(|voice| note.matches(&voice.note)),
            Event::AllOff(channel) => self.release(|voice| voice.note.channel == Some(channel)),
            Event::Choke(note) => self.each(note, |voice| voice.fading = true),
            Event::SoundOff(channel) => {
                self.each(Note { id: None, channel: Some(channel), key: None }, |voice| voice.fading = true);
            }
            Event::Tuning(note, semitones) => {
                self.each(note, |voice| voice.tuning = bounded(semitones, -128.0, 128.0));
            }
            Event::Pressure(note, pressure) => self.each(note, |voice| voice.pressure = bounded(pressure, 0.0, 1.0)),
            Event::Volume(note, gain) => {
                self.each(note, |voice| voice.volume.set(bounded(gain, 0.0, 4.0), voice.age == 0));
            }
            Event::Pan(note, pan) => {
                self.each(note, |voice| voice.pan.set(bounded(pan, -1.0, 1.0), voice.age == 0));
            }
            Event::Brightness(note, brightness) => {
                self.each(note, |voice| voice.brightness = bounded(brightness, 0.0, 1.0));
            }
            Event::Cutoff(note, octaves) => {
                self.each(note, |voice| voice.cutoff_offset = bounded(octaves, -10.0, 10.0));
            }
            Event::Bend(channel, bend) => self.channel(channel).bend = bounded(bend, -1.0, 1.0),
            Event::ChannelPressure(channel, pressure) => {
                self.channel(channel).pressure = bounded(pressure, 0.0, 1.0);
            }
            Event::Sustain(channel, down) => {
                self.channel(channel).sustain = down;
                if !down {
                    for voice in &mut self.voices {
                        if voice.channel() == usize::from(channel) && !voice.key_down {
                            voice.release();
                        }
                    }
                }
            }
        }
    }

    fn channel(&mut self, channel: u8) -> &mut ChannelState {
        &mut self.channels[usize::from(channel) % CHANNELS]
    }

    fn each(&mut self, note: Note, mut apply: impl FnMut(&mut Voice)) {
        for voice in self.voices.iter_mut().filter(|voice| voice.is_heard() && note.matches(&voice.note)) {
            apply(voice);
        }
    }

    fn release(&mut self, matches: impl Fn(&Voice) -> bool) {
        for voice in self.voices.iter_mut().filter(|voice| voice.is_heard() && matches(voice)) {
            voice.key_down = false;
            if !self.channels[voice.channel()].sustain {
                voice.release();
            }
        }
    }

    /// Starts a note in a free slot; past the polyphony the oldest released note, or else the oldest, fades out.
    fn start(&mut self, note: Note, velocity: f32, ended: &mut impl FnMut(Note)) {
        if self.sounding() >= POLYPHONY {
            let victim = self.voices.iter_mut().filter(|voice| voice.is_heard());
            if let Some(victim) = victim.min_by_key(|voice| (voice.key_down, voice.order)) {
                victim.fading = true;
            }
        }
        self.notes += 1;
        let free = self.voices.iter().position(|voice| !voice.playing);
        // Many notes within one fade: the one that has faded most goes at once.
        let faintest = (0..SLOTS).min_by(|a, b| self.voices[*a].fade.total_cmp(&self.voices[*b].fade));
        if let Some(slot) = free.or(faintest) {
            let voice = &mut self.voices[slot];
            if voice.playing {
                ended(voice.note);
            }
            voice.start(note, velocity, self.notes);
        }
    }

    /// Renders frames into `left` and, if given, `right` (of equal length), replacing what is there. For each note that
    /// has become silent `ended` gets the frame and the note.
    pub fn render(&mut self, left: &mut [f32], mut right: Option<&mut [f32]>, mut ended: impl FnMut(u32, Note)) {
        for (frame, left) in left.iter_mut().enumerate() {
            let [l, r] = self.tick(&mut |note| ended(frame as u32, note));
            match right.as_mut().and_then(|right| right.get_mut(frame)) {
                Some(right) => [*left, *right] = [l, r],
                None => *left = 0.5 * (l + r),
            }
        }
    }

    fn tick(&mut self, ended: &mut impl FnMut(Note)) -> [f32; 2] {
        let (level, cutoff) = (self.level.tick(), self.cutoff.tick());
        let (blend, width) = (self.blend.tick(), f64::from(self.width.tick()));
        let Self { patch, voices, channels, rate, fade_step, .. } = self;
        let settings = &patch.settings;
        let mut sum = [0.0; 2];
        let mut sounding = false;
        for voice in voices.iter_mut().filter(|voice| voice.playing) {
            sounding = true;
            let envelope = voice.envelope.tick(&patch.envelope);
            let sweep = voice.filter_envelope.tick(&patch.filter_envelope);
            if voice.age % CONTROL_INTERVAL == 0 {
                tune(voice, patch, channels[voice.channel()], cutoff, sweep, *rate);
            }
            voice.age = voice.age.wrapping_add(1);
            let first = voice.oscillators[0].tick(settings.shape_1, voice.steps[0], width);
            let second = voice.oscillators[1].tick(settings.shape_2, voice.steps[1], width);
            let (filtered, _) = voice.filter.tick(first + (second - first) * blend);
            if voice.fading {
                voice.fade -= *fade_step;
            }
            let velocity = patch.velocity_floor + (1.0 - patch.velocity_floor) * voice.velocity * voice.velocity;
            let output = filtered * envelope * velocity * voice.volume.tick() * voice.fade.max(0.0);
            let pan = voice.pan.tick();
            sum[0] += output * (1.0 - pan.max(0.0));
            sum[1] += output * (1.0 + pan.min(0.0));
            if voice.envelope.is_idle() || voice.fade <= 0.0 {
                voice.playing = false;
                ended(voice.note);
            }
        }
        if !sounding {
            // At rest parameters are reached at once, so that a host may skip any number of such frames.
            for smooth in [&mut self.level, &mut self.cutoff, &mut self.blend, &mut self.width] {
                smooth.finish();
            }
        }
        sum.map(|x| x * level)
    }
}

/// Computes a voice's pitch and filter from its key, expressions and the channel's controls.
fn tune(voice: &mut Voice, patch: &Patch, channel: ChannelState, cutoff: f32, sweep: f32, rate: f32) {
    let settings = &patch.settings;
    let key = f64::from(voice.note.key.unwrap_or(60));
    let bend = f64::from(channel.bend * bounded(settings.bend_range, 0.0, 48.0));
    let pitch = key + f64::from(voice.tuning) + bend;
    let frequency = |pitch: f64| 440.0 * ((pitch - 69.0) / 12.0).exp2();
    let step = |pitch: f64| (frequency(pitch) / f64::from(rate)).min(0.45);
    voice.steps = [step(pitch), step(pitch + f64::from(bounded(settings.detune, -1200.0, 1200.0)) / 100.0)];
    let octaves = cutoff
        + voice.cutoff_offset
        + bounded(settings.tracking, 0.0, 1.0) * (pitch as f32 - 60.0) / 12.0
        + bounded(settings.sweep, -6.0, 6.0) * sweep
        + 2.0 * (voice.pressure + channel.pressure)
        + 4.0 * (voice.brightness - 0.5);
    voice.filter.set(octaves.exp2().clamp(20.0, 20_000.0), patch.quality, rate);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::*;

    const RATE: f32 = 48_000.0;

    fn note(key: u8) -> Note {
        Note { id: None, channel: Some(0), key: Some(key) }
    }

    /// A sine voice with the filter out of the way.
    fn plain() -> Settings {
        Settings {
            shape_1: Shape::Sine,
            blend: 0.0,
            cutoff: 20_000.0,
            resonance: 0.0,
            sweep: 0.0,
            envelope: [0.001, 0.01, 1.0, 0.02],
            sensitivity: 0.0,
            ..Settings::default()
        }
    }

    fn synth(settings: Settings) -> Synth {
        let mut synth = Synth::new(RATE);
        synth.set(&settings);
        synth
    }

    fn handle(synth: &mut Synth, event: Event) {
        synth.handle(event, &mut |_| {});
    }

    fn render(synth: &mut Synth, frames: usize) -> Vec<f32> {
        let mut left = vec![0.0; frames];
        let mut right = vec![0.0; frames];
        synth.render(&mut left, Some(&mut right), |_, _| {});
        left
    }

    /// Frequency from the times of the first and last upward zero crossing, interpolated.
    fn pitch(signal: &[f32]) -> f32 {
        let crossings: Vec<f32> = (1..signal.len())
            .filter(|&i| signal[i - 1] < 0.0 && signal[i] >= 0.0)
            .map(|i| i as f32 - signal[i] / (signal[i] - signal[i - 1]))
            .collect();
        (crossings.len() - 1) as f32 * RATE / (crossings[crossings.len() - 1] - crossings[0])
    }

    /// Keys, bend and tuning give the pitches of equal temperament, within a fifth of a cent.
    #[test]
    fn plays_in_tune() {
        let cases: [(u8, Option<Event>, f32); 4] = [
            (69, None, 440.0),
            (40, None, 82.407),
            (69, Some(Event::Bend(0, 1.0)), 493.883),
            (69, Some(Event::Tuning(note(69), -0.5)), 427.474),
        ];
        for (key, event, expected) in cases {
            let mut synth = synth(plain());
            handle(&mut synth, Event::On(note(key), 1.0));
            if let Some(event) = event {
                handle(&mut synth, event);
            }
            let measured = pitch(&render(&mut synth, 48_000)[4800..]);
            assert!((1200.0 * (measured / expected).log2()).abs() < 0.2, "{expected} Hz wanted, {measured} Hz");
        }
    }

    /// Sixteen keys sound at once, all of them at their pitch.
    #[test]
    fn is_polyphonic() {
        let mut synth = synth(plain());
        for i in 0..16 {
            handle(&mut synth, Event::On(note(40 + 3 * i), 1.0));
        }
        assert_eq!(synth.sounding(), 16);
        let output = render(&mut synth, 48_000);
        for i in 0..16u8 {
            let frequency = 440.0 * ((f32::from(40 + 3 * i) - 69.0) / 12.0).exp2();
            assert!(magnitude_at(&output[4800..], frequency, RATE) > 2000.0, "key {}", 40 + 3 * i);
        }
    }

    /// The seventeenth note takes the place of the oldest, without a click, and its end is told.
    #[test]
    fn steals_the_oldest_voice() {
        let mut synth = synth(plain());
        for key in 40..56 {
            handle(&mut synth, Event::On(note(key), 1.0));
        }
        let before = render(&mut synth, 4800);
        handle(&mut synth, Event::On(note(80), 1.0));
        assert_eq!(synth.sounding(), 16);
        let mut after = vec![0.0; 4800];
        let mut ended = Vec::new();
        synth.render(&mut after, None, |_, note| ended.push(note));
        assert_eq!(ended, [note(40)]);
        let step = |x: &[f32]| x.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(step(&after) < 1.3 * step(&before) && (after[0] - before[4799]).abs() < 1.3 * step(&before));
    }

    /// A released note falls silent after its release, then the synth rests; its end is told once, on its frame.
    #[test]
    fn notes_end() {
        let mut synth = synth(plain());
        handle(&mut synth, Event::On(note(60), 1.0));
        render(&mut synth, 4800);
        handle(&mut synth, Event::Off(note(60)));
        let mut output = vec![0.0; 2000];
        let mut ended = Vec::new();
        synth.render(&mut output, None, |frame, note| ended.push((frame, note)));
        assert_eq!(ended.len(), 1);
        assert!((955..=961).contains(&ended[0].0) && ended[0].1 == note(60), "{ended:?}");
        assert!(output[ended[0].0 as usize + 1..].iter().all(|x| *x == 0.0) && output[500] != 0.0);
        assert!(synth.is_resting());
    }

    /// Two notes of one key told apart by id; an event without id means both; other channels are not touched.
    #[test]
    fn finds_the_right_notes() {
        let with_id = |id| Note { id: Some(id), channel: Some(0), key: Some(60) };
        let mut synth = synth(plain());
        let elsewhere = Note { id: None, channel: Some(3), key: Some(60) };
        for event in [Event::On(with_id(1), 1.0), Event::On(with_id(2), 1.0), Event::On(elsewhere, 1.0)] {
            handle(&mut synth, event);
        }
        handle(&mut synth, Event::Off(with_id(1)));
        render(&mut synth, 2000);
        assert_eq!(synth.sounding(), 2);
        handle(&mut synth, Event::Off(note(60)));
        render(&mut synth, 2000);
        assert_eq!(synth.sounding(), 1);
        handle(&mut synth, Event::Choke(Note { id: None, channel: None, key: None }));
        render(&mut synth, 2000);
        assert!(synth.is_resting());
    }

    /// The pedal holds a released key, and lets it go.
    #[test]
    fn pedal_holds_notes() {
        let mut synth = synth(plain());
        for event in [Event::Sustain(0, true), Event::On(note(60), 1.0), Event::Off(note(60))] {
            handle(&mut synth, event);
        }
        render(&mut synth, 9600);
        assert_eq!(synth.sounding(), 1);
        handle(&mut synth, Event::Sustain(0, false));
        render(&mut synth, 2000);
        assert!(synth.is_resting());
    }

    /// Aliasing of the whole voice at 1760 Hz (saw, filter open) below 10 kHz, in decibels below the fundamental.
    #[test]
    fn aliasing_is_bounded() {
        let mut synth = synth(Settings { shape_1: Shape::Saw, ..plain() });
        handle(&mut synth, Event::On(note(93), 1.0));
        let output = render(&mut synth, 9600)[4800..].to_vec();
        let worst = (1..1000)
            .map(|k| k as f32 * 10.0)
            .filter(|f| f % 1760.0 != 0.0)
            .map(|f| magnitude_at(&output, f, RATE))
            .fold(0.0, f32::max);
        let decibels = 20.0 * (worst / magnitude_at(&output, 1760.0, RATE)).log10();
        println!("{decibels:.1} dB");
        assert!(decibels < -40.0, "{decibels}");
    }

    /// A phrase with bends, expressions, stealing and parameter changes, cut differently: the same bits.
    #[test]
    fn same_bits_for_any_partition() {
        let mut noise = Noise(9);
        let events: Vec<(usize, Event)> = (0..120)
            .map(|i| {
                let key = 30 + (noise.bits() % 60) as u8;
                let event = match noise.bits() % 8 {
                    0..=3 => Event::On(note(key), 0.7),
                    4 => Event::Off(Note { key: None, ..note(0) }),
                    5 => Event::Bend(0, noise.sample()),
                    6 => Event::Pan(Note { key: None, ..note(0) }, noise.sample()),
                    _ => Event::Pressure(Note { key: None, ..note(0) }, noise.sample().abs()),
                };
                (i * 173, event)
            })
            .collect();
        let play = |mut block: Box<dyn FnMut() -> usize>| {
            let mut synth = Synth::new(RATE);
            let mut output = vec![0.0; 24_000];
            let mut at = 0;
            while at < output.len() {
                for (_, event) in events.iter().filter(|(frame, _)| *frame == at) {
                    handle(&mut synth, *event);
                }
                if at == 8000 {
                    synth.set(&Settings { cutoff: 300.0, blend: 1.0, level: -20.0, ..Settings::default() });
                }
                let event = events.iter().map(|(frame, _)| *frame).find(|frame| *frame > at).unwrap_or(usize::MAX);
                let change = if at < 8000 { 8000 } else { usize::MAX };
                let end = (at + block()).min(event).min(change).min(output.len());
                synth.render(&mut output[at..end], None, |_, _| {});
                at = end;
            }
            output
        };
        let whole = play(Box::new(|| 100_000));
        assert!(whole.iter().all(|x| x.is_finite()) && whole.iter().any(|x| *x != 0.0));
        let mut noise = Noise(3);
        let cut = play(Box::new(move || 1 + (noise.bits() % 90) as usize));
        assert!(whole.iter().zip(&cut).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    /// Nonsense in events and settings does not get into the sound.
    #[test]
    fn survives_anything() {
        let mut synth = synth(Settings {
            cutoff: f32::NAN,
            level: f32::INFINITY,
            detune: f32::NEG_INFINITY,
            envelope: [f32::NAN; 4],
            resonance: 9e9,
            ..Settings::default()
        });
        for i in 0..200u8 {
            handle(&mut synth, Event::On(Note { id: None, channel: Some(i), key: Some(i) }, f32::NAN));
            handle(&mut synth, Event::Tuning(note(i), f32::INFINITY));
            handle(&mut synth, Event::Bend(i, f32::NAN));
            assert!(render(&mut synth, 20).iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn allocates_nothing() {
        let mut synth = synth(Settings::default());
        let mut output = vec![0.0; 1000];
        assert_no_alloc::assert_no_alloc(|| {
            for key in 0..40 {
                synth.handle(Event::On(note(key), 1.0), &mut |_| {});
                synth.render(&mut output, None, |_, _| {});
            }
            synth.reset();
        });
    }
}
