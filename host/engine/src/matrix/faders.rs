//! The faders of groups and mixes, by a number for those who hold many values: scenes and controllers. One that is renamed keeps
//! its number, and what speaks of it calls it by its new name. Sends nothing.

use super::entries::{Named, entry_of, named};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::scenes::moments;
use crate::session::{Fader, FaderPlace, GroupEntry, MappingEntry, MixEntry};

/// The fader of a group or mix, as long as the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FaderKey(u16);

/// All that ever had a number.
#[derive(Debug, Default)]
pub(crate) struct Faders {
    places: Vec<FaderPlace>,
}

impl Faders {
    /// The fader of a number.
    pub fn place(&self, key: FaderKey) -> Option<&FaderPlace> {
        self.places.get(usize::from(key.0))
    }

    fn key(&self, place: &FaderPlace) -> Option<FaderKey> {
        // More of them than that nobody has.
        self.places.iter().position(|known| known == place).map(|number| FaderKey(number as u16))
    }

    fn note(&mut self, place: FaderPlace) {
        if self.key(&place).is_none() {
            self.places.push(place);
        }
    }

    fn rename(&mut self, from: &FaderPlace, to: &FaderPlace) {
        self.note(to.clone());
        for place in &mut self.places {
            if place == from {
                place.clone_from(to);
            } else if place == to {
                place.clone_from(from);
            }
        }
    }
}

/// Something with a fader.
pub(super) trait Faded: Named {
    fn fader(&self) -> Fader;
    fn fader_mut(&mut self) -> &mut Fader;
}

impl Faded for GroupEntry {
    fn fader(&self) -> Fader {
        self.fader
    }

    fn fader_mut(&mut self) -> &mut Fader {
        &mut self.fader
    }
}

impl Faded for MixEntry {
    fn fader(&self) -> Fader {
        self.fader
    }

    fn fader_mut(&mut self) -> &mut Fader {
        &mut self.fader
    }
}

/// The names that entries had in a list and those that they have, of all that are in their places under another name.
pub(super) fn renamed<T: Named>(before: &[T], now: &[T]) -> Vec<(String, String)> {
    let is_whole = before.len() == now.len();
    let pairs = before.iter().zip(now).filter(|_| is_whole).map(|(before, now)| (before.name(), now.name()));
    let is_renamed = |(was, is): &(&str, &str)| was != is && named(now, was).is_none() && named(before, is).is_none();
    pairs.filter(is_renamed).map(|(was, is)| (was.to_owned(), is.to_owned())).collect()
}

/// Leaves faders that a step does not move where they are now, which is elsewhere than the edit has left them if a controller or
/// a scene has moved them since: undo takes back what was edited, not what was played.
pub(super) fn keep_played<T: Faded>(to: &mut [T], from: &[T], now: &[T]) {
    let renamed = renamed(to, from);
    for entry in to {
        let called = renamed.iter().find(|(was, _)| was == entry.name()).map_or(entry.name(), |(_, is)| is);
        let (Some(made), Some(now)) = (named(from, called), named(now, called)) else { continue };
        let (made, now, fader) = (made.fader(), now.fader(), entry.fader_mut());
        if fader.gain == made.gain {
            fader.gain = now.gain;
        }
        if fader.muted == made.muted {
            fader.muted = now.muted;
        }
    }
}

impl<P: Plugins> Engine<P> {
    /// Gives a number to each fader that has none.
    pub(crate) fn note_faders(&mut self) {
        let groups = self.rig.rest.groups.iter().map(|group| FaderPlace::Group(group.name.clone()));
        let mixes = self.rig.rest.mixes.iter().map(|mix| FaderPlace::Mix(mix.name.clone()));
        groups.chain(mixes).for_each(|place| self.faders.note(place));
    }

    /// All faders that there are and have a number.
    pub(crate) fn faders(&self) -> impl Iterator<Item = (FaderKey, Fader)> {
        let key = |number| FaderKey(number as u16);
        (0..self.faders.places.len()).filter_map(move |number| Some((key(number), self.fader(key(number))?)))
    }

    /// The fader of a place, if there is one.
    pub(crate) fn fader_key(&self, place: &FaderPlace) -> Option<FaderKey> {
        self.faders.key(place).filter(|&key| self.fader(key).is_some())
    }

    /// What a fader has.
    pub(crate) fn fader(&self, key: FaderKey) -> Option<Fader> {
        match self.faders.place(key)? {
            FaderPlace::Group(name) => named(&self.rig.rest.groups, name).map(|group| group.fader),
            FaderPlace::Mix(name) => named(&self.rig.rest.mixes, name).map(|mix| mix.fader),
        }
    }

    /// A fader to be moved without a step of the history. [`Self::publish_overlay`] lets it be heard.
    pub(crate) fn fader_mut(&mut self, key: FaderKey) -> Option<&mut Fader> {
        match self.faders.place(key)? {
            FaderPlace::Group(name) => entry_of(&mut self.rig.rest.groups, name).ok().map(|group| &mut group.fader),
            FaderPlace::Mix(name) => entry_of(&mut self.rig.rest.mixes, name).ok().map(|mix| &mut mix.fader),
        }
    }

    /// A group or mix was renamed: mappings, scenes and moments call it so too. What still speaks of a removed one of the new
    /// name speaks of the old name from now on, so that both are told apart and undo leads back.
    pub(super) fn rename_fader(&mut self, from: &FaderPlace, to: &FaderPlace) {
        self.faders.rename(from, to);
        let rest = &mut self.rig.rest;
        for known in rest.mappings.iter_mut().filter_map(MappingEntry::fader) {
            if known == from {
                known.clone_from(to);
            } else if known == to {
                known.clone_from(from);
            }
        }
        rest.scenes.iter_mut().for_each(|scene| scene.rename_fader(from, to));
        moments::rename_fader(&mut rest.moments, from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One keeps its number under another name, also if there was one of that name before.
    #[test]
    fn a_fader_keeps_its_number() {
        let group = |name: &str| FaderPlace::Group(name.to_owned());
        let mut faders = Faders::default();
        ["a", "b"].into_iter().for_each(|name| faders.note(group(name)));
        faders.note(FaderPlace::Mix("a".to_owned()));
        let [a, b] = ["a", "b"].map(|name| faders.key(&group(name)).unwrap());
        faders.rename(&group("a"), &group("c"));
        assert_eq!((faders.place(a), faders.key(&group("c"))), (Some(&group("c")), Some(a)));
        faders.rename(&group("c"), &group("b"));
        assert_eq!((faders.place(a), faders.place(b)), (Some(&group("b")), Some(&group("c"))));
    }
}
