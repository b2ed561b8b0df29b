//! The transport by MIDI: mapped messages, a clock that is followed and one that is sent, through the engine's callback.

use super::stage::{RATE, Stage};
use super::{ControlAction, MappingTarget, Notice};
use crosspoint::session::{Builtin, MachineFile};
use crosspoint::{ClockState, Engine, EngineError, TransportAction};

const CLOCK: &[u8] = &[0xF8];
const START: &[u8] = &[0xFA];
const STOP: &[u8] = &[0xFC];

/// A metronome on the first output.
fn metronome() -> Stage {
    Stage::new(|engine: &mut Engine| {
        engine
            .batch(|engine| {
                let layout = crosspoint::graph::ChannelLayout::Mono;
                let click = engine.add_builtin("click", Builtin::Metronome { layout })?;
                let output = engine.add_output("out", "out", &[Some(0)])?;
                engine.connect(click, output).map(drop)
            })
            .unwrap();
    })
}

/// ```text
/// pad at frame 100:  count-in of a bar at 120, clicks at 100, 24100, 48100, 72100; plays from 96100 on, click there
/// tapped at 0, 20000, 40000, 60000 of 48000 a second: 144 quarter notes a minute
/// ```
#[test]
fn a_pad_counts_in_and_another_taps() {
    for block in [64, 1000] {
        let mut stage = metronome();
        stage.map("note C3", MappingTarget::Action(ControlAction::CountIn), |_| {});
        stage.map("note D3", MappingTarget::Action(ControlAction::TapTempo), |_| {});
        let [click, _] = stage.play(&[(100, &[0x90, 60, 100])], 100_000, block);
        let mut onsets: Vec<usize> = Vec::new();
        for (frame, sample) in click.iter().enumerate() {
            if *sample != 0.0 && onsets.last().is_none_or(|last| frame > last + 2000) {
                onsets.push(frame - 1);
            }
        }
        assert_eq!(onsets, [100, 24_100, 48_100, 72_100, 96_100], "blocks of {block}");
        stage.poll();
        let playhead = stage.engine.look().playhead;
        assert!(playhead.playing && playhead.frame == 3900, "{playhead:?}");
        for _ in 0..4 {
            stage.play(&[(0, &[0x90, 62, 100]), (10, &[0x80, 62, 0])], 20_000, block);
            stage.poll();
        }
        stage.play(&[], 64, 64);
        let tempo = stage.engine.look().playhead.tempo;
        assert!((tempo - 144.0).abs() < 1e-6, "{tempo}");
    }
}

/// ```text
/// pedal  ──clock at 125──►  transport  ──clock──►  lights
/// ```
/// The transport follows and is followed, says so, takes no other tempo meanwhile, and goes on when the clock is gone.
#[test]
fn a_clock_is_followed_and_passed_on() {
    let mut stage = metronome();
    stage.engine.transport(TransportAction::FollowClock(Some("pedal".to_owned()))).unwrap();
    let roles = vec!["lights".to_owned()];
    stage.engine.transport(TransportAction::SendClock { roles, while_stopped: false }).unwrap();
    stage.settle();
    assert_eq!(stage.engine.look().clock.state, ClockState::Waiting);
    // 960 frames each.
    let mut score: Vec<(u64, &[u8])> = (0..200).map(|number| (1000 + number * 960, CLOCK)).collect();
    score.insert(50, (48_500, START));
    let start = stage.frame;
    stage.play(&score, 193_000, 64);
    stage.poll();
    let snapshot = stage.engine.look();
    assert_eq!((snapshot.clock.state, snapshot.clock.from.as_deref()), (ClockState::Following, Some("pedal")));
    let is_close = |tempo: f64| (tempo - 125.0).abs() < 1e-6;
    assert!(snapshot.playhead.playing && is_close(snapshot.playhead.tempo), "{:?}", snapshot.playhead);
    let followed = stage
        .notices
        .iter()
        .any(|notice| matches!(notice, Notice::ClockFollowed { role, tempo } if role == "pedal" && is_close(*tempo)));
    assert!(followed, "{:?}", stage.notices);
    // From the clock behind the start on, each at the frame of the one that came.
    let sent = stage.take_sent();
    assert_eq!(sent[0], (start + 49_000, START.to_vec()));
    let clocks: Vec<u64> = sent[1..].iter().map(|(frame, _)| *frame - start).collect();
    assert_eq!(clocks, (50..200).map(|number| 1000 + number * 960).collect::<Vec<u64>>());
    let refused = stage.engine.transport(TransportAction::Tempo(90.0));
    assert!(matches!(refused, Err(EngineError::FollowsClock { role }) if role == "pedal"));
    // The clock ceases.
    stage.play(&[], RATE as usize, 64);
    stage.poll();
    let lost = stage.notices.iter().any(|notice| matches!(notice, Notice::ClockLost { role, .. } if role == "pedal"));
    let snapshot = stage.engine.look();
    assert!(lost && snapshot.clock.state == ClockState::Waiting && snapshot.playhead.playing);
    assert!(is_close(snapshot.playhead.tempo));
    stage.engine.transport(TransportAction::Tempo(90.0)).unwrap();
    stage.engine.transport(TransportAction::Stop).unwrap();
    stage.play(&[], 1000, 64);
    assert_eq!(stage.take_sent().last().map(|(_, message)| message.as_slice()), Some(STOP));
    assert_eq!(stage.engine.look().playhead.tempo, 90.0);
    // Its file has it, and a machine knows which ports that means.
    let document = stage.engine.document().unwrap();
    let machine =
        "crosspoint_machine = 1\n[roles.pedal]\nmidi_input = \"Board\"\n[roles.lights]\nmidi_output = \"Desk\"\n";
    let mapping = MachineFile::parse(machine).unwrap().machine.map(&document);
    assert_eq!(
        (mapping.midi_inputs["pedal"].as_slice(), mapping.midi_outputs["lights"].as_slice()),
        (&["Board".to_owned()][..], &["Desk".to_owned()][..])
    );
}
