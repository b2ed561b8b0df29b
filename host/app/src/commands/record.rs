//! `crosspoint record`: a device to a WAV file.

use super::opening;
use super::play::clock;
use crate::cli::{Bits, Record};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crosspoint::devices::{ChannelSelection, DuplexCallback, Stream};
use crosspoint::tape::{FileRecorder, Gap, Recorded, RecorderSettings, SampleBits};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the recorder is looked at.
const POLL: Duration = Duration::from_millis(20);
/// Gaps that are told one by one.
const TOLD_GAPS: usize = 10;
/// Characters of the meter, from -60 dB to full scale.
const METER: usize = 30;

#[derive(Serialize)]
struct Report<'a> {
    /// The file, or the files in order.
    files: &'a [PathBuf],
    backend: &'a str,
    device: &'a str,
    rate: u32,
    buffer_frames: u32,
    inputs: &'a [String],
    /// `16`, `24` or `32f`.
    bits: &'static str,
    frames: u64,
    seconds: f64,
    /// The highest level of each channel in dB of full scale; none for silence.
    peaks: Vec<Option<f64>>,
    gaps: Vec<ReportedGap>,
    /// Lost by the driver.
    xruns: u64,
    /// Lost because the disk was too slow.
    overflowed_frames: u64,
    /// `seconds`, `interrupted`, `device` or `file`.
    stopped_by: &'static str,
    problems: &'a [String],
}

#[derive(Serialize)]
struct ReportedGap {
    /// Where in the file.
    seconds: f64,
    /// Frames of silence that stand there for what is missing; none if the driver does not say how much that is.
    frames: Option<u64>,
}

/// Why it stopped.
enum Stopped {
    Done,
    Interrupted,
    ByDevice(String),
}

/// Runs the command.
pub fn run(arguments: &Record) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = stop.clone();
    ctrlc::set_handler(move || stopper.store(true, Ordering::Relaxed)).map_err(Failure::new)?;
    let mut recorder = None;
    let make = || {
        let (made, callback) = FileRecorder::new();
        recorder = Some(made);
        Ok(Box::new(callback) as Box<dyn DuplexCallback>)
    };
    let channels = [&arguments.inputs, &ChannelSelection::none()];
    let mut stream = opening::open(&arguments.device, channels, None, make)?;
    let mut recorder = recorder.ok_or_else(|| Failure::new("the device was opened without a recorder"))?;
    let info = stream.info().clone();
    let (bits, bits_name) = match arguments.bits {
        Bits::Int16 => (SampleBits::Int16, "16"),
        Bits::Int24 => (SampleBits::Int24, "24"),
        Bits::Float32 => (SampleBits::Float32, "32f"),
    };
    let settings = RecorderSettings { bits, seconds: arguments.seconds, replace: arguments.force };
    recorder.begin(&arguments.file, info.rate, info.inputs.len(), settings).map_err(Failure::new)?;
    eprintln!(
        "recording {}:{} ({}) at {} Hz to {}. Ctrl-C stops.",
        info.backend,
        info.device,
        info.inputs.join(", "),
        info.rate,
        arguments.file.display()
    );
    stream.start().map_err(Failure::new)?;
    let stopped = follow(&recorder, &mut *stream, info.rate, &stop);
    // Nothing may come behind what is written.
    let halted = stream.stop();
    let (xruns, overflowed_frames) = (stream.xruns(), recorder.status().overflowed_frames);
    drop(stream);
    let recorded = recorder.finish();
    let seconds = |frames: u64| frames as f64 / f64::from(info.rate);
    let mut problems = gaps(&recorded, seconds);
    if let Stopped::ByDevice(reason) = &stopped {
        problems.push(format!("stopped after {}, which is kept: {reason}", clock(seconds(recorded.frames))));
    } else if let Err(error) = halted {
        problems.push(error.to_string());
    }
    problems.extend(recorded.error.iter().map(ToString::to_string));
    if overflowed_frames > 0 {
        problems
            .push(format!("the disk was too slow for {overflowed_frames} frames; try another disk, or fewer channels"));
    }
    print_problems(&problems);
    let stopped_by = match &stopped {
        _ if recorded.error.is_some() => "file",
        Stopped::Done => "seconds",
        Stopped::Interrupted => "interrupted",
        Stopped::ByDevice(_) => "device",
    };
    if arguments.json {
        let gap =
            |gap: &Gap| ReportedGap { seconds: seconds(gap.frame), frames: (gap.frames > 0).then_some(gap.frames) };
        output.json(&Report {
            files: &recorded.files,
            backend: info.backend,
            device: &info.device,
            rate: info.rate,
            buffer_frames: info.buffer_frames,
            inputs: &info.inputs,
            bits: bits_name,
            frames: recorded.frames,
            seconds: seconds(recorded.frames),
            peaks: recorded.peaks.iter().map(|&peak| decibels(peak)).collect(),
            gaps: recorded.gaps.iter().map(gap).collect(),
            xruns,
            overflowed_frames,
            stopped_by,
            problems: &problems,
        })?;
    } else {
        output.text(&text(&recorded, info.rate))?;
    }
    Ok(if matches!(stopped_by, "file" | "device") { ExitCode::FAILURE } else { code_for(&problems) })
}

