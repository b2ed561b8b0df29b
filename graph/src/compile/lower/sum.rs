//! What a channel hears: nothing, its only source where that stands, or a sum.

use super::super::buffers::{SILENCE, of_channel};
use super::super::flat::{FlatCell, FlatNode, Incoming, Kind};
use super::super::schedule::{Mix, Op, Row, Schedule, Span, Term};
use super::{Lowering, NONE};

/// A cell as a sum reads it.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub cell: u32,
    /// Output channel, in the numbering of the whole rig.
    pub source: u32,
    pub edge: u32,
}

impl FlatCell {
    fn reading(&self, cell: u32) -> Reading {
        Reading { cell, source: self.source, edge: self.edge }
    }
}

impl Lowering<'_> {
    /// Computes the values of the input channels of a node that hears only straight edges, and appends them to
    /// `scratch.inputs`. No cell is looked for: a channel hears the cell of its number of each edge.
    pub(super) fn straight_ports(&mut self, node: &FlatNode) {
        let flat = self.flat;
        let incoming = &flat.incoming[node.incoming.range()];
        if node.input_ports.count == 1 && !node.takes_events {
            return self.straight_port(node, node.inputs, incoming);
        }
        let mut entering = std::mem::take(&mut self.scratch.entering);
        for (port, channels) in (0..).zip(&flat.ports[node.input_ports.range()]) {
            entering.clear();
            entering.extend(incoming.iter().filter(|edge| !edge.events && edge.port == port));
            let channels = Span { first: node.inputs.first + channels.first, ..*channels };
            self.straight_port(node, channels, &entering);
        }
        self.scratch.entering = entering;
    }

    #[inline]
    fn straight_port(&mut self, node: &FlatNode, channels: Span, edges: &[Incoming]) {
        for lane in 0..channels.count {
            let reading = |edge: &Incoming| Reading {
                cell: edge.first_cell + lane,
                source: edge.source_channel + lane,
                edge: edge.edge,
            };
            let channel = channels.first + lane;
            match edges {
                [] => self.scratch.inputs.push(SILENCE),
                [edge] if self.may_elide(edge.first_cell + lane) => self.hear_source(node, channel, reading(edge)),
                _ => self.hear_sum(node, channel, edges.iter().map(reading)),
            }
        }
    }

    /// The same for any edges that are not multiplied.
    pub(super) fn channels(&mut self, node: &FlatNode, channels: Span) {
        let flat = self.flat;
        let reading = |&cell: &u32| flat.cells[cell as usize].reading(cell);
        for channel in channels.range() {
            match flat.feeders(channel) {
                [] => self.scratch.inputs.push(SILENCE),
                [cell] if self.may_elide(*cell) => self.hear_source(node, channel as u32, reading(cell)),
                cells => self.hear_sum(node, channel as u32, cells.iter().map(reading)),
            }
        }
    }

    /// An input channel hears a source where that stands. Nothing is read if the channel shows nowhere.
    fn hear_source(&mut self, node: &FlatNode, channel: u32, reading: Reading) {
        let value = if self.is_unheard(node, channel) { SILENCE } else { self.value_of(reading) };
        self.scratch.inputs.push(value);
    }

    /// An input channel hears a sum. It is made, but not kept, if the channel shows nowhere: its gains must have a place.
    fn hear_sum(&mut self, node: &FlatNode, channel: u32, readings: impl Iterator<Item = Reading> + Clone) {
        let mut value = self.sum(readings, SILENCE);
        if self.is_unheard(node, channel) {
            self.scratch.slots.read(value);
            value = SILENCE;
        }
        self.scratch.inputs.push(value);
    }

    /// Whether an input channel belongs to an output node and shows nowhere.
    pub(super) fn is_unheard(&self, node: &FlatNode, channel: u32) -> bool {
        node.kind == Kind::Output && self.flat.device_outputs[channel as usize].0.is_none()
    }

    /// Sums cells of one channel onto what it holds so far, and returns the value of the sum.
    pub(super) fn sum_cells(&mut self, cells: &[u32], begun: u32) -> u32 {
        let flat = self.flat;
        self.sum(cells.iter().map(|&cell| flat.cells[cell as usize].reading(cell)), begun)
    }

    #[inline]
    fn sum(&mut self, readings: impl Iterator<Item = Reading> + Clone, begun: u32) -> u32 {
        if self.has_past {
            readings.clone().for_each(|reading| _ = self.value_of(reading));
        }
        let accumulate = begun != SILENCE;
        let (value, destination) =
            if accumulate { (begun, self.scratch.slots.slot(begun)) } else { self.scratch.slots.add_written() };
        let mix = self.schedule.mixes.len() as u32;
        let first_term = self.schedule.terms.len();
        let first_row = self.schedule.rows.len();
        let mut last_edge = NONE;
        let Schedule { terms, rows, cells, .. } = &mut *self.schedule;
        for (term, reading) in (first_term as u32..).zip(readings) {
            let source =
                if self.has_past { self.scratch.past.read_by(reading.cell) } else { of_channel(reading.source) };
            let slot = self.scratch.slots.read(source);
            let scheduled = &mut cells[reading.cell as usize];
            (scheduled.term, scheduled.mix) = (term, mix);
            terms.push(Term { slot, gain: scheduled.gain, cell: reading.cell });
            if reading.edge != last_edge {
                rows.push(Row { terms: Span { first: term, count: 1 } });
                last_edge = reading.edge;
            } else if let Some(row) = rows.last_mut() {
                row.terms.count += 1;
            }
        }
        self.schedule.mixes.push(Mix {
            destination,
            accumulate,
            terms: Span::new(first_term, self.schedule.terms.len()),
            rows: Span::new(first_row, self.schedule.rows.len()),
        });
        self.scratch.ops.push(Op::Mix { mix });
        value
    }

    /// Whether a cell that is alone in its sum can be left out: at unity, and neither ramping nor about to.
    #[inline]
    pub(super) fn may_elide(&self, index: u32) -> bool {
        let cell = &self.flat.cells[index as usize];
        let at_rest =
            !self.flat.follows || self.flat.played_before(index).is_some_and(|previous| previous.gain == cell.gain);
        let is_adjustable = || {
            let edge = self.flat.edges[cell.edge as usize].id.index();
            self.adjustable.get(edge).copied().unwrap_or(false)
        };
        cell.gain == 1.0 && at_rest && (self.adjustable.is_empty() || !is_adjustable())
    }
}
