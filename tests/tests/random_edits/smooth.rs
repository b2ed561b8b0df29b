//! What is heard of random edits of a rig without sound of its own: nothing but ramps.

use super::edits::Editor;
use crosspoint::graph::nodes::gain::GAIN;
use crosspoint::graph::{Cell, ChannelLayout, NodeId};
use crosspoint::session::{Builtin, OutputGuard};
use crosspoint::{Action, CellChange, Engine, EngineSettings, PortChannel};

const BLOCK: usize = 64;
/// Frames of a ramp at 48 kHz.
const RAMP: f32 = 240.0;

/// `in (2)`, six gains, `out (2)`; a constant of 1 comes in.
struct Desk {
    engine: Engine,
    nodes: Vec<NodeId>,
    heard: Vec<[f32; 2]>,
}

impl Desk {
    fn new() -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        let nodes = engine
            .batch(|engine| {
                let mut nodes = vec![engine.add_input("in", "in", &[Some(0), Some(1)])?];
                for _ in 0..6 {
                    nodes.push(engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Stereo })?);
                }
                nodes.push(engine.add_output("out", "out", &[Some(0), Some(1)])?);
                for pair in [nodes[0], nodes[1], nodes[2], nodes[7]].windows(2) {
                    engine.connect(pair[0], pair[1])?;
                }
                Ok(nodes)
            })
            .unwrap();
        // Many ways together are louder than a guard lets pass for long.
        engine.set_output_guard(nodes[7], OutputGuard { limit: None, ..OutputGuard::default() }).unwrap();
        engine.forget_history();
        let mut desk = Self { engine, nodes, heard: Vec::new() };
        desk.play(1024);
        desk
    }

    fn play(&mut self, frames: usize) {
        let (cell, ones) = (self.engine.cell(), [1.0_f32; BLOCK]);
        for _ in 0..frames / BLOCK {
            let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
            cell.render(&[&ones, &ones], &mut [&mut left, &mut right], true);
            self.engine.poll();
            self.heard.extend(left.into_iter().zip(right).map(|(left, right)| [left, right]));
        }
    }

    /// A random edit, by which signals are at most taken away or added, never turned round: then none is louder on the way
    /// than at both ends of it.
    fn edit(&self, editor: &mut Editor) -> Action {
        loop {
            let action = editor.next(&self.engine);
            let random = &mut editor.random;
            let cell = Cell { mute: random.u32(0..4) == 0, ..Cell::new(0.25 * random.u32(0..=4) as f32) };
            return match action {
                Action::SetCell { edge, source, destination, .. } => {
                    Action::SetCell { edge, source, destination, cell }
                }
                Action::SetCells { .. } => {
                    let forth = random.usize(0..7);
                    let ends = (self.nodes[forth], self.nodes[random.usize(forth + 1..8)]);
                    let channel = |node, random: &mut fastrand::Rng| PortChannel::new(node, 0, random.u32(0..2));
                    let (source, destination) = (channel(ends.0, random), channel(ends.1, random));
                    let cell = random.bool().then_some(cell);
                    Action::SetCells { changes: vec![CellChange { source, destination, cell }], keep_edges: false }
                }
                Action::SetParameter { node, .. } => {
                    Action::SetParameter { node, parameter: GAIN, value: f64::from(random.u32(0..=4)) / 4.0 }
                }
                Action::SetSoloed { .. }
                | Action::ClearSolo
                | Action::InsertNode { .. }
                | Action::MoveNode { .. }
                | Action::RemoveNode { .. }
                | Action::SetBypassed { .. }
                | Action::Undo
                | Action::Redo => action,
                _ => continue,
            };
        }
    }
}

/// An edit changes some factors of the ways to an output, each from one to another within a ramp. With as many as four on a
/// way, one after the other in two programs, the steepest step is a ramp's sixteenfold; a click would be one by the level.
#[test]
fn no_step_is_larger_than_a_ramps() {
    let (mut loud, mut heard, mut removed) = (0, 0, 0);
    // No node comes back but by undo: so there are many desks.
    for seed in 0..12 {
        let mut desk = Desk::new();
        let mut editor = Editor::new(seed, false);
        editor.fewest = 6;
        for number in 0..300 {
            let action = desk.edit(&mut editor);
            let before = desk.heard.len() - 1;
            let told = format!("{action:?}");
            let removes = matches!(action, Action::RemoveNode { .. });
            let answer = desk.engine.handle().send(action);
            desk.engine.poll();
            let accepted = matches!(answer.try_take(), Some(Ok(_)));
            removed += usize::from(accepted && removes);
            desk.play(1536);
            let window = &desk.heard[before..];
            for side in 0..2 {
                let level = window.iter().fold(0.0_f32, |level, sample| level.max(sample[side].abs()));
                let step = window.windows(2).map(|pair| (pair[1][side] - pair[0][side]).abs()).fold(0.0_f32, f32::max);
                assert!(
                    step <= 16.0 * level / RAMP,
                    "edit {number} of desk {seed}: a step of {step} at {level} by {told}"
                );
                loud += usize::from(level > 0.1);
                heard += usize::from(accepted && step > 0.0);
            }
            let end = desk.heard[desk.heard.len() - 1];
            assert!(
                desk.heard[desk.heard.len() - 64..].iter().all(|sample| *sample == end),
                "edit {number} of desk {seed}: {told} moves on"
            );
            desk.heard.drain(..before);
        }
    }
    assert!(loud > 1_000 && heard > 200, "{loud} windows with a signal, {heard} that changed");
    assert!(removed > 10, "{removed} nodes were removed");
}
