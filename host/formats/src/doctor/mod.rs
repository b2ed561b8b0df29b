//! A doctor for plugins: does to one plugin what a rig will do to it, and tells what it saw.
//!
//! [`Doctor`] examines in other processes, which are the program started again: a plugin that crashes or hangs costs an
//! examination, and that is a finding. The program calls [`serve_if_worker`] first thing in `main`. [`examine`] does the
//! same in this process, for plugins that are trusted not to take it down.
//!
//! An examination is a function in `examinations` and a line in `table`. It sees the plugin through [`crate::Plugin`] and
//! the graph's own way of calling a processor only, so that it holds for every format.
//!
//! Never judges taste: a finding says what was seen, what it means to a rig, and how grave that is.

mod examinations;
mod isolated;
mod playing;
mod report;
mod signal;
mod subject;
mod table;
mod watch;
mod worker;

use serde::{Deserialize, Serialize};

pub use isolated::{Doctor, DoctorError};
pub use report::{Examined, Finding, Outcome, Report, Severity, Summary};
pub use watch::{CallWatch, Calls, SystemCall, Unwatched};
pub use worker::serve_if_worker;

use crate::library::Library;
use subject::Subject;
use table::TABLE;

/// How thorough an examination is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Less of everything: a second or two in place of ten.
    pub quick: bool,
    /// What random values and block sizes are made of; the same seed, the same examination.
    pub seed: u64,
}

impl Default for Options {
    /// Thorough.
    fn default() -> Self {
        Self { quick: false, seed: 1 }
    }
}

/// Examines a plugin in this process, which it may take down. Main thread.
pub fn examine(library: &dyn Library, id: &str, options: &Options, watch: &dyn CallWatch) -> Report {
    let mut subject = Subject::new(library, id, options, watch);
    let mut examinations = Vec::new();
    let mut goes_on = true;
    for examination in TABLE {
        if !goes_on {
            examinations.push(examination.not_reached());
            continue;
        }
        let examined = examination.examine(&mut subject);
        goes_on = examination.goes_on(&examined);
        examinations.push(examined);
    }
    let plugin = library.descriptors().iter().find(|descriptor| descriptor.id == id).cloned();
    Report::new(library.path().to_owned(), plugin, examinations)
}

/// The names of all examinations, in their order.
pub fn examinations() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|examination| examination.name)
}
