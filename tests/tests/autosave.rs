//! Autosave with plugins that count how often they are asked for their states.

use crosspoint::graph::NodeId;
use crosspoint::session::{MachineFile, RecoveryFile, SceneEntry};
use crosspoint::{AutosavePlace, Engine, EngineSettings, PluginSetup};
use crosspoint_fixtures::ids::stateful::{SAVES, TOUCH};
use crosspoint_tests::{engine, fixture, render};
use std::time::{Duration, Instant};

/// ```text
///   in ──► touched ──► left alone ──► out          loaded from a rig file, with two scenes of long fades
/// ```
fn rig() -> Engine {
    let mut made = engine(EngineSettings::default());
    made.batch(|engine| {
        let input = engine.add_input("in", "in", &[Some(0), Some(1)])?;
        let touched = engine.add_plugin("touched", &fixture("stateful"), PluginSetup::default())?;
        let alone = engine.add_plugin("left alone", &fixture("stateful"), PluginSetup::default())?;
        let output = engine.add_output("out", "out", &[Some(0), Some(1)])?;
        engine.connect(input, touched)?;
        engine.connect(touched, alone)?;
        engine.connect(alone, output)
    })
    .unwrap();
    let mut document = made.document().unwrap();
    let scene = |name: &str| SceneEntry { name: name.to_owned(), fade: Some(60.0), ..SceneEntry::default() };
    document.scenes = vec![scene("one"), scene("other")];
    let mut engine = engine(EngineSettings::default());
    let problems = engine.load_document(&document, &MachineFile::default().map(&document)).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    engine
}

fn named(engine: &Engine, name: &str) -> NodeId {
    engine.graph().nodes().find(|(_, node)| node.name == name).map(|(id, _)| id).unwrap()
}

/// How often each of the two was asked.
fn saves(engine: &mut Engine) -> [f64; 2] {
    ["touched", "left alone"].map(|name| {
        let node = named(engine, name);
        engine.plugin(node).unwrap().parameter_value(SAVES).unwrap()
    })
}

/// Moves a parameter of the first one, which then says that its state is another; and lets time pass.
fn touch(engine: &mut Engine, value: f64) {
    let node = named(engine, "touched");
    engine.set_parameter(node, TOUCH, value).unwrap();
    render(engine, &[vec![0.0; 640], vec![0.0; 640]], 2, 640, 64);
    (0..20).for_each(|_| drop(engine.poll()));
}

/// Polls until a save is written.
fn until_saved(engine: &mut Engine, file: &RecoveryFile, before: Option<std::time::SystemTime>) -> Vec<u8> {
    let begun = Instant::now();
    while engine.autosave().saved == before {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is saved");
        engine.poll();
        std::thread::yield_now();
    }
    std::fs::read(file.path()).unwrap()
}

/// Two plugins that are as their file says are not asked at all; one that was touched is, alone, and only until its state is
/// known; under the performance lock and during a switch nobody is.
#[test]
fn only_plugins_that_have_changed_are_asked_and_never_at_a_bad_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = RecoveryFile::begin(folder.path()).unwrap();
    let mut rig = rig();
    let place = AutosavePlace { file: file.path(), every: Duration::ZERO, program: std::collections::BTreeMap::new() };
    rig.set_autosave(Some(place));
    let first = until_saved(&mut rig, &file, None);
    assert_eq!(saves(&mut rig), [0.0, 0.0], "the file has their states");

    let before = rig.autosave().saved;
    touch(&mut rig, 5.0);
    let second = until_saved(&mut rig, &file, before);
    assert_ne!(first, second, "another state is named");
    let [touched, alone] = saves(&mut rig);
    assert!(touched > 0.0 && alone == 0.0, "{touched} {alone}");
    (0..100).for_each(|_| drop(rig.poll()));
    assert_eq!(saves(&mut rig), [touched, 0.0], "it is known");

    rig.set_performance_lock(true);
    touch(&mut rig, 6.0);
    assert_eq!(saves(&mut rig), [touched, 0.0], "under the lock");
    rig.set_performance_lock(false);
    let before = rig.autosave().saved;
    touch(&mut rig, 7.0);
    until_saved(&mut rig, &file, before);
    let [touched_again, _] = saves(&mut rig);
    assert!(touched_again > touched);

    // A switch that fades for a minute.
    assert!(rig.play_scene("other").unwrap());
    touch(&mut rig, 8.0);
    assert_eq!(saves(&mut rig), [touched_again, 0.0], "during the switch");
}
