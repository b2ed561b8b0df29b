//! The bypass path of a node: its input, as late as the node. On its way from one latency to another like a tap. What of
//! the input goes to the processor is as late here as the input itself, so that the two together are the whole signal.

use super::block::{NodeIo, Shared};
use super::delay_line::DelayLine;
use super::kernels::{Kernels, slot_stride};
use super::tap::TapFade;
use super::way::Way;
use super::weight::Weight;

/// The input of a node kept for its bypass path.
pub(crate) struct BypassPath {
    /// Past of each channel of the main input, and behind them of the gate; of no use if the path keeps no past.
    lines: Box<[DelayLine]>,
    /// Channels of the main input and output.
    inputs: usize,
    outputs: usize,
    latency: u32,
    /// Its way from the latency before.
    fade: TapFade,
    /// Whether that goes on beyond the last chunk.
    fading: bool,
    /// Frame since which the gate has been at rest.
    still_since: u64,
}

/// What a node's two signals are mixed with in a chunk. Shared by all nodes: filled and used within one call.
pub(crate) struct Mixture {
    /// One chunk of each channel of the main output as it comes from the bypass path.
    dry: Box<[f32]>,
    stride: usize,
    /// A value a frame: how much is heard of the processor's output, and of the bypass path.
    wet_weights: Box<[f32]>,
    dry_weights: Box<[f32]>,
}

impl Mixture {
    /// With room for so many channels. Allocates.
    pub fn new(outputs: usize, max_block: usize) -> Self {
        let stride = slot_stride(max_block);
        let chunks = |count: usize| vec![0.0; count * stride].into_boxed_slice();
        Self { dry: chunks(outputs), stride, wet_weights: chunks(1), dry_weights: chunks(1) }
    }

    /// The bypass path's signal on one channel of the main output.
    pub fn dry(&self, channel: usize) -> &[f32] {
        &self.dry[channel * self.stride..(channel + 1) * self.stride]
    }

    /// Weighs the processor's output alone.
    pub fn weigh_wet(&mut self, wet: Weight, frame: u64, frames: usize, fade: u32) {
        wet.fill(frame, fade, &mut self.wet_weights[..frames]);
    }

    /// Makes a channel that holds the processor's output what is heard, together with the bypass path's channel.
    pub fn mix(&self, output: &mut [f32], dry: Option<usize>) {
        let weighed = output.iter_mut().zip(&self.wet_weights);
        match dry {
            Some(channel) => weighed
                .zip(self.dry_weights.iter().zip(self.dry(channel)))
                .for_each(|((sample, wet), (weight, dry))| *sample = wet * *sample + weight * dry),
            None => weighed.for_each(|(sample, wet)| *sample *= wet),
        }
    }
}

impl BypassPath {
    /// For so many channels of the main input and output of a node of that latency. Allocates.
    pub fn new(latency: u32, inputs: u32, outputs: u32, max_block: usize) -> Self {
        let lines = if latency > 0 { inputs + 1 } else { 0 };
        Self {
            lines: (0..lines).map(|_| DelayLine::new(latency, max_block)).collect(),
            inputs: inputs as usize,
            outputs: outputs as usize,
            latency,
            fade: TapFade::default(),
            fading: false,
            still_since: 0,
        }
    }

    /// Whether it is later than its input, or was until now.
    pub fn keeps_past(&self) -> bool {
        self.latency > 0 || self.fading
    }

    /// How late it is, once it is where it is going; 0 if nothing comes in.
    pub fn latency(&self) -> u32 {
        if self.inputs == 0 { 0 } else { self.latency }
    }

    /// How far its lines reach back, in frames.
    fn longest(&self) -> u32 {
        self.lines.first().map_or(0, DelayLine::longest)
    }

    /// How late the latest is of what is heard of it from a frame on.
    pub fn reach(&self, frame: u64) -> u32 {
        self.latency.max(self.fade.reach(frame))
    }

