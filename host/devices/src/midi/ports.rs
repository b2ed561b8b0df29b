//! The ports that somebody wants: opened when they are there, waited for when they are not, taken back under the same name.
//! Looks for them when it is told to, on the control thread.

use super::clock::{StampClock, TickClock};
use super::names::{PortNames, find};
use super::output::MidiOutput;
use super::parser::MidiParser;
use super::ring::{MidiLosses, MidiReceiver, MidiSender, midi_ring};
use super::{Direction, LONGEST_SYSEX, MidiBackend, MidiConnection, MidiError, MidiPort, RING_BYTES};

/// A wanted port's identity, for as long as the [`MidiPorts`] live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u32);

/// The callback's end of a port's ring. To be dropped off the callback.
#[derive(Debug)]
pub enum OpenEnd {
    /// What comes in.
    Input(MidiReceiver),
    /// What goes out.
    Output(MidiSender),
}

/// What has become of a wanted port.
#[derive(Debug)]
pub enum MidiChange {
    /// It is there and open.
    Open {
        /// Which.
        port: PortId,
        /// Its full name.
        name: String,
        /// For the callback.
        end: OpenEnd,
    },
    /// It is gone, and waited for. Its end of the ring gives and takes nothing any more.
    Lost {
        /// Which.
        port: PortId,
    },
    /// It cannot be opened for now, and is tried again; told once for each reason.
    Refused {
        /// Which.
        port: PortId,
        /// Why, and what to do.
        reason: String,
    },
}

enum Connection {
    Input { _open: Box<dyn MidiConnection> },
    Output(MidiOutput),
}

/// An open port.
struct Opened {
    /// The driver's identity of it.
    id: String,
    connection: Connection,
    losses: MidiLosses,
}

struct Wanted {
    port: PortId,
    direction: Direction,
    name: String,
    /// Whether the name is that of a port that was open, and means no other.
    is_known: bool,
    open: Option<Opened>,
    losses_told: u64,
    refusal: Option<String>,
}

/// The ports of one backend.
pub struct MidiPorts {
    backend: Box<dyn MidiBackend>,
    clock: TickClock,
    inputs: PortNames,
    outputs: PortNames,
    wanted: Vec<Wanted>,
    last: u32,
}

impl MidiPorts {
    /// Of a backend. `clock` is the one by which the callback will ask for frames.
    pub fn new(backend: Box<dyn MidiBackend>, clock: TickClock) -> Self {
        let (inputs, outputs) = (PortNames::default(), PortNames::default());
        Self { backend, clock, inputs, outputs, wanted: Vec::new(), last: 0 }
    }

    /// The ports there are now, under the names to ask for.
    ///
    /// # Errors
    /// If the system has no MIDI.
    pub fn list(&mut self, direction: Direction) -> Result<Vec<MidiPort>, MidiError> {
        let ports = self.backend.ports(direction)?;
        Ok(match direction {
            Direction::Input => self.inputs.name(ports),
            Direction::Output => self.outputs.name(ports),
        })
    }

    /// Wants a port by its name or a part of it; the next [`Self::poll`] opens it, or a later one.
    pub fn want(&mut self, direction: Direction, name: &str) -> PortId {
        self.last += 1;
        let port = PortId(self.last);
        let name = name.to_owned();
        self.wanted.push(Wanted { port, direction, name, is_known: false, open: None, losses_told: 0, refusal: None });
        port
    }

    /// Closes a port and forgets it. Notes that it was sent are ended.
    pub fn forget(&mut self, port: PortId) {
        self.wanted.retain(|wanted| wanted.port != port);
    }

    /// Messages that ports have lost since the last call, of those that lost any.
    pub fn take_losses(&mut self) -> Vec<(PortId, u64)> {
        let mut losses = Vec::new();
        for wanted in &mut self.wanted {
            let count = wanted.open.as_ref().map_or(0, |open| open.losses.count());
            if count > wanted.losses_told {
                losses.push((wanted.port, count - wanted.losses_told));
                wanted.losses_told = count;
            }
        }
        losses
    }

