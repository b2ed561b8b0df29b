//! Plays audio at the engine's rate that lies in memory, or comes there in time. Never reads a file, never resamples and
//! never clicks: starts in the middle, stops, jumps and what is missing fade.

use std::ops::Range;
use std::sync::Arc;

use super::RAMP_FRAMES;
use super::segment::{self, Segment};
use crate::graph::Node;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;
use crate::transport::Transport;

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

/// What a player plays. Frames before the first and from the length on are silence.
///
/// # Real-time
/// All is called in the callback.
pub trait Source: Send {
    /// Channels; those of one go to all of the port's.
    fn channels(&self) -> usize;

    /// Frames.
    fn length(&self) -> i64;

    /// A sample; silence for one that is not there.
    fn sample(&self, channel: usize, position: i64) -> f32;

    /// How many of the `wanted` frames from a position on are there.
    fn available(&self, position: i64, wanted: u64) -> u64 {
        let _ = position;
        wanted
    }

    /// Before each chunk: the frame that is played next, or would be if it started, and frames in a minute.
    fn prepare(&mut self, position: i64, transport: &Transport, minute: f64) {
        let _ = (position, transport, minute);
    }

    /// Frames were not there in time; `begins` if those before them were.
    fn miss(&mut self, begins: bool, frames: u64) {
        let _ = (begins, frames);
    }
}

impl Source for Clip {
    fn channels(&self) -> usize {
        self.len()
    }

    fn length(&self) -> i64 {
        self.first().map_or(0, |channel| channel.len()) as i64
    }

    #[inline]
    fn sample(&self, channel: usize, position: i64) -> f32 {
        let position = usize::try_from(position).ok();
        self.get(channel).zip(position).and_then(|(data, position)| data.get(position)).copied().unwrap_or(0.0)
    }
}

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
    /// Steady frame to which it fades out, as nothing is there from it on.
    dries: Option<u64>,
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

    fn sample(&self, source: &impl Source, channel: usize, frame: u64) -> f32 {
        let fades_in = self.fades_in.map_or(1.0, |start| progress(start, frame));
        let dries = self.dries.map_or(1.0, |end| (end.saturating_sub(frame) as f32 / RAMP_FRAMES as f32).min(1.0));
        match fades_in * dries {
            0.0 => 0.0,
            level => level * source.sample(channel, self.position(frame, source.length())),
        }
    }
}

/// The audio half.
#[derive(Debug)]
pub struct Player<S = Clip> {
    source: S,
    length: i64,
    /// Frames in a minute, for sources that look ahead.
    minute: f64,
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
        Self::of(clip, 0.0)
    }
}

impl<S: Source> Player<S> {
    /// Stopped at the start of a source; `rate` is the engine's.
    pub fn of(source: S, rate: f64) -> Self {
        let (length, minute) = (source.length(), 60.0 * rate);
        Self { source, length, minute, loops: false, follows: false, position: 0, head: None, fading: None }
    }

    /// Playing from its first block on.
    pub fn playing(mut self) -> Self {
        self.head = Some(Head { origin: 0, loops: false, fades_in: None, dries: None });
        self
    }

