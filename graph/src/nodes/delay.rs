//! Delays a port by whole frames. Never clicks: a changed delay fades from one tap to the other.

use std::ops::Range;

use super::RAMP_FRAMES;
use super::segment::{self, Segment};
use crate::graph::{Alignment, Node};
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;

/// Parameter: the delay in frames, rounded, at most what [`Delay::new`] was given.
pub const FRAMES: u32 = 0;

/// What the graph is told of it: a port in, a port out. The delay is wanted, so it is no latency to compensate.
pub fn node(name: impl Into<String>, layout: ChannelLayout) -> Node {
    Node {
        audio_inputs: vec![AudioPort::new("in", layout)],
        audio_outputs: vec![AudioPort::new("out", layout)],
        alignment: Alignment::Channels,
        bypassable: true,
        ..Node::processor(name)
    }
}

/// Frames written before they are read, at most.
const TILE: usize = 64;

/// The audio half.
#[derive(Debug)]
pub struct Delay {
    /// The past of each channel, in rings of a power of two of frames.
    rings: Box<[Box<[f32]>]>,
    /// Frames written so far: where the next one goes.
    written: usize,
    longest: u32,
    /// The tap heard, or faded from.
    tap: u32,
    /// The tap faded to, and the steady frame at which that began.
    fade: Option<(u32, u64)>,
    /// The tap wanted, if it came during a fade.
    wanted: Option<u32>,
    /// Silent frames taken in since the last that sounded, at most `longest`: all that can still come out.
    silent_frames: u32,
}

impl Delay {
    /// For so many channels, at a delay in frames, which can change up to `longest`.
    pub fn new(channels: usize, frames: u32, longest: u32) -> Self {
        let length = (longest as usize + TILE).next_power_of_two();
        Self {
            rings: (0..channels).map(|_| vec![0.0; length].into()).collect(),
            written: 0,
            longest,
            tap: frames.min(longest),
            fade: None,
            wanted: None,
            silent_frames: longest,
        }
    }

    /// Ends a fade that is over at a steady frame and begins the next one, where the former ended.
    fn settle(&mut self, frame: u64) {
        while let Some((tap, start)) = self.fade {
            let end = start + u64::from(RAMP_FRAMES);
            if frame < end {
                return;
            }
            self.tap = tap;
            self.fade = self.wanted.take().filter(|&wanted| wanted != tap).map(|wanted| (wanted, end));
        }
    }

    /// Writes and reads up to [`TILE`] frames through which the taps stay.
    fn render_tile(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let start = block.chunk().steady_frame + frames.start as u64;
        let (tap, fade, written) = (self.tap as usize, self.fade, self.written);
        for (channel, ring) in self.rings.iter_mut().enumerate() {
            let mask = ring.len() - 1;
            for (offset, &sample) in block.input(0, channel)[frames.clone()].iter().enumerate() {
                ring[(written + offset) & mask] = sample;
            }
            for (offset, sample) in block.output(0, channel)[frames.clone()].iter_mut().enumerate() {
                let heard = |tap: usize| ring[(written + offset).wrapping_sub(tap) & mask];
                *sample = match fade {
                    None => heard(tap),
                    Some((to, begin)) => {
                        let weight = (start + offset as u64 - begin) as f32 / RAMP_FRAMES as f32;
                        (1.0 - weight) * heard(tap) + weight * heard(to as usize)
                    }
                };
            }
        }
        self.written = self.written.wrapping_add(frames.len());
    }
}

impl Segment for Delay {
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64) {
        if parameter != FRAMES || value.is_nan() {
            return;
        }
        self.settle(frame);
        let wanted = value.round().clamp(0.0, f64::from(self.longest)) as u32;
        if self.fade.is_some() {
            self.wanted = Some(wanted);
        } else if wanted != self.tap {
            self.fade = Some((wanted, frame));
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let mut at = frames.start;
        while at < frames.end {
            let now = block.chunk().steady_frame + at as u64;
            self.settle(now);
            let mut end = frames.end.min(at + TILE);
            if let Some((_, start)) = self.fade {
                end = end.min(at + (start + u64::from(RAMP_FRAMES) - now) as usize);
            }
            self.render_tile(block, at..end);
            at = end;
        }
    }
}

impl Processor for Delay {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let silent = block.inputs_are_silent();
        let rings_out = silent && self.silent_frames >= self.longest;
        if rings_out {
            segment::flush(self, &mut block);
            block.clear_outputs();
        } else {
            segment::run(self, &mut block);
            let frames = u32::try_from(block.frames()).unwrap_or(u32::MAX);
            self.silent_frames = if silent { self.silent_frames.saturating_add(frames).min(self.longest) } else { 0 };
        }
        Status::Tail(self.longest)
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }

    fn reset(&mut self) {
        self.rings.iter_mut().for_each(|ring| ring.fill(0.0));
        self.silent_frames = self.longest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::harness::Run;
    use crate::nodes::tests::{noise, parameter};

    /// Every frame comes out that much later, from 0 to the longest delay.
    #[test]
    fn delays_by_whole_frames() {
        let samples = [noise(1, 600), noise(2, 600)];
        let run = Run { inputs: &[2], outputs: &[2], samples: &samples, frames: 600, ..Run::default() };
        for delay in [0, 1, 63, 64, 65, 200] {
            for chunks in [&[64][..], &[600], &[1, 90]] {
                let out = Run { chunks, ..run }.render(&mut Delay::new(2, delay, 200)).channels;
                let delay = delay as usize;
                assert!(out[0][..delay].iter().all(|&sample| sample == 0.0));
                assert!(out[0][delay..] == samples[0][..600 - delay], "{delay} {chunks:?}");
                assert!(out[1][delay..] == samples[1][..600 - delay], "{delay} {chunks:?}");
            }
        }
    }

    /// Changes fade, one after the other, the last wanted one in the end; any partition gives the same bits.
    #[test]
    fn changes_fade() {
        let samples = [vec![1.0; 300].into_iter().chain(noise(1, 900)).collect()];
        let events = [
            parameter(10, FRAMES, 0.0),
            parameter(400, FRAMES, 30.0),
            parameter(500, FRAMES, 1e9),
            parameter(600, FRAMES, 7.0),
        ];
        let run =
            Run { inputs: &[1], outputs: &[1], samples: &samples, frames: 1200, events: &events, ..Run::default() };
        let whole = Run { chunks: &[1200], ..run }.render(&mut Delay::new(1, 50, 100)).channels;
        for chunks in [&[64][..], &[3, 77]] {
            assert!(whole == Run { chunks, ..run }.render(&mut Delay::new(1, 50, 100)).channels, "{chunks:?}");
        }
        assert!(whole[0][300..400] == samples[0][300..400]);
        // 400 + 256 is the end of the first fade, 912 that of the second: by then 7 is wanted.
        assert!(whole[0][912..] == samples[0][912 - 7..1200 - 7]);
    }

    /// The tail rings out to its last frame, then the output is marked silent.
    #[test]
    fn tail() {
        let samples = [vec![1.0; 64].into_iter().chain(vec![0.0; 192]).collect()];
        let run = Run { inputs: &[1], outputs: &[1], samples: &samples, frames: 256, ..Run::default() };
        let out = run.render(&mut Delay::new(1, 100, 100));
        assert!(out.channels[0][100..164].iter().all(|&sample| sample == 1.0));
        let marked: Vec<bool> = out.chunks.iter().map(|chunk| chunk.0).collect();
        assert_eq!(marked, [false, false, false, true]);
        assert_eq!(out.chunks[0].1, Status::Tail(100));
    }
}
