//! Sets a machine up: finds what is missing and installs it where that is allowed, or says how. A machine that has
//! everything is left alone within milliseconds. It never asks for a password.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::call::Call;
use crate::packages::{FOR_WINDOWS, Family, Part, TO_BUILD, TO_TEST};

/// What building needs; an error says how to get what is missing.
pub fn for_building() -> Result<(), String> {
    all_of("to build", TO_BUILD)
}

/// What building for Windows and running what was built needs; an error says how to get what is missing.
pub fn for_windows() -> Result<(), String> {
    all_of("to build for Windows", FOR_WINDOWS)
}

fn all_of(purpose: &str, parts: &'static [Part]) -> Result<(), String> {
    let missing = missing(parts);
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = missing.iter().map(|part| part.what).collect::<Vec<_>>().join(", ");
    println!("==> setup: {purpose}, this machine lacks {wanted}");
    let Some(installer) = Installer::here() else {
        return Err(format!("install {wanted} with this system's package manager, then run this again"));
    };
    installer.install(&missing)?;
    match self::missing(parts).first() {
        None => Ok(()),
        Some(part) => Err(format!("{} is still missing after its package was installed", part.what)),
    }
}

/// What the tests need. What cannot be had is named, and is an error only if `strict`.
pub fn for_testing(strict: bool) -> Result<(), String> {
    for_components()?;
    if missing(TO_TEST).is_empty() {
        return Ok(());
    }
    let installer = Installer::here();
    let mut complaints = vec![];
    for part in TO_TEST {
        // An earlier part's package may have brought this one.
        if part.probe.is_there() {
            continue;
        }
        println!("==> setup: for the tests, this machine lacks {}", part.what);
        let attempt = match &installer {
            None => Err("install it with this system's package manager".to_owned()),
            Some(installer) => installer.install(&[part]),
        };
        match attempt {
            Ok(()) if part.probe.is_there() => {}
            Ok(()) => complaints.push(format!("{} is not there: this system's package does not bring it", part.what)),
            Err(reason) => complaints.push(format!("{} is not there: {reason}", part.what)),
        }
    }
    if strict && !complaints.is_empty() {
        return Err(format!("no test may be skipped here, but\n  {}", complaints.join("\n  ")));
    }
    for complaint in complaints {
        println!("SKIPPED: some tests: {complaint}");
    }
    Ok(())
}

/// The parts of Rust's toolchain that a minimal installation leaves out.
fn for_components() -> Result<(), String> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if Call::cargo([command, "--version"]).succeeds() {
            continue;
        }
        let add = Call::new("rustup").arguments(["component", "add", component]);
        println!("==> setup: {add}");
        add.run().map_err(|error| format!("{error}; install {component} for this toolchain"))?;
    }
    Ok(())
}

fn missing(parts: &'static [Part]) -> Vec<&'static Part> {
    // Windows and macOS bring what is needed.
    if !cfg!(target_os = "linux") {
        return vec![];
    }
    parts.iter().filter(|part| !part.probe.is_there()).collect()
}

/// The system's package manager.
struct Installer {
    family: Family,
    /// What stands before a command so that it runs as root, or none if that is not allowed without a question.
    rights: Option<&'static [&'static str]>,
}

/// Whether the list of packages was refreshed in this run.
static REFRESHED: AtomicBool = AtomicBool::new(false);

impl Installer {
    fn here() -> Option<Self> {
        let family = Family::of(&std::fs::read_to_string("/etc/os-release").ok()?)?;
        Some(Self { family, rights: rights() })
    }

    fn install(&self, parts: &[&Part]) -> Result<(), String> {
        let packages: Vec<_> = parts.iter().filter_map(|part| part.package(self.family)).collect();
        if packages.is_empty() {
            return Err("this system has no package for it".to_owned());
        }
        let calls: Vec<_> =
            self.family.refresh().into_iter().chain([self.family.install(packages.iter().copied())]).collect();
        let Some(rights) = self.rights else {
            let commands: Vec<_> = calls.iter().map(|call| format!("sudo {call}")).collect();
            return Err(format!("run\n    {}\nand then this again", commands.join(" && ")));
        };
        if self.family == Family::Debian && packages.iter().all(|package| is_installed_on_debian(package)) {
            return Err(format!("{} is installed but does not bring it", packages.join(" ")));
        }
        if let Some(refresh) = self.family.refresh()
            && !REFRESHED.swap(true, Ordering::Relaxed)
            && let Err(error) = with_rights(rights, &refresh)
        {
            // An old list often has what is needed; if not, installing fails and says so.
            println!("==> setup: {error}");
        }
        with_rights(rights, &self.family.install(packages))
    }
}

/// Root needs nothing; others need a sudo that asks for no password.
fn rights() -> Option<&'static [&'static str]> {
    let is_root = Call::new("id").argument("-u").output().is_ok_and(|(_, id)| id.trim() == "0");
    if is_root {
        Some(&[])
    } else if Call::new("sudo").arguments(["-n", "true"]).succeeds() {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

fn with_rights(rights: &[&str], call: &Call) -> Result<(), String> {
    let call = call.after(rights);
    println!("==> setup: {call}");
    call.run()
}

fn is_installed_on_debian(package: &str) -> bool {
    let query = Call::new("dpkg-query").arguments(["-W", "-f=${db:Status-Status}", package]);
    query.output().is_ok_and(|(ok, status)| ok && status.trim() == "installed")
}
