//! One open driver, on the thread that owns it: opened, started, opened anew when it asks for that, closed. Makes every
//! call that the interface reserves for one thread; never runs a callback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::abi::BufferInfo;
use super::driver::Driver;
use super::sample_format::SampleFormat;
use super::slot::{MOST_DRIVERS, Slot};
use super::switch::{Channel, Switch, Told};
use crate::callback_cell::CallbackCell;
use crate::error::{Choices, OpenError, Side};
use crate::selection::ChannelSelection;
use crate::status::StreamStatus;
use windows_sys::core::GUID;

/// Rates that are asked about.
pub(super) const RATES: [u32; 13] =
    [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 352_800, 384_000];

const USUAL_RATE: u32 = 48_000;

/// A driver that asked to be opened anew may ask several times in a row: it is left alone until it is silent so long.
const SETTLING: Duration = Duration::from_millis(100);

/// A driver that runs and has not called for so long is asked whether its hardware is there.
const SUSPICION: Duration = Duration::from_millis(500);

/// One that says yes, and has not called for so long, is taken for dead.
const SILENCE: Duration = Duration::from_secs(5);

/// Latencies in frames, written by the owner and read by the stream; `u32::MAX` while unknown.
pub(super) struct Latencies {
    pub input: AtomicU32,
    pub output: AtomicU32,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { input: AtomicU32::new(u32::MAX), output: AtomicU32::new(u32::MAX) }
    }
}

/// What is to be opened.
pub(super) struct Plan {
    pub device: String,
    pub class: GUID,
    pub inputs: ChannelSelection,
    pub outputs: ChannelSelection,
    pub rate: Option<u32>,
    pub buffer_frames: Option<u32>,
    pub cell: Arc<CallbackCell>,
    pub status: Arc<StreamStatus>,
    pub latencies: Arc<Latencies>,
}

/// What came of it.
pub(super) struct Opened {
    pub rate: u32,
    pub buffer_frames: u32,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// One open driver.
pub(super) struct Session {
    plan: Plan,
    slot: &'static Slot,
    /// None once it is lost.
    driver: Option<Driver>,
    running: bool,
    /// How many requests of each kind have been seen.
    resets: u32,
    latencies: u32,
    overloads: u32,
    /// When the last request for a reset was seen, if one waits.
    reset_since: Option<Instant>,
    /// How often it had switched, and when that was seen.
    switches: (u64, Instant),
    rate: u32,
}

impl Session {
    /// Loads the driver and makes its buffers. It is not started.
    pub fn open(plan: Plan) -> Result<(Self, Opened), OpenError> {
        let slot = Slot::take().ok_or_else(|| OpenError::Driver {
            device: plan.device.clone(),
            message: format!("{MOST_DRIVERS} drivers are open, and no more can be at once: close one of them"),
        })?;
        match prepare(&plan, slot, plan.rate, plan.buffer_frames, None) {
            Ok((driver, opened)) => {
                let session = Self {
                    slot,
                    driver: Some(driver),
                    running: false,
                    resets: 0,
                    latencies: 0,
                    overloads: 0,
                    reset_since: None,
                    switches: (0, Instant::now()),
                    rate: opened.rate,
                    plan,
                };
                Ok((session, opened))
            }
            Err(error) => {
                slot.give_back();
                Err(error)
            }
        }
    }

    /// Starts it, if it does not run.
    pub fn start(&mut self) -> Result<(), String> {
        if !self.running {
            self.switches = (self.slot.switches.load(Ordering::Relaxed), Instant::now());
            // Some switch before they come back.
            self.slot.set_running(true);
            let started = self.driver().and_then(Driver::start);
            self.slot.set_running(started.is_ok());
            started?;
            self.running = true;
        }
        Ok(())
    }

    /// Stops it, if it runs. No switch is under way any more.
    pub fn stop(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.running) {
            let stopped = self.driver().and_then(Driver::stop);
            self.slot.set_running(false);
            stopped?;
        }
        if is_left(self.slot) { Ok(()) } else { Err("it does not come out of its callback".to_owned()) }
    }

    /// What it has beside its stream.
    pub fn driver(&self) -> Result<&Driver, String> {
        self.driver.as_ref().ok_or_else(|| "it is gone".to_owned())
    }

