//! Follows the MIDI clock of one role: the transport starts, stops, moves and keeps time with it, at the frames at which its
//! messages come. Never allocates.
#![deny(clippy::disallowed_types)]

use super::period::ClockPeriod;
use super::{CLOCK, CLOCKS, CONTINUE, SIXTEENTH, SONG_POSITION, START, STOP};
use crosspoint_graph::{ClockPoint, Command};

/// Whether the master's song goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    Stands,
    /// From the next clock on.
    Begins,
    Goes,
}

/// What is to be told of the clock that is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lead {
    /// Its tempo while it is followed.
    pub tempo: Option<f64>,
    /// How often it was lost while the song went on.
    pub losses: u32,
}

/// What commands the transport: a frame of the block, and what to do there. False if there was no room.
type Push<'p> = dyn FnMut(usize, Command) -> bool + 'p;

/// The clock of one role, and where its song is.
#[derive(Debug)]
pub struct ClockFollower {
    role: Option<u32>,
    period: ClockPeriod,
    going: Going,
    /// The number of the next clock, from the start of the song.
    next: i64,
    lead: Lead,
    /// Whether the renderer goes along with it already.
    is_followed: bool,
    /// Whether the renderer is to be told that nothing is followed.
    lets_go: bool,
}

impl ClockFollower {
    /// Follows nobody.
    pub fn new(rate: f64) -> Self {
        let period = ClockPeriod::new(rate);
        let lead = Lead::default();
        Self { role: None, period, going: Going::Stands, next: 0, lead, is_followed: false, lets_go: false }
    }

    /// Follows a role from now on, at a rate.
    pub fn follow(&mut self, role: Option<u32>, rate: f64, anew: bool) {
        if self.role != role || anew {
            let losses = self.lead.losses;
            *self = Self { role, lead: Lead { tempo: None, losses }, lets_go: true, ..Self::new(rate) };
        }
    }

    /// Whether it hears what comes from a role.
    pub fn hears(&self, role: u32) -> bool {
        self.role == Some(role)
    }

    pub fn is_idle(&self) -> bool {
        self.role.is_none() && !self.lets_go
    }

    pub fn lead(&self) -> Lead {
        self.lead
    }

    /// Hears a message at a frame of the block that begins at steady frame `block`.
    pub fn hear(&mut self, message: [u8; 3], (block, offset): (u64, usize), push: &mut Push<'_>) {
        self.pass(block, offset, push);
        match message {
            [SONG_POSITION, low, high] => {
                let sixteenths = i64::from(low & 0x7F) | i64::from(high & 0x7F) << 7;
                self.next = sixteenths * SIXTEENTH;
                push(offset, self.locate());
            }
            [START, ..] => {
                self.stand(offset, push);
                self.next = 0;
                push(offset, self.locate());
                self.going = Going::Begins;
            }
            [CONTINUE, ..] if self.going == Going::Stands => self.going = Going::Begins,
            [STOP, ..] => self.stand(offset, push),
            [CLOCK, ..] => self.tick(block + offset as u64, offset, push),
            _ => {}
        }
    }

    /// Time passes up to a frame of the block: a clock that does not come is lost at its frame.
    pub fn pass(&mut self, block: u64, offset: usize, push: &mut Push<'_>) {
        if std::mem::take(&mut self.lets_go) {
            push(0, Command::Follow(None));
        }
        let now = block + offset as u64;
        let Some(lost) = self.period.lost_at().filter(|&lost| lost <= now) else { return };
        self.period.lose();
        push(lost.saturating_sub(block) as usize, Command::Follow(None));
        (self.lead.tempo, self.is_followed) = (None, false);
        // Many masters send no clock while they stand.
        if self.going == Going::Goes {
            self.lead.losses = self.lead.losses.wrapping_add(1);
            self.going = Going::Stands;
        }
    }

    fn locate(&self) -> Command {
        Command::LocateQuarters(self.next as f64 / CLOCKS)
    }

    /// The master's song ends. After a loss the transport has gone on without it.
    fn stand(&mut self, offset: usize, push: &mut Push<'_>) {
        push(offset, Command::Play(false));
        self.going = Going::Stands;
    }

    fn tick(&mut self, frame: u64, offset: usize, push: &mut Push<'_>) {
        if self.going != Going::Begins {
            self.period.tick(frame);
        } else {
            // It is at this very clock that the song goes on.
            self.period.tick_first(frame);
            self.going = Going::Goes;
            push(offset, self.locate());
            push(offset, Command::Play(true));
        }
        let goes = self.going == Going::Goes;
        let tempo = self.period.tempo();
        if let Some(tempo) = tempo {
            let quarters = goes.then(|| (self.next as f64 + self.period.phase(frame)) / CLOCKS);
            let begins = !self.is_followed;
            push(offset, Command::Follow(Some(ClockPoint { quarters, tempo, begins })));
            self.lead.tempo = Some(tempo);
        }
        self.is_followed = tempo.is_some();
        self.next += i64::from(goes);
    }
}
