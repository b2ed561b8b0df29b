//! Looks at files for clients, on a thread of its own: a disk that is slow, or a folder of another machine, keeps neither the
//! server nor the engine waiting. Does one thing after the other, and refuses what would queue up.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How much may wait to be looked at.
const WAITING: usize = 16;

type Job = Box<dyn FnOnce() + Send>;

/// Whoever looks. The thread ends with this and with what was begun.
pub struct Clerk {
    jobs: SyncSender<Job>,
}

impl Clerk {
    /// Begins.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn new() -> io::Result<Self> {
        let (jobs, inbox) = sync_channel::<Job>(WAITING);
        let work = move || inbox.into_iter().for_each(|job| job());
        std::thread::Builder::new().name("remote files".to_owned()).spawn(work)?;
        Ok(Self { jobs })
    }

    /// Has something looked at; what comes of it is received.
    ///
    /// # Errors
    /// If too much waits already.
    pub fn ask<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<Receiver<T>, String> {
        let (answer, answers) = sync_channel(1);
        // Who asked may be gone.
        let job: Job = Box::new(move || drop(answer.send(job())));
        match self.jobs.try_send(job) {
            Ok(()) => Ok(answers),
            Err(_) => Err("too many files are asked for at once; try again".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that takes its time holds up others, not those who ask; more than may wait are refused.
    #[test]
    fn who_asks_never_waits() {
        let clerk = Clerk::new().unwrap();
        let (go, gate) = sync_channel::<()>(0);
        let (begin, begun) = sync_channel(1);
        let slow = clerk.ask(move || begin.send(()).is_ok() && gate.recv().is_ok()).unwrap();
        begun.recv().unwrap();
        let mut asked = Vec::new();
        let refused = loop {
            match clerk.ask(|| 7) {
                Ok(answer) => asked.push(answer),
                Err(refused) => break refused,
            }
        };
        assert!(refused.contains("too many") && asked.len() == WAITING, "{}", asked.len());
        assert!(slow.try_recv().is_err() && asked[0].try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(slow.recv(), Ok(true));
        assert!(asked.iter().all(|answer| answer.recv() == Ok(7)));
    }
}
