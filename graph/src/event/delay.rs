//! The delay of an event edge, the counterpart of a compensation delay on an audio edge. Never reorders, never loses a
//! note-off while it has room for anything, never hands out bytes of a system-exclusive message that are gone.

use std::collections::VecDeque;

use super::{Event, EventBody, EventList, EventQueue, SysExId, SysExPool};

/// Events on their way along one edge, each kept with the frame at which it went in, so that the result does not
/// depend on how the time is cut into chunks.
///
/// System-exclusive messages are kept with their bytes, since an id is good for one block only; a delay of 0 frames is
/// also how such messages wait for a block to come.
///
/// # A changed delay
/// Applies to what is already on the way: it comes out where the audio beside it comes out by the new delay, what is
/// overdue at once. Nothing overtakes, so a note-off stays behind its note-on.
///
/// # Real-time
/// Everything but [`Self::new`] may be called in the callback.
#[derive(Debug)]
pub struct EventDelay {
    delay: u32,
    /// By frame of entry. A waiting [`EventBody::SysEx`] holds its message's length, in place of an id.
    queue: EventQueue,
    /// Bytes of the waiting system-exclusive messages, in the order of the queue.
    bytes: VecDeque<u8>,
    byte_capacity: usize,
    last_frame: u64,
}

impl EventDelay {
    /// A delay of so many frames with room for so many events ([`EventQueue::with_capacity`]) and bytes of
    /// system-exclusive messages.
    pub fn new(delay: u32, events: usize, bytes: usize) -> Self {
        Self {
            delay,
            queue: EventQueue::with_capacity(events),
            bytes: VecDeque::with_capacity(bytes),
            byte_capacity: bytes,
            last_frame: 0,
        }
    }

    /// The delay in frames.
    pub fn delay(&self) -> u32 {
        self.delay
    }

    /// Changes the delay from the next [`Self::take_chunk`] on.
    pub fn set_delay(&mut self, delay: u32) {
        self.delay = delay;
    }

    /// Takes over what is on its way in the delay of the edge's earlier schedule; its own delay in frames stays. The
    /// old one gets the unused buffers, to be dropped elsewhere.
    pub fn adopt(&mut self, old: &mut Self) {
        let delay = self.delay;
        std::mem::swap(self, old);
        self.delay = delay;
    }

    /// Takes in one chunk's events, those of one port of the source. `start` is the absolute frame of the chunk.
    pub fn push_chunk(&mut self, start: u64, list: &EventList, source_port: u16, pool: &SysExPool) {
        if list.ending_lost() {
            let last = list.as_slice().last().map_or(0, |event| event.frame);
            self.queue.mark_ending_lost(start.saturating_add(u64::from(last)));
        }
        for event in list.as_slice().iter().filter(|event| event.port == source_port) {
            let frame = start.saturating_add(u64::from(event.frame)).max(self.last_frame);
            self.last_frame = frame;
            match event.body {
                EventBody::SysEx(id) => self.push_sysex(frame, event, pool.get(id)),
                _ => {
                    self.queue.push(frame, *event);
                }
            }
        }
    }

    fn push_sysex(&mut self, frame: u64, event: &Event, message: &[u8]) {
        // Nothing is what the pool has for an id whose block is over.
        if message.is_empty() || message.len() > self.byte_capacity - self.bytes.len() {
            self.queue.count_dropped();
            return;
        }
        let length = SysExId(message.len() as u32);
        if self.queue.push(frame, Event { body: EventBody::SysEx(length), ..*event }) {
            self.bytes.extend(message);
        }
    }

    /// Adds what is due in the chunk of `frames` that begins at the absolute frame `start` to the chunk's list, and
    /// its system-exclusive messages to the block's pool. Called after [`Self::push_chunk`] for the same chunk.
    pub fn take_chunk(&mut self, start: u64, frames: u32, out: &mut EventList, pool: &mut SysExPool) {
        let end = start.saturating_add(u64::from(frames)).saturating_sub(u64::from(self.delay));
        self.take_before(end, start, out, pool);
    }

