//! A run that is killed, and the one after it: what was loaded comes back, with what nobody had saved.

// The same sockets as for remote control.
#![cfg(not(windows))]

mod running;

use running::{Process, command, eventually};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// `crosspoint run` in a folder that outlives it, and the lines that it says.
struct Run {
    _process: Process,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Run {
    fn start(place: &Path, arguments: &[&str]) -> Self {
        let mut run = command(place, &["run", "--remote=127.0.0.1:0"]);
        let mut process = Process(run.args(arguments).stderr(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let (told, heard) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(told.send(line))));
        let mut run = Self { _process: process, lines: heard, said: Vec::new() };
        run.until_it_says("listening at ");
        run
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

fn ctl(place: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = running::ctl(place, arguments);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

fn until_built(place: &Path) {
    eventually(|| {
        let rig: Value = serde_json::from_str(&ctl(place, &["show", "--json"])).unwrap();
        (rig["is_building"] == false && !rig["nodes"].as_array().unwrap().is_empty()).then_some(())
    })
    .expect("it is built");
}

/// A rig among the examples, copied.
fn example(place: &Path, name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs");
    let rig = place.join(name);
    std::fs::copy(examples.join(name), &rig).unwrap();
    rig
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
    let rig = example(place, "guitar.rig.toml");
    let original = std::fs::read_to_string(&rig).unwrap();
    let run = ["--device", "virtual:2x2", "--autosave", "0.1", rig.to_str().unwrap()];

    let first = Run::start(place, &run);
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
    })
    .expect("all of it is autosaved");
    drop(first);
    assert_eq!(recovery_files(place).len(), 1);

    let second = Run::start(place, &["--device", "virtual:2x2"]);
    assert!(second.said.iter().any(|line| line.contains("crosspoint run --recover")), "{:?}", second.said);
    drop(second);

    let third = Run::start(place, &["--recover", "--autosave", "0.1"]);
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

/// ```text
/// run a ─► load b ─► killed ─► run --recover ─► save          b has what was changed; a is as it was
/// ```
#[test]
fn what_comes_back_is_saved_where_it_came_from() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (a, b) = (example(place, "guitar.rig.toml"), example(place, "guitar-scenes.rig.toml"));
    let before = std::fs::read_to_string(&a).unwrap();
    let first = Run::start(place, &["--device", "virtual:2x2", "--autosave", "0.1", a.to_str().unwrap()]);
    until_built(place);
    ctl(place, &["load", "guitar-scenes.rig.toml"]);
    ctl(place, &["tempo", "97"]);
    let autosaved = |file: &PathBuf| std::fs::read_to_string(file).is_ok_and(|text| text.contains("tempo = 97.0"));
    eventually(|| recovery_files(place).iter().any(autosaved).then_some(())).expect("it is autosaved");
    drop(first);

    let _second = Run::start(place, &["--recover"]);
    until_built(place);
    ctl(place, &["save"]);
    assert_eq!(std::fs::read_to_string(&a).unwrap(), before);
    let saved = std::fs::read_to_string(&b).unwrap();
    assert!(saved.contains("tempo = 97.0") && saved.contains("Lead"), "{saved}");
}

/// Where every run was closed there is nothing to recover, and that is said.
#[test]
fn nothing_to_recover_is_told() {
    let place = tempfile::tempdir().unwrap();
    let output = command(place.path(), &["run", "--recover"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to recover"));
}
