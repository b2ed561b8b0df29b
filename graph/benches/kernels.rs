//! Dense matrices against the most this processor can multiply and add: independent products in registers, no memory.
//! Limit and kernels are measured in turns in the same run, so that a change of clock rate changes all; each ratio is the
//! median over many rounds. Prints a line for each bound and exits with 1 if one is missed.

mod measure;

use crosspoint_graph::kernels::{
    FloatEnvironment, Kernels, Level, Matrix, MatrixRamp, Packing, Run, SLOT_ALIGNMENT, slot_stride,
};
use measure::{median, nanoseconds, report};
use std::hint::black_box;
use std::process::ExitCode;

/// Sources and destinations.
const CHANNELS: usize = 64;

/// Rounds; each is far shorter than a machine's stalls, so that those fall out of the median.
const ROUNDS: usize = 1501;

/// Frames of matrix a turn.
const FRAMES_PER_TURN: usize = 1024;

/// Calls a turn for kernels that take nanoseconds.
const SHORT_CALLS: usize = 100;

fn main() -> ExitCode {
    let kernels = Kernels::best();
    let _flush = FloatEnvironment::flush_to_zero();
    println!("kernels at level {}", kernels.level().name());
    let matrices_ok = match peak_of(kernels.level()) {
        Some(peak) => {
            let small = matrices(kernels, peak, 64, 1.10, 2.15);
            let large = matrices(kernels, peak, 512, 1.15, 2.15);
            small && large
        }
        None => {
            println!("matrix: this level has no fused products to compare with, skipped");
            true
        }
    };
    short_kernels(kernels);
    if matrices_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Both kinds of dense matrix in blocks of `frames`; whether both bounds were kept.
fn matrices(kernels: &Kernels, peak: Peak, frames: usize, rest_bound: f64, ramp_bound: f64) -> bool {
    let calls = FRAMES_PER_TURN / frames;
    let products = CHANNELS * CHANNELS * FRAMES_PER_TURN;
    let mut dense = Dense::new(frames);
    let (mut limits, mut rests, mut ramps) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let limit = nanoseconds(|| peak.multiply_add(products));
        limits.push(limit);
        rests.push(nanoseconds(|| (0..calls).for_each(|_| dense.at_rest(kernels))) / limit);
        ramps.push(nanoseconds(|| (0..calls).for_each(|_| dense.ramping(kernels))) / limit);
    }
    println!("limit {:.1} products a nanosecond", products as f64 / median(limits));
    let rest = report(&format!("matrix-{frames}"), median(rests), rest_bound);
    let ramp = report(&format!("matrix-ramp-{frames}"), median(ramps), ramp_bound);
    rest && ramp
}

/// What one call costs of the kernels that have no bound of their own; a call for no frames is what calling costs.
fn short_kernels(kernels: &Kernels) {
    let mut slots = Slots::new(2, 512);
    slots.fill();
    let (source, destination) = (slots.channel(0), slots.channel(1));
    // SAFETY: both channels have 512 frames and nothing else uses them meanwhile.
    unsafe {
        short("gain-0", || kernels.gain(source, destination, black_box(0), 0.5));
        short("gain-64", || kernels.gain(source, destination, black_box(64), 0.5));
        short("gain-61", || kernels.gain(source, destination, black_box(61), 0.5));
        short("gain-ramp-64", || kernels.gain_ramp(source, destination, black_box(64), 0.5, 1e-4, 7));
        short("is-finite-all-128", || kernels.is_finite_all(source, black_box(128)));
        short("peak-64", || kernels.peak(source, black_box(64)));
        short("peak-and-square-sum-64", || kernels.peak_and_square_sum(source, black_box(64)));
        short("all-below-64", || kernels.all_below(source, black_box(64), 1.0));
        short("copy-sanitised-64", || kernels.copy_sanitised(source, destination, black_box(64)));
        short("copy-64", || kernels.copy(source, destination, black_box(64)));
    }
}

fn short<T>(name: &str, mut kernel: impl FnMut() -> T) {
    let mut turn = || {
        for _ in 0..SHORT_CALLS {
            black_box(kernel());
        }
    };
    let times = (0..ROUNDS).map(|_| nanoseconds(&mut turn) / SHORT_CALLS as f64).collect();
    println!("kernel {name} {:.2} ns", median(times));
}

/// Channels as an arena keeps them.
struct Slots {
    memory: Vec<f32>,
    first: usize,
    stride: usize,
}

