//! Who holds which note at one node's inputs. Guarantees that every note-on delivered gets exactly one note-off (or a
//! choke), and that no source ends another's note. Never allocates after it is made.

use super::{Event, EventBody, EventList, NoteAddress, NoteId};
use crate::EdgeId;

/// How a destination tells its notes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NoteMatching {
    /// By channel and key, as in MIDI: a note-off waits until no source holds the key any more. Right for every
    /// destination, so it is the default.
    #[default]
    Key,
    /// By our note id: each note-off goes out at once. Only for destinations that honour ids.
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The source holds it.
    Held,
    /// The source has released it, its note-off is still to be delivered: the key is held by others, or the list was
    /// full.
    Owed,
    /// Its note-off was delivered. Kept as long as there is room, so that expressions still find a ringing note.
    Released,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    /// The id that the destination knows.
    id: NoteId,
    /// The id that the source gave, if it did.
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

    /// Whether an address speaks of the note, in its source's terms. A note without an id answers to any.
    fn answers(&self, address: NoteAddress) -> bool {
        let same_note = address.note == NoteId::ANY || self.source == NoteId::ANY || self.source == address.note;
        same_note && self.on(address.channel, address.key)
    }

    /// Whether it is on a channel and key, -1 for any.
    fn on(&self, channel: i8, key: i8) -> bool {
        (channel < 0 || channel == self.channel) && (key < 0 || key == self.key)
    }

    fn shares_key(&self, other: &Self) -> bool {
        (self.port, self.channel, self.key) == (other.port, other.channel, other.key)
    }
}

#[derive(Clone, Copy, Debug)]
struct Pedal {
    edge: EdgeId,
    port: u16,
    channel: u8,
    controller: u8,
    /// Lifted by its source, but the list was full.
    owed: bool,
}

/// Where an event comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub edge: EdgeId,
    /// The destination's port.
    pub port: u16,
    /// Frame within the chunk.
    pub frame: u32,
}

impl Route {
    fn event(self, body: EventBody) -> Event {
        Event { frame: self.frame, port: self.port, body }
    }
}

/// Most pedals down at once: three on each channel of four sources.
const MAX_PEDALS: usize = 192;

/// The notes and pedals of all edges into one node.
#[derive(Debug)]
pub(super) struct NoteTracker {
    /// In the order of their note-ons.
    notes: Vec<Note>,
    capacity: usize,
    pedals: Vec<Pedal>,
    next: i32,
    /// Notes and pedals in the owed state.
    owed: usize,
    dropped: u32,
    matching: NoteMatching,
}

impl NoteTracker {
    pub fn new(capacity: usize, matching: NoteMatching) -> Self {
        Self {
            notes: Vec::with_capacity(capacity),
            capacity,
            pedals: Vec::with_capacity(MAX_PEDALS),
            next: 0,
            owed: 0,
            dropped: 0,
            matching,
        }
    }

    pub fn matching(&self) -> NoteMatching {
        self.matching
    }

    pub fn set_matching(&mut self, matching: NoteMatching) {
        self.matching = matching;
    }

    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    /// Forgets all notes and pedals: the destination has none any more.
    pub fn forget(&mut self) {
        self.notes.clear();
        self.pedals.clear();
        self.owed = 0;
    }

    /// How many notes an edge holds.
    pub fn held(&self, edge: EdgeId) -> usize {
        self.notes.iter().filter(|note| note.edge == edge && note.state == State::Held).count()
    }

    /// Whether any edge holds a note, or one whose end is still owed.
    pub fn holds_any(&self) -> bool {
        self.notes.iter().any(|note| note.state != State::Released)
    }

