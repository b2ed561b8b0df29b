//! A rectangle of pixels and what is drawn on it: filled rectangles, anti-aliased columns, curves and text. Whatever
//! falls outside is left out; nothing here knows what the picture shows.

use super::axis::unit;
use super::colour::{Colour, mix};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// A rectangle of pixels: left, top, width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Area {
    /// The column after the last.
    pub fn right(&self) -> usize {
        self.x + self.width
    }

    /// The row after the last.
    pub fn bottom(&self) -> usize {
        self.y + self.height
    }

    /// What is left after taking a strip off each side.
    pub fn inset(&self, left: usize, top: usize, right: usize, bottom: usize) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            width: self.width.saturating_sub(left + right),
            height: self.height.saturating_sub(top + bottom),
        }
    }
}

/// The look of a piece of text.
#[derive(Clone, Copy)]
pub struct Style {
    size: RasterHeight,
    weight: FontWeight,
    colour: Colour,
}

impl Style {
    /// Labels and running text.
    pub fn small(colour: Colour) -> Self {
        Self { size: RasterHeight::Size16, weight: FontWeight::Regular, colour }
    }

    /// Names, as high as running text.
    pub fn strong(colour: Colour) -> Self {
        Self { size: RasterHeight::Size16, weight: FontWeight::Bold, colour }
    }

    /// Figures to be read from afar.
    pub fn figure(colour: Colour) -> Self {
        Self { size: RasterHeight::Size24, weight: FontWeight::Bold, colour }
    }

    /// The title of the picture.
    pub fn title(colour: Colour) -> Self {
        Self { size: RasterHeight::Size32, weight: FontWeight::Bold, colour }
    }

    /// Width in pixels of so many characters.
    pub fn width(&self, characters: usize) -> usize {
        characters * get_raster_width(self.weight, self.size)
    }

    /// `text`, cut with dots where it is wider than `width` pixels.
    pub fn fit(&self, text: &str, width: usize) -> String {
        let room = width / self.width(1);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let kept: String = text.chars().take(room.saturating_sub(2)).collect();
        format!("{}{}", kept.trim_end(), &".."[..room.min(2)])
    }
}

/// Pixels, row by row from the top.
pub struct Canvas {
    width: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// All pixels of one colour; both sizes at least 1.
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self { width, pixels: vec![colour; width * height] }
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Row by row from the top.
    pub fn pixels(&self) -> &[Colour] {
        &self.pixels
    }

