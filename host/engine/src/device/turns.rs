//! Whose turn it is to render. A device, the timer that stands in for it and the device that comes back each have a
//! callback on the same renderer: only the one whose turn it is renders, the others play silence. So a driver that
//! comes late, or is not quite dead, never renders beside another. Never waits.
#![deny(clippy::disallowed_types)]

use crate::midi::{self, StageCell};
use crosspoint_devices::{DuplexCallback, Period};
use crosspoint_graph::RendererCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// What all callbacks of an engine share with its control half.
#[derive(Default)]
pub(crate) struct Turns {
    /// The turn that it is; 0 is nobody's.
    now: AtomicU32,
    /// The turn of the device's callback, and how often it was called.
    watched: AtomicU32,
    calls: AtomicU64,
    lost_frames: AtomicU64,
    follow_freewheel: AtomicBool,
}

/// A turn that no callback has.
pub(crate) const NOBODY: u32 = 0;

impl Turns {
    /// Makes it somebody's turn, from its next period on.
    pub fn pass(&self, turn: u32) {
        self.now.store(turn, Ordering::Release);
    }

    /// Counts the calls of the callback with that turn, which is a device's.
    pub fn watch(&self, turn: u32) {
        self.watched.store(turn, Ordering::Relaxed);
    }

    /// How often the device has called; `None` if nobody counts.
    pub fn calls(&self) -> Option<u64> {
        (self.watched.load(Ordering::Relaxed) != NOBODY).then(|| self.calls.load(Ordering::Relaxed))
    }

    /// Frames that devices said they have lost, by the jumps of their positions, since [`Self::forget`].
    pub fn lost_frames(&self) -> u64 {
        self.lost_frames.load(Ordering::Relaxed)
    }

    /// Counts lost frames from 0.
    pub fn forget(&self) {
        self.lost_frames.store(0, Ordering::Relaxed);
    }

    /// Whether plugins are told when a device freewheels.
    pub fn follows_freewheel(&self) -> bool {
        self.follow_freewheel.load(Ordering::Relaxed)
    }

    /// Says whether they are to be told.
    pub fn follow_freewheel(&self, on: bool) {
        self.follow_freewheel.store(on, Ordering::Relaxed);
    }
}

/// The callback of every device: takes the renderer out of the cell, renders, and puts it back.
pub(crate) struct RigCallback {
    cell: Arc<RendererCell>,
    stage: StageCell,
    turns: Arc<Turns>,
    turn: u32,
    /// Where the next period starts if nothing is lost.
    next_frame: Option<u64>,
}

impl RigCallback {
    pub fn new(cell: Arc<RendererCell>, stage: StageCell, turns: Arc<Turns>, turn: u32) -> Self {
        Self { cell, stage, turns, turn, next_frame: None }
    }
}

impl DuplexCallback for RigCallback {
    fn process(&mut self, period: Period<'_>) {
        let frame = period.time.frame;
        let lost = self.next_frame.map_or(0, |expected| frame.saturating_sub(expected));
        self.next_frame = Some(frame + period.frames as u64);
        if self.turns.watched.load(Ordering::Relaxed) == self.turn {
            self.turns.calls.fetch_add(1, Ordering::Relaxed);
        }
        if self.turns.now.load(Ordering::Acquire) != self.turn {
            period.outputs.iter_mut().for_each(|output| output.fill(0.0));
            return;
        }
        if lost > 0 {
            self.turns.lost_frames.fetch_add(lost, Ordering::Relaxed);
        }
        let freewheel = period.freewheel && self.turns.follows_freewheel();
        midi::render(&self.cell, &self.stage, Period { freewheel, ..period });
    }
}
