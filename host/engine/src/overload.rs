//! Plugins that take too much time, and the rig as a whole: budgets for the renderer, and what it tells. The renderer acts by
//! itself, within the callback; offline there is no deadline, and nothing of this.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::{EngineError, check_range};
use crate::notice::Notice;
use crate::session::{EntryKind, OverloadPolicy};
use crate::tick_rate::TickRate;
use crosspoint_graph::{Budget, Command, NOW, NodeId, OverloadAction, WatchSettings};
use std::collections::BTreeMap;
use std::time::Duration;

/// From which part of its deadline on a block of the rig is near it: the fifth that is left is what a system may need to wake
/// a thread late.
const NEAR: f32 = 0.8;
/// How many of these in a row are told.
const BLOCKS: u32 = 8;
/// The least time in which the rate of the renderer's clock is found, to one part in 10,000 or better.
const CALIBRATION: Duration = Duration::from_millis(5);

/// A plugin's time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OverloadSnapshot {
    /// What becomes of it.
    pub policy: OverloadPolicy,
    /// What was done, if it is overloaded now, and the part of the time it took then.
    pub overloaded: Option<(OverloadAction, f32)>,
}

/// What is known of the renderer's time.
pub(crate) struct TimeWatch {
    is_on: bool,
    tick_rate: TickRate,
    /// The clock that the renderer takes times by, and its ticks in a second, where a test brought one.
    clock: Option<(fn() -> u64, f64)>,
    overloaded: BTreeMap<NodeId, (OverloadAction, f32)>,
}

impl Default for TimeWatch {
    fn default() -> Self {
        Self { is_on: false, tick_rate: TickRate::new(), clock: None, overloaded: BTreeMap::new() }
    }
}

impl TimeWatch {
    /// Ticks of the renderer's clock in a second; 0 on a machine that has none. Waits for a few milliseconds if it was asked
    /// too early.
    fn rate(&self) -> f64 {
        if let Some((_, ticks_per_second)) = self.clock {
            return ticks_per_second;
        }
        std::thread::sleep(CALIBRATION.saturating_sub(self.tick_rate.elapsed()));
        let tick_seconds = self.tick_rate.tick_seconds();
        if tick_seconds > 0.0 { tick_seconds.recip() } else { 0.0 }
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// With a fresh renderer nothing is out of the way.
    pub fn forget(&mut self) {
        self.overloaded.clear();
    }
}

impl<P: Plugins> Engine<P> {
    /// Looks after the time that the rig and its plugins take, or no longer: [`OverloadPolicy`], [`Notice::NearDeadline`] and
    /// the culprits of [xruns](Self::xrun_log). It is on from when a device is opened, and costs two looks at a clock for
    /// each node and block.
    ///
    /// # Errors
    /// If nothing takes commands.
    pub fn watch_time(&mut self, on: bool) -> Result<(), EngineError> {
        let ticks_per_second = self.time.rate();
        self.time.is_on = on && ticks_per_second > 0.0;
        if let Some((now, _)) = self.time.clock {
            self.cell.with(|renderer| renderer.set_clock(now)).ok_or(EngineError::RendererBusy)?;
        }
        let settings = WatchSettings { ticks_per_second, near: NEAR, blocks: BLOCKS };
        self.send_command(NOW, Command::WatchTime(self.time.is_on.then_some(settings)))
    }

    /// Takes times by another clock, of so many ticks a second: a way for tests to say what time it is.
    ///
    /// # Errors
    /// [`EngineError::RendererBusy`] if another thread renders.
    #[doc(hidden)]
    pub fn set_clock(&mut self, now: fn() -> u64, ticks_per_second: f64) -> Result<(), EngineError> {
        self.time.clock = Some((now, ticks_per_second));
        self.watch_time(true)
    }

    /// Sets what becomes of a plugin that takes too much time. It is part of the rig, and not of its history.
    ///
    /// # Errors
    /// If there is no such plugin, a value makes no sense, or nothing takes commands.
    pub fn set_overload_policy(&mut self, node: NodeId, policy: OverloadPolicy) -> Result<(), EngineError> {
        let OverloadPolicy { budget, blocks, returns_after, .. } = policy;
        let allowed = f64::from(*OverloadPolicy::BLOCKS.start())..=f64::from(*OverloadPolicy::BLOCKS.end());
        check_range("a budget", budget, &OverloadPolicy::BUDGETS, "0.001 to 10")?;
        check_range("a count of blocks", blocks.into(), &allowed, "1 to 100,000")?;
        let returns = returns_after.unwrap_or(1.0);
        check_range("a time to come back after", returns, &OverloadPolicy::RETURNS, "0.1 to 3600 s")?;
        self.node(node)?;
        match self.rig.entries.get_mut(&node).map(|entry| &mut entry.kind) {
            Some(EntryKind::Plugin(plugin)) => plugin.overload = policy,
            _ => return Err(EngineError::UnknownNode(node)),
        }
        self.snapshot.outdate();
        self.tell_budgets()
    }

    /// Brings a plugin back that was taken out of the way for being overloaded.
    ///
    /// # Errors
    /// If there is no such node, or nothing takes commands.
    pub fn recover_node(&mut self, node: NodeId) -> Result<(), EngineError> {
        self.node(node)?;
        self.send_command(NOW, Command::Recover { node })
    }

    /// Tells the renderer of budgets that it does not know as they are.
    pub(crate) fn tell_budgets(&mut self) -> Result<(), EngineError> {
        self.time.overloaded.retain(|&node, _| self.graph.node(node).is_some());
        let rate = f64::from(self.settings.rate);
        for (&node, entry) in &self.rig.entries {
            let EntryKind::Plugin(plugin) = &entry.kind else { continue };
            let OverloadPolicy { budget, blocks, action, returns_after } = plugin.overload;
            let returns_after = returns_after.map(|seconds| (seconds * rate) as u32);
            let budget = Budget { share: budget as f32, blocks, action, returns_after };
            self.publisher.set_budget(node, Some(budget))?;
        }
        Ok(())
    }

    /// A fresh renderer looks at no clock.
    pub(crate) fn watch_time_anew(&mut self) -> Result<(), EngineError> {
        if self.time.is_on { self.watch_time(true) } else { Ok(()) }
    }

    pub(crate) fn overloaded(&mut self, node: NodeId, action: OverloadAction, share: f32) {
        self.time.overloaded.insert(node, (action, share));
        let name = self.name(node);
        self.notices.push(Notice::Overloaded { node, name, action, share });
        self.snapshot.outdate();
    }

    /// The renderer brought a plugin back, or has a new processor for it.
    pub(crate) fn recovered(&mut self, node: NodeId) {
        if self.time.overloaded.remove(&node).is_some() {
            let name = self.name(node);
            self.notices.push(Notice::Recovered { node, name });
            self.snapshot.outdate();
        }
    }

    /// A plugin's time as it is to be shown.
    pub(crate) fn shown_overload(&self, node: NodeId) -> Option<OverloadSnapshot> {
        let EntryKind::Plugin(plugin) = &self.rig.entries.get(&node)?.kind else { return None };
        Some(OverloadSnapshot { policy: plugin.overload, overloaded: self.time.overloaded.get(&node).copied() })
    }
}

#[cfg(test)]
pub(crate) mod tests;
