//! The guitar rig with four scenes: what is heard when they are switched, under the guard on allocations.

use assert_no_alloc::AllocDisabler;
use crosspoint::graph::{Cell, ChannelLayout, NodeId};
use crosspoint::session::{self, Builtin, Document, MachineFile};
use crosspoint::{Action, Capture, Engine, EngineSettings, SceneEdit};
use crosspoint_tests::{engine, noise, play};
use std::path::Path;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

const BLOCK: usize = 64;

fn example() -> Document {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rigs/guitar-scenes.rig.toml");
    let loaded = session::load(path.as_ref()).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.document
}

fn loaded(document: &Document) -> Engine {
    let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let mapping = MachineFile::default().map(document);
    let problems = engine.load_document(document, &mapping).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    engine
}

fn named(engine: &Engine, name: &str) -> NodeId {
    engine.graph().nodes().find(|(_, node)| node.name == name).map(|(id, _)| id).unwrap()
}

fn parameter(engine: &Engine, node: &str, name: &str) -> f64 {
    let description = engine.description(named(engine, node)).unwrap();
    let id = description.parameters.iter().find(|known| known.name == name).unwrap().id;
    description.value(id).unwrap()
}

/// The example is canonical, all its scenes are prepared once it is loaded, texts of values included, and its file is the
/// same whichever of them plays.
#[test]
fn the_example_is_canonical_and_prepared() {
    let document = example();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guitar-scenes.rig.toml");
    session::save(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rigs/guitar-scenes.rig.toml");
    assert_eq!(text, std::fs::read_to_string(example).unwrap());

    let mut engine = loaded(&document);
    for scene in engine.look().scenes.scenes.clone() {
        assert_eq!(scene.missing, Vec::<String>::new(), "{}", scene.name);
        assert_eq!(scene.readiness, crosspoint::Readiness::Prepared, "{}", scene.name);
    }
    let scenes = |document: Document| (document.scenes, document.songs, document.setlist, document.edges);
    let base = scenes(engine.document().unwrap());
    assert_eq!(base.0, document.scenes);
    for scene in &document.scenes {
        assert!(engine.play_scene(&scene.name).unwrap());
        assert_eq!(scenes(engine.document().unwrap()), base, "{}", scene.name);
    }
}

/// Rhythm -> Lead -> Clean -> Rhythm -> Lead: every scene has its own values whatever was before, those of the rig where
/// it says none.
#[test]
fn each_scene_has_its_values_whatever_was_before() {
    let mut engine = loaded(&example());
    let values = |engine: &Engine| {
        [("amp", "Drive"), ("amp", "Level"), ("delay", "Mix"), ("reverb", "Mix")]
            .map(|(node, name)| parameter(engine, node, name))
    };
    let rhythm = values(&engine);
    let mut seen = std::collections::HashMap::new();
    for scene in ["Rhythm", "Lead", "Clean", "Dry", "Rhythm", "Clean", "Lead", "Rhythm"] {
        assert!(engine.play_scene(scene).unwrap());
        play(&mut engine, &noise(1, 1024), BLOCK);
        let gate = engine.look().nodes[&named(&engine, "gate")].bypassed;
        assert_eq!(gate, scene == "Clean");
        let now = values(&engine);
        assert_eq!(*seen.entry(scene).or_insert(now), now, "{scene}");
    }
    assert_eq!((seen["Rhythm"], seen["Dry"]), (rhythm, rhythm));
    assert!(seen["Lead"][0] > rhythm[0] && seen["Clean"][0] < rhythm[0] && seen["Lead"][2] > rhythm[2]);
}

/// Two rigs play the same; one is switched. Until the switch they are bit for bit the same, within a block of it they are
/// not; and a scene that only says what is so already changes not one bit.
#[test]
fn a_switch_is_heard_within_a_block() {
    let (before, after) = (noise(5, 64 * BLOCK), noise(6, 64 * BLOCK));
    let heard = |scene: Option<&str>| {
        let mut engine = loaded(&example());
        play(&mut engine, &before, BLOCK);
        if let Some(scene) = scene {
            assert!(engine.play_scene(scene).unwrap());
        }
        (play(&mut engine, &after, BLOCK), engine.latency() as usize)
    };
    let (untouched, latency) = heard(None);
    assert_eq!(heard(Some("Rhythm")).0, untouched);
    let (lead, _) = heard(Some("Lead"));
    let first = (0..after.len()).find(|&at| lead[0][at] != untouched[0][at]).unwrap();
    // The crosspoints of the output wait for nobody; what is after the switch in the amp comes as late as the rig is.
    assert!(first <= latency + BLOCK, "{first} of a rig that is {latency} late");
}

/// A burst, then silence and another scene: the echo of the delay that both share still comes.
#[test]
fn the_tail_of_what_is_shared_rings_on() {
    let mut engine = loaded(&example());
    let mut burst = noise(9, 4800);
    burst.resize(64 * (4800_usize.div_ceil(64)), 0.0);
    play(&mut engine, &burst, BLOCK);
    assert!(engine.play_scene("Clean").unwrap());
    // The delay's first echo begins 380 ms after the burst did, and lasts as long.
    let tail = play(&mut engine, &vec![0.0; 48_000 / 2], BLOCK);
    let power = |from: usize, to: usize| tail[0][from..to].iter().map(|sample| sample * sample).sum::<f32>();
    let echo = 18_240 - burst.len();
    assert!(power(echo, echo + 4800) > 4.0 * power(echo - 4800, echo), "the echo stands out of the reverb");
}

//           ┌─> loud ─┐
//  guitar ──┤         ├─> speakers     `first` has the upper path, `second` the lower one at half the gain
//           └─> soft ─┘
/// A constant tells the gain of the whole rig at each frame: from the first frame after the message on it is the line from
/// the one scene to the other, as long as the ramp. So the switch is audible within the block, nothing falls out, and no
/// step is beyond the ramp's. A hard switch is one step, to the other scene and no further.
#[test]
fn a_switch_is_a_ramp_and_nothing_else() {
    for (fade, ramp) in [(None, 240_usize), (Some(0.05), 2400), (Some(0.0), 0)] {
        for block in [16, 64, 256] {
            let mut engine = engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
            let layout = ChannelLayout::Mono;
            let guitar = engine.add_input("guitar", "guitar", &[Some(0)]).unwrap();
            let speakers = engine.add_output("speakers", "speakers", &[Some(0)]).unwrap();
            let [loud, soft] = ["loud", "soft"].map(|name| {
                let node = engine.add_builtin(name, Builtin::Gain { layout }).unwrap();
                engine.connect(guitar, node).unwrap();
                engine.connect(node, speakers).unwrap()
            });
            for (scene, gains) in [("first", [1.0, 0.0]), ("second", [0.0, 0.5])] {
                for (edge, gain) in [loud, soft].into_iter().zip(gains) {
                    engine.set_cell(edge, 0, 0, Cell::new(gain)).unwrap();
                }
                engine.store_scene(scene, &Capture::All).unwrap();
            }
            let mut second = engine.document().unwrap().scenes[1].clone();
            second.fade = fade;
            engine.edit_scenes(SceneEdit::SetScene(second)).unwrap();
            engine.play_scene("first").unwrap();
            let constant = vec![1.0; 4096];
            assert_eq!(play(&mut engine, &constant, block)[0].last(), Some(&1.0));

            let _answer = engine.handle().send(Action::PlayScene { scene: "second".into(), start: None });
            engine.poll();
            let heard = play(&mut engine, &constant, block);
            for (frame, &gain) in heard[0].iter().enumerate() {
                let passed = if ramp == 0 { 1.0 } else { (frame as f32 / ramp as f32).min(1.0) };
                let line = 1.0 - 0.5 * passed;
                assert!((gain - line).abs() < 1e-5, "{gain} for {line} at {frame} of {fade:?} in blocks of {block}");
            }
            let step =
                heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold((1.0 - heard[0][0]).abs(), f32::max);
            assert!(step <= 0.5 / ramp.max(1) as f32 + 1e-6, "a step of {step}");
            assert_eq!(heard[0].last(), Some(&0.5));
        }
    }
}
