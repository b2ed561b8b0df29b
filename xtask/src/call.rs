//! A command that is run for the user: it shows itself as a line that can be pasted into a shell.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program, its arguments and what it finds in its environment. Its input is empty, so that nothing waits for an answer,
/// unless [`Call::with_input`] says otherwise.
#[derive(Clone, Debug)]
pub struct Call {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: Option<PathBuf>,
    has_input: bool,
}

impl Call {
    /// A program by its name or path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: vec![], environment: vec![], folder: None, has_input: false }
    }

    /// The cargo that runs this one.
    pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new("cargo").arguments(arguments).folder(super::workspace::root())
    }

    /// Adds one argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Sets a variable.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Lets it read what the user types.
    pub fn with_input(mut self) -> Self {
        self.has_input = true;
        self
    }

    /// The same command started by another one, such as `sudo`; the same if there is none.
    pub fn after(&self, words: &[&str]) -> Self {
        let Some((first, rest)) = words.split_first() else { return self.clone() };
        let mut call = Self { program: (*first).into(), ..self.clone() };
        let own = std::iter::once(self.program.to_string_lossy().into_owned()).chain(self.arguments.clone());
        call.arguments = rest.iter().map(|word| (*word).to_owned()).chain(own).collect();
        call
    }

    /// Runs it in a folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it with its output shown as it comes.
    pub fn run(&self) -> Result<(), String> {
        let status = self.command().status().map_err(|error| self.cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{self}` failed ({status})")) }
    }

    /// Runs it without a word and says whether it succeeded.
    pub fn succeeds(&self) -> bool {
        self.command().stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs it and returns whether it succeeded and what it printed on either stream, without showing it.
    pub fn output(&self) -> Result<(bool, String), String> {
        let output = self.command().output().map_err(|error| self.cannot_start(&error))?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }

    /// Runs it with both streams shown as they come, and returns what they said too.
    pub fn tee(&self) -> Result<(bool, String), String> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.cannot_start(&error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let text = std::thread::scope(|scope| {
            let errors = scope.spawn(|| stderr.map_or_else(String::new, |stream| pass_on(stream, std::io::stderr())));
            let mut text = stdout.map_or_else(String::new, |stream| pass_on(stream, std::io::stdout()));
            text.push_str(&errors.join().unwrap_or_default());
            text
        });
        let status = child.wait().map_err(|error| format!("`{self}` is lost: {error}"))?;
        Ok((status.success(), text))
    }

    /// Runs it with its output shown, and ends it if it takes longer than `limit`.
    pub fn run_within(&self, limit: Duration) -> Result<(), String> {
        let mut child = self.command().spawn().map_err(|error| self.cannot_start(&error))?;
        let started = Instant::now();
        loop {
            match child.try_wait().map_err(|error| format!("`{self}` is lost: {error}"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("`{self}` failed ({status})")),
                None if started.elapsed() > limit => {
                    // It may have ended by itself meanwhile, which is as good.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("`{self}` was still running after {} s", limit.as_secs()));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.executable());
        command.args(&self.arguments);
        if !self.has_input {
            command.stdin(Stdio::null());
        }
        // What cargo told this program about itself would make the cargo below build things again.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                .iter()
                .any(|own| name.to_string_lossy().starts_with(own))
            {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TARGET_DIR", super::workspace::target());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn executable(&self) -> PathBuf {
        match std::env::var_os("CARGO") {
            Some(cargo) if self.program == Path::new("cargo") => cargo.into(),
            _ => self.program.clone(),
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> String {
        format!("`{self}` cannot be started: {error}")
    }
}

/// As a line for a POSIX shell.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program.to_string_lossy()))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Copies lines as they come and returns them all.
fn pass_on(from: impl Read, mut to: impl Write) -> String {
    let mut from = BufReader::new(from);
    let (mut text, mut line) = (String::new(), vec![]);
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // Whoever reads our output may have gone; what the child says still counts.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        text.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown can be pasted: words that a shell would split or expand are quoted, plain ones are not.
    #[test]
    fn shows_itself_as_a_shell_line() {
        let call =
            Call::new("cargo").argument("test").argument("it's").argument("a b").variable("RUSTFLAGS", "--cfg loom");
        assert_eq!(call.to_string(), r"RUSTFLAGS='--cfg loom' cargo test 'it'\''s' 'a b'");
    }

    #[test]
    #[cfg(unix)]
    fn ends_what_takes_too_long() {
        let error = Call::new("sleep").argument("600").run_within(Duration::from_millis(10)).unwrap_err();
        assert!(error.contains("was still running"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_tee_keeps_both_streams_and_the_failure() {
        let (ok, text) = Call::new("sh").arguments(["-c", "echo one; echo two >&2; exit 3"]).tee().unwrap();
        assert!(!ok);
        assert_eq!(text, "one\ntwo\n");
    }
}
