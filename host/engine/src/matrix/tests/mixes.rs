//! Monitor mixes: the columns of one listener, with a fader for all of them.

use super::desk::Desk;
use super::*;
use crate::matrix::mixes::{MixEdit, MixSnapshot};
use crate::session::{ChannelEntry, ChannelsEntry, EndpointEntry, Fader, MixEntry, PortSelector};

fn mix(name: &str, channel: u32) -> MixEntry {
    let end = EndpointEntry::new("out", PortSelector::First);
    let columns = vec![ChannelsEntry::One(ChannelEntry { end, channel })];
    MixEntry { name: name.into(), columns, ..MixEntry::default() }
}

/// ```text
/// a b c ─► out 1 = Ann         each fader is heard in its own mix alone; all of `out` is Cleo's
///       ─► out 2 = Ben
/// ```
#[test]
fn a_mix_has_a_fader_of_its_own() {
    let mut desk = Desk::new();
    for entry in [mix("Ann", 0), mix("Ben", 1)] {
        desk.engine.edit_mixes(MixEdit::Set(entry)).unwrap();
    }
    desk.engine.edit_mixes(MixEdit::Gain { mix: "Ann".into(), gain: 0.5 }).unwrap();
    assert_eq!(desk.settled(), [0.4375, 0.875]);
    desk.engine.edit_mixes(MixEdit::Mute { mix: "Ben".into(), on: true }).unwrap();
    assert_eq!(desk.settled(), [0.4375, 0.0]);
    let all = MixEntry {
        name: "Cleo".into(),
        columns: vec![ChannelsEntry::Node("out".into())],
        fader: Fader { gain: 2.0, muted: false },
        ..MixEntry::default()
    };
    desk.engine.edit_mixes(MixEdit::Set(all)).unwrap();
    assert_eq!(desk.settled(), [0.875, 0.0]);
    for expected in [[0.4375, 0.0], [0.4375, 0.875], [0.875, 0.875]] {
        assert!(desk.engine.undo().unwrap());
        assert_eq!(desk.settled(), expected);
    }
    assert!(desk.steepest() < 0.02, "a step of {}", desk.steepest());
}

/// Ben gets what Ann hears, and no longer what she does not, in one step; Ben's fader stays.
#[test]
fn a_mix_is_copied_in_one_step() {
    let mut desk = Desk::new();
    let output = desk.output;
    for entry in [mix("Ann", 0), mix("Ben", 1)] {
        desk.engine.edit_mixes(MixEdit::Set(entry)).unwrap();
    }
    let changes = [
        change(desk.rows[0], 0, output, 0, Some(Cell { gain: 0.75, mute: false, invert: true })),
        change(desk.rows[1], 0, output, 0, None),
        change(desk.rows[2], 0, output, 1, None),
    ];
    desk.engine.set_cells(&changes, false).unwrap();
    desk.engine.edit_mixes(MixEdit::Gain { mix: "Ben".into(), gain: 0.5 }).unwrap();
    let before = desk.settled();
    assert_eq!(before, [-0.625, 0.375]);
    let handle = desk.engine.handle();
    let answer = handle.send(Action::CopyMix { from: "Ann".into(), to: "Ben".into() });
    desk.engine.poll();
    assert!(answer.try_take().unwrap().is_ok());
    assert_eq!(desk.settled(), [-0.625, -0.3125]);
    assert!(desk.engine.undo().unwrap());
    assert_eq!(desk.settled(), before);

    let wide = MixEntry { columns: vec![ChannelsEntry::Node("out".into())], ..mix("Cleo", 0) };
    desk.engine.edit_mixes(MixEdit::Set(wide)).unwrap();
    assert!(desk.engine.copy_mix("Ann", "Cleo").is_err(), "one column is not two");
    assert!(desk.engine.copy_mix("Ann", "Dan").is_err());
    assert_eq!(desk.settled(), before);
}

/// The view of a mix has its columns and the rows that are set there; the snapshot says where it is, and the file has it.
#[test]
fn a_mix_shows_its_part_of_the_matrix() {
    let mut desk = Desk::new();
    let (output, gone) = (desk.output, ChannelsEntry::Node("gone".into()));
    let mut ben = mix("Ben", 1);
    ben.columns.extend([gone, ben.columns[0].clone()]);
    desk.engine.edit_mixes(MixEdit::Set(ben.clone())).unwrap();
    desk.engine.set_cells(&[change(desk.rows[1], 0, output, 1, None)], false).unwrap();
    let snapshot = desk.engine.look();
    let column = PortChannel::new(output, 0, 1);
    let missing = vec!["there is no node \"gone\"".to_owned()];
    assert_eq!(*snapshot.mixes, [MixSnapshot { mix: ben, columns: vec![column], missing }]);
    let part = MatrixView::of(&snapshot.graph).part(&snapshot.mixes[0].columns);
    let row = |at: usize| PortChannel::new(desk.rows[at], 0, 0);
    assert_eq!((part.rows, part.columns), (vec![row(0), row(2)], vec![column]));
    let cells: Vec<_> = part.cells.iter().map(|at| (at.row, at.column, at.cell.gain)).collect();
    assert_eq!(cells, [(0, 0, 0.5), (1, 0, 0.125)]);
    assert_eq!(desk.engine.document().unwrap().mixes, desk.engine.mixes());
}
