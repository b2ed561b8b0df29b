//! A state that the history keeps: filled on the main thread when something else takes its place, and given back from there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A place for a state, empty until the main thread has come by, and for good if the plugin has none. The control half
/// hands it on and never looks inside, so that it waits for nobody.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Option<Vec<u8>>>>);

impl Kept {
    /// Main thread.
    pub(super) fn put(&self, state: Option<Vec<u8>>) {
        *self.lock() = state;
    }

    /// Main thread. It is needed once: what undoes the undoing is another.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
