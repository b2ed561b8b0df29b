use super::*;
use crate::overload::tests::{now, play, rig};
use crate::session::OverloadPolicy;
use crate::{Action, EngineSettings};
use crosspoint_devices::{DuplexCallback, Period, PeriodTime};

/// A thousand seconds after the epoch.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1000)
}

/// One period that the device calls for, after so many xruns in all.
fn period(callback: &mut dyn DuplexCallback, frame: u64, xruns: u64) {
    let (mut left, mut right) = ([0.0; 48], [0.0; 48]);
    callback.process(Period {
        inputs: &[&[0.5; 48], &[0.5; 48]],
        outputs: &mut [&mut left, &mut right],
        frames: 48,
        time: PeriodTime { frame, nanoseconds: None },
        xruns,
        freewheel: false,
        midi: None,
    });
}

/// ```text
/// blocks of 3 ticks     deadline 30: fine      2 xruns of the device: outside
///                       deadline 2: each is late, and always the rig: one entry, told once
/// ```
/// The time is that of the block, not of the poll. Cleared, the log is empty.
#[test]
fn xruns_are_logged_with_their_time_and_culprit() {
    let (mut engine, node) = rig();
    engine.set_overload_policy(node, OverloadPolicy::default()).unwrap();
    engine.xrun_log.now = noon;
    engine.set_clock(now, 30_000.0).unwrap();
    let mut callback = engine.callback();
    for block in 0..100 {
        period(&mut *callback, block * 48, if block < 50 { 0 } else { 2 });
    }
    let told = engine.poll();
    let log = engine.xrun_log();
    let [entry] = &log[..] else { panic!("{log:?}") };
    // Fifty-one blocks ago began the last one before the device lost something.
    let time = noon() - Duration::from_millis(51);
    let expected = XrunEntry {
        time,
        frame: 49 * 48,
        last_frame: 49 * 48,
        reported: 2,
        missed: 0,
        share: entry.share,
        culprit: XrunCulprit::Outside,
    };
    assert_eq!(*entry, expected);
    assert!((entry.share - 0.1).abs() < 1e-6 && told.contains(&Notice::Xrun(expected)), "{told:?}");
    assert_eq!(engine.look().xrun_log, log);
    engine.set_clock(now, 2000.0).unwrap();
    let (_, told) = play(&mut engine, 50);
    let log = engine.xrun_log();
    let [_, XrunEntry { reported: 0, missed: 50, share: 1.5, culprit: XrunCulprit::Rig, frame, last_frame, .. }] =
        log[..]
    else {
        panic!("{log:?}")
    };
    assert_eq!((frame, last_frame), (100 * 48, 149 * 48));
    assert_eq!(told.iter().filter(|notice| matches!(notice, Notice::Xrun(_))).count(), 1, "{told:?}");
    let answer = engine.handle().send(Action::ClearXruns);
    engine.poll();
    answer.try_take().unwrap().unwrap();
    assert!(engine.look().xrun_log.is_empty());
    // Another device begins to count anew.
    engine.set_clock(now, 30_000.0).unwrap();
    for (block, xruns) in [(0, 0), (1, 1)] {
        period(&mut *callback, block * 48, xruns);
    }
    engine.poll();
    assert_eq!(engine.xrun_log()[0].reported, 1);
}

/// However many there are: as many entries as there is room for, the last ones. Nobody is blamed whose time was not taken, and
/// one that has gone is still named.
#[test]
fn the_log_has_a_bound() {
    let (mut engine, node) = rig();
    for at in 0..600_u64 {
        let culprit = (at % 2 == 0).then_some(Culprit::Node { node, share: 1.0, usual: 0.1 });
        engine.note_xrun(at * 60_000, XrunKind::Missed, 1.0, culprit);
    }
    let log = engine.xrun_log();
    assert_eq!((log.len(), log[0].frame, log[255].frame), (ENTRIES, 344 * 60_000, 599 * 60_000));
    assert!(matches!(&log[0].culprit, XrunCulprit::Node { name, .. } if name == "fx"));
    assert_eq!(log[255].culprit, XrunCulprit::Unknown);
    // Culprits that take turns have an entry each.
    engine.clear_xruns();
    for at in 0..100_u64 {
        engine.note_xrun(at * 48, XrunKind::Missed, 1.0, [None, Some(Culprit::Rig)][at as usize % 2]);
    }
    let log = engine.xrun_log();
    assert_eq!(log.iter().map(|entry| entry.missed).collect::<Vec<_>>(), [50, 50]);
    // The worst of a stretch says who made it how late.
    engine.clear_xruns();
    for share in [1.1, 1.6, 1.2] {
        engine.note_xrun(0, XrunKind::Missed, share, Some(Culprit::Node { node, share, usual: 0.1 }));
    }
    let log = engine.xrun_log();
    assert_eq!((log.len(), log[0].missed, log[0].share), (1, 3, 1.6));
    assert!(matches!(log[0].culprit, XrunCulprit::Node { share: 1.6, .. }), "{log:?}");
    // A second without any ends a stretch; so does a renderer that counts from 0 again.
    engine.clear_xruns();
    for frame in [0, 48_000, 96_001, 48] {
        engine.note_xrun(frame, XrunKind::Reported(1), 0.0, None);
    }
    let reported: Vec<u64> = engine.xrun_log().iter().map(|entry| entry.reported).collect();
    assert_eq!(reported, [2, 1, 1]);
    engine.rebuild(EngineSettings { max_block: 64, ..*engine.settings() }).unwrap();
    for frame in [96, 144] {
        engine.note_xrun(frame, XrunKind::Reported(1), 0.0, None);
    }
    let reported: Vec<u64> = engine.xrun_log().iter().map(|entry| entry.reported).collect();
    assert_eq!(reported, [2, 1, 1, 2]);
}
