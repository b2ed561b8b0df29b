//! Plugins put into a cable, taken out, moved and replaced while they play, each as late as it is: a constant goes through all
//! of it.

use assert_no_alloc::AllocDisabler;
use crosspoint::graph::{EdgeId, NodeId};
use crosspoint::{Engine, EngineSettings, PluginSetup};
use crosspoint_fixtures::ids::latency::LATENCY;
use crosspoint_tests::{engine, fixture, play_constant};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Frames of a fade.
const FADE: f32 = 240.0;

/// in ── out
fn rig() -> (Engine, NodeId) {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let input = engine.add_input("in", "in", &[Some(0), Some(1)]).unwrap();
    let output = engine.add_output("out", "out", &[Some(0), Some(1)]).unwrap();
    engine.connect(input, output).unwrap();
    play_constant(&mut engine, 64);
    (engine, input)
}

/// A plugin in no cable yet, that is so many frames late.
fn late(engine: &mut Engine, name: &str, latency: u32) -> NodeId {
    let setup = PluginSetup::parameters(&[(LATENCY, f64::from(latency))]);
    let node = engine.add_plugin(name, &fixture("latency"), setup).unwrap();
    play_constant(engine, 64);
    node
}

fn cable_from(engine: &Engine, node: NodeId) -> EdgeId {
    engine.graph().edges_out_of(node).next().unwrap().0
}

/// What is heard of a constant of 1 from an edit on lies within a range, in ramps alone, and is 1 in the end.
fn assert_heard(engine: &mut Engine, lowest: f32, what: &str) {
    let heard = play_constant(engine, 96);
    let least = heard.iter().copied().fold(1.0, f32::min);
    assert!(least > lowest - 1e-5 && heard.iter().all(|&sample| sample < 1.0 + 1e-5), "{what}: {least}");
    let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    // Ramps behind each other that move at once: their slopes add up, of three cables at the most here.
    assert!(step <= 3.0 / FADE + 1e-5, "{what}: a step of {step}");
    assert!(heard[5000..].iter().all(|sample| (sample - 1.0).abs() < 1e-5), "{what}");
}

/// ```text
/// in ──────── out          what comes rises twice, at its input and its output, what goes falls once: 1 - r + r * r at the
/// in ── x ─── out          least; and once what comes is later than a fade is long, nothing is missing at all
/// ```
#[test]
fn a_constant_goes_through_whatever_is_put_into_its_way() {
    for (latency, lowest) in [(0, 0.75), (100, 0.9), (500, 1.0), (3000, 1.0)] {
        let (mut engine, input) = rig();
        let x = late(&mut engine, "x", latency);
        let cable = cable_from(&engine, input);
        engine.insert_node(x, cable).unwrap();
        assert_heard(&mut engine, lowest, &format!("{latency}: put in"));
        assert_eq!(engine.latency(), latency);
        for round in 0..2 {
            engine.remove_node(x, true).unwrap();
            assert_heard(&mut engine, if latency == 100 { 0.9 } else { 1.0 }, &format!("{latency}: taken out {round}"));
            assert!(engine.undo().unwrap());
            assert_heard(&mut engine, lowest, &format!("{latency}: back {round}"));
        }
        let y = late(&mut engine, "y", latency);
        engine.replace_node(x, y).unwrap();
        assert_heard(&mut engine, lowest, &format!("{latency}: replaced"));
        assert!(engine.undo().unwrap());
        assert_heard(&mut engine, lowest, &format!("{latency}: the first one again"));
    }
}

/// in ── x ── out becomes in ── y ── out: as much as is heard of either before the other has come through.
#[test]
fn a_plugin_takes_the_place_of_one_that_is_later_or_less_late() {
    for (before, after) in [(0, 700), (700, 0), (300, 700), (700, 300)] {
        let (mut engine, input) = rig();
        let x = late(&mut engine, "x", before);
        let cable = cable_from(&engine, input);
        engine.insert_node(x, cable).unwrap();
        play_constant(&mut engine, 96);
        let y = late(&mut engine, "y", after);
        engine.replace_node(x, y).unwrap();
        assert_heard(&mut engine, 0.75, &format!("{before} to {after}"));
        // The first one still rings, and is made to wait for what goes: its delay changes while it comes back, in one more ramp.
        assert!(engine.undo().unwrap());
        assert_heard(&mut engine, 0.0, &format!("{before} to {after} and back"));
    }
}

/// Two that change places: the signal would run in a circle on the way. What goes fades out before anything comes.
#[test]
fn two_plugins_change_places_in_ramps() {
    let (mut engine, input) = rig();
    let (x, y) = (late(&mut engine, "x", 0), late(&mut engine, "y", 100));
    for node in [y, x] {
        let cable = cable_from(&engine, input);
        engine.insert_node(node, cable).unwrap();
        play_constant(&mut engine, 96);
    }
    let cable = cable_from(&engine, y);
    engine.move_node(x, cable).unwrap();
    assert_heard(&mut engine, 0.0, "moved");
    assert!(engine.undo().unwrap());
    assert_heard(&mut engine, 0.0, "moved back");
}

/// Edits faster than fades, at any block: in ramps alone, at worst both ways at once, and whole again in the end.
#[test]
fn edits_faster_than_fades_do_not_step() {
    for blocks in 0..8 {
        let (mut engine, input) = rig();
        let x = late(&mut engine, "x", 130);
        let cable = cable_from(&engine, input);
        engine.insert_node(x, cable).unwrap();
        let mut heard = play_constant(&mut engine, blocks);
        for _ in 0..3 {
            assert!(engine.undo().unwrap());
            heard.extend(play_constant(&mut engine, blocks));
            assert!(engine.redo().unwrap());
            heard.extend(play_constant(&mut engine, blocks));
        }
        heard.extend(play_constant(&mut engine, 96));
        let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step <= 3.0 / FADE + 1e-5, "{blocks}: a step of {step}");
        assert!(heard.iter().all(|sample| (0.75..=2.0 + 1e-5).contains(sample)), "{blocks}");
        assert!(heard[heard.len() - 1000..].iter().all(|sample| (sample - 1.0).abs() < 1e-5), "{blocks}");
    }
}
