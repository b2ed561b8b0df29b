//! MIDI on a real JACK server: what another client sends comes back from the rig in the same period, at the same frame.
//!
//! ```text
//!   source:out ──► crosspoint:midi_in_keys ─ rig ─ crosspoint:midi_out_synth ──► recorder:in     the server is synchronous
//! ```

mod jack_clients;
#[path = "../../host/devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[path = "../../host/devices/tests/devices/support.rs"]
#[allow(dead_code)]
mod support;

use assert_no_alloc::assert_no_alloc;
use crosspoint::devices::midi::Direction;
use crosspoint::devices::{Backend, Period, Stream, backend};
use crosspoint::session::{
    self, CrosspointPlace, EndpointEntry, MachineFile, MappingEntry, MappingTarget, MessageKind, PortSelector,
};
use crosspoint::{Engine, EngineSettings, MappingEdit, MidiEvent, Notice, PluginSetup};
use crosspoint_tests::{engine, jack_request, rack, skip};
use jack_clients::{audio_recorder, cued_source, recorded_from};
use jack_server::JackServer;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use support::eventually;

#[cfg(debug_assertions)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// A message with its frame of the server.
type Timed = (u64, Vec<u8>);

/// Bytes with their frames in a period.
type Messages = Vec<(u32, Vec<u8>)>;

/// What the source sends in a period: the bytes as they go to JACK, each with its frame, and the whole messages that they
/// are. Every frame of a period has its turn; running status, a system-exclusive message in two pieces, two messages at
/// one frame.
fn sent_in(period: u64) -> (Messages, Messages) {
    let key = (period % 100) as u8;
    let frame = (period * 7 % 60) as u32;
    let raw = vec![
        (frame, vec![0x90, key, 100]),
        (frame, vec![0xB2, 1, key]),
        (frame + 1, vec![2, key]),
        (frame + 2, vec![0xF0, 1, key]),
        (frame + 3, vec![3, 0xF7, 0xF8]),
        (frame + 3, vec![0x80, key, 64]),
    ];
    let whole = vec![
        (frame, vec![0x90, key, 100]),
        (frame, vec![0xB2, 1, key]),
        (frame + 1, vec![0xB2, 2, key]),
        (frame + 3, vec![0xF0, 1, key, 3, 0xF7]),
        (frame + 3, vec![0xF8]),
        (frame + 3, vec![0x80, key, 64]),
    ];
    (raw, whole)
}

/// Sends in every period; tells what, by frame of the server.
fn source(jack: &dyn Backend, server: &str, told: Sender<Timed>) -> Box<dyn Stream> {
    let mut number = 0;
    let callback = move |period: Period<'_>| {
        period.outputs.iter_mut().for_each(|output| output.fill(0.0));
        let (frame, Some(midi)) = (period.time.frame, period.midi) else { return };
        let (raw, whole) = sent_in(number);
        number += 1;
        raw.iter().for_each(|(frame, bytes)| {
            midi.write(0, *frame, bytes);
        });
        whole.into_iter().for_each(|(at, bytes)| {
            let _ = told.send((frame + u64::from(at), bytes));
        });
    };
    let mut stream = jack.open(&jack_request(server, "source", 0, 1), Box::new(callback)).unwrap();
    assert_eq!(stream.midi().unwrap().open(Direction::Output, "out").unwrap(), 0);
    stream
}

fn recorder(jack: &dyn Backend, server: &str, told: Sender<Timed>) -> Box<dyn Stream> {
    let callback = move |period: Period<'_>| {
        let (start, Some(midi)) = (period.time.frame, period.midi) else { return };
        midi.read(0, &mut |frame, bytes| {
            let _ = told.send((start + u64::from(frame), bytes.to_vec()));
        });
    };
    let mut stream = jack.open(&jack_request(server, "recorder", 1, 0), Box::new(callback)).unwrap();
    assert_eq!(stream.midi().unwrap().open(Direction::Input, "in").unwrap(), 0);
    stream
}

/// The rig on the server, guarded against allocation.
fn play(engine: &mut Engine, jack: &dyn Backend, server: &str, outputs: usize) {
    play_between(engine, jack, server, (0, outputs));
}

fn play_between(engine: &mut Engine, jack: &dyn Backend, server: &str, (inputs, outputs): (usize, usize)) {
    let mut callback = engine.callback();
    let guarded = move |period: Period<'_>| assert_no_alloc(|| callback.process(period));
    let stream = jack.open(&jack_request(server, "crosspoint", inputs, outputs), Box::new(guarded)).unwrap();
    engine.play_on(stream).unwrap();
}

fn wait_until_open(engine: &mut Engine, ports: usize) {
    eventually(|| {
        engine.poll();
        (engine.midi_connections().iter().filter(|port| port.open.is_some()).count() == ports).then_some(())
    });
}

