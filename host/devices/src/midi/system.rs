//! The system's own MIDI, through midir: ALSA's sequencer, CoreMIDI, WinMM. A client is opened for each port and for each
//! look at what there is, as midir wants it.

use midir::MidiIO;

use crate::cpal::quiet::Quiet;

use super::{Direction, MidiBackend, MidiConnection, MidiError, MidiPort, MidiSend, Receive};

#[cfg(target_os = "linux")]
const NAME: &str = "ALSA";
#[cfg(target_os = "macos")]
const NAME: &str = "CoreMIDI";
#[cfg(windows)]
const NAME: &str = "WinMM";
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
const NAME: &str = "MIDI";

/// The backend of the system's MIDI.
#[derive(Clone, Debug)]
pub struct SystemMidi {
    client: String,
}

impl SystemMidi {
    /// A backend that other programs see under this name.
    pub fn new(client: &str) -> Self {
        Self { client: client.to_owned() }
    }

    fn input(&self) -> Result<midir::MidiInput, MidiError> {
        let _quiet = Quiet::new();
        midir::MidiInput::new(&self.client).map_err(|_| unavailable())
    }

    fn output(&self) -> Result<midir::MidiOutput, MidiError> {
        let _quiet = Quiet::new();
        midir::MidiOutput::new(&self.client).map_err(|_| unavailable())
    }
}

fn unavailable() -> MidiError {
    let reason = if cfg!(target_os = "linux") {
        "its sequencer does not open; load it with `modprobe snd-seq`, see that /dev/snd/seq is there and yours to open \
         (the group `audio`), or use JACK's MIDI: `jack` in place of a port's name"
    } else {
        "it does not start; see that its service runs and that this program may use it"
    };
    MidiError::Unavailable { backend: NAME, reason: reason.to_owned() }
}

fn list<M: MidiIO>(io: &M, id: impl Fn(&M::Port) -> String) -> Vec<MidiPort> {
    // A port whose name cannot be read has just gone.
    let named = |port: &M::Port| io.port_name(port).ok().map(|name| MidiPort { name, id: id(port) });
    io.ports().iter().filter_map(named).collect()
}

fn refused(direction: Direction, port: &MidiPort, reason: impl ToString) -> MidiError {
    MidiError::Open { direction, port: port.name.clone(), reason: reason.to_string() }
}

impl MidiConnection for midir::MidiInputConnection<Receive> {}

impl MidiSend for midir::MidiOutputConnection {
    fn send(&mut self, message: &[u8]) -> Result<(), MidiError> {
        self.send(message).map_err(|error| MidiError::Send { reason: error.to_string() })
    }
}

impl MidiBackend for SystemMidi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self, direction: Direction) -> Result<Vec<MidiPort>, MidiError> {
        Ok(match direction {
            Direction::Input => list(&self.input()?, midir::MidiInputPort::id),
            Direction::Output => list(&self.output()?, midir::MidiOutputPort::id),
        })
    }

    fn open_input(&self, port: &MidiPort, receive: Receive) -> Result<Box<dyn MidiConnection>, MidiError> {
        let client = self.input()?;
        let gone = || refused(Direction::Input, port, "it is gone");
        let found = client.find_port_by_id(&port.id).ok_or_else(gone)?;
        let pass = |stamp: u64, bytes: &[u8], receive: &mut Receive| receive(stamp, bytes);
        let open = client.connect(&found, &port.name, pass, receive);
        Ok(Box::new(open.map_err(|error| refused(Direction::Input, port, error))?))
    }

    fn open_output(&self, port: &MidiPort) -> Result<Box<dyn MidiSend>, MidiError> {
        let client = self.output()?;
        let gone = || refused(Direction::Output, port, "it is gone");
        let found = client.find_port_by_id(&port.id).ok_or_else(gone)?;
        Ok(Box::new(client.connect(&found, &port.name).map_err(|error| refused(Direction::Output, port, error))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where there is no sequencer the error says what to do, and nothing hangs or panics; where there is one, a port that
    /// is not there is refused by its name.
    #[test]
    fn a_system_without_midi_says_so() {
        let midi = SystemMidi::new("crosspoint-test");
        let port = MidiPort { name: "Absent".into(), id: "250:99".into() };
        for direction in [Direction::Input, Direction::Output] {
            let listed = midi.ports(direction);
            let opened = match direction {
                Direction::Input => midi.open_input(&port, Box::new(|_, _| ())).err(),
                Direction::Output => midi.open_output(&port).err(),
            };
            let message = opened.unwrap().to_string();
            match listed {
                Ok(_) => assert!(message.contains("`Absent` does not open"), "{message}"),
                Err(error) => {
                    assert_eq!(message, error.to_string());
                    let advice = if cfg!(target_os = "linux") { "modprobe snd-seq" } else { "service runs" };
                    assert!(message.contains(NAME) && message.contains(advice), "{message}");
                }
            }
        }
    }
}
