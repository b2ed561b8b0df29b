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
    values: Vec<Value>,
    /// Slots free for use, the one freed last on top: its memory is warm.
    free: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Value {
    /// Its slot, once it is written.
    slot: u32,
    /// How often ops still name it.
    uses: u32,
}

/// Replaces the values in `schedule` by slots.
pub(super) fn assign(schedule: &mut Schedule, values: u32, scratch: &mut Scratch) {
    scratch.count_uses(schedule, values);
    let mut arena = Arena { values: &mut scratch.values, free: &mut scratch.free, used: SILENT_SLOT + 1 };
    let mut ops = std::mem::take(&mut schedule.ops);
    for op in &mut ops {
        arena.place(schedule, op);
    }
    schedule.ops = ops;
    schedule.slots = arena.used;
}

impl Scratch {
    fn count_uses(&mut self, schedule: &Schedule, values: u32) {
        self.free.clear();
        self.values.clear();
        self.values.resize(values as usize, Value { slot: NONE, uses: 0 });
        let values = &mut self.values;
        let mut count = |value: u32| values[value as usize].uses += 1;
        schedule.terms.iter().for_each(|term| count(term.slot));
        schedule.mixes.iter().for_each(|mix| count(mix.destination));
        schedule.matrix_slots.iter().copied().for_each(&mut count);
        schedule.node_slots.iter().copied().for_each(&mut count);
        for op in &schedule.ops {
            if let Some(value) = op_slot(op) {
                count(value);
            }
        }
        // Never written and never free.
        values[SILENT_SLOT as usize] = Value { slot: SILENT_SLOT, uses: NONE };
    }
}

/// The slot that an op names itself, not by way of a table.
fn op_slot(op: &Op) -> Option<u32> {
    match *op {
        Op::Clear { slot }
        | Op::Input { slot, .. }
        | Op::Output { slot, .. }
        | Op::DelayWrite { slot, .. }
        | Op::DelayRead { slot, .. }
        | Op::FeedbackWrite { slot, .. }
        | Op::FeedbackRead { slot, .. } => Some(slot),
        Op::Mix { .. } | Op::Matrix { .. } | Op::Merge { .. } | Op::Process { .. } => None,
    }
}

struct Arena<'a> {
    values: &'a mut [Value],
    free: &'a mut Vec<u32>,
    used: u32,
}

impl Arena<'_> {
    /// Gives a value a slot, if this is where it is first written.
    fn write(&mut self, value: u32) {
        let value = &mut self.values[value as usize];
        if value.slot == NONE {
            value.slot = self.free.pop().unwrap_or_else(|| {
                self.used += 1;
                self.used - 1
            });
        }
    }

    /// Puts the slot in place of the value, and frees it if nothing names the value any more. All that an op writes must
    /// have got its slot before.
    fn settle(&mut self, place: &mut u32) {
        let value = &mut self.values[*place as usize];
        *place = value.slot;
        value.uses -= 1;
        if value.uses == 0 {
            self.free.push(value.slot);
        }
    }

    /// Puts the values of a table's inputs and outputs into slots, and frees what ends here.
    fn place_all(&mut self, table: &mut [u32], inputs: Span, outputs: Span) {
        table[outputs.range()].iter().for_each(|&value| self.write(value));
        table[inputs.range()].iter_mut().rev().for_each(|place| self.settle(place));
        table[outputs.range()].iter_mut().rev().for_each(|place| self.settle(place));
    }

    /// Gives each output of an in-place node the slot of its input, if the node alone reads that and for the last time.
    fn share(&mut self, schedule: &Schedule, node: &ScheduledNode) {
        let inputs = &schedule.node_slots[node.inputs.range()];
        let outputs = &schedule.node_slots[node.outputs.range()];
        let ports = schedule.ports[node.input_ports.range()].iter().zip(&schedule.ports[node.output_ports.range()]);
        for (input_port, output_port) in ports {
            for (&input, &output) in inputs[input_port.range()].iter().zip(&outputs[output_port.range()]) {
                let input = &mut self.values[input as usize];
                if input.uses == 1 {
                    // One use more than there is: the slot is the output's now, and is not freed with the input.
                    input.uses = 2;
                    self.values[output as usize].slot = input.slot;
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
                self.write(*slot);
                self.settle(slot);
            }
            Op::Mix { mix } => {
                let mix = &mut schedule.mixes[*mix as usize];
                self.write(mix.destination);
                schedule.terms[mix.terms.range()].iter_mut().rev().for_each(|term| self.settle(&mut term.slot));
                self.settle(&mut mix.destination);
            }
            Op::Matrix { matrix } => {
                let matrix = &schedule.matrices[*matrix as usize];
                self.place_all(&mut schedule.matrix_slots, matrix.sources, matrix.destinations);
            }
            Op::Merge { .. } => {}
            Op::Process { node } => {
                let node = &schedule.nodes[*node as usize];
                if node.in_place {
                    self.share(schedule, node);
                }
                self.place_all(&mut schedule.node_slots, node.inputs, node.outputs);
            }
        }
    }
}
