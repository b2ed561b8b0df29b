//! How a new schedule reaches the audio thread and the old one comes home: one box that goes out with a program and
//! comes back with the program that it replaced. Nothing is dropped in the callback.

use super::command::{BypassMode, NOW};
use super::program::{GainChange, InputFade, Program};
use super::ramp::Ramp;
use super::tap::TapFade;
use crate::event::Event;
use crate::id::{EdgeId, NodeId};
use std::mem;

/// One cell of an edge's matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crosspoint {
    pub edge: EdgeId,
    pub source: u16,
    pub destination: u16,
}

/// Where a crosspoint's gain starts when a program is installed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GainStart {
    /// At this value.
    At(f32),
    /// Where the crosspoint of that place in the graph before stood.
    Carried(u32),
}

/// A crosspoint that does not start at its goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarriedGain {
    /// Its place in the graph to come.
    pub cell: u32,
    pub start: GainStart,
}

/// A node that both programs have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarriedNode {
    /// Place in the new program, and in the old.
    pub to: u32,
    pub from: u32,
    /// The processor stays behind, to go home.
    pub withdraw: bool,
}

/// A program on its way, or the one before on its way home.
pub(crate) struct Parcel {
    /// Steady frame from which on it plays; earlier by the fade if something fades out first.
    pub frame: u64,
    pub program: Box<Program>,
    /// Crosspoints that fade out in the old program before the new one takes over: their places in its graph, in order.
    pub fading: Box<[u32]>,
    pub nodes: Box<[CarriedNode]>,
    pub gains: Box<[CarriedGain]>,
    /// Dense matrices that both programs have, new and old. All of their gains are carried but those that `gains` has too.
    pub matrices: Box<[(u32, u32)]>,
    /// Crosspoints that close so many frames after the new program has taken over.
    pub closings: Box<[(Crosspoint, u32)]>,
    /// Edges whose crosspoints close with the new program, though they were to close later.
    pub closed: Box<[EdgeId]>,
    /// Whether the graph is the one that plays: its gains go on to where they are going.
    pub resent: bool,
    /// Lines that both programs have, new and old.
    pub lines: Box<[(u32, u32)]>,
    /// Taps that go on from what one of the old program reads, new and old.
    pub taps: Box<[(u32, u32)]>,
    /// Taps of the old program that nothing can go on from before they are where they go.
    pub held: Box<[u32]>,
    /// Inputs that were mapped to the device before or are only now: the new one, and the old one if there was one.
    pub inputs: Box<[(u32, Option<u32>)]>,
    /// Whether anything played before that transitions must start from.
    pub follows: bool,
}

impl Parcel {
    /// Sends what the old program loses to silence. Audio thread.
    pub fn fade_out(&self, program: &mut Program, frame: u64, fade: u32) {
        let mut open = None;
        for &cell in &self.fading {
            let Some(target) = program.gain_target_of(cell) else { continue };
            program.change_gain_among(&mut open, GainChange { frame, target, gain: 0.0, ramp: fade });
        }
        program.close_row(&mut open, frame);
    }

    /// Makes a gain that was set after the parcel was sent the goal of a crosspoint. Says whether it is there.
    pub fn set_goal(&mut self, crosspoint: Crosspoint, gain: f32) -> bool {
        let Crosspoint { edge, source, destination } = crosspoint;
        let target = self.program.gain_target(edge, source, destination);
        target.inspect(|&target| self.program.start_gain(target, gain)).is_some()
    }

    /// Where a crosspoint is to go once the parcel is installed, if it is there.
    pub fn goal(&self, crosspoint: Crosspoint) -> Option<f32> {
        let Crosspoint { edge, source, destination } = crosspoint;
        Some(self.program.gain_at(self.program.gain_target(edge, source, destination)?, NOW).0)
    }

    /// Gives an event edge that the parcel brings the gate that was set after the parcel was sent. Says whether it is
    /// there.
    pub fn set_gate(&mut self, edge: EdgeId, open: bool) -> bool {
        self.program.set_gate(edge, open)
    }

    /// Gives an event to the processor that the parcel brings to a node, for its first frame. Says whether it brings one.
    pub fn tell(&mut self, node: NodeId, event: Event) -> bool {
        let Some(place) = self.program.place(node) else { return false };
        let state = &mut self.program.nodes[place];
        let brings = state.processor.is_some();
        if brings {
            state.io.events_in_mut().push(Event { frame: 0, ..event });
        }
        brings
    }

    /// Has a node that the parcel brings begin bypassed or not, and in that mode; one that plays already goes on as it is.
    /// Says whether there is such a node.
    pub fn begin_bypassed(&mut self, node: NodeId, on: Option<bool>, mode: Option<BypassMode>) -> bool {
        let Some(place) = self.program.place(node) else { return false };
        self.program.nodes[place].begin_bypassed(on, mode);
        true
    }

    /// Has a node that the parcel brings begin away or not, as [`Self::begin_bypassed`].
    pub fn begin_away(&mut self, node: NodeId, on: bool) -> bool {
        let Some(place) = self.program.place(node) else { return false };
        self.program.nodes[place].begin_away(on);
        true
    }

