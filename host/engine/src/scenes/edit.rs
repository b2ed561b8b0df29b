//! Changes of scenes, songs and the setlist, each a step of the history. Never heard: what plays plays on.

use super::moments;
use super::value::Setting;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::session::{MAX_FADE, MappingEntry, MappingTarget, SceneEntry, SongEntry, TEMPO_RANGE, is_title};
use crosspoint_graph::is_metre;

/// A change of scenes, songs or the setlist.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SceneEdit {
    /// Puts a scene in the place of the one of its name, or after the last one. If it plays it is played anew to be heard.
    /// The whole states of plugins that it does not name stay: [`Engine::share_state`] gives and takes them.
    SetScene(SceneEntry),
    /// Removes a scene. Songs that name it pass it over. If it plays, what is heard becomes the rig's.
    RemoveScene(String),
    /// Gives a scene another name, in the songs too.
    RenameScene {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
    /// Moves a scene to another place among all.
    MoveScene {
        /// Its name.
        scene: String,
        /// Its place after that, from 0; beyond the last one is the end.
        place: usize,
    },
    /// Puts a song in the place of the one of its name, or after the last one.
    SetSong(SongEntry),
    /// Removes a song. The setlist passes it over.
    RemoveSong(String),
    /// Gives a song another name, in the setlist too.
    RenameSong {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
    /// Puts the songs in another order, one perhaps twice; an empty one is the order in which they stand.
    SetSetlist(Vec<String>),
}

/// All scenes and songs, and the mappings, which speak of them: what a step of the history brings back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Book {
    scenes: Vec<SceneEntry>,
    songs: Vec<SongEntry>,
    setlist: Vec<String>,
    mappings: Vec<MappingEntry>,
    /// Where each of its scenes is in the book that it takes the place of; none for one that is new.
    places: Vec<Option<usize>>,
}

impl<P: Plugins> Engine<P> {
    /// Changes scenes, songs or the setlist: a step of the history.
    ///
    /// # Errors
    /// [`EngineError::UnknownScene`], [`EngineError::UnknownSong`], [`EngineError::Title`] or
    /// [`EngineError::OutOfRange`]; nothing is changed then.
    pub fn edit_scenes(&mut self, edit: SceneEdit) -> Result<(), EngineError> {
        let mut book = self.book();
        match edit {
            SceneEdit::SetScene(mut scene) => {
                check_title(&scene.name)?;
                check_timing(scene.tempo, scene.metre)?;
                if let Some(fade) = scene.fade.filter(|fade| !(0.0..=MAX_FADE).contains(fade)) {
                    return Err(EngineError::OutOfRange {
                        what: "a cross-fade",
                        value: fade,
                        range: "0 to 60 seconds",
                    });
                }
                if let Some(known) = book.scenes.iter().find(|known| known.name == scene.name) {
                    for (node, state) in &known.states {
                        scene.states.entry(node.clone()).or_insert_with(|| state.clone());
                    }
                }
                book.set_scene(scene);
            }
            SceneEdit::RemoveScene(name) => {
                let place = self.scene_place(&name)?;
                book.scenes.remove(place);
                book.places.remove(place);
            }
            SceneEdit::RenameScene { from, to } => {
                let place = self.scene_place(&from)?;
                check_title(&to)?;
                if book.scenes.iter().enumerate().any(|(other, scene)| other != place && scene.name == to) {
                    return Err(EngineError::Title { name: to, problem: "is taken" });
                }
                let songs = book.songs.iter_mut().flat_map(|song| &mut song.scenes);
                let mappings = book.mappings.iter_mut().flat_map(names_of_scenes);
                songs.chain(mappings).filter(|name| **name == from).for_each(|name| name.clone_from(&to));
                book.scenes[place].name = to;
            }
            SceneEdit::MoveScene { scene, place } => {
                let from = self.scene_place(&scene)?;
                let (scene, was) = (book.scenes.remove(from), book.places.remove(from));
                let place = place.min(book.scenes.len());
                book.scenes.insert(place, scene);
                book.places.insert(place, was);
            }
            SceneEdit::SetSong(song) => {
                check_title(&song.name)?;
                check_timing(song.tempo, song.metre)?;
                match book.songs.iter_mut().find(|known| known.name == song.name) {
                    Some(known) => *known = song,
                    None => book.songs.push(song),
                }
            }
            SceneEdit::RemoveSong(name) => {
                let place = self.song_place(&name)?;
                book.songs.remove(place);
            }
            SceneEdit::RenameSong { from, to } => {
                let place = self.song_place(&from)?;
                check_title(&to)?;
                if book.songs.iter().enumerate().any(|(other, song)| other != place && song.name == to) {
                    return Err(EngineError::Title { name: to, problem: "is taken" });
                }
                let mappings = book.mappings.iter_mut().filter_map(|mapping| match &mut mapping.target {
                    MappingTarget::Song(name) => Some(name),
                    _ => None,
                });
                let names = book.setlist.iter_mut().chain(mappings);
                names.filter(|name| **name == from).for_each(|name| name.clone_from(&to));
                book.songs[place].name = to;
            }
            SceneEdit::SetSetlist(songs) => {
                for name in &songs {
                    self.song_place(name)?;
                }
                book.setlist = songs;
            }
        }
        self.change_book(book);
        Ok(())
    }

