//! Nodes that are away: by hand, by scenes, in files and in the history.

use crate::error::EngineError;
use crate::scenes::tests::{Rig, play, rig};
use crate::scenes::{Capture, Readiness, SceneEdit};
use crate::session::{Builtin, SceneEntry, Spillover};
use crosspoint_graph::nodes::delay::FRAMES;
use crosspoint_graph::{Cell, ChannelLayout, EdgeId};
use std::collections::BTreeMap;

fn scene(name: &str, presence: &[(&str, bool)]) -> SceneEdit {
    let presence: BTreeMap<String, bool> = presence.iter().map(|&(node, on)| (node.to_owned(), on)).collect();
    SceneEdit::SetScene(SceneEntry { name: name.into(), presence, ..SceneEntry::default() })
}

fn is_present(rig: &mut Rig) -> [bool; 2] {
    let nodes = rig.engine.look().nodes.clone();
    [nodes[&rig.gain].present, nodes[&rig.other].present]
}

/// ```text
/// in 1 -> gain -> out 1      away: nothing passes, and undo brings it back; what is bypassed comes back bypassed
/// ```
#[test]
fn who_is_away_lets_nothing_pass_and_is_brought_back() {
    let mut rig = rig();
    play(&mut rig.engine, 512, 64);
    let untouched = rig.engine.document().unwrap();
    rig.engine.set_bypassed(rig.gain, true).unwrap();
    rig.engine.set_present(rig.gain, false).unwrap();
    assert_eq!(is_present(&mut rig), [false, true]);
    let heard = play(&mut rig.engine, 4096, 64);
    assert_eq!((heard[0].last(), heard[1].last()), (Some(&0.0), Some(&0.25)));
    assert!(!rig.engine.document().unwrap().node("gain").unwrap().present);
    assert!(rig.engine.undo().unwrap());
    assert_eq!(is_present(&mut rig), [true, true]);
    assert_eq!(play(&mut rig.engine, 4096, 64)[0].last(), Some(&1.0));
    assert!(rig.engine.undo().unwrap());
    assert_eq!(rig.engine.document().unwrap(), untouched);
    assert!(rig.engine.redo().unwrap() && rig.engine.redo().unwrap() && !rig.engine.redo().unwrap());
    let looked = rig.engine.look();
    assert!(looked.nodes[&rig.gain].bypassed && !looked.nodes[&rig.gain].present);
}

/// What the rig begins and ends with is always there.
#[test]
fn an_end_of_the_rig_is_always_there() {
    let mut rig = rig();
    let out = rig.engine.graph().edge(rig.edge).unwrap().destination.node;
    let refused = rig.engine.set_present(out, false);
    assert!(matches!(refused, Err(EngineError::AlwaysThere { .. })), "{refused:?}");
    rig.engine.edit_scenes(scene("A", &[("out gain", false), ("gone", true)])).unwrap();
    rig.engine.play_scene("A").unwrap();
    assert_eq!(rig.engine.look().scenes.scenes[0].missing.len(), 2);
}

