//! Presets of the matrix: stored, recalled as one smooth step, kept in the file.

use super::desk::Desk;
use super::*;
use crate::Done;
use crate::matrix::presets::MatrixPresetEdit;
use crate::matrix::{MatrixBlock, MatrixPresetSnapshot};
use crosspoint_graph::graph::Edit;

fn store(desk: &mut Desk, name: &str, block: MatrixBlock) -> Result<(), EngineError> {
    desk.engine.edit_matrix_presets(MatrixPresetEdit::Store { preset: name.into(), block })
}

/// Rows of two inputs, both channels of the output.
fn block(desk: &Desk, rows: &[usize]) -> MatrixBlock {
    let nodes: Vec<NodeId> = rows.iter().map(|&at| desk.rows[at]).collect();
    MatrixBlock::between(desk.engine.graph(), &nodes, &[desk.output])
}

/// What is stored comes back, the holes too; one step each; `c`, which is none of it, stays; no click.
#[test]
fn a_preset_brings_its_cells_back_and_no_others() {
    let mut desk = Desk::new();
    let (a, b, c, output) = (desk.rows[0], desk.rows[1], desk.rows[2], desk.output);
    let (first, graph) = (desk.settled(), desk.engine.graph().clone());
    let both = block(&desk, &[0, 1]);
    assert_eq!((both.rows.len(), both.columns.len()), (2, 2));
    store(&mut desk, "first", both.clone()).unwrap();
    let crossed = Cell { gain: 0.5, mute: false, invert: true };
    let changes = [
        change(a, 0, output, 0, None),
        change(a, 0, output, 1, None),
        change(b, 0, output, 0, Some(crossed)),
        change(b, 0, output, 1, Some(Cell { mute: true, ..Cell::UNITY })),
    ];
    desk.engine.set_cells(&changes, false).unwrap();
    let second = desk.settled();
    assert_eq!(second, [-0.5 + 0.125, 0.125]);
    store(&mut desk, "second", both).unwrap();
    let changed = desk.engine.graph().clone();

    assert_eq!(desk.engine.recall_matrix_preset("first").unwrap(), Vec::<String>::new());
    assert_eq!(desk.settled(), first);
    desk.engine.set_cells(&[change(c, 0, output, 0, None)], false).unwrap();
    let without = [first[0] - 0.125, first[1]];
    assert_eq!(desk.settled(), without);
    desk.engine.recall_matrix_preset("second").unwrap();
    assert_eq!(desk.settled(), [second[0] - 0.125, second[1]]);
    for expected in [without, first, second] {
        assert!(desk.engine.undo().unwrap());
        assert_eq!(desk.settled(), expected);
    }
    assert_eq!(*desk.engine.graph(), changed);
    assert!(desk.engine.undo().unwrap() && desk.engine.undo().unwrap());
    assert_eq!(*desk.engine.graph(), graph);
    assert_eq!(desk.engine.matrix_presets().len(), 1, "that the second was stored is taken back");
    assert!(desk.steepest() < 0.02, "a step of {}", desk.steepest());
}

/// By actions. A renamed node is meant still; what is gone is told and passed over, and the rest is recalled; what makes no
/// sense is refused. The file has it all.
#[test]
fn what_is_missing_of_a_preset_is_told_and_passed_over() {
    let mut desk = Desk::new();
    let both = block(&desk, &[0, 1]);
    let none = MatrixBlock { rows: both.rows.clone(), columns: Vec::new() };
    let stray = MatrixBlock { rows: vec![PortChannel::new(desk.rows[0], 0, 7)], columns: both.columns.clone() };
    let edit = |edit| Action::EditMatrixPresets(Box::new(edit));
    let stored = |preset: &str, block| edit(MatrixPresetEdit::Store { preset: preset.into(), block });
    let recall = |preset: &str| Action::RecallMatrixPreset { preset: preset.into() };
    let handle = desk.engine.handle();
    let mut told = |action| {
        let answer = handle.send(action);
        desk.engine.poll();
        answer.try_take().unwrap()
    };
    assert!(told(stored("Verse", both.clone())).is_ok());
    assert!(told(edit(MatrixPresetEdit::Rename { from: "Verse".into(), to: "Chorus".into() })).is_ok());
    for wrong in [
        stored("", both),
        stored("none", none),
        stored("stray", stray),
        recall("Verse"),
        edit(MatrixPresetEdit::Remove("Verse".into())),
    ] {
        assert!(told(wrong.clone()).is_err(), "{wrong:?}");
    }
    let (a, b) = (desk.rows[0], desk.rows[1]);
    let mut told = |action| {
        let answer = handle.send(action);
        desk.engine.poll();
        answer.try_take().unwrap()
    };
    assert!(
        told(Action::Edit(vec![Edit::Rename { node: b, name: "bass".into() }, Edit::RemoveNode { id: a }])).is_ok()
    );
    let cells = vec![change(b, 0, desk.output, 0, None), change(b, 0, desk.output, 1, None)];
    assert!(told(Action::SetCells { changes: cells, keep_edges: false }).is_ok());
    let missing = vec!["there is no node \"a\"".to_owned()];
    assert_eq!(told(recall("Chorus")).unwrap(), Done::LeftOut(missing.clone()));
    let [MatrixPresetSnapshot { name, rows, missing: shown, .. }] = &*handle.snapshot().matrix_presets else {
        panic!()
    };
    assert_eq!((name.as_str(), rows[1].end.node.as_str(), shown), ("Chorus", "bass", &missing));
    assert_eq!(desk.settled(), [0.375, 0.375]);
    let document = desk.engine.document().unwrap();
    assert_eq!(document.matrix_presets, desk.engine.matrix_presets());
    assert_eq!(document.matrix_presets[0].cells.len(), 4);
}

/// A preset whose node was renamed, and then itself, with nobody looking in between, speaks of the node as it is called now.
#[test]
fn names_are_followed_before_a_list_is_changed() {
    let mut desk = Desk::new();
    let both = block(&desk, &[0, 1]);
    store(&mut desk, "Verse", both).unwrap();
    desk.engine.apply(vec![Edit::Rename { node: desk.rows[0], name: "kick".into() }]).unwrap();
    let rename = MatrixPresetEdit::Rename { from: "Verse".into(), to: "Chorus".into() };
    desk.engine.edit_matrix_presets(rename).unwrap();
    assert_eq!(desk.engine.matrix_presets()[0].rows[0].end.node, "kick");
    assert_eq!(desk.engine.recall_matrix_preset("Chorus").unwrap(), Vec::<String>::new());
}
