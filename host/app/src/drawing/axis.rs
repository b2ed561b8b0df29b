//! Scales: from values to pixels, where the ticks go, and how numbers are written. Every number is written for a person,
//! whatever it is: no `-0.0`, no `NaN`.

/// `value` kept within 0..1; 0 if it is not a number.
pub fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// A linear or logarithmic scale between two values, laid over pixels; `from` need not be less than `to`.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Values at both ends.
    pub values: [f32; 2],
    /// Pixels at both ends.
    pub pixels: [f32; 2],
    /// Whether equal ratios, not equal differences, lie equally far apart; the values are then positive.
    pub logarithmic: bool,
}

impl Scale {
    /// Where `value` lies, kept between the ends; a value that is not a number lies at the first.
    pub fn pixel(&self, value: f32) -> f32 {
        let along = |x: f32| if self.logarithmic { x.max(f32::MIN_POSITIVE).ln() } else { x };
        let [first, last] = self.values.map(along);
        let part = unit((along(value) - first) / (last - first));
        self.pixels[0] + (self.pixels[1] - self.pixels[0]) * part
    }

    /// The value at a pixel.
    pub fn value(&self, pixel: f32) -> f32 {
        let part = (pixel - self.pixels[0]) / (self.pixels[1] - self.pixels[0]);
        let [first, last] = self.values;
        if self.logarithmic { first * (last / first).powf(part) } else { first + (last - first) * part }
    }
}

/// The greatest of 1, 2 and 5 times a power of ten that is not above `limit` (which must be positive).
pub fn round_step(limit: f32) -> f32 {
    let power = 10_f32.powf(limit.log10().floor());
    [5.0, 2.0].into_iter().map(|digit| digit * power).find(|&step| step <= limit * 1.0001).unwrap_or(power)
}

/// Multiples of a round step from 0 to `end`, at most about `count` of them, with the decimals they need.
pub fn ticks(end: f32, count: usize) -> (Vec<f32>, usize) {
    let wanted = end / count as f32;
    let floor = round_step(wanted);
    let step =
        [1.0, 2.0, 2.5, 4.0, 5.0].into_iter().map(|k| round_step(floor * k)).find(|&step| step >= wanted * 0.9999);
    let step = step.unwrap_or(floor * 10.0);
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let last = (end / step * 1.0001) as usize;
    ((0..=last).map(|k| k as f32 * step).collect(), decimals)
}

/// `value` with so many decimals; `-` if it is not finite.
pub fn number(value: f32, decimals: usize) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').into() } else { text }
}

/// Microseconds, in few digits: `12.3`, `123`, `10k`.
pub fn micros(value: f32) -> String {
    match value.abs() {
        small if small < 99.95 => number(value, 1),
        large if large < 9_999.5 => number(value, 0),
        _ if value.is_finite() => format!("{}k", number(value / 1e3, 0)),
        _ => "-".into(),
    }
}

/// A time given in microseconds, with its unit: `12.3 µs`, `1.33 ms`.
pub fn duration(value_us: f32) -> String {
    match value_us.abs() {
        short if short < 1e3 => format!("{} µs", micros(value_us)),
        long if long < 1e6 => format!("{} ms", number(value_us / 1e3, 2)),
        _ if value_us.is_finite() => format!("{} s", number(value_us / 1e6, 2)),
        _ => "-".into(),
    }
}

/// A fraction in per cent: `0.42 %`, `4.2 %`, `42 %`.
pub fn percent(fraction: f32) -> String {
    let value = 100.0 * fraction;
    let decimals = if value < 0.995 {
        2
    } else if value < 9.95 {
        1
    } else {
        0
    };
    format!("{} %", number(value, decimals))
}

/// A frequency as on an axis: `500`, `2k`.
pub fn frequency(hz: f32) -> String {
    if hz < 1_000.0 { number(hz, 0) } else { format!("{}k", number(hz / 1e3, 0)) }
}

/// An amplitude in decibels, from -200 up.
pub fn decibels(amplitude: f32) -> f32 {
    20.0 * amplitude.abs().max(1e-10).log10()
}

/// A level in dBFS: `-6.0`, or `silent` below -190.
pub fn level(db: f32) -> String {
    if db < -190.0 { "silent".into() } else { number(db, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_run_both_ways_and_take_anything() {
        let scale = Scale { values: [100.0, 10_000.0], pixels: [300.0, 100.0], logarithmic: true };
        assert!((scale.pixel(1_000.0) - 200.0).abs() < 0.01);
        assert!((scale.value(200.0) - 1_000.0).abs() < 0.1);
        assert_eq!([-5.0, 0.0, f32::NAN, f32::INFINITY].map(|x| scale.pixel(x)), [300.0, 300.0, 300.0, 100.0]);
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(10.04, 10), ((0..=5).map(|k| 2.0 * k as f32).collect(), 0));
        assert_eq!(ticks(10.0, 10).0.len(), 11);
        let (short, decimals) = ticks(0.003, 6);
        assert_eq!((short.len(), decimals), (7, 4));
        assert!((1..2000).all(|k| (3..=13).contains(&ticks(k as f32 * 0.1, 12).0.len())));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(-0.04, 1), "0.0");
        assert_eq!(number(f32::NAN, 1), "-");
        assert_eq!([duration(12.34), duration(1333.3), duration(f32::NAN)], ["12.3 µs", "1.33 ms", "-"]);
        assert_eq!([percent(0.0042), percent(0.042), percent(0.42)], ["0.42 %", "4.2 %", "42 %"]);
        assert_eq!([frequency(50.0), frequency(20_000.0)], ["50", "20k"]);
        assert_eq!([level(decibels(0.5)), level(decibels(0.0))], ["-6.0", "silent"]);
    }
}