/// Watches until enough is recorded, somebody interrupts, or the device goes.
fn follow(recorder: &FileRecorder, stream: &mut dyn Stream, rate: u32, stop: &AtomicBool) -> Stopped {
    let style = ProgressStyle::with_template("{msg}").unwrap_or(ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    loop {
        for notice in stream.notices() {
            if let Some(reason) = opening::ending(&notice) {
                bar.finish_and_clear();
                return Stopped::ByDevice(reason);
            }
        }
        let status = recorder.status();
        if status.is_done || stop.load(Ordering::Relaxed) {
            bar.finish_and_clear();
            return if status.is_done { Stopped::Done } else { Stopped::Interrupted };
        }
        let peak = status.peaks.iter().copied().fold(0.0, f32::max);
        let at = clock(status.frames as f64 / f64::from(rate));
        bar.set_message(format!("{at} [{}] {}, {} xruns", meter(peak), level(peak), stream.xruns()));
        std::thread::sleep(POLL);
    }
}

/// dB of full scale; none for silence.
fn decibels(peak: f32) -> Option<f64> {
    (peak > 0.0).then(|| 20.0 * f64::from(peak).log10())
}

fn level(peak: f32) -> String {
    match decibels(peak) {
        None => "silence".to_owned(),
        Some(decibels) if peak >= 1.0 => format!("{decibels:+.1} dB CLIPS"),
        Some(decibels) => format!("{decibels:.1} dB"),
    }
}

fn meter(peak: f32) -> String {
    let full = decibels(peak).map_or(0.0, |decibels| (decibels / 60.0 + 1.0).clamp(0.0, 1.0));
    let full = (full * METER as f64).round() as usize;
    format!("{}{}", "#".repeat(full), ".".repeat(METER - full))
}

/// Where frames are missing, for people: the first ones each, the others together.
fn gaps(recorded: &Recorded, seconds: impl Fn(u64) -> f64) -> Vec<String> {
    let mut said: Vec<String> = recorded
        .gaps
        .iter()
        .take(TOLD_GAPS)
        .map(|gap| {
            let at = clock(seconds(gap.frame));
            match gap.frames {
                0 => format!("at {at}: the driver lost frames and does not say how many"),
                frames => format!("at {at}: {frames} frames were lost; they are silence in the file"),
            }
        })
        .collect();
    if recorded.gaps.len() > TOLD_GAPS {
        said.push(format!(
            "and frames were lost {} times more; a larger buffer may help",
            recorded.gaps.len() - TOLD_GAPS
        ));
    }
    said
}

fn text(recorded: &Recorded, rate: u32) -> String {
    let seconds = recorded.frames as f64 / f64::from(rate);
    let files: Vec<String> = recorded.files.iter().map(|file| file.display().to_string()).collect();
    let peaks: Vec<String> = recorded.peaks.iter().map(|&peak| level(peak)).collect();
    format!("{}: {seconds:.3} s at {rate} Hz; peaks {}\n", files.join(", "), peaks.join(", "))
}
