//! Pass 5: slots. Puts each value into a slot of the arena for as long as something still reads it, so that the arena
//! holds exactly as many channels as are live at once. An in-place node writes where a dying input stood.
//!
//! Lives are taken from the position of ops because there is one lane; the rule itself, that a slot is free once all
//! readers of its value happened before, is that of any number of lanes.

use super::schedule::{Op, SILENT_SLOT, Schedule, ScheduledNode, Span};

const NONE: u32 = u32::MAX;

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    /// Op after which nothing reads the value.
    last_use: Vec<u32>,
    /// Slot of each live value.
    slots: Vec<u32>,
    /// Slots free for use, the one freed last on top: its memory is warm.
    free: Vec<u32>,
    /// Values that end with the op at hand.
    dying: Vec<u32>,
    /// Values whose slot an in-place output has taken over.
    handed_on: Vec<u32>,
}

/// Replaces the values in `schedule` by slots.
pub(super) fn assign(schedule: &mut Schedule, values: u32, scratch: &mut Scratch) {
    find_last_uses(schedule, values, scratch);
    let Scratch { last_use, slots, free, dying, handed_on } = scratch;
    slots.clear();
    slots.resize(values as usize, NONE);
    slots[SILENT_SLOT as usize] = SILENT_SLOT;
    free.clear();
    let mut arena = Arena { last_use, slots, free, dying, handed_on, used: SILENT_SLOT + 1, position: 0 };
    let mut ops = std::mem::take(&mut schedule.ops);
    for (position, op) in ops.iter_mut().enumerate() {
        arena.position = position as u32;
        arena.place(schedule, op);
    }
    schedule.ops = ops;
    schedule.slots = arena.used;
}

fn find_last_uses(schedule: &Schedule, values: u32, scratch: &mut Scratch) {
    let last_use = &mut scratch.last_use;
    last_use.clear();
    last_use.resize(values as usize, NONE);
    for (position, op) in schedule.ops.iter().enumerate() {
        let mut touch = |value: u32| last_use[value as usize] = position as u32;
        match *op {
            Op::Clear { slot }
            | Op::Input { slot, .. }
            | Op::Output { slot, .. }
            | Op::DelayWrite { slot, .. }
            | Op::DelayRead { slot, .. }
            | Op::FeedbackWrite { slot, .. }
            | Op::FeedbackRead { slot, .. } => touch(slot),
            Op::Mix { mix } => {
                let mix = &schedule.mixes[mix as usize];
                schedule.terms[mix.terms.range()].iter().for_each(|term| touch(term.slot));
                touch(mix.destination);
            }
            Op::Matrix { matrix } => {
                let matrix = &schedule.matrices[matrix as usize];
                schedule.matrix_slots[matrix.sources.range()].iter().copied().for_each(&mut touch);
                schedule.matrix_slots[matrix.destinations.range()].iter().copied().for_each(&mut touch);
            }
            Op::Merge { .. } => {}
            Op::Process { node } => {
                let node = &schedule.nodes[node as usize];
                schedule.node_slots[node.inputs.range()].iter().copied().for_each(&mut touch);
                schedule.node_slots[node.outputs.range()].iter().copied().for_each(&mut touch);
            }
        }
    }
}

struct Arena<'a> {
    last_use: &'a [u32],
    slots: &'a mut [u32],
    free: &'a mut Vec<u32>,
    dying: &'a mut Vec<u32>,
    handed_on: &'a mut Vec<u32>,
    used: u32,
    position: u32,
}

impl Arena<'_> {
    /// The slot of a value, given one if this is where it is first written.
    fn write(&mut self, value: u32) -> u32 {
        if self.slots[value as usize] == NONE {
            self.slots[value as usize] = self.free.pop().unwrap_or_else(|| {
                self.used += 1;
                self.used - 1
            });
        }
        self.slots[value as usize]
    }

    fn dies(&self, value: u32) -> bool {
        value != SILENT_SLOT && self.last_use[value as usize] == self.position
    }

    /// Puts the values of a table's inputs and outputs into slots, and frees what ends here.
    fn place_all(&mut self, table: &mut [u32], inputs: Span, outputs: Span) {
        for value in &mut table[outputs.range()] {
            let slot = self.write(*value);
            self.mark_dying(*value);
            *value = slot;
        }
        for value in &mut table[inputs.range()] {
            self.mark_dying(*value);
            *value = self.slots[*value as usize];
        }
        self.free_dying();
    }

    fn mark_dying(&mut self, value: u32) {
        if self.dies(value) {
            self.dying.push(value);
        }
    }

    /// Frees the slots of the dying; a value that is named twice, or whose slot was handed on, is freed once.
    fn free_dying(&mut self) {
        for value in self.handed_on.drain(..) {
            self.slots[value as usize] = NONE;
        }
        while let Some(value) = self.dying.pop() {
            let slot = std::mem::replace(&mut self.slots[value as usize], NONE);
            if slot != NONE {
                self.free.push(slot);
            }
        }
    }

    /// Gives each output of an in-place node the slot of its input, if the node alone reads that and for the last time.
    fn share(&mut self, schedule: &Schedule, node: &ScheduledNode) {
        let inputs = &schedule.node_slots[node.inputs.range()];
        let outputs = &schedule.node_slots[node.outputs.range()];
        let ports = schedule.ports[node.input_ports.range()].iter().zip(&schedule.ports[node.output_ports.range()]);
        for (input_port, output_port) in ports {
            for (&input, &output) in inputs[input_port.range()].iter().zip(&outputs[output_port.range()]) {
                if self.dies(input) && inputs.iter().filter(|&&other| other == input).count() == 1 {
                    self.slots[output as usize] = self.slots[input as usize];
                    self.handed_on.push(input);
                }
            }
        }
    }

    fn place(&mut self, schedule: &mut Schedule, op: &mut Op) {
        match op {
            Op::Clear { slot }
            | Op::Input { slot, .. }
            | Op::Output { slot, .. }
            | Op::DelayWrite { slot, .. }
            | Op::DelayRead { slot, .. }
            | Op::FeedbackWrite { slot, .. }
            | Op::FeedbackRead { slot, .. } => {
                let value = *slot;
                *slot = self.write(value);
                self.mark_dying(value);
                self.free_dying();
            }
            Op::Mix { mix } => {
                let mix = &mut schedule.mixes[*mix as usize];
                let destination = self.write(mix.destination);
                self.mark_dying(mix.destination);
                mix.destination = destination;
                for term in &mut schedule.terms[mix.terms.range()] {
                    self.mark_dying(term.slot);
                    term.slot = self.slots[term.slot as usize];
                }
                self.free_dying();
            }
            Op::Matrix { matrix } => {
                let matrix = schedule.matrices[*matrix as usize];
                self.place_all(&mut schedule.matrix_slots, matrix.sources, matrix.destinations);
            }
            Op::Merge { .. } => {}
            Op::Process { node } => {
                let node = schedule.nodes[*node as usize];
                if node.in_place {
                    self.share(schedule, &node);
                }
                self.place_all(&mut schedule.node_slots, node.inputs, node.outputs);
            }
        }
    }
}
