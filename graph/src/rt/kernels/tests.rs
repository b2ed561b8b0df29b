//! Each kernel, on each level this machine has, against plain arithmetic one sample at a time: bit for bit, at every
//! length up to several vectors, at addresses without alignment, touching nothing outside its frames.

use super::*;
use std::ops::Range;

/// Lengths: up to four of the widest vectors and a tail.
const FRAMES: Range<usize> = 0..71;

/// Where a kernel must not write.
const UNTOUCHED: f32 = 12345.0;

fn levels() -> impl Iterator<Item = &'static Kernels> {
    Level::ALL.into_iter().filter_map(Kernels::for_level)
}

/// Ordinary numbers of both signs; another seed, other numbers.
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|sample| sample.to_bits()).collect()
}

/// The bits with both zeros alike.
fn values(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|sample| (sample + 0.0).to_bits()).collect()
}

/// What a kernel that writes `frames` frames makes of a buffer of noise, at addresses off any alignment.
///
/// ```text
/// |UNTOUCHED x offset|noise x frames|UNTOUCHED|
/// ```
fn written(frames: usize, offset: usize, kernel: impl FnOnce(*mut f32)) -> Vec<f32> {
    let mut buffer = vec![UNTOUCHED; offset];
    buffer.extend(noise(99, frames));
    buffer.push(UNTOUCHED);
    kernel(buffer[offset..].as_mut_ptr());
    assert!(buffer[..offset].iter().all(|&sample| sample == UNTOUCHED), "wrote before its frames");
    assert_eq!(buffer.pop(), Some(UNTOUCHED), "wrote beyond its frames");
    buffer.split_off(offset)
}

/// The sum that all mixing kernels form: products in source order, the first plain unless something stands there.
fn sum(level: Level, start: Option<f32>, products: impl Iterator<Item = (f32, f32)>) -> f32 {
    let total = products.fold(start, |sum, (gain, sample)| {
        Some(sum.map_or(gain * sample, |sum| level.multiply_add(gain, sample, sum)))
    });
    total.unwrap_or(0.0)
}

/// The sum of moving gains after `time` frames: what stands and what moves apart, joined by time.
fn moving_sum(level: Level, start: Option<f32>, time: u32, products: &[(f32, f32, f32)]) -> f32 {
    let standing = sum(level, start, products.iter().map(|&(gain, _, sample)| (gain, sample)));
    let moving = sum(level, None, products.iter().map(|&(_, slope, sample)| (slope, sample)));
    level.multiply_add(time as f32, moving, standing)
}

#[test]
fn gain_multiplies() {
    for kernels in levels() {
        for frames in FRAMES {
            let source = noise(1, frames);
            let expected: Vec<_> = source.iter().map(|sample| 0.7 * sample).collect();
            // SAFETY: both buffers have that many frames.
            let result = written(frames, frames % 4, |to| unsafe { kernels.gain(source.as_ptr(), to, frames, 0.7) });
            assert_eq!(bits(&result), bits(&expected), "{kernels:?} {frames}");

            let mut in_place = source;
            let pointer = in_place.as_mut_ptr();
            // SAFETY: one buffer of that many frames, which the kernel may read and write.
            unsafe { kernels.gain(pointer, pointer, frames, 0.7) };
            assert_eq!(bits(&in_place), bits(&expected), "{kernels:?} {frames} in place");
        }
    }
}

#[test]
fn gain_of_channels_is_that_of_each() {
    for kernels in levels() {
        for frames in FRAMES.chain([WHOLE_FRAMES, 3 * WHOLE_FRAMES]) {
            let mut sources: Vec<_> = (0..3).map(|channel| noise(channel, frames)).collect();
            let pointers: Vec<*mut f32> = sources.iter_mut().map(|source| source.as_mut_ptr()).collect();
            let mut apart = vec![0.0; frames];
            // The middle one is not in place.
            let destinations = [pointers[0], apart.as_mut_ptr(), pointers[2]];
            // SAFETY: all buffers have that many frames and are apart, but for those in place.
            unsafe {
                let (from, to) = (pointers.as_ptr(), destinations.as_ptr());
                if frames > 0 && frames.is_multiple_of(WHOLE_FRAMES) {
                    kernels.gain_whole(from, to, 3, frames, 0.7);
                } else {
                    kernels.gain_channels(from, to, 3, frames, 0.7);
                }
            }
            for (channel, result) in [&sources[0], &apart, &sources[2]].into_iter().enumerate() {
                let expected: Vec<_> = noise(channel as u32, frames).iter().map(|sample| 0.7 * sample).collect();
                assert_eq!(bits(result), bits(&expected), "{kernels:?} {frames} {channel}");
            }
        }
    }
}

