//! The starter's end of a worker, be it for a scan or for the doctor: a process that may end or fall silent at any time.
//! Never waits beyond its deadline, and never leaves a process behind.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ending;
use super::scanner::WorkerProgram;

/// Set in workers: a program that does not know how to be one must not start workers of its own in turn.
const INSIDE: &str = "CROSSPOINT_SCAN_WORKER";
/// How often a silent worker is looked after.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the system is asked for a process that it refuses for a reason that may pass, and how long between.
const TRIES: u32 = 5;
const BREATH: Duration = Duration::from_millis(200);
/// How long a worker may take to get ready, and to end once it has closed its pipe.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Silence {
    /// The process is gone; how it ended.
    Ended(String),
    /// The deadline is over.
    Late,
    /// The scan was stopped.
    Stopped,
}

/// What a worker says.
pub(crate) trait Answer: DeserializeOwned + Send + 'static {
    /// Whether it is the first thing that a worker says.
    fn is_ready(&self) -> bool;
}

/// A worker that runs. Dropped, it is killed.
pub(crate) struct Worker<A> {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<A>,
    /// Whether it has not looked into anything yet.
    pub is_fresh: bool,
    /// Whether it may be asked again.
    pub is_alive: bool,
}

impl<A: Answer> Worker<A> {
    /// Starts one and waits until it is ready.
    pub fn start(program: &WorkerProgram, stop: &AtomicBool) -> Result<Self, String> {
        if std::env::var_os(INSIDE).is_some() {
            return Err("this is a worker itself and does not know it".to_owned());
        }
        let mut command = Command::new(&program.program);
        command.args(&program.arguments).env(INSIDE, "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(if program.verbose { Stdio::inherit() } else { Stdio::null() });
        alone(&mut command);
        let mut child = patiently(|| command.spawn()).map_err(|error| error.to_string())?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no pipes".to_owned());
        };
        let mut worker = Self { child, requests, answers: answers(output), is_fresh: true, is_alive: true };
        match worker.answer(Instant::now() + PATIENCE, stop) {
            Ok(answer) if answer.is_ready() => Ok(worker),
            Err(Silence::Stopped) => Ok(worker),
            Err(Silence::Ended(how)) => Err(how),
            Ok(_) | Err(Silence::Late) => Err("it says nothing".to_owned()),
        }
    }

    /// Asks it for something. A worker that has died is found out by its silence.
    pub fn ask(&mut self, request: &impl Serialize) {
        let _ = serde_json::to_writer(&mut self.requests, request);
        let _ = self.requests.write_all(b"\n").and_then(|()| self.requests.flush());
    }

    /// Its next answer.
    pub fn answer(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<A, Silence> {
        let mut ended = None;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(Silence::Stopped);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(GLANCE)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::Ended(self.ending())),
                // Answers from before its end may still be under way the first time that it is seen.
                Err(RecvTimeoutError::Timeout) => match ended {
                    Some(status) => return Err(Silence::Ended(ending::describe(status))),
                    // Not every end closes the pipe: a process that a plugin started may hold it.
                    None => ended = self.child.try_wait().ok().flatten(),
                },
            }
            if left.is_zero() && ended.is_none() {
                return Err(Silence::Late);
            }
        }
    }

    /// How a worker that has closed its pipe ended.
    fn ending(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return ending::describe(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => break,
            }
        }
        "it closed the pipe of the scan".to_owned()
    }
}

impl<A> Drop for Worker<A> {
    fn drop(&mut self) {
        // Its number is its own only until it was waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_group(&self.child);
        }
        let _ = self.child.kill();
        let _: Result<ExitStatus, _> = self.child.wait();
    }
}

/// Answers as they come. What is no answer is what the program printed before it became a worker.
fn answers<A: Answer>(output: ChildStdout) -> Receiver<A> {
    let (sender, answers) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if let Ok(answer) = serde_json::from_slice(&line)
                && sender.send(answer).is_err()
            {
                break;
            }
        }
    });
    answers
}

/// A system that is short of something for a moment, memory or processes, gives later what it refuses now: that must not
/// cost a whole scan. What is not there, or not allowed, is not asked for again.
fn patiently<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match start() {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                std::thread::sleep(BREATH);
            }
            result => return result,
        }
    }
    start()
}

/// Makes it a group of its own: an interrupt from the keyboard is for the scanner, and what a plugin starts ends with it.
fn alone(command: &mut Command) {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
    }
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_child: &Child) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A start that is refused `times` times: what comes of it, and how often it was tried.
    fn refused(times: u32, kind: ErrorKind) -> (Option<ErrorKind>, u32) {
        let mut tries = 0;
        let result = patiently(|| {
            tries += 1;
            if tries <= times { Err(kind.into()) } else { Ok(()) }
        });
        (result.err().map(|error| error.kind()), tries)
    }

    /// What passes is waited for, not for ever; what is not there is not waited for.
    #[test]
    fn a_refused_start_is_tried_again() {
        assert_eq!(refused(2, ErrorKind::WouldBlock), (None, 3));
        assert_eq!(refused(u32::MAX, ErrorKind::OutOfMemory), (Some(ErrorKind::OutOfMemory), TRIES));
        assert_eq!(refused(u32::MAX, ErrorKind::NotFound), (Some(ErrorKind::NotFound), 1));
    }
}
