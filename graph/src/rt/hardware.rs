//! Events between the hardware and the ends of the rig: what input nodes send on, what output nodes have received. Knows
//! no device and no encoding.

use super::block::Chunk;
use super::command::Command;
use super::program::Program;
use super::renderer::Queue;
use crate::event::{Event, EventList, SysExId};
use crate::id::NodeId;

/// Where events come from and go to, chunk by chunk: a MIDI driver, a test.
///
/// # Real-time
/// Called in the callback, by [`Renderer::render_with_events`](crate::Renderer::render_with_events).
pub trait HardwareEvents {
    /// Before anything else of a block of so many frames: commands the renderer, each command at its frame of the block.
    fn command(&mut self, frames: usize, rig: &mut Commands<'_>) {
        let _ = (frames, rig);
    }

    /// Before a chunk of `frames` frames, which begins at frame `offset` of the block: sends what comes in. Frames of
    /// events are counted from the chunk's first.
    fn read(&mut self, offset: usize, frames: usize, rig: &mut EventEnds<'_>);

    /// After the chunk: takes what goes out.
    fn write(&mut self, offset: usize, frames: usize, rig: &EventEnds<'_>);
}

/// Takes commands from within the callback, for one block.
pub struct Commands<'a> {
    queue: &'a mut Queue,
    frame: u64,
    xruns: u32,
}

impl<'a> Commands<'a> {
    pub(crate) fn new(queue: &'a mut Queue, frame: u64) -> Self {
        Self { queue, frame, xruns: 0 }
    }

    /// Steady frame of the block's first.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Says that the device has lost so many periods since the last block.
    pub fn note_xruns(&mut self, count: u32) {
        self.xruns = self.xruns.saturating_add(count);
    }

    pub(crate) fn xruns(&self) -> u32 {
        self.xruns
    }

    /// Has a command carried out at a frame of the block, after those that are due there already. False if too many wait. A
    /// [`Command::Gain`] needs an edge that was [kept adjustable](crate::Publisher::keep_adjustable).
    pub fn push(&mut self, offset: usize, command: Command) -> bool {
        self.queue.insert(self.frame.saturating_add(offset as u64), command)
    }
}

/// The event ports at the ends of the rig, for one chunk.
pub struct EventEnds<'a> {
    program: &'a mut Program,
}

impl<'a> EventEnds<'a> {
    pub(crate) fn new(program: &'a mut Program) -> Self {
        Self { program }
    }

    fn end(&self, node: NodeId) -> Option<usize> {
        self.program.place(node).filter(|&place| !self.program.schedule.nodes[place].hosted)
    }

    /// Has an input node send an event along its edges. False if the rig has no such input, or too many events came.
    pub fn send(&mut self, node: NodeId, event: Event) -> bool {
        self.end(node).is_some_and(|place| self.program.nodes[place].io.events_out_mut().push(event))
    }

    /// Keeps a system-exclusive message for the chunk. None if it does not fit.
    pub fn store_sysex(&mut self, bytes: &[u8]) -> Option<SysExId> {
        self.program.shared.sysex.store(bytes)
    }

    /// The chunk, with the transport at its first frame; before it is rendered, the one before.
    pub fn chunk(&self) -> &Chunk {
        &self.program.shared.chunk
    }

    /// What an output node has received; none if the rig has no such output.
    pub fn received(&self, node: NodeId) -> Option<&EventList> {
        self.end(node).map(|place| self.program.nodes[place].io.events_in())
    }

