//! Looking into a driver: what it has and can do, which only a loaded one says. In a helper process with a time limit, for a
//! driver may crash or hang; on request only, for a driver that wraps the system's audio may seize hardware that plays.
//!
//! ```text
//!   program ── starts itself again, writes the driver's name ──► helper: loads it, asks it ── a line of JSON each step ──► program
//! ```
//!
//! A program that probes calls [`serve_if_worker`] first thing in `main`.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::driver_controls::ClockSource;

#[cfg(windows)]
mod worker;

/// The argument that makes a program a helper.
const ARGUMENT: &str = "--crosspoint-asio-probe";

/// A channel of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbedChannel {
    /// As the driver calls it.
    pub name: String,
    /// Channels of the same group belong together.
    pub group: i32,
    /// How its samples are stored, for people.
    pub format: String,
}

/// What a driver says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What it calls itself.
    pub name: String,
    /// Its version, counted as it pleases.
    pub version: i32,
    /// Its inputs.
    pub inputs: Vec<ProbedChannel>,
    /// Its outputs.
    pub outputs: Vec<ProbedChannel>,
    /// The rate it runs at, in frames a second; `None` if it has no clock.
    pub rate: Option<u32>,
    /// The usual rates that it can be switched to.
    pub rates: Vec<u32>,
    /// The ranges of its buffer sizes in frames, both ends included.
    pub buffer_frames: Vec<(u32, u32)>,
    /// The size it prefers.
    pub preferred_frames: Option<u32>,
    /// Latency of input and output in frames with buffers of that size, which it includes.
    pub latencies: Option<(u32, u32)>,
    /// What it can take its clock from.
    pub clock_sources: Vec<ClockSource>,
}

/// Why a driver could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no ASIO on this system.
    #[error("ASIO drivers exist on Windows alone: there is nothing to probe here")]
    NotHere,
    /// The helper could not be started.
    #[error("the helper process for probing could not be started: {reason}")]
    NotStarted {
        /// What the system said.
        reason: String,
    },
    /// The driver, or what is registered under its name, said no.
    #[error("`{device}` cannot be probed: {reason}")]
    Refused {
        /// The driver.
        device: String,
        /// Why.
        reason: String,
    },
    /// The helper died of the driver.
    #[error("`{device}` crashed while {doing} ({status}): the driver is at fault; install a newer one")]
    Crashed {
        /// The driver.
        device: String,
        /// What it was asked to do.
        doing: String,
        /// How the helper ended.
        status: String,
    },
    /// The helper was killed.
    #[error(
        "`{device}` hung while {doing} and was killed after {seconds} s: see that its hardware is there, and try again"
    )]
    Hung {
        /// The driver.
        device: String,
        /// What it was asked to do.
        doing: String,
        /// The limit.
        seconds: u64,
    },
}

/// What a helper writes, a line each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Doing(String),
    Found(Box<Probe>),
    Refused(String),
}

/// Why not to probe now, if there is a reason: a stream is open in this program.
pub fn warning() -> Option<String> {
    #[cfg(windows)]
    if super::slot::Slot::any_is_taken() {
        return Some(
            "a stream is open: a driver that wraps the system's audio may take its hardware away while it is probed"
                .to_owned(),
        );
    }
    None
}

/// Makes this process a helper if a [`Prober`] started it as one, and never returns then. Call it first thing in `main` of
/// every program that probes.
pub fn serve_if_worker() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        serve();
    }
}

/// Makes this process a helper, whatever its arguments are.
pub fn serve() -> ! {
    let mut say = |line: &Line| {
        let text = serde_json::to_string(line).unwrap_or_default();
        // It begins with a line end, for the driver may have printed half a line. Nobody may listen any more.
        let _ = writeln!(io::stdout(), "\n{text}").and_then(|()| io::stdout().flush());
    };
    let mut name = String::new();
    if io::stdin().lock().read_line(&mut name).is_ok() {
        look(name.trim_end_matches(['\r', '\n']), &mut say);
    }
    std::process::exit(0)
}

#[cfg(windows)]
fn look(name: &str, say: &mut dyn FnMut(&Line)) {
    let found = worker::look(name, &mut |doing: &str| say(&Line::Doing(doing.to_owned())));
    say(&found.map_or_else(Line::Refused, |probe| Line::Found(Box::new(probe))));
}

#[cfg(not(windows))]
fn look(_name: &str, say: &mut dyn FnMut(&Line)) {
    say(&Line::Refused(ProbeError::NotHere.to_string()));
}

/// Starts helpers.
#[derive(Clone, Debug)]
pub struct Prober {
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
}

impl Prober {
    /// The program itself, started again, is the helper; it calls [`serve_if_worker`]. Each driver has 20 seconds.
    ///
    /// # Errors
    /// If the system does not say where the program is.
    pub fn this_program() -> io::Result<Self> {
        Ok(Self::with_program(std::env::current_exe()?, vec![ARGUMENT.into()]))
    }

    /// Another program, which calls [`serve`].
    pub fn with_program(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self { program, arguments, limit: Duration::from_secs(20) }
    }

    /// With another limit for each driver.
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Looks into the driver of that name. Takes as long as the driver does, but not longer than the limit. Heed
    /// [`warning`] first.
    ///
    /// # Errors
    /// If the driver refuses, crashes or hangs: the error says during what.
    pub fn probe(&self, device: &str) -> Result<Probe, ProbeError> {
        if !cfg!(windows) {
            return Err(ProbeError::NotHere);
        }
        let mut helper = Helper::start(self).map_err(|error| ProbeError::NotStarted { reason: error.to_string() })?;
        // One that is gone already does not read.
        let _ = helper.ask(device);
        helper.hear(device, self.limit)
    }
}

/// A helper that runs; killed when this is dropped.
struct Helper {
    child: Child,
    lines: mpsc::Receiver<Line>,
}

impl Helper {
    fn start(prober: &Prober) -> io::Result<Self> {
        let mut command = Command::new(&prober.program);
        command.args(&prober.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // Whatever else a driver prints is no line of ours.
            lines.filter_map(|line| serde_json::from_str(&line).ok()).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, lines })
    }

    fn ask(&mut self, device: &str) -> io::Result<()> {
        let mut input = self.child.stdin.take().ok_or_else(|| io::Error::other("it has no input"))?;
        writeln!(input, "{device}")
    }

    fn hear(&mut self, device: &str, limit: Duration) -> Result<Probe, ProbeError> {
        let device = device.to_owned();
        let mut doing = "being started".to_owned();
        let end = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Line::Doing(step)) => doing = step,
                Ok(Line::Found(probe)) => return Ok(*probe),
                Ok(Line::Refused(reason)) => return Err(ProbeError::Refused { device, reason }),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(ProbeError::Hung { device, doing, seconds: limit.as_secs() });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map_or_else(|error| error.to_string(), told);
                    return Err(ProbeError::Crashed { device, doing, status });
                }
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended, for people.
fn told(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code.cast_unsigned() == 0xC000_0005 => "it used memory that is not there".to_owned(),
        Some(code) => format!("exit code 0x{:x}", code.cast_unsigned()),
        None => status.to_string(),
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    /// Where there is no ASIO nothing is started, and the error says so.
    #[test]
    fn elsewhere_there_is_nothing_to_probe() {
        let prober = Prober::with_program("no-such-program".into(), Vec::new());
        assert_eq!(prober.probe("any"), Err(ProbeError::NotHere));
        assert_eq!(warning(), None);
    }
}
