//! The plugins as a host drives them: through nice-plug's own interface, with a context that stands in for the host.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use nice_plug::context::process::SendEventError;
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;

use crate::amp::Amp;
use crate::cabinet::{Cabinet, ResponseState};
use crate::delay::{Delay, NoteValue};
use crate::dsp::testing::{Noise, plucks};
use crate::gate::Gate;
use crate::reverb::Reverb;
use crate::shell::{EFFECT_LAYOUTS, INSTRUMENT_LAYOUTS};
use crate::synth::Synth;

const RATE: f32 = 48_000.0;

/// Stands in for a host: runs tasks at once, keeps what the plugin says.
struct Host<P: Plugin> {
    execute: TaskExecutor<P>,
    transport: Transport,
    latency: Cell<u32>,
    restarts: Cell<u32>,
    events: VecDeque<NoteEvent<P::SysExMessage>>,
    sent: RefCell<Vec<NoteEvent<P::SysExMessage>>>,
}

impl<P: Plugin> ActivateContext<P> for Host<P> {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    fn execute(&self, task: P::BackgroundTask) {
        (self.execute)(task);
    }
    fn set_latency_samples(&self, samples: u32) {
        self.latency.set(samples);
    }
    fn set_current_voice_capacity(&self, _capacity: u32) {}
}

impl<P: Plugin> ProcessContext<P> for Host<P> {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    fn execute_background(&self, task: P::BackgroundTask) {
        (self.execute)(task);
    }
    fn execute_gui(&self, task: P::BackgroundTask) {
        (self.execute)(task);
    }
    fn transport(&self) -> &Transport {
        &self.transport
    }
    fn next_event(&mut self) -> Option<NoteEvent<P::SysExMessage>> {
        self.events.pop_front()
    }
    fn try_send_event(
        &mut self,
        event: NoteEvent<P::SysExMessage>,
    ) -> Result<(), (NoteEvent<P::SysExMessage>, SendEventError)> {
        self.sent.borrow_mut().push(event);
        Ok(())
    }
    fn set_latency_samples(&self, samples: u32) {
        self.latency.set(samples);
    }
    fn request_restart(&self) {
        self.restarts.set(self.restarts.get() + 1);
    }
    fn set_current_voice_capacity(&self, _capacity: u32) {}
}

/// A plugin and its host.
struct Rig<P: Plugin> {
    plugin: P,
    host: Host<P>,
    status: ProcessStatus,
}

impl<P: Plugin> Rig<P> {
    fn new(layout: &AudioIOLayout) -> Self {
        let mut plugin = P::default();
        let execute = plugin.task_executor();
        let host = Host {
            execute,
            transport: Transport::new(RATE),
            latency: Cell::new(0),
            restarts: Cell::new(0),
            events: VecDeque::new(),
            sent: RefCell::default(),
        };
        let mut rig = Self { plugin, host, status: ProcessStatus::Normal };
        rig.activate(layout);
        rig
    }

    fn activate(&mut self, layout: &AudioIOLayout) {
        let buffer = BufferConfig {
            sample_rate: RATE,
            min_buffer_size: None,
            max_buffer_size: 8192,
            process_mode: ProcessMode::Realtime,
        };
        assert!(self.plugin.activate(layout, &buffer, &mut self.host));
        self.plugin.reset();
    }

    /// One block in place.
    fn process(&mut self, channels: &mut [Vec<f32>]) {
        let frames = channels.first().map_or(0, Vec::len);
        let mut buffer = Buffer::default();
        // SAFETY: the slices are all `frames` long and outlive the buffer.
        unsafe {
            buffer.set_slices(frames, |slices| {
                slices.extend(channels.iter_mut().map(|channel| {
                    // The buffer's slices have its own lifetime parameter, which cannot be named in the closure.
                    std::slice::from_raw_parts_mut(channel.as_mut_ptr(), frames)
                }));
            });
        }
        let mut aux = AuxiliaryBuffers { inputs: &mut [], outputs: &mut [] };
        self.status = self.plugin.process(&mut buffer, &mut aux, &mut self.host);
    }

    /// Runs input through in blocks of 64 frames: `copies` channels of it, further ones up to `outputs` empty.
    fn render(&mut self, input: &[f32], copies: usize, outputs: usize) -> Vec<Vec<f32>> {
        let mut result = vec![Vec::new(); outputs];
        for block in input.chunks(64) {
            let silent = vec![0.0; block.len()];
            let mut channels: Vec<Vec<f32>> =
                (0..outputs).map(|channel| if channel < copies { block.to_vec() } else { silent.clone() }).collect();
            self.process(&mut channels);
            for (result, channel) in result.iter_mut().zip(channels) {
                result.extend(channel);
            }
        }
        result
    }
}

fn stereo() -> &'static AudioIOLayout {
    &EFFECT_LAYOUTS[0]
}

fn peak(signal: &[f32]) -> f32 {
    signal.iter().fold(0.0, |peak, x| peak.max(x.abs()))
}

