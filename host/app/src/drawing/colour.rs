//! The colours of the picture: a dark theme, and the map from loudness to colour of the spectrogram.

use super::axis::unit;

/// Red, green and blue, each 0..255 (sRGB).
pub type Colour = [u8; 3];

/// Behind everything.
pub const BACKGROUND: Colour = [13, 15, 22];
/// Behind a panel.
pub const PANEL: Colour = [21, 24, 34];
/// Behind a plot.
pub const PLOT: Colour = [15, 17, 25];
/// Lines at the ticks of a plot.
pub const GRID: Colour = [44, 50, 66];
/// Text that is read first.
pub const TEXT: Colour = [226, 230, 240];
/// Labels and explanations.
pub const DIM: Colour = [142, 151, 175];
/// What goes in.
pub const INPUT: Colour = [84, 205, 190];
/// What comes out.
pub const OUTPUT: Colour = [252, 150, 92];
/// Time spent.
pub const LOAD: Colour = [150, 130, 250];
/// The deadline, and what is past it.
pub const DEADLINE: Colour = [248, 92, 104];

/// The map "magma" of matplotlib (S. van der Walt and N. Smith, CC0), sampled at eighths.
const MAGMA: [Colour; 9] = [
    [0, 0, 4],
    [28, 16, 68],
    [79, 18, 123],
    [129, 37, 129],
    [181, 54, 122],
    [229, 80, 100],
    [251, 135, 97],
    [254, 194, 135],
    [252, 253, 191],
];

/// From black by violet and orange to pale yellow as `value` goes from 0 to 1; clamped outside, black for NaN.
pub fn magma(value: f32) -> Colour {
    let last = MAGMA.len() - 1;
    let place = unit(value) * last as f32;
    let below = (place as usize).min(last - 1);
    mix(MAGMA[below], MAGMA[below + 1], place - below as f32)
}

/// `from` at 0, `to` at 1.
pub fn mix(from: Colour, to: Colour, amount: f32) -> Colour {
    std::array::from_fn(|k| (f32::from(from[k]) + (f32::from(to[k]) - f32::from(from[k])) * amount).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magma_runs_from_black_to_pale_yellow_and_takes_anything() {
        assert_eq!(magma(0.0), MAGMA[0]);
        assert_eq!(magma(0.5), MAGMA[4]);
        assert_eq!(magma(1.0), MAGMA[8]);
        assert_eq!([magma(-1.0), magma(f32::NAN), magma(f32::INFINITY)], [MAGMA[0], MAGMA[0], MAGMA[8]]);
        let bright = |value| magma(value).iter().map(|&c| u32::from(c)).sum::<u32>();
        assert!((1..32).all(|k| bright(k as f32 / 32.0) > bright((k - 1) as f32 / 32.0)));
    }
}
