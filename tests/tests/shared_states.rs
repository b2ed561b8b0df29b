//! Whole states of a plugin that scenes share: what is heard of a switch, in the history, in a file, and what is not there.

use assert_no_alloc::AllocDisabler;
use crosspoint::graph::{NodeId, SceneStart};
use crosspoint::session::{self, Document, EntryKind, MachineFile, SceneEntry, State};
use crosspoint::{Capture, Engine, EngineSettings, Notice, SceneEdit, TransportAction};
use crosspoint_fixtures::ids::gain::GAIN;
use crosspoint_fixtures::ids::latency::LATENCY;
use crosspoint_fixtures::ids::stateful::{CHECKSUM, LOADS, TOUCH};
use crosspoint_tests::{play_constant, rig_of};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Frames of the shortest fade.
const FADE: f32 = 240.0;
const BLOCK: usize = 64;

/// ```text
/// guitar ── gain ── speakers      the base at 0.5; A says nothing; B has a state at 0.25, C one at 0.75
/// ```
fn rig() -> (Engine, NodeId) {
    let (mut engine, gain) = rig_of("gain");
    share(&mut engine, gain, GAIN, [0.25, 0.75, 0.5]);
    (engine, gain)
}

/// Adds scenes: A, which says nothing, B and C, which have the states of a plugin with a parameter at the first two values. It
/// is left at the third.
fn share(engine: &mut Engine, node: NodeId, parameter: u32, values: [f64; 3]) {
    for (name, value) in [("A", None), ("B", Some(values[0])), ("C", Some(values[1]))] {
        engine.edit_scenes(SceneEdit::SetScene(SceneEntry { name: name.into(), ..SceneEntry::default() })).unwrap();
        if let Some(value) = value {
            engine.set_parameter(node, parameter, value).unwrap();
            play_constant(engine, 64);
            engine.share_state(node, name, true).try_take().unwrap().unwrap();
        }
    }
    engine.set_parameter(node, parameter, values[2]).unwrap();
    play_constant(engine, 64);
}

fn level_of(scene: Option<&str>) -> f32 {
    match scene {
        Some("B") => 0.25,
        Some("C") => 0.75,
        _ => 0.5,
    }
}

fn go(engine: &mut Engine, scene: Option<&str>) {
    match scene {
        Some(scene) => assert!(engine.play_scene(scene).unwrap()),
        None => engine.leave_scene().unwrap(),
    }
}

/// The steepest step. The dry signal is 1, and no level is below 0.25.
fn assert_smooth(heard: &[f32], what: &str) {
    let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step <= 0.75 / FADE + 1e-6, "a step of {step}: {what}");
    assert!(heard.iter().all(|&sample| (0.25 - 1e-6..=1.0 + 1e-6).contains(&sample)), "{what}");
}

fn state_of(document: &Document) -> Option<&State> {
    let EntryKind::Plugin(plugin) = &document.node("gain").unwrap().kind else { panic!() };
    plugin.state.as_ref()
}

fn is_quiet(engine: &mut Engine, gain: NodeId) -> bool {
    engine.look().nodes[&gain].state_under_way
}

/// 0.5 -> dry -> 0.25 -> dry -> 0.5 ...: from anywhere to anywhere, in ramps alone; the file has the base's state.
#[test]
fn states_change_behind_the_dry_signal() {
    let (mut engine, gain) = rig();
    let base = engine.document().unwrap();
    let mut from = None;
    for to in [Some("B"), Some("A"), Some("C"), Some("B"), None, Some("C"), None, Some("A"), Some("B"), Some("C"), None]
    {
        go(&mut engine, to);
        let changes = level_of(from) != level_of(to);
        assert_eq!(is_quiet(&mut engine, gain), changes, "{from:?} -> {to:?}");
        let heard = play_constant(&mut engine, 64);
        assert_smooth(&heard, &format!("{from:?} -> {to:?}"));
        assert_eq!(heard.last(), Some(&level_of(to)), "{from:?} -> {to:?}");
        let highest = heard.iter().copied().fold(0.0, f32::max);
        assert_eq!(highest == 1.0, changes, "{from:?} -> {to:?} goes past the plugin");
        let snapshot = engine.look();
        assert!(!snapshot.nodes[&gain].state_under_way && !snapshot.nodes[&gain].bypassed);
        assert!(!snapshot.scenes.is_modified, "{to:?}");
        assert_eq!(snapshot.moments.len(), 0, "nobody changed anything");
        assert_eq!(engine.document().unwrap(), base, "{to:?}");
        from = to;
    }
}

