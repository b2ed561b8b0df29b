//! Presets through the engine: listed in a process of their own, loaded, saved, taken back; the same words for both formats.

use crosspoint::formats::clap::ClapLibrary;
use crosspoint::formats::inspect::{self, InspectError, Inspector};
use crosspoint::formats::vst3::Vst3Library;
use crosspoint::formats::{Library, LoadError, PluginNotice, PresetLocation, PresetPlace};
use crosspoint::plugins::choose_preset;
use crosspoint::{Action, Done, Engine, EngineError, EngineSettings, Notice, PluginReference, PluginSetup};
use crosspoint_fixtures::vst3::ids;
use crosspoint_tests::{FIXTURES, FIXTURES_VST3, add, engine, fixture, plugins, skip, zam_vst3};
use std::path::Path;

/// Not a test: what the others look at plugins with, which is this program again.
#[test]
fn worker() {
    if std::env::var_os("CROSSPOINT_SCAN_WORKER").is_some() {
        inspect::serve(open);
    }
}

/// The linked fixtures by their names, and files.
fn open(path: &Path) -> Result<Box<dyn Library>, LoadError> {
    // SAFETY: what fixtures break of their format's rules, they break on purpose and within what a host must survive.
    unsafe {
        Ok(match path.to_str() {
            Some(FIXTURES) => Box::new(ClapLibrary::from_entry(FIXTURES, crosspoint_fixtures::entry())?),
            Some(FIXTURES_VST3) => Box::new(Vst3Library::from_entry(FIXTURES_VST3, crosspoint_fixtures::vst3::entry)?),
            _ => return crosspoint::formats::open(path),
        })
    }
}

