//! `crosspoint bit-perfect`: whether every bit that goes out comes in again, and what is in the way if not.

use super::latency::channels;
use super::opening;
use super::render::progress_bar;
use crate::cli::BitPerfect;
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::measurement::{Finding, Loopback, Stimulus, examine};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Frames of a pattern: a third of a second at 48 kHz, and longer than any delay that is looked for.
const FRAMES: usize = 1 << 14;

#[derive(Serialize)]
struct Report {
    backend: String,
    device: String,
    rate: u32,
    buffer_frames: u32,
    bit_perfect: bool,
    paths: Vec<Tried>,
}

/// One pair at one width.
#[derive(Serialize)]
struct Tried {
    /// Channels of the device, from 1.
    output: usize,
    input: usize,
    bits: u32,
    bit_perfect: bool,
    /// In words.
    finding: String,
}

/// Runs the command.
pub fn run(arguments: &BitPerfect) -> Result<ExitCode, Failure> {
    let cables = &arguments.cables;
    let mut output = Output::take()?;
    let sides = [&cables.inputs, &cables.outputs];
    let mut loopback = Loopback::open(|player| opening::open(&cables.device, sides, None, || Ok(player())))?;
    let info = loopback.info().clone();
    let count = info.outputs.len().min(info.inputs.len());
    if count == 0 {
        return Err(Failure::usage("there is no pair to try: choose at least one output and one input"));
    }
    let outputs = channels(&cables.outputs, info.outputs.len());
    let inputs = channels(&cables.inputs, info.inputs.len());
    let until = cables.wait.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let bar = progress_bar(count * arguments.widths.len(), "playing each width on each output");
    let mut paths = Vec::new();
    for (place, (&output, &input)) in outputs.iter().zip(&inputs).enumerate() {
        for &bits in &arguments.widths {
            let stimulus = Stimulus::integers(FRAMES, bits, cables.level);
            let mut listen = || {
                let heard = loopback.hear(place, &stimulus, until).map_err(Failure::new)?;
                Ok::<_, Failure>(heard.get(place).map_or(Finding::Unconnected, |heard| examine(&stimulus, heard)))
            };
            let finding = loop {
                let finding = listen()?;
                if finding == Finding::Unconnected && until.is_some_and(|until| Instant::now() < until) {
                    continue;
                }
                // What was plugged in while it was listened to was heard in part.
                break if until.is_some() && !finding.is_exact() { listen()? } else { finding };
            };
            paths.push(Tried { output, input, bits, bit_perfect: finding.is_exact(), finding: finding.to_string() });
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let report = Report {
        backend: info.backend.to_owned(),
        device: info.device,
        rate: info.rate,
        buffer_frames: info.buffer_frames,
        bit_perfect: paths.iter().all(|tried| tried.bit_perfect),
        paths,
    };
    if cables.json {
        output.json(&report)?
    } else {
        output.text(&text(&report))?
    }
    Ok(if report.bit_perfect { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}:{} at {} Hz, buffers of {} frames\n\n",
        report.backend, report.device, report.rate, report.buffer_frames
    );
    for tried in &report.paths {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "output {:>3} -> input {:>3}  {:>2} bits  {}",
            tried.output, tried.input, tried.bits, tried.finding
        );
    }
    text
}
