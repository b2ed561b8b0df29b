//! Which slots are known to hold zeros only: a bit each, so that the renderer asks about all channels of a node at once.

use crate::compile::SILENT_SLOT;

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

/// Some slots of one word: what can be asked about in one step.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct WordSet {
    bits: u64,
    word: u32,
}

impl WordSet {
    /// The slots, if they share a word; else the slot that is always silent, whose answer is never the quick one.
    pub fn new(slots: impl Iterator<Item = u32> + Clone) -> Self {
        let word = slots.clone().next().unwrap_or(SILENT_SLOT) / 64;
        let bits = slots.clone().fold(0, |bits, slot| bits | 1 << (slot % 64));
        if bits != 0 && slots.into_iter().all(|slot| slot / 64 == word) {
            Self { word, bits }
        } else {
            Self { word: SILENT_SLOT / 64, bits: 1 << (SILENT_SLOT % 64) }
        }
    }
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

    /// Whether at least one slot of the set may be silent.
    ///
    /// # Safety
    /// The set is of slots that this has a bit for.
    #[inline]
    pub unsafe fn may_hold(&self, set: WordSet) -> bool {
        debug_assert!((set.word as usize) < self.words.len());
        // SAFETY: promised to this function.
        unsafe { self.words.get_unchecked(set.word as usize) & set.bits != 0 }
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

    /// A set within a word answers for its slots; one across words, or empty, always says "perhaps".
    #[test]
    fn a_word_answers_in_one_step() {
        let mut silence = Silence::new(200, true);
        let set = |slots: &[u32]| WordSet::new(slots.iter().copied());
        // SAFETY: no set below names a slot beyond 199.
        let may_hold = |silence: &Silence, set| unsafe { silence.may_hold(set) };
        assert!(may_hold(&silence, set(&[70, 71])));
        silence.set(70, false);
        assert!(may_hold(&silence, set(&[70, 71])));
        silence.set(71, false);
        assert!(!may_hold(&silence, set(&[70, 71])));
        silence.set(3, false);
        assert!(may_hold(&silence, set(&[3, 70])) && may_hold(&silence, set(&[])));
    }
}
