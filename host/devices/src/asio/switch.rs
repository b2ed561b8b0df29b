//! The buffer switch: what a driver calls, and the rig that runs inside that very call. Neither waits nor allocates.
//!
//! ```text
//!   driver ── buffer_switch(half) ──► slot ──► switch: inputs of that half ─ callback ─ outputs of that half
//! ```
//!
//! A driver's callbacks carry no pointer of ours, so each open driver has a slot with callbacks of its own.
#![deny(clippy::disallowed_types)]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::abi::{Callbacks, Interface, SAMPLE_POSITION_VALID, SYSTEM_TIME_VALID, Simple, Time, message};
use super::sample_format::SampleFormat;
use crate::callback_cell::CallbackCell;
use crate::period::PeriodTime;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// How many drivers can be open at once in one process.
pub(super) const MOST_DRIVERS: usize = 4;

/// A channel in a driver's buffer.
pub(super) struct Channel {
    /// The two halves of its buffer.
    pub halves: [*mut u8; 2],
    pub format: SampleFormat,
    /// Samples on their way, unless the driver's buffer is used as it is.
    pub converted: Box<[f32]>,
}

impl Channel {
    /// Of a buffer of so many frames. Not to be called from the callback.
    pub fn new(halves: [*mut u8; 2], format: SampleFormat, frames: usize) -> Self {
        let is_usable = format.is_native() && halves.iter().all(|half| half.cast::<f32>().is_aligned());
        let converted = if is_usable { 0 } else { frames };
        Self { halves, format, converted: vec![0.0; converted].into_boxed_slice() }
    }
}

/// All that a buffer switch needs.
pub(super) struct Switch {
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    frames: usize,
    /// How to tell the driver that the outputs are written, if it wants to know.
    output_ready: Option<(Simple, *mut Interface)>,
    /// Whether a thread is in here.
    running: AtomicBool,
    work: UnsafeCell<Work>,
}

struct Work {
    inputs: Vec<Channel>,
    outputs: Vec<Channel>,
    tables: PeriodTables,
    clock: SampleClock,
}

impl Switch {
    pub fn new(
        cell: Arc<CallbackCell>,
        status: Arc<StreamStatus>,
        frames: usize,
        inputs: Vec<Channel>,
        outputs: Vec<Channel>,
        output_ready: Option<(Simple, *mut Interface)>,
    ) -> Self {
        let tables = PeriodTables::new(inputs.len(), outputs.len());
        let work = UnsafeCell::new(Work { inputs, outputs, tables, clock: SampleClock::default() });
        Self { cell, status, frames, output_ready, running: AtomicBool::new(false), work }
    }

    /// Silences both halves of every output. Before the driver starts.
    pub fn silence(&mut self) {
        let frames = self.frames;
        for channel in &mut self.work.get_mut().outputs {
            for half in channel.halves {
                // SAFETY: the driver made both halves so long.
                unsafe { half.write_bytes(0, frames * channel.format.bytes()) };
            }
        }
    }

    /// Goes on where another one, which is not called any more, had come to.
    pub fn follow(&mut self, before: &mut Self) {
        self.work.get_mut().clock = before.work.get_mut().clock.restarted();
    }

