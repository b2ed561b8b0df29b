//! Which way the signal takes at a node: through its processor, past it, or both. Two weights say so. The **gate** is what
//! of the input the processor gets, the rest goes past it: so a tail rings on while no new sound comes into it. **Wet** is
//! what of the processor's output is heard, and the rest comes from the bypass path. Both are closed forms of the frame.

use super::command::BypassMode;
use super::weight::Weight;

/// The way at one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub wet: Weight,
    pub gate: Weight,
    /// How a bypass is done.
    pub mode: BypassMode,
    /// Whether somebody wants it bypassed.
    bypassed: bool,
    /// Whether its processor is about to go home.
    withdrawn: bool,
    /// Whether its processor takes too much time, and is left out for that.
    overloaded: bool,
    /// Whether it sounds without anything coming in, so that there is nothing to let ring out.
    sounds_alone: bool,
    /// Whether nothing of a tail is to be heard any more, though its processor has not said that it is over.
    over: bool,
    /// Frame at which a tail is over at the latest.
    tail_end: u64,
}

impl Way {
    /// Through the processor.
    pub fn new(sounds_alone: bool) -> Self {
        Self {
            wet: Weight::One,
            gate: Weight::One,
            mode: BypassMode::Tails,
            bypassed: false,
            withdrawn: false,
            overloaded: false,
            sounds_alone,
            over: false,
            tail_end: 0,
        }
    }

    /// As it was under the schedule before, for a new processor or the same.
    pub fn adopt(&mut self, old: &Self, fresh: bool) {
        *self = Self { sounds_alone: self.sounds_alone, ..*old };
        if fresh {
            // Whatever played before, the new processor fades in over the bypass path; of one that is bypassed there is no
            // tail to be heard.
            self.wet = Weight::Zero;
            self.withdrawn = false;
            self.overloaded = false;
            self.over = self.bypassed;
        }
    }

    /// The state of a node that nobody has heard yet.
    pub fn begin(&mut self, bypassed: bool, mode: BypassMode) {
        self.mode = mode;
        if !matches!(mode, BypassMode::Own { .. }) {
            self.bypassed = bypassed;
            self.over = bypassed;
            self.wet = if bypassed { Weight::Zero } else { Weight::One };
            self.gate = if self.lets_ring() { Weight::Zero } else { Weight::One };
        }
    }

    pub fn is_bypassed(&self) -> bool {
        self.bypassed
    }

    /// Notes that somebody wants it bypassed from a frame on, or no longer; a tail has so many frames.
    pub fn set_bypassed(&mut self, on: bool, frame: u64, tail: u32) {
        self.bypassed = on;
        // What is not heard has no tail to be heard; and what is still on its way to be heard turns round, so that a tail that
        // ends meanwhile ends at its frame.
        self.over = on && self.wet != Weight::One;
        self.tail_end = frame + u64::from(tail);
    }

    /// Notes that the processor is about to go home, or stays.
    pub fn set_withdrawn(&mut self, on: bool) {
        self.withdrawn = on;
    }

    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Notes that the processor takes too much time, or no longer.
    pub fn set_overloaded(&mut self, on: bool) {
        self.overloaded = on;
    }

    pub fn is_overloaded(&self) -> bool {
        self.overloaded
    }

    /// Whether the processor is left out whatever the user wants.
    fn is_out(&self) -> bool {
        self.withdrawn || self.overloaded
    }

    /// Whether events go to the processor, and from it.
    pub fn is_through(&self) -> bool {
        !self.bypassed && !self.is_out()
    }

    /// Whether the processor plays on unheard.
    pub fn is_live(&self) -> bool {
        self.bypassed && self.mode == BypassMode::Live && !self.is_out()
    }

    /// Whether it is bypassed and its tail may be heard.
    pub fn lets_ring(&self) -> bool {
        self.bypassed && self.mode == BypassMode::Tails && !self.sounds_alone
    }

    /// Starts the fades that lead to where the node should be.
    pub fn retarget(&mut self, playable: bool, frame: u64, fade: u32) {
        let unheard = self.is_out() || self.bypassed && (self.over || !self.lets_ring());
        self.gate = self.gate.towards(!self.lets_ring(), frame, fade);
        self.wet = if playable { self.wet.towards(!unheard, frame, fade) } else { Weight::Zero };
    }

    /// Ends a tail that has rung for as long as it may, within the chunk at hand.
    pub fn end_tail(&mut self, frame: u64, frames: usize, fade: u32) {
        if self.lets_ring() && self.wet == Weight::One && frame + frames as u64 > self.tail_end {
            self.over = true;
            self.wet = self.wet.towards(false, self.tail_end.max(frame), fade);
        }
    }

    /// Notes at the end of a chunk what has come to rest. Says whether the processor's output has just vanished.
    pub fn settle(&mut self, frame: u64, fade: u32) -> bool {
        let before = self.wet;
        self.wet = before.settled(frame, fade);
        self.gate = self.gate.settled(frame, fade);
        self.wet == Weight::Zero && before != Weight::Zero
    }
}
