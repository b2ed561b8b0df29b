//! `crosspoint graph`: a rig as text, picture or DOT.

use crate::cli::{Graph, GraphFormat};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::{rack, source};
use crosspoint::EngineSettings;
use crosspoint::graph::compile::{dot, svg, text};
use crosspoint::session::MachineFile;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report<'a> {
    format: String,
    latency: u32,
    text: &'a str,
    problems: &'a [String],
}

/// Runs the command.
pub fn run(arguments: &Graph) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut engine = rack::engine(EngineSettings::default())?;
    let in_order = |document: &_| Ok(MachineFile::default().map(document));
    let problems = source::begin_rig(&mut engine, &arguments.rig, in_order)?.finish(&engine)?.problems;
    print_problems(&problems);
    let schedule = engine.schedule().ok_or_else(|| Failure::new("the rig does not compile"))?;
    let shown = match arguments.format {
        GraphFormat::Text => text(&schedule, engine.graph()),
        GraphFormat::Dot => dot(engine.graph()),
        GraphFormat::Svg => svg(engine.graph()),
    };
    if let Some(path) = &arguments.output {
        std::fs::write(path, &shown).map_err(|error| Failure::new(format_args!("{}: {error}", path.display())))?;
    }
    if arguments.json {
        let format = format!("{:?}", arguments.format).to_lowercase();
        output.json(&Report { format, latency: schedule.latency(), text: &shown, problems: &problems })?;
    } else if arguments.output.is_none() {
        output.text(&shown)?;
    }
    Ok(code_for(&problems))
}
