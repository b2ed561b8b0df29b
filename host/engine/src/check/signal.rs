//! What a rig is played with while it is checked: two sines for each channel, or files in a loop; chords that are held
//! across every switch, with a pedal now and then. Takes note of what goes out as events.

use crosspoint_graph::event::{Event, EventBody};
use crosspoint_graph::{EventEnds, HardwareEvents, NodeId};
use std::collections::{BTreeSet, VecDeque};

/// Keys from all over a keyboard, so that a split has some on either side.
const CHORD: [u8; 4] = [36, 50, 64, 79];
/// Velocities in turn, so that layers by velocity all sound.
const VELOCITIES: [u8; 3] = [100, 64, 112];
/// The first channel's frequencies in Hz: a fifth.
const TONES: [f64; 2] = [110.0, 165.0];

/// The audio that goes in.
pub(super) struct Signal<'a> {
    pub rate: f64,
    /// Amplitude of both sines together.
    pub level: f32,
    /// In place of sines: channels of the same length, in a loop.
    pub files: &'a [Vec<f32>],
    /// The frame at which it begins, within [`ONSET`]; none while it rests.
    pub begins: Option<u64>,
}

/// Seconds in which it rises: as hard as a string is plucked.
const ONSET: f64 = 0.001;

impl Signal<'_> {
    /// Fills a channel from a frame on.
    pub fn fill(&self, channel: usize, frame: u64, samples: &mut [f32]) {
        let Some(begins) = self.begins.filter(|begins| *begins < frame + samples.len() as u64) else {
            return samples.fill(0.0);
        };
        self.fill_steadily(channel, frame, samples);
        let rise = ONSET * self.rate;
        if (frame as f64) < begins as f64 + rise {
            for (at, sample) in (frame..).zip(samples) {
                *sample *= ((at as f64 - begins as f64) / rise).clamp(0.0, 1.0) as f32;
            }
        }
    }

    fn fill_steadily(&self, channel: usize, frame: u64, samples: &mut [f32]) {
        if !self.files.is_empty() {
            let file = &self.files[channel % self.files.len()];
            let at = |offset: usize| ((frame + offset as u64) % file.len().max(1) as u64) as usize;
            samples.iter_mut().enumerate().for_each(|(offset, sample)| {
                *sample = file.get(at(offset)).copied().unwrap_or(0.0);
            });
            return;
        }
        // A semitone up with each channel.
        let pitch = 2.0_f64.powf((channel % 24) as f64 / 12.0);
        for (offset, sample) in samples.iter_mut().enumerate() {
            let seconds = (frame + offset as u64) as f64 / self.rate;
            let sine = |tone: &f64| (std::f64::consts::TAU * tone * pitch * seconds).sin();
            *sample = (TONES.iter().map(sine).sum::<f64>() / 2.0) as f32 * self.level;
        }
    }
}

/// A hand on every keyboard, and an ear on every event output.
#[derive(Default)]
pub(super) struct Hand {
    pub keyboards: Vec<NodeId>,
    pub outputs: Vec<NodeId>,
    /// Frame of the renderer at the start of the block.
    pub block_start: u64,
    due: VecDeque<(u64, [u8; 3])>,
    /// Keys that are down at outputs: output, channel, key.
    held: BTreeSet<(NodeId, u8, u8)>,
    chords: usize,
}

impl Hand {
    /// Presses a chord at a frame.
    pub fn press(&mut self, frame: u64) {
        let velocity = VELOCITIES[self.chords % VELOCITIES.len()];
        self.chords += 1;
        self.due.extend(CHORD.map(|key| (frame, [0x90, key, velocity])));
    }

    /// Releases it at a frame.
    pub fn release(&mut self, frame: u64) {
        self.due.extend(CHORD.map(|key| (frame, [0x80, key, 64])));
    }

    /// Presses or lifts the sustain pedal at a frame.
    pub fn pedal(&mut self, frame: u64, down: bool) {
        self.due.push_back((frame, [0xB0, 64, if down { 127 } else { 0 }]));
    }

    /// The outputs at which keys are down, and how many.
    pub fn held(&self) -> Vec<(NodeId, usize)> {
        let count = |&output: &NodeId| (output, self.held.iter().filter(|key| key.0 == output).count());
        self.outputs.iter().map(count).filter(|(_, keys)| *keys > 0).collect()
    }

    fn note(&mut self, output: NodeId, body: &EventBody) {
        let key = |channel: i8, key: i8| (output, (channel & 15) as u8, (key & 127) as u8);
        match *body {
            EventBody::NoteOn { address, .. } => drop(self.held.insert(key(address.channel, address.key))),
            EventBody::NoteOff { address, .. } | EventBody::NoteChoke { address } => {
                let is_meant = |channel: i8, wanted: u8| channel < 0 || channel as u8 == wanted;
                self.held.retain(|&(known, channel, key)| {
                    known != output || !is_meant(address.channel, channel) || !is_meant(address.key, key)
                });
            }
            EventBody::Midi([status, data, value]) => {
                let channel = status & 15;
                match (status & 0xF0, data, value) {
                    (0x90, _, 1..) => drop(self.held.insert((output, channel, data))),
                    (0x80 | 0x90, ..) => drop(self.held.remove(&(output, channel, data))),
                    (0xB0, 120 | 123..=127, _) => self.held.retain(|&(known, of, _)| known != output || of != channel),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl HardwareEvents for Hand {
    fn read(&mut self, offset: usize, frames: usize, rig: &mut EventEnds<'_>) {
        let start = self.block_start + offset as u64;
        while let Some(&(frame, bytes)) = self.due.front().filter(|(frame, _)| *frame < start + frames as u64) {
            self.due.pop_front();
            let event = Event { frame: frame.saturating_sub(start) as u32, port: 0, body: EventBody::Midi(bytes) };
            for &keyboard in &self.keyboards {
                rig.send(keyboard, event);
            }
        }
    }

    fn write(&mut self, _: usize, _: usize, rig: &EventEnds<'_>) {
        for output in self.outputs.clone() {
            let events = rig.received(output).map(|events| events.as_slice().to_vec()).unwrap_or_default();
            events.iter().for_each(|event| self.note(output, &event.body));
        }
    }
}
