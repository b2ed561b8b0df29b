//! Scenes that take over with the next beat or bar. The renderer has the plan of such a scene and waits for the beat by
//! itself, so that the switch is at its very frame; the engine takes note of it once it hears of it. Never waits.
//!
//! While the playhead stands there is no beat to wait for: the scene plays at once, also where it stops meanwhile.

use super::plan::Destination;
use super::value::Setting;
use super::{Scenes, Wanted};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::{Command, NOW, SceneStart};
use std::sync::Arc;

/// A switch for which the renderer waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The plan that it carries out.
    plan: u16,
    destination: Destination,
    start: SceneStart,
    /// Whether that is all there is to do.
    is_complete: bool,
    /// Steady frame at which the plan was last sent while the renderer waited with it.
    changed_at: Option<u64>,
}

impl Scenes {
    /// The renderer is another one, which waits for nothing.
    pub fn begin_anew(&mut self) {
        self.start = None;
        self.carried_out = None;
        self.shared.begin_anew();
    }
}

impl<P: Plugins> Engine<P> {
    /// When a scene that was asked for is to take over.
    pub(super) fn start_of(&self, wanted: &Wanted) -> SceneStart {
        let own = || self.rig.rest.scenes.get(wanted.scene).map(|scene| scene.start);
        wanted.start.or_else(own).unwrap_or_default()
    }

    /// When a destination takes over by itself.
    pub(crate) fn start_at(&self, destination: Destination) -> SceneStart {
        let scene = destination.scene.and_then(|scene| self.rig.rest.scenes.get(scene));
        scene.map(|scene| scene.start).unwrap_or_default()
    }

    /// Has the renderer wait for the beat of a scene that is prepared, by a plan that is as the rig is now. What the
    /// renderer cannot do by itself follows once the scene plays. If there is no room for the plan the next poll tries again.
    pub(super) fn await_start(&mut self, wanted: &Wanted, start: SceneStart) -> Result<(), EngineError> {
        let destination = Destination { scene: Some(wanted.scene), position: wanted.position };
        if let Some(plan) = self.scenes.called_by {
            self.hold_plan(plan);
            self.scenes.start = Some(Start { plan, destination, start, is_complete: true, changed_at: None });
            return Ok(());
        }
        let (commands, is_complete) = self.plan_as_far_as_possible(destination);
        let waiting = self.scenes.start.filter(|known| (known.destination, known.start) == (destination, start));
        match waiting {
            Some(waiting) if self.is_planned(waiting.plan, &commands) => {}
            Some(Start { plan, .. }) => {
                if self.prepare_start(Some(plan), destination, commands).is_some() {
                    let changed_at = Some(self.publisher.frame());
                    self.scenes.start = Some(Start { plan, destination, start, is_complete, changed_at });
                }
            }
            None => {
                if let Some(plan) = self.prepare_start(None, destination, commands) {
                    self.send_command(NOW, Command::Scene { scene: plan, start })?;
                    self.scenes.start = Some(Start { plan, destination, start, is_complete, changed_at: None });
                }
            }
        }
        Ok(())
    }

    /// Has the renderer wait no more. Whether it waited: the scene may have begun to play meanwhile.
    pub(super) fn call_off(&mut self) -> Result<bool, EngineError> {
        if self.scenes.start.take().is_none() {
            return Ok(false);
        }
        self.call_off_plan();
        self.send_command(NOW, Command::CancelScene)?;
        Ok(true)
    }

    /// The renderer has gone elsewhere by itself, by a plan that says all, and waits no more. So all is surely as it says.
    pub(super) fn forget_start(&mut self) -> bool {
        if self.scenes.start.take().is_some() {
            self.call_off_plan();
        }
        true
    }

    /// Calls off what nobody wants any more.
    pub(super) fn call_off_unwanted(&mut self) {
        self.release_called_off();
        if self.scenes.start.is_some()
            && self.scenes.wanted.is_none()
            && let Err(error) = self.call_off()
        {
            tracing::warn!("{error}");
        }
    }

    /// The renderer has carried out a plan, which it may have had to wait for.
    pub(crate) fn plan_carried_out(&mut self, plan: u16, frame: u64) {
        if let Some(start) = self.scenes.start.take_if(|start| start.plan == plan) {
            let destination = start.destination;
            self.release_plan(plan);
            // All is sent once more if the plan was perhaps another one, or a graph crossed with it that took its gains back.
            let is_sure = start.changed_at.is_none_or(|sent| frame > sent + 2 * self.settings.max_block as u64);
            self.scenes.is_heard = start.is_complete && is_sure && !self.control.was_republished();
            let wanted = self.scenes.wanted.take();
            self.resolve_scenes();
            if let Some(scene) = destination.scene
                && let Err(error) = self.switch_to_scene(scene, destination.position)
            {
                tracing::warn!("{error}");
            }
            self.correct_cells(plan, frame);
            self.scenes.is_heard = false;
            let is_other = |wanted: &Wanted| Some(wanted.scene) != destination.scene;
            self.scenes.wanted = wanted.filter(is_other);
        } else if self.is_called_off(plan) {
            self.release_plan(plan);
            self.insist_on_values();
        } else {
            self.scenes.carried_out = Some((plan, frame));
        }
    }

    /// Sends what scenes say as it is to be: a switch that was called off came first.
    fn insist_on_values(&mut self) {
        let said = Arc::clone(&self.scenes.said);
        let values: Setting = self.live().into_iter().filter(|(key, _)| said.binary_search(key).is_ok()).collect();
        if let Err(error) = self.carry_out(&values.into_iter().collect::<Vec<_>>(), None) {
            tracing::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests;
