//! Which file descriptors are ready, by poll(2). Unix only.

use std::time::Duration;

use crate::plugin::Interest;

/// A descriptor that is ready, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) descriptor: i32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Its other end is gone, or there is no such descriptor.
    pub(crate) failed: bool,
    /// There is no such descriptor: it was closed, and will never be ready.
    pub(crate) closed: bool,
}

/// The descriptors that are ready, after waiting for at most so long.
pub(crate) fn ready(interests: &[Interest], wait: Duration) -> Vec<Ready> {
    if interests.is_empty() && wait.is_zero() {
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
    // Up to a whole millisecond, so that the end of a short wait is not waited for in circles.
    let milliseconds = i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: the array is valid for its length.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    if count <= 0 {
        return Vec::new();
    }
    let answered = polled.iter().filter(|entry| entry.revents != 0);
    answered
        .map(|entry| Ready {
            descriptor: entry.fd,
            readable: entry.revents & (libc::POLLIN | libc::POLLHUP) != 0,
            writable: entry.revents & libc::POLLOUT != 0,
            failed: entry.revents & (libc::POLLERR | libc::POLLNVAL) != 0,
            closed: entry.revents & libc::POLLNVAL != 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    /// A pipe with a byte in it is ready, an empty one is not, and one that was closed is known as such.
    #[test]
    fn tells_ready_from_closed() {
        let interest = |descriptor| Interest { descriptor, readable: true, writable: false };
        let (full, mut writer) = std::io::pipe().unwrap();
        let (empty, _other) = std::io::pipe().unwrap();
        writer.write_all(&[1]).unwrap();
        let found = ready(&[interest(full.as_raw_fd()), interest(empty.as_raw_fd())], Duration::ZERO);
        let full =
            Ready { descriptor: full.as_raw_fd(), readable: true, writable: false, failed: false, closed: false };
        assert_eq!(found, [full]);
        // A number that no descriptor of a process has.
        let [closed] = ready(&[interest(i32::MAX)], Duration::from_secs(3600))[..] else { panic!("it waited") };
        assert!(closed.closed && closed.failed);
    }
}
