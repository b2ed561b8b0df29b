//! Owns what plays. One thread at a time renders with it: a driver's callback, a timer, a test. Takes parcels and
//! commands, cuts the block into chunks, runs the schedule on each.

use super::command::{Command, Load, NOW, Report, Timed};
use super::hardware::{EventEnds, HardwareEvents};
use super::kernels::{FloatEnvironment, Kernels, ticks};
use super::mute::MasterMute;
use super::parcel::{Crosspoint, Parcel};
use super::playhead::Playhead;
use super::program::{Context, GainChange, MAX_DUE, NodeContext, Program, Reports};
use crate::event::EventBody;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Commands that may wait for their frame. Also the most that one call takes from the ring, so that a flood cannot hold
/// up the block.
pub(crate) const WAITING_COMMANDS: usize = 4096;

/// How a renderer is made. Fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate in Hz.
    pub rate: f64,
    /// Most frames that processors are called with at once, which they are activated for.
    pub max_block: usize,
    /// Frames of the fades and ramps that edits make.
    pub fade: u32,
    /// Events that one node can take, and send, in a chunk.
    pub events: usize,
    /// Bytes of system-exclusive messages in a block.
    pub sysex_bytes: usize,
}

impl Settings {
    /// Sensible values at a sample rate: fades of 5 ms.
    pub fn new(rate: f64, max_block: usize) -> Self {
        Self { rate, max_block, fade: (rate * 0.005) as u32, events: 256, sysex_bytes: 16 * 1024 }
    }
}

/// What goes out to the renderer.
pub(crate) enum Message {
    Parcel(Box<Parcel>),
    Command(Timed),
}

/// What both halves can read at any time.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Steady frame of the next block.
    pub frame: AtomicU64,
    /// Steady frame by which all is at rest that the last installed parcel set in motion.
    pub rests_at: AtomicU64,
    /// Messages lost on the way to the control half.
    pub lost: AtomicU64,
}

/// A command that waits for its frame.
#[derive(Clone, Copy)]
struct Waiting {
    timed: Timed,
    /// How many commands had arrived before it: those of one frame are obeyed as they came.
    order: u64,
    /// How many parcels had arrived before it: those know nothing of it.
    parcels: u64,
}

/// A parcel whose program takes over once the old one has faded what goes and is where it was going.
struct Switch {
    frame: u64,
    parcel: Box<Parcel>,
}

/// The audio half of the engine: the playing schedule, its processors and its memory.
///
/// # Real-time
/// [`Renderer::render`] never blocks, allocates, frees, locks, logs or calls the system. Dropping a renderer frees: do
/// it elsewhere.
pub struct Renderer {
    pub(crate) settings: Settings,
    kernels: &'static Kernels,
    program: Box<Program>,
    inbox: rtrb::Consumer<Message>,
    home: rtrb::Producer<Box<Parcel>>,
    reports: Reports,
    progress: Arc<Progress>,
    /// Sorted by frame, then as they came.
    waiting: VecDeque<Waiting>,
    /// How many commands have arrived.
    commands: u64,
    /// Whether commands were left in the ring because too many wait.
    crowded: bool,
    parcels: VecDeque<Box<Parcel>>,
    /// How many parcels have arrived.
    arrived: u64,
    switch: Option<Switch>,
    frame: u64,
    playhead: Playhead,
    transport_started: bool,
    measure: bool,
    freewheel: bool,
    mute: MasterMute,
}

