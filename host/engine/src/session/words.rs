//! The small texts of a rig file, both ways: gains, cells, rows of a dense matrix, layouts, ports, metres. What is
//! written here is read back to the same bits.

use std::fmt::Write;

use crosspoint_graph::{AudioPort, Cell, ChannelLayout, MAX_PORT_CHANNELS, SceneStart, is_metre};

use super::crosspoints::Crosspoint;
use super::document::BypassMode;

/// Decimals of a gain in dB at which every float can be told from its neighbours: these are at least 5e-7 dB apart.
const MOST_DECIMALS: usize = 9;

/// A gain as dB with the fewest digits that give the same float back, such as `-6.02`; `-inf` for 0; as a linear factor,
/// such as `x-0.5`, where there are no decibels.
pub(super) fn gain_text(gain: f32) -> String {
    if gain == 0.0 && gain.is_sign_positive() {
        return "-inf".to_owned();
    }
    let exact = 20.0 * f64::from(gain).log10();
    let decimals = (0..=MOST_DECIMALS).map(|digits| format!("{exact:.digits$}"));
    match decimals.into_iter().find(|text| gain > 0.0 && is_surely(text, gain)) {
        Some(text) if text == "-0" => "0".to_owned(),
        Some(text) => text,
        None => format!("x{gain}"),
    }
}

/// Whether the text gives this gain, even where the system's powers are a little less precise than here.
fn is_surely(text: &str, gain: f32) -> bool {
    const DOUBT: f64 = 1e-13;
    text.parse().is_ok_and(|decibels: f64| {
        let linear = linear(decibels);
        ((linear * (1.0 - DOUBT)) as f32, (linear * (1.0 + DOUBT)) as f32) == (gain, gain)
    })
}

fn linear(decibels: f64) -> f64 {
    if decibels == 0.0 { 1.0 } else { 10_f64.powf(decibels / 20.0) }
}

/// Reads what [`gain_text`] writes: a finite gain.
pub(super) fn gain(text: &str) -> Option<f32> {
    let gain = match (text, text.strip_prefix('x')) {
        ("-inf", _) => 0.0,
        (_, Some(factor)) => factor.parse().ok()?,
        (_, None) => {
            let decibels: f64 = text.parse().ok().filter(|decibels: &f64| decibels.is_finite())?;
            linear(decibels) as f32
        }
    };
    gain.is_finite().then_some(gain)
}

/// A gain with its unit, if it has one.
pub(super) fn level_text(gain: f32) -> String {
    let gain = gain_text(gain);
    let unit = if gain.starts_with('x') { "" } else { " dB" };
    format!("{gain}{unit}")
}

/// A cell in its place, channels from 1: `1>2`, `1>2 -6 dB`, `1>2 -6 dB inverted muted`.
pub(super) fn crosspoint_text(at: &Crosspoint) -> String {
    let mut text = format!("{}>{}", u64::from(at.source) + 1, u64::from(at.destination) + 1);
    if at.cell.gain != 1.0 {
        let _ = write!(text, " {}", level_text(at.cell.gain));
    }
    if at.cell.invert {
        text.push_str(" inverted");
    }
    if at.cell.mute {
        text.push_str(" muted");
    }
    text
}

/// Reads what [`crosspoint_text`] writes, words in any order.
pub(super) fn crosspoint(text: &str) -> Option<Crosspoint> {
    let mut words = text.split_whitespace().peekable();
    let (source, destination) = words.next()?.split_once('>')?;
    let mut cell = Cell::UNITY;
    let mut gains = 0;
    while let Some(word) = words.next() {
        match word {
            "inverted" => cell.invert = true,
            "muted" => cell.mute = true,
            _ => {
                cell.gain = gain(word)?;
                gains += 1;
                words.next_if_eq(&"dB");
            }
        }
    }
    (gains <= 1).then_some(Crosspoint { source: channel(source)?, destination: channel(destination)?, cell })
}

/// A channel counted from 1 in a text, from 0 here.
fn channel(text: &str) -> Option<u32> {
    text.parse::<u32>().ok()?.checked_sub(1).filter(|channel| *channel < MAX_PORT_CHANNELS)
}

/// A cell in a row: `.` for none, else its gain in dB, `i` after it if inverted, `m` if muted.
pub(super) fn cell_text(cell: Option<Cell>) -> String {
    let Some(cell) = cell else { return ".".to_owned() };
    let mut text = gain_text(cell.gain);
    if cell.invert {
        text.push('i');
    }
    if cell.mute {
        text.push('m');
    }
    text
}

/// Reads what [`cell_text`] writes.
pub(super) fn cell(text: &str) -> Option<Option<Cell>> {
    if text == "." {
        return Some(None);
    }
    let (rest, mute) = text.strip_suffix('m').map_or((text, false), |rest| (rest, true));
    let (rest, invert) = rest.strip_suffix('i').map_or((rest, false), |rest| (rest, true));
    Some(Some(Cell { gain: gain(rest)?, mute, invert }))
}

