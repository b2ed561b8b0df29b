//! The doctor's own end: sends the plugin through all examinations in processes that it may crash or hang, and blames the
//! examination that was under way.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::Options;
use super::report::{Examined, Report};
use super::table::TABLE;
use super::worker::{ARGUMENT, Answer, Request};
use crate::library::PluginDescriptor;
use crate::scan::WorkerProgram;
use crate::scan::process::{Silence, Worker};

/// Why a plugin could not be examined at all. What is wrong with it is never an error, once it is there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// The process in which plugins are examined does not start.
    #[error(
        "{program} does not start to examine plugins: {reason}; it must call `doctor::serve_if_worker` first thing in `main`",
        program = program.display()
    )]
    Worker {
        /// The executable.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// There is no such plugin.
    #[error("{reason}")]
    NoPlugin {
        /// What is wrong, and what there is.
        reason: String,
    },
}

/// Examines plugins in other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doctor {
    /// How these are started.
    pub worker: WorkerProgram,
    /// How long one examination may take.
    pub time_limit: Duration,
    /// How thorough they are.
    pub options: Options,
}

/// How one process ended.
enum End {
    /// All is done.
    Done,
    /// Another one goes on with the next examination.
    Lost,
}

impl Doctor {
    /// By an executable that calls [`serve_if_worker`](super::serve_if_worker) first thing in its `main`: two minutes an
    /// examination, half a minute if it has to be quick.
    pub fn new(program: impl Into<PathBuf>, options: Options) -> Self {
        let arguments = vec![ARGUMENT.to_owned()];
        let worker = WorkerProgram { arguments, ..WorkerProgram::new(program) };
        let time_limit = Duration::from_secs(if options.quick { 30 } else { 120 });
        Self { worker, time_limit, options }
    }

    /// Examines a plugin: `id` in a file, or the only one there. `observer` is told the name of each examination as it
    /// begins.
    ///
    /// # Errors
    /// If the processes do not start, or there is no such plugin. A file that does not survive being opened is a finding.
    pub fn examine(
        &self,
        path: &Path,
        id: Option<&str>,
        mut observer: impl FnMut(&'static str),
    ) -> Result<Report, DoctorError> {
        let mut visit = Visit { doctor: self, plugin: None, examined: Vec::new() };
        while let End::Lost = visit.go_on(path, id, &mut observer)? {}
        let reached = visit.examined.len();
        visit.examined.extend(TABLE[reached..].iter().map(|examination| examination.not_reached()));
        Ok(Report::new(path.to_owned(), visit.plugin, visit.examined))
    }
}

/// What is known of a plugin so far.
struct Visit<'d> {
    doctor: &'d Doctor,
    plugin: Option<PluginDescriptor>,
    examined: Vec<Examined>,
}

impl Visit<'_> {
    /// One process, for as long as it lasts.
    fn go_on(
        &mut self,
        path: &Path,
        id: Option<&str>,
        observer: &mut impl FnMut(&'static str),
    ) -> Result<End, DoctorError> {
        let program = &self.doctor.worker;
        let never = AtomicBool::new(false);
        let mut worker = Worker::<Answer>::start(program, &never)
            .map_err(|reason| DoctorError::Worker { program: program.program.clone(), reason })?;
        let (from, options) = (self.examined.len(), self.doctor.options.clone());
        worker.ask(&Request { path: path.to_owned(), id: id.map(str::to_owned), options, from });
        loop {
            let Some(examination) = TABLE.get(self.examined.len()) else { return Ok(End::Done) };
            observer(examination.name);
            let (code, how) = match worker.answer(Instant::now() + self.doctor.time_limit, &never) {
                Ok(Answer::Ready) => continue,
                Ok(Answer::Found { plugin }) => {
                    self.plugin = Some(plugin);
                    continue;
                }
                Ok(Answer::Examined { examined }) => {
                    self.examined.push(examined);
                    continue;
                }
                Ok(Answer::Broken { reason }) => return Err(DoctorError::NoPlugin { reason }),
                Ok(Answer::Done) | Err(Silence::Stopped) => return Ok(End::Done),
                Err(Silence::Ended(how)) => ("crashed", how),
                Err(Silence::Late) => {
                    ("hung", format!("it took longer than the time limit of {:?}", self.doctor.time_limit))
                }
            };
            self.examined.push(examination.ended(code, how));
            return Ok(if examination.is_essential { End::Done } else { End::Lost });
        }
    }
}
