//! What waits for its frame in the renderer, in its order. Never allocates once it is made.

use super::bundle::Bundle;
use super::command::Command;
use std::collections::VecDeque;

/// Commands that may wait for their frame. Also the most that one call takes from the ring, so that a flood cannot hold
/// up the block.
const CAPACITY: usize = 4096;

/// A command or a bundle of them.
pub(crate) enum What {
    Command(Command),
    Bundle(Bundle),
}

/// What waits for its frame.
pub(crate) struct Waiting {
    pub frame: u64,
    pub what: What,
    /// How many had arrived before it: what is due at one frame is done as it came.
    order: u64,
    /// How many parcels had arrived before it: those know nothing of it.
    pub parcels: u64,
}

/// All that waits, sorted by frame, then as it came.
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    /// How much has arrived.
    arrived: u64,
    /// How many parcels have arrived.
    pub parcels: u64,
    /// Whether what was pushed may have to go to an earlier place.
    unsorted: bool,
}

impl What {
    pub fn is_bundle(&self) -> bool {
        matches!(self, Self::Bundle(_))
    }

    /// Whether it has its place within a chunk instead of cutting it.
    pub fn is_within_chunk(&self) -> bool {
        let Self::Command(command) = self else { return false };
        matches!(command, Command::Gain { .. } | Command::Event { .. } | Command::EndNotes { .. })
    }
}

impl Queue {
    /// With its room. Allocates.
    pub fn new() -> Self {
        Self { waiting: VecDeque::with_capacity(CAPACITY), arrived: 0, parcels: 0, unsorted: false }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.waiting.len() == CAPACITY
    }

    pub fn get(&self, place: usize) -> Option<&Waiting> {
        self.waiting.get(place)
    }

    /// A command of what waits at a place, by its number in the bundle.
    pub fn command(&self, place: usize, number: usize) -> Option<Command> {
        match &self.waiting.get(place)?.what {
            What::Command(command) => (number == 0).then_some(*command),
            What::Bundle(bundle) => bundle.get(number).copied(),
        }
    }

    pub fn remove(&mut self, place: usize) -> Option<Waiting> {
        self.waiting.remove(place)
    }

    pub fn pop_front(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    /// What is due later than a frame.
    pub fn after(&self, frame: u64) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(move |waiting| waiting.frame > frame)
    }

    fn next(&mut self, frame: u64, what: What) -> Waiting {
        self.arrived += 1;
        Waiting { frame, what, order: self.arrived, parcels: self.parcels }
    }

    /// Adds what came next; there must be room. [`Self::sort`] before anything is read.
    pub fn push(&mut self, frame: u64, what: What) {
        self.unsorted |= self.waiting.back().is_some_and(|last| last.frame > frame);
        let next = self.next(frame, what);
        self.waiting.push_back(next);
    }

    /// Puts what was pushed in its order.
    pub fn sort(&mut self) {
        if std::mem::take(&mut self.unsorted) {
            // In place: allocates nothing.
            self.waiting.make_contiguous().sort_unstable_by_key(|waiting| (waiting.frame, waiting.order));
        }
    }

    /// Adds a command in its place. False if there is no room.
    pub fn insert(&mut self, frame: u64, command: Command) -> bool {
        let has_room = !self.is_full();
        if has_room {
            let place = self.waiting.partition_point(|waiting| waiting.frame <= frame);
            let next = self.next(frame, What::Command(command));
            self.waiting.insert(place, next);
        }
        has_room
    }
}
