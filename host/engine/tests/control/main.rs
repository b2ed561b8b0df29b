//! MIDI control in simulated time: messages come at frames that the test chooses, and what they do is in the output.
//!
//! ```text
//!   role "pedal" ──► mappings ──► parameters, crosspoints, transport, scenes      role "lights" ◄── what they have
//!   input 1, 2 (constant 1) ──► volume ──► output 1, 2
//! ```

#[path = "../by_hand/mod.rs"]
mod by_hand;
mod faders;
mod stage;
mod transport;

use crosspoint::graph::nodes::gain::GAIN;
use crosspoint::graph::{Cell, ChannelLayout, EdgeId, NodeId};
use crosspoint::session::{
    Behaviour, Builtin, Coding, ControlAction, CrosspointPlace, EndpointEntry, MappingEntry, MappingTarget,
    MessageKind, PickUp, PortSelector, RangeEnd,
};
use crosspoint::{Engine, MappingCondition, MappingEdit, Notice, SceneEdit};
use stage::{RATE, Stage};

#[cfg(debug_assertions)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// The stage with a stereo gain between two inputs and two outputs; the gain and the edge behind it.
fn volume() -> (Stage, NodeId, EdgeId) {
    let mut made = None;
    let stage = Stage::new(|engine: &mut Engine| {
        made = engine
            .batch(|engine| {
                let input = engine.add_input("in", "in", &[Some(0), Some(1)])?;
                let gain = engine.add_builtin("volume", Builtin::Gain { layout: ChannelLayout::Stereo })?;
                let output = engine.add_output("out", "out", &[Some(0), Some(1)])?;
                engine.connect(input, gain)?;
                Ok(Some((gain, engine.connect(gain, output)?)))
            })
            .unwrap();
    });
    let (gain, edge) = made.unwrap();
    (stage, gain, edge)
}

fn parameter() -> MappingTarget {
    MappingTarget::Parameter { node: "volume".into(), id: None, name: "gain".into() }
}

fn place(from: &str, to: &str) -> CrosspointPlace {
    CrosspointPlace {
        source: EndpointEntry::new(from.to_owned(), PortSelector::First),
        destination: EndpointEntry::new(to.to_owned(), PortSelector::First),
        source_channel: 0,
        destination_channel: 0,
    }
}

fn value(stage: &mut Stage) -> f64 {
    stage.engine.look().mappings.mappings[0].value.unwrap()
}

/// ```text
/// frame     0 ......... 100 ................ 340         cc 7 = 0 at frame 100: the crosspoint ramps to silence in 5 ms
/// left      1 ......... 1 \________________ 0            from that very frame, in any partition into blocks
/// right     1 ................................. 1
/// ```
#[test]
fn a_message_acts_at_its_frame_in_any_partition() {
    let played = |block: usize| {
        let (mut stage, _, edge) = volume();
        stage.map("cc 7 channel 1", MappingTarget::Gain(place("volume", "out")), |_| {});
        let heard = stage.play(&[(100, &[0xB0, 7, 0]), (700, &[0xB0, 7, 127]), (701, &[0xB1, 7, 0])], 1200, block);
        stage.poll();
        let cell = stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 0).unwrap();
        (heard, cell)
    };
    let ([left, right], cell) = played(64);
    assert!(left[..=100].iter().all(|sample| *sample == 1.0) && right.iter().all(|sample| *sample == 1.0));
    assert!(left[101] < 1.0 && left[100 + 240..=700].iter().all(|sample| *sample == 0.0), "a ramp of 240 frames");
    let top = 10.0_f32.powf(6.0 / 20.0);
    assert!(left[701] > 0.0 && left[701] < 0.1 && (left[1199] - top).abs() < 1e-6, "{}", left[1199]);
    assert!((cell.gain - top).abs() < 1e-6 && left[1199] == cell.gain, "the engine knows: {cell:?}");
    for block in [1, 37, 64, 100, 1200] {
        assert_eq!(played(block).0, [left.clone(), right.clone()], "blocks of {block}");
    }
}

/// A parameter of a node takes the value of a controller within its range, reversed too; the engine, its snapshot and the
/// rig file follow, and the history has no step of it.
#[test]
fn a_parameter_follows_a_controller_and_the_engine_follows_it() {
    let (mut stage, gain, _) = volume();
    stage.map("cc 1", parameter(), |mapping| {
        mapping.range = Some((RangeEnd::Plain(0.5), RangeEnd::Decibels(f64::NEG_INFINITY)))
    });
    let steps = stage.engine.look().history;
    stage.send(&[0xB3, 1, 127]);
    assert_eq!(value(&mut stage), 0.0);
    stage.send(&[0xB3, 1, 0]);
    assert_eq!(value(&mut stage), 0.5);
    assert_eq!(stage.play(&[], 512, 64)[0][511], 0.5);
    let snapshot = stage.engine.look();
    assert_eq!(snapshot.nodes[&gain].values, [(GAIN, 0.5)]);
    assert_eq!((snapshot.history, steps.0), (steps, true));
    assert!(stage.engine.undo().unwrap(), "the mapping is taken back");
    assert_eq!((stage.engine.mappings().len(), stage.engine.look().nodes[&gain].values[0].1), (0, 0.5));
    assert!(stage.engine.redo().unwrap() && stage.engine.look().mappings.mappings.len() == 1);
    // A rig that is loaded has its mappings at once.
    let document = stage.engine.document().unwrap();
    stage.engine.load_document(&document, &Default::default()).unwrap();
    assert_eq!(stage.engine.look().mappings.mappings[0].mapping, document.mappings[0]);
}