    /// One half of all buffers.
    fn run(&self, half: i32, time: Option<&Time>) {
        let Ok(half @ 0..=1) = usize::try_from(half) else { return };
        if self.running.swap(true, Ordering::Acquire) {
            // It was called twice at once: the second call is lost, and says so.
            self.status.add_xruns(1);
            return;
        }
        // SAFETY: whoever set `running` is alone in here until it is reset.
        let Work { inputs, outputs, tables, clock } = unsafe { &mut *self.work.get() };
        let frames = self.frames;
        for channel in inputs.iter_mut().filter(|channel| !channel.converted.is_empty()) {
            let bytes = frames * channel.format.bytes();
            // SAFETY: the driver made the half so long, and leaves it to us during this call.
            let samples = unsafe { std::slice::from_raw_parts(channel.halves[half], bytes) };
            channel.format.read(samples, &mut channel.converted);
        }
        let head = PeriodHead {
            frames,
            time: clock.advance(time, frames as u64),
            xruns: self.status.xruns(),
            freewheel: false,
        };
        let heard = inputs.iter().map(|channel| match &*channel.converted {
            // SAFETY: the half holds so many aligned floats, and nobody writes them during this call.
            [] => unsafe { std::slice::from_raw_parts(channel.halves[half].cast::<f32>(), frames) },
            converted => converted,
        });
        let played = outputs.iter_mut().map(|channel| match &mut *channel.converted {
            // SAFETY: the half has room for so many aligned floats, and is ours during this call. The driver gave every
            // channel a buffer of its own.
            [] => unsafe { std::slice::from_raw_parts_mut(channel.halves[half].cast::<f32>(), frames) },
            converted => converted,
        });
        tables.run(&self.cell, head, heard, played);
        for channel in outputs.iter_mut().filter(|channel| !channel.converted.is_empty()) {
            let bytes = frames * channel.format.bytes();
            // SAFETY: the driver made the half so long, and leaves it to us during this call.
            let samples = unsafe { std::slice::from_raw_parts_mut(channel.halves[half], bytes) };
            channel.format.write(&channel.converted, samples);
        }
        if let Some((output_ready, driver)) = self.output_ready {
            // SAFETY: the driver is alive while it calls, and this is a function of it for this very moment.
            unsafe { output_ready(driver) };
        }
        self.running.store(false, Ordering::Release);
    }
}

/// Positions that never go back, from what a driver says or from what was played.
#[derive(Clone, Copy, Default)]
struct SampleClock {
    /// The position of the next period.
    next: u64,
    /// What the driver should say then; none before it said anything.
    expected: Option<u64>,
}

impl SampleClock {
    fn advance(&mut self, time: Option<&Time>, frames: u64) -> PeriodTime {
        let said = |flag: u32| time.filter(|time| time.flags & flag != 0);
        let position = said(SAMPLE_POSITION_VALID).map(|time| time.sample_position.number());
        // A jump forward is what was lost. A driver that starts anew, or talks nonsense, is not followed.
        let lost = match (position, self.expected) {
            (Some(position), Some(expected)) => {
                position.checked_sub(expected).filter(|lost| *lost < 1 << 32).unwrap_or(0)
            }
            _ => 0,
        };
        let frame = self.next + lost;
        self.next = frame + frames;
        self.expected = position.map(|position| position + frames);
        PeriodTime { frame, nanoseconds: said(SYSTEM_TIME_VALID).map(|time| time.system_time.number()) }
    }

    /// The same after a pause, in which the driver may have begun to count anew.
    fn restarted(self) -> Self {
        Self { expected: None, ..self }
    }
}

/// What one open driver calls, and what it asked for outside of the buffer switch.
pub(super) struct Slot {
    taken: AtomicBool,
    switch: AtomicPtr<Switch>,
    /// Threads of the driver that are in a buffer switch.
    inside: AtomicU32,
    /// How often it switched.
    pub switches: AtomicU64,
    /// How often it asked to be opened anew.
    pub resets: AtomicU32,
    /// How often it said that its latencies changed.
    pub latencies: AtomicU32,
    /// How often it lost frames or could not keep up.
    pub overloads: AtomicU32,
    /// The rate that it says it runs at, in bits; 0 before it says anything.
    rate: AtomicU64,
}

static SLOTS: [Slot; MOST_DRIVERS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        switch: AtomicPtr::new(null_mut()),
        inside: AtomicU32::new(0),
        switches: AtomicU64::new(0),
        resets: AtomicU32::new(0),
        latencies: AtomicU32::new(0),
        overloads: AtomicU32::new(0),
        rate: AtomicU64::new(0),
    }
}; MOST_DRIVERS];

static CALLBACKS: [Callbacks; MOST_DRIVERS] = [callbacks::<0>(), callbacks::<1>(), callbacks::<2>(), callbacks::<3>()];

const fn callbacks<const SLOT: usize>() -> Callbacks {
    Callbacks {
        buffer_switch: buffer_switch::<SLOT>,
        sample_rate_did_change: sample_rate_did_change::<SLOT>,
        asio_message: asio_message::<SLOT>,
        buffer_switch_time_info: buffer_switch_time_info::<SLOT>,
    }
}

unsafe extern "system" fn buffer_switch<const SLOT: usize>(half: i32, _direct_process: i32) {
    SLOTS[SLOT].switch(half, None);
}

