//! The picture of a tuning: how much of its time each buffer size took, and what counts as safe. Draws what it is given.

use crate::drawing::axis::{Scale, number};
use crate::drawing::canvas::{Area, Canvas, Style};
use crate::drawing::colour::{self, Colour};
use crate::drawing::{Picture, panel};
use crosspoint::measurement::{DeadlineStatistics, Safety};

const WIDTH: usize = 1000;
const HEIGHT: usize = 620;
const MARGIN: usize = 24;
/// The most that is drawn, in parts of the period.
const MOST: f32 = 3.0;

/// Draws the curve. `chosen` is the size that was found safe; `reason` says why, in a sentence.
pub fn draw(title: &str, steps: &[DeadlineStatistics], safety: &Safety, chosen: Option<u32>, reason: &str) -> Picture {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, colour::BACKGROUND);
    let headline = Style::title(colour::TEXT);
    canvas.text(MARGIN, 20, &headline.fit(title, WIDTH - 2 * MARGIN), headline);
    let words = Style::small(if chosen.is_some() { colour::INPUT } else { colour::DEADLINE });
    canvas.text(MARGIN, 60, &words.fit(reason, WIDTH - 2 * MARGIN), words);
    let area = Area { x: MARGIN, y: 92, width: WIDTH - 2 * MARGIN, height: HEIGHT - 92 - MARGIN };
    let inside =
        panel(&mut canvas, area, "Buffer sizes", "part of its time that a period took, by frames of the buffer");
    let plot = inside.inset(60, 4, 12, 52);
    canvas.fill(plot, colour::PLOT, 1.0);

    let mut sorted: Vec<&DeadlineStatistics> = steps.iter().collect();
    sorted.sort_by_key(|step| step.buffer_frames);
    let loads =
        sorted.iter().flat_map(|step| step.loads.iter().copied()).filter(|load| load.is_finite() && *load > 0.0);
    let least = loads.fold(0.01_f32, f32::min).max(1e-4);
    let scale = Scale { values: [MOST, least], pixels: [plot.y as f32, plot.bottom() as f32], logarithmic: true };
    for power in -4..=0 {
        let value = 10_f32.powi(power);
        if (least * 0.999..=MOST).contains(&value) {
            line(&mut canvas, plot, scale.pixel(value), colour::GRID);
            let label = format!("{} %", number(100.0 * value, if power < -2 { -2 - power } else { 0 } as usize));
            canvas.text_to(
                plot.x - 8,
                (scale.pixel(value) as usize).saturating_sub(8),
                &label,
                Style::small(colour::DIM),
            );
        }
    }
    for (value, name, shade, below) in [
        (1.0, "deadline", colour::DEADLINE, -17),
        (safety.worst, "worst that is safe", colour::OUTPUT, 3),
        (safety.usual, "999 of 1,000 that is safe", colour::INPUT, 3),
    ] {
        let y = scale.pixel(value);
        line(&mut canvas, plot, y, shade);
        canvas.text_to(plot.right() - 8, (y as usize).saturating_add_signed(below), name, Style::small(shade));
    }
    let place = |index: usize| plot.x + (2 * index + 1) * plot.width / (2 * sorted.len().max(1));
    for (index, step) in sorted.iter().enumerate() {
        let middle = place(index);
        let is_chosen = chosen == Some(step.buffer_frames);
        let name = Style::strong(if is_chosen { colour::INPUT } else { colour::TEXT });
        canvas.text_around(middle, plot.bottom() + 6, &step.buffer_frames.to_string(), name);
        let lost = if step.xruns > 0 { format!("{} lost", step.xruns) } else { String::new() };
        canvas.text_around(middle, plot.bottom() + 26, &lost, Style::small(colour::DEADLINE));
        if is_chosen {
            canvas.fill(Area { x: middle - 26, width: 52, ..plot }, colour::INPUT, 0.12);
        }
        spread(&mut canvas, plot, scale, middle, step);
    }
    for (part, shade) in [(0.5, colour::LOAD), (0.999, colour::INPUT), (1.0, colour::OUTPUT)] {
        let points: Vec<_> = sorted
            .iter()
            .enumerate()
            .filter_map(|(k, step)| Some((place(k), scale.pixel(step.quantile(part)?))))
            .collect();
        join(&mut canvas, plot, &points, shade);
    }
    for (k, (name, shade)) in
        [("median", colour::LOAD), ("p99.9", colour::INPUT), ("worst", colour::OUTPUT)].iter().enumerate()
    {
        canvas.text(plot.x + 12 + k * 90, plot.y + 8, name, Style::small(*shade));
    }
    Picture::new(canvas)
}