impl Renderer {
    pub(crate) fn new(
        settings: Settings,
        kernels: &'static Kernels,
        program: Box<Program>,
        inbox: rtrb::Consumer<Message>,
        home: rtrb::Producer<Box<Parcel>>,
        reports: Reports,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            settings,
            kernels,
            program,
            parcels: VecDeque::with_capacity(home.buffer().capacity()),
            commands: 0,
            crowded: false,
            arrived: 0,
            inbox,
            home,
            reports,
            progress,
            waiting: VecDeque::with_capacity(WAITING_COMMANDS),
            switch: None,
            frame: 0,
            playhead: Playhead::new(settings.rate),
            transport_started: false,
            measure: false,
            freewheel: false,
            mute: MasterMute::default(),
        }
    }

    /// How the renderer was made.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Steady frame of the next block: frames rendered so far.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Says whether time is not the wall's from now on: offline rendering or a freewheeling server.
    pub fn set_freewheel(&mut self, freewheel: bool) {
        self.freewheel = freewheel;
    }

    /// Renders one block: reads the device's input channels, writes all of its output channels. Channels that the rig
    /// does not use are cleared, channels that the device does not have are silence. Frames are those of the shortest
    /// channel; a block may have any length, 0 included.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
        let frames =
            inputs.iter().map(|channel| channel.len()).chain(outputs.iter().map(|channel| channel.len())).min();
        self.render_frames(inputs, outputs, frames.unwrap_or(0));
    }

    /// As [`Self::render`], with the number of frames given: the way to let time pass without any channel.
    ///
    /// # Panics
    /// If a channel is shorter.
    pub fn render_frames(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], frames: usize) {
        self.render_block(inputs, outputs, frames, None);
    }

    /// As [`Self::render_frames`], with events from and to the hardware, each at its frame.
    ///
    /// # Panics
    /// If a channel is shorter.
    ///
    /// # Real-time
    /// For the callback, if `events` is.
    pub fn render_with_events(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        frames: usize,
        events: &mut dyn HardwareEvents,
    ) {
        self.render_block(inputs, outputs, frames, Some(events));
    }

    fn render_block(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        frames: usize,
        mut events: Option<&mut dyn HardwareEvents>,
    ) {
        let _environment = FloatEnvironment::flush_to_zero();
        // A command may switch measuring on in the middle of a block, whose start nobody has noted then.
        let start = self.measure.then(ticks);
        if !self.inbox.is_empty() {
            self.take_messages();
        }
        let mut done = 0;
        while done < frames {
            let length = self.chunk_length(frames - done);
            if let Some(events) = &mut events {
                events.read(done, length, &mut EventEnds::new(&mut self.program));
            }
            self.render_chunk(inputs, outputs, done, length);
            if let Some(events) = &mut events {
                events.write(done, length, &EventEnds::new(&mut self.program));
            }
            self.program.end_chunk();
            done += length;
        }
        if let Some(start) = start {
            let ticks = ticks().wrapping_sub(start);
            self.reports.load(Load { node: None, ticks, frames: frames as u32 });
        }
        self.progress.lost.store(self.reports.lost, Ordering::Relaxed);
        self.progress.frame.store(self.frame, Ordering::Release);
    }

    /// Takes all that has come, so that what is done at a frame does not depend on where blocks begin.
    #[inline(never)]
    fn take_messages(&mut self) {
        let was_crowded = std::mem::take(&mut self.crowded);
        let (mut late, mut sorted) = (0, true);
        let mut last = self.waiting.back().map_or(0, |waiting| waiting.timed.frame);
        loop {
            // What does not fit now waits in the ring.
            if self.waiting.len() == WAITING_COMMANDS {
                self.crowded = !self.inbox.is_empty();
                break;
            }
            match self.inbox.pop() {
                Ok(Message::Command(timed)) => {
                    late += u32::from(was_crowded && timed.frame != NOW && timed.frame < self.frame);
                    let timed = Timed { frame: timed.frame.max(self.frame), ..timed };
                    sorted &= timed.frame >= last;
                    last = timed.frame;
                    self.waiting.push_back(Waiting { timed, order: self.commands, parcels: self.arrived });
                    self.commands += 1;
                }
                // There are never more parcels about than the queue has room for: each has a credit.
                Ok(Message::Parcel(parcel)) => {
                    self.arrived += 1;
                    self.parcels.push_back(parcel);
                }
                Err(_) => break,
            }
        }
        if !sorted {
            // In place: allocates nothing.
            self.waiting.make_contiguous().sort_unstable_by_key(|waiting| (waiting.timed.frame, waiting.order));
        }
        if late > 0 {
            self.reports.push(Report::Late { frame: self.frame, count: late });
        }
    }

    /// Does what is due at the start of a chunk. Returns the chunk's frames, at most `left`.
    fn chunk_length(&mut self, left: usize) -> usize {
        // Most of the time nothing waits.
        let mut until = u64::MAX;
        if !self.waiting.is_empty() || !self.parcels.is_empty() || self.switch.is_some() {
            self.do_what_is_due();
            until = self.until_due();
        }
        let longest = self.settings.max_block.min(self.program.schedule.longest_chunk as usize);
        (left.min(longest) as u64).min(until).min(self.playhead.until_jump()) as usize
    }

    /// Installs parcels and obeys commands whose frame has come, save changes of gains and events, which have a place
    /// within the chunk.
    #[inline(never)]
    fn do_what_is_due(&mut self) {
        loop {
            if let Some(switch) = self.switch.take_if(|switch| switch.frame <= self.frame) {
                self.install_or_wait(switch.parcel);
            }
            if self.switch.is_some() || self.parcels.front().is_none_or(|parcel| parcel.frame > self.frame) {
                break;
            }
            let Some(parcel) = self.parcels.pop_front() else { break };
            if parcel.fading.is_empty() {
                self.install_or_wait(parcel);
            } else {
                parcel.fade_out(&mut self.program, self.frame, self.settings.fade);
                self.switch = Some(Switch { frame: self.frame + u64::from(self.settings.fade), parcel });
            }
        }
        let mut place = 0;
        while let Some(&Waiting { timed, .. }) = self.waiting.get(place)
            && timed.frame <= self.frame
        {
            if is_within_chunk(&timed.command) {
                place += 1;
            } else {
                self.waiting.remove(place);
                self.obey(timed.command);
            }
        }
    }

    /// Installs a parcel, or has it wait for what is on its way and could only jump.
    fn install_or_wait(&mut self, parcel: Box<Parcel>) {
        match parcel.waits_for(&self.program, self.frame) {
            Some(frame) => self.switch = Some(Switch { frame, parcel }),
            None => self.install(parcel),
        }
    }

    fn install(&mut self, mut parcel: Box<Parcel>) {
        parcel.install(&mut self.program, self.frame, self.settings.fade);
        self.program.review_watched(&self.reports);
        let rests_at = Parcel::rests_at(&self.program, self.frame, self.settings.fade);
        self.progress.rests_at.store(rests_at, Ordering::Release);
        // The control half sends no more parcels than the ring home has room for.
        let _sent = self.home.push(parcel);
        debug_assert!(_sent.is_ok(), "a parcel without a credit");
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Play(on) => self.transport_started |= self.playhead.play(on),
            Command::Locate(frame) => self.playhead.locate(frame),
            Command::Tempo(tempo) => self.playhead.set_tempo(tempo),
            Command::Metre(beats, value) => self.playhead.set_metre(beats, value),
            Command::Loop(range) => self.playhead.set_loop(range),
            Command::Record(on) => self.playhead.record(on),
            Command::Measure(on) => self.measure = on,
            Command::MasterMute(on) => self.mute.set(on, self.frame, self.settings.fade),
            Command::Meter { node, on } if self.program.is_end(node) => {
                self.reports.meter_end(node, on);
                self.program.review_watched(&self.reports);
            }
            Command::Listen { listener, generation, source } => {
                if let Some(listener) = self.reports.listeners.get_mut(usize::from(listener)) {
                    listener.listen(source, generation);
                }
                self.program.review_watched(&self.reports);
            }
            command => {
                let mut context =
                    NodeContext { reports: &mut self.reports, frame: self.frame, fade: self.settings.fade };
                self.program.command_node(command, 0, &mut context);
            }
        }
    }

    /// Frames until something is due at the start of a chunk.
    #[inline(never)]
    fn until_due(&self) -> u64 {
        let mut until = u64::MAX;
        let mut stop_at = |frame: u64| until = until.min(frame.saturating_sub(self.frame).max(1));
        if let Some(switch) = &self.switch {
            stop_at(switch.frame);
        } else if let Some(parcel) = self.parcels.front() {
            stop_at(parcel.frame);
        }
        let mut gains = 0;
        for Waiting { timed, .. } in self.waiting.iter().filter(|waiting| waiting.timed.frame > self.frame) {
            let is_gain = matches!(timed.command, Command::Gain { .. });
            // The first gain for which the chunk has no room begins the next one.
            if !is_within_chunk(&timed.command) || is_gain && gains == MAX_DUE {
                stop_at(timed.frame);
                break;
            }
            gains += usize::from(is_gain);
        }
        until
    }

    fn render_chunk(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], offset: usize, frames: usize) {
        if !self.waiting.is_empty() {
            self.deliver(frames);
        }
        let time = (self.playhead.transport(), self.playhead.moment());
        self.program.shared.begin(frames, self.frame, time, self.freewheel);
        let mut context = Context {
            kernels: self.kernels,
            transport_started: std::mem::take(&mut self.transport_started),
            reports: &mut self.reports,
            measure: self.measure,
            fade: self.settings.fade,
            inputs,
            outputs,
            offset,
        };
        self.program.run(&mut context);
        if self.mute.acts() {
            self.mute.apply(context.outputs, offset, frames, self.frame, self.settings.fade, self.kernels);
        }
        if self.program.ends_watched {
            self.program.watch_outputs(&mut context);
        }
        self.frame += frames as u64;
        self.playhead.advance(frames);
    }

    /// Hands out the changes of gains and the events that are due within a chunk.
    #[inline(never)]
    fn deliver(&mut self, frames: usize) {
        let end = self.frame + frames as u64;
        while self.waiting.front().is_some_and(|waiting| waiting.timed.frame < end) {
            let Some(Waiting { timed, parcels, .. }) = self.waiting.pop_front() else { break };
            let offset = timed.frame.saturating_sub(self.frame) as u32;
            if let Command::Gain { edge, source, destination, gain, ramp } = timed.command {
                let crosspoint = Crosspoint { edge, source, destination };
                let known = self.tell_parcels(parcels, crosspoint, gain);
                // What fades out for the next program goes on to do so, and to the gain in that.
                let fades = self.switch.as_ref().is_some_and(|switch| switch.parcel.fading.contains(&crosspoint));
                match self.program.gain_target(edge, source, destination).filter(|_| !fades) {
                    Some(target) => {
                        self.change_gain(GainChange { frame: timed.frame.max(self.frame), target, gain, ramp })
                    }
                    None if known || fades => {}
                    None => self.reports.push(Report::Unknown { frame: self.frame }),
                }
            } else {
                let known = self.tell_processors(parcels, timed.command);
                if known && self.program.place_of(timed.command).is_none() {
                    continue;
                }
                let mut context =
                    NodeContext { reports: &mut self.reports, frame: self.frame, fade: self.settings.fade };
                self.program.command_node(timed.command, offset, &mut context);
            }
        }
    }

    /// The parcels that arrived before a command did, and are not installed yet.
    fn parcels_before(&mut self, arrived_before: u64) -> impl Iterator<Item = &mut Box<Parcel>> {
        let about = u64::from(self.switch.is_some()) + self.parcels.len() as u64;
        let older = arrived_before.saturating_sub(self.arrived - about) as usize;
        let fading = self.switch.iter_mut().map(|switch| &mut switch.parcel);
        fading.chain(&mut self.parcels).take(older)
    }

    /// Parcels must not take back a gain that was set after they were sent. Says whether any of them has the crosspoint.
    fn tell_parcels(&mut self, arrived_before: u64, crosspoint: Crosspoint, gain: f32) -> bool {
        let mut known = false;
        for parcel in self.parcels_before(arrived_before) {
            known |= parcel.set_goal(crosspoint, gain);
        }
        known
    }

    /// Processors that wait in a parcel must hear of a parameter that was set after they were sent. Says whether there is
    /// one.
    fn tell_processors(&mut self, arrived_before: u64, command: Command) -> bool {
        let mut known = false;
        if let Command::Event { node, event } = command
            && matches!(event.body, EventBody::Parameter { .. })
        {
            for parcel in self.parcels_before(arrived_before) {
                known |= parcel.tell(node, event);
            }
        }
        known
    }

    fn change_gain(&mut self, change: GainChange) {
        if change.frame == self.frame {
            // Before the chunk begins, so that it need not be cut.
            self.program.change_gain(change);
        } else {
            self.program.due.push(change);
        }
    }
}

/// Whether a command has its place within a chunk instead of cutting it.
fn is_within_chunk(command: &Command) -> bool {
    matches!(command, Command::Gain { .. } | Command::Event { .. } | Command::EndNotes { .. })
}