/// Toggled by a pedal, held by a key, picked up by a knob: as it is heard.
#[test]
fn behaviours_are_heard() {
    let heard_after = |change: fn(&mut MappingEntry), message: &str, messages: &[&[u8]]| -> Vec<f32> {
        let (mut stage, _, _) = volume();
        stage.map(message, parameter(), |mapping| {
            mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(1.0)));
            change(mapping);
        });
        let hear = |message: &&[u8]| {
            stage.send(message);
            stage.play(&[], 1024, 64)[0][1023]
        };
        messages.iter().map(hear).collect()
    };
    let pedal: [&[u8]; 4] = [&[0xB0, 20, 127], &[0xB0, 20, 0], &[0xB0, 20, 127], &[0xB0, 20, 0]];
    assert_eq!(heard_after(|m| m.behaviour = Some(Behaviour::Toggle), "cc 20", &pedal), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(heard_after(|m| m.behaviour = Some(Behaviour::Momentary), "cc 20", &pedal[1..]), [0.0, 1.0, 0.0]);
    let key: [&[u8]; 3] = [&[0x80, 60, 0], &[0x90, 60, 1], &[0x90, 60, 0]];
    assert_eq!(heard_after(|m| m.behaviour = Some(Behaviour::Momentary), "note C3", &key), [0.0, 1.0, 0.0]);
    // The gain is 1 at first: nothing until the knob has been there.
    let knob: [&[u8]; 4] = [&[0xB0, 20, 0], &[0xB0, 20, 100], &[0xB0, 20, 127], &[0xB0, 20, 0]];
    assert_eq!(heard_after(|m| m.pick_up = PickUp::PickUp, "cc 20", &knob), [1.0, 1.0, 1.0, 0.0]);
    let encoder: [&[u8]; 3] = [&[0xB0, 20, 64 - 63], &[0xB0, 20, 64 - 63], &[0xB0, 20, 64 - 2]];
    let relative = |mapping: &mut MappingEntry| mapping.behaviour = Some(Behaviour::Relative(Coding::Offset));
    // 63 and 63 of 128 steps down the law of a fader, then two more: silence.
    let gains = heard_after(relative, "cc 20", &encoder);
    assert!((gains[0] - (65.0_f32 / 128.0).powi(3)).abs() < 1e-6 && gains[1] > 0.0 && gains[2] == 0.0, "{gains:?}");
    let program: [&[u8]; 2] = [&[0xC0, 4], &[0xC0, 5]];
    let silence = |mapping: &mut MappingEntry| mapping.range = Some((RangeEnd::Plain(1.0), RangeEnd::Plain(0.0)));
    assert_eq!(heard_after(silence, "program 5", &program), [1.0, 0.0]);
    let nrpn: [&[u8]; 4] = [&[0xB0, 99, 1], &[0xB0, 98, 2], &[0xB0, 6, 0], &[0xB0, 6, 127, 0xB0, 38, 127]];
    assert_eq!(heard_after(|_| (), "nrpn 130", &nrpn), [1.0, 1.0, 0.0, 1.0]);
    let bend: [&[u8]; 2] = [&[0xE0, 0, 0], &[0xE0, 127, 127]];
    assert_eq!(heard_after(|_| (), "pitch bend", &bend), [0.0, 1.0]);
}

/// One to many and many to one: a knob moves two things, and a button one of them too.
#[test]
fn one_to_many_and_many_to_one() {
    let (mut stage, _, edge) = volume();
    stage.map("cc 1", parameter(), |mapping| mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(1.0))));
    stage.map("cc 1", MappingTarget::Mute(place("volume", "out")), |mapping| {
        mapping.behaviour = Some(Behaviour::Absolute);
    });
    stage.map("note C3", parameter(), |mapping| {
        mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(0.25)));
        mapping.behaviour = Some(Behaviour::Trigger);
    });
    stage.send(&[0xB0, 1, 127]);
    let [left, right] = stage.play(&[], 512, 64);
    assert_eq!((left[511], right[511]), (0.0, 1.0), "one channel is muted");
    assert!(stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 0).unwrap().mute);
    stage.send(&[0x90, 60, 100]);
    assert_eq!(stage.play(&[], 512, 64)[1][511], 0.25);
}

