//! `crosspoint plugins open`: one plugin's own window, until it is closed. No audio is made; the plugin is served by this
//! thread, which is its main thread and waits for nothing but it and its window.

use crate::cli::PluginsOpen;
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crosspoint::EngineSettings;
use crosspoint::formats::window::{Placement, PluginWindow, wait};
use crosspoint::formats::{Plugin, PluginDescriptor, PluginNotice, Severity};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the plugin is looked after at least: what it asks for from other threads wakes nobody.
const POLL: Duration = Duration::from_millis(30);
/// After so long without an answer people are told.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is printed once the window is open.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    plugin: &'a PluginDescriptor,
    path: PathBuf,
    placement: String,
    /// In pixels, of an embedded one.
    width: Option<u32>,
    height: Option<u32>,
    can_resize: bool,
    scale: f64,
}

/// Runs the command.
pub fn run(arguments: &PluginsOpen) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = Arc::clone(&stop);
    ctrlc::set_handler(move || stopper.store(true, Ordering::Relaxed)).map_err(Failure::new)?;
    let mut engine = rack::engine(EngineSettings::default())?;
    let (mut plugin, path) = engine.catalogue().instantiate(&arguments.plugin)?;
    let pulse = Pulse::watch(plugin.descriptor().name.clone(), Arc::clone(&stop));
    let placement = arguments.floating.then_some(Placement::Floating);
    let window = PluginWindow::open(&mut *plugin, placement).map_err(Failure::new)?;
    if arguments.json {
        let size = window.size();
        output.json(&Report {
            plugin: plugin.descriptor(),
            path,
            placement: window.placement().to_string(),
            width: size.map(|size| size.width),
            height: size.map(|size| size.height),
            can_resize: window.resize_hints().can_resize(),
            scale: window.scale(),
        })?;
    }
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let go_on = || !stop.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until);
    serve(&mut *plugin, window, &pulse, go_on);
    Ok(ExitCode::SUCCESS)
}

/// The event loop: the window, the plugin, and a rest until one of them wants something.
fn serve(plugin: &mut dyn Plugin, mut window: PluginWindow, pulse: &Pulse, go_on: impl Fn() -> bool) {
    while go_on() {
        pulse.beat();
        if !window.poll(plugin) {
            return;
        }
        let mut notices = Vec::new();
        plugin.poll(&mut notices);
        notices.iter().filter_map(complaint).for_each(|message| eprintln!("{message}"));
        let mut interests = plugin.interests();
        interests.extend(window.interests());
        let latest = Instant::now() + POLL;
        wait(&interests, plugin.next_poll().map_or(latest, |due| due.min(latest)));
    }
    window.close(plugin);
}

fn complaint(notice: &PluginNotice) -> Option<&str> {
    match notice {
        PluginNotice::Log { severity, message } if *severity >= Severity::Warning => Some(message),
        _ => None,
    }
}

/// Says who it is if the loop does not come round: a plugin that never answers cannot be interrupted from inside its own
/// process, but it can be named.
struct Pulse {
    beats: Arc<AtomicU64>,
}

impl Pulse {
    /// Watches from a thread of its own, until the process ends. An interrupt that the loop does not answer ends the
    /// process.
    fn watch(name: String, stop: Arc<AtomicBool>) -> Self {
        let beats = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&beats);
        std::thread::spawn(move || {
            let (mut last, mut since, mut is_told) = (0, Instant::now(), false);
            loop {
                std::thread::sleep(POLL);
                let now = watched.load(Ordering::Relaxed);
                if now != last {
                    (last, since, is_told) = (now, Instant::now(), false);
                } else if since.elapsed() > PATIENCE && stop.load(Ordering::Relaxed) {
                    eprintln!("{name} still does not answer; its window is given up");
                    std::process::exit(1);
                } else if since.elapsed() > PATIENCE && !is_told {
                    eprintln!("{name} does not answer; press Ctrl+C to end it");
                    is_told = true;
                }
            }
        });
        Self { beats }
    }

    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }
}
