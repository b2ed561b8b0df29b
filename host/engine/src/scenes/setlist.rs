//! Songs in their order, and the way through them: next and previous scene and song. Names that are not there are passed
//! over.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;

/// A place on the way: a song, a scene of it, and that scene's place among all.
pub(super) type Stop = (usize, usize, usize);

pub(super) fn next_scene(places: &[Stop], now: Option<usize>) -> Option<usize> {
    now.map_or((!places.is_empty()).then_some(0), |now| Some(now + 1))
}

pub(super) fn previous_scene(_: &[Stop], now: Option<usize>) -> Option<usize> {
    now?.checked_sub(1)
}

pub(super) fn next_song(places: &[Stop], now: Option<usize>) -> Option<usize> {
    match now.and_then(|now| places.get(now)) {
        Some(&(song, ..)) => places.iter().position(|place| place.0 > song),
        None => Some(0),
    }
}

pub(super) fn previous_song(places: &[Stop], now: Option<usize>) -> Option<usize> {
    let song = places.get(now?)?.0;
    let before = places.iter().rev().find(|place| place.0 < song)?.0;
    places.iter().position(|place| place.0 == before)
}

pub(super) fn place_of(places: &[Stop], song: usize, scene: usize) -> Option<usize> {
    places.iter().position(|place| (place.0, place.1) == (song, scene))
}

impl<P: Plugins> Engine<P> {
    /// Plays the next scene of the song, or the first of the next song. Without songs, the next of all scenes. False if
    /// there is none.
    ///
    /// # Errors
    /// As [`Self::play_scene`].
    pub fn next_scene(&mut self) -> Result<bool, EngineError> {
        self.go(next_scene)
    }

    /// Plays the scene before, which may be the last of the song before. False if there is none.
    ///
    /// # Errors
    /// As [`Self::play_scene`].
    pub fn previous_scene(&mut self) -> Result<bool, EngineError> {
        self.go(previous_scene)
    }

    /// Plays the first scene of the next song. False if there is none.
    ///
    /// # Errors
    /// As [`Self::play_scene`].
    pub fn next_song(&mut self) -> Result<bool, EngineError> {
        self.go(next_song)
    }

    /// Plays the first scene of the song before. False if there is none.
    ///
    /// # Errors
    /// As [`Self::play_scene`].
    pub fn previous_song(&mut self) -> Result<bool, EngineError> {
        self.go(previous_song)
    }

    /// Plays a scene of a song: both by their places, from 0, in the setlist and in the song. False if there is none.
    ///
    /// # Errors
    /// As [`Self::play_scene`].
    pub fn play_song(&mut self, song: usize, scene: usize) -> Result<bool, EngineError> {
        self.go(|places, _| place_of(places, song, scene))
    }

    /// Goes to another of the places there are.
    fn go(&mut self, to: impl FnOnce(&[Stop], Option<usize>) -> Option<usize>) -> Result<bool, EngineError> {
        match self.way(to) {
            Some((scene, position)) => {
                self.want_scene(scene, position, None)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The scene to which a way leads from here, and its position in the setlist.
    pub(super) fn way(
        &self,
        to: impl FnOnce(&[Stop], Option<usize>) -> Option<usize>,
    ) -> Option<(usize, Option<(usize, usize)>)> {
        let places = self.places();
        // One who is on the way to a scene goes on from there.
        let wanted = self.scenes.wanted.as_ref().map(|wanted| (wanted.position, Some(wanted.scene)));
        let (position, scene) = wanted.unwrap_or((self.scenes.position, self.scenes.playing));
        let has_songs = !self.rig.rest.songs.is_empty();
        let now = match has_songs {
            true => places.iter().position(|place| Some((place.0, place.1)) == position),
            false => places.iter().position(|place| Some(place.2) == scene),
        };
        let &(song, in_song, scene) = places.get(to(&places, now)?)?;
        Some((scene, has_songs.then_some((song, in_song))))
    }

    fn places(&self) -> Vec<Stop> {
        if self.rig.rest.songs.is_empty() {
            return (0..self.rig.rest.scenes.len()).map(|scene| (0, scene, scene)).collect();
        }
        let songs = self.songs_in_order().into_iter().enumerate();
        songs
            .flat_map(|(place, song)| {
                let scenes = self.scenes_of(song).into_iter().enumerate();
                scenes.map(move |(in_song, scene)| (place, in_song, scene))
            })
            .collect()
    }

    /// The songs of the setlist by their places in the document.
    pub(crate) fn songs_in_order(&self) -> Vec<usize> {
        let rest = &self.rig.rest;
        if rest.setlist.is_empty() {
            return (0..rest.songs.len()).collect();
        }
        rest.setlist.iter().filter_map(|name| rest.songs.iter().position(|song| song.name == *name)).collect()
    }

    /// The name of the scene that plays.
    pub(crate) fn playing_scene(&self) -> Option<&str> {
        self.rig.rest.scenes.get(self.scenes.playing?).map(|scene| scene.name.as_str())
    }

    /// The name of the song that plays.
    pub(crate) fn playing_song(&self) -> Option<&str> {
        let (song, _) = self.scenes.position?;
        let place = *self.songs_in_order().get(song)?;
        self.rig.rest.songs.get(place).map(|song| song.name.as_str())
    }

    /// Where in the setlist a song is first.
    pub(crate) fn song_in_order(&self, name: &str) -> Option<usize> {
        self.songs_in_order().iter().position(|&song| self.rig.rest.songs[song].name == name)
    }

    /// The scenes of a song by their places in the document.
    pub(crate) fn scenes_of(&self, song: usize) -> Vec<usize> {
        let rest = &self.rig.rest;
        let place = |name: &String| rest.scenes.iter().position(|scene| scene.name == *name);
        rest.songs.get(song).into_iter().flat_map(|song| song.scenes.iter().filter_map(place)).collect()
    }

    /// Where in the song that plays a scene is; where it was asked for otherwise, nothing moves.
    pub(super) fn position_of(&self, scene: usize) -> Option<(usize, usize)> {
        let (song, _) = self.scenes.position?;
        let scenes = self.scenes_of(*self.songs_in_order().get(song)?);
        scenes.iter().position(|&known| known == scene).map(|in_song| (song, in_song))
    }
}
