//! The rig as one matrix: what it shows, and what setting its cells does.

mod block;
mod desk;
mod gesture;
mod groups;
mod mixes;
mod pan;
mod presets;
mod solo;

use super::*;
use crate::session::Builtin;
use crate::{Action, Engine, EngineError, EngineSettings};
use crosspoint_graph::graph::EditError;
use crosspoint_graph::{ChannelLayout, Edge, Endpoint};

/// `in (2) ... gain (2) ... out (2)`, nothing joined.
fn rig() -> (Engine, [NodeId; 3]) {
    let mut engine = Engine::new(EngineSettings::default());
    let channels = [Some(0), Some(1)];
    let input = engine.add_input("in", "in", &channels).unwrap();
    let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    let output = engine.add_output("out", "out", &channels).unwrap();
    (engine, [input, gain, output])
}

fn change(from: NodeId, source: u32, to: NodeId, destination: u32, cell: Option<Cell>) -> CellChange {
    CellChange { source: PortChannel::new(from, 0, source), destination: PortChannel::new(to, 0, destination), cell }
}

fn unity(from: NodeId, source: u32, to: NodeId, destination: u32) -> CellChange {
    change(from, source, to, destination, Some(Cell::UNITY))
}

/// Rows are what comes out of nodes, columns what goes in; a cell stands where the edge's crosspoint is.
#[test]
fn the_view_shows_every_channel_and_every_crosspoint() {
    let (mut engine, [input, gain, output]) = rig();
    engine.connect(input, gain).unwrap();
    let view = engine.matrix();
    let stereo = |node| [PortChannel::new(node, 0, 0), PortChannel::new(node, 0, 1)];
    assert_eq!(view.rows, [stereo(input), stereo(gain)].concat());
    assert_eq!(view.columns, [stereo(gain), stereo(output)].concat());
    let places: Vec<_> = view.cells.iter().map(|cell| (cell.row, cell.column)).collect();
    assert_eq!(places, [(0, 0), (1, 1)]);
}

/// A cell between unjoined ports makes the edge, in one step with the others; the last one takes it away.
#[test]
fn edges_come_and_go_with_their_cells_in_one_step() {
    let (mut engine, [input, gain, output]) = rig();
    let before = engine.graph().clone();
    engine.set_cells(&[unity(input, 0, gain, 1), unity(gain, 1, output, 0)], false).unwrap();
    let joined = engine.graph().clone();
    assert_eq!((joined.edge_count(), engine.matrix().cells.len()), (2, 2));
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before, "one step took both edges back");
    assert!(engine.redo().unwrap());
    assert_eq!(*engine.graph(), joined);

    engine.set_cells(&[change(input, 0, gain, 1, None)], true).unwrap();
    assert_eq!(engine.graph().edge_count(), 2, "the edge was to be kept");
    assert!(engine.undo().unwrap());
    engine.set_cells(&[change(input, 0, gain, 1, None)], false).unwrap();
    assert_eq!(engine.graph().edge_count(), 1);
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), joined);
}

/// `gain -> gain` through itself is refused with its path, and the good cell beside it is not set either.
#[test]
fn a_circle_is_refused_with_its_path_and_nothing_changes() {
    let (mut engine, [input, gain, _]) = rig();
    let before = engine.graph().clone();
    let second = engine.add_builtin("second", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    engine.connect(gain, second).unwrap();
    let joined = engine.graph().clone();
    let refused = engine.set_cells(&[unity(input, 0, gain, 0), unity(second, 0, gain, 0)], false);
    match refused {
        Err(EngineError::Edit(EditError::Cycle { names, .. })) => {
            assert!(names.contains(&"gain".to_owned()) && names.contains(&"second".to_owned()), "{names:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(*engine.graph(), joined);
    assert_ne!(before, joined);
}

/// Channels, ports and gains that make no sense are told, and change nothing.
#[test]
fn what_is_not_there_is_refused() {
    let (mut engine, [input, gain, output]) = rig();
    let before = engine.graph().clone();
    assert!(engine.set_cells(&[unity(input, 2, gain, 0)], false).is_err(), "a channel too many");
    assert!(engine.set_cells(&[unity(output, 0, gain, 0)], false).is_err(), "an output has no rows");
    assert!(engine.set_cells(&[change(input, 0, gain, 0, Some(Cell::new(f32::NAN)))], false).is_err());
    assert_eq!(*engine.graph(), before);
}

/// Many cells at once are the same as one after the other, and one step; a feedback edge beside is left alone.
#[test]
fn a_list_of_cells_is_one_step_and_ends_as_single_cells_would() {
    let list = |[input, gain, _]: [NodeId; 3]| -> Vec<CellChange> {
        (0..4).map(|at| change(input, at % 2, gain, at / 2, Some(Cell::new(0.25 * at as f32)))).collect()
    };
    let (mut one, nodes) = rig();
    let (mut many, same) = rig();
    one.connect(nodes[0], nodes[1]).unwrap();
    many.connect(same[0], same[1]).unwrap();
    let (from, to) = (Endpoint::new(nodes[0], 0), Endpoint::new(nodes[1], 0));
    let feedback = Edge::audio(from, to, crosspoint_graph::Matrix::diagonal(2)).with_feedback(64);
    one.connect_edge(feedback.clone()).unwrap();
    many.connect_edge(feedback).unwrap();
    let before = many.graph().clone();
    list(nodes).iter().for_each(|change| one.set_cells(&[*change], false).unwrap());
    many.set_cells(&list(same), false).unwrap();
    assert_eq!(one.matrix(), many.matrix());
    assert!(many.undo().unwrap());
    assert_eq!(*many.graph(), before);
}

/// Cells that come and go while a constant plays: no sample is further from its neighbour than the ramp's steepest step.
#[test]
fn cells_are_ramped_on_the_output() {
    let (mut engine, [input, _, output]) = rig();
    let cell = engine.cell();
    let ones = [1.0_f32; 64];
    let mut played: Vec<f32> = Vec::new();
    let mut render = |blocks: usize| {
        for _ in 0..blocks {
            let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
            cell.render(&[&ones, &ones], &mut [&mut left, &mut right], true);
            played.extend(left);
        }
    };
    render(4);
    for gain in [Some(1.0), Some(0.25), None] {
        engine.set_cells(&[change(input, 0, output, 0, gain.map(Cell::new))], false).unwrap();
        render(100);
    }
    let settled = [played[4 * 64 - 1], played[104 * 64 - 1], played[204 * 64 - 1], played[304 * 64 - 1]];
    assert_eq!(settled, [0.0, 1.0, 0.25, 0.0]);
    let step = played.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.02, "a step of {step}");
}

/// An action from elsewhere does the same.
#[test]
fn an_action_sets_cells() {
    let (mut engine, [input, gain, _]) = rig();
    let answer = engine.handle().send(Action::SetCells { changes: vec![unity(input, 1, gain, 0)], keep_edges: false });
    engine.poll();
    assert!(matches!(answer.try_take(), Some(Ok(_))));
    assert_eq!(MatrixView::of(&engine.look().graph).cells.len(), 1);
}
