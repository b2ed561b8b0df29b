//! A list of events of fixed capacity.

use super::Event;

/// Events of one node for one chunk, sorted by frame, first come first where frames are equal. Never grows.
#[derive(Debug)]
pub struct EventList {
    events: Vec<Event>,
}

impl EventList {
    /// Room for `capacity` events.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { events: Vec::with_capacity(capacity) }
    }

    /// The events, sorted.
    #[inline]
    pub fn as_slice(&self) -> &[Event] {
        &self.events
    }

    /// Adds one behind all of its frame or earlier; false if it did not fit.
    pub fn push(&mut self, event: Event) -> bool {
        if self.events.len() == self.events.capacity() {
            return false;
        }
        let place = self.events.partition_point(|other| other.frame <= event.frame);
        self.events.insert(place, event);
        true
    }
}
