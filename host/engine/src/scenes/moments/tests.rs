//! Moments of built-in nodes: back and forth to the very same values, and what is kept without being asked for.

use super::{AUTOMATIC_MOMENTS, MOST_MOMENTS, MomentEdit};
use crate::control::MappingEdit;
use crate::control::foot::Foot;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::scenes::tests::{Rig, play, rig};
use crate::scenes::value::{Key, Setting, Value};
use crate::scenes::{Capture, SceneEdit};
use crate::session::{self, Builtin, MachineFile, MappingEntry, MappingTarget};
use crate::{Engine, EngineSettings};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::nodes::gain::GAIN;
use crosspoint_graph::{Cell, ChannelLayout, Command, NOW};
use proptest::prelude::*;

fn names(rig: &mut Rig) -> Vec<(String, bool, Option<String>)> {
    let moments = rig.engine.look().moments;
    moments.iter().map(|moment| (moment.name.clone(), moment.is_automatic, moment.scene.clone())).collect()
}

/// Everything that a moment has is something else.
fn change_all(rig: &mut Rig) {
    rig.engine.set_parameter(rig.gain, GAIN, 0.25).unwrap();
    rig.engine.set_cell(rig.edge, 0, 0, Cell { gain: 0.5, mute: false, invert: true }).unwrap();
    rig.engine.set_bypassed(rig.other, true).unwrap();
    rig.engine.send_command(NOW, Command::Tempo(97.5)).unwrap();
    rig.engine.send_command(NOW, Command::Metre(7, 8)).unwrap();
}

/// ```text
/// take "start" ─ change all ─ recall "start" ─ undo ─ redo      each has its very values, and none is a step that clicks
/// ```
#[test]
fn all_values_go_back_in_one_step_and_forth_again() {
    let mut rig = rig();
    play(&mut rig.engine, 1024, 64);
    assert_eq!(rig.engine.take_moment(Some("start")).unwrap(), "start");
    let start = rig.engine.live();
    change_all(&mut rig);
    let changed = rig.engine.live();
    assert!(start.iter().filter(|(key, value)| changed[key] != **value).count() == 5, "{changed:?}");
    let mut heard = play(&mut rig.engine, 2048, 64);
    assert_eq!(rig.engine.recall_moment("start").unwrap(), [""; 0]);
    assert_eq!(rig.engine.live(), start);
    heard.iter_mut().zip(play(&mut rig.engine, 2048, 64)).for_each(|(heard, more)| heard.extend(more));
    assert_eq!((heard[0][2047], heard[0][4095]), (-0.125, 1.0));
    for side in &heard {
        let steepest = side.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.02, "a step of {steepest}");
    }
    assert!(rig.engine.undo().unwrap());
    assert_eq!(rig.engine.live(), changed);
    assert!(rig.engine.redo().unwrap());
    assert_eq!(rig.engine.live(), start);
    let now = [("start".to_owned(), false, None), ("before start".to_owned(), true, None)];
    assert_eq!(names(&mut rig), now);
}

/// Where the blocks begin does not matter.
#[test]
fn a_recall_sounds_the_same_in_any_partition() {
    let heard = |block| {
        let mut rig = rig();
        rig.engine.take_moment(Some("start")).unwrap();
        change_all(&mut rig);
        play(&mut rig.engine, 1000, block);
        rig.engine.recall_moment("start").unwrap();
        play(&mut rig.engine, 2000, block)
    };
    let whole = heard(256);
    assert!(whole[0][0] < 0.0 && whole[0][1999] == 1.0);
    for block in [1, 37, 64] {
        assert_eq!(heard(block), whole, "blocks of {block}");
    }
}

/// Two scenes, of which the first plays.
fn with_scenes() -> Rig {
    let mut rig = rig();
    for (name, gain) in [("A", 0.5), ("B", 2.0)] {
        rig.engine.set_parameter(rig.gain, GAIN, gain).unwrap();
        rig.engine.store_scene(name, &Capture::Differences).unwrap();
    }
    assert!(rig.engine.play_scene("A").unwrap());
    assert!(names(&mut rig).is_empty(), "nothing was lost");
    rig
}

fn gain(rig: &Rig) -> Value {
    rig.engine.live()[&Key::Parameter(rig.gain, GAIN)]
}

