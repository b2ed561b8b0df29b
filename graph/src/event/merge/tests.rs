//! What the merge promises its destination, against naive models.

use assert_no_alloc::assert_no_alloc;
use proptest::prelude::*;

use super::*;
use crate::event::{Expression, NoteId};

fn edge(index: u32) -> EdgeId {
    EdgeId { index, generation: 0 }
}

/// Edges 0, 1, ... from port 0 into port 0.
fn merge_of(edges: u32, matching: NoteMatching) -> EventMerge {
    let edges = (0..edges).map(|index| MergeEdge { edge: edge(index), source_port: 0, destination_port: 0 });
    EventMerge::new(edges, 32, matching)
}

fn list(events: &[(u32, EventBody)]) -> EventList {
    let mut list = EventList::with_capacity(64);
    for &(frame, body) in events {
        list.push(Event { frame, port: 0, body });
    }
    list
}

/// Merges one chunk and gives what came out.
fn chunk(merge: &mut EventMerge, sources: &[EventList]) -> Vec<(u32, EventBody)> {
    let mut out = EventList::with_capacity(64);
    assert_no_alloc(|| merge.merge(|index| &sources[index], &mut out));
    out.as_slice().iter().map(|event| (event.frame, event.body)).collect()
}

fn on(key: u8) -> EventBody {
    EventBody::NoteOn { address: NoteAddress::key(0, key), velocity: 1.0 }
}

fn off(key: u8) -> EventBody {
    EventBody::NoteOff { address: NoteAddress::key(0, key), velocity: 0.5 }
}

