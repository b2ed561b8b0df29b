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
    /// Positions below `slots.len()` without an occupant, to be given out.
    free: BTreeSet<u32>,
    /// Those that are kept for their last occupants.
    held: BTreeSet<u32>,
    /// Whether a position is held once its occupant is gone.
    holds: bool,
}

impl<I> Default for Table<I> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: BTreeSet::new(), held: BTreeSet::new(), holds: false }
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
        self.held.remove(&index);
        let slot = &mut self.slots[index as usize];
        let next_generation = slot.next_generation.max(generation.saturating_add(1));
        *slot = Slot { at: Some(at), generation, next_generation };
    }

    /// Takes the occupant away.
    pub fn remove(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.at = None;
            let unused = if self.holds { &mut self.held } else { &mut self.free };
            unused.insert(index);
        }
    }

    /// Holds positions from now on once their occupants are gone: they are not given out before they are released.
    pub fn hold(&mut self) {
        self.holds = true;
    }

    /// Releases the positions that are held, save those whose last occupant, by position and generation, is kept.
    pub fn release(&mut self, keeps: impl Fn(u32, u32) -> bool) {
        let slots = &self.slots;
        let released = |index: &u32| !keeps(*index, slots[*index as usize].generation);
        self.free.extend(self.held.extract_if(.., |index| released(index)));
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
        self.slots.len() - self.free.len() - self.held.len()
    }

    /// Above every occupied position.
    pub fn bound(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest free position first, each time with a generation that it never had.
    #[test]
    fn positions_are_reused_and_generations_are_not() {
        let mut table = Table::default();
        for index in 0..3 {
            assert_eq!(table.next(), (index, 0));
            table.insert(index, 0, 'a');
        }
        table.remove(1);
        assert_eq!(table.next(), (1, 1));
        table.insert(1, 1, 'b');
        assert_eq!((table.get(1, 0), table.get(1, 1)), (None, Some('b')));
        assert_eq!(table.len(), 3);
    }

    /// What an undo brings back has its old generation, and a newcomer still a new one.
    #[test]
    fn an_older_generation_can_come_back() {
        let mut table = Table::default();
        table.insert(0, 0, 'a');
        table.remove(0);
        table.insert(0, 1, 'b');
        table.remove(0);
        table.insert(0, 0, 'a');
        assert_eq!((table.get(0, 0), table.get(0, 1)), (Some('a'), None));
        table.remove(0);
        assert_eq!(table.get(0, 0), None);
        assert_eq!(table.next(), (0, 2));
    }

    /// What is held comes back to its occupant alone; released, it is given out again.
    #[test]
    fn held_positions_wait_for_their_release() {
        let mut table = Table::default();
        table.hold();
        (0..3).for_each(|index| table.insert(index, 0, 'a'));
        table.remove(0);
        table.remove(1);
        assert_eq!((table.next(), table.len()), ((3, 0), 1));
        table.insert(1, 0, 'a');
        table.remove(1);
        table.release(|index, generation| (index, generation) == (1, 0));
        assert_eq!(table.next(), (0, 1));
        table.insert(0, 1, 'b');
        assert_eq!((table.next(), table.len()), ((3, 0), 2));
        table.release(|_, _| false);
        assert_eq!(table.next(), (1, 1));
    }

    /// A position beyond the end leaves free ones before it.
    #[test]
    fn positions_may_come_in_any_order() {
        let mut table = Table::default();
        table.insert(2, 0, 'c');
        assert_eq!((table.next(), table.len(), table.bound()), ((0, 0), 1, 3));
        assert!(table.is_free(1) && !table.is_free(2) && table.is_free(9));
        assert!(table.occupants().eq(['c']));
    }
}
