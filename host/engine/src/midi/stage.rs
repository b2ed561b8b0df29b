//! MIDI on the audio thread: the routes of all roles, and the clock that tells them frames. Waits in a cell between
//! callbacks, like the renderer, so that whoever renders next goes on with it.
#![deny(clippy::disallowed_types)]

use super::clock::{ClockFollower, ClockSender, is_clock};
use super::route::{InputRoute, Moment, OutputRoute};
use crate::control::{Desk, Mappings};
use crosspoint_devices::midi::{PeriodClock, TickClock, delay_frames};
use crosspoint_devices::{Period, PeriodMidi};
use crosspoint_graph::{Commands, EventEnds, HardwareEvents, RendererCell};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// All routes, and what they are timed by. Goes to the audio thread when any of it changes; the one before comes home.
pub struct Table {
    pub inputs: Box<[InputRoute]>,
    pub outputs: Box<[OutputRoute]>,
    pub mappings: Mappings,
    /// The role whose clock is followed.
    pub followed: Option<u32>,
    /// Whether clock is sent while the transport stands, too.
    pub clock_while_stopped: bool,
    /// Whether ports have come or gone, so that controls are to be told anew where they are.
    pub anew: bool,
    /// Frames a second.
    pub rate: u32,
    /// Counts the streams that were opened: time begins anew with each.
    pub stream: u32,
    pub clock: TickClock,
}

impl Table {
    /// Without a route.
    pub fn empty(clock: TickClock) -> Self {
        Self {
            inputs: [].into(),
            outputs: [].into(),
            mappings: Mappings::new(Arc::default(), &[]),
            followed: None,
            clock_while_stopped: false,
            anew: false,
            rate: 48_000,
            stream: 0,
            clock,
        }
    }
}

/// What the audio thread tells.
#[derive(Debug, Default)]
pub struct Told {
    /// Frames between a device and the rig, each way.
    pub delay: AtomicU32,
    /// Messages that found no room.
    pub lost: AtomicU64,
    /// The bits of the followed clock's tempo; 0 while none is followed.
    pub clock_tempo: AtomicU64,
    /// How often a clock was lost while its song went on.
    pub clock_losses: AtomicU32,
}

/// The audio thread's half.
pub struct Stage {
    table: Box<Table>,
    arriving: rtrb::Consumer<Box<Table>>,
    home: rtrb::Producer<Box<Table>>,
    told: Arc<Told>,
    desk: Desk,
    clock: PeriodClock,
    follower: ClockFollower,
    sender: ClockSender,
    /// Frames of the longest period since the stream was opened.
    longest: u32,
    xruns: u64,
    freewheel: bool,
    lost: u64,
    /// Steady frame of the renderer after the block.
    frame: u64,
}

impl Stage {
    pub fn new(
        clock: TickClock,
        arriving: rtrb::Consumer<Box<Table>>,
        home: rtrb::Producer<Box<Table>>,
        told: Arc<Told>,
        desk: Desk,
    ) -> Self {
        let table = Box::new(Table::empty(clock));
        let clock = PeriodClock::new(f64::from(table.rate), clock.per_second);
        Self {
            follower: ClockFollower::new(f64::from(table.rate)),
            sender: ClockSender::new(),
            table,
            arriving,
            home,
            told,
            desk,
            clock,
            longest: 0,
            xruns: 0,
            freewheel: false,
            lost: 0,
            frame: 0,
        }
    }

    /// Renders a period with the renderer in a cell.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render(&mut self, cell: &RendererCell, period: Period<'_>) {
        let now = (self.table.clock.now)();
        self.take_tables();
        self.table.mappings.take_updates(&mut self.desk);
        let Period { inputs, outputs, frames, freewheel, midi, xruns, .. } = period;
        // Another device counts from 0 again.
        let lost_periods = xruns.saturating_sub(self.xruns) as u32;
        if mem::replace(&mut self.xruns, xruns) != xruns || mem::replace(&mut self.freewheel, freewheel) != freewheel {
            self.clock.restart();
        }
        self.clock.begin(now, frames as u32);
        self.longest = self.longest.max(frames as u32);
        let mut hands = Hands { delay: self.delay(), stage: self, midi, lost_periods };
        cell.render_with_events(inputs, outputs, freewheel, frames, &mut hands);
        hands.tell(frames);
        self.told.delay.store(self.delay(), Ordering::Relaxed);
        self.told.lost.store(self.lost, Ordering::Relaxed);
        let lead = self.follower.lead();
        self.told.clock_tempo.store(lead.tempo.map_or(0, f64::to_bits), Ordering::Relaxed);
        self.told.clock_losses.store(lead.losses, Ordering::Relaxed);
    }

    fn delay(&self) -> u32 {
        delay_frames(self.longest, f64::from(self.table.rate))
    }

    /// Puts new tables in place of the old, which go home. The control thread has no more under way than fit.
    fn take_tables(&mut self) {
        while let Ok(mut table) = self.arriving.pop() {
            let old = &mut *self.table;
            for route in &mut table.inputs {
                if let Some(before) = old.inputs.iter_mut().find(|before| before.role == route.role) {
                    route.adopt(before);
                }
            }
            for route in &mut table.outputs {
                if let Some(before) = old.outputs.iter_mut().find(|before| before.role == route.role) {
                    route.adopt(before);
                }
            }
            let anew = table.anew;
            table.mappings.adopt(&mut old.mappings, &mut self.desk, anew);
            self.follower.follow(table.followed, f64::from(table.rate), table.rate != old.rate);
            if table.stream != old.stream || table.rate != old.rate {
                self.clock = PeriodClock::new(f64::from(table.rate), table.clock.per_second);
                self.longest = 0;
            }
            mem::swap(&mut self.table, &mut table);
            if let Err(rtrb::PushError::Full(table)) = self.home.push(table) {
                debug_assert!(false, "a table without a way home");
                mem::forget(table);
            }
        }
    }
}

