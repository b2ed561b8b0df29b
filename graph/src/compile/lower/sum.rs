//! What a channel hears: nothing, its only source where that stands, or a sum. The sums into a port that hears straight
//! edges are one mix, with a term for each edge.

use super::super::buffers::{SILENCE, of_channel};
use super::super::played::PlayedEdge;
use super::super::schedule::{Mix, Op, Schedule, Span, Term};
use super::{Lowering, Plan, Scratch};
use crate::graph::flat::{Flat, FlatEdge, FlatNode, Form, Kind};
use std::ops::Range;

/// A cell as a sum reads it.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub cell: u32,
    /// Output channel, in the numbering of the whole graph.
    pub source: u32,
    pub edge: u32,
}

impl Reading {
    /// The first cell of an edge that is straight.
    pub fn of(edge: &FlatEdge) -> Self {
        Self { cell: edge.cells.first, source: edge.source_channel, edge: edge.id.index }
    }

    /// Any cell.
    pub fn cell(flat: &Flat, index: u32) -> Self {
        let cell = &flat.cells[index as usize];
        Self { cell: index, source: flat.owner(cell).source_of(cell), edge: cell.edge }
    }

    /// That of another channel of an edge that is straight.
    fn of_channel(self, channel: u32) -> Self {
        Self { cell: self.cell + channel, source: self.source + channel, ..self }
    }
}

