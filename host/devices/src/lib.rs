//! Audio device backends behind one duplex trait.
//!
//! A [`Backend`] lists devices and opens a [`Stream`] on one of them. The stream calls a [`DuplexCallback`] once per
//! period, on the driver's own thread, with all inputs and all outputs of that period as non-interleaved `f32`. Nothing
//! is handed to another thread on the way, so input to output adds no frame beyond the driver's own buffers; where a
//! system has no duplex stream and two must be joined, [`Latency::join`] says what that costs.
//!
//! | backend | for | duplex |
//! | --- | --- | --- |
//! | [`asio`] | ASIO drivers, on Windows | the driver's own buffer switch |
//! | [`jack`] | JACK and PipeWire's JACK | one client, one callback |
//! | [`cpal`]: `alsa`, `coreaudio`, `wasapi` | what the system has, shared with other programs | two streams joined by a ring |
//! | [`cpal`]: `pipewire`, `pulseaudio` | sound servers by their own interfaces; features of these names | two streams joined by a ring |
//! | `wasapi-exclusive` | WASAPI, with the device to ourselves | two streams joined by a ring, on one thread |
//! | [`virtual_device`] | no sound card at all | a thread paced by a timer |
//! | [`offline`] | files and tests; pulled by the caller, no stream | caller's thread |
//!
//! What they have in common: `joined` makes the periods of one stream out of two and follows their clocks, `callback_cell`
//! has the callback, `status` what a driver tells while it runs, `audio_thread` which thread renders and how the system
//! [schedules](Scheduling) it, `driver_controls` what a driver has [beside its stream](DriverControls), and `waiting` [opens a
//! device once it is free](open_when_free).
//!
//! MIDI devices are in [`midi`]; a driver that carries MIDI itself hands it over with the [`Period`].
//!
//! This crate knows nothing of graphs, plugins or files, and never starts an audio server.

#![deny(missing_docs)]

pub mod asio;
pub mod cpal;
pub mod jack;
pub mod midi;
pub mod offline;
pub mod virtual_device;
#[cfg(any(windows, test))]
pub mod wasapi_exclusive;

mod audio_thread;
mod backend;
mod callback_cell;
mod device_name;
mod driver_controls;
mod error;
mod joined;
mod period;
mod period_tables;
mod request;
mod selection;
mod status;
mod waiting;

pub use audio_thread::Scheduling;
pub use backend::{Backend, DeviceInfo, Latency, Stream, StreamInfo, StreamMidi, backend, backends, open_best};
pub use device_name::{DeviceName, DeviceNameError};
pub use driver_controls::{ClockSource, DriverControls};
pub use error::{Choices, DeviceError, OpenError, Side, StreamError};
pub use joined::Joined;
pub use offline::{Offline, OfflineError, PeriodSizes};
pub use period::{DuplexCallback, Period, PeriodMidi, PeriodTime};
pub use request::{JoinClocks, StreamRequest};
pub use selection::{ChannelSelection, MAX_CHANNELS, SelectionError};
pub use status::Notice;
pub use virtual_device::VirtualBackend;
pub use waiting::open_when_free;

/// Fails tests that allocate where they say that nothing may.
#[cfg(all(test, debug_assertions))]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
