//! Which way the signal takes at a node: through its processor, past it, or both. Two weights say so. The **gate** is what
//! of the input the processor gets, the rest goes past it: so a tail rings on while no new sound comes into it. **Wet** is
//! what of the processor's output is heard, and the rest comes from the bypass path.
//!
//! A node that is *away* gets no signal at all. Two weights around all that say so: the **inlet** is what of the input comes
//! to the node, whichever way it takes there, and the **outlet** what is heard of what rings on. All four are closed forms
//! of the frame.

use super::command::BypassMode;
use super::weight::Weight;

/// The way at one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub wet: Weight,
    pub gate: Weight,
    pub inlet: Weight,
    pub outlet: Weight,
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
    /// Whether somebody wants it away.
    away: bool,
    /// Whether nothing of what rings on of a node that is away is to be heard any more.
    gone: bool,
    /// Frame at which that is so at the latest.
    ring_end: u64,
    /// Frame by which the inlet was closed.
    closed: u64,
}

impl Way {
    /// Through the processor.
    pub fn new(sounds_alone: bool) -> Self {
        Self {
            wet: Weight::One,
            gate: Weight::One,
            inlet: Weight::One,
            outlet: Weight::One,
            mode: BypassMode::Tails,
            bypassed: false,
            withdrawn: false,
            overloaded: false,
            sounds_alone,
            over: false,
            tail_end: 0,
            away: false,
            gone: false,
            ring_end: 0,
            closed: 0,
        }
    }

    /// As it was under the schedule before, for a new processor or the same.
    pub fn adopt(&mut self, old: &Self, fresh: bool) {
        *self = Self { sounds_alone: self.sounds_alone, ..*old };
        if fresh {
            // Whatever played before, the new processor fades in over the bypass path; of one that is bypassed there is no
            // tail to be heard. Of one that is away nothing is heard at all.
            let is_shut = self.away && self.inlet == Weight::Zero;
            self.wet = if is_shut && !self.bypassed { Weight::One } else { Weight::Zero };
            self.gone = self.away;
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

    /// Has a node that nobody has heard yet begin away, or not.
    pub fn begin_away(&mut self, on: bool) {
        (self.away, self.gone) = (on, on);
        self.inlet = if on { Weight::Zero } else { Weight::One };
        self.outlet = self.inlet;
    }

    pub fn is_bypassed(&self) -> bool {
        self.bypassed
    }

    /// Notes that somebody wants it away from a frame on, or no longer; what sounds may ring on for so many frames.
    pub fn set_away(&mut self, on: bool, frame: u64, ring: u32) {
        self.away = on;
        // As with a tail.
        self.gone = on && (self.sounds_alone || self.outlet != Weight::One);
        self.ring_end = frame + u64::from(ring);
    }

    pub fn is_away(&self) -> bool {
        self.away
    }

    /// Whether it is away and what rang on has ended, or is fading out.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// The frame by which its inlet was closed, while it is.
    pub fn closed_since(&self) -> Option<u64> {
        (self.away && self.inlet == Weight::Zero).then_some(self.closed)
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

    /// Starts the fades that lead to where the node should be. Of a processor of which nothing is heard, what comes to it now
    /// comes out so many frames late: then it is heard, and until then the bypass path, which has not been interrupted.
    pub fn retarget(&mut self, playable: bool, late: u32, frame: u64, fade: u32) {
        let unheard = self.is_out() || self.bypassed && (self.over || !self.lets_ring());
        self.inlet = self.inlet.towards(!self.away, frame, fade);
        self.outlet = self.outlet.towards(!self.gone, frame, fade);
        self.gate = self.gate.towards(!self.lets_ring(), frame, fade);
        self.wet = if playable { self.wet.towards_late(!unheard, frame, late, fade) } else { Weight::Zero };
    }

    /// Ends a tail that has rung for as long as it may, within the chunk at hand.
    pub fn end_tail(&mut self, frame: u64, frames: usize, fade: u32) {
        if self.lets_ring() && self.wet == Weight::One && frame + frames as u64 > self.tail_end {
            self.over = true;
            self.wet = self.wet.towards(false, self.tail_end.max(frame), fade);
        }
    }

    /// Ends what has rung for as long as it may while the node is away. Gives the frame within the chunk at hand from which
    /// on it is so, if it is in this one.
    pub fn end_ringing(&mut self, frame: u64, frames: usize, fade: u32) -> Option<u32> {
        if !self.away || self.gone || frame + frames as u64 <= self.ring_end {
            return None;
        }
        let end = self.ring_end.max(frame);
        self.gone = true;
        self.outlet = self.outlet.towards(false, end, fade);
        Some((end - frame) as u32)
    }

    /// Notes at the end of a chunk what has come to rest. Says whether the processor's output has just vanished.
    pub fn settle(&mut self, frame: u64, fade: u32) -> bool {
        let before = self.wet;
        self.wet = before.settled(frame, fade);
        self.gate = self.gate.settled(frame, fade);
        self.outlet = self.outlet.settled(frame, fade);
        let inlet = self.inlet;
        self.inlet = inlet.settled(frame, fade);
        if self.inlet != inlet {
            self.closed = frame;
        }
        self.wet == Weight::Zero && before != Weight::Zero
    }
}
