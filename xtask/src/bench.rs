//! Runs every bench of the workspace and passes its verdicts on. A bench is a program in a crate's `benches/` that prints
//! `bench NAME MEASURE VALUE bound BOUND ok|MISSED` for each limit it measures itself against in the same run.
//!
//! Instruction counts: a bench that knows `--only CASE` runs one case a fixed number of times; `CASE` is measured here
//! against `CASE-bare` under callgrind, both less `nothing`.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::{asks_for_help, setup, workspace};

const HELP: &str = "\
Builds the benches and runs them all, one after the other.

usage: cargo xtask bench [--json]

  --json   one document on standard output and nothing else there

Each limit is a line `bench NAME ratio R bound B ok|MISSED`; exit code 1 if one is missed. Where valgrind is installed,
instructions are counted too. Keep the machine quiet meanwhile.

examples:
  cargo xtask bench
  cargo xtask bench --json > benches.json
";

/// A case may take this many times the instructions of the bare kernels.
const INSTRUCTIONS_BOUND: f64 = 2.0;

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, HELP) {
        return Ok(());
    }
    let is_json = match arguments {
        [] => false,
        [option] if option == "--json" => true,
        [other, ..] => return Err(format!("there is no option `{other}`; `cargo xtask bench --help` lists them")),
    };
    setup::for_building()?;
    // One of the benches scans real plugins.
    setup::for_testing(false)?;
    let mut verdicts = vec![];
    let mut failures = vec![];
    for bench in benches()? {
        match bench.run(is_json) {
            Ok(found) => verdicts.extend(found),
            Err(message) => failures.push(message),
        }
    }
    if is_json {
        println!("{}", document(&verdicts, &failures));
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met).map(|verdict| format!("{} is missed", verdict.name));
    let complaints: Vec<_> = failures.iter().cloned().chain(missed).collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// One limit and how far from it the measurement was.
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    name: String,
    measure: String,
    value: f64,
    bound: f64,
    is_met: bool,
}

impl Verdict {
    /// Reads a line; none if it is no verdict.
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let ["bench", name, measure, value, "bound", bound, verdict] = words[..] else { return None };
        Some(Self {
            name: name.to_owned(),
            measure: measure.to_owned(),
            value: value.parse().ok()?,
            bound: bound.parse().ok()?,
            is_met: verdict == "ok",
        })
    }

    fn line(&self) -> String {
        let Self { name, measure, value, bound, is_met } = self;
        format!("bench {name} {measure} {value:.3} bound {bound:.2} {}", if *is_met { "ok" } else { "MISSED" })
    }

    fn json(&self) -> String {
        let Self { name, measure, value, bound, is_met } = self;
        format!(r#"{{"name":{name:?},"measure":{measure:?},"value":{value},"bound":{bound},"ok":{is_met}}}"#)
    }
}

fn document(verdicts: &[Verdict], failures: &[String]) -> String {
    let list = |items: Vec<String>| items.join(",");
    let is_met = failures.is_empty() && verdicts.iter().all(|verdict| verdict.is_met);
    let benches = list(verdicts.iter().map(Verdict::json).collect());
    let failures = list(failures.iter().map(|failure| format!("{failure:?}")).collect());
    format!(r#"{{"ok":{is_met},"benches":[{benches}],"failures":[{failures}]}}"#)
}

/// A bench program of one of the crates.
struct Bench {
    package: String,
    name: String,
    counts_instructions: bool,
}

/// All of them, found by their files, in the order of their paths.
fn benches() -> Result<Vec<Bench>, String> {
    let mut found = vec![];
    for folder in crates() {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let Some(package) = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')) else {
            continue;
        };
        found.extend(sorted_entries(&folder.join("benches")).iter().filter_map(|place| Bench::at(package, place)));
    }
    if found.is_empty() { Err("no crate has a bench".to_owned()) } else { Ok(found) }
}

/// The folders of the workspace's crates: those at its root and those one below.
fn crates() -> Vec<PathBuf> {
    let folders = |place: &Path| sorted_entries(place).into_iter().filter(|path| path.is_dir()).collect::<Vec<_>>();
    let root = folders(workspace::root());
    let all = root.iter().flat_map(|folder| std::iter::once(folder.clone()).chain(folders(folder)));
    all.filter(|folder| folder.join("benches").is_dir() && folder.join("Cargo.toml").is_file()).collect()
}

fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

