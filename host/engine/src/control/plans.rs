//! The plans that the renderer has for mapped scenes, so that a message switches within the callback: made anew whenever the
//! rig has changed, before anybody asks. A switch without a plan is the engine's, with its next poll.

use super::target::TargetKey;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::scenes::{Destination, Wish};
use crosspoint_graph::{Command, Published, SCENES, SceneStart};

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
    purpose: Purpose,
    commands: Vec<Command>,
    /// Where it leads; none if it is of no use now.
    destination: Option<Destination>,
    /// Steady frame at which it was sent.
    sent: u64,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A target of mappings.
    Target(TargetKey),
    /// The renderer waits with it for a beat.
    Start,
    /// The renderer waited with it, and may have carried it out before it heard that it is not to, which it has by this
    /// steady frame.
    CalledOff(u64),
    /// Nothing: its number is free.
    Nothing,
}

impl Plans {
    fn place(&self, purpose: Purpose) -> Option<usize> {
        self.plans.iter().position(|plan| plan.purpose == purpose)
    }

    /// The place for a plan: the one it has or a free one.
    fn place_for(&self, purpose: Purpose) -> Option<usize> {
        let known = self.place(purpose).or_else(|| self.place(Purpose::Nothing));
        known.or_else(|| (self.plans.len() < SCENES).then_some(self.plans.len()))
    }

    /// The number of a target's plan, if it leads where it should.
    pub fn usable(&self, key: TargetKey) -> Option<(u16, Destination)> {
        let place = self.place(Purpose::Target(key))?;
        self.plans[place].destination.map(|destination| (place as u16, destination))
    }

    fn put(&mut self, place: usize, plan: Plan) {
        match self.plans.get_mut(place) {
            Some(known) => *known = plan,
            None => self.plans.push(plan),
        }
    }

    fn set_purpose(&mut self, plan: u16, purpose: Purpose) {
        if let Some(known) = self.plans.get_mut(usize::from(plan)) {
            known.purpose = purpose;
        }
        // A target may need another plan.
        self.mark = None;
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
        let purpose = Purpose::Target(key);
        let plans = &mut self.control.plans;
        let Some((destination, commands)) = plan else {
            if let Some(place) = plans.place(purpose) {
                plans.plans[place].destination = None;
            }
            return true;
        };
        let Some(place) = plans.place_for(purpose) else { return true };
        let plan = Plan { purpose, commands, destination: Some(destination), sent: self.publisher.frame() };
        self.send_plan_to(place, plan)
    }

    /// Lets the renderer have a plan by that number, unless it has it. False if that must wait.
    fn send_plan_to(&mut self, place: usize, mut plan: Plan) -> bool {
        let known = self.control.plans.plans.get(place);
        let is_there = known.is_some_and(|known| {
            known.purpose == plan.purpose && known.destination.is_some() && known.commands == plan.commands
        });
        if is_there {
            plan.sent = self.control.plans.plans[place].sent;
        } else {
            match self.publisher.prepare_scene(place as u16, plan.commands.clone()) {
                Ok(Published::Sent) => {}
                Ok(Published::Waiting) => return false,
                Err(error) => {
                    tracing::warn!("{error}");
                    return false;
                }
            }
        }
        self.control.plans.put(place, plan);
        true
    }

    /// Lets the renderer have the plan of a scene that is to start with a beat, by the number that it waits with already or
    /// by another one, which is given back. None if that must wait.
    pub(crate) fn prepare_start(
        &mut self,
        waits: Option<u16>,
        destination: Destination,
        commands: Vec<Command>,
    ) -> Option<u16> {
        let place = match waits {
            Some(plan) => usize::from(plan),
            None => {
                self.call_off_plan();
                self.control.plans.place_for(Purpose::Start)?
            }
        };
        let sent = self.publisher.frame();
        let plan = Plan { purpose: Purpose::Start, commands, destination: Some(destination), sent };
        self.send_plan_to(place, plan).then_some(place as u16)
    }

