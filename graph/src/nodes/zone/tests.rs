use super::*;
use crate::rt::Harness;
use assert_no_alloc::assert_no_alloc;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a zone makes of events at their frames, chunk by chunk, without an allocation.
fn play(zone: &mut Zone, events: &[(u32, EventBody)], chunk: u32) -> Vec<(u32, EventBody)> {
    let node = node("zone");
    let mut harness = Harness::new(&node, chunk as usize);
    let mut out = Vec::new();
    let end = events.iter().map(|event| event.0 + 1).max().unwrap_or(0);
    for start in (0..end).step_by(chunk as usize) {
        for &(frame, body) in events.iter().filter(|event| (start..start + chunk).contains(&event.0)) {
            assert!(harness.send(Event { frame: frame - start, port: 0, body }));
        }
        assert_no_alloc(|| harness.process(zone, chunk as usize));
        out.extend(harness.sent().iter().map(|event| (event.frame + start, event.body)));
    }
    out
}

fn address(note: i32, channel: i8, key: i8) -> NoteAddress {
    NoteAddress { note: NoteId(note), channel, key }
}

fn on(note: i32, channel: i8, key: i8) -> EventBody {
    EventBody::NoteOn { address: address(note, channel, key), velocity: 0.5 }
}

fn off(note: i32, channel: i8, key: i8) -> EventBody {
    EventBody::NoteOff { address: address(note, channel, key), velocity: 0.25 }
}

fn set(parameter: u32, value: f64) -> EventBody {
    EventBody::Parameter { parameter, address: NoteAddress::ALL, value }
}

fn bodies(zone: Zone, events: &[EventBody]) -> Vec<EventBody> {
    let mut zone = zone;
    let events: Vec<_> = (0..).zip(events.iter().copied()).collect();
    play(&mut zone, &events, 64).into_iter().map(|event| event.1).collect()
}

/// ```text
/// keys   ... 59 | 60 61 ...     two zones behind one input:
/// bass   #######|               down an octave, on channel 3
/// piano         |#########      as played
/// ```
#[test]
fn a_split() {
    let events = [on(1, 0, 59), on(2, 0, 60), off(1, 0, 59), off(2, 0, 60)];
    let bass = Zone::default().with(HIGH_KEY, 59.0).with(TRANSPOSE, -12.0).with(OUTPUT_CHANNEL, 3.0);
    assert_eq!(bodies(bass, &events), [on(1, 2, 47), off(1, 2, 47)]);
    let piano = Zone::default().with(LOW_KEY, 60.0);
    assert_eq!(bodies(piano, &events), [on(2, 0, 60), off(2, 0, 60)]);
}

/// A note held through changes ends by the key and channel by which it began; only new ones are other. A key that would
/// leave the keyboard does not come through.
#[test]
fn a_change_does_not_touch_held_notes() {
    let events = [
        on(1, 0, 60),
        set(TRANSPOSE, 12.0),
        set(OUTPUT_CHANNEL, 16.0),
        on(2, 0, 60),
        set(ON, 0.0),
        on(3, 0, 62),
        off(1, 0, 60),
        off(2, 0, 60),
        set(ON, 1.0),
        on(4, 0, 116),
    ];
    let out = bodies(Zone::default(), &events);
    assert_eq!(out, [on(1, 0, 60), on(2, 15, 72), off(1, 0, 60), off(2, 15, 72)]);
}

/// If told so, held notes that the changed zone would not let in as they are end with the change.
#[test]
fn a_change_ends_held_notes_if_told_so() {
    let events = [on(1, 0, 60), on(2, 0, 70), set(LOW_KEY, 65.0), off(1, 0, 60), off(2, 0, 70)];
    let out = bodies(Zone::default().with(ENDS_HELD, 1.0), &events);
    let ended = EventBody::NoteOff { address: address(1, 0, 60), velocity: 0.0 };
    assert_eq!(out, [on(1, 0, 60), on(2, 0, 70), ended, off(2, 0, 70)]);
}