impl Lowering<'_> {
    /// Computes the values of the channels of a port that hears only straight edges, and appends them to
    /// `scratch.inputs`. No cell is looked for: a channel hears the cell of its number of each edge.
    pub(super) fn straight_port(&mut self, node: &FlatNode, channels: Span, entering: &[Reading]) {
        let count = channels.count;
        match *entering {
            [] => self.scratch.inputs.extend(std::iter::repeat_n(SILENCE, count as usize)),
            [edge] => {
                let elision = self.plan.elision(edge.edge);
                let mut summed = 0;
                for channel in 0..count {
                    let reading = edge.of_channel(channel);
                    if elision.allows(reading.cell) {
                        if summed < channel {
                            self.straight_sums(node, channels, summed..channel, entering);
                        }
                        self.hear_source(node, channels.first + channel, reading);
                        summed = channel + 1;
                    }
                }
                if summed < count {
                    self.straight_sums(node, channels, summed..count, entering);
                }
            }
            _ => self.straight_sums(node, channels, 0..count, entering),
        }
    }

    /// Sums some channels of a port that hears only straight edges, in one mix.
    fn straight_sums(&mut self, node: &FlatNode, channels: Span, which: Range<u32>, entering: &[Reading]) {
        let has_past = self.has_past;
        if has_past {
            for channel in which.clone() {
                entering.iter().for_each(|edge| _ = self.value_of(edge.of_channel(channel)));
            }
        }
        let first_slot = self.schedule.mix_slots.len();
        for channel in which.clone() {
            let Scratch { slots, past, .. } = &mut *self.scratch;
            let (value, destination) = slots.add_written();
            self.schedule.mix_slots.push(destination);
            let sources = entering.iter().map(|edge| {
                slots.read(if has_past { past.read_by(edge.cell + channel) } else { of_channel(edge.source + channel) })
            });
            self.schedule.mix_slots.extend(sources);
            self.hear_sum(node, channels.first + channel, value);
        }
        let first = entering.iter().map(|edge| edge.of_channel(which.start));
        self.mix(which.len() as u32, first_slot, first, false);
    }

    /// The same for any edges that are not multiplied.
    #[inline(never)]
    pub(super) fn crossed_port(&mut self, node: &FlatNode, channels: Span, entering: &[Reading]) {
        let flat = self.plan.flat;
        let mut feeders = std::mem::take(&mut self.scratch.feeders);
        feeders.read(flat, channels, entering);
        for channel in 0..channels.count {
            let input = channels.first + channel;
            match *feeders.of(channel) {
                [] => self.scratch.inputs.push(SILENCE),
                [cell] if self.may_elide(cell) => self.hear_source(node, input, Reading::cell(flat, cell)),
                ref cells => {
                    let value = self.sum_cells(cells, SILENCE);
                    self.hear_sum(node, input, value);
                }
            }
        }
        self.scratch.feeders = feeders;
    }

    /// An input channel hears a source where that stands. Nothing is read if the channel shows nowhere.
    #[inline]
    fn hear_source(&mut self, node: &FlatNode, input: u32, reading: Reading) {
        self.schedule.elided[reading.cell as usize] = true;
        let value = if self.is_unheard(node, input) { SILENCE } else { self.value_of(reading) };
        self.scratch.inputs.push(value);
    }

    /// An input channel hears a sum. It is made, but not kept, if the channel shows nowhere: its gains must have a place.
    #[inline]
    fn hear_sum(&mut self, node: &FlatNode, input: u32, mut value: u32) {
        if self.is_unheard(node, input) {
            self.scratch.slots.read(value);
            value = SILENCE;
        }
        self.scratch.inputs.push(value);
    }

    /// Whether an input channel belongs to an output node and shows nowhere.
    pub(super) fn is_unheard(&self, node: &FlatNode, input: u32) -> bool {
        node.kind == Kind::Output && self.plan.flat.device_outputs[input as usize].0.is_none()
    }

    /// Sums cells of one channel onto what it holds so far, and returns the value of the sum.
    pub(super) fn sum_cells(&mut self, cells: &[u32], begun: u32) -> u32 {
        let flat = self.plan.flat;
        self.sum(cells.iter().map(|&index| Reading::cell(flat, index)), begun)
    }

    /// Sums what is read onto what there is so far, and returns the value of the sum.
    #[inline]
    fn sum(&mut self, readings: impl Iterator<Item = Reading> + Clone, begun: u32) -> u32 {
        let has_past = self.has_past;
        if has_past {
            readings.clone().for_each(|reading| _ = self.value_of(reading));
        }
        let Scratch { slots, past, .. } = &mut *self.scratch;
        let accumulate = begun != SILENCE;
        let (value, destination) = if accumulate { (begun, slots.slot(begun)) } else { slots.add_written() };
        let mix_slots = &mut self.schedule.mix_slots;
        let first_slot = mix_slots.len();
        mix_slots.push(destination);
        mix_slots.extend(
            readings.clone().map(|reading| {
                slots.read(if has_past { past.read_by(reading.cell) } else { of_channel(reading.source) })
            }),
        );
        self.mix(1, first_slot, readings, accumulate);
        value
    }

    /// Appends a mix of the slots from the first one on, of what its first channel reads.
    #[inline]
    fn mix(&mut self, channels: u32, first_slot: usize, readings: impl Iterator<Item = Reading>, accumulate: bool) {
        let Schedule { mixes, mix_slots, terms, .. } = &mut self.schedule;
        let first_term = terms.len();
        terms.extend(readings.map(|reading| Term { edge: reading.edge, cell: reading.cell }));
        let (slots, terms) = (Span::new(first_slot, mix_slots.len()), Span::new(first_term, terms.len()));
        self.ops.push(Op::Mix { mix: mixes.len() as u32 });
        mixes.push(Mix { channels, accumulate, slots, terms });
    }

    /// Whether a cell can be left out where it is alone in its sum.
    pub(super) fn may_elide(&self, index: u32) -> bool {
        self.plan.elision(self.plan.flat.cells[index as usize].edge).allows(index)
    }
}

impl<'a> Plan<'a> {
    /// Which cells of an edge can be left out where they are alone in their sum.
    fn elision(self, edge: u32) -> Elision<'a> {
        let edge = &self.flat.edges[edge as usize];
        let is_adjustable = self.adjustable.get(edge.id.index()).copied().unwrap_or(false);
        let before = (!is_adjustable).then(|| self.played.in_edge(edge));
        Elision { flat: self.flat, is_unity: edge.form == Form::Unity, before }
    }
}

/// See [`Plan::elision`].
struct Elision<'a> {
    flat: &'a Flat,
    /// Whether all cells of the edge are at unity, so that they need not be read.
    is_unity: bool,
    /// What was played in the edge; none if its gains are about to change.
    before: Option<PlayedEdge<'a>>,
}

impl Elision<'_> {
    /// Whether a cell can be left out: at unity, and neither ramping nor about to.
    #[inline]
    fn allows(&self, index: u32) -> bool {
        let cell = &self.flat.cells[index as usize];
        (self.is_unity || cell.gain == 1.0) && self.before.as_ref().is_some_and(|before| before.rests(index, cell))
    }
}
