//! `devices --probe`, and what `run` does about a device that is not to be had yet or has no driver of its own, as people see
//! it.

#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/support.rs"]
mod support;

#[cfg(target_os = "linux")]
mod running;

use std::process::{Command, Output};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    command.args(arguments);
    command
}

/// Exit code, standard output and standard error.
fn crosspoint(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
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

/// A device whose driver has neither a window nor clocks is not played on as if it had.
#[test]
fn a_device_without_a_driver_of_its_own_has_no_panel_and_no_clocks() {
    for option in [&["--panel"][..], &["--clock", "Word Clock"]] {
        let (exit, _, stderr) = crosspoint(&[&["run", "--device", "virtual:2x2", "--seconds", "1"], option].concat());
        assert_eq!(exit, Some(1), "{stderr}");
        assert!(stderr.contains(option[0]) && stderr.contains("drivers of ASIO"), "{stderr}");
    }
}

/// What can never be had is not waited for, and a wait for nothing in particular is none.
#[test]
fn only_what_may_pass_is_waited_for() {
    let (exit, _, stderr) = crosspoint(&["run", "--device", "virtual:2x2", "--inputs", "9", "--wait", "600"]);
    assert_eq!(exit, Some(1), "{stderr}");
    assert!(!stderr.contains("waiting"), "{stderr}");
    let (exit, _, stderr) = crosspoint(&["run", "--wait", "600"]);
    assert_eq!(exit, Some(2), "{stderr}");
}

#[cfg(target_os = "linux")]
mod jack {
    use super::command;
    use super::jack_server::JackServer;
    use super::running::Process;
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{ChildStderr, Command, Stdio};

    /// `run` on a server that is not there, once it says that it waits.
    fn waiting(server: &str, wait: &str) -> (Process, Lines<BufReader<ChildStderr>>) {
        let device = format!("jack:{server}");
        let mut run = command(&["run", "--device", &device, "--wait", wait, "--no-connect"]);
        let mut run = Process(run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(run.0.stderr.take().unwrap()).lines();
        let said = lines.by_ref().map_while(Result::ok).find(|line| line.contains("waiting for"));
        assert!(said.is_some_and(|line| line.contains(&format!("{device} for up to {wait} s"))));
        (run, lines)
    }

    fn interrupt(Process(run): &Process) {
        assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    }

    /// Who waits can be interrupted, and a wait that is over is a refusal with its reason.
    #[test]
    fn a_wait_ends() {
        for (wait, is_interrupted) in [("600", true), ("0.2", false)] {
            let (mut run, mut lines) = waiting("crosspoint-no-such-server", wait);
            if is_interrupted {
                interrupt(&run);
            }
            assert_eq!(run.0.wait().unwrap().code(), Some(1));
            let said = lines.by_ref().map_while(Result::ok).last().unwrap();
            assert!(said.contains("no JACK server is running"), "{said}");
        }
    }

    /// ```text
    /// no server ─► run waits ─► the server starts ─► run plays
    /// ```
    #[test]
    fn a_server_that_comes_is_played_on() {
        let Some(mut server) = JackServer::start() else {
            assert!(std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(), "nothing may be skipped here");
            return;
        };
        server.kill();
        let (mut run, mut lines) = waiting(&server.name, "600");
        server.restart();
        let plays = lines.by_ref().map_while(Result::ok).find(|line| line.contains("playing on jack:"));
        assert!(plays.is_some(), "it ended");
        interrupt(&run);
        assert_eq!(run.0.wait().unwrap().code(), Some(0));
    }
}
