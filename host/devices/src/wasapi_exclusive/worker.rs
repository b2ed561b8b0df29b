//! The thread that has the endpoints: it opens them, serves them while the stream runs, and closes them. Others ask it and
//! wait, but not for ever. No callback runs once it was told to rest, or is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::exchange::{Endpoints, Exchange, Plan};
use super::fault::Fault;
use crate::audio_thread::Scheduling;
use crate::error::OpenError;
use crate::joined::{JoinShared, Shared};

/// How long a driver may take for one request.
const PATIENCE: Duration = Duration::from_secs(20);

enum Request {
    /// Start the endpoints and serve them.
    Start(SyncSender<Result<(), StartError>>),
    /// Answer once nothing is served any more.
    Rest(SyncSender<()>),
}

/// Why the endpoints did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartError {
    Fault(Fault),
    Other(String),
}

/// A handle of the thread. Dropped, the endpoints are closed.
pub(super) struct Worker {
    requests: Option<Sender<Request>>,
    /// Has it leave the endpoints alone, once it is set.
    stop: Arc<AtomicBool>,
    /// Whether it serves them.
    is_running: Arc<AtomicBool>,
    /// Set once the system was asked, before anything is served.
    scheduling: Arc<OnceLock<Scheduling>>,
    ended: Receiver<()>,
}

impl Worker {
    /// Has a new thread open endpoints, and hands on what else came of that.
    pub fn start<E: Endpoints, T: Send + 'static>(
        device: &str,
        open: impl FnOnce() -> Result<(E, Plan, T), OpenError> + Send + 'static,
        shared: Shared,
        joined: Arc<JoinShared>,
    ) -> Result<(Self, T), OpenError> {
        let refused = |message: String| OpenError::Driver { device: device.to_owned(), message };
        let (requests, receiver) = mpsc::channel();
        let (opened, answer) = mpsc::sync_channel(1);
        let (end, ended) = mpsc::channel::<()>();
        let stop = Arc::new(AtomicBool::new(false));
        let seen_stop = Arc::clone(&stop);
        let is_running = Arc::<AtomicBool>::default();
        let shown_running = Arc::clone(&is_running);
        let scheduling = Arc::<OnceLock<Scheduling>>::default();
        let shown_scheduling = Arc::clone(&scheduling);
        let work = move || {
            // Dropped last: whoever waits for that knows that all else is gone.
            let _end = end;
            match open() {
                Ok((endpoints, plan, more)) => {
                    let (is_running, scheduling) = (shown_running, shown_scheduling);
                    let server = Server { endpoints, plan, shared, joined, is_running, scheduling };
                    if opened.send(Ok(more)).is_ok() {
                        server.serve(&receiver, &seen_stop);
                    }
                }
                Err(error) => _ = opened.send(Err(error)),
            }
        };
        let thread = std::thread::Builder::new().name("crosspoint-wasapi".to_owned()).spawn(work);
        thread.map_err(|error| refused(error.to_string()))?;
        let silent = |_| refused(format!("it did not answer within {} s", PATIENCE.as_secs()));
        let more = answer.recv_timeout(PATIENCE).map_err(silent)??;
        Ok((Self { requests: Some(requests), stop, is_running, scheduling, ended }, more))
    }

    /// How the system schedules the thread. `None` until it was asked, which it is before anything is served.
    pub fn scheduling(&self) -> Option<Scheduling> {
        self.scheduling.get().cloned()
    }

    /// Has it start the endpoints, unless they run.
    pub fn run(&self) -> Result<(), StartError> {
        if self.is_running.load(Ordering::Acquire) {
            return Ok(());
        }
        self.stop.store(false, Ordering::Release);
        self.ask(Request::Start).map_err(StartError::Other)?
    }

    /// Has it stop what runs. No callback runs any more when this returns without an error.
    pub fn rest(&self) -> Result<(), String> {
        self.stop.store(true, Ordering::Release);
        self.ask(Request::Rest)
    }

    fn ask<T>(&self, request: impl FnOnce(SyncSender<T>) -> Request) -> Result<T, String> {
        let (answer, answered) = mpsc::sync_channel(1);
        let sent = self.requests.as_ref().map(|requests| requests.send(request(answer)).is_ok());
        if sent != Some(true) {
            return Err("its thread is gone".to_owned());
        }
        answered.recv_timeout(PATIENCE).map_err(|_| format!("it did not answer within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.requests = None;
        // A driver that hangs keeps its thread, not us.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

struct Server<E> {
    endpoints: E,
    plan: Plan,
    shared: Shared,
    joined: Arc<JoinShared>,
    is_running: Arc<AtomicBool>,
    scheduling: Arc<OnceLock<Scheduling>>,
}

impl<E: Endpoints> Server<E> {
    fn serve(mut self, requests: &Receiver<Request>, stop: &AtomicBool) {
        let promoted = self.endpoints.promote();
        if let Err(advice) = &promoted {
            self.shared.status.ordinary.set(advice);
        }
        // The only one who sets it.
        let _ = self.scheduling.set(match promoted {
            Ok(()) => Scheduling::RealTime { priority: None },
            Err(advice) => Scheduling::Ordinary { advice },
        });
        for request in requests {
            match request {
                Request::Rest(answer) => _ = answer.send(()),
                Request::Start(answer) => match self.started() {
                    Err(error) => _ = answer.send(Err(error)),
                    Ok(mut exchange) => {
                        self.is_running.store(true, Ordering::Release);
                        let _ = answer.send(Ok(()));
                        let served = exchange.run(&mut self.endpoints, stop);
                        self.endpoints.stop();
                        self.is_running.store(false, Ordering::Release);
                        if let Err(fault) = served {
                            fault.tell(&self.shared.status);
                        }
                    }
                },
            }
        }
    }

    fn started(&mut self) -> Result<Exchange, StartError> {
        let exchange = Exchange::new(&self.plan, &self.shared, &self.joined).map_err(StartError::Other)?;
        self.endpoints.start().map_err(|fault| {
            // One side may run.
            self.endpoints.stop();
            StartError::Fault(fault)
        })?;
        Ok(exchange)
    }
}