/// Drops what was sent before the first message that was heard.
fn from_first(sent: &Receiver<Timed>, first: &Timed) {
    while sent.recv_timeout(support::patience()).unwrap() != *first {}
}

/// In and out to the frame, delay 0, over hundreds of periods, while the callback allocates nothing.
#[test]
fn midi_comes_back_at_its_frame() {
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let mut rig = engine(EngineSettings::default());
    let input = rig.add_event_input("keys", "keys").unwrap();
    let output = rig.add_event_output("synth", "synth").unwrap();
    rig.connect_events(input, output).unwrap();
    // Wanted before any of it is there.
    rig.open_midi(Direction::Input, "keys", "jack:source:out");
    rig.open_midi(Direction::Output, "synth", "jack:recorder:in");
    play(&mut rig, &*jack, &server.name, 1);

    let ((told, sent), (recorded, heard)) = (channel(), channel());
    let mut source = source(&*jack, &server.name, told);
    let mut recorder = recorder(&*jack, &server.name, recorded);
    source.start().unwrap();
    recorder.start().unwrap();
    wait_until_open(&mut rig, 2);
    assert!(rig.midi_connections().iter().all(|port| port.delay == Some(0)));

    // The first period may have been cut by the wiring: the count begins with a note that is whole.
    let first = loop {
        let message: Timed = heard.recv_timeout(support::patience()).unwrap();
        if message.1[0] == 0x90 {
            break message;
        }
    };
    from_first(&sent, &first);
    for count in 0..3000 {
        let heard = heard.recv_timeout(support::patience()).unwrap();
        let sent = sent.recv_timeout(support::patience()).unwrap();
        assert_eq!(heard, sent, "message {count}");
    }

    // The peer goes: told, waited for, and connected again when it is back.
    drop(source.close());
    eventually(|| {
        let lost =
            |notice: &Notice| matches!(notice, Notice::Midi { event: MidiEvent::Lost, role, .. } if role == "keys");
        rig.poll().iter().any(lost).then_some(())
    });
    let (told, _sent) = channel();
    let mut source = self::source(&*jack, &server.name, told);
    source.start().unwrap();
    wait_until_open(&mut rig, 2);
    drop(recorder.close());
    rig.close_device();
}

/// A note that comes through JACK sounds, sample for sample, as one that is sent to the same frame of a file.
#[test]
fn a_note_sounds_at_its_frame() {
    const FRAMES: usize = 9600;
    const BEGIN: u64 = 9600;
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let synth = || {
        let mut rig = engine(EngineSettings::default());
        let keys = rig.add_event_input("keys", "keys").unwrap();
        let synth = rig.add_plugin("synth", &rack("synth"), PluginSetup::default()).unwrap();
        let output = rig.add_output("output", "output", &[Some(0), Some(1)]).unwrap();
        rig.connect_events(keys, synth).unwrap();
        rig.connect(synth, output).unwrap();
        (rig, keys)
    };
    // In a file: the note at frame 17 of a block, once the fades are over with which a rig begins.
    let (mut in_file, keys) = synth();
    let event = |bytes: [u8; 3]| crosspoint::graph::event::Event {
        frame: 0,
        port: 0,
        body: crosspoint::graph::event::EventBody::Midi(bytes),
    };
    let events = [(BEGIN + 17, event([0x90, 60, 100])), (BEGIN + 2017, event([0x80, 60, 64]))];
    let job = crosspoint::offline::Job {
        inputs: &[],
        outputs: 2,
        frames: BEGIN as usize + FRAMES,
        block: 64,
        compensate: true,
        events: &events,
        events_into: Some(keys),
    };
    let expected = &in_file.render(&job, |_| true).unwrap().channels[0][BEGIN as usize..];
    assert!(expected[..17].iter().all(|sample| *sample == 0.0), "it is quiet before");
    assert!(expected[17..].iter().any(|sample| sample.abs() > 0.01), "the note sounds");
    let late = in_file.latency() as usize;

    let (mut live, _) = synth();
    live.open_midi(Direction::Input, "keys", "jack:source:out");
    play(&mut live, &*jack, &server.name, 2);
    let score = vec![(17, [0x90, 60, 100]), (2017, [0x80, 60, 64])];
    let (_source, go, began) = cued_source(&*jack, &server.name, |_| 0.0, score);
    let (recorder, heard) = audio_recorder(&*jack, &server.name);
    server.connect("crosspoint:out_1", "recorder:in_1");
    wait_until_open(&mut live, 1);
    go.store(true, Ordering::Release);
    let began = began.recv_timeout(support::patience()).unwrap() + late as u64;
    let samples = recorded_from(&heard, began, FRAMES - late, || drop(live.poll()));
    let differs = samples.iter().zip(expected).position(|(heard, expected)| heard != expected);
    assert_eq!(differs, None, "the note of the file and of the stage differ");
    drop(recorder.close());
    live.close_device();
}

