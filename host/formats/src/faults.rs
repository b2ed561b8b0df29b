//! What went wrong with events and blocks: counted by a plugin's audio half, told by its controller.
#![deny(clippy::disallowed_types)]

use std::sync::atomic::{AtomicU32, Ordering};

use crate::plugin::PluginNotice;

/// Counters, all since they were last told of.
#[derive(Default)]
pub(crate) struct Faults {
    /// Events past the end of their block.
    pub(crate) late: AtomicU32,
    /// Events earlier than the one before.
    pub(crate) unsorted: AtomicU32,
    /// Events of the plugin without meaning or room.
    pub(crate) dropped: AtomicU32,
    /// Events for the plugin without meaning or room.
    pub(crate) lost: AtomicU32,
    /// Blocks that were not all numbers.
    pub(crate) non_finite: AtomicU32,
    /// Calls that failed.
    pub(crate) failed: AtomicU32,
    /// Messages without room.
    pub(crate) log_lost: AtomicU32,
}

/// Counts so many more.
///
/// # Real-time
/// Safe to call.
#[inline]
pub(crate) fn count(counter: &AtomicU32, times: u32) {
    if times > 0 {
        counter.fetch_add(times, Ordering::Relaxed);
    }
}

impl Faults {
    /// Appends what was counted, and begins at zero.
    pub(crate) fn tell(&self, notices: &mut Vec<PluginNotice>) {
        let take = |counter: &AtomicU32| counter.swap(0, Ordering::Relaxed);
        let (late, unsorted, dropped) = (take(&self.late), take(&self.unsorted), take(&self.dropped));
        if late + unsorted + dropped > 0 {
            notices.push(PluginNotice::EventFaults { late, unsorted, dropped });
        }
        let counted = [
            (take(&self.lost), (|events| PluginNotice::EventsLost { events }) as fn(u32) -> PluginNotice),
            (take(&self.non_finite), |blocks| PluginNotice::NonFiniteOutput { blocks }),
            (take(&self.failed), |times| PluginNotice::ProcessingFailed { times }),
            (take(&self.log_lost), |messages| PluginNotice::LogLost { messages }),
        ];
        notices.extend(counted.into_iter().filter(|(times, _)| *times > 0).map(|(times, notice)| notice(times)));
    }
}
