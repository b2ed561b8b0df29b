//! `crosspoint latency`: the round trip from every output to every input that hears it, as measured.

use super::opening;
use super::render::progress_bar;
use crate::cli::Latency;
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::devices::ChannelSelection;
use crosspoint::measurement::{Loopback, Path, Stimulus, decibels, find_path};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The longest round trips that it makes sense to look for, in milliseconds.
const LONGEST: std::ops::RangeInclusive<f64> = 1.0..=10_000.0;

#[derive(Serialize)]
struct Report {
    backend: String,
    device: String,
    rate: u32,
    buffer_frames: u32,
    claimed: Claim,
    pairs: Vec<Pair>,
    xruns: u64,
}

/// What the driver says, in frames.
#[derive(Serialize)]
struct Claim {
    input: Option<u32>,
    output: Option<u32>,
    /// What joining two streams adds.
    join: u32,
    round_trip: Option<u32>,
}

/// An output and an input that hears it, or does not.
#[derive(Serialize)]
struct Pair {
    /// Channels of the device, from 1.
    output: usize,
    input: usize,
    output_name: String,
    input_name: String,
    heard: bool,
    /// The round trip.
    frames: Option<f64>,
    milliseconds: Option<f64>,
    gain_db: Option<f64>,
    inverted: Option<bool>,
    /// How far it is above all else that was heard.
    clarity_db: Option<f64>,
    /// What was measured less what the driver claims.
    beyond_claim: Option<f64>,
}

/// Runs the command.
pub fn run(arguments: &Latency) -> Result<ExitCode, Failure> {
    let cables = &arguments.cables;
    if !LONGEST.contains(&arguments.longest) {
        return Err(Failure::usage(format_args!("--longest {}: 1 to 10000 milliseconds", arguments.longest)));
    }
    let mut output = Output::take()?;
    let sides = [&cables.inputs, &cables.outputs];
    let mut loopback = Loopback::open(|player| opening::open(&cables.device, sides, None, || Ok(player())))?;
    let info = loopback.info().clone();
    let longest = (arguments.longest * f64::from(info.rate) / 1000.0).ceil() as usize;
    let stimulus = Stimulus::flat(longest, cables.level);
    let found = hear_until_all(&mut loopback, &stimulus, cables.wait)?;

    let claimed = loopback.claimed();
    let [inputs, outputs] = [(&cables.inputs, info.inputs.len()), (&cables.outputs, info.outputs.len())]
        .map(|(selection, count)| channels(selection, count));
    let mut pairs = Vec::new();
    for (output, (paths, name)) in outputs.iter().zip(found.iter().zip(&info.outputs)) {
        for (input, (path, input_name)) in inputs.iter().zip(paths.iter().zip(&info.inputs)) {
            pairs.push(Pair {
                output: *output,
                input: *input,
                output_name: name.clone(),
                input_name: input_name.clone(),
                heard: path.is_some(),
                frames: path.map(|path| path.delay),
                milliseconds: path.map(|path| path.delay / f64::from(info.rate) * 1000.0),
                gain_db: path.map(|path| decibels(path.gain)),
                inverted: path.map(|path| path.inverted),
                clarity_db: path.map(|path| decibels(path.clarity)),
                beyond_claim: path.zip(claimed.round_trip()).map(|(path, claimed)| path.delay - f64::from(claimed)),
            });
        }
    }
    let report = Report {
        backend: info.backend.to_owned(),
        device: info.device.clone(),
        rate: info.rate,
        buffer_frames: info.buffer_frames,
        claimed: Claim {
            input: claimed.input,
            output: claimed.output,
            join: claimed.join,
            round_trip: claimed.round_trip(),
        },
        pairs,
        xruns: loopback.xruns(),
    };
    if cables.json {
        output.json(&report)?
    } else {
        output.text(&text(&report, &inputs))?
    }
    if report.pairs.iter().any(|pair| pair.heard) {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(
        "no output was heard on any input: connect one with a cable or in the patch bay, or raise --level",
    ))
}