/// A value that a person sets while a control moves: engine, snapshot and sound agree in the end, whoever was last.
#[test]
fn the_engine_and_a_control_agree_in_the_end() {
    let (mut stage, gain, edge) = volume();
    stage.map("cc 1", parameter(), |mapping| mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(1.0))));
    stage.map("cc 2", MappingTarget::Gain(place("volume", "out")), |_| {});
    for round in 0..40_u8 {
        stage.play(&[(1, &[0xB0, 1, round * 3]), (2, &[0xB0, 2, round * 2])], 64, 64);
        if round % 3 == 0 {
            stage.engine.set_parameter(gain, GAIN, f64::from(round) / 50.0).unwrap();
            stage.engine.set_cell(edge, 0, 0, Cell::new(f32::from(round) / 40.0)).unwrap();
        }
        if round % 7 == 0 {
            // A publish, which brings its own gains.
            stage.engine.add_builtin(&format!("other {round}"), Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        }
        stage.play(&[(5, &[0xB0, 1, round]), (6, &[0xB0, 2, 127 - round])], 64, 64);
        if round % 2 == 0 {
            stage.poll();
        }
        let mut agreeing = Vec::new();
        if round % 5 == 0 {
            stage.settle();
            let snapshot = stage.engine.look();
            let values: Vec<f64> = snapshot.mappings.mappings.iter().map(|known| known.value.unwrap()).collect();
            let [left, right] = stage.play(&[], 64, 64);
            agreeing.extend([(values[0] * values[1]) as f32 - left[63], values[0] as f32 - right[63]]);
        }
        assert!(agreeing.iter().all(|off| off.abs() < 1e-6), "round {round}: {agreeing:?}");
    }
}

/// ```text
/// a person sets 0.5         -> lights: the position of 0.5, once
/// the knob moves            -> nothing while it moves
/// it rests where it is      -> where it is, 0.3 s later
/// ```
#[test]
fn controls_are_told_what_is_but_not_while_they_move() {
    let (mut stage, gain, _) = volume();
    stage.map("cc 7", parameter(), |mapping| {
        mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(1.0)));
        mapping.feedback = Some("lights".into());
    });
    stage.engine.set_parameter(gain, GAIN, 0.125).unwrap();
    stage.poll();
    stage.play(&[], 128, 64);
    let sent = stage.take_sent();
    assert_eq!(sent.iter().map(|(_, bytes)| &**bytes).collect::<Vec<_>>(), [[0xB0, 7, 64]], "half way up the fader");
    // On the channel that the control speaks on.
    let moves: Vec<(u64, [u8; 3])> = (0..20).map(|step| (step * 480, [0xB2, 7, step as u8])).collect();
    let moves: Vec<(u64, &[u8])> = moves.iter().map(|(frame, bytes)| (*frame, &bytes[..])).collect();
    let start = stage.frame;
    stage.play(&moves, 20 * 480, 64);
    stage.poll();
    assert!(stage.take_sent().is_empty());
    stage.play(&[], RATE as usize, 64);
    let sent = stage.take_sent();
    assert_eq!(sent.len(), 1);
    let rest = sent[0].0 - (start + 19 * 480);
    assert!(sent[0].1 == [0xB2, 7, 19] && (14_400..14_400 + 64).contains(&rest), "{sent:?}");
}

/// A light shows whether something is on, whoever has switched it, and again when its pad is let go.
#[test]
fn lights_show_switches() {
    let (mut stage, _, _) = volume();
    stage.map("note C3 channel 2", MappingTarget::Action(ControlAction::MasterMute), |mapping| {
        mapping.feedback = Some("lights".into());
    });
    stage.engine.set_muted(true).unwrap();
    stage.poll();
    stage.play(&[], 64, 64);
    assert_eq!(stage.take_sent()[0].1, [0x91, 60, 127]);
    stage.play(&[(0, &[0x91, 60, 90])], 64, 64);
    assert_eq!(stage.take_sent()[0].1, [0x91, 60, 0]);
    stage.play(&[(0, &[0x81, 60, 0])], 64, 64);
    assert_eq!(stage.take_sent()[0].1, [0x91, 60, 0]);
    stage.poll();
    assert!(!stage.engine.look().muted);
}

