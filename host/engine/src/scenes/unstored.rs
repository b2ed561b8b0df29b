//! What was changed while a scene plays and belongs to nobody yet, as a scene of its own: to be kept over a crash.

use super::Scenes;
use super::value::{Key, Setting, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::SceneEntry;

impl<P: Plugins> Engine<P> {
    /// What was changed since the scene that plays was switched to or stored, of what any scene says: all else is the
    /// rig's. None if nothing was.
    pub(crate) fn unstored_edits(&self) -> Option<SceneEntry> {
        self.scenes.playing?;
        let (mut edits, live) = (SceneEntry::default(), self.live());
        for (key, value) in self.unstored(&live) {
            self.put(&mut edits, key, value);
        }
        (edits != SceneEntry::default()).then_some(edits)
    }

    /// Whether there are such edits, where these are the values.
    pub(super) fn has_unstored_edits(&self, live: &Setting) -> bool {
        self.scenes.playing.is_some() && self.unstored(live).next().is_some()
    }

    fn unstored<'l>(&'l self, live: &'l Setting) -> impl Iterator<Item = (Key, Value)> + 'l {
        let Scenes { said, shared, .. } = &self.scenes;
        let is_edited = move |(key, value): &(&Key, &Value)| {
            (said.binary_search(key).is_ok() || shared.is_of_held(key))
                && self.scenes.expected.get(key).is_some_and(|known| known != *value)
        };
        live.iter().filter(is_edited).map(|(&key, &value)| (key, value))
    }

    /// Takes on what a scene says, as if somebody had edited it by hand: what plays plays on, modified.
    ///
    /// # Errors
    /// If the renderer takes nothing.
    pub fn take_edits(&mut self, edits: &SceneEntry) -> Result<(), EngineError> {
        let nodes = self.nodes_by_name();
        let changes: Vec<(Key, Value)> = self.resolve(edits, &nodes).setting.into_iter().collect();
        self.carry_out(&changes, None)
    }

    /// The scene that plays, by its name, and its place in the setlist.
    pub(crate) fn playing_now(&self) -> (Option<String>, Option<(usize, usize)>) {
        (self.playing_scene().map(str::to_owned), self.scenes.position)
    }

    /// Whether a scene was asked for and does not play yet.
    pub(crate) fn is_switching(&self) -> bool {
        self.scenes.wanted.is_some()
    }
}
