//! Plays audio that lies in memory at the engine's rate. Never reads a file, never resamples and never clicks: starts in
//! the middle, stops and jumps fade.

use std::ops::Range;
use std::sync::Arc;

use super::RAMP_FRAMES;
use super::segment::{self, Segment};
use crate::graph::Node;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// Parameter: 1 plays on from the position, 0 stops there. Without effect while it follows the transport.
pub const PLAY: u32 = 0;
/// Parameter: jumps to a frame of the clip, playing or not.
pub const POSITION: u32 = 1;
/// Parameter: 1 begins again at the end, 0 stops there and goes back to the start.
pub const LOOP: u32 = 2;
/// Parameter: 1 plays when and where the transport does, 0 leaves it alone.
pub const FOLLOW: u32 = 3;

/// The samples of each channel, all as long as the first. Shared with the control thread, which keeps one reference for
/// as long as a player lives, so that none is freed in the callback.
pub type Clip = Arc<[Box<[f32]>]>;

/// What the graph is told of it: a port out.
pub fn node(name: impl Into<String>, layout: ChannelLayout) -> Node {
    Node { audio_outputs: vec![AudioPort::new("out", layout)], ..Node::processor(name) }
}

/// A run through the clip: at steady frame f it is at frame f - origin of the clip, modulo its length if it loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    origin: i64,
    loops: bool,
    /// Steady frame from which it fades in; none if it begins with the clip.
    fades_in: Option<u64>,
}

impl Head {
    /// The frame of the clip at a steady frame, which may lie outside of it.
    fn position(&self, frame: u64, length: i64) -> i64 {
        let position = (frame as i64).wrapping_sub(self.origin);
        if self.loops && position >= 0 { position % length.max(1) } else { position }
    }

    fn is_over(&self, frame: u64, length: i64) -> bool {
        self.position(frame, length) >= length
    }

    fn sample(&self, data: &[f32], frame: u64) -> f32 {
        let position = usize::try_from(self.position(frame, data.len() as i64)).ok();
        position.and_then(|position| data.get(position)).copied().unwrap_or(0.0)
    }
}

/// The audio half.
#[derive(Debug)]
pub struct Player {
    clip: Clip,
    length: i64,
    loops: bool,
    follows: bool,
    /// Where it goes on when it is started.
    position: i64,
    head: Option<Head>,
    /// The head before the last stop or jump, and the steady frame from which it fades out. A further stop or jump
    /// within the fade cuts it off.
    fading: Option<(Head, u64)>,
}

/// How far a fade is at a steady frame: 0 to 1.
fn progress(start: u64, frame: u64) -> f32 {
    (frame.saturating_sub(start) as f32 / RAMP_FRAMES as f32).min(1.0)
}

impl Player {
    /// Stopped at the start of a clip; plays it in the engine's rate: the control thread resamples it before.
    pub fn new(clip: Clip) -> Self {
        let length = clip.first().map_or(0, |channel| channel.len()) as i64;
        Self { clip, length, loops: false, follows: false, position: 0, head: None, fading: None }
    }

    /// Playing from its first block on.
    pub fn playing(mut self) -> Self {
        self.head = Some(Head { origin: 0, loops: false, fades_in: None });
        self
    }

    /// Following the transport.
    pub fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Begins at a position, whatever it did before.
    fn jump(&mut self, position: i64, frame: u64) {
        self.fade_out(frame);
        let fades_in = (position > 0).then_some(frame);
        self.head = Some(Head { origin: (frame as i64).wrapping_sub(position), loops: self.loops, fades_in });
    }

    fn stop(&mut self, frame: u64) {
        if let Some(head) = self.head {
            self.position = head.position(frame, self.length);
            self.fade_out(frame);
        }
    }

    fn fade_out(&mut self, frame: u64) {
        if let Some(head) = self.head.take() {
            self.fading = Some((head, frame));
        }
    }

    /// Lets go of what is over by a steady frame.
    fn settle(&mut self, frame: u64) {
        if self.head.is_some_and(|head| head.is_over(frame, self.length)) {
            self.head = None;
            self.position = 0;
        }
        self.fading = self.fading.filter(|&(_, start)| progress(start, frame) < 1.0);
    }

    /// Goes where the transport is at the start of a chunk.
    fn follow(&mut self, block: &Block<'_>) {
        let (transport, frame) = (block.transport(), block.chunk().steady_frame);
        let origin = (frame as i64).wrapping_sub(transport.frame);
        match self.head {
            Some(_) if !transport.playing => self.stop(frame),
            Some(head) if head.origin == origin => {}
            // Past the end of a clip that does not loop, there is nothing to start.
            _ if transport.playing && (self.loops || transport.frame < self.length) => {
                self.jump(transport.frame, frame)
            }
            _ => {}
        }
    }

    /// The channel of the clip that an output channel plays: a mono clip goes to all.
    fn data(&self, channel: usize) -> &[f32] {
        let channel = if self.clip.len() == 1 { 0 } else { channel };
        self.clip.get(channel).map_or(&[], |data| data)
    }
}

