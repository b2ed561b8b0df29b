//! Three constant inputs and one output, and what is heard of them.

use super::*;
use crate::Soloed;

/// `a`, `b` and `c` (1 each) go to both channels of `out` at 1/2, 1/4 and 1/8, and each plays a constant 1.
pub(super) struct Desk {
    pub engine: Engine,
    pub rows: [NodeId; 3],
    pub output: NodeId,
    pub played: Vec<[f32; 2]>,
}

impl Desk {
    pub fn new() -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        let rows = ["a", "b", "c"].map(|name| engine.add_input(name, name, &[Some(0)]).unwrap());
        let output = engine.add_output("out", "out", &[Some(0), Some(1)]).unwrap();
        let cells: Vec<CellChange> = (0..6)
            .map(|at| change(rows[at / 2], 0, output, at as u32 % 2, Some(Cell::new([0.5, 0.25, 0.125][at / 2]))))
            .collect();
        engine.set_cells(&cells, false).unwrap();
        let mut desk = Self { engine, rows, output, played: Vec::new() };
        desk.settled();
        desk.played.clear();
        desk
    }

    /// The level of both channels once all ramps are over.
    pub fn settled(&mut self) -> [f32; 2] {
        let (cell, ones) = (self.engine.cell(), [1.0_f32; 64]);
        for _ in 0..100 {
            let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
            cell.render(&[&ones], &mut [&mut left, &mut right], true);
            self.engine.poll();
            self.played.extend(left.into_iter().zip(right).map(|(left, right)| [left, right]));
        }
        self.played[self.played.len() - 1]
    }

    pub fn row(&self, at: usize) -> Soloed {
        Soloed::Row(PortChannel::new(self.rows[at], 0, 0))
    }

    /// The largest step from frame to frame of all that was played.
    pub fn steepest(&self) -> f32 {
        let steps = self.played.windows(2).flat_map(|pair| [0, 1].map(|at| (pair[1][at] - pair[0][at]).abs()));
        steps.fold(0.0, f32::max)
    }
}
