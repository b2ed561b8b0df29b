//! Faders of groups and mixes, moved by messages and by scenes: what is heard, what the engine knows, what undo takes back.

use super::{RATE, Stage, fader, place, volume};
use crosspoint::graph::{Command, NOW, SceneStart};
use crosspoint::session::{
    ChannelEntry, ChannelsEntry, EndpointEntry, FaderPlace, GroupEntry, MappingTarget, MixEntry, PortSelector,
};
use crosspoint::{Capture, Engine, GroupEdit, MixEdit};

/// ```text
/// volume 1, 2 ──► out 1, 2: both in the group "all"        cc 2 = 0 .. 127: from silence to 6 dB, ramped
///                                                          cc 3 mutes it, cc 4 the mix "Ann" of out 2
/// ```
/// The fader goes as a person's hand has it; that is no step of the history, and no other step takes it back: not even the
/// one that gave the group its name.
#[test]
fn groups_and_mixes_have_faders_for_controllers() {
    let (mut stage, _, _) = volume();
    let rows = vec![ChannelsEntry::Node("volume".into())];
    stage.engine.edit_groups(GroupEdit::Set(GroupEntry { name: "one".into(), rows, ..GroupEntry::default() })).unwrap();
    let second = ChannelEntry { end: EndpointEntry::new("out".to_owned(), PortSelector::First), channel: 1 };
    let columns = vec![ChannelsEntry::One(second)];
    stage.engine.edit_mixes(MixEdit::Set(MixEntry { name: "Ann".into(), columns, ..MixEntry::default() })).unwrap();
    let group = || FaderPlace::Group("one".into());
    stage.map("cc 2", MappingTarget::FaderGain(group()), |mapping| mapping.feedback = Some("lights".into()));
    stage.map("cc 3", MappingTarget::FaderMute(group()), |_| {});
    stage.map("cc 4", MappingTarget::FaderMute(FaderPlace::Mix("Ann".into())), |_| {});
    let renamed = GroupEdit::Rename { from: "one".into(), to: "all".into() };
    stage.engine.edit_groups(renamed).unwrap();
    stage.settle();
    let played = |stage: &mut Stage| {
        stage.settle();
        let [left, right] = stage.play(&[], 64, 64);
        (left[63], right[63])
    };

    stage.send(&[0xB0, 2, 64]);
    let quiet = (2.0 * fader(64)) as f32;
    let (left, right) = played(&mut stage);
    assert!((left - quiet).abs() < 0.01 && left == right, "{left} for {quiet}");
    assert_eq!(stage.engine.groups()[0].fader.gain, left);
    // Loud at once: no step is larger than that of the ramp of 240 frames.
    stage.play(&[(3, &[0xB0, 2, 127])], 64, 64);
    stage.poll();
    let [rising, _] = stage.play(&[], 1024, 64);
    let step = rising.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
    assert!(step > 0.0 && step < 2.0 / 240.0, "{step}");
    stage.send(&[0xB0, 4, 127]);
    let loud = played(&mut stage);
    assert!((loud.0 - 1.995).abs() < 0.001 && loud.1 == 0.0, "{loud:?}");

    // Undo gives the group its old name, and the mappings too; the fader stays where it was moved.
    let last = |engine: &Engine| (engine.groups()[0].name.clone(), engine.mappings()[0].target.clone());
    assert_eq!(last(&stage.engine), ("all".into(), MappingTarget::FaderGain(FaderPlace::Group("all".into()))));
    assert!(stage.engine.undo().unwrap());
    assert_eq!(last(&stage.engine), ("one".into(), MappingTarget::FaderGain(group())));
    assert_eq!(played(&mut stage), loud);
    assert!(stage.engine.redo().unwrap());
    stage.engine.edit_groups(GroupEdit::Gain { group: "all".into(), gain: 0.5 }).unwrap();
    assert_eq!(played(&mut stage).0, 0.5);
    stage.send(&[0xB0, 2, 127]);
    assert!(stage.engine.undo().unwrap(), "what a person has set is taken back");
    assert_eq!(played(&mut stage), loud);

    stage.take_sent();
    stage.engine.edit_groups(GroupEdit::Gain { group: "all".into(), gain: 0.0 }).unwrap();
    stage.poll();
    stage.play(&[], RATE as usize, 64);
    assert_eq!(
        stage.take_sent().last().map(|(_, bytes)| bytes.clone()),
        Some(vec![0xB0, 2, 0]),
        "a motor fader follows"
    );
    stage.send(&[0xB0, 2, 127]);
    stage.send(&[0xB0, 3, 127]);
    assert_eq!(played(&mut stage), (0.0, 0.0));
    stage.send(&[0xB0, 3, 0]);
    stage.send(&[0xB0, 3, 127]);
    stage.send(&[0xB0, 4, 0]);
    stage.send(&[0xB0, 4, 127]);
    assert_eq!(played(&mut stage), (loud.0, loud.0));
}

