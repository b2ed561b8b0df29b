//! What a plugin waits for: timers and file descriptors. Tables only; [`super::plugin`] calls the plugin, and never while
//! it holds these, because the plugin changes them from inside.

use std::time::{Duration, Instant};

use crate::plugin::Interest;
#[cfg(unix)]
use crate::window::descriptors::Ready;

/// A plugin that asks for shorter periods gets this one.
const SHORTEST_PERIOD: Duration = Duration::from_millis(5);
/// Of `clap_posix_fd_flags`.
#[cfg(unix)]
const READ: u32 = 1;
/// Of `clap_posix_fd_flags`.
#[cfg(unix)]
const WRITE: u32 = 2;
/// Of `clap_posix_fd_flags`.
#[cfg(unix)]
const ERROR: u32 = 4;

#[derive(Debug)]
struct Timer {
    id: u32,
    period: Duration,
    due: Instant,
    is_of_window: bool,
}

/// The timers and descriptors of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    timers: Vec<Timer>,
    last_id: u32,
    descriptors: Vec<Interest>,
    /// Those of the descriptors that the plugin's window is to blame for.
    of_window: Vec<i32>,
    is_window_call: bool,
}

impl Timers {
    /// A new timer, due one period from now.
    pub(crate) fn add(&mut self, period_ms: u32) -> u32 {
        self.last_id = self.last_id.wrapping_add(1) % u32::MAX;
        let period = Duration::from_millis(period_ms.into()).max(SHORTEST_PERIOD);
        let is_of_window = self.is_window_call;
        self.timers.push(Timer { id: self.last_id, period, due: Instant::now() + period, is_of_window });
        self.last_id
    }

    /// Ends a timer; false if there is none of that id.
    pub(crate) fn remove(&mut self, id: u32) -> bool {
        let before = self.timers.len();
        self.timers.retain(|timer| timer.id != id);
        self.timers.len() < before
    }

    /// The timers that are due, each once however late it is.
    pub(crate) fn due(&self, now: Instant) -> Vec<u32> {
        self.timers.iter().filter(|timer| timer.due <= now).map(|timer| timer.id).collect()
    }

    /// Sets a timer's next time; false if it was removed meanwhile.
    pub(crate) fn rewind(&mut self, id: u32, now: Instant) -> bool {
        let Some(timer) = self.timers.iter_mut().find(|timer| timer.id == id) else { return false };
        timer.due = now + timer.period;
        true
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.timers.iter().map(|timer| timer.due).min()
    }

    #[cfg(unix)]
    /// Starts to watch a descriptor; false if it is watched already.
    pub(crate) fn watch(&mut self, descriptor: i32, flags: u32) -> bool {
        let is_new = self.interest(descriptor).is_none();
        if is_new {
            self.descriptors.push(interest(descriptor, flags));
            if self.is_window_call {
                self.of_window.push(descriptor);
            }
        }
        is_new
    }

    #[cfg(unix)]
    /// Watches a descriptor for something else; false if it is not watched.
    pub(crate) fn modify(&mut self, descriptor: i32, flags: u32) -> bool {
        let Some(found) = self.descriptors.iter_mut().find(|entry| entry.descriptor == descriptor) else {
            return false;
        };
        *found = interest(descriptor, flags);
        true
    }

    #[cfg(unix)]
    /// Ends it; false if it was not watched.
    pub(crate) fn unwatch(&mut self, descriptor: i32) -> bool {
        let before = self.descriptors.len();
        self.descriptors.retain(|entry| entry.descriptor != descriptor);
        self.of_window.retain(|&entry| entry != descriptor);
        self.descriptors.len() < before
    }

    /// Says that what is added from now on is for the plugin's window, or no longer.
    pub(crate) fn set_window_call(&mut self, is_one: bool) {
        self.is_window_call = is_one;
    }

    /// Forgets what was added for the plugin's window and never taken away: its code may be gone, or its descriptors be
    /// those of others by now.
    pub(crate) fn purge_window(&mut self) {
        self.timers.retain(|timer| !timer.is_of_window);
        let of_window = std::mem::take(&mut self.of_window);
        self.descriptors.retain(|entry| !of_window.contains(&entry.descriptor));
    }

    #[cfg(unix)]
    /// Whether and for what a descriptor is watched.
    pub(crate) fn interest(&self, descriptor: i32) -> Option<Interest> {
        self.descriptors.iter().copied().find(|entry| entry.descriptor == descriptor)
    }

    /// All descriptors.
    pub(crate) fn interests(&self) -> &[Interest] {
        &self.descriptors
    }
}

#[cfg(unix)]
fn interest(descriptor: i32, flags: u32) -> Interest {
    Interest { descriptor, readable: flags & READ != 0, writable: flags & WRITE != 0 }
}

/// What is ready, in CLAP's flags.
#[cfg(unix)]
pub(crate) fn flags(ready: Ready) -> u32 {
    [(ready.readable, READ), (ready.writable, WRITE), (ready.failed, ERROR)]
        .iter()
        .filter(|(is_set, _)| *is_set)
        .fold(0, |flags, (_, flag)| flags | flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_due_once_a_period() {
        let mut timers = Timers::default();
        let first = timers.add(50);
        let start = timers.next().unwrap();
        assert!(timers.due(start - Duration::from_millis(1)).is_empty());
        assert_eq!(timers.due(start), [first]);
        assert!(timers.rewind(first, start));
        assert!(timers.due(start + Duration::from_millis(49)).is_empty());
        assert_eq!(timers.due(start + Duration::from_millis(500)), [first]);
        assert!(timers.remove(first));
        assert!(!timers.remove(first) && !timers.rewind(first, start));
    }

    /// What a window left behind goes with it, and nothing else does.
    #[cfg(unix)]
    #[test]
    fn a_closed_window_leaves_nothing() {
        let mut timers = Timers::default();
        timers.add(10);
        timers.watch(100, READ);
        timers.set_window_call(true);
        timers.add(10);
        timers.watch(101, READ);
        timers.watch(102, READ);
        // Taken away by its window, and registered anew by the plugin itself.
        timers.unwatch(102);
        timers.set_window_call(false);
        timers.watch(102, READ);
        timers.purge_window();
        let watched: Vec<i32> = timers.interests().iter().map(|interest| interest.descriptor).collect();
        assert_eq!((timers.timers.len(), watched), (1, vec![100, 102]));
    }
}
