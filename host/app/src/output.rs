//! Standard output belongs to the command alone: plugins that print are sent to standard error, so that a JSON document
//! is all there is.

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

/// The command's own standard output.
pub struct Output {
    #[cfg(unix)]
    stdout: std::fs::File,
}

impl Output {
    /// Takes standard output for the command; whatever else prints there goes to standard error from now on.
    ///
    /// # Errors
    /// If the process has no standard output or error.
    pub fn take() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            let failed = |error| Failure::new(format_args!("cannot take standard output: {error}"));
            let own = rustix::io::dup(rustix::stdio::stdout()).map_err(failed)?;
            rustix::stdio::dup2_stdout(rustix::stdio::stderr()).map_err(failed)?;
            Ok(Self { stdout: own.into() })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Prints a text as it is.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let failed = |error| Failure::new(format_args!("cannot print: {error}"));
        #[cfg(unix)]
        let mut stdout = &self.stdout;
        #[cfg(not(unix))]
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(failed)
    }

    /// Prints a document as JSON, with a line end.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn json(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(document).map_err(Failure::new)?;
        text.push('\n');
        self.text(&text)
    }
}
