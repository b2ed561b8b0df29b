//! The guards of the rig's outputs, as the control half sees them: what they are set to, which output they closed, and who is
//! to blame. The renderer closes by itself; nothing here is waited for.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::{EngineError, check_range};
use crate::measurement::from_decibels;
use crate::notice::Notice;
use crate::session::{EntryKind, HardwareSignal, OutputGuard};
use crate::upstream::upstream;
use crosspoint_graph::{Clue, Command, Graph, GuardCause, GuardSettings, NOW, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// An output that is silent, by its guard or by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClosedOutput {
    /// Why; none if somebody closed it.
    pub cause: Option<GuardCause>,
    /// The node that is to blame, as far as it could be found: which made samples that are no numbers, or brought the signal
    /// above the limit.
    pub blamed: Option<NodeId>,
    /// Whether somebody wants it closed, so that it does not come back by itself.
    pub held: bool,
}

/// An output's guard.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct GuardSnapshot {
    /// What it is set to.
    pub settings: OutputGuard,
    /// Whether the output is silent, and why.
    pub closed: Option<ClosedOutput>,
}

/// What is known of all guards.
#[derive(Debug, Default)]
pub(crate) struct Guarding {
    closed: BTreeMap<NodeId, ClosedOutput>,
    /// Outputs that were closed, for whom it is not told yet who is to blame.
    untraced: Vec<NodeId>,
}

impl<P: Plugins> Engine<P> {
    /// Sets what an output may play. It is part of the rig, and not of its history.
    ///
    /// # Errors
    /// If there is no such audio output, a value makes no sense, or nothing takes commands.
    pub fn set_output_guard(&mut self, node: NodeId, guard: OutputGuard) -> Result<(), EngineError> {
        let OutputGuard { limit, time, returns_after } = guard;
        check_range("a guard's limit", limit.unwrap_or(0.0), &OutputGuard::LIMITS, "-60 to 60 dBFS")?;
        check_range("a guard's time", time, &OutputGuard::TIMES, "0 to 10 s")?;
        let returns = returns_after.unwrap_or(1.0);
        check_range("a time to come back after", returns, &OutputGuard::RETURNS, "0.1 to 3600 s")?;
        self.node(node)?;
        match self.rig.entries.get_mut(&node).map(|entry| &mut entry.kind) {
            Some(EntryKind::Output { guard: known, signal: HardwareSignal::Audio(_), .. }) => *known = guard,
            _ => return Err(EngineError::UnknownNode(node)),
        }
        self.snapshot.outdate();
        self.tell_guards()
    }

    /// Takes an output to silence, or lets one that is silent play again: from where the ramp to silence ends, if it is still
    /// under way. What is still wrong closes it again.
    ///
    /// # Errors
    /// If there is no such audio output, or nothing takes commands.
    pub fn hold_output(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        self.node(node)?;
        self.shown_guard(node).ok_or(EngineError::UnknownNode(node))?;
        self.send_command(NOW, Command::HoldOutput { node, on })?;
        let closed = &mut self.guarding.closed;
        if on {
            closed.entry(node).or_insert(ClosedOutput { cause: None, blamed: None, held: on });
        }
        if let Some(closed) = closed.get_mut(&node) {
            closed.held = on;
        }
        self.snapshot.outdate();
        Ok(())
    }

    /// Tells the renderer of guards that it does not know as they are.
    pub(crate) fn tell_guards(&mut self) -> Result<(), EngineError> {
        // One that undo brings back plays.
        self.guarding.closed.retain(|&node, _| self.graph.node(node).is_some());
        let rate = f64::from(self.settings.rate);
        for (&node, entry) in &self.rig.entries {
            let EntryKind::Output { guard, .. } = &entry.kind else { continue };
            self.publisher.guard(node, settings(guard, rate))?;
        }
        Ok(())
    }

    /// A fresh renderer plays what was silent: that is closed by hand, but for what comes back by itself.
    pub(crate) fn guard_anew(&mut self) -> Result<(), EngineError> {
        self.tell_blamed(&[]);
        for (node, closed) in self.guarding.closed.clone() {
            let returns = self.shown_guard(node).is_some_and(|guard| guard.settings.returns_after.is_some());
            match returns && !closed.held {
                true => self.output_opened(node),
                false => self.send_command(NOW, Command::HoldOutput { node, on: true })?,
            }
        }
        Ok(())
    }

