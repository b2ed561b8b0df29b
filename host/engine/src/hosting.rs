//! The plugins of a rig on the main thread: when each is active, and the restart that a plugin asks for. A plugin is
//! deactivated only once its audio half has come home.

use crosspoint_formats::{Activation, Plugin, PluginError, PluginNotice};
use crosspoint_graph::Processor;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// More restarts than this within [`STORM_TIME`] are a storm.
const STORM: usize = 6;
/// Times that a plugin is activated anew before it is used, if it asks for that.
const SETTLING: usize = 2;
const STORM_TIME: Duration = Duration::from_secs(10);

/// Activates a plugin; anew if that makes it ask for a restart at once, as some do whose latency follows from it. What else
/// it has to say goes to `notices`.
pub(crate) fn activate(
    plugin: &mut dyn Plugin,
    activation: Activation,
    notices: &mut Vec<PluginNotice>,
) -> Result<Box<dyn Processor>, PluginError> {
    let mut processor = plugin.activate(activation)?;
    for _ in 0..SETTLING {
        plugin.poll(notices);
        let said = notices.len();
        notices.retain(|notice| *notice != PluginNotice::RestartRequested);
        if notices.len() == said {
            break;
        }
        plugin.deactivate(processor)?;
        processor = plugin.activate(activation)?;
    }
    Ok(processor)
}

/// How far a restart has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// None is under way.
    None,
    /// It is fading to its bypass path.
    Fading,
    /// Its audio half is on the way home.
    Withdrawn,
}

/// One plugin of the rig, or one that undo may bring back.
pub(crate) struct Hosted {
    pub plugin: Box<dyn Plugin>,
    /// The file it came from, or the name of a linked pack.
    pub file: PathBuf,
    pub restart: Restart,
    /// Whether the user wants it bypassed.
    pub bypassed: bool,
    /// Whether it asks for restarts so often that they are no longer made.
    pub storming: bool,
    restarts: VecDeque<Instant>,
}

impl Hosted {
    pub fn new(plugin: Box<dyn Plugin>, file: PathBuf) -> Self {
        Self { plugin, file, restart: Restart::None, bypassed: false, storming: false, restarts: VecDeque::new() }
    }

    /// Whether a restart that it asks for now should be made. Those asked for while one is under way are that one.
    pub fn may_restart(&mut self, now: Instant) -> bool {
        if self.restart != Restart::None || self.storming {
            return false;
        }
        while self.restarts.front().is_some_and(|&then| now.duration_since(then) > STORM_TIME) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.storming = self.restarts.len() > STORM;
        !self.storming
    }
}
