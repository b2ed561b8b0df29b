//! Pass 5: slots. Has the lives of values: each is one thing that is computed, and keeps a slot of the arena from where it
//! is written until all that read it have, so that the arena holds exactly as many channels as are live at once. An
//! in-place node writes where a dying input stood. Works hand in hand with `lower`, which says what is written and read
//! when; decides no op.
//!
//! Lives end at the position of ops because there is one lane; the rule itself, that a slot is free once all readers of
//! its value happened before, is that of any number of lanes.

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
    /// Slots free for use, the one freed last on top: its memory is warm.
    free: Vec<u32>,
    used: u32,
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
    /// Forgets all values; there are so many output channels, that nothing reads so far.
    pub fn reset(&mut self, channels: usize) {
        self.free.clear();
        self.used = SILENT_SLOT + 1;
        self.values.clear();
        self.values.resize(channels + 1, Value { slot: NONE, reads: 0 });
        self.values[SILENCE as usize] = SILENT;
    }

    /// Slots used, the silent one included.
    pub fn count(&self) -> u32 {
        self.used
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
    #[inline]
    pub fn write(&mut self, value: u32) -> u32 {
        let slot = self.values[value as usize].slot;
        if slot != NONE {
            return slot;
        }
        let slot = self.take();
        self.values[value as usize].slot = slot;
        slot
    }

    /// A value more that is written here and read once, with its slot.
    #[inline]
    pub fn add_written(&mut self) -> (u32, u32) {
        let slot = self.take();
        self.values.push(Value { slot, reads: 1 });
        (self.values.len() as u32 - 1, slot)
    }

    #[inline]
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        })
    }

    /// Reads the value once, and returns its slot, which is free if that was the last time. What the same op writes must
    /// have got its slot before.
    #[inline]
    pub fn read(&mut self, value: u32) -> u32 {
        let value = &mut self.values[value as usize];
        value.reads -= 1;
        if value.reads == 0 {
            self.free.push(value.slot);
        }
        value.slot
    }

    /// Frees the slots of those of some values that nothing will read; all were just written.
    pub fn drop_unread(&mut self, values: Range<u32>) {
        for value in self.values[values.start as usize..values.end as usize].iter().rev() {
            if value.reads == 0 {
                self.free.push(value.slot);
            }
        }
    }

    /// Gives an output of an in-place node the slot of its input, if the node alone reads that and for the last time.
    pub fn share(&mut self, input: u32, output: u32) {
        let input = &mut self.values[input as usize];
        if input.reads == 1 {
            // One reading more than there is: the slot is the output's now, and is not freed with the input.
            input.reads = 2;
            self.values[output as usize].slot = input.slot;
        }
    }
}
