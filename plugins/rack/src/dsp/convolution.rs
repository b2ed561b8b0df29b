//! Convolution with an impulse response without latency: the first taps directly, sample by sample, the rest by
//! partitioned FFT whose blocks are counted from the last reset, so that the host's blocks change no bit.
//!
//! Sources: W. G. Gardner, "Efficient convolution without input-output delay", JAES 43(3), 1995 (direct head, FFT tail);
//! T. G. Stockham, "High-speed convolution and correlation", AFIPS 1966 (overlap-save); uniform partitions with
//! frequency-domain delay line: J.-S. Soo, K. K. Pang, IEEE Trans. ASSP 38(2), 1990.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::history::{History, dot};

/// Taps that are convolved directly, and frames between two transforms.
pub const PARTITION: usize = 128;
const BINS: usize = PARTITION + 1;

/// Convolves one channel with one impulse response.
pub struct Convolver {
    head: Box<[f32]>,
    past: History,
    /// Spectra of the response's partitions from the second one on.
    response: Box<[[Complex32; BINS]]>,
    /// Spectra of past input, a ring as long as `response`; `newest` is the latest.
    spectra: Box<[[Complex32; BINS]]>,
    newest: usize,
    filled: usize,
    /// The previous and the present block of input.
    input: Box<[f32; 2 * PARTITION]>,
    position: usize,
    tail: Box<[f32; PARTITION]>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Box<[Complex32]>,
    time: Box<[f32; 2 * PARTITION]>,
    sum: Box<[Complex32; BINS]>,
}

impl Convolver {
    /// A convolver for `response`, which may be empty: then it is silent. Allocates.
    pub fn new(response: &[f32]) -> Self {
        let mut planner = RealFftPlanner::<f32>::new();
        let forward = planner.plan_fft_forward(2 * PARTITION);
        let inverse = planner.plan_fft_inverse(2 * PARTITION);
        let scratch_length = forward.get_scratch_len().max(inverse.get_scratch_len());
        let mut scratch = vec![Complex32::default(); scratch_length].into_boxed_slice();
        let mut head = vec![0.0; PARTITION].into_boxed_slice();
        let direct = response.len().min(PARTITION);
        head[..direct].copy_from_slice(&response[..direct]);
        let spectra_of_response: Box<[_]> = response[direct..]
            .chunks(PARTITION)
            .map(|taps| {
                let mut time = [0.0; 2 * PARTITION];
                // The inverse transform scales by its length; that is taken back here.
                let scaled = taps.iter().map(|tap| tap / (2 * PARTITION) as f32);
                time.iter_mut().zip(scaled).for_each(|(cell, tap)| *cell = tap);
                let mut spectrum = [Complex32::default(); BINS];
                transform(&*forward, &mut time, &mut spectrum, &mut scratch);
                spectrum
            })
            .collect();
        Self {
            head,
            past: History::new(PARTITION),
            spectra: vec![[Complex32::default(); BINS]; spectra_of_response.len()].into_boxed_slice(),
            response: spectra_of_response,
            newest: 0,
            filled: 0,
            input: Box::new([0.0; 2 * PARTITION]),
            position: 0,
            tail: Box::new([0.0; PARTITION]),
            forward,
            inverse,
            scratch,
            time: Box::new([0.0; 2 * PARTITION]),
            sum: Box::new([Complex32::default(); BINS]),
        }
    }

    /// Forgets the past. Past spectra need no clearing: how many are valid is counted.
    pub fn reset(&mut self) {
        self.past.reset();
        self.filled = 0;
        self.newest = 0;
        self.input.fill(0.0);
        self.position = 0;
        self.tail.fill(0.0);
    }

    /// One sample in, the convolution's sample at the same time out.
    pub fn tick(&mut self, input: f32) -> f32 {
        self.past.push(input);
        let output = dot(&self.head, self.past.newest_first()) + self.tail[self.position];
        if !self.response.is_empty() {
            self.input[PARTITION + self.position] = input;
            self.position += 1;
            if self.position == PARTITION {
                self.position = 0;
                self.transform_block();
            }
        }
        output
    }

    /// Computes what all partitions but the first contribute to the next block.
    fn transform_block(&mut self) {
        let count = self.response.len();
        self.newest = if self.newest == 0 { count - 1 } else { self.newest - 1 };
        self.filled = (self.filled + 1).min(count);
        self.time.copy_from_slice(&*self.input);
        transform(&*self.forward, &mut *self.time, &mut self.spectra[self.newest], &mut self.scratch);
        self.sum.fill(Complex32::default());
        for (age, response) in self.response.iter().take(self.filled).enumerate() {
            let at = self.newest + age;
            let spectrum = &self.spectra[if at < count { at } else { at - count }];
            for (sum, (x, h)) in self.sum.iter_mut().zip(spectrum.iter().zip(response)) {
                *sum += x * h;
            }
        }
        // A real signal's first and last bins are real; rounding must not tell the transform otherwise.
        self.sum[0].im = 0.0;
        self.sum[PARTITION].im = 0.0;
        let done = self.inverse.process_with_scratch(&mut *self.sum, &mut *self.time, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffer lengths are fixed");
        self.tail.copy_from_slice(&self.time[PARTITION..]);
        self.input.copy_within(PARTITION.., 0);
    }
}

fn transform(fft: &dyn RealToComplex<f32>, time: &mut [f32], spectrum: &mut [Complex32], scratch: &mut [Complex32]) {
    let done = fft.process_with_scratch(time, spectrum, scratch);
    debug_assert!(done.is_ok(), "buffer lengths are fixed");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::Noise;

    /// The sum that defines convolution.
    fn naive(input: &[f32], response: &[f32]) -> Vec<f64> {
        (0..input.len())
            .map(|n| (0..response.len().min(n + 1)).map(|k| f64::from(response[k]) * f64::from(input[n - k])).sum())
            .collect()
    }

    /// Every length around the borders of head and partitions agrees with direct convolution, from the first sample on.
    #[test]
    fn equals_direct_convolution() {
        let mut noise = Noise(42);
        let input: Vec<f32> = (0..1500).map(|_| noise.sample()).collect();
        for length in [0, 1, 127, 128, 129, 255, 256, 257, 1000] {
            let response: Vec<f32> = (0..length).map(|_| noise.sample()).collect();
            let mut convolver = Convolver::new(&response);
            for (n, (x, expected)) in input.iter().zip(naive(&input, &response)).enumerate() {
                let error = (f64::from(convolver.tick(*x)) - expected).abs();
                assert!(error < 2e-4, "{length} taps, frame {n}: off by {error}");
            }
        }
    }

    /// After a reset the same input gives the same bits as the first time.
    #[test]
    fn reset_forgets() {
        let mut noise = Noise(1);
        let response: Vec<f32> = (0..700).map(|_| noise.sample()).collect();
        let input: Vec<f32> = (0..2000).map(|_| noise.sample()).collect();
        let mut convolver = Convolver::new(&response);
        let first: Vec<f32> = input.iter().map(|x| convolver.tick(*x)).collect();
        convolver.reset();
        assert!(input.iter().zip(first).all(|(x, y)| convolver.tick(*x).to_bits() == y.to_bits()));
    }
}