#[test]
fn gain_ramp_is_a_closed_form_of_the_frame() {
    for kernels in levels() {
        let level = kernels.level();
        for frames in FRAMES {
            let source = noise(1, frames);
            let at = |frame: usize| level.multiply_add(1e-3, (1000 + frame) as f32, 0.3) * source[frame];
            let expected: Vec<_> = (0..frames).map(at).collect();
            let result = written(frames, frames % 4, |to| {
                // SAFETY: both buffers have that many frames.
                unsafe { kernels.gain_ramp(source.as_ptr(), to, frames, 0.3, 1e-3, 1000) }
            });
            assert_eq!(bits(&result), bits(&expected), "{kernels:?} {frames}");
        }
    }
}

/// `from` where the weight is 0, `to` where it is 1, and in between the rounding of the level.
#[test]
fn crossfade_goes_from_one_to_the_other() {
    const STEP: f32 = 1.0 / 64.0;
    for kernels in levels() {
        let level = kernels.level();
        for frames in FRAMES {
            let (from, to) = (noise(1, frames), noise(2, frames));
            let at = |frame: usize| {
                let weight = STEP * frame as f32;
                level.multiply_add(weight, to[frame], (1.0 - weight) * from[frame])
            };
            let expected: Vec<_> = (0..frames).map(at).collect();
            let result = written(frames, frames % 4, |out| {
                // SAFETY: all buffers have that many frames.
                unsafe { kernels.crossfade(from.as_ptr(), to.as_ptr(), out, frames, 0, STEP) }
            });
            assert_eq!(bits(&result), bits(&expected), "{kernels:?} {frames}");
            if frames > 64 {
                assert_eq!((result[0], result[64]), (from[0], to[64]));
            }
        }
    }
}

/// Sums of none to five sources, over or on top of what is there, from the first frame or from a later one.
#[test]
fn mixes_sum_in_source_order() {
    const FIRST: usize = 3;
    for kernels in levels() {
        let level = kernels.level();
        for frames in FRAMES {
            for (count, accumulate) in (0..6).flat_map(|count| [(count, false), (count, true)]) {
                let sources: Vec<_> = (0..count).map(|index| noise(index, FIRST + frames)).collect();
                let (gains, slopes) = (noise(20, 6), noise(21, 6));
                let before = noise(99, FIRST + frames);
                let run = Run { first: FIRST, frames, accumulate };
                let source = |index: usize| sources[index].as_ptr();

                let terms: Vec<_> =
                    (0..count as usize).map(|index| Term { source: source(index), gain: gains[index] }).collect();
                let result = written(FIRST + frames, frames % 4, |to| {
                    // SAFETY: all buffers have the frames of the run.
                    unsafe { kernels.mix(&terms, to, run) }
                });
                let ramp_terms: Vec<_> = (0..count as usize)
                    .map(|index| RampTerm { source: source(index), gain: gains[index], slope: slopes[index] })
                    .collect();
                let ramped = written(FIRST + frames, frames % 4, |to| {
                    // SAFETY: all buffers have the frames of the run.
                    unsafe { kernels.mix_ramp(&ramp_terms, to, 500, run) }
                });

                let case = format!("{kernels:?} {frames} {count} {accumulate}");
                assert_eq!(result[..FIRST], before[..FIRST], "{case}");
                assert_eq!(ramped[..FIRST], before[..FIRST], "{case}");
                for frame in FIRST..FIRST + frames {
                    let start = accumulate.then_some(before[frame]);
                    let products: Vec<_> =
                        (0..count as usize).map(|index| (gains[index], slopes[index], sources[index][frame])).collect();
                    let expected = sum(level, start, products.iter().map(|&(gain, _, sample)| (gain, sample)));
                    assert_eq!(result[frame].to_bits(), expected.to_bits(), "{case}");
                    let time = 500 + (frame - FIRST) as u32;
                    let expected = if count == 0 { expected } else { moving_sum(level, start, time, &products) };
                    assert_eq!(ramped[frame].to_bits(), expected.to_bits(), "{case} ramping");
                }
            }
        }
    }
}