impl Segment for Player {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        self.settle(frame);
        let on = value >= 0.5;
        match parameter {
            PLAY if self.follows => {}
            PLAY if on && self.head.is_none() => self.jump(self.position, frame),
            PLAY if !on => self.stop(frame),
            POSITION if !value.is_nan() => {
                let position = (value.round() as i64).clamp(0, self.length);
                match self.head {
                    Some(_) => self.jump(position, frame),
                    None => self.position = position,
                }
            }
            LOOP => {
                self.loops = on;
                if let Some(head) = &mut self.head {
                    let position = head.position(frame, self.length);
                    *head = Head { origin: (frame as i64).wrapping_sub(position), loops: on, ..*head };
                }
            }
            FOLLOW => self.follows = on,
            _ => {}
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let first = block.chunk().steady_frame + frames.start as u64;
        for channel in 0..block.output_channels(0) {
            let data = self.data(channel);
            for (frame, sample) in (first..).zip(&mut block.output(0, channel)[frames.clone()]) {
                *sample = self.head.map_or(0.0, |head| match head.fades_in {
                    Some(start) if progress(start, frame) < 1.0 => progress(start, frame) * head.sample(data, frame),
                    _ => head.sample(data, frame),
                });
                if let Some((head, start)) = self.fading
                    && progress(start, frame) < 1.0
                {
                    *sample += (1.0 - progress(start, frame)) * head.sample(data, frame);
                }
            }
        }
    }
}

impl Processor for Player {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let start = block.chunk().steady_frame;
        if self.follows {
            self.follow(&block);
        }
        self.settle(start);
        if block.events().is_empty() && self.head.is_none() && self.fading.is_none() {
            block.clear_outputs();
            return if self.follows { Status::Continue } else { Status::Sleep };
        }
        segment::run(self, &mut block);
        Status::Continue
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }

    fn reset(&mut self) {
        self.fading = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::{noise, parameter};

    fn clip(length: usize) -> Clip {
        [noise(1, length).into(), noise(2, length).into()].into()
    }

    /// From the start to the end: the clip's very bits, then silence and sleep; a mono clip on all channels.
    #[test]
    fn plays_the_clip_and_sleeps() {
        let run = Run { outputs: &[2], frames: 200, ..Run::default() };
        let out = run.render(&mut Player::new(clip(100)).playing());
        for channel in 0..2 {
            assert!(out.channels[channel][..100] == *clip(100)[channel]);
            assert!(out.channels[channel][100..].iter().all(|&sample| sample == 0.0));
        }
        assert_eq!(out.chunks.last(), Some(&(true, Status::Sleep)));
        let mono: Clip = [noise(1, 100).into()].into();
        let out = run.render(&mut Player::new(mono).playing());
        assert!(out.channels[0] == out.channels[1] && out.channels[0][..100] == noise(1, 100));
    }

    /// Start, stop, seek and loop at their frames: any partition gives the same bits, and stops do not click.
    #[test]
    fn partition_does_not_matter() {
        let events = [
            parameter(30, PLAY, 1.0),
            parameter(500, PLAY, 0.0),
            parameter(900, POSITION, 100.0),
            parameter(1000, PLAY, 1.0),
            parameter(1300, POSITION, 10.0),
            parameter(1400, LOOP, 1.0),
            parameter(3000, LOOP, 0.0),
            parameter(3900, PLAY, 1.0),
        ];
        let run = Run { outputs: &[2], frames: 4000, events: &events, ..Run::default() };
        let player = || Player::new(clip(777));
        let whole = Run { chunks: &[4000], ..run }.render(&mut player()).channels;
        for chunks in [&[64][..], &[1, 333, 20]] {
            assert!(whole == Run { chunks, ..run }.render(&mut player()).channels, "{chunks:?}");
        }
        assert!(whole[0][30..500] == clip(777)[0][..470]);
        assert_eq!(whole[0][500], clip(777)[0][470]);
        assert!(whole[0][756..1000].iter().all(|&sample| sample == 0.0));
        assert_eq!(whole[0][1000], 0.0);
        assert!(whole[0][1600..1600 + 400] == clip(777)[0][310..710]);
        assert!(whole[0][3900..] == clip(777)[0][..100]);
    }

    /// Follows the transport to the frame from where it stands, and stands when it stands.
    #[test]
    fn follows_the_transport() {
        let transport = Transport { playing: true, frame: -50, ..Transport::default() };
        let run = Run { outputs: &[2], frames: 300, transport, ..Run::default() };
        let out = run.render(&mut Player::new(clip(100)).following());
        assert!(out.channels[0][..50].iter().all(|&sample| sample == 0.0));
        assert!(out.channels[0][50..150] == *clip(100)[0]);
        let stopped = Run { transport: Transport::default(), ..run };
        assert_eq!(stopped.render(&mut Player::new(clip(100)).following()).chunks[0], (true, Status::Continue));
    }
}
