//! An ASIO driver for the tests: a COM library that a host loads like any other, and that a test tells what to be and when
//! to switch its buffers. Its inputs are numbers that say where they stand; it compares what the host plays with them,
//! sample by sample. Wrong only as it is told to be.
//!
//! A test finds the library by [`library`], registers it under [`NAME`], and talks to it by the functions of [`Control`].

mod outside;
mod plan;

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

pub use outside::{REPORT_VARIABLE, Report, register};
pub use plan::{CLASS, Control, Counts, NAME, PLAN_VARIABLE, Plan, Trait, library};
