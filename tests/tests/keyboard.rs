//! The keyboard rig with splits and layers, played by MIDI: each zone plays what it should, and nothing else.

use crosspoint::graph::NodeId;
use crosspoint::graph::event::{Event, EventBody, NoteAddress};
use crosspoint::offline::Job;
use crosspoint::session::{self, Document, EntryKind, HardwareSignal, MachineFile};
use crosspoint::{Engine, EngineSettings, Readiness};
use crosspoint_tests::engine;
use std::path::{Path, PathBuf};

const FRAMES: usize = 24_000;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rigs/keyboard.rig.toml")
}

fn example() -> Document {
    let loaded = session::load(&path()).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.document
}

fn loaded(document: &Document) -> Engine {
    let mut engine = engine(EngineSettings::default());
    let problems = engine.load_document(document, &MachineFile::default().map(document)).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    engine
}

fn named(engine: &Engine, name: &str) -> NodeId {
    engine.graph().nodes().find(|(_, node)| node.name == name).map(|(id, _)| id).unwrap()
}

/// The first output while events come in at nodes, each at its frame.
fn play(engine: &mut Engine, events: &[(&str, u64, EventBody)]) -> Vec<f32> {
    let start = engine.cell().with(|renderer| renderer.frame()).unwrap();
    for (node, frame, body) in events {
        let node = named(engine, node);
        engine.send_event(node, start + frame, Event { frame: 0, port: 0, body: *body }).unwrap();
    }
    let job =
        Job { inputs: &[], outputs: 2, frames: FRAMES, block: 64, compensate: true, events: &[], events_into: None };
    engine.render(&job, |_| true).unwrap().channels.swap_remove(0)
}

fn key(frame: u64, key: u8, velocity: u8) -> [(&'static str, u64, EventBody); 2] {
    let midi = |bytes: [u8; 3]| EventBody::Midi(bytes);
    [("keys", frame, midi([0x90, key, velocity])), ("keys", frame + 12_000, midi([0x80, key, 64]))]
}

/// The same rig with its zones taken out: each is an input of its own, and the keyboard leads nowhere.
fn without_zones() -> Document {
    let mut document = example();
    for node in &mut document.nodes {
        if node.name.ends_with(" zone") {
            node.kind = EntryKind::Input { role: node.name.clone(), signal: HardwareSignal::Events };
        }
    }
    document.edges.retain(|edge| edge.source.node != "keys");
    document.scenes.clear();
    document
}

/// What a zone should let through, by hand: the node, the key and the velocity from 0 to 1.
fn heard_as(frame: u64, zone: &'static str, key: u8, velocity: f64) -> [(&'static str, u64, EventBody); 2] {
    let address = NoteAddress::key(0, key);
    [
        (zone, frame, EventBody::NoteOn { address, velocity }),
        (zone, frame + 12_000, EventBody::NoteOff { address, velocity: 64.0 / 127.0 }),
    ]
}

/// The example is canonical, and all its scenes are prepared once it is loaded.
#[test]
fn the_example_is_canonical_and_prepared() {
    let document = example();
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("keyboard.rig.toml");
    session::save(&document, &saved).unwrap();
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), std::fs::read_to_string(path()).unwrap());
    let scenes = loaded(&document).look().scenes;
    assert_eq!(scenes.scenes.len(), 4);
    for scene in &scenes.scenes {
        assert!(scene.missing.is_empty() && scene.readiness == Readiness::Prepared, "{scene:?}");
    }
}

/// Keys on either side of the split, one at its lowest key and one below, in each scene: the same samples as of instruments
/// that are played by hand what their zones should let through.
#[test]
fn each_zone_plays_its_part_in_each_scene() {
    let soft = |velocity: f64| (velocity / 127.0).powf(0.7);
    let plain = |velocity: f64| velocity / 127.0;
    let keys: Vec<_> = [key(100, 36, 100), key(200, 59, 40), key(300, 60, 90), key(400, 79, 127)].concat();
    let split = [
        heard_as(100, "bass zone", 24, plain(100.0)),
        heard_as(200, "bass zone", 47, plain(40.0)),
        heard_as(300, "lead zone", 60, plain(90.0)),
        heard_as(400, "lead zone", 79, plain(127.0)),
    ];
    let layer = [heard_as(300, "pad zone", 60, soft(90.0)), heard_as(400, "pad zone", 79, soft(127.0))];
    let strings = [heard_as(100, "pad zone", 36, soft(100.0)), heard_as(200, "pad zone", 59, soft(40.0))];
    let solo = [heard_as(100, "lead zone", 36, plain(100.0)), heard_as(200, "lead zone", 59, plain(40.0))];
    let scenes = [
        ("Split", split.to_vec()),
        ("Layer", [&split[..], &layer[..]].concat()),
        ("Strings", [&strings[..], &layer[..]].concat()),
        ("Solo", [&solo[..], &split[2..]].concat()),
    ];
    let mut all = Vec::new();
    for (scene, parts) in scenes {
        let mut rig = loaded(&example());
        assert!(rig.play_scene(scene).unwrap());
        // Fades and glides of the switch, in silence.
        play(&mut rig, &[]);
        let heard = play(&mut rig, &keys);
        assert!(heard[..100].iter().all(|sample| *sample == 0.0) && heard.iter().any(|sample| sample.abs() > 0.01));
        let mut by_hand = loaded(&without_zones());
        if scene == "Solo" {
            let pending = by_hand.set_parameter_text(named(&by_hand, "lead"), "Cutoff", "6 kHz");
            pending.wait().unwrap();
        }
        if scene == "Strings" {
            let (edge, _) = by_hand.graph().edges().last().unwrap();
            let cell = crosspoint::graph::Cell::new(10.0_f64.powf(3.0 / 20.0) as f32);
            (0..2).for_each(|channel| by_hand.set_cell(edge, channel, channel, cell).unwrap());
        }
        play(&mut by_hand, &[]);
        let expected = play(&mut by_hand, &parts.concat());
        let differs = heard.iter().zip(&expected).position(|(heard, expected)| heard != expected);
        assert_eq!(differs, None, "{scene}");
        assert!(!all.contains(&heard), "{scene} sounds as another");
        all.push(heard);
    }
}

/// Notes that are held across a switch which closes their zones end with their keys, and no later.
#[test]
fn notes_held_across_a_switch_end_with_their_keys() {
    let mut rig = loaded(&example());
    let down = |key: u8| ("keys", 10, EventBody::Midi([0x90, key, 100]));
    let up = |key: u8| ("keys", 10, EventBody::Midi([0x80, key, 64]));
    let loudest = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    play(&mut rig, &[down(40), down(64)]);
    assert!(rig.play_scene("Strings").unwrap());
    let held = play(&mut rig, &[]);
    assert!(loudest(&held[FRAMES - 4800..]) > 0.01, "they ring on");
    let released = play(&mut rig, &[up(40), up(64)]);
    play(&mut rig, &[]);
    let after = play(&mut rig, &[]);
    assert!(loudest(&released) > 0.01 && loudest(&after) < 1e-4, "{} {}", loudest(&released), loudest(&after));
}
