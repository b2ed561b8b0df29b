//! Rectangles of the matrix that are cleared, inverted, copied and swapped.

use super::*;
use crate::{BlockChange, MatrixBlock};

/// Both channels of an output by both of an input.
fn block(from: NodeId, to: NodeId) -> MatrixBlock {
    let channels = |node| vec![PortChannel::new(node, 0, 0), PortChannel::new(node, 0, 1)];
    MatrixBlock { rows: channels(from), columns: channels(to) }
}

/// The gains between two nodes, with their polarity, as left>left, left>right, right>left, right>right.
fn gains(engine: &Engine, from: NodeId, to: NodeId) -> Vec<Option<f32>> {
    let view = engine.matrix();
    let block = block(from, to);
    let cell = |row, column| {
        let found = view.cells.iter().find(|at| view.rows[at.row] == row && view.columns[at.column] == column);
        found.map(|at| at.cell.effective())
    };
    block
        .rows
        .iter()
        .flat_map(|row| block.columns.iter().map(move |column| (*row, *column)))
        .map(|(r, c)| cell(r, c))
        .collect()
}

/// Copy, invert, swap and clear, each one step that undo takes back whole.
#[test]
fn blocks_are_copied_inverted_swapped_and_cleared() {
    let (mut engine, [input, gain, output]) = rig();
    let set = [change(input, 0, gain, 0, Some(Cell::new(0.5))), change(input, 1, gain, 0, Some(Cell::new(0.25)))];
    engine.set_cells(&set, false).unwrap();
    let first = vec![Some(0.5), None, Some(0.25), None];
    let (one, other) = (block(input, gain), block(gain, output));
    let nothing = vec![None; 4];
    let both = |engine: &Engine| (gains(engine, input, gain), gains(engine, gain, output));
    let mut states = vec![both(&engine)];
    assert_eq!(states[0], (first.clone(), nothing.clone()));
    let handle = engine.handle();
    for (step, expected) in [
        (BlockChange::Copy { from: one.clone(), to: other.clone() }, (first.clone(), first.clone())),
        (BlockChange::Invert(other.clone()), (first.clone(), vec![Some(-0.5), None, Some(-0.25), None])),
        (BlockChange::Swap(one.clone(), other.clone()), (vec![Some(-0.5), None, Some(-0.25), None], first.clone())),
        (BlockChange::Clear(one.clone()), (nothing.clone(), first.clone())),
    ] {
        let answer = handle.send(Action::ChangeBlock(step));
        engine.poll();
        assert!(matches!(answer.try_take(), Some(Ok(_))));
        assert_eq!(both(&engine), expected);
        states.push(expected);
    }
    assert_eq!(engine.graph().edge_count(), 1, "the empty edge went");
    for state in states.iter().rev().skip(1) {
        assert!(engine.undo().unwrap());
        assert_eq!(both(&engine), *state);
    }
}

/// Blocks of different sizes, and overlapping ones to be swapped, are refused.
#[test]
fn blocks_that_do_not_fit_are_refused() {
    let (mut engine, [input, gain, output]) = rig();
    engine.connect(input, gain).unwrap();
    let before = engine.graph().clone();
    let whole = block(input, gain);
    let small = MatrixBlock { rows: block(gain, output).rows, columns: Vec::new() };
    assert!(engine.change_block(&BlockChange::Copy { from: whole.clone(), to: small }).is_err());
    assert!(engine.change_block(&BlockChange::Swap(whole.clone(), whole)).is_err());
    assert_eq!(*engine.graph(), before);
}
