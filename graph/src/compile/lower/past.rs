//! What is heard later: delay lines, the taps that read them, and what each cell reads. Decides no delay.

use super::super::buffers::{SILENCE, Slots, of_channel};
use super::super::played::PlayedEdge;
use super::super::schedule::{Line, Op, Schedule, Tap};
use super::sum::Reading;
use super::{Lowering, NONE, Plan};
use crate::graph::flat::{FlatEdge, FlatNode, Kind};

/// Lines and taps, planned before the first op. Memory kept between compiles.
#[derive(Default)]
pub(super) struct Past {
    /// Line of each output channel.
    lines: Vec<u32>,
    /// First tap of each line, and the next behind each tap: taps of one line form a list.
    first_tap: Vec<u32>,
    next_tap: Vec<u32>,
    /// The value of the first tap; those of the others follow.
    first_value: u32,
    /// The value that each cell reads: its source's, or that of a tap.
    reads: Vec<u32>,
}

impl Past {
    fn prepare(&mut self, channels: usize, first_value: u32) {
        self.lines.clear();
        self.lines.resize(channels, NONE);
        self.first_tap.clear();
        self.next_tap.clear();
        self.first_value = first_value;
        self.reads.clear();
    }

    /// The value that a cell reads.
    pub(super) fn read_by(&self, cell: u32) -> u32 {
        self.reads[cell as usize]
    }

    /// The line that keeps an output channel's past.
    fn line(&mut self, channel: u32, node: &FlatNode, schedule: &mut Schedule, slots: &mut Slots) -> usize {
        let line = &mut self.lines[channel as usize];
        if *line == NONE {
            *line = schedule.lines.len() as u32;
            self.first_tap.push(NONE);
            let place = channel - node.outputs.first;
            schedule.lines.push(Line { node: node.id, channel: place, longest: 0, feedback: false });
            // What writes the line reads the channel.
            slots.expect(of_channel(channel));
        }
        *line as usize
    }

    /// The value of the tap of that line and delay.
    fn tap(&mut self, wanted: Tap, schedule: &mut Schedule, slots: &mut Slots) -> u32 {
        let first = &mut self.first_tap[wanted.line as usize];
        let mut tap = *first;
        while tap != NONE {
            if schedule.taps[tap as usize] == wanted {
                return self.first_value + tap;
            }
            tap = self.next_tap[tap as usize];
        }
        self.next_tap.push(*first);
        *first = schedule.taps.len() as u32;
        schedule.taps.push(wanted);
        slots.add()
    }
}

impl Lowering<'_> {
    /// Makes room for lines and taps. The taps' values come right behind those of the output channels.
    pub(super) fn prepare_past(&mut self) {
        let channels = self.plan.flat.output_channels();
        self.scratch.past.prepare(channels, of_channel(channels as u32));
    }

    /// Says what a cell reads, its source or what that was, with the line and the tap that this takes.
    #[inline]
    pub(super) fn plan_reading(&mut self, edge: &FlatEdge, before: &PlayedEdge<'_>, cell: u32, source: u32) -> u32 {
        let Plan { flat, delays, .. } = self.plan;
        let delay = delays.of_cell(cell);
        let previous = before.delay(flat, cell).unwrap_or(delay);
        let value =
            if delay == 0 && previous == 0 { of_channel(source) } else { self.plan_tap(edge, source, delay, previous) };
        self.scratch.past.reads.push(value);
        value
    }

    fn plan_tap(&mut self, edge: &FlatEdge, source: u32, delay: u32, previous: u32) -> u32 {
        let flat = self.plan.flat;
        let node = &flat.nodes[flat.route(edge).source as usize];
        if node.kind == Kind::Input && flat.device_inputs[source as usize].is_none() {
            return SILENCE;
        }
        let (past, slots) = (&mut self.scratch.past, &mut self.scratch.slots);
        let line = past.line(source, node, &mut self.schedule, slots);
        let plan = &mut self.schedule.lines[line];
        plan.longest = plan.longest.max(delay).max(previous);
        plan.feedback |= edge.feeds_back();
        past.tap(Tap { line: line as u32, delay, previous }, &mut self.schedule, slots)
    }

    /// The value that a cell reads.
    #[inline]
    pub(super) fn read_by(&self, cell: u32, source: u32) -> u32 {
        if self.has_past { self.scratch.past.read_by(cell) } else { of_channel(source) }
    }

    /// The value that a cell reads; a tap is read from its line where it is wanted first.
    #[inline]
    pub(super) fn value_of(&mut self, reading: Reading) -> u32 {
        let value = self.read_by(reading.cell, reading.source);
        if self.has_past {
            self.read_tap(value, reading.edge);
        }
        value
    }

    fn read_tap(&mut self, value: u32, edge: u32) {
        // Values below are those of output channels, and so is silence; those above are sums.
        let tap = value.wrapping_sub(self.scratch.past.first_value);
        if tap >= self.schedule.taps.len() as u32 || self.scratch.slots.is_written(value) {
            return;
        }
        let slot = self.scratch.slots.write(value);
        self.ops.push(if self.plan.flat.edges[edge as usize].feeds_back() {
            Op::FeedbackRead { tap, slot }
        } else {
            Op::DelayRead { tap, slot }
        });
    }

    /// Appends what delay lines and feedback edges read later.
    pub(super) fn keep_past(&mut self, node: &FlatNode) {
        for channel in node.outputs.range() {
            let line = self.scratch.past.lines[channel];
            if line == NONE {
                continue;
            }
            let slot = self.scratch.slots.read(of_channel(channel as u32));
            self.ops.push(if self.schedule.lines[line as usize].feedback {
                Op::FeedbackWrite { line, slot }
            } else {
                Op::DelayWrite { line, slot }
            });
        }
    }
}
