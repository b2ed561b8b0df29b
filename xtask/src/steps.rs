//! Named steps in a row: each says its name and its time, the first failure ends the row, a summary closes it.

use std::time::{Duration, Instant};

use crate::tally::Tally;

/// What one step came to: what its tests counted, or why it failed.
pub type Outcome = Result<Tally, String>;

/// A row of steps while it runs.
pub struct Steps {
    keep_going: bool,
    started: Instant,
    done: Vec<Done>,
}

struct Done {
    name: &'static str,
    time: Duration,
    tally: Tally,
    failure: Option<String>,
}

impl Steps {
    /// An empty row. `keep_going` runs the later steps although one failed.
    pub fn new(keep_going: bool) -> Self {
        Self { keep_going, started: Instant::now(), done: vec![] }
    }

    /// Runs a step, unless an earlier one failed and that ends the row.
    pub fn step(&mut self, name: &'static str, what: &str, work: impl FnOnce() -> Outcome) {
        if self.has_failed() && !self.keep_going {
            return;
        }
        println!("\n==> {name}: {what}");
        let started = Instant::now();
        let (tally, failure) = match work() {
            Ok(tally) => {
                let failure = (tally.failed > 0).then(|| format!("{} of its tests failed", tally.failed));
                (tally, failure)
            }
            Err(message) => (Tally { failed: 1, ..Tally::default() }, Some(message)),
        };
        let time = started.elapsed();
        match &failure {
            None => println!("==> {name} ok ({})", seconds(time)),
            Some(message) => {
                println!("==> {name} FAILED ({}): {message}", seconds(time));
                println!("    to repeat it: cargo xtask test {name}");
            }
        }
        self.done.push(Done { name, time, tally, failure });
    }

    fn has_failed(&self) -> bool {
        self.done.iter().any(|step| step.failure.is_some())
    }

    /// Prints the summary and, as the last line, `N passed, N failed`: the tests counted by their runners, with a step
    /// that failed otherwise as one failure.
    pub fn finish(self) -> Result<(), String> {
        println!("\n==> summary");
        for step in &self.done {
            let word = if step.failure.is_none() { "ok" } else { "FAILED" };
            let tests = match step.tally {
                Tally { passed: 0, failed: 0, .. } => String::new(),
                Tally { passed, failed, .. } => format!("{passed} passed, {failed} failed"),
            };
            println!("{}", format!("{:<12} {word:<7} {:>9}   {tests}", step.name, seconds(step.time)).trim_end());
        }
        println!("{:<12} {:<7} {:>9}", "together", "", seconds(self.started.elapsed()));
        for skipped in self.done.iter().flat_map(|step| &step.tally.skipped) {
            println!("{skipped}");
        }
        for line in self.done.iter().flat_map(|step| &step.tally.closing) {
            println!("{line}");
        }
        let sum = |count: fn(&Tally) -> u64| self.done.iter().map(|step| count(&step.tally)).sum::<u64>();
        println!("{} passed, {} failed", sum(|tally| tally.passed), sum(|tally| tally.failed));
        let failed: Vec<_> = self.done.iter().filter(|step| step.failure.is_some()).map(|step| step.name).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// one fails -> two is not run, unless the row keeps going.
    #[test]
    fn the_first_failure_ends_the_row() {
        for (keep_going, expected) in [(false, 1), (true, 2)] {
            let mut steps = Steps::new(keep_going);
            let mut runs = 0;
            steps.step("one", "fails", || {
                runs += 1;
                Err("on purpose".to_owned())
            });
            steps.step("two", "works", || {
                runs += 1;
                Ok(Tally::default())
            });
            assert_eq!(runs, expected);
            assert_eq!(steps.finish(), Err("failed: one".to_owned()));
        }
    }

    #[test]
    fn a_failed_test_fails_its_step() {
        let mut steps = Steps::new(false);
        steps.step("one", "has a failed test", || Ok(Tally { passed: 3, failed: 1, ..Tally::default() }));
        assert_eq!(steps.finish(), Err("failed: one".to_owned()));
    }
}
