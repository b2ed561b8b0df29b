//! Patience instead of deadlines.

use std::time::{Duration, Instant};

/// How long to wait for what must happen, however slow the machine is.
pub fn patience() -> Duration {
    Duration::from_secs(30)
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < patience(), "nothing happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}
