//! What the system's audio answers when it refuses, in words that say what to do. Numbers only: known on every system.
#![deny(clippy::disallowed_types)]

use std::fmt;

use crate::error::{OpenError, StreamError};
use crate::status::StreamStatus;

/// Why something did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The system said so, by this number (an `HRESULT`).
    System(i32),
    /// No event came for seconds.
    Silent,
}

const fn audio(code: u16) -> i32 {
    (0x8889_0000_u32 | code as u32) as i32
}

/// `AUDCLNT_E_` and what follows, from audioclient.h.
pub(super) const DEVICE_INVALIDATED: i32 = audio(0x04);
pub(super) const UNSUPPORTED_FORMAT: i32 = audio(0x08);
pub(super) const DEVICE_IN_USE: i32 = audio(0x0A);
pub(super) const EXCLUSIVE_MODE_NOT_ALLOWED: i32 = audio(0x0E);
pub(super) const ENDPOINT_CREATE_FAILED: i32 = audio(0x0F);
pub(super) const SERVICE_NOT_RUNNING: i32 = audio(0x10);
pub(super) const BUFFER_SIZE_ERROR: i32 = audio(0x16);
pub(super) const CPU_USAGE_EXCEEDED: i32 = audio(0x17);
pub(super) const BUFFER_SIZE_NOT_ALIGNED: i32 = audio(0x19);
pub(super) const INVALID_DEVICE_PERIOD: i32 = audio(0x20);
pub(super) const RESOURCES_INVALIDATED: i32 = audio(0x26);
/// `E_ACCESSDENIED`.
pub(super) const ACCESS_DENIED: i32 = 0x8007_0005_u32 as i32;

impl Fault {
    /// Whether the device is gone, and not only the stream.
    pub fn is_lost(self) -> bool {
        matches!(self, Self::System(DEVICE_INVALIDATED | SERVICE_NOT_RUNNING))
    }

    /// Why a device could not be opened.
    pub fn refusal(self, device: &str) -> OpenError {
        let device = device.to_owned();
        match self {
            Self::System(DEVICE_IN_USE) => OpenError::Busy { device },
            Self::System(ACCESS_DENIED) => OpenError::Permission { device },
            _ => OpenError::Driver { device, message: self.to_string() },
        }
    }

    /// Why a stream could not be started.
    pub fn stream_error(self, device: &str) -> StreamError {
        let device = device.to_owned();
        if self.is_lost() {
            StreamError::Lost { device }
        } else {
            StreamError::Driver { device, message: self.to_string() }
        }
    }

    /// Tells who holds the stream that it ended. Allocates: no longer in the callback.
    pub fn tell(self, status: &StreamStatus) {
        let place = if self.is_lost() { &status.lost } else { &status.stopped };
        place.set(&self.to_string());
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "the device no longer asks for sound: check it, then open it again",
            Self::System(DEVICE_INVALIDATED) => "the device was unplugged or switched off",
            Self::System(SERVICE_NOT_RUNNING) => "the system's audio service does not run: start \"Windows Audio\"",
            Self::System(RESOURCES_INVALIDATED) => "the system took the device away: open it again",
            Self::System(DEVICE_IN_USE) => "another program has it: close that one",
            Self::System(EXCLUSIVE_MODE_NOT_ALLOWED) => {
                "programs may not have it to themselves: allow exclusive control in its properties (Control Panel, Sound, \
                 Advanced), or use the backend wasapi, which shares it"
            }
            Self::System(UNSUPPORTED_FORMAT) => "it does not take the format that it said it takes",
            Self::System(BUFFER_SIZE_ERROR | INVALID_DEVICE_PERIOD) => "it does not take this buffer size: ask for another",
            Self::System(CPU_USAGE_EXCEEDED) => "its driver finds the processor too busy: use a larger buffer",
            Self::System(ENDPOINT_CREATE_FAILED) => "its driver failed: unplug it and plug it in again",
            Self::System(code) => return write!(f, "the system says 0x{code:08X}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each refusal is of its kind and says what to do.
    #[test]
    fn refusals_say_what_to_do() {
        let refusal = |code| Fault::System(code).refusal("box");
        assert_eq!(refusal(DEVICE_IN_USE), OpenError::Busy { device: "box".into() });
        assert_eq!(refusal(ACCESS_DENIED), OpenError::Permission { device: "box".into() });
        for (code, advice) in [
            (EXCLUSIVE_MODE_NOT_ALLOWED, "allow exclusive control"),
            (SERVICE_NOT_RUNNING, "start \"Windows Audio\""),
            (CPU_USAGE_EXCEEDED, "larger buffer"),
            (-1, "0xFFFFFFFF"),
        ] {
            let text = refusal(code).to_string();
            assert!(text.contains("`box`") && text.contains(advice), "{text}");
        }
    }

    /// What is gone is told as gone, what merely stopped as stopped, each in full.
    #[test]
    fn the_end_of_a_stream_is_told_as_what_it_is() {
        for (fault, is_lost) in [
            (Fault::System(DEVICE_INVALIDATED), true),
            (Fault::System(RESOURCES_INVALIDATED), false),
            (Fault::Silent, false),
        ] {
            let status = StreamStatus::default();
            fault.tell(&status);
            assert_eq!((status.lost.is_set(), status.stopped.is_set()), (is_lost, !is_lost), "{fault}");
            let told = status.lost.get().or(status.stopped.get());
            assert_eq!(told, Some(fault.to_string()));
        }
    }
}