    pub(crate) fn output_closed(&mut self, node: NodeId, cause: GuardCause) {
        // Somebody may have closed it before this was heard.
        let held = self.guarding.closed.get(&node).is_some_and(|closed| closed.held);
        self.guarding.closed.insert(node, ClosedOutput { cause: Some(cause), blamed: None, held });
        self.guarding.untraced.push(node);
        self.snapshot.outdate();
    }

    pub(crate) fn output_opened(&mut self, node: NodeId) {
        // One that is closed once more before it was told who had closed it.
        if self.guarding.closed.remove(&node).is_some() {
            let name = self.name(node);
            self.notices.push(Notice::OutputOpened { node, name });
            self.snapshot.outdate();
        }
    }

    /// All clues are there.
    pub(crate) fn outputs_traced(&mut self) {
        let clues: Vec<Clue> = std::iter::from_fn(|| self.publisher.clue()).collect();
        self.tell_blamed(&clues);
    }

    fn tell_blamed(&mut self, clues: &[Clue]) {
        for node in std::mem::take(&mut self.guarding.untraced) {
            let Some(closed) = self.guarding.closed.get_mut(&node) else { continue };
            let Some(cause) = closed.cause else { continue };
            let level = match self.rig.entries.get(&node).map(|entry| &entry.kind) {
                Some(EntryKind::Output { guard, .. }) => level(guard),
                _ => f32::INFINITY,
            };
            closed.blamed = blamed(&self.graph, node, cause, level, clues);
            let who = closed.blamed.map(|who| (who, self.name(who)));
            let name = self.name(node);
            self.notices.push(Notice::OutputClosed { node, name, cause, blamed: who });
            self.snapshot.outdate();
        }
    }

    /// An output's guard as it is to be shown.
    pub(crate) fn shown_guard(&self, node: NodeId) -> Option<GuardSnapshot> {
        match self.rig.entries.get(&node)?.kind {
            EntryKind::Output { guard: settings, signal: HardwareSignal::Audio(_), .. } => {
                Some(GuardSnapshot { settings, closed: self.guarding.closed.get(&node).copied() })
            }
            _ => None,
        }
    }
}

/// What may last, linear.
fn level(guard: &OutputGuard) -> f32 {
    guard.limit.map_or(f32::INFINITY, |limit| from_decibels(limit) as f32)
}

fn settings(guard: &OutputGuard, rate: f64) -> GuardSettings {
    GuardSettings {
        level: level(guard),
        frames: (guard.time * rate) as u32,
        returns_after: guard.returns_after.map(|seconds| (seconds * rate) as u32),
    }
}

/// Of what feeds an output: the first that made what is not a number; the loudest of those that brought the signal above the
/// limit; failing that, the loudest.
fn blamed(graph: &Graph, output: NodeId, cause: GuardCause, level: f32, clues: &[Clue]) -> Option<NodeId> {
    let feeders: BTreeSet<NodeId> = upstream(graph, output, |edge| edge.matrix().is_some()).into_iter().collect();
    let is_of_feeder = |clue: &&Clue| clue.node != output && feeders.contains(&clue.node);
    let clues: Vec<&Clue> = clues.iter().filter(is_of_feeder).collect();
    let loudest = |clues: Vec<&Clue>| {
        clues.into_iter().max_by(|one, other| one.outputs.total_cmp(&other.outputs)).map(|clue| clue.node)
    };
    let makes_it = |clue: &&&Clue| match cause {
        GuardCause::NotANumber => clue.outputs.is_infinite() && clue.inputs.is_finite(),
        _ => clue.outputs > level && clue.inputs <= level,
    };
    let makers: Vec<&Clue> = clues.iter().filter(makes_it).copied().collect();
    match cause {
        GuardCause::NotANumber => {
            let first = makers.first().or_else(|| clues.iter().find(|clue| clue.outputs.is_infinite()));
            first.map(|clue| clue.node)
        }
        _ => loudest(makers).or_else(|| loudest(clues)),
    }
}

#[cfg(test)]
mod tests;
