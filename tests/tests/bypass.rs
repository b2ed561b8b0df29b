//! Plugins and built-in nodes that are bypassed: what is heard of them, and what a rig file keeps.

use assert_no_alloc::AllocDisabler;
use crosspoint::formats::Library;
use crosspoint::graph::nodes::gain::GAIN;
use crosspoint::graph::{ChannelLayout, Command, NodeId};
use crosspoint::session::{self, Builtin, BypassMode, Mapping, Spillover};
use crosspoint::{Action, Capture, Engine, EngineSettings, PluginReference, PluginSetup};
use crosspoint_fixtures::ids;
use crosspoint_tests::{RACK_VST3, engine, fixture, noise, rack, rack_vst3};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// The device's channels in and out of one plugin.
fn rig(reference: &PluginReference, parameters: &[(u32, f64)]) -> (Engine, NodeId) {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let node = engine.batch(|engine| {
        let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
        let node = engine.add_plugin("plugin", reference, PluginSetup::parameters(parameters))?;
        let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
        engine.connect(input, node)?;
        engine.connect(node, output)?;
        Ok(node)
    });
    (engine, node.unwrap())
}

/// The left output for an input on both channels, in blocks of a length.
fn play(engine: &mut Engine, input: &[f32], block: usize) -> Vec<f32> {
    let [left, _] = crosspoint_tests::play(engine, input, block);
    left
}

/// ```text
/// 0.5 ────────────┬── 0.75 ──┐ 0.5      bypassed at 1000: the input goes past the plugin, whose ringing lasts as long as
///              1000+fade  +T            it says from the last frame that went in, and no frame longer
/// ```
#[test]
fn a_plugin_rings_exactly_as_long_as_it_does() {
    const LENGTH: usize = 1500;
    let setup = [(ids::tail::LENGTH, LENGTH as f64)];
    let ring = |block: usize| {
        let (mut engine, node) = rig(&fixture("tail"), &setup);
        engine.send_command(1000, Command::Bypass { node, on: true }).unwrap();
        play(&mut engine, &[0.5; 6000], block)
    };
    let heard = ring(64);
    let level = |sample: f32| (sample * 4.0).round() / 4.0;
    assert!(heard.iter().all(|&sample| (sample - level(sample)).abs() < 1e-6));
    let ringing: Vec<usize> = (0..6000).filter(|&frame| level(heard[frame]) == 0.75).collect();
    let fade = 240;
    assert_eq!((ringing[0], ringing.len()), (1000 + fade, LENGTH));
    assert!(heard.iter().all(|&sample| level(sample) >= 0.5));
    for block in [1, 37, 512] {
        assert_eq!(ring(block), heard, "blocks of {block}");
    }
}

/// The bundled delay, as CLAP and as VST3: its repeats are heard beside the dry signal, the same for any block.
#[test]
fn the_delay_spills_over() {
    let library = rack_vst3();
    let delay = library.descriptors().iter().find(|known| known.name.to_lowercase().contains("delay")).unwrap();
    let in_vst3 = PluginReference::in_file(RACK_VST3, Some(&delay.id));
    let mut sound = noise(5, 24_000);
    sound.resize(72_000, 0.0);
    for reference in [rack("delay"), in_vst3] {
        let spill = |bypass: Option<u64>, block: usize| {
            let (mut engine, node) = rig(&reference, &[]);
            if let Some(frame) = bypass {
                engine.send_command(frame, Command::Bypass { node, on: true }).unwrap();
            }
            play(&mut engine, &sound, block)
        };
        let energy = |heard: &[f32]| heard.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        let (through, spilt) = (spill(None, 64), spill(Some(20_000), 64));
        assert_eq!(through[..20_000], spilt[..20_000]);
        // What went in before is repeated after the sound has ended, in part of what it would be.
        let (all, part) = (energy(&through[25_000..]), energy(&spilt[25_000..]));
        assert!(part > 0.05 * all && part < all, "{part} of {all}");
        assert_eq!(spill(Some(20_000), 333), spilt);
    }
}

