//! The driver in a program that is not the test itself: it tells what happened by a file.

use std::path::Path;
use std::{fs, io};

/// The variable of the environment that names the file into which the driver writes what happened, each time its buffers go.
pub const REPORT_VARIABLE: &str = "CROSSPOINT_TEST_ASIO_REPORT";

/// What happened until the buffers went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Buffer switches.
    pub switches: u64,
    /// Samples that the host played.
    pub compared: u64,
    /// Those of them that were not what came in on the input of the same place in the same switch.
    pub mismatches: u64,
}

impl Report {
    /// Reads what a driver wrote.
    ///
    /// # Errors
    /// If there is no such file, or another one.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let numbers: Vec<u64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
        match numbers[..] {
            [switches, compared, mismatches] => Ok(Self { switches, compared, mismatches }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{text}` is no report"))),
        }
    }
}

/// Writes what happened, if anybody wants to know.
#[cfg(windows)]
pub fn report(counts: crate::plan::Counts) {
    if let Some(path) = std::env::var_os(REPORT_VARIABLE) {
        // A test that finds no file says so.
        let _ = fs::write(path, format!("{} {} {}\n", counts.switches, counts.compared, counts.mismatches));
    }
}
