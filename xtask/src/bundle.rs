//! Lays the bundled plugins out as each system's hosts expect them: CLAP files are a shared library by another name (on
//! macOS a bundle), VST3 files are folders everywhere. The layouts are those of the CLAP and VST3 specifications.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::{asks_for_help, setup, workspace};

const HELP: &str = "\
Builds the bundled plugins and lays them out for hosts, below the target directory in bundled/.

usage: cargo xtask bundle [--release] [--target TRIPLE]

  --release         optimised, as it is shipped
  --target TRIPLE   for another system, whose toolchain must be installed

examples:
  cargo xtask bundle --release
  cargo xtask bundle --release --target x86_64-pc-windows-gnu
";

/// The pack's name, as hosts show it.
const NAME: &str = "Crosspoint";
/// The library that cargo builds.
const LIBRARY: &str = "crosspoint_rack";
const IDENTIFIER: &str = "org.crosspoint.rack";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if asks_for_help(arguments, HELP) {
        return Ok(());
    }
    let (mut is_release, mut triple) = (false, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--release" => is_release = true,
            "--target" => triple = Some(arguments.next().ok_or("`--target` needs a triple after it")?.as_str()),
            other => return Err(format!("there is no option `{other}`; `cargo xtask bundle --help` lists them")),
        }
    }
    let system = match triple {
        None => System::here(),
        Some(triple) => System::of(triple),
    }?;
    setup::for_building()?;
    let built = build(is_release, triple, system)?;
    let place = workspace::target().join("bundled");
    let bundles = lay_out(&built, &place, system)?;
    for (bundle, folder) in bundles.iter().zip(system.folders()) {
        println!("{}", bundle.display());
        println!("  to install it, copy it into {folder}");
    }
    Ok(())
}

/// An operating system and an architecture, by the names that paths in bundles use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct System {
    os: Os,
    arch: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Os {
    Linux,
    Mac,
    Windows,
}

impl System {
    fn here() -> Result<Self, String> {
        Self::of(&format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS))
    }

    /// Reads it from a target triple.
    fn of(triple: &str) -> Result<Self, String> {
        let os = if triple.contains("windows") {
            Os::Windows
        } else if triple.contains("macos") || triple.contains("darwin") {
            Os::Mac
        } else if triple.contains("linux") {
            Os::Linux
        } else {
            return Err(format!("there is no layout of bundles for {triple}"));
        };
        let arch = match triple.split('-').next() {
            Some("x86_64") => "x86_64",
            Some("aarch64") if os == Os::Windows => "arm64",
            Some("aarch64") => "aarch64",
            _ => return Err(format!("there is no layout of bundles for {triple}")),
        };
        Ok(Self { os, arch })
    }

    /// The file that cargo makes.
    fn library(self) -> String {
        match self.os {
            Os::Linux => format!("lib{LIBRARY}.so"),
            Os::Mac => format!("lib{LIBRARY}.dylib"),
            Os::Windows => format!("{LIBRARY}.dll"),
        }
    }

    /// Where the library goes in the CLAP bundle.
    fn clap(self) -> String {
        match self.os {
            Os::Linux | Os::Windows => format!("{NAME}.clap"),
            Os::Mac => format!("{NAME}.clap/Contents/MacOS/{NAME}"),
        }
    }

    /// Where the library goes in the VST3 bundle.
    fn vst3(self) -> String {
        let arch = self.arch;
        match self.os {
            Os::Linux => format!("{NAME}.vst3/Contents/{arch}-linux/{NAME}.so"),
            Os::Mac => format!("{NAME}.vst3/Contents/MacOS/{NAME}"),
            Os::Windows => format!("{NAME}.vst3/Contents/{arch}-win/{NAME}.vst3"),
        }
    }

    /// Where hosts look for CLAP and for VST3 files.
    fn folders(self) -> [&'static str; 2] {
        match self.os {
            Os::Linux => ["~/.clap", "~/.vst3"],
            Os::Mac => ["~/Library/Audio/Plug-Ins/CLAP", "~/Library/Audio/Plug-Ins/VST3"],
            Os::Windows => [r"%COMMONPROGRAMFILES%\CLAP", r"%COMMONPROGRAMFILES%\VST3"],
        }
    }
}

/// Builds the library and returns its path.
fn build(is_release: bool, triple: Option<&str>, system: System) -> Result<PathBuf, String> {
    let mut call = Call::cargo(["build", "--package", "crosspoint-rack", "--lib"]);
    let mut folder = workspace::target();
    if let Some(triple) = triple {
        call = call.arguments(["--target", triple]);
        folder.push(triple);
    }
    if is_release {
        call = call.argument("--release");
    }
    call.run()?;
    Ok(folder.join(if is_release { "release" } else { "debug" }).join(system.library()))
}