    fn song_place(&self, name: &str) -> Result<usize, EngineError> {
        let songs = &self.rig.rest.songs;
        songs.iter().position(|song| song.name == name).ok_or_else(|| EngineError::UnknownSong {
            name: name.to_owned(),
            known: songs.iter().map(|song| song.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The scenes and songs as they are.
    pub(crate) fn book(&self) -> Book {
        let rest = &self.rig.rest;
        let places = (0..rest.scenes.len()).map(Some).collect();
        Book {
            scenes: rest.scenes.clone(),
            songs: rest.songs.clone(),
            setlist: rest.setlist.clone(),
            mappings: rest.mappings.clone(),
            places,
        }
    }

    /// Puts another book in the place of the one there is: a step of the history.
    pub(super) fn change_book(&mut self, book: Book) {
        let before = self.open_book(book);
        self.remember_step(Step::Scenes(Box::new(before)));
    }

    /// Puts other mappings in the place of those there are: a step of the history.
    pub(crate) fn change_mappings(&mut self, mappings: Vec<MappingEntry>) {
        let book = self.book();
        self.change_book(Book { mappings, ..book });
    }

    /// Puts another book in the place of the one there is; gives the one that leads back.
    pub(crate) fn open_book(&mut self, book: Book) -> Book {
        let mut before = self.book();
        let rest = &mut self.rig.rest;
        let place = |scene: usize| book.places.iter().position(|&was| was == Some(scene));
        before.places = (0..rest.scenes.len()).map(place).collect();
        let follow = |scene: Option<usize>| scene.and_then(place);
        let renamed = rest.scenes.iter().enumerate().filter_map(|(was, scene)| {
            let now = &book.scenes[place(was)?].name;
            (*now != scene.name).then(|| (scene.name.clone(), now.clone()))
        });
        moments::rename_scenes(&mut rest.moments, &renamed.collect::<Vec<_>>());
        (rest.scenes, rest.songs, rest.setlist) = (book.scenes, book.songs, book.setlist);
        rest.mappings = book.mappings;
        let playing = follow(self.scenes.playing);
        if playing.is_none() {
            // What is heard is the rig's from now on.
            (self.scenes.base, self.scenes.expected) = (Setting::new(), Setting::new());
            self.scenes.shared.keep();
        }
        self.scenes.playing = playing;
        // Scenes may have other places now: what is still wanted is called for anew.
        let was_called_off = self.call_off().unwrap_or_else(|error| {
            tracing::warn!("{error}");
            true
        });
        let mut wanted = self.scenes.wanted.take();
        if let Some(wanted) = &mut wanted
            && let Some(scene) = follow(Some(wanted.scene))
        {
            wanted.scene = scene;
            self.scenes.wanted = Some(wanted.clone());
        }
        self.scenes.stale = true;
        self.snapshot.outdate();
        if was_called_off {
            self.play_wanted_scene();
        }
        self.tell_control();
        before
    }
}

/// All that a mapping calls scenes by.
fn names_of_scenes(mapping: &mut MappingEntry) -> impl Iterator<Item = &mut String> {
    let target = match &mut mapping.target {
        MappingTarget::Scene(name) => Some(name),
        _ => None,
    };
    mapping.scenes.iter_mut().chain(target)
}

impl Book {
    /// The scene of a place.
    pub(crate) fn scene_mut(&mut self, place: usize) -> &mut SceneEntry {
        &mut self.scenes[place]
    }

    /// Puts a scene in the place of the one of its name, or after the last one. Says which it is.
    pub(super) fn set_scene(&mut self, scene: SceneEntry) -> usize {
        if let Some(place) = self.scenes.iter().position(|known| known.name == scene.name) {
            self.scenes[place] = scene;
            return place;
        }
        self.scenes.push(scene);
        self.places.push(None);
        self.scenes.len() - 1
    }
}

pub(crate) fn check_title(name: &str) -> Result<(), EngineError> {
    match is_title(name) {
        true => Ok(()),
        false => Err(EngineError::Title { name: name.to_owned(), problem: "is empty, or begins or ends blank" }),
    }
}

/// That a tempo and a metre make sense, if there are any.
pub(crate) fn check_timing(tempo: Option<f64>, metre: Option<(u16, u16)>) -> Result<(), EngineError> {
    if let Some(tempo) = tempo.filter(|tempo| !(TEMPO_RANGE.0..=TEMPO_RANGE.1).contains(tempo)) {
        return Err(EngineError::OutOfRange {
            what: "a tempo",
            value: tempo,
            range: "1 to 1000 quarter notes a minute",
        });
    }
    match metre.filter(|&metre| !is_metre(metre)) {
        Some((beats, _)) => {
            let range = "1 to 256 beats of a power of two up to 64";
            Err(EngineError::OutOfRange { what: "a metre", value: f64::from(beats), range })
        }
        None => Ok(()),
    }
}
