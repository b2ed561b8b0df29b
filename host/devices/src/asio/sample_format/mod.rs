//! The sample formats of ASIO and the way between them and 32-bit floats, straight between a driver's buffer and ours.
//!
//! Integers are two's complement; full scale is -1 up to, not including, 1. What goes out is rounded to the nearest value,
//! ties to even, and clipped; what is not a number goes out as 0. A 16-bit or 24-bit integer that came in goes out as the
//! same bits. Nothing here waits or allocates.
//!
//! Integers go eight at a time where the processor has AVX2; elsewhere, and for floats, loops without branches over slices of
//! fixed step, of which the compiler makes what it can.
#![deny(clippy::disallowed_types)]

#[cfg(target_arch = "x86_64")]
mod avx2;

/// A kind of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Int16,
    /// Packed in three bytes.
    Int24,
    /// As many bits, right-justified in four bytes; 32 for full scale.
    Int32(u32),
    Float32,
    Float64,
}

/// How the samples of one channel are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleFormat {
    number: Number,
    big_endian: bool,
}

/// Full scale of an integer of so many bits.
fn full_scale(bits: u32) -> f64 {
    (1_u64 << (bits - 1)) as f64
}

impl SampleFormat {
    /// 16-bit integers, little-endian.
    pub const INT16: Self = Self { number: Number::Int16, big_endian: false };
    /// 24-bit integers in three bytes, little-endian.
    pub const INT24: Self = Self { number: Number::Int24, big_endian: false };
    /// 32-bit integers, little-endian.
    pub const INT32: Self = Self { number: Number::Int32(32), big_endian: false };
    /// 32-bit floats, little-endian.
    pub const FLOAT32: Self = Self { number: Number::Float32, big_endian: false };

    /// By its number in the interface (`ASIOSampleType`); none for DSD and what nobody knows.
    pub fn from_code(code: i32) -> Option<Self> {
        let number = match code & !16 {
            0 => Number::Int16,
            1 => Number::Int24,
            2 => Number::Int32(32),
            3 => Number::Float32,
            4 => Number::Float64,
            8 => Number::Int32(16),
            9 => Number::Int32(18),
            10 => Number::Int32(20),
            11 => Number::Int32(24),
            _ => return None,
        };
        (0..32).contains(&code).then_some(Self { number, big_endian: code & 16 == 0 })
    }

    /// Bytes a sample.
    pub fn bytes(self) -> usize {
        match self.number {
            Number::Int16 => 2,
            Number::Int24 => 3,
            Number::Int32(_) | Number::Float32 => 4,
            Number::Float64 => 8,
        }
    }

    /// Whether a buffer of this format can be used as it is.
    pub fn is_native(self) -> bool {
        self.number == Number::Float32 && self.big_endian == cfg!(target_endian = "big")
    }

    /// Reads as many samples as `to` holds.
    ///
    /// # Real-time
    /// Callable.
    pub fn read(self, from: &[u8], to: &mut [f32]) {
        let done = self.read_wide(from, to);
        if done < to.len() {
            self.read_plain(&from[done * self.bytes()..], &mut to[done..]);
        }
    }

