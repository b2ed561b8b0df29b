//! `crosspoint tune`: a rig at one buffer size after the other, each timed, and the smallest that is safe.

mod curve;

use super::opening;
use super::render::progress_bar;
use crate::cli::Tune;
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::rack;
use crate::source::{self, Link, Loaded};
use crosspoint::devices::{
    Choices, DeviceInfo, DeviceName, Notice as DeviceNotice, OpenError, Period, Stream, backends,
};
use crosspoint::graph::event::{Event, EventBody};
use crosspoint::graph::{Command, NOW, NodeId};
use crosspoint::measurement::{DeadlineStatistics, DeadlineWatch, Safety, TimedCallback, Verdict, smallest_safe};
use crosspoint::{Engine, EngineError, EngineSettings, Notice};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often the engine is looked after.
const POLL: Duration = Duration::from_millis(10);
/// How long a size runs before it is timed: devices begin with a hiccup.
const SETTLING: Duration = Duration::from_millis(500);
/// What an instrument plays meanwhile: two fifths.
const CHORD: [u8; 4] = [45, 52, 57, 64];

#[derive(Serialize)]
struct Report<'a> {
    backend: String,
    device: String,
    rate: u32,
    /// The smallest safe size, if there is one.
    buffer_frames: Option<u32>,
    /// In words.
    reason: String,
    steps: Vec<Step>,
    /// Sizes that the device refused.
    refused: Vec<u32>,
    picture: &'a Path,
    problems: &'a [String],
}

/// Loads are parts of the period: 1 is all the time that there is.
#[derive(Serialize)]
struct Step {
    buffer_frames: u32,
    milliseconds: f64,
    periods: usize,
    median: Option<f32>,
    p99: Option<f32>,
    p999: Option<f32>,
    worst: Option<f32>,
    /// From one period's beginning to the next, as a multiple of the period.
    longest_gap: f64,
    xruns: u64,
    safe: bool,
    verdict: String,
}

/// Runs the command.
pub fn run(arguments: &Tune, links: &[Link]) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut plugins = rack::plugins()?;
    let links = source::chain_links(links, plugins.catalogue())?;
    let rate = arguments.device.rate.unwrap_or(EngineSettings::default().rate);
    let settings = EngineSettings { rate, ..EngineSettings::default() };
    let mut engine = Engine::with_plugins(settings.checked()?, plugins);

    let safety = Safety { usual: arguments.usual / 100.0, worst: arguments.worst / 100.0 };
    let name = device(arguments)?;
    let (sizes, are_asked_for) = sizes(arguments, &name);
    let bar = progress_bar(sizes.len().max(1) * 1000, "trying each size");
    let (mut steps, mut refused, mut device) = (Vec::new(), Vec::new(), None);
    let mut loaded: Option<Loaded> = None;
    for size in sizes {
        let (stream, mut watch) = match open(arguments, &name, &engine, size)? {
            Ok(opened) => opened,
            Err(error) if are_asked_for => return Err(Failure::new(error)),
            Err(_) => {
                refused.extend(size);
                bar.inc(1000);
                continue;
            }
        };
        let info = stream.info().clone();
        engine.play_on(stream)?;
        if loaded.is_none() {
            let inputs = info.inputs.len();
            let built = source::build(&mut engine, &arguments.source, &links, inputs, source::machine_roles)?;
            print_problems(&built.problems);
            loaded = Some(built);
        }
        let events = loaded.as_ref().and_then(|loaded| loaded.events);
        let xruns = time(&mut engine, &mut watch, events, info.rate, arguments.seconds, |part| {
            bar.set_position((steps.len() + refused.len()) as u64 * 1000 + (part * 1000.0) as u64);
        })?;
        steps.push(watch.statistics(info.buffer_frames, xruns));
        engine.close_device();
        device.get_or_insert(info);
    }
    bar.finish_and_clear();
    let Some(info) = device else {
        return Err(Failure::new("the device has none of the sizes: name others with --sizes"));
    };
    let problems = loaded.map(|loaded| loaded.problems).unwrap_or_default();
    let reason = reason(&steps, &safety);
    let chosen = smallest_safe(&steps, &safety).map(|step| step.buffer_frames);
    let title = format!("{}:{} at {} Hz", info.backend, info.device, info.rate);
    curve::draw(&title, &steps, &safety, chosen, &reason)
        .write_png(&arguments.output)
        .map_err(|error| Failure::new(format_args!("{}: {error}", arguments.output.display())))?;
    let report = Report {
        backend: info.backend.to_owned(),
        device: info.device,
        rate: info.rate,
        buffer_frames: chosen,
        reason,
        steps: steps.iter().map(|step| shown(step, &safety)).collect(),
        refused,
        picture: &arguments.output,
        problems: &problems,
    };
    if arguments.json {
        output.json(&report)?
    } else {
        output.text(&text(&report))?
    }
    Ok(if chosen.is_some() { code_for(&problems) } else { ExitCode::FAILURE })
}