/// A controller that comes through JACK moves a crosspoint from its very frame on: the constant that the same client plays
/// ramps to silence in the 5 ms from there. The engine knows of it with its next polls.
#[test]
fn a_controller_moves_a_gain_at_its_frame() {
    const CONTROLLED: u64 = 17;
    const RAMP: usize = 240;
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let mut rig = engine(EngineSettings::default());
    let input = rig.add_input("in", "in", &[Some(0)]).unwrap();
    let output = rig.add_output("out", "out", &[Some(0)]).unwrap();
    let edge = rig.connect(input, output).unwrap();
    let end = |name: &str| EndpointEntry::new(name.to_owned(), PortSelector::First);
    let place =
        CrosspointPlace { source: end("in"), destination: end("out"), source_channel: 0, destination_channel: 0 };
    let mapping = MappingEntry::new("pedal", MessageKind::Controller(7).into(), MappingTarget::Gain(place));
    rig.edit_mappings(MappingEdit::Add(mapping)).unwrap();
    rig.open_midi(Direction::Input, "pedal", "jack:source:out");
    play_between(&mut rig, &*jack, &server.name, (1, 1));

    let (_source, go, began) = cued_source(&*jack, &server.name, |_| 1.0, vec![(CONTROLLED, [0xB0, 7, 0])]);
    let (recorder, heard) = audio_recorder(&*jack, &server.name);
    server.connect("source:out_1", "crosspoint:in_1");
    server.connect("crosspoint:out_1", "recorder:in_1");
    wait_until_open(&mut rig, 1);
    // Until the constant comes through, and the mapping is with the callback.
    let mut steady = 0;
    while steady < 200 {
        let (_, input) = heard.recv_timeout(support::patience()).unwrap();
        steady = if input.iter().all(|sample| *sample == 1.0) { steady + 1 } else { 0 };
        rig.poll();
    }
    go.store(true, Ordering::Release);
    let began = began.recv_timeout(support::patience()).unwrap() + CONTROLLED;
    let mut samples = Vec::new();
    while samples.len() < 2 * RAMP {
        let (frame, input) = heard.recv_timeout(support::patience()).unwrap();
        let skip = began.saturating_sub(frame) as usize;
        assert!(input[..skip.min(input.len())].iter().all(|sample| *sample == 1.0), "it is heard too early");
        samples.extend_from_slice(&input[skip.min(input.len())..]);
        rig.poll();
    }
    assert!(samples[0] == 1.0 && samples[1] < 1.0, "the ramp begins with the message: {:?}", &samples[..4]);
    assert!(samples[..=RAMP].is_sorted_by(|before, after| before > after));
    assert!(samples[RAMP..].iter().all(|sample| *sample == 0.0));
    eventually(|| {
        rig.poll();
        let matrix = rig.graph().edge(edge).unwrap().matrix().unwrap();
        (matrix.get(0, 0).unwrap().gain == 0.0).then_some(())
    });
    drop(recorder.close());
    rig.close_device();
}

/// An example rig with the device's channels in order.
fn example(name: &str) -> Engine {
    let path = format!("{}/../examples/rigs/{name}.rig.toml", env!("CARGO_MANIFEST_DIR"));
    let document = session::load(path.as_ref()).unwrap().document;
    let mut rig = engine(EngineSettings::default());
    let problems = rig.load_document(&document, &MachineFile::default().map(&document)).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    rig
}

/// What a file of the first output has of a rig that is switched to a scene at a frame. The rig has rested before, as one on
/// a stage has.
fn switched_in_file(
    mut rig: Engine,
    signal: &[f32],
    scene: (&str, usize),
    events: &[(u64, [u8; 3])],
    frames: usize,
) -> Vec<f32> {
    let keys = rig.graph().nodes().find(|(_, node)| node.name == "keys").map(|(id, _)| id);
    let play = |rig: &mut Engine, inputs: &[Vec<f32>], from: usize, to: usize| {
        let due = events.iter().filter(|(frame, _)| (from..to).contains(&(*frame as usize)));
        let body = |bytes: [u8; 3]| crosspoint::graph::event::EventBody::Midi(bytes);
        let event = |bytes: [u8; 3]| crosspoint::graph::event::Event { frame: 0, port: 0, body: body(bytes) };
        let events: Vec<_> = due.map(|(frame, bytes)| (frame - from as u64, event(*bytes))).collect();
        let job = crosspoint::offline::Job {
            inputs,
            outputs: 2,
            frames: to - from,
            block: 64,
            compensate: false,
            events: &events,
            events_into: keys,
        };
        rig.render(&job, |_| true).unwrap().channels.swap_remove(0)
    };
    play(&mut rig, &[], 0, 1);
    play(&mut rig, &[], frames, frames + 9600);
    let (before, after) = signal.split_at(scene.1.min(signal.len()));
    let mut heard = play(&mut rig, &[before.to_vec()], 0, scene.1);
    assert!(rig.play_scene(scene.0).unwrap());
    heard.extend(play(&mut rig, &[after.to_vec()], scene.1, frames));
    heard
}

