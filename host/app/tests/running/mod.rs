//! A rig that runs in a process of its own, for tests that command it from outside. Never finds, nor is found by, a rig that
//! a person runs on this machine.

// Each test program uses what it needs.
#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `crosspoint run` with an example rig, in a folder of its own.
pub struct Running {
    process: Child,
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
        let mut process = command(place.path(), &["run", "--device", device, "--remote=127.0.0.1:0"])
            .args(arguments)
            .arg(&rig)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
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
        let mut command = command(self.folder(), &["ctl"]);
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
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
        for _ in 0..600 {
            let rig = self.show();
            if is_so(&rig) {
                return rig;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("never: {}", self.show());
    }

    /// Ends it as Ctrl-C does, so that it leaves its device in order.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(asked.unwrap().success());
        for _ in 0..600 {
            if self.process.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("it does not end");
    }

    /// How many were refused, by why.
    pub fn refusals(&self) -> Value {
        serde_json::from_str(&self.done(&["send", "refusals"])).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `crosspoint`, for which no other rig of this machine runs.
pub fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    // Where rigs are announced on each system: no rig of this machine's user is to be found.
    for variable in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "LOCALAPPDATA", "XDG_CONFIG_HOME", "APPDATA"] {
        command.env(variable, place);
    }
    if cfg!(target_os = "macos") {
        command.env("HOME", place);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A node of a rig.
pub fn node<'r>(rig: &'r Value, name: &str) -> &'r Value {
    rig["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()
}
