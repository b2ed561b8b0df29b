//! What the engine has to tell, for whoever asks in time: the last notices, numbered. Never waits for a reader.

use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Notices that are kept.
const KEPT: usize = 256;

/// The last notices.
#[derive(Default)]
pub struct Bulletin {
    notices: Mutex<Notices>,
}

#[derive(Default)]
struct Notices {
    last: VecDeque<Value>,
    /// How many there were before the first that is kept.
    gone: u64,
}

impl Bulletin {
    /// Tells something.
    pub fn tell(&self, notice: Value) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.last.push_back(notice);
        if notices.last.len() > KEPT {
            notices.last.pop_front();
            notices.gone += 1;
        }
    }

    /// How many there have been: where one who listens from now on begins.
    pub fn count(&self) -> u64 {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.gone + notices.last.len() as u64
    }

    /// What came after so many, as far as it is kept; counts what was given out.
    pub fn since(&self, seen: &mut u64) -> Vec<Value> {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = seen.saturating_sub(notices.gone) as usize;
        *seen = notices.gone + notices.last.len() as u64;
        notices.last.iter().skip(skipped).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// 0 1 2 ... 299      one who was away sees the last 256, one who was not each once
    /// ```
    #[test]
    fn each_reader_hears_everything_once() {
        let bulletin = Bulletin::default();
        let (mut one, mut other) = (0, 0);
        bulletin.tell(0.into());
        assert_eq!(bulletin.since(&mut one), [Value::from(0)]);
        assert!(bulletin.since(&mut one).is_empty());
        (1..300).for_each(|number: u64| bulletin.tell(number.into()));
        assert_eq!(bulletin.since(&mut one), (44..300).map(Value::from).collect::<Vec<_>>());
        assert_eq!(bulletin.since(&mut other).len(), KEPT);
        assert_eq!((one, other, bulletin.count()), (300, 300, 300));
    }
}
