//! What the tests of several cores share: signals, measurements, and the check that no block partition changes a bit.

use super::effect::{Effect, Runner};

/// A small generator with a fixed seed: xorshift (G. Marsaglia, "Xorshift RNGs", 2003).
pub struct Noise(pub u32);

impl Noise {
    /// The next 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// White noise in -1..1.
    pub fn sample(&mut self) -> f32 {
        self.bits() as f32 / 2_147_483_648.0 - 1.0
    }
}

/// Magnitude of a signal's Fourier transform at one frequency.
pub fn magnitude_at(signal: &[f32], frequency: f32, rate: f32) -> f32 {
    let step = std::f64::consts::TAU * f64::from(frequency) / f64::from(rate);
    let (re, im) = signal.iter().enumerate().fold((0.0, 0.0), |(re, im), (i, &x)| {
        let (sin, cos) = (step * i as f64).sin_cos();
        (re + f64::from(x) * cos, im - f64::from(x) * sin)
    });
    (re * re + im * im).sqrt() as f32
}

/// Plucks with silence between them, so that partitions also cut through attacks, tails and rest.
pub fn plucks(frames: usize, rate: f32) -> Vec<f32> {
    let mut noise = Noise(0x1234_5678);
    (0..frames)
        .map(|i| {
            let t = (i % (frames / 2)) as f32 / rate;
            if t > 0.08 {
                return 0.0;
            }
            0.5 * (-t * 40.0).exp() * ((t * 220.0 * std::f32::consts::TAU).sin() + 0.2 * noise.sample())
        })
        .collect()
}

/// Index of the largest magnitude.
pub fn peak_index(signal: &[f32]) -> usize {
    (0..signal.len()).max_by(|&a, &b| signal[a].abs().total_cmp(&signal[b].abs())).unwrap()
}

/// Renders stereo input through an effect in blocks of the given lengths, settings changing where told.
pub fn render<E: Effect>(
    effect: E,
    settings: &[(usize, E::Settings)],
    input: &[f32],
    mut block: impl FnMut() -> usize,
) -> [Vec<f32>; 2] {
    let mut runner = Runner::new(effect);
    let mut output = [input.to_vec(), input.iter().map(|x| -0.7 * x).collect()];
    let mut at = 0;
    while at < input.len() {
        // A host cuts blocks at parameter changes, as the plugin shells ask it to.
        if let Some((_, now)) = settings.iter().rev().find(|(from, _)| *from <= at) {
            runner.set(now);
        }
        let next_change = settings.iter().map(|(from, _)| *from).filter(|from| *from > at).min();
        let end = (at + block()).min(input.len()).min(next_change.unwrap_or(usize::MAX));
        let [left, right] = &mut output;
        runner.process(&mut [&mut left[at..end], &mut right[at..end]]);
        at = end;
    }
    output
}

/// Renders once in one piece and twice in random blocks (1 to 400 frames), with a change of settings on the way, and
/// demands the same bits, all finite.
pub fn assert_partition_independent<E: Effect>(make: impl Fn() -> E, before: E::Settings, after: E::Settings) {
    let input = plucks(24_000, 48_000.0);
    let settings = [(0, before.clone()), (7_001, after), (15_555, before)];
    let whole = render(make(), &settings, &input, || usize::MAX / 2);
    assert!(whole[0].iter().any(|x| *x != 0.0), "nothing came out");
    for seed in [0x9e37_79b9, 0x0bad_cafe] {
        let mut noise = Noise(seed);
        let cut = render(make(), &settings, &input, || 1 + (noise.bits() % 400) as usize);
        for (whole, cut) in whole.iter().zip(&cut) {
            let first = whole.iter().zip(cut).position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(first, None, "first different frame");
            assert!(whole.iter().all(|x| x.is_finite()));
        }
    }
}

/// Feeds NaN, infinities, huge and denormal numbers, then noise, and demands finite output throughout, silence at last.
pub fn assert_survives_anything<E: Effect>(effect: E, settings: E::Settings) {
    let mut runner = Runner::new(effect);
    runner.set(&settings);
    let mut noise = Noise(77);
    let nasty = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-40, -1e-42, 1e9];
    let mut left: Vec<f32> =
        (0..4096).map(|i| if i < 2048 { nasty[i % nasty.len()] } else { noise.sample() }).collect();
    let mut right = left.clone();
    right.reverse();
    runner.process(&mut [&mut left, &mut right]);
    assert!(left.iter().chain(&right).all(|x| x.is_finite()));
    let mut rest = runner.effect().settle() as usize + 1;
    while rest > 0 {
        let length = rest.min(65_536);
        let mut silence = [vec![0.0; length], vec![0.0; length]];
        let [a, b] = &mut silence;
        runner.process(&mut [a, b]);
        assert!(a.iter().chain(b.iter()).all(|x| x.is_finite()));
        rest -= length;
    }
    assert!(runner.is_resting());
}

/// Processing, settings and reset must not allocate or free.
pub fn assert_real_time_safe<E: Effect>(effect: E, settings: [E::Settings; 2]) {
    let mut runner = Runner::new(effect);
    let mut left = plucks(2_000, 48_000.0);
    let mut right = left.clone();
    assert_no_alloc::assert_no_alloc(|| {
        for now in &settings {
            runner.set(now);
            runner.process(&mut [&mut left, &mut right]);
        }
        runner.reset();
    });
}
