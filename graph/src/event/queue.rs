//! Events that wait for their frame: what arrives from outside with a time that may lie beyond the chunk. Never grows;
//! what ends a note is the last thing it refuses.

use std::collections::VecDeque;

use super::{Event, EventList};

/// Events sorted by absolute frame, first come first where frames are equal. The `frame` of a waiting event itself
/// means nothing.
///
/// The bytes of a system-exclusive message live for one block only: what may wait longer goes through an
/// [`super::EventDelay`], which keeps them.
///
/// # Overflow
/// As for [`EventList`]. The loss of an ending event is passed on to the list that the event would have reached.
///
/// # Real-time
/// Everything but [`Self::with_capacity`] may be called in the callback.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<(u64, Event)>,
    ordinary: usize,
    limit: usize,
    dropped: u32,
    /// Frame of the last ending event that was refused, until the time has come to say so.
    ending_lost: Option<u64>,
}

impl EventQueue {
    /// Room for `capacity` events of any kind, and for half as many (16 at least) more that end something.
    pub fn with_capacity(capacity: usize) -> Self {
        let limit = capacity + (capacity / 2).max(16);
        Self { events: VecDeque::with_capacity(limit), ordinary: capacity, limit, dropped: 0, ending_lost: None }
    }

    /// Adds one for an absolute frame, behind all of that frame or earlier; false, and counted, if it did not fit.
    pub fn push(&mut self, frame: u64, event: Event) -> bool {
        if self.events.len() >= self.ordinary {
            let ending = event.body.is_ending();
            if !ending || self.events.len() >= self.limit {
                self.dropped = self.dropped.saturating_add(1);
                if ending {
                    self.mark_ending_lost(frame);
                }
                return false;
            }
        }
        match self.events.back() {
            Some(&(last, _)) if last > frame => {
                let place = self.events.partition_point(|&(other, _)| other <= frame);
                self.events.insert(place, (frame, event));
            }
            _ => self.events.push_back((frame, event)),
        }
        true
    }

    /// Moves what is due in the chunk of `frames` that begins at `start` into the chunk's list. What should have come
    /// earlier comes at the chunk's first frame.
    pub fn take_chunk(&mut self, start: u64, frames: u32, out: &mut EventList) {
        let end = start.saturating_add(u64::from(frames));
        while let Some((frame, event)) = self.pop_before(end) {
            out.push(Event { frame: frame.saturating_sub(start) as u32, ..event });
        }
        if self.take_ending_lost(end) {
            out.mark_ending_lost();
        }
    }

    /// The next event of an earlier absolute frame than `end`.
    pub fn pop_before(&mut self, end: u64) -> Option<(u64, Event)> {
        self.events.front().filter(|&&(frame, _)| frame < end)?;
        self.events.pop_front()
    }

    /// Whether an ending event of an earlier frame than `end` was refused; says so once.
    pub(super) fn take_ending_lost(&mut self, end: u64) -> bool {
        self.ending_lost.take_if(|frame| *frame < end).is_some()
    }

    /// Notes that an ending event of a frame was lost.
    pub(super) fn mark_ending_lost(&mut self, frame: u64) {
        self.ending_lost = self.ending_lost.max(Some(frame));
    }

    /// Counts an event that the caller had to refuse.
    pub(super) fn count_dropped(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Forgets all that waits.
    pub fn clear(&mut self) {
        self.events.clear();
        self.ending_lost = None;
    }

    /// Events refused since the last call.
    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventBody;
    use super::*;
    use assert_no_alloc::assert_no_alloc;

    fn event(value: u8) -> Event {
        Event { frame: 0, port: 0, body: EventBody::Midi([0xB0, 1, value]) }
    }

    /// ```text
    /// chunk       100......107 108......115
    /// pushed 90 ->^  103 -> ^   ^<- 108
    /// ```
    #[test]
    fn due_in_its_chunk_late_at_once() {
        let mut queue = EventQueue::with_capacity(8);
        let mut list = EventList::with_capacity(8);
        assert_no_alloc(|| {
            for (frame, value) in [(108, 3), (103, 2), (90, 1), (103, 4)] {
                queue.push(frame, event(value));
            }
            queue.take_chunk(100, 8, &mut list);
        });
        assert_eq!(list.as_slice(), [event(1), Event { frame: 3, ..event(2) }, Event { frame: 3, ..event(4) }]);
        list.clear();
        queue.take_chunk(108, 8, &mut list);
        assert_eq!(list.as_slice(), [event(3)]);
        assert!(queue.is_empty());
    }

    /// The loss of a note-off is told when it would have been due, not before its note-on has gone out.
    #[test]
    fn loss_is_told_in_time() {
        let mut queue = EventQueue::with_capacity(1);
        let off = Event { body: EventBody::Midi([0x80, 60, 0]), ..event(0) };
        let refused = (0..20).filter(|_| !queue.push(10, off)).count();
        assert_eq!((refused, queue.take_dropped()), (3, 3));
        let mut list = EventList::with_capacity(32);
        queue.take_chunk(0, 8, &mut list);
        assert!(!list.ending_lost());
        queue.take_chunk(8, 8, &mut list);
        assert!(list.ending_lost());
        assert_eq!(list.len(), 17);
    }
}
