//! Runs of entries in tables.

/// A run of entries in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// The first entry.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Span {
    /// From the first entry to one behind the last.
    pub fn new(first: usize, end: usize) -> Self {
        Self { first: first as u32, count: (end - first) as u32 }
    }

    /// As a range of indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }
}
