//! The panels about time spent: blocks against the deadline, plugins side by side, and lines of text. They draw times
//! that were measured elsewhere and never look at a clock.

use super::measure::quantile;
use super::sound::nothing;
use crate::drawing::axis::{Scale, duration, micros, percent};
use crate::drawing::canvas::{Area, Canvas, Style};
use crate::drawing::colour;
use crate::drawing::panel;

/// Height of one plugin in its panel, and of all else in it.
const ROW: usize = 34;
const PLUGIN_FRAME: usize = 32 + 24 + 8;
/// So many rows at most.
const ROWS: usize = 9;
/// Height of a line of notes.
const LINE: usize = 18;

/// How far each block stayed from the deadline: over time to the left, as a histogram to the right.
pub fn deadline_panel(canvas: &mut Canvas, area: Area, blocks: &[f32], deadline_us: f32) {
    let inside = panel(canvas, area, "Blocks", "part of the deadline used by each");
    let mut sorted: Vec<f32> = blocks.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let plot = inside.inset(52, 0, 96, 66);
    let histogram = Area { x: plot.right() + 8, width: 88, ..plot };
    canvas.fill(plot, colour::PLOT, 1.0);
    canvas.fill(histogram, colour::PLOT, 1.0);

    let decade = |x: f32| 10_f32.powf(x.log10().floor()).clamp(1e-4, 0.1);
    let low = quantile(&sorted, 0.01).map_or(0.01, |x| decade(x.max(1e-4)));
    let high = sorted.last().map_or(3.0, |&most| most.clamp(1.0, 1e3) * 3.0);
    let scale = Scale { values: [high, low], pixels: [plot.y as f32, plot.bottom() as f32], logarithmic: true };
    for power in -4..=3 {
        let value = 10_f32.powi(power);
        if (low * 0.999..=high).contains(&value) {
            let y = (scale.pixel(value) as usize).min(plot.bottom() - 1);
            let line = if power == 0 { colour::DEADLINE } else { colour::GRID };
            for part in [plot, histogram] {
                canvas.fill(Area { y, height: 1, ..part }, line, 1.0);
            }
            canvas.text_to(plot.x - 6, y.saturating_sub(8), &format!("{} %", 100.0 * value), Style::small(colour::DIM));
        }
    }
    if sorted.is_empty() {
        nothing(canvas, plot, "no blocks");
    } else {
        draw_blocks(canvas, plot, scale, blocks);
        draw_histogram(canvas, histogram, scale, &sorted);
    }
    let deadline =
        if deadline_us.is_finite() { format!("deadline {}", duration(deadline_us)) } else { "deadline".into() };
    canvas.text(plot.x + 8, (scale.pixel(1.0) as usize).saturating_sub(20), &deadline, Style::small(colour::DEADLINE));
    for (x, text) in [(plot.x, "first"), (plot.right(), "last")] {
        let style = Style::small(colour::DIM);
        let x = if x == plot.x { x } else { x - style.width(text.len()) };
        canvas.text(x, plot.bottom() + 5, text, style);
    }
    canvas.text_around(histogram.x + histogram.width / 2, plot.bottom() + 5, "how many", Style::small(colour::DIM));

    let part = |q: f32| quantile(&sorted, q).map_or("-".into(), percent);
    let words = Style::small(colour::TEXT);
    let text = format!("median {}   p99 {}   most {}", part(0.5), part(0.99), part(1.0));
    canvas.text(inside.x, plot.bottom() + 28, &words.fit(&text, inside.width), words);
    let late = sorted.last().is_some_and(|&most| most > 1.0);
    let words = Style::small(if late { colour::DEADLINE } else { colour::TEXT });
    let text = verdict(&sorted, deadline_us);
    canvas.text(inside.x, plot.bottom() + 48, &words.fit(&text, inside.width), words);
}

/// How many blocks were late, and how near or far the worst of them was; of ascending parts of the deadline.
fn verdict(sorted: &[f32], deadline_us: f32) -> String {
    let late = sorted.iter().filter(|&&part| part > 1.0).count();
    let count = sorted.len();
    match sorted.last().map(|most| (1.0 - most) * deadline_us) {
        None => "no blocks".into(),
        Some(left) if late > 0 => format!("{count} blocks, {late} late, the worst by {}", duration(-left)),
        Some(left) => format!("{count} blocks, none late, the closest with {} to spare", duration(left)),
    }
}

/// Column by column the least, mean and most of the blocks behind it.
fn draw_blocks(canvas: &mut Canvas, plot: Area, scale: Scale, blocks: &[f32]) {
    for column in 0..plot.width {
        let start = column * blocks.len() / plot.width;
        let end = ((column + 1) * blocks.len() / plot.width).max(start + 1);
        let here = || blocks[start..end].iter().copied().filter(|x| x.is_finite());
        let count = here().count();
        if count == 0 {
            continue;
        }
        let x = plot.x + column;
        let least = scale.pixel(here().fold(f32::INFINITY, f32::min));
        let most = here().fold(f32::NEG_INFINITY, f32::max);
        let mean = scale.pixel(here().sum::<f32>() / count as f32);
        canvas.column(plot, x, scale.pixel(most), least, colour::LOAD, 0.35);
        let dot = if most > 1.0 { colour::DEADLINE } else { colour::LOAD };
        canvas.column(plot, x, scale.pixel(most) - 1.0, scale.pixel(most) + 1.0, dot, 0.8);
        canvas.column(plot, x, mean - 1.0, mean + 1.0, colour::TEXT, 0.9);
    }
}

