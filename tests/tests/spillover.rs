//! What is taken out of a rig or switched off by a scene while it sounds: it rings out, within the rig's bounds.

use assert_no_alloc::AllocDisabler;
use crosspoint::graph::event::{Event, EventBody, NoteAddress};
use crosspoint::graph::{Cell, EdgeId, NOW, NodeId};
use crosspoint::session::{Builtin, Spillover};
use crosspoint::{Capture, Engine, EngineError, EngineSettings, PluginSetup};
use crosspoint_fixtures::ids;
use crosspoint_tests::{engine, fixture};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Frames that the fixture rings.
const LENGTH: usize = 3000;
/// Frames of a fade.
const FADE: usize = 240;

/// in ── tail ── out      rings at 0.25 from the last frame with input on
struct Rig {
    engine: Engine,
    input: NodeId,
    tail: NodeId,
    output: NodeId,
    edges: [EdgeId; 2],
}

fn rig(parameters: &[(u32, f64)]) -> Rig {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let built = engine.batch(|engine| {
        let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
        let tail = engine.add_plugin("tail", &fixture("tail"), PluginSetup::parameters(parameters))?;
        let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
        let edges = [engine.connect(input, tail)?, engine.connect(tail, output)?];
        Ok::<_, EngineError>((input, tail, output, edges))
    });
    let (input, tail, output, edges) = built.unwrap();
    Rig { engine, input, tail, output, edges }
}

fn ringing() -> Rig {
    rig(&[(ids::tail::LENGTH, LENGTH as f64)])
}

/// The left output for a level on both channels, in blocks of a length.
fn play(engine: &mut Engine, level: f32, frames: usize, block: usize) -> Vec<f32> {
    let [left, _] = crosspoint_tests::play(engine, &vec![level; frames], block);
    left
}

fn all(samples: &[f32], level: f32) -> bool {
    samples.iter().all(|&sample| (sample - level).abs() < 1e-6)
}

/// ```text
/// in ── tail ── out      removed at 0: the input fades, then it rings as long as it says. The rig no longer knows of it.
/// ```
#[test]
fn what_is_removed_rings_out() {
    let mut first = None;
    for block in [64, 100, 256] {
        let Rig { mut engine, tail, .. } = ringing();
        play(&mut engine, 0.5, 1024, 64);
        engine.remove_node(tail, false).unwrap();
        assert!(engine.graph().node(tail).is_none());
        let mut heard = play(&mut engine, 0.5, 1000, block);
        assert_eq!(engine.look().ringing, ["tail"]);
        assert!(engine.document().unwrap().node("tail").is_none());
        heard.extend(play(&mut engine, 0.5, 6000, block));
        assert!(all(&heard[FADE..FADE + LENGTH - 1], 0.25), "blocks of {block}");
        assert!(all(&heard[FADE + LENGTH..], 0.0), "blocks of {block}");
        assert_eq!(engine.look().ringing, Vec::<String>::new());
        assert_eq!(*first.get_or_insert(heard.clone()), heard, "blocks of {block}");
    }
}

/// A chain that is taken out whole rings through all of it; what takes its place at once has ids of its own.
#[test]
fn a_chain_that_is_replaced_rings_out() {
    let Rig { mut engine, input, tail, output, edges } = ringing();
    let behind = engine.batch(|engine| {
        let setup = PluginSetup::parameters(&[(ids::gain::GAIN, 0.5)]);
        let behind = engine.add_plugin("behind", &fixture("gain"), setup)?;
        engine.apply(vec![crosspoint::graph::graph::Edit::Disconnect { id: edges[1] }])?;
        engine.connect(tail, behind)?;
        engine.connect(behind, output)?;
        Ok(behind)
    });
    let behind = behind.unwrap();
    engine.set_spillover(Spillover { seconds: 0.1, nodes: 8 }).unwrap();
    play(&mut engine, 0.5, 1024, 64);
    let replaced = engine.batch(|engine| {
        engine.remove_node(tail, false)?;
        engine.remove_node(behind, false)?;
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: crosspoint::graph::ChannelLayout::Stereo })?;
        engine.connect(input, gain)?;
        engine.connect(gain, output)?;
        Ok(gain)
    });
    assert!(![tail, behind].contains(&replaced.unwrap()));
    let heard = play(&mut engine, 0.5, 6000, 64);
    assert!(all(&heard[2 * FADE..FADE + LENGTH - 1], 0.5 + 0.125));
    assert!(all(&heard[FADE + LENGTH..], 0.5));
    // The first has said that it is over. The second never says so, and is there until the bound.
    assert_eq!(engine.look().ringing, Vec::<String>::new());
}

/// Undo brings back what still rings, and it plays on.
#[test]
fn undo_brings_back_what_rings() {
    let Rig { mut engine, tail, .. } = ringing();
    play(&mut engine, 0.5, 1024, 64);
    engine.remove_node(tail, false).unwrap();
    play(&mut engine, 0.5, 1000, 64);
    engine.undo().unwrap();
    assert_eq!(engine.look().ringing, Vec::<String>::new());
    let heard = play(&mut engine, 0.5, 2000, 64);
    assert!(heard[0] == 0.25 && all(&heard[FADE..], 0.5));
    // And once more.
    engine.redo().unwrap();
    let heard = play(&mut engine, 0.5, 6000, 64);
    assert!(all(&heard[FADE..FADE + LENGTH - 1], 0.25) && all(&heard[FADE + LENGTH..], 0.0));
}

