//! Scenes, songs and the setlist while they are played. A scene says what differs from the rig's *base*: the values that
//! the rig has while no scene plays. Never reaches the renderer but by the engine's own commands.
//!
//! What a scene does not say has its base value, so a switch from anywhere leads to the same values: to each key that any
//! scene says goes the scene's value or the base's, and only where it is another one than now. What no scene says is
//! never touched by a switch.
//!
//! An edit while a scene plays is heard at once and belongs to nobody yet: the scene is *modified* until it is stored, or
//! left. With the next switch an edit of what some scene says gives way to the scene played then; any other becomes one
//! of the base. While no scene plays every edit is one of the base. The rig file has the base, whatever plays.

mod edit;
pub(crate) mod moments;
mod plan;
mod resolve;
mod setlist;
mod shared;
mod show;
mod spill;
mod start;
mod store;
mod switch;
#[cfg(test)]
pub(crate) mod tests;
mod unstored;
mod value;
mod whole;

pub use edit::SceneEdit;
pub use moments::{AUTOMATIC_MOMENTS, MOST_MOMENTS, MomentEdit, MomentSnapshot};
pub use show::{Readiness, SceneSnapshot, ScenesSnapshot, SongSnapshot};
pub use store::Capture;

pub(crate) use edit::{Book, check_timing, check_title};
pub(crate) use moments::MomentStep;
pub(crate) use plan::{Destination, Wish};
pub(crate) use resolve::Question;
pub(crate) use value::{Key, Value};
pub(crate) use whole::Whole;

use crosspoint_graph::{NodeId, SceneStart};
use resolve::Resolved;
use shared::Shared;
use start::Start;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use value::Setting;

/// What is known of the scenes beside what the file says.
#[derive(Debug, Default)]
pub(crate) struct Scenes {
    /// Which plays, by its place in the document.
    playing: Option<usize>,
    /// The rig without any scene, as of the last switch. Of use while a scene plays.
    base: Setting,
    /// All values as they were when the scene had been switched to or stored.
    expected: Setting,
    /// Where in the setlist: which of its songs, which of that song's scenes.
    position: Option<(usize, usize)>,
    /// A scene that is to be played as soon as it is prepared.
    wanted: Option<Wanted>,
    /// What the scenes mean for the graph as it is, by their places.
    resolved: Vec<Resolved>,
    /// The keys that any of them says, in order.
    said: Arc<[Key]>,
    /// Whether `resolved` may be outdated for another reason than the graph.
    pub stale: bool,
    /// What texts of parameters mean: none as long as the plugin was only asked.
    texts: HashMap<Question, Option<Result<f64, String>>>,
    /// Whether the renderer plays already what is being switched to, so that it is only to be noted.
    pub is_heard: bool,
    /// The plan of the scene that the renderer plays with the next beat or bar.
    start: Option<Start>,
    /// The plan by which the renderer waits already for the beat of what is being asked for.
    pub called_by: Option<u16>,
    /// The plan of a mapping that the renderer has carried out last, and at which frame.
    pub carried_out: Option<(u16, u64)>,
    /// The plugins that have a scene's state instead of the base's.
    pub shared: Shared,
    /// What nodes were called when the scenes were last looked at.
    names: BTreeMap<NodeId, String>,
}

/// A scene that was asked for.
#[derive(Clone, Debug)]
struct Wanted {
    scene: usize,
    position: Option<(usize, usize)>,
    /// When it is to take over; none for when it says itself.
    start: Option<SceneStart>,
    /// Whether it was told that it is not prepared.
    is_told: bool,
}

impl Scenes {
    /// A rig was loaded: it plays as its file says.
    pub fn reset(&mut self) {
        // The renderer is told by the next poll.
        *self = Self { stale: true, start: self.start.take(), ..Self::default() };
    }

    /// The place of the scene that plays.
    pub fn playing_place(&self) -> Option<usize> {
        self.playing
    }

    /// What a plugin made of a text.
    pub fn answered(&mut self, question: Question, value: Result<f64, String>) {
        self.texts.insert(question, Some(value));
        self.stale = true;
    }

    /// What the base has where scenes say something; nothing if no scene plays.
    fn said_of_base(&self) -> impl Iterator<Item = (Key, Value)> {
        let is_said = |key: &Key| self.resolved.iter().any(|scene| scene.setting.contains_key(key));
        let is_timing = |key: &Key| matches!(key, Key::Tempo | Key::Metre);
        let base = self.base.iter().filter(move |(key, _)| is_timing(key) || is_said(key));
        base.map(|(&key, &value)| (key, value)).filter(|_| self.playing.is_some())
    }
}
