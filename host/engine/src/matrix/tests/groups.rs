//! Groups are heard and never touch a cell; the history and the file know of them.

use super::desk::Desk;
use super::*;
use crate::matrix::groups::{GroupEdit, GroupSnapshot};
use crate::scenes::Capture;
use crate::session::{ChannelEntry, ChannelsEntry, CrosspointPlace, EndpointEntry, Fader, GroupEntry, PortSelector};
use crosspoint_graph::graph::Edit;
use proptest::prelude::*;

fn end(node: &str) -> EndpointEntry {
    EndpointEntry::new(node, PortSelector::First)
}

fn node(name: &str) -> ChannelsEntry {
    ChannelsEntry::Node(name.into())
}

fn one(name: &str, channel: u32) -> ChannelsEntry {
    ChannelsEntry::One(ChannelEntry { end: end(name), channel })
}

/// A group of rows at a gain.
fn group(name: &str, gain: f32, rows: &[&str]) -> GroupEntry {
    let fader = Fader { gain, muted: false };
    GroupEntry { name: name.into(), fader, rows: rows.iter().map(|row| node(row)).collect(), ..GroupEntry::default() }
}

fn set(desk: &mut Desk, group: GroupEntry) {
    desk.engine.edit_groups(GroupEdit::Set(group)).unwrap();
}

/// ```text
/// a 1/2 ┐
/// b 1/4 ├─► out        groups of a; of a and b; of the cell b>2 and column 2: each cell by all that it is in, once each
/// c 1/8 ┘
/// ```
#[test]
fn a_cell_is_heard_by_all_its_groups_and_by_each_once() {
    let mut desk = Desk::new();
    let graph = desk.engine.graph().clone();
    set(&mut desk, group("lead", 0.5, &["a"]));
    assert_eq!(desk.settled(), [0.625, 0.625]);
    set(&mut desk, group("both", 0.5, &["a", "b"]));
    assert_eq!(desk.settled(), [0.375, 0.375]);
    let place =
        CrosspointPlace { source: end("b"), destination: end("out"), source_channel: 0, destination_channel: 1 };
    let fader = Fader { gain: 2.0, muted: false };
    let (cells, columns, rows) = (vec![place], vec![one("out", 1)], vec![node("b"), one("b", 0)]);
    set(&mut desk, GroupEntry { name: "side".into(), fader, rows, columns, cells, ..GroupEntry::default() });
    // b is a row of it, and everything on column 2.
    assert_eq!(desk.settled(), [0.125 + 0.25 + 0.125, 0.25 + 0.25 + 0.25]);
    desk.engine.edit_groups(GroupEdit::Mute { group: "both".into(), on: true }).unwrap();
    assert_eq!(desk.settled(), [0.125, 0.25]);
    desk.engine.set_soloed(desk.row(1), true).unwrap();
    assert_eq!(desk.settled(), [0.0, 0.0], "what is soloed is heard as its groups say");
    desk.engine.edit_groups(GroupEdit::Mute { group: "both".into(), on: false }).unwrap();
    assert_eq!(desk.settled(), [0.25, 0.25]);
    desk.engine.clear_solo().unwrap();
    for name in ["side", "both", "lead"] {
        desk.engine.edit_groups(GroupEdit::Remove(name.into())).unwrap();
    }
    assert_eq!(desk.settled(), [0.875, 0.875]);
    assert_eq!(*desk.engine.graph(), graph, "no cell was touched");
    assert!(desk.steepest() < 0.02, "a step of {}", desk.steepest());
}

/// A fader that is drawn is one step; each other change is one; undo is heard.
#[test]
fn every_change_of_a_group_is_taken_back_and_made_again() {
    let mut desk = Desk::new();
    set(&mut desk, group("all", 1.0, &["a", "b", "c"]));
    desk.engine.begin_gesture();
    for step in 0..10 {
        let gain = 1.0 - step as f32 / 12.0;
        desk.engine.edit_groups(GroupEdit::Gain { group: "all".into(), gain }).unwrap();
        desk.settled();
    }
    desk.engine.end_gesture();
    let low = desk.settled();
    assert_eq!(low, [0.21875, 0.21875]);
    let same = GroupEdit::Gain { group: "all".into(), gain: 0.25 };
    desk.engine.edit_groups(same).unwrap();
    desk.engine.edit_groups(GroupEdit::Rename { from: "all".into(), to: "band".into() }).unwrap();
    desk.engine.edit_groups(GroupEdit::Mute { group: "band".into(), on: true }).unwrap();
    assert_eq!(desk.settled(), [0.0, 0.0]);
    for expected in [low, low, [0.875; 2], [0.875; 2]] {
        assert!(desk.engine.undo().unwrap());
        assert_eq!(desk.settled(), expected);
    }
    assert!(desk.engine.groups().is_empty());
    (0..4).for_each(|_| assert!(desk.engine.redo().unwrap()));
    assert_eq!(desk.settled(), [0.0, 0.0]);
    assert_eq!(desk.engine.groups()[0].name, "band");
    assert!(desk.steepest() < 0.02, "a step of {}", desk.steepest());
}

