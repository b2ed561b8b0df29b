//! What a role's MIDI ports and the rig's nodes of that role say to each other, on the audio thread. Made and dropped on
//! the control thread.
#![deny(clippy::disallowed_types)]

use super::lane::{Arrival, InputLane};
use super::translate::{event_of, messages_of};
use crate::control::Ears;
use crosspoint_devices::PeriodMidi;
use crosspoint_devices::midi::MidiSender;
use crosspoint_graph::event::{Event, EventBody, EventList, EventMerge, MergeEdge, NoteMatching};
use crosspoint_graph::{EdgeId, EventEnds, NodeId};
use std::mem;

pub use super::lane::{InputEnd, Lane};

/// Events of one port in a chunk.
const EVENTS: usize = 256;
/// Notes that may sound at once through one role.
const NOTES: usize = 512;

/// The block at hand, as a route needs to know it.
pub struct Moment<'m> {
    /// The chunk's first frame in the block, and its frames.
    pub offset: usize,
    pub frames: usize,
    /// The frame within the block at which a message of that time is heard.
    pub frame_of: &'m dyn Fn(u64) -> i64,
    /// The time at which a message of that frame within the block goes out.
    pub time_of: &'m dyn Fn(usize) -> u64,
    /// Messages that found no room.
    pub lost: &'m mut u64,
}

/// Where messages go.
pub enum OutputEnd {
    /// A ring; none until it is taken over from the route before.
    Ring(Option<MidiSender>),
    /// A port of the audio driver.
    Period { port: usize },
}

fn merge_of(numbers: impl Iterator<Item = u32>) -> EventMerge {
    let edge = |number| MergeEdge { edge: EdgeId::outside(number), source_port: 0, destination_port: 0 };
    EventMerge::new(numbers.map(edge), NOTES, NoteMatching::Key)
}

/// From the ports of a role to the input nodes of that role. No port ends a note that another one holds, and one that is
/// gone leaves none behind.
pub struct InputRoute {
    /// The role's number.
    pub role: u32,
    lanes: Box<[InputLane]>,
    nodes: Box<[NodeId]>,
    lists: Box<[EventList]>,
    merge: EventMerge,
    merged: EventList,
}

impl InputRoute {
    pub fn new(role: u32, lanes: Vec<Lane<InputEnd>>, nodes: Vec<NodeId>) -> Self {
        Self {
            role,
            lists: lanes.iter().map(|_| EventList::with_capacity(EVENTS)).collect(),
            merge: merge_of(lanes.iter().map(|lane| lane.number)),
            merged: EventList::with_capacity(2 * EVENTS),
            lanes: lanes.into_iter().map(InputLane::new).collect(),
            nodes: nodes.into(),
        }
    }

    /// Takes over what goes on: ends of rings, messages that are half there, notes that sound.
    pub fn adopt(&mut self, old: &mut Self) {
        for lane in &mut self.lanes {
            if let Some(before) = old.lanes.iter_mut().find(|before| before.number == lane.number) {
                lane.adopt(before);
            }
        }
        self.merge.adopt(&mut old.merge);
    }

    /// Takes what has come for the block, before anything of it is rendered.
    pub fn gather(&mut self, moment: &mut Moment<'_>, mut period: Option<&mut dyn PeriodMidi>) {
        for lane in &mut self.lanes {
            let period = period.as_mut().map(|period| &mut **period as &mut dyn PeriodMidi);
            lane.gather(moment, period);
        }
    }

    /// The frame within the block of the next message that [`Self::hear_next`] has.
    pub fn next_heard(&self) -> Option<u32> {
        self.lanes.iter().filter_map(InputLane::next_heard).min()
    }

