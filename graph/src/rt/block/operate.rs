//! Kernels on the channels of a block, behind the checks that make them safe to call. Never touches frames beyond the
//! chunk.

use std::ops::Range;

use super::Block;
use crate::kernels::{Kernels, RampTerm, Run, Term};

/// A channel of a block: its port, and its number within the port.
type Place = (usize, usize);

impl Block<'_> {
    /// Both channels from the first frame of a range on.
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    #[inline(always)]
    fn pair_at(&mut self, input: Place, output: Place, frames: &Range<usize>) -> (*const f32, *mut f32) {
        assert!(frames.start <= frames.end && frames.end <= self.shared.chunk.frames, "frames beyond the chunk");
        let (source, destination) = self.pair(input, output);
        // SAFETY: both are valid for the chunk's frames, and the range was checked.
        unsafe { (source.add(frames.start), destination.add(frames.start)) }
    }

    /// Writes `gain * input` to an output channel.
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    #[inline(always)]
    pub fn gain(&mut self, kernels: &Kernels, input: Place, output: Place, frames: Range<usize>, gain: f32) {
        let (source, destination) = self.pair_at(input, output, &frames);
        // SAFETY: valid for the range, which was checked; `pair` promises that they are equal or apart.
        unsafe { kernels.gain(source, destination, frames.len(), gain) }
    }

    /// Writes `gain * input` to every output channel from the input channel of the same number, counted through all
    /// ports. Channels whose input is silent, or all if the gain is 0, are cleared and marked. Quickest where the block
    /// [is plain](Self::is_plain) and the gain not 0.
    #[inline]
    pub fn gain_all(&mut self, kernels: &Kernels, gain: f32) {
        if self.is_plain() && gain != 0.0 {
            self.again().gain_sounding(kernels, gain);
        } else {
            self.gain_each(kernels, gain);
        }
    }

    /// As [`Self::gain_all`], for a block without silent channels. Ends in the kernel's call.
    #[inline(always)]
    pub(crate) fn gain_sounding(self, kernels: &Kernels, gain: f32) {
        let (sources, destinations, channels) = self.io.pairs();
        // SAFETY: all are valid for the chunk's frames, and the two of a place equal or apart, as promised to `new`.
        unsafe {
            match self.shared.whole_frames {
                0 => kernels.gain_channels(sources, destinations, channels, self.shared.chunk.frames, gain),
                frames => kernels.gain_whole(sources, destinations, channels, frames, gain),
            }
        }
    }

    #[inline(never)]
    fn gain_each(&mut self, kernels: &Kernels, gain: f32) {
        let all = gain == 0.0 || self.inputs_are_silent();
        for index in 0..self.io.inputs().len().min(self.io.outputs().len()) {
            let (source, destination) = (self.io.inputs()[index], self.io.outputs()[index]);
            if all || index < 64 && self.io.input_silence >> index & 1 == 1 {
                // SAFETY: valid for the chunk's frames, as promised to `new`.
                unsafe { kernels.clear(destination, self.shared.chunk.frames) };
                self.note_silence(index);
            } else {
                // SAFETY: as in `gain_all`.
                unsafe { kernels.gain(source, destination, self.shared.chunk.frames, gain) };
            }
        }
    }

    /// Writes `(gain + slope * t) * input` to an output channel, `t` being `elapsed` at the range's first frame;
    /// `elapsed` and the range together are at most 2^24 frames.
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    #[inline]
    pub fn gain_ramp(
        &mut self,
        kernels: &Kernels,
        input: Place,
        output: Place,
        frames: Range<usize>,
        ramp: (f32, f32, u32),
    ) {
        let (source, destination) = self.pair_at(input, output, &frames);
        let (gain, slope, elapsed) = ramp;
        // SAFETY: as in `gain`.
        unsafe { kernels.gain_ramp(source, destination, frames.len(), gain, slope, elapsed) }
    }

    /// Adds `gain * input` to an output channel.
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    #[inline]
    pub fn add(&mut self, kernels: &Kernels, input: Place, output: Place, frames: Range<usize>, gain: f32) {
        let (source, destination) = self.pair_at(input, output, &frames);
        let run = Run { first: 0, frames: frames.len(), accumulate: true };
        // SAFETY: as in `gain`; a sum's destination may be its source.
        unsafe { kernels.mix(&[Term { source, gain }], destination, run) }
    }

    /// Adds `(gain + slope * t) * input` to an output channel, with `t` as in [`Self::gain_ramp`].
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    #[inline]
    pub fn add_ramp(
        &mut self,
        kernels: &Kernels,
        input: Place,
        output: Place,
        frames: Range<usize>,
        ramp: (f32, f32, u32),
    ) {
        let (source, destination) = self.pair_at(input, output, &frames);
        let (gain, slope, elapsed) = ramp;
        let run = Run { first: 0, frames: frames.len(), accumulate: true };
        // SAFETY: as in `add`.
        unsafe { kernels.mix_ramp(&[RampTerm { source, gain, slope }], destination, elapsed, run) }
    }

    /// The greatest magnitude and the sum of squares of an input channel.
    ///
    /// # Panics
    /// If there is no such port or channel, or the range goes beyond the chunk.
    pub fn measure(&self, kernels: &Kernels, input: Place, frames: Range<usize>) -> (f32, f64) {
        let samples = &self.input(input.0, input.1)[frames];
        // SAFETY: a slice is valid for its length.
        unsafe { kernels.peak_and_square_sum(samples.as_ptr(), samples.len()) }
    }

    /// Writes zeros to an output channel and says so.
    ///
    /// # Panics
    /// If there is no such port or channel.
    pub fn clear_output(&mut self, port: usize, channel: usize) {
        self.output(port, channel).fill(0.0);
        self.set_output_silent(port, channel);
    }
}
