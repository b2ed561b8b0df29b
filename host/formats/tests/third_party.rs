//! Real plugins: the zam-plugins of Debian, if they are installed. Where they are not, each test says loudly that it was
//! skipped.

mod rig;

use std::path::PathBuf;

use crosspoint_formats::{BusDirection, Parameter, Plugin, PluginError, PluginNotice, Severity, describe, open};
use crosspoint_graph::Status;
use rig::Running;

/// The plugin files, or none with a word about it.
fn zam() -> Vec<PathBuf> {
    // Wine shows Linux's folders to a program for Windows, which cannot load what is there.
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let folders = ["/usr/lib/clap", "/usr/lib/x86_64-linux-gnu/clap", "/usr/lib64/clap"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            (name.starts_with("Zam") || name.starts_with("Za")) && name.ends_with(".clap")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        eprintln!("SKIPPED: zam-plugins are not installed (apt-get install zam-plugins)");
    }
    files
}

fn make(file: &std::path::Path) -> Box<dyn Plugin> {
    let library = open(file).unwrap();
    let id = library.descriptors()[0].id.clone();
    library.instantiate(&id).unwrap()
}

/// Each is loaded, described, run with an impulse and random-length blocks, flushed, saved, loaded and closed; nothing
/// crashes, fails or complains.
#[test]
fn all_of_them_run() {
    let files = zam();
    for file in &files {
        let plugin = make(file);
        let node = describe(&*plugin);
        eprintln!(
            "{}: {} in, {} out, {} parameters",
            node.name,
            node.audio_inputs.len(),
            node.audio_outputs.len(),
            plugin.parameters().len()
        );
        assert!(!node.audio_inputs.is_empty() && !node.audio_outputs.is_empty());
        let mut running = Running::start(plugin);
        let inputs = node.audio_inputs.iter().map(|port| port.layout.channels()).sum::<u32>() as usize;
        let mut heard = false;
        for (block, frames) in [64, 1, 512, 17, 256, 64, 480, 33].into_iter().cycle().take(400).enumerate() {
            for channel in 0..inputs {
                running.harness.input(channel).fill(0.0);
                running.harness.input(channel)[0] = if block % 16 == 0 { 0.5 } else { 0.0 };
            }
            assert_ne!(running.process(frames), Status::Error, "{}", node.name);
            heard |= running.harness.output(0)[..frames].iter().any(|&sample| sample != 0.0);
        }
        assert!(heard, "{} is mute", node.name);
        let notices = running.poll();
        let complaint = |notice: &PluginNotice| {
            matches!(
                notice,
                PluginNotice::EventFaults { .. }
                    | PluginNotice::NonFiniteOutput { .. }
                    | PluginNotice::Log { severity: Severity::HostMisbehaving, .. }
            )
        };
        assert!(!notices.iter().any(complaint), "{}: {notices:?}", node.name);
        running.stop();
        // One of them has none.
        let Some(parameter) = running.plugin.parameters().first().cloned() else { continue };
        running.plugin.set_parameters(&[(parameter.id, parameter.maximum)]).unwrap();
        assert_value(&mut *running.plugin, &parameter, parameter.maximum);
        match running.plugin.save_state() {
            Ok(state) => {
                running.plugin.set_parameters(&[(parameter.id, parameter.minimum)]).unwrap();
                running.plugin.load_state(&state).unwrap();
                assert_value(&mut *running.plugin, &parameter, parameter.maximum);
            }
            // Most of them leave their state to the host.
            Err(error) => assert!(matches!(error, PluginError::Unsupported { .. }), "{}: {error}", node.name),
        }
    }
    assert!(files.is_empty() || files.len() == 17, "{} of 17 zam-plugins", files.len());
}

fn assert_value(plugin: &mut dyn Plugin, parameter: &Parameter, expected: f64) {
    let value = plugin.parameter_value(parameter.id).unwrap();
    assert!((value - expected).abs() < 1e-3, "{}: {value}", plugin.descriptor().name);
}

#[test]
fn latency_is_what_is_reported() {
    for file in zam().iter().filter(|file| file.ends_with("ZaMaximX2.clap")) {
        let mut running = Running::start(make(file));
        assert_eq!(running.plugin.latency(), 480);
        running.stop();
    }
}

/// Five of them have a mono sidechain, which can be off.
#[test]
fn sidechains_are_auxiliary_buses() {
    let files = zam();
    let mut found = 0;
    for file in &files {
        let mut plugin = make(file);
        if plugin.audio_buses(BusDirection::Input).len() < 2 {
            continue;
        }
        found += 1;
        plugin.set_bus_active(BusDirection::Input, 1, false).unwrap();
        assert_eq!(describe(&*plugin).audio_inputs.len(), 1);
        let mut running = Running::start(plugin);
        running.harness.input(0).fill(0.1);
        assert_ne!(running.process(256), Status::Error);
        running.stop();
    }
    assert!(files.is_empty() || found == 5, "{found} with a sidechain");
}
