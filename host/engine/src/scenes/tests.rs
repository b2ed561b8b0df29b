//! Scenes of built-in nodes: values, sound, history, the way through the setlist.

use super::value::{Key, Value};
use super::{Capture, SceneEdit};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::matrix::{PortChannel, Soloed};
use crate::offline::Job;
use crate::session::{Builtin, EntryKind, ParameterEntry, ParameterValue, SceneEntry, SceneParameter, SongEntry};
use crate::settings::EngineSettings;
use crosspoint_graph::nodes::gain::GAIN;
use crosspoint_graph::{Cell, ChannelLayout, EdgeId, NodeId};

/// in 1 -> gain -> out 1, in 2 -> other -> out 2
pub(crate) struct Rig {
    pub engine: Engine,
    pub gain: NodeId,
    pub other: NodeId,
    pub edge: EdgeId,
}

pub(crate) fn rig() -> Rig {
    let mut engine = Engine::new(EngineSettings { max_block: 256, ..EngineSettings::default() });
    let built = engine.batch(|engine| {
        let layout = ChannelLayout::Mono;
        let mut path = |name: &str, channel| {
            let input = engine.add_input(&format!("in {name}"), "in", &[Some(channel)])?;
            let gain = engine.add_builtin(name, Builtin::Gain { layout })?;
            let output = engine.add_output(&format!("out {name}"), "out", &[Some(channel)])?;
            engine.connect(input, gain)?;
            Ok::<_, EngineError>((gain, engine.connect(gain, output)?))
        };
        let (gain, edge) = path("gain", 0)?;
        Ok((gain, path("other", 1)?.0, edge))
    });
    let (gain, other, edge) = built.unwrap();
    Rig { engine, gain, other, edge }
}

/// The next frames, of constant inputs.
pub(crate) fn play(engine: &mut Engine, frames: usize, block: usize) -> Vec<Vec<f32>> {
    let inputs = [vec![1.0; frames], vec![0.25; frames]];
    let job = Job { inputs: &inputs, outputs: 2, frames, block, compensate: false, events: &[], events_into: None };
    engine.render(&job, |_| true).unwrap().channels
}

fn value(rig: &Rig, node: NodeId) -> f64 {
    match rig.engine.live()[&Key::Parameter(node, GAIN)] {
        Value::Parameter(value) => value,
        other => panic!("{other:?}"),
    }
}

/// base 1 -> store A at 0.5 -> store B at 2 with another crosspoint -> A -> B -> A -> base: each has its values, exactly.
#[test]
fn from_scene_to_scene_and_back_the_values_are_exact() {
    let mut rig = rig();
    play(&mut rig.engine, 256, 64);
    rig.engine.store_scene("base", &Capture::Differences).unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 0.5).unwrap();
    rig.engine.store_scene("A", &Capture::Differences).unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 2.0).unwrap();
    let loud = Cell::new(0.3);
    rig.engine.set_cell(rig.edge, 0, 0, loud).unwrap();
    rig.engine.store_scene("B", &Capture::Differences).unwrap();
    let expected = [("A", 0.5, Cell::UNITY), ("B", 2.0, loud), ("base", 1.0, Cell::UNITY)];
    for place in [0, 1, 0, 2, 1, 2, 0] {
        let (scene, gain, cell) = expected[place];
        assert!(rig.engine.play_scene(scene).unwrap());
        assert_eq!(value(&rig, rig.gain), gain, "{scene}");
        assert_eq!(rig.engine.graph().edge(rig.edge).unwrap().matrix().unwrap().get(0, 0), Some(cell), "{scene}");
        let heard = play(&mut rig.engine, 4096, 64);
        assert_eq!(heard[0].last(), Some(&(gain as f32 * cell.gain)), "{scene}");
        assert!(!rig.engine.look().scenes.is_modified);
    }
    rig.engine.leave_scene().unwrap();
    assert_eq!(value(&rig, rig.gain), 1.0);
    let said: Vec<usize> = rig.engine.rig.rest.scenes.iter().map(|scene| scene.parameters.len()).collect();
    assert_eq!(said, [0, 1, 1], "a scene says only what differs");
}

