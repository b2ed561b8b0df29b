//! A weight on its way to 0 or 1: a straight line, and a closed form of the frame, so that no partition into chunks shows.

/// How much of something is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weight {
    /// Nothing.
    Zero,
    /// All of it.
    One,
    /// Less and less from that frame on, which may lie before the first.
    Falling(i64),
    /// More and more from that frame on.
    Rising(i64),
}

impl Weight {
    /// On its way to 1 or to 0 from a frame on. What turns round goes on from where it is.
    pub fn towards(self, one: bool, frame: u64, fade: u32) -> Self {
        self.towards_late(one, frame, 0, fade)
    }

    /// The same, but what is 0 stays so for so many frames before it rises.
    pub fn towards_late(self, one: bool, frame: u64, late: u32, fade: u32) -> Self {
        let (from, frame) = (self.settled(frame, fade), frame as i64);
        let turned = |start: i64| frame - (i64::from(fade) - (frame - start)).max(0);
        match (from, one) {
            (Self::Zero, true) => Self::Rising(frame + i64::from(late)),
            (Self::One, false) => Self::Falling(frame),
            (Self::Falling(start), true) => Self::Rising(turned(start)),
            (Self::Rising(start), false) => Self::Falling(turned(start)),
            _ => self,
        }
    }

    /// What it is once a chunk has ended before `frame`: still on its way, or there.
    pub fn settled(self, frame: u64, fade: u32) -> Self {
        let is_over = |start: i64| frame as i64 - start >= i64::from(fade);
        match self {
            Self::Falling(start) if is_over(start) => Self::Zero,
            Self::Rising(start) if is_over(start) => Self::One,
            weight => weight,
        }
    }

    /// Writes what it is from a frame on, a value a frame.
    pub fn fill(self, frame: u64, fade: u32, values: &mut [f32]) {
        let (start, falls) = match self {
            Self::Zero => return values.fill(0.0),
            Self::One => return values.fill(1.0),
            Self::Falling(start) => (start, true),
            Self::Rising(start) => (start, false),
        };
        let step = 1.0 / fade.max(1) as f32;
        for (at, value) in (frame as i64 - start..).zip(values) {
            let risen = if at >= i64::from(fade) { 1.0 } else { at.max(0) as f32 * step };
            *value = if falls { 1.0 - risen } else { risen };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(weight: Weight, frame: u64) -> f32 {
        let mut value = [0.0];
        weight.fill(frame, 10, &mut value);
        value[0]
    }

    /// ```text
    /// 1 ─╲  ╱─      0 at a time, whatever frames it is asked for together
    ///     ╲╱
    /// ```
    #[test]
    fn a_weight_turns_round_where_it_is() {
        let falling = Weight::One.towards(false, 5, 10);
        assert_eq!([at(falling, 3), at(falling, 5), at(falling, 9), at(falling, 15)], [1.0, 1.0, 0.6, 0.0]);
        let rising = falling.towards(true, 9, 10);
        assert!((at(rising, 9) - 0.6).abs() < 1e-6 && at(rising, 13) == 1.0);
        assert_eq!((rising.settled(12, 10), rising.settled(13, 10)), (rising, Weight::One));
        assert_eq!((falling.settled(14, 10), falling.settled(15, 10)), (falling, Weight::Zero));
        let mut together = [0.0; 12];
        falling.fill(3, 10, &mut together);
        assert!((3..15).map(|frame| at(falling, frame)).eq(together));
    }

    /// ```text
    /// 0 ────┐ late  ╱─ 1
    ///       └──────╱         turned round before it has risen it stays where it is; what is heard already does not wait
    /// ```
    #[test]
    fn a_weight_may_rise_later() {
        let rising = Weight::Zero.towards_late(true, 5, 7, 10);
        assert_eq!([at(rising, 5), at(rising, 12), at(rising, 17), at(rising, 22)], [0.0, 0.0, 0.5, 1.0]);
        assert_eq!((rising.settled(21, 10), rising.settled(22, 10)), (rising, Weight::One));
        let turned = rising.towards(false, 8, 10);
        assert_eq!((at(turned, 8), turned.settled(8, 10)), (0.0, Weight::Zero));
        assert_eq!(turned.towards_late(true, 8, 7, 10), Weight::Rising(15));
        assert_eq!(Weight::Falling(0).towards_late(true, 4, 7, 10), Weight::Falling(0).towards(true, 4, 10));
    }

    /// A fade of no frames is a step.
    #[test]
    fn a_weight_may_jump() {
        let mut values = [9.0; 3];
        Weight::One.towards(false, 7, 0).fill(6, 0, &mut values);
        assert_eq!(values, [1.0, 0.0, 0.0]);
        assert_eq!(Weight::Zero.towards(true, 7, 0).settled(7, 0), Weight::One);
    }
}