/// ```text
/// volume 1, 2 ──► out 1, 2: the group "all", the group "left" of out 1, and the mix "Ann" of out 2
/// ```
/// Scenes that say no crosspoint, only faders: "Verse" as the rig, "Quiet" with "all" at 1/2 and "Ann" at 1/4. The messages:
/// programs 1 and 2, cc 5 for the crosspoint of out 1, cc 6 for "left".
fn faders() -> Stage {
    let (mut stage, _, _) = volume();
    let engine = &mut stage.engine;
    let column = |channel| {
        let end = EndpointEntry::new("out".to_owned(), PortSelector::First);
        vec![ChannelsEntry::One(ChannelEntry { end, channel })]
    };
    let all = GroupEntry { name: "all".into(), rows: vec![ChannelsEntry::Node("volume".into())], ..Default::default() };
    let left = GroupEntry { name: "left".into(), columns: column(0), ..GroupEntry::default() };
    [all, left].into_iter().for_each(|group| engine.edit_groups(GroupEdit::Set(group)).unwrap());
    engine.edit_mixes(MixEdit::Set(MixEntry { name: "Ann".into(), columns: column(1), ..Default::default() })).unwrap();
    engine.store_scene("Verse", &Capture::Differences).unwrap();
    engine.edit_groups(GroupEdit::Gain { group: "all".into(), gain: 0.5 }).unwrap();
    engine.edit_mixes(MixEdit::Gain { mix: "Ann".into(), gain: 0.25 }).unwrap();
    engine.store_scene("Quiet", &Capture::Differences).unwrap();
    engine.play_scene("Verse").unwrap();
    stage.map("program 1", MappingTarget::Scene("Verse".into()), |_| {});
    stage.map("program 2", MappingTarget::Scene("Quiet".into()), |_| {});
    stage.map("cc 5", MappingTarget::Gain(place("volume", "out")), |_| {});
    stage.map("cc 6", MappingTarget::FaderGain(FaderPlace::Group("left".into())), |_| {});
    stage
}

/// What is heard once all has come to rest.
fn at_rest(stage: &mut Stage) -> (f32, f32) {
    stage.settle();
    let [left, right] = stage.play(&[], 64, 64);
    (left[63], right[63])
}

/// ```text
/// frame    100: Quiet                1500: Verse        by the callback itself, at the very frame, the same for any
/// left     1 \ 0.5                   0.5 / 1            partition into blocks
/// right    1 \ 0.5 * 0.25            / 1
/// ```
/// Whatever plays, the rig file has the rig's own faders; a group that is renamed meanwhile is the same one.
#[test]
fn scenes_move_faders() {
    let played = |block: usize| faders().play(&[(100, &[0xC0, 2]), (1500, &[0xC0, 1])], 3000, block);
    let [left, right] = played(64);
    assert!(left[..=100].iter().all(|sample| *sample == 1.0) && left[101] < 1.0);
    assert_eq!((left[1500], right[1500], left[2999], right[2999]), (0.5, 0.125, 1.0, 1.0));
    let step = right.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
    assert!(step <= 0.875 / 240.0 + 1e-6, "{step}");
    for block in [1, 17, 1000] {
        assert_eq!(played(block), [left.clone(), right.clone()], "in blocks of {block}");
    }

    let mut stage = faders();
    stage.send(&[0xC0, 2]);
    assert_eq!(at_rest(&mut stage), (0.5, 0.125));
    assert_eq!((stage.engine.groups()[0].fader.gain, stage.engine.mixes()[0].fader.gain), (0.5, 0.25));
    let document = stage.engine.document().unwrap();
    assert_eq!((document.groups[0].fader.gain, document.mixes[0].fader.gain), (1.0, 1.0), "the file has the base");
    assert_eq!(document.scenes[1].faders.len(), 2);
    stage.engine.edit_groups(GroupEdit::Rename { from: "all".into(), to: "both".into() }).unwrap();
    let document = stage.engine.document().unwrap();
    assert!(document.scenes[1].faders.contains_key(&FaderPlace::Group("both".into())));
    assert_eq!(document.groups[0].fader.gain, 1.0);
    let moment = stage.engine.take_moment(None).unwrap();
    stage.engine.leave_scene().unwrap();
    assert_eq!(at_rest(&mut stage), (1.0, 1.0));
    stage.engine.recall_moment(&moment).unwrap();
    assert_eq!(at_rest(&mut stage), (0.5, 0.125));
    stage.engine.play_scene("Verse").unwrap();
    assert_eq!(at_rest(&mut stage), (1.0, 1.0));
    stage.engine.play_scene("Quiet").unwrap();
    assert_eq!(at_rest(&mut stage), (0.5, 0.125), "by the engine");
    stage.engine.edit_groups(GroupEdit::Remove("both".into())).unwrap();
    stage.engine.play_scene("Verse").unwrap();
    assert_eq!(at_rest(&mut stage), (1.0, 1.0));
    stage.engine.play_scene("Quiet").unwrap();
    assert_eq!(at_rest(&mut stage), (1.0, 0.25));
    let missing = &stage.engine.look().scenes.scenes[1].missing;
    assert!(missing[0].contains("group \"both\""), "{missing:?}");
}

