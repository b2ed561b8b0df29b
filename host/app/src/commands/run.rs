//! `crosspoint run`: a rig, or a chain of plugins, on an audio device.

use super::device_events::{DeviceEvent, device_event};
use super::{driver, notices, opening};
use crate::cli::{RemoteChoice, Run};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::rack;
use crate::recovery::{self, Recovered};
use crate::remote::{Desk, Doors, Folders, Remote, Token};
use crate::source::{self, Link, machine_roles};
use crosspoint::devices::midi::Direction;
use crosspoint::devices::{Joined, Scheduling, StreamInfo, StreamRequest};
use crosspoint::graph::{Command, NodeId};
use crosspoint::{ChainLink, DeviceState, Engine, EngineError, EngineSettings, MidiEvent, Notice, PluginLink};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the engine is looked after.
const POLL: Duration = Duration::from_millis(10);
/// How long the start line waits for the audio thread, to say how it is scheduled.
const FIRST_PERIOD: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Report<'a> {
    backend: &'a str,
    device: &'a str,
    rate: u32,
    buffer_frames: u32,
    inputs: &'a [String],
    outputs: &'a [String],
    /// Frames that the rig adds between input and output.
    latency: u32,
    /// `playing`, or `lost` while the device is away.
    state: &'a str,
    /// Whether the audio thread has real-time priority; null where the system does not tell.
    real_time: Option<bool>,
    real_time_priority: Option<i32>,
    xruns: u64,
    /// Frames lost with them, as far as the driver tells.
    lost_frames: u64,
    /// What became of the device, in order.
    events: &'a [TimedEvent],
    /// How two streams are joined; null where one has both sides.
    joined: Option<JoinedReport>,
    /// The MIDI ports of the rig's roles.
    midi: Vec<super::midi::Connection>,
    problems: &'a [String],
}

/// An event, and when it happened.
#[derive(Serialize)]
struct TimedEvent {
    /// Seconds since the device was opened.
    seconds: f64,
    #[serde(flatten)]
    event: DeviceEvent,
}

#[derive(Serialize)]
struct JoinedReport {
    /// How much faster the input's clock is; null where both are taken for one.
    drift_ppm: Option<f32>,
    /// Frames that wait between the two, and how many are meant to.
    fill: u32,
    target: u32,
    /// Frames that this adds, resampler included.
    latency: u32,
}

impl From<Joined> for JoinedReport {
    fn from(Joined { drift, fill, target, latency }: Joined) -> Self {
        Self { drift_ppm: drift, fill, target, latency }
    }
}