    /// Looks at what there is, opens what is wanted, and lets go what is gone. Call it about once a second: there is no
    /// notification that every system gives.
    pub fn poll(&mut self) -> Vec<MidiChange> {
        let mut changes = Vec::new();
        for direction in [Direction::Input, Direction::Output] {
            if self.wanted.iter().any(|wanted| wanted.direction == direction) {
                let listed = self.list(direction);
                self.poll_direction(direction, &listed, &mut changes);
            }
        }
        changes
    }

    fn poll_direction(
        &mut self,
        direction: Direction,
        listed: &Result<Vec<MidiPort>, MidiError>,
        changes: &mut Vec<MidiChange>,
    ) {
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.direction == direction) {
            if let (Some(Opened { id, connection, .. }), Ok(ports)) = (&wanted.open, listed) {
                let failed = matches!(connection, Connection::Output(output) if output.has_failed());
                if failed || ports.iter().all(|port| port.id != *id) {
                    (wanted.open, wanted.losses_told) = (None, 0);
                    changes.push(MidiChange::Lost { port: wanted.port });
                }
            }
        }
        for place in 0..self.wanted.len() {
            let wanted = &self.wanted[place];
            if wanted.direction != direction || wanted.open.is_some() {
                continue;
            }
            let opened = match listed {
                Ok(ports) => self.open(wanted, ports),
                Err(error) => Err(error.to_string()),
            };
            let wanted = &mut self.wanted[place];
            match opened {
                Ok(Some((open, name, end))) => {
                    (wanted.open, wanted.refusal) = (Some(open), None);
                    // From now on it is this one, not another with the same part in its name.
                    wanted.name.clone_from(&name);
                    wanted.is_known = true;
                    changes.push(MidiChange::Open { port: wanted.port, name, end });
                }
                Ok(None) => {}
                Err(reason) if wanted.refusal.as_ref() == Some(&reason) => {}
                Err(reason) => {
                    wanted.refusal = Some(reason.clone());
                    changes.push(MidiChange::Refused { port: wanted.port, reason });
                }
            }
        }
    }

    /// Opens a wanted port, if it is among those there are.
    fn open(&self, wanted: &Wanted, ports: &[MidiPort]) -> Result<Option<(Opened, String, OpenEnd)>, String> {
        let ambiguous = |names: Vec<String>| {
            format!(
                "`{}` may be any of the MIDI {}s {}; name it in full",
                wanted.name,
                wanted.direction,
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            )
        };
        let found = match wanted.is_known {
            true => ports.iter().find(|port| port.name == wanted.name),
            false => find(ports, &wanted.name).map_err(ambiguous)?,
        };
        let Some(port) = found else { return Ok(None) };
        let (sender, receiver) = midi_ring(RING_BYTES, LONGEST_SYSEX);
        let losses = sender.lost();
        let (connection, end) = match wanted.direction {
            Direction::Input => {
                let open = self.backend.open_input(port, receive(sender, self.clock));
                let open = open.map_err(|error| error.to_string())?;
                (Connection::Input { _open: open }, OpenEnd::Input(receiver))
            }
            Direction::Output => {
                let send = self.backend.open_output(port).map_err(|error| error.to_string())?;
                let output = MidiOutput::start(send, receiver, self.clock).map_err(|error| error.to_string())?;
                (Connection::Output(output), OpenEnd::Output(sender))
            }
        };
        Ok(Some((Opened { id: port.id.clone(), connection, losses }, port.name.clone(), end)))
    }
}

