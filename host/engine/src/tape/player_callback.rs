//! The audio half of a player: takes frames from the ring and spreads them over the outputs.
#![deny(clippy::disallowed_types)]

use crosspoint_devices::{DuplexCallback, Period};
use rtrb::Consumer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Frames of the fade when a player is stopped before its end.
const FADE: usize = 512;

/// What both halves of a player know.
#[derive(Debug, Default)]
pub(super) struct Playing {
    /// All that there is to play lies in the ring.
    pub ended: AtomicBool,
    /// To be faded out.
    pub stop: AtomicBool,
    /// Frames of the file, at the device's rate, that were handed to the device.
    pub played: AtomicU64,
    /// Frames of silence handed to the device after the last one of the file.
    pub silent: AtomicU64,
    /// How often the ring ran dry before the end.
    pub underruns: AtomicU64,
    /// Frames of silence that were played for that.
    pub missing: AtomicU64,
}

/// Plays what a [`FilePlayer`](super::FilePlayer) reads. A file of one channel plays on every output; of more channels, each
/// on the output of its place. Outputs without a channel are silent, channels without an output are not heard.
///
/// # Real-time
/// Neither waits, allocates nor calls the system.
#[derive(Debug)]
pub struct PlayerCallback {
    ring: Consumer<f32>,
    channels: usize,
    playing: Arc<Playing>,
    /// Frames that the fade has left, once there is one.
    fading: Option<usize>,
}

impl PlayerCallback {
    pub(super) fn new(ring: Consumer<f32>, channels: usize, playing: Arc<Playing>) -> Self {
        Self { ring, channels, playing, fading: None }
    }

    /// How many whole frames there are of the `wanted`, and whether nothing comes behind them.
    fn available(&self, wanted: usize) -> (usize, bool) {
        let frames = |ring: &Consumer<f32>| ring.slots() / self.channels;
        let there = frames(&self.ring);
        if there >= wanted {
            return (wanted, false);
        }
        // What was written before the end was said is there by now.
        let ended = self.playing.ended.load(Ordering::Acquire);
        let there = if ended { frames(&self.ring) } else { there };
        (there.min(wanted), ended && there <= wanted)
    }
}

