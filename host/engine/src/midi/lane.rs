//! One port that messages come from: what has come for a block, for those who listen first and then for the rig. Never
//! grows in the callback.
#![deny(clippy::disallowed_types)]

use super::clock::is_clock;
use super::route::Moment;
use crate::control::Ears;
use crosspoint_devices::PeriodMidi;
use crosspoint_devices::midi::{LONGEST_SYSEX, MidiParser, MidiReceiver};
use std::mem;

/// Messages of one port in a block. What a ring has beyond waits for the next block.
const MESSAGES: usize = 1024;
/// Bytes of system-exclusive messages in a block.
const SYSEX_BYTES: usize = 2 * LONGEST_SYSEX;

/// One end of a port, by the number under which the control thread knows it.
pub struct Lane<E> {
    pub number: u32,
    pub end: E,
}

/// Where messages come from.
pub enum InputEnd {
    /// A ring; none until it is taken over from the route before.
    Ring(Option<MidiReceiver>),
    /// A port of the audio driver.
    Period { port: usize, parser: MidiParser },
}

impl InputEnd {
    pub fn period(port: usize) -> Self {
        Self::Period { port, parser: MidiParser::with_capacity(LONGEST_SYSEX) }
    }
}

/// A whole message.
pub enum Arrival<'m> {
    /// Unused bytes 0.
    Message([u8; 3]),
    SysEx(&'m [u8]),
}

/// A message that has come, at its frame of the block.
struct Arrived {
    frame: u32,
    what: What,
    /// Whether it is kept from the rig.
    is_kept: bool,
}

#[derive(Clone, Copy)]
enum What {
    Message([u8; 3]),
    /// Its place among the bytes.
    SysEx(usize, usize),
}

/// What has come at a port for a block.
struct Arrivals {
    messages: Vec<Arrived>,
    /// Of system-exclusive messages.
    bytes: Vec<u8>,
    /// The next one that is to be listened to.
    heard: usize,
    /// The next one that is for the rig.
    sent: usize,
}

impl Arrivals {
    fn is_full(&self) -> bool {
        self.messages.len() == MESSAGES
    }

    /// False if there is no room.
    fn push(&mut self, frame: u32, message: &[u8]) -> bool {
        let what = match *message {
            [0xF0, ..] if self.bytes.len() + message.len() > SYSEX_BYTES => return false,
            [0xF0, ..] => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(message);
                What::SysEx(start, message.len())
            }
            _ => What::Message(std::array::from_fn(|place| message.get(place).copied().unwrap_or(0))),
        };
        let has_room = !self.is_full();
        if has_room {
            self.messages.push(Arrived { frame, what, is_kept: false });
        }
        has_room
    }
}

/// A port that messages come from.
pub struct InputLane {
    pub number: u32,
    end: InputEnd,
    arrivals: Arrivals,
    ears: Ears,
}

impl InputLane {
    /// With its room. Allocates.
    pub fn new(lane: Lane<InputEnd>) -> Self {
        let arrivals = Arrivals {
            messages: Vec::with_capacity(MESSAGES),
            bytes: Vec::with_capacity(SYSEX_BYTES),
            heard: 0,
            sent: 0,
        };
        Self { number: lane.number, end: lane.end, arrivals, ears: Ears::default() }
    }

    /// Takes over what goes on: the end of a ring, messages that are half there.
    pub fn adopt(&mut self, old: &mut Self) {
        match (&mut self.end, &mut old.end) {
            (InputEnd::Ring(new @ None), InputEnd::Ring(old)) => mem::swap(new, old),
            (InputEnd::Period { parser: new, .. }, InputEnd::Period { parser: old, .. }) => mem::swap(new, old),
            _ => {}
        }
        mem::swap(&mut self.ears, &mut old.ears);
    }

    /// Takes what is due in a block, whose first frame and frames the moment has.
    pub fn gather(&mut self, moment: &mut Moment<'_>, period: Option<&mut dyn PeriodMidi>) {
        let arrivals = &mut self.arrivals;
        arrivals.messages.clear();
        arrivals.bytes.clear();
        (arrivals.heard, arrivals.sent) = (0, 0);
        let last = moment.frames.saturating_sub(1) as u32;
        match &mut self.end {
            InputEnd::Ring(Some(ring)) => {
                while let Some(time) = ring.next_time().filter(|_| !arrivals.is_full()) {
                    let frame = (moment.frame_of)(time);
                    if frame > i64::from(last) {
                        break;
                    }
                    let Some((_, message)) = ring.pop() else { break };
                    // What is late comes at once.
                    let kept = arrivals.push(frame.max(0) as u32, message);
                    *moment.lost += u64::from(!kept);
                }
            }
            InputEnd::Ring(None) => {}
            InputEnd::Period { port, parser } => {
                let Some(period) = period else { return };
                let lost = &mut *moment.lost;
                period.read(*port, &mut |frame, bytes| {
                    parser.parse(bytes, |message| *lost += u64::from(!arrivals.push(frame.min(last), message)));
                });
                *lost += u64::from(parser.take_dropped());
            }
        }
    }

    /// The frame of the next message that [`Self::hear_next`] has.
    pub fn next_heard(&self) -> Option<u32> {
        self.arrivals.messages.get(self.arrivals.heard).map(|arrived| arrived.frame)
    }

    /// Lets somebody hear the next message, who says whether to keep it from the rig.
    pub fn hear_next(&mut self, hear: impl FnOnce([u8; 3], usize, &mut Ears) -> bool) {
        let Some(arrived) = self.arrivals.messages.get_mut(self.arrivals.heard) else { return };
        self.arrivals.heard += 1;
        if let What::Message(message) = arrived.what
            && (matches!(message[0], 0x80..=0xEF) || is_clock(message))
        {
            arrived.is_kept = hear(message, arrived.frame as usize, &mut self.ears);
        }
    }

    /// Hands over what is for the rig before a frame of the block, each with its own.
    pub fn take_due(&mut self, before: usize, mut each: impl FnMut(usize, Arrival<'_>)) {
        let Arrivals { messages, bytes, sent, .. } = &mut self.arrivals;
        while let Some(arrived) = messages.get(*sent).filter(|arrived| (arrived.frame as usize) < before) {
            *sent += 1;
            match arrived.what {
                _ if arrived.is_kept => {}
                What::Message(message) => each(arrived.frame as usize, Arrival::Message(message)),
                What::SysEx(start, length) => {
                    each(arrived.frame as usize, Arrival::SysEx(&bytes[start..start + length]))
                }
            }
        }
    }

    /// Whether a message that ends something was lost since the last call.
    pub fn take_ending_lost(&self) -> bool {
        matches!(&self.end, InputEnd::Ring(Some(ring)) if ring.take_ending_lost())
    }
}
