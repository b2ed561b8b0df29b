//! Real plugins that others made: zam-plugins.

use crosspoint::graph::Command;
use crosspoint::{EngineSettings, Notice, PluginReference};
use crosspoint_tests::{add, engine, noise, render, skip, zam_plugins};

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