/// A burst of messages in one block, of which the engine hears at once: a crosspoint or another fader just before the switch, or
/// just after it, of which the renderer's plan knows nothing. All is as if they had come one by one.
#[test]
fn what_is_moved_around_a_switch_of_faders_is_not_lost() {
    let quiet: &[u8] = &[0xC0, 2];
    let (cell, group): (&[u8], &[u8]) = (&[0xB0, 5, 40], &[0xB0, 6, 40]);
    let gain = (2.0 * fader(40)) as f32;
    for burst in [[cell, quiet], [quiet, cell], [group, quiet], [quiet, group]] {
        let mut stage = faders();
        stage.play(&[(3, burst[0]), (9, burst[1])], 64, 64);
        let heard = at_rest(&mut stage);
        assert!((heard.0 - 0.5 * gain).abs() < 0.001 && heard.1 == 0.125, "{heard:?} after {burst:?}");
        stage.send(&[0xC0, 1]);
        let heard = at_rest(&mut stage);
        assert!((heard.0 - gain).abs() < 0.002 && heard.1 == 1.0, "{heard:?} after {burst:?} and back");
    }
}

/// A scene of faders starts with the beat, in the callback; before the engine hears of that, somebody asks for another one.
#[test]
fn faders_go_back_from_a_start_that_nobody_wants_any_more() {
    let mut stage = faders();
    stage.engine.send_command(NOW, Command::Play(true)).unwrap();
    stage.settle();
    stage.engine.play_scene_at("Quiet", SceneStart::Beat).unwrap();
    stage.poll();
    let [left, _] = stage.play(&[], RATE as usize, 64);
    assert_eq!(left[RATE as usize - 1], 0.5, "by the callback, with the beat");
    stage.engine.play_scene("Verse").unwrap();
    assert_eq!(at_rest(&mut stage), (1.0, 1.0));
}

/// Undo takes back what a person has set, and nothing that was played in the middle of it or since: neither another fader, nor the
/// gain of a group that was muted. A name that was given to another group meanwhile is that one's only as long as it is called so.
#[test]
fn undo_leaves_faders_that_were_played() {
    let mut stage = faders();
    let gain = (2.0 * fader(40)) as f32;
    let set = |engine: &mut Engine, gain| engine.edit_groups(GroupEdit::Gain { group: "all".into(), gain }).unwrap();
    stage.engine.begin_gesture();
    set(&mut stage.engine, 0.8);
    stage.send(&[0xB0, 6, 40]);
    set(&mut stage.engine, 0.6);
    stage.engine.end_gesture();
    assert!(stage.engine.undo().unwrap());
    let heard = at_rest(&mut stage);
    assert!((heard.0 - gain).abs() < 0.001 && heard.1 == 1.0, "{heard:?}");

    stage.engine.edit_groups(GroupEdit::Mute { group: "left".into(), on: true }).unwrap();
    stage.send(&[0xB0, 6, 20]);
    assert!(stage.engine.undo().unwrap());
    let heard = at_rest(&mut stage);
    assert!((heard.0 - (2.0 * fader(20)) as f32).abs() < 0.001, "{heard:?}");

    let said = |engine: &mut Engine| {
        let document = engine.document().unwrap();
        let faders = document.scenes[1].faders.clone();
        (faders, document.mappings.into_iter().map(|mapping| mapping.target).collect::<Vec<_>>())
    };
    let before = said(&mut stage.engine);
    assert!(before.0.contains_key(&FaderPlace::Group("all".into())));
    stage.engine.edit_groups(GroupEdit::Remove("all".into())).unwrap();
    stage.engine.edit_groups(GroupEdit::Rename { from: "left".into(), to: "all".into() }).unwrap();
    assert!(!said(&mut stage.engine).0.contains_key(&FaderPlace::Group("all".into())), "it is another one");
    assert!(stage.engine.undo().unwrap() && stage.engine.undo().unwrap());
    assert_eq!(said(&mut stage.engine), before);
}
