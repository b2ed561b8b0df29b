//! A JACK server of our own to test with.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::support::eventually;

/// libjack talks to one server at a time, so tests with a server take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A server that runs already.
pub struct RunningServer {
    pub name: String,
}

impl RunningServer {
    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool);
        command.args(arguments).env("JACK_DEFAULT_SERVER", &self.name).env("JACK_NO_START_SERVER", "1");
        command
    }

    /// Runs one of JACK's own tools on this server and returns what it prints.
    pub fn tool(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.command(tool, arguments).output().unwrap();
        assert!(output.status.success(), "{tool} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Connects two ports.
    pub fn connect(&self, source: &str, destination: &str) {
        self.tool("jack_connect", &[source, destination]);
    }

    /// What a port is connected to.
    pub fn connections(&self, port: &str) -> Vec<String> {
        let listing = self.tool("jack_lsp", &["-c"]);
        let after = listing.lines().skip_while(|line| *line != port).skip(1);
        after.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned()).collect()
    }
}

/// `jackd` with its dummy driver, 8 in, 8 out, at 48 kHz, synchronous. It ends with this value.
pub struct JackServer {
    running: RunningServer,
    child: Child,
    /// Frames of a period.
    period: u32,
    _turn: MutexGuard<'static, ()>,
}

impl JackServer {
    /// Starts it with 64 frames a period and waits until it answers. `None`, said loudly, if it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(64)
    }

    /// The same with so many frames a period.
    pub fn start_with(period: u32) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("jackd").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: there is no jackd here; install jackd2 to run this test");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("crosspoint-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let child = spawn(&name, period).unwrap();
        let server = Self { running: RunningServer { name }, child, period, _turn: turn };
        server.wait();
        Some(server)
    }

    fn wait(&self) {
        eventually(|| self.answers().then_some(()));
    }

    fn answers(&self) -> bool {
        self.command("jack_lsp", &[]).output().is_ok_and(|output| output.status.success())
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again under the same name.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.running.name, self.period).unwrap();
        self.wait();
    }
}

fn spawn(name: &str, period: u32) -> std::io::Result<Child> {
    let mut command = Command::new("jackd");
    command.args(["--no-realtime", "-S", "-n", name]);
    command.args(["-d", "dummy", "-r", "48000", "-p", &period.to_string(), "-C", "8", "-P", "8"]);
    command.env("JACK_NO_AUDIO_RESERVATION", "1").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}

impl std::ops::Deref for JackServer {
    type Target = RunningServer;

    fn deref(&self) -> &RunningServer {
        &self.running
    }
}

/// How long a server may take to start or to end; with a client that was killed it waits for that one, for six seconds.
const LONGEST: Duration = Duration::from_secs(20);

impl Drop for JackServer {
    /// Asked politely, it removes its shared memory and gives back its place in the registry of JACK's servers, which holds
    /// eight of them. One that crashed, or crashes now over clients that were killed, does not; but one of the same name takes
    /// its place, and has no clients.
    fn drop(&mut self) {
        for _ in 0..3 {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            let mut ended = None;
            within(LONGEST, || {
                ended = self.child.try_wait().ok().flatten();
                ended.is_some()
            });
            if ended.is_some_and(|status| status.success()) {
                return;
            }
            self.kill();
            let Ok(child) = spawn(&self.running.name, self.period) else { return };
            self.child = child;
            within(LONGEST, || self.answers());
        }
        self.kill();
    }
}

/// Asks again and again until it is so; whether it was in time. Without a panic, for one may be on its way.
fn within(longest: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !is_so() {
        if started.elapsed() > longest {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}
