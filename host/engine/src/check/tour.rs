//! The way through the scenes: every switch from one to another once, or the setlist forth and back, one after the other, so
//! that nothing has to be loaded anew in between.

use crate::controllers::Plugins;
use crate::engine::Engine;

/// As many switches are made of all there are, unless somebody asks for them: twenty scenes.
const MANY: usize = 400;

/// Which switches are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transitions {
    /// All if they are not too many, else those along the setlist.
    #[default]
    Automatic,
    /// From each scene to each other.
    All,
    /// From each scene to the next and to the one before, in the order of the setlist.
    Setlist,
}

/// A scene on the way: its place among all, and its place in the setlist if it is played as part of that.
pub(super) type Halt = (usize, Option<(usize, usize)>);

impl<P: Plugins> Engine<P> {
    /// The scenes in the order in which they are to be visited, and whether that is every switch there is.
    pub(super) fn tour(&self, transitions: Transitions) -> (Vec<Halt>, bool) {
        let scenes = self.rig.rest.scenes.len();
        let all = match transitions {
            Transitions::Automatic => scenes * scenes.saturating_sub(1) <= MANY,
            Transitions::All => true,
            Transitions::Setlist => false,
        };
        if all {
            return (circuit(scenes).into_iter().map(|scene| (scene, None)).collect(), true);
        }
        let mut halts: Vec<Halt> = if self.rig.rest.songs.is_empty() {
            (0..scenes).map(|scene| (scene, None)).collect()
        } else {
            let songs = self.songs_in_order().into_iter().enumerate();
            songs
                .flat_map(|(place, song)| {
                    let scenes = self.scenes_of(song).into_iter().enumerate();
                    scenes.map(move |(at, scene)| (scene, Some((place, at)))).collect::<Vec<_>>()
                })
                .collect()
        };
        let back: Vec<Halt> = halts.iter().rev().skip(1).copied().collect();
        halts.extend(back);
        halts.dedup_by_key(|halt| halt.0);
        let neighbours: std::collections::BTreeSet<_> = halts.windows(2).map(|pair| (pair[0].0, pair[1].0)).collect();
        (halts, neighbours.len() == scenes * scenes.saturating_sub(1))
    }
}

/// A closed walk that goes from each of `count` places to each other exactly once. As many ways lead to a place as from it,
/// so that one exists (Euler); it is found as Hierholzer did.
fn circuit(count: usize) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let mut left: Vec<Vec<usize>> =
        (0..count).map(|from| (0..count).rev().filter(|&to| to != from).collect()).collect();
    let (mut open, mut walk) = (vec![0], Vec::with_capacity(count * (count - 1) + 1));
    while let Some(&at) = open.last() {
        match left[at].pop() {
            Some(next) => open.push(next),
            None => walk.extend(open.pop()),
        }
    }
    walk.reverse();
    walk
}

#[cfg(test)]
mod tests {
    use super::circuit;
    use std::collections::BTreeSet;

    /// n (n - 1) switches, none twice, and back to where it began.
    #[test]
    fn a_circuit_has_every_switch_once() {
        assert_eq!((circuit(0), circuit(1)), (vec![], vec![0]));
        for count in 2..12 {
            let walk = circuit(count);
            let switches: BTreeSet<_> = walk.windows(2).map(|pair| (pair[0], pair[1])).collect();
            assert_eq!((walk.len() - 1, switches.len()), (count * (count - 1), count * (count - 1)));
            assert!(switches.iter().all(|(from, to)| from != to) && walk[0] == *walk.last().unwrap());
        }
    }
}
