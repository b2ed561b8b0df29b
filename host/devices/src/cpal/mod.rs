//! The system's own audio interface: ALSA, CoreAudio or WASAPI.

use crate::backend::Backend;

/// The hosts that cpal has on this system, as backends.
pub(crate) fn hosts() -> Vec<Box<dyn Backend>> {
    Vec::new()
}
