//! What becomes of a device while the engine plays on it: it runs at another rate, it disappears, it comes back. The rig
//! never notices more than it must: while its device is away a timer calls the same renderer. Never waits, save for the
//! device that its owner closes.

use super::search::{Found, MakeCallback, Opener, Search};
use super::state::DeviceState;
use super::turns::{NOBODY, RigCallback, Turns};
use super::watch::Watch;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::settings::EngineSettings;
use crosspoint_devices::{
    Backend, ChannelSelection, Notice as DeviceNotice, Scheduling, Stream, StreamInfo, StreamRequest, VirtualBackend,
};
use crosspoint_formats::RenderMode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// An engine's device.
pub(crate) struct DeviceLife {
    pub turns: Arc<Turns>,
    last_turn: u32,
    /// The turn of the callback in `stream`.
    pub turn: u32,
    /// What calls the renderer: the device, or the timer while the device is away.
    pub stream: Option<Box<dyn Stream>>,
    /// How the device is had again, if the engine opened it; the search has it while there is one.
    pub opener: Option<Opener>,
    search: Option<Search>,
    /// The device's stream, if it is there but does not call.
    quiet: Option<Quiet>,
    pub watch: Watch,
    is_freewheeling: bool,
    /// Timers on their way out.
    pub closing: Vec<JoinHandle<()>>,
    pub state: DeviceState,
    /// Whether a device that is gone is waited for.
    pub waits: bool,
    /// Xruns of the streams before this one.
    past_xruns: u64,
    /// A rate to follow once nobody renders.
    rate_due: Option<u32>,
}

/// A stream that does not call, with the turn of its callback.
struct Quiet {
    stream: Box<dyn Stream>,
    turn: u32,
}

impl Default for DeviceLife {
    fn default() -> Self {
        Self {
            turns: Arc::default(),
            last_turn: NOBODY,
            turn: NOBODY,
            stream: None,
            opener: None,
            search: None,
            quiet: None,
            watch: Watch::default(),
            is_freewheeling: false,
            closing: Vec::new(),
            state: DeviceState::None,
            waits: true,
            past_xruns: 0,
            rate_due: None,
        }
    }
}

impl DeviceLife {
    /// A turn that nobody has had.
    pub fn next_turn(&mut self) -> u32 {
        self.last_turn = self.last_turn.checked_add(1).unwrap_or(NOBODY + 1);
        self.last_turn
    }

    /// Xruns since the device was opened, those of the timer that stood in for it among them.
    pub fn xruns(&self) -> u64 {
        let quiet = self.quiet.as_ref().map(|quiet| &quiet.stream);
        self.past_xruns + self.stream.iter().chain(quiet).map(|stream| stream.xruns()).sum::<u64>()
    }

    /// Closes everything. No callback runs after this.
    pub fn close(&mut self) {
        self.turns.pass(NOBODY);
        if let Some(found) = self.search.take().and_then(Search::end) {
            drop(found.stream.close());
        }
        for stream in self.stream.take().into_iter().chain(self.quiet.take().map(|quiet| quiet.stream)) {
            drop(stream.close());
        }
        for closing in self.closing.drain(..) {
            // A timer that panicked calls nobody any more.
            let _ = closing.join();
        }
        self.opener = None;
        self.state = DeviceState::None;
        self.turns.forget();
        (self.past_xruns, self.rate_due, self.is_freewheeling) = (0, None, false);
    }

    /// Takes a stream out of use. Its xruns still count.
    fn retire(&mut self, stream: Option<Box<dyn Stream>>) -> Option<Box<dyn Stream>> {
        self.past_xruns += stream.as_ref().map_or(0, |stream| stream.xruns());
        stream
    }

    /// What the streams have to tell.
    fn notices(&mut self) -> Vec<DeviceNotice> {
        let quiet = self.quiet.as_mut().map(|quiet| &mut quiet.stream);
        self.stream.iter_mut().chain(quiet).flat_map(|stream| stream.notices()).collect()
    }

    /// Whether the device's stream is open.
    fn has_device(&self) -> bool {
        self.quiet.is_some() || matches!(self.state, DeviceState::Playing { .. })
    }

    /// Closes a stream whose turn is over, without waiting for its last period.
    fn close_aside(&mut self, stream: Box<dyn Stream>) {
        self.closing.retain(|closing| !closing.is_finished());
        let close = move || drop(stream.close());
        // Where there is no thread to be had it was dropped here, which closes it too.
        if let Ok(closing) = std::thread::Builder::new().name("crosspoint-close".to_owned()).spawn(close) {
            self.closing.push(closing);
        }
    }