/// The device that is meant; without a name, the best there is, which is opened for a moment.
fn device(arguments: &Tune) -> Result<DeviceName, Failure> {
    if let Some(name) = &arguments.device.device {
        return Ok(name.clone());
    }
    let silence = || Ok(Box::new(|period: Period<'_>| period.outputs.iter_mut().for_each(|it| it.fill(0.0))) as Box<_>);
    let stream = opening::open(&arguments.device, [&arguments.inputs, &arguments.outputs], None, silence)?;
    let info = stream.info();
    Ok(DeviceName { backend: info.backend.to_owned(), device: Some(info.device.clone()) })
}

/// The sizes to try, the largest first, and whether the user named them. None: whatever the device has.
fn sizes(arguments: &Tune, name: &DeviceName) -> (Vec<Option<u32>>, bool) {
    let mut sizes = arguments.sizes.clone();
    let are_asked_for = !sizes.is_empty();
    if !are_asked_for {
        let offered = offered(name);
        sizes = (4..=11).map(|power| 1 << power).filter(|&size| offered.contains(size)).collect();
    }
    sizes.sort_unstable();
    sizes.dedup();
    let sizes: Vec<_> = sizes.into_iter().rev().map(Some).collect();
    (if sizes.is_empty() { vec![None] } else { sizes }, are_asked_for)
}

/// What the device says that it has.
fn offered(name: &DeviceName) -> Choices {
    let devices = backends().into_iter().filter(|backend| backend.name() == name.backend);
    let mut devices = devices.flat_map(|backend| backend.devices().unwrap_or_default());
    let is_meant = |found: &DeviceInfo| match &name.device {
        Some(device) => found.name == *device,
        None => found.is_default,
    };
    devices.find(is_meant).map(|device| device.buffer_frames).unwrap_or_default()
}

/// A stream, and what times it.
type Timed = (Box<dyn Stream>, DeadlineWatch);

/// Opens the device at a size. The inner error is for a size that it does not have.
fn open(
    arguments: &Tune,
    name: &DeviceName,
    engine: &Engine,
    size: Option<u32>,
) -> Result<Result<Timed, OpenError>, Failure> {
    let choice = crate::cli::DeviceChoice { buffer: size, ..arguments.device.clone() };
    let mut watch = None;
    let make = || {
        let (callback, own) = TimedCallback::new(engine.cell(), arguments.level, arguments.audible);
        watch = Some(own);
        Ok(Box::new(callback) as Box<_>)
    };
    let opened = opening::open_named(name, &choice, [&arguments.inputs, &arguments.outputs], None, make)?;
    Ok(match (opened, watch) {
        (Ok(stream), Some(watch)) => Ok((stream, watch)),
        (Err(error @ OpenError::BufferFrames { .. }), _) => Err(error),
        (Err(error), _) => return Err(Failure::new(error)),
        (Ok(_), None) => return Err(Failure::new("the device opened without its callback")),
    })
}

/// Lets the rig play for so long, with a chord held; the periods that the driver lost meanwhile.
fn time(
    engine: &mut Engine,
    watch: &mut DeadlineWatch,
    events: Option<NodeId>,
    rate: u32,
    seconds: f64,
    mut progress: impl FnMut(f64),
) -> Result<u64, Failure> {
    engine.send_command(NOW, Command::Play(true))?;
    let strike = |engine: &mut Engine, status: u8| -> Result<(), EngineError> {
        let Some(node) = events else { return Ok(()) };
        CHORD.iter().try_for_each(|&key| {
            engine.send_event(node, NOW, Event { frame: 0, port: 0, body: EventBody::Midi([status, key, 96]) })
        })
    };
    strike(engine, 0x90)?;
    let xruns = |engine: &Engine| engine.stream().map_or(0, |stream| stream.xruns());
    let began = Instant::now();
    let whole = SETTLING + Duration::from_secs_f64(seconds);
    let mut before = None;
    while began.elapsed() < whole {
        for notice in engine.poll() {
            match &notice {
                Notice::Device(DeviceNotice::DeviceLost { reason } | DeviceNotice::Stopped { reason }) => {
                    return Err(Failure::new(format_args!("the device stopped: {reason}")));
                }
                _ => super::describe(&notice).iter().for_each(|message| eprintln!("{message}")),
            }
        }
        if before.is_none() && began.elapsed() >= SETTLING {
            watch.begin(rate);
            before = Some(xruns(engine));
        }
        watch.gather();
        progress(began.elapsed().as_secs_f64() / whole.as_secs_f64());
        std::thread::sleep(POLL);
    }
    let lost = xruns(engine) - before.unwrap_or(0);
    strike(engine, 0x80)?;
    Ok(lost)
}

/// Why that size, in a sentence.
fn reason(steps: &[DeadlineStatistics], safety: &Safety) -> String {
    let mut sorted: Vec<_> = steps.iter().collect();
    sorted.sort_by_key(|step| step.buffer_frames);
    let Some(chosen) = smallest_safe(steps, safety) else {
        let largest = sorted.last().map_or_else(String::new, |step| {
            format!(": even with {} frames {}", step.buffer_frames, step.verdict(safety))
        });
        return format!("no size is safe{largest}");
    };
    let worst = chosen.quantile(1.0).unwrap_or(0.0) * 100.0;
    let refused = sorted.iter().rev().find(|step| step.buffer_frames < chosen.buffer_frames);
    let below = match refused {
        Some(step) => format!("with {} {}", step.buffer_frames, step.verdict(safety)),
        None => "no smaller one was tried".to_owned(),
    };
    format!(
        "{} frames: no period of {} was lost, the worst took {worst:.1} % of its time; {below}",
        chosen.buffer_frames, chosen.periods
    )
}

fn shown(step: &DeadlineStatistics, safety: &Safety) -> Step {
    let verdict = step.verdict(safety);
    Step {
        buffer_frames: step.buffer_frames,
        milliseconds: step.period_ns / 1e6,
        periods: step.periods,
        median: step.quantile(0.5),
        p99: step.quantile(0.99),
        p999: step.quantile(0.999),
        worst: step.quantile(1.0),
        longest_gap: step.longest_gap,
        xruns: step.xruns,
        safe: verdict == Verdict::Safe,
        verdict: verdict.to_string(),
    }
}

fn text(report: &Report<'_>) -> String {
    let mut text = format!("{}:{} at {} Hz\n\n", report.backend, report.device, report.rate);
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}  verdict",
        "frames", "ms", "periods", "median", "p99.9", "worst", "gap", "xruns"
    );
    let percent = |load: Option<f32>| load.map_or_else(|| "-".to_owned(), |load| format!("{:.1} %", 100.0 * load));
    for step in &report.steps {
        let _ = writeln!(
            text,
            "{:>7} {:>8.2} {:>8} {:>8} {:>8} {:>8} {:>7.1}x {:>6}  {}",
            step.buffer_frames,
            step.milliseconds,
            step.periods,
            percent(step.median),
            percent(step.p999),
            percent(step.worst),
            step.longest_gap,
            step.xruns,
            step.verdict
        );
    }
    if !report.refused.is_empty() {
        let refused: Vec<String> = report.refused.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "the device has no buffers of {} frames", refused.join(", "));
    }
    let _ = writeln!(text, "\n{}\npicture: {}", report.reason, report.picture.display());
    text
}
