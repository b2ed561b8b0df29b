//! The run loop that plugins on X11 ask their host for: descriptors and timers, registered from any thread and served on
//! the main one. It holds a reference to each handler and lets go of all of them in [`RunLoop::purge`], for some plugins
//! never take theirs away. Never waits, and holds no lock while it calls a handler.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vst3::Steinberg::Linux::*;
use vst3::Steinberg::*;
use vst3::{ComPtr, ComRef};

use crate::plugin::Interest;

/// A plugin that asks for shorter periods gets this one.
const SHORTEST_PERIOD: Duration = Duration::from_millis(5);

struct Watch {
    handler: ComPtr<IEventHandler>,
    descriptor: i32,
}

struct Timer {
    handler: ComPtr<ITimerHandler>,
    period: Duration,
    due: Instant,
}

#[derive(Default)]
struct Tables {
    watches: Vec<Watch>,
    timers: Vec<Timer>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct RunLoop {
    tables: Mutex<Tables>,
}

impl RunLoop {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something while its lock is held.
    pub(crate) fn with_lock_held(&self, during: &mut dyn FnMut()) {
        let _held = self.tables();
        during();
    }

    /// Calls the handlers of what is due and ready. Main thread.
    pub(crate) fn serve(&self) {
        self.serve_timers();
        #[cfg(unix)]
        self.serve_descriptors();
    }

    fn serve_timers(&self) {
        let now = Instant::now();
        let is_due = |timer: &&mut Timer| timer.due <= now;
        // A copy: handlers add and remove from inside.
        let due: Vec<ComPtr<ITimerHandler>> = self
            .tables()
            .timers
            .iter_mut()
            .filter(is_due)
            .map(|timer| {
                timer.due = now + timer.period;
                timer.handler.clone()
            })
            .collect();
        for handler in due {
            let is_there = self.tables().timers.iter().any(|timer| timer.handler.as_ptr() == handler.as_ptr());
            if is_there {
                // SAFETY: the handler is an object that we hold a reference to, and this is the main thread.
                unsafe { handler.onTimer() };
            }
        }
    }

    #[cfg(unix)]
    fn serve_descriptors(&self) {
        for ready in crate::window::descriptors::ready(&self.interests(), Duration::ZERO) {
            let find = |tables: &Tables| {
                let mut watches = tables.watches.iter().filter(|watch| watch.descriptor == ready.descriptor);
                watches.next().map(|watch| watch.handler.clone())
            };
            let handler = find(&self.tables());
            if let Some(handler) = handler {
                // SAFETY: as for timers.
                unsafe { handler.onFDIsSet(ready.descriptor) };
            }
            if ready.closed {
                // It would be ready for ever, and whoever waits for it would never rest.
                self.tables().watches.retain(|watch| watch.descriptor != ready.descriptor);
            }
        }
    }

    /// The descriptors to wait for.
    pub(crate) fn interests(&self) -> Vec<Interest> {
        let interest = |watch: &Watch| Interest { descriptor: watch.descriptor, readable: true, writable: false };
        self.tables().watches.iter().map(interest).collect()
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.tables().timers.iter().map(|timer| timer.due).min()
    }

    /// Forgets everything. Main thread.
    pub(crate) fn purge(&self) {
        let tables = std::mem::take(&mut *self.tables());
        // Outside the lock: the last reference to a handler runs the plugin's code.
        drop(tables);
    }

    /// # Safety
    /// `handler` is null or an object of its type.
    pub(crate) unsafe fn watch(&self, handler: *mut IEventHandler, descriptor: i32) -> tresult {
        // SAFETY: promised by the caller.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        let mut tables = self.tables();
        if descriptor < 0 || tables.watches.iter().any(|watch| watch.descriptor == descriptor) {
            return kInvalidArgument;
        }
        tables.watches.push(Watch { handler: handler.to_com_ptr(), descriptor });
        kResultOk
    }

    pub(crate) fn unwatch(&self, handler: *mut IEventHandler) -> tresult {
        let mut tables = self.tables();
        let is_it = |watch: &mut Watch| watch.handler.as_ptr() == handler;
        let removed: Vec<Watch> = tables.watches.extract_if(.., is_it).collect();
        drop(tables);
        if removed.is_empty() { kInvalidArgument } else { kResultOk }
    }

    /// # Safety
    /// `handler` is null or an object of its type.
    pub(crate) unsafe fn add_timer(&self, handler: *mut ITimerHandler, milliseconds: TimerInterval) -> tresult {
        // SAFETY: promised by the caller.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        // A day is as good as never.
        let period = Duration::from_millis(milliseconds.min(86_400_000)).max(SHORTEST_PERIOD);
        let timer = Timer { handler: handler.to_com_ptr(), period, due: Instant::now() + period };
        self.tables().timers.push(timer);
        kResultOk
    }

