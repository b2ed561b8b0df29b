//! The process in which a plugin is examined. It may crash or hang at any time; it ends with the pipe from the doctor.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Options;
use super::report::Examined;
use super::subject::Subject;
use super::table::TABLE;
use super::watch::CallWatch;
use crate::error::LoadError;
use crate::library::{self, Library, PluginDescriptor};
use crate::scan::{process, worker};

/// The argument that makes a program a worker.
pub(super) const ARGUMENT: &str = "--crosspoint-doctor-worker";

/// Examine a plugin.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub path: PathBuf,
    /// None for the only one in the file.
    pub id: Option<String>,
    pub options: Options,
    /// The first examination, by its place in the table.
    pub from: usize,
}

/// What a worker says: `Ready`, then `Broken`, or `Found`, an `Examined` for each examination and `Done`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is a worker and ready.
    Ready,
    /// There is no such plugin to be had.
    Broken { reason: String },
    /// The plugin is there.
    Found { plugin: PluginDescriptor },
    /// The next examination is over.
    Examined { examined: Examined },
    /// That was the last.
    Done,
}

impl process::Answer for Answer {
    fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// Makes this process a worker if a [`Doctor`](super::Doctor) started it as one, and never returns then. `open` opens the
/// libraries that the program knows: files, and packs that are linked into it.
///
/// Call it first thing in `main` of every program that examines plugins.
///
/// ```
/// use crosspoint_formats::doctor::{Unwatched, serve_if_worker};
/// serve_if_worker(crosspoint_formats::open, &Unwatched);
/// // The program itself.
/// ```
pub fn serve_if_worker(open: impl Fn(&Path) -> Result<Box<dyn Library>, LoadError>, watch: &dyn CallWatch) {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        worker::serve_requests("examine plugins", &Answer::Ready, |request, say| answer(request, &open, watch, say));
    }
}

/// Answers a request; none if nobody listens.
fn answer(
    request: &Request,
    open: &impl Fn(&Path) -> Result<Box<dyn Library>, LoadError>,
    watch: &dyn CallWatch,
    say: &mut dyn FnMut(&Answer) -> Option<()>,
) -> Option<()> {
    let library = match open(&request.path) {
        Ok(library) => library,
        Err(error) => return say(&Answer::Broken { reason: error.to_string() }),
    };
    let plugin = match library::pick(&*library, request.id.as_deref()) {
        Ok(plugin) => plugin,
        Err(reason) => return say(&Answer::Broken { reason }),
    };
    say(&Answer::Found { plugin: plugin.clone() })?;
    let mut subject = Subject::new(&*library, &plugin.id, &request.options, watch);
    for examination in TABLE.iter().skip(request.from) {
        let examined = examination.examine(&mut subject);
        let goes_on = examination.goes_on(&examined);
        say(&Answer::Examined { examined })?;
        if !goes_on {
            break;
        }
    }
    say(&Answer::Done)
}
