//! The picture a demonstration leaves behind: the sound before and after, its spectrogram and levels, and how the blocks
//! and the plugins did against the deadline. It only draws what it is given: it measures no time and reads no file, and
//! it draws any report, however empty or broken its numbers, without a panic.

mod load;
mod measure;
mod sound;

use crate::drawing::axis::{duration, number, percent};
use crate::drawing::canvas::{Area, Canvas, Style};
use crate::drawing::{Picture, colour};

/// Width of the picture in pixels.
pub const WIDTH: usize = 1600;
/// Height of the picture in pixels.
pub const HEIGHT: usize = 1000;

/// Between panels, and around them all.
const GAP: usize = 12;
const MARGIN: usize = 24;
/// Where the panels begin, below the title.
const TOP: usize = 92;
/// Where the column of panels about load begins.
const LOAD_LEFT: usize = 1128;

/// What the picture shows.
pub struct Report<'a> {
    /// In large letters at the top; one line.
    pub title: &'a str,
    /// Of input and output, in Hz.
    pub sample_rate: u32,
    /// The sound that went in.
    pub input: &'a [f32],
    /// The sound that came out, channel by channel.
    pub output: &'a [Vec<f32>],
    /// In the order in which they are to be listed.
    pub plugins: &'a [PluginLoad],
    /// The part of the deadline that each block took: 1 is all of it, more is a miss.
    pub blocks: &'a [f32],
    /// Time from one block to the next, in microseconds.
    pub deadline_us: f32,
    /// From input to output, in frames.
    pub latency_frames: u32,
    /// Text for the last panel, line by line: the schedule, and what else there is to say.
    pub notes: &'a [String],
}

/// The time one plugin took for a block, and its latency.
pub struct PluginLoad {
    /// What the user knows it by.
    pub name: String,
    /// Mean over all blocks, in microseconds.
    pub mean_us: f32,
    /// What all but one block in a hundred stayed below, in microseconds.
    pub p99_us: f32,
    /// The longest, in microseconds.
    pub max_us: f32,
    /// Reported by the plugin, in frames.
    pub latency: u32,
}

/// Draws a report.
pub fn draw(report: &Report) -> Picture {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, colour::BACKGROUND);
    headline(&mut canvas, report);

    let frames = report.output.iter().map(Vec::len).chain([report.input.len()]).max().unwrap_or(0);
    let rate = report.sample_rate.max(1);
    // Without any sound the plots show an empty second.
    let timeline = sound::Timeline { frames: if frames > 0 { frames } else { rate as usize }, rate: rate as f32 };
    let [input, output, spectrogram, levels] =
        stack(Area { x: MARGIN, y: TOP, width: LOAD_LEFT - GAP - MARGIN, height: 0 }, [146, 238, 300, 164]);
    sound::wave_panel(&mut canvas, input, "Input", timeline, &[report.input], colour::INPUT);
    let lanes: Vec<&[f32]> = report.output.iter().map(Vec::as_slice).collect();
    sound::wave_panel(&mut canvas, output, "Output", timeline, &lanes, colour::OUTPUT);
    sound::spectrogram_panel(&mut canvas, spectrogram, timeline, report.output);
    sound::level_panel(&mut canvas, levels, timeline, report.input, report.output);

    let plugins_height = load::plugins_height(report.plugins.len());
    let deadline_height = 300;
    let rest = HEIGHT - TOP - MARGIN - 2 * GAP - deadline_height - plugins_height;
    let [deadline, plugins, notes] = stack(
        Area { x: LOAD_LEFT, y: TOP, width: WIDTH - MARGIN - LOAD_LEFT, height: 0 },
        [deadline_height, plugins_height, rest],
    );
    load::deadline_panel(&mut canvas, deadline, report.blocks, report.deadline_us);
    load::plugin_panel(&mut canvas, plugins, report.plugins);
    load::note_panel(&mut canvas, notes, report.notes);
    Picture::new(canvas)
}

/// Areas below one another, from the top of `first` on.
fn stack<const N: usize>(first: Area, heights: [usize; N]) -> [Area; N] {
    let mut y = first.y;
    heights.map(|height| {
        let area = Area { y, height, ..first };
        y += height + GAP;
        area
    })
}

