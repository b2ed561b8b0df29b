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

/// All that wait, in the order of edges, destinations and sources: a row's crosspoints are next to each other.
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
        match self.place(closing.crosspoint) {
            Ok(_) => true,
            Err(_) if self.waiting.len() >= CAPACITY => false,
            Err(place) => {
                self.waiting.insert(place, closing);
                true
            }
        }
    }

    fn place(&self, crosspoint: Crosspoint) -> Result<usize, usize> {
        let key = |of: Crosspoint| (of.edge, of.destination, of.source);
        self.waiting.binary_search_by_key(&key(crosspoint), |known| key(known.crosspoint))
    }

    /// Forgets a crosspoint.
    pub fn forget_one(&mut self, crosspoint: Crosspoint) {
        if let Ok(place) = self.place(crosspoint) {
            self.waiting.remove(place);
        }
    }

    /// Forgets those of which that is so.
    pub fn forget(&mut self, is_over: impl Fn(&Closing) -> bool) {
        self.waiting.retain(|closing| !is_over(closing));
    }

    /// Takes those out that are due at a frame.
    pub fn take_due(&mut self, frame: u64) -> impl Iterator<Item = Closing> + '_ {
        self.waiting.extract_if(.., move |closing| closing.frame <= frame)
    }

    /// The frame at which the next one is due.
    pub fn next_frame(&self) -> Option<u64> {
        self.waiting.iter().map(|closing| closing.frame).min()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Closing> {
        self.waiting.iter()
    }
}
