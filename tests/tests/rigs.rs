//! Rigs as their users know them: files, chains, plugins that misbehave, undo.

use crosspoint::graph::{Cell, Command};
use crosspoint::session::{self, MachineFile};
use crosspoint::{ChainLink, EngineSettings, Notice, PluginSetup};
use crosspoint_tests::{add, engine, fixture, noise, rack, render};

fn link(plugin: crosspoint::PluginReference) -> ChainLink {
    ChainLink::new(plugin)
}

/// No plugin at all: what goes in comes out, bit for bit, whatever the block.
#[test]
fn an_empty_chain_is_a_wire() {
    let inputs = [noise(1, 5000), noise(2, 5000)];
    for block in [1, 64, 999, 8192] {
        let mut engine = engine(EngineSettings::default());
        let chain = engine.build_chain(&[Some(0), Some(1)], &[]).unwrap();
        assert_eq!(chain.outputs, 2);
        assert_eq!(render(&mut engine, &inputs, 2, 5000, block).channels, inputs);
    }
}

/// The bundled chain gives the same bits for any partition into blocks, and lines up with its input.
#[test]
fn blocks_change_nothing() {
    let inputs = [noise(3, 20_000)];
    let render_in = |block: usize| {
        let mut engine = engine(EngineSettings::default());
        let links: Vec<ChainLink> =
            ["gate", "amp", "cabinet", "delay", "reverb"].iter().map(|name| link(rack(name))).collect();
        let chain = engine.build_chain(&[Some(0)], &links).unwrap();
        render(&mut engine, &inputs, chain.outputs, 20_000, block).channels
    };
    let whole = render_in(512);
    assert_eq!(whole.len(), 2);
    assert!(whole[0].iter().any(|&sample| sample.abs() > 0.01), "something is heard");
    for block in [37, 64, 4096] {
        let other = render_in(block);
        let differs = (0..20_000).find(|&at| (0..2).any(|side| whole[side][at].to_bits() != other[side][at].to_bits()));
        assert_eq!(differs, None, "blocks of {block}");
    }
}

/// A plugin that is late by 100 frames beside a dry path: both line up where they are summed.
#[test]
fn latency_is_compensated() {
    let mut engine = engine(EngineSettings::default());
    engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let late = engine.add_plugin("late", &fixture("latency"), PluginSetup::parameters(&[(21, 100.0)]))?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, late)?;
            engine.connect(late, output)?;
            engine.connect(input, output)
        })
        .unwrap();
    assert_eq!(engine.latency(), 100);
    let mut impulse = vec![0.0; 300];
    impulse[0] = 1.0;
    let rendered = render(&mut engine, &[impulse.clone(), impulse], 2, 300, 64);
    for channel in rendered.channels {
        let heard: Vec<(usize, f32)> = channel.into_iter().enumerate().filter(|(_, sample)| *sample != 0.0).collect();
        assert_eq!(heard, [(0, 2.0)]);
    }
}

/// A plugin whose output is not a number is bypassed and named; the rest plays on.
#[test]
fn a_plugin_that_gives_nan_is_bypassed() {
    let mut engine = engine(EngineSettings::default());
    engine.build_chain(&[Some(0), Some(1)], &[link(fixture("nan")), link(fixture("gain"))]).unwrap();
    let inputs = [vec![0.5; 48_000], vec![0.5; 48_000]];
    let rendered = render(&mut engine, &inputs, 2, 48_000, 64);
    assert!(rendered.channels.iter().flatten().all(|sample| sample.is_finite()));
    assert!(rendered.notices.iter().any(|notice| matches!(notice, Notice::Fault { .. })), "{:?}", rendered.notices);
    assert_eq!(rendered.channels[0].last(), Some(&0.5), "its bypass path is heard");
}

/// A plugin that finds out while it plays how late it is: it is restarted, and the rig follows.
#[test]
fn a_change_of_latency_is_followed() {
    let mut engine = engine(EngineSettings::default());
    engine.build_chain(&[Some(0), Some(1)], &[link(fixture("latency-changer"))]).unwrap();
    assert_eq!(engine.latency(), 0);
    let inputs = [noise(1, 48_000), noise(2, 48_000)];
    let rendered = render(&mut engine, &inputs, 2, 48_000, 64);
    assert_eq!(engine.latency(), 2048, "{:?}", rendered.notices);
    assert!(rendered.notices.iter().any(|notice| matches!(notice, Notice::Restarted { latency: 2048, .. })));
    let later = Notice::LatencyChanged { before: 0, after: 2048 };
    assert!(rendered.notices.contains(&later), "what follows lines up no more, and that is said");
    // A second render begins with what is known now, and lines up.
    let rendered = render(&mut engine, &inputs, 2, 48_000, 64);
    assert_eq!(rendered.latency, 2048);
    assert!(!rendered.notices.iter().any(|notice| matches!(notice, Notice::LatencyChanged { .. })));
}

/// A plugin that asks for a restart in every block gets a few and no more; the rig plays on.
#[test]
fn a_storm_of_restarts_is_limited() {
    let mut engine = engine(EngineSettings::default());
    engine.build_chain(&[Some(0), Some(1)], &[link(fixture("restart-storm"))]).unwrap();
    let inputs = [noise(1, 96_000), noise(2, 96_000)];
    let rendered = render(&mut engine, &inputs, 2, 96_000, 64);
    let restarts = rendered.notices.iter().filter(|notice| matches!(notice, Notice::Restarted { .. })).count();
    assert!((1..=7).contains(&restarts), "{restarts} restarts");
    let storms = rendered.notices.iter().filter(|notice| matches!(notice, Notice::RestartStorm { .. })).count();
    assert_eq!(storms, 1);
}