    /// Changes what is known of the device.
    fn update(&mut self, change: impl FnOnce(&mut StreamInfo)) {
        if let DeviceState::Playing { stream, .. } | DeviceState::Lost { stream, .. } = &mut self.state {
            change(Arc::make_mut(stream));
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Hears the device, and the search for it.
    pub(crate) fn hear_device(&mut self) {
        let mut lost = None;
        for mut notice in self.device.notices() {
            match &mut notice {
                DeviceNotice::RateChanged { rate } => {
                    let rate = *rate;
                    self.device.update(|device| device.rate = rate);
                    // One that does not call is followed once it does.
                    self.device.rate_due = self.device.quiet.is_none().then_some(rate);
                }
                DeviceNotice::BufferSizeChanged { frames } => {
                    let frames = *frames;
                    self.device.update(|device| device.buffer_frames = frames);
                }
                DeviceNotice::Freewheel { on } => {
                    self.device.is_freewheeling = *on;
                    if self.device.turns.follows_freewheel() {
                        self.set_render_mode(if *on { RenderMode::Offline } else { RenderMode::RealTime });
                    }
                }
                DeviceNotice::Xruns { total, .. } => *total += self.device.past_xruns,
                DeviceNotice::NotRealTime { advice } => {
                    // Where the system tells of the thread itself, that is asked for once it runs.
                    if self.stream().is_none_or(|stream| stream.scheduling().is_none()) {
                        self.notices.push(Notice::NotRealTime { advice: advice.clone() });
                    }
                    continue;
                }
                DeviceNotice::DeviceLost { reason } | DeviceNotice::Stopped { reason } => lost = Some(reason.clone()),
                _ => {}
            }
            self.snapshot.outdate();
            self.notices.push(Notice::Device(notice));
        }
        if let Some(reason) = lost {
            self.lose_device(reason);
        }
        self.watch_device();
        self.hear_search();
        self.follow_rate();
        self.note_scheduling();
    }

    pub(crate) fn rig_callback(&self, turn: u32) -> MakeCallback {
        let (cell, stage, turns) = (self.cell(), self.midi.cell(), self.device.turns.clone());
        Box::new(move || Box::new(RigCallback::new(cell.clone(), stage.clone(), turns.clone(), turn)))
    }

    /// Sets a device aside that does not call, and takes it back once it does.
    fn watch_device(&mut self) {
        let Some(calls) = self.device.turns.calls() else { return };
        let has_called = self.device.watch.look(calls);
        let Some(device) = self.device.state.stream().cloned() else { return };
        match self.device.quiet.take() {
            Some(Quiet { stream, turn }) if has_called => self.hand_back(stream, turn, device.clone(), device),
            Some(quiet) => self.device.quiet = Some(quiet),
            None if matches!(self.device.state, DeviceState::Playing { .. }) => {
                let period = Duration::from_secs_f64(f64::from(device.buffer_frames) / f64::from(device.rate.max(1)));
                if !self.device.waits || self.device.is_freewheeling {
                    self.device.watch.restart();
                } else if self.device.watch.is_over(period) {
                    self.set_aside(device);
                }
            }
            None => {}
        }
    }

    fn set_aside(&mut self, device: Arc<StreamInfo>) {
        let Some(stream) = self.device.stream.take() else { return };
        self.device.quiet = Some(Quiet { stream, turn: self.device.turn });
        self.device.rate_due = None;
        let reason = "it is open, but calls no more".to_owned();
        let failure = self.run_on_timer(&device).err().map(|error| error.to_string());
        let (stream, is_on_timer) = (device.clone(), failure.is_none());
        self.device.state = DeviceState::Lost { stream, reason: reason.clone(), is_awaited: true, is_on_timer };
        self.notices.push(Notice::Device(DeviceNotice::Stopped { reason }));
        self.notices.push(Notice::OnTimer { device, is_awaited: true, failure });
        self.snapshot.outdate();
    }

    /// Goes on without the device.
    fn lose_device(&mut self, reason: String) {
        if !self.device.has_device() {
            return;
        }
        let Some(device) = self.device.state.stream().cloned() else { return };
        let lost = |is_awaited, is_on_timer| {
            let (stream, reason) = (device.clone(), reason.clone());
            DeviceState::Lost { stream, reason, is_awaited, is_on_timer }
        };
        if !self.device.waits {
            self.device.state = lost(false, false);
            return;
        }
        self.device.rate_due = None;
        let quiet = self.device.quiet.take();
        // One that did not call any more has its timer.
        let has_timer = quiet.is_some() && self.device.stream.is_some();
        let gone = quiet.map_or_else(|| self.device.stream.take(), |quiet| Some(quiet.stream));
        let gone = self.device.retire(gone);
        let timer = if has_timer { Ok(()) } else { self.run_on_timer(&device) };
        let failure = timer.err().map(|error| error.to_string());
        let is_awaited = match self.device.opener.take() {
            Some(opener) => {
                let turn = self.device.next_turn();
                let search = Search::start(gone, opener, turn, self.rig_callback(turn));
                self.device.search = search.inspect_err(|error| tracing::warn!("{error}")).ok();
                self.device.search.is_some()
            }
            None => {
                gone.into_iter().for_each(|gone| self.device.close_aside(gone));
                false
            }
        };
        self.device.state = lost(is_awaited, failure.is_none());
        self.notices.push(Notice::OnTimer { device, is_awaited, failure });
    }

    /// Lets a timer call the renderer as the device did: with as many channels, at the engine's rate.
    fn run_on_timer(&mut self, device: &StreamInfo) -> Result<(), EngineError> {
        let turn = self.device.next_turn();
        let request = StreamRequest {
            device: Some(format!("{}x{}", device.inputs.len(), device.outputs.len())),
            inputs: ChannelSelection::all(),
            outputs: ChannelSelection::all(),
            rate: Some(self.settings.rate),
            buffer_frames: Some(VirtualBackend::nearest_buffer_frames(device.buffer_frames)),
            ..StreamRequest::default()
        };
        let mut timer = VirtualBackend.open(&request, self.rig_callback(turn)())?;
        self.device.turn = turn;
        self.device.turns.pass(turn);
        timer.start()?;
        self.device.stream = Some(timer);
        Ok(())
    }

    fn hear_search(&mut self) {
        let Some(search) = &self.device.search else { return };
        let is_over = search.is_over();
        if let Some(device) = self.device.state.stream() {
            let told = |reason| Notice::DeviceRefuses { device: device.clone(), reason };
            self.notices.extend(search.refusals().into_iter().map(told));
        }
        if !is_over {
            return;
        }
        match self.device.search.take().and_then(Search::end) {
            Some(found) => self.take_back(found),
            // Its backend panicked.
            None => {
                if let DeviceState::Lost { is_awaited, .. } = &mut self.device.state {
                    *is_awaited = false;
                }
            }
        }
        self.snapshot.outdate();
    }

    /// Takes the device that was found.
    fn take_back(&mut self, Found { opener, stream, turn }: Found) {
        let now = Arc::new(stream.info().clone());
        let before = self.device.state.stream().unwrap_or(&now).clone();
        self.device.opener = Some(opener);
        self.device.turns.watch(turn);
        self.hand_back(stream, turn, before, now);
    }

    /// Hands the renderer from the timer to the device.
    fn hand_back(&mut self, stream: Box<dyn Stream>, turn: u32, before: Arc<StreamInfo>, now: Arc<StreamInfo>) {
        self.device.turn = turn;
        self.device.watch.restart();
        if now.rate == self.settings.rate {
            self.device.turns.pass(turn);
        } else {
            self.device.rate_due = Some(now.rate);
        }
        let timer = self.device.stream.take();
        if let Some(timer) = self.device.retire(timer) {
            self.device.close_aside(timer);
        }
        self.device.stream = Some(stream);
        self.device.state = DeviceState::Playing { stream: now.clone(), scheduling: None };
        self.notices.push(Notice::DeviceBack { before, now });
    }

    /// Runs at the device's rate. Nobody renders from the first try on: it succeeds once the last period is over.
    fn follow_rate(&mut self) {
        let Some(rate) = self.device.rate_due else { return };
        let before = self.settings.rate;
        if rate != before {
            self.device.turns.pass(NOBODY);
            match self.rebuild(EngineSettings { rate, ..self.settings }) {
                Ok(()) => self.notices.push(Notice::RateFollowed { before, after: rate }),
                // The callback has it: the next poll tries again.
                Err(EngineError::RendererBusy) => return,
                Err(error) => self.notices.push(Notice::RateRefused { rate, reason: error.to_string() }),
            }
        }
        self.device.rate_due = None;
        self.device.turns.pass(self.device.turn);
    }

    /// Asks the system once how it schedules the audio thread, as soon as there is one.
    fn note_scheduling(&mut self) {
        if let DeviceState::Playing { scheduling: scheduling @ None, .. } = &mut self.device.state {
            *scheduling = self.device.stream.as_ref().and_then(|stream| stream.scheduling());
            if scheduling.is_some() {
                self.snapshot.outdate();
            }
            if let Some(Scheduling::Ordinary { advice }) = scheduling {
                self.notices.push(Notice::NotRealTime { advice: advice.clone() });
            }
        }
    }
}
