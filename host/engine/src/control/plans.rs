//! The plans that the renderer has for mapped scenes, so that a message switches within the callback: made anew whenever the
//! rig has changed, before anybody asks. A switch without a plan is the engine's, with its next poll.

use super::target::TargetKey;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::scenes::{Destination, Wish};
use crosspoint_graph::{Command, Published, SCENES};

/// What the renderer has.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// By the plan's number.
    plans: Vec<Plan>,
    /// The state of the rig that they were made for.
    mark: Option<(u64, bool)>,
}

#[derive(Debug)]
struct Plan {
    key: TargetKey,
    commands: Vec<Command>,
    /// Where it leads; none if it is of no use now.
    destination: Option<Destination>,
}

impl Plans {
    fn place(&self, key: TargetKey) -> Option<usize> {
        self.plans.iter().position(|plan| plan.key == key)
    }

    /// The number of a target's plan, if it leads where it should.
    pub fn usable(&self, key: TargetKey) -> Option<u16> {
        let place = self.place(key)?;
        self.plans[place].destination.map(|_| place as u16)
    }
}

impl<P: Plugins> Engine<P> {
    /// Sends the renderer the plans that have changed.
    pub(super) fn make_plans(&mut self) {
        let mark = self.snapshot.mark();
        // What is outdated may go on changing.
        if self.control.plans.mark == Some(mark) && !mark.1 {
            return;
        }
        let mapped = self.rig.rest.mappings.iter().zip(&self.control.draft.keys).filter_map(|(_, key)| *key);
        let mut keys: Vec<TargetKey> = mapped.collect();
        keys.sort_unstable();
        keys.dedup();
        if self.scenes.stale {
            self.resolve_scenes();
        }
        let mut is_done = true;
        for key in keys {
            let Some(wish) = self.wish(key) else { continue };
            let destination = self.destination(wish);
            let plan = destination.and_then(|destination| Some((destination, self.plan(destination)?)));
            is_done &= self.send_plan(key, plan);
        }
        self.control.plans.mark = is_done.then_some(mark);
    }

    /// Lets the renderer have a plan. False if that must wait.
    fn send_plan(&mut self, key: TargetKey, plan: Option<(Destination, Vec<Command>)>) -> bool {
        let plans = &mut self.control.plans.plans;
        let place = plans.iter().position(|plan| plan.key == key);
        let Some((destination, commands)) = plan else {
            if let Some(place) = place {
                plans[place].destination = None;
            }
            return true;
        };
        let place = place.unwrap_or(plans.len());
        if place == SCENES {
            return true;
        }
        let is_there = plans.get(place).is_some_and(|known| known.destination.is_some() && known.commands == commands);
        if !is_there {
            match self.publisher.prepare_scene(place as u16, commands.clone()) {
                Ok(Published::Sent) => {}
                Ok(Published::Waiting) => return false,
                Err(error) => {
                    tracing::warn!("{error}");
                    return false;
                }
            }
        }
        let plan = Plan { key, commands, destination: Some(destination) };
        let plans = &mut self.control.plans.plans;
        match plans.get_mut(place) {
            Some(known) => *known = plan,
            None => plans.push(plan),
        }
        true
    }

    /// What somebody wishes who does what a target is; none if that has nothing to do with scenes.
    fn wish(&self, key: TargetKey) -> Option<Wish<'_>> {
        Some(match key {
            TargetKey::Scene(number) => Wish::Scene(self.control.name_of(number)?),
            TargetKey::Song(number) => Wish::Song(self.control.name_of(number)?),
            TargetKey::NextScene => Wish::NextScene,
            TargetKey::PreviousScene => Wish::PreviousScene,
            TargetKey::LeaveScene => Wish::Base,
            TargetKey::NextSong => Wish::NextSong,
            TargetKey::PreviousSong => Wish::PreviousSong,
            _ => return None,
        })
    }

    /// Whether the renderer, by a plan, has gone where the engine would go now.
    pub(super) fn is_there_by(&self, key: TargetKey, plan: Option<u16>) -> bool {
        let plan = plan.and_then(|plan| self.control.plans.plans.get(usize::from(plan))).filter(|plan| plan.key == key);
        let led = plan.and_then(|plan| plan.destination);
        led.is_some() && led == self.wish(key).and_then(|wish| self.destination(wish))
    }
}
