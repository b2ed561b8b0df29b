//! Merges the event edges into one node. Never lets a source end a note that another one holds, and never leaves a note
//! sounding whose source is gone.

use super::message::{Message, decode};
use super::note::{NoteTracker, Route};
use super::{Event, EventBody, EventList, NoteAddress, NoteMatching};
use crate::EdgeId;

/// One event edge into a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeEdge {
    /// The edge's identity. Its notes follow it from schedule to schedule.
    pub edge: EdgeId,
    /// Only events of this port of the source travel along the edge...
    pub source_port: u16,
    /// ...and come out at this port of the destination.
    pub destination_port: u16,
}

/// Merges the lists of several edges into one node's list, by frame, then by the order of the edges, then as they came.
///
/// # What the destination gets
/// - **Notes** in one form: MIDI 1 and UMP note-ons and -offs become [`EventBody::NoteOn`] and [`EventBody::NoteOff`]
///   (attributes and groups of UMP notes are not kept), each note-on under an id of ours that no other note of the node
///   has. Every note-on delivered is followed by one note-off with the same id, or by a choke.
/// - **Note-offs** speak of notes of their own edge only: all of them that the address matches, wildcards included; a
///   note-off that matches none is not delivered. With [`NoteMatching::Id`] each goes out at once. With
///   [`NoteMatching::Key`] it waits until the key's last holder on that port and channel releases it, whichever edge
///   that is; then all that waited go out together.
/// - **Chokes** by an id cut that note. Without one they pass as they are if no other edge holds a note that they would
///   cut; else they cut the own notes one by one, save those whose key another note holds: these end with it.
/// - **Expressions** by an id reach that note, ringing or held. Without one they pass as they are if no other edge holds
///   such a note; else they reach the own held notes one by one.
/// - **Pedals** (controllers 64, 66 and 69) are down until the last edge has lifted them.
/// - **All notes off**, all sound off, mode changes and system reset release the own notes; the message itself passes
///   only if no other edge holds a note (for a reset: or a pedal) there. Reset of controllers likewise, for pedals.
/// - Along an edge whose **gate** is closed ([`Self::set_gate`]) only what ends something: note-offs, chokes, lifted
///   pedals, all notes off and resets.
/// - [`EventBody::AllEnd`] ends the own notes and lifts the own pedals.
/// - **Everything else** of MIDI 1, UMP and system-exclusive messages as it is.
/// - Not [`EventBody::Parameter`], [`EventBody::Modulation`], [`EventBody::Gesture`] and [`EventBody::NoteEnd`]: these
///   speak of the source's own parameters and of notes that the source was given; the renderer reads them from the
///   source's list for the control half.
///
/// # Overflow
/// A note-on that finds no room is neither delivered nor followed by its note-off. A note-off that finds none is
/// delivered with the next chunk. If a source's list has lost a note-off, all notes of its edge end. So no note sticks.
///
/// # Real-time
/// Everything but [`Self::new`] may be called in the callback.
#[derive(Debug)]
pub struct EventMerge {
    edges: Box<[Source]>,
    tracker: NoteTracker,
    /// Whether the tracker came from a schedule that may have had other edges.
    adopted: bool,
    /// Whether the gates of all edges are closed, whatever is said of each.
    shut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    edge: MergeEdge,
    /// Events of the list that are merged.
    next: usize,
    /// Whether its gate lets through what begins something.
    open: bool,
}

impl EventMerge {
    /// A merge of these edges, in this order, with room for so many notes at once.
    pub fn new(edges: impl IntoIterator<Item = MergeEdge>, notes: usize, matching: NoteMatching) -> Self {
        Self {
            edges: edges.into_iter().map(|edge| Source { edge, next: 0, open: true }).collect(),
            tracker: NoteTracker::new(notes, matching),
            adopted: false,
            shut: false,
        }
    }