    /// The frame until which the program cannot take over without a jump, if it cannot at `frame`: something is on its
    /// way to where it will not stay. Audio thread.
    pub fn waits_for(&self, playing: &Program, frame: u64) -> Option<u64> {
        let held = self.held.iter().map(|&tap| playing.taps[tap as usize]).filter(|tap| !tap.is_over(frame));
        let taps = self.taps.iter().filter_map(|&(to, from)| {
            let (new, old) = (self.program.schedule.taps[to as usize], playing.schedule.taps[from as usize]);
            let longest = self.program.lines[new.line as usize].longest();
            let fade = playing.taps[from as usize];
            (!fade.can_go_on(new.delay == old.delay, longest, frame)).then_some(fade.end)
        });
        let inputs = self.inputs.iter().filter_map(|&(to, from)| {
            let (to, from) = (to as usize, from? as usize);
            let is_same =
                self.program.schedule.inputs[to].device_channel == playing.schedule.inputs[from].device_channel;
            let end = playing.inputs[from].end;
            (!is_same && frame < end).then_some(end)
        });
        let nodes = self.nodes.iter().filter_map(|node| {
            self.program.nodes[node.to as usize].waits_for(&playing.nodes[node.from as usize], frame)
        });
        held.map(|tap| tap.end).chain(taps).chain(inputs).chain(nodes).max()
    }

    /// The frame from which on nothing is on its way any more, of a program that was installed at `frame`.
    pub fn rests_at(program: &Program, frame: u64, fade: u32) -> u64 {
        let taps = program.taps.iter().map(|tap| tap.end).max().unwrap_or(0);
        (frame + 2 * u64::from(fade)).max(taps)
    }

    /// Puts the parcel's program in place of the playing one, which is left in the parcel. Audio thread, at the start of
    /// a chunk that begins at `frame`.
    pub fn install(&mut self, playing: &mut Box<Program>, frame: u64, fade: u32) {
        let new = &mut *self.program;
        let old = &mut **playing;
        for node in &self.nodes {
            let (to, from) = (node.to as usize, node.from as usize);
            new.times.adopt_node(to, &old.times, from, new.nodes[to].processor.is_some());
            new.nodes[to].adopt(&mut old.nodes[from], node.withdraw, frame, fade);
            match (&mut new.mergers[to], &mut old.mergers[from]) {
                (Some(new), Some(old)) => new.merge.adopt(&mut old.merge),
                // The last event edge is gone, and nobody is left to end what sounds from it.
                (None, Some(old)) => old.merge.end_all(0, new.nodes[to].io.events_in_mut()),
                (_, None) => {}
            }
        }
        self.program.guards.adopt(&playing.guards);
        self.program.trace.adopt(&playing.trace);
        self.program.times.adopt(&playing.times);
        self.carry_event_delays(playing);
        let old = &mut **playing;
        let new = &mut *self.program;
        for &(to, from) in &self.lines {
            new.lines[to as usize].adopt(&mut old.lines[from as usize], frame);
        }
        if self.follows {
            for (tap, state) in new.schedule.taps.iter().zip(&mut new.taps) {
                let line = &new.lines[tap.line as usize];
                *state = match tap.previous == tap.delay {
                    true => TapFade::first(tap.delay, line, frame, fade),
                    false => TapFade::new(Some(tap.previous), tap.delay, line, frame, fade),
                };
            }
        }
        self.carry_tap_fades(playing, frame, fade);
        self.fade_inputs(playing, frame, fade);
        self.carry_gains(playing, frame, fade);
        for node in &mut playing.nodes {
            node.stop();
        }
        for node in &mut self.program.nodes {
            node.review();
        }
        mem::swap(playing, &mut self.program);
    }

    /// What is on its way goes on, to where it was going or elsewhere.
    fn carry_tap_fades(&mut self, playing: &Program, frame: u64, fade: u32) {
        let new = &mut *self.program;
        for &(to, from) in &self.taps {
            let (tap, old) = (new.schedule.taps[to as usize], playing.schedule.taps[from as usize]);
            let line = &new.lines[tap.line as usize];
            new.taps[to as usize] = playing.taps[from as usize].go_on(old.delay, tap.delay, line, frame, fade);
        }
    }

    /// Inputs of other device channels than before fade from those.
    fn fade_inputs(&mut self, playing: &Program, frame: u64, fade: u32) {
        let new = &mut *self.program;
        for &(to, from) in &self.inputs {
            let before = from.map(|from| playing.schedule.inputs[from as usize].device_channel);
            new.inputs[to as usize] = match (before, from) {
                (Some(channel), Some(from)) if new.schedule.inputs[to as usize].device_channel == channel => {
                    playing.inputs[from as usize]
                }
                _ => InputFade { from: before, start: frame, end: frame + u64::from(fade.max(1)) },
            };
        }
        new.inputs_fade_until = new.inputs.iter().map(|input| input.end).max().unwrap_or(0);
    }