/// The next message is learned and becomes the mapping that was asked for. Until then nothing is controlled.
#[test]
fn a_control_is_learned() {
    let (mut stage, _, _) = volume();
    stage.map("cc 5", parameter(), |_| {});
    let template =
        MappingEntry::new("", MessageKind::PitchBend.into(), MappingTarget::Action(ControlAction::MasterMute));
    stage.engine.start_learning(Some(template));
    stage.poll();
    stage.play(&[(0, &[0xB4, 5, 0]), (20, &[0xB4, 37, 3])], 64, 64);
    assert!(stage.engine.look().mappings.is_learning);
    stage.poll();
    stage.play(&[], 10_000, 64);
    stage.poll();
    let message = "cc 5 14-bit channel 5".parse().unwrap();
    assert!(
        stage.notices.contains(&Notice::Learned { role: "pedal".into(), message, mapping: Some(1) }),
        "{:?}",
        stage.notices
    );
    let snapshot = stage.engine.look().mappings;
    assert!(!snapshot.is_learning && snapshot.mappings[1].mapping.message == message);
    assert_eq!(snapshot.mappings[0].value, Some(1.0), "nothing was controlled");
    stage.settle();
    stage.send(&[0xB4, 5, 127, 37, 1]);
    assert!(stage.engine.look().muted);
    assert!(!stage.notices.contains(&Notice::LearningStopped));
    stage.engine.start_learning(None);
    stage.engine.stop_learning();
    stage.settle();
    assert!(stage.notices.contains(&Notice::LearningStopped), "{:?}", stage.notices);
    stage.send(&[0xB4, 5, 0, 37, 1]);
    stage.send(&[0xB4, 5, 127, 37, 1]);
    assert!(!stage.engine.look().muted);
}

/// Play, stop, loop, tempo and taps from a pedal board. What only the engine can do is done with its next poll.
#[test]
fn the_transport_is_controlled() {
    let (mut stage, _, _) = volume();
    for (message, action) in [
        ("cc 1", ControlAction::PlayOrStop),
        ("cc 2", ControlAction::Stop),
        ("cc 3", ControlAction::TapTempo),
        ("cc 4", ControlAction::ToStart),
        ("cc 5", ControlAction::Play),
        ("cc 6", ControlAction::Tempo),
        ("cc 8", ControlAction::Panic),
    ] {
        stage.map(message, MappingTarget::Action(action), |_| {});
    }
    let values = |stage: &mut Stage| -> Vec<Option<f64>> {
        stage.engine.look().mappings.mappings.iter().map(|known| known.value).collect()
    };
    stage.send(&[0xB0, 1, 127]);
    assert_eq!(values(&mut stage)[0], Some(1.0));
    stage.send(&[0xB0, 2, 127]);
    assert_eq!(values(&mut stage)[0], Some(0.0));
    stage.send(&[0xB0, 5, 127]);
    assert_eq!(values(&mut stage)[0], Some(1.0));
    stage.send(&[0xB0, 6, 127]);
    assert_eq!(stage.engine.look().tempo, 240.0);
    for _ in 0..3 {
        stage.play(&[(0, &[0xB0, 3, 127]), (100, &[0xB0, 3, 0])], 32_000, 64);
        stage.poll();
    }
    assert_eq!(stage.engine.look().tempo, 90.0, "a beat each two thirds of a second");
    stage.send(&[0xB0, 8, 127]);
    assert!(stage.notices.contains(&Notice::Panic));
}

/// Scenes by their names, and mappings that act in one scene only.
#[test]
fn scenes_are_played_and_have_mappings_of_their_own() {
    let (mut stage, gain, _) = volume();
    for (name, level) in [("Verse", 0.5), ("Solo", 2.0)] {
        stage.engine.set_parameter(gain, GAIN, level).unwrap();
        stage.engine.store_scene(name, &crosspoint::Capture::Nodes(vec![gain])).unwrap();
    }
    stage.map("program 1", MappingTarget::Scene("Verse".into()), |_| {});
    stage.map("program 2", MappingTarget::Scene("Solo".into()), |_| {});
    stage.map("cc 1", MappingTarget::Action(ControlAction::MasterMute), |mapping| mapping.scenes = vec!["Solo".into()]);
    stage.send(&[0xC0, 1]);
    stage.settle();
    assert_eq!(stage.play(&[], 512, 64)[0][511], 0.5);
    assert_eq!(stage.engine.look().mappings.mappings[2].condition, MappingCondition::Rests);
    stage.send(&[0xB0, 1, 127]);
    assert!(!stage.engine.look().muted);
    stage.send(&[0xC0, 2]);
    stage.settle();
    assert_eq!(stage.play(&[], 512, 64)[0][511], 2.0);
    assert_eq!(stage.engine.look().mappings.mappings[2].condition, MappingCondition::Acts);
    stage.send(&[0xB0, 1, 127]);
    assert!(stage.engine.look().muted);
    // Names are followed, and the history has it.
    stage.engine.edit_scenes(SceneEdit::RenameScene { from: "Solo".into(), to: "Lead".into() }).unwrap();
    let names = |engine: &Engine| (engine.mappings()[1].target.clone(), engine.mappings()[2].scenes.clone());
    assert_eq!(names(&stage.engine), (MappingTarget::Scene("Lead".into()), vec!["Lead".to_owned()]));
    stage.engine.undo().unwrap();
    assert_eq!(names(&stage.engine).0, MappingTarget::Scene("Solo".into()));
}

