//! The callback's half of a measurement: plays a stimulus on one output, twice, and keeps what comes in the second time.
//! Takes come and go through rings, made and dropped on the control thread; here nothing waits or allocates.
#![deny(clippy::disallowed_types)]

use crosspoint_devices::{DuplexCallback, Period};
use std::sync::Arc;

/// What is to be played and what came of it.
pub(super) struct Take {
    /// Which output; none plays nothing.
    pub output: Option<usize>,
    /// One period of the stimulus.
    pub stimulus: Arc<[f32]>,
    /// A period for each input.
    pub heard: Vec<Vec<f32>>,
    /// Whether the driver lost frames meanwhile.
    pub disturbed: bool,
}

/// Plays takes one after the other, silence between them.
pub(super) struct TakePlayer {
    takes: rtrb::Consumer<Box<Take>>,
    done: rtrb::Producer<Box<Take>>,
    at_hand: Option<Box<Take>>,
    /// Frames of the take at hand that have been played.
    played: usize,
    /// The xruns, and the frame at which the next period should begin, if there was one.
    expected: Option<(u64, u64)>,
}

/// The control thread's ends of the rings.
pub(super) struct Takes {
    pub takes: rtrb::Producer<Box<Take>>,
    pub done: rtrb::Consumer<Box<Take>>,
}

impl TakePlayer {
    pub fn new() -> (Self, Takes) {
        // One take is about at a time.
        let (takes, coming) = rtrb::RingBuffer::new(2);
        let (going, done) = rtrb::RingBuffer::new(2);
        (Self { takes: coming, done: going, at_hand: None, played: 0, expected: None }, Takes { takes, done })
    }

    /// Plays and hears from frame `start` of the period. Returns where the take ended.
    fn play(&mut self, period: &mut Period<'_>, start: usize) -> usize {
        let Some(take) = &mut self.at_hand else { return period.frames };
        let length = take.stimulus.len();
        let frames = (2 * length - self.played).min(period.frames - start);
        // The stimulus goes round within the period.
        let mut done = 0;
        while done < frames {
            let from = (self.played + done) % length;
            let count = (length - from).min(frames - done);
            let place = start + done..start + done + count;
            if let Some(output) = take.output.and_then(|output| period.outputs.get_mut(output)) {
                output[place.clone()].copy_from_slice(&take.stimulus[from..from + count]);
            }
            if self.played + done >= length {
                for (heard, input) in take.heard.iter_mut().zip(period.inputs) {
                    heard[from..from + count].copy_from_slice(&input[place.clone()]);
                }
            }
            done += count;
        }
        self.played += frames;
        if self.played == 2 * length
            && let Some(take) = self.at_hand.take()
        {
            // There is room: no more takes are about than the ring holds.
            if let Err(rtrb::PushError::Full(take)) = self.done.push(take) {
                std::mem::forget(take);
            }
        }
        start + frames
    }
}

impl DuplexCallback for TakePlayer {
    fn process(&mut self, mut period: Period<'_>) {
        period.outputs.iter_mut().for_each(|output| output.fill(0.0));
        let is_whole = self.expected.is_none_or(|expected| expected == (period.xruns, period.time.frame));
        self.expected = Some((period.xruns, period.time.frame + period.frames as u64));
        if let Some(take) = &mut self.at_hand {
            take.disturbed |= !is_whole;
        }
        let mut at = 0;
        while at < period.frames {
            if self.at_hand.is_none() {
                self.at_hand = self.takes.pop().ok();
                self.played = 0;
            }
            at = self.play(&mut period, at);
        }
    }
}
