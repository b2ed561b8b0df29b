//! Which slots are known to hold zeros only: a bit each, so that the renderer asks about all channels of a node at once.

/// A bit for each slot of an arena.
pub(crate) struct Silence {
    words: Box<[u64]>,
}

/// Some slots, as bits of words.
#[derive(Default)]
pub(crate) struct SlotSet {
    /// The first word and its bits: all there is for most nodes.
    first: (u32, u64),
    rest: Box<[(u32, u64)]>,
}

impl SlotSet {
    pub fn new(slots: &[u32]) -> Self {
        let mut words: Vec<(u32, u64)> = Vec::new();
        for &slot in slots {
            let (word, bit) = (slot / 64, 1 << (slot % 64));
            match words.iter_mut().find(|(other, _)| *other == word) {
                Some((_, bits)) => *bits |= bit,
                None => words.push((word, bit)),
            }
        }
        let first = if words.is_empty() { (0, 0) } else { words.remove(0) };
        Self { first, rest: words.into_boxed_slice() }
    }
}

impl Silence {
    /// All slots silent, or none.
    pub fn new(slots: usize, silent: bool) -> Self {
        let word = if silent { u64::MAX } else { 0 };
        Self { words: vec![word; slots.div_ceil(64).max(1)].into_boxed_slice() }
    }

    #[inline]
    pub fn get(&self, slot: u32) -> bool {
        self.words[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    #[inline]
    pub fn set(&mut self, slot: u32, silent: bool) {
        let bit = 1 << (slot % 64);
        let word = &mut self.words[slot as usize / 64];
        *word = if silent { *word | bit } else { *word & !bit };
    }

    /// Whether at least one slot of the set is silent.
    #[inline]
    pub fn any(&self, set: &SlotSet) -> bool {
        let (word, bits) = set.first;
        self.words[word as usize] & bits != 0
            || set.rest.iter().any(|&(word, bits)| self.words[word as usize] & bits != 0)
    }

    /// Whether every slot of the set is silent; true for none.
    #[inline]
    pub fn all(&self, set: &SlotSet) -> bool {
        let (word, bits) = set.first;
        self.words[word as usize] & bits == bits
            && set.rest.iter().all(|&(word, bits)| self.words[word as usize] & bits == bits)
    }

    /// Notes that all slots of the set are about to be written.
    #[inline]
    pub fn unset(&mut self, set: &SlotSet) {
        let (word, bits) = set.first;
        self.words[word as usize] &= !bits;
        for &(word, bits) in &set.rest {
            self.words[word as usize] &= !bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_for_sets_across_words() {
        let mut silence = Silence::new(200, true);
        let set = SlotSet::new(&[3, 130, 70, 3]);
        assert!(silence.all(&set) && silence.any(&set));
        silence.set(70, false);
        assert!(!silence.all(&set) && silence.any(&set) && silence.get(3) && !silence.get(70));
        silence.unset(&set);
        assert!(!silence.any(&set) && silence.get(4));
        assert!(silence.all(&SlotSet::new(&[])) && !silence.any(&SlotSet::new(&[])));
    }
}
