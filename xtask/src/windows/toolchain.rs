//! A Rust toolchain that builds for Windows, from Debian's packages: a compiler that Debian keeps current for its browsers,
//! unpacked and not installed, and the standard library built from the source that comes with it. Cached under the name of
//! its version, whole or not at all.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::workspace::{self, cache, make};

/// What is built for.
pub const TARGET: &str = "x86_64-pc-windows-gnu";

/// MinGW's linker, as Debian calls it.
const LINKER: &str = "x86_64-w64-mingw32-gcc-posix";

/// What a standard library is made of.
const LIBRARY: &str = "-Zbuild-std=std,panic_unwind,panic_abort,test,proc_macro";

/// A toolchain in its folder.
pub struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain of the compiler that the system offers now, made if it is not there yet.
    pub fn ready() -> Result<Self, String> {
        let version = candidate("rustc-web")?;
        let place = cache()?.join("windows");
        let folder = place.join(format!("rust-{version}"));
        if folder.exists() {
            return Ok(Self { folder });
        }
        println!("==> windows: making a toolchain of Rust {version} in {}", folder.display());
        let unfinished = place.join("rust-unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)
                .map_err(|error| format!("{} cannot be emptied: {error}", unfinished.display()))?;
        }
        make(&unfinished)?;
        let being_made = Self { folder: unfinished };
        being_made.unpack()?;
        being_made.build_library()?;
        std::fs::rename(&being_made.folder, &folder).map_err(|error| {
            format!("{} cannot be named {}: {error}", being_made.folder.display(), folder.display())
        })?;
        // The commands name their folder, which was another one until now.
        let made = Self { folder };
        made.write_commands()?;
        Ok(made)
    }

    /// Has a call of cargo use it.
    pub fn use_in(&self, call: Call) -> Call {
        call.variable("RUSTC", self.command("rustc").to_string_lossy())
            .variable("RUSTDOC", self.command("rustdoc").to_string_lossy())
            .variable("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER)
    }

    /// Checks the types of the whole workspace for a target of which nothing is here: the standard library's are checked on
    /// the way.
    pub fn check_types(&self, target: &str) -> Result<(), String> {
        let call = Call::cargo(["check", "--workspace", LIBRARY, "--target", target]);
        let call = call.variable("CARGO_TARGET_DIR", workspace::target().join("types").to_string_lossy());
        // Unlocks what builds the standard library. There is no C compiler for the target: blake3 is told to do without.
        self.use_in(call.variable("RUSTC_BOOTSTRAP", "1").variable("CARGO_FEATURE_PURE", "1")).run()
    }

    /// Has the compiler make a library for Windows of one file.
    pub fn library(&self, source: &Path, name: &str, folder: &Path) -> Result<(), String> {
        let linker = format!("linker={LINKER}");
        Call::new(self.command("rustc"))
            .arguments(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", name, "-C", "panic=abort", "-O"])
            .arguments(["--target", TARGET, "-C", &linker, "--out-dir"])
            .argument(folder.to_string_lossy())
            .argument(source.to_string_lossy())
            .run()
    }

    fn command(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn system(&self) -> PathBuf {
        self.folder.join("system")
    }

    /// Fetches the compiler, its libraries and the source of the standard library, and unpacks them.
    fn unpack(&self) -> Result<(), String> {
        let mut packages = vec!["rustc-web".to_owned(), "rust-web-src".to_owned()];
        let mut known = 0;
        // What the compiler is made of, and what that is made of, as far as it is not part of every system.
        while known < packages.len() {
            for needed in dependencies(&packages[known])? {
                if (needed.starts_with("libstd-rust-web") || needed.starts_with("libllvm"))
                    && !packages.contains(&needed)
                {
                    packages.push(needed);
                }
            }
            known += 1;
        }
        let archives = self.folder.join("archives");
        make(&archives)?;
        let packages = packages.iter().map(String::as_str);
        Call::new("apt-get").arguments(["download", "-qq"]).arguments(packages).folder(&archives).run()?;
        for archive in entries(&archives)? {
            let system = self.system();
            Call::new("dpkg")
                .argument("-x")
                .argument(archive.to_string_lossy())
                .argument(system.to_string_lossy())
                .run()?;
        }
        std::fs::remove_dir_all(&archives).map_err(|error| format!("{}: {error}", archives.display()))?;
        self.write_commands()
    }

    /// The compiler finds its own libraries only where its package would have put them.
    fn write_commands(&self) -> Result<(), String> {
        for name in ["rustc", "rustdoc"] {
            let system = self.system();
            let system = system.to_string_lossy();
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH='{system}/usr/lib/x86_64-linux-gnu' exec '{system}/usr/bin/{name}' \"$@\"\n"
            );
            let path = self.command(name);
            std::fs::write(&path, script).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            Call::new("chmod").argument("755").argument(path.to_string_lossy()).run()?;
        }
        Ok(())
    }

    /// Builds the standard library for Windows by building an empty crate with it, and puts it where the compiler looks.
    fn build_library(&self) -> Result<(), String> {
        let library = self.system().join("usr/lib/rustlib");
        let source = entries(&self.system().join("usr/src"))?;
        let source = source.first().ok_or("the package rust-web-src brings no source")?;
        let link = library.join("src/rust");
        // As the package has it, the link is right only in its own place.
        if !link.join("library").exists() {
            let place = source.to_string_lossy();
            Call::new("ln").arguments(["-sfn", &place]).argument(link.to_string_lossy()).run()?;
        }
        let empty = self.folder.join("empty");
        make(&empty.join("src"))?;
        let write = |file: &str, text: &str| {
            std::fs::write(empty.join(file), text).map_err(|error| format!("{}/{file}: {error}", empty.display()))
        };
        write("Cargo.toml", "[package]\nname = \"empty\"\nedition = \"2021\"\n\n[workspace]\n")?;
        write("src/lib.rs", "")?;
        let target = empty.join("target");
        let call = Call::cargo(["build", "--release", LIBRARY, "--target", TARGET]).folder(&empty);
        let call = call.variable("CARGO_TARGET_DIR", target.to_string_lossy()).variable("RUSTC_BOOTSTRAP", "1");
        self.use_in(call).run()?;
        let place = library.join(TARGET).join("lib");
        make(&place)?;
        for built in entries(&target.join(TARGET).join("release/deps"))? {
            let name = built.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".rlib") && !name.starts_with("libempty") {
                std::fs::copy(&built, place.join(&name))
                    .map_err(|error| format!("{name} cannot be copied: {error}"))?;
            }
        }
        std::fs::remove_dir_all(&empty).map_err(|error| format!("{}: {error}", empty.display()))
    }
}

/// The version of a package that the system would install.
fn candidate(package: &str) -> Result<String, String> {
    let (_, text) = Call::new("apt-cache").arguments(["policy", package]).variable("LC_ALL", "C").output()?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    version.filter(|version| *version != "(none)").map(str::to_owned).ok_or_else(|| {
        format!("this system has no package {package}; install Rust's target {TARGET} and Wine, and use cargo directly")
    })
}

/// Packages that a package depends on.
fn dependencies(package: &str) -> Result<Vec<String>, String> {
    let (_, text) = Call::new("apt-cache").arguments(["depends", package]).variable("LC_ALL", "C").output()?;
    Ok(text.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    Ok(entries)
}