/// A layout: `mono`, `stereo`, `surround 6`, `ambisonic 4`, `8 channels`.
pub(super) fn layout(text: &str) -> Option<ChannelLayout> {
    let count = |text: &str| text.parse::<u32>().ok().filter(|count| (1..=MAX_PORT_CHANNELS).contains(count));
    match text.split_once(' ') {
        None if text == "mono" => Some(ChannelLayout::Mono),
        None if text == "stereo" => Some(ChannelLayout::Stereo),
        Some(("surround", channels)) => count(channels).map(ChannelLayout::Surround),
        Some(("ambisonic", channels)) => count(channels).map(ChannelLayout::Ambisonic),
        Some((channels, "channels")) => count(channels).map(ChannelLayout::Discrete),
        _ => None,
    }
}

/// An audio port: its name and its layout, such as `main: stereo`.
pub(super) fn port_text(port: &AudioPort) -> String {
    format!("{}: {}", port.name, port.layout)
}

/// Reads what [`port_text`] writes. The last colon counts: names may have some.
pub(super) fn port(text: &str) -> Option<AudioPort> {
    let (name, word) = text.rsplit_once(": ")?;
    Some(AudioPort::new(name, layout(word)?))
}

/// Beats a bar and their value, such as `4/4`.
pub(super) fn metre(text: &str) -> Option<(u16, u16)> {
    let (beats, value) = text.split_once('/')?;
    let (beats, value) = (beats.parse().ok()?, value.parse::<u16>().ok()?);
    Some((beats, value)).filter(|&metre| is_metre(metre))
}

/// How a node is bypassed: reads [`BypassMode::word`].
pub(super) fn bypass(text: &str) -> Option<BypassMode> {
    let modes = [BypassMode::Tails, BypassMode::Cut, BypassMode::Live, BypassMode::Plugin];
    modes.into_iter().find(|mode| mode.word() == text)
}

/// When a scene takes over, such as `bar`.
pub(super) fn scene_start_text(start: SceneStart) -> &'static str {
    match start {
        SceneStart::Now => "now",
        SceneStart::Beat => "beat",
        SceneStart::Bar => "bar",
    }
}

/// Reads what [`scene_start_text`] writes.
pub(super) fn scene_start(text: &str) -> Option<SceneStart> {
    let starts = [SceneStart::Now, SceneStart::Beat, SceneStart::Bar];
    starts.into_iter().find(|&start| scene_start_text(start) == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gains_are_as_short_as_people_write_them() {
        let half = 10_f64.powf(-6.0 / 20.0) as f32;
        let written = [(1.0, "0"), (half, "-6"), (0.5, "-6.0206"), (2.0, "6.0206"), (0.0, "-inf"), (-0.5, "x-0.5")];
        for (gain, text) in written {
            assert!(gain_text(gain).starts_with(text), "{gain} is {}", gain_text(gain));
        }
        assert_eq!(gain_text(half), "-6");
        assert_eq!(gain_text(1.0), "0");
    }

    #[test]
    fn what_is_no_gain_cell_layout_or_metre_is_refused() {
        for text in ["", "dB", "inf", "nan", "+inf", "9999", "xinf", "xnan", "x", "1e999", "-6dB"] {
            assert_eq!(gain(text), None, "{text}");
        }
        for text in ["", ">", "0>1", "1>0", "1>257", "1>1 q", "1>1 -6 dB -7 dB", "1>1 dB", "-1>1", "1 > 1", "1-1"] {
            assert_eq!(crosspoint(text), None, "{text}");
        }
        for text in ["0 channels", "10000 channels", "surround", "Stereo", "-1 channels", "quad", ""] {
            assert_eq!(layout(text), None, "{text}");
        }
        for text in ["4", "0/4", "4/0", "4/3", "4/128", "999/4", "/", "-4/4"] {
            assert_eq!(metre(text), None, "{text}");
        }
    }

    // Subnormal and huge gains, negative ones, zeros of both signs: all come back bit for bit.
    proptest! {
        #[test]
        fn every_finite_cell_comes_back(bits: u32, invert: bool, mute: bool, source in 0_u32..256, destination in 0_u32..256) {
            let gain = f32::from_bits(bits);
            prop_assume!(gain.is_finite());
            for gain in [gain, 0.0, -0.0, f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1)] {
                let cell = Cell { gain, invert, mute };
                let back = super::cell(&cell_text(Some(cell))).flatten().unwrap();
                prop_assert_eq!((back.gain.to_bits(), back.invert, back.mute), (gain.to_bits(), invert, mute));
                let at = Crosspoint { source, destination, cell };
                let back = crosspoint(&crosspoint_text(&at)).unwrap();
                prop_assert_eq!(back.cell.gain.to_bits(), gain.to_bits());
                prop_assert_eq!(back, at);
            }
        }

        #[test]
        fn gains_near_unity_are_decibels_with_few_digits(gain in 1e-6_f32..100.0) {
            let text = gain_text(gain);
            prop_assert!(!text.starts_with('x') && text.len() <= 13, "{}", text);
        }

        #[test]
        fn layouts_and_ports_come_back(name in ".{0,12}", channels in 1_u32..=256, kind in 0..4) {
            let layout = match kind {
                0 => ChannelLayout::from_channels(channels),
                1 => ChannelLayout::Surround(channels),
                2 => ChannelLayout::Ambisonic(channels),
                _ => ChannelLayout::Discrete(channels),
            };
            let port = AudioPort::new(name, layout);
            prop_assert_eq!(super::port(&port_text(&port)), Some(port));
        }
    }
}
