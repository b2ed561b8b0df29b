//! What it costs to convert the samples of a driver: 64 channels of 64 frames in buffers of their own, each against a copy of
//! the same bytes, measured in turn in one run.
//!
//! Prints `bench NAME ratio X bound 2.00 ok|MISSED`, and exits with 1 if one was missed.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use crosspoint_devices::asio::sample_format::SampleFormat;

const CHANNELS: usize = 64;
const FRAMES: usize = 64;

/// How many times as long as the copy a conversion may take.
const BOUND: f64 = 2.0;

/// Runs in a row, too short for the machine to be taken away meanwhile, most of the time.
const RUNS: u32 = 20;
const ROUNDS: u32 = 2_000;

/// The time of a run in nanoseconds.
fn time(run: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    (0..RUNS).for_each(|_| run());
    started.elapsed().as_nanos() as f64 / f64::from(RUNS)
}

/// The best times of both, in turn.
fn compare(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64) {
    (0..ROUNDS).fold((f64::MAX, f64::MAX), |best, _| (best.0.min(time(&mut one)), best.1.min(time(&mut other))))
}

fn main() -> ExitCode {
    let mut all_met = true;
    for (name, code) in [("int24-lsb", 17), ("int24-msb", 1), ("int32-lsb", 18), ("int32-msb", 2), ("int16-lsb", 16)] {
        let format = SampleFormat::from_code(code).expect("a format of the interface");
        let bytes = FRAMES * format.bytes();
        let driver: Vec<Vec<u8>> =
            (0..CHANNELS).map(|channel| (0..bytes).map(|place| (place * 37 + channel * 11) as u8).collect()).collect();
        let mut played = driver.clone();
        let mut copied = driver.clone();
        let mut samples = vec![vec![0.0_f32; FRAMES]; CHANNELS];
        let copy = |from: &[Vec<u8>], to: &mut [Vec<u8>]| {
            for (from, to) in from.iter().zip(to) {
                black_box(&mut to[..]).copy_from_slice(black_box(from));
            }
        };
        let read = compare(
            || {
                for (from, to) in driver.iter().zip(&mut samples) {
                    format.read(black_box(from), black_box(to));
                }
            },
            || copy(&driver, &mut copied),
        );
        let written = compare(
            || {
                for (from, to) in samples.iter().zip(&mut played) {
                    format.write(black_box(from), black_box(to));
                }
            },
            || copy(&driver, &mut copied),
        );
        for (way, (converted, copied)) in [("from", read), ("to", written)] {
            let ratio = converted / copied;
            // 16 bits are not bound: their copy moves half of what a float needs.
            if code == 16 {
                println!("{way}-{name}: {ratio:.3} times a copy, {converted:.0} ns");
                continue;
            }
            let verdict = if ratio <= BOUND { "ok" } else { "MISSED" };
            all_met &= ratio <= BOUND;
            println!("bench {way}-{name} ratio {ratio:.3} bound {BOUND:.2} {verdict}");
        }
    }
    if all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
