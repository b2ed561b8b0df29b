//! `cargo xtask test`: everything that must hold before a change is taken, in steps that can be repeated one by one.

use std::path::Path;
use std::time::Duration;

use crate::call::Call;
use crate::steps::{Outcome, Steps};
use crate::tally::Tally;
use crate::{asks_for_help, demo, setup, workspace};

/// Set by those who accept no skipped test; tests that need real plugins or a real server then fail instead. `CI=true`
/// means the same.
const STRICT: &str = "CROSSPOINT_REQUIRE_REAL_PLUGINS";

/// How long one example may run.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// A step: its name, whether `--quick` runs it too, what it does, its work.
struct Step(&'static str, Speed, &'static str, fn() -> Outcome);

#[derive(PartialEq)]
enum Speed {
    Quick,
    Full,
}

const STEPS: &[Step] = &[
    Step("fmt", Speed::Quick, "the code is formatted", fmt),
    Step("clippy", Speed::Quick, "no lint warns", clippy),
    Step("tests", Speed::Quick, "the tests of every crate and those across crates", tests),
    Step("doctests", Speed::Quick, "the examples in the documentation", doctests),
    Step("rustdoc", Speed::Full, "the documentation builds without a warning", rustdoc),
    Step("examples", Speed::Full, "every example program runs to its end", examples),
    Step("demo", Speed::Full, "the demonstration writes a WAV and a PNG", demonstration),
    Step("app", Speed::Full, "the application's commands answer", app),
    Step("windows", Speed::Full, "the tests on Windows, in Wine, and the types for other systems", windows),
    Step("loom", Speed::Full, "the credit counter in every order of two threads", loom),
    Step("rtsan", Speed::Full, "the callback under RealtimeSanitizer", rtsan),
    Step("valgrind", Speed::Full, "the graph's unsafe code under valgrind", valgrind),
];

const HELP: &str = "\
Sets up, then checks everything.

usage: cargo xtask test [--quick] [--keep-going] [STEP...]

  --quick        only the steps marked with *
  --keep-going   run the later steps although one failed
  STEP           only these steps

Tests that need real plugins or a real JACK server say that they were skipped where these are absent. With CI=true or
CROSSPOINT_REQUIRE_REAL_PLUGINS=1 nothing may be skipped. The last line is `N passed, N failed`; exit code 1 if anything
failed.

steps:
";

const EXAMPLES: &str = "
examples:
  cargo xtask test
  cargo xtask test --quick
  cargo xtask test fmt clippy
";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, &help()) {
        return Ok(());
    }
    let (options, names): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.starts_with('-'));
    let (mut is_quick, mut keep_going) = (false, false);
    for option in options {
        match option.as_str() {
            "--quick" => is_quick = true,
            "--keep-going" => keep_going = true,
            other => return Err(format!("there is no option `{other}`; `cargo xtask test --help` lists them")),
        }
    }
    if let Some(name) = names.iter().find(|name| !STEPS.iter().any(|step| step.0 == **name)) {
        return Err(format!("there is no step `{name}`; `cargo xtask test --help` lists them"));
    }
    setup::for_building()?;
    setup::for_testing(is_strict())?;
    let mut steps = Steps::new(keep_going);
    for Step(name, speed, what, work) in STEPS {
        let is_chosen =
            if names.is_empty() { !is_quick || *speed == Speed::Quick } else { names.iter().any(|n| n == name) };
        if is_chosen {
            steps.step(name, what, work);
        }
    }
    steps.finish()
}

fn help() -> String {
    let mut help = HELP.to_owned();
    for Step(name, speed, what, _) in STEPS {
        let mark = if *speed == Speed::Quick { '*' } else { ' ' };
        help.push_str(&format!("  {mark} {name:<10} {what}\n"));
    }
    help + EXAMPLES
}

/// Whether no test may be skipped.
pub fn is_strict() -> bool {
    let is_set = |name| std::env::var(name).is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()));
    is_set("CI") || is_set(STRICT)
}

fn done(result: Result<(), String>) -> Outcome {
    result.map(|()| Tally::default())
}

fn fmt() -> Outcome {
    done(Call::cargo(["fmt", "--all", "--check"]).run())
}

fn clippy() -> Outcome {
    done(Call::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run())
}

