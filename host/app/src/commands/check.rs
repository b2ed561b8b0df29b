//! `crosspoint check`: what of a rig would go wrong on stage.

use super::render::read_inputs;
use crate::cli::{Check, Which};
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crate::source::machine_file;
use crosspoint::check::{CheckReport, CheckSettings, Finding, Severity, Transition, Transitions};
use crosspoint::session::{self, LoadError};
use crosspoint::{EngineError, EngineSettings};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::ExitCode;

/// Runs the command.
pub fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let rig = session::load(&arguments.rig).map_err(|error| match error {
        LoadError::Syntax { .. } => Failure::unusable(format_args!("{}: {error}", arguments.rig.display())),
        error => Failure::unusable(error),
    })?;
    let machine = machine_file().map_err(Failure::unusable)?;
    let rate = arguments.rate.or(machine.device.rate).unwrap_or(48_000);
    let block = arguments.buffer.or(machine.device.buffer).unwrap_or(128) as usize;
    let engine_settings = EngineSettings { rate, ..EngineSettings::default() }.checked().map_err(Failure::usage)?;
    let (_, mut signal) = read_inputs(&arguments.input, Some(rate)).map_err(Failure::usage)?;
    let longest = signal.iter().map(Vec::len).max().unwrap_or(0);
    signal.iter_mut().for_each(|channel| channel.resize(longest, 0.0));
    let settings = CheckSettings {
        block,
        settled: arguments.listen,
        level: arguments.level,
        signal,
        transitions: match arguments.transitions {
            None => Transitions::Automatic,
            Some(Which::All) => Transitions::All,
            Some(Which::Setlist) => Transitions::Setlist,
        },
        load_limit: arguments.max_load.map(|percent| percent / 100.0),
    };
    let mut engine = rack::engine(engine_settings)?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("checking [{bar:40}] {pos}/{len} switches {eta}") {
        bar.set_style(style);
    }
    let report = engine.check(&rig, &machine, &settings, &mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| match error {
        EngineError::OutOfRange { .. } => Failure::usage(error),
        error => Failure::unusable(error),
    })?;
    match arguments.json {
        true => output.json(&report)?,
        false => output.text(&text(&report))?,
    }
    let least = if arguments.strict { Severity::Warning } else { Severity::Error };
    let fails = report.findings.iter().any(|finding| finding.severity >= least);
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The report as people read it: what to do first, then what was measured.
fn text(report: &CheckReport) -> String {
    let mut text = String::new();
    report.findings.iter().for_each(|finding| text.push_str(&finding_text(finding)));
    if !report.findings.is_empty() {
        text.push('\n');
    }
    text.push_str(&measured_text(report));
    let count = |severity, one: &str| {
        let count = report.count(severity);
        format!("{count} {one}{}", if count == 1 { "" } else { "s" })
    };
    let (errors, warnings) = (count(Severity::Error, "error"), count(Severity::Warning, "warning"));
    let _ = writeln!(text, "{errors}, {warnings}, {}", count(Severity::Note, "note"));
    text
}

fn finding_text(finding: &Finding) -> String {
    let line = finding.line.map_or_else(String::new, |line| format!("line {line}: "));
    let moment = finding.moment.as_ref().map_or_else(String::new, |moment| format!(", {moment}"));
    let times = if finding.times > 1 { format!(", {} times in all", finding.times) } else { String::new() };
    format!("{}: {line}{}{moment}{times} [{}]\n    {}\n", finding.severity, finding.seen, finding.code, finding.advice)
}

fn measured_text(report: &CheckReport) -> String {
    let mut text = String::new();
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let level = |peak: Option<f64>| peak.map_or_else(|| "silent".to_owned(), |peak| format!("{peak:.1} dBFS"));
    // Writing to a text never fails.
    let _ = writeln!(
        text,
        "{}: {:.1} s at {} Hz in blocks of {} frames, rendered in {:.1} s",
        if report.rig.is_empty() { "the rig" } else { &report.rig },
        report.rendered_seconds,
        report.rate,
        report.block,
        report.wall_seconds
    );
    for scene in &report.scenes {
        let name = scene.scene.as_deref().unwrap_or("without a scene");
        let _ = writeln!(text, "  {name}: {}, load at most {}", level(scene.peak_dbfs), percent(scene.load_peak));
    }
    let between: BTreeSet<_> =
        report.transitions.iter().filter_map(|switch| Some((switch.from.as_ref()?, &switch.to))).collect();
    let (tried, all) = (between.len(), report.possible_transitions);
    if let Some(worst) = report.worst_switch.and_then(|place| report.transitions.get(place)) {
        let Transition { waited_frames, control_ms, load_peak, .. } = worst;
        let from = worst.from.as_deref().unwrap_or("the rig");
        let _ = writeln!(
            text,
            "{tried} of {all} switches between scenes tried; the worst, {from} to {}: load {}, heard after {waited_frames} \
             frames, {control_ms:.1} ms of the control thread",
            worst.to,
            percent(*load_peak)
        );
    }
    for path in &report.paths {
        let milliseconds = 1000.0 * f64::from(path.latest) / f64::from(report.rate);
        let range = if path.earliest == path.latest { String::new() } else { format!("{} to ", path.earliest) };
        let _ =
            writeln!(text, "  {} to {}: {range}{} frames, {milliseconds:.2} ms", path.input, path.output, path.latest);
    }
    let load = &report.load;
    let _ = writeln!(
        text,
        "load: {} on average, {} in 99 blocks of 100, {} at most, by this machine's clock while it checked",
        percent(load.mean),
        percent(load.p99),
        percent(load.peak)
    );
    let nodes: Vec<String> =
        report.node_loads.iter().take(3).map(|node| format!("{} {}", node.node, percent(node.peak))).collect();
    if !nodes.is_empty() {
        let _ = writeln!(text, "  most of it: {}", nodes.join(", "));
    }
    text
}
