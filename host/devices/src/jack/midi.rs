//! MIDI ports of the client: sample-accurate, because the server hands messages over with the period they belong to. Ports
//! can be added while the client runs: they reach the process thread through a ring, and stay until the client goes.
#![deny(clippy::disallowed_types)]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jack::{Client, MidiIn, MidiOut, Port, PortFlags, ProcessScope, jack_sys};

use crate::error::StreamError;
use crate::midi::Direction;
use crate::period::PeriodMidi;

/// The most ports each way.
const MOST_PORTS: usize = 64;

enum NewPort {
    Input(Port<MidiIn>),
    Output(Port<MidiOut>),
}

/// Both halves of a new client's MIDI, without a port.
pub(super) fn halves() -> (MidiControl, Box<MidiProcess>) {
    let (sending, arriving) = rtrb::RingBuffer::new(2 * MOST_PORTS);
    let lost = Arc::<AtomicU64>::default();
    let (inputs, outputs) = (Vec::with_capacity(MOST_PORTS), Vec::with_capacity(MOST_PORTS));
    let process = Box::new(MidiProcess { inputs, outputs, arriving, lost: Arc::clone(&lost) });
    (MidiControl { inputs: Vec::new(), outputs: Vec::new(), sending, lost }, process)
}

/// The process thread's half.
pub(super) struct MidiProcess {
    inputs: Vec<Port<MidiIn>>,
    outputs: Vec<Port<MidiOut>>,
    arriving: rtrb::Consumer<NewPort>,
    lost: Arc<AtomicU64>,
}

impl MidiProcess {
    /// Takes in new ports and empties the outputs for a period, which JACK wants for each, written or not.
    pub fn begin<'p>(&'p mut self, scope: &'p ProcessScope) -> PeriodPorts<'p> {
        while let Ok(port) = self.arriving.pop() {
            // The control half sends no more than there is room for.
            match port {
                NewPort::Input(port) => self.inputs.push(port),
                NewPort::Output(port) => self.outputs.push(port),
            }
        }
        for port in &mut self.outputs {
            let _emptied = port.writer(scope);
        }
        PeriodPorts { ports: self, scope }
    }
}

/// The ports during one period.
pub(super) struct PeriodPorts<'p> {
    ports: &'p mut MidiProcess,
    scope: &'p ProcessScope,
}

impl fmt::Debug for PeriodPorts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MIDI inputs, {} outputs", self.ports.inputs.len(), self.ports.outputs.len())
    }
}

impl PeriodMidi for PeriodPorts<'_> {
    fn read(&mut self, port: usize, each: &mut dyn FnMut(u32, &[u8])) {
        let Some(port) = self.ports.inputs.get(port) else { return };
        port.iter(self.scope).for_each(|message| each(message.time, message.bytes));
    }

    fn write(&mut self, port: usize, frame: u32, message: &[u8]) -> bool {
        let frames = self.scope.n_frames();
        let written = self.ports.outputs.get(port).is_some_and(|port| {
            // SAFETY: the scope says that a process cycle is under way, in which the port's buffer may be had, and the
            // message is copied within the call. A writer of the crate would empty the buffer.
            unsafe {
                let buffer = port.buffer(frames);
                jack_sys::jack_midi_event_write(buffer, frame, message.as_ptr(), message.len()) == 0
            }
        });
        if !written {
            self.ports.lost.fetch_add(1, Ordering::Relaxed);
        }
        written
    }
}

/// The control thread's half.
pub(super) struct MidiControl {
    inputs: Vec<String>,
    outputs: Vec<String>,
    sending: rtrb::Producer<NewPort>,
    lost: Arc<AtomicU64>,
}

impl MidiControl {
    /// Messages that did not fit into the outputs.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The name of a port.
    pub fn name(&self, direction: Direction, port: usize) -> Option<&str> {
        self.names(direction).get(port).map(String::as_str)
    }

    fn names(&self, direction: Direction) -> &Vec<String> {
        match direction {
            Direction::Input => &self.inputs,
            Direction::Output => &self.outputs,
        }
    }

    /// Makes a port, or finds the one of that name.
    pub fn open(
        &mut self,
        client: &Client,
        device: &str,
        direction: Direction,
        name: &str,
    ) -> Result<usize, StreamError> {
        if let Some(place) = self.names(direction).iter().position(|known| known == name) {
            return Ok(place);
        }
        let refused = |message: String| StreamError::Driver { device: device.to_owned(), message };
        if self.names(direction).len() == MOST_PORTS {
            return Err(refused(format!("there are {MOST_PORTS} MIDI {direction}s already")));
        }
        if name.contains('\0') {
            return Err(refused("the name of a MIDI port contains a NUL character".to_owned()));
        }
        let failed = |error: jack::Error| refused(format!("no MIDI {direction} `{name}`: {error}"));
        let port = match direction {
            Direction::Input => NewPort::Input(client.register_port(name, MidiIn::default()).map_err(failed)?),
            Direction::Output => NewPort::Output(client.register_port(name, MidiOut::default()).map_err(failed)?),
        };
        // There is room for every port there can be.
        let _ = self.sending.push(port);
        let names = match direction {
            Direction::Input => &mut self.inputs,
            Direction::Output => &mut self.outputs,
        };
        names.push(name.to_owned());
        Ok(names.len() - 1)
    }
}

/// The MIDI ports of other clients that a port of ours can be connected to.
pub(super) fn peers(client: &Client, direction: Direction) -> Vec<String> {
    let flags = match direction {
        Direction::Input => PortFlags::IS_OUTPUT,
        Direction::Output => PortFlags::IS_INPUT,
    };
    let own = format!("{}:", client.name());
    let ports = client.ports(None, Some(jack_sys::RAW_MIDI_TYPE), flags);
    ports.into_iter().filter(|port| !port.starts_with(&own)).collect()
}
