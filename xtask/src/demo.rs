//! The demonstration, as anyone runs it first.

use std::path::Path;

use crate::call::Call;
use crate::{asks_for_help, setup, workspace};

const HELP: &str = "\
Sets up, builds the application and plays the demonstration.

usage: cargo xtask demo [-- ARGUMENT...]

A guitar phrase goes through gate, amp, cabinet, delay and reverb. A WAV and a PNG appear in crosspoint-demo/ below the
current folder. No files and no sound card are needed. What follows `--` is passed on to `crosspoint demo`.

examples:
  cargo xtask demo
  cargo xtask demo -- --live     on the best audio device there is
  cargo xtask demo -- --help     what else it can do
";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, HELP) {
        return Ok(());
    }
    let passed_on = match arguments {
        [] => &[],
        [dashes, rest @ ..] if dashes == "--" => rest,
        [other, ..] => {
            return Err(format!("`{other}` is not known here; what is for the demonstration goes after `--`"));
        }
    };
    setup::for_building()?;
    let here = std::env::current_dir().map_err(|error| format!("the current folder is not known: {error}"))?;
    let is_told = passed_on.iter().any(|argument| argument == "--live" || argument.starts_with("--output"));
    // A path that was given is meant from the current folder.
    let mut call = if is_told { bare() } else { into(&here.join("crosspoint-demo"))? }.folder(&here);
    for argument in passed_on {
        call = call.argument(argument);
    }
    call.with_input().run()
}

/// `crosspoint demo` as users build it, writing into a folder, which is made.
pub fn into(folder: &Path) -> Result<Call, String> {
    workspace::make(folder)?;
    Ok(bare().argument("--output").argument(folder.to_string_lossy()))
}

fn bare() -> Call {
    Call::cargo(["run", "--release", "--package", "crosspoint-app", "--bin", "crosspoint", "--", "demo"])
}
