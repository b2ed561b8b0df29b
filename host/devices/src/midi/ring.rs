//! Messages with their times on the way from one thread to another: a ring of bytes of fixed size. A message is in it
//! whole or not at all; what ends a note is the last thing it refuses.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::parser::is_ending;

/// Bytes before each message: its time and its length.
const HEADER: usize = 8 + 4;
/// Bytes that only messages that end something get: some three hundred of them.
const RESERVE: usize = 4096;

/// What both ends know.
#[derive(Debug, Default)]
struct Losses {
    count: AtomicU64,
    ending: AtomicBool,
}

/// A ring for messages of up to so many bytes, and the longest message that it takes.
pub fn midi_ring(bytes: usize, longest: usize) -> (MidiSender, MidiReceiver) {
    let (producer, consumer) = rtrb::RingBuffer::new(bytes.max(longest + HEADER) + RESERVE);
    let losses = Arc::<Losses>::default();
    let sender = MidiSender { producer, longest, losses: Arc::clone(&losses) };
    (sender, MidiReceiver { consumer, message: Vec::with_capacity(longest), losses })
}

/// The end that messages go into.
///
/// # Real-time
/// Its methods may be called in the callback; it is to be dropped elsewhere.
#[derive(Debug)]
pub struct MidiSender {
    producer: rtrb::Producer<u8>,
    longest: usize,
    losses: Arc<Losses>,
}

impl MidiSender {
    /// Adds a message with its time, which is not before that of the last one. False, and counted, if it does not fit.
    pub fn push(&mut self, time: u64, message: &[u8]) -> bool {
        let ending = is_ending(message);
        let length = HEADER + message.len();
        let room = if ending { 0 } else { RESERVE };
        let fits = message.len() <= self.longest && self.producer.slots() >= length + room;
        let chunk = if fits { self.producer.write_chunk_uninit(length).ok() } else { None };
        let Some(chunk) = chunk else {
            self.losses.count.fetch_add(1, Ordering::Relaxed);
            if ending {
                self.losses.ending.store(true, Ordering::Release);
            }
            return false;
        };
        let head = time.to_le_bytes().into_iter().chain((message.len() as u32).to_le_bytes());
        chunk.fill_from_iter(head.chain(message.iter().copied()));
        true
    }

    /// Counts messages that were lost before they came here.
    pub fn count_lost(&self, count: u32) {
        self.losses.count.fetch_add(count.into(), Ordering::Relaxed);
    }

    /// Messages lost so far.
    pub fn lost(&self) -> MidiLosses {
        MidiLosses(Arc::clone(&self.losses))
    }

    /// Whether nobody takes messages out any more.
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }
}

/// Counts what a ring has lost, for a third thread.
#[derive(Clone, Debug)]
pub struct MidiLosses(Arc<Losses>);

impl MidiLosses {
    /// Messages lost so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }
}

/// The end that messages come out of.
///
/// # Real-time
/// Its methods may be called in the callback; it is to be dropped elsewhere.
#[derive(Debug)]
pub struct MidiReceiver {
    consumer: rtrb::Consumer<u8>,
    message: Vec<u8>,
    losses: Arc<Losses>,
}

impl MidiReceiver {
    /// The time of the next message.
    pub fn next_time(&mut self) -> Option<u64> {
        self.header().map(|(time, _)| time)
    }

    fn header(&mut self) -> Option<(u64, usize)> {
        let chunk = self.consumer.read_chunk(HEADER).ok()?;
        let (first, second) = chunk.as_slices();
        let mut header = [0; HEADER];
        header[..first.len()].copy_from_slice(first);
        header[first.len()..].copy_from_slice(second);
        let (time, length) = header.split_at(8);
        let time = u64::from_le_bytes(time.try_into().unwrap_or_default());
        Some((time, u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize))
    }

    /// Takes out the next message.
    pub fn pop(&mut self) -> Option<(u64, &[u8])> {
        let (time, length) = self.header()?;
        let chunk = self.consumer.read_chunk(HEADER + length).ok()?;
        let (first, second) = chunk.as_slices();
        self.message.clear();
        self.message.extend(first.iter().chain(second).skip(HEADER));
        chunk.commit_all();
        Some((time, &self.message))
    }

    /// Whether a message that ends something was lost since the last call.
    pub fn take_ending_lost(&self) -> bool {
        self.losses.ending.load(Ordering::Acquire) && self.losses.ending.swap(false, Ordering::AcqRel)
    }

    /// Whether nobody puts messages in any more.
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assert_no_alloc::assert_no_alloc;

    /// Messages come out as they went in, across the ring's end too, and nothing is allocated.
    #[test]
    fn messages_pass_whole() {
        let (mut sender, mut receiver) = midi_ring(64, 32);
        let sysex: Vec<u8> = (0..32).collect();
        assert_no_alloc(|| {
            for time in 0..1000 {
                assert!(sender.push(time, &sysex[..(time % 33) as usize]));
                assert!(sender.push(time, &[0x90, 60, 100]));
                assert_eq!(receiver.next_time(), Some(time));
                assert_eq!(receiver.pop(), Some((time, &sysex[..(time % 33) as usize])));
                assert_eq!(receiver.pop(), Some((time, &[0x90, 60, 100][..])));
                assert_eq!(receiver.pop(), None);
            }
        });
    }

    /// A flood of controllers leaves room for note-offs; a note-off that finds none is remembered, once.
    #[test]
    fn endings_find_room() {
        let (mut sender, mut receiver) = midi_ring(64, 32);
        assert!(!sender.push(0, &[0; 33]), "too long");
        while sender.push(0, &[0xB0, 1, 1]) {}
        assert_eq!(sender.lost().count(), 2);
        let mut offs = 0;
        while sender.push(0, &[0x80, 60, 0]) {
            offs += 1;
        }
        assert!(offs >= 200, "{offs}");
        assert!(receiver.take_ending_lost() && !receiver.take_ending_lost());
        let mut count = 0;
        while let Some((_, message)) = receiver.pop() {
            count += usize::from(message[0] == 0x80);
        }
        assert_eq!(count, offs);
    }
}
