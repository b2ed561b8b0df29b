//! Answers that come later. Whoever asks may look now and then, or wait if the engine is on another thread.

use crate::error::EngineError;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Where an answer goes once it is there.
pub(crate) type Reply<T> = Box<dyn FnOnce(Result<T, EngineError>) + Send>;

/// An answer that comes with a later [`Engine::poll`](crate::Engine::poll).
///
/// # Threads
/// May be sent. [`Pending::wait`] only where another thread polls the engine.
#[must_use = "this is the answer; drop it by name if nobody wants it"]
pub struct Pending<T>(Receiver<Result<T, EngineError>>);

impl<T: Send + 'static> Pending<T> {
    /// An answer to come, and the way to give it.
    pub(crate) fn new() -> (Reply<T>, Self) {
        let (answer, answers) = channel();
        // Whoever asked may have stopped waiting.
        let reply = move |result| drop(answer.send(result));
        (Box::new(reply), Self(answers))
    }

    /// The answer, once, if it is there.
    pub fn try_take(&self) -> Option<Result<T, EngineError>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(EngineError::Gone)),
        }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// What went wrong, or [`EngineError::Gone`] if the engine was dropped before.
    pub fn wait(self) -> Result<T, EngineError> {
        self.0.recv().unwrap_or(Err(EngineError::Gone))
    }
}
