//! The panels with time from left to right: waves, spectrogram and levels, all on the same scale so that what happens at
//! one moment stands in one line. They draw sound and know nothing of plugins or load.

use super::measure::{self, Envelope};
use crate::drawing::axis::{Scale, decibels, frequency, level, number, round_step, ticks};
use crate::drawing::canvas::{Area, Canvas, Style};
use crate::drawing::colour::{self, Colour};
use crate::drawing::panel;

/// Room for the labels to the left and the readings to the right of each plot.
const LEFT: usize = 48;
const RIGHT: usize = 76;
/// Room for the labels of time below the last plot.
const BELOW: usize = 20;
/// So many channels are drawn at most.
const LANES: usize = 4;
/// Decibels from the darkest colour of the spectrogram to the lightest.
const SPECTROGRAM_RANGE: f32 = 80.0;
/// The quietest level of the level panel, in dBFS.
const QUIETEST: f32 = -80.0;
/// Levels look this many seconds around their moment, to both sides.
const LEVEL_AROUND_S: f32 = 0.03;

/// What the plots have from left to right.
#[derive(Clone, Copy)]
pub struct Timeline {
    /// Frames of the longest sound, at least 1.
    pub frames: usize,
    /// Frames a second.
    pub rate: f32,
}

impl Timeline {
    fn ticks(&self) -> (Vec<f32>, usize) {
        ticks(self.frames as f32 / self.rate, 12)
    }

    fn pixel(&self, plot: Area, seconds: f32) -> usize {
        let part = seconds * self.rate / self.frames as f32;
        plot.x + (part * (plot.width - 1) as f32).round() as usize
    }
}

/// An empty plot with lines where the ticks of time are.
fn time_plot(canvas: &mut Canvas, plot: Area, timeline: Timeline) {
    canvas.fill(plot, colour::PLOT, 1.0);
    for seconds in timeline.ticks().0 {
        canvas.fill(Area { x: timeline.pixel(plot, seconds), width: 1, ..plot }, colour::GRID, 0.6);
    }
}

/// The labels of time below a plot.
fn time_labels(canvas: &mut Canvas, plot: Area, timeline: Timeline) {
    let (times, decimals) = timeline.ticks();
    let style = Style::small(colour::DIM);
    let unit = "seconds";
    let end = plot.right() + RIGHT - style.width(unit.len() + 1);
    for seconds in times {
        let text = number(seconds, decimals);
        let middle = timeline.pixel(plot, seconds);
        if middle + style.width(text.len()) / 2 < end {
            canvas.text_around(middle, plot.bottom() + 5, &text, style);
        }
    }
    canvas.text_to(plot.right() + RIGHT, plot.bottom() + 5, unit, style);
}

/// A level line across a plot with its label to the left.
fn tick(canvas: &mut Canvas, plot: Area, y: f32, label: &str) {
    let row = (y as usize).min(plot.bottom() - 1);
    canvas.fill(Area { y: row, height: 1, ..plot }, colour::GRID, 1.0);
    canvas.text_to(plot.x - 6, row.saturating_sub(8), label, Style::small(colour::DIM));
}

/// Waves, one lane a channel: extremes, and RMS inside them.
pub fn wave_panel(
    canvas: &mut Canvas,
    area: Area,
    title: &str,
    timeline: Timeline,
    channels: &[&[f32]],
    colour: Colour,
) {
    let shown = channels.len().min(LANES);
    let count = match channels.len() {
        1 => "1 channel".to_owned(),
        many if many > shown => format!("{shown} of {many} channels"),
        many => format!("{many} channels"),
    };
    let detail = format!("{count}: extremes and RMS, full scale is 1");
    let inside = panel(canvas, area, title, &detail).inset(LEFT, 0, RIGHT, 0);
    if shown == 0 {
        time_plot(canvas, inside, timeline);
        return nothing(canvas, inside, "no output");
    }
    let peak = channels.iter().take(shown).map(|channel| measure::whole(channel).peak()).fold(1e-3, f32::max);
    let gap = 6;
    let height = (inside.height + gap) / shown - gap;
    for (k, channel) in channels.iter().take(shown).enumerate() {
        let lane = Area { y: inside.y + k * (height + gap), height, ..inside };
        wave_lane(canvas, lane, timeline, channel, peak * 1.04, colour);
        let whole = measure::whole(channel);
        let name = if shown == 1 { String::new() } else { (k + 1).to_string() };
        readings(canvas, lane, &name, whole, colour);
    }
}

/// Beside a lane: which channel it is, its peak and, where there is room, its RMS, in dBFS.
fn readings(canvas: &mut Canvas, lane: Area, name: &str, whole: Envelope, colour: Colour) {
    let (quiet, clear, strong) = (Style::small(colour::DIM), Style::small(colour::TEXT), Style::strong(colour));
    let x = lane.right() + 10;
    let pairs = [("peak", whole.peak()), ("RMS", whole.rms)];
    let shown = if lane.height < 80 { 1 } else { 2 };
    let top = (lane.y + lane.height / 2).saturating_sub(19 * shown);
    canvas.text(x, top, name, strong);
    for (line, (label, amplitude)) in pairs.into_iter().take(shown).enumerate() {
        let beside = if line == 0 && !name.is_empty() { strong.width(name.len() + 1) } else { 0 };
        canvas.text(x + beside, top + 40 * line, label, quiet);
        canvas.text(x, top + 40 * line + 18, &level(decibels(amplitude)), clear);
    }
}