/// A mix may write where one of its sources is.
#[test]
fn a_mix_may_work_in_place() {
    for kernels in levels() {
        let (one, other) = (noise(1, 70), noise(2, 70));
        let expected: Vec<_> =
            (0..70).map(|k| sum(kernels.level(), None, [(0.5, one[k]), (0.3, other[k])].into_iter())).collect();
        let mut place = other;
        let to = place.as_mut_ptr();
        let terms = [Term { source: one.as_ptr(), gain: 0.5 }, Term { source: to, gain: 0.3 }];
        // SAFETY: both buffers have 70 frames; the destination is one of the sources.
        unsafe { kernels.mix(&terms, to, Run::over(70)) };
        assert_eq!(bits(&place), bits(&expected), "{kernels:?}");
    }
}

/// A matrix with its sources; destinations are made anew for each result.
struct Dense {
    frames: usize,
    sources: Vec<Vec<f32>>,
    destinations: usize,
    gains: Vec<f32>,
    slopes: Vec<f32>,
}

impl Dense {
    fn new(sources: usize, destinations: usize, frames: usize) -> Self {
        Self {
            frames,
            sources: (0..sources).map(|index| noise(index as u32, frames)).collect(),
            destinations,
            gains: noise(50, sources * destinations),
            slopes: noise(51, sources * destinations),
        }
    }

    fn cell(&self, source: usize, destination: usize) -> usize {
        source * self.destinations + destination
    }

    fn before(&self, destination: usize) -> Vec<f32> {
        noise(1000 + destination as u32, self.frames)
    }

    /// What is in the destinations after the runs, each with the frames since each row's ramp began.
    fn render(&self, kernels: &Kernels, elapsed: Option<&[Option<u32>]>, runs: &[Run]) -> Vec<Vec<f32>> {
        let packing = Packing::new(self.sources.len(), self.destinations);
        let gains = packing.pack(|source, destination| self.gains[self.cell(source, destination)]);
        let slopes = packing.pack(|source, destination| self.slopes[self.cell(source, destination)]);
        let sources: Vec<_> = self.sources.iter().map(|source| source.as_ptr()).collect();
        let mut results: Vec<_> = (0..self.destinations).map(|destination| self.before(destination)).collect();
        results.iter_mut().for_each(|result| result.push(UNTOUCHED));
        let destinations: Vec<_> = results.iter_mut().map(|result| result.as_mut_ptr()).collect();
        let matrix = Matrix { gains: &gains, sources: &sources, destinations: &destinations };
        for &run in runs {
            match elapsed {
                // SAFETY: all channels have the frames of every run; the gains are packed for the matrix.
                None => unsafe { kernels.matrix(&matrix, run) },
                Some(elapsed) => {
                    let elapsed: Vec<_> =
                        elapsed.iter().map(|row| row.map(|elapsed| elapsed + run.first as u32)).collect();
                    let ramp = MatrixRamp { slopes: &slopes, elapsed: &elapsed };
                    // SAFETY: as above, and slopes and rows are as many as gains and destinations.
                    unsafe { kernels.matrix_ramp(&matrix, &ramp, run) }
                }
            }
        }
        assert!(results.iter_mut().all(|result| result.pop() == Some(UNTOUCHED)), "wrote beyond its frames");
        results
    }

    /// The same by plain arithmetic.
    fn expected(&self, level: Level, elapsed: Option<&[Option<u32>]>, accumulate: bool) -> Vec<Vec<f32>> {
        let frame = |destination: usize, frame: usize| {
            let start = accumulate.then(|| self.before(destination)[frame]);
            let products: Vec<_> = (0..self.sources.len())
                .map(|source| {
                    let cell = self.cell(source, destination);
                    (self.gains[cell], self.slopes[cell], self.sources[source][frame])
                })
                .collect();
            match elapsed.and_then(|elapsed| elapsed[destination]) {
                Some(elapsed) if !products.is_empty() => moving_sum(level, start, elapsed + frame as u32, &products),
                _ => sum(level, start, products.iter().map(|&(gain, _, sample)| (gain, sample))),
            }
        };
        (0..self.destinations).map(|destination| (0..self.frames).map(|at| frame(destination, at)).collect()).collect()
    }
}

