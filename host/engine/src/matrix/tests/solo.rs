//! Solo is heard and nowhere seen: neither in the graph nor in the history.

use super::desk::Desk;
use super::*;
use crate::{SoloView, Soloed};

/// Rows and cells, one after the other and together; safe rows; back to exactly what it was. No click anywhere.
#[test]
fn what_is_soloed_silences_the_rest_of_its_columns() {
    let mut desk = Desk::new();
    let (graph, all) = (desk.engine.graph().clone(), [0.875, 0.875]);
    assert_eq!(desk.settled(), all);
    let [a, b] = [desk.row(0), desk.row(1)];
    desk.engine.set_soloed(a, true).unwrap();
    assert_eq!(desk.settled(), [0.5, 0.5]);
    desk.engine.set_soloed(b, true).unwrap();
    assert_eq!(desk.settled(), [0.75, 0.75]);
    desk.engine.clear_solo().unwrap();
    assert_eq!(desk.settled(), all);

    let destination = PortChannel::new(desk.output, 0, 1);
    let cell = Soloed::Cell { source: PortChannel::new(desk.rows[1], 0, 0), destination };
    desk.engine.set_soloed(cell, true).unwrap();
    assert_eq!(desk.settled(), [0.875, 0.25], "the other column is left alone");
    desk.engine.set_solo_safe(PortChannel::new(desk.rows[2], 0, 0), true).unwrap();
    assert_eq!(desk.settled(), [0.875, 0.375], "a safe row is heard beside");
    desk.engine.set_soloed(cell, false).unwrap();
    assert_eq!(desk.settled(), all);

    assert_eq!(*desk.engine.graph(), graph, "the user's gains were never touched");
    assert!(desk.steepest() < 0.02, "a step of {}", desk.steepest());
}

/// What is edited, undone and connected during a solo is heard as far as the solo lets it, and all of it behind.
#[test]
fn edits_made_during_a_solo_are_the_users() {
    let mut desk = Desk::new();
    let ([a, b, c], output) = (desk.rows, desk.output);
    let level = |node, gain: Option<f32>| [0, 1].map(|channel| change(node, 0, output, channel, gain.map(Cell::new)));
    desk.engine.set_soloed(desk.row(0), true).unwrap();
    desk.engine.set_cells(&level(a, Some(0.25)), false).unwrap();
    desk.engine.set_cells(&level(b, None), false).unwrap();
    assert_eq!(desk.settled(), [0.25, 0.25]);
    // One cell at once takes the way without a compile.
    let single = |node, gain| [change(node, 0, output, 0, Some(Cell::new(gain)))];
    desk.engine.set_cells(&single(c, 1.0), false).unwrap();
    assert_eq!(desk.settled(), [0.25, 0.25], "a silenced cell stays silent when it is set");
    desk.engine.set_cells(&single(a, 0.5), false).unwrap();
    assert_eq!(desk.settled(), [0.5, 0.25]);
    desk.engine.undo().unwrap();
    desk.engine.undo().unwrap();
    desk.engine.undo().unwrap();
    assert_eq!(desk.settled(), [0.25, 0.25], "undo knows of no solo");
    desk.engine.clear_solo().unwrap();
    assert_eq!(desk.settled(), [0.625, 0.625]);
}

/// By actions; seen in the snapshot; neither in the file nor in the history; gone with the next rig. A row that is not
/// there is refused.
#[test]
fn a_solo_is_in_the_snapshot_and_nowhere_else() {
    let mut desk = Desk::new();
    let (document, row) = (desk.engine.document().unwrap(), PortChannel::new(desk.rows[0], 0, 0));
    let stray = PortChannel::new(desk.rows[0], 0, 1);
    let handle = desk.engine.handle();
    let mut told = |action| {
        let answer = handle.send(action);
        desk.engine.poll();
        answer.try_take().unwrap().is_ok()
    };
    assert!(told(Action::SetSoloed { what: Soloed::Row(row), on: true }));
    assert!(told(Action::SetSoloSafe { row, on: true }));
    assert!(!told(Action::SetSoloed { what: Soloed::Row(stray), on: true }));
    assert!(!told(Action::SetSoloSafe { row: stray, on: true }));
    let seen = handle.snapshot().solo;
    assert_eq!(*seen, SoloView { soloed: [Soloed::Row(row)].into(), safe: [row].into() });
    assert!(told(Action::ClearSolo));
    assert!(handle.snapshot().solo.soloed.is_empty());
    assert!(told(Action::SetSoloed { what: Soloed::Row(row), on: true }));
    assert_eq!(desk.engine.document().unwrap(), document);
    assert!(desk.engine.undo().unwrap());
    assert_eq!(desk.engine.matrix().cells.len(), 0, "the last step is that of the cells");
    assert!(!desk.engine.solo().soloed.is_empty());
    desk.engine.load_document(&document, &Default::default()).unwrap();
    assert_eq!(*desk.engine.solo(), SoloView::default());
}
