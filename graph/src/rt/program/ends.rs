//! The ends of a program: what it reads from the device's channels, and what it writes to them.

use super::{Context, Program};
use crate::compile::Op;
use crate::rt::kernels::{Copied, Kernels, Run, Term};

/// An input's way from another channel of the device to its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct InputFade {
    /// The device's channel to fade from; none for silence.
    pub from: Option<u32>,
    /// First frame of the fade.
    pub start: u64,
    /// One behind its last frame; a fade that is over has passed this.
    pub end: u64,
}

impl Program {
    /// Writes zeros to the device's channels that no op writes.
    #[inline(never)]
    pub(super) fn clear_unwritten(&mut self, context: &mut Context<'_, '_>) {
        for (channel, output) in context.outputs.iter_mut().enumerate().skip(self.all_written) {
            if !self.written.get(channel).copied().unwrap_or(false) {
                output[context.offset..context.offset + self.shared.chunk.frames].fill(0.0);
            }
        }
    }

    /// Reads the device's channels; the first op is the input of that number.
    #[inline(never)]
    pub(super) fn inputs(&mut self, ops: &[Op], first: usize, context: &mut Context<'_, '_>) {
        let fading = self.shared.chunk.steady_frame < self.inputs_fade_until;
        for (input, op) in (first..).zip(ops) {
            let Op::Input { channel, slot } = *op else { return };
            let frames = self.shared.chunk.frames;
            // SAFETY: the slot has room for the chunk.
            let copied = unsafe { read_device(Some(channel), self.arena.slot(slot), frames, context) };
            self.shared.silence.set(slot, false);
            let fades = fading && self.fade_input(self.inputs[input], slot, context);
            if !fades && copied == Copied::Silent {
                self.make_silent(slot, context);
            }
            if self.ends_watched {
                self.watch_input(input, slot, context);
            }
        }
    }

    /// Cross-fades from what an input read before; false if that is over.
    #[inline(never)]
    fn fade_input(&mut self, fade: InputFade, slot: u32, context: &Context<'_, '_>) -> bool {
        let (frame, frames) = (self.shared.chunk.steady_frame, self.shared.chunk.frames);
        if frame >= fade.end {
            return false;
        }
        let old = self.shared.scratch.as_mut_ptr();
        // SAFETY: the scratch memory has room for the chunk.
        unsafe { read_device(fade.from, old, frames, context) };
        let to = self.arena.slot(slot);
        let fading = ((fade.end - frame) as usize).min(frames);
        let (elapsed, step) = ((frame - fade.start) as u32, 1.0 / (fade.end - fade.start) as f32);
        // SAFETY: the slot and the scratch memory are apart and have room for the chunk.
        unsafe { context.kernels.crossfade(old, to, to, fading, elapsed, step) };
        true
    }

    /// Keeps from the device what it must not play.
    #[cold]
    #[inline(never)]
    pub fn guard_outputs(&mut self, rate: f64, context: &mut Context<'_, '_>) {
        let (frame, frames) = (self.shared.chunk.steady_frame, self.shared.chunk.frames);
        let (closed, is_exceeded) = self.guards.pass(frame, frames, rate, context);
        self.trace.follow(closed, is_exceeded, frame, rate, &self.nodes, context.reports);
    }

    #[inline(never)]
    pub(super) fn outputs(&mut self, ops: &[Op], context: &mut Context<'_, '_>) {
        let frames = self.shared.chunk.frames;
        for op in ops {
            let Op::Output { channel, slot, accumulate } = *op else { return };
            let Some(samples) = context.outputs.get_mut(channel as usize) else { continue };
            let samples = &mut samples[context.offset..context.offset + frames];
            let source = self.arena.slot(slot);
            let (threshold, to) = (self.guards.threshold(channel), samples.as_mut_ptr());
            // SAFETY: the device's samples are a slice; the slot has room for the chunk.
            let is_below = unsafe {
                match (self.shared.silence.get(slot), accumulate) {
                    (false, false) => context.kernels.copy_below(source, to, frames, threshold),
                    (false, true) => add_below(context.kernels, source, to, frames, threshold),
                    (true, false) => {
                        samples.fill(0.0);
                        true
                    }
                    (true, true) => continue,
                }
            };
            self.guards.note(channel, samples[frames - 1], is_below, accumulate);
        }
    }
}

/// Adds a chunk to what a channel of the device has so far. Says whether the sum is below the threshold.
///
/// # Safety
/// Both lead to at least `frames` floats, and are apart.
#[inline(never)]
unsafe fn add_below(kernels: &Kernels, source: *const f32, to: *mut f32, frames: usize, threshold: f32) -> bool {
    let terms = [Term { source, gain: 1.0 }];
    // SAFETY: promised.
    unsafe {
        kernels.mix(&terms, to, Run { first: 0, frames, accumulate: true });
        kernels.all_below(to, frames, threshold)
    }
}

/// Copies a chunk of a channel of the device; zeros for one that it does not have.
///
/// # Safety
/// `to` leads to at least `frames` floats.
unsafe fn read_device(channel: Option<u32>, to: *mut f32, frames: usize, context: &Context<'_, '_>) -> Copied {
    match channel.and_then(|channel| context.inputs.get(channel as usize)) {
        Some(samples) => {
            let samples = &samples[context.offset..context.offset + frames];
            // SAFETY: the device's samples are a slice; the rest is promised.
            unsafe { context.kernels.copy_sanitised(samples.as_ptr(), to, frames) }
        }
        None => {
            // SAFETY: promised.
            unsafe { context.kernels.clear(to, frames) };
            Copied::Silent
        }
    }
}