/// What never ends is ended by the rig's bound, in time and in number.
#[test]
fn the_bounds_hold() {
    let endless = [(ids::tail::LENGTH, 1_000_000.0), (ids::tail::STATUS, 3.0)];
    for (spillover, until) in [
        (Spillover { seconds: 0.05, nodes: 8 }, 2400),
        (Spillover { seconds: 9.0, nodes: 0 }, 0),
        (Spillover { seconds: 0.0, nodes: 8 }, 0),
    ] {
        let Rig { mut engine, tail, .. } = rig(&endless);
        engine.set_spillover(spillover).unwrap();
        play(&mut engine, 0.5, 1024, 64);
        engine.remove_node(tail, false).unwrap();
        let heard = play(&mut engine, 0.5, 6000, 64);
        assert!(all(&heard[FADE..until.max(FADE)], 0.25), "{spillover:?}");
        // A poll, a fade and a fade.
        assert!(all(&heard[until + 128 + 2 * FADE..], 0.0), "{spillover:?}");
        let steepest = heard[until..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        // What does not ring fades on both of its sides at once.
        let bound = if until > 0 { 0.25 } else { 2.0 * 0.5 };
        assert!(steepest <= bound / FADE as f32 * 1.01, "{spillover:?}: {steepest}");
    }
}

/// ```text
/// in ══ tail ══ out      a scene mutes both edges: the second closes only once it may have rung out
/// ```
#[test]
fn a_scene_lets_what_it_switches_off_ring_out() {
    let scenes = |seconds: f64| {
        let Rig { mut engine, edges, .. } = ringing();
        engine.set_spillover(Spillover { seconds, nodes: 8 }).unwrap();
        engine.store_scene("with", &Capture::Differences).unwrap();
        for edge in edges {
            for channel in 0..2 {
                engine.set_cell(edge, channel, channel, Cell { mute: true, ..Cell::UNITY }).unwrap();
            }
        }
        engine.store_scene("without", &Capture::Differences).unwrap();
        engine.play_scene("with").unwrap();
        play(&mut engine, 0.5, 2048, 64);
        engine
    };
    for block in [64, 250] {
        let mut engine = scenes(1.0);
        engine.play_scene("without").unwrap();
        let heard = play(&mut engine, 0.5, 6000, block);
        assert!(all(&heard[FADE..FADE + LENGTH - 1], 0.25) && all(&heard[FADE + LENGTH..], 0.0));
        assert!(!engine.look().scenes.is_modified);
    }
    // Bounded: it closes in the midst of it, ramped.
    let mut engine = scenes(0.02);
    engine.play_scene("without").unwrap();
    let heard = play(&mut engine, 0.5, 6000, 64);
    assert!(all(&heard[FADE..960], 0.25) && all(&heard[960 + FADE..], 0.0));
    // Back before that, it stays open.
    let mut engine = scenes(0.05);
    engine.play_scene("without").unwrap();
    play(&mut engine, 0.5, 1000, 64);
    engine.play_scene("with").unwrap();
    let heard = play(&mut engine, 0.5, 6000, 64);
    assert!(all(&heard[FADE..], 0.5));
}

/// What somebody does to a node.
type Deed = fn(&mut Engine, NodeId) -> Result<(), EngineError>;

/// ```text
/// keys ══ tone ── out      two keys are down while it is bypassed, or removed: both notes end, and their release is heard
/// ```
#[test]
fn held_notes_end_and_are_heard_to_their_end() {
    const RELEASE: usize = 2000;
    let ways: [Deed; 2] =
        [|engine, tone| engine.set_bypassed(tone, true), |engine, tone| engine.remove_node(tone, false)];
    for (way, end) in ways.into_iter().zip(["bypassed", "removed"]) {
        let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
        let built = engine.batch(|engine| {
            let keys = engine.add_event_input("keys", "keys")?;
            let setup = PluginSetup::parameters(&[(ids::tone::RELEASE, RELEASE as f64)]);
            let tone = engine.add_plugin("tone", &fixture("tone"), setup)?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect_events(keys, tone)?;
            engine.connect(tone, output)?;
            Ok((keys, tone))
        });
        let (keys, tone) = built.unwrap();
        play(&mut engine, 0.0, 256, 64);
        for key in [60, 67] {
            let body = EventBody::NoteOn { address: NoteAddress::key(0, key), velocity: 1.0 };
            engine.send_event(keys, NOW, Event { frame: 0, port: 0, body }).unwrap();
        }
        let peak = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak(&play(&mut engine, 0.0, 1024, 64)) > 0.2);
        way(&mut engine, tone).unwrap();
        let heard = play(&mut engine, 0.0, 4096, 64);
        assert!(peak(&heard[RELEASE - 600..RELEASE - 200]) > 0.01, "{end}");
        assert!(all(&heard[RELEASE + 64..], 0.0), "{end}");
        assert_eq!(engine.look().ringing, Vec::<String>::new(), "{end}");
        let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.05, "{end}: {steepest}");
    }
}