unsafe extern "system" fn buffer_switch_time_info<const SLOT: usize>(
    time: *mut Time,
    half: i32,
    _direct_process: i32,
) -> *mut Time {
    // SAFETY: null, or a time that is the driver's during this call.
    SLOTS[SLOT].switch(half, unsafe { time.as_ref() });
    null_mut()
}

unsafe extern "system" fn sample_rate_did_change<const SLOT: usize>(rate: f64) {
    SLOTS[SLOT].rate.store(rate.to_bits(), Ordering::Relaxed);
}

unsafe extern "system" fn asio_message<const SLOT: usize>(
    selector: i32,
    value: i32,
    _message: *mut c_void,
    _option: *mut f64,
) -> i32 {
    SLOTS[SLOT].message(selector, value)
}

impl Slot {
    /// A slot that nobody has, for one driver.
    pub fn take() -> Option<&'static Self> {
        let slot = SLOTS.iter().find(|slot| !slot.taken.swap(true, Ordering::AcqRel))?;
        for count in [&slot.resets, &slot.latencies, &slot.overloads] {
            count.store(0, Ordering::Relaxed);
        }
        slot.switches.store(0, Ordering::Relaxed);
        slot.rate.store(0, Ordering::Relaxed);
        Some(slot)
    }

    /// Gives it back. Nothing is installed any more.
    pub fn give_back(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// The callbacks that lead here.
    pub fn callbacks(&self) -> *const Callbacks {
        let place = SLOTS.iter().position(|slot| std::ptr::eq(slot, self));
        // A slot is always one of them.
        &CALLBACKS[place.unwrap_or(0)]
    }

    /// The rate that the driver says it runs at, if it said so.
    pub fn rate(&self) -> Option<u32> {
        let rate = f64::from_bits(self.rate.load(Ordering::Relaxed));
        (rate >= 1.0 && rate < 1e7).then(|| rate.round() as u32)
    }

    /// Has buffer switches run this from now on.
    pub fn install(&self, switch: Box<Switch>) {
        self.switch.store(Box::into_raw(switch), Ordering::Release);
    }

    /// Takes what runs out, and waits until no thread is in it. Not to be called by a driver's thread. What a driver does
    /// not come out of stays where it is for good, and so does the callback in it.
    pub fn remove(&self) -> Option<Box<Switch>> {
        let switch = self.switch.swap(null_mut(), Ordering::SeqCst);
        // SAFETY: the pointer came from `install`, was taken out once, and nobody is in it.
        (self.is_left() && !switch.is_null()).then(|| unsafe { Box::from_raw(switch) })
    }

    /// Waits until no thread is in a buffer switch, but no longer than two seconds. Not to be called by a driver's thread.
    pub fn is_left(&self) -> bool {
        let started = Instant::now();
        while self.inside.load(Ordering::SeqCst) > 0 {
            if started.elapsed() > Duration::from_secs(2) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn switch(&self, half: i32, time: Option<&Time>) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let switch = self.switch.load(Ordering::SeqCst);
        // SAFETY: whoever removes it waits for those inside, of whom this thread was one before it read the pointer.
        if let Some(switch) = unsafe { switch.as_ref() } {
            switch.run(half, time);
            self.switches.fetch_add(1, Ordering::Relaxed);
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    /// The answer to a message: what is to be done about it is done by the thread that owns the driver.
    fn message(&self, selector: i32, value: i32) -> i32 {
        use message::*;
        let count = |counter: &AtomicU32| {
            counter.fetch_add(1, Ordering::Relaxed);
            1
        };
        match selector {
            SELECTOR_SUPPORTED => i32::from(matches!(
                value,
                SELECTOR_SUPPORTED
                    | ENGINE_VERSION
                    | RESET_REQUEST
                    | RESYNC_REQUEST
                    | LATENCIES_CHANGED
                    | SUPPORTS_TIME_INFO
                    | OVERLOAD
            )),
            ENGINE_VERSION => 2,
            RESET_REQUEST => count(&self.resets),
            LATENCIES_CHANGED => count(&self.latencies),
            RESYNC_REQUEST | OVERLOAD => count(&self.overloads),
            SUPPORTS_TIME_INFO => 1,
            // A change of the buffers' size among them: it has the driver ask for a reset.
            _ => 0,
        }
    }
}