/// What is missing is told and kept; a node that is renamed is followed; a role without a port is told before the gig.
#[test]
fn what_is_missing_is_told_and_kept() {
    let (mut stage, gain, _) = volume();
    stage.map("cc 1", MappingTarget::Bypass("gone".into()), |_| {});
    stage.map("cc 1", parameter(), |mapping| mapping.role = "breath".into());
    stage.map("cc 2", parameter(), |_| {});
    let mappings = stage.engine.look().mappings;
    let conditions: Vec<&MappingCondition> = mappings.mappings.iter().map(|known| &known.condition).collect();
    assert!(matches!(conditions[0], MappingCondition::Missing { reason } if reason.contains("no node \"gone\"")));
    assert_eq!(conditions[1..], [&MappingCondition::NoPort, &MappingCondition::Acts]);
    assert_eq!(mappings.unheard_roles, ["breath"]);
    stage.engine.apply(vec![crosspoint::graph::graph::Edit::Rename { node: gain, name: "level".into() }]).unwrap();
    stage.settle();
    stage.send(&[0xB0, 2, 0]);
    assert_eq!(stage.engine.look().mappings.mappings[2].value, Some(0.0));
    let document = stage.engine.document().unwrap();
    assert_eq!(document.mappings.len(), 3);
    assert!(matches!(&document.mappings[2].target, MappingTarget::Parameter { node, .. } if node == "level"));
    // The node goes and comes back.
    stage.engine.apply(vec![crosspoint::graph::graph::Edit::RemoveNode { id: gain }]).unwrap();
    stage.settle();
    stage.send(&[0xB0, 2, 127]);
    assert!(matches!(stage.engine.look().mappings.mappings[2].condition, MappingCondition::Missing { .. }));
    stage.engine.undo().unwrap();
    stage.settle();
    stage.send(&[0xB0, 2, 127]);
    assert!(stage.engine.look().mappings.mappings[2].value.unwrap() > 1.0);
    let wrong = stage.engine.edit_mappings(MappingEdit::Remove { place: 3 });
    assert!(wrong.unwrap_err().to_string().contains("the rig has 3"));
    stage.engine.edit_mappings(MappingEdit::Remove { place: 0 }).unwrap();
    assert_eq!(stage.engine.mappings().len(), 2);
}

/// A graph that is sent while the engine does not know yet what a message has set carries the gain from before; it is
/// taken back again.
#[test]
fn a_publish_takes_back_no_gain() {
    let (mut stage, _, edge) = volume();
    stage.map("cc 2", MappingTarget::Gain(place("volume", "out")), |_| {});
    stage.play(&[(5, &[0xB0, 2, 0])], 640, 64);
    stage.engine.add_builtin("other", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
    stage.play(&[], 640, 64);
    stage.settle();
    assert_eq!(stage.play(&[], 64, 64)[0][63], 0.0);
    assert_eq!(stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 0).unwrap().gain, 0.0);
}

/// A crosspoint that is silent because another is soloed stays so while its fader moves, and is as the fader says after.
#[test]
fn a_solo_is_not_undone_by_a_fader() {
    use crosspoint::{PortChannel, Soloed};
    let (mut stage, gain, edge) = volume();
    // 1>1 as before and 2>1: two rows go to the first column.
    stage.engine.set_cell(edge, 1, 0, Cell::UNITY).unwrap_or_else(|_| {
        let edit = crosspoint::graph::graph::Edit::SetCell { edge, source: 1, destination: 0, cell: Some(Cell::UNITY) };
        stage.engine.apply(vec![edit]).unwrap();
    });
    stage.map("cc 2", MappingTarget::Gain(place("volume", "out")), |_| {});
    let other = Soloed::Row(PortChannel::new(gain, 0, 1));
    stage.engine.set_soloed(other, true).unwrap();
    stage.settle();
    assert_eq!(stage.play(&[], 64, 64)[0][63], 1.0, "one row of two");
    let [left, _] = stage.play(&[(3, &[0xB0, 2, 64])], 1024, 64);
    assert!(left.iter().all(|sample| *sample == 1.0), "still, before the engine knows of it and after");
    stage.settle();
    assert_eq!(stage.play(&[], 64, 64)[0][63], 1.0);
    stage.engine.set_soloed(other, false).unwrap();
    stage.settle();
    let gain = stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 0).unwrap().gain;
    assert!(gain > 0.0 && gain < 1.0);
    assert_eq!(stage.play(&[], 64, 64)[0][63], 1.0 + gain);
}

