//! Set-up and chores: `cargo xtask demo`, `cargo xtask test` and the rest. Plain Rust without dependencies, so that it is
//! there in seconds on a fresh machine. It never changes what is not in the target directory, except for system packages,
//! which it names before it installs them.

mod bench;
mod bundle;
mod call;
mod demo;
mod packages;
mod setup;
mod steps;
mod tally;
mod test;
mod windows;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
Chores of the Crosspoint workspace.

usage: cargo xtask COMMAND

  demo [-- ARGUMENT...]   set up, build and play the demonstration; writes crosspoint-demo/
  test [OPTION...] [STEP...]
                          set up and check everything, or only the steps named
  bundle [OPTION...]      lay out the bundled plugins as .clap and .vst3
  bench [--json]          measure against the limits; exit code 1 if one is missed
  rtsan                   same as `test rtsan`: the callback under RealtimeSanitizer
  valgrind                same as `test valgrind`: the graph's unsafe code under valgrind
  windows [OPTION...]     build for Windows and run the tests there, or in Wine
  setup                   set up only: what building and testing need from the system

`cargo xtask COMMAND --help` says more.

examples:
  cargo xtask demo
  cargo xtask demo -- --live
  cargo xtask test --quick
";

const SETUP_HELP: &str = "\
Installs what building and testing need from the system.

usage: cargo xtask setup

On Debian, Ubuntu, Fedora, Arch and their relatives, packages are installed when this runs as root or when sudo asks for
no password; otherwise the exact command is printed. On Windows and macOS there is nothing to install. A second run finds
everything there and does nothing.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_deref() {
        Some("demo") => demo::run(&rest),
        Some("test") => test::run(&rest),
        Some("bundle") => bundle::run(&rest),
        Some("bench") => bench::run(&rest),
        Some(step @ ("rtsan" | "valgrind")) => test::run(&[step.to_owned()]),
        Some("windows") => windows::run(&rest),
        Some("setup") => set_up(&rest),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("there is no command `{other}`; `cargo xtask help` lists them")),
        None => Err(HELP.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn set_up(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, SETUP_HELP) {
        return Ok(());
    }
    setup::for_building()?;
    setup::for_testing(test::is_strict())
}

/// Prints the help of a command if its arguments ask for it, up to a `--`.
fn asks_for_help(arguments: &[String], help: &str) -> bool {
    let asks = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--help" || argument == "-h");
    if asks {
        print!("{help}");
    }
    asks
}
