//! One table, block by block, without a renderer.

use super::super::binding::Way;
use super::super::compiled::Binding;
use super::super::line::{Line, Update, line};
use super::super::scale::Scale;
use super::*;
use crate::session::{Behaviour, ControlMessage, Curve, MessageKind, PickUp};
use assert_no_alloc::assert_no_alloc;

/// Controllers 0, 1, ... of role 0 on these targets.
fn compiled(keys: &[TargetKey]) -> Arc<Compiled> {
    let scale = Scale::Even { from: 0.0, to: 127.0 };
    let behaviour = |key: TargetKey| if key.is_done() { Behaviour::Trigger } else { Behaviour::Absolute };
    let binding = |(place, &key): (u16, &TargetKey)| Binding {
        role: 0,
        message: ControlMessage::any(MessageKind::Controller(place as u8)),
        target: place,
        way: Way { behaviour: behaviour(key), scale, curve: Curve::Linear, pick_up: PickUp::None, step: 0.1 },
        pass_on: false,
        feedback: None,
    };
    let targets = keys.iter().map(|&key| Target { key, cell: None, region: None, plan: None }).collect();
    Arc::new(Compiled::new((0..).zip(keys).map(binding).collect(), targets))
}

struct Stand {
    mappings: Mappings,
    ears: Ears,
    desk: Desk,
    line: Line,
    lost: u64,
    pushed: Vec<(usize, Command)>,
    room: usize,
}

impl Stand {
    fn new(keys: &[TargetKey]) -> Self {
        let (line, desk) = line();
        let mappings = Mappings::new(compiled(keys), &[]);
        let pushed = Vec::with_capacity(8192);
        Self { mappings, ears: Ears::default(), desk, line, lost: 0, pushed, room: usize::MAX }
    }

    /// One block of messages at their frames.
    fn block(&mut self, messages: &[(usize, [u8; 3])]) {
        let Self { mappings, ears, desk, lost, pushed, room, .. } = self;
        assert_no_alloc(|| {
            mappings.take_updates(desk);
            let mut push = |offset, command| {
                let has_room = pushed.len() < *room;
                if has_room {
                    pushed.push((offset, command));
                }
                has_room
            };
            for &(offset, message) in messages {
                mappings.hear(0, message, (1000, offset), ears, &mut push, desk, lost);
            }
            mappings.flush(&mut push);
            mappings.tell(desk);
        });
    }

    fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.line.reports.pop().ok()).collect()
    }
}

fn cc(number: u8, value: u8) -> [u8; 3] {
    [0xB0, number, value]
}

/// ```text
/// frame 3: 10 20 30 of one control       -> 30 at 3
/// frame 5: 40, another one 50, then 41   -> 41 and 50 at 5          one report each, at the end of the block
/// ```
#[test]
fn of_a_frame_the_last_value_counts() {
    let mut stand = Stand::new(&[TargetKey::Tempo, TargetKey::MasterMute]);
    stand.block(&[(3, cc(0, 10)), (3, cc(0, 20)), (3, cc(0, 30)), (5, cc(0, 40)), (5, cc(1, 50)), (5, cc(0, 41))]);
    let expected = [(3, Command::Tempo(30.0)), (5, Command::Tempo(41.0)), (5, Command::MasterMute(true))];
    assert_eq!(stand.pushed, expected);
    let value = |key, value| Report::Value { key, value, generation: 0 };
    assert_eq!(stand.reports(), [value(TargetKey::Tempo, 41.0), value(TargetKey::MasterMute, 50.0)]);
}

/// What a deed, such as a scene, may change has been told before it.
#[test]
fn values_are_told_before_what_comes_after_them() {
    let mut stand = Stand::new(&[TargetKey::Tempo, TargetKey::TapTempo]);
    stand.block(&[(1, cc(0, 10)), (2, cc(1, 127)), (3, cc(0, 11))]);
    let value = |value| Report::Value { key: TargetKey::Tempo, value, generation: 0 };
    let done = Report::Done { key: TargetKey::TapTempo, frame: 1002, plan: None };
    assert_eq!(stand.reports(), [value(10.0), done, value(11.0)]);
}

/// A flood while nobody reads and the renderer takes little: what was done is lost and counted, values are told and heard
/// in the end.
#[test]
fn a_flood_loses_no_last_value() {
    let mut stand = Stand::new(&[TargetKey::Tempo, TargetKey::TapTempo]);
    stand.room = 2;
    for round in 0..5000 {
        stand.block(&[(0, cc(1, 127)), (1, cc(1, 0)), (2, cc(0, (round % 100) as u8))]);
    }
    assert!(stand.lost > 800, "{} lost", stand.lost);
    let told = stand.reports();
    let done = told.iter().filter(|report| matches!(report, Report::Done { .. })).count() as u64;
    assert_eq!(done + stand.lost, 5000);
    stand.room = usize::MAX;
    stand.block(&[]);
    assert_eq!(stand.pushed.last(), Some(&(0, Command::Tempo(99.0))));
    assert_eq!(stand.reports().last(), Some(&Report::Value { key: TargetKey::Tempo, value: 99.0, generation: 0 }));
}

/// A new table knows what the old one has heard since the control thread did; what the control thread has set since is
/// newer.
#[test]
fn a_new_table_goes_on_from_the_old_one() {
    let mut stand = Stand::new(&[TargetKey::Tempo]);
    stand.block(&[(0, cc(0, 70))]);
    let known = |value, generation| Known { value, generation };
    let table = |known| {
        Mappings::new(compiled(&[TargetKey::Playing, TargetKey::Tempo]), &[Known { value: 0.0, generation: 1 }, known])
    };
    let mut same = table(known(10.0, 0));
    same.adopt(&mut stand.mappings, &mut stand.desk, false);
    assert_eq!(same.value(1), 70.0);
    let mut newer = table(known(10.0, 1));
    newer.adopt(&mut stand.mappings, &mut stand.desk, false);
    assert_eq!(newer.value(1), 10.0);
    assert!(stand.line.updates.push(Update { key: TargetKey::Tempo, value: 20.0, generation: 2 }).is_ok());
    newer.take_updates(&mut stand.desk);
    assert_eq!((newer.value(0), newer.value(1)), (0.0, 20.0));
}
