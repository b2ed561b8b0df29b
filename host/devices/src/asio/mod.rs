//! ASIO: a driver's own buffer switch runs the callback, inputs to outputs in the same call. Without an SDK: the interface
//! is in `abi`, the drivers in the registry.
//!
//! `asio:NAME` is the driver of that name; `asio` the first that can be opened, an interface's own before one that wraps
//! the system's audio. Listing drivers loads none of them, so it does not say how many channels they have.

#[cfg(windows)]
mod abi;
mod buffer_sizes;
#[cfg(windows)]
mod driver;
#[cfg(windows)]
mod owner;
#[cfg(windows)]
mod registry;
pub(crate) mod sample_format;
#[cfg(windows)]
mod session;
#[cfg(windows)]
mod stream;
#[cfg(windows)]
mod switch;

#[cfg(windows)]
pub use stream::AsioBackend;