/// A plugin's own switch is used only where that is said; then the host does nothing else. The file keeps both.
#[test]
fn its_own_switch_is_used_if_chosen() {
    let (mut engine, node) = rig(&fixture("bypass-alters"), &[]);
    let end = |engine: &mut Engine| *play(engine, &[0.5; 2048], 64).last().unwrap();
    engine.set_bypassed(node, true).unwrap();
    assert_eq!(end(&mut engine), 0.5, "the host's bypass");
    engine.set_bypass_mode(node, BypassMode::Plugin).unwrap();
    assert_eq!(end(&mut engine), 0.25, "the plugin's, which halves");
    let look = engine.look();
    let shown = &look.nodes[&node];
    assert!(shown.bypassed && shown.bypass == BypassMode::Plugin);
    let switch = shown.parameters.iter().find(|known| known.flags.bypass).unwrap();
    assert_eq!(shown.values.iter().find(|(id, _)| *id == switch.id), Some(&(ids::unfaithful::BYPASS, 1.0)));

    let document = engine.document().unwrap();
    let mut again = crosspoint_tests::engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let mapping = session::MachineFile::default().map(&document);
    assert_eq!(again.load_document(&document, &mapping).unwrap(), []);
    assert_eq!(end(&mut again), 0.25);

    engine.set_bypassed(node, false).unwrap();
    assert_eq!(end(&mut engine), 0.5);
    // Whoever moves the switch itself has bypassed the plugin.
    engine.set_parameter(node, ids::unfaithful::BYPASS, 1.0).unwrap();
    assert!(engine.look().nodes[&node].bypassed);
    engine.set_bypass_mode(node, BypassMode::Live).unwrap();
    assert_eq!(end(&mut engine), 0.5, "the host's again");
}

/// A scene that moves the plugin's own switch while the plugin restarts: it hears of it once it is back. So it does of a mode
/// that is chosen while it is not bypassed.
#[test]
fn its_own_switch_is_told_after_a_restart() {
    let (mut engine, node) = rig(&fixture("bypass-alters"), &[]);
    let end = |engine: &mut Engine| *play(engine, &[0.5; 2048], 64).last().unwrap();
    engine.set_parameter(node, ids::unfaithful::BYPASS, 1.0).unwrap();
    assert_eq!(end(&mut engine), 0.25);
    assert!(!engine.look().nodes[&node].bypassed);
    engine.set_bypass_mode(node, BypassMode::Plugin).unwrap();
    assert_eq!(end(&mut engine), 0.5, "the rig says that it is not bypassed");

    engine.store_scene("through", &Capture::All).unwrap();
    engine.set_bypassed(node, true).unwrap();
    engine.store_scene("past", &Capture::All).unwrap();
    assert!(engine.play_scene("through").unwrap());
    assert_eq!(end(&mut engine), 0.5);
    engine.rebuild(EngineSettings { max_block: 128, ..*engine.settings() }).unwrap();
    engine.play_scene("past").unwrap();
    assert_eq!(end(&mut engine), 0.25);
    assert!(engine.look().nodes[&node].bypassed);
}

/// A built-in effect that is bypassed lets its signal through, from the first frame on if the rig says so.
#[test]
fn a_built_in_effect_lets_its_signal_through() {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let gain = engine.batch(|engine| {
        let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Stereo })?;
        let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
        engine.connect(input, gain)?;
        engine.connect(gain, output)?;
        engine.set_parameter(gain, GAIN, 0.25)?;
        Ok(gain)
    });
    let gain = gain.unwrap();
    assert_eq!(play(&mut engine, &[0.5; 4096], 64).last(), Some(&0.125));
    engine.set_bypassed(gain, true).unwrap();
    let heard = play(&mut engine, &[0.5; 4096], 64);
    assert_eq!(heard.last(), Some(&0.5));
    let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 0.375 / 240.0 * 1.01, "{steepest}");
    assert!(engine.look().nodes[&gain].bypassed);

    let document = engine.document().unwrap();
    assert!(document.node("gain").unwrap().bypassed);
    let mut again = crosspoint_tests::engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let mapping: Mapping = session::MachineFile::default().map(&document);
    assert_eq!(again.load_document(&document, &mapping).unwrap(), []);
    let heard = play(&mut again, &[0.5; 4096], 64);
    assert!(heard[..].iter().all(|&sample| sample == 0.0 || sample == 0.5), "never through the gain");
}

/// What hums by itself is silent once the time for tails is over; the bound is the rig's.
#[test]
fn a_hum_is_bounded() {
    let (mut engine, node) = rig(&fixture("tail"), &[(ids::tail::LENGTH, 1_000_000.0), (ids::tail::STATUS, 3.0)]);
    let handle = engine.handle();
    let set = handle.send(Action::SetSpillover(Spillover { seconds: 0.1, nodes: 4 }));
    engine.poll();
    set.wait().unwrap();
    play(&mut engine, &[0.5; 1000], 64);
    engine.set_bypassed(node, true).unwrap();
    let heard = play(&mut engine, &[0.0; 12_000], 64);
    assert!(heard[4000] == 0.25 && heard[6000..].iter().all(|&sample| sample == 0.0));
    assert_eq!(engine.look().spillover, Spillover { seconds: 0.1, nodes: 4 });
    let refused = engine.set_spillover(Spillover { seconds: 61.0, nodes: 4 });
    assert!(refused.is_err() && engine.document().unwrap().spillover.seconds == 0.1);
}
