//! A node that is away: no signal comes to it, and what rings on is let out until it may not any more. Then it costs as little
//! as zeros do.

use super::super::block::Shared;
use super::super::program::{Context, NodeContext};
use super::super::weight::Weight;
use super::{NodeState, Rest};

impl NodeState {
    /// Has a node that nobody has heard yet begin away, or not.
    pub fn begin_away(&mut self, on: bool) {
        let on = on && self.can_be_away();
        self.way.begin_away(on);
        self.rest = if on { Rest::Asleep } else { Rest::Awake };
        self.review();
    }

    /// Closes the node to all signals, and lets what sounds ring out; or opens it.
    pub fn set_away(&mut self, on: bool, context: &NodeContext<'_>) {
        let on = on && self.can_be_away();
        if self.way.is_away() != on {
            self.way.set_away(on, context.frame, context.tail);
            if !on {
                self.rest = Rest::Awake;
            }
            self.retarget(context.frame, context.fade);
        }
    }

    /// Whether it is no end of the rig: those are always there.
    fn can_be_away(&self) -> bool {
        self.hosted
    }

    pub fn is_away(&self) -> bool {
        self.way.is_away()
    }

    /// Notes of a node that is away whether keys are down that it was given.
    pub fn set_held(&mut self, held: bool) {
        self.is_held = held;
    }

    /// Whether a part of the input comes to the node, or nothing of it.
    pub(super) fn is_let_in_part(&self) -> bool {
        self.way.inlet != Weight::One && !self.io.input_slots.is_empty()
    }

    /// Whether it is away and nothing can be heard of it in the chunk that begins at a frame, if its processor is not called.
    pub(super) fn is_out(&self, frame: u64) -> bool {
        let is_drained = |since| self.bypass.as_ref().is_none_or(|bypass| bypass.is_drained(since, frame));
        self.way.closed_since().is_some_and(|since| self.way.outlet == Weight::Zero || is_drained(since))
    }

    /// A chunk of a node of which nothing can be heard.
    pub(super) fn stay_away(&mut self, shared: &mut Shared, context: &mut Context<'_, '_>) {
        self.flush(shared, context);
        if let Some(bypass) = &mut self.bypass {
            bypass.write_silence(self.way.gate, shared, context.fade);
        }
        self.silence_outputs(shared, context);
    }

    /// Lets out what is to be heard of what rings on.
    pub(super) fn apply_outlet(&mut self, shared: &mut Shared, context: &Context<'_, '_>) {
        if self.way.outlet == Weight::Zero {
            return self.silence_outputs(shared, context);
        }
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        shared.mixture.weigh_wet(self.way.outlet, frame, frames, context.fade);
        for &output in self.io.outputs() {
            // SAFETY: output channels are valid for the frames of the chunk, and apart from each other.
            shared.mixture.mix(unsafe { std::slice::from_raw_parts_mut(output, frames) }, None);
        }
    }
}
