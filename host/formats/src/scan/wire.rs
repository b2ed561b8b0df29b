//! What goes between a scanner and its worker: one JSON value a line, requests one way and answers the other. Both ends
//! are the same program, so there is no other version to be understood.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::facts::PluginShape;
use crate::library::PluginDescriptor;

/// Look into a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub path: PathBuf,
    /// The first plugin to make, by its place in the list: those before it are known, or known to be fatal.
    pub from: usize,
}

/// What a worker says. A file is answered by `Broken`, or by `Listed`, a `Plugin` for each one made, and `Done`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is a worker and ready.
    Ready,
    /// The file does not load.
    Broken { reason: String },
    /// The plugins in the file.
    Listed { plugins: Vec<PluginDescriptor> },
    /// The next plugin was made, or refused to be.
    Plugin { shape: Option<PluginShape>, fault: Option<String> },
    /// That was all of the file.
    Done,
}

impl super::process::Answer for Answer {
    fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}