/// A second switch, and a third, at any block of the first: the last one wins, and in ramps alone.
#[test]
fn a_switch_in_the_middle_of_another_takes_over() {
    for blocks in 0..10 {
        for (first, second, third) in [
            (Some("B"), None, Some("C")),
            (Some("B"), Some("C"), None),
            (Some("B"), Some("C"), Some("B")),
            (Some("C"), Some("A"), Some("A")),
        ] {
            let what = format!("{first:?}, after {blocks} blocks {second:?}, after as many {third:?}");
            let (mut engine, gain) = rig();
            let base = engine.document().unwrap();
            let mut heard = Vec::new();
            for to in [first, second, third] {
                go(&mut engine, to);
                heard.extend(play_constant(&mut engine, blocks));
                assert_eq!(engine.document().unwrap(), base, "{what}");
            }
            heard.extend(play_constant(&mut engine, 64));
            assert_smooth(&heard, &what);
            assert_eq!(heard.last(), Some(&level_of(third)), "{what}");
            assert!(!is_quiet(&mut engine, gain), "{what}");
            assert_eq!(engine.look().moments.len(), 0, "{what}");
            go(&mut engine, None);
            assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.5), "{what}");
        }
    }
}

/// B has a state at 0.25 and says a parameter of 0.125: that comes on top. A says it as 0.375. Bypassed in C, it stays so.
#[test]
fn parameters_and_bypasses_come_on_top() {
    let (mut engine, gain) = rig();
    for (scene, level) in [("A", 0.375), ("B", 0.125)] {
        go(&mut engine, Some(scene));
        play_constant(&mut engine, 64);
        engine.set_parameter(gain, GAIN, level).unwrap();
        engine.store_scene(scene, &Capture::Differences).unwrap();
    }
    go(&mut engine, Some("C"));
    play_constant(&mut engine, 64);
    engine.set_bypassed(gain, true).unwrap();
    engine.store_scene("C", &Capture::Differences).unwrap();
    for (scene, level) in
        [(Some("A"), 0.375), (Some("B"), 0.125), (Some("C"), 1.0), (Some("B"), 0.125), (Some("A"), 0.375), (None, 0.5)]
    {
        go(&mut engine, scene);
        let heard = play_constant(&mut engine, 64);
        let step = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        // From and to a bypass two ramps multiply, the bypass's and that of the state: their slopes add up.
        assert!(step <= 2.0 * 0.875 / FADE + 1e-6, "a step of {step} to {scene:?}");
        assert_eq!(heard.last(), Some(&level), "{scene:?}");
        assert!(!engine.look().scenes.is_modified, "{scene:?}");
    }
    let said: Vec<usize> = engine.document().unwrap().scenes.iter().map(|scene| scene.parameters.len()).collect();
    assert_eq!(said, [1, 1, 0], "what a state says is said by that alone");
}

/// The renderer switches by itself, with the next beat: the state follows once that is heard of, and its parameters with it.
#[test]
fn a_state_follows_a_switch_with_the_beat() {
    let (mut engine, gain) = rig();
    go(&mut engine, Some("B"));
    play_constant(&mut engine, 64);
    engine.set_parameter(gain, GAIN, 0.3125).unwrap();
    engine.store_scene("B", &Capture::Differences).unwrap();
    go(&mut engine, None);
    play_constant(&mut engine, 64);
    engine.transport(TransportAction::Play).unwrap();
    for (scene, level, before) in [("C", 0.75, 0.5), ("B", 0.3125, 0.75), ("C", 0.75, 0.3125), ("A", 0.5, 0.75)] {
        assert!(!engine.play_scene_at(scene, SceneStart::Beat).unwrap());
        let heard = play_constant(&mut engine, 500);
        assert_smooth(&heard, scene);
        // B says the parameter, C not: there it is as the state has it.
        assert_eq!((heard[0], heard.last()), (before, Some(&level)), "{scene}");
        assert!(heard.contains(&1.0), "{scene}");
        let snapshot = engine.look();
        assert!(!snapshot.scenes.is_modified && snapshot.scenes.awaited.is_none(), "{scene}");
    }
}