    pub(crate) fn remove_timer(&self, handler: *mut ITimerHandler) -> tresult {
        let mut tables = self.tables();
        let is_it = |timer: &mut Timer| timer.handler.as_ptr() == handler;
        let removed: Vec<Timer> = tables.timers.extract_if(.., is_it).collect();
        drop(tables);
        if removed.is_empty() { kInvalidArgument } else { kResultOk }
    }
}

/// Makes an object with a field `run_loop` a run loop for plugins.
macro_rules! is_run_loop {
    ($type:ty) => {
        impl vst3::Steinberg::Linux::IRunLoopTrait for $type {
            unsafe fn registerEventHandler(
                &self,
                handler: *mut vst3::Steinberg::Linux::IEventHandler,
                descriptor: vst3::Steinberg::Linux::FileDescriptor,
            ) -> vst3::Steinberg::tresult {
                // SAFETY: the plugin hands over one of its objects.
                unsafe { self.run_loop.watch(handler, descriptor) }
            }

            unsafe fn unregisterEventHandler(
                &self,
                handler: *mut vst3::Steinberg::Linux::IEventHandler,
            ) -> vst3::Steinberg::tresult {
                self.run_loop.unwatch(handler)
            }

            unsafe fn registerTimer(
                &self,
                handler: *mut vst3::Steinberg::Linux::ITimerHandler,
                milliseconds: vst3::Steinberg::Linux::TimerInterval,
            ) -> vst3::Steinberg::tresult {
                // SAFETY: as above.
                unsafe { self.run_loop.add_timer(handler, milliseconds) }
            }

            unsafe fn unregisterTimer(
                &self,
                handler: *mut vst3::Steinberg::Linux::ITimerHandler,
            ) -> vst3::Steinberg::tresult {
                self.run_loop.remove_timer(handler)
            }
        }
    };
}

pub(crate) use is_run_loop;

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use vst3::{Class, ComWrapper};

    /// Counts its calls, and reads a byte at each.
    struct Handler {
        calls: Arc<AtomicU32>,
        pipe: std::io::PipeReader,
    }

    impl Class for Handler {
        type Interfaces = (IEventHandler, ITimerHandler);
    }

    impl IEventHandlerTrait for Handler {
        unsafe fn onFDIsSet(&self, descriptor: FileDescriptor) {
            assert_eq!(descriptor, self.pipe.as_raw_fd());
            (&self.pipe).read_exact(&mut [0]).unwrap();
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl ITimerHandlerTrait for Handler {
        unsafe fn onTimer(&self) {
            self.calls.fetch_add(100, Ordering::Relaxed);
        }
    }

    /// A handler that is never taken away is called for a byte and for a timer, and is let go of by the purge.
    #[test]
    fn serves_and_forgets() {
        let calls = Arc::new(AtomicU32::new(0));
        let (pipe, mut writer) = std::io::pipe().unwrap();
        let descriptor = pipe.as_raw_fd();
        let handler = ComWrapper::new(Handler { calls: Arc::clone(&calls), pipe });
        let event = handler.to_com_ptr::<IEventHandler>().unwrap();
        let timer = handler.to_com_ptr::<ITimerHandler>().unwrap();
        let run_loop = RunLoop::default();
        // SAFETY: the handlers are live objects.
        unsafe {
            assert_eq!(run_loop.watch(event.as_ptr(), descriptor), kResultOk);
            assert_eq!(run_loop.watch(event.as_ptr(), descriptor), kInvalidArgument);
            assert_eq!(run_loop.watch(std::ptr::null_mut(), 0), kInvalidArgument);
            assert_eq!(run_loop.add_timer(timer.as_ptr(), u64::MAX), kResultOk);
        }
        run_loop.serve();
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        writer.write_all(&[1]).unwrap();
        run_loop.serve();
        run_loop.serve();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(run_loop.remove_timer(timer.as_ptr()), kResultOk);
        assert_eq!(run_loop.remove_timer(timer.as_ptr()), kInvalidArgument);
        // SAFETY: as above.
        unsafe { assert_eq!(run_loop.add_timer(timer.as_ptr(), 0), kResultOk) };
        std::thread::sleep(SHORTEST_PERIOD);
        run_loop.serve();
        assert_eq!(calls.load(Ordering::Relaxed), 101);

        drop((handler, event, timer));
        assert_eq!(Arc::strong_count(&calls), 2);
        run_loop.purge();
        assert_eq!((Arc::strong_count(&calls), run_loop.interests(), run_loop.next()), (1, vec![], None));
    }
    /// Takes itself away when it is called, and comes again with a timer of another length.
    struct Restless {
        run_loop: Arc<RunLoop>,
        me: std::sync::atomic::AtomicPtr<ITimerHandler>,
        calls: AtomicU32,
    }

    impl Class for Restless {
        type Interfaces = (ITimerHandler,);
    }

    impl ITimerHandlerTrait for Restless {
        unsafe fn onTimer(&self) {
            let me = self.me.load(Ordering::Relaxed);
            self.calls.fetch_add(1, Ordering::Relaxed);
            assert_eq!(self.run_loop.remove_timer(me), kResultOk);
            // SAFETY: the handler is this object, which is being called.
            unsafe { assert_eq!(self.run_loop.add_timer(me, 1), kResultOk) };
        }
    }

    /// The lists may change from inside of a call: nobody is waited for, and nobody is called twice for one turn.
    #[test]
    fn handlers_may_come_and_go_while_they_are_called() {
        let run_loop = Arc::new(RunLoop::default());
        let handlers: Vec<_> = (0..3)
            .map(|_| {
                let (me, calls) = (std::sync::atomic::AtomicPtr::default(), AtomicU32::new(0));
                let handler = ComWrapper::new(Restless { run_loop: Arc::clone(&run_loop), me, calls });
                let pointer = handler.to_com_ptr::<ITimerHandler>().unwrap();
                handler.me.store(pointer.as_ptr(), Ordering::Relaxed);
                // SAFETY: the handler is a live object.
                unsafe { assert_eq!(run_loop.add_timer(pointer.as_ptr(), 1), kResultOk) };
                handler
            })
            .collect();
        std::thread::sleep(SHORTEST_PERIOD);
        run_loop.serve();
        assert!(handlers.iter().all(|handler| handler.calls.load(Ordering::Relaxed) == 1));
        run_loop.purge();
    }
}
