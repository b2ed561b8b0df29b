//! `crosspoint demo`: a guitar phrase through the bundled effects, to files with a picture, or on a device.

use crate::cli::Demo;
use crate::demo::guitar;
use crate::demo::picture::{self, PluginLoad};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::rack;
use crosspoint::devices::{ChannelSelection, StreamRequest};
use crosspoint::graph::kernels::ticks;
use crosspoint::graph::nodes::player;
use crosspoint::graph::{ChannelLayout, Command, Load, NodeId, compile};
use crosspoint::offline::Job;
use crosspoint::offline::wav::{self, Audio};
use crosspoint::{Chain, ChainLink, Engine, EngineSettings, PluginReference};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The bundled plugins of the demonstration, in the order of the signal.
const EFFECTS: [&str; 5] = ["gate", "amp", "cabinet", "delay", "reverb"];
/// Seconds that the echoes are given.
const TAIL: f64 = 2.0;

#[derive(Serialize)]
struct Report {
    wav: Option<std::path::PathBuf>,
    png: Option<std::path::PathBuf>,
    rate: u32,
    block: usize,
    frames: usize,
    latency: u32,
    schedule: String,
    deadline_us: f64,
    blocks: Blocks,
    plugins: Vec<Plugin>,
    problems: Vec<String>,
}

/// How much of their deadline the blocks took: 1 is too late.
#[derive(Serialize)]
struct Blocks {
    count: usize,
    late: usize,
    median: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct Plugin {
    name: String,
    latency: u32,
    min_us: f64,
    mean_us: f64,
    p99_us: f64,
    max_us: f64,
}

/// Runs the command.
pub fn run(arguments: &Demo) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    if !guitar::RATES.contains(&arguments.rate) {
        let (least, most) = (guitar::RATES.start(), guitar::RATES.end());
        return Err(Failure::usage(format_args!("--rate {}: {least} to {most} Hz", arguments.rate)));
    }
    let max_block = if arguments.live { EngineSettings::default().max_block } else { arguments.block };
    let settings = EngineSettings { rate: arguments.rate, max_block, ..EngineSettings::default() };
    let mut engine = rack::engine(settings)?;
    if arguments.live { live(arguments, engine, &mut output) } else { offline(arguments, &mut engine, &mut output) }
}

fn links() -> Vec<ChainLink> {
    let link =
        |effect: &&str| ChainLink::new(PluginReference::in_file(rack::NAME, Some(&format!("org.crosspoint.{effect}"))));
    EFFECTS.iter().map(link).collect()
}

fn offline(arguments: &Demo, engine: &mut Engine, output: &mut Output) -> Result<ExitCode, Failure> {
    let phrase = guitar::phrase(arguments.rate);
    let chain = engine.build_chain(&[Some(0)], &links())?;
    engine.send_command(0, Command::Measure(true))?;
    engine.send_command(0, Command::Play(true))?;
    let frames = phrase.len() + (TAIL * f64::from(arguments.rate)) as usize;
    let bar = super::render::progress_bar(frames, "playing");
    let job = Job {
        inputs: &[phrase],
        outputs: chain.outputs,
        frames,
        block: arguments.block,
        compensate: true,
        events: &[],
        events_into: None,
    };
    let (start, start_ticks) = (Instant::now(), ticks());
    let rendered = engine.render(&job, |done| {
        bar.set_position(done as u64);
        true
    })?;
    let tick_us = start.elapsed().as_secs_f64() * 1e6 / (ticks().wrapping_sub(start_ticks)).max(1) as f64;
    bar.finish_and_clear();
    let problems: Vec<String> = rendered.notices.iter().filter_map(super::describe).collect();
    print_problems(&problems);

    std::fs::create_dir_all(&arguments.output)
        .map_err(|error| Failure::new(format_args!("{}: {error}", arguments.output.display())))?;
    let wav = arguments.output.join("crosspoint-demo.wav");
    let png = arguments.output.join("crosspoint-demo.png");
    let audio = Audio { rate: arguments.rate, channels: rendered.channels };
    wav::write(&wav, &audio)?;

    let schedule = engine.schedule().map(|schedule| compile::text(&schedule, engine.graph())).unwrap_or_default();
    let deadline_us = arguments.block as f64 * 1e6 / f64::from(arguments.rate);
    let shares = block_shares(&rendered.loads, arguments.rate, tick_us);
    let plugins = plugin_loads(engine, &chain, &rendered.loads, tick_us);
    let report = Report {
        wav: Some(wav),
        png: Some(png.clone()),
        rate: arguments.rate,
        block: arguments.block,
        frames,
        latency: rendered.latency,
        deadline_us,
        blocks: summarise(&shares),
        plugins,
        problems,
        schedule,
    };
    draw(&report, &job.inputs[0], &audio, &shares)
        .write_png(&png)
        .map_err(|error| Failure::new(format_args!("{}: {error}", png.display())))?;
    if arguments.json {
        output.json(&report)?
    } else {
        output.text(&text(&report))?
    }
    Ok(code_for(&report.problems))
}