/// A switch at frame 0 of a constant: heard from there on, no step beyond that of a ramp of the shortest
/// fade, for any partition; the other path is bit for bit what it was.
#[test]
fn a_switch_is_heard_within_a_block_and_has_no_step() {
    let switched = |block: usize| {
        let mut rig = rig();
        let gain = ParameterValue::Plain(0.0);
        let parameter = ParameterEntry { id: None, name: "gain".into(), value: gain };
        let off = SceneEntry {
            name: "off".into(),
            parameters: vec![SceneParameter { node: "gain".into(), parameter }],
            ..SceneEntry::default()
        };
        rig.engine.edit_scenes(SceneEdit::SetScene(off)).unwrap();
        play(&mut rig.engine, 512, 64);
        assert!(rig.engine.play_scene("off").unwrap());
        play(&mut rig.engine, 4096, block)
    };
    let heard = switched(64);
    let begin = heard[0].iter().position(|sample| *sample != 1.0).unwrap();
    // The ramp begins with the next frame, whose own sample is still where it comes from.
    assert_eq!(begin, 1);
    let steepest = heard[0].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.02, "a step of {steepest}");
    assert_eq!(heard[0].last(), Some(&0.0));
    assert!(heard[1].iter().all(|sample| *sample == 0.25), "what both share is not touched");
    for block in [1, 37, 256, 1000] {
        assert_eq!(switched(block), heard, "blocks of {block}");
    }
}

/// in 1 -> gain ─┬─> out 1       `gain` is soloed, so `other` is silent there
/// in 2 -> other ┘
///
/// A scene changes both crosspoints meanwhile: what is silent stays so, and has the scene's gain once the solo ends.
#[test]
fn a_switch_leaves_what_is_silent_for_a_solo() {
    let mut rig = rig();
    let out = rig.engine.graph().edge(rig.edge).unwrap().destination.node;
    let other = rig.engine.connect(rig.other, out).unwrap();
    rig.engine.store_scene("before", &Capture::Differences).unwrap();
    for (edge, gain) in [(rig.edge, 0.5), (other, 0.8)] {
        rig.engine.set_cell(edge, 0, 0, Cell::new(gain)).unwrap();
    }
    rig.engine.store_scene("after", &Capture::Differences).unwrap();
    assert!(rig.engine.play_scene("before").unwrap());
    play(&mut rig.engine, 2048, 64);
    rig.engine.set_soloed(Soloed::Row(PortChannel::new(rig.gain, 0, 0)), true).unwrap();
    assert_eq!(play(&mut rig.engine, 2048, 64)[0].last(), Some(&1.0));
    assert!(rig.engine.play_scene("after").unwrap());
    let heard = play(&mut rig.engine, 2048, 64);
    assert_eq!(heard[0].last(), Some(&0.5));
    assert!(heard[0].iter().all(|sample| *sample <= 1.0), "what is silent is not heard for a moment either");
    rig.engine.clear_solo().unwrap();
    assert_eq!(play(&mut rig.engine, 2048, 64)[0].last(), Some(&(0.5 + 0.25 * 0.8)));
}

