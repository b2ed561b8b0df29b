//! The crosspoints of an edge as a rig file has them: a plain cable, whatever the ports, or cells. Never connected to
//! a port, so cells may lie outside of it until [`Crosspoints::matrix`] is asked.

use crosspoint_graph::{Cell, MAX_PORT_CHANNELS, Matrix};

/// How the channels of an edge's source reach those of its destination.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Crosspoints {
    /// As a cable would, see [`cable`].
    #[default]
    Cable,
    /// These cells and no others, by destination, then source.
    Cells(Vec<Crosspoint>),
}

/// A cell in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crosspoint {
    /// The source channel, counted from 0, below [`MAX_PORT_CHANNELS`].
    pub source: u32,
    /// The destination channel, counted from 0, below [`MAX_PORT_CHANNELS`].
    pub destination: u32,
    /// How the one is heard in the other. The gain is finite.
    pub cell: Cell,
}

impl Crosspoints {
    /// The shortest way to say what the matrix does.
    pub fn of(matrix: &Matrix) -> Self {
        if *matrix == cable(matrix.sources(), matrix.destinations()) {
            return Self::Cable;
        }
        let cells = matrix.cells().map(|(source, destination, cell)| Crosspoint { source, destination, cell });
        Self::Cells(cells.collect())
    }

    /// The matrix between ports of so many channels, and the cells that lie outside of it.
    pub fn matrix(&self, sources: u32, destinations: u32) -> (Matrix, Vec<Crosspoint>) {
        let Self::Cells(cells) = self else {
            return (cable(sources, destinations), Vec::new());
        };
        let mut matrix = Matrix::new(sources, destinations);
        let mut outside = cells.clone();
        outside.retain(|at| matrix.set(at.source, at.destination, Some(at.cell)).is_err());
        (matrix, outside)
    }
}

/// What people expect of a cable between ports of so many channels: like to like at unity; one channel to all at unity;
/// all to one at one over their number, so that what was in the middle is as loud as before; otherwise like to like as
/// far as both reach.
pub fn cable(sources: u32, destinations: u32) -> Matrix {
    let mut matrix = Matrix::new(sources, destinations);
    let (sources, destinations) = (matrix.sources(), matrix.destinations());
    let (count, gain) = match (sources, destinations) {
        (1, _) => (destinations, 1.0),
        (_, 1) => (sources, 1.0 / sources.max(1) as f32),
        _ => (sources.min(destinations), 1.0),
    };
    for channel in 0..count.min(MAX_PORT_CHANNELS) {
        // Within the matrix: each side has either this channel or only one.
        let (source, destination) =
            (channel.min(sources.saturating_sub(1)), channel.min(destinations.saturating_sub(1)));
        let _ = matrix.set(source, destination, Some(Cell::new(gain)));
    }
    matrix
}
