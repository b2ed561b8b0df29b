//! What the control half keeps of each plugin of the rig: what it is, how far it has come, what is still to be said to
//! it. Never the plugin itself.

use super::message::{PluginDescription, PluginKey};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More restarts than this within [`STORM_TIME`] are a storm.
const STORM: usize = 6;
const STORM_TIME: Duration = Duration::from_secs(10);

/// How far a plugin has come. Its audio half is out in three of them: `Active`, `Fading` and `Withdrawn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being made and activated.
    Loading,
    /// It is inactive; if its node is in the graph, it is activated with the next parcel.
    Idle,
    /// It is being activated.
    Activating,
    /// Its audio half is with the renderer, or on the way there.
    Active,
    /// It asked for a restart and is fading to its bypass path.
    Fading,
    /// Its audio half is on the way home for a restart.
    Withdrawn,
    /// It could not be made or activated; its node lets the signal through. Tried again when it or a person asks.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One plugin of the rig, or one that undo may bring back.
pub(crate) struct Record {
    pub key: PluginKey,
    pub phase: Phase,
    /// None until it is there for the first time.
    pub description: Option<PluginDescription>,
    /// Bytes by which the process grew while it was made, if that is known.
    pub memory: Option<u64>,
    /// Whether its node is its own, and no longer one that stands for it.
    pub is_seen: bool,
    /// Parameters that were set while it could take none: id and plain value.
    pub parameters_untold: Vec<(u32, f64)>,
    /// Whether it is to be dropped once its audio half is home.
    pub forgotten: bool,
    /// Whether it asks for restarts so often that they are no longer made.
    pub storming: bool,
    restarts: VecDeque<Instant>,
}

impl Record {
    pub fn loading(key: PluginKey) -> Self {
        Self {
            key,
            phase: Phase::Loading,
            description: None,
            memory: None,
            is_seen: false,
            parameters_untold: Vec::new(),
            forgotten: false,
            storming: false,
            restarts: VecDeque::new(),
        }
    }

    /// Whether its audio half is out.
    pub fn is_out(&self) -> bool {
        matches!(self.phase, Phase::Active | Phase::Fading | Phase::Withdrawn)
    }

    /// Whether it is about to be active.
    pub fn is_awaited(&self) -> bool {
        matches!(self.phase, Phase::Loading | Phase::Activating)
    }

    /// Whether a restart that it asks for now should be made. Those asked for while one is under way are that one.
    pub fn may_restart(&mut self, now: Instant) -> bool {
        if self.storming || !matches!(self.phase, Phase::Active | Phase::Idle | Phase::Failed { .. }) {
            return false;
        }
        while self.restarts.front().is_some_and(|&then| now.duration_since(then) > STORM_TIME) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.storming = self.restarts.len() > STORM;
        !self.storming
    }

    /// It is given a state: what restarts follow from that are no storm.
    pub fn forgive_restarts(&mut self) {
        self.restarts.clear();
        self.storming = false;
    }

    /// A person sets one of its parameters: likewise, but a storm goes on.
    pub fn expect_restart(&mut self) {
        if !self.storming {
            self.restarts.clear();
        }
    }

    /// Remembers a parameter for later; only its last value counts.
    pub fn tell_later(&mut self, parameter: u32, value: f64) {
        self.parameters_untold.retain(|(known, _)| *known != parameter);
        self.parameters_untold.push((parameter, value));
    }
}
