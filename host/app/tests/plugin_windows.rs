//! `plugins open`, run as people run it, on a screen of the test's own. Where there is no Xvfb, a test says so loudly.
#![cfg(all(unix, not(target_os = "macos")))]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crosspoint_fixture_file::{WINDOWS, copy, vst3_windows};
use crosspoint_fixtures::display::Display;

fn open(folder: &tempfile::TempDir, file: &str) -> Command {
    copy(folder.path(), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    command.args(["plugins", "open"]).current_dir(folder.path()).env("CROSSPOINT_DATA", folder.path());
    command
}

/// The window is as the plugin wants it, and the program ends with it.
#[test]
fn a_window_opens_and_closes() {
    let Some(display) = Display::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = open(&folder, "window.clap");
    let [eager, _] = WINDOWS;
    command.arg(format!("window.clap#{eager}")).args(["--seconds", "0.1", "--json"]);
    let output = command.env("DISPLAY", display.name()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["width"], &report["height"]), (&200.into(), &100.into()));
    assert_eq!((&report["placement"], &report["can_resize"]), (&"embedded".into(), &true.into()));
    assert_eq!(report["id"], eager);
}

/// A plugin that never comes back is named, of whichever format it is.
#[test]
fn a_window_that_hangs_is_named() {
    let ([_, clap], [_, vst3]) = (WINDOWS, vst3_windows());
    for (file, hangs) in [("window.clap", clap), ("window.vst3", &vst3)] {
        // A screen ends with its last window.
        let Some(display) = Display::start() else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut command = open(&folder, file);
        command.arg(format!("{file}#{hangs}")).env("DISPLAY", display.name());
        let mut program = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let named = lines.map_while(Result::ok).any(|line| line.starts_with("Window that hangs does not answer"));
        program.kill().unwrap();
        program.wait().unwrap();
        assert!(named, "{file}");
    }
}

/// Without a display, and without a window, the message says what to do.
#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let [eager, _] = WINDOWS;
    let cases = [(format!("window.clap#{eager}"), "DISPLAY"), ("clap:org.crosspoint.amp".to_owned(), "no window")];
    for (plugin, word) in &cases {
        let output = open(&folder, "window.clap").arg(plugin).env_remove("DISPLAY").output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && message.contains(*word), "{message}");
    }
}
