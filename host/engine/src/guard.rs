//! The guards of the rig's outputs, as the control half sees them: what they are set to, which output they closed, and who is
//! to blame. The renderer closes by itself; nothing here is waited for.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::measurement::from_decibels;
use crate::notice::Notice;
use crate::session::{EntryKind, HardwareSignal, OutputGuard};
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
    told: BTreeMap<NodeId, GuardSettings>,
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
        let checked = [
            (guard.limit.unwrap_or(0.0), OutputGuard::LIMITS, "a guard's limit", "-60 to 60 dBFS"),
            (guard.time, OutputGuard::TIMES, "a guard's time", "0 to 10 s"),
            (guard.returns_after.unwrap_or(1.0), OutputGuard::RETURNS, "a time to come back after", "0.1 to 3600 s"),
        ];
        for (value, allowed, what, range) in checked {
            if !allowed.contains(&value) {
                return Err(EngineError::OutOfRange { what, value, range });
            }
        }
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
        if on {
            self.guarding.closed.entry(node).or_insert(ClosedOutput { cause: None, blamed: None });
        }
        Ok(())
    }

    /// Tells the renderer of guards that it does not know as they are.
    pub(crate) fn tell_guards(&mut self) -> Result<(), EngineError> {
        // One that undo brings back plays.
        self.guarding.closed.retain(|&node, _| self.graph.node(node).is_some());
        let rate = f64::from(self.settings.rate);
        for (&node, entry) in &self.rig.entries {
            let EntryKind::Output { guard, .. } = &entry.kind else { continue };
            let settings = settings(guard, rate);
            if self.guarding.told.insert(node, settings) != Some(settings) {
                self.publisher.guard(node, settings)?;
            }
        }
        Ok(())
    }

    /// A fresh renderer knows of no guard, and plays what was silent.
    pub(crate) fn guard_anew(&mut self) -> Result<(), EngineError> {
        self.tell_blamed(&[]);
        let closed: Vec<NodeId> = self.guarding.closed.keys().copied().collect();
        closed.into_iter().try_for_each(|node| self.send_command(NOW, Command::HoldOutput { node, on: true }))
    }

    pub(crate) fn output_closed(&mut self, node: NodeId, cause: GuardCause) {
        self.guarding.closed.insert(node, ClosedOutput { cause: Some(cause), blamed: None });
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
            let level = self.guarding.told.get(&node).map_or(f32::INFINITY, |settings| settings.level);
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

impl Guarding {
    /// With a fresh renderer all is to be told again.
    pub fn forget_told(&mut self) {
        self.told.clear();
    }
}

fn settings(guard: &OutputGuard, rate: f64) -> GuardSettings {
    GuardSettings {
        level: guard.limit.map_or(f32::INFINITY, |limit| from_decibels(limit) as f32),
        frames: (guard.time * rate) as u32,
        returns_after: guard.returns_after.map(|seconds| (seconds * rate) as u32),
    }
}

/// Of what feeds an output: the first that made what is not a number; the loudest of those that brought the signal above the
/// limit; failing that, the loudest.
fn blamed(graph: &Graph, output: NodeId, cause: GuardCause, level: f32, clues: &[Clue]) -> Option<NodeId> {
    let feeders = feeders(graph, output);
    let clues: Vec<&Clue> = clues.iter().filter(|clue| feeders.contains(&clue.node)).collect();
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

/// All nodes from which audio gets to an output.
fn feeders(graph: &Graph, output: NodeId) -> BTreeSet<NodeId> {
    let mut sources: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (_, edge) in graph.edges().filter(|(_, edge)| edge.matrix().is_some()) {
        sources.entry(edge.destination.node).or_default().push(edge.source.node);
    }
    let (mut found, mut waiting) = (BTreeSet::new(), vec![output]);
    while let Some(node) = waiting.pop() {
        waiting.extend(sources.get(&node).into_iter().flatten().copied().filter(|&source| found.insert(source)));
    }
    found
}

#[cfg(test)]
mod tests;