/// Starts and ends as the destination sees them: `+id:key`, `-id:key`, `xid:key`; anything else by its debug form.
fn text(events: &[(u32, EventBody)]) -> String {
    let word = |&(frame, body): &(u32, EventBody)| match body {
        EventBody::NoteOn { address: a, .. } => format!("{frame}+{}:{}", a.note.0, a.key),
        EventBody::NoteOff { address: a, .. } => format!("{frame}-{}:{}", a.note.0, a.key),
        EventBody::NoteChoke { address: a } => format!("{frame}x{}:{}", a.note.0, a.key),
        EventBody::Midi([status, first, second]) => format!("{frame}={status:x}.{first}.{second}"),
        other => format!("{frame}?{other:?}"),
    };
    events.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// ```text
/// edge 0   on-----off
/// edge 1      on--------off
/// by key   +0 +1        -0 -1     the key sounds until the last finger is off
/// by id    +0 +1  -0    -1
/// ```
#[test]
fn two_sources_do_not_release_each_other() {
    for (matching, expected) in
        [(NoteMatching::Key, "0+0:60 1+1:60 9-0:60 9-1:60"), (NoteMatching::Id, "0+0:60 1+1:60 5-0:60 9-1:60")]
    {
        let mut merge = merge_of(2, matching);
        let out = chunk(&mut merge, &[list(&[(0, on(60)), (5, off(60))]), list(&[(1, on(60)), (9, off(60))])]);
        assert_eq!(text(&out), expected);
    }
}

/// MIDI 1 bytes and packets take part like any note; a velocity of 0 is a note-off.
#[test]
fn dialects_share_the_rule() {
    let mut merge = merge_of(3, NoteMatching::Key);
    let out = chunk(
        &mut merge,
        &[
            list(&[(0, EventBody::Midi([0x90, 60, 127])), (4, EventBody::Midi([0x90, 60, 0]))]),
            list(&[(1, EventBody::Ump([0x4090_3C00, 0xFFFF_0000, 0, 0])), (5, EventBody::Ump([0x4080_3C00, 0, 0, 0]))]),
            list(&[(2, on(60)), (6, off(60))]),
        ],
    );
    assert_eq!(text(&out), "0+0:60 1+1:60 2+2:60 6-0:60 6-1:60 6-2:60");
}

/// A note-off for what this edge does not hold must not reach another edge's note; wildcards end the own notes only.
#[test]
fn strangers_end_nothing_and_wildcards_end_the_own() {
    let mut merge = merge_of(2, NoteMatching::Key);
    let everything = EventBody::NoteOff { address: NoteAddress::ALL, velocity: 0.0 };
    let out =
        chunk(&mut merge, &[list(&[(0, on(60)), (0, on(64))]), list(&[(1, off(60)), (2, on(67)), (3, everything)])]);
    assert_eq!(text(&out), "0+0:60 0+1:64 2+2:67 3-2:67");
    assert_eq!((merge.held(edge(0)), merge.held(edge(1))), (2, 0));
}

/// Ids of two plugins may be equal: each is mapped to an id of ours, in expressions too, also while the note rings.
#[test]
fn ids_of_sources_are_their_own() {
    let mut merge = merge_of(2, NoteMatching::Id);
    let address = |note| NoteAddress { note: NoteId(note), channel: 0, key: 60 };
    let tuning = |note| EventBody::Expression { address: address(note), expression: Expression::Tuning, value: 1.0 };
    let start = |note| EventBody::NoteOn { address: address(note), velocity: 1.0 };
    let stop = |note| EventBody::NoteOff { address: address(note), velocity: 1.0 };
    let out = chunk(
        &mut merge,
        &[list(&[(0, start(7)), (3, stop(7)), (4, tuning(7))]), list(&[(1, start(7)), (2, tuning(7)), (5, tuning(8))])],
    );
    assert_eq!(out, [(0, start(0)), (1, start(1)), (2, tuning(1)), (3, stop(0)), (4, tuning(0))]);
}

/// ```text
/// edge 0 holds 60 and 64, edge 1 holds 60; edge 0 goes
/// ends:  64 at once; its 60 together with edge 1's
/// ```
#[test]
fn a_removed_edge_ends_exactly_its_notes() {
    let mut old = merge_of(2, NoteMatching::Key);
    chunk(&mut old, &[list(&[(0, on(60)), (0, on(64))]), list(&[(1, on(60))])]);
    let mut new = EventMerge::new(old.edges().skip(1), 32, NoteMatching::Key);
    assert_no_alloc(|| new.adopt(&mut old));
    assert_eq!(text(&chunk(&mut new, &[list(&[])])), "0-1:64");
    assert_eq!(text(&chunk(&mut new, &[list(&[(3, off(60))])])), "3-0:60 3-2:60");
}

/// The pedal is down until the last foot is up; a lost device lifts its own.
#[test]
fn pedals_are_held_by_each_source() {
    let mut merge = merge_of(2, NoteMatching::Key);
    let (down, up) = (EventBody::Midi([0xB0, 64, 127]), EventBody::Midi([0xB0, 64, 0]));
    let out = chunk(&mut merge, &[list(&[(0, down), (2, up)]), list(&[(1, down)])]);
    assert_eq!(text(&out), "0=b0.64.127 1=b0.64.127");
    let mut out = EventList::with_capacity(8);
    merge.end(edge(0), 0, &mut out);
    assert!(out.is_empty());
    merge.end(edge(1), 5, &mut out);
    assert_eq!(out.as_slice(), [Event { frame: 5, port: 0, body: up }]);
}

/// All-notes-off passes when nobody else plays there, else only the own notes end.
#[test]
fn all_notes_off_ends_the_own() {
    let mut merge = merge_of(2, NoteMatching::Key);
    let panic = EventBody::Midi([0xB0, 123, 0]);
    let out = chunk(&mut merge, &[list(&[(0, on(60)), (2, panic)]), list(&[(1, on(61)), (3, panic), (4, panic)])]);
    assert_eq!(text(&out), "0+0:60 1+1:61 2-0:60 3-1:61 3=b0.123.0 4=b0.123.0");
}

/// A system reset ends what its source holds, and nobody else's pedal or note.
#[test]
fn a_reset_ends_the_own() {
    let (down, reset) = (EventBody::Midi([0xB0, 64, 127]), EventBody::Midi([0xFF, 0, 0]));
    let mut merge = merge_of(2, NoteMatching::Key);
    let out = chunk(
        &mut merge,
        &[list(&[(0, on(60)), (1, down), (2, reset)]), list(&[(0, on(61)), (3, off(61)), (4, reset)])],
    );
    assert_eq!(text(&out), "0+0:60 0+1:61 1=b0.64.127 2-0:60 2=b0.64.0 3-1:61 4=ff.0.0");
}

/// A choke without an id passes where it can harm nobody, else it cuts the own notes by their ids.
#[test]
fn chokes_cut_the_own() {
    let choke = |key| EventBody::NoteChoke { address: NoteAddress::key(0, key) };
    let all = EventBody::NoteChoke { address: NoteAddress::ALL };
    let mut merge = merge_of(2, NoteMatching::Key);
    let out = chunk(
        &mut merge,
        &[
            list(&[(0, on(60)), (1, choke(60)), (2, on(61)), (4, all), (6, on(62)), (7, choke(62))]),
            list(&[(3, on(62)), (8, off(62))]),
        ],
    );
    assert_eq!(text(&out), "0+0:60 1x-1:60 2+1:61 3+2:62 4x1:61 6+3:62 8-2:62 8-3:62");
}

/// What speaks of the source itself does not travel; what is for another port neither; ports are rewritten.
#[test]
fn ports_and_reports() {
    let mut merge =
        EventMerge::new([MergeEdge { edge: edge(0), source_port: 1, destination_port: 3 }], 8, NoteMatching::Key);
    let mut source = EventList::with_capacity(8);
    source.push(Event { frame: 0, port: 1, body: on(60) });
    source.push(Event { frame: 0, port: 0, body: on(61) });
    source.push(Event { frame: 0, port: 1, body: EventBody::Gesture { parameter: 0, begin: false } });
    source.push(Event { frame: 0, port: 1, body: EventBody::NoteEnd { address: NoteAddress::ALL } });
    source.push(Event {
        frame: 0,
        port: 1,
        body: EventBody::Parameter { parameter: 0, address: NoteAddress::ALL, value: 0.0 },
    });
    let mut out = EventList::with_capacity(8);
    merge.merge(|_| &source, &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out.as_slice()[0].port, 3);
}

/// A list that is full gets the note-off a chunk later; a source that lost one loses all its notes.
#[test]
fn full_lists_stick_no_note() {
    let mut merge = merge_of(1, NoteMatching::Key);
    chunk(&mut merge, &[list(&[(0, on(60)), (0, on(61))])]);
    let mut out = EventList::default();
    let source = list(&[(3, off(60))]);
    merge.merge(|_| &source, &mut out);
    assert!(out.is_empty());
    assert_eq!(text(&chunk(&mut merge, &[list(&[])])), "0-0:60");
    let mut full = EventList::default();
    full.push(Event { frame: 0, port: 0, body: off(61) });
    assert!(full.ending_lost());
    assert_eq!(text(&chunk(&mut merge, &[full])), "0-1:61");
}

/// Too many notes at once: the last ones are not started, and their note-offs harm nobody.
#[test]
fn notes_without_room_do_not_start() {
    let edges = [MergeEdge { edge: edge(0), source_port: 0, destination_port: 0 }];
    let mut merge = EventMerge::new(edges, 2, NoteMatching::Key);
    let out =
        chunk(&mut merge, &[list(&[(0, on(60)), (0, on(61)), (0, on(62)), (1, off(62)), (2, off(60)), (3, on(63))])]);
    assert_eq!(text(&out), "0+0:60 0+1:61 2-0:60 3+2:63");
    assert_eq!(merge.take_dropped(), 1);
}

/// What one of the sources does.
#[derive(Clone, Copy, Debug)]
struct Action {
    frame: u32,
    source: usize,
    kind: u8,
    key: u8,
    id: i32,
}

impl Action {
    fn body(self) -> EventBody {
        let address = NoteAddress { note: NoteId(self.id), ..NoteAddress::key(0, self.key) };
        match self.kind {
            0..=3 => EventBody::NoteOn { address, velocity: 1.0 },
            4..=6 => EventBody::NoteOff { address, velocity: 0.0 },
            7 => EventBody::Midi([0x90, self.key, 100]),
            8 => EventBody::Midi([0x90, self.key, 0]),
            9 => EventBody::NoteChoke { address },
            10 => EventBody::NoteOff { address: NoteAddress::ALL, velocity: 0.0 },
            11 => EventBody::Midi([0xB0, 123, 0]),
            12 => EventBody::NoteChoke { address: NoteAddress::ALL },
            13 => EventBody::Midi([0xFF, 0, 0]),
            14 => EventBody::Midi([0xB0, 121, 0]),
            _ => EventBody::Midi([0xB0, 64, if self.id < 1 { 0 } else { 127 }]),
        }
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = (0u32..64, 0usize..3, 0u8..17, 60u8..63, -1i32..3).prop_map(|(frame, source, kind, key, id)| Action {
        frame,
        source,
        kind,
        key,
        id,
    });
    prop::collection::vec(action, 0..60).prop_map(|mut actions| {
        actions.sort_by_key(|action| (action.frame, action.source));
        actions
    })
}

/// Runs actions through a merge of three edges in chunks cut at the given frames of 64.
fn run(merge: &mut EventMerge, actions: &[Action], cuts: &[u32], room: usize) -> Vec<(u32, EventBody)> {
    let mut bounds = cuts.to_vec();
    bounds.extend([0, 64]);
    bounds.sort_unstable();
    let mut result = Vec::new();
    for bound in bounds.windows(2) {
        let sources: Vec<EventList> = (0..3)
            .map(|source| {
                let own = actions.iter().filter(|a| a.source == source && (bound[0]..bound[1]).contains(&a.frame));
                list(&own.map(|action| (action.frame - bound[0], action.body())).collect::<Vec<_>>())
            })
            .collect();
        let mut out = EventList::with_capacity(room);
        assert_no_alloc(|| merge.merge(|index| &sources[index], &mut out));
        assert!(out.as_slice().is_sorted_by_key(|event| event.frame));
        result.extend(out.as_slice().iter().map(|event| (event.frame + bound[0], event.body)));
    }
    result
}

/// The ids sounding at a destination that honours ids, after some events; a note-on must be new, an off must be known.
fn sounding_by_id(events: &[(u32, EventBody)]) -> Vec<NoteAddress> {
    let mut sounding: Vec<NoteAddress> = Vec::new();
    for (_, body) in events {
        match *body {
            EventBody::NoteOn { address, .. } => {
                assert!(!sounding.contains(&address));
                sounding.push(address);
            }
            EventBody::NoteOff { address, .. } => sounding.retain(|note| *note != address),
            EventBody::NoteChoke { address } => sounding.retain(|note| {
                let same_note = address.note == NoteId::ANY || address.note == note.note;
                !(same_note && (address.key < 0 || address.key == note.key))
            }),
            EventBody::Midi([0xB0, 123, _] | [0xFF, ..]) => sounding.clear(),
            _ => {}
        }
    }
    sounding
}

/// Whether the destination's sustain pedal is down after some events.
fn pedal_is_down(events: &[(u32, EventBody)]) -> bool {
    events.iter().fold(false, |down, (_, body)| match body {
        EventBody::Midi([0xB0, 64, value]) => *value >= 64,
        EventBody::Midi([0xB0, 121, _] | [0xFF, ..]) => false,
        _ => down,
    })
}

/// The keys that sources hold down, one entry a note, by a model that knows no destination.
fn held_by_sources(actions: &[Action]) -> Vec<(usize, i32, i8)> {
    let mut held: Vec<(usize, i32, i8)> = Vec::new();
    for action in actions {
        let own = |note: &(usize, i32, i8)| note.0 == action.source;
        match action.body() {
            EventBody::NoteOn { address, .. } => held.push((action.source, address.note.0, address.key)),
            EventBody::Midi([0x90, key, velocity]) if velocity > 0 => held.push((action.source, -1, key as i8)),
            EventBody::Midi([0x90, key, _]) => held.retain(|note| !(own(note) && note.2 == key as i8)),
            EventBody::NoteOff { address, .. } => held.retain(|note| {
                let same = address.note.0 < 0 || note.1 < 0 || note.1 == address.note.0;
                !(own(note) && same && (address.key < 0 || address.key == note.2))
            }),
            EventBody::NoteChoke { address } if address.note.0 < 0 => {
                held.retain(|note| !(own(note) && (address.key < 0 || address.key == note.2)));
            }
            EventBody::NoteChoke { address } => {
                let cut = held.iter().rposition(|note| own(note) && note.1 == address.note.0 && note.2 == address.key);
                cut.map(|index| held.remove(index));
            }
            EventBody::Midi([0xB0, 123, _] | [0xFF, ..]) => held.retain(|note| !own(note)),
            _ => {}
        }
    }
    held
}

proptest! {
    /// Without notes a merge is a stable sort by frame, then edge.
    #[test]
    fn order_is_frame_then_edge(mut events in prop::collection::vec((0u32..16, 0usize..3, 0u8..128), 0..60)) {
        let bend = |value| EventBody::Midi([0xE0, 0, value]);
        let of = |source| events.iter().filter(|e| e.1 == source).map(|e| (e.0, bend(e.2))).collect::<Vec<_>>();
        let sources = [list(&of(0)), list(&of(1)), list(&of(2))];
        let out = chunk(&mut merge_of(3, NoteMatching::Key), &sources);
        events.sort_by_key(|event| (event.0, event.1));
        prop_assert_eq!(out, events.iter().map(|event| (event.0, bend(event.2))).collect::<Vec<_>>());
    }

    /// A destination by id never sounds a note that no source holds; by id it sounds exactly those held, by key exactly
    /// the held keys. When all edges end, silence; every pedal is up.
    #[test]
    fn sounds_what_is_held_and_nothing_sticks(actions in actions(), cuts in prop::collection::vec(1u32..64, 0..5)) {
        for matching in [NoteMatching::Key, NoteMatching::Id] {
            let mut merge = EventMerge::new(merge_of(3, matching).edges(), 256, matching);
            let mut out = run(&mut merge, &actions, &cuts, 256);
            let held = held_by_sources(&actions);
            let sorted = |mut keys: Vec<i8>| { keys.sort_unstable(); keys };
            let mut sounding_keys = sorted(sounding_by_id(&out).iter().map(|note| note.key).collect());
            let mut held_keys = sorted(held.iter().map(|note| note.2).collect());
            if matching == NoteMatching::Key {
                sounding_keys.dedup();
                held_keys.dedup();
            }
            // A choke by id ends the newest note of that id, held or not: the model of the sources cannot know.
            if !actions.iter().any(|action| action.kind == 9 && action.id >= 0) {
                prop_assert_eq!(sounding_keys, held_keys);
            }
            let mut end = EventList::with_capacity(256);
            merge.end_all(64, &mut end);
            out.extend(end.as_slice().iter().map(|event| (event.frame, event.body)));
            prop_assert_eq!(sounding_by_id(&out), []);
            prop_assert!(!pedal_is_down(&out));
        }
    }

    /// Any partition into chunks gives the same events at the same frames.
    #[test]
    fn partition_does_not_matter(actions in actions(), cuts in prop::collection::vec(1u32..64, 0..5)) {
        for matching in [NoteMatching::Key, NoteMatching::Id] {
            let whole = run(&mut merge_of(3, matching), &actions, &[], 256);
            prop_assert_eq!(run(&mut merge_of(3, matching), &actions, &cuts, 256), whole);
        }
    }

    /// With lists far too small and room for few notes, nothing sticks either once the lists have room again.
    #[test]
    fn overflow_sticks_nothing(actions in actions(), cuts in prop::collection::vec(1u32..64, 0..5), room in 0usize..3) {
        for matching in [NoteMatching::Key, NoteMatching::Id] {
            let mut merge = EventMerge::new(merge_of(3, matching).edges(), 5, matching);
            let mut out = run(&mut merge, &actions, &cuts, room);
            merge.end_all(64, &mut EventList::default());
            out.extend(chunk(&mut merge, &[list(&[]), list(&[]), list(&[])]));
            prop_assert_eq!(sounding_by_id(&out), []);
            prop_assert!(!pedal_is_down(&out));
        }
    }

    /// One edge goes: of the notes that the destination hears, exactly those that only this edge held fall silent.
    #[test]
    fn exactly_the_ended_ones(actions in actions(), gone in 0usize..3) {
        prop_assume!(!actions.iter().any(|action| action.kind == 9 && action.id >= 0));
        let mut merge = EventMerge::new(merge_of(3, NoteMatching::Key).edges(), 256, NoteMatching::Key);
        let mut out = run(&mut merge, &actions, &[], 256);
        let mut end = EventList::with_capacity(256);
        merge.end(edge(gone as u32), 64, &mut end);
        out.extend(end.as_slice().iter().map(|event| (event.frame, event.body)));
        let keys = |mut keys: Vec<i8>| { keys.sort_unstable(); keys.dedup(); keys };
        let sounding = keys(sounding_by_id(&out).iter().map(|note| note.key).collect());
        let held = held_by_sources(&actions).into_iter().filter(|note| note.0 != gone).map(|note| note.2).collect();
        prop_assert_eq!(sounding, keys(held));
    }
}

/// ```text
/// gate     open ──────── closed ─────────────────────── open
/// edge 0   on 60, pedal      on 62  bend  off 60, lift      on 64
/// heard    on 60, pedal                   off 60, lift      on 64
/// ```
/// Across a change of schedules, and without a word for the other edge.
#[test]
fn a_closed_gate_lets_only_ends_pass() {
    let mut merge = merge_of(2, NoteMatching::Key);
    let pedal = |value| EventBody::Midi([0xB0, 64, value]);
    let nothing = || list(&[]);
    let heard = chunk(&mut merge, &[list(&[(0, on(60)), (1, pedal(127))]), nothing()]);
    assert_eq!(text(&heard), "0+0:60 1=b0.64.127");
    assert!(merge.set_gate(edge(0), false) && !merge.set_gate(edge(7), false));
    let bend = EventBody::Midi([0xE0, 0, 12]);
    let heard = chunk(&mut merge, &[list(&[(0, on(62)), (1, bend), (2, pedal(90))]), list(&[(3, on(70))])]);
    assert_eq!(text(&heard), "3+1:70");
    let mut next = merge_of(2, NoteMatching::Key);
    next.adopt(&mut merge);
    let heard = chunk(&mut next, &[list(&[(0, on(63)), (1, off(62)), (2, off(60)), (3, pedal(0))]), nothing()]);
    assert_eq!(text(&heard), "2-0:60 3=b0.64.0");
    next.set_gate(edge(0), true);
    let heard = chunk(&mut next, &[list(&[(0, on(64))]), nothing()]);
    assert_eq!(text(&heard), "0+2:64");
}
