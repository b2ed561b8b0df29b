//! The memory that slots lie in: one aligned allocation, made with a schedule and freed with it, never in the callback.

use super::kernels::{SLOT_ALIGNMENT, slot_stride};

/// Samples in a cache line.
const LINE: usize = SLOT_ALIGNMENT / size_of::<f32>();

/// A cache line of samples.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// So many slots of so many frames, all zero at first.
pub(crate) struct Arena {
    lines: Box<[Line]>,
    slots: u32,
    /// Lines from one slot to the next.
    stride: usize,
}

impl Arena {
    pub fn new(slots: usize, max_block: usize) -> Self {
        let stride = slot_stride(max_block) / LINE;
        Self { lines: vec![Line([0.0; LINE]); stride * slots].into_boxed_slice(), slots: slots as u32, stride }
    }

    /// Where a slot's samples begin. Slots are apart.
    ///
    /// # Panics
    /// If there is no such slot.
    #[inline]
    pub fn slot(&mut self, slot: u32) -> *mut f32 {
        assert!(slot < self.slots, "no such slot");
        self.lines.as_mut_ptr().wrapping_add(slot as usize * self.stride).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_aligned_apart_and_hold_a_block() {
        for max_block in [1, 16, 64, 100, 512] {
            let mut arena = Arena::new(3, max_block);
            let places: Vec<usize> = (0..3).map(|slot| arena.slot(slot) as usize).collect();
            assert!(places.iter().all(|place| place % SLOT_ALIGNMENT == 0));
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= max_block * size_of::<f32>()));
        }
    }
}
