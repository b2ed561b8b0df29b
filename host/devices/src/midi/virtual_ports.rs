//! MIDI ports that exist in this program only: for tests, and for embedders that play and hear MIDI themselves. They can
//! be plugged in and out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Direction, MidiBackend, MidiConnection, MidiError, MidiPort, MidiSend, Receive};

const NAME: &str = "virtual";

/// A desk full of MIDI devices. Clones are the same desk.
#[derive(Clone, Default)]
pub struct VirtualMidi {
    desk: Arc<Mutex<Desk>>,
}

#[derive(Default)]
struct Desk {
    ports: Vec<(Direction, MidiPort)>,
    inputs: Vec<(String, Weak<Mutex<Receive>>)>,
    sent: Vec<(String, Vec<u8>)>,
}

impl VirtualMidi {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs a device in.
    pub fn plug(&self, direction: Direction, name: &str, id: &str) {
        self.desk().ports.push((direction, MidiPort { name: name.to_owned(), id: id.to_owned() }));
    }

    /// Unplugs a device: what is open on it hears nothing any more and takes nothing.
    pub fn unplug(&self, id: &str) {
        let mut desk = self.desk();
        desk.ports.retain(|(_, port)| port.id != id);
        desk.inputs.retain(|(open, _)| open != id);
    }

    /// Plays bytes on a device, stamped with microseconds of its own clock. False if nobody listens.
    pub fn play(&self, id: &str, microseconds: u64, bytes: &[u8]) -> bool {
        let listeners: Vec<_> =
            self.desk().inputs.iter().filter(|(open, _)| open == id).filter_map(|(_, input)| input.upgrade()).collect();
        for listener in &listeners {
            (listener.lock().unwrap_or_else(PoisonError::into_inner))(microseconds, bytes);
        }
        !listeners.is_empty()
    }

    /// What was sent to a device since the last call.
    pub fn take_sent(&self, id: &str) -> Vec<Vec<u8>> {
        let mut desk = self.desk();
        let (taken, kept) = std::mem::take(&mut desk.sent).into_iter().partition(|(to, _)| to == id);
        desk.sent = kept;
        let taken: Vec<(String, Vec<u8>)> = taken;
        taken.into_iter().map(|(_, message)| message).collect()
    }

    fn check(&self, direction: Direction, port: &MidiPort) -> Result<(), MidiError> {
        let there = self.desk().ports.iter().any(|(way, known)| *way == direction && known.id == port.id);
        let gone = || MidiError::Open { direction, port: port.name.clone(), reason: "it is not plugged in".to_owned() };
        there.then_some(()).ok_or_else(gone)
    }
}

struct Listening {
    _receive: Arc<Mutex<Receive>>,
}

impl MidiConnection for Listening {}

struct Sending {
    midi: VirtualMidi,
    port: MidiPort,
}

impl MidiSend for Sending {
    fn send(&mut self, message: &[u8]) -> Result<(), MidiError> {
        self.midi.check(Direction::Output, &self.port).map_err(|_| MidiError::Send { reason: "it is gone".into() })?;
        self.midi.desk().sent.push((self.port.id.clone(), message.to_vec()));
        Ok(())
    }
}

impl MidiBackend for VirtualMidi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self, direction: Direction) -> Result<Vec<MidiPort>, MidiError> {
        Ok(self.desk().ports.iter().filter(|(way, _)| *way == direction).map(|(_, port)| port.clone()).collect())
    }

    fn open_input(&self, port: &MidiPort, receive: Receive) -> Result<Box<dyn MidiConnection>, MidiError> {
        self.check(Direction::Input, port)?;
        let receive = Arc::new(Mutex::new(receive));
        self.desk().inputs.push((port.id.clone(), Arc::downgrade(&receive)));
        Ok(Box::new(Listening { _receive: receive }))
    }

    fn open_output(&self, port: &MidiPort) -> Result<Box<dyn MidiSend>, MidiError> {
        self.check(Direction::Output, port)?;
        Ok(Box::new(Sending { midi: self.clone(), port: port.clone() }))
    }
}