impl Slots {
    fn new(channels: usize, frames: usize) -> Self {
        let stride = slot_stride(frames);
        let memory = vec![0.0; channels * stride + SLOT_ALIGNMENT / size_of::<f32>()];
        let first = memory.as_ptr().align_offset(SLOT_ALIGNMENT);
        Self { memory, first, stride }
    }

    /// Different numbers of ordinary size.
    fn fill(&mut self) {
        for (index, sample) in self.memory.iter_mut().enumerate() {
            *sample = ((index * 7919 % 1021) as f32 - 510.0) / 1021.0;
        }
    }

    fn channel(&mut self, index: usize) -> *mut f32 {
        &raw mut self.memory[self.first + index * self.stride]
    }
}

/// A matrix with a different gain in every cell.
struct Dense {
    frames: usize,
    gains: Box<[f32]>,
    slopes: Box<[f32]>,
    elapsed: Vec<Option<u32>>,
    sources: Vec<*const f32>,
    destinations: Vec<*mut f32>,
    _slots: Slots,
}

impl Dense {
    fn new(frames: usize) -> Self {
        let mut slots = Slots::new(2 * CHANNELS, frames);
        slots.fill();
        let packing = Packing::new(CHANNELS, CHANNELS);
        let gain = |source: usize, destination: usize| (1 + source * CHANNELS + destination) as f32 / 4096.0;
        Self {
            frames,
            gains: packing.pack(gain),
            slopes: packing.pack(|source, destination| gain(destination, source) / 1000.0),
            elapsed: vec![Some(100); CHANNELS],
            sources: (0..CHANNELS).map(|channel| slots.channel(channel).cast_const()).collect(),
            destinations: (CHANNELS..2 * CHANNELS).map(|channel| slots.channel(channel)).collect(),
            _slots: slots,
        }
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix { gains: &self.gains, sources: &self.sources, destinations: &self.destinations }
    }

    fn at_rest(&mut self, kernels: &Kernels) {
        // SAFETY: every channel is a slot of its own with that many frames.
        unsafe { kernels.matrix(black_box(&self.matrix()), Run::over(self.frames)) }
    }

    fn ramping(&mut self, kernels: &Kernels) {
        let ramp = MatrixRamp { slopes: &self.slopes, elapsed: &self.elapsed };
        // SAFETY: as above.
        unsafe { kernels.matrix_ramp(black_box(&self.matrix()), &ramp, Run::over(self.frames)) }
    }
}

/// The fastest way to multiply and add at one level.
#[derive(Clone, Copy)]
struct Peak {
    /// Multiplies and adds so many times [`CHAINS`] vectors.
    run: unsafe fn(usize),
    width: usize,
}

/// Sums side by side: as many as hide the latency of a product on any processor we know, and fit into 16 registers.
const CHAINS: usize = 12;

impl Peak {
    fn multiply_add(self, products: usize) {
        // SAFETY: made by `peak_of`, which is asked for levels of this machine only.
        unsafe { (self.run)(products.div_ceil(CHAINS * self.width)) }
    }
}

/// Independent chains of products in registers, for one instruction set.
macro_rules! chains {
    ($name:ident, $feature:literal, $splat:path, |$x:ident, $y:ident, $sum:ident| $product:expr) => {
        #[target_feature(enable = $feature)]
        unsafe fn $name(times: usize) {
            let ($x, $y) = ($splat(black_box(0.5)), $splat(black_box(0.25)));
            let mut sums = [$splat(black_box(1.0)); CHAINS];
            for _ in 0..times {
                for sum in &mut sums {
                    let $sum = *sum;
                    *sum = $product;
                }
            }
            black_box(sums);
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};
#[cfg(target_arch = "x86_64")]
chains!(chains_avx2, "avx2,fma", _mm256_set1_ps, |x, y, sum| _mm256_fmadd_ps(x, y, sum));
#[cfg(target_arch = "x86_64")]
chains!(chains_avx512, "avx512f", _mm512_set1_ps, |x, y, sum| _mm512_fmadd_ps(x, y, sum));

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{vdupq_n_f32, vfmaq_f32};
#[cfg(target_arch = "aarch64")]
chains!(chains_neon, "neon", vdupq_n_f32, |x, y, sum| vfmaq_f32(sum, x, y));

fn peak_of(level: Level) -> Option<Peak> {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2Fma => Some(Peak { run: chains_avx2, width: 8 }),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => Some(Peak { run: chains_avx512, width: 16 }),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => Some(Peak { run: chains_neon, width: 4 }),
        _ => None,
    }
}