/// A guitar straight from its socket: a plucked string (K. Karplus, A. Strong, Computer Music Journal 7(2), 1983) with
/// a peak of -6 dBFS.
fn guitar(frequency: f32, seconds: f32) -> Vec<f32> {
    let mut noise = Noise(31);
    let length = (RATE / frequency) as usize;
    let mut string: VecDeque<f32> = (0..length).map(|_| noise.sample()).collect();
    let mut output: Vec<f32> = (0..(seconds * RATE) as usize)
        .map(|_| {
            let sample = string.pop_front().unwrap();
            string.push_back(0.4985 * (sample + string[0]));
            sample
        })
        .collect();
    // The pickup's own low-pass.
    let mut state = 0.0;
    output.iter_mut().for_each(|x| {
        state += 0.35 * (*x - state);
        *x = state;
    });
    let scale = 0.5 / peak(&output);
    output.iter_mut().for_each(|x| *x *= scale);
    output
}

/// The chain as it comes, every plugin at its defaults: loud enough, never above full scale, and silent between notes.
#[test]
fn default_chain_has_sane_levels() {
    for frequency in [82.4, 220.0, 660.0] {
        let mut gate = Rig::<Gate>::new(stereo());
        let mut amp = Rig::<Amp>::new(stereo());
        let mut cabinet = Rig::<Cabinet>::new(stereo());
        let mut delay = Rig::<Delay>::new(stereo());
        let mut reverb = Rig::<Reverb>::new(stereo());
        let mut signal = guitar(frequency, 2.0);
        let mut stages = vec![peak(&signal)];
        let mut run = |output: Vec<Vec<f32>>| {
            stages.push(peak(&output[0]));
            output[0].clone()
        };
        signal = run(gate.render(&signal, 2, 2));
        signal = run(amp.render(&signal, 2, 2));
        signal = run(cabinet.render(&signal, 2, 2));
        signal = run(delay.render(&signal, 2, 2));
        run(reverb.render(&signal, 2, 2));
        let decibels: Vec<f32> = stages.iter().map(|peak| (200.0 * peak.log10()).round() / 10.0).collect();
        println!("{frequency} Hz: peaks {decibels:?} dBFS (in, gate, amp, cabinet, delay, reverb)");
        let last = stages[stages.len() - 1];
        assert!(last < 1.0 && last > 0.12, "peak {last} at {frequency} Hz: {decibels:?}");
        assert!(signal.iter().all(|x| x.is_finite()));
    }
}

/// A mono guitar into a stereo output feeds both sides of every effect.
#[test]
fn mono_to_stereo_feeds_both_sides() {
    fn check<P: Plugin>() {
        let input = plucks(9600, RATE);
        let mut wide = Rig::<P>::new(&EFFECT_LAYOUTS[2]);
        let mut narrow = Rig::<P>::new(stereo());
        assert_eq!(wide.render(&input, 1, 2), narrow.render(&input, 2, 2), "{}", P::NAME);
        let mut mono = Rig::<P>::new(&EFFECT_LAYOUTS[1]);
        assert!(peak(&mono.render(&input, 1, 1)[0]) > 0.01, "{}", P::NAME);
    }
    check::<Gate>();
    check::<Amp>();
    check::<Cabinet>();
    check::<Delay>();
    check::<Reverb>();
}

/// Silence in: a tail while the past sounds, `Normal` from the moment there is nothing left, and then exact zeros.
#[test]
fn effects_sleep_after_their_tail() {
    fn check<P: Plugin>(seconds: f32) {
        let mut rig = Rig::<P>::new(stereo());
        rig.render(&plucks(2400, RATE), 2, 2);
        assert!(matches!(rig.status, ProcessStatus::Tail(_)), "{}", P::NAME);
        rig.render(&vec![0.0; (seconds * RATE) as usize], 2, 2);
        assert_eq!(rig.status, ProcessStatus::Normal, "{}", P::NAME);
        assert_eq!(peak(&rig.render(&[0.0; 640], 2, 2)[0]), 0.0);
    }
    check::<Gate>(1.0);
    check::<Amp>(1.0);
    check::<Cabinet>(1.0);
    check::<Delay>(6.0);
    check::<Reverb>(4.0);
}

/// The amp's latency is told to the host; the other effects have none unless asked to look ahead.
#[test]
fn latencies_are_reported() {
    let latency = |host: &Cell<u32>| host.get();
    assert_eq!(latency(&Rig::<Gate>::new(stereo()).host.latency), 0);
    assert_eq!(latency(&Rig::<Amp>::new(stereo()).host.latency), 28);
    assert_eq!(latency(&Rig::<Cabinet>::new(stereo()).host.latency), 0);
}

/// Sets a parameter as a host would.
fn set(parameter: &impl Param, text: &str) {
    let normalized = parameter.string_to_normalized_value(text).unwrap();
    // SAFETY: the pointer was made from a living parameter just now.
    unsafe { parameter.as_ptr()._internal_set_normalized_value(normalized) };
}