/// Runs the command: the plugins on this thread, the process's main one, all else on another, so that neither waits for
/// the other.
pub fn run(arguments: &Run, links: &[Link]) -> Result<ExitCode, Failure> {
    let output = Output::take()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = stop.clone();
    ctrlc::set_handler(move || stopper.store(true, Ordering::Relaxed)).map_err(Failure::new)?;
    let mut plugins = rack::plugins()?;
    let links = source::chain_links(links, plugins.catalogue())?;
    let recovered = arguments.recover.then(Recovered::find).transpose()?;
    let filled = recovered.as_ref().map(|recovered| recovered.fill(arguments));
    let arguments = filled.as_ref().unwrap_or(arguments);
    if recovered.is_none() {
        recovery::tell();
    }
    let (link, server) = plugins.apart();
    std::thread::scope(|scope| {
        let control = scope.spawn(|| control(arguments, &links, link, output, &stop, recovered));
        server.run();
        control.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The control thread. It ends with the engine, and with that the main thread's service.
fn control(
    arguments: &Run,
    links: &[ChainLink],
    plugins: PluginLink,
    mut output: Output,
    stop: &AtomicBool,
    mut recovered: Option<Recovered>,
) -> Result<ExitCode, Failure> {
    let settings = EngineSettings::default();
    let settings = EngineSettings { rate: arguments.device.rate.unwrap_or(settings.rate), ..settings };
    let mut engine = Engine::with_plugins(settings.checked()?, plugins);
    let request = opening::request(&arguments.device, [&arguments.inputs, &arguments.outputs]);
    // The device first: its channels say what the rig can be connected to. It plays silence until the rig is there.
    open(&mut engine, arguments, &request, stop)?;
    if let Some(clock) = &arguments.clock {
        eprintln!("{}", driver::choose_clock(engine.driver_controls(), clock)?);
    }
    if arguments.panel {
        driver::open_panel(engine.driver_controls())?;
    }
    let own = recovered.as_ref().map_or(arguments.source.rig.as_deref(), Recovered::file);
    let remote = let_in(&engine, arguments, own)?;
    let inputs = engine.stream().map_or(0, |stream| stream.info().inputs.len());
    let begun = match &mut recovered {
        Some(recovered) => {
            let rig = std::mem::take(&mut recovered.rig);
            source::begin_loaded(&mut engine, recovered.file(), rig, machine_roles)
        }
        None => source::begin(&mut engine, &arguments.source, links, inputs, machine_roles),
    };
    let mut building = Some(begun?);
    engine.set_performance_lock(arguments.performance);
    let mut autosave = None;
    let mut coming: Option<recovery::Return> = None;
    engine.send_command(0, Command::Play(true))?;
    let (mut problems, mut events) = (Vec::new(), Vec::new());
    let opened = Instant::now();
    let mut unsaid = None;
    let mut midi_opened = false;
    let mut clocks = Clocks { since: Instant::now(), is_told: false };
    let mut xruns = Xruns { told: 0, at: Instant::now() };
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e6)));
    while !stop.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until) {
        for notice in engine.poll() {
            if let (Some(remote), Some(document)) = (&remote, notices::document(&notice)) {
                remote.tell(document);
            }
            if let Some(event) = device_event(&notice) {
                eprintln!("{}", event.message);
                events.push(TimedEvent { seconds: opened.elapsed().as_secs_f64(), event });
            } else if let Some(message) = super::describe(&notice) {
                eprintln!("{message}");
                problems.push(message);
            }
            if let Some(coming) = &mut coming {
                coming.note(&notice, &mut engine);
            }
            if let Notice::Midi { event: MidiEvent::Open { .. }, .. } = notice {
                midi_opened = true;
            }
        }
        if let Some(loaded) = building.as_ref().and_then(|building| building.try_finish(&engine)) {
            building = None;
            let loaded = loaded?;
            play_midi(&mut engine, &arguments.midi_input, loaded.events)?;
            let told = loaded.problems;
            print_problems(&told);
            problems.extend(told);
            unsaid = Some(Instant::now());
            coming = recovered.take().map(|recovered| recovered.play(&mut engine)).transpose()?;
            autosave = recovery::begin(arguments).map(|(file, place)| {
                engine.set_autosave(Some(place));
                file
            });
        }
        if let Some(coming) = &mut coming {
            coming.look(&engine);
        }
        if let DeviceState::Playing { stream, scheduling } = engine.device()
            && unsaid.is_some_and(|since| scheduling.is_some() || since.elapsed() > FIRST_PERIOD)
        {
            unsaid = None;
            say_what_plays(stream, scheduling.as_ref(), engine.latency());
        }
        if std::mem::take(&mut midi_opened) {
            say_midi(&engine);
        }
        xruns.look(&engine);
        clocks.look(&engine);
        std::thread::sleep(POLL);
    }
    if let DeviceState::Lost { stream, reason, .. } = engine.device() {
        problems.push(format!("{}:{} was still away at the end: {reason}", stream.backend, stream.device));
    }
    if arguments.json
        && let Some(info) = engine.device().stream()
    {
        let scheduling = match engine.device() {
            DeviceState::Playing { scheduling, .. } => scheduling.as_ref(),
            _ => None,
        };
        output.json(&Report {
            backend: info.backend,
            device: &info.device,
            rate: info.rate,
            buffer_frames: info.buffer_frames,
            inputs: &info.inputs,
            outputs: &info.outputs,
            latency: engine.latency(),
            state: if matches!(engine.device(), DeviceState::Lost { .. }) { "lost" } else { "playing" },
            real_time: scheduling.map(|scheduling| matches!(scheduling, Scheduling::RealTime { .. })),
            real_time_priority: match scheduling {
                Some(Scheduling::RealTime { priority }) => *priority,
                _ => None,
            },
            xruns: engine.xruns(),
            lost_frames: engine.lost_frames(),
            events: &events,
            midi: engine.midi_connections().into_iter().map(Into::into).collect(),
            joined: engine.stream().and_then(|stream| stream.joined()).map(JoinedReport::from),
            problems: &problems,
        })?;
    }
    engine.close_device();
    // The writer has ended with the engine; then what it wrote goes.
    drop(engine);
    drop(autosave);
    Ok(code_for(&problems))
}

/// Opens the device. One that may be had later is waited for, if that is wanted.
fn open(
    engine: &mut Engine<PluginLink>,
    arguments: &Run,
    request: &StreamRequest,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let name = arguments.device.device.as_ref();
    let opened = match (engine.open_device(name, request), name, arguments.wait) {
        (Err(EngineError::Open(refusal)), Some(name), Some(seconds)) if refusal.may_pass() => {
            eprintln!("{refusal}\nwaiting for {name} for up to {seconds} s. Ctrl-C stops.");
            let limit = Duration::from_secs_f64(seconds);
            engine.open_device_when_free(name, request, limit, &|| stop.load(Ordering::Relaxed))
        }
        (opened, ..) => opened,
    };
    opened.map_err(Failure::new)
}

