//! MIDI on the audio thread: the routes of all roles, and the clock that tells them frames. Waits in a cell between
//! callbacks, like the renderer, so that whoever renders next goes on with it.
#![deny(clippy::disallowed_types)]

use super::route::{InputRoute, Moment, OutputRoute};
use crosspoint_devices::midi::{PeriodClock, TickClock, delay_frames};
use crosspoint_devices::{Period, PeriodMidi};
use crosspoint_graph::{EventEnds, HardwareEvents, RendererCell};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// All routes, and what they are timed by. Goes to the audio thread when any of it changes; the one before comes home.
pub struct Table {
    pub inputs: Box<[InputRoute]>,
    pub outputs: Box<[OutputRoute]>,
    /// Frames a second.
    pub rate: u32,
    /// Counts the streams that were opened: time begins anew with each.
    pub stream: u32,
    pub clock: TickClock,
}

impl Table {
    /// Without a route.
    pub fn empty(clock: TickClock) -> Self {
        Self { inputs: [].into(), outputs: [].into(), rate: 48_000, stream: 0, clock }
    }
}

/// What the audio thread tells.
#[derive(Debug, Default)]
pub struct Told {
    /// Frames between a device and the rig, each way.
    pub delay: AtomicU32,
    /// Messages that found no room.
    pub lost: AtomicU64,
}

/// The audio thread's half.
pub struct Stage {
    table: Box<Table>,
    arriving: rtrb::Consumer<Box<Table>>,
    home: rtrb::Producer<Box<Table>>,
    told: Arc<Told>,
    clock: PeriodClock,
    /// Frames of the longest period since the stream was opened.
    longest: u32,
    xruns: u64,
    freewheel: bool,
    lost: u64,
}

impl Stage {
    pub fn new(
        clock: TickClock,
        arriving: rtrb::Consumer<Box<Table>>,
        home: rtrb::Producer<Box<Table>>,
        told: Arc<Told>,
    ) -> Self {
        let table = Box::new(Table::empty(clock));
        let clock = PeriodClock::new(f64::from(table.rate), clock.per_second);
        Self { table, arriving, home, told, clock, longest: 0, xruns: 0, freewheel: false, lost: 0 }
    }

    /// Renders a period with the renderer in a cell.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render(&mut self, cell: &RendererCell, period: Period<'_>) {
        let now = (self.table.clock.now)();
        self.take_tables();
        let Period { inputs, outputs, frames, freewheel, midi, xruns, .. } = period;
        if mem::replace(&mut self.xruns, xruns) != xruns || mem::replace(&mut self.freewheel, freewheel) != freewheel {
            self.clock.restart();
        }
        self.clock.begin(now, frames as u32);
        self.longest = self.longest.max(frames as u32);
        let mut hands = Hands { delay: self.delay(), stage: self, midi };
        cell.render_with_events(inputs, outputs, freewheel, frames, &mut hands);
        self.told.delay.store(self.delay(), Ordering::Relaxed);
        self.told.lost.store(self.lost, Ordering::Relaxed);
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

/// The stage during one period.
struct Hands<'s, 'p> {
    stage: &'s mut Stage,
    midi: Option<&'p mut dyn PeriodMidi>,
    delay: u32,
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
        let (delay, freewheel) = (self.delay, *freewheel);
        // Where time is not the wall's, what has come is heard at once, and goes out at once.
        let frame_of = |time: u64| match freewheel {
            true => 0,
            false => (clock.frame_at(time) + f64::from(delay)).round() as i64,
        };
        let time_of = |frame: usize| match freewheel {
            true => 0,
            false => clock.ticks_at(frame as f64 + f64::from(delay)),
        };
        let mut moment = Moment { offset, frames, frame_of: &frame_of, time_of: &time_of, lost };
        for route in routes(table) {
            let midi = self.midi.as_mut().map(|midi| &mut **midi as &mut dyn PeriodMidi);
            each(route, &mut moment, midi);
        }
    }
}

impl HardwareEvents for Hands<'_, '_> {
    fn read(&mut self, offset: usize, frames: usize, rig: &mut EventEnds<'_>) {
        self.each((offset, frames), |table| &mut table.inputs, |route, moment, midi| route.read(moment, midi, rig));
    }

    fn write(&mut self, offset: usize, frames: usize, rig: &EventEnds<'_>) {
        self.each((offset, frames), |table| &mut table.outputs, |route, moment, midi| route.write(moment, midi, rig));
    }
}
