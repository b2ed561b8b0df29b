//! The thread that renders: which one it is, whether it has real-time priority, and asking for that. The callback's half
//! reads a register and never calls the system; all else is the control side's, or done before the first period.
#![deny(clippy::disallowed_types)]

use std::sync::atomic::{AtomicUsize, Ordering};

/// How the system schedules an audio thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheduling {
    /// Before all threads that have no deadline.
    RealTime {
        /// Its priority, from 1 to 99: higher ones go first. `None` where the system does not tell.
        priority: Option<i32>,
    },
    /// Like any other thread, which may be kept waiting for as long as a period lasts.
    Ordinary {
        /// Why, and what to do.
        advice: String,
    },
}

/// What to do on a system that refuses.
#[cfg(not(windows))]
const ADVICE: &str = "allow it: write `@audio - rtprio 95` and `@audio - memlock unlimited` to a file in \
                      /etc/security/limits.d, put yourself into the group `audio` (some systems have `realtime` for it), \
                      and log in again";
#[cfg(windows)]
const ADVICE: &str = "run the program with the rights to raise its priority";

/// Below the interrupts of sound cards where these are threads (50), before everything ordinary.
#[cfg(unix)]
const PRIORITY: u8 = 40;

/// Remembers the thread of the last period.
#[derive(Default)]
pub(crate) struct AudioThread {
    /// 0: none yet, or one that may be over.
    id: AtomicUsize,
}

impl AudioThread {
    /// Notes that this thread runs the period.
    ///
    /// # Real-time
    /// Reads where the thread's own record lies; no call of the system.
    pub fn enter(&self) {
        #[cfg(unix)]
        {
            let id = thread_priority::thread_native_id() as usize;
            if self.id.load(Ordering::Relaxed) != id {
                self.id.store(id, Ordering::Release);
            }
        }
    }

    /// Forgets the thread. To be called once it is joined.
    pub fn forget(&self) {
        self.id.store(0, Ordering::Release);
    }

    /// How the thread is scheduled, as the system says. `None` if no period has run, or where systems do not tell. `advice`
    /// says what to do about an ordinary one.
    ///
    /// Not to be called once the thread has been joined.
    pub fn scheduling(&self, advice: impl FnOnce() -> String) -> Option<Scheduling> {
        let id = self.id.load(Ordering::Acquire);
        if id == 0 { None } else { scheduling_of(id, advice) }
    }

    /// Asks for real-time priority for the thread, from another one.
    ///
    /// `None` if no period has run. Not to be called once the thread has been joined.
    #[cfg(target_os = "linux")]
    pub fn ask_for_real_time(&self) -> Option<Result<(), String>> {
        let id = self.id.load(Ordering::Acquire);
        (id != 0).then(|| raise(id as thread_priority::ThreadId))
    }
}

#[cfg(target_os = "linux")]
fn scheduling_of(id: usize, advice: impl FnOnce() -> String) -> Option<Scheduling> {
    use thread_priority::{ThreadId, ThreadSchedulePolicy, thread_schedule_policy_param};
    // One that the crate has no name for is none of ours.
    let (policy, parameters) = thread_schedule_policy_param(id as ThreadId).ok()?;
    Some(match policy {
        ThreadSchedulePolicy::Realtime(_) => Scheduling::RealTime { priority: Some(parameters.sched_priority) },
        ThreadSchedulePolicy::Normal(_) => Scheduling::Ordinary { advice: advice() },
    })
}

/// Elsewhere the systems' own audio threads have a scheduling that these calls do not show.
#[cfg(not(target_os = "linux"))]
fn scheduling_of(_id: usize, _advice: impl FnOnce() -> String) -> Option<Scheduling> {
    None
}

/// Asks for real-time priority for this thread, before its first period.
///
/// # Errors
/// Why not, and what to do.
pub(crate) fn ask_for_real_time() -> Result<(), String> {
    #[cfg(unix)]
    return raise(thread_priority::thread_native_id());
    #[cfg(windows)]
    thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Max).map_err(refused)
}

#[cfg(unix)]
fn raise(thread: thread_priority::ThreadId) -> Result<(), String> {
    use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    let priority = ThreadPriority::try_from(PRIORITY).map_err(str::to_owned)?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    thread_priority::set_thread_priority_and_policy(thread, priority, policy).map_err(refused)
}

fn refused(error: thread_priority::Error) -> String {
    let reason = match error {
        thread_priority::Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
        other => format!("{other:?}"),
    };
    format!("the system gives no real-time priority ({reason}); {ADVICE}")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;

    /// What the system says of a thread from outside is what the thread was given, and no thread is asked about before it
    /// was there.
    #[test]
    fn the_scheduling_is_read_off_the_thread() {
        let thread = Arc::new(AudioThread::default());
        let advice = || "none".to_owned();
        assert_eq!(thread.scheduling(advice), None);
        let (entered, go) = (mpsc::channel(), mpsc::channel::<()>());
        let own = Arc::clone(&thread);
        let running = std::thread::spawn(move || {
            own.enter();
            entered.0.send(()).unwrap();
            let _ = go.1.recv();
        });
        entered.1.recv().unwrap();
        assert_eq!(thread.scheduling(advice), Some(Scheduling::Ordinary { advice: "none".to_owned() }));
        match thread.ask_for_real_time().unwrap() {
            Ok(()) => {
                assert_eq!(thread.scheduling(advice), Some(Scheduling::RealTime { priority: Some(PRIORITY.into()) }))
            }
            Err(reason) => {
                assert!(reason.contains("limits.d"), "{reason}");
                assert_eq!(thread.scheduling(advice), Some(Scheduling::Ordinary { advice: "none".to_owned() }));
            }
        }
        drop(go.0);
        running.join().unwrap();
        thread.forget();
        assert_eq!(thread.scheduling(advice), None);
    }
}