    /// Takes over the past from the path under the schedule before, and goes from its latency to the own one.
    pub fn adopt(&mut self, old: &mut Self, frame: u64, fade: u32) {
        self.still_since = old.still_since;
        if old.keeps_past() {
            let goal = if old.latency == self.latency { 0 } else { old.latency };
            let keeps_too_little = self.longest() < goal.max(old.fade.reach(frame));
            if keeps_too_little && old.longest() >= self.latency && old.lines.len() == self.inputs + 1 {
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

    /// Whether all that is heard here of the gate in the chunk at hand is what it is now.
    fn is_still(&self, gate: Weight, frame: u64) -> bool {
        let rests = matches!(gate, Weight::Zero | Weight::One);
        rests && frame >= self.still_since + u64::from(self.reach(frame))
    }

    /// Whether the processor has all of the signal in the chunk that begins at a frame.
    pub fn is_open(&self, gate: Weight, frame: u64) -> bool {
        gate == Weight::One && self.is_still(gate, frame)
    }

    /// Whether the bypass path has all of it.
    pub fn is_closed(&self, gate: Weight, frame: u64) -> bool {
        gate == Weight::Zero && self.is_still(gate, frame)
    }

    /// Whether nothing of an input that was silent since a frame is heard here any more in the chunk that begins at another.
    pub fn is_drained(&self, since: u64, frame: u64) -> bool {
        frame >= since + u64::from(self.reach(frame))
    }

    /// As [`Self::write`], of an input that is silent.
    pub fn write_silence(&mut self, gate: Weight, shared: &mut Shared, fade: u32) {
        let Some((gates, lines)) = self.lines.split_last_mut() else { return };
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        let samples = &mut shared.scratch[..frames];
        samples.fill(0.0);
        lines.iter_mut().for_each(|line| line.write(frame, samples));
        gate.fill(frame, fade, samples);
        gates.write(frame, samples);
    }

    /// Keeps this chunk's input, and what of it the processor gets.
    pub fn write(&mut self, io: &NodeIo, gate: Weight, shared: &mut Shared, fade: u32) {
        let Some((gates, lines)) = self.lines.split_last_mut() else { return };
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        for (line, &input) in lines.iter_mut().zip(io.inputs()) {
            // SAFETY: input channels are valid for the frames of the chunk.
            let samples = unsafe { std::slice::from_raw_parts(input, frames) };
            line.write(frame, samples);
        }
        gate.fill(frame, fade, &mut shared.scratch[..frames]);
        gates.write(frame, &shared.scratch[..frames]);
    }

    /// Notes at the end of a chunk whether it is where it was going.
    pub fn end_chunk(&mut self, gate: Weight, shared: &Shared) {
        let end = shared.chunk.steady_frame + shared.chunk.frames as u64;
        self.fading = !self.fade.is_over(end);
        if matches!(gate, Weight::Rising(_) | Weight::Falling(_)) {
            self.still_since = end;
        }
    }

    /// Reads zeros in this chunk.
    pub fn clear(&self, shared: &mut Shared) {
        let mixture = &mut shared.mixture;
        mixture.dry[..self.outputs * mixture.stride].fill(0.0);
    }

    /// Reads this chunk's dry signal: a mono input goes to every output channel.
    pub fn read(&self, io: &NodeIo, shared: &mut Shared, kernels: &Kernels) {
        let inputs = io.input_ports.first().map_or(0, |port| port.count as usize);
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        let keeps_past = self.keeps_past();
        let Mixture { dry, stride, .. } = &mut shared.mixture;
        for (channel, dry) in dry.chunks_exact_mut(*stride).enumerate().take(self.outputs) {
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

    /// Weighs both signals: what is heard of the processor's output, and of the dry signal the part that did not go to the
    /// processor or is not heard from it.
    pub fn weigh(&self, way: &Way, shared: &mut Shared, fade: u32, kernels: &Kernels) {
        let (frame, frames) = (shared.chunk.steady_frame, shared.chunk.frames);
        let Mixture { wet_weights, dry_weights, .. } = &mut shared.mixture;
        let (wet, dry) = (&mut wet_weights[..frames], &mut dry_weights[..frames]);
        match self.lines.last().filter(|_| self.keeps_past() && !self.is_still(way.gate, frame)) {
            Some(gates) => {
                self.fade.read(gates, self.latency, frame, dry, &mut shared.scratch[..frames], kernels);
            }
            None => way.gate.fill(frame, fade, dry),
        }
        way.wet.fill(frame, fade, wet);
        dry.iter_mut().zip(wet).for_each(|(dry, wet)| *dry = 1.0 - *wet * *dry);
    }
}
