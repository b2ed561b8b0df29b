//! Sends MIDI clock: 24 clocks a quarter note of the transport, each at the frame that is nearest to it, and start, stop,
//! continue and song position when the transport changes. Never allocates.
#![deny(clippy::disallowed_types)]

use super::{CLOCK, CLOCKS, CONTINUE, SIXTEENTH, SONG_POSITION, START, STOP};
use crosspoint_graph::event::{Event, EventBody, EventList};
use crosspoint_graph::{Chunk, Transport};

/// Messages in a chunk: the clocks of a second at 1000 quarter notes a minute, and more.
const MESSAGES: usize = 512;
/// The greatest song position, in sixteenth notes.
const LAST_POSITION: i64 = (1 << 14) - 1;
/// What keeps rounding errors from deciding what lies halfway between frames, in frames, or between clocks, in clocks.
const BIAS: f64 = 0.000_123_4;

/// The transport as it was at the end of the chunk before.
#[derive(Clone, Copy, Debug)]
struct Before {
    playing: bool,
    frame: i64,
}

/// What goes out to those that follow the transport.
///
/// A song position counts sixteenth notes. Who starts between two of them has the others go on with the next one, at its
/// very clock: they are late to start, and in time from there.
#[derive(Debug, Default)]
pub struct ClockSender {
    messages: EventList,
    before: Option<Before>,
    /// The number of the next clock while the transport moves.
    next: i64,
    /// Whether the others are to be told to go on before that.
    begins: bool,
    /// Steady frame of the next clock if the transport stood.
    standing: f64,
}

impl ClockSender {
    /// With its room, which the default lacks. Allocates.
    pub fn new() -> Self {
        Self { messages: EventList::with_capacity(MESSAGES), ..Self::default() }
    }

    /// What goes out in the chunk that was worked out last.
    pub fn messages(&self) -> &EventList {
        &self.messages
    }

    /// Nobody listens: what is known of the transport is forgotten.
    pub fn rest(&mut self) {
        self.before = None;
        self.messages.clear();
    }

    /// Works out what goes out in a chunk, at a rate in frames a second.
    pub fn run(&mut self, chunk: &Chunk, rate: f64, while_stopped: bool) {
        self.messages.clear();
        let transport = &chunk.transport;
        let before = self.before.unwrap_or(Before { playing: false, frame: transport.frame });
        let is_elsewhere = before.frame != transport.frame;
        let period = 60.0 * rate / (transport.tempo * CLOCKS);
        if before.playing && (!transport.playing || is_elsewhere) {
            self.send(0, [STOP, 0, 0]);
        }
        if transport.playing {
            if !before.playing || is_elsewhere {
                self.go_on(transport);
            }
            self.play(chunk, period, while_stopped);
        } else {
            if is_elsewhere {
                self.tell_position(sixteenths(transport));
            }
            if while_stopped {
                self.stand(chunk, period, f64::INFINITY);
            }
        }
        let moved = if transport.playing { chunk.frames as i64 } else { 0 };
        self.before = Some(Before { playing: transport.playing, frame: transport.frame + moved });
    }

    fn send(&mut self, frame: usize, message: [u8; 3]) {
        self.messages.push(Event { frame: frame as u32, port: 0, body: EventBody::Midi(message) });
    }

    /// Says where the song goes on, and remembers to say that it does.
    fn go_on(&mut self, transport: &Transport) {
        let sixteenths = sixteenths(transport);
        if sixteenths > 0 {
            self.tell_position(sixteenths);
        }
        self.next = sixteenths * SIXTEENTH;
        self.begins = true;
    }

    fn tell_position(&mut self, sixteenths: i64) {
        // What is beyond the last one has no word.
        if sixteenths <= LAST_POSITION {
            self.send(0, [SONG_POSITION, sixteenths as u8 & 0x7F, (sixteenths >> 7) as u8]);
        }
    }

    fn play(&mut self, chunk: &Chunk, period: f64, while_stopped: bool) {
        let start = chunk.steady_frame as f64;
        let at = chunk.transport.quarters * CLOCKS;
        let place = |clock: i64| (clock as f64 - at) * period;
        if self.begins && while_stopped {
            // For those who wait for the song it still stands, until its first clock is near.
            self.stand(chunk, period, place(self.next) - period / 2.0);
        }
        loop {
            let frame = (place(self.next) - BIAS).round().max(0.0) as usize;
            if frame >= chunk.frames {
                break;
            }
            if std::mem::take(&mut self.begins) {
                self.send(frame, [if self.next == 0 { START } else { CONTINUE }, 0, 0]);
            }
            self.send(frame, [CLOCK, 0, 0]);
            self.standing = start + place(self.next + 1);
            self.next += 1;
        }
    }

    /// Sends clocks at an even pace up to a place in the chunk.
    fn stand(&mut self, chunk: &Chunk, period: f64, end: f64) {
        let start = chunk.steady_frame as f64;
        // Nobody was sent any before now, or the renderer begins anew.
        if self.standing < start - 1.0 || self.standing > start + chunk.frames as f64 + period {
            self.standing = start;
        }
        let end = end.min(chunk.frames as f64);
        loop {
            let frame = (self.standing - start - BIAS).round().max(0.0);
            if frame >= end {
                break;
            }
            self.send(frame as usize, [CLOCK, 0, 0]);
            self.standing += period;
        }
    }
}

/// The sixteenth note of the song that is here, or next.
fn sixteenths(transport: &Transport) -> i64 {
    let sixteenth = SIXTEENTH as f64;
    (transport.quarters * CLOCKS / sixteenth - BIAS / sixteenth).ceil().max(0.0) as i64
}
