//! Both formats side by side: the bundled plugins in each, and a rig of both.

use crosspoint::formats::Library;
use crosspoint::session::{self, MachineFile};
use crosspoint::{EngineSettings, PluginReference, PluginSetup};
use crosspoint_fixtures::vst3::ids;
use crosspoint_tests::{FIXTURES_VST3, RACK_VST3, engine, noise, rack, rack_vst3, render};

/// The bundled plugin of that name as VST3.
fn in_vst3(name: &str) -> PluginReference {
    let library = rack_vst3();
    let found = library.descriptors().iter().find(|descriptor| descriptor.name.to_lowercase().contains(name));
    let id = &found.unwrap_or_else(|| panic!("no {name} in {:?}", library.descriptors())).id;
    PluginReference::in_file(RACK_VST3, Some(id))
}

/// What one effect makes of noise.
fn sound_of(reference: &PluginReference) -> (usize, Vec<Vec<f32>>) {
    let mut engine = engine(EngineSettings::default());
    let mut parameters = 0;
    engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let node = engine.add_plugin("effect", reference, PluginSetup::default())?;
            parameters = engine.plugin(node).expect("it is there").parameters().len();
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, node)?;
            engine.connect(node, output)
        })
        .expect("the rig builds");
    (parameters, render(&mut engine, &[noise(1, 9_600), noise(2, 9_600)], 2, 9_600, 64).channels)
}

/// The same effect as CLAP and as VST3: the same parameters, the same samples.
#[test]
fn the_bundled_effects_sound_alike_in_both_formats() {
    for name in ["gate", "amp", "cabinet", "delay", "reverb"] {
        let (one, other) = (sound_of(&rack(name)), sound_of(&in_vst3(name)));
        assert!(one.1.iter().flatten().any(|sample| *sample != 0.0), "{name} is mute");
        assert!(one == other, "{name}: {} and {} parameters", one.0, other.0);
    }
}

/// Parameters that stand for MIDI controllers alone are none of people's.
#[test]
fn an_instrument_lists_its_own_parameters_alone() {
    let (clap, vst3) = (sound_of_synth(&rack("synth")), sound_of_synth(&in_vst3("synth")));
    assert_eq!(clap, vst3);
}

fn sound_of_synth(reference: &PluginReference) -> usize {
    let mut engine = engine(EngineSettings::default());
    let node = engine.add_plugin("synth", reference, PluginSetup::default()).expect("it loads");
    engine.plugin(node).expect("it is there").parameters().len()
}

/// CLAP into VST3, with a side chain that an edge alone asks for: saved and loaded, the same file and the same sound.
#[test]
fn a_rig_mixes_both_formats() {
    let gain = PluginReference::in_file(FIXTURES_VST3, Some(&ids::gain()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("both.toml");
    let mut first = engine(EngineSettings::default());
    first
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let delay = engine.add_plugin("delay", &rack("delay"), PluginSetup::default())?;
            let gain = engine.add_plugin("gain", &gain, PluginSetup::parameters(&[(ids::gain::GAIN, 0.5)]))?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, delay)?;
            engine.connect(delay, gain)?;
            engine.connect(gain, output)
        })
        .expect("the rig builds");
    session::save(&first.document().expect("it is whole"), &path).expect("it is saved");
    let text = std::fs::read_to_string(&path).expect("it is text");
    assert!(text.contains("format = \"clap\"") && text.contains("format = \"vst3\""), "{text}");
    let inputs = [noise(1, 9_600), noise(2, 9_600)];
    let sound = render(&mut first, &inputs, 2, 9_600, 64).channels;

    let reload = |path: &std::path::Path| {
        let loaded = session::load(path).expect("it loads");
        let mut engine = engine(EngineSettings::default());
        let roles = MachineFile::default().map(&loaded.document);
        let problems = engine.load_document(&loaded.document, &roles).expect("it is built");
        assert!(problems.is_empty(), "{problems:?}");
        engine
    };
    let mut second = reload(&path);
    session::save(&second.document().expect("it is whole"), &path).expect("it is saved");
    assert_eq!(std::fs::read_to_string(&path).expect("it is text"), text);
    assert!(render(&mut second, &inputs, 2, 9_600, 64).channels == sound, "it sounds otherwise");

    let side_chain = format!("{text}\n[[edge]]\nfrom = \"input\"\nto = \"gain/side chain\"\ncells = [\"1>1\"]\n");
    std::fs::write(&path, side_chain).expect("it is written");
    let mut third = reload(&path);
    assert!(render(&mut third, &inputs, 2, 9_600, 64).channels != sound, "the side chain is not heard");
}
