//! Looking at one plugin from outside: its parameters, and the presets there are for it. The plugin's code runs in another
//! process, which is the program started again: one that crashes or hangs there is an error here. The program calls
//! [`serve_if_worker`] first thing in `main`.
//!
//! ```no_run
//! use crosspoint_formats::inspect::{self, Inspector};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! inspect::serve_if_worker(crosspoint_formats::open);
//! let inspector = Inspector::new(std::env::current_exe()?);
//! for preset in inspector.presets("Verb.clap".as_ref(), None)?.presets.presets {
//!     println!("{}", preset.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Never loads a plugin into the process that asks.

mod sheet;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use sheet::{ParameterSheet, PluginSheet, ValueSheet};
pub use worker::{serve, serve_if_worker};

use crate::library::PluginDescriptor;
use crate::preset::Presets;
use crate::scan::WorkerProgram;
use crate::scan::process::{Silence, Worker};
use worker::{ARGUMENT, Answer, Question, Request};

/// Looks at plugins in other processes. Any thread, which waits meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspector {
    /// How these are started.
    pub worker: WorkerProgram,
    /// How long one look may take.
    pub time_limit: Duration,
}

/// The presets of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPresets {
    /// The plugin.
    pub plugin: PluginDescriptor,
    /// Its file, or the name that a linked entry was given.
    pub path: PathBuf,
    /// Those that it lists itself first, then those that lie in files.
    #[serde(flatten)]
    pub presets: Presets,
}

/// Why a plugin could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The process in which plugins are looked at does not start.
    #[error(
        "{program} does not start to look at plugins: {reason}; it must call `inspect::serve_if_worker` first thing in \
         `main`",
        program = program.display()
    )]
    Worker {
        /// The executable.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// There is no such plugin, or it cannot be made.
    #[error("{reason}")]
    NoPlugin {
        /// What is wrong, and what there is.
        reason: String,
    },
    /// It ended its process.
    #[error("the plugin in {path} ended its process: {how}; update it, or leave it out", path = path.display())]
    Crashed {
        /// The plugin's file.
        path: PathBuf,
        /// How the process ended.
        how: String,
    },
    /// It did not answer in time.
    #[error(
        "the plugin in {path} did not answer within {limit:?} and was given up; give it more time, or leave it out",
        path = path.display()
    )]
    Late {
        /// The plugin's file.
        path: PathBuf,
        /// How long it had.
        limit: Duration,
    },
}

impl Inspector {
    /// By an executable that calls [`serve_if_worker`] first thing in its `main`; half a minute a look.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let worker = WorkerProgram { arguments: vec![ARGUMENT.to_owned()], ..WorkerProgram::new(program) };
        Self { worker, time_limit: Duration::from_secs(30) }
    }

    /// A plugin with its parameters; without an id, the only one in the file.
    ///
    /// # Errors
    /// If there is no such plugin, or it crashes or hangs.
    pub fn sheet(&self, path: &Path, id: Option<&str>) -> Result<PluginSheet, InspectError> {
        self.ask(path, id, Question::Sheet, |answer| match answer {
            Answer::Sheet { sheet } => Some(*sheet),
            _ => None,
        })
    }

    /// The presets for a plugin: those that its file and the standard folders of its format hold, and those that it lists
    /// itself.
    ///
    /// # Errors
    /// As [`Self::sheet`].
    pub fn presets(&self, path: &Path, id: Option<&str>) -> Result<PluginPresets, InspectError> {
        self.ask(path, id, Question::Presets, |answer| match answer {
            Answer::Presets { presets } => Some(*presets),
            _ => None,
        })
    }

    fn ask<T>(
        &self,
        path: &Path,
        id: Option<&str>,
        question: Question,
        wanted: impl Fn(Answer) -> Option<T>,
    ) -> Result<T, InspectError> {
        let never = AtomicBool::new(false);
        let mut worker = Worker::<Answer>::start(&self.worker, &never)
            .map_err(|reason| InspectError::Worker { program: self.worker.program.clone(), reason })?;
        worker.ask(&Request { path: path.to_owned(), id: id.map(str::to_owned), question });
        let deadline = Instant::now() + self.time_limit;
        loop {
            match worker.answer(deadline, &never) {
                Ok(Answer::Broken { reason }) => return Err(InspectError::NoPlugin { reason }),
                Ok(answer) => {
                    if let Some(wanted) = wanted(answer) {
                        return Ok(wanted);
                    }
                }
                Err(Silence::Ended(how)) => return Err(InspectError::Crashed { path: path.to_owned(), how }),
                Err(Silence::Late | Silence::Stopped) => {
                    return Err(InspectError::Late { path: path.to_owned(), limit: self.time_limit });
                }
            }
        }
    }
}
