//! Second instances of plugins in scenes: what is heard of them, in the history, in a file, and what they may take.

use assert_no_alloc::AllocDisabler;
use crosspoint::graph::NodeId;
use crosspoint::session::{self, Document, EntryKind, MachineFile, SceneEntry, State};
use crosspoint::{Engine, EngineSettings, SceneEdit};
use crosspoint_fixtures::ids::gain::GAIN;
use crosspoint_tests::{play_constant, rig_of};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Frames of the shortest fade.
const FADE: f32 = 240.0;

/// ```text
/// guitar ── gain 0.5 ── speakers      scenes A and B, which say nothing yet
/// ```
fn rig() -> (Engine, NodeId) {
    let (mut engine, gain) = rig_of("gain");
    engine.set_parameter(gain, GAIN, 0.5).unwrap();
    for name in ["A", "B"] {
        engine.edit_scenes(SceneEdit::SetScene(SceneEntry { name: name.into(), ..SceneEntry::default() })).unwrap();
    }
    play(&mut engine);
    (engine, gain)
}

/// What is heard of a constant of 1, without an allocation in any block.
fn play(engine: &mut Engine) -> Vec<f32> {
    play_constant(engine, 64)
}

/// The state of the gain at another value.
fn state_at(engine: &mut Engine, gain: NodeId, value: f64) -> Arc<[u8]> {
    engine.set_parameter(gain, GAIN, value).unwrap();
    play(engine);
    let document = engine.document().unwrap();
    let EntryKind::Plugin(plugin) = &document.node("gain").unwrap().kind else { panic!() };
    let Some(State::Bytes(state)) = plugin.state.clone() else { panic!() };
    assert!(engine.undo().unwrap());
    play(engine);
    state
}

fn names(engine: &Engine) -> Vec<String> {
    engine.graph().nodes().map(|(_, node)| node.name.clone()).collect()
}

fn presence(document: &Document, scene: usize) -> Vec<(&str, bool)> {
    document.scenes[scene].presence.iter().map(|(name, &on)| (name.as_str(), on)).collect()
}

/// A at 0.5, B at 0.25 by an instance of its own: from one to the other in a fade, without a step or a gap; and all of it
/// can be taken back and made again in one step, whatever plays.
#[test]
fn a_scene_has_an_instance_of_its_own() {
    for playing in [None, Some("A"), Some("B")] {
        let (mut engine, gain) = rig();
        let state = state_at(&mut engine, gain, 0.25);
        if let Some(scene) = playing {
            assert!(engine.play_scene(scene).unwrap());
        }
        let before = engine.document().unwrap();
        let second = engine.add_second_instance(gain, "B", Some(state)).try_take().unwrap().unwrap();
        assert!(names(&engine).contains(&"gain (B)".to_owned()));
        let level = |scene: Option<&str>| if scene == Some("B") { 0.25 } else { 0.5 };
        assert_eq!(play(&mut engine).last(), Some(&level(playing)), "{playing:?}");
        assert_eq!(presence(&engine.document().unwrap(), 1), [("gain", false), ("gain (B)", true)]);
        for scene in ["A", "B", "A", "B"] {
            assert!(engine.play_scene(scene).unwrap());
            let heard = play(&mut engine);
            assert_eq!(heard.last(), Some(&level(Some(scene))), "{scene}");
            let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            assert!(step <= 0.75 / FADE + 1e-6, "a step of {step}");
            assert!(heard.iter().all(|&sample| sample >= 0.25 - 1e-6), "a gap");
            let nodes = engine.look().nodes.clone();
            assert_eq!([nodes[&gain].present, nodes[&second].present], [scene == "A", scene == "B"]);
        }
        match playing {
            Some(scene) => assert!(engine.play_scene(scene).unwrap()),
            None => engine.leave_scene().unwrap(),
        }
        play(&mut engine);
        assert!(engine.undo().unwrap());
        assert!(!names(&engine).contains(&"gain (B)".to_owned()));
        assert_eq!(play(&mut engine).last(), Some(&0.5), "{playing:?}");
        assert_eq!(engine.document().unwrap(), before);
        assert!(engine.redo().unwrap());
        assert_eq!(play(&mut engine).last(), Some(&level(playing)), "{playing:?}");
        for scene in ["A", "B"] {
            engine.play_scene(scene).unwrap();
            assert_eq!(play(&mut engine).last(), Some(&level(Some(scene))), "{playing:?} {scene}");
        }
    }
}

