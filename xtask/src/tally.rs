//! How many tests passed and failed, and which said that they were skipped, read from what the test runners print.

/// A test says this at the start of a line when it cannot run for want of something on the machine.
const SKIPPED: &str = "SKIPPED:";

/// The count of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// What the tests that could not run said, each line once.
    pub skipped: Vec<String>,
    /// The runner's own closing lines.
    pub closing: Vec<String>,
}

impl Tally {
    /// Reads what `cargo test` printed. One closing line stands for each test binary that had tests.
    pub fn of_cargo_test(text: &str) -> Self {
        let mut tally = Self { skipped: skipped(text), ..Self::default() };
        for line in text.lines().filter(|line| line.starts_with("test result: ")) {
            let passed = before(line, " passed");
            let failed = before(line, " failed");
            tally.passed += passed;
            tally.failed += failed;
            if passed + failed > 0 {
                tally.closing.push(line.to_owned());
            }
        }
        tally
    }

    /// Reads what nextest printed, and its JUnit report, where the output of passed tests is.
    pub fn of_nextest(text: &str, report: &str) -> Self {
        let total = attribute(report, "tests");
        let failed = attribute(report, "failures") + attribute(report, "errors");
        Self {
            passed: total.saturating_sub(failed),
            failed,
            skipped: skipped(report),
            closing: text
                .lines()
                .filter(|line| line.trim_start().starts_with("Summary ["))
                .map(str::to_owned)
                .collect(),
        }
    }
}

fn skipped(text: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    for line in text.lines() {
        // In the report the first line of an output stands behind its tag.
        let Some(start) = line.find(SKIPPED) else { continue };
        if start > 0 && !line[..start].ends_with('>') {
            continue;
        }
        let said = line[start..].split("</system-").next().unwrap_or_default().trim().to_owned();
        if !found.contains(&said) {
            found.push(said);
        }
    }
    found
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> u64 {
    let number = line.split(word).next().and_then(|head| head.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// An attribute of the report's root.
fn attribute(report: &str, name: &str) -> u64 {
    let root = report.split("<testsuites ").nth(1).and_then(|tail| tail.split('>').next()).unwrap_or_default();
    let value = root.split(&format!(" {name}=\"")).nth(1).and_then(|tail| tail.split('"').next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cargo_test() {
        let text = "running 2 tests\n\
                    SKIPPED: there is no jackd here\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    SKIPPED: there is no jackd here\n\
                    test result: FAILED. 5 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let tally = Tally::of_cargo_test(text);
        assert_eq!((tally.passed, tally.failed), (7, 1));
        assert_eq!(tally.skipped, ["SKIPPED: there is no jackd here"]);
        assert_eq!(tally.closing.len(), 2);
    }

    #[test]
    fn reads_nextest_and_its_report() {
        let report = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="113" failures="2" errors="1" uuid="0" timestamp="t" time="1.5">
    <testsuite name="a" tests="4" disabled="0" errors="0" failures="0">
            <system-err>SKIPPED: no zam-plugins here</system-err>
            <system-out>a line
SKIPPED: no jackd here
a word about SKIPPED: is none</system-out>
</testsuites>"#;
        let text = "  PASS [ 0.1s] a\n     Summary [   1.5s] 113 tests run: 110 passed, 3 failed, 0 skipped\n";
        let tally = Tally::of_nextest(text, report);
        assert_eq!((tally.passed, tally.failed), (110, 3));
        assert_eq!(tally.skipped, ["SKIPPED: no zam-plugins here", "SKIPPED: no jackd here"]);
        assert_eq!(tally.closing, ["     Summary [   1.5s] 113 tests run: 110 passed, 3 failed, 0 skipped"]);
    }
}