    /// A note starts under an id of our own. One that could not be tracked, or did not fit, is not delivered: it could
    /// not be ended. Its note-off will then find nothing to release.
    pub fn note_on(&mut self, route: Route, address: NoteAddress, velocity: f64, out: &mut EventList) {
        if address.channel < 0 || address.key < 0 || !self.make_room() {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let note = Note {
            id: NoteId(self.next),
            source: address.note,
            edge: route.edge,
            port: route.port,
            channel: address.channel,
            key: address.key,
            state: State::Held,
        };
        if out.push(route.event(EventBody::NoteOn { address: note.address(), velocity })) {
            self.notes.push(note);
            self.next = self.next.checked_add(1).unwrap_or(0);
        }
    }

    /// Forgets the oldest ringing note if there is no room for another.
    fn make_room(&mut self) -> bool {
        if self.notes.len() < self.capacity {
            return true;
        }
        match self.notes.iter().position(|note| note.state == State::Released) {
            Some(oldest) => {
                self.notes.remove(oldest);
                true
            }
            None => false,
        }
    }

    /// The source releases all of its notes that the address speaks of, which may be none.
    pub fn release(&mut self, route: Route, address: NoteAddress, velocity: f64, out: &mut EventList) {
        let mut released = false;
        for note in &mut self.notes {
            if note.edge == route.edge && note.port == route.port && note.state == State::Held && note.answers(address)
            {
                note.state = State::Owed;
                self.owed += 1;
                released = true;
            }
        }
        if released {
            self.settle(route.frame, velocity, out);
        }
    }

    /// Delivers what is owed and may go out: note-offs of keys that nobody holds any more, lifted pedals.
    pub fn settle(&mut self, frame: u32, velocity: f64, out: &mut EventList) {
        if self.owed == 0 {
            return;
        }
        for index in 0..self.notes.len() {
            let note = self.notes[index];
            if note.state != State::Owed || self.is_key_held(index) {
                continue;
            }
            let body = EventBody::NoteOff { address: note.address(), velocity };
            if out.push(Event { frame, port: note.port, body }) {
                self.notes[index].state = State::Released;
                self.owed -= 1;
            }
        }
        for index in (0..self.pedals.len()).rev() {
            if self.pedals[index].owed {
                self.lift(index, frame, out);
            }
        }
    }

    /// Whether another note keeps this one's key down, where that matters.
    fn is_key_held(&self, index: usize) -> bool {
        let note = &self.notes[index];
        let holds = |(other, candidate): (usize, &Note)| {
            other != index && candidate.state == State::Held && candidate.shares_key(note)
        };
        self.matching == NoteMatching::Key && self.notes.iter().enumerate().any(holds)
    }

    /// Whether an edge other than the route's holds a note on a channel and key of the route's port, -1 for any.
    fn others_hold(&self, route: Route, channel: i8, key: i8) -> bool {
        let holds = |note: &Note| {
            note.edge != route.edge && note.port == route.port && note.state == State::Held && note.on(channel, key)
        };
        self.notes.iter().any(holds)
    }

    /// The newest note that the source knows by the address's id.
    fn find(&self, route: Route, address: NoteAddress) -> Option<usize> {
        let matches = |note: &Note| {
            note.edge == route.edge && note.port == route.port && note.source == address.note && note.answers(address)
        };
        self.notes.iter().rposition(matches)
    }

    /// The source cuts notes. By an id: that note, released or not. Without one: all that sounds there if no other edge
    /// holds any of it, else this edge's own held notes. Where another note keeps the key, the note ends with it.
    pub fn choke(&mut self, route: Route, address: NoteAddress, out: &mut EventList) {
        if address.note != NoteId::ANY {
            if let Some(index) = self.find(route, address) {
                self.choke_note(index, route.frame, out);
            }
        } else if self.others_hold(route, address.channel, address.key) {
            for index in (0..self.notes.len()).rev() {
                let note = &self.notes[index];
                let own = note.edge == route.edge && note.port == route.port && note.state == State::Held;
                if own && note.answers(address) {
                    self.choke_note(index, route.frame, out);
                }
            }
        } else {
            self.release_for_choke(route, address);
            if out.push(route.event(EventBody::NoteChoke { address })) {
                let cut = |note: &Note| note.port == route.port && note.on(address.channel, address.key);
                self.owed -= self.notes.iter().filter(|note| cut(note) && note.state == State::Owed).count();
                self.notes.retain(|note| !cut(note));
            }
        }
        self.settle(route.frame, 0.0, out);
    }

    /// What a choke speaks of is no longer held, whether the choke fits into the list or not.
    fn release_for_choke(&mut self, route: Route, address: NoteAddress) {
        for note in &mut self.notes {
            if note.port == route.port && note.state == State::Held && note.on(address.channel, address.key) {
                note.state = State::Owed;
                self.owed += 1;
            }
        }
    }

    fn choke_note(&mut self, index: usize, frame: u32, out: &mut EventList) {
        let note = self.notes[index];
        let body = EventBody::NoteChoke { address: note.address() };
        if !self.is_key_held(index) && out.push(Event { frame, port: note.port, body }) {
            self.owed -= usize::from(note.state == State::Owed);
            self.notes.remove(index);
        } else if note.state == State::Held {
            self.notes[index].state = State::Owed;
            self.owed += 1;
        }
    }

    /// An expression of the source's notes, under our ids. By the source's id: for that note, also while it rings out.
    /// Without one: as it is if no other edge holds any of those keys, else for each of this edge's held notes.
    pub fn express(
        &mut self,
        route: Route,
        address: NoteAddress,
        out: &mut EventList,
        body: impl Fn(NoteAddress) -> EventBody,
    ) {
        if address.note != NoteId::ANY {
            if let Some(index) = self.find(route, address) {
                out.push(route.event(body(self.notes[index].address())));
            }
        } else if self.others_hold(route, address.channel, address.key) {
            for note in &self.notes {
                let own = note.edge == route.edge && note.port == route.port && note.state == State::Held;
                if own && note.answers(address) {
                    out.push(route.event(body(note.address())));
                }
            }
        } else {
            out.push(route.event(body(address)));
        }
    }

    /// A pedal moves. It counts as down for the destination until the last source has lifted it.
    pub fn pedal(
        &mut self,
        route: Route,
        channel: u8,
        controller: u8,
        down: bool,
        body: EventBody,
        out: &mut EventList,
    ) {
        let same = |pedal: &Pedal| (pedal.port, pedal.channel, pedal.controller) == (route.port, channel, controller);
        let own = self.pedals.iter().position(|pedal| same(pedal) && pedal.edge == route.edge);
        if down {
            if own.is_none() && self.pedals.len() == MAX_PEDALS {
                self.dropped = self.dropped.saturating_add(1);
            } else if out.push(route.event(body)) {
                match own {
                    Some(index) => self.owed -= usize::from(std::mem::take(&mut self.pedals[index].owed)),
                    None => {
                        self.pedals.push(Pedal { edge: route.edge, port: route.port, channel, controller, owed: false })
                    }
                }
            }
        } else if !self.pedals.iter().any(|pedal| same(pedal) && pedal.edge != route.edge) {
            let delivered = out.push(route.event(body));
            if let Some(index) = own {
                self.lifted(index, delivered);
            }
        } else if let Some(index) = own {
            self.lifted(index, true);
        }
    }

    /// Lifts a pedal on behalf of its source, unless another source keeps it down.
    fn lift(&mut self, index: usize, frame: u32, out: &mut EventList) {
        let pedal = self.pedals[index];
        let kept = |other: &Pedal| {
            other.edge != pedal.edge
                && (other.port, other.channel, other.controller) == (pedal.port, pedal.channel, pedal.controller)
        };
        let body = EventBody::Midi([0xB0 | pedal.channel, pedal.controller, 0]);
        let delivered = self.pedals.iter().any(kept) || out.push(Event { frame, port: pedal.port, body });
        self.lifted(index, delivered);
    }

    /// A pedal is up for its source, and for the destination if that was delivered.
    fn lifted(&mut self, index: usize, delivered: bool) {
        let was_owed = self.pedals[index].owed;
        if delivered {
            self.pedals.swap_remove(index);
            self.owed -= usize::from(was_owed);
        } else if !was_owed {
            self.pedals[index].owed = true;
            self.owed += 1;
        }
    }

    /// A MIDI message ends all of the source's notes on a channel (-1: on all). The message itself goes on only if no
    /// other edge holds a note that it would end.
    pub fn notes_off(&mut self, route: Route, channel: i8, body: EventBody, out: &mut EventList) {
        self.release(route, NoteAddress { channel, ..NoteAddress::ALL }, 0.0, out);
        if !self.others_hold(route, channel, -1) {
            out.push(route.event(body));
        }
    }

    /// A MIDI message resets the controllers of a channel. It goes on only if no other edge has a pedal down there.
    pub fn controllers_reset(&mut self, route: Route, channel: u8, body: EventBody, out: &mut EventList) {
        let there = |pedal: &Pedal| pedal.port == route.port && pedal.channel == channel;
        if self.pedals.iter().any(|pedal| there(pedal) && pedal.edge != route.edge) {
            self.lift_all(route.frame, out, |pedal| there(pedal) && pedal.edge == route.edge);
        } else if out.push(route.event(body)) {
            self.owed -= self.pedals.iter().filter(|pedal| there(pedal) && pedal.owed).count();
            self.pedals.retain(|pedal| !there(pedal));
        } else {
            self.lift_all(route.frame, out, there);
        }
    }

    /// A MIDI message resets all. Ends all of the source; goes on only if no other edge holds a note or a pedal.
    pub fn reset(&mut self, route: Route, body: EventBody, out: &mut EventList) {
        self.end(route.frame, out, |edge| edge == route.edge);
        let pedal_held = self.pedals.iter().any(|pedal| pedal.port == route.port && pedal.edge != route.edge);
        if !pedal_held && !self.others_hold(route, -1, -1) {
            out.push(route.event(body));
        }
    }

    /// Releases all notes and lifts all pedals of the edges that are meant, exactly those.
    pub fn end(&mut self, frame: u32, out: &mut EventList, meant: impl Fn(EdgeId) -> bool) {
        for note in &mut self.notes {
            if note.state == State::Held && meant(note.edge) {
                note.state = State::Owed;
                self.owed += 1;
            }
        }
        self.settle(frame, 0.0, out);
        self.lift_all(frame, out, |pedal| meant(pedal.edge));
    }

    fn lift_all(&mut self, frame: u32, out: &mut EventList, meant: impl Fn(&Pedal) -> bool) {
        for index in (0..self.pedals.len()).rev() {
            if meant(&self.pedals[index]) {
                self.lift(index, frame, out);
            }
        }
    }
}
