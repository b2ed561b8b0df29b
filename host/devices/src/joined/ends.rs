//! The two ends of a stream that has no duplex callback: what becomes of what comes in, and where what goes out is from.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use super::convert::DriverSample;
use super::drift::DriftResampler;
use super::join::{JoinShared, JoinWriter, join};
use super::periods::{Periods, Shared};

/// The channels of interleaved frames, and which of them are used, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    pub used: Vec<usize>,
    pub stride: usize,
}

/// How the sides of a stream belong together.
pub(crate) struct Layout<'a> {
    pub input: Option<&'a Channels>,
    pub output: Option<&'a Channels>,
    /// The longest period in frames.
    pub frames: usize,
    /// Frames a second.
    pub rate: u32,
    /// Whether there are two clocks.
    pub drifting: bool,
}

/// Where an input's frames go.
pub(crate) enum Consumer {
    /// To the output.
    Join { writer: JoinWriter, channels: Channels },
    /// To the callback, if there is no output.
    Periods(Box<Periods>),
}

impl Consumer {
    /// Takes what the device delivered: recorded from one time on, and there `now`, by the clock that the output has too.
    ///
    /// # Real-time
    /// Callable.
    pub fn consume<T: DriverSample>(&mut self, interleaved: &[T], recorded: Option<u64>, now: Option<u64>) {
        match self {
            Self::Join { writer, channels } => writer.write(interleaved, channels.stride, &channels.used, now),
            Self::Periods(periods) => periods.input(interleaved, recorded),
        }
    }
}

/// Makes the ends that the layout has. Fails if the clocks cannot be followed. Not to be called from the callback.
pub(crate) fn ends(
    layout: &Layout<'_>,
    shared: &Shared,
    joined: &Arc<JoinShared>,
) -> Result<(Option<Consumer>, Option<Periods>), String> {
    let &Layout { input, output, frames, rate, drifting } = layout;
    let periods =
        |channels: &Channels, join, inputs| Periods::of_output(shared.clone(), channels, frames, rate, join, inputs);
    Ok(match (input, output) {
        (None, None) => (None, None),
        (None, Some(output)) => (None, Some(periods(output, None, 0))),
        (Some(input), None) => {
            let periods = Periods::of_input(shared.clone(), input, frames, rate);
            (Some(Consumer::Periods(Box::new(periods))), None)
        }
        (Some(input), Some(output)) => {
            let inputs = input.used.len();
            let drift = drifting.then(|| DriftResampler::new(inputs, frames, rate)).transpose();
            let drift = drift.map_err(|error| format!("its clocks cannot be followed: {error}"))?;
            let (writer, reader) = join(inputs, frames, rate, drift, &shared.status, joined);
            let consumer = Consumer::Join { writer, channels: input.clone() };
            (Some(consumer), Some(periods(output, Some(reader), inputs)))
        }
    })
}
