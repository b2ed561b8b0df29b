//! A run that is killed, and the one after it: what was loaded comes back, with what nobody had saved.

// The same sockets as for remote control.
#![cfg(not(windows))]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// `crosspoint run` in a folder of its own, and the lines that it says.
struct Running {
    process: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    for variable in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"] {
        command.env(variable, place);
    }
    // Files are named from where a client is.
    command.args(arguments).current_dir(place);
    command
}

impl Running {
    fn start(place: &Path, arguments: &[&str]) -> Self {
        let remote = ["run", "--remote=127.0.0.1:0"];
        let mut process = command(place, &[&remote, arguments].concat()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (told, heard) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(told.send(line))));
        let mut running = Self { process, lines: heard, said: Vec::new() };
        running.until_it_says("listening at ");
        running
    }

    fn until_it_says(&mut self, beginning: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(120)).expect("it says no more");
            let is_it = line.starts_with(beginning);
            self.said.push(line);
            if is_it {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ctl(place: &Path, arguments: &[&str]) -> String {
    let output = command(place, &[&["ctl"], arguments].concat()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(output.stderr));
    text(output.stdout)
}

fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never")
}

fn until_built(place: &Path) {
    eventually(|| {
        let rig: Value = serde_json::from_str(&ctl(place, &["show", "--json"])).unwrap();
        (rig["is_building"] == false && !rig["nodes"].as_array().unwrap().is_empty()).then_some(())
    });
}

/// The recovery files of runs, in the order of their folders.
fn recovery_files(place: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(place.join("crosspoint/recovery")).into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("recovered.rig.toml")).filter(|file| file.exists()).collect()
}

/// Killed with edits that nobody saved: the next run says so, and one that is asked to brings back an equal rig on the same
/// device. Closed as it should be, a run leaves nothing.
#[test]
fn a_killed_run_comes_back_with_what_was_not_saved() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let rig = place.join("guitar.rig.toml");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs/guitar.rig.toml");
    std::fs::copy(example, &rig).unwrap();
    let original = std::fs::read_to_string(&rig).unwrap();
    let run = ["--device", "virtual:2x2", "--autosave", "0.1", rig.to_str().unwrap()];

    let first = Running::start(place, &run);
    until_built(place);
    ctl(place, &["set", "amp", "Drive", "--text", "7 dB"]);
    ctl(place, &["bypass", "delay", "on"]);
    ctl(place, &["cell", "master:1", "speakers:1", "--gain", "-12"]);
    ctl(place, &["tempo", "97"]);
    ctl(place, &["save", "expected.rig.toml"]);
    let expected = std::fs::read_to_string(place.join("expected.rig.toml")).unwrap();
    // As soon as the recovery file has all of it: the states by which the rig that was saved names them, the tempo.
    eventually(|| {
        let text = recovery_files(place).first().and_then(|file| std::fs::read_to_string(file).ok())?;
        let states = expected.lines().filter(|line| line.starts_with("state = "));
        let hash = |line: &str| line.trim_end_matches('"').rsplit('/').next().unwrap_or_default().to_owned();
        let amp = states.map(hash).all(|state| text.contains(&state));
        (amp && text.contains("tempo = 97.0") && text.contains("bypassed = true")).then_some(())
    });
    drop(first);
    assert_eq!(recovery_files(place).len(), 1);

    let second = Running::start(place, &["--device", "virtual:2x2"]);
    assert!(second.said.iter().any(|line| line.contains("crosspoint run --recover")), "{:?}", second.said);
    drop(second);

    let third = Running::start(place, &["--recover", "--autosave", "0.1"]);
    until_built(place);
    ctl(place, &["save", "recovered.rig.toml"]);
    let recovered = std::fs::read_to_string(place.join("recovered.rig.toml")).unwrap();
    assert_eq!(recovered.replace("recovered.rig.state", "expected.rig.state"), expected);
    let shown: Value = serde_json::from_str(&ctl(place, &["show", "--json"])).unwrap();
    assert!(shown["device"]["name"].as_str().unwrap().contains("2x2"), "{}", shown["device"]);
    assert_eq!(std::fs::read_to_string(&rig).unwrap(), original, "the rig's own file is left alone");
    drop(third);

    let closed = command(place, &["run", "--device", "virtual:2x2", "--autosave", "0.1", "--seconds", "1"]);
    let before = recovery_files(place).len();
    assert!({ closed }.status().unwrap().success());
    assert_eq!(recovery_files(place).len(), before);
}

/// Where every run was closed there is nothing to recover, and that is said.
#[test]
fn nothing_to_recover_is_told() {
    let place = tempfile::tempdir().unwrap();
    let output = command(place.path(), &["run", "--recover"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to recover"));
}