/// Each kind of message by its own switch, on the zone's channel, in MIDI 1 and MIDI 2.
#[test]
fn messages_by_kind() {
    let wheel = EventBody::Midi([0xB0, 1, 9]);
    let kinds = [
        (CONTROLLERS, wheel, EventBody::Midi([0xB4, 1, 9])),
        (BEND, EventBody::Midi([0xE0, 1, 2]), EventBody::Midi([0xE4, 1, 2])),
        (PRESSURE, EventBody::Midi([0xD0, 9, 0]), EventBody::Midi([0xD4, 9, 0])),
        (PROGRAMS, EventBody::Midi([0xC0, 9, 0]), EventBody::Midi([0xC4, 9, 0])),
        (BEND, EventBody::Ump([0x40E0_0000, 7, 0, 0]), EventBody::Ump([0x40E4_0000, 7, 0, 0])),
        (CONTROLLERS, EventBody::Ump([0x4020_0102, 7, 0, 0]), EventBody::Ump([0x4024_0102, 7, 0, 0])),
    ];
    for (parameter, body, expected) in kinds {
        let zone = || Zone::default().with(OUTPUT_CHANNEL, 5.0);
        assert_eq!(bodies(zone(), &[body]), [expected]);
        assert_eq!(bodies(zone().with(parameter, 0.0), &[body]), []);
        assert_eq!(bodies(zone().with(CHANNELS, f64::from(0xFFFE_u16)), &[body]), []);
    }
    // The pressure of a key goes with its note.
    let events = [on(1, 0, 60), EventBody::Midi([0xA0, 60, 9]), EventBody::Midi([0xA0, 61, 9])];
    let out = bodies(Zone::default().with(TRANSPOSE, 1.0), &events);
    assert_eq!(out, [on(1, 0, 61), EventBody::Midi([0xA0, 61, 9])]);
}

/// A pedal goes up where it went down, however the zone has changed; when pedals are held back it is lifted, and pressed
/// when they are let through again while the foot is on it.
#[test]
fn pedals_do_not_hang() {
    let pedal = |channel: u8, value: u8| EventBody::Midi([0xB0 | channel, 64, value]);
    let events = [pedal(0, 100), set(OUTPUT_CHANNEL, 3.0), set(ON, 0.0), pedal(0, 0)];
    assert_eq!(bodies(Zone::default(), &events), [pedal(0, 100), pedal(0, 0)]);
    let events = [pedal(0, 100), set(PEDALS, 0.0), set(PEDALS, 1.0), pedal(0, 0)];
    assert_eq!(bodies(Zone::default(), &events), [pedal(0, 100), pedal(0, 0), pedal(0, 127), pedal(0, 0)]);
    let events = [set(ON, 0.0), pedal(0, 100), set(ON, 1.0), EventBody::Midi([0xB0, 121, 0])];
    assert_eq!(bodies(Zone::default(), &events), [pedal(0, 127), pedal(0, 0), EventBody::Midi([0xB0, 121, 0])]);
    // Two channels that become one: up with the second foot.
    let events = [pedal(0, 127), pedal(1, 127), pedal(0, 0), pedal(1, 0)];
    let out = bodies(Zone::default().with(OUTPUT_CHANNEL, 1.0), &events);
    assert_eq!(out, [pedal(0, 127), pedal(0, 127), pedal(0, 0)]);
}

/// ```text
/// channel  1       2 3 4     5 ... 15   16      the lower zone with three members: all four keep their channels,
///          manager members   not of the zone    whatever the output channel says; notes are transposed, bends are not
/// ```
#[test]
fn an_mpe_zone_stays_whole() {
    let zone = || Zone::default().with(MEMBERS, 3.0).with(OUTPUT_CHANNEL, 9.0).with(TRANSPOSE, 2.0);
    let bend = |channel: u8| EventBody::Midi([0xE0 | channel, 0, 80]);
    let events = [bend(0), bend(1), on(1, 1, 60), bend(3), on(2, 4, 60), bend(4), bend(15), off(1, 1, 60)];
    let out = bodies(zone().with(MPE, 1.0), &events);
    assert_eq!(out, [bend(0), bend(1), on(1, 1, 62), bend(3), off(1, 1, 62)]);
    let tuning =
        |key| EventBody::Expression { address: address(1, 14, key), expression: Expression::Tuning, value: 0.3 };
    let events = [bend(15), bend(12), bend(11), on(1, 14, 60), tuning(60), off(1, 14, 60)];
    assert_eq!(bodies(zone().with(MPE, 2.0), &events), [bend(15), bend(12), on(1, 14, 62), tuning(62), off(1, 14, 62)]);
}

