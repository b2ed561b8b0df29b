use super::*;
use crate::session::Builtin;
use crate::{Action, EngineSettings};
use crosspoint_graph::{ChannelLayout, nodes};

/// `in (2) -> out (2)` at half the level, and a gain that is not joined.
fn rig() -> (Engine, [NodeId; 3], EdgeId) {
    let mut engine = Engine::new(EngineSettings::default());
    let channels = [Some(0), Some(1)];
    let input = engine.add_input("in", "in", &channels).unwrap();
    let output = engine.add_output("out", "out", &channels).unwrap();
    let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    let mut matrix = Matrix::diagonal(2);
    matrix.set(0, 0, Some(Cell::new(0.5))).unwrap();
    let edge = Edge::audio(Endpoint::new(input, 0), Endpoint::new(output, 0), matrix);
    let edge = engine.connect_edge(edge).unwrap();
    (engine, [input, output, gain], edge)
}

/// `in -> out` becomes `in -> gain -> out` and back: one step each, with the levels kept.
#[test]
fn a_node_is_put_in_and_taken_out_with_the_levels_kept() {
    let (mut engine, [input, output, gain], edge) = rig();
    let before = engine.graph().clone();
    let levels = before.edge(edge).unwrap().matrix().unwrap().clone();
    engine.insert_node(gain, edge).unwrap();
    let inserted = engine.graph().clone();
    let ways: Vec<_> = inserted.edges().map(|(_, edge)| (edge.source.node, edge.destination.node)).collect();
    assert!(ways.len() == 2 && ways.contains(&(input, gain)) && ways.contains(&(gain, output)), "{ways:?}");
    engine.remove_node(gain, true).unwrap();
    let (_, bridge) = engine.graph().edges().next().unwrap();
    assert_eq!((engine.graph().edge_count(), bridge.matrix()), (1, Some(&levels)));
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), inserted);
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before);
    engine.remove_node(output, false).unwrap();
    assert_eq!(engine.graph().edge_count(), 0);
}

/// A node cannot be put into the cable that it feeds, and nothing is changed by trying.
#[test]
fn what_makes_no_sense_is_refused() {
    let (mut engine, [input, output, gain], edge) = rig();
    engine.connect(gain, output).unwrap();
    let second = engine.add_builtin("second", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    engine.connect(second, gain).unwrap();
    let into_second = engine.connect(input, second).unwrap();
    let before = engine.graph().clone();
    assert!(matches!(engine.insert_node(gain, into_second), Err(EngineError::Edit(EditError::Cycle { .. }))));
    assert!(engine.insert_node(output, edge).is_err(), "an output puts out nothing");
    assert_eq!(*engine.graph(), before);
}

/// Muted ways stay muted, several ways through one cell are summed, polarity is of both.
#[test]
fn two_matrices_become_one() {
    let cell = |gain, mute, invert| Some(Cell { gain, mute, invert });
    let (mut before, mut behind) = (Matrix::new(2, 2), Matrix::new(2, 1));
    before.set(0, 0, cell(0.5, false, true)).unwrap();
    before.set(0, 1, cell(1.0, false, false)).unwrap();
    before.set(1, 1, cell(2.0, true, false)).unwrap();
    behind.set(0, 0, cell(1.0, false, true)).unwrap();
    behind.set(1, 0, cell(0.25, false, false)).unwrap();
    let both = through(&before, &behind);
    assert_eq!(both.get(0, 0), Some(Cell::new(0.75)));
    assert_eq!(both.get(1, 0), cell(0.5, true, false));
}

/// A slow sine through the rig while a node at half the level is put in, taken out and brought back: no step on the output beyond
/// the sine's own and the ramp's, and never a gap.
#[test]
fn edits_of_a_chain_are_not_heard_as_clicks() {
    let (mut engine, [_, _, gain], edge) = rig();
    engine.set_parameter(gain, nodes::gain::GAIN, 0.5).unwrap();
    let cell = engine.cell();
    let (mut frame, mut played) = (0_u32, Vec::new());
    let mut render = || {
        for _ in 0..100 {
            let sine: Vec<f32> = (0..64).map(|at| ((frame + at) as f32 * 0.01).sin()).collect();
            frame += 64;
            let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
            cell.render(&[&sine, &sine], &mut [&mut left, &mut right], true);
            played.extend(right);
        }
        played.len()
    };
    render();
    let handle = engine.handle();
    let mut after = Vec::new();
    for action in
        [Action::InsertNode { node: gain, edge }, Action::RemoveNode { node: gain, bridge: true }, Action::Undo]
    {
        let answer = handle.send(action);
        engine.poll();
        assert!(matches!(answer.try_take(), Some(Ok(_))));
        after.push(render());
    }
    let step = played[64..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.01 + 0.02, "a step of {step}");
    let loud = |end: usize| played[end - 2000..end].iter().fold(0.0_f32, |loud, sample| loud.max(sample.abs()));
    let levels: Vec<f32> = after.iter().map(|&end| loud(end)).collect();
    let near = |level: f32, wanted: f32| (level - wanted).abs() < 0.01;
    assert!(levels.iter().zip([0.5, 1.0, 0.5]).all(|(level, wanted)| near(*level, wanted)), "{levels:?}");
}
