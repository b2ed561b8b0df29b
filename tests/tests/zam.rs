//! Real plugins that others made: zam-plugins.

use crosspoint::formats::{self, Parameter};
use crosspoint::graph::Command;
use crosspoint::session::{ParameterEntry, ParameterValue};
use crosspoint::{EngineSettings, Notice, PluginReference, PluginSetup};
use crosspoint_tests::{add, engine, noise, render, skip, zam_plugins, zam_vst3};
use std::path::Path;

/// All 17 in one rig, one after the other, hear noise and give something finite; none is bypassed for a fault.
#[test]
fn all_effects_run_in_a_rig() {
    let files = zam_plugins();
    if files.is_empty() {
        return skip("zam-plugins");
    }
    assert_eq!(files.len(), 17, "{files:?}");
    let mut engine = engine(EngineSettings::default());
    engine
        .batch(|engine| {
            let mut last = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let mut nodes = Vec::new();
            for file in &files {
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

/// What comes out of one effect that hears noise, some of its parameters moved off their defaults.
fn sound_of(file: &Path, moves: &[(String, f64)]) -> Vec<Vec<f32>> {
    let mut engine = engine(EngineSettings::default());
    let reference = PluginReference::in_file(file, None);
    let inputs = [Some(0), Some(1)];
    let frames = 9_600;
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
    // One of them asks for a restart at its first block; what is compared comes after that.
    let silence = vec![0.0; frames];
    render(&mut engine, &[silence.clone(), silence], 2, frames, 256);
    render(&mut engine, &[noise(1, frames), noise(2, frames)], 2, frames, 256).channels
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