/// Save, load, save: the same file, the same sound. The example rig plays without a problem.
#[test]
fn a_rig_survives_its_file() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rigs/guitar.rig.toml");
    let loaded = session::load(example.as_ref()).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mapping = MachineFile::default().map(&loaded.document);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.rig.toml");
    let inputs = [noise(7, 10_000)];
    let mut first = engine(EngineSettings::default());
    let problems = first.load_document(&loaded.document, &mapping).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    session::save(&first.document().unwrap(), &path).unwrap();
    let text = std::fs::read(&path).unwrap();
    let sound = render(&mut first, &inputs, 2, 10_000, 512).channels;

    let again = session::load(&path).unwrap();
    assert!(again.problems.is_empty(), "{:?}", again.problems);
    let mut second = engine(EngineSettings::default());
    assert!(second.load_document(&again.document, &mapping).unwrap().is_empty());
    session::save(&second.document().unwrap(), &path).unwrap();
    assert_eq!(String::from_utf8(std::fs::read(&path).unwrap()), String::from_utf8(text));
    assert_eq!(render(&mut second, &inputs, 2, 10_000, 512).channels, sound);
}

/// A plugin that is not installed: the signal goes through, its state comes back out of the file as it went in.
#[test]
fn a_missing_plugin_keeps_its_place_and_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("band.rig.toml");
    let mut whole = engine(EngineSettings::default());
    whole.build_chain(&[Some(0), Some(1)], &[link(fixture("stateful"))]).unwrap();
    let mut document = whole.document().unwrap();
    for node in &mut document.nodes {
        if let session::EntryKind::Plugin(plugin) = &mut node.kind {
            plugin.plugin.id = "com.example.gone".to_owned();
        }
    }
    session::save(&document, &path).unwrap();
    let before = std::fs::read_to_string(&path).unwrap();

    let loaded = session::load(&path).unwrap();
    let mapping = MachineFile::default().map(&loaded.document);
    let mut poor = engine(EngineSettings::default());
    let problems = poor.load_document(&loaded.document, &mapping).unwrap();
    assert!(problems.iter().any(|problem| problem.message.contains("com.example.gone")), "{problems:?}");
    let inputs = [noise(1, 1000), noise(2, 1000)];
    assert_eq!(render(&mut poor, &inputs, 2, 1000, 64).channels, inputs);
    session::save(&poor.document().unwrap(), &path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
}

/// Removing a plugin, taking that back: the very same instance plays on, with its parameters.
#[test]
fn undo_brings_a_plugin_back() {
    let mut engine = engine(EngineSettings::default());
    let (gain, input, output) = engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let gain = add(engine, &fixture("gain"));
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, gain)?;
            engine.connect(gain, output)?;
            Ok((gain, input, output))
        })
        .unwrap();
    engine.set_parameter(gain, 31, 0.25).unwrap();
    let ones = [vec![1.0; 4800], vec![1.0; 4800]];
    assert_eq!(render(&mut engine, &ones, 2, 4800, 64).channels[0].last(), Some(&0.25));
    engine.apply(vec![crosspoint::graph::graph::Edit::RemoveNode { id: gain }]).unwrap();
    assert_eq!(render(&mut engine, &ones, 2, 4800, 64).channels[0].last(), Some(&0.0));
    assert!(engine.undo().unwrap());
    assert_eq!(render(&mut engine, &ones, 2, 4800, 64).channels[0].last(), Some(&0.25));
    let _ = (input, output);
}

/// A crosspoint moved while the rig plays: a ramp without a step, then rest at the new gain.
#[test]
fn a_crosspoint_ramps() {
    let mut engine = engine(EngineSettings::default());
    let edge = engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, output)
        })
        .unwrap();
    let ones = [vec![1.0; 4800], vec![1.0; 4800]];
    render(&mut engine, &ones, 2, 4800, 64);
    engine.set_cell(edge, 0, 0, Cell::new(0.0)).unwrap();
    let moved = render(&mut engine, &ones, 2, 4800, 64).channels;
    let steepest = moved[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 1.0 / 240.0 + 1e-6, "a step of {steepest}");
    assert_eq!((moved[0].last(), moved[1].last()), (Some(&0.0), Some(&1.0)));
}

/// A change of sample rate: every plugin is activated anew, the rig is the same.
#[test]
fn another_rate_keeps_the_rig() {
    let mut engine = engine(EngineSettings::default());
    engine.build_chain(&[Some(0), Some(1)], &[link(fixture("gain"))]).unwrap();
    let inputs = [noise(1, 2000), noise(2, 2000)];
    assert_eq!(render(&mut engine, &inputs, 2, 2000, 64).channels, inputs);
    engine.rebuild(EngineSettings { rate: 96_000, ..EngineSettings::default() }).unwrap();
    assert_eq!(render(&mut engine, &inputs, 2, 2000, 64).channels, inputs);
    assert!(engine.rebuild(EngineSettings { rate: 0, ..EngineSettings::default() }).is_err());
    engine.send_command(0, Command::Play(true)).unwrap();
}
