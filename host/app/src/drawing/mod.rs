//! What pictures are drawn with: a canvas, scales, colours, panels, and the file they end up in. Knows nothing of what a
//! picture shows.

pub mod axis;
pub mod canvas;
pub mod colour;

use canvas::{Area, Canvas, Style};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Pixels, ready to be written to a file.
pub struct Picture {
    canvas: Canvas,
}

impl Picture {
    /// Of what was drawn.
    pub fn new(canvas: Canvas) -> Self {
        Self { canvas }
    }

    /// What was drawn.
    #[cfg(test)]
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Writes the picture to `path` as a PNG, in place of a file that is there.
    pub fn write_png(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.canvas.width() as u32, self.canvas.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.canvas.pixels().as_flattened())?;
        writer.finish()?;
        Ok(())
    }
}

/// The background of a panel, with its title and a quieter explanation; the area left for what it shows.
pub fn panel(canvas: &mut Canvas, area: Area, title: &str, detail: &str) -> Area {
    canvas.fill_rounded(area, 8, colour::PANEL);
    let strong = Style::strong(colour::TEXT);
    canvas.text(area.x + 16, area.y + 8, title, strong);
    let start = area.x + 16 + strong.width(title.chars().count() + 2);
    let quiet = Style::small(colour::DIM);
    canvas.text(start, area.y + 8, &quiet.fit(detail, area.right().saturating_sub(start + 16)), quiet);
    area.inset(16, 32, 16, 10)
}
