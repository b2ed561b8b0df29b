//! The bypass path of a node: its input, as late as the node. On its way from one latency to another like a tap.

use super::block::{NodeIo, Shared};
use super::delay_line::DelayLine;
use super::kernels::{Kernels, slot_stride};
use super::tap::TapFade;

/// The input of a node kept for its bypass path.
pub(crate) struct BypassPath {
    /// Past of each channel of the main input; of no use if the path keeps no past.
    lines: Box<[DelayLine]>,
    /// Channels of the main input.
    inputs: usize,
    /// One chunk of each channel of the main output.
    dry: Box<[f32]>,
    stride: usize,
    latency: u32,
    /// Its way from the latency before.
    fade: TapFade,
    /// Whether that goes on beyond the last chunk.
    fading: bool,
}

impl BypassPath {
    /// For so many channels of the main input and output of a node of that latency. Allocates.
    pub fn new(latency: u32, inputs: u32, outputs: u32, max_block: usize) -> Self {
        let lines = if latency > 0 { inputs } else { 0 };
        let stride = slot_stride(max_block);
        Self {
            lines: (0..lines).map(|_| DelayLine::new(latency, max_block)).collect(),
            inputs: inputs as usize,
            dry: vec![0.0; outputs as usize * stride].into_boxed_slice(),
            stride,
            latency,
            fade: TapFade::default(),
            fading: false,
        }
    }

    /// Whether it is later than its input, or was until now.
    pub fn keeps_past(&self) -> bool {
        self.latency > 0 || self.fading
    }

    /// How far its lines reach back, in frames.
    fn longest(&self) -> u32 {
        self.lines.first().map_or(0, DelayLine::longest)
    }

    /// Takes over the past from the path under the schedule before, and goes from its latency to the own one.
    pub fn adopt(&mut self, old: &mut Self, frame: u64, fade: u32) {
        if old.keeps_past() {
            let goal = if old.latency == self.latency { 0 } else { old.latency };
            let keeps_too_little = self.longest() < goal.max(old.fade.reach(frame));
            if keeps_too_little && old.longest() >= self.latency && old.lines.len() == self.inputs {
                // The old lines keep what is faded from.
                std::mem::swap(&mut self.lines, &mut old.lines);
            } else {
                for (new, old) in self.lines.iter_mut().zip(&mut old.lines) {
                    new.adopt(old, frame);
                }
            }
        }
        if let Some(line) = self.lines.first() {
            self.fade = old.fade.go_on(old.latency, self.latency, line, frame, fade);
            self.fading = !self.fade.is_over(frame);
        }
    }

    /// The frame until which the path of another schedule cannot take the place of this one without a jump, if it cannot at
    /// `frame`.
    pub fn holds_up(&self, next: &Self, frame: u64) -> Option<u64> {
        let longest = self.longest().max(next.longest());
        let can_go_on = self.fade.can_go_on(self.latency == next.latency, longest, frame);
        (!can_go_on).then_some(self.fade.end)
    }

    /// Keeps this chunk's input.
    pub fn write(&mut self, io: &NodeIo, shared: &Shared) {
        for (line, &input) in self.lines.iter_mut().zip(io.inputs()) {
            // SAFETY: input channels are valid for the frames of the chunk.
            let samples = unsafe { std::slice::from_raw_parts(input, shared.chunk.frames) };
            line.write(shared.chunk.steady_frame, samples);
        }
    }

    /// Notes at the end of a chunk whether it is where it was going.
    pub fn end_chunk(&mut self, shared: &Shared) {
        self.fading = !self.fade.is_over(shared.chunk.steady_frame + shared.chunk.frames as u64);
    }

    /// Plays zeros in this chunk.
    pub fn clear(&mut self) {
        self.dry.fill(0.0);
    }

    /// What was read of one channel of the main output.
    pub fn channel(&self, channel: usize) -> &[f32] {
        &self.dry[channel * self.stride..(channel + 1) * self.stride]
    }

    /// Reads this chunk's dry signal: a mono input goes to every output channel.
    pub fn read(&mut self, io: &NodeIo, shared: &mut Shared, kernels: &Kernels) {
        let inputs = io.input_ports.first().map_or(0, |port| port.count as usize);
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        let keeps_past = self.keeps_past();
        for (channel, dry) in self.dry.chunks_exact_mut(self.stride).enumerate() {
            let dry = &mut dry[..frames];
            if channel >= inputs.max(usize::from(inputs == 1) * usize::MAX) {
                dry.fill(0.0);
            } else if keeps_past {
                let line = &self.lines[channel.min(inputs - 1)];
                self.fade.read(line, self.latency, frame, dry, &mut shared.scratch[..frames], kernels);
            } else {
                // SAFETY: input channels are valid for the frames of the chunk.
                let input = unsafe { std::slice::from_raw_parts(io.inputs()[channel.min(inputs - 1)], frames) };
                dry.copy_from_slice(input);
            }
        }
    }
}
