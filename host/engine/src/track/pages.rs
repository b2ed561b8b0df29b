//! The audio thread's end of a track: the pages that have come, and where more are wanted. Never waits, allocates or frees.
#![deny(clippy::disallowed_types)]

use super::{PAGE, Shared};
use crosspoint_graph::Transport;
use crosspoint_graph::nodes::player::Source;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Deliveries that are taken in one chunk.
const DELIVERIES: usize = 64;

/// The samples of a page: the frames of one channel after those of the other.
pub(super) type Page = Box<[f32]>;

/// A page that comes, or one that is wanted back.
pub(super) struct Delivery {
    pub page: u32,
    pub samples: Option<Page>,
}

/// A file in pages, some of which are there.
pub(crate) struct Pages {
    channels: usize,
    length: u64,
    pages: Box<[Option<Page>]>,
    arriving: rtrb::Consumer<Delivery>,
    home: rtrb::Producer<Page>,
    shared: Arc<Shared>,
}

impl Pages {
    pub(super) fn new(
        channels: usize,
        length: u64,
        arriving: rtrb::Consumer<Delivery>,
        home: rtrb::Producer<Page>,
        shared: Arc<Shared>,
    ) -> Self {
        let pages = (0..length.div_ceil(PAGE as u64)).map(|_| None).collect();
        Self { channels, length, pages, arriving, home, shared }
    }

    fn take(&mut self, delivery: Delivery) {
        let Some(place) = self.pages.get_mut(delivery.page as usize) else { return };
        let before = std::mem::replace(place, delivery.samples);
        if let Some(Err(rtrb::PushError::Full(page))) = before.map(|page| self.home.push(page)) {
            // There is room for as many as there are.
            debug_assert!(false, "a page without a way home");
            std::mem::forget(page);
        }
    }
}

impl Source for Pages {
    fn channels(&self) -> usize {
        self.channels
    }

    fn length(&self) -> i64 {
        self.length as i64
    }

    #[inline]
    fn sample(&self, channel: usize, position: i64) -> f32 {
        let Ok(position) = usize::try_from(position) else { return 0.0 };
        let page = self.pages.get(position / PAGE).and_then(Option::as_ref);
        let place = channel * PAGE + position % PAGE;
        page.and_then(|page| page.get(place)).copied().unwrap_or(0.0)
    }

    fn available(&self, position: i64, wanted: u64) -> u64 {
        let mut end = position.max(0) as u64;
        let wanted_end = end + wanted;
        while end < wanted_end && self.pages.get(end as usize / PAGE).is_some_and(Option::is_some) {
            end = (end / PAGE as u64 + 1) * PAGE as u64;
        }
        end.min(wanted_end).saturating_sub(position.max(0) as u64)
    }

    fn prepare(&mut self, position: i64, transport: &Transport, minute: f64) {
        let most = if self.shared.wants_all.load(Ordering::Relaxed) { usize::MAX } else { DELIVERIES };
        for _ in 0..most {
            let Ok(delivery) = self.arriving.pop() else { break };
            self.take(delivery);
        }
        self.shared.at.store(position, Ordering::Relaxed);
        let returns_to = transport.loop_range.map_or(-1.0, |(start, _)| {
            transport.frame as f64 - (transport.quarters - start) * minute / transport.tempo
        });
        self.shared.returns_to.store(returns_to as i64, Ordering::Relaxed);
    }

    fn miss(&mut self, begins: bool, frames: u64) {
        self.shared.underruns.fetch_add(u64::from(begins), Ordering::Relaxed);
        self.shared.missing.fetch_add(frames, Ordering::Relaxed);
    }
}

/// On the thread that drops players, which is none that renders. The reading thread ends once it sees it.
impl Drop for Pages {
    fn drop(&mut self) {
        self.shared.quit.store(true, Ordering::Release);
    }
}
