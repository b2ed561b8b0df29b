//! The rig that is edited: two inputs, four outputs, built-in nodes and plugins of the rack, some of them not joined.

use crosspoint::graph::nodes::pan::Source;
use crosspoint::graph::{ChannelLayout, Edge, Endpoint, Matrix};
use crosspoint::session::{Builtin, OutputGuard, Spillover};
use crosspoint::{Capture, Engine, EngineSettings, PluginReference, PluginSetup};
use crosspoint_tests::rack;

pub const RATE: u32 = 48_000;
/// The scenes that it has.
pub const SCENES: [&str; 3] = ["One", "Two", "Three"];

/// The plugins that are added to it.
pub fn plugin(number: usize) -> PluginReference {
    rack(["gate", "delay"][number % 2])
}

/// The built-in nodes that are added to it.
pub fn builtin(number: usize) -> Builtin {
    match number % 3 {
        0 => Builtin::Gain { layout: ChannelLayout::Stereo },
        1 => Builtin::Pan { source: Source::Stereo },
        _ => Builtin::Delay { layout: ChannelLayout::Mono, longest: 2_400 },
    }
}

/// An engine that plays the rig.
///
/// ```text
///  in ──► gate ──► volume ──► delay ──► pan ──► out 1, 2
///    └──► late ──► desk (1) ──► reverb ───────► out 3, 4     spare, amp
/// ```
pub fn engine() -> Engine {
    let mut engine =
        crosspoint_tests::engine(EngineSettings { rate: RATE, max_block: 256, ..EngineSettings::default() });
    let stereo = || ChannelLayout::Stereo;
    engine
        .batch(|engine| {
            let input = engine.add_input("in", "in", &[Some(0), Some(1)])?;
            let output = engine.add_output("out", "out", &[Some(0), Some(1), Some(2), Some(3)])?;
            // Many ways together are louder than a guard lets pass for long, and nothing would be heard of the rest.
            engine.set_output_guard(output, OutputGuard { limit: None, ..OutputGuard::default() })?;
            let add = |engine: &mut Engine, name: &str| engine.add_plugin(name, &rack(name), PluginSetup::default());
            let gate = add(engine, "gate")?;
            let delay = add(engine, "delay")?;
            let reverb = add(engine, "reverb")?;
            add(engine, "amp")?;
            let volume = engine.add_builtin("volume", Builtin::Gain { layout: stereo() })?;
            let pan = engine.add_builtin("pan", Builtin::Pan { source: Source::Stereo })?;
            let desk = Builtin::Mixer { inputs: vec![stereo(), stereo()], outputs: vec![stereo()] };
            let desk = engine.add_builtin("desk", desk)?;
            let late = engine.add_builtin("late", Builtin::Delay { layout: stereo(), longest: 4_800 })?;
            engine.add_builtin("spare", Builtin::Gain { layout: stereo() })?;
            for pair in [input, gate, volume, delay, pan].windows(2) {
                engine.connect(pair[0], pair[1])?;
            }
            let side = |first: u32| {
                let mut matrix = Matrix::new(2, 4);
                for channel in 0..2 {
                    let _within = matrix.set(channel, first + channel, Some(crosspoint::graph::Cell::UNITY));
                }
                matrix
            };
            engine.connect_edge(Edge::audio(Endpoint::new(pan, 0), Endpoint::new(output, 0), side(0)))?;
            engine.connect(input, late)?;
            engine.connect_edge(Edge::audio(Endpoint::new(late, 0), Endpoint::new(desk, 1), Matrix::diagonal(2)))?;
            engine.connect(desk, reverb)?;
            engine.connect_edge(Edge::audio(Endpoint::new(reverb, 0), Endpoint::new(output, 0), side(2)))
        })
        .expect("the rig is sound");
    tell_what_they_have(&mut engine);
    for (number, scene) in SCENES.into_iter().enumerate() {
        let volume = engine.graph().nodes().find(|(_, node)| node.name == "volume").map(|(id, _)| id);
        if let Some(volume) = volume {
            let gain = 0.25 * (number + 1) as f64;
            engine.set_parameter(volume, crosspoint::graph::nodes::gain::GAIN, gain).expect("it has a gain");
        }
        engine.store_scene(scene, &Capture::All).expect("it can be called so");
        engine.leave_scene().expect("something takes it");
    }
    engine.poll();
    // A plugin says once a block whether it sleeps, so that what is parked goes at another poll when the blocks are others.
    let spillover = Spillover { nodes: 0, ..Spillover::default() };
    engine.set_spillover(spillover).expect("it is in range");
    engine.forget_history();
    engine
}

/// A plugin of the rack keeps a value that it is told by its place in the range, which rounds it, and perhaps anew when it is
/// told what came of that. So that undo can lead back to the same state, its first values are such as stay what they are.
fn tell_what_they_have(engine: &mut Engine) {
    let nodes: Vec<_> = engine.graph().nodes().map(|(id, _)| id).collect();
    for _ in 0..32 {
        for &node in &nodes {
            let Some(plugin) = engine.plugin(node) else { continue };
            let ids: Vec<u32> = plugin.parameters().iter().map(|known| known.id).collect();
            let values: Vec<(u32, f64)> =
                ids.into_iter().filter_map(|id| Some((id, plugin.parameter_value(id)?))).collect();
            for (parameter, value) in values {
                engine.set_parameter(node, parameter, value).expect("it has it");
            }
        }
        // They hear of it in the callback.
        crosspoint_tests::render(engine, &[], 0, 256, 256);
    }
}
