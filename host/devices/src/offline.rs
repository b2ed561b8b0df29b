//! Periods pulled by the caller: on its own thread, as fast as they come, with lengths of its choice. No device, no
//! clock, no thread. What a stream would do live, this does for files and tests with the same callback.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use thiserror::Error;

use crate::callback_cell::CallbackCell;
use crate::period::{DuplexCallback, PeriodTime};
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// How the pulled frames are cut into periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeriodSizes {
    /// All of this length; the last of a call may be shorter.
    Fixed(usize),
    /// These lengths in turn, over and over, going on across calls.
    Cycle(Vec<usize>),
}

/// Why frames could not be pulled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// A period of no length.
    #[error("a period of 0 frames never ends: give every period at least one frame")]
    EmptyPeriod,
    /// Not the number of channels that was declared.
    #[error("{given} {side} channels given instead of {declared}: give as many as the stream was made with")]
    ChannelCount {
        /// Which side.
        side: crate::Side,
        /// How many were given.
        given: usize,
        /// How many there should be.
        declared: usize,
    },
    /// Channels of different lengths.
    #[error("the channels differ in length: give every input and output channel the same number of frames")]
    Length,
    /// The callback panicked, now or before.
    #[error("the callback panicked: what it had rendered until then is kept, the rest is silence")]
    Panicked,
}

/// A stream without a device, driven by [`render`](Self::render).
///
/// ```
/// use crosspoint_devices::{Offline, Period, PeriodSizes};
/// let double = |period: Period<'_>| {
///     for (input, output) in period.inputs.iter().zip(period.outputs) {
///         output.iter_mut().zip(*input).for_each(|(out, sample)| *out = sample * 2.0);
///     }
/// };
/// let mut offline = Offline::new(1, 1, PeriodSizes::Fixed(2), Box::new(double)).unwrap();
/// let mut output = [0.0; 5];
/// offline.render(&[&[1.0, 2.0, 3.0, 4.0, 5.0]], &mut [&mut output]).unwrap();
/// assert_eq!(output, [2.0, 4.0, 6.0, 8.0, 10.0]);
/// ```
pub struct Offline {
    cell: CallbackCell,
    status: Arc<StreamStatus>,
    tables: PeriodTables,
    inputs: usize,
    outputs: usize,
    sizes: Vec<usize>,
    next_size: usize,
    frame: u64,
}

impl Offline {
    /// A stream of so many channels that calls `callback` in periods of these sizes, with
    /// [`freewheel`](crate::Period::freewheel) set.
    pub fn new(
        inputs: usize,
        outputs: usize,
        sizes: PeriodSizes,
        callback: Box<dyn DuplexCallback>,
    ) -> Result<Self, OfflineError> {
        let sizes = match sizes {
            PeriodSizes::Fixed(size) => vec![size],
            PeriodSizes::Cycle(sizes) => sizes,
        };
        if sizes.is_empty() || sizes.contains(&0) {
            return Err(OfflineError::EmptyPeriod);
        }
        let status = Arc::<StreamStatus>::default();
        Ok(Self {
            cell: CallbackCell::new(callback, Arc::clone(&status)),
            status,
            tables: PeriodTables::new(inputs, outputs),
            inputs,
            outputs,
            sizes,
            next_size: 0,
            frame: 0,
        })
    }

    /// Renders as many frames as the channels are long, on the calling thread, going on where the last call ended.
    ///
    /// # Real-time
    /// Adds no allocation, lock or system call to the callback's own.
    pub fn render(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), OfflineError> {
        let count = |side, given, declared| match given == declared {
            true => Ok(()),
            false => Err(OfflineError::ChannelCount { side, given, declared }),
        };
        count(crate::Side::Input, inputs.len(), self.inputs)?;
        count(crate::Side::Output, outputs.len(), self.outputs)?;
        let lengths = || inputs.iter().map(|input| input.len()).chain(outputs.iter().map(|output| output.len()));
        let frames = lengths().next().unwrap_or(0);
        if lengths().any(|length| length != frames) {
            return Err(OfflineError::Length);
        }

        let mut start = 0;
        while start < frames {
            let size = self.sizes[self.next_size].min(frames - start);
            self.next_size = (self.next_size + 1) % self.sizes.len();
            self.period(size, inputs, outputs, start);
            start += size;
        }
        if self.status.stopped.is_set() { Err(OfflineError::Panicked) } else { Ok(()) }
    }

