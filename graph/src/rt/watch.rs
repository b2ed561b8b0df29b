//! What of a program's nodes is metered and listened to. Outputs of the rig are looked at behind the last op: there is
//! what is heard.

use super::command::Level;
use super::kernels::Kernels;
use super::listen::ListenTo;
use super::program::{Context, Program, Reports};
use crate::id::NodeId;

impl Reports {
    /// Meters an input or output of the rig, or no longer. One for which there is no room is not metered.
    pub fn meter_end(&mut self, node: NodeId, on: bool) {
        self.metered_ends.retain(|&metered| metered != node);
        if on && self.metered_ends.len() < self.metered_ends.capacity() {
            self.metered_ends.push(node);
        }
    }

    fn listens_to(&self, node: NodeId) -> bool {
        self.listeners.iter().any(|listener| listener.node() == Some(node))
    }

    /// Gives a chunk of a channel to the listeners, and its level to the meters.
    pub fn watch(&mut self, source: ListenTo, metered: bool, frame: u64, samples: &[f32], kernels: &Kernels) {
        if metered {
            // SAFETY: a slice is valid for its length.
            let (peak, square_sum) = unsafe { kernels.peak_and_square_sum(samples.as_ptr(), samples.len()) };
            let ListenTo { node, channel } = source;
            self.level(Level { node, channel, peak, square_sum, frames: samples.len() as u32 });
        }
        for listener in &mut self.listeners {
            listener.hear(source, frame, samples);
        }
    }
}

impl Program {
    /// Whether a node is an input or output of the rig that is joined to the device. No processor renders it.
    pub fn is_end(&self, node: NodeId) -> bool {
        self.audio_ends().any(|end| end == node)
    }

    fn audio_ends(&self) -> impl Iterator<Item = NodeId> {
        let inputs = self.schedule.inputs.iter().map(|input| input.node);
        inputs.chain(self.schedule.outputs.iter().map(|output| output.node))
    }

    /// Finds out which nodes are looked at: what looks waits for a node that is not there now.
    pub fn review_watched(&mut self, reports: &Reports) {
        for node in &mut self.nodes {
            node.set_listened(reports.listens_to(node.id));
        }
        let watched = |end: NodeId| reports.metered_ends.contains(&end) || reports.listens_to(end);
        let ends_watched = self.audio_ends().any(watched);
        self.ends_watched = ends_watched;
    }

    /// Looks at an input's channel, of that place in the schedule, before any node can overwrite its slot.
    #[cold]
    pub fn watch_input(&mut self, input: usize, slot: u32, context: &mut Context<'_, '_>) {
        let scheduled = self.schedule.inputs[input];
        let (frame, frames) = (self.shared.chunk.steady_frame, self.shared.chunk.frames);
        // SAFETY: the slot has room for the chunk.
        let samples = unsafe { std::slice::from_raw_parts(self.arena.slot(slot).cast_const(), frames) };
        let source = ListenTo { node: scheduled.node, channel: scheduled.channel as u16 };
        let metered = context.reports.metered_ends.contains(&source.node);
        context.reports.watch(source, metered, frame, samples, context.kernels);
    }

    /// Looks at what the device is about to play.
    #[cold]
    pub fn watch_outputs(&mut self, context: &mut Context<'_, '_>) {
        let (frame, frames) = (self.shared.chunk.steady_frame, self.shared.chunk.frames);
        for scheduled in &self.schedule.outputs {
            let Some(samples) = context.outputs.get(scheduled.device_channel as usize) else { continue };
            let samples = &samples[context.offset..context.offset + frames];
            let source = ListenTo { node: scheduled.node, channel: scheduled.channel as u16 };
            let metered = context.reports.metered_ends.contains(&source.node);
            context.reports.watch(source, metered, frame, samples, context.kernels);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::nodes::{gain, tone};
    use crate::{
        ChannelLayout, Command, Edge, Endpoint, Graph, ListenTo, NOW, Node, NodeId, NodeKind, Publisher, Renderer,
        Settings, renderer,
    };
    use assert_no_alloc::assert_no_alloc;

    fn noise(seed: u64, frames: u64) -> Vec<f32> {
        (0..frames).map(|frame| tone::noise(seed, frame)).collect()
    }

    /// ```text
    /// device 0 ──► input ──► gain 0.5 ──┬──► left ──► device 0
    ///                                   └──► other ─► device 0, summed
    /// ```
    struct Rig {
        graph: Graph,
        publisher: Publisher,
        renderer: Box<Renderer>,
        input: NodeId,
        gain: NodeId,
        output: NodeId,
    }

    fn rig() -> Rig {
        let mut graph = Graph::new();
        let mono = ChannelLayout::Mono;
        let port = || vec![crate::AudioPort::new("audio", mono)];
        let kind = NodeKind::Input { device_channels: vec![Some(0)] };
        let input = Node { audio_outputs: port(), ..Node::new("in", kind) };
        let output = || {
            let kind = NodeKind::Output { device_channels: vec![Some(0)], alignment_groups: vec![None] };
            Node { audio_inputs: port(), ..Node::new("out", kind) }
        };
        let (input, _) = graph.edit(|t| t.add_node(input)).unwrap();
        let (gain, _) = graph.edit(|t| t.add_node(gain::node("gain", mono))).unwrap();
        let (output, other) =
            (graph.edit(|t| t.add_node(output())).unwrap().0, graph.edit(|t| t.add_node(output())).unwrap().0);
        for (from, to) in [(input, gain), (gain, output), (gain, other)] {
            let edge = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), crate::Matrix::diagonal(1));
            graph.edit(|t| t.connect(edge)).unwrap();
        }
        let (mut publisher, renderer) = renderer(Settings::new(48_000.0, 32));
        publisher.give(gain, Box::new(gain::Gain::new(0.5)));
        publisher.publish(&graph, NOW).unwrap();
        Rig { graph, publisher, renderer, input, gain, output }
    }

