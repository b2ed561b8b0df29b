//! A rig of 20 plugins with 128 scenes costs what it costs with one, and the differences: counted, not timed.

use crosspoint::session::MachineFile;
use crosspoint::{Engine, EngineSettings, Plugins, Readiness};
use crosspoint_fixtures::tally;
use crosspoint_tests::{plugins, rig_with_scenes};
use std::time::{Duration, Instant};

const PLUGINS: usize = 20;
const TEXTS: [&str; 8] = ["0 dB", "-1 dB", "-2 dB", "-3 dB", "-4 dB", "-5 dB", "-6 dB", "-7 dB"];

/// How many instances were made and how many texts were read meanwhile.
fn counted(during: impl FnOnce()) -> (usize, usize) {
    let before = (tally::instances(), tally::texts());
    during();
    (tally::instances() - before.0, tally::texts() - before.1)
}

/// Loads a rig with so many scenes, waits until all are prepared, plays each of them, and goes back.
fn load_and_play<P: Plugins>(engine: &mut Engine<P>, scenes: usize) {
    let document = rig_with_scenes("org.crosspoint.fixture.gain", "Gain", &TEXTS, PLUGINS, scenes);
    let loaded = engine.request_rig(document.clone(), MachineFile::default().map(&document), None);
    let begun = Instant::now();
    let problems = loop {
        engine.poll();
        if let Some(problems) = loaded.try_take() {
            break problems.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never loaded");
        std::thread::yield_now();
    };
    assert!(problems.is_empty(), "{problems:?}");
    let is_prepared = |engine: &mut Engine<P>| {
        engine.poll();
        let shown = engine.look().scenes;
        assert_eq!(shown.scenes.len(), scenes);
        shown.scenes.iter().all(|scene| scene.missing.is_empty() && scene.readiness == Readiness::Prepared)
    };
    while !is_prepared(engine) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never prepared");
        std::thread::yield_now();
    }
    for scene in 0..scenes {
        assert!(engine.play_scene(&format!("scene {scene}")).unwrap(), "scene {scene} is prepared");
        // Or what is sent to the renderer would have no room.
        let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
        assert!(engine.cell().render(&[&[0.0; 64], &[0.0; 64]], &mut [&mut left, &mut right], true));
    }
    engine.leave_scene().unwrap();
    engine.look();
}

/// Each plugin is made once, and asked once what each of its texts means, however many scenes say it: with the plugins on
/// the engine's thread and on another one.
#[test]
fn scenes_share_plugins_and_what_their_texts_mean() {
    let mut engine = Engine::with_plugins(EngineSettings::default(), plugins());
    assert_eq!(counted(|| load_and_play(&mut engine, 1)), (PLUGINS, PLUGINS));
    assert_eq!(counted(|| load_and_play(&mut engine, 128)), (PLUGINS, PLUGINS * TEXTS.len()));
    drop(engine);

    let (links, link) = std::sync::mpsc::channel();
    let main_thread = std::thread::spawn(move || {
        let (link, server) = plugins().apart();
        links.send(link).unwrap();
        server.run();
    });
    let mut engine = Engine::with_plugins(EngineSettings::default(), link.recv().unwrap());
    assert_eq!(counted(|| load_and_play(&mut engine, 1)), (PLUGINS, PLUGINS));
    assert_eq!(counted(|| load_and_play(&mut engine, 128)), (PLUGINS, PLUGINS * TEXTS.len()));
    drop(engine);
    main_thread.join().unwrap();
}