/// In two calls: the application's binary and the engine's library have one name, and would have one page.
fn rustdoc() -> Outcome {
    let document = |packages: &[&str]| {
        let packages = packages.iter().copied();
        Call::cargo(["doc", "--no-deps"]).arguments(packages).variable("RUSTDOCFLAGS", "-D warnings").run()
    };
    document(&["--workspace", "--exclude", "crosspoint-app"])?;
    done(document(&["--package", "crosspoint-app"]))
}

/// With nextest where it is installed: it runs each test in its own process and ends those that hang.
fn tests() -> Outcome {
    if workspace::program("cargo-nextest").is_none() {
        let targets = ["--lib", "--bins", "--tests"];
        let tests = Call::cargo(["test", "--workspace", "--no-fail-fast"]).arguments(targets);
        return counted(&tests.arguments(["--", "--show-output"]));
    }
    // Where nextest keeps it, wherever cargo builds.
    let path = workspace::root().join("target/nextest/default/junit.xml");
    // One that a stopped run left behind would be taken for this one's.
    let _ = std::fs::remove_file(&path);
    let call = strict(Call::cargo(["nextest", "run", "--workspace", "--no-fail-fast"]));
    let (succeeded, text) = call.tee()?;
    match std::fs::read_to_string(&path) {
        Ok(report) => checked(&call, succeeded, Tally::of_nextest(&text, &report)),
        Err(error) => Err(format!("`{call}` left no report in {}: {error}", path.display())),
    }
}

