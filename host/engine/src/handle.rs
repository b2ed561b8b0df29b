//! Reaching the engine from other threads. Never touches the engine itself: what is posted is done by its next poll.

use crate::engine::Engine;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Something for the engine to do on its own thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// The engine as seen from another thread. Cheap to clone.
///
/// # Threads
/// Any, but the callback: posting allocates.
#[derive(Clone)]
pub struct EngineHandle {
    jobs: Sender<Job>,
}

impl EngineHandle {
    pub(crate) fn new() -> (Self, Receiver<Job>) {
        let (jobs, inbox) = channel();
        (Self { jobs }, inbox)
    }

    /// Lets the engine do something with its next [`Engine::poll`]. False if the engine is gone.
    pub fn post(&self, job: impl FnOnce(&mut Engine) + Send + 'static) -> bool {
        self.jobs.send(Box::new(job)).is_ok()
    }

    /// As [`Self::post`], with an answer to wait for: the receiver fails if the engine is gone.
    pub fn ask<R: Send + 'static>(&self, job: impl FnOnce(&mut Engine) -> R + Send + 'static) -> Receiver<R> {
        let (answer, answers) = channel();
        self.post(move |engine| {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(job(engine));
        });
        answers
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Engine, EngineSettings};

    /// Another thread asks; the answer comes with the next poll, and no more once the engine is gone.
    #[test]
    fn another_thread_is_answered_by_a_poll() {
        let mut engine = Engine::new(EngineSettings::default());
        let handle = engine.handle();
        let asking = std::thread::spawn({
            let handle = handle.clone();
            move || handle.ask(|engine| engine.add_input("guitar", "guitar", &[Some(0)]).is_ok())
        });
        let answer = asking.join().unwrap();
        assert!(answer.try_recv().is_err(), "nothing is done before the poll");
        engine.poll();
        assert_eq!(answer.try_recv(), Ok(true));
        assert_eq!(engine.graph().node_count(), 1);
        drop(engine);
        assert!(!handle.post(|_| {}));
    }
}
