//! A switch at the frame of a beat or bar, whoever asked for it, and what becomes of it while it is awaited.

use crate::control::MappingEdit;
use crate::control::foot::Foot;
use crate::engine::Engine;
use crate::scenes::tests::{Rig, play, rig};
use crate::scenes::{Capture, SceneEdit};
use crate::session::{ControlMessage, MappingEntry, MappingTarget};
use crosspoint_graph::nodes::gain::GAIN;
use crosspoint_graph::{Cell, Command, NOW, SceneStart};

/// Frames of a beat and of a bar: 1000 quarters a minute at 48 kHz are 2880 frames each, a 64th is 180.
const BEAT: usize = 180;
const BAR: usize = 2 * BEAT;
/// Frames that are played before anything is asked for: within the second bar.
const BEFORE: usize = 512;

/// A rig with two scenes, `on` and `off`, which has the crosspoint to the first output closed, hard. `on` plays.
fn switchable(start: SceneStart) -> Rig {
    let mut rig = rig();
    rig.engine.store_scene("on", &Capture::Differences).unwrap();
    rig.engine.set_cell(rig.edge, 0, 0, Cell::new(0.0)).unwrap();
    rig.engine.store_scene("off", &Capture::Differences).unwrap();
    let mut off = rig.engine.document().unwrap().scenes[1].clone();
    (off.fade, off.start) = (Some(0.0), start);
    rig.engine.edit_scenes(SceneEdit::SetScene(off)).unwrap();
    assert!(rig.engine.play_scene("on").unwrap());
    rig
}

/// The same, while the playhead moves.
fn moving(start: SceneStart) -> Rig {
    let mut rig = switchable(start);
    for command in [Command::Tempo(1000.0), Command::Metre(2, 64), Command::Play(true)] {
        rig.engine.send_command(NOW, command).unwrap();
    }
    let before = play(&mut rig.engine, BEFORE, 64);
    assert_eq!(before[0].last(), Some(&1.0));
    rig
}

/// The names of the scene that plays and of the awaited one, and what that waits for.
fn shown(engine: &mut Engine) -> (Option<String>, Option<String>, SceneStart) {
    let shown = engine.look().scenes;
    let name = |scene: Option<usize>| scene.map(|scene| shown.scenes[scene].name.clone());
    (name(shown.playing), name(shown.awaited), shown.awaited_start)
}

fn named(playing: &str, awaited: Option<&str>, start: SceneStart) -> (Option<String>, Option<String>, SceneStart) {
    (Some(playing.to_owned()), awaited.map(str::to_owned), start)
}

/// Where the first output falls silent, if it does: in one frame, from all that it was.
fn falls_silent(heard: &[f32]) -> Option<usize> {
    let at = heard.iter().position(|sample| *sample != 1.0)?;
    assert!(heard[at..].iter().all(|sample| *sample == 0.0), "a hard switch is one step: {:?}", &heard[at..at + 4]);
    Some(at)
}

//  |         |         |         |      beats; every second one is a bar
//       ^ asked      ^ beat    ^ bar
/// The switch is at the very frame, for every partition, whether the scene says so or who asks; the snapshot tells what is
/// awaited until then.
#[test]
fn a_scene_takes_over_at_the_frame_of_the_beat_or_bar() {
    let beat = BEFORE.div_ceil(BEAT) * BEAT - BEFORE;
    let bar = BEFORE.div_ceil(BAR) * BAR - BEFORE;
    assert!(0 < beat && beat < bar);
    for (start, at) in [(SceneStart::Now, 0), (SceneStart::Beat, beat), (SceneStart::Bar, bar)] {
        for block in [1, 37, 64, 256, 1000] {
            for by_scene in [true, false] {
                let mut rig = moving(if by_scene { start } else { SceneStart::default() });
                let plays = match by_scene {
                    true => rig.engine.play_scene("off").unwrap(),
                    false => rig.engine.play_scene_at("off", start).unwrap(),
                };
                assert_eq!(plays, start == SceneStart::Now);
                if !plays {
                    assert_eq!(shown(&mut rig.engine), named("on", Some("off"), start));
                }
                let heard = play(&mut rig.engine, 1024, block);
                assert_eq!(falls_silent(&heard[0]), Some(at), "{start:?} in blocks of {block}");
                assert!(heard[1].iter().all(|sample| *sample == 0.25), "what both share is not touched");
                rig.engine.poll();
                assert_eq!(shown(&mut rig.engine), named("off", None, SceneStart::Now));
                assert_eq!(
                    rig.engine.graph().edge(rig.edge).unwrap().matrix().unwrap().get(0, 0),
                    Some(Cell::new(0.0))
                );
                assert!(!rig.engine.look().scenes.is_modified);
            }
        }
    }
}

/// Who asks for another start than the scene's has it.
#[test]
fn what_is_asked_for_goes_before_what_the_scene_says() {
    let mut rig = moving(SceneStart::Bar);
    assert!(rig.engine.play_scene_at("off", SceneStart::Now).unwrap());
    assert_eq!(falls_silent(&play(&mut rig.engine, 512, 64)[0]), Some(0));
}

/// Without a playhead that moves there is nothing to wait for; and nothing any more where it stops meanwhile.
#[test]
fn a_playhead_that_stands_has_no_beat_to_wait_for() {
    let mut rig = switchable(SceneStart::Bar);
    play(&mut rig.engine, BEFORE, 64);
    rig.engine.play_scene("off").unwrap();
    assert_eq!(falls_silent(&play(&mut rig.engine, 512, 64)[0]), Some(0));
    assert_eq!(shown(&mut rig.engine), named("off", None, SceneStart::Now));

    let mut rig = moving(SceneStart::Bar);
    rig.engine.play_scene("off").unwrap();
    assert_eq!(falls_silent(&play(&mut rig.engine, 32, 32)[0]), None);
    rig.engine.send_command(NOW, Command::Play(false)).unwrap();
    assert_eq!(falls_silent(&play(&mut rig.engine, 512, 64)[0]), Some(0));
}