/// For each block of the whole render, the share of its deadline that it took.
fn block_shares(loads: &[Load], rate: u32, tick_us: f64) -> Vec<f32> {
    let whole = loads.iter().filter(|load| load.node.is_none() && load.frames > 0);
    whole.map(|load| (load.ticks as f64 * tick_us * f64::from(rate) / (f64::from(load.frames) * 1e6)) as f32).collect()
}

fn summarise(shares: &[f32]) -> Blocks {
    let mut sorted: Vec<f64> = shares.iter().map(|&share| f64::from(share)).collect();
    sorted.sort_by(f64::total_cmp);
    let late = sorted.iter().filter(|&&share| share > 1.0).count();
    let max = sorted.last().copied().unwrap_or(0.0);
    Blocks { count: sorted.len(), late, median: quantile(&sorted, 0.5), p99: quantile(&sorted, 0.99), max }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

fn plugin_loads(engine: &Engine, chain: &Chain, loads: &[Load], tick_us: f64) -> Vec<Plugin> {
    let load = |&node: &NodeId| {
        let mut times: Vec<f64> =
            loads.iter().filter(|load| load.node == Some(node)).map(|load| load.ticks as f64 * tick_us).collect();
        times.sort_by(f64::total_cmp);
        Plugin {
            name: engine.name(node),
            latency: engine.graph().node(node).map_or(0, |node| node.latency),
            min_us: times.first().copied().unwrap_or(0.0),
            mean_us: times.iter().sum::<f64>() / times.len().max(1) as f64,
            p99_us: quantile(&times, 0.99),
            max_us: times.last().copied().unwrap_or(0.0),
        }
    };
    chain.plugins.iter().map(load).collect()
}

fn draw(report: &Report, input: &[f32], audio: &Audio, shares: &[f32]) -> crate::drawing::Picture {
    let plugins: Vec<PluginLoad> = report
        .plugins
        .iter()
        .map(|plugin| PluginLoad {
            name: plugin.name.clone(),
            mean_us: plugin.mean_us as f32,
            p99_us: plugin.p99_us as f32,
            max_us: plugin.max_us as f32,
            latency: plugin.latency,
        })
        .collect();
    let notes: Vec<String> = report.schedule.lines().map(str::to_owned).collect();
    picture::draw(&picture::Report {
        title: "Crosspoint: guitar through gate, amp, cabinet, delay, reverb",
        sample_rate: report.rate,
        input,
        output: &audio.channels,
        plugins: &plugins,
        blocks: shares,
        deadline_us: report.deadline_us as f32,
        latency_frames: report.latency,
        notes: &notes,
    })
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", report.schedule);
    let milliseconds = f64::from(report.latency) * 1000.0 / f64::from(report.rate);
    let _ = writeln!(text, "latency of the plugins: {} frames ({milliseconds:.2} ms)\n", report.latency);
    let _ = writeln!(
        text,
        "{:<22}{:>9}{:>9}{:>9}{:>9}  us a block of {} frames",
        "", "min", "mean", "p99", "max", report.block
    );
    for plugin in &report.plugins {
        let _ = writeln!(
            text,
            "{:<22}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
            plugin.name, plugin.min_us, plugin.mean_us, plugin.p99_us, plugin.max_us
        );
    }
    let blocks = &report.blocks;
    let _ = writeln!(
        text,
        "\n{} blocks, a deadline every {:.0} us: half took less than {:.1} % of it, 99 in 100 less than {:.1} %, \
         the longest {:.1} %; {} were late",
        blocks.count,
        report.deadline_us,
        blocks.median * 100.0,
        blocks.p99 * 100.0,
        blocks.max * 100.0,
        blocks.late
    );
    for (what, path) in [("sound", &report.wav), ("picture", &report.png)] {
        if let Some(path) = path {
            let _ = writeln!(text, "{what}: {}", path.display());
        }
    }
    text
}

/// The phrase, played by a node of the rig, on the best device there is.
fn live(arguments: &Demo, mut engine: Engine, output: &mut Output) -> Result<ExitCode, Failure> {
    let request = StreamRequest { inputs: ChannelSelection::none(), ..StreamRequest::default() };
    engine.open_device(None, &request)?;
    let rate = engine.settings().rate;
    let phrase = guitar::phrase(rate);
    let seconds = phrase.len() as f64 / f64::from(rate) + TAIL;
    let chain = engine.batch(|engine| {
        let chain = engine.build_chain(&[], &links())?;
        let clip: player::Clip = Arc::new([phrase.into_boxed_slice()]);
        let node = player::node("guitar", ChannelLayout::Mono);
        let guitar = engine.add_processor(node, Box::new(player::Player::new(clip).playing()))?;
        if let Some(&first) = chain.plugins.first() {
            engine.connect(guitar, first)?;
        }
        Ok(chain)
    })?;
    engine.send_command(0, Command::Play(true))?;
    engine.send_command(0, Command::Measure(true))?;
    if let Some(stream) = engine.stream() {
        let info = stream.info();
        eprintln!("playing on {}:{} at {rate} Hz, buffers of {} frames", info.backend, info.device, info.buffer_frames);
    }
    let (start, start_ticks) = (Instant::now(), ticks());
    let mut loads = Vec::new();
    let mut problems = Vec::new();
    while start.elapsed().as_secs_f64() < seconds {
        problems.extend(engine.poll().iter().filter_map(super::describe));
        loads.extend(std::iter::from_fn(|| engine.next_load()));
        std::thread::sleep(Duration::from_millis(10));
    }
    let tick_us = start.elapsed().as_secs_f64() * 1e6 / (ticks().wrapping_sub(start_ticks)).max(1) as f64;
    engine.close_device();
    let block = loads.iter().filter(|load| load.node.is_none()).map(|load| load.frames as usize).max().unwrap_or(0);
    let report = Report {
        wav: None,
        png: None,
        rate,
        block,
        frames: (seconds * f64::from(rate)) as usize,
        latency: engine.latency(),
        deadline_us: block as f64 * 1e6 / f64::from(rate),
        blocks: summarise(&block_shares(&loads, rate, tick_us)),
        plugins: plugin_loads(&engine, &chain, &loads, tick_us),
        problems,
        schedule: engine.schedule().map(|schedule| compile::text(&schedule, engine.graph())).unwrap_or_default(),
    };
    print_problems(&report.problems);
    if arguments.json {
        output.json(&report)?
    } else {
        output.text(&text(&report))?
    }
    Ok(code_for(&report.problems))
}