fn doctests() -> Outcome {
    counted(&Call::cargo(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

/// Runs `cargo test` and counts.
fn counted(call: &Call) -> Outcome {
    let call = strict(call.clone());
    let (succeeded, text) = call.tee()?;
    checked(&call, succeeded, Tally::of_cargo_test(&text))
}

fn strict(call: Call) -> Call {
    if is_strict() { call.variable(STRICT, "1") } else { call }
}

/// A run that failed although no test did, did not build. A skipped test is a failed one if none may be skipped.
fn checked(call: &Call, succeeded: bool, mut tally: Tally) -> Outcome {
    if !succeeded && tally.failed == 0 {
        return Err(format!("`{call}` failed"));
    }
    if !succeeded {
        println!("`{call}` failed");
    }
    if is_strict() && !tally.skipped.is_empty() {
        println!("tests were skipped, and none may be here:");
        tally.skipped.iter().for_each(|said| println!("  {said}"));
        tally.failed += tally.skipped.len() as u64;
    }
    Ok(tally)
}

/// All programs and examples. Of one package alone they would be built with other features of what they are made of than the
/// tests were, and so all of that once more.
fn build_programs() -> Result<(), String> {
    Call::cargo(["build", "--workspace", "--bins", "--examples"]).run()
}

/// Runs every example program in an empty folder, with no arguments.
fn examples() -> Outcome {
    build_programs()?;
    let package = ["--package", "crosspoint-examples"];
    let mut tally = Tally::default();
    for (flag, folder) in [("--example", "debug/examples"), ("--bin", "debug")] {
        // Asked for a program without a name, cargo lists those there are.
        let (_, listing) = Call::cargo(["run"]).arguments(package).argument(flag).output()?;
        for name in listing.lines().filter_map(|line| line.strip_prefix("    ")).map(str::trim) {
            println!("example {name}");
            let place = workspace::scratch(&format!("example-{name}"))?;
            Call::new(workspace::built(folder, name)).folder(&place).run_within(EXAMPLE_LIMIT)?;
            tally.passed += 1;
        }
    }
    Ok(tally)
}

/// The README's command, into a folder of its own.
fn demonstration() -> Outcome {
    let folder = workspace::scratch("demo")?;
    let call = demo::into(&folder)?;
    call.run()?;
    for (extension, start) in [("wav", b"RIFF".as_slice()), ("png", b"\x89PNG")] {
        let is_there = files(&folder).any(|path| {
            path.extension().is_some_and(|found| found == extension)
                && std::fs::read(&path).is_ok_and(|bytes| bytes.starts_with(start) && bytes.len() > 1000)
        });
        if !is_there {
            return Err(format!("`{call}` wrote no {extension} file into {}", folder.display()));
        }
    }
    Ok(Tally { passed: 1, ..Tally::default() })
}

fn files(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// What can be asked of the application without a sound card.
const APP_LINES: &[&str] = &[
    "--version",
    "--help",
    "demo --help",
    "devices",
    "devices --channels",
    "devices --json",
    "latency --device virtual:2x2,loopback",
    "bit-perfect --device virtual:2x2,loopback",
    "plugins list rack",
    "plugins list rack --json",
    "graph examples/rigs/guitar.rig.toml",
    "graph examples/rigs/guitar.rig.toml --format dot",
    "graph examples/rigs/guitar.rig.toml --format svg",
];

/// Every line of [`APP_LINES`] succeeds and prints something.
fn app() -> Outcome {
    build_programs()?;
    let mut tally = Tally::default();
    for line in APP_LINES {
        let call =
            Call::new(workspace::built("debug", "crosspoint")).arguments(line.split(' ')).folder(workspace::root());
        match call.output()? {
            (true, text) if !text.trim().is_empty() => tally.passed += 1,
            (true, _) => return Err(format!("`{call}` printed nothing")),
            (false, text) => return Err(format!("`{call}` failed:\n{text}")),
        }
    }
    Ok(tally)
}

/// Only where Windows is, or can be had in Wine.
fn windows() -> Outcome {
    if crate::windows::is_possible() {
        crate::windows::test()
    } else {
        println!("this step is for Windows, and for Debian and its relatives");
        Ok(Tally::default())
    }
}

/// A target directory of its own: other flags would make everything else be built again.
fn apart(call: Call, name: &str) -> Call {
    call.variable("CARGO_TARGET_DIR", workspace::target().join(name).to_string_lossy())
}

/// What a step says that could not run.
fn skipped(reason: String) -> Outcome {
    println!("SKIPPED: {reason}");
    let failed = u64::from(is_strict());
    Ok(Tally { failed, skipped: vec![format!("SKIPPED: {reason}")], ..Tally::default() })
}

/// Runs a test file, if it is there.
fn counted_file(file: &str, call: &Call) -> Outcome {
    if workspace::root().join(file).is_file() { counted(call) } else { skipped(format!("there is no {file}")) }
}

fn loom() -> Outcome {
    let arguments = ["test", "--release", "--package", "crosspoint-graph", "--test", "credits_loom"];
    let call = apart(Call::cargo(arguments), "loom").variable("RUSTFLAGS", "--cfg loom");
    counted_file("graph/tests/credits_loom.rs", &call)
}

/// The sanitizer ships with the stable toolchain but is unlocked by `RUSTC_BOOTSTRAP`. `--target` keeps build scripts and
/// macros free of it.
fn rtsan() -> Outcome {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("this step is for {TARGET} only");
        return Ok(Tally::default());
    }
    let arguments = ["test", "--package", "crosspoint-tests", "--test", "realtime_sanitizer", "--target", TARGET];
    let call = Call::cargo(arguments).variable("RUSTC_BOOTSTRAP", "1");
    let call = apart(call, "rtsan").variable("RUSTFLAGS", "-Zsanitizer=realtime --cfg rtsan");
    counted_file("tests/tests/realtime_sanitizer.rs", &call)
}

/// The unit tests of the graph's `rt` module, where its unsafe code is, with few random cases: valgrind is slow. It does
/// not emulate the modes of the float environment, whose test is left out.
fn valgrind() -> Outcome {
    if workspace::program("valgrind").is_none() {
        return skipped("valgrind is not installed".to_owned());
    }
    let suppressions = workspace::root().join("graph/tests/valgrind.supp");
    let words = ["valgrind", "--quiet", "--error-exitcode=9", "--fair-sched=yes"].map(str::to_owned);
    let known = suppressions.is_file().then(|| format!("--suppressions={}", suppressions.display()));
    let words: Vec<_> = words.into_iter().chain(known).map(|word| format!("'{word}'")).collect();
    let runner = format!("target.'cfg(all())'.runner=[{}]", words.join(","));
    let call = Call::cargo(["test", "--package", "crosspoint-graph", "--lib", "--config", &runner]);
    let call = call.arguments(["--", "rt::", "--skip", "float_environment"]);
    counted(&call.variable("PROPTEST_CASES", "4"))
}
