//! Real plugins that others made: zam-plugins.

use crosspoint::formats::{self, Parameter, PluginError};
use crosspoint::graph::Command;
use crosspoint::session::{self, MachineFile, ParameterEntry, ParameterValue, SceneEntry};
use crosspoint::{Engine, EngineError, EngineSettings, Notice, PluginReference, PluginSetup, SceneEdit};
use crosspoint_tests::{add, engine, noise, render, skip, zam_plugins, zam_vst3};
use std::path::{Path, PathBuf};

/// Frames of what is compared.
const FRAMES: usize = 9_600;

/// All 17 in one rig, one after the other, hear noise and give something finite; none is bypassed for a fault.
#[test]
fn all_effects_run_in_a_rig() {
    all_run(&zam_plugins());
}

#[test]
fn all_vst3_effects_run_in_a_rig() {
    all_run(&zam_vst3());
}

fn all_run(files: &[PathBuf]) {
    if files.is_empty() {
        return skip("zam-plugins");
    }
    assert_eq!(files.len(), 17, "{files:?}");
    let mut engine = engine(EngineSettings::default());
    engine
        .batch(|engine| {
            let mut last = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let mut nodes = Vec::new();
            for file in files {
                let node = add(engine, &PluginReference::in_file(file, None));
                if engine.graph().node(node).is_some_and(|node| !node.audio_inputs.is_empty()) {
                    engine.connect(last, node)?;
                }
                last = node;
                nodes.push(node);
            }
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(last, output)?;
            for node in nodes {
                engine.send_command(0, Command::Meter { node, on: true })?;
            }
            Ok(())
        })
        .expect("the rig builds");
    assert!(engine.latency() >= 480, "ZaMaximX2 alone is 480 frames late: {}", engine.latency());
    let inputs = [noise(1, 24_000), noise(2, 24_000)];
    let rendered = render(&mut engine, &inputs, 2, 24_000, 64);
    let faults: Vec<_> = rendered.notices.iter().filter(|notice| matches!(notice, Notice::Fault { .. })).collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert!(rendered.channels.iter().flatten().all(|sample| sample.is_finite()));
    let mut metered = std::collections::BTreeSet::new();
    while let Some(level) = engine.next_level() {
        metered.insert(level.node);
    }
    assert_eq!(metered.len(), 17, "every one was called");
}

/// A rig of one effect, some of its parameters moved off their defaults.
fn rig_of(file: &Path, moves: &[(String, f64)]) -> Engine {
    let mut engine = engine(EngineSettings::default());
    let reference = PluginReference::in_file(file, None);
    let inputs = [Some(0), Some(1)];
    engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &inputs)?;
            let parameters = moves.iter().map(|(name, value)| ParameterEntry {
                id: None,
                name: name.clone(),
                value: ParameterValue::Plain(*value),
            });
            let setup = PluginSetup { parameters: parameters.collect(), ..PluginSetup::default() };
            let node = engine.add_plugin("effect", &reference, setup)?;
            engine.connect(input, node)?;
            let output = engine.add_output("output", "output", &inputs)?;
            engine.connect(node, output).map(|_| ())
        })
        .expect("the rig builds");
    engine
}

/// What comes out of a rig that hears noise, in blocks of a size. One of them asks for a restart at its first block; what
/// is answered comes after that.
fn sound_in_blocks(engine: &mut Engine, block: usize) -> Vec<Vec<f32>> {
    let silence = vec![0.0; FRAMES];
    render(engine, &[silence.clone(), silence], 2, FRAMES, 256);
    render(engine, &[noise(1, FRAMES), noise(2, FRAMES)], 2, FRAMES, block).channels
}

/// What comes out of one effect.
fn sound_of(file: &Path, moves: &[(String, f64)]) -> Vec<Vec<f32>> {
    sound_in_blocks(&mut rig_of(file, moves), 256)
}

/// The first few parameters that can be moved, to their ends: between them the two formats round in different places.
fn moves(file: &Path) -> Vec<(String, f64)> {
    let library = formats::open(file).expect("it loads");
    let plugin = library.instantiate(&library.descriptors()[0].id).expect("it is made");
    let can_move = |parameter: &&Parameter| !parameter.flags.read_only && !parameter.flags.hidden;
    let parameters = plugin.parameters().iter().filter(can_move).take(4);
    parameters.map(|parameter| (parameter.name.clone(), parameter.maximum)).collect()
}