    /// Looks after what the driver asked for since the last time. Called many times a second.
    pub fn tend(&mut self) {
        let overloads = self.slot.overloads.load(Ordering::Relaxed);
        self.plan.status.add_xruns(u64::from(overloads.wrapping_sub(self.overloads)));
        self.overloads = overloads;
        let latencies = self.slot.latencies.load(Ordering::Relaxed);
        if latencies != self.latencies {
            self.latencies = latencies;
            if let Some(driver) = &self.driver {
                read_latencies(driver, &self.plan);
            }
        }
        // Drivers say so for nothing: only what is another rate is told.
        if let Some(rate) = self.slot.rate().filter(|&rate| rate != self.rate) {
            self.rate = rate;
            self.plan.status.set_rate(rate);
        }
        let resets = self.slot.resets.load(Ordering::Relaxed);
        if resets != self.resets {
            self.resets = resets;
            self.reset_since = Some(Instant::now());
        }
        if self.reset_since.is_some_and(|since| since.elapsed() >= SETTLING) {
            self.reset_since = None;
            self.reset();
        }
        self.watch();
    }

    /// Notices a driver that runs no more.
    fn watch(&mut self) {
        let switches = self.slot.switches.load(Ordering::Relaxed);
        let now = Instant::now();
        if !self.running || switches != self.switches.0 {
            self.switches = (switches, now);
            return;
        }
        let silent = now.duration_since(self.switches.1);
        if silent > SUSPICION && self.driver.as_ref().is_some_and(Driver::is_gone) {
            self.plan.status.lost.set("the driver says that its hardware is gone: connect it again");
        } else if silent > SILENCE {
            self.plan.status.stopped.set("the driver no longer calls: check the interface, then open it again");
        }
    }

    /// Closes the driver and opens it again with the same channels, at the rate that it had if it still can, and with the
    /// buffers that it prefers now.
    fn reset(&mut self) {
        let was_running = self.running;
        let mut before = self.shut();
        let prepared = prepare(&self.plan, self.slot, Some(self.rate), None, before.as_deref_mut())
            .or_else(|_| prepare(&self.plan, self.slot, None, None, before.as_deref_mut()));
        match prepared {
            Ok((driver, opened)) => {
                self.driver = Some(driver);
                self.rate = opened.rate;
                self.plan.status.set_rate(opened.rate);
                self.plan.status.set_buffer_frames(opened.buffer_frames);
                if was_running && let Err(message) = self.start() {
                    self.plan.status.stopped.set(&message);
                }
            }
            Err(error) => self.plan.status.lost.set(&error.to_string()),
        }
    }

    /// Stops the driver, gives up its buffers and releases it. No callback runs after that. Returns what ran.
    fn shut(&mut self) -> Option<Box<Switch>> {
        let driver = self.driver.take()?;
        if std::mem::take(&mut self.running) {
            // A driver that does not want to stop is released all the same.
            let _ = driver.stop();
            self.slot.set_running(false);
        }
        let _ = driver.dispose_buffers();
        self.slot.remove(is_left)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.shut());
        self.slot.give_back();
    }
}