/// Every height of blocks and a few of each, at lengths on and off the vectors' widths; rows ramp together, apart, each
/// from its own moment, or not at all.
#[test]
fn matrices_are_mixes() {
    for kernels in levels() {
        for destinations in 0..15 {
            for (sources, frames) in [(0, 9), (1, 1), (1, 16), (2, 7), (3, 32), (3, 70), (5, 33), (5, 64), (9, 24)] {
                let dense = Dense::new(sources, destinations, frames);
                let rows: [Vec<Option<u32>>; 3] = [
                    vec![Some(40); destinations],
                    vec![None; destinations],
                    (0..destinations).map(|row| (row % 5 > 2).then_some(row as u32 * 10)).collect(),
                ];
                for accumulate in [false, true] {
                    let run = [Run { first: 0, frames, accumulate }];
                    for elapsed in std::iter::once(None).chain(rows.iter().map(|rows| Some(&rows[..]))) {
                        let result = dense.render(kernels, elapsed, &run);
                        let expected = dense.expected(kernels.level(), elapsed, accumulate);
                        for (result, expected) in result.iter().zip(&expected) {
                            assert_eq!(
                                bits(result),
                                bits(expected),
                                "{kernels:?} {sources} x {destinations}, {frames} frames, {elapsed:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The same bits whether a run is rendered whole or in pieces, ramps included.
///
/// ```text
/// |------------------ 200 ------------------|
/// |1|-- 7 --|---- 16 ----|-- 5 --|--- 171 ---|
/// ```
#[test]
fn pieces_make_the_whole() {
    const PIECES: [usize; 5] = [1, 7, 16, 5, 171];
    let mut first = 0;
    let pieces = PIECES.map(|frames| {
        let run = Run { first, frames, accumulate: false };
        first += frames;
        run
    });
    let whole = [Run::over(first)];
    let dense = Dense::new(6, 8, first);
    let elapsed = [Some(0), None, Some(77), None, None, None, Some(1), Some(1_000_000)];
    for kernels in levels() {
        assert_eq!(dense.render(kernels, None, &whole), dense.render(kernels, None, &pieces));
        assert_eq!(
            dense.render(kernels, Some(&elapsed), &whole),
            dense.render(kernels, Some(&elapsed), &pieces),
            "{kernels:?}"
        );

        let source = &dense.sources[0];
        let terms: Vec<_> =
            dense.sources.iter().map(|x| RampTerm { source: x.as_ptr(), gain: 0.3, slope: -0.001 }).collect();
        let render = |runs: &[Run]| {
            let (mut ramp, mut fade, mut mix) = (vec![0.0; first], vec![0.0; first], vec![0.0; first]);
            for &run in runs {
                let (at, frames, elapsed) = (run.first, run.frames, 9 + run.first as u32);
                // SAFETY: all buffers have the frames of every run.
                unsafe {
                    let (from, to) = (source.as_ptr().add(at), dense.sources[1].as_ptr().add(at));
                    kernels.gain_ramp(from, ramp.as_mut_ptr().add(at), frames, 0.1, 0.003, elapsed);
                    kernels.crossfade(from, to, fade.as_mut_ptr().add(at), frames, elapsed, 0.001);
                    kernels.mix_ramp(&terms, mix.as_mut_ptr(), elapsed, run);
                }
            }
            [bits(&ramp), bits(&fade), bits(&mix)]
        };
        assert_eq!(render(&whole), render(&pieces), "{kernels:?}");
    }
}

/// Cells of gain 0 add nothing: a matrix with holes is the mixes of what is left; and slopes of 0 move nothing.
#[test]
fn sparse_and_dense_at_rest_and_ramping_agree() {
    let mut dense = Dense::new(9, 7, 70);
    dense.gains.iter_mut().step_by(3).for_each(|gain| *gain = 0.0);
    dense.slopes.fill(0.0);
    for kernels in levels() {
        let run = Run::over(dense.frames);
        let at_rest = dense.render(kernels, None, &[run]);
        let ramping = dense.render(kernels, Some(&[Some(100); 7]), &[run]);
        for destination in 0..dense.destinations {
            let gain = |source| dense.gains[dense.cell(source, destination)];
            let terms: Vec<_> = (0..dense.sources.len())
                .filter(|&source| gain(source) != 0.0)
                .map(|source| Term { source: dense.sources[source].as_ptr(), gain: gain(source) })
                .collect();
            assert!(terms.len() < dense.sources.len());
            let sparse = written(dense.frames, 0, |to| {
                // SAFETY: all buffers have the frames of the run.
                unsafe { kernels.mix(&terms, to, run) }
            });
            assert_eq!(values(&sparse), values(&at_rest[destination]), "{kernels:?}");
            assert_eq!(values(&sparse), values(&ramping[destination]), "{kernels:?}");
        }
    }
}

/// Gain 1 keeps every bit, those of zeros, infinities and the smallest numbers too.
#[test]
fn unity_is_a_copy_of_the_bits() {
    let mut source = noise(1, 70);
    source[..6].copy_from_slice(&[0.0, -0.0, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, -f32::MIN_POSITIVE]);
    for kernels in levels() {
        let frames = source.len();
        let terms = [Term { source: source.as_ptr(), gain: 1.0 }];
        let packed = Packing::new(1, 1).pack(|_, _| 1.0);
        // SAFETY: in all of them: both buffers have that many frames.
        let results = unsafe {
            [
                written(frames, 1, |to| kernels.copy(source.as_ptr(), to, frames)),
                written(frames, 1, |to| kernels.gain(source.as_ptr(), to, frames, 1.0)),
                written(frames, 1, |to| kernels.mix(&terms, to, Run::over(frames))),
                written(frames, 1, |to| {
                    let matrix = Matrix { gains: &packed, sources: &[source.as_ptr()], destinations: &[to] };
                    kernels.matrix(&matrix, Run::over(frames));
                }),
            ]
        };
        for result in results {
            assert_eq!(bits(&result), bits(&source), "{kernels:?}");
        }
        // SAFETY: the buffer has that many frames.
        let cleared = written(frames, 1, |to| unsafe { kernels.clear(to, frames) });
        assert_eq!(bits(&cleared), vec![0; frames]);
    }
}

/// One sample that is not zero, wherever it stands and of either sign, is heard; zeros of either sign are silence.
#[test]
fn silence_is_told_from_sound_at_every_frame() {
    for kernels in levels() {
        for frames in FRAMES {
            let mut source = vec![0.0; frames];
            let mut copy = vec![1.0; frames];
            // SAFETY: both buffers have that many frames.
            let mut look =
                |source: &[f32]| unsafe { kernels.copy_sanitised(source.as_ptr(), copy.as_mut_ptr(), frames) };
            assert_eq!(look(&source), Copied::Silent);
            for at in 0..frames {
                for sound in [f32::MIN_POSITIVE, -1.0] {
                    source[at] = sound;
                    assert_eq!(look(&source), Copied::Sounds, "{kernels:?} {frames} {at}");
                }
                source[at] = -0.0;
            }
            assert_eq!(look(&source), Copied::Silent);
        }
    }
}

/// A guarded copy has the same bits, and one sample above the threshold or no number is found wherever it stands; one at the
/// threshold is not. Without a threshold only numbers count.
#[test]
fn a_guarded_copy_finds_what_is_above_at_every_frame() {
    for kernels in levels() {
        for frames in FRAMES {
            let mut source = noise(5, frames);
            let check = |source: &[f32], threshold: f32| {
                let mut is_below = false;
                let copy = written(frames, frames % 4, |to| {
                    // SAFETY: both buffers have that many frames.
                    is_below = unsafe { kernels.copy_below(source.as_ptr(), to, frames, threshold) };
                });
                let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&copy), bits(source), "{kernels:?} {frames}");
                is_below
            };
            assert!(check(&source, 2.0) && check(&source, f32::INFINITY));
            for at in 0..frames {
                let before = source[at];
                for (sample, limited, unlimited) in [
                    (2.0, true, true),
                    (-2.0, true, true),
                    (2.0_f32.next_up(), false, true),
                    (-f32::MAX, false, true),
                    (f32::NAN, false, false),
                    (f32::NEG_INFINITY, false, false),
                ] {
                    source[at] = sample;
                    let found = (check(&source, 2.0), check(&source, f32::INFINITY));
                    assert_eq!(found, (limited, unlimited), "{kernels:?} {frames} {at} {sample}");
                }
                source[at] = before;
            }
        }
    }
}

/// One bad sample, wherever it stands, is found, counts for nothing else and becomes a zero; the rest keeps its bits.
#[test]
fn what_is_not_a_number_is_found_at_every_frame() {
    for kernels in levels() {
        for frames in FRAMES {
            let good = noise(1, frames);
            let check = |source: &[f32]| {
                let mut found = false;
                let copy = written(frames, frames % 4, |to| {
                    // SAFETY: both buffers have that many frames.
                    found = unsafe { kernels.copy_sanitised(source.as_ptr(), to, frames) } == Copied::Repaired;
                });
                // SAFETY: the buffer has that many frames.
                let (finite, below) = unsafe {
                    (kernels.is_finite_all(source.as_ptr(), frames), kernels.all_below(source.as_ptr(), frames, 2.0))
                };
                assert_eq!((finite, below), (!found, !found), "{kernels:?} {frames}");
                (found, copy)
            };
            let (found, copy) = check(&good);
            assert!(!found);
            assert_eq!(bits(&copy), bits(&good));
            for at in 0..frames {
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut source = good.clone();
                    source[at] = bad;
                    let (found, copy) = check(&source);
                    assert!(found, "{kernels:?} {frames} {at}");
                    source[at] = 0.0;
                    assert_eq!(bits(&copy), bits(&source), "{kernels:?} {frames} {at}");
                }
            }
        }
    }
}

/// The loudest sample is found at every frame, below zero too; the sum of squares is that of double precision.
#[test]
fn meters_see_every_frame() {
    for kernels in levels() {
        for frames in FRAMES.chain([1000, 5000]) {
            let mut source = noise(1, frames);
            let squares: f64 = source.iter().map(|&sample| f64::from(sample).powi(2)).sum();
            let greatest = source.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            // SAFETY: here and below: the buffer has that many frames.
            let (peak, sum) = unsafe { kernels.peak_and_square_sum(source.as_ptr(), frames) };
            assert_eq!(peak, greatest, "{kernels:?} {frames}");
            assert!((sum - squares).abs() <= squares * 1e-6, "{kernels:?} {frames}: {sum} {squares}");

            for at in 0..frames.min(FRAMES.end) {
                let kept = std::mem::replace(&mut source[at], -1.5);
                // SAFETY: as above.
                unsafe {
                    assert_eq!(kernels.peak(source.as_ptr(), frames), 1.5, "{kernels:?} {frames} {at}");
                    assert_eq!(kernels.peak_and_square_sum(source.as_ptr(), frames).0, 1.5);
                    assert!(!kernels.all_below(source.as_ptr(), frames, 1.5), "{kernels:?} {frames} {at}");
                    assert!(kernels.all_below(source.as_ptr(), frames, 1.6), "{kernels:?} {frames} {at}");
                }
                source[at] = f32::NAN;
                // SAFETY: as above.
                unsafe { assert!(kernels.peak(source.as_ptr(), frames) <= greatest, "{kernels:?} {frames} {at}") };
                source[at] = kept;
            }
        }
    }
}

#[test]
fn levels_are_found_and_can_be_forced() {
    assert_eq!(Kernels::best().level(), Level::detect());
    for level in Level::ALL {
        assert_eq!(Kernels::for_level(level).map(Kernels::level), level.is_available().then_some(level));
    }
    assert!(Level::Portable.is_available());
}

/// Slots hold the longest block and start on cache lines that are an odd number apart.
#[test]
fn slots_lie_off_powers_of_two() {
    for max_block in 0..5000 {
        let stride = slot_stride(max_block);
        assert!(stride >= max_block && stride < max_block + 32);
        assert_eq!(stride % 32, 16);
    }
}
