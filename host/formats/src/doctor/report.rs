//! What the doctor says: for people as text, for programs as serialised values whose keys stay what they are.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::library::PluginDescriptor;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; a rig does not suffer.
    Note,
    /// A rule is broken, and some rig will suffer some day.
    Warning,
    /// A rig suffers: it crashes, falls silent, sounds wrong or loses what was set.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind it is: words joined by `-`, which stay what they are.
    pub code: String,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// What that means to a rig.
    pub means: String,
}

/// How an examination went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to be said against the plugin.
    Passed,
    /// There are findings.
    Findings,
    /// It says nothing about such a plugin.
    NotApplicable,
    /// An earlier one ended the whole.
    NotReached,
}

/// An examination and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Its name, which stays what it is.
    pub name: String,
    /// What it shows.
    pub shows: String,
    /// How it went.
    pub outcome: Outcome,
    /// What was measured, or why it does not apply.
    pub measured: Option<String>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Of [`Severity::Error`].
    pub errors: usize,
    /// Of [`Severity::Warning`].
    pub warnings: usize,
    /// Of [`Severity::Note`].
    pub notes: usize,
}

/// All that was found out about a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its file, or the name that a linked entry was given.
    pub path: PathBuf,
    /// What it says of itself; none if its file did not get that far.
    pub plugin: Option<PluginDescriptor>,
    /// The examinations, in their order.
    pub examinations: Vec<Examined>,
    /// Of the findings.
    pub summary: Summary,
}

impl Report {
    pub(super) fn new(path: PathBuf, plugin: Option<PluginDescriptor>, examinations: Vec<Examined>) -> Self {
        let count = |severity| {
            let findings = examinations.iter().flat_map(|examined| &examined.findings);
            findings.filter(|finding| finding.severity == severity).count()
        };
        let summary = Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        };
        Self { path, plugin, examinations, summary }
    }

    /// The findings of all examinations, each with the examination's name.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        self.examinations
            .iter()
            .flat_map(|examined| examined.findings.iter().map(move |finding| (examined.name.as_str(), finding)))
    }
}

impl fmt::Display for Report {
    /// A few lines for each examination, and one at the end that sums up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.plugin {
            Some(plugin) => writeln!(f, "{} ({})\n    {path}#{}\n", plugin.name, plugin.format, plugin.id)?,
            None => writeln!(f, "{path}\n")?,
        }
        for examined in &self.examinations {
            let outcome = match examined.outcome {
                Outcome::Passed => "passed",
                Outcome::Findings => "FINDINGS",
                Outcome::NotApplicable => "n/a",
                Outcome::NotReached => "not reached",
            };
            writeln!(f, "{outcome:<12}{:<15}{}", examined.name, examined.shows)?;
            if let Some(measured) = &examined.measured {
                writeln!(f, "{:27}{measured}", "")?;
            }
            for Finding { code, severity, seen, means } in &examined.findings {
                writeln!(f, "    {severity} [{code}] {seen}\n        {means}")?;
            }
        }
        let passed = self.examinations.iter().filter(|examined| examined.outcome == Outcome::Passed).count();
        let Summary { errors, warnings, notes } = self.summary;
        writeln!(f, "\n{passed} examinations passed; {errors} errors, {warnings} warnings, {notes} notes")
    }
}
