//! A part of a keyboard: lets notes through by key, velocity and channel, transposed and on another channel if wanted.
//! Splits and layers are several of these behind one input. Never leaves a note or a pedal hanging: what has begun ends
//! by the key and the channel by which it began, whatever was changed meanwhile.

mod pedals;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::{
    BEND, CHANNELS, CONTROLLERS, CURVE, Curve, ENDS_HELD, FIXED_VELOCITY, GAMMA, HIGH_KEY, HIGH_VELOCITY, INITIAL,
    LOW_KEY, LOW_VELOCITY, MEMBERS, MPE, Mpe, OFFSET, ON, OUTPUT_CHANNEL, PEDALS, PRESSURE, PROGRAMS, TRANSPOSE,
};

use crate::event::{Event, EventBody, Expression, NoteAddress, NoteId};
use crate::graph::Node;
use crate::port::EventPort;
use crate::processor::{Processor, Status};
use crate::rt::Block;
use pedals::Pedals;
use settings::Settings;

/// Most notes held at once. One more does not come through.
pub const MAX_HELD: usize = 256;

/// What the graph is told of it: an event port in, an event port out.
pub fn node(name: impl Into<String>) -> Node {
    Node {
        event_inputs: vec![EventPort::new("in")],
        event_outputs: vec![EventPort::new("out")],
        ..Node::processor(name)
    }
}

/// A note that came through and has not ended.
#[derive(Clone, Copy, Debug)]
struct Held {
    note: NoteId,
    /// As it came.
    channel: u8,
    key: u8,
    velocity: f64,
    /// As it left.
    output: (u8, u8),
}

impl Held {
    fn answers(&self, address: NoteAddress) -> bool {
        (address.note == NoteId::ANY || address.note == self.note)
            && (address.channel < 0 || address.channel as u8 == self.channel)
            && (address.key < 0 || address.key as u8 == self.key)
    }

    fn address(&self) -> NoteAddress {
        NoteAddress { note: self.note, channel: self.output.0 as i8, key: self.output.1 as i8 }
    }
}

/// The audio half. Takes notes as [`crate::event::EventMerge`] delivers them: as notes, each with an id of its own.
#[derive(Debug)]
pub struct Zone {
    settings: Settings,
    held: Vec<Held>,
    pedals: Pedals,
}

impl Default for Zone {
    fn default() -> Self {
        Self { settings: Settings::default(), held: Vec::with_capacity(MAX_HELD), pedals: Pedals::default() }
    }
}

impl Zone {
    /// With a parameter where it should be from the start.
    pub fn with(mut self, parameter: u32, value: f64) -> Self {
        self.settings.set(parameter, value);
        self
    }

    /// Takes the events of a chunk; of one that is not to be heard only what ends something and what sets parameters.
    fn run(&mut self, block: &mut Block<'_>, heard: bool) {
        for index in 0..block.events().len() {
            let Event { frame, body, .. } = block.events()[index];
            let mut send = |body: EventBody| block.send(Event { frame, port: 0, body });
            match body {
                EventBody::Parameter { parameter, value, .. } => self.set(parameter, value, &mut send),
                EventBody::NoteOff { address, velocity } => {
                    self.end(
                        |held| held.answers(address),
                        |address| EventBody::NoteOff { address, velocity },
                        &mut send,
                    );
                }
                EventBody::NoteChoke { address } => {
                    self.end(|held| held.answers(address), |address| EventBody::NoteChoke { address }, &mut send);
                    if address == NoteAddress::ALL {
                        // Notes that ring on are cut as well.
                        send(body);
                    }
                }
                EventBody::Midi(bytes) => self.message(bytes, body, heard, &mut send),
                EventBody::Ump(words) => {
                    if let Some(bytes) = midi_of(words) {
                        self.message(bytes, body, heard, &mut send);
                    } else if heard && self.settings.on && self.settings.controllers {
                        send(body);
                    }
                }
                _ if !heard => {}
                EventBody::NoteOn { address, velocity } => self.begin(address, velocity, &mut send),
                EventBody::Expression { address, expression, value }
                    if self.settings.pressure || expression != Expression::Pressure =>
                {
                    for held in self.held.iter().filter(|held| held.answers(address)) {
                        send(EventBody::Expression { address: held.address(), expression, value });
                    }
                }
                EventBody::SysEx(_) if self.settings.on && self.settings.controllers => send(body),
                _ => {}
            }
        }
    }

