//! The transport as people command it: by place, by taps and by counting in, and the clocks that it follows and sends. What
//! moves the playhead is the renderer; nothing here knows a frame of the future.

mod clock;
mod tap;

pub(crate) use clock::{ClockRoles, ClockTold, ClockWatch};
pub use clock::{ClockSnapshot, ClockState};

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::scenes::check_timing;
use crate::session::{MAX_COUNT_IN_BARS, TEMPO_RANGE};
use crosspoint_graph::{Command, MAX_COUNT_IN, NOW, Transport};
use std::time::Instant;
use tap::Tap;

/// Something for the transport to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TransportAction {
    /// The playhead starts where it is.
    Play,
    /// The playhead stops where it is. Ends a count-in, too.
    Stop,
    /// The playhead starts, or stops if it plays or a count-in counts.
    PlayOrStop,
    /// The playhead goes somewhere, playing or not.
    Locate(SongPosition),
    /// Quarter notes a minute, within [`TEMPO_RANGE`].
    Tempo(f64),
    /// Beats a bar and the note value of a beat: a [metre](crosspoint_graph::is_metre). The bar begins anew.
    Metre(u16, u16),
    /// A beat of the tempo, tapped at that moment. From the second one of a tempo on, the transport has it.
    Tap(Instant),
    /// The rig's metronomes count, then the playhead starts. Nothing if it plays.
    CountIn,
    /// Bars that a count-in counts, 1 to [`MAX_COUNT_IN_BARS`].
    SetCountIn(u32),
    /// Loops from a place to a later one, or no longer.
    Loop(Option<(SongPosition, SongPosition)>),
    /// Whether recording is armed.
    Record(bool),
    /// Follows the MIDI clock of a role of event inputs, or no longer any.
    FollowClock(Option<String>),
    /// Sends MIDI clock to roles of event outputs.
    SendClock {
        /// The roles; none for nobody.
        roles: Vec<String>,
        /// Whether while the transport stands, too.
        while_stopped: bool,
    },
}

/// A place in the song.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SongPosition {
    /// In frames from its start.
    Frame(i64),
    /// In seconds from its start.
    Seconds(f64),
    /// In quarter notes from its start, as if it had the tempo of now all along.
    Quarters(f64),
    /// A bar and a beat within it, both from 0, as if the song had the metre of now all along.
    Bar {
        /// The bar.
        bar: i32,
        /// The beat, and what of it.
        beat: f64,
    },
}

/// A place in the song, from its start.
enum Counted {
    Frames(f64),
    Quarters(f64),
}

/// Where a tap comes from: each has a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TapSource {
    Midi,
    Action,
}

/// What is tapped.
#[derive(Debug)]
pub(crate) struct Tapping {
    tap: Tap,
    source: TapSource,
    /// From which the moments of actions are counted.
    start: Instant,
}

impl Default for Tapping {
    fn default() -> Self {
        Self { tap: Tap::default(), source: TapSource::Midi, start: Instant::now() }
    }
}

impl<P: Plugins> Engine<P> {
    /// Has the transport do something, at once.
    ///
    /// # Errors
    /// [`EngineError::OutOfRange`] for what is no tempo, metre, place or length; [`EngineError::FollowsClock`] for a tempo
    /// while that is a MIDI clock's.
    pub fn transport(&mut self, action: TransportAction) -> Result<(), EngineError> {
        match action {
            TransportAction::Play => self.send_command(NOW, Command::Play(true)),
            TransportAction::Stop => self.send_command(NOW, Command::Play(false)),
            TransportAction::PlayOrStop => {
                let counts = self.playhead().count_in.is_some();
                let plays = self.transport.is_playing();
                self.send_command(NOW, Command::Play(!plays && !counts))
            }
            TransportAction::Locate(place) => {
                let command = self.locating(place)?;
                self.send_command(NOW, command)
            }
            TransportAction::Tempo(tempo) => {
                check_timing(Some(tempo), None)?;
                self.set_tempo(tempo)
            }
            TransportAction::Metre(beats, value) => {
                check_timing(None, Some((beats, value)))?;
                self.send_command(NOW, Command::Metre(beats, value))
            }
            TransportAction::Tap(moment) => {
                let seconds = moment.saturating_duration_since(self.tapping.start).as_secs_f64();
                self.tap(TapSource::Action, seconds)
            }
            TransportAction::CountIn => self.send_command(NOW, Command::CountIn(self.count_in_beats())),
            TransportAction::SetCountIn(bars) => {
                if !(1..=MAX_COUNT_IN_BARS).contains(&bars) {
                    let range = "1 to 16 bars";
                    return Err(EngineError::OutOfRange { what: "a count-in", value: f64::from(bars), range });
                }
                self.rig.rest.transport.count_in = bars;
                self.snapshot.outdate();
                Ok(())
            }
            TransportAction::Loop(range) => {
                let range = match range {
                    Some((from, to)) => Some((self.frame_of(from)?, self.frame_of(to)?)),
                    None => None,
                };
                if let Some((from, to)) = range.filter(|(from, to)| from >= to) {
                    let value = (to - from) as f64 / f64::from(self.settings.rate);
                    let range = "above 0 s: a loop ends after its beginning";
                    return Err(EngineError::OutOfRange { what: "the length of a loop", value, range });
                }
                self.send_command(NOW, Command::Loop(range))
            }
            TransportAction::Record(on) => self.send_command(NOW, Command::Record(on)),
            TransportAction::FollowClock(role) => {
                self.rig.rest.transport.clock_from = role;
                self.snapshot.outdate();
                Ok(())
            }
            TransportAction::SendClock { roles, while_stopped } => {
                let transport = &mut self.rig.rest.transport;
                (transport.clock_to, transport.clock_while_stopped) = (roles, while_stopped);
                self.snapshot.outdate();
                Ok(())
            }
        }
    }