/// Members go by name: a renamed node stays one, a removed one is missing until undo brings it back, and steps of the
/// history that were made before it was renamed mean it all the same.
#[test]
fn members_survive_renames_and_removal() {
    let mut desk = Desk::new();
    let rename = |name: &str| vec![Edit::Rename { node: desk.rows[0], name: name.into() }];
    let (kick, snare) = (rename("kick"), rename("snare"));
    set(&mut desk, group("lead", 0.5, &["a"]));
    desk.engine.apply(kick).unwrap();
    assert_eq!(desk.settled(), [0.625, 0.625]);
    desk.engine.edit_groups(GroupEdit::Mute { group: "lead".into(), on: true }).unwrap();
    desk.engine.apply(snare).unwrap();
    // Without a look in between.
    (0..3).for_each(|_| assert!(desk.engine.undo().unwrap()));
    assert_eq!(desk.settled(), [0.625, 0.625]);
    (0..3).for_each(|_| assert!(desk.engine.redo().unwrap()));
    assert_eq!(desk.engine.groups()[0].rows, [node("snare")]);
    assert_eq!(desk.settled(), [0.375, 0.375]);
    desk.engine.edit_groups(GroupEdit::Mute { group: "lead".into(), on: false }).unwrap();

    desk.engine.remove_node(desk.rows[0], false).unwrap();
    assert_eq!(desk.settled(), [0.375, 0.375]);
    let missing = desk.engine.look().groups[0].missing.clone();
    assert_eq!(missing, ["there is no node \"snare\""]);
    assert!(desk.engine.undo().unwrap());
    assert_eq!(desk.settled(), [0.625, 0.625]);
    assert!(desk.engine.look().groups[0].missing.is_empty());
}

/// `a -> gain -> out` with the gain node in a group at 1/4: once it is removed it rings on as loud as it was.
#[test]
fn what_rings_on_is_as_loud_as_its_group_says() {
    let mut desk = Desk::new();
    let gain = desk.engine.add_builtin("gain", Builtin::Delay { layout: ChannelLayout::Mono, longest: 4800 }).unwrap();
    desk.engine.set_parameter(gain, crosspoint_graph::nodes::delay::FRAMES, 4800.0).unwrap();
    let (a, output) = (desk.rows[0], desk.output);
    let cells = [unity(a, 0, gain, 0), unity(gain, 0, output, 0), change(a, 0, output, 0, None)];
    desk.engine.set_cells(&cells, false).unwrap();
    set(&mut desk, group("returns", 0.25, &["gain"]));
    assert_eq!(desk.settled()[0], 0.375 + 0.25);
    let before = desk.played.len();
    desk.engine.remove_node(gain, false).unwrap();
    desk.settled();
    let rang = &desk.played[before..];
    assert!(rang.iter().all(|[left, _]| *left <= 0.625 + 1e-6), "it is not louder than it was");
    let tail = rang.iter().take(2000).filter(|[left, _]| *left > 0.6).count();
    assert!(tail > 1500, "it rings on as loud: {tail} frames");
}

/// A scene sets cells of a group: what is heard is the scene's gain by the group's.
#[test]
fn scenes_set_cells_and_groups_stay() {
    let mut desk = Desk::new();
    let output = desk.output;
    desk.engine.store_scene("soft", &Capture::Differences).unwrap();
    let loud: Vec<CellChange> =
        desk.rows.iter().flat_map(|row| [0, 1].map(|to| change(*row, 0, output, to, Some(Cell::new(1.0))))).collect();
    desk.engine.set_cells(&loud, false).unwrap();
    desk.engine.store_scene("loud", &Capture::Differences).unwrap();
    set(&mut desk, group("lead", 0.5, &["a", "b"]));
    assert_eq!(desk.settled(), [2.0, 2.0]);
    assert!(desk.engine.play_scene("soft").unwrap());
    assert_eq!(desk.settled(), [0.5, 0.5]);
    assert!(desk.engine.play_scene("loud").unwrap());
    assert_eq!(desk.settled(), [2.0, 2.0]);
    let heard = &desk.played[desk.played.len() - 6400..];
    assert!(heard.iter().all(|[left, _]| *left <= 2.0), "no group is left out for a moment");
}