/// Replaces both bundles in `place` and returns their paths, CLAP first.
fn lay_out(library: &Path, place: &Path, system: System) -> Result<[PathBuf; 2], String> {
    let bundle = |extension: &str, inner: String| {
        let bundle = place.join(format!("{NAME}.{extension}"));
        remove(&bundle)?;
        let file = place.join(inner);
        workspace::make(file.parent().unwrap_or(place))?;
        std::fs::copy(library, &file)
            .map_err(|error| format!("{} cannot be copied to {}: {error}", library.display(), file.display()))?;
        if system.os == Os::Mac {
            describe_for_macos(&bundle)?;
        }
        Ok::<_, String>(bundle)
    };
    Ok([bundle("clap", system.clap())?, bundle("vst3", system.vst3())?])
}

fn remove(bundle: &Path) -> Result<(), String> {
    let removed = if bundle.is_dir() { std::fs::remove_dir_all(bundle) } else { std::fs::remove_file(bundle) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} cannot be replaced: {error}", bundle.display()))
        }
        _ => Ok(()),
    }
}

/// Writes what makes a folder a bundle there, and signs it for this machine: an unsigned library does not load.
fn describe_for_macos(bundle: &Path) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    let entries = [
        ("CFBundleDevelopmentRegion", "English"),
        ("CFBundleExecutable", NAME),
        ("CFBundleIdentifier", IDENTIFIER),
        ("CFBundleInfoDictionaryVersion", "6.0"),
        ("CFBundleName", NAME),
        ("CFBundlePackageType", "BNDL"),
        ("CFBundleShortVersionString", version),
        ("CFBundleSignature", "????"),
        ("CFBundleVersion", version),
    ];
    let entries: String =
        entries.iter().map(|(key, value)| format!("    <key>{key}</key>\n    <string>{value}</string>\n")).collect();
    let information = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n{entries}</dict>\n</plist>\n"
    );
    for (file, text) in [("Info.plist", information.as_str()), ("PkgInfo", "BNDL????")] {
        let path = bundle.join("Contents").join(file);
        std::fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    if cfg!(target_os = "macos") {
        let bundle = bundle.to_string_lossy();
        Call::new("codesign").arguments(["--force", "--sign", "-"]).argument(bundle).run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths that the specifications give, for every system from any system.
    #[test]
    fn every_system_gets_its_layout() {
        for (triple, clap, vst3) in [
            ("x86_64-unknown-linux-gnu", "Crosspoint.clap", "Crosspoint.vst3/Contents/x86_64-linux/Crosspoint.so"),
            ("aarch64-unknown-linux-gnu", "Crosspoint.clap", "Crosspoint.vst3/Contents/aarch64-linux/Crosspoint.so"),
            ("x86_64-pc-windows-msvc", "Crosspoint.clap", "Crosspoint.vst3/Contents/x86_64-win/Crosspoint.vst3"),
            ("aarch64-pc-windows-msvc", "Crosspoint.clap", "Crosspoint.vst3/Contents/arm64-win/Crosspoint.vst3"),
            (
                "aarch64-apple-darwin",
                "Crosspoint.clap/Contents/MacOS/Crosspoint",
                "Crosspoint.vst3/Contents/MacOS/Crosspoint",
            ),
        ] {
            let system = System::of(triple).unwrap();
            assert_eq!((system.clap().as_str(), system.vst3().as_str()), (clap, vst3));
        }
        assert!(System::of("wasm32-unknown-unknown").is_err());
        assert!(System::here().is_ok());
    }

    /// A second layout replaces the first, whatever was there.
    #[test]
    #[cfg(not(target_os = "macos"))]
    fn bundles_are_complete_and_replaced() {
        let place = std::env::temp_dir().join(format!("crosspoint-bundle-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let library = place.join("library");
        std::fs::write(&library, "code").unwrap();
        for triple in ["x86_64-apple-darwin", "x86_64-unknown-linux-gnu", "x86_64-apple-darwin"] {
            let system = System::of(triple).unwrap();
            lay_out(&library, &place, system).unwrap();
            for file in [system.clap(), system.vst3()] {
                assert_eq!(std::fs::read_to_string(place.join(file)).unwrap(), "code");
            }
            assert_eq!(place.join("Crosspoint.vst3/Contents/Info.plist").exists(), system.os == Os::Mac);
        }
        let information = std::fs::read_to_string(place.join("Crosspoint.clap/Contents/Info.plist")).unwrap();
        assert!(information.contains("<key>CFBundleExecutable</key>\n    <string>Crosspoint</string>"));
        std::fs::remove_dir_all(&place).unwrap();
    }
}
