//! A list of events of fixed capacity. Never grows; what ends a note is the last thing it refuses.

use super::Event;

/// Events of one node for one chunk (or one block), sorted by frame, first come first where frames are equal.
///
/// # Overflow
/// Beside its capacity a list has a reserve for events that end something ([`super::EventBody::is_ending`]). Other
/// events stop fitting first. Refused events are counted; that an ending one was refused is remembered until
/// [`Self::clear`], and [`super::EventMerge`] answers it by ending all notes of the edge.
///
/// # Real-time
/// Everything but [`Self::with_capacity`] may be called in the callback.
#[derive(Debug, Default)]
pub struct EventList {
    events: Vec<Event>,
    /// Length from which only ending events fit.
    ordinary: usize,
    /// Length from which nothing fits.
    limit: usize,
    dropped: u32,
    ending_lost: bool,
}

impl EventList {
    /// Room for `capacity` events of any kind, and for half as many (16 at least) more that end something. A list of
    /// capacity 0, which is also the default, has no room at all and owns no memory.
    pub fn with_capacity(capacity: usize) -> Self {
        let limit = if capacity == 0 { 0 } else { capacity + (capacity / 2).max(16) };
        Self { events: Vec::with_capacity(limit), ordinary: capacity, limit, dropped: 0, ending_lost: false }
    }

    /// The events, sorted.
    #[inline]
    pub fn as_slice(&self) -> &[Event] {
        &self.events
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Adds one behind all of its frame or earlier; false, and counted, if it did not fit.
    pub fn push(&mut self, event: Event) -> bool {
        if self.events.len() >= self.ordinary && !self.admit_to_reserve(&event) {
            return false;
        }
        match self.events.last() {
            Some(last) if last.frame > event.frame => {
                let place = self.events.partition_point(|other| other.frame <= event.frame);
                self.events.insert(place, event);
            }
            _ => self.events.push(event),
        }
        true
    }

    #[cold]
    fn admit_to_reserve(&mut self, event: &Event) -> bool {
        let ending = event.body.is_ending();
        let fits = ending && self.events.len() < self.limit;
        if !fits {
            self.dropped = self.dropped.saturating_add(1);
            self.ending_lost |= ending;
        }
        fits
    }

    /// Adds the events of a block that fall into the chunk `start..end` of it, with frames counted from `start`. How a
    /// renderer cuts a block at its chunks.
    pub fn append_chunk(&mut self, block: &EventList, start: u32, end: u32) {
        let first = block.events.partition_point(|event| event.frame < start);
        for event in block.events[first..].iter().take_while(|event| event.frame < end) {
            self.push(Event { frame: event.frame - start, ..*event });
        }
        self.ending_lost |= block.ending_lost;
    }

    /// Adds the events of a chunk that begins at frame `start` of the block that this list is for.
    pub fn append(&mut self, chunk: &EventList, start: u32) {
        for event in &chunk.events {
            self.push(Event { frame: event.frame.saturating_add(start), ..*event });
        }
        self.ending_lost |= chunk.ending_lost;
    }

    /// Takes out what comes at a frame or later.
    pub(crate) fn cut(&mut self, frame: u32) {
        self.events.truncate(self.events.partition_point(|event| event.frame < frame));
    }

    /// Empties the list for the next chunk. What was dropped stays counted.
    #[inline]
    pub fn clear(&mut self) {
        self.events.clear();
        self.ending_lost = false;
    }

    /// Events refused since the last call.
    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    /// Whether an event that ends something was refused since the last [`Self::clear`].
    #[inline]
    pub fn ending_lost(&self) -> bool {
        self.ending_lost
    }

    /// Says that an event that ends something was lost on its way to this list.
    pub(super) fn mark_ending_lost(&mut self) {
        self.ending_lost = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EventBody, NoteAddress};
    use super::*;
    use assert_no_alloc::assert_no_alloc;
    use proptest::prelude::*;

    fn midi(frame: u32, value: u8) -> Event {
        Event { frame, port: 0, body: EventBody::Midi([0xB0, 1, value]) }
    }

    fn off(frame: u32) -> Event {
        Event { frame, port: 0, body: EventBody::NoteOff { address: NoteAddress::key(0, 60), velocity: 0.0 } }
    }

    /// Ordinary events stop at the capacity, note-offs at the reserve's end; each refusal counts once.
    #[test]
    fn overflow_keeps_endings() {
        let mut list = EventList::with_capacity(4);
        let fitted = assert_no_alloc(|| {
            let ordinary = (0..10).filter(|&n| list.push(midi(n, 0))).count();
            let endings = (0..20).filter(|&n| list.push(off(n))).count();
            (ordinary, endings)
        });
        assert_eq!(fitted, (4, 16));
        assert!(list.ending_lost());
        assert_eq!(list.take_dropped(), 6 + 4);
        assert_eq!(list.take_dropped(), 0);
        list.clear();
        assert!(list.is_empty() && !list.ending_lost() && list.push(midi(0, 0)));
    }

    /// The default list refuses even endings, and says so.
    #[test]
    fn no_room_at_all() {
        let mut list = EventList::default();
        assert!(!list.push(off(0)));
        assert!(list.ending_lost());
    }

    proptest! {
        /// A list is a stable sort of what was pushed.
        #[test]
        fn sorted_and_stable(frames in prop::collection::vec(0u32..20, 0..60)) {
            let mut list = EventList::with_capacity(64);
            let mut model: Vec<Event> = frames.iter().enumerate().map(|(n, &frame)| midi(frame, n as u8)).collect();
            for event in &model {
                list.push(*event);
            }
            model.sort_by_key(|event| event.frame);
            prop_assert_eq!(list.as_slice(), &model[..]);
        }

        /// Cut at any chunks and put together again, a block's events are the same.
        #[test]
        fn cut_and_joined(frames in prop::collection::vec(0u32..100, 0..60), cuts in prop::collection::vec(1u32..100, 0..8)) {
            let mut block = EventList::with_capacity(64);
            for (n, &frame) in frames.iter().enumerate() {
                block.push(midi(frame, n as u8));
            }
            let mut bounds = cuts;
            bounds.extend([0, 100]);
            bounds.sort_unstable();
            let (mut chunk, mut joined) = (EventList::with_capacity(64), EventList::with_capacity(64));
            for pair in bounds.windows(2) {
                chunk.clear();
                chunk.append_chunk(&block, pair[0], pair[1]);
                joined.append(&chunk, pair[0]);
            }
            prop_assert_eq!(joined.as_slice(), block.as_slice());
        }
    }
}
