//! Tests across the crates: golden audio, conformance, fault injection. What they share: engines with plugins, signals,
//! and what to do where something is not installed.

use assert_no_alloc::assert_no_alloc;
use crosspoint::devices::{ChannelSelection, StreamRequest};
use crosspoint::formats::vst3::Vst3Library;
use crosspoint::graph::NodeId;
use crosspoint::offline::{Job, Rendered};
use crosspoint::session::{self, Document};
use crosspoint::{Engine, EngineSettings, Notice, PluginHost, PluginReference, PluginSetup};
use crosspoint_fixtures::vst3::IPluginFactory;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

/// The name under which the bundled plugins are found.
pub const RACK: &str = "rack";
/// The name under which the bundled plugins are found as VST3.
pub const RACK_VST3: &str = "rack-vst3";
/// The name under which the fixtures of VST3 are found.
pub const FIXTURES_VST3: &str = "fixtures-vst3";
/// The name under which the fixtures are found.
pub const FIXTURES: &str = "fixtures";

/// The bundled plugins and the fixtures.
pub fn plugins() -> PluginHost {
    let mut plugins = PluginHost::new();
    // SAFETY: both packs are made by plugin frameworks; what fixtures break of their format's rules, they break on
    // purpose and within what a host must survive.
    unsafe {
        plugins.catalogue().add_linked(RACK, &crosspoint_rack::clap_entry).expect("the rack starts");
        plugins.catalogue().add_linked(FIXTURES, crosspoint_fixtures::entry()).expect("the fixtures start");
        let fixtures = Vst3Library::from_entry(FIXTURES_VST3, crosspoint_fixtures::vst3::entry);
        plugins.catalogue().add(Rc::new(fixtures.expect("the fixtures start")));
    }
    plugins.catalogue().add(Rc::new(rack_vst3()));
    plugins
}

/// An engine that knows the bundled plugins and the fixtures.
pub fn engine(settings: EngineSettings) -> Engine {
    Engine::with_plugins(settings, plugins())
}

/// The bundled plugins as VST3, linked.
pub fn rack_vst3() -> Vst3Library {
    unsafe extern "system" {
        /// Exported by the pack, which nothing else in a program of tests does.
        fn GetPluginFactory() -> *mut IPluginFactory;
    }
    // Nothing of the pack would be linked if nothing of it was named.
    let _linked = &crosspoint_rack::clap_entry;
    // SAFETY: the pack is made by a plugin framework.
    unsafe { Vst3Library::from_entry(RACK_VST3, GetPluginFactory) }.expect("the rack starts")
}

/// A bundled plugin.
pub fn rack(name: &str) -> PluginReference {
    PluginReference::in_file(RACK, Some(&format!("org.crosspoint.{name}")))
}

/// A fixture.
pub fn fixture(name: &str) -> PluginReference {
    PluginReference::in_file(FIXTURES, Some(&format!("org.crosspoint.fixture.{name}")))
}

/// Adds a plugin as it is.
pub fn add(engine: &mut Engine, reference: &PluginReference) -> NodeId {
    let name = match reference {
        PluginReference::File { id: Some(id), .. } => id.clone(),
        _ => String::new(),
    };
    engine.add_plugin(&name, reference, PluginSetup::default()).expect("the plugin loads")
}

/// Noise of a kind that is the same everywhere, within -0.5 to 0.5.
pub fn noise(seed: u32, frames: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 - 0.5
    };
    (0..frames).map(|_| next()).collect()
}

/// Renders inputs to so many outputs in blocks of a length.
pub fn render(engine: &mut Engine, inputs: &[Vec<f32>], outputs: usize, frames: usize, block: usize) -> Rendered {
    let job = Job { inputs, outputs, frames, block, compensate: true, events: &[], events_into: None };
    engine.render(&job, |_| true).expect("nothing else renders")
}

/// A rig of a stereo chain of so many plugins of one kind, with so many scenes. Each scene sets one parameter of every plugin
/// by a text; the texts take turns.
///
/// # Panics
/// If that is no rig.
pub fn rig_with_scenes(plugin: &str, parameter: &str, texts: &[&str], plugins: usize, scenes: usize) -> Document {
    let mut text = "crosspoint = 1\nname = \"Scenes\"\n\n[[input]]\nname = \"in\"\nchannels = 2\n".to_owned();
    let names: Vec<String> = (1..=plugins).map(|number| format!("plugin {number}")).collect();
    for name in &names {
        text.push_str(&format!("\n[[plugin]]\nname = \"{name}\"\nformat = \"clap\"\nid = \"{plugin}\"\n"));
    }
    text.push_str("\n[[output]]\nname = \"out\"\nchannels = 2\n");
    let ends = || std::iter::once("in").chain(names.iter().map(String::as_str)).chain(["out"]);
    for (from, to) in ends().zip(ends().skip(1)) {
        text.push_str(&format!("\n[[edge]]\nfrom = \"{from}\"\nto = \"{to}\"\n"));
    }
    for scene in 0..scenes {
        text.push_str(&format!("\n[[scene]]\nname = \"scene {scene}\"\nparameters = [\n"));
        for (place, node) in names.iter().enumerate() {
            let value = texts[(scene + place) % texts.len()];
            text.push_str(&format!("    {{ node = \"{node}\", name = \"{parameter}\", value = \"{value}\" }},\n"));
        }
        text.push_str("]\n");
    }
    let loaded = session::parse(&text, Path::new("")).expect("it is TOML");
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.document
}