/// A lookahead changed while the gate runs asks for one restart and becomes the latency with it.
#[test]
fn lookahead_restarts_the_gate() {
    let mut rig = Rig::<Gate>::new(stereo());
    set(&rig.plugin.parameters().lookahead, "2 ms");
    rig.render(&[0.1; 640], 2, 2);
    assert_eq!((rig.host.restarts.get(), rig.host.latency.get()), (1, 0));
    rig.activate(stereo());
    rig.render(&[0.1; 640], 2, 2);
    assert_eq!((rig.host.restarts.get(), rig.host.latency.get()), (1, 96));
}

/// A file chosen while the cabinet runs is loaded and heard; one that is missing leaves the built-in response and a
/// clear state.
#[test]
fn cabinet_follows_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thin.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 44_100,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for sample in [1.0f32, -0.9, 0.0, 0.0] {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let input = plucks(19_200, RATE);
    let mut rig = Rig::<Cabinet>::new(stereo());
    let built_in = rig.render(&input, 2, 2);
    let response = &rig.plugin.parameters().clone().response;
    response.choose(path.to_str().unwrap());
    rig.render(&input, 2, 2);
    assert_eq!(response.state(), ResponseState::File);
    rig.plugin.reset();
    let loaded = rig.render(&input, 2, 2);
    assert_ne!(loaded, built_in);
    response.choose("nowhere.wav");
    rig.render(&input, 2, 2);
    assert!(matches!(response.state(), ResponseState::Failed(_)));
    rig.plugin.reset();
    assert_eq!(rig.render(&input, 2, 2), built_in);
}

/// Half a beat at 150 to the minute is 200 ms: the first echo comes 9,600 frames after the sound.
#[test]
fn delay_follows_the_tempo() {
    let mut rig = Rig::<Delay>::new(stereo());
    rig.host.transport.tempo = Some(150.0);
    let parameters: Arc<_> = rig.plugin.parameters().clone();
    assert_eq!(NoteValue::Eighth.beats(), Some(0.5));
    set(&parameters.sync, "1/8");
    rig.activate(stereo());
    let mut input = vec![0.0; 12_000];
    input[0] = 1.0;
    let output = rig.render(&input, 2, 2);
    assert!(peak(&output[0][1..9600]) == 0.0 && output[0][9600] > 0.1);
}

/// ```text
/// frame   0           100      4900     ...
///         |  silence  on       off      release, end told with the note's own numbers
/// ```
#[test]
fn synth_plays_on_the_frame_and_tells_the_end() {
    let mut rig = Rig::<Synth>::new(&INSTRUMENT_LAYOUTS[0]);
    let (voice_id, channel, key) = (VoiceID::ID(7), Channel::Number(2), Key::Number(64));
    rig.host.events = VecDeque::from([
        NoteEvent::NoteOn { timing: 100, voice_id, channel, key, velocity: 0.8 },
        NoteEvent::NoteOff { timing: 4900, voice_id: VoiceID::Wildcard, channel, key, velocity: 0.0 },
    ]);
    let mut channels = vec![vec![0.0; 8192]; 2];
    rig.process(&mut channels);
    assert_eq!(peak(&channels[0][..100]), 0.0);
    assert!(peak(&channels[0][100..200]) > 0.0 && channels[0] == channels[1]);
    assert!(matches!(rig.status, ProcessStatus::Tail(_)));
    assert!(rig.host.sent.borrow().is_empty());
    rig.render(&[0.0; 24_000], 0, 2);
    let sent = rig.host.sent.borrow();
    assert!(matches!(
        sent[..],
        [NoteEvent::VoiceTerminated {
            voice_id: VoiceID::ID(7),
            channel: Channel::Number(2),
            key: Key::Number(64),
            ..
        }]
    ));
    assert_eq!(rig.status, ProcessStatus::Normal);
}

/// Ids and class ids are what rigs and hosts remember: these never change.
#[test]
fn identities_are_fixed() {
    fn of<P: ClapPlugin + Vst3Plugin>() -> (&'static str, [u8; 16], &'static str) {
        (P::CLAP_ID, P::VST3_CLASS_ID, P::NAME)
    }
    let pack = [of::<Gate>(), of::<Amp>(), of::<Cabinet>(), of::<Delay>(), of::<Reverb>(), of::<Synth>()];
    let expected = [
        ("org.crosspoint.gate", *b"CrosspointGate01", "Crosspoint Gate"),
        ("org.crosspoint.amp", *b"CrosspointAmp_01", "Crosspoint Amp"),
        ("org.crosspoint.cabinet", *b"CrosspointCabine", "Crosspoint Cabinet"),
        ("org.crosspoint.delay", *b"CrosspointDelay1", "Crosspoint Delay"),
        ("org.crosspoint.reverb", *b"CrosspointReverb", "Crosspoint Reverb"),
        ("org.crosspoint.synth", *b"CrosspointSynth1", "Crosspoint Synth"),
    ];
    assert_eq!(pack, expected);
    assert!(crate::clap_entry.get_factory.is_some());
}