/// Lets clients command the rig of a file, if that is wanted.
fn let_in(engine: &Engine<PluginLink>, arguments: &Run, rig: Option<&Path>) -> Result<Option<Remote>, Failure> {
    let RemoteChoice { remote, osc, remote_token, remote_folder, remote_host } = &arguments.remote;
    if remote.or(*osc).is_none() {
        if remote_token.is_some() || !remote_folder.is_empty() {
            return Err(Failure::usage("--remote-token and --remote-folder are for --remote or --osc"));
        }
        return Ok(None);
    }
    let token = match remote_token {
        Some(text) => Token::chosen(text).map_err(Failure::usage)?,
        None => Token::random().map_err(Failure::new)?,
    };
    let rig = rig.map(std::path::absolute).transpose().map_err(Failure::new)?;
    let own = rig.as_deref().and_then(Path::parent).map_or_else(std::env::current_dir, |folder| Ok(folder.to_owned()));
    let folders = std::iter::once(own.map_err(Failure::new)?).chain(remote_folder.iter().cloned());
    let desk = Desk::new(engine.handle(), Folders::new(folders)).map_err(Failure::new)?;
    let told = token.reveal().to_owned();
    let remote = Remote::start(desk, Doors { web: *remote, osc: *osc, token, hosts: remote_host.clone() })?;
    if let Some(address) = remote.osc() {
        let who = match address.ip().is_loopback() {
            true => String::new(),
            false => format!("; senders say /crosspoint/hello {told} first"),
        };
        eprintln!("listening for OSC at {address}{who}");
    }
    if let Some(address) = remote.web() {
        match address.ip().is_unspecified() {
            true => eprintln!(
                "a page for tablets is at http://ADDRESS:{}/#{told}, where ADDRESS is this machine's in the network",
                address.port()
            ),
            false => eprintln!("a page for tablets is at http://{address}/#{told}"),
        }
        eprintln!("listening at {address}; the token is {told}");
    }
    Ok(Some(remote))
}

/// Xruns come in hundreds where they come at all: people are told once a second.
struct Xruns {
    told: u64,
    at: Instant,
}

impl Xruns {
    fn look(&mut self, engine: &Engine<PluginLink>) {
        let count = engine.xruns();
        if count != self.told && self.at.elapsed() > Duration::from_secs(1) {
            eprintln!("{count} xruns so far: periods that came too late");
            *self = Self { told: count, at: Instant::now() };
        }
    }
}

/// Two clocks are followed within some seconds: how they run is told once, after that.
struct Clocks {
    since: Instant,
    is_told: bool,
}

impl Clocks {
    const SETTLING: Duration = Duration::from_secs(30);

    fn look(&mut self, engine: &Engine<PluginLink>) {
        if self.is_told || self.since.elapsed() < Self::SETTLING {
            return;
        }
        let Some(joined) = engine.stream().and_then(|stream| stream.joined()) else { return };
        self.is_told = true;
        eprintln!("{}", describe_join(joined));
    }
}

fn describe_join(Joined { drift, latency, .. }: Joined) -> String {
    let clocks = match drift {
        None => "share a clock".to_owned(),
        Some(drift) if drift < 0.0 => format!("have clocks of their own, the input's slower by {:.1} ppm", -drift),
        Some(drift) => format!("have clocks of their own, the input's faster by {drift:.1} ppm"),
    };
    format!("input and output are two streams and {clocks}; joining them adds {latency} frames")
}

/// Plays the rig's event input with MIDI ports.
fn play_midi(engine: &mut Engine<PluginLink>, ports: &[String], events: Option<NodeId>) -> Result<(), Failure> {
    if ports.is_empty() {
        return Ok(());
    }
    let role = events.and_then(|node| engine.role(node)).map(str::to_owned);
    let role = role.ok_or_else(|| Failure::new("--midi-input: the rig has no event input to play"))?;
    ports.iter().for_each(|port| engine.open_midi(Direction::Input, &role, port));
    say_midi(engine);
    Ok(())
}

fn say_midi(engine: &Engine<PluginLink>) {
    for port in engine.midi_connections() {
        eprintln!("{}", super::midi::state(&port, engine.settings().rate));
    }
}

fn say_what_plays(device: &StreamInfo, scheduling: Option<&Scheduling>, latency: u32) {
    let priority = match scheduling {
        Some(Scheduling::RealTime { priority: Some(priority) }) => format!("real-time priority {priority}"),
        Some(Scheduling::RealTime { priority: None }) => "real-time priority".to_owned(),
        Some(_) => "no real-time priority".to_owned(),
        None => "priority not known".to_owned(),
    };
    eprintln!(
        "playing on {}:{} at {} Hz, buffers of {} frames, {} in, {} out, {priority}; the rig adds {latency} frames. \
         Ctrl-C stops.",
        device.backend,
        device.device,
        device.rate,
        device.buffer_frames,
        device.inputs.len(),
        device.outputs.len(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_is_described_with_its_drift_and_latency() {
        let describe = |drift| describe_join(Joined { drift, latency: 160, ..Joined::default() });
        assert!(describe(None).ends_with("share a clock; joining them adds 160 frames"));
        assert!(describe(Some(12.34)).contains("the input's faster by 12.3 ppm"));
        assert!(describe(Some(-0.51)).contains("the input's slower by 0.5 ppm"));
    }
}
