//! A polyphonic synthesiser. The sound is made in [`crate::dsp::synth`]; this is its plugin shell: it translates the
//! host's note events and cuts blocks at them.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;

use crate::dsp::oscillator;
use crate::dsp::synth::{Event, Note, POLYPHONY, Settings, Synth as Core};
use crate::parameters::{decibels, hertz, hertz_of, linear, percent, seconds};
use crate::shell::{self, Channels};

/// Identifies the cutoff in polyphonic modulation.
const CUTOFF_MODULATION: u32 = 1;
const CUTOFF_MINIMUM: f32 = 20.0;
const CUTOFF_MAXIMUM: f32 = 20_000.0;

/// Waveforms.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waveform {
    /// All harmonics.
    #[id = "saw"]
    Saw,
    /// Odd harmonics at a width of 50 %.
    #[id = "pulse"]
    Pulse,
    /// Few, weak odd harmonics.
    #[id = "triangle"]
    Triangle,
    /// No harmonics.
    #[id = "sine"]
    Sine,
}

impl From<Waveform> for oscillator::Shape {
    fn from(waveform: Waveform) -> Self {
        match waveform {
            Waveform::Saw => Self::Saw,
            Waveform::Pulse => Self::Pulse,
            Waveform::Triangle => Self::Triangle,
            Waveform::Sine => Self::Sine,
        }
    }
}

/// An envelope's four parameters.
#[derive(Params)]
pub struct EnvelopeParameters {
    /// Time to the top.
    #[id = "attack"]
    pub attack: FloatParam,
    /// Time to the sustain level.
    #[id = "decay"]
    pub decay: FloatParam,
    /// Level while the key is held.
    #[id = "sustain"]
    pub sustain: FloatParam,
    /// Time to silence after the key.
    #[id = "release"]
    pub release: FloatParam,
}

impl EnvelopeParameters {
    fn new(name: &str, [attack, decay, sustain, release]: [f32; 4]) -> Self {
        let time = |part: &str, default| seconds(&format!("{name} {part}"), default, 0.001, 10.0);
        Self {
            attack: time("attack", attack),
            decay: time("decay", decay),
            sustain: percent(&format!("{name} sustain"), sustain, 1.0),
            release: time("release", release),
        }
    }

    fn values(&self) -> [f32; 4] {
        [self.attack.value(), self.decay.value(), self.sustain.value(), self.release.value()]
    }
}

/// The parameters of [`Synth`].
#[derive(Params)]
pub struct SynthParameters {
    /// Waveform of the first oscillator.
    #[id = "wave-1"]
    pub wave_1: EnumParam<Waveform>,
    /// Waveform of the second oscillator.
    #[id = "wave-2"]
    pub wave_2: EnumParam<Waveform>,
    /// Share of the second oscillator.
    #[id = "blend"]
    pub blend: FloatParam,
    /// Detuning of the second oscillator.
    #[id = "detune"]
    pub detune: FloatParam,
    /// Width of pulses.
    #[id = "width"]
    pub width: FloatParam,
    /// Cutoff of the filter.
    #[id = "cutoff"]
    pub cutoff: FloatParam,
    /// Resonance of the filter.
    #[id = "resonance"]
    pub resonance: FloatParam,
    /// How much the cutoff follows the key.
    #[id = "tracking"]
    pub tracking: FloatParam,
    /// How far the filter's envelope moves the cutoff.
    #[id = "sweep"]
    pub sweep: FloatParam,
    /// The filter's envelope.
    #[nested(id_prefix = "filter", group = "Filter envelope")]
    pub filter_envelope: EnvelopeParameters,
    /// The level's envelope.
    #[nested(id_prefix = "level", group = "Level envelope")]
    pub envelope: EnvelopeParameters,
    /// How much velocity sets the level.
    #[id = "sensitivity"]
    pub sensitivity: FloatParam,
    /// Range of the pitch bend.
    #[id = "bend-range"]
    pub bend_range: FloatParam,
    /// Output gain.
    #[id = "level"]
    pub level: FloatParam,
}

impl Default for SynthParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            wave_1: EnumParam::new("Wave 1", Waveform::Saw),
            wave_2: EnumParam::new("Wave 2", Waveform::Pulse),
            blend: percent("Blend", default.blend, 1.0),
            detune: linear("Detune", default.detune, -1200.0..=1200.0, "ct"),
            width: percent("Width", default.width, 0.95),
            cutoff: hertz("Cutoff", default.cutoff, CUTOFF_MINIMUM, CUTOFF_MAXIMUM)
                .with_poly_modulation_id(CUTOFF_MODULATION),
            resonance: percent("Resonance", default.resonance, 1.0),
            tracking: percent("Key tracking", default.tracking, 1.0),
            sweep: linear("Sweep", default.sweep, -6.0..=6.0, "oct"),
            filter_envelope: EnvelopeParameters::new("Filter", default.filter_envelope),
            envelope: EnvelopeParameters::new("Level", default.envelope),
            sensitivity: percent("Velocity sensitivity", default.sensitivity, 1.0),
            bend_range: linear("Bend range", default.bend_range, 0.0..=48.0, "st"),
            level: decibels("Level", default.level, -48.0, 6.0),
        }
    }
}

impl SynthParameters {
    /// What the core is to do now.
    pub fn settings(&self) -> Settings {
        Settings {
            shape_1: self.wave_1.value().into(),
            shape_2: self.wave_2.value().into(),
            blend: self.blend.value(),
            detune: self.detune.value(),
            width: self.width.value(),
            cutoff: hertz_of(&self.cutoff),
            resonance: self.resonance.value(),
            tracking: self.tracking.value(),
            sweep: self.sweep.value(),
            filter_envelope: self.filter_envelope.values(),
            envelope: self.envelope.values(),
            sensitivity: self.sensitivity.value(),
            bend_range: self.bend_range.value(),
            level: self.level.value(),
        }
    }
}