    /// Where the playhead is with the next block, all of one moment; where it last was, if it cannot be had just now.
    pub fn playhead(&self) -> Transport {
        self.publisher.playhead().read().map_or_else(Transport::default, |(transport, _)| transport)
    }

    /// Quarter notes a minute: the clock's that is followed, or what was last asked for, heard or not.
    fn tempo(&self) -> f64 {
        if self.followed_role().is_some() { self.playhead().tempo } else { self.rig.tempo }
    }

    fn set_tempo(&mut self, tempo: f64) -> Result<(), EngineError> {
        match self.followed_role() {
            Some(role) => Err(EngineError::FollowsClock { role: role.to_owned() }),
            None => self.send_command(NOW, Command::Tempo(tempo)),
        }
    }

    /// Takes a tapped beat.
    pub(crate) fn tap(&mut self, source: TapSource, seconds: f64) -> Result<(), EngineError> {
        if source != self.tapping.source {
            (self.tapping.tap, self.tapping.source) = (Tap::default(), source);
        }
        let Some(beats) = self.tapping.tap.beat(seconds) else { return Ok(()) };
        // The metre says which note value is a beat.
        let quarters = beats * 4.0 / f64::from(self.rig.metre.1);
        self.set_tempo(quarters.clamp(TEMPO_RANGE.0, TEMPO_RANGE.1))
    }

    /// Beats that a count-in counts.
    pub(crate) fn count_in_beats(&self) -> u32 {
        (self.rig.rest.transport.count_in * u32::from(self.rig.metre.0)).min(MAX_COUNT_IN)
    }

    fn locating(&self, place: SongPosition) -> Result<Command, EngineError> {
        let frame = self.frame_of(place)?;
        Ok(match self.counted(place) {
            Counted::Frames(_) => Command::Locate(frame),
            Counted::Quarters(quarters) => Command::LocateQuarters(quarters),
        })
    }

    fn counted(&self, place: SongPosition) -> Counted {
        match place {
            SongPosition::Frame(frame) => Counted::Frames(frame as f64),
            SongPosition::Seconds(seconds) => Counted::Frames((seconds * f64::from(self.settings.rate)).round()),
            SongPosition::Quarters(quarters) => Counted::Quarters(quarters),
            SongPosition::Bar { bar, beat } => {
                let (beats, value) = self.rig.metre;
                Counted::Quarters((f64::from(bar) * f64::from(beats) + beat) * 4.0 / f64::from(value))
            }
        }
    }

    fn frame_of(&self, place: SongPosition) -> Result<i64, EngineError> {
        let frame = match self.counted(place) {
            Counted::Frames(frame) => frame,
            Counted::Quarters(quarters) => (quarters * 60.0 * f64::from(self.settings.rate) / self.tempo()).round(),
        };
        // What a double does not hold to the frame is no place in any song.
        if frame.abs() < (1_u64 << 53) as f64 {
            return Ok(frame as i64);
        }
        let range = "within some thousand years";
        Err(EngineError::OutOfRange { what: "a place in the song", value: frame, range })
    }

    /// Takes note of a playhead that has started or stopped by itself.
    pub(crate) fn hear_playhead(&mut self) {
        let reader = self.publisher.playhead();
        let blocks = reader.blocks();
        if let Some((transport, _)) = reader.read()
            && self.transport.hear(transport.playing, blocks)
        {
            self.snapshot.outdate();
        }
    }
}

#[cfg(test)]
mod tests;