    /// Covers a pixel by `amount` (0..1) of `colour`.
    pub fn blend(&mut self, x: usize, y: usize, colour: Colour, amount: f32) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
        {
            *pixel = mix(*pixel, colour, unit(amount));
        }
    }

    /// Covers an area by `amount` (0..1) of `colour`.
    pub fn fill(&mut self, area: Area, colour: Colour, amount: f32) {
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                self.blend(x, y, colour, amount);
            }
        }
    }

    /// Fills an area whose corners are rounded by `radius` pixels.
    pub fn fill_rounded(&mut self, area: Area, radius: usize, colour: Colour) {
        // Distance of a pixel's middle into the rounded corner, along one side of the area.
        let into = |at: usize, length: usize| (radius as f32 - at.min(length - 1 - at) as f32 - 0.5).max(0.0);
        for y in 0..area.height {
            for x in 0..area.width {
                let distance = into(x, area.width).hypot(into(y, area.height));
                self.blend(area.x + x, area.y + y, colour, radius as f32 + 0.5 - distance);
            }
        }
    }

    /// One column of pixels from `top` to `bottom`, its ends anti-aliased and cut to `area`.
    pub fn column(&mut self, area: Area, x: usize, top: f32, bottom: f32, colour: Colour, amount: f32) {
        if x < area.x || x >= area.right() || top.is_nan() || bottom.is_nan() {
            return;
        }
        let (top, bottom) = (top.max(area.y as f32), bottom.min(area.bottom() as f32));
        for y in top as usize..(bottom.ceil() as usize) {
            let covered = bottom.min(y as f32 + 1.0) - top.max(y as f32);
            self.blend(x, y, colour, amount * covered);
        }
    }

    /// A line through one height a column, from the left of `area`; a column without one breaks it.
    pub fn curve(&mut self, area: Area, heights: &[Option<f32>], thickness: f32, colour: Colour, amount: f32) {
        let at = |k: usize| heights.get(k).copied().flatten();
        for (k, &y) in heights.iter().enumerate() {
            let Some(y) = y else { continue };
            let half = |other: Option<f32>| other.map_or(y, |other| 0.5 * (y + other));
            let (before, after) = (half(k.checked_sub(1).and_then(at)), half(at(k + 1)));
            let (top, bottom) = (y.min(before).min(after), y.max(before).max(after));
            self.column(area, area.x + k, top - 0.5 * thickness, bottom + 0.5 * thickness, colour, amount);
        }
    }

    /// A line of text whose top left corner is at (`x`, `y`); characters the font lacks are shown as `?`.
    pub fn text(&mut self, x: usize, y: usize, text: &str, style: Style) {
        for (k, character) in text.chars().enumerate() {
            let raster = |character| get_raster(character, style.weight, style.size);
            let Some(glyph) = raster(character).or_else(|| raster('?')) else { continue };
            let left = x + style.width(k);
            for (row, line) in glyph.raster().iter().enumerate() {
                for (column, &shade) in line.iter().enumerate().filter(|(_, shade)| **shade > 0) {
                    self.blend(left + column, y + row, style.colour, f32::from(shade) / 255.0);
                }
            }
        }
    }

    /// A line of text that ends at `right`.
    pub fn text_to(&mut self, right: usize, y: usize, text: &str, style: Style) {
        self.text(right.saturating_sub(style.width(text.chars().count())), y, text, style);
    }

    /// A line of text around `middle`.
    pub fn text_around(&mut self, middle: usize, y: usize, text: &str, style: Style) {
        self.text(middle.saturating_sub(style.width(text.chars().count()) / 2), y, text, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Colour = [0; 3];
    const WHITE: Colour = [255; 3];

    /// A column from 1.5 to 3.0 covers half of row 1, all of row 2 and nothing else; outside its area it is cut.
    #[test]
    fn columns_are_anti_aliased_and_cut() {
        let mut canvas = Canvas::new(3, 5, BLACK);
        let area = Area { x: 1, y: 0, width: 1, height: 5 };
        canvas.column(area, 1, 1.5, 3.0, WHITE, 1.0);
        canvas.column(area, 0, 0.0, 5.0, WHITE, 1.0);
        canvas.column(area, 1, f32::NAN, 5.0, WHITE, 1.0);
        let shades: Vec<u8> = canvas.pixels().chunks(3).map(|row| row[1][0]).collect();
        assert_eq!(shades, [0, 128, 255, 0, 0]);
        assert!(canvas.pixels().chunks(3).all(|row| row[0] == BLACK && row[2] == BLACK));
    }

    #[test]
    fn what_falls_outside_is_left_out() {
        let mut canvas = Canvas::new(8, 8, BLACK);
        canvas.text(4, 4, "clipped \u{1f3b8}", Style::title(WHITE));
        canvas.fill(Area { x: 6, y: 6, width: 100, height: 100 }, WHITE, 1.0);
        canvas.curve(Area { x: 0, y: 0, width: 8, height: 8 }, &[Some(-9.0), None, Some(90.0)], 2.0, WHITE, 1.0);
        assert_eq!(canvas.pixels().len(), 64);
        assert_eq!(canvas.pixels()[63], WHITE);
    }

    #[test]
    fn long_text_is_cut_with_dots() {
        let style = Style::small(WHITE);
        assert_eq!(style.fit("reverb", style.width(6)), "reverb");
        assert_eq!(style.fit("reverb", style.width(5)), "rev..");
        assert_eq!(style.fit("reverb", style.width(1)), ".");
        assert_eq!(style.fit("reverb", 0), "");
    }
}