fn wave_lane(canvas: &mut Canvas, lane: Area, timeline: Timeline, samples: &[f32], limit: f32, colour: Colour) {
    time_plot(canvas, lane, timeline);
    let scale = Scale { values: [limit, -limit], pixels: [lane.y as f32, lane.bottom() as f32], logarithmic: false };
    let step = round_step(limit);
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    for value in [step, 0.0, -step] {
        tick(canvas, lane, scale.pixel(value), &number(value, decimals));
    }
    if samples.is_empty() {
        return nothing(canvas, lane, "no sound");
    }
    for (k, envelope) in measure::envelopes(samples, timeline.frames, lane.width, 0).into_iter().enumerate() {
        let Some(Envelope { min, max, rms }) = envelope else { continue };
        let x = lane.x + k;
        let span = |from: f32, to: f32| (scale.pixel(from) - 0.5, scale.pixel(to) + 0.5);
        let (top, bottom) = span(max, min);
        canvas.column(lane, x, top, bottom, colour, 0.55);
        let (top, bottom) = span(rms.min(max), (-rms).max(min));
        canvas.column(lane, x, top, bottom, colour::mix(colour, [255; 3], 0.35), 0.9);
    }
}

/// A word in the middle of a plot that has nothing to show.
pub fn nothing(canvas: &mut Canvas, plot: Area, text: &str) {
    let style = Style::small(colour::DIM);
    let width = style.width(text.chars().count() + 2);
    let (x, y) = (plot.x + plot.width / 2, plot.y + plot.height / 2);
    canvas.fill(Area { x: x - width / 2, y: y - 8, width, height: 16 }, colour::PLOT, 1.0);
    canvas.text_around(x, y - 8, text, style);
}

/// The plot inside the spectrogram panel, and its scale of frequency from top to bottom.
fn spectrogram_plot(inside: Area, rate: f32) -> (Area, Scale) {
    let plot = inside.inset(LEFT, 0, RIGHT, 0);
    let high = (0.5 * rate).min(20_000.0);
    let low = 40.0_f32.min(0.1 * high);
    (plot, Scale { values: [high, low], pixels: [plot.y as f32, plot.bottom() as f32], logarithmic: true })
}

/// Loudness as colour, over time and frequency.
pub fn spectrogram_panel(canvas: &mut Canvas, area: Area, timeline: Timeline, channels: &[Vec<f32>]) {
    let channels = &channels[..channels.len().min(LANES)];
    let inside = panel(canvas, area, "Spectrogram", "of the output: frequency in Hz, level in dBFS");
    let (plot, scale) = spectrogram_plot(inside, timeline.rate);
    let [high, low] = scale.values;
    let labels = [20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 20e3];
    let empty = channels.iter().all(Vec::is_empty);
    if empty {
        time_plot(canvas, plot, timeline);
        nothing(canvas, plot, "no sound");
    } else {
        let edges: Vec<f32> = (0..=plot.height).map(|row| scale.value((plot.bottom() - row) as f32)).collect();
        let columns = measure::spectrogram(channels, timeline.rate, timeline.frames, plot.width, &edges);
        let loudest = columns.iter().flatten().fold(-120.0_f32, |a, &b| a.max(b));
        let top = (loudest / 5.0).ceil() * 5.0;
        for (x, column) in columns.iter().enumerate() {
            for (row, db) in column.iter().enumerate() {
                let shade = colour::magma(1.0 + (db - top) / SPECTROGRAM_RANGE);
                canvas.blend(plot.x + x, plot.bottom() - 1 - row, shade, 1.0);
            }
        }
        colour_bar(canvas, Area { x: plot.right() + 14, width: 12, ..plot }, top);
    }
    for hz in labels.into_iter().filter(|hz| (low..=high).contains(hz)) {
        let y = (scale.pixel(hz) as usize).min(plot.bottom() - 1);
        canvas.fill(Area { y, height: 1, ..plot }, colour::TEXT, 0.10);
        canvas.text_to(plot.x - 6, y.saturating_sub(8), &frequency(hz), Style::small(colour::DIM));
    }
}

/// The colours of the spectrogram with their levels, from `top` dBFS down.
fn colour_bar(canvas: &mut Canvas, bar: Area, top: f32) {
    let height = bar.height as f32;
    for row in 0..bar.height {
        let shade = colour::magma(1.0 - row as f32 / height);
        canvas.fill(Area { y: bar.y + row, height: 1, ..bar }, shade, 1.0);
    }
    let first = (top / 20.0).floor() * 20.0;
    for db in (0..4).map(|k| first - 20.0 * k as f32) {
        let y = bar.y as f32 + (top - db) / SPECTROGRAM_RANGE * height;
        canvas.text(
            bar.right() + 8,
            (y as usize).saturating_sub(8).max(bar.y),
            &number(db, 0),
            Style::small(colour::DIM),
        );
    }
}

