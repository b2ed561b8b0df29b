//! The buffer switch: the rig that runs inside a driver's very call. Never waits, allocates, or calls anything but the two
//! functions that a driver has for this moment: to be told that the outputs are written, and to be asked for its position
//! if it did not say it.
//!
//! ```text
//!   driver ── buffer_switch(half) ──► slot ──► switch: inputs of that half ─ callback ─ outputs of that half
//! ```
#![deny(clippy::disallowed_types)]

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::abi::{Interface, Position, SAMPLE_POSITION_VALID, SUCCESS, SYSTEM_TIME_VALID, Simple, Split, Time};
use super::sample_clock::SampleClock;
use super::sample_format::SampleFormat;
use crate::callback_cell::CallbackCell;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

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

/// What of a driver is called during its own call.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub driver: *mut Interface,
    /// How to tell it that the outputs are written, if it wants to know.
    pub output_ready: Option<Simple>,
    pub position: Position,
}

impl Told {
    /// The position as the driver says it when it is asked.
    fn position(&self) -> Option<Time> {
        let mut time = Time { flags: SAMPLE_POSITION_VALID | SYSTEM_TIME_VALID, ..Time::default() };
        let place: (*mut Split, *mut Split) = (&mut time.sample_position, &mut time.system_time);
        // SAFETY: the driver is alive while it calls, has this function for this very moment, and there is room for both.
        let result = unsafe { (self.position)(self.driver, place.0, place.1) };
        matches!(result, 0 | SUCCESS).then_some(time)
    }

    fn outputs_are_ready(&self) {
        if let Some(output_ready) = self.output_ready {
            // SAFETY: the driver is alive while it calls, and this is a function of it for this very moment.
            unsafe { output_ready(self.driver) };
        }
    }
}

/// All that a buffer switch needs.
pub(super) struct Switch {
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    frames: usize,
    told: Told,
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
        told: Told,
    ) -> Self {
        let tables = PeriodTables::new(inputs.len(), outputs.len());
        let work = UnsafeCell::new(Work { inputs, outputs, tables, clock: SampleClock::default() });
        Self { cell, status, frames, told, running: AtomicBool::new(false), work }
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
    ///
    /// # Real-time
    /// Called by the driver.
    pub fn run(&self, half: i32, time: Option<&Time>) {
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
        let asked = if time.is_none() { self.told.position() } else { None };
        let head = PeriodHead {
            frames,
            time: clock.advance(time.or(asked.as_ref()), frames as u64),
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
        self.told.outputs_are_ready();
        self.running.store(false, Ordering::Release);
    }
}
