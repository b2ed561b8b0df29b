//! The slice tables of a [`Period`], kept from one period to the next so that none is allocated in the callback. It
//! never keeps a driver's buffer beyond the call it was given for.
#![deny(clippy::disallowed_types)]

use crate::callback_cell::CallbackCell;
use crate::period::{Period, PeriodMidi, PeriodTime};

/// What a period is besides its buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeriodHead {
    pub frames: usize,
    pub time: PeriodTime,
    pub xruns: u64,
    pub freewheel: bool,
}

/// Reusable tables for a fixed number of input and output channels.
pub(crate) struct PeriodTables {
    // Both are empty between two calls: only their allocations are kept.
    inputs: Vec<&'static [f32]>,
    outputs: Vec<&'static mut [f32]>,
}

impl PeriodTables {
    /// Reserves room for that many channels. Not to be called from the callback.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs: Vec::with_capacity(inputs), outputs: Vec::with_capacity(outputs) }
    }

    /// Runs the callback in `cell` over one period, or writes silence if there is none.
    ///
    /// # Real-time
    /// Allocates nothing as long as the channels fit what was reserved.
    pub fn run<'a>(
        &mut self,
        cell: &CallbackCell,
        head: PeriodHead,
        inputs: impl Iterator<Item = &'a [f32]>,
        outputs: impl Iterator<Item = &'a mut [f32]>,
    ) {
        self.run_with_midi(cell, head, inputs, outputs, None);
    }

    /// As [`Self::run`], with the driver's MIDI.
    pub fn run_with_midi<'a>(
        &mut self,
        cell: &CallbackCell,
        head: PeriodHead,
        inputs: impl Iterator<Item = &'a [f32]>,
        outputs: impl Iterator<Item = &'a mut [f32]>,
        midi: Option<&mut dyn PeriodMidi>,
    ) {
        let mut input_table: Vec<&'a [f32]> = std::mem::take(&mut self.inputs);
        let mut output_table: Vec<&'a mut [f32]> = std::mem::take(&mut self.outputs);
        input_table.extend(inputs);
        output_table.extend(outputs);

        // Shortens its lifetime too, which only works on what is not in an option.
        let midi = midi.map(|midi| midi as &mut dyn PeriodMidi);
        let rendered = cell.run(period(head, &input_table, &mut output_table, midi));
        if !rendered {
            output_table.iter_mut().for_each(|channel| channel.fill(0.0));
        }

        input_table.clear();
        output_table.clear();
        // SAFETY: both vectors are empty, so no reference has its life prolonged; types that differ only in a lifetime
        // have the same layout.
        unsafe {
            self.inputs = std::mem::transmute::<Vec<&'a [f32]>, Vec<&'static [f32]>>(input_table);
            self.outputs = std::mem::transmute::<Vec<&'a mut [f32]>, Vec<&'static mut [f32]>>(output_table);
        }
    }
}

/// Shortens the channels' lifetime to the tables' own, which `Period` has only one of.
fn period<'p, 'a: 'p>(
    head: PeriodHead,
    inputs: &'p [&'a [f32]],
    outputs: &'p mut [&'a mut [f32]],
    midi: Option<&'p mut (dyn PeriodMidi + 'p)>,
) -> Period<'p> {
    // SAFETY: `&mut [&'a mut T]` is invariant in 'a because a shorter-lived reference could be stored through it and read
    // afterwards. A `DuplexCallback` is generic over 'p: all it can store there are the period's own slices, which live
    // for 'a, or 'static ones.
    let outputs = unsafe { std::mem::transmute::<&'p mut [&'a mut [f32]], &'p mut [&'p mut [f32]]>(outputs) };
    let PeriodHead { frames, time, xruns, freewheel } = head;
    Period { inputs, outputs, frames, time, xruns, freewheel, midi }
}
