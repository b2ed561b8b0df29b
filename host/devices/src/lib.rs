//! Audio device backends behind one duplex trait.
//!
//! A [`Backend`] lists devices and opens a [`Stream`] on one of them. The stream calls a [`DuplexCallback`] once per
//! period, on the driver's own thread, with all inputs and all outputs of that period as non-interleaved `f32`. Nothing
//! is handed to another thread on the way, so input to output adds no frame beyond the driver's own buffers; where a
//! system has no duplex stream and two must be joined, [`Latency::join`] says what that costs.
//!
//! | backend | for | duplex |
//! | --- | --- | --- |
//! | `asio` | ASIO drivers, on Windows | the driver's own buffer switch |
//! | [`jack`] | JACK and PipeWire's JACK | one client, one callback |
//! | [`cpal`] | ALSA, CoreAudio, WASAPI | two streams joined by a ring |
//! | [`virtual_device`] | no sound card at all | a thread paced by a timer |
//! | [`offline`] | files and tests; pulled by the caller, no stream | caller's thread |
//!
//! This crate knows nothing of graphs, plugins or files, and never starts an audio server.

#![deny(missing_docs)]

pub mod asio;
pub mod cpal;
pub mod jack;
pub mod offline;
pub mod virtual_device;

mod backend;
mod callback_cell;
mod device_name;
mod driver_controls;
mod error;
mod period;
mod period_tables;
mod request;
mod selection;
mod status;
mod waiting;

pub use backend::{Backend, DeviceInfo, Latency, Stream, StreamInfo, backend, backends, open_best};
pub use device_name::{DeviceName, DeviceNameError};
pub use driver_controls::{ClockSource, DriverControls};
pub use error::{Choices, DeviceError, OpenError, Side, StreamError};
pub use offline::{Offline, OfflineError, PeriodSizes};
pub use period::{DuplexCallback, Period, PeriodTime};
pub use request::{JoinClocks, StreamRequest};
pub use selection::{ChannelSelection, MAX_CHANNELS, SelectionError};
pub use status::Notice;
pub use virtual_device::VirtualBackend;
pub use waiting::open_when_free;