/// Two scenes with the same state: one says a parameter, the other has it as the state does; also once it was edited.
#[test]
fn what_a_scene_does_not_say_is_as_its_state_says() {
    let (mut engine, gain) = rig();
    go(&mut engine, Some("B"));
    play_constant(&mut engine, 64);
    engine.store_scene("D", &Capture::Differences).unwrap();
    engine.set_parameter(gain, GAIN, 0.375).unwrap();
    engine.store_scene("D", &Capture::Differences).unwrap();
    for (scene, level) in [("B", 0.25), ("D", 0.375), ("C", 0.75), ("D", 0.375), ("B", 0.25), ("A", 0.5), ("B", 0.25)] {
        go(&mut engine, Some(scene));
        assert_eq!(play_constant(&mut engine, 64).last(), Some(&level), "{scene}");
        assert!(!engine.look().scenes.is_modified, "{scene}");
    }
    engine.set_parameter(gain, GAIN, 0.625).unwrap();
    play_constant(&mut engine, 64);
    go(&mut engine, Some("B"));
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.25));
}

/// An edit while a shared state plays is lost with no switch: a moment has it.
#[test]
fn edits_of_a_shared_plugin_are_kept() {
    let (mut engine, gain) = rig();
    go(&mut engine, Some("B"));
    play_constant(&mut engine, 64);
    engine.set_parameter(gain, GAIN, 0.3).unwrap();
    play_constant(&mut engine, 64);
    assert!(engine.look().scenes.is_modified);
    go(&mut engine, None);
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.5));
    let moments = engine.look().moments.clone();
    assert_eq!(moments.len(), 1);
    engine.recall_moment(&moments[0].name).unwrap();
    let heard = play_constant(&mut engine, 64);
    assert_smooth(&heard, "back to the moment");
    assert_eq!(heard.last(), Some(&0.3));
    assert!(engine.undo().unwrap());
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.5));
}

/// A scene that is stored under another name has the states too; one that is removed while it plays leaves what is heard.
#[test]
fn a_scene_is_stored_with_its_states() {
    let (mut engine, gain) = rig();
    go(&mut engine, Some("B"));
    play_constant(&mut engine, 64);
    engine.store_scene("D", &Capture::Differences).unwrap();
    assert_eq!(engine.look().scenes.scenes[3].states, ["gain"]);
    go(&mut engine, None);
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.5));
    go(&mut engine, Some("D"));
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.25));
    engine.edit_scenes(SceneEdit::RemoveScene("D".into())).unwrap();
    assert_eq!(play_constant(&mut engine, 64), [0.25; 64 * BLOCK]);
    go(&mut engine, Some("C"));
    play_constant(&mut engine, 64);
    go(&mut engine, None);
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.25), "that is the rig's now");
    assert!(!is_quiet(&mut engine, gain));
}

/// Whoever writes a scene anew need not have its states: they stay.
#[test]
fn a_scene_that_is_set_keeps_its_states() {
    let (mut engine, _) = rig();
    let noted = SceneEntry { name: "B".into(), note: "quiet".into(), ..SceneEntry::default() };
    engine.edit_scenes(SceneEdit::SetScene(noted)).unwrap();
    go(&mut engine, Some("B"));
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.25));
}

/// Stored while the scene plays, taken back, made again, removed: each is a step.
#[test]
fn a_shared_state_is_a_step_of_the_history() {
    let (mut engine, gain) = rig();
    go(&mut engine, Some("A"));
    play_constant(&mut engine, 64);
    let before = engine.document().unwrap();
    engine.share_state(gain, "A", true).try_take().unwrap().unwrap();
    let shared = engine.document().unwrap();
    assert_eq!(shared.scenes[0].states.keys().collect::<Vec<_>>(), ["gain"]);
    assert_eq!(play_constant(&mut engine, 8), [0.5; 8 * BLOCK]);
    assert!(engine.undo().unwrap());
    assert_eq!(engine.document().unwrap(), before);
    assert!(engine.redo().unwrap());
    assert_eq!(engine.document().unwrap(), shared);
    engine.share_state(gain, "A", false).try_take().unwrap().unwrap();
    assert_eq!(engine.document().unwrap(), before);
    assert!(engine.share_state(gain, "Z", true).try_take().unwrap().is_err());
    go(&mut engine, None);
    assert_eq!(play_constant(&mut engine, 64).last(), Some(&0.5));
}

