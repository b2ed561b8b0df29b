//! Scanning files with several workers at once, and telling how far it has come.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::facts::FileReport;
use super::lane::{Halt, Lane};
use super::worker::ARGUMENT;

/// How a worker is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProgram {
    /// The executable.
    pub program: PathBuf,
    /// What it is given. It must come to [`serve`](super::serve).
    pub arguments: Vec<String>,
    /// Whether what workers and their plugins print is shown on standard error; it goes nowhere otherwise.
    pub verbose: bool,
}

impl WorkerProgram {
    /// An executable that calls [`serve_if_worker`](super::serve_if_worker) first thing in its `main`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: vec![ARGUMENT.to_owned()], verbose: false }
    }

    /// The program that runs.
    ///
    /// # Errors
    /// [`ScanError::Worker`] if the system does not say which it is.
    pub fn this() -> Result<Self, ScanError> {
        let program = std::env::current_exe()
            .map_err(|error| ScanError::Worker { program: PathBuf::new(), reason: error.to_string() })?;
        Ok(Self::new(program))
    }
}

/// Why a scan could not be made at all. What is wrong with plugins is never an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Workers do not start.
    #[error(
        "{program} does not start as a scan worker: {reason}; it must call `scan::serve_if_worker` first thing in `main`",
        program = program.display()
    )]
    Worker {
        /// The executable.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// What happens during a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanEvent {
    /// A worker begins with a file.
    Started {
        /// The file or bundle.
        path: PathBuf,
    },
    /// A file is done with.
    Finished(FileReport),
}

/// Scans plugin files in other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    /// How workers are started.
    pub worker: WorkerProgram,
    /// How many of them there are at once, at least one.
    pub jobs: usize,
    /// How long a file may take. A file that is blamed for another's hang gets as much again in a process of its own.
    pub time_limit: Duration,
}

impl Scanner {
    /// A worker for each core, and half a minute a file.
    pub fn new(worker: WorkerProgram) -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        Self { worker, jobs, time_limit: Duration::from_secs(30) }
    }

    /// Looks into each file and tells `observer`, on this thread, in the order in which that happens. If it breaks, no
    /// more files are begun, those under way are given up, and no more is told.
    ///
    /// # Errors
    /// If workers do not start. Files done until then have been told.
    pub fn scan(
        &self,
        files: &[PathBuf],
        mut observer: impl FnMut(ScanEvent) -> ControlFlow<()>,
    ) -> Result<(), ScanError> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut result = Ok(());
        std::thread::scope(|scope| {
            let (sender, events) = mpsc::channel();
            for _ in 0..self.jobs.clamp(1, files.len().max(1)) {
                let mut lane = Lane::new(self, &stop);
                let (sender, next, stop) = (sender.clone(), &next, &stop);
                scope.spawn(move || {
                    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let started = sender.send(Ok(ScanEvent::Started { path: file.clone() }));
                        let told = started.and_then(|()| match lane.scan(file) {
                            Ok(report) => sender.send(Ok(ScanEvent::Finished(report))),
                            Err(Halt::Failed(error)) => sender.send(Err(error)),
                            Err(Halt::Stopped) => Ok(()),
                        });
                        if told.is_err() || stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for event in events {
                match event {
                    Ok(event) if !stop.load(Ordering::Relaxed) => {
                        if observer(event).is_break() {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        result = Err(error);
                    }
                    Ok(_) => {}
                }
            }
        });
        result
    }
}
