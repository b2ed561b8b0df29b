//! Finding plugins and finding out about them, in other processes: a plugin that crashes, hangs or does not load costs
//! its own file only. Never loads a plugin into the process that scans.
//!
//! [`plugin_files`] looks for files, in [`standard_folders`] or elsewhere. A [`Scanner`] hands them to workers, which
//! are the same program started again: it must call [`serve_if_worker`] first thing in `main`, or name a program that
//! does. Each worker looks into one file after the other and is replaced when it crashes or is late; what went wrong is
//! told with the file, and with the plugin in it where that is known.
//!
//! A bundle that describes itself in a `moduleinfo.json` is not loaded at all, and what only a plugin that was made can
//! tell is not known of it then.
//!
//! ```no_run
//! use crosspoint_formats::Format;
//! use crosspoint_formats::scan::{self, ScanEvent, Scanner, WorkerProgram};
//! use std::ops::ControlFlow;
//!
//! # fn main() -> Result<(), scan::ScanError> {
//! scan::serve_if_worker();
//! let files = scan::plugin_files(&scan::standard_folders(Format::Clap));
//! Scanner::new(WorkerProgram::this()?).scan(&files, |event| {
//!     if let ScanEvent::Finished(report) = event {
//!         println!("{}: {} plugins, {} faults", report.path.display(), report.plugins.len(), report.faults.len());
//!     }
//!     ControlFlow::Continue(())
//! })
//! # }
//! ```

mod ending;
mod facts;
mod find;
mod folders;
mod lane;
mod look;
mod module_info;
pub(crate) mod process;
mod scanner;
mod stdio;
mod wire;
pub(crate) mod worker;

pub use facts::{BusFacts, FileReport, NotePortFacts, PluginFacts, PluginShape, ScanFault};
pub use find::plugin_files;
pub use folders::standard_folders;
pub use look::{look_into, shape};
pub use scanner::{ScanError, ScanEvent, Scanner, WorkerProgram};
pub use worker::{serve, serve_if_worker};