/// The title, and the figures that people look for first.
fn headline(canvas: &mut Canvas, report: &Report) {
    let rate = report.sample_rate.max(1) as f32;
    let mut sorted: Vec<f32> = report.blocks.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let median = measure::quantile(&sorted, 0.5).map_or("-".into(), percent);
    let latency_us = 1e6 * report.latency_frames as f32 / rate;
    let figures = [
        (
            "sample rate",
            format!("{} kHz", number(rate / 1e3, if report.sample_rate.is_multiple_of(1000) { 0 } else { 1 })),
        ),
        ("latency", format!("{} frames, {}", report.latency_frames, duration(latency_us))),
        ("deadline", duration(report.deadline_us)),
        ("load (median)", median),
    ];
    let mut right = WIDTH - MARGIN;
    for (name, value) in figures.iter().rev() {
        let (label, figure) = (Style::small(colour::DIM), Style::figure(colour::TEXT));
        canvas.text_to(right, 22, name, label);
        canvas.text_to(right, 42, value, figure);
        right = right.saturating_sub(label.width(name.chars().count()).max(figure.width(value.chars().count())) + 36);
    }
    let style = Style::title(colour::TEXT);
    canvas.text(MARGIN, 32, &style.fit(report.title, right.saturating_sub(MARGIN)), style);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs::File;

    const NOTHING: Report = Report {
        title: "",
        sample_rate: 48_000,
        input: &[],
        output: &[],
        plugins: &[],
        blocks: &[],
        deadline_us: 0.0,
        latency_frames: 0,
        notes: &[],
    };

    fn sine(frames: usize) -> Vec<f32> {
        (0..frames).map(|n| 0.5 * (n as f32 * 0.1).sin()).collect()
    }

    fn plugin(name: &str, us: f32) -> PluginLoad {
        PluginLoad { name: name.into(), mean_us: us, p99_us: 2.0 * us, max_us: 9.0 * us, latency: 64 }
    }

    /// How many different colours there are between two corners.
    fn colours(picture: &Picture, [left, top, right, bottom]: [usize; 4]) -> usize {
        let rows = picture.canvas().pixels().chunks(WIDTH).take(bottom).skip(top);
        rows.flat_map(|row| &row[left..right]).collect::<BTreeSet<_>>().len()
    }

    /// Each panel, left and right, has more in it than the same panel of an empty report.
    #[test]
    fn every_panel_shows_something() {
        let (input, output) = (sine(48_000), vec![sine(48_000), sine(24_000)]);
        let blocks: Vec<f32> = (0..750).map(|k| 0.02 + 0.0001 * (k % 97) as f32).collect();
        let notes = ["0  Process gate  in -> s0".to_owned(), "1  Process amp  s0 -> out".to_owned()];
        let plugins = [plugin("Gate", 1.5), plugin("Amp", 12.0)];
        let full = Report {
            title: "Demo",
            input: &input,
            output: &output,
            plugins: &plugins,
            blocks: &blocks,
            deadline_us: 1333.3,
            notes: &notes,
            ..NOTHING
        };
        let (full, empty) = (draw(&full), draw(&NOTHING));
        let pixels = |picture: &Picture, [left, top, right, bottom]: [usize; 4]| -> Vec<_> {
            let rows = picture.canvas().pixels().chunks(WIDTH).take(bottom).skip(top);
            rows.flat_map(|row| row[left..right].to_vec()).collect()
        };
        let panels = [
            [24, 16, 400, 80],
            [100, 130, 1000, 230],
            [100, 290, 1000, 470],
            [100, 530, 1000, 790],
            [100, 850, 1000, 940],
            [1200, 130, 1450, 300],
            [1140, 430, 1560, 500],
            [1140, 560, 1560, 640],
        ];
        for area in panels {
            assert_ne!(pixels(&full, area), pixels(&empty, area), "{area:?}");
            assert!(colours(&full, area) > 3, "{area:?}");
        }
    }

    /// The file read back has the size of the picture and its pixels.
    #[test]
    fn the_file_holds_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.png");
        let picture = draw(&Report { title: "Demo", ..NOTHING });
        picture.write_png(&path).unwrap();
        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (WIDTH, HEIGHT));
        assert_eq!(bytes, picture.canvas().pixels().as_flattened());
        assert!(picture.write_png(folder.path().join("absent").join("demo.png")).is_err());
    }

    /// Nothing, one frame, numbers that are none, absurd ones, more of everything than fits: all are drawn.
    #[test]
    fn odd_reports_are_drawn() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.0, 1e30, f32::MIN_POSITIVE];
        let many: Vec<Vec<f32>> = (0..40).map(|k| sine(k * 10)).collect();
        let plugins: Vec<PluginLoad> = odd.iter().map(|&us| plugin("\u{1f3b8} odd \n name", us)).collect();
        let crowd: Vec<PluginLoad> = (0..100).map(|k| plugin(&"long ".repeat(k), k as f32)).collect();
        let notes: Vec<String> = (0..500).map(|k| "note ".repeat(k)).collect();
        for sample_rate in [0, 48_000, u32::MAX] {
            draw(&Report { sample_rate, ..NOTHING });
            draw(&Report { sample_rate, input: &[0.5], output: &[vec![], vec![1.0]], blocks: &[0.1], ..NOTHING });
        }
        draw(&Report {
            title: &"title ".repeat(99),
            sample_rate: u32::MAX,
            input: &odd,
            output: &many,
            plugins: &plugins,
            blocks: &odd,
            deadline_us: f32::NAN,
            latency_frames: u32::MAX,
            notes: &notes,
        });
        draw(&Report { plugins: &crowd, blocks: &[5.0; 3], deadline_us: f32::INFINITY, ..NOTHING });
    }
}