/// The same effect as CLAP and as VST3 gives the same samples.
#[test]
fn both_formats_sound_alike() {
    let (clap, vst3) = (zam_plugins(), zam_vst3());
    if clap.is_empty() || vst3.is_empty() {
        return skip("zam-plugins");
    }
    assert_eq!((clap.len(), vst3.len()), (17, 17));
    for (clap, vst3) in clap.iter().zip(&vst3) {
        assert_eq!(clap.file_stem(), vst3.file_stem());
        assert!(sound_of(clap, &[]).iter().flatten().any(|&sample| sample != 0.0), "{clap:?} is mute");
        for moves in [Vec::new(), moves(clap)] {
            let (one, other) = (sound_of(clap, &moves), sound_of(vst3, &moves));
            for (one, other) in one.iter().zip(&other) {
                let first = one.iter().zip(other).position(|(a, b)| a != b);
                assert_eq!(first, None, "{vst3:?} differs, {moves:?}");
            }
        }
    }
}

/// ZaMaximX2 as CLAP tells its latency in its first block only, and asks for a restart. A rig that renders can answer at the
/// end of that block, wherever that is: until the restart is over, 2,876 frames in with blocks of 799, the sound depends on
/// the size of the first block, the same in every run. As VST3 it knows its latency beforehand, and from the first frame
/// on no block size is heard.
#[test]
fn a_restart_in_the_first_block_ends_with_that_block() {
    let (clap, vst3) = (zam_plugins(), zam_vst3());
    let is_it = |file: &&PathBuf| file.file_stem().is_some_and(|stem| stem == "ZaMaximX2");
    let (Some(clap), Some(vst3)) = (clap.iter().find(is_it), vst3.iter().find(is_it)) else {
        return skip("zam-plugins");
    };
    let from_the_start = |file: &Path, block: usize| {
        let rendered = render(&mut rig_of(file, &[]), &[noise(1, FRAMES), noise(2, FRAMES)], 2, FRAMES, block);
        let restarts = rendered.notices.iter().filter(|notice| matches!(notice, Notice::Restarted { .. })).count();
        (restarts, rendered.channels)
    };
    let (restarts, sound) = from_the_start(clap, 799);
    assert_eq!(restarts, 1);
    assert!(from_the_start(clap, 799) == (1, sound), "it is not the same in every run");
    let (restarts, sound) = from_the_start(vst3, 64);
    assert_eq!(restarts, 0);
    assert!(from_the_start(vst3, 799).1 == sound, "its sound as VST3 depends on the block size");
    for file in [clap, vst3] {
        let [one, other] = [64, 799].map(|block| sound_in_blocks(&mut rig_of(file, &[]), block));
        assert!(one == other, "after the restart {file:?} depends on the block size");
    }
}