    impl Rig {
        /// Renders in blocks, in turn; what the device plays.
        fn render(&mut self, input: &[f32], blocks: &[usize]) -> Vec<f32> {
            let mut played = vec![0.0; input.len()];
            let (mut at, mut turn) = (0, 0);
            while at < input.len() {
                let end = input.len().min(at + blocks[turn % blocks.len()]);
                assert_no_alloc(|| self.renderer.render(&[&input[at..end]], &mut [&mut played[at..end]]));
                (at, turn) = (end, turn + 1);
            }
            played
        }

        fn hear(&mut self, listener: usize) -> (Option<u64>, Vec<f32>) {
            let mut samples = Vec::new();
            (self.publisher.hear(listener, &mut samples), samples)
        }
    }

    /// What comes in, what a node makes of it and what the device plays, from the same frame on, bit by bit, however the
    /// blocks are cut; and a meter's peaks are those of the same samples.
    #[test]
    fn a_listener_hears_what_sounds() {
        let input = noise(1, 4000);
        for blocks in [&[64][..], &[1, 33, 500], &[4000]] {
            let mut rig = rig();
            rig.render(&input, blocks);
            for (listener, node) in [rig.input, rig.gain, rig.output].into_iter().enumerate() {
                rig.publisher.listen(listener, Some(ListenTo { node, channel: 0 })).unwrap();
                rig.publisher.send_now(Command::Meter { node, on: true }).unwrap();
            }
            let played = rig.render(&input, blocks);
            let half: Vec<f32> = input.iter().map(|sample| sample * 0.5).collect();
            assert_eq!(played, input, "two halves are a whole");
            for (listener, expected) in [&input, &half, &played].into_iter().enumerate() {
                assert_eq!(rig.hear(listener), (Some(4000), expected.clone()), "{listener} {blocks:?}");
            }
            let mut peaks = std::collections::BTreeMap::<NodeId, f32>::new();
            while let Some(level) = rig.publisher.level() {
                let peak = peaks.entry(level.node).or_default();
                *peak = peak.max(level.peak);
            }
            let peak = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert_eq!(peaks.len(), 3);
            assert_eq!((peaks[&rig.input], peaks[&rig.gain]), (peak(&input), peak(&half)));
            assert_eq!(peaks[&rig.output], peak(&played));
        }
    }

    /// Nobody reads for long: what is lost is told by the frame of what comes after, and an old request is never mixed up
    /// with a new one.
    #[test]
    fn a_gap_shows_by_the_frame() {
        let mut rig = rig();
        let input = noise(2, 32 * 2100);
        rig.publisher.listen(0, Some(ListenTo { node: rig.input, channel: 0 })).unwrap();
        rig.render(&input, &[32]);
        let (first, heard) = rig.hear(0);
        assert_eq!(first, Some(0));
        assert!(heard.len() < input.len() && heard == input[..heard.len()], "{}", heard.len());
        rig.render(&input[..64], &[32]);
        assert_eq!(rig.hear(0), (Some(input.len() as u64), input[..64].to_vec()));
        rig.render(&input[..64], &[32]);
        rig.publisher.listen(0, Some(ListenTo { node: rig.gain, channel: 0 })).unwrap();
        assert_eq!(rig.hear(0), (None, Vec::new()));
        let frame = rig.publisher.frame();
        rig.render(&[1.0; 32], &[32]);
        assert_eq!(rig.hear(0), (Some(frame), vec![0.5; 32]));
        rig.publisher.listen(0, None).unwrap();
        rig.render(&input[..64], &[32]);
        assert_eq!(rig.hear(0), (None, Vec::new()));
    }

    /// An edit takes nothing from who listens, and a node that comes back is heard again.
    #[test]
    fn listening_outlives_edits() {
        let mut rig = rig();
        rig.publisher.listen(0, Some(ListenTo { node: rig.output, channel: 0 })).unwrap();
        rig.render(&[1.0; 600], &[64]);
        assert_eq!(rig.hear(0), (Some(0), vec![1.0; 600]));
        let graph = rig.graph.clone();
        rig.publisher.publish(&graph, NOW).unwrap();
        rig.render(&[1.0; 600], &[64]);
        assert_eq!(rig.hear(0), (Some(600), vec![1.0; 600]));
        rig.publisher.publish(&Graph::new(), NOW).unwrap();
        rig.render(&[1.0; 600], &[64]);
        rig.hear(0);
        rig.publisher.give(rig.gain, Box::new(gain::Gain::new(0.5)));
        rig.publisher.publish(&graph, NOW).unwrap();
        rig.render(&[1.0; 600], &[64]);
        let (first, heard) = rig.hear(0);
        assert_eq!(first.map(|first| first + heard.len() as u64), Some(2400));
        assert_eq!(heard.last(), Some(&1.0));
    }
}