    /// The bytes of a system-exclusive message.
    pub fn sysex(&self, id: SysExId) -> &[u8] {
        self.program.shared.sysex.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventBody;
    use crate::{Command, Edge, Endpoint, EventPort, Graph, NOW, Node, NodeKind, Settings, Timed, renderer};
    use assert_no_alloc::assert_no_alloc;

    /// Sends what is due of a score, by frames since the start, and keeps what comes back.
    struct Score {
        from: NodeId,
        to: NodeId,
        /// Frames before the block.
        start: usize,
        sent: Vec<(usize, u8)>,
        heard: Vec<(usize, EventBody)>,
        sysex: Vec<u8>,
    }

    impl HardwareEvents for Score {
        fn read(&mut self, offset: usize, frames: usize, rig: &mut EventEnds<'_>) {
            let chunk = self.start + offset..self.start + offset + frames;
            for &(frame, value) in self.sent.iter().filter(|(frame, _)| chunk.contains(frame)) {
                let body = match value {
                    0 => EventBody::SysEx(rig.store_sysex(&[0xF0, 7, 0xF7]).unwrap()),
                    value => EventBody::Midi([0xB0, 1, value]),
                };
                assert!(rig.send(self.from, Event { frame: (frame - chunk.start) as u32, port: 0, body }));
            }
        }

        fn write(&mut self, offset: usize, _frames: usize, rig: &EventEnds<'_>) {
            for event in rig.received(self.to).map_or(&[][..], |events| events.as_slice()) {
                if let EventBody::SysEx(id) = event.body {
                    self.sysex.extend_from_slice(rig.sysex(id));
                }
                self.heard.push((self.start + offset + event.frame as usize, event.body));
            }
        }
    }

    /// keys ── synth
    fn keys_to_synth() -> (Graph, NodeId, NodeId) {
        let mut graph = Graph::new();
        let input = NodeKind::Input { device_channels: Vec::new() };
        let output = NodeKind::Output { device_channels: Vec::new(), alignment_groups: Vec::new() };
        let port = || vec![EventPort::new("events")];
        let (from, _) = graph.edit(|t| t.add_node(Node { event_outputs: port(), ..Node::new("keys", input) })).unwrap();
        let (to, _) = graph.edit(|t| t.add_node(Node { event_inputs: port(), ..Node::new("synth", output) })).unwrap();
        graph.edit(|t| t.connect(Edge::events(Endpoint::new(from, 0), Endpoint::new(to, 0)))).unwrap();
        (graph, from, to)
    }

    /// ```text
    /// hardware ──► input node ──► output node ──► hardware      at the same frame, for any partition into blocks
    /// ```
    #[test]
    fn events_pass_at_their_frame_in_any_partition() {
        let (graph, from, to) = keys_to_synth();
        for blocks in [&[64, 64][..], &[1; 128], &[33, 95], &[128]] {
            let (mut publisher, mut renderer) = renderer(Settings::new(48_000.0, 32));
            publisher.publish(&graph, NOW).unwrap();
            let sent = vec![(0, 1), (31, 2), (32, 3), (63, 0), (64, 5), (127, 6)];
            let room = || Vec::with_capacity(16);
            let mut score =
                Score { from, to, start: 0, sent: sent.clone(), heard: room(), sysex: Vec::with_capacity(16) };
            for &frames in blocks {
                assert_no_alloc(|| renderer.render_with_events(&[], &mut [], frames, &mut score));
                score.start += frames;
            }
            let heard: Vec<usize> = score.heard.iter().map(|(frame, _)| *frame).collect();
            assert_eq!(heard, sent.iter().map(|(frame, _)| *frame).collect::<Vec<_>>(), "{blocks:?}");
            assert_eq!(score.sysex, [0xF0, 7, 0xF7]);
        }
    }

    /// An end of the rig is always there: it cannot be sent away, neither with the parcel that brings it nor later.
    #[test]
    fn an_end_of_the_rig_is_never_away() {
        let (graph, from, to) = keys_to_synth();
        let (mut publisher, mut renderer) = renderer(Settings::new(48_000.0, 32));
        publisher.publish(&graph, 40).unwrap();
        let away = Timed { frame: NOW, command: Command::Present { node: to, on: false } };
        publisher.send(away).unwrap();
        let sent = vec![(50, 1), (150, 2)];
        let mut score = Score { from, to, start: 0, sent, heard: Vec::with_capacity(16), sysex: Vec::new() };
        for _ in 0..2 {
            assert_no_alloc(|| renderer.render_with_events(&[], &mut [], 100, &mut score));
            score.start += 100;
            publisher.send(away).unwrap();
        }
        assert_eq!(score.heard.iter().map(|(frame, _)| *frame).collect::<Vec<_>>(), [50, 150]);
    }
}
