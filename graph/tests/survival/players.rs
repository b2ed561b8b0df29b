//! Effects and instruments whose sound is known frame by frame, and who plays and hears their notes.

use crate::sound::noise;
use crate::stage::{Seen, Stage, effect, probe};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::{
    Block, BypassMode, Command, Edge, Endpoint, EventPort, Node, NodeId, NodeKind, Processor, Status,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Frames from a sound to its echo.
pub const ECHO: usize = 150;

/// A quarter of the input and half of it once more, 150 frames later: all of it so many frames late.
pub fn echo(latency: u32) -> (Box<dyn Processor>, Arc<Seen>) {
    let mut past = [0.0_f32; 1024];
    let mut at = 0;
    probe(move |block| {
        for frame in 0..block.frames() {
            past[at % 1024] = block.input(0, 0)[frame];
            let back = |frames: usize| past[(at + 2048 - frames) % 1024];
            let latency = latency as usize;
            block.output(0, 0)[frame] = 0.25 * back(latency) + 0.5 * back(latency + ECHO);
            at += 1;
        }
        Status::Tail(ECHO as u32)
    })
}

struct Late {
    past: VecDeque<f32>,
}

/// Its input, so many frames late; silence for as long after it has been reset.
pub fn late_by(latency: u32) -> Box<dyn Processor> {
    Box::new(Late { past: VecDeque::from(vec![0.0; latency as usize]) })
}

impl Processor for Late {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        for frame in 0..block.frames() {
            let now = block.input(0, 0)[frame];
            let late = self.past.pop_front();
            if late.is_some() {
                self.past.push_back(now);
            }
            block.output(0, 0)[frame] = late.unwrap_or(now);
        }
        Status::Tail(self.past.len() as u32)
    }

    fn reset(&mut self) {
        self.past.iter_mut().for_each(|sample| *sample = 0.0);
    }
}

pub fn sound(_: usize, frame: u64) -> f32 {
    noise(7, frame)
}

/// Plays a one for ever, whatever it hears.
pub fn hum() -> (Box<dyn Processor>, Arc<Seen>) {
    probe(|block| {
        block.output(0, 0).fill(1.0);
        Status::Continue
    })
}

/// What came to a listener: at which frame, and whether it began or ended a note of that key.
pub type Heard = Arc<Mutex<Vec<(u64, bool, i8)>>>;

pub fn listener() -> (Box<dyn Processor>, Heard) {
    let heard = Heard::new(Mutex::new(Vec::with_capacity(64)));
    let kept = heard.clone();
    let (processor, _) = probe(move |block| {
        let start = block.chunk().steady_frame;
        for event in block.events() {
            let frame = start + u64::from(event.frame);
            match event.body {
                EventBody::NoteOn { address, .. } => kept.lock().unwrap().push((frame, true, address.key)),
                EventBody::NoteOff { address, .. } => kept.lock().unwrap().push((frame, false, address.key)),
                _ => {}
            }
        }
        Status::Sleep
    });
    (processor, heard)
}

pub fn ports() -> Vec<EventPort> {
    vec![EventPort::new("events")]
}

pub fn keyboard(stage: &mut Stage) -> NodeId {
    let kind = NodeKind::Input { device_channels: Vec::new() };
    stage.add(Node { event_outputs: ports(), ..Node::new("keyboard", kind) })
}

pub fn press(stage: &mut Stage, node: NodeId, frame: u64, key: u8, down: bool) {
    let address = NoteAddress::key(0, key);
    let body = match down {
        true => EventBody::NoteOn { address, velocity: 1.0 },
        false => EventBody::NoteOff { address, velocity: 1.0 },
    };
    stage.send(frame, Command::Event { node, event: Event { frame: 0, port: 0, body } });
}

/// Sends the notes that it hears on, an octave up.
pub fn octave() -> (Box<dyn Processor>, Arc<Seen>) {
    probe(|block| {
        let up = |address: NoteAddress| NoteAddress { key: address.key + 12, ..address };
        for place in 0..block.events().len() {
            let event = block.events()[place];
            let body = match event.body {
                EventBody::NoteOn { address, velocity } => EventBody::NoteOn { address: up(address), velocity },
                EventBody::NoteOff { address, velocity } => EventBody::NoteOff { address: up(address), velocity },
                body => body,
            };
            block.send(Event { body, ..event });
        }
        Status::Sleep
    })
}

/// Frames for which an instrument sounds once its keys are up.
pub const RELEASE: u32 = 100;

/// Plays a one while a key is down and [`RELEASE`] frames longer, and tells of its keys.
pub fn instrument() -> (Box<dyn Processor>, Arc<Seen>, Heard) {
    let told = Heard::new(Mutex::new(Vec::with_capacity(64)));
    let kept = told.clone();
    let (mut down, mut release) = (0, 0_u32);
    let (processor, seen) = probe(move |block| {
        let (start, mut next) = (block.chunk().steady_frame, 0);
        for frame in 0..block.frames() {
            while let Some(&event) = block.events().get(next).filter(|event| event.frame as usize <= frame) {
                next += 1;
                let (on, address) = match event.body {
                    EventBody::NoteOn { address, .. } => (true, address),
                    EventBody::NoteOff { address, .. } => (false, address),
                    _ => continue,
                };
                kept.lock().unwrap().push((start + u64::from(event.frame), on, address.key));
                down += if on { 1 } else { -1 };
                release = RELEASE;
            }
            block.output(0, 0)[frame] = if down > 0 || release > 0 { 1.0 } else { 0.0 };
            release = if down > 0 { RELEASE } else { release.saturating_sub(1) };
        }
        if down > 0 || release > 0 { Status::Continue } else { Status::Sleep }
    });
    (processor, seen, told)
}

/// An instrument that is heard, which plays what the keys say.
pub fn instrument_node(stage: &mut Stage, keys: NodeId, processor: Box<dyn crosspoint_graph::Processor>) -> NodeId {
    let node = stage.add(Node { audio_inputs: Vec::new(), event_inputs: ports(), ..effect("instrument") });
    stage.publisher.give(node, processor);
    let output = stage.output(0, None);
    stage.connect(Edge::events(Endpoint::new(keys, 0), Endpoint::new(node, 0)));
    stage.wire(node, output, 1.0);
    stage.publish();
    node
}

/// Keys through an effect that sends them on an octave up, and what comes of it.
pub fn through_octave(latency: u32, mode: Option<BypassMode>) -> (Stage, NodeId, NodeId, Heard, Arc<Seen>) {
    let mut stage = Stage::new();
    let keys = keyboard(&mut stage);
    let (octave, seen) = octave();
    let node = stage.add(Node { event_inputs: ports(), event_outputs: ports(), latency, ..Node::processor("octave") });
    stage.publisher.give(node, octave);
    let (processor, heard) = listener();
    let listens = stage.add(Node { event_inputs: ports(), ..Node::processor("listener") });
    stage.publisher.give(listens, processor);
    stage.connect(Edge::events(Endpoint::new(keys, 0), Endpoint::new(node, 0)));
    stage.connect(Edge::events(Endpoint::new(node, 0), Endpoint::new(listens, 0)));
    if let Some(mode) = mode {
        stage.publisher.begin_bypassed(node, true, mode);
    }
    stage.publish();
    (stage, keys, node, heard, seen)
}