    /// How many samples were read, many at a time.
    fn read_wide(self, from: &[u8], to: &mut [f32]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            return unsafe { avx2::read(self.number, self.big_endian, from, to) };
        }
        let _ = (from, to);
        0
    }

    fn read_plain(self, from: &[u8], to: &mut [f32]) {
        match (self.number, self.big_endian) {
            (Number::Int16, false) => each(from, to, |b: [u8; 2]| f32::from(i16::from_le_bytes(b)) / 32_768.0),
            (Number::Int16, true) => each(from, to, |b: [u8; 2]| f32::from(i16::from_be_bytes(b)) / 32_768.0),
            (Number::Int24, false) => each(from, to, |[a, b, c]: [u8; 3]| from_24(i32::from_le_bytes([0, a, b, c]))),
            (Number::Int24, true) => each(from, to, |[a, b, c]: [u8; 3]| from_24(i32::from_be_bytes([a, b, c, 0]))),
            (Number::Int32(bits), false) => {
                let factor = 1.0 / full_scale(bits);
                each(from, to, |b: [u8; 4]| (f64::from(i32::from_le_bytes(b)) * factor) as f32);
            }
            (Number::Int32(bits), true) => {
                let factor = 1.0 / full_scale(bits);
                each(from, to, |b: [u8; 4]| (f64::from(i32::from_be_bytes(b)) * factor) as f32);
            }
            (Number::Float32, false) => each(from, to, f32::from_le_bytes),
            (Number::Float32, true) => each(from, to, f32::from_be_bytes),
            (Number::Float64, false) => each(from, to, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
            (Number::Float64, true) => each(from, to, |b: [u8; 8]| f64::from_be_bytes(b) as f32),
        }
    }

    /// Writes the samples of `from`.
    ///
    /// # Real-time
    /// Callable.
    pub fn write(self, from: &[f32], to: &mut [u8]) {
        let done = self.write_wide(from, to);
        if done < from.len() {
            self.write_plain(&from[done..], &mut to[done * self.bytes()..]);
        }
    }

    /// How many samples were written, many at a time.
    fn write_wide(self, from: &[f32], to: &mut [u8]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            return unsafe { avx2::write(self.number, self.big_endian, from, to) };
        }
        let _ = (from, to);
        0
    }

    fn write_plain(self, from: &[f32], to: &mut [u8]) {
        match (self.number, self.big_endian) {
            (Number::Int16, false) => fill(from, to, |x| (integer(x, 16) as i16).to_le_bytes()),
            (Number::Int16, true) => fill(from, to, |x| (integer(x, 16) as i16).to_be_bytes()),
            (Number::Int24, false) => fill(from, to, |x| {
                let [a, b, c, _] = integer(x, 24).to_le_bytes();
                [a, b, c]
            }),
            (Number::Int24, true) => fill(from, to, |x| {
                let [_, a, b, c] = integer(x, 24).to_be_bytes();
                [a, b, c]
            }),
            (Number::Int32(bits), false) => fill(from, to, |x| integer(x, bits).to_le_bytes()),
            (Number::Int32(bits), true) => fill(from, to, |x| integer(x, bits).to_be_bytes()),
            (Number::Float32, false) => fill(from, to, f32::to_le_bytes),
            (Number::Float32, true) => fill(from, to, f32::to_be_bytes),
            (Number::Float64, false) => fill(from, to, |x| f64::from(x).to_le_bytes()),
            (Number::Float64, true) => fill(from, to, |x| f64::from(x).to_be_bytes()),
        }
    }
}

/// A left-justified integer of 24 bits.
fn from_24(value: i32) -> f32 {
    // Exact: 24 bits fit a float.
    (value >> 8) as f32 / 8_388_608.0
}

/// The nearest integer of so many bits.
fn integer(sample: f32, bits: u32) -> i32 {
    let scale = full_scale(bits);
    let sample = if sample.is_nan() { 0.0 } else { f64::from(sample) };
    let scaled = (sample * scale).clamp(-scale, scale - 1.0);
    // Adding 1.5 * 2^52 leaves the nearest integer in the low bits of the number, with ties to even; no call of a library,
    // which rounding is where the processor is not known to have an instruction for it.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (scaled + MAGIC).to_bits() as i32
}

/// What people call the format of that number in the interface.
pub fn name(code: i32) -> String {
    let Some(SampleFormat { number, big_endian }) = SampleFormat::from_code(code) else {
        let is_dsd = matches!(code, 32 | 33 | 40);
        return if is_dsd { "DSD".to_owned() } else { format!("unknown format {code}") };
    };
    let number = match number {
        Number::Int16 => "Int16".to_owned(),
        Number::Int24 => "Int24".to_owned(),
        Number::Int32(32) => "Int32".to_owned(),
        Number::Int32(bits) => format!("Int32 of {bits} bits"),
        Number::Float32 => "Float32".to_owned(),
        Number::Float64 => "Float64".to_owned(),
    };
    format!("{number} {}", if big_endian { "MSB" } else { "LSB" })
}

