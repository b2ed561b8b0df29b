//! Events in every dialect that a note port can declare: what is sent to the node, and what the recorder behind it saw.

mod rig;

use clap_sys::events::*;
use crosspoint_fixtures::ids;
use crosspoint_fixtures::recording::{Call, Decoded, Kind, Thread, recording};
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress, NoteId};
use rig::Running;

/// A recorder that runs, and all that it saw.
struct Recorder(Running);

impl Recorder {
    fn start(id: &str) -> Self {
        Self(Running::fixture(id))
    }

    fn recording(&mut self) -> std::sync::Arc<crosspoint_fixtures::recording::Recording> {
        let instance = self.0.plugin.parameter_value(ids::recorder::INSTANCE).unwrap();
        recording(instance as u64).unwrap()
    }

    /// Sends bodies at frames 0, 1, 2, ... of one block and gives what arrived, with kinds and frames.
    fn send(&mut self, bodies: &[EventBody]) -> Vec<(u32, u16, Decoded)> {
        let recording = self.recording();
        let mark = recording.mark();
        for (frame, &body) in bodies.iter().enumerate() {
            self.0.harness.send(Event { frame: frame as u32, port: 0, body });
        }
        self.0.process(64);
        let entries = recording.entries_from(mark);
        let event = |entry: crosspoint_fixtures::recording::Entry| match entry.kind {
            Kind::Event(event) => event.decode().map(|decoded| (event.frame, event.kind, decoded)),
            _ => None,
        };
        entries.into_iter().filter_map(event).collect()
    }

    /// As [`Self::send`], the MIDI bytes alone.
    fn bytes(&mut self, bodies: &[EventBody]) -> Vec<[u8; 3]> {
        let bytes = |(_, _, decoded)| match decoded {
            Decoded::Midi(0, bytes) => bytes,
            other => panic!("{other:?} is no MIDI"),
        };
        self.send(bodies).into_iter().map(bytes).collect()
    }

