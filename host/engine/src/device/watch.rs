//! Notices a device that neither calls nor says why, such as a server that hangs.

use std::time::{Duration, Instant};

/// How long a device may not call. Drivers that find out by themselves take longer, those that start take less.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long ago a count has moved, as far as somebody looked.
pub(crate) struct Watch {
    pub patience: Duration,
    seen: u64,
    since: Instant,
}

impl Default for Watch {
    fn default() -> Self {
        Self { patience: PATIENCE, seen: 0, since: Instant::now() }
    }
}

impl Watch {
    /// Begins anew: the device has its patience from now on.
    pub fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// Looks at how often the device has called; says whether it has since the last look.
    pub fn look(&mut self, calls: u64) -> bool {
        let has_called = std::mem::replace(&mut self.seen, calls) != calls;
        if has_called {
            self.restart();
        }
        has_called
    }

    /// Whether the last call was too long ago, for periods of that length.
    pub fn is_over(&self, period: Duration) -> bool {
        self.since.elapsed() > self.patience.max(period * 4)
    }
}