/// ```text
/// volume 1 ──► out 1: a group at 1/2 ──► a fader of that crosspoint, a scene of the other one: each times 1/2, from its very frame
/// ```
#[test]
fn what_is_set_by_messages_is_heard_by_its_group() {
    use crosspoint::GroupEdit;
    use crosspoint::session::{ChannelsEntry, Fader, GroupEntry};
    let half = || {
        let fader = Fader { gain: 0.5, muted: false };
        let rows = vec![ChannelsEntry::Node("volume".into())];
        GroupEdit::Set(GroupEntry { name: "half".into(), fader, rows, ..GroupEntry::default() })
    };
    let (mut stage, _, edge) = volume();
    stage.map("cc 2", MappingTarget::Gain(place("volume", "out")), |_| {});
    stage.engine.edit_groups(half()).unwrap();
    stage.settle();
    let [left, right] = stage.play(&[(3, &[0xB0, 2, 127])], 1024, 64);
    let top = 10.0_f32.powf(6.0 / 20.0);
    assert!(left[..=3].iter().all(|sample| *sample == 0.5) && (left[1023] - top / 2.0).abs() < 1e-6, "{}", left[1023]);
    assert!(left.iter().all(|sample| *sample <= left[1023]), "not once without its group");
    assert!(right.iter().all(|sample| *sample == 0.5));
    stage.settle();
    let cell = stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(0, 0).unwrap();
    assert!((cell.gain - top).abs() < 1e-6, "the crosspoint is as the fader says");
    stage.engine.undo().unwrap();
    stage.settle();
    let [left, _] = stage.play(&[], 1024, 64);
    assert!((left[1023] - top).abs() < 1e-6, "{}", left[1023]);

    let (mut stage, _, _) = scenes();
    stage.engine.edit_groups(half()).unwrap();
    stage.settle();
    let [left, right] = stage.play(&[(100, &[0xC0, 2]), (1500, &[0xC0, 1])], 3000, 64);
    assert_eq!((left[100], left[1500], right[1500]), (0.5, 1.0, 0.25), "by the callback");
    assert_eq!((left[2999], right[2999]), (0.25, 0.25));
    stage.settle();
    let [left, right] = stage.play(&[], 64, 64);
    assert_eq!((left[63], right[63]), (0.25, 0.25));
}

/// A node goes and comes at the frames of the messages, in the callback itself: nothing passes it while it is away.
#[test]
fn a_controller_lets_a_node_go_and_come() {
    let (mut stage, gain, _) = volume();
    stage.map("cc 2", MappingTarget::Present("volume".into()), |_| {});
    let [left, _] = stage.play(&[(100, &[0xB0, 2, 127]), (1500, &[0xB0, 2, 127])], 3000, 64);
    assert!(left[..=100].iter().all(|sample| *sample == 1.0) && left[101] < 1.0, "from that very frame");
    assert!(left[100 + 240..=1500].iter().all(|sample| *sample == 0.0) && left[1501] > 0.0);
    assert_eq!(left[2999], 1.0);
    stage.send(&[0xB0, 2, 127]);
    assert!(!stage.engine.look().nodes[&gain].present, "the engine takes note");
    stage.map("cc 3", MappingTarget::Present("out".into()), |_| {});
    let told = stage.engine.look().mappings.mappings[1].condition.clone();
    assert!(matches!(&told, MappingCondition::Missing { reason } if reason.contains("always there")), "{told:?}");
}

/// ```text
/// pedal ──► rig ──► lights: what a mapping takes does not come through, unless it passes it on; a key that was pressed
/// before it was mapped ends, one that was kept ends unheard
/// ```
#[test]
fn what_a_mapping_takes_is_kept_from_the_rig() {
    let mut stage = Stage::new(|engine| {
        let input = engine.add_event_input("keys", "pedal").unwrap();
        let output = engine.add_event_output("synth", "lights").unwrap();
        engine.connect_events(input, output).unwrap();
    });
    let heard = |stage: &mut Stage, messages: &[(u64, &[u8])]| -> Vec<Vec<u8>> {
        stage.play(messages, 64, 64);
        stage.take_sent().into_iter().map(|(_, bytes)| bytes).collect()
    };
    assert_eq!(heard(&mut stage, &[(1, &[0x90, 60, 1]), (2, &[0xB0, 7, 1])]).len(), 2);
    stage.map("note C3", MappingTarget::Action(ControlAction::MasterMute), |_| {});
    stage.map("cc 7", MappingTarget::Action(ControlAction::Tempo), |mapping| mapping.pass_on = true);
    stage.map("cc 8", MappingTarget::Action(ControlAction::Tempo), |_| {});
    assert_eq!(
        heard(&mut stage, &[(1, &[0x80, 60, 1]), (2, &[0xB0, 7, 1]), (2, &[0xB0, 8, 1])]),
        [&[0x80, 60, 1], &[0xB0, 7, 1]]
    );
    let sysex = [0xF0, 1, 2, 0xF7];
    assert_eq!(
        heard(&mut stage, &[(1, &[0x90, 60, 1]), (2, &sysex), (3, &[0x90, 61, 1])]),
        [&sysex[..], &[0x90, 61, 1]]
    );
    stage.engine.edit_mappings(MappingEdit::Remove { place: 0 }).unwrap();
    stage.settle();
    assert_eq!(heard(&mut stage, &[(1, &[0x80, 60, 0]), (1, &[0x80, 61, 0])]), [[0x80, 61, 0]]);
}

