//! A rig that runs in a process of its own, for tests that command it from outside. Never finds, nor is found by, a rig that
//! a person runs on this machine.

// Each test program uses what it needs.
#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that ends with the test that started it, however that ends.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `crosspoint run` with an example rig, in a folder of its own.
pub struct Running {
    process: Process,
    place: tempfile::TempDir,
    /// Where it listens.
    pub address: String,
    /// What lets a client in.
    pub token: String,
    /// What it said before it listened.
    pub told: Vec<String>,
}

impl Running {
    /// Runs an example with more arguments, and waits until its plugins are there.
    pub fn start(example: &str, arguments: &[&str]) -> Self {
        Self::start_on("virtual:2x2", example, arguments)
    }

    /// As [`Self::start`], on a device.
    pub fn start_on(device: &str, example: &str, arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let rig = place.path().join(example);
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs");
        std::fs::copy(examples.join(example), &rig).unwrap();
        let mut run = command(place.path(), &["run", "--device", device, "--remote=127.0.0.1:0"]);
        let mut process = Process(run.args(arguments).arg(&rig).stderr(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let mut told = Vec::new();
        let line = lines.by_ref().map(Result::unwrap).find(|line| {
            told.push(line.clone());
            line.starts_with("listening at ")
        });
        let line = line.unwrap_or_else(|| panic!("it does not listen: {told:?}"));
        let (address, token) = line["listening at ".len()..].split_once("; the token is ").unwrap();
        let (address, token) = (address.to_owned(), token.to_owned());
        // Somebody must read on, or the program would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let running = Self { process, place, address, token, told };
        running.eventually(|rig| !rig["nodes"].as_array().unwrap().is_empty() && rig["is_building"] == false);
        running
    }

    /// Where its rig lies.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Exit code, standard output and standard error of `crosspoint ctl`.
    pub fn ctl(&self, arguments: &[&str]) -> (i32, String, String) {
        ctl(self.folder(), arguments)
    }

    /// Standard output of `crosspoint ctl`, which must succeed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.ctl(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    /// The rig as it is.
    pub fn show(&self) -> Value {
        serde_json::from_str(&self.done(&["show", "--json"])).unwrap()
    }

    /// What `crosspoint ctl` prints as a document.
    pub fn document(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// The rig once it is as it should be.
    pub fn eventually(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(|| Some(self.show()).filter(&is_so)).unwrap_or_else(|| panic!("never: {}", self.show()))
    }

    /// Ends it as Ctrl-C does, so that it leaves its device in order.
    pub fn stop(mut self) {
        let process = &mut self.process.0;
        let asked = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
        assert!(asked.unwrap().success());
        eventually(|| process.try_wait().unwrap()).expect("it ends");
    }

    /// How many were refused, by why.
    pub fn refusals(&self) -> Value {
        serde_json::from_str(&self.done(&["send", "refusals"])).unwrap()
    }
}

/// What is found by looking again and again, within a minute.
pub fn eventually<T>(look: impl FnMut() -> Option<T>) -> Option<T> {
    let pauses = std::iter::repeat_n(Duration::from_millis(50), 1200).map(std::thread::sleep);
    pauses.zip(std::iter::repeat_with(look)).find_map(|((), found)| found)
}

/// Exit code, standard output and standard error of `crosspoint ctl` for the rig of a folder.
pub fn ctl(place: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command(place, &["ctl"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// `crosspoint`, for which no other rig of this machine runs.
pub fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    // Where each system has what programs keep: no rig of this machine's user is to be found, nor what it recovers.
    let folders = ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA"];
    for variable in folders {
        command.env(variable, place);
    }
    if cfg!(target_os = "macos") {
        command.env("HOME", place);
    }
    // Files are named from where a client is.
    command.args(arguments).current_dir(place).stdin(Stdio::null());
    command
}

/// A node of a rig.
pub fn node<'r>(rig: &'r Value, name: &str) -> &'r Value {
    rig["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()
}
