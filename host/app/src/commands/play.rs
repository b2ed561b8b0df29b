//! `crosspoint play`: an audio file on a device, to its last sample.

use super::opening;
use crate::cli::Play;
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crosspoint::devices::{ChannelSelection, DuplexCallback, Stream};
use crosspoint::measurement::from_decibels;
use crosspoint::tape::{AudioFile, FilePlayer, PlayerSettings, PlayerStatus, TapeError};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the player is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long a device is given for the fade, once it is to stop.
const PATIENCE: Duration = Duration::from_secs(2);
/// The loudest and softest that a level is taken to be meant, in dB.
const GAINS: std::ops::RangeInclusive<f64> = -120.0..=40.0;

#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    file_rate: u32,
    file_channels: usize,
    /// Seconds of the file, if it says.
    file_seconds: Option<f64>,
    backend: &'a str,
    device: &'a str,
    rate: u32,
    buffer_frames: u32,
    outputs: &'a [String],
    resampled: bool,
    /// Channels of the file for which there was no output.
    unheard_channels: usize,
    /// What was handed to the device, at its rate.
    frames: u64,
    seconds: f64,
    /// How often the disk came too late, and the frames of silence for that.
    underruns: u64,
    missing_frames: u64,
    /// Lost by the driver.
    xruns: u64,
    /// `end`, `interrupted` or `device`.
    stopped_by: &'static str,
    problems: &'a [String],
}

/// Why it stopped.
enum Stopped {
    AtEnd,
    Interrupted,
    ByDevice(String),
}

/// Runs the command.
pub fn run(arguments: &Play) -> Result<ExitCode, Failure> {
    if !GAINS.contains(&arguments.gain) {
        return Err(Failure::usage(format_args!("--gain {}: -120 to 40 dB", arguments.gain)));
    }
    if !(0.0..=1e6).contains(&arguments.start) {
        return Err(Failure::usage(format_args!("--start {}: 0 to 1000000 seconds", arguments.start)));
    }
    let mut output = Output::take()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = stop.clone();
    ctrlc::set_handler(move || stopper.store(true, Ordering::Relaxed)).map_err(Failure::new)?;
    let (file_rate, channels, frames) = {
        let file = AudioFile::open(&arguments.file).map_err(Failure::new)?;
        (file.rate(), file.channels(), file.frames())
    };
    let (mut player, mut stream) = open(arguments, file_rate, channels)?;
    let info = stream.info().clone();
    let unheard_channels = if channels == 1 { 0 } else { channels.saturating_sub(info.outputs.len()) };
    say(arguments, file_rate, channels, &*stream);
    player.fill(info.rate).map_err(Failure::new)?;
    let file_seconds = frames.map(|frames| frames as f64 / f64::from(file_rate));
    let bar = bar(arguments, file_seconds);
    stream.start().map_err(Failure::new)?;
    let stopped = follow(&player, &mut *stream, &stop, &bar);
    bar.finish_and_clear();
    let (xruns, status) = (stream.xruns(), player.status());
    drop(stream);
    let problems = problems(&status, &stopped, player.finish());
    print_problems(&problems);
    if arguments.json {
        output.json(&Report {
            file: &arguments.file,
            file_rate,
            file_channels: channels,
            file_seconds,
            backend: info.backend,
            device: &info.device,
            rate: info.rate,
            buffer_frames: info.buffer_frames,
            outputs: &info.outputs,
            resampled: info.rate != file_rate,
            unheard_channels,
            frames: status.frames,
            seconds: status.seconds,
            underruns: status.underruns,
            missing_frames: status.missing_frames,
            xruns,
            stopped_by: match stopped {
                Stopped::AtEnd => "end",
                Stopped::Interrupted => "interrupted",
                Stopped::ByDevice(_) => "device",
            },
            problems: &problems,
        })?;
    } else {
        output.text(&format!("played {:.3} s\n", status.seconds))?;
    }
    Ok(if matches!(stopped, Stopped::ByDevice(_)) { ExitCode::FAILURE } else { code_for(&problems) })
}

