//! One port for one role: what is wanted, and how far it is.

use super::MidiConnection;
use super::route::{InputEnd, Lane, OutputEnd};
use crosspoint_devices::midi::{Direction, OpenEnd, PortId};
use crosspoint_devices::{StreamError, StreamMidi};

/// What the names of ports of the audio driver begin with.
pub const DRIVER: &str = "jack";

/// What one role wants of one port.
pub struct Wish {
    pub number: u32,
    pub direction: Direction,
    pub role: String,
    pub name: String,
    /// Whether a mapping wanted it, and another one may take it back.
    pub mapped: bool,
    pub place: Place,
    pub open: Option<String>,
    pub refusal: Option<String>,
    /// What the audio thread has not got yet.
    pub end: Option<OpenEnd>,
}

pub enum Place {
    System(Option<PortId>),
    /// A port of the stream under a name of its own, at a place once it is made, and what it is to be connected to.
    Driver {
        name: String,
        port: Option<usize>,
        peer: Option<String>,
    },
}

impl Wish {
    /// How it is with it. `delay` is that of the system's ports, in frames.
    pub fn shown(&self, delay: Option<u32>) -> MidiConnection {
        let delay = match self.place {
            Place::Driver { .. } => delay.map(|_| 0),
            Place::System(_) => delay,
        };
        MidiConnection {
            direction: self.direction,
            role: self.role.clone(),
            name: self.name.clone(),
            delay: delay.filter(|_| self.open.is_some()),
            open: self.open.clone(),
        }
    }

    /// Whether the audio thread has to do with it. A port of the driver is heard while nobody is connected to it, too.
    pub fn is_heard(&self) -> bool {
        match self.place {
            Place::Driver { port, .. } => port.is_some(),
            Place::System(_) => self.open.is_some(),
        }
    }

    /// What the audio thread gets of an input.
    pub fn input_lane(&mut self) -> Lane<InputEnd> {
        let end = match (&self.place, self.end.take()) {
            (Place::Driver { port: Some(port), .. }, _) => InputEnd::period(*port),
            (_, Some(OpenEnd::Input(ring))) => InputEnd::Ring(Some(ring)),
            _ => InputEnd::Ring(None),
        };
        Lane { number: self.number, end }
    }

    /// What the audio thread gets of an output.
    pub fn output_lane(&mut self) -> Lane<OutputEnd> {
        let end = match (&self.place, self.end.take()) {
            (Place::Driver { port: Some(port), .. }, _) => OutputEnd::Period { port: *port },
            (_, Some(OpenEnd::Output(ring))) => OutputEnd::Ring(Some(ring)),
            _ => OutputEnd::Ring(None),
        };
        Lane { number: self.number, end }
    }

    /// Makes a port of the audio driver's for a wish and connects it once its peer is there. What it is open on, if it is: a
    /// connection that a person has undone is left undone until the peer comes anew.
    pub fn open_port(&mut self, midi: &mut dyn StreamMidi) -> Result<Option<String>, StreamError> {
        let Place::Driver { name, port, peer } = &mut self.place else { return Ok(None) };
        let made = match *port {
            Some(made) => made,
            None => midi.open(self.direction, name)?,
        };
        *port = Some(made);
        match peer {
            None => Ok(Some(format!("{DRIVER}:{name}"))),
            Some(peer) if midi.has(peer) => {
                if self.open.is_none() {
                    midi.connect(self.direction, made, peer)?;
                }
                Ok(Some(format!("{DRIVER}:{peer}")))
            }
            Some(_) => Ok(None),
        }
    }
}
