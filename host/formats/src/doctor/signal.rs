//! Signals to put in, and measures of what comes out. Pure functions: the same every time.

/// A source of numbers that look random and are the same in every run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 0 to `count`, which is excluded and at least 1.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count.max(1) as u64) as usize
    }
}

/// White noise at -6 dBFS, another on each channel.
pub(crate) fn noise(channel: usize, frame: usize) -> f32 {
    let mut random = Random::new(((channel as u64) << 40) ^ frame as u64);
    (random.unit() - 0.5) as f32
}

/// Nothing.
pub(crate) fn silence(_channel: usize, _frame: usize) -> f32 {
    0.0
}

/// The channels of a take.
pub(crate) type Sound = Vec<Vec<f32>>;

/// The greatest magnitude from a frame on, over all channels.
pub(crate) fn peak(sound: &Sound, from: usize) -> f32 {
    let samples = sound.iter().flat_map(|channel| channel.iter().skip(from));
    samples.fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// What one has more than the other, frame by frame, over all channels.
pub(crate) fn difference(one: &Sound, other: &Sound) -> Vec<f32> {
    let frames = one.iter().chain(other).map(Vec::len).min().unwrap_or(0);
    let channels = || one.iter().zip(other);
    (0..frames)
        .map(|frame| channels().map(|(one, other)| (one[frame] - other[frame]).abs()).fold(0.0, f32::max))
        .collect()
}

/// How far apart two sounds are at most, as a part of the louder one's peak; quieter ones than -80 dBFS count as such.
pub(crate) fn distance(one: &Sound, other: &Sound) -> f32 {
    let apart = difference(one, other).into_iter().fold(0.0, f32::max);
    apart / peak(one, 0).max(peak(other, 0)).max(1e-4)
}

/// A factor in decibels, for people.
pub(crate) fn decibels(factor: f32) -> String {
    if factor > 0.0 { format!("{:.0} dB", 20.0 * factor.log10()) } else { "silence".to_owned() }
}