/// A player and the device it is to play on: on the chosen outputs, else on as many as the file has channels, or on those that
/// there are.
fn open(arguments: &Play, rate: u32, channels: usize) -> Result<(FilePlayer, Box<dyn Stream>), Failure> {
    let settings = PlayerSettings {
        start: arguments.start,
        seconds: arguments.seconds,
        repeat: arguments.repeat,
        gain: from_decibels(arguments.gain) as f32,
    };
    let attempts = match &arguments.outputs {
        Some(outputs) => vec![outputs.clone()],
        None => vec![
            ChannelSelection::first(channels.max(2)).unwrap_or_else(|_| ChannelSelection::all()),
            ChannelSelection::all(),
        ],
    };
    let mut refusal = Failure::usage("no output is chosen");
    for outputs in attempts {
        let mut player = None;
        // A device that refuses drops the callback of its attempt, so each has a player of its own.
        let make = || {
            let file = AudioFile::open(&arguments.file).map_err(Failure::new)?;
            let (made, callback) = FilePlayer::new(file, settings).map_err(Failure::new)?;
            player = Some(made);
            Ok(Box::new(callback) as Box<dyn DuplexCallback>)
        };
        match opening::open(&arguments.device, [&ChannelSelection::none(), &outputs], Some(rate), make) {
            Ok(stream) => return player.map(|player| (player, stream)).ok_or(refusal),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Tells what is played where, and what of it is not as the file has it.
fn say(arguments: &Play, file_rate: u32, channels: usize, stream: &dyn Stream) {
    let info = stream.info();
    eprintln!(
        "playing {} on {}:{} ({}) at {} Hz, buffers of {} frames. Ctrl-C stops.",
        arguments.file.display(),
        info.backend,
        info.device,
        info.outputs.join(", "),
        info.rate,
        info.buffer_frames
    );
    if info.rate != file_rate {
        eprintln!("the file has {file_rate} Hz and the device stays at {} Hz: it is resampled", info.rate);
    }
    match (channels, info.outputs.len()) {
        (1, _) => {}
        (channels, outputs) if channels > outputs => eprintln!(
            "the file has {channels} channels for {outputs} outputs: those from {} on are not heard; choose more with --outputs",
            outputs + 1
        ),
        (channels, outputs) if channels < outputs => {
            eprintln!("the file has {channels} channels for {outputs} outputs: the others are silent");
        }
        _ => {}
    }
}

/// A bar in milliseconds of what is to be played.
fn bar(arguments: &Play, file_seconds: Option<f64>) -> ProgressBar {
    let rest = file_seconds.map(|seconds| (seconds - arguments.start).max(0.0)).filter(|_| !arguments.repeat);
    let seconds = match (rest, arguments.seconds) {
        (Some(rest), Some(seconds)) => Some(rest.min(seconds)),
        (rest, seconds) => rest.or(seconds),
    };
    let (bar, template) = match seconds {
        Some(seconds) => {
            let bar = ProgressBar::new((seconds * 1000.0) as u64);
            (bar.with_prefix(format!(" / {}", clock(seconds))), "{msg}{prefix} [{bar:40}] {percent}%")
        }
        None => (ProgressBar::new_spinner(), "{msg} {spinner}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()))
}

/// Minutes, seconds and tenths.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0) as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// Watches until the last sample was heard, somebody interrupts, or the device goes.
fn follow(player: &FilePlayer, stream: &mut dyn Stream, stop: &AtomicBool, bar: &ProgressBar) -> Stopped {
    let mut interrupted: Option<Instant> = None;
    let mut underruns = 0;
    loop {
        for notice in stream.notices() {
            if let Some(reason) = opening::ending(&notice) {
                return Stopped::ByDevice(reason);
            }
        }
        // Many drivers know their latency only while they run.
        let buffer = u64::from(stream.info().buffer_frames);
        let latency = stream.latency().output.map_or(2 * buffer, u64::from) + buffer;
        if player.is_over(latency) {
            return if interrupted.is_some() { Stopped::Interrupted } else { Stopped::AtEnd };
        }
        match interrupted {
            Some(at) if at.elapsed() > PATIENCE => return Stopped::Interrupted,
            None if stop.load(Ordering::Relaxed) => {
                player.stop();
                interrupted = Some(Instant::now());
            }
            _ => {}
        }
        let status = player.status();
        bar.set_position((status.seconds * 1000.0) as u64);
        bar.set_message(clock(status.seconds));
        if status.underruns > underruns && bar.is_hidden() {
            eprintln!("at {}: the disk came too late", clock(status.seconds));
        }
        underruns = status.underruns;
        std::thread::sleep(POLL);
    }
}

fn problems(status: &PlayerStatus, stopped: &Stopped, file: Result<Option<AudioFile>, TapeError>) -> Vec<String> {
    let mut problems = Vec::new();
    if status.underruns > 0 {
        let PlayerStatus { underruns, missing_frames, .. } = status;
        problems.push(format!(
            "the disk came too late {underruns} times: {missing_frames} frames of silence were heard in between; try a faster \
             disk, or a smaller load on this one"
        ));
    }
    if let Stopped::ByDevice(reason) = stopped {
        problems.push(format!("stopped at {}: {reason}", clock(status.seconds)));
    }
    match file {
        Ok(Some(file)) if file.damaged() > 0 => {
            problems.push(format!("{} pieces of the file are damaged and were left out", file.damaged()));
        }
        Ok(_) => {}
        Err(error) => problems.push(format!("the file ended early: {error}")),
    }
    problems
}