/// Ten thousand messages in a second are all heard; as many in one period are more than is taken, and counted. The callback
/// allocates nothing meanwhile.
#[test]
fn a_flood_is_heard_or_counted() {
    let (mut stage, _, _) = volume();
    stage.map("cc 1", parameter(), |mapping| mapping.range = Some((RangeEnd::Plain(0.0), RangeEnd::Plain(1.0))));
    let values: Vec<(u64, [u8; 3])> =
        (0..10_000).map(|number| (number * 48 / 10, [0xB0, 1, (number % 128) as u8])).collect();
    let score: Vec<(u64, &[u8])> = values.iter().map(|(frame, bytes)| (*frame, &bytes[..])).collect();
    for block in [64, 480] {
        stage.play(&score, RATE as usize, block);
        stage.poll();
        assert_eq!(value(&mut stage), fader(9_999 % 128));
        let lost = |notice: &Notice| {
            matches!(notice, Notice::MidiLost { .. } | Notice::EventsLost { .. } | Notice::CommandsLate { .. })
        };
        assert!(!stage.notices.iter().any(lost), "{:?}", stage.notices);
        assert_eq!(stage.play(&[], 1024, 64)[0][1023], fader(9_999 % 128) as f32);
    }
    let at_once: Vec<(u64, &[u8])> = values.iter().map(|(_, bytes)| (7, &bytes[..])).collect();
    stage.play(&at_once, 64, 64);
    stage.poll();
    assert!(stage.notices.contains(&Notice::MidiLost { count: 10_000 - 1024 }), "{:?}", stage.notices);
}

/// The gain of a fader from 0 to 1 at a controller's value.
fn fader(value: u32) -> f64 {
    (f64::from(value) / 127.0).powi(3)
}

/// The volume's rig with scenes: "Verse" at half the gain, "Solo" at twice and one channel's crosspoint at a quarter, faded in
/// 10 ms; mapped by name and as the next and the one before.
fn scenes() -> (Stage, NodeId, EdgeId) {
    let (mut stage, gain, edge) = volume();
    let engine = &mut stage.engine;
    let capture = crosspoint::Capture::Differences;
    engine.set_parameter(gain, GAIN, 0.5).unwrap();
    engine.store_scene("Verse", &crosspoint::Capture::Nodes(vec![gain])).unwrap();
    engine.set_parameter(gain, GAIN, 2.0).unwrap();
    engine.set_cell(edge, 1, 1, Cell::new(0.25)).unwrap();
    engine.store_scene("Solo", &capture).unwrap();
    let mut solo = engine.document().unwrap().scenes[1].clone();
    solo.fade = Some(0.01);
    engine.edit_scenes(SceneEdit::SetScene(solo)).unwrap();
    engine.leave_scene().unwrap();
    // The engine's own switches take effect a block later.
    stage.settle();
    stage.engine.set_parameter(gain, GAIN, 1.0).unwrap();
    stage.map("program 1", MappingTarget::Scene("Verse".into()), |_| {});
    stage.map("program 2", MappingTarget::Scene("Solo".into()), |_| {});
    stage.map("cc 1", MappingTarget::Action(ControlAction::NextScene), |_| {});
    stage.map("cc 2", MappingTarget::Action(ControlAction::PreviousScene), |_| {});
    stage.map("cc 3", MappingTarget::Action(ControlAction::LeaveScene), |_| {});
    (stage, gain, edge)
}

/// ```text
/// frame    100: Solo        1500: Verse       no poll in between: the callback switches by itself, at the very frame
/// left     1 / 2            2 \ 0.5
/// right    1 -> 2 * 0.25    -> 0.5            the same for any partition into blocks
/// ```
#[test]
fn a_message_switches_scenes_within_the_callback() {
    let switched = |block: usize| {
        let (mut stage, _, edge) = scenes();
        let heard = stage.play(&[(100, &[0xC0, 2]), (1500, &[0xC0, 1])], 3000, block);
        stage.poll();
        let (scenes, told) = (stage.engine.look().scenes, stage.notices.clone());
        let cell = stage.engine.graph().edge(edge).unwrap().matrix().unwrap().get(1, 1).unwrap();
        (heard, scenes.playing, scenes.is_modified, told, cell)
    };
    let ([left, right], playing, is_modified, told, cell) = switched(64);
    assert!(left[..=100].iter().chain(&right[..=100]).all(|sample| *sample == 1.0));
    assert!(left[102] > 1.0 && left[1500] == 2.0 && left[1502] < 2.0 && left[2999] == 0.5);
    assert!(right[102] != left[102] && right[1500] == 0.5 && right[2999] == 0.5);
    let steepest = |heard: &[f32]| heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest(&left) < 0.04 && steepest(&right) < 0.04, "no step: {} {}", steepest(&left), steepest(&right));
    assert_eq!((playing, is_modified, cell), (Some(0), false, Cell::UNITY));
    let plays = |scene: &str| Notice::ScenePlays { scene: scene.into() };
    let told: Vec<&Notice> = told.iter().filter(|notice| matches!(notice, Notice::ScenePlays { .. })).collect();
    assert_eq!(told, [&plays("Solo"), &plays("Verse")]);
    for block in [1, 37, 480, 3000] {
        assert_eq!(switched(block).0, [left.clone(), right.clone()], "blocks of {block}");
    }
}

