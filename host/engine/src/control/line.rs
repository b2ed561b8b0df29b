//! The two rings between the mappings on the audio thread and those who look after them on the control thread.
#![deny(clippy::disallowed_types)]

use super::target::TargetKey;

/// Reports on their way. Values wait for room, so that only what was done, or heard while learning, can be lost.
const REPORTS: usize = 4096;
/// Values on their way to the audio thread.
const UPDATES: usize = 4096;

/// What the audio thread tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Report {
    /// Messages have given a target a value.
    Value {
        key: TargetKey,
        value: f64,
        /// Of the last value that the audio thread was told.
        generation: u32,
    },
    /// Something is to be done.
    Done {
        key: TargetKey,
        /// Steady frame of the message.
        frame: u64,
        /// The plan that the renderer has carried out for it, or waits with for its beat.
        plan: Option<u16>,
    },
    /// A message came while learning.
    Heard {
        /// The role's number.
        role: u32,
        message: [u8; 3],
        /// Steady frame.
        frame: u64,
    },
}

/// A target has another value, for another reason than messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Update {
    pub key: TargetKey,
    pub value: f64,
    pub generation: u32,
}

/// The control thread's end.
pub(crate) struct Line {
    pub updates: rtrb::Producer<Update>,
    pub reports: rtrb::Consumer<Report>,
}

/// The audio thread's end.
pub(crate) struct Desk {
    pub updates: rtrb::Consumer<Update>,
    pub reports: rtrb::Producer<Report>,
}

/// Both ends.
pub(crate) fn line() -> (Line, Desk) {
    let (updates, updates_in) = rtrb::RingBuffer::new(UPDATES);
    let (reports_out, reports) = rtrb::RingBuffer::new(REPORTS);
    (Line { updates, reports }, Desk { updates: updates_in, reports: reports_out })
}
