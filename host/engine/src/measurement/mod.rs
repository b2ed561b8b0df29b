//! What a device does to a signal, measured: test signals are played on its outputs and looked for on its inputs, through
//! a cable, a patch bay or an acoustic path. And how long a rig takes for a period against the time that there is.
//!
//! Nothing here is assumed or taken from a driver: figures are what came back.

mod deadline;
mod exact;
mod loopback;
mod response;
mod stimulus;
mod take;

pub use deadline::{DeadlineStatistics, DeadlineWatch, Safety, TimedCallback, Verdict, smallest_safe};
pub use exact::{Finding, examine};
pub use loopback::{Loopback, MeasurementError};
pub use response::{Path, find_path};
pub use stimulus::{Stimulus, decibels, from_decibels};
