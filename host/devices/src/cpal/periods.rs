//! What the callbacks of cpal's streams do: collect a period, run the callback, hand the outputs over. Neither waits nor
//! allocates. A driver's buffer that is longer than agreed is rendered in several periods.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::convert::{DriverSample, deinterleave, interleave};
use super::join::JoinReader;
use crate::callback_cell::CallbackCell;
use crate::period::PeriodTime;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// What a stream's callbacks share with the control thread.
#[derive(Clone)]
pub(super) struct Shared {
    pub cell: Arc<CallbackCell>,
    pub status: Arc<StreamStatus>,
    /// The position of the next period; survives a restart.
    pub frame: Arc<AtomicU64>,
}

/// The side that runs the periods: the output's, or the input's if there is no output.
pub(super) struct Periods {
    shared: Shared,
    tables: PeriodTables,
    join: Option<JoinReader>,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    /// Which of the driver's interleaved channels are used.
    channels: Vec<usize>,
    stride: usize,
    /// The longest period.
    frames: usize,
}

impl Periods {
    /// For an output stream of `stride` channels, of which `channels` are used, with as many inputs from a join.
    pub fn of_output(
        shared: Shared,
        channels: Vec<usize>,
        stride: usize,
        frames: usize,
        join: Option<JoinReader>,
        inputs: usize,
    ) -> Self {
        let outputs = channels.len();
        Self::new(shared, channels, stride, frames, join, inputs, outputs)
    }

    /// For an input stream alone.
    pub fn of_input(shared: Shared, channels: Vec<usize>, stride: usize, frames: usize) -> Self {
        let inputs = channels.len();
        Self::new(shared, channels, stride, frames, None, inputs, 0)
    }

    fn new(
        shared: Shared,
        channels: Vec<usize>,
        stride: usize,
        frames: usize,
        join: Option<JoinReader>,
        inputs: usize,
        outputs: usize,
    ) -> Self {
        let tables = PeriodTables::new(inputs, outputs);
        let buffers = |count| vec![vec![0.0; frames]; count];
        let (inputs, outputs) = (buffers(inputs), buffers(outputs));
        Self { shared, tables, join, inputs, outputs, channels, stride, frames }
    }

    /// The output stream's callback.
    pub fn output<T: DriverSample>(&mut self, interleaved: &mut [T], nanoseconds: Option<u64>) {
        for piece in interleaved.chunks_mut(self.frames * self.stride) {
            let frames = piece.len() / self.stride;
            if let Some(join) = &mut self.join {
                join.read(&mut self.inputs, frames);
            }
            self.run(frames, nanoseconds);
            interleave(&self.outputs, &self.channels, self.stride, piece);
        }
    }

    /// The callback of an input stream that is alone.
    pub fn input<T: DriverSample>(&mut self, interleaved: &[T], nanoseconds: Option<u64>) {
        for piece in interleaved.chunks(self.frames * self.stride) {
            deinterleave(piece, self.stride, &self.channels, &mut self.inputs);
            self.run(piece.len() / self.stride, nanoseconds);
        }
    }

    fn run(&mut self, frames: usize, nanoseconds: Option<u64>) {
        let frame = self.shared.frame.fetch_add(frames as u64, Ordering::Relaxed);
        let time = PeriodTime { frame, nanoseconds };
        let head = PeriodHead { frames, time, xruns: self.shared.status.xruns(), freewheel: false };
        let inputs = self.inputs.iter().map(|input| &input[..frames]);
        let outputs = self.outputs.iter_mut().map(|output| &mut output[..frames]);
        self.tables.run(&self.shared.cell, head, inputs, outputs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;

    /// A driver's buffer of 10 frames, 4 having been agreed: periods of 4, 4 and 2, and every frame in its place.
    #[test]
    fn a_buffer_that_is_too_long_is_cut() {
        let callback = |period: Period<'_>| {
            let (frame, length) = (period.time.frame, period.frames as u64);
            let samples = (frame..frame + length).map(|frame| frame as f32);
            period.outputs[0].iter_mut().zip(samples).for_each(|(out, sample)| *out = sample);
        };
        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(Box::new(callback), Arc::clone(&status)));
        let shared = Shared { cell, status, frame: Arc::default() };
        let mut periods = Periods::of_output(shared, vec![1], 2, 4, None, 0);
        let mut interleaved = [-1.0f32; 20];
        periods.output(&mut interleaved, None);
        let expected: Vec<f32> = (0..10).flat_map(|frame| [-1.0, frame as f32]).collect();
        assert_eq!(interleaved, expected[..]);
    }
}
