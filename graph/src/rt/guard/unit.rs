//! The guard of one output: finds what must not be played, takes the output to silence by a ramp, and holds it there. All
//! of it is a closed form of the frame, so that the partition into chunks leaves no trace. Not even one sample that is not
//! a number leaves.

use super::{GuardCause, GuardSettings};

/// Longest time between two samples above the limit that are one excess, in seconds: half a period of 20 Hz.
const GAP: f64 = 0.025;
/// By how much the limit may be exceeded at all, linear: 60 dB. More is no sound, and no ramp takes the edge off it.
const ABSURD: f32 = 1000.0;

/// What is remembered of one channel of the device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// The last sample of the chunk before; while a chunk passes, the last one that may be played.
    pub before: f32,
    /// The last sample of the chunk at hand.
    pub last: f32,
    /// Whether the chunk at hand has a sample that is not below the threshold.
    pub alarm: bool,
    /// What is heard in place of what must not be.
    held: Option<f32>,
}

/// A chunk of an output's channels among all of the device.
pub(crate) struct Channels<'a, 'd> {
    pub outputs: &'a mut [&'d mut [f32]],
    /// The chunk's first frame in them.
    pub offset: usize,
    pub frames: usize,
    /// Of all channels of the device.
    pub past: &'a mut [Past],
    /// Those of the output.
    pub numbers: &'a [u32],
}

/// Samples above the limit, with no long time between them.
#[derive(Clone, Copy, Debug)]
struct Excess {
    first: u64,
    last: u64,
    peak: f32,
}

/// What a chunk brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Happened {
    /// The output is on its way to silence.
    Closed { frame: u64, cause: GuardCause },
    /// The output is on its way back.
    Opened { frame: u64 },
}

/// What all guards need to know of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The chunk's first frame.
    pub frame: u64,
    /// Frames of a ramp, at least 1.
    pub fade: u32,
    /// Frames a second.
    pub rate: f64,
}

/// The guard of one output, whatever channels that has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub settings: GuardSettings,
    closed: bool,
    /// Whether somebody wants it closed, so that it does not open by itself.
    held: bool,
    /// First frame of the ramp to where it is now; before the first frame of all if it turned round then.
    start: Option<i64>,
    /// The frame at which it is to open, by hand.
    opens: Option<u64>,
    excess: Option<Excess>,
    /// The last frame at which something was wrong, while it is closed.
    fault: u64,
}

impl Unit {
    pub fn new(settings: GuardSettings) -> Self {
        Self { settings, closed: false, held: false, start: None, opens: None, excess: None, fault: 0 }
    }

