//! What a hand sets in one movement is one step of the history.

use super::*;

/// A fader drawn through fifty gains, with a cell beside that comes new, is one step back and one forth.
#[test]
fn the_cells_of_a_gesture_are_one_step() {
    let (mut engine, [input, gain, output]) = rig();
    engine.connect(input, gain).unwrap();
    let before = engine.graph().clone();
    engine.begin_gesture();
    for step in 0..50 {
        engine.set_cells(&[change(input, 0, gain, 0, Some(Cell::new(step as f32 / 64.0)))], false).unwrap();
        if step == 25 {
            engine.set_cells(&[unity(gain, 0, output, 0)], false).unwrap();
        }
    }
    engine.end_gesture();
    let after = engine.graph().clone();
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before);
    assert!(engine.redo().unwrap());
    assert_eq!(*engine.graph(), after);
    engine.set_cells(&[unity(input, 0, gain, 0)], false).unwrap();
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), after, "what comes after the gesture is a step of its own");
}

/// A gesture that is never ended ends with a step of another kind, and with undo.
#[test]
fn another_step_ends_a_gesture() {
    let (mut engine, [input, gain, _]) = rig();
    let edge = engine.connect(input, gain).unwrap();
    let set = |engine: &mut Engine, gain| engine.set_cell(edge, 0, 0, Cell::new(gain)).unwrap();
    let level = |engine: &Engine| engine.matrix().cells[0].cell.gain;
    engine.begin_gesture();
    set(&mut engine, 0.5);
    engine.add_builtin("other", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
    set(&mut engine, 0.25);
    engine.undo().unwrap();
    assert_eq!(level(&engine), 0.5);
    engine.begin_gesture();
    set(&mut engine, 0.75);
    engine.undo().unwrap();
    set(&mut engine, 0.1);
    set(&mut engine, 0.2);
    engine.undo().unwrap();
    assert_eq!(level(&engine), 0.1);
    assert!(!engine.look().in_gesture);
}

/// A cell that is as it is wanted makes no step: the last one to be taken back is the one before. Told by one action
/// after the other, as from another thread.
#[test]
fn setting_what_is_set_makes_no_step() {
    let (mut engine, [input, gain, _]) = rig();
    let edge = engine.connect(input, gain).unwrap();
    let handle = engine.handle();
    let set = |gain| Action::SetCell { edge, source: 0, destination: 0, cell: Cell::new(gain) };
    for action in [Action::BeginGesture, set(0.3), set(0.5), Action::EndGesture, set(0.5)] {
        let answer = handle.send(action);
        engine.poll();
        assert!(matches!(answer.try_take(), Some(Ok(_))));
    }
    engine.undo().unwrap();
    assert_eq!(engine.matrix().cells[0].cell, Cell::UNITY);
}

/// A drawn fader is remembered by one edit, however long it was drawn.
#[test]
fn a_long_gesture_is_remembered_in_little() {
    let (mut engine, [input, gain, _]) = rig();
    let edge = engine.connect(input, gain).unwrap();
    engine.begin_gesture();
    (0..100).for_each(|step| engine.set_cell(edge, 0, 0, Cell::new(step as f32 / 128.0)).unwrap());
    match engine.undo.back() {
        Some(crate::history::Step::Graph(edits)) => assert_eq!(edits.len(), 1),
        _ => panic!("no step of the graph"),
    }
}
