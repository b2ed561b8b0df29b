//! Commands that go out together, plans of scenes, and the crosspoints that such commands may move at any time.

use super::{PublishError, Published, Publisher};
use crate::id::EdgeId;
use crate::rt::{Command, Message, NOW, SCENES, bundle};
use std::collections::{HashMap, HashSet};

/// Edges whose crosspoints are never left out of the sums, though they rest at unity.
#[derive(Default)]
pub(super) struct Kept {
    /// By scene: those that its plan moves.
    plans: HashMap<u16, Vec<EdgeId>>,
    /// Those that somebody asked for.
    asked: Vec<EdgeId>,
}

impl Kept {
    fn edges(&self) -> impl Iterator<Item = EdgeId> {
        self.plans.values().flatten().chain(&self.asked).copied()
    }
}

impl Publisher {
    /// Sends commands that take effect together, at a steady frame ([`NOW`]: at once). They need no room among those that
    /// wait one by one, however many they are; crosspoints that had been elided for being at unity are sent anew first, as
    /// by [`Self::set_gain`]. What the schedule does not have is skipped and counted in a
    /// [`Report::Skipped`](crate::Report::Skipped), and so is [`Command::Scene`].
    ///
    /// [`Published::Waiting`] says that nothing was sent, and is to be tried again once something has come home.
    ///
    /// # Errors
    /// [`PublishError::Full`] if nothing takes messages, [`PublishError::Compile`] if what plays does not compile.
    pub fn send_bundle(&mut self, frame: u64, commands: impl Into<Box<[Command]>>) -> Result<Published, PublishError> {
        let commands = commands.into();
        let edges = edges_of(&commands);
        if !self.can_send_bundle() || !self.make_adjustable(&edges)? {
            return Ok(Published::Waiting);
        }
        let longest = commands.iter().map(|command| match *command {
            Command::Gain { ramp, .. } | Command::CloseLater { ramp, .. } => ramp,
            _ => 0,
        });
        let rests = frame.max(self.frame()) + u64::from(longest.max().unwrap_or(0));
        self.push(Message::Bundle(frame, bundle(commands)))?;
        self.bundle_credits -= 1;
        self.rest_after = self.rest_after.max(rests);
        Ok(Published::Sent)
    }

    /// Gives the renderer the plan of a scene, in place of the one it may have: what [`Command::Scene`] carries out at one
    /// frame. It speaks of nodes and edges by their ids, so it stays valid while schedules come and go. Crosspoints that it
    /// moves are kept adjustable. Calls as [`Self::send_bundle`] does.
    ///
    /// # Panics
    /// If the scene is not below [`SCENES`].
    ///
    /// # Errors
    /// As [`Self::send_bundle`].
    pub fn prepare_scene(&mut self, scene: u16, plan: impl Into<Box<[Command]>>) -> Result<Published, PublishError> {
        assert!(usize::from(scene) < SCENES, "scene {scene} of {SCENES}");
        let plan = plan.into();
        let edges = edges_of(&plan);
        if !self.can_send_bundle() || !self.make_adjustable(&edges)? {
            return Ok(Published::Waiting);
        }
        self.push(Message::Plan(scene, Some(bundle(plan))))?;
        self.bundle_credits -= 1;
        self.kept.plans.insert(scene, edges);
        Ok(Published::Sent)
    }

    /// Has the renderer forget the plan of a scene, whose crosspoints may be elided again.
    ///
    /// # Errors
    /// [`PublishError::Full`] if nothing takes messages.
    pub fn forget_scene(&mut self, scene: u16) -> Result<(), PublishError> {
        self.push(Message::Plan(scene, None))?;
        self.kept.plans.remove(&scene);
        Ok(())
    }

    /// Keeps the crosspoints of these edges in the schedule though they rest at unity, and of no others that were asked for
    /// before: commands from within the callback may move them at any time. [`Published::Waiting`] says that those which are
    /// elided now are not sent yet; call again.
    ///
    /// # Errors
    /// As [`Self::send_bundle`].
    pub fn keep_adjustable(&mut self, edges: &[EdgeId]) -> Result<Published, PublishError> {
        self.receive();
        self.kept.asked = edges.to_vec();
        let done = self.make_adjustable(edges)?;
        Ok(if done { Published::Sent } else { Published::Waiting })
    }

    fn push(&mut self, message: Message) -> Result<(), PublishError> {
        self.outbox.push(message).map_err(|_| PublishError::Full)
    }

    fn can_send_bundle(&mut self) -> bool {
        self.receive();
        self.bundle_credits > 0 && self.outbox.slots() >= 2
    }

    /// Marks edges as adjustable, and sends what plays once more if some of their crosspoints are elided. False if that
    /// must wait.
    fn make_adjustable(&mut self, edges: &[EdgeId]) -> Result<bool, PublishError> {
        let elided: Vec<EdgeId> = edges.iter().copied().filter(|&edge| self.has_elided(edge)).collect();
        if !elided.is_empty() {
            if self.credits < 1 || self.outbox.slots() < 2 {
                return Ok(false);
            }
            self.materialise(&elided, NOW)?;
        }
        edges.iter().for_each(|&edge| self.mark_adjustable(edge));
        Ok(true)
    }

    fn has_elided(&self, edge: EdgeId) -> bool {
        let Some(playing) = &self.playing else { return false };
        playing.edge(edge).is_some_and(|scheduled| playing.elided[scheduled.cells.range()].contains(&true))
    }

    /// Marks what is kept.
    pub(super) fn mark_kept(&mut self) {
        let kept: Vec<EdgeId> = self.kept.edges().collect();
        kept.into_iter().for_each(|edge| self.mark_adjustable(edge));
    }

    /// Whether an edge is adjustable only for what is going on now.
    pub(super) fn has_passing_adjustable(&self) -> bool {
        let kept: HashSet<usize> = self.kept.edges().chain(self.leaving.edges()).map(EdgeId::index).collect();
        self.adjustable.iter().enumerate().any(|(index, &adjustable)| adjustable && !kept.contains(&index))
    }
}

/// The edges whose gains commands change, each once.
fn edges_of(commands: &[Command]) -> Vec<EdgeId> {
    let gains = commands.iter().filter_map(|command| match *command {
        Command::Gain { edge, .. } | Command::CloseLater { edge, .. } => Some(edge),
        _ => None,
    });
    let edges: HashSet<EdgeId> = gains.collect();
    let mut edges: Vec<EdgeId> = edges.into_iter().collect();
    edges.sort();
    edges
}

#[cfg(test)]
mod tests;