    /// Adds all that is on its way to the list, at frame 0: for an edge that no longer has a delay.
    pub fn drain(&mut self, out: &mut EventList, pool: &mut SysExPool) {
        self.take_before(u64::MAX, u64::MAX, out, pool);
    }

    /// Moves out what entered before `end`, into a chunk that begins at `start`.
    fn take_before(&mut self, end: u64, start: u64, out: &mut EventList, pool: &mut SysExPool) {
        while let Some((entered, event)) = self.queue.pop_before(end) {
            let body = match event.body {
                EventBody::SysEx(length) => match self.take_sysex(length.0 as usize, pool) {
                    Some(id) => EventBody::SysEx(id),
                    None => continue,
                },
                other => other,
            };
            let frame = entered.saturating_add(u64::from(self.delay)).saturating_sub(start) as u32;
            out.push(Event { frame, body, ..event });
        }
        if self.queue.take_ending_lost(end) {
            out.mark_ending_lost();
        }
    }

    fn take_sysex(&mut self, length: usize, pool: &mut SysExPool) -> Option<SysExId> {
        let (first, second) = self.bytes.as_slices();
        let split = length.min(first.len());
        let id = pool.store_parts(&first[..split], &second[..length - split]);
        self.bytes.drain(..length);
        id
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets all that is on its way.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.bytes.clear();
    }

