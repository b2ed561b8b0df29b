//! What VST3 has beyond the plain plugin, through the puppet: what the host says arrives as it was said, and what the plugin
//! says is acted on.

mod rig;

use crosspoint_fixtures::vst3::ids::{self, PROGRAM_LIST, PROGRAMS};
use crosspoint_formats::vst3::Vst3Library;
use crosspoint_formats::{Library, Plugin, PluginError, PresetLocation, PresetPlace, StatePurpose};
use rig::poll;

fn fixture(id: String) -> Box<dyn Plugin> {
    // SAFETY: what the fixtures break of VST3's rules, they break within what a host must survive.
    let library = unsafe { Vst3Library::from_entry("/builtin/vst3-fixtures", crosspoint_fixtures::vst3::entry) };
    library.unwrap().instantiate(&id).unwrap()
}

/// A puppet, nothing written down yet.
fn new_puppet() -> Box<dyn Plugin> {
    let mut plugin = fixture(ids::puppet());
    notes(&mut *plugin);
    plugin
}

/// The part of the component in a state's file.
fn component(state: &[u8]) -> &[u8] {
    let list = state.windows(4).rposition(|bytes| bytes == b"List").unwrap();
    let number = |at: usize| u64::from_le_bytes(state[at..at + 8].try_into().unwrap()) as usize;
    assert_eq!(&state[list + 8..list + 12], b"Comp");
    &state[number(list + 12)..][..number(list + 20)]
}

/// What a puppet wrote down since it was last asked.
fn notes(plugin: &mut dyn Plugin) -> Vec<String> {
    let state = plugin.save_state().unwrap();
    std::str::from_utf8(component(&state)).unwrap().lines().map(str::to_owned).collect()
}

fn program(index: usize) -> PresetPlace {
    PresetPlace { location: PresetLocation::Plugin, key: Some(format!("{PROGRAM_LIST}/{index}")) }
}

/// A program is read and written where it lies, the controller hears of what is written; from a file it goes into the program
/// that is chosen. What the plugin refuses is an error and changes nothing.
#[test]
fn programs_are_read_and_written() {
    let mut plugin = new_puppet();
    let content: Vec<_> = (0..PROGRAMS.len()).map(|index| plugin.read_preset(&program(index)).unwrap()).collect();
    assert!(content[0].starts_with(b"VST3") && content[0] != content[1]);
    plugin.write_preset(&program(0), &content[1]).unwrap();
    assert_eq!(plugin.read_preset(&program(0)).unwrap(), content[1]);
    assert_eq!(notes(&mut *plugin), [format!("program 0 of {PROGRAM_LIST}: {}", PROGRAMS[1])]);

    plugin.load_preset(&program(2)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Soft.vstpreset");
    std::fs::write(&file, &content[0]).unwrap();
    plugin.load_preset(&PresetPlace::file(&file)).unwrap();
    assert_eq!(plugin.read_preset(&program(2)).unwrap(), content[0]);
    assert_eq!(poll(&mut *plugin).len(), 2);

    let mut refused = content[0].clone();
    let at = refused.windows(4).position(|bytes| bytes == b"Soft").unwrap();
    refused[at] = b'!';
    let whole = plugin.save_state_for(StatePurpose::Preset).unwrap();
    for wrong in [&refused[..], &whole, &content[0][..60], b""] {
        assert!(matches!(plugin.write_preset(&program(1), wrong), Err(PluginError::Failed { .. })));
    }
    assert!(matches!(plugin.read_preset(&program(3)), Err(PluginError::Failed { .. })));
    assert!(matches!(plugin.read_preset(&PresetPlace::file(&file)), Err(PluginError::Failed { .. })));
    assert_eq!(plugin.read_preset(&program(1)).unwrap(), content[1]);

    // Another list, and a plugin whose programs are its own matter.
    let foreign = PresetPlace { location: PresetLocation::Plugin, key: Some("8/0".to_owned()) };
    assert!(matches!(plugin.read_preset(&foreign), Err(PluginError::Unsupported { .. })));
    assert!(matches!(fixture(ids::echo()).write_preset(&program(0), &content[0]), Err(PluginError::Failed { .. })));
    assert!(matches!(fixture(ids::split()).read_preset(&program(0)), Err(PluginError::Unsupported { .. })));
}

/// What a program says of its instrument and its character are its features.
#[test]
fn programs_have_features() {
    let mut plugin = new_puppet();
    let features: Vec<_> = plugin.presets().into_iter().map(|preset| preset.features).collect();
    assert_eq!(features, [vec![], vec!["Bass".to_owned(), "Synth".to_owned(), "Bright".to_owned()], vec![]]);
}