fn line(canvas: &mut Canvas, plot: Area, y: f32, shade: Colour) {
    canvas.fill(Area { y: (y as usize).clamp(plot.y, plot.bottom() - 1), height: 1, ..plot }, shade, 0.8);
}

/// Where the loads of one size lie, darker where there are more of them.
fn spread(canvas: &mut Canvas, plot: Area, scale: Scale, middle: usize, step: &DeadlineStatistics) {
    let mut rows = vec![0_usize; plot.height];
    for &load in &step.loads {
        rows[(scale.pixel(load) as usize).saturating_sub(plot.y).min(plot.height - 1)] += 1;
    }
    let most = rows.iter().copied().max().unwrap_or(1).max(1) as f32;
    for (row, &count) in rows.iter().enumerate().filter(|(_, count)| **count > 0) {
        // The square root of their number, so that a single one can be seen.
        let half = ((count as f32 / most).sqrt() * 22.0).ceil() as usize;
        canvas.fill(Area { x: middle - half, y: plot.y + row, width: 2 * half, height: 1 }, colour::LOAD, 0.45);
    }
}

/// Straight lines from point to point, each with a mark.
fn join(canvas: &mut Canvas, plot: Area, points: &[(usize, f32)], shade: Colour) {
    let mut heights = vec![None; plot.width];
    for pair in points.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        for x in x0..=x1 {
            let part = (x - x0) as f32 / (x1 - x0).max(1) as f32;
            heights[x - plot.x] = Some(y0 + (y1 - y0) * part);
        }
    }
    canvas.curve(plot, &heights, 2.0, shade, 0.9);
    for &(x, y) in points {
        canvas.fill(Area { x: x - 3, y: (y as usize).saturating_sub(3), width: 7, height: 7 }, shade, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(buffer_frames: u32, loads: &[f32]) -> DeadlineStatistics {
        let loads = loads.to_vec();
        DeadlineStatistics { buffer_frames, period_ns: 1e6, periods: loads.len(), loads, longest_gap: 1.0, xruns: 3 }
    }

    fn pixels_of(picture: &Picture, shade: Colour) -> usize {
        picture.canvas().pixels().iter().filter(|pixel| **pixel == shade).count()
    }

    /// More sizes, more marks; and whatever was measured, a picture comes out.
    #[test]
    fn every_size_is_drawn_and_nothing_is_too_odd() {
        let safety = Safety::default();
        let marks =
            |steps: &[DeadlineStatistics]| pixels_of(&draw("device", steps, &safety, None, "why"), colour::LOAD);
        let (one, two) = (vec![step(64, &[0.1, 0.2])], vec![step(64, &[0.1, 0.2]), step(128, &[0.05, 0.3])]);
        assert!(marks(&two) > marks(&one) && marks(&one) > marks(&[]), "{} {}", marks(&two), marks(&one));
        let odd = [step(0, &[f32::NAN, 0.0, f32::INFINITY]), step(u32::MAX, &[]), step(16, &[1e30])];
        draw(&"long ".repeat(100), &odd, &safety, Some(16), &"long ".repeat(100));
    }
}
