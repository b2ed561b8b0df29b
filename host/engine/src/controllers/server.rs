//! The main thread's half of an engine on another thread: does what comes over the line, and looks after the plugins
//! meanwhile. What waits here waits on the main thread, for nobody's sake but the plugins'.

use super::host::PluginHost;
use super::link::PluginLink;
use super::message::{Answer, Request};
use super::sealed::Plugins;
use crate::catalogue::Catalogue;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often plugins are looked after if nobody asks for anything.
const POLL: Duration = Duration::from_millis(10);

/// The plugins of an engine that lives on another thread.
///
/// # Threads
/// The main thread; it is not `Send`. A program with an event loop of its own calls [`PluginServer::serve`] from it, some
/// fifty times a second; one without calls [`PluginServer::run`].
pub struct PluginServer {
    host: PluginHost,
    requests: Receiver<Request>,
    answers: Sender<Answer>,
}

impl PluginServer {
    pub(super) fn new(host: PluginHost) -> (PluginLink, Self) {
        let (requests, inbox) = channel();
        let (answers, outbox) = channel();
        (PluginLink::new(requests, outbox), Self { host, requests: inbox, answers })
    }

    /// The plugin libraries.
    pub fn catalogue(&mut self) -> &mut Catalogue {
        self.host.catalogue()
    }

    /// Does all that was asked for and lets the plugins do what is due. Waits for nothing but the plugins' own calls.
    /// False once the engine is gone.
    pub fn serve(&mut self) -> bool {
        self.serve_within(Duration::ZERO)
    }

    /// Serves until the engine is gone.
    pub fn run(mut self) {
        while self.serve_within(POLL) {}
    }

    /// As [`Self::serve`], after waiting so long for a first request.
    fn serve_within(&mut self, patience: Duration) -> bool {
        let mut next = self.requests.recv_timeout(patience);
        while let Ok(request) = next {
            self.host.send(request);
            self.tell();
            next = self.requests.recv_timeout(Duration::ZERO);
        }
        self.host.poll();
        self.tell();
        !matches!(next, Err(RecvTimeoutError::Disconnected))
    }

    fn tell(&mut self) {
        while let Some(answer) = self.host.answer() {
            // An engine that is gone has brought all audio halves home before.
            let _ = self.answers.send(answer);
        }
    }
}

impl Drop for PluginServer {
    fn drop(&mut self) {
        // Audio halves that are on their way home.
        while let Ok(request) = self.requests.try_recv() {
            self.host.send(request);
        }
    }
}