impl Bench {
    /// The bench of a file, or of a folder with a `main.rs`, as cargo has them; none if it is neither.
    fn at(package: &str, place: &Path) -> Option<Self> {
        let file = if place.is_dir() { place.join("main.rs") } else { place.to_owned() };
        let source = std::fs::read_to_string(&file).ok().filter(|_| file.extension().is_some_and(|end| end == "rs"))?;
        let name = place.file_stem()?.to_string_lossy().into_owned();
        Some(Self { package: package.to_owned(), name, counts_instructions: source.contains("\"--only\"") })
    }

    fn call(&self) -> Call {
        Call::cargo(["bench", "--package", &self.package, "--bench", &self.name])
    }

    fn run(&self, is_silent: bool) -> Result<Vec<Verdict>, String> {
        let call = self.call();
        // Built first, so that the machine is quiet while it measures.
        let build = call.clone().argument("--no-run");
        if is_silent {
            let (succeeded, text) = build.output()?;
            if !succeeded {
                return Err(format!("`{build}` failed:\n{text}"));
            }
        } else {
            build.run()?;
        }
        let (succeeded, text) = if is_silent { call.output() } else { call.tee() }?;
        let mut verdicts: Vec<_> = text.lines().filter_map(Verdict::read).collect();
        if verdicts.is_empty() || (!succeeded && verdicts.iter().all(|verdict| verdict.is_met)) {
            return Err(format!("`{call}` failed without a verdict"));
        }
        if self.counts_instructions && workspace::program("valgrind").is_some() {
            let counted: Vec<_> = verdicts.iter().filter_map(|verdict| self.instructions(&verdict.name)).collect();
            if !is_silent {
                counted.iter().for_each(|verdict| println!("{}", verdict.line()));
            }
            verdicts.extend(counted);
        }
        Ok(verdicts)
    }

    /// The instructions of a case against those of its bare kernels; none if the bench has no such case.
    fn instructions(&self, name: &str) -> Option<Verdict> {
        let bare = self.count(&format!("{name}-bare"))?;
        let nothing = self.count("nothing")?;
        let whole = self.count(name)?;
        let value = whole.checked_sub(nothing)? as f64 / bare.checked_sub(nothing)? as f64;
        let is_met = value <= INSTRUCTIONS_BOUND;
        let name = format!("{name}-instructions");
        Some(Verdict { name, measure: "ratio".to_owned(), value, bound: INSTRUCTIONS_BOUND, is_met })
    }

    fn count(&self, case: &str) -> Option<u64> {
        let runner = "target.'cfg(all())'.runner=['valgrind','--tool=callgrind','--callgrind-out-file=/dev/null']";
        let call = self.call().arguments(["--config", runner, "--", "--only", case]);
        let (succeeded, text) = call.output().ok()?;
        let line = text.lines().find(|line| line.contains("Collected : "));
        line.filter(|_| succeeded)?.rsplit(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a manifest calls a bench is found, be it a file or a folder.
    #[test]
    fn every_bench_is_found() {
        let mut declared: Vec<String> = Vec::new();
        for folder in crates() {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let sections = manifest.split("[[bench]]").skip(1);
            declared.extend(sections.filter_map(|section| {
                let line = section.lines().find_map(|line| line.strip_prefix("name = \""))?;
                line.strip_suffix('"').map(str::to_owned)
            }));
        }
        let mut found: Vec<String> = benches().unwrap().into_iter().map(|bench| bench.name).collect();
        declared.sort();
        found.sort();
        assert!(declared.len() >= 6, "{declared:?}");
        assert_eq!(found, declared);
    }

    #[test]
    fn reads_verdicts_and_nothing_else() {
        let verdict = Verdict::read("bench chain-64 ratio 1.250 bound 1.60 ok").unwrap();
        assert_eq!(
            (verdict.name.as_str(), verdict.value, verdict.bound, verdict.is_met),
            ("chain-64", 1.25, 1.6, true)
        );
        assert!(!Verdict::read("bench clap-call-overhead-ns ratio 16.1 bound 15.00 MISSED").unwrap().is_met);
        assert_eq!(Verdict::read("test bench_it ... bench: 12 ns"), None);
        assert_eq!(Verdict::read("bench chain ratio nothing bound 1 ok"), None);
    }

    #[test]
    fn the_document_says_what_was_missed() {
        let missed = Verdict::read("bench a ratio 2.5 bound 2 MISSED").unwrap();
        let text =
            r#"{"ok":false,"benches":[{"name":"a","measure":"ratio","value":2.5,"bound":2,"ok":false}],"failures":[]}"#;
        assert_eq!(document(&[missed], &[]), text);
    }

    /// The graph's kernels have a bench, and it is found with its package.
    #[test]
    fn finds_the_benches() {
        let benches = benches().unwrap();
        assert!(benches.iter().any(|bench| bench.package == "crosspoint-graph" && bench.name == "kernels"));
    }
}
