//! For systems without a duplex stream: an input and an output stream, both interleaved, become the periods of one.
//!
//! ```text
//! input's buffers ─► JoinWriter ─► [ ring ] ─► JoinReader ─► Periods ─► output's buffers
//!                                              resampler, if there are two clocks
//! ```
//!
//! The output paces; the ring is kept at a constant fill, so the join has a constant latency, which is measured. With one
//! side only, that side runs the periods and nothing is joined.
#![deny(clippy::disallowed_types)]

mod convert;
mod drift;
mod ends;
mod join;
mod periods;

pub(crate) use convert::DriverSample;
pub(crate) use ends::{Channels, Consumer, Layout, ends};
pub(crate) use join::JoinShared;
pub use join::Joined;
pub(crate) use periods::{Periods, Shared};