/// A rig of each in either format, saved and loaded, is the same file and makes the same sound: those that have a state
/// keep it in the file, and of those that leave it to the host the file has the parameters.
#[test]
fn rigs_keep_what_was_set() {
    let files = [zam_plugins(), zam_vst3()].concat();
    if files.is_empty() {
        return skip("zam-plugins");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.toml");
    for file in &files {
        let mut first = rig_of(file, &moves(file));
        session::save(&first.document().expect("it is whole"), &path).expect("it is saved");
        let text = std::fs::read_to_string(&path).expect("it is text");
        let loaded = session::load(&path).expect("it loads");
        let mut second = engine(EngineSettings::default());
        let roles = MachineFile::default().map(&loaded.document);
        let problems = second.load_document(&loaded.document, &roles).expect("it is built");
        assert!(problems.is_empty(), "{file:?}: {problems:?}");
        session::save(&second.document().expect("it is whole"), &path).expect("it is saved");
        assert_eq!(std::fs::read_to_string(&path).expect("it is text"), text, "{file:?}");
        let (one, other) = (sound_in_blocks(&mut first, 256), sound_in_blocks(&mut second, 256));
        assert!(one == other, "{file:?} sounds otherwise");
    }
}

/// All 17 give their state and take it back: what was moved before is where it was.
#[test]
fn vst3_states_are_kept() {
    let files = zam_vst3();
    if files.is_empty() {
        return skip("zam-plugins");
    }
    for file in &files {
        let library = formats::open(file).expect("it loads");
        let make = || library.instantiate(&library.descriptors()[0].id).expect("it is made");
        let mut plugin = make();
        // The choice of a program is no part of a state.
        let is_kept = |parameter: &&Parameter| !parameter.flags.read_only && !parameter.name.contains("Program");
        let parameters: Vec<Parameter> = plugin.parameters().iter().filter(is_kept).cloned().collect();
        let moved: Vec<(u32, f64)> = parameters.iter().map(|parameter| (parameter.id, parameter.maximum)).collect();
        plugin.set_parameters(&moved).expect("it takes its values");
        let state = plugin.save_state().unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let mut other = make();
        other.load_state(&state).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        for (parameter, maximum) in moved {
            let (before, after) = (plugin.parameter_value(parameter), other.parameter_value(parameter));
            assert_eq!(before, after, "{file:?} {:?}, set to {maximum}", name(&*plugin, parameter));
        }
        assert_eq!(other.save_state().expect("it gives it again"), state, "{file:?}");
    }
}

fn name(plugin: &dyn formats::Plugin, parameter: u32) -> Option<String> {
    let found = plugin.parameters().iter().find(|known| known.id == parameter);
    found.map(|parameter| parameter.name.clone())
}

/// ```text
/// noise ── effect ── out      a scene has the effect's state with some parameters at their ends
/// ```
/// Into the scene and out of it: each effect has what its state says, no sample is anything but a number, none fails.
#[test]
fn scenes_share_states_of_real_effects() {
    let files = [zam_plugins(), zam_vst3()].concat();
    if files.is_empty() {
        return skip("zam-plugins");
    }
    let mut shared = 0;
    for file in files {
        let mut engine = rig_of(&file, &[]);
        let inputs = [noise(1, FRAMES), noise(2, FRAMES)];
        let play = |engine: &mut Engine| {
            let rendered = render(engine, &inputs, 2, FRAMES, 256);
            assert!(rendered.channels.iter().flatten().all(|sample| sample.is_finite()), "{file:?}");
            let is_trouble = |notice: &Notice| {
                matches!(notice, Notice::Fault { .. } | Notice::StateNotTaken { .. } | Notice::CommandsLate { .. })
            };
            assert!(!rendered.notices.iter().any(is_trouble), "{file:?}: {:?}", rendered.notices);
        };
        let node = engine.graph().nodes().find(|(_, node)| node.name == "effect").unwrap().0;
        // What it only tells, such as how much it turns down, goes with the sound.
        let set: Vec<u32> = {
            let parameters = engine.look().nodes[&node].parameters.clone();
            parameters.iter().filter(|parameter| !parameter.flags.read_only).map(|parameter| parameter.id).collect()
        };
        let values = |engine: &mut Engine| -> Vec<(u32, f64)> {
            let values = engine.look().nodes[&node].values.clone();
            values.into_iter().filter(|(id, _)| set.contains(id)).collect()
        };
        play(&mut engine);
        let base = values(&mut engine);
        for (name, value) in moves(&file) {
            let parameter = engine.look().nodes[&node].parameters.iter().find(|known| known.name == name).unwrap().id;
            engine.set_parameter(node, parameter, value).unwrap();
        }
        play(&mut engine);
        let moved = values(&mut engine);
        engine.edit_scenes(SceneEdit::SetScene(SceneEntry { name: "A".into(), ..SceneEntry::default() })).unwrap();
        match engine.share_state(node, "A", true).try_take().unwrap() {
            Ok(()) => {
                assert!(moved.is_empty() || base != moved, "{file:?}");
                shared += 1;
            }
            // A scene says the parameters of such a plugin; there is nothing else that it could have.
            Err(EngineError::Plugin { source: PluginError::Unsupported { feature: "state" }, .. }) => continue,
            Err(error) => panic!("{file:?}: {error}"),
        }
        for &(parameter, value) in &base {
            engine.set_parameter(node, parameter, value).unwrap();
        }
        play(&mut engine);
        for _ in 0..2 {
            assert!(engine.play_scene("A").unwrap());
            play(&mut engine);
            assert_eq!(values(&mut engine), moved, "{file:?}");
            engine.leave_scene().unwrap();
            play(&mut engine);
            assert_eq!(values(&mut engine), base, "{file:?}");
            assert!(!engine.look().nodes[&node].state_under_way && !engine.look().nodes[&node].bypassed);
        }
    }
    assert_eq!(shared, 17, "those of one format have states");
}
