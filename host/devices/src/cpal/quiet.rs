//! libasound prints to standard error whatever it could not open. What fails is reported as an error or left out of a
//! list; the chatter helps nobody.

/// Keeps libasound from printing on this thread.
pub(crate) struct Quiet;

impl Quiet {
    /// From now on, as far as the system has libasound.
    pub fn new() -> Self {
        #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd", target_os = "dragonfly"))]
        {
            // Collects the messages in memory, in place of what was collected before. Failing, libasound prints.
            let _ = alsa::Output::local_error_handler();
        }
        Self
    }
}
