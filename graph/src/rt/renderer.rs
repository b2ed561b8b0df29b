//! Owns what plays. One thread at a time renders with it: a driver's callback, a timer, a test. Takes parcels and
//! commands, cuts the block into chunks, runs the schedule on each.

use super::budget::{Watchdog, XrunKind};
use super::bundle::{Bundle, Scenes};
use super::closings::{Closing, Closings};
use super::command::{Command, Load, NOW, Report, SceneStart, Timed};
use super::hardware::{Commands, EventEnds, HardwareEvents};
use super::kernels::{FloatEnvironment, Kernels, ticks};
use super::mute::Mute;
use super::node::NodeState;
use super::parcel::{Crosspoint, Parcel};
use super::playhead::Playhead;
use super::playhead_cell::PlayheadCell;
use super::program::{Context, GainChange, MAX_DUE, NodeContext, Program, Reports, RowPlace};
pub(crate) use super::waiting::Queue;
use super::waiting::{Waiting, What};
use crate::event::EventBody;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Frames that the tail of a node may ring on once it is bypassed or away, until [`Command::TailLimit`] says otherwise.
    pub tail: u32,
}

impl Settings {
    /// Sensible values at a sample rate: fades of 5 ms, tails of 10 s.
    pub fn new(rate: f64, max_block: usize) -> Self {
        let frames = |seconds: f64| (rate * seconds) as u32;
        Self { rate, max_block, fade: frames(0.005), events: 256, sysex_bytes: 16 * 1024, tail: frames(10.0) }
    }
}

/// What goes out to the renderer.
pub(crate) enum Message {
    Parcel(Box<Parcel>),
    Command(Timed),
    /// To be carried out at that frame.
    Bundle(u64, Bundle),
    /// The plan of a scene; none forgets it.
    Plan(u16, Option<Bundle>),
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
    /// Where the playhead is at the start of the next block.
    pub playhead: PlayheadCell,
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
    /// Whether it ever had a processor that may leave something behind on the thread.
    runs_foreign: bool,
    inbox: rtrb::Consumer<Message>,
    home: rtrb::Producer<Box<Parcel>>,
    bundles_home: rtrb::Producer<Bundle>,
    reports: Reports,
    progress: Arc<Progress>,
    waiting: Queue,
    scenes: Scenes,
    closings: Closings,
    /// Whether commands were left in the ring because too many wait.
    crowded: bool,
    parcels: VecDeque<Box<Parcel>>,
    switch: Option<Switch>,
    /// A frame, and the number of a parcel before which all that was due then has moved its crosspoints.
    crosspoints_moved: (u64, u64),
    frame: u64,
    playhead: Playhead,
    transport_started: bool,
    measure: bool,
    freewheel: bool,
    mute: Mute,
    watchdog: Watchdog,
    /// Whether the block at hand is timed for it.
    is_timed: bool,
    /// The clock that times are taken by.
    now: fn() -> u64,
}

