//! `crosspoint render`: files through a rig, or a chain of plugins, to a file.

use crate::cli::Render;
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::rack;
use crate::source::{self, Link};
use crosspoint::EngineSettings;
use crosspoint::formats::RenderMode;
use crosspoint::offline::wav::{self, Audio};
use crosspoint::offline::{Job, midi};
use crosspoint::session::{MachineFile, OutputGuard};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report<'a> {
    output: &'a std::path::Path,
    rate: u32,
    channels: usize,
    frames: usize,
    latency: u32,
    compensated: bool,
    problems: &'a [String],
}

/// A bar on standard error, in frames; hidden where nobody looks.
pub fn progress_bar(frames: usize, message: &'static str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {percent}% {eta}").unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(frames as u64).with_style(style).with_message(message)
}

/// Reads WAV files at one rate: the one given, else the first file's.
///
/// # Errors
/// If one cannot be read, or has another rate while none was given.
pub fn read_inputs(paths: &[PathBuf], rate: Option<u32>) -> Result<(u32, Vec<Vec<f32>>), Failure> {
    let files: Vec<Audio> = paths.iter().map(|path| wav::read(path)).collect::<Result<_, _>>()?;
    let chosen = rate;
    let rate = rate.or(files.first().map(|audio| audio.rate)).unwrap_or(48_000);
    let mut channels = Vec::new();
    for (audio, path) in files.into_iter().zip(paths) {
        if chosen.is_none() && audio.rate != rate {
            return Err(Failure::new(format_args!(
                "{}: has {} Hz, {} has {rate} Hz; name the rate you want with --rate, the others are resampled then",
                path.display(),
                audio.rate,
                paths[0].display()
            )));
        }
        channels.extend(audio.resampled(rate)?.channels);
    }
    Ok((rate, channels))
}

/// Runs the command.
pub fn run(arguments: &Render, links: &[Link]) -> Result<ExitCode, Failure> {
    if arguments.input.is_empty() && arguments.midi.is_none() {
        return Err(Failure::usage("nothing to render: name a WAV with --input or a MIDI file with --midi"));
    }
    if !(0.0..=3600.0).contains(&arguments.tail) {
        return Err(Failure::usage(format_args!("--tail {}: 0 to 3600 seconds", arguments.tail)));
    }
    if let Some(rate) = arguments.rate {
        EngineSettings { rate, ..EngineSettings::default() }.checked()?;
    }
    let mut output = Output::take()?;
    let (rate, inputs) = read_inputs(&arguments.input, arguments.rate)?;
    let mut engine = rack::engine(EngineSettings { rate, ..EngineSettings::default() })?;
    engine.set_render_mode(RenderMode::Offline);
    let links = source::chain_links(links, engine.catalogue())?;
    let score = arguments.midi.as_deref().map(|path| midi::read(path, rate)).transpose()?.unwrap_or_default();
    // Files have no roles of their own: they fill the rig's inputs in order, whatever this machine's interface does.
    let files_in_order = |document: &_| Ok(MachineFile::default().map(document));
    let loaded = source::build(&mut engine, &arguments.source, &links, inputs.len(), files_in_order)?;
    if loaded.outputs == 0 {
        print_problems(&loaded.problems);
        return Err(Failure::new("the rig has no output; connect something to one"));
    }
    let mut problems = loaded.problems;
    if arguments.midi.is_some() && loaded.events.is_none() {
        problems.push("the rig has no event input, so the MIDI file is not heard; add one".to_owned());
    }
    // Nobody's ears are at the end of it: what is loud is written as it is.
    let guarded: Vec<_> =
        engine.look().nodes.iter().filter(|(_, node)| node.guard.is_some()).map(|(&id, _)| id).collect();
    for output in guarded {
        engine.set_output_guard(output, OutputGuard { limit: None, ..OutputGuard::default() })?;
    }
    engine.send_command(0, crosspoint::graph::Command::Play(true))?;
    let longest = inputs.iter().map(Vec::len).max().unwrap_or(0).max(score.frames as usize);
    let frames = longest + (arguments.tail * f64::from(rate)).round() as usize;
    let bar = progress_bar(frames, "rendering");
    let job = Job {
        inputs: &inputs,
        outputs: loaded.outputs,
        frames,
        block: arguments.block,
        compensate: !arguments.no_compensation,
        events: &score.events,
        events_into: loaded.events,
    };
    let rendered = engine.render(&job, |done| {
        bar.set_position(done as u64);
        true
    })?;
    bar.finish_and_clear();
    let mut said: Vec<String> = rendered.notices.iter().filter_map(super::describe).collect();
    said.dedup();
    problems.extend(said);
    print_problems(&problems);
    let audio = Audio { rate, channels: rendered.channels };
    wav::write(&arguments.output, &audio)?;
    if arguments.json {
        output.json(&Report {
            output: &arguments.output,
            rate,
            channels: audio.channels.len(),
            frames: audio.frames(),
            latency: rendered.latency,
            compensated: !arguments.no_compensation,
            problems: &problems,
        })?;
    } else {
        output.text(&format!(
            "{}: {} channels, {:.3} s at {rate} Hz, latency {} frames\n",
            arguments.output.display(),
            audio.channels.len(),
            audio.frames() as f64 / f64::from(rate),
            rendered.latency
        ))?;
    }
    Ok(code_for(&problems))
}
