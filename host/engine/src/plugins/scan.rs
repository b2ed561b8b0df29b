//! Bringing the database up to date: only what changed since it was scanned is looked into, and every result is in the
//! journal before the next is told.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crosspoint_formats::Format;
use crosspoint_formats::scan::{
    FileReport, ScanError, ScanEvent, ScanFault, Scanner, WorkerProgram, plugin_files, standard_folders,
};

use super::database::{DatabaseError, PluginDatabase};
use super::stamp::{self, Outline};
use crate::session::plugin_file::{Journal, KnownFile};

/// What to scan, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanRequest {
    /// Files, bundles and folders. None of them: the standard folders, and every file that the database knows.
    pub paths: Vec<PathBuf>,
    /// Look into files again that have not changed, those that failed among them.
    pub again: bool,
    /// How files are looked into.
    pub scanner: Scanner,
}

impl ScanRequest {
    /// Everything installed, by workers that are this program.
    ///
    /// # Errors
    /// If the system does not say which program this is.
    pub fn installed() -> Result<Self, ScanError> {
        Ok(Self { paths: Vec::new(), again: false, scanner: Scanner::new(WorkerProgram::this()?) })
    }
}

/// How far a scan has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanProgress {
    /// It is known what there is to do.
    Counted {
        /// Files that are looked into; the others have not changed.
        files: usize,
    },
    /// A file is begun with.
    Started {
        /// The file or bundle.
        path: PathBuf,
    },
    /// A file is done with, and what was found is saved.
    Finished {
        /// The file or bundle.
        path: PathBuf,
    },
}

/// What a scan came to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ScanSummary {
    /// What is known of each file now, by its path; if the scan was stopped, of those that are known.
    pub reports: Vec<FileReport>,
    /// How many of them were looked into this time.
    pub looked_into: usize,
}

impl PluginDatabase {
    /// Brings the database up to date. `observer` is told on this thread how far it has come and may break it off; what
    /// was found until then is kept, and the next scan goes on from there, as it does after a crash.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] while another program scans, and if workers do not start or the file cannot be written.
    /// What is wrong with plugins is in the summary.
    pub fn scan(
        &mut self,
        request: &ScanRequest,
        mut observer: impl FnMut(ScanProgress) -> ControlFlow<()>,
    ) -> Result<ScanSummary, DatabaseError> {
        let system = |path: &Path| {
            let path = path.to_owned();
            move |source| DatabaseError::System { path, source }
        };
        let Some(mut journal) = Journal::open(&self.path).map_err(system(&self.path))? else {
            return Err(DatabaseError::Busy { path: self.path.clone() });
        };
        // What another program has found meanwhile.
        *self = Self::open(&self.path)?;
        let files = self.files_of(request);
        let mut round = Round::default();
        for file in &files {
            self.sort(file, request, &mut round);
        }
        // What is large takes long, and would keep one worker busy alone if it came last.
        round.unknown.sort_by_key(|file| Reverse(round.outlines.get(file).map(|outline| outline.size())));
        let mut stamps = HashMap::new();
        let mut looked_into = 0;
        let mut written = Ok(());
        let go_on = observer(ScanProgress::Counted { files: round.unknown.len() }).is_continue();
        if go_on && !round.unknown.is_empty() {
            let scanned = request.scanner.scan(&round.unknown, |event| match event {
                ScanEvent::Started { path } => {
                    let go_on = observer(ScanProgress::Started { path: path.clone() });
                    // While the worker loads it: its content is in memory then, and this thread has nothing to do.
                    if let Some(outline) = round.outlines.get(&path) {
                        let stamp = stamp::stamp(&path, *outline);
                        stamps.insert(path, stamp);
                    }
                    go_on
                }
                ScanEvent::Finished(report) => {
                    let path = report.path.clone();
                    let Some(stamp) = stamps.remove(&path) else { return ControlFlow::Continue(()) };
                    let known = KnownFile::new(report, stamp::confirmed(&path, stamp));
                    written = journal.append(&known);
                    self.files.insert(path.clone(), known);
                    looked_into += 1;
                    if written.is_err() { ControlFlow::Break(()) } else { observer(ScanProgress::Finished { path }) }
                }
                _ => ControlFlow::Continue(()),
            });
            written.map_err(system(&self.path))?;
            scanned?;
        }
        if looked_into > 0 || round.is_changed {
            journal.close(&self.files).map_err(system(&self.path))?;
        }
        let mut reports = round.absent;
        reports.extend(files.iter().filter_map(|file| self.files.get(file)).map(KnownFile::report));
        reports.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(ScanSummary { reports, looked_into })
    }

    /// The files that a request is about. Forgets those that are no longer there, if it is about all.
    fn files_of(&mut self, request: &ScanRequest) -> Vec<PathBuf> {
        if !request.paths.is_empty() {
            return plugin_files(&request.paths);
        }
        let mut paths: Vec<PathBuf> = Format::ALL.iter().flat_map(|format| standard_folders(*format)).collect();
        paths.retain(|folder| folder.is_dir());
        paths.extend(self.files.keys().cloned());
        plugin_files(&paths)
    }

    /// Finds out whether a file is known as it is.
    fn sort(&mut self, file: &Path, request: &ScanRequest, round: &mut Round) {
        let now = match stamp::outline(file) {
            Ok(now) => now,
            Err(error) => {
                round.is_changed |= self.files.remove(file).is_some();
                // One that was only known may well be gone, but somebody has named this one.
                if !request.paths.is_empty() {
                    let reason = format!("it cannot be read: {error}; check the path and its permissions");
                    let faults = vec![ScanFault { plugin: None, reason }];
                    round.absent.push(FileReport { path: file.to_owned(), plugins: Vec::new(), faults });
                }
                return;
            }
        };
        match self.files.get_mut(file) {
            Some(before) if !request.again && stamp::is_known(file, now, &before.stamp) => {
                // One that was only touched is not read again the next time.
                round.is_changed |= now.touch(&mut before.stamp);
            }
            _ => {
                round.outlines.insert(file.to_owned(), now);
                round.unknown.push(file.to_owned());
            }
        }
    }
}

/// What the files of one scan are.
#[derive(Default)]
struct Round {
    /// To be looked into.
    unknown: Vec<PathBuf>,
    /// What they were before that.
    outlines: HashMap<PathBuf, Outline>,
    /// Named, but not there.
    absent: Vec<FileReport>,
    /// Whether what is known changed already.
    is_changed: bool,
}
