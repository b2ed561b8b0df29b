//! `cargo xtask windows`: builds the workspace for Windows and runs its tests. On Windows that is plain cargo; on Debian and
//! its relatives, with a toolchain of the system's packages, a linker of MinGW and Wine, all kept outside the workspace.

mod prefix;
mod toolchain;

use std::path::PathBuf;

use crate::call::Call;
use crate::steps::Outcome;
use crate::tally::Tally;
use crate::{asks_for_help, setup, workspace};
use toolchain::{TARGET, Toolchain};

/// Crates whose tests run on Windows; in them, what needs Linux says so itself. Those of the others need what only Linux has:
/// plugins of its packages.
const TESTED: &[&str] = &[
    "crosspoint-graph",
    "crosspoint-devices",
    "crosspoint-formats",
    "crosspoint-app",
    "crosspoint-asio-driver",
    "crosspoint-examples",
];

/// Other targets whose types are checked, where that needs no linker and no library of theirs.
const TYPED: &[&str] = &["x86_64-pc-windows-msvc", "aarch64-apple-darwin"];

/// Single tests of crates whose others need Linux.
const TESTED_ALONE: &[(&str, &str)] = &[("crosspoint-tests", "asio")];

const HELP: &str = "\
Builds everything for Windows and runs its tests.

usage: cargo xtask windows [check | test | run PROGRAM [ARGUMENT...] | cargo ARGUMENT...]

  check   checks the types of the whole workspace, tests included; elsewhere than on Windows also for Microsoft's compiler
          and for macOS
  test    the same, then runs the tests; what is done without a word too
  run     runs a program that was built for Windows
  cargo   any command of cargo, for Windows

On Windows this is cargo as it is. On Debian, Ubuntu and their relatives it installs MinGW's linker and Wine, unpacks the
newest Rust that the system packages into the user's cache folder, builds its standard library for Windows once, which
takes a minute or two, and uses that. Elsewhere install the target x86_64-pc-windows-gnu and Wine, and use cargo directly.

examples:
  cargo xtask windows
  cargo xtask windows check
  cargo xtask windows cargo test --package crosspoint-devices
";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, HELP) {
        return Ok(());
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["test"] => {
            let tally = test()?;
            println!("{} passed, {} failed", tally.passed, tally.failed);
            if tally.failed == 0 { Ok(()) } else { Err(format!("{} tests failed", tally.failed)) }
        }
        ["check"] => check(&Machine::here()?),
        ["run", program, ref rest @ ..] => Machine::here()?.program(program).arguments(rest.iter().copied()).run(),
        ["cargo", command, ref rest @ ..] => Machine::here()?.cargo(command).arguments(rest.iter().copied()).run(),
        _ => Err("there is no such command; `cargo xtask windows --help` lists them".to_owned()),
    }
}

/// Checks types of all and runs the tests of what is tested on Windows.
pub fn test() -> Outcome {
    let machine = Machine::here()?;
    check(&machine)?;
    let mut whole = machine.cargo("test").arguments(["--no-fail-fast", "--lib", "--tests"]);
    for package in TESTED {
        whole = whole.arguments(["--package", package]);
    }
    let alone = TESTED_ALONE.iter().map(|(package, test)| {
        machine.cargo("test").arguments(["--no-fail-fast", "--package", package, "--test", test])
    });
    let mut all = Tally::default();
    for tests in std::iter::once(whole).chain(alone) {
        // Wine's windows and registry are one for all: one test after the other.
        let tests = tests.arguments(["--", "--test-threads=1"]);
        let (succeeded, text) = tests.tee()?;
        let tally = Tally::of_cargo_test(&text);
        if !succeeded && tally.failed == 0 {
            return Err(format!("`{tests}` failed"));
        }
        all.passed += tally.passed;
        all.failed += tally.failed;
        all.skipped.extend(tally.skipped);
        all.closing.extend(tally.closing);
    }
    Ok(all)
}

/// Whether this machine is Windows, or can be made to run what was built for it.
pub fn is_possible() -> bool {
    cfg!(windows) || (cfg!(all(target_os = "linux", target_arch = "x86_64")) && workspace::program("apt-get").is_some())
}

fn check(machine: &Machine) -> Result<(), String> {
    machine.cargo("check").arguments(["--workspace", "--tests"]).run()?;
    if let Machine::Wine { toolchain, .. } = machine {
        for target in TYPED {
            toolchain.check_types(target)?;
        }
    }
    Ok(())
}

/// What runs programs for Windows here.
enum Machine {
    /// Windows itself.
    Windows,
    /// A toolchain of ours, and Wine with a prefix of ours.
    Wine { toolchain: Toolchain, wine: PathBuf, prefix: PathBuf },
}

impl Machine {
    fn here() -> Result<Self, String> {
        if cfg!(windows) {
            return Ok(Self::Windows);
        }
        setup::for_windows()?;
        let toolchain = Toolchain::ready()?;
        let wine = prefix::wine()?;
        let prefix = prefix::ready(&wine, &toolchain)?;
        Ok(Self::Wine { toolchain, wine, prefix })
    }

    /// A command of cargo, for Windows.
    fn cargo(&self, command: &str) -> Call {
        let Self::Wine { toolchain, wine, .. } = self else { return Call::cargo([command]) };
        let call = toolchain.use_in(Call::cargo([command, "--target", TARGET]));
        // Apart from what is built for this machine by its own toolchain.
        let call = call.variable("CARGO_TARGET_DIR", workspace::target().join("windows").to_string_lossy());
        self.in_prefix(call.variable("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", wine.to_string_lossy()))
    }

    /// A program that was built for Windows.
    fn program(&self, path: &str) -> Call {
        match self {
            Self::Windows => Call::new(path),
            Self::Wine { wine, .. } => self.in_prefix(Call::new(wine.clone()).argument(path)),
        }
    }

    fn in_prefix(&self, call: Call) -> Call {
        match self {
            Self::Windows => call,
            Self::Wine { prefix, .. } => prefix::use_in(call, prefix),
        }
    }
}
