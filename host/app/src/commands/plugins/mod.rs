//! `crosspoint plugins`: which plugins there are, and what is in them.

mod doctor;
mod list;
mod listing;
mod open;
mod presets;
mod scan;
mod show;

use crate::cli::{Plugins, PluginsCommand};
use crate::failure::Failure;
use crate::rack;
use crosspoint::formats::inspect::Inspector;
use crosspoint::formats::scan::{Scanner, WorkerProgram};
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command.
pub fn run(arguments: &Plugins, verbose: bool) -> Result<ExitCode, Failure> {
    match &arguments.command {
        PluginsCommand::Scan(arguments) => scan::run(arguments, verbose),
        PluginsCommand::List(arguments) => list::run(arguments, verbose),
        PluginsCommand::Show(arguments) => show::run(arguments, verbose),
        PluginsCommand::Presets(arguments) => presets::run(arguments, verbose),
        PluginsCommand::Open(arguments) => open::run(arguments),
        PluginsCommand::Doctor(arguments) => doctor::run(arguments, verbose),
    }
}

/// A scanner whose workers are this program; if `verbose`, what plugins print is shown.
fn scanner(verbose: bool) -> Result<Scanner, Failure> {
    let worker = WorkerProgram::this().map_err(Failure::new)?;
    Ok(Scanner::new(WorkerProgram { verbose, ..worker }))
}

/// An inspector whose workers are this program, each with so many seconds; if `verbose`, what plugins print is shown.
fn inspector(verbose: bool, seconds: f64) -> Result<Inspector, Failure> {
    let mut inspector = rack::inspector()?;
    inspector.worker.verbose = verbose;
    inspector.time_limit = Duration::from_secs_f64(seconds);
    Ok(inspector)
}
