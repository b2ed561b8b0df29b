//! Where a stream's callback lives: the driver's thread takes it with one atomic swap, runs it and puts it back. It is
//! never dropped by the driver's thread, and never run by two threads at once.
#![deny(clippy::disallowed_types)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::audio_thread::AudioThread;
use crate::period::{DuplexCallback, Period};
use crate::status::StreamStatus;

/// The callback while no thread runs it, or nothing.
pub(crate) struct CallbackCell {
    // A box around the fat box, because only a thin pointer is atomic.
    slot: AtomicPtr<Box<dyn DuplexCallback>>,
    panicked: AtomicBool,
    /// The thread that ran it last.
    pub thread: AudioThread,
    status: Arc<StreamStatus>,
}

impl CallbackCell {
    /// Puts a callback into a new cell. A panic of the callback is written to `status`.
    pub fn new(callback: Box<dyn DuplexCallback>, status: Arc<StreamStatus>) -> Self {
        let slot = AtomicPtr::new(Box::into_raw(Box::new(callback)));
        Self { slot, panicked: AtomicBool::new(false), thread: AudioThread::default(), status }
    }

    /// Runs the callback over one period. Says whether it ran to its end; if not, the outputs hold anything.
    ///
    /// # Real-time
    /// Neither waits nor allocates, unless the callback panics.
    pub fn run(&self, period: Period<'_>) -> bool {
        if self.panicked.load(Ordering::Relaxed) {
            return false;
        }
        self.thread.enter();
        let callback = self.slot.swap(null_mut(), Ordering::AcqRel);
        if callback.is_null() {
            return false;
        }
        // SAFETY: the pointer came from `Box::into_raw`, and the swap made this thread its only owner until the store.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*callback).process(period) }));
        self.slot.store(callback, Ordering::Release);
        if let Err(payload) = result {
            // Dropping the payload would free memory here; a panic happens once in a stream's life.
            std::mem::forget(payload);
            self.panicked.store(true, Ordering::Relaxed);
            self.status.stopped.set("the audio callback panicked; the stream is silent until it is opened again");
            return false;
        }
        true
    }

    /// Takes the callback out for good. `None` if it is out already, or if a driver's thread is inside it.
    pub fn take(&self) -> Option<Box<dyn DuplexCallback>> {
        let callback = self.slot.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: the pointer came from `Box::into_raw`, and the swap made this thread its only owner.
        (!callback.is_null()).then(|| unsafe { *Box::from_raw(callback) })
    }
}

impl Drop for CallbackCell {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::PeriodTime;
    use crate::period_tables::{PeriodHead, PeriodTables};

    const HEAD: PeriodHead =
        PeriodHead { frames: 2, time: PeriodTime { frame: 0, nanoseconds: None }, xruns: 0, freewheel: false };

    fn run(cell: &CallbackCell, output: &mut [f32; 2]) {
        PeriodTables::new(0, 1).run(cell, HEAD, std::iter::empty(), std::iter::once(&mut output[..]));
    }

    /// A callback that has been taken out leaves silence behind, not what the driver's buffer held.
    #[test]
    fn an_empty_cell_plays_silence() {
        let cell = CallbackCell::new(
            Box::new(|period: Period<'_>| period.outputs[0].fill(1.0)),
            Arc::<StreamStatus>::default(),
        );
        let mut output = [9.0; 2];
        run(&cell, &mut output);
        assert_eq!(output, [1.0; 2]);

        assert!(cell.take().is_some());
        run(&cell, &mut output);
        assert_eq!(output, [0.0; 2]);
    }

    /// A panic is reported once, silences the stream, and leaves the callback to be dropped by its owner.
    #[test]
    fn a_panic_is_a_notice_and_silence() {
        let status = Arc::<StreamStatus>::default();
        let mut runs = 0;
        let callback = move |period: Period<'_>| {
            runs += 1;
            period.outputs[0].fill(runs as f32);
            assert!(runs < 2, "deliberate");
        };
        let cell = CallbackCell::new(Box::new(callback), Arc::clone(&status));
        let mut output = [9.0; 2];
        for expected in [1.0, 0.0, 0.0] {
            run(&cell, &mut output);
            assert_eq!(output, [expected; 2]);
        }
        assert!(status.stopped.get().is_some_and(|reason| reason.contains("panicked")));
        assert!(cell.take().is_some());
    }
}
