//! What was changed while a scene plays and belongs to nobody yet, as a scene of its own: to be kept over a crash.

use super::value::{Key, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::SceneEntry;

impl<P: Plugins> Engine<P> {
    /// What was changed since the scene that plays was switched to or stored, of what any scene says: all else is the
    /// rig's. None if nothing was.
    pub(crate) fn unstored_edits(&self) -> Option<SceneEntry> {
        self.scenes.playing?;
        let (mut edits, said) = (SceneEntry::default(), self.said_keys());
        let is_edited = |(key, value): &(&Key, &Value)| {
            said.contains(key) && self.scenes.expected.get(key).is_some_and(|known| known != *value)
        };
        for (&key, &value) in self.live().iter().filter(is_edited) {
            self.put(&mut edits, key, value);
        }
        (edits != SceneEntry::default()).then_some(edits)
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
