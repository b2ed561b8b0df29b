//! What the callbacks of cpal's streams do: collect a period, run the callback, hand the outputs over. Neither waits nor
//! allocates. A driver's buffer that is longer than agreed is rendered in several periods.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::convert::{DriverSample, deinterleave, interleave};
use super::ends::Channels;
use super::join::JoinReader;
use crate::callback_cell::CallbackCell;
use crate::period::PeriodTime;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// What a stream's callbacks share with the control thread.
#[derive(Clone)]
pub(crate) struct Shared {
    pub cell: Arc<CallbackCell>,
    pub status: Arc<StreamStatus>,
    /// The position of the next period; survives a restart.
    pub frame: Arc<AtomicU64>,
}

/// The side that runs the periods: the output's, or the input's if there is no output.
pub(crate) struct Periods {
    shared: Shared,
    tables: PeriodTables,
    join: Option<JoinReader>,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    channels: Channels,
    /// The longest period.
    frames: usize,
    rate: u32,
}

impl Periods {
    /// For an output stream, with as many inputs from a join.
    pub fn of_output(
        shared: Shared,
        channels: &Channels,
        frames: usize,
        rate: u32,
        join: Option<JoinReader>,
        inputs: usize,
    ) -> Self {
        let outputs = channels.used.len();
        Self { join, ..Self::new(shared, channels, frames, rate, inputs, outputs) }
    }

    /// For an input stream alone.
    pub fn of_input(shared: Shared, channels: &Channels, frames: usize, rate: u32) -> Self {
        Self::new(shared, channels, frames, rate, channels.used.len(), 0)
    }

    fn new(shared: Shared, channels: &Channels, frames: usize, rate: u32, inputs: usize, outputs: usize) -> Self {
        let tables = PeriodTables::new(inputs, outputs);
        let buffers = |count| vec![vec![0.0; frames]; count];
        let (inputs, outputs, channels) = (buffers(inputs), buffers(outputs), channels.clone());
        Self { shared, tables, join: None, inputs, outputs, channels, frames, rate }
    }

    /// The output stream's callback, at a time of the clock that a joined input has too.
    pub fn output<T: DriverSample>(&mut self, interleaved: &mut [T], nanoseconds: Option<u64>) {
        let stride = self.channels.stride;
        for (index, piece) in interleaved.chunks_mut(self.frames * stride).enumerate() {
            let frames = piece.len() / stride;
            let now = self.later(nanoseconds, index);
            if let Some(join) = &mut self.join {
                join.read(&mut self.inputs, frames, now);
            }
            self.run(frames, now);
            interleave(&self.outputs, &self.channels.used, stride, piece);
        }
    }

    /// The callback of an input stream that is alone.
    pub fn input<T: DriverSample>(&mut self, interleaved: &[T], nanoseconds: Option<u64>) {
        let stride = self.channels.stride;
        for (index, piece) in interleaved.chunks(self.frames * stride).enumerate() {
            deinterleave(piece, stride, &self.channels.used, &mut self.inputs);
            self.run(piece.len() / stride, self.later(nanoseconds, index));
        }
    }

    /// The time so many whole periods later.
    fn later(&self, nanoseconds: Option<u64>, periods: usize) -> Option<u64> {
        let frames = (periods * self.frames) as u64;
        nanoseconds.map(|nanoseconds| nanoseconds + frames * 1_000_000_000 / u64::from(self.rate))
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
        let channels = Channels { used: vec![1], stride: 2 };
        let mut periods = Periods::of_output(shared, &channels, 4, 48_000, None, 0);
        let mut interleaved = [-1.0f32; 20];
        periods.output(&mut interleaved, None);
        let expected: Vec<f32> = (0..10).flat_map(|frame| [-1.0, frame as f32]).collect();
        assert_eq!(interleaved, expected[..]);
    }
}