/// Waits until no thread is in a buffer switch, but no longer than two seconds.
fn is_left(slot: &Slot) -> bool {
    let started = Instant::now();
    while slot.is_inside() {
        if started.elapsed() > Duration::from_secs(2) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

fn refused(device: &str) -> impl Fn(String) -> OpenError {
    move |message| OpenError::Driver { device: device.to_owned(), message }
}

/// Loads a driver, sets its rate, makes its buffers and installs what they are switched by.
fn prepare(
    plan: &Plan,
    slot: &'static Slot,
    rate: Option<u32>,
    buffer_frames: Option<u32>,
    before: Option<&mut Switch>,
) -> Result<(Driver, Opened), OpenError> {
    let device = &plan.device;
    let driver = Driver::load(&plan.class).map_err(|message| {
        if says_busy(&message) { OpenError::Busy { device: device.clone() } } else { refused(device)(message) }
    })?;
    let (inputs, outputs) = driver.channels().map_err(refused(device))?;
    let select = |selection: &ChannelSelection, available, side| {
        let resolved = selection.resolve(available);
        resolved.map_err(|source| OpenError::Channels { device: device.clone(), side, source })
    };
    let inputs = select(&plan.inputs, inputs, Side::Input)?;
    let outputs = select(&plan.outputs, outputs, Side::Output)?;
    if inputs.is_empty() && outputs.is_empty() {
        return Err(OpenError::NoChannels { device: device.clone() });
    }
    let rate = set_rate(&driver, device, rate)?;
    let sizes = choose_frames(&driver, device, buffer_frames)?;
    let sides = [(true, &inputs), (false, &outputs)];
    let mut formats = Vec::new();
    let mut names = [Vec::new(), Vec::new()];
    for (place, (is_input, channels)) in sides.into_iter().enumerate() {
        for &channel in channels {
            let (name, _, code) = driver.channel(channel, is_input).map_err(refused(device))?;
            let format = SampleFormat::from_code(code).ok_or_else(|| OpenError::Driver {
                device: device.clone(),
                message: format!(
                    "channel `{name}` has samples of format {code}; if that is DSD, switch the driver to PCM"
                ),
            })?;
            formats.push(format);
            names[place].push(name);
        }
    }
    let mut buffers: Vec<BufferInfo> = sides
        .iter()
        .flat_map(|&(is_input, channels)| channels.iter().map(move |&channel| (is_input, channel)))
        .map(|(is_input, channel)| BufferInfo {
            is_input: i32::from(is_input),
            channel: channel as i32,
            buffers: [std::ptr::null_mut(); 2],
        })
        .collect();
    let frames = create_buffers(&driver, &mut buffers, &sizes, slot).map_err(refused(device))?;
    if buffers.iter().any(|buffer| buffer.buffers.iter().any(|half| half.is_null())) {
        return Err(refused(device)("it made no buffer for one of its channels".to_owned()));
    }
    let mut channels = buffers
        .iter()
        .zip(formats)
        .map(|(buffer, format)| Channel::new(buffer.buffers.map(|half| half.cast()), format, frames as usize));
    let heard: Vec<Channel> = channels.by_ref().take(inputs.len()).collect();
    let played: Vec<Channel> = channels.collect();
    let output_ready = driver.wants_output_ready().then(|| driver.output_ready());
    let told = Told { driver: driver.this(), output_ready, position: driver.position() };
    let (cell, status) = (Arc::clone(&plan.cell), Arc::clone(&plan.status));
    let mut switch = Switch::new(cell, status, frames as usize, heard, played, told);
    switch.silence();
    if let Some(before) = before {
        switch.follow(before);
    }
    slot.install(Box::new(switch));
    read_latencies(&driver, plan);
    let [inputs, outputs] = names;
    Ok((driver, Opened { rate, buffer_frames: frames, inputs, outputs }))
}

/// The rate asked for, or what the driver runs at, or the usual one.
fn set_rate(driver: &Driver, device: &str, wanted: Option<u32>) -> Result<u32, OpenError> {
    let now = driver.rate();
    let rate = wanted.or(now).unwrap_or(USUAL_RATE);
    if now == Some(rate) {
        return Ok(rate);
    }
    if !driver.can_run_at(rate) {
        let offered = Choices::new(RATES.into_iter().filter(|&rate| driver.can_run_at(rate)).map(|rate| rate..=rate));
        return Err(OpenError::Rate { device: device.to_owned(), rate, offered });
    }
    // It could, and does not: somebody else wants the rate that it has.
    driver.set_rate(rate).map_err(|message| match now {
        Some(held) => OpenError::RateHeld { device: device.to_owned(), rate, held },
        None => refused(device)(message),
    })?;
    match driver.rate() {
        Some(held) if held != rate => Err(OpenError::RateHeld { device: device.to_owned(), rate, held }),
        _ => Ok(rate),
    }
}

/// The sizes to try, in this order: at least one.
fn choose_frames(driver: &Driver, device: &str, wanted: Option<u32>) -> Result<Vec<u32>, OpenError> {
    let sizes = driver.buffer_sizes().map_err(refused(device))?;
    match wanted {
        Some(frames) if !sizes.choices().contains(frames) => Err(OpenError::BufferFrames {
            device: device.to_owned(),
            frames,
            offered: sizes.choices(),
            hint: "; some drivers offer others once their control panel says so",
        }),
        Some(frames) => Ok(vec![frames]),
        None if sizes.usual().is_empty() => Err(refused(device)("it names no buffer size".to_owned())),
        None => Ok(sizes.usual()),
    }
}

/// Makes buffers of the first of these sizes that the driver really has. If it has none of them, it says why not the first.
fn create_buffers(driver: &Driver, buffers: &mut [BufferInfo], sizes: &[u32], slot: &Slot) -> Result<u32, String> {
    let mut refusal = None;
    for &frames in sizes {
        // SAFETY: the callbacks are in a static.
        match unsafe { driver.create_buffers(buffers, frames, slot.callbacks()) } {
            Ok(()) => return Ok(frames),
            Err(message) => refusal = refusal.or(Some(message)),
        }
    }
    Err(refusal.unwrap_or_default())
}

/// Whether a driver that does not start says that another program has it. The interface has no word for that, only texts.
fn says_busy(message: &str) -> bool {
    let message = message.to_lowercase();
    ["in use", "busy", "another program", "another application", "already open"]
        .iter()
        .any(|word| message.contains(word))
}

fn read_latencies(driver: &Driver, plan: &Plan) {
    if let Some((input, output)) = driver.latencies() {
        plan.latencies.input.store(input, Ordering::Relaxed);
        plan.latencies.output.store(output, Ordering::Relaxed);
    }
}