    /// As [`Self::send`], the packets alone.
    fn packets(&mut self, bodies: &[EventBody]) -> Vec<[u32; 4]> {
        let packet = |(_, _, decoded)| match decoded {
            Decoded::Midi2(0, packet) => packet,
            other => panic!("{other:?} is no packet"),
        };
        self.send(bodies).into_iter().map(packet).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn note(id: i32, channel: i8, key: i8) -> NoteAddress {
    NoteAddress { note: NoteId(id), channel, key }
}

fn on(address: NoteAddress) -> EventBody {
    EventBody::NoteOn { address, velocity: 1.0 }
}

fn off(address: NoteAddress) -> EventBody {
    EventBody::NoteOff { address, velocity: 0.0 }
}

fn express(address: NoteAddress, expression: Expression, value: f64) -> EventBody {
    EventBody::Expression { address, expression, value }
}

/// Notes keep their ids; MIDI becomes notes and expressions.
#[test]
fn a_port_that_takes_clap_alone() {
    let mut recorder = Recorder::start(ids::RECORDER);
    let seen = recorder.send(&[
        on(note(5, 2, 60)),
        express(note(5, 2, 60), Expression::Brightness, 0.25),
        EventBody::NoteChoke { address: NoteAddress::ALL },
        EventBody::Midi([0x93, 64, 127]),
        EventBody::Midi([0x83, 64, 0]),
        EventBody::Midi([0xe3, 0x7f, 0x7f]),
        EventBody::Midi([0xb3, 74, 127]),
        EventBody::Ump([0x4094_3c00, 0xffff_0000, 0, 0]),
    ]);
    let kinds: Vec<_> = seen.iter().map(|(frame, kind, _)| (*frame, *kind)).collect();
    assert_eq!(
        kinds,
        [
            (0, CLAP_EVENT_NOTE_ON),
            (1, CLAP_EVENT_NOTE_EXPRESSION),
            (2, CLAP_EVENT_NOTE_CHOKE),
            (3, CLAP_EVENT_NOTE_ON),
            (4, CLAP_EVENT_NOTE_OFF),
            (5, CLAP_EVENT_NOTE_EXPRESSION),
            (6, CLAP_EVENT_NOTE_EXPRESSION),
            (7, CLAP_EVENT_NOTE_ON),
        ]
    );
    let Decoded::Note(address, velocity) = seen[0].2 else { panic!() };
    assert_eq!((address.note_id, address.port, address.channel, address.key, velocity), (5, 0, 2, 60, 1.0));
    let Decoded::Note(address, velocity) = seen[3].2 else { panic!() };
    assert_eq!((address.note_id, address.channel, address.key, velocity), (-1, 3, 64, 1.0));
    let Decoded::Expression(address, CLAP_NOTE_EXPRESSION_TUNING, semitones) = seen[5].2 else { panic!() };
    assert_eq!((address.channel, address.key, semitones), (3, -1, 2.0));
    let Decoded::Expression(_, CLAP_NOTE_EXPRESSION_BRIGHTNESS, value) = seen[6].2 else { panic!() };
    assert_eq!(value, 1.0);
    let Decoded::Note(address, velocity) = seen[7].2 else { panic!() };
    assert_eq!((address.channel, address.key, velocity), (4, 60, 1.0));
}

#[test]
fn a_port_that_takes_midi_alone() {
    let mut recorder = Recorder::start(ids::RECORDER_MIDI);
    let seen = recorder.bytes(&[
        on(note(5, 2, 60)),
        express(note(5, 2, 60), Expression::Pressure, 1.0),
        express(note(-1, 2, -1), Expression::Tuning, -2.0),
        express(note(5, 2, 60), Expression::Volume, 1.0),
        off(note(5, 2, 60)),
        off(note(-1, 2, -1)),
        EventBody::NoteChoke { address: note(-1, 2, -1) },
        EventBody::Midi([0xb0, 1, 2]),
        EventBody::Ump([0x4094_3c00, 0xffff_0000, 0, 0]),
    ]);
    assert_eq!(
        seen,
        [
            [0x92, 60, 127],
            [0xa2, 60, 127],
            [0xe2, 0, 0],
            [0xb2, 7, 127],
            [0x82, 60, 0],
            [0xb2, 123, 0],
            [0xb2, 120, 0],
            [0xb0, 1, 2],
            [0x94, 60, 127],
        ]
    );
}

/// A quiet note-on never becomes a note-off.
#[test]
fn the_least_velocity_is_still_a_note() {
    let mut recorder = Recorder::start(ids::RECORDER_MIDI);
    let seen = recorder.bytes(&[EventBody::NoteOn { address: note(1, 0, 60), velocity: 0.0 }]);
    assert_eq!(seen, [[0x90, 60, 1]]);
}

/// An end that names no channel reaches all sixteen.
#[test]
fn an_end_for_all_reaches_every_channel() {
    let mut recorder = Recorder::start(ids::RECORDER_MIDI);
    let expected: Vec<[u8; 3]> = (0..16).map(|channel| [0xb0 | channel, 123, 0]).collect();
    assert_eq!(recorder.bytes(&[off(NoteAddress::ALL)]), expected);
}

/// Two notes of one key on channels of their own; a bend reaches its note alone; a reused channel is centred first.
#[test]
fn a_port_that_takes_mpe_gives_each_note_a_channel() {
    let mut recorder = Recorder::start(ids::RECORDER_MPE);
    let (first, second) = (note(1, 0, 60), note(2, 0, 60));
    let seen = recorder.bytes(&[
        on(first),
        on(second),
        express(second, Expression::Tuning, 48.0),
        express(first, Expression::Pressure, 0.0),
        express(first, Expression::Brightness, 1.0),
        off(second),
    ]);
    assert_eq!(
        seen,
        [[0x91, 60, 127], [0x92, 60, 127], [0xe2, 0x7f, 0x7f], [0xd1, 0, 0], [0xb1, 74, 127], [0x82, 60, 0],]
    );
    let many: Vec<_> = (0..14).map(|n| on(note(10 + n, 0, 40 + n as i8))).collect();
    let seen = recorder.bytes(&many);
    assert_eq!(&seen[13..], [[0xe2, 0, 0x40], [0x92, 53, 127]]);
}

#[test]
fn a_port_that_takes_midi2_alone() {
    let mut recorder = Recorder::start(ids::RECORDER_MIDI2);
    let seen = recorder.packets(&[
        on(note(5, 2, 60)),
        express(note(5, 2, 60), Expression::Tuning, 48.0),
        express(note(5, 2, 60), Expression::Pressure, 1.0),
        express(note(5, 2, 60), Expression::Brightness, 1.0),
        EventBody::Midi([0xb2, 7, 64]),
        EventBody::Midi([0xe2, 0, 0x40]),
        EventBody::Ump([0x4082_3c00, 0x1234_0000, 0, 0]),
    ]);
    assert_eq!(
        seen,
        [
            [0x4092_3c00, 0xffff_0000, 0, 0],
            [0x4062_3c00, 0xffff_ffff, 0, 0],
            [0x40a2_3c00, 0xffff_ffff, 0, 0],
            [0x4002_3c4a, 0xffff_ffff, 0, 0],
            [0x40b2_0700, 0x8000_0000, 0, 0],
            [0x40e2_0000, 0x8000_0000, 0, 0],
            [0x4082_3c00, 0x1234_0000, 0, 0],
        ]
    );
}

/// Notes in the dialect it likes best, controllers as they came.
#[test]
fn a_port_that_takes_everything() {
    let mut recorder = Recorder::start(ids::RECORDER_ALL);
    let seen = recorder.send(&[
        EventBody::Midi([0x90, 60, 127]),
        EventBody::Midi([0xb0, 7, 1]),
        EventBody::Ump([0x40b0_0700, 1, 0, 0]),
        on(note(1, 0, 60)),
    ]);
    let kinds: Vec<_> = seen.iter().map(|(_, kind, _)| *kind).collect();
    assert_eq!(kinds, [CLAP_EVENT_NOTE_ON, CLAP_EVENT_MIDI, CLAP_EVENT_MIDI2, CLAP_EVENT_NOTE_ON]);
}

#[test]
fn system_exclusive_messages_arrive_whole() {
    let mut recorder = Recorder::start(ids::RECORDER_MIDI);
    let bytes = [0xf0, 0x7d, 1, 2, 3, 0xf7];
    let id = recorder.0.harness.store_sysex(&bytes).unwrap();
    recorder.0.harness.send(Event { frame: 3, port: 0, body: EventBody::SysEx(id) });
    recorder.0.process(64);
    let events = recorder.recording().events();
    assert_eq!((events[0].frame, events[0].sysex.as_slice()), (3, &bytes[..]));
}

/// Values for all notes and for one, modulation, gestures; an unknown id and a value that is no number are dropped.
#[test]
fn parameter_events_carry_their_address() {
    let mut recorder = Recorder::start(ids::RECORDER);
    let (smooth, all) = (ids::recorder::SMOOTH, NoteAddress::ALL);
    let seen = recorder.send(&[
        EventBody::Gesture { parameter: smooth, begin: true },
        EventBody::Parameter { parameter: smooth, address: all, value: 7.0 },
        EventBody::Modulation { parameter: smooth, address: note(4, 1, 50), amount: -0.5 },
        EventBody::Gesture { parameter: smooth, begin: false },
        EventBody::Parameter { parameter: 9999, address: all, value: 0.0 },
        EventBody::Parameter { parameter: smooth, address: all, value: f64::NAN },
    ]);
    assert_eq!(seen.len(), 4);
    let (1, CLAP_EVENT_PARAM_VALUE, Decoded::Value(address, _, value)) = seen[1] else { panic!("{seen:?}") };
    assert_eq!((address.note_id, address.port, address.channel, address.key, value), (-1, -1, -1, -1, 1.0));
    let (2, CLAP_EVENT_PARAM_MOD, Decoded::Modulation(address, _, amount)) = seen[2] else { panic!("{seen:?}") };
    assert_eq!((address.note_id, address.port, address.channel, address.key, amount), (4, 0, 1, 50, -0.5));
    let lost = crosspoint_formats::PluginNotice::EventsLost { events: 2 };
    assert!(recorder.0.poll().contains(&lost));
}

/// 90 beats a minute, second bar of a waltz, playing.
#[test]
fn the_transport_is_told_in_beats_and_seconds() {
    let mut recorder = Recorder::start(ids::RECORDER);
    let transport = &mut recorder.0.harness.transport;
    transport.playing = true;
    transport.tempo = 90.0;
    transport.metre = (3, 4);
    transport.frame = 96_000;
    transport.quarters = 3.0;
    transport.seconds = 2.0;
    transport.bar_start = 3.0;
    transport.bar = 1;
    recorder.0.process(64);
    let recording = recorder.recording();
    let told = |entry: crosspoint_fixtures::recording::Entry| match entry.kind {
        Kind::Transport(event) => event.decode(),
        _ => None,
    };
    let transport = recording.entries().into_iter().find_map(told).unwrap();
    let expected = Decoded::Transport { tempo: Some(90.0), beats: Some(3.0), seconds: Some(2.0), is_playing: true };
    assert_eq!(transport, expected);
}

/// Each call on the thread that CLAP asks for, from the plugin's own point of view.
#[test]
fn every_call_is_made_on_its_thread() {
    let mut recorder = Recorder::start(ids::RECORDER);
    let recording = recorder.recording();
    recorder.0.process(64);
    recorder.0.processor.as_mut().unwrap().reset();
    drop(recorder);
    for (thread, call) in recording.calls() {
        let expected = match call {
            Call::StartProcessing | Call::StopProcessing | Call::Reset | Call::Process { .. } => Thread::Audio,
            _ => Thread::Main,
        };
        assert_eq!(thread, expected, "{call:?}");
    }
    let steps: Vec<_> = recording.calls().into_iter().map(|(_, call)| call).collect();
    assert!(matches!(steps[1], Call::Activate { sample_rate: 48_000.0, min_frames: 1, max_frames: 512 }), "{steps:?}");
    assert!(matches!(
        steps[2..],
        [
            Call::StartProcessing,
            Call::Process { steady_time: Some(0), frames: 64, .. },
            Call::Reset,
            Call::StopProcessing,
            Call::Deactivate,
            Call::Destroy
        ]
    ));
}

/// More events than there is room for: what ends notes finds room, and the rest is counted.
#[test]
fn a_flood_of_events_keeps_the_ends_of_notes() {
    let mut recorder = Recorder::start(ids::RECORDER);
    // Each becomes sixteen events at a MIDI port; at this one, one. The harness gives 1024 a block.
    let bodies: Vec<_> =
        (0..1024).map(|n| if n % 2 == 0 { on(note(n, 0, 60)) } else { off(note(n - 1, 0, 60)) }).collect();
    assert_eq!(recorder.send(&bodies).len(), 1024);
    drop(recorder);
    let mut recorder = Recorder::start(ids::RECORDER_MIDI);
    let bodies: Vec<_> = (0..1024)
        .map(|n| if n < 1000 { express(NoteAddress::ALL, Expression::Pan, 0.5) } else { off(note(1, 0, 60)) })
        .collect();
    for (frame, &body) in bodies.iter().enumerate() {
        assert!(recorder.0.harness.send(Event { frame: frame as u32 % 64, port: 0, body }));
    }
    let recording = recorder.recording();
    recorder.0.process(64);
    let offs = recording.events().into_iter().filter(|event| event.payload[2] >> 4 == 8).count();
    assert_eq!(offs, 24);
    assert!(
        recorder
            .0
            .poll()
            .iter()
            .any(|notice| matches!(notice, crosspoint_formats::PluginNotice::EventsLost { events } if *events > 0))
    );
}