    fn carry_event_delays(&mut self, playing: &mut Program) {
        for node in &self.nodes {
            let new_edges = self.program.schedule.nodes[node.to as usize].events.range();
            let old_edges = playing.schedule.nodes[node.from as usize].events.range();
            let (Some(new), Some(old)) =
                (&mut self.program.mergers[node.to as usize], &mut playing.mergers[node.from as usize])
            else {
                continue;
            };
            let new_delayed = &mut new.delayed;
            for (place, edge) in self.program.schedule.event_edges[new_edges].iter().enumerate() {
                let before =
                    playing.schedule.event_edges[old_edges.clone()].iter().position(|other| other.id == edge.id);
                let Some(before) = before else { continue };
                match (&mut new.delays[place], &mut old.delays[before]) {
                    (Some(new), Some(old)) => new.adopt(old),
                    (new @ None, Some(_)) => {
                        // What is on its way comes at once, through the delay that it is in.
                        mem::swap(new, &mut old.delays[before]);
                        mem::swap(&mut new_delayed[place], &mut old.delayed[before]);
                        new.iter_mut().for_each(|delay| delay.set_delay(0));
                    }
                    (_, None) => {}
                }
            }
        }
    }

    /// Matrix by matrix, then cell by cell in the order of their rows, each of which is brought up to date once.
    fn carry_gains(&mut self, playing: &Program, frame: u64, fade: u32) {
        let new = &mut *self.program;
        for &(to, from) in &self.matrices {
            new.matrices[to as usize].carry(&playing.matrices[from as usize], frame, fade, self.resent);
        }
        let mut open = None;
        for &CarriedGain { cell, start } in &self.gains {
            let Some(target) = new.gain_target_of(cell) else { continue };
            // Of one in a matrix that was carried, what it is going to.
            let (_, Ramp { target: mut goal, .. }) = new.gain_at(target, frame);
            let mut length = fade;
            let start = match start {
                GainStart::At(gain) => gain,
                GainStart::Carried(old) => match playing.gain_target_of(old) {
                    Some(old) => {
                        let (gain, ramp) = playing.gain_at(old, frame);
                        if self.resent {
                            goal = ramp.target;
                        }
                        length = ramp.frames_to(goal, frame, fade);
                        gain
                    }
                    None => continue,
                },
            };
            new.start_gain(target, start);
            if start != goal {
                new.change_gain_among(&mut open, GainChange { frame, target, gain: goal, ramp: length });
            }
        }
        new.close_row(&mut open, frame);
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, EventBody, NoteAddress};
    use crate::nodes::gain;
    use crate::{
        AudioPort, ChannelLayout, Command, Edge, Endpoint, Graph, Matrix, NOW, Node, NodeKind, Settings, Timed,
        renderer,
    };

    /// ```text
    /// in ─────────► out     fades out, and behind that wait the parcel that brings the gain, a value for it, and another
    /// in ─► gain ─► out     parcel: both take over at one frame, with no chunk between them
    /// ```
    #[test]
    fn a_value_on_the_way_outlives_a_parcel_that_takes_over_at_the_same_frame() {
        let (mut publisher, mut renderer) = renderer(Settings::new(48_000.0, 64));
        let mut graph = Graph::new();
        let mono = || vec![AudioPort::new("main", ChannelLayout::Mono)];
        let cable = |from, to| Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(1));
        let ((input, output, direct), _) = graph
            .edit(|t| {
                let input = NodeKind::Input { device_channels: vec![Some(0)] };
                let input = t.add_node(Node { audio_outputs: mono(), ..Node::new("in", input) })?;
                let output = NodeKind::Output { device_channels: vec![Some(0)], alignment_groups: vec![None] };
                let output = t.add_node(Node { audio_inputs: mono(), ..Node::new("out", output) })?;
                Ok((input, output, t.connect(cable(input, output))?))
            })
            .unwrap();
        publisher.publish(&graph, NOW).unwrap();
        let (ones, mut heard) = ([1.0; 64], [0.0; 64]);
        renderer.render(&[&ones], &mut [&mut heard]);
        graph.edit(|t| t.disconnect(direct)).unwrap();
        publisher.publish(&graph, NOW).unwrap();
        let (node, _) = graph
            .edit(|t| {
                let node = t.add_node(gain::node("gain", ChannelLayout::Mono))?;
                t.connect(cable(input, node))?;
                t.connect(cable(node, output))?;
                Ok(node)
            })
            .unwrap();
        publisher.give(node, Box::new(gain::Gain::new(1.0)));
        publisher.publish(&graph, NOW).unwrap();
        let body = EventBody::Parameter { parameter: gain::GAIN, address: NoteAddress::ALL, value: 0.25 };
        let event = Event { frame: 0, port: 0, body };
        publisher.send(Timed { frame: NOW, command: Command::Event { node, event } }).unwrap();
        publisher.publish(&graph, NOW).unwrap();
        for _ in 0..100 {
            renderer.render(&[&ones], &mut [&mut heard]);
        }
        assert_eq!(heard[63], 0.25);
    }
}
