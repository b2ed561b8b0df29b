//! From the positions of our ids to petgraph's indices, and which generation of a position is alive. Positions are
//! given out lowest first, so which comes next follows from those in use, whatever was done before; a generation is
//! never given out twice.

use std::collections::BTreeSet;

#[derive(Clone, Debug)]
struct Slot<I> {
    /// petgraph's index of the occupant.
    at: Option<I>,
    /// The occupant's generation.
    generation: u32,
    /// Above every generation that the position has had.
    next_generation: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Table<I> {
    slots: Vec<Slot<I>>,
    /// Positions below `slots.len()` without an occupant.
    free: BTreeSet<u32>,
}

impl<I> Default for Table<I> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: BTreeSet::new() }
    }
}

impl<I: Copy> Table<I> {
    /// The position and generation for a newcomer.
    pub fn next(&self) -> (u32, u32) {
        let index = self.free.first().copied().unwrap_or(self.slots.len() as u32);
        (index, self.slots.get(index as usize).map_or(0, |slot| slot.next_generation))
    }

    /// Whether nothing stands at the position.
    pub fn is_free(&self, index: u32) -> bool {
        self.slots.get(index as usize).is_none_or(|slot| slot.at.is_none())
    }

    /// Puts an occupant at a free position.
    pub fn insert(&mut self, index: u32, generation: u32, at: I) {
        while self.slots.len() <= index as usize {
            self.free.insert(self.slots.len() as u32);
            self.slots.push(Slot { at: None, generation: 0, next_generation: 0 });
        }
        self.free.remove(&index);
        let slot = &mut self.slots[index as usize];
        let next_generation = slot.next_generation.max(generation.saturating_add(1));
        *slot = Slot { at: Some(at), generation, next_generation };
    }

    /// Takes the occupant away.
    pub fn remove(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.at = None;
            self.free.insert(index);
        }
    }

    /// petgraph's index of that generation at that position, if it is the occupant.
    pub fn get(&self, index: u32, generation: u32) -> Option<I> {
        let slot = self.slots.get(index as usize)?;
        if slot.generation == generation { slot.at } else { None }
    }

    /// petgraph's indices of all occupants by position.
    pub fn occupants(&self) -> impl Iterator<Item = I> + '_ {
        self.slots.iter().filter_map(|slot| slot.at)
    }

    /// How many occupants there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Above every occupied position.
    pub fn bound(&self) -> usize {
        self.slots.len()
    }
}