impl Renderer {
    pub(crate) fn new(
        settings: Settings,
        kernels: &'static Kernels,
        program: Box<Program>,
        inbox: rtrb::Consumer<Message>,
        homes: (rtrb::Producer<Box<Parcel>>, rtrb::Producer<Bundle>),
        reports: Reports,
        progress: Arc<Progress>,
    ) -> Self {
        let (home, bundles_home) = homes;
        Self {
            settings,
            kernels,
            program,
            runs_foreign: false,
            parcels: VecDeque::with_capacity(home.buffer().capacity()),
            scenes: Scenes::new(),
            closings: Closings::new(),
            crowded: false,
            inbox,
            home,
            bundles_home,
            reports,
            progress,
            waiting: Queue::new(),
            switch: None,
            crosspoints_moved: (0, 0),
            frame: 0,
            playhead: Playhead::new(settings.rate),
            transport_started: false,
            measure: false,
            freewheel: false,
            mute: Mute::default(),
            watchdog: Watchdog::default(),
            is_timed: false,
            now: ticks,
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

    /// Takes times by another clock than [`ticks`]: a test's. It must be fit for the callback and never go back.
    pub fn set_clock(&mut self, now: fn() -> u64) {
        self.now = now;
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
        let environment = FloatEnvironment::flush_to_zero();
        // A command may switch measuring on in the middle of a block, whose start nobody has noted then.
        self.is_timed = self.watchdog.settings.is_some() && !self.freewheel;
        let is_measured = self.measure;
        let start = (is_measured || self.is_timed).then(self.now);
        let first = self.frame;
        if !self.inbox.is_empty() {
            self.take_messages();
        }
        if let Some(events) = &mut events {
            let mut commands = Commands::new(&mut self.waiting, self.frame);
            events.command(frames, &mut commands);
            let xruns = commands.xruns();
            if xruns > 0 {
                self.tell_xrun(XrunKind::Reported(xruns));
            }
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
            let ticks = (self.now)().wrapping_sub(start);
            if is_measured {
                self.reports.load(Load { node: None, ticks, frames: frames as u32 });
            }
            self.end_timed_block(first, frames as u32, ticks);
        }
        self.progress.lost.store(self.reports.lost, Ordering::Relaxed);
        self.progress.playhead.write(self.playhead.transport(), self.frame);
        self.progress.frame.store(self.frame, Ordering::Release);
        if !self.runs_foreign {
            environment.end_unchanged();
        }
    }

    /// Looks at how long a block and its nodes took, if that is wanted.
    #[inline(never)]
    fn end_timed_block(&mut self, first: u64, frames: u32, ticks: u64) {
        let timed = self.is_timed.then(|| self.watchdog.time(first, frames, ticks, self.settings.rate)).flatten();
        if let Some(block) = &timed {
            let Settings { fade, tail, .. } = self.settings;
            let mut context = NodeContext { reports: &mut self.reports, frame: self.frame, fade, tail };
            self.program.end_timed_block(block, &mut context);
        }
        self.watchdog.end_block(timed, &mut self.reports);
        if timed.is_some_and(|block| block.ticks as f32 > block.deadline) {
            self.tell_xrun(XrunKind::Missed);
        }
    }

    /// Tells that the block before came late.
    #[cold]
    fn tell_xrun(&mut self, kind: XrunKind) {
        self.reports.push(match self.watchdog.last() {
            Some(block) => {
                let culprit = self.program.times.culprit(&block, |place| self.program.nodes[place].id);
                let share = block.ticks as f32 / block.deadline;
                Report::Xrun { frame: block.frame, kind, share, culprit: Some(culprit) }
            }
            None => Report::Xrun { frame: self.frame, kind, share: 0.0, culprit: None },
        });
    }

    /// Takes all that has come, so that what is done at a frame does not depend on where blocks begin.
    #[inline(never)]
    fn take_messages(&mut self) {
        let was_crowded = std::mem::take(&mut self.crowded);
        let mut late = 0;
        loop {
            // What does not fit now waits in the ring.
            if self.waiting.is_full() {
                self.crowded = !self.inbox.is_empty();
                break;
            }
            let (frame, what) = match self.inbox.pop() {
                Ok(Message::Command(timed)) => (timed.frame, What::Command(timed.command)),
                Ok(Message::Bundle(frame, bundle)) => (frame, What::Bundle(bundle)),
                Ok(Message::Plan(scene, plan)) => {
                    if let Some(replaced) = self.scenes.replace(scene, plan) {
                        self.send_home(replaced);
                    }
                    continue;
                }
                // There are never more parcels about than the queue has room for: each has a credit.
                Ok(Message::Parcel(parcel)) => {
                    self.waiting.parcels += 1;
                    self.parcels.push_back(parcel);
                    continue;
                }
                Err(_) => break,
            };
            late += u32::from(was_crowded && frame != NOW && frame < self.frame);
            self.waiting.push(frame.max(self.frame), what);
        }
        self.waiting.sort();
        if late > 0 {
            self.reports.push(Report::Late { frame: self.frame, count: late });
        }
    }

    /// The control half sends no more bundles than the ring home has room for.
    fn send_home(&mut self, bundle: Bundle) {
        let _sent = self.bundles_home.push(bundle);
        debug_assert!(_sent.is_ok(), "a bundle without a credit");
    }

    /// Does what is due at the start of a chunk. Returns the chunk's frames, at most `left`.
    fn chunk_length(&mut self, left: usize) -> usize {
        // Most of the time nothing waits.
        let mut until = u64::MAX;
        let something_waits = !self.waiting.is_empty() || self.scenes.waiting.is_some() || !self.closings.is_empty();
        if something_waits || !self.parcels.is_empty() || self.switch.is_some() {
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
            self.move_crosspoints_before(self.waiting.parcels - self.parcels.len() as u64);
            if self.program.are_closed(&parcel.fading, self.frame) {
                self.install_or_wait(parcel);
            } else {
                parcel.fade_out(&mut self.program, self.frame, self.settings.fade);
                self.switch = Some(Switch { frame: self.frame + u64::from(self.settings.fade), parcel });
            }
        }
        let mut open = None;
        for Closing { crosspoint: Crosspoint { edge, source, destination }, ramp, .. } in
            self.closings.take_due(self.frame)
        {
            let Some(target) = self.program.gain_target(edge, source, destination) else { continue };
            // What fades out for the next program goes on to do so.
            let ramp = self.program.gain_at(target, self.frame).1.frames_to(0.0, self.frame, ramp);
            self.program.change_gain_among(&mut open, GainChange { frame: self.frame, target, gain: 0.0, ramp });
        }
        self.program.close_row(&mut open, self.frame);
        let mut place = 0;
        while let Some(waiting) = self.waiting.get(place)
            && waiting.frame <= self.frame
        {
            if waiting.what.is_within_chunk() {
                place += 1;
                continue;
            }
            if waiting.what.is_bundle() {
                // It may speak of the same things as what came before it.
                (0..place).for_each(|_| self.do_next());
                place = 0;
                self.do_next();
            } else if let Some(Waiting { what: What::Command(command), parcels, .. }) = self.waiting.remove(place) {
                self.obey(command, parcels);
            }
        }
        if let Some((scene, bar)) = self.scenes.waiting
            && self.playhead.until_beat(bar) == 0
        {
            self.scenes.waiting = None;
            self.play_scene(scene, self.waiting.parcels);
        }
    }

    /// Crosspoints that are due to move now, by what came before the parcel of this number, move before that is installed: it
    /// says where they go from there.
    fn move_crosspoints_before(&mut self, parcel: u64) {
        let mut open = None;
        let mut place = 0;
        while let Some(waiting) = self.waiting.get(place)
            && waiting.frame <= self.frame
        {
            let parcels = waiting.parcels;
            let is_before = parcels < parcel && !self.has_moved_crosspoints(parcels);
            let mut number = 0;
            while is_before && let Some(command) = self.waiting.command(place, number) {
                if command.moves_crosspoint() {
                    self.carry_out(command, self.frame, parcels, &mut open);
                }
                number += 1;
            }
            place += 1;
        }
        self.program.close_row(&mut open, self.frame);
        self.crosspoints_moved = (self.frame, parcel);
    }

    /// Whether what came after so many parcels, and is done now, has moved its crosspoints already.
    fn has_moved_crosspoints(&self, parcels: u64) -> bool {
        self.crosspoints_moved.0 == self.frame && parcels < self.crosspoints_moved.1
    }

    /// Does what waits first, at the start of a chunk.
    fn do_next(&mut self) {
        let Some(Waiting { what, parcels, .. }) = self.waiting.pop_front() else { return };
        match what {
            What::Command(Command::Scene { scene, start }) => self.call_for_scene(scene, start, parcels),
            What::Command(command) => {
                if !self.carry_out_alone(command, self.frame, parcels) {
                    self.reports.push(Report::Unknown { frame: self.frame });
                }
            }
            What::Bundle(bundle) => {
                let moved = self.has_moved_crosspoints(parcels);
                let left = bundle.iter().copied().filter(|command| !moved || !command.moves_crosspoint());
                let skipped = self.carry_out_all(left, parcels);
                if skipped > 0 {
                    self.reports.push(Report::Skipped { frame: self.frame, count: skipped });
                }
                self.send_home(bundle);
            }
        }
    }

    /// Carries a plan out now, or notes that it waits for its beat.
    fn call_for_scene(&mut self, scene: u16, start: SceneStart, parcels: u64) {
        self.scenes.waiting = match start {
            SceneStart::Now => None,
            SceneStart::Beat => Some((scene, false)),
            SceneStart::Bar => Some((scene, true)),
        };
        if self.scenes.waiting.is_none() {
            self.play_scene(scene, parcels);
        }
    }

    /// Carries the plan of a scene out at the start of a chunk.
    fn play_scene(&mut self, scene: u16, parcels: u64) {
        let frame = self.frame;
        let Some(plan) = self.scenes.take(scene) else {
            return self.reports.push(Report::SceneNotPrepared { scene, frame });
        };
        let skipped = self.carry_out_all(plan.iter().copied(), parcels);
        self.reports.push(Report::Scene { scene, frame, skipped });
        if let Some(plan) = self.scenes.replace(scene, Some(plan)) {
            self.send_home(plan);
        }
    }

    /// Carries commands out at the start of a chunk. Returns how many spoke of what is not there.
    fn carry_out_all(&mut self, commands: impl Iterator<Item = Command>, parcels: u64) -> u32 {
        let mut open = None;
        let mut skipped = 0;
        for command in commands {
            // A plan that calls for a scene could call for itself.
            let done =
                !matches!(command, Command::Scene { .. }) && self.carry_out(command, self.frame, parcels, &mut open);
            skipped += u32::from(!done);
        }
        self.program.close_row(&mut open, self.frame);
        skipped
    }

    /// Installs a parcel, or has it wait for what is on its way and could only jump.
    fn install_or_wait(&mut self, parcel: Box<Parcel>) {
        match parcel.waits_for(&self.program, self.frame) {
            Some(frame) => self.switch = Some(Switch { frame, parcel }),
            None => self.install(parcel),
        }
    }

    /// What is to close later stays as it is in the program to come, unless that opens it.
    fn keep_open(&mut self, parcel: &mut Parcel) {
        // One that is sent once more does not know what was set since.
        if !parcel.resent {
            let opens = |crosspoint: Crosspoint| parcel.goal(crosspoint) != Some(0.0);
            self.closings
                .forget(|Closing { crosspoint, .. }| opens(*crosspoint) || parcel.closed.contains(&crosspoint.edge));
        }
        for &Closing { crosspoint, .. } in self.closings.iter() {
            let Crosspoint { edge, source, destination } = crosspoint;
            if let Some(target) = self.program.gain_target(edge, source, destination) {
                let (_, ramp) = self.program.gain_at(target, self.frame);
                parcel.set_goal(crosspoint, ramp.target);
            }
        }
    }

    /// Has crosspoints close so many frames from now.
    fn begin_to_close(&mut self, closings: &[(Crosspoint, u32)]) {
        let mut open = None;
        for &(crosspoint, after) in closings {
            let (frame, ramp) = (self.frame + u64::from(after), self.settings.fade);
            self.close_later(Closing { frame, crosspoint, ramp }, &mut open);
        }
        self.program.close_row(&mut open, self.frame);
    }

    /// Has a crosspoint close later, or from now on if too many do. Says whether it is there.
    fn close_later(&mut self, closing: Closing, open: &mut Option<RowPlace>) -> bool {
        let Closing { crosspoint: Crosspoint { edge, source, destination }, ramp, .. } = closing;
        let Some(target) = self.program.gain_target(edge, source, destination) else { return false };
        if !self.closings.insert(closing) {
            self.program.change_gain_among(open, GainChange { frame: self.frame, target, gain: 0.0, ramp });
        }
        true
    }

    fn install(&mut self, mut parcel: Box<Parcel>) {
        if !self.closings.is_empty() {
            self.keep_open(&mut parcel);
        }
        parcel.install(&mut self.program, self.frame, self.settings.fade);
        self.begin_to_close(&parcel.closings);
        self.program.review_watched(&self.reports);
        self.runs_foreign = self.runs_foreign || self.program.nodes.iter().any(NodeState::is_foreign);
        let rests_at = Parcel::rests_at(&self.program, self.frame, self.settings.fade);
        let fade = u64::from(self.settings.fade);
        let closed = parcel.closings.iter().map(|&(_, after)| self.frame + u64::from(after) + fade).max();
        self.progress.rests_at.fetch_max(rests_at.max(closed.unwrap_or(0)), Ordering::AcqRel);
        // The control half sends no more parcels than the ring home has room for.
        let _sent = self.home.push(parcel);
        debug_assert!(_sent.is_ok(), "a parcel without a credit");
    }

    fn obey(&mut self, command: Command, parcels: u64) {
        if let Command::Scene { scene, start } = command {
            self.call_for_scene(scene, start, parcels);
        } else if !self.carry_out_alone(command, self.frame, parcels) {
            self.reports.push(Report::Unknown { frame: self.frame });
        }
    }

    /// Frames until something is due at the start of a chunk.
    #[inline(never)]
    fn until_due(&self) -> u64 {
        let mut until = u64::MAX;
        let mut stop_at = |frame: u64| until = until.min(frame.saturating_sub(self.frame).max(1));
        if let Some(frame) = self.closings.next_frame() {
            stop_at(frame);
        }
        if let Some(switch) = &self.switch {
            stop_at(switch.frame);
        } else if let Some(parcel) = self.parcels.front() {
            stop_at(parcel.frame);
        }
        let mut gains = 0;
        for Waiting { frame, what, .. } in self.waiting.after(self.frame) {
            let is_gain = matches!(what, What::Command(Command::Gain { .. }));
            // The first gain for which the chunk has no room begins the next one.
            if !what.is_within_chunk() || is_gain && gains == MAX_DUE {
                stop_at(*frame);
                break;
            }
            gains += usize::from(is_gain);
        }
        match self.scenes.waiting {
            Some((_, bar)) => until.min(self.playhead.until_beat(bar).max(1)),
            None => until,
        }
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
            now: self.now,
            times: self.is_timed,
            fade: self.settings.fade,
            inputs,
            outputs,
            offset,
        };
        self.program.run(&mut context);
        if self.program.guards.has_alarm() || self.program.trace.is_on() {
            self.program.guard_outputs(self.settings.rate, &mut context);
        }
        if self.mute.acts() {
            let channels = context.outputs.iter_mut().map(|output| &mut output[offset..offset + frames]);
            self.mute.apply(channels, frames, self.frame, self.settings.fade, self.kernels);
        }
        if self.program.ends_watched {
            self.program.watch_outputs(&mut context);
        }
        self.frame += frames as u64;
        self.transport_started |= self.playhead.advance(frames);
    }

    /// Hands out the changes of gains and the events that are due within a chunk.
    #[inline(never)]
    fn deliver(&mut self, frames: usize) {
        let end = self.frame + frames as u64;
        while self.waiting.get(0).is_some_and(|waiting| waiting.frame < end) {
            let Some(Waiting { frame, what, parcels, .. }) = self.waiting.pop_front() else { break };
            // Bundles are done at the start of a chunk, which ends at the next one's frame.
            let What::Command(command) = what else { continue };
            if !self.carry_out_alone(command, frame.max(self.frame), parcels) {
                self.reports.push(Report::Unknown { frame: self.frame });
            }
        }
    }

    /// As [`Self::carry_out`], for a command that is none of a bundle.
    fn carry_out_alone(&mut self, command: Command, frame: u64, parcels: u64) -> bool {
        if command.moves_crosspoint() && frame == self.frame && self.has_moved_crosspoints(parcels) {
            return true;
        }
        let mut open = None;
        let known = self.carry_out(command, frame, parcels, &mut open);
        self.program.close_row(&mut open, frame);
        known
    }

    /// Carries a command out, at a frame within the chunk at hand. `open` is the row that the changes of gains before it, of
    /// the same bundle, have left open. Says whether what it speaks of is there.
    fn carry_out(&mut self, command: Command, frame: u64, parcels: u64, open: &mut Option<RowPlace>) -> bool {
        match command {
            Command::Gain { edge, source, destination, gain, ramp } => {
                let crosspoint = Crosspoint { edge, source, destination };
                self.closings.forget_one(crosspoint);
                let known = self.tell_parcels(parcels, crosspoint, gain);
                // What fades out for the next program goes on to do so, and to the gain in that.
                let cell = self.program.schedule.cell(edge, source, destination);
                let fading = self.switch.as_ref().map_or(&[][..], |switch| &switch.parcel.fading);
                let fades = cell.is_some_and(|cell| fading.binary_search(&cell).is_ok());
                let target = cell.and_then(|cell| self.program.gain_target_of(cell)).filter(|_| !fades);
                let Some(target) = target else {
                    return known || fades;
                };
                let change = GainChange { frame, target, gain, ramp };
                if frame == self.frame {
                    // Before the chunk begins, so that it need not be cut.
                    self.program.change_gain_among(open, change);
                } else {
                    self.program.due.push(change);
                }
                true
            }
            Command::CloseLater { edge, source, destination, ramp, after } => {
                let crosspoint = Crosspoint { edge, source, destination };
                // It will be silent once a program is installed that is on its way.
                let known = self.parcels_before(parcels).any(|parcel| parcel.goal(crosspoint).is_some());
                self.close_later(Closing { frame: frame + u64::from(after), crosspoint, ramp }, open) || known
            }
            Command::Gate { edge, open } => {
                let mut known = self.program.set_gate(edge, open);
                for parcel in self.parcels_before(parcels) {
                    known |= parcel.set_gate(edge, open);
                }
                known
            }
            Command::Play(on) => {
                self.transport_started |= self.playhead.play(on);
                true
            }
            Command::Locate(frame) => {
                self.playhead.locate(frame);
                true
            }
            Command::LocateQuarters(quarters) => {
                self.playhead.locate_quarters(quarters);
                true
            }
            Command::CountIn(beats) => {
                self.playhead.count_in(beats);
                true
            }
            Command::Follow(clock) => {
                self.playhead.follow(clock);
                true
            }
            Command::Tempo(tempo) => {
                self.playhead.set_tempo(tempo);
                true
            }
            Command::Metre(beats, value) => {
                self.playhead.set_metre(beats, value);
                true
            }
            Command::Loop(range) => {
                self.playhead.set_loop(range);
                true
            }
            Command::Record(on) => {
                self.playhead.record(on);
                true
            }
            Command::MasterMute(on) => {
                self.mute.set(on, frame, self.settings.fade);
                true
            }
            Command::GuardOutput { node, settings } => {
                self.program.guards.set(node, settings);
                for parcel in self.parcels_before(parcels) {
                    parcel.program.guards.set(node, settings);
                }
                true
            }
            Command::HoldOutput { node, on } => {
                let fade = self.settings.fade;
                let mut known = self.program.guards.hold(node, on, frame, fade);
                for parcel in self.parcels_before(parcels) {
                    known |= parcel.program.guards.hold(node, on, frame, fade);
                }
                known
            }
            Command::WatchTime(settings) => {
                self.watchdog.set(settings);
                if settings.is_none() {
                    // Nobody would bring them back.
                    let Settings { fade, tail, .. } = self.settings;
                    let mut context = NodeContext { reports: &mut self.reports, frame, fade, tail };
                    self.program.recover_all(frame, &mut context);
                }
                true
            }
            Command::SetBudget { node, budget } => {
                self.program.set_budget(node, budget);
                for parcel in self.parcels_before(parcels) {
                    parcel.program.set_budget(node, budget);
                }
                true
            }
            Command::Recover { node } => {
                let Settings { fade, tail, .. } = self.settings;
                let mut context = NodeContext { reports: &mut self.reports, frame, fade, tail };
                self.program.recover(node, frame, &mut context)
            }
            Command::Meter { node, on } if self.program.is_end(node) => {
                self.reports.meter_end(node, on);
                self.program.review_watched(&self.reports);
                true
            }
            Command::Listen { listener, generation, source } => {
                if let Some(listener) = self.reports.listeners.get_mut(usize::from(listener)) {
                    listener.listen(source, generation);
                }
                self.program.review_watched(&self.reports);
                true
            }
            Command::Measure(on) => {
                self.measure = on;
                true
            }
            Command::CancelScene => {
                self.scenes.waiting = None;
                true
            }
            Command::TailLimit(frames) => {
                self.settings.tail = frames;
                true
            }
            command => {
                let known = self.tell_processors(parcels, command);
                if self.program.place_of(command).is_none() {
                    return known;
                }
                let offset = frame.saturating_sub(self.frame) as u32;
                let Settings { fade, tail, .. } = self.settings;
                let mut context = NodeContext { reports: &mut self.reports, frame: self.frame, fade, tail };
                self.program.command_node(command, offset, &mut context);
                true
            }
        }
    }

    /// The parcels that arrived before a command did, and are not installed yet.
    fn parcels_before(&mut self, arrived_before: u64) -> impl Iterator<Item = &mut Box<Parcel>> {
        let about = u64::from(self.switch.is_some()) + self.parcels.len() as u64;
        let older = arrived_before.saturating_sub(self.waiting.parcels - about) as usize;
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

    /// Processors that wait in a parcel must hear of a parameter that was set after they were sent, and new nodes of their
    /// bypass and whether they are away. Says whether there is one.
    fn tell_processors(&mut self, arrived_before: u64, command: Command) -> bool {
        let mut known = false;
        for parcel in self.parcels_before(arrived_before) {
            known |= match command {
                Command::Event { node, event } if matches!(event.body, EventBody::Parameter { .. }) => {
                    parcel.tell(node, event)
                }
                Command::Bypass { node, on } => parcel.begin_bypassed(node, Some(on), None),
                Command::BypassMode { node, mode } => parcel.begin_bypassed(node, None, Some(mode)),
                Command::Present { node, on } => parcel.begin_away(node, !on),
                _ => false,
            };
        }
        known
    }
}
