//! Clicks on the beats of the transport, and counts in while that stands. Never reads a file: its sounds are short tones
//! that begin and end at nothing. A click is a function of the frame on which it began.

use std::f64::consts::{PI, TAU};
use std::ops::Range;

use super::sane_gain;
use super::segment::{self, Segment};
use crate::graph::Node;
use crate::port::{AudioPort, ChannelLayout};
use crate::processor::{Processor, Status};
use crate::rt::Block;
use crate::transport::{CountIn, NEAREST_FRAME_BIAS, Transport};

/// Parameter: whether it clicks along with the transport, from 0.5. It clicks along with a count-in nevertheless.
pub const ON: u32 = 0;
/// Parameter: linear level of a beat.
pub const LEVEL: u32 = 1;
/// Parameter: linear level of a bar's first beat.
pub const ACCENT_LEVEL: u32 = 2;
/// Parameter: parts into which a beat is divided, 1 to 8.
pub const SUBDIVISION: u32 = 3;
/// Parameter: linear level of the clicks between beats.
pub const SUBDIVISION_LEVEL: u32 = 4;
/// Parameter: a [`Sound`] by its number.
pub const SOUND: u32 = 5;

/// The values of all parameters until they are set, by their ids.
pub const INITIAL: [f64; 6] = [1.0, 0.35, 0.5, 1.0, 0.15, 0.0];

/// How clicks sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// 0: a sine that dies away.
    Beep,
    /// 1: two partials that are no harmonics, and die away at once.
    Wood,
    /// 2: a low sine, for ears that are full of cymbals.
    Low,
}

/// What the graph is told of it: a port out.
pub fn node(name: impl Into<String>, layout: ChannelLayout) -> Node {
    Node { audio_outputs: vec![AudioPort::new("out", layout)], ..Node::processor(name) }
}

/// Length of a click, and of its rise and its fall to nothing, in seconds.
const LENGTH: f64 = 0.03;
const RISE: f64 = 0.001;
const FALL: f64 = 0.005;

/// Clicks that sound at once. One more, at absurd tempos, is left out.
const VOICES: usize = 8;

/// What a click stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bar,
    Beat,
    Part,
}

/// A click that sounds.
#[derive(Clone, Copy, Debug)]
struct Click {
    /// Steady frame on which it begins.
    start: u64,
    kind: Kind,
    sound: Sound,
    level: f32,
}

fn beat_quarters(metre: (u16, u16)) -> f64 {
    4.0 / f64::from(metre.1.max(1))
}

fn frames_per_quarter(tempo: f64, rate: f64) -> f64 {
    60.0 * rate / tempo
}

/// The first beat of a count-in from a frame of a chunk on.
fn next_counted(count: CountIn, frame: u64) -> Option<(Kind, usize)> {
    let beat = count.next(count.elapsed + frame)?;
    let kind = if beat.is_multiple_of(count.bar_beats.max(1)) { Kind::Bar } else { Kind::Beat };
    Some((kind, (count.frame(beat) - count.elapsed) as usize))
}

/// The audio half.
#[derive(Debug)]
pub struct Metronome {
    rate: f64,
    on: bool,
    level: f32,
    accent_level: f32,
    subdivision: u32,
    subdivision_level: f32,
    sound: Sound,
    clicks: [Option<Click>; VOICES],
}

impl Metronome {
    /// For a sample rate in Hz; clicks on each beat.
    pub fn new(rate: f64) -> Self {
        let metronome = Self {
            rate,
            on: false,
            level: 0.0,
            accent_level: 0.0,
            subdivision: 1,
            subdivision_level: 0.0,
            sound: Sound::Beep,
            clicks: [None; VOICES],
        };
        (0..).zip(INITIAL).fold(metronome, |metronome, (parameter, value)| metronome.with(parameter, value))
    }

    /// With a parameter where it should be from the start.
    pub fn with(mut self, parameter: u32, value: f64) -> Self {
        self.set_parameter(parameter, value, 0);
        self
    }

    fn length(&self) -> u64 {
        (LENGTH * self.rate) as u64
    }

    fn begin(&mut self, kind: Kind, start: u64) {
        let level = match kind {
            Kind::Bar => self.accent_level,
            Kind::Beat => self.level,
            Kind::Part => self.subdivision_level,
        };
        let length = self.length();
        let free = |click: &Option<Click>| click.is_none_or(|click| start >= click.start + length);
        if level != 0.0
            && let Some(place) = self.clicks.iter_mut().find(|click| free(click))
        {
            *place = Some(Click { start, kind, sound: self.sound, level });
        }
    }

