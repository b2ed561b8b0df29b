//! Between a driver's interleaved samples of any format and channels of `f32`. It never allocates.
#![deny(clippy::disallowed_types)]

use cpal::{FromSample, SizedSample};

/// The largest `f32` below 1: full scale of every integer format, none of which reaches 1.
const BELOW_ONE: f32 = 1.0 - f32::EPSILON / 2.0;

/// A driver's sample that can become `f32` and back.
pub(crate) trait DriverSample: SizedSample + Send + 'static {
    fn to_float(self) -> f32;
    fn of_float(sample: f32) -> Self;
}

impl<T: SizedSample + FromSample<f32> + Send + 'static> DriverSample for T
where
    f32: FromSample<T>,
{
    #[inline]
    fn to_float(self) -> f32 {
        f32::from_sample_(self)
    }

    /// Beyond full scale, floating-point formats keep the sample and integer ones clip it.
    #[inline]
    fn of_float(sample: f32) -> Self {
        let fits = T::FORMAT.is_float();
        T::from_sample_(if fits { sample } else { sample.clamp(-1.0, BELOW_ONE) })
    }
}

/// The selected channels of interleaved frames of `stride` samples, one frame after the other.
pub(crate) fn selected<'a, T: DriverSample>(
    interleaved: &'a [T],
    stride: usize,
    channels: &'a [usize],
) -> impl Iterator<Item = f32> + 'a {
    let frames = interleaved.chunks_exact(stride);
    frames.flat_map(move |frame| channels.iter().map(move |&channel| frame[channel].to_float()))
}

/// Spreads interleaved frames over one buffer a channel: `channels[k]` goes to `planar[k]`.
pub(crate) fn deinterleave<T: DriverSample>(
    interleaved: &[T],
    stride: usize,
    channels: &[usize],
    planar: &mut [Vec<f32>],
) {
    for (&channel, samples) in channels.iter().zip(planar) {
        let frames = interleaved.chunks_exact(stride);
        samples.iter_mut().zip(frames).for_each(|(sample, frame)| *sample = frame[channel].to_float());
    }
}

/// Weaves one buffer a channel into interleaved frames: `planar[k]` goes to `channels[k]`, the others stay as they are.
pub(crate) fn interleave<T: DriverSample>(
    planar: &[Vec<f32>],
    channels: &[usize],
    stride: usize,
    interleaved: &mut [T],
) {
    for (&channel, samples) in channels.iter().zip(planar) {
        let frames = interleaved.chunks_exact_mut(stride);
        samples.iter().zip(frames).for_each(|(&sample, frame)| frame[channel] = T::of_float(sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpal::I24;

    /// Channels 3 and 1 of 3, there and back; channel 2 is left alone.
    #[test]
    fn channels_keep_their_places() {
        let interleaved = [1i16, 2, 3, 4, 5, 6];
        let mut planar = vec![vec![0.0; 2]; 2];
        deinterleave(&interleaved, 3, &[2, 0], &mut planar);
        let scaled: Vec<f32> = planar.concat().iter().map(|sample| sample * 32_768.0).collect();
        assert_eq!(scaled, [3.0, 6.0, 1.0, 4.0]);
        assert_eq!(selected(&interleaved, 3, &[2, 0]).count(), 4);

        let mut back = [0, -7, 0, 0, -7, 0i16];
        interleave(&planar, &[2, 0], 3, &mut back);
        assert_eq!(back, [1, -7, 3, 4, -7, 6]);
    }

    /// What exceeds full scale clips instead of wrapping round, in every integer format.
    #[test]
    fn integers_clip() {
        assert_eq!((i16::of_float(1.5), i16::of_float(-1.5)), (i16::MAX, i16::MIN));
        assert!(i32::of_float(1.0) > i32::MAX - 256);
        assert_eq!(I24::of_float(2.0).inner(), (1 << 23) - 1);
        assert_eq!((u8::of_float(1.0), u8::of_float(-1.0)), (u8::MAX, u8::MIN));
        assert_eq!((f32::of_float(1.5), f64::of_float(-1.5)), (1.5, -1.5));
        assert!(i16::of_float(f32::NAN) == 0);
    }
}
