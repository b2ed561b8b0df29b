//! The example on the test driver of ASIO. Runs on Windows, and in Wine.
#![cfg(windows)]

use std::process::Command;

use crosspoint_asio_driver::{NAME, PLAN_VARIABLE, Plan, REPORT_VARIABLE, Report, Trait, install};

/// It finds the driver, plays a second and its latency on two outputs, says why it stopped, and leaves nothing open.
#[test]
fn it_plays_a_second_and_says_why_it_stopped() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let plan = Plan { traits: Trait::FreeRunning as u32, ..Plan::default() };
    let mut command = Command::new(env!("CARGO_BIN_EXE_asio_playback"));
    command.arg(format!("asio:{NAME}")).env(PLAN_VARIABLE, plan.text()).env(REPORT_VARIABLE, &report);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Driver for tests") && said.contains("test out 1, test out 2"), "{said}");
    assert!(said.contains("stopped: all is played"), "{said}");
    let Report { switches, compared, .. } = Report::read(&report).unwrap();
    assert!(switches * 64 >= 48_000 && compared == switches * 64 * 2);
}
