//! What one period of a virtual device does: loop the last period's outputs back, run the callback. It never waits; the
//! pacing around it does.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use crate::callback_cell::CallbackCell;
use crate::period::PeriodTime;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// The buffers and the position of a virtual device.
pub(super) struct VirtualPeriods {
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    tables: PeriodTables,
    inputs: Box<[Box<[f32]>]>,
    outputs: Box<[Box<[f32]>]>,
    /// For each input that hears an output: the two places.
    looped: Vec<(usize, usize)>,
    frames: usize,
    frame: u64,
}

impl VirtualPeriods {
    /// Buffers for so many channels. `looped` holds the device channels of the inputs and of the outputs, where equal
    /// ones are to be joined.
    pub fn new(
        cell: &Arc<CallbackCell>,
        status: &Arc<StreamStatus>,
        inputs: usize,
        outputs: usize,
        frames: usize,
        looped: (&[usize], &[usize]),
    ) -> Self {
        let buffers = |count: usize| (0..count).map(|_| vec![0.0; frames].into()).collect();
        let heard = looped.0.iter().enumerate();
        let looped = heard.filter_map(|(input, channel)| {
            looped.1.iter().position(|other| other == channel).map(|output| (input, output))
        });
        Self {
            cell: Arc::clone(cell),
            status: Arc::clone(status),
            tables: PeriodTables::new(inputs, outputs),
            inputs: buffers(inputs),
            outputs: buffers(outputs),
            looped: looped.collect(),
            frames,
            frame: 0,
        }
    }

    /// Leaves out that many periods, which together are one xrun.
    pub fn skip(&mut self, periods: u64) {
        if periods > 0 {
            self.status.add_xruns(1);
            self.frame += periods * self.frames as u64;
        }
    }

    /// Runs one period.
    pub fn run(&mut self, nanoseconds: Option<u64>) {
        for &(input, output) in &self.looped {
            self.inputs[input].copy_from_slice(&self.outputs[output]);
        }
        let time = PeriodTime { frame: self.frame, nanoseconds };
        let head = PeriodHead { frames: self.frames, time, xruns: self.status.xruns(), freewheel: false };
        let inputs = self.inputs.iter().map(|input| &input[..]);
        let outputs = self.outputs.iter_mut().map(|output| &mut output[..]);
        self.tables.run(&self.cell, head, inputs, outputs);
        self.frame += self.frames as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;
    use std::sync::mpsc;

    /// A stall of three periods is one xrun and moves the position by three periods.
    #[test]
    fn a_stall_is_one_xrun_and_moves_the_position() {
        let (told, heard) = mpsc::channel();
        let callback = move |period: Period<'_>| told.send((period.time.frame, period.xruns)).unwrap();
        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(Box::new(callback), Arc::clone(&status)));
        let mut periods = VirtualPeriods::new(&cell, &status, 1, 1, 8, Default::default());
        periods.run(None);
        periods.skip(0);
        periods.run(None);
        periods.skip(3);
        periods.run(None);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(0, 0), (8, 0), (40, 1)]);
    }
}