/// What runs on the driver's thread: cuts the stream into messages and stamps them.
fn receive(mut sender: MidiSender, clock: TickClock) -> super::Receive {
    let mut parser = MidiParser::with_capacity(LONGEST_SYSEX);
    let mut stamps = StampClock::new(clock.per_second);
    Box::new(move |microseconds, bytes| {
        let time = stamps.ticks(microseconds, (clock.now)());
        parser.parse(bytes, |message| {
            sender.push(time, message);
        });
        let dropped = parser.take_dropped();
        if dropped > 0 {
            sender.count_lost(dropped);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::VirtualMidi;
    use super::*;

    const CLOCK: TickClock = TickClock { now: || 1_000, per_second: 1e6 };

    fn open(changes: &mut Vec<MidiChange>) -> (PortId, String, OpenEnd) {
        match changes.remove(0) {
            MidiChange::Open { port, name, end } => (port, name, end),
            other => panic!("{other:?}"),
        }
    }

    /// Two keyboards of one name: each is heard by its own name, the second stays itself when the first goes, and the
    /// first is taken back when it returns, at another place of the bus.
    #[test]
    fn devices_go_and_come_back() {
        let desk = VirtualMidi::default();
        let mut ports = MidiPorts::new(Box::new(desk.clone()), CLOCK);
        let first = ports.want(Direction::Input, "Keys");
        let second = ports.want(Direction::Input, "Keys #2");
        assert!(ports.poll().is_empty(), "nothing is there, which is no error");

        desk.plug(Direction::Input, "Keys 20:0", "20:0");
        desk.plug(Direction::Input, "Keys 24:0", "24:0");
        let mut changes = ports.poll();
        assert_eq!(changes.len(), 2);
        let (port, name, end) = open(&mut changes);
        assert_eq!((port, name.as_str()), (first, "Keys"));
        let OpenEnd::Input(mut heard) = end else { panic!("an input") };
        assert!(desk.play("20:0", 5, &[0x90, 60, 100, 62]) && desk.play("20:0", 6, &[100]));
        assert_eq!(heard.pop(), Some((1_000, &[0x90, 60, 100][..])));
        assert_eq!(heard.pop(), Some((1_000, &[0x90, 62, 100][..])));
        assert_eq!(open(&mut changes).0, second);

        desk.unplug("20:0");
        let changes = ports.poll();
        assert!(matches!(changes[..], [MidiChange::Lost { port }] if port == first), "{changes:?}");
        assert!(heard.is_abandoned());
        desk.plug(Direction::Input, "Keys 28:0", "28:0");
        let mut changes = ports.poll();
        let (port, name, _) = open(&mut changes);
        assert_eq!((port, name.as_str()), (first, "Keys"));
        assert!(desk.play("28:0", 0, &[0xF8]) && desk.play("24:0", 0, &[0xF8]));
        ports.forget(second);
        assert!(ports.poll().is_empty() && !desk.play("24:0", 0, &[0xF8]));
    }

    /// What cannot be opened says why, once; a part of a name will do if it means one port.
    #[test]
    fn refusals_are_told_once() {
        let desk = VirtualMidi::default();
        desk.plug(Direction::Output, "Synth A", "1");
        desk.plug(Direction::Output, "Synth B", "2");
        let mut ports = MidiPorts::new(Box::new(desk.clone()), CLOCK);
        let port = ports.want(Direction::Output, "synth");
        let changes = ports.poll();
        let [MidiChange::Refused { port: refused, reason }] = &changes[..] else { panic!("{changes:?}") };
        assert!(*refused == port && reason.contains("`Synth A`, `Synth B`; name it in full"), "{reason}");
        assert!(ports.poll().is_empty());
        desk.unplug("1");
        let (_, name, end) = open(&mut ports.poll());
        assert_eq!(name, "Synth B");
        let OpenEnd::Output(mut sender) = end else { panic!("an output") };
        sender.push(1, &[0x90, 60, 100]);
        ports.forget(port);
        assert_eq!(desk.take_sent("2"), [[0x90, 60, 100], [0x80, 60, 64]], "a closed port leaves no note sounding");
    }

    /// A flood and a message that is too long are counted for whom it concerns.
    #[test]
    fn losses_are_told() {
        let desk = VirtualMidi::default();
        desk.plug(Direction::Input, "Keys", "1");
        let mut ports = MidiPorts::new(Box::new(desk.clone()), CLOCK);
        let port = ports.want(Direction::Input, "Keys");
        let _open = ports.poll();
        assert!(ports.take_losses().is_empty());
        let mut long = vec![0xF0];
        long.extend(vec![1; LONGEST_SYSEX]);
        long.push(0xF7);
        desk.play("1", 0, &long);
        assert_eq!(ports.take_losses(), [(port, 1)]);
        assert!(ports.take_losses().is_empty());
    }
}