/// The device channels that a selection means, from 1, of a stream with so many.
pub fn channels(selection: &ChannelSelection, count: usize) -> Vec<usize> {
    let chosen = selection.resolve(selection.highest().unwrap_or(count));
    chosen.map_or_else(|_| (1..=count).collect(), |chosen| chosen.iter().map(|channel| channel + 1).collect())
}

/// Every output in turn; the paths to each input. Again until every output is heard, as long as there is time.
fn hear_until_all(
    loopback: &mut Loopback,
    stimulus: &Stimulus,
    wait: Option<f64>,
) -> Result<Vec<Vec<Option<Path>>>, Failure> {
    let until = wait.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let count = loopback.info().outputs.len();
    let mut found: Vec<Vec<Option<Path>>> = vec![Vec::new(); count];
    let bar = progress_bar(count, "playing on each output");
    loop {
        for (output, paths) in found.iter_mut().enumerate() {
            if paths.iter().all(Option::is_none) {
                let mut listen = || {
                    let heard = loopback.hear(output, stimulus, until).map_err(Failure::new)?;
                    Ok::<_, Failure>(heard.iter().map(|heard| find_path(stimulus, heard)).collect::<Vec<_>>())
                };
                *paths = listen()?;
                // What was plugged in while it was listened to was heard in part, which bends the figures.
                if until.is_some() && paths.iter().any(Option::is_some) {
                    *paths = listen()?;
                }
            }
            bar.set_position(output as u64 + 1);
        }
        let is_complete = found.iter().all(|paths| paths.iter().any(Option::is_some));
        if is_complete || until.is_none_or(|until| Instant::now() > until) {
            bar.finish_and_clear();
            return Ok(found);
        }
        bar.set_message("waiting for a connection");
    }
}

/// For people: a line for each pair that is connected, and which outputs nobody heard.
fn text(report: &Report, inputs: &[usize]) -> String {
    let mut text = format!(
        "{}:{} at {} Hz, buffers of {} frames\n",
        report.backend, report.device, report.rate, report.buffer_frames
    );
    let frames = |frames: Option<u32>| frames.map_or_else(|| "unknown".to_owned(), |frames| frames.to_string());
    let Claim { input, output, join, round_trip } = report.claimed;
    let join = if join == 0 { String::new() } else { format!(" + {join} to join two streams") };
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "the driver claims {} frames: {} out + {} in{join}\n",
        frames(round_trip),
        frames(output),
        frames(input)
    );
    let heard = || report.pairs.iter().filter(|pair| pair.heard);
    if heard().next().is_some() {
        let _ = writeln!(
            text,
            "{:>6} {:>6} {:>12} {:>10} {:>9}  {:<8} {:>8}  claim",
            "output", "input", "frames", "ms", "gain dB", "polarity", "clear dB"
        );
    }
    for pair in heard() {
        let beyond = match pair.beyond_claim {
            None => "-".to_owned(),
            Some(beyond) if beyond.abs() < 0.01 => "as claimed".to_owned(),
            Some(beyond) => format!("{beyond:+.3} frames"),
        };
        let [frames, milliseconds, gain, clarity] =
            [pair.frames, pair.milliseconds, pair.gain_db, pair.clarity_db].map(|value| value.unwrap_or(0.0));
        let polarity = if pair.inverted == Some(true) { "inverted" } else { "same" };
        let _ = writeln!(
            text,
            "{:>6} {:>6} {frames:>12.3} {milliseconds:>10.3} {gain:>9.2}  {polarity:<8} {clarity:>8.0}  {beyond}",
            pair.output, pair.input
        );
    }
    let mut unheard: Vec<String> = report
        .pairs
        .chunks(inputs.len().max(1))
        .filter(|pairs| pairs.iter().all(|pair| !pair.heard))
        .filter_map(|pairs| Some(pairs.first()?.output.to_string()))
        .collect();
    if !unheard.is_empty() {
        let last = unheard.pop().unwrap_or_default();
        let outputs = if unheard.is_empty() {
            format!("output {last} was")
        } else {
            format!("outputs {} and {last} were", unheard.join(", "))
        };
        let _ = writeln!(text, "{outputs} heard on no input");
    }
    text
}
