//! Pass 5: slots. Has the lives of values: each is one thing that is computed, and keeps a slot of the arena from where it
//! is written until all that read it have, so that the arena holds exactly as many channels as are live at once. An
//! in-place node writes where a dying input stood. Works hand in hand with `lower`, which says what is written and read
//! when; decides no op.
//!
//! Lives end at the position of ops, and within a mix at that of its channels, because there is one lane; the rule itself,
//! that a slot is free once all readers of its value happened before, is that of any number of lanes.

use super::schedule::SILENT_SLOT;
use std::ops::Range;

/// The value that is always zero. Behind it come the output channels of the rig, then what else is added.
pub(super) const SILENCE: u32 = 0;

/// Of a value that has no slot yet.
const NONE: u32 = u32::MAX;

/// The value of an output channel of the rig.
pub(super) fn of_channel(output: u32) -> u32 {
    output + 1
}

/// Values and the slots they live in.
#[derive(Default)]
pub(super) struct Slots {
    values: Vec<Value>,
    free: Free,
}

/// Slots free for use, the one freed last on top: its memory is warm.
#[derive(Default)]
struct Free {
    /// As long as there are slots, so that it never grows when one is freed.
    stack: Vec<u32>,
    top: usize,
}

impl Free {
    #[inline]
    fn take(&mut self) -> u32 {
        if self.top > 0 {
            self.top -= 1;
            return self.stack[self.top];
        }
        self.stack.push(0);
        // Behind the silent one.
        self.stack.len() as u32
    }

    #[inline]
    fn put(&mut self, slot: u32) {
        self.stack[self.top] = slot;
        self.top += 1;
    }
}

#[derive(Clone, Copy)]
struct Value {
    /// Its slot, once it is written.
    slot: u32,
    /// How often it is still to be read.
    reads: u32,
}

/// Never written and never free.
const SILENT: Value = Value { slot: SILENT_SLOT, reads: u32::MAX };

impl Slots {
    /// Forgets all values but the output channels, which are read so often.
    pub fn reset(&mut self, channels: impl Iterator<Item = u32>) {
        self.free.stack.clear();
        self.free.top = 0;
        self.values.clear();
        self.values.push(SILENT);
        self.values.extend(channels.map(|reads| Value { slot: NONE, reads }));
    }

    /// Slots used, the silent one included.
    pub fn count(&self) -> u32 {
        self.free.stack.len() as u32 + 1
    }

    /// A value more, neither written nor read so far.
    pub fn add(&mut self) -> u32 {
        self.values.push(Value { slot: NONE, reads: 0 });
        self.values.len() as u32 - 1
    }

    /// Makes a value silence: nothing will write it.
    pub fn silence(&mut self, value: u32) {
        self.values[value as usize] = SILENT;
    }

    /// The value will be read once more than was known.
    pub fn expect(&mut self, value: u32) {
        let reads = &mut self.values[value as usize].reads;
        *reads = reads.saturating_add(1);
    }

    /// The value will be read once less than was known.
    pub fn forget(&mut self, value: u32) {
        self.values[value as usize].reads -= 1;
    }

    pub fn is_read(&self, value: u32) -> bool {
        self.values[value as usize].reads > 0
    }

    pub fn is_written(&self, value: u32) -> bool {
        self.values[value as usize].slot != NONE
    }

    /// The slot of a value that is written.
    pub fn slot(&self, value: u32) -> u32 {
        self.values[value as usize].slot
    }

    /// Gives the value a slot, unless it has one, and returns it.
    pub fn write(&mut self, value: u32) -> u32 {
        if !self.is_written(value) {
            self.values[value as usize].slot = self.free.take();
        }
        self.slot(value)
    }

    /// A value more that is written here and read once, with its slot.
    #[inline]
    pub fn add_written(&mut self) -> (u32, u32) {
        let slot = self.free.take();
        self.values.push(Value { slot, reads: 1 });
        (self.values.len() as u32 - 1, slot)
    }

    /// Reads the value once, and returns its slot, which is free if that was the last time. What the same op writes must
    /// have got its slot before.
    #[inline]
    pub fn read(&mut self, value: u32) -> u32 {
        let value = &mut self.values[value as usize];
        value.reads -= 1;
        if value.reads == 0 {
            self.free.put(value.slot);
        }
        value.slot
    }

    /// Gives slots to outputs of a node, and appends them to `slots`. Each may write over the input of its place in `over`:
    /// it gets its slot, if the node alone reads that and for the last time.
    pub fn write_over(&mut self, outputs: Range<u32>, over: &[u32], slots: &mut Vec<u32>) {
        let Self { values, free } = self;
        let values = values.as_mut_slice();
        for (place, output) in outputs.enumerate() {
            let dying = over.get(place).map(|&input| &mut values[input as usize]).filter(|input| input.reads == 1);
            let slot = match dying {
                Some(input) => {
                    // One reading more than there is: the slot is the output's now, and is not freed with the input.
                    input.reads = 2;
                    input.slot
                }
                None => free.take(),
            };
            values[output as usize].slot = slot;
            slots.push(slot);
        }
    }

    /// Reads values once; those that were just written may be read never.
    pub fn read_all(&mut self, values: &[u32], written: Range<u32>) {
        let Self { values: all, free } = self;
        for &value in values.iter().rev() {
            let value = &mut all[value as usize];
            value.reads -= 1;
            if value.reads == 0 {
                free.put(value.slot);
            }
        }
        for value in all[written.start as usize..written.end as usize].iter().rev() {
            if value.reads == 0 {
                free.put(value.slot);
            }
        }
    }
}
