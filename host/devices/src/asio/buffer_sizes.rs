//! The buffer sizes that a driver says it has: a smallest, a largest, a preferred one, and the step between them.

use crate::error::Choices;

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
        let size = |frames: i32| u32::try_from(frames).ok().filter(|&frames| frames > 0);
        let preferred = size(self.preferred);
        let (Some(smallest), Some(largest)) = (size(self.smallest), size(self.largest)) else {
            return Choices::new(preferred.map(|frames| frames..=frames));
        };
        let mut sizes: Vec<u32> = preferred.into_iter().collect();
        match self.granularity {
            -1 => sizes.extend((0..32).map(|power| 1_u32 << power).filter(|size| (smallest..=largest).contains(size))),
            step @ 1.. => sizes.extend((smallest..=largest).step_by(step as usize)),
            _ => sizes.extend([smallest, largest]),
        }
        Choices::new(sizes.into_iter().map(|frames| frames..=frames))
    }

    /// The preferred size, or the one nearest to it that there is.
    pub fn usual(&self) -> Option<u32> {
        let preferred = u32::try_from(self.preferred).ok().filter(|&frames| frames > 0);
        preferred.or_else(|| self.choices().ranges().first().map(|range| *range.start()))
    }
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
        assert_eq!(nothing.usual(), None);
    }
}