/// ```text
/// A ─ edit ─ B (by accident) ─ recall "A, changed" ─ store A        what a switch took away is there, and can be stored
/// ```
#[test]
fn what_a_switch_takes_away_is_kept() {
    let mut rig = with_scenes();
    rig.engine.set_parameter(rig.gain, GAIN, 0.75).unwrap();
    assert!(rig.engine.play_scene("B").unwrap());
    assert_eq!(names(&mut rig), [("A, changed".to_owned(), true, Some("A".to_owned()))]);
    let told = rig.engine.poll();
    assert!(told.iter().any(|notice| matches!(notice, Notice::MomentTaken { moment } if moment == "A, changed")));
    assert!(rig.engine.play_scene("A").unwrap());
    assert_eq!((gain(&rig), names(&mut rig).len()), (Value::Parameter(0.5), 1), "B was not changed");
    assert!(rig.engine.play_scene("B").unwrap());

    rig.engine.recall_moment("A, changed").unwrap();
    assert_eq!(gain(&rig), Value::Parameter(0.75));
    let shown = rig.engine.look().scenes;
    assert_eq!((shown.playing, shown.is_modified), (Some(0), true));
    assert!(rig.engine.undo().unwrap());
    let shown = rig.engine.look().scenes;
    assert_eq!((shown.playing, shown.is_modified, gain(&rig)), (Some(1), false, Value::Parameter(2.0)));
    assert!(rig.engine.redo().unwrap());
    rig.engine.store_scene("A", &Capture::Differences).unwrap();
    assert!(rig.engine.play_scene("B").unwrap() && rig.engine.play_scene("A").unwrap());
    assert_eq!(gain(&rig), Value::Parameter(0.75));
    rig.engine.set_parameter(rig.gain, GAIN, 0.8).unwrap();
    rig.engine.leave_scene().unwrap();
    assert_eq!(names(&mut rig).last().unwrap().0, "A, changed 2", "leaving loses as much");
}

/// A foot switches in the callback, and the engine hears of it afterwards: what the switch took away is kept as well.
#[test]
fn what_a_foot_takes_away_is_kept() {
    let mut rig = with_scenes();
    let mapping = MappingEntry::new("pedal", "cc 20".parse().unwrap(), MappingTarget::Scene("B".into()));
    rig.engine.edit_mappings(MappingEdit::Add(mapping)).unwrap();
    let mut foot = Foot::new(&mut rig.engine);
    rig.engine.set_parameter(rig.gain, GAIN, 0.75).unwrap();
    for _ in 0..4 {
        rig.engine.poll();
        play(&mut rig.engine, 256, 64);
    }
    let frame = rig.engine.publisher.frame();
    let told = foot.press(&mut rig.engine, "B", frame);
    let heard = play(&mut rig.engine, 2048, 64);
    assert_eq!(heard[0].last(), Some(&2.0), "it plays before the engine knows");
    foot.tell(told);
    rig.engine.poll();
    assert_eq!(names(&mut rig), [("A, changed".to_owned(), true, Some("A".to_owned()))]);
    rig.engine.recall_moment("A, changed").unwrap();
    assert_eq!((rig.engine.playing_scene(), gain(&rig)), (Some("A"), Value::Parameter(0.75)));
    assert_eq!(play(&mut rig.engine, 2048, 64)[0].last(), Some(&0.75));
}

/// A moment of the rig without a scene leaves the scene that plays, and one of a scene is played from the rig without one:
/// what plays afterwards has its own values.
#[test]
fn a_moment_knows_which_scene_played() {
    let mut rig = with_scenes();
    rig.engine.leave_scene().unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 1.5).unwrap();
    rig.engine.take_moment(Some("none")).unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 1.25).unwrap();
    assert!(rig.engine.play_scene("B").unwrap());
    rig.engine.take_moment(Some("B")).unwrap();
    rig.engine.recall_moment("none").unwrap();
    assert_eq!((rig.engine.playing_scene(), gain(&rig)), (None, Value::Parameter(1.5)));
    rig.engine.recall_moment("B").unwrap();
    assert_eq!((rig.engine.playing_scene(), gain(&rig)), (Some("B"), Value::Parameter(2.0)));
    assert!(!rig.engine.look().scenes.is_modified);
    rig.engine.leave_scene().unwrap();
    assert_eq!(gain(&rig), Value::Parameter(1.5), "the rig that was left for it");

    rig.engine.edit_scenes(SceneEdit::RenameScene { from: "B".into(), to: "Bridge".into() }).unwrap();
    assert_eq!(rig.engine.recall_moment("B").unwrap(), [""; 0]);
    assert_eq!(rig.engine.playing_scene(), Some("Bridge"));
    rig.engine.edit_scenes(SceneEdit::RemoveScene("Bridge".into())).unwrap();
    assert_eq!(rig.engine.recall_moment("B").unwrap(), ["there is no scene \"Bridge\" any more"]);
    assert_eq!((rig.engine.playing_scene(), gain(&rig)), (None, Value::Parameter(2.0)));
}