/// With the state that the plugin has; what the scene says of the first instance is said of the second. The file brings
/// both.
#[test]
fn a_second_instance_is_kept_in_a_file() {
    let (mut engine, gain) = rig();
    engine.play_scene("B").unwrap();
    engine.set_parameter(gain, GAIN, 0.75).unwrap();
    engine.store_scene("B", &crosspoint::Capture::Nodes(vec![gain])).unwrap();
    let second = engine.add_second_instance(gain, "B", None).try_take().unwrap().unwrap();
    assert_eq!(play(&mut engine).last(), Some(&0.75));
    assert!(engine.description(second).is_some());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.rig.toml");
    session::save(&engine.document().unwrap(), &path).unwrap();
    let loaded = session::load(&path).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let said = |document: &Document| document.scenes[1].parameters.iter().all(|known| known.node == "gain (B)");
    assert!(said(&loaded.document) && !loaded.document.scenes[1].parameters.is_empty());
    let mut again = crosspoint_tests::engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let mapping = MachineFile::default().map(&loaded.document);
    assert_eq!(again.load_document(&loaded.document, &mapping).unwrap().len(), 0);
    for (scene, level) in [("A", 0.5), ("B", 0.75), ("A", 0.5)] {
        assert!(again.play_scene(scene).unwrap());
        assert_eq!(play(&mut again).last(), Some(&level), "{scene}");
    }
}

/// A plugin of 40 MB: what it takes is shown, and what is beyond the limit is refused, as is what makes no sense.
#[cfg(target_os = "linux")]
#[test]
fn what_second_instances_take_is_shown_and_limited() {
    use crosspoint::{EngineError, PluginSetup};
    use crosspoint_fixtures::encode_state;
    use crosspoint_tests::fixture;

    let (mut engine, gain) = rig();
    let state: Arc<[u8]> = encode_state(&vec![7; 40_000_000]).into();
    let setup = PluginSetup { state: Some(State::Bytes(state.clone())), ..PluginSetup::default() };
    let large = engine.add_plugin("large", &fixture("stateful"), setup).unwrap();
    let memory = |engine: &mut Engine, node: NodeId| engine.look().nodes[&node].memory.unwrap();
    assert!((40_000_000..200_000_000).contains(&memory(&mut engine, large)));
    engine.set_instance_limit(Some(30));
    let before = names(&engine);
    let refused = engine.add_second_instance(large, "B", Some(state.clone())).try_take().unwrap();
    let Err(EngineError::InstanceLimit { needed, waiting, limit, .. }) = refused else { panic!("{refused:?}") };
    assert!(needed >= 40 && waiting == 0 && limit == 30);
    assert_eq!(names(&engine), before);
    engine.set_instance_limit(Some(300));
    let second = engine.add_second_instance(large, "B", Some(state.clone())).try_take().unwrap().unwrap();
    assert!(memory(&mut engine, second) >= 40_000_000);
    engine.set_instance_limit(Some(60));
    for scene in ["A", "B"] {
        // Whatever plays, it is away unless a scene wants it.
        engine.play_scene(scene).unwrap();
        let refused = engine.add_second_instance(large, "A", Some(state.clone())).try_take().unwrap();
        assert!(matches!(refused, Err(EngineError::InstanceLimit { waiting: 40.., .. })), "{refused:?}");
    }
    let nowhere = engine.add_second_instance(gain, "C", None).try_take().unwrap();
    assert!(matches!(nowhere, Err(EngineError::UnknownScene { .. })), "{nowhere:?}");
    assert_eq!(engine.document().unwrap().instance_limit, Some(60));
}
