//! Scenes, songs and the setlist as a document.

use crate::remote::order::StartWord;
use crosspoint::{Readiness, ScenesSnapshot};
use serde::Serialize;

/// Scenes and what of them plays.
#[derive(Serialize)]
pub struct Scenes {
    scenes: Vec<Scene>,
    /// The name of the one that plays; null while the rig plays as it is.
    playing: Option<String>,
    /// The name of the one that plays as soon as it is prepared.
    awaited: Option<String>,
    /// What that one waits for beside it: `now` for nothing, `beat` or `bar`.
    awaited_start: StartWord,
    /// Whether anything was changed since it was switched to or stored.
    is_modified: bool,
    /// In the order of the setlist.
    songs: Vec<Song>,
    /// Which song of the setlist, and which of its scenes, both from 1.
    position: Option<(usize, usize)>,
}

#[derive(Serialize)]
struct Scene {
    name: String,
    note: String,
    /// When it takes over: `now`, `beat` or `bar`.
    start: StartWord,
    /// Whether it can be played at once.
    is_prepared: bool,
    /// What it waits for.
    waits_for: Vec<String>,
    /// The nodes whose plugins have a whole state in it.
    states: Vec<String>,
    /// What of it cannot be had.
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Song {
    name: String,
    note: String,
    /// By name.
    scenes: Vec<String>,
}

impl Scenes {
    /// Those of a snapshot.
    pub fn of(snapshot: &ScenesSnapshot) -> Self {
        let name = |place: usize| snapshot.scenes.get(place).map(|scene| scene.name.clone());
        let scenes = snapshot.scenes.iter().map(|scene| {
            let waits_for = match &scene.readiness {
                Readiness::Preparing(waits_for) => waits_for.clone(),
                _ => Vec::new(),
            };
            Scene {
                name: scene.name.clone(),
                note: scene.note.clone(),
                start: scene.start.into(),
                is_prepared: scene.readiness == Readiness::Prepared,
                waits_for,
                states: scene.states.clone(),
                missing: scene.missing.clone(),
            }
        });
        let songs = snapshot.songs.iter().map(|song| Song {
            name: song.name.clone(),
            note: song.note.clone(),
            scenes: song.scenes.iter().filter_map(|&place| name(place)).collect(),
        });
        Self {
            scenes: scenes.collect(),
            playing: snapshot.playing.and_then(name),
            awaited: snapshot.awaited.and_then(name),
            awaited_start: snapshot.awaited_start.into(),
            is_modified: snapshot.is_modified,
            songs: songs.collect(),
            position: snapshot.position.map(|(song, scene)| (song + 1, scene + 1)),
        }
    }
}