    /// Lets somebody hear the next message that has come, who says whether to keep it from the rig.
    pub fn hear_next(&mut self, hear: impl FnOnce(u32, [u8; 3], usize, &mut Ears) -> bool) {
        let frame = self.next_heard();
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.next_heard() == frame) {
            let role = self.role;
            lane.hear_next(|message, frame, ears| hear(role, message, frame, ears));
        }
    }

    /// Sends what is due in the chunk.
    pub fn read(&mut self, moment: &mut Moment<'_>, rig: &mut EventEnds<'_>) {
        for (lane, list) in self.lanes.iter_mut().zip(&mut self.lists) {
            list.clear();
            lane.take_due(moment.offset + moment.frames, |frame, arrival| {
                let body = match arrival {
                    Arrival::SysEx(bytes) => rig.store_sysex(bytes).map(EventBody::SysEx),
                    Arrival::Message(message) => Some(event_of(&message)),
                };
                let frame = frame.saturating_sub(moment.offset) as u32;
                let kept = body.is_some_and(|body| list.push(Event { frame, port: 0, body }));
                *moment.lost += u64::from(!kept);
            });
            if lane.take_ending_lost() {
                self.merge.end(EdgeId::outside(lane.number), 0, &mut self.merged);
            }
        }
        let lists = &self.lists;
        self.merge.merge(|place| &lists[place], &mut self.merged);
        for &event in self.merged.as_slice() {
            for &node in &self.nodes {
                // A node that the playing program does not have has nobody to tell.
                rig.send(node, event);
            }
        }
        self.merged.clear();
    }
}

/// From the output nodes of a role to the ports of that role.
pub struct OutputRoute {
    /// The role's number.
    pub role: u32,
    /// Whether the transport's clock goes there.
    pub is_clocked: bool,
    lanes: Box<[Lane<OutputEnd>]>,
    nodes: Box<[NodeId]>,
    merge: EventMerge,
    merged: EventList,
    nothing: EventList,
}

impl OutputRoute {
    /// Nodes come with numbers that no other node has.
    pub fn new(role: u32, lanes: Vec<Lane<OutputEnd>>, nodes: Vec<(NodeId, u32)>, is_clocked: bool) -> Self {
        Self {
            role,
            is_clocked,
            lanes: lanes.into(),
            merge: merge_of(nodes.iter().map(|&(_, number)| number)),
            nodes: nodes.into_iter().map(|(node, _)| node).collect(),
            merged: EventList::with_capacity(2 * EVENTS),
            nothing: EventList::default(),
        }
    }

    /// As [`InputRoute::adopt`].
    pub fn adopt(&mut self, old: &mut Self) {
        for lane in &mut self.lanes {
            let Some(before) = old.lanes.iter_mut().find(|before| before.number == lane.number) else { continue };
            if let (OutputEnd::Ring(new @ None), OutputEnd::Ring(old)) = (&mut lane.end, &mut before.end) {
                mem::swap(new, old);
            }
        }
        self.merge.adopt(&mut old.merge);
    }

    /// Takes what the chunk has brought to the nodes. The clock of a frame goes first.
    pub fn write(
        &mut self,
        moment: &mut Moment<'_>,
        mut period: Option<&mut dyn PeriodMidi>,
        rig: &EventEnds<'_>,
        clock: &EventList,
    ) {
        if self.is_clocked {
            self.merged.append(clock, 0);
        }
        let (nodes, nothing) = (&self.nodes, &self.nothing);
        self.merge.merge(|place| rig.received(nodes[place]).unwrap_or(nothing), &mut self.merged);
        for event in self.merged.as_slice() {
            let frame = moment.offset + event.frame as usize;
            let lanes = &mut self.lanes;
            let mut send = |message: &[u8]| {
                let period = period.as_mut().map(|period| &mut **period as &mut dyn PeriodMidi);
                send_to(lanes, moment, period, frame, message);
            };
            match event.body {
                EventBody::SysEx(id) => match rig.sysex(id) {
                    [] => {}
                    bytes => send(bytes),
                },
                body => messages_of(&body, send),
            }
        }
        *moment.lost += u64::from(self.merged.take_dropped());
        self.merged.clear();
    }

    /// Sends one message more at a frame of the block, behind all that the rig has sent until then.
    pub fn tell(&mut self, moment: &Moment<'_>, period: Option<&mut dyn PeriodMidi>, frame: usize, message: &[u8]) {
        send_to(&mut self.lanes, moment, period, frame, message);
    }
}

fn send_to(
    lanes: &mut [Lane<OutputEnd>],
    moment: &Moment<'_>,
    mut period: Option<&mut dyn PeriodMidi>,
    frame: usize,
    message: &[u8],
) {
    for lane in lanes {
        match &mut lane.end {
            OutputEnd::Ring(Some(ring)) => drop(ring.push((moment.time_of)(frame), message)),
            OutputEnd::Ring(None) => {}
            // The driver counts what does not fit.
            OutputEnd::Period { port } => {
                if let Some(period) = period.as_mut() {
                    period.write(*port, frame as u32, message);
                }
            }
        }
    }
}