/// The last word counts: another scene now, none at all, or the scene no longer there. Nothing happens at the bar then, and
/// everything has its value.
#[test]
fn what_is_called_off_does_not_come() {
    for block in [37, 64, 256] {
        for way in 0..4 {
            let mut rig = moving(SceneStart::Bar);
            rig.engine.play_scene("off").unwrap();
            assert_eq!(falls_silent(&play(&mut rig.engine, 64, block)[0]), None);
            let playing = match way {
                0 => {
                    assert!(rig.engine.play_scene("on").unwrap());
                    Some("on")
                }
                1 => {
                    rig.engine.leave_scene().unwrap();
                    None
                }
                2 => {
                    rig.engine.edit_scenes(SceneEdit::RemoveScene("off".into())).unwrap();
                    Some("on")
                }
                // What is asked for again waits for the same bar.
                _ => {
                    rig.engine.play_scene("off").unwrap();
                    Some("off")
                }
            };
            let heard = play(&mut rig.engine, 2048, block);
            let bar = BEFORE.div_ceil(BAR) * BAR - BEFORE - 64;
            assert_eq!(falls_silent(&heard[0]), (way == 3).then_some(bar), "{way} in blocks of {block}");
            let shown = shown(&mut rig.engine);
            assert_eq!((shown.0.as_deref(), shown.1), (playing, None));
        }
    }
}

/// The rig may be edited while a scene waits: another value of the base is in it, and a graph that is sent meanwhile changes
/// nothing of the frame.
#[test]
fn what_waits_is_as_the_rig_is_then() {
    for block in [1, 64, 256] {
        let mut rig = moving(SceneStart::Bar);
        rig.engine.play_scene("off").unwrap();
        assert_eq!(falls_silent(&play(&mut rig.engine, 64, block)[0]), None);
        rig.engine.set_parameter(rig.other, GAIN, 0.5).unwrap();
        let spare = rig.engine.add_input("spare", "spare", &[Some(1)]).unwrap();
        rig.engine.connect(spare, rig.gain).unwrap();
        rig.engine.remove_node(spare, false).unwrap();
        let moved = SceneEdit::MoveScene { scene: "off".into(), place: 0 };
        rig.engine.edit_scenes(moved).unwrap();
        let heard = play(&mut rig.engine, 2048, block);
        assert_eq!(heard[0].iter().position(|sample| *sample == 0.0), Some(BEFORE.div_ceil(BAR) * BAR - BEFORE - 64));
        assert_eq!((heard[0].last(), heard[1].last()), (Some(&0.0), Some(&0.125)));
        assert_eq!(shown(&mut rig.engine), named("off", None, SceneStart::Now));
    }
}

/// A mapped scene is as exact, wherever the engine hears of it: before the beat, or after the renderer has told that the scene
/// plays. Its mapping has a plan again afterwards.
#[test]
fn a_mapped_scene_takes_over_at_the_frame_of_the_bar() {
    let message: ControlMessage = "cc 20".parse().unwrap();
    for block in [37, 64, 256] {
        for is_late in [false, true] {
            let mut rig = moving(SceneStart::Bar);
            let mapping = MappingEntry::new("pedal", message, MappingTarget::Scene("off".into()));
            rig.engine.edit_mappings(MappingEdit::Add(mapping)).unwrap();
            let mut foot = Foot::new(&mut rig.engine);
            for round in 0..2 {
                rig.engine.poll();
                let frame = rig.engine.publisher.frame();
                let bar = BAR - frame as usize % BAR;
                let told = foot.press(&mut rig.engine, "off", frame);
                if !is_late {
                    foot.tell(told);
                    rig.engine.poll();
                    assert_eq!(shown(&mut rig.engine), named("on", Some("off"), SceneStart::Bar));
                }
                let heard = play(&mut rig.engine, 1024, block);
                assert_eq!(falls_silent(&heard[0]), Some(bar), "round {round} in blocks of {block}");
                if is_late {
                    foot.tell(told);
                }
                rig.engine.poll();
                assert_eq!(shown(&mut rig.engine), named("off", None, SceneStart::Now));
                assert_eq!(
                    rig.engine.graph().edge(rig.edge).unwrap().matrix().unwrap().get(0, 0),
                    Some(Cell::new(0.0))
                );
                assert!(rig.engine.play_scene("on").unwrap());
                let heard = play(&mut rig.engine, 1024, block);
                assert_eq!(heard[0].last(), Some(&1.0));
            }
        }
    }
}

/// While a scene waits for its bar, a poll changes nothing that is shown. Who leaves all scenes, though none plays, waits for
/// none.
#[test]
fn what_is_awaited_is_shown_once() {
    let mut rig = moving(SceneStart::Bar);
    rig.engine.play_scene("off").unwrap();
    let revision = rig.engine.look().revision;
    for _ in 0..5 {
        rig.engine.poll();
    }
    assert_eq!(rig.engine.look().revision, revision);

    rig.engine.leave_scene().unwrap();
    rig.engine.play_scene("off").unwrap();
    assert!(shown(&mut rig.engine).1.is_some());
    rig.engine.leave_scene().unwrap();
    assert_eq!(shown(&mut rig.engine), (None, None, SceneStart::Now));
}