/// By actions; in the snapshot; in the file and back from it, heard as before. What makes no sense is refused.
#[test]
fn groups_are_of_the_rig_and_its_file() {
    let mut desk = Desk::new();
    let handle = desk.engine.handle();
    let mut told = |edit| {
        let answer = handle.send(Action::EditGroups(Box::new(edit)));
        desk.engine.poll();
        answer.try_take().unwrap()
    };
    let lead = group("lead", 0.5, &["a", "gone"]);
    assert!(told(GroupEdit::Set(lead.clone())).is_ok());
    for wrong in [
        GroupEdit::Set(GroupEntry::default()),
        GroupEdit::Set(group("loud", 11.0, &[])),
        GroupEdit::Gain { group: "lead".into(), gain: f32::NAN },
        GroupEdit::Gain { group: "other".into(), gain: 1.0 },
        GroupEdit::Rename { from: "lead".into(), to: " ".into() },
        GroupEdit::Remove("other".into()),
    ] {
        assert!(told(wrong.clone()).is_err(), "{wrong:?}");
    }
    let missing = vec!["there is no node \"gone\"".to_owned()];
    assert_eq!(*handle.snapshot().groups, [GroupSnapshot { group: lead, missing }]);
    let document = desk.engine.document().unwrap();
    assert_eq!(document.groups, desk.engine.groups());
    desk.engine.load_document(&Default::default(), &Default::default()).unwrap();
    assert!(desk.engine.look().groups.is_empty());
    let mut roles = crate::session::Mapping::default();
    for (name, channels) in [("a", vec![0]), ("b", vec![0]), ("c", vec![0])] {
        roles.inputs.insert(name.into(), channels.into_iter().map(Some).collect());
    }
    roles.outputs.insert("out".into(), vec![Some(0), Some(1)]);
    desk.engine.load_document(&document, &roles).unwrap();
    assert_eq!(desk.settled(), [0.625, 0.625]);
}

/// What people do to a desk, in any order.
#[derive(Clone, Debug)]
enum Deed {
    Cell(usize, u32, Option<f32>),
    Group(usize, u8, f32, bool),
    Remove(usize),
    Solo(usize, bool),
    Undo,
    Redo,
}

fn deed() -> impl Strategy<Value = Deed> {
    let gain = (0_u8..9).prop_map(|eighths| f32::from(eighths) / 8.0);
    prop_oneof![
        (0_usize..3, 0_u32..2, proptest::option::of(gain.clone()))
            .prop_map(|(row, to, gain)| Deed::Cell(row, to, gain)),
        (0_usize..3, any::<u8>(), gain, any::<bool>())
            .prop_map(|(which, members, gain, muted)| Deed::Group(which, members, gain, muted)),
        (0_usize..3).prop_map(Deed::Remove),
        (0_usize..3, any::<bool>()).prop_map(|(row, on)| Deed::Solo(row, on)),
        Just(Deed::Undo),
        Just(Deed::Redo),
    ]
}

const ROWS: [&str; 3] = ["a", "b", "c"];

/// What is to be heard, worked out cell by cell from what the engine says.
fn modelled(desk: &Desk) -> [f32; 2] {
    let solo = desk.engine.solo();
    let view = desk.engine.matrix();
    let soloed = |row: PortChannel| solo.soloed.contains(&crate::Soloed::Row(row));
    let mut heard = [0.0; 2];
    for at in &view.cells {
        let (row, column) = (view.rows[at.row], view.columns[at.column]);
        let is_covered = view.cells.iter().any(|other| other.column == at.column && soloed(view.rows[other.row]));
        if is_covered && !soloed(row) {
            continue;
        }
        let name = desk.engine.name(row.node);
        let mut factor = 1.0;
        for group in desk.engine.groups() {
            let by_row = group.rows.iter().any(|known| known.node() == name);
            let by_column = group.columns.iter().any(|known| *known == one("out", column.channel));
            if by_row || by_column {
                factor *= group.fader.factor();
            }
        }
        heard[column.channel as usize] += at.cell.effective() * factor;
    }
    heard
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was done, in whatever order, what is heard at rest is what cells, groups and solo say, and got there
    /// without a step.
    #[test]
    fn what_is_heard_is_what_cells_groups_and_solo_say(deeds in prop::collection::vec(deed(), 1..24)) {
        let mut desk = Desk::new();
        desk.engine.forget_history();
        for deed in deeds {
            match deed.clone() {
                Deed::Cell(row, to, gain) => {
                    let changed = change(desk.rows[row], 0, desk.output, to, gain.map(Cell::new));
                    desk.engine.set_cells(&[changed], false).unwrap();
                }
                Deed::Group(which, members, gain, muted) => {
                    let has = |bit: usize| members & (1 << bit) != 0;
                    let rows = (0..3).filter(|&row| has(row)).map(|row| node(ROWS[row])).collect();
                    let columns = (0..2).filter(|&to| has(3 + to)).map(|to| one("out", to as u32)).collect();
                    let fader = Fader { gain, muted };
                    set(&mut desk, GroupEntry { name: format!("group {which}"), fader, rows, columns, ..GroupEntry::default() });
                }
                Deed::Remove(which) => {
                    let _ = desk.engine.edit_groups(GroupEdit::Remove(format!("group {which}")));
                }
                Deed::Solo(row, on) => desk.engine.set_soloed(desk.row(row), on).unwrap(),
                Deed::Undo => drop(desk.engine.undo().unwrap()),
                Deed::Redo => drop(desk.engine.redo().unwrap()),
            }
            let (heard, said) = (desk.settled(), modelled(&desk));
            let is_near = heard.iter().zip(said).all(|(heard, said)| (heard - said).abs() < 1e-5);
            prop_assert!(is_near, "{:?}: {:?} is heard, {:?} said", deed, heard, said);
        }
        prop_assert!(desk.steepest() < 0.04, "a step of {}", desk.steepest());
    }
}
