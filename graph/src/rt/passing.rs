//! Whose events leave a node: its processor's, or those that came to the node, which pass it while it is bypassed, as late
//! as the node. When that changes, all that was begun before ends where it was sent to.

use super::block::{NodeIo, Shared};
use crate::event::{Event, EventBody, EventDelay, EventList};

/// Bytes of system-exclusive messages that may wait on the way past a node.
const DELAYED_SYSEX: usize = 4096;

/// Whose events leave the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The processor's.
    Processor,
    /// Those that come to the node.
    Input,
    /// There are none.
    Nobody,
}

/// The way of events past a node.
struct Passing {
    /// What came in this chunk.
    came: EventList,
    /// One for each port, if the node has a latency.
    delays: Box<[EventDelay]>,
}

/// What of a node's events outlives a chunk.
pub(crate) struct EventPath {
    sender: Sender,
    /// None where nothing can pass.
    passing: Option<Box<Passing>>,
    /// Event output ports that edges lead from.
    ports: u16,
    /// Whether the sender has changed since the last chunk.
    changed: bool,
    /// Whether the processor gets the events that come, whoever sends.
    hears: bool,
    /// Whether the processor has forgotten what it was given.
    forgets: bool,
    /// The frame of the chunk at hand from which on nothing leaves, and all that was begun ends.
    end: Option<u32>,
}

impl EventPath {
    /// For edges that lead from so many event outputs. `passes` says whether events may pass, with room for so many in a
    /// chunk, so many frames late. Allocates.
    pub fn new(ports: u16, passes: bool, events: usize, latency: u32) -> Self {
        let delay = |_| EventDelay::new(latency, events * 4, DELAYED_SYSEX);
        let delays = || if latency > 0 { (0..ports).map(delay).collect() } else { Box::default() };
        let passing = passes.then(|| Box::new(Passing { came: EventList::with_capacity(events), delays: delays() }));
        Self { sender: Sender::Processor, passing, ports, changed: false, hears: false, forgets: false, end: None }
    }

    /// Goes on from the same node under the schedule before.
    pub fn adopt(&mut self, old: &mut Self) {
        (self.sender, self.changed) = (old.sender, old.changed);
        (self.hears, self.forgets) = (old.hears, old.forgets);
        if let (Some(new), Some(old)) = (&mut self.passing, &mut old.passing) {
            new.delays.iter_mut().zip(&mut old.delays).for_each(|(new, old)| new.adopt(old));
        }
    }

    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// Whether there is nothing to do but what the processor does.
    pub fn is_plain(&self) -> bool {
        self.sender == Sender::Processor && !self.changed
    }

    /// Says who is to send: the processor, or what takes its place; and whether the processor gets the events that come.
    pub fn set_sender(&mut self, processor: bool, hears: bool) {
        let sender = match (processor, &self.passing) {
            (true, _) => Sender::Processor,
            (false, Some(_)) => Sender::Input,
            (false, None) => Sender::Nobody,
        };
        let heard = std::mem::replace(&mut self.hears, hears);
        if std::mem::replace(&mut self.sender, sender) != sender {
            self.changed = true;
            // It knows of all that came while another sent, or will do so.
            self.forgets |= !(heard && hears);
            self.passing.iter_mut().flat_map(|passing| &mut passing.delays).for_each(EventDelay::clear);
        }
    }

    /// Whether what was given to the processor so far is no longer known to it; told once.
    pub fn take_forgets(&mut self) -> bool {
        std::mem::take(&mut self.forgets)
    }

    /// Takes the list out in which events are to pass, to be filled and put back; none where they do not.
    pub fn take_list(&mut self) -> Option<EventList> {
        let passing = self.passing.as_mut().filter(|_| self.sender == Sender::Input)?;
        Some(std::mem::take(&mut passing.came))
    }

    pub fn put_list(&mut self, list: EventList) {
        if let Some(passing) = &mut self.passing {
            passing.came = list;
        }
    }

    /// Lets events pass beside what comes, if any pass.
    pub fn pass(&mut self, events: &[Event]) {
        if let Some(passing) = self.passing.as_mut().filter(|_| self.sender == Sender::Input) {
            events.iter().for_each(|&event| _ = passing.came.push(event));
        }
    }

    /// Makes room for what the node sends in a chunk.
    pub fn begin_chunk(&mut self, io: &mut NodeIo) {
        io.events_out_mut().clear();
        if self.sender == Sender::Processor {
            self.end_what_was_sent(io);
        }
    }

    /// Ends all that was begun at a frame of the chunk at hand, from which on nothing leaves in it.
    pub fn end_at(&mut self, frame: u32) {
        self.end = Some(frame);
    }

    /// Puts what passes in the place of what the processor has sent.
    pub fn end_chunk(&mut self, io: &mut NodeIo, shared: &mut Shared) {
        if self.sender != Sender::Processor {
            self.replace_sent(io, shared);
        }
        if let Some(frame) = self.end.take() {
            io.events_out_mut().cut(frame);
            self.end_all(frame, io);
            self.sender = if self.passing.is_some() { Sender::Input } else { Sender::Nobody };
            self.passing.iter_mut().flat_map(|passing| &mut passing.delays).for_each(EventDelay::clear);
        }
    }

    fn replace_sent(&mut self, io: &mut NodeIo, shared: &mut Shared) {
        io.events_out_mut().clear();
        self.end_what_was_sent(io);
        let Some(passing) = &mut self.passing else { return };
        if passing.delays.is_empty() {
            io.events_out_mut().append(&passing.came, 0);
        }
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames as u32);
        for (port, delay) in (0..).zip(&mut passing.delays) {
            delay.push_chunk(frame, &passing.came, port, &shared.sysex);
            delay.take_chunk(frame, frames, io.events_out_mut(), &mut shared.sysex);
        }
        passing.came.clear();
    }

    /// Ends all that another has sent before.
    fn end_what_was_sent(&mut self, io: &mut NodeIo) {
        if std::mem::take(&mut self.changed) {
            self.end_all(0, io);
        }
    }

    fn end_all(&self, frame: u32, io: &mut NodeIo) {
        for port in 0..self.ports {
            io.events_out_mut().push(Event { frame, port, body: EventBody::AllEnd });
        }
    }
}