/// No curve ever turns two velocities round, leaves 1 to 127, or makes a note-on that MIDI 1 takes for a note-off.
#[test]
fn curves_are_monotone() {
    for curve in 0..=6 {
        for (gamma, offset) in [(0.1, -127.0), (10.0, 40.0), (1.0, 0.0)] {
            let mut settings = Settings::default();
            let values = [(CURVE, f64::from(curve)), (GAMMA, gamma), (OFFSET, offset)];
            values.iter().for_each(|&(parameter, value)| settings.set(parameter, value));
            let heard: Vec<f64> = (0..=127).map(|played| settings.velocity(f64::from(played) / 127.0)).collect();
            assert!(heard.is_sorted() && heard[0] >= 1.0 / 127.0 && heard[127] <= 1.0, "curve {curve}");
        }
    }
    assert_eq!(Settings::default().velocity(0.5), 0.5);
}

/// One more note than there is room for does not come through, nor does its end.
#[test]
fn no_more_than_there_is_room_for() {
    let mut zone = Zone::default();
    let ons: Vec<_> = (0..300).map(|note| (note as u32, on(note, 0, 60))).collect();
    let offs: Vec<_> = (0..300).map(|note| (note as u32, off(note, 0, 60))).collect();
    assert_eq!(play(&mut zone, &ons, 300).len(), MAX_HELD);
    assert_eq!(play(&mut zone, &offs, 300).len(), MAX_HELD);
}

/// What a random player does.
#[derive(Clone, Debug)]
enum Deed {
    Press {
        channel: u8,
        key: u8,
        velocity: u8,
    },
    /// Releases the nth key that is down.
    Release(usize),
    Set(u32, f64),
    Message([u8; 3]),
}

fn deed() -> impl Strategy<Value = Deed> {
    let value = prop_oneof![-5.0..5.0_f64, -127.0..127.0_f64, 0.0..65535.0_f64];
    let status = prop_oneof![Just(0xB0_u8), Just(0xD0), Just(0xE0)];
    let controller = prop_oneof![Just(64_u8), Just(66), Just(1), Just(120), Just(121), Just(123)];
    prop_oneof![
        4 => (0..16_u8, 0..128_u8, 1..128_u8).prop_map(|(channel, key, velocity)| Deed::Press { channel, key, velocity }),
        4 => (0..8_usize).prop_map(Deed::Release),
        3 => (ON..=ENDS_HELD, value).prop_map(|(parameter, value)| Deed::Set(parameter, value)),
        2 => (status, 0..16_u8, controller, 0..128_u8)
            .prop_map(|(status, channel, first, second)| Deed::Message([status | channel, first, second])),
    ]
}

/// A script as it comes to the zone: as behind a merge, which ends the notes of a channel before the message that says so.
fn script(deeds: &[Deed]) -> Vec<EventBody> {
    let mut down: Vec<(i32, i8, i8)> = Vec::new();
    let mut events = Vec::new();
    for (note, deed) in (0..).zip(deeds) {
        match *deed {
            Deed::Press { channel, key, velocity } => {
                down.push((note, channel as i8, key as i8));
                let address = address(note, channel as i8, key as i8);
                events.push(EventBody::NoteOn { address, velocity: f64::from(velocity) / 127.0 });
            }
            Deed::Release(nth) if nth < down.len() => {
                let (note, channel, key) = down.remove(nth);
                events.push(off(note, channel, key));
            }
            Deed::Release(_) => {}
            Deed::Set(parameter, value) => events.push(set(parameter, value)),
            Deed::Message(bytes @ [status, first, _]) => {
                if status >> 4 == 0xB && (first == 120 || first == 123) {
                    let ends = |held: &(i32, i8, i8)| held.1 as u8 == status & 15;
                    events.extend(down.iter().filter(|held| ends(held)).map(|held| off(held.0, held.1, held.2)));
                    down.retain(|held| !ends(held));
                }
                events.push(EventBody::Midi(bytes));
            }
        }
    }
    events.extend(down.into_iter().map(|(note, channel, key)| off(note, channel, key)));
    for channel in 0..16 {
        events.extend([64, 66].map(|pedal| EventBody::Midi([0xB0 | channel, pedal, 0])));
    }
    events
}