/// ```text
/// in 1 ── gain ──┐
///                ├─ out 1      A: gain, B: other; from one to the other in the callback, with no step beyond the ramp's
/// in 2 ── other ─┘
/// ```
#[test]
fn scenes_say_who_is_there() {
    let switched = |block: usize| {
        let mut rig = rig();
        let out = rig.engine.graph().edge(rig.edge).unwrap().destination.node;
        rig.engine.connect(rig.other, out).unwrap();
        rig.engine.set_present(rig.other, false).unwrap();
        rig.engine.edit_scenes(scene("A", &[("gain", true), ("other", false)])).unwrap();
        rig.engine.edit_scenes(scene("B", &[("gain", false), ("other", true)])).unwrap();
        assert!(rig.engine.play_scene("A").unwrap());
        let mut heard = play(&mut rig.engine, 2048, 64).remove(0);
        assert_eq!(heard.last(), Some(&1.0));
        let shown = &rig.engine.look().scenes.scenes[1];
        assert!(shown.readiness == Readiness::Prepared && shown.missing.is_empty());
        for (scene, present, level) in
            [("B", [false, true], 0.25), ("A", [true, false], 1.0), ("B", [false, true], 0.25)]
        {
            assert!(rig.engine.play_scene(scene).unwrap());
            assert_eq!(is_present(&mut rig), present, "{scene}");
            heard.extend(play(&mut rig.engine, 2048, block).remove(0));
            assert_eq!(heard.last(), Some(&level), "{scene}");
        }
        assert!(!rig.engine.look().scenes.is_modified);
        // The file has the rig, whatever plays.
        let document = rig.engine.document().unwrap();
        assert!(document.node("gain").unwrap().present && !document.node("other").unwrap().present);
        rig.engine.leave_scene().unwrap();
        assert_eq!(is_present(&mut rig), [true, false]);
        assert_eq!(rig.engine.document().unwrap(), document);
        heard
    };
    let heard = switched(64);
    let fade = crate::EngineSettings::default().rate as f32 * 0.005;
    let steepest = heard[2048..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest <= 1.25 / fade + 1e-5, "a step of {steepest}");
    for block in [1, 37, 256, 1000] {
        assert!(switched(block) == heard, "blocks of {block}");
    }
}

/// What differs is stored, and follows the node's name.
#[test]
fn a_scene_takes_on_who_is_away() {
    let mut rig = rig();
    rig.engine.store_scene("base", &Capture::Differences).unwrap();
    rig.engine.set_present(rig.other, false).unwrap();
    rig.engine.store_scene("A", &Capture::Differences).unwrap();
    let said = |rig: &mut Rig| rig.engine.document().unwrap().scenes[1].presence.clone();
    assert_eq!(said(&mut rig), BTreeMap::from([("other".to_owned(), false)]));
    assert!(rig.engine.document().unwrap().node("other").unwrap().present);
    let rename = crosspoint_graph::graph::Edit::Rename { node: rig.other, name: "second".into() };
    rig.engine.apply(vec![rename]).unwrap();
    assert_eq!(said(&mut rig), BTreeMap::from([("second".to_owned(), false)]));
    rig.engine.set_present(rig.other, true).unwrap();
    assert!(rig.engine.look().scenes.is_modified);
    rig.engine.play_scene("base").unwrap();
    rig.engine.play_scene("A").unwrap();
    assert_eq!(is_present(&mut rig), [true, false]);
}

/// ```text
/// in 1 ── delay ── out 1      the scene takes the delay away and closes what leads from it: the echo is heard all the same
/// ```
#[test]
fn who_goes_away_rings_out_through_what_closes() {
    let play_with = |seconds: f64| {
        let mut rig = rig();
        let layout = ChannelLayout::Mono;
        let delay = Builtin::Delay { layout, longest: 2000 };
        let delay = rig.engine.add_builtin("delay", delay).unwrap();
        rig.engine.insert_node(delay, rig.edge).unwrap();
        let leads: Vec<EdgeId> =
            rig.engine.graph().edges().filter(|(_, edge)| edge.source.node == delay).map(|(id, _)| id).collect();
        rig.engine.set_parameter(delay, FRAMES, 1000.0).unwrap();
        rig.engine.set_spillover(Spillover { seconds, ..Spillover::default() }).unwrap();
        rig.engine.store_scene("on", &Capture::Differences).unwrap();
        rig.engine.set_present(delay, false).unwrap();
        rig.engine.set_cell(leads[0], 0, 0, Cell::new(0.0)).unwrap();
        rig.engine.store_scene("off", &Capture::Differences).unwrap();
        assert!(rig.engine.play_scene("on").unwrap());
        play(&mut rig.engine, 4096, 64);
        assert!(rig.engine.play_scene("off").unwrap());
        play(&mut rig.engine, 4096, 64).remove(0)
    };
    let heard = play_with(10.0);
    assert!(heard[..1000].iter().all(|&sample| sample == 1.0) && heard[2000..].iter().all(|&sample| sample == 0.0));
    assert_eq!(play_with(0.0)[999], 0.0);
}
