//! Processors that send and pass on events, frame by frame, and a merge of events in the most obvious way. The processors
//! run in the renderer and in the naive interpreter alike; the merge takes from the crate only what an event is.

use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress, NoteId};
use crosspoint_graph::{Block, EdgeId, NodeId, Processor, Status};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// An event at a port.
pub type At = (u16, EventBody);
/// What processors have been given: when, who, and what.
pub type Heard = Arc<Mutex<Vec<(u64, NodeId, At)>>>;

/// What a node does with events.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// An input node, which sends on what commands bring.
    Keyboard,
    /// Plays by itself, another tune for each seed.
    Player(u64),
    /// Passes on what it is given, to the port of the same number.
    Through,
}

impl Part {
    /// What it sends at a frame at which it is given that.
    pub fn sends(self, outputs: u16, frame: u64, given: &[At], mut send: impl FnMut(At)) {
        match self {
            Self::Keyboard => given.iter().copied().for_each(send),
            Self::Player(seed) => {
                if let Some((port, body)) = tune(seed, frame) {
                    send((port % outputs, body));
                }
            }
            Self::Through => given.iter().copied().filter(|(port, _)| *port < outputs).for_each(send),
        }
    }
}

/// Mostly notes of a few keys, so that many sources hold the same.
fn tune(seed: u64, frame: u64) -> Option<At> {
    let mut bits = (frame + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (seed + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 32;
    if !bits.is_multiple_of(8) {
        return None;
    }
    let (channel, key, id) = ((bits >> 8 & 1) as u8, 60 + (bits >> 9 & 1) as u8, NoteId((bits >> 10 & 3) as i32));
    let address = NoteAddress::key(channel, key);
    let body = match bits >> 16 & 15 {
        0..4 => EventBody::NoteOn { address, velocity: 0.5 },
        4 | 5 => EventBody::NoteOn { address: NoteAddress { note: id, ..address }, velocity: 0.25 },
        6..9 => EventBody::NoteOff { address, velocity: 0.125 },
        9 => EventBody::NoteOff { address: NoteAddress { note: id, ..NoteAddress::ALL }, velocity: 0.5 },
        10 => EventBody::Midi([0x90 | channel, key, 64 * (bits >> 12 & 1) as u8]),
        11 => EventBody::Midi([0xB0, 64, 127 * (bits >> 12 & 1) as u8]),
        12 => EventBody::Midi([0xB0, 1, key]),
        13 => EventBody::Expression { address, expression: Expression::Pressure, value: 0.5 },
        14 => EventBody::Expression {
            address: NoteAddress { note: id, ..address },
            expression: Expression::Tuning,
            value: 1.0,
        },
        _ => EventBody::Parameter { parameter: u32::from(key), address: NoteAddress::ALL, value: frame as f64 },
    };
    Some(((bits >> 20 & 1) as u16, body))
}

/// A part in the renderer.
pub struct Musician {
    pub id: NodeId,
    pub part: Part,
    pub outputs: u16,
    /// With room for all that comes.
    pub heard: Heard,
}

impl Processor for Musician {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let mut given = [(0, EventBody::Midi([0; 3])); 512];
        for frame in 0..block.frames() as u32 {
            let steady = block.chunk().steady_frame + u64::from(frame);
            let mut count = 0;
            for event in block.events().iter().filter(|event| event.frame == frame) {
                given[count] = (event.port, event.body);
                self.heard.lock().unwrap().push((steady, self.id, given[count]));
                count += 1;
            }
            self.part.sends(self.outputs, steady, &given[..count], |(port, body)| {
                block.send(Event { frame, port, body });
            });
        }
        if matches!(self.part, Part::Player(_)) { Status::Continue } else { Status::Sleep }
    }
}

/// What a naive merge does with the events of all edges into a node.
#[derive(Default)]
pub struct NaiveMerge {
    notes: Vec<Note>,
    /// Edges and ports with a pedal down.
    pedals: HashSet<(EdgeId, u16)>,
    next: i32,
}

/// Notes that a node can hold; the oldest that is over goes for a new one.
const MOST_NOTES: usize = 256;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Held,
    /// Released, but the key is held by another.
    Owed,
    Over,
}

#[derive(Clone, Copy)]
struct Note {
    id: NoteId,
    source: NoteId,
    edge: EdgeId,
    port: u16,
    channel: i8,
    key: i8,
    state: State,
}

impl Note {
    fn address(&self) -> NoteAddress {
        NoteAddress { note: self.id, channel: self.channel, key: self.key }
    }