    /// Beginning again at its end, or not.
    pub fn looping(mut self, loops: bool) -> Self {
        self.loops = loops;
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
        let origin = (frame as i64).wrapping_sub(position);
        self.head = Some(Head { origin, loops: self.loops, fades_in, dries: None });
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

    /// Lets the source know what comes next.
    fn prepare(&mut self, block: &Block<'_>) {
        let (transport, frame) = (block.transport(), block.chunk().steady_frame);
        let position = match self.head {
            Some(head) => head.position(frame, self.length),
            None if self.follows => transport.frame,
            None => self.position,
        };
        self.source.prepare(position, transport, self.minute);
    }

    /// Looks whether what comes next is there, a fade further than these frames: where it is not, the head dries up, and it
    /// fades in again where it is.
    fn heed(&mut self, frame: u64, frames: u64) {
        let Some(mut head) = self.head else { return };
        let wanted = frames + u64::from(RAMP_FRAMES);
        let there = self.there(&head, frame, wanted);
        match head.dries {
            None if there < wanted => head.dries = Some(frame + there),
            Some(end) if end <= frame && there == wanted => (head.dries, head.fades_in) = (None, Some(frame)),
            _ => {}
        }
        if let Some(end) = head.dries.filter(|&end| end < frame + frames) {
            self.source.miss(end >= frame, frame + frames - end.max(frame));
        }
        self.head = Some(head);
    }

    /// How many of the frames of a head are there from a steady frame on. What lies outside of the source is.
    fn there(&self, head: &Head, frame: u64, wanted: u64) -> u64 {
        let mut there = 0;
        while there < wanted {
            let position = head.position(frame + there, self.length);
            if position >= self.length {
                return wanted;
            }
            let step = match u64::try_from(position) {
                Ok(_) => self.source.available(position, (wanted - there).min((self.length - position) as u64)),
                Err(_) => position.unsigned_abs(),
            };
            if step == 0 {
                break;
            }
            there += step;
        }
        there.min(wanted)
    }
}

impl<S: Source> Segment for Player<S> {
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
            FOLLOW => {
                // It played because the transport did.
                if self.follows && !on {
                    self.stop(frame);
                }
                self.follows = on;
            }
            _ => {}
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let first = block.chunk().steady_frame + frames.start as u64;
        self.heed(first, frames.len() as u64);
        for channel in 0..block.output_channels(0) {
            // What has one channel goes to all.
            let heard = if self.source.channels() == 1 { 0 } else { channel };
            for (frame, sample) in (first..).zip(&mut block.output(0, channel)[frames.clone()]) {
                *sample = self.head.map_or(0.0, |head| head.sample(&self.source, heard, frame));
                if let Some((head, start)) = self.fading
                    && progress(start, frame) < 1.0
                {
                    *sample += (1.0 - progress(start, frame)) * head.sample(&self.source, heard, frame);
                }
            }
        }
    }
}

impl<S: Source> Processor for Player<S> {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let start = block.chunk().steady_frame;
        self.prepare(&block);
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

    /// A source of which only some frames are there.
    struct Partly {
        clip: Clip,
        there: Arc<[std::sync::atomic::AtomicBool]>,
        missed: (u64, u64),
    }

    impl Source for Partly {
        fn channels(&self) -> usize {
            self.clip.channels()
        }

        fn length(&self) -> i64 {
            self.clip.length()
        }

        fn sample(&self, channel: usize, position: i64) -> f32 {
            self.clip.sample(channel, position)
        }

        fn available(&self, position: i64, wanted: u64) -> u64 {
            let is_there = |place: &usize| self.there[*place].load(std::sync::atomic::Ordering::Relaxed);
            (position as usize..position as usize + wanted as usize).take_while(is_there).count() as u64
        }

        fn miss(&mut self, begins: bool, frames: u64) {
            self.missed = (self.missed.0 + u64::from(begins), self.missed.1 + frames);
        }
    }

    /// ```text
    /// there    0 ................ 1000              1500 ................ 3000
    /// heard    1 ............744 \____0              ____/ 1
    /// ```
    /// What is not there is silence that fades, and is counted; what was heard before and after are the clip's very bits.
    #[test]
    fn what_is_missing_fades_and_is_counted() {
        let clip: Clip = [vec![1.0; 3000].into()].into();
        let there = (0..3000).map(|frame| (!(1000..1500).contains(&frame)).into()).collect();
        let mut player = Player::of(Partly { clip, there, missed: (0, 0) }, 48_000.0).playing();
        let run = Run { outputs: &[1], frames: 3100, chunks: &[50], ..Run::default() };
        let out = &run.render(&mut player).channels[0];
        assert!(out[..=744].iter().all(|sample| *sample == 1.0) && out[745] < 1.0);
        assert!(
            out.windows(2)
                .all(|pair| (pair[0] - pair[1]).abs() <= 1.0 / 256.0 + 1e-6 || pair[1] == 0.0 && pair[0] == 1.0)
        );
        assert!(out[1000..=1500].iter().all(|sample| *sample == 0.0) && out[1501] > 0.0);
        assert!(out[1756..3000].iter().all(|sample| *sample == 1.0));
        assert_eq!(player.source.missed, (1, 500));
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