/// Next, next, previous, the rig itself: each within the callback, with a poll in between for the way to be known anew. The
/// engine ends where the sound is, and an edit of the rig is in the next switch.
#[test]
fn the_way_through_scenes_is_gone_within_the_callback() {
    let (mut stage, gain, _) = scenes();
    let go = |stage: &mut Stage, message: &[u8]| {
        let [left, right] = stage.play(&[(0, message)], 1024, 64);
        for _ in 0..3 {
            stage.poll();
            stage.play(&[], 64, 64);
        }
        let [later, _] = stage.play(&[], 64, 64);
        assert_eq!(later[63], left[1023], "the engine changes nothing that is heard");
        (left[1023], right[1023], stage.engine.look().scenes.playing)
    };
    assert_eq!(go(&mut stage, &[0xB0, 1, 127]), (0.5, 0.5, Some(0)));
    assert_eq!(go(&mut stage, &[0xB0, 1, 127]), (2.0, 0.5, Some(1)));
    assert_eq!(go(&mut stage, &[0xB0, 1, 127]), (2.0, 0.5, Some(1)), "there is no other");
    assert_eq!(go(&mut stage, &[0xB0, 2, 127]), (0.5, 0.5, Some(0)));
    assert_eq!(go(&mut stage, &[0xB0, 3, 127]), (1.0, 1.0, None));
    // The rig's own gain is another one from now on.
    stage.engine.set_parameter(gain, GAIN, 0.75).unwrap();
    stage.settle();
    assert_eq!(go(&mut stage, &[0xC0, 2]), (2.0, 0.5, Some(1)));
    assert_eq!(go(&mut stage, &[0xB0, 3, 127]), (0.75, 0.75, None));
}

/// A switch and a graph that cross: the graph, sent before the engine knows of the switch, takes no gain of it back for long.
/// While something is soloed it is switched as the solo lets it.
#[test]
fn what_crosses_with_a_switch_is_right_in_the_end() {
    let (mut stage, gain, _) = scenes();
    stage.play(&[(0, &[0xC0, 2])], 640, 64);
    stage.engine.add_builtin("other", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
    stage.play(&[], 640, 64);
    stage.settle();
    let [left, right] = stage.play(&[], 64, 64);
    assert_eq!((left[63], right[63]), (2.0, 0.5));
    stage.engine.set_soloed(crosspoint::Soloed::Row(crosspoint::PortChannel::new(gain, 0, 0)), true).unwrap();
    stage.settle();
    let [left, _] = stage.play(&[(0, &[0xC0, 1])], 1024, 64);
    assert_eq!(left[1023], 0.5, "by the callback, which knows what the solo lets through");
    stage.settle();
    let [left, right] = stage.play(&[], 64, 64);
    assert_eq!((left[63], right[63]), (0.5, 0.5));
}

/// A plugin's parameter within its own range, and its bypass; what the engine knows is what the plugin has.
#[test]
fn a_plugin_is_controlled() {
    use crosspoint::{PluginReference, PluginSetup};
    use crosspoint_fixture_file::{PLUGINS, copy};
    let folder = tempfile::tempdir().unwrap();
    let file = copy(folder.path(), "good.clap").unwrap();
    let mut stage = Stage::new(|_| {});
    let reference = PluginReference::in_file(file, Some(PLUGINS[1]));
    let node = stage.engine.add_plugin("effect", &reference, PluginSetup::default()).unwrap();
    let known = stage.engine.description(node).unwrap().parameters[0].clone();
    let target = MappingTarget::Parameter { node: "effect".into(), id: Some(known.id), name: String::new() };
    stage.map("cc 1", target, |_| {});
    stage.map("cc 2", MappingTarget::Bypass("effect".into()), |_| {});
    for (value, expected) in [(127, known.maximum), (0, known.minimum)] {
        stage.send(&[0xB0, 1, value]);
        assert_eq!(stage.engine.description(node).unwrap().value(known.id), Some(expected));
        let told = stage.engine.plugin(node).unwrap().parameter_value(known.id).unwrap();
        assert!((told - expected).abs() < 1e-6, "the plugin has {told}");
    }
    for (value, expected) in [(127, true), (0, true), (127, false)] {
        stage.send(&[0xB0, 2, value]);
        assert_eq!(stage.engine.look().nodes[&node].bypassed, expected);
    }
    assert!(stage.engine.look().mappings.mappings.iter().all(|known| known.condition == MappingCondition::Acts));
}