/// How many blocks lie at each height; the square root of their number, so that a single late one can be seen.
fn draw_histogram(canvas: &mut Canvas, plot: Area, scale: Scale, sorted: &[f32]) {
    let bar = 3;
    let mut counts = vec![0_usize; plot.height.div_ceil(bar)];
    for &value in sorted {
        let row = (scale.pixel(value) as usize).saturating_sub(plot.y).min(plot.height - 1);
        counts[row / bar] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f32;
    for (k, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let y = plot.y + k * bar;
        let width = ((count as f32 / most).sqrt() * plot.width as f32).ceil() as usize;
        let height = (bar - 1).min(plot.bottom() - y);
        let late = scale.value((y + bar) as f32) > 1.0;
        let shade = if late { colour::DEADLINE } else { colour::LOAD };
        canvas.fill(Area { x: plot.x, y, width: width.clamp(2, plot.width), height }, shade, 0.9);
    }
}

/// Height that [`plugin_panel`] needs for so many plugins, in pixels.
pub fn plugins_height(plugins: usize) -> usize {
    PLUGIN_FRAME + ROW * plugins.clamp(2, ROWS)
}

/// One row a plugin: its times as numbers, and as a bar: filled to the mean, paler to the 99th percentile, a tick at the
/// most.
pub fn plugin_panel(canvas: &mut Canvas, area: Area, plugins: &[super::PluginLoad]) {
    let inside = panel(canvas, area, "Plugins", "time a block in µs, latency in frames");
    let style = Style::small(colour::DIM);
    let columns = [4, 3, 2, 1].map(|k| inside.right() - (k - 1) * 68);
    for (right, heading) in columns.into_iter().zip(["mean", "p99", "most", "latency"]) {
        canvas.text_to(right, inside.y, heading, style);
    }
    if plugins.is_empty() {
        return nothing(canvas, inside, "no plugins");
    }
    let times = |plugin: &super::PluginLoad| [plugin.mean_us, plugin.p99_us, plugin.max_us].map(|us| us.max(0.0));
    let longest = plugins.iter().map(|plugin| times(plugin)[1]).filter(|us| us.is_finite()).fold(1e-3, f32::max);
    let scale =
        Scale { values: [0.0, 1.2 * longest], pixels: [inside.x as f32, inside.right() as f32], logarithmic: false };
    let shown = if plugins.len() > ROWS { ROWS - 1 } else { plugins.len() };
    for (k, plugin) in plugins.iter().take(shown).enumerate() {
        let y = inside.y + 22 + k * ROW;
        let name = Style::strong(colour::TEXT);
        canvas.text(inside.x, y, &name.fit(&plugin.name, columns[0] - 60 - inside.x), name);
        let readings = times(plugin).map(micros).into_iter().chain([plugin.latency.to_string()]);
        for (right, text) in columns.into_iter().zip(readings) {
            canvas.text_to(right, y, &text, Style::small(colour::TEXT));
        }
        let bar = Area { y: y + 19, height: 7, ..inside };
        canvas.fill(bar, colour::PLOT, 1.0);
        let [mean, p99, most] = times(plugin).map(|us| scale.pixel(us) as usize - bar.x);
        canvas.fill(Area { width: p99, ..bar }, colour::LOAD, 0.4);
        canvas.fill(Area { width: mean, ..bar }, colour::LOAD, 1.0);
        canvas.fill(Area { x: bar.x + most.saturating_sub(2), width: 2, ..bar }, colour::TEXT, 1.0);
    }
    if let Some(rest) = plugins.get(shown..).filter(|rest| !rest.is_empty()) {
        let mean: f32 = rest.iter().map(|plugin| times(plugin)[0]).filter(|us| us.is_finite()).sum();
        let text = format!("and {} more, together {} in the mean", rest.len(), duration(mean));
        canvas.text(inside.x, inside.y + 22 + shown * ROW, &text, style);
    }
}

/// Lines of text, as many as there is room for.
pub fn note_panel(canvas: &mut Canvas, area: Area, notes: &[String]) {
    let inside = panel(canvas, area, "Schedule", "");
    if notes.is_empty() {
        return nothing(canvas, inside, "no notes");
    }
    let room = inside.height / LINE;
    let shown = if notes.len() > room { room.saturating_sub(1) } else { notes.len() };
    let style = Style::small(colour::TEXT);
    for (k, note) in notes.iter().take(shown).enumerate() {
        canvas.text(inside.x, inside.y + k * LINE, &style.fit(note, inside.width), style);
    }
    if shown < notes.len() && room > 0 {
        let text = format!("and {} lines more", notes.len() - shown);
        canvas.text(inside.x, inside.y + shown * LINE, &text, Style::small(colour::DIM));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_tells_late_blocks_from_near_ones() {
        assert_eq!(verdict(&[], 1000.0), "no blocks");
        assert_eq!(verdict(&[0.1, 0.25], 1000.0), "2 blocks, none late, the closest with 750 µs to spare");
        assert_eq!(verdict(&[0.1, 1.2, 3.0], 1000.0), "3 blocks, 2 late, the worst by 2.00 ms");
    }

    /// A block past the deadline is drawn in red above the line, in the plot and in the histogram; none is otherwise.
    #[test]
    fn late_blocks_are_red() {
        let red = |blocks: &[f32]| {
            let mut canvas = Canvas::new(460, 300, colour::BACKGROUND);
            deadline_panel(&mut canvas, Area { x: 0, y: 0, width: 460, height: 300 }, blocks, 1000.0);
            // To the right of the words and above the line of the deadline.
            let above = canvas.pixels().chunks(460).skip(34).take(30);
            above.flat_map(|row| &row[250..]).filter(|pixel| pixel[0] > 180 && pixel[1] < 120).count()
        };
        let mut blocks = vec![0.05; 500];
        assert_eq!(red(&blocks), 0);
        blocks[480] = 2.0;
        assert!(red(&blocks) > 2);
    }
}
