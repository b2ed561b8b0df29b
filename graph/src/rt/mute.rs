//! A mute: takes channels to silence and back, by a ramp that is a closed form of the frame. The master mute is one over
//! everything that the device plays, and belongs to the renderer, so that no edit undoes it; a node that is overloaded has
//! one of its own. While it is off it touches no sample.

use super::kernels::Kernels;

/// Whether something is muted, and since when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mute {
    on: bool,
    /// First frame of the ramp to where it is now; before the first frame of all if it turned round then.
    start: Option<i64>,
}

impl Mute {
    /// Mutes or releases from a frame on. A ramp that turns round goes on from where it is.
    pub fn set(&mut self, on: bool, frame: u64, length: u32) {
        if std::mem::replace(&mut self.on, on) == on {
            return;
        }
        if frame == 0 {
            // Nothing has sounded yet that could click: a fresh renderer that is muted plays nothing at all.
            return;
        }
        let (frame, length) = (frame as i64, i64::from(length.max(1)));
        let left = self.start.map_or(0, |start| (length - (frame - start)).max(0));
        self.start = Some(frame - left);
    }

    /// Whether samples must be touched.
    pub fn acts(&self) -> bool {
        self.on || self.start.is_some()
    }

    /// Whether all is silent, with no ramp under way.
    pub fn is_shut(&self) -> bool {
        self.on && self.start.is_none()
    }

    /// Mutes a chunk of so many frames of all channels, which begins at a steady frame of the renderer.
    pub fn apply<'s>(
        &mut self,
        channels: impl Iterator<Item = &'s mut [f32]>,
        frames: usize,
        frame: u64,
        length: u32,
        kernels: &Kernels,
    ) {
        let length = length.max(1);
        let elapsed = self.start.map_or(length, |start| (frame as i64 - start).clamp(0, length.into()) as u32);
        let moving = frames.min((length - elapsed) as usize);
        let step = 1.0 / length as f32;
        let (from, step) = if self.on { (1.0, -step) } else { (0.0, step) };
        for channel in channels {
            let (ramp, rest) = channel.split_at_mut(moving);
            let samples = ramp.as_mut_ptr();
            // SAFETY: the ramp's samples are a slice of that length.
            unsafe { kernels.gain_ramp(samples, samples, moving, from, step, elapsed) };
            if self.on {
                rest.fill(0.0);
            }
        }
        if elapsed as usize + frames >= length as usize {
            self.start = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::nodes::{gain, tone};
    use crate::{
        AudioPort, ChannelLayout, Command, Edge, Endpoint, Graph, Matrix, NOW, Node, NodeKind, Settings, Timed,
        renderer,
    };
    use assert_no_alloc::assert_no_alloc;

    /// ```text
    /// in ──► gain 1 ──► out    0 … 300 as it is, 300 muted, 380 released on the way, 1000 muted, 2000 released
    /// ```
    /// Half way down it turns round; an edit while it is muted does not undo it; the output is as it was, bit by bit, before
    /// and after, silent in between, without a step, and the same for any partition.
    #[test]
    fn a_master_mute_ramps_and_survives_edits() {
        let mut graph = Graph::new();
        let port = || vec![AudioPort::new("audio", ChannelLayout::Mono)];
        let input = NodeKind::Input { device_channels: vec![Some(0)] };
        let output = NodeKind::Output { device_channels: vec![Some(0)], alignment_groups: vec![None] };
        let input = Node { audio_outputs: port(), ..Node::new("in", input) };
        let output = Node { audio_inputs: port(), ..Node::new("out", output) };
        let (input, _) = graph.edit(|t| t.add_node(input)).unwrap();
        let (node, _) = graph.edit(|t| t.add_node(gain::node("gain", ChannelLayout::Mono))).unwrap();
        let (output, _) = graph.edit(|t| t.add_node(output)).unwrap();
        for (from, to) in [(input, node), (node, output)] {
            let edge = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(1));
            graph.edit(|t| t.connect(edge)).unwrap();
        }
        let settings = Settings { fade: 200, ..Settings::new(48_000.0, 32) };
        let sound: Vec<f32> = (0..4000).map(|frame| 0.5 + 0.001 * tone::noise(1, frame)).collect();
        let mut first: Option<Vec<f32>> = None;
        for blocks in [&[64][..], &[1, 33, 500], &[4000]] {
            let (mut publisher, mut renderer) = renderer(settings);
            publisher.give(node, Box::new(gain::Gain::new(1.0)));
            publisher.publish(&graph, NOW).unwrap();
            for (frame, on) in [(300, true), (380, false), (1000, true), (2000, false)] {
                publisher.send(Timed { frame, command: Command::MasterMute(on) }).unwrap();
            }
            publisher.publish(&graph, 1500).unwrap();
            let mut played = vec![7.0; sound.len()];
            let (mut at, mut turn) = (0, 0);
            while at < sound.len() {
                let end = sound.len().min(at + blocks[turn % blocks.len()]);
                assert_no_alloc(|| renderer.render(&[&sound[at..end]], &mut [&mut played[at..end]]));
                (at, turn) = (end, turn + 1);
            }
            for same in [0..300, 460..1000, 2200..4000] {
                assert!(played[same.clone()] == sound[same.clone()], "{same:?}");
            }
            assert!(played[1200..2000].iter().all(|&sample| sample == 0.0));
            assert!((played[379] / sound[379] - 0.605).abs() < 1e-3, "half way: {}", played[379]);
            assert!(played.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.5 / 200.0 + 0.003));
            assert!(*first.get_or_insert(played.clone()) == played, "{blocks:?}");
        }
    }
}
