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

/// ```text
/// in ─► gain ─► other ─► out      becomes      in ─► other ─► gain ─► out      with the side edge of gain left alone
/// ```
#[test]
fn the_nodes_of_a_chain_are_brought_into_another_order() {
    let (mut engine, [input, output, gain], edge) = rig();
    engine.insert_node(gain, edge).unwrap();
    let other = engine.add_builtin("other", Builtin::Gain { layout: ChannelLayout::Stereo }).unwrap();
    let behind = |engine: &Engine, node| engine.graph().edges_out_of(node).next().map(|(id, _)| id);
    let edge = behind(&engine, gain).unwrap();
    engine.insert_node(other, edge).unwrap();
    let before = engine.graph().clone();
    let last = behind(&engine, other).unwrap();
    engine.move_node(gain, last).unwrap();
    let mut ways: Vec<_> = engine.graph().edges().map(|(_, edge)| (edge.source.node, edge.destination.node)).collect();
    ways.sort();
    let mut expected = [(input, other), (other, gain), (gain, output)];
    expected.sort();
    assert_eq!(ways, expected);
    let levels = |engine: &Engine| {
        let path = [input, other, gain].map(|node| engine.graph().edges_out_of(node).next().unwrap().1.clone());
        path.iter().map(|edge| edge.matrix().unwrap().get(0, 0).unwrap().gain).product::<f32>()
    };
    assert_eq!(levels(&engine), 0.5, "the levels of the chain are kept");
    let moved = engine.graph().clone();
    let into = behind(&engine, other).unwrap();
    engine.move_node(gain, into).unwrap();
    assert_eq!(*engine.graph(), moved, "it is there already");
    assert!(engine.move_node(output, into).is_err(), "an output puts out nothing");
    assert_eq!(*engine.graph(), moved);
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before);
}

/// A node gives its edges to another one of fewer channels; what finds no port is told, and undo has it all.
#[test]
fn a_node_takes_the_place_of_another() {
    let (mut engine, [input, output, gain], edge) = rig();
    engine.insert_node(gain, edge).unwrap();
    let pan = Builtin::Pan { source: crosspoint_graph::nodes::pan::Source::Mono };
    let pan = engine.add_builtin("pan", pan).unwrap();
    let before = engine.graph().clone();
    let answer = engine.handle().send(Action::ReplaceNode { node: gain, with: pan });
    engine.poll();
    assert!(matches!(answer.try_take(), Some(Ok(crate::Done::LeftOut(ways))) if ways.is_empty()));
    let ways: Vec<_> = engine.graph().edges().map(|(_, edge)| (edge.source.node, edge.destination.node)).collect();
    assert!(ways.len() == 2 && ways.contains(&(input, pan)) && ways.contains(&(pan, output)), "{ways:?}");
    assert!(engine.graph().node(gain).is_none());
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before);
    let tone = engine.add_builtin("tone", Builtin::Tone { layout: ChannelLayout::Stereo }).unwrap();
    assert_eq!(engine.replace_node(gain, tone).unwrap(), ["in -> gain"], "a tone takes nothing in");
    assert!(engine.replace_node(tone, tone).is_err());
}

/// ```text
/// in ─┬─► gain ─┬─► out      gain is taken out with its ways bridged: the two edges from `in` to `out` are one, and the
///     └─────────┘            levels of both are added; undo has both again
/// ```
#[test]
fn a_bridge_is_added_to_the_edge_that_leads_there_already() {
    let (mut engine, [input, output, gain], edge) = rig();
    engine.connect(input, gain).unwrap();
    engine.connect(gain, output).unwrap();
    let before = engine.graph().clone();
    engine.remove_node(gain, true).unwrap();
    let edges: Vec<_> = engine.graph().edges().collect();
    let levels = |at: u32| edges[0].1.matrix().unwrap().get(at, at).unwrap();
    assert_eq!((edges.len(), edges[0].0, levels(0), levels(1)), (1, edge, Cell::new(1.5), Cell::new(2.0)));
    assert!(engine.undo().unwrap());
    assert_eq!(*engine.graph(), before);
}