fn inspector() -> Inspector {
    let mut inspector = Inspector::new(std::env::current_exe().unwrap());
    inspector.worker.arguments = ["--exact", "worker", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec();
    inspector
}

fn vst3(id: &str) -> PluginReference {
    PluginReference::in_file(FIXTURES_VST3, Some(id))
}

fn value(engine: &Engine, node: crosspoint::graph::NodeId, parameter: u32) -> Option<f64> {
    engine.description(node).and_then(|known| known.value(parameter))
}

/// CLAP's own discovery and VST3's programs, by one call; what has none, and what crashes meanwhile, says so.
#[test]
fn presets_of_both_formats_are_listed() {
    let mut engine = engine(EngineSettings::default());
    let puppet = add(&mut engine, &fixture("puppet"));
    assert!(matches!(engine.presets(puppet).wait(), Err(EngineError::NoInspector)));
    engine.set_inspector(inspector());
    let names = |engine: &mut Engine, node| -> Vec<String> {
        let found = engine.presets(node).wait().unwrap();
        found.presets.presets.into_iter().map(|preset| preset.name).collect()
    };
    assert_eq!(names(&mut engine, puppet), ["Bright", "Dark"]);
    let echo = add(&mut engine, &vst3(&ids::echo()));
    assert_eq!(names(&mut engine, echo), ids::PROGRAMS);
    // Dark does not say which plugin it is for, so it may be for any of the file.
    let gain = add(&mut engine, &fixture("gain"));
    assert_eq!(names(&mut engine, gain), ["Dark"]);
    let crashed = inspector().presets(FIXTURES.as_ref(), Some("org.crosspoint.fixture.aborts-in-init"));
    assert!(matches!(crashed, Err(InspectError::Crashed { .. })), "{crashed:?}");
}

/// A program is loaded, taken back and made again; then a wish that the plugin refuses, which is no step.
#[test]
fn a_preset_is_a_step_of_the_history() {
    use ids::echo::PROGRAM;
    let mut engine = engine(EngineSettings::default());
    let echo = add(&mut engine, &vst3(&ids::echo()));
    let program = |index: u32| PresetPlace {
        location: PresetLocation::Plugin,
        key: Some(format!("{}/{index}", ids::PROGRAM_LIST)),
    };
    engine.load_preset(echo, program(1)).wait().unwrap();
    engine.load_preset(echo, program(2)).wait().unwrap();
    assert_eq!(value(&engine, echo, PROGRAM), Some(2.0));
    let notices = engine.poll();
    let loaded = |notice: &Notice| matches!(notice, Notice::Plugin { notice: PluginNotice::PresetLoaded(place), .. } if *place == program(2));
    assert!(notices.iter().any(loaded), "{notices:?}");
    let refused = engine.load_preset(echo, program(99)).wait();
    assert!(matches!(refused, Err(EngineError::Preset { .. })), "{refused:?}");
    for expected in [1.0, 0.0] {
        assert!(engine.undo().unwrap());
        assert_eq!(value(&engine, echo, PROGRAM), Some(expected));
    }
    for expected in [1.0, 2.0] {
        assert!(engine.redo().unwrap());
        assert_eq!(value(&engine, echo, PROGRAM), Some(expected));
    }
    assert!(!engine.redo().unwrap());
}

/// Saved by one plugin, loaded by another of its class as what it starts with, and refused by one of another format.
#[test]
fn preset_files_are_saved_and_loaded() {
    use ids::gain::GAIN;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Loud.vstpreset");
    let mut engine = engine(EngineSettings::default());
    let setup = PluginSetup::parameters(&[(GAIN, 2.5)]);
    let loud = engine.add_plugin("loud", &vst3(&ids::gain()), setup).unwrap();
    engine.save_preset(loud, file.clone()).wait().unwrap();
    assert!(std::fs::read(&file).unwrap().starts_with(b"VST3"));
    let setup = PluginSetup { preset: Some(PresetPlace::file(&file)), ..PluginSetup::default() };
    let other = engine.add_plugin("other", &vst3(&ids::gain()), setup.clone()).unwrap();
    assert_eq!(value(&engine, other, GAIN), Some(2.5));
    // Parameters stand above the preset.
    let both = PluginSetup { preset: setup.preset.clone(), ..PluginSetup::parameters(&[(GAIN, 0.5)]) };
    let third = engine.add_plugin("third", &vst3(&ids::gain()), both).unwrap();
    assert_eq!(value(&engine, third, GAIN), Some(0.5));
    let foreign = engine.add_plugin("foreign", &vst3(&ids::split()), setup);
    assert!(matches!(foreign, Err(EngineError::Preset { .. })), "{foreign:?}");
    let clap = add(&mut engine, &fixture("gain"));
    let saved = engine.save_preset(clap, folder.path().join("no.vstpreset")).wait();
    assert!(matches!(saved, Err(EngineError::Unfit { .. })), "{saved:?}");
    let nowhere = engine.save_preset(loud, folder.path().join("absent/no.vstpreset")).wait();
    assert!(matches!(nowhere, Err(EngineError::File { .. })), "{nowhere:?}");
}

/// Over the line to another thread's plugins, by actions: two presets and two undos in one breath, before anything is
/// answered.
#[test]
fn presets_are_loaded_by_actions() {
    use ids::gain::GAIN;
    let folder = tempfile::tempdir().unwrap();
    let (link, mut server) = plugins().apart();
    let mut engine = Engine::with_plugins(EngineSettings::default(), link);
    let handle = engine.handle();
    let node = engine.add_plugin("gain", &vst3(&ids::gain()), PluginSetup::parameters(&[(GAIN, 1.5)])).unwrap();
    let file = folder.path().join("Now.vstpreset");
    let saved = handle.send(Action::SavePreset { node, file: file.clone() });
    engine.poll();
    server.serve();
    engine.poll();
    assert!(matches!(saved.try_take(), Some(Ok(Done::Done))));
    let value = |engine: &Engine<_>| engine.description(node).and_then(|known| known.value(GAIN));
    let loaded = handle.send(Action::LoadPreset { node, place: PresetPlace::file(&file) });
    engine.poll();
    server.serve();
    engine.poll();
    assert!(matches!(loaded.try_take(), Some(Ok(Done::Done))));
    let state = Action::LoadState { node, state: louder(&mut plugins_engine()).into() };
    drop(handle.send(state));
    engine.poll();
    server.serve();
    engine.poll();
    assert_eq!(value(&engine), Some(4.0));
    let undone = [Action::Undo, Action::Undo, Action::Redo, Action::Redo, Action::Undo].map(|order| handle.send(order));
    engine.poll();
    server.serve();
    engine.poll();
    assert!(undone.iter().all(|answer| matches!(answer.try_take(), Some(Ok(Done::Changed(true))))));
    assert_eq!(value(&engine), Some(1.5));
    engine.redo().unwrap();
    server.serve();
    engine.poll();
    assert_eq!(value(&engine), Some(4.0));
}

fn plugins_engine() -> Engine {
    engine(EngineSettings::default())
}

/// The state of a gain at its most.
fn louder(engine: &mut Engine) -> Vec<u8> {
    let setup = PluginSetup::parameters(&[(ids::gain::GAIN, 4.0)]);
    let node = engine.add_plugin("gain", &vst3(&ids::gain()), setup).unwrap();
    engine.plugin(node).unwrap().save_state().unwrap()
}

/// Real plugins that others made: programs where they have some, and a preset file that goes round.
#[test]
fn zam_has_programs() {
    let files = zam_vst3();
    if files.is_empty() {
        return skip("zam-plugins");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(EngineSettings::default());
    engine.set_inspector(inspector());
    let (mut programs, mut others) = (0, 0);
    for (index, file) in files.iter().enumerate() {
        let node = add(&mut engine, &PluginReference::in_file(file, None));
        let found = engine.presets(node).wait().unwrap();
        assert_eq!(found.presets.problems, [], "{file:?}");
        programs += found.presets.presets.len();
        let saved = folder.path().join(format!("{index}.vstpreset"));
        engine.save_preset(node, saved.clone()).wait().unwrap();
        let before = std::fs::read(&saved).unwrap();
        if let Some(last) = found.presets.presets.last() {
            let chosen = choose_preset(&found.presets.presets, &last.place.to_string()).unwrap();
            engine.load_preset(node, chosen.place.clone()).wait().unwrap();
        }
        // A block, in which the component hears of it.
        assert!(engine.cell().render(&[], &mut [&mut [0.0; 480]], true));
        engine.poll();
        engine.save_preset(node, saved.clone()).wait().unwrap();
        others += usize::from(std::fs::read(&saved).unwrap() != before);
        engine.load_preset(node, PresetPlace::file(saved)).wait().unwrap();
    }
    assert!(programs > 0 && others > 0, "{programs} programs, {others} of which change a state");
}
