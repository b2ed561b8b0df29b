//! Constructors of parameters that are shown with their unit and understand text with or without it. Parameter
//! callbacks and text run on the main thread; reading a value is safe anywhere.

use std::sync::Arc;

use nice_plug::prelude::*;

/// The number at the start of a text and the unit behind it, in small letters.
fn split(text: &str) -> Option<(f32, String)> {
    let text = text.trim();
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let value: f32 = text[..end].parse().ok()?;
    Some((value, text[end..].trim().to_lowercase()))
}

/// A parser that knows `units` with their factors; the first one is meant where none is written.
fn parser(units: &'static [(&'static str, f32)]) -> impl Fn(&str) -> Option<f32> + Send + Sync + 'static {
    move |text| {
        let (value, unit) = split(text)?;
        let known = units.iter().find(|(name, _)| *name == unit);
        let factor = if unit.is_empty() { units.first() } else { known }?.1;
        Some(value * factor)
    }
}

fn with_text(
    parameter: FloatParam,
    show: impl Fn(f32) -> String + Send + Sync + 'static,
    units: &'static [(&'static str, f32)],
) -> FloatParam {
    parameter.with_value_to_string(Arc::new(show)).with_string_to_value(Arc::new(parser(units)))
}

/// A gain or level in decibels: `-6.0 dB`.
pub fn decibels(name: &str, default: f32, minimum: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Linear { min: minimum, max: maximum };
    // Adding zero turns a negative zero into a positive one.
    let show = |value: f32| format!("{:.1} dB", (value * 10.0).round() / 10.0 + 0.0);
    with_text(FloatParam::new(name, default, range), show, &[("db", 1.0)])
}

/// A time in milliseconds, with more room for short ones: `350 ms`, `1.20 s`.
pub fn milliseconds(name: &str, default: f32, minimum: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Skewed { min: minimum, max: maximum, factor: FloatRange::skew_factor(-1.5) };
    let show = |value: f32| match value {
        value if value < 10.0 => format!("{value:.2} ms"),
        value if value < 1000.0 => format!("{value:.1} ms"),
        value => format!("{:.3} s", value / 1000.0),
    };
    with_text(FloatParam::new(name, default, range), show, &[("ms", 1.0), ("s", 1000.0)])
}

/// A time in seconds, with more room for short ones: `1.60 s`.
pub fn seconds(name: &str, default: f32, minimum: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Skewed { min: minimum, max: maximum, factor: FloatRange::skew_factor(-1.5) };
    with_text(FloatParam::new(name, default, range), |value| format!("{value:.2} s"), &[("s", 1.0), ("ms", 0.001)])
}

/// A share from 0 to 1, shown from `0 %` to `100 %`.
pub fn percent(name: &str, default: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Linear { min: 0.0, max: maximum };
    with_text(FloatParam::new(name, default, range), |value| format!("{:.1} %", value * 100.0), &[("%", 0.01)])
}

/// A control marked from 0 to 10, as on an amplifier.
pub fn knob(name: &str, default: f32) -> FloatParam {
    let range = FloatRange::Linear { min: 0.0, max: 10.0 };
    with_text(FloatParam::new(name, default, range), |value| format!("{value:.1}"), &[("", 1.0)])
}

/// A plain factor: `1.00 x`.
pub fn factor(name: &str, default: f32, minimum: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Linear { min: minimum, max: maximum };
    with_text(FloatParam::new(name, default, range), |value| format!("{value:.2} x"), &[("x", 1.0)])
}

/// An amount in a linear unit with one decimal: semitones, cents, octaves.
pub fn linear(name: &str, default: f32, range: std::ops::RangeInclusive<f32>, unit: &'static str) -> FloatParam {
    let range = FloatRange::Linear { min: *range.start(), max: *range.end() };
    FloatParam::new(name, default, range)
        .with_value_to_string(Arc::new(move |value: f32| format!("{:.1} {unit}", (value * 10.0).round() / 10.0 + 0.0)))
        .with_string_to_value(Arc::new(move |text| {
            let (value, written) = split(text)?;
            (written.is_empty() || written == unit).then_some(value)
        }))
}

/// A frequency. The plain value is the logarithm to base two of hertz, so that equal steps are equal intervals; text is
/// in hertz: `440 Hz`, `4.50 kHz`. Read it with [`hertz_of`].
pub fn hertz(name: &str, default: f32, minimum: f32, maximum: f32) -> FloatParam {
    let range = FloatRange::Linear { min: minimum.log2(), max: maximum.log2() };
    let parse = parser(&[("hz", 1.0), ("khz", 1000.0), ("k", 1000.0)]);
    FloatParam::new(name, default.log2(), range)
        .with_value_to_string(Arc::new(|value: f32| match value.exp2() {
            hertz if hertz < 9.995 => format!("{hertz:.2} Hz"),
            hertz if hertz < 999.95 => format!("{hertz:.1} Hz"),
            hertz => format!("{:.2} kHz", hertz / 1000.0),
        }))
        .with_string_to_value(Arc::new(move |text| parse(text).filter(|hertz| *hertz > 0.0).map(f32::log2)))
}

/// The present frequency of a parameter made by [`hertz`], in hertz.
pub fn hertz_of(parameter: &FloatParam) -> f32 {
    parameter.value().exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(parameter: &FloatParam, text: &str) -> Option<f32> {
        parameter.string_to_normalized_value(text).map(|normalized| parameter.preview_plain(normalized))
    }

    /// What people write is understood, with or without unit and space, and nonsense is refused.
    #[test]
    fn text_becomes_a_value() {
        let level = decibels("Level", 0.0, -48.0, 12.0);
        for text in ["-6 dB", "-6dB", " -6.0 ", "-6 db"] {
            assert_eq!(value_of(&level, text), Some(-6.0), "{text}");
        }
        assert!(value_of(&level, "loud").is_none() && value_of(&level, "3 ms").is_none());
        let time = milliseconds("Time", 100.0, 1.0, 4000.0);
        for (text, expected) in [("350 ms", 350.0), ("0.35 s", 350.0), ("350", 350.0), ("9 s", 4000.0)] {
            assert!((value_of(&time, text).unwrap() - expected).abs() < 0.1, "{text}");
        }
        let cutoff = hertz("Cutoff", 1000.0, 20.0, 20_000.0);
        assert!((value_of(&cutoff, "4.5 kHz").unwrap().exp2() - 4500.0).abs() < 1.0);
        assert!(value_of(&cutoff, "-3 Hz").is_none());
        assert!((value_of(&percent("Mix", 0.5, 1.0), "25 %").unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(value_of(&knob("Bass", 5.0), "7.5"), Some(7.5));
        assert_eq!(value_of(&linear("Detune", 0.0, -50.0..=50.0, "ct"), "-7 ct"), Some(-7.0));
    }

    /// What is shown is understood again as the same text.
    #[test]
    fn text_round_trips() {
        for parameter in [
            decibels("a", 0.0, -48.0, 12.0),
            milliseconds("b", 5.0, 0.05, 4000.0),
            seconds("c", 1.0, 0.1, 20.0),
            percent("d", 0.1, 0.95),
            knob("e", 5.0),
            factor("f", 1.0, 0.25, 2.0),
            linear("g", 0.0, -12.0..=12.0, "st"),
            hertz("h", 440.0, 0.05, 20_000.0),
        ] {
            for step in 0..=20 {
                let text = parameter.normalized_value_to_string(step as f32 / 20.0, true);
                let again = parameter.string_to_normalized_value(&text).unwrap();
                assert_eq!(parameter.normalized_value_to_string(again, true), text);
            }
        }
    }
}
