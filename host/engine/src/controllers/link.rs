//! The control half's end of the line to plugins on another thread. Never waits.

use super::message::{Answer, Request};
use crate::error::EngineError;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender};

/// Plugins that live on another thread, where a [`PluginServer`](super::PluginServer) has them. `Send`, and with it the
/// engine that has it.
pub struct PluginLink {
    requests: Sender<Request>,
    answers: Receiver<Answer>,
    /// Answers to requests that nobody was there to hear.
    refused: VecDeque<Answer>,
}

impl PluginLink {
    pub(super) fn new(requests: Sender<Request>, answers: Receiver<Answer>) -> Self {
        Self { requests, answers, refused: VecDeque::new() }
    }
}

impl super::sealed::Plugins for PluginLink {
    const AT_ONCE: bool = false;

    fn send(&mut self, request: Request) {
        if let Err(error) = self.requests.send(request) {
            self.refused.extend(refuse(error.0));
        }
    }

    fn answer(&mut self) -> Option<Answer> {
        self.answers.try_recv().ok().or_else(|| self.refused.pop_front())
    }

    fn poll(&mut self) {}
}

/// What is answered in the place of plugins that are gone.
fn refuse(request: Request) -> Option<Answer> {
    let gone = EngineError::PluginGone;
    Some(match request {
        Request::Load { key, .. } | Request::Activate { key, .. } => Answer::Activated { key, instance: Err(gone) },
        Request::SaveStates { ticket, .. } => Answer::States { ticket, states: Vec::new() },
        Request::LoadState { ticket, key, .. } => Answer::StateLoaded { ticket, key, described: Err(gone) },
        Request::SavePreset { ticket, .. } => Answer::PresetSaved { ticket, preset: Err(gone) },
        Request::Parse { ticket, .. } => Answer::Parsed { ticket, value: Err(gone) },
        Request::Text { ticket, .. } => Answer::Text { ticket, text: Err(gone) },
        Request::ApplyChange { .. }
        | Request::Deactivate { .. }
        | Request::SetParameters { .. }
        | Request::RenderMode(_)
        | Request::Drop { .. } => {
            return None;
        }
    })
}