    /// The edges, in their order.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = MergeEdge> {
        self.edges.iter().map(|source| source.edge)
    }

    /// Takes over the notes of the same node's merge under the schedule before. Those of edges that are no longer there
    /// end at the start of the next chunk. Gates stay as they are. The old merge gets the unused buffers, to be dropped
    /// elsewhere.
    pub fn adopt(&mut self, old: &mut Self) {
        for source in &mut self.edges {
            if let Some(before) = old.edges.iter().find(|before| before.edge.edge == source.edge.edge) {
                source.open = before.open;
            }
        }
        let matching = self.tracker.matching();
        std::mem::swap(&mut self.tracker, &mut old.tracker);
        self.tracker.set_matching(matching);
        self.adopted = true;
    }

    /// Adds one chunk's events to the destination's list. `list` gives each edge's events, by its place in the order:
    /// its source's list, or what came out of its delay.
    pub fn merge<'a>(&mut self, list: impl Fn(usize) -> &'a EventList, out: &mut EventList) {
        if std::mem::take(&mut self.adopted) {
            let edges = &self.edges;
            self.tracker.end(0, out, |edge| edges.iter().all(|source| source.edge.edge != edge));
        }
        self.tracker.settle(0, 0.0, out);
        for source in &mut self.edges {
            source.next = 0;
        }
        let mut last_frame = 0;
        while let Some((index, event)) = self.next(&list) {
            self.edges[index].next += 1;
            last_frame = event.frame;
            let edge = self.edges[index].edge;
            let passes = self.edges[index].open && !self.shut || event.body.is_ending();
            if event.port == edge.source_port && passes {
                self.deliver(
                    Route { edge: edge.edge, port: edge.destination_port, frame: event.frame },
                    event.body,
                    out,
                );
            }
        }
        for (index, source) in self.edges.iter().enumerate() {
            if list(index).ending_lost() {
                self.tracker.end(last_frame, out, |edge| edge == source.edge.edge);
            }
        }
    }

    /// The first of the events that come next, by frame, then edge.
    fn next<'a>(&self, list: &impl Fn(usize) -> &'a EventList) -> Option<(usize, Event)> {
        let mut first: Option<(usize, Event)> = None;
        for (index, source) in self.edges.iter().enumerate() {
            if let Some(&event) = list(index).as_slice().get(source.next)
                && first.is_none_or(|(_, other)| event.frame < other.frame)
            {
                first = Some((index, event));
            }
        }
        first
    }

    fn deliver(&mut self, route: Route, body: EventBody, out: &mut EventList) {
        let tracker = &mut self.tracker;
        match body {
            EventBody::NoteOn { address, velocity } => tracker.note_on(route, address, velocity, out),
            EventBody::NoteOff { address, velocity } => tracker.release(route, address, velocity, out),
            EventBody::NoteChoke { address } => tracker.choke(route, address, out),
            EventBody::Expression { address, expression, value } => {
                tracker.express(route, address, out, |address| EventBody::Expression { address, expression, value });
            }
            EventBody::Midi(_) | EventBody::Ump(_) => self.deliver_message(route, body, out),
            EventBody::AllEnd => tracker.end(route.frame, out, |edge| edge == route.edge),
            EventBody::SysEx(_) => {
                out.push(Event { frame: route.frame, port: route.port, body });
            }
            EventBody::Parameter { .. }
            | EventBody::Modulation { .. }
            | EventBody::Gesture { .. }
            | EventBody::NoteEnd { .. } => {}
        }
    }

    fn deliver_message(&mut self, route: Route, body: EventBody, out: &mut EventList) {
        let tracker = &mut self.tracker;
        match decode(&body) {
            Message::NoteOn { channel, key, velocity } => {
                tracker.note_on(route, NoteAddress::key(channel, key), velocity, out);
            }
            Message::NoteOff { channel, key, velocity } => {
                tracker.release(route, NoteAddress::key(channel, key), velocity, out);
            }
            Message::Pedal { channel, controller, down } => tracker.pedal(route, channel, controller, down, body, out),
            Message::NotesOff { channel } => tracker.notes_off(route, channel as i8, body, out),
            Message::ControllersReset { channel } => tracker.controllers_reset(route, channel, body, out),
            Message::Reset => tracker.reset(route, body, out),
            Message::Other => {
                out.push(Event { frame: route.frame, port: route.port, body });
            }
        }
    }

    /// Opens or closes the gate of an edge. What sounds goes on until its own end comes. Says whether the edge is here.
    pub fn set_gate(&mut self, edge: EdgeId, open: bool) -> bool {
        let source = self.edges.iter_mut().find(|source| source.edge.edge == edge);
        source.map(|source| source.open = open).is_some()
    }

    /// Closes the gates of all edges, or has each be as it was: the destination is away.
    pub fn set_shut(&mut self, shut: bool) {
        self.shut = shut;
    }

    /// Ends what sounds from one edge, exactly that: its source is bypassed or its device lost.
    pub fn end(&mut self, edge: EdgeId, frame: u32, out: &mut EventList) {
        self.tracker.end(frame, out, |other| other == edge);
    }

    /// Ends what sounds from all edges: the destination is bypassed or restarts. Until it is back, nothing is merged:
    /// note-offs for what was ended then find nothing to release.
    pub fn end_all(&mut self, frame: u32, out: &mut EventList) {
        self.tracker.end(frame, out, |_| true);
    }

    /// Forgets what sounds without ending it: the destination hears nothing, and has forgotten it too or is to be replaced.
    pub fn forget(&mut self) {
        self.tracker.forget();
    }

    /// Whether any edge holds a note, or one whose end is still owed.
    pub fn holds_any(&self) -> bool {
        self.tracker.holds_any()
    }

    /// How many notes an edge holds.
    pub fn held(&self, edge: EdgeId) -> usize {
        self.tracker.held(edge)
    }

    /// Notes and pedals not delivered because too many were held, since the last call.
    pub fn take_dropped(&mut self) -> u32 {
        self.tracker.take_dropped()
    }
}

#[cfg(test)]
mod tests;