/// The frame within the block at which a message of a time is heard, and the time at which one of a frame goes out. Where
/// time is not the wall's, what has come is heard at once, and goes out at once.
fn timing(clock: &PeriodClock, delay: u32, freewheel: bool) -> (impl Fn(u64) -> i64, impl Fn(usize) -> u64) {
    let frame_of = move |time: u64| match freewheel {
        true => 0,
        false => (clock.frame_at(time) + f64::from(delay)).round() as i64,
    };
    let time_of = move |frame: usize| match freewheel {
        true => 0,
        false => clock.ticks_at(frame as f64 + f64::from(delay)),
    };
    (frame_of, time_of)
}

/// The stage during one period.
struct Hands<'s, 'p> {
    stage: &'s mut Stage,
    midi: Option<&'p mut dyn PeriodMidi>,
    delay: u32,
    /// Periods that the device has lost since the last one.
    lost_periods: u32,
}

impl Hands<'_, '_> {
    /// Does something for each route, which is told about time.
    fn each<R>(
        &mut self,
        (offset, frames): (usize, usize),
        routes: fn(&mut Table) -> &mut [R],
        mut each: impl FnMut(&mut R, &mut Moment<'_>, Option<&mut dyn PeriodMidi>),
    ) {
        let Stage { table, clock, freewheel, lost, .. } = &mut *self.stage;
        let (frame_of, time_of) = timing(clock, self.delay, *freewheel);
        let mut moment = Moment { offset, frames, frame_of: &frame_of, time_of: &time_of, lost };
        for route in routes(table) {
            let midi = self.midi.as_mut().map(|midi| &mut **midi as &mut dyn PeriodMidi);
            each(route, &mut moment, midi);
        }
    }
}

impl Hands<'_, '_> {
    /// Tells the control thread what messages have set, and the controls where they are.
    fn tell(&mut self, frames: usize) {
        let Stage { table, desk, frame, clock, freewheel, lost, .. } = &mut *self.stage;
        table.mappings.tell(desk);
        let Some(last) = frames.checked_sub(1) else { return };
        let (frame_of, time_of) = timing(clock, self.delay, *freewheel);
        let moment = Moment { offset: 0, frames, frame_of: &frame_of, time_of: &time_of, lost };
        let Table { outputs, mappings, rate, .. } = &mut **table;
        mappings.feed_back(*frame, *rate, &mut |role, message| {
            for route in outputs.iter_mut().filter(|route| route.role == role) {
                let midi = self.midi.as_mut().map(|midi| &mut **midi as &mut dyn PeriodMidi);
                route.tell(&moment, midi, last, message);
            }
        });
    }
}

impl HardwareEvents for Hands<'_, '_> {
    fn command(&mut self, frames: usize, rig: &mut Commands<'_>) {
        self.stage.frame = rig.frame() + frames as u64;
        rig.note_xruns(self.lost_periods);
        if frames == 0 {
            return;
        }
        self.each((0, frames), |table| &mut table.inputs, |route, moment, midi| route.gather(moment, midi));
        let Stage { table, desk, lost, follower, .. } = &mut *self.stage;
        let Table { inputs, mappings, .. } = &mut **table;
        if mappings.is_empty() && follower.is_idle() {
            return;
        }
        let block = rig.frame();
        let mut push = |offset, command| rig.push(offset, command);
        // In the order of time, whichever port they came from.
        while let Some(route) =
            inputs.iter_mut().filter(|route| route.next_heard().is_some()).min_by_key(|route| route.next_heard())
        {
            route.hear_next(|role, message, offset, ears| match is_clock(message) {
                true if follower.hears(role) => {
                    follower.hear(message, (block, offset), &mut push);
                    true
                }
                true => false,
                false => mappings.hear(role, message, (block, offset), ears, &mut push, desk, lost),
            });
        }
        mappings.flush(&mut push);
        follower.pass(block, frames - 1, &mut push);
    }

    fn read(&mut self, offset: usize, frames: usize, rig: &mut EventEnds<'_>) {
        self.each((offset, frames), |table| &mut table.inputs, |route, moment, _| route.read(moment, rig));
    }

    fn write(&mut self, offset: usize, frames: usize, rig: &EventEnds<'_>) {
        let Stage { table, sender, .. } = &mut *self.stage;
        match table.outputs.iter().any(|route| route.is_clocked) {
            true => sender.run(rig.chunk(), f64::from(table.rate), table.clock_while_stopped),
            false => sender.rest(),
        }
        // Without room: nothing is made, and nothing freed.
        let sender = mem::take(sender);
        self.each(
            (offset, frames),
            |table| &mut table.outputs,
            |route, moment, midi| route.write(moment, midi, rig, sender.messages()),
        );
        self.stage.sender = sender;
    }
}
