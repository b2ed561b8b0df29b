//! The last samples of a signal in one contiguous piece, and the inner product that short filters take with them.
//! Never reorders a sum: the same samples give the same bits.

/// The last samples of a signal, newest first, always in one piece.
#[derive(Clone, Debug)]
pub struct History {
    samples: Box<[f32]>,
    length: usize,
    start: usize,
}

impl History {
    /// Room for `length` samples, all zero. Allocates.
    pub fn new(length: usize) -> Self {
        Self { samples: vec![0.0; 2 * length].into_boxed_slice(), length, start: 0 }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.samples.fill(0.0);
        self.start = 0;
    }

    /// Adds a sample and drops the oldest.
    pub fn push(&mut self, sample: f32) {
        self.start = if self.start == 0 { self.length - 1 } else { self.start - 1 };
        self.samples[self.start] = sample;
        self.samples[self.start + self.length] = sample;
    }

    /// Room for `length` samples, all zero. Allocates.
    pub fn newest_first(&self) -> &[f32] {
        &self.samples[self.start..self.start + self.length]
    }

    /// The sample pushed `length - 1` pushes ago.
    pub fn oldest(&self) -> f32 {
        self.samples[self.start + self.length - 1]
    }
}

/// Inner product, summed in four lanes so that it vectorises; the order is fixed.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 4];
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (a, b) in a4.iter().zip(b4) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}