    fn begin(&mut self, address: NoteAddress, velocity: f64, send: &mut impl FnMut(EventBody)) {
        let (Ok(channel), Ok(key)) = (u8::try_from(address.channel), u8::try_from(address.key)) else { return };
        let Some(output) = self.settings.note(channel, key, velocity) else { return };
        if self.held.len() < MAX_HELD {
            let held = Held { note: address.note, channel, key, velocity, output };
            self.held.push(held);
            send(EventBody::NoteOn { address: held.address(), velocity: self.settings.velocity(velocity) });
        }
    }

    /// Ends some of the held notes, in the order in which they began.
    fn end(
        &mut self,
        which: impl Fn(&Held) -> bool,
        ending: impl Fn(NoteAddress) -> EventBody,
        send: &mut impl FnMut(EventBody),
    ) {
        self.held.retain(|held| {
            let ends = which(held);
            if ends {
                send(ending(held.address()));
            }
            !ends
        });
    }

    fn set(&mut self, parameter: u32, value: f64, send: &mut impl FnMut(EventBody)) {
        self.settings.set(parameter, value);
        let settings = self.settings;
        if settings.ends_held {
            let stays = |held: &Held| settings.note(held.channel, held.key, held.velocity) == Some(held.output);
            self.end(|held| !stays(held), |address| EventBody::NoteOff { address, velocity: 0.0 }, send);
        }
        self.pedals.settle(&settings, send);
    }

    /// A message of MIDI 1, or what it is in MIDI 1, with the body that is to be sent on.
    fn message(&mut self, bytes: [u8; 3], body: EventBody, heard: bool, send: &mut impl FnMut(EventBody)) {
        let settings = self.settings;
        let [status, first, second] = bytes;
        let channel = status & 15;
        let output = settings.channel(channel).filter(|_| heard && settings.on);
        let through = match status >> 4 {
            0xB if pedals::is_pedal(first) => {
                return self.pedals.message(channel, first, second, body, &settings, send);
            }
            // Their notes have ended one by one; the message itself must not reach those of another channel.
            0xB if (120..=127).contains(&first) && first != 121 => {
                let shared = |held: &Held| Some(held.output.0) == output && held.channel != channel;
                !self.held.iter().any(shared)
            }
            0xB if first == 121 => {
                self.pedals.lift_all(channel, send);
                settings.controllers
            }
            0xB => settings.controllers,
            0xA => {
                if settings.pressure && heard {
                    for held in self.held.iter().filter(|held| (held.channel, held.key) == (channel, first)) {
                        send(EventBody::Midi([0xA0 | held.output.0, held.output.1, second]));
                    }
                }
                return;
            }
            0xC => settings.programs,
            0xD => settings.pressure,
            0xE => settings.bend,
            0xF => {
                if heard && settings.on && settings.controllers {
                    send(body);
                }
                return;
            }
            _ => false,
        };
        if let Some(output) = output.filter(|_| through) {
            send(on_channel(body, output));
        }
    }
}

/// A channel message on another channel.
fn on_channel(body: EventBody, channel: u8) -> EventBody {
    match body {
        EventBody::Midi([status, first, second]) => EventBody::Midi([status & 0xF0 | channel, first, second]),
        EventBody::Ump([head, data, third, fourth]) => {
            EventBody::Ump([head & !(15 << 16) | u32::from(channel) << 16, data, third, fourth])
        }
        other => other,
    }
}

/// The status, first and second byte of a packet's channel message, as far as a zone has to know it: the second of a
/// controller of MIDI 2 in MIDI 1's resolution. None for every other packet.
fn midi_of([head, data, ..]: [u32; 4]) -> Option<[u8; 3]> {
    let [_, status, first, second] = head.to_be_bytes();
    match head >> 28 {
        0x2 => Some([status, first, second]),
        // Controllers of one note (0x0, 0x1, 0x6, 0xF) and registered ones (0x2 to 0x5) go with the other controllers.
        0x4 if matches!(status >> 4, 0x0..=0x6 | 0xF) => Some([0xB0 | status & 15, 1, 0]),
        0x4 => Some([status, first & 127, (data >> 25) as u8]),
        _ => None,
    }
}

impl Processor for Zone {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        self.run(&mut block, true);
        Status::Sleep
    }

    fn flush(&mut self, mut block: Block<'_>) {
        self.run(&mut block, false);
    }

    fn reset(&mut self) {
        self.held.clear();
        self.pedals = Pedals::default();
    }
}
