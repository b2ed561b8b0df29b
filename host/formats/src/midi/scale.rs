//! Values of one resolution in another: the minimum, the centre and the maximum stay what they are.
#![deny(clippy::disallowed_types)]

/// A value of `from` bits in `to` bits, `1 < from < to <= 32`: the min-centre-max scaling of M2-115-U. Scaling back down
/// gives the value again.
pub fn scale_up(value: u32, from: u32, to: u32) -> u32 {
    let shift = to - from;
    let shifted = value << shift;
    if value <= 1 << (from - 1) {
        return shifted;
    }
    // Above the centre the bits below the top one are repeated into the room gained, so that all ones stay all ones.
    let repeat_bits = from - 1;
    let repeat = value & ((1 << repeat_bits) - 1);
    let mut result = shifted;
    let mut filled = 0;
    while filled < shift {
        let place = i64::from(shift) - i64::from(filled) - i64::from(repeat_bits);
        result |= if place >= 0 { repeat << place } else { repeat >> -place };
        filled += repeat_bits;
    }
    result
}

/// A value of `from` bits in `to` bits, `to <= from <= 32`.
pub fn scale_down(value: u32, from: u32, to: u32) -> u32 {
    value >> (from - to)
}

/// A share of the whole in `bits` bits.
pub(super) fn quantise(unit: f64, bits: u32) -> u32 {
    let most = f64::from(u32::MAX >> (32 - bits));
    (unit.clamp(0.0, 1.0) * most).round() as u32
}

/// A value of `bits` bits as a share of the whole.
pub(super) fn unit(value: u32, bits: u32) -> f64 {
    f64::from(value) / f64::from(u32::MAX >> (32 - bits))
}

/// A value whose centre is half of its range as -1 to 1, exact at both ends and in the middle.
pub(super) fn bipolar(value: u32, bits: u32) -> f64 {
    let centre = f64::from(1_u32 << (bits - 1));
    let most = f64::from(u32::MAX >> (32 - bits));
    let value = f64::from(value);
    if value < centre { (value - centre) / centre } else { (value - centre) / (most - centre) }
}

/// The inverse of [`bipolar`].
pub(super) fn quantise_bipolar(value: f64, bits: u32) -> u32 {
    let centre = f64::from(1_u32 << (bits - 1));
    let most = f64::from(u32::MAX >> (32 - bits));
    let value = value.clamp(-1.0, 1.0);
    (centre + if value < 0.0 { value * centre } else { value * (most - centre) }).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends and centre are kept, and every value survives the way up and down.
    #[test]
    fn scaling_keeps_ends_centre_and_values() {
        for (from, to) in [(7, 16), (7, 32), (14, 32), (7, 14), (8, 16)] {
            let most = u32::MAX >> (32 - from);
            assert_eq!(scale_up(0, from, to), 0);
            assert_eq!(scale_up(1 << (from - 1), from, to), 1 << (to - 1));
            assert_eq!(scale_up(most, from, to), u32::MAX >> (32 - to));
            for value in 0..=most {
                assert_eq!(scale_down(scale_up(value, from, to), to, from), value);
            }
        }
    }

    #[test]
    fn bipolar_is_exact_at_ends_and_centre() {
        for bits in [14, 32] {
            let most = u32::MAX >> (32 - bits);
            assert_eq!(bipolar(0, bits), -1.0);
            assert_eq!(bipolar(1 << (bits - 1), bits), 0.0);
            assert_eq!(bipolar(most, bits), 1.0);
            assert_eq!(quantise_bipolar(-1.0, bits), 0);
            assert_eq!(quantise_bipolar(0.0, bits), 1 << (bits - 1));
            assert_eq!(quantise_bipolar(1.0, bits), most);
        }
    }
}
