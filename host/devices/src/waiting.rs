//! Waiting for a device that another program has.

use std::time::{Duration, Instant};

use crate::backend::{Backend, Stream};
use crate::error::{DeviceError, OpenError};
use crate::period::DuplexCallback;
use crate::request::StreamRequest;

/// How long to leave a device alone between two attempts: opening one may disturb whoever has it.
const PAUSE: Duration = Duration::from_millis(500);

/// How soon a wait that is cancelled ends.
const STEP: Duration = Duration::from_millis(50);

impl OpenError {
    /// Whether the same request may succeed once another program has closed the device, or it has been plugged in.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::RateHeld { .. }
                | Self::Driver { .. }
                | Self::NoDevice { .. }
                | Self::Device(DeviceError::NoServer { .. })
        )
    }
}

/// Opens a stream, and tries again for as long as `limit` if what is in the way [may pass](OpenError::may_pass).
/// `is_cancelled` is asked many times a second. `callback` makes one for each attempt.
///
/// # Errors
/// The last refusal.
pub fn open_when_free(
    backend: &dyn Backend,
    request: &StreamRequest,
    limit: Duration,
    is_cancelled: &dyn Fn() -> bool,
    mut callback: impl FnMut() -> Box<dyn DuplexCallback>,
) -> Result<Box<dyn Stream>, OpenError> {
    let begun = Instant::now();
    loop {
        let refusal = match backend.open(request, callback()) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let tried = Instant::now();
        while tried.elapsed() < PAUSE {
            if !refusal.may_pass() || is_cancelled() || begun.elapsed() >= limit {
                return Err(refusal);
            }
            std::thread::sleep(STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::backend::DeviceInfo;
    use crate::period::Period;
    use crate::virtual_device::VirtualBackend;

    /// Refuses so often, then is the virtual device.
    struct Refuses(Cell<u32>, OpenError);

    impl Backend for Refuses {
        fn name(&self) -> &'static str {
            "refuses"
        }

        fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
            Ok(Vec::new())
        }

        fn open(
            &self,
            request: &StreamRequest,
            callback: Box<dyn DuplexCallback>,
        ) -> Result<Box<dyn Stream>, OpenError> {
            match self.0.replace(self.0.get().saturating_sub(1)) {
                0 => VirtualBackend.open(request, callback),
                _ => Err(self.1.clone()),
            }
        }
    }

    fn open(refuses: &Refuses, limit: Duration, is_cancelled: bool) -> Result<Box<dyn Stream>, OpenError> {
        let callback = || Box::new(|_: Period<'_>| ()) as Box<dyn DuplexCallback>;
        open_when_free(refuses, &StreamRequest::default(), limit, &|| is_cancelled, callback)
    }

    /// A device that becomes free, or is plugged in, is opened; neither a cancelled wait, one that is over, nor a request that can never be
    /// met tries again.
    #[test]
    fn a_device_is_waited_for() {
        let busy = OpenError::Busy { device: "it".to_owned() };
        let minute = Duration::from_secs(60);
        assert!(open(&Refuses(Cell::new(2), busy.clone()), minute, false).is_ok());
        for (limit, is_cancelled) in [(Duration::ZERO, false), (minute, true)] {
            let refuses = Refuses(Cell::new(2), busy.clone());
            assert_eq!(open(&refuses, limit, is_cancelled).err(), Some(busy.clone()));
            assert_eq!(refuses.0.get(), 1);
        }
        let unplugged = OpenError::NoDevice { backend: "refuses", device: "it".to_owned(), known: Vec::new() };
        assert!(open(&Refuses(Cell::new(1), unplugged), minute, false).is_ok());
        let never = OpenError::NoChannels { device: "it".to_owned() };
        assert_eq!(open(&Refuses(Cell::new(2), never.clone()), minute, false).err(), Some(never));
    }
}