/// The guitar rig on stage: a foot switches it by MIDI in the middle of a period, and from there on every sample is as in a
/// file that is switched at that frame.
#[test]
fn the_guitar_rig_is_switched_at_its_frame() {
    const FRAMES: usize = 14_400;
    const SWITCHED: usize = 4817;
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let signal = crosspoint_tests::noise(21, FRAMES);
    let expected = switched_in_file(example("guitar-scenes"), &signal, ("Lead", SWITCHED), &[], FRAMES);
    let unswitched = switched_in_file(example("guitar-scenes"), &signal, ("Rhythm", SWITCHED), &[], FRAMES);
    assert_ne!(expected[SWITCHED..], unswitched[SWITCHED..], "the scene is heard");

    let mut live = example("guitar-scenes");
    live.open_midi(Direction::Input, "pedals", "jack:source:out");
    play_between(&mut live, &*jack, &server.name, (1, 2));
    let sound = move |since: Option<u64>| since.and_then(|since| signal.get(since as usize)).copied().unwrap_or(0.0);
    let (_source, go, began) = cued_source(&*jack, &server.name, sound, vec![(SWITCHED as u64, [0xC0, 2, 0])]);
    let (recorder, heard) = audio_recorder(&*jack, &server.name);
    server.connect("source:out_1", "crosspoint:in_1");
    server.connect("crosspoint:out_1", "recorder:in_1");
    let samples = played_live(&mut live, &heard, &go, &began, FRAMES);
    let differs = samples.iter().zip(&expected).position(|(heard, expected)| heard != expected);
    assert_eq!(differs, None, "the switch on stage and that in the file differ");
    eventually(|| {
        live.poll();
        let scenes = live.look().scenes;
        (scenes.playing.map(|place| scenes.scenes[place].name.clone()).as_deref() == Some("Lead")).then_some(())
    });
    drop(recorder.close());
    live.close_device();
}

/// The keyboard rig on stage: a program change lays the pad under the lead; the chord that follows, across the split, sounds
/// as in a file.
#[test]
fn the_keyboard_rig_is_played_and_switched_by_midi() {
    const FRAMES: usize = 19_200;
    const SWITCHED: usize = 17;
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let chord = vec![(2017, [0x90, 43, 100]), (2017, [0x90, 67, 90]), (2500, [0x90, 71, 70]), (9000, [0x80, 67, 64])];
    let expected = switched_in_file(example("keyboard"), &[], ("Layer", SWITCHED), &chord, FRAMES);
    let unswitched = switched_in_file(example("keyboard"), &[], ("Split", SWITCHED), &chord, FRAMES);
    assert_ne!(expected, unswitched, "the layer is heard");

    let mut live = example("keyboard");
    live.open_midi(Direction::Input, "keys", "jack:source:out");
    play(&mut live, &*jack, &server.name, 2);
    let score = std::iter::once((SWITCHED as u64, [0xC0, 1, 0])).chain(chord).collect();
    let (_source, go, began) = cued_source(&*jack, &server.name, |_| 0.0, score);
    let (recorder, heard) = audio_recorder(&*jack, &server.name);
    server.connect("crosspoint:out_1", "recorder:in_1");
    let samples = played_live(&mut live, &heard, &go, &began, FRAMES);
    let differs = samples.iter().zip(&expected).position(|(heard, expected)| heard != expected);
    assert_eq!(differs, None, "the chord on stage and that in the file differ");
    drop(recorder.close());
    live.close_device();
}

/// Tells the source to go once the rig has rested with all its ports, and records from the frame at which it does.
fn played_live(
    live: &mut Engine,
    heard: &Receiver<jack_clients::Heard>,
    go: &std::sync::atomic::AtomicBool,
    began: &Receiver<u64>,
    frames: usize,
) -> Vec<f32> {
    wait_until_open(live, 1);
    // The mappings are with the callback some polls later, and what sounded at the start has faded.
    for _ in 0..200 {
        heard.recv_timeout(support::patience()).unwrap();
        live.poll();
    }
    go.store(true, Ordering::Release);
    let began = began.recv_timeout(support::patience()).unwrap();
    recorded_from(heard, began, frames, || drop(live.poll()))
}