/// Saved while B plays, loaded: the same. Without a state's file, or with one that the plugin refuses, that is told, and the
/// plugin is heard with what it has.
#[test]
fn states_are_kept_in_a_file() {
    let (mut engine, _) = rig();
    let base = state_of(&engine.document().unwrap()).cloned();
    go(&mut engine, Some("B"));
    play_constant(&mut engine, 64);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.rig.toml");
    let mut document = engine.document().unwrap();
    assert_eq!(state_of(&document).cloned(), base);
    document.scenes[0].states.insert("gain".into(), State::Bytes(Arc::from(&b"what is this"[..])));
    session::save(&document, &path).unwrap();
    let loaded = session::load(&path).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    assert_eq!(loaded.document, document);
    let Some(State::Bytes(lost)) = document.scenes[2].states.get("gain") else { panic!() };
    let states = folder.path().join("shared.rig.state");
    for file in std::fs::read_dir(states).unwrap().map(|file| file.unwrap().path()) {
        if std::fs::read(&file).unwrap() == lost[..] {
            std::fs::remove_file(file).unwrap();
        }
    }
    let loaded = session::load(&path).unwrap();
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
    let mut again = crosspoint_tests::engine(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let mapping = MachineFile::default().map(&loaded.document);
    assert_eq!(again.load_document(&loaded.document, &mapping).unwrap().len(), 0);
    let mut before = 0.5;
    for (scene, level, is_told) in [("B", 0.25, false), ("A", 0.25, true), ("C", 0.5, true), ("B", 0.25, false)] {
        play_constant(&mut again, 64);
        assert!(again.play_scene(scene).unwrap());
        let cell = again.cell();
        let (mut heard, mut told) = (Vec::new(), Vec::new());
        for _ in 0..64 {
            let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
            let mut renderer = cell.take().unwrap();
            renderer.render(&[&[1.0; BLOCK]], &mut [&mut left, &mut right]);
            assert!(cell.put(renderer).is_ok());
            heard.extend(left);
            told.extend(again.poll());
        }
        assert_smooth(&heard, scene);
        assert_eq!((heard[0], heard.last()), (before, Some(&level)), "{scene}");
        assert_eq!(told.iter().any(|notice| matches!(notice, Notice::StateNotTaken { .. })), is_told, "{scene}");
        before = level;
    }
    assert_eq!(again.document().unwrap().scenes, loaded.document.scenes, "what is not there stays named");
}

/// A state with another latency: the plugin restarts once it has it, behind its dry signal, which is as late as it is. A
/// constant passes without a gap or a step.
#[test]
fn a_state_may_have_another_latency() {
    let (mut engine, node) = rig_of("latency");
    share(&mut engine, node, LATENCY, [300.0, 40.0, 7.0]);
    for (scene, latency) in
        [(Some("B"), 300), (Some("C"), 40), (None, 7), (Some("C"), 40), (Some("B"), 300), (Some("A"), 7)]
    {
        go(&mut engine, scene);
        let heard = play_constant(&mut engine, 96);
        let differs = heard.iter().position(|sample| (sample - 1.0).abs() > 1e-6);
        assert_eq!(differs, None, "{scene:?}");
        assert_eq!(engine.latency(), latency, "{scene:?}");
        let snapshot = engine.look();
        assert!(!snapshot.nodes[&node].state_under_way && !snapshot.scenes.is_modified, "{scene:?}");
    }
}

/// A state of which no parameter says anything: the plugin has that of the scene that plays, byte for byte, however it comes
/// to it, and none is loaded twice.
#[test]
fn a_state_may_be_of_any_bytes() {
    let (mut engine, node) = rig_of("stateful");
    share(&mut engine, node, TOUCH, [11.0, 12.0, 13.0]);
    let value = |engine: &mut Engine, id| {
        let values = engine.look().nodes[&node].values.clone();
        values.into_iter().find(|(parameter, _)| *parameter == id).unwrap().1
    };
    let mut known = std::collections::BTreeMap::new();
    let mut loads = value(&mut engine, LOADS);
    for scene in [Some("B"), Some("C"), Some("B"), None, Some("A"), Some("C"), None] {
        go(&mut engine, scene);
        assert!(play_constant(&mut engine, 64).iter().all(|&sample| (sample - 1.0).abs() < 1e-6));
        let told = value(&mut engine, CHECKSUM);
        assert_eq!(*known.entry(scene.filter(|&scene| scene != "A")).or_insert(told), told, "{scene:?}");
        let loaded = value(&mut engine, LOADS) - loads;
        assert_eq!(loaded, if scene == Some("A") { 0.0 } else { 1.0 }, "{scene:?}");
        loads += loaded;
    }
    let different: std::collections::BTreeSet<u64> = known.values().map(|checksum| *checksum as u64).collect();
    assert_eq!(different.len(), 3, "each has its own");
}
