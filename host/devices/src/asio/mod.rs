//! ASIO: a driver's own buffer switch runs the callback, inputs to outputs in the same call. Without an SDK: the interface
//! is in `abi`, the drivers in the registry.
//!
//! `asio:NAME` is the driver of that name; `asio` the first that can be opened, an interface's own before one that wraps
//! the system's audio. Listing drivers loads none of them, so it does not say how many channels they have.
//!
//! # What of a driver's faults is survived
//!
//! Calls that come early, late, twice, after a stop or when all is gone; answers that make no sense; buffers that are not
//! there; hardware that vanishes; storms of requests; a call that does not come back (its thread is left behind, and closing
//! does not wait for it). A driver is a library in this process: one that reads or writes memory that is not its own ends the
//! program, as it would any host, on whichever thread it does so. Only [`probe`] looks into it elsewhere, and says what it did.
//!
//! What runs in the callback is compiled for the tests of every system, so that its lints and tests run everywhere.

#[cfg(any(windows, test))]
#[cfg_attr(not(windows), allow(dead_code))]
mod abi;
#[cfg(any(windows, test))]
mod buffer_sizes;
#[cfg(windows)]
mod driver;
#[cfg(windows)]
mod owner;
pub mod probe;
#[cfg(windows)]
mod registry;
#[cfg(any(windows, test))]
mod sample_clock;
#[doc(hidden)]
pub mod sample_format;
#[cfg(windows)]
mod session;
#[cfg(any(windows, test))]
#[cfg_attr(not(windows), allow(dead_code))]
mod slot;
#[cfg(windows)]
mod stream;
#[cfg(any(windows, test))]
#[cfg_attr(not(windows), allow(dead_code))]
mod switch;

#[cfg(windows)]
pub use stream::AsioBackend;
