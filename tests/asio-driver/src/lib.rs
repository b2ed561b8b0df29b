//! An ASIO driver for the tests: a COM library that a host loads like any other, and that a test tells what to be and when
//! to switch its buffers. Its inputs are numbers that say where they stand; it compares what the host plays with them,
//! sample by sample. Wrong only as it is told to be.
//!
//! On Windows a test has it by `TestDriver`, which registers the library and talks to it; one that starts other
//! programs, by `install` and a [`Report`].

#[cfg(windows)]
#[path = "../../../host/devices/src/asio/abi.rs"]
#[allow(dead_code)]
mod abi;
#[cfg(windows)]
mod class;
#[cfg(windows)]
mod driver;
#[cfg(windows)]
mod exports;
mod outside;
mod plan;
#[cfg(windows)]
mod record;
#[cfg(windows)]
mod running;
#[cfg(any(windows, test))]
mod signal;
#[cfg(windows)]
mod test_driver;

pub use outside::{REPORT_VARIABLE, Report};
pub use plan::{CLASS, Control, Counts, NAME, PLAN_VARIABLE, Place, Plan, Trait, library};
#[cfg(windows)]
pub use test_driver::{TestDriver, install};
