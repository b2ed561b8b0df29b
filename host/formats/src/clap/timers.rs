//! What a plugin waits for: timers and file descriptors. Tables only; [`super::plugin`] calls the plugin, and never while
//! it holds these, because the plugin changes them from inside.

use std::time::{Duration, Instant};

use crate::plugin::Interest;

/// A plugin that asks for shorter periods gets this one.
const SHORTEST_PERIOD: Duration = Duration::from_millis(5);
/// Of `clap_posix_fd_flags`.
const READ: u32 = 1;
/// Of `clap_posix_fd_flags`.
const WRITE: u32 = 2;

#[derive(Debug)]
struct Timer {
    id: u32,
    period: Duration,
    due: Instant,
}

/// The timers and descriptors of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    timers: Vec<Timer>,
    last_id: u32,
    descriptors: Vec<Interest>,
}

impl Timers {
    /// A new timer, due one period from now.
    pub(crate) fn add(&mut self, period_ms: u32) -> u32 {
        self.last_id = self.last_id.wrapping_add(1) % u32::MAX;
        let period = Duration::from_millis(period_ms.into()).max(SHORTEST_PERIOD);
        self.timers.push(Timer { id: self.last_id, period, due: Instant::now() + period });
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
        self.descriptors.len() < before
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

/// Descriptors that are ready, with CLAP's flags of what for. Does not wait.
#[cfg(unix)]
pub(crate) fn ready(interests: &[Interest]) -> Vec<(i32, u32)> {
    if interests.is_empty() {
        return Vec::new();
    }
    let mut polled: Vec<libc::pollfd> = interests
        .iter()
        .map(|interest| {
            let read = if interest.readable { libc::POLLIN } else { 0 };
            let write = if interest.writable { libc::POLLOUT } else { 0 };
            libc::pollfd { fd: interest.descriptor, events: read | write, revents: 0 }
        })
        .collect();
    // SAFETY: the array is valid for its length; a time-out of 0 returns at once.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, 0) };
    if count <= 0 {
        return Vec::new();
    }
    let flags = |events: i16| {
        let read = if events & (libc::POLLIN | libc::POLLHUP) != 0 { READ } else { 0 };
        let write = if events & libc::POLLOUT != 0 { WRITE } else { 0 };
        let error = if events & (libc::POLLERR | libc::POLLNVAL) != 0 { 4 } else { 0 };
        read | write | error
    };
    polled.iter().map(|entry| (entry.fd, flags(entry.revents))).filter(|(_, flags)| *flags != 0).collect()
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
}