proptest! {
    /// Whatever is played and changed: once all keys and feet are up, each note-on that left has had exactly one note-off
    /// by its own id, channel and key, and no pedal is down; in any chunks the same.
    #[test]
    fn nothing_hangs(deeds in prop::collection::vec(deed(), 0..120), chunk in 1..90_u32) {
        let events: Vec<_> = script(&deeds).into_iter().enumerate().map(|(n, body)| (n as u32 / 3, body)).collect();
        let (mut sounding, mut pedals) = (BTreeMap::new(), BTreeMap::new());
        let out = play(&mut Zone::default(), &events, 512);
        for (_, body) in &out {
            match *body {
                EventBody::NoteOn { address, .. } => {
                    prop_assert_eq!(sounding.insert(address.note, address), None);
                }
                EventBody::NoteOff { address, .. } => {
                    prop_assert_eq!(sounding.remove(&address.note), Some(address), "an end without a beginning");
                }
                EventBody::Midi([status, pedal @ (64 | 66), value]) if status >> 4 == 0xB => {
                    pedals.insert((status, pedal), value >= 64);
                }
                _ => {}
            }
        }
        prop_assert!(sounding.is_empty(), "these hang: {:?}", sounding);
        prop_assert!(pedals.values().all(|down| !down), "a pedal hangs: {:?}", pedals);
        prop_assert_eq!(&play(&mut Zone::default(), &events, chunk), &out);
    }

    /// Against the plainest model: a note-on comes through by what the parameters are at its frame, and no other.
    #[test]
    fn comes_through_as_the_parameters_say(deeds in prop::collection::vec(deed(), 0..80)) {
        let events: Vec<_> = script(&deeds).into_iter().enumerate().map(|(n, body)| (n as u32, body)).collect();
        let mut values: BTreeMap<u32, f64> = BTreeMap::new();
        let mut expected = Vec::new();
        for &(frame, body) in &events {
            match body {
                EventBody::Parameter { parameter, value, .. } => {
                    values.insert(parameter, value);
                }
                EventBody::NoteOn { address, velocity } => {
                    let value = |parameter, otherwise, least, most| {
                        values.get(&parameter).copied().unwrap_or(otherwise).round().clamp(least, most) as i32
                    };
                    let midi = |parameter, otherwise| value(parameter, otherwise, 0.0, 127.0);
                    let (key, channel) = (i32::from(address.key), i32::from(address.channel));
                    let members = value(MEMBERS, 15.0, 1.0, 15.0);
                    let kept = match value(MPE, 0.0, 0.0, 2.0) {
                        0 => value(CHANNELS, 65535.0, 0.0, 65535.0) & (1 << channel) != 0,
                        1 => channel <= members,
                        _ => channel >= 15 - members,
                    };
                    let fixed = match (value(MPE, 0.0, 0.0, 2.0), value(OUTPUT_CHANNEL, 0.0, 0.0, 16.0)) {
                        (0, fixed @ 1..) => fixed - 1,
                        _ => channel,
                    };
                    let to = key + value(TRANSPOSE, 0.0, -127.0, 127.0);
                    let strength = (velocity * 127.0).round() as i32;
                    if values.get(&ON).is_none_or(|on| *on >= 0.5)
                        && kept
                        && key >= midi(LOW_KEY, 0.0)
                        && key <= midi(HIGH_KEY, 127.0)
                        && strength >= midi(LOW_VELOCITY, 0.0)
                        && strength <= midi(HIGH_VELOCITY, 127.0)
                        && (0..128).contains(&to)
                    {
                        expected.push((frame, NoteAddress { channel: fixed as i8, key: to as i8, ..address }));
                    }
                }
                _ => {}
            }
        }
        let begun: Vec<_> = play(&mut Zone::default(), &events, 512)
            .into_iter()
            .filter_map(|(frame, body)| match body {
                EventBody::NoteOn { address, .. } => Some((frame, address)),
                _ => None,
            })
            .collect();
        prop_assert_eq!(begun, expected);
    }
}

/// What is told as a parameter's value until it is set is that.
#[test]
fn the_initial_values_change_nothing() {
    for (parameter, value) in (0..).zip(super::INITIAL) {
        let mut settings = Settings::default();
        settings.set(parameter, value);
        assert_eq!(settings, Settings::default(), "{parameter}");
    }
}
