//! Crosspoints that close later: what a scene switches off rings on through them until then. Never allocates once it is made.

use super::parcel::Crosspoint;

/// Crosspoints that may wait for their end at once.
const CAPACITY: usize = 1024;

/// A crosspoint that goes to silence at a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Closing {
    pub frame: u64,
    pub crosspoint: Crosspoint,
    /// Frames of its ramp.
    pub ramp: u32,
}

/// All that wait.
pub(crate) struct Closings {
    waiting: Vec<Closing>,
}

impl Closings {
    /// With its room. Allocates.
    pub fn new() -> Self {
        Self { waiting: Vec::with_capacity(CAPACITY) }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds one, unless the crosspoint waits for its end already. False if there is no room.
    pub fn insert(&mut self, closing: Closing) -> bool {
        let is_known = self.waiting.iter().any(|known| known.crosspoint == closing.crosspoint);
        let has_room = self.waiting.len() < CAPACITY;
        if !is_known && has_room {
            self.waiting.push(closing);
        }
        is_known || has_room
    }

    /// Forgets those of which that is so.
    pub fn forget(&mut self, is_over: impl Fn(&Closing) -> bool) {
        self.waiting.retain(|closing| !is_over(closing));
    }

    /// Takes one out that is due at a frame.
    pub fn take_due(&mut self, frame: u64) -> Option<Closing> {
        let place = self.waiting.iter().position(|closing| closing.frame <= frame)?;
        Some(self.waiting.remove(place))
    }

    /// The frame at which the next one is due.
    pub fn next_frame(&self) -> Option<u64> {
        self.waiting.iter().map(|closing| closing.frame).min()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Closing> {
        self.waiting.iter()
    }
}