    fn period(&mut self, size: usize, inputs: &[&[f32]], outputs: &mut [&mut [f32]], start: usize) {
        let range = start..start + size;
        let time = PeriodTime { frame: self.frame, nanoseconds: None };
        let head = PeriodHead { frames: size, time, xruns: 0, freewheel: true };
        self.tables.run(
            &self.cell,
            head,
            inputs.iter().map(|input| &input[range.clone()]),
            outputs.iter_mut().map(|output| &mut output[range.clone()]),
        );
        self.frame += size as u64;
    }

    /// How many frames have been rendered.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Hands back the callback.
    pub fn close(self) -> Option<Box<dyn DuplexCallback>> {
        self.cell.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;
    use std::sync::mpsc;

    /// Frames 0..10 cut as 3, 1, 3, 1, ..., going on in the second call:
    ///
    /// ```text
    /// |0 1 2|3|4 5 6|  |7|8 9|      the second call starts with the size that was next
    /// ```
    #[test]
    fn sizes_cycle_across_calls_and_lose_no_frame() {
        let (told, heard) = mpsc::channel();
        let copy = move |period: Period<'_>| {
            told.send((period.time.frame, period.frames)).unwrap();
            assert!(period.freewheel);
            period.outputs[0].copy_from_slice(period.inputs[0]);
        };
        let mut offline = Offline::new(1, 1, PeriodSizes::Cycle(vec![3, 1]), Box::new(copy)).unwrap();
        let input: Vec<f32> = (0..10).map(|frame| frame as f32).collect();
        let mut output = vec![9.0; 10];
        let (first, second) = output.split_at_mut(7);
        offline.render(&[&input[..7]], &mut [first]).unwrap();
        offline.render(&[&input[7..]], &mut [second]).unwrap();

        assert_eq!(output, input);
        let expected = [(0, 3), (3, 1), (4, 3), (7, 1), (8, 2)];
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
        assert_eq!(offline.frame(), 10);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let silence = || Box::new(|_: Period<'_>| ()) as Box<dyn DuplexCallback>;
        for sizes in [PeriodSizes::Fixed(0), PeriodSizes::Cycle(vec![]), PeriodSizes::Cycle(vec![1, 0])] {
            assert_eq!(Offline::new(1, 1, sizes, silence()).err(), Some(OfflineError::EmptyPeriod));
        }
        let mut offline = Offline::new(1, 2, PeriodSizes::Fixed(4), silence()).unwrap();
        let error = offline.render(&[&[0.0]], &mut [&mut [0.0]]).unwrap_err();
        assert!(error.to_string().starts_with("1 output channels given instead of 2"), "{error}");
        let error = offline.render(&[&[0.0]], &mut [&mut [0.0], &mut [0.0, 0.0]]).unwrap_err();
        assert_eq!(error, OfflineError::Length);
    }

    /// A panic in the second period of three: the first is kept, the rest is silence.
    #[test]
    fn a_panic_is_an_error() {
        let callback = |period: Period<'_>| {
            assert!(period.time.frame < 2, "deliberate");
            period.outputs[0].fill(1.0);
        };
        let mut offline = Offline::new(0, 1, PeriodSizes::Fixed(2), Box::new(callback)).unwrap();
        let mut output = [9.0; 6];
        assert_eq!(offline.render(&[], &mut [&mut output]), Err(OfflineError::Panicked));
        assert_eq!(output, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(offline.close().is_some());
    }
}
