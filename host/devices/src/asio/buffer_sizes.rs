//! The buffer sizes that a driver says it has: a smallest, a largest, a preferred one, and the step between them.

use crate::error::Choices;

/// No device has a longer buffer; who says so talks nonsense, and would have us reserve memory for it.
const LONGEST: u32 = 1 << 16;

/// As the driver says it; in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferSizes {
    pub smallest: i32,
    pub largest: i32,
    pub preferred: i32,
    /// Step between sizes; -1 for powers of two, 0 if there is nothing between.
    pub granularity: i32,
}

impl BufferSizes {
    /// All sizes that may be asked for. A driver that contradicts itself has at least its preferred one.
    pub fn choices(&self) -> Choices {
        let preferred = size(self.preferred).filter(|&frames| frames <= LONGEST);
        let (Some(smallest), Some(largest)) = (size(self.smallest), size(self.largest)) else {
            return Choices::new(preferred.map(|frames| frames..=frames));
        };
        let mut sizes: Vec<u32> = preferred.into_iter().collect();
        match self.granularity {
            -1 => sizes.extend(
                (0..32).map(|power| 1_u32 << power).filter(|size| (smallest..=largest.min(LONGEST)).contains(size)),
            ),
            step @ 1.. => sizes.extend((smallest..=largest.min(LONGEST)).step_by(step as usize)),
            _ => sizes.extend([smallest, largest].into_iter().filter(|&frames| frames <= LONGEST)),
        }
        Choices::new(sizes.into_iter().map(|frames| frames..=frames))
    }

    /// Those to try where none is asked for: the preferred one, then those that are nearest to it. A driver may refuse what
    /// it says it has.
    pub fn usual(&self) -> Vec<u32> {
        let choices = self.choices();
        let ends = choices.ranges().iter().flat_map(|range| [*range.start(), *range.end()]);
        let preferred = size(self.preferred).filter(|&frames| frames <= LONGEST);
        let mut sizes: Vec<u32> = preferred.into_iter().chain(ends).collect();
        sizes.sort_by_key(|frames| frames.abs_diff(preferred.unwrap_or(0)));
        sizes.dedup();
        sizes
    }
}

fn size(frames: i32) -> Option<u32> {
    u32::try_from(frames).ok().filter(|&frames| frames > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(smallest: i32, largest: i32, preferred: i32, granularity: i32) -> String {
        BufferSizes { smallest, largest, preferred, granularity }.choices().to_string()
    }

    #[test]
    fn sizes_are_what_the_driver_means() {
        assert_eq!(choices(64, 1024, 256, -1), "64, 128, 256, 512, 1024");
        assert_eq!(choices(48, 192, 96, 48), "48, 96, 144, 192");
        assert_eq!(choices(16, 20, 18, 1), "16 to 20");
        assert_eq!(choices(512, 512, 512, 0), "512");
        assert_eq!(choices(64, 512, 128, 0), "64, 128, 512");
        // Not a power of two, and not on the step: what it prefers it has.
        assert_eq!(choices(64, 256, 192, -1), "64, 128, 192, 256");
    }

    /// A driver that talks nonsense is believed in what it prefers.
    #[test]
    fn nonsense_is_survived() {
        assert_eq!(choices(0, 0, 256, -1), "256");
        assert_eq!(choices(-5, 7, 0, 3), "an unknown range");
        assert_eq!(choices(1024, 64, 256, 64), "256");
        let nothing = BufferSizes { smallest: 0, largest: 0, preferred: 0, granularity: 0 };
        assert!(nothing.usual().is_empty());
        assert_eq!(choices(64, i32::MAX, 1 << 30, -1).split(", ").last(), Some("65536"));
        assert_eq!(choices(i32::MAX, i32::MAX, i32::MAX, 0), "an unknown range");
        assert_eq!(
            BufferSizes { smallest: 1, largest: i32::MAX, preferred: 256, granularity: 1 }.usual(),
            [256, 1, 65_536]
        );
    }

    #[test]
    fn the_preferred_size_is_tried_first() {
        let sizes = BufferSizes { smallest: 64, largest: 512, preferred: 256, granularity: -1 };
        assert_eq!(sizes.usual(), [256, 128, 64, 512]);
    }
}