    /// Events refused since the last call, for want of room for them or for their bytes.
    pub fn take_dropped(&mut self) -> u32 {
        self.queue.take_dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoteAddress;
    use super::*;
    use assert_no_alloc::assert_no_alloc;
    use proptest::prelude::*;

    fn on(frame: u32, key: u8) -> Event {
        Event { frame, port: 0, body: EventBody::NoteOn { address: NoteAddress::key(0, key), velocity: 1.0 } }
    }

    fn off(frame: u32, key: u8) -> Event {
        Event { frame, port: 0, body: EventBody::NoteOff { address: NoteAddress::key(0, key), velocity: 1.0 } }
    }

    /// Sends events (absolute frames, sorted) through a delay in chunks of the given lengths, the delay changing to
    /// `changed` at a frame; out come absolute frames.
    fn run(
        mut delay: EventDelay,
        events: &[Event],
        chunks: &[u32],
        change: Option<(u64, u32)>,
    ) -> Vec<(u64, EventBody)> {
        let mut pool = SysExPool::default();
        let (mut input, mut output) = (EventList::with_capacity(64), EventList::with_capacity(64));
        let mut result = Vec::with_capacity(128);
        let mut start = 0u64;
        for &length in chunks.iter().cycle() {
            if start >= 400 {
                break;
            }
            // Like the renderer, cut where the change takes effect.
            let length = match change {
                Some((at, _)) if start < at => length.min((at - start) as u32),
                _ => length,
            };
            assert_no_alloc(|| {
                if let Some((_, delay_frames)) = change.filter(|&(at, _)| at == start) {
                    delay.set_delay(delay_frames);
                }
                input.clear();
                output.clear();
                for event in events.iter().filter(|e| (start..start + u64::from(length)).contains(&u64::from(e.frame)))
                {
                    input.push(Event { frame: event.frame - start as u32, ..*event });
                }
                delay.push_chunk(start, &input, 0, &pool);
                delay.take_chunk(start, length, &mut output, &mut pool);
                assert!(output.as_slice().iter().all(|event| event.frame < length));
                result.extend(output.as_slice().iter().map(|event| (start + u64::from(event.frame), event.body)));
            });
            start += u64::from(length);
        }
        result
    }

    /// ```text
    /// in   on 10   off 30
    /// delay 100 -> 5 at frame 50: both are overdue
    /// out                  on 50, off 50
    /// ```
    #[test]
    fn a_shorter_delay_does_not_swap_on_and_off() {
        let out = run(EventDelay::new(100, 8, 0), &[on(10, 60), off(30, 60)], &[16], Some((50, 5)));
        assert_eq!(out, [(50, on(0, 60).body), (50, off(0, 60).body)]);
    }

    /// A message of block 1 arrives in block 2 with its bytes, though the pool was emptied between.
    #[test]
    fn system_exclusive_bytes_wait_too() {
        let mut delay = EventDelay::new(8, 4, 6);
        let (mut pool, mut out) = (SysExPool::with_capacity(16, 4), EventList::with_capacity(4));
        let mut input = EventList::with_capacity(4);
        assert_no_alloc(|| {
            for round in 0..5u64 {
                pool.clear();
                let id = pool.store(&[0xF0, round as u8, 0xF7]).unwrap();
                let too_long = pool.store(&[0; 7]).unwrap();
                let sysex = |id| Event { frame: 3, port: 0, body: EventBody::SysEx(id) };
                input.clear();
                input.push(sysex(id));
                input.push(sysex(too_long));
                delay.push_chunk(round * 8, &input, 0, &pool);
                out.clear();
                delay.take_chunk(round * 8, 8, &mut out, &mut pool);
                match out.as_slice() {
                    [] => assert_eq!(round, 0),
                    [Event { frame: 3, body: EventBody::SysEx(id), .. }] => {
                        assert_eq!(pool.get(*id), [0xF0, round as u8 - 1, 0xF7]);
                    }
                    other => unreachable!("{other:?}"),
                }
            }
        });
        assert_eq!(delay.take_dropped(), 5, "the long message of each round");
    }

    /// A note-off that the source lost is reported where it would have come out: behind its note-on.
    #[test]
    fn losses_are_late_too() {
        let mut delay = EventDelay::new(8, 4, 0);
        let mut pool = SysExPool::default();
        let (mut input, mut out) = (EventList::with_capacity(1), EventList::with_capacity(4));
        input.push(on(3, 60));
        for _ in 0..17 {
            input.push(off(3, 61));
        }
        delay.push_chunk(0, &input, 0, &pool);
        delay.take_chunk(0, 8, &mut out, &mut pool);
        assert!(out.is_empty() && !out.ending_lost());
        delay.take_chunk(8, 8, &mut out, &mut pool);
        assert!(!out.is_empty() && out.ending_lost());
    }

    proptest! {
        /// Every event comes out `delay` frames later, for any partition into chunks.
        #[test]
        fn each_is_late_by_the_delay(
            mut frames in prop::collection::vec(0u32..200, 0..40),
            chunks in prop::collection::vec(1u32..70, 1..6),
            delay in 0u32..150,
        ) {
            frames.sort_unstable();
            let events: Vec<Event> = frames.iter().enumerate().map(|(n, &frame)| on(frame, n as u8)).collect();
            let model: Vec<_> = events.iter().map(|event| (u64::from(event.frame + delay), event.body)).collect();
            prop_assert_eq!(run(EventDelay::new(delay, 64, 0), &events, &chunks, None), model);
        }

        /// A change of the delay keeps the order and depends on no partition.
        #[test]
        fn a_change_reorders_nothing(
            mut frames in prop::collection::vec(0u32..200, 0..40),
            chunks in prop::collection::vec(1u32..70, 1..6),
            delays in (0u32..150, 0u32..150),
            at in 1u64..200,
        ) {
            frames.sort_unstable();
            let events: Vec<Event> = frames.iter().enumerate().map(|(n, &frame)| on(frame, n as u8)).collect();
            let out = run(EventDelay::new(delays.0, 64, 0), &events, &chunks, Some((at, delays.1)));
            prop_assert_eq!(out.iter().map(|(_, body)| *body).collect::<Vec<_>>(), events.iter().map(|e| e.body).collect::<Vec<_>>());
            prop_assert_eq!(&out, &run(EventDelay::new(delays.0, 64, 0), &events, &[400], Some((at, delays.1))));
        }
    }
}
