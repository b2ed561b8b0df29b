//! Two cells as one with a place between left and right: gain and pan of a mono row on two columns, gain and balance of two rows on
//! two columns. Keeps nothing: the cells are all there is, and what is shown is worked out of them by the law that is asked for.

use super::{CellChange, PortChannel, set};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::Cell;
use std::f64::consts::FRAC_PI_2;

/// How loud both sides are on the way from left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PanLaw {
    /// Left 1 - x, right x: -6 dB each at the centre; the sum of both is constant.
    Linear,
    /// Left cos(x pi/2), right sin(x pi/2): -3 dB each at the centre; the power of both is constant. Source of both: C. Roads,
    /// "The Computer Music Tutorial", MIT Press 1996, chapter 11, "Linear panning" and "Constant power panning".
    #[default]
    ConstantPower,
    /// The geometric mean of the two others: -4.5 dB each at the centre. Source: D. M. Huber and R. E. Runstein, "Modern
    /// Recording Techniques", on pan laws of consoles between -3 and -6 dB.
    Compromise,
}

impl PanLaw {
    /// Gains of left and right at a position from -1 (left) to 1 (right).
    pub fn gains(self, position: f64) -> [f64; 2] {
        let x = (position.clamp(-1.0, 1.0) + 1.0) / 2.0;
        // Exactly 0 at the ends, where the cosine of a rounded angle is not.
        let side = |x: f64| if x <= 0.0 { 0.0 } else { (x * FRAC_PI_2).sin() };
        let (linear, power) = ([1.0 - x, x], [side(1.0 - x), side(x)]);
        match self {
            Self::Linear => linear,
            Self::ConstantPower => power,
            Self::Compromise => [0, 1].map(|at| (linear[at] * power[at]).sqrt()),
        }
    }

    /// Gains of left and right of a stereo signal: the law's, raised so that the centre is 1 and never above that. The side
    /// that is turned to stays as it is.
    pub fn balance(self, position: f64) -> [f64; 2] {
        let centre = self.gains(0.0)[0];
        self.gains(position).map(|gain| (gain / centre).min(1.0))
    }
}

/// What is panned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PannedRows {
    /// One row, heard on both columns.
    Mono(PortChannel),
    /// Left and right, each heard on its column.
    Stereo(PortChannel, PortChannel),
}

/// Two cells as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PannedCell {
    /// Gain, mute and polarity of both.
    pub cell: Cell,
    /// From -1 (left) to 1 (right).
    pub position: f64,
}

impl PannedRows {
    /// The cells on the left and on the right column.
    fn places(self, columns: [PortChannel; 2]) -> [(PortChannel, PortChannel); 2] {
        match self {
            Self::Mono(row) => columns.map(|column| (row, column)),
            Self::Stereo(left, right) => [(left, columns[0]), (right, columns[1])],
        }
    }

    fn gains(self, law: PanLaw, position: f64) -> [f64; 2] {
        match self {
            Self::Mono(_) => law.gains(position),
            Self::Stereo(..) => law.balance(position),
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Sets two cells by a gain and a position: as [`Self::set_cells`], one ramped step of the history or a part of the
    /// gesture's. Cells of a stereo signal that cross over are taken away.
    ///
    /// # Errors
    /// As [`Self::set_cells`], and if the position is not a number.
    pub fn set_panned(
        &mut self,
        rows: PannedRows,
        columns: [PortChannel; 2],
        panned: PannedCell,
        law: PanLaw,
    ) -> Result<(), EngineError> {
        if !(-1.0..=1.0).contains(&panned.position) {
            let (value, range) = (panned.position, "-1 (left) to 1 (right)");
            return Err(EngineError::OutOfRange { what: "a position", value, range });
        }
        let gains = rows.gains(law, panned.position);
        let cell = |gain: f64| Cell { gain: (f64::from(panned.cell.gain) * gain) as f32, ..panned.cell };
        let change = |((source, destination), cell)| CellChange { source, destination, cell };
        let placed = rows.places(columns).into_iter().zip(gains.map(|gain| Some(cell(gain))));
        let mut changes: Vec<CellChange> = placed.map(change).collect();
        if let PannedRows::Stereo(left, right) = rows {
            changes.extend([((left, columns[1]), None), ((right, columns[0]), None)].map(change));
        }
        self.set_cells(&changes, false)
    }

    /// Two cells as one with a position by a law. None if they are not such a pair: one is missing, they differ in mute or
    /// polarity, a gain is below zero, or a stereo signal crosses over.
    pub fn panned(&self, rows: PannedRows, columns: [PortChannel; 2], law: PanLaw) -> Option<PannedCell> {
        let at = |(source, destination): (PortChannel, PortChannel)| {
            let (_, matrix) = set::edge_between(&self.graph, set::ends(source, destination))?;
            matrix.get(source.channel, destination.channel)
        };
        if let PannedRows::Stereo(left, right) = rows
            && (at((left, columns[1])).is_some() || at((right, columns[0])).is_some())
        {
            return None;
        }
        let [left, right] = rows.places(columns).map(at);
        let (left, right) = (left?, right?);
        let is_pair = (left.mute, left.invert) == (right.mute, right.invert) && left.gain >= 0.0 && right.gain >= 0.0;
        is_pair.then(|| {
            let sides = [f64::from(left.gain), f64::from(right.gain)];
            let position = position(|position| rows.gains(law, position), sides);
            let gains = rows.gains(law, position);
            // By the louder side, whose rounding matters least.
            let louder = usize::from(gains[1] > gains[0]);
            PannedCell { cell: Cell { gain: (sides[louder] / gains[louder]) as f32, ..left }, position }
        })
    }
}

/// The position at which a law has both sides in that proportion; the centre if both are silent.
fn position(gains: impl Fn(f64) -> [f64; 2], [left, right]: [f64; 2]) -> f64 {
    if left == right {
        return 0.0;
    }
    let (mut low, mut high) = (-1.0_f64, 1.0_f64);
    // Right over left grows from left to right; halved until no number lies between.
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        let [there_left, there_right] = gains(middle);
        if there_right * left < right * there_left { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}
