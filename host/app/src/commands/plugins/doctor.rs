//! `crosspoint plugins doctor`: one plugin through what a rig will do to it, in processes of its own.

use crate::cli::PluginsDoctor;
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crosspoint::formats::doctor::{Doctor, Options, examinations};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command.
pub fn run(arguments: &PluginsDoctor, verbose: bool) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let (path, id) = rack::plugins()?.catalogue().locate(&arguments.plugin)?;
    let program = std::env::current_exe().map_err(Failure::new)?;
    let mut doctor = Doctor::new(program, Options { quick: arguments.quick, ..Options::default() });
    doctor.worker.verbose = verbose;
    doctor.time_limit = arguments.timeout.map_or(doctor.time_limit, Duration::from_secs_f64);

    let bar = ProgressBar::new(examinations().count() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    let report = doctor.examine(&path, id.as_deref(), |name| {
        let at = examinations().position(|other| other == name);
        bar.set_position(at.unwrap_or_default() as u64);
        bar.set_message(name);
    });
    bar.finish_and_clear();
    let report = report.map_err(Failure::new)?;
    if arguments.json {
        output.json(&report)?;
    } else {
        output.text(&report.to_string())?;
    }
    Ok(if report.summary.errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
