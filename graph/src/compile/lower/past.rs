//! What is heard later: delay lines, the taps that read them, and what a cell reads. Decides no delay.

use super::super::flat::{FlatCell, FlatNode, Kind};
use super::super::schedule::{Line, Op, SILENT_SLOT, Tap};
use super::{Lowering, NONE};

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    /// Line of each output channel.
    lines: Vec<u32>,
    /// First tap of each line in `taps`, the next behind each tap: taps of one line form a list.
    first_tap: Vec<u32>,
    taps: Vec<TapValue>,
}

struct TapValue {
    value: u32,
    next: u32,
}

impl Scratch {
    /// Forgets all lines; there are so many output channels.
    pub(super) fn prepare(&mut self, channels: usize) {
        self.lines.clear();
        self.lines.resize(channels, NONE);
        self.first_tap.clear();
        self.taps.clear();
    }
}

impl Lowering<'_> {
    /// Appends what delay lines and feedback edges read later.
    pub(super) fn keep_past(&mut self, node: &FlatNode) {
        for (place, channel) in node.outputs.range().enumerate() {
            let wanted = self.scratch.uses[channel];
            if wanted.longest == 0 {
                continue;
            }
            let slot = self.scratch.outputs[channel];
            if slot == SILENT_SLOT {
                continue;
            }
            let line = self.line(channel, node, place as u32);
            self.ops.push(if wanted.feedback {
                Op::FeedbackWrite { line, slot }
            } else {
                Op::DelayWrite { line, slot }
            });
        }
    }

    /// The line that keeps an output channel's past. A feedback edge asks for it before its source is reached.
    fn line(&mut self, channel: usize, node: &FlatNode, place: u32) -> u32 {
        if self.scratch.past.lines[channel] == NONE {
            let wanted = self.scratch.uses[channel];
            self.scratch.past.lines[channel] = self.schedule.lines.len() as u32;
            self.scratch.past.first_tap.push(NONE);
            self.schedule.lines.push(Line {
                node: node.id,
                channel: place,
                longest: wanted.longest,
                feedback: wanted.feedback,
            });
        }
        self.scratch.past.lines[channel]
    }

    /// What a cell reads: its source's value, or a tap of its past.
    #[inline(always)]
    pub(super) fn source_value(&mut self, index: u32, cell: &FlatCell) -> u32 {
        let previous = self.flat.played_before(index).map_or(cell.delay, |old| old.delay);
        if cell.delay == 0 && previous == 0 {
            self.scratch.outputs[cell.source as usize]
        } else {
            self.tap_value(cell, previous)
        }
    }

    #[cold]
    fn tap_value(&mut self, cell: &FlatCell, previous: u32) -> u32 {
        let (channel, delay) = (cell.source as usize, cell.delay);
        let edge = &self.flat.edges[cell.edge as usize];
        let node = &self.flat.nodes[edge.source as usize];
        if node.kind == Kind::Input && self.flat.device_inputs[channel].is_none() {
            return SILENT_SLOT;
        }
        let line = self.line(channel, node, (channel as u32) - node.outputs.first);
        let mut tap = self.scratch.past.first_tap[line as usize];
        while tap != NONE {
            let plan = &self.schedule.taps[tap as usize];
            let known = &self.scratch.past.taps[tap as usize];
            if plan.delay == delay && plan.previous == previous {
                return known.value;
            }
            tap = known.next;
        }
        let value = self.value();
        let tap = self.schedule.taps.len() as u32;
        self.schedule.taps.push(Tap { line, delay, previous });
        self.scratch.past.taps.push(TapValue { value, next: self.scratch.past.first_tap[line as usize] });
        self.scratch.past.first_tap[line as usize] = tap;
        self.ops.push(if edge.feedback {
            Op::FeedbackRead { tap, slot: value }
        } else {
            Op::DelayRead { tap, slot: value }
        });
        value
    }
}
