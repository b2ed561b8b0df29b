//! WASAPI in exclusive mode: the program has an endpoint to itself, at its own rate and in its own format, with no mixer of
//! the system between, and is paced by the endpoint's event.
//!
//! ```text
//!   input's event ──► Exchange: buffer ─ convert ─► join ─┐          one thread, `Pro Audio`,
//!   output's event ─► Exchange: buffer ◄ convert ◄─ callback ◄┘      which has both sides
//! ```
//!
//! An interface has an endpoint for each side. They are opened together and joined by a ring; sides of one interface are
//! taken to share its clock, those of two are followed by a resampler. In a period nothing is called but what the system
//! demands: waiting for the event, and getting and releasing a buffer. The system does not tell when an output ran dry; what
//! an input lost is counted as an xrun.
//!
//! All that decides is apart from the system's calls, so that it is checked and tested on every system.
#![cfg_attr(not(windows), allow(dead_code))]

mod choice;
mod encoding;
mod exchange;
#[cfg(test)]
mod fake;
mod fault;
mod stream;
mod worker;

#[cfg(windows)]
mod backend;
#[cfg(windows)]
mod endpoints;
#[cfg(all(test, windows))]
mod windows_tests;

#[cfg(windows)]
pub use backend::WasapiExclusiveBackend;

/// The backend's name.
const NAME: &str = "wasapi-exclusive";