    fn answers(&self, edge: EdgeId, port: u16, address: NoteAddress) -> bool {
        let any = |asked: i8, own: i8| asked < 0 || asked == own;
        let id = address.note == NoteId::ANY || self.source == NoteId::ANY || address.note == self.source;
        (self.edge, self.port) == (edge, port) && id && any(address.channel, self.channel) && any(address.key, self.key)
    }
}

impl NaiveMerge {
    /// An event of an edge to a port.
    pub fn take(&mut self, edge: EdgeId, port: u16, body: EventBody, out: &mut Vec<At>) {
        match body {
            EventBody::NoteOn { address, velocity } => self.note_on(edge, port, address, velocity, out),
            EventBody::NoteOff { address, velocity } => self.note_off(edge, port, address, velocity, out),
            EventBody::Midi([status @ 0x90..=0x9F, key, velocity]) => {
                let address = NoteAddress::key(status & 15, key);
                match velocity {
                    0 => self.note_off(edge, port, address, 64.0 / 127.0, out),
                    _ => self.note_on(edge, port, address, f64::from(velocity) / 127.0, out),
                }
            }
            EventBody::Midi([0xB0, 64, value]) => {
                if value >= 64 {
                    self.pedals.insert((edge, port));
                } else {
                    self.pedals.remove(&(edge, port));
                }
                if value >= 64 || !self.is_pedal_down(port) {
                    out.push((port, body));
                }
            }
            EventBody::Expression { address, expression, value } => {
                let told = |note: &Note| {
                    let address = note.address();
                    (port, EventBody::Expression { address, expression, value })
                };
                let mut mine = self.notes.iter().filter(|note| note.answers(edge, port, address));
                if address.note != NoteId::ANY {
                    out.extend(mine.rfind(|note| note.source == address.note).map(told));
                } else if self.notes.iter().any(|note| {
                    note.state == State::Held && note.edge != edge && note.answers(note.edge, port, address)
                }) {
                    out.extend(mine.filter(|note| note.state == State::Held).map(told));
                } else {
                    out.push((port, body));
                }
            }
            EventBody::Parameter { .. } => {}
            _ => out.push((port, body)),
        }
    }

    /// Edges are gone: what sounds from them ends.
    pub fn end(&mut self, is_gone: impl Fn(EdgeId) -> bool, out: &mut Vec<At>) {
        for note in self.notes.iter_mut().filter(|note| note.state == State::Held && is_gone(note.edge)) {
            note.state = State::Owed;
        }
        self.settle(0.0, out);
        let lifted: HashSet<u16> =
            self.pedals.iter().filter(|(edge, _)| is_gone(*edge)).map(|(_, port)| *port).collect();
        self.pedals.retain(|(edge, _)| !is_gone(*edge));
        let lifted = lifted.into_iter().filter(|&port| !self.is_pedal_down(port));
        out.extend(lifted.map(|port| (port, EventBody::Midi([0xB0, 64, 0]))));
    }

    fn is_pedal_down(&self, port: u16) -> bool {
        self.pedals.iter().any(|pedal| pedal.1 == port)
    }

    fn note_on(&mut self, edge: EdgeId, port: u16, address: NoteAddress, velocity: f64, out: &mut Vec<At>) {
        if self.notes.len() == MOST_NOTES {
            let Some(oldest) = self.notes.iter().position(|note| note.state == State::Over) else { return };
            self.notes.remove(oldest);
        }
        let NoteAddress { note: source, channel, key } = address;
        let note = Note { id: NoteId(self.next), source, edge, port, channel, key, state: State::Held };
        self.next += 1;
        self.notes.push(note);
        out.push((port, EventBody::NoteOn { address: note.address(), velocity }));
    }

    fn note_off(&mut self, edge: EdgeId, port: u16, address: NoteAddress, velocity: f64, out: &mut Vec<At>) {
        let mut released = false;
        for note in &mut self.notes {
            if note.state == State::Held && note.answers(edge, port, address) {
                note.state = State::Owed;
                released = true;
            }
        }
        if released {
            self.settle(velocity, out);
        }
    }

    fn settle(&mut self, velocity: f64, out: &mut Vec<At>) {
        let held: HashSet<(u16, i8, i8)> = self
            .notes
            .iter()
            .filter(|note| note.state == State::Held)
            .map(|note| (note.port, note.channel, note.key))
            .collect();
        for note in &mut self.notes {
            if note.state == State::Owed && !held.contains(&(note.port, note.channel, note.key)) {
                note.state = State::Over;
                out.push((note.port, EventBody::NoteOff { address: note.address(), velocity }));
            }
        }
    }
}