/// Of those that nobody asked for the oldest give way; what a person took, or gave a name, stays.
#[test]
fn what_people_took_never_gives_way() {
    let mut rig = with_scenes();
    assert_eq!(rig.engine.take_moment(None).unwrap(), "moment 1");
    let lose = |rig: &mut Rig, number: usize| {
        rig.engine.set_parameter(rig.gain, GAIN, 0.5 + (number + 1) as f64 / 128.0).unwrap();
        assert!(rig.engine.play_scene("B").unwrap() && rig.engine.play_scene("A").unwrap());
        play(&mut rig.engine, 64, 64);
    };
    lose(&mut rig, 0);
    rig.engine.edit_moments(MomentEdit::Rename { from: "A, changed".into(), to: "good".into() }).unwrap();
    (1..=AUTOMATIC_MOMENTS + 8).for_each(|number| lose(&mut rig, number));
    let names = names(&mut rig);
    assert_eq!(names.iter().filter(|moment| moment.1).count(), AUTOMATIC_MOMENTS);
    assert_eq!((names[0].0.as_str(), names[1].0.as_str(), names[1].1), ("moment 1", "good", false));
    rig.engine.recall_moment("good").unwrap();
    assert_eq!(gain(&rig), Value::Parameter(0.5 + 1.0 / 128.0));

    for number in 2..MOST_MOMENTS {
        rig.engine.take_moment(Some(&format!("by hand {number}"))).unwrap();
    }
    assert!(matches!(rig.engine.take_moment(None), Err(EngineError::TooManyMoments { most: MOST_MOMENTS })));
}

/// The list is edited in steps of the history; names are whole and unique.
#[test]
fn the_list_is_edited_and_that_is_undone() {
    let mut rig = rig();
    rig.engine.take_moment(Some("a")).unwrap();
    rig.engine.take_moment(Some("b")).unwrap();
    rig.engine.edit_moments(MomentEdit::Remove("a".into())).unwrap();
    rig.engine.edit_moments(MomentEdit::Rename { from: "b".into(), to: "c".into() }).unwrap();
    let list = |rig: &mut Rig| names(rig).into_iter().map(|moment| moment.0).collect::<Vec<_>>();
    assert_eq!(list(&mut rig), ["c"]);
    assert!(rig.engine.undo().unwrap() && rig.engine.undo().unwrap());
    assert_eq!(list(&mut rig), ["a", "b"]);
    assert!(rig.engine.redo().unwrap() && rig.engine.redo().unwrap());
    assert_eq!(list(&mut rig), ["c"]);
    for wrong in [" c", "", "c"] {
        assert!(matches!(rig.engine.take_moment(Some(wrong)), Err(EngineError::Title { .. })), "{wrong}");
    }
    let unknown = rig.engine.recall_moment("a").unwrap_err().to_string();
    assert_eq!(unknown, "there is no moment \"a\" to go back to; there are: c");
    let rename = MomentEdit::Rename { from: "c".into(), to: "\n".into() };
    assert!(matches!(rig.engine.edit_moments(rename), Err(EngineError::Title { .. })));
}

/// A crosspoint that came later is silent, a node that was renamed is found, and what was not there stays as it is.
#[test]
fn a_moment_follows_the_rig() {
    let mut rig = rig();
    rig.engine.take_moment(Some("start")).unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 0.5).unwrap();
    rig.engine.apply(vec![Edit::Rename { node: rig.gain, name: "louder".into() }]).unwrap();
    let stereo = rig.engine.add_builtin("stereo", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    rig.engine.set_parameter(stereo, GAIN, 0.125).unwrap();
    let edge = rig.engine.connect(rig.gain, stereo).unwrap();
    assert_eq!(rig.engine.recall_moment("start").unwrap(), [""; 0]);
    assert_eq!(gain(&rig), Value::Parameter(1.0));
    let live = rig.engine.live();
    assert_eq!(live[&Key::Parameter(stereo, GAIN)], Value::Parameter(0.125));
    assert_eq!(live[&Key::Cell(edge, 0, 0)], Value::Cell(Cell::UNITY));

    rig.engine.apply(vec![Edit::SetCell { edge, source: 0, destination: 1, cell: None }]).unwrap();
    rig.engine.take_moment(Some("left only")).unwrap();
    rig.engine.set_cell(edge, 0, 1, Cell::UNITY).unwrap();
    rig.engine.recall_moment("left only").unwrap();
    let right = |rig: &Rig| rig.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 1);
    assert_eq!(right(&rig).map(|cell| cell.effective()), Some(0.0));
    assert!(rig.engine.undo().unwrap());
    assert_eq!(right(&rig), Some(Cell::UNITY));
    rig.engine.remove_node(stereo, false).unwrap();
    let left_out = rig.engine.recall_moment("left only").unwrap();
    assert!(!left_out.is_empty() && left_out.iter().all(|what| what.contains("stereo")), "{left_out:?}");
}