    /// The renderer waits with this plan for a beat, and with no other one: it is no longer of the mapping whose it was.
    pub(crate) fn hold_plan(&mut self, plan: u16) {
        self.call_off_plan();
        self.control.plans.set_purpose(plan, Purpose::Start);
    }

    /// The renderer is not to wait with a plan any more.
    pub(crate) fn call_off_plan(&mut self) {
        // Whichever block begins after this hears of it.
        let heard_by = self.publisher.frame() + 2 * self.settings.max_block as u64;
        if let Some(place) = self.control.plans.place(Purpose::Start) {
            self.control.plans.set_purpose(place as u16, Purpose::CalledOff(heard_by));
        }
    }

    /// Whether the renderer has these commands as a plan.
    pub(crate) fn is_planned(&self, plan: u16, commands: &[Command]) -> bool {
        self.control.plans.plans.get(usize::from(plan)).is_some_and(|plan| plan.commands == commands)
    }

    /// Whether a plan was called off.
    pub(crate) fn is_called_off(&self, plan: u16) -> bool {
        let plan = self.control.plans.plans.get(usize::from(plan));
        plan.is_some_and(|plan| matches!(plan.purpose, Purpose::CalledOff(_)))
    }

    /// Frees the plans that were called off and can be carried out no more.
    pub(crate) fn release_called_off(&mut self) {
        let frame = self.publisher.frame();
        let is_over = |plan: &Plan| matches!(plan.purpose, Purpose::CalledOff(heard_by) if heard_by < frame);
        while let Some(place) = self.control.plans.plans.iter().position(is_over) {
            self.release_plan(place as u16);
        }
    }

    /// The renderer has carried out a plan at a steady frame. It says crosspoints of which no scene speaks, where a fader of
    /// theirs moves: one that was moved itself after the plan was made is sent once more, and all of them if the renderer had
    /// perhaps not yet heard of the plan but had the one before.
    pub(crate) fn correct_cells(&mut self, plan: u16, frame: u64) {
        let Some(plan) = self.control.plans.plans.get(usize::from(plan)) else { return };
        let is_sure = frame > plan.sent + 2 * self.settings.max_block as u64;
        let stale = plan.commands.iter().filter_map(|command| match *command {
            Command::Gain { edge, source, destination, gain, ramp } => {
                let cell = self.crosspoint(edge, source, destination)?;
                let place = (source.into(), destination.into());
                let is_right = is_sure && self.heard_cell(edge, place.0, place.1, cell).effective() == gain;
                (!is_right).then_some((edge, place, cell, ramp))
            }
            _ => None,
        });
        for (edge, place, cell, ramp) in stale.collect::<Vec<_>>() {
            if let Err(error) = self.send_cell(edge, place, cell, ramp) {
                tracing::warn!("{error}");
            }
        }
    }

    /// A plan has been carried out and is of no use any more.
    pub(crate) fn release_plan(&mut self, plan: u16) {
        self.control.plans.set_purpose(plan, Purpose::Nothing);
        // Should it find no room, the renderer keeps a plan that nobody calls for.
        if let Err(error) = self.publisher.forget_scene(plan) {
            tracing::warn!("{error}");
        }
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

    /// Whether a plan is carried out with a beat, not at once.
    pub(super) fn waits_for_beat(&self, plan: u16) -> bool {
        let destination = self.control.plans.plans.get(usize::from(plan)).and_then(|plan| plan.destination);
        destination.is_some_and(|destination| self.start_at(destination) != SceneStart::Now)
    }

    /// Whether the renderer, by a plan, has gone where the engine would go now.
    pub(super) fn is_there_by(&self, key: TargetKey, plan: Option<u16>) -> bool {
        let plan = plan.and_then(|plan| self.control.plans.plans.get(usize::from(plan)));
        let plan = plan.filter(|plan| plan.purpose == Purpose::Target(key));
        let led = plan.and_then(|plan| plan.destination);
        led.is_some() && led == self.wish(key).and_then(|wish| self.destination(wish))
    }
}