    /// The first click among some frames of a chunk: what it stands for, and its frame.
    fn next_click(&self, transport: &Transport, frames: Range<usize>) -> Option<(Kind, usize)> {
        let first = match transport.count_in {
            Some(count) => next_counted(count, frames.start as u64),
            None if self.on && transport.playing => self.next_along(transport, &frames),
            None => None,
        };
        first.filter(|click| click.1 < frames.end)
    }

    /// The transport's first click from a frame of a chunk on.
    fn next_along(&self, transport: &Transport, frames: &Range<usize>) -> Option<(Kind, usize)> {
        let part = beat_quarters(transport.metre) / f64::from(self.subdivision);
        let part_frames = part * frames_per_quarter(transport.tempo, self.rate);
        // Parts since the bar's start, as a place between them.
        let at = (transport.quarters - transport.bar_start) / part;
        let frame = |number: f64| ((number - at) * part_frames - NEAREST_FRAME_BIAS).round();
        // One earlier than need be: it may have been rounded up to here.
        let mut number = (at + frames.start as f64 / part_frames).floor() - 1.0;
        while frame(number) < frames.start as f64 {
            number += 1.0;
        }
        let within = (number as i64).rem_euclid(i64::from(transport.metre.0.max(1)) * i64::from(self.subdivision));
        let kind = match within % i64::from(self.subdivision) {
            _ if within == 0 => Kind::Bar,
            0 => Kind::Beat,
            _ => Kind::Part,
        };
        Some((kind, frame(number) as usize))
    }

    fn write(&self, block: &mut Block<'_>, frames: Range<usize>) {
        let first = block.chunk().steady_frame + frames.start as u64;
        for channel in 0..block.output_channels(0) {
            for (frame, sample) in (first..).zip(&mut block.output(0, channel)[frames.clone()]) {
                *sample = self.clicks.iter().flatten().fold(0.0, |sum, click| sum + self.sample(click, frame));
            }
        }
    }

    fn sample(&self, click: &Click, frame: u64) -> f32 {
        let Some(age) = frame.checked_sub(click.start) else { return 0.0 };
        let seconds = age as f64 / self.rate;
        let left = LENGTH - seconds;
        if left <= 0.0 {
            return 0.0;
        }
        let smooth = |part: f64| (PI / 2.0 * part.min(1.0)).sin().powi(2);
        let envelope = smooth(seconds / RISE) * smooth(left / FALL);
        let pitch = match click.kind {
            Kind::Bar => 1.5,
            Kind::Beat => 1.0,
            Kind::Part => 0.75,
        };
        let partial = |hertz: f64, decay: f64| (TAU * hertz * pitch * seconds).sin() * (-seconds * decay).exp();
        let tone = match click.sound {
            Sound::Beep => partial(1174.66, 90.0),
            Sound::Wood => 0.6 * partial(987.77, 220.0) + 0.4 * partial(2489.0, 350.0),
            Sound::Low => partial(220.0, 80.0),
        };
        (envelope * tone) as f32 * click.level
    }
}

impl Segment for Metronome {
    fn set_parameter(&mut self, parameter: u32, value: f64, _frame: u64) {
        if value.is_nan() {
            return;
        }
        let level = sane_gain(value).unwrap_or(0.0);
        match parameter {
            ON => self.on = value >= 0.5,
            LEVEL => self.level = level,
            ACCENT_LEVEL => self.accent_level = level,
            SUBDIVISION => self.subdivision = value.round().clamp(1.0, 8.0) as u32,
            SUBDIVISION_LEVEL => self.subdivision_level = level,
            SOUND => {
                self.sound = match value.round().clamp(0.0, 2.0) as u8 {
                    0 => Sound::Beep,
                    1 => Sound::Wood,
                    _ => Sound::Low,
                }
            }
            _ => {}
        }
    }

    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>) {
        let chunk = block.chunk().steady_frame;
        let transport = *block.transport();
        // What sounds is written up to each click before that may take the place of one that is over.
        let (mut written, mut from) = (frames.start, frames.start);
        while let Some((kind, frame)) = self.next_click(&transport, from..frames.end) {
            self.write(block, written..frame);
            self.begin(kind, chunk + frame as u64);
            (written, from) = (frame, frame + 1);
        }
        self.write(block, written..frames.end);
    }
}

impl Processor for Metronome {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        let (start, length) = (block.chunk().steady_frame, self.length());
        for click in &mut self.clicks {
            *click = click.filter(|click| start <= click.start + length);
        }
        let counts = block.transport().playing || block.transport().count_in.is_some();
        if !counts && self.clicks.iter().all(Option::is_none) && block.events().is_empty() {
            block.clear_outputs();
        } else {
            segment::run(self, &mut block);
        }
        Status::Continue
    }

    fn flush(&mut self, mut block: Block<'_>) {
        segment::flush(self, &mut block);
    }

    fn reset(&mut self) {
        self.clicks = [None; VOICES];
    }
}

#[cfg(test)]
mod tests;