/// A rig has its moments again once it is loaded, in another engine too.
#[test]
fn moments_are_saved_with_the_rig() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    let mut rig = with_scenes();
    rig.engine.set_parameter(rig.gain, GAIN, 0.75).unwrap();
    rig.engine.take_moment(Some("by hand")).unwrap();
    assert!(rig.engine.play_scene("B").unwrap());
    session::save(&rig.engine.document().unwrap(), &path).unwrap();
    let loaded = session::load(&path).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mut again = Engine::new(EngineSettings::default());
    let mapping = MachineFile::default().map(&loaded.document);
    assert!(again.load_document(&loaded.document, &mapping).unwrap().is_empty());
    assert_eq!(again.look().moments, rig.engine.look().moments);
    assert_eq!(again.recall_moment("by hand").unwrap(), [""; 0]);
    assert_eq!(again.playing_scene(), Some("A"));
    let node = again.graph().nodes().find(|(_, node)| node.name == "gain").unwrap().0;
    assert_eq!(again.live()[&Key::Parameter(node, GAIN)], Value::Parameter(0.75));
}

/// What somebody may do between two moments.
#[derive(Clone, Debug)]
enum Deed {
    Gain(f64),
    Cell(f32),
    Bypass(bool),
    Tempo(f64),
    Scene(Option<bool>),
    Take,
    Recall(usize),
    Undo,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0.0..2.0).prop_map(Deed::Gain),
        (0.0..1.0_f32).prop_map(Deed::Cell),
        any::<bool>().prop_map(Deed::Bypass),
        (60.0..180.0).prop_map(Deed::Tempo),
        any::<Option<bool>>().prop_map(Deed::Scene),
        Just(Deed::Take),
        any::<usize>().prop_map(Deed::Recall),
        Just(Deed::Undo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happened since: a recall brings each value and the scene back that were there, and undoing it brings back
    /// what was there before.
    #[test]
    fn a_recall_and_its_undoing_are_exact(deeds in prop::collection::vec(deed(), 1..40)) {
        let mut rig = with_scenes();
        rig.engine.forget_history();
        let mut taken: Vec<(String, Setting, Option<String>)> = Vec::new();
        let standing = |rig: &Rig| (rig.engine.live(), rig.engine.playing_scene().map(str::to_owned));
        for deed in deeds {
            match deed {
                Deed::Gain(value) => rig.engine.set_parameter(rig.gain, GAIN, value).unwrap(),
                Deed::Cell(gain) => rig.engine.set_cell(rig.edge, 0, 0, Cell::new(gain)).unwrap(),
                Deed::Bypass(on) => rig.engine.set_bypassed(rig.other, on).unwrap(),
                Deed::Tempo(tempo) => rig.engine.send_command(NOW, Command::Tempo(tempo)).unwrap(),
                Deed::Scene(None) => rig.engine.leave_scene().unwrap(),
                Deed::Scene(Some(first)) => drop(rig.engine.play_scene(if first { "A" } else { "B" }).unwrap()),
                Deed::Take => {
                    let (setting, scene) = standing(&rig);
                    taken.push((rig.engine.take_moment(None).unwrap(), setting, scene));
                }
                Deed::Recall(which) if !taken.is_empty() => {
                    let (name, setting, scene) = taken[which % taken.len()].clone();
                    let before = standing(&rig);
                    prop_assert!(rig.engine.recall_moment(&name).unwrap().is_empty());
                    prop_assert_eq!(standing(&rig), (setting.clone(), scene.clone()));
                    prop_assert!(rig.engine.undo().unwrap());
                    prop_assert_eq!(standing(&rig), before);
                    prop_assert!(rig.engine.redo().unwrap());
                    prop_assert_eq!(standing(&rig), (setting, scene));
                }
                Deed::Recall(_) => {}
                Deed::Undo => drop(rig.engine.undo().unwrap()),
            }
            play(&mut rig.engine, 64, 64);
        }
    }
}
