//! The transport by its actions, with a renderer that the tests call.

use super::*;
use crate::handle::{Action, Done};
use crate::settings::EngineSettings;
use std::time::Duration;

struct Rig {
    engine: Engine,
}

impl Rig {
    fn new() -> Self {
        let mut rig = Self { engine: Engine::new(EngineSettings { rate: 48_000, ..EngineSettings::default() }) };
        rig.pass(64);
        rig
    }

    fn pass(&mut self, frames: usize) {
        let mut left = vec![0.0; frames];
        self.engine.cell().render(&[], &mut [&mut left], true);
        self.engine.poll();
    }

    /// As a handle does it.
    fn act(&mut self, action: TransportAction) -> Result<Done, EngineError> {
        let answer = self.engine.handle().send(Action::Transport(action));
        self.engine.poll();
        answer.try_take().unwrap()
    }

    /// As a handle sees it.
    fn playhead(&self) -> Transport {
        self.engine.handle().snapshot().playhead
    }
}

/// Each place, in a bar of 3/4 at 90 quarter notes a minute; the snapshot has it, and the playhead moves without a new one.
#[test]
fn every_place_is_found() {
    let mut rig = Rig::new();
    rig.act(TransportAction::Tempo(90.0)).unwrap();
    rig.act(TransportAction::Metre(3, 4)).unwrap();
    let places = [
        (SongPosition::Frame(-4800), -0.15),
        (SongPosition::Seconds(2.0), 3.0),
        (SongPosition::Quarters(7.25), 7.25),
        (SongPosition::Bar { bar: 2, beat: 1.5 }, 7.5),
    ];
    for (place, quarters) in places {
        rig.act(TransportAction::Locate(place)).unwrap();
        rig.pass(64);
        assert_eq!(rig.playhead().quarters, quarters, "{place:?}");
    }
    let at = rig.playhead();
    assert_eq!((at.tempo, at.metre, at.bar, at.beat(), at.playing), (90.0, (3, 4), 2, 1.5, false));
    rig.act(TransportAction::Play).unwrap();
    rig.pass(64);
    let revision = rig.engine.handle().snapshot().revision;
    rig.pass(32_000);
    let snapshot = rig.engine.handle().snapshot();
    assert_eq!((snapshot.revision, snapshot.playhead.quarters), (revision, 8.5 + 64.0 / 32_000.0));
    rig.act(TransportAction::PlayOrStop).unwrap();
    rig.pass(64);
    assert!(!rig.playhead().playing);
    rig.act(TransportAction::Loop(Some((SongPosition::Quarters(1.0), SongPosition::Bar { bar: 1, beat: 0.0 }))))
        .unwrap();
    rig.act(TransportAction::Record(true)).unwrap();
    rig.pass(64);
    assert_eq!((rig.playhead().loop_range, rig.playhead().recording), (Some((1.0, 3.0)), true));
}

/// What makes no sense is refused with a word, and nothing changes.
#[test]
fn what_makes_no_sense_is_refused() {
    let mut rig = Rig::new();
    let before = rig.playhead();
    for action in [
        TransportAction::Tempo(f64::NAN),
        TransportAction::Tempo(0.5),
        TransportAction::Metre(0, 4),
        TransportAction::Metre(4, 3),
        TransportAction::Metre(257, 4),
        TransportAction::SetCountIn(17),
        TransportAction::Locate(SongPosition::Seconds(f64::INFINITY)),
        TransportAction::Locate(SongPosition::Bar { bar: i32::MAX, beat: f64::NAN }),
        TransportAction::Loop(Some((SongPosition::Frame(0), SongPosition::Quarters(1e300)))),
        TransportAction::Loop(Some((SongPosition::Quarters(9.0), SongPosition::Seconds(0.0)))),
        TransportAction::Loop(Some((SongPosition::Frame(5), SongPosition::Frame(5)))),
    ] {
        let answer = rig.act(action.clone());
        assert!(matches!(answer, Err(EngineError::OutOfRange { .. })), "{action:?}: {answer:?}");
    }
    rig.pass(64);
    assert_eq!(rig.playhead(), before);
}

/// What a rig may have is what plays: a long bar, too.
#[test]
fn a_long_bar_is_played() {
    let mut rig = Rig::new();
    rig.act(TransportAction::Metre(100, 4)).unwrap();
    rig.act(TransportAction::Locate(SongPosition::Quarters(299.0))).unwrap();
    rig.pass(64);
    let at = rig.playhead();
    assert_eq!((at.metre, at.bar, at.beat()), ((100, 4), 2, 99.0));
    assert_eq!(rig.engine.document().unwrap().metre, (100, 4));
}

/// Taps 0.4 seconds apart, whenever the engine gets to hear of them.
#[test]
fn tempo_is_tapped() {
    let mut rig = Rig::new();
    let start = Instant::now();
    for beat in 0..4 {
        rig.act(TransportAction::Tap(start + Duration::from_millis(beat * 400))).unwrap();
    }
    rig.pass(64);
    assert!((rig.playhead().tempo - 150.0).abs() < 1e-6 && (rig.engine.look().tempo - 150.0).abs() < 1e-6);
}

/// Two bars of 3/4 are counted, then the playhead starts by itself; the engine takes note. Stopping ends a count.
#[test]
fn a_count_in_starts_the_playhead() {
    let mut rig = Rig::new();
    rig.act(TransportAction::Metre(3, 4)).unwrap();
    rig.act(TransportAction::SetCountIn(2)).unwrap();
    rig.act(TransportAction::CountIn).unwrap();
    rig.pass(36_000);
    assert_eq!(rig.playhead().count_in.map(|count| (count.beats, count.beat(), count.left())), Some((6, 1, 108_000)));
    rig.pass(108_000);
    assert!(rig.playhead().playing && rig.playhead().frame == 0);
    rig.pass(64);
    assert!(rig.engine.transport.is_playing(), "the engine has heard of it");
    rig.act(TransportAction::Stop).unwrap();
    rig.pass(64);
    rig.act(TransportAction::CountIn).unwrap();
    rig.pass(64);
    rig.act(TransportAction::PlayOrStop).unwrap();
    rig.pass(64);
    assert!(!rig.playhead().playing && rig.playhead().count_in.is_none());
    assert_eq!(rig.engine.document().unwrap().transport.count_in, 2);
}