/// Peak and RMS over time, of the input and of the loudest output channel.
pub fn level_panel(canvas: &mut Canvas, area: Area, timeline: Timeline, input: &[f32], output: &[Vec<f32>]) {
    let inside = panel(canvas, area, "Levels", "in dBFS: peak as a line, RMS filled");
    let plot = inside.inset(LEFT, 0, RIGHT, BELOW);
    time_plot(canvas, plot, timeline);
    let around = (timeline.rate * LEVEL_AROUND_S) as usize;
    let measured = |samples: &[f32]| measure::envelopes(samples, timeline.frames, plot.width, around);
    let inputs = measured(input);
    let outputs = output.iter().take(LANES).map(|channel| measured(channel)).reduce(louder).unwrap_or_default();
    let peak = inputs.iter().chain(&outputs).flatten().map(|envelope| decibels(envelope.peak())).fold(0.0, f32::max);
    let top = (peak / 6.0).ceil() * 6.0;
    let scale = Scale { values: [top, QUIETEST], pixels: [plot.y as f32, plot.bottom() as f32], logarithmic: false };
    for db in [0.0, -20.0, -40.0, -60.0] {
        tick(canvas, plot, scale.pixel(db), &number(db, 0));
    }
    for (envelopes, colour) in [(&outputs, colour::OUTPUT), (&inputs, colour::INPUT)] {
        let heights = |of: fn(&Envelope) -> f32| -> Vec<Option<f32>> {
            envelopes.iter().map(|e| e.as_ref().map(|e| scale.pixel(decibels(of(e))))).collect()
        };
        let fill = colour::mix(colour::PLOT, colour, 0.32);
        for (k, y) in heights(|e| e.rms).into_iter().enumerate() {
            if let Some(y) = y {
                canvas.column(plot, plot.x + k, y, plot.bottom() as f32, fill, 0.85);
            }
        }
        canvas.curve(plot, &heights(Envelope::peak), 1.6, colour, 0.95);
    }
    for (k, (name, colour)) in [("input", colour::INPUT), ("output", colour::OUTPUT)].into_iter().enumerate() {
        let y = plot.y + 8 + 24 * k;
        canvas.fill_rounded(Area { x: plot.right() + 10, y: y + 4, width: 10, height: 10 }, 3, colour);
        canvas.text(plot.right() + 26, y, name, Style::small(colour::TEXT));
    }
    if inputs.iter().chain(&outputs).all(Option::is_none) {
        nothing(canvas, plot, "no sound");
    }
    time_labels(canvas, plot, timeline);
}

/// Column by column the louder of two channels.
fn louder(mut a: Vec<Option<Envelope>>, b: Vec<Option<Envelope>>) -> Vec<Option<Envelope>> {
    for (a, b) in a.iter_mut().zip(b) {
        *a = match (*a, b) {
            (Some(x), Some(y)) => {
                Some(Envelope { min: x.min.min(y.min), max: x.max.max(y.max), rms: x.rms.max(y.rms) })
            }
            (one, other) => one.or(other),
        };
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    /// The brightest row of the spectrogram is the one whose label would say the frequency of the sine.
    #[test]
    fn a_sine_is_a_bright_line_at_its_frequency() {
        for (hz, rate) in [(110.0, 44_100.0_f32), (1_000.0, 48_000.0), (8_000.0, 96_000.0)] {
            let sine: Vec<f32> = (0..rate as usize).map(|n| 0.5 * (TAU * hz * (n as f32 / rate)).sin()).collect();
            let area = Area { x: 0, y: 0, width: 600, height: 320 };
            let mut canvas = Canvas::new(600, 320, colour::BACKGROUND);
            spectrogram_panel(&mut canvas, area, Timeline { frames: sine.len(), rate }, &[sine]);
            let (plot, scale) = spectrogram_plot(area.inset(16, 32, 16, 10), rate);
            let x = plot.x + plot.width / 2;
            let brightness = |y: usize| canvas.pixels()[y * 600 + x].iter().map(|&c| u32::from(c)).sum::<u32>();
            let most = (plot.y..plot.bottom()).map(brightness).max().unwrap();
            let rows: Vec<usize> = (plot.y..plot.bottom()).filter(|&y| brightness(y) == most).collect();
            let found = rows.iter().sum::<usize>() as f32 / rows.len() as f32 + 0.5;
            assert!((found - scale.pixel(hz)).abs() < 3.0, "{hz} Hz: row {found}, not {}", scale.pixel(hz));
        }
    }

    #[test]
    fn the_louder_channel_counts() {
        let envelope = |x: f32| Some(Envelope { min: -x, max: x, rms: 0.5 * x });
        let found = louder(vec![envelope(0.1), None, envelope(0.3)], vec![envelope(0.2), envelope(0.1), None]);
        assert_eq!(found, [envelope(0.2), envelope(0.1), envelope(0.3)]);
    }
}