/// An edit is heard at once, makes the scene modified, is not of another scene, and belongs to the scene once stored;
/// undo gives the scene as it was.
#[test]
fn edits_belong_to_a_scene_once_they_are_stored() {
    let mut rig = rig();
    for (name, gain) in [("A", 0.5), ("B", 0.25)] {
        rig.engine.set_parameter(rig.gain, GAIN, gain).unwrap();
        rig.engine.store_scene(name, &Capture::Nodes(vec![rig.gain])).unwrap();
    }
    rig.engine.play_scene("A").unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 0.75).unwrap();
    assert!(rig.engine.look().scenes.is_modified);
    rig.engine.play_scene("B").unwrap();
    rig.engine.play_scene("A").unwrap();
    assert_eq!(value(&rig, rig.gain), 0.5, "it was not stored");
    rig.engine.set_parameter(rig.gain, GAIN, 0.75).unwrap();
    rig.engine.store_scene("A", &Capture::Differences).unwrap();
    assert!(!rig.engine.look().scenes.is_modified);
    rig.engine.play_scene("B").unwrap();
    rig.engine.play_scene("A").unwrap();
    assert_eq!(value(&rig, rig.gain), 0.75);
    // What no scene says is the rig's.
    rig.engine.set_parameter(rig.other, GAIN, 0.125).unwrap();
    rig.engine.play_scene("B").unwrap();
    assert_eq!(value(&rig, rig.other), 0.125);

    assert!(rig.engine.undo().unwrap(), "the other parameter");
    assert!(rig.engine.undo().unwrap(), "the scene as it was stored");
    rig.engine.play_scene("A").unwrap();
    assert_eq!(value(&rig, rig.gain), 0.5);
    assert!(rig.engine.redo().unwrap());
    rig.engine.play_scene("A").unwrap();
    assert_eq!(value(&rig, rig.gain), 0.75);
}

/// While a scene plays the document has the rig's own values, and the scene's in the scene.
#[test]
fn a_document_has_the_base_whatever_plays() {
    let mut rig = rig();
    rig.engine.set_parameter(rig.gain, GAIN, 0.5).unwrap();
    rig.engine.store_scene("base", &Capture::Differences).unwrap();
    rig.engine.set_parameter(rig.gain, GAIN, 2.0).unwrap();
    rig.engine.set_cell(rig.edge, 0, 0, Cell::new(0.3)).unwrap();
    rig.engine.send_command(0, crosspoint_graph::Command::Tempo(90.0)).unwrap();
    rig.engine.store_scene("A", &Capture::Differences).unwrap();
    let playing = rig.engine.document().unwrap();
    rig.engine.leave_scene().unwrap();
    let left = rig.engine.document().unwrap();
    assert_eq!(playing, left, "leaving lost nothing, and there is no moment of it");
    assert_eq!((playing.tempo, playing.scenes[1].tempo), (120.0, Some(90.0)));
    let EntryKind::Builtin { parameters, .. } = &playing.node("gain").unwrap().kind else { panic!() };
    assert_eq!(parameters[0].value, ParameterValue::Plain(0.5));
    assert_eq!(playing.scenes[1].parameters[0].parameter.value, ParameterValue::Plain(2.0));
    assert_eq!(playing.scenes[1].crosspoints[0].cells.len(), 1);
}

/// Opener: A B, Ballad: C A; the setlist plays Opener, Ballad, Opener.
#[test]
fn the_setlist_leads_through_songs_and_scenes() {
    let mut rig = rig();
    for name in ["A", "B", "C"] {
        rig.engine.store_scene(name, &Capture::Differences).unwrap();
    }
    rig.engine.leave_scene().unwrap();
    for (name, tempo, scenes) in [("Opener", None, ["A", "B"]), ("Ballad", Some(72.0), ["C", "A"])] {
        let scenes = scenes.map(str::to_owned).into();
        let song = SongEntry { name: name.into(), tempo, scenes, ..SongEntry::default() };
        rig.engine.edit_scenes(SceneEdit::SetSong(song)).unwrap();
    }
    let order = ["Opener", "Ballad", "Opener"].map(str::to_owned).into();
    rig.engine.edit_scenes(SceneEdit::SetSetlist(order)).unwrap();
    let now = |engine: &mut Engine| {
        let shown = engine.look().scenes;
        (shown.position.unwrap(), shown.scenes[shown.playing.unwrap()].name.clone(), engine.rig.tempo)
    };
    let expected = [((0, 0), "A"), ((0, 1), "B"), ((1, 0), "C"), ((1, 1), "A"), ((2, 0), "A"), ((2, 1), "B")];
    let tempo = |song: usize| if song == 1 { 72.0 } else { 120.0 };
    for (position, scene) in expected {
        assert!(rig.engine.next_scene().unwrap());
        assert_eq!(now(&mut rig.engine), (position, scene.to_owned(), tempo(position.0)));
    }
    assert!(!rig.engine.next_scene().unwrap() && !rig.engine.next_song().unwrap(), "the end");
    assert!(rig.engine.previous_song().unwrap());
    assert_eq!(now(&mut rig.engine), ((1, 0), "C".to_owned(), 72.0));
    assert!(rig.engine.previous_scene().unwrap());
    assert_eq!(now(&mut rig.engine), ((0, 1), "B".to_owned(), 120.0));
    // Where a scene is asked for by its name, one of the same song is meant.
    rig.engine.play_scene("A").unwrap();
    assert_eq!(now(&mut rig.engine).0, (0, 0));
    assert!(rig.engine.play_song(1, 1).unwrap() && !rig.engine.play_song(3, 0).unwrap());
}

