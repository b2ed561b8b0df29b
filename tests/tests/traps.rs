//! One test for each trap of nice-plug 0.4.2, in which the bundled plugins are written, and of vst3 0.3.0, by which they are
//! hosted, that nothing else shows: what a host has to know of plugins made with the one, and the other leaves to its users.

use crosspoint::formats::clap::ClapLibrary;
use crosspoint::formats::{BusDirection, BusLayout, Library, Plugin};
use crosspoint::{EngineSettings, PluginSetup};
use crosspoint_tests::{engine, rack, rack_vst3};

fn clap() -> ClapLibrary {
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    unsafe { ClapLibrary::from_entry("/builtin/rack", &crosspoint_rack::clap_entry) }.expect("the rack starts")
}

/// The bundled plugin of that name.
fn make(library: &dyn Library, name: &str) -> Box<dyn Plugin> {
    let found = library.descriptors().iter().find(|descriptor| descriptor.name.to_lowercase().contains(name));
    library.instantiate(&found.expect("it is there").id).expect("it is made")
}

/// As CLAP its values go from 0 to 1, or over whole steps, and only their texts say what they mean: people are shown the
/// text, and what they type is a text.
#[test]
fn values_of_clap_are_normalised_and_texts_are_not() {
    let mut plugin = make(&clap(), "delay");
    let parameters = plugin.parameters().to_vec();
    let time = parameters.iter().find(|parameter| parameter.name == "Time").expect("it has a time");
    assert_eq!((time.minimum, time.maximum), (0.0, 1.0));
    let text = plugin.value_to_text(time.id, 0.5).expect("it has a text");
    assert!(text.ends_with(" ms") || text.ends_with(" s"), "{text}");
    let value = plugin.text_to_value(time.id, &text).expect("it is understood");
    assert_eq!(plugin.value_to_text(time.id, value), Some(text));
}

/// One state with a length before it as CLAP: eight bytes, then what the plugin keeps as VST3.
#[test]
fn the_state_of_clap_has_its_length_before_it() {
    let (clap, vst3) = (clap(), rack_vst3());
    let mut plugin = make(&clap, "delay");
    let state = plugin.save_state().expect("it has a state");
    let (length, json) = state.split_first_chunk::<8>().expect("it has a length");
    assert_eq!(u64::from_le_bytes(*length), json.len() as u64);
    assert!(serde_json::from_slice::<serde_json::Value>(json).is_ok_and(|json| json.is_object()));
    let other = make(&vst3, "delay").save_state().expect("it has a state");
    assert!(other.windows(json.len()).any(|part| part == json), "as VST3 it keeps something else");
    assert!(plugin.load_state(json).is_err(), "without the length it is no state");
    plugin.load_state(&state).expect("with it it is");
}

/// As VST3 an instrument listens to MIDI by some two thousand hidden parameters, which are nobody's; the controllers that
/// they stand for work all the same, through the host's map.
#[test]
fn parameters_for_midi_are_hidden() {
    let (clap, vst3) = (make(&clap(), "synth"), make(&rack_vst3(), "synth"));
    let visible = |plugin: &dyn Plugin| plugin.parameters().iter().filter(|parameter| !parameter.flags.hidden).count();
    assert_eq!(vst3.parameters().len(), visible(&*clap), "{:?}", vst3.parameters().len());
}

/// An instrument has no input; asked for its arrangement without an array it would refuse, and be played in none.
#[test]
fn an_instrument_without_inputs_takes_its_arrangement() {
    let mut plugin = make(&rack_vst3(), "synth");
    assert!(plugin.audio_buses(BusDirection::Input).is_empty());
    let direction = BusDirection::Output;
    let layout = plugin.audio_buses(direction)[0].layout;
    plugin.set_bus_layouts(&[BusLayout { direction, index: 0, layout }]).expect("it takes what it has");
}

/// Two packs of it in one program would both export the same names: the bundled plugins are linked beside the fixtures,
/// which export none, and both are there.
#[test]
fn linked_packs_live_side_by_side() {
    let mut engine = engine(EngineSettings::default());
    engine.add_plugin("one", &rack("delay"), PluginSetup::default()).expect("it loads");
    engine.add_plugin("other", &crosspoint_tests::fixture("delay"), PluginSetup::default()).expect("it loads");
}

/// Whoever drops a library ends its factory, and a library must not be left while anything of it lives: none ever is. A
/// plugin goes on without its library's object, and the file can be opened again.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_plugin_outlives_what_opened_it() {
    let name = format!("{}crosspoint_rack{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().expect("there is a program");
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("pack.vst3");
    let inside = bundle.join("Contents/x86_64-linux");
    std::fs::create_dir_all(&inside).expect("it is made");
    std::fs::copy(program.with_file_name(name), inside.join("pack.so")).expect("it is built beside the tests");
    let mut plugins: Vec<_> = (0..2)
        .map(|_| {
            let library = crosspoint::formats::open(&bundle).expect("it opens");
            make(&*library, "delay")
        })
        .collect();
    for plugin in &mut plugins {
        let activation = crosspoint::formats::Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: 64 };
        let processor = plugin.activate(activation).expect("it is activated");
        assert!(!plugin.save_state().expect("it has a state").is_empty());
        plugin.deactivate(processor).expect("it is its own");
    }
}