/// Plays an input on both channels in blocks of a length, as a device would: a poll after each, and both outputs. No block
/// allocates, if the program's allocator is assert_no_alloc's.
///
/// # Panics
/// If the engine tells of a fault, or of commands or events that were late or lost.
pub fn play(engine: &mut Engine, input: &[f32], block: usize) -> [Vec<f32>; 2] {
    let cell = engine.cell();
    let mut heard = [Vec::new(), Vec::new()];
    for block in input.chunks(block) {
        let (mut left, mut right) = (vec![0.0; block.len()], vec![0.0; block.len()]);
        let mut outputs = [&mut left[..], &mut right[..]];
        let mut renderer = cell.take().expect("nothing else renders");
        assert_no_alloc(|| renderer.render(&[block, block], &mut outputs));
        assert!(cell.put(renderer).is_ok(), "nothing else renders");
        heard.iter_mut().zip([left, right]).for_each(|(heard, block)| heard.extend(block));
        let notices = engine.poll();
        let is_trouble = |notice: &Notice| {
            matches!(notice, Notice::Fault { .. } | Notice::CommandsLate { .. } | Notice::EventsLost { .. })
        };
        assert!(!notices.iter().any(is_trouble), "{notices:?}");
    }
    heard
}

/// Plays a constant of 1 in so many blocks of 64 frames as [`play`] does, and one of the outputs.
///
/// # Panics
/// As [`play`], or if the outputs are not the same.
pub fn play_constant(engine: &mut Engine, blocks: usize) -> Vec<f32> {
    let [left, right] = play(engine, &vec![1.0; 64 * blocks], 64);
    assert_eq!(left, right);
    left
}

/// A new rig of one fixture, which is called as it is, and that:
/// ```text
/// guitar ── fixture ── speakers
/// ```
///
/// # Panics
/// If there is no such fixture.
pub fn rig_of(name: &str) -> (Engine, NodeId) {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let guitar = engine.add_input("guitar", "guitar", &[Some(0)]).expect("it is new");
    let node = engine.add_plugin(name, &fixture(name), PluginSetup::default()).expect("the plugin loads");
    let speakers = engine.add_output("speakers", "speakers", &[Some(0), Some(1)]).expect("it is new");
    engine.connect(guitar, node).expect("both are there");
    engine.connect(node, speakers).expect("both are there");
    (engine, node)
}

/// Asks a JACK server for a client with so many ports, to be connected by hand.
///
/// # Panics
/// If they are more than any device has.
pub fn jack_request(server: &str, client: &str, inputs: usize, outputs: usize) -> StreamRequest {
    let channels =
        |count: usize| if count == 0 { ChannelSelection::none() } else { ChannelSelection::first(count).unwrap() };
    StreamRequest {
        device: Some(server.to_owned()),
        inputs: channels(inputs),
        outputs: channels(outputs),
        client_name: client.to_owned(),
        auto_connect: false,
        ..StreamRequest::default()
    }
}

/// Says loudly that a test could not run; fails where nothing may be left out.
///
/// # Panics
/// If `CROSSPOINT_REQUIRE_REAL_PLUGINS` is set.
pub fn skip(what: &str) {
    assert!(
        std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(),
        "{what} is not installed, and nothing may be skipped here"
    );
    eprintln!("SKIPPED: {what} is not installed; `cargo xtask test` installs it where it may");
}

/// A WAV in that folder of a guitar as somebody played it: of the samples that come with Sonic Pi, which are in the public
/// domain. None where these or `flac` are not installed.
///
/// # Panics
/// If they are, and the sample cannot be unpacked.
pub fn recorded_guitar(folder: &Path) -> Option<PathBuf> {
    let sample = Path::new("/usr/share/sonic-pi/samples/guit_em9.flac");
    let guitar = folder.join("guitar.wav");
    let unpack = Command::new("flac").args(["--silent", "--decode", "-o"]).arg(&guitar).arg(sample).status();
    match unpack {
        Ok(status) if sample.exists() => {
            assert!(status.success(), "flac unpacks {}", sample.display());
            Some(guitar)
        }
        _ => None,
    }
}

/// The CLAP files of zam-plugins, wherever the system puts them.
pub fn zam_plugins() -> Vec<PathBuf> {
    zam_files("clap")
}

/// The VST3 bundles of zam-plugins, in the order of [`zam_plugins`].
pub fn zam_vst3() -> Vec<PathBuf> {
    zam_files("vst3")
}

/// The files of zam-plugins of a format, which is also what their folders and names end in.
fn zam_files(format: &str) -> Vec<PathBuf> {
    let folders = ["/usr/lib", "/usr/local/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(Path::new(folder).join(format)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Za")))
        .filter(|path| path.extension().is_some_and(|extension| extension == format))
        .collect();
    files.sort();
    files
}
