//! What is wrong with a file, each with its place, gathered until all are known. Never prints, never stops a load.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the rig is as the file says.
    Notice,
    /// Something was replaced by a sensible value.
    Warning,
    /// Something of the rig is missing.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something wrong at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    /// `4:12: error: ...`, to be put after a file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.severity, self.message)
    }
}

/// Why nothing could be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is absent or cannot be read.
    #[error("{} cannot be read: {source}; check that it exists and that you may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a folder or a device, or far too large.
    #[error("{} is not a file of at most {limit} bytes; give a rig file", path.display())]
    NotAFile {
        /// What it is.
        path: PathBuf,
        /// The most bytes such a file may have.
        limit: u64,
    },
    /// It is not TOML. There is at least one problem.
    #[error("not a TOML file: {}; correct these lines in a text editor", list(problems))]
    Syntax {
        /// All of its mistakes.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("line {}: {}", p.line, p.message)).collect();
    lines.join("; ")
}

/// Problems of one text.
pub(super) struct Report<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, problems: Vec::new() }
    }

    /// Line and column of a byte, both from 1.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let before = self.text.get(self.lines[line - 1]..byte.min(self.text.len()));
        (line, before.map_or(0, |before| before.chars().count()) + 1)
    }

    pub fn add(&mut self, severity: Severity, span: Range<usize>, message: impl Into<String>) {
        let (line, column) = self.place(span.start);
        self.problems.push(Problem { line, column, severity, message: message.into() });
    }

    /// All problems in the order of the file.
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_are_characters() {
        let report = Report::new("a\nüb\n\nc");
        let places: Vec<_> = [0, 1, 2, 4, 6, 7, 99].map(|byte| report.place(byte)).into();
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2)]);
        assert_eq!(report.place(3), (2, 1), "within a character");
    }
}
