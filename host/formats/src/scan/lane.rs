//! One of the workers that run at once, and who is to blame when it fails. A plugin answers only for what it did first
//! thing in a process of its own: anything else may be the work of one before it, and is tried again by itself.

use std::mem;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::facts::{FileReport, PluginFacts, ScanFault};
use super::process::{Silence, Worker};
use super::scanner::{ScanError, Scanner};
use super::wire::{Answer, Request};

/// Why a file is given up without a report.
pub(super) enum Halt {
    /// The scan was stopped.
    Stopped,
    /// There is no worker to be had.
    Failed(ScanError),
}

/// How a file goes on after one request.
enum Next {
    /// It does not.
    Done,
    /// In another process, from a plugin on.
    Again { from: usize, with_time_anew: bool },
}

/// A worker, replaced whenever it fails.
pub(super) struct Lane<'s> {
    scanner: &'s Scanner,
    stop: &'s AtomicBool,
    worker: Option<Worker<Answer>>,
}

impl<'s> Lane<'s> {
    /// Without a worker as yet.
    pub fn new(scanner: &'s Scanner, stop: &'s AtomicBool) -> Self {
        Self { scanner, stop, worker: None }
    }

    /// Finds out all about a file that can be found out within its time.
    pub fn scan(&mut self, file: &Path) -> Result<FileReport, Halt> {
        let mut report = FileReport { path: file.to_owned(), plugins: Vec::new(), faults: Vec::new() };
        if file.to_str().is_none() {
            let reason = "its name is not Unicode; rename the file or the folder that it is in".to_owned();
            report.faults.push(ScanFault { plugin: None, reason });
            return Ok(report);
        }
        let mut from = 0;
        let mut deadline = None;
        loop {
            let mut worker = self.worker()?;
            // A new worker's start is not the file's time.
            let until = *deadline.get_or_insert_with(|| Instant::now() + self.scanner.time_limit);
            match self.attempt(&mut worker, &mut report, from, until)? {
                Next::Done => {
                    // One that went silent is of no more use.
                    self.worker = worker.is_alive.then_some(worker);
                    return Ok(report);
                }
                Next::Again { from: at, with_time_anew } => {
                    from = at;
                    deadline = deadline.filter(|_| !with_time_anew);
                }
            }
        }
    }

    fn worker(&mut self) -> Result<Worker<Answer>, Halt> {
        if let Some(worker) = self.worker.take() {
            return Ok(worker);
        }
        let program = &self.scanner.worker;
        Worker::start(program, self.stop)
            .map_err(|reason| Halt::Failed(ScanError::Worker { program: program.program.clone(), reason }))
    }

    /// One request, until its end or until there is something that another process must tell.
    fn attempt(
        &self,
        worker: &mut Worker<Answer>,
        report: &mut FileReport,
        from: usize,
        deadline: Instant,
    ) -> Result<Next, Halt> {
        let was_fresh = mem::replace(&mut worker.is_fresh, false);
        worker.ask(&Request { path: report.path.clone(), from });
        let mut at = from;
        let mut is_listed = false;
        loop {
            let is_first = was_fresh && at == from;
            let suspect = report.plugins.get(at).filter(|_| is_listed).map(|plugin| plugin.descriptor.id.clone());
            let again = Next::Again { from: at, with_time_anew: !was_fresh };
            match worker.answer(deadline, self.stop) {
                Ok(Answer::Ready) => {}
                Ok(Answer::Listed { plugins }) => {
                    is_listed = true;
                    if report.plugins.is_empty() {
                        let facts = |descriptor| PluginFacts { descriptor, shape: None };
                        report.plugins = plugins.into_iter().map(facts).collect();
                    }
                }
                Ok(Answer::Plugin { fault: Some(_), .. } | Answer::Broken { .. }) if !is_first => return Ok(again),
                Ok(Answer::Plugin { shape, fault }) => {
                    report.faults.extend(fault.map(|reason| ScanFault { plugin: suspect, reason }));
                    if let Some(plugin) = report.plugins.get_mut(at) {
                        plugin.shape = shape;
                    }
                    at += 1;
                }
                Ok(Answer::Broken { reason }) => {
                    report.faults.push(ScanFault { plugin: None, reason });
                    return Ok(Next::Done);
                }
                Ok(Answer::Done) => return Ok(Next::Done),
                Err(Silence::Stopped) => return Err(Halt::Stopped),
                Err(Silence::Late) if was_fresh => {
                    let reason = format!("it took longer than the time limit of {:?}", self.scanner.time_limit);
                    report.faults.push(ScanFault { plugin: suspect, reason });
                    worker.is_alive = false;
                    return Ok(Next::Done);
                }
                Err(Silence::Ended(how)) if is_first => {
                    worker.is_alive = false;
                    let next = match suspect {
                        Some(_) => Next::Again { from: at + 1, with_time_anew: false },
                        None => Next::Done,
                    };
                    report.faults.push(ScanFault { plugin: suspect, reason: how });
                    return Ok(next);
                }
                Err(Silence::Late | Silence::Ended(_)) => return Ok(again),
            }
        }
    }
}
