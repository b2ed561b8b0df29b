//! ASIO's binary interface as drivers for 64 bits have it: the functions of a driver, what they are handed, and what a
//! host is called with. Names are those of the interface in Rust's writing. Declarations alone; calls nothing.
#![deny(clippy::disallowed_types)]

use std::ffi::c_void;

/// A driver: its first field is what every COM object begins with.
#[repr(C)]
pub(super) struct Interface {
    pub functions: *const Functions,
}

/// A function that takes nothing and returns a result.
pub(super) type Simple = unsafe extern "system" fn(*mut Interface) -> i32;
/// One that answers with two numbers.
pub(super) type TwoNumbers = unsafe extern "system" fn(*mut Interface, *mut i32, *mut i32) -> i32;

/// One that answers with a position in frames and the time of it in nanoseconds.
pub(super) type Position = unsafe extern "system" fn(*mut Interface, *mut Split, *mut Split) -> i32;

/// The functions of a driver. A result is 0 or [`SUCCESS`] if it went well, unless said otherwise.
#[repr(C)]
pub(super) struct Functions {
    /// With the identifier of an interface.
    pub query_interface: unsafe extern "system" fn(*mut Interface, *const c_void, *mut *mut c_void) -> i32,
    pub add_ref: unsafe extern "system" fn(*mut Interface) -> u32,
    pub release: unsafe extern "system" fn(*mut Interface) -> u32,
    /// With the handle of a window; 1 if it went well.
    pub init: unsafe extern "system" fn(*mut Interface, *mut c_void) -> i32,
    /// Writes at most 32 bytes.
    pub get_driver_name: unsafe extern "system" fn(*mut Interface, *mut u8),
    pub get_driver_version: Simple,
    /// Writes at most 124 bytes.
    pub get_error_message: unsafe extern "system" fn(*mut Interface, *mut u8),
    pub start: Simple,
    pub stop: Simple,
    pub get_channels: TwoNumbers,
    pub get_latencies: TwoNumbers,
    /// Smallest, largest, preferred size, granularity.
    pub get_buffer_size: unsafe extern "system" fn(*mut Interface, *mut i32, *mut i32, *mut i32, *mut i32) -> i32,
    pub can_sample_rate: unsafe extern "system" fn(*mut Interface, f64) -> i32,
    pub get_sample_rate: unsafe extern "system" fn(*mut Interface, *mut f64) -> i32,
    pub set_sample_rate: unsafe extern "system" fn(*mut Interface, f64) -> i32,
    /// With room for [`ClockSource`]s, and how many; how many there are.
    pub get_clock_sources: unsafe extern "system" fn(*mut Interface, *mut c_void, *mut i32) -> i32,
    pub set_clock_source: unsafe extern "system" fn(*mut Interface, i32) -> i32,
    pub get_sample_position: Position,
    pub get_channel_info: unsafe extern "system" fn(*mut Interface, *mut ChannelInfo) -> i32,
    pub create_buffers: unsafe extern "system" fn(*mut Interface, *mut BufferInfo, i32, i32, *const Callbacks) -> i32,
    pub dispose_buffers: Simple,
    pub control_panel: Simple,
    pub future: unsafe extern "system" fn(*mut Interface, i32, *mut c_void) -> i32,
    pub output_ready: Simple,
}

/// Besides 0, what a function returns that went well.
pub(super) const SUCCESS: i32 = 0x3f48_47a0;

/// A number of 64 bits in two halves, the higher one first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Split {
    pub high: u32,
    pub low: u32,
}

impl Split {
    pub fn number(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }

    #[cfg_attr(not(test), allow(dead_code, reason = "of the test driver, which shares this file"))]
    pub fn of(number: u64) -> Self {
        Self { high: (number >> 32) as u32, low: number as u32 }
    }
}

/// One channel, asked for by `channel` and `is_input`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChannelInfo {
    pub channel: i32,
    pub is_input: i32,
    pub is_active: i32,
    pub group: i32,
    pub sample_type: i32,
    pub name: [u8; 32],
}

/// What a driver can take its clock from.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClockSource {
    pub index: i32,
    /// The input that carries it, or -1.
    pub channel: i32,
    pub group: i32,
    pub is_current: i32,
    pub name: [u8; 32],
}

/// A channel to make buffers for, and the two halves of its buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct BufferInfo {
    pub is_input: i32,
    pub channel: i32,
    pub buffers: [*mut c_void; 2],
}

/// What a driver tells of a moment, up to what we read; what comes behind differs between compilers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time {
    pub reserved: [i32; 4],
    pub speed: f64,
    /// Nanoseconds.
    pub system_time: Split,
    pub sample_position: Split,
    pub sample_rate: f64,
    /// [`SYSTEM_TIME_VALID`], [`SAMPLE_POSITION_VALID`] and others.
    pub flags: u32,
}

pub(super) const SYSTEM_TIME_VALID: u32 = 1;
pub(super) const SAMPLE_POSITION_VALID: u32 = 1 << 1;

/// What a driver calls. There is no pointer of ours in it.
#[repr(C)]
pub(super) struct Callbacks {
    pub buffer_switch: unsafe extern "system" fn(i32, i32),
    pub sample_rate_did_change: unsafe extern "system" fn(f64),
    pub asio_message: unsafe extern "system" fn(i32, i32, *mut c_void, *mut f64) -> i32,
    pub buffer_switch_time_info: unsafe extern "system" fn(*mut Time, i32, i32) -> *mut Time,
}

/// What a driver asks or tells by `asio_message`.
pub(super) mod message {
    /// Whether the message that `value` names is understood.
    pub const SELECTOR_SUPPORTED: i32 = 1;
    /// Which version of the interface we speak.
    pub const ENGINE_VERSION: i32 = 2;
    /// It wants to be closed and opened again.
    pub const RESET_REQUEST: i32 = 3;
    /// Its buffers are to be of the size that `value` is.
    pub const BUFFER_SIZE_CHANGE: i32 = 4;
    /// It lost frames.
    pub const RESYNC_REQUEST: i32 = 5;
    /// Its latencies are others.
    pub const LATENCIES_CHANGED: i32 = 6;
    /// Whether `buffer_switch_time_info` is understood.
    pub const SUPPORTS_TIME_INFO: i32 = 7;
    /// It could not keep up.
    pub const OVERLOAD: i32 = 15;
}