    /// Goes on as the guard under the schedule before.
    pub fn adopt(&mut self, old: &Self) {
        *self = Self { settings: self.settings, ..*old };
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether samples must be touched though none is wrong.
    pub fn acts(&self) -> bool {
        self.closed || self.start.is_some()
    }

    /// Whether the limit is exceeded at the moment, or was just before.
    pub fn is_exceeded(&self, moment: &Moment) -> bool {
        self.excess.is_some_and(|excess| moment.frame <= excess.last + gap(moment))
    }

    /// Closes from a frame on. A ramp that turns round goes on from where it is.
    pub fn close(&mut self, frame: u64, fade: u32) {
        if !self.closed {
            self.turn(true, frame, fade);
        }
        (self.held, self.opens) = (true, None);
    }

    /// Opens from a frame on, or from where the ramp to silence ends.
    pub fn open(&mut self, frame: u64) {
        (self.held, self.opens) = (false, self.closed.then_some(frame));
    }

    fn turn(&mut self, closed: bool, frame: u64, fade: u32) {
        let left = self.start.map_or(0, |start| (i64::from(fade) - (frame as i64 - start)).max(0));
        // Nothing has sounded before the first frame that could click.
        self.start = (frame > 0).then_some(frame as i64 - left);
        (self.closed, self.fault, self.excess, self.opens) = (closed, frame, None, None);
    }

    /// Lets a chunk pass as far as it may.
    pub fn pass(&mut self, channels: &mut Channels<'_, '_>, moment: &Moment, happened: &mut dyn FnMut(Happened)) {
        let alarm = channels.numbers.iter().any(|&number| channels.past[number as usize].alarm);
        if !alarm && self.stays_shut(channels.frames, moment) {
            return channels.silence();
        }
        for at in 0..channels.frames {
            let frame = moment.frame + at as u64;
            if self.closed && frame >= self.opens_at(moment) {
                self.turn(false, frame, moment.fade);
                happened(Happened::Opened { frame });
            }
            if let Some(cause) = self.look(channels, at, frame, moment) {
                self.fault = frame;
                if !self.closed {
                    self.turn(true, frame, moment.fade);
                    happened(Happened::Closed { frame, cause });
                }
            }
            channels.play(at, self.gain(frame, moment.fade), self.closed);
        }
        channels.end();
        if self.start.is_some_and(|_| self.rests_at(moment.fade) <= moment.frame + channels.frames as u64) {
            self.start = None;
        }
    }

    /// Whether it is silent for all of a chunk that has no fault.
    fn stays_shut(&self, frames: usize, moment: &Moment) -> bool {
        self.closed && self.start.is_none() && self.opens_at(moment) >= moment.frame + frames as u64
    }

    /// The frame at which its ramp is over.
    fn rests_at(&self, fade: u32) -> u64 {
        self.start.map_or(0, |start| (start + i64::from(fade)).max(0) as u64)
    }

    /// The frame at which it opens, if it is closed and there is no other fault until then.
    fn opens_at(&self, moment: &Moment) -> u64 {
        let by_itself = self
            .settings
            .returns_after
            .filter(|_| !self.held)
            .map_or(u64::MAX, |after| self.fault.saturating_add(after.into()));
        by_itself.min(self.opens.unwrap_or(u64::MAX)).max(self.rests_at(moment.fade))
    }

    /// Looks at a frame of all channels: why it must not be played, or would not be if it could.
    fn look(&mut self, channels: &mut Channels<'_, '_>, at: usize, frame: u64, moment: &Moment) -> Option<GuardCause> {
        let level = self.settings.level;
        let (peak, wrong) = channels.look(at, level * ABSURD);
        if wrong.is_some() || peak <= level {
            return wrong;
        }
        let excess = match self.excess {
            Some(excess) if frame <= excess.last + gap(moment) => {
                Excess { last: frame, peak: excess.peak.max(peak), ..excess }
            }
            _ => Excess { first: frame, last: frame, peak },
        };
        self.excess = Some(excess);
        let lasts = frame - excess.first >= u64::from(self.settings.frames);
        (self.closed || lasts).then_some(GuardCause::TooLoud { peak: excess.peak })
    }

    fn gain(&self, frame: u64, fade: u32) -> f32 {
        let elapsed = self.start.map_or(fade, |start| (frame as i64 - start).clamp(0, fade.into()) as u32);
        let opening = elapsed as f32 / fade as f32;
        if self.closed { 1.0 - opening } else { opening }
    }
}

impl Channels<'_, '_> {
    fn silence(&mut self) {
        for &number in self.numbers {
            if let Some(output) = self.outputs.get_mut(number as usize) {
                output[self.offset..self.offset + self.frames].fill(0.0);
            }
        }
    }

    /// The greatest magnitude of a frame, and what of it can be played at no gain, if anything; that is held from there on.
    fn look(&mut self, at: usize, most: f32) -> (f32, Option<GuardCause>) {
        let (mut peak, mut wrong) = (0.0_f32, None);
        for &number in self.numbers {
            let Some(output) = self.outputs.get(number as usize) else { continue };
            let (sample, past) = (output[self.offset + at], &mut self.past[number as usize]);
            if sample.abs() <= most && sample.is_finite() {
                past.before = sample;
                peak = peak.max(sample.abs());
                continue;
            }
            past.held = past.held.or(Some(past.before));
            if wrong != Some(GuardCause::NotANumber) {
                wrong = Some(match sample.is_finite() {
                    true => GuardCause::TooLoud { peak: sample.abs() },
                    false => GuardCause::NotANumber,
                });
            }
        }
        (peak, wrong)
    }

    /// Plays a frame at a gain.
    fn play(&mut self, at: usize, gain: f32, closed: bool) {
        for &number in self.numbers {
            let Some(output) = self.outputs.get_mut(number as usize) else { continue };
            let (sample, past) = (&mut output[self.offset + at], &mut self.past[number as usize]);
            // It opens at a gain of 0, where what comes in may take over.
            past.held = past.held.filter(|_| closed);
            *sample = match (past.held, gain == 1.0) {
                (Some(held), _) => gain * held,
                (None, true) => *sample,
                (None, false) => gain * *sample,
            };
        }
    }

    fn end(&mut self) {
        for &number in self.numbers {
            let past = &mut self.past[number as usize];
            past.last = past.before;
        }
    }
}

fn gap(moment: &Moment) -> u64 {
    (GAP * moment.rate) as u64
}