impl DuplexCallback for PlayerCallback {
    fn process(&mut self, period: Period<'_>) {
        let Period { outputs, frames, .. } = period;
        let playing = &*self.playing;
        if self.fading.is_none() && playing.stop.load(Ordering::Acquire) {
            self.fading = Some(FADE);
        }
        let wanted = self.fading.map_or(frames, |left| left.min(frames));
        let (there, is_last) = self.available(wanted);
        let chunk = self.ring.read_chunk(there * self.channels);
        let (first, second) = chunk.as_ref().map_or((&[][..], &[][..]), |chunk| chunk.as_slices());
        let channels = self.channels;
        for (place, output) in outputs.iter_mut().enumerate() {
            let channel = if channels == 1 { 0 } else { place };
            let (sounding, silent) = output.split_at_mut(there);
            silent.fill(0.0);
            if channel >= channels {
                sounding.fill(0.0);
                continue;
            }
            let samples = first.chunks_exact(channels).chain(second.chunks_exact(channels));
            for (target, frame) in sounding.iter_mut().zip(samples) {
                *target = frame[channel];
            }
            if let Some(left) = self.fading {
                for (frame, target) in sounding.iter_mut().enumerate() {
                    *target *= (left - frame) as f32 / FADE as f32;
                }
            }
        }
        if let Ok(chunk) = chunk {
            chunk.commit_all();
        }
        playing.played.fetch_add(there as u64, Ordering::Relaxed);
        let missing = (frames - there) as u64;
        let was_fading = self.fading.is_some();
        self.fading = self.fading.map(|left| left - there);
        if missing == 0 {
            return;
        }
        if is_last || (was_fading && (self.fading == Some(0) || there < wanted)) {
            // A fade that the ring has too little for is over too.
            self.fading = self.fading.map(|_| 0);
            playing.silent.fetch_add(missing, Ordering::Release);
        } else {
            playing.underruns.fetch_add(1, Ordering::Relaxed);
            playing.missing.fetch_add(missing, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring;
    use super::*;
    use assert_no_alloc::assert_no_alloc;
    use crosspoint_devices::PeriodTime;

    /// One period of outputs.
    fn play(callback: &mut PlayerCallback, outputs: usize, frames: usize) -> Vec<Vec<f32>> {
        let mut buffers = vec![vec![9.0; frames]; outputs];
        let mut slices: Vec<&mut [f32]> = buffers.iter_mut().map(Vec::as_mut_slice).collect();
        let time = PeriodTime::default();
        let period = Period { inputs: &[], outputs: &mut slices, frames, time, xruns: 0, freewheel: false, midi: None };
        assert_no_alloc(|| callback.process(period));
        buffers
    }

    /// A callback with so much in its ring: frame f of channel c is f + c / 10.
    fn filled(channels: usize, frames: usize) -> (PlayerCallback, Arc<Playing>) {
        let (mut producer, consumer) = ring::samples(channels * frames);
        for frame in 0..frames {
            (0..channels).for_each(|channel| producer.push(frame as f32 + channel as f32 / 10.0).unwrap());
        }
        let playing = Arc::<Playing>::default();
        (PlayerCallback::new(consumer, channels, Arc::clone(&playing)), playing)
    }

    /// ```text
    /// one channel:   every output has it       three on two outputs: the third is not heard
    /// two on three outputs: the third is silent
    /// ```
    #[test]
    fn channels_go_to_the_outputs_of_their_place() {
        assert_eq!(play(&mut filled(1, 2).0, 3, 2), [[0.0, 1.0]; 3]);
        assert_eq!(play(&mut filled(3, 2).0, 2, 2), [[0.0, 1.0], [0.1, 1.1]]);
        assert_eq!(play(&mut filled(2, 2).0, 3, 2), [[0.0, 1.0], [0.1, 1.1], [0.0, 0.0]]);
    }

    /// Before the end a dry ring is an underrun; after it, silence that is counted as such.
    #[test]
    fn a_dry_ring_is_an_underrun_until_the_end_is_said() {
        let (mut callback, playing) = filled(1, 6);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!(play(&mut callback, 1, 4), [[0.0, 1.0, 2.0, 3.0]]);
        assert_eq!(play(&mut callback, 1, 4), [[4.0, 5.0, 0.0, 0.0]]);
        assert_eq!((count(&playing.underruns), count(&playing.missing), count(&playing.silent)), (1, 2, 0));
        playing.ended.store(true, Ordering::Release);
        play(&mut callback, 1, 4);
        assert_eq!((count(&playing.underruns), count(&playing.silent), count(&playing.played)), (1, 4, 6));
    }

    /// Stopped in the middle, it goes down evenly and then is silent, with the ring still full.
    #[test]
    fn a_stop_fades() {
        let (mut producer, consumer) = ring::samples(4 * FADE);
        (0..4 * FADE).for_each(|_| producer.push(1.0).unwrap());
        let playing = Arc::<Playing>::default();
        let mut callback = PlayerCallback::new(consumer, 1, Arc::clone(&playing));
        assert_eq!(play(&mut callback, 1, 300)[0], [1.0; 300]);
        playing.stop.store(true, Ordering::Release);
        let faded: Vec<f32> = (0..3).flat_map(|_| play(&mut callback, 1, 300).remove(0)).collect();
        assert!(faded.windows(2).all(|pair| pair[0] - pair[1] <= 1.0 / FADE as f32 + 1e-6 && pair[0] >= pair[1]));
        assert!(faded[FADE - 1] > 0.0 && faded[FADE..].iter().all(|&sample| sample == 0.0));
        assert_eq!(playing.silent.load(Ordering::Relaxed), 900 - FADE as u64);
        assert_eq!(playing.underruns.load(Ordering::Relaxed), 0);
    }
}