fn each<const BYTES: usize>(from: &[u8], to: &mut [f32], read: impl Fn([u8; BYTES]) -> f32) {
    let (samples, _) = from.as_chunks();
    samples.iter().zip(to).for_each(|(bytes, sample)| *sample = read(*bytes));
}

fn fill<const BYTES: usize>(from: &[f32], to: &mut [u8], write: impl Fn(f32) -> [u8; BYTES]) {
    let (samples, _) = to.as_chunks_mut();
    from.iter().zip(samples).for_each(|(sample, bytes)| *bytes = write(*sample));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [i32; 18] = [0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 19, 20, 24, 25, 26, 27];

    fn format(code: i32) -> SampleFormat {
        SampleFormat::from_code(code).unwrap()
    }

    fn written(code: i32, samples: &[f32]) -> Vec<u8> {
        let mut bytes = vec![0xAA; samples.len() * format(code).bytes()];
        format(code).write(samples, &mut bytes);
        bytes
    }

    /// As the interface stores them, the most significant byte first below 16.
    #[test]
    fn samples_are_stored_as_the_interface_has_them() {
        for (code, sample, bytes) in [
            (0, 0.5, &[0x40, 0x00][..]),
            (16, 0.5, &[0x00, 0x40]),
            (1, -0.5, &[0xC0, 0x00, 0x00]),
            (17, -0.5, &[0x00, 0x00, 0xC0]),
            (17, 1.0 / 8_388_608.0, &[0x01, 0x00, 0x00]),
            (2, -1.0, &[0x80, 0, 0, 0]),
            (18, -1.0, &[0, 0, 0, 0x80]),
            (19, 0.25, &0.25_f32.to_le_bytes()),
            (3, 0.25, &0.25_f32.to_be_bytes()),
            (20, 0.25, &0.25_f64.to_le_bytes()),
            (4, 0.25, &0.25_f64.to_be_bytes()),
            (24, -1.0, &(-32_768_i32).to_le_bytes()),
            (25, -1.0, &(-131_072_i32).to_le_bytes()),
            (26, 0.5, &(262_144_i32).to_le_bytes()),
            (27, 0.5, &(4_194_304_i32).to_le_bytes()),
            (8, 0.5, &(16_384_i32).to_be_bytes()),
            (11, -1.0, &(-8_388_608_i32).to_be_bytes()),
        ] {
            assert_eq!(written(code, &[sample]), bytes, "format {code}, {sample}");
        }
    }

    /// What came in goes out as the same bits, and no step is larger than the format's.
    #[test]
    fn every_format_goes_there_and_back() {
        let samples: Vec<f32> = (-40..40).map(|step| step as f32 * 0.025).chain([0.999, -1.0, 1e-6]).collect();
        for code in ALL {
            let bytes = written(code, &samples);
            let mut read = vec![9.0; samples.len()];
            format(code).read(&bytes, &mut read);
            for (sample, read) in samples.iter().zip(&read) {
                assert!((sample - read).abs() <= 0.5 / 32_768.0 + 1e-7, "format {code}: {sample} came back as {read}");
            }
            assert_eq!(written(code, &read), bytes, "format {code}");
        }
    }

    /// Nothing wraps round: what is too loud is clipped, what is not a number is silence.
    #[test]
    fn what_does_not_fit_is_clipped() {
        let samples = [1.0, 2.0, f32::INFINITY, -7.0, f32::NEG_INFINITY, f32::NAN];
        for code in ALL.into_iter().filter(|code| ![3, 4, 19, 20].contains(code)) {
            let mut read = [9.0; 6];
            format(code).read(&written(code, &samples), &mut read);
            let [one, two, infinite, low, lowest, not_a_number] = read;
            assert!(one > 0.9999 && one <= 1.0 && one == two && two == infinite, "format {code}: {read:?}");
            assert_eq!((low, lowest, not_a_number), (-1.0, -1.0, 0.0), "format {code}");
        }
    }

    /// Many at a time or one by one: the same bits, for every kind of sample and every length.
    #[test]
    fn wide_is_as_plain() {
        let mut samples: Vec<f32> = (0..5_000).map(|step| ((step * step) as f32 * 0.37).sin() * 1.1).collect();
        // Halves of the steps of each format, and what is no sample.
        samples.extend(
            (-64..64).flat_map(|step| [16, 18, 20, 24].map(|bits| (step as f64 / 2.0 / full_scale(bits)) as f32)),
        );
        samples.extend([16, 18, 20, 24].map(|bits| (1.0 - 0.5 / full_scale(bits)) as f32));
        samples.extend([1.0, -1.0, 2.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, -0.0, 1e-40, f32::MAX]);
        samples.extend([f32::from_bits(0x3F7F_FFFF), -f32::from_bits(0x3F7F_FFFF)]);
        samples.extend((0..16).map(|_| 0.125));
        for code in ALL {
            let format = format(code);
            for length in (0..70).chain([samples.len()]) {
                let samples = &samples[samples.len() - length..];
                let bytes = written(code, samples);
                let mut plain = vec![0x55; bytes.len()];
                format.write_plain(samples, &mut plain);
                assert_eq!(bytes, plain, "format {code}, {length} samples");
                let (mut read, mut read_plainly) = (vec![9.0; length], vec![9.0; length]);
                // Any bytes are samples of an integer.
                let noise: Vec<u8> = (0..bytes.len()).map(|place| ((place * place * 31) >> 3) as u8).collect();
                format.read(&noise, &mut read);
                format.read_plain(&noise, &mut read_plainly);
                let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&read), bits(&read_plainly), "format {code}, {length} samples");
            }
        }
    }

    /// Every integer of 16 bits comes back as it went in, and of 24 bits all that are taken; of 32 those that a float holds.
    #[test]
    fn integers_are_kept() {
        for (code, bits) in [(0, 16), (16, 16), (1, 24), (17, 24), (8, 16), (27, 24), (18, 24)] {
            let (format, shift) = (format(code), if code == 18 { 8 } else { 0 });
            let (half, width) = (1_i32 << (bits - 1), format.bytes());
            let mut bytes = Vec::new();
            for number in (-half..half).step_by(if bits == 24 { 101 } else { 1 }).chain([half - 1]) {
                let start = bytes.len();
                bytes.extend_from_slice(&(number << shift).to_le_bytes()[..width]);
                if code < 16 {
                    bytes[start..].reverse();
                }
            }
            let mut samples = vec![0.0; bytes.len() / width];
            format.read(&bytes, &mut samples);
            assert!(written(code, &samples) == bytes, "format {code}");
        }
    }

    /// Halves go to the even neighbour, on both sides of zero.
    #[test]
    fn rounding_is_to_the_nearest() {
        let steps = [0.4, 0.5, 0.6, 1.5, -0.4, -0.5, -0.6, -1.5, 2.5];
        let rounded: Vec<i32> = steps.iter().map(|step| integer(step / 32_768.0, 16)).collect();
        assert_eq!(rounded, [0, 0, 1, 2, 0, 0, -1, -2, 2]);
    }

    #[test]
    fn formats_have_names() {
        assert_eq!(
            [17, 2, 27, 32, 99].map(name),
            ["Int24 LSB", "Int32 MSB", "Int32 of 24 bits LSB", "DSD", "unknown format 99"]
        );
    }

    /// Of all formats only this machine's own floats are used where the driver has them.
    #[test]
    fn one_format_is_native() {
        let native: Vec<i32> = ALL.into_iter().filter(|&code| format(code).is_native()).collect();
        assert_eq!(native, [if cfg!(target_endian = "big") { 3 } else { 19 }]);
    }

    /// DSD and numbers that nobody gave out are no formats.
    #[test]
    fn unknown_formats_are_none() {
        for code in [5, 7, 12, 15, 21, 28, 32, 33, 40, -1, i32::MAX] {
            assert_eq!(SampleFormat::from_code(code), None, "{code}");
        }
    }
}
