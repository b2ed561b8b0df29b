//! `devices --probe` where the driver is not there, as people see it.

use std::process::{Command, Output};

/// Exit code, standard output and standard error.
fn crosspoint(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_crosspoint")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

/// What cannot be probed is told in a line, with nothing on standard output for a script to take for a document.
#[test]
fn what_cannot_be_probed_says_why() {
    let told = |device: &str, code: i32, why: &str| {
        let (exit, stdout, stderr) = crosspoint(&["devices", "--probe", device, "--json"]);
        assert_eq!((exit, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    };
    told("asio:Nobody", 1, if cfg!(windows) { "there is no such driver" } else { "exist on Windows alone" });
    told("asio", 2, "name the driver");
    told("virtual:2x2", 2, "devices --channels");
}
