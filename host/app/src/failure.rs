//! How a command fails: a message that says what to do, and an exit code for scripts.

use crosspoint::EngineError;
use std::fmt;
use std::process::ExitCode;

/// Done, but something was missing or failed on the way: a plugin, a state, a file. Standard error says what.
pub const WITH_PROBLEMS: u8 = 3;

/// Why a command stopped.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something went wrong: exit code 1.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), code: 1 }
    }

    /// The command line makes no sense: exit code 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), code: 2 }
    }

    /// The file that all is about cannot be used at all: exit code 4.
    pub fn unusable(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), code: 4 }
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::new(error)
    }
}

/// The exit code of a command that did what it could.
pub fn code_for(problems: &[String]) -> ExitCode {
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WITH_PROBLEMS) }
}

/// Tells people what was missing.
pub fn print_problems(problems: &[String]) {
    for problem in problems {
        eprintln!("warning: {problem}");
    }
}