/// Names are followed, what plays goes on through every edit, and each can be taken back.
#[test]
fn scenes_are_renamed_moved_and_removed_as_steps_of_the_history() {
    let mut rig = rig();
    for (name, gain) in [("A", 0.5), ("B", 0.25)] {
        rig.engine.set_parameter(rig.gain, GAIN, gain).unwrap();
        rig.engine.store_scene(name, &Capture::Nodes(vec![rig.gain])).unwrap();
    }
    let names = |engine: &mut Engine| {
        let shown = engine.look().scenes;
        let names: Vec<String> = shown.scenes.iter().map(|scene| scene.name.clone()).collect();
        (names.join(" "), shown.playing)
    };
    let engine = &mut rig.engine;
    engine.edit_scenes(SceneEdit::MoveScene { scene: "B".into(), place: 0 }).unwrap();
    assert_eq!(names(engine), ("B A".into(), Some(0)));
    engine.edit_scenes(SceneEdit::RenameScene { from: "B".into(), to: "Bee".into() }).unwrap();
    assert_eq!(names(engine), ("Bee A".into(), Some(0)));
    engine.edit_scenes(SceneEdit::RemoveScene("A".into())).unwrap();
    assert_eq!(names(engine), ("Bee".into(), Some(0)));
    for expected in ["Bee A", "B A"] {
        assert!(engine.undo().unwrap());
        assert_eq!(names(engine), (expected.into(), Some(0)));
    }
    assert!(engine.undo().unwrap());
    assert_eq!(names(engine), ("A B".into(), Some(1)));
    assert!(engine.redo().unwrap());
    assert_eq!(names(engine), ("B A".into(), Some(0)));
    let taken = engine.edit_scenes(SceneEdit::RenameScene { from: "B".into(), to: "A".into() });
    assert!(matches!(taken, Err(EngineError::Title { .. })), "{taken:?}");
    let unknown = engine.play_scene("C");
    assert!(matches!(&unknown, Err(EngineError::UnknownScene { known, .. }) if known == "B, A"), "{unknown:?}");

    let rename = crosspoint_graph::graph::Edit::Rename { node: rig.gain, name: "volume".into() };
    engine.apply(vec![rename]).unwrap();
    engine.play_scene("A").unwrap();
    assert_eq!(engine.document().unwrap().scenes[1].parameters[0].node, "volume");
    assert_eq!(value(&rig, rig.gain), 0.5);

    // What undoes a change of scenes that came after a new name has that name.
    let rename = crosspoint_graph::graph::Edit::Rename { node: rig.gain, name: "loudness".into() };
    rig.engine.apply(vec![rename]).unwrap();
    rig.engine.edit_scenes(SceneEdit::RenameScene { from: "B".into(), to: "Bee".into() }).unwrap();
    rig.engine.look();
    assert!(rig.engine.undo().unwrap());
    assert_eq!(rig.engine.document().unwrap().scenes[1].parameters[0].node, "loudness");
}