fn note(id: VoiceID, channel: Channel, key: Key) -> Note {
    Note { id: id.id(), channel: channel.number(), key: key.number() }
}

/// What an event of the host means to the core; `None` for what it has no use for.
fn translate(event: NoteEvent<()>) -> Option<Event> {
    Some(match event {
        NoteEvent::NoteOn { voice_id, channel, key, velocity, .. } => Event::On(note(voice_id, channel, key), velocity),
        NoteEvent::NoteOff { voice_id, channel, key, .. } => Event::Off(note(voice_id, channel, key)),
        NoteEvent::Choke { voice_id, channel, key, .. } => Event::Choke(note(voice_id, channel, key)),
        NoteEvent::PolyTuning { voice_id, channel, key, tuning, .. } => {
            Event::Tuning(note(voice_id, channel, key), tuning)
        }
        NoteEvent::PolyPressure { voice_id, channel, key, pressure, .. } => {
            Event::Pressure(note(voice_id, channel, key), pressure)
        }
        NoteEvent::PolyVolume { voice_id, channel, key, gain, .. } => Event::Volume(note(voice_id, channel, key), gain),
        NoteEvent::PolyPan { voice_id, channel, key, pan, .. } => Event::Pan(note(voice_id, channel, key), pan),
        NoteEvent::PolyBrightness { voice_id, channel, key, brightness, .. } => {
            Event::Brightness(note(voice_id, channel, key), brightness)
        }
        NoteEvent::PolyModulation { voice_id, poly_modulation_id: CUTOFF_MODULATION, normalized_offset, .. } => {
            // The parameter is linear in octaves, so a normalised offset is an interval whatever the cutoff.
            let octaves = normalized_offset * (CUTOFF_MAXIMUM / CUTOFF_MINIMUM).log2();
            Event::Cutoff(Note { id: Some(voice_id), channel: None, key: None }, octaves)
        }
        NoteEvent::MidiPitchBend { channel, value, .. } => Event::Bend(channel, 2.0 * value - 1.0),
        NoteEvent::MidiChannelPressure { channel, pressure, .. } => Event::ChannelPressure(channel, pressure),
        NoteEvent::MidiCC { channel, cc, value, .. } => match cc {
            control_change::DAMPER_PEDAL => Event::Sustain(channel, value >= 0.5),
            control_change::ALL_SOUND_OFF => Event::SoundOff(channel),
            control_change::ALL_NOTES_OFF => Event::AllOff(channel),
            _ => return None,
        },
        _ => return None,
    })
}

/// A polyphonic subtractive synthesiser.
#[derive(Default)]
pub struct Synth {
    parameters: Arc<SynthParameters>,
    running: Option<(Core, Channels)>,
}

impl Synth {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<SynthParameters> {
        &self.parameters
    }
}

impl Plugin for Synth {
    const NAME: &'static str = "Crosspoint Synth";
    const VENDOR: &'static str = shell::VENDOR;
    const URL: &'static str = shell::URL;
    const EMAIL: &'static str = shell::EMAIL;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = shell::INSTRUMENT_LAYOUTS;
    const MIDI_INPUT: MidiConfig = MidiConfig::MidiCCs;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.parameters.clone()
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        buffer: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        context.set_latency_samples(0);
        context.set_current_voice_capacity(POLYPHONY as u32);
        self.running = Some((Core::new(buffer.sample_rate), Channels::of(layout)));
        true
    }

    fn reset(&mut self) {
        if let Some((core, _)) = &mut self.running {
            core.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some((core, _)) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        core.set(&self.parameters.settings());
        let frames = buffer.samples();
        let mut at = 0;
        let mut event = context.next_event();
        while at < frames || event.is_some() {
            while let Some(due) = event.filter(|event| event.timing() as usize <= at || at == frames) {
                if let Some(translated) = translate(due) {
                    core.handle(translated, &mut |note| tell_end(context, at as u32, note));
                }
                event = context.next_event();
            }
            let end = event.map_or(frames, |event| (event.timing() as usize).min(frames));
            let ended = |frame: u32, note| tell_end(context, at as u32 + frame, note);
            match buffer.as_slice() {
                [] => {}
                [mono] => core.render(&mut mono[at..end], None, ended),
                [left, right, ..] => core.render(&mut left[at..end], Some(&mut right[at..end]), ended),
            }
            at = end;
        }
        if core.is_resting() { ProcessStatus::Normal } else { ProcessStatus::Tail(core.tail()) }
    }
}

/// Tells the host that a note is silent, so that it can free what modulates it.
fn tell_end(context: &mut impl ProcessContext<Synth>, timing: u32, note: Note) {
    // A full output queue loses the message; the note has ended all the same.
    let _sent = context.try_send_event(NoteEvent::VoiceTerminated {
        timing,
        voice_id: note.id.map_or(VoiceID::Wildcard, VoiceID::ID),
        channel: note.channel.map_or(Channel::Wildcard, Channel::Number),
        key: note.key.map_or(Key::Wildcard, Key::Number),
    });
}

impl ClapPlugin for Synth {
    const CLAP_ID: &'static str = "org.crosspoint.synth";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("A polyphonic subtractive synthesiser");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Synthesizer, ClapFeature::Mono, ClapFeature::Stereo];
    const CLAP_POLY_MODULATION_CONFIG: Option<PolyModulationConfig> =
        Some(PolyModulationConfig { max_voice_capacity: POLYPHONY as u32, supports_overlapping_voices: true });
}

impl Vst3Plugin for Synth {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointSynth1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Instrument, Vst3SubCategory::Synth];
}
